//! Changes no honest library makes: each once did harm, or looks as if it could.

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, ObjType, ROOT};

use super::chunk::{Chunk, action, column, nulls, put, run, signed, steps, texts, unsigned};

/// What a change is made to continue: a document that exists, or nothing.
#[derive(Debug, Clone, Default)]
pub struct On {
    /// The author's actor.
    pub actor: Vec<u8>,
    /// Its next sequence number.
    pub seq: u64,
    /// Heads of the document.
    pub dependencies: Vec<[u8; 32]>,
    /// The first operation number that is free.
    pub start_op: u64,
    /// The saved document; empty for none.
    pub document: Vec<u8>,
}

/// One hostile change.
#[derive(Debug, Clone)]
pub struct Hostile {
    /// What it does.
    pub name: &'static str,
    /// The chunk.
    pub change: Vec<u8>,
}

/// So many operations fit the limit.
const FULL: i64 = 65_536;

/// All of them.
pub fn all(on: &On) -> Vec<Hostile> {
    let mut out = Vec::new();
    let mut add = |name, change| out.push(Hostile { name, change });
    for (name, change) in counts(on) {
        add(name, change);
    }
    for (name, change) in headers(on) {
        add(name, change);
    }
    for (name, change) in values(on) {
        add(name, change);
    }
    for (name, change) in references(on) {
        add(name, change);
    }
    for (name, change) in real(on) {
        add(name, change);
    }
    out
}

