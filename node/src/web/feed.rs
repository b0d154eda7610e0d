//! The lists as feeds: iCalendar (RFC 5545), JSCalendar (RFC 8984), Atom (RFC 4287) and JSON Feed 1.1.

use std::sync::Arc;

use askama::Template;
use interhub_domain::calendar::export::{CalendarInfo, ExportEvent, export};
use interhub_domain::calendar::jscalendar;
use interhub_domain::ids::LogId;
use interhub_domain::query::EventQuery;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Site;
use super::answer::Problem;
use super::pages::{Board, Shown, name_of};
use super::params::Params;
use super::respond::Reply;
use super::text;
use super::visit::Visit;
use super::words::fill;
use crate::projection::EventRow;
use crate::projection::read::Feed;

const CALENDAR: &str = "text/calendar; charset=utf-8";
const JSCALENDAR: &str = "application/jscalendar+json;type=group";
const ATOM: &str = "application/atom+xml; charset=utf-8";
const JSON_FEED: &str = "application/feed+json";
/// Entries of a news feed: readers keep what they have seen.
const MAX_NEWS: usize = 50;
/// How often subscribers should look again, in minutes: unchanged feeds cost next to nothing.
const REFRESH_MINUTES: u32 = 60;
/// Characters of a calendar's name.
const MAX_NAME_CHARS: usize = 120;

/// `/events.ics`: the same filters as `/events`.
pub(crate) fn calendar(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    let board = Board::of_house(site, visit)?;
    let params = visit.params();
    let found = look_up(&board, &params, None)?;
    let name = name(&board, &params, params.get("hub"));
    Ok(reply(&board, &found, &name, "events.ics".to_owned()))
}

/// `/events.jscal.json`: the same as JSCalendar.
pub(crate) fn jscal(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    let board = Board::of_house(site, visit)?;
    let params = visit.params();
    let found = look_up(&board, &params, None)?;
    let name = name(&board, &params, params.get("hub"));
    let document = written(&board, &found, &name, |info, events| {
        format!("{}\n", jscalendar::export(info, events))
    });
    Ok(Reply::new(JSCALENDAR, document).last_modified(newest(&found.events)))
}

/// `/hubs/{slug}/events.ics`
pub(crate) fn hub_calendar(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    let board = Board::of_house(site, visit)?;
    let slug = board.hub_of_slug(&visit.name).ok_or(Problem::NotFound)?.slug.clone();
    let params = visit.params();
    let found = look_up(&board, &params, Some(&slug))?;
    let name = name(&board, &params, Some(&slug));
    Ok(reply(&board, &found, &name, file_name(&slug)))
}

/// `/events/{id}.ics`
pub(crate) fn one_event(site: &Site, visit: &Visit, row: &Arc<EventRow>) -> Result<Reply, Problem> {
    let board = Board::of_house(site, visit)?;
    let name = board.title(&row.event.title).into_owned();
    let one = Feed {
        events: vec![Arc::clone(row)],
        ends_ms: None,
    };
    Ok(reply(&board, &one, &name, file_name(&row.thing.short())))
}

/// `/events.atom`: what was announced or changed last.
pub(crate) fn atom(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    let board = Board::of_house(site, visit)?;
    let params = visit.params();
    let events = news(&board, &params)?;
    let newest = newest(&events);
    let page = AtomFeed {
        id: feed_id(&board, &params),
        title: name(&board, &params, params.get("hub")),
        own: site.address(&params.link("/events.atom")),
        page: site.address(&params.link("/events")),
        updated: rfc3339(newest.unwrap_or(0)),
        entries: events.iter().map(|row| entry(&board, row)).collect::<Result<_, _>>()?,
        language: board.words.tag,
    };
    Ok(Reply::new(ATOM, page.render()?).last_modified(newest))
}

