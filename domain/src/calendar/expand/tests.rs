#![allow(clippy::unwrap_used, reason = "tests")]

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::event::Zone;

const HOUR: i64 = 3_600_000;

fn local(text: &str) -> LocalTime {
    match text.len() {
        8 => LocalTime::Date(Date::strptime("%Y%m%d", text).unwrap()),
        _ => LocalTime::DateTime(DateTime::strptime("%Y%m%dT%H%M%S", text).unwrap()),
    }
}

fn written(at: LocalTime) -> String {
    match at {
        LocalTime::Date(date) => date.strftime("%Y%m%d").to_string(),
        LocalTime::DateTime(at) => at.strftime("%Y%m%dT%H%M%S").to_string(),
    }
}

/// A series in New York that lasts an hour, or a day.
pub(in crate::calendar) fn series(first: &str, rules: &[&str]) -> Schedule {
    let start = local(first);
    let end = match start {
        LocalTime::Date(date) => LocalTime::Date(date.tomorrow().unwrap()),
        LocalTime::DateTime(at) => LocalTime::DateTime(at + SignedDuration::from_hours(1)),
    };
    Schedule {
        start,
        end,
        zone: Zone::Named("America/New_York".to_owned()),
        rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        extra: Vec::new(),
        excluded: Vec::new(),
        overrides: Vec::new(),
    }
}

fn override_of(named: &str, time: Option<(&str, &str)>) -> Override {
    Override {
        recurrence_id: local(named),
        this_and_future: false,
        status: None,
        time: time.map(|(start, end)| (local(start), local(end))),
        title: None,
        description: None,
        location: None,
        url: None,
    }
}

/// The first starts of a schedule as wall times, and whether there are more.
pub(in crate::calendar) fn starts(schedule: &Schedule, limit: usize) -> (Vec<String>, bool) {
    let found = occurrences(schedule, Status::Confirmed, Window::ALL, limit);
    (
        found.occurrences.iter().map(|one| written(one.start)).collect(),
        found.truncated,
    )
}

fn all(schedule: &Schedule) -> Vec<String> {
    let (found, more) = starts(schedule, 1000);
    assert!(!more);
    found
}

fn window(schedule: &Schedule, from: &str, to: &str) -> Window {
    let tz = zone::resolve(&schedule.zone);
    Window {
        from_ms: zone::instant_ms(local(from), &tz),
        to_ms: zone::instant_ms(local(to), &tz),
    }
}

#[test]
fn a_single_event_is_one_occurrence_without_a_name() {
    let schedule = series("20270304T183000", &[]);
    let found = occurrences(&schedule, Status::Tentative, Window::ALL, 10);
    let [one] = found.occurrences.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!((one.start, one.end), (schedule.start, schedule.end));
    assert_eq!(
        (one.start_ms, one.end_ms),
        (1_804_203_000_000, 1_804_203_000_000 + HOUR)
    );
    assert_eq!(
        (one.recurrence_id, one.status, one.override_index),
        (None, Status::Tentative, None)
    );
    assert_eq!(last_end_ms(&schedule), Some(one.end_ms));
}

#[test]
fn the_first_start_counts_though_it_does_not_fit_the_rule() {
    let thirteenth = series("19970902T090000", &["FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=3"]);
    assert_eq!(
        all(&thirteenth),
        ["19970902T090000", "19980213T090000", "19980313T090000"]
    );
    let mut without = series("19970902T090000", &["FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13"]);
    without.excluded = vec![local("19970902T090000")];
    let (found, more) = starts(&without, 5);
    assert_eq!(
        found,
        [
            "19980213T090000",
            "19980313T090000",
            "19981113T090000",
            "19990813T090000",
            "20001013T090000"
        ]
    );
    assert!(more);
    let never = series("20270304T090000", &["FREQ=YEARLY;COUNT=1;BYMONTH=7"]);
    assert_eq!(all(&never), ["20270304T090000"]);
    for gone in ["20270304T135959Z", "20270303", "20270304T085959"] {
        let mut gone = series("20270304T090000", &[&format!("FREQ=WEEKLY;UNTIL={gone}")]);
        assert!(all(&gone).is_empty());
        gone.extra = vec![local("20270305")];
        assert_eq!(all(&gone), ["20270305T090000"]);
    }
}

