//! What an edit altered, field by field: to be made again on a document that has moved on.

use std::collections::{BTreeMap, BTreeSet};

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, ObjType, ROOT, ReadDoc};

use crate::event::{Event, LocalTime, Location, Override, Schedule, Status, Translation};

/// One field as people name it, and as [`super::Conflict`] lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Title,
    Summary,
    Description,
    Status,
    Start,
    End,
    Timezone,
    Rrule,
    ExtraDates,
    ExcludedDates,
    Tags,
    Location,
    At,
    Url,
    OnlineUrl,
    ImageUrl,
    Language,
    Features,
    Capacity,
}

impl Field {
    const ALL: [Self; 19] = [
        Self::Title,
        Self::Summary,
        Self::Description,
        Self::Status,
        Self::Start,
        Self::End,
        Self::Timezone,
        Self::Rrule,
        Self::ExtraDates,
        Self::ExcludedDates,
        Self::Tags,
        Self::Location,
        Self::At,
        Self::Url,
        Self::OnlineUrl,
        Self::ImageUrl,
        Self::Language,
        Self::Features,
        Self::Capacity,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Summary => "summary",
            Self::Description => "description",
            Self::Status => "status",
            Self::Start => "start",
            Self::End => "end",
            Self::Timezone => "timezone",
            Self::Rrule => "rrule",
            Self::ExtraDates => "extra_dates",
            Self::ExcludedDates => "excluded_dates",
            Self::Tags => "tags",
            Self::Location => "location",
            Self::At => "at",
            Self::Url => "url",
            Self::OnlineUrl => "online_url",
            Self::ImageUrl => "image_url",
            Self::Language => "language",
            Self::Features => "features",
            Self::Capacity => "capacity",
        }
    }

    /// The value as text; two events that differ in the field differ in it.
    fn text(self, event: &Event) -> String {
        let dates = |dates: &[LocalTime]| dates.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let schedule = &event.schedule;
        match self {
            Self::Title => event.title.clone(),
            Self::Summary => event.summary.clone(),
            Self::Description => event.description.clone(),
            Self::Status if event.postponed => "postponed".to_owned(),
            Self::Status => status_name(event.status).to_owned(),
            Self::Start => schedule.start.to_string(),
            Self::End => schedule.end.to_string(),
            Self::Timezone => schedule.zone.name().to_owned(),
            Self::Rrule => schedule.rules.join(", "),
            Self::ExtraDates => dates(&schedule.extra),
            Self::ExcludedDates => dates(&schedule.excluded),
            Self::Tags => event.tags.join(", "),
            Self::Location => event
                .location
                .as_ref()
                .map(|place| place.name.clone())
                .unwrap_or_default(),
            Self::At => {
                let at = event.location.as_ref().and_then(|place| place.at);
                at.map(|at| format!("{},{}", at.lat, at.lon)).unwrap_or_default()
            }
            Self::Url => event.url.clone(),
            Self::OnlineUrl => event.online_url.clone(),
            Self::ImageUrl => event.image_url.clone(),
            Self::Language => event.language.clone(),
            Self::Features => event.features.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
            Self::Capacity => event.capacity.map(|number| number.to_string()).unwrap_or_default(),
        }
    }

    fn copy(self, from: &Event, to: &mut Event) {
        match self {
            Self::Title => to.title.clone_from(&from.title),
            Self::Summary => to.summary.clone_from(&from.summary),
            Self::Description => to.description.clone_from(&from.description),
            Self::Status => (to.status, to.postponed) = (from.status, from.postponed),
            Self::Start => to.schedule.start = from.schedule.start,
            Self::End => to.schedule.end = from.schedule.end,
            Self::Timezone => to.schedule.zone.clone_from(&from.schedule.zone),
            Self::Rrule => to.schedule.rules.clone_from(&from.schedule.rules),
            Self::ExtraDates => to.schedule.extra.clone_from(&from.schedule.extra),
            Self::ExcludedDates => to.schedule.excluded.clone_from(&from.schedule.excluded),
            Self::Tags => to.tags.clone_from(&from.tags),
            Self::Location | Self::At => {
                let mut place = to.location.clone().unwrap_or_default();
                let given = from.location.clone().unwrap_or_default();
                if self == Self::Location {
                    place.name = given.name;
                } else {
                    place.at = given.at;
                }
                to.location = (place != Location::default()).then_some(place);
            }
            Self::Url => to.url.clone_from(&from.url),
            Self::OnlineUrl => to.online_url.clone_from(&from.online_url),
            Self::ImageUrl => to.image_url.clone_from(&from.image_url),
            Self::Language => to.language.clone_from(&from.language),
            Self::Features => to.features.clone_from(&from.features),
            Self::Capacity => to.capacity = from.capacity,
        }
    }

    fn differs(self, one: &Event, other: &Event) -> bool {
        match self {
            Self::Timezone => one.schedule.zone != other.schedule.zone,
            Self::Rrule => one.schedule.rules != other.schedule.rules,
            Self::Tags => one.tags != other.tags,
            _ => self.text(one) != self.text(other),
        }
    }
}