/// What an Atom feed is known by (RFC 4287 4.2.6): its whole address, or a name if the node does not know its own.
fn feed_id(board: &Board<'_>, params: &Params) -> String {
    let path = params.link("/events.atom");
    if !board.site.state.web_url.is_empty() {
        return board.site.address(&path);
    }
    let hash = blake3::hash(path.as_bytes()).to_hex();
    let house = board.house().map_or_else(String::new, |house| house.id.to_string());
    format!("urn:interhub:feed:{house}:{}", &hash[..16])
}

/// `/events.json`: the same as JSON Feed 1.1 (jsonfeed.org).
pub(crate) fn json(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    let board = Board::of_house(site, visit)?;
    let params = visit.params();
    let events = news(&board, &params)?;
    let newest = newest(&events);
    let items: Vec<AtomEntry> = events.iter().map(|row| entry(&board, row)).collect::<Result<_, _>>()?;
    let items: Vec<Value> = items.into_iter().map(AtomEntry::into_json).collect();
    let feed = json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": name(&board, &params, params.get("hub")),
        "home_page_url": site.address(&params.link("/events")),
        "feed_url": site.address(&params.link("/events.json")),
        "language": board.words.tag,
        "items": items,
    });
    let reply = Reply::new(JSON_FEED, format!("{feed}\n"));
    Ok(reply.last_modified(newest))
}

/// What was announced or changed last.
fn news(board: &Board<'_>, params: &Params) -> Result<Vec<Arc<EventRow>>, Problem> {
    let (now_ms, zone) = (board.reader.now_ms, &board.reader.zone);
    let query = EventQuery::parse(params.pairs(), zone, now_ms)?;
    let mut events = board.site.state.directory.news(&query, now_ms, MAX_NEWS)?;
    events.retain(is_public);
    Ok(events)
}

#[derive(Template)]
#[template(path = "feed.xml")]
struct AtomFeed {
    id: String,
    title: String,
    own: String,
    page: String,
    updated: String,
    language: &'static str,
    entries: Vec<AtomEntry>,
}

struct AtomEntry {
    id: String,
    title: String,
    href: String,
    updated: String,
    published: String,
    author: String,
    tags: Vec<String>,
    text: String,
}

impl AtomEntry {
    fn into_json(self) -> Value {
        json!({
            "id": self.id,
            "url": self.href,
            "title": self.title,
            "content_text": self.text,
            "date_published": self.published,
            "date_modified": self.updated,
            "authors": [{"name": self.author}],
            "tags": self.tags,
        })
    }
}

fn entry(board: &Board<'_>, row: &EventRow) -> Result<AtomEntry, Problem> {
    let event = &row.event;
    let now_ms = board.reader.now_ms;
    let next = board.site.state.directory.occurrences(row.thing, now_ms, 1)?.pop();
    let shown = Shown::of(event, next.as_ref(), board.words.tag);
    let title = board.title(shown.title.text);
    let off = board.off(event, next.as_ref().map_or(event.outward_status(), |next| next.status));
    let mut lines = Vec::new();
    if let Some(next) = &next {
        lines.push(board.reader.when(next, &board.city(row)).full);
    }
    lines.push(text::one_line(
        shown.location.map_or("", |place| place.name.as_str()),
        160,
    ));
    lines.push(text::one_line(
        if shown.summary.text.is_empty() {
            shown.description
        } else {
            shown.summary.text
        },
        400,
    ));
    lines.retain(|line| !line.is_empty());
    Ok(AtomEntry {
        id: format!("urn:interhub:event:{}", row.thing),
        title: match off {
            Some(word) => format!("{word}: {title}"),
            None => title.into_owned(),
        },
        href: board.site.address(&format!("/events/{}", row.thing)),
        updated: rfc3339(event.updated_ms),
        published: rfc3339(event.created_ms),
        author: board.tag(row.hub).name,
        tags: event.tags.iter().map(|tag| text::one_line(tag, 100)).collect(),
        text: lines.join(" · "),
    })
}