#[test]
fn further_and_excluded_starts_are_matched_liberally() {
    let mut schedule = series(
        "20270301T090000",
        &["FREQ=DAILY;COUNT=5", "FREQ=WEEKLY;COUNT=2", "FREQ=SOMETIMES"],
    );
    schedule.extra = vec![local("20270310"), local("20270302T200000"), local("20270302T200000")];
    schedule.excluded = vec![local("20270303"), local("20270304T090000"), local("20270305T100000")];
    let expected = [
        "20270301T090000",
        "20270302T090000",
        "20270302T200000",
        "20270305T090000",
    ];
    assert_eq!(
        all(&schedule),
        [&expected[..], &["20270308T090000", "20270310T090000"]].concat()
    );
    let mut days = series("20270301", &["FREQ=DAILY;COUNT=3;BYHOUR=1,2"]);
    days.excluded = vec![local("20270302T000000")];
    assert_eq!(all(&days), ["20270301", "20270303"]);
    assert_eq!(all(&series("20270301", &["FREQ=HOURLY;COUNT=30"])), ["20270301"]);
}

#[test]
fn until_is_read_in_every_form() {
    let dates = |first: &str, until: &str| all(&series(first, &[&format!("FREQ=DAILY;UNTIL={until}")])).len();
    // 23:30 in New York is 04:30 of the next day in UTC.
    assert_eq!(dates("20240129T233000", "20240201T045959Z"), 3);
    assert_eq!(dates("20240129T233000", "20240201T042959Z"), 2);
    assert_eq!(dates("20240129T233000", "20240131T233000"), 3);
    assert_eq!(dates("20240129T233000", "20240131"), 3);
    assert_eq!(dates("20240129", "20240131"), 3);
    assert_eq!(dates("20240129", "20240131T000000Z"), 3);
    assert_eq!(dates("20240129", "20240201T045959Z"), 3);
    assert_eq!(dates("20240129", "20240131T233000"), 3);
    assert_eq!(
        all(&series("20240129T233000", &["FREQ=DAILY;COUNT=9;UNTIL=20240130"])).len(),
        2
    );
}

#[test]
fn clock_changes_keep_the_wall_time_and_the_length() {
    let times = |first: &str, rule: &str| -> Vec<(String, i64, i64)> {
        let found = occurrences(&series(first, &[rule]), Status::Confirmed, Window::ALL, 10).occurrences;
        found
            .iter()
            .map(|one| (written(one.start), one.start_ms / HOUR % 24, one.end_ms - one.start_ms))
            .collect()
    };
    // 02:30 does not exist on 10 March 2024: it reads as 03:30 summer time, 07:30 UTC.
    let gap = times("20240309T023000", "FREQ=DAILY;COUNT=3");
    assert_eq!(gap.iter().map(|one| one.1).collect::<Vec<_>>(), [7, 7, 6]);
    // 01:30 comes twice on 3 November 2024: the first is meant, 05:30 UTC.
    let fold = times("20241102T013000", "FREQ=DAILY;COUNT=3");
    assert_eq!(fold.iter().map(|one| one.1).collect::<Vec<_>>(), [5, 5, 6]);
    assert!(gap.iter().chain(&fold).all(|one| one.2 == HOUR));
    // Every hour: the skipped one is the same instant as the next, and is shown once.
    let hours = times("20240310T003000", "FREQ=HOURLY;COUNT=5");
    assert_eq!(hours.iter().map(|one| one.1).collect::<Vec<_>>(), [5, 6, 7, 8]);
    let day = occurrences(
        &series("20240309", &["FREQ=DAILY;COUNT=2"]),
        Status::Confirmed,
        Window::ALL,
        10,
    )
    .occurrences;
    assert_eq!(
        day.iter()
            .map(|one| (one.end_ms - one.start_ms) / HOUR)
            .collect::<Vec<_>>(),
        [24, 23]
    );
    assert_eq!(day.last().unwrap().end, local("20240311"));
}

