//! Programs that are told of changes: each once, signed, in order, also after the node or the program was away.

use std::time::Duration;

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use interhub_tests::hub::{Hub, text, wait_until};
use interhub_tests::receiver::{Received, Receiver};
use serde_json::Value;
use sha2::Sha256;

const SOON: Duration = Duration::from_secs(30);

fn alone() -> (tempfile::TempDir, Hub) {
    let folder = tempfile::tempdir().unwrap();
    let mut hub = Hub::init(folder.path(), "birmingham", "Europe/London");
    hub.start();
    hub.json(&["network", "create", "Test network"]);
    (folder, hub)
}

/// As a receiver checks it that knows nothing but the specification.
fn is_signed(secret: &str, received: &Received) -> bool {
    let key = BASE64
        .decode(secret.strip_prefix("whsec_").unwrap().as_bytes())
        .unwrap();
    let header = |name: &str| received.headers[name].clone();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    let signed = format!(
        "{}.{}.{}",
        header("webhook-id"),
        header("webhook-timestamp"),
        received.body
    );
    mac.update(signed.as_bytes());
    header("webhook-signature") == format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()))
}

/// Type and thing of every message but tests.
fn told(receiver: &Receiver) -> Vec<(String, String)> {
    let received = receiver.received().into_iter();
    let bodies = received.map(|one| serde_json::from_str::<Value>(&one.body).unwrap());
    bodies
        .filter(|body| body["type"] != "test")
        .map(|body| (text(&body, "type"), text(&body["data"], "thing")))
        .collect()
}

#[test]
fn a_program_hears_of_every_change_and_can_ask_what_it_is() {
    let (folder, mut hub) = alone();
    hub.add("Before", "2031-03-01T18:00");
    let receiver = Receiver::start();
    let made = hub.json(&[
        "webhook",
        "create",
        &receiver.url(),
        "--private-network",
        "--label",
        "Door",
    ]);
    let (id, secret) = (text(&made, "id"), text(&made, "secret"));
    assert_eq!(
        (text(&made, "state"), &made["label"]),
        ("active".to_owned(), &"Door".into())
    );
    hub.json(&["webhook", "test", &id]);
    let event = hub.add("Open evening", "2031-03-04T18:30");
    hub.json(&["event", "edit", &event, "--title", "Open night"]);
    hub.json(&["event", "cancel", &event]);
    let expected = ["event_added", "event_changed", "event_cancelled"].map(|kind| (kind.to_owned(), event.clone()));
    wait_until("three messages", SOON, || match told(&receiver) {
        told if told == expected => Ok(()),
        told => Err(format!("{told:?}")),
    });
    let received = receiver.received();
    assert!(received.iter().all(|one| is_signed(&secret, one)));
    assert!(!is_signed(&format!("whsec_{}", BASE64.encode(&[7; 24])), &received[0]));
    // A message says that, not what: the text is asked for.
    assert!(received.iter().all(|one| !one.body.contains("Open")));
    let answer = hub.get(&format!("/api/v1/events/{event}")).unwrap();
    let now: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(now["title"], "Open night");

    // The program is away; the node is killed and starts again; nothing is lost and nothing repeated.
    receiver.answer(503);
    let second = hub.add("Breakfast", "2031-03-05T08:30");
    wait_until("a failure that is told", SOON, || {
        let listed = hub.json(&["webhook", "list"]);
        let one = &listed["webhooks"][0];
        let told = one["state"] == "failing" && one["behind"] == 1 && one["error"].to_string().contains("503");
        told.then_some(()).ok_or_else(|| listed.to_string())
    });
    hub.kill();
    receiver.answer(204);
    hub.start();
    let third = hub.add("Lunch", "2031-03-06T12:30");
    hub.json(&["webhook", "test", &id]);
    wait_until("the rest", SOON, || {
        let told: Vec<String> = told(&receiver).into_iter().map(|(_, thing)| thing).collect();
        let is_told = told.contains(&second) && told.last() == Some(&third);
        is_told.then_some(()).ok_or_else(|| format!("{told:?}"))
    });
    let listed = hub.json(&["webhook", "list"]);
    assert_eq!(
        (&listed["webhooks"][0]["behind"], &listed["webhooks"][0]["error"]),
        (&0.into(), &Value::Null)
    );

    assert!(!hub.cli(&["webhook", "list"]).ok().out.contains("s3cr3t"));
    assert!(!hub.log().contains("s3cr3t"), "no secret in the log");
    hub.json(&["webhook", "delete", &id]);
    let before = receiver.received().len();
    hub.add("Unheard", "2031-03-07T12:30");
    hub.stop();
    assert_eq!(receiver.received().len(), before);
    drop(folder);
}

