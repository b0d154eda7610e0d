#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, ObjType, ROOT};
use proptest::prelude::*;

fn sample() -> Vec<u8> {
    let mut doc = AutoCommit::new().with_actor(ActorId::from(&[7; ACTOR_LEN][..]));
    doc.put(ROOT, "title", "Open day").unwrap();
    let text = doc.put_object(ROOT, "description", ObjType::Text).unwrap();
    doc.splice_text(&text, 0, 0, "Everyone is welcome, bring a cake.")
        .unwrap();
    doc.put(ROOT, "online", true).unwrap();
    doc.put(ROOT, "count", -5_i64).unwrap();
    doc.commit_with(CommitOptions::default().with_time(0));
    doc.get_last_local_change().unwrap().raw_bytes().to_vec()
}

fn repair(bytes: &mut [u8]) {
    let hash = Sha256::digest(&bytes[8..]);
    bytes[4..8].copy_from_slice(&hash[..4]);
}

#[test]
fn reads_what_automerge_writes() {
    let bytes = sample();
    let scanned = scan(&bytes).unwrap();
    let change = automerge::Change::from_bytes(bytes).unwrap();
    assert_eq!(scanned.hash, change.hash().0);
    assert_eq!(scanned.seq, 1);
    assert_eq!(scanned.start_op, 1);
    assert_eq!(scanned.actor, [7; ACTOR_LEN]);
}

#[test]
fn refuses_a_wrong_checksum_a_time_and_a_message() {
    let mut bytes = sample();
    bytes[5] ^= 1;
    assert_eq!(scan(&bytes), Err(ScanError::NotAChange));
    let mut doc = AutoCommit::new().with_actor(ActorId::from(&[7; ACTOR_LEN][..]));
    doc.put(ROOT, "a", 1).unwrap();
    doc.commit_with(CommitOptions::default().with_time(12));
    let timed = doc.get_last_local_change().unwrap().raw_bytes().to_vec();
    assert_eq!(scan(&timed), Err(ScanError::Unexpected("a time")));
    doc.put(ROOT, "a", 2).unwrap();
    doc.commit_with(CommitOptions::default().with_time(0).with_message("hello"));
    let spoken = doc.get_last_local_change().unwrap().raw_bytes().to_vec();
    assert_eq!(scan(&spoken), Err(ScanError::Unexpected("a message")));
}

#[test]
fn every_one_byte_mutant_is_judged_without_panic() {
    let bytes = sample();
    for at in 8..bytes.len() {
        for value in [0u8, 1, 0x7f, 0x80, 0xff] {
            let mut mutant = bytes.clone();
            mutant[at] = value;
            repair(&mut mutant);
            let _ = scan(&mutant);
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = scan(&bytes);
        if bytes.len() > 12 {
            bytes[..4].copy_from_slice(&MAGIC);
            bytes[8] = 1;
            repair(&mut bytes);
            let _ = scan(&bytes);
        }
    }
}
