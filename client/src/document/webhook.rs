//! Receivers of changes.

use interhub_proto::v1;
use serde::Serialize;

use super::{instant, present};

/// A receiver without its secret.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct WebhookDocument {
    /// What it is called by.
    pub id: String,
    /// Where changes are sent.
    pub url: String,
    /// What the operator calls it.
    pub label: Option<String>,
    /// Whether it may be on the hub's own network.
    pub private_network: bool,
    /// When it was made.
    pub created: Option<String>,
    /// When it last took a message.
    pub arrived: Option<String>,
    /// When the next attempt is made; null: as soon as something changes.
    pub next: Option<String>,
    /// Changes that it does not have yet.
    pub behind: u64,
    /// Attempts in a row that failed.
    pub failures: u32,
    /// What is wrong with it.
    pub error: Option<String>,
    /// `active`, `failing`, or `stopped` by its own word.
    pub state: &'static str,
}

impl From<v1::Webhook> for WebhookDocument {
    fn from(webhook: v1::Webhook) -> Self {
        Self {
            label: present(&webhook.label),
            created: instant(webhook.created.as_ref()),
            arrived: instant(webhook.arrived.as_ref()),
            next: instant(webhook.next.as_ref()),
            error: present(&webhook.error),
            state: match (webhook.stopped, webhook.failures) {
                (true, _) => "stopped",
                (false, 0) => "active",
                (false, _) => "failing",
            },
            id: webhook.id,
            url: webhook.url,
            private_network: webhook.private_network,
            behind: webhook.behind,
            failures: webhook.failures,
        }
    }
}

/// `webhook create`: the only time its secret is shown.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct NewWebhookDocument {
    /// What its messages are signed with.
    pub secret: String,
    /// The rest.
    #[serde(flatten)]
    pub about: WebhookDocument,
}

impl From<v1::CreateWebhookResponse> for NewWebhookDocument {
    fn from(made: v1::CreateWebhookResponse) -> Self {
        Self {
            secret: made.secret,
            about: made.webhook.unwrap_or_default().into(),
        }
    }
}

/// `webhook list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct WebhooksDocument {
    /// The oldest first.
    pub webhooks: Vec<WebhookDocument>,
}
