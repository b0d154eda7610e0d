//! Automerge changes of other hubs: the scan, the counting, and the document that comes of it.

use std::sync::LazyLock;

use interhub_domain::document::{
    self, CountOutcome, CountRequest, Counted, MAX_MERGED, MAX_SAVED, Reading, check_outcome,
};
use interhub_domain::ids::DocumentKind;
use interhub_domain::scan::{self, ACTOR_LEN, MAX_DEPENDENCIES, MAX_EXTRA_ROWS, MAX_OPERATION_NUMBER, MAX_OPERATIONS};
use sha2::{Digest, Sha256};

use crate::world;

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
/// Who makes the changes that are tried, who made the documents, and an honest hub that goes on afterwards.
const AUTHOR: [u8; ACTOR_LEN] = [7; ACTOR_LEN];
const OWNER: [u8; ACTOR_LEN] = [1; ACTOR_LEN];
const HONEST: [u8; ACTOR_LEN] = [8; ACTOR_LEN];
/// Bits of the first byte: which document, and whether the bytes are a whole chunk or what a right chunk holds.
const ON: u8 = 0b0000_0011;
const WHOLE_CHUNK: u8 = 0b1000_0000;

/// A byte of the bits above, then the change. What passes the scan is within its limits; counting it says what the node's
/// own check of an answer accepts, the same each time; a document it became part of is within the limits, loads, reads as
/// it was shown, and takes an honest hub's edit, also one made without knowing of it, to the same in either order.
pub fn check(bytes: &[u8]) -> bool {
    let Some((bits, rest)) = bytes.split_first() else {
        return false;
    };
    let change = if bits & WHOLE_CHUNK == 0 {
        chunk(rest)
    } else {
        rest.to_vec()
    };
    let Ok(scanned) = scan::scan(&change) else {
        let refused = document::count(&request(None, &change, AUTHOR, 1));
        assert_eq!(check_outcome(&request(None, &change, AUTHOR, 1), &refused), Ok(()));
        return false;
    };
    assert!(scanned.dependencies.len() as u64 <= MAX_DEPENDENCIES);
    assert!(scanned.start_op > 0 && scanned.start_op < MAX_OPERATION_NUMBER);
    assert!(scanned.rows <= MAX_OPERATIONS + MAX_EXTRA_ROWS);
    let documents = &*DOCUMENTS;
    let on = match bits & ON {
        0 => None,
        1 => Some(documents.first.as_slice()),
        _ => Some(documents.both.as_slice()),
    };
    // Whoever signs it: who says it is its author is one who may write.
    let request = request(on, &change, scanned.actor, scanned.seq);
    let outcome = document::count(&request);
    assert_eq!(check_outcome(&request, &outcome), Ok(()));
    assert_eq!(document::count(&request), outcome, "judged twice");
    let CountOutcome::Counted(counted) = outcome else {
        return false;
    };
    is_sound(&request, &counted);
    if let Some(on) = on {
        comes_to_the_same_in_either_order(on, &request, &counted);
    }
    true
}

fn is_sound(request: &CountRequest<'_>, counted: &Counted) {
    assert!(!counted.stuck, "one change beside what counts is no trouble");
    let alone = request.snapshot.is_none();
    let most = if alone { MAX_SAVED } else { MAX_MERGED };
    assert!(counted.snapshot.len() <= most);
    let shown = document::show_saved(&counted.snapshot, request.kind);
    assert_eq!(shown.as_ref(), Ok(&counted.shown), "it reads as it was shown");
    for edit in honest_edits(&counted.snapshot) {
        let after = document::count(&self::request(Some(&counted.snapshot), &edit, HONEST, 1));
        let CountOutcome::Counted(after) = after else {
            panic!("poisoned: an honest edit on top comes to {after:?}")
        };
        assert!(!after.stuck, "poisoned");
    }
}

