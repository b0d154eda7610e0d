//! How fast and how small, held against what it cannot be faster or smaller than, both measured in this run.
//!
//! Prints one table (figure, target, limit) and writes `bench.json` into the target folder. Nothing here fails on a slow
//! machine. `INTERHUB_BENCH_DOCUMENTS` says how large the large folder is (58,000 if absent).
#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "a measuring program, not a server"
)]

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use interhub_client::connect::Target;
use interhub_client::node::Node as Client;
use interhub_domain::document::{self, CountRequest, Reading};
use interhub_domain::envelope::{SigningKey, public_key};
use interhub_domain::event::{Event, LocalTime, Location, Schedule, Status, Zone};
use interhub_domain::ids::{DocumentKind, Epoch, HubId, LogId, ThingId};
use interhub_domain::profile::Point;
use interhub_domain::session::{self, Effect, Frame, Local, Session};
use interhub_node::child::Counting;
use interhub_node::clock::{SharedClock, SystemClock};
use interhub_node::node::{self, Opened};
use interhub_node::peer::convert::frame_to_proto;
use interhub_node::store::catalogue;
use interhub_node::store::catalogue::document::{SavedDocument, SnapshotKey};
use interhub_node::store::catalogue::log::BodyKey;
use interhub_node::store::rocks::RocksStore;
use interhub_node::store::{Backend, Family};
use interhub_node::sync::{Ledger, Write, invitation_message};
use interhub_proto::v1;
use interhub_tests::hub::{Hub, program, run};
use prost::Message as _;
use serde_json::json;

fn main() {
    let documents: usize = std::env::var("INTERHUB_BENCH_DOCUMENTS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(58_000);
    let folder = tempfile::tempdir().unwrap();
    let mut rows = Vec::new();
    eprintln!("making a hub of {documents} events ...");
    let large = make_large(folder.path(), documents);
    bench_disk(&large, documents, &mut rows);
    bench_reconnect(folder.path(), &large, documents, &mut rows);
    bench_start_and_memory(&large, documents, &mut rows);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    eprintln!("commit and propagate ...");
    bench_commit_and_propagate(&runtime, folder.path(), &mut rows);
    print_table(&rows);
}

/// One line of the table.
struct Row {
    name: &'static str,
    work: String,
    figure: f64,
    unit: &'static str,
    target: String,
    met: bool,
    limit: String,
}

fn print_table(rows: &[Row]) {
    println!(
        "{:<17} {:<44} {:>12} {:<10} {:<26} limit",
        "name", "work", "figure", "", "target"
    );
    for row in rows {
        let mark = if row.met { "met" } else { "MISSED" };
        println!(
            "{:<17} {:<44} {:>12.2} {:<10} {:<26} {}",
            row.name,
            row.work,
            row.figure,
            row.unit,
            format!("{} {mark}", row.target),
            row.limit
        );
    }
    let list: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({"name": row.name, "work": row.work, "figure": row.figure, "unit": row.unit,
                   "target": row.target, "met": row.met, "limit": row.limit})
        })
        .collect();
    let path = program("interhubd")
        .parent()
        .and_then(Path::parent)
        .unwrap()
        .join("bench.json");
    std::fs::write(&path, serde_json::to_string_pretty(&json!({ "rows": list })).unwrap()).unwrap();
    println!("written to {}", path.display());
}

