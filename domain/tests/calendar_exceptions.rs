//! What an importer makes of series: exceptions with their master, without it, and with more in them than they should have.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use interhub_domain::calendar::expand::{Window, occurrences};
use interhub_domain::calendar::import::{Import, ImportContext, import};
use interhub_domain::event::{Event, LocalTime, Status};

fn read(text: &str) -> Import {
    let context = ImportContext {
        default_zone: "Europe/London".to_owned(),
        // 2026-11-22T12:00:00Z.
        now_ms: 1_795_348_800_000,
        accept_private: false,
    };
    import(text.replace('\n', "\r\n").as_bytes(), &context).unwrap()
}

/// The event of a calendar with these VEVENTs.
fn only(events: &str) -> Event {
    let mut import = read(&format!("BEGIN:VCALENDAR\n{events}END:VCALENDAR\n"));
    assert_eq!(import.refused, [], "nothing should be refused");
    assert_eq!(import.events.len(), 1);
    import.events.remove(0).event
}

fn time(text: &str) -> LocalTime {
    LocalTime::DateTime(text.parse().unwrap())
}

#[test]
fn a_series_is_read_with_its_exceptions() {
    let import = read(concat!(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:s\nSEQUENCE:1\nSUMMARY:Weekly\nDESCRIPTION:Text\nLOCATION:Hall\n",
        "DTSTART;TZID=Europe/Vienna:20270301T180000\nDTEND;TZID=Europe/Vienna:20270301T190000\n",
        "RRULE:freq=weekly; count=10;\nEXDATE;TZID=Europe/Vienna:20270308T180000\nEXDATE:20270315T170000Z\n",
        "EXDATE;VALUE=DATE:20270322\nRDATE;VALUE=PERIOD;TZID=Europe/Vienna:20270303T100000/PT3H\nEND:VEVENT\n",
        "BEGIN:VEVENT\nUID:s\nSEQUENCE:4\nRECURRENCE-ID:20270405T160000Z\nSUMMARY:Moved\nDESCRIPTION:Text\n",
        "DTSTART;TZID=Europe/Vienna:20270406T180000\nDTEND;TZID=Europe/Vienna:20270406T193000\nEND:VEVENT\n",
        "BEGIN:VEVENT\nUID:s\nRECURRENCE-ID;TZID=Europe/Vienna:20270412T180000\nSUMMARY:Weekly\nDESCRIPTION:Text\n",
        "LOCATION:Hall\nSTATUS:CANCELLED\nDTSTART;TZID=Europe/Vienna:20270412T180000\n",
        "DTEND;TZID=Europe/Vienna:20270412T190000\nEND:VEVENT\n",
        "BEGIN:VEVENT\nUID:s\nRECURRENCE-ID;TZID=Europe/Vienna:20270419T180000\nCLASS:PRIVATE\nSUMMARY:Secret\n",
        "DTSTART;TZID=Europe/Vienna:20270419T180000\nEND:VEVENT\nEND:VCALENDAR\n",
    ));
    assert_eq!(import.events.len(), 1);
    assert_eq!(import.refused.len(), 1, "{:?}", import.refused);
    assert_eq!(
        import.refused[0].reason,
        "its CLASS is not PUBLIC: this occurrence is left out"
    );
    let event = &import.events[0].event;
    assert_eq!(event.sequence, 4);
    let schedule = &event.schedule;
    assert_eq!(schedule.rules, ["FREQ=WEEKLY;COUNT=10"]);
    assert_eq!(schedule.extra, [time("2027-03-03T10:00:00")]);
    assert_eq!(
        schedule.excluded,
        [
            "2027-03-08T18:00:00",
            "2027-03-15T18:00:00",
            "2027-03-22T18:00:00",
            "2027-04-19T18:00:00"
        ]
        .map(time)
    );
    let [period, moved, cancelled] = schedule.overrides.as_slice() else {
        panic!("{:?}", schedule.overrides)
    };
    assert_eq!(
        period.time,
        Some((time("2027-03-03T10:00:00"), time("2027-03-03T13:00:00")))
    );
    assert_eq!(moved.recurrence_id, time("2027-04-05T18:00:00"));
    assert_eq!(
        moved.time,
        Some((time("2027-04-06T18:00:00"), time("2027-04-06T19:30:00")))
    );
    assert_eq!(
        (moved.title.as_deref(), moved.description.as_deref()),
        (Some("Moved"), None)
    );
    assert_eq!(moved.location.as_ref().map(|location| location.name.as_str()), Some(""));
    assert_eq!(
        (cancelled.status, cancelled.time, &cancelled.title),
        (Some(Status::Cancelled), None, &None)
    );
}

