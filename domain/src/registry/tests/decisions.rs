//! What passes, what is taken, and what follows from it.

use std::collections::BTreeSet;

use super::*;
use crate::body::{Vote, VoteWord};
use crate::ids::LogId;

/// How one node came to know a book: what it took, and when.
pub(super) struct Node {
    pub(super) taken: Taken,
    pub(super) now_ms: i64,
}

impl Node {
    pub(super) fn new() -> Self {
        Self {
            taken: Taken::new(),
            now_ms: NOW_MS,
        }
    }

    pub(super) fn sees(&mut self, book: &Book) -> Roster {
        self.sees_named(book, &Named::default())
    }

    /// The same, with what the `open`s of the registry logs name.
    pub(super) fn sees_named(&mut self, book: &Book, named: &Named) -> Roster {
        let roster = Roster::compute(book.network, &book.statements, named, &self.taken, self.now_ms);
        self.taken.clone_from(roster.ballots.taken());
        roster
    }
}

pub(super) fn days(days: i64) -> i64 {
    days * 24 * 3_600 * 1_000
}

fn removal(target: u8, ends: RemovalCut) -> Change {
    Change::Remove {
        hub: hub(target),
        reason: "gone".into(),
        ends,
    }
}

fn seat(target: u8, slug: &str) -> Change {
    Change::Seat {
        hub: hub(target),
        slug: slug.into(),
        counter: 1,
    }
}

impl Book {
    /// Proposes after exactly these decisions.
    pub(super) fn decide(&mut self, by: u8, after: &[HeaderHash], change: Change) -> HeaderHash {
        let proposal = Proposal {
            after: after.iter().copied().collect(),
            left: BTreeSet::new(),
            change,
        };
        self.say(by, Said::Decide(proposal.write()))
    }

    pub(super) fn word(&mut self, by: u8, decision: HeaderHash, word: VoteWord) {
        let vote = Vote {
            decision: decision.0.to_vec(),
            word: word.into(),
        };
        self.say(by, Said::Vote(vote));
    }

    pub(super) fn votes(&mut self, by: &[u8], decision: HeaderHash) {
        for voter in by {
            self.word(*voter, decision, VoteWord::Sign);
        }
    }

    /// A network of this many voters, seated one by one: the two founders, then 3, 4 and so on. Returns the last seat.
    pub(super) fn with_voters(count: u8) -> (Self, Vec<HeaderHash>) {
        let mut book = Self::new();
        let mut last = Vec::new();
        for seed in 3..=count {
            let slug = format!("hub-{seed}");
            book.admit(1, seed, &slug, 1);
            let id = book.decide(1, &last, seat(seed, &slug));
            let others: Vec<u8> = (2..seed).collect();
            book.votes(&others, id);
            last = vec![id];
        }
        let roster = book.roster();
        assert_eq!(
            roster.members.values().filter(|member| member.votes()).count(),
            usize::from(count)
        );
        (book, last)
    }
}

fn standing(roster: &Roster, seed: u8) -> Standing {
    roster.members[&hub(seed)].standing
}

#[test]
fn the_founder_decides_alone_while_fewer_than_three_vote() {
    let mut book = Book::new();
    book.admit(2, 3, "vienna", 1);
    let by_other = book.decide(2, &[], seat(3, "vienna"));
    let roster = book.roster();
    assert!(!roster.votes(hub(3)), "the second voter alone decides nothing");
    assert_eq!(roster.ballots.get(&by_other).unwrap().sole, Some(hub(1)));
    book.votes(&[1], by_other);
    let roster = book.roster();
    let member = &roster.members[&hub(3)];
    assert_eq!((member.voter, member.guest_of), (true, None));
    // Three vote now: the founder needs a second one.
    book.admit(1, 4, "lisbon", 1);
    let alone = book.decide(1, &[by_other], seat(4, "lisbon"));
    assert!(!book.roster().votes(hub(4)));
    book.votes(&[3], alone);
    assert!(book.roster().votes(hub(4)));
}

