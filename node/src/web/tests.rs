//! Requests as readers send them, answered without a socket.
#![allow(clippy::unwrap_used, reason = "tests")]

mod details;
mod finding;
mod shown;
mod wicked;
mod wrong;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use interhub_domain::event::Status;
use interhub_domain::ids::HubId;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use tower::ServiceExt;

use super::fixture::{self, Fixture};
use super::{PublicDirectory, WebState, router};
use crate::clock::ManualClock;
use crate::projection::read::Views;
use crate::projection::search::Search;
use crate::projection::search::memory::MemoryIndex;
use crate::projection::write::Projector;
use crate::store::memory::MemoryStore;
use crate::store::{Batch, Store};
use crate::task::{Blocking, Tasks};

/// A router over a fixture, at the fixtures' moment.
pub(super) fn site(fixture: Fixture) -> Router {
    router(state(fixture), None)
}

fn state(fixture: Fixture) -> WebState {
    let mut registry = Registry::default();
    let counter: Counter = Counter::default();
    registry.register("events", "Events seen", counter.clone());
    counter.inc();
    WebState {
        directory: Arc::new(fixture),
        clock: ManualClock::new(fixture::now_ms(), 1),
        tasks: Tasks::new(Blocking::Threads),
        registry: Arc::new(registry),
        ready: Arc::new(AtomicBool::new(true)),
        web_url: "https://hub.example/".to_owned(),
        behind_proxy: true,
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

async fn ask(router: &Router, method: Method, address: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(address);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 50_000_000).await.unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

async fn get(router: &Router, address: &str) -> Answer {
    ask(router, Method::GET, address, &[]).await
}

#[tokio::test]
async fn every_page_is_locked_down_and_loads_nothing_from_elsewhere() {
    let router = site(fixture::normal());
    let event = "/events/00000004000000000000000000000000";
    for address in [
        "/",
        "/events",
        event,
        "/hubs",
        "/hubs/wien",
        "/month",
        "/map",
        "/tags/repair",
        "/nothing",
        "/events?from=x",
    ] {
        let answer = get(&router, address).await;
        let csp = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(
            csp.starts_with("default-src 'none'; script-src 'self'; "),
            "{address}: {csp}"
        );
        assert!(
            !csp.contains("unsafe") && csp.contains("frame-ancestors 'none'"),
            "{address}: {csp}"
        );
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{address}");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer", "{address}");
        assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8", "{address}");
        assert!(
            answer.body.starts_with("<!doctype html>\n<html lang=\"en\">"),
            "{address}"
        );
        // Of scripts only files of this node run.
        let own = "<script type=\"module\" src=\"/static/";
        assert!(answer.body.contains(own), "{address}");
        let body = answer.body.replace(own, "");
        for banned in [
            "style=", "<style", "onclick", "<img", "<iframe", "src=", "@import", "url(",
        ] {
            assert!(!body.contains(banned), "{address} holds {banned}");
        }
        let scripts = body.matches("<script").count();
        assert_eq!(
            scripts,
            body.matches("<script type=\"application/ld+json\">").count(),
            "{address}"
        );
        for link in answer.body.split("<link rel=\"stylesheet\" href=\"").skip(1) {
            let path = link.split('"').next().unwrap();
            let asset = get(&router, path).await;
            assert_eq!(asset.status, 200, "{path}");
            assert!(
                asset.headers["cache-control"].to_str().unwrap().contains("immutable"),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn titles_are_text() {
    let router = site(fixture::normal());
    for address in ["/events", "/events/0000000c000000000000000000000000", "/events.atom"] {
        let answer = get(&router, address).await;
        assert_eq!(answer.status, 200, "{address}");
        assert!(!answer.body.contains("<script>alert"), "{address}");
        assert!(
            answer.body.contains("&lt;script&gt;") || answer.body.contains("&#60;script&#62;"),
            "{address}"
        );
    }
    let event = get(&router, "/events/0000000c000000000000000000000000").await;
    assert!(!event.body.contains("href=\"javascript:"));
    assert!(
        event
            .body
            .contains("href=\"https://wien.example/x?a=1&amp;b=\" rel=\"nofollow")
    );
    let json = event
        .body
        .split("ld+json\">")
        .nth(1)
        .unwrap()
        .split("</script>")
        .next()
        .unwrap();
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(value["name"], fixture::WICKED);
    assert_eq!(value["startDate"], "2026-12-02T12:00:00+01:00");
}

#[tokio::test]
async fn a_day_shows_its_events_in_their_own_time() {
    let router = site(fixture::normal());
    let page = get(&router, "/events").await.body;
    assert!(page.contains("Friday 27 November"), "no day heading");
    assert!(page.contains("18:30\u{a0}–\u{2060}\u{a0}21:00") && page.contains("Wien time"));
    assert!(page.contains("17:30 in Birmingham"));
    assert!(page.contains("Already under way"));
    assert!(page.contains("as of 09:10"), "no freshness");
    assert!(page.contains("fresh old") && page.contains("Newer changes may be missing."));
    assert!(!page.contains("Not for the public") && !page.contains("A draft"));
    for private in ["0000000d000000000000000000000000", "0000000e000000000000000000000000"] {
        for suffix in ["", ".ics"] {
            assert_eq!(get(&router, &format!("/events/{private}{suffix}")).await.status, 404);
        }
        assert_eq!(get(&router, &format!("/api/v1/events/{private}")).await.status, 404);
    }
    let feed = get(&router, "/events.ics").await.body;
    assert!(!feed.contains("Not for the public") && !feed.contains("A draft"));
}

#[tokio::test]
async fn cancelled_is_struck_out_and_said() {
    let router = site(fixture::normal());
    let page = get(&router, "/events?hub=amsterdam").await.body;
    assert!(page.contains("<s>Schrijfcafé</s>") && page.contains("<strong class=\"word\">Cancelled</strong>"));
    let event = get(&router, "/events/00000005000000000000000000000000").await.body;
    assert!(event.contains("This event is cancelled.") && event.contains("https://schema.org/EventCancelled"));
    let feed = get(&router, "/hubs/amsterdam/events.ics").await;
    assert!(feed.body.contains("STATUS:CANCELLED") && feed.body.contains("X-WR-CALNAME:Impact Hub Amsterdam"));
    let atom = get(&router, "/events.atom?hub=amsterdam").await.body;
    assert!(atom.contains("<title>Cancelled: Schrijfcafé</title>"));
    let date = get(
        &router,
        "/events/00000006000000000000000000000000?at=2026-12-03T18:00:00",
    )
    .await
    .body;
    assert!(date.contains("This date is cancelled."));
    let series = get(&router, "/events/00000006000000000000000000000000").await.body;
    assert!(!series.contains("This date is cancelled.") && series.contains("Next dates"));
    // The day is enough; a day that the series does not have is not taken for another one.
    let at = async |at: &str| {
        get(&router, &format!("/events/00000006000000000000000000000000?at={at}"))
            .await
            .body
    };
    let day = at("2026-12-03").await;
    assert!(day.contains("This date is cancelled.") && !day.contains("has no such date"));
    for gone in ["2026-12-04", "2026-12-03T17:00:00", "9999-12-31"] {
        let page = at(gone).await;
        assert!(
            page.contains("This series has no such date") && !page.contains("This date is cancelled."),
            "{gone}"
        );
    }
}

#[tokio::test]
async fn a_calendar_that_cannot_hold_everything_says_where_it_ends() {
    let whole = get(&site(fixture::normal()), "/events.ics").await.body;
    assert!(!whole.contains("X-WR-CALDESC"));
    let cut = Fixture {
        feed_ends_ms: Some(1_796_299_200_000),
        ..fixture::normal()
    };
    let router = site(cut);
    for (feed, said) in [
        ("/events.ics", "this one ends on Thursday 3 December."),
        ("/events.ics?ui=de", "dieser endet am Donnerstag\\, 3. Dezember."),
        ("/events.jscal.json", "this one ends on Thursday 3 December."),
    ] {
        let body = get(&router, feed).await.body.replace("\r\n ", "");
        assert!(body.contains(said), "{feed}: {body:.900}");
    }
}

#[tokio::test]
async fn a_wrong_value_is_named() {
    let router = site(fixture::normal());
    for (address, parameter) in [
        ("/events?from=yesterdayish", "from"),
        ("/events?near=here", "near"),
        ("/events?within=-3", "within"),
        ("/events?online=perhaps", "online"),
        ("/events?cursor=zzz", "cursor"),
        ("/hubs/wien?to=2026-13-45", "to"),
        ("/events/00000006000000000000000000000000?at=soon", "at"),
    ] {
        let answer = get(&router, address).await;
        assert_eq!(answer.status, 400, "{address}");
        assert!(answer.body.contains(&format!("“{parameter}”")), "{address}");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
    for feed in ["/events.ics?from=x", "/events.atom?lang=%21"] {
        assert_eq!(get(&router, feed).await.status, 400, "{feed}");
    }
    let problem = get(&router, "/api/v1/events?limit=0").await;
    assert_eq!(
        (
            problem.status.as_u16(),
            problem.headers["content-type"].to_str().unwrap()
        ),
        (400, "application/problem+json")
    );
    let value: serde_json::Value = serde_json::from_str(&problem.body).unwrap();
    assert_eq!(
        (value["parameter"].as_str(), value["status"].as_u64()),
        (Some("limit"), Some(400))
    );
    let hostile = get(&router, "/events?from=%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(hostile.status == 400 && !hostile.body.contains("<script>alert"));
}

#[tokio::test]
async fn limits_hold() {
    let router = site(fixture::normal());
    assert_eq!(
        get(&router, &format!("/events?q={}", "a".repeat(4_096))).await.status,
        414
    );
    assert_eq!(
        get(&router, &format!("/events?{}", "a=1&".repeat(60))).await.status,
        414
    );
    assert_eq!(
        get(&router, &format!("/events?q={}", "a".repeat(201))).await.status,
        400
    );
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let answer = ask(&router, method.clone(), "/events", &[]).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.headers["allow"], "GET, HEAD");
        assert!(answer.headers.contains_key("content-security-policy"));
    }
    for address in [
        "/nope",
        "/events/xyz",
        "/events/%ff",
        "/hubs/none",
        "/static/site.css",
        "/events/00/x",
    ] {
        let answer = get(&router, address).await;
        assert_eq!(answer.status, 404, "{address}");
        assert!(answer.body.contains("Look for it among all events"), "{address}");
    }
}

#[tokio::test]
async fn feeds_are_known_again() {
    let router = site(fixture::normal());
    for address in [
        "/events.ics",
        "/hubs/wien/events.ics",
        "/events/00000004000000000000000000000000.ics",
        "/events.atom",
        "/events.json",
        "/api/v1/events",
    ] {
        let first = get(&router, address).await;
        assert_eq!(first.status, 200, "{address}");
        let (tag, modified) = (
            first.headers["etag"].to_str().unwrap(),
            first.headers["last-modified"].to_str().unwrap(),
        );
        assert!(
            tag.starts_with('"') && modified.ends_with(" GMT"),
            "{address}: {tag} {modified}"
        );
        let again = ask(&router, Method::GET, address, &[("if-none-match", tag)]).await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0), "{address}");
        assert_eq!(again.headers["etag"], tag, "{address}");
        let since = ask(&router, Method::GET, address, &[("if-modified-since", modified)]).await;
        assert_eq!(since.status, 304, "{address}");
        let head = ask(&router, Method::HEAD, address, &[]).await;
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0), "{address}");
        assert_eq!(
            head.headers["content-length"],
            first.body.len().to_string(),
            "{address}"
        );
        assert_eq!(first.headers["access-control-allow-origin"], "*", "{address}");
    }
    let calendar = get(&router, "/events.ics?tag=repair").await;
    assert_eq!(calendar.headers["content-type"], "text/calendar; charset=utf-8");
    assert!(
        calendar
            .body
            .contains("X-WR-CALNAME:Events – Impact Hub Birmingham\\, repair")
    );
    let zipped = ask(&router, Method::GET, "/events", &[("accept-encoding", "gzip")]).await;
    assert_eq!(zipped.headers["content-encoding"], "gzip");
}

#[tokio::test]
async fn pages_speak_the_readers_language() {
    let router = site(fixture::normal());
    let german = ask(
        &router,
        Method::GET,
        "/events",
        &[("accept-language", "de-AT,de;q=0.9,en;q=0.5")],
    )
    .await;
    assert!(
        german.body.contains("<html lang=\"de\">") && german.body.contains("Heute") && german.body.contains("Nov.")
    );
    let dutch = get(&router, "/events?ui=nl&tag=repair").await.body;
    assert!(dutch.contains("<html lang=\"nl\">"));
    assert!(dutch.contains("href=\"/hubs?ui=nl\""), "links forget the language");
    assert!(dutch.contains("<input type=\"hidden\" name=\"ui\" value=\"nl\">"));
    assert!(
        dutch.contains("lang=\"de\" dir=\"auto\""),
        "an event's own language is not said"
    );
    let spanish = get(&router, "/?ui=es").await.body;
    assert!(spanish.contains("Qué hay esta semana"));
    assert!(get(&router, "/?ui=xx").await.body.contains("<html lang=\"en\">"));
}

#[tokio::test]
async fn lists_are_paged_without_losing_the_filters() {
    let router = site(fixture::overfull());
    let mut address = "/events?from=2026-11-25&to=2027-01-31&limit=120".to_owned();
    let mut seen = 0;
    for _ in 0..3 {
        let page = get(&router, &address).await;
        assert_eq!(page.status, 200, "{address}");
        seen += page.body.matches("<li class=\"item").count();
        let Some(next) = page.body.split("rel=\"next\" href=\"").nth(1) else {
            break;
        };
        address = next
            .split('"')
            .next()
            .unwrap()
            .replace("&amp;", "&")
            .replace("&#38;", "&");
        assert!(
            address.contains("to=2027-01-31") && address.contains("cursor="),
            "{address}"
        );
    }
    assert_eq!(seen, 300);
}

#[tokio::test]
async fn empty_pages_say_what_to_do() {
    let router = site(fixture::empty());
    assert!(get(&router, "/").await.body.contains("Look further ahead"));
    assert!(
        get(&router, "/events")
            .await
            .body
            .contains("As soon as a house announces one")
    );
    let hub = get(&router, "/hubs/wien").await.body;
    assert!(hub.contains("Nothing coming up at Impact Hub Wien") && hub.contains("What is on elsewhere"));
    assert!(!hub.contains("drop a choice"), "nothing was chosen");
    assert!(hub.contains(">All events</a>"), "{hub}");
    let filtered = get(&router, "/events?hub=wien&from=2026-11-25&to=2026-11-29")
        .await
        .body;
    assert!(filtered.contains("Next 30 days") && filtered.contains("Clear all"));
}

#[tokio::test]
async fn a_failure_is_a_page_that_gives_nothing_away() {
    let router = site(Fixture {
        broken: true,
        ..Fixture::default()
    });
    for address in [
        "/",
        "/events",
        "/hubs",
        "/events.ics",
        "/events/00000004000000000000000000000000",
    ] {
        let answer = get(&router, address).await;
        assert_eq!(answer.status, 500, "{address}");
        assert!(
            answer.body.contains("nothing was lost") && !answer.body.contains("disk on fire"),
            "{address}"
        );
    }
    let api = get(&router, "/api/v1/hubs").await;
    assert!(api.status == 500 && !api.body.contains("disk on fire"));
}

#[tokio::test]
async fn filters_leave_the_form_filled_in() {
    let router = site(fixture::normal());
    let page = get(
        &router,
        "/events?q=caf%C3%A9+%22x%22&hub=wien&near=52.4751,-1.8848&within=10&from=2026-11-26&lang=fr&online=1",
    )
    .await
    .body;
    assert!(page.contains("value=\"wien\" selected"));
    assert!(page.contains("value=\"52.4751,-1.8848\" selected"));
    assert!(page.contains("value=\"10\" selected") && page.contains("value=\"fr\" selected"));
    assert!(page.contains("name=\"from\" value=\"2026-11-26\"") && page.contains("value=\"1\" checked"));
    assert!(page.contains("café") && !page.contains("value=\"café \"x\"\""));
}

#[tokio::test]
async fn probes_answer() {
    let state = state(fixture::empty());
    let (router, ready) = (router(state.clone(), None), state.ready);
    assert_eq!(get(&router, "/healthz").await.status, 200);
    assert_eq!(get(&router, "/readyz").await.status, 200);
    ready.store(false, Ordering::Relaxed);
    assert_eq!(get(&router, "/readyz").await.status, 503);
    assert!(get(&router, "/metrics").await.body.contains("events_total 1"));
}

#[tokio::test]
async fn json_has_the_promised_fields() {
    let router = site(fixture::normal());
    let answer = get(&router, "/api/v1/events?limit=3").await;
    let value: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(value["next"], "3");
    let entry = &value["events"][1];
    for field in [
        "id",
        "uid",
        "hub",
        "hosts",
        "title",
        "summary",
        "description",
        "start",
        "end",
        "timezone",
        "all_day",
        "start_utc",
        "end_utc",
        "status",
        "series",
        "recurrence_id",
        "tags",
        "location",
        "online_url",
        "url",
        "language",
        "updated",
        "as_of",
        "translations",
        "features",
        "capacity",
        "postponed",
        "image_url",
        "attendance",
    ] {
        assert!(entry.get(field).is_some(), "{field} is missing");
    }
    assert_eq!(entry["start"], "2026-11-25T09:30:00");
    assert_eq!(entry["start_utc"], "2026-11-25T09:30:00Z");
    assert_eq!(entry["as_of"], "2026-11-25T09:12:00Z");
    let one = get(&router, &format!("/api/v1/events/{}", entry["id"].as_str().unwrap())).await;
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&one.body).unwrap()["title"],
        entry["title"]
    );
    let hubs = get(&router, "/api/v1/hubs").await.body;
    assert!(hubs.contains("\"slug\":\"wien\""));
}

