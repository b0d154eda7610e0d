//! A hub that belongs and lies: it signs whatever it likes with its own key, in runs it makes up, and its node passes it on.

use std::collections::BTreeMap;

use interhub_domain::body::{
    Admit, Body, Change, Consent, Content, Genesis, Grant, Leave, NextKey, Open, Said, Squash, Statement, Tombstone,
    Vote, Withdraw,
};
use interhub_domain::document;
use interhub_domain::envelope::{Envelope, Header, Kind, Sealed};
use interhub_domain::ids::{DocumentKind, Epoch, HeaderHash, HubId, LogId, NetworkId, ObjectId, ThingId};
use interhub_domain::registry::Change as Decided;
use interhub_node::store::catalogue;
use interhub_node::store::catalogue::document::SnapshotKey;
use interhub_tests::hostile::constructed::odd_bodies;
use interhub_tests::hostile::mutants::mutants;

use super::operators::{Diary, seen};
use super::world::World;

/// Larger bodies, and changes made to be costly, are left to other tests: here every hub judges each in its own process.
const MOST_BYTES: usize = 20_000;

/// A made-up run of a hostile hub's node.
pub(crate) struct Liar {
    pub(crate) machine: usize,
    epoch: Epoch,
    heads: BTreeMap<LogId, (u64, HeaderHash)>,
}

impl Liar {
    /// The hub of this machine begins to lie, in a run of its own.
    pub(crate) fn new(world: &mut World<'_>, machine: usize) -> Self {
        let second = [0, 1_795_305_600, u32::MAX][world.dice.below(3)];
        let random = u32::try_from(world.dice.below(1 << 30)).unwrap();
        Self {
            machine,
            epoch: Epoch::new(second, random),
            heads: BTreeMap::new(),
        }
    }

    /// Says something that is not so.
    pub(crate) fn lie(&mut self, world: &mut World<'_>, diary: &Diary, network: NetworkId) {
        let log = [LogId::PUBLIC, LogId::NETWORK, LogId::REGISTRY][world.dice.below(3)];
        if !self.heads.contains_key(&log) {
            let open = Content::Open(Open::default());
            self.say(world, network, log, Kind::Open, ObjectId::ZERO, 0, open);
            return;
        }
        if log == LogId::REGISTRY {
            let (what, said) = statement(world, self.machine);
            let content = Content::Statement(Statement { said });
            let held = self.say(world, network, log, Kind::Statement, ObjectId::ZERO, 0, content);
            let name = world.hubs[self.machine].name.clone();
            world.tell(format_args!("{name} lies: {what}, held {held}"));
            return;
        }
        let things: Vec<_> = diary.things.iter().filter(|thing| thing.log == log).cloned().collect();
        let Some(thing) = world.dice.pick(&things).cloned() else {
            return;
        };
        let lie = self.about(world, network, log, (thing.owner, thing.thing, thing.object));
        let (what, kind, object, generation, content) = lie;
        let held = self.say(world, network, log, kind, object, generation, content);
        let name = world.hubs[self.machine].name.clone();
        world.tell(format_args!(
            "{name} lies about {}: {what}, held {held}",
            thing.thing.short()
        ));
    }