#[test]
fn a_majority_is_of_all_voters_the_hub_concerned_included() {
    let (mut book, last) = Book::with_voters(5);
    let id = book.decide(1, &last, removal(5, RemovalCut::new()));
    book.votes(&[2], id);
    let roster = book.roster();
    let opinion = roster.ballots.get(&id).unwrap();
    assert_eq!(
        (opinion.voters.len(), opinion.needed, opinion.signed().count()),
        (5, 3, 2)
    );
    assert_eq!(standing(&roster, 5), Standing::Active);
    // Guests and strangers may sign what they like.
    book.admit(1, 20, "guest", 1);
    book.votes(&[20, 99], id);
    assert_eq!(standing(&book.roster(), 5), Standing::Active);
    book.votes(&[3], id);
    let roster = book.roster();
    assert_eq!(standing(&roster, 5), Standing::Removed);
    assert!(!roster.votes(hub(5)));
    assert_eq!(roster.members[&hub(5)].cut, Some(RemovalCut::new()));
}

#[test]
fn three_against_three_of_six_changes_nothing() {
    let (mut book, last) = Book::with_voters(6);
    for (camp, targets) in [([1, 2, 3], [4, 5, 6]), ([4, 5, 6], [1, 2, 3])] {
        for target in targets {
            let id = book.decide(camp[0], &last, removal(target, RemovalCut::new()));
            book.votes(&camp, id);
        }
    }
    let roster = book.roster();
    assert!((1..=6).all(|seed| roster.votes(hub(seed))));
    assert_eq!(roster.ballots.heads(), last.into_iter().collect());
}

#[test]
fn overlapping_majorities_remove_both_targets_in_any_order() {
    let (mut book, last) = Book::with_voters(5);
    let one = book.decide(1, &last, removal(5, RemovalCut::new()));
    let other = book.decide(5, &last, removal(1, RemovalCut::new()));
    book.votes(&[2, 3], one);
    book.votes(&[3, 4], other);
    let both = |roster: &Roster| (standing(roster, 1), standing(roster, 5));
    assert_eq!(both(&book.roster()), (Standing::Removed, Standing::Removed));
    // Whoever took the one long before it hears of the other.
    let mut node = Node::new();
    let statements = book.statements.clone();
    book.statements.retain(|statement| statement.hash != other);
    node.sees(&book);
    book.statements = statements;
    node.now_ms += days(6);
    assert_eq!(both(&node.sees(&book)), (Standing::Removed, Standing::Removed));
}

#[test]
fn mutual_removals_by_disjoint_halves_pass_for_neither() {
    let (mut book, last) = Book::with_voters(4);
    let one = book.decide(1, &last, removal(3, RemovalCut::new()));
    let other = book.decide(3, &last, removal(1, RemovalCut::new()));
    book.votes(&[2], one);
    book.votes(&[4], other);
    let roster = book.roster();
    assert!((1..=4).all(|seed| roster.votes(hub(seed))));
}

#[test]
fn removal_beats_seat_and_admission_and_a_readmission_lifts_what_it_names() {
    let (mut book, last) = Book::with_voters(5);
    let first = book.decide(1, &last, removal(5, RemovalCut::new()));
    book.votes(&[2, 3], first);
    let second = book.decide(2, &last, removal(5, RemovalCut::new()));
    book.votes(&[3, 4], second);
    book.admit(1, 5, "hub-5", 2);
    let again = book.decide(1, &[first, second], seat(5, "hub-5"));
    book.votes(&[2, 3], again);
    assert_eq!(standing(&book.roster(), 5), Standing::Removed);
    let readmit = |removals: &[HeaderHash]| Change::Readmit {
        hub: hub(5),
        removals: removals.iter().copied().collect(),
    };
    let one = book.decide(1, &[again], readmit(&[first]));
    book.votes(&[2, 3], one);
    let roster = book.roster();
    assert_eq!(standing(&roster, 5), Standing::Removed, "the other removal stands");
    assert_eq!(roster.removals_of(hub(5)), [second].into());
    let rest = book.decide(1, &[one], readmit(&[second]));
    book.votes(&[2, 3], rest);
    let roster = book.roster();
    assert!(roster.votes(hub(5)), "it is back with its vote");
    assert_eq!(roster.members[&hub(5)].cut, None);
}

