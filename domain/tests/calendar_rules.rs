//! Rules as they go out: the strictest reader takes them (RFC 5545 3.3.10), and they mean what they meant here.

#![allow(clippy::unwrap_used, reason = "tests")]

use interhub_domain::calendar::expand::{Window, occurrences};
use interhub_domain::calendar::export::{CalendarInfo, ExportEvent, export};
use interhub_domain::calendar::import::{ImportContext, import};
use interhub_domain::calendar::zone;
use interhub_domain::event::{Event, LocalTime, Zone};
use jiff::civil::{Date, DateTime, date};
use jiff::{SignedDuration, ToSpan as _};
use proptest::prelude::*;

fn read(text: &str) -> Event {
    let context = ImportContext {
        default_zone: "Europe/London".to_owned(),
        now_ms: 4_102_444_800_000,
        accept_private: false,
    };
    let mut read = import(text.as_bytes(), &context).unwrap();
    assert_eq!(
        (read.refused.as_slice(), read.warnings.as_slice()),
        ([].as_slice(), [].as_slice()),
        "{text}"
    );
    read.events.remove(0).event
}

/// An event as another hub may have written it: with rules that no import would let in.
fn event(start: LocalTime, zone: &str, rules: &[&str]) -> Event {
    let mut event = read(
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:one\r\nDTSTART:20270101T100000Z\r\nSUMMARY:A\r\nEND:VEVENT\r\n\
         END:VCALENDAR\r\n",
    );
    event.schedule.start = start;
    event.schedule.end = match start {
        LocalTime::Date(date) => LocalTime::Date(date.tomorrow().unwrap()),
        LocalTime::DateTime(at) => LocalTime::DateTime(at + SignedDuration::from_mins(20)),
    };
    event.schedule.zone = Zone::Named(zone.to_owned());
    event.schedule.rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
    event
}

fn feed(event: &Event) -> String {
    let event = ExportEvent {
        event,
        hub_name: "Hub",
        hub_url: "",
        page_url: "",
    };
    export(&CalendarInfo::default(), &[event])
}

/// The rules of the event in a feed.
fn rules(feed: &str) -> Vec<String> {
    let event = &feed[feed.find("BEGIN:VEVENT").unwrap()..];
    let lines = event.replace("\r\n ", "");
    let rules = lines.lines().filter_map(|line| line.strip_prefix("RRULE:"));
    rules.map(str::to_owned).collect()
}

fn timed(text: &str) -> LocalTime {
    LocalTime::DateTime(text.parse().unwrap())
}

/// Starts in about three years, as instants.
fn starts(event: &Event) -> Vec<i64> {
    let schedule = &event.schedule;
    let first_ms = zone::instant_ms(schedule.start, &zone::resolve(&schedule.zone));
    let window = Window {
        from_ms: first_ms - 86_400_000,
        to_ms: first_ms + 3 * 366 * 86_400_000,
    };
    let found = occurrences(schedule, event.status, window, 2_000).occurrences;
    found.iter().map(|one| one.start_ms).collect()
}

