//! A hub's year in numbers.

use std::collections::BTreeMap;

use interhub_domain::event::{Occurrence, Status};
use interhub_domain::query::{EventQuery, MAX_LIMIT, fold_tag};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::counter::CounterYear;
use super::{CommandError, Commands};
use crate::projection::HubRow;

/// Years that can be asked for.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2200;
/// Tags that are listed.
const MAX_TAGS: usize = 100;

/// Occurrences of events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Over, and neither cancelled nor postponed.
    pub held: u64,
    /// Cancelled or postponed, over or not.
    pub cancelled: u64,
    /// Still to take place, or going on.
    pub coming: u64,
    /// Minutes of those held, whole days left out.
    pub minutes: u64,
}

impl Numbers {
    fn add(&mut self, occurrence: &Occurrence, now_ms: i64) {
        if occurrence.status == Status::Cancelled {
            self.cancelled += 1;
        } else if occurrence.end_ms > now_ms {
            self.coming += 1;
        } else {
            self.held += 1;
            let length_ms = if occurrence.start.is_date() {
                0
            } else {
                occurrence.end_ms.saturating_sub(occurrence.start_ms)
            };
            self.minutes += u64::try_from(length_ms / 60_000).unwrap_or(0);
        }
    }

    /// What decides the order of groups: all of them, the most first.
    const fn all(self) -> u64 {
        self.held + self.cancelled + self.coming
    }
}

/// A year of this hub: occurrences of the events it hosts, drafts left out, that begin in that year by its own time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The year.
    pub year: i32,
    /// All of it.
    pub total: Numbers,
    /// From January on.
    pub by_month: [Numbers; 12],
    /// An occurrence counts for each of its tags.
    pub by_tag: Vec<(String, Numbers)>,
    /// By slug of the other hosts.
    pub by_cohost: Vec<(String, Numbers)>,
    /// What the hub counts for itself.
    pub counters: Vec<CounterYear>,
}

impl Commands {
    /// The report of a year.
    pub async fn report(&self, year: i32) -> Result<Report, CommandError> {
        self.blocking("report", move |this| this.count_year(year)).await
    }

    fn count_year(&self, year: i32) -> Result<Report, CommandError> {
        let wrong = || CommandError::usage(format!("{year} is not a year from 1970 to 2200"));
        let year_of = i16::try_from(year)
            .ok()
            .filter(|_| YEARS.contains(&year))
            .ok_or_else(wrong)?;
        let zone = TimeZone::get(&self.timezone).unwrap_or(TimeZone::UTC);
        let begins_ms = |year: i16| {
            let day = Date::new(year, 1, 1).ok()?.to_zoned(zone.clone()).ok()?;
            Some(day.timestamp().as_millisecond())
        };
        let from_ms = begins_ms(year_of).ok_or_else(wrong)?;
        let to_ms = begins_ms(year_of + 1).ok_or_else(wrong)?;
        let counters = self.counter_years(year)?;
        let hubs = self.views.hubs()?;
        let own = self.ledger.own_id();
        let Some(house) = hubs.iter().find(|hub| hub.id == own) else {
            return Ok(Report {
                year,
                counters,
                ..Report::default()
            });
        };
        let mut query = EventQuery {
            hub: Some(house.slug.clone()),
            from_ms: Some(from_ms),
            to_ms: Some(to_ms),
            network: true,
            limit: Some(MAX_LIMIT),
            ..EventQuery::default()
        };
        let now_ms = self.clock.now_ms();
        let mut counting = Counting::new(year, &hubs);
        loop {
            let page = self.views.list(&query, now_ms)?;
            for listed in page.items {
                let (row, occurrence) = (&listed.row, &listed.occurrence);
                if row.draft || !(from_ms..to_ms).contains(&occurrence.start_ms) {
                    continue;
                }
                let begins = jiff::Timestamp::from_millisecond(occurrence.start_ms).unwrap_or_default();
                let month = begins.to_zoned(zone.clone()).month();
                let others = row.hosts.iter().copied().filter(|hub| *hub != own);
                counting.add(month, &row.event.tags, others, |numbers| {
                    numbers.add(occurrence, now_ms);
                });
            }
            query.cursor = page.next;
            if query.cursor.is_none() {
                return Ok(Report {
                    counters,
                    ..counting.done()
                });
            }
        }
    }
}

struct Counting<'a> {
    report: Report,
    /// By the form in which tags are compared: the tag as it was first seen, and its numbers.
    by_tag: BTreeMap<String, (String, Numbers)>,
    by_cohost: BTreeMap<String, Numbers>,
    hubs: &'a [HubRow],
}

impl<'a> Counting<'a> {
    fn new(year: i32, hubs: &'a [HubRow]) -> Self {
        Self {
            report: Report {
                year,
                ..Report::default()
            },
            by_tag: BTreeMap::new(),
            by_cohost: BTreeMap::new(),
            hubs,
        }
    }

