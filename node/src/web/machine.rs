//! What other programs look for at a site: `/sitemap.xml`, `/spaceapi.json` and `/murmurations.json`.

use askama::Template;
use interhub_domain::ids::LogId;
use interhub_domain::profile::HubProfile;
use interhub_domain::query::EventQuery;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Site;
use super::answer::Problem;
use super::assets::ASSETS;
use super::pages::{Board, name_of};
use super::params::encode;
use super::respond::Reply;
use super::text;
use super::visit::Visit;
use crate::projection::HubRow;

/// Addresses in one site map; the protocol allows 50,000 and 50 MiB.
const MAX_ADDRESSES: usize = 20_000;

#[derive(Template)]
#[template(path = "sitemap.xml")]
struct SiteMap {
    pages: Vec<SitePage>,
}

struct SitePage {
    address: String,
    changed: Option<String>,
}

/// `/sitemap.xml` (sitemaps.org protocol 0.9): the hubs, the tags, and the events to come, the nearest of them if there are
/// too many. 404 on a node that does not know its own address.
pub(crate) fn sitemap(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    if site.state.web_url.is_empty() {
        return Err(Problem::NotFound);
    }
    let board = Board::of_house(site, visit)?;
    let now_ms = board.reader.now_ms;
    let query = EventQuery {
        from_ms: Some(now_ms),
        ..EventQuery::default()
    };
    let events = site.state.directory.feed(&query, now_ms)?.events;
    let facets = site.state.directory.facets(&query, now_ms)?;
    let fixed = ["/", "/events", "/month", "/map", "/hubs"]
        .into_iter()
        .map(str::to_owned);
    let hubs = board.active().map(|hub| format!("/hubs/{}", encode(&hub.slug)));
    let tags = facets
        .tags
        .values
        .iter()
        .map(|tag| format!("/tags/{}", encode(&tag.value)));
    let plain = |path: String| SitePage {
        address: site.address(&path),
        changed: None,
    };
    let mut pages: Vec<SitePage> = fixed.chain(hubs).chain(tags).map(plain).collect();
    let public = events.iter().filter(|row| row.log == LogId::PUBLIC && !row.draft);
    pages.extend(public.map(|row| {
        SitePage {
            address: site.address(&format!("/events/{}", row.thing)),
            changed: Timestamp::from_millisecond(row.event.updated_ms / 1_000 * 1_000)
                .ok()
                .map(|at| at.to_string()),
        }
    }));
    pages.truncate(MAX_ADDRESSES);
    let newest = events.iter().map(|row| row.event.updated_ms).max();
    let page = SiteMap { pages };
    Ok(Reply::new("application/xml; charset=utf-8", page.render()?).last_modified(newest))
}

/// `/spaceapi.json`: the house for the directories of hacker- and makerspaces, SpaceAPI schema v15 (spaceapi.io). Whether
/// it is open is not known here, and so not said. 404 on a node that does not know its own address: a directory needs whole
/// ones.
pub(crate) fn spaceapi(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    let board = Board::of_house(site, visit)?;
    let house = board.house().filter(|_| !site.state.web_url.is_empty());
    let house = house.ok_or(Problem::NotFound)?;
    let profile = &house.profile;
    let own = |path: &str| site.address(path);
    let mut location = json!({"timezone": profile.timezone});
    if let Some(address) = address(profile) {
        location["address"] = json!(address);
    }
    if !profile.country.is_empty() {
        location["country_code"] = json!(profile.country);
    }
    if let Some(at) = profile.at {
        (location["lat"], location["lon"]) = (json!(at.lat), json!(at.lon));
    }
    let url = text::safe_link(&profile.web_url).map_or_else(|| own("/"), str::to_owned);
    let others = board.active().filter(|hub| !hub.own);
    let linked: Vec<Value> = others
        .filter_map(|hub| Some(json!({"website": text::safe_link(&hub.profile.web_url)?})))
        .collect();
    let mut document = json!({
        "api_compatibility": ["15"],
        "space": name_of(house),
        "logo": own(&ASSETS.icon.path),
        "url": url,
        "location": location,
        "contact": {},
        "feeds": {
            "calendar": {"type": "ical", "url": own(&format!("/hubs/{}/events.ics", encode(&house.slug)))},
            "blog": {"type": "atom", "url": own(&format!("/events.atom?hub={}", encode(&house.slug)))},
        },
    });
    if !linked.is_empty() {
        document["linked_spaces"] = json!(linked);
    }
    Ok(Reply::new("application/json", format!("{document}\n")))
}

/// `/murmurations.json`: the house for the maps and directories of murmurations.network, as their schema
/// `organizations_schema-v1.0.0` describes an organisation. The other hubs are named by their own sites. 404 on a node that
/// does not know its own address: everything in a profile is an address on the web.
pub(crate) fn murmurations(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    let board = Board::of_house(site, visit)?;
    let house = board.house().filter(|_| !site.state.web_url.is_empty());
    let house = house.ok_or(Problem::NotFound)?;
    let profile = &house.profile;
    let own = |path: &str| site.address(path);
    let slug = encode(&house.slug);
    let mut document = json!({
        "linked_schemas": ["organizations_schema-v1.0.0"],
        "name": name_of(house),
        "primary_url": text::safe_link(&profile.web_url).map_or_else(|| own("/"), str::to_owned),
        "urls": [
            {"name": "Events", "url": own("/events")},
            {"name": "Calendar", "url": own(&format!("/hubs/{slug}/events.ics"))},
        ],
        "status": "active",
        "image": own(&ASSETS.icon.path),
        "rss": own(&format!("/events.atom?hub={slug}")),
        "unique_id": format!("urn:interhub:hub:{}", house.id),
    });
    if !profile.description.trim().is_empty() {
        document["description"] = json!(profile.description);
    }
    if let Some(address) = address(profile) {
        document["full_address"] = json!(address);
    }
    if !profile.country.is_empty() {
        document["country_iso_3166"] = json!(profile.country);
    }
    if let Some(at) = profile.at {
        document["geolocation"] = json!({"lat": at.lat, "lon": at.lon});
    }
    let known = |hub: &HubRow| {
        let url = text::safe_link(&hub.profile.web_url)?;
        Some(json!({"predicate_url": "https://schema.org/knows", "object_url": url}))
    };
    let mut others: Vec<Value> = board.active().filter(|hub| !hub.own).filter_map(known).collect();
    // Two hubs with one site are one relationship: the schema wants each once.
    others.sort_by_key(ToString::to_string);
    others.dedup();
    if !others.is_empty() {
        document["relationships"] = json!(others);
    }
    Ok(Reply::new("application/json", format!("{document}\n")))
}

/// Town and country, as far as they are said.
fn address(profile: &HubProfile) -> Option<String> {
    let parts = [profile.locality.as_str(), profile.country.as_str()];
    let said: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    (!said.is_empty()).then(|| said.join(", "))
}