/// What RFC 5545 3.3.10 asks of a rule, as the grammar and the text beside it say.
fn complaint(rule: &str, start: LocalTime) -> Option<String> {
    let parts: Vec<(&str, &str)> = rule.split(';').map(|part| part.split_once('=').unwrap()).collect();
    let value = |name: &str| parts.iter().find(|part| part.0 == name).map(|part| part.1);
    let digits =
        |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = |text: &str| text.strip_prefix(['-', '+']).unwrap_or(text).to_owned();
    let days = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
    let frequency = value("FREQ")?;
    for (at, (name, value)) in parts.iter().enumerate() {
        let each = |fits: &dyn Fn(&str) -> bool| value.split(',').all(fits);
        let good = match *name {
            "FREQ" => at == 0,
            "UNTIL" => match start {
                LocalTime::Date(_) => digits(value, 8) && value.len() == 8,
                LocalTime::DateTime(_) => value.len() == 16 && value.ends_with('Z') && &value[8..9] == "T",
            },
            "COUNT" | "INTERVAL" => digits(value, 10),
            "BYSECOND" | "BYMINUTE" | "BYHOUR" => !start.is_date() && each(&|value| digits(value, 2)),
            "BYMONTH" => each(&|value| digits(value, 2)),
            "BYMONTHDAY" => frequency != "WEEKLY" && each(&|value| digits(&unsigned(value), 2)),
            "BYYEARDAY" => {
                !["DAILY", "WEEKLY", "MONTHLY"].contains(&frequency) && each(&|value| digits(&unsigned(value), 3))
            }
            "BYWEEKNO" => frequency == "YEARLY" && each(&|value| digits(&unsigned(value), 2)),
            "BYSETPOS" => parts.iter().filter(|part| part.0.starts_with("BY")).count() > 1,
            "BYDAY" => each(&|value| {
                let (ordinal, day) = value.split_at(value.len() - 2);
                let may_count =
                    frequency == "MONTHLY" || (frequency == "YEARLY" && parts.iter().all(|part| part.0 != "BYWEEKNO"));
                days.contains(&day) && (ordinal.is_empty() || (may_count && digits(&unsigned(ordinal), 2)))
            }),
            "WKST" => days.contains(value),
            _ => false,
        };
        if !good || parts[..at].iter().any(|before| before.0 == *name) {
            return Some(format!("{name}={value}"));
        }
    }
    (value("COUNT").is_some() && value("UNTIL").is_some()).then(|| "COUNT and UNTIL".to_owned())
}

fn check(start: LocalTime, zone: &str, cases: &[(&str, Option<&str>)]) {
    for (rule, expected) in cases {
        let event = event(start, zone, &[rule]);
        let feed = feed(&event);
        let found = rules(&feed);
        assert_eq!(found, expected.iter().copied().collect::<Vec<_>>(), "{rule}");
        assert!(found.iter().all(|rule| complaint(rule, start).is_none()), "{found:?}");
        assert_eq!(starts(&read(&feed)), starts(&event), "{rule}");
    }
}

#[test]
fn until_is_in_utc_where_the_start_has_a_time() {
    let start = timed("2027-03-04T18:30:00");
    check(
        start,
        "Europe/Vienna",
        &[
            (
                "FREQ=DAILY;UNTIL=20270310T173000Z",
                Some("FREQ=DAILY;UNTIL=20270310T173000Z"),
            ),
            ("FREQ=DAILY;UNTIL=20270310", Some("FREQ=DAILY;UNTIL=20270310T225959Z")),
            ("FREQ=DAILY;UNTIL=20270710", Some("FREQ=DAILY;UNTIL=20270710T215959Z")),
            (
                "FREQ=DAILY;UNTIL=20270310T183000",
                Some("FREQ=DAILY;UNTIL=20270310T173000Z"),
            ),
            (
                "FREQ=DAILY;UNTIL=20270310T182959",
                Some("FREQ=DAILY;UNTIL=20270310T172959Z"),
            ),
            (
                "FREQ=DAILY;UNTIL=2027-03-10T17:30:60Z",
                Some("FREQ=DAILY;UNTIL=20270310T173059Z"),
            ),
            // An end that no calendar reaches.
            (
                "FREQ=DAILY;UNTIL=99991231T235959Z",
                Some("FREQ=DAILY;UNTIL=99991231T235959Z"),
            ),
            ("FREQ=DAILY;UNTIL=99991231", Some("FREQ=DAILY;UNTIL=99991230T220000Z")),
            ("FREQ=DAILY;UNTIL=00000101", Some("FREQ=DAILY;UNTIL=00010101T000000Z")),
        ],
    );
    check(
        start,
        "UTC",
        &[
            ("FREQ=DAILY;UNTIL=20270310", Some("FREQ=DAILY;UNTIL=20270310T235959Z")),
            (
                "FREQ=DAILY;UNTIL=20270310T183000",
                Some("FREQ=DAILY;UNTIL=20270310T183000Z"),
            ),
        ],
    );
}

