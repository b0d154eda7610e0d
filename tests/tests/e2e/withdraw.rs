//! Taking back what an event said: at every hub, in every file, and without the event going away.

use interhub_tests::cluster::Cluster;
use interhub_tests::hub::{SOON, wait_until};

use super::scopes::{add, any_file_holds};

#[test]
fn what_an_event_said_is_taken_back_at_every_hub_and_the_event_goes_on() {
    let mut cluster = Cluster::new(&["birmingham", "amsterdam", "vienna"]);
    let id = add(&cluster.hubs[0], "Open evening");
    let number = "Call Zanzibar 0123456789";
    cluster.hubs[0].json(&[
        "event",
        "edit",
        &id,
        "--description",
        number,
        "--url",
        "https://zanzibar.example/",
    ]);
    cluster.hubs[0].json(&["event", "cohost", &id, "amsterdam"]);
    cluster.agree();
    cluster.hubs[1].json(&["event", "accept", &id]);
    cluster.agree();
    cluster.hubs[1].json(&["event", "edit", &id, "--summary", "With amsterdam"]);
    cluster.agree();
    cluster.hubs[2].stop();

    let [birmingham, amsterdam, _] = &cluster.hubs[..] else {
        panic!("three hubs")
    };
    for field in [
        "title",
        "start",
        "status",
        "rrule",
        "nonsense",
        "translations/de",
        "translations/de/url",
        "",
    ] {
        birmingham
            .cli(&["event", "withdraw", &id, field])
            .fails(2, if field.is_empty() { "" } else { "description" });
    }
    birmingham.cli(&["event", "withdraw", &id]).fails(2, "FIELD");
    amsterdam
        .cli(&["event", "withdraw", &id, "description"])
        .fails(4, "birmingham");
    let unknown = "0123456789abcdef0123456789abcdef";
    birmingham
        .cli(&["event", "withdraw", unknown, "description"])
        .fails(3, "no event");

    let shown = birmingham.json(&["event", "withdraw", &id, "description", "url", "translations/de/title"]);
    assert_eq!(
        (
            shown["description"].as_str(),
            shown["url"].as_str(),
            shown["summary"].as_str()
        ),
        (Some(""), None, Some("With amsterdam")),
        "{shown}"
    );
    cluster.hubs[2].start();
    cluster.agree();
    for hub in &cluster.hubs {
        let shown = hub.json(&["event", "show", &id]);
        assert_eq!(shown["description"], "", "{shown}");
        assert_eq!(shown["summary"], "With amsterdam", "{shown}");
        assert_eq!(
            shown["hosts"],
            serde_json::json!(["birmingham", "amsterdam"]),
            "{shown}"
        );
        for needle in [number, "zanzibar.example"] {
            wait_until(
                &format!("no file of {} holds {needle}", hub.slug),
                SOON,
                || match any_file_holds(&hub.data, needle.as_bytes()) {
                    None => Ok(()),
                    Some(path) => Err(path.display().to_string()),
                },
            );
        }
    }
    // It goes on as before: its hosts edit it, also in that field.
    cluster.hubs[1].json(&["event", "edit", &id, "--description", "Come by"]);
    cluster.agree();
    for hub in &cluster.hubs {
        assert_eq!(hub.json(&["event", "show", &id])["description"], "Come by");
        let nothing = serde_json::json!({"conflicts": []});
        assert_eq!(hub.json(&["event", "conflicts"]), nothing);
    }
}
