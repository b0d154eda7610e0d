//! Calendars that a hub follows: what changes there changes here, and at the other hubs, and what goes wrong there does no harm.

use std::collections::BTreeMap;
use std::time::Duration;

use interhub_tests::calendar_server::CalendarServer;
use interhub_tests::cluster::{Cluster, Inside};
use interhub_tests::hub::{Hub, text, wait_until};
use serde_json::Value;

const SOON: Duration = Duration::from_secs(20);

fn alone() -> (tempfile::TempDir, Hub) {
    let folder = tempfile::tempdir().unwrap();
    let mut hub = Hub::init(folder.path(), "birmingham", "Europe/London");
    hub.configure("feeds_from_private_networks", "true");
    hub.start();
    hub.json(&["network", "create", "Test network"]);
    (folder, hub)
}

fn event(uid: &str, start: &str, title: &str) -> String {
    format!(
        "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20261101T000000Z\r\nDTSTART:{start}\r\nSUMMARY:{title}\r\nLOCATION:Hall\r\n\
         END:VEVENT\r\n"
    )
}

fn calendar(events: &[String]) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//EN\r\nX-WR-CALNAME:What is on\r\n{}END:VCALENDAR\r\n",
        events.concat()
    )
}

/// Every listed event by title, with its id and status.
fn listed(hub: &Hub) -> BTreeMap<String, (String, String)> {
    let list = hub.json(&["event", "list", "--from", "2027-01-01", "--to", "2028-01-01"]);
    let events = list["events"].as_array().unwrap().iter();
    events
        .map(|event| (text(event, "title"), (text(event, "id"), text(event, "status"))))
        .collect()
}

fn counts(import: &Value) -> [u64; 5] {
    ["added", "changed", "unchanged", "cancelled", "refused_count"].map(|field| import[field].as_u64().unwrap())
}

/// Looks at once: subscribing again does.
fn look(hub: &Hub, url: &str) -> Value {
    hub.json(&["event", "subscribe", url])
}

#[test]
fn what_changes_there_changes_here_and_at_other_hubs() {
    let mut cluster = Cluster::new(&["birmingham", "vienna"]);
    let server = CalendarServer::start();
    let url = server.url();
    let hub = &mut cluster.hubs[0];
    hub.stop();
    hub.configure("feeds_from_private_networks", "true");
    hub.start();
    let first = [
        event("a@x", "20270301T100000Z", "One"),
        event("b@x", "20270302T100000Z", "Two"),
        event("c@x", "20270303T100000Z", "Three"),
        event("z@x", "20270901T100000Z", "Last"),
    ];
    server.serve(&calendar(&first), Some("\"1\""));
    let subscribed = hub.json(&["event", "subscribe", &url, "--every", "1h"]);
    assert_eq!(
        (subscribed["every"].as_str(), subscribed["events"].as_u64()),
        (Some("1h"), Some(4))
    );
    assert_eq!(
        (text(&subscribed, "name"), &subscribed["error"]),
        ("What is on".to_owned(), &Value::Null)
    );
    assert_eq!(counts(&subscribed["import"]), [4, 0, 0, 0, 0]);
    let before = listed(hub);

    // The same calendar is asked for with its validator, and nothing is written.
    let same = look(hub, &url);
    assert_eq!((&same["import"], server.answers()), (&Value::Null, vec![200, 304]));
    assert_eq!(same["id"], subscribed["id"]);

    // One changes, one is gone, one has another UID, one is new; the stamps of all change.
    let second = [
        event("a@x", "20270301T110000Z", "One"),
        event("new-uid@x", "20270303T100000Z", "Three"),
        event("d@x", "20270304T100000Z", "Four"),
        event("z@x", "20270901T100000Z", "Last").replace("20261101T", "20261128T"),
    ];
    server.serve(&calendar(&second), Some("\"2\""));
    assert_eq!(counts(&look(hub, &url)["import"]), [1, 1, 2, 1, 0]);
    let after = listed(hub);
    assert_eq!(after.len(), 5);
    for (title, (id, _)) in &before {
        assert_eq!(&after[title].0, id, "{title} is the event it was");
    }
    let cancelled: Vec<_> = after.iter().filter(|(_, (_, status))| status == "cancelled").collect();
    assert_eq!(cancelled.len(), 1);
    assert_eq!(cancelled[0].0, "Two");

    // It comes back, and is the same event.
    server.serve(&calendar(&first), None);
    look(hub, &url);
    assert_eq!(listed(hub)["Two"], (before["Two"].0.clone(), "confirmed".to_owned()));
    cluster.agree();
    assert_eq!(listed(&cluster.hubs[1])["Four"].1, "cancelled");
    // The address is the operator's own: no log, no other hub knows it.
    for hub in &cluster.hubs {
        assert!(!hub.log().contains("s3cr3t"));
    }
}

