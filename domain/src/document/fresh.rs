//! A new event's first values, given to Automerge at once.
//!
//! Setting some twenty fields one by one on an empty document costs several times what the whole batch does: each is
//! looked up and spliced into every column. What is made here and what [`super::event::write`] makes read the same; a
//! property test holds the two together.

use automerge::hydrate::{List, Map, Value};
use automerge::{ScalarValue, TextEncoding};
use std::collections::HashMap;

use super::details::{CAPACITY, FEATURES, TRANSLATIONS};
use super::event::{POSTPONED, status_name, times};
use crate::event::{Event, Location, Override, Schedule, Status, Zone};

/// The root of a new event. Automerge orders the keys itself, so the change's bytes depend on the event alone.
pub(super) fn event(event: &Event, encoding: TextEncoding) -> Map {
    let mut root = Fields::default();
    root.string("uid", &event.uid);
    root.integer("sequence", i64::from(event.sequence));
    root.status(Some(event.status));
    root.flag(POSTPONED, event.postponed);
    root.string("title", &event.title);
    root.string("summary", &event.summary);
    if !event.description.is_empty() {
        root.put("description", Value::text(encoding, &event.description));
    }
    root.string("language", &event.language);
    root.strings("tags", &event.tags);
    root.location(event.location.as_ref());
    root.string("url", &event.url);
    root.string("online_url", &event.online_url);
    root.string("image_url", &event.image_url);
    root.details(event);
    root.integer("created", event.created_ms);
    root.integer("updated", event.updated_ms);
    root.put("schedule", Value::Map(schedule(&event.schedule)));
    root.into()
}

fn schedule(schedule: &Schedule) -> Map {
    let mut at = Fields::default();
    at.string("start", &schedule.start.to_string());
    at.string("end", &schedule.end.to_string());
    at.string("zone", schedule.zone.name());
    if let Zone::Custom { definition, .. } = &schedule.zone {
        at.string("zone_definition", definition);
    }
    at.strings("rules", &schedule.rules);
    at.strings("extra", &times(&schedule.extra));
    at.strings("excluded", &times(&schedule.excluded));
    let mut all = Fields::default();
    for one in &schedule.overrides {
        all.put(&one.recurrence_id.to_string(), Value::Map(change(one)));
    }
    at.map("overrides", all);
    at.into()
}

fn change(one: &Override) -> Map {
    let mut entry = Fields::default();
    entry.flag("future", one.this_and_future);
    entry.status(one.status);
    if let Some((start, end)) = one.time {
        entry.string("start", &start.to_string());
        entry.string("end", &end.to_string());
    }
    entry.string("title", one.title.as_deref().unwrap_or_default());
    entry.string("description", one.description.as_deref().unwrap_or_default());
    entry.location(one.location.as_ref());
    entry.string("url", one.url.as_deref().unwrap_or_default());
    entry.into()
}

/// The keys of one map; what is empty has none.
#[derive(Default)]
struct Fields(HashMap<String, Value>);

impl Fields {
    fn put(&mut self, key: &str, value: Value) {
        self.0.insert(key.to_owned(), value);
    }

    fn string(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.put(key, Value::Scalar(ScalarValue::from(text)));
        }
    }

    fn strings(&mut self, key: &str, texts: &[String]) {
        if !texts.is_empty() {
            let items: Vec<Value> = texts
                .iter()
                .map(|text| Value::Scalar(ScalarValue::from(text.as_str())))
                .collect();
            self.put(key, Value::List(List::from(items)));
        }
    }

    fn flag(&mut self, key: &str, yes: bool) {
        if yes {
            self.put(key, Value::Scalar(ScalarValue::Boolean(true)));
        }
    }

    fn map(&mut self, key: &str, entries: Self) {
        if !entries.0.is_empty() {
            self.put(key, Value::Map(entries.into()));
        }
    }

    fn details(&mut self, event: &Event) {
        let mut languages = Self::default();
        for (tag, translation) in &event.translations {
            let mut texts = Self::default();
            texts.string("title", &translation.title);
            texts.string("summary", &translation.summary);
            languages.map(tag, texts);
        }
        self.map(TRANSLATIONS, languages);
        let mut words = Self::default();
        for word in &event.features {
            words.flag(word, true);
        }
        self.map(FEATURES, words);
        if let Some(number) = event.capacity {
            self.integer(CAPACITY, i64::from(number));
        }
    }

    fn integer(&mut self, key: &str, number: i64) {
        self.put(key, Value::Scalar(ScalarValue::Int(number)));
    }

    fn status(&mut self, status: Option<Status>) {
        self.string("status", status.map_or("", status_name));
    }

    fn location(&mut self, location: Option<&Location>) {
        let Some(location) = location else { return };
        let mut place = Self::default();
        place.string("name", &location.name);
        if let Some(at) = location.at {
            place.put("lat", Value::Scalar(ScalarValue::F64(at.lat)));
            place.put("lon", Value::Scalar(ScalarValue::F64(at.lon)));
        }
        self.put("location", Value::Map(place.into()));
    }
}

impl From<Fields> for Map {
    fn from(fields: Fields) -> Self {
        Self::from(fields.0)
    }
}