#[test]
fn what_cannot_be_told_is_refused_with_what_to_do() {
    let (_folder, hub) = alone();
    hub.cli(&["webhook", "create", "http://tool.example/x"])
        .fails(2, "https");
    hub.cli(&["webhook", "create", "nonsense"]).fails(2, "address");
    hub.cli(&["webhook", "create", "ftp://a.example/", "--private-network"])
        .fails(2, "address");
    hub.cli(&["webhook", "delete", "0102030405060708"])
        .fails(3, "webhook list");
    hub.cli(&["webhook", "test", "x"]).fails(3, "webhook list");
    let made = hub.json(&["webhook", "create", "https://127.0.0.1:9/x"]);
    hub.cli(&["webhook", "test", &text(&made, "id")])
        .fails(4, "--private-network");
    let receiver = Receiver::start();
    let made = hub.json(&["webhook", "create", &receiver.url(), "--private-network"]);
    receiver.answer(410);
    hub.cli(&["webhook", "test", &text(&made, "id")]).fails(1, "410");
}

#[test]
fn a_hub_counts_what_it_likes() {
    let (_folder, mut hub) = alone();
    hub.json(&["counter", "define", "coffee", "--name", "Coffee", "--unit", "kg"]);
    hub.json(&[
        "counter",
        "add",
        "coffee",
        "12.5",
        "--on",
        "2026-03-31",
        "--note",
        "beans",
    ]);
    let wrong = hub.json(&["counter", "add", "coffee", "99", "--on", "2026-03-31"]);
    hub.json(&["counter", "add", "coffee", "-0.25", "--on", "2026-04-01"]);
    hub.json(&["counter", "remove", "coffee", &text(&wrong, "id")]);
    hub.stop();
    hub.start();
    let report = hub.json(&["report", "--year", "2026"]);
    let coffee = &report["counters"][0];
    assert_eq!(
        (&coffee["name"], &coffee["total"], &coffee["by_month"][2]),
        (&"Coffee".into(), &12.25.into(), &12.5.into())
    );
    let csv = hub.cli(&["report", "--year", "2026", "--csv"]).ok().out;
    assert!(csv.ends_with("2026,counter,Coffee,,,,,12.25,kg\r\n"), "{csv}");
    assert!(hub.cli(&["counter", "list"]).ok().out.contains("12.25"));
    assert_eq!(
        hub.json(&["counter", "entries", "coffee", "--year", "2026"])["entries"][0]["note"],
        "beans"
    );
    for (arguments, code, words) in [
        (&["counter", "add", "tea", "1"][..], 3, "counter define"),
        (&["counter", "add", "coffee", "0"], 2, "not zero"),
        (&["counter", "add", "coffee", "1.2345"], 2, "three decimals"),
        (&["counter", "add", "coffee", "1", "--on", "tomorrow"], 2, "not a day"),
        (&["counter", "define", "Not a slug"], 2, "slug"),
        (
            &["counter", "remove", "coffee", "0102030405060708"],
            3,
            "counter entries",
        ),
        (&["counter", "entries", "coffee", "--year", "1900"], 2, "not a year"),
    ] {
        hub.cli(arguments).fails(code, words);
    }
    hub.json(&["counter", "delete", "coffee"]);
    assert_eq!(
        hub.json(&["report", "--year", "2026"])["counters"],
        Value::Array(vec![])
    );
}