#[test]
fn what_people_changed_here_stays_unless_the_calendar_changes_it() {
    let (_folder, hub) = alone();
    let server = CalendarServer::start();
    let url = server.url();
    server.serve(&calendar(&[event("a@x", "20270301T100000Z", "One")]), None);
    look(&hub, &url);
    let id = listed(&hub)["One"].0.clone();
    hub.json(&["event", "edit", &id, "--description", "Bring a cup", "--tag", "coffee"]);
    server.serve(&calendar(&[event("a@x", "20270301T120000Z", "One at noon")]), None);
    assert_eq!(counts(&look(&hub, &url)["import"]), [0, 1, 0, 0, 0]);
    let shown = hub.json(&["event", "show", &id]);
    assert_eq!(
        (text(&shown, "title"), text(&shown, "description")),
        ("One at noon".into(), "Bring a cup".into())
    );
    assert_eq!(
        (text(&shown, "start"), shown["tags"][0].as_str()),
        ("2027-03-01T12:00:00".into(), Some("coffee"))
    );
    // A file import of the same event leaves it too.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.ics");
    std::fs::write(&file, calendar(&[event("a@x", "20270301T130000Z", "One at noon")])).unwrap();
    hub.json(&["event", "import", file.to_str().unwrap()]);
    let shown = hub.json(&["event", "show", &id]);
    assert_eq!(
        (text(&shown, "start"), text(&shown, "description")),
        ("2027-03-01T13:00:00".into(), "Bring a cup".into())
    );
    // What was erased here stays erased.
    hub.json(&["event", "erase", &id]);
    server.serve(&calendar(&[event("a@x", "20270301T140000Z", "One again")]), None);
    let looked = look(&hub, &url);
    assert_eq!(
        (counts(&looked["import"]), looked["import"]["erased"].as_u64()),
        ([0, 0, 0, 0, 1], Some(1))
    );
    assert_eq!(listed(&hub).len(), 0);
}

