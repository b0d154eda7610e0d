//! How visitors find what is on: narrowing a list, stretches of time, and what a list says of itself.

use super::{fixture, get, site};

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
        ("Today", "2026-11-25", "2026-11-25"),
        ("This week", "2026-11-25", "2026-11-29"),
        ("This weekend", "2026-11-28", "2026-11-29"),
        ("This month", "2026-11-25", "2026-11-30"),
        ("Next 30 days", "2026-11-25", "2026-12-25"),
    ] {
        let link = format!("href=\"/events?tag=repair&from={from}&to={to}\">{label}</a>");
        assert!(jumps.contains(&link), "{label}: {jumps}");
    }
}
