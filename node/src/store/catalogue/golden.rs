//! Golden bytes of every key and value. They may be added to, never changed: what is on somebody's disk has to stay
//! readable. Bytes of an old version move to `check::old_value` when a new version is written.

use std::collections::BTreeMap;

use interhub_domain::document::Weight;
use interhub_domain::envelope::{Header, Kind, Sealed};
use interhub_domain::frontier::{Head, RowKey};
use interhub_domain::ids::{DocumentKind, Epoch, HeaderHash, HubId, LogId, NetworkId, ObjectId, ThingId};
use interhub_domain::object::{Consented, Created, ObjectState, WaitFor};

use super::document::{
    OriginalFormat, OriginalKey, OriginalRow, ReceiptKey, SavedDocument, SignedBytes, SnapshotKey, TombstoneKey,
    WholeEnvelope,
};
use super::erasure::{ErasureKey, ErasureRow};
use super::left_out::{LeftOutField, LeftOutKey, LeftOutRow, SettledField};
use super::log::{BodyKey, LogKey, LogRow, MAX_REASON_BYTES, PositionKey, ProofKey, ProofRow, Received, Standing};
use super::meta::{MetaKey, MetaValue, SearchTodoKey};
use super::network::{BeaconKey, PeerKey, PeerRow};
use super::object::{AuthorCount, ObjectKey, ObjectRow, WaitKey, WaitRow};
use super::quarantine::{QuarantineKey, Quarantined};
use super::{Value, check};
use crate::store::Family;

const HUB: HubId = HubId([2; 16]);
const THING: ThingId = ThingId([3; 16]);
const HASH: HeaderHash = HeaderHash([5; 32]);
const OBJECT: ObjectId = ObjectId([6; 16]);
const ROW: RowKey = RowKey {
    hub: HUB,
    log: LogId::PUBLIC,
    epoch: Epoch(0x0102_0304_0506_0708),
};
const LOG_KEY: LogKey = LogKey::at(ROW, 9);
const NETWORK: NetworkId = NetworkId([1; 16]);

const fn header() -> Header {
    Header {
        network: NETWORK,
        hub: HUB,
        key_number: 1,
        log: LogId::PUBLIC,
        epoch: ROW.epoch,
        seq: 9,
        previous: HASH,
        kind: Kind::Change,
        object: OBJECT,
        generation: 7,
        commitment: [8; 32],
    }
}

#[test]
fn log_keys() {
    check::key(
        &LOG_KEY,
        Family::Log,
        "02020202020202020202020202020202696e7465726875622f7075626c69630001020304050607080000000000000009",
    );
    check::key(
        &ROW,
        Family::Frontier,
        "02020202020202020202020202020202696e7465726875622f7075626c6963000102030405060708",
    );
    check::key(
        &PositionKey(HASH),
        Family::Position,
        "0505050505050505050505050505050505050505050505050505050505050505",
    );
    check::key(
        &ProofKey(LOG_KEY),
        Family::Proof,
        "02020202020202020202020202020202696e7465726875622f7075626c69630001020304050607080000000000000009",
    );
    check::key(
        &BodyKey {
            personal: false,
            object: OBJECT,
            generation: 7,
            hash: HASH,
        },
        Family::Body,
        "06060606060606060606060606060606000000070505050505050505050505050505050505050505050505050505050505050505",
    );
    check::key(
        &BodyKey {
            personal: true,
            object: OBJECT,
            generation: 7,
            hash: HASH,
        },
        Family::BodyPersonal,
        "06060606060606060606060606060606000000070505050505050505050505050505050505050505050505050505050505050505",
    );
}