#[test]
fn what_goes_wrong_there_changes_nothing_and_is_reported() {
    let (_folder, hub) = alone();
    let server = CalendarServer::start();
    let url = server.url();
    let days = |range: std::ops::RangeInclusive<u32>| -> Vec<String> {
        range
            .map(|day| {
                event(
                    &format!("{day}@x"),
                    &format!("202703{day:02}T100000Z"),
                    &format!("Day {day:02}"),
                )
            })
            .collect()
    };
    // What cannot be read to begin with is not followed.
    server.fail(404);
    hub.cli(&["event", "subscribe", &url]).fails(1, "HTTP 404");
    server.serve("<html>Just a moment...</html>", None);
    hub.cli(&["event", "subscribe", &url]).fails(1, "no calendar");
    assert_eq!(
        hub.json(&["event", "subscriptions"])["subscriptions"]
            .as_array()
            .unwrap()
            .len(),
        0
    );

    server.serve(&calendar(&days(1..=20)), None);
    look(&hub, &url);
    let before = (listed(&hub), hub.agreement().unwrap());
    let whole = calendar(&days(1..=20));
    // A million events, just under the limit of bytes.
    let million = calendar(&[format!(
        "{}\r\n",
        "BEGIN:VEVENT\r\nEND:VEVENT\r\n".repeat(1_000_000).trim_end()
    )]);
    let bad: [(&dyn Fn(), &str); 9] = [
        (&|| server.fail(503), "busy"),
        (&|| server.fail(403), "refuses"),
        (&|| server.serve("", None), "no calendar"),
        (&|| server.serve("{\"error\":\"quota\"}", None), "no calendar"),
        (&|| server.serve("<!DOCTYPE html><html></html>", None), "no calendar"),
        (&|| server.serve(&calendar(&[]), None), "empty"),
        (&|| server.serve(&whole[..whole.len() / 2], None), "cut short"),
        (&|| server.serve(&million, None), "more than 100000 events"),
        (&|| server.serve(&million.repeat(2), None), "larger than 32 MiB"),
    ];
    for (break_it, words) in bad {
        break_it();
        let looked = look(&hub, &url);
        assert!(text(&looked, "error").contains(words), "{words}: {looked}");
        assert!(!text(&looked, "error").contains("s3cr3t"), "{looked}");
        assert_eq!((listed(&hub), hub.agreement().unwrap()), before, "{words}");
    }
    // Most of it gone at once is believed when it is said twice.
    let mut few = days(1..=3);
    few.extend(days(20..=20));
    server.serve(&calendar(&few), Some("\"few\""));
    let looked = look(&hub, &url);
    assert!(text(&looked, "error").contains("16 coming events"), "{looked}");
    assert_eq!(listed(&hub), before.0);
    let looked = look(&hub, &url);
    assert_eq!((counts(&looked["import"])[3], &looked["error"]), (16, &Value::Null));
    // It is well again, and nothing is lost.
    server.serve(&whole, None);
    look(&hub, &url);
    assert_eq!(listed(&hub), before.0);
}

#[test]
fn calendars_are_looked_at_again_by_themselves_and_after_a_restart() {
    let (folder, mut hub) = alone();
    let file = folder.path().join("own.ics");
    std::fs::write(&file, calendar(&[event("a@x", "20270301T100000Z", "One")])).unwrap();
    let path = file.to_string_lossy().into_owned();
    let server = CalendarServer::start();
    server.serve(&calendar(&[event("w@x", "20270301T100000Z", "On the web")]), None);
    hub.json(&["event", "subscribe", &path, "--every", "1m"]);
    hub.json(&["event", "subscribe", &server.url(), "--every", "1m"]);
    hub.cli(&["event", "subscribe", &server.url(), "--every", "5s"])
        .fails(2, "every minute at most");
    hub.cli(&["event", "subscribe", "gopher://x"])
        .fails(2, "not a web address");
    hub.stop();
    std::fs::write(&file, calendar(&[event("a@x", "20270301T100000Z", "One, changed")])).unwrap();
    server.serve(
        &calendar(&[event("w@x", "20270301T100000Z", "Changed on the web")]),
        None,
    );
    // Both are due by tomorrow.
    let later = Inside::start_later(&[&hub], 1);
    wait_until("both looks", SOON, || {
        let titles: Vec<String> = listed(&hub).into_keys().collect();
        if titles == ["Changed on the web", "One, changed"] {
            Ok(())
        } else {
            Err(format!("{titles:?}"))
        }
    });
    let all = hub.json(&["event", "subscriptions"]);
    let ended = hub.json(&["event", "unsubscribe", &path]);
    assert_eq!(all["subscriptions"][0]["id"], ended["id"]);
    let id = text(&all["subscriptions"][1], "id");
    hub.json(&["event", "unsubscribe", &id]);
    hub.cli(&["event", "unsubscribe", &id])
        .fails(3, "follows no such calendar");
    assert_eq!(listed(&hub).len(), 2);
    later.stop();
}

