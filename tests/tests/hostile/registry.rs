//! Statements as many as a hostile voter likes: what they cost everybody.

use std::time::{Duration, Instant};

use interhub_domain::body::{Accept, Decided, Decision, Founding, ReplaceKey, Rules, Said};
use interhub_domain::cut::Named;
use interhub_domain::envelope::{SigningKey, public_key};
use interhub_domain::ids::{Epoch, HeaderHash, HubId, NetworkId};
use interhub_domain::registry::{HeldStatement, Roster, Seals, Taken};
use prost::Message as _;
use sha2::Digest as _;

const NOW_MS: i64 = 1_795_305_600_000;
/// Decisions that are proposed.
const MANY: u64 = 5_000;

fn accept(seed: u8) -> Accept {
    Accept {
        network: vec![],
        public_key: public_key(&SigningKey::from([seed; 32])).to_vec(),
        recovery_key: vec![seed; 32],
        slug: format!("hub-{seed}"),
        address: String::new(),
        counter: 1,
    }
}

fn hub(seed: u8) -> HubId {
    HubId::of_first_key(&public_key(&SigningKey::from([seed; 32])))
}

fn statement(number: u64, by: u8, said: Said) -> HeldStatement {
    HeldStatement {
        hash: HeaderHash(sha2::Sha256::digest(number.to_be_bytes()).into()),
        hub: hub(by),
        key_number: 0,
        epoch: Epoch(1),
        seq: number,
        clock: NOW_MS.cast_unsigned() << 16 | number,
        said,
        seals: Seals::default(),
    }
}

/// How long it takes to say who belongs, when one voter of three proposes this many decisions.
fn takes(decided: impl Fn(u64) -> Decided) -> Duration {
    let record = Founding {
        name: "Test".into(),
        founders: (1..=3).map(accept).collect(),
        created_ms: 0,
        nonce: vec![0; 16],
        guests_per_voter: 0,
    };
    let record = record.encode_to_vec();
    let network = NetworkId::of_genesis(&record);
    let founding = statement(0, 1, Said::Founding(record));
    let decisions = (1..=MANY).map(|number| {
        let decision = Decision {
            after: vec![],
            left: vec![],
            decided: Some(decided(number)),
        };
        statement(number, 3, Said::Decide(decision))
    });
    let all: Vec<HeldStatement> = std::iter::once(founding).chain(decisions).collect();
    let began = Instant::now();
    let roster = Roster::compute(network, &all, &Named::default(), &Taken::new(), NOW_MS);
    let took = began.elapsed();
    assert_eq!(roster.ballots.all().count() as u64, MANY);
    took
}

#[test]
fn many_decisions_about_keys_cost_no_more_than_many_others() {
    let of_rules = takes(|number| {
        let guests_per_voter = 1 + u32::try_from(number % 1_000).unwrap();
        Decided::Rules(Rules { guests_per_voter })
    });
    let of_keys = takes(|number| {
        let mut key = vec![0; 32];
        key[..8].copy_from_slice(&number.to_be_bytes());
        Decided::ReplaceKey(ReplaceKey {
            hub: hub(2).0.to_vec(),
            public_key: key.clone(),
            recovery_key: key,
        })
    });
    println!("{of_keys:?} for decisions about keys, {of_rules:?} for others");
    // Where keys are given the roster is computed three times.
    assert!(of_keys < of_rules * 12, "{of_keys:?} in place of {of_rules:?}");
}