#[tokio::test]
async fn a_month_has_all_its_days_and_each_its_events() {
    let router = site(fixture::normal());
    let month = get(&router, "/month").await.body;
    assert!(month.contains("<h1>November 2026</h1>"), "{month}");
    // Five weeks and a day, from Monday 26 October to Sunday 6 December.
    assert_eq!(month.matches("<td class=").count(), 42);
    assert_eq!(month.matches("aria-current=\"date\"").count(), 1);
    let today = month
        .split("aria-current=\"date\"")
        .nth(1)
        .unwrap()
        .split("</td>")
        .next()
        .unwrap();
    assert!(
        today.contains("from=2026-11-25&amp;to=2026-11-25") || today.contains("from=2026-11-25&#38;to=2026-11-25"),
        "{today}"
    );
    assert!(
        today.contains("<span class=\"time\">09:30</span>") && today.contains("Founders’ breakfast"),
        "{today}"
    );
    assert!(month.contains("rel=\"next\" href=\"/month?month=2026-12\""), "{month}");
    assert!(month.contains("rel=\"prev\" href=\"/month?month=2026-10\""), "{month}");
    assert!(
        month.contains("<s lang=\"de\" dir=\"auto\">") && month.contains("Cancelled"),
        "{month}"
    );
    // Filters stay, also from month to month, and words are the reader's.
    let german = get(&router, "/month?month=2026-12&hub=wien&ui=de&from=2020-01-01")
        .await
        .body;
    assert!(
        german.contains("<h1>Dezember 2026</h1>") && german.contains("Dieser Monat"),
        "{german}"
    );
    assert!(
        german.contains("hub=wien") && !german.contains("2020-01-01"),
        "{german}"
    );
    assert!(!german.contains("Impact Hub Amsterdam"), "{german}");
    for wrong in ["2026-13", "soon", "2026-12-01", "-1", "0000-01"] {
        let answer = get(&router, &format!("/month?month={wrong}")).await;
        assert_eq!(answer.status, 400, "{wrong}");
        assert!(answer.body.contains("month"), "{wrong}");
    }
    assert!(!get(&router, "/month?month=2200-12").await.body.contains("rel=\"next\""));
    // A day that holds more than its cell says how many more.
    let full = get(&site(fixture::overfull()), "/month").await.body;
    assert!(full.contains(" more<span class=\"unseen\">"), "{full}");
    assert!(!full.contains(fixture::WICKED));
}