#[test]
fn of_several_cuts_the_earliest_counts() {
    let (mut book, last) = Book::with_voters(5);
    let end = |epoch, seq, byte| ((LogId::PUBLIC, Epoch(epoch)), (seq, HeaderHash([byte; 32])));
    let one = book.decide(1, &last, removal(5, [end(1, 9, 1), end(2, 4, 2)].into()));
    book.votes(&[2, 3], one);
    let other = book.decide(2, &last, removal(5, [end(1, 3, 3), end(3, 8, 4)].into()));
    book.votes(&[3, 4], other);
    assert_eq!(book.roster().members[&hub(5)].cut, Some([end(1, 3, 3)].into()));
}

#[test]
fn guests_admitted_beyond_a_cut_were_never_admitted() {
    let (mut book, last) = Book::with_voters(5);
    book.admit(5, 10, "before", 1);
    let within = book.statements.last().unwrap().clone();
    book.admit(5, 11, "beyond", 1);
    book.admit(5, 12, "shared", 1);
    book.admit(1, 12, "shared", 1);
    let end = ((LogId::REGISTRY, Epoch(1)), (within.seq, within.hash));
    let id = book.decide(1, &last, removal(5, [end].into()));
    assert_eq!(standing(&book.roster(), 11), Standing::Active);
    book.votes(&[2, 3], id);
    let roster = book.roster();
    assert_eq!(standing(&roster, 10), Standing::Active);
    assert_eq!(standing(&roster, 11), Standing::Removed);
    assert_eq!(
        roster.members[&hub(11)].cut,
        Some(RemovalCut::new()),
        "nothing of it counts"
    );
    assert_eq!(standing(&roster, 12), Standing::Active, "another voter admitted it too");
    assert_eq!(roster.members[&hub(12)].guest_of, Some(hub(1)));
}

#[test]
fn sock_puppets_have_no_say_however_many() {
    let (mut book, last) = Book::with_voters(5);
    for seed in 30..60 {
        book.admit(5, seed, &format!("sock-{seed}"), 1);
    }
    let roster = book.roster();
    assert_eq!(roster.guests_of(hub(5)), GUESTS_PER_VOTER);
    let id = book.decide(5, &last, removal(1, RemovalCut::new()));
    let socks: Vec<u8> = (30..60).collect();
    book.votes(&socks, id);
    let seats = book.decide(30, &last, seat(31, "sock-31"));
    book.votes(&socks, seats);
    let roster = book.roster();
    assert!(roster.votes(hub(1)) && !roster.votes(hub(31)));
    assert!(!roster.ballots.get(&seats).unwrap().is_proper());
}

/// Two voters who once were the majority sign, later, that they removed the others then.
fn backdated() -> (Book, Node, HeaderHash) {
    let (mut book, last) = Book::with_voters(3);
    let early = last.clone();
    let mut node = Node::new();
    let mut last = last;
    for seed in 4..=5 {
        let slug = format!("hub-{seed}");
        book.admit(1, seed, &slug, 1);
        let id = book.decide(1, &last, seat(seed, &slug));
        book.votes(&[2, 3, 4], id);
        last = vec![id];
    }
    assert!(node.sees(&book).votes(hub(5)));
    node.now_ms += days(8);
    node.sees(&book);
    let id = book.decide(2, &early, removal(1, RemovalCut::new()));
    book.votes(&[3], id);
    (book, node, id)
}

