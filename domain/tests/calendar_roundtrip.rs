//! What goes out comes in again as the same event, whatever it says; and no bytes make the reader panic.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use interhub_domain::calendar::expand::{Window, occurrences};
use interhub_domain::calendar::export::{CalendarInfo, ExportEvent, export};
use interhub_domain::calendar::import::{Import, ImportContext, import};
use interhub_domain::event::{Event, LocalTime, Location, Override, Schedule, Status, Translation, Zone};
use interhub_domain::feature;
use interhub_domain::profile::Point;
use jiff::civil::{Date, DateTime};
use proptest::prelude::*;

/// 2100-01-01, so that no time of writing is in the future.
const NOW_MS: i64 = 4_102_444_800_000;

fn context() -> ImportContext {
    ImportContext {
        default_zone: "Europe/London".to_owned(),
        now_ms: NOW_MS,
        accept_private: false,
    }
}

fn feed(events: &[Event]) -> String {
    let info = CalendarInfo {
        name: "Everything, everywhere; a \"feed\"".to_owned(),
        description: "For tests\nonly".to_owned(),
        refresh_minutes: 60,
        product: "-//Interhub//tests//EN".to_owned(),
        url: "https://hub.example/events.ics?tag=a,b;c".to_owned(),
    };
    let exports: Vec<ExportEvent<'_>> = events
        .iter()
        .map(|event| ExportEvent {
            event,
            hub_name: "Hub \"A\", B",
            hub_url: "https://hub.example/",
            page_url: "",
        })
        .collect();
    export(&info, &exports)
}

fn read(text: &str) -> Import {
    import(text.as_bytes(), &context()).unwrap()
}

/// Text as the importer leaves it: no markup, single spaces.
fn line(max: usize) -> impl Strategy<Value = String> {
    let char = prop_oneof![
        6 => proptest::char::range('a', 'z'),
        2 => proptest::sample::select(vec![' ', ';', ',', ':', '\\', '"', '\'', '=', '(', '-', '/', '.', '@', '#', '%', '^']),
        2 => proptest::sample::select(vec!['ä', 'ß', 'Ω', '中', '🎉', 'é', 'п', '\u{200d}']),
    ];
    proptest::collection::vec(char, 1..max).prop_map(|chars| {
        let text: String = chars.into_iter().collect();
        let words: Vec<&str> = text.split_whitespace().collect();
        words.join(" ").trim_end_matches([',', ' ']).to_owned()
    })
}

fn title() -> impl Strategy<Value = String> {
    line(120).prop_filter("not empty", |title| !title.is_empty())
}

fn paragraphs() -> impl Strategy<Value = String> {
    proptest::collection::vec(line(200), 0..6).prop_map(|lines| {
        let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
        lines.join("\n")
    })
}

fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "https?://[a-z]{1,8}\\.example/[a-zA-Z0-9/?=&;,.:_~%+-]{0,80}",
    ]
}

fn location() -> impl Strategy<Value = Option<Location>> {
    let point = proptest::option::of((-90.0..=90.0_f64, -180.0..=180.0_f64)).prop_map(|at| {
        at.and_then(|(lat, lon)| Point::new(lat, lon))
            .filter(|at| at.lat.abs() > 1e-3 && at.lon.abs() > 1e-3)
    });
    let name = prop_oneof![Just(String::new()), line(60)];
    (name, point).prop_map(|(name, at)| (!name.is_empty() || at.is_some()).then_some(Location { name, at }))
}

fn tags() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(line(30), 0..5).prop_map(|tags| {
        let mut seen: Vec<String> = Vec::new();
        for tag in tags {
            if !tag.is_empty() && seen.iter().all(|other| other.to_lowercase() != tag.to_lowercase()) {
                seen.push(tag);
            }
        }
        seen
    })
}

fn zone() -> impl Strategy<Value = Zone> {
    let names = [
        "Europe/Vienna",
        "Europe/London",
        "America/New_York",
        "Asia/Kolkata",
        "Africa/Casablanca",
        "UTC",
    ];
    let custom = Zone::Custom {
        name: "Hub; \"time\", own".replace('"', ""),
        definition: "BEGIN:VTIMEZONE\r\nTZID:Hub\\; time\\, own\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n\
                     TZOFFSETFROM:+0130\r\nTZOFFSETTO:+0130\r\nTZNAME:HT\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
            .to_owned(),
    };
    prop_oneof![
        6 => proptest::sample::select(names.to_vec()).prop_map(|name| Zone::Named(name.to_owned())),
        1 => Just(custom),
    ]
}

