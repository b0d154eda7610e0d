//! What is done to an event as a whole, each on a page that says first what will happen: cancelling it, taking that back, and
//! undoing the last change.

use askama::Template;
use interhub_domain::event::Status;

use super::super::pages::{self, Frame};
use super::super::params::encode;
use super::super::respond::Reply;
use super::super::text;
use super::super::words::fill;
use super::page::{self, AdminFrame};
use super::{Errand, Fault};

/// A value is cut to this many characters.
pub(super) const MAX_VALUE_CHARS: usize = 400;

#[derive(Template)]
#[template(path = "admin/confirm.html")]
pub(super) struct ConfirmPage {
    pub(super) frame: Frame,
    pub(super) office: AdminFrame,
    pub(super) heading: String,
    pub(super) lead: &'static str,
    /// A further sentence; may be empty.
    pub(super) more: &'static str,
    pub(super) action: String,
    pub(super) button: &'static str,
    pub(super) back: String,
}

#[derive(Template)]
#[template(path = "admin/undo.html")]
struct UndoPage {
    frame: Frame,
    office: AdminFrame,
    heading: String,
    changes: Vec<Change>,
    action: String,
    back: String,
}

/// One field that undoing changes.
struct Change {
    field: String,
    now: String,
    then: String,
}

/// `GET /admin/events/{id}/cancel`: asks, in either direction.
pub(super) async fn ask_cancel(errand: Errand) -> Result<Reply, Fault> {
    let shown = errand.commands().show_hosted_event(errand.visit.name.clone()).await?;
    page::make(errand, move |errand, board| {
        let (words, event) = (errand.words, &shown.listed.row.event);
        let title = text::isolate(&board.title(&event.title));
        let cancelled = event.status == Status::Cancelled || event.postponed;
        let pattern = if cancelled {
            words.reinstate_heading
        } else {
            words.cancel_heading
        };
        let heading = fill(pattern, &[("title", &title)]);
        let (frame, office) = page::frame(errand, board, &heading, "/admin/events");
        let back = errand
            .visit
            .plain_link(&format!("/admin/events/{}", shown.listed.row.thing));
        Ok(pages::html(&ConfirmPage {
            frame,
            office,
            heading,
            lead: if cancelled {
                words.reinstate_lead
            } else {
                words.cancel_lead
            },
            more: if !cancelled && event.schedule.is_series() {
                words.cancel_dates
            } else {
                ""
            },
            action: format!("{}{}", path(errand), if cancelled { "/reinstate" } else { "/cancel" }),
            button: if cancelled { words.reinstate } else { words.cancel },
            back,
        })?)
    })
    .await
}

/// `GET /admin/events/{id}/postpone`
pub(super) async fn ask_postpone(errand: Errand) -> Result<Reply, Fault> {
    let shown = errand.commands().show_hosted_event(errand.visit.name.clone()).await?;
    page::make(errand, move |errand, board| {
        let words = errand.words;
        let title = text::isolate(&board.title(&shown.listed.row.event.title));
        let heading = fill(words.postpone_heading, &[("title", &title)]);
        let (frame, office) = page::frame(errand, board, &heading, "/admin/events");
        Ok(pages::html(&ConfirmPage {
            frame,
            office,
            heading,
            lead: words.postpone_lead,
            more: words.postpone_more,
            action: format!("{}/postpone", path(errand)),
            button: words.postpone,
            back: errand.visit.plain_link(&path(errand)),
        })?)
    })
    .await
}

/// `POST /admin/events/{id}/postpone`
pub(super) async fn postpone(errand: Errand) -> Result<Reply, Fault> {
    errand.commands().postpone_event(errand.visit.name.clone()).await?;
    Ok(page::done(&errand.visit, &path(&errand), "postponed"))
}

/// `POST /admin/events/{id}/cancel`
pub(super) async fn cancel(errand: Errand) -> Result<Reply, Fault> {
    errand.commands().cancel_event(errand.visit.name.clone(), None).await?;
    Ok(page::done(&errand.visit, &path(&errand), "cancelled"))
}

/// `POST /admin/events/{id}/reinstate`
pub(super) async fn reinstate(errand: Errand) -> Result<Reply, Fault> {
    errand
        .commands()
        .reinstate_event(errand.visit.name.clone(), None)
        .await?;
    Ok(page::done(&errand.visit, &path(&errand), "reinstated"))
}

/// `GET /admin/events/{id}/undo`
pub(super) async fn ask_undo(errand: Errand) -> Result<Reply, Fault> {
    let (shown, changes) = errand.commands().undo_plan(errand.visit.name.clone()).await?;
    page::make(errand, move |errand, board| {
        let title = text::isolate(&board.title(&shown.listed.row.event.title));
        let heading = fill(errand.words.undo_heading, &[("title", &title)]);
        let (frame, office) = page::frame(errand, board, &heading, "/admin/events");
        let change = |one: crate::command::undo::Undone| Change {
            field: errand.words.field(&one.field),
            now: text::one_line(&one.now, MAX_VALUE_CHARS),
            then: text::one_line(&one.then, MAX_VALUE_CHARS),
        };
        Ok(pages::html(&UndoPage {
            frame,
            office,
            heading,
            changes: changes.into_iter().map(change).collect(),
            action: format!("{}/undo", path(errand)),
            back: errand.visit.plain_link(&path(errand)),
        })?)
    })
    .await
}

/// `POST /admin/events/{id}/undo`
pub(super) async fn undo(errand: Errand) -> Result<Reply, Fault> {
    errand.commands().undo_event(errand.visit.name.clone()).await?;
    Ok(page::done(&errand.visit, &path(&errand), "undone"))
}

/// The form of the event in the path.
pub(super) fn path(errand: &Errand) -> String {
    format!("/admin/events/{}", encode(&errand.visit.name))
}
