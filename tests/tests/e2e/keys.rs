//! Keys that change: as a precaution, because they were lost, because they were stolen.

use interhub_tests::cluster::{Cluster, Inside, agree};
use interhub_tests::hub::{Hub, SOON, text, wait_until};
use serde_json::Value;

fn has_event(hub: &Hub, id: &str) -> bool {
    hub.cli(&["--json", "event", "show", id]).code == 0
}

/// The keys of a hub with this state, once the node has started again.
#[track_caller]
fn wait_for_keys(hub: &Hub, state: &str, count: usize) -> Vec<Value> {
    let mut found = Vec::new();
    wait_until(&format!("{count} {state} keys of {}", hub.slug), SOON, || {
        let ran = hub.cli(&["--json", "key", "show"]);
        if ran.code != 0 {
            return Err(ran.err);
        }
        let shown = ran.json();
        found = shown["keys"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|key| key["state"] == state)
            .cloned()
            .collect();
        if found.len() == count && shown["replaced"] == false {
            Ok(())
        } else {
            Err(shown.to_string())
        }
    });
    found
}

/// Waits until the event shows, or does not show, at all of these hubs.
#[track_caller]
fn shows(hubs: &[&Hub], id: &str, shown: bool) {
    for hub in hubs {
        wait_until(&format!("{id} shown: {shown} at {}", hub.slug), SOON, || {
            if has_event(hub, id) == shown {
                Ok(())
            } else {
                Err(hub.log())
            }
        });
    }
}

fn recovery_file(hub: &Hub) -> String {
    let path = hub.data.with_extension("paper");
    std::fs::write(&path, format!("{}\n", hub.recovery_key)).unwrap();
    path.to_string_lossy().into_owned()
}

#[test]
fn a_planned_change_is_known_to_all_also_to_those_that_were_away() {
    let mut cluster = Cluster::new(&["birmingham", "amsterdam", "vienna"]);
    let before = cluster.hubs[1].add("Signed with the first key", "2027-04-01T10:00");
    cluster.agree();
    // Nobody is there to hear of it.
    cluster.hubs[0].stop();
    cluster.hubs[2].stop();
    let changed = cluster.hubs[1].json(&["key", "rotate"]);
    assert_eq!(changed["keys"].as_array().unwrap().len(), 2, "{changed}");
    let current = wait_for_keys(&cluster.hubs[1], "current", 1);
    assert_eq!(current[0]["number"], 1);
    let after = wait_for_event(&cluster.hubs[1], "Signed with the second key", "2027-04-02T10:00");
    cluster.hubs[0].start();
    cluster.hubs[2].start();
    let all: Vec<&Hub> = cluster.hubs.iter().collect();
    shows(&all, &before, true);
    shows(&all, &after, true);
    agree(&all);
    for hub in &all {
        assert_eq!(hub.json(&["status"])["void"], 0, "{}", hub.slug);
        assert_eq!(hub.json(&["status"])["key_replaced"], false);
    }
}

/// Adds an event, once the node answers again.
#[track_caller]
fn wait_for_event(hub: &Hub, title: &str, start: &str) -> String {
    let mut id = String::new();
    wait_until("the node with its new key", SOON, || {
        let ran = hub.cli(&[
            "--json",
            "event",
            "add",
            "--title",
            title,
            "--start",
            start,
            "--duration",
            "1h",
        ]);
        if ran.code != 0 {
            return Err(ran.err);
        }
        id = text(&ran.json(), "id");
        Ok(())
    });
    id
}

