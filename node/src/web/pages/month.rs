//! `/month`: a month at a glance.

use askama::Template;
use interhub_domain::ids::LogId;
use interhub_domain::query::{EventQuery, MAX_LIMIT, QueryParseError};
use jiff::ToSpan;
use jiff::civil::{Date, date};

use super::super::answer::Problem;
use super::super::dates::{clock, month_index, week_of};
use super::super::params::Params;
use super::super::respond::Reply;
use super::super::visit::Visit;
use super::super::words::fill;
use super::super::{Site, colour, text};
use super::board::{Board, Frame, HubTag, Shown, language_tag};
use super::html;
use crate::projection::Listed;

/// The parameter: `2026-12`.
const MONTH: &str = "month";
/// Entries of one day; the others are a link away.
const PER_DAY: usize = 5;
/// Characters of a title: a cell is narrow, and the event's page has all of it.
const MAX_TITLE: usize = 70;
/// Occurrences looked at for one month; further ones are in the day's own list.
const MAX_OCCURRENCES: usize = 4_000;
/// Years that can be looked at.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2200;
/// What says when, and has no place beside a month.
const NOT_HERE: [&str; 5] = ["month", "from", "to", "cursor", "limit"];

#[derive(Template)]
#[template(path = "month.html")]
struct MonthPage {
    frame: Frame,
    heading: String,
    before: Option<Way>,
    after: Option<Way>,
    now: Option<Way>,
    list: String,
    weekdays: [(&'static str, &'static str); 7],
    weeks: Vec<Vec<DayCell>>,
    truncated: Option<String>,
    fresh: Vec<HubTag>,
}

/// A link to another month.
struct Way {
    label: String,
    href: String,
}

/// One day of the month, or of the days beside it that fill the first and last week.
struct DayCell {
    iso: String,
    long: String,
    number: i8,
    href: String,
    outside: bool,
    today: bool,
    entries: Vec<Entry>,
    /// `3 more`
    more: Option<String>,
}

struct Entry {
    href: String,
    time: Option<String>,
    /// Whose clock that is, where it is not the one of the page.
    zone: Option<String>,
    title: String,
    language: Option<String>,
    class: String,
    hub: String,
    /// It does not take place then: the word that says so.
    off: Option<&'static str>,
}

/// `/month`
pub(crate) fn month(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    let board = Board::load(site, visit)?;
    let params = visit.params();
    let today = board.reader.today();
    let first = match params.get(MONTH) {
        Some(value) => parse(value)?,
        None => today.first_of_month(),
    };
    let filters = params.without(&NOT_HERE);
    let (begin, end) = (week_of(first).0, week_of(first.last_of_month()).1);
    let (listed, truncated) = look_up(&board, &filters, begin, end)?;
    let mut weeks = Vec::new();
    let mut day = begin;
    while day < end {
        let mut week = Vec::with_capacity(7);
        for _ in 0..7 {
            week.push(cell(&board, &filters, &listed, (day, first)));
            day = day.saturating_add(1.day());
        }
        weeks.push(week);
    }
    let words = board.words;
    let heading = name(&board, first);
    let way = |to: Date| Way {
        label: name(&board, to),
        href: board
            .visit
            .link("/month", &filters.with(MONTH, &to.strftime("%Y-%m").to_string())),
    };
    let shown = |to: &Date| YEARS.contains(&to.year());
    let own = match params.get(MONTH) {
        Some(value) => filters.with(MONTH, value),
        None => filters.clone(),
    };
    let mut frame = board.frame(&heading, "month", "/month", &own);
    frame.hidden = first < today.first_of_month() || !filters.without(&["hub", "tag"]).is_empty();
    frame.feeds(&filters);
    html(&MonthPage {
        before: Some(first.saturating_sub(1.month())).filter(shown).map(way),
        after: Some(first.saturating_add(1.month())).filter(shown).map(way),
        now: (first != today.first_of_month()).then(|| Way {
            label: words.this_month.to_owned(),
            href: board.visit.link("/month", &filters),
        }),
        list: board.visit.link("/events", &filters),
        weekdays: std::array::from_fn(|at| (words.weekdays_short[at], words.weekdays[at])),
        weeks,
        fresh: board.tags(listed.iter().map(|listed| listed.row.hub)),
        truncated: truncated.then(|| words.month_truncated.to_owned()),
        heading,
        frame,
    })
}

