//! Which statements say nothing, and why.

use super::decisions::days;
use super::*;
use crate::body::{Decision, KeyReason, NextKey, Vote, VoteWord};
use crate::registry::keys::sign_next_key;
use crate::registry::replace::sign_objection;

impl Book {
    /// Why a statement says nothing; `None` if it is heard.
    fn worth(&self, hash: HeaderHash) -> Option<Unheard> {
        let unheard = self.roster().unheard(self.network, &self.statements);
        unheard.get(&hash).cloned()
    }

    fn say_and_weigh(&mut self, by: u8, said: Said) -> Option<Unheard> {
        let hash = self.say(by, said);
        self.worth(hash)
    }
}

fn invalid(unheard: Option<Unheard>) -> String {
    match unheard {
        Some(Unheard::Invalid(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn vote(decision: HeaderHash) -> Said {
    Said::Vote(Vote {
        decision: decision.0.to_vec(),
        word: VoteWord::Sign.into(),
    })
}

fn seat(target: u8, slug: &str) -> Change {
    Change::Seat {
        hub: hub(target),
        slug: slug.into(),
        counter: 1,
    }
}

fn address(address: &str) -> Said {
    Said::Address(Address {
        address: address.into(),
    })
}

#[test]
fn what_honest_hubs_say_is_heard() {
    let (mut book, last) = replace::five();
    book.admit(2, 7, "guest", 1);
    book.say(7, address("guest.example:7400"));
    book.say(7, Said::Leave(Leave { counter: 2, ends: None }));
    let hub = hub(7).0.to_vec();
    book.say(
        2,
        Said::Withdraw(Withdraw {
            hub,
            counter: 2,
            ends: None,
        }),
    );
    let id = book.decide(1, &last, Change::Rules { guests_per_voter: 3 });
    book.votes(&[2, 3], id);
    let next = sign_next_key(None, None, &key(204), &key(60), KeyReason::Lost, 1);
    book.say(2, Said::NextKey(next));
    let against = sign_objection(book.network, super::hub(4), &key(204), [1; 32], [2; 32]);
    book.say(2, Said::Object(against));
    assert_eq!(book.roster().unheard(book.network, &book.statements), BTreeMap::new());
}

#[test]
fn what_breaks_a_rule_of_the_format_says_so() {
    let (mut book, last) = replace::five();
    let elsewhere = Founding {
        name: "Elsewhere".into(),
        ..Founding::default()
    };
    let said = Said::Founding(elsewhere.encode_to_vec());
    assert_eq!(
        invalid(book.say_and_weigh(1, said)),
        "the record is for another network"
    );
    let Said::Admit(mut admit) = book.admission(9, "forged", 1) else {
        unreachable!()
    };
    admit.signature[0] ^= 1;
    let forged = Said::Admit(admit);
    assert_eq!(
        invalid(book.say_and_weigh(1, forged)),
        "the signature in it does not verify"
    );
    assert!(invalid(book.say_and_weigh(1, address("no port"))).contains("host:port"));
    let withdraw = Withdraw {
        hub: vec![1],
        counter: 1,
        ends: None,
    };
    assert!(invalid(book.say_and_weigh(1, Said::Withdraw(withdraw))).contains("16 bytes"));
    let empty = Decision::default();
    assert_eq!(
        invalid(book.say_and_weigh(1, Said::Decide(empty))),
        "the record cannot be read"
    );
    for (decision, word) in [(vec![1], VoteWord::Sign.into()), (last[0].0.to_vec(), 77)] {
        invalid(book.say_and_weigh(1, Said::Vote(Vote { decision, word })));
    }
    invalid(book.say_and_weigh(1, Said::NextKey(NextKey::default())));
    invalid(book.say_and_weigh(1, Said::Object(crate::body::Objection::default())));
}

#[test]
fn what_only_voters_say_is_not_heard_of_others() {
    let (mut book, last) = replace::five();
    book.admit(2, 7, "guest", 1);
    let smuggled = book.admission(9, "smuggled", 1);
    assert_eq!(book.say_and_weigh(7, smuggled), Some(Unheard::NoVote));
    let withdraw = Withdraw {
        hub: hub(2).0.to_vec(),
        counter: 1,
        ends: None,
    };
    assert_eq!(book.say_and_weigh(7, Said::Withdraw(withdraw)), Some(Unheard::NoVote));
    let id = book.decide(7, &last, seat(7, "guest"));
    assert_eq!(book.worth(id), Some(Unheard::NoVoteThen));
    let id = book.decide(2, &last, seat(7, "guest"));
    let early = book.say(7, vote(id));
    assert_eq!(book.worth(early), Some(Unheard::NoVote));
    // Its word is heard once it has a vote: of decisions that came before, only to have them taken after all.
    book.votes(&[1, 3], id);
    assert_eq!(book.worth(early), None);
    let id = book.decide(1, &[id], seat(9, "hub-5"));
    assert_eq!(book.worth(id), Some(Unheard::SlugTaken));
}

#[test]
fn what_names_a_decision_that_is_not_held_waits_for_it() {
    let (book, last) = replace::five();
    let mut later = Book::new();
    later.statements.clone_from(&book.statements);
    let unknown = later.decide(1, &last, Change::Rules { guests_per_voter: 3 });
    let said = later.statements.pop().unwrap();
    let word = later.say(2, vote(unknown));
    let next = later.decide(2, &[unknown], Change::Rules { guests_per_voter: 4 });
    for hash in [word, next] {
        assert_eq!(later.worth(hash), Some(Unheard::Waits));
    }
    later.statements.push(said);
    for hash in [word, next] {
        assert_eq!(later.worth(hash), None);
    }
}

#[test]
fn words_about_keys_are_heard_of_the_keys_they_are_about() {
    let (mut book, _) = replace::five();
    let network = Some(book.network);
    let thief = sign_next_key(network, Some(hub(4)), &key(90), &key(91), KeyReason::Planned, 1);
    assert_eq!(book.say_and_weigh(1, Said::NextKey(thief)), Some(Unheard::ForeignKey));
    let nobody = sign_next_key(network, None, &key(90), &key(91), KeyReason::Stolen, 1);
    assert_eq!(book.say_and_weigh(1, Said::NextKey(nobody)), Some(Unheard::ForeignKey));
    let against = sign_objection(book.network, hub(4), &key(90), [1; 32], [2; 32]);
    assert_eq!(book.say_and_weigh(1, Said::Object(against)), Some(Unheard::ForeignKey));
    let own = sign_next_key(network, Some(hub(4)), &key(4), &key(92), KeyReason::Planned, 2);
    assert_eq!(book.say_and_weigh(1, Said::NextKey(own)), None);
    // That key speaks now, also to name the next one.
    let own = sign_next_key(network, Some(hub(4)), &key(92), &key(93), KeyReason::Planned, 3);
    assert_eq!(book.say_and_weigh(1, Said::NextKey(own)), None);
}

#[test]
fn what_a_stolen_key_or_a_removed_voter_said_is_void() {
    let (mut book, last) = replace::five();
    let id = book.decide(1, &last, Change::Rules { guests_per_voter: 3 });
    let stolen = book.say(4, vote(id));
    let admission = book.admission(9, "late", 1);
    let late = book.say(5, admission);
    assert_eq!((book.worth(stolen), book.worth(late)), (None, None));
    let word = sign_next_key(None, None, &key(204), &key(60), KeyReason::Stolen, 1);
    book.say(2, Said::NextKey(word));
    assert_eq!(book.worth(stolen), Some(Unheard::Stolen));
    let change = Change::Remove {
        hub: hub(5),
        reason: "gone".into(),
        ends: RemovalCut::new(),
    };
    let id = book.decide(1, &last, change);
    book.votes(&[2, 3], id);
    assert_eq!(book.worth(late), Some(Unheard::Removed));
    assert!(Unheard::Removed.is_void() && Unheard::Stolen.is_void() && !Unheard::NoVote.is_void());
    // Whoever takes the removal later sees the same.
    let mut node = decisions::Node::new();
    node.now_ms += days(3);
    let roster = node.sees(&book);
    let seen = roster.unheard(book.network, &book.statements);
    assert_eq!(seen, book.roster().unheard(book.network, &book.statements));
}

proptest! {
    /// Whatever somebody says, and in whatever order: it is weighed, and what is left out is what the roster does not need.
    #[test]
    fn the_roster_is_the_same_without_what_is_not_heard(seed in any::<u64>()) {
        let (mut book, last) = replace::five();
        book.admit(2, 7, "guest", 1);
        let smuggled = book.admission(9, "smuggled", 1);
        book.say(7, smuggled);
        book.say(1, address("nowhere"));
        let id = book.decide(7, &last, seat(7, "guest"));
        book.say(7, vote(id));
        let thief = sign_next_key(None, Some(hub(4)), &key(90), &key(91), KeyReason::Planned, 1);
        book.say(1, Said::NextKey(thief));
        shuffled(&mut book.statements, seed);
        let roster = book.roster();
        let unheard = roster.unheard(book.network, &book.statements);
        prop_assert_eq!(unheard.len(), 5);
        let heard = book.statements.iter().filter(|one| !unheard.contains_key(&one.hash));
        let again = Roster::compute(book.network, heard, &Named::default(), &Taken::new(), NOW_MS);
        prop_assert_eq!(&again.members, &roster.members);
    }
}
