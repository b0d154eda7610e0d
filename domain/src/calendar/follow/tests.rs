use super::*;
use crate::calendar::import::{ImportContext, import};

/// 2026-11-22 12:00 UTC.
const NOW_MS: i64 = 1_795_348_800_000;
const DAY_MS: i64 = 86_400_000;

fn calendar(events: &str) -> Vec<u8> {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n").into_bytes()
}

fn vevent(uid: &str, start: &str, title: &str, more: &str) -> String {
    format!(
        "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20261101T000000Z\r\nDTSTART:{start}\r\nSUMMARY:{title}\r\nLOCATION:Hall\r\n\
         {more}END:VEVENT\r\n"
    )
}

fn read(events: &str) -> Vec<ImportedEvent> {
    let context = ImportContext {
        default_zone: "Europe/London".into(),
        now_ms: NOW_MS,
        accept_private: false,
    };
    import(&calendar(events), &context).unwrap().events
}

fn traits(events: &str) -> Vec<Traits> {
    read(events).iter().map(Traits::of).collect()
}

fn known(events: &str) -> Vec<Known> {
    let known = |traits| Known {
        traits,
        gone: false,
        missing_since_ms: None,
    };
    traits(events).into_iter().map(known).collect()
}

fn next(known: &[Known], events: &str) -> Plan {
    let read = traits(events);
    let download = Download {
        read: &read,
        unread: &BTreeSet::new(),
        complete: true,
        gaps: Gaps::default(),
    };
    plan(known, download, NOW_MS)
}

#[test]
fn the_same_changed_and_new_are_told_apart() {
    let before = vevent("a", "20270101T100000Z", "One", "") + &vevent("b", "20270102T100000Z", "Two", "");
    let after = vevent("b", "20270102T110000Z", "Two", "")
        + &vevent("c", "20270103T100000Z", "Three", "")
        + &vevent("a", "20270101T100000Z", "One", "").replace("20261101", "20261122");
    let plan = next(&known(&before), &after);
    assert_eq!(plan.steps, [Step::Differs(1), Step::New, Step::Same(0)]);
    assert!(plan.gone.is_empty() && plan.awaited.is_empty() && plan.absent.is_empty());
}

#[test]
fn an_event_under_a_new_uid_is_the_one_with_its_title_start_and_place() {
    let before = vevent("a", "20270101T100000Z", "Café, with music", "") + &vevent("b", "20270102T100000Z", "Two", "");
    let after = vevent("x", "20270102T100000Z", "Two", "")
        + &vevent("y", "20270101T100000Z", "  CAFÉ - with Music!", "")
        + &vevent("z", "20270101T110000Z", "Café, with music", "");
    let plan = next(&known(&before), &after);
    // A fingerprint covers the UID: what has another one says something else.
    assert_eq!(plan.steps, [Step::Differs(1), Step::Differs(0), Step::New]);
    assert!(plan.gone.is_empty() && plan.absent.is_empty());
}

#[test]
fn several_alike_are_paired_one_by_one_whatever_their_order() {
    let one = |uid: &str| vevent(uid, "20270101T100000Z", "Tour", "");
    let before = one("b") + &one("a");
    let plan = next(&known(&before), &(one("y") + &one("x") + &one("z")));
    let mut steps = plan.steps;
    steps.sort_by_key(|step| format!("{step:?}"));
    assert_eq!(steps, [Step::Differs(0), Step::Differs(1), Step::New]);
    let known_uid = next(&known(&before), &(one("y") + &one("a")));
    assert_eq!(known_uid.steps, [Step::Differs(0), Step::Same(1)]);
}

#[test]
fn what_is_gone_and_to_come_is_cancelled_and_what_has_begun_is_not() {
    let over = vevent("over", "20261101T100000Z", "Over", "");
    let begun = vevent("begun", "20261122T110000Z", "Begun", "DTEND:20261201T130000Z\r\n");
    let soon = vevent("soon", "20261123T100000Z", "Soon", "");
    let series = vevent("series", "20261001T100000Z", "Weekly", "RRULE:FREQ=WEEKLY\r\n");
    let ended = vevent(
        "ended",
        "20261001T100000Z",
        "Weekly before",
        "RRULE:FREQ=WEEKLY;COUNT=3\r\n",
    );
    let stays = vevent("stays", "20270101T100000Z", "Stays", "");
    let before = over + &begun + &soon + &series + &ended + &stays;
    let plan = next(&known(&before), &stays);
    assert_eq!(plan.gone, [2, 3]);
    assert_eq!(plan.absent, [0, 1, 4]);
}