const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Confirmed => "confirmed",
        Status::Tentative => "tentative",
        Status::Cancelled => "cancelled",
    }
}

/// Whether a field can be taken back by its name: an event goes on without it. Its title, status and dates it needs.
pub fn can_be_withdrawn(name: &str) -> bool {
    let needed = |field: Field| {
        matches!(
            field,
            Field::Title
                | Field::Status
                | Field::Start
                | Field::End
                | Field::Timezone
                | Field::Rrule
                | Field::ExtraDates
                | Field::ExcludedDates
        )
    };
    let mut translation = name.split('/');
    let is_translation = translation.next() == Some("translations")
        && translation.next().is_some_and(|language| !language.is_empty())
        && matches!(translation.next(), Some("title" | "summary"))
        && translation.next().is_none();
    is_translation
        || Field::ALL
            .into_iter()
            .any(|field| field.name() == name && !needed(field))
}

/// Empties the fields of these names.
pub(super) fn withdraw(event: &mut Event, names: &[String]) {
    let empty = Event {
        title: String::new(),
        summary: String::new(),
        description: String::new(),
        status: Status::default(),
        postponed: false,
        tags: Vec::new(),
        location: None,
        url: String::new(),
        online_url: String::new(),
        image_url: String::new(),
        language: String::new(),
        translations: BTreeMap::new(),
        features: BTreeSet::new(),
        capacity: None,
        schedule: Schedule {
            rules: Vec::new(),
            extra: Vec::new(),
            excluded: Vec::new(),
            overrides: Vec::new(),
            ..event.schedule.clone()
        },
        ..event.clone()
    };
    for field in Field::ALL {
        if names.iter().any(|name| name == field.name()) {
            field.copy(&empty, event);
        }
    }
    let texts: Vec<String> = translated(event).into_keys().collect();
    for name in texts {
        if is_among(&name, |wanted| names.iter().any(|name| name == wanted)) {
            translate(event, &name, "");
        }
    }
}

/// What an edit altered, as text: name of the field and the value it was given. Dates of a series are named
/// `occurrence/START`, texts in other languages `translations/LANG/NAME`.
pub fn altered(before: &Event, after: &Event) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Field::ALL
        .into_iter()
        .filter(|field| field.differs(before, after))
        .map(|field| (field.name().to_owned(), field.text(after)))
        .collect();
    out.extend(retranslated(before, after));
    let (old, new) = (overrides(before), overrides(after));
    for start in touched(&old, &new) {
        let value = new.get(&start).map_or_else(String::new, |one| describe(one));
        out.push((format!("occurrence/{start}"), value));
    }
    out
}

/// What a field that [`altered`] names says in an event, as text; empty for a name that is none.
pub fn text_of(event: &Event, name: &str) -> String {
    if let Some(field) = Field::ALL.into_iter().find(|field| field.name() == name) {
        return field.text(event);
    }
    if let Some(text) = translated(event).remove(name) {
        return text.to_owned();
    }
    let all = overrides(event);
    let one = all.iter().find(|(start, _)| format!("occurrence/{start}") == name);
    one.map_or_else(String::new, |(_, one)| describe(one))
}

/// Makes an edit again on an event that says something else by now: what differs between `before` and `after` becomes
/// so in `onto`; long texts merge by character, and of features what was added is added, what was taken away is taken away. Fields of the names in `withdrawn` are left out.
pub fn carry_over(before: &Event, after: &Event, onto: &Event, withdrawn: &BTreeSet<String>) -> Event {
    let mut out = onto.clone();
    for field in Field::ALL {
        if !field.differs(before, after) || withdrawn.contains(field.name()) {
            continue;
        }
        match field {
            Field::Description => {
                out.description = merge_text(&before.description, &after.description, &onto.description);
            }
            Field::Features => {
                out.features
                    .retain(|word| !before.features.contains(word) || after.features.contains(word));
                out.features
                    .extend(after.features.difference(&before.features).cloned());
            }
            other => other.copy(after, &mut out),
        }
    }
    for (name, text) in retranslated(before, after) {
        if !is_among(&name, |wanted| withdrawn.contains(wanted)) {
            translate(&mut out, &name, &text);
        }
    }
    if before.uid != after.uid {
        out.uid.clone_from(&after.uid);
    }
    if before.sequence != after.sequence {
        out.sequence = after.sequence.max(onto.sequence.saturating_add(1));
    }
    if before.updated_ms != after.updated_ms {
        out.updated_ms = after.updated_ms.max(onto.updated_ms.saturating_add(1));
    }
    carry_overrides(before, after, &mut out);
    out
}

/// The texts in other languages by their names; none that is empty.
fn translated(event: &Event) -> BTreeMap<String, &str> {
    let mut out = BTreeMap::new();
    for (tag, translation) in &event.translations {
        for (key, text) in [("title", &translation.title), ("summary", &translation.summary)] {
            if !text.is_empty() {
                out.insert(format!("translations/{tag}/{key}"), text.as_str());
            }
        }
    }
    out
}

