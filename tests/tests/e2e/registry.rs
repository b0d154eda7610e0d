//! Who belongs, decided by real nodes: seats, removals, readmissions, leaving and coming back, blocking, slugs.

use interhub_tests::cluster::{Cluster, agree};
use interhub_tests::hub::{Hub, SOON, text, wait_until};
use serde_json::Value;

pub(super) fn line(asked: &Hub, about: &str) -> Value {
    let list = asked.json(&["hub", "list"]);
    let hubs = list["hubs"].as_array().unwrap();
    let found = hubs.iter().find(|hub| hub["slug"] == about);
    found.unwrap_or_else(|| panic!("no {about} in {list}")).clone()
}

/// Waits until every one of these hubs shows this of that hub.
#[track_caller]
pub(super) fn all_show(hubs: &[&Hub], about: &str, field: &str, value: &Value) {
    for hub in hubs {
        wait_until(&format!("{field} of {about} at {}", hub.slug), SOON, || {
            let line = line(hub, about);
            if line[field] == *value {
                Ok(())
            } else {
                Err(line.to_string())
            }
        });
    }
}

pub(super) fn has_event(hub: &Hub, id: &str) -> bool {
    hub.cli(&["--json", "event", "show", id]).code == 0
}

/// The founder seats the others one by one, with their votes once three vote.
pub(super) fn seat(cluster: &Cluster, slugs: &[&str]) {
    let all: Vec<&Hub> = cluster.hubs.iter().collect();
    for slug in slugs {
        let decision = all[0].json(&["hub", "vote", slug]);
        let id = text(&decision, "decision");
        for voter in &all[1..] {
            if line(voter, &voter.slug)["voter"] != true || line(all[0], slug)["voter"] == true {
                continue;
            }
            wait_until("the decision at a voter", SOON, || {
                let ran = voter.cli(&["network", "vote", &id]);
                // In force already, or voted for by itself: as good.
                if ran.code == 0 || ran.err.contains("already") {
                    Ok(())
                } else {
                    Err(ran.err)
                }
            });
        }
        all_show(&all, slug, "voter", &Value::Bool(true));
    }
}

#[test]
fn a_founder_seats_and_from_three_on_the_majority_decides() {
    let cluster = Cluster::new(&["birmingham", "amsterdam", "vienna", "lisbon"]);
    let [birmingham, amsterdam, vienna, lisbon] = &cluster.hubs[..] else {
        panic!("four hubs")
    };
    assert_eq!(line(vienna, "vienna")["guest_of"], "birmingham");
    amsterdam.cli(&["hub", "vote", "vienna"]).fails(4, "no vote");
    amsterdam.cli(&["invite"]).fails(4, "voting hub");
    let passed = birmingham.json(&["hub", "vote", "amsterdam"]);
    assert_eq!(
        (&passed["state"], &passed["votes"]),
        (&"passed".into(), &1.into()),
        "{passed}"
    );
    seat(&cluster, &["vienna"]);
    // Three vote now.
    let pending = vienna.json(&["hub", "vote", "lisbon"]);
    assert_eq!(pending["needed"], 2, "{pending}");
    let all: Vec<&Hub> = cluster.hubs.iter().collect();
    all_show(&all, "lisbon", "voter", &Value::Bool(true));
    let shown = lisbon.json(&["network", "decisions"]);
    let newest = &shown["decisions"][0];
    assert_eq!(
        (&newest["change"], &newest["state"]),
        (&"seat".into(), &"passed".into()),
        "{shown}"
    );
    let words = text(newest, "explanation");
    assert!(words.contains("vienna proposed to give lisbon a vote"), "{words}");
    assert_eq!(
        newest["votes"].as_array().unwrap().len(),
        2,
        "the founder's node had admitted it: {newest}"
    );
    birmingham.cli(&["hub", "vote", "lisbon"]).fails(1, "votes already");
    lisbon.json(&["invite"]);
    birmingham.cli(&["hub", "vote", "nowhere"]).fails(3, "no hub");
}

