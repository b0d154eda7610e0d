//! A directory made by hand, for tests and pictures of pages: empty, normal, and overfull.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use interhub_domain::event::{Event, LocalTime, Location, Occurrence, Override, Schedule, Status, Translation, Zone};
use interhub_domain::ids::{HubId, LogId, ObjectId, ThingId};
use interhub_domain::profile::{HubProfile, Point};
use interhub_domain::query::{DEFAULT_LIMIT, EventQuery, QueryParseError};
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::dates::zone_named;
use super::directory::{Directory, DirectoryError};
use crate::projection::facets::{Facets, Tally, sideways};
use crate::projection::places::{Gathered, Places};
use crate::projection::read::Feed;
use crate::projection::{EventRow, HubRow, HubStatus, Listed, Page};
use crate::store::catalogue::picture::{PictureKey, Thumbnail};

/// The moment of all fixtures: Wednesday 25 November 2026, 09:12 in Birmingham.
pub(crate) const NOW: &str = "2026-11-25T09:12:00Z";
/// A title that wants to be markup.
pub(crate) const WICKED: &str = "<script>alert(1)</script> & “quotes” \"'";

pub(crate) fn now_ms() -> i64 {
    NOW.parse::<Timestamp>().expect("a time").as_millisecond()
}

/// Events and hubs in memory, looked up by walking over all of them.
#[derive(Default)]
pub(crate) struct Fixture {
    pub(crate) hubs: Vec<HubRow>,
    pub(crate) events: Vec<(Arc<EventRow>, Vec<Occurrence>)>,
    pub(crate) pictures: BTreeMap<PictureKey, Thumbnail>,
    /// Where feeds say that they end, if there is more than fits.
    pub(crate) feed_ends_ms: Option<i64>,
    /// Every look-up fails.
    pub(crate) broken: bool,
}

impl Fixture {
    fn check(&self) -> Result<(), DirectoryError> {
        if self.broken {
            Err(DirectoryError::Failed("disk on fire".to_owned()))
        } else {
            Ok(())
        }
    }

    fn matches(&self, row: &EventRow, query: &EventQuery) -> bool {
        let hub = self.hubs.iter().find(|hub| hub.id == row.hub);
        let event = &row.event;
        let text = format!("{} {}", event.title, event.description).to_lowercase();
        query
            .hub
            .as_ref()
            .is_none_or(|slug| hub.is_some_and(|hub| &hub.slug == slug))
            && query.tag.as_ref().is_none_or(|tag| event.tags.contains(tag))
            && query
                .text
                .as_ref()
                .is_none_or(|words| text.contains(&words.to_lowercase()))
            && query
                .language
                .as_ref()
                .is_none_or(|wanted| event.languages().any(|language| language.starts_with(wanted)))
            && (!query.online || !event.online_url.is_empty())
            && (!query.in_place || event.location.is_some())
    }
}

impl Fixture {
    /// Each public event that matches, at its first date in the window.
    fn first_dates(&self, query: &EventQuery, now_ms: i64) -> Vec<Listed> {
        let in_window = |o: &&Occurrence| {
            o.end_ms > query.from_ms.unwrap_or(now_ms) && query.to_ms.is_none_or(|to| o.start_ms < to)
        };
        let public = |row: &EventRow| row.log == LogId::PUBLIC && !row.draft;
        let matching = self
            .events
            .iter()
            .filter(|(row, _)| public(row) && self.matches(row, query));
        let dated = matching.filter_map(|(row, occurrences)| {
            let occurrence = occurrences.iter().find(in_window)?.clone();
            let row = Arc::clone(row);
            Some(Listed { row, occurrence })
        });
        dated.collect()
    }
}

impl Directory for Fixture {
    fn list(&self, query: &EventQuery, now_ms: i64) -> Result<Page, DirectoryError> {
        self.check()?;
        let skip: usize = match &query.cursor {
            None => 0,
            Some(cursor) => cursor.parse().map_err(|_| QueryParseError {
                parameter: "cursor",
                reason: "not a cursor of this list; start again without it".to_owned(),
            })?,
        };
        let mut items: Vec<Listed> = Vec::new();
        for (row, occurrences) in self.events.iter().filter(|(row, _)| self.matches(row, query)) {
            let in_window = |o: &&Occurrence| {
                o.end_ms > query.from_ms.unwrap_or(now_ms) && query.to_ms.is_none_or(|to| o.start_ms < to)
            };
            items.extend(occurrences.iter().filter(in_window).map(|occurrence| Listed {
                row: Arc::clone(row),
                occurrence: occurrence.clone(),
            }));
        }
        items.sort_by_key(|listed| (listed.occurrence.start_ms, listed.row.thing));
        let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
        let next = (items.len() > skip + limit).then(|| (skip + limit).to_string());
        Ok(Page {
            items: items.into_iter().skip(skip).take(limit).collect(),
            next,
        })
    }

