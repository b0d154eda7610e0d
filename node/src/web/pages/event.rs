//! `/events/{id}`: one event, or one date of a series; and `/events/{id}.ics`.

use std::sync::Arc;

use askama::Template;
use interhub_domain::event::{Attendance, Event, LocalTime, Location, Occurrence, Status};
use interhub_domain::feature;
use interhub_domain::ids::{LogId, ThingId};
use interhub_domain::profile::Point;
use interhub_domain::query::QueryParseError;
use jiff::civil::{Date, DateTime};
use serde_json::{Value, json};

use super::super::answer::Problem;
use super::super::dates::When;
use super::super::params::{Params, encode};
use super::super::respond::Reply;
use super::super::visit::Visit;
use super::super::words::fill;
use super::super::{Site, feed, text};
use super::board::{Board, Frame, HubTag, Shown, language_tag, name_of};
use super::html;
use super::picture::Picture;
use crate::projection::EventRow;

/// The parameter that chooses one date of a series: the start its rule gives.
pub(super) const AT: &str = "at";
/// Dates of a series that are shown.
const MAX_DATES: usize = 10;
/// Dates of a series among which a link's date is looked for; a link further ahead shows the next date instead.
const MAX_SEARCHED_DATES: usize = 1_000;
/// Characters of a tag, or of a feature that this version does not know.
const MAX_WORD_CHARS: usize = 100;
/// Characters of a description in previews.
const MAX_PREVIEW_CHARS: usize = 200;
/// A day, in milliseconds.
const DAY_MS: i64 = 86_400_000;

#[derive(Template)]
#[template(path = "event.html")]
struct EventPage {
    frame: Frame,
    title: String,
    /// Of the title.
    language: Option<String>,
    /// It does not take place at this time: cancelled, or postponed.
    cancelled: bool,
    /// The address names a date that the series does not have.
    another_date: Option<&'static str>,
    /// A sentence above everything else: cancelled, postponed, over, to be confirmed.
    notice: Option<&'static str>,
    when: When,
    zone_sentence: Option<String>,
    place: String,
    point: Option<PointLink>,
    attendance: Option<&'static str>,
    online_url: Option<WebLink>,
    url: Option<WebLink>,
    picture: Option<WebLink>,
    /// The small copy of it.
    image: Option<Picture>,
    summary: String,
    summary_language: Option<String>,
    description: String,
    text_language: Option<String>,
    capacity: Option<String>,
    features: Vec<String>,
    tags: Vec<TagLink>,
    hub: HubTag,
    with: Vec<HubTag>,
    dates: Vec<DateLink>,
    calendar: String,
    changed: String,
    json_ld: String,
}

struct PointLink {
    geo: String,
    text: String,
}

struct WebLink {
    href: String,
    host: String,
}

struct TagLink {
    name: String,
    href: String,
}

/// One date of a series.
struct DateLink {
    href: String,
    when: When,
    /// It does not take place then: the word that says so.
    off: Option<&'static str>,
    current: bool,
}

/// `/events/{id}`, and `/events/{id}.ics`, which the router cannot tell apart.
pub(crate) fn event(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    if let Some(id) = visit.name.strip_suffix(".ics") {
        let row = find(site, id)?;
        return feed::one_event(site, visit, &row);
    }
    let row = find(site, &visit.name)?;
    let board = Board::load(site, visit)?;
    let asked = visit.params().get(AT).map(parse_local).transpose()?;
    let upcoming = site
        .state
        .directory
        .occurrences(row.thing, board.reader.now_ms, MAX_DATES)?;
    let occurrence = choose(site, &row, asked, &upcoming)?;
    let is_another = row.event.schedule.is_series() && asked.is_some_and(|asked| !is_at(&occurrence, asked));
    render(&board, &row, (&occurrence, is_another), &upcoming)
}

/// The public event of this id.
pub(crate) fn find(site: &Site, id: &str) -> Result<Arc<EventRow>, Problem> {
    let thing: ThingId = id.parse().map_err(|_| Problem::NotFound)?;
    let row = site.state.directory.event(thing)?.ok_or(Problem::NotFound)?;
    if row.draft || row.log != LogId::PUBLIC {
        Err(Problem::NotFound)
    } else {
        Ok(row)
    }
}