fn wall() -> impl Strategy<Value = DateTime> {
    (1_970..2_090_i16, 1..=12_i8, 1..=28_i8, 0..24_i8, 0..60_i8, 0..60_i8).prop_map(
        |(year, month, day, hour, minute, second)| DateTime::constant(year, month, day, hour, minute, second, 0),
    )
}

fn local(days: bool) -> impl Strategy<Value = LocalTime> {
    wall().prop_map(move |wall| {
        if days {
            LocalTime::Date(wall.date())
        } else {
            LocalTime::DateTime(wall)
        }
    })
}

fn plus(start: LocalTime, minutes: i64) -> LocalTime {
    match start {
        LocalTime::Date(date) => {
            let days = jiff::Span::new().days(1 + minutes % 20);
            LocalTime::Date(Date::checked_add(date, days).unwrap())
        }
        LocalTime::DateTime(wall) => {
            LocalTime::DateTime(wall.checked_add(jiff::SignedDuration::from_mins(minutes)).unwrap())
        }
    }
}

fn sorted(mut dates: Vec<LocalTime>, without: LocalTime) -> Vec<LocalTime> {
    dates.retain(|&date| date != without);
    dates.sort_unstable();
    dates.dedup();
    dates
}

fn status() -> impl Strategy<Value = Status> {
    proptest::sample::select(vec![Status::Confirmed, Status::Tentative, Status::Cancelled])
}

prop_compose! {
    /// What an exception could say; made to fit its event afterwards.
    fn change(days: bool)(
        recurrence_id in local(days),
        this_and_future in any::<bool>(),
        status in proptest::option::of(status()),
        moved in proptest::option::of((local(days), 0..5_000_i64)),
        title in proptest::option::of(title()),
        description in proptest::option::of(paragraphs()),
        location in proptest::option::of(location()),
        url in proptest::option::of(address()),
    ) -> Override {
        Override {
            recurrence_id,
            this_and_future,
            status,
            time: moved.map(|(start, minutes)| (start, plus(start, minutes))),
            title,
            description,
            location: location.map(Option::unwrap_or_default),
            url,
        }
    }
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let rules = proptest::sample::select(vec![
        vec![],
        vec!["FREQ=WEEKLY;COUNT=10".to_owned()],
        vec!["FREQ=MONTHLY;BYDAY=-1SU;UNTIL=20300101T000000Z".to_owned()],
        vec!["FREQ=WEEKLY;UNTIL=20300101;X-A=B;BYDAY=1TU,MO".to_owned()],
        vec![
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29".to_owned(),
            "FREQ=DAILY;INTERVAL=3;COUNT=5".to_owned(),
        ],
    ]);
    any::<bool>().prop_flat_map(move |days| {
        (
            local(days),
            0..100_000_i64,
            zone(),
            rules.clone(),
            proptest::collection::vec(local(days), 0..4),
            proptest::collection::vec(local(days), 0..4),
            proptest::collection::vec(change(days), 0..4),
        )
            .prop_map(|(start, minutes, zone, rules, extra, excluded, overrides)| {
                let extra = sorted(extra, start);
                let series = !rules.is_empty() || !extra.is_empty();
                let overrides = if series { overrides } else { Vec::new() };
                let excluded = sorted(excluded, start);
                Schedule {
                    start,
                    end: plus(start, minutes),
                    zone,
                    rules,
                    extra,
                    excluded,
                    overrides,
                }
            })
    })
}

fn translations() -> impl Strategy<Value = BTreeMap<String, Translation>> {
    let tag = proptest::sample::select(vec!["de", "de-AT", "nl", "es", "zh-Hant-TW"]).prop_map(str::to_owned);
    let texts = (title(), proptest::option::of(line(60))).prop_map(|(title, summary)| Translation {
        title,
        summary: summary.unwrap_or_default(),
    });
    proptest::collection::btree_map(tag, texts, 0..4)
}

fn features() -> impl Strategy<Value = BTreeSet<String>> {
    let known = proptest::sample::select(feature::KNOWN.to_vec()).prop_map(str::to_owned);
    proptest::collection::btree_set(prop_oneof![known, "[a-z]{1,9}-[0-9]"], 0..5)
}