fn parse(value: &str) -> Result<Date, QueryParseError> {
    let expected = || QueryParseError {
        parameter: MONTH,
        reason: "expected a month such as 2027-03".to_owned(),
    };
    let (year, month) = value.split_once('-').ok_or_else(expected)?;
    let is_written =
        year.len() == 4 && month.len() == 2 && value.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    let year: i16 = year
        .parse()
        .ok()
        .filter(|year| is_written && YEARS.contains(year))
        .ok_or_else(expected)?;
    let month: i8 = month
        .parse()
        .ok()
        .filter(|month| (1..=12).contains(month))
        .ok_or_else(expected)?;
    Ok(date(year, month, 1))
}

fn name(board: &Board<'_>, day: Date) -> String {
    format!("{} {}", board.words.months[month_index(day)], day.year())
}

/// All that begins in these days, by pages of the list; and whether there is more.
fn look_up(board: &Board<'_>, filters: &Params, begin: Date, end: Date) -> Result<(Vec<Listed>, bool), Problem> {
    let last = end.saturating_sub(1.day());
    let window = filters.with("from", &begin.to_string()).with("to", &last.to_string());
    let mut query = EventQuery::parse(window.pairs(), &board.reader.zone, board.reader.now_ms)?;
    query.limit = Some(MAX_LIMIT);
    let mut all = Vec::new();
    loop {
        let page = board.site.state.directory.list(&query, board.reader.now_ms)?;
        let public = |listed: &Listed| listed.row.log == LogId::PUBLIC && !listed.row.draft;
        all.extend(page.items.into_iter().filter(public));
        query.cursor = page.next;
        if query.cursor.is_none() || all.len() >= MAX_OCCURRENCES {
            return Ok((all, query.cursor.is_some()));
        }
    }
}

fn cell(board: &Board<'_>, filters: &Params, listed: &[Listed], (day, first): (Date, Date)) -> DayCell {
    let here = listed.iter().filter(|listed| listed.occurrence.start.date() == day);
    let mut all: Vec<&Listed> = here.collect();
    // Whole days first, then as the walls of each place tell the time.
    all.sort_by_key(|listed| (!listed.occurrence.start.is_date(), listed.occurrence.start));
    let more = all.len().saturating_sub(PER_DAY);
    let iso = day.to_string();
    DayCell {
        long: board.reader.date_long(day),
        number: day.day(),
        href: board
            .visit
            .link("/events", &filters.with("from", &iso).with("to", &iso)),
        outside: day.first_of_month() != first,
        today: day == board.reader.today(),
        entries: all
            .into_iter()
            .take(PER_DAY)
            .map(|listed| entry(board, listed))
            .collect(),
        more: (more > 0).then(|| fill(board.words.more_that_day, &[("count", &more.to_string())])),
        iso,
    }
}

fn entry(board: &Board<'_>, listed: &Listed) -> Entry {
    let (row, occurrence) = (&*listed.row, &listed.occurrence);
    let shown = Shown::of(&row.event, Some(occurrence), board.words.tag);
    let when = board.reader.when(occurrence, &board.city(row));
    Entry {
        href: board.event_link(row, Some(occurrence)),
        time: (!occurrence.start.is_date()).then(|| clock(occurrence.start.date_time())),
        zone: when.here.and(when.zone),
        title: text::one_line(&board.title(shown.title.text), MAX_TITLE),
        language: language_tag(shown.title.language),
        class: colour::class(row.hub),
        hub: board.tag(row.hub).name,
        off: board.off(&row.event, occurrence.status),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn months_are_read_and_nothing_else() {
        assert_eq!(parse("2027-03").unwrap(), date(2027, 3, 1));
        for wrong in [
            "",
            "2027",
            "2027-3",
            "2027-13",
            "2027-00",
            "27-03",
            "1969-12",
            "2201-01",
            "2027-03-04",
            "+027-03",
            "märz",
        ] {
            assert_eq!(parse(wrong).unwrap_err().parameter, "month", "{wrong}");
        }
    }

    #[test]
    fn weekdays_begin_on_monday() {
        assert_eq!(week_of(date(2026, 12, 1)).0, date(2026, 11, 30));
    }
}
