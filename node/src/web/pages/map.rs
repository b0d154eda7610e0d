//! `/map`: where the hubs are and where events take place, drawn here; and the same places as a list.

use askama::Template;
use interhub_domain::profile::Point;
use interhub_domain::query::{EventQuery, QueryParseError};

use super::super::answer::Problem;
use super::super::map::{HEIGHT, Label, MAX_ZOOM, Mark, Outlines, Spot, View, WIDTH, marks};
use super::super::params::{Params, encode};
use super::super::respond::Reply;
use super::super::visit::Visit;
use super::super::words::fill;
use super::super::{Site, colour, text};
use super::board::{Board, Frame, HubTag, name_of};
use super::choices::{Chip, Form, Jump, chips, form, jumps};
use super::html;
use super::narrow::found;
use crate::projection::HubRow;

/// The parameters of a view: `LAT,LON` of its middle, and how close it is.
const CENTRE: &str = "centre";
const ZOOM: &str = "zoom";
/// How close a view with a middle is when nothing is said.
const USUAL_ZOOM: u8 = 4;
/// What a link to a part of the map changes, or has no place beside a map.
const NOT_HERE: [&str; 4] = [CENTRE, ZOOM, "cursor", "limit"];
/// What a link beside the map moves by, in parts of its width and height.
const STEP: f64 = 0.5;
/// How much closer a mark brings that stands for several places.
const CLOSER: u8 = 2;
/// Places of one kilometre and less are one: closer than this is never asked for.
const LEAST_KM: f64 = 1.0;
/// Hubs of one mark that are listed; the others are seen when looking closer.
const MAX_HUBS: usize = 5;
/// Characters of a place's name.
const MAX_NAME_CHARS: usize = 80;

#[derive(Template)]
#[template(path = "map.html")]
struct MapPage {
    frame: Frame,
    found: String,
    chips: Vec<Chip>,
    clear: String,
    jumps: Vec<Jump>,
    form: Form,
    list: String,
    size: (f64, f64),
    outlines: Outlines,
    marks: Vec<MarkView>,
    ways: Vec<Way>,
    /// How many events have no place on earth that is known.
    elsewhere: Option<String>,
    /// The whole map, if this view does not show all places.
    outside: Option<String>,
    fresh: Vec<HubTag>,
}

/// One mark, on the map and in the list.
struct MarkView {
    x: f64,
    y: f64,
    radius: f64,
    class: String,
    label: Option<Label>,
    number: Option<String>,
    /// What it leads to, in words.
    says: String,
    href: String,
    name: String,
    /// Its hubs say all that its name does.
    is_hub: bool,
    /// Number of events, and the list of them.
    events: Option<(String, String)>,
    /// The same place closer, where it stands for several.
    closer: Option<String>,
    hubs: Vec<(String, String, String)>,
}

/// A link to another part of the map.
struct Way {
    sign: &'static str,
    label: &'static str,
    href: String,
}

/// `/map`
pub(crate) fn map(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    let board = Board::load(site, visit)?;
    let params = visit.params();
    let filters = params.without(&NOT_HERE);
    let query = EventQuery::parse(filters.pairs(), &board.reader.zone, board.reader.now_ms)?;
    let (centre, zoom) = (centre(&params)?, zoom(&params)?);
    let places = site.state.directory.places(&query, board.reader.now_ms)?;
    let hubs = shown_hubs(&board, &query);
    let mut spots: Vec<Spot> = hubs.iter().map(|(hub, at)| hub_spot(hub, *at)).collect();
    spots.extend(places.places.iter().map(|place| Spot {
        at: place.at,
        events: place.events,
        is_hub: false,
        name: text::one_line(&place.name, MAX_NAME_CHARS),
    }));
    let view = view_of(&spots, centre, zoom);
    let made = marks(view, &spots);
    let drawing = Drawing {
        board: &board,
        filters: &filters,
        hubs: &hubs,
        spots: &spots,
        view,
        complete: places.complete,
    };
    let shown: usize = made.iter().map(|mark| mark.spots.len()).sum();
    let words = board.words;
    let all_events = places.places.iter().map(|place| place.events).sum::<usize>() + places.elsewhere;
    let mut frame = board.frame(words.map, "map", "/map", &params.without(&["cursor", "limit"]));
    frame.hidden = !params.is_empty();
    frame.feeds(&filters);
    words.map_lead.clone_into(&mut frame.description);
    html(&MapPage {
        found: found(words, all_events, places.complete),
        fresh: board.tags(hubs.iter().map(|(hub, _)| hub.id)),
        chips: chips(&board, &filters, "/map"),
        clear: visit.plain_link("/map"),
        jumps: jumps(&board, &filters, "/map"),
        form: form(&board, &filters, "/map"),
        list: visit.link("/events", &filters),
        size: (WIDTH, HEIGHT),
        outlines: Outlines::of(view),
        marks: made.iter().map(|mark| drawing.mark(mark)).collect(),
        ways: drawing.ways(centre.is_some() || zoom.is_some()),
        elsewhere: (places.elsewhere > 0).then(|| {
            let events = found(words, places.elsewhere, places.complete);
            fill(words.map_elsewhere, &[("events", &events)])
        }),
        outside: (shown < spots.len()).then(|| visit.link("/map", &filters)),
        frame,
    })
}

