//! How visitors find what is on: narrowing a list, stretches of time, and what a list says of itself.

use super::{Fixture, Projected, fixture, get, site};

/// The values of one kind beside a list: name, count, where the link leads, and whether it is chosen.
fn kind(page: &str, label: &str) -> Vec<(String, String, String, bool)> {
    let (_, section) = page.split_once(&format!("<h2>{label}</h2>")).unwrap();
    let section = section.split("</section>").next().unwrap();
    let between = |text: &str, open: &str, close: &str| {
        let text = text.split_once(open).unwrap().1;
        text.split_once(close).unwrap().0.to_owned()
    };
    let values = section.split("<li").skip(1).map(|one| {
        let label = between(one, "<bdi", "</bdi>");
        (
            label.split_once('>').unwrap().1.to_owned(),
            between(one, "class=\"count\">", "<"),
            between(one, "href=\"", "\"")
                .replace("&#38;", "&")
                .replace("&amp;", "&"),
            one.contains("aria-current"),
        )
    });
    values.collect()
}

#[tokio::test]
async fn a_list_says_by_what_it_can_be_narrowed() {
    let router = site(fixture::normal());
    let page = get(&router, "/events").await.body;
    assert!(page.contains("<p class=\"found\">12 events</p>"), "{page}");
    let tags = kind(&page, "Tags");
    assert_eq!(
        tags[0],
        ("repair".into(), "3".into(), "/events?tag=repair".into(), false)
    );
    assert!(tags.len() <= 8, "{tags:?}");
    let hubs = kind(&page, "Hubs");
    assert_eq!(hubs[0].0, "Impact Hub Birmingham");
    // Both what a hub owns and what it hosts with others counts.
    assert_eq!((hubs[1].0.as_str(), hubs[1].1.as_str()), ("Impact Hub Amsterdam", "4"));
    let languages = kind(&page, "Language");
    assert_eq!(languages[1].0, "Deutsch");
    assert_eq!(kind(&page, "How")[1].2, "/events?online=1");

    // A chosen value can be taken back, and another one be chosen instead.
    let page = get(&router, "/events?tag=repair&lang=de&ui=en&from=2026-11-25")
        .await
        .body;
    assert!(page.contains("<p class=\"found\">One event</p>"), "{page}");
    let tags = kind(&page, "Tags");
    let repair = tags.iter().find(|tag| tag.0 == "repair").unwrap();
    assert_eq!((repair.1.as_str(), repair.3), ("1", true));
    assert_eq!(repair.2, "/events?lang=de&from=2026-11-25&ui=en");
    let other = tags.iter().find(|tag| tag.0 == "food").unwrap();
    assert_eq!(other.2, "/events?lang=de&from=2026-11-25&tag=food&ui=en");
    let languages = kind(&page, "Language");
    assert_eq!(languages.len(), 3, "{languages:?}");
    assert!(languages.iter().any(|language| language.0 == "Deutsch" && language.3));
    // Every link leads to as many as it says, and crawlers are asked not to follow them all.
    for (name, count, link, chosen) in tags.iter().filter(|tag| !tag.3) {
        let there = get(&router, link).await.body;
        let found = if count == "1" {
            "One event".to_owned()
        } else {
            format!("{count} events")
        };
        assert!(
            there.contains(&format!("<p class=\"found\">{found}</p>")),
            "{name} {chosen}"
        );
    }
    assert_eq!(
        page.matches("<a rel=\"nofollow\" href=\"/events").count(),
        page.matches("class=\"count\"").count()
    );
    // Nothing to choose from is not shown.
    let page = get(&site(fixture::empty()), "/events").await.body;
    assert!(page.contains("<p class=\"found\">0 events</p>") && !page.contains("class=\"count\""));
}

#[tokio::test]
async fn events_with_a_place_can_be_asked_for() {
    let router = site(fixture::normal());
    let page = get(&router, "/events?in_place=1").await.body;
    assert!(page.contains("name=\"in_place\" value=\"1\" checked") && page.contains("Takes place somewhere"));
    assert!(!page.contains("&#60;script&#62;alert"), "that one has no place");
    assert_eq!(get(&router, "/events?in_place=there").await.status, 400);
}