prop_compose! {
    fn event()(
        uid in "[a-zA-Z0-9@.;,_{}-]{1,80}",
        sequence in any::<u32>(),
        status in status(),
        title in title(),
        summary in line(100),
        description in paragraphs(),
        language in proptest::sample::select(vec!["", "de", "en-GB"]),
        tags in tags(),
        location in location(),
        urls in (address(), address(), address()),
        details in (translations(), features(), proptest::option::of(1..=1_000_000_u32), any::<bool>()),
        schedule in schedule(),
        created in 0..4_000_000_000_i64,
        later in 0..100_000_000_i64,
    ) -> Event {
        let mut event = Event {
            uid,
            sequence,
            status,
            title,
            summary,
            description,
            language: language.to_owned(),
            tags,
            location,
            url: urls.0,
            online_url: urls.1,
            image_url: urls.2,
            translations: details.0,
            features: details.1,
            capacity: details.2,
            postponed: false,
            schedule,
            created_ms: created * 1_000,
            updated_ms: (created + later) * 1_000,
        };
        if details.3 && event.status == Status::Tentative {
            event.postpone();
        }
        let mut overrides = std::mem::take(&mut event.schedule.overrides);
        for change in &mut overrides {
            change.status = change.status.filter(|&status| status != event.status);
            change.title = change.title.take().filter(|title| *title != event.title);
            change.description = change.description.take().filter(|text| *text != event.description);
            change.url = change.url.take().filter(|url| *url != event.url);
            let series = event.location.clone().unwrap_or_default();
            change.location = change.location.take().filter(|location| *location != series);
        }
        overrides.sort_by_key(|change| change.recurrence_id);
        overrides.dedup_by_key(|change| change.recurrence_id);
        event.schedule.overrides = overrides;
        event
    }
}

/// A calendar with much of what the reader has to look at.
const SAMPLE: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-TIMEZONE:Europe/Vienna\r\nBEGIN:VTIMEZONE\r\n\
TZID:Own\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\n\
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:1\r\n\
DTSTAMP:20261101T000000Z\r\nDTSTART;TZID=Own:20270304T183000\r\nDURATION:P1DT2H\r\nRRULE:FREQ=WEEKLY;COUNT=4\r\n\
RDATE;VALUE=PERIOD:20270307T183000Z/PT1H\r\nEXDATE;TZID=Own:20270311T183000,20270318T183000\r\nGEO:48.2;16.3\r\n\
SUMMARY;LANGUAGE=de:<b>A</b> &amp; B\r\nDESCRIPTION:<a href=\"https://x.org/?a;b\">x</a>\\nhttps://zoom.us/j/1\r\n\
CATEGORIES:a,b\\,c\r\nLOCATION:Hall\\nStreet\r\nURL:https://x.org/\r\nIMAGE;VALUE=URI:https://x.org/a.png\r\n\
BEGIN:VALARM\r\nTRIGGER:-PT10M\r\nEND:VALARM\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:1\r\nSEQUENCE:2\r\n\
RECURRENCE-ID;RANGE=THISANDFUTURE:20270325T173000Z\r\nDTSTART:20270326T173000Z\r\nSUMMARY:C\r\nEND:VEVENT\r\n\
BEGIN:VEVENT\r\nUID:2\r\nDTSTART;VALUE=DATE:20270304\r\nSUMMARY:D\r\n \u{a0}folded\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