    fn event(&self, thing: ThingId) -> Result<Option<Arc<EventRow>>, DirectoryError> {
        self.check()?;
        Ok(self
            .events
            .iter()
            .find(|(row, _)| row.thing == thing)
            .map(|(row, _)| Arc::clone(row)))
    }

    fn hubs(&self) -> Result<Vec<HubRow>, DirectoryError> {
        self.check()?;
        Ok(self.hubs.clone())
    }

    fn feed(&self, query: &EventQuery, _now_ms: i64) -> Result<Feed, DirectoryError> {
        self.check()?;
        let found = self.events.iter().filter(|(row, _)| self.matches(row, query));
        Ok(Feed {
            events: found.map(|(row, _)| Arc::clone(row)).collect(),
            ends_ms: self.feed_ends_ms,
        })
    }

    fn news(&self, query: &EventQuery, now_ms: i64, most: usize) -> Result<Vec<Arc<EventRow>>, DirectoryError> {
        let mut events = self.feed(query, now_ms)?.events;
        events.sort_by_key(|row| (std::cmp::Reverse(row.event.updated_ms), row.thing));
        events.truncate(most);
        Ok(events)
    }

    fn occurrences(&self, thing: ThingId, from_ms: i64, limit: usize) -> Result<Vec<Occurrence>, DirectoryError> {
        self.check()?;
        let found = self.events.iter().find(|(row, _)| row.thing == thing);
        let all = found.map_or(&[][..], |(_, occurrences)| occurrences);
        Ok(all.iter().filter(|o| o.end_ms > from_ms).take(limit).cloned().collect())
    }

    fn facets(&self, query: &EventQuery, now_ms: i64) -> Result<Facets, DirectoryError> {
        self.check()?;
        sideways(query, |query| {
            let mut tally = Tally::default();
            for listed in self.first_dates(query, now_ms) {
                tally.add(&listed.row);
            }
            Ok((tally, true))
        })
    }

    fn places(&self, query: &EventQuery, now_ms: i64) -> Result<Places, DirectoryError> {
        self.check()?;
        let mut gathered = Gathered::default();
        for listed in self.first_dates(query, now_ms) {
            gathered.add(&listed);
        }
        Ok(gathered.places(true))
    }

    fn picture(&self, key: PictureKey) -> Result<Option<Thumbnail>, DirectoryError> {
        Ok(self.pictures.get(&key).cloned())
    }

    fn version(&self) -> Result<u64, DirectoryError> {
        self.check()?;
        Ok(1)
    }
}

/// A hub. `age_minutes` is how long ago it was heard from.
pub(crate) fn hub(
    byte: u8,
    slug: &str,
    name: &str,
    zone: &str,
    place: (&str, &str),
    age_minutes: Option<i64>,
) -> HubRow {
    HubRow {
        id: HubId([byte; 16]),
        slug: slug.to_owned(),
        status: HubStatus::Active,
        voter: true,
        guest_of: None,
        own: false,
        address: "hub.example:7400".to_owned(),
        profile: HubProfile {
            name: name.to_owned(),
            timezone: zone.to_owned(),
            locality: place.0.to_owned(),
            country: place.1.to_owned(),
            at: Point::new(52.4751, -1.8848),
            web_url: format!("https://{slug}.example/"),
            description: String::new(),
        },
        as_of_ms: age_minutes.map(|minutes| now_ms() - minutes * 60_000),
    }
}

/// An event under construction.
pub(crate) struct Draft {
    row: EventRow,
    dates: Vec<(LocalTime, LocalTime)>,
    cancelled_date: Option<usize>,
    /// Where its hub is.
    near: Option<Point>,
}

