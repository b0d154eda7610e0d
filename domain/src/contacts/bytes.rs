//! From bytes to text: byte order marks, and lines in old encodings.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The file without its byte order mark; UTF-16 becomes UTF-8.
pub(super) fn ascii_compatible(bytes: &[u8]) -> Cow<'_, [u8]> {
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => Cow::Borrowed(rest),
        [0xFF, 0xFE, rest @ ..] => recoded(rest, UTF_16LE),
        [0xFE, 0xFF, rest @ ..] => recoded(rest, UTF_16BE),
        _ => Cow::Borrowed(bytes),
    }
}

fn recoded(bytes: &[u8], encoding: &'static Encoding) -> Cow<'static, [u8]> {
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    Cow::Owned(text.into_owned().into_bytes())
}

/// Text, and how many of its lines were not UTF-8.
pub(super) struct Decoded<'a> {
    pub(super) text: Cow<'a, str>,
    /// The first line that was read as Windows-1252, counted from 1, and how many there are.
    pub(super) old: Option<(u64, u64)>,
}

/// UTF-8, line by line, and Windows-1252 where that fails.
pub(super) fn decoded(bytes: &[u8]) -> Decoded<'_> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let text = Cow::Borrowed(text);
        return Decoded { text, old: None };
    }
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
    let mut old = None;
    for (number, line) in (1..).zip(bytes.split_inclusive(|&byte| byte == b'\n')) {
        if let Ok(line) = std::str::from_utf8(line) {
            text.push_str(line);
            continue;
        }
        let (_, lines) = old.get_or_insert((number, 0));
        *lines += 1;
        text.push_str(&WINDOWS_1252.decode_without_bom_handling(line).0);
    }
    Decoded {
        text: Cow::Owned(text),
        old,
    }
}

/// One text whose encoding is named, perhaps wrongly: what is UTF-8 with more than ASCII in it is hardly ever Latin-1.
pub(super) fn in_charset(bytes: &[u8], label: Option<&str>) -> String {
    let named = label.and_then(|label| Encoding::for_label(label.trim().as_bytes()));
    let named = named.filter(|encoding| encoding.is_ascii_compatible() && *encoding != UTF_8);
    let utf8 = std::str::from_utf8(bytes);
    let Some(encoding) = named else {
        return utf8.map_or_else(|_| windows_1252(bytes), str::to_owned);
    };
    match utf8 {
        Ok(text) if encoding.is_single_byte() => text.to_owned(),
        _ => {
            let (text, wrong) = encoding.decode_without_bom_handling(bytes);
            match utf8 {
                Ok(utf8) if wrong => utf8.to_owned(),
                _ => text.into_owned(),
            }
        }
    }
}

fn windows_1252(bytes: &[u8]) -> String {
    WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned()
}

/// Counts lines while going through a text once.
pub(super) struct LineCount<'a> {
    text: &'a str,
    end: u8,
    at: usize,
    line: u64,
}

impl<'a> LineCount<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        // Only files of very old programs end lines with a bare CR.
        let end = if text.contains('\n') { b'\n' } else { b'\r' };
        Self {
            text,
            end,
            at: 0,
            line: 1,
        }
    }

    /// The line of a byte of the text, counted from 1; each byte asked for comes after those before.
    pub(super) fn of_byte(&mut self, offset: usize) -> u64 {
        let between = self.text.as_bytes().get(self.at..offset).unwrap_or_default();
        self.line += between.split(|&byte| byte == self.end).skip(1).count() as u64;
        self.at = self.at.max(offset);
        self.line
    }

    /// The line where what lies at a byte starts: that of the first byte from there on which ends no line.
    pub(super) fn of_start(&mut self, offset: usize) -> u64 {
        let rest = self.text.as_bytes().get(offset..).unwrap_or_default();
        let ends = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        self.of_byte(offset + ends)
    }

    /// The line where a part of the text starts.
    pub(super) fn of_part(&mut self, part: &str) -> u64 {
        self.of_byte(part.as_ptr().addr().saturating_sub(self.text.as_ptr().addr()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_old_lines_are_read() {
        assert_eq!(&*ascii_compatible(b"\xEF\xBB\xBFa"), b"a");
        assert_eq!(&*ascii_compatible(b"\xFF\xFEa\0\xE4\0"), "aä".as_bytes());
        assert_eq!(&*ascii_compatible(b"\xFE\xFF\0a\0\xE4"), "aä".as_bytes());
        let old = decoded(b"a\xC3\xA4\nb\xE4\nc\x80\n");
        assert_eq!((&*old.text, old.old), ("aä\nbä\nc€\n", Some((2, 2))));
        assert_eq!(decoded("ä".as_bytes()).old, None);
    }

    #[test]
    fn a_charset_is_believed_where_it_can_be() {
        assert_eq!(in_charset(b"M\xFCller", Some("ISO-8859-1")), "Müller");
        assert_eq!(in_charset("Müller".as_bytes(), Some("ISO-8859-1")), "Müller");
        assert_eq!(in_charset(b"M\xFCller", Some("UTF-8")), "Müller");
        assert_eq!(in_charset(b"\x93\xFA\x96\x7B", Some("Shift_JIS")), "日本");
        assert_eq!(in_charset("日本".as_bytes(), Some("nonsense")), "日本");
        assert_eq!(in_charset(b"\xCF\xF0\xE8", Some("windows-1251")), "При");
    }
}
