//! What is said about who belongs, on top of a small network in which every key is known.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use interhub_domain::body::{
    Accept, Address, Admit, Founding, KeyReason, Leave, Said, Statement, Vote, VoteWord, Withdraw,
};
use interhub_domain::cut::Named;
use interhub_domain::ids::{Epoch, HeaderHash, HubId, LogId, NetworkId};
use interhub_domain::registry::decision::{MAX_ENDS, MAX_LEFT, MAX_NAMED};
use interhub_domain::registry::keys::{read_next_key, sign_next_key};
use interhub_domain::registry::replace::read_objection;
use interhub_domain::registry::{
    Change, HeldStatement, Proposal, Roster, Seals, Standing, Taken, accept_message, check_slug, read_accept,
    read_founding,
};
use prost::Message;

use crate::{input, world};

/// Statements of one input, beside those of the beginning.
const MAX_STATEMENTS: usize = 24;
/// 2026-11-22, Unix milliseconds.
const NOW_MS: i64 = 1_795_305_600_000;
/// Steps of a statement's clock: half a day, so that some lie beyond the week in which decisions are taken.
const STEP_MS: i64 = 12 * 3_600 * 1_000;

/// For each statement who says it (a byte), when (a byte of half days back), and the statement as an [`input::part`]. What
/// is read of it is written and read again as the same; and whatever they say together, the roster is the same in every
/// order and any number of times, stays as it is when nothing comes, and gives nobody a vote without a decision.
pub fn check(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let (network, mut statements) = BEGINNING.clone();
    let known = statements.len();
    let mut understood = true;
    while statements.len() < known + MAX_STATEMENTS && !rest.is_empty() {
        let (who, ago) = (input::byte(&mut rest), input::byte(&mut rest));
        let Some(part) = input::part(&mut rest) else { break };
        let Some(said) = Statement::decode(part).ok().and_then(|statement| statement.said) else {
            understood = false;
            continue;
        };
        understood &= comes_back(network, &said);
        let at_ms = NOW_MS - i64::from(ago) * STEP_MS;
        statements.push(held(statements.len(), who % 8, at_ms, said));
    }
    one_roster(network, &statements);
    understood && rest.is_empty() && statements.len() > known
}

/// Whether it can be read; what can is written and read as the same.
fn comes_back(network: NetworkId, said: &Said) -> bool {
    match said {
        Said::Founding(record) => read_founding(record).is_ok(),
        Said::Admit(admit) => {
            let read = read_accept(network, &admit.accept, &admit.signature, |_| []);
            if let Ok(accept) = &read {
                assert!(check_slug(&accept.slug).is_ok());
            }
            read.is_ok()
        }
        Said::Decide(decision) => {
            let Ok(proposal) = Proposal::read(decision) else {
                return false;
            };
            assert!(proposal.after.len() <= MAX_NAMED && proposal.left.len() <= MAX_LEFT);
            if let Change::Remove { ends, reason, .. } = &proposal.change {
                assert!(ends.len() <= MAX_ENDS && !reason.chars().any(char::is_control));
            }
            assert_eq!(Proposal::read(&proposal.write()), Ok(proposal));
            true
        }
        Said::NextKey(next) => read_next_key(network, next).is_ok(),
        Said::Object(objection) => read_objection(network, objection).is_ok(),
        Said::Withdraw(_) | Said::Leave(_) | Said::Address(_) | Said::Vote(_) => true,
    }
}

fn one_roster(network: NetworkId, statements: &[HeldStatement]) {
    let roster = Roster::compute(network, statements, &Named::default(), &Taken::new(), NOW_MS);
    let mut others: Vec<HeldStatement> = statements.iter().rev().cloned().collect();
    assert_eq!(
        Roster::compute(network, &others, &Named::default(), &Taken::new(), NOW_MS),
        roster,
        "backwards"
    );
    others.extend(statements.iter().cloned());
    assert_eq!(
        Roster::compute(network, &others, &Named::default(), &Taken::new(), NOW_MS),
        roster,
        "twice"
    );
    let taken = roster.ballots.taken();
    assert_eq!(
        Roster::compute(network, statements, &Named::default(), taken, NOW_MS),
        roster,
        "and again"
    );
    let founders: BTreeSet<HubId> = roster.ballots.founders().map(|(hub, _)| hub).collect();
    for (id, member) in &roster.members {
        let seated = roster
            .ballots
            .in_force()
            .any(|opinion| matches!(&opinion.proposal.change, Change::Seat { hub, .. } if hub == id));
        assert!(
            !member.votes() || seated || founders.contains(id),
            "{id} votes and nobody seated it"
        );
        assert!(member.standing != Standing::Active || !member.shown_slug.is_empty());
        let _ = roster.duties(*id);
    }
}

fn held(index: usize, who: u8, at_ms: i64, said: Said) -> HeldStatement {
    let clock = u64::try_from(at_ms).unwrap_or_default() << 16;
    HeldStatement {
        hash: hash(index),
        hub: world::hub(who),
        epoch: Epoch(1),
        seq: index as u64,
        key_number: 0,
        clock: clock + index as u64,
        said,
        seals: Seals::default(),
    }
}

/// The name of a statement: by its place, so that decisions can name each other and still do when one of them is altered.
fn hash(index: usize) -> HeaderHash {
    HeaderHash(*blake3::hash(&index.to_be_bytes()).as_bytes())
}