/// One way to spoil a file.
#[derive(Debug, Clone)]
enum Damage {
    Byte(usize, u8),
    Remove(usize, usize),
    Repeat(usize, usize),
    Cut(usize),
    Insert(usize, &'static str),
}

fn damage() -> impl Strategy<Value = Damage> {
    let pieces = proptest::sample::select(vec![
        "\r\n",
        "\n ",
        "\"",
        ";",
        ":",
        ",",
        "\\",
        "BEGIN:VEVENT\r\n",
        "END:VEVENT\r\n",
        "END:VCALENDAR\r\n",
        "<",
        ">",
        "&",
        "&#",
        "<!--",
        "9999999999",
        "-",
        "TZID=",
        ";VALUE=DATE",
        ";ENCODING=BASE64",
        ";ENCODING=QUOTED-PRINTABLE",
        ";CHARSET=utf-7",
        "=\r\n",
        "RRULE:",
        "EXDATE:",
        "99991231",
        "00000000T000000",
        "T246060Z",
        "\u{feff}",
    ]);
    let at = any::<prop::sample::Index>().prop_map(|index| index.index(SAMPLE.len()));
    prop_oneof![
        (at.clone(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        (at.clone(), 1..120_usize).prop_map(|(at, bytes)| Damage::Remove(at, bytes)),
        (at.clone(), 1..400_usize).prop_map(|(at, bytes)| Damage::Repeat(at, bytes)),
        at.clone().prop_map(Damage::Cut),
        (at, pieces).prop_map(|(at, piece)| Damage::Insert(at, piece)),
    ]
}

fn spoil(bytes: &mut Vec<u8>, damage: &Damage) {
    let len = bytes.len();
    let range = |at: usize, count: usize| at.min(len)..at.saturating_add(count).min(len);
    match *damage {
        Damage::Byte(at, byte) => {
            if let Some(spoiled) = bytes.get_mut(at) {
                *spoiled = byte;
            }
        }
        Damage::Remove(at, count) => drop(bytes.drain(range(at, count))),
        Damage::Repeat(at, count) => {
            let piece = bytes[range(at, count)].to_vec();
            let at = at.min(len);
            drop(bytes.splice(at..at, piece));
        }
        Damage::Cut(at) => bytes.truncate(at),
        Damage::Insert(at, piece) => {
            let at = at.min(len);
            drop(bytes.splice(at..at, piece.bytes()));
        }
    }
}

/// As they were, if all that differs is how a rule is written that says the same, and they would go out the same.
fn with_rules_of(before: &[Event], mut again: Vec<Event>) -> Vec<Event> {
    if feed(&again) == feed(before) {
        for (event, before) in again.iter_mut().zip(before) {
            if starts(event) == starts(before) {
                event.schedule.rules.clone_from(&before.schedule.rules);
            }
        }
    }
    again
}

/// Its first starts.
fn starts(event: &Event) -> Vec<i64> {
    let found = occurrences(&event.schedule, event.status, Window::ALL, 200).occurrences;
    found.iter().map(|one| one.start_ms).collect()
}

/// Whatever was read goes out and comes in again without a loss.
fn settles(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(first) = import(bytes, &context()) else {
        return Ok(());
    };
    let events: Vec<Event> = first.events.into_iter().map(|imported| imported.event).collect();
    let again = read(&feed(&events));
    prop_assert_eq!(&again.refused, &[]);
    let again: Vec<Event> = again.events.into_iter().map(|imported| imported.event).collect();
    prop_assert_eq!(with_rules_of(&events, again), events);
    Ok(())
}

proptest! {
    #[test]
    fn what_goes_out_comes_in_the_same(event in event()) {
        let text = feed(std::slice::from_ref(&event));
        for line in text.split("\r\n") {
            prop_assert!(line.len() <= 75 && !line.contains(['\r', '\n']), "{}", line);
        }
        let import = read(&text);
        prop_assert_eq!(&import.refused, &[], "{}", text);
        prop_assert_eq!(&import.warnings, &[], "{}", text);
        let events = std::slice::from_ref(&event);
        let again = with_rules_of(events, vec![import.events[0].event.clone()]);
        prop_assert_eq!(again, events, "{}", text);
    }

    #[test]
    fn spoiled_calendars_are_read_or_refused(damages in proptest::collection::vec(damage(), 1..6)) {
        let mut bytes = SAMPLE.as_bytes().to_vec();
        for damage in &damages {
            spoil(&mut bytes, damage);
        }
        settles(&bytes)?;
    }

    #[test]
    fn any_lines_in_an_event_are_read_or_refused(
        lines in proptest::collection::vec(
            ("(DTSTART|DTEND|DURATION|RRULE|RDATE|EXDATE|GEO|SUMMARY|DESCRIPTION|CATEGORIES|URL|X-ALT-DESC|UID)",
             "(;TZID=Europe/Vienna|;VALUE=(DATE|PERIOD|URI|BINARY|X)|;ENCODING=BASE64|;[A-Z\"=,]{0,6})?",
             "[0-9TZPDHWM+;:/,=<>&a-z\\\\\"\\PC-]{0,40}"),
            0..8,
        )
    ) {
        let mut text = String::from("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20270304T183000\nSUMMARY:A\n");
        for (name, parameters, value) in lines {
            writeln!(text, "{name}{parameters}:{value}").unwrap();
        }
        text.push_str("END:VEVENT\nEND:VCALENDAR\n");
        settles(text.as_bytes())?;
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        settles(&bytes)?;
    }
}
