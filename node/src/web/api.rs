//! `/api/v1`: the same lists as JSON, readable from any site. Errors are problem details (RFC 9457). What is served, and with
//! which parameters, is described by an OpenAPI document made from this very code.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use interhub_domain::event::{Attendance, Event, Location, Occurrence, Status, Translation};
use interhub_domain::ids::{HubId, LogId};
use interhub_domain::query::{EventQuery, QueryParseError};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::Site;
use super::answer::Problem;
use super::pages::{self, Board, Shown, name_of};
use super::respond::{Cache, Reply};
use super::visit::Visit;
use crate::projection::facets::{Facet, Way};
use crate::projection::{EventRow, HubRow, HubStatus};

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

/// The document at `/api/v1/openapi.json`.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Interhub",
        description = "The public events of a network of community hubs, as any of its nodes knows them. Read only; no sign-in, no \
                       cookies; readable by scripts of any site. Every answer carries an ETag and is compressed if asked for.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT")
    ),
    paths(events, event, hubs),
    tags((name = "directory", description = "Events and hubs of the whole network"))
)]
struct Described;

static OPENAPI: LazyLock<Result<String, serde_json::Error>> = LazyLock::new(|| Described::openapi().to_pretty_json());

/// `/api/v1/openapi.json`
pub(crate) fn openapi(_: &Site, _: &Visit) -> Result<Reply, Problem> {
    match &*OPENAPI {
        Ok(text) => Ok(Reply::new(JSON, text.as_str())),
        Err(error) => Err(Problem::Broken(error.to_string())),
    }
}

/// Which events. A wrong value is answered with 400 and names the parameter; unknown parameters are ignored; of a repeated one
/// the last counts.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what EventQuery::parse reads")]
struct Filters {
    /// First moment: a date, an RFC 3339 time, `now`, or the first day to come of `today`, `tomorrow`, `weekend`, `week` or
    /// `month`. Without it: now.
    #[param(example = "2027-03-01")]
    from: Option<String>,
    /// Last moment, in the same forms; a date includes its day, and a word means its last one: `from=weekend&to=weekend`.
    #[param(example = "2027-03-31")]
    to: Option<String>,
    /// Slug of the hub.
    #[param(max_length = 64)]
    hub: Option<String>,
    /// A tag.
    #[param(max_length = 200)]
    tag: Option<String>,
    /// Words in title, text, translations or place: stems, accents and small typing errors are forgiven.
    #[param(max_length = 200)]
    q: Option<String>,
    /// `LAT,LON` in degrees.
    #[param(example = "52.48,-1.89")]
    near: Option<String>,
    /// Kilometres around `near`; 25 if not given.
    #[param(minimum = 0, maximum = 20000)]
    within: Option<f64>,
    /// BCP 47 language of the event's texts, or of their translations.
    #[param(example = "de")]
    lang: Option<String>,
    /// `1`: only events that can be joined online.
    online: Option<String>,
    /// `1`: only events that have a place to go to.
    in_place: Option<String>,
    /// Occurrences of one answer.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// Where the next answer begins: `next` of the one before.
    cursor: Option<String>,
    /// `1`: also count the events by tag, hub, language and way to take part.
    facets: Option<String>,
}

/// Occurrences, ordered by start.
#[derive(Serialize, ToSchema)]
struct EventList {
    /// One entry per occurrence.
    events: Vec<EventEntry>,
    /// Cursor of the next answer; null at the end.
    next: Option<String>,
    /// How many events there are of each kind; null unless asked for by `facets=1`.
    facets: Option<FacetsEntry>,
}

/// How many events the filters find, a series counted once, and by what they can be narrowed. Each kind is counted over what
/// the same filters find without their own part of that kind. At most 50 values of a kind, the most frequent first.
#[derive(Serialize, ToSchema)]
struct FacetsEntry {
    /// Events in all.
    events: usize,
    /// Whether those are all; if not, there are more.
    complete: bool,
    /// By tag: values for `tag`.
    tags: FacetEntry,
    /// By hub: slugs for `hub`.
    hubs: FacetEntry,
    /// By primary language: values for `lang`.
    languages: FacetEntry,
    /// By way to take part, `online` and `in_place`: names of the filters.
    ways: FacetEntry,
}

/// One kind.
#[derive(Serialize, ToSchema)]
struct FacetEntry {
    /// Whether all events were counted; if not, the counts are lower bounds.
    complete: bool,
    /// The values.
    values: Vec<CountEntry>,
}

/// One value.
#[derive(Serialize, ToSchema)]
struct CountEntry {
    /// For the filter.
    value: String,
    /// Events with it.
    events: usize,
}

