//! Taking everything back from other hubs, erasing everything, and what became of that.

use askama::Template;
use interhub_domain::member::{Audience, Field};

use super::super::super::pages::{self, Board, Frame};
use super::super::super::respond::Reply;
use super::super::super::text;
use super::super::super::words::fill;
use super::super::Fault;
use super::super::member_acts::{HubLine, hub_lines};
use super::super::member_form::moment;
use super::super::words::members::MemberWords;
use super::{Guest, MeFrame, PATH, done, frame, house, make};
use crate::command::Class;
use crate::command::member::MemberFields;

#[derive(Template)]
#[template(path = "admin/me-confirm.html")]
struct ConfirmPage {
    frame: Frame,
    me: MeFrame,
    heading: &'static str,
    lead: String,
    action: String,
    button: &'static str,
    back: String,
}

#[derive(Template)]
#[template(path = "admin/me-receipts.html")]
struct ReceiptsPage {
    frame: Frame,
    me: MeFrame,
    say: &'static MemberWords,
    heading: &'static str,
    lead: String,
    hubs: Vec<HubLine>,
    report: Option<String>,
    /// `None` once there is no page any more.
    back: Option<String>,
}

/// `GET /me/withdraw`
pub(super) async fn ask_withdraw(guest: Guest) -> Result<Reply, Fault> {
    guest.commands().show_member(guest.id()).await?;
    make(guest, |guest, board| {
        let say = guest.say();
        confirm(
            guest,
            board,
            say.withdraw_heading,
            say.withdraw_lead,
            "/me/withdraw",
            say.withdraw_button,
        )
    })
    .await
}

/// `POST /me/withdraw`
pub(super) async fn withdraw(guest: Guest) -> Result<Reply, Fault> {
    let record = guest.commands().show_member(guest.id()).await?.member;
    let wide = Field::ALL
        .into_iter()
        .filter(|field| record.chosen(*field).leaves_the_hub());
    let fields = MemberFields {
        withdraws_consent: true,
        // What was chosen for beyond the hub would wait for the next consent.
        audiences: wide.map(|field| (field, Audience::Hub)).collect(),
        ..MemberFields::default()
    };
    guest.commands().edit_member(guest.id(), fields, String::new()).await?;
    Ok(done(&guest, PATH, "saved"))
}

/// `GET /me/erase`
pub(super) async fn ask_erase(guest: Guest) -> Result<Reply, Fault> {
    guest.commands().show_member(guest.id()).await?;
    make(guest, |guest, board| {
        let say = guest.say();
        confirm(
            guest,
            board,
            say.erase_heading,
            say.erase_lead,
            "/me/erase",
            say.erase_button,
        )
    })
    .await
}

/// `POST /me/erase`
pub(super) async fn erase(guest: Guest) -> Result<Reply, Fault> {
    guest.commands().erase_from_own_page(guest.who.clone()).await?;
    Ok(Reply::see_other(&guest.visit.plain_link("/me/receipts")))
}

/// `GET /me/receipts`, and the page of a member who was erased.
pub(super) async fn receipts(guest: Guest) -> Result<Reply, Fault> {
    let found = match guest.commands().member_receipts(guest.id()).await {
        Ok(found) => Some(found),
        Err(none) if none.class == Class::NotFound => None,
        Err(failed) => return Err(failed.into()),
    };
    let is_there = guest.commands().show_member(guest.id()).await.is_ok();
    make(guest, move |guest, board| {
        let own = guest.say();
        let heading = if is_there {
            own.receipts_heading
        } else {
            own.erased_heading
        };
        let (frame, mut me) = frame(guest, board, heading);
        me.find = me.find.filter(|_| is_there);
        let hub = text::isolate(&house(guest, board));
        let lead = match (&found, is_there) {
            (Some(found), true) => fill(own.receipts_lead, &[("time", &moment(board, found.requested_ms))]),
            (Some(found), false) => fill(
                own.erased_lead,
                &[("hub", &hub), ("time", &moment(board, found.requested_ms))],
            ),
            (None, true) => own.receipts_none.to_owned(),
            (None, false) => fill(own.erased_here, &[("hub", &hub)]),
        };
        let say = &guest.words.members;
        Ok(pages::html(&ReceiptsPage {
            heading,
            lead,
            hubs: found
                .as_ref()
                .map(|found| hub_lines(say, board, &found.hubs))
                .unwrap_or_default(),
            report: found.as_ref().map(|_| guest.visit.plain_link("/me/receipts.json")),
            back: is_there.then(|| guest.visit.plain_link(PATH)),
            frame,
            me,
            say,
        })?)
    })
    .await
}

/// `GET /me/receipts.json`
pub(super) async fn report(guest: Guest) -> Result<Reply, Fault> {
    let found = guest.commands().member_receipts(guest.id()).await?;
    Ok(Reply::new("application/json", found.report).file_name("my-erasure.json".to_owned()))
}

fn confirm(
    guest: &Guest,
    board: &Board<'_>,
    heading: &'static str,
    lead: &'static str,
    action: &str,
    button: &'static str,
) -> Result<Reply, Fault> {
    let (frame, me) = frame(guest, board, heading);
    let hub = text::isolate(&house(guest, board));
    Ok(pages::html(&ConfirmPage {
        heading,
        lead: fill(lead, &[("hub", &hub)]),
        action: guest.visit.plain_link(action),
        button,
        back: guest.visit.plain_link(PATH),
        frame,
        me,
    })?)
}
