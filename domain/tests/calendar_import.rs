//! What an importer meets: good files, odd files, and each kind of bad input with the line it gets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fmt::Write as _;

use interhub_domain::calendar::import::{
    Import, ImportContext, ImportFileError, ImportedEvent, MAX_EVENTS, MAX_FILE_BYTES, import,
};
use interhub_domain::event::{LocalTime, Status, Zone};

/// 2026-11-22T12:00:00Z.
const NOW_MS: i64 = 1_795_348_800_000;

fn context() -> ImportContext {
    ImportContext {
        default_zone: "Europe/London".to_owned(),
        now_ms: NOW_MS,
        accept_private: false,
    }
}

fn read(text: &str) -> Import {
    import(text.replace('\n', "\r\n").as_bytes(), &context()).unwrap()
}

/// A calendar with one event with these lines beside UID.
fn event(lines: &str) -> Import {
    read(&format!(
        "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:one\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n"
    ))
}

fn one(import: &Import) -> &ImportedEvent {
    assert_eq!(import.refused, [], "nothing should be refused");
    assert_eq!(import.events.len(), 1);
    &import.events[0]
}

fn reason(import: &Import) -> &str {
    assert_eq!(import.events.len(), 0);
    assert_eq!(import.refused.len(), 1);
    &import.refused[0].reason
}

fn time(text: &str) -> LocalTime {
    LocalTime::DateTime(text.parse().unwrap())
}

fn date(text: &str) -> LocalTime {
    LocalTime::Date(text.parse().unwrap())
}

fn named(zone: &str) -> Zone {
    Zone::Named(zone.to_owned())
}

#[test]
fn an_ordinary_event_is_read_whole() {
    let import = read(concat!(
        "BEGIN:VCALENDAR\nVERSION:2.0\nX-WR-CALNAME:Talks\\, and more\nBEGIN:VEVENT\nUID:a@b\nSEQUENCE:3\n",
        "DTSTAMP:20261101T000000Z\nCREATED:20261001T080000Z\nLAST-MODIFIED:20261102T090000Z\n",
        "DTSTART;TZID=Europe/Berlin:20270304T183000\nDTEND;TZID=Europe/Berlin:20270304T200000\nSTATUS:TENTATIVE\n",
        "SUMMARY;LANGUAGE=de:Offener Abend: Fragen\\; Antworten\nDESCRIPTION:Erste Zeile\\nzweite\\, mit Komma\n",
        "CATEGORIES:Talk,Open\nCATEGORIES:talk,Food\\, drink\nLOCATION:Hauptstraße 1\\, Wien\nGEO:48.2;16.37\n",
        "URL:https://example.org/a?b=1;c=2,3\nCONFERENCE;VALUE=URI:https://meet.example.org/x\n",
        "IMAGE;VALUE=URI;FMTTYPE=image/png:https://example.org/p.png\nORGANIZER;CN=Ann:mailto:ann@example.org\n",
        "ATTENDEE;CN=Bob:mailto:bob@example.org\nX-OTHER:kept\nEND:VEVENT\nEND:VCALENDAR\n",
    ));
    assert_eq!(import.source_name.as_deref(), Some("Talks, and more"));
    assert!(import.complete);
    let imported = one(&import);
    let event = &imported.event;
    assert_eq!(
        (event.uid.as_str(), event.sequence, event.status),
        ("a@b", 3, Status::Tentative)
    );
    assert_eq!(event.title, "Offener Abend: Fragen; Antworten");
    assert_eq!(event.description, "Erste Zeile\nzweite, mit Komma");
    assert_eq!(event.language, "de");
    assert_eq!(event.tags, ["Talk", "Open", "Food, drink"]);
    let location = event.location.as_ref().unwrap();
    assert_eq!(location.name, "Hauptstraße 1, Wien");
    assert!((location.at.unwrap().lat - 48.2).abs() < 1e-9);
    assert_eq!(event.url, "https://example.org/a?b=1;c=2,3");
    assert_eq!(event.online_url, "https://meet.example.org/x");
    assert_eq!(event.image_url, "https://example.org/p.png");
    assert_eq!(event.schedule.zone, named("Europe/Berlin"));
    assert_eq!(event.schedule.start, time("2027-03-04T18:30:00"));
    assert_eq!(event.schedule.end, time("2027-03-04T20:00:00"));
    assert_eq!(
        (event.created_ms, event.updated_ms),
        (1_790_841_600_000, 1_793_610_000_000)
    );
    assert_eq!(imported.line, 4);
    assert!(imported.original.contains("X-OTHER:kept\r\n"));
    assert!(!imported.original.contains("mailto:"));
}

