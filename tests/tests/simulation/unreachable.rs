//! Hubs that have to call to hear of a key. One that nobody can call (behind its provider's address translation) comes back
//! from an old backup, and every other hub has another key by now: whoever answers is nobody it knows. Another one named its
//! next key, and a power cut took its own word of that after others had heard it: whom it calls does not know it any more.

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

fn of_hubs(seed: u64) -> Story<'static> {
    let mut story = Story::new(seed);
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
    story
}

#[test]
fn a_hub_that_lost_its_word_of_its_next_key_hears_of_it_from_those_that_refuse_the_old_one() {
    let mut story = of_hubs(6);
    let hub = story.world.hubs[AWAY].clone();
    let before = hub.back_up();
    hub.ledger().rotate_key().unwrap();
    story.pass(A_WHILE_MS);
    assert_eq!(hub.key_number(), 1);
    hub.lay_key_of(&hub.back_up());
    story.world.restore(AWAY, &before, false);
    assert_eq!(hub.key_number(), 0);
    story.pass(A_WHILE_MS);
    assert_eq!(hub.key_number(), 1);
    story.operator(AWAY).does(Act::Add);
    let machines = [0, 1, AWAY];
    story.settle(|_| machines.to_vec(), 3, (3, 60)).unwrap();
    check(&story.world, &story.diary, &machines).unwrap();
}

#[test]
fn a_hub_that_nobody_calls_hears_of_keys_that_changed_while_it_was_away() {
    let mut story = of_hubs(5);
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