fn centre(params: &Params) -> Result<Option<Point>, QueryParseError> {
    let Some(value) = params.get(CENTRE) else {
        return Ok(None);
    };
    let read = value.split_once(',').and_then(|(lat, lon)| {
        let lat: f64 = lat.trim().parse().ok()?;
        let lon: f64 = lon.trim().parse().ok()?;
        Point::new(lat, lon)
    });
    match read {
        Some(point) => Ok(Some(point)),
        None => Err(QueryParseError {
            parameter: CENTRE,
            reason: "expected LAT,LON in degrees, such as 48.2,16.37".to_owned(),
        }),
    }
}

fn zoom(params: &Params) -> Result<Option<u8>, QueryParseError> {
    let Some(value) = params.get(ZOOM) else {
        return Ok(None);
    };
    match value.trim().parse::<u8>() {
        Ok(zoom) if zoom <= MAX_ZOOM => Ok(Some(zoom)),
        _ => Err(QueryParseError {
            parameter: ZOOM,
            reason: format!("expected a number from 0, the whole earth, to {MAX_ZOOM}"),
        }),
    }
}

/// The hubs that belong, with their places; only the one that is asked for, if one is.
fn shown_hubs<'a>(board: &'a Board<'a>, query: &EventQuery) -> Vec<(&'a HubRow, Point)> {
    let is_asked = |hub: &HubRow| {
        let asked = query.hub.as_deref();
        asked.is_none_or(|asked| asked == hub.slug || asked == hub.id.to_string())
    };
    let near = |at: Point| {
        let within = query.within_km.unwrap_or(interhub_domain::query::DEFAULT_WITHIN_KM);
        query.near.is_none_or(|near| near.distance_km(at) <= within)
    };
    let placed = board.active().filter_map(|hub| Some((hub, hub.profile.at?)));
    placed.filter(|(hub, at)| is_asked(hub) && near(*at)).collect()
}

fn hub_spot(hub: &HubRow, at: Point) -> Spot {
    Spot {
        at,
        events: 0,
        is_hub: true,
        name: name_of(hub),
    }
}

/// What is asked for, or all there is.
fn view_of(spots: &[Spot], centre: Option<Point>, zoom: Option<u8>) -> View {
    let points: Vec<Point> = spots.iter().map(|spot| spot.at).collect();
    let all = View::of_all(&points);
    match (centre, zoom) {
        (None, None) => all,
        (Some(centre), zoom) => View::new(centre, zoom.unwrap_or(USUAL_ZOOM)),
        (None, Some(zoom)) => View::new(all.centre(), zoom),
    }
}

/// What the marks and links are made from.
struct Drawing<'a> {
    board: &'a Board<'a>,
    filters: &'a Params,
    /// The first spots, in the same order.
    hubs: &'a [(&'a HubRow, Point)],
    spots: &'a [Spot],
    view: View,
    complete: bool,
}

