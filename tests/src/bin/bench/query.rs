//! Looking things up in a million occurrences, and serving them as a feed.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use interhub_domain::ids::{HubId, LogId, ObjectId, ThingId};
use interhub_domain::profile::{HubProfile, Point};
use interhub_domain::query::EventQuery;
use interhub_node::clock::{SharedClock, SystemClock};
use interhub_node::projection::read::Views;
use interhub_node::projection::search::Search;
use interhub_node::projection::search::tantivy::TantivyIndex;
use interhub_node::projection::write::Projector;
use interhub_node::projection::{EventRow, HubRow, HubStatus};
use interhub_node::store::rocks::RocksStore;
use interhub_node::store::{Batch, Direction, Family, Store};
use interhub_node::task::{Blocking, Tasks};
use interhub_node::web::{PublicDirectory, WebState, router, serve};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::large::event;
use super::table::{Row, percentile};

/// Hubs of the network.
const HUBS: usize = 110;
/// Events that take place once; the rest are weekly series.
const SINGLE: usize = 20_000;
/// What looks at everything is asked so often.
const WHOLE_ROUNDS: usize = 15;
/// Each query is asked so often.
const ROUNDS: usize = 200;
/// Connections that ask for a feed at the same time, and for how long.
const CONNECTIONS: usize = 8;
const SERVE_FOR: Duration = Duration::from_secs(3);

fn hub(number: usize) -> HubId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    HubId(id)
}

fn hub_row(number: usize) -> HubRow {
    HubRow {
        id: hub(number),
        slug: format!("hub{number}"),
        status: HubStatus::Active,
        voter: true,
        guest_of: None,
        own: number == 0,
        address: String::new(),
        profile: HubProfile {
            name: format!("Hub {number}"),
            timezone: "Europe/London".into(),
            at: Point::new(52.0 + number as f64 / 100.0, -1.9),
            ..HubProfile::default()
        },
        as_of_ms: None,
    }
}

