//! The hubs of the model: what each holds and has taken, which keys it has, and what it says by itself.

use std::collections::BTreeSet;

use super::super::decisions::days;
use super::super::*;
use super::Step;
use crate::body::{KeyReason, Vote, VoteWord};
use crate::frontier::RowKey;
use crate::registry::duty::Duty;
use crate::registry::keys::{decided_number, recovered_number, sign_next_key};
use crate::registry::replace::sign_objection;

/// Hubs of the model: two founders, and guests that may be seated.
pub(super) const HUBS: u8 = 7;
/// Pairs of keys that a hub may be given, and keys that its recovery key may name.
pub(super) const KEYS: u8 = 2;
/// The run that a thief writes in.
const THIEFS: Epoch = Epoch(1_000_000);

/// The recovery key that a hub begins with.
const fn paper(seed: u8) -> u8 {
    200 + seed
}

/// A signing key that a decision may give a hub, and the recovery key with it.
const fn given(seed: u8, pair: u8) -> (u8, u8) {
    (100 + KEYS * seed + pair, 120 + KEYS * seed + pair)
}

/// A key that a recovery key of a hub may name.
const fn recovered(seed: u8, which: u8) -> u8 {
    140 + KEYS * seed + which
}

fn public(seed: u8) -> [u8; 32] {
    public_key(&key(seed))
}

/// What an `open` in a hub's registry log says of an earlier run there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Opened {
    earlier: RowKey,
    by: Epoch,
    key_number: u16,
    last: u64,
}

/// One thing that hubs pass on.
#[derive(Debug, Clone)]
enum Passed {
    Statement(HeldStatement),
    Open(Opened),
}

#[derive(Clone)]
pub(super) struct Peer {
    pub(super) held: BTreeMap<HeaderHash, HeldStatement>,
    pub(super) opens: BTreeSet<Opened>,
    taken: Taken,
    said: u64,
    /// By so much its clock is ahead of all others.
    ahead_ms: i64,
    /// The numbers of the signing keys it has; it signs with one of them while the registry names that one.
    keys: BTreeSet<u16>,
    key_number: u16,
    /// The run it is in, and the runs it wrote itself.
    run: u64,
    /// It has lost the keys it began with.
    lost: bool,
}

/// All hubs, and a clock that moves on with everything that happens.
pub(super) struct World {
    pub(super) network: NetworkId,
    pub(super) peers: Vec<Peer>,
    pub(super) now_ms: i64,
    stolen: u64,
}

impl World {
    pub(super) fn new() -> Self {
        let accepted = |network: &[u8], seed: u8, slug: &str| Accept {
            recovery_key: public(paper(seed)).to_vec(),
            ..accept(network, seed, slug, 1)
        };
        let record = Founding {
            name: "Test".into(),
            founders: vec![accepted(&[], 1, "birmingham"), accepted(&[], 2, "amsterdam")],
            created_ms: 0,
            nonce: vec![0; 16],
            guests_per_voter: 0,
        }
        .encode_to_vec();
        let mut book = Book {
            network: NetworkId::of_genesis(&record),
            statements: Vec::new(),
        };
        book.say(1, Said::Founding(record));
        for seed in 3..=HUBS {
            let accept = accepted(&book.network.0, seed, &format!("hub-{seed}")).encode_to_vec();
            let signature = key(seed).sign(&accept_message(&accept)).to_bytes().to_vec();
            book.say(1 + seed % 2, Said::Admit(Admit { accept, signature }));
        }
        let peer = Peer {
            held: book.statements.iter().map(|one| (one.hash, one.clone())).collect(),
            opens: BTreeSet::new(),
            taken: Taken::new(),
            said: 1_000,
            ahead_ms: 0,
            keys: [0].into(),
            key_number: 0,
            run: 1,
            lost: false,
        };
        Self {
            network: book.network,
            peers: vec![peer; usize::from(HUBS)],
            now_ms: NOW_MS,
            stolen: 0,
        }
    }

    pub(super) fn peer(&mut self, seed: u8) -> &mut Peer {
        &mut self.peers[usize::from(seed) - 1]
    }

