//! Members in files of other programs: reading and writing them.
//!
//! [`read`] takes a table (CSV), vCards (RFC 2426, RFC 6350, and 2.1) or JSContact (RFC 9553) and gives what each of them says of a
//! member, field by field: a field that the file does not speak of stays [`None`]. The writers take members that are already
//! reduced to what the audience may see ([`Member::seen_by`](crate::member::Member::seen_by)). What a standard has no place for is
//! written in properties of our own, so that reading what was written gives back the same [`Said`].
//!
//! What is decided where files leave it open:
//!
//! - **Encoding.** A byte order mark decides (UTF-8, UTF-16). Without one a file is UTF-8, and lines that are not are Windows-1252,
//!   which every Latin-1 text is too; in a vCard its CHARSET is asked first. NUL and other control characters are taken out.
//! - **A row or card that breaks a limit** is refused with its line and a reason, and never cut; the others go on.
//! - **A wish to be visible** is told ([`Said::visible`]) and nothing else: it is no consent and widens no audience.
//! - **Photos** are handed on as they are, at most [`MAX_PHOTO_FILE`](crate::member::said::MAX_PHOTO_FILE) bytes; one that is only an address is not fetched.
//! - **A card without a name** is taken if it has a number, an id or a mail address by which the member can be recognised.

mod bytes;
pub mod cells;
mod columns;
mod jscontact;
mod json;
mod murmurations;
mod table;
mod vcard;

use std::collections::BTreeMap;

pub use columns::Column;
pub use jscontact::to_jscontact;
pub use json::to_json;
pub use murmurations::{Profiles, to_murmurations};
pub use table::{Difference, differences, to_csv};
pub use vcard::to_vcard;

use crate::member::Said;

/// Largest file read, in bytes: 100,000 rows of an ordinary table, and what a small machine can hold several times over.
pub const MAX_FILE_BYTES: usize = 64 * 1024 * 1024;
/// Most rows or cards read from one file.
pub const MAX_ROWS: usize = 100_000;
/// Most text of one card, in bytes: the largest photo as base64, and the rest of the card.
const MAX_CARD_BYTES: usize = 18 * 1024 * 1024;
/// Most different notices of one file.
const MAX_NOTICES: usize = 200;

/// What kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A table with a row of headers (RFC 4180), divided by commas, semicolons, tabs or bars.
    Csv,
    /// vCard 2.1, 3.0 (RFC 2426) or 4.0 (RFC 6350).
    Vcard,
    /// JSContact (RFC 9553): a card, a list of cards, or an object with a list named `list`.
    Jscontact,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Csv, Self::Vcard, Self::Jscontact];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Vcard => "vcard",
            Self::Jscontact => "jscontact",
        }
    }
}

/// One member as a file has them.
#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    /// Where the row or card starts, counted from 1.
    pub line: u64,
    /// What the file itself knows the member by, the same each time: an id, or else the member's number. May be empty.
    pub uid: String,
    /// What is said of them, within the limits of a [`Member`](crate::member::Member).
    pub said: Said,
}

/// A row or card that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Where it starts, counted from 1.
    pub line: u64,
    /// Why, for the operator.
    pub reason: String,
}

/// Something that was put right or left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Where it happened first, counted from 1.
    pub line: u64,
    /// How often it happened.
    pub times: u64,
    /// What, for the operator.
    pub text: String,
}

/// What was in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// What the file was taken for.
    pub format: Format,
    /// Of a table: each header, in order, and what its column is taken for; [`None`] if it is left out.
    pub columns: Vec<(String, Option<Column>)>,
    /// In the order of the file.
    pub contacts: Vec<Contact>,
    /// In the order of the file.
    pub refused: Vec<Refused>,
    /// In the order of the file, each text once.
    pub notices: Vec<Notice>,
}

/// Why a whole file is refused. The message says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Larger than [`MAX_FILE_BYTES`]; nothing of it was read.
    #[error("the file has {bytes} bytes, at most {max} are read: split it", max = MAX_FILE_BYTES)]
    TooLarge {
        /// How many bytes it has.
        bytes: usize,
    },
    /// More than [`MAX_ROWS`] rows or cards.
    #[error("line {line}: more than {max} members in one file: split it and import the parts one after the other", max = MAX_ROWS)]
    TooMany {
        /// Where the first one too many starts.
        line: u64,
    },
    /// There are no members in it that could be read.
    #[error("it looks like {looks_like}: {advice}")]
    NotMembers {
        /// What it looks like.
        looks_like: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// It is JSON that does not go on.
    #[error("line {line}: not JSON: {reason}")]
    NotJson {
        /// Where it stops being JSON.
        line: u64,
        /// What was expected there.
        reason: String,
    },
    /// No header of the table is known.
    #[error("none of the columns is known: {headers}; say what they are with --map COLUMN=FIELD, fields are {fields}", fields = Column::words())]
    NoColumn {
        /// The headers, shortened.
        headers: String,
    },
    /// A column was named that the table does not have.
    #[error("there is no column {header}; there are {headers}")]
    NoSuchColumn {
        /// What was asked for.
        header: String,
        /// The headers, shortened.
        headers: String,
    },
}