fn row(number: usize, weekly: bool) -> EventRow {
    let mut event = event(number);
    if weekly {
        event.schedule.rules = vec!["FREQ=WEEKLY".into()];
        let earlier = |time: interhub_domain::event::LocalTime| {
            let time = time.date_time().checked_sub(jiff::Span::new().days(1_400)).unwrap();
            interhub_domain::event::LocalTime::DateTime(time)
        };
        (event.schedule.start, event.schedule.end) = (earlier(event.schedule.start), earlier(event.schedule.end));
    }
    if number.is_multiple_of(3) {
        event.language = "de".into();
        event.title = format!("Werkstattabend {number} mit Kaffee");
    }
    if number.is_multiple_of(5) {
        event.online_url = format!("https://example.org/join/{number}");
    }
    let owner = hub(number % HUBS);
    let thing = ThingId::new(owner, (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    EventRow {
        thing,
        object: ObjectId(thing.0),
        hub: owner,
        log: LogId::PUBLIC,
        draft: false,
        hosts: vec![owner],
        invited: Vec::new(),
        conflicts: Vec::new(),
        seen_ms: None,
        event,
    }
}

/// A directory of at least so many occurrences; says how many there are.
fn make(folder: &Path, occurrences: usize, clock: &SharedClock) -> (Store, Arc<Views>, Arc<Search>, usize) {
    let rocks = RocksStore::open(&folder.join("query-db"), 64 << 20).unwrap();
    let store: Store = Arc::new(rocks);
    let projector = Projector::open(store.clone(), clock.now_ms()).unwrap();
    let mut batch = Batch::new();
    for number in 0..HUBS {
        let row = hub_row(number);
        projector.hub_changed(&mut batch, row.id, Some(&row)).unwrap();
    }
    store.write(&batch).unwrap();
    let count = || {
        let mut count = 0;
        let visit = &mut |_: &[u8], _: &[u8]| {
            count += 1;
            std::ops::ControlFlow::Continue(())
        };
        store
            .scan(Family::OccurrenceByTime, &[], &[], Direction::Forward, visit)
            .unwrap();
        count
    };
    let (mut number, mut there) = (0, 0);
    while there < occurrences {
        for _ in 0..SINGLE / 20 {
            let row = row(number, number >= SINGLE);
            let mut batch = Batch::new();
            projector
                .event_changed(&mut batch, row.thing, row.object, Some(&row))
                .unwrap();
            store.write(&batch).unwrap();
            number += 1;
        }
        there = count();
    }
    eprintln!("  {number} events, {there} occurrences");
    let index = TantivyIndex::open(&folder.join("query-search")).unwrap();
    let search = Arc::new(Search::open(store.clone(), Box::new(index), [7; 16]).unwrap());
    search.follow_all().unwrap();
    let views = Arc::new(Views::new(store.clone(), search.clone()));
    (store, views, search, there)
}

/// Milliseconds that each of these takes.
fn times(rounds: usize, mut ask: impl FnMut(usize)) -> Vec<f64> {
    let mut times = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let began = Instant::now();
        ask(round);
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    times
}

/// The filters of the pages, one by one and together, differently each time.
fn queries(round: usize, now_ms: i64) -> Vec<(&'static str, EventQuery)> {
    let usual = EventQuery {
        from_ms: Some(now_ms + (round as i64 % 300) * 86_400_000),
        limit: Some(50),
        ..EventQuery::default()
    };
    let near = Point::new(52.0 + (round % 100) as f64 / 100.0, -1.9);
    vec![
        ("all", usual.clone()),
        (
            "hub",
            EventQuery {
                hub: Some(format!("hub{}", round % HUBS)),
                ..usual.clone()
            },
        ),
        (
            "tag",
            EventQuery {
                tag: Some(format!("tag{}", round % 50)),
                ..usual.clone()
            },
        ),
        (
            "near",
            EventQuery {
                near,
                within_km: Some(5.0),
                ..usual.clone()
            },
        ),
        (
            "words",
            EventQuery {
                text: Some(format!("werkstatt {}", 3 * (round % 6_000))),
                ..usual.clone()
            },
        ),
        (
            "language, online",
            EventQuery {
                language: Some("de".into()),
                online: true,
                ..usual.clone()
            },
        ),
        (
            "tag, near, words",
            EventQuery {
                tag: Some("repair".into()),
                near,
                text: Some("kaffee".into()),
                ..usual
            },
        ),
    ]
}

/// Both benches.
pub(crate) fn bench(runtime: &tokio::runtime::Runtime, folder: &Path, occurrences: usize, rows: &mut Vec<Row>) {
    let clock = SystemClock::shared();
    let (store, views, search, there) = make(folder, occurrences, &clock);
    let now_ms = clock.now_ms();
    bench_query(&views, &search, now_ms, there, rows);
    bench_whole(&views, now_ms, there, rows);
    bench_size(folder, there, rows);
    drop(store);
    bench_feed(runtime, views, &clock, rows);
}

fn bench_query(views: &Views, search: &Search, now_ms: i64, there: usize, rows: &mut Vec<Row>) {
    let mut alone = times(ROUNDS, |round| {
        let text = format!("werkstatt {}", 3 * (round % 6_000));
        std::hint::black_box(search.find(&text).unwrap());
    });
    let alone_p99 = percentile(&mut alone, 99.0);
    let mut all = Vec::new();
    for kind in 0..queries(0, now_ms).len() {
        let mut asked = times(ROUNDS, |round| {
            let (_, query) = queries(round, now_ms).swap_remove(kind);
            std::hint::black_box(views.list(&query, now_ms).unwrap());
        });
        let name = queries(0, now_ms)[kind].0;
        eprintln!(
            "  {name}: p50 {:.2} ms, p99 {:.2} ms",
            percentile(&mut asked, 50.0),
            percentile(&mut asked, 99.0)
        );
        all.extend(asked);
    }
    let p99 = percentile(&mut all, 99.0);
    rows.push(Row {
        name: "query",
        work: format!("7 filters over {there} occurrences, 50 results"),
        figure: p99,
        unit: "ms p99",
        target: "<= 5".into(),
        met: p99 <= 5.0,
        limit: format!("the index alone: {alone_p99:.2} ms p99"),
    });
}

/// What looks at every event to come: the figures beside a list, the map, and a feed without any filter.
fn bench_whole(views: &Views, now_ms: i64, there: usize, rows: &mut Vec<Row>) {
    let query = EventQuery {
        from_ms: Some(now_ms),
        ..EventQuery::default()
    };
    let mut page = times(WHOLE_ROUNDS, |_| {
        std::hint::black_box(views.list(&query, now_ms).unwrap());
    });
    let page = percentile(&mut page, 50.0);
    let mut facets = times(WHOLE_ROUNDS, |_| {
        std::hint::black_box(views.facets(&query, now_ms).unwrap());
    });
    let mut places = times(WHOLE_ROUNDS, |_| {
        std::hint::black_box(views.places(&query, now_ms).unwrap());
    });
    let mut events = 0;
    let mut feed = times(WHOLE_ROUNDS, |_| {
        events = std::hint::black_box(views.feed(&EventQuery::default(), now_ms).unwrap().events).len();
    });
    let works = [
        (
            "facets",
            "counted by tag, hub, language and way".to_owned(),
            percentile(&mut facets, 50.0),
        ),
        (
            "places",
            "gathered for the map".to_owned(),
            percentile(&mut places, 50.0),
        ),
        (
            "feed-network",
            format!("{events} events of the whole network found"),
            percentile(&mut feed, 50.0),
        ),
    ];
    for (name, work, figure) in works {
        rows.push(Row {
            name,
            work: format!("{there} occurrences {work}"),
            figure,
            unit: "ms p50",
            target: "<= 1000".into(),
            met: figure <= 1_000.0,
            limit: format!("a page of the same: {page:.2} ms"),
        });
    }
}

/// What all of that takes on the disk.
fn bench_size(folder: &Path, there: usize, rows: &mut Vec<Row>) {
    let (database, search) = (
        bytes_under(&folder.join("query-db")),
        bytes_under(&folder.join("query-search")),
    );
    let figure = (database + search) as f64 / there as f64;
    rows.push(Row {
        name: "query-disk",
        work: "projections and search index, an occurrence".into(),
        figure,
        unit: "B",
        target: "<= 400".into(),
        met: figure <= 400.0,
        limit: format!("the search index alone: {:.2} B", search as f64 / there as f64),
    });
}

fn bytes_under(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let about = entry.metadata().unwrap();
            if about.is_dir() {
                bytes_under(&entry.path())
            } else {
                about.len()
            }
        })
        .sum()
}

