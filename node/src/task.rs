//! Tasks: the only file that starts one.
//!
//! Nothing runs detached. Every task has an owner and a name, a status an operator can list, and a way to stop: it is
//! told by its [`TaskContext`], and cut off if it has not ended by the deadline.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

/// Blocking calls at the same time. Each holds a thread; a disk does not get faster by more.
const MAX_BLOCKING: usize = 16;

/// How many failed tasks are remembered for the list, the oldest forgotten first.
const MAX_FAILED: usize = 64;

/// Where blocking calls run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocking {
    /// On threads of their own, at most 16.
    Threads,
    /// At once, in the task that asks: in simulation, where the order of threads must not matter.
    Inline,
}

/// Where a task is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// At work.
    Running,
    /// Told to stop, and not there yet.
    Stopping,
    /// It panicked: our bug.
    Failed,
}

/// One line of the list an operator sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskStatus {
    /// The part of the node that started it.
    pub owner: &'static str,
    /// What it is, never a person's text.
    pub name: String,
    /// Where it is in its life.
    pub state: TaskState,
    /// What it last said about itself.
    pub doing: &'static str,
}

/// Why a blocking call gave no result.
#[derive(Debug, thiserror::Error)]
pub enum BlockingError {
    /// The call panicked: our bug.
    #[error("{name} failed inside; see the log, and please report it")]
    Panicked {
        /// What was called.
        name: &'static str,
    },
    /// The node is stopping.
    #[error("{name} was not done: the node is stopping")]
    Stopping {
        /// What was called.
        name: &'static str,
    },
}

/// All tasks of a node. Cheap to clone; all clones are the same list.
#[derive(Clone)]
pub struct Tasks {
    shared: Arc<Shared>,
}

struct Shared {
    blocking: Blocking,
    threads: Semaphore,
    stop: CancellationToken,
    entries: Mutex<Entries>,
    /// How many run, for [`Tasks::stop`] to wait on.
    running: watch::Sender<usize>,
}

#[derive(Default)]
struct Entries {
    next: u64,
    running: BTreeMap<u64, Entry>,
    failed: Vec<TaskStatus>,
}

struct Entry {
    owner: &'static str,
    name: String,
    doing: &'static str,
    stop: CancellationToken,
    abort: Option<tokio::task::AbortHandle>,
}

impl Entry {
    fn status(&self) -> TaskStatus {
        let state = if self.stop.is_cancelled() {
            TaskState::Stopping
        } else {
            TaskState::Running
        };
        TaskStatus {
            owner: self.owner,
            name: self.name.clone(),
            state,
            doing: self.doing,
        }
    }
}

