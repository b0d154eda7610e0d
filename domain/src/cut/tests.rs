#![allow(clippy::unwrap_used, reason = "tests")]
use proptest::prelude::*;

use super::*;
use crate::envelope::{Header, Sealed, SigningKey, public_key};
use crate::ids::ObjectId;

const NETWORK: NetworkId = NetworkId([9; 16]);

fn row(log: LogId, hub: u8, epoch: u64) -> RowKey {
    RowKey {
        log,
        hub: HubId([hub; 16]),
        epoch: Epoch(epoch),
    }
}

fn hash(byte: u8) -> HeaderHash {
    HeaderHash([byte; 32])
}

fn cuts(forks: &[(RowKey, u64)], removed: &[(u8, RemovalCut)]) -> Cuts {
    Cuts::new(
        forks.iter().copied().collect(),
        removed
            .iter()
            .map(|(hub, cut)| (HubId([*hub; 16]), cut.clone()))
            .collect(),
        BTreeMap::new(),
        Named::default(),
    )
}

#[test]
fn a_fork_voids_from_its_lowest_number_on_in_its_own_run_only() {
    let cuts = cuts(&[(row(LogId::PUBLIC, 1, 5), 3)], &[]);
    assert!(!cuts.is_void(&row(LogId::PUBLIC, 1, 5), 2, 0));
    assert!(cuts.is_void(&row(LogId::PUBLIC, 1, 5), 3, 0));
    assert!(cuts.is_void(&row(LogId::PUBLIC, 1, 5), 900, 7));
    for other in [
        row(LogId::PUBLIC, 1, 6),
        row(LogId::NETWORK, 1, 5),
        row(LogId::PUBLIC, 2, 5),
    ] {
        assert!(!cuts.is_void(&other, 3, 0));
    }
}

#[test]
fn a_removal_names_what_counts_and_leaves_registry_and_pairs_alone() {
    let cut = RemovalCut::from([((LogId::PUBLIC, Epoch(5)), (3, hash(1)))]);
    let cuts = cuts(&[], &[(1, cut)]);
    assert!(!cuts.is_void(&row(LogId::PUBLIC, 1, 5), 3, 0));
    assert!(cuts.is_void(&row(LogId::PUBLIC, 1, 5), 4, 0));
    assert!(cuts.is_void(&row(LogId::PUBLIC, 1, 6), 0, 0), "a run that is not named");
    assert!(cuts.is_void(&row(LogId::NETWORK, 1, 5), 0, 0));
    assert!(!cuts.is_void(&row(LogId::REGISTRY, 1, 5), 9, 0));
    assert!(!cuts.is_void(&row(LogId([7; 16]), 1, 5), 9, 0));
}

#[test]
fn a_removal_counts_the_runs_that_a_counting_run_names() {
    let cut = RemovalCut::from([((LogId::PUBLIC, Epoch(9)), (3, hash(1)))]);
    let mut named = Named::default();
    named.insert(row(LogId::PUBLIC, 1, 8), Epoch(9), 0, 5);
    named.insert(row(LogId::PUBLIC, 1, 7), Epoch(8), 0, 2);
    named.insert(row(LogId::PUBLIC, 1, 6), Epoch(10), 0, 4);
    named.insert(row(LogId::NETWORK, 1, 8), Epoch(9), 0, 5);
    let removed = BTreeMap::from([(HubId([1; 16]), cut)]);
    let cuts = Cuts::new(BTreeMap::new(), removed, BTreeMap::new(), named);
    assert_eq!(cuts.end(&row(LogId::PUBLIC, 1, 8)), Some(6));
    assert_eq!(
        cuts.end(&row(LogId::PUBLIC, 1, 7)),
        Some(3),
        "named by one that is named"
    );
    assert_eq!(
        cuts.end(&row(LogId::PUBLIC, 1, 6)),
        Some(0),
        "named by a run beyond the cut"
    );
    assert_eq!(cuts.end(&row(LogId::NETWORK, 1, 8)), Some(0), "of another log");
}