/// Wednesday 25 November 2026: each stretch of time begins today at the earliest and ends where its name says.
#[tokio::test]
async fn the_usual_stretches_of_time_are_a_link_away() {
    let page = get(&site(fixture::normal()), "/events?tag=repair").await.body;
    let jumps = page
        .split("<nav class=\"jumps\"")
        .nth(1)
        .unwrap()
        .split("</nav>")
        .next()
        .unwrap();
    let jumps = jumps.replace("&#38;", "&").replace("&amp;", "&");
    for (label, from, to) in [
        ("Today", "today", "today"),
        ("This week", "week", "week"),
        ("This weekend", "weekend", "weekend"),
        ("This month", "month", "month"),
        ("Next 30 days", "2026-11-25", "2026-12-25"),
    ] {
        let link = format!("href=\"/events?tag=repair&from={from}&to={to}\">{label}</a>");
        assert!(jumps.contains(&link), "{label}: {jumps}");
    }
}

#[tokio::test]
async fn times_are_told_by_the_clock_the_reader_chose() {
    let router = site(fixture::normal());
    let page = get(&router, "/events?hub=wien&tz=america/new_york").await;
    assert_eq!(page.status, 200);
    let page = page.body.replace("&#38;", "&");
    // The event's own time, and the reader's.
    assert!(
        page.contains("18:30\u{a0}–\u{2060}\u{a0}21:00") && page.contains("Wien time"),
        "{page}"
    );
    assert!(
        page.contains("12:30 in New York") && !page.contains("17:30 in Birmingham"),
        "{page}"
    );
    // Links carry it on, as the database writes it, and so do the forms.
    for path in ["/hubs", "/month", "/hubs/wien"] {
        let link = format!("href=\"{path}?tz=America%2FNew_York\"");
        assert!(page.contains(&link), "{link}: {page}");
    }
    assert!(
        page.contains("href=\"/events?hub=wien&ui=de&tz=America%2FNew_York\""),
        "{page}"
    );
    assert!(
        page.contains("<input type=\"hidden\" name=\"tz\" value=\"America/New_York\">"),
        "{page}"
    );
    assert!(
        page.contains("<option value=\"America/New_York\" selected>America/New York</option>"),
        "{page}"
    );
    assert!(page.contains("data-zone=\"America/New_York\""), "{page}");
    // Feeds stay what they are, and the address to be known by has no clock.
    assert!(page.contains("href=\"/events.ics?hub=wien\""), "{page}");
    assert!(
        page.contains("rel=\"canonical\" href=\"https://hub.example/events?hub=wien\""),
        "{page}"
    );
    // Without it, it is the house's.
    let page = get(&router, "/events?hub=wien").await.body;
    assert!(
        page.contains("17:30 in Birmingham") && page.contains("data-zone=\"Europe/London\""),
        "{page}"
    );
    assert!(
        page.contains("<option value=\"\" selected>Birmingham (this house)</option>"),
        "{page}"
    );
    // Every hub's zone is offered.
    assert!(page.contains("<option value=\"Europe/Vienna\">"), "{page}");
    // An event's page, and one's own zone by its own name.
    let event = get(&router, "/events/00000003000000000000000000000000?tz=Asia/Tokyo")
        .await
        .body;
    assert!(event.contains("Thu 26 Nov, 02:30 in Tokyo"), "{event}");
    let own = get(&router, "/events?tz=Europe/London").await.body;
    assert!(own.contains("17:30 in Birmingham"), "{own}");
}

/// In Honolulu it is still the day before: what is today there is not what is today here.
#[tokio::test]
async fn today_is_the_readers_today() {
    let router = site(fixture::normal());
    let today = "/events?from=today&to=today";
    let here = get(&router, today).await.body;
    assert!(here.contains("name=\"from\" value=\"2026-11-25\""), "{here}");
    let late = get(&router, &format!("{today}&tz=Pacific/Honolulu")).await.body;
    assert!(late.contains("name=\"from\" value=\"2026-11-24\""), "{late}");
    let june = get(&router, "/month?month=2026-06&tz=Asia/Tokyo").await;
    assert!(june.status == 200 && june.body.contains("June 2026"));
}

#[tokio::test]
async fn a_zone_that_does_not_exist_is_named_and_kept_apart() {
    let router = site(fixture::normal());
    for wrong in [
        "Mars/Olympus",
        "Etc/Unknown",
        "Europe",
        "%3Cscript%3E",
        "..%2F..%2Fetc%2Fpasswd",
    ] {
        for path in ["/", "/events", "/month", "/hubs", "/hubs/wien", "/tags/repair"] {
            // A right answer that is kept for the same question without a clock is no answer to this one.
            assert_eq!(get(&router, path).await.status, 200, "{path}");
            let answer = get(&router, &format!("{path}?tz={wrong}")).await;
            assert_eq!(answer.status, 400, "{path} {wrong}");
            assert!(
                answer.body.contains("“tz”") && !answer.body.contains("<script>"),
                "{path} {wrong}"
            );
            // The way on is not wrong again.
            assert!(!answer.body.contains("?tz="), "{path} {wrong}");
        }
    }
    let [vienna, tokyo] = ["Europe/Vienna", "Asia/Tokyo"].map(|zone| format!("/events?hub=birmingham&tz={zone}"));
    let vienna = get(&router, &vienna).await.body;
    let tokyo = get(&router, &tokyo).await.body;
    assert!(vienna.contains("10:30 in Vienna") && tokyo.contains("18:30 in Tokyo"));
}

