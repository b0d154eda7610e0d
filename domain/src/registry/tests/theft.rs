//! What stolen keys said about who belongs.

use super::decisions::{Node, days};
use super::*;
use crate::body::{KeyReason, Vote, VoteWord};
use crate::frontier::RowKey;
use crate::ids::LogId;
use crate::registry::duty::Duty;
use crate::registry::keys::{recovered_number, sign_next_key};

/// The voter whose key is stolen, and its recovery key; what a network of five voters knows of it.
const VICTIM: u8 = 4;
const PAPER: u8 = 204;
/// The thief's run.
const THIEFS: Epoch = Epoch(9);

/// Five voters; the fourth has a recovery key that is known here.
fn five() -> (Book, Vec<HeaderHash>) {
    super::replace::five()
}

/// Says something with the victim's first key in the thief's run, at this number.
fn steal(book: &mut Book, seq: u64, said: Said) -> HeaderHash {
    let clock = clock_of(NOW_MS) + book.statements.len() as u64;
    let mut one = statement(VICTIM, seq + 10_000, clock, said);
    (one.epoch, one.seq) = (THIEFS, seq);
    let hash = one.hash;
    book.statements.push(one);
    hash
}

fn theft(book: &mut Book) {
    let word = sign_next_key(None, None, &key(PAPER), &key(60), KeyReason::Stolen, 1);
    book.say(2, Said::NextKey(word));
}

/// The victim's new key vouches for what it wrote itself, and for the thief's run through this number.
fn vouching(thiefs: Option<u64>) -> Named {
    let number = recovered_number(&public_key(&key(60)));
    let mut named = Named::default();
    let row = |epoch| RowKey {
        log: LogId::REGISTRY,
        hub: hub(VICTIM),
        epoch,
    };
    named.insert(row(Epoch(1)), Epoch(20), number, u64::MAX);
    if let Some(last) = thiefs {
        named.insert(row(THIEFS), Epoch(20), number, last);
    }
    named
}

fn sign(id: HeaderHash) -> Said {
    Said::Vote(Vote {
        decision: id.0.to_vec(),
        word: VoteWord::Sign.into(),
    })
}

fn remove(target: u8) -> Change {
    Change::Remove {
        hub: hub(target),
        reason: "gone".into(),
        ends: RemovalCut::new(),
    }
}

/// What a node shows that heard of everything in this order, one after the other.
fn seen(book: &Book, order: &[HeldStatement], named: &Named) -> Roster {
    let mut node = Node::new();
    let mut part = Book {
        network: book.network,
        statements: Vec::new(),
    };
    for one in order {
        part.statements.push(one.clone());
        node.sees_named(&part, named);
    }
    node.sees_named(&part, named)
}

#[test]
fn a_vote_with_a_stolen_key_counts_for_nothing_whether_the_theft_is_known_before_or_after() {
    let (mut book, last) = five();
    let id = book.decide(1, &last, remove(5));
    book.votes(&[2], id);
    let before = book.statements.len();
    steal(&mut book, 0, sign(id));
    theft(&mut book);
    let mut order = book.statements.clone();
    order.swap(before, before + 1);
    for order in [&book.statements, &order] {
        let roster = seen(&book, order, &vouching(None));
        assert!(roster.votes(hub(5)), "two of five are not enough");
        let opinion = roster.ballots.get(&id).unwrap();
        assert_eq!((opinion.state, opinion.signed().count()), (State::Pending, 2));
    }
    // The hub vouches for it after all.
    let roster = seen(&book, &order, &vouching(Some(0)));
    assert_eq!(roster.members[&hub(5)].standing, Standing::Removed);
    // An honest third voter makes it pass as well.
    book.votes(&[3], id);
    let roster = seen(&book, &book.statements.clone(), &vouching(None));
    assert_eq!(roster.members[&hub(5)].standing, Standing::Removed);
}

