//! Statements that are delivered together are held together, and come to the same as one by one.

use interhub_domain::body::{Address, Body, Content, Open, Said, Statement};
use interhub_domain::envelope::Kind;
use interhub_domain::ids::{LogId, ObjectId};

use super::places::{Scene, body};
use super::quarantine::Hostile;
use super::{all_envelopes, join, memory, open};
use crate::sync::Refused;

/// More than are held in one batch.
const STATEMENTS: u32 = 450;

fn opens() -> Vec<u8> {
    body(Content::Open(Open::default()))
}

fn address(number: u32) -> Vec<u8> {
    let address = format!("number-{number}.example:7400");
    let content = Content::Statement(Statement {
        said: Some(Said::Address(Address { address })),
    });
    Body {
        clock: 5 + u64::from(number),
        content: Some(content),
    }
    .encode_bytes()
}

#[test]
fn they_come_to_what_they_come_to_one_by_one() {
    let scene = Scene::new();
    let mut log = scene.hostile(77, LogId::REGISTRY);
    let mut said = vec![log.say(Kind::Open, ObjectId::ZERO, &opens())];
    said.extend((0..STATEMENTS).map(|number| log.say(Kind::Statement, ObjectId::ZERO, &address(number))));
    let last = said.last().unwrap().clone();
    let mut altered = said[250].clone();
    altered.signature[3] ^= 1;

    let mut delivered = said.clone();
    delivered.insert(300, last.clone());
    delivered.insert(100, altered.clone());
    delivered.insert(7, said[3].clone());
    let (advanced, refused) = scene.ledgers[0].take_from(Some(scene.hostile), &delivered).unwrap();
    let fault = Refused::Fault("its signature does not verify");
    assert_eq!(refused, [(altered.hash(), fault), (last.hash(), Refused::Gap)]);
    let heads: Vec<_> = advanced.iter().map(|(_, head)| (head.seq, head.hash)).collect();
    assert_eq!(heads, [(u64::from(STATEMENTS), last.hash())]);

    for one in &said {
        scene.give(1, &[std::slice::from_ref(one)]);
    }
    scene.agrees();
    for ledger in &scene.ledgers {
        assert_eq!(
            ledger.roster().members[&scene.hostile].address,
            format!("number-{}.example:7400", STATEMENTS - 1)
        );
    }
}

#[test]
fn who_is_admitted_in_the_same_delivery_is_known_in_it() {
    let founder = open(memory(), 1, "birmingham", 1);
    founder.create_network("Test network").unwrap();
    let other = open(memory(), 2, "vienna", 1);
    join(&founder, &other);
    let newcomer = open(memory(), 3, "amsterdam", 1);
    join(&founder, &newcomer);
    let mut together = all_envelopes(&founder);
    together.retain(|envelope| envelope.header.log == LogId::REGISTRY);
    let mut log = Hostile::in_log(founder.network().unwrap(), 3, 77, LogId::REGISTRY);
    together.push(log.say(Kind::Open, ObjectId::ZERO, &opens()));
    together.push(log.say(Kind::Statement, ObjectId::ZERO, &address(1)));
    let (_, refused) = other.take(&together).unwrap();
    assert_eq!(refused, []);
    assert_eq!(
        other.roster().members[&newcomer.own_id()].address,
        "number-1.example:7400"
    );
}