#[test]
fn what_falls_off_the_end_of_a_calendar_is_not_cancelled() {
    let before = vevent("near", "20270101T100000Z", "Near", "") + &vevent("far", "20270301T100000Z", "Far", "");
    let after = vevent("near", "20270101T100000Z", "Near", "") + &vevent("new", "20270201T100000Z", "New", "");
    let plan = next(&known(&before), &after);
    assert!(plan.gone.is_empty() && plan.awaited.is_empty());
    assert_eq!(plan.absent, [1]);
}

#[test]
fn an_empty_calendar_and_one_cut_short_cancel_nothing() {
    let before = vevent("a", "20270101T100000Z", "One", "") + &vevent("b", "20270102T100000Z", "Two", "");
    let known = known(&before);
    assert!(next(&known, "").gone.is_empty());
    let read = traits(&vevent("b", "20270102T100000Z", "Two", ""));
    let cut_short = Download {
        read: &read,
        unread: &BTreeSet::new(),
        complete: false,
        gaps: Gaps::default(),
    };
    let planned = plan(&known, cut_short, NOW_MS);
    assert!(planned.gone.is_empty() && planned.awaited.is_empty() && planned.absent.is_empty());
    let whole = Download {
        complete: true,
        ..cut_short
    };
    assert_eq!(plan(&known, whole, NOW_MS).gone, [0]);
    let unread = BTreeSet::from([uid_hash("a")]);
    let refused = Download {
        unread: &unread,
        ..whole
    };
    assert_eq!(plan(&known, refused, NOW_MS).gone, [] as [usize; 0]);
}

#[test]
fn a_calendar_cut_short_takes_no_exception_from_a_series() {
    let exception = |day: &str, more: &str| {
        vevent("s", &format!("{day}T150000Z"), "Weekly", more)
            .replace("DTSTART", &format!("RECURRENCE-ID:{day}T100000Z\r\nDTSTART"))
    };
    let single = vevent("a", "20270101T100000Z", "One", "");
    let master = vevent("s", "20261105T100000Z", "Weekly", "RRULE:FREQ=WEEKLY\r\n");
    let (first, second) = (exception("20261126", ""), exception("20261203", "STATUS:CANCELLED\r\n"));
    let whole = known(&format!("{single}{master}{first}{second}"));
    let step = |known: &[Known], events: &str, complete: bool| {
        let read = traits(events);
        let download = Download {
            read: &read,
            unread: &BTreeSet::new(),
            complete,
            gaps: Gaps::default(),
        };
        plan(known, download, NOW_MS).steps
    };
    let changed = single.replace("One", "Two");
    let cut = format!("{changed}{master}{first}");
    assert_eq!(step(&whole, &cut, false), [Step::Differs(0), Step::Same(1)]);
    assert_eq!(step(&whole, &cut, true), [Step::Differs(0), Step::Differs(1)]);
    // One exception alone does not look like a series.
    assert_eq!(step(&whole, &first, false), [Step::Same(1)]);
    let mut gone = whole.clone();
    gone[1].gone = true;
    assert_eq!(step(&gone, &master, false), [Step::Differs(1)]);
}

#[test]
fn most_of_a_calendar_gone_at_once_is_believed_at_the_second_time() {
    let event = |day: usize| {
        vevent(
            &format!("u{day}"),
            &format!("202701{day:02}T100000Z"),
            &format!("Day {day}"),
            "",
        )
    };
    let before: String = (1..=10).map(event).collect();
    let mut known = known(&before);
    let after: String = [1, 2, 10].map(event).concat();
    let first = next(&known, &after);
    assert_eq!((first.gone.len(), first.held_back, first.awaited.len()), (0, 7, 7));
    for index in first.awaited {
        known[index].missing_since_ms = Some(NOW_MS - 900_000);
    }
    let second = next(&known, &after);
    assert_eq!((second.gone.len(), second.held_back), (7, 0));
}

#[test]
fn a_calendar_that_flickers_is_given_time() {
    let before = vevent("a", "20270101T100000Z", "One", "") + &vevent("b", "20270102T100000Z", "Two", "");
    let after = traits(&vevent("b", "20270102T100000Z", "Two", ""));
    let mut known = known(&before);
    let mut gaps = Gaps::default();
    let look = |known: &[Known], gaps: Gaps| {
        let download = Download {
            read: &after,
            unread: &BTreeSet::new(),
            complete: true,
            gaps,
        };
        plan(known, download, NOW_MS)
    };
    for hours in [1, 30] {
        known[0].missing_since_ms = Some(NOW_MS - hours * 3_600_000);
        gaps.add(&known[0], NOW_MS);
        assert_eq!(gaps.patience_ms(), 0, "once or twice is a change of mind");
    }
    gaps.add(&known[0], NOW_MS);
    assert_eq!((gaps.count, gaps.patience_ms()), (3, 30 * 3_600_000));
    let mut missing = |since_ms: Option<i64>| {
        known[0].missing_since_ms = since_ms;
        let plan = look(&known, gaps);
        (plan.gone.len(), plan.awaited.len(), plan.held_back)
    };
    assert_eq!(missing(None), (0, 1, 0));
    assert_eq!(missing(Some(NOW_MS - 29 * 3_600_000)), (0, 1, 0));
    assert_eq!(missing(Some(NOW_MS - 31 * 3_600_000)), (1, 0, 0));
    gaps.longest_ms = 30 * DAY_MS;
    assert_eq!(gaps.patience_ms(), MAX_PATIENCE_MS);
}

