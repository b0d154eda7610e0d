//! What is asked.

use interhub_domain::event::LocalTime;
use interhub_domain::profile::Point;

/// Fields of an event as an operator gives them. Absent fields are left as they are, or get their default; an empty text
/// removes one. Every text is within the limits of [`interhub_domain::event`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EventFields {
    /// One line, never empty.
    pub title: Option<String>,
    /// One or two sentences.
    pub summary: Option<String>,
    /// The whole text, plain.
    pub description: Option<String>,
    /// When it begins, in the event's zone.
    pub start: Option<LocalTime>,
    /// When it ends. Absent: an edit that moves the start keeps the length.
    pub ending: Option<Ending>,
    /// IANA zone; a new event takes the hub's own.
    pub timezone: Option<String>,
    /// Name or address of the place.
    pub location: Option<String>,
    /// Where it is.
    pub at: Option<Point>,
    /// Replaces all tags.
    pub tags: Option<Vec<String>>,
    /// RRULE value; empty makes it a single event.
    pub rrule: Option<String>,
    /// The event's own page.
    pub url: Option<String>,
    /// Where to join online.
    pub online_url: Option<String>,
    /// BCP 47 language.
    pub language: Option<String>,
    /// Whether only this hub sees it.
    pub draft: Option<bool>,
}

/// How the end of an event is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Exclusive, in the form of the start.
    At(LocalTime),
    /// Length in seconds, above 0; whole days for a date.
    After(u64),
}
