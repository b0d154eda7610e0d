#![allow(clippy::unwrap_used, reason = "tests")]
#![expect(
    clippy::disallowed_methods,
    reason = "a server lives as long as the runtime of its test"
)]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;

use super::*;
use crate::clock::ManualClock;
use crate::command::event::{Ending, EventFields};
use crate::command::testing::birmingham;
use crate::task::{Blocking, Tasks};

/// 2026-11-29 00:00 UTC.
const NOW_MS: i64 = 1_795_910_400_000;

/// What a receiver got, and what it answers next; without a word of it, 204.
#[derive(Clone, Default)]
struct Receiver {
    got: Arc<Mutex<Vec<(HeaderMap, serde_json::Value)>>>,
    answers: Arc<Mutex<Vec<(u16, Option<&'static str>)>>>,
}

impl Receiver {
    /// Serves on loopback; returns the address.
    async fn serve(&self) -> String {
        let this = self.clone();
        let take = move |headers: HeaderMap, body: Bytes| {
            let this = this.clone();
            async move {
                let body = serde_json::from_slice(&body).unwrap();
                this.got.lock().unwrap().push((headers, body));
                let answer = this.answers.lock().unwrap().pop();
                let (status, after) = answer.unwrap_or((204, None));
                let status = StatusCode::from_u16(status).unwrap();
                match after {
                    Some(after) => (status, [("retry-after", after)]).into_response(),
                    None => status.into_response(),
                }
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/hook", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/hook")
    }

    fn answers(&self, status: u16, after: Option<&'static str>) {
        self.answers.lock().unwrap().push((status, after));
    }

    /// The ids and types of what it got, from this one on.
    fn got(&self, from: usize) -> Vec<(String, String)> {
        let got = self.got.lock().unwrap();
        let text = |(headers, body): &(HeaderMap, serde_json::Value)| {
            let id = headers["webhook-id"].to_str().unwrap().to_owned();
            (id, body["type"].as_str().unwrap().to_owned())
        };
        got[from..].iter().map(text).collect()
    }
}

fn hub() -> (Commands, Arc<ManualClock>) {
    let (commands, clock) = birmingham(&Tasks::new(Blocking::Inline), NOW_MS);
    commands.ledger.create_network("Test network").unwrap();
    (commands, clock)
}

async fn add(commands: &Commands, title: &str) {
    let fields = EventFields {
        title: Some(title.into()),
        start: Some("2026-12-24T18:00".into()),
        ending: Some(Ending::After(3_600)),
        ..EventFields::default()
    };
    commands.add_event(fields).await.unwrap();
}

async fn made(commands: &Commands, url: &str) -> (String, WebhookId) {
    let (secret, made) = commands
        .create_webhook(url.into(), " Tool ".into(), true)
        .await
        .unwrap();
    assert_eq!(made.row.label, "Tool");
    (secret, made.id)
}

async fn row(commands: &Commands, id: WebhookId) -> WebhookRow {
    commands.deliver_changes(id).await.unwrap().unwrap()
}

#[tokio::test]
async fn changes_arrive_in_order_each_once_and_signed() {
    let (commands, _) = hub();
    add(&commands, "Before").await;
    let receiver = Receiver::default();
    let (secret, id) = made(&commands, &receiver.serve().await).await;
    assert!(secret.starts_with("whsec_") && secret.len() == 38, "{secret}");
    assert_eq!(row(&commands, id).await.failures, 0);
    assert_eq!(receiver.got(0), [], "what was before is not told");
    for number in 0..45 {
        add(&commands, &format!("Event {number}")).await;
    }
    assert_eq!(commands.webhooks_due().await.unwrap(), (vec![id], None));
    let row = row(&commands, id).await;
    assert_eq!(
        (row.arrived_ms, row.sent),
        (Some(NOW_MS), commands.ledger.newest_change())
    );
    let got = receiver.got(0);
    assert_eq!(got.len(), 45);
    assert!(got.iter().all(|(_, what)| what == "event_added"));
    let ids: std::collections::BTreeSet<_> = got.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), 45);
    let numbers = |(id, _): &(String, String)| id.rsplit('_').next().unwrap().parse::<u64>().unwrap();
    assert!(got.windows(2).all(|pair| numbers(&pair[0]) < numbers(&pair[1])));
    let (headers, body) = receiver.got.lock().unwrap()[0].clone();
    assert_eq!(headers["content-type"], "application/json");
    assert!(headers["webhook-signature"].to_str().unwrap().starts_with("v1,"));
    let event = commands
        .show_event(body["data"]["thing"].as_str().unwrap().to_owned())
        .await;
    assert_eq!(event.unwrap().listed.row.event.title, "Event 0");
    assert_eq!(commands.webhooks_due().await.unwrap(), (vec![], None));
}

