//! Erasing a member for good, on a page that says first what will happen, and which hubs have done it.

use askama::Template;

use super::super::pages::{self, Board, Frame};
use super::super::params::encode;
use super::super::respond::Reply;
use super::super::text;
use super::super::words::fill;
use super::acts::ConfirmPage;
use super::member_form::moment;
use super::members::{PATH, hub_name, shown_name};
use super::page::{self, AdminFrame};
use super::words::members::MemberWords;
use super::{Errand, Fault};
use crate::command::CommandError;
use crate::command::member::{ErasureState, HubErasure};

#[derive(Template)]
#[template(path = "admin/receipts.html")]
struct ReceiptsPage {
    frame: Frame,
    office: AdminFrame,
    say: &'static MemberWords,
    lead: String,
    hubs: Vec<HubLine>,
    report: String,
    back: String,
    back_label: &'static str,
}

/// One hub that may have held the card.
pub(super) struct HubLine {
    pub(super) name: String,
    pub(super) state: &'static str,
    /// It is not done.
    pub(super) open: bool,
    pub(super) since: String,
    pub(super) backups: String,
}

/// How far each hub is.
pub(super) fn hub_lines(say: &'static MemberWords, board: &Board<'_>, hubs: &[HubErasure]) -> Vec<HubLine> {
    let time = |at_ms: Option<i64>| at_ms.map_or_else(|| "–".to_owned(), |at_ms| moment(board, at_ms));
    let line = |hub: &HubErasure| HubLine {
        name: hub_name(board, &hub.slug),
        state: say.state(hub.state),
        open: hub.state != ErasureState::Erased,
        since: time(hub.at_ms),
        backups: time(hub.backups_until_ms),
    };
    hubs.iter().map(line).collect()
}

/// `GET /admin/members/{id}/erase`
pub(super) async fn ask_erase(errand: Errand) -> Result<Reply, Fault> {
    let shown = errand.commands().show_member(errand.visit.name.clone()).await?;
    if !shown.own {
        return Err(CommandError::refused(format!(
            "this member belongs to {}; only that hub can erase them",
            shown.hub
        ))
        .into());
    }
    page::make(errand, move |errand, board| {
        let say = &errand.words.members;
        let name = text::isolate(&shown_name(&shown.member.name));
        let heading = fill(say.erase_heading, &[("name", &name)]);
        let (frame, office) = page::frame(errand, board, &heading, PATH);
        Ok(pages::html(&ConfirmPage {
            frame,
            office,
            heading,
            lead: say.erase_lead,
            more: if shown.has_card { say.erase_card } else { "" },
            action: errand.visit.plain_link(&format!("{}/erase", path(errand))),
            button: say.erase_button,
            back: errand.visit.plain_link(&path(errand)),
        })?)
    })
    .await
}

/// `POST /admin/members/{id}/erase`
pub(super) async fn erase(errand: Errand) -> Result<Reply, Fault> {
    let erased = errand.commands().erase_member(errand.visit.name.clone()).await?;
    // Other hubs answer one after the other.
    let next = if erased.card {
        format!("{}/receipts", path(&errand))
    } else {
        PATH.to_owned()
    };
    Ok(page::done(&errand.visit, &next, "member_erased"))
}

/// `GET /admin/members/{id}/receipts`
pub(super) async fn receipts(errand: Errand) -> Result<Reply, Fault> {
    let id = errand.visit.name.clone();
    let found = errand.commands().member_receipts(id.clone()).await?;
    let is_there = errand.commands().show_member(id).await.is_ok();
    page::make(errand, move |errand, board| {
        let say = &errand.words.members;
        let (frame, office) = page::frame(errand, board, say.receipts_heading, PATH);
        let (back, back_label) = if is_there {
            (path(errand), say.back_to_member)
        } else {
            (PATH.to_owned(), say.back_to_list)
        };
        Ok(pages::html(&ReceiptsPage {
            lead: fill(say.receipts_lead, &[("time", &moment(board, found.requested_ms))]),
            hubs: hub_lines(say, board, &found.hubs),
            report: errand.visit.plain_link(&format!("{}/receipts.json", path(errand))),
            back: errand.visit.plain_link(&back),
            back_label,
            frame,
            office,
            say,
        })?)
    })
    .await
}

/// `GET /admin/members/{id}/receipts.json`
pub(super) async fn report(errand: Errand) -> Result<Reply, Fault> {
    let found = errand.commands().member_receipts(errand.visit.name.clone()).await?;
    Ok(Reply::new("application/json", found.report).file_name(format!("erasure-{}.json", found.thing)))
}

/// The form of the member in the path.
fn path(errand: &Errand) -> String {
    format!("{PATH}/{}", encode(&errand.visit.name))
}