#[test]
fn overrides_move_into_the_window_and_out_of_it() {
    let mut schedule = series("20270301T090000", &["FREQ=WEEKLY"]);
    schedule.overrides = vec![
        override_of("20270308T090000", Some(("20270701T120000", "20270701T140000"))),
        override_of("20270315T090000", None),
        override_of("20270323T101500", Some(("20270324T101500", "20270324T111500"))),
    ];
    let march = occurrences(
        &schedule,
        Status::Confirmed,
        window(&schedule, "20270301", "20270401"),
        100,
    );
    let summary: Vec<_> = march
        .occurrences
        .iter()
        .map(|one| (written(one.start), one.override_index))
        .collect();
    let expected = [
        ("20270301T090000", None),
        ("20270315T090000", Some(1)),
        ("20270322T090000", None),
        ("20270324T101500", Some(2)),
        ("20270329T090000", None),
    ];
    assert_eq!(summary, expected.map(|(start, index)| (start.to_owned(), index)));
    let july = occurrences(
        &schedule,
        Status::Confirmed,
        window(&schedule, "20270701", "20270702"),
        100,
    );
    let [moved] = july.occurrences.as_slice() else {
        panic!("{july:?}")
    };
    assert_eq!(moved.recurrence_id, Some(local("20270308T090000")));
    assert_eq!(moved.end, local("20270701T140000"));
}

#[test]
fn cancelled_beats_every_other_status() {
    let mut schedule = series("20270301T090000", &["FREQ=WEEKLY;COUNT=3"]);
    schedule.overrides = vec![override_of("20270308T090000", None), override_of("20270315", None)];
    schedule.overrides[0].status = Some(Status::Cancelled);
    schedule.overrides[1].status = Some(Status::Confirmed);
    let statuses = |status| -> Vec<Status> {
        occurrences(&schedule, status, Window::ALL, 9)
            .occurrences
            .iter()
            .map(|one| one.status)
            .collect()
    };
    assert_eq!(
        statuses(Status::Tentative),
        [Status::Tentative, Status::Cancelled, Status::Confirmed]
    );
    assert_eq!(statuses(Status::Cancelled), [Status::Cancelled; 3]);
}

#[test]
fn this_and_future_moves_all_later_starts_alike() {
    let mut schedule = series("20270301T090000", &["FREQ=WEEKLY;COUNT=6"]);
    schedule.overrides = vec![
        override_of("20270308T090000", Some(("20270309T180000", "20270309T200000"))),
        override_of("20270322T090000", Some(("20270322T070000", "20270322T073000"))),
        override_of("20270329T090000", Some(("20270329", "20270331"))),
    ];
    schedule.overrides[0].this_and_future = true;
    schedule.overrides[2].this_and_future = true;
    schedule.overrides[2].status = Some(Status::Tentative);
    let found = occurrences(&schedule, Status::Confirmed, Window::ALL, 10).occurrences;
    let summary: Vec<_> = found
        .iter()
        .map(|one| (written(one.start), written(one.end), one.override_index))
        .collect();
    let expected = [
        ("20270301T090000", "20270301T100000", None),
        ("20270309T180000", "20270309T200000", Some(0)),
        ("20270316T180000", "20270316T200000", Some(0)),
        ("20270322T070000", "20270322T073000", Some(1)),
        ("20270329", "20270331", Some(2)),
        ("20270405", "20270407", Some(2)),
    ];
    assert_eq!(
        summary,
        expected.map(|(start, end, index)| (start.to_owned(), end.to_owned(), index))
    );
    assert_eq!(found.iter().filter(|one| one.status == Status::Tentative).count(), 2);
    // Found also through a window that holds only the moved starts.
    let moved = occurrences(
        &schedule,
        Status::Confirmed,
        window(&schedule, "20270316T180000", "20270316T180001"),
        10,
    );
    assert_eq!(moved.occurrences, found[2..3]);
}

