//! Several hubs write one event: grants, consents, squashes, with everything else that may happen to it.

use super::*;
use crate::body::{Consent, Grant, Squash};

const COHOST: HubId = HubId([4; 16]);
const STRANGER: HubId = HubId([5; 16]);

/// A run of a hub's node: what it holds, by number.
struct Run {
    hub: HubId,
    epoch: Epoch,
    held: BTreeSet<usize>,
}

/// Two runs of the owner, two other hubs, and everything they have signed.
struct Network {
    runs: Vec<Run>,
    bodies: Vec<HeldBody>,
    nth: BTreeMap<(HubId, Epoch, u32), u64>,
}

impl Network {
    fn new() -> Self {
        let run = |hub, epoch| Run {
            hub,
            epoch: Epoch(epoch),
            held: BTreeSet::new(),
        };
        let runs = vec![run(OWNER, 1), run(OWNER, 2), run(COHOST, 1), run(STRANGER, 1)];
        Self {
            runs,
            bodies: Vec::new(),
            nth: BTreeMap::new(),
        }
    }

    fn seen_by(&self, run: usize) -> Outcome {
        let held: Vec<HeldBody> = self.runs[run].held.iter().map(|at| self.bodies[*at].clone()).collect();
        take_all_at_once(&held)
    }

    fn sign(&mut self, run: usize, kind: Kind, generation: u32, content: Content) -> HeaderHash {
        let number = self.bodies.len();
        let Run { hub, epoch, .. } = self.runs[run];
        let mut nth = 0;
        if matches!(kind, Kind::Genesis | Kind::Change | Kind::Squash) {
            let count = self.nth.entry((hub, epoch, generation)).or_default();
            *count += 1;
            nth = *count;
        }
        let hash = HeaderHash(*blake3::hash(&number.to_be_bytes()).as_bytes());
        self.bodies.push(HeldBody {
            hash,
            hub,
            epoch,
            log: LogId::PUBLIC,
            kind,
            generation,
            nth,
            clock: number as u64 + 1,
            void: false,
            content: Some(content),
        });
        self.runs[run].held.insert(number);
        hash
    }

    fn genesis(&mut self, writers: &[HubId]) {
        let reading = event("Open day", Status::Confirmed);
        let made = document::edit(None, document::actor(OWNER, Epoch(1)), &reading)
            .unwrap()
            .unwrap();
        let genesis = Genesis {
            kind: u32::from(DocumentKind::Event.code()),
            thing: THING.0.to_vec(),
            change: made.change,
            writers: writers.iter().map(|hub| hub.0.to_vec()).collect(),
            replaces: vec![],
        };
        self.sign(0, Kind::Genesis, FIRST_GENERATION, Content::Genesis(genesis));
    }

    fn edit(&mut self, run: usize, alter: impl FnOnce(&mut Event)) -> Option<HeaderHash> {
        let seen = self.seen_by(run);
        let generation = seen.object.state.created?.generation;
        let Reading::Event(mut event) = seen.shown?.reading else {
            return None;
        };
        alter(&mut event);
        let actor = document::actor(self.runs[run].hub, self.runs[run].epoch);
        let made = document::edit(seen.object.snapshot.as_deref(), actor, &Reading::Event(event)).unwrap()?;
        let change = Change {
            change: made.change,
            replaces: vec![],
        };
        Some(self.sign(run, Kind::Change, generation, Content::Change(change)))
    }

    fn grant(&mut self, run: usize, writer: HubId) -> Option<HeaderHash> {
        let generation = self.seen_by(run).object.state.created?.generation;
        let writer = writer.0.to_vec();
        Some(self.sign(run, Kind::Grant, generation, Content::Grant(Grant { writer })))
    }

    fn consent(&mut self, run: usize, counter: u32, agreed: bool) -> HeaderHash {
        self.sign(run, Kind::Consent, 0, Content::Consent(Consent { counter, agreed }))
    }

    fn squash(&mut self, run: usize, writers: &[HubId]) -> Option<HeaderHash> {
        let seen = self.seen_by(run).object;
        let created = seen.state.created?;
        let actor = document::actor(self.runs[run].hub, self.runs[run].epoch);
        let made = document::squash(seen.snapshot.as_deref()?, actor, created.kind, &[]).unwrap()?;
        let squash = Squash {
            change: made.change,
            writers: writers.iter().map(|hub| hub.0.to_vec()).collect(),
            heads: seen.state.heads.iter().map(|head| head.to_vec()).collect(),
            withdrawn: vec![],
            kind: u32::from(created.kind.code()),
            thing: created.thing.0.to_vec(),
        };
        Some(self.sign(run, Kind::Squash, created.generation + 1, Content::Squash(squash)))
    }

