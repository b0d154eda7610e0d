//! vCards: RFC 6350 (4.0), RFC 2426 (3.0) and what older programs write (2.1).
//!
//! What has no property of its own in the standard, and where it is:
//!
//! - `NOTE` with the parameter `X-INTERHUB=biography` is the biography; any other is what the staff noted.
//! - `TITLE` is the headline (so is `ROLE` of a card without one), `EXPERTISE` (RFC 6715) a skill, `LANG` a language.
//! - `URL` has its label beside it as `X-ABLABEL` of the same group, as address books write it.
//! - `X-INTERHUB-OFFER` and `X-INTERHUB-WANT`, with the parameters `X-WAY` and `X-UNTIL`.
//! - `X-INTERHUB-ROLE`, `-PROJECT`, `-PROGRAMME`, `-TIER`, `-STATUS`, `-VALID-UNTIL` and `-NUMBER`.

mod lines;
mod read;
mod write;

use super::{ReadError, Reading};

pub(super) use write::media_type;
pub use write::to_vcard;

/// The parameter that tells what a NOTE is.
const FIELD: &str = "X-INTERHUB";

/// Reads a file of cards.
pub(super) fn read(utf8: &[u8], out: &mut Reading) -> Result<(), ReadError> {
    let any = lines::cards(utf8, |block| {
        out.room(block.line)?;
        if block.old {
            out.notice(
                block.line,
                "text that is not UTF-8 was read as what its CHARSET says, or as Windows-1252",
            );
        }
        if block.control {
            out.notice(block.line, "control characters were taken out");
        }
        let line = block.line;
        let read = read::card(&block, &mut |notice| out.notice(line, notice));
        out.take(line, read);
        Ok(())
    })?;
    if any {
        return Ok(());
    }
    Err(ReadError::NotMembers {
        looks_like: "something without a vCard in it",
        advice: "a vCard begins with BEGIN:VCARD",
    })
}

#[cfg(test)]
mod tests;