#[test]
fn what_honest_voters_decided_on_top_of_a_thiefs_vote_is_proposed_and_signed_again_by_itself() {
    let (mut book, last) = five();
    let stolen = book.decide(1, &last, remove(5));
    book.votes(&[2], stolen);
    steal(&mut book, 0, sign(stolen));
    let mut node = Node::new();
    node.sees(&book);
    let honest = book.decide(1, &[stolen], Change::Rules { guests_per_voter: 3 });
    book.votes(&[2, 3], honest);
    assert_eq!(node.sees(&book).guests_per_voter, 3);
    theft(&mut book);
    let roster = node.sees_named(&book, &vouching(None));
    assert!(roster.votes(hub(5)));
    assert_eq!(roster.guests_per_voter, GUESTS_PER_VOTER, "its past has not passed");
    // The nodes of those that voted for it mend that: one proposes it again, the others sign.
    for _ in 0..3 {
        for by in [1, 2, 3] {
            for duty in node.sees_named(&book, &vouching(None)).duties(hub(by)) {
                let said = match duty {
                    Duty::Sign(id) => sign(id),
                    Duty::Ask(id) => Said::Vote(Vote {
                        decision: id.0.to_vec(),
                        word: VoteWord::AskRenewed.into(),
                    }),
                    Duty::Renew(proposal) => Said::Decide(proposal.write()),
                };
                node.now_ms += 1_000;
                let clock = clock_of(node.now_ms);
                let one = statement(by, 500 + book.statements.len() as u64, clock, said);
                book.statements.push(one);
            }
        }
    }
    let roster = node.sees_named(&book, &vouching(None));
    assert_eq!(roster.guests_per_voter, 3);
    assert!(
        roster.votes(hub(5)),
        "what only a thief's vote decided waits for another one"
    );
    for by in [1, 2, 3] {
        assert_eq!(roster.duties(hub(by)), Vec::new());
    }
}

#[test]
fn what_a_stolen_key_proposed_stands_for_others_to_sign() {
    let (mut book, last) = five();
    let proposal = Proposal {
        after: last.iter().copied().collect(),
        left: [].into(),
        change: remove(5),
    };
    let id = steal(&mut book, 0, Said::Decide(proposal.write()));
    book.votes(&[1, 2], id);
    theft(&mut book);
    let roster = seen(&book, &book.statements.clone(), &vouching(None));
    assert_eq!(roster.ballots.get(&id).unwrap().signed().count(), 2);
    assert!(roster.votes(hub(5)));
    book.votes(&[3], id);
    let roster = seen(&book, &book.statements.clone(), &vouching(None));
    assert_eq!(roster.members[&hub(5)].standing, Standing::Removed);
}

#[test]
fn a_thief_neither_admits_nor_withdraws_nor_leaves_nor_moves_its_victim() {
    let (mut book, last) = five();
    book.admit(VICTIM, 20, "honest", 1);
    let before = book.roster();
    let smuggled = book.admission(21, "smuggled", 1);
    steal(&mut book, 0, smuggled);
    steal(
        &mut book,
        1,
        Said::Withdraw(Withdraw {
            hub: hub(20).0.to_vec(),
            counter: 1,
            ends: None,
        }),
    );
    let left = steal(&mut book, 2, Said::Leave(Leave { counter: 7, ends: None }));
    steal(
        &mut book,
        3,
        Said::Address(Address {
            address: "thief.example:1".into(),
        }),
    );
    // Somebody decided in good faith that the victim has left.
    let proposal = Proposal {
        after: last.iter().copied().collect(),
        left: [left].into(),
        change: Change::Rules { guests_per_voter: 4 },
    };
    let rules = book.say(1, Said::Decide(proposal.write()));
    book.votes(&[2, 3], rules);
    assert_eq!(book.roster().members[&hub(VICTIM)].standing, Standing::Left);
    theft(&mut book);
    let mut order = book.statements.clone();
    for shuffle in 0..20 {
        shuffled(&mut order, shuffle);
        let roster = seen(&book, &order, &vouching(None));
        assert!(roster.votes(hub(VICTIM)));
        let victim = &roster.members[&hub(VICTIM)];
        assert_eq!(victim.address, before.members[&hub(VICTIM)].address);
        assert_eq!(roster.members[&hub(20)], before.members[&hub(20)]);
        let smuggled = &roster.members[&hub(21)];
        assert_eq!(
            (smuggled.standing, smuggled.cut.clone()),
            (Standing::Removed, Some(RemovalCut::new()))
        );
        assert_eq!(roster.guests_per_voter, 4, "three of five agreed to it");
    }
}

