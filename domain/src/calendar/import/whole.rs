//! Putting the VEVENTs of one UID together: a master, its dates, its exceptions.

use std::collections::BTreeMap;

use super::{ImportedEvent, Importer, MAX_EVENT_BYTES, MAX_OVERRIDES, MAX_UID_BYTES, Read, original};
use crate::calendar::clean;
use crate::calendar::component::{End, Part};
use crate::calendar::zones::{Resolved, Span, shifted_end};
use crate::event::{Event, LocalTime, Location, Override, Schedule, Status, Zone};
use crate::ids::hash16;

impl Importer<'_> {
    /// Puts the VEVENTs of one UID together. The error is the reason for refusing all of them.
    pub(super) fn assemble(&mut self, master: &Read, exceptions: Vec<Read>) -> Result<ImportedEvent, String> {
        let part = &master.part;
        if self.hidden(part) {
            return Err(
                "its CLASS is not PUBLIC: import it with private events accepted, or make it public".to_owned(),
            );
        }
        let title = title_of(part);
        if title.is_empty() {
            return Err("it has neither a title (SUMMARY) nor a description".to_owned());
        }
        let series = !part.rules.is_empty() || !part.extra.is_empty() || !exceptions.is_empty();
        let zone = self
            .zones
            .of_schedule(&part.start, part.zone.as_deref(), series, master.block.calendar)?;
        let span = Span::read(&mut self.zones, &part.start, &part.end, &zone, master.block.calendar)?;
        let uid = uid_of(part, &title, span.start);
        for warning in part.warnings.iter().chain(&span.warning) {
            self.warn(Some(&uid), part.line, warning.clone());
        }
        let details = &part.details;
        // Another program that gave it a new time and another status knows better.
        let postponed = details.postponed && part.status == Some(Status::Cancelled);
        let mut event = Event {
            uid,
            sequence: part.sequence,
            status: part.status.unwrap_or_default(),
            postponed: false,
            title,
            summary: part.summary.clone(),
            description: part.description.clone(),
            language: part.language.clone(),
            tags: part.tags.clone(),
            location: part.location.clone(),
            url: part.url.clone(),
            online_url: part.online_url.clone(),
            image_url: part.image_url.clone(),
            translations: details.translations.clone(),
            features: details.features.clone(),
            capacity: details.capacity,
            schedule: Schedule {
                start: span.start,
                end: span.end,
                zone: zone.zone.clone(),
                rules: part.rules.clone(),
                extra: Vec::new(),
                excluded: Vec::new(),
                overrides: Vec::new(),
            },
            created_ms: 0,
            updated_ms: 0,
        };
        if postponed {
            event.postpone();
        }
        self.add_dates(&mut event, part, &zone, master.block.calendar)?;
        let mut blocks = vec![(&master.block, master.fingerprint)];
        let exceptions = self.add_exceptions(&mut event, exceptions, &zone)?;
        blocks.extend(exceptions.iter().map(|read| (&read.block, read.fingerprint)));
        self.set_times(&mut event, part, &exceptions);
        if self.scan.calendars[master.block.calendar].cancels {
            event.cancel();
        }
        let bytes = text_bytes(&event);
        if bytes > MAX_EVENT_BYTES {
            return Err(format!(
                "its texts with those of its exceptions have {bytes} bytes, at most {MAX_EVENT_BYTES} are allowed"
            ));
        }
        Ok(ImportedEvent {
            original: original::text(&blocks, &event.schedule.zone),
            fingerprint: original::of_event(&blocks, &event),
            line: blocks.iter().map(|(block, _)| block.line).min().unwrap_or(part.line),
            event,
        })
    }

    /// RDATE and EXDATE. A period of another length than the event's becomes a date with an exception.
    fn add_dates(&mut self, event: &mut Event, part: &Part, zone: &Resolved, calendar: usize) -> Result<(), String> {
        let start = event.schedule.start;
        for (when, end) in &part.extra {
            let span = Span::read(&mut self.zones, when, end, zone, calendar)?;
            let date = like(span.start, start);
            event.schedule.extra.push(date);
            let default_end = shifted_end(&event.schedule, date);
            let known = event
                .schedule
                .overrides
                .iter()
                .any(|change| change.recurrence_id == date);
            if !matches!(end, End::Unsaid) && !known && span.start == date && span.end != default_end {
                event.schedule.overrides.push(Override {
                    time: Some((date, span.end)),
                    ..no_change(date)
                });
            }
        }
        for when in &part.excluded {
            event
                .schedule
                .excluded
                .push(like(self.zones.local(when, zone, calendar)?, start));
        }
        let schedule = &mut event.schedule;
        schedule.extra.retain(|&date| date != start);
        for dates in [&mut schedule.extra, &mut schedule.excluded] {
            dates.sort_unstable();
            dates.dedup();
        }
        Ok(())
    }

    /// RECURRENCE-ID. Gives back the VEVENTs that were used.
    fn add_exceptions(
        &mut self,
        event: &mut Event,
        mut exceptions: Vec<Read>,
        zone: &Resolved,
    ) -> Result<Vec<Read>, String> {
        if exceptions.len() > MAX_OVERRIDES {
            return Err(format!(
                "it has more than {MAX_OVERRIDES} exceptions: end the series and start another"
            ));
        }
        let by_rule = !event.schedule.rules.is_empty() || !event.schedule.extra.is_empty();
        exceptions.sort_by_key(|read| std::cmp::Reverse(read.rank()));
        let mut used: Vec<Read> = Vec::new();
        let mut taken: BTreeMap<LocalTime, u32> = BTreeMap::new();
        for read in exceptions {
            let line = read.part.line;
            let change = match self.exception(event, &read, zone) {
                Ok(change) => change,
                Err(reason) => {
                    self.refuse(Some(&event.uid), line, reason);
                    continue;
                }
            };
            if let Some(kept) = taken.get(&change.recurrence_id) {
                let reason =
                    format!("the same occurrence is changed more than once; kept is the change of line {kept}");
                self.refuse(Some(&event.uid), line, reason);
                continue;
            }
            taken.insert(change.recurrence_id, line);
            if self.hidden(&read.part) {
                let reason = "its CLASS is not PUBLIC: this occurrence is left out".to_owned();
                self.refuse(Some(&event.uid), line, reason);
                event.schedule.excluded.push(change.recurrence_id);
                continue;
            }
            for warning in &read.part.warnings {
                self.warn(Some(&event.uid), line, warning.clone());
            }
            // Without a rule nothing else says that this occurrence exists.
            if !by_rule && change.recurrence_id != event.schedule.start && change.status != Some(Status::Cancelled) {
                event.schedule.extra.push(change.recurrence_id);
            }
            event
                .schedule
                .overrides
                .retain(|other| other.recurrence_id != change.recurrence_id);
            event.schedule.overrides.push(change);
            used.push(read);
        }
        let schedule = &mut event.schedule;
        schedule.overrides.sort_by_key(|change| change.recurrence_id);
        for dates in [&mut schedule.extra, &mut schedule.excluded] {
            dates.sort_unstable();
            dates.dedup();
        }
        used.sort_by_key(|read| read.part.line);
        Ok(used)
    }

    /// What an exception changes. What it says just as the series does is no change.
    fn exception(&mut self, event: &Event, read: &Read, zone: &Resolved) -> Result<Override, String> {
        let (part, calendar) = (&read.part, read.block.calendar);
        let Some(when) = &part.recurrence_id else {
            return Err("it has no RECURRENCE-ID".to_owned());
        };
        let recurrence_id = like(self.zones.local(when, zone, calendar)?, event.schedule.start);
        let span = Span::read(&mut self.zones, &part.start, &part.end, zone, calendar)?;
        if let Some(warning) = span.warning {
            self.warn(Some(&event.uid), part.line, warning);
        }
        let as_series = (recurrence_id, shifted_end(&event.schedule, recurrence_id));
        let changed = |new: &str, old: &str| (new != old).then(|| new.to_owned());
        let status = if event.postponed {
            part.details.status
        } else {
            part.status
        };
        Ok(Override {
            recurrence_id,
            this_and_future: part.this_and_future,
            status: status.filter(|&status| status != event.status),
            time: Some((span.start, span.end)).filter(|&time| time != as_series),
            title: changed(&part.title, &event.title).filter(|title| !title.is_empty()),
            description: changed(&part.description, &event.description),
            location: (part.location != event.location).then(|| part.location.clone().unwrap_or_default()),
            url: changed(&part.url, &event.url),
        })
    }

    /// SEQUENCE, CREATED and LAST-MODIFIED of the whole: the latest counts.
    fn set_times(&self, event: &mut Event, master: &Part, exceptions: &[Read]) {
        const DAY_MS: i64 = 86_400_000;
        let now = self.context.now_ms;
        // A clock may be wrong by a day; what is further off was never a time of writing.
        let plausible = |ms: i64| (0..=now.saturating_add(DAY_MS)).contains(&ms).then(|| ms.min(now));
        let parts = || std::iter::once(master).chain(exceptions.iter().map(|read| &read.part));
        event.sequence = parts().map(|part| part.sequence).max().unwrap_or(0);
        event.updated_ms = parts()
            .filter_map(|part| plausible(part.modified_ms?))
            .max()
            .unwrap_or(now);
        let created = master.created_ms.and_then(plausible);
        event.created_ms = created.unwrap_or(event.updated_ms).min(event.updated_ms);
    }
}

