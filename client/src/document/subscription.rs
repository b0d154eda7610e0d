//! Calendars that are followed.

use interhub_proto::v1;
use serde::Serialize;

use super::{ImportDocument, instant, present};

/// A calendar that is followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubscriptionDocument {
    /// What it is called by.
    pub id: String,
    /// As it was given. It may be a secret.
    pub url: String,
    /// What the calendar calls itself.
    pub name: Option<String>,
    /// How often it is looked at, as `--every` takes it.
    pub every: String,
    /// Since when it is followed.
    pub added: Option<String>,
    /// When it was last looked at.
    pub last: Option<String>,
    /// When it was last read without a fault.
    pub good: Option<String>,
    /// When it is looked at next.
    pub next: Option<String>,
    /// Events in it.
    pub events: u32,
    /// Looks in a row that failed.
    pub failures: u32,
    /// What is wrong with it.
    pub error: Option<String>,
}

impl From<v1::Subscription> for SubscriptionDocument {
    fn from(one: v1::Subscription) -> Self {
        Self {
            every: length(one.every_seconds),
            added: instant(one.added.as_ref()),
            last: instant(one.last.as_ref()),
            good: instant(one.good.as_ref()),
            next: instant(one.next.as_ref()),
            name: present(&one.name),
            error: present(&one.error),
            id: one.id,
            url: one.source,
            events: one.events,
            failures: one.failures,
        }
    }
}

/// A length of time in its largest whole unit.
fn length(seconds: u32) -> String {
    let units = [(604_800, "w"), (86_400, "d"), (3_600, "h"), (60, "m")];
    let whole = units
        .into_iter()
        .find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
    whole.map_or_else(
        || format!("{seconds}s"),
        |(unit, name)| format!("{}{name}", seconds / unit),
    )
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubscriptionsDocument {
    /// The oldest first.
    pub subscriptions: Vec<SubscriptionDocument>,
}

/// What subscribing came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SubscribedDocument {
    /// The calendar.
    #[serde(flatten)]
    pub subscription: SubscriptionDocument,
    /// What the first look changed; null if the calendar is what it was.
    pub import: Option<ImportDocument>,
}

impl From<v1::SubscribeResponse> for SubscribedDocument {
    fn from(answer: v1::SubscribeResponse) -> Self {
        Self {
            subscription: answer.subscription.unwrap_or_default().into(),
            import: answer.result.map(ImportDocument::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_told_as_they_are_given() {
        let told = [
            (900, "15m"),
            (3_600, "1h"),
            (5_400, "90m"),
            (86_400, "1d"),
            (604_800, "1w"),
            (61, "61s"),
            (0, "0s"),
        ];
        for (seconds, text) in told {
            assert_eq!(length(seconds), text);
        }
    }

    #[test]
    fn what_is_absent_is_null() {
        let document = SubscribedDocument::from(v1::SubscribeResponse {
            subscription: Some(v1::Subscription {
                id: "0102030405060708".into(),
                source: "https://a.example/x.ics".into(),
                every_seconds: 900,
                events: 3,
                ..v1::Subscription::default()
            }),
            result: None,
        });
        let json = serde_json::to_value(&document).unwrap_or_default();
        let expected = serde_json::json!({
            "id": "0102030405060708", "url": "https://a.example/x.ics", "name": null, "every": "15m", "added": null,
            "last": null, "good": null, "next": null, "events": 3, "failures": 0, "error": null, "import": null,
        });
        assert_eq!(json, expected);
    }
}