    fn about(
        &self,
        world: &mut World<'_>,
        network: NetworkId,
        log: LogId,
        (owner, thing, object): (HubId, ThingId, ObjectId),
    ) -> (&'static str, Kind, ObjectId, u32, Content) {
        let hub = world.hubs[self.machine].clone();
        let known = seen(&hub.disk, object);
        let generation = known.as_ref().map_or(1, |known| known.state.generation());
        let own_thing = ThingId::new(
            hub.id,
            [9, 9, 9, 9, 9, 9, 9, u8::try_from(world.dice.below(4)).unwrap()],
        );
        let own_object = ObjectId::derive(network, hub.id, log, DocumentKind::Event, own_thing);
        let event = u32::from(DocumentKind::Event.code());
        let someone = random_hub(world, self.machine);
        let change = self.hostile_change(world, object);
        match world.dice.below(10) {
            0 => {
                let content = Content::Change(Change {
                    change,
                    replaces: vec![vec![7; 32]],
                });
                ("a change", Kind::Change, object, generation, content)
            }
            1 => {
                let content = Content::Grant(Grant {
                    writer: hub.id.0.to_vec(),
                });
                ("a grant to itself", Kind::Grant, object, generation, content)
            }
            2 => {
                let counter = [1, 2, u32::MAX][world.dice.below(3)];
                let agreed = world.dice.one_in(2);
                let content = Content::Consent(Consent { counter, agreed });
                ("a consent", Kind::Consent, object, 0, content)
            }
            3 => {
                let tombstone = Tombstone {
                    kind: event,
                    thing: thing.0.to_vec(),
                    owner: [owner, hub.id][world.dice.below(2)].0.to_vec(),
                    log: log.0.to_vec(),
                    through_generation: u32::MAX,
                    heads: Vec::new(),
                };
                ("a tombstone", Kind::Tombstone, object, 0, Content::Tombstone(tombstone))
            }
            4 => {
                let squash = Squash {
                    change,
                    writers: vec![hub.id.0.to_vec()],
                    heads: Vec::new(),
                    withdrawn: vec!["description".into()],
                    kind: event,
                    thing: thing.0.to_vec(),
                };
                (
                    "a squash",
                    Kind::Squash,
                    object,
                    generation + 1,
                    Content::Squash(squash),
                )
            }
            5 => {
                let genesis = Genesis {
                    kind: event,
                    thing: thing.0.to_vec(),
                    change,
                    writers: Vec::new(),
                    replaces: Vec::new(),
                };
                ("a beginning", Kind::Genesis, object, 1, Content::Genesis(genesis))
            }
            6 => {
                let reading = super::operators::event("A lie".into(), "Of its own".into());
                let reading = document::Reading::Event(Box::new(reading));
                let made = document::edit(None, document::actor(hub.id, self.epoch), &reading).unwrap();
                let genesis = Genesis {
                    kind: event,
                    thing: own_thing.0.to_vec(),
                    change: if world.dice.one_in(2) {
                        made.unwrap().change
                    } else {
                        change
                    },
                    writers: vec![someone.0.to_vec(); 1 + world.dice.below(80)],
                    replaces: Vec::new(),
                };
                (
                    "an event of its own",
                    Kind::Genesis,
                    own_object,
                    1,
                    Content::Genesis(genesis),
                )
            }
            7 => {
                let tombstone = Tombstone {
                    kind: event,
                    thing: own_thing.0.to_vec(),
                    owner: hub.id.0.to_vec(),
                    log: log.0.to_vec(),
                    through_generation: [0, 1, 5, u32::MAX][world.dice.below(4)],
                    heads: Vec::new(),
                };
                (
                    "an end of its own",
                    Kind::Tombstone,
                    own_object,
                    0,
                    Content::Tombstone(tombstone),
                )
            }
            8 => {
                let kind = Kind::Unknown([9, 127, 128, 255][world.dice.below(4)]);
                let (object, content) = (own_object, Content::Consent(Consent::default()));
                ("a kind nobody knows", kind, object, 1, content)
            }
            _ => {
                let content = Content::Grant(Grant {
                    writer: someone.0.to_vec(),
                });
                (
                    "a grant of its own",
                    Kind::Grant,
                    own_object,
                    [1, 2, u32::MAX][world.dice.below(3)],
                    content,
                )
            }
        }
    }

    /// A change that continues this document, with one byte altered.
    fn hostile_change(&self, world: &mut World<'_>, object: ObjectId) -> Vec<u8> {
        let hub = world.hubs[self.machine].clone();
        let known = seen(&hub.disk, object);
        let generation = known.as_ref().map_or(1, |known| known.state.generation());
        let key = SnapshotKey {
            personal: false,
            object,
            generation,
        };
        let saved = catalogue::get(&*hub.disk, &key).unwrap().map(|saved| saved.0);
        let actor = document::actor(hub.id, self.epoch);
        let reading = super::operators::event("A lie".into(), "Altered".into());
        let reading = document::Reading::Event(Box::new(reading));
        let Ok(Some(made)) = document::edit(saved.as_deref(), actor, &reading) else {
            return vec![0; 40];
        };
        let many = made.change.len().saturating_sub(8) * 255;
        let chosen = world.dice.below(many.max(1));
        let mutant = mutants(&made.change).nth(chosen).map(|mutant| mutant.bytes);
        mutant.unwrap_or(made.change)
    }

