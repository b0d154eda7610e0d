//! Copies of a hub: a restored backup, a cloned folder that runs twice, a machine whose memory was rolled back, and an
//! empty disk with nothing but the key.

use std::sync::Arc;

use interhub_node::child::Counting;
use interhub_node::clock::{Clock, ManualClock, SystemClock};
use interhub_node::node::{Node, NodeOptions};
use interhub_node::peer::PeerOptions;
use interhub_tests::cluster::{Cluster, agree};
use interhub_tests::hub::{Hub, SOON, program, text, wait_until};

fn hub_line(asked: &Hub, about: &str) -> serde_json::Value {
    let list = asked.json(&["hub", "list"]);
    let hubs = list["hubs"].as_array().unwrap();
    hubs.iter().find(|hub| hub["slug"] == about).unwrap().clone()
}

fn has_event(hub: &Hub, id: &str) -> bool {
    hub.cli(&["--json", "event", "show", id]).code == 0
}

#[test]
fn a_restored_backup_gets_back_what_was_shared_and_writes_on() {
    let mut cluster = Cluster::new(&["birmingham", "vienna"]);
    let root = cluster.folder().to_path_buf();
    let kept = cluster.hubs[0].add("Before the backup", "2027-04-01T10:00");
    cluster.agree();
    cluster.hubs[0].stop();
    let backup = cluster.hubs[0].copy_folder(&root, "backup");
    cluster.hubs[0].start();
    let later = cluster.hubs[0].add("After the backup", "2027-04-02T10:00");
    cluster.hubs[0].json(&["event", "edit", &kept, "--title", "Edited after the backup"]);
    cluster.agree();
    cluster.hubs[0].kill();

    backup.replace_folder_of(&cluster.hubs[0]);
    cluster.hubs[0].start();
    // At once, before anything came back: a position is never used twice.
    let new = cluster.hubs[0].add("After the restore", "2027-04-03T10:00");
    cluster.agree();
    for hub in &cluster.hubs {
        for id in [&kept, &later, &new] {
            assert!(has_event(hub, id), "{} lacks {id}", hub.slug);
        }
        let shown = hub.json(&["event", "show", &kept]);
        assert_eq!(shown["title"], "Edited after the backup");
        assert_eq!(hub_line(hub, "birmingham")["fork"], false);
    }
}

#[test]
fn a_cloned_folder_running_twice_loses_nothing_and_both_are_told() {
    let mut cluster = Cluster::new(&["birmingham", "vienna"]);
    let root = cluster.folder().to_path_buf();
    cluster.hubs[1].stop();
    let mut clone = cluster.hubs[1].copy_folder(&root, "clone");
    clone.move_to_free_ports();
    cluster.hubs[1].start();
    clone.start();
    let one = cluster.hubs[1].add("By the one", "2027-04-01T10:00");
    let other = clone.add("By the other", "2027-04-02T10:00");
    agree(&[&cluster.hubs[0], &cluster.hubs[1], &clone]);
    for hub in [&cluster.hubs[0], &cluster.hubs[1], &clone] {
        assert!(has_event(hub, &one) && has_event(hub, &other));
        assert_eq!(hub_line(hub, "vienna")["fork"], false);
    }
    for twin in [&cluster.hubs[1], &clone] {
        wait_until("the warning of a second node", SOON, || {
            let status = twin.json(&["status"]);
            if status["another_node"] == true {
                return Ok(());
            }
            // Each hears of the other by what it writes.
            cluster.hubs[1].add("Again", "2027-05-01T10:00");
            clone.add("Again", "2027-05-01T10:00");
            Err(status.to_string())
        });
    }
    assert_eq!(cluster.hubs[0].json(&["status"])["another_node"], false);
}

/// Runs a node in this process, with time and random numbers of its own.
fn run_with(hub: &Hub, clock: Arc<dyn Clock>, without_peers: bool, then: impl FnOnce(&Hub)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let node = runtime.block_on(async {
        let options = NodeOptions {
            clock,
            without_peers,
            peers: PeerOptions::default(),
            counting: Counting::Child(program("interhubd")),
        };
        Node::start(&hub.data, options).await.unwrap()
    });
    then(hub);
    runtime.block_on(node.stop());
}

