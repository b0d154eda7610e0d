//! Bad input gets one clear line, the promised exit code, and leaves nothing half-written.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use interhub_tests::hub::{Hub, run};

fn alone() -> (tempfile::TempDir, Hub) {
    let folder = tempfile::tempdir().unwrap();
    let mut hub = Hub::init(folder.path(), "birmingham", "Europe/London");
    hub.start();
    hub.json(&["network", "create", "Test network"]);
    (folder, hub)
}

fn event(lines: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//EN\r\nBEGIN:VEVENT\r\nUID:x@example.org\r\n\
         DTSTAMP:20261101T000000Z\r\n{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

#[test]
fn files_that_are_no_calendar_are_refused_whole() {
    let (folder, hub) = alone();
    let before = hub.agreement().unwrap();
    let file = folder.path().join("bad.ics");
    let path = file.to_string_lossy().into_owned();
    let cases: [(&str, Vec<u8>); 4] = [
        (
            "web page",
            b"<!DOCTYPE html><html><body>Just a moment...</body></html>".to_vec(),
        ),
        ("", b"{\"message\":\"Group not found\"}".to_vec()),
        ("", Vec::new()),
        ("", (0..=255u8).cycle().take(5_000).collect()),
    ];
    for (words, bytes) in cases {
        std::fs::write(&file, bytes).unwrap();
        hub.cli(&["event", "import", &path]).fails(1, words);
    }
    let huge = std::fs::File::create(&file).unwrap();
    huge.set_len(200 * 1024 * 1024).unwrap();
    hub.cli(&["event", "import", &path]).fails(1, "large");
    hub.cli(&["event", "import", "/nonexistent/x.ics"]).fails(3, "");
    assert_eq!(hub.agreement().unwrap(), before);
}

#[test]
fn odd_events_never_stop_the_others() {
    let (folder, hub) = alone();
    let file = folder.path().join("odd.ics");
    let path = file.to_string_lossy().into_owned();
    let long = format!("DTSTART:20270304T100000Z\r\nSUMMARY:{}", "a".repeat(1_000_000));
    let nul = "DTSTART:20270304T100000Z\r\nSUMMARY:a\0b".to_owned();
    let odd = [
        "DTSTART:20270304T100000Z\r\nDTEND:20270303T100000Z\r\nSUMMARY:Ends before it starts".to_owned(),
        "DTSTART;TZID=Mars/Olympus:20270304T100000\r\nSUMMARY:Unknown zone".to_owned(),
        "DTSTART:20270304T100000Z\r\nRRULE:FREQ=DAILY\r\nSUMMARY:Without end".to_owned(),
        "DTSTART:20270304T100000Z\r\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30\r\nSUMMARY:Never".to_owned(),
        "DTSTART:20270304T100000Z\r\nRRULE:FREQ=NONSENSE\r\nSUMMARY:No rule".to_owned(),
        long,
        nul,
    ];
    for lines in odd {
        let good = "BEGIN:VEVENT\r\nUID:good@example.org\r\nDTSTAMP:20261101T000000Z\r\nDTSTART:20270305T100000Z\r\n\
                    SUMMARY:Good\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let text = event(&lines).replace("END:VCALENDAR\r\n", good);
        std::fs::write(&file, text).unwrap();
        let result = hub.json(&["event", "import", &path]);
        let refused = result["refused"].as_array().unwrap();
        for one in refused {
            assert!(
                one["line"].as_u64() > Some(0) && !one["reason"].as_str().unwrap().is_empty(),
                "{result}"
            );
        }
        let started = std::time::Instant::now();
        let listed = hub.json(&["event", "list", "--from", "2027-03-01", "--to", "2027-04-01"]);
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "an endless rule must not hang a list"
        );
        let titles: Vec<&str> = listed["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["title"].as_str().unwrap())
            .collect();
        assert!(titles.contains(&"Good"), "{titles:?}");
    }
}

#[test]
fn what_is_put_right_is_told() {
    let (folder, hub) = alone();
    let file = folder.path().join("odd.ics");
    let path = file.to_string_lossy().into_owned();
    let backwards = "DTSTART:20270304T100000Z\r\nDTEND:20270303T100000Z\r\nSUMMARY:Ends before it starts";
    std::fs::write(&file, event(backwards).replace("END:VCALENDAR\r\n", "")).unwrap();
    let result = hub.json(&["event", "import", &path]);
    assert_eq!(result["added"], 1, "{result}");
    assert_eq!(result["cut_short"], true, "{result}");
    let warnings = result["warnings"].as_array().unwrap();
    let of_event: Vec<_> = warnings
        .iter()
        .filter(|warning| warning["uid"] == "x@example.org")
        .collect();
    assert_eq!(of_event.len(), 1, "{result}");
    assert!(of_event[0]["message"].as_str().unwrap().contains("end"), "{result}");
    assert!(of_event[0]["line"].as_u64() > Some(0), "{result}");
    assert!(
        warnings.iter().any(|warning| warning["uid"].is_null()),
        "the missing end of the file: {result}"
    );
    let shown = hub.cli(&["event", "import", &path]).ok();
    assert!(shown.out.contains("taken all the same:"), "{shown:?}");
}

#[test]
fn the_same_uid_twice_and_other_encodings() {
    let (folder, hub) = alone();
    let file = folder.path().join("twice.ics");
    let path = file.to_string_lossy().into_owned();
    let twice = event("DTSTART:20270304T100000Z\r\nSUMMARY:First").replace(
        "END:VCALENDAR\r\n",
        "BEGIN:VEVENT\r\nUID:x@example.org\r\nDTSTAMP:20261101T000000Z\r\nSEQUENCE:2\r\n\
         DTSTART:20270304T100000Z\r\nSUMMARY:Second\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    );
    std::fs::write(&file, twice).unwrap();
    hub.json(&["event", "import", &path]);
    let listed = hub.json(&["event", "list", "--from", "2027-03-01", "--to", "2027-04-01"]);
    let events = listed["events"].as_array().unwrap();
    assert_eq!(events.len(), 1, "{listed}");
    assert_eq!(events[0]["title"], "Second", "{listed}");

    let mut latin = event("DTSTART:20270306T100000Z\r\nSUMMARY:Caf_").into_bytes();
    for byte in &mut latin {
        if *byte == b'_' {
            *byte = 0xe9;
        }
    }
    std::fs::write(&file, latin).unwrap();
    let ran = hub.cli(&["--json", "event", "import", &path]);
    assert!(ran.code == 0 || ran.code == 2, "{ran:?}");
    assert_eq!(hub.cli(&["status"]).code, 0);
}

#[test]
fn garbage_on_every_port_does_no_harm() {
    let (_folder, hub) = alone();
    let garbage: Vec<u8> = (0..40_000u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    for port in [hub.federation, hub.web] {
        for _ in 0..20 {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            let _ = stream.write_all(&garbage);
            let _ = stream.read(&mut [0; 64]);
        }
        // Streams that never send anything.
        let silent: Vec<TcpStream> = (0..50)
            .map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap())
            .collect();
        assert_eq!(hub.cli(&["status"]).code, 0);
        drop(silent);
    }
    let mut admin = UnixStream::connect(hub.data.join("admin.sock")).unwrap();
    let _ = admin.write_all(&garbage);
    drop(admin);
    assert!(hub.get("/healthz").unwrap().starts_with("HTTP/1.1 200"));
    hub.add("Still here", "2027-04-01T10:00");
}

#[test]
fn a_data_folder_in_use_newer_or_not_there_says_what_to_do() {
    let (folder, mut hub) = alone();
    let data = hub.data.to_string_lossy().into_owned();
    run("interhubd", &["serve", "--data", &data]).fails(1, "in use");
    run("interhubd", &["rebuild", "--data", &data]).fails(1, "in use");
    let nowhere = folder.path().join("nowhere").to_string_lossy().into_owned();
    run("interhubd", &["serve", "--data", &nowhere]).fails(1, "init");
    let again = [
        "init",
        "--data",
        &data,
        "--slug",
        "x2",
        "--name",
        "X",
        "--timezone",
        "Europe/London",
    ];
    run("interhubd", &again).fails(1, "not empty");
    let wrong = [
        "init",
        "--data",
        &nowhere,
        "--slug",
        "UPPER",
        "--name",
        "X",
        "--timezone",
        "Europe/London",
    ];
    run("interhubd", &wrong).fails(1, "slug");
    assert!(
        !std::path::Path::new(&nowhere).exists(),
        "a refused init leaves nothing behind"
    );
    hub.stop();
    let config = hub.data.join("interhub.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\nnonsense = 1\n")).unwrap();
    run("interhubd", &["serve", "--data", &data]).fails(1, "nonsense");
    std::fs::write(&config, text).unwrap();
    hub.start();
    hub.add("All is well", "2027-04-01T10:00");
}

#[test]
fn wrong_values_in_addresses_are_named() {
    let (_folder, hub) = alone();
    for (query, parameter) in [
        ("from=soon", "from"),
        ("near=1000,5", "near"),
        ("within=-3&near=1,1", "within"),
        ("limit=0", "limit"),
    ] {
        let answer = hub.get(&format!("/events?{query}")).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 400"),
            "{query}: {}",
            answer.lines().next().unwrap_or_default()
        );
        assert!(answer.contains(parameter), "{query}");
    }
    assert!(hub.get("/nothing").unwrap().starts_with("HTTP/1.1 404"));
    assert!(hub.get("/events/00").unwrap().starts_with("HTTP/1.1 4"));
}
