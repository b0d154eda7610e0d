//! Two kinds of network of a fixed size, the same few things over and over: four hubs that write, seven that decide.

use std::sync::Arc;
use std::time::Duration;

use interhub_domain::document::Reading;
use interhub_domain::envelope::{SigningKey, public_key};
use interhub_domain::event::Status;
use interhub_domain::ids::{DocumentKind, HubId, LogId, NetworkId, ObjectId, ThingId};
use interhub_domain::registry::{Standing, State};
use interhub_node::sync::{Ledger, Write, invitation_message};

use super::hub::{SimHub, SimTime};

const NAMES: [&str; 7] = [
    "birmingham",
    "amsterdam",
    "vienna",
    "lisbon",
    "zagreb",
    "athens",
    "tallinn",
];

/// So many hubs, their clocks a little off.
fn hubs(count: usize) -> (Vec<Arc<SimHub>>, Arc<SimTime>) {
    let time = Arc::new(SimTime::default());
    let hub = |number: usize| SimHub::new(number, NAMES[number], number as i64 * 700 - 1_000, time.clone());
    ((0..count).map(hub).collect(), time)
}

fn found_and_join(hubs: &[Arc<SimHub>]) {
    let founder = hubs[0].open().unwrap().0;
    let network = founder.create_network("Simulated").unwrap();
    for hub in &hubs[1..] {
        let ledger = hub.open().unwrap().0;
        let secret = SigningKey::from([100 + hub.number as u8; 32]);
        founder.open_invitation(public_key(&secret), i64::MAX).unwrap();
        let (accept, accept_signature) = ledger.sign_accept(network).unwrap();
        let key = ledger.own().public_key();
        let signature = secret
            .sign(&invitation_message(network, key, public_key(&secret)))
            .to_bytes();
        let admitted = founder.admit(key, network, public_key(&secret), &signature, accept, accept_signature);
        let decisions = founder.roster().ballots.heads();
        ledger.enter_network(network, &admitted.unwrap().0, &decisions).unwrap();
    }
}

fn event(title: String, status: Status) -> Reading {
    let event = super::operators::event(title, String::new());
    Reading::Event(Box::new(interhub_domain::event::Event { status, ..event }))
}

/// Deterministic dice.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// What hosts of one event do at one moment: ask another hub, answer, edit another hub's event, take a host away.
fn together(dice: &mut Dice, ledger: &Ledger, network: NetworkId, made: &[(usize, ThingId)], ids: &[HubId]) {
    if made.is_empty() {
        return;
    }
    let (owner, thing) = made[usize::try_from(dice.below(made.len() as u64)).unwrap()];
    let object = ObjectId::derive(network, ids[owner], LogId::PUBLIC, DocumentKind::Event, thing);
    let writer = ids[usize::try_from(dice.below(ids.len() as u64)).unwrap()];
    let own = ids[owner] == ledger.own_id();
    let write = match dice.below(8) {
        0..=2 if own && writer != ledger.own_id() => Write::Grant { object, writer },
        0..=3 if !own => Write::Consent {
            object,
            agreed: dice.below(5) != 0,
        },
        7 if own => Write::TakeAway { object, writer },
        _ => {
            let reading = event(format!("Together {}", dice.below(1_000)), Status::Confirmed);
            Write::Change { object, reading }
        }
    };
    // Who was not asked, or has not agreed, is refused, and that is fine.
    let _ = ledger.write(vec![write]);
}

/// What one operator does at one moment: add, edit, cancel or erase an event of a hub.
fn something(dice: &mut Dice, ledger: &Ledger, network: NetworkId, made: &mut Vec<(usize, ThingId)>, hub: usize) {
    let own: Vec<ThingId> = made
        .iter()
        .filter(|(owner, _)| *owner == hub)
        .map(|(_, thing)| *thing)
        .collect();
    let object = |thing| ObjectId::derive(network, ledger.own_id(), LogId::PUBLIC, DocumentKind::Event, thing);
    let pick = |dice: &mut Dice| own[usize::try_from(dice.below(own.len() as u64)).unwrap()];
    let write = match dice.below(6) {
        0..=2 => {
            let number = made.len();
            let thing = ThingId::new(ledger.own_id(), (number as u64).to_be_bytes());
            made.push((hub, thing));
            let reading = event(format!("Event {number}"), Status::Confirmed);
            Write::Create {
                log: LogId::PUBLIC,
                kind: DocumentKind::Event,
                thing,
                reading,
            }
        }
        3 | 4 if !own.is_empty() => {
            let status = if dice.below(3) == 0 {
                Status::Cancelled
            } else {
                Status::Confirmed
            };
            let reading = event(format!("Edit {}", dice.below(1_000)), status);
            Write::Change {
                object: object(pick(dice)),
                reading,
            }
        }
        5 if !own.is_empty() => Write::Erase {
            object: object(pick(dice)),
        },
        _ => return,
    };
    // Editing what was erased is refused, and that is fine.
    let _ = ledger.write(vec![write]);
}