#[test]
fn a_machine_whose_memory_was_rolled_back_is_found_out_by_all() {
    let mut cluster = Cluster::new(&["birmingham", "amsterdam", "vienna"]);
    let root = cluster.folder().to_path_buf();
    let before = cluster.hubs[2].add("Before the fork", "2027-04-01T10:00");
    cluster.agree();
    cluster.hubs[2].stop();
    let twin = cluster.hubs[2].copy_folder(&root, "twin");

    // The same second and the same random numbers: the same run twice.
    let second = SystemClock.now_ms() / 1_000 * 1_000;
    let rolled_back = || ManualClock::new(second, 7);
    let mut on_one = String::new();
    run_with(&cluster.hubs[2], rolled_back(), false, |hub| {
        on_one = hub.add("Said by one", "2027-04-02T10:00");
        wait_until("the first branch at the others", SOON, || {
            let others = [&cluster.hubs[0], &cluster.hubs[1]];
            let all = others.iter().all(|other| has_event(other, &on_one));
            if all { Ok(()) } else { Err("not yet".into()) }
        });
    });
    let mut on_other = String::new();
    run_with(&twin, rolled_back(), true, |hub| {
        on_other = hub.add("Said by the other", "2027-04-03T10:00");
    });

    twin.replace_folder_of(&cluster.hubs[2]);
    cluster.hubs[2].start();
    for hub in &cluster.hubs {
        wait_until("the fork known", SOON, || {
            let line = hub_line(hub, "vienna");
            if line["fork"] == true {
                Ok(())
            } else {
                Err(line.to_string())
            }
        });
    }
    cluster.agree();
    let last = cluster.hubs[2].add("After the fork", "2027-04-04T10:00");
    cluster.agree();
    for hub in &cluster.hubs {
        assert!(has_event(hub, &before), "{}: what came before the fork stays", hub.slug);
        assert!(has_event(hub, &last), "{}: the hub writes on", hub.slug);
        assert!(
            hub.json(&["status"])["void"].as_u64().unwrap() > 0,
            "{} counts what is void",
            hub.slug
        );
        let quarantine = hub.json(&["quarantine"]);
        let items = quarantine["items"].as_array().unwrap();
        assert_eq!(items.len() as u64, hub.json(&["status"])["void"].as_u64().unwrap());
        for item in items {
            assert_eq!(
                (&item["author"], &item["state"]),
                (&"vienna".into(), &"void".into()),
                "{item}"
            );
            assert!(item["reason"].as_str().unwrap().contains("fork"), "{item}");
            // Its own author sees it too; there nobody brought it.
            assert_eq!(item["peer"].is_null(), hub.slug == "vienna", "{}: {item}", hub.slug);
            assert!(item["at"].is_string() && item["bytes"].as_u64() > Some(200), "{item}");
        }
    }
    let shown: Vec<[bool; 2]> = cluster
        .hubs
        .iter()
        .map(|hub| [has_event(hub, &on_one), has_event(hub, &on_other)])
        .collect();
    assert!(shown.iter().all(|one| *one == shown[0]), "all show the same: {shown:?}");
}

#[test]
fn an_empty_disk_with_the_key_regains_what_was_shared() {
    let mut cluster = Cluster::new(&["birmingham", "vienna"]);
    let root = cluster.folder().to_path_buf();
    let lost = cluster.hubs[1].add("Shared before the disk died", "2027-04-01T10:00");
    cluster.agree();
    cluster.hubs[1].kill();
    let key = std::fs::read(cluster.hubs[1].data.join("identity.key")).unwrap();
    std::fs::remove_dir_all(&cluster.hubs[1].data).unwrap();

    let mut fresh = Hub::init(&root, "vienna", "Europe/Vienna");
    std::fs::write(fresh.data.join("identity.key"), key).unwrap();
    fresh.start();
    let link = text(&cluster.hubs[0].json(&["invite"]), "link");
    let joined = fresh.json(&["join", &link]);
    assert_eq!(joined["status"], "active", "{joined}");
    agree(&[&cluster.hubs[0], &fresh]);
    assert!(has_event(&fresh, &lost));
    let edited = fresh.json(&["event", "edit", &lost, "--title", "Edited on the new disk"]);
    assert_eq!(edited["title"], "Edited on the new disk", "it is its own again");
    agree(&[&cluster.hubs[0], &fresh]);
    let hubs = cluster.hubs[0].json(&["hub", "list"]);
    assert_eq!(hubs["hubs"].as_array().unwrap().len(), 2, "nobody was admitted twice");
}

/// Nobody heard of the key that is left: to the others it is that of another hub, and the folder would be two hubs at once.
#[test]
fn an_empty_disk_with_a_key_that_nobody_heard_of_is_told_what_to_do() {
    let mut cluster = Cluster::new(&["birmingham", "vienna"]);
    let root = cluster.folder().to_path_buf();
    cluster.hubs[0].stop();
    let folder = cluster.hubs[1].data.clone();
    let key = || std::fs::read(folder.join("identity.key")).unwrap();
    let before = key();
    cluster.hubs[1].json(&["key", "rotate"]);
    wait_until("the folder has another key", SOON, || {
        (key() != before).then_some(()).ok_or_else(|| "the same key".to_owned())
    });
    cluster.hubs[1].kill();
    let kept = key();
    std::fs::remove_dir_all(&folder).unwrap();
    cluster.hubs[0].start();
    let mut fresh = Hub::init(&root, "vienna", "Europe/Vienna");
    std::fs::write(folder.join("identity.key"), kept).unwrap();
    fresh.start();
    let link = text(&cluster.hubs[0].json(&["invite"]), "link");
    let refused = fresh.cli(&["join", &link]);
    refused.fails(4, "recovery key");
    let hubs = cluster.hubs[0].json(&["hub", "list"]);
    assert_eq!(
        hubs["hubs"].as_array().unwrap().len(),
        2,
        "and admitted as another one by nobody"
    );
}
