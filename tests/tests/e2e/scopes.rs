//! Who sees what: erasing, hiding, changing audiences, drafts shared with some hubs.

use std::path::Path;

use interhub_tests::cluster::Cluster;
use interhub_tests::hub::{Hub, SOON, text, wait_until};

/// Whether a page of a hub says this.
fn says(hub: &Hub, path: &str, words: &str) -> bool {
    hub.get(path).unwrap().contains(words)
}

/// Where anyone can see an event.
fn public_paths(id: &str, words: &str) -> Vec<String> {
    vec![
        "/events?from=2027-01-01".to_owned(),
        "/events.ics".to_owned(),
        "/events.atom".to_owned(),
        "/api/v1/events?from=2027-01-01".to_owned(),
        format!("/events?from=2027-01-01&q={words}"),
        format!("/events/{id}"),
        format!("/events/{id}.ics"),
        format!("/api/v1/events/{id}"),
    ]
}

/// Waits until every public page, feed and list of a hub shows an event made by [`add`].
fn wait_public(hub: &Hub, id: &str, words: &str) {
    for path in public_paths(id, words) {
        wait_until(&format!("{words} on {path} at {}", hub.slug), SOON, || {
            let answer = hub.get(&path)?;
            if answer.contains("Room 101") {
                Ok(())
            } else {
                Err(path.clone())
            }
        });
    }
}

/// Waits until no public page, feed or list of a hub says this any more.
fn wait_gone(hub: &Hub, id: &str, words: &str) {
    for path in public_paths(id, words) {
        wait_until(&format!("{words} gone from {path} at {}", hub.slug), SOON, || {
            let answer = hub.get(&path)?;
            // What was searched for is repeated on the page; only a result has its place.
            if answer.contains("Room 101") {
                Err(path.clone())
            } else {
                Ok(())
            }
        });
    }
}

pub(super) fn add(hub: &Hub, title: &str) -> String {
    let event = hub.json(&[
        "event",
        "add",
        "--title",
        title,
        "--start",
        "2027-04-01T10:00",
        "--duration",
        "1h",
        "--location",
        "Room 101",
    ]);
    text(&event, "id")
}

fn wait_event(hub: &Hub, id: &str) {
    wait_until(&format!("{id} at {}", hub.slug), SOON, || {
        let ran = hub.cli(&["event", "show", id]);
        if ran.code == 0 { Ok(()) } else { Err(ran.err) }
    });
}

pub(super) fn any_file_holds(folder: &Path, needle: &[u8]) -> Option<std::path::PathBuf> {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // A running node renames and removes files of its own.
        if path.is_dir() {
            if let Some(found) = any_file_holds(&path, needle) {
                return Some(found);
            }
        } else if std::fs::read(&path)
            .unwrap_or_default()
            .windows(needle.len())
            .any(|window| window == needle)
        {
            return Some(path);
        }
    }
    None
}

#[test]
fn an_erased_event_is_gone_from_every_hub_and_every_file() {
    let mut cluster = Cluster::new(&["birmingham", "vienna", "amsterdam"]);
    let id = add(&cluster.hubs[0], "Zanzibar evening");
    cluster.hubs[0].json(&["event", "edit", &id, "--description", "About Zanzibar"]);
    let kept = add(&cluster.hubs[0], "Another evening");
    for hub in &cluster.hubs {
        wait_event(hub, &kept);
        assert!(says(hub, &format!("/events/{id}"), "Zanzibar evening"));
        let searched = || says(hub, "/events?from=2027-01-01&q=Zanzibar", "Zanzibar evening");
        wait_until("found by its words", SOON, || {
            searched().then_some(()).ok_or_else(String::new)
        });
    }
    // One hub is away, and hears of it later.
    cluster.hubs[2].stop();
    let erased = cluster.hubs[0].json(&["event", "erase", &id]);
    assert_eq!(erased["erased"], true);
    assert_eq!(
        (erased["already"].as_bool(), erased["documents"].as_u64()),
        (Some(false), Some(1))
    );
    let again = cluster.hubs[0].json(&["event", "erase", &id]);
    assert_eq!(again["already"], true, "done is done");
    cluster.hubs[2].start();
    cluster.agree();
    for hub in &cluster.hubs {
        hub.cli(&["event", "show", &id]).fails(3, "no event");
        // The other event of that room has to go too before pages can be searched for the room.
        assert!(says(hub, &format!("/events/{kept}"), "Another evening"));
    }
    cluster.hubs[0].json(&["event", "erase", &kept]);
    cluster.agree();
    for hub in &cluster.hubs {
        wait_gone(hub, &id, "Zanzibar");
        wait_until(
            &format!("no file of {} holds it", hub.slug),
            SOON,
            || match any_file_holds(&hub.data, b"Zanzibar") {
                None => Ok(()),
                Some(path) => Err(path.display().to_string()),
            },
        );
    }
    for hub in &mut cluster.hubs {
        hub.stop();
        assert_eq!(any_file_holds(&hub.data, b"Zanzibar"), None, "stopped");
        hub.start();
    }
    cluster.agree();
}