#[tokio::test]
async fn a_tag_has_an_address_of_its_own() {
    let router = site(fixture::normal());
    let page = get(&router, "/tags/repair").await.body;
    assert!(
        page.contains("<h1>Tag: repair</h1>") && page.contains("/events.ics?tag=repair"),
        "{page}"
    );
    assert!(
        page.contains("Mend it yourself") && !page.contains("Founders’ breakfast"),
        "{page}"
    );
    assert!(!page.contains("noindex"));
    let event = get(&router, "/events/00000009000000000000000000000000").await.body;
    assert!(event.contains("rel=\"tag\" href=\"/tags/repair\""), "{event}");
    let none = get(&router, "/tags/%3Cscript%3E%2Fx").await;
    assert_eq!(none.status, 200);
    assert!(
        none.body.contains("noindex") && !none.body.contains("<script>/x"),
        "{}",
        none.body
    );
    let long = get(&router, &format!("/tags/{}", "x".repeat(300))).await;
    assert_eq!(long.status, 400);
}

#[tokio::test]
async fn other_programs_find_what_they_look_for() {
    let router = site(fixture::normal());
    let robots = get(&router, "/robots.txt").await.body;
    assert!(
        robots.contains("Sitemap: https://hub.example/sitemap.xml\n"),
        "{robots}"
    );
    let map = get(&router, "/sitemap.xml").await;
    assert_eq!(map.headers["content-type"], "application/xml; charset=utf-8");
    assert!(
        map.body.starts_with("<?xml") && map.body.contains("<loc>https://hub.example/hubs/wien</loc>"),
        "{}",
        map.body
    );
    let event = "<loc>https://hub.example/events/00000004000000000000000000000000</loc><lastmod>2026-";
    assert!(map.body.contains(event), "{}", map.body);

    let news: serde_json::Value = serde_json::from_str(&get(&router, "/events.json?hub=wien").await.body).unwrap();
    assert_eq!(news["version"], "https://jsonfeed.org/version/1.1");
    assert_eq!(news["feed_url"], "https://hub.example/events.json?hub=wien");
    let items = news["items"].as_array().unwrap();
    assert!(!items.is_empty());
    for field in [
        "id",
        "url",
        "title",
        "content_text",
        "date_published",
        "date_modified",
        "authors",
        "tags",
    ] {
        assert!(items[0].get(field).is_some(), "{field} is missing");
    }

    let space = get(&router, "/spaceapi.json").await;
    assert_eq!(space.headers["access-control-allow-origin"], "*");
    let space: serde_json::Value = serde_json::from_str(&space.body).unwrap();
    assert_eq!(space["api_compatibility"], serde_json::json!(["15"]));
    assert_eq!(space["space"], "Impact Hub Birmingham");
    assert_eq!(space["location"]["timezone"], "Europe/London");
    assert_eq!(
        space["feeds"]["calendar"]["url"],
        "https://hub.example/hubs/birmingham/events.ics"
    );
    assert!(
        space["logo"]
            .as_str()
            .unwrap()
            .starts_with("https://hub.example/static/icon.")
    );
    assert!(space.get("state").is_none(), "whether it is open is not known");
}