#[test]
fn the_hubs_own_network_is_closed_to_calendars_unless_its_operator_opens_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut hub = Hub::init(folder.path(), "birmingham", "Europe/London");
    hub.start();
    hub.json(&["network", "create", "Test network"]);
    let server = CalendarServer::start();
    server.serve(&calendar(&[event("a@x", "20270301T100000Z", "One")]), None);
    hub.cli(&["event", "subscribe", &server.url()])
        .fails(1, "private network");
    hub.cli(&["event", "import", &server.url()]).fails(4, "private network");
    assert_eq!(server.answers(), Vec::<u16>::new());
    hub.stop();
    hub.configure("feeds_from_private_networks", "true");
    hub.start();
    let imported = hub.json(&["event", "import", &server.url()]);
    assert_eq!(counts(&imported), [1, 0, 0, 0, 0]);
    hub.cli(&["event", "import", "http://127.0.0.1:1/x.ics"])
        .fails(5, "cannot be reached");
}

#[test]
fn the_feed_of_another_node_brings_no_event_twice() {
    let mut cluster = Cluster::new(&["birmingham", "vienna"]);
    cluster.hubs[1].add("In Vienna", "2027-03-04T18:30");
    cluster.hubs[0].add("In Birmingham", "2027-03-05T18:30");
    cluster.agree();
    let [birmingham, vienna] = &mut cluster.hubs[..] else {
        panic!("two hubs");
    };
    birmingham.stop();
    birmingham.configure("feeds_from_private_networks", "true");
    birmingham.start();
    let url = format!("http://127.0.0.1:{}/events.ics", vienna.web);
    let looked = look(birmingham, &url);
    assert_eq!(counts(&looked["import"]), [0, 0, 1, 0, 1], "{looked}");
    assert!(
        text(&looked["import"]["refused"][0], "reason").contains("event of vienna"),
        "{looked}"
    );
    assert_eq!(listed(birmingham).len(), 2);
    // Of another network they are nobody's here.
    let folder = tempfile::tempdir().unwrap();
    let mut lisbon = Hub::init(folder.path(), "lisbon", "Europe/Lisbon");
    lisbon.configure("feeds_from_private_networks", "true");
    lisbon.start();
    lisbon.json(&["network", "create", "Another network"]);
    assert_eq!(counts(&look(&lisbon, &url)["import"]), [2, 0, 0, 0, 0]);
}

#[test]
fn two_hubs_that_publish_one_calendar_are_told() {
    let mut cluster = Cluster::new(&["birmingham", "vienna"]);
    let server = CalendarServer::start();
    server.serve(&calendar(&[event("a@x", "20270301T100000Z", "Shared evening")]), None);
    for hub in &mut cluster.hubs {
        hub.stop();
        hub.configure("feeds_from_private_networks", "true");
        hub.start();
    }
    let [birmingham, vienna] = &cluster.hubs[..] else {
        panic!("two hubs")
    };
    let warnings = |looked: &Value| looked["import"]["warnings"].as_array().unwrap().clone();
    assert_eq!(warnings(&look(birmingham, &server.url())), Vec::<Value>::new());
    wait_until("vienna shows it", SOON, || {
        let there = listed(vienna);
        there
            .contains_key("Shared evening")
            .then_some(())
            .ok_or_else(|| format!("{there:?}"))
    });
    let told = warnings(&look(vienna, &server.url()));
    let said = text(&told[0], "message");
    assert!(
        said.contains("shown as birmingham's already") && said.contains("cohost"),
        "{said}"
    );
    // Once is enough, and its own events are no others'.
    server.serve(&calendar(&[event("a@x", "20270301T110000Z", "Shared evening")]), None);
    assert_eq!(warnings(&look(vienna, &server.url())), Vec::<Value>::new());
}

#[test]
fn a_hub_that_left_is_told_so_by_its_subscriptions() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let vienna = &cluster.hubs[1];
    let file = cluster.folder().join("own.ics");
    std::fs::write(&file, calendar(&[event("a@x", "20270301T100000Z", "One")])).unwrap();
    let path = file.to_string_lossy().into_owned();
    vienna.json(&["event", "subscribe", &path]);
    vienna.json(&["hub", "leave"]);
    std::fs::write(&file, calendar(&[event("a@x", "20270301T110000Z", "One, later")])).unwrap();
    let looked = look(vienna, &path);
    assert!(
        looked["failures"].as_u64() > Some(0) && text(&looked, "error").contains("left"),
        "{looked}"
    );
}
