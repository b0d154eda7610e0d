//! Events: add, edit, cancel, show, list.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use interhub_domain::calendar::expand::{self, Window};
use interhub_domain::calendar::{export, jscalendar, zone};
use interhub_domain::document::Reading;
use interhub_domain::event::{
    Event, LocalTime, Location, MAX_DESCRIPTION, MAX_PLACE, MAX_SUMMARY, MAX_TAG, MAX_TAGS, MAX_TITLE, MAX_URL,
    Occurrence, Schedule, Status,
};
use interhub_domain::ids::{DocumentKind, HubId, ThingId};
use interhub_domain::profile::Point;
use interhub_domain::query::EventQuery;

use super::audience::Audience;
use super::dates::{self, DateTexts};
use super::details::{self, TranslationFields};
use super::schedule::{default_end, end_of, parse_rule, parse_time, parse_zone};
use super::{CommandError, Commands, ShownEvent};
use crate::clock::random_bytes;
use crate::projection::{EventRow, HubRow, Listed};
use crate::sync::Write;

pub use super::schedule::Ending;

/// What `event add` and `event edit` may give. Absent: as it is, or the default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EventFields {
    /// One line.
    pub title: Option<String>,
    /// One or two sentences.
    pub summary: Option<String>,
    /// The whole text.
    pub description: Option<String>,
    /// `2027-03-04` or `2027-03-04T18:30`.
    pub start: Option<String>,
    /// How it ends.
    pub ending: Option<Ending>,
    /// IANA zone.
    pub timezone: Option<String>,
    /// Name of the place; empty removes it.
    pub location: Option<String>,
    /// Where.
    pub at: Option<Point>,
    /// Tags; an empty list removes them.
    pub tags: Option<Vec<String>>,
    /// RRULE; empty makes it a single event.
    pub rrule: Option<String>,
    /// Page.
    pub url: Option<String>,
    /// Where to join online.
    pub online_url: Option<String>,
    /// A picture.
    pub image_url: Option<String>,
    /// BCP 47.
    pub language: Option<String>,
    /// Texts in other languages; those not named stay.
    pub translations: Vec<TranslationFields>,
    /// Features it has from now on.
    pub add_features: Vec<String>,
    /// Features it has no longer.
    pub remove_features: Vec<String>,
    /// How many people there is room for; 0 says nothing of it any more.
    pub capacity: Option<u32>,
    /// Who is to see it.
    pub audience: Option<Audience>,
    /// Whether it is still to be confirmed.
    pub tentative: Option<bool>,
}

/// One page of a list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ShownPage {
    /// The occurrences.
    pub events: Vec<ShownEvent>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// What a calendar is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalendarForm {
    /// RFC 5545.
    ICalendar,
    /// RFC 8984.
    JsCalendar,
}

/// Most events of this hub that are exported at once.
const MAX_EXPORTED: usize = 200_000;

impl Commands {
    /// Adds an event of this hub.
    pub async fn add_event(&self, fields: EventFields) -> Result<ShownEvent, CommandError> {
        self.blocking("event add", move |this| {
            let now_ms = this.clock.now_ms();
            let thing = ThingId::new(this.ledger.own_id(), random_bytes(&*this.clock));
            let start = fields
                .start
                .as_deref()
                .ok_or_else(|| CommandError::usage("an event needs a start"))?;
            let start = parse_time("the start", start)?;
            let schedule = Schedule {
                start,
                end: default_end(start)?,
                zone: parse_zone(&this.timezone)?,
                rules: Vec::new(),
                extra: Vec::new(),
                excluded: Vec::new(),
                overrides: Vec::new(),
            };
            let mut event = Event {
                uid: format!("{thing}@interhub"),
                sequence: 0,
                status: Status::Confirmed,
                title: String::new(),
                summary: String::new(),
                description: String::new(),
                language: String::new(),
                tags: Vec::new(),
                location: None,
                url: String::new(),
                online_url: String::new(),
                image_url: String::new(),
                translations: BTreeMap::new(),
                features: BTreeSet::new(),
                capacity: None,
                postponed: false,
                schedule,
                created_ms: now_ms,
                updated_ms: now_ms,
            };
            apply(&mut event, &fields)?;
            if event.title.is_empty() {
                return Err(CommandError::usage("an event needs a title"));
            }
            let log = this.log_of(fields.audience.as_ref().unwrap_or(&Audience::Public))?;
            let reading = Reading::Event(Box::new(event));
            this.ledger.write(vec![Write::Create {
                log,
                kind: DocumentKind::Event,
                thing,
                reading,
            }])?;
            this.show_thing(thing)
        })
        .await
    }