#[test]
fn what_cannot_be_erased_says_so_in_one_line() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let id = add(&cluster.hubs[0], "Open day");
    wait_event(&cluster.hubs[1], &id);
    cluster.hubs[1].cli(&["event", "erase", &id]).fails(4, "hide");
    cluster.hubs[1]
        .cli(&["event", "erase", &"0".repeat(32)])
        .fails(3, "no event");
    cluster.hubs[1].cli(&["event", "erase", "nonsense"]).fails(2, "event");
    wait_event(&cluster.hubs[1], &id);
}

#[test]
fn an_erased_import_stays_away_until_it_is_asked_for() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let hub = &cluster.hubs[0];
    let file = cluster.folder().join("calendar.ics");
    let event = |uid: &str, title: &str| {
        format!(
            "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20261101T000000Z\r\nDTSTART:20270304T100000Z\r\n\
             SUMMARY:{title}\r\nEND:VEVENT\r\n"
        )
    };
    let calendar = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//EN\r\n{}{}END:VCALENDAR\r\n",
        event("stays@example.org", "Stays"),
        event("goes@example.org", "Goes")
    );
    std::fs::write(&file, calendar).unwrap();
    let path = file.to_string_lossy().into_owned();
    assert_eq!(hub.json(&["event", "import", &path])["added"], 2);
    let listed = hub.json(&["event", "list", "--from", "2027-03-01"]);
    let id = |title: &str| {
        let events = listed["events"].as_array().unwrap();
        text(events.iter().find(|event| event["title"] == title).unwrap(), "id")
    };
    hub.json(&["event", "erase", &id("Goes")]);
    for arguments in [
        vec!["event", "import", &path],
        vec!["event", "import", &path, "--dry-run"],
    ] {
        let again = hub.json(&arguments);
        assert_eq!(
            (again["unchanged"].as_u64(), again["erased"].as_u64()),
            (Some(1), Some(1)),
            "{again}"
        );
        assert_eq!(again["refused"][0]["uid"], "goes@example.org");
        assert!(
            text(&again["refused"][0], "reason").contains("--take-erased"),
            "{again}"
        );
    }
    let back = hub.json(&["event", "import", &path, "--take-erased"]);
    assert_eq!(
        (back["added"].as_u64(), back["erased"].as_u64()),
        (Some(1), Some(0)),
        "{back}"
    );
    let last = hub.json(&["event", "import", &path]);
    assert_eq!(
        (last["unchanged"].as_u64(), last["erased"].as_u64()),
        (Some(2), Some(0)),
        "{last}"
    );
    let listed = hub.json(&["event", "list", "--from", "2027-03-01"]);
    assert_eq!(listed["events"].as_array().unwrap().len(), 2);
    hub.cli(&["event", "show", &id("Goes")]).fails(3, "no event");
}