/// A single event at `start` (`2026-11-27T18:30`, or a date) of so many minutes (or days).
pub(crate) fn event(number: u32, hub: &HubRow, title: &str, start: &str, length: i64) -> Draft {
    let start = match start.parse::<jiff::civil::DateTime>() {
        Ok(time) if start.contains('T') => LocalTime::DateTime(time),
        _ => LocalTime::Date(start.parse().expect("a date")),
    };
    let end = match start {
        LocalTime::Date(day) => LocalTime::Date(day + length.days()),
        LocalTime::DateTime(time) => LocalTime::DateTime(time + length.minutes()),
    };
    let mut thing = [0; 16];
    thing[..4].copy_from_slice(&number.to_be_bytes());
    let event = Event {
        uid: format!("{number}@example"),
        sequence: 0,
        status: Status::Confirmed,
        title: title.to_owned(),
        summary: String::new(),
        description: String::new(),
        language: String::new(),
        tags: Vec::new(),
        location: None,
        url: String::new(),
        online_url: String::new(),
        image_url: String::new(),
        translations: BTreeMap::new(),
        features: BTreeSet::new(),
        capacity: None,
        postponed: false,
        schedule: Schedule {
            start,
            end,
            zone: Zone::Named(hub.profile.timezone.clone()),
            rules: Vec::new(),
            extra: Vec::new(),
            excluded: Vec::new(),
            overrides: Vec::new(),
        },
        created_ms: now_ms() - 9 * 86_400_000,
        updated_ms: now_ms() - 86_400_000,
    };
    let row = EventRow {
        thing: ThingId(thing),
        object: ObjectId([1; 16]),
        hub: hub.id,
        log: LogId::PUBLIC,
        draft: false,
        hosts: vec![hub.id],
        invited: Vec::new(),
        conflicts: Vec::new(),
        seen_ms: None,
        event,
    };
    Draft {
        row,
        dates: vec![(start, end)],
        cancelled_date: None,
        near: hub.profile.at,
    }
}

impl Draft {
    pub(crate) fn at(mut self, place: &str) -> Self {
        self.row.event.location = Some(Location {
            name: place.to_owned(),
            at: self.near,
        });
        self
    }

    pub(crate) fn says(mut self, summary: &str, language: &str, tags: &[&str]) -> Self {
        summary.clone_into(&mut self.row.event.summary);
        language.clone_into(&mut self.row.event.language);
        self.row.event.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut EventRow)) -> Self {
        change(&mut self.row);
        self
    }

    /// Every week, so many times.
    pub(crate) fn weekly(mut self, times: i64) -> Self {
        self.row.event.schedule.rules = vec![format!("FREQ=WEEKLY;COUNT={times}")];
        let (start, end) = self.dates[0];
        let later = |time: LocalTime, weeks: i64| match time {
            LocalTime::Date(day) => LocalTime::Date(day + weeks.weeks()),
            LocalTime::DateTime(time) => LocalTime::DateTime(time + weeks.weeks()),
        };
        self.dates = (0..times).map(|week| (later(start, week), later(end, week))).collect();
        self
    }

    /// One date of a series does not take place.
    pub(crate) fn without_date(mut self, index: usize) -> Self {
        self.cancelled_date = Some(index);
        self.row.event.schedule.overrides.push(Override {
            recurrence_id: self.dates[index].0,
            this_and_future: false,
            status: Some(Status::Cancelled),
            time: None,
            title: None,
            description: None,
            location: None,
            url: None,
        });
        self
    }

    pub(crate) fn done(self) -> (Arc<EventRow>, Vec<Occurrence>) {
        let zone = zone_named(self.row.event.schedule.zone.name());
        let series = self.row.event.schedule.is_series();
        let occurrences = self.dates.iter().enumerate().map(|(index, &(start, end))| {
            let cancelled = self.cancelled_date == Some(index);
            Occurrence {
                start,
                end,
                start_ms: instant(&zone, start),
                end_ms: instant(&zone, end),
                recurrence_id: series.then_some(start),
                status: if cancelled {
                    Status::Cancelled
                } else {
                    self.row.event.outward_status()
                },
                override_index: cancelled.then_some(0),
            }
        });
        let occurrences = occurrences.collect();
        (Arc::new(self.row), occurrences)
    }
}

fn instant(zone: &TimeZone, time: LocalTime) -> i64 {
    zone.to_timestamp(time.date_time()).expect("in range").as_millisecond()
}

/// Three houses: one's own, one heard from just now, one not for a day.
pub(crate) fn houses() -> [HubRow; 3] {
    let mut birmingham = hub(
        0x1c,
        "birmingham",
        "Impact Hub Birmingham",
        "Europe/London",
        ("Birmingham", "GB"),
        None,
    );
    birmingham.own = true;
    birmingham.profile.description =
        "A house for people who make things better in and around Digbeth. Desks, a workshop, a kitchen that feeds forty, \
         and an open door on Thursdays.\n\nMore at https://birmingham.example/visit."
            .to_owned();
    let mut vienna = hub(
        0x2d,
        "wien",
        "Impact Hub Wien",
        "Europe/Vienna",
        ("Wien", "AT"),
        Some(2),
    );
    vienna.profile.at = Point::new(48.2012, 16.3521);
    vienna.profile.description =
        "Lindengasse 56, siebter Bezirk: Arbeitsplätze, Werkstatt und eine große Küche.".to_owned();
    let mut amsterdam = hub(
        0x05,
        "amsterdam",
        "Impact Hub Amsterdam",
        "Europe/Amsterdam",
        ("Amsterdam", "NL"),
        Some(26 * 60),
    );
    amsterdam.profile.at = Point::new(52.3625, 4.9221);
    amsterdam.profile.description = "In het oude Tropeninstituut, met uitzicht op het Oosterpark.".to_owned();
    [birmingham, vienna, amsterdam]
}