    pub(super) fn roster(&mut self, seed: u8) -> Roster {
        let (network, now_ms) = (self.network, self.now_ms);
        let peer = self.peer(seed);
        let named = named(&peer.opens);
        let roster = Roster::compute(network, peer.held.values(), &named, &peer.taken, now_ms + peer.ahead_ms);
        peer.taken.clone_from(roster.ballots.taken());
        roster
    }

    fn say(&mut self, seed: u8, said: Said) {
        self.now_ms += 1_000;
        let now_ms = self.now_ms;
        let peer = self.peer(seed);
        // Hybrid clocks follow those of others, so that they are ahead of what the node takes for now.
        let clock = clock_of(now_ms + peer.ahead_ms + i64::from(seed % 3) * 200_000);
        peer.said += 1;
        let statement = HeldStatement {
            key_number: peer.key_number,
            epoch: Epoch(peer.run),
            ..statement(seed, peer.said, clock, said)
        };
        peer.held.insert(statement.hash, statement);
    }

    /// Whether a hub has the key that the registry names for it. A node that comes to have another one starts anew with it,
    /// and vouches for its own earlier runs if a key was stolen.
    fn has_key(&mut self, seed: u8) -> bool {
        let keys = self.roster(seed).members[&hub(seed)].keys.clone();
        let number = keys.current.0;
        let peer = self.peer(seed);
        if !peer.keys.contains(&number) {
            return false;
        }
        if number != peer.key_number {
            (peer.key_number, peer.run) = (number, peer.run + 1);
            if !keys.stolen.is_empty() {
                peer.vouch(seed);
            }
        }
        true
    }

    /// What an honest node does by itself after anything new.
    fn settle(&mut self, seed: u8) {
        for _ in 0..100 {
            if !self.has_key(seed) {
                return;
            }
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

    /// A decision that was refused here, or if there is none any.
    fn pick_refused(&mut self, seed: u8, pick: usize) -> Option<HeaderHash> {
        let refused = self.refused(seed);
        if refused.is_empty() {
            return self.pick(seed, pick);
        }
        Some(refused[pick % refused.len()])
    }

    fn refused(&mut self, seed: u8) -> Vec<HeaderHash> {
        let roster = self.roster(seed);
        let refused = roster.ballots.all().filter(|opinion| opinion.state == State::Refused);
        refused.map(|opinion| opinion.id).collect()
    }

    pub(super) fn act(&mut self, step: &Step) {
        let speaks = match step {
            Step::Propose { by, .. }
            | Step::Vote { by, .. }
            | Step::Withdraw { by, .. }
            | Step::Leave { by }
            | Step::Admit { by, .. }
            | Step::Forge { by, .. }
            | Step::Adopt { by, .. }
            | Step::Rekey { by, .. }
            | Step::Object { by, .. } => Some(*by),
            _ => None,
        };
        if speaks.is_some_and(|by| !self.has_key(by)) {
            return;
        }
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
                let peer = self.peer(from);
                let statements = peer.held.values().cloned().map(Passed::Statement);
                let opens = peer.opens.iter().copied().map(Passed::Open);
                let mut heard: Vec<Passed> = statements.chain(opens).collect();
                shuffled(&mut heard, seed);
                let count = heard.len() * (usize::from(part) + 1) / 4;
                for one in heard.into_iter().take(count) {
                    self.peer(to).take(one);
                }
                to
            }
            _ => self.act_about_keys(step),
        };
        self.settle(acting);
    }

    /// What is about adopting and keys, and what clocks do. Returns whose node looks at it.
    fn act_about_keys(&mut self, step: &Step) -> u8 {
        match step.clone() {
            Step::Adopt { by, pick } => {
                if let Some(id) = self.pick_refused(by, pick) {
                    let proposal = self.roster(by).propose(Change::Adopt([id].into()));
                    self.say(by, Said::Decide(proposal.write()));
                }
                by
            }
            Step::Rekey { by, target, pair } => {
                let (next, next_paper) = given(target, pair);
                let change = Change::ReplaceKey {
                    hub: hub(target),
                    public_key: public(next),
                    recovery_key: public(next_paper),
                };
                let proposal = self.roster(by).propose(change);
                self.say(by, Said::Decide(proposal.write()));
                by
            }
            Step::Object {
                by,
                target,
                pair,
                signer,
            } => {
                let (next, next_paper) = given(target, pair);
                let other = given(target, (pair + 1) % KEYS);
                let signer = key([target, paper(target), other.0, other.1][usize::from(signer)]);
                let (next, next_paper) = (public(next), public(next_paper));
                let objection = sign_objection(self.network, hub(target), &signer, next, next_paper);
                self.say(by, Said::Object(objection));
                by
            }
            Step::Lose { hub } => {
                let keys = (0..KEYS).map(|pair| decided_number(&public(given(hub, pair).0)));
                let keys = keys.collect();
                let peer = self.peer(hub);
                (peer.keys, peer.lost) = (keys, true);
                hub
            }
            Step::Steal {
                of,
                what,
                target,
                pick,
                heard_by,
            } => {
                self.steal(of, what, (target, pick), heard_by);
                heard_by
            }
            Step::Theft { of, which } => {
                self.tell_of_theft(of, which);
                of
            }
            Step::Jump { hub } => {
                self.peer(hub).ahead_ms += days(8);
                hub
            }
            _ => unreachable!("another kind of step"),
        }
    }

