//! Whom this hub tells of changes over HTTP.

use std::time::Duration;

use reqwest::Url;

use super::{Class, CommandError, Commands};
use crate::clock::random_bytes;
use crate::outside::call::{CallError, Caller, Times};
use crate::store::catalogue::webhook::{WebhookId, WebhookKey, WebhookRow};
use crate::webhook::message::{Message, secret_text};

/// Most receivers of one hub.
pub const MAX_WEBHOOKS: usize = 50;
/// Longest address in bytes.
const MAX_URL: usize = 2_000;
/// Longest error kept, in characters.
const MAX_ERROR: usize = 500;
/// Pauses after so many failures in a row, and after all further ones the last.
const PAUSES: [Duration; 8] = [
    Duration::from_secs(5),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(6),
    Duration::from_hours(12),
    Duration::from_hours(24),
];
/// Longest times of one message.
const TIMES: Times = Times {
    connect: Duration::from_secs(10),
    silence: Duration::from_secs(15),
    whole: Duration::from_secs(20),
};
/// The place of a receiver is noted after so many messages at least: what it has may come once more after a crash.
const NOTED_EVERY: usize = 20;
/// Gone, and not coming back (RFC 9110 15.5.11).
const GONE: u16 = 410;

/// A receiver of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// What it is called by.
    pub id: WebhookId,
    /// What is known of it.
    pub row: WebhookRow,
    /// Changes that it does not have yet.
    pub behind: u64,
}

/// Calls receivers: those on the internet, and those that may be on the hub's own network.
#[derive(Clone)]
pub struct Callers {
    public: Caller,
    private: Caller,
}

impl Callers {
    /// Sets both up.
    pub fn new() -> Result<Self, CallError> {
        Ok(Self {
            public: Caller::new(false, TIMES)?,
            private: Caller::new(true, TIMES)?,
        })
    }

    const fn of(&self, row: &WebhookRow) -> &Caller {
        if row.private_networks {
            &self.private
        } else {
            &self.public
        }
    }
}

impl Commands {
    /// Tells this receiver of every change from now on. Answers with the secret that its messages are signed with, which is
    /// shown this once.
    pub async fn create_webhook(
        &self,
        url: String,
        label: String,
        private_networks: bool,
    ) -> Result<(String, Webhook), CommandError> {
        let url = checked(&url, private_networks)?;
        let label = super::access::check_label(&label)?;
        let made = self
            .blocking("webhook create", move |this| {
                if this.ledger.local_rows::<WebhookKey>(&[])?.len() >= MAX_WEBHOOKS {
                    return Err(CommandError::refused(format!(
                        "there are {MAX_WEBHOOKS} webhooks already; `interhub webhook delete ID` ends one"
                    )));
                }
                let id = WebhookId(random_bytes(&*this.clock));
                let row = WebhookRow {
                    url,
                    label,
                    secret: random_bytes(&*this.clock),
                    private_networks,
                    created_ms: this.clock.now_ms(),
                    sent: this.ledger.newest_change(),
                    arrived_ms: None,
                    next_ms: 0,
                    failures: 0,
                    error: String::new(),
                    stopped: false,
                };
                this.ledger.put_local_row(&WebhookKey(id), &row)?;
                this.ledger.make_durable()?;
                Ok((secret_text(&row.secret), Webhook { id, row, behind: 0 }))
            })
            .await?;
        self.webhooks_changed.notify_one();
        Ok(made)
    }