#[tokio::test]
async fn the_house_has_a_profile_for_murmurations() {
    let mut made = fixture::normal();
    for hub in &mut made.hubs {
        hub.profile.web_url = match hub.slug.as_str() {
            "birmingham" => String::new(),
            "amsterdam" => "https://same.example/".to_owned(),
            _ => "javascript:alert(1)".to_owned(),
        };
    }
    let mut twin = made.hubs.iter().find(|hub| hub.slug == "amsterdam").unwrap().clone();
    (twin.slug, twin.id.0[0]) = ("twin".to_owned(), 0x77);
    made.hubs.push(twin);
    let router = site(made);
    let answer = get(&router, "/murmurations.json").await;
    assert_eq!(
        (answer.status, &answer.headers["access-control-allow-origin"]),
        (StatusCode::OK, &"*".parse().unwrap())
    );
    let profile: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        profile["linked_schemas"],
        serde_json::json!(["organizations_schema-v1.0.0"])
    );
    assert_eq!(profile["name"], "Impact Hub Birmingham");
    assert_eq!(profile["primary_url"], "https://hub.example/");
    assert_eq!(
        (&profile["country_iso_3166"], &profile["full_address"]),
        (&"GB".into(), &"Birmingham, GB".into())
    );
    assert_eq!(
        profile["relationships"],
        serde_json::json!([{"predicate_url": "https://schema.org/knows", "object_url": "https://same.example/"}])
    );
    for address in [&profile["image"], &profile["rss"], &profile["urls"][1]["url"]] {
        assert!(
            address.as_str().unwrap().starts_with("https://hub.example/"),
            "{address}"
        );
    }
    let nameless = WebState {
        web_url: String::new(),
        ..state(fixture::normal())
    };
    let nameless = super::router(nameless, None);
    assert_eq!(get(&nameless, "/murmurations.json").await.status, 404);
}