/// One occurrence of an event.
#[derive(Serialize, ToSchema)]
struct EventEntry {
    /// The event's id, the same for all its occurrences.
    id: String,
    /// iCalendar UID.
    uid: String,
    /// Slug of the hub whose event it is.
    hub: String,
    /// That hub's name.
    hub_name: String,
    /// Slugs of all hubs that host it, that one first.
    hosts: Vec<String>,
    /// One line.
    title: String,
    /// One or two sentences; may be empty.
    summary: String,
    /// Plain text; may be empty.
    description: String,
    /// Wall time in `timezone`, or a date if `all_day`.
    #[schema(example = "2027-03-04T18:30:00")]
    start: String,
    /// Its end, exclusive, in the same form.
    end: String,
    /// IANA zone of the wall times.
    timezone: String,
    /// Whether it is given in whole days.
    all_day: bool,
    /// The start as an instant.
    #[schema(format = DateTime)]
    start_utc: String,
    /// The end as an instant.
    #[schema(format = DateTime)]
    end_utc: String,
    /// `confirmed`, `tentative` or `cancelled`. A postponed event is `cancelled` at the time it still has.
    status: &'static str,
    /// Its date is off, and there is no new one yet.
    postponed: bool,
    /// Whether the event has more than one occurrence.
    series: bool,
    /// Which occurrence of a series this is: the start its rule gives.
    recurrence_id: Option<String>,
    /// Tags.
    tags: Vec<String>,
    /// Where; null for events that are only online.
    location: Option<PlaceEntry>,
    /// Where to join online; may be empty.
    online_url: String,
    /// The event's own page; may be empty.
    url: String,
    /// How people take part: `in_place`, `online` or `hybrid`; null if neither a place nor an address is given.
    attendance: Option<&'static str>,
    /// A picture; may be empty.
    image_url: String,
    /// BCP 47; may be empty.
    language: String,
    /// Title and summary in other languages, by BCP 47 tag.
    translations: BTreeMap<String, TranslationEntry>,
    /// What it offers for access and company, such as `wheelchair`, `sign-language`, `childcare`.
    features: Vec<String>,
    /// How many people there is room for; information only.
    #[schema(minimum = 1, maximum = 1_000_000)]
    capacity: Option<u32>,
    /// When it was last changed.
    #[schema(format = DateTime)]
    updated: String,
    /// When everything its hub had announced was here.
    #[schema(format = DateTime)]
    as_of: Option<String>,
}

/// Texts in another language; empty where they are not translated.
#[derive(Serialize, ToSchema)]
struct TranslationEntry {
    /// One line.
    title: String,
    /// One or two sentences.
    summary: String,
}

/// A place.
#[derive(Serialize, ToSchema)]
struct PlaceEntry {
    /// Name or address; may be empty.
    name: String,
    /// Degrees north.
    lat: Option<f64>,
    /// Degrees east.
    lon: Option<f64>,
}

/// The hubs of the network.
#[derive(Serialize, ToSchema)]
struct HubList {
    /// This node's own hub first.
    hubs: Vec<HubEntry>,
}

/// A hub.
#[derive(Serialize, ToSchema)]
struct HubEntry {
    /// Its short name in addresses.
    slug: String,
    /// What people call it.
    name: String,
    /// Its id.
    id: String,
    /// Whether it is this node's own.
    #[serde(rename = "self")]
    own: bool,
    /// `active`, `removed`, `left` or `pending`.
    status: &'static str,
    /// Town.
    locality: String,
    /// ISO 3166-1 alpha-2.
    country: String,
    /// IANA zone.
    timezone: String,
    /// Where it is.
    at: Option<PointEntry>,
    /// Its own site.
    web_url: String,
    /// About it.
    description: String,
    /// When everything it had announced was here.
    #[schema(format = DateTime)]
    as_of: Option<String>,
}

/// A point on the earth.
#[derive(Serialize, ToSchema)]
struct PointEntry {
    /// Degrees north.
    lat: f64,
    /// Degrees east.
    lon: f64,
}

/// What is wrong with a request (RFC 9457).
#[derive(Serialize, ToSchema)]
struct ProblemEntry {
    /// Always `about:blank`: the status says it.
    r#type: &'static str,
    /// The status in words.
    title: &'static str,
    /// HTTP status.
    status: u16,
    /// What is wrong, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The parameter that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'static str>,
}