/// An honest hub edits without knowing of the change: whichever comes first, both nodes show the same.
fn comes_to_the_same_in_either_order(on: &[u8], request: &CountRequest<'_>, counted: &Counted) {
    let edit = honest_edits(on).swap_remove(0);
    let count = |snapshot: &[u8], change: &[u8], actor, seq| match document::count(&self::request(
        Some(snapshot),
        change,
        actor,
        seq,
    )) {
        CountOutcome::Counted(counted) => *counted,
        other => panic!("it counts alone and not beside another one: {other:?}"),
    };
    let late = count(&counted.snapshot, &edit, HONEST, 1);
    let early = count(on, &edit, HONEST, 1);
    let early = count(&early.snapshot, request.change, request.actor, request.seq);
    assert_eq!(
        (&late.heads, &late.shown, late.stuck),
        (&early.heads, &early.shown, early.stuck)
    );
}

/// Edits of some fields, of all, and of the zone alone, which stands between others in its object.
fn honest_edits(snapshot: &[u8]) -> Vec<Vec<u8>> {
    let zone = match document::read_saved(snapshot, DocumentKind::Event) {
        Ok(Reading::Event(event)) => world::in_another_zone(*event),
        other => panic!("it is no event any more: {other:?}"),
    };
    let after = [world::event("After that"), world::another_event(), zone];
    let made = after.iter().map(|after| document::edit(Some(snapshot), HONEST, after));
    made.filter_map(|made| Some(made.expect("it can be edited")?.change))
        .collect()
}

fn request<'a>(snapshot: Option<&'a [u8]>, change: &'a [u8], actor: [u8; ACTOR_LEN], seq: u64) -> CountRequest<'a> {
    CountRequest {
        kind: DocumentKind::Event,
        snapshot,
        change,
        actor,
        seq,
    }
}

/// Documents to continue: of one change, and of two made apart.
struct Documents {
    first: Vec<u8>,
    both: Vec<u8>,
}

static DOCUMENTS: LazyLock<Documents> = LazyLock::new(|| {
    let make = |on: Option<&[u8]>, actor, title| {
        let made = document::edit(on, actor, &world::event(title)).expect("a document of ours");
        made.expect("it says something").change
    };
    let count = |on: Option<&[u8]>, change: &[u8], actor, seq| match document::count(&request(on, change, actor, seq)) {
        CountOutcome::Counted(counted) => counted.snapshot,
        other => panic!("a change of ours does not count: {other:?}"),
    };
    let first = count(None, &make(None, OWNER, "Open day"), OWNER, 1);
    let one = make(Some(&first), OWNER, "Open week");
    let other = make(Some(&first), [2; ACTOR_LEN], "Open night");
    let both = count(Some(&first), &one, OWNER, 2);
    let both = count(Some(&both), &other, [2; ACTOR_LEN], 1);
    Documents { first, both }
});

/// A change chunk that holds this, with a right length and checksum.
fn chunk(holds: &[u8]) -> Vec<u8> {
    let mut hashed = vec![1];
    let mut length = holds.len();
    loop {
        let low = u8::try_from(length & 0x7f).unwrap_or_default();
        length >>= 7;
        if length == 0 {
            hashed.push(low);
            break;
        }
        hashed.push(low | 0x80);
    }
    hashed.extend(holds);
    let mut out = MAGIC.to_vec();
    out.extend(&Sha256::digest(&hashed)[..4]);
    out.extend(hashed);
    out
}

/// What a chunk holds.
fn held_by(chunk: &[u8]) -> &[u8] {
    let length = chunk[9..].iter().take_while(|byte| **byte >= 0x80).count() + 1;
    &chunk[9 + length..]
}

/// Seeds: an honest first change, edits of each document, and the largest that one field takes.
pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let documents = &*DOCUMENTS;
    let make = |on: Option<&[u8]>, title: &str| {
        let made = document::edit(on, AUTHOR, &world::event(title)).expect("a document of ours");
        made.expect("it says something").change
    };
    let on_first = make(Some(&documents.first), "Open house");
    let seed = |bits: u8, change: &[u8]| [&[bits], held_by(change)].concat();
    vec![
        ("first".into(), seed(0, &make(None, "Open"))),
        ("on-one".into(), seed(1, &on_first)),
        ("on-two".into(), seed(2, &make(Some(&documents.both), "Open house"))),
        ("apart".into(), seed(2, &on_first)),
        ("whole-chunk".into(), [&[WHOLE_CHUNK | 1], on_first.as_slice()].concat()),
    ]
}
