//! Members as vCards, version 4.0 (RFC 6350).

use data_encoding::BASE64;
use jiff::Timestamp;

use super::FIELD;
use crate::member::said::{one_line, plain_text};
use crate::member::{Kind, Link, Listing, Member};

/// Longest line, in octets, without its CRLF (RFC 6350 3.2).
const MAX_LINE_OCTETS: usize = 75;

/// Writes a card for each member. There are no audiences and no consents in it.
pub fn to_vcard(members: &[(String, &Member)]) -> String {
    let mut out = Lines::default();
    for (id, member) in members {
        card(&mut out, id, member);
    }
    out.text
}

fn card(out: &mut Lines, id: &str, member: &Member) {
    out.raw("BEGIN:VCARD");
    out.raw("VERSION:4.0");
    out.raw("PRODID:-//Interhub//Interhub//EN");
    out.filled("UID;VALUE=TEXT", id);
    out.raw(&format!("REV:{}", stamp(member.updated_ms)));
    out.text("FN", &member.name);
    match member.kind {
        // Address books that ask for a name in parts show these as they are.
        Kind::Person => {
            out.raw("KIND:individual");
            out.raw(&format!("N:;{};;;", escape(&member.name)));
        }
        Kind::Organisation => {
            out.raw("KIND:org");
            out.text("ORG", &member.name);
        }
    }
    out.filled("TITLE", &member.headline);
    out.filled(&format!("NOTE;{FIELD}=biography"), &plain_text(&member.biography));
    out.filled("NOTE", &plain_text(&member.local.notes));
    out.each("EXPERTISE", &member.skills);
    listings(out, "OFFER", &member.offers);
    listings(out, "WANT", &member.wants);
    for (number, tag) in (1..).zip(&member.languages) {
        out.raw(&format!("LANG;PREF={number}:{tag}"));
    }
    links(out, &member.links);
    if !member.photo.is_empty() {
        let (kind, bytes) = (media_type(&member.photo), BASE64.encode(&member.photo));
        out.raw(&format!("PHOTO:data:{kind};base64,{bytes}"));
    }
    out.filled("EMAIL", &member.local.mail);
    out.filled("TEL;VALUE=TEXT", &member.local.phone);
    out.filled("X-INTERHUB-NUMBER", &member.local.number);
    out.filled("X-INTERHUB-ROLE", &member.role);
    out.each("X-INTERHUB-PROJECT", &member.projects);
    out.each("X-INTERHUB-PROGRAMME", &member.programmes);
    out.filled("X-INTERHUB-TIER", &member.tier);
    out.text("X-INTERHUB-STATUS", member.status.name());
    if let Some(day) = member.valid_until {
        out.raw(&format!("X-INTERHUB-VALID-UNTIL:{day}"));
    }
    out.raw("END:VCARD");
}

fn listings(out: &mut Lines, name: &str, all: &[Listing]) {
    for one in all {
        let way = one.way.map(|way| format!(";X-WAY={}", way.name())).unwrap_or_default();
        let until = one.until.map(|day| format!(";X-UNTIL={day}")).unwrap_or_default();
        out.text(&format!("X-INTERHUB-{name}{way}{until}"), &one.what);
    }
}

/// An address is a URI, in which nothing is escaped but what would end the line's reading: a backslash, which no URI has.
fn links(out: &mut Lines, all: &[Link]) {
    for (number, link) in (1..).zip(all) {
        let url = link.url.replace('\\', "\\\\");
        if link.label.is_empty() {
            out.raw(&format!("URL:{url}"));
        } else {
            out.raw(&format!("link{number}.URL:{url}"));
            out.text(&format!("link{number}.X-ABLABEL"), &link.label);
        }
    }
}

/// By its first bytes; browsers ask those too.
pub(in super::super) fn media_type(photo: &[u8]) -> &'static str {
    match photo {
        [0xFF, 0xD8, ..] => "image/jpeg",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [b'G', b'I', b'F', ..] => "image/gif",
        _ => "application/octet-stream",
    }
}

/// Unix milliseconds as TIMESTAMP (RFC 6350 4.3.5).
fn stamp(ms: i64) -> String {
    let instant = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    instant.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// TEXT (RFC 6350 4.1).
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\\' | ',' | ';' => {
                out.push('\\');
                out.push(char);
            }
            '\n' => out.push_str("\\n"),
            _ => out.push(char),
        }
    }
    out
}

#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn text(&mut self, name: &str, value: &str) {
        self.raw(&format!("{name}:{}", escape(value)));
    }

    fn filled(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.text(name, value);
        }
    }

    fn each(&mut self, name: &str, values: &[String]) {
        for value in values {
            self.text(name, &one_line(value));
        }
    }

    /// One content line, folded at 75 octets and never inside a character.
    fn raw(&mut self, line: &str) {
        let mut room = MAX_LINE_OCTETS;
        for char in line.chars().filter(|char| !char.is_control() || *char == '\t') {
            if char.len_utf8() > room {
                self.text.push_str("\r\n ");
                room = MAX_LINE_OCTETS - 1;
            }
            self.text.push(char);
            room -= char.len_utf8();
        }
        self.text.push_str("\r\n");
    }
}