/// Reads a file. What it is is seen by its content unless told. `map` says what columns of a table are taken for, by their
/// headers; it goes before what they look like.
pub fn read(bytes: &[u8], format: Option<Format>, map: &[(String, Column)]) -> Result<Parsed, ReadError> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(ReadError::TooLarge { bytes: bytes.len() });
    }
    let utf8 = bytes::ascii_compatible(bytes);
    let format = match format {
        Some(told) => told,
        None => guess(&utf8)?,
    };
    let mut out = Reading::new(format);
    match format {
        Format::Csv => table::read(&utf8, map, &mut out)?,
        Format::Vcard => vcard::read(&utf8, &mut out)?,
        Format::Jscontact => jscontact::read(&utf8, &mut out)?,
    }
    Ok(out.finish())
}

/// What a file is by its first bytes.
fn guess(utf8: &[u8]) -> Result<Format, ReadError> {
    let start = utf8.trim_ascii_start();
    let begins = |with: &str| {
        let head = start.get(..with.len()).unwrap_or_default();
        head.eq_ignore_ascii_case(with.as_bytes())
    };
    let not = |looks_like, advice| Err(ReadError::NotMembers { looks_like, advice });
    if start.is_empty() {
        return not("an empty file", "export it again");
    }
    if begins("BEGIN:VCALENDAR") {
        return not("a calendar", "import it with `interhub event import`");
    }
    if begins("BEGIN:") || begins("BEGIN :") {
        return Ok(Format::Vcard);
    }
    if begins("{") || begins("[") {
        return Ok(Format::Jscontact);
    }
    if begins("PK\x03\x04") || begins("\u{d0}\u{cf}") || start.starts_with(b"\xd0\xcf\x11\xe0") {
        return not(
            "a workbook of a spreadsheet program",
            "save it as CSV there, and import that",
        );
    }
    if begins("%PDF") {
        return not("a PDF", "export the members as CSV or vCard");
    }
    if begins("<") {
        return not("a web page or XML", "export the members as CSV or vCard");
    }
    Ok(Format::Csv)
}

/// What is being read, so far.
struct Reading {
    parsed: Parsed,
    notices: BTreeMap<String, (u64, u64)>,
    /// Which contact has an id.
    by_uid: BTreeMap<String, usize>,
    rows: usize,
}

impl Reading {
    const fn new(format: Format) -> Self {
        let parsed = Parsed {
            format,
            columns: Vec::new(),
            contacts: Vec::new(),
            refused: Vec::new(),
            notices: Vec::new(),
        };
        Self {
            parsed,
            notices: BTreeMap::new(),
            by_uid: BTreeMap::new(),
            rows: 0,
        }
    }

    /// Fails at one row too many.
    fn room(&self, line: u64) -> Result<(), ReadError> {
        if self.rows < MAX_ROWS {
            return Ok(());
        }
        Err(ReadError::TooMany { line })
    }

    /// One row or card. Two that the file knows by the same would undo each other with every import: the second is refused, or
    /// left out if it says the same.
    fn take(&mut self, line: u64, read: Result<(String, Said), String>) {
        self.rows += 1;
        let (uid, said) = match read.and_then(|(uid, said)| recognisable(uid, said)) {
            Ok(read) => read,
            Err(reason) => return self.refuse(line, reason),
        };
        let before = self.by_uid.get(&uid).and_then(|&at| self.parsed.contacts.get(at));
        match before {
            Some(before) if before.said == said => {
                return self.notice(line, "what is in the file more than once is taken once");
            }
            Some(before) => {
                let reason = format!("it has the same id or number as the one of line {}", before.line);
                return self.refuse(line, reason);
            }
            None if uid.is_empty() => {}
            None => drop(self.by_uid.insert(uid.clone(), self.parsed.contacts.len())),
        }
        self.parsed.contacts.push(Contact { line, uid, said });
    }

    fn refuse(&mut self, line: u64, reason: String) {
        self.parsed.refused.push(Refused { line, reason });
    }

    fn notice(&mut self, line: u64, text: &str) {
        if let Some((_, times)) = self.notices.get_mut(text) {
            *times += 1;
        } else if self.notices.len() < MAX_NOTICES {
            self.notices.insert(text.to_owned(), (line, 1));
        }
    }

    fn finish(mut self) -> Parsed {
        let notices = self.notices.into_iter();
        self.parsed.notices = notices
            .map(|(text, (line, times))| Notice { line, times, text })
            .collect();
        self.parsed.notices.sort_by_key(|notice| notice.line);
        self.parsed
    }
}

/// An id that is missing is the member's number; who has no name has to be recognised by something else.
fn recognisable(mut uid: String, said: Said) -> Result<(String, Said), String> {
    let has = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    if uid.is_empty() {
        uid = said.number.clone().unwrap_or_default();
    }
    if !has(&said.name) && uid.is_empty() && !has(&said.mail) {
        return Err("it has no name, and no number or mail address by which to recognise the member".to_owned());
    }
    Ok((uid, said))
}

#[cfg(test)]
mod tests;
