//! `/admin/events/{id}/dates`: the dates of a series, each to be cancelled, taken back or moved.

use askama::Template;
use interhub_domain::event::{LocalTime, Status};

use super::super::pages::{self, Frame};
use super::super::respond::Reply;
use super::super::text;
use super::super::words::fill;
use super::acts::path;
use super::page::{self, AdminFrame};
use super::{Errand, Fault};
use crate::command::event::Ending;

/// Dates of one page.
const MAX_DATES: usize = 60;

#[derive(Template)]
#[template(path = "admin/dates.html")]
struct DatesPage {
    frame: Frame,
    office: AdminFrame,
    heading: String,
    action: String,
    back: String,
    dates: Vec<Line>,
    all_day: bool,
}

/// One date.
struct Line {
    /// What the series calls it.
    occurrence: String,
    when: String,
    cancelled: bool,
    /// The series itself is cancelled: there is nothing to take back here.
    whole: bool,
    start: String,
    end: String,
}

/// `GET /admin/events/{id}/dates`
pub(super) async fn list(errand: Errand) -> Result<Reply, Fault> {
    let id = errand.visit.name.clone();
    let shown = errand.commands().show_hosted_event(id).await?;
    let coming = errand
        .commands()
        .coming_dates(shown.listed.row.thing, MAX_DATES)
        .await?;
    page::make(errand, move |errand, board| {
        let event = &shown.listed.row.event;
        let city = board.city(&shown.listed.row);
        let title = text::isolate(&board.title(&event.title));
        let heading = fill(errand.words.dates_heading, &[("title", &title)]);
        let (frame, office) = page::frame(errand, board, &heading, "/admin/events");
        let all_day = event.schedule.all_day();
        let field = |time: LocalTime, end: bool| match time {
            LocalTime::Date(date) if end => date.yesterday().unwrap_or(date).to_string(),
            LocalTime::Date(date) => date.to_string(),
            LocalTime::DateTime(time) => time.strftime("%Y-%m-%dT%H:%M").to_string(),
        };
        let line = |occurrence: &interhub_domain::event::Occurrence| Line {
            occurrence: occurrence.recurrence_id.unwrap_or(occurrence.start).to_string(),
            when: board.reader.when(occurrence, &city).full,
            cancelled: occurrence.status == Status::Cancelled,
            whole: event.status == Status::Cancelled,
            start: field(occurrence.start, false),
            end: field(occurrence.end, true),
        };
        Ok(pages::html(&DatesPage {
            frame,
            office,
            heading,
            action: errand.visit.plain_link(&format!("{}/dates", path(errand))),
            back: errand.visit.plain_link(&path(errand)),
            dates: coming.iter().map(line).collect(),
            all_day,
        })?)
    })
    .await
}

/// `POST /admin/events/{id}/dates`
pub(super) async fn change(errand: Errand) -> Result<Reply, Fault> {
    let id = errand.visit.name.clone();
    let occurrence = errand.form.trimmed("occurrence").to_owned();
    let done = match errand.form.get("do") {
        "reinstate" => {
            errand.commands().reinstate_event(id, Some(occurrence)).await?;
            "reinstated"
        }
        "move" => {
            let start = errand.form.trimmed("start").to_owned();
            let end = errand.form.trimmed("end");
            // A date that is moved without a new end ends when it begins; whole days take one.
            let end = if end.is_empty() { start.clone() } else { end.to_owned() };
            errand
                .commands()
                .move_occurrence(id, occurrence, start, Ending::At(end))
                .await?;
            "moved"
        }
        _ => {
            errand.commands().cancel_event(id, Some(occurrence)).await?;
            "cancelled"
        }
    };
    Ok(page::done(&errand.visit, &format!("{}/dates", path(&errand)), done))
}
