//! `/admin/events/{id}/dates`: the dates of a series, each to be cancelled, taken back, moved or told in other words, and
//! further ones to be added.

use askama::Template;
use interhub_domain::event::{Event, LocalTime, Occurrence, Status};
use interhub_domain::query::QueryParseError;

use super::super::answer::Problem;
use super::super::pages::{self, Frame};
use super::super::params::Params;
use super::super::respond::Reply;
use super::super::text;
use super::super::words::fill;
use super::acts::path;
use super::page::{self, AdminFrame};
use super::{Errand, Fault};
use crate::command::dates::DateTexts;
use crate::command::event::Ending;

/// The parameter that a later page begins with: the moment after which its dates are, Unix milliseconds.
const AFTER: &str = "after";
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
    /// The page of later dates, if there may be some.
    later: Option<String>,
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
    title: String,
    place: String,
    description: String,
}

impl Line {
    fn of(event: &Event, occurrence: &Occurrence, when: String) -> Self {
        let field = |time: LocalTime, end: bool| match time {
            LocalTime::Date(date) if end => date.yesterday().unwrap_or(date).to_string(),
            LocalTime::Date(date) => date.to_string(),
            LocalTime::DateTime(time) => time.strftime("%Y-%m-%dT%H:%M").to_string(),
        };
        let own = occurrence
            .override_index
            .and_then(|index| event.schedule.overrides.get(index));
        let place = own.and_then(|own| own.location.as_ref()).or(event.location.as_ref());
        let text = |own: Option<&String>, of_series: &str| own.map_or_else(|| of_series.to_owned(), Clone::clone);
        Self {
            occurrence: occurrence.recurrence_id.unwrap_or(occurrence.start).to_string(),
            when,
            cancelled: occurrence.status == Status::Cancelled,
            whole: event.status == Status::Cancelled,
            start: field(occurrence.start, false),
            end: field(occurrence.end, true),
            title: text(own.and_then(|own| own.title.as_ref()), &event.title),
            place: place.map_or_else(String::new, |place| place.name.clone()),
            description: text(own.and_then(|own| own.description.as_ref()), &event.description),
        }
    }
}

/// `GET /admin/events/{id}/dates`
pub(super) async fn list(errand: Errand) -> Result<Reply, Fault> {
    let id = errand.visit.name.clone();
    let shown = errand.commands().show_hosted_event(id).await?;
    let after_ms = after(&errand)?;
    let coming = errand
        .commands()
        .coming_dates(shown.listed.row.thing, after_ms, MAX_DATES)
        .await?;
    page::make(errand, move |errand, board| {
        let event = &shown.listed.row.event;
        let city = board.city(&shown.listed.row);
        let title = text::isolate(&board.title(&event.title));
        let heading = fill(errand.words.dates_heading, &[("title", &title)]);
        let (frame, office) = page::frame(errand, board, &heading, "/admin/events");
        let line = |occurrence: &Occurrence| Line::of(event, occurrence, board.reader.when(occurrence, &city).full);
        let last = coming.last().filter(|_| coming.len() == MAX_DATES);
        let later = last.map(|last| {
            let params = Params::default().with(AFTER, &last.end_ms.to_string());
            errand.visit.link(&format!("{}/dates", path(errand)), &params)
        });
        Ok(pages::html(&DatesPage {
            frame,
            office,
            heading,
            action: errand.visit.plain_link(&format!("{}/dates", path(errand))),
            back: errand.visit.plain_link(&path(errand)),
            dates: coming.iter().map(line).collect(),
            all_day: event.schedule.all_day(),
            later,
        })?)
    })
    .await
}

fn after(errand: &Errand) -> Result<i64, Problem> {
    let Some(text) = errand.visit.params().get(AFTER).map(str::to_owned) else {
        return Ok(i64::MIN);
    };
    text.parse().map_err(|_| {
        let reason = "expected the number that a page of dates links to".to_owned();
        QueryParseError {
            parameter: AFTER,
            reason,
        }
        .into()
    })
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
        "change" => {
            let (start, end) = (errand.form.trimmed("start"), errand.form.trimmed("end"));
            let is_moved = start != errand.form.get("was_start") || end != errand.form.get("was_end");
            // A date that is moved without a new end ends when it begins; whole days take one.
            let end = if end.is_empty() { start } else { end };
            let time = is_moved.then(|| (start.to_owned(), Ending::At(end.to_owned())));
            let text = |name: &str| errand.form.ticked(name).then(|| errand.form.get(name).to_owned());
            let texts = DateTexts {
                title: text("title"),
                place: text("place"),
                description: text("description"),
            };
            errand.commands().change_occurrence(id, occurrence, time, texts).await?;
            if is_moved { "moved" } else { "saved" }
        }
        "add" => {
            let start = errand.form.trimmed("start").to_owned();
            errand.commands().add_date(id, start).await?;
            "date_added"
        }
        _ => {
            errand.commands().cancel_event(id, Some(occurrence)).await?;
            "cancelled"
        }
    };
    Ok(page::done(&errand.visit, &format!("{}/dates", path(&errand)), done))
}