type Named = Vec<(&'static str, Vec<u8>)>;

fn empty(on: &On) -> Chunk {
    Chunk {
        dependencies: on.dependencies.clone(),
        actor: on.actor.clone(),
        seq: on.seq,
        start_op: on.start_op,
        ..Chunk::default()
    }
}

/// So many rows that each set the same key of the root to null, without saying what they replace.
fn sets(on: &On, times: i64, key: &[u8]) -> Chunk {
    empty(on)
        .with(column::KEY_TEXT, texts(times, key))
        .with(column::INSERT, falses(times))
        .with(column::ACTION, run(times, action::SET))
        .with(column::VALUE_META, run(times, 0))
        .with(column::PREDECESSORS, run(times, 0))
}

fn falses(times: i64) -> Vec<u8> {
    let mut out = Vec::new();
    unsigned(&mut out, times.unsigned_abs());
    out
}

/// Run lengths, and other numbers that say how much there is.
fn counts(on: &On) -> Named {
    let millions = 134_217_728;
    let long_key = vec![b'k'; 60_000];
    let both = |group: Vec<u8>, rows: i64| {
        empty(on)
            .with(column::KEY_TEXT, texts(2, b"k"))
            .with(column::INSERT, falses(2))
            .with(column::ACTION, run(2, action::SET))
            .with(column::VALUE_META, run(2, 0))
            .with(column::PREDECESSORS, group)
            .with(column::PREDECESSOR_ACTOR, run(rows, 0))
            .with(column::PREDECESSOR_COUNTER, steps(rows, 1))
    };
    let mut trailing = sets(on, 2, b"k");
    trailing.trailing = vec![7; 40_000];
    vec![
        ("134 million operations in one run", sets(on, millions, b"k").bytes()),
        (
            "134 million rows without a value",
            empty(on).with(column::ACTION, nulls(millions.unsigned_abs())).bytes(),
        ),
        ("one operation too many", sets(on, FULL + 1, b"k").bytes()),
        (
            "as many operations as allowed, on one key",
            sets(on, FULL, b"k").bytes(),
        ),
        ("as many titles as allowed at once", sets(on, FULL, b"title").bytes()),
        ("as many schedules as allowed at once", {
            let mut maps = sets(on, FULL, b"schedule");
            maps.columns[2] = (column::ACTION, run(FULL, action::MAKE_MAP));
            maps.bytes()
        }),
        ("a long name for every operation", sets(on, FULL, &long_key).bytes()),
        ("a run of the least number", sets(on, i64::MIN, b"k").bytes()),
        ("an endless group", both(run(2, u64::MAX), 2).bytes()),
        (
            "a group of 134 million",
            both(run(2, millions.unsigned_abs()), millions).bytes(),
        ),
        ("predecessors by the thousand", both(run(2, 30_000), 60_000).bytes()),
        ("bytes behind the columns", trailing.bytes()),
        ("compressed", sets(on, FULL, b"k").deflated()),
        ("compressed zeros", super::chunk::deflated_chunk(&vec![0; 64 << 20])),
        (
            "a column marked as compressed",
            empty(on).with(column::ACTION | 8, vec![0; 40]).bytes(),
        ),
        (
            "a column that is compressed",
            empty(on)
                .with(column::ACTION | 8, super::chunk::deflated(&vec![0; 16 << 20]))
                .bytes(),
        ),
        ("a thousand columns", {
            let mut chunk = empty(on);
            chunk.columns = (0..1_000).map(|id| (id << 4 | 2, vec![])).collect();
            chunk.bytes()
        }),
        ("a thousand dependencies", {
            let mut chunk = sets(on, 2, b"k");
            chunk.dependencies = (0..1_000u32).map(blake).collect();
            chunk.bytes()
        }),
        ("columns that hold nothing", empty(on).bytes()),
    ]
}

fn blake(number: u32) -> [u8; 32] {
    let mut out = [0; 32];
    out[..4].copy_from_slice(&number.to_be_bytes());
    out
}

/// What stands before the columns.
fn headers(on: &On) -> Named {
    let with = |alter: &dyn Fn(&mut Chunk)| {
        let mut chunk = sets(on, 2, b"k");
        alter(&mut chunk);
        chunk.bytes()
    };
    vec![
        (
            "operation numbers up to 2^32 - 1",
            with(&|chunk| chunk.start_op = u64::from(u32::MAX)),
        ),
        (
            "operation numbers up to 2^31 - 1",
            with(&|chunk| chunk.start_op = (1 << 31) - 3),
        ),
        ("operation number 0", with(&|chunk| chunk.start_op = 0)),
        ("operation number 2^63", with(&|chunk| chunk.start_op = 1 << 63)),
        (
            "operation numbers that leave a gap",
            with(&|chunk| chunk.start_op += 1_000_000),
        ),
        ("sequence number 2^64 - 1", with(&|chunk| chunk.seq = u64::MAX)),
        ("sequence number 0", with(&|chunk| chunk.seq = 0)),
        ("no actor", with(&|chunk| chunk.actor.clear())),
        ("somebody else's actor", with(&|chunk| chunk.actor[0] ^= 1)),
        (
            "another actor, named twice",
            with(&|chunk| chunk.actors = vec![vec![1; 24]; 2]),
        ),
        (
            "a thousand other actors",
            with(&|chunk| chunk.actors = (0..1_000u32).map(|n| blake(n)[..24].to_vec()).collect()),
        ),
        (
            "a dependency nobody knows",
            with(&|chunk| chunk.dependencies.push([9; 32])),
        ),
        (
            "a dependency twice",
            with(&|chunk| chunk.dependencies.extend(chunk.dependencies.clone())),
        ),
        ("no dependencies", with(&|chunk| chunk.dependencies.clear())),
        ("a time", with(&|chunk| chunk.time = i64::MIN)),
        ("a message", with(&|chunk| chunk.message = vec![b'm'; 50_000])),
    ]
}

/// Values that are not what they say.
fn values(on: &On) -> Named {
    let one = |meta: u64, raw: &[u8]| {
        empty(on)
            .with(column::KEY_TEXT, texts(-1, b"title"))
            .with(column::INSERT, falses(1))
            .with(column::ACTION, run(-1, action::SET))
            .with(column::VALUE_META, run(-1, meta))
            .with(column::VALUE, raw.to_vec())
            .with(column::PREDECESSORS, run(-1, 0))
            .bytes()
    };
    let key = |key: &[u8]| sets(on, 2, key).bytes();
    let counter = |amount: i64| {
        let mut raw = Vec::new();
        signed(&mut raw, i64::MAX);
        let first = raw.len() as u64;
        signed(&mut raw, amount);
        let mut meta = Vec::new();
        signed(&mut meta, -2);
        unsigned(&mut meta, first << 4 | 8);
        unsigned(&mut meta, (raw.len() as u64 - first) << 4 | 4);
        let mut actions = Vec::new();
        signed(&mut actions, -2);
        unsigned(&mut actions, action::SET);
        unsigned(&mut actions, action::INCREMENT);
        let mut group = Vec::new();
        signed(&mut group, -2);
        unsigned(&mut group, 0);
        unsigned(&mut group, 1);
        empty(on)
            .with(column::KEY_TEXT, texts(2, b"sequence"))
            .with(column::INSERT, falses(2))
            .with(column::ACTION, actions)
            .with(column::VALUE_META, meta)
            .with(column::VALUE, raw)
            .with(column::PREDECESSORS, group)
            .with(column::PREDECESSOR_ACTOR, run(-1, 0))
            .with(
                column::PREDECESSOR_COUNTER,
                steps(-1, i64::try_from(on.start_op).unwrap_or(1)),
            )
            .bytes()
    };
    let text = |bytes: &[u8]| one((bytes.len() as u64) << 4 | 6, bytes);
    vec![
        ("a text that is no UTF-8", text(&[0xff, 0xfe, 0xc0])),
        ("a surrogate", text(&[0xed, 0xa0, 0x80])),
        ("a text of 60,000 bytes", text(&vec![b't'; 60_000])),
        ("a text of control characters", text(&[0x1b, b'[', b'2', b'J', 0, 7, 8])),
        ("a value longer than there is", one(1_000_000 << 4 | 6, b"short")),
        ("a value of 2^60 bytes", one(1 << 63 | 6, b"short")),
        ("values that leave bytes over", one(2 << 4 | 6, b"too long")),
        ("a number of eleven bytes", one(11 << 4 | 4, &[0xff; 11])),
        ("a float that is no number", one(8 << 4 | 5, &f64::NAN.to_le_bytes())),
        ("a float of three bytes", one(3 << 4 | 5, &[1, 2, 3])),
        ("a type nobody knows", one(4 << 4 | 15, &[1, 2, 3, 4])),
        ("a time stamp at the end of time", {
            let mut raw = Vec::new();
            signed(&mut raw, i64::MAX);
            one((raw.len() as u64) << 4 | 9, &raw)
        }),
        ("a key that is no UTF-8", key(&[0xff])),
        ("an empty key", key(&[])),
        ("a key of 60,000 bytes", key(&vec![b'k'; 60_000])),
        ("a counter that overflows", counter(1)),
        ("a counter that is counted down", counter(i64::MIN)),
    ]
}

/// Operations that point at what is not there, or at themselves.
fn references(on: &On) -> Named {
    let own = i64::try_from(on.start_op).unwrap_or(1);
    let operation = |code: u64, object: u64, key: i64, inserted: bool| {
        let mut insert = Vec::new();
        unsigned(&mut insert, u64::from(!inserted));
        if inserted {
            unsigned(&mut insert, 1);
        }
        empty(on)
            .with(column::OBJECT_ACTOR, run(-1, 0))
            .with(column::OBJECT_COUNTER, run(-1, object))
            .with(column::KEY_ACTOR, run(-1, 0))
            .with(column::KEY_COUNTER, steps(-1, key))
            .with(column::INSERT, insert)
            .with(column::ACTION, run(-1, code))
            .with(column::VALUE_META, run(-1, 0))
            .with(column::PREDECESSORS, run(-1, 0))
            .bytes()
    };
    let predecessor = |counter: i64| {
        let mut chunk = sets(on, 1, b"title");
        chunk.columns.pop();
        chunk
            .with(column::PREDECESSORS, run(-1, 1))
            .with(column::PREDECESSOR_ACTOR, run(-1, 0))
            .with(column::PREDECESSOR_COUNTER, steps(-1, counter))
            .bytes()
    };
    vec![
        (
            "an object inside itself",
            operation(action::MAKE_MAP, on.start_op, own, false),
        ),
        ("an object nobody made", operation(action::SET, 1_000_000, own, true)),
        ("an element after itself", operation(action::SET, 1, own, true)),
        ("an element nobody inserted", operation(action::SET, 1, 1_000_000, true)),
        ("an action nobody knows", operation(200, 1, own, false)),
        ("a deletion that inserts", operation(action::DELETE, 1, own, true)),
        ("a predecessor nobody made", predecessor(1_000_000)),
        ("its own predecessor", predecessor(own)),
        ("a predecessor of another key", predecessor(1)),
        ("a name that is inserted", {
            let mut chunk = sets(on, 1, b"title");
            chunk.columns[1] = (column::INSERT, vec![0, 1]);
            chunk.bytes()
        }),
        ("one of two names that is inserted", {
            let mut chunk = sets(on, 2, b"title");
            chunk.columns[0] = (column::KEY_TEXT, [texts(-1, b"title"), texts(-1, b"zone")].concat());
            chunk.columns[1] = (column::INSERT, vec![1, 1]);
            chunk.bytes()
        }),
        ("an element before the first", operation(action::SET, 1, 0, false)),
        ("a mark that never ends", {
            let mut chunk = sets(on, 1, b"k");
            chunk.columns[2] = (column::ACTION, run(-1, action::MARK));
            chunk
                .with(column::EXPAND, run(-1, 1))
                .with(column::MARK_NAME, texts(-1, b"bold"))
                .bytes()
        }),
    ]
}

/// What Automerge itself makes when it is asked for too much.
fn real(on: &On) -> Named {
    let made = |edit: &dyn Fn(&mut AutoCommit)| -> Vec<u8> {
        let mut doc = if on.document.is_empty() {
            AutoCommit::new()
        } else {
            AutoCommit::load(&on.document).unwrap_or_else(|error| panic!("{error}"))
        };
        doc.set_actor(ActorId::from(on.actor.as_slice()));
        edit(&mut doc);
        doc.commit_with(CommitOptions::default().with_time(0));
        let change = doc.get_last_local_change();
        change.map(|change| change.raw_bytes().to_vec()).unwrap_or_default()
    };
    let nested = |levels: usize, kind: ObjType| {
        made(&|doc| {
            let mut object = ROOT;
            for level in 0..levels {
                object = if level > 0 && kind == ObjType::List {
                    doc.insert_object(&object, 0, kind)
                } else {
                    doc.put_object(&object, "a", kind)
                }
                .unwrap_or_else(|error| panic!("{error}"));
            }
        })
    };
    let list = |count: usize| {
        made(&|doc| {
            let list = doc
                .put_object(ROOT, "tags", ObjType::List)
                .unwrap_or_else(|error| panic!("{error}"));
            let values = (0..count).map(|_| automerge::ScalarValue::Null);
            doc.splice(&list, 0, 0, values)
                .unwrap_or_else(|error| panic!("{error}"));
        })
    };
    let text = |count: usize| {
        made(&|doc| {
            let text = doc
                .put_object(ROOT, "description", ObjType::Text)
                .unwrap_or_else(|error| panic!("{error}"));
            doc.splice_text(&text, 0, 0, &"x".repeat(count))
                .unwrap_or_else(|error| panic!("{error}"));
        })
    };
    vec![
        ("300 nested maps", nested(300, ObjType::Map)),
        ("20,000 nested maps", nested(20_000, ObjType::Map)),
        ("300 nested lists", nested(300, ObjType::List)),
        ("a list as long as allowed", list(65_000)),
        ("a text as long as allowed", text(65_000)),
        (
            "a title that is a map",
            made(&|doc| drop(doc.put_object(ROOT, "title", ObjType::Map))),
        ),
        (
            "a schedule that is a text",
            made(&|doc| drop(doc.put_object(ROOT, "schedule", ObjType::Text))),
        ),
        ("no UID any more", made(&|doc| drop(doc.delete(ROOT, "uid")))),
    ]
}

/// A body that is protobuf in its outermost layer only.
pub fn odd_bodies() -> Vec<(&'static str, Vec<u8>)> {
    let mut deep = Vec::new();
    for _ in 0..2_000 {
        let mut outer = vec![0x0a];
        put(&mut outer, &deep);
        deep = outer;
    }
    vec![
        ("no bytes", vec![]),
        ("zeros", vec![0; 1_000]),
        ("a field without an end", vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        ("an endless number", vec![0x08; 11]),
        ("messages in messages", deep),
        ("groups in groups", vec![0x0b; 60_000]),
    ]
}