fn event(number: usize) -> Event {
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

fn open(data: &Path) -> Opened {
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

fn make_large(root: &Path, documents: usize) -> PathBuf {
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

fn bench_disk(data: &Path, documents: usize, rows: &mut Vec<Row>) {
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

fn bench_start_and_memory(data: &Path, documents: usize, rows: &mut Vec<Row>) {
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

/// Two nodes that hold the same: what a reconnect costs, frames and all.
fn bench_reconnect(root: &Path, data: &Path, documents: usize, rows: &mut Vec<Row>) {
    let one = open(data);
    let twin = Hub::init(root, "twin", "Europe/London");
    let other = open(&twin.data);
    let network = one.ledger.network().unwrap();
    let secret = SigningKey::from([7; 32]);
    one.ledger.open_invitation(public_key(&secret), i64::MAX).unwrap();
    let key = other.ledger.own().public_key();
    let (accept, signature) = other.ledger.sign_accept(network).unwrap();
    let proof = secret
        .sign(&invitation_message(network, key, public_key(&secret)))
        .to_bytes();
    let admitted = one
        .ledger
        .admit(key, network, public_key(&secret), &proof, accept, signature)
        .unwrap();
    other.ledger.enter_network(network, &admitted.0, &[].into()).unwrap();
    give(&other.ledger, &one.ledger);
    let began = Instant::now();
    give(&one.ledger, &other.ledger);
    let taken = documents as f64 / began.elapsed().as_secs_f64();
    eprintln!("  a newcomer takes {taken:.0} events a second");

    let ids = (one.ledger.own_id(), other.ledger.own_id());
    let mut times = Vec::new();
    let (mut flights, mut bytes) = (0, 0);
    for _ in 0..50 {
        let began = Instant::now();
        (flights, bytes) = handshake(&one.ledger, ids.1, &other.ledger, ids.0);
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let figure = percentile(&mut times, 50.0);
    rows.push(Row {
        name: "reconnect-equal",
        work: format!("two nodes with {documents} equal events: CPU"),
        figure,
        unit: "ms",
        target: "<= 5".into(),
        met: figure <= 5.0,
        limit: "two 32-byte digests".into(),
    });
    rows.push(Row {
        name: "reconnect-equal",
        work: "frames of one side, Hello included".into(),
        figure: f64::from(bytes),
        unit: "B",
        target: "<= 200".into(),
        met: bytes <= 200,
        limit: "64 B of digests".into(),
    });
    rows.push(Row {
        name: "reconnect-equal",
        work: "round trips until both know it".into(),
        figure: f64::from(flights) / 2.0,
        unit: "",
        target: "1 after Hello".into(),
        met: flights <= 4,
        limit: "1".into(),
    });
}

fn give(from: &Ledger, to: &Ledger) {
    let network_rows: Vec<_> = from
        .frontier()
        .rows()
        .map(|(row, _)| row)
        .filter(|row| row.log != LogId::LOCAL)
        .collect();
    for registry_first in [true, false] {
        for row in network_rows
            .iter()
            .filter(|row| (row.log == LogId::REGISTRY) == registry_first)
        {
            let mut next = 0;
            loop {
                let batch = from.read_log(*row, next, 1 << 20, 1_000).unwrap();
                let Some(last) = batch.last() else { break };
                next = last.header.seq + 1;
                to.take(&batch).unwrap();
            }
        }
    }
}

/// Drives two sessions until both say that they are equal; messages one way count as one flight.
fn handshake(one: &Ledger, other_id: HubId, other: &Ledger, one_id: HubId) -> (u32, u32) {
    let session_of = |ledger: &Ledger, peer: HubId| {
        let local = Local {
            network: ledger.network().unwrap(),
            hub: ledger.own_id(),
            epoch: ledger.epoch(),
            protocol_min: session::PROTOCOL_MIN,
            protocol_max: session::PROTOCOL_MAX,
            software: "bench".into(),
        };
        Session::new(local, peer, ledger.access(), &ledger.frontier(), &BTreeSet::new(), 0)
    };
    let mut sides = [session_of(one, other_id), session_of(other, one_id)];
    let mut inbox: [Vec<Frame>; 2] = [Vec::new(), Vec::new()];
    let mut bytes = [0u32; 2];
    let mut equal = [false; 2];
    let mut flights = 0;
    for (side, session) in sides.iter_mut().enumerate() {
        for event in [session::Event::Opened, session::Event::Writable] {
            collect(session.handle(event, 0), side, &mut inbox, &mut bytes, &mut equal);
        }
    }
    while equal != [true, true] && flights < 20 {
        flights += 1;
        let arriving = std::mem::take(&mut inbox);
        for (side, frames) in arriving.into_iter().enumerate() {
            for frame in frames {
                let effects = sides[side].handle(session::Event::Received(frame), 1);
                collect(effects, side, &mut inbox, &mut bytes, &mut equal);
            }
        }
    }
    assert_eq!(equal, [true, true], "the two nodes are not equal");
    (flights, bytes[0].max(bytes[1]))
}

fn collect(
    effects: Vec<Effect>,
    side: usize,
    inbox: &mut [Vec<Frame>; 2],
    bytes: &mut [u32; 2],
    equal: &mut [bool; 2],
) {
    for effect in effects {
        match effect {
            Effect::Send(frame) => {
                bytes[side] += u32::try_from(frame_to_proto(&frame).encoded_len()).unwrap();
                inbox[1 - side].push(frame);
            }
            Effect::Equal => equal[side] = true,
            _ => {}
        }
    }
}

fn percentile(values: &mut [f64], percent: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = ((values.len() - 1) as f64 * percent / 100.0).round();
    values[index as usize]
}

/// What a commit cannot do without: signing, Automerge, one fsync. Milliseconds each.
fn parts(folder: &Path) -> (f64, f64, f64) {
    let key = SigningKey::from([3; 32]);
    let began = Instant::now();
    for number in 0..500u32 {
        let _ = key.sign(&[number as u8; 167]);
    }
    let sign = began.elapsed().as_secs_f64() * 1e3 / 500.0;
    let began = Instant::now();
    for number in 0..500 {
        let actor = document::actor(HubId([1; 16]), Epoch(1));
        let made = document::edit(None, actor, &Reading::Event(Box::new(event(number))))
            .unwrap()
            .unwrap();
        let request = CountRequest {
            kind: DocumentKind::Event,
            snapshot: None,
            change: &made.change,
            actor,
            seq: 1,
        };
        let _ = document::count(&request);
    }
    let automerge = began.elapsed().as_secs_f64() * 1e3 / 500.0;
    let mut file = File::create(folder.join("fsync")).unwrap();
    let mut times = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        file.write_all(&[0; 2_000]).unwrap();
        file.sync_data().unwrap();
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    (sign, automerge, percentile(&mut times, 50.0))
}

fn fields(number: usize) -> v1::EventFields {
    v1::EventFields {
        title: Some(format!("Evening number {number} in the workshop")),
        description: Some("Bring something that is broken.".into()),
        start: Some("2027-03-04T18:30".into()),
        ending: Some(v1::event_fields::Ending::DurationSeconds(7_200)),
        ..v1::EventFields::default()
    }
}

fn bench_commit_and_propagate(runtime: &tokio::runtime::Runtime, root: &Path, rows: &mut Vec<Row>) {
    let (sign, automerge, fsync) = parts(root);
    let sum = sign + automerge + fsync;
    let limit = format!("{sum:.2} ms: sign {sign:.3}, Automerge {automerge:.3}, fsync {fsync:.2}");
    let mut a = Hub::init(root, "a-hub", "Europe/London");
    let mut b = Hub::init(root, "b-hub", "Europe/Vienna");
    a.start();
    b.start();
    a.json(&["network", "create", "Bench"]);
    let link = a.json(&["invite"])["link"].as_str().unwrap().to_owned();
    b.json(&["join", &link]);
    run("interhub", &["--data", &a.data.to_string_lossy(), "status"]).ok();

    let single = runtime.block_on(async {
        let client = Client::connect(&Target::Data(a.data.clone())).await.unwrap();
        let mut times = Vec::new();
        for number in 0..300 {
            let began = Instant::now();
            client.add_event(fields(number)).await.unwrap();
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
        percentile(&mut times, 50.0)
    });
    rows.push(Row {
        name: "commit",
        work: "create an event by gRPC, 1 client, p50".into(),
        figure: single,
        unit: "ms",
        target: format!("<= {:.2}", 2.0 * sum),
        met: single <= 2.0 * sum,
        limit: limit.clone(),
    });
    let each = runtime.block_on(async {
        let began = Instant::now();
        let mut clients = tokio::task::JoinSet::new();
        for client in 0..16 {
            let data = a.data.clone();
            clients.spawn(async move {
                let node = Client::connect(&Target::Data(data)).await.unwrap();
                for number in 0..50 {
                    node.add_event(fields(client * 50 + number)).await.unwrap();
                }
            });
        }
        while clients.join_next().await.is_some() {}
        began.elapsed().as_secs_f64() * 1e3 / 800.0
    });
    rows.push(Row {
        name: "commit",
        work: "the same, 16 clients, time per event".into(),
        figure: each,
        unit: "ms",
        target: format!("< {single:.2} (grouped)"),
        met: each < single,
        limit,
    });
    // What was written above has to be there first, or the backlog is what is measured.
    interhub_tests::cluster::agree(&[&a, &b]);
    runtime.block_on(bench_propagate(&a, &b, fsync, rows));
}

async fn bench_propagate(a: &Hub, b: &Hub, fsync: f64, rows: &mut Vec<Row>) {
    let writer = Client::connect(&Target::Data(a.data.clone())).await.unwrap();
    let watcher = Client::connect(&Target::Data(b.data.clone())).await.unwrap();
    let mut changes = watcher.watch(None).await.unwrap();
    let mut echo = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        writer.show_network().await.unwrap();
        echo.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<(String, Instant)>();
    let watching = tokio::spawn(async move {
        while let Ok(Some(change)) = changes.message().await {
            if sender.send((change.thing, Instant::now())).is_err() {
                return;
            }
        }
    });
    let writer = Arc::new(writer);
    let mut sent = tokio::task::JoinSet::new();
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    for number in 0..500 {
        pace.tick().await;
        let writer = writer.clone();
        sent.spawn(async move {
            let began = Instant::now();
            let event = writer.add_event(fields(number)).await.unwrap();
            (event.id, began, Instant::now())
        });
    }
    let mut began = std::collections::BTreeMap::new();
    while let Some(done) = sent.join_next().await {
        let (id, start, acknowledged) = done.unwrap();
        began.insert(id, (start, acknowledged));
    }
    let mut from_call = Vec::new();
    let mut from_commit = Vec::new();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while from_call.len() < began.len() {
        let Ok(Some((id, seen))) = tokio::time::timeout_at(deadline, receiver.recv()).await else {
            break;
        };
        let Some((start, acknowledged)) = began.get(&id) else {
            continue;
        };
        from_call.push(seen.duration_since(*start).as_secs_f64() * 1e3);
        from_commit.push(seen.saturating_duration_since(*acknowledged).as_secs_f64() * 1e3);
    }
    watching.abort();
    let limit = format!(
        "{:.2} ms: a gRPC echo and one fsync",
        percentile(&mut echo, 50.0) + fsync
    );
    for (work, values, percent, target) in [
        (
            "call at A to seen at B, 100 a second, p50",
            &mut from_call.clone(),
            50.0,
            3.0,
        ),
        ("call at A to seen at B, 100 a second, p99", &mut from_call, 99.0, 10.0),
        ("acknowledged at A to seen at B, p99", &mut from_commit, 99.0, 10.0),
    ] {
        let figure = percentile(values, percent);
        rows.push(Row {
            name: "propagate",
            work: format!("{work} ({} seen)", values.len()),
            figure,
            unit: "ms",
            target: format!("<= {target}"),
            met: figure <= target,
            limit: limit.clone(),
        });
    }
}
