//! Foreign changes are judged in a child process, because no way of catching a panic stops a stack overflow, an
//! allocation that fails, or a loop without end.
//!
//! [`ChildCounter`] is the node's side: it starts the child (this same program), asks it, checks its answers and
//! replaces it when it dies. [`serve`] is the child's side. Between them is one pair of connected sockets, the child's
//! standard input; it has no other file, no environment, 256 MiB of address space, and 5 to 10 seconds of processor time
//! a change. Both speak frames of [`frame`].
//!
//! What a change is worth follows from the limits of `scan.rs` and `document/`, which are numbers. The limits here depend
//! on the machine, so they are a backstop: every change known to strike them is refused by a number first.

pub mod counter;
mod frame;
mod inside;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use counter::ChildCounter;
pub use inside::{ServeError, serve};

use crate::sync::Ledger;
use crate::task::{TaskContext, Tasks};

/// The hidden subcommand of `interhubd` that is the child.
pub const SUBCOMMAND: &str = "count";

/// The child is looked after this often.
const LOOK_AFTER_EVERY: Duration = Duration::from_secs(2);

/// Where foreign changes are judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counting {
    /// In a child process: this program, with [`SUBCOMMAND`].
    Child(PathBuf),
    /// In the node's own process, which a hostile change can end: for simulation, and measuring, only.
    InThisProcess,
}

impl Counting {
    /// In a child made of the running program: the same version, also after its file was replaced by a newer one.
    pub fn by_this_program() -> Self {
        let itself = PathBuf::from("/proc/self/exe");
        if itself.exists() {
            return Self::Child(itself);
        }
        Self::Child(std::env::current_exe().unwrap_or(itself))
    }
}

/// Starts the child, replaces it when it is gone, and counts anew what had to wait for it.
pub fn look_after(tasks: &Tasks, ledger: &Arc<Ledger>, counter: &ChildCounter) {
    let (ledger, counter) = (ledger.clone(), counter.clone());
    let blocking = tasks.clone();
    tasks.spawn("sync", "counting process", move |context: TaskContext| async move {
        loop {
            let (ledger, counter) = (ledger.clone(), counter.clone());
            let step = move || {
                if counter.look_after() {
                    ledger.recount_due()
                } else {
                    Ok(0)
                }
            };
            match blocking.blocking("counting process", step).await {
                Ok(Err(error)) => tracing::error!(%error, "documents could not be counted anew"),
                Ok(Ok(_)) => {}
                Err(_) => return,
            }
            if !context.sleep(LOOK_AFTER_EVERY).await {
                return;
            }
        }
    });
}