#[test]
fn files_that_are_no_calendars_are_refused_whole() {
    let cases: [(&[u8], u32, &str); 9] = [
        (b"", 1, "an empty file"),
        (b"\n\n  \n", 1, "an empty file"),
        (
            b"\n<!DOCTYPE html><html><title>Just a moment...</title>",
            2,
            "a web page",
        ),
        (b"{\"message\":\"Group not found\"}", 1, "JSON"),
        (b"<?xml version=\"1.0\"?><feed/>", 1, "XML"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00", 1, "a compressed file"),
        (b"\x0b\x81\x80\x00\xff\xfe\x03brotli", 1, "a binary"),
        (b"BEGIN:VCARD\nFN:A\nEND:VCARD\n", 1, "contacts"),
        (b"Dear all,\nsee you on Monday\n", 1, "plain text"),
    ];
    for (bytes, line, looks_like) in cases {
        let error = import(bytes, &context()).unwrap_err();
        assert_eq!(error.line(), line, "{error}");
        assert!(error.to_string().contains(looks_like), "{error}");
        assert!(!error.to_string().contains('\n'));
    }
}

#[test]
fn a_file_of_200_megabytes_is_refused_before_it_is_read() {
    let bytes = vec![0; 200 << 20];
    let error = import(&bytes, &context()).unwrap_err();
    assert_eq!(error, ImportFileError::TooLarge { bytes: 200 << 20 });
    assert!(bytes.len() > MAX_FILE_BYTES);
}

#[test]
fn a_hundred_thousand_events_are_read_and_one_more_is_refused() {
    let mut text = String::from("BEGIN:VCALENDAR\n");
    for number in 0..MAX_EVENTS {
        writeln!(
            text,
            "BEGIN:VEVENT\nUID:{number}\nDTSTART:20270101T100000Z\nSUMMARY:E\nEND:VEVENT"
        )
        .unwrap();
    }
    let end = "END:VCALENDAR\n";
    let import_text = |text: &str| import(text.as_bytes(), &context());
    assert_eq!(import_text(&format!("{text}{end}")).unwrap().events.len(), MAX_EVENTS);
    text.push_str("BEGIN:VEVENT\nUID:more\nDTSTART:20270101T100000Z\nSUMMARY:E\nEND:VEVENT\n");
    let error = import_text(&format!("{text}{end}")).unwrap_err();
    assert_eq!(error, ImportFileError::TooManyEvents { line: 500_002 });
}

#[test]
fn a_broken_event_does_not_stop_the_others() {
    let import = read(concat!(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nSUMMARY:No start\nEND:VEVENT\n",
        "BEGIN:VEVENT\nUID:2\nDTSTART:20271301T100000\nSUMMARY:No such month\nEND:VEVENT\n",
        "BEGIN:VEVENT\nUID:3\nDTSTART:20270101T100000Z\nSUMMARY:Never ended\n",
        "BEGIN:VEVENT\nUID:4\nDTSTART:20270101T100000Z\nSUMMARY:Good\nEND:VEVENT\n",
        "BEGIN:VEVENT\nUID:5\nDTSTART:00010101T000000Z\nSUMMARY:Zero date\nEND:VEVENT\n",
        "BEGIN:VEVENT\nUID:6\nDTSTART:20270101T100000Z\nEND:VEVENT\nEND:VCALENDAR\n",
    ));
    assert_eq!(import.events.len(), 1);
    assert_eq!(import.events[0].event.title, "Good");
    let refused: Vec<(u32, &str)> = import.refused.iter().map(|r| (r.line, r.reason.as_str())).collect();
    assert_eq!(
        refused,
        [
            (2, "it has no start (DTSTART)"),
            (6, "DTSTART is not a date or time: there is no day 2027-13-01"),
            (
                11,
                "END:VEVENT is missing: the file was cut off, or was put together wrongly"
            ),
            (
                20,
                "DTSTART is not a date or time: the year 1 is not between 1600 and 9998"
            ),
            (25, "it has neither a title (SUMMARY) nor a description"),
        ]
    );
}

#[test]
fn a_title_of_a_megabyte_is_refused() {
    let import = event(&format!("DTSTART:20270101T100000Z\nSUMMARY:{}", "x".repeat(1 << 20)));
    assert_eq!(
        reason(&import),
        "its title (SUMMARY) has 1048576 characters, at most 1000 are allowed"
    );
}

#[test]
fn an_event_of_many_megabytes_is_refused_and_the_next_one_read() {
    let good = "BEGIN:VEVENT\nUID:2\nDTSTART:20270101T100000Z\nSUMMARY:Good\nEND:VEVENT\n";
    for line in [format!("CATEGORIES:{}", ",".repeat(5 << 20)), "X-A:b\n".repeat(1 << 20)] {
        let large = format!("BEGIN:VEVENT\nUID:1\nDTSTART:20270101T100000Z\nSUMMARY:Large\n{line}\nEND:VEVENT\n");
        let import = read(&format!("BEGIN:VCALENDAR\n{large}{good}END:VCALENDAR\n"));
        assert_eq!(import.events.len(), 1);
        let reason = "it has more than 2097152 bytes: shorten its texts in the calendar";
        assert_eq!(import.refused[0].reason, reason);
    }
}

#[test]
fn a_long_description_is_cut_with_a_warning() {
    let import = event(&format!(
        "DTSTART:20270101T100000Z\nSUMMARY:E\nDESCRIPTION:{}",
        "ü".repeat(40_000)
    ));
    assert_eq!(one(&import).event.description, "ü".repeat(16_000));
    assert_eq!(import.warnings[0].message, "its description was cut to 32000 bytes");
}

#[test]
fn an_unknown_zone_is_refused() {
    let import = event("DTSTART;TZID=Mars/Olympus:20270101T100000\nSUMMARY:E");
    let expected =
        "its time zone \"Mars/Olympus\" is unknown and not defined in the file: use a name like Europe/Vienna";
    assert_eq!(reason(&import), expected);
}

#[test]
fn an_end_before_its_start_reads_as_the_start() {
    let import = event("DTSTART:20270101T100000\nDTEND:20270101T090000\nSUMMARY:E");
    assert_eq!(one(&import).event.schedule.end, time("2027-01-01T10:00:00"));
    assert_eq!(
        import.warnings[0].message,
        "its end is before its start: read as ending when it starts"
    );
    assert_eq!(import.warnings[0].line, 3);

    let import = event("DTSTART;VALUE=DATE:20270105\nDTEND;VALUE=DATE:20270101\nSUMMARY:E");
    assert_eq!(one(&import).event.schedule.end, date("2027-01-06"));
    assert_eq!(import.warnings.len(), 1);

    // The same day twice is how many programs write one day.
    let import = event("DTSTART;VALUE=DATE:20270105\nDTEND;VALUE=DATE:20270105\nSUMMARY:E");
    assert_eq!(one(&import).event.schedule.end, date("2027-01-06"));
    assert_eq!(import.warnings, []);
}

#[test]
fn of_two_events_with_one_uid_the_later_revision_stays() {
    let vevent = |sequence: u32, modified: u32, title: &str| {
        format!(
            "BEGIN:VEVENT\nUID:same\nSEQUENCE:{sequence}\nLAST-MODIFIED:202610{modified:02}T000000Z\n\
             DTSTART:20270101T100000Z\nSUMMARY:{title}\nEND:VEVENT\n"
        )
    };
    let cases = [
        ([vevent(2, 1, "A"), vevent(1, 9, "B")], "A", 9),
        ([vevent(1, 9, "A"), vevent(1, 2, "B")], "A", 9),
        ([vevent(1, 2, "A"), vevent(1, 2, "B")], "B", 2),
    ];
    for (events, kept, refused_line) in cases {
        let import = read(&format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", events.concat()));
        assert_eq!(import.events.len(), 1);
        assert_eq!(import.events[0].event.title, kept);
        assert_eq!(import.refused[0].line, refused_line);
        assert!(
            import.refused[0]
                .reason
                .starts_with("the UID is in the file more than once")
        );
    }
    // The same event twice is no mistake worth a word.
    let import = read(&format!(
        "BEGIN:VCALENDAR\n{}{}END:VCALENDAR\n",
        vevent(1, 2, "A"),
        vevent(1, 2, "A")
    ));
    assert_eq!((import.events.len(), import.refused.len()), (1, 0));
}

#[test]
fn text_that_is_not_utf8_is_read_as_windows_1252() {
    let bytes = b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20270101T100000Z\r\n\
        SUMMARY:Caf\xe9 \x96 \x80 5\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let import = import(bytes, &context()).unwrap();
    assert_eq!(one(&import).event.title, "Café – € 5");
    assert_eq!((import.warnings[0].line, import.warnings[0].uid.as_deref()), (5, None));
}

#[test]
fn nul_bytes_are_taken_out() {
    let import = event("DTSTART:20270101T100000Z\nSUMMARY:A\0B\u{1}C\u{7f}D");
    assert_eq!(one(&import).event.title, "ABCD");
    assert_eq!(
        import.warnings[0].message,
        "control characters were taken out of 1 lines"
    );
}

#[test]
fn other_encodings_and_line_ends_are_read() {
    let text =
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20270101T100000Z\nSUMMARY:Größe\nEND:VEVENT\nEND:VCALENDAR\n";
    let mut with_mark = vec![0xef, 0xbb, 0xbf];
    with_mark.extend_from_slice(text.as_bytes());
    let mut utf16 = vec![0xff, 0xfe];
    utf16.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    let bare_cr = text.replace('\n', "\r");
    // Folded in the middle of a character.
    let folded = text.replace("Größe", "Gr@e").into_bytes();
    let at = folded.iter().position(|&byte| byte == b'@').unwrap();
    let folded = [
        &folded[..at],
        "ö".as_bytes(),
        &[0xc3],
        b"\r\n ",
        &[0x9f],
        &folded[at + 1..],
    ]
    .concat();
    // Empty lines between a line and its continuations, and after them.
    let spaced = text.replace("SUMMARY:Größe", "SUMMARY\n\n :Grö\n\n\n ße\n");
    let [spaced, spaced_crlf] = [spaced.clone(), spaced.replace('\n', "\r\n")].map(String::into_bytes);
    for bytes in [with_mark, utf16, bare_cr.into_bytes(), folded, spaced, spaced_crlf] {
        let import = import(&bytes, &context()).unwrap();
        assert_eq!(one(&import).event.title, "Größe");
        assert_eq!(import.warnings, []);
    }
}

#[test]
fn times_get_the_zone_people_mean() {
    let zone_of = |head: &str, lines: &str| {
        let text =
            format!("BEGIN:VCALENDAR\n{head}BEGIN:VEVENT\nUID:1\nSUMMARY:E\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n");
        let import = read(&text);
        let schedule = one(&import).event.schedule.clone();
        (schedule.zone, schedule.start)
    };
    let vienna = "X-WR-TIMEZONE:Europe/Vienna\n";
    let ten = time("2027-07-01T10:00:00");
    // Floating.
    assert_eq!(zone_of("", "DTSTART:20270701T100000"), (named("Europe/London"), ten));
    assert_eq!(
        zone_of(vienna, "DTSTART:20270701T100000"),
        (named("Europe/Vienna"), ten)
    );
    assert_eq!(
        zone_of("X-WR-TIMEZONE:Nowhere\n", "DTSTART:20270701T100000"),
        (named("Europe/London"), ten)
    );
    // UTC: single events move to where people are, series stay.
    assert_eq!(zone_of("", "DTSTART:20270701T090000Z"), (named("Europe/London"), ten));
    assert_eq!(
        zone_of(vienna, "DTSTART:20270701T080000Z"),
        (named("Europe/Vienna"), ten)
    );
    assert_eq!(
        zone_of(vienna, "DTSTART:20270701T100000Z\nRRULE:FREQ=DAILY"),
        (named("UTC"), ten)
    );
    // Windows.
    let windows = zone_of("", "DTSTART;TZID=W. Europe Standard Time:20270701T100000");
    assert_eq!(windows, (named("Europe/Berlin"), ten));
    // Whole days.
    assert_eq!(
        zone_of(vienna, "DTSTART;VALUE=DATE:20270701"),
        (named("Europe/Vienna"), date("2027-07-01"))
    );
}

#[test]
fn a_zone_defined_in_the_file_is_kept_with_the_event() {
    let import = read(concat!(
        "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:Customized Time Zone 1\nX-NOTE:gone\nBEGIN:STANDARD\n",
        "DTSTART:16010101T000000\nTZOFFSETFROM:+0530\nTZOFFSETTO:+0530\nEND:STANDARD\nEND:VTIMEZONE\n",
        "BEGIN:VEVENT\nUID:1\nSUMMARY:E\nDTSTART;TZID=Customized Time Zone 1:20270701T100000\n",
        "DTEND:20270701T053000Z\nEND:VEVENT\nEND:VCALENDAR\n",
    ));
    let schedule = &one(&import).event.schedule;
    let Zone::Custom { name, definition } = &schedule.zone else {
        panic!("{:?}", schedule.zone)
    };
    assert_eq!(name, "Customized Time Zone 1");
    assert!(definition.starts_with("BEGIN:VTIMEZONE\r\nTZID:Customized Time Zone 1\r\nBEGIN:STANDARD\r\n"));
    assert!(!definition.contains("X-NOTE"));
    assert_eq!(schedule.end, time("2027-07-01T11:00:00"));
    assert!(import.events[0].original.starts_with("BEGIN:VTIMEZONE"));
}

#[test]
fn durations_count_days_on_the_wall_and_hours_by_the_clock() {
    let end = |lines: &str| one(&event(&format!("SUMMARY:E\n{lines}"))).event.schedule.end;
    // The night of 28 March 2027 has one hour less in Vienna.
    let start = "DTSTART;TZID=Europe/Vienna:20270327T120000\n";
    assert_eq!(end(&format!("{start}DURATION:P1D")), time("2027-03-28T12:00:00"));
    assert_eq!(end(&format!("{start}DURATION:PT24H")), time("2027-03-28T13:00:00"));
    assert_eq!(end(&format!("{start}DURATION:P1W")), time("2027-04-03T12:00:00"));
    assert_eq!(end("DTSTART;VALUE=DATE:20270327\nDURATION:P2D"), date("2027-03-29"));
    assert_eq!(end("DTSTART;VALUE=DATE:20270327\nDURATION:PT12H"), date("2027-03-28"));
    assert_eq!(end("DTSTART;VALUE=DATE:20270327"), date("2027-03-28"));
    assert_eq!(end("DTSTART:20270327T120000"), time("2027-03-27T12:00:00"));
    assert_eq!(
        end("DTSTART:20270327T120000\nDURATION:-PT1H"),
        time("2027-03-27T12:00:00")
    );
    let import = event("SUMMARY:E\nDTSTART:20270327T120000\nDURATION:P999999999W");
    assert_eq!(reason(&import), "its DURATION is out of range");
}

#[test]
fn rules_that_cannot_be_followed_are_refused() {
    let import = event("SUMMARY:E\nDTSTART:20270301T180000\nRRULE:FREQ=SOMETIMES");
    assert!(
        reason(&import).starts_with("its RRULE cannot be followed"),
        "{}",
        reason(&import)
    );
    let import = event("SUMMARY:E\nDTSTART:20270301T180000\nRRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY");
    assert!(reason(&import).contains("EXRULE"));
    // Without an end, or without any date: a valid rule all the same, and bounded where it is expanded.
    one(&event("SUMMARY:E\nDTSTART:20270301T180000\nRRULE:FREQ=SECONDLY"));
    one(&event(
        "SUMMARY:E\nDTSTART:20270301T180000\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    ));
}

#[test]
fn private_events_are_taken_only_when_asked_for() {
    let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nCLASS:X-STAFF\nSUMMARY:E\nDTSTART:20270301T180000\n\
                END:VEVENT\nEND:VCALENDAR\n";
    assert!(reason(&read(text)).starts_with("its CLASS is not PUBLIC"));
    let context = ImportContext {
        accept_private: true,
        ..context()
    };
    assert_eq!(import(text.as_bytes(), &context).unwrap().events.len(), 1);
}

#[test]
fn a_missing_or_endless_uid_is_replaced_by_a_stable_one() {
    let vevent = "BEGIN:VEVENT\nDTSTART:20270101T100000Z\nSUMMARY:A\nLOCATION:Hall\nEND:VEVENT\n";
    let text = format!(
        "BEGIN:VCALENDAR\n{vevent}{}END:VCALENDAR\n",
        vevent.replace("Hall", "Yard")
    );
    let first = read(&text);
    assert_eq!((first.events.len(), first.refused.len()), (2, 0));
    assert_eq!(first, read(&text));
    assert_ne!(first.events[0].event.uid, first.events[1].event.uid);
    // Twice the same, with other words: two events that cannot be told apart.
    let again = vevent.replace("SUMMARY", "DESCRIPTION:other\nSUMMARY");
    let import = read(&format!("BEGIN:VCALENDAR\n{vevent}{again}END:VCALENDAR\n"));
    assert_eq!((import.events.len(), import.refused[0].line), (1, 7));

    let long = vevent.replace("DTSTART", &format!("UID:{}\nDTSTART", "u".repeat(1_000)));
    let text = format!("BEGIN:VCALENDAR\n{long}END:VCALENDAR\n");
    assert!(one(&read(&text)).event.uid.len() <= 255);
}

#[test]
fn places_are_checked() {
    let place = |lines: &str| {
        let import = event(&format!("SUMMARY:E\nDTSTART:20270301T180000\n{lines}"));
        let location = one(&import).event.location.clone();
        (
            location.as_ref().and_then(|location| location.at).is_some(),
            location.is_some(),
            import.warnings.len(),
        )
    };
    assert_eq!(place("GEO:48.2;16.4"), (true, true, 0));
    assert_eq!(place("GEO:48.2,16.4"), (true, true, 0));
    assert_eq!(place("GEO:0;0"), (false, false, 1));
    assert_eq!(place("GEO:0.0;0.0\nLOCATION:Hall"), (false, true, 1));
    assert_eq!(place("GEO:116.4;48.2"), (false, false, 1));
    assert_eq!(place("GEO:NaN;1"), (false, false, 1));
    assert_eq!(
        place("X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-TITLE=\"A, B\":geo:48.2,16.4"),
        (true, true, 0)
    );
}

#[test]
fn addresses_are_checked_and_put_where_they_belong() {
    let import = event("SUMMARY:E\nDTSTART:20270301T180000\nURL:javascript:alert(1)\nLOCATION:https://zoom.us/j/1");
    let found = &one(&import).event;
    assert_eq!(
        (found.url.as_str(), found.online_url.as_str()),
        ("", "https://zoom.us/j/1")
    );
    assert_eq!(found.location, None);
    assert_eq!(import.warnings.len(), 1);

    let import = event("SUMMARY:E\nDTSTART:20270301T180000\nDESCRIPTION:Join: https://x.zoom.us/j/2?p=a.\\nBye");
    assert_eq!(one(&import).event.online_url, "https://x.zoom.us/j/2?p=a");
    let import = event(
        "SUMMARY:E\nDTSTART:20270301T180000\nATTACH;FMTTYPE=image/jpeg:http://x.org/a\nATTACH:https://x.org/b.pdf",
    );
    assert_eq!(one(&import).event.image_url, "http://x.org/a");
}

#[test]
fn markup_becomes_text() {
    let import = event(concat!(
        "SUMMARY:Rock &amp;amp; <b>Roll</b>\nDTSTART:20270301T180000\nDESCRIPTION:<p>1 < 2 &lt; 3</p><ul><li>one</li>",
        "<li>two</li></ul><a href=\"https://x.org/?a=1&amp;b=2\">more</a><script>alert('x')</script>",
    ));
    let found = &one(&import).event;
    assert_eq!(found.title, "Rock & Roll");
    assert_eq!(
        found.description,
        "1 < 2 < 3\n\n- one\n- two\nmore (https://x.org/?a=1&b=2)"
    );
    let import = event(
        "SUMMARY:E\nDTSTART:20270301T180000\nX-ALT-DESC;FMTTYPE=text/html:<html><body>A&nbsp;B<br>C</body></html>",
    );
    assert_eq!(one(&import).event.description, "A B\nC");
}

#[test]
fn what_changes_at_every_download_changes_no_fingerprint() {
    let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20261101T000000Z\nLAST-MODIFIED:20261101T000000Z\n\
                DTSTART:20270301T180000\nSUMMARY:A long title that is folded somewhere\nEND:VEVENT\nEND:VCALENDAR\n";
    let fingerprint = |text: &str| one(&read(text)).fingerprint;
    let same = text
        .replace("20261101", "20261102")
        .replace("is folded", "is\n  folded");
    assert_eq!(fingerprint(text), fingerprint(&same));
    let guest = text.replace("SUMMARY", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:a@example.org\nSUMMARY");
    assert_eq!(fingerprint(text), fingerprint(&guest));
    assert_ne!(fingerprint(text), fingerprint(&text.replace("A long", "A short")));
}

#[test]
fn a_file_cut_short_is_read_and_said_to_be_incomplete() {
    let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20270301T180000\nSUMMARY:A\nEND:VEVENT\n\
                BEGIN:VEVENT\nUID:2";
    let import = read(text);
    assert_eq!(
        (import.events.len(), import.refused.len(), import.complete),
        (1, 1, false)
    );
}

#[test]
fn a_cancelling_file_cancels() {
    let text = "BEGIN:VCALENDAR\nMETHOD:CANCEL\nBEGIN:VEVENT\nUID:1\nDTSTART:20270301T180000\nSUMMARY:A\nEND:VEVENT\n\
                END:VCALENDAR\n";
    assert_eq!(one(&read(text)).event.status, Status::Cancelled);
}

#[test]
fn an_original_stays_within_its_limit() {
    let picture = "A".repeat(400_000);
    let import = event(&format!(
        "SUMMARY:E\nDTSTART:20270301T180000\nATTACH;ENCODING=BASE64;VALUE=BINARY:{picture}"
    ));
    let imported = one(&import);
    assert!(imported.original.len() < 300);
    assert!(imported.original.ends_with("END:VEVENT\r\n"));
}
