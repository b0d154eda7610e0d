//! What envelopes say: bodies of every kind, alone and as the history of one event.

use std::collections::BTreeMap;
use std::convert::Infallible;

use interhub_domain::body::{
    Body, Change, Consent, Content, EpochEnd, Genesis, Grant, Open, Said, Squash, Statement, Tombstone,
};
use interhub_domain::document::{self, CountOutcome, CountRequest, InProcessCounter, Shown};
use interhub_domain::envelope::Kind;
use interhub_domain::group::Group;
use interhub_domain::ids::{DocumentKind, Epoch, HeaderHash, HubId, LogId, NetworkId, ObjectId};
use interhub_domain::object::{
    HeldBody, Object, ObjectState, Settled, State, WaitFor, WaitingRoom, check_tombstone, recount,
};

use crate::{input, world};

const NETWORK: NetworkId = NetworkId([9; 16]);
/// Envelopes of one history.
const MAX_BODIES: usize = 8;
/// Bits of the first byte of each: whose it is, of which kind it says it is (0: what the body is), whether it lies beyond a cut,
/// whether its kind is one nobody knows.
const WHO: u8 = 0b0000_0011;
const KIND: u8 = 0b0011_1100;
const VOID: u8 = 0b0100_0000;
const UNKNOWN_KIND: u8 = 0b1000_0000;

/// For each envelope a byte of the bits above, a generation, and the body as an [`input::part`]. Every body that is read
/// is written and read again as the same; and whatever these envelopes say of one event, they come to the same in every
/// order.
pub fn check(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let mut bodies: Vec<HeldBody> = Vec::new();
    let mut understood = true;
    while bodies.len() < MAX_BODIES && !rest.is_empty() {
        let (bits, generation) = (input::byte(&mut rest), input::byte(&mut rest));
        let Some(part) = input::part(&mut rest) else { break };
        let body = Body::decode_bytes(part).ok();
        understood &= body.as_ref().is_some_and(|body| body.content.is_some());
        if let Some(body) = &body {
            comes_back(body);
        }
        let body = held(&bodies, bits, generation, body);
        bodies.push(body);
    }
    let all = all_at_once(&bodies);
    assert_eq!(one_by_one(bodies.iter()), all, "in the order in which they came");
    assert_eq!(one_by_one(bodies.iter().rev()), all, "backwards");
    assert_eq!(one_by_one(bodies.iter().chain(&bodies)), all, "twice");
    understood && rest.is_empty() && !bodies.is_empty()
}

fn comes_back(body: &Body) {
    let bytes = body.encode_bytes();
    assert_eq!(Body::decode_bytes(&bytes).as_ref(), Ok(body));
    match &body.content {
        Some(Content::Open(open)) => {
            if let Some(group) = group_of(open) {
                let (members, nonce) = group.named();
                let again = Open {
                    members,
                    nonce,
                    ..Open::default()
                };
                assert_eq!(group_of(&again), Some(group));
            }
        }
        Some(Content::Tombstone(tombstone)) => {
            let by_anybody = |number| check_tombstone(NETWORK, world::hub(number), object(), tombstone).is_ok();
            assert!(!by_anybody(3), "somebody else erases");
        }
        _ => {}
    }
}

/// The group an `open` names, whatever the log id: that of whom it names.
fn group_of(open: &Open) -> Option<Group> {
    let members = open.members.iter().map(|member| HubId::from_slice(member));
    let group = Group {
        nonce: open.nonce.as_slice().try_into().ok()?,
        members: members.collect::<Option<_>>()?,
    };
    Group::read(NETWORK, group.log(NETWORK), open)
}

/// Whose an envelope is: the owner in two runs, and two others.
fn author(bits: u8) -> (HubId, Epoch) {
    match bits & WHO {
        0 => (world::hub(1), Epoch(1)),
        1 => (world::hub(1), Epoch(2)),
        2 => (world::hub(2), Epoch(1)),
        _ => (world::hub(3), Epoch(1)),
    }
}

fn object() -> ObjectId {
    let owner = world::hub(1);
    ObjectId::derive(NETWORK, owner, LogId::PUBLIC, DocumentKind::Event, world::thing(owner))
}