#[test]
fn until_is_a_date_for_whole_days() {
    check(
        LocalTime::Date(date(2027, 3, 4)),
        "Europe/Vienna",
        &[
            ("FREQ=DAILY;UNTIL=20270310", Some("FREQ=DAILY;UNTIL=20270310")),
            ("FREQ=DAILY;UNTIL=20270310T120000", Some("FREQ=DAILY;UNTIL=20270310")),
            ("FREQ=DAILY;UNTIL=20270310T000000Z", Some("FREQ=DAILY;UNTIL=20270310")),
            ("FREQ=DAILY;UNTIL=20270310T225959Z", Some("FREQ=DAILY;UNTIL=20270310")),
            ("FREQ=DAILY;UNTIL=20270309T230000Z", Some("FREQ=DAILY;UNTIL=20270310")),
            // Times of day mean nothing.
            ("FREQ=WEEKLY;BYHOUR=9,17;BYMINUTE=0;BYSECOND=0", Some("FREQ=WEEKLY")),
            ("FREQ=DAILY;BYHOUR=9,17;BYSETPOS=-1;COUNT=3", Some("FREQ=DAILY;COUNT=3")),
            ("FREQ=HOURLY;COUNT=5", Some("FREQ=DAILY;COUNT=1")),
            ("FREQ=HOURLY;UNTIL=20270201T000000", Some("FREQ=DAILY;UNTIL=20270201")),
        ],
    );
}

#[test]
fn a_last_moment_that_the_clock_skips_lets_nothing_in() {
    // In Greenland the last hour of that day is skipped.
    let skipped = "America/Nuuk";
    check(
        timed("2026-03-25T12:00:00"),
        skipped,
        &[("FREQ=DAILY;UNTIL=20260328", Some("FREQ=DAILY;UNTIL=20260328T140000Z"))],
    );
    check(
        timed("2026-03-25T23:30:00"),
        skipped,
        &[("FREQ=DAILY;UNTIL=20260328", Some("FREQ=DAILY;UNTIL=20260329T013000Z"))],
    );
    check(
        timed("2026-03-25T00:15:00"),
        skipped,
        &[
            ("FREQ=DAILY;UNTIL=20260328", Some("FREQ=DAILY;UNTIL=20260328T021500Z")),
            ("FREQ=WEEKLY;UNTIL=20260328", Some("FREQ=WEEKLY;UNTIL=20260329T005959Z")),
        ],
    );
    check(
        timed("2027-03-28T02:50:00"),
        "Europe/Vienna",
        &[
            (
                "FREQ=DAILY;UNTIL=20270328T025500",
                Some("FREQ=DAILY;UNTIL=20270328T015000Z"),
            ),
            (
                "FREQ=YEARLY;BYMONTH=4;UNTIL=20270328T025500",
                Some("FREQ=YEARLY;UNTIL=20270328T015000Z;BYMONTH=4"),
            ),
        ],
    );
}

#[test]
fn of_count_and_until_the_one_that_ends_the_series_stays() {
    check(
        timed("2027-03-04T18:30:00"),
        "Europe/Vienna",
        &[
            ("FREQ=DAILY;COUNT=3;UNTIL=20280101", Some("FREQ=DAILY;COUNT=3")),
            ("FREQ=DAILY;COUNT=7;UNTIL=20270310", Some("FREQ=DAILY;COUNT=7")),
            (
                "FREQ=DAILY;COUNT=8;UNTIL=20270310",
                Some("FREQ=DAILY;UNTIL=20270310T225959Z"),
            ),
            (
                "FREQ=DAILY;COUNT=8;UNTIL=20270310T173000Z",
                Some("FREQ=DAILY;UNTIL=20270310T173000Z"),
            ),
            (
                "FREQ=WEEKLY;BYDAY=MO,WE;COUNT=3;UNTIL=20270310",
                Some("FREQ=WEEKLY;COUNT=3;BYDAY=MO,WE"),
            ),
            (
                "FREQ=SECONDLY;COUNT=4294967295;UNTIL=20280101",
                Some("FREQ=SECONDLY;UNTIL=20280101T225959Z"),
            ),
            // It ended before it began: nothing takes place.
            (
                "FREQ=WEEKLY;BYDAY=MO;COUNT=1;UNTIL=20270301",
                Some("FREQ=WEEKLY;UNTIL=20270301T225959Z;BYDAY=MO"),
            ),
        ],
    );
}