#[test]
fn what_comes_back_differs_also_if_it_says_the_same() {
    let before = vevent("a", "20270101T100000Z", "One", "");
    let mut known = known(&before);
    known[0].gone = true;
    assert_eq!(next(&known, &before).steps, [Step::Differs(0)]);
    assert_eq!(next(&known, "").gone, [] as [usize; 0]);
}

#[test]
fn of_a_series_that_is_gone_only_what_is_to_come_is_cancelled() {
    let more = "RRULE:FREQ=WEEKLY\r\n";
    let moved = "BEGIN:VEVENT\r\nUID:s\r\nDTSTAMP:20261101T000000Z\r\nRECURRENCE-ID:20261126T100000Z\r\n\
                 DTSTART:20261127T150000Z\r\nSUMMARY:Moved\r\nEND:VEVENT\r\n";
    let events = read(&(vevent("s", "20261105T100000Z", "Weekly", more) + moved));
    let event = cancelled(&events[0].event, NOW_MS);
    let window = Window {
        from_ms: 0,
        to_ms: NOW_MS + 60 * DAY_MS,
    };
    let all = expand::occurrences(&event.schedule, event.status, window, 100).occurrences;
    assert!(all.len() > 8);
    for one in &all {
        assert_eq!(one.status == Status::Cancelled, one.start_ms > NOW_MS, "{one:?}");
    }
    // The date that was moved by itself keeps its new time.
    assert!(
        all.iter().any(|one| one.start.to_string() == "2026-11-27T15:00:00"),
        "{all:?}"
    );
    let single = &read(&vevent("a", "20270101T100000Z", "One", ""))[0].event;
    assert_eq!(cancelled(single, NOW_MS).status, Status::Cancelled);
}

proptest::proptest! {
    /// Whatever two downloads have, each known event is one event of the next at most, and what is in it is not gone.
    #[test]
    fn everything_is_paired_once(
        before in proptest::collection::vec((0_u8..12, 0_u8..4, 1_u8..28), 0..12),
        after in proptest::collection::vec((0_u8..12, 0_u8..4, 1_u8..28), 0..12),
    ) {
        let text = |all: &[(u8, u8, u8)]| -> String {
            all.iter()
                .map(|(uid, title, day)| vevent(&format!("u{uid}"), &format!("202701{day:02}T100000Z"), &format!("T{title}"), ""))
                .collect()
        };
        let (known, read) = (known(&text(&before)), traits(&text(&after)));
        let planned = next(&known, &text(&after));
        proptest::prop_assert_eq!(planned.steps.len(), read.len());
        let mut paired = BTreeSet::new();
        for (step, traits) in planned.steps.iter().zip(&read) {
            let (Step::Same(index) | Step::Differs(index)) = *step else {
                proptest::prop_assert!(known.iter().all(|one| one.traits.uid != traits.uid));
                continue;
            };
            proptest::prop_assert!(paired.insert(index));
            let one = &known[index].traits;
            proptest::prop_assert!(one.uid == traits.uid || one.likeness == traits.likeness);
        }
        for index in planned.gone.iter().chain(&planned.awaited).chain(&planned.absent) {
            proptest::prop_assert!(!paired.contains(index));
        }
        // The order in a download means nothing: the same pairs come of it.
        let mut turned = read.clone();
        turned.reverse();
        let turned = plan(&known, Download { read: &turned, unread: &BTreeSet::new(), complete: true, gaps: Gaps::default() }, NOW_MS);
        let mut steps = turned.steps;
        steps.reverse();
        let pairs = |steps: &[Step]| -> BTreeSet<(usize, Option<usize>)> {
            steps.iter().enumerate().map(|(at, step)| (at, match step {
                Step::New => None,
                Step::Same(index) | Step::Differs(index) => Some(*index),
            })).collect()
        };
        proptest::prop_assert_eq!(pairs(&steps), pairs(&planned.steps));
    }
}