#[test]
fn after_a_theft_only_what_the_hub_vouches_for_counts() {
    let mut cluster = Cluster::new(&["birmingham", "vienna"]);
    let root = cluster.folder().to_path_buf();
    let own = cluster.hubs[1].add("By the hub itself", "2027-04-01T10:00");
    cluster.agree();
    cluster.hubs[1].stop();
    let mut thief = cluster.hubs[1].copy_folder(&root, "thief");
    thief.move_to_free_ports();
    thief.start();
    let forged = thief.add("By the thief", "2027-04-02T10:00");
    thief.json(&["event", "edit", &own, "--title", "Altered by the thief"]);
    agree(&[&cluster.hubs[0], &thief]);
    cluster.hubs[1].start();
    let all: Vec<&Hub> = cluster.hubs.iter().collect();
    shows(&all, &forged, true);

    let (birmingham, vienna) = (&cluster.hubs[0], &cluster.hubs[1]);
    let wrong = recovery_file(birmingham);
    vienna
        .cli(&["key", "recover", "--stolen", "--recovery-key-file", &wrong])
        .fails(4, "recovery key");
    std::fs::write(&wrong, "IHR1-not-a-key").unwrap();
    vienna
        .cli(&["key", "recover", "--stolen", "--recovery-key-file", &wrong])
        .fails(2, "recovery key");
    assert_eq!(vienna.cli(&["key", "recover"]).code, 2, "stolen or lost has to be said");
    let paper = recovery_file(vienna);
    vienna.json(&["key", "recover", "--stolen", "--recovery-key-file", &paper]);
    wait_for_keys(vienna, "stolen", 1);
    shows(&all, &forged, false);
    shows(&all, &own, true);
    wait_until("the title from before the theft", SOON, || {
        let shown = birmingham.json(&["event", "show", &own]);
        if shown["title"] == "By the hub itself" {
            Ok(())
        } else {
            Err(shown.to_string())
        }
    });
    let later = wait_for_event(vienna, "After the theft", "2027-04-03T10:00");
    shows(&all, &later, true);
    agree(&all);
    // The thief's node hears of it too, from those that refuse its key: it says why, and writes no more.
    wait_until("the thief hears of it", SOON, || {
        let status = thief.json(&["status"]);
        if status["key_replaced"] == true {
            Ok(())
        } else {
            Err(status.to_string())
        }
    });
    let again = [
        "event",
        "add",
        "--title",
        "Again",
        "--start",
        "2027-04-04T10:00",
        "--duration",
        "1h",
    ];
    thief.cli(&again).fails(4, "another key");
    wait_until("the thief is told", SOON, || {
        let peers = thief.json(&["peers"]);
        let told = peers["peers"].as_array().unwrap().iter().any(|peer| {
            peer["last_error"]
                .as_str()
                .is_some_and(|error| error.contains("another key") || error.contains("no longer"))
        });
        if told { Ok(()) } else { Err(peers.to_string()) }
    });
    agree(&all);
}

#[test]
fn the_recovery_key_gives_a_hub_another_key_and_everything_stays() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let vienna = &cluster.hubs[1];
    let before = vienna.add("Before", "2027-04-01T10:00");
    let paper = recovery_file(vienna);
    vienna.json(&["key", "recover", "--lost", "--recovery-key-file", &paper]);
    let current = wait_for_keys(vienna, "current", 1);
    assert!(
        current[0]["number"].as_u64() >= Some(0x8000),
        "named by the recovery key: {current:?}"
    );
    wait_for_keys(vienna, "former", 1);
    let after = wait_for_event(vienna, "After", "2027-04-02T10:00");
    let all: Vec<&Hub> = cluster.hubs.iter().collect();
    shows(&all, &before, true);
    shows(&all, &after, true);
    cluster.agree();
    // A second change follows the first.
    vienna.json(&["key", "rotate"]);
    wait_for_keys(vienna, "former", 2);
    let last = wait_for_event(vienna, "With the third key", "2027-04-03T10:00");
    shows(&all, &last, true);
    cluster.agree();
}