/// An exception of one series.
fn exception(day: u32, more: &str) -> String {
    format!(
        "BEGIN:VEVENT\nUID:s\nRECURRENCE-ID:202703{day:02}T180000\nDTSTART:202703{day:02}T180000\nSUMMARY:W\n{more}\
         END:VEVENT\n"
    )
}

/// What says when a series is, as some programs repeat it in each exception.
const REPEATED: [&str; 4] = [
    "RRULE:FREQ=WEEKLY;COUNT=4\n",
    "RRULE:FREQ=DAILY\nRDATE:20270401T180000\nRDATE;VALUE=PERIOD:20270402T180000/PT9H\n",
    "EXDATE:20270315T180000\nEXDATE;VALUE=DATE:20270308,20270315\n",
    // In the series itself it would be a reason to refuse it.
    "RRULE:FREQ=SOMETIMES\n",
];

#[test]
fn exceptions_without_their_master_become_one_event() {
    let all = |more: &str| {
        let cancelled = format!("STATUS:CANCELLED\n{more}");
        [exception(15, more), exception(1, &cancelled), exception(8, more)].concat()
    };
    let event = only(&all(""));
    assert_eq!(event.status, Status::Confirmed);
    assert_eq!(event.schedule.start, time("2027-03-08T18:00:00"));
    assert_eq!(event.schedule.extra, [time("2027-03-15T18:00:00")]);
    for repeated in REPEATED {
        assert_eq!(only(&all(repeated)), event, "{repeated}");
    }
}

#[test]
fn one_exception_without_its_master_is_one_date() {
    let event = only(&exception(15, ""));
    assert!(!event.schedule.is_series());
    for repeated in REPEATED {
        let again = only(&exception(15, repeated));
        assert_eq!(again, event, "{repeated}");
        let found = occurrences(&again.schedule, again.status, Window::ALL, 9).occurrences;
        assert_eq!(
            found.iter().map(|one| one.start).collect::<Vec<_>>(),
            [time("2027-03-15T18:00:00")]
        );
    }
}

#[test]
fn what_an_exception_repeats_of_its_master_changes_nothing() {
    let master = "BEGIN:VEVENT\nUID:s\nDTSTART:20270301T180000\nSUMMARY:Weekly\nRRULE:FREQ=WEEKLY;COUNT=4\n\
                  RDATE:20270320T180000\nEXDATE:20270308T180000\nEND:VEVENT\n";
    let event = only(&format!("{master}{}", exception(15, "")));
    assert_eq!(event.schedule.rules, ["FREQ=WEEKLY;COUNT=4"]);
    assert_eq!(event.schedule.extra, [time("2027-03-20T18:00:00")]);
    assert_eq!(event.schedule.excluded, [time("2027-03-08T18:00:00")]);
    assert_eq!(event.schedule.overrides.len(), 1);
    for repeated in REPEATED {
        for future in ["", ";RANGE=THISANDFUTURE"] {
            let written = |more: &str| {
                let exception = exception(15, more).replace("RECURRENCE-ID:", &format!("RECURRENCE-ID{future}:"));
                only(&format!("{exception}{master}"))
            };
            assert_eq!(written(repeated), written(""), "{repeated}");
        }
    }
}
