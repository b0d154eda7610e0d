//! A new event's or member's first values, given to Automerge at once.
//!
//! Setting some twenty fields one by one on an empty document costs several times what the whole batch does: each is
//! looked up and spliced into every column. What is made here and what [`super::event::write`] or [`super::member::write`] makes
//! read the same; property tests hold the two together.

use automerge::hydrate::{List, Map, Value};
use automerge::{ScalarValue, TextEncoding};
use std::collections::HashMap;

use super::details::{CAPACITY, FEATURES, TRANSLATIONS};
use super::event::{POSTPONED, status_name, times};
use super::member::{AUDIENCES, CONSENTS, LOCAL, date_text};
use crate::event::{Event, Location, Override, Schedule, Status, Zone};
use crate::member::{Consent, Link, Listing, Member, Way};

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

/// The root of a new member, as [`event`] is of an event.
pub(super) fn member(member: &Member, encoding: TextEncoding) -> Map {
    let mut root = Fields::default();
    root.string("kind", member.kind.name());
    root.string("name", &member.name);
    root.string("headline", &member.headline);
    if !member.biography.is_empty() {
        root.put("biography", Value::text(encoding, &member.biography));
    }
    root.strings("skills", &member.skills);
    root.maps("offers", member.offers.iter().map(listing));
    root.maps("wants", member.wants.iter().map(listing));
    root.strings("languages", &member.languages);
    root.maps("links", member.links.iter().map(link));
    if !member.photo.is_empty() {
        root.put("photo", Value::Scalar(ScalarValue::Bytes(member.photo.clone())));
    }
    root.string("role", &member.role);
    root.strings("projects", &member.projects);
    root.strings("programmes", &member.programmes);
    root.string("tier", &member.tier);
    root.string("status", member.status.name());
    root.string("valid_until", &date_text(member.valid_until));
    let mut audiences = Fields::default();
    for (field, audience) in &member.audiences {
        audiences.string(field.name(), audience.name());
    }
    root.map(AUDIENCES, audiences);
    let mut local = Fields::default();
    local.string("mail", &member.local.mail);
    local.string("phone", &member.local.phone);
    local.string("notes", &member.local.notes);
    local.string("number", &member.local.number);
    root.map(LOCAL, local);
    let mut consents = Fields::default();
    for (id, one) in &member.consents {
        consents.map(id, consent(one));
    }
    root.map(CONSENTS, consents);
    root.integer("created", member.created_ms);
    root.integer("updated", member.updated_ms);
    root.into()
}

fn listing(one: &Listing) -> Fields {
    let mut entry = Fields::default();
    entry.string("what", &one.what);
    entry.string("way", one.way.map_or("", Way::name));
    entry.string("until", &date_text(one.until));
    entry
}

fn link(one: &Link) -> Fields {
    let mut entry = Fields::default();
    entry.string("label", &one.label);
    entry.string("url", &one.url);
    entry
}

fn consent(one: &Consent) -> Fields {
    let mut entry = Fields::default();
    entry.integer("at", one.at_ms);
    entry.string("audience", one.audience.name());
    let mut fields = Fields::default();
    for field in &one.fields {
        fields.flag(field.name(), true);
    }
    entry.map("fields", fields);
    entry.string("text", &one.text_version);
    entry.string("channel", &one.channel);
    entry.string("by", &one.recorded_by);
    if let Some(at_ms) = one.withdrawn_ms {
        entry.integer("withdrawn", at_ms);
    }
    entry
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

    fn maps(&mut self, key: &str, entries: impl Iterator<Item = Self>) {
        let items: Vec<Value> = entries.map(|entry| Value::Map(entry.into())).collect();
        if !items.is_empty() {
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