/// Every field, parameter and answer is in the document, and everything in the document is served.
#[tokio::test]
async fn the_api_is_described_as_it_is() {
    let router = site(fixture::normal());
    let answer = get(&router, "/api/v1/openapi.json").await;
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    let document: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths = document["paths"].as_object().unwrap();
    let described: Vec<&str> = paths.keys().map(String::as_str).collect();
    assert_eq!(described, ["/api/v1/events", "/api/v1/events/{id}", "/api/v1/hubs"]);
    let parameters = document["paths"]["/api/v1/events"]["get"]["parameters"]
        .as_array()
        .unwrap();
    let names: Vec<&str> = parameters.iter().map(|one| one["name"].as_str().unwrap()).collect();
    let read = [
        "from", "to", "hub", "tag", "q", "near", "within", "lang", "online", "in_place", "limit", "cursor", "facets",
    ];
    assert_eq!(names, read);
    let keys = |value: &serde_json::Value| -> Vec<String> {
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    };
    let schema = |name: &str| keys(&document["components"]["schemas"][name]["properties"]);
    let json =
        async |address: &str| -> serde_json::Value { serde_json::from_str(&get(&router, address).await.body).unwrap() };
    let events = json("/api/v1/events").await;
    assert_eq!(keys(&events), schema("EventList"));
    assert_eq!(keys(&events["events"][0]), schema("EventEntry"));
    assert!(events["facets"].is_null(), "counts nobody asked for");
    let facets = &json("/api/v1/events?facets=1").await["facets"];
    assert_eq!(keys(facets), schema("FacetsEntry"));
    assert_eq!(keys(&facets["tags"]), schema("FacetEntry"));
    assert_eq!(keys(&facets["tags"]["values"][0]), schema("CountEntry"));
    assert_eq!(get(&router, "/api/v1/events?facets=some").await.status, 400);
    let with_place = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["location"].is_object());
    assert_eq!(keys(&with_place.unwrap()["location"]), schema("PlaceEntry"));
    let hubs = json("/api/v1/hubs").await;
    assert_eq!(keys(&hubs["hubs"][0]), schema("HubEntry"));
    let wrong = json("/api/v1/events?from=soon").await;
    assert_eq!(keys(&wrong), schema("ProblemEntry"));
    // Each answer that is not 200 is one that is named.
    let answers = &document["paths"]["/api/v1/events"]["get"]["responses"];
    for (address, status) in [
        ("/api/v1/events?limit=0", 400),
        (&*format!("/api/v1/events?q={}", "x".repeat(5_000)), 414),
    ] {
        assert_eq!(get(&router, address).await.status, status);
        assert!(answers[status.to_string()].is_object(), "{status}");
    }
}