#[test]
fn a_removal_cuts_at_once_everywhere_and_a_readmission_lifts_it() {
    let cluster = Cluster::new(&["birmingham", "amsterdam", "vienna", "lisbon"]);
    let [birmingham, amsterdam, vienna, lisbon] = &cluster.hubs[..] else {
        panic!("four hubs")
    };
    seat(&cluster, &["amsterdam", "vienna", "lisbon"]);
    let before = lisbon.add("Before the removal", "2027-04-01T10:00");
    cluster.agree();

    amsterdam
        .cli(&["hub", "remove", "lisbon", "--reason", " "])
        .fails(2, "reason");
    amsterdam
        .cli(&["hub", "remove", "amsterdam", "--reason", "x"])
        .fails(4, "leave");
    amsterdam
        .cli(&["hub", "remove", "nowhere", "--reason", "x"])
        .fails(3, "no hub");
    amsterdam.cli(&["hub", "readmit", "lisbon"]).fails(1, "active");
    let pending = amsterdam.json(&["hub", "remove", "lisbon", "--reason", "it sends adverts"]);
    assert_eq!(
        (&pending["state"], &pending["votes"], &pending["needed"]),
        (&"pending".into(), &1.into(), &3.into())
    );
    let again = amsterdam.json(&["hub", "remove", "lisbon", "--reason", "it sends adverts"]);
    assert_eq!(again, pending, "twice is once");
    let id = text(&pending, "decision");
    for voter in [birmingham, vienna] {
        wait_until("an open vote", SOON, || {
            let status = voter.json(&["status"]);
            if status["votes_open"] == 1 {
                Ok(())
            } else {
                Err(status.to_string())
            }
        });
    }
    let words = text(&vienna.json(&["network", "decisions"])["decisions"][0], "explanation");
    assert!(
        words.contains("it sends adverts") && words.contains("has not voted"),
        "{words}"
    );
    birmingham.json(&["network", "vote", &id]);
    birmingham.cli(&["network", "vote", &id]).fails(1, "already");
    vienna.cli(&["network", "vote", "ffffffff"]).fails(3, "no decision");
    vienna.cli(&["network", "vote", "x"]).fails(2, "eight digits");
    vienna.cli(&["network", "adopt", &id]).fails(1, "refused");
    // Whoever is to go writes on until it is decided.
    let kept = lisbon.add("Before the last vote", "2027-04-02T10:00");
    for hub in [birmingham, amsterdam, vienna] {
        wait_until("the event", SOON, || {
            if has_event(hub, &kept) {
                Ok(())
            } else {
                Err("not yet".into())
            }
        });
    }
    let last = vienna.json(&["network", "vote", &id[..16]]);
    assert_eq!(last["state"], "passed", "{last}");
    let rest = [birmingham, amsterdam, vienna];
    all_show(&rest, "lisbon", "status", &"removed".into());
    // It learns of it, and what it would write would count nowhere.
    all_show(&[lisbon], "lisbon", "status", &"removed".into());
    let add = [
        "event",
        "add",
        "--title",
        "After",
        "--start",
        "2027-04-03T10:00",
        "--duration",
        "1h",
    ];
    lisbon.cli(&add).fails(4, "removed");
    // The proposal was made before the second event: that lies beyond the cut.
    agree(&rest);
    for hub in rest {
        assert!(has_event(hub, &before), "{}", hub.slug);
        assert!(!has_event(hub, &kept), "{}", hub.slug);
        let words = line(hub, "lisbon")["explanation"].to_string();
        assert!(words.contains("it sends adverts"), "{words}");
    }
    let after = birmingham.add("Not for the removed", "2027-04-04T10:00");
    agree(&rest);
    assert!(!has_event(lisbon, &after));
    let done = birmingham.json(&["hub", "remove", "lisbon", "--reason", "again"]);
    assert_eq!(done["state"], "passed");

    birmingham.json(&["hub", "readmit", "lisbon"]);
    wait_until("the readmission", SOON, || {
        let done = vienna.json(&["hub", "readmit", "lisbon"]);
        if done["state"] == "passed" {
            Ok(())
        } else {
            Err(done.to_string())
        }
    });
    let all = [birmingham, amsterdam, vienna, lisbon];
    all_show(&all, "lisbon", "status", &"active".into());
    all_show(&all, "lisbon", "voter", &Value::Bool(true));
    let new = lisbon.add("Back again", "2027-04-05T10:00");
    agree(&all);
    for hub in all {
        assert!(
            has_event(hub, &kept) && has_event(hub, &new) && has_event(hub, &after),
            "{}",
            hub.slug
        );
    }
}

