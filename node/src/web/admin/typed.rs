//! An event as a form shows it, and back: what was typed, what is wrong with it, and what it changes.

use std::collections::BTreeMap;

use interhub_domain::calendar::{rule as rrule, zone};
use interhub_domain::event::{
    Event, LocalTime, MAX_DESCRIPTION, MAX_PLACE, MAX_SUMMARY, MAX_TAG, MAX_TAGS, MAX_TITLE, MAX_URL, Status, Zone,
};
use interhub_domain::profile::Point;
use jiff::civil::{Date, Time};

use super::super::words::fill;
use super::details::Details;
use super::form::Form;
use super::rule::{DAYS, Pattern, Repeat};
use super::words::AdminWords;
use crate::command::ShownEvent;
use crate::command::audience::{Audience, ShownAudience};
use crate::command::event::{Ending, EventFields};

/// Longest BCP 47 tag in use (RFC 5646 4.4.1).
const MAX_LANGUAGE: usize = 35;

/// Who sees an event, as the form offers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    Draft,
    Network,
    Public,
    /// A draft that hubs share: the form leaves it so, or publishes it.
    Shared,
}

impl Seen {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Network => "network",
            Self::Public => "public",
            Self::Shared => "shared",
        }
    }

    fn of_name(name: &str) -> Self {
        // A form that came without it is not to publish anything.
        let all = [Self::Public, Self::Network, Self::Shared];
        all.into_iter().find(|one| one.name() == name).unwrap_or(Self::Draft)
    }

    fn of(audience: &ShownAudience) -> Self {
        match audience {
            ShownAudience::Public => Self::Public,
            ShownAudience::Network => Self::Network,
            ShownAudience::Local => Self::Draft,
            ShownAudience::Group(_) => Self::Shared,
        }
    }
}

/// What the fields of the form hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Typed {
    pub(super) title: String,
    pub(super) summary: String,
    pub(super) description: String,
    pub(super) language: String,
    /// Separated by commas.
    pub(super) tags: String,
    pub(super) all_day: bool,
    pub(super) start_date: String,
    pub(super) start_time: String,
    /// The last day of whole days; empty: the day of the start.
    pub(super) end_date: String,
    pub(super) end_time: String,
    pub(super) timezone: String,
    pub(super) place: String,
    /// `52.4751,-1.8848`; may be empty.
    pub(super) at: String,
    pub(super) online_url: String,
    pub(super) url: String,
    pub(super) repeat: Repeat,
    pub(super) tentative: bool,
    pub(super) seen: Seen,
    pub(super) details: Details,
}

/// What is wrong, by field, in the reader's language.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Errors(BTreeMap<&'static str, String>);