    /// A thief says something in the name of a hub, as it could after what another hub knows.
    fn steal(&mut self, of: u8, what: u8, (target, pick): (u8, usize), heard_by: u8) {
        let roster = self.roster(heard_by);
        let said = match (what, self.pick(heard_by, pick)) {
            (0, _) => {
                let change = Change::Remove {
                    hub: hub(target),
                    reason: "stolen".into(),
                    ends: RemovalCut::new(),
                };
                Said::Decide(roster.propose(change).write())
            }
            (1, _) => Said::Leave(Leave {
                counter: roster.members[&hub(of)].counter + 1,
                ends: None,
            }),
            (_, Some(id)) => vote(id, VoteWord::Sign),
            (_, None) => return,
        };
        self.now_ms += 1_000;
        self.stolen += 1;
        let said = HeldStatement {
            epoch: THIEFS,
            ..statement(of, THIEFS.0 + self.stolen, clock_of(self.now_ms), said)
        };
        self.peer(heard_by).take(Passed::Statement(said));
    }

    /// A hub that has its recovery key names another signing key by it. That stands in its log before it has the new key.
    fn tell_of_theft(&mut self, of: u8, which: u8) {
        let recovery = self.roster(of).members[&hub(of)].keys.recovery_key;
        let lost = self.peer(of).lost;
        let papers = (0..KEYS).map(|pair| given(of, pair).1);
        let own = papers.chain((!lost).then_some(paper(of)));
        let Some(signer) = own.into_iter().find(|seed| public(*seed) == recovery) else {
            return;
        };
        let next = recovered(of, which);
        let (network, at_ms) = (self.network, u64::try_from(self.now_ms).unwrap());
        let (signer, next) = (key(signer), key(next));
        let word = sign_next_key(Some(network), Some(hub(of)), &signer, &next, KeyReason::Stolen, at_ms);
        self.peer(of).keys.insert(recovered_number(&public_key(&next)));
        self.say(of, Said::NextKey(word));
    }

    /// Everybody hears everything, until nobody has anything left to say.
    pub(super) fn exchange(&mut self) {
        for _ in 0..100 {
            let all: BTreeMap<HeaderHash, HeldStatement> =
                self.peers.iter().flat_map(|peer| peer.held.clone()).collect();
            let opens: BTreeSet<Opened> = self.peers.iter().flat_map(|peer| peer.opens.clone()).collect();
            let is_whole = |peer: &Peer| peer.held.len() == all.len() && peer.opens.len() == opens.len();
            if self.peers.iter().all(is_whole) {
                return;
            }
            for seed in 1..=HUBS {
                let peer = self.peer(seed);
                peer.held.clone_from(&all);
                peer.opens.clone_from(&opens);
                self.now_ms += 1_000;
                self.settle(seed);
            }
        }
        panic!("hubs never stop talking with each other");
    }

    /// Eight days go by: what was decided is old, and the keys of decisions count. Then everybody has heard everything.
    pub(super) fn pause(&mut self) {
        self.now_ms += days(8);
        for seed in 1..=HUBS {
            self.settle(seed);
        }
        self.exchange();
    }