    /// Signs it, and gives it to the own node, which holds and relays what is well signed, and now and then another one
    /// under the same number to somebody else. Returns whether the own node holds it.
    #[expect(clippy::too_many_arguments, reason = "the fields of one envelope")]
    fn say(
        &mut self,
        world: &mut World<'_>,
        network: NetworkId,
        log: LogId,
        kind: Kind,
        object: ObjectId,
        generation: u32,
        content: Content,
    ) -> bool {
        let hub = world.hubs[self.machine].clone();
        let head = self.heads.get(&log).copied();
        let clock = match world.dice.below(8) {
            0 => u64::MAX,
            1 => 0,
            _ => 1_795_305_700_000 << 16,
        };
        let body = match world.dice.below(12) {
            0 => {
                let mut odd = odd_bodies();
                odd.retain(|(_, body)| body.len() < MOST_BYTES);
                let chosen = world.dice.below(odd.len());
                odd.swap_remove(chosen).1
            }
            _ => Body {
                clock,
                content: Some(content),
            }
            .encode_bytes(),
        };
        let header = Header {
            network,
            hub: hub.id,
            key_number: hub.key_number(),
            log,
            epoch: self.epoch,
            seq: head.map_or(0, |head| head.0 + 1),
            previous: head.map_or(HeaderHash::ZERO, |head| head.1),
            kind,
            object,
            generation,
            commitment: [0; 32],
        };
        let mut salt = [1; 32];
        let envelope = Envelope::sign(
            header,
            Sealed {
                salt,
                body: body.clone(),
            },
            &hub.key(),
        );
        // Its own machine may be about to stop, like any other.
        let taken = hub.ledger().take(std::slice::from_ref(&envelope));
        if taken.is_ok_and(|(rows, _)| rows.is_empty()) || hub.disk.is_stopped() {
            return false;
        }
        self.heads.insert(log, (envelope.header.seq, envelope.hash()));
        if world.dice.one_in(20) {
            // Somebody else is shown another one under the same number.
            salt[0] = 2;
            let other = Envelope::sign(header, Sealed { salt, body }, &hub.key());
            let up = world.up();
            let to = *world.dice.pick(&up).unwrap();
            let receiver = world.hubs[to].clone();
            if receiver.id != hub.id && world.reach(self.machine, to) && receiver.ledger().network().is_some() {
                let _ = receiver.ledger().take_from(Some(hub.id), &[other]);
                world.tell(format_args!("{} shows {} two faces", hub.name, receiver.name));
            }
        }
        true
    }
}

fn random_hub(world: &mut World<'_>, machine: usize) -> HubId {
    let roster = world.hubs[machine].ledger().roster();
    let members: Vec<HubId> = roster.members.keys().copied().collect();
    world.dice.pick(&members).copied().unwrap_or(HubId([7; 16]))
}

/// A statement that an honest node would not make.
fn statement(world: &mut World<'_>, machine: usize) -> (&'static str, Option<Said>) {
    let hub = world.hubs[machine].clone();
    let roster = hub.ledger().roster();
    let someone = random_hub(world, machine);
    let decisions: Vec<HeaderHash> = roster.ballots.all().map(|one| one.id).collect();
    let decision = world.dice.pick(&decisions).copied().unwrap_or(HeaderHash([3; 32]));
    match world.dice.below(8) {
        0 => {
            let accept = vec![u8::try_from(world.dice.below(256)).unwrap(); 80];
            let signature = vec![0; 64];
            (
                "an admission nobody asked for",
                Some(Said::Admit(Admit { accept, signature })),
            )
        }
        1 => {
            let (hub, counter) = (someone.0.to_vec(), u32::MAX);
            (
                "takes back another's admission",
                Some(Said::Withdraw(Withdraw {
                    hub,
                    counter,
                    ends: None,
                })),
            )
        }
        2 => {
            let word = [0, 1, 2, 3, 99][world.dice.below(5)];
            let decision = [decision.0.to_vec(), vec![5; 32], vec![]][world.dice.below(3)].clone();
            ("an odd vote", Some(Said::Vote(Vote { decision, word })))
        }
        3 => {
            // Dated back: it leaves out everything that was decided.
            let change = Decided::Remove {
                hub: someone,
                reason: "a lie".into(),
                ends: std::collections::BTreeMap::new(),
            };
            let mut proposal = roster.propose(change).write();
            if world.dice.one_in(2) {
                proposal.after.clear();
                proposal.left.clear();
            }
            ("a removal", Some(Said::Decide(proposal)))
        }
        4 => {
            let change = Decided::Seat {
                hub: hub.id,
                slug: "hub0".into(),
                counter: 1,
            };
            let mut proposal = roster.propose(change).write();
            proposal.after.push(decision.0.to_vec());
            ("seats itself", Some(Said::Decide(proposal)))
        }
        5 => {
            let (record, signature) = (vec![8; 100], vec![0; 64]);
            ("another's next key", Some(Said::NextKey(NextKey { record, signature })))
        }
        6 => ("nothing at all", None),
        _ => (
            "it leaves, with the last of all counters",
            Some(Said::Leave(Leave {
                counter: u32::MAX - 1,
                ends: None,
            })),
        ),
    }
}