fn accept(network: &[u8], number: u8) -> Accept {
    Accept {
        network: network.to_vec(),
        public_key: interhub_domain::envelope::public_key(&world::key(number)).to_vec(),
        recovery_key: interhub_domain::envelope::public_key(&world::key(100 + number)).to_vec(),
        slug: format!("hub-{number}"),
        address: format!("hub-{number}.example:7400"),
        counter: 1,
    }
}

fn admission(network: NetworkId, number: u8) -> Said {
    let accept = accept(&network.0, number).encode_to_vec();
    let signature = world::key(number).sign(&accept_message(&accept)).to_bytes().to_vec();
    Said::Admit(Admit { accept, signature })
}

/// What has been said before every input.
static BEGINNING: LazyLock<(NetworkId, Vec<HeldStatement>)> = LazyLock::new(beginning);

/// Two founders and three guests.
fn beginning() -> (NetworkId, Vec<HeldStatement>) {
    let record = Founding {
        name: "Test".into(),
        founders: vec![accept(&[], 1), accept(&[], 2)],
        created_ms: 0,
        nonce: vec![0; 16],
        guests_per_voter: 3,
    }
    .encode_to_vec();
    let network = NetworkId::of_genesis(&record);
    let mut statements = vec![held(0, 1, NOW_MS - 60 * STEP_MS, Said::Founding(record))];
    for number in 3..=5 {
        let index = statements.len();
        statements.push(held(
            index,
            1 + number % 2,
            NOW_MS - 50 * STEP_MS,
            admission(network, number),
        ));
    }
    (network, statements)
}

/// Seeds: decisions of every kind, made and voted for, and all else that is said.
pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let (network, known) = &*BEGINNING;
    let network = *network;
    let first = known.len();
    let id = |number: u8| world::hub(number);
    let seat = Change::Seat {
        hub: id(3),
        slug: "hub-3".into(),
        counter: 1,
    };
    let remove = Change::Remove {
        hub: id(3),
        reason: "gone".into(),
        ends: [((LogId::PUBLIC, Epoch(7)), (8, HeaderHash([1; 32])))].into(),
    };
    let readmit = Change::Readmit {
        hub: id(3),
        removals: [hash(first + 2)].into(),
    };
    let key = Change::ReplaceKey {
        hub: id(4),
        public_key: [2; 32],
        recovery_key: [3; 32],
    };
    let decided = vec![
        (1, 40, decide(seat, None)),
        (3, 39, vote(first, VoteWord::Sign)),
        (1, 30, decide(remove, Some(first))),
        (2, 29, vote(first + 2, VoteWord::Sign)),
        (1, 20, decide(readmit, Some(first + 2))),
        (2, 19, vote(first + 4, VoteWord::Sign)),
        (2, 10, decide(Change::Rules { guests_per_voter: 20 }, Some(first + 4))),
        (1, 9, vote(first + 6, VoteWord::Sign)),
    ];
    let refused = vec![
        (1, 40, decide(Change::Rules { guests_per_voter: 5 }, None)),
        (2, 2, decide(Change::Rules { guests_per_voter: 6 }, None)),
        (1, 1, vote(first + 1, VoteWord::AskRenewed)),
        (1, 1, decide(Change::Adopt([hash(first + 1)].into()), Some(first))),
        (2, 1, vote(first + 1, VoteWord::Withdraw)),
        (1, 1, decide(key, None)),
    ];
    let by_recovery = sign_next_key(None, None, &world::key(103), &world::key(104), KeyReason::Stolen, 9);
    let by_itself = sign_next_key(
        Some(network),
        Some(id(4)),
        &world::key(4),
        &world::key(105),
        KeyReason::Planned,
        8,
    );
    let withdrawn = Withdraw {
        hub: id(4).0.to_vec(),
        counter: 1,
        ends: None,
    };
    let moved = Address {
        address: "elsewhere.example:7401".into(),
    };
    let said = vec![
        (3, 5, Said::Leave(Leave { counter: 2, ends: None })),
        (1, 4, Said::Withdraw(withdrawn)),
        (5, 3, Said::Address(moved)),
        (2, 2, Said::NextKey(by_recovery)),
        (4, 1, Said::NextKey(by_itself)),
        (2, 0, admission(network, 6)),
        (1, 0, known[0].said.clone()),
    ];
    [("decided", decided), ("refused", refused), ("said", said)]
        .into_iter()
        .map(|(name, statements)| (name.to_owned(), seed(statements)))
        .collect()
}

fn decide(change: Change, after: Option<usize>) -> Said {
    let proposal = Proposal {
        after: after.map(hash).into_iter().collect(),
        left: BTreeSet::new(),
        change,
    };
    Said::Decide(proposal.write())
}

fn vote(index: usize, word: VoteWord) -> Said {
    Said::Vote(Vote {
        decision: hash(index).0.to_vec(),
        word: word.into(),
    })
}

fn seed(statements: Vec<(u8, u8, Said)>) -> Vec<u8> {
    let mut out = Vec::new();
    for (who, ago, said) in statements {
        out.extend([who, ago]);
        input::put(&mut out, &Statement { said: Some(said) }.encode_to_vec());
    }
    out
}
