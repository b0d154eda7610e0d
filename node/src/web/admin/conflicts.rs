//! `/admin/conflicts`: what hubs wrote differently at the same time, side by side, and the choice.

use askama::Template;
use interhub_domain::ids::ThingId;

use super::super::pages::{self, Board, Frame};
use super::super::respond::Reply;
use super::super::text;
use super::acts::MAX_VALUE_CHARS;
use super::page::{self, AdminFrame};
use super::{Errand, Fault};
use crate::command::cohost::{ConflictState, ShownConflict, ShownValue};

#[derive(Template)]
#[template(path = "admin/conflicts.html")]
struct ConflictsPage {
    frame: Frame,
    office: AdminFrame,
    action: String,
    conflicts: Vec<Side>,
}

/// One field of one event.
struct Side {
    id: String,
    title: String,
    edit: String,
    /// As commands name it.
    field: String,
    /// As the form does.
    label: String,
    explained: &'static str,
    values: Vec<Version>,
}

/// One of the values.
struct Version {
    /// Whole, to be sent back.
    value: String,
    /// Cut, to be read.
    shown: String,
    hub: String,
    at: String,
}

/// `GET /admin/conflicts`
pub(super) async fn list(errand: Errand) -> Result<Reply, Fault> {
    let conflicts = errand.commands().conflicts(None).await?;
    let mut titled = Vec::new();
    for conflict in conflicts {
        let shown = errand.commands().show_event(conflict.thing.to_string()).await;
        // An event can be gone between the two questions.
        let title = shown.map_or_else(|_| String::new(), |shown| shown.listed.row.event.title.clone());
        titled.push((title, conflict));
    }
    page::make(errand, move |errand, board| {
        let (frame, office) = page::frame(errand, board, errand.words.menu_conflicts, "/admin/conflicts");
        let conflicts = titled
            .iter()
            .map(|(title, conflict)| side(errand, board, title, conflict));
        Ok(pages::html(&ConflictsPage {
            action: errand.visit.plain_link("/admin/conflicts"),
            conflicts: conflicts.collect(),
            frame,
            office,
        })?)
    })
    .await
}

fn side(errand: &Errand, board: &Board<'_>, title: &str, conflict: &ShownConflict) -> Side {
    let words = errand.words;
    let version = |one: &ShownValue| Version {
        value: one.value.clone(),
        shown: text::one_line(&one.value, MAX_VALUE_CHARS),
        hub: board
            .hub_of_slug(&one.hub)
            .map_or_else(|| one.hub.clone(), pages::name_of),
        at: board.reader.moment(one.at_ms),
    };
    let id = conflict.thing.to_string();
    Side {
        title: board.title(title).into_owned(),
        edit: errand.visit.plain_link(&format!("/admin/events/{id}")),
        id,
        label: words.field(&conflict.field),
        field: conflict.field.clone(),
        explained: match conflict.state {
            ConflictState::Open => words.conflict_open,
            ConflictState::NotTakenOver => words.conflict_left_out,
        },
        values: conflict.values.iter().map(version).collect(),
    }
}

/// `POST /admin/conflicts`
pub(super) async fn settle(errand: Errand) -> Result<Reply, Fault> {
    let form = &errand.form;
    let id = form.trimmed("id");
    if id.parse::<ThingId>().is_err() {
        return Err(super::super::answer::Problem::NotFound.into());
    }
    // The value as it was listed, to the letter; what is typed instead, without white space around it.
    let value = if form.ticked("other") {
        form.trimmed("other")
    } else {
        form.get("value")
    };
    let (id, field, value) = (id.to_owned(), form.get("field").to_owned(), value.to_owned());
    errand.commands().resolve_conflict(id, field, value).await?;
    Ok(page::done(&errand.visit, "/admin/conflicts", "settled"))
}
