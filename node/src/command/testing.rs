//! A hub of its own in memory, for tests of what operators ask for.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, OnceLock};

use interhub_domain::document::InProcessCounter;
use interhub_domain::envelope::SigningKey;
use interhub_domain::profile::HubProfile;

use super::Commands;
use super::picture::Painters;
use super::webhook::Callers;
use crate::clock::ManualClock;
use crate::feed::fetch::Fetcher;
use crate::projection::read::Views;
use crate::projection::search::Search;
use crate::projection::search::memory::MemoryIndex;
use crate::store::Store;
use crate::store::memory::MemoryStore;
use crate::sync::{Ledger, LedgerOptions, OwnHub};
use crate::task::Tasks;

/// Birmingham at this moment, in no network yet.
pub(crate) fn birmingham(tasks: &Tasks, now_ms: i64) -> (Commands, Arc<ManualClock>) {
    birmingham_in(Arc::new(MemoryStore::new()), tasks, now_ms)
}

/// The same, with what it keeps in this store.
pub(crate) fn birmingham_in(store: Store, tasks: &Tasks, now_ms: i64) -> (Commands, Arc<ManualClock>) {
    let clock = ManualClock::new(now_ms, 7);
    let own = OwnHub {
        key: SigningKey::from([7; 32]),
        recovery_key: [8; 32],
        slug: "birmingham".into(),
        address: "birmingham.example:7400".into(),
        profile: HubProfile {
            name: "Hub Birmingham".into(),
            ..HubProfile::default()
        },
    };
    let ledger = Ledger::open(LedgerOptions {
        store: store.clone(),
        clock: clock.clone(),
        own,
        counter: Box::new(InProcessCounter),
    })
    .unwrap();
    let search = Search::open(store.clone(), Box::new(MemoryIndex::new()), [0; 16]).unwrap();
    let commands = Commands {
        ledger: Arc::new(ledger),
        views: Arc::new(Views::new(store, Arc::new(search))),
        clock: clock.clone(),
        tasks: tasks.clone(),
        neighbours: Arc::new(OnceLock::new()),
        timezone: "Europe/London".into(),
        counter: None,
        fetcher: Fetcher::new(true).unwrap(),
        looking: Arc::default(),
        feeds_changed: Arc::default(),
        receivers: Callers::new().unwrap(),
        webhooks_changed: Arc::default(),
        webhooks_writing: Arc::default(),
        painters: Painters::new(true).unwrap(),
        shows_pictures: true,
        counting: Arc::default(),
        importing_members: Arc::new(tokio::sync::Semaphore::new(1)),
        web_address: "https://hub.example".into(),
        asking_for_links: Arc::new(tokio::sync::Semaphore::new(super::own_page::MAX_ASKING)),
        writing_to_members: Arc::default(),
        mailer: None,
    };
    (commands, clock)
}
