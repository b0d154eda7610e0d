//! A hub that nobody can call (behind its provider's address translation) comes back from an old backup, and every other hub
//! has another key by now: all it can do is to call, and whoever answers is nobody it knows.

use super::invariants::{agreement, check};
use super::members::{is_outside, join};
use super::operators::Act;
use super::story::Story;

/// Hubs that others can call.
const OTHERS: usize = 2;
/// The one that comes back.
const AWAY: usize = OTHERS;
/// Its new machine, which answers under no address.
const BACK: usize = OTHERS + 1;
/// Time for everybody to call, and for what they tell to spread, in simulated milliseconds.
const A_WHILE_MS: u64 = 60_000;

#[test]
fn a_hub_that_nobody_calls_hears_of_keys_that_changed_while_it_was_away() {
    let mut story = Story::new(5);
    for number in 0..=AWAY {
        story.add_hub(None);
        if number == 0 {
            story.found();
            continue;
        }
        join(&mut story.world, number, 0, story.network);
        story.pass(1_000);
        assert!(!is_outside(&story.world, number));
    }
    story.operator(AWAY).does(Act::Add);
    story.pass(A_WHILE_MS);
    let away = story.world.hubs[AWAY].clone();
    let backup = away.back_up();
    story.world.take_down(AWAY, None);
    for other in 0..OTHERS {
        // Twice, so that the keys of now are named by keys that the backup does not know either.
        for _ in 0..2 {
            story.world.hubs[other].ledger().rotate_key().unwrap();
            story.pass(5_000);
        }
        assert_eq!(story.world.hubs[other].key_number(), 2);
        story.operator(other).does(Act::Add);
    }

    let back = away.copied(BACK, "back", &backup);
    story.world.add(back);
    story.pass(A_WHILE_MS);
    story.operator(BACK).does(Act::Add);
    story.pass(A_WHILE_MS);
    let machines = [0, 1, BACK];
    let seen = machines.map(|machine| agreement(&story.world.hubs[machine].ledger()));
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(story.diary.things.len(), OTHERS + 2);
    check(&story.world, &story.diary, &machines).unwrap();
}