    /// Changes an event of this hub; with an audience, also who may see it.
    pub async fn edit_event(&self, id: String, fields: EventFields) -> Result<ShownEvent, CommandError> {
        self.blocking("event edit", move |this| {
            let row = this.hosted_event(&id)?;
            let mut event = row.event.clone();
            apply(&mut event, &fields)?;
            if event.title.is_empty() {
                return Err(CommandError::usage("an event needs a title"));
            }
            let log = match &fields.audience {
                Some(audience) => this.log_of(audience)?,
                None => row.log,
            };
            if event == row.event && log == row.log {
                return this.show_thing(row.thing);
            }
            this.touch(&mut event, &row.event);
            let writes = vec![this.writes_for(&row, log, event)?];
            this.ledger.write(writes)?;
            this.show_thing(row.thing)
        })
        .await
    }

    /// Cancels an event of this hub, or one occurrence of a series.
    pub async fn cancel_event(&self, id: String, occurrence: Option<String>) -> Result<ShownEvent, CommandError> {
        self.change_dates("event cancel", id, move |event| match &occurrence {
            None => {
                event.cancel();
                Ok(())
            }
            Some(text) => dates::cancel(event, text),
        })
        .await
    }

    /// Takes a cancellation or a postponement back: of an event of this hub, or of one occurrence of a series.
    pub async fn reinstate_event(&self, id: String, occurrence: Option<String>) -> Result<ShownEvent, CommandError> {
        self.change_dates("event reinstate", id, move |event| match &occurrence {
            None => {
                if event.outward_status() == Status::Cancelled {
                    (event.status, event.postponed) = (Status::Confirmed, false);
                }
                Ok(())
            }
            Some(text) => dates::reinstate(event, text),
        })
        .await
    }

    /// Moves one occurrence of a series to another time.
    pub async fn move_occurrence(
        &self,
        id: String,
        occurrence: String,
        start: String,
        ending: Ending,
    ) -> Result<ShownEvent, CommandError> {
        self.change_dates("event move", id, move |event| {
            dates::shift(event, &occurrence, &start, &ending)
        })
        .await
    }

    /// Tells one occurrence of a series in other words, and moves it if a start is given.
    pub async fn change_occurrence(
        &self,
        id: String,
        occurrence: String,
        time: Option<(String, Ending)>,
        texts: DateTexts,
    ) -> Result<ShownEvent, CommandError> {
        self.change_dates("event date", id, move |event| {
            if let Some((start, ending)) = &time {
                dates::shift(event, &occurrence, start, ending)?;
            }
            dates::tell(event, &occurrence, &texts)
        })
        .await
    }

    /// Adds a date to a series, or to an event that takes place once, which becomes one.
    pub async fn add_date(&self, id: String, start: String) -> Result<ShownEvent, CommandError> {
        self.change_dates("event date", id, move |event| dates::add(event, &start))
            .await
    }

    async fn change_dates(
        &self,
        name: &'static str,
        id: String,
        change: impl FnOnce(&mut Event) -> Result<(), CommandError> + Send + 'static,
    ) -> Result<ShownEvent, CommandError> {
        self.blocking(name, move |this| {
            let row = this.hosted_event(&id)?;
            let mut event = row.event.clone();
            change(&mut event)?;
            if event == row.event {
                return this.show_thing(row.thing);
            }
            this.touch(&mut event, &row.event);
            this.ledger.write(vec![edit(&row, event)])?;
            this.show_thing(row.thing)
        })
        .await
    }

    /// Shows one event at its next occurrence, or its last.
    pub async fn show_event(&self, id: String) -> Result<ShownEvent, CommandError> {
        self.blocking("event show", move |this| this.show_thing(parse_thing(&id)?))
            .await
    }

    /// The same for an event this hub may change, because it hosts it.
    pub async fn show_hosted_event(&self, id: String) -> Result<ShownEvent, CommandError> {
        self.blocking("event show", move |this| {
            let row = this.hosted_event(&id)?;
            this.show_thing(row.thing)
        })
        .await
    }

    /// The first `limit` dates of an event that are not over, and not at that moment either (Unix milliseconds).
    pub async fn coming_dates(
        &self,
        thing: ThingId,
        after_ms: i64,
        limit: usize,
    ) -> Result<Vec<Occurrence>, CommandError> {
        self.blocking("event dates", move |this| {
            let from_ms = after_ms.max(this.clock.now_ms());
            let coming = this.views.occurrences(thing, from_ms, i64::MAX, limit)?;
            Ok(coming.into_iter().map(|listed| listed.occurrence).collect())
        })
        .await
    }