#[test]
fn a_window_holds_what_has_a_moment_in_it() {
    let mut schedule = series("20270301T090000", &["FREQ=DAILY"]);
    let count = |schedule: &Schedule, from: &str, to: &str| {
        occurrences(schedule, Status::Confirmed, window(schedule, from, to), 100)
            .occurrences
            .len()
    };
    assert_eq!(count(&schedule, "20270305T100000", "20270306T090000"), 0);
    assert_eq!(count(&schedule, "20270305T095959", "20270306T090001"), 2);
    assert_eq!(count(&schedule, "20270306T090000", "20270305T090000"), 0);
    schedule.end = local("20270304T090000");
    assert_eq!(count(&schedule, "20270310T080000", "20270310T081000"), 3);
    schedule.end = schedule.start;
    assert_eq!(count(&schedule, "20270310T090000", "20270310T090001"), 1);
    assert_eq!(count(&schedule, "20270310T085959", "20270310T090000"), 0);
}

#[test]
fn the_last_end_is_known_unless_the_series_has_none() {
    let end = |first: &str, rules: &[&str]| last_end_ms(&series(first, rules));
    let new_york = |text: &str| {
        Some(zone::instant_ms(
            local(text),
            &TimeZone::get("America/New_York").unwrap(),
        ))
    };
    assert_eq!(
        end("20270301T090000", &["FREQ=DAILY;COUNT=5"]),
        new_york("20270305T100000")
    );
    assert_eq!(
        end("20270301T090000", &["FREQ=DAILY;UNTIL=20270307T120000Z"]),
        new_york("20270306T100000")
    );
    assert_eq!(end("20270301", &["FREQ=WEEKLY;UNTIL=20270320"]), new_york("20270316"));
    assert_eq!(end("20270301T090000", &["FREQ=DAILY;COUNT=5", "FREQ=YEARLY"]), None);
    let mut schedule = series("20270301T090000", &["FREQ=DAILY;COUNT=2"]);
    schedule.excluded = vec![local("20270301"), local("20270302")];
    assert_eq!(last_end_ms(&schedule), new_york("20270301T090000"));
}

#[test]
fn hostile_rules_end_and_say_so() {
    for rule in [
        "FREQ=SECONDLY",
        "FREQ=SECONDLY;COUNT=4000000000;BYSECOND=1,2,3",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=2",
        "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;INTERVAL=4294967295;BYSECOND=59;BYMINUTE=59;BYHOUR=23;BYYEARDAY=366;BYMONTH=1",
        "FREQ=DAILY;INTERVAL=4294967295;COUNT=4294967295",
        "FREQ=YEARLY;INTERVAL=4294967295",
        "FREQ=DAILY;BYSECOND=60",
    ] {
        let schedule = series("00010101T000000", &[rule; 40]);
        let found = occurrences(&schedule, Status::Confirmed, Window::ALL, usize::MAX);
        assert!(found.occurrences.len() as u64 <= MAX_INSTANCES + 1, "{rule}");
        let _ = last_end_ms(&schedule);
    }
    let endless = series("20270301T090000", &["FREQ=SECONDLY"]);
    let found = occurrences(&endless, Status::Confirmed, Window::ALL, 10);
    assert_eq!((found.occurrences.len(), found.truncated), (10, true));
    // Far from the start it is as quick as near it.
    let late = occurrences(
        &endless,
        Status::Confirmed,
        window(&endless, "90000101T000000", "90000101T000001"),
        9_999,
    );
    assert!(!late.occurrences.is_empty());
}

