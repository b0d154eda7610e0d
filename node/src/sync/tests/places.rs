//! Where kinds have no place they say nothing: not live, not after a restart, not after a rebuild, in no order.

use interhub_domain::body::{Body, Content, EpochEnd, Leave, Open, Said, Statement, Tombstone};
use interhub_domain::document::Reading;
use interhub_domain::envelope::{Envelope, Kind};
use interhub_domain::ids::{DocumentKind, HubId, LogId, ObjectId, ThingId};
use interhub_domain::profile::HubProfile;
use interhub_domain::registry::Standing as Membership;

use super::quarantine::{Hostile, judged};
use super::{Ledger, Write, give_all, join, memory, open};
use crate::store::{Family, Store};

/// A founder, and a hub that joined it, twice: the same one, with what it holds in two places.
pub(super) struct Scene {
    pub(super) hostile: HubId,
    pub(super) ledgers: [Ledger; 2],
    stores: [Store; 2],
}

impl Scene {
    pub(super) fn new() -> Self {
        let stores = [memory(), memory()];
        let a = open(stores[0].clone(), 1, "birmingham", 1);
        a.create_network("Test network").unwrap();
        let b = open(stores[1].clone(), 2, "vienna", 1);
        join(&a, &b);
        let c = open(memory(), 3, "amsterdam", 1);
        join(&a, &c);
        for _ in 0..2 {
            for to in [&a, &b] {
                give_all(&c, to, |_| {});
                give_all(&a, to, |_| {});
                give_all(&b, to, |_| {});
            }
        }
        Self {
            hostile: c.own_id(),
            ledgers: [a, b],
            stores,
        }
    }

    pub(super) fn hostile(&self, epoch: u64, log: LogId) -> Hostile {
        Hostile::in_log(self.ledgers[0].network().unwrap(), 3, epoch, log)
    }

    /// What each of the two makes of it must be the same now, after a restart and after a rebuild.
    pub(super) fn agrees(&self) {
        let says = |ledger: &Ledger| {
            let inner = ledger.lock();
            let standing = inner.roster.members[&self.hostile].standing;
            (standing, inner.named.clone(), inner.statements.len())
        };
        let [a, b] = &self.ledgers;
        let first = (says(a), judged(a));
        assert_eq!((says(b), judged(b)), first, "in another order");
        assert_eq!(first.0.0, Membership::Active);
        for (number, (store, slug)) in (1..).zip(self.stores.iter().zip(["birmingham", "vienna"])) {
            let again = open(store.clone(), number, slug, 2);
            assert_eq!((says(&again), judged(&again)), first, "{slug} after a restart");
            again.rebuild(&mut |_| {}).unwrap();
            assert_eq!((says(&again), judged(&again)), first, "{slug} after a rebuild");
        }
    }

    pub(super) fn give(&self, to: usize, logs: &[&[Envelope]]) {
        for envelopes in logs {
            let (_, not_held) = self.ledgers[to].take_from(Some(self.hostile), envelopes).unwrap();
            assert_eq!(not_held, []);
        }
    }
}

pub(super) fn body(content: Content) -> Vec<u8> {
    Body {
        clock: 5,
        content: Some(content),
    }
    .encode_bytes()
}

fn leaving() -> Vec<u8> {
    body(Content::Statement(Statement {
        said: Some(Said::Leave(Leave { counter: 9, ends: None })),
    }))
}

#[test]
fn a_statement_under_another_kind_says_nothing() {
    let scene = Scene::new();
    let mut log = scene.hostile(77, LogId::REGISTRY);
    let said = [
        log.say(Kind::Open, ObjectId::ZERO, b""),
        log.say(Kind::Grant, ObjectId::ZERO, &leaving()),
        log.say(Kind::Unknown(9), ObjectId::ZERO, &leaving()),
    ];
    scene.give(0, &[&said]);
    scene.give(1, &[&said]);
    scene.agrees();
}

#[test]
fn what_names_a_document_and_is_about_none_says_nothing_and_is_not_erased_with_it() {
    let scene = Scene::new();
    let (network, owner) = (scene.ledgers[0].network().unwrap(), scene.hostile);
    let thing = ThingId::new(owner, [1; 8]);
    let object = ObjectId::derive(network, owner, LogId::PUBLIC, DocumentKind::Event, thing);
    let mut registry = scene.hostile(77, LogId::REGISTRY);
    let statement = [
        registry.say(Kind::Open, ObjectId::ZERO, b""),
        registry.say(Kind::Statement, object, &leaving()),
    ];
    let mut public = scene.hostile(78, LogId::PUBLIC);
    let names = body(Content::Open(Open {
        earlier: vec![EpochEnd {
            epoch: 3,
            seq: 4,
            hash: vec![0; 32],
        }],
        ..Open::default()
    }));
    let opens = [public.say(Kind::Open, object, &names)];
    let mut erasing = scene.hostile(79, LogId::PUBLIC);
    let tombstone = body(Content::Tombstone(Tombstone {
        heads: Vec::new(),
        kind: DocumentKind::Event.code().into(),
        thing: thing.0.to_vec(),
        owner: owner.0.to_vec(),
        log: LogId::PUBLIC.0.to_vec(),
        through_generation: u32::MAX,
    }));
    let tombstone = [
        erasing.say(Kind::Open, ObjectId::ZERO, b""),
        erasing.say(Kind::Tombstone, object, &tombstone),
    ];
    scene.give(0, &[&statement, &opens, &tombstone]);
    scene.give(1, &[&tombstone, &opens, &statement]);
    scene.agrees();
}