fn bench_feed(runtime: &tokio::runtime::Runtime, views: Arc<Views>, clock: &SharedClock, rows: &mut Vec<Row>) {
    let state = WebState {
        directory: Arc::new(PublicDirectory::new(views, Box::new(|_| None))),
        clock: clock.clone(),
        tasks: Tasks::new(Blocking::Threads),
        registry: Arc::default(),
        ready: Arc::new(AtomicBool::new(true)),
        web_url: "https://hub.example".into(),
        behind_proxy: false,
    };
    let stop = CancellationToken::new();
    let (served, unchanged, fixed, bytes) = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut serving = tokio::task::JoinSet::new();
        serving.spawn(serve(listener, router(state, None), stop.clone()));
        let feed = "/hubs/hub7/events.ics";
        let (tag, bytes) = ask_once(address, feed).await;
        let served = load(address, feed, "").await;
        let unchanged = load(address, feed, &format!("if-none-match: {tag}\r\n")).await;
        let fixed = load(address, "/embed.js", "").await;
        stop.cancel();
        serving.join_next().await;
        (served, unchanged, fixed, bytes)
    });
    for (name, figure, target) in [("feed", served, 2_000.0), ("feed-unchanged", unchanged, 20_000.0)] {
        rows.push(Row {
            name,
            work: format!("/hubs/SLUG/events.ics, {} kB", bytes / 1_000),
            figure,
            unit: "/s",
            target: format!(">= {target:.0}"),
            met: figure >= target,
            limit: format!("a script of 8 kB, same stack: {fixed:.0}/s"),
        });
    }
}

/// One answer: its tag and the length of its body.
async fn ask_once(address: SocketAddr, path: &str) -> (String, usize) {
    let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
    let head = exchange(&mut stream, path, "").await;
    let tag = head
        .0
        .lines()
        .find_map(|line| line.strip_prefix("etag: ").map(str::to_owned));
    (tag.unwrap(), head.1)
}

/// Requests a second, over several connections that are kept.
async fn load(address: SocketAddr, path: &'static str, headers: &str) -> f64 {
    let mut askers = tokio::task::JoinSet::new();
    let until = Instant::now() + SERVE_FOR;
    for _ in 0..CONNECTIONS {
        let headers = headers.to_owned();
        askers.spawn(async move {
            let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
            let mut count = 0_u64;
            while Instant::now() < until {
                exchange(&mut stream, path, &headers).await;
                count += 1;
            }
            count
        });
    }
    let sum: u64 = askers.join_all().await.into_iter().sum();
    sum as f64 / SERVE_FOR.as_secs_f64()
}

/// One request and its answer on a kept connection: the head, and the length of the body.
async fn exchange(stream: &mut BufReader<TcpStream>, path: &str, headers: &str) -> (String, usize) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{headers}\r\n");
    stream.get_mut().write_all(request.as_bytes()).await.unwrap();
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    (head, length)
}