#[test]
fn three_against_three_of_six_changes_nothing() {
    let slugs = ["birmingham", "amsterdam", "vienna", "lisbon", "zagreb", "athens"];
    let cluster = Cluster::new(&slugs);
    seat(&cluster, &slugs[1..]);
    let all: Vec<&Hub> = cluster.hubs.iter().collect();
    let camps = [(&all[..3], &slugs[3..]), (&all[3..], &slugs[..3])];
    for (camp, targets) in camps {
        for target in targets {
            let id = text(
                &camp[0].json(&["hub", "remove", target, "--reason", "camp"]),
                "decision",
            );
            for hub in &camp[1..] {
                wait_until("the vote of the camp", SOON, || {
                    let ran = hub.cli(&["network", "vote", &id]);
                    if ran.code == 0 { Ok(()) } else { Err(ran.err) }
                });
            }
        }
    }
    for hub in &all {
        wait_until("all votes everywhere", SOON, || {
            let decisions = hub.json(&["network", "decisions"]);
            let removals = decisions["decisions"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|one| one["change"] == "remove");
            let full = removals
                .filter(|one| one["votes"].as_array().map(Vec::len) == Some(3))
                .count();
            if full == 6 { Ok(()) } else { Err(decisions.to_string()) }
        });
        for slug in slugs {
            let line = line(hub, slug);
            assert_eq!(
                (&line["status"], &line["voter"]),
                (&"active".into(), &Value::Bool(true)),
                "{line}"
            );
        }
        assert_eq!(hub.json(&["status"])["votes_open"], 3, "the other camp's");
    }
}

#[test]
fn a_hub_leaves_and_comes_back_and_a_block_is_ones_own() {
    let cluster = Cluster::new(&["birmingham", "amsterdam", "vienna"]);
    let [birmingham, amsterdam, vienna] = &cluster.hubs[..] else {
        panic!("three hubs")
    };
    birmingham.cli(&["hub", "leave"]).fails(1, "seat another one");
    vienna.json(&["hub", "leave"]);
    all_show(&[birmingham, amsterdam], "vienna", "status", &"left".into());
    let missed = birmingham.add("While it was out", "2027-04-01T10:00");
    agree(&[birmingham, amsterdam]);
    assert!(!has_event(vienna, &missed));
    let link = text(&birmingham.json(&["invite"]), "link");
    let back = vienna.json(&["join", &link]);
    assert_eq!(back["status"], "active", "{back}");
    vienna.cli(&["join", &link]).fails(1, "network");
    cluster.agree();
    assert!(has_event(vienna, &missed));

    amsterdam.cli(&["hub", "block", "amsterdam"]).fails(4, "itself");
    let blocked = amsterdam.json(&["hub", "block", "vienna"]);
    assert_eq!(blocked["blocked"], true, "{blocked}");
    wait_until("no stream", SOON, || {
        let line = line(amsterdam, "vienna");
        if line["connected"] == false {
            Ok(())
        } else {
            Err(line.to_string())
        }
    });
    // The roster is nobody's alone: what the blocked hub writes still comes, by the third.
    assert_eq!(line(birmingham, "vienna")["blocked"], false);
    let relayed = vienna.add("By way of the third", "2027-04-02T10:00");
    cluster.agree();
    assert!(has_event(amsterdam, &relayed));
    amsterdam.json(&["hub", "unblock", "vienna"]);
    all_show(&[amsterdam], "vienna", "connected", &Value::Bool(true));
}

#[test]
fn slugs_that_clash_carry_digits_and_a_voters_is_its_own() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let birmingham = &cluster.hubs[0];
    let elsewhere = cluster.folder().join("elsewhere");
    let mut twin = Hub::init(&elsewhere, "vienna", "Europe/Vienna");
    twin.start();
    let link = text(&birmingham.json(&["invite"]), "link");
    let slug = text(&twin.json(&["join", &link]), "slug");
    assert!(
        slug.starts_with("vienna-") && slug.len() == "vienna-".len() + 4,
        "{slug}"
    );
    let listed = birmingham.json(&["hub", "list"]);
    let shown: Vec<String> = listed["hubs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hub| text(hub, "slug"))
        .collect();
    assert_eq!(
        shown.iter().filter(|one| one.starts_with("vienna-")).count(),
        2,
        "{shown:?}"
    );
    // Seating one gives it the slug it is shown with.
    let first = shown
        .iter()
        .find(|one| **one != slug && one.starts_with("vienna-"))
        .unwrap();
    birmingham.json(&["hub", "vote", first]);
    let voter = line(birmingham, first);
    assert_eq!(
        (&voter["voter"], &voter["status"]),
        (&Value::Bool(true), &"active".into()),
        "{voter}"
    );
    assert_eq!(
        line(birmingham, "vienna")["guest_of"],
        "birmingham",
        "the other has the plain one to itself now"
    );
    // A guest is taken back by its host alone once the founder no longer decides alone; here the founder does.
    let out = birmingham.json(&["hub", "remove", "vienna", "--reason", "a test"]);
    assert_eq!(out["state"], "passed");
    let link = text(&birmingham.json(&["invite"]), "link");
    all_show(&[&twin], "vienna", "status", &"removed".into());
    twin.cli(&["join", &link]).fails(4, "readmit");
}
