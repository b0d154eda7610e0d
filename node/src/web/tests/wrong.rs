//! Every parameter of every page, feed and call, with every kind of wrong value: answered, never broken, and nothing in it runs.

use super::*;

/// Addresses with a query string.
const PLACES: [&str; 15] = [
    "/events",
    "/month",
    "/map",
    "/tags/repair",
    "/hubs/wien",
    "/events/00000004000000000000000000000000",
    "/events/00000004000000000000000000000000.ics",
    "/events.ics",
    "/events.atom",
    "/events.json",
    "/events.jscal.json",
    "/hubs/wien/events.ics",
    "/api/v1/events",
    "/api/v1/events/00000004000000000000000000000000",
    "/api/v1/hubs",
];
const PARAMETERS: [&str; 19] = [
    "from", "to", "hub", "tag", "q", "near", "within", "lang", "online", "in_place", "limit", "cursor", "facets",
    "month", "centre", "zoom", "at", "tz", "ui",
];
const VALUES: [&str; 15] = [
    "x",
    "-1",
    "0",
    "999999999999999999999999",
    "1e308",
    "NaN",
    "-inf",
    "%00",
    "%FF%FE",
    "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "%27%20OR%201%3D1--",
    "..%2F..%2Fetc%2Fpasswd",
    "2027-02-30",
    "9999-12-31T23:59:59Z",
    "%E2%80%AE%F0%9F%98%80",
];

#[tokio::test]
async fn every_wrong_parameter_is_answered() {
    let router = site(fixture::normal());
    let long = "a".repeat(3_000);
    for place in PLACES {
        for parameter in PARAMETERS {
            let values = VALUES.iter().copied().chain([long.as_str()]);
            for query in values.map(|value| format!("{parameter}={value}")) {
                let address = format!("{place}?{query}");
                let answer = get(&router, &address).await;
                let status = answer.status.as_u16();
                assert!(
                    matches!(status, 200 | 400 | 404 | 414),
                    "{address:.120}: {status}\n{:.300}",
                    answer.body
                );
                let kind = answer.headers["content-type"].to_str().unwrap();
                let runs = kind.contains("html") || kind.contains("xml");
                assert!(!runs || !answer.body.contains("<script>alert"), "{address:.120}");
                if status == 400 {
                    assert!(answer.body.contains(parameter), "{address:.120}: it is named");
                }
            }
        }
    }
}

#[tokio::test]
async fn of_a_repeated_parameter_every_place_takes_the_last() {
    let router = site(fixture::normal());
    for place in [
        "/events",
        "/month",
        "/map",
        "/api/v1/events",
        "/events.ics",
        "/events.json",
    ] {
        for (parameter, first, last) in [
            ("tag", "nothing", "repair"),
            ("hub", "wien", "amsterdam"),
            ("lang", "en", "de"),
            ("from", "x", "today"),
            ("q", "nothing", "evening"),
        ] {
            let twice = get(&router, &format!("{place}?{parameter}={first}&{parameter}={last}")).await;
            let once = get(&router, &format!("{place}?{parameter}={last}")).await;
            assert_eq!(
                (twice.status, twice.body),
                (once.status, once.body),
                "{place} {parameter}"
            );
        }
    }
}

#[tokio::test]
async fn words_for_stretches_of_time_make_feeds_that_go_on() {
    let router = site(fixture::normal());
    let page = get(&router, "/events?from=weekend&to=weekend&tag=repair").await;
    assert_eq!(page.status, 200);
    for feed in ["events.ics", "events.atom", "events.json"] {
        let link = format!("href=\"/{feed}?from=weekend&#38;to=weekend&#38;tag=repair\"");
        assert!(page.body.contains(&link), "{feed}: {}", page.body);
    }
    assert!(
        page.body.contains("webcal://hub.example/events.ics?from=weekend"),
        "{}",
        page.body
    );
    // What is chosen is one thing, and the form has its dates.
    assert_eq!(page.body.matches("class=\"chip\"").count(), 2, "{}", page.body);
    assert!(page.body.contains("value=\"2026-11-28\"") && page.body.contains("value=\"2026-11-29\""));
    let dated = get(&router, "/events?from=2026-11-28&to=2026-11-29").await;
    assert!(dated.body.contains("href=\"/events.ics\""), "a date would end it");
}

#[tokio::test]
async fn every_list_says_how_to_follow_it_and_how_fresh_it_is() {
    let router = site(fixture::normal());
    for page in ["/", "/events", "/month", "/map", "/hubs/wien", "/tags/repair"] {
        let body = get(&router, page).await.body;
        for kind in ["text/calendar", "application/atom+xml", "application/feed+json"] {
            assert!(
                body.contains(&format!("rel=\"alternate\" type=\"{kind}\"")),
                "{page}: {kind}"
            );
        }
        assert!(body.contains("webcal://hub.example/"), "{page}");
        assert!(body.contains("as of "), "{page}");
    }
}

#[tokio::test]
async fn scripts_of_other_sites_may_ask_again_with_what_they_know() {
    let router = site(fixture::normal());
    for place in ["/events.ics", "/api/v1/events", "/events.json", "/embed.js"] {
        let asked = [
            ("origin", "https://elsewhere.example"),
            ("access-control-request-method", "GET"),
            ("access-control-request-headers", "if-none-match"),
        ];
        let may = ask(&router, Method::OPTIONS, place, &asked).await;
        assert_eq!(may.status, 200, "{place}");
        assert_eq!(may.headers["access-control-allow-origin"], "*", "{place}");
        assert!(
            may.headers["access-control-allow-headers"]
                .to_str()
                .unwrap()
                .contains("if-none-match")
        );
        let got = ask(&router, Method::GET, place, &asked[..1]).await;
        assert_eq!(
            got.headers.get_all("access-control-allow-origin").iter().count(),
            1,
            "{place}"
        );
        assert!(
            got.headers["access-control-expose-headers"]
                .to_str()
                .unwrap()
                .contains("etag"),
            "{place}"
        );
    }
    let page = ask(
        &router,
        Method::GET,
        "/events",
        &[("origin", "https://elsewhere.example")],
    )
    .await;
    assert!(
        !page.headers.contains_key("access-control-allow-origin"),
        "pages are not for scripts"
    );
}
