//! What a file is that is not a calendar.

use super::{ImportFileError, logical_lines};

/// Tells an operator what the file is instead of a calendar.
pub(super) fn not_a_calendar(bytes: &[u8]) -> ImportFileError {
    let line = logical_lines(bytes).next().map_or(1, |(line, _)| line);
    let head = bytes.trim_ascii_start();
    let head = &head[..head.len().min(512)];
    let lower = head.to_ascii_lowercase();
    let starts = |prefix: &[u8]| lower.starts_with(prefix);
    let again = "ask the calendar's own export or subscription address for the .ics file";
    let (looks_like, advice) = if head.is_empty() {
        ("an empty file", again)
    } else if starts(b"<!doctype html") || starts(b"<html") || lower.windows(6).any(|part| part == b"<html ") {
        (
            "a web page (a sign-in, block or error page)",
            "open its address in a browser to see what it says",
        )
    } else if starts(b"<") {
        ("XML or HTML", again)
    } else if starts(b"{") || starts(b"[") {
        (
            "JSON, perhaps an error message",
            "read its first lines to see what it says",
        )
    } else if starts(b"begin:vcard") {
        ("contacts (vCard)", "import it with `interhub member import`")
    } else if head.starts_with(&[0x1f, 0x8b]) || starts(b"pk\x03\x04") {
        ("a compressed file", "unpack it first")
    } else if starts(b"%pdf") {
        ("a PDF", again)
    } else if head
        .iter()
        .filter(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace())
        .count()
        > 2
        || std::str::from_utf8(&head[..head.len().min(500)]).is_err_and(|error| error.error_len().is_some())
    {
        ("a binary or compressed file", again)
    } else {
        ("plain text without BEGIN:VCALENDAR", again)
    };
    ImportFileError::NotACalendar {
        line,
        looks_like,
        advice,
    }
}
