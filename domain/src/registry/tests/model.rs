//! Many hubs, each with what it holds and has taken, under whatever order, partition and repetition.

use std::collections::BTreeSet;

use super::*;
use crate::body::{Vote, VoteWord};
use crate::registry::duty::Duty;

/// Hubs of the model: two founders, and guests that may be seated.
const HUBS: u8 = 7;

struct Peer {
    held: BTreeMap<HeaderHash, HeldStatement>,
    taken: Taken,
    said: u64,
}

/// All hubs, and a clock that moves on with everything that happens.
struct World {
    network: NetworkId,
    peers: Vec<Peer>,
    now_ms: i64,
}

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

impl World {
    fn new() -> Self {
        let mut book = Book::new();
        for seed in 3..=HUBS {
            book.admit(1 + seed % 2, seed, &format!("hub-{seed}"), 1);
        }
        let held: BTreeMap<HeaderHash, HeldStatement> =
            book.statements.iter().map(|one| (one.hash, one.clone())).collect();
        let peer = |_| Peer {
            held: held.clone(),
            taken: Taken::new(),
            said: 1_000,
        };
        Self {
            network: book.network,
            peers: (1..=HUBS).map(peer).collect(),
            now_ms: NOW_MS,
        }
    }

    fn peer(&mut self, seed: u8) -> &mut Peer {
        &mut self.peers[usize::from(seed) - 1]
    }

    fn roster(&mut self, seed: u8) -> Roster {
        let (network, now_ms) = (self.network, self.now_ms);
        let peer = self.peer(seed);
        let statements: Vec<HeldStatement> = peer.held.values().cloned().collect();
        let roster = Roster::compute(network, &statements, &Named::default(), &peer.taken, now_ms);
        peer.taken.clone_from(roster.ballots.taken());
        roster
    }

    fn say(&mut self, seed: u8, said: Said) {
        self.now_ms += 1_000;
        // Hybrid clocks follow those of others, so that they are ahead of what the node takes for now.
        let clock = clock_of(self.now_ms + i64::from(seed % 3) * 200_000);
        let peer = self.peer(seed);
        peer.said += 1;
        let statement = statement(seed, peer.said, clock, said);
        peer.held.insert(statement.hash, statement);
    }

    /// What an honest node does by itself after anything new.
    fn settle(&mut self, seed: u8) {
        for _ in 0..100 {
            let duties = self.roster(seed).duties(hub(seed));
            if duties.is_empty() {
                return;
            }
            for duty in duties {
                let said = match duty {
                    Duty::Sign(id) => vote(id, VoteWord::Sign),
                    Duty::Ask(id) => vote(id, VoteWord::AskRenewed),
                    Duty::Renew(proposal) => Said::Decide(proposal.write()),
                };
                self.say(seed, said);
            }
        }
        panic!("hub {seed} never stops talking");
    }

    fn pick(&mut self, seed: u8, pick: usize) -> Option<HeaderHash> {
        let all: Vec<HeaderHash> = self.roster(seed).ballots.all().map(|opinion| opinion.id).collect();
        (!all.is_empty()).then(|| all[pick % all.len()])
    }

    fn act(&mut self, step: &Step) {
        let acting = match step.clone() {
            Step::Propose { by, what, target } => {
                let roster = self.roster(by);
                let change = match what {
                    0 => Change::Remove {
                        hub: hub(target),
                        reason: "gone".into(),
                        ends: RemovalCut::new(),
                    },
                    1 => Change::Seat {
                        hub: hub(target),
                        slug: format!("hub-{target}"),
                        counter: 1,
                    },
                    2 => Change::Seat {
                        hub: hub(target),
                        slug: "hub".into(),
                        counter: 1,
                    },
                    3 => Change::Rules {
                        guests_per_voter: 1 + u32::from(target % 2),
                    },
                    _ => Change::Readmit {
                        hub: hub(target),
                        removals: roster.removals_of(hub(target)),
                    },
                };
                self.say(by, Said::Decide(roster.propose(change).write()));
                by
            }
            Step::Vote { by, pick } => {
                if let Some(id) = self.pick(by, pick) {
                    self.say(by, vote(id, VoteWord::Sign));
                }
                by
            }
            Step::Withdraw { by, pick } => {
                if let Some(id) = self.pick(by, pick) {
                    self.say(by, vote(id, VoteWord::Withdraw));
                }
                by
            }
            Step::Leave { by } => {
                let counter = self.roster(by).members[&hub(by)].counter + 1;
                self.say(by, Said::Leave(Leave { counter, ends: None }));
                by
            }
            Step::Admit { by, guest } => {
                let counter = self.roster(by).members[&hub(guest)].counter + 1;
                let book = Book {
                    network: self.network,
                    statements: Vec::new(),
                };
                let said = book.admission(guest, &format!("hub-{guest}"), counter);
                self.say(by, said);
                by
            }
            Step::Forge { by, target, pick } => {
                let after = self.pick(by, pick).into_iter().collect();
                let proposal = Proposal {
                    after,
                    left: BTreeSet::new(),
                    change: Change::Remove {
                        hub: hub(target),
                        reason: "forged".into(),
                        ends: RemovalCut::new(),
                    },
                };
                self.say(by, Said::Decide(proposal.write()));
                by
            }
            Step::Hear { from, to, part, seed } => {
                self.now_ms += 1_000;
                let mut heard: Vec<HeldStatement> = self.peer(from).held.values().cloned().collect();
                shuffled(&mut heard, seed);
                let count = heard.len() * (usize::from(part) + 1) / 4;
                for one in heard.into_iter().take(count) {
                    self.peer(to).held.insert(one.hash, one);
                }
                to
            }
        };
        self.settle(acting);
    }