/// An ordinary network in an ordinary week.
pub(crate) fn normal() -> Fixture {
    let [birmingham, vienna, amsterdam] = houses();
    let events = [
        event(
            1,
            &amsterdam,
            "Oefenfestival: drie dagen repareren",
            "2026-11-24T10:00",
            3 * 1440 - 240,
        )
        .at("De Hallen, Hannie Dankbaarpassage 47")
        .says(
            "Koffiezetapparaten, fietsen, broeken: alles mag stuk zijn.",
            "nl",
            &["repair"],
        ),
        event(2, &birmingham, "Founders’ breakfast", "2026-11-25T09:30", 60)
            .at("The kitchen, Walker Building, 58 Oxford Street, Digbeth")
            .says(
                "Eggs, coffee and one honest question each. Come once or every week.",
                "en",
                &["founders", "food"],
            )
            .weekly(14),
        event(
            3,
            &vienna,
            "Werkstattabend: Lastenräder warten",
            "2026-11-25T18:30",
            150,
        )
        .at("Werkstatt im Hof, Lindengasse 56, 1070 Wien")
        .says(
            "Bremsen, Kette, Licht. Werkzeug ist da, Teile bitte mitbringen.",
            "de",
            &["repair", "bikes"],
        ),
        event(
            4,
            &birmingham,
            "Open evening: see the house, meet the people",
            "2026-11-26T17:30",
            120,
        )
        .at("Walker Building, 58 Oxford Street, Digbeth")
        .says(
            "Tours on the half hour. Bring somebody who has never been.",
            "en",
            &["open house"],
        )
        .with(|row| {
            let event = &mut row.event;
            event.online_url = "https://meet.example/open-evening".to_owned();
            for (tag, title, summary) in [
                (
                    "de",
                    "Offener Abend: Haus und Leute kennenlernen",
                    "Rundgang jede halbe Stunde.",
                ),
                ("es", "Tarde abierta: conoce la casa y a su gente", ""),
            ] {
                let (title, summary) = (title.to_owned(), summary.to_owned());
                event
                    .translations
                    .insert(tag.to_owned(), Translation { title, summary });
            }
            let words = ["wheelchair", "hearing-loop", "sign-language", "childcare", "dogs"];
            event.features = words.map(str::to_owned).into();
            event.capacity = Some(80);
        }),
        event(5, &amsterdam, "Schrijfcafé", "2026-11-26T19:00", 120)
            .at("Leeszaal, Linnaeusstraat 2C")
            .with(|row| row.event.status = Status::Cancelled)
            .weekly(6),
        event(6, &vienna, "Sprachencafé / Language café", "2026-11-26T18:00", 180)
            .at("Küche, Lindengasse 56")
            .says(
                "Deutsch, English, Українська, العربية: an jedem Tisch eine Sprache.",
                "de",
                &["languages"],
            )
            .with(|row| row.hosts.push(HubId([0x05; 16])))
            .weekly(9)
            .without_date(1),
        event(7, &birmingham, "Grant-writing clinic", "2026-11-27T13:00", 180)
            .at("Room 2")
            .says("Bring a draft. Leave with a better one.", "en", &["funding"])
            .with(|row| row.event.status = Status::Tentative),
        event(8, &vienna, "Herbstmarkt der Kleinproduzenten", "2026-11-28", 2)
            .at("Innenhof und Halle, Lindengasse 56, 1070 Wien")
            .says(
                "Zwei Tage Käse, Honig, Papier und Keramik aus der Umgebung.",
                "de",
                &["market", "food"],
            ),
        event(
            9,
            &birmingham,
            "Mend it yourself: clothes and lamps",
            "2026-11-28T11:00",
            240,
        )
        .at("The workshop")
        .says(
            "Two sewing machines, four soldering irons, patient people.",
            "en",
            &["repair"],
        ),
        event(
            10,
            &amsterdam,
            "Kringgesprek energiecoöperaties",
            "2026-11-30T15:00",
            90,
        )
        .at("Zaal Oost")
        .with(|row| row.event.postpone()),
        event(11, &birmingham, "Choir without auditions", "2026-12-01T18:30", 90)
            .at("The hall")
            .says("Everyone can sing something.", "en", &["music"])
            .weekly(12),
        event(12, &vienna, WICKED, "2026-12-02T12:00", 60).with(|row| {
            row.event.description = format!("{WICKED}\n\nSee https://wien.example/x?a=1&b=<2>.");
            row.event.url = "javascript:alert(1)".to_owned();
        }),
        event(13, &vienna, "Not for the public", "2026-11-27T12:00", 60).with(|row| row.log = LogId::NETWORK),
        event(14, &birmingham, "A draft", "2026-11-27T12:00", 60).with(|row| {
            row.draft = true;
            row.log = LogId::LOCAL;
        }),
    ];
    Fixture {
        hubs: vec![birmingham, amsterdam, vienna],
        events: events.into_iter().map(Draft::done).collect(),
        ..Fixture::default()
    }
}