#[tokio::test]
async fn the_script_for_other_pages_is_small_and_theirs_to_read() {
    let answer = get(&site(fixture::normal()), "/embed.js").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    assert!(answer.body.len() <= 10_000, "{} bytes", answer.body.len());
    // It keeps nothing, and puts nothing into a page but text.
    for word in ["cookie =", "localStorage", "innerHTML", "eval(", "Function("] {
        assert!(!answer.body.contains(word), "{word}");
    }
}

/// What a node makes of a fixture: the same events and hubs in real projections.
struct Projected {
    store: Store,
    projector: Projector,
    router: Router,
}

impl Projected {
    /// `fresh` tells when everything a hub had announced was here.
    fn new(made: &Fixture, fresh: fn(HubId) -> Option<i64>) -> Self {
        let store: Store = Arc::new(MemoryStore::new());
        let projector = Projector::open(store.clone(), fixture::now_ms()).unwrap();
        let mut batch = Batch::new();
        for hub in &made.hubs {
            projector.hub_changed(&mut batch, hub.id, Some(hub)).unwrap();
        }
        for (row, _) in &made.events {
            projector
                .event_changed(&mut batch, row.thing, row.object, Some(row))
                .unwrap();
        }
        store.write(&batch).unwrap();
        let search = Search::open(store.clone(), Box::new(MemoryIndex::new()), [7; 16]).unwrap();
        search.follow_all().unwrap();
        let views = Views::new(store.clone(), Arc::new(search));
        let directory = PublicDirectory::new(Arc::new(views), Box::new(fresh));
        let state = WebState {
            directory: Arc::new(directory),
            ..state(fixture::empty())
        };
        let router = router(state, None);
        Self {
            store,
            projector,
            router,
        }
    }
}