    fn tombstone(&mut self, run: usize, through_generation: u32) {
        let tombstone = Tombstone {
            kind: u32::from(DocumentKind::Event.code()),
            thing: THING.0.to_vec(),
            owner: OWNER.0.to_vec(),
            log: LogId::PUBLIC.0.to_vec(),
            through_generation,
            heads: Vec::new(),
        };
        self.sign(run, Kind::Tombstone, 0, Content::Tombstone(tombstone));
    }

    /// Everything this run holds, the other holds too from now on.
    fn sync(&mut self, from: usize, to: usize) {
        let held = self.runs[from].held.clone();
        self.runs[to].held.extend(held);
    }

    fn sync_all(&mut self) {
        for run in &mut self.runs {
            run.held = (0..self.bodies.len()).collect();
        }
    }

    fn all(&self) -> Outcome {
        take_all_at_once(&self.bodies)
    }

    fn hub_of(number: u64) -> HubId {
        [COHOST, STRANGER, OWNER][(number % 3) as usize]
    }

    /// One thing that happens, drawn from a number.
    fn step(&mut self, step: u64) {
        let run = (step % 4) as usize;
        let what = step / 4 % 24;
        let more = step / 96;
        match what {
            5..=7 => drop(self.edit(run, |event| event.title = format!("Title {}", more % 7))),
            8 | 9 => drop(self.edit(run, |event| {
                event.description += ["", " one", " two", " three"][(more % 4) as usize];
            })),
            10 => drop(self.edit(run, |event| event.status = Status::Cancelled)),
            11 => drop(self.edit(run, |event| event.tags = vec![format!("tag {}", more % 3)])),
            12..=14 => drop(self.grant(run, Self::hub_of(more))),
            15..=18 => drop(self.consent(run, (more % 3) as u32, !more.is_multiple_of(5))),
            19 | 20 => drop(self.squash(run, &[Self::hub_of(more)])),
            21 if more.is_multiple_of(3) => {
                let through = if more.is_multiple_of(2) { u32::MAX } else { 1 };
                self.tombstone(run, through);
            }
            22 if more.is_multiple_of(4) => {
                let _ = self.sign(run, Kind::Unknown(200), 1, Content::Open(Open::default()));
            }
            23 => {
                let change = vec![7; 40];
                let garbage = Change {
                    change,
                    replaces: vec![],
                };
                let _ = self.sign(run, Kind::Change, 1, Content::Change(garbage));
            }
            _ => self.sync(run, (more % 4) as usize),
        }
    }

    /// From this number on, everything a run has signed is void, tombstones excepted.
    fn void_from(&mut self, run: usize, number: usize) {
        let Run { hub, epoch, .. } = self.runs[run];
        for body in self.bodies.iter_mut().skip(number) {
            body.void |= body.hub == hub && body.epoch == epoch;
        }
    }
}

fn shuffled(bodies: &[HeldBody], mut seed: u64) -> Vec<HeldBody> {
    let mut order = [bodies, bodies].concat();
    for index in (1..order.len()).rev() {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        order.swap(index, (seed >> 33) as usize % (index + 1));
    }
    order
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// The one law with several hubs: whatever they sign, and whichever part of it is held, every order of the same
    /// envelopes ends in the same states, writers, hosts, document and conflicts.
    #[test]
    fn order_never_matters_with_cohosts(
        steps in proptest::collection::vec(any::<u64>(), 1..40),
        listed in any::<bool>(),
        void in proptest::option::of((0usize..4, 1usize..30)),
        lost in proptest::collection::btree_set(0usize..40, 0..4),
        shuffle in any::<u64>(),
    ) {
        let mut network = Network::new();
        network.genesis(if listed { &[COHOST] } else { &[] });
        network.sync_all();
        for step in steps {
            network.step(step >> 8);
        }
        if let Some((run, number)) = void {
            network.void_from(run, number);
        }
        let mut number = 0;
        network.bodies.retain(|_| {
            number += 1;
            !lost.contains(&(number - 1))
        });
        let expected = network.all();
        let got = take_one_by_one(&shuffled(&network.bodies, shuffle));
        prop_assert_eq!(got.object.snapshot.is_some(), expected.object.snapshot.is_some());
        prop_assert_eq!(got.object.state, expected.object.state);
        prop_assert_eq!(got.states, expected.states);
        prop_assert_eq!(got.shown, expected.shown);
    }
}

