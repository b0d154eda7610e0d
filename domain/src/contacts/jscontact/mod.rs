//! JSContact (RFC 9553).
//!
//! What has no property of its own in the standard is in properties with the prefix `interhub:` (RFC 9553 1.8.1): `interhub:offers`
//! and `interhub:wants` (lists of `what`, `way`, `until`), `interhub:role`, `interhub:projects`, `interhub:programmes`,
//! `interhub:tier`, `interhub:status`, `interhub:validUntil`, `interhub:number`. A note with `"interhub:field": "biography"` is the
//! biography; any other is what the staff noted. Skills are `personalInfo` of the kind `expertise`, the headline is a title.

mod read;
mod write;

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::bytes::{Decoded, LineCount, decoded};
use super::{MAX_CARD_BYTES, ReadError, Reading};

pub use write::to_jscontact;

/// What a file may be besides one card or a list of cards.
#[derive(Deserialize)]
struct Outer<'a> {
    /// The answer to a JMAP request (RFC 9610), or part of it.
    #[serde(borrow, default)]
    list: Option<&'a RawValue>,
    /// Our own JSON.
    #[serde(borrow, default)]
    members: Option<&'a RawValue>,
}

/// Reads a card, a list of cards, or an object with such a list.
pub(super) fn read(utf8: &[u8], out: &mut Reading) -> Result<(), ReadError> {
    let Decoded { text, old } = decoded(utf8);
    if let Some((line, lines)) = old {
        out.notice(
            line,
            &format!("{lines} lines are not UTF-8 and were read as Windows-1252"),
        );
    }
    let not_json = |reason: &serde_json::Error| ReadError::NotJson {
        line: reason.line() as u64,
        reason: reason.to_string(),
    };
    let mut lines = LineCount::of(&text);
    if !text.trim_start().starts_with('{') {
        return cards(&text, &mut lines, out).map_err(|failed| failed.unwrap_or_else(|reason| not_json(&reason)));
    }
    let outer: Outer<'_> = serde_json::from_str(&text).map_err(|reason| not_json(&reason))?;
    if outer.members.is_some() {
        return Err(ReadError::NotMembers {
            looks_like: "the JSON of `interhub member export`",
            advice: "that is for programs; export the members as jscontact, vcard or csv to import them",
        });
    }
    match outer.list {
        Some(list) => {
            cards(list.get(), &mut lines, out).map_err(|failed| failed.unwrap_or_else(|reason| not_json(&reason)))
        }
        None => one(text.trim(), &mut lines, out),
    }
}

/// Why a list was not read to its end.
enum Failed {
    Refused(ReadError),
    NotJson(serde_json::Error),
}

impl Failed {
    fn unwrap_or_else(self, read: impl FnOnce(serde_json::Error) -> ReadError) -> ReadError {
        match self {
            Self::Refused(refused) => refused,
            Self::NotJson(reason) => read(reason),
        }
    }
}

/// Reads a list, card by card: never more than one of them is held taken apart.
fn cards(text: &str, lines: &mut LineCount<'_>, out: &mut Reading) -> Result<(), Failed> {
    let mut refused = None;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Each {
        lines,
        out,
        refused: &mut refused,
    }
    .deserialize(&mut deserializer);
    match (refused, read.and_then(|()| deserializer.end())) {
        (Some(refused), _) => Err(Failed::Refused(refused)),
        (None, Err(reason)) => Err(Failed::NotJson(reason)),
        (None, Ok(())) => Ok(()),
    }
}

struct Each<'r, 't> {
    lines: &'r mut LineCount<'t>,
    out: &'r mut Reading,
    refused: &'r mut Option<ReadError>,
}

impl<'de> DeserializeSeed<'de> for Each<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Each<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of cards")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<(), A::Error> {
        while let Some(card) = all.next_element::<&RawValue>()? {
            if let Err(refused) = one(card.get(), self.lines, self.out) {
                *self.refused = Some(refused);
                return Err(A::Error::custom("refused"));
            }
        }
        Ok(())
    }
}

/// Reads one card. `text` lies in the file that `lines` counts.
fn one(text: &str, lines: &mut LineCount<'_>, out: &mut Reading) -> Result<(), ReadError> {
    let line = lines.of_part(text);
    out.room(line)?;
    let read = if text.len() > MAX_CARD_BYTES {
        Err(format!("it has more than {MAX_CARD_BYTES} bytes"))
    } else {
        let value = serde_json::from_str(text).map_err(|reason| format!("it cannot be read: {reason}"));
        value.and_then(|value| read::card(&value, &mut |notice| out.notice(line, notice)))
    };
    out.take(line, read);
    Ok(())
}

#[cfg(test)]
mod tests;
