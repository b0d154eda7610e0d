//! Events that repeat more often than anything people go to.

use interhub_domain::query::EventQuery;

use super::super::stream::MOST_A_DAY;
use super::super::testing::{DAY_MS, HOUR_MS, House, NOW_MS, event, thing};

const RULES: [&str; 3] = ["FREQ=SECONDLY", "FREQ=MINUTELY", "FREQ=MINUTELY;INTERVAL=7"];

/// A hundred events on as many days, and among them one with this rule that has gone on for years.
fn house(rule: &str, hours: i64) -> House {
    let house = House::new();
    for number in 1..=100 {
        let day = jiff::civil::date(2026, 11, 23).saturating_add(jiff::Span::new().days(i64::from(number)));
        house.put(&event(number, "An evening", &format!("{day}T18:00")));
    }
    let mut flood = event(200, "Flood", "2020-01-01T00:00");
    flood.event.schedule.end = super::later(flood.event.schedule.start, hours);
    flood.event.schedule.rules = vec![rule.into()];
    house.put(&flood);
    house
}

#[test]
fn a_feed_and_its_figures_have_all_that_is_to_come() {
    for rule in RULES {
        for hours in [0, 1, 30] {
            let house = house(rule, hours);
            for from_ms in [None, Some(NOW_MS)] {
                let query = EventQuery {
                    from_ms,
                    ..EventQuery::default()
                };
                let feed = house.views.feed(&query, NOW_MS).unwrap();
                assert_eq!((feed.events.len(), feed.ends_ms), (101, None), "{rule}, {hours} h");
                let mut seen = 0;
                let limits = (10_000, 50_000);
                let complete = house
                    .views
                    .each_event(&query, NOW_MS, limits, &mut |_| seen += 1)
                    .unwrap();
                assert!(complete && seen == 101, "{rule}, {hours} h: {seen}");
            }
        }
    }
}

#[test]
fn a_list_has_the_first_of_each_day_however_it_is_paged() {
    for (rule, hours) in [
        ("FREQ=SECONDLY", 0),
        ("FREQ=MINUTELY", 0),
        ("FREQ=MINUTELY;INTERVAL=7", 1),
    ] {
        let house = house(rule, hours);
        let query = |limit| EventQuery {
            from_ms: Some(NOW_MS),
            to_ms: Some(NOW_MS + 10 * DAY_MS),
            limit: Some(limit),
            ..EventQuery::default()
        };
        let (whole, _) = house.list_all(&query(1_000), NOW_MS);
        let floods: Vec<i64> = whole
            .iter()
            .filter(|listed| listed.row.thing == thing(200))
            .map(|listed| listed.occurrence.start_ms)
            .collect();
        let on = |day: i64| floods.iter().filter(|start| start.div_euclid(DAY_MS) == day).count();
        let today = NOW_MS.div_euclid(DAY_MS);
        assert!((1..10).all(|day| on(today + day) == MOST_A_DAY), "{rule}");
        assert!(on(today) <= MOST_A_DAY && floods.len() < 11 * MOST_A_DAY, "{rule}");
        // Those of each day are its first.
        let first = (today + 3) * DAY_MS;
        let within = first..first + 24 * HOUR_MS;
        let of_day: Vec<&i64> = floods.iter().filter(|start| within.contains(start)).collect();
        assert!(*of_day[0] < first + 7 * 60_000, "{rule}");
        assert_eq!(whole.len(), floods.len() + 8, "{rule}: the evenings are there too");
        for limit in [1, 7, 25] {
            let (paged, _) = house.list_all(&query(limit), NOW_MS);
            let starts = |items: &[crate::projection::Listed]| {
                let of = items
                    .iter()
                    .map(|listed| (listed.row.thing, listed.occurrence.start_ms));
                of.collect::<Vec<_>>()
            };
            assert_eq!(starts(&paged), starts(&whole), "{rule}, {limit} a page");
        }
    }
}
