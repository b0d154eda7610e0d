//! A relay that withholds: what it keeps back shows as age, wherever age is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use interhub_domain::beacon::{Beacon, SignedBeacon};
use interhub_domain::envelope::Envelope;
use interhub_domain::frontier::{Frontier, Head, RowKey};
use interhub_domain::ids::HubId;
use interhub_domain::session::{Notice, Proof};
use interhub_node::child::Counting;
use interhub_node::clock::{SharedClock, SystemClock};
use interhub_node::node::{self, Opened};
use interhub_node::peer::net::TcpNet;
use interhub_node::peer::{
    Change, Directory, Host, Identity, JoinRefused, JoinRequest, Joined, PeerOptions, Peers, Taken,
};
use interhub_node::sync::LedgerHost;
use interhub_node::task::{Blocking, Tasks};
use interhub_tests::cluster::{Cluster, agree};
use interhub_tests::hub::{Hub, SOON, program, text, wait_until};
use serde_json::Value;
use tokio::sync::broadcast;

/// A hub that takes everything, and of one author passes on only what it knew at first, and every beacon.
struct Withholding {
    honest: Arc<LedgerHost>,
    author: HubId,
    passed_on: BTreeMap<RowKey, Head>,
    /// Nobody is told of anything while a stream lasts.
    silence: broadcast::Sender<Change>,
    /// Who believes that it holds everything that is here.
    equal: Mutex<BTreeSet<HubId>>,
    /// What came back from others of the beacons that were passed on: who took one passes it on too.
    came_back: Mutex<Vec<(HubId, SignedBeacon)>>,
}

impl Host for Withholding {
    fn identity(&self) -> Identity {
        self.honest.identity()
    }

    fn directory(&self) -> Arc<Directory> {
        self.honest.directory()
    }

    fn frontier(&self) -> Frontier {
        let all = self.honest.frontier();
        let shown = all.rows().filter_map(|(row, head)| {
            let known = self.passed_on.get(&row).copied();
            let shown = if row.hub == self.author { known? } else { head };
            Some((row, shown))
        });
        shown.collect()
    }

    fn read_log(&self, row: RowKey, from_seq: u64, max_bytes: usize, max_count: usize) -> Vec<Envelope> {
        let mut envelopes = self.honest.read_log(row, from_seq, max_bytes, max_count);
        if row.hub == self.author {
            let last = self.passed_on.get(&row).map(|head| head.seq);
            envelopes.retain(|envelope| last.is_some_and(|last| envelope.header.seq <= last));
        }
        envelopes
    }

    fn beacons(&self) -> Vec<(HubId, SignedBeacon)> {
        self.honest.beacons()
    }

    fn take_beacon(&self, from: HubId, beacon: &SignedBeacon) {
        self.came_back.lock().unwrap().push((from, beacon.clone()));
        self.honest.take_beacon(from, beacon);
    }

    fn proofs(&self) -> Vec<Proof> {
        self.honest.proofs()
    }

    fn take(&self, from: HubId, envelopes: Vec<Envelope>) -> Taken {
        self.honest.take(from, envelopes)
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.silence.subscribe()
    }

    fn equal(&self, peer: HubId) {
        self.equal.lock().unwrap().insert(peer);
    }

    fn report(&self, peer: HubId, notice: &Notice) {
        self.honest.report(peer, notice);
    }

    fn join(&self, key: [u8; 32], request: JoinRequest) -> Result<Joined, JoinRefused> {
        self.honest.join(key, request)
    }
}

/// The peers' side of a node in the data folder of a hub whose process is stopped, with this in the place of its host.
struct Relay {
    runtime: tokio::runtime::Runtime,
    host: Arc<Withholding>,
    opened: Opened,
    tasks: Tasks,
    _peers: Peers<TcpNet>,
}

impl Relay {
    fn start(hub: &Hub, author: HubId) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let entered = runtime.enter();
        let clock: SharedClock = SystemClock::shared();
        let opened = node::open(&hub.data, &clock, None, &Counting::Child(program("interhubd"))).unwrap();
        let counter = opened.counter.as_ref().unwrap();
        assert!(counter.look_after(), "{:?}", counter.trouble());
        let honest = LedgerHost::new(opened.ledger.clone());
        let rows = opened.ledger.frontier();
        let host = Arc::new(Withholding {
            honest,
            author,
            passed_on: rows.rows().filter(|(row, _)| row.hub == author).collect(),
            silence: broadcast::channel(1).0,
            equal: Mutex::default(),
            came_back: Mutex::default(),
        });
        let address = format!("127.0.0.1:{}", hub.federation);
        let listener = runtime.block_on(tokio::net::TcpListener::bind(address)).unwrap();
        let tasks = Tasks::new(Blocking::Threads);
        let seed = &opened.identity.seed;
        let options = PeerOptions::default();
        let peers = Peers::start(host.clone(), seed, Some(listener), TcpNet, options, &tasks, clock).unwrap();
        drop(entered);
        Self {
            runtime,
            host,
            opened,
            tasks,
            _peers: peers,
        }
    }

    /// The author's newest beacon that is here.
    fn newest(&self) -> Option<SignedBeacon> {
        let all = self.opened.ledger.beacons();
        let (_, signed) = all.into_iter().find(|(hub, _)| *hub == self.host.author)?;
        Some(signed)
    }

    fn read(&self, signed: &SignedBeacon) -> Beacon {
        signed.read(self.host.identity().network.unwrap()).unwrap()
    }

    fn stop(self) {
        let late = self.runtime.block_on(self.tasks.stop(Duration::from_secs(10)));
        assert!(late.is_empty(), "tasks that did not stop");
        self.opened.counter.as_ref().unwrap().stop();
    }
}

