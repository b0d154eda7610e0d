//! What happens in a hub's back room: kills, absences, frozen peers, relays, wrong clocks.

use std::collections::BTreeSet;
use std::sync::Arc;

use interhub_node::child::Counting;
use interhub_node::clock::{Clock, SystemClock};
use interhub_node::node::{Node, NodeOptions};
use interhub_node::peer::PeerOptions;
use interhub_tests::cluster::{Cluster, agree};
use interhub_tests::hub::{Hub, SOON, program, run, text, wait_until};

#[test]
fn killed_at_any_moment_nothing_acknowledged_is_lost() {
    let mut cluster = Cluster::new(&["birmingham", "vienna"]);
    let mut acknowledged: BTreeSet<String> = BTreeSet::new();
    for round in 0..6u64 {
        let hub = &cluster.hubs[0];
        let data = hub.data.to_string_lossy().into_owned();
        // Writes go on while the node is killed; only those that were answered count.
        let writer = std::thread::spawn(move || {
            let mut done = Vec::new();
            for number in 0..1_000 {
                let title = format!("Round {round} number {number}");
                let ran = run(
                    "interhub",
                    &[
                        "--data",
                        &data,
                        "--json",
                        "event",
                        "add",
                        "--title",
                        &title,
                        "--start",
                        "2027-04-01",
                        "--duration",
                        "1d",
                    ],
                );
                if ran.code != 0 {
                    break;
                }
                done.push(text(&ran.json(), "id"));
            }
            done
        });
        std::thread::sleep(std::time::Duration::from_millis(150 + 97 * round));
        cluster.hubs[0].kill();
        acknowledged.extend(writer.join().unwrap());
        cluster.hubs[0].start();
        for id in acknowledged.iter().rev().take(20) {
            cluster.hubs[0].json(&["event", "show", id]);
        }
    }
    assert!(
        acknowledged.len() > 6,
        "too few writes to mean anything: {}",
        acknowledged.len()
    );
    cluster.agree();
    for hub in &cluster.hubs {
        let mut found = BTreeSet::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut arguments = vec![
                "event",
                "list",
                "--from",
                "2027-03-31",
                "--to",
                "2027-04-03",
                "--limit",
                "1000",
            ];
            if let Some(cursor) = &cursor {
                arguments.extend(["--cursor", cursor]);
            }
            let page = hub.json(&arguments);
            found.extend(page["events"].as_array().unwrap().iter().map(|event| text(event, "id")));
            match page["next"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => break,
            }
        }
        let lost: Vec<&String> = acknowledged.difference(&found).collect();
        assert!(lost.is_empty(), "{} lost {lost:?}", hub.slug);
    }
}

#[test]
fn away_for_a_while_it_catches_up_and_a_rebuild_changes_nothing() {
    let mut cluster = Cluster::new(&["birmingham", "amsterdam", "vienna"]);
    let kept = cluster.hubs[0].add("Kept", "2027-04-01T10:00");
    let cancelled = cluster.hubs[2].add("Cancelled while away", "2027-04-02T10:00");
    cluster.agree();
    cluster.hubs[2].stop();
    for number in 0..30 {
        cluster.hubs[number % 2].add(&format!("While Vienna sleeps {number}"), "2027-04-03T10:00");
    }
    cluster.hubs[0].json(&["event", "edit", &kept, "--title", "Edited elsewhere"]);
    agree(&[&cluster.hubs[0], &cluster.hubs[1]]);
    cluster.hubs[2].start();
    cluster.hubs[2].json(&["event", "cancel", &cancelled]);
    cluster.agree();
    let shown = cluster.hubs[2].json(&["event", "show", &kept]);
    assert_eq!(shown["title"], "Edited elsewhere");

    let before = cluster.hubs[2].agreement().unwrap();
    cluster.hubs[2].stop();
    let data = cluster.hubs[2].data.to_string_lossy().into_owned();
    run("interhubd", &["rebuild", "--data", &data]).ok();
    cluster.hubs[2].start();
    assert_eq!(
        cluster.hubs[2].agreement().unwrap(),
        before,
        "a rebuild gives what there was"
    );
}

