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

fn add(hub: &Hub, title: &str) -> String {
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

fn any_file_holds(folder: &Path, needle: &[u8]) -> Option<std::path::PathBuf> {
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
