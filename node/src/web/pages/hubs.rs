//! `/hubs` and `/hubs/{slug}`: the houses.

use askama::Template;

use super::super::answer::Problem;
use super::super::dates::{clock, wall_in, zone_named};
use super::super::params::{Params, encode};
use super::super::respond::Reply;
use super::super::visit::Visit;
use super::super::words::fill;
use super::super::{Site, colour, text};
use super::board::{Board, Frame, Freshness, name_of};
use super::html;
use super::list::{Listing, listing, look_up};
use crate::projection::{HubRow, HubStatus};

#[derive(Template)]
#[template(path = "hubs.html")]
struct HubsPage {
    frame: Frame,
    hubs: Vec<HubCard>,
}

#[derive(Template)]
#[template(path = "hub.html")]
struct HubPage {
    frame: Frame,
    hub: HubCard,
    description: String,
    geo: Option<(String, String)>,
    clock: String,
    listing: Listing,
}

/// A hub as it introduces itself.
struct HubCard {
    name: String,
    href: String,
    events: String,
    class: String,
    place: String,
    website: Option<(String, String)>,
    summary: String,
    /// `this house`, `guest`, `no longer a member`.
    standing: Option<&'static str>,
    fresh: Freshness,
}

/// `/hubs`
pub(crate) fn hubs(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    let board = Board::load(site, visit)?;
    let mut frame = board.frame(board.words.hubs_title, "hubs", "/hubs", &Params::default());
    board.words.hubs_lead.clone_into(&mut frame.description);
    let hubs = board.hubs.iter().map(|hub| card(&board, hub)).collect();
    html(&HubsPage { frame, hubs })
}

/// `/hubs/{slug}`
pub(crate) fn hub(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    let board = Board::load(site, visit)?;
    let row = board.hub_of_slug(&visit.name).ok_or(Problem::NotFound)?;
    let path = format!("/hubs/{}", encode(&row.slug));
    let params = visit.params();
    let (query, page) = look_up(&board, &params, Some(&row.slug))?;
    let listing = listing(&board, page, &query, &params, &path);
    let card = card(&board, row);
    let mut frame = board.frame(&card.name, "hubs", &path, &params);
    frame.feeds(&Params::default().with("hub", &row.slug));
    frame.calendar = Some(format!("{path}/events.ics"));
    frame.description.clone_from(&card.summary);
    let wall = wall_in(&zone_named(&row.profile.timezone), board.reader.now_ms);
    let geo = row.profile.at.map(|at| {
        (
            format!("geo:{:.6},{:.6}", at.lat, at.lon),
            format!("{:.4}, {:.4}", at.lat, at.lon),
        )
    });
    html(&HubPage {
        description: text::paragraphs(&row.profile.description),
        geo,
        clock: fill(board.words.local_time_now, &[("time", &clock(wall))]),
        listing,
        hub: card,
        frame,
    })
}

fn card(board: &Board<'_>, hub: &HubRow) -> HubCard {
    let words = board.words;
    let place = [hub.profile.locality.trim(), hub.profile.country.trim()];
    let place: Vec<String> = place
        .into_iter()
        .filter(|part| !part.is_empty())
        .map(text::isolate)
        .collect();
    let standing = match hub.status {
        _ if hub.own => Some(words.this_house),
        HubStatus::Active if !hub.voter => Some(words.guest),
        HubStatus::Active => None,
        HubStatus::Pending => Some(words.pending),
        HubStatus::Removed | HubStatus::Left => Some(words.former),
    };
    HubCard {
        name: name_of(hub),
        href: board.visit.plain_link(&format!("/hubs/{}", encode(&hub.slug))),
        events: board.visit.link("/events", &Params::default().with("hub", &hub.slug)),
        class: colour::class(hub.id),
        place: text::one_line(&place.join(", "), 160),
        website: text::safe_link(&hub.profile.web_url).map(|url| (url.to_owned(), text::link_host(url).to_owned())),
        summary: text::one_line(&hub.profile.description, 220),
        standing,
        fresh: board.freshness(hub),
    }
}