#[tokio::test]
async fn feeds_and_the_interface_have_the_houses_clock() {
    let router = site(fixture::normal());
    for address in [
        "/events.ics",
        "/events.atom",
        "/events.json",
        "/events.jscal.json",
        "/murmurations.json",
        "/hubs/wien/events.ics",
        "/api/v1/events",
        "/api/v1/hubs",
    ] {
        let plain = get(&router, &format!("{address}?from=today")).await;
        for zone in ["Asia/Tokyo", "Mars/Olympus"] {
            let other = get(&router, &format!("{address}?from=today&tz={zone}")).await;
            assert_eq!(other.status, 200, "{address}");
            assert_eq!(other.body, plain.body, "{address} {zone}");
        }
    }
}

#[tokio::test]
async fn scripts_are_small_and_keep_nothing() {
    let router = site(fixture::normal());
    let page = get(&router, "/events").await.body;
    let scripts: Vec<&str> = page.split("<script type=\"module\" src=\"").skip(1).collect();
    assert!(!scripts.is_empty());
    for script in scripts {
        let path = script.split('"').next().unwrap();
        let answer = get(&router, path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.headers["content-type"], "text/javascript; charset=utf-8");
        assert!(answer.body.lines().count() < 200, "{path}");
        for word in [
            "cookie",
            "localStorage",
            "sessionStorage",
            "indexedDB",
            "innerHTML",
            "eval(",
            "Function(",
            "http:",
            "https:",
        ] {
            assert!(!answer.body.contains(word), "{path}: {word}");
        }
    }
}

/// The marks of a map: what each says, and where it leads.
fn marks(page: &str) -> Vec<(String, String)> {
    let page = page.replace("&#38;", "&");
    let marks = page.split("class=\"mark ").skip(1).map(|one| {
        let says = one.split("aria-label=\"").nth(1).unwrap().split('"').next().unwrap();
        (says.to_owned(), String::new())
    });
    let links = page
        .split("class=\"mark ")
        .map(|before| before.rsplit("<a href=\"").next().unwrap());
    let links = links.map(|link| link.split('"').next().unwrap_or("").to_owned());
    marks.zip(links).map(|((says, _), link)| (says, link)).collect()
}

#[tokio::test]
async fn a_map_shows_what_the_list_has() {
    let router = site(fixture::normal());
    let answer = get(&router, "/map").await;
    assert_eq!(answer.status, 200);
    let page = answer.body;
    assert!(page.contains("<p class=\"found\">12 events</p>"), "{page}");
    let all = marks(&page);
    // From north to south, each with what it leads to.
    let said: Vec<&str> = all.iter().map(|(says, _)| says.as_str()).collect();
    assert_eq!(
        said,
        [
            "Impact Hub Birmingham: 5 events",
            "Impact Hub Amsterdam: 3 events",
            "Impact Hub Wien: 3 events"
        ]
    );
    assert_eq!(all[2].1, "/events?near=48.2012,16.3521&within=1", "{all:?}");
    // The list beside it leads to the same, and there are as many.
    assert_eq!(page.matches(&all[2].1.replace('&', "&#38;")).count(), 2);
    let there = get(&router, "/events?near=48.2012,16.3521&within=1").await;
    assert_eq!(there.status, 200);
    assert!(page.contains("One event without a known place on the map."), "{page}");
    assert!(page.contains("class=\"land\"") && !page.contains("d=\"\"") && page.contains("Natural Earth"));
    assert!(page.contains("<a href=\"/map\" aria-current=\"page\">Map</a>"));
    assert!(page.len() < 150_000, "{} bytes", page.len());

    // The same filters as a list, and links keep them.
    let page = get(&router, "/map?tag=repair&ui=de&from=2026-11-25")
        .await
        .body
        .replace("&#38;", "&");
    let all = marks(&page);
    assert_eq!(all.len(), 3);
    assert!(
        all.iter()
            .all(|(says, link)| says.contains("Eine Veranstaltung") && link.contains("tag=repair")),
        "{all:?}"
    );
    assert!(
        page.contains("href=\"/events?tag=repair&from=2026-11-25&ui=de\">"),
        "{page}"
    );
    assert!(page.contains("<form class=\"filter\" action=\"/map\""), "{page}");
    // One hub alone.
    let page = get(&router, "/map?hub=wien").await.body;
    assert_eq!(marks(&page).len(), 1);
    // No events: the hubs are there all the same, and lead to their pages.
    let page = get(&site(fixture::empty()), "/map").await.body;
    assert!(
        marks(&page).iter().all(|(_, link)| link.starts_with("/hubs/")),
        "{page}"
    );
    let page = get(&site(Fixture::default()), "/map").await;
    assert!(page.status == 200 && page.body.contains("There is nothing to show here."));
}