#[test]
fn waiting_keys() {
    let key = |what| WaitKey {
        object: OBJECT,
        what,
        hash: HASH,
    };
    check::key(
        &key(WaitFor::Genesis),
        Family::Waiting,
        "06060606060606060606060606060606010505050505050505050505050505050505050505050505050505050505050505",
    );
    check::key(
        &key(WaitFor::Change([0xaa; 32])),
        Family::Waiting,
        "0606060606060606060606060606060602aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0505050505050505050505050505050505050505050505050505050505050505",
    );
    check::key(
        &key(WaitFor::Grant),
        Family::Waiting,
        "06060606060606060606060606060606030505050505050505050505050505050505050505050505050505050505050505",
    );
    check::key(
        &key(WaitFor::Upgrade),
        Family::Waiting,
        "06060606060606060606060606060606040505050505050505050505050505050505050505050505050505050505050505",
    );
    check::key(
        &key(WaitFor::Consent),
        Family::Waiting,
        "06060606060606060606060606060606050505050505050505050505050505050505050505050505050505050505050505",
    );
    check::key(
        &key(WaitFor::Generation),
        Family::Waiting,
        "06060606060606060606060606060606060505050505050505050505050505050505050505050505050505050505050505",
    );
    check::value(&WaitRow { nth: 3 }, "010000000000000003");
}

#[test]
fn log_values() {
    let row = LogRow::counted(&header(), [9; 64], Received::UNKNOWN);
    assert_eq!(LogKey::of(&header()), LOG_KEY);
    assert_eq!(row.header(NETWORK, &LOG_KEY), header());
    check::old_value(
        &row,
        "010001050505050505050505050505050505050505050505050505050505050505050503060606060606060606060606060606060000000708080808080808080808080808080808080808080808080808080808080808080909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090901",
    );
    check::old_value(
        &row.clone().standing(Standing::Refused, "why"),
        "010001050505050505050505050505050505050505050505050505050505050505050503060606060606060606060606060606060000000708080808080808080808080808080808080808080808080808080808080808080909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090903776879",
    );
    let row = LogRow {
        received: Received {
            peer: HubId([7; 16]),
            at_ms: 0x0000_019f_0000_0001,
        },
        ..row
    };
    check::value(
        &row,
        "0200010505050505050505050505050505050505050505050505050505050505050505030606060606060606060606060606060600000007080808080808080808080808080808080808080808080808080808080808080809090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909070707070707070707070707070707070000019f0000000101",
    );
    check::value(
        &row.clone().standing(Standing::Refused, "why"),
        "0200010505050505050505050505050505050505050505050505050505050505050505030606060606060606060606060606060600000007080808080808080808080808080808080808080808080808080808080808080809090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909070707070707070707070707070707070000019f0000000103776879",
    );
    check::value(
        &LOG_KEY,
        "0102020202020202020202020202020202696e7465726875622f7075626c69630001020304050607080000000000000009",
    );
    check::value(
        &Head { seq: 9, hash: HASH },
        "0100000000000000090505050505050505050505050505050505050505050505050505050505050505",
    );
    check::value(
        &Sealed {
            salt: [0xaa; 32],
            body: vec![1, 2, 3],
        },
        "01aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa010203",
    );
    check::value(
        &ProofRow {
            one: ([1; 167], [2; 64]),
            other: ([3; 167], [4; 64]),
        },
        "01010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010102020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030304040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404040404",
    );
}

#[test]
fn quarantine_notes() {
    let key = QuarantineKey {
        at_ms: 0x0102,
        position: LOG_KEY,
    };
    check::key(
        &key,
        Family::Quarantine,
        "000000000000010202020202020202020202020202020202696e7465726875622f7075626c69630001020304050607080000000000000009",
    );
    check::value(&Quarantined, "01");
}

#[test]
fn a_long_reason_is_cut_between_characters() {
    let row = LogRow::counted(&header(), [9; 64], Received::UNKNOWN)
        .standing(Standing::Waiting, "é".repeat(MAX_REASON_BYTES));
    let read = LogRow::decode(&row.encode()).map(|row| row.reason);
    assert_eq!(read, Some("é".repeat(MAX_REASON_BYTES / 2)));
}

#[test]
fn document_keys() {
    check::key(&ObjectKey(OBJECT), Family::Document, "06060606060606060606060606060606");
    check::key(
        &SnapshotKey {
            personal: false,
            object: OBJECT,
            generation: 7,
        },
        Family::Snapshot,
        "0606060606060606060606060606060600000007",
    );
    check::key(
        &SnapshotKey {
            personal: true,
            object: OBJECT,
            generation: 7,
        },
        Family::SnapshotPersonal,
        "0606060606060606060606060606060600000007",
    );
    check::key(
        &TombstoneKey(OBJECT),
        Family::Tombstone,
        "06060606060606060606060606060606",
    );
    check::key(
        &ReceiptKey {
            tombstone: HASH,
            hub: HUB,
        },
        Family::Receipt,
        "050505050505050505050505050505050505050505050505050505050505050502020202020202020202020202020202",
    );
    check::key(&ErasureKey(THING), Family::Erasure, "03030303030303030303030303030303");
    check::key(
        &OriginalKey(THING),
        Family::Original,
        "03030303030303030303030303030303",
    );
}