#[test]
fn a_hidden_event_is_on_no_page_here_and_on_all_others_elsewhere() {
    let mut cluster = Cluster::new(&["birmingham", "vienna"]);
    let id = add(&cluster.hubs[1], "Lottery evening");
    let other = cluster.hubs[1].add("Repair café", "2027-04-02T10:00");
    wait_event(&cluster.hubs[0], &other);
    wait_public(&cluster.hubs[0], &id, "Lottery");
    let before = cluster.hubs[0].agreement().unwrap().0;
    let hub = &cluster.hubs[0];
    let hidden = hub.json(&["event", "hide", &id, "--reason", "This is an advertisement"]);
    assert_eq!(hidden["hidden"], true);
    assert_eq!(hidden["hidden_note"]["reason"], "This is an advertisement");
    assert!(text(&hidden["hidden_note"], "by").starts_with("uid "), "{hidden}");
    wait_gone(hub, &id, "Lottery");
    assert!(
        says(&cluster.hubs[1], &format!("/events/{id}"), "Lottery evening"),
        "shown at home"
    );
    assert!(says(hub, &format!("/events/{other}"), "Repair"), "others are");
    assert_eq!(hub.agreement().unwrap().0, before, "no other hub can tell");
    let titles = |hub: &Hub, arguments: &[&str]| -> Vec<String> {
        let list = hub.json(arguments);
        let events = list["events"].as_array().unwrap();
        events.iter().map(|event| text(event, "title")).collect()
    };
    assert_eq!(titles(hub, &["event", "list", "--from", "2027-01-01"]), ["Repair café"]);
    assert_eq!(titles(hub, &["event", "list", "--hidden"]), ["Lottery evening"]);
    let people = hub.cli(&["event", "list", "--hidden"]).ok().out;
    assert!(people.contains("advertisement"), "{people}");
    assert!(hub.cli(&["event", "show", &id]).ok().out.contains("advertisement"));

    // It stays hidden whatever its hub does with it, over a restart and a rebuild.
    cluster.hubs[1].json(&["event", "edit", &id, "--title", "Lottery night"]);
    cluster.agree();
    cluster.hubs[0].stop();
    let data = cluster.hubs[0].data.to_string_lossy().into_owned();
    interhub_tests::hub::run("interhubd", &["rebuild", "--data", &data]).ok();
    cluster.hubs[0].start();
    let hub = &cluster.hubs[0];
    assert_eq!(titles(hub, &["event", "list", "--hidden"]), ["Lottery night"]);
    wait_gone(hub, &id, "Lottery");

    let shown = hub.json(&["event", "unhide", &id, "--reason", "They changed it"]);
    assert_eq!(
        (shown["hidden"].as_bool(), shown["hidden_note"]["hidden"].as_bool()),
        (Some(false), Some(false))
    );
    wait_public(hub, &id, "Lottery");
    assert_eq!(titles(hub, &["event", "list", "--hidden"]), [""; 0]);
    hub.json(&["event", "unhide", &id]);

    // Erased by its hub while it is hidden: it stays on record.
    hub.json(&["event", "hide", &id, "--reason", "Again"]);
    cluster.hubs[1].json(&["event", "erase", &id]);
    cluster.agree();
    let list = cluster.hubs[0].json(&["event", "list", "--hidden"]);
    assert_eq!(
        (list["events"].as_array().unwrap().len(), &list["gone"][0]["id"]),
        (0, &id.clone().into())
    );
}

#[test]
fn what_cannot_be_hidden_says_so_in_one_line() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let id = add(&cluster.hubs[0], "Open day");
    let hub = &cluster.hubs[0];
    hub.cli(&["event", "hide", &id, "--reason", "x"]).fails(4, "erase");
    hub.cli(&["event", "unhide", &id]).fails(4, "erase");
    hub.cli(&["event", "hide", &id]).fails(2, "reason");
    hub.cli(&["event", "hide", &id, "--reason", " "]).fails(2, "reason");
    hub.cli(&["event", "hide", &"0".repeat(32), "--reason", "x"])
        .fails(3, "no event");
    hub.cli(&["event", "hide", "nonsense", "--reason", "x"])
        .fails(2, "event");
    hub.cli(&["event", "list", "--hidden", "--text", "x"])
        .fails(2, "hidden");
}

/// The events of a list, by title.
fn titles(hub: &Hub, more: &[&str]) -> Vec<String> {
    let mut arguments = vec!["event", "list", "--from", "2027-01-01"];
    arguments.extend(more);
    let list = hub.json(&arguments);
    let events = list["events"].as_array().unwrap();
    events.iter().map(|event| text(event, "title")).collect()
}

/// Waits until every hub shows the event with this audience, and the public pages of all show it or do not.
fn wait_audience(hubs: &[Hub], id: &str, words: &str, audience: &str) {
    for hub in hubs {
        wait_until(&format!("{words} is {audience} at {}", hub.slug), SOON, || {
            let ran = hub.cli(&["--json", "event", "show", id]);
            match ran.code {
                0 if ran.json()["audience"] == audience => Ok(()),
                _ => Err(format!("{ran:?}")),
            }
        });
        if audience == "public" {
            wait_public(hub, id, words);
        } else {
            wait_gone(hub, id, words);
        }
    }
}

