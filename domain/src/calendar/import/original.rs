//! The text kept with an imported event, and the fingerprint that tells whether it changed.

use super::MAX_ORIGINAL_BYTES;
use crate::calendar::text::Block;
use crate::event::{Event, Status, Zone};

/// Properties that programs set to the time of the download.
const VOLATILE: [&str; 3] = ["DTSTAMP", "LAST-MODIFIED", "CREATED"];

/// BLAKE3 over the content lines of one VEVENT, volatile ones left out.
pub(super) fn fingerprint(text: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for line in text.split("\r\n") {
        let name = line.split([':', ';']).next().unwrap_or_default();
        if !VOLATILE.iter().any(|volatile| name.eq_ignore_ascii_case(volatile)) {
            hasher.update(line.as_bytes());
            hasher.update(b"\r\n");
        }
    }
    *hasher.finalize().as_bytes()
}

/// One fingerprint for all VEVENTs of an event, whatever their order, and for what else decided how they were read. The
/// number in the tag rises when this module reads the same text differently, so that the next import takes it over.
pub(super) fn of_event(blocks: &[(&Block, [u8; 32])], event: &Event) -> [u8; 32] {
    let mut parts: Vec<[u8; 32]> = blocks.iter().map(|(_, fingerprint)| *fingerprint).collect();
    parts.sort_unstable();
    let mut hasher = blake3::Hasher::new_derive_key("interhub/v1/import-fingerprint/2");
    for part in parts {
        hasher.update(&part);
    }
    match &event.schedule.zone {
        Zone::Named(name) => hasher.update(name.as_bytes()),
        Zone::Custom { name, definition } => hasher
            .update(name.as_bytes())
            .update(b"\0")
            .update(definition.as_bytes()),
    };
    hasher.update(&[0, u8::from(event.status == Status::Cancelled)]);
    *hasher.finalize().as_bytes()
}

/// The text kept with an event.
pub(super) fn text(blocks: &[(&Block, [u8; 32])], zone: &Zone) -> String {
    let definition = match zone {
        Zone::Custom { definition, .. } => definition.as_str(),
        Zone::Named(_) => "",
    };
    let whole: usize = blocks.iter().map(|(block, _)| block.text.len()).sum::<usize>() + definition.len();
    let mut out = String::with_capacity(whole.min(MAX_ORIGINAL_BYTES));
    for text in std::iter::once(definition).chain(blocks.iter().map(|(block, _)| block.text.as_str())) {
        for line in text.split_inclusive("\r\n") {
            let ends = line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("END:"));
            // Room is left for the ENDs, so that what is kept can be read again.
            let room = if ends { 0 } else { 4_096 };
            if out.len() + line.len() + room <= MAX_ORIGINAL_BYTES {
                out.push_str(line);
            }
        }
    }
    out
}