    fn add(
        &mut self,
        month: i8,
        tags: &[String],
        others: impl Iterator<Item = interhub_domain::ids::HubId>,
        count: impl Fn(&mut Numbers),
    ) {
        count(&mut self.report.total);
        let month = usize::try_from(month - 1).unwrap_or_default();
        if let Some(numbers) = self.report.by_month.get_mut(month) {
            count(numbers);
        }
        let mut folded: BTreeMap<String, &String> = BTreeMap::new();
        for tag in tags {
            folded.entry(fold_tag(tag)).or_insert(tag);
        }
        for (folded, tag) in folded {
            let known = self.by_tag.entry(folded);
            count(&mut known.or_insert_with(|| (tag.clone(), Numbers::default())).1);
        }
        for other in others {
            let row = self.hubs.iter().find(|hub| hub.id == other);
            let slug = row.map_or_else(|| other.short(), |hub| hub.slug.clone());
            count(self.by_cohost.entry(slug).or_default());
        }
    }

    fn done(self) -> Report {
        let sorted = |mut groups: Vec<(String, Numbers)>| {
            groups.sort_by_key(|(_, numbers)| std::cmp::Reverse(numbers.all()));
            groups
        };
        let mut by_tag = sorted(self.by_tag.into_values().collect());
        by_tag.truncate(MAX_TAGS);
        Report {
            by_tag,
            by_cohost: sorted(self.by_cohost.into_iter().collect()),
            ..self.report
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::time::Duration;

    use super::*;
    use crate::command::audience::Audience;
    use crate::command::event::{Ending, EventFields};
    use crate::command::testing::birmingham;
    use crate::task::{Blocking, Tasks};

    /// 2026-11-29 00:00 UTC.
    const NOW_MS: i64 = 1_795_910_400_000;

    #[tokio::test]
    async fn a_year_is_counted_by_month_and_tag_in_the_hubs_own_time() {
        let tasks = Tasks::new(Blocking::Inline);
        let (commands, _) = birmingham(&tasks, NOW_MS);
        assert_eq!(
            commands.report(2026).await.unwrap().total,
            Numbers::default(),
            "without a network"
        );
        commands.ledger.create_network("Test network").unwrap();
        let add = async |title: &str, start: &str, more: EventFields| {
            let fields = EventFields {
                title: Some(title.into()),
                start: Some(start.into()),
                ending: Some(Ending::After(90 * 60)),
                ..more
            };
            commands.add_event(fields).await.unwrap().listed.row.thing.to_string()
        };
        let tagged = |tags: &[&str]| EventFields {
            tags: Some(tags.iter().map(|tag| (*tag).to_owned()).collect()),
            ..EventFields::default()
        };
        let weekly = EventFields {
            rrule: Some("FREQ=WEEKLY;COUNT=10".into()),
            ..tagged(&["coffee"])
        };
        add("Weekly", "2026-10-01T18:00", weekly).await;
        // One tag, however it is written, counts once.
        add("In spring", "2026-03-31T23:30", tagged(&["coffee", "Coffee", "music"])).await;
        add("The year before", "2025-12-31T23:30", EventFields::default()).await;
        add("New year", "2027-01-01T00:00", EventFields::default()).await;
        let gone = add("Called off", "2026-05-05T10:00", tagged(&["music"])).await;
        commands.cancel_event(gone, None).await.unwrap();
        let draft = EventFields {
            audience: Some(Audience::Local),
            ..EventFields::default()
        };
        add("A draft", "2026-06-01T10:00", draft).await;

        let report = commands.report(2026).await.unwrap();
        let numbers = |held, cancelled, coming| Numbers {
            held,
            cancelled,
            coming,
            minutes: held * 90,
        };
        // Of ten weeks from the first of October nine are over.
        assert_eq!(report.total, numbers(10, 1, 1));
        let month = |number: usize| report.by_month[number - 1];
        assert_eq!((month(3), month(5)), (numbers(1, 0, 0), numbers(0, 1, 0)));
        assert_eq!(
            (month(10), month(11), month(12)),
            (numbers(5, 0, 0), numbers(4, 0, 0), numbers(0, 0, 1))
        );
        let expected = [
            ("coffee".to_owned(), numbers(10, 0, 1)),
            ("music".to_owned(), numbers(1, 1, 0)),
        ];
        assert_eq!(report.by_tag, expected);
        assert_eq!(report.by_cohost, []);
        assert_eq!(commands.report(2025).await.unwrap().total, numbers(1, 0, 0));
        assert_eq!(commands.report(2027).await.unwrap().total, numbers(0, 0, 1));
        for wrong in [0, -1, 1969, 2201, i32::MAX, i32::MIN] {
            assert!(commands.report(wrong).await.is_err(), "{wrong}");
        }
        tasks.stop(Duration::from_secs(5)).await;
    }
}
