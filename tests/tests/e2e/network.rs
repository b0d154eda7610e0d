//! Three hubs share their calendars.

use std::time::Duration;

use interhub_tests::cluster::{Cluster, Inside, agree};
use interhub_tests::hub::{Hub, SOON, run, text, wait_until};

const CALENDAR: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n\
BEGIN:VEVENT\r\nUID:one@example.org\r\nDTSTAMP:20261101T000000Z\r\n\
DTSTART;TZID=America/New_York:20270304T183000\r\nDTEND;TZID=America/New_York:20270304T200000\r\n\
SUMMARY:Repair evening\r\nLOCATION:Workshop\r\nCATEGORIES:Repair\\, mend,Tools\r\nEND:VEVENT\r\n\
BEGIN:VEVENT\r\nUID:two@example.org\r\nDTSTAMP:20261101T000000Z\r\nDTSTART;VALUE=DATE:20270310\r\n\
RRULE:FREQ=WEEKLY;COUNT=4\r\nSUMMARY:Open day\r\nEND:VEVENT\r\n\
BEGIN:VEVENT\r\nUID:broken@example.org\r\nDTSTAMP:20261101T000000Z\r\nSUMMARY:No start\r\nEND:VEVENT\r\n\
END:VCALENDAR\r\n";

#[test]
fn three_hubs_in_one_process_and_then_in_three_agree() {
    let folder = tempfile::tempdir().unwrap();
    let mut hubs: Vec<Hub> = ["birmingham", "amsterdam", "vienna"]
        .iter()
        .map(|slug| Hub::init(folder.path(), slug, "Europe/London"))
        .collect();
    let inside = Inside::start(&hubs.iter().collect::<Vec<_>>());
    hubs[0].json(&["network", "create", "Test network"]);
    for hub in &hubs[1..] {
        hub.json(&["join", &text(&hubs[0].json(&["invite"]), "link")]);
    }
    for (number, hub) in hubs.iter().enumerate() {
        hub.add(&format!("Event {number}"), "2027-04-01T10:00");
    }
    assert_eq!(agree(&hubs.iter().collect::<Vec<_>>()), 3);
    let before = hubs[2].agreement().unwrap();
    inside.stop();
    for hub in &mut hubs {
        hub.start();
    }
    assert_eq!(agree(&hubs.iter().collect::<Vec<_>>()), 3);
    assert_eq!(
        hubs[2].agreement().unwrap(),
        before,
        "nothing depends on where a node runs"
    );
}

#[test]
fn three_hubs_share_a_calendar_and_a_cancellation() {
    let cluster = Cluster::new(&["birmingham", "amsterdam", "vienna"]);
    let [birmingham, amsterdam, vienna] = &cluster.hubs[..] else {
        panic!("three hubs")
    };
    let file = cluster.folder().join("calendar.ics");
    std::fs::write(&file, CALENDAR).unwrap();
    let path = file.to_string_lossy().into_owned();

    let first = birmingham.json(&["event", "import", &path]);
    assert_eq!(
        (first["added"].as_u64(), first["events"].as_u64()),
        (Some(2), Some(3)),
        "{first}"
    );
    assert_eq!(first["refused"][0]["uid"], "broken@example.org", "{first}");
    let before = birmingham.agreement().unwrap();
    let second = birmingham.json(&["event", "import", &path]);
    assert_eq!(
        (second["added"].as_u64(), second["unchanged"].as_u64()),
        (Some(0), Some(2)),
        "{second}"
    );
    assert_eq!(
        birmingham.agreement().unwrap(),
        before,
        "the same file twice changes nothing"
    );

    cluster.agree();
    let listed = vienna.json(&["event", "list", "--from", "2027-03-01", "--to", "2027-04-30"]);
    let events = listed["events"].as_array().unwrap();
    assert_eq!(events.len(), 5, "one single event, four of the series: {listed}");
    assert_eq!(events[0]["title"], "Repair evening");
    assert_eq!(events[0]["start"], "2027-03-04T18:30:00");
    assert_eq!(events[0]["timezone"], "America/New_York");
    assert_eq!(events[0]["start_utc"], "2027-03-04T23:30:00Z");
    assert_eq!(events[0]["hub"], "birmingham");

    let id = text(&events[0], "id");
    amsterdam.cli(&["event", "cancel", &id]).fails(4, "birmingham");
    birmingham.json(&["event", "cancel", &id]);
    wait_until("the cancellation in Vienna's page and feed", SOON, || {
        let page = vienna.get(&format!("/events/{id}"))?;
        let feed = vienna.get("/events.ics?from=2027-03-01")?;
        let struck = page.to_lowercase().contains("cancelled");
        if struck && feed.contains("STATUS:CANCELLED") {
            return Ok(());
        }
        Err(page)
    });
    cluster.agree();
}