#[test]
fn what_a_hub_vouches_for_a_moment_later_is_in_force_since_it_was_taken() {
    let (mut book, last) = five();
    let other = book.decide(1, &last, Change::Rules { guests_per_voter: 7 });
    book.votes(&[2, 3], other);
    let by_victim = book.decide(1, &last, remove(5));
    book.votes(&[2, VICTIM], by_victim);
    let mut node = Node::new();
    node.sees(&book);
    node.now_ms += days(8);
    let mut at_once = Node {
        taken: node.taken.clone(),
        ..node
    };
    theft(&mut book);
    // The word that the key was stolen comes before what the new key says of the time before.
    assert!(node.sees(&book).votes(hub(5)));
    let expected = at_once.sees_named(&book, &vouching(None));
    let roster = node.sees_named(&book, &vouching(None));
    assert_eq!(roster.members[&hub(5)].standing, Standing::Removed);
    assert_eq!(roster.members, expected.members);
    assert_eq!(roster.ballots.taken()[&by_victim], Since::at(NOW_MS));
    assert_eq!(roster.ballots.taken(), expected.ballots.taken());
}

#[test]
fn a_network_whose_founders_key_was_stolen_is_still_a_network() {
    let mut book = super::keys::founded();
    book.admit(1, 3, "vienna", 1);
    let seat = Change::Seat {
        hub: hub(3),
        slug: "vienna".into(),
        counter: 1,
    };
    let id = book.decide(1, &[], seat);
    let word = sign_next_key(None, None, &key(200), &key(60), KeyReason::Stolen, 1);
    book.say(1, Said::NextKey(word));
    let row = RowKey {
        log: LogId::REGISTRY,
        hub: hub(1),
        epoch: Epoch(1),
    };
    let number = recovered_number(&public_key(&key(60)));
    // Before the new key vouches for anything, the network, its founders and their keys are there.
    let roster = Roster::compute(book.network, &book.statements, &Named::default(), &Taken::new(), NOW_MS);
    assert_eq!(
        (roster.name.as_str(), roster.votes(hub(1)), roster.votes(hub(3))),
        ("Test", true, false)
    );
    assert_eq!(roster.members[&hub(1)].current_key(), (public_key(&key(60)), number));
    assert_eq!(roster.members[&hub(3)].cut, Some(RemovalCut::new()));
    // An `open` by the stolen key itself vouches for nothing.
    let mut named = Named::default();
    named.insert(row, Epoch(20), 0, u64::MAX);
    let by_thief = Roster::compute(book.network, &book.statements, &named, &Taken::new(), NOW_MS);
    assert_eq!(by_thief.members, roster.members);
    named.insert(row, Epoch(20), number, 1);
    let some = Roster::compute(book.network, &book.statements, &named, &Taken::new(), NOW_MS);
    assert!(
        some.is_active(hub(3)) && !some.votes(hub(3)),
        "the admission is below, the decision beyond"
    );
    named.insert(row, Epoch(21), number, 2);
    let all = Roster::compute(book.network, &book.statements, &named, &Taken::new(), NOW_MS);
    assert!(all.votes(hub(3)) && all.ballots.get(&id).is_some());
}

/// What a hub decides that hears of the theft before it hears what is vouched for must not depend on that.
#[test]
fn a_leave_that_is_void_until_vouched_for_decides_nothing_meanwhile() {
    let (mut book, last) = five();
    book.admit(1, 30, "newcomer", 1);
    let slug = book.roster().members[&hub(VICTIM)].slug.clone();
    let left = book.say(VICTIM, Said::Leave(Leave { counter: 7, ends: None }));
    let mut decide = |by, left: &[HeaderHash], change, voters: &[u8]| {
        let proposal = Proposal {
            after: last.iter().copied().collect(),
            left: left.iter().copied().collect(),
            change,
        };
        let id = book.say(by, Said::Decide(proposal.write()));
        book.votes(voters, id);
        id
    };
    // It proposes although it has left.
    let by_victim = decide(VICTIM, &[left], Change::Rules { guests_per_voter: 4 }, &[1, 2, 3]);
    let seat = Change::Seat {
        hub: hub(30),
        slug,
        counter: 1,
    };
    let in_its_place = decide(1, &[left], seat, &[2, 3]);
    let either_way = decide(1, &[left], Change::Rules { guests_per_voter: 5 }, &[2, 3]);
    let taken =
        |roster: &Roster| [by_victim, in_its_place, either_way].map(|id| roster.ballots.taken().contains_key(&id));
    let in_force = |roster: &Roster| {
        [by_victim, in_its_place, either_way]
            .map(|id| matches!(roster.ballots.get(&id).unwrap().state, State::Taken(_)))
    };
    let mut early = Node::new();
    assert_eq!(in_force(&early.sees(&book)), [false, true, true]);
    theft(&mut book);
    assert_eq!(in_force(&early.sees(&book)), [false, false, true]);
    let mut meanwhile = Node::new();
    assert_eq!(in_force(&meanwhile.sees(&book)), [false, false, true]);
    let mut late = Node::new();
    let expected = late.sees_named(&book, &vouching(None));
    assert_eq!(in_force(&expected), [false, true, true]);
    for node in [&mut early, &mut meanwhile] {
        let roster = node.sees_named(&book, &vouching(None));
        assert_eq!(in_force(&roster), in_force(&expected));
        assert_eq!(taken(&roster), taken(&expected));
        assert_eq!(roster.members, expected.members);
    }
}

