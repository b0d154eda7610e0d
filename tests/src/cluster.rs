//! Several real nodes in one network.

use std::path::Path;
use std::sync::Arc;

use interhub_node::child::Counting;
use interhub_node::clock::{Clock, SharedClock, SystemClock};
use interhub_node::node::{Node, NodeOptions};
use interhub_node::peer::PeerOptions;

use crate::hub::{Hub, SOON, program, text, wait_until};

/// Several real nodes in one network, under one throw-away folder.
#[derive(Debug)]
pub struct Cluster {
    /// The hubs; the first founded the network.
    pub hubs: Vec<Hub>,
    folder: tempfile::TempDir,
}

impl Cluster {
    /// Founds a network with the first slug and joins the others by invitation.
    pub fn new(slugs: &[&str]) -> Self {
        Self::configured(slugs, &[])
    }

    /// The same with these fields of `interhub.toml` replaced at every hub.
    pub fn configured(slugs: &[&str], fields: &[(&str, &str)]) -> Self {
        let zones = ["Europe/London", "Europe/Amsterdam", "Europe/Vienna", "America/New_York"];
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}"));
        let mut hubs: Vec<Hub> = Vec::new();
        for (slug, zone) in slugs.iter().zip(zones.iter().cycle()) {
            let mut hub = Hub::init(folder.path(), slug, zone);
            for (field, value) in fields {
                hub.configure(field, value);
            }
            hub.start();
            hubs.push(hub);
        }
        hubs[0].json(&["network", "create", "Test network"]);
        for hub in &hubs[1..] {
            let link = text(&hubs[0].json(&["invite"]), "link");
            let joined = hub.json(&["join", &link]);
            assert_eq!(joined["status"], "active", "{joined}");
        }
        let cluster = Self { hubs, folder };
        cluster.agree();
        cluster
    }

    /// The folder everything is in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until all hubs agree on documents and projections.
    #[track_caller]
    pub fn agree(&self) {
        let all: Vec<&Hub> = self.hubs.iter().collect();
        agree(&all);
    }
}

/// The machine's clock, and this many days on it.
struct Later(i64);

impl Clock for Later {
    fn now_ms(&self) -> i64 {
        SystemClock.now_ms() + self.0 * 86_400_000
    }

    fn random(&self, bytes: &mut [u8]) {
        SystemClock.random(bytes);
    }
}

/// Nodes that run inside the calling process, each in the data folder of a hub that has no process of its own. The hub's
/// command line and pages reach them as they reach a process.
pub struct Inside {
    runtime: tokio::runtime::Runtime,
    nodes: Vec<Node>,
}

impl Inside {
    /// Starts a node for each hub.
    pub fn start(hubs: &[&Hub]) -> Self {
        Self::start_with(hubs, &SystemClock::shared())
    }

    /// The same, when so many days have passed.
    pub fn start_later(hubs: &[&Hub], days: i64) -> Self {
        let clock: SharedClock = Arc::new(Later(days));
        Self::start_with(hubs, &clock)
    }

    fn start_with(hubs: &[&Hub], clock: &SharedClock) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.unwrap_or_else(|error| panic!("no runtime: {error}"));
        let nodes = hubs
            .iter()
            .map(|hub| {
                let options = NodeOptions {
                    clock: clock.clone(),
                    without_peers: false,
                    peers: PeerOptions::default(),
                    counting: Counting::Child(program("interhubd")),
                };
                let started = runtime.block_on(Node::start(&hub.data, options));
                started.unwrap_or_else(|error| panic!("{} does not start: {error}", hub.slug))
            })
            .collect();
        Self { runtime, nodes }
    }

    /// Stops all of them in good order.
    pub fn stop(self) {
        for node in self.nodes {
            let late = self.runtime.block_on(node.stop());
            assert!(late.is_empty(), "tasks that did not stop: {late:?}");
        }
    }
}

/// Waits until these hubs agree on documents and projections, and returns how many events they have.
#[track_caller]
pub fn agree(hubs: &[&Hub]) -> u64 {
    let mut events = 0;
    wait_until("agreement", SOON, || {
        let first = hubs[0].agreement()?;
        for hub in &hubs[1..] {
            let other = hub.agreement()?;
            if other.0 != first.0 {
                return Err(format!("{} {first:?} and {} {other:?}", hubs[0].slug, hub.slug));
            }
        }
        events = first.1;
        Ok(())
    });
    events
}
