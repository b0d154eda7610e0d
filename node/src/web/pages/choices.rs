//! What a reader can choose for a list: stretches of time, the form, and what is chosen.

use interhub_domain::query::stretch;
use jiff::ToSpan;
use jiff::civil::Date;

use super::super::params::Params;
use super::super::text;
use super::super::words;
use super::board::{Board, name_of};

/// Distances offered around a place, in km.
const DISTANCES_KM: [u32; 5] = [5, 10, USUAL_KM, 50, 100];
/// The distance when none is said, as in `EventQuery`.
const USUAL_KM: u32 = 25;

/// A link to another stretch of time.
pub(super) struct Jump {
    pub(super) label: &'static str,
    pub(super) href: String,
    pub(super) current: bool,
}

/// A filter that applies, and the same list without it.
pub(super) struct Chip {
    pub(super) label: String,
    pub(super) href: String,
}

/// The filter form, filled in.
pub(super) struct Form {
    pub(super) action: &'static str,
    pub(super) ui: Option<&'static str>,
    pub(super) tz: Option<String>,
    pub(super) q: String,
    pub(super) tag: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) hubs: Vec<Choice>,
    pub(super) near: Vec<Choice>,
    pub(super) within: Vec<Choice>,
    pub(super) languages: Vec<Choice>,
    pub(super) online: bool,
    pub(super) in_place: bool,
}

/// One entry of a selection.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) selected: bool,
}

/// Links to the usual stretches of time on the page at `path`, other filters kept.
pub(super) fn jumps(board: &Board<'_>, filters: &Params, path: &str) -> Vec<Jump> {
    let words = board.words;
    let today = board.reader.today();
    let named = |word: &str| Some((word.to_owned(), word.to_owned()));
    let month_ahead = today.saturating_add(30.days());
    let stretches = [
        (words.today, named("today")),
        (words.this_week, named("week")),
        (words.this_weekend, named("weekend")),
        (words.this_month, named("month")),
        (words.next_30_days, Some((today.to_string(), month_ahead.to_string()))),
        (words.all_events, None),
    ];
    let (from, to) = (filters.get("from"), filters.get("to"));
    let rest = filters.without(&["from", "to", "cursor"]);
    let jump = |(label, stretch): (&'static str, Option<(String, String)>)| match stretch {
        Some((begin, end)) => {
            let current = from == Some(&begin) && to == Some(&end);
            Jump {
                label,
                href: board.visit.link(path, &rest.with("from", &begin).with("to", &end)),
                current,
            }
        }
        None => Jump {
            label,
            href: board.visit.link(path, &rest),
            current: board.visit.path == path && from.is_none() && to.is_none(),
        },
    };
    stretches.into_iter().map(jump).collect()
}

/// The stretches that reach furthest, for a list that is empty.
pub(super) fn further(board: &Board<'_>, filters: &Params) -> Vec<Jump> {
    let mut jumps = jumps(board, filters, "/events");
    jumps.split_off(jumps.len() - 2)
}

/// Whether the value of a switch is on, as `EventQuery` reads it.
pub(super) fn is_on(value: &str) -> bool {
    matches!(value, "1" | "true" | "yes" | "on")
}

/// The filters that apply, each with the page at `path` without it.
pub(super) fn chips(board: &Board<'_>, filters: &Params, path: &str) -> Vec<Chip> {
    let words = board.words;
    let mut chips = Vec::new();
    for (name, value) in filters.pairs() {
        let value = text::one_line(value, 60);
        let label = match name {
            "q" => format!("“{value}”"),
            "hub" => board.hub_of_slug(&value).map_or(value, name_of),
            "tag" => format!("{}: {value}", words.tag_label),
            "from" if is_stretch(filters) => match stretch_label(board, &value) {
                Some(label) => label.to_owned(),
                None => continue,
            },
            "to" if is_stretch(filters) => continue,
            "from" => format!("{} {}", words.from_label, written_date(board, &value)),
            "to" => format!("{} {}", words.to_label, written_date(board, &value)),
            "near" => near_label(board, &value).map_or(format!("{} {value}", words.near_label), |hub| {
                format!("{} {hub}", words.near_label)
            }),
            "within" if filters.get("near").is_some() => format!("{} {value} {}", words.within_label, words.km),
            "lang" => words::by_tag(&value).map_or(value, |language| language.own_name.to_owned()),
            "online" if is_on(&value) => words.online_only.to_owned(),
            "in_place" if is_on(&value) => words.in_place_only.to_owned(),
            _ => continue,
        };
        let gone: &[&str] = match name {
            "near" => &["near", "within"],
            "from" if is_stretch(filters) => &["from", "to"],
            _ => &[name],
        };
        chips.push(Chip {
            label,
            href: board.visit.link(path, &filters.without(gone)),
        });
    }
    chips
}