#[test]
fn the_recovery_key_names_another_one_and_counts_no_more() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let vienna = &cluster.hubs[1];
    let first = recovery_file(vienna);
    let recover = |more: &[&str], paper: &str| {
        let words: Vec<&str> = ["key", "recover"].iter().chain(more).copied().collect();
        let whole: Vec<&str> = words.into_iter().chain(["--recovery-key-file", paper]).collect();
        vienna.cli(&[&["--json"], &whole[..]].concat())
    };
    assert_eq!(recover(&["--planned", "--stolen"], &first).code, 2);
    assert_eq!(recover(&["--planned", "--lost"], &first).code, 2);
    let answer = recover(&["--planned", "--new-recovery-key"], &first).ok().json();
    let (secret, public) = (text(&answer, "new_recovery_key"), text(&answer, "recovery_key"));
    assert_ne!(secret, vienna.recovery_key);
    wait_until("the node with its new key", SOON, || {
        let ran = vienna.cli(&["--json", "key", "show"]);
        if ran.code != 0 || ran.json()["replaced"] != false {
            return Err(format!("{} {}", ran.out, ran.err));
        }
        let shown = ran.json();
        assert!(shown["new_recovery_key"].is_null(), "told once");
        assert_eq!(text(&shown, "recovery_key"), public);
        Ok(())
    });
    recover(&["--lost"], &first).fails(4, "not the recovery key");
    let second = cluster.folder().join("second.paper");
    std::fs::write(&second, &secret).unwrap();
    recover(&["--lost"], second.to_str().unwrap()).ok();
    vienna_is_back(&cluster);
}

/// The node has started again with its new key, and both hubs agree.
fn vienna_is_back(cluster: &Cluster) {
    wait_until("the node with its new key", SOON, || {
        let ran = cluster.hubs[1].cli(&["--json", "key", "show"]);
        if ran.code == 0 && ran.json()["replaced"] == false {
            Ok(())
        } else {
            Err(format!("{} {}", ran.out, ran.err))
        }
    });
    cluster.agree();
}

#[test]
fn a_new_folder_with_nothing_but_the_recovery_key_is_the_hub_again() {
    let mut cluster = Cluster::new(&["birmingham", "vienna"]);
    let root = cluster.folder().to_path_buf();
    let lost = cluster.hubs[1].add("Before all was lost", "2027-04-01T10:00");
    cluster.agree();
    let id = text(&cluster.hubs[1].json(&["status"]), "id");
    cluster.hubs[1].kill();
    std::fs::remove_dir_all(&cluster.hubs[1].data).unwrap();

    let paper = cluster.hubs[1].recovery_key.clone();
    let mut again = Hub::init_with(&root, "vienna", "Europe/Vienna", &["--recover", &paper]);
    again.start();
    let link = text(&cluster.hubs[0].json(&["invite"]), "link");
    let joined = again.json(&["join", &link]);
    assert_eq!(
        (&joined["slug"], &joined["status"]),
        (&"vienna".into(), &"active".into()),
        "{joined}"
    );
    wait_for_keys(&again, "current", 1);
    assert_eq!(text(&again.json(&["status"]), "id"), id, "the same hub");
    shows(&[&again], &lost, true);
    let edited = again.json(&["event", "edit", &lost, "--title", "It is its own again"]);
    assert_eq!(edited["title"], "It is its own again");
    agree(&[&cluster.hubs[0], &again]);
    let hubs = cluster.hubs[0].json(&["hub", "list"]);
    assert_eq!(hubs["hubs"].as_array().unwrap().len(), 2, "nobody new came in: {hubs}");

    let wrong = [
        "init",
        "--recover",
        "IHR1-wrong",
        "--data",
        "/nonexistent/x",
        "--slug",
        "xx",
        "--name",
        "X",
        "--timezone",
        "Europe/Vienna",
    ];
    assert_eq!(interhub_tests::hub::run("interhubd", &wrong).code, 2);
}