    /// Every receiver, the oldest first.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, CommandError> {
        self.blocking("webhook list", |this| {
            let newest = this.ledger.newest_change();
            let rows = this.ledger.local_rows::<WebhookKey>(&[])?.into_iter();
            let mut all: Vec<Webhook> = rows.map(|(WebhookKey(id), row)| shown(id, row, newest)).collect();
            all.sort_by_key(|one| (one.row.created_ms, one.id));
            Ok(all)
        })
        .await
    }

    /// Tells a receiver nothing more, and forgets its secret.
    pub async fn delete_webhook(&self, id: String) -> Result<Webhook, CommandError> {
        let _alone = self.webhooks_writing.lock().await;
        self.blocking("webhook delete", move |this| {
            let (id, row) = this.known_webhook(&id)?;
            this.ledger.drop_local_rows(&[WebhookKey(id)])?;
            this.ledger.make_durable()?;
            Ok(shown(id, row, this.ledger.newest_change()))
        })
        .await
    }

    /// Sends a message that says nothing. If it arrives, what waits is sent too, whatever went wrong before.
    pub async fn test_webhook(&self, id: String) -> Result<Webhook, CommandError> {
        let (id, row) = self
            .blocking("webhook test", move |this| this.known_webhook(&id))
            .await?;
        if let Err(error) = self.send(&row, &Message::test(id, self.clock.now_ms())).await {
            let class = match error {
                CallError::Unreachable { .. } | CallError::Timeout { .. } => Class::Unreachable,
                CallError::Private => Class::Refused,
                _ => Class::Failed,
            };
            return Err(CommandError::new(class, in_words(&error)));
        }
        let row = self.note_webhook(id, arrived).await?;
        self.webhooks_changed.notify_one();
        let row = row.ok_or_else(unknown)?;
        Ok(shown(id, row, self.ledger.newest_change()))
    }

    fn known_webhook(&self, id: &str) -> Result<(WebhookId, WebhookRow), CommandError> {
        let id: WebhookId = id.trim().parse().map_err(|()| unknown())?;
        let row = self.ledger.local_row(&WebhookKey(id))?.ok_or_else(unknown)?;
        Ok((id, row))
    }

    /// Receivers for whom there is something and whose time has come, and when the next one's comes.
    pub async fn webhooks_due(&self) -> Result<(Vec<WebhookId>, Option<i64>), CommandError> {
        let now_ms = self.clock.now_ms();
        let all = self.webhooks().await?;
        let waiting = all.iter().filter(|one| one.behind > 0 && !one.row.stopped);
        let (due, later): (Vec<&Webhook>, Vec<&Webhook>) = waiting.partition(|one| is_due(&one.row, now_ms));
        let next_ms = later.iter().map(|one| one.row.next_ms).min();
        Ok((due.into_iter().map(|one| one.id).collect(), next_ms))
    }

    /// Sends a receiver what it does not have, until it has everything or something goes wrong. `None`: there is no such
    /// receiver any more.
    pub async fn deliver_changes(&self, id: WebhookId) -> Result<Option<WebhookRow>, CommandError> {
        loop {
            let now_ms = self.clock.now_ms();
            let row = self
                .blocking("webhook", move |this| Ok(this.ledger.local_row(&WebhookKey(id))?))
                .await?;
            let Some(row) = row else { return Ok(None) };
            if row.stopped || !is_due(&row, now_ms) {
                return Ok(Some(row));
            }
            let newest = self.ledger.newest_change();
            let changes = match self.changes_after(row.sent).await {
                Ok(changes) => changes,
                Err(error) if error.class == Class::Precondition => {
                    let lost = vec![(newest, Message::of_lost(id, newest, now_ms))];
                    match self.send_all(id, &row, lost).await? {
                        Some(row) if row.failures == 0 => continue,
                        ended => return Ok(ended),
                    }
                }
                Err(error) => return Err(error),
            };
            if changes.is_empty() {
                return Ok(Some(row));
            }
            let messages = changes
                .iter()
                .map(|change| Ok((Self::parse_token(&change.token)?, Message::of_change(id, change))))
                .collect::<Result<_, CommandError>>()?;
            match self.send_all(id, &row, messages).await? {
                Some(row) if row.failures == 0 => {}
                ended => return Ok(ended),
            }
        }
    }

    /// Sends messages in order; each number is the receiver's place once it has the message. Stops where one does not arrive.
    async fn send_all(
        &self,
        id: WebhookId,
        row: &WebhookRow,
        messages: Vec<(u64, Message)>,
    ) -> Result<Option<WebhookRow>, CommandError> {
        let last = messages.len().saturating_sub(1);
        let mut noted = None;
        let mut sent = row.sent;
        for (index, (number, message)) in messages.iter().enumerate() {
            if let Err(error) = self.send(row, message).await {
                return self
                    .note_webhook(id, move |row, now_ms| failed(row, now_ms, sent, &error))
                    .await;
            }
            sent = *number;
            if index == last || (index + 1) % NOTED_EVERY == 0 {
                noted = self
                    .note_webhook(id, move |row, now_ms| {
                        row.sent = sent;
                        arrived(row, now_ms);
                    })
                    .await?;
                if noted.is_none() {
                    return Ok(None);
                }
            }
        }
        Ok(noted)
    }

    async fn send(&self, row: &WebhookRow, message: &Message) -> Result<(), CallError> {
        let url: Url = row
            .url
            .parse()
            .map_err(|_| CallError::Setup("the address is damaged".to_owned()))?;
        let headers = message.headers(&row.secret, self.clock.now_ms());
        self.receivers.of(row).post(url, headers, message.body.clone()).await
    }

    /// Changes what is known of a receiver, unless it was forgotten meanwhile.
    async fn note_webhook(
        &self,
        id: WebhookId,
        change: impl FnOnce(&mut WebhookRow, i64) + Send + 'static,
    ) -> Result<Option<WebhookRow>, CommandError> {
        let _alone = self.webhooks_writing.lock().await;
        self.blocking("webhook", move |this| {
            let key = WebhookKey(id);
            let Some(mut row) = this.ledger.local_row(&key)? else {
                return Ok(None);
            };
            change(&mut row, this.clock.now_ms());
            this.ledger.put_local_row(&key, &row)?;
            Ok(Some(row))
        })
        .await
    }
}