/// The title, or the first line of the description.
fn title_of(part: &Part) -> String {
    if !part.title.is_empty() {
        return part.title.clone();
    }
    let first = part.description.lines().next().unwrap_or_default();
    clean::line(&first.chars().take(120).collect::<String>())
}

/// The UID, shortened or derived where it has to be.
fn uid_of(part: &Part, title: &str, start: LocalTime) -> String {
    let hex = |hash: [u8; 16]| data_encoding::HEXLOWER.encode(&hash);
    match &part.uid {
        Some(uid) if uid.len() <= MAX_UID_BYTES => uid.clone(),
        Some(uid) => format!(
            "{}@long.uid.invalid",
            hex(hash16("interhub/v1/long-uid", &[uid.as_bytes()]))
        ),
        None => {
            let place = part.location.as_ref().map_or("", |location| location.name.as_str());
            let fields = [title, &start.to_string(), place];
            let hash = hash16("interhub/v1/derived-uid", &fields.map(str::as_bytes));
            format!("{}@derived.uid.invalid", hex(hash))
        }
    }
}

/// An exception that changes nothing yet.
fn no_change(recurrence_id: LocalTime) -> Override {
    Override {
        recurrence_id,
        this_and_future: false,
        status: None,
        time: None,
        title: None,
        description: None,
        location: None,
        url: None,
    }
}

