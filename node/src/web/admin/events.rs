//! `/admin/events`: this hub's events and those it hosts with others, each once, drafts included.

use std::collections::BTreeSet;

use askama::Template;
use interhub_domain::event::Status;
use interhub_domain::query::{EventQuery, MAX_LIMIT, QueryParseError};

use super::super::answer::Problem;
use super::super::pages::{self, Board, Frame, Shown, name_of};
use super::super::params::Params;
use super::super::respond::Reply;
use super::page::{self, AdminFrame};
use super::{Errand, Fault};
use crate::command::ShownEvent;
use crate::command::audience::ShownAudience;
use crate::command::event::ShownPage;

/// Events of one page.
const PAGE_EVENTS: usize = 50;
/// Pages of occurrences that are looked at for one page of events: a daily series alone fills several.
const MAX_LOOKS: usize = 5;
/// The parameter that chooses what is listed.
const VIEW: &str = "view";
/// A year, in milliseconds: how far back past events are listed.
const YEAR_MS: i64 = 366 * 86_400_000;

#[derive(Template)]
#[template(path = "admin/events.html")]
struct EventsPage {
    frame: Frame,
    office: AdminFrame,
    new: String,
    views: Vec<View>,
    view: &'static str,
    q: String,
    ui: Option<&'static str>,
    action: &'static str,
    entries: Vec<Entry>,
    next: Option<String>,
}

/// One way to look at the events.
struct View {
    href: String,
    label: &'static str,
    current: bool,
}

/// One event.
struct Entry {
    href: String,
    title: String,
    language: Option<String>,
    when: String,
    series: bool,
    /// Words about its state: draft, cancelled, conflict.
    marks: Vec<Mark>,
    /// Hubs it is hosted with.
    with: Vec<String>,
}

struct Mark {
    text: &'static str,
    /// Something is to be done, or off.
    strong: bool,
}

/// `GET /admin/events`
pub(super) async fn list(errand: Errand) -> Result<Reply, Fault> {
    let params = errand.visit.params();
    let now_ms = errand.site().now_ms();
    let past = match params.get(VIEW) {
        None => false,
        Some("past") => true,
        Some(_) => {
            let wrong = QueryParseError {
                parameter: VIEW,
                reason: "it is `past`, or left out".to_owned(),
            };
            return Err(Problem::Parameter(wrong).into());
        }
    };
    let mut query = EventQuery {
        hub: Some(errand.commands().ledger.own().slug.clone()),
        text: params.get("q").map(str::to_owned),
        network: true,
        drafts: true,
        limit: Some(MAX_LIMIT),
        cursor: params.get("cursor").map(str::to_owned),
        ..EventQuery::default()
    };
    if past {
        (query.from_ms, query.to_ms) = (Some(now_ms - YEAR_MS), Some(now_ms));
    }
    let (mut seen, mut listed, mut next) = (BTreeSet::new(), Vec::new(), None);
    for _ in 0..MAX_LOOKS {
        let ShownPage { events, next: further } = errand.commands().list_events(query.clone()).await?;
        for event in events {
            if seen.insert(event.listed.row.thing) {
                listed.push(event);
            }
        }
        next.clone_from(&further);
        if listed.len() >= PAGE_EVENTS || further.is_none() {
            break;
        }
        query.cursor = further;
    }
    page::make(errand, move |errand, board| {
        let words = errand.words;
        let (frame, office) = page::frame(errand, board, words.menu_events, "/admin/events");
        let views = [("", words.view_coming), ("past", words.view_past)];
        let view = |(name, label): (&str, &'static str)| View {
            href: errand.visit.link("/admin/events", &view_params(name)),
            label,
            current: (name == "past") == past,
        };
        let next = next.map(|cursor| {
            errand
                .visit
                .link("/admin/events", &errand.visit.params().with("cursor", &cursor))
        });
        Ok(pages::html(&EventsPage {
            new: errand.visit.plain_link("/admin/events/new"),
            views: views.into_iter().map(view).collect(),
            view: if past { "past" } else { "" },
            q: errand.visit.params().get("q").unwrap_or("").to_owned(),
            ui: errand.visit.ui,
            action: "/admin/events",
            entries: listed.iter().map(|event| entry(errand, board, event)).collect(),
            next,
            frame,
            office,
        })?)
    })
    .await
}

fn view_params(name: &str) -> Params {
    if name.is_empty() {
        Params::default()
    } else {
        Params::default().with(VIEW, name)
    }
}

fn entry(errand: &Errand, board: &Board<'_>, event: &ShownEvent) -> Entry {
    let (row, occurrence) = (&event.listed.row, &event.listed.occurrence);
    let words = errand.words;
    let mut marks = Vec::new();
    let mut mark = |text, strong| marks.push(Mark { text, strong });
    if occurrence.status == Status::Cancelled {
        mark(errand.visit.words.cancelled, true);
    }
    if occurrence.status == Status::Tentative {
        mark(errand.visit.words.tentative, false);
    }
    match event.audience {
        ShownAudience::Public => {}
        ShownAudience::Network => mark(words.mark_network, false),
        ShownAudience::Local => mark(words.mark_draft, false),
        ShownAudience::Group(_) => mark(words.mark_shared, false),
    }
    if !row.conflicts.is_empty() {
        mark(words.mark_conflict, true);
    }
    let own = |id| board.hub(id).is_some_and(|hub| hub.own);
    Entry {
        href: errand.visit.plain_link(&format!("/admin/events/{}", row.thing)),
        title: board
            .title(Shown::of(&row.event, Some(occurrence), "").title.text)
            .into_owned(),
        language: pages::language_tag(&row.event.language),
        when: board.reader.when(occurrence, &board.city(row)).full,
        series: row.event.schedule.is_series(),
        marks,
        with: row
            .hosts
            .iter()
            .filter(|id| !own(**id))
            .filter_map(|id| board.hub(*id))
            .map(name_of)
            .collect(),
    }
}