impl Shared {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tasks {
    /// An empty list.
    pub fn new(blocking: Blocking) -> Self {
        let shared = Shared {
            blocking,
            threads: Semaphore::new(MAX_BLOCKING),
            stop: CancellationToken::new(),
            entries: Mutex::default(),
            running: watch::Sender::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Starts a task. `owner` is the part of the node, `name` what it is (ids and slugs, never a person's text). The
    /// task gets a context, must end soon after [`TaskContext::cancelled`], and is listed until it ends. Dropping the
    /// handle changes nothing. Started while the node stops, it finds itself cancelled from the start.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[expect(clippy::disallowed_methods, reason = "the one place that starts tasks")]
    pub fn spawn<F>(
        &self,
        owner: &'static str,
        name: impl Into<String>,
        run: impl FnOnce(TaskContext) -> F,
    ) -> TaskHandle
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.shared.stop.child_token();
        let entry = Entry {
            owner,
            name: name.into(),
            doing: "running",
            stop: stop.clone(),
            abort: None,
        };
        let id = {
            let mut entries = self.shared.entries();
            entries.next += 1;
            let id = entries.next;
            entries.running.insert(id, entry);
            id
        };
        self.shared.running.send_modify(|running| *running += 1);
        let context = TaskContext {
            id,
            stop: stop.clone(),
            tasks: self.clone(),
        };
        let leave = Leave {
            id,
            tasks: self.clone(),
        };
        let work = run(context);
        let join = tokio::spawn(async move {
            let _leave = leave;
            work.await;
        });
        if let Some(entry) = self.shared.entries().running.get_mut(&id) {
            entry.abort = Some(join.abort_handle());
        }
        TaskHandle { stop, join }
    }

    /// Runs a call that blocks (storage, files) where it may. Waits while 16 others run.
    #[expect(clippy::disallowed_methods, reason = "the one place that uses the pool of threads")]
    pub async fn blocking<T: Send + 'static>(
        &self,
        name: &'static str,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, BlockingError> {
        if self.shared.blocking == Blocking::Inline {
            return Ok(call());
        }
        let _permit = self
            .shared
            .threads
            .acquire()
            .await
            .map_err(|_| BlockingError::Stopping { name })?;
        tokio::task::spawn_blocking(call).await.map_err(|error| {
            if error.is_panic() {
                tracing::error!(name, "blocking call failed");
                BlockingError::Panicked { name }
            } else {
                BlockingError::Stopping { name }
            }
        })
    }

    /// Works on items on another thread while the results of those before them are used here, at most `most` ahead; in simulation,
    /// one after the other. Blocks: for calls of [`Tasks::blocking`].
    pub fn ahead<I, T, R>(
        &self,
        items: Vec<I>,
        most: usize,
        work: impl Fn(I) -> T + Send,
        use_all: impl FnOnce(&mut dyn Iterator<Item = T>) -> R,
    ) -> R
    where
        I: Send,
        T: Send,
    {
        if self.shared.blocking == Blocking::Inline {
            return use_all(&mut items.into_iter().map(work));
        }
        std::thread::scope(|scope| {
            let (sender, receiver) = std::sync::mpsc::sync_channel(most);
            scope.spawn(move || {
                for item in items {
                    // Nobody wants the rest.
                    if sender.send(work(item)).is_err() {
                        return;
                    }
                }
            });
            use_all(&mut receiver.into_iter())
        })
    }

    /// What runs now, in the order in which it was started, then what failed.
    pub fn list(&self) -> Vec<TaskStatus> {
        let entries = self.shared.entries();
        entries
            .running
            .values()
            .map(Entry::status)
            .chain(entries.failed.iter().cloned())
            .collect()
    }

    /// Completes when the node is told to stop.
    pub fn stopping(&self) -> CancellationToken {
        self.shared.stop.clone()
    }

    /// Tells every task to stop, waits for them at most this long, and cuts off the rest, whose statuses it returns.
    pub async fn stop(&self, deadline: Duration) -> Vec<TaskStatus> {
        self.shared.stop.cancel();
        let mut running = self.shared.running.subscribe();
        if tokio::time::timeout(deadline, running.wait_for(|running| *running == 0))
            .await
            .is_ok()
        {
            return Vec::new();
        }
        let entries = self.shared.entries();
        let late: Vec<TaskStatus> = entries.running.values().map(Entry::status).collect();
        for entry in entries.running.values() {
            if let Some(abort) = &entry.abort {
                abort.abort();
            }
        }
        late
    }
}

/// What a task knows about itself.
pub struct TaskContext {
    id: u64,
    stop: CancellationToken,
    tasks: Tasks,
}

impl TaskContext {
    /// Completes when the task has to stop.
    pub async fn cancelled(&self) {
        self.stop.cancelled().await;
    }

    /// Whether the task has to stop.
    pub fn is_cancelled(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// The token behind both, to hand on.
    pub fn token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Says what the task is doing now, for the list.
    pub fn doing(&self, doing: &'static str) {
        if let Some(entry) = self.tasks.shared.entries().running.get_mut(&self.id) {
            entry.doing = doing;
        }
    }

    /// Waits this long, unless the task has to stop; says whether it may go on.
    pub async fn sleep(&self, duration: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(duration) => true,
        }
    }
}

/// A started task.
pub struct TaskHandle {
    stop: CancellationToken,
    join: tokio::task::JoinHandle<()>,
}

impl TaskHandle {
    /// Tells the task to stop, without waiting.
    pub fn cancel(&self) {
        self.stop.cancel();
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.join.is_finished()
    }

    /// Waits for its end, however it ends.
    pub async fn ended(self) {
        // A panic is logged and listed by the task's guard.
        let _ = self.join.await;
    }