/// Three hubs that vote, the first of them the founder.
fn three_voters() -> Cluster {
    let cluster = Cluster::new(&["birmingham", "amsterdam", "vienna"]);
    for slug in ["amsterdam", "vienna"] {
        let seated = cluster.hubs[0].json(&["hub", "vote", slug]);
        assert_eq!(seated["state"], "passed", "{seated}");
    }
    wait_until("three hubs with a vote at each of them", SOON, || {
        for hub in &cluster.hubs {
            let shown = hub.json(&["network", "show"]);
            if shown["voters"] != 3 {
                return Err(shown.to_string());
            }
        }
        Ok(())
    });
    cluster
}

/// Two hubs vote to give the third one these keys. Returns the decision, once it is in force at all of them.
#[track_caller]
fn give_keys(hubs: &[&Hub], keys: &str) -> String {
    let rekey = ["hub", "rekey", "vienna", "--keys", keys];
    let proposed = hubs[0].json(&rekey);
    assert_eq!(
        (&proposed["state"], &proposed["votes"], &proposed["needed"]),
        (&"pending".into(), &1.into(), &2.into())
    );
    let id = text(&proposed, "decision");
    hubs[0].cli(&rekey).fails(1, "voted for it already");
    let agreed = || hubs[1].cli(&["--json", "network", "vote", &id]);
    wait_until("the proposal at the second hub", SOON, || {
        let voted = agreed();
        if voted.code == 0 { Ok(()) } else { Err(voted.err) }
    });
    for hub in hubs {
        wait_until("the decision", SOON, || {
            let decisions = hub.json(&["network", "decisions"]);
            let decisions = decisions["decisions"].as_array().unwrap();
            let found = decisions.iter().find(|decision| decision["id"] == id.as_str());
            match found {
                Some(found) if found["state"] == "passed" && !found["counts_from"].is_null() => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
    }
    id
}

#[test]
fn a_hub_without_any_key_is_itself_again_seven_days_after_the_others_decided() {
    let mut cluster = three_voters();
    let root = cluster.folder().to_path_buf();
    let lost = cluster.hubs[2].add("Before all was lost", "2027-04-01T10:00");
    cluster.agree();
    let id = text(&cluster.hubs[2].json(&["status"]), "id");
    cluster.hubs[2].kill();
    std::fs::remove_dir_all(&cluster.hubs[2].data).unwrap();

    let mut again = Hub::init_with(&root, "vienna", "Europe/Vienna", &["--lost-keys"]);
    let link = text(&cluster.hubs[0].json(&["invite", "--expires", "30d"]), "link");
    again.start();
    again
        .cli(&["join", &link])
        .fails(4, "no hub of this network has this key");
    let keys = again.new_keys.clone();
    let (birmingham, amsterdam) = (&cluster.hubs[0], &cluster.hubs[1]);
    birmingham
        .cli(&["hub", "rekey", "vienna", "--keys", "IHN1-AAAA"])
        .fails(2, "not new keys");
    birmingham
        .cli(&["hub", "rekey", "birmingham", "--keys", &keys])
        .fails(4, "key rotate");
    birmingham
        .cli(&["hub", "rekey", "nowhere", "--keys", &keys])
        .fails(3, "no hub");
    let proposed = birmingham.json(&["hub", "rekey", "vienna", "--keys", &keys]);
    let told = birmingham.json(&["hub", "show", "vienna"]);
    assert!(
        told["explanation"]
            .to_string()
            .contains("seven days after it has passed"),
        "{told}"
    );
    again.cli(&["join", &link]).fails(4, "have not decided yet");
    let decision = text(&proposed, "decision");
    wait_until("the proposal at amsterdam", SOON, || {
        let voted = amsterdam.cli(&["--json", "network", "vote", &decision]);
        if voted.code == 0 { Ok(()) } else { Err(voted.err) }
    });
    wait_until("the vote at birmingham", SOON, || {
        let refused = again.cli(&["join", &link]);
        if refused.code == 4 && refused.err.contains("counts here from") {
            Ok(())
        } else {
            Err(refused.err)
        }
    });
    again.stop();
    cluster.hubs[0].stop();
    cluster.hubs[1].stop();

    let others = Inside::start_later(&[&cluster.hubs[0], &cluster.hubs[1]], 8);
    let found = Inside::start_later(&[&again], 8);
    let joined = again.json(&["join", &link]);
    assert_eq!(
        (&joined["slug"], &joined["status"]),
        (&"vienna".into(), &"active".into()),
        "{joined}"
    );
    found.stop();
    let found = Inside::start_later(&[&again], 8);
    assert_eq!(text(&again.json(&["status"]), "id"), id, "the same hub");
    let all = [&cluster.hubs[0], &cluster.hubs[1], &again];
    shows(&all, &lost, true);
    again.json(&["event", "edit", &lost, "--title", "It is its own again"]);
    wait_until("the edit at amsterdam", SOON, || {
        let shown = cluster.hubs[1].json(&["event", "show", &lost]);
        if shown["title"] == "It is its own again" {
            Ok(())
        } else {
            Err(shown.to_string())
        }
    });
    agree(&all);
    let shown = again.json(&["key", "show"]);
    assert_eq!(shown["replaced"], false, "{shown}");
    let numbers: Vec<u64> = shown["keys"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|key| key["number"].as_u64())
        .collect();
    assert!(
        numbers.len() == 2 && numbers[0] == 0 && (0x4000..0x8000).contains(&numbers[1]),
        "{shown}"
    );
    let told = cluster.hubs[0].cli(&["network", "decisions"]).ok().out;
    assert!(told.contains("Its keys count since"), "{told}");
    found.stop();
    others.stop();
}

#[test]
fn a_hub_that_still_has_its_key_keeps_it_by_an_objection() {
    let mut cluster = three_voters();
    let root = cluster.folder().join("elsewhere");
    std::fs::create_dir(&root).unwrap();
    let pretended = Hub::init_with(&root, "vienna", "Europe/Vienna", &["--lost-keys"]);
    let id = give_keys(&cluster.hubs.iter().collect::<Vec<_>>(), &pretended.new_keys);
    let vienna = &cluster.hubs[2];
    let status = vienna.json(&["status"]);
    assert_eq!(status["key_decisions"], serde_json::json!([id]), "{status}");
    assert!(vienna.cli(&["status"]).ok().out.contains("network object"));
    let told = vienna.cli(&["network", "decisions"]).ok().out;
    assert!(told.contains("That is this hub"), "{told}");
    cluster.hubs[0]
        .cli(&["network", "object", &id])
        .fails(1, "gives this hub no keys");
    vienna.cli(&["network", "object", "00000000"]).fails(3, "no decision");
    let objected = vienna.json(&["network", "object", &id]);
    assert_eq!(objected["objected"], true, "{objected}");
    vienna.cli(&["network", "object", &id]).fails(1, "already");
    assert_eq!(vienna.json(&["status"])["key_decisions"], serde_json::json!([]));
    for hub in &cluster.hubs {
        wait_until("the objection everywhere", SOON, || {
            let told = hub.cli(&["network", "decisions"]).ok().out;
            if told.contains("vienna still has a key and objected") {
                Ok(())
            } else {
                Err(told)
            }
        });
    }
    let again = ["hub", "rekey", "vienna", "--keys", &pretended.new_keys];
    cluster.hubs[1].cli(&again).fails(1, "objected to these");
    for hub in &mut cluster.hubs {
        hub.stop();
    }
    let all: Vec<&Hub> = cluster.hubs.iter().collect();
    let inside = Inside::start_later(&all, 8);
    let event = all[2].add("Still the same hub", "2027-04-01T10:00");
    shows(&all, &event, true);
    assert_eq!(all[2].json(&["status"])["key_replaced"], false);
    inside.stop();
}
