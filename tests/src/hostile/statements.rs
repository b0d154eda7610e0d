//! Statements of every kind, as an honest hub would say them.

use interhub_domain::body::{
    Accept, Address, Admit, Adopt, Decided, Decision, Founding, KeyReason, Leave, LogEnd, LogEnds, NextKey, Readmit,
    Remove, ReplaceKey, Rules, Said, Seat, Vote, VoteWord, Withdraw,
};
use interhub_domain::envelope::{SigningKey, public_key};
use interhub_domain::ids::{HubId, LogId};
use interhub_domain::registry::accept_message;
use interhub_domain::registry::keys::{sign_next_key, sign_next_keys};
use interhub_domain::registry::replace::sign_objection;
use prost::Message as _;

use super::claims::SLUG;
use super::documents::Targets;
use super::speaker::{Log, Speaker};

/// A hub that it brings in, and whose keys the statements are about: one byte altered in a statement about its own would
/// end everything.
struct Guest {
    key: SigningKey,
    recovery: SigningKey,
}

impl Guest {
    fn new() -> Self {
        Self {
            key: SigningKey::from([177; 32]),
            recovery: SigningKey::from([178; 32]),
        }
    }

    fn hub(&self) -> HubId {
        HubId::of_first_key(&public_key(&self.key))
    }

    fn accept(&self, speaker: &Speaker) -> Accept {
        Accept {
            network: speaker.network.0.to_vec(),
            public_key: public_key(&self.key).to_vec(),
            recovery_key: public_key(&self.recovery).to_vec(),
            slug: SLUG.into(),
            // Nobody is called there: of every other address it would not be known who is.
            address: "[::1]:1".into(),
            counter: 1,
        }
    }
}

fn end(log: LogId, epoch: u64, seq: u64, hash: [u8; 32]) -> LogEnd {
    LogEnd {
        log: log.0.to_vec(),
        epoch,
        seq,
        hash: hash.to_vec(),
    }
}

/// A statement of each kind, and a decision for each change there is; leaving apart.
pub fn all(speaker: &Speaker, targets: &Targets, now_ms: u64) -> Vec<Said> {
    let (network, own) = (speaker.network, speaker.hub());
    let guest = Guest::new();
    let accept = guest.accept(speaker);
    let encoded = accept.encode_to_vec();
    let founding = Founding {
        name: "Another network".into(),
        founders: vec![accept],
        created_ms: 1,
        nonce: vec![3; 16],
        guests_per_voter: 5,
    };
    let signed = Said::Object(sign_objection(
        network,
        own,
        &speaker.identity.signing_key(),
        [5; 32],
        [6; 32],
    ));
    let [planned, _, _] = next_keys(speaker, &guest, now_ms);
    let all = [
        Said::Founding(founding.encode_to_vec()),
        Said::Admit(Admit {
            signature: guest.key.sign(&accept_message(&encoded)).to_bytes().to_vec(),
            accept: encoded,
        }),
        Said::Address(Address {
            address: "[::1]:1".into(),
        }),
        signed,
        vote(targets, VoteWord::Sign),
        Said::NextKey(planned),
        withdraw(targets.other),
    ];
    all.into_iter().chain(decisions(targets).map(Said::Decide)).collect()
}

/// More of the same kinds, in other words.
pub fn more(speaker: &Speaker, targets: &Targets, now_ms: u64) -> Vec<Said> {
    let guest = Guest::new();
    let [_, lost, stolen] = next_keys(speaker, &guest, now_ms);
    let rules = Decision {
        after: vec![targets.seat.0.to_vec()],
        left: vec![vec![13; 32]],
        decided: Some(Decided::Rules(Rules { guests_per_voter: 4 })),
    };
    vec![
        vote(targets, VoteWord::AskRenewed),
        vote(targets, VoteWord::Withdraw),
        Said::NextKey(lost),
        Said::NextKey(stolen),
        // Not signed by the key it names.
        Said::NextKey(NextKey {
            record: vec![1; 60],
            signature: vec![2; 64],
        }),
        withdraw(guest.hub()),
        Said::Decide(rules),
    ]
}

fn vote(targets: &Targets, word: VoteWord) -> Said {
    Said::Vote(Vote {
        decision: targets.seat.0.to_vec(),
        word: word.into(),
    })
}

fn withdraw(hub: HubId) -> Said {
    Said::Withdraw(Withdraw {
        hub: hub.0.to_vec(),
        counter: 1,
        ends: Some(LogEnds {
            ends: vec![end(LogId::PUBLIC, 7, 8, [9; 32])],
        }),
    })
}

/// A next key for each reason: two by the signing key, and one by the recovery key, which names another one too.
fn next_keys(speaker: &Speaker, guest: &Guest, now_ms: u64) -> [NextKey; 3] {
    let (network, hub) = (Some(speaker.network), Some(guest.hub()));
    let next = [181, 182, 183].map(|seed| SigningKey::from([seed; 32]));
    let by_key = |next, reason| sign_next_key(network, hub, &guest.key, next, reason, now_ms);
    let recovery = public_key(&SigningKey::from([179; 32]));
    [
        by_key(&next[0], KeyReason::Planned),
        by_key(&next[1], KeyReason::Lost),
        sign_next_keys(
            (network, hub),
            &guest.recovery,
            (&next[2], Some(recovery)),
            KeyReason::Stolen,
            now_ms,
        ),
    ]
}

/// A decision for each change there is, which builds on the one that gave the proposer its vote.
fn decisions(targets: &Targets) -> impl Iterator<Item = Decision> {
    let (hub, seat) = (targets.other.0.to_vec(), targets.seat.0.to_vec());
    let changes = [
        Decided::Seat(Seat {
            hub: hub.clone(),
            slug: "amsterdam".into(),
            counter: 1,
        }),
        Decided::Remove(Remove {
            hub: hub.clone(),
            reason: "Because".into(),
            ends: vec![end(LogId::PUBLIC, 7, 8, [9; 32])],
        }),
        Decided::Readmit(Readmit {
            hub: hub.clone(),
            removals: vec![vec![10; 32]],
        }),
        Decided::ReplaceKey(ReplaceKey {
            hub,
            public_key: vec![11; 32],
            recovery_key: vec![12; 32],
        }),
        Decided::Rules(Rules { guests_per_voter: 3 }),
        Decided::Adopt(Adopt {
            decisions: vec![seat.clone()],
        }),
    ];
    changes.into_iter().map(move |decided| Decision {
        after: vec![seat.clone()],
        left: vec![],
        decided: Some(decided),
    })
}

/// Leaving, as early versions said it, and with an end for each of these logs.
pub fn leaving(logs: &[Log]) -> [Said; 2] {
    let ends = logs.iter().map(|log| {
        let (row, head) = (log.row(), log.head());
        end(row.log, row.epoch.0, head.seq, head.hash.0)
    });
    [
        Said::Leave(Leave { counter: 1, ends: None }),
        Said::Leave(Leave {
            counter: 2,
            ends: Some(LogEnds { ends: ends.collect() }),
        }),
    ]
}
