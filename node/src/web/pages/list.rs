//! `/` and `/events`: what is on, day by day.

use askama::Template;
use interhub_domain::ids::LogId;
use interhub_domain::query::EventQuery;
use jiff::ToSpan;
use jiff::civil::Date;

use super::super::answer::Problem;
use super::super::dates::{month_index, weekday_index};
use super::super::params::{Params, encode};
use super::super::respond::Reply;
use super::super::visit::Visit;
use super::super::words::fill;
use super::super::{Site, text};
use super::board::{Board, Frame, Item, name_of};
use super::choices::{Chip, Form, Jump, chips, form, further, jumps};
use super::html;
use super::narrow::{Narrow, narrow};
use crate::projection::{Listed, Page};

/// Entries of one page: a long scroll, but one.
const PAGE_LIMIT: usize = 100;
/// Days the front page looks ahead.
const HOME_DAYS: i64 = 7;
/// Parameters of one moment of paging, which links to other lists do not carry on.
const PAGING: [&str; 2] = ["cursor", "limit"];

#[derive(Template)]
#[template(path = "events.html")]
struct EventsPage {
    frame: Frame,
    heading: String,
    lead: String,
    chips: Vec<Chip>,
    clear: String,
    jumps: Vec<Jump>,
    form: Form,
    /// How much there is, and by what it can be narrowed.
    narrow: Option<Narrow>,
    listing: Listing,
}

/// The days of a list, or what to say when there are none.
pub(super) struct Listing {
    /// Began before the first day asked for.
    pub(super) under_way: Vec<Item>,
    pub(super) days: Vec<Day>,
    pub(super) next: Option<String>,
    pub(super) first: Option<String>,
    pub(super) empty: Option<Empty>,
}

/// One day of a list.
pub(super) struct Day {
    /// For machines.
    pub(super) iso: String,
    /// For screen readers and print.
    pub(super) long: String,
    pub(super) weekday: &'static str,
    pub(super) number: i8,
    pub(super) month: &'static str,
    /// Shown when it is not this year.
    pub(super) year: Option<i16>,
    /// `Today`, `Tomorrow`.
    pub(super) word: Option<&'static str>,
    pub(super) items: Vec<Item>,
}

/// What stands in place of an empty list.
pub(super) struct Empty {
    pub(super) title: String,
    pub(super) text: &'static str,
    pub(super) links: Vec<Jump>,
}

/// `/`: the next seven days.
pub(crate) fn home(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    let board = Board::load(site, visit)?;
    let today = board.reader.today();
    let until = today.saturating_add((HOME_DAYS - 1).days());
    let params = Params::default().with("to", &until.to_string());
    let (query, page) = look_up(&board, &params, None)?;
    let mut listing = listing(&board, page, &query, &params, "/events");
    if listing.empty.is_some() {
        listing.empty = Some(Empty {
            title: board.words.empty_home_title.to_owned(),
            text: board.words.empty_home,
            links: further(&board, &Params::default()),
        });
    }
    let lead = lead(&board);
    let mut frame = board.frame(board.words.home_title, "home", "/", &Params::default());
    frame.feeds(&Params::default());
    frame.description.clone_from(&lead);
    html(&EventsPage {
        heading: board.words.home_title.to_owned(),
        lead,
        chips: Vec::new(),
        clear: String::new(),
        jumps: jumps(&board, &Params::default(), "/events"),
        form: form(&board, &Params::default(), "/events"),
        narrow: None,
        listing,
        frame,
    })
}

/// `/events`: all that comes, or what the filters leave of it.
pub(crate) fn events(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    let board = Board::load(site, visit)?;
    let params = visit.params();
    let (query, page) = look_up(&board, &params, None)?;
    let listing = listing(&board, page, &query, &params, "/events");
    let filters = params.without(&PAGING);
    let words = board.words;
    let heading = if filters.is_empty() {
        words.all_upcoming
    } else {
        words.events
    };
    let mut frame = board.frame(heading, "events", "/events", &params);
    frame.feeds(&filters);
    frame.hidden = !params.without(&["hub", "tag"]).is_empty();
    frame.description = lead(&board);
    html(&EventsPage {
        heading: heading.to_owned(),
        lead: String::new(),
        chips: chips(&board, &filters, "/events"),
        clear: board.visit.plain_link("/events"),
        jumps: jumps(&board, &filters, "/events"),
        form: form(&board, &filters, "/events"),
        narrow: Some(narrow(&board, &query, &filters)?),
        listing,
        frame,
    })
}