fn shown(outcome: &Outcome) -> Event {
    let Some(Reading::Event(event)) = outcome.shown.clone().map(|shown| shown.reading) else {
        panic!("no event: {outcome:?}")
    };
    *event
}

#[test]
fn a_cohosts_changes_count_once_it_is_granted_and_consents() {
    let mut network = Network::new();
    network.genesis(&[]);
    network.sync_all();
    let edit = network.edit(2, |event| event.title = "By the co-host".into()).unwrap();
    assert_eq!(network.all().states[&edit], State::Waiting(WaitFor::Grant));
    let grant = network.grant(0, COHOST).unwrap();
    let offered = network.all();
    assert_eq!(offered.states[&edit], State::Waiting(WaitFor::Consent));
    assert_eq!(offered.states[&grant], State::Counted);
    assert_eq!(offered.object.state.hosts(), [OWNER], "an offer makes nobody a host");
    network.consent(2, 1, true);
    let agreed = network.all();
    assert_eq!(agreed.states[&edit], State::Counted);
    assert_eq!(shown(&agreed).title, "By the co-host");
    assert_eq!(agreed.object.state.hosts(), [OWNER, COHOST]);
}

#[test]
fn a_later_no_takes_nothing_back_and_ends_being_a_host() {
    let mut network = Network::new();
    network.genesis(&[COHOST]);
    network.sync_all();
    network.consent(2, 1, true);
    let edit = network.edit(2, |event| event.title = "By the co-host".into()).unwrap();
    network.sync_all();
    let on_top = network.edit(0, |event| event.description.push_str(" more")).unwrap();
    network.consent(2, 2, false);
    let left = network.all();
    assert_eq!(left.states[&edit], State::Counted);
    assert_eq!(left.states[&on_top], State::Counted);
    assert_eq!(left.object.state.hosts(), [OWNER]);
    network.consent(2, 3, true);
    assert_eq!(network.all().object.state.hosts(), [OWNER, COHOST]);
    // An old word that comes late says nothing.
    network.consent(2, 2, false);
    assert_eq!(network.all().object.state.hosts(), [OWNER, COHOST]);
}

#[test]
fn only_the_owner_grants_and_squashes() {
    let mut network = Network::new();
    network.genesis(&[COHOST]);
    network.consent(2, 1, true);
    network.sync_all();
    let grant = network.grant(2, STRANGER).unwrap();
    let squash = network.squash(2, &[]).unwrap();
    let outcome = network.all();
    assert_eq!(outcome.states[&grant], State::Refused(Refusal::Writer));
    assert_eq!(outcome.states[&squash], State::Refused(Refusal::Object));
    assert_eq!(outcome.object.state.created.unwrap().generation, 1);
}

#[test]
fn a_squash_takes_a_writer_away_and_keeps_what_it_wrote() {
    let mut network = Network::new();
    network.genesis(&[COHOST]);
    network.consent(2, 1, true);
    network.sync_all();
    network.edit(2, |event| event.title = "By the co-host".into()).unwrap();
    network.sync_all();
    let late = network.edit(2, |event| event.title = "Too late".into()).unwrap();
    network.squash(0, &[]).unwrap();
    let outcome = network.all();
    assert_eq!(outcome.states[&late], State::Covered);
    assert_eq!(shown(&outcome).title, "By the co-host");
    assert_eq!(outcome.object.state.hosts(), [OWNER]);
    assert_eq!(outcome.object.state.weight.changes, 1);
    network.sync_all();
    let refused = network.edit(2, |event| event.title = "Again".into()).unwrap();
    assert_eq!(network.all().states[&refused], State::Waiting(WaitFor::Grant));
}

#[test]
fn of_two_squashes_to_one_generation_the_smaller_hash_counts() {
    let mut network = Network::new();
    network.genesis(&[]);
    network.sync_all();
    let one = network.squash(0, &[]).unwrap();
    let other = network.squash(1, &[COHOST]).unwrap();
    let outcome = network.all();
    let (wins, loses) = if one < other { (one, other) } else { (other, one) };
    assert_eq!(outcome.object.state.created.unwrap().beginning, wins);
    assert_eq!(outcome.states[&wins], State::Counted);
    assert_eq!(outcome.states[&loses], State::Refused(Refusal::Beginning));
}