#[test]
fn document_values() {
    let created = Created {
        beginning: HASH,
        owner: HUB,
        log: LogId::PUBLIC,
        kind: DocumentKind::Event,
        thing: THING,
        generation: 7,
    };
    let state = ObjectState {
        object: OBJECT,
        created: Some(created),
        writers: Vec::new(),
        grants: BTreeMap::new(),
        consents: BTreeMap::new(),
        heads: vec![[0xaa; 32]],
        weight: Weight {
            changes: 300,
            ..Weight::default()
        },
        clock: 0x0001_0000_0000_0002,
        erased_through: Some(6),
        stuck: false,
        frozen: true,
    };
    let author = AuthorCount {
        hub: HUB,
        epoch: ROW.epoch,
        generation: 7,
        count: 9,
    };
    let authors = vec![author];
    let mut row = ObjectRow { state, authors };
    check::old_value(
        &row,
        "01100606060606060606060606060606060601200505050505050505050505050505050505050505050505050505050505050505100202020202020202020202020202020210696e7465726875622f7075626c6963000110030303030303030303030303030303030701aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac028280808080804001060001011002020202020202020202020202020202888e98a8c0e08081010709",
    );
    let said = Consented {
        counter: 3,
        speaks: HASH,
        agreed: false,
        ever: true,
    };
    row.state.writers = vec![HubId([9; 16])];
    row.state.grants = BTreeMap::from([(HASH, HubId([8; 16]))]);
    row.state.consents = BTreeMap::from([(HubId([8; 16]), said)]);
    check::old_value(
        &row,
        "02100606060606060606060606060606060601200505050505050505050505050505050505050505050505050505050505050505100202020202020202020202020202020210696e7465726875622f7075626c6963000110030303030303030303030303030303030701100909090909090909090909090909090901200505050505050505050505050505050505050505050505050505050505050505100808080808080808080808080808080801100808080808080808080808080808080803200505050505050505050505050505050505050505050505050505050505050505000101aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac028280808080804001060001011002020202020202020202020202020202888e98a8c0e08081010709",
    );
    row.state.weight = Weight {
        changes: 300,
        rows: 5,
        content: 6,
    };
    check::value(
        &row,
        "03100606060606060606060606060606060601200505050505050505050505050505050505050505050505050505050505050505100202020202020202020202020202020210696e7465726875622f7075626c6963000110030303030303030303030303030303030701100909090909090909090909090909090901200505050505050505050505050505050505050505050505050505050505050505100808080808080808080808080808080801100808080808080808080808080808080803200505050505050505050505050505050505050505050505050505050505050505000101aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac0205068280808080804001060001011002020202020202020202020202020202888e98a8c0e08081010709",
    );
    check::value(&SavedDocument(vec![1, 2, 3]), "01010203");
    let sealed = Sealed {
        salt: [0xaa; 32],
        body: vec![1, 2, 3],
    };
    check::value(
        &WholeEnvelope {
            header: header(),
            signature: [9; 64],
            sealed,
        },
        "01696e7465726875622d656e762d76310001010101010101010101010101010101020202020202020202020202020202020001696e7465726875622f7075626c696300010203040506070800000000000000090505050505050505050505050505050505050505050505050505050505050505030606060606060606060606060606060600000007080808080808080808080808080808080808080808080808080808080808080809090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa010203",
    );
    check::value(
        &ErasureRow {
            requested_ms: 1000,
            card: Some((OBJECT, HASH)),
            hubs: vec![HUB, HubId([9; 16])],
            owed: vec![HUB],
        },
        "01d00f0110060606060606060606060606060606062005050505050505050505050505050505050505050505050505050505050505050210020202020202020202020202020202021009090909090909090909090909090909011002020202020202020202020202020202",
    );
    let signed = SignedBytes {
        received_ms: 1000,
        key_number: 1,
        signature: [9; 64],
        bytes: vec![1, 2, 3],
    };
    check::value(
        &signed,
        "0100000000000003e8000109090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909010203",
    );
    let original = |format| OriginalRow {
        format,
        fingerprint: [0xf0; 32],
        text: b"BEGIN".to_vec(),
    };
    let print = "f0".repeat(32);
    check::value(&original(OriginalFormat::ICalendar), &format!("0101{print}424547494e"));
    check::value(&original(OriginalFormat::Contact), &format!("0102{print}424547494e"));
}

