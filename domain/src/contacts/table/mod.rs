//! Tables: CSV (RFC 4180), as spreadsheets and back-office software write it.

mod dates;
mod row;
mod write;

use csv::{ReaderBuilder, StringRecord};

use self::row::{Layout, Taken};
use super::bytes::{Decoded, LineCount, decoded};
use super::columns::Column;
use super::{ReadError, Reading};

pub use write::{Difference, differences, to_csv};

/// Most columns looked at; the rest of a wider table is left out.
const MAX_COLUMNS: usize = 500;
/// What divides cells, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Most bytes of the first row that are looked at for what divides it.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// Reads a table.
pub(super) fn read(utf8: &[u8], map: &[(String, Column)], out: &mut Reading) -> Result<(), ReadError> {
    let Decoded { text, old } = decoded(utf8);
    if let Some((line, lines)) = old {
        out.notice(
            line,
            &format!("{lines} lines are not UTF-8 and were read as Windows-1252"),
        );
    }
    if text.contains('\0') {
        out.notice(1, "NUL characters were taken out");
    }
    let (text, skipped) = without_preamble(&text);
    let delimiter = delimiter(text);
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .has_headers(false)
        .from_reader(text.as_bytes());
    let mut headers = StringRecord::new();
    next(&mut reader, &mut headers);
    let layout = Layout::of(&headers, map, out)?;
    let mut rows = rows(&mut reader, (LineCount::of(text), skipped), &layout, out)?;
    let open = text.bytes().filter(|&byte| byte == b'"').count() % 2 == 1;
    if open {
        refuse_open_end(&mut rows, out);
    }
    let order = layout.order(&rows);
    for (line, row) in &rows {
        let mut notices = Vec::new();
        let read = Taken::new(&layout, row, order).said(&mut notices);
        for notice in notices {
            out.notice(*line, &notice);
        }
        out.take(*line, read);
    }
    out.parsed.refused.sort_by_key(|refused| refused.line);
    Ok(())
}

/// Without the line `sep=;` by which Excel is told what divides cells, and empty lines. Tells how many lines that were.
fn without_preamble(text: &str) -> (&str, u64) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let is_preamble =
        first.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("sep=")) && first.trim_end().len() <= 5;
    if is_preamble { (rest, 1) } else { (text, 0) }
}

/// What divides the first row most often, outside of quotation marks.
fn delimiter(text: &str) -> u8 {
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut inside = false;
    let mut any = false;
    for byte in text.bytes().take(MAX_HEADER_BYTES) {
        match byte {
            b'"' => inside = !inside,
            b'\n' | b'\r' if !inside && any => break,
            _ if inside => {}
            _ => {
                any |= !byte.is_ascii_whitespace();
                for (count, _) in counts.iter_mut().zip(DELIMITERS).filter(|(_, one)| *one == byte) {
                    *count += 1;
                }
            }
        }
    }
    let most = counts.iter().copied().max().unwrap_or_default();
    let found = counts.iter().zip(DELIMITERS).find(|(count, _)| **count == most);
    found.map_or(b',', |(_, delimiter)| delimiter)
}

/// The next row, if there is one. A reader of text in memory has no other way to fail than at its end.
fn next(reader: &mut csv::Reader<&[u8]>, row: &mut StringRecord) -> bool {
    matches!(reader.read_record(row), Ok(true))
}

/// The rows that have something in them, with their lines. More cells than headers are refused: what they are about is not said.
fn rows(
    reader: &mut csv::Reader<&[u8]>,
    (mut lines, skipped): (LineCount<'_>, u64),
    layout: &Layout,
    out: &mut Reading,
) -> Result<Vec<(u64, StringRecord)>, ReadError> {
    let mut rows = Vec::new();
    let mut row = StringRecord::new();
    while next(reader, &mut row) {
        if row.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let at = row.position().map_or(0, csv::Position::byte);
        let line = lines.of_start(usize::try_from(at).unwrap_or(usize::MAX)) + skipped;
        if rows.len() + out.parsed.refused.len() >= super::MAX_ROWS {
            return Err(ReadError::TooMany { line });
        }
        let beyond = row.iter().skip(layout.width()).any(|cell| !cell.trim().is_empty());
        if beyond {
            out.refuse(
                line,
                format!("it has {} cells, and there are {} headers", row.len(), layout.width()),
            );
        } else {
            rows.push((line, row.clone()));
        }
    }
    Ok(rows)
}

/// In a table with an odd number of quotation marks the last row may have swallowed others.
fn refuse_open_end(rows: &mut Vec<(u64, StringRecord)>, out: &mut Reading) {
    let swallows = |(_, row): &mut (u64, StringRecord)| row.iter().any(|cell| cell.contains('\n'));
    if let Some((line, _)) = rows.pop_if(swallows) {
        let reason =
            "a quotation mark is opened here and never closed, so that the following rows cannot be told apart";
        out.refuse(line, reason.to_owned());
    } else {
        out.notice(1, "the number of quotation marks is odd: one of them is missing");
    }
}

#[cfg(test)]
mod tests;