/// A date of a series as links name it.
fn parse_local(text: &str) -> Result<LocalTime, QueryParseError> {
    let read = if text.contains('T') {
        text.parse::<DateTime>().ok().map(LocalTime::DateTime)
    } else {
        text.parse::<Date>().ok().map(LocalTime::Date)
    };
    read.ok_or_else(|| QueryParseError {
        parameter: AT,
        reason: "expected a date or a local time, such as 2027-03-04 or 2027-03-04T18:30:00".to_owned(),
    })
}

/// Whether this is the occurrence that an address names, by its time or by its day alone.
fn is_at(occurrence: &Occurrence, asked: LocalTime) -> bool {
    occurrence.recurrence_id.is_some_and(|at| match asked {
        LocalTime::Date(day) => at.date() == day,
        LocalTime::DateTime(_) => at == asked,
    })
}

/// The date to show: the one asked for, else the next, else the last before now, else the first.
fn choose(
    site: &Site,
    row: &EventRow,
    asked: Option<LocalTime>,
    upcoming: &[Occurrence],
) -> Result<Occurrence, Problem> {
    let directory = &site.state.directory;
    if let Some(asked) = asked {
        let is_asked = |o: &&Occurrence| is_at(o, asked);
        if let Some(found) = upcoming.iter().find(is_asked) {
            return Ok(found.clone());
        }
        let near = directory.occurrences(row.thing, before(asked), MAX_SEARCHED_DATES)?;
        if let Some(found) = near.iter().find(is_asked) {
            return Ok(found.clone());
        }
    }
    if let Some(next) = upcoming.first() {
        return Ok(next.clone());
    }
    let mut past = directory.occurrences(row.thing, before(row.event.schedule.start), MAX_SEARCHED_DATES)?;
    Ok(past.pop().unwrap_or_else(|| first(row)))
}

/// A moment surely before a wall time, Unix milliseconds: no zone is two days from UTC.
pub(crate) fn before(time: LocalTime) -> i64 {
    utc_ms(time).saturating_sub(2 * DAY_MS)
}

/// The instant of a wall time read as UTC, Unix milliseconds.
fn utc_ms(time: LocalTime) -> i64 {
    jiff::tz::TimeZone::UTC
        .to_timestamp(time.date_time())
        .map_or(0, jiff::Timestamp::as_millisecond)
}

/// The first occurrence as the event's own fields give it: for a series without any date left.
fn first(row: &EventRow) -> Occurrence {
    let schedule = &row.event.schedule;
    Occurrence {
        start: schedule.start,
        end: schedule.end,
        start_ms: utc_ms(schedule.start),
        end_ms: utc_ms(schedule.end),
        recurrence_id: None,
        status: row.event.outward_status(),
        override_index: None,
    }
}