/// Events of the whole network
///
/// Occurrences that have not ended at `from`, ordered by start.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "directory", params(Filters),
    responses(
        (status = 200, description = "The occurrences", body = EventList),
        (status = 304, description = "What you have is still right"),
        (status = 400, description = "A parameter has a wrong value", body = ProblemEntry, content_type = "application/problem+json"),
        (status = 414, description = "The query is longer than 4 KiB", body = ProblemEntry, content_type = "application/problem+json"),
        (status = 429, description = "More than 10 requests a second, after the first 200; see Retry-After", body = ProblemEntry,
         content_type = "application/problem+json"),
        (status = 503, description = "Too busy; see Retry-After", body = ProblemEntry, content_type = "application/problem+json")
    )
)]
pub(crate) fn events(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    let board = Board::of_house(site, visit)?;
    let params = visit.params();
    let query = EventQuery::parse(params.pairs(), &board.reader.zone, board.reader.now_ms)?;
    let facets = if asks_for_facets(params.get("facets"))? {
        Some(facets(&board, &query)?)
    } else {
        None
    };
    let page = site.state.directory.list(&query, board.reader.now_ms)?;
    let public = page
        .items
        .iter()
        .filter(|listed| listed.row.log == LogId::PUBLIC && !listed.row.draft);
    let newest = public.clone().map(|listed| listed.row.event.updated_ms).max();
    let events = public
        .map(|listed| entry(&board, &listed.row, &listed.occurrence))
        .collect();
    let list = EventList {
        events,
        next: page.next,
        facets,
    };
    Ok(reply(&list)?.last_modified(newest))
}

fn asks_for_facets(value: Option<&str>) -> Result<bool, QueryParseError> {
    match value {
        Some("1" | "true" | "yes" | "on") => Ok(true),
        None | Some("0" | "false" | "no" | "off") => Ok(false),
        Some(_) => Err(QueryParseError {
            parameter: "facets",
            reason: "expected 1 or 0".to_owned(),
        }),
    }
}

fn facets(board: &Board<'_>, query: &EventQuery) -> Result<FacetsEntry, Problem> {
    let facets = board.site.state.directory.facets(query, board.reader.now_ms)?;
    let slug = |id: &HubId| board.hub(*id).map_or_else(|| id.to_string(), |hub| hub.slug.clone());
    let way = |way: &Way| match way {
        Way::InPlace => "in_place".to_owned(),
        Way::Online => "online".to_owned(),
    };
    Ok(FacetsEntry {
        events: facets.events,
        complete: facets.complete,
        tags: facet(&facets.tags, String::clone),
        hubs: facet(&facets.hubs, slug),
        languages: facet(&facets.languages, String::clone),
        ways: facet(&facets.ways, way),
    })
}

fn facet<V>(facet: &Facet<V>, name: impl Fn(&V) -> String) -> FacetEntry {
    let values = facet.values.iter().map(|counted| CountEntry {
        value: name(&counted.value),
        events: counted.events,
    });
    FacetEntry {
        complete: facet.complete,
        values: values.collect(),
    }
}

/// One event
///
/// At its next occurrence, or its first if none is to come.
#[utoipa::path(
    get, path = "/api/v1/events/{id}", tag = "directory",
    params(("id" = String, Path, description = "The event's id")),
    responses(
        (status = 200, description = "The event", body = EventEntry),
        (status = 304, description = "What you have is still right"),
        (status = 404, description = "There is no public event of this id", body = ProblemEntry,
         content_type = "application/problem+json"),
        (status = 429, description = "More than 10 requests a second, after the first 200; see Retry-After", body = ProblemEntry,
         content_type = "application/problem+json"),
        (status = 503, description = "Too busy; see Retry-After", body = ProblemEntry, content_type = "application/problem+json")
    )
)]
pub(crate) fn event(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    let row = pages::find(site, &visit.name)?;
    let board = Board::of_house(site, visit)?;
    let directory = &site.state.directory;
    let mut next = directory.occurrences(row.thing, board.reader.now_ms, 1)?;
    if next.is_empty() {
        next = directory.occurrences(row.thing, pages::before(row.event.schedule.start), 1)?;
    }
    let occurrence = next.pop().ok_or(Problem::NotFound)?;
    Ok(reply(&entry(&board, &row, &occurrence))?.last_modified(Some(row.event.updated_ms)))
}

