//! What an outcome has to be to be an answer to a request, whoever gave it.

use super::{CountOutcome, CountRequest, Counted, Reading, Refusal, conflict, event, member, profile};
use crate::ids::DocumentKind;
use crate::scan;

/// Longest text in a refusal, in bytes.
const MAX_REASON: usize = 200;
/// Begins every saved document.
const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];

/// Checks an outcome that another process came to, without Automerge: that it is about this change, and that everything
/// in it is within the limits the rest of the node relies on.
pub fn check_outcome(request: &CountRequest<'_>, outcome: &CountOutcome) -> Result<(), &'static str> {
    let scanned = match (scan::scan(request.change), outcome) {
        (Err(_), CountOutcome::Refused(Refusal::Scan(_))) => return Ok(()),
        (Err(_), _) => return Err("the scan refuses the change"),
        (Ok(scanned), _) => scanned,
    };
    match outcome {
        CountOutcome::Counted(counted) => check_counted(request, scanned.hash, counted),
        CountOutcome::Waiting(missing) if missing.is_empty() => Err("it waits for nothing"),
        CountOutcome::Waiting(missing) => {
            let named = missing.iter().all(|hash| scanned.dependencies.contains(hash));
            if named && missing.len() <= scanned.dependencies.len() {
                Ok(())
            } else {
                Err("it waits for what it does not build on")
            }
        }
        CountOutcome::Refused(refusal) => check_refusal(refusal),
    }
}

fn check_counted(request: &CountRequest<'_>, hash: [u8; 32], counted: &Counted) -> Result<(), &'static str> {
    if counted.hash != hash {
        return Err("another change was counted");
    }
    if !counted.snapshot.starts_with(&MAGIC) || counted.snapshot.len() > super::MAX_MERGED {
        return Err("the document is none, or too large");
    }
    if !counted.heads.is_sorted_by(|one, next| one < next) {
        return Err("the heads are not in order");
    }
    // On top of all others, or beside them; only a document that is stuck does not contain it.
    if !counted.stuck && !counted.heads.contains(&hash) {
        return Err("the document does not contain the change");
    }
    let fits = match (&counted.shown.reading, request.kind) {
        (Reading::Event(event), DocumentKind::Event) => event::is_within_limits(event),
        (Reading::HubProfile(profile), DocumentKind::HubProfile) => profile::is_within_limits(profile),
        (Reading::Member(member), DocumentKind::Member) => member::is_within_limits(member),
        (Reading::Unread, DocumentKind::Other(_)) => true,
        _ => false,
    };
    if fits && conflict::are_within_limits(&counted.shown.conflicts) {
        Ok(())
    } else {
        Err("the document does not read as its kind does")
    }
}

fn check_refusal(refusal: &Refusal) -> Result<(), &'static str> {
    let words = match refusal {
        Refusal::Limit(words) | Refusal::Schema(words) => words.as_str(),
        Refusal::Actor
        | Refusal::Sequence
        | Refusal::StartOperation
        | Refusal::Apply
        | Refusal::Save
        | Refusal::Genesis => "",
        Refusal::Scan(_)
        | Refusal::Writer
        | Refusal::Body
        | Refusal::Object
        | Refusal::Beginning
        | Refusal::Deadly
        | Refusal::Together
        | Refusal::Place => {
            return Err("it is refused for what was not asked");
        }
    };
    if words.len() <= MAX_REASON && !words.chars().any(char::is_control) {
        Ok(())
    } else {
        Err("the reason is no line of words")
    }
}
