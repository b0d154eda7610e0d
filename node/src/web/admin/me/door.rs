//! Before a member's page: asking for a link, and opening the page with one.
//!
//! A link is shown a page with a button, and only the button uses it up: programs that look at every link in a mail do not.

use askama::Template;
use axum::http::{StatusCode, header};

use super::super::super::answer::Problem;
use super::super::super::assets::ASSETS;
use super::super::super::pages::{self, Board, Frame};
use super::super::super::params::{Params, encode};
use super::super::super::respond::Reply;
use super::super::super::words::fill;
use super::super::gate::Failures;
use super::super::words::me::MeWords;
use super::super::{Call, Fault, gate};
use super::{Guest, PATH};
use crate::command::Class;
use crate::command::own_page::OPEN_PATH;

/// The parameter that says that a link was asked for.
const SENT: &str = "sent";
/// Longest mail address (RFC 5321, 4.5.3.1).
const MAX_ADDRESS: usize = 254;

#[derive(Template)]
#[template(path = "admin/me-door.html")]
struct DoorPage {
    frame: Frame,
    say: &'static MeWords,
    heading: &'static str,
    lead: &'static str,
    notice: Option<Notice>,
    /// Where an address is sent to be mailed a link; `None`: no mail is sent.
    ask: Option<String>,
    /// Where the button leads that opens the page; `None`: there is no link.
    open: Option<String>,
    /// What was typed, if it is no address.
    typed: Option<String>,
    css: &'static str,
}

/// Something said above the page.
struct Notice {
    text: String,
    bad: bool,
}

/// What is shown in place of a member's page to whoever is not on one. `closed`: they sent a form, of a page that was closed meanwhile.
pub(super) async fn page(call: Call, closed: bool) -> Result<Reply, Fault> {
    let say = &call.words.me;
    let notice = if closed {
        Some((say.closed, true))
    } else if call.visit.params().get(SENT).is_some() {
        Some((say.door_sent, false))
    } else {
        None
    };
    let status = if closed {
        StatusCode::UNAUTHORIZED
    } else {
        StatusCode::OK
    };
    let notice = notice.map(|(text, bad)| Notice {
        text: text.to_owned(),
        bad,
    });
    door(call, status, notice, None).await
}

/// `POST /me/link`
pub(super) async fn ask(call: Call) -> Result<Reply, Fault> {
    if !call.way.private {
        return Err(Fault::Unsafe);
    }
    // A proxy that does not say who asks looks the same for all.
    if let Some(wait_s) = wait(&call, &call.office.asked_links).filter(|_| call.way.known) {
        return late(call, wait_s).await;
    }
    let address = call.form.trimmed("mail").to_owned();
    if !address.contains('@') || address.chars().count() > MAX_ADDRESS {
        let notice = Notice {
            text: call.words.me.door_no_address.to_owned(),
            bad: true,
        };
        return wrong_address(call, notice, address).await;
    }
    // Every try counts, also with an address that is there: who is a member is nobody's to find out.
    call.office.asked_links.note(call.way.reader(), call.site().now_ms());
    call.commands().mail_member_link(address, call.visit.words.tag)?;
    let to = call.visit.link(PATH, &Params::default().with(SENT, "1"));
    Ok(Reply::see_other(&to))
}

/// `GET /me/open/{link}`
pub(super) async fn show_link(call: Call) -> Result<Reply, Fault> {
    if !call.way.private {
        return Err(Fault::Unsafe);
    }
    if !call.commands().is_good_link(call.visit.name.clone()).await? {
        return bad_link(call).await;
    }
    let open = call
        .visit
        .plain_link(&format!("{OPEN_PATH}{}", encode(&call.visit.name)));
    door(call, StatusCode::OK, None, Some(open)).await
}