    /// One page of the occurrences that match.
    pub async fn list_events(&self, mut query: EventQuery) -> Result<ShownPage, CommandError> {
        self.blocking("event list", move |this| {
            query.check().map_err(|error| CommandError::usage(error.to_string()))?;
            query.network = true;
            let page = this.views.list(&query, this.clock.now_ms())?;
            let hubs = this.views.hubs()?;
            let events = page.items.into_iter().map(|listed| this.shown(listed, &hubs)).collect();
            Ok(ShownPage {
                events,
                next: page.next,
            })
        })
        .await
    }

    /// All events of this hub, whole.
    pub async fn own_events(&self) -> Result<Vec<ShownEvent>, CommandError> {
        self.blocking("event export", |this| {
            let hubs = this.views.hubs()?;
            let mut out = Vec::new();
            for row in this.own_rows()? {
                out.push(this.shown(whole(row, this.clock.now_ms()), &hubs));
            }
            Ok(out)
        })
        .await
    }

    /// All events of this hub as one text.
    pub async fn export_calendar(&self, form: CalendarForm) -> Result<String, CommandError> {
        self.blocking("event export", move |this| {
            let rows = this.own_rows()?;
            let own = this.ledger.own();
            let name = if own.profile.name.is_empty() {
                own.slug.clone()
            } else {
                own.profile.name.clone()
            };
            let calendar = export::CalendarInfo {
                name: name.clone(),
                description: String::new(),
                refresh_minutes: 60,
                product: format!("-//Interhub//{}//EN", env!("CARGO_PKG_VERSION")),
                url: own.profile.web_url.clone(),
            };
            let events: Vec<export::ExportEvent<'_>> = rows
                .iter()
                .map(|row| export::ExportEvent {
                    event: &row.event,
                    hub_name: &name,
                    hub_url: &own.profile.web_url,
                    page_url: "",
                })
                .collect();
            Ok(match form {
                CalendarForm::ICalendar => export::export(&calendar, &events),
                CalendarForm::JsCalendar => format!("{}\n", jscalendar::export(&calendar, &events)),
            })
        })
        .await
    }

    fn own_rows(&self) -> Result<Vec<Arc<EventRow>>, CommandError> {
        Ok(self.views.events_of(self.ledger.own_id(), MAX_EXPORTED)?)
    }

    pub(super) fn show_thing(&self, thing: ThingId) -> Result<ShownEvent, CommandError> {
        let row = self.views.event(thing)?.ok_or_else(|| no_event(&thing.to_string()))?;
        let hubs = self.views.hubs()?;
        self.shown_whole(row, &hubs)
    }

    /// An event at its next occurrence, or its last, with what was decided about it here.
    pub(super) fn shown_whole(&self, row: Arc<EventRow>, hubs: &[HubRow]) -> Result<ShownEvent, CommandError> {
        let hidden = self.ledger.hidden(row.thing)?;
        let shown = self.shown(whole(row, self.clock.now_ms()), hubs);
        Ok(ShownEvent { hidden, ..shown })
    }

    /// What people call a hub.
    pub(super) fn slug_of(&self, hub: HubId) -> Result<String, CommandError> {
        let hubs = self.views.hubs()?;
        let row = hubs.into_iter().find(|row| row.id == hub);
        Ok(row.map_or_else(|| "another hub".to_owned(), |row| row.slug))
    }

    /// What every change by the organiser does: a new time, and a new SEQUENCE where calendars must notice.
    pub(super) fn touch(&self, event: &mut Event, before: &Event) {
        event.updated_ms = self.clock.now_ms().max(before.updated_ms + 1);
        let significant = event.schedule != before.schedule
            || (event.status, event.postponed) != (before.status, before.postponed)
            || event.location != before.location;
        if significant && event.sequence <= before.sequence {
            event.sequence = before.sequence.saturating_add(1);
        }
    }
}

/// The edit of an event, made on what its document says by the time it is written.
pub(super) fn edit(row: &EventRow, after: Event) -> Write {
    Write::Edit {
        object: row.object,
        before: Box::new(row.event.clone()),
        after: Box::new(after),
    }
}

pub(super) fn parse_thing(id: &str) -> Result<ThingId, CommandError> {
    id.parse().map_err(|_| {
        CommandError::usage(format!(
            "{id:.80?} is not an event's id; `interhub event list` shows them"
        ))
    })
}

