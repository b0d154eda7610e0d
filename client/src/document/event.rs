//! Events, lists of them, imports and exports.

use std::collections::BTreeMap;

use interhub_proto::v1;
use serde::Serialize;

use super::{instant, present};

/// One event; in a list, one occurrence of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of interhub.v1.Event, documented there")]
pub struct EventDocument {
    pub id: String,
    pub uid: String,
    pub hub: String,
    pub hosts: Vec<String>,
    pub title: String,
    pub summary: String,
    pub description: String,
    pub start: String,
    pub end: String,
    pub timezone: String,
    pub all_day: bool,
    pub start_utc: Option<String>,
    pub end_utc: Option<String>,
    pub status: &'static str,
    pub series: bool,
    pub recurrence_id: Option<String>,
    pub tags: Vec<String>,
    pub location: Option<LocationDocument>,
    pub online_url: Option<String>,
    pub url: Option<String>,
    pub language: Option<String>,
    pub updated: Option<String>,
    pub as_of: Option<String>,
    pub created: Option<String>,
    pub rrule: Vec<String>,
    pub sequence: u32,
    pub image_url: Option<String>,
    pub hidden: bool,
    pub hidden_note: Option<HiddenNoteDocument>,
    pub audience: &'static str,
    pub shared_with: Vec<String>,
    pub translations: BTreeMap<String, TranslationDocument>,
    pub features: Vec<String>,
    pub capacity: Option<u32>,
    pub postponed: bool,
    pub attendance: Option<&'static str>,
}

/// Texts in another language; empty where they are not translated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TranslationDocument {
    /// One line.
    pub title: String,
    /// One or two sentences.
    pub summary: String,
}

/// What the operator decided about showing another hub's event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HiddenNoteDocument {
    /// Whether it is hidden; otherwise it was, and is shown again.
    pub hidden: bool,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Option<String>,
    /// Who.
    pub by: String,
}

impl From<v1::HiddenNote> for HiddenNoteDocument {
    fn from(note: v1::HiddenNote) -> Self {
        Self {
            hidden: note.hidden,
            reason: note.reason,
            at: instant(note.at.as_ref()),
            by: note.by,
        }
    }
}

/// Where an event takes place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LocationDocument {
    /// Name or address; may be empty.
    pub name: String,
    /// Degrees north.
    pub lat: Option<f64>,
    /// Degrees east.
    pub lon: Option<f64>,
}

impl From<v1::Event> for EventDocument {
    fn from(event: v1::Event) -> Self {
        let location = event
            .location
            .map(|v1::Location { name, lat, lon }| LocationDocument { name, lat, lon });
        Self {
            status: status_name(event.status),
            start_utc: instant(event.start_utc.as_ref()),
            end_utc: instant(event.end_utc.as_ref()),
            updated: instant(event.updated.as_ref()),
            as_of: instant(event.as_of.as_ref()),
            created: instant(event.created.as_ref()),
            online_url: present(&event.online_url),
            url: present(&event.url),
            image_url: present(&event.image_url),
            language: present(&event.language),
            location,
            id: event.id,
            uid: event.uid,
            hub: event.hub,
            hosts: event.hosts,
            title: event.title,
            summary: event.summary,
            description: event.description,
            start: event.start,
            end: event.end,
            timezone: event.timezone,
            all_day: event.all_day,
            series: event.series,
            recurrence_id: event.recurrence_id,
            tags: event.tags,
            rrule: event.rrule,
            sequence: event.sequence,
            hidden: event.hidden_note.as_ref().is_some_and(|note| note.hidden),
            hidden_note: event.hidden_note.map(HiddenNoteDocument::from),
            audience: audience_name(event.audience),
            shared_with: event.shared_with,
            translations: event.translations.into_iter().map(translation).collect(),
            features: event.features,
            capacity: event.capacity,
            postponed: event.postponed,
            attendance: attendance_name(event.attendance),
        }
    }
}

fn translation(one: v1::Translation) -> (String, TranslationDocument) {
    let v1::Translation {
        language,
        title,
        summary,
    } = one;
    (language, TranslationDocument { title, summary })
}

fn attendance_name(attendance: i32) -> Option<&'static str> {
    match v1::Attendance::try_from(attendance) {
        Ok(v1::Attendance::InPlace) => Some("in_place"),
        Ok(v1::Attendance::Online) => Some("online"),
        Ok(v1::Attendance::Hybrid) => Some("hybrid"),
        Ok(v1::Attendance::Unspecified) | Err(_) => None,
    }
}

fn audience_name(audience: i32) -> &'static str {
    match v1::Audience::try_from(audience) {
        Ok(v1::Audience::Network) => "network",
        Ok(v1::Audience::Group) => "group",
        Ok(v1::Audience::Local) => "local",
        Ok(v1::Audience::Public | v1::Audience::Unspecified) | Err(_) => "public",
    }
}

fn status_name(status: i32) -> &'static str {
    match v1::EventStatus::try_from(status) {
        Ok(v1::EventStatus::Tentative) => "tentative",
        Ok(v1::EventStatus::Cancelled) => "cancelled",
        Ok(v1::EventStatus::Draft) => "draft",
        Ok(v1::EventStatus::Confirmed | v1::EventStatus::Unspecified) | Err(_) => "confirmed",
    }
}

/// `event list`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ListDocument {
    /// One entry per occurrence, ordered by start.
    pub events: Vec<EventDocument>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

impl From<v1::ListEventsResponse> for ListDocument {
    fn from(list: v1::ListEventsResponse) -> Self {
        Self {
            events: list.events.into_iter().map(EventDocument::from).collect(),
            next: list.next,
        }
    }
}