#[tokio::test]
async fn a_cancellation_shows_at_once() {
    let made = fixture::normal();
    let Projected {
        store,
        projector,
        router,
    } = Projected::new(&made, |_| Some(fixture::now_ms()));

    // The projections show what the fixture shows.
    let page = get(&router, "/events").await.body;
    for title in [
        "Founders’ breakfast",
        "Choir without auditions",
        "Herbstmarkt",
        "Already under way",
        "17:30 in Birmingham",
    ] {
        assert!(page.contains(title), "{title} is missing");
    }
    for private in ["Not for the public", "A draft"] {
        for address in [
            "/events",
            "/events.ics",
            "/events.atom",
            "/api/v1/events",
            "/hubs/wien",
            "/events?q=draft",
        ] {
            assert!(
                !get(&router, address).await.body.contains(private),
                "{address} shows {private:?}"
            );
        }
    }
    let found = get(&router, "/events?q=auditions").await.body;
    assert!(found.contains("Choir without auditions") && !found.contains("Herbstmarkt"));
    let series = get(
        &router,
        "/events/00000006000000000000000000000000?at=2026-12-03T18:00:00",
    )
    .await
    .body;
    assert!(series.contains("This date is cancelled.") && series.contains("Thursday 10 December"));

    let opening = made
        .events
        .iter()
        .find(|(row, _)| row.thing.0[3] == 4)
        .unwrap()
        .0
        .clone();
    let address = format!("/events/{}", opening.thing);
    let feed = get(&router, "/events.ics").await;
    let tag = feed.headers["etag"].to_str().unwrap();
    assert!(!get(&router, &address).await.body.contains("This event is cancelled."));
    let mut cancelled = (*opening).clone();
    cancelled.event.status = Status::Cancelled;
    cancelled.event.sequence += 1;
    let mut batch = Batch::new();
    projector
        .event_changed(&mut batch, cancelled.thing, cancelled.object, Some(&cancelled))
        .unwrap();
    store.write(&batch).unwrap();
    assert!(get(&router, &address).await.body.contains("This event is cancelled."));
    assert!(get(&router, "/events").await.body.contains("<s>Open evening"));
    let again = ask(&router, Method::GET, "/events.ics", &[("if-none-match", tag)]).await;
    assert_eq!(again.status, 200);
    assert_eq!(
        again.body.matches("STATUS:CANCELLED").count(),
        feed.body.matches("STATUS:CANCELLED").count() + 1
    );
}

#[tokio::test]
async fn whoever_asks_the_interface_too_fast_waits() {
    let router = site(fixture::normal());
    let there = [("x-forwarded-for", "198.51.100.7")];
    for _ in 0..200 {
        let answer = ask(&router, Method::GET, "/api/v1/hubs", &there).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    let late = ask(&router, Method::GET, "/api/v1/hubs", &there).await;
    assert_eq!(late.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(late.headers["retry-after"], "1");
    assert_eq!(late.headers["content-type"], "application/problem+json");
    assert!(late.body.contains("429"), "{}", late.body);
    // Others do not wait, nor do readers of pages and feeds, nor those whom the proxy does not tell apart.
    let elsewhere = ask(
        &router,
        Method::GET,
        "/api/v1/hubs",
        &[("x-forwarded-for", "198.51.100.8")],
    )
    .await;
    assert_eq!(elsewhere.status, StatusCode::OK);
    assert_eq!(
        ask(&router, Method::GET, "/events.ics", &there).await.status,
        StatusCode::OK
    );
    assert_eq!(get(&router, "/api/v1/hubs").await.status, StatusCode::OK);
}
