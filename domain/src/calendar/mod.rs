//! Calendars in and out.
