//! Nodes with a toy host: over real loopback TCP and mutual TLS, against hostile callers, and in simulation.

mod hostile;
mod loopback;
mod simulation;
mod toy;
mod wire;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::net::TcpNet;
use super::{PeerOptions, Peers};
use crate::clock::SystemClock;
use crate::task::{Blocking, TaskStatus, Tasks};
use toy::{ToyHost, seed};

/// How long a condition is waited for before a test fails; never how long a test takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test)
}

fn options() -> PeerOptions {
    PeerOptions {
        retry: Duration::from_millis(50),
        ..PeerOptions::default()
    }
}

/// A running node on a loopback port.
struct Running {
    host: Arc<ToyHost>,
    tasks: Tasks,
    peers: Peers<TcpNet>,
    address: String,
    number: u8,
}

impl Running {
    async fn start(host: Arc<ToyHost>, number: u8, options: PeerOptions) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::start_on(host, number, options, listener)
    }

    fn start_on(host: Arc<ToyHost>, number: u8, options: PeerOptions, listener: tokio::net::TcpListener) -> Self {
        let address = listener.local_addr().unwrap().to_string();
        let tasks = Tasks::new(Blocking::Threads);
        let clock = SystemClock::shared();
        let peers = Peers::start(
            host.clone(),
            &seed(number),
            Some(listener),
            TcpNet,
            options,
            &tasks,
            clock,
        )
        .unwrap();
        Self {
            host,
            tasks,
            peers,
            address,
            number,
        }
    }

    async fn new(number: u8) -> Self {
        Self::start(ToyHost::new(number, 1), number, options()).await
    }

    /// Both know each other; `self` calls.
    fn calls(&self, other: &Self) {
        other.host.knows(self.number, "");
        self.host.knows(other.number, &other.address);
    }

    fn last_error(&self, number: u8) -> String {
        let status = self.peers.status();
        let line = status.iter().find(|line| line.hub == toy::hub(number)).unwrap();
        line.last_error.clone().unwrap_or_default()
    }

    fn connected(&self) -> usize {
        self.peers.status().iter().filter(|line| line.connected).count()
    }

    /// Streams that run, in either direction, those that are just beginning or ending included.
    fn streams(&self) -> usize {
        let list = self.tasks.list();
        let calls = |task: &TaskStatus| matches!(task.doing, "calling" | "streaming");
        let running = |task: &&TaskStatus| task.name.starts_with("stream from") || calls(task);
        list.iter().filter(running).count()
    }

    async fn stop(self) {
        let late = self.tasks.stop(Duration::from_secs(5)).await;
        assert_eq!(late, [], "everything stops in time");
    }
}

/// Waits until a condition holds.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, waiting).await.is_ok(),
        "never happened: {what}"
    );
}
