//! Downloads the pictures of events to come, one after the other.

use std::time::Duration;

use crate::command::Commands;

/// Events are looked through this often at least: others publish, and addresses fall due again.
const EVERY: Duration = Duration::from_mins(5);
/// And at most this often: an import changes a thousand events in a row.
const AT_MOST_EVERY: Duration = Duration::from_secs(10);
/// Between two downloads. There is no hurry, and whoever serves pictures has other guests.
const BETWEEN: Duration = Duration::from_millis(200);

/// Starts the task.
pub fn start(commands: &Commands) {
    let commands = commands.clone();
    let tasks = commands.tasks.clone();
    let mut notices = commands.ledger.notices();
    tasks.spawn("picture", "pictures", move |context| async move {
        loop {
            match commands.pictures_due().await {
                Ok(due) => {
                    for picture in due {
                        let looked = tokio::select! {
                            biased;
                            () = context.cancelled() => return,
                            looked = commands.look_at_picture(picture) => looked,
                        };
                        match looked {
                            Ok(Some(error)) => tracing::debug!(%error, "a picture is not shown"),
                            Ok(None) => {}
                            Err(error) => tracing::error!(%error, "a picture cannot be noted"),
                        }
                        if !context.sleep(BETWEEN).await {
                            return;
                        }
                    }
                }
                Err(error) => tracing::error!(%error, "the pictures of events cannot be looked through"),
            }
            if !context.sleep(AT_MOST_EVERY).await {
                return;
            }
            let changed = async {
                while let Ok(notice) = notices.recv().await {
                    if matches!(notice, crate::sync::Notice::Changed) {
                        return;
                    }
                }
            };
            tokio::select! {
                biased;
                () = context.cancelled() => return,
                () = changed => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    });
}
