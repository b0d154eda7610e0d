//! A link to a member's own page: made to be handed over, or mailed.

use askama::Template;

use super::super::pages::{self, Frame};
use super::super::params::encode;
use super::super::respond::Reply;
use super::super::text;
use super::super::words::fill;
use super::acts::ConfirmPage;
use super::member_form::moment;
use super::members::{PATH, shown_name};
use super::page::{self, AdminFrame};
use super::words::members::MemberWords;
use super::{Errand, Fault};
use crate::command::CommandError;

#[derive(Template)]
#[template(path = "admin/member-link.html")]
struct LinkPage {
    frame: Frame,
    office: AdminFrame,
    say: &'static MemberWords,
    heading: String,
    lead: String,
    /// The link, just made; it is shown once.
    url: Option<String>,
    action: String,
    /// What the button says that mails it, if it can be mailed.
    mail: Option<String>,
    back: String,
}

/// `GET /admin/members/{id}/link`
pub(super) async fn ask(errand: Errand) -> Result<Reply, Fault> {
    show(errand, None).await
}

/// `POST /admin/members/{id}/link`
pub(super) async fn make(errand: Errand) -> Result<Reply, Fault> {
    let by_mail = errand.form.get("do") == "mail";
    let made = errand
        .commands()
        .member_link(errand.visit.name.clone(), None, by_mail)
        .await?;
    if made.mailed {
        let back = format!("{PATH}/{}", encode(&errand.visit.name));
        return Ok(page::done(&errand.visit, &back, "link_mailed"));
    }
    show(errand, Some((made.url, made.expires_ms))).await
}

/// `GET /admin/members/invite`
pub(super) async fn ask_invite(errand: Errand) -> Result<Reply, Fault> {
    page::make(errand, move |errand, board| {
        let say = &errand.words.members;
        let (frame, office) = page::frame(errand, board, say.invite_heading, PATH);
        Ok(pages::html(&ConfirmPage {
            frame,
            office,
            heading: say.invite_heading.to_owned(),
            lead: say.invite_lead,
            more: "",
            action: errand.visit.plain_link("/admin/members/invite"),
            button: say.invite_button,
            back: errand.visit.plain_link(PATH),
        })?)
    })
    .await
}

/// `POST /admin/members/invite`
pub(super) async fn invite(errand: Errand) -> Result<Reply, Fault> {
    errand.commands().invite_members().await?;
    Ok(page::done(&errand.visit, PATH, "invited"))
}

async fn show(errand: Errand, made: Option<(String, i64)>) -> Result<Reply, Fault> {
    let shown = errand.commands().show_member(errand.visit.name.clone()).await?;
    if !shown.own {
        return Err(CommandError::refused(format!(
            "this member belongs to {}; only that hub makes a link to their page",
            shown.hub
        ))
        .into());
    }
    page::make(errand, move |errand, board| {
        let say = &errand.words.members;
        let name = text::isolate(&shown_name(&shown.member.name));
        let heading = fill(say.link_heading, &[("name", &name)]);
        let (frame, office) = page::frame(errand, board, &heading, PATH);
        let back = format!("{PATH}/{}", shown.thing);
        let lead = match &made {
            Some((_, expires_ms)) => fill(say.link_made, &[("time", &moment(board, *expires_ms))]),
            None => say.link_lead.to_owned(),
        };
        let address = &shown.member.local.mail;
        let can_be_mailed = errand.commands().sends_mail() && !address.is_empty();
        Ok(pages::html(&LinkPage {
            heading,
            lead,
            url: made.map(|(url, _)| url),
            action: errand.visit.plain_link(&format!("{back}/link")),
            mail: can_be_mailed.then(|| fill(say.link_mail, &[("address", &text::isolate(address))])),
            back: errand.visit.plain_link(&back),
            frame,
            office,
            say,
        })?)
    })
    .await
}
