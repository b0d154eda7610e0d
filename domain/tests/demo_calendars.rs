//! The calendars the demo ships: real feeds, so they are read here as a whole.

#![allow(clippy::unwrap_used, reason = "tests")]

use interhub_domain::calendar::import::{Import, ImportContext, import};
use interhub_domain::event::{LocalTime, Schedule};
use interhub_domain::feature;

fn read(slug: &str, zone: &str) -> Import {
    let path = format!("{}/../demo/calendars/{slug}.ics", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(path).unwrap();
    let context = ImportContext {
        default_zone: zone.to_owned(),
        now_ms: 1_795_348_800_000,
        accept_private: false,
    };
    import(&bytes, &context).unwrap()
}

#[test]
fn each_demo_calendar_is_read_without_a_loss() {
    let day: LocalTime = LocalTime::Date("2026-11-22".parse().unwrap());
    let coming = |schedule: &Schedule| schedule.start.date() >= day.date() || schedule.is_series();
    let (mut series, mut all_day) = (0, 0);
    for (slug, zone) in [
        ("birmingham", "Europe/London"),
        ("amsterdam", "Europe/Amsterdam"),
        ("vienna", "Europe/Vienna"),
    ] {
        let import = read(slug, zone);
        assert_eq!(import.refused, [], "{slug}");
        assert!(import.complete);
        assert!(
            (100..=400).contains(&import.events.len()),
            "{slug}: {}",
            import.events.len()
        );
        assert!(
            import
                .events
                .iter()
                .filter(|imported| coming(&imported.event.schedule))
                .count()
                > 100,
            "{slug}"
        );
        series += import
            .events
            .iter()
            .filter(|imported| imported.event.schedule.is_series())
            .count();
        all_day += import
            .events
            .iter()
            .filter(|imported| imported.event.schedule.all_day())
            .count();
    }
    assert!(
        series >= 20 && all_day >= 10,
        "{series} series, {all_day} all-day events"
    );
}

#[test]
fn the_demo_calendars_hold_no_mail_addresses() {
    let is_mail = |word: &str| {
        word.split_once('@').is_some_and(|(name, host)| {
            name.ends_with(char::is_alphanumeric) && host.starts_with(char::is_alphanumeric) && host.contains('.')
        })
    };
    for slug in ["birmingham", "amsterdam", "vienna"] {
        for imported in read(slug, "UTC").events {
            let event = imported.event;
            let place = event.location.map(|location| location.name).unwrap_or_default();
            let texts = [event.title, event.description, place].join(" ");
            assert_eq!(
                texts.split_whitespace().find(|word| is_mail(word)),
                None,
                "{}",
                event.uid
            );
        }
    }
}

#[test]
fn the_houses_own_events_show_what_an_event_can_say() {
    let (mut translated, mut offering, mut counted) = (0, 0, 0);
    for slug in ["birmingham", "amsterdam", "vienna"] {
        let import = read(&format!("{slug}-house"), "UTC");
        assert_eq!((import.refused, import.warnings), (vec![], vec![]), "{slug}");
        for event in import.events.into_iter().map(|imported| imported.event) {
            let known = |word: &String| feature::KNOWN.contains(&word.as_str());
            assert!(event.features.iter().all(known), "{:?}", event.features);
            translated += event.translations.len();
            offering += usize::from(!event.features.is_empty());
            counted += usize::from(event.capacity.is_some());
        }
    }
    assert!(translated >= 6 && offering >= 6 && counted >= 3);
}
