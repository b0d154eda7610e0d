//! A folder of many events: what it takes on disk, in memory, and to start.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use interhub_domain::document::Reading;
use interhub_domain::event::{Event, LocalTime, Location, Schedule, Status, Zone};
use interhub_domain::ids::{DocumentKind, HubId, LogId, ThingId};
use interhub_domain::profile::Point;
use interhub_node::child::Counting;
use interhub_node::clock::{SharedClock, SystemClock};
use interhub_node::node::{self, Opened};
use interhub_node::store::catalogue;
use interhub_node::store::catalogue::document::{SavedDocument, SnapshotKey};
use interhub_node::store::catalogue::log::BodyKey;
use interhub_node::store::rocks::RocksStore;
use interhub_node::store::{Backend, Family};
use interhub_node::sync::Write;
use interhub_tests::hub::{Hub, program};

use super::table::{Row, percentile};

/// A usual event.
pub(crate) fn event(number: usize) -> Event {
    let day = jiff::civil::date(2026, 12, 1)
        .checked_add(jiff::Span::new().days((number % 700) as i64))
        .unwrap();
    let start = day.at(8 + (number % 12) as i8, 30, 0, 0);
    Event {
        uid: format!("bench-{number}@example.org"),
        sequence: 0,
        status: Status::Confirmed,
        title: format!("Evening number {number} in the workshop"),
        summary: "Bring something that is broken.".into(),
        description: "We meet in the workshop on the ground floor. Tools are there; coffee too. \
                      Whoever knows how to mend a thing shows it to whoever does not."
            .into(),
        language: "en".into(),
        tags: vec!["repair".into(), format!("tag{}", number % 50)],
        location: Some(Location {
            name: "Workshop".into(),
            at: Point::new(52.0 + (number % 100) as f64 / 100.0, -1.9),
        }),
        url: format!("https://example.org/events/{number}"),
        online_url: String::new(),
        image_url: String::new(),
        translations: BTreeMap::new(),
        features: BTreeSet::new(),
        capacity: None,
        postponed: false,
        schedule: Schedule {
            start: LocalTime::DateTime(start),
            end: LocalTime::DateTime(start.checked_add(jiff::Span::new().hours(2)).unwrap()),
            zone: Zone::Named("Europe/London".into()),
            rules: vec![],
            extra: vec![],
            excluded: vec![],
            overrides: vec![],
        },
        created_ms: 1_795_000_000_000,
        updated_ms: 1_795_000_000_000,
    }
}

fn thing(owner: HubId, number: usize) -> ThingId {
    ThingId::new(owner, (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes())
}

fn clock() -> SharedClock {
    SystemClock::shared()
}

/// A node's data, opened in this process.
pub(crate) fn open(data: &Path) -> Opened {
    node::open(data, &clock(), None, &Counting::Child(program("interhubd"))).unwrap()
}

fn create(owner: HubId, number: usize) -> Write {
    let reading = Reading::Event(Box::new(event(number)));
    Write::Create {
        log: LogId::PUBLIC,
        kind: DocumentKind::Event,
        thing: thing(owner, number),
        reading,
    }
}

/// Makes a hub with so many events; returns its data folder.
pub(crate) fn make(root: &Path, documents: usize) -> PathBuf {
    let hub = Hub::init(root, "large", "Europe/London");
    let opened = open(&hub.data);
    opened.ledger.create_network("Bench").unwrap();
    let began = Instant::now();
    for number in 0..documents {
        opened
            .ledger
            .write_soon(vec![create(opened.ledger.own_id(), number)])
            .unwrap();
    }
    opened.ledger.make_durable().unwrap();
    eprintln!(
        "  {:.0} events a second, without waiting for the disk",
        documents as f64 / began.elapsed().as_secs_f64()
    );
    opened.search.follow_all().unwrap();
    hub.data.clone()
}

fn bytes_under(path: &Path) -> u64 {
    let mut sum = 0;
    for entry in std::fs::read_dir(path).unwrap().flatten() {
        let meta = entry.metadata().unwrap();
        sum += if meta.is_dir() {
            bytes_under(&entry.path())
        } else {
            meta.len()
        };
    }
    sum
}

/// Bytes a document takes on disk.
pub(crate) fn bench_disk(data: &Path, documents: usize, rows: &mut Vec<Row>) {
    // Opened and closed once more, so that what is still in memory is in files.
    drop(open(data));
    let used = bytes_under(&data.join("db")) + bytes_under(&data.join("search"));
    let store = RocksStore::open(&data.join("db"), 32 << 20).unwrap();
    let (mut saved, mut bodies, mut changes) = (0u64, 0u64, 0u64);
    catalogue::scan_paged(
        &store as &dyn Backend,
        Family::Snapshot,
        1_000,
        |_: SnapshotKey, document: SavedDocument| {
            saved += document.0.len() as u64;
            Ok(())
        },
    )
    .unwrap();
    catalogue::scan_paged(&store as &dyn Backend, Family::Body, 1_000, |_: BodyKey, sealed| {
        bodies += sealed.body.len() as u64;
        changes += 1;
        Ok(())
    })
    .unwrap();
    let limit = (saved + bodies + 200 * changes) as f64 / documents as f64;
    let figure = used as f64 / documents as f64;
    rows.push(Row {
        name: "disk",
        work: format!("{documents} events, log and projections included"),
        figure,
        unit: "B/document",
        target: format!("<= {:.0}", 2.0 * limit),
        met: figure <= 2.0 * limit,
        limit: format!("{limit:.0} B: saved document, bodies, 200 B a change"),
    });
}

fn start(data: &Path) -> (Child, Duration) {
    use std::io::{BufRead as _, BufReader};
    let began = Instant::now();
    let mut child = Command::new(program("interhubd"))
        .args(["serve", "--data"])
        .arg(data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.starts_with("ready"), "{line:?}");
    (child, began.elapsed())
}

fn resident_mb(child: &Child) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// How long a start takes, and what an idle node holds in memory.
pub(crate) fn bench_start_and_memory(data: &Path, documents: usize, rows: &mut Vec<Row>) {
    let mut times = Vec::new();
    let mut resident = 0.0;
    for _ in 0..5 {
        let (mut child, took) = start(data);
        times.push(took.as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_secs(2));
        resident = resident_mb(&child);
        let _ = Command::new("kill").arg(child.id().to_string()).status();
        child.wait().unwrap();
    }
    let began = Instant::now();
    drop(RocksStore::open(&data.join("db"), 32 << 20).unwrap());
    let database_ms = began.elapsed().as_secs_f64() * 1e3;
    let figure = percentile(&mut times, 50.0);
    rows.push(Row {
        name: "start",
        work: format!("process start to ready, {documents} events"),
        figure,
        unit: "ms",
        target: "<= 500".into(),
        met: figure <= 500.0,
        limit: format!("{database_ms:.1} ms: opening the database alone"),
    });
    rows.push(Row {
        name: "memory",
        work: format!("resident, idle, {documents} events"),
        figure: resident,
        unit: "MB",
        target: "<= 150".into(),
        met: resident <= 150.0,
        limit: "32 MB block cache, 8 MB rows, search reader".into(),
    });
}
