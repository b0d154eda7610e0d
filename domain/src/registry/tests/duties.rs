//! What a voter's node says by itself.

use super::decisions::Node;
use super::*;
use crate::body::VoteWord;
use crate::registry::decision::MAX_NAMED;
use crate::registry::duty::Duty;

fn remove_five() -> Change {
    Change::Remove {
        hub: hub(5),
        reason: "gone".into(),
        ends: RemovalCut::new(),
    }
}

#[test]
fn an_admission_is_a_vote_to_seat() {
    let (mut book, last) = Book::with_voters(4);
    book.admit(2, 9, "lisbon", 1);
    let seat = Change::Seat {
        hub: hub(9),
        slug: "lisbon".into(),
        counter: 1,
    };
    let id = book.decide(1, &last, seat);
    let roster = book.roster();
    assert_eq!(roster.duties(hub(2)), [Duty::Sign(id)]);
    assert_eq!((roster.votes_open(hub(2)), roster.votes_open(hub(3))), (0, 1));
    assert_eq!(roster.duties(hub(3)), []);
    assert_eq!(roster.duties(hub(9)), [], "a guest has none");
    let mut withdrawn = Book {
        network: book.network,
        statements: book.statements.clone(),
    };
    let taken_back = Withdraw {
        hub: hub(9).0.to_vec(),
        counter: 1,
        ends: None,
    };
    withdrawn.say(2, Said::Withdraw(taken_back));
    assert_eq!(withdrawn.roster().duties(hub(2)), []);
}

#[test]
fn what_lacks_something_taken_is_asked_for_and_renewed() {
    let (mut book, last) = Book::with_voters(5);
    let removal = book.decide(1, &last, remove_five());
    book.word(2, removal, VoteWord::AskRenewed);
    let other = book.decide(3, &last, Change::Rules { guests_per_voter: 3 });
    book.votes(&[4, 5], other);
    // Everybody has taken the rules now, and the removal's past lacks them.
    let roster = book.roster();
    let [Duty::Renew(renewed)] = &roster.duties(hub(1))[..] else {
        panic!("{:?}", roster.duties(hub(1)))
    };
    assert_eq!(renewed.after, [other].into());
    assert_eq!(roster.duties(hub(2)), [], "it has asked already");
    assert_eq!(roster.duties(hub(4)), [], "it never spoke about this");
    let again = book.say(1, Said::Decide(renewed.write()));
    let roster = book.roster();
    assert_eq!(roster.duties(hub(1)), []);
    assert_eq!(roster.duties(hub(2)), [Duty::Sign(again)], "its vote is for the change");
    book.word(2, removal, VoteWord::Withdraw);
    assert_eq!(book.roster().duties(hub(2)), []);
    assert_eq!(book.roster().votes_open(hub(2)), 0);
}

#[test]
fn who_is_out_or_withdrew_proposes_nothing_again() {
    let (mut book, last) = Book::with_voters(5);
    let removal = book.decide(1, &last, remove_five());
    let rules = book.decide(3, &last, Change::Rules { guests_per_voter: 3 });
    book.votes(&[4, 5], rules);
    let renews = |book: &Book| {
        let roster = book.roster();
        let says = roster.is_renewed(roster.ballots.get(&removal).unwrap());
        assert_eq!(says, !roster.duties(hub(1)).is_empty());
        says
    };
    assert!(renews(&book));
    let mut withdrawn = Book {
        network: book.network,
        statements: book.statements.clone(),
    };
    withdrawn.word(1, removal, VoteWord::Withdraw);
    assert!(!renews(&withdrawn));
    let proposer_goes = Change::Remove {
        hub: hub(1),
        reason: "gone".into(),
        ends: RemovalCut::new(),
    };
    let out = book.decide(3, &[rules], proposer_goes);
    book.votes(&[4, 5], out);
    assert!(!renews(&book));
}

#[test]
fn a_vote_of_before_removes_nobody_again() {
    let (mut book, last) = Book::with_voters(5);
    let mut node = Node::new();
    let removal = book.decide(1, &last, remove_five());
    book.votes(&[2, 3], removal);
    node.now_ms += 1_000;
    let roster = node.sees(&book);
    let readmit = Change::Readmit {
        hub: hub(5),
        removals: roster.removals_of(hub(5)),
    };
    let back = book.decide(1, &[removal], readmit);
    book.votes(&[2, 3], back);
    assert!(node.sees(&book).votes(hub(5)));
    let second = book.decide(4, &[back], remove_five());
    let roster = node.sees(&book);
    for seed in [1, 2, 3] {
        assert_eq!(roster.duties(hub(seed)), [], "hub {seed}");
        assert_eq!(roster.votes_open(hub(seed)), 1);
    }
    assert_eq!(roster.ballots.get(&second).unwrap().state, State::Pending);
}

#[test]
fn a_clock_that_is_behind_decides_nothing_again() {
    let (mut book, last) = Book::with_voters(3);
    let three = || Change::Rules { guests_per_voter: 3 };
    let one = book.decide(1, &last, three());
    let other = book.decide(2, &last, three());
    book.votes(&[1, 3], other);
    // The rule is taken at a time that lies before the word for it: hybrid clocks follow the clocks of others.
    let mut node = Node::new();
    node.now_ms -= 60_000;
    let roster = node.sees(&book);
    assert!(roster.ballots.is_settled(roster.ballots.get(&one).unwrap()));
    for seed in [1, 2, 3] {
        assert_eq!(roster.duties(hub(seed)), [], "hub {seed}");
        assert_eq!(roster.votes_open(hub(seed)), 0, "hub {seed}");
    }
    // It wants it again when others were in force.
    let four = book.decide(3, &[other], Change::Rules { guests_per_voter: 4 });
    book.votes(&[1, 2], four);
    let again = book.decide(2, &[four], three());
    book.votes(&[1], again);
    assert_eq!(node.sees(&book).guests_per_voter, 3);
}