    /// All operators do what they can to be of one mind: those whose nodes refused a decision propose to take it after all, one
    /// of the others proposes something, so that there is a decision which names everything; and all vote for all of it.
    pub(super) fn adopt_all(&mut self) {
        for round in 0..20 {
            if self.differing().is_none() {
                return;
            }
            let mut proposed = false;
            for seed in 1..=HUBS {
                if !self.has_key(seed) {
                    continue;
                }
                let refused = self.refused(seed);
                let roster = self.roster(seed);
                let change = match refused.first() {
                    Some(id) => Change::Adopt([*id].into()),
                    None if !proposed && roster.votes(hub(seed)) => {
                        proposed = true;
                        Change::Rules {
                            guests_per_voter: 10 + round,
                        }
                    }
                    None => continue,
                };
                self.say(seed, Said::Decide(roster.propose(change).write()));
            }
            self.exchange();
            for seed in 1..=HUBS {
                if !self.has_key(seed) {
                    continue;
                }
                let roster = self.roster(seed);
                let open = roster.ballots.all().filter(|opinion| {
                    let wanted = matches!(opinion.proposal.change, Change::Adopt(_) | Change::Rules { .. });
                    wanted && opinion.state == State::Pending && !opinion.signatures.contains_key(&hub(seed))
                });
                for id in open.map(|opinion| opinion.id).collect::<Vec<_>>() {
                    self.say(seed, vote(id, VoteWord::Sign));
                }
            }
            self.exchange();
        }
    }

    /// Two hubs that belong, and see something else of where all stand. Whoever is out by what most see has no say in what the
    /// others decide, nor has what it refuses.
    pub(super) fn differing(&mut self) -> Option<(u8, u8)> {
        let seen: Vec<_> = (1..=HUBS).map(|seed| (seed, self.standings(seed))).collect();
        let belongs = |seed: u8| {
            let active = seen.iter().filter(|(_, (standings, ..))| {
                let is_active =
                    |(id, standing, _): &(HubId, Standing, bool)| *id == hub(seed) && *standing == Standing::Active;
                standings.iter().any(is_active)
            });
            active.count() > usize::from(HUBS) / 2
        };
        let mut inside = seen.iter().filter(|(seed, _)| belongs(*seed));
        let (first, expected) = inside.next()?;
        let other = inside.find(|(_, standings)| standings != expected);
        other.map(|(other, _)| (*first, *other))
    }

    /// Where all stand, and what became of each decision, without the keys: they count from a moment that is each node's own.
    pub(super) fn standings(
        &mut self,
        seed: u8,
    ) -> (Vec<(HubId, Standing, bool)>, usize, Vec<(HeaderHash, bool, bool)>) {
        let (members, rules, outcomes) = self.seen(seed);
        let standings = members
            .into_iter()
            .map(|(id, member)| (id, member.standing, member.voter));
        (standings.collect(), rules, outcomes)
    }

    /// All see the same.
    pub(super) fn agrees(&mut self, when: &str) -> Result<(), TestCaseError> {
        let first = self.seen(1);
        for seed in 2..=HUBS {
            prop_assert_eq!(&self.seen(seed), &first, "hub {} {}", seed, when);
        }
        Ok(())
    }

    /// Members, rules, and what became of each decision, without since when.
    pub(super) fn seen(&mut self, seed: u8) -> (BTreeMap<HubId, Member>, usize, Vec<(HeaderHash, bool, bool)>) {
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

impl Peer {
    fn take(&mut self, passed: Passed) {
        match passed {
            Passed::Statement(one) => drop(self.held.insert(one.hash, one)),
            Passed::Open(open) => drop(self.opens.insert(open)),
        }
    }

    /// The present run names the ends of the earlier ones of this hub, as far as this node wrote them.
    fn vouch(&mut self, seed: u8) {
        for run in 1..self.run {
            self.opens.insert(Opened {
                earlier: RowKey {
                    log: LogId::REGISTRY,
                    hub: hub(seed),
                    epoch: Epoch(run),
                },
                by: Epoch(self.run),
                key_number: self.key_number,
                last: self.said,
            });
        }
    }
}

pub(super) fn named(opens: &BTreeSet<Opened>) -> Named {
    let mut named = Named::default();
    for open in opens {
        named.insert(open.earlier, open.by, open.key_number, open.last);
    }
    named
}

fn vote(decision: HeaderHash, word: VoteWord) -> Said {
    Said::Vote(Vote {
        decision: decision.0.to_vec(),
        word: word.into(),
    })
}