#[test]
fn a_squash_outlives_the_erasure_of_what_came_before() {
    let mut network = Network::new();
    network.genesis(&[COHOST]);
    network.consent(2, 1, true);
    network.sync_all();
    network.squash(0, &[COHOST]).unwrap();
    network.sync_all();
    network.tombstone(0, 1);
    // Nothing of the first generation is held any more, as at a node that came later.
    network.bodies.retain(|body| body.kind != Kind::Genesis);
    let outcome = network.all();
    assert_eq!(shown(&outcome).title, "Open day");
    assert_eq!(outcome.object.state.hosts(), [OWNER, COHOST]);
}

#[test]
fn texts_merge_a_cancellation_wins_and_titles_conflict() {
    let mut network = Network::new();
    network.genesis(&[COHOST]);
    network.consent(2, 1, true);
    network.sync_all();
    network.edit(0, |event| {
        event.title = "Owner's".into();
        event.description = format!("First of all. {}", event.description);
        event.status = Status::Tentative;
        event.updated_ms = 10;
    });
    network.edit(2, |event| {
        event.title = "Co-host's".into();
        event.description.push_str(", and a cake");
        event.status = Status::Cancelled;
        event.updated_ms = 20;
    });
    let outcome = network.all();
    let event = shown(&outcome);
    assert_eq!(event.description, "First of all. about Open day, and a cake");
    assert_eq!(event.status, Status::Cancelled);
    assert_eq!(event.updated_ms, 20);
    let conflicts = outcome.shown.unwrap().conflicts;
    assert_eq!(conflicts.len(), 1, "{conflicts:?}");
    assert_eq!(conflicts[0].field, "title");
    let values: Vec<_> = conflicts[0]
        .values
        .iter()
        .map(|one| (one.value.as_str(), one.hub, one.at_ms))
        .collect();
    assert_eq!(values[0].0, event.title, "the one that is shown comes first");
    assert!(values.contains(&("Owner's", OWNER, 10)) && values.contains(&("Co-host's", COHOST, 20)));
}

#[test]
fn more_grants_than_the_limit_count_by_hash_whatever_the_order() {
    let mut network = Network::new();
    network.genesis(&[]);
    for number in 0..u8::try_from(MAX_WRITERS + 5).unwrap() {
        network.grant(0, HubId([100 + number; 16])).unwrap();
    }
    let expected = network.all();
    assert_eq!(expected.object.state.grants.len(), MAX_WRITERS);
    for seed in 0..5 {
        let got = take_one_by_one(&shuffled(&network.bodies, seed));
        assert_eq!(got.object.state, expected.object.state);
        assert_eq!(got.states, expected.states);
    }
}

impl Network {
    fn late(&self, run: usize) -> late::Late {
        let held: Vec<HeldBody> = self.runs[run].held.iter().map(|at| self.bodies[*at].clone()).collect();
        let own = self.runs[run].hub;
        let void = held.iter().filter(|body| body.void && body.hub == own);
        let question = late::Question {
            network: NETWORK,
            object: object_id(),
            own,
            bodies: &held,
            forked: &void.map(|body| body.hash).collect(),
            counter: &InProcessCounter,
        };
        late::late(&question, &self.seen_by(run).object.state).unwrap()
    }

    /// What a node does with edits of its own that were left out.
    fn replay(&mut self, run: usize) -> Option<HeaderHash> {
        let late = self.late(run);
        if late.edits.is_empty() || !late.may_take_over {
            return None;
        }
        let seen = self.seen_by(run);
        let mut event = Box::new(shown(&seen));
        for edit in &late.edits {
            *event = document::patch::carry_over(&edit.before, &edit.after, &event, &edit.withdrawn);
        }
        event.updated_ms += 1;
        // A new run, as a node begins one when its own has a branch that lost.
        self.runs[run].epoch = Epoch(self.runs[run].epoch.0 + 10);
        let actor = document::actor(self.runs[run].hub, self.runs[run].epoch);
        let made = document::edit(seen.object.snapshot.as_deref(), actor, &Reading::Event(event)).unwrap();
        let change = Change {
            change: made.unwrap().change,
            replaces: late.edits.iter().map(|edit| edit.hash.0.to_vec()).collect(),
        };
        let generation = seen.object.state.created.unwrap().generation;
        Some(self.sign(run, Kind::Change, generation, Content::Change(change)))
    }
}

#[test]
fn edits_on_a_squash_that_lost_are_late() {
    let mut network = Network::new();
    network.genesis(&[]);
    network.sync_all();
    let one = network.squash(0, &[]).unwrap();
    let other = network.squash(1, &[]).unwrap();
    let loser = usize::from(one < other);
    network
        .edit(loser, |event| event.title = "On the loser".into())
        .unwrap();
    network.sync_all();
    let late = network.late(loser);
    assert_eq!(late.edits.len(), 1);
    assert_eq!(late.edits[0].after.title, "On the loser");
    network.replay(loser).unwrap();
    network.sync_all();
    assert_eq!(shown(&network.all()).title, "On the loser");
    assert!(network.late(loser).edits.is_empty());
}