/// Whether one word says both when a list begins and when it ends.
fn is_stretch(filters: &Params) -> bool {
    let (from, to) = (filters.get("from"), filters.get("to"));
    from == to && from.is_some_and(is_word)
}

/// Whether a moment is said by a word, which means other days tomorrow.
pub(super) fn is_word(value: &str) -> bool {
    value == "now" || stretch(value, Date::ZERO).is_some()
}

fn stretch_label(board: &Board<'_>, word: &str) -> Option<&'static str> {
    let words = board.words;
    match word {
        "today" => Some(words.today),
        "tomorrow" => Some(words.tomorrow),
        "week" => Some(words.this_week),
        "weekend" => Some(words.this_weekend),
        "month" => Some(words.this_month),
        _ => None,
    }
}

/// A date for a form, which knows no words.
fn plain_date(board: &Board<'_>, name: &str, value: &str) -> String {
    let days = stretch(value, board.reader.today());
    days.map_or_else(
        || value.to_owned(),
        |(begin, end)| if name == "from" { begin } else { end }.to_string(),
    )
}

fn written_date(board: &Board<'_>, value: &str) -> String {
    value
        .parse::<Date>()
        .map_or_else(|_| value.to_owned(), |date| board.reader.date_short(date))
}

/// The hub a `near` value stands for.
fn near_label(board: &Board<'_>, value: &str) -> Option<String> {
    board
        .active()
        .find(|hub| near_value(hub).as_deref() == Some(value))
        .map(name_of)
}

fn near_value(hub: &crate::projection::HubRow) -> Option<String> {
    hub.profile.at.map(|at| format!("{:.4},{:.4}", at.lat, at.lon))
}

/// The form of the page at `path`, filled in with what applies.
pub(super) fn form(board: &Board<'_>, filters: &Params, path: &'static str) -> Form {
    let words = board.words;
    let value = |name: &str| filters.get(name).unwrap_or("").to_owned();
    let choice = |name: &str, value: String, label: String| {
        let selected = filters.get(name) == Some(value.as_str());
        Choice { value, label, selected }
    };
    // A value that is not offered (from a link) stays chosen.
    let keep = |name: &str, choices: &mut Vec<Choice>| {
        if let Some(value) = filters.get(name)
            && !choices.iter().any(|choice| choice.selected)
        {
            choices.push(Choice {
                value: value.to_owned(),
                label: value.to_owned(),
                selected: true,
            });
        }
    };
    let mut hubs: Vec<Choice> = board
        .active()
        .map(|hub| choice("hub", hub.slug.clone(), name_of(hub)))
        .collect();
    keep("hub", &mut hubs);
    let mut near: Vec<Choice> = board
        .active()
        .filter_map(|hub| Some(choice("near", near_value(hub)?, name_of(hub))))
        .collect();
    keep("near", &mut near);
    let mut within: Vec<Choice> = DISTANCES_KM
        .into_iter()
        .map(|km| distance(filters, km, words.km))
        .collect();
    keep("within", &mut within);
    let mut languages: Vec<Choice> = words::ALL
        .into_iter()
        .map(|language| choice("lang", language.tag.to_owned(), language.own_name.to_owned()))
        .collect();
    keep("lang", &mut languages);
    Form {
        action: path,
        ui: board.visit.ui,
        tz: board.visit.zone_name().map(str::to_owned),
        q: value("q"),
        tag: value("tag"),
        from: date_part(&plain_date(board, "from", &value("from"))),
        to: date_part(&plain_date(board, "to", &value("to"))),
        hubs,
        near,
        within,
        languages,
        online: filters.get("online").is_some_and(is_on),
        in_place: filters.get("in_place").is_some_and(is_on),
    }
}

/// A distance to choose. The usual one is sent as nothing, so that an untouched form leaves no trace in the address.
fn distance(filters: &Params, km: u32, unit: &str) -> Choice {
    let usual = km == USUAL_KM;
    let asked = filters.get("within").and_then(|value| value.parse().ok());
    Choice {
        value: if usual { String::new() } else { km.to_string() },
        label: format!("{km} {unit}"),
        selected: asked.unwrap_or(USUAL_KM) == km,
    }
}

/// What a date field can show of a value.
fn date_part(value: &str) -> String {
    value
        .get(..10)
        .and_then(|date| date.parse::<Date>().ok())
        .map_or_else(String::new, |date| date.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_distance_is_that_of_the_query() {
        let difference = interhub_domain::query::DEFAULT_WITHIN_KM - f64::from(USUAL_KM);
        assert!(difference.abs() < f64::EPSILON);
    }
}