fn render(
    board: &Board<'_>,
    row: &EventRow,
    (occurrence, is_another): (&Occurrence, bool),
    upcoming: &[Occurrence],
) -> Result<Reply, Problem> {
    let (words, event) = (board.words, &row.event);
    let shown = Shown::of(event, Some(occurrence), words.tag);
    let title = board.title(shown.title.text).into_owned();
    let city = board.city(row);
    let when = board.reader.when(occurrence, &city);
    let path = format!("/events/{}", row.thing);
    let canonical = match occurrence.recurrence_id {
        Some(at) if board.visit.params().get(AT).is_some() && !is_another => {
            Params::default().with(AT, &at.to_string())
        }
        _ => Params::default(),
    };
    let mut frame = board.frame(&title, "", &path, &canonical);
    frame.kind = "article";
    let preview = [shown.summary.text, shown.description]
        .into_iter()
        .find(|text| !text.trim().is_empty());
    frame.description = format!(
        "{} · {}",
        when.full,
        text::one_line(preview.unwrap_or(&title), MAX_PREVIEW_CHARS)
    );
    let image = Picture::at(board.site, &event.image_url);
    frame.image = match &image {
        // Previews are made elsewhere: they need the whole address.
        Some(small) if !board.site.state.web_url.is_empty() => Some(board.site.address(&small.path)),
        _ => text::safe_link(&event.image_url).map(str::to_owned),
    };
    let dates = if event.schedule.is_series() {
        dates(board, row, occurrence, upcoming, &city)
    } else {
        Vec::new()
    };
    html(&EventPage {
        json_ld: text::json_for_script(&json_ld(board, row, occurrence, &shown, &when)),
        language: language_tag(shown.title.language),
        cancelled: occurrence.status == Status::Cancelled,
        another_date: is_another.then_some(words.another_date),
        notice: notice(board, event, occurrence),
        zone_sentence: when
            .zone
            .as_ref()
            .map(|_| fill(words.times_in, &[("zone", event.schedule.zone.name())])),
        place: text::one_line(shown.location.map_or("", |place| place.name.as_str()), usize::MAX),
        point: shown.location.and_then(|place| place.at).map(point_link),
        attendance: Attendance::of(shown.location, &event.online_url).map(|attendance| match attendance {
            Attendance::InPlace => words.in_place,
            Attendance::Online => words.online,
            Attendance::Hybrid => words.hybrid,
        }),
        online_url: web_link(&event.online_url),
        url: web_link(shown.url),
        picture: web_link(&event.image_url),
        image,
        summary: text::one_line(shown.summary.text, usize::MAX),
        summary_language: language_tag(shown.summary.language),
        description: text::paragraphs(shown.description),
        text_language: language_tag(&event.language),
        capacity: event
            .capacity
            .map(|number| fill(words.people, &[("count", &number.to_string())])),
        features: features(board, event),
        tags: tags(board, row),
        hub: board.tag(row.hub),
        with: row
            .hosts
            .iter()
            .filter(|id| **id != row.hub)
            .map(|id| board.tag(*id))
            .collect(),
        dates,
        calendar: format!("{path}.ics"),
        changed: board.reader.moment(event.updated_ms),
        when,
        title,
        frame,
    })
}