fn unknown() -> CommandError {
    CommandError::not_found("there is no such webhook; `interhub webhook list` shows them")
}

/// Whether a message may be sent now. A pause that is longer than any there is comes of a clock that was set back.
fn is_due(row: &WebhookRow, now_ms: i64) -> bool {
    let longest_ms = i64::try_from(PAUSES[PAUSES.len() - 1].as_millis()).unwrap_or(i64::MAX);
    row.next_ms <= now_ms || row.next_ms.saturating_sub(now_ms) > longest_ms
}

const fn shown(id: WebhookId, row: WebhookRow, newest: u64) -> Webhook {
    let behind = newest.saturating_sub(row.sent);
    Webhook { id, row, behind }
}

fn checked(url: &str, private_networks: bool) -> Result<String, CommandError> {
    let wrong = |what: &str| {
        Err(CommandError::usage(format!(
            "{what}; give an address like https://tool.example/hook"
        )))
    };
    let Ok(parsed) = url.trim().parse::<Url>() else {
        return wrong("this is not an address");
    };
    match parsed.scheme() {
        _ if url.trim().len() > MAX_URL => wrong("the address is longer than 2,000 bytes"),
        _ if parsed.host_str().is_none_or(str::is_empty) => wrong("the address names no server"),
        "https" => Ok(parsed.into()),
        "http" if private_networks => Ok(parsed.into()),
        "http" => wrong("what is sent to the internet has to be encrypted: https, not http"),
        _ => wrong("the address is not of the web"),
    }
}

fn arrived(row: &mut WebhookRow, now_ms: i64) {
    row.arrived_ms = Some(now_ms);
    (row.failures, row.next_ms, row.stopped) = (0, 0, false);
    row.error.clear();
}

fn failed(row: &mut WebhookRow, now_ms: i64, sent: u64, error: &CallError) {
    row.sent = row.sent.max(sent);
    row.failures = row.failures.saturating_add(1);
    let place = usize::try_from(row.failures).unwrap_or(usize::MAX).min(PAUSES.len()) - 1;
    let mut pause = PAUSES[place];
    if let CallError::Status {
        status, pause: asked, ..
    } = error
    {
        pause = pause.max(asked.unwrap_or_default());
        row.stopped = *status == GONE;
    }
    row.next_ms = now_ms.saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
    row.error = in_words(error).chars().take(MAX_ERROR).collect();
}

/// What went wrong and what to do about it.
fn in_words(error: &CallError) -> String {
    match error {
        CallError::Private => {
            "the address leads to a private network; if that is where the receiver is, create the webhook again with \
             --private-network"
                .to_owned()
        }
        CallError::Status { host, status: GONE, .. } => {
            format!(
                "{host} says that nobody is there any more (HTTP 410); delete this webhook, or test it if that changed"
            )
        }
        CallError::Status { host, status, .. } if (300..400).contains(status) => {
            format!("{host} redirects (HTTP {status}); create the webhook again with the address it leads to")
        }
        CallError::Status { .. } => format!("{error}; look into the receiver's log"),
        CallError::Unreachable { .. } | CallError::Timeout { .. } => {
            format!("{error}; it is tried again by itself, and `interhub webhook test` tries at once")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