    /// Everybody hears everything, until nobody has anything left to say.
    fn exchange(&mut self) {
        loop {
            let all: BTreeMap<HeaderHash, HeldStatement> =
                self.peers.iter().flat_map(|peer| peer.held.clone()).collect();
            if self.peers.iter().all(|peer| peer.held.len() == all.len()) {
                return;
            }
            for seed in 1..=HUBS {
                self.peer(seed).held.clone_from(&all);
                self.now_ms += 1_000;
                self.settle(seed);
            }
        }
    }

    /// Members, rules, and what became of each decision, without since when.
    fn seen(&mut self, seed: u8) -> (BTreeMap<HubId, Member>, usize, Vec<(HeaderHash, bool, bool)>) {
        let roster = self.roster(seed);
        let outcomes = roster.ballots.all().map(|opinion| {
            let taken = matches!(opinion.state, State::Taken(_));
            (opinion.id, taken, opinion.state == State::Refused)
        });
        let mut outcomes: Vec<_> = outcomes.collect();
        outcomes.sort_unstable();
        (roster.members, roster.guests_per_voter, outcomes)
    }
}

fn vote(decision: HeaderHash, word: VoteWord) -> Said {
    Said::Vote(Vote {
        decision: decision.0.to_vec(),
        word: word.into(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Hubs that hear of everything within seven days agree, whatever came when; also after a pause in which all that
    /// was decided became old, and liars come with decisions of the past; and so does a newcomer.
    #[test]
    fn honest_hubs_agree_on_one_roster(
        before in proptest::collection::vec(step(), 0..40),
        after in proptest::collection::vec(step(), 0..25),
    ) {
        let mut world = World::new();
        for step in before {
            world.act(&step);
        }
        world.exchange();
        let first = world.seen(1);
        for seed in 2..=HUBS {
            prop_assert_eq!(&world.seen(seed), &first, "hub {}", seed);
        }
        world.now_ms += 8 * 24 * 3_600 * 1_000;
        for step in after {
            world.act(&step);
        }
        world.exchange();
        let second = world.seen(1);
        for seed in 2..=HUBS {
            prop_assert_eq!(&world.seen(seed), &second, "hub {} after the pause", seed);
        }
        let there = world.roster(1);
        let statements: Vec<HeldStatement> = world.peer(1).held.values().cloned().collect();
        let fresh = Roster::compute(world.network, &statements, &Named::default(), &Taken::new(), world.now_ms);
        let started = fresh.ballots.start_from(&there.ballots.heads(), world.now_ms, 0).unwrap();
        let newcomer = Roster::compute(world.network, &statements, &Named::default(), &started, world.now_ms);
        prop_assert_eq!(newcomer.members, there.members);
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

    /// Fewer than half of the voters, whatever they say, seat and remove nobody, once their past is a week old.
    #[test]
    fn a_minority_decides_nothing(steps in proptest::collection::vec(step(), 0..60)) {
        let (book, _) = Book::with_voters(7);
        let held: BTreeMap<HeaderHash, HeldStatement> =
            book.statements.iter().map(|one| (one.hash, one.clone())).collect();
        let mut world = World::new();
        world.network = book.network;
        for peer in &mut world.peers {
            peer.held.clone_from(&held);
        }
        let before = world.roster(7).ballots.taken().clone();
        for seed in 1..=HUBS {
            world.roster(seed);
        }
        // From here on nobody can go back to when the founder decided alone.
        world.now_ms += 8 * 24 * 3_600 * 1_000;
        for step in steps {
            let speaks = match &step {
                Step::Propose { by, .. } | Step::Vote { by, .. } | Step::Withdraw { by, .. } | Step::Forge { by, .. } => *by,
                Step::Admit { .. } | Step::Leave { .. } => continue,
                Step::Hear { .. } => 1,
            };
            if speaks <= 3 {
                world.act(&step);
            }
        }
        for seed in 1..=3 {
            let now: BTreeSet<HeaderHash> = world.roster(seed).ballots.taken().keys().copied().collect();
            prop_assert_eq!(now, before.keys().copied().collect::<BTreeSet<_>>());
        }
    }
}
