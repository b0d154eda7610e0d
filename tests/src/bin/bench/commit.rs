//! From a call to a durable event, and to a watcher at another hub.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use interhub_client::connect::Target;
use interhub_client::node::Node as Client;
use interhub_domain::document::{self, CountRequest, Reading};
use interhub_domain::envelope::SigningKey;
use interhub_domain::ids::{DocumentKind, Epoch, HubId};
use interhub_proto::v1;
use interhub_tests::hub::{Hub, run};

use super::large::event;
use super::table::{Row, percentile};

/// What is not seen by then is not counted.
const SEEN_WITHIN: Duration = Duration::from_secs(30);

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

/// `commit` and `propagate`.
pub(crate) fn bench(runtime: &tokio::runtime::Runtime, root: &Path, rows: &mut Vec<Row>) {
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

/// How long events take from a call at one hub to a watcher at another one, milliseconds.
pub(crate) struct Propagated {
    /// From the call.
    pub(crate) from_call: Vec<f64>,
    /// From when the call was answered.
    pub(crate) from_commit: Vec<f64>,
}

/// Adds so many events at one hub, at this pace, and times when another one has them.
pub(crate) async fn propagate(a: &Hub, b: &Hub, count: usize, pace: Duration) -> Propagated {
    let writer = Arc::new(Client::connect(&Target::Data(a.data.clone())).await.unwrap());
    let watcher = Client::connect(&Target::Data(b.data.clone())).await.unwrap();
    let mut changes = watcher.watch(None).await.unwrap();
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<(String, Instant)>();
    let watching = tokio::spawn(async move {
        while let Ok(Some(change)) = changes.message().await {
            if sender.send((change.thing, Instant::now())).is_err() {
                return;
            }
        }
    });
    let mut sent = tokio::task::JoinSet::new();
    let mut pace = tokio::time::interval(pace);
    for number in 0..count {
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
    let mut times = Propagated {
        from_call: Vec::new(),
        from_commit: Vec::new(),
    };
    let deadline = tokio::time::Instant::now() + SEEN_WITHIN;
    while times.from_call.len() < began.len() {
        let Ok(Some((id, seen))) = tokio::time::timeout_at(deadline, receiver.recv()).await else {
            break;
        };
        let Some((start, acknowledged)) = began.get(&id) else {
            continue;
        };
        let ms = |from: Instant| seen.saturating_duration_since(from).as_secs_f64() * 1e3;
        times.from_call.push(ms(*start));
        times.from_commit.push(ms(*acknowledged));
    }
    watching.abort();
    times
}

async fn bench_propagate(a: &Hub, b: &Hub, fsync: f64, rows: &mut Vec<Row>) {
    let asker = Client::connect(&Target::Data(a.data.clone())).await.unwrap();
    let mut echo = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        asker.show_network().await.unwrap();
        echo.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let mut times = propagate(a, b, 500, Duration::from_millis(10)).await;
    let limit = format!(
        "{:.2} ms: a gRPC echo and one fsync",
        percentile(&mut echo, 50.0) + fsync
    );
    for (work, values, percent, target) in [
        (
            "call at A to seen at B, 100 a second, p50",
            &mut times.from_call.clone(),
            50.0,
            3.0,
        ),
        (
            "call at A to seen at B, 100 a second, p99",
            &mut times.from_call,
            99.0,
            10.0,
        ),
        (
            "acknowledged at A to seen at B, p99",
            &mut times.from_commit,
            99.0,
            10.0,
        ),
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