/// The hubs of the network
#[utoipa::path(
    get, path = "/api/v1/hubs", tag = "directory",
    responses(
        (status = 200, description = "The hubs", body = HubList),
        (status = 304, description = "What you have is still right"),
        (status = 429, description = "More than 10 requests a second, after the first 200; see Retry-After", body = ProblemEntry,
         content_type = "application/problem+json"),
        (status = 503, description = "Too busy; see Retry-After", body = ProblemEntry, content_type = "application/problem+json")
    )
)]
pub(crate) fn hubs(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    let board = Board::of_house(site, visit)?;
    let hub = |hub: &HubRow| {
        let profile = &hub.profile;
        HubEntry {
            slug: hub.slug.clone(),
            name: profile.name.clone(),
            id: hub.id.to_string(),
            own: hub.own,
            status: match hub.status {
                HubStatus::Active => "active",
                HubStatus::Removed => "removed",
                HubStatus::Left => "left",
                HubStatus::Pending => "pending",
            },
            locality: profile.locality.clone(),
            country: profile.country.clone(),
            timezone: profile.timezone.clone(),
            at: profile.at.map(|at| PointEntry {
                lat: at.lat,
                lon: at.lon,
            }),
            web_url: profile.web_url.clone(),
            description: profile.description.clone(),
            as_of: as_of(&board, hub),
        }
    };
    let hubs = board.hubs.iter().map(hub).collect();
    reply(&HubList { hubs })
}

/// A problem as RFC 9457 says it.
pub(crate) fn problem(reason: &Problem) -> Reply {
    let status = reason.status();
    let (detail, parameter) = match reason {
        Problem::Parameter(error) => (Some(error.to_string()), Some(error.parameter)),
        // What broke is for the log.
        Problem::Broken(_) => (None, None),
        other => (Some(other.to_string()), None),
    };
    let entry = ProblemEntry {
        r#type: "about:blank",
        title: status.canonical_reason().unwrap_or("Error"),
        status: status.as_u16(),
        detail,
        parameter,
    };
    // Plain fields: this cannot fail.
    let body = serde_json::to_string(&entry).unwrap_or_default();
    Reply::new(PROBLEM, body).status(status).cache(Cache::No)
}

fn reply(value: &impl Serialize) -> Result<Reply, Problem> {
    let mut body = serde_json::to_string(value).map_err(|error| Problem::Broken(error.to_string()))?;
    body.push('\n');
    Ok(Reply::new(JSON, body))
}

/// One occurrence, in the form in which the command line prints it too.
fn entry(board: &Board<'_>, row: &EventRow, occurrence: &Occurrence) -> EventEntry {
    let event: &Event = &row.event;
    let shown = Shown::of(event, Some(occurrence), "");
    let slug = |id: HubId| board.hub(id).map_or_else(|| id.to_string(), |hub| hub.slug.clone());
    EventEntry {
        id: row.thing.to_string(),
        uid: event.uid.clone(),
        hub: slug(row.hub),
        hub_name: board.hub(row.hub).map_or_else(|| row.hub.short(), name_of),
        hosts: row.hosts.iter().map(|id| slug(*id)).collect(),
        title: shown.title.text.to_owned(),
        summary: event.summary.clone(),
        description: shown.description.to_owned(),
        start: occurrence.start.to_string(),
        end: occurrence.end.to_string(),
        timezone: event.schedule.zone.name().to_owned(),
        all_day: occurrence.start.is_date(),
        start_utc: rfc3339(occurrence.start_ms),
        end_utc: rfc3339(occurrence.end_ms),
        status: match occurrence.status {
            Status::Confirmed => "confirmed",
            Status::Tentative => "tentative",
            Status::Cancelled => "cancelled",
        },
        postponed: event.postponed,
        series: event.schedule.is_series(),
        recurrence_id: occurrence.recurrence_id.map(|at| at.to_string()),
        tags: event.tags.clone(),
        location: shown.location.map(place),
        online_url: event.online_url.clone(),
        url: shown.url.to_owned(),
        attendance: Attendance::of(shown.location, &event.online_url).map(Attendance::name),
        image_url: event.image_url.clone(),
        language: event.language.clone(),
        translations: event.translations_at(occurrence).map(translation).collect(),
        features: event.features.iter().cloned().collect(),
        capacity: event.capacity,
        updated: rfc3339(event.updated_ms),
        as_of: board.hub(row.hub).and_then(|hub| as_of(board, hub)),
    }
}

fn translation((language, texts): (&String, Translation)) -> (String, TranslationEntry) {
    let Translation { title, summary } = texts;
    (language.clone(), TranslationEntry { title, summary })
}

fn place(location: &Location) -> PlaceEntry {
    PlaceEntry {
        name: location.name.clone(),
        lat: location.at.map(|at| at.lat),
        lon: location.at.map(|at| at.lon),
    }
}

/// When everything the hub had published was here; now, for the house itself.
fn as_of(board: &Board<'_>, hub: &HubRow) -> Option<String> {
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