impl Drawing<'_> {
    fn mark(&self, mark: &Mark) -> MarkView {
        let words = self.board.words;
        let hubs: Vec<&HubRow> = mark
            .spots
            .iter()
            .filter_map(|&index| Some(self.hubs.get(index)?.0))
            .collect();
        let name = self.name(mark);
        let events = (mark.events > 0).then(|| {
            let within = (mark.reach_km.ceil() + LEAST_KM).to_string();
            let near = self.filters.with("near", &at(mark.at)).with("within", &within);
            (
                found(words, mark.events, self.complete),
                self.board.visit.link("/events", &near),
            )
        });
        let is_wide = mark.reach_km > 2.0 * LEAST_KM && self.view.zoom < MAX_ZOOM;
        let closer = is_wide.then(|| self.href(View::new(mark.at, (self.view.zoom + CLOSER).min(MAX_ZOOM))));
        let hub_link = |hub: &HubRow| self.board.visit.plain_link(&format!("/hubs/{}", encode(&hub.slug)));
        let (says, href) = match (&closer, &events, hubs.first()) {
            (Some(closer), Some((count, _)), _) => (format!("{name}: {count}. {}", words.map_closer), closer.clone()),
            (Some(closer), None, _) => (format!("{name}. {}", words.map_closer), closer.clone()),
            (None, Some((count, list)), _) => (format!("{name}: {count}"), list.clone()),
            (None, None, Some(hub)) => (name.clone(), hub_link(hub)),
            (None, None, None) => (name.clone(), self.href(self.view)),
        };
        let class = match hubs.as_slice() {
            [hub] => format!("of-hub {}", colour::class(hub.id)),
            _ => String::new(),
        };
        MarkView {
            x: mark.x,
            y: mark.y,
            radius: mark.radius,
            class,
            label: mark.label.clone(),
            number: (mark.events > 0).then(|| short_count(mark.events)),
            says,
            href,
            events,
            closer,
            is_hub: !hubs.is_empty() && self.places(mark) < 2,
            hubs: hubs
                .iter()
                .take(MAX_HUBS)
                .map(|hub| (name_of(hub), hub_link(hub), colour::class(hub.id)))
                .collect(),
            name,
        }
    }

    /// Named by the first of its spots, and by how many places it stands for.
    fn name(&self, mark: &Mark) -> String {
        let mut named = mark.spots.iter().map(|&index| self.spots[index].name.as_str());
        let name = named.find(|name| !name.is_empty()).map(str::to_owned);
        let name = name.unwrap_or_else(|| at(mark.at).replace(',', ", "));
        let places = self.places(mark);
        if places < 2 {
            return name;
        }
        fill(
            self.board.words.map_of_several,
            &[("name", &text::isolate(&name)), ("count", &places.to_string())],
        )
    }

    fn places(&self, mark: &Mark) -> usize {
        mark.spots.iter().filter(|&&index| !self.spots[index].is_hub).count()
    }

    /// Links to what is beside this view, and to closer and wider ones.
    fn ways(&self, is_moved: bool) -> Vec<Way> {
        let (view, words) = (self.view, self.board.words);
        let mut ways = Vec::new();
        let mut way = |sign, label, to: View| {
            if to != view {
                let href = self.href(to);
                ways.push(Way { sign, label, href });
            }
        };
        way(
            "+",
            words.map_in,
            View::new(view.centre(), (view.zoom + 1).min(MAX_ZOOM)),
        );
        way(
            "−",
            words.map_out,
            View::new(view.centre(), view.zoom.saturating_sub(1)),
        );
        way("←", words.map_west, view.moved(-STEP, 0.0));
        way("→", words.map_east, view.moved(STEP, 0.0));
        way("↑", words.map_north, view.moved(0.0, -STEP));
        way("↓", words.map_south, view.moved(0.0, STEP));
        if is_moved {
            ways.push(Way {
                sign: "◎",
                label: words.map_all,
                href: self.board.visit.link("/map", self.filters),
            });
        }
        ways
    }

    fn href(&self, view: View) -> String {
        let params = self
            .filters
            .with(CENTRE, &at(view.centre()))
            .with(ZOOM, &view.zoom.to_string());
        self.board.visit.link("/map", &params)
    }
}

/// `48.2082,16.3738`: to some ten metres.
fn at(point: Point) -> String {
    format!("{:.4},{:.4}", point.lat, point.lon)
}

/// A count that fits into a mark: `999`, `1k`.
fn short_count(events: usize) -> String {
    if events < 1_000 {
        events.to_string()
    } else {
        format!("{}k", events / 1_000)
    }
}