#[test]
fn times_at_the_ends_of_the_calendar_do_no_harm() {
    for first in ["99991231T235959", "99991231", "00010101"] {
        for rule in [
            "FREQ=DAILY",
            "FREQ=YEARLY;BYWEEKNO=53",
            "FREQ=MONTHLY;BYDAY=-1SU",
            "FREQ=SECONDLY",
        ] {
            let mut schedule = series("20270301T090000", &[rule]);
            schedule.start = local(first);
            schedule.end = schedule.start;
            let _ = occurrences(&schedule, Status::Confirmed, Window::ALL, 100);
            let _ = last_end_ms(&schedule);
        }
    }
}

/// Rules of all shapes; most make sense.
fn any_rule() -> impl Strategy<Value = String> {
    let part =
        |text: &'static str| prop_oneof![3 => Just(String::new()), 1 => proptest::string::string_regex(text).unwrap()];
    let frequency = "FREQ=(YEARLY|MONTHLY|WEEKLY|DAILY|HOURLY|MINUTELY|SECONDLY)";
    (
        proptest::string::string_regex(frequency).unwrap(),
        part(";INTERVAL=[1-9]"),
        part(";BYMONTH=([1-9]|1[0-2])(,[1-9])?"),
        part(";BYMONTHDAY=-?[12][0-9](,-?[1-9])?"),
        part(";BYDAY=(MO|WE|[1-4]TU|-1FR)(,SA)?"),
        part(";BYYEARDAY=-?[1-3][0-5][0-9](,-1)?"),
        part(";BYWEEKNO=(-?[1-4][0-9]|53|1)(,-1)?"),
        part(";BYHOUR=([0-9]|2[0-3])(,12)?(;BYMINUTE=[1-5][0-9](,0)?)?(;BYSECOND=[1-5][0-9])?"),
        part(";BYSETPOS=-?[1-9](,2)?"),
        part(";(COUNT=[1-9][0-9]?|UNTIL=20(2[6-9]|3[0-9])0[1-9]1[0-9](T120000Z)?)"),
        part(";WKST=(SU|TH)"),
    )
        .prop_map(|(a, b, c, d, e, f, g, h, i, j, k)| [a, b, c, d, e, f, g, h, i, j, k].concat())
}

fn any_schedule() -> impl Strategy<Value = Schedule> {
    let zones = [
        "America/New_York",
        "Europe/Berlin",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "UTC",
    ];
    let day =
        (2026_i16..2030, 1_i8..=12, 1_i8..=28).prop_map(|(year, month, day)| Date::new(year, month, day).unwrap());
    let time = (0_i8..24, 0_i8..60).prop_map(|(hour, minute)| Time::new(hour, minute, 0, 0).unwrap());
    let shift = (0_i64..60, -20_i64..20, any::<bool>());
    (
        any_rule(),
        day,
        time,
        any::<bool>(),
        0_i64..100,
        proptest::sample::select(zones.to_vec()),
        proptest::option::of(shift),
    )
        .prop_map(|(rule, day, time, whole_days, hours, zone, shift)| {
            let at = day.to_datetime(time);
            let form = |at: DateTime| {
                if whole_days {
                    LocalTime::Date(at.date())
                } else {
                    LocalTime::DateTime(at)
                }
            };
            let end = at + SignedDuration::from_hours(hours);
            let overrides = shift.map(|(days, moved, this_and_future)| {
                let named = at + SignedDuration::from_hours(24 * days);
                let start = named + SignedDuration::from_hours(7 * moved);
                Override {
                    this_and_future,
                    recurrence_id: form(named),
                    time: Some((form(start), form(start + SignedDuration::from_hours(3)))),
                    ..override_of("20270101", None)
                }
            });
            Schedule {
                start: form(at),
                end: form(end),
                zone: Zone::Named(zone.to_owned()),
                rules: vec![rule],
                extra: vec![form(at + SignedDuration::from_hours(31))],
                excluded: vec![form(at + SignedDuration::from_hours(48))],
                overrides: overrides.into_iter().collect(),
            }
        })
}

