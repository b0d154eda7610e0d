//! What people see: aligned tables, times in the event's own zone, and texts that cannot disturb the terminal.

use comfy_table::{ContentArrangement, Table, presets};
use jiff::civil::{Date, DateTime};
use unicode_width::UnicodeWidthChar as _;

use crate::document::EventDocument;

/// Titles and places in tables are cut to so many columns of the terminal.
const TEXT_COLUMNS: usize = 48;

/// Rows under a header, in aligned columns with two spaces between them.
pub fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().copied());
    table.add_rows(rows);
    padded(table)
}

/// Names and values below each other.
pub fn pairs(rows: Vec<(&str, String)>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.add_rows(
        rows.into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| vec![name.to_owned(), value]),
    );
    padded(table)
}

fn padded(mut table: Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A text on one line: no control characters, no characters that turn the direction of what follows. Text written from
/// right to left is isolated, so that it does not turn the columns beside it.
pub fn line(text: &str) -> String {
    let visible: String = text
        .chars()
        .filter(|c| !turns_direction(*c))
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let one_line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    if one_line.chars().any(is_right_to_left) {
        format!("\u{2068}{one_line}\u{2069}")
    } else {
        one_line
    }
}

/// The same, cut to the width of a table's column.
pub fn short(text: &str) -> String {
    let clean = text
        .chars()
        .filter(|c| !turns_direction(*c))
        .map(|c| if c.is_control() { ' ' } else { c });
    let mut kept = String::new();
    let mut columns = 0;
    for c in clean {
        let width = c.width().unwrap_or(0);
        if columns + width >= TEXT_COLUMNS {
            kept.push('…');
            break;
        }
        columns += width;
        kept.push(c);
    }
    line(&kept)
}

/// A text of several lines; line breaks stay.
pub fn paragraphs(text: &str) -> String {
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

const fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

const fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

/// When an event takes place, on the wall of its zone: `Thu 2027-03-04 18:30–20:30`.
pub fn when(event: &EventDocument) -> String {
    let shown = if event.all_day { whole_days(event) } else { timed(event) };
    shown.unwrap_or_else(|| format!("{} – {}", line(&event.start), line(&event.end)))
}

fn whole_days(event: &EventDocument) -> Option<String> {
    let first: Date = event.start.parse().ok()?;
    let end: Date = event.end.parse().ok()?;
    let last = end.yesterday().ok()?;
    if last <= first {
        Some(day(first))
    } else {
        Some(format!("{} – {}", day(first), day(last)))
    }
}

fn timed(event: &EventDocument) -> Option<String> {
    let start: DateTime = event.start.parse().ok()?;
    let end: DateTime = event.end.parse().ok()?;
    let begins = format!("{} {}", day(start.date()), start.strftime("%H:%M"));
    if end == start {
        return Some(begins);
    }
    if end.date() == start.date() {
        return Some(format!("{begins}–{}", end.strftime("%H:%M")));
    }
    Some(format!("{begins} – {} {}", day(end.date()), end.strftime("%H:%M")))
}

fn day(date: Date) -> String {
    date.strftime("%a %Y-%m-%d").to_string()
}

/// An instant of a document in UTC, to the second: `2026-11-22 12:30:05 UTC`; `-` if it is absent.
pub fn moment(instant: Option<&String>) -> String {
    let parsed = instant.and_then(|text| text.parse::<jiff::Timestamp>().ok());
    parsed.map_or_else(
        || "-".to_owned(),
        |instant| instant.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}

/// A number of bytes: `512 B`, `3.4 MB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [(&str, u64); 4] = [
        ("TB", 1_000_000_000_000),
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
        ("kB", 1_000),
    ];
    for (unit, size) in UNITS {
        if count >= size {
            return format!("{}.{} {unit}", count / size, count % size * 10 / size);
        }
    }
    format!("{count} B")
}

/// `yes` or nothing.
pub fn yes(value: bool) -> String {
    if value { "yes".to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use interhub_proto::v1;
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    fn event(start: &str, end: &str, all_day: bool) -> EventDocument {
        EventDocument::from(v1::Event {
            start: start.into(),
            end: end.into(),
            all_day,
            ..v1::Event::default()
        })
    }

    #[test]
    fn columns_stay_aligned_with_wide_and_arabic_titles() {
        let titles = [
            "Repair café",
            "リペアカフェ",
            "مقهى الإصلاح",
            "e\u{301}te\u{301}",
            "👩‍🔧 tools",
        ];
        let rows = titles.iter().map(|title| vec![short(title), "x".to_owned()]).collect();
        let text = table(&["TITLE", "HUB"], rows);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 6);
        let column = lines[0].find("HUB").unwrap();
        for row in &lines[1..] {
            let before = row.strip_suffix('x').unwrap();
            assert_eq!(before.width(), column, "{row:?}");
        }
    }

    #[test]
    fn long_titles_are_cut_by_width() {
        assert!(short(&"x".repeat(1000)).width() <= TEXT_COLUMNS);
        assert!(short(&"修".repeat(1000)).width() <= TEXT_COLUMNS);
        assert!(short(&"x".repeat(1000)).ends_with('…'));
        assert_eq!(short("short"), "short");
    }

    #[test]
    fn a_title_cannot_disturb_the_terminal() {
        assert_eq!(line("a\u{1b}[2Jb\r\nc\u{202e}d\u{7}"), "a [2Jb cd");
        assert_eq!(short("a\nb"), "a b");
        assert_eq!(line("قهوة"), "\u{2068}قهوة\u{2069}");
        assert_eq!(paragraphs("a\u{9b}b\nc"), "a b\nc");
    }

    #[test]
    fn times_are_those_on_the_wall() {
        let shown = |start, end, all_day| when(&event(start, end, all_day));
        assert_eq!(
            shown("2027-03-04T18:30:00", "2027-03-04T20:30:00", false),
            "Thu 2027-03-04 18:30–20:30"
        );
        assert_eq!(
            shown("2027-03-04T22:00:00", "2027-03-05T02:00:00", false),
            "Thu 2027-03-04 22:00 – Fri 2027-03-05 02:00"
        );
        assert_eq!(
            shown("2027-03-04T18:30:00", "2027-03-04T18:30:00", false),
            "Thu 2027-03-04 18:30"
        );
        assert_eq!(shown("2027-03-04", "2027-03-05", true), "Thu 2027-03-04");
        assert_eq!(
            shown("2027-03-04", "2027-03-07", true),
            "Thu 2027-03-04 – Sat 2027-03-06"
        );
        assert_eq!(shown("soon", "later", false), "soon – later");
    }

    #[test]
    fn figures() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(3_450_000), "3.4 MB");
        assert_eq!(bytes(u64::MAX), "18446744.0 TB");
        assert_eq!(moment(None), "-");
        assert_eq!(
            moment(Some(&"2026-11-22T12:30:05.123Z".to_owned())),
            "2026-11-22 12:30:05 UTC"
        );
        assert_eq!(
            pairs(vec![("name", "x".into()), ("empty", String::new()), ("id", "y".into())]),
            "name  x\nid    y\n"
        );
    }
}
