//! A relay that withholds what a hub writes: it stands between two hubs that do not reach each other, and beacons show it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use interhub_domain::beacon::SignedBeacon;
use interhub_domain::envelope::Envelope;
use interhub_domain::frontier::{Frontier, Head, RowKey};
use interhub_domain::ids::{HubId, LogId};
use interhub_domain::session::{Notice, Proof, Tombstones};
use interhub_node::peer::{Change, Directory, Host, Identity, JoinRefused, JoinRequest, Joined, Taken};
use tokio::sync::broadcast;

use super::invariants::{agreement, check};
use super::members::{belonging, is_outside, join};
use super::operators::Act;
use super::story::Story;
use super::world::Line;

/// Whose events a hub passes on to nobody; shared with its operator, who may think better of it.
pub(crate) type Withheld = Arc<Mutex<BTreeSet<HubId>>>;

/// A node's own host, without what is withheld.
pub(crate) struct Withholding {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) withheld: Withheld,
    pub(crate) changes: broadcast::Sender<Change>,
}

impl Withholding {
    fn shows(&self, row: &RowKey) -> bool {
        row.log == LogId::REGISTRY || !self.withheld.lock().unwrap().contains(&row.hub)
    }

    /// Passes on what changes, but for what is withheld.
    pub(crate) async fn forward(self: Arc<Self>, mut changes: broadcast::Receiver<Change>) {
        while let Ok(change) = changes.recv().await {
            let change = match change {
                Change::Heads(rows) => {
                    let rows: Vec<(RowKey, Head)> = rows.iter().filter(|(row, _)| self.shows(row)).copied().collect();
                    Change::Heads(rows.into())
                }
                other => other,
            };
            let _ = self.changes.send(change);
        }
    }
}

impl Host for Withholding {
    fn identity(&self) -> Identity {
        self.host.identity()
    }

    fn directory(&self) -> Arc<Directory> {
        self.host.directory()
    }

    fn frontier(&self) -> Frontier {
        let whole = self.host.frontier();
        if self.withheld.lock().unwrap().is_empty() {
            return whole;
        }
        whole.rows().filter(|(row, _)| self.shows(row)).collect()
    }

    fn read_log(&self, row: RowKey, from_seq: u64, max_bytes: usize, max_count: usize) -> Vec<Envelope> {
        let mut read = self.host.read_log(row, from_seq, max_bytes, max_count);
        read.retain(|_| self.shows(&row));
        read
    }

    fn read_tombstones(&self, wanted: &Tombstones, skip: usize, max_bytes: usize) -> (Vec<Envelope>, bool) {
        self.host.read_tombstones(wanted, skip, max_bytes)
    }

    fn beacons(&self) -> Vec<(HubId, SignedBeacon)> {
        self.host.beacons()
    }

    fn take_beacon(&self, from: HubId, beacon: &SignedBeacon) {
        self.host.take_beacon(from, beacon);
    }

    fn proofs(&self) -> Vec<Proof> {
        self.host.proofs()
    }

    fn take_proofs(&self, from: HubId, proofs: &[Proof]) {
        self.host.take_proofs(from, proofs);
    }

    fn header_at(&self, row: RowKey, seq: u64) -> Option<Envelope> {
        self.host.header_at(row, seq)
    }

    fn prove(&self, from: HubId, theirs: &Envelope) {
        self.host.prove(from, theirs);
    }

    fn take(&self, from: HubId, envelopes: Vec<Envelope>) -> Taken {
        self.host.take(from, envelopes)
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    fn equal(&self, peer: HubId) {
        self.host.equal(peer);
    }

    fn report(&self, peer: HubId, notice: &Notice) {
        self.host.report(peer, notice);
    }

    fn announcement(&self) -> Option<JoinRequest> {
        self.host.announcement()
    }

    fn learn_registry(&self, envelopes: Vec<Envelope>) {
        self.host.learn_registry(envelopes);
    }

    fn join(&self, key: [u8; 32], request: JoinRequest) -> Result<Joined, JoinRefused> {
        self.host.join(key, request)
    }
}

/// The hub whose events are withheld, the one in between, and the one that is not to know.
const AUTHOR: usize = 0;
const RELAY: usize = 1;
const READER: usize = 2;

impl Story<'_> {
    fn documents_agree(&self) -> bool {
        let seen = |machine: usize| agreement(&self.world.hubs[machine].ledger());
        seen(AUTHOR) == seen(READER)
    }

    /// How old the author's data is at the reader.
    fn age_ms(&self) -> i64 {
        let author = self.world.hubs[AUTHOR].id;
        let as_of_ms = self.world.hubs[READER].ledger().as_of_ms(author).unwrap();
        let now_ms = super::hub::BEGAN_MS + i64::try_from(self.world.sim.elapsed().as_millis()).unwrap();
        now_ms - as_of_ms
    }
}

#[test]
fn what_a_relay_withholds_shows_as_age_until_it_is_heard() {
    let mut story = Story::new(3);
    for number in [AUTHOR, RELAY, READER] {
        assert_eq!(story.add_hub(None), number);
        if number == AUTHOR {
            story.found();
        } else {
            join(&mut story.world, number, AUTHOR, story.network);
            story.pass(1_000);
            assert!(!is_outside(&story.world, number));
        }
    }
    story.operator(AUTHOR).does(Act::Add);
    story.pass(60_000);
    story.world.line(AUTHOR, READER, Some(Line::Cut));
    // Honest, the relay passes everything on, beacons too.
    for _ in 0..4 {
        story.operator(AUTHOR).does(Act::Add);
        story.pass(30_000);
    }
    assert!(story.documents_agree());
    assert!(story.age_ms() < 60_000, "{} ms", story.age_ms());

    let author = story.world.hubs[AUTHOR].id;
    let withheld = story.world.hubs[RELAY].withheld.clone();
    withheld.lock().unwrap().insert(author);
    story.world.take_down(RELAY, Some(Duration::from_millis(10)));
    story.pass(30_000);
    let before_ms = story.age_ms();
    while story.documents_agree() {
        story.operator(AUTHOR).does(Act::Add);
        story.pass(10_000);
    }
    story.pass(300_000);
    assert!(!story.documents_agree());
    assert!(story.age_ms() > before_ms + 200_000, "{} ms", story.age_ms());

    // Heard otherwise, it is all there and fresh, and the relay has done no harm.
    story.world.mend();
    story.pass(60_000);
    assert!(story.documents_agree());
    assert!(story.age_ms() < 60_000, "{} ms", story.age_ms());
    check(&story.world, &story.diary, &belonging(&story.world)).unwrap();
}
