//! The counting process of whole nodes: it ends with them, is replaced when it is gone, and missed by nobody.

use interhub_node::child::Counting;
use interhub_node::clock::SystemClock;
use interhub_node::node::{Node, NodeOptions};
use interhub_node::peer::PeerOptions;
use interhub_tests::cluster::{Cluster, agree};
use interhub_tests::hub::{Hub, SOON, children_of, is_there, wait_until};

/// The one child of a running node.
fn child_of(hub: &Hub) -> u32 {
    let node = hub.process_id().unwrap();
    let mut child = 0;
    wait_until("the node has one child", SOON, || match children_of(node).as_slice() {
        [one] => {
            child = *one;
            Ok(())
        }
        other => Err(format!("{other:?}")),
    });
    child
}

fn gone(process: u32) {
    wait_until("the counting process is gone", SOON, || {
        if is_there(process) {
            Err("it is there".into())
        } else {
            Ok(())
        }
    });
}

#[test]
fn it_ends_with_the_node_and_is_replaced_while_that_runs() {
    let mut cluster = Cluster::new(&["birmingham", "vienna"]);
    let first = child_of(&cluster.hubs[1]);
    let killed = std::process::Command::new("kill")
        .args(["-KILL", &first.to_string()])
        .status();
    assert!(killed.unwrap().success());
    cluster.hubs[0].add("Sent while nobody counts", "2027-04-01T10:00");
    assert_eq!(agree(&[&cluster.hubs[0], &cluster.hubs[1]]), 1);
    gone(first);
    let second = child_of(&cluster.hubs[1]);
    assert_ne!(first, second);

    cluster.hubs[1].kill();
    gone(second);
    cluster.hubs[1].start();
    let third = child_of(&cluster.hubs[1]);
    cluster.hubs[1].stop();
    assert!(!is_there(third), "gone before the node itself");
}

#[test]
fn a_node_that_cannot_start_it_loses_nothing_refuses_nothing_and_says_so() {
    let mut cluster = Cluster::new(&["birmingham", "vienna"]);
    cluster.hubs[1].stop();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let program = cluster.folder().join("interhubd");
    let node = runtime.block_on(async {
        let options = NodeOptions {
            clock: SystemClock::shared(),
            without_peers: false,
            peers: PeerOptions::default(),
            counting: Counting::Child(program.clone()),
        };
        Node::start(&cluster.hubs[1].data, options).await.unwrap()
    });
    let theirs = cluster.hubs[0].add("Not judged yet", "2027-04-01T10:00");
    let own = cluster.hubs[1].add("Own events go on", "2027-04-02T10:00");
    wait_until("Birmingham shows what Vienna wrote", SOON, || {
        let ran = cluster.hubs[0].cli(&["--json", "event", "show", &own]);
        if ran.code == 0 { Ok(()) } else { Err(ran.err) }
    });
    let status = cluster.hubs[1].json(&["status"]);
    let why = status["counting_error"].as_str().unwrap();
    assert!(why.contains("does not start"), "{status}");
    assert_eq!(
        (&status["refused"], &status["waiting"]),
        (&0.into(), &0.into()),
        "{status}"
    );
    cluster.hubs[1].cli(&["event", "show", &theirs]).fails(3, "event");

    // As soon as it can be started, everything comes by itself.
    std::os::unix::fs::symlink(interhub_tests::hub::program("interhubd"), &program).unwrap();
    assert_eq!(agree(&[&cluster.hubs[0], &cluster.hubs[1]]), 2);
    assert!(cluster.hubs[1].json(&["status"])["counting_error"].is_null());
    runtime.block_on(node.stop());
}