/// What the header says, whatever the body is.
const fn said_kind(bits: u8) -> Kind {
    match (bits & KIND) >> KIND.trailing_zeros() {
        1 => Kind::Open,
        2 => Kind::Genesis,
        3 => Kind::Grant,
        4 => Kind::Consent,
        5 => Kind::Squash,
        6 => Kind::Tombstone,
        7 => Kind::Statement,
        _ => Kind::Change,
    }
}

/// The envelope as it would be held after these.
fn held(before: &[HeldBody], bits: u8, generation: u8, body: Option<Body>) -> HeldBody {
    let (hub, epoch) = author(bits);
    let clock = body.as_ref().map_or(0, |body| body.clock);
    let content = body.and_then(|body| body.content);
    let kind = match &content {
        _ if bits & UNKNOWN_KIND != 0 => Kind::Unknown(200),
        _ if bits & KIND != 0 => said_kind(bits),
        Some(Content::Open(_)) => Kind::Open,
        Some(Content::Genesis(_)) => Kind::Genesis,
        Some(Content::Grant(_)) => Kind::Grant,
        Some(Content::Consent(_)) => Kind::Consent,
        Some(Content::Squash(_)) => Kind::Squash,
        Some(Content::Tombstone(_)) => Kind::Tombstone,
        Some(Content::Statement(_)) => Kind::Statement,
        Some(Content::Change(_)) | None => Kind::Change,
    };
    let generation = u32::from(generation);
    let carries_state = |kind: Kind| matches!(kind, Kind::Genesis | Kind::Change | Kind::Squash);
    let same_log = |other: &&HeldBody| (other.hub, other.epoch, other.generation) == (hub, epoch, generation);
    let earlier = before.iter().filter(same_log).filter(|other| carries_state(other.kind));
    HeldBody {
        // By its place, so that altering one body leaves the others what they were.
        hash: HeaderHash(*blake3::hash(&before.len().to_be_bytes()).as_bytes()),
        hub,
        epoch,
        log: LogId::PUBLIC,
        kind,
        generation,
        nth: if carries_state(kind) {
            earlier.count() as u64 + 1
        } else {
            0
        },
        clock,
        void: bits & VOID != 0,
        content,
    }
}

#[derive(Default)]
struct Room(BTreeMap<WaitFor, BTreeMap<HeaderHash, HeldBody>>);

impl WaitingRoom for Room {
    type Error = Infallible;
    fn park(&mut self, what: WaitFor, body: &HeldBody) -> Result<(), Infallible> {
        self.0.entry(what).or_default().insert(body.hash, body.clone());
        Ok(())
    }
    fn wake(&mut self, what: WaitFor) -> Result<Vec<HeldBody>, Infallible> {
        Ok(self.0.remove(&what).unwrap_or_default().into_values().collect())
    }
}

/// What a node knows in the end.
#[derive(Debug, PartialEq)]
struct Outcome {
    state: ObjectState,
    states: BTreeMap<HeaderHash, State>,
    shown: Option<Box<Shown>>,
}

fn one_by_one<'a>(order: impl Iterator<Item = &'a HeldBody>) -> Outcome {
    let mut object = Object::new(self::object());
    let (mut states, mut shown, mut room) = (BTreeMap::new(), None, Room::default());
    let mut taken: BTreeMap<HeaderHash, HeldBody> = BTreeMap::new();
    for body in order {
        if taken.insert(body.hash, body.clone()).is_some() {
            continue;
        }
        let settled = object.settle(NETWORK, vec![body.clone()], &mut room, &InProcessCounter);
        match settled.expect("nothing here fails") {
            Settled::States {
                states: new,
                shown: now,
            } => {
                states.extend(new);
                shown = now.or(shown);
            }
            Settled::Recount => {
                room = Room::default();
                let all = taken.values().cloned().collect();
                let again = recount(NETWORK, self::object(), all, &mut room, &InProcessCounter);
                (object, states, shown) = again.expect("nothing here fails");
            }
        }
    }
    outcome(object, states, shown)
}

fn all_at_once(bodies: &[HeldBody]) -> Outcome {
    let all = recount(
        NETWORK,
        object(),
        bodies.to_vec(),
        &mut Room::default(),
        &InProcessCounter,
    );
    let (object, states, shown) = all.expect("nothing here fails");
    outcome(object, states, shown)
}

fn outcome(object: Object, states: BTreeMap<HeaderHash, State>, shown: Option<Box<Shown>>) -> Outcome {
    let shown = shown.filter(|_| object.is_shown());
    Outcome {
        state: object.state,
        states,
        shown,
    }
}