#[test]
fn what_could_not_pass_anew_is_not_renewed_for_ever() {
    let (mut book, last) = Book::with_voters(3);
    for guest in [8, 9] {
        book.admit(3, guest, "lisbon", 1);
    }
    let seat = |seed| Change::Seat {
        hub: hub(seed),
        slug: "lisbon".into(),
        counter: 1,
    };
    book.decide(1, &last, seat(9));
    let other = book.decide(2, &last, seat(8));
    book.votes(&[3], other);
    let roster = book.roster();
    assert!(roster.votes(hub(8)));
    assert_eq!(roster.duties(hub(1)), [], "the slug is another voter's now");
}

#[test]
fn what_was_adopted_is_not_adopted_again() {
    let (mut book, last) = Book::with_voters(3);
    let decided = book.decide(2, &last, Change::Rules { guests_per_voter: 3 });
    book.votes(&[3], decided);
    let adopt = || Change::Adopt([decided].into());
    book.decide(1, &[decided], adopt());
    let other = book.decide(2, &[decided], adopt());
    book.votes(&[3], other);
    assert_eq!(book.roster().duties(hub(1)), []);
}

#[test]
fn whoever_took_what_others_refused_helps_them_to_take_it() {
    let (mut book, last) = Book::with_voters(3);
    let refused = book.decide(2, &last, Change::Rules { guests_per_voter: 3 });
    book.votes(&[3], refused);
    let adopt = Proposal {
        after: [refused].into(),
        left: [].into(),
        change: Change::Adopt([refused].into()),
    };
    let id = book.say(1, Said::Decide(adopt.write()));
    let roster = book.roster();
    assert_eq!(roster.duties(hub(2)), [Duty::Sign(id)]);
}

/// There is no end of what a hostile voter can propose to adopt. If others signed it, all of it would be taken at once, and
/// no later decision could name so many.
#[test]
fn nobody_helps_to_adopt_what_it_has_not_taken_itself() {
    let (mut book, last) = Book::with_voters(5);
    for number in 0..=64 {
        let proposal = Proposal {
            after: last.iter().copied().collect(),
            left: [].into(),
            change: Change::Adopt([HeaderHash([number; 32]), last[0]].into()),
        };
        book.say(3, Said::Decide(proposal.write()));
    }
    let pending = book.decide(4, &last, Change::Rules { guests_per_voter: 3 });
    for change in [Change::Adopt([pending].into()), Change::Adopt([].into())] {
        book.decide(3, &last, change);
    }
    let roster = book.roster();
    assert_eq!(roster.duties(hub(1)), []);
    assert_eq!(roster.duties(hub(2)), []);
}

/// Each of the nodes signs what it holds before it hears of the other's signatures, as nodes do that are apart. What passed
/// all at once then could be named by no later decision, and the network would never decide anything again.
#[test]
fn copies_of_a_proposal_are_not_signed_all_at_once() {
    let (mut book, last) = Book::with_voters(5);
    let mine = book.decide(1, &last, remove_five());
    book.word(2, mine, VoteWord::Sign);
    for number in 0..=MAX_NAMED {
        let copy = Change::Remove {
            hub: hub(5),
            reason: format!("copy {number}"),
            ends: RemovalCut::new(),
        };
        book.decide(3, &last, copy);
        book.decide(3, &last, Change::Adopt([last[0], HeaderHash([0; 32])].into()));
    }
    let taken: Vec<HeaderHash> = book.roster().ballots.in_force().map(|opinion| opinion.id).collect();
    for decision in &taken {
        for other in &taken {
            book.decide(3, &last, Change::Adopt([*decision, *other].into()));
        }
    }
    let roster = book.roster();
    let signed: Vec<Duty> = [1, 2].map(|by| roster.duties(hub(by))).concat();
    for (by, duty) in [1, 2]
        .into_iter()
        .flat_map(|by| roster.duties(hub(by)).into_iter().map(move |duty| (by, duty)))
    {
        match duty {
            Duty::Sign(id) => book.word(by, id, VoteWord::Sign),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(signed.len(), 4, "of the hostile hub's each a removal and an adoption");
    let roster = book.roster();
    assert_eq!(roster.members[&hub(5)].standing, Standing::Removed);
    let heads = roster.ballots.heads();
    assert!(heads.len() <= 2, "{}", heads.len());
    let next: Vec<HeaderHash> = heads.into_iter().collect();
    let rules = book.decide(1, &next, Change::Rules { guests_per_voter: 3 });
    book.votes(&[2, 4], rules);
    assert_eq!(book.roster().guests_per_voter, 3);
}

#[test]
fn what_a_hub_proposes_is_undecided_until_it_passes_or_is_withdrawn() {
    let (mut book, last) = Book::with_voters(5);
    let removal = book.decide(1, &last, remove_five());
    book.decide(1, &last, remove_five());
    book.decide(2, &last, Change::Rules { guests_per_voter: 4 });
    let rules = book.decide(1, &last, Change::Rules { guests_per_voter: 3 });
    assert_eq!(book.roster().undecided(hub(1)), 2, "of each change one");
    book.word(1, rules, VoteWord::Withdraw);
    assert_eq!(book.roster().undecided(hub(1)), 1);
    book.votes(&[2, 3], removal);
    assert_eq!(book.roster().undecided(hub(1)), 0);
}
