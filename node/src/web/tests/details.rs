//! Translations, features, capacity and postponement as readers and programs get them.

use std::sync::Arc;

use interhub_domain::event::Translation;

use super::*;

/// The opening of the ordinary week.
const ADDRESS: &str = "/events/00000004000000000000000000000000";

fn changed(change: impl FnOnce(&mut interhub_domain::event::Event)) -> Router {
    let mut made = fixture::normal();
    let (row, occurrences) = made.events.iter_mut().find(|(row, _)| row.thing.0[3] == 4).unwrap();
    let mut new = (**row).clone();
    change(&mut new.event);
    for occurrence in occurrences {
        occurrence.status = new.event.outward_status();
    }
    *row = Arc::new(new);
    site(made)
}

fn say(title: &str, summary: &str) -> Translation {
    Translation {
        title: title.to_owned(),
        summary: summary.to_owned(),
    }
}

fn linked_data(page: &str) -> serde_json::Value {
    let (_, rest) = page.split_once("<script type=\"application/ld+json\">").unwrap();
    let (json, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(json).unwrap()
}

#[tokio::test]
async fn readers_get_a_translation_and_are_told_its_language() {
    let router = changed(|event| {
        event.translations = [
            ("de-AT".to_owned(), say("Offenes Haus", "")),
            ("es".to_owned(), say("<b>Puertas</b> abiertas", "Ven a ver")),
        ]
        .into();
    });
    let english = get(&router, &format!("{ADDRESS}?ui=en")).await.body;
    assert!(
        english.contains("<h1 lang=\"en\" dir=\"auto\">Open evening"),
        "{english}"
    );
    assert!(!english.contains("Offenes Haus"));
    let german = get(&router, &format!("{ADDRESS}?ui=de")).await.body;
    assert!(
        german.contains("<h1 lang=\"de-AT\" dir=\"auto\">Offenes Haus</h1>"),
        "{german}"
    );
    assert!(
        german.contains("<p class=\"lead\" lang=\"en\" dir=\"auto\">Tours on"),
        "{german}"
    );
    assert_eq!(linked_data(&german)["name"], "Offenes Haus");
    assert_eq!(linked_data(&german)["inLanguage"], "en");
    let spanish = get(&router, "/events?ui=es").await.body;
    assert!(spanish.contains("<h3 lang=\"es\" dir=\"auto\">"), "{spanish}");
    assert!(spanish.contains("&lt;b&gt;Puertas&lt;/b&gt; abiertas") || spanish.contains("&#60;b&#62;Puertas"));
    assert!(
        spanish.contains("<p class=\"summary\" lang=\"es\" dir=\"auto\">Ven a ver"),
        "{spanish}"
    );
    let month = get(&router, "/month?ui=de").await.body;
    assert!(
        month.contains("<span lang=\"de-AT\" dir=\"auto\">Offenes Haus</span>"),
        "{month}"
    );
    let atom = get(&router, "/events.atom?ui=de").await.body;
    assert!(atom.contains("Offenes Haus"), "{atom}");
    // Programs get the original, and beside it all languages.
    let json: serde_json::Value = serde_json::from_str(&get(&router, &format!("/api/v1{ADDRESS}")).await.body).unwrap();
    assert!(json["title"].as_str().unwrap().starts_with("Open evening"));
    assert_eq!(json["translations"]["de-AT"]["title"], "Offenes Haus");
    let found = get(&router, "/api/v1/events?lang=es").await.body;
    assert!(found.contains("Puertas") && !found.contains("Founders"));
}

#[tokio::test]
async fn what_an_event_offers_is_said_in_words() {
    let router = changed(|event| {
        event.features = ["dogs", "of-a-later-version", "childcare"].map(str::to_owned).into();
        event.capacity = Some(80);
    });
    let page = get(&router, &format!("{ADDRESS}?ui=de")).await.body;
    let place = |word: &str| page.find(word).unwrap_or_else(|| panic!("{word} is missing"));
    assert!(place("<li>Kinderbetreuung</li>") < place("<li>Hunde willkommen</li>"));
    assert!(place("<li>Hunde willkommen</li>") < place("<li>of-a-later-version</li>"));
    assert!(
        page.contains("<dd>80 Personen</dd>") && page.contains("Vor Ort und online"),
        "{page}"
    );
    let data = linked_data(&page);
    assert_eq!(data["maximumAttendeeCapacity"], 80);
    assert_eq!(data["location"][0]["amenityFeature"][0]["name"], "childcare");
    assert!(
        data["eventAttendanceMode"]
            .as_str()
            .unwrap()
            .ends_with("MixedEventAttendanceMode")
    );
    let json: serde_json::Value = serde_json::from_str(&get(&router, &format!("/api/v1{ADDRESS}")).await.body).unwrap();
    assert_eq!((&json["capacity"], &json["attendance"]), (&80.into(), &"hybrid".into()));
    assert_eq!(
        json["features"],
        serde_json::json!(["childcare", "dogs", "of-a-later-version"])
    );
}

#[tokio::test]
async fn a_list_is_a_jscalendar_too() {
    let router = site(fixture::normal());
    let answer = get(&router, "/events.jscal.json?hub=birmingham").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/jscalendar+json;type=group");
    assert!(answer.headers.contains_key("etag") && answer.headers.contains_key("last-modified"));
    let group: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(group["@type"], "Group");
    let entries = group["entries"].as_array().unwrap();
    let calendar = get(&router, "/events.ics?hub=birmingham").await.body;
    let masters = calendar.matches("BEGIN:VEVENT").count() - calendar.matches("RECURRENCE-ID").count();
    assert_eq!(entries.len(), masters);
    let opening = entries
        .iter()
        .find(|one| one["title"].as_str().unwrap().starts_with("Open evening"))
        .unwrap();
    assert_eq!(opening["timeZone"], "Europe/London");
    assert!(opening["localizations"]["de"]["title"].is_string());
    assert!(!answer.body.contains("A draft") && !answer.body.contains("Not for the public"));
    assert_eq!(get(&router, "/events.jscal.json?from=soon").await.status, 400);
}

#[tokio::test]
async fn postponed_is_struck_out_and_said_everywhere() {
    let router = changed(interhub_domain::event::Event::postpone);
    let page = get(&router, ADDRESS).await.body;
    assert!(
        page.contains("This event is postponed. There is no new date yet."),
        "{page}"
    );
    assert!(page.contains("<s>Open evening") && !page.contains("This event is cancelled."));
    assert_eq!(linked_data(&page)["eventStatus"], "https://schema.org/EventPostponed");
    let list = get(&router, "/events").await.body;
    assert!(list.contains("<strong class=\"word\">Postponed</strong>"));
    assert!(
        get(&router, "/month")
            .await
            .body
            .contains("<strong class=\"word\">Postponed</strong>")
    );
    assert!(
        get(&router, "/events.atom")
            .await
            .body
            .contains("<title>Postponed: Open evening")
    );
    let calendar = get(&router, &format!("{ADDRESS}.ics")).await.body;
    for line in [
        "STATUS:CANCELLED\r\n",
        "COMMENT:Postponed",
        "X-INTERHUB-STATUS:POSTPONED\r\n",
    ] {
        assert!(calendar.contains(line), "{line} is missing: {calendar}");
    }
    let json: serde_json::Value = serde_json::from_str(&get(&router, &format!("/api/v1{ADDRESS}")).await.body).unwrap();
    assert_eq!(
        (&json["status"], &json["postponed"]),
        (&"cancelled".into(), &true.into())
    );
}