#[test]
fn one_date_of_a_series_is_cancelled_and_edited_fields_travel() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let [birmingham, vienna] = &cluster.hubs[..] else {
        panic!("two hubs")
    };
    let event = birmingham.json(&[
        "event",
        "add",
        "--title",
        "Language café",
        "--start",
        "2027-05-03T18:00",
        "--duration",
        "90m",
        "--rrule",
        "FREQ=WEEKLY;COUNT=3",
        "--tag",
        "languages",
        "--at",
        "52.4751,-1.8848",
        "--location",
        "Kitchen",
        "--lang",
        "en",
    ]);
    let id = text(&event, "id");
    birmingham.json(&["event", "cancel", &id, "--occurrence", "2027-05-10T18:00"]);
    birmingham.json(&["event", "edit", &id, "--title", "Language evening"]);
    cluster.agree();
    let listed = vienna.json(&[
        "event",
        "list",
        "--from",
        "2027-05-01",
        "--to",
        "2027-06-01",
        "--tag",
        "LANGUAGES",
        "--near",
        "52.48,-1.89",
        "--within",
        "5",
        "--lang",
        "en",
        "--hub",
        "birmingham",
    ]);
    let events = listed["events"].as_array().unwrap();
    let statuses: Vec<&str> = events.iter().map(|event| event["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["confirmed", "cancelled", "confirmed"], "{listed}");
    assert!(
        events.iter().all(|event| event["title"] == "Language evening"),
        "{listed}"
    );
    wait_until("the text search", SOON, || {
        let found = vienna.json(&[
            "event",
            "list",
            "--from",
            "2027-05-01",
            "--to",
            "2027-06-01",
            "--text",
            "evening",
        ]);
        let count = found["events"].as_array().map_or(0, Vec::len);
        if count == 3 { Ok(()) } else { Err(found.to_string()) }
    });
}

#[test]
fn a_draft_stays_at_home_until_it_is_published() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let [birmingham, vienna] = &cluster.hubs[..] else {
        panic!("two hubs")
    };
    let draft = birmingham.json(&[
        "event",
        "add",
        "--title",
        "Secret plan",
        "--start",
        "2027-05-03",
        "--duration",
        "1d",
        "--draft",
    ]);
    let id = text(&draft, "id");
    assert_eq!(draft["status"], "draft");
    cluster.agree();
    vienna.cli(&["event", "show", &id]).fails(3, "no event");
    assert!(
        birmingham
            .get(&format!("/events/{id}"))
            .unwrap()
            .starts_with("HTTP/1.1 404")
    );
    assert!(
        !birmingham
            .get("/events?from=2027-05-01")
            .unwrap()
            .contains("Secret plan")
    );
}

#[test]
fn an_invitation_is_used_once_and_not_when_expired_altered_or_for_another_network() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let birmingham = &cluster.hubs[0];
    let link = text(&birmingham.json(&["invite"]), "link");
    let mut newcomer = interhub_tests::hub::Hub::init(cluster.folder(), "amsterdam", "Europe/Amsterdam");
    newcomer.start();

    let mut altered = link.clone();
    altered.replace_range(40..41, if &altered[40..41] == "A" { "B" } else { "A" });
    newcomer.cli(&["join", &altered]).fails(2, "invitation");
    newcomer.cli(&["join", "interhub:join/"]).fails(2, "invitation");
    let short = text(&birmingham.json(&["invite", "--expires", "1s"]), "link");
    std::thread::sleep(Duration::from_millis(2_100));
    newcomer.cli(&["join", &short]).fails(4, "expired");

    newcomer.json(&["join", &link]);
    newcomer.cli(&["join", &link]).fails(1, "network");
    let mut late = interhub_tests::hub::Hub::init(cluster.folder(), "late", "Europe/Berlin");
    late.start();
    late.cli(&["join", &link]).fails(4, "used before");

    let mut founder = interhub_tests::hub::Hub::init(cluster.folder(), "elsewhere", "Europe/Berlin");
    founder.start();
    founder.json(&["network", "create", "Another network"]);
    let foreign = text(&founder.json(&["invite"]), "link");
    newcomer.cli(&["join", &foreign]).fails(1, "network");
    founder.stop();
    late.cli(&["join", &foreign]).fails(5, "");
    assert_eq!(agree(&[birmingham, &cluster.hubs[1], &newcomer]), 0);
}

#[test]
fn every_command_has_help_and_wrong_usage_says_so() {
    assert_eq!(run("interhub", &["--help"]).code, 0);
    assert_eq!(run("interhub", &["event", "list", "--nonsense"]).code, 2);
    assert_eq!(run("interhubd", &["serve"]).code, 2);
    run("interhub", &["--data", "/nonexistent/hub", "status"]).fails(5, "");
}
