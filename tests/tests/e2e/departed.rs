//! Hubs that left or were removed, with real nodes: what the others erase is erased there too, and what such a hub had
//! shared it can still erase everywhere. Nothing else goes either way.

use interhub_tests::cluster::{Cluster, agree};
use interhub_tests::hub::{Hub, SOON, text, wait_until};
use serde_json::Value;

fn status_of(asked: &Hub, about: &str) -> Value {
    asked.json(&["hub", "show", about])["status"].clone()
}

#[track_caller]
fn shows(hub: &Hub, about: &str, status: &str) {
    wait_until(&format!("{about} {status} at {}", hub.slug), SOON, || {
        let shown = status_of(hub, about);
        if shown == status {
            Ok(())
        } else {
            Err(shown.to_string())
        }
    });
}

fn has(hub: &Hub, id: &str) -> bool {
    hub.cli(&["--json", "event", "show", id]).code == 0
}

#[track_caller]
fn gone(hub: &Hub, id: &str) {
    wait_until(&format!("{id} is gone at {}", hub.slug), SOON, || {
        if has(hub, id) {
            Err("it is there".into())
        } else {
            Ok(())
        }
    });
}

/// The hub stands outside from here on, in either way; `word` is in the line that says so.
fn erase_both_ways(cluster: &mut Cluster, erased: [&str; 5], word: &str) {
    let [connected, while_away, own, own_while_away, last] = erased;
    let [birmingham, amsterdam, vienna] = &cluster.hubs[..] else {
        panic!("three hubs")
    };
    // Told at once, as far as there is a stream; and nothing else.
    birmingham.json(&["event", "erase", connected]);
    gone(vienna, connected);
    let unseen = birmingham.add("After it was out", "2027-06-01T10:00");
    agree(&[birmingham, amsterdam]);
    assert!(!has(vienna, &unseen));
    vienna
        .cli(&[
            "event",
            "add",
            "--title",
            "x",
            "--start",
            "2027-06-01T10:00",
            "--duration",
            "1h",
        ])
        .fails(4, word);
    vienna.json(&["event", "erase", own]);
    for hub in [birmingham, amsterdam, vienna] {
        gone(hub, own);
    }
    agree(&[birmingham, amsterdam]);

    // Erased while it is away, and by it while another is: the other hears of it from the third.
    cluster.hubs[2].stop();
    cluster.hubs[0].json(&["event", "erase", while_away]);
    cluster.hubs[1].stop();
    cluster.hubs[2].start();
    gone(&cluster.hubs[2], while_away);
    cluster.hubs[2].json(&["event", "erase", own_while_away]);
    gone(&cluster.hubs[0], own_while_away);
    cluster.hubs[2].stop();
    cluster.hubs[1].start();
    gone(&cluster.hubs[1], own_while_away);
    agree(&[&cluster.hubs[0], &cluster.hubs[1]]);

    // Nobody has forgotten after a rebuild and a restart, and it goes on.
    cluster.hubs[2].start();
    cluster.hubs[0].stop();
    cluster.hubs[0].start();
    cluster.hubs[2].json(&["event", "erase", last]);
    for hub in &cluster.hubs {
        gone(hub, last);
        assert!(!has(hub, own) && !has(hub, connected));
    }
    agree(&[&cluster.hubs[0], &cluster.hubs[1]]);
    let faults = cluster.hubs[0].json(&["peers"]);
    for peer in faults["peers"].as_array().unwrap() {
        assert_eq!(peer["faults"], 0, "{faults}");
    }
}

/// Events of Birmingham and of Vienna, which everybody has.
fn events(cluster: &Cluster) -> [String; 5] {
    let [birmingham, _, vienna] = &cluster.hubs[..] else {
        panic!("three hubs")
    };
    let all = [
        birmingham.add("Erased while it listens", "2027-05-01T10:00"),
        birmingham.add("Erased while it is away", "2027-05-02T10:00"),
        vienna.add("Its own", "2027-05-03T10:00"),
        vienna.add("Its own, while another is away", "2027-05-04T10:00"),
        vienna.add("Its last", "2027-05-05T10:00"),
    ];
    cluster.agree();
    all
}

#[test]
fn a_hub_that_left_erases_and_hears_of_erasures() {
    let mut cluster = Cluster::new(&["birmingham", "amsterdam", "vienna"]);
    let events = events(&cluster);
    let kept = cluster.hubs[2].add("It stays where it was shared", "2027-05-06T10:00");
    cluster.agree();
    cluster.hubs[2].json(&["hub", "leave"]);
    for hub in &cluster.hubs {
        shows(hub, "vienna", "left");
        assert!(has(hub, &kept));
    }
    erase_both_ways(&mut cluster, events.each_ref().map(String::as_str), "left");

    // It comes back, and everything goes both ways again.
    let link = text(&cluster.hubs[0].json(&["invite"]), "link");
    assert_eq!(cluster.hubs[2].json(&["join", &link])["status"], "active");
    let again = cluster.hubs[2].add("Back again", "2027-07-01T10:00");
    cluster.agree();
    assert!(cluster.hubs.iter().all(|hub| has(hub, &again) && has(hub, &kept)));
}

#[test]
fn a_removed_hub_erases_and_hears_of_erasures() {
    let mut cluster = Cluster::new(&["birmingham", "amsterdam", "vienna"]);
    let events = events(&cluster);
    cluster.hubs[0].json(&["hub", "remove", "vienna", "--reason", "it sends adverts"]);
    for hub in &cluster.hubs {
        shows(hub, "vienna", "removed");
    }
    erase_both_ways(&mut cluster, events.each_ref().map(String::as_str), "removed");
}

#[test]
fn a_guest_whose_host_took_it_back_erases_and_hears_of_erasures() {
    // With two more voters the founder no longer decides alone, and takes its own guest back by itself.
    let mut cluster = Cluster::new(&["birmingham", "amsterdam", "vienna", "lisbon"]);
    cluster.hubs[0].json(&["hub", "vote", "amsterdam"]);
    cluster.hubs[0].json(&["hub", "vote", "lisbon"]);
    cluster.agree();
    let mut lisbon = cluster.hubs.pop().unwrap();
    lisbon.stop();
    let events = events(&cluster);
    cluster.hubs[0].json(&["hub", "remove", "vienna", "--reason", "it sends adverts"]);
    for hub in &cluster.hubs {
        shows(hub, "vienna", "removed");
    }
    erase_both_ways(&mut cluster, events.each_ref().map(String::as_str), "removed");
}