/// What a hub says another one's data is as of, in milliseconds; everywhere it says so.
fn as_of(asked: &Hub, about: &Hub, event: &str) -> Vec<(&'static str, Option<i64>)> {
    let moment = |value: &Value| {
        let said = value["as_of"].as_str()?;
        Some(said.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    };
    let listed = asked.json(&["hub", "list"]);
    let hubs = listed["hubs"].as_array().unwrap();
    let hub = hubs.iter().find(|hub| hub["slug"] == about.slug.as_str()).unwrap();
    let status = asked.json(&["status"]);
    assert_eq!(status["oldest_hub"], about.slug.as_str(), "{status}");
    let api = |path: &str| {
        let answer = asked.get(path).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str::<Value>(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    };
    let hubs = api("/api/v1/hubs");
    let hubs = hubs["hubs"].as_array().unwrap();
    let in_api = hubs.iter().find(|hub| hub["slug"] == about.slug.as_str()).unwrap();
    vec![
        ("hub list", moment(hub)),
        ("hub show", moment(&asked.json(&["hub", "show", &about.slug]))),
        ("status", moment(&status)),
        ("event show", moment(&asked.json(&["event", "show", event]))),
        ("/api/v1/hubs", moment(in_api)),
        ("/api/v1/events", moment(&api(&format!("/api/v1/events/{event}")))),
    ]
}

/// Vienna hears of Birmingham through Amsterdam alone, which passes on Birmingham's beacon and not the event it names.
#[test]
fn a_relay_that_withholds_shows_as_age_everywhere() {
    let mut cluster = Cluster::new(&["birmingham", "amsterdam", "vienna"]);
    let known = cluster.hubs[0].add("Passed on", "2027-04-01T10:00");
    cluster.agree();
    let author: HubId = text(&cluster.hubs[0].json(&["status"]), "id").parse().unwrap();
    cluster.hubs[2].stop();
    cluster.hubs[1].stop();

    let relay = Relay::start(&cluster.hubs[1], author);
    let withheld = cluster.hubs[0].add("Withheld", "2027-04-02T10:00");
    // A start signs a beacon at once; the others come every five minutes.
    cluster.hubs[0].stop();
    cluster.hubs[0].start();
    let mut newest = None;
    wait_until("the relay has the event and the beacon that names it", SOON, || {
        newest = relay.newest();
        let beacon = relay.read(newest.as_ref().ok_or("no beacon")?);
        let names_more = beacon
            .heads
            .iter()
            .any(|(row, head)| relay.host.passed_on.get(row).is_none_or(|known| known.seq < head.seq));
        let held = relay.opened.ledger.as_of_ms(author);
        if names_more && held >= Some(beacon.at_ms) {
            Ok(())
        } else {
            Err(format!("{beacon:?}, as of {held:?}"))
        }
    });
    let signed = newest.unwrap();
    let newest = relay.read(&signed).at_ms;
    cluster.hubs[0].stop();

    cluster.hubs[2].start();
    let [birmingham, _, vienna] = &cluster.hubs[..] else {
        panic!("three hubs")
    };
    let vienna_id: HubId = text(&vienna.json(&["status"]), "id").parse().unwrap();
    wait_until("Vienna believes the relay, and took the beacon", SOON, || {
        let equal = relay.host.equal.lock().unwrap().contains(&vienna_id);
        let came_back = relay.host.came_back.lock().unwrap();
        let took = came_back.contains(&(vienna_id, signed.clone()));
        if equal && took {
            Ok(())
        } else {
            Err(format!("equal {equal}, took {took}: {}", vienna.log()))
        }
    });
    vienna.cli(&["event", "show", &withheld]).fails(3, "no event");
    let old = as_of(vienna, birmingham, &known);
    for (place, at_ms) in &old {
        assert!(
            at_ms.is_some_and(|at_ms| at_ms < newest),
            "{place}: {old:?}, beacon {newest}"
        );
    }

    // Amsterdam comes to its senses: what was withheld comes, and the beacon that was there already makes it fresh.
    relay.stop();
    cluster.hubs[1].start();
    let [birmingham, amsterdam, vienna] = &cluster.hubs[..] else {
        panic!("three hubs")
    };
    agree(&[amsterdam, vienna]);
    vienna.cli(&["event", "show", &withheld]).ok();
    for (place, at_ms) in as_of(vienna, birmingham, &known) {
        assert_eq!(at_ms, Some(newest), "{place}");
    }
}
