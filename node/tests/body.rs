//! The hand-written bodies of `domain` and those of `body.proto` are one format: what either writes, the other reads
//! whole and writes again byte for byte.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Debug;

use interhub_domain::body::{
    Accept, Address, Admit, Adopt, Body, Change, Consent, Content, Decided, Decision, EpochEnd, Founding, Genesis,
    Grant, Leave, LogEnd, Open, Readmit, Remove, ReplaceKey, Rules, Said, Seat, Squash, Statement, Tombstone, Vote,
    VoteWord, Withdraw,
};
use interhub_domain::invitation::Invitation;
use interhub_proto::v1;
use prost::Message;

/// Reads the bytes as the other type and writes them again: a field that one side lacks would be missing after that.
fn assert_same<Theirs: Message + Default + Debug>(ours: &(impl Message + Debug)) {
    let bytes = ours.encode_to_vec();
    assert!(!bytes.is_empty());
    let theirs = Theirs::decode(bytes.as_slice()).unwrap();
    assert_eq!(theirs.encode_to_vec(), bytes, "{ours:?} became {theirs:?}");
}

fn said(said: Said) -> Content {
    Content::Statement(Statement { said: Some(said) })
}

fn contents() -> Vec<Content> {
    let end = EpochEnd {
        epoch: 1,
        seq: 2,
        hash: vec![3; 32],
    };
    vec![
        Content::Open(Open {
            earlier: vec![end],
            members: vec![vec![1; 16]],
            nonce: vec![2; 16],
        }),
        Content::Genesis(Genesis {
            kind: 2,
            thing: vec![1; 16],
            change: vec![2],
            writers: vec![vec![3; 16]],
            replaces: vec![vec![5; 32]],
        }),
        Content::Change(Change {
            change: vec![1],
            replaces: vec![vec![2; 32]],
        }),
        Content::Grant(Grant { writer: vec![1; 16] }),
        Content::Consent(Consent {
            counter: 1,
            agreed: true,
        }),
        Content::Squash(Squash {
            change: vec![1],
            writers: vec![vec![2; 16]],
            heads: vec![vec![3; 32]],
            withdrawn: vec!["title".into()],
            kind: 2,
            thing: vec![4; 16],
        }),
        Content::Tombstone(Tombstone {
            kind: 2,
            thing: vec![1; 16],
            owner: vec![2; 16],
            log: vec![3; 16],
            through_generation: u32::MAX,
            heads: Vec::new(),
        }),
        said(Said::Founding(vec![1])),
        said(Said::Admit(Admit {
            accept: vec![1],
            signature: vec![2; 64],
        })),
        said(Said::Withdraw(Withdraw {
            hub: vec![1; 16],
            counter: 2,
            ends: None,
        })),
        said(Said::Leave(Leave { counter: 1, ends: None })),
        said(Said::Address(Address {
            address: "hub.example:7400".into(),
        })),
        said(Said::Vote(Vote {
            decision: vec![1; 32],
            word: VoteWord::Withdraw.into(),
        })),
    ]
}

fn decisions() -> Vec<Content> {
    let hub = vec![3; 16];
    let end = LogEnd {
        log: vec![4; 16],
        epoch: 5,
        seq: 6,
        hash: vec![7; 32],
    };
    let all = [
        Decided::Seat(Seat {
            hub: hub.clone(),
            slug: "vienna".into(),
            counter: 1,
        }),
        Decided::Remove(Remove {
            hub: hub.clone(),
            reason: "gone".into(),
            ends: vec![end],
        }),
        Decided::Readmit(Readmit {
            hub: hub.clone(),
            removals: vec![vec![8; 32]],
        }),
        Decided::ReplaceKey(ReplaceKey {
            hub,
            public_key: vec![9; 32],
            recovery_key: vec![10; 32],
        }),
        Decided::Rules(Rules { guests_per_voter: 11 }),
        Decided::Adopt(Adopt {
            decisions: vec![vec![12; 32]],
        }),
    ];
    let decision = |decided| Decision {
        after: vec![vec![1; 32]],
        left: vec![vec![2; 32]],
        decided: Some(decided),
    };
    all.into_iter()
        .map(|decided| said(Said::Decide(decision(decided))))
        .collect()
}

#[test]
fn every_body_is_the_same_on_both_sides() {
    for content in contents().into_iter().chain(decisions()) {
        let body = Body {
            clock: 5,
            content: Some(content),
        };
        assert_same::<v1::Body>(&body);
        let theirs = v1::Body::decode(body.encode_to_vec().as_slice()).unwrap();
        assert!(theirs.content.is_some(), "{body:?}");
        assert_same::<Body>(&theirs);
    }
}

#[test]
fn records_are_the_same_on_both_sides() {
    let accept = Accept {
        network: vec![1; 16],
        public_key: vec![2; 32],
        recovery_key: vec![3; 32],
        slug: "vienna".into(),
        address: "vienna.example:7400".into(),
        counter: 4,
    };
    assert_same::<v1::Accept>(&accept);
    let founding = Founding {
        name: "Hubs".into(),
        founders: vec![accept],
        created_ms: 5,
        nonce: vec![6; 16],
        guests_per_voter: 7,
    };
    assert_same::<v1::Founding>(&founding);
    let invitation = Invitation {
        version: 1,
        network: vec![1; 16],
        inviter_key: vec![2; 32],
        addresses: vec!["vienna.example:7400".into()],
        secret: vec![3; 32],
        expires: 4,
        decisions: vec![vec![5]],
        check: vec![6; 4],
    };
    assert_same::<v1::Invitation>(&invitation);
}