/// `event list --hidden`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HiddenListDocument {
    /// One entry for each event, the one hidden last first.
    pub events: Vec<EventDocument>,
    /// Always null: the list is whole.
    pub next: Option<String>,
    /// Hidden events that are not there any more, and stay hidden should they come back.
    pub gone: Vec<GoneDocument>,
}

/// A hidden event that is not there any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoneDocument {
    /// Its id.
    pub id: String,
    /// Why, when, who.
    pub hidden_note: Option<HiddenNoteDocument>,
}

impl From<Vec<v1::HiddenEvent>> for HiddenListDocument {
    fn from(hidden: Vec<v1::HiddenEvent>) -> Self {
        let mut list = Self {
            events: Vec::new(),
            next: None,
            gone: Vec::new(),
        };
        for v1::HiddenEvent { id, event, note } in hidden {
            let Some(event) = event else {
                let hidden_note = note.map(HiddenNoteDocument::from);
                list.gone.push(GoneDocument { id, hidden_note });
                continue;
            };
            let event = v1::Event {
                hidden_note: note,
                ..event
            };
            list.events.push(event.into());
        }
        list
    }
}

/// `event erase`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErasedDocument {
    /// The event.
    pub id: String,
    /// Always true: it is erased now.
    pub erased: bool,
    /// It was erased before, and nothing was done.
    pub already: bool,
    /// Documents of it that were erased now.
    pub documents: u32,
}

impl From<v1::EraseEventResponse> for ErasedDocument {
    fn from(erased: v1::EraseEventResponse) -> Self {
        Self {
            id: erased.id,
            erased: true,
            already: erased.already,
            documents: erased.documents,
        }
    }
}

/// `event export --format json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExportDocument {
    /// This hub's own events, one entry each.
    pub events: Vec<EventDocument>,
}

/// `event import`: of one file, or the sums of several, with each of them in `files`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImportDocument {
    /// Name of the file; of several, their names with commas.
    pub source: String,
    /// Events in the file.
    pub events: u64,
    /// Events that were not here.
    pub added: u64,
    /// Events that differed.
    pub changed: u64,
    /// Events that were the same.
    pub unchanged: u64,
    /// Events that the file cancels.
    pub cancelled: u64,
    /// Events that could not be taken; the first 1,000.
    pub refused: Vec<RefusedDocument>,
    /// Number of events that could not be taken.
    pub refused_count: u64,
    /// What was put right or left out; the first 1,000.
    pub warnings: Vec<WarningDocument>,
    /// The file does not end as a calendar ends.
    pub cut_short: bool,
    /// Events among the refused that were erased here.
    pub erased: u64,
    /// Why the whole file was not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Each file, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ImportDocument>,
}

/// Why one event of a file was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedDocument {
    /// Its UID, if it has one.
    pub uid: Option<String>,
    /// Line of the file on which it begins, from 1, if known.
    pub line: Option<u32>,
    /// What is wrong.
    pub reason: String,
}

/// Something in a file that was not as it should be, and was taken all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WarningDocument {
    /// UID of the event; null if it concerns the whole file.
    pub uid: Option<String>,
    /// Line of the file, from 1.
    pub line: u32,
    /// What was put right or left out.
    pub message: String,
}

impl From<v1::ImportResult> for ImportDocument {
    fn from(result: v1::ImportResult) -> Self {
        let refused = result
            .refused
            .into_iter()
            .map(|v1::RefusedEvent { uid, line, reason }| RefusedDocument {
                uid: present(&uid),
                line: (line > 0).then_some(line),
                reason,
            });
        let warnings = result
            .warnings
            .into_iter()
            .map(|v1::ImportWarning { uid, line, message }| WarningDocument {
                uid: present(&uid),
                line,
                message,
            });
        Self {
            warnings: warnings.collect(),
            cut_short: result.cut_short,
            source: result.source,
            events: result.events,
            added: result.added,
            changed: result.changed,
            unchanged: result.unchanged,
            cancelled: result.cancelled,
            refused: refused.collect(),
            refused_count: result.refused_count,
            erased: result.erased,
            error: None,
            files: Vec::new(),
        }
    }
}

impl ImportDocument {
    /// Several files as one document; one file stays as it is.
    pub fn sum(mut files: Vec<Self>) -> Self {
        if files.len() == 1 {
            return files.swap_remove(0);
        }
        let mut total = Self {
            source: files
                .iter()
                .map(|file| file.source.as_str())
                .collect::<Vec<_>>()
                .join(", "),
            ..Self::default()
        };
        for file in &files {
            total.events += file.events;
            total.added += file.added;
            total.changed += file.changed;
            total.unchanged += file.unchanged;
            total.cancelled += file.cancelled;
            total.refused_count += file.refused_count;
            total.erased += file.erased;
            total.refused.extend(file.refused.iter().cloned());
            total.warnings.extend(file.warnings.iter().cloned());
            total.cut_short |= file.cut_short;
        }
        total.files = files;
        total
    }
}

/// `event undo`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UndoneDocument {
    /// The event as it is now.
    #[serde(flatten)]
    pub event: EventDocument,
    /// What was taken back.
    pub undone: Vec<UndoneFieldDocument>,
}

/// One field that was taken back.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct UndoneFieldDocument {
    /// Its name.
    pub field: String,
    /// What it said.
    pub before: String,
    /// What it says now.
    pub after: String,
}

impl From<v1::UndoEventResponse> for UndoneDocument {
    fn from(undone: v1::UndoEventResponse) -> Self {
        let field = |field: v1::UndoneField| UndoneFieldDocument {
            field: field.field,
            before: field.before,
            after: field.after,
        };
        Self {
            event: undone.event.unwrap_or_default().into(),
            undone: undone.fields.into_iter().map(field).collect(),
        }
    }
}