#[test]
fn a_backdated_decision_is_refused_and_shown() {
    let (book, mut node, id) = backdated();
    let roster = node.sees(&book);
    assert_eq!(roster.ballots.get(&id).unwrap().state, State::Refused);
    assert!(!roster.ballots.get(&id).unwrap().lacks.is_empty());
    assert!(roster.votes(hub(1)));
    // Within the seven days it would have counted: then nobody's past is rewritten, two decisions merely crossed.
    let mut early = Node::new();
    assert_eq!(standing(&early.sees(&book), 1), Standing::Removed);
}

#[test]
fn a_refused_decision_is_taken_once_one_that_names_it_passes() {
    let (mut book, mut node, refused) = backdated();
    let heads = node.sees(&book).ballots.heads();
    let proposal = node.sees(&book).propose(Change::Adopt([refused].into()));
    assert_eq!(proposal.after, heads.into_iter().chain([refused]).collect());
    let id = book.say(4, Said::Decide(proposal.write()));
    book.votes(&[5], id);
    assert_eq!(
        standing(&node.sees(&book), 1),
        Standing::Active,
        "two of five recognised here"
    );
    book.votes(&[3], id);
    let roster = node.sees(&book);
    assert_eq!(standing(&roster, 1), Standing::Removed);
    assert_eq!(roster.ballots.heads(), [id].into());
}

#[test]
fn what_was_refused_here_cannot_be_adopted_by_those_it_would_seat() {
    let (mut book, last) = Book::with_voters(3);
    let mut node = Node::new();
    let kept = book.decide(1, &last, Change::Rules { guests_per_voter: 20 });
    book.votes(&[2], kept);
    node.sees(&book);
    node.now_ms += days(8);
    let mut after = last;
    for seed in 30..40 {
        book.admit(3, seed, &format!("sock-{seed}"), 1);
        let id = book.decide(3, &after, seat(seed, &format!("sock-{seed}")));
        let voters: Vec<u8> = [2].into_iter().chain(30..seed).collect();
        book.votes(&voters, id);
        after = vec![id];
    }
    let adopt = Proposal {
        after: after.iter().copied().chain([kept]).collect(),
        left: BTreeSet::new(),
        change: Change::Adopt(after.into_iter().collect()),
    };
    let id = book.say(3, Said::Decide(adopt.write()));
    let socks: Vec<u8> = (30..40).collect();
    book.votes(&socks, id);
    let roster = node.sees(&book);
    assert_eq!(roster.members.values().filter(|member| member.votes()).count(), 3);
    book.votes(&[1], id);
    assert!(
        node.sees(&book).votes(hub(30)),
        "two of the three recognised here took them in"
    );
}

#[test]
fn a_newcomer_starts_from_what_its_invitation_names() {
    let (book, mut node, refused) = backdated();
    let there = node.sees(&book);
    let fresh = Roster::compute(
        book.network,
        &book.statements,
        &Named::default(),
        &Taken::new(),
        node.now_ms,
    );
    assert!(
        fresh
            .ballots
            .get(&refused)
            .is_some_and(|opinion| opinion.state != State::Refused)
    );
    let started = fresh
        .ballots
        .start_from(&there.ballots.heads(), node.now_ms, 0)
        .unwrap();
    let here = Roster::compute(book.network, &book.statements, &Named::default(), &started, node.now_ms);
    assert_eq!(here.members, there.members);
    assert_eq!(here.ballots.get(&refused).unwrap().state, State::Refused);
    assert_eq!(
        fresh.ballots.start_from(&[HeaderHash([1; 32])].into(), node.now_ms, 0),
        None
    );
}