pub(super) fn no_event(id: &str) -> CommandError {
    CommandError::not_found(format!(
        "there is no event {id}; `interhub event list` shows what there is"
    ))
}

/// An event at its next occurrence, or its last, or (if it has none) as its schedule begins.
fn whole(row: Arc<EventRow>, now_ms: i64) -> Listed {
    let schedule = &row.event.schedule;
    let status = row.event.outward_status();
    let coming = Window {
        from_ms: now_ms,
        to_ms: i64::MAX,
    };
    let next = expand::occurrences(schedule, status, coming, 1)
        .occurrences
        .into_iter()
        .next();
    let first = || {
        expand::occurrences(schedule, status, Window::ALL, 1)
            .occurrences
            .into_iter()
            .next()
    };
    let occurrence = next.or_else(first).unwrap_or_else(|| {
        let zone = zone::resolve(&schedule.zone);
        Occurrence {
            start: schedule.start,
            end: schedule.end,
            start_ms: zone::instant_ms(schedule.start, &zone),
            end_ms: zone::instant_ms(schedule.end, &zone),
            recurrence_id: None,
            status,
            override_index: None,
        }
    });
    Listed { row, occurrence }
}

pub(super) fn apply(event: &mut Event, fields: &EventFields) -> Result<(), CommandError> {
    set_text("title", &mut event.title, fields.title.as_deref(), MAX_TITLE)?;
    if event.title.contains(['\n', '\r']) {
        return Err(CommandError::usage("the title is one line"));
    }
    set_text("summary", &mut event.summary, fields.summary.as_deref(), MAX_SUMMARY)?;
    set_text(
        "description",
        &mut event.description,
        fields.description.as_deref(),
        MAX_DESCRIPTION,
    )?;
    set_url("url", &mut event.url, fields.url.as_deref())?;
    set_url("online-url", &mut event.online_url, fields.online_url.as_deref())?;
    set_url("image", &mut event.image_url, fields.image_url.as_deref())?;
    set_text("lang", &mut event.language, fields.language.as_deref(), 35)?;
    if let Some(tags) = &fields.tags {
        event.tags = check_tags(tags)?;
    }
    if let Some(tentative) = fields.tentative
        && event.outward_status() != Status::Cancelled
    {
        event.status = if tentative {
            Status::Tentative
        } else {
            Status::Confirmed
        };
    }
    apply_place(event, fields)?;
    apply_schedule(&mut event.schedule, fields)?;
    details::apply(event, fields)
}

pub(super) fn set_text(name: &str, field: &mut String, new: Option<&str>, most: usize) -> Result<(), CommandError> {
    let Some(new) = new else { return Ok(()) };
    let new = new.trim();
    let len = new.chars().count();
    if len > most {
        return Err(CommandError::usage(format!(
            "the {name} has {len} characters; at most {most} are kept"
        )));
    }
    if new.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(CommandError::usage(format!("the {name} contains control characters")));
    }
    new.clone_into(field);
    Ok(())
}

fn set_url(name: &str, field: &mut String, new: Option<&str>) -> Result<(), CommandError> {
    let Some(new) = new.map(str::trim) else { return Ok(()) };
    let lower = new.to_ascii_lowercase();
    let is_link = lower.starts_with("https://") || lower.starts_with("http://");
    if !new.is_empty() && (!is_link || new.chars().any(|c| c.is_whitespace() || c.is_control())) {
        return Err(CommandError::usage(format!(
            "{name} has to begin with https:// or http://"
        )));
    }
    set_text(name, field, Some(new), MAX_URL)
}

fn check_tags(tags: &[String]) -> Result<Vec<String>, CommandError> {
    if tags.len() > MAX_TAGS {
        return Err(CommandError::usage(format!("an event has at most {MAX_TAGS} tags")));
    }
    let mut out: Vec<String> = Vec::new();
    for tag in tags {
        let mut checked = String::new();
        set_text("tag", &mut checked, Some(tag), MAX_TAG)?;
        if !checked.is_empty() && !out.contains(&checked) {
            out.push(checked);
        }
    }
    Ok(out)
}