#[test]
fn a_hub_passes_on_what_it_heard_from_one_that_the_other_never_meets() {
    let mut cluster = Cluster::new(&["birmingham", "amsterdam", "vienna"]);
    // From now on nobody can call Birmingham, and Vienna neither: both only call out, and Birmingham's address is dead.
    // So the two meet Amsterdam, and never each other.
    let dead = format!("\"127.0.0.1:{}\"", interhub_tests::hub::free_port());
    for index in [0, 2] {
        cluster.hubs[index].stop();
        cluster.hubs[index].configure("federation_address", &dead);
        let moved = format!("\"127.0.0.1:{}\"", interhub_tests::hub::free_port());
        cluster.hubs[index].configure("federation_listen", &moved);
    }
    // One after the other, so that both new addresses reach both before the old ones could be tried with success.
    cluster.hubs[0].start();
    cluster.hubs[2].start();
    cluster.agree();
    let id = cluster.hubs[2].add("From Vienna through Amsterdam", "2027-04-01T10:00");
    cluster.agree();
    let shown = cluster.hubs[0].json(&["event", "show", &id]);
    assert_eq!(shown["hub"], "vienna");
    let peers = cluster.hubs[0].json(&["peers"]);
    for peer in peers["peers"].as_array().unwrap() {
        assert_eq!(peer["connected"], peer["slug"] == "amsterdam", "{peers}");
    }
}

#[test]
fn a_frozen_peer_holds_nobody_up() {
    let cluster = Cluster::new(&["birmingham", "amsterdam", "vienna"]);
    cluster.hubs[1].freeze();
    for number in 0..50 {
        cluster.hubs[0].add(&format!("Event {number}"), "2027-04-01T10:00");
    }
    let events = agree(&[&cluster.hubs[0], &cluster.hubs[2]]);
    assert_eq!(events, 50);
    cluster.hubs[1].thaw();
    cluster.agree();
}

/// A clock that is a year ahead.
struct Ahead;

impl Clock for Ahead {
    fn now_ms(&self) -> i64 {
        SystemClock.now_ms() + 365 * 86_400_000
    }

    fn random(&self, bytes: &mut [u8]) {
        SystemClock.random(bytes);
    }
}

#[test]
fn a_clock_a_year_ahead_hides_nothing_and_spoils_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut honest = Hub::init(folder.path(), "birmingham", "Europe/London");
    honest.start();
    honest.json(&["network", "create", "Test network"]);
    let link = text(&honest.json(&["invite", "--expires", "89d"]), "link");
    let mut ahead = Hub::init(folder.path(), "vienna", "Europe/Vienna");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let node = runtime.block_on(async {
        let options = NodeOptions {
            clock: Arc::new(Ahead),
            without_peers: false,
            peers: PeerOptions::default(),
            counting: Counting::Child(program("interhubd")),
        };
        Node::start(&ahead.data, options).await.unwrap()
    });
    // Its own clock says the invitation has expired: it says so, and the operator learns what is wrong.
    ahead.cli(&["join", &link]).fails(4, "expired");
    runtime.block_on(node.stop());

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    ahead.start();
    ahead.json(&["join", &link]);
    agree(&[&honest, &ahead]);
    ahead.stop();
    let node = runtime.block_on(async {
        let options = NodeOptions {
            clock: Arc::new(Ahead),
            without_peers: false,
            peers: PeerOptions::default(),
            counting: Counting::Child(program("interhubd")),
        };
        Node::start(&ahead.data, options).await.unwrap()
    });
    let id = ahead.add("From the future", "2028-04-01T10:00");
    wait_until("the event of the hub whose clock is ahead", SOON, || {
        let ran = honest.cli(&["--json", "event", "show", &id]);
        if ran.code == 0 { Ok(()) } else { Err(ran.err) }
    });
    let later = honest.add("From the present", "2027-04-01T10:00");
    let shown = honest.json(&["event", "show", &later]);
    let year = text(&shown, "updated")[..4].parse::<u32>().unwrap();
    let now_year = text(&honest.json(&["network", "show"]), "founded")[..4]
        .parse::<u32>()
        .unwrap();
    assert!(year <= now_year + 1, "an honest clock is not dragged along: {shown}");
    runtime.block_on(node.stop());
}
