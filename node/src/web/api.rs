//! `/api/v1`: the same lists as JSON, readable from any site. Errors are problem details (RFC 9457).

use interhub_domain::event::{Event, Location, Occurrence, Status};
use interhub_domain::ids::LogId;
use interhub_domain::query::EventQuery;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Site;
use super::answer::Problem;
use super::pages::{self, Board, Shown};
use super::respond::{Cache, Reply};
use super::visit::Visit;
use crate::projection::{EventRow, HubStatus};

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

/// `/api/v1/events`: `{events, next}`, one entry per occurrence.
pub(crate) fn events(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    let board = Board::load(site, visit)?;
    let query = EventQuery::parse(visit.params().pairs(), &board.reader.zone, board.reader.now_ms)?;
    let page = site.state.directory.list(&query, board.reader.now_ms)?;
    let public = page
        .items
        .iter()
        .filter(|listed| listed.row.log == LogId::PUBLIC && !listed.row.draft);
    let newest = public.clone().map(|listed| listed.row.event.updated_ms).max();
    let events: Vec<Value> = public
        .map(|listed| entry(&board, &listed.row, &listed.occurrence))
        .collect();
    Ok(reply(&json!({"events": events, "next": page.next})).last_modified(newest))
}

/// `/api/v1/events/{id}`: the event at its next date.
pub(crate) fn event(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    let row = pages::find(site, &visit.name)?;
    let board = Board::load(site, visit)?;
    let directory = &site.state.directory;
    let mut next = directory.occurrences(row.thing, board.reader.now_ms, 1)?;
    if next.is_empty() {
        next = directory.occurrences(row.thing, pages::before(row.event.schedule.start), 1)?;
    }
    let occurrence = next.pop().ok_or(Problem::NotFound)?;
    Ok(reply(&entry(&board, &row, &occurrence)).last_modified(Some(row.event.updated_ms)))
}

/// `/api/v1/hubs`: `{hubs}`.
pub(crate) fn hubs(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    let board = Board::load(site, visit)?;
    let hub = |hub: &crate::projection::HubRow| {
        let profile = &hub.profile;
        json!({
            "slug": hub.slug,
            "name": profile.name,
            "id": hub.id.to_string(),
            "self": hub.own,
            "status": match hub.status {
                HubStatus::Active => "active",
                HubStatus::Removed => "removed",
                HubStatus::Left => "left",
                HubStatus::Pending => "pending",
            },
            "locality": profile.locality,
            "country": profile.country,
            "timezone": profile.timezone,
            "at": profile.at.map(|at| json!({"lat": at.lat, "lon": at.lon})),
            "web_url": profile.web_url,
            "description": profile.description,
            "as_of": as_of(&board, hub),
        })
    };
    let hubs: Vec<Value> = board.hubs.iter().map(hub).collect();
    Ok(reply(&json!({"hubs": hubs})))
}

/// A problem as RFC 9457 says it.
pub(crate) fn problem(reason: &Problem) -> Reply {
    let status = reason.status();
    let mut body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
    });
    match reason {
        Problem::Parameter(error) => {
            body["detail"] = json!(error.to_string());
            body["parameter"] = json!(error.parameter);
        }
        // What broke is for the log.
        Problem::Broken(_) => {}
        other => body["detail"] = json!(other.to_string()),
    }
    Reply::new(PROBLEM, body.to_string())
        .status(status)
        .cache(Cache::No)
        .any_origin()
}

fn reply(value: &Value) -> Reply {
    Reply::new(JSON, format!("{value}\n")).any_origin()
}

/// One occurrence, in the form in which the command line prints it too.
fn entry(board: &Board<'_>, row: &EventRow, occurrence: &Occurrence) -> Value {
    let event: &Event = &row.event;
    let shown = Shown::of(event, Some(occurrence));
    let slug = |id| board.hub(id).map_or_else(|| id.to_string(), |hub| hub.slug.clone());
    json!({
        "id": row.thing.to_string(),
        "uid": event.uid,
        "hub": slug(row.hub),
        "hosts": row.hosts.iter().map(|id| slug(*id)).collect::<Vec<_>>(),
        "title": shown.title,
        "summary": event.summary,
        "description": shown.description,
        "start": occurrence.start.to_string(),
        "end": occurrence.end.to_string(),
        "timezone": event.schedule.zone.name(),
        "all_day": occurrence.start.is_date(),
        "start_utc": rfc3339(occurrence.start_ms),
        "end_utc": rfc3339(occurrence.end_ms),
        "status": match occurrence.status {
            Status::Confirmed => "confirmed",
            Status::Tentative => "tentative",
            Status::Cancelled => "cancelled",
        },
        "series": event.schedule.is_series(),
        "recurrence_id": occurrence.recurrence_id.map(|at| at.to_string()),
        "tags": event.tags,
        "location": shown.location.map(place),
        "online_url": event.online_url,
        "url": shown.url,
        "language": event.language,
        "updated": rfc3339(event.updated_ms),
        "as_of": board.hub(row.hub).and_then(|hub| as_of(board, hub)),
    })
}

fn place(location: &Location) -> Value {
    json!({"name": location.name, "lat": location.at.map(|at| at.lat), "lon": location.at.map(|at| at.lon)})
}

/// When everything the hub had published was here; now, for the house itself.
fn as_of(board: &Board<'_>, hub: &crate::projection::HubRow) -> Option<String> {
    // To the minute, so that an unchanged list stays the same document.
    if hub.own {
        Some(rfc3339(board.reader.now_ms / 60_000 * 60_000))
    } else {
        hub.as_of_ms.map(rfc3339)
    }
}

fn rfc3339(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_string()
}
