//! Many hubs, each with what it holds and has taken, under whatever order, partition and repetition.

use std::collections::BTreeSet;

use self::world::{HUBS, KEYS, World, named};
use super::*;

mod world;

/// What happens at one moment.
#[derive(Debug, Clone)]
enum Step {
    /// A hub proposes to remove, seat or readmit another one, to seat it under the name of others, or another rule.
    Propose { by: u8, what: u8, target: u8 },
    /// A hub votes for one of the decisions it knows, whatever its node thinks of it.
    Vote { by: u8, pick: usize },
    /// It withdraws.
    Withdraw { by: u8, pick: usize },
    /// It leaves.
    Leave { by: u8 },
    /// A voter admits another one's guest, or its own again.
    Admit { by: u8, guest: u8 },
    /// A liar proposes after whatever it likes of the past.
    Forge { by: u8, target: u8, pick: usize },
    /// A hub proposes to take a decision after all: a refused one, or if there is none any that it knows.
    Adopt { by: u8, pick: usize },
    /// A hub proposes to give another one keys, whether it has lost its own or not.
    Rekey { by: u8, target: u8, pair: u8 },
    /// A hub passes on an objection that some key of another one signed.
    Object { by: u8, target: u8, pair: u8, signer: u8 },
    /// A hub loses both its keys. It says nothing more until others are given to it.
    Lose { hub: u8 },
    /// Whoever has a copy of a hub's first key says something in its name, which another hub hears.
    Steal {
        of: u8,
        what: u8,
        target: u8,
        pick: usize,
        heard_by: u8,
    },
    /// A hub's recovery key says that its keys were stolen, and names another.
    Theft { of: u8, which: u8 },
    /// A hub's clock goes on for more than seven days.
    Jump { hub: u8 },
    /// One hub hears some of what another one holds.
    Hear { from: u8, to: u8, part: u8, seed: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let who = 1u8..=HUBS;
    prop_oneof![
        3 => (who.clone(), 0u8..5, who.clone()).prop_map(|(by, what, target)| Step::Propose { by, what, target }),
        4 => (who.clone(), any::<usize>()).prop_map(|(by, pick)| Step::Vote { by, pick }),
        1 => (who.clone(), any::<usize>()).prop_map(|(by, pick)| Step::Withdraw { by, pick }),
        1 => who.clone().prop_map(|by| Step::Leave { by }),
        1 => (who.clone(), who.clone()).prop_map(|(by, guest)| Step::Admit { by, guest }),
        1 => (who.clone(), who.clone(), any::<usize>()).prop_map(|(by, target, pick)| Step::Forge { by, target, pick }),
        8 => (who.clone(), who, 0u8..4, any::<u64>())
            .prop_map(|(from, to, part, seed)| Step::Hear { from, to, part, seed }),
    ]
}

/// The same, with decisions to adopt others and to give keys, and with objections to that.
fn step_with_keys() -> impl Strategy<Value = Step> {
    let who = 1u8..=HUBS;
    prop_oneof![
        20 => step(),
        1 => (who.clone(), any::<usize>()).prop_map(|(by, pick)| Step::Adopt { by, pick }),
        1 => (who.clone(), who.clone(), 0..KEYS).prop_map(|(by, target, pair)| Step::Rekey { by, target, pair }),
        1 => (who.clone(), who, 0..KEYS, 0u8..4)
            .prop_map(|(by, target, pair, signer)| Step::Object { by, target, pair, signer }),
    ]
}

/// The same, with hubs that lose their keys, and whose keys are stolen.
fn step_with_thefts() -> impl Strategy<Value = Step> {
    let who = 1u8..=HUBS;
    prop_oneof![
        12 => step_with_keys(),
        1 => who.clone().prop_map(|hub| Step::Lose { hub }),
        2 => (who.clone(), 0u8..4, who.clone(), any::<usize>(), who.clone())
            .prop_map(|(of, what, target, pick, heard_by)| Step::Steal { of, what, target, pick, heard_by }),
        1 => (who, 0..KEYS).prop_map(|(of, which)| Step::Theft { of, which }),
    ]
}

/// The same as [`step_with_keys`], with clocks that move on, so that some hubs refuse what others take.
fn step_with_jumps() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => step_with_keys(),
        1 => (1u8..=HUBS).prop_map(|hub| Step::Jump { hub }),
    ]
}

