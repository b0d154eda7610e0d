//! Sends changes to whoever wants to be told of them, each receiver at its own pace.

use std::time::Duration;

use tokio::sync::broadcast;

use crate::command::Commands;
use crate::store::catalogue::webhook::WebhookId;
use crate::sync::Notice;
use crate::task::TaskContext;
use crate::turns::{Turn, Turns};

/// The clock is looked at this often at least: it may have been set.
const LOOK_AT_LEAST: Duration = Duration::from_mins(1);
/// After a fault of this node's own.
const AFTER_A_FAULT: Duration = Duration::from_mins(1);

/// Starts the task.
pub fn start(commands: &Commands) {
    let commands = commands.clone();
    let tasks = commands.tasks.clone();
    let mut notices = commands.ledger.notices();
    tasks.spawn("webhook", "receivers", move |context| async move {
        let running = Turns::default();
        loop {
            let pause = match commands.webhooks_due().await {
                Ok((due, next_ms)) => {
                    for id in due {
                        if let Some(turn) = running.begin(id) {
                            deliver(&commands, turn);
                        }
                    }
                    let until_ms = next_ms.map_or(u64::MAX, |next_ms| next_ms.abs_diff(commands.clock.now_ms()));
                    Duration::from_millis(until_ms).min(LOOK_AT_LEAST)
                }
                Err(error) => {
                    tracing::error!(%error, "the receivers of changes cannot be read");
                    AFTER_A_FAULT
                }
            };
            if !changed(&commands, &mut notices, pause, &context).await {
                return;
            }
        }
    });
}

/// Waits until there may be something to send; says whether to go on.
async fn changed(
    commands: &Commands,
    notices: &mut broadcast::Receiver<Notice>,
    pause: Duration,
    context: &TaskContext,
) -> bool {
    let pause = tokio::time::sleep(pause);
    tokio::pin!(pause);
    loop {
        let notice = tokio::select! {
            biased;
            () = context.cancelled() => return false,
            () = commands.webhooks_changed.notified() => return true,
            () = &mut pause => return true,
            notice = notices.recv() => notice,
        };
        match notice {
            Ok(Notice::Changed) | Err(broadcast::error::RecvError::Lagged(_)) => return true,
            Ok(_) => {}
            Err(broadcast::error::RecvError::Closed) => return false,
        }
    }
}

fn deliver(commands: &Commands, turn: Turn<WebhookId>) {
    let commands = commands.clone();
    let id = turn.id();
    let tasks = commands.tasks.clone();
    tasks.spawn("webhook", format!("webhook {id}"), move |context| async move {
        let delivered = tokio::select! {
            biased;
            () = context.cancelled() => return,
            delivered = commands.deliver_changes(id) => delivered,
        };
        drop(turn);
        match delivered {
            Ok(Some(row)) if !row.error.is_empty() => {
                tracing::warn!(webhook = %id, failures = row.failures, error = row.error, "a receiver of changes is not as it should be");
            }
            Ok(_) => {}
            Err(error) => {
                tracing::error!(webhook = %id, %error, "a receiver of changes cannot be told");
                return;
            }
        }
        // What changed since the last reading was not looked for while this ran.
        commands.webhooks_changed.notify_one();
    });
}