#[test]
fn only_what_every_reader_knows_goes_out() {
    let start = timed("2027-03-04T18:30:00");
    check(
        start,
        "Europe/Vienna",
        &[
            // As it stands: no reader sees a change without one.
            (
                "FREQ=WEEKLY;WKST=SU;COUNT=9;INTERVAL=1;BYDAY=TU,MO",
                Some("FREQ=WEEKLY;WKST=SU;COUNT=9;INTERVAL=1;BYDAY=TU,MO"),
            ),
            (
                "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
                Some("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"),
            ),
            ("COUNT=9;FREQ=WEEKLY", Some("FREQ=WEEKLY;COUNT=9")),
            (
                "FREQ=WEEKLY;X-END=20270101;BYDAY=TU,MO;WKST=SU",
                Some("FREQ=WEEKLY;BYDAY=MO,TU;WKST=SU"),
            ),
            ("RSCALE=GREGORIAN;FREQ=DAILY;SKIP=OMIT", Some("FREQ=DAILY")),
            ("RRULE:freq=weekly; byday=,1mo, tu;", Some("FREQ=WEEKLY;BYDAY=MO,TU")),
            ("FREQ=DAILY;BYHOUR=+9,017", Some("FREQ=DAILY;BYHOUR=9,17")),
            (
                "FREQ=YEARLY;BYWEEKNO=20;BYDAY=2MO,MO",
                Some("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO"),
            ),
            ("FREQ=DAILY;BYSECOND=60,0", Some("FREQ=DAILY;BYSECOND=0")),
            ("FREQ=DAILY;BYSECOND=60", Some("FREQ=DAILY;COUNT=1")),
            ("FREQ=DAILY;BYSETPOS=1", Some("FREQ=DAILY")),
            ("FREQ=DAILY;BYSETPOS=2", Some("FREQ=DAILY;COUNT=1")),
            // Forbidden for the frequency.
            ("FREQ=WEEKLY;BYMONTHDAY=13", Some("FREQ=DAILY;BYMONTHDAY=13")),
            ("FREQ=DAILY;BYYEARDAY=100", Some("FREQ=YEARLY;BYYEARDAY=100")),
            (
                "FREQ=WEEKLY;BYWEEKNO=20;COUNT=9",
                Some("FREQ=YEARLY;COUNT=9;BYWEEKNO=20;BYDAY=MO,TU,WE,TH,FR,SA,SU"),
            ),
            (
                "FREQ=MONTHLY;BYYEARDAY=40,41,42,43,44,45,46,47;BYDAY=2MO",
                Some("FREQ=YEARLY;BYMONTH=1,2,3,4,5,6,7,8,9,10,11,12;BYYEARDAY=40,41,42,43,44,45,46,47;BYDAY=2MO"),
            ),
            // Nothing follows these here.
            ("FREQ=DAILY;BYEASTER=0", None),
            ("FREQ=DAILY\r\nATTACH:x", None),
            ("", None),
        ],
    );
    let many = ["FREQ=WEEKLY"; 40];
    assert_eq!(rules(&feed(&event(start, "UTC", &many))).len(), 16);
}

fn start() -> impl Strategy<Value = LocalTime> {
    // Close to clock changes as well.
    let day = prop_oneof![
        (2_019..2_028_i16, 1..=12_i8, 1..=31_i8)
            .prop_filter_map("a day", |(year, month, day)| Date::new(year, month, day).ok()),
        (2_024..2_028_i16, prop_oneof![Just(3_i8), Just(10_i8)], 24..=31_i8)
            .prop_map(|(year, month, day)| date(year, month, day)),
    ];
    let time = (0..24_i8, proptest::sample::select(vec![0_i8, 15, 30, 59]));
    (day, proptest::option::weighted(0.7, time)).prop_map(|(day, time)| match time {
        Some((hour, minute)) => LocalTime::DateTime(day.at(hour, minute, 0, 0)),
        None => LocalTime::Date(day),
    })
}