#[test]
fn a_newcomer_whose_clock_is_a_year_ahead_takes_nothing_for_old() {
    let (book, mut node, _) = backdated();
    let there = node.sees(&book);
    let year_ms = 365 * 86_400_000;
    let now_ms = node.now_ms + year_ms;
    let compute = |taken: &Taken| Roster::compute(book.network, &book.statements, &Named::default(), taken, now_ms);
    let fresh = compute(&Taken::new());
    let since = |ahead_ms| {
        fresh
            .ballots
            .start_from(&there.ballots.heads(), now_ms, ahead_ms)
            .unwrap()
    };
    assert!(since(0).values().all(|at| at.ms < now_ms - FORWARD_ONLY_MS));
    for (id, at) in since(year_ms) {
        let here = there.ballots.taken()[&id].ms + year_ms;
        assert!((here - 60_000..=now_ms).contains(&at.ms), "{at:?} and {here}");
    }
}

#[test]
fn who_left_no_longer_counts_once_a_decision_names_it_and_comes_back_as_a_guest() {
    let (mut book, _) = Book::with_voters(3);
    for seed in [2, 3] {
        book.say(seed, Said::Leave(Leave { counter: 2, ends: None }));
    }
    book.admit(1, 9, "lisbon", 1);
    let proposal = book.roster().propose(seat(9, "lisbon"));
    assert_eq!(proposal.left.len(), 2);
    let id = book.say(1, Said::Decide(proposal.write()));
    let roster = book.roster();
    assert_eq!(roster.ballots.get(&id).unwrap().voters, [hub(1)].into());
    assert!(roster.votes(hub(9)), "one voter is left, and it is the founder");
    assert_eq!(standing(&roster, 3), Standing::Left);
    book.admit(1, 3, "hub-3", 3);
    let roster = book.roster();
    let back = &roster.members[&hub(3)];
    assert_eq!(
        (back.standing, back.voter, back.guest_of),
        (Standing::Active, false, Some(hub(1)))
    );
}

#[test]
fn a_voters_slug_is_its_own() {
    let (mut book, last) = Book::with_voters(4);
    book.admit(1, 9, "hub-3", 1);
    let shown = book.roster().members[&hub(9)].shown_slug.clone();
    assert_eq!(shown, format!("hub-3-{}", &hub(9).to_string()[..4]));
    for slug in ["hub-3", "birmingham"] {
        let stolen = book.decide(1, &last, seat(9, slug));
        book.votes(&[2, 3, 4], stolen);
        let roster = book.roster();
        assert!(
            !roster.ballots.get(&stolen).unwrap().is_proper() && !roster.votes(hub(9)),
            "{slug}"
        );
    }
    let own = book.decide(1, &last, seat(9, &shown));
    book.votes(&[2, 3], own);
    let roster = book.roster();
    assert!(roster.votes(hub(9)));
    assert_eq!(roster.members[&hub(9)].slug, shown);
    assert_eq!(roster.members[&hub(3)].shown_slug, "hub-3");
}

#[test]
fn rules_change_for_all_and_the_later_one_counts() {
    let (mut book, last) = Book::with_voters(3);
    let one = book.decide(1, &last, Change::Rules { guests_per_voter: 2 });
    book.votes(&[2], one);
    assert_eq!(book.roster().guests_per_voter, 2);
    let later = book.decide(1, &[one], Change::Rules { guests_per_voter: 7 });
    book.votes(&[2], later);
    assert_eq!(book.roster().guests_per_voter, 7);
}

#[test]
fn a_decision_waits_for_its_past() {
    let (mut book, last) = Book::with_voters(3);
    let first = book.decide(1, &last, Change::Rules { guests_per_voter: 2 });
    let second = book.decide(1, &[first], Change::Rules { guests_per_voter: 3 });
    book.votes(&[2], second);
    let roster = book.roster();
    assert_eq!(roster.guests_per_voter, GUESTS_PER_VOTER, "its past has not passed");
    assert_eq!(roster.ballots.get(&second).unwrap().state, State::Pending);
    book.statements.retain(|statement| statement.hash != first);
    let roster = book.roster();
    assert_eq!(roster.ballots.incomplete(), &[second].into());
    assert!(roster.ballots.get(&second).is_none());
}
