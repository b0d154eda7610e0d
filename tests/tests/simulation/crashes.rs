//! A machine that stops at every single write of a short story, before it and after it, once each.

use super::disk::Stop;
use super::invariants::check;
use super::members::{belonging, is_outside, join};
use super::operators::Act;
use super::story::Story;
use super::world::Line;

/// The longest that three hubs may take for anything, in simulated seconds.
const PATIENCE_S: u64 = 120;

/// They have to go on agreeing for so long.
const QUIET_S: u64 = 3;

/// More writes than the story has.
const MOST_WRITES: u64 = 1_000;

impl Story<'_> {
    fn until_up(&mut self, machine: usize) {
        while !self.world.is_up(machine) {
            self.pass(50);
        }
    }

    /// A machine's operator does something, as soon as the machine runs.
    fn act(&mut self, machine: usize, act: Act) {
        self.until_up(machine);
        self.operator(machine).does(act);
    }

    /// A machine's operator votes for whatever can be voted for.
    fn vote(&mut self, machine: usize) {
        self.until_up(machine);
        let ledger = self.world.hubs[machine].ledger();
        for hub in &self.world.hubs {
            let _ = ledger.vote_to_seat(hub.id);
        }
    }

    fn come_in(&mut self, newcomer: usize) {
        loop {
            self.until_up(newcomer);
            if !is_outside(&self.world, newcomer) {
                return;
            }
            self.until_up(0);
            self.until_up(newcomer);
            join(&mut self.world, newcomer, 0, self.network);
            self.pass(500);
        }
    }

    /// What all of them live through.
    fn tell(&mut self, victim: usize) {
        let (other, third) = ((victim + 1) % 3, (victim + 2) % 3);
        for act in [Act::Add, Act::Add, Act::Add] {
            self.act(victim, act);
        }
        self.act(other, Act::Add);
        self.pass(300);
        for machine in [victim, other, victim, other] {
            self.act(machine, Act::AskAHost);
        }
        self.pass(300);
        for machine in [victim, other, third] {
            self.act(machine, Act::Answer);
        }
        self.vote(0);
        self.pass(300);
        // Apart, all of them edit; then owners take hosts away.
        self.world.line(victim, other, Some(Line::Cut));
        self.world.line(victim, third, Some(Line::Cut));
        for machine in [victim, other, third, victim, other] {
            self.act(machine, Act::Edit);
        }
        self.act(other, Act::TakeAwayOrResolve);
        self.act(victim, Act::TakeAwayOrResolve);
        self.world.mend();
        self.pass(400);
        for _ in 0..2 {
            self.act(victim, Act::ChangeAudience);
            self.act(victim, Act::Edit);
        }
        self.until_up(victim);
        let _ = self.world.hubs[victim].ledger().rotate_key();
        self.pass(200);
        self.vote(victim);
        for (machine, act) in [(victim, Act::Add), (victim, Act::Erase), (other, Act::Erase)] {
            self.act(machine, act);
        }
    }
}

/// Three hubs live through the same story, and the machine of one stops at its `nth` write since it began. Returns
/// whether it did.
fn run(victim: usize, nth: u64, stop: Stop) -> bool {
    let mut story = Story::new(nth * 2 + u64::from(stop == Stop::After));
    story.world.dice = super::world::Dice::new(7);
    story.add_hub(None);
    story.found();
    let founder = story.world.hubs[0].clone();
    if victim == 0 {
        founder.disk.stop_at(founder.disk.writes() + nth, stop);
    }
    for number in 1..3 {
        story.add_hub((victim == number).then_some((nth, stop)));
        story.come_in(number);
    }
    story.tell(victim);
    let ended = story.settle(belonging, 3, (QUIET_S, PATIENCE_S));
    let checked = ended.and_then(|()| check(&story.world, &story.diary, &belonging(&story.world)));
    let story = story.world.story;
    if let Err(wrong) = checked {
        panic!(
            "hub{victim} stops {stop:?} write {nth}: {wrong}\n  {}",
            story.join("\n  ")
        );
    }
    story.iter().any(|line| line.contains("stopped at write"))
}

/// All of its writes, until the story has no further one.
fn at_every_write_of(victim: usize) {
    for stop in [Stop::Before, Stop::After] {
        let writes = (1..MOST_WRITES).take_while(|nth| run(victim, *nth, stop)).count();
        println!("hub{victim} was stopped {stop:?} each of {writes} writes");
        assert!(writes > 20, "hardly anything was written");
    }
}

#[test]
fn a_founder_that_stops_at_any_write_loses_nothing() {
    at_every_write_of(0);
}

#[test]
fn a_newcomer_that_stops_at_any_write_loses_nothing() {
    at_every_write_of(1);
}
