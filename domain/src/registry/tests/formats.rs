//! The signed bytes of decisions and votes, held fast.

use super::*;
use crate::body::{Body, Content, Statement, Vote, VoteWord};
use crate::envelope::MAX_BODY;
use crate::ids::LogId;
use crate::registry::decision::{MAX_ENDS, MAX_LEFT, MAX_NAMED, MAX_REASON};

fn hex(said: Said) -> String {
    let content = Content::Statement(Statement { said: Some(said) });
    let body = Body {
        clock: 5,
        content: Some(content),
    };
    let bytes = body.encode_bytes();
    assert_eq!(Body::decode_bytes(&bytes).unwrap(), body);
    data_encoding::HEXLOWER.encode(&bytes)
}

fn decision(change: Change) -> String {
    let proposal = Proposal {
        after: [HeaderHash([0xa1; 32])].into(),
        left: [HeaderHash([0xa2; 32])].into(),
        change,
    };
    let written = proposal.write();
    assert_eq!(Proposal::read(&written).unwrap(), proposal);
    hex(Said::Decide(written))
}

#[test]
fn golden_decisions() {
    let hub = HubId([0xb1; 16]);
    let end = ((LogId::PUBLIC, Epoch(7)), (8, HeaderHash([0xc1; 32])));
    let changes = [
        Change::Seat {
            hub,
            slug: "vienna".into(),
            counter: 2,
        },
        Change::Remove {
            hub,
            reason: "gone".into(),
            ends: [end].into(),
        },
        Change::Readmit {
            hub,
            removals: [HeaderHash([0xc2; 32])].into(),
        },
        Change::ReplaceKey {
            hub,
            public_key: [0xd1; 32],
            recovery_key: [0xd2; 32],
        },
        Change::Rules { guests_per_voter: 20 },
        Change::Adopt([HeaderHash([0xc3; 32])].into()),
    ];
    let written: Vec<String> = changes.into_iter().map(decision).collect();
    let golden = include_str!("golden.txt");
    assert_eq!(written, golden.lines().collect::<Vec<_>>());
}

#[test]
fn golden_vote() {
    let vote = Vote {
        decision: vec![0xa1; 32],
        word: VoteWord::Sign.into(),
    };
    let id = "a1".repeat(32);
    assert_eq!(hex(Said::Vote(vote)), format!("0905000000000000004a263a240a20{id}1001"));
}

#[test]
fn what_is_over_a_limit_or_no_decision_is_not_read() {
    use crate::body::{Decided, Decision, Remove, Rules, Seat};
    let read = |decided: Decided| {
        Proposal::read(&Decision {
            after: Vec::new(),
            left: Vec::new(),
            decided: Some(decided),
        })
    };
    assert!(Proposal::read(&Decision::default()).is_err());
    let seat = |hub: usize, slug: &str| Seat {
        hub: vec![1; hub],
        slug: slug.into(),
        counter: 1,
    };
    assert!(read(Decided::Seat(seat(16, "vienna"))).is_ok());
    assert!(read(Decided::Seat(seat(15, "vienna"))).is_err());
    assert!(read(Decided::Seat(seat(16, "No Slug"))).is_err());
    for reason in ["", "  ", "two\nlines", &"x".repeat(501)] {
        let remove = Remove {
            hub: vec![1; 16],
            reason: reason.into(),
            ends: Vec::new(),
        };
        assert!(read(Decided::Remove(remove)).is_err(), "{reason:?}");
    }
    for guests_per_voter in [0, 1_001] {
        assert!(read(Decided::Rules(Rules { guests_per_voter })).is_err());
    }
    let many = Decision {
        after: vec![vec![1; 32]; MAX_NAMED + 1],
        left: Vec::new(),
        decided: Some(Decided::Rules(Rules { guests_per_voter: 1 })),
    };
    assert!(Proposal::read(&many).is_err());
}

/// Whatever the limits of a decision allow has room in one envelope.
#[test]
fn the_largest_decision_fits() {
    let hash = |number: usize| HeaderHash(*blake3::hash(&number.to_be_bytes()).as_bytes());
    let end = |number: usize| {
        let log = LogId(hash(number).0[..16].try_into().unwrap());
        ((log, Epoch(u64::MAX)), (u64::from(u32::MAX), hash(number)))
    };
    let proposal = Proposal {
        after: (0..MAX_NAMED).map(hash).collect(),
        left: (0..MAX_LEFT).map(hash).collect(),
        change: Change::Remove {
            hub: hub(3),
            reason: "\u{1f600}".repeat(MAX_REASON),
            ends: (0..MAX_ENDS).map(end).collect(),
        },
    };
    let written = proposal.write();
    assert_eq!(Proposal::read(&written).unwrap(), proposal);
    let body = Body {
        clock: u64::MAX,
        content: Some(Content::Statement(Statement {
            said: Some(Said::Decide(written)),
        })),
    };
    let size = body.encode_bytes().len();
    assert!(size <= MAX_BODY, "{size} bytes");
}