/// Seeds: the history of an event with a co-host, a new generation and an erasure; and each body alone.
pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let owner = document::actor(world::hub(1), Epoch(1));
    let other = document::actor(world::hub(2), Epoch(1));
    let first = made(None, owner, "Open day");
    let base = counted(None, &first, owner, 1);
    let second = made(Some(&base), owner, "Open week");
    let beside = made(Some(&base), other, "Open night");
    let both = counted(Some(&base), &second, owner, 2);
    let fresh = document::squash(&both, owner, DocumentKind::Event, &[]).expect("a document of ours");
    let fresh = fresh.expect("it says something").change;
    let thing = world::thing(world::hub(1)).0.to_vec();
    let kind = u32::from(DocumentKind::Event.code());
    let genesis = Content::Genesis(Genesis {
        kind,
        thing: thing.clone(),
        change: first,
        writers: vec![],
        replaces: vec![],
    });
    let change = |change: Vec<u8>| {
        Content::Change(Change {
            change,
            replaces: vec![],
        })
    };
    let grant = Content::Grant(Grant {
        writer: world::hub(2).0.to_vec(),
    });
    let consent = Content::Consent(Consent {
        counter: 1,
        agreed: true,
    });
    let squash = Content::Squash(Squash {
        change: fresh,
        writers: vec![world::hub(2).0.to_vec()],
        heads: vec![],
        withdrawn: vec!["url".into()],
        kind,
        thing: thing.clone(),
    });
    let tombstone = Content::Tombstone(Tombstone {
        kind,
        thing,
        owner: world::hub(1).0.to_vec(),
        log: LogId::PUBLIC.0.to_vec(),
        through_generation: 1,
        heads: Vec::new(),
    });
    let hosted = vec![
        (0, 1, genesis.clone()),
        (0, 1, change(second.clone())),
        (0, 1, grant),
        (2, 1, change(beside.clone())),
        (2, 0, consent),
    ];
    let squashed = vec![
        (0, 1, genesis.clone()),
        (0, 1, change(second.clone())),
        (0, 2, squash.clone()),
    ];
    // Refused by itself, and covered by what comes after it.
    let another_run = vec![(1, 1, genesis.clone()), (0, 2, squash.clone())];
    let erased = vec![
        (0, 1, genesis.clone()),
        (0, 1, change(second.clone())),
        (0, 0, tombstone),
        (0, 2, squash),
    ];
    let void = vec![
        (0, 1, genesis.clone()),
        (VOID, 1, change(second)),
        (3, 1, change(beside)),
    ];
    let frozen = vec![(0, 1, genesis), (UNKNOWN_KIND, 1, open())];
    let statement = vec![(
        0,
        0,
        Content::Statement(Statement {
            said: Some(Said::Founding(vec![1])),
        }),
    )];
    [
        ("hosted", hosted),
        ("squashed", squashed),
        ("another-run", another_run),
        ("erased", erased),
        ("void", void),
        ("frozen", frozen),
        ("statement", statement),
    ]
    .into_iter()
    .map(|(name, history)| (name.to_owned(), seed(history)))
    .collect()
}

fn open() -> Content {
    Content::Open(Open {
        earlier: vec![EpochEnd {
            epoch: 1,
            seq: 4,
            hash: vec![5; 32],
        }],
        members: vec![world::hub(1).0.to_vec(), world::hub(2).0.to_vec()],
        nonce: vec![6; 16],
    })
}

fn seed(history: Vec<(u8, u8, Content)>) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, (bits, generation, content)) in history.into_iter().enumerate() {
        out.extend([bits, generation]);
        let body = Body {
            clock: number as u64 + 1,
            content: Some(content),
        };
        input::put(&mut out, &body.encode_bytes());
    }
    out
}

fn made(on: Option<&[u8]>, actor: [u8; 24], title: &str) -> Vec<u8> {
    let made = document::edit(on, actor, &world::event(title)).expect("a document of ours");
    made.expect("it changes something").change
}

fn counted(on: Option<&[u8]>, change: &[u8], actor: [u8; 24], seq: u64) -> Vec<u8> {
    let request = CountRequest {
        kind: DocumentKind::Event,
        snapshot: on,
        change,
        actor,
        seq,
    };
    match document::count(&request) {
        CountOutcome::Counted(counted) => counted.snapshot,
        other => panic!("a change of ours does not count: {other:?}"),
    }
}