#[test]
fn an_event_changes_its_audience_and_stays_the_same_event() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let home = &cluster.hubs[0];
    let add = |who: &[&str]| {
        let mut arguments = vec!["event", "add", "--title", "Workshop", "--start", "2027-04-01T10:00"];
        arguments.extend(["--duration", "1h", "--location", "Room 101"]);
        arguments.extend(who);
        home.json(&arguments)
    };
    let draft = add(&["--draft"]);
    let id = text(&draft, "id");
    assert_eq!(
        (draft["audience"].as_str(), draft["status"].as_str()),
        (Some("local"), Some("draft"))
    );
    wait_audience(&cluster.hubs[..1], &id, "Workshop", "local");
    cluster.agree();
    cluster.hubs[1].cli(&["event", "show", &id]).fails(3, "no event");

    // Wider: for the network, then for anyone.
    let shown = home.json(&["event", "edit", &id, "--audience", "network", "--title", "Workshop two"]);
    assert_eq!(
        (shown["id"].as_str(), shown["uid"].as_str()),
        (Some(id.as_str()), draft["uid"].as_str())
    );
    assert_eq!(shown["status"], "confirmed");
    wait_audience(&cluster.hubs, &id, "Workshop", "network");
    assert_eq!(
        titles(&cluster.hubs[1], &[]),
        ["Workshop two"],
        "members see it in their lists"
    );
    let shown = home.json(&["event", "edit", &id, "--publish"]);
    assert_eq!(
        (shown["id"].as_str(), shown["uid"].as_str()),
        (Some(id.as_str()), draft["uid"].as_str())
    );
    wait_audience(&cluster.hubs, &id, "Workshop", "public");
    assert!(
        says(&cluster.hubs[1], "/events.ics", draft["uid"].as_str().unwrap()),
        "feeds keep the UID"
    );

    // Narrower, down to this hub alone.
    let other = text(&add(&[]), "id");
    wait_audience(&cluster.hubs, &other, "Workshop", "public");
    home.json(&["event", "edit", &other, "--audience", "network"]);
    home.json(&["event", "erase", &id]);
    wait_audience(&cluster.hubs, &other, "Workshop", "network");
    home.json(&["event", "edit", &other, "--draft"]);
    wait_audience(&cluster.hubs[..1], &other, "Workshop", "local");
    cluster.agree();
    cluster.hubs[1].cli(&["event", "show", &other]).fails(3, "no event");
    assert_eq!(titles(home, &[]), [""; 0]);
    assert_eq!(titles(home, &["--drafts"]), ["Workshop"]);
    wait_until("no byte of it is left at the other hub", SOON, || match any_file_holds(
        &cluster.hubs[1].data,
        b"Workshop",
    ) {
        None => Ok(()),
        Some(path) => Err(path.display().to_string()),
    });
}

#[test]
fn the_imported_text_stays_with_an_event_that_changes_its_audience() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let hub = &cluster.hubs[0];
    let file = cluster.folder().join("calendar.ics");
    let calendar = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//EN\r\nBEGIN:VEVENT\r\nUID:x@example.org\r\n\
                    DTSTAMP:20261101T000000Z\r\nDTSTART:20270304T100000Z\r\nSUMMARY:Imported\r\nEND:VEVENT\r\n\
                    END:VCALENDAR\r\n";
    std::fs::write(&file, calendar).unwrap();
    let path = file.to_string_lossy().into_owned();
    hub.json(&["event", "import", &path]);
    let list = hub.json(&["event", "list", "--from", "2027-03-01"]);
    let id = text(&list["events"][0], "id");
    hub.json(&["event", "edit", &id, "--audience", "network"]);
    // The fingerprint of the original says that nothing changed, and the audience stays.
    let again = hub.json(&["event", "import", &path]);
    assert_eq!(
        (again["unchanged"].as_u64(), again["erased"].as_u64()),
        (Some(1), Some(0)),
        "{again}"
    );
    assert_eq!(hub.json(&["event", "show", &id])["audience"], "network");
}