/// Houses without events.
pub(crate) fn empty() -> Fixture {
    Fixture {
        hubs: houses().to_vec(),
        ..Fixture::default()
    }
}

/// Three hundred events in a week, titles of 200 characters, names in Arabic and Vietnamese, forty houses.
pub(crate) fn overfull() -> Fixture {
    let long = "An extraordinarily thorough and generously illustrated introduction to the many small ways in which \
                neighbours have kept Donaudampfschifffahrtsgesellschaftskapitänsmützen and other things in good repair";
    let titles = [
        "أمسية القصص: حكايات من الحي القديم مع الموسيقى والشاي",
        "Đêm nhạc acoustic: những bài hát cũ ở góc phố nhỏ Sài Gòn",
        "Breakfast",
        long,
        "Übungsgruppe „Freie Rede“",
        "https://example.org/a/very/long/address/that/somebody/used/as/a/title/without/any/space/in/it/whatsoever",
        "読書会",
        "Stand-up",
    ];
    let names = [
        ("بيت المبادرات في عمّان", "Asia/Amman", "عمّان", "JO"),
        (
            "Trung tâm Sáng tạo Cộng đồng Thành phố Hồ Chí Minh",
            "Asia/Ho_Chi_Minh",
            "Thành phố Hồ Chí Minh",
            "VN",
        ),
        (
            "The Co-operative Centre for Neighbourhood Enterprise, Shared Workshops and the Civic Arts of Greater Manchester",
            "Europe/London",
            "Manchester",
            "GB",
        ),
        ("Hub", "America/Los_Angeles", "Oakland", "US"),
    ];
    let mut hubs = houses().to_vec();
    for number in 0..37_u8 {
        let (name, zone, town, country) = names[usize::from(number) % names.len()];
        let age = (number % 5 != 0).then(|| i64::from(number) * 3);
        let mut row = hub(
            number.wrapping_mul(37).wrapping_add(60),
            &format!("hub-{number}"),
            name,
            zone,
            (town, country),
            age,
        );
        row.voter = number % 3 != 0;
        let towns = [(31.95, 35.93), (10.78, 106.7), (53.48, -2.24), (37.8, -122.27)];
        let (lat, lon) = towns[usize::from(number) % towns.len()];
        let aside = f64::from(number) / 10.0;
        row.profile.at = Point::new(lat - aside, lon + 2.0 * aside);
        hubs.push(row);
    }
    let monday: Date = date(2026, 11, 25);
    let events = (0..300_u32).map(|number| {
        let hub = &hubs[number as usize % hubs.len()];
        let day = monday + i64::from(number / 43).days();
        let minute = (number * 17) % (14 * 60) + 7 * 60;
        let start = format!("{day}T{:02}:{:02}:00", minute / 60, minute % 60 / 5 * 5);
        let summary = if number % 3 == 0 { long } else { "" };
        event(
            number + 100,
            hub,
            titles[number as usize % titles.len()],
            &start,
            45 + i64::from(number % 4) * 30,
        )
        .at(if number % 2 == 0 {
            "قاعة الطابق الثاني، شارع الرينبو ١٢"
        } else {
            "Room 1"
        })
        .says(
            summary,
            ["ar", "vi", "en", "en", "de", "en", "ja", ""][number as usize % 8],
            &["x", "y"],
        )
        .with(|row| {
            row.event.description = format!("{long}\n\n{long}");
            if number % 11 == 0 {
                row.event.status = Status::Cancelled;
            }
        })
        .done()
    });
    let events = events.collect();
    Fixture {
        hubs,
        events,
        ..Fixture::default()
    }
}
