//! From the bytes of a vCard file to its cards, each as text that is read by itself.
//!
//! Line ends, folding, encodings and control characters are settled here: a card is handed on as unfolded content lines of UTF-8.
//! QUOTED-PRINTABLE and CHARSET of old cards (vCard 2.1) are undone, so that what reads the card never sees them: a soft line break
//! may be in the middle of a character, and a separator that is encoded is not one.

use std::borrow::Cow;

use super::super::MAX_CARD_BYTES;
use super::super::bytes::in_charset;

/// One card.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// Line of its BEGIN, counted from 1.
    pub(super) line: u64,
    /// BEGIN, content lines, END, each with CRLF.
    pub(super) text: String,
    /// Whether its END was found.
    pub(super) ended: bool,
    /// Whether it is larger than a card may be; the rest is not there.
    pub(super) too_large: bool,
    /// Whether some of its text was neither UTF-8 nor what it said.
    pub(super) old: bool,
    /// Whether control characters were taken out.
    pub(super) control: bool,
}

/// Gives each card to `take`, until that fails. Tells whether there was one.
pub(super) fn cards<E>(bytes: &[u8], mut take: impl FnMut(Block) -> Result<(), E>) -> Result<bool, E> {
    let mut open: Option<Block> = None;
    let (mut any, mut inner) = (false, 0_u32);
    let mut after_agent = false;
    for line in Logical::new(bytes) {
        let word = keyword(&line.bytes);
        // AGENT of vCard 2.1 has a whole card inside.
        if word == Keyword::Begin && open.is_some() && (after_agent || inner > 0) {
            inner += 1;
            after_agent = false;
            continue;
        }
        if inner > 0 {
            inner -= u32::from(word == Keyword::End);
            continue;
        }
        after_agent = line.is_agent();
        match word {
            Keyword::Begin => {
                any = true;
                if let Some(cut_off) = open.take() {
                    take(cut_off)?;
                }
                open = Some(Block {
                    line: line.number,
                    text: "BEGIN:VCARD\r\n".to_owned(),
                    ..Block::default()
                });
            }
            Keyword::End => {
                if let Some(mut block) = open.take() {
                    block.text.push_str("END:VCARD\r\n");
                    block.ended = true;
                    take(block)?;
                }
            }
            Keyword::Other => {
                if let Some(block) = &mut open {
                    block.push(&line);
                }
            }
        }
    }
    if let Some(cut_off) = open {
        take(cut_off)?;
    }
    Ok(any)
}

impl Block {
    fn push(&mut self, line: &Line<'_>) {
        if self.too_large || self.text.len() + line.bytes.len() > MAX_CARD_BYTES {
            self.too_large = true;
            return;
        }
        let text = line.text();
        self.old |= std::str::from_utf8(&line.bytes).is_err();
        let control = |char: char| char != '\t' && char.is_control();
        if text.contains(control) {
            self.control = true;
            self.text.extend(text.chars().filter(|char| !control(*char)));
        } else {
            self.text.push_str(&text);
        }
        self.text.push_str("\r\n");
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keyword {
    Begin,
    End,
    Other,
}

fn keyword(line: &[u8]) -> Keyword {
    // A line longer than this is neither.
    if line.len() > 64 {
        return Keyword::Other;
    }
    let text = String::from_utf8_lossy(line);
    let Some((name, value)) = text.split_once(':') else {
        return Keyword::Other;
    };
    if !value.trim().eq_ignore_ascii_case("VCARD") {
        return Keyword::Other;
    }
    match name.trim().trim_start_matches('\u{feff}').to_ascii_uppercase().as_str() {
        "BEGIN" => Keyword::Begin,
        "END" => Keyword::End,
        _ => Keyword::Other,
    }
}

/// One content line, put together of its physical lines.
struct Line<'a> {
    number: u64,
    bytes: Cow<'a, [u8]>,
    head: Option<Head>,
    /// How far the colon was looked for, and whether that is between quotation marks.
    looked: (usize, bool),
}

/// What is before the colon.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Head {
    /// Where the colon is.
    end: usize,
    quoted_printable: bool,
    base64: bool,
    charset: Option<String>,
}

impl Head {
    /// Of a line whose colon is at `end`.
    fn of(line: &[u8], end: usize) -> Self {
        let mut head = Self {
            end,
            quoted_printable: false,
            base64: false,
            charset: None,
        };
        for parameter in parameters(line.get(..end).unwrap_or_default()).skip(1) {
            let (name, value) = split_parameter(&parameter);
            match (name.as_str(), value.to_ascii_uppercase().as_str()) {
                ("ENCODING" | "", "QUOTED-PRINTABLE" | "Q") => head.quoted_printable = true,
                ("ENCODING" | "", "BASE64") | ("ENCODING", "B") => head.base64 = true,
                ("CHARSET", _) => head.charset = Some(value),
                _ => {}
            }
        }
        head
    }
}