/// Whoever stole the owner's key began a generation, or the owner did beyond a fork or its own removal.
#[test]
fn edits_in_a_generation_that_became_void_are_late() {
    let mut network = Network::new();
    network.genesis(&[COHOST]);
    network.consent(2, 1, true);
    network.sync_all();
    network.squash(1, &[COHOST]).unwrap();
    network.sync_all();
    network.edit(2, |event| event.title = "In vain".into()).unwrap();
    network.sync_all();
    let begun = network.bodies.iter().position(|body| body.kind == Kind::Squash);
    network.void_from(1, begun.unwrap());
    assert_eq!(shown(&network.all()).title, "Open day");
    let late = network.late(2);
    assert_eq!(late.edits.len(), 1);
    assert!(late.may_take_over);
    network.replay(2).unwrap();
    network.sync_all();
    assert_eq!(shown(&network.all()).title, "In vain");
    assert!(network.late(2).edits.is_empty());
}

/// Whoever stole the owner's key asked it to be a host.
#[test]
fn edits_of_a_host_whose_asking_became_void_are_late_and_not_said_again() {
    let mut network = Network::new();
    network.genesis(&[]);
    network.sync_all();
    network.grant(1, COHOST).unwrap();
    network.sync_all();
    network.consent(2, 1, true);
    network.edit(2, |event| event.title = "In vain".into()).unwrap();
    network.sync_all();
    assert!(network.late(2).edits.is_empty());
    let asked = network.bodies.iter().position(|body| body.kind == Kind::Grant);
    network.void_from(1, asked.unwrap());
    assert_eq!(shown(&network.all()).title, "Open day");
    let late = network.late(2);
    assert_eq!(late.edits.len(), 1);
    assert!(!late.may_take_over);
    // Asked by who may ask, it counts as it is.
    network.grant(0, COHOST).unwrap();
    network.sync_all();
    assert_eq!(shown(&network.all()).title, "In vain");
    assert!(network.late(2).edits.is_empty());
}

#[test]
fn what_a_squash_withdraws_is_not_said_again() {
    let mut network = Network::new();
    network.genesis(&[COHOST]);
    network.consent(2, 1, true);
    network.sync_all();
    network.edit(2, |event| {
        event.description.push_str(" and a secret");
        event.title = "Late".into();
    });
    let seen = network.seen_by(0).object;
    let actor = document::actor(OWNER, Epoch(1));
    let withdrawn = vec!["description".to_owned()];
    let made = document::squash(
        seen.snapshot.as_deref().unwrap(),
        actor,
        DocumentKind::Event,
        &withdrawn,
    );
    let squash = Squash {
        change: made.unwrap().unwrap().change,
        writers: vec![COHOST.0.to_vec()],
        heads: seen.state.heads.iter().map(|head| head.to_vec()).collect(),
        withdrawn,
        kind: u32::from(DocumentKind::Event.code()),
        thing: THING.0.to_vec(),
    };
    network.sign(0, Kind::Squash, 2, Content::Squash(squash));
    network.sync_all();
    assert_eq!(shown(&network.all()).description, "");
    network.replay(2).unwrap();
    let event = shown(&network.all());
    assert_eq!((event.title.as_str(), event.description.as_str()), ("Late", ""));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Nothing is lost silently and nothing is said twice: after everybody holds everything and has said again what was
    /// left out, no host has an edit that is left out, and saying it again changes nothing any more.
    #[test]
    fn after_replays_nothing_of_a_host_is_left_out(steps in proptest::collection::vec(any::<u64>(), 1..40)) {
        let mut network = Network::new();
        network.genesis(&[COHOST]);
        network.consent(2, 1, true);
        network.sync_all();
        for step in steps {
            // Without what ends the document.
            let what = step / 4 % 24;
            if what != 21 && what != 22 {
                network.step(step);
            }
        }
        // One run for each hub: two nodes of one hub would both say the same again.
        for _ in 0..2 {
            for run in [0, 2, 3] {
                network.sync_all();
                network.replay(run);
            }
        }
        network.sync_all();
        for run in [0, 2, 3] {
            let late = network.late(run);
            prop_assert!(late.edits.is_empty() || !late.may_take_over, "{late:?}");
        }
    }
}