#[test]
fn a_run_that_does_not_count_vouches_for_nothing() {
    let mut named = Named::default();
    named.insert(row(LogId::PUBLIC, 1, 5), Epoch(7), 1, 7);
    named.insert(row(LogId::PUBLIC, 1, 5), Epoch(8), 1, 9);
    let before = named.clone();
    let stolen = BTreeMap::from([(HubId([1; 16]), BTreeSet::from([0]))]);
    let cut: RemovalCut = [5, 7].map(|epoch| ((LogId::PUBLIC, Epoch(epoch)), (9, hash(1)))).into();
    let removed = BTreeMap::from([(HubId([1; 16]), cut)]);
    let last = |cuts: &Cuts| {
        (0..12)
            .rev()
            .find(|seq| !cuts.is_void(&row(LogId::PUBLIC, 1, 5), *seq, 0))
    };
    let cuts = |forks: &[RowKey], removed| {
        let forks = forks.iter().map(|row| (*row, 0)).collect();
        Cuts::new(forks, removed, stolen.clone(), before.clone())
    };
    assert_eq!(last(&cuts(&[], BTreeMap::new())), Some(9));
    assert_eq!(
        last(&cuts(&[], removed)),
        Some(7),
        "the removal does not name the later run"
    );
    assert_eq!(last(&cuts(&[row(LogId::PUBLIC, 1, 8)], BTreeMap::new())), Some(7));
    named.forget(&row(LogId::PUBLIC, 1, 8));
    assert_eq!(named.last_named(&row(LogId::PUBLIC, 1, 5)), Some(7));
    named.forget(&row(LogId::NETWORK, 1, 7));
    named.forget(&row(LogId::PUBLIC, 1, 7));
    assert_eq!(named, Named::default());
}

#[test]
fn a_stolen_key_counts_as_far_as_the_new_key_says() {
    let mut named = Named::default();
    named.insert(row(LogId::PUBLIC, 1, 5), Epoch(7), 1, 7);
    named.insert(row(LogId::PUBLIC, 1, 6), Epoch(7), 0, 7);
    let stolen = BTreeMap::from([(HubId([1; 16]), BTreeSet::from([0]))]);
    let cuts = Cuts::new(BTreeMap::new(), BTreeMap::new(), stolen, named);
    assert!(!cuts.is_void(&row(LogId::PUBLIC, 1, 5), 7, 0));
    assert!(cuts.is_void(&row(LogId::PUBLIC, 1, 5), 8, 0));
    assert!(
        cuts.is_void(&row(LogId::PUBLIC, 1, 6), 0, 0),
        "the stolen key cannot name itself"
    );
    assert!(!cuts.is_void(&row(LogId::PUBLIC, 1, 5), 8, 1), "the new key counts");
    assert!(!cuts.is_void(&row(LogId::PUBLIC, 2, 6), 0, 0));
    assert_eq!(
        cuts.end(&row(LogId::PUBLIC, 1, 5)),
        None,
        "all of it is held and exchanged"
    );
}

#[test]
fn two_nodes_with_other_branches_show_one_row() {
    let forked = row(LogId::PUBLIC, 1, 5);
    let cuts = cuts(&[(forked, 3)], &[]);
    let shown = |held: Option<u64>, byte| {
        let head = held.map(|seq| Head { seq, hash: hash(byte) });
        cuts.shown_head(&forked, head, &BTreeSet::new(), |_| Some(hash(byte)))
    };
    assert_eq!(shown(Some(3), 1), shown(Some(40), 2));
    assert_eq!(
        shown(Some(2), 1),
        shown(Some(3), 2),
        "the last before the fork is enough"
    );
    assert_eq!(
        shown(Some(1), 1),
        Some(Head { seq: 1, hash: hash(1) }),
        "an incomplete log shows how far it is"
    );
    assert_eq!(shown(None, 1), None);
}