/// The name of a property, and its parameters.
fn parameters(head: &[u8]) -> impl Iterator<Item = String> {
    let mut quoted = false;
    let parts = head.split(move |&byte| {
        quoted ^= byte == b'"';
        byte == b';' && !quoted
    });
    parts.map(|part| String::from_utf8_lossy(part).into_owned())
}

/// Its name, in capitals, and its value; vCard 2.1 leaves the name out.
fn split_parameter(parameter: &str) -> (String, String) {
    match parameter.split_once('=') {
        Some((name, value)) => (
            name.trim().to_ascii_uppercase(),
            value.trim().trim_matches('"').to_owned(),
        ),
        None => (String::new(), parameter.trim().to_owned()),
    }
}

impl Line<'_> {
    /// Looks for the colon in what was added. A line may be folded very often before it.
    fn look(&mut self) {
        let (from, mut quoted) = self.looked;
        let added = self.bytes.get(from..).unwrap_or_default();
        let colon = added.iter().position(|&byte| {
            quoted ^= byte == b'"';
            byte == b':' && !quoted
        });
        self.looked = (self.bytes.len(), quoted);
        self.head = colon.map(|at| Head::of(&self.bytes, from + at));
    }

    fn is_agent(&self) -> bool {
        let Some(head) = &self.head else { return false };
        let name = self.bytes.get(..5).unwrap_or_default();
        name.eq_ignore_ascii_case(b"AGENT")
            && self
                .bytes
                .get(head.end + 1..)
                .is_some_and(|value| value.trim_ascii().is_empty())
    }

    /// As UTF-8, without the encodings of old cards.
    fn text(&self) -> String {
        let Some(head) = self
            .head
            .as_ref()
            .filter(|head| head.quoted_printable || head.charset.is_some())
        else {
            return in_charset(&self.bytes, None);
        };
        let (before, value) = self.bytes.split_at(head.end.min(self.bytes.len()));
        let value = value.get(1..).unwrap_or_default();
        let charset = head.charset.as_deref();
        let value = if head.quoted_printable {
            printable(value, charset)
        } else {
            in_charset(value, charset)
        };
        let gone = |parameter: &String| {
            let (name, value) = split_parameter(parameter);
            name == "CHARSET" || (value.eq_ignore_ascii_case("QUOTED-PRINTABLE") && matches!(&*name, "ENCODING" | ""))
        };
        let kept: Vec<String> = parameters(before).filter(|parameter| !gone(parameter)).collect();
        format!("{}:{value}", kept.join(";"))
    }
}

/// QUOTED-PRINTABLE (RFC 2045 6.7) undone. Line ends are escaped as in later cards, and so are separators that were encoded.
fn printable(value: &[u8], charset: Option<&str>) -> String {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'=' {
            out.push(byte);
            continue;
        }
        let Some(decoded) = after.get(..2).and_then(hex) else {
            // No code: the sign stands for itself.
            out.push(byte);
            continue;
        };
        rest = after.get(2..).unwrap_or_default();
        match decoded {
            b'\r' => {}
            b'\n' => out.extend_from_slice(b"\\n"),
            b';' | b',' | b'\\' => out.extend_from_slice(&[b'\\', decoded]),
            _ => out.push(decoded),
        }
    }
    in_charset(&out, charset)
}

fn hex(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok()?;
    let plain = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u8::from_str_radix(text, 16).ok().filter(|_| plain)
}

/// Content lines, unfolded (RFC 6350 3.2), with the number of their first line.
struct Logical<'a> {
    rest: &'a [u8],
    /// Number of the next physical line.
    number: u64,
    end: u8,
}