/// The names of texts in other languages that differ, and what they say afterwards; nothing if they are gone.
fn retranslated(before: &Event, after: &Event) -> Vec<(String, String)> {
    let (old, new) = (translated(before), translated(after));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differing = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
    differing
        .map(|name| {
            (
                name.clone(),
                new.get(name).map_or_else(String::new, |text| (*text).to_owned()),
            )
        })
        .collect()
}

/// Gives the text of such a name; an empty one is taken away, and a language without any with it.
fn translate(event: &mut Event, name: &str, text: &str) {
    let Some((tag, key)) = name.strip_prefix("translations/").and_then(|rest| rest.split_once('/')) else {
        return;
    };
    let translation = event.translations.entry(tag.to_owned()).or_default();
    let place = if key == "title" {
        &mut translation.title
    } else {
        &mut translation.summary
    };
    text.clone_into(place);
    event
        .translations
        .retain(|_, translation| *translation != Translation::default());
}

/// Whether such a name, or all translations, are among the names wanted.
fn is_among(name: &str, wanted: impl Fn(&str) -> bool) -> bool {
    wanted(name) || wanted("translations")
}

fn overrides(event: &Event) -> BTreeMap<LocalTime, &Override> {
    let all = event.schedule.overrides.iter();
    all.map(|one| (one.recurrence_id, one)).collect()
}

fn touched(old: &BTreeMap<LocalTime, &Override>, new: &BTreeMap<LocalTime, &Override>) -> BTreeSet<LocalTime> {
    let starts = old.keys().chain(new.keys()).copied();
    starts.filter(|start| old.get(start) != new.get(start)).collect()
}

fn carry_overrides(before: &Event, after: &Event, out: &mut Event) {
    let (old, new) = (overrides(before), overrides(after));
    let mut all: BTreeMap<LocalTime, Override> = out
        .schedule
        .overrides
        .drain(..)
        .map(|one| (one.recurrence_id, one))
        .collect();
    for start in touched(&old, &new) {
        let Some(wanted) = new.get(&start) else {
            all.remove(&start);
            continue;
        };
        match (old.get(&start), all.get_mut(&start)) {
            (known, Some(present)) => carry_override(known.copied(), wanted, present),
            (_, None) => drop(all.insert(start, (*wanted).clone())),
        }
    }
    out.schedule.overrides = all.into_values().collect();
}

fn carry_override(known: Option<&Override>, wanted: &Override, present: &mut Override) {
    if known.is_none_or(|known| known.this_and_future != wanted.this_and_future) {
        present.this_and_future = wanted.this_and_future;
    }
    if known.and_then(|known| known.status) != wanted.status {
        present.status = wanted.status;
    }
    if known.and_then(|known| known.time) != wanted.time {
        present.time = wanted.time;
    }
    if known.and_then(|known| known.title.as_ref()) != wanted.title.as_ref() {
        present.title.clone_from(&wanted.title);
    }
    if known.and_then(|known| known.description.as_ref()) != wanted.description.as_ref() {
        present.description.clone_from(&wanted.description);
    }
    if known.and_then(|known| known.location.as_ref()) != wanted.location.as_ref() {
        present.location.clone_from(&wanted.location);
    }
    if known.and_then(|known| known.url.as_ref()) != wanted.url.as_ref() {
        present.url.clone_from(&wanted.url);
    }
}

fn describe(one: &Override) -> String {
    let mut parts = Vec::new();
    parts.extend(one.status.map(|status| status_name(status).to_owned()));
    parts.extend(one.time.map(|(start, end)| format!("{start} to {end}")));
    parts.extend(one.title.clone());
    parts.extend(one.location.as_ref().map(|place| place.name.clone()));
    parts.extend(one.url.clone());
    parts.extend(one.description.clone());
    parts.join(", ")
}

/// Merges two edits of one text by character. Both are kept; where they insert at the same place, `theirs` comes first.
fn merge_text(before: &str, mine: &str, theirs: &str) -> String {
    if before == theirs {
        return mine.to_owned();
    }
    let merged = || {
        // Fixed names instead of random ones: the same texts always merge alike. Of two insertions the one with the larger
        // name comes first.
        let mut base = AutoCommit::new().with_actor(ActorId::from(&[1][..]));
        let text = base.put_object(ROOT, "text", ObjType::Text).ok()?;
        base.splice_text(&text, 0, 0, before).ok()?;
        base.commit_with(CommitOptions::default().with_time(0));
        let mut other = base.fork().with_actor(ActorId::from(&[2][..]));
        base.update_text(&text, mine).ok()?;
        other.update_text(&text, theirs).ok()?;
        base.merge(&mut other).ok()?;
        base.text(&text).ok()
    };
    merged().unwrap_or_else(|| mine.to_owned())
}

#[cfg(test)]
mod tests {
    use super::merge_text;

    #[test]
    fn texts_merge_alike_every_time() {
        for _ in 0..20 {
            assert_eq!(
                merge_text("", " Bring a cake.", "Come early!"),
                "Come early! Bring a cake."
            );
            assert_eq!(merge_text("a b c", "a B c", "a b C"), "a B C");
            assert_eq!(merge_text("same", "mine", "same"), "mine");
        }
    }
}
