//! What a receiver of changes is sent: one small JSON document for each, signed as Standard Webhooks 1.0.0 says
//! (<https://www.standardwebhooks.com>), so that the libraries for it can check what they get.

use std::time::Duration;

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;
use sha2::Sha256;

use crate::command::operation::Watched;
use crate::store::catalogue::change::ChangeKind;
use crate::store::catalogue::webhook::WebhookId;

/// What a secret begins with, as its owner is told it.
const SECRET_PREFIX: &str = "whsec_";
const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// A message for one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The same whenever it is sent again: the receiver knows it by that.
    pub id: String,
    /// JSON.
    pub body: Vec<u8>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    thing: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

impl Message {
    /// That something changed.
    pub fn of_change(webhook: WebhookId, watched: &Watched) -> Self {
        let change = &watched.change;
        let data = Data {
            thing: Some(change.thing.to_string()),
            token: Some(&watched.token),
        };
        Self::new(webhook, &watched.token, name(change.kind), change.at_ms, data)
    }

    /// That changes up to this number happened which are no longer kept: whoever hears it reads everything anew.
    pub fn of_lost(webhook: WebhookId, newest: u64, now_ms: i64) -> Self {
        let token = newest.to_string();
        let data = Data {
            thing: None,
            token: Some(&token),
        };
        Self::new(webhook, &format!("lost_{newest}"), "changes_lost", now_ms, data)
    }

    /// That the receiver is reached.
    pub fn test(webhook: WebhookId, now_ms: i64) -> Self {
        let data = Data {
            thing: None,
            token: None,
        };
        Self::new(webhook, &format!("test_{now_ms}"), "test", now_ms, data)
    }

    fn new(webhook: WebhookId, which: &str, r#type: &str, at_ms: i64, data: Data<'_>) -> Self {
        let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
        let body = Body {
            r#type,
            timestamp: at.to_string(),
            data,
        };
        Self {
            id: format!("msg_{webhook}_{which}"),
            // Strings and nothing else: it cannot fail.
            body: serde_json::to_vec(&body).unwrap_or_default(),
        }
    }

    /// The headers it is sent with at this moment.
    pub fn headers(&self, secret: &[u8; 24], now_ms: i64) -> HeaderMap {
        let seconds = Duration::from_millis(now_ms.unsigned_abs()).as_secs();
        let signature = sign(secret, &self.id, seconds, &self.body);
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(TIMESTAMP, HeaderValue::from(seconds));
        for (name, value) in [(ID, &self.id), (SIGNATURE, &signature)] {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        }
        headers
    }
}

/// HMAC-SHA256 over id, time and body, as its header has it.
fn sign(secret: &[u8; 24], id: &str, seconds: u64, body: &[u8]) -> String {
    // Any length of key will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        return String::new();
    };
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()))
}

/// A secret as its owner is told it, once.
pub fn secret_text(secret: &[u8; 24]) -> String {
    format!("{SECRET_PREFIX}{}", BASE64.encode(secret))
}

/// What `interhub watch` calls it too.
const fn name(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::EventAdded => "event_added",
        ChangeKind::EventChanged => "event_changed",
        ChangeKind::EventCancelled => "event_cancelled",
        ChangeKind::EventRemoved => "event_removed",
        ChangeKind::HubChanged => "hub_changed",
        ChangeKind::RosterChanged => "roster_changed",
    }
}

#[cfg(test)]
mod tests {
    use interhub_domain::ids::ThingId;

    use super::*;
    use crate::store::catalogue::change::ChangeRow;

    #[test]
    fn the_example_of_the_specification_is_signed_as_there() {
        // Standard Webhooks 1.0.0, "Signature scheme": the secret and the message of its reference libraries' tests.
        let secret: [u8; 24] = BASE64
            .decode(b"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .unwrap()
            .try_into()
            .unwrap();
        let signature = sign(
            &secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            b"{\"test\": 2432232314}",
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(secret_text(&secret), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    }

    #[test]
    fn a_message_says_what_changed_and_not_how_it_reads() {
        let change = ChangeRow {
            kind: ChangeKind::EventChanged,
            thing: ThingId([0xab; 16]),
            at_ms: 1_795_000_000_000,
        };
        let watched = Watched {
            token: "17".into(),
            change,
        };
        let message = Message::of_change(WebhookId([1; 8]), &watched);
        assert_eq!(message.id, "msg_0101010101010101_17");
        let thing = "ab".repeat(16);
        assert_eq!(
            String::from_utf8(message.body).unwrap(),
            format!(
                r#"{{"type":"event_changed","timestamp":"2026-11-18T11:06:40Z","data":{{"thing":"{thing}","token":"17"}}}}"#
            )
        );
        let lost = Message::of_lost(WebhookId([1; 8]), 40, 0);
        assert_eq!(
            String::from_utf8(lost.body).unwrap(),
            r#"{"type":"changes_lost","timestamp":"1970-01-01T00:00:00Z","data":{"token":"40"}}"#
        );
    }

    #[test]
    fn a_message_is_signed_anew_whenever_it_is_sent() {
        let message = Message::test(WebhookId([2; 8]), 1_795_000_000_000);
        let (first, again) = (
            message.headers(&[3; 24], 1_795_000_000_999),
            message.headers(&[3; 24], 1_795_000_007_000),
        );
        assert_eq!(first["webhook-id"], again["webhook-id"]);
        assert_eq!(
            (&first["webhook-timestamp"], &again["webhook-timestamp"]),
            (&"1795000000".parse().unwrap(), &"1795000007".parse().unwrap())
        );
        assert_ne!(first["webhook-signature"], again["webhook-signature"]);
    }
}