impl Errors {
    /// What is wrong with a field.
    pub(super) fn of(&self, field: &str) -> Option<&str> {
        self.0.get(field).map(String::as_str)
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = (&&'static str, &String)> {
        self.0.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn note(&mut self, field: &'static str, message: impl Into<String>) {
        self.0.entry(field).or_insert_with(|| message.into());
    }
}

impl Typed {
    /// A form for a new event: in a week, in the evening.
    pub(super) fn blank(today: Date, timezone: &str, language: &str) -> Self {
        let start = today.checked_add(jiff::Span::new().days(7)).unwrap_or(today);
        Self {
            title: String::new(),
            summary: String::new(),
            description: String::new(),
            language: language.to_owned(),
            tags: String::new(),
            all_day: false,
            start_date: start.to_string(),
            start_time: "18:30".to_owned(),
            end_date: String::new(),
            end_time: "20:30".to_owned(),
            timezone: timezone.to_owned(),
            place: String::new(),
            at: String::new(),
            online_url: String::new(),
            url: String::new(),
            repeat: Repeat::default(),
            tentative: false,
            seen: Seen::Public,
            details: Details::default(),
        }
    }

    /// What an event says.
    pub(super) fn of(shown: &ShownEvent) -> Self {
        let event = &shown.listed.row.event;
        let schedule = &event.schedule;
        let time = |time: LocalTime| time.date_time().strftime("%H:%M").to_string();
        let all_day = schedule.all_day();
        let last = if all_day {
            schedule.end.date().yesterday().unwrap_or_else(|_| schedule.end.date())
        } else {
            schedule.end.date()
        };
        let ends = schedule.end > schedule.start;
        let place = event.location.as_ref();
        Self {
            title: event.title.clone(),
            summary: event.summary.clone(),
            description: event.description.clone(),
            language: event.language.clone(),
            tags: event.tags.join(", "),
            all_day,
            start_date: schedule.start.date().to_string(),
            start_time: if all_day { String::new() } else { time(schedule.start) },
            end_date: if ends && last != schedule.start.date() {
                last.to_string()
            } else {
                String::new()
            },
            end_time: if all_day || !ends {
                String::new()
            } else {
                time(schedule.end)
            },
            timezone: schedule.zone.name().to_owned(),
            place: place.map_or_else(String::new, |place| place.name.clone()),
            at: place
                .and_then(|place| place.at)
                .map_or_else(String::new, |at| format!("{},{}", at.lat, at.lon)),
            online_url: event.online_url.clone(),
            url: event.url.clone(),
            repeat: Repeat::of(schedule),
            // A date that is put off is not what has to be confirmed.
            tentative: event.status == Status::Tentative && !event.postponed,
            seen: Seen::of(&shown.audience),
            details: Details::of(event),
        }
    }

    /// What was sent.
    pub(super) fn sent(form: &Form) -> Self {
        let line = |name: &str| form.trimmed(name).to_owned();
        let mut days = [false; 7];
        for (day, ticked) in DAYS.iter().zip(&mut days) {
            *ticked = form.all("day").any(|sent| sent == *day);
        }
        let pattern = Pattern::of_name(form.get("repeat"));
        let weekly = matches!(pattern, Pattern::Weekly | Pattern::Fortnightly);
        let once = pattern == Pattern::Once;
        Self {
            title: line("title"),
            summary: line("summary"),
            description: line("description"),
            language: line("language"),
            tags: line("tags"),
            all_day: form.ticked("all_day"),
            start_date: line("start_date"),
            start_time: line("start_time"),
            end_date: line("end_date"),
            end_time: line("end_time"),
            timezone: line("timezone"),
            place: line("place"),
            at: line("at"),
            online_url: line("online_url"),
            url: line("url"),
            // Fields that do not belong to the pattern that was chosen say nothing.
            repeat: Repeat {
                pattern,
                days: if weekly { days } else { [false; 7] },
                until: if once || pattern == Pattern::Other {
                    String::new()
                } else {
                    line("until")
                },
                rule: if pattern == Pattern::Other {
                    line("rule")
                } else {
                    String::new()
                },
            },
            tentative: form.ticked("tentative"),
            seen: Seen::of_name(form.get("seen")),
            details: Details::sent(form),
        }
    }

    /// What this changes in an event that said `before`, or what makes a new one.
    pub(super) fn fields(&self, before: Option<(&Self, &Event)>, words: &AdminWords) -> Result<EventFields, Errors> {
        let mut errors = Errors::default();
        let old = before.map(|(typed, _)| typed);
        let changed = |mine: &String, theirs: fn(&Self) -> &String| {
            old.is_none_or(|old| theirs(old) != mine).then(|| mine.clone())
        };
        self.check_texts(words, &mut errors);
        self.details.check(words, &mut errors);
        let zone = self.zone(before, words, &mut errors);
        let schedule = self.schedule(words, &mut errors);
        let at = self.point(words, &mut errors);
        let rule = schedule.map(|(start, _)| self.rule(start, &zone, words, &mut errors));
        let (Some((start, end)), Some(rule)) = (schedule, rule) else {
            return Err(errors);
        };
        if !errors.is_empty() {
            return Err(errors);
        }
        let when = |typed: &Self| {
            (
                typed.all_day,
                typed.start_date.clone(),
                typed.start_time.clone(),
                typed.end_date.clone(),
                typed.end_time.clone(),
            )
        };
        let moved = old.is_none_or(|old| when(old) != when(self));
        let re_ruled =
            old.is_none_or(|old| old.repeat != self.repeat) || moved && self.repeat.pattern != Pattern::Other;
        let old_rule = before.map(|(_, event)| event.schedule.rules.join(""));
        let tags = self.tags.split(',').map(str::trim).filter(|tag| !tag.is_empty());
        let seen = match self.seen {
            Seen::Draft => Some(Audience::Local),
            Seen::Network => Some(Audience::Network),
            Seen::Public => Some(Audience::Public),
            Seen::Shared => None,
        };
        let mut fields = EventFields {
            title: changed(&self.title, |typed| &typed.title),
            summary: changed(&self.summary, |typed| &typed.summary),
            description: changed(&self.description, |typed| &typed.description),
            start: moved.then(|| start.to_string()),
            ending: moved.then(|| Ending::At(end.to_string())),
            timezone: changed(&self.timezone, |typed| &typed.timezone),
            location: changed(&self.place, |typed| &typed.place),
            at: at.filter(|_| old.is_none_or(|old| old.at != self.at || old.place != self.place)),
            tags: old
                .is_none_or(|old| old.tags != self.tags)
                .then(|| tags.map(str::to_owned).collect()),
            rrule: (re_ruled && old_rule.as_ref() != Some(&rule)).then_some(rule),
            url: changed(&self.url, |typed| &typed.url),
            online_url: changed(&self.online_url, |typed| &typed.online_url),
            language: changed(&self.language, |typed| &typed.language),
            audience: seen.filter(|_| old.is_none_or(|old| old.seen != self.seen)),
            tentative: old
                .is_none_or(|old| old.tentative != self.tentative)
                .then_some(self.tentative),
            ..EventFields::default()
        };
        self.details.apply(old.map(|old| &old.details), &mut fields);
        Ok(fields)
    }

    fn check_texts(&self, words: &AdminWords, errors: &mut Errors) {
        if self.title.is_empty() {
            errors.note("title", words.error_title);
        } else if self.title.contains('\n') {
            errors.note("title", words.error_one_line);
        }
        for (field, text, most) in [
            ("title", &self.title, MAX_TITLE),
            ("summary", &self.summary, MAX_SUMMARY),
            ("description", &self.description, MAX_DESCRIPTION),
            ("place", &self.place, MAX_PLACE),
            ("language", &self.language, MAX_LANGUAGE),
            ("url", &self.url, MAX_URL),
            ("online_url", &self.online_url, MAX_URL),
        ] {
            let length = text.chars().count();
            if length > most {
                let numbers = [("length", &*length.to_string()), ("most", &*most.to_string())];
                errors.note(field, fill(words.error_too_long, &numbers));
            }
            if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
                errors.note(field, words.error_control);
            }
        }
        for (field, url) in [("url", &self.url), ("online_url", &self.online_url)] {
            if !url.is_empty() && super::super::text::safe_link(url).is_none() {
                errors.note(field, words.error_url);
            }
        }
        let tags: Vec<&str> = self.tags.split(',').collect();
        if tags.len() > MAX_TAGS || tags.iter().any(|tag| tag.trim().chars().count() > MAX_TAG) {
            let numbers = [("count", &*MAX_TAGS.to_string()), ("most", &*MAX_TAG.to_string())];
            errors.note("tags", fill(words.error_tags, &numbers));
        }
        let is_tag = self
            .language
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_tag {
            errors.note("language", words.error_language);
        }
    }

    /// The zone of the wall times: the event's own, custom or not, while its name is left as it is.
    fn zone(&self, before: Option<(&Self, &Event)>, words: &AdminWords, errors: &mut Errors) -> Zone {
        if let Some((_, event)) = before.filter(|(typed, _)| typed.timezone == self.timezone) {
            return event.schedule.zone.clone();
        }
        let found = zone::find_iana(&self.timezone).map(Zone::Named);
        found.unwrap_or_else(|| {
            errors.note("timezone", words.error_timezone);
            Zone::Named("UTC".to_owned())
        })
    }

    /// Start, and end as commands take it: of whole days the last one.
    fn schedule(&self, words: &AdminWords, errors: &mut Errors) -> Option<(LocalTime, LocalTime)> {
        let date = |text: &str| {
            text.parse::<Date>()
                .ok()
                .filter(|date| (1..=9998).contains(&date.year()))
        };
        let time = |text: &str| {
            Time::strptime("%H:%M", text)
                .or_else(|_| Time::strptime("%H:%M:%S", text))
                .ok()
        };
        let start_date = date(&self.start_date);
        if start_date.is_none() {
            errors.note("start_date", words.error_date);
        }
        let end_date = if self.end_date.is_empty() {
            start_date
        } else {
            date(&self.end_date)
        };
        if end_date.is_none() && start_date.is_some() {
            errors.note("end_date", words.error_date);
        }
        let (start_date, mut end_date) = (start_date?, end_date?);
        if end_date < start_date {
            errors.note("end_date", words.error_end);
            return None;
        }
        if self.all_day {
            return Some((LocalTime::Date(start_date), LocalTime::Date(end_date)));
        }
        let start_time = time(&self.start_time);
        if start_time.is_none() {
            errors.note("start_time", words.error_time);
        }
        let end_time = if self.end_time.is_empty() {
            start_time
        } else {
            time(&self.end_time)
        };
        if end_time.is_none() && start_time.is_some() {
            errors.note("end_time", words.error_time);
        }
        let (start_time, end_time) = (start_time?, end_time?);
        if end_time < start_time && self.end_date.is_empty() {
            // From 22:00 to 02:00, without another date, is one night.
            end_date = end_date.tomorrow().ok()?;
        }
        let (start, end) = (start_date.to_datetime(start_time), end_date.to_datetime(end_time));
        if end < start {
            errors.note("end_time", words.error_end);
            return None;
        }
        Some((LocalTime::DateTime(start), LocalTime::DateTime(end)))
    }

    fn point(&self, words: &AdminWords, errors: &mut Errors) -> Option<Point> {
        if self.at.is_empty() {
            return None;
        }
        let numbers = self.at.split_once(',');
        let point = numbers.and_then(|(lat, lon)| Point::new(lat.trim().parse().ok()?, lon.trim().parse().ok()?));
        if point.is_none() {
            errors.note("at", words.error_at);
        }
        point
    }

    fn rule(&self, start: LocalTime, zone: &Zone, words: &AdminWords, errors: &mut Errors) -> String {
        if !self.repeat.until.is_empty() {
            match self.repeat.until.parse::<Date>() {
                Ok(until) if until >= start.date() && until.year() <= 9998 => {}
                Ok(_) => errors.note("until", words.error_until),
                Err(_) => errors.note("until", words.error_date),
            }
        }
        let rule = self.repeat.to_rule(start, zone);
        if self.repeat.pattern == Pattern::Other {
            let wrong = rule.is_empty() || rrule::check(rule.trim_start_matches("RRULE:")).is_err();
            if wrong {
                errors.note("rule", words.error_rule);
            }
        }
        rule
    }
}