/// Hubs that hear of everything within seven days agree, whatever came when, and whoever lost a key or had it stolen; also
/// after a pause in which all that was decided became old, and liars come with decisions of the past; and so does a newcomer.
fn agree_on_one_roster(before: Vec<Step>, after: Vec<Step>) -> Result<(), TestCaseError> {
    let mut world = World::new();
    for step in before {
        world.act(&step);
    }
    world.exchange();
    world.agrees("before the pause")?;
    world.pause();
    world.agrees("after the pause")?;
    for step in after {
        world.act(&step);
    }
    world.exchange();
    world.agrees("with what came after the pause")?;
    world.pause();
    world.agrees("at last")?;
    let there = world.roster(1);
    let peer = world.peer(1).clone();
    let (network, now_ms, named) = (world.network, world.now_ms, named(&peer.opens));
    let compute = |taken: &Taken| Roster::compute(network, peer.held.values(), &named, taken, now_ms);
    let started = compute(&Taken::new())
        .ballots
        .start_from(&there.ballots.heads(), now_ms, 0)
        .unwrap();
    prop_assert_eq!(compute(&started).members, there.members);
    Ok(())
}

/// Fewer than half of the voters, whatever they say, seat and remove nobody, once their past is a week old.
fn minority_decides_nothing(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let (book, _) = Book::with_voters(7);
    let held: BTreeMap<HeaderHash, HeldStatement> = book.statements.iter().map(|one| (one.hash, one.clone())).collect();
    let mut world = World::new();
    world.network = book.network;
    for peer in &mut world.peers {
        peer.held.clone_from(&held);
    }
    // That decisions in force are adopted is agreed to by all, and changes nothing.
    let changing = |roster: &Roster| {
        let in_force = roster.ballots.in_force();
        let changing = in_force.filter(|opinion| !matches!(opinion.proposal.change, Change::Adopt(_)));
        changing.map(|opinion| opinion.id).collect::<BTreeSet<HeaderHash>>()
    };
    let before = changing(&world.roster(7));
    for seed in 1..=HUBS {
        world.roster(seed);
    }
    // From here on nobody can go back to when the founder decided alone.
    world.now_ms += 8 * 24 * 3_600 * 1_000;
    for step in steps {
        let speaks = match &step {
            Step::Propose { by, .. } | Step::Vote { by, .. } | Step::Withdraw { by, .. } | Step::Forge { by, .. } => {
                *by
            }
            Step::Adopt { by, .. } | Step::Rekey { by, .. } | Step::Object { by, .. } => *by,
            Step::Hear { .. } => 1,
            _ => continue,
        };
        if speaks <= 3 {
            world.act(&step);
        }
    }
    for seed in 1..=3 {
        prop_assert_eq!(changing(&world.roster(seed)), before.clone());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// See [`agree_on_one_roster`].
    #[test]
    fn honest_hubs_agree_on_one_roster(
        before in proptest::collection::vec(step(), 0..40),
        after in proptest::collection::vec(step(), 0..25),
    ) {
        agree_on_one_roster(before, after)?;
    }

    /// The same where keys are lost, given, objected to and stolen.
    #[test]
    fn hubs_agree_on_one_roster_whatever_becomes_of_keys(
        before in proptest::collection::vec(step_with_thefts(), 0..40),
        after in proptest::collection::vec(step_with_thefts(), 0..25),
    ) {
        agree_on_one_roster(before, after)?;
    }

    /// What a hub whose clock moved on refused, and others took, is taken everywhere once the operators adopt it.
    #[test]
    fn what_some_refused_is_taken_once_it_is_adopted(steps in proptest::collection::vec(step_with_jumps(), 0..50)) {
        let mut world = World::new();
        // No hub can remove itself; a founder that lied so while it decides alone would be the one whose vote the others need.
        let removes_itself = |step: &Step| match step {
            Step::Propose { by, what: 0, target } | Step::Forge { by, target, .. } => by == target,
            _ => false,
        };
        for step in steps.iter().filter(|step| !removes_itself(step)) {
            world.act(step);
        }
        world.exchange();
        world.adopt_all();
        if let Some((one, other)) = world.differing() {
            prop_assert_eq!(world.standings(one), world.standings(other), "hubs {} and {}", one, other);
        }
        // By then keys that were given count everywhere.
        world.pause();
        prop_assert_eq!(world.differing(), None);
    }

    /// Whatever is said, a taken decision stays taken, and more statements never undo what passed.
    #[test]
    fn what_passed_stays_passed(steps in proptest::collection::vec(step(), 0..40)) {
        let mut world = World::new();
        let mut taken: BTreeSet<HeaderHash> = BTreeSet::new();
        for step in steps {
            world.act(&step);
            let now: BTreeSet<HeaderHash> = world.roster(1).ballots.taken().keys().copied().collect();
            prop_assert!(taken.is_subset(&now));
            taken = now;
        }
    }

    /// See [`minority_decides_nothing`].
    #[test]
    fn a_minority_decides_nothing(steps in proptest::collection::vec(step(), 0..60)) {
        minority_decides_nothing(steps)?;
    }

    /// The same where it adopts decisions, gives keys and objects.
    #[test]
    fn a_minority_gives_no_keys(steps in proptest::collection::vec(step_with_keys(), 0..60)) {
        minority_decides_nothing(steps)?;
    }
}