#[test]
fn a_draft_shared_with_some_hubs_is_seen_by_these_until_it_is_published() {
    let mut cluster = Cluster::new(&["birmingham", "vienna", "amsterdam"]);
    let arguments = [
        "event",
        "add",
        "--title",
        "Joint evening",
        "--start",
        "2027-04-01T10:00",
        "--duration",
        "1h",
        "--location",
        "Room 101",
        "--with",
        "vienna",
    ];
    let draft = cluster.hubs[0].json(&arguments);
    let id = text(&draft, "id");
    assert_eq!(
        (draft["audience"].as_str(), draft["status"].as_str()),
        (Some("group"), Some("draft"))
    );
    assert_eq!(draft["shared_with"], serde_json::json!(["vienna"]));
    wait_audience(&cluster.hubs[..2], &id, "Joint", "group");
    assert_eq!(titles(&cluster.hubs[1], &["--drafts"]), ["Joint evening"]);
    assert_eq!(titles(&cluster.hubs[1], &[]), [""; 0]);
    cluster.hubs[1]
        .cli(&["event", "edit", &id, "--title", "x"])
        .fails(4, "birmingham");

    // Known from the log after a restart, and edited on; the third hub hears nothing of it.
    cluster.hubs[1].stop();
    cluster.hubs[0].json(&["event", "edit", &id, "--title", "Joint night"]);
    cluster.hubs[1].start();
    wait_until("the edit arrives", SOON, || {
        let titles = titles(&cluster.hubs[1], &["--drafts"]);
        if titles == ["Joint night"] {
            Ok(())
        } else {
            Err(format!("{titles:?}"))
        }
    });
    cluster.agree();
    cluster.hubs[2].cli(&["event", "show", &id]).fails(3, "no event");
    assert_eq!(any_file_holds(&cluster.hubs[2].data, b"Joint"), None);

    let shown = cluster.hubs[0].json(&["event", "edit", &id, "--publish"]);
    assert_eq!(shown["id"].as_str(), Some(id.as_str()));
    wait_audience(&cluster.hubs, &id, "Joint", "public");
    cluster.agree();
    for hub in &cluster.hubs {
        for peer in hub.json(&["peers"])["peers"].as_array().unwrap() {
            assert_eq!(peer["breaches"], 0, "{peer}");
        }
        assert_eq!(hub.json(&["status"])["breaches"], 0);
    }
}

#[test]
fn a_wrong_audience_says_so_in_one_line() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let hub = &cluster.hubs[0];
    let id = add(hub, "Open day");
    hub.cli(&["event", "edit", &id, "--with", "nowhere"])
        .fails(3, "hub list");
    hub.cli(&["event", "edit", &id, "--with", "birmingham"])
        .fails(2, "this hub");
    hub.cli(&["event", "edit", &id, "--with", "vienna", "--publish"])
        .fails(2, "publish");
    hub.cli(&["event", "edit", &id, "--audience", "everyone"])
        .fails(2, "audience");
    hub.cli(&["event", "edit", &id, "--audience", "local", "--draft"])
        .fails(2, "draft");
    cluster.hubs[1].json(&["hub", "leave"]);
    wait_until("vienna left", SOON, || {
        let shown = hub.json(&["hub", "show", "vienna"]);
        if shown["status"] == "left" {
            Ok(())
        } else {
            Err(shown.to_string())
        }
    });
    hub.cli(&["event", "edit", &id, "--with", "vienna"]).fails(4, "belong");
    assert_eq!(hub.json(&["event", "show", &id])["audience"], "public");
}

#[test]
fn status_says_how_old_the_oldest_data_is() {
    let mut cluster = Cluster::new(&["birmingham", "vienna"]);
    let hub = &cluster.hubs[0];
    let fresh = hub.json(&["status"]);
    assert_eq!(fresh["oldest_hub"], "vienna");
    let as_of = text(&fresh, "as_of");
    assert_eq!(
        hub.json(&["hub", "show", "vienna"])["as_of"]
            .as_str()
            .map(|at| at >= as_of.as_str()),
        Some(true)
    );
    cluster.hubs[1].stop();
    let hub = &cluster.hubs[0];
    let stopped = text(&hub.json(&["status"]), "as_of");
    hub.add("Written while the other is away", "2027-04-01T10:00");
    assert_eq!(
        text(&hub.json(&["status"]), "as_of"),
        stopped,
        "a hub that is away grows old"
    );
    assert!(hub.cli(&["status"]).ok().out.contains("the oldest is vienna"));
}