impl<'a> Logical<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        // Only files of very old programs end lines with a bare CR.
        let end = if bytes.contains(&b'\n') { b'\n' } else { b'\r' };
        Self {
            rest: bytes,
            number: 1,
            end,
        }
    }

    /// The next physical line without its end, and what comes after it.
    fn peek(&self) -> Option<(&'a [u8], &'a [u8])> {
        if self.rest.is_empty() {
            return None;
        }
        let at = self.rest.iter().position(|&byte| byte == self.end);
        let (line, after) = self.rest.split_at(at.unwrap_or(self.rest.len()));
        Some((
            line.strip_suffix(b"\r").unwrap_or(line),
            after.get(1..).unwrap_or_default(),
        ))
    }

    fn advance(&mut self, after: &'a [u8]) {
        self.rest = after;
        self.number += 1;
    }

    /// Adds the lines that belong to one, each once.
    fn unfold(&mut self, line: &mut Line<'a>) {
        while let Some((next, after)) = self.peek() {
            let quoted_printable = line.head.as_ref().is_some_and(|head| head.quoted_printable);
            if quoted_printable && line.bytes.ends_with(b"=") {
                line.bytes.to_mut().pop();
                line.bytes.to_mut().extend_from_slice(next);
            } else if matches!(next, [b' ' | b'\t', ..]) {
                line.bytes.to_mut().extend_from_slice(next.get(1..).unwrap_or_default());
            } else if line.head.as_ref().is_some_and(|head| head.base64) && is_base64(next) {
                line.bytes.to_mut().extend_from_slice(next.trim_ascii());
            } else if next.is_empty() && folded_on(after, self.end) {
                // Some programs leave a line empty between a line and its continuation.
            } else {
                return;
            }
            self.advance(after);
            if line.head.is_none() {
                line.look();
            }
        }
    }
}

fn is_base64(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    !line.is_empty()
        && line
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
}

/// Whether the line after an empty one goes on with the one before, and is not empty too.
fn folded_on(after: &[u8], end: u8) -> bool {
    let line = after.split(|&byte| byte == end).next().unwrap_or_default();
    matches!(line, [b' ' | b'\t', ..]) && !line.trim_ascii().is_empty()
}

impl<'a> Iterator for Logical<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        loop {
            let (content, after) = self.peek()?;
            let number = self.number;
            self.advance(after);
            if content.trim_ascii().is_empty() {
                continue;
            }
            let mut line = Line {
                number,
                bytes: Cow::Borrowed(content),
                head: None,
                looked: (0, false),
            };
            line.look();
            self.unfold(&mut line);
            return Some(line);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn blocks(bytes: &[u8]) -> Vec<Block> {
        let mut out = Vec::new();
        cards(bytes, |block| {
            out.push(block);
            Ok::<(), ()>(())
        })
        .unwrap();
        out
    }

    /// The content lines of the first card.
    fn content(bytes: &[u8]) -> Vec<String> {
        let text = blocks(bytes).remove(0).text;
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[1..lines.len() - 1].to_vec()
    }

    #[test]
    fn lines_are_unfolded_and_old_encodings_undone() {
        let card = b"BEGIN:VCARD\r\nFN:A\r\n d\r\n\r\n a\r\n\
            N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=\r\n=BCller;A=3Bda\r\n\
            NOTE;QUOTED-PRINTABLE:one=0D=0A=\r\ntwo=\r\n\r\n\
            ORG;CHARSET=ISO-8859-1:Caf\xE9\r\n\
            PHOTO;BASE64:\r\nAAAA\r\nBB==\r\n\r\nTEL:1\0\r\nend:vcard\r\n";
        assert_eq!(
            content(card),
            [
                "FN:Ada",
                "N:Müller;A\\;da",
                "NOTE:one\\ntwo",
                "ORG:Café",
                "PHOTO;BASE64:AAAABB==",
                "TEL:1",
            ]
        );
        assert!(blocks(card)[0].control && blocks(card)[0].ended);
        assert_eq!(content(b"BEGIN:VCARD\rFN:Ada\rEND:VCARD\r"), ["FN:Ada"]);
        assert_eq!(
            content(b"BEGIN:VCARD\nFN;CHARSET=utf-8:M\xFCller\nEND:VCARD"),
            ["FN:Müller"]
        );
    }

    #[test]
    fn cards_inside_and_cards_cut_off_are_told() {
        let text = "BEGIN:VCARD\nAGENT:\nBEGIN:VCARD\nFN:Agent\nEND:VCARD\nFN:Ada\nEND:VCARD\nBEGIN:VCARD\nFN:B\nBEGIN:VCARD\nFN:C\n";
        let found = blocks(text.as_bytes());
        let told: Vec<(u64, bool)> = found.iter().map(|block| (block.line, block.ended)).collect();
        assert_eq!(told, [(1, true), (8, false), (10, false)]);
        assert_eq!(found[0].text, "BEGIN:VCARD\r\nAGENT:\r\nFN:Ada\r\nEND:VCARD\r\n");
        let large = format!("BEGIN:VCARD\nNOTE:{}\nEND:VCARD\n", "a".repeat(MAX_CARD_BYTES));
        assert!(blocks(large.as_bytes())[0].too_large);
    }
}