#[tokio::test]
async fn a_map_moves_by_links() {
    let router = site(fixture::normal());
    let near = get(&router, "/map?centre=48.2,16.4&zoom=6&tag=food&ui=nl").await;
    assert_eq!(near.status, 200);
    let page = near.body.replace("&#38;", "&");
    assert_eq!(marks(&page).len(), 1, "{page}");
    assert!(page.contains("noindex") && page.contains("Buiten deze kaart"));
    for (label, expected) in [
        ("Dichterbij", "zoom=7"),
        ("Verder weg", "zoom=5"),
        ("Naar het oosten", "zoom=6"),
    ] {
        let link = page.split(&format!("title=\"{label}\"")).next().unwrap();
        let link = link.rsplit("href=\"").next().unwrap().split('"').next().unwrap();
        assert!(
            link.contains(expected) && link.contains("tag=food") && link.contains("ui=nl"),
            "{label}: {link}"
        );
        assert_eq!(get(&router, link).await.status, 200, "{link}");
    }
    // As close as it gets; as far as it gets; over the date line.
    assert!(
        !get(&router, "/map?centre=48.2,16.4&zoom=7")
            .await
            .body
            .contains("title=\"Closer\"")
    );
    assert!(
        !get(&router, "/map?zoom=0")
            .await
            .body
            .contains("title=\"Further away\"")
    );
    for place in ["0,180", "0,-180", "90,0", "-90,0", "-17.8,178"] {
        assert_eq!(
            get(&router, &format!("/map?centre={place}")).await.status,
            200,
            "{place}"
        );
    }
    for (wrong, parameter) in [
        ("zoom=8", "zoom"),
        ("zoom=-1", "zoom"),
        ("zoom=close", "zoom"),
        ("zoom=99999999999999999999", "zoom"),
        ("centre=here", "centre"),
        ("centre=91,0", "centre"),
        ("centre=NaN,0", "centre"),
        ("centre=1e999,0", "centre"),
        ("from=soon", "from"),
    ] {
        let answer = get(&router, &format!("/map?{wrong}")).await;
        assert_eq!(answer.status, 400, "{wrong}");
        assert!(answer.body.contains(&format!("“{parameter}”")), "{wrong}");
    }
}

/// The titles of a list's entries, in their order.
fn titles(page: &str) -> Vec<String> {
    let entries = page.split("<li class=\"item").skip(1);
    let title = |entry: &str| {
        let link = entry.split("<h3").nth(1).unwrap().split("<a href=\"").nth(1).unwrap();
        let text = link.split_once("\">").unwrap().1.split("</a>").next().unwrap();
        text.replace("<s>", "").replace("</s>", "")
    };
    entries.map(title).collect()
}

async fn found(router: &axum::Router, query: &str) -> Vec<String> {
    let answer = get(router, &format!("/events?{query}")).await;
    assert_eq!(answer.status, 200, "{query}");
    titles(&answer.body)
}

/// What people type, in the languages of the events: other forms of a word, no accents, slips, and only its beginning.
#[tokio::test]
async fn words_are_found_as_people_type_them() {
    let router = Projected::new(&fixture::normal(), |_| None).router;
    for (typed, title) in [
        // Other forms: stems of each event's own language.
        ("tours", "Open evening: see the house, meet the people"),
        ("bringing+somebody", "Open evening: see the house, meet the people"),
        ("sewn+machine", ""),
        ("sewing+machines", "Mend it yourself: clothes and lamps"),
        ("Werkstattabende", "Werkstattabend: Lastenräder warten"),
        ("Lastenrad", "Werkstattabend: Lastenräder warten"),
        ("fiets", "Oefenfestival: drie dagen repareren"),
        // Accents and umlauts folded, or spelled out.
        ("KUCHE", "Sprachencafé / Language café"),
        ("kueche", "Sprachencafé / Language café"),
        ("cafe+sprachen", "Sprachencafé / Language café"),
        ("العربية", "Sprachencafé / Language café"),
        // One slip, and two in a long word.
        ("auditoins", "Choir without auditions"),
        ("breakfst", "Founders’ breakfast"),
        ("Kleinprodusentn", "Herbstmarkt der Kleinproduzenten"),
        ("Klienproduzentn", "Herbstmarkt der Kleinproduzenten"),
        // The last word as far as it is typed, from its second letter on.
        ("herbs", "Herbstmarkt der Kleinproduzenten"),
        ("grant+wr", "Grant-writing clinic"),
        ("wr+grant", ""),
        // All words have to be there.
        ("choir+breakfast", ""),
    ] {
        let titles = found(&router, &format!("q={typed}")).await;
        if title.is_empty() {
            assert!(titles.is_empty(), "{typed}: {titles:?}");
        } else {
            assert!(titles.iter().any(|one| one == title), "{typed}: {titles:?}");
            assert!(titles.iter().all(|one| one == title), "{typed}: {titles:?}");
        }
    }
}

