//! `/admin/events/{id}/hosts` and `/admin/hosts`: who hosts an event, and what other hubs ask.

use askama::Template;

use super::super::pages::{self, Board, Frame, name_of};
use super::super::respond::Reply;
use super::super::text;
use super::super::words::fill;
use super::acts::path;
use super::page::{self, AdminFrame};
use super::{Errand, Fault};
use crate::command::ShownEvent;
use crate::command::audience::ShownAudience;
use crate::projection::HubRow;

/// A summary is cut to this many characters.
const MAX_SUMMARY_CHARS: usize = 300;

#[derive(Template)]
#[template(path = "admin/hosts.html")]
struct HostsPage {
    frame: Frame,
    office: AdminFrame,
    heading: String,
    action: String,
    back: String,
    hosts: Vec<Host>,
    /// Hubs that can be asked; empty where there is none, or the event is not ours to share.
    others: Vec<(String, String)>,
    /// This hub owns the event.
    ours: bool,
    /// Only this hub sees it.
    alone: bool,
}

/// A hub that hosts, or was asked to.
struct Host {
    slug: String,
    name: String,
    class: String,
    state: &'static str,
    /// Can be taken away by this hub.
    removable: bool,
    /// Is this hub, at another's event.
    us: bool,
}

#[derive(Template)]
#[template(path = "admin/invitations.html")]
struct InvitationsPage {
    frame: Frame,
    office: AdminFrame,
    action: String,
    invitations: Vec<Invitation>,
}

/// An event another hub asks this one to host.
struct Invitation {
    id: String,
    title: String,
    language: Option<String>,
    when: String,
    owner: String,
    summary: String,
    /// Its public page, if there is one.
    href: Option<String>,
}

/// `GET /admin/events/{id}/hosts`
pub(super) async fn show(errand: Errand) -> Result<Reply, Fault> {
    let shown = errand.commands().show_hosted_event(errand.visit.name.clone()).await?;
    page::make(errand, move |errand, board| {
        let row = &shown.listed.row;
        let title = text::isolate(&board.title(&row.event.title));
        let heading = fill(errand.words.hosts_heading, &[("title", &title)]);
        let (frame, office) = page::frame(errand, board, &heading, "/admin/events");
        let ours = board.house().is_some_and(|house| house.id == row.hub);
        // A draft is hosted by hubs that share it.
        let sees = |hub: &HubRow| match &shown.audience {
            ShownAudience::Group(slugs) => slugs.contains(&hub.slug),
            _ => !row.draft,
        };
        let others = board.active().filter(|hub| {
            ours && sees(hub) && !hub.own && !row.hosts.contains(&hub.id) && !row.invited.contains(&hub.id)
        });
        Ok(pages::html(&HostsPage {
            action: errand.visit.plain_link(&format!("{}/hosts", path(errand))),
            back: errand.visit.plain_link(&path(errand)),
            hosts: hosts(errand, board, &shown, ours),
            others: others.map(|hub| (hub.slug.clone(), name_of(hub))).collect(),
            ours,
            alone: shown.audience == ShownAudience::Local,
            frame,
            office,
            heading,
        })?)
    })
    .await
}

fn hosts(errand: &Errand, board: &Board<'_>, shown: &ShownEvent, ours: bool) -> Vec<Host> {
    let (row, words) = (&shown.listed.row, errand.words);
    let agreed = row.hosts.iter().map(|id| {
        (
            *id,
            if *id == row.hub {
                words.host_owner
            } else {
                words.host_agreed
            },
        )
    });
    let asked = row.invited.iter().map(|id| (*id, words.host_asked));
    let host = |(id, state)| {
        let tag = board.tag(id);
        let hub = board.hub(id);
        Host {
            slug: hub.map_or_else(|| id.to_string(), |hub| hub.slug.clone()),
            name: tag.name,
            class: tag.class,
            state,
            removable: ours && id != row.hub,
            us: !ours && hub.is_some_and(|hub| hub.own),
        }
    };
    agreed.chain(asked).map(host).collect()
}

/// `POST /admin/events/{id}/hosts`
pub(super) async fn change(errand: Errand) -> Result<Reply, Fault> {
    let (id, hub) = (errand.visit.name.clone(), errand.form.trimmed("hub").to_owned());
    let done = match errand.form.get("do") {
        "take-away" => {
            errand.commands().cohost_event(id, hub, true).await?;
            "taken_away"
        }
        "stop" => {
            errand.commands().answer_invitation(id, false).await?;
            return Ok(page::done(&errand.visit, "/admin/events", "declined"));
        }
        _ => {
            errand.commands().cohost_event(id, hub, false).await?;
            "asked"
        }
    };
    Ok(page::done(&errand.visit, &format!("{}/hosts", path(&errand)), done))
}

/// `GET /admin/hosts`
pub(super) async fn invitations(errand: Errand) -> Result<Reply, Fault> {
    let asked = errand.commands().invitations().await?;
    page::make(errand, move |errand, board| {
        let (frame, office) = page::frame(errand, board, errand.words.menu_hosts, "/admin/hosts");
        let invitation = |shown: &ShownEvent| {
            let (row, occurrence) = (&shown.listed.row, &shown.listed.occurrence);
            Invitation {
                id: row.thing.to_string(),
                title: board.title(&row.event.title).into_owned(),
                language: pages::language_tag(&row.event.language),
                when: board.reader.when(occurrence, &board.city(row)).full,
                owner: board.tag(row.hub).name,
                summary: text::one_line(&row.event.summary, MAX_SUMMARY_CHARS),
                href: (!row.draft).then(|| errand.visit.plain_link(&format!("/events/{}", row.thing))),
            }
        };
        Ok(pages::html(&InvitationsPage {
            action: errand.visit.plain_link("/admin/hosts"),
            invitations: asked.iter().map(invitation).collect(),
            frame,
            office,
        })?)
    })
    .await
}

/// `POST /admin/hosts`
pub(super) async fn answer(errand: Errand) -> Result<Reply, Fault> {
    let accept = errand.form.get("do") == "accept";
    let id = errand.form.trimmed("id").to_owned();
    errand.commands().answer_invitation(id, accept).await?;
    Ok(page::done(
        &errand.visit,
        "/admin/hosts",
        if accept { "accepted" } else { "declined" },
    ))
}
