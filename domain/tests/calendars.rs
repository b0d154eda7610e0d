//! Calendars that others test their programs with, from `calendars/`: each is read or refused with a reason, and what was
//! read is written and read again as the same. `make corpus` asks other programs about these and many more.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use interhub_domain::calendar::expand::{Window, occurrences};
use interhub_domain::calendar::export::{CalendarInfo, ExportEvent, export};
use interhub_domain::calendar::import::{Import, ImportContext, ImportFileError, import};
use interhub_domain::event::Event;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "ics") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(bytes: &[u8]) -> Result<Import, ImportFileError> {
    let context = ImportContext {
        default_zone: "Europe/London".to_owned(),
        now_ms: 1_795_348_800_000,
        accept_private: true,
    };
    import(bytes, &context)
}

fn events(read: Import) -> Vec<Event> {
    read.events.into_iter().map(|imported| imported.event).collect()
}

fn write(events: &[Event]) -> String {
    let events: Vec<ExportEvent<'_>> = events
        .iter()
        .map(|event| ExportEvent {
            event,
            hub_name: "Hub",
            hub_url: "https://hub.example/",
            page_url: "",
        })
        .collect();
    export(&CalendarInfo::default(), &events)
}

/// Its first starts.
fn starts(event: &Event) -> Vec<i64> {
    let found = occurrences(&event.schedule, event.status, Window::ALL, 1_000).occurrences;
    found.iter().map(|one| one.start_ms).collect()
}

#[test]
fn calendars_of_others_are_read_written_and_read_again_as_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/calendars");
    let files = files(&folder);
    let (mut taken, mut refused_events, mut refused_files, mut put_right) = (0, 0, 0, 0);
    for path in &files {
        let bytes = std::fs::read(path).unwrap();
        let first = match read(&bytes) {
            Ok(first) => first,
            Err(reason) => {
                // A part of a calendar, or contacts; but no event is refused with the whole file.
                assert!(!reason.to_string().is_empty());
                let has_event = bytes.windows(12).any(|part| part == b"BEGIN:VEVENT");
                assert!(!has_event, "{}: {reason}", path.display());
                refused_files += 1;
                continue;
            }
        };
        for refused in &first.refused {
            assert!(refused.line > 0 && !refused.reason.is_empty(), "{}", path.display());
        }
        refused_events += first.refused.len();
        let first = events(first);
        taken += first.len();
        let text = write(&first);
        let again = read(text.as_bytes()).unwrap();
        assert_eq!(again.refused, [], "{}", path.display());
        let mut again = events(again);
        assert_eq!(write(&again), text, "{}", path.display());
        for (event, before) in again.iter_mut().zip(&first) {
            // A rule goes out as the standard wants it, which need not be how it came in.
            assert_eq!(starts(event), starts(before), "{}", path.display());
            put_right += usize::from(event.schedule.rules != before.schedule.rules);
            event.schedule.rules.clone_from(&before.schedule.rules);
        }
        assert_eq!(again, first, "{}", path.display());
    }
    // What is in these files does not change: a number that does is a reading that did.
    assert_eq!((files.len(), taken, refused_events, refused_files), (164, 87, 101, 17));
    assert_eq!(put_right, 4);
}