/// A date where the series is in dates, a time where it is in times.
fn like(value: LocalTime, start: LocalTime) -> LocalTime {
    match (value, start) {
        (LocalTime::DateTime(time), LocalTime::Date(_)) => LocalTime::Date(time.date()),
        (LocalTime::Date(date), LocalTime::DateTime(start)) => LocalTime::DateTime(date.to_datetime(start.time())),
        _ => value,
    }
}

/// How many bytes of text an event has.
fn text_bytes(event: &Event) -> usize {
    let place = |location: &Option<Location>| location.as_ref().map_or(0, |location| location.name.len());
    let own = event.title.len()
        + event.summary.len()
        + event.description.len()
        + event.tags.iter().map(String::len).sum::<usize>()
        + place(&event.location)
        + event.url.len()
        + event.online_url.len()
        + event.image_url.len()
        + event.features.iter().map(String::len).sum::<usize>();
    let translations = event.translations.values();
    let translated: usize = translations.map(|one| one.title.len() + one.summary.len()).sum();
    let zone = match &event.schedule.zone {
        Zone::Named(name) => name.len(),
        Zone::Custom { name, definition } => name.len() + definition.len(),
    };
    let len = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let overrides: usize = event
        .schedule
        .overrides
        .iter()
        .map(|change| len(&change.title) + len(&change.description) + len(&change.url) + place(&change.location))
        .sum();
    own + translated + zone + overrides
}
