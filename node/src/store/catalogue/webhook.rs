//! Whom this hub tells of changes over HTTP: never sent to another hub, and not made again from anything.

use serde::{Deserialize, Serialize};

use super::short::{short_id, short_key};
use super::{Value, decode_row, encode_row};

short_id! {
    /// What a webhook is called by.
    WebhookId
}

short_key! {
    /// Family `webhook`: a receiver of changes. 8 bytes.
    WebhookKey(WebhookId) => Webhook, WebhookRow
}

/// Value of `webhook`. All times in Unix milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookRow {
    /// Where changes are sent. It may hold a secret.
    pub url: String,
    /// What the operator calls it; may be empty.
    pub label: String,
    /// What messages are signed with: the receiver has it too, so that a hash would not do.
    pub secret: [u8; 24],
    /// Whether it may be on the hub's own network.
    pub private_networks: bool,
    /// When it was made.
    pub created_ms: i64,
    /// The number of the last change that it has, or that was before it.
    pub sent: u64,
    /// When it last took a message.
    pub arrived_ms: Option<i64>,
    /// When the next message may be sent.
    pub next_ms: i64,
    /// Attempts in a row that failed.
    pub failures: u32,
    /// What is wrong with it, in words; empty if nothing is.
    pub error: String,
    /// It said that it is gone for good: nothing more is sent.
    pub stopped: bool,
}

impl Value for WebhookRow {
    const WHAT: &'static str = "webhook";

    fn encode(&self) -> Vec<u8> {
        encode_row(1, self)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        decode_row(1, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;
    use crate::store::Family;

    #[test]
    fn golden_webhook() {
        let id: WebhookId = "0102030405060708".parse().unwrap();
        check::key(&WebhookKey(id), Family::Webhook, "0102030405060708");
        let row = WebhookRow {
            url: "https://a.example/x".into(),
            label: "L".into(),
            secret: [9; 24],
            private_networks: true,
            created_ms: 1,
            sent: 300,
            arrived_ms: Some(2),
            next_ms: 3,
            failures: 1,
            error: "e".into(),
            stopped: false,
        };
        let golden = "011368747470733a2f2f612e6578616d706c652f78014c".to_owned()
            + &"09".repeat(24)
            + "0102ac020104060101650 0".replace(' ', "").as_str();
        check::value(&row, &golden);
    }
}