/// UNTIL in one of its forms, close to the start's time of day or not.
fn until(start: LocalTime) -> impl Strategy<Value = String> {
    let seconds = prop_oneof![Just(0_i64), -7_200..7_200_i64, 0..86_400_i64];
    (-5..900_i64, seconds, 0..3_u8).prop_map(move |(days, seconds, form)| {
        let at: DateTime = start.date_time() + days.days() + SignedDuration::from_secs(seconds);
        let form = match form {
            0 => "%Y%m%d",
            1 => "%Y%m%dT%H%M%S",
            _ => "%Y%m%dT%H%M%SZ",
        };
        at.strftime(form).to_string()
    })
}

fn part(name: &'static str, values: &'static [&'static str]) -> impl Strategy<Value = String> {
    let some = proptest::sample::subsequence(values.to_vec(), 1..=values.len().min(3));
    proptest::option::weighted(0.25, some)
        .prop_map(move |values| values.map_or_else(String::new, |values| format!(";{name}={}", values.join(","))))
}

/// A rule in which every part may be, allowed or not; only what no other frequency can say is left out.
fn rule(start: LocalTime) -> impl Strategy<Value = String> {
    let frequency = proptest::sample::select(vec![
        "HOURLY", "DAILY", "DAILY", "WEEKLY", "WEEKLY", "MONTHLY", "MONTHLY", "YEARLY",
    ]);
    let days = (
        part("BYMONTH", &["1", "3", "+3", "10"]),
        part("BYWEEKNO", &["1", "12", "-9", "43"]),
        part("BYYEARDAY", &["1", "086", "-66", "300"]),
        part("BYMONTHDAY", &["1", "13", "28", "-1"]),
        part("BYDAY", &["MO", "1TU", "-1SU", "SU", "TU", "2WE"]),
    );
    let rest = (
        part("BYHOUR", &["0", "2", "03", "18", "23"]),
        part("BYMINUTE", &["0", "30", "45"]),
        part("BYSECOND", &["0", "60"]),
        part("BYSETPOS", &["1", "2", "-1"]),
        part("WKST", &["SU"]),
        part("X-OTHER", &["A"]),
    );
    let end = (
        proptest::option::weighted(0.7, until(start)),
        proptest::option::weighted(0.4, 1..60_u32),
    );
    (frequency, 1..4_u32, days, rest, end, any::<bool>()).prop_map(|(frequency, interval, days, rest, end, last)| {
        let (mut year_days, mut weeks, mut month_days) = (days.2, days.1, days.3);
        if frequency != "YEARLY" && (interval > 1 || !rest.3.is_empty() || frequency == "HOURLY") {
            weeks.clear();
            if frequency != "HOURLY" {
                year_days.clear();
            }
            if frequency == "WEEKLY" {
                month_days.clear();
            }
        }
        let until = end.0.map_or_else(String::new, |until| format!(";UNTIL={until}"));
        let count = end.1.map_or_else(String::new, |count| format!(";COUNT={count}"));
        let parts = [
            format!(";INTERVAL={interval}"),
            until,
            count,
            days.0,
            weeks,
            year_days,
            month_days,
            days.4,
            rest.0,
            rest.1,
            rest.2,
            rest.3,
            rest.4,
            rest.5,
        ]
        .concat();
        if last {
            format!("{};FREQ={frequency}", &parts[1..])
        } else {
            format!("FREQ={frequency}{parts}")
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_goes_out_is_strict_and_means_the_same(
        (start, rules_of) in start().prop_flat_map(|start| {
            (Just(start), proptest::collection::vec(rule(start), 1..3))
        }),
        zone in proptest::sample::select(vec![
            "Europe/Vienna", "America/New_York", "America/Nuuk", "Australia/Lord_Howe", "Asia/Kolkata", "UTC",
        ]),
    ) {
        let texts: Vec<&str> = rules_of.iter().map(String::as_str).collect();
        let event = event(start, zone, &texts);
        let text = feed(&event);
        let found = rules(&text);
        prop_assert_eq!(found.len(), rules_of.len());
        for rule in &found {
            prop_assert_eq!(complaint(rule, start), None, "{} of {:?}", rule, rules_of);
        }
        let again = read(&text);
        prop_assert_eq!(starts(&again), starts(&event), "{:?} from {}: {:?}", rules_of, start, found);
        prop_assert_eq!(feed(&again), text);
    }
}