/// `POST /me/open/{link}`
pub(super) async fn open(call: Call) -> Result<Reply, Fault> {
    if !call.way.private {
        return Err(Fault::Unsafe);
    }
    let (secret, who) = match call.commands().open_own_page(call.visit.name.clone()).await {
        Ok(opened) => opened,
        Err(refused) if refused.class == Class::Refused => return bad_link(call).await,
        Err(failed) => return Err(failed.into()),
    };
    tracing::info!(member = %who.member, "a member opened their page");
    let cookie = gate::set_member_cookie(&secret, call.way, call.hub());
    Ok(Reply::see_other(&call.visit.plain_link(PATH)).header(header::SET_COOKIE, &cookie))
}

/// `POST /me/leave`
pub(super) async fn leave(guest: Guest) -> Result<Reply, Fault> {
    let cookie = gate::drop_member_cookie(guest.way, guest.hub());
    let reply = Reply::see_other(&guest.visit.plain_link(PATH));
    guest.commands().leave_own_page(guest.who.clone()).await?;
    Ok(reply.header(header::SET_COOKIE, &cookie))
}

/// Whoever has a good link is let in however many wrong ones come from the same house.
async fn bad_link(call: Call) -> Result<Reply, Fault> {
    if let Some(wait_s) = wait(&call, &call.office.wrong_links) {
        return late(call, wait_s).await;
    }
    call.office.wrong_links.note(call.way.reader(), call.site().now_ms());
    let notice = Notice {
        text: call.words.me.link_bad.to_owned(),
        bad: true,
    };
    door(call, StatusCode::FORBIDDEN, Some(notice), None).await
}

/// How many seconds somebody who tried too often has to wait, if they have to.
fn wait(call: &Call, tries: &Failures) -> Option<i64> {
    let wait_s = tries.wait_s(call.way.reader(), call.site().now_ms());
    (wait_s > 0).then_some(wait_s)
}

async fn late(call: Call, wait_s: i64) -> Result<Reply, Fault> {
    let minutes = ((wait_s + 59) / 60).to_string();
    let notice = Notice {
        text: fill(call.words.me.door_wait, &[("minutes", &minutes)]),
        bad: true,
    };
    let reply = door(call, StatusCode::TOO_MANY_REQUESTS, Some(notice), None).await?;
    Ok(reply.header(header::RETRY_AFTER, &wait_s.to_string()))
}

async fn door(call: Call, status: StatusCode, notice: Option<Notice>, open: Option<String>) -> Result<Reply, Fault> {
    door_page(call, status, notice, open, None).await
}

async fn wrong_address(call: Call, notice: Notice, typed: String) -> Result<Reply, Fault> {
    door_page(call, StatusCode::UNPROCESSABLE_ENTITY, Some(notice), None, Some(typed)).await
}

async fn door_page(
    call: Call,
    status: StatusCode,
    notice: Option<Notice>,
    open: Option<String>,
    typed: Option<String>,
) -> Result<Reply, Fault> {
    let tasks = call.site().state.tasks.clone();
    let made = tasks.blocking("web page", move || {
        let board = Board::of_house(call.site(), &call.visit).unwrap_or_else(|_| Board::bare(call.site(), &call.visit));
        let say = &call.words.me;
        let mut frame = board.frame(say.open_heading, "", PATH, &Params::default());
        (frame.hidden, frame.canonical) = (true, None);
        let sends = call.commands().sends_mail();
        let lead = match (&open, sends) {
            (Some(_), _) => say.open_lead,
            (None, true) => say.door_lead,
            (None, false) => say.door_no_mail,
        };
        pages::html(&DoorPage {
            frame,
            say,
            heading: say.open_heading,
            lead,
            notice,
            ask: (sends && open.is_none()).then(|| call.visit.plain_link("/me/link")),
            open,
            typed,
            css: &ASSETS.office.path,
        })
    });
    let reply = made.await.map_err(|error| Problem::Broken(error.to_string()))??;
    Ok(reply.status(status))
}
