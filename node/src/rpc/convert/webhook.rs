//! Receivers of changes, to the wire.

use interhub_proto::v1;

use super::answer::timestamp;
use crate::command::webhook::Webhook;

/// A receiver, without its secret.
pub fn webhook(Webhook { id, row, behind }: Webhook) -> v1::Webhook {
    v1::Webhook {
        id: id.to_string(),
        url: row.url,
        label: row.label,
        private_network: row.private_networks,
        created: Some(timestamp(row.created_ms)),
        arrived: row.arrived_ms.map(timestamp),
        next: (row.next_ms != 0 && !row.stopped).then(|| timestamp(row.next_ms)),
        behind,
        failures: row.failures,
        error: row.error,
        stopped: row.stopped,
    }
}