/// A recurring event is listed at each of its dates in the range, one that is cancelled too, with how fresh its hub's data is.
#[tokio::test]
async fn each_date_in_range_is_listed_and_says_how_fresh_it_is() {
    // Vienna was heard from two minutes ago, Amsterdam more than a day ago.
    let fresh = |hub: interhub_domain::ids::HubId| {
        let minutes = if hub.0[0] == 0x05 { 26 * 60 } else { 2 };
        Some(fixture::now_ms() - minutes * 60_000)
    };
    let router = Projected::new(&fixture::normal(), fresh).router;
    let weeks = found(&router, "q=sprachen&from=2026-11-26&to=2026-12-17").await;
    assert_eq!(weeks.len(), 4, "{weeks:?}");
    assert_eq!(
        found(&router, "q=sprachen&from=2026-12-03&to=2026-12-03").await.len(),
        1
    );
    assert_eq!(
        found(&router, "q=sprachen&from=2026-12-04&to=2026-12-09").await.len(),
        0
    );
    // A day begins and ends where the reader is.
    assert_eq!(found(&router, "hub=wien&from=2026-11-28&to=2026-11-28").await.len(), 1);
    // Sorted by time, whatever matches best.
    let page = get(&router, "/events?from=2026-11-25&to=2026-12-31").await.body;
    let starts: Vec<&str> = page
        .split("<h2 class=\"date\" id=\"d")
        .skip(1)
        .map(|day| &day[..10])
        .collect();
    assert!(starts.is_sorted() && starts.len() > 10, "{starts:?}");
    // Each entry of another hub's says how fresh that is, and what is old says so in words.
    for entry in page.split("<li class=\"item").skip(1) {
        let entry = entry.split("</li>").next().unwrap();
        assert_eq!(entry.matches("<span class=\"fresh").count(), 1, "{entry}");
        if entry.contains("/hubs/amsterdam") {
            assert!(
                entry.contains("fresh old") && entry.contains("Newer changes may be missing."),
                "{entry}"
            );
        } else {
            assert!(entry.contains("as of 09:1"), "{entry}");
        }
    }
}

#[tokio::test]
async fn near_a_place_is_measured_where_the_event_takes_place() {
    let router = Projected::new(&fixture::normal(), |_| None).router;
    let week = "from=2026-11-25&to=2026-12-01";
    let near = found(&router, &format!("{week}&near=48.2,16.37&within=5")).await;
    assert_eq!(near.len(), 3, "{near:?}");
    assert!(
        found(&router, &format!("{week}&near=48.2,16.37&within=0.5"))
            .await
            .is_empty()
    );
    // From Vienna it is 933 km to Amsterdam, and more to Birmingham.
    let wider = found(&router, &format!("{week}&near=48.2,16.37&within=1000")).await;
    assert!(wider.iter().any(|title| title.contains("Oefenfestival")), "{wider:?}");
    assert!(!wider.iter().any(|title| title.contains("breakfast")), "{wider:?}");
    // Counts and map say the same.
    let page = get(&router, &format!("/events?{week}&near=48.2,16.37&within=5"))
        .await
        .body;
    assert!(page.contains("<p class=\"found\">3 events</p>"), "{page}");
    let map = get(&router, &format!("/map?{week}&near=48.2,16.37&within=5"))
        .await
        .body;
    assert_eq!(marks(&map).len(), 1);
    assert!(marks(&map)[0].0.ends_with(": 3 events"), "{map}");
    let link = &marks(&map)[0].1;
    let there = get(&router, link).await.body;
    assert!(there.contains("<p class=\"found\">3 events</p>"), "{link}");
}
