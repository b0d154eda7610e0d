//! Somebody has a copy of a hub's folder and runs a node with its key; then the hub's recovery key says that it was stolen.

use interhub_domain::body::KeyReason;

use super::any_order::order_does_not_matter;
use super::invariants::{begun_by, check, nothing_of_a_thief_counts};
use super::members::{belonging, is_outside, join};
use super::operators::Act;
use super::story::Story;
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
/// They have to go on agreeing for so long, in simulated seconds: two rounds of what nodes do by themselves.
const QUIET_S: u64 = 45;
/// What a thief does. A change of audience would be an erasure of what the victim cannot have back: tombstones stay valid.
pub(crate) const BY_A_THIEF: [Act; 8] = [
    Act::Add,
    Act::Add,
    Act::Edit,
    Act::Edit,
    Act::Edit,
    Act::AskAHost,
    Act::Answer,
    Act::TakeAwayOrResolve,
];

impl Story<'_> {
    fn begin(&mut self) {
        for _ in 0..HUBS {
            let number = self.add_hub(None);
            if number == 0 {
                self.found();
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
            let mut operator = self.operator(machine);
            if machine == THIEF {
                let act = *operator.world.dice.pick(&BY_A_THIEF).unwrap();
                operator.does(act);
            } else {
                operator.act();
            }
        }
    }
}

/// The machines of honest hubs that belong.
fn honest(world: &World<'_>) -> Vec<usize> {
    let mut honest = belonging(world);
    honest.retain(|machine| *machine != THIEF);
    honest
}

fn run(seed: u64, aloud: bool) -> Result<(), String> {
    let mut theft = Story::new(seed);
    theft.world.dice = Dice::new(seed);
    theft.world.aloud = aloud;
    theft.begin();
    let hubs: Vec<usize> = (0..HUBS).collect();
    theft.happen(&hubs, STEPS[0]);
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
    let ended = theft.settle(honest, HUBS, (QUIET_S, PATIENCE_S));
    let began = begun_by(&theft.diary, THIEF);
    for index in &began {
        // With its beginning everything is void that others, and the victim itself, have said about it.
        theft.diary.things[*index].in_bad_hands = true;
    }
    let checked = ended
        .and_then(|()| check(&theft.world, &theft.diary, &honest(&theft.world)))
        .and_then(|()| nothing_of_a_thief_counts(&theft.world, &theft.diary, THIEF, &honest(&theft.world)))
        .and_then(|()| order_does_not_matter(&theft.world, VICTIM, seed));
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