#[test]
fn left_out_edits() {
    check::key(&LeftOutKey(OBJECT), Family::LeftOut, "06060606060606060606060606060606");
    check::old_value(&LeftOutRow::default(), "01100000000000000000000000000000000000");
    check::old_value(&LeftOutRow::default(), "0210000000000000000000000000000000000000");
    check::value(&LeftOutRow::default(), "031000000000000000000000000000000000000000");
    let field = LeftOutField {
        field: "title".into(),
        value: "Late".into(),
        at_ms: 1000,
    };
    let mut row = LeftOutRow {
        thing: THING,
        fields: vec![field],
        ..LeftOutRow::default()
    };
    check::old_value(
        &row,
        "0110030303030303030303030303030303030105 7469746c65 044c617465 d00f"
            .replace(' ', "")
            .as_str(),
    );
    row.settled.push(SettledField {
        field: "url".into(),
        through_ms: 2,
    });
    let golden = "10030303030303030303030303030303030105 7469746c65 044c617465 d00f 01 0375726c 04".replace(' ', "");
    check::old_value(&row, &format!("02{golden}"));
    check::value(&row, &format!("03{golden}00"));
}

#[test]
fn network_keys_and_values() {
    check::key(&PeerKey(HUB), Family::Peer, "02020202020202020202020202020202");
    check::key(&BeaconKey(HUB), Family::Beacon, "02020202020202020202020202020202");
    let row = PeerRow {
        addresses: vec!["hub.example:74".to_owned()],
        last_heard_ms: Some(1000),
        clock_skew_ms: -5,
        failures: 3,
        last_error: Some("refused".to_owned()),
        blocked: true,
    };
    check::value(&row, "01010e6875622e6578616d706c653a373401d00f090301077265667573656401");
}

#[test]
fn meta_keys_and_values() {
    check::key(&MetaKey::FormatVersion, Family::Meta, "01");
    check::key(&MetaKey::DatabaseId, Family::Meta, "02");
    check::key(&MetaKey::Network, Family::Meta, "03");
    check::key(&MetaKey::GenesisRecord, Family::Meta, "04");
    check::key(&MetaKey::OwnEpoch, Family::Meta, "05");
    check::key(&MetaKey::OwnClock, Family::Meta, "06");
    check::key(&MetaKey::SearchTodoNext, Family::Meta, "07");
    check::key(&MetaKey::CoveredYears, Family::Meta, "08");
    check::key(&MetaKey::ProjectionVersion, Family::Meta, "09");
    check::key(&MetaKey::RebuildUnfinished, Family::Meta, "0a");
    check::key(&MetaKey::Invitations, Family::Meta, "0b");
    check::key(&MetaKey::DecisionsTaken, Family::Meta, "10");
    check::key(&MetaKey::DecisionsNamed, Family::Meta, "11");
    check::key(&MetaKey::Blocked, Family::Meta, "12");
    check::key(&MetaKey::OwnRuns, Family::Meta, "13");
    check::key(&MetaKey::Place, Family::Meta, "15");
    check::key(&MetaKey::Restored, Family::Meta, "16");
    check::key(&MetaKey::ErasuresHeld, Family::Meta, "17");
    check::key(&SearchTodoKey(0x0102), Family::SearchTodo, "0000000000000102");
    check::value(&MetaValue::of_number(5), "010000000000000005");
    check::value(&THING, "0103030303030303030303030303030303");
    assert_eq!(MetaValue::of_number(5).number(), Some(5));
    assert_eq!(MetaValue(vec![5]).number(), None);
}