fn found(schedule: &Schedule, from_ms: i64, to_ms: i64) -> Expansion {
    occurrences(schedule, Status::Confirmed, Window { from_ms, to_ms }, usize::MAX)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn neighbouring_windows_hold_together_what_both_hold(
        schedule in any_schedule(),
        from in 0_i64..1500,
        one in 0_i64..90,
        two in 1_i64..90,
    ) {
        let start = 1_767_225_600_000 + from * 24 * HOUR;
        let (middle, end) = (start + one * 17 * HOUR, start + one * 17 * HOUR + two * 13 * HOUR);
        let (first, second, both) =
            (found(&schedule, start, middle), found(&schedule, middle, end), found(&schedule, start, end));
        prop_assume!(!both.truncated && !first.truncated && !second.truncated);
        let mut joined = first.occurrences;
        joined.retain(|one| one.end_ms <= middle || one.end_ms == one.start_ms || one.start_ms >= middle);
        joined.extend(second.occurrences);
        joined.sort_by_key(|one| (one.start_ms, one.recurrence_id));
        let mut expected = both.occurrences;
        expected.sort_by_key(|one| (one.start_ms, one.recurrence_id));
        prop_assert_eq!(joined, expected);
    }

    #[test]
    fn starting_near_the_window_gives_what_starting_at_the_first_gives(
        schedule in any_schedule(),
        days in 0_i64..800,
        length in 1_i64..60,
    ) {
        let begin = zone::instant_ms(schedule.start, &zone::resolve(&schedule.zone));
        let from = begin + days * 24 * HOUR;
        let to = from + length * 24 * HOUR;
        let (near, whole) = (found(&schedule, from, to), found(&schedule, begin - 400 * 24 * HOUR, to));
        prop_assume!(!near.truncated && !whole.truncated);
        let window = Window { from_ms: from, to_ms: to };
        let expected: Vec<_> = whole.occurrences.into_iter().filter(|one| window.meets(one)).collect();
        prop_assert_eq!(near.occurrences, expected);
    }

    #[test]
    fn a_limit_takes_the_first(schedule in any_schedule(), limit in 0_usize..20) {
        let (from_ms, to_ms) = (1_767_225_600_000, 1_767_225_600_000 + 500 * 24 * HOUR);
        let whole = found(&schedule, from_ms, to_ms);
        prop_assume!(!whole.truncated);
        let cut = occurrences(&schedule, Status::Confirmed, Window { from_ms, to_ms }, limit);
        prop_assert_eq!(cut.truncated, whole.occurrences.len() > limit);
        prop_assert_eq!(&cut.occurrences[..], &whole.occurrences[..limit.min(whole.occurrences.len())]);
    }

    #[test]
    fn occurrences_are_ordered_bounded_and_inside(schedule in any_schedule(), from in any::<i64>(), to in any::<i64>()) {
        let window = Window { from_ms: from, to_ms: to };
        let expansion = occurrences(&schedule, Status::Confirmed, window, 50);
        prop_assert!(expansion.occurrences.len() <= 50);
        prop_assert!(expansion.occurrences.is_sorted_by_key(|one| one.start_ms));
        for one in &expansion.occurrences {
            prop_assert!(one.start_ms <= one.end_ms && window.meets(one));
            prop_assert_eq!(one.start.is_date(), one.end.is_date());
        }
        let _ = last_end_ms(&schedule);
    }
}

#[test]
fn a_long_occurrence_over_a_clock_change_is_found_to_its_very_end() {
    // 100 days from the day before summer time: 2,399 hours. Those that begin in January end in summer time.
    let mut schedule = series("20240309T123000", &["FREQ=DAILY;COUNT=400"]);
    schedule.end = local("20240617T123000");
    let everything = occurrences(&schedule, Status::Confirmed, Window::ALL, 1_000).occurrences;
    for one in everything.iter().filter(|one| one.start.date().year() == 2025) {
        let last_moment = Window {
            from_ms: one.end_ms - 1,
            to_ms: one.end_ms,
        };
        let found = occurrences(&schedule, Status::Confirmed, last_moment, 1_000).occurrences;
        assert_eq!(found.first(), Some(one));
    }
}
