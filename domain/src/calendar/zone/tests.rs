#![allow(clippy::unwrap_used, reason = "tests")]

use jiff::civil::Date;
use proptest::prelude::*;

use super::*;

fn custom(definition: &str) -> Zone {
    Zone::Custom {
        name: "Some/Where".to_owned(),
        definition: definition.to_owned(),
    }
}

/// Unix milliseconds of the middle of each month.
fn months(years: std::ops::RangeInclusive<i16>) -> impl Iterator<Item = i64> {
    years.flat_map(|year| {
        (1..=12).map(move |month| {
            instant_ms(
                LocalTime::DateTime(Date::new(year, month, 15).unwrap().at(12, 0, 0, 0)),
                &TimeZone::UTC,
            )
        })
    })
}

/// The zone's VTIMEZONE, right from this year on.
fn written(tz: &TimeZone, from: i16) -> String {
    let since = tz.to_timestamp(Date::new(from, 1, 1).unwrap().at(0, 0, 0, 0)).unwrap();
    crate::calendar::vtimezone::generate("Some/Where", tz, since)
}

#[test]
fn names_of_many_programs_are_found() {
    for (name, expected) in [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        (" \"Europe/Berlin\" ", "Europe/Berlin"),
        ("/freeassociation.sourceforge.net/Europe/Berlin", "Europe/Berlin"),
        (
            "/freeassociation.sourceforge.net/Tzfile/America/Argentina/Buenos_Aires",
            "America/Argentina/Buenos_Aires",
        ),
        ("/mozilla.org/20070129_1/America/New_York", "America/New_York"),
        ("posix/Europe/Vaduz", "Europe/Vaduz"),
        ("http://tzurl.org/zoneinfo/Asia/Tokyo", "Asia/Tokyo"),
        ("America/Los Angeles", "America/Los_Angeles"),
        ("America-Chicago", "America/Chicago"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Eastern Standard Time", "America/New_York"),
        ("Tokyo Standard Time", "Asia/Tokyo"),
        ("Romance Standard Time", "Europe/Paris"),
        ("(UTC-05:00) Eastern Time (US & Canada)", "America/New_York"),
        ("EDT", "America/New_York"),
        ("UTC+2", "Etc/GMT-2"),
        ("GMT-0500", "Etc/GMT+5"),
        ("UTC+11", "Etc/GMT-11"),
        ("UTC+00:00", "UTC"),
        ("Etc/UTC", "UTC"),
        ("utc", "UTC"),
        ("Z", "UTC"),
    ] {
        assert_eq!(find_iana(name).as_deref(), Some(expected), "{name}");
    }
    let long = "x/".repeat(200);
    for unknown in [
        "",
        "/",
        "Customized Time Zone 1",
        "MyTimezone",
        "UTC+25",
        "UTC+05:30",
        "/Europe/CUSTOM",
        &long,
    ] {
        assert_eq!(find_iana(unknown), None, "{unknown}");
    }
}

#[test]
fn unknown_zones_are_utc_and_can_be_told() {
    let unknown = Zone::Named("Middle/Earth".to_owned());
    assert!(lookup(&unknown).is_none());
    assert_eq!(resolve(&unknown), TimeZone::UTC);
    let named = Zone::Custom {
        name: "Europe/Berlin".to_owned(),
        definition: "nonsense".to_owned(),
    };
    assert_eq!(lookup(&named).unwrap().iana_name(), Some("Europe/Berlin"));
}

#[test]
fn wall_times_in_a_gap_and_in_a_fold_are_read_as_the_standard_says() {
    let tz = resolve(&Zone::Named("America/New_York".to_owned()));
    let at = |month, day, hour| LocalTime::DateTime(Date::constant(2024, month, day).at(hour, 30, 0, 0));
    assert_eq!(instant_ms(at(3, 10, 2), &tz), 1_710_055_800_000);
    assert_eq!(instant_ms(at(11, 3, 1), &tz), 1_730_611_800_000);
    assert_eq!(local_at(1_710_055_800_000, &tz), at(3, 10, 3).date_time());
    // Midnight that does not exist.
    let cairo = resolve(&Zone::Named("Africa/Cairo".to_owned()));
    let day = LocalTime::Date(Date::constant(2024, 4, 26));
    assert_eq!(local_at(instant_ms(day, &cairo), &cairo).hour(), 1);
    for ms in [i64::MIN, i64::MAX] {
        let limit = local_at(ms, &tz);
        assert_eq!(limit.year(), if ms < 0 { -9999 } else { 9999 });
        assert_eq!(instant_ms(LocalTime::DateTime(limit), &tz) < 0, ms < 0);
    }
}

#[test]
fn a_definition_is_read_without_regard_to_its_name() {
    let text = "BEGIN:VTIMEZONE\r\nTZID:Customized Time\r\n  Zone 1\r\nBEGIN:STANDARD\r\nDTSTART:16010101T000000\r\n\
                TZOFFSETFROM:+0530\r\nTZOFFSETTO:+0530\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n";
    let tz = lookup(&custom(text)).unwrap();
    let noon = LocalTime::DateTime(Date::constant(2027, 3, 4).at(19, 0, 0, 0));
    assert_eq!(
        local_at(instant_ms(noon, &tz), &TimeZone::UTC),
        Date::constant(2027, 3, 4).at(13, 30, 0, 0)
    );
}

#[test]
fn a_definition_with_rules_dates_and_ends_gives_each_change() {
    // The rules of the United States since 1987, as Outlook writes them, and one change by date.
    let text = "BEGIN:VTIMEZONE\nTZID:Eastern\nBEGIN:DAYLIGHT\nDTSTART:19870405T020000\nTZOFFSETFROM:-0500\n\
                TZOFFSETTO:-0400\nTZNAME:EDT\nRRULE:FREQ=YEARLY;BYMONTH=4;BYDAY=1SU;UNTIL=20060402T070000Z\n\
                END:DAYLIGHT\nBEGIN:STANDARD\nDTSTART:19871025T020000\nTZOFFSETFROM:-0400\nTZOFFSETTO:-0500\n\
                TZNAME:EST\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU;UNTIL=20061029T060000Z\nEND:STANDARD\n\
                BEGIN:DAYLIGHT\nDTSTART:20070311T020000\nTZOFFSETFROM:-0500\nTZOFFSETTO:-0400\nTZNAME:EDT\n\
                RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU\nEND:DAYLIGHT\nBEGIN:STANDARD\nDTSTART:20071104T020000\n\
                RDATE:20081102T020000,20091101T020000\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU\n\
                TZOFFSETFROM:-0400\nTZOFFSETTO:-0500\nTZNAME:EST\nEND:STANDARD\nEND:VTIMEZONE\n";
    let (ours, theirs) = (
        lookup(&custom(text)).unwrap(),
        resolve(&Zone::Named("America/New_York".to_owned())),
    );
    for ms in months(1987..=2199).skip(4) {
        for shift in [0, 5, 17, 26] {
            let ms = ms + shift * 86_400_000;
            assert_eq!(local_at(ms, &ours), local_at(ms, &theirs), "{ms}");
        }
    }
}

#[test]
fn every_zone_survives_being_written_and_read() {
    for name in DATABASE.available() {
        let tz = get(name.as_str()).unwrap();
        for (from, to) in [(1995, 2030), (2026, 2027)] {
            let text = written(&tz, from);
            // Not `lookup`, which would fall back to the name.
            let read = custom::compile("Some/Where", &text).unwrap_or_else(|| panic!("{name}:\n{text}"));
            for ms in months(from..=to) {
                for shift in [0, 9, 18] {
                    let ms = ms + shift * 86_400_000;
                    assert_eq!(local_at(ms, &read), local_at(ms, &tz), "{name} at {ms}:\n{text}");
                }
            }
        }
    }
}

#[test]
fn regular_zones_hold_for_good() {
    let berlin = resolve(&Zone::Named("Europe/Berlin".to_owned()));
    let text = written(&berlin, 2026);
    let read = custom::compile("Europe/Berlin", &text).unwrap();
    for ms in months(2026..=2150) {
        assert_eq!(local_at(ms, &read), local_at(ms, &berlin));
    }
}

#[test]
fn hostile_definitions_are_refused_quickly() {
    let observance =
        |body: &str| format!("BEGIN:STANDARD\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0100\n{body}\nEND:STANDARD\n");
    let endless = observance("DTSTART:00010101T000000\nRRULE:FREQ=SECONDLY");
    let never = observance("DTSTART:00010101T000000\nRRULE:FREQ=SECONDLY;INTERVAL=60;BYSECOND=30").repeat(100);
    let far = "BEGIN:STANDARD\nDTSTART:20260101T000000\nTZOFFSETTO:+9999\nEND:STANDARD\n".to_owned();
    let long = " ".repeat(MAX_DEFINITION_BYTES + 1);
    for text in [endless, never, far, long, String::new(), observance("DTSTART:2026")] {
        assert!(custom::compile("X", &text).is_none(), "{text:.80}");
    }
}

proptest! {
    #[test]
    fn names_and_definitions_never_panic(
        name in ".{0,40}",
        start in "[0-9]{8}T[0-9]{6}Z?|.{0,20}",
        offset in "[-+]?[0-9:]{0,7}|.{0,8}",
        rule in "FREQ=(YEARLY|HOURLY|WEEKLY);BY(MONTH|DAY|SETPOS)=-?[1-9](SU)?",
        noise in ".{0,60}",
    ) {
        let _ = find_iana(&name);
        let text = format!(
            "BEGIN:DAYLIGHT\nDTSTART;X=Y:{start}\nTZOFFSETFROM:{offset}\nTZOFFSETTO:-0730\nRRULE:{rule}\nRDATE:{start}\n{noise}\nEND:DAYLIGHT"
        );
        let tz = resolve(&Zone::Custom { name, definition: text });
        let _ = local_at(0, &tz);
    }
}
