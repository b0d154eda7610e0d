//! A hub that says one thing to one hub and another to the next, in the same place of its log.

use interhub_domain::body::{Body, Content, Genesis, Open};
use interhub_domain::document::{Reading, actor, edit};
use interhub_domain::envelope::Kind;
use interhub_domain::ids::{DocumentKind, Epoch, LogId, ObjectId, ThingId};
use interhub_domain::session::Frame;
use interhub_tests::cluster::agree;
use interhub_tests::hostile::line::Line;
use interhub_tests::hostile::scene::{Scene, now_ms};
use interhub_tests::hostile::speaker::Log;
use interhub_tests::hub::{Hub, SOON, wait_until};

/// Begins an event of the hostile hub; returns its id.
fn begin(scene: &Scene, log: &mut Log, number: u64, title: &str) -> String {
    let (network, hub) = (scene.speaker.network, scene.speaker.hub());
    let thing = ThingId::new(hub, number.to_be_bytes());
    let object = ObjectId::derive(network, hub, LogId::PUBLIC, DocumentKind::Event, thing);
    let mut event = super::event(title);
    event.uid = title.into();
    let made = edit(None, actor(hub, log.next.epoch), &Reading::Event(Box::new(event)));
    let genesis = Genesis {
        kind: DocumentKind::Event.code().into(),
        thing: thing.0.to_vec(),
        change: made.unwrap().unwrap().change,
        writers: vec![],
        replaces: vec![],
    };
    say(log, (Kind::Genesis, object, 1), Content::Genesis(genesis));
    thing.to_string()
}

fn say(log: &mut Log, (kind, object, generation): (Kind, ObjectId, u32), content: Content) {
    let body = Body {
        clock: now_ms() << 16,
        content: Some(content),
    };
    log.say(kind, object, generation, body.encode_bytes());
}

fn has_event(hub: &Hub, id: &str) -> bool {
    hub.cli(&["event", "show", id]).code == 0
}

#[test]
fn a_hub_that_says_two_things_in_one_place_is_found_out_and_both_are_void() {
    let scene = Scene::set();
    let [birmingham, amsterdam, _] = scene.honest();
    let mut log = scene.speaker.log(LogId::PUBLIC, Epoch(50));
    say(
        &mut log,
        (Kind::Open, ObjectId::ZERO, 0),
        Content::Open(Open::default()),
    );
    let before = begin(&scene, &mut log, 1, "Before the fork");
    let (mut one, mut other) = (log.clone(), log);
    let on_one = [2, 3].map(|number| begin(&scene, &mut one, number, &format!("Said to one, {number}")));
    let on_other = [4, 5].map(|number| begin(&scene, &mut other, number, &format!("Said to the other, {number}")));

    let send = |hub: &Hub, log: &Log, run| {
        scene.runtime.block_on(async {
            let line = Line::greet(&scene.speaker, hub, Epoch(run)).await;
            assert!(line.frame(&Frame::Envelopes(log.said.clone())).await);
            line
        })
    };
    let _lines = [send(birmingham, &one, 60), send(amsterdam, &other, 61)];
    for hub in scene.honest() {
        wait_until("the fork known", SOON, || {
            let hubs = hub.json(&["hub", "list"]);
            let line = hubs["hubs"]
                .as_array()
                .unwrap()
                .iter()
                .find(|line| line["slug"] == "mallory");
            match line {
                Some(line) if line["fork"] == true && !on_one.iter().chain(&on_other).any(|id| has_event(hub, id)) => {
                    Ok(())
                }
                other => Err(format!("{}: {other:?}\n{}", hub.slug, hub.log())),
            }
        });
    }
    agree(&scene.honest());
    for hub in scene.honest() {
        assert!(has_event(hub, &before), "{}: what came before it stays", hub.slug);
    }

    // What it says there afterwards, on whatever branch, is void too; in another run it is not.
    let late = begin(&scene, &mut one, 6, "After the fork");
    let mut another = scene.speaker.log(LogId::PUBLIC, Epoch(51));
    say(
        &mut another,
        (Kind::Open, ObjectId::ZERO, 0),
        Content::Open(Open::default()),
    );
    let elsewhere = begin(&scene, &mut another, 7, "In another run");
    let _lines = [send(birmingham, &one, 62), send(amsterdam, &another, 63)];
    for hub in scene.honest() {
        wait_until("the other run", SOON, || {
            if has_event(hub, &elsewhere) {
                Ok(())
            } else {
                Err(hub.log())
            }
        });
    }
    agree(&scene.honest());
    assert!(scene.honest().iter().all(|hub| !has_event(hub, &late)));
}