/// Else it would be in force with the hubs that took it because of the thief, since then, and refused by the others.
#[test]
fn what_another_signature_makes_pass_at_last_is_decided_then_and_not_when_a_thief_signed() {
    let (mut book, last) = five();
    let by_thief = book.decide(1, &last, remove(5));
    book.votes(&[2], by_thief);
    let (mut took_it, mut heard_the_theft_first) = (Node::new(), Node::new());
    let before = book.statements.len();
    steal(&mut book, 0, sign(by_thief));
    assert_eq!(took_it.sees(&book).members[&hub(5)].standing, Standing::Removed);
    theft(&mut book);
    let mut order = book.statements.clone();
    order.swap(before, before + 1);
    let first = Book {
        network: book.network,
        statements: order[..=before].to_vec(),
    };
    heard_the_theft_first.sees_named(&first, &vouching(None));
    let rules = book.decide(1, &last, Change::Rules { guests_per_voter: 7 });
    book.votes(&[2, 3], rules);
    let nodes = [took_it, heard_the_theft_first].map(|mut node| {
        let roster = node.sees_named(&book, &vouching(None));
        assert_eq!(roster.ballots.get(&by_thief).unwrap().state, State::Pending);
        node.now_ms += days(8);
        (node.taken, node.now_ms)
    });
    let see = |book: &Book, thiefs: Option<u64>| {
        nodes.clone().map(|(taken, now_ms)| {
            let mut node = Node { taken, now_ms };
            let roster = node.sees_named(book, &vouching(thiefs));
            (roster.members, roster.ballots.get(&by_thief).unwrap().state)
        })
    };
    // The hub vouches for it after all: it is as if nothing had been.
    let [one, other] = see(&book, Some(0));
    assert_eq!((&one, one.1), (&other, State::Taken(NOW_MS)));
    // Another voter signs it instead, and it leaves out the rules.
    book.votes(&[3], by_thief);
    for (members, state) in see(&book, None) {
        assert_eq!((members[&hub(5)].standing, state), (Standing::Active, State::Refused));
    }
}

proptest! {
    /// Wherever the theft and what vouches come among the votes, all nodes end the same.
    #[test]
    fn a_theft_ends_the_same_in_any_order(
        picks in proptest::collection::vec((0u8..5, 1u8..6, any::<bool>()), 0..12),
        vouched in proptest::option::of(0u64..6),
        shuffle in any::<u64>(),
    ) {
        let (mut book, mut last) = five();
        let mut stolen = 0;
        for (what, by, by_thief) in picks {
            let said = match what {
                0 | 1 => {
                    let proposal = Proposal {
                        after: last.iter().copied().collect(),
                        left: [].into(),
                        change: if what == 0 { remove(by) } else { Change::Rules { guests_per_voter: by.into() } },
                    };
                    Said::Decide(proposal.write())
                }
                2 => Said::Leave(Leave { counter: 3, ends: None }),
                _ => sign(last[0]),
            };
            let is_decision = matches!(said, Said::Decide(_));
            let hash = if by_thief {
                stolen += 1;
                steal(&mut book, stolen - 1, said)
            } else {
                book.say(by, said)
            };
            if is_decision {
                last = vec![hash];
            }
        }
        theft(&mut book);
        let named = vouching(vouched);
        let mut late = Node::new();
        late.sees(&book);
        let expected = {
            let mut node = Node::new();
            node.sees_named(&book, &named)
        };
        let mut order = book.statements.clone();
        shuffled(&mut order, shuffle);
        let again = seen(&book, &order, &named);
        prop_assert_eq!(&again.members, &expected.members);
        prop_assert_eq!(again.ballots.heads(), expected.ballots.heads());
        // Also a node that hears of what vouches last.
        let last_heard = late.sees_named(&book, &named);
        prop_assert_eq!(&last_heard.members, &expected.members);
    }
}