#[test]
fn what_names_a_document_is_listed_with_the_same_reason_whatever_comes_of_the_document() {
    let scene = Scene::new();
    let mut registry = scene.hostile(77, LogId::REGISTRY);
    let object = ObjectId([7; 16]);
    let said = [
        registry.say(Kind::Open, ObjectId::ZERO, b""),
        registry.say(Kind::Statement, object, &leaving()),
    ];
    let mut public = scene.hostile(78, LogId::PUBLIC);
    let more = [
        public.say(Kind::Open, ObjectId::ZERO, b""),
        public.say(Kind::Statement, object, &leaving()),
        public.say(Kind::Statement, ObjectId::ZERO, &leaving()),
        public.say(Kind::Open, object, b""),
        public.say(Kind::Change, object, b"rubbish"),
    ];
    scene.give(0, &[&said, &more]);
    scene.give(1, &[&more, &said]);
    scene.agrees();
    let listed = judged(&scene.ledgers[0]);
    let misplaced = listed.iter().filter(|held| held.3.contains("no place")).count();
    assert_eq!((listed.len(), misplaced), (5, 4), "{listed:?}");
}

#[test]
fn only_the_first_of_a_log_opens_it() {
    let scene = Scene::new();
    let names = |epoch| {
        body(Content::Open(Open {
            earlier: vec![EpochEnd {
                epoch,
                seq: 4,
                hash: vec![0; 32],
            }],
            ..Open::default()
        }))
    };
    let mut late = scene.hostile(77, LogId::PUBLIC);
    let late = [
        late.say(Kind::Open, ObjectId::ZERO, b""),
        late.say(Kind::Open, ObjectId::ZERO, &names(3)),
    ];
    let mut other = scene.hostile(78, LogId::PUBLIC);
    let other = [other.say(Kind::Grant, ObjectId::ZERO, &names(4))];
    scene.give(0, &[&late, &other]);
    scene.give(1, &[&other, &late]);
    scene.agrees();
}

/// A hub's page is its document in the public log. What else it says of itself, in whatever log, is no page of anybody.
#[test]
fn a_page_in_another_log_than_the_public_one_is_nobodys() {
    let a = open(memory(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let [b, c] = [(2, "vienna"), (3, "amsterdam")].map(|(seed, slug)| {
        let ledger = open(memory(), seed, slug, 1);
        join(&a, &ledger);
        ledger
    });
    let page = Write::Create {
        log: LogId::NETWORK,
        kind: DocumentKind::HubProfile,
        thing: ThingId(b.own_id().0),
        reading: Reading::HubProfile(HubProfile {
            name: "Elsewhere".into(),
            ..HubProfile::default()
        }),
    };
    b.write(vec![page]).unwrap();
    give_all(&b, &a, |_| {});
    give_all(&a, &c, |_| {});
    give_all(&b, &c, |all| all.reverse());
    give_all(&c, &a, |_| {});
    assert_eq!(a.frontier().shared_digest(), c.frontier().shared_digest());
    for ledger in [&a, &b, &c] {
        let row = ledger.store.get(Family::HubRow, &b.own_id().0).unwrap().unwrap();
        assert!(row.windows(10).any(|bytes| bytes == b"Hub vienna"));
    }
    assert_eq!(a.digests().unwrap().0, c.digests().unwrap().0);
}

/// A tombstone of some document that names another one: it is refused, and what it names is left alone.
#[test]
fn a_refused_tombstone_takes_nobodys_page_away() {
    let scene = Scene::new();
    let [a, _] = &scene.ledgers;
    let (network, victim) = (a.network().unwrap(), a.own_id());
    let naming_the_page = body(Content::Tombstone(Tombstone {
        heads: Vec::new(),
        kind: DocumentKind::HubProfile.code().into(),
        thing: victim.0.to_vec(),
        owner: victim.0.to_vec(),
        log: LogId::PUBLIC.0.to_vec(),
        through_generation: u32::MAX,
    }));
    let thing = ThingId::new(scene.hostile, [1; 8]);
    let own = ObjectId::derive(network, scene.hostile, LogId::PUBLIC, DocumentKind::Event, thing);
    let its_own = body(Content::Tombstone(Tombstone {
        heads: Vec::new(),
        kind: DocumentKind::Event.code().into(),
        thing: thing.0.to_vec(),
        owner: scene.hostile.0.to_vec(),
        log: LogId::PUBLIC.0.to_vec(),
        through_generation: 1,
    }));
    let mut log = scene.hostile(77, LogId::PUBLIC);
    let said = [
        log.say(Kind::Open, ObjectId::ZERO, b""),
        log.say(Kind::Tombstone, ObjectId([7; 16]), &naming_the_page),
        log.say(Kind::Tombstone, own, &its_own),
        log.say(Kind::Tombstone, own, &naming_the_page),
    ];
    for to in [0, 1] {
        scene.give(to, &[&said]);
    }
    for ledger in &scene.ledgers {
        let row = ledger.store.get(Family::HubRow, &victim.0).unwrap().unwrap();
        assert!(row.windows(14).any(|bytes| bytes == b"Hub birmingham"));
    }
    scene.agrees();
}