/// The public events that match.
fn look_up(board: &Board<'_>, params: &Params, hub: Option<&str>) -> Result<Feed, Problem> {
    let mut query = EventQuery::parse(params.pairs(), &board.reader.zone, board.reader.now_ms)?;
    if let Some(hub) = hub {
        query.hub = Some(hub.to_owned());
    }
    let mut feed = board.site.state.directory.feed(&query, board.reader.now_ms)?;
    feed.events.retain(is_public);
    Ok(feed)
}

fn is_public(row: &Arc<EventRow>) -> bool {
    row.log == LogId::PUBLIC && !row.draft
}

fn reply(board: &Board<'_>, found: &Feed, name: &str, file_name: String) -> Reply {
    Reply::new(CALENDAR, written(board, found, name, export))
        .last_modified(newest(&found.events))
        .file_name(file_name)
}

/// These events as a calendar, in the form that `write` gives it.
fn written(
    board: &Board<'_>,
    Feed { events, ends_ms }: &Feed,
    name: &str,
    write: impl FnOnce(&CalendarInfo, &[ExportEvent<'_>]) -> String,
) -> String {
    let own_address = !board.site.state.web_url.is_empty();
    let hubs: Vec<(String, &str)> = events
        .iter()
        .map(|row| {
            board.hub(row.hub).map_or((row.hub.short(), ""), |hub| {
                (name_of(hub), hub.profile.web_url.as_str())
            })
        })
        .collect();
    let page = |row: &Arc<EventRow>| {
        if own_address {
            board.site.address(&format!("/events/{}", row.thing))
        } else {
            String::new()
        }
    };
    let pages: Vec<String> = events.iter().map(page).collect();
    let exported: Vec<ExportEvent<'_>> = events
        .iter()
        .zip(&hubs)
        .zip(&pages)
        .map(|((row, (hub_name, hub_url)), page_url)| ExportEvent {
            event: &row.event,
            hub_name,
            hub_url,
            page_url,
        })
        .collect();
    let info = CalendarInfo {
        name: name.to_owned(),
        description: ends_ms.map_or_else(String::new, |ends_ms| {
            let day = board.reader.date_long(board.reader.wall(ends_ms).date());
            fill(board.words.feed_ends, &[("date", &day)])
        }),
        refresh_minutes: REFRESH_MINUTES,
        product: concat!("-//Interhub//interhubd ", env!("CARGO_PKG_VERSION"), "//EN").to_owned(),
        url: if own_address {
            board.site.address(&board.visit.params().link(&board.visit.path))
        } else {
            String::new()
        },
    };
    write(&info, &exported)
}

/// The newest change among events, Unix milliseconds.
fn newest(events: &[Arc<EventRow>]) -> Option<i64> {
    events.iter().map(|row| row.event.updated_ms).max()
}

/// What a calendar program calls this feed: the hub or the house, and the filters that apply.
fn name(board: &Board<'_>, params: &Params, hub: Option<&str>) -> String {
    let hub = hub.and_then(|slug| board.hub_of_slug(slug));
    let mut parts = vec![match (hub, board.house()) {
        (Some(hub), _) => board.tag(hub.id).name,
        (None, Some(house)) => format!("{} – {}", board.words.events, board.tag(house.id).name),
        (None, None) => board.words.events.to_owned(),
    }];
    for name in ["tag", "q", "near", "lang"] {
        parts.extend(params.get(name).map(str::to_owned));
    }
    for (name, word) in [("online", board.words.online), ("in_place", board.words.in_place)] {
        if params.get(name).is_some() {
            parts.push(word.to_owned());
        }
    }
    text::one_line(&parts.join(", "), MAX_NAME_CHARS)
}

/// A file name of letters, digits and hyphens only.
fn file_name(stem: &str) -> String {
    let stem: String = stem
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(64)
        .collect();
    format!("{stem}.ics")
}

fn rfc3339(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms / 1000 * 1000)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_string()
}
