//! Looks at the calendars that are followed, each when its time has come.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::command::Commands;
use crate::command::subscription::is_due;
use crate::store::catalogue::feed::FeedId;
use crate::turns::{Turn, Turns};

/// Calendars downloaded at the same time.
const AT_ONCE: usize = 4;
/// The clock is looked at this often at least: it may have been set.
const LOOK_AT_LEAST: Duration = Duration::from_mins(1);
/// After a start, until other hubs have said what they have of this one.
const NOT_YET: Duration = Duration::from_secs(2);
/// After a fault of this node's own.
const AFTER_A_FAULT: Duration = Duration::from_mins(1);

/// Starts the task.
pub fn start(commands: &Commands) {
    let commands = commands.clone();
    let tasks = commands.tasks.clone();
    tasks.spawn("feed", "calendars", move |context| async move {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let running = Turns::default();
        loop {
            let pause = match commands.subscriptions().await {
                Ok(_) if !commands.ledger.may_act_by_itself() => NOT_YET,
                Ok(all) => {
                    let now_ms = commands.clock.now_ms();
                    for one in all.iter().filter(|one| is_due(&one.row, now_ms)) {
                        if let Some(turn) = running.begin(one.id) {
                            look(&commands, turn, places.clone());
                        }
                    }
                    let next_ms = all
                        .iter()
                        .map(|one| one.row.next_ms)
                        .filter(|next_ms| *next_ms > now_ms)
                        .min();
                    let until_ms = next_ms.map_or(u64::MAX, |next_ms| next_ms.abs_diff(now_ms));
                    Duration::from_millis(until_ms).min(LOOK_AT_LEAST)
                }
                Err(error) => {
                    tracing::error!(%error, "the calendars that are followed cannot be read");
                    AFTER_A_FAULT
                }
            };
            tokio::select! {
                biased;
                () = context.cancelled() => return,
                () = commands.feeds_changed.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    });
}

fn look(commands: &Commands, turn: Turn<FeedId>, places: Arc<Semaphore>) {
    let commands = commands.clone();
    let id = turn.id();
    let tasks = commands.tasks.clone();
    tasks.spawn("feed", format!("calendar {id}"), move |context| async move {
        let _turn = turn;
        let looking = async {
            // The semaphore is never closed.
            let _place = places.acquire().await;
            commands.look_again(id).await
        };
        let looked = tokio::select! {
            biased;
            () = context.cancelled() => return,
            looked = looking => looked,
        };
        match looked {
            Ok(Some(looked)) => {
                let row = &looked.subscription.row;
                if !row.error.is_empty() {
                    tracing::warn!(calendar = %id, failures = row.failures, error = row.error, "a calendar is not as it should be");
                }
                if let Some(imported) = &looked.imported {
                    tracing::info!(
                        calendar = %id,
                        added = imported.added,
                        changed = imported.changed,
                        cancelled = imported.cancelled,
                        refused = imported.refused_count,
                        "a calendar was read"
                    );
                }
            }
            Ok(None) => {}
            Err(error) => tracing::error!(calendar = %id, %error, "a calendar cannot be followed"),
        }
    });
}