/// The sentence above everything else.
fn notice(board: &Board<'_>, event: &Event, occurrence: &Occurrence) -> Option<&'static str> {
    let words = board.words;
    let over = occurrence.end_ms.max(occurrence.start_ms) < board.reader.now_ms;
    match occurrence.status {
        Status::Cancelled if event.postponed => Some(words.is_postponed),
        Status::Cancelled if event.status == Status::Cancelled || !event.schedule.is_series() => {
            Some(words.is_cancelled)
        }
        Status::Cancelled => Some(words.date_cancelled),
        _ if over => Some(words.is_over),
        Status::Tentative => Some(words.is_tentative),
        Status::Confirmed => None,
    }
}

/// In the order of the list of words; those of later versions at the end, as they are.
fn features(board: &Board<'_>, event: &Event) -> Vec<String> {
    let known = feature::KNOWN.iter().zip(board.words.features);
    let known = known.filter(|(word, _)| event.features.contains(**word));
    let named = known.map(|(_, name)| name.to_owned());
    let others = event
        .features
        .iter()
        .filter(|word| !feature::KNOWN.contains(&word.as_str()));
    named
        .chain(others.map(|word| text::one_line(word, MAX_WORD_CHARS)))
        .collect()
}

fn tags(board: &Board<'_>, row: &EventRow) -> Vec<TagLink> {
    let link = |tag: &String| TagLink {
        name: text::one_line(tag, MAX_WORD_CHARS),
        href: board.visit.plain_link(&format!("/tags/{}", encode(tag))),
    };
    row.event
        .tags
        .iter()
        .filter(|tag| !tag.trim().is_empty())
        .map(link)
        .collect()
}

fn dates(board: &Board<'_>, row: &EventRow, shown: &Occurrence, upcoming: &[Occurrence], city: &str) -> Vec<DateLink> {
    let link = |occurrence: &Occurrence| DateLink {
        href: board.event_link(row, Some(occurrence)),
        when: board.reader.when(occurrence, city),
        off: board.off(&row.event, occurrence.status),
        current: occurrence.start_ms == shown.start_ms && occurrence.recurrence_id == shown.recurrence_id,
    };
    upcoming.iter().map(link).collect()
}

/// RFC 5870.
fn point_link(at: Point) -> PointLink {
    PointLink {
        geo: format!("geo:{:.6},{:.6}", at.lat, at.lon),
        text: format!("{:.4}, {:.4}", at.lat, at.lon),
    }
}

fn web_link(url: &str) -> Option<WebLink> {
    let href = text::safe_link(url.trim())?;
    Some(WebLink {
        href: href.to_owned(),
        host: text::link_host(href).to_owned(),
    })
}

/// The event as schema.org/Event, for search engines.
fn json_ld(board: &Board<'_>, row: &EventRow, occurrence: &Occurrence, shown: &Shown<'_>, when: &When) -> Value {
    let event = &row.event;
    let online = text::safe_link(&event.online_url).map(|url| json!({"@type": "VirtualLocation", "url": url}));
    let place = shown.location.map(|place| place_ld(place, event));
    let mode = Attendance::of(shown.location, &event.online_url).map(|attendance| match attendance {
        Attendance::Hybrid => "Mixed",
        Attendance::Online => "Online",
        Attendance::InPlace => "Offline",
    });
    // A date of a series that was moved; of a single event nothing says where it was before.
    let moved_from = occurrence.recurrence_id.filter(|before| *before != occurrence.start);
    let status = match occurrence.status {
        Status::Cancelled if event.postponed => "EventPostponed",
        Status::Cancelled => "EventCancelled",
        Status::Confirmed | Status::Tentative if moved_from.is_some() => "EventRescheduled",
        Status::Confirmed | Status::Tentative => "EventScheduled",
    };
    let hosts = row.hosts.iter().filter_map(|id| board.hub(*id)).map(|hub| {
        let mut host = json!({"@type": "Organization", "name": name_of(hub)});
        if let Some(url) = text::safe_link(&hub.profile.web_url) {
            host["url"] = json!(url);
        }
        host
    });
    // Here the end of whole days is the last of them.
    let last_day = occurrence.start.is_date().then(|| {
        let last = occurrence
            .end
            .date()
            .yesterday()
            .unwrap_or_else(|_| occurrence.end.date());
        last.max(occurrence.start.date()).to_string()
    });
    let hosts: Vec<Value> = hosts.collect();
    let places: Vec<Value> = [place, online].into_iter().flatten().collect();
    let mut about = json!({
        "@context": "https://schema.org",
        "@type": "Event",
        "name": board.title(shown.title.text),
        "startDate": when.start_iso,
        "endDate": last_day.unwrap_or_else(|| when.end_iso.clone()),
        "eventStatus": format!("https://schema.org/{status}"),
        "organizer": hosts,
    });
    if let Some(mode) = mode {
        about["eventAttendanceMode"] = json!(format!("https://schema.org/{mode}EventAttendanceMode"));
    }
    if !places.is_empty() {
        about["location"] = json!(places);
    }
    if let Some(before) = moved_from {
        about["previousStartDate"] = json!(before.to_string());
    }
    let description = if shown.description.trim().is_empty() {
        shown.summary.text
    } else {
        shown.description
    };
    for (name, value) in [
        ("description", description),
        ("inLanguage", event.language.as_str()),
        ("url", text::safe_link(shown.url).unwrap_or("")),
        ("image", text::safe_link(&event.image_url).unwrap_or("")),
    ] {
        if !value.trim().is_empty() {
            about[name] = json!(value);
        }
    }
    if let Some(number) = event.capacity {
        about["maximumAttendeeCapacity"] = json!(number);
    }
    about
}

/// Features are said of the place: schema.org has no word for them at an event.
fn place_ld(place: &Location, event: &Event) -> Value {
    let mut value = json!({"@type": "Place", "name": place.name, "address": place.name});
    if !event.features.is_empty() {
        let feature = |word: &String| json!({"@type": "LocationFeatureSpecification", "name": word, "value": true});
        value["amenityFeature"] = event.features.iter().map(feature).collect();
    }
    if let Some(at) = place.at {
        value["geo"] = json!({"@type": "GeoCoordinates", "latitude": at.lat, "longitude": at.lon});
    }
    value
}