    /// Tells the task to stop, and waits at most this long, then cuts it off. Says whether it ended by itself.
    pub async fn stop(mut self, deadline: Duration) -> bool {
        self.stop.cancel();
        if tokio::time::timeout(deadline, &mut self.join).await.is_ok() {
            return true;
        }
        self.join.abort();
        false
    }
}

/// Takes a task off the list when it ends, also by a panic or when it is cut off.
struct Leave {
    id: u64,
    tasks: Tasks,
}

impl Drop for Leave {
    fn drop(&mut self) {
        let failed = std::thread::panicking();
        {
            let mut entries = self.tasks.shared.entries();
            if let Some(entry) = entries.running.remove(&self.id).filter(|_| failed) {
                tracing::error!(owner = entry.owner, name = entry.name, "task failed");
                if entries.failed.len() == MAX_FAILED {
                    entries.failed.remove(0);
                }
                entries.failed.push(TaskStatus {
                    state: TaskState::Failed,
                    ..entry.status()
                });
            }
        }
        self.tasks.shared.running.send_modify(|running| *running -= 1);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    }

    #[test]
    fn what_is_worked_on_ahead_comes_in_its_order_and_ends_when_nobody_wants_more() {
        for blocking in [Blocking::Threads, Blocking::Inline] {
            let tasks = Tasks::new(blocking);
            let doubled = tasks.ahead((0..1_000).collect(), 3, |n: u32| n * 2, |all| all.collect::<Vec<_>>());
            assert_eq!(doubled, (0..1_000).map(|n| n * 2).collect::<Vec<_>>());
            let first = tasks.ahead(
                (0..1_000_000).collect(),
                3,
                |n: u32| n,
                |all| all.take(1).collect::<Vec<_>>(),
            );
            assert_eq!(first, [0]);
        }
    }

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn tasks_are_listed_until_they_stop() {
        runtime().block_on(async {
            let tasks = Tasks::new(Blocking::Threads);
            let handle = tasks.spawn("peer", "dial ab12", |context| async move {
                context.doing("waiting");
                context.cancelled().await;
            });
            tokio::task::yield_now().await;
            let expected = TaskStatus {
                owner: "peer",
                name: "dial ab12".to_owned(),
                state: TaskState::Running,
                doing: "waiting",
            };
            assert_eq!(tasks.list(), [expected]);
            assert!(handle.stop(LONG).await);
            assert_eq!(tasks.list(), []);
            assert_eq!(tasks.stop(LONG).await, []);
        });
    }

    #[test]
    fn who_does_not_stop_is_named_and_cut_off() {
        runtime().block_on(async {
            let tasks = Tasks::new(Blocking::Threads);
            let stubborn = tasks.spawn("test", "stubborn", |_| std::future::pending());
            tasks.spawn("test", "obedient", |context| async move { context.cancelled().await });
            let late = tasks.stop(Duration::from_millis(20)).await;
            assert_eq!(late.len(), 1);
            assert_eq!(
                (late[0].name.as_str(), late[0].state),
                ("stubborn", TaskState::Stopping)
            );
            stubborn.ended().await;
            assert_eq!(tasks.list(), []);
        });
    }

    #[test]
    fn a_panic_is_remembered() {
        runtime().block_on(async {
            let tasks = Tasks::new(Blocking::Threads);
            tasks
                .spawn("test", "broken", |_| async { panic!("on purpose") })
                .ended()
                .await;
            assert_eq!(tasks.list()[0].state, TaskState::Failed);
            assert_eq!(tasks.stop(LONG).await, []);
        });
    }

    #[test]
    fn started_while_stopping_is_cancelled_from_the_start() {
        runtime().block_on(async {
            let tasks = Tasks::new(Blocking::Threads);
            assert_eq!(tasks.stop(LONG).await, []);
            tasks
                .spawn(
                    "test",
                    "late",
                    |context| async move { assert!(!context.sleep(LONG).await) },
                )
                .ended()
                .await;
        });
    }

    #[test]
    fn blocking_calls_answer_in_both_ways() {
        runtime().block_on(async {
            for way in [Blocking::Threads, Blocking::Inline] {
                let tasks = Tasks::new(way);
                assert_eq!(tasks.blocking("sum", || 1 + 1).await.unwrap(), 2);
            }
            let broken = Tasks::new(Blocking::Threads)
                .blocking("broken", || panic!("on purpose"))
                .await;
            assert!(matches!(
                broken,
                Err::<(), _>(BlockingError::Panicked { name: "broken" })
            ));
        });
    }
}