/// Puts every hub's node into the simulation.
fn host_all(sim: &mut turmoil::Sim<'_>, hubs: &[Arc<SimHub>]) {
    for hub in hubs {
        let hub = hub.clone();
        sim.host(hub.name.clone(), move || hub.clone().node());
    }
}

/// Four hubs write for a while under cut lines and crashes; then everything is mended, and all have to agree. Returns
/// what happened when, to be compared between two runs.
fn run(seed: u64) -> Vec<String> {
    println!("simulation seed {seed}");
    let (hubs, time) = hubs(4);
    found_and_join(&hubs);
    let network = hubs[0].ledger().network().unwrap();
    let ids: Vec<HubId> = hubs.iter().map(|hub| hub.ledger().own_id()).collect();
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .simulation_duration(Duration::from_mins(10))
        .min_message_latency(Duration::from_millis(2))
        .max_message_latency(Duration::from_millis(60))
        .build();
    host_all(&mut sim, &hubs);

    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut made = Vec::new();
    let mut story = Vec::new();
    let mut cut: Vec<(usize, usize)> = Vec::new();
    let mut down: Option<usize> = None;
    for second in 0..60u64 {
        step_for(&mut sim, &time, Duration::from_secs(1));
        match dice.below(8) {
            0 => {
                let (one, other) = (dice.below(4) as usize, dice.below(4) as usize);
                if one != other {
                    sim.partition(NAMES[one], NAMES[other]);
                    cut.push((one, other));
                    story.push(format!("{second} cut {one} {other}"));
                }
            }
            1 => {
                if let Some((one, other)) = cut.pop() {
                    sim.repair(NAMES[one], NAMES[other]);
                    story.push(format!("{second} mend {one} {other}"));
                }
            }
            2 if down.is_none() => {
                let victim = dice.below(4) as usize;
                sim.crash(NAMES[victim]);
                down = Some(victim);
                story.push(format!("{second} crash {victim}"));
            }
            3 => {
                if let Some(victim) = down.take() {
                    sim.bounce(NAMES[victim]);
                    story.push(format!("{second} restart {victim}"));
                }
            }
            _ => {
                let hub = dice.below(4) as usize;
                if down != Some(hub) {
                    something(&mut dice, &hubs[hub].ledger(), network, &mut made, hub);
                    for _ in 0..3 {
                        together(&mut dice, &hubs[hub].ledger(), network, &made, &ids);
                    }
                }
            }
        }
    }
    if let Some(victim) = down.take() {
        sim.bounce(NAMES[victim]);
    }
    for (one, other) in cut {
        sim.repair(NAMES[one], NAMES[other]);
    }
    // One more second for restarted hubs to open their stores, then as long as it takes, but not for ever.
    step_for(&mut sim, &time, Duration::from_secs(1));
    let agreed = |hubs: &[Arc<SimHub>]| {
        let state = |hub: &Arc<SimHub>| {
            let ledger = hub.ledger();
            (ledger.frontier().shared_digest(), ledger.digests().unwrap())
        };
        hubs.windows(2).all(|pair| state(&pair[0]) == state(&pair[1]))
    };
    let mut waited = 0;
    // Twice: having met, hubs say again what squashes have left out of theirs.
    for _ in 0..2 {
        while !agreed(&hubs) {
            assert!(waited < 300, "seed {seed}: no agreement after {waited} s: {story:?}");
            step_for(&mut sim, &time, Duration::from_secs(1));
            waited += 1;
        }
        step_for(&mut sim, &time, Duration::from_secs(5));
    }
    assert!(agreed(&hubs), "seed {seed}: agreement does not last");
    for hub in &hubs {
        let ledger = hub.ledger();
        for (owner, thing) in &made {
            let object = ObjectId::derive(network, ids[*owner], LogId::PUBLIC, DocumentKind::Event, *thing);
            let first = hubs[0].ledger().object_state(object).unwrap();
            assert_eq!(ledger.object_state(object).unwrap(), first, "seed {seed}");
        }
    }
    let (digest, documents) = hubs[0].ledger().digests().unwrap();
    story.push(format!("agreed after {waited} s on {documents} documents: {digest:?}"));
    assert!(documents > 4, "seed {seed}: nothing was written");
    story
}

fn step_for(sim: &mut turmoil::Sim<'_>, time: &SimTime, pause: Duration) {
    let until = sim.elapsed() + pause;
    while sim.elapsed() < until {
        sim.step().unwrap();
        time.set(sim.elapsed());
    }
}