#[tokio::test]
async fn what_does_not_arrive_is_sent_again_later_and_later() {
    let (commands, clock) = hub();
    let receiver = Receiver::default();
    let (_, id) = made(&commands, &receiver.serve().await).await;
    add(&commands, "One").await;
    add(&commands, "Two").await;
    let mut now_ms = NOW_MS;
    for (index, pause) in PAUSES.iter().chain([PAUSES.last().unwrap()]).enumerate() {
        receiver.answers(500, None);
        let failed = row(&commands, id).await;
        assert_eq!(failed.failures as usize, index + 1);
        assert!(failed.error.contains("HTTP 500"), "{}", failed.error);
        assert_eq!(failed.next_ms - now_ms, i64::try_from(pause.as_millis()).unwrap());
        assert_eq!(commands.webhooks_due().await.unwrap(), (vec![], Some(failed.next_ms)));
        now_ms = failed.next_ms;
        clock.set_ms(now_ms - 1);
        assert_eq!(row(&commands, id).await, failed, "it is not time yet");
        clock.set_ms(now_ms);
    }
    // It goes on where it was, and the first message is the one that failed.
    let arrived = row(&commands, id).await;
    assert_eq!((arrived.failures, arrived.error.as_str()), (0, ""));
    let got = receiver.got(0);
    assert_eq!(got.len(), PAUSES.len() + 1 + 2);
    assert!(got[..PAUSES.len() + 2].windows(2).all(|pair| pair[0] == pair[1]));
    assert_ne!(got[PAUSES.len() + 1], got[PAUSES.len() + 2]);
}

#[tokio::test]
async fn one_that_wants_a_rest_gets_it_and_one_that_is_gone_is_left_alone() {
    let (commands, clock) = hub();
    let receiver = Receiver::default();
    let (_, id) = made(&commands, &receiver.serve().await).await;
    add(&commands, "One").await;
    receiver.answers(429, Some("600"));
    assert_eq!(row(&commands, id).await.next_ms, NOW_MS + 600_000);
    // The clock was set back by a year: nobody waits for it to come round again.
    clock.set_ms(NOW_MS - 365 * 86_400_000);
    assert_eq!(commands.webhooks_due().await.unwrap().0, [id]);
    receiver.answers(410, None);
    assert!(row(&commands, id).await.stopped);
    clock.set_ms(NOW_MS + 365 * 86_400_000);
    assert_eq!(commands.webhooks_due().await.unwrap(), (vec![], None));
    receiver.answers(410, None);
    let error = commands.test_webhook(id.to_string()).await.unwrap_err();
    assert!(error.message.contains("HTTP 410"), "{error}");
    let tested = commands.test_webhook(id.to_string()).await.unwrap();
    assert!(!tested.row.stopped && tested.behind == 1);
    assert_eq!(row(&commands, id).await.sent, commands.ledger.newest_change());
    assert_eq!(receiver.got(0).last().unwrap().1, "event_added");
}

#[tokio::test]
async fn no_address_inside_is_called_unless_that_was_said() {
    let (commands, _) = hub();
    let receiver = Receiver::default();
    let url = receiver.serve().await;
    let encrypted = url.replace("http://", "https://");
    let (_, made) = commands.create_webhook(encrypted, String::new(), false).await.unwrap();
    let error = commands.test_webhook(made.id.to_string()).await.unwrap_err();
    assert_eq!(error.class, Class::Refused);
    assert!(error.message.contains("--private-network"), "{error}");
    add(&commands, "One").await;
    assert!(row(&commands, made.id).await.error.contains("private network"));
    assert_eq!(receiver.got(0), []);
}

#[tokio::test]
async fn what_is_no_receiver_is_refused_in_words() {
    let (commands, _) = hub();
    let long = format!("https://a.example/{}", "x".repeat(MAX_URL));
    for (url, private) in [
        ("", true),
        ("x", true),
        ("http://a.example/", false),
        ("ftp://a.example/", true),
        ("file:///etc/passwd", true),
        ("https://", true),
        ("data:text/plain,x", true),
        (long.as_str(), true),
    ] {
        let error = commands
            .create_webhook(url.into(), String::new(), private)
            .await
            .unwrap_err();
        assert_eq!(error.class, Class::Usage, "{url}: {error}");
    }
    let long = "x".repeat(101);
    assert!(
        commands
            .create_webhook("https://a.example/".into(), long, false)
            .await
            .is_err()
    );
    for id in ["", "x", "0000000000000000", &"0".repeat(1_000)] {
        assert_eq!(
            commands.delete_webhook(id.into()).await.unwrap_err().class,
            Class::NotFound
        );
        assert_eq!(
            commands.test_webhook(id.into()).await.unwrap_err().class,
            Class::NotFound
        );
    }
    for _ in 0..MAX_WEBHOOKS {
        commands
            .create_webhook("https://a.example/".into(), String::new(), false)
            .await
            .unwrap();
    }
    let error = commands
        .create_webhook("https://a.example/".into(), String::new(), false)
        .await;
    assert_eq!(error.unwrap_err().class, Class::Refused);
    let first = commands.webhooks().await.unwrap()[0].id;
    commands.delete_webhook(first.to_string()).await.unwrap();
    assert_eq!(commands.deliver_changes(first).await.unwrap(), None);
    assert_eq!(commands.webhooks().await.unwrap().len(), MAX_WEBHOOKS - 1);
}