/// `/tags/{tag}`: all that comes with this tag, under an address of its own.
pub(crate) fn tag(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    let board = Board::load(site, visit)?;
    let params = visit.params().with("tag", &visit.name);
    let (query, page) = look_up(&board, &params, None)?;
    let path = format!("/tags/{}", encode(&visit.name));
    let listing = listing(&board, page, &query, &visit.params(), &path);
    let heading = text::one_line(&visit.name, 100);
    let filters = params.without(&PAGING);
    let mut frame = board.frame(&heading, "events", &path, &visit.params());
    frame.feeds(&filters);
    // A tag that nothing bears is nobody's business.
    frame.hidden = listing.empty.is_some() || !filters.without(&["tag"]).is_empty();
    frame.description = lead(&board);
    html(&EventsPage {
        heading: format!("{}: {heading}", board.words.tag_label),
        lead: String::new(),
        chips: Vec::new(),
        clear: board.visit.plain_link("/events"),
        jumps: jumps(&board, &filters, "/events"),
        form: form(&board, &filters, "/events"),
        narrow: Some(narrow(&board, &query, &filters)?),
        listing,
        frame,
    })
}

/// One sentence about the board.
fn lead(board: &Board<'_>) -> String {
    let hubs = board.active().count();
    let words = board.words;
    let pattern = if hubs > 1 { words.home_lead } else { words.home_lead_one };
    fill(pattern, &[("count", &hubs.to_string())])
}

/// The query the parameters mean, and its answer. `hub` restricts it whatever they say.
pub(super) fn look_up(board: &Board<'_>, params: &Params, hub: Option<&str>) -> Result<(EventQuery, Page), Problem> {
    let mut query = EventQuery::parse(params.pairs(), &board.reader.zone, board.reader.now_ms)?;
    query.limit = Some(query.limit.unwrap_or(PAGE_LIMIT));
    if let Some(hub) = hub {
        query.hub = Some(hub.to_owned());
    }
    let mut page = board.site.state.directory.list(&query, board.reader.now_ms)?;
    page.items
        .retain(|listed| listed.row.log == LogId::PUBLIC && !listed.row.draft);
    Ok((query, page))
}

/// A page of occurrences, by day.
pub(super) fn listing(board: &Board<'_>, page: Page, query: &EventQuery, params: &Params, path: &str) -> Listing {
    let first_day = board.reader.wall(query.from_ms.unwrap_or(board.reader.now_ms)).date();
    let mut under_way = Vec::new();
    let mut dated: Vec<(Date, &Listed)> = Vec::new();
    for listed in &page.items {
        let date = listed.occurrence.start.date();
        if date < first_day && listed.occurrence.start_ms < query.from_ms.unwrap_or(board.reader.now_ms) {
            under_way.push(board.item(listed));
        } else {
            dated.push((date, listed));
        }
    }
    // Lists are ordered by instant; where zones differ, the dates on the walls may not be.
    dated.sort_by_key(|(date, _)| *date);
    let mut days: Vec<Day> = Vec::new();
    let mut current = None;
    for (date, listed) in dated {
        if current != Some(date) {
            current = Some(date);
            days.push(day(board, date));
        }
        if let Some(day) = days.last_mut() {
            day.items.push(board.item(listed));
        }
    }
    let empty = page.items.is_empty().then(|| empty(board, query, params));
    let next = page
        .next
        .map(|cursor| board.visit.link(path, &params.with("cursor", &cursor)));
    let first = params
        .get("cursor")
        .map(|_| board.visit.link(path, &params.without(&["cursor"])));
    Listing {
        under_way,
        days,
        next,
        first,
        empty,
    }
}

fn day(board: &Board<'_>, date: Date) -> Day {
    let today = board.reader.today();
    let word = if date == today {
        Some(board.words.today)
    } else if today.tomorrow().ok() == Some(date) {
        Some(board.words.tomorrow)
    } else {
        None
    };
    Day {
        iso: date.to_string(),
        long: board.reader.date_long(date),
        weekday: board.words.weekdays_short[weekday_index(date.weekday())],
        number: date.day(),
        month: board.words.months_short[month_index(date)],
        year: (date.year() != today.year()).then(|| date.year()),
        word,
        items: Vec::new(),
    }
}

fn empty(board: &Board<'_>, query: &EventQuery, params: &Params) -> Empty {
    let words = board.words;
    let filters = params.without(&PAGING);
    let hub = query.hub.as_deref().and_then(|slug| board.hub_of_slug(slug));
    let title = match hub {
        Some(hub) => fill(words.empty_hub_title, &[("hub", &name_of(hub))]),
        None => words.empty_title.to_owned(),
    };
    let mut links: Vec<Jump> = Vec::new();
    if filters.get("to").is_some() || filters.get("from").is_some() {
        links.extend(further(board, &filters).into_iter().filter(|jump| !jump.current));
    }
    if !filters.is_empty() {
        links.push(Jump {
            label: words.clear,
            href: board.visit.plain_link("/events"),
            current: false,
        });
    }
    if filters.is_empty() && hub.is_some() {
        links.push(Jump {
            label: words.all_events,
            href: board.visit.plain_link("/events"),
            current: false,
        });
    }
    if filters.is_empty() {
        links.push(Jump {
            label: words.hubs,
            href: board.visit.plain_link("/hubs"),
            current: false,
        });
    }
    let text = match (filters.is_empty(), hub) {
        (false, _) => words.empty_filtered,
        (true, Some(_)) => words.empty_hub,
        (true, None) => words.empty_plain,
    };
    Empty { title, text, links }
}