/// The seed to replay, or the first so many.
fn seeds(count: u64) -> Vec<u64> {
    match std::env::var("INTERHUB_SIM_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (1..=count).collect(),
    }
}

/// What one operator decides at one moment: seat, remove, readmit, vote, withdraw, change a rule.
fn decide(dice: &mut Dice, ledger: &Ledger, hubs: &[Arc<SimHub>]) {
    let target = hubs[dice.below(hubs.len() as u64) as usize].ledger().own_id();
    let roster = ledger.roster();
    let pending: Vec<_> = roster
        .ballots
        .all()
        .filter(|one| one.state == State::Pending)
        .map(|one| one.id)
        .collect();
    // Much of this is refused, to guests for instance, and that is fine.
    match dice.below(8) {
        0 | 1 => drop(ledger.vote_to_seat(target)),
        2 => drop(ledger.remove(target, "simulated")),
        3 => drop(ledger.readmit(target)),
        4 => drop(ledger.change_rules(2 + dice.below(9) as u32)),
        _ if pending.is_empty() => {}
        what => {
            let id = pending[dice.below(pending.len() as u64) as usize];
            let _ = ledger.vote(id, what == 5 && dice.below(4) == 0);
        }
    }
}

/// Seven hubs decide who belongs, and write, under cut lines and crashes; then all have to see one roster, and those that
/// belong the same documents. Returns how many decisions were taken.
fn decide_together(seed: u64) -> usize {
    println!("simulation seed {seed}");
    let (hubs, time) = hubs(7);
    found_and_join(&hubs);
    let network = hubs[0].ledger().network().unwrap();
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .simulation_duration(Duration::from_mins(20))
        .min_message_latency(Duration::from_millis(2))
        .max_message_latency(Duration::from_millis(60))
        .build();
    host_all(&mut sim, &hubs);
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (mut made, mut cut, mut down) = (Vec::new(), Vec::new(), None);
    for _ in 0..120u64 {
        step_for(&mut sim, &time, Duration::from_millis(500));
        let hub = dice.below(7) as usize;
        match dice.below(10) {
            0 => {
                let other = (hub + 1 + dice.below(6) as usize) % 7;
                sim.partition(NAMES[hub], NAMES[other]);
                cut.push((hub, other));
            }
            1 => {
                if let Some((one, other)) = cut.pop() {
                    sim.repair(NAMES[one], NAMES[other]);
                }
            }
            2 if down.is_none() => {
                sim.crash(NAMES[hub]);
                down = Some(hub);
            }
            3 => {
                if let Some(victim) = down.take() {
                    sim.bounce(NAMES[victim]);
                }
            }
            _ if down == Some(hub) => {}
            4 => something(&mut dice, &hubs[hub].ledger(), network, &mut made, hub),
            _ => decide(&mut dice, &hubs[hub].ledger(), &hubs),
        }
    }
    if let Some(victim) = down {
        sim.bounce(NAMES[victim]);
    }
    for (one, other) in cut {
        sim.repair(NAMES[one], NAMES[other]);
    }
    let mut waited = 0;
    loop {
        step_for(&mut sim, &time, Duration::from_secs(1));
        let seen = |hub: &Arc<SimHub>| {
            let roster = hub.ledger().roster();
            let taken: Vec<_> = roster.ballots.taken().keys().copied().collect();
            (roster.members.clone(), roster.guests_per_voter, taken)
        };
        let first = seen(&hubs[0]);
        let belong: Vec<_> = hubs
            .iter()
            .filter(|hub| first.0[&hub.ledger().own_id()].standing == Standing::Active)
            .collect();
        let holds = |hub: &Arc<SimHub>| (hub.ledger().frontier().shared_digest(), hub.ledger().digests().unwrap());
        let one_roster = hubs.iter().all(|hub| seen(hub) == first);
        if one_roster && belong.windows(2).all(|pair| holds(pair[0]) == holds(pair[1])) {
            println!(
                "seed {seed}: {} decisions, {} hubs belong, after {waited} s",
                first.2.len(),
                belong.len()
            );
            return first.2.len();
        }
        waited += 1;
        assert!(waited < 400, "seed {seed}: no agreement after {waited} s");
    }
}

#[test]
fn seven_hubs_agree_on_who_belongs_whatever_came_when() {
    let decided: usize = seeds(8).into_iter().map(decide_together).sum();
    assert!(decided > 8, "hardly anything was decided: {decided}");
}

#[test]
fn four_hubs_agree_after_cuts_and_crashes() {
    for seed in seeds(8) {
        let story = run(seed);
        println!("seed {seed}: {}", story.last().unwrap());
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    assert_eq!(run(77), run(77));
}