fn apply_place(event: &mut Event, fields: &EventFields) -> Result<(), CommandError> {
    if let Some(name) = &fields.location {
        let mut checked = String::new();
        set_text("location", &mut checked, Some(name), MAX_PLACE)?;
        let at = event.location.as_ref().and_then(|known| known.at);
        // A new name is a new place, unless its point is given too.
        event.location = if checked.is_empty() {
            None
        } else {
            let same = event.location.as_ref().is_some_and(|known| known.name == checked);
            Some(Location {
                name: checked,
                at: at.filter(|_| same),
            })
        };
    }
    if let Some(at) = fields.at {
        let at = Point::new(at.lat, at.lon)
            .ok_or_else(|| CommandError::usage("--at takes LAT,LON in degrees, for instance 52.4751,-1.8848"))?;
        event.location.get_or_insert_with(Location::default).at = Some(at);
    }
    Ok(())
}

fn apply_schedule(schedule: &mut Schedule, fields: &EventFields) -> Result<(), CommandError> {
    if let Some(zone) = &fields.timezone {
        schedule.zone = parse_zone(zone)?;
    }
    if let Some(start) = &fields.start {
        let start = parse_time("the start", start)?;
        let end = if start.is_date() == schedule.start.is_date() {
            moved_end(schedule, start)?
        } else {
            default_end(start)?
        };
        (schedule.start, schedule.end) = (start, end);
    }
    if let Some(ending) = &fields.ending {
        schedule.end = end_of(schedule.start, ending)?;
    }
    if let Some(rule) = &fields.rrule {
        schedule.rules = if rule.is_empty() {
            Vec::new()
        } else {
            vec![parse_rule(rule)?]
        };
    }
    Ok(())
}

/// An event that is moved keeps its length.
fn moved_end(schedule: &Schedule, start: LocalTime) -> Result<LocalTime, CommandError> {
    let too_late = |_| CommandError::usage("the event would end beyond the year 9999");
    let length = schedule.end.date_time().duration_since(schedule.start.date_time());
    let end = start.date_time().checked_add(length).map_err(too_late)?;
    Ok(if start.is_date() {
        LocalTime::Date(end.date())
    } else {
        LocalTime::DateTime(end)
    })
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use interhub_domain::event::Zone;

    pub(in crate::command) fn weekly() -> Event {
        let start = parse_time("start", "2027-03-04T18:30").unwrap();
        Event {
            uid: "x".into(),
            sequence: 0,
            status: Status::Confirmed,
            title: "Repair café".into(),
            summary: String::new(),
            description: String::new(),
            language: String::new(),
            tags: vec![],
            location: None,
            url: String::new(),
            online_url: String::new(),
            image_url: String::new(),
            translations: BTreeMap::new(),
            features: BTreeSet::new(),
            capacity: None,
            postponed: false,
            schedule: Schedule {
                start,
                end: end_of(start, &Ending::After(7200)).unwrap(),
                zone: Zone::Named("Europe/London".into()),
                rules: vec!["FREQ=WEEKLY".into()],
                extra: vec![],
                excluded: vec![],
                overrides: vec![],
            },
            created_ms: 0,
            updated_ms: 0,
        }
    }

    #[test]
    fn a_moved_event_keeps_its_length() {
        let mut event = weekly();
        let fields = EventFields {
            start: Some("2027-04-01T10:00".into()),
            ..EventFields::default()
        };
        apply(&mut event, &fields).unwrap();
        assert_eq!(event.schedule.end.to_string(), "2027-04-01T12:00:00");
    }

    #[test]
    fn wrong_values_are_named() {
        let cases = [
            EventFields {
                title: Some("a".repeat(1_001)),
                ..EventFields::default()
            },
            EventFields {
                title: Some("a\0b".into()),
                ..EventFields::default()
            },
            EventFields {
                url: Some("javascript:alert(1)".into()),
                ..EventFields::default()
            },
            EventFields {
                timezone: Some("Mars/Olympus".into()),
                ..EventFields::default()
            },
            EventFields {
                rrule: Some("FREQ=NEVER".into()),
                ..EventFields::default()
            },
            EventFields {
                ending: Some(Ending::At("2020-01-01T00:00".into())),
                ..EventFields::default()
            },
            EventFields {
                at: Some(Point { lat: 100.0, lon: 0.0 }),
                ..EventFields::default()
            },
            EventFields {
                tags: Some(vec!["t".into(); 33]),
                ..EventFields::default()
            },
            EventFields {
                start: Some("2027-03-04T18:30+01:00".into()),
                ..EventFields::default()
            },
        ];
        for fields in cases {
            let error = apply(&mut weekly(), &fields).unwrap_err();
            assert_eq!(error.class, super::super::Class::Usage, "{fields:?}");
        }
    }
}