#[test]
fn a_removed_hubs_row_ends_at_its_cut() {
    let kept = row(LogId::PUBLIC, 1, 5);
    let cuts = cuts(
        &[],
        &[(1, RemovalCut::from([((LogId::PUBLIC, Epoch(5)), (3, hash(4)))]))],
    );
    let none = BTreeSet::new();
    let held = |seq| Some(Head { seq, hash: hash(200) });
    let shown = cuts.shown_head(&kept, held(9), &none, |seq| (seq == 3).then_some(hash(4)));
    assert_eq!(shown, Some(Head { seq: 3, hash: hash(4) }));
    let unnamed = row(LogId::PUBLIC, 1, 6);
    assert_eq!(cuts.shown_head(&unnamed, held(9), &none, |_| None), None);
    let beyond = BTreeSet::from([hash(77)]);
    assert_eq!(
        cuts.shown_head(&unnamed, held(9), &beyond, |_| None),
        Some(sealed_head(0, &beyond)),
        "a tombstone beyond it shows"
    );
}

fn envelope(seq: u64, salt: u8, key: &SigningKey) -> Envelope {
    let header = Header {
        network: NETWORK,
        hub: HubId([1; 16]),
        key_number: 0,
        log: LogId::PUBLIC,
        epoch: Epoch(5),
        seq,
        previous: HeaderHash::ZERO,
        kind: Kind::Change,
        object: ObjectId::ZERO,
        generation: 1,
        commitment: [0; 32],
    };
    let sealed = Sealed {
        salt: [salt; 32],
        body: Vec::new(),
    };
    Envelope::sign(header, sealed, key)
}

#[test]
fn a_proof_needs_two_signed_headers_at_one_position() {
    let key = SigningKey::from([3; 32]);
    let known = |_: HubId, number: u16| (number == 0).then(|| public_key(&key));
    let (one, other) = (envelope(4, 1, &key), envelope(4, 2, &key));
    assert_eq!(
        check_proof(NETWORK, &one, &other, known),
        Ok((row(LogId::PUBLIC, 1, 5), 4))
    );
    assert_eq!(check_proof(NETWORK, &one, &one, known), Err(ProofError::Same));
    assert_eq!(
        check_proof(NETWORK, &one, &envelope(5, 2, &key), known),
        Err(ProofError::Position)
    );
    assert_eq!(
        check_proof(NetworkId::ZERO, &one, &other, known),
        Err(ProofError::Position)
    );
    assert_eq!(
        check_proof(NETWORK, &one, &other, |_, _| None),
        Err(ProofError::UnknownKey)
    );
    let forged = envelope(4, 2, &SigningKey::from([4; 32]));
    assert_eq!(check_proof(NETWORK, &one, &forged, known), Err(ProofError::Signature));
}

proptest! {
    /// Whatever two nodes hold of a cut log, once both hold what comes before the end and the same beyond it, they
    /// show the same row; and a difference beyond it shows.
    #[test]
    fn the_shown_row_depends_on_nothing_beyond_its_end(
        end in 0u64..6, more in 0u64..6, other_more in 0u64..6, beyond in proptest::collection::btree_set(any::<u8>(), 0..4)
    ) {
        let forked = row(LogId::NETWORK, 1, 2);
        let cuts = cuts(&[(forked, end)], &[]);
        let beyond: BTreeSet<HeaderHash> = beyond.into_iter().map(hash).collect();
        let head = |count: u64, byte| count.checked_sub(1).map(|seq| Head { seq, hash: hash(byte) });
        let one = cuts.shown_head(&forked, head(end + more, 1), &beyond, |_| None);
        let two = cuts.shown_head(&forked, head(end + other_more, 2), &beyond, |_| None);
        prop_assert_eq!(one, two);
        let mut larger = beyond.clone();
        if larger.insert(hash(254)) {
            let three = cuts.shown_head(&forked, head(end, 1), &larger, |_| None);
            prop_assert_ne!(one, three);
        }
    }
}
