//! What an operator sees on a terminal.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use interhub_tests::cluster::Cluster;
use interhub_tests::hub::program;

/// Events of the calendar, for whose import nobody waits without a sign of life.
const EVENTS: usize = 10_000;

#[test]
fn a_long_import_shows_how_far_it_is() {
    let cluster = Cluster::new(&["birmingham"]);
    let hub = &cluster.hubs[0];
    let file = cluster.folder().join("long.ics");
    std::fs::write(&file, calendar(EVENTS)).unwrap();
    let import = format!(
        "'{}' --data '{}' event import '{}'",
        program("interhub").display(),
        hub.data.display(),
        file.display()
    );
    // `script` gives the command a terminal of its own.
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &import, "/dev/null"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let screen = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{screen}");
    let total = format!("/{EVENTS} events");
    let steps: Vec<usize> = screen
        .split(&total)
        .filter_map(|before| before.rsplit(' ').next()?.parse().ok())
        .collect();
    assert!(
        steps.iter().any(|step| (1..EVENTS).contains(step)),
        "no step between the first and the last event: {steps:?}"
    );
    assert!(steps.is_sorted(), "{steps:?}");
    assert!(
        screen.contains(&format!("of {EVENTS} events were {EVENTS} added")),
        "{screen}"
    );

    // Without a terminal there is no bar, only the result.
    let ran = hub.cli(&["event", "import", file.to_str().unwrap()]).ok();
    assert_eq!(ran.err, "");
    assert!(ran.out.contains(&format!("{EVENTS} unchanged")), "{ran:?}");
}

fn calendar(events: usize) -> String {
    let mut text = String::from("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//EN\r\n");
    for number in 0..events {
        let (month, day) = (1 + number % 12, 1 + number % 28);
        let _ = write!(
            text,
            "BEGIN:VEVENT\r\nUID:{number}@example.org\r\nDTSTAMP:20261101T000000Z\r\n\
             DTSTART:2027{month:02}{day:02}T100000Z\r\nSUMMARY:Event {number}\r\nEND:VEVENT\r\n"
        );
    }
    text + "END:VCALENDAR\r\n"
}
