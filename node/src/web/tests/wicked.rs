//! Markup in every field that somebody writes, on every page and in every feed: shown as text, or not at all.

use std::sync::Arc;

use interhub_domain::event::{Location, Override, Translation};

use super::*;
use crate::projection::EventRow;

const WICKED: &str = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\u{0}\u{fffe}\u{202e} ]]> & \"'";

fn fill(row: &EventRow) -> EventRow {
    let mut row = row.clone();
    let event = &mut row.event;
    let say = || WICKED.to_owned();
    (event.uid, event.title, event.summary, event.description) = (say(), say(), say(), say());
    event.tags = vec![say(), "repair".to_owned()];
    event.location = Some(Location {
        name: say(),
        at: event.location.as_ref().and_then(|place| place.at),
    });
    (event.url, event.online_url, event.image_url) = (
        format!("https://a.example/{WICKED}"),
        format!("javascript:{WICKED}"),
        format!("https://a.example/\"><script>alert(1)</script>{WICKED}"),
    );
    event.language = WICKED.to_owned();
    let translation = Translation {
        title: say(),
        summary: say(),
    };
    event.translations = ["de", "x\"><script>alert(1)</script>"]
        .map(|tag| (tag.to_owned(), translation.clone()))
        .into();
    event.features = [say()].into();
    if event.schedule.is_series() {
        event.schedule.overrides.push(Override {
            recurrence_id: event.schedule.start,
            this_and_future: false,
            status: None,
            time: None,
            title: Some(say()),
            description: Some(say()),
            location: Some(Location { name: say(), at: None }),
            url: Some(say()),
        });
    }
    row
}

fn wicked() -> Router {
    let mut made = fixture::normal();
    for hub in &mut made.hubs {
        let profile = &mut hub.profile;
        (profile.name, profile.locality, profile.country) = (WICKED.into(), WICKED.into(), WICKED.into());
        (profile.description, profile.web_url) = (WICKED.into(), format!("javascript:{WICKED}"));
    }
    for (row, _) in &mut made.events {
        *row = Arc::new(fill(row));
    }
    site(made)
}

#[tokio::test]
async fn nothing_that_people_write_runs_anywhere() {
    let router = wicked();
    let event = "/events/00000004000000000000000000000000";
    let series = "/events/00000002000000000000000000000000";
    let calendar = format!("{event}.ics");
    for address in [
        "/",
        "/events",
        "/month",
        "/map",
        "/hubs",
        "/hubs/wien",
        "/tags/repair",
        "/events?facets=1",
        event,
        series,
        "/events?ui=de",
        "/month?ui=es",
        "/nothing",
        "/sitemap.xml",
        "/events.atom",
        "/events.ics",
        "/events.json",
        "/events.jscal.json",
        "/hubs/wien/events.ics",
        &calendar,
        "/api/v1/events?facets=1",
        "/api/v1/hubs",
        "/spaceapi.json",
        "/murmurations.json",
    ] {
        let answer = get(&router, address).await;
        assert!(
            answer.status == 200 || address == "/nothing",
            "{address}: {}",
            answer.status
        );
        let kind = answer.headers["content-type"].to_str().unwrap();
        if kind.contains("html") || kind.contains("xml") {
            let body = &answer.body;
            assert!(
                !body.contains("<script>alert") && !body.contains("<img src=x"),
                "{address}"
            );
            assert!(!body.contains("href=\"javascript:"), "{address}");
            if let Some(at) = body.find('\u{0}') {
                panic!(
                    "{address}: a control character in {:?}",
                    &body[at.saturating_sub(200)..at]
                );
            }
            assert!(
                !body.contains('\u{fffe}') || kind.contains("html"),
                "{address}: it has no place in XML"
            );
        } else if kind.contains("json") {
            let document: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            assert!(document.is_object() || document.is_array(), "{address}");
        } else {
            assert!(
                !answer.body.contains('\u{0}') && kind.contains("text/calendar"),
                "{address}: {kind}"
            );
        }
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{address}");
    }
}
