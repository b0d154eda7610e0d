//! Somebody has a copy of a hub's folder and runs a node with its key; then the hub's recovery key says that it was stolen.

use std::time::Duration;

use interhub_domain::body::KeyReason;
use interhub_domain::ids::NetworkId;
use interhub_node::store::catalogue::log::Standing;

use super::hub::SimHub;
use super::invariants::{agreement, check, difference, differing_logs};
use super::members::{belonging, is_outside, join};
use super::operators::{Act, Diary, Operator};
use super::world::{Dice, World};

/// Hubs that belong, without the thief.
const HUBS: usize = 4;
/// The one whose key is stolen.
const VICTIM: usize = 1;
/// The machine of the thief.
const THIEF: usize = HUBS;
/// Things that happen before the theft, until it is known, and afterwards.
const STEPS: [usize; 3] = [40, 60, 30];
/// The longest that a few hubs may take for anything, in simulated seconds.
const PATIENCE_S: u64 = 300;
/// What a thief does. A change of audience would be an erasure of what the victim cannot have back: tombstones stay valid.
const BY_A_THIEF: [Act; 8] = [
    Act::Add,
    Act::Add,
    Act::Edit,
    Act::Edit,
    Act::Edit,
    Act::AskAHost,
    Act::Answer,
    Act::TakeAwayOrResolve,
];

struct Theft<'a> {
    world: World<'a>,
    diary: Diary,
    network: NetworkId,
}

impl Theft<'_> {
    fn pass(&mut self, ms: u64) {
        self.world.pass(Duration::from_millis(ms));
    }

    fn begin(&mut self) {
        for number in 0..HUBS {
            let hub = SimHub::new(
                number,
                &format!("hub{number}"),
                number as i64 * 300,
                self.world.time.clone(),
            );
            self.world.add(hub);
            self.pass(20);
            if number == 0 {
                self.network = self.world.hubs[0].ledger().create_network("Simulated").unwrap();
                continue;
            }
            join(&mut self.world, number, 0, self.network);
            self.pass(1_000);
            assert!(!is_outside(&self.world, number));
        }
    }

    /// Something happens at each of these machines that runs, again and again.
    fn happen(&mut self, machines: &[usize], steps: usize) {
        for _ in 0..steps {
            let pause = 100 + self.world.dice.below(500) as u64;
            self.pass(pause);
            let machine = *self.world.dice.pick(machines).unwrap();
            if !self.world.is_up(machine) || is_outside(&self.world, machine) {
                continue;
            }
            let mut operator = Operator {
                world: &mut self.world,
                diary: &mut self.diary,
                machine,
                network: self.network,
            };
            if machine == THIEF {
                let act = *operator.world.dice.pick(&BY_A_THIEF).unwrap();
                operator.does(act);
            } else {
                operator.act();
            }
        }
    }

    fn honest(&self) -> Vec<usize> {
        let mut honest = belonging(&self.world);
        honest.retain(|machine| *machine != THIEF);
        honest
    }

    fn settle(&mut self) -> Result<(), String> {
        self.world.mend();
        let mut quiet = 0;
        for _ in 0..PATIENCE_S {
            self.pass(1_000);
            let honest = self.honest();
            let seen = honest
                .iter()
                .map(|machine| agreement(&self.world.hubs[*machine].ledger()));
            let seen: Vec<_> = seen.collect();
            let agree = honest.len() == HUBS && seen.windows(2).all(|pair| pair[0] == pair[1]);
            quiet = if agree { quiet + 1 } else { 0 };
            if quiet == 45 {
                return Ok(());
            }
        }
        let honest = self.honest();
        let ledgers: Vec<_> = honest
            .iter()
            .map(|machine| self.world.hubs[*machine].ledger())
            .collect();
        let differ = ledgers.windows(2).find_map(|pair| {
            let what = difference(&agreement(&pair[0]), &agreement(&pair[1]));
            (!what.is_empty()).then(|| format!("{what}: {:?}", differing_logs(&pair[0], &pair[1])))
        });
        Err(format!("{} honest hubs do not agree: {differ:?}", honest.len()))
    }

    /// No word of the thief counts anywhere: where it is held, it is void, or erased.
    fn nothing_of_the_thief_counts(&self) -> Result<(), String> {
        let words = self.diary.words.iter().filter(|word| word.machine == THIEF);
        for word in words {
            let Some(hash) = word.acknowledged else { continue };
            for machine in self.honest() {
                let hub = &self.world.hubs[machine];
                match hub.ledger().standing_of(hash).unwrap() {
                    None | Some((Standing::Void | Standing::Covered, _)) => {}
                    Some(other) => return Err(format!("{} by the thief is {other:?} at {}", word.text, hub.name)),
                }
            }
        }
        Ok(())
    }

    /// Events that the thief added: its word was the first about them.
    fn begun_by_the_thief(&self) -> Vec<usize> {
        let (things, words) = (&self.diary.things, &self.diary.words);
        let by_the_thief = |index: &usize| {
            let first = words.iter().find(|word| word.thing == things[*index].thing);
            first.is_some_and(|word| word.machine == THIEF)
        };
        (0..things.len()).filter(by_the_thief).collect()
    }
}

fn run(seed: u64, aloud: bool) -> Result<(), String> {
    let mut theft = Theft {
        world: World::new(seed, false),
        diary: Diary::default(),
        network: NetworkId::ZERO,
    };
    theft.world.dice = Dice::new(seed);
    theft.world.aloud = aloud;
    theft.begin();
    let honest: Vec<usize> = (0..HUBS).collect();
    theft.happen(&honest, STEPS[0]);
    let victim = theft.world.hubs[VICTIM].clone();
    let thief = victim.copied(THIEF, "thief", &victim.back_up());
    theft.world.tell("the thief runs");
    theft.world.add(thief);
    let all: Vec<usize> = (0..=THIEF).collect();
    theft.pass(1_000);
    theft.happen(&all, STEPS[1]);
    let recovery_key = victim.recovery_key();
    let recovered = victim
        .ledger()
        .recover_key(&recovery_key, KeyReason::Stolen, None, None);
    let told = format!("{} says that its key was stolen: {:?}", victim.name, recovered);
    theft.world.tell(told);
    recovered.map_err(|error| error.to_string())?;
    theft.happen(&all, STEPS[2]);
    let ended = theft.settle();
    let began = theft.begun_by_the_thief();
    for index in &began {
        // With its beginning everything is void that others, and the victim itself, have said about it.
        theft.diary.things[*index].in_bad_hands = true;
    }
    let checked = ended
        .and_then(|()| check(&theft.world, &theft.diary, &theft.honest()))
        .and_then(|()| theft.nothing_of_the_thief_counts());
    let said = theft.diary.words.len();
    println!("seed {seed}: {said} words, {} events begun by the thief", began.len());
    checked.map_err(|wrong| format!("{wrong}\n  {}", theft.world.story.join("\n  ")))
}

/// Seeds that always run.
const ALWAYS: std::ops::Range<u64> = 1..7;

#[test]
fn what_a_thief_signed_is_void_and_what_the_hub_wrote_stays() {
    if let Some(seed) = super::number("INTERHUB_SIM_SEED") {
        run(seed, true).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        return;
    }
    for seed in ALWAYS {
        run(seed, false).unwrap_or_else(|wrong| panic!("theft, seed {seed}: {wrong}"));
    }
}
