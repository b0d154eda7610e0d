//! Members: looking through the directory of a network, taking a table, erasing.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use interhub_domain::ids::{HubId, LogId, ObjectId, ThingId};
use interhub_domain::member::{Audience, Field, Listing, Member, Way};
use interhub_node::clock::{SharedClock, SystemClock};
use interhub_node::projection::member_index::MemberFilter;
use interhub_node::projection::members::MemberRow;
use interhub_node::projection::read::Views;
use interhub_node::projection::search::tantivy::TantivyIndex;
use interhub_node::projection::search::{Search, folded};
use interhub_node::projection::write::Projector;
use interhub_node::store::rocks::RocksStore;
use interhub_node::store::{Batch, Store};
use interhub_tests::cluster::Cluster;
use interhub_tests::hub::text;
use jiff::civil::{Date, date};

use super::table::{Row, percentile};

/// Hubs of the network.
const HUBS: u64 = 110;
/// Members of all of them together, and of the table that one takes.
const MEMBERS: u64 = 16_000;
/// Each query is asked so often.
const ROUNDS: usize = 200;
/// Members that are erased, one after the other.
const ERASED: usize = 10;
const TODAY: Date = date(2026, 11, 30);
const CRAFTS: [&str; 12] = [
    "screen printing",
    "bookbinding",
    "welding",
    "bicycle repair",
    "web design",
    "accounting",
    "beekeeping",
    "sewing",
    "carpentry",
    "photography",
    "translation",
    "coffee roasting",
];

fn craft(number: u64) -> String {
    let all = CRAFTS.len() as u64;
    format!("{} {}", CRAFTS[(number % all) as usize], number % 97)
}

fn member(number: u64) -> Member {
    let shown = [
        Field::Name,
        Field::Headline,
        Field::Biography,
        Field::Skills,
        Field::Offers,
        Field::Languages,
    ];
    Member {
        name: format!("Given{} Family{}", number % 977, number.wrapping_mul(7_919) % 16_001),
        headline: format!("{} and more", craft(number)),
        biography: format!(
            "Has done {} for {} years, and {} before.",
            craft(number),
            number % 40,
            craft(number / 3)
        ),
        skills: vec![craft(number), craft(number / 2), craft(number / 5)],
        offers: vec![Listing {
            what: craft(number / 7),
            way: Some(Way::ALL[(number % 5) as usize]),
            until: None,
        }],
        languages: vec!["en".into(), ["de", "cy", "nl"][(number % 3) as usize].into()],
        audiences: shown.map(|field| (field, Audience::Network)).into(),
        ..Member::default()
    }
}

fn hub(number: u64) -> HubId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    HubId(id)
}

/// Everything about members.
pub(crate) fn bench(folder: &Path, rows: &mut Vec<Row>) {
    directory(folder, rows);
    import(rows);
    erase(rows);
}

fn directory(folder: &Path, rows: &mut Vec<Row>) {
    let clock: SharedClock = SystemClock::shared();
    let rocks = RocksStore::open(&folder.join("members-db"), 32 << 20).unwrap();
    let store: Store = Arc::new(rocks);
    let projector = Projector::open(store.clone(), clock.now_ms()).unwrap();
    for first in (0..MEMBERS).step_by(1_000) {
        let mut batch = Batch::new();
        for number in first..(first + 1_000).min(MEMBERS) {
            let owner = hub(number % HUBS);
            let thing = ThingId::new(owner, number.to_be_bytes());
            let row = MemberRow::of(thing, ObjectId(thing.0), owner, LogId::NETWORK, member(number)).unwrap();
            projector.member_changed(&mut batch, row.object, Some(&row)).unwrap();
        }
        store.write(&batch).unwrap();
    }
    let index = TantivyIndex::open(&folder.join("members-search")).unwrap();
    let search = Arc::new(Search::open(store.clone(), Box::new(index), [7; 16]).unwrap());
    let views = Views::new(store, search).following(projector.members().clone());
    let all = MemberFilter {
        hubs: (0..HUBS).map(hub).collect(),
        ..MemberFilter::default()
    };
    let own = hub(HUBS);
    let began = Instant::now();
    views.find_members(own, &all, TODAY, None, 1).unwrap();
    let filled = began.elapsed().as_secs_f64() * 1e3;
    eprintln!("  the directory is read once, in {filled:.0} ms");
    let near = (0..HUBS / 4).map(hub).collect();
    let queries = [
        MemberFilter {
            skill: folded("screen print"),
            ..all.clone()
        },
        MemberFilter {
            hubs: near,
            offer: folded("bicycle"),
            offer_way: Some(Way::Teach),
            ..all.clone()
        },
        MemberFilter {
            text: folded("years family12"),
            ..all.clone()
        },
        MemberFilter {
            text: folded("nobody has this"),
            ..all.clone()
        },
        MemberFilter {
            language: Some("cy".into()),
            want: folded("paper"),
            ..all.clone()
        },
        all,
    ];
    let mut times = Vec::new();
    let mut found = 0;
    for query in &queries {
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let page = views.find_members(own, query, TODAY, None, 100).unwrap().unwrap();
            times.push(began.elapsed().as_secs_f64() * 1e3);
            found += page.rows.len();
        }
    }
    assert!(found > 0, "nothing is found");
    let figure = percentile(&mut times, 99.0);
    rows.push(Row {
        name: "directory",
        work: format!("{MEMBERS} members of {HUBS} hubs, a page of 100: p99"),
        figure,
        unit: "ms",
        target: "<= 10".into(),
        met: figure <= 10.0,
        limit: format!("p50 {:.2} ms", percentile(&mut times, 50.0)),
    });
}

fn table() -> String {
    let header = "number,name,headline,biography,skills,mail,tier,status".to_owned();
    let row = |number: u64| {
        let one = member(number);
        let (skills, biography) = (one.skills.join("; "), one.biography.replace(',', " "));
        format!(
            "{number},{},{},{biography},{skills},member{number}@mail.example,full,active",
            one.name, one.headline
        )
    };
    let lines: Vec<String> = std::iter::once(header).chain((0..MEMBERS).map(row)).collect();
    lines.join("\n")
}

fn import(rows: &mut Vec<Row>) {
    let cluster = Cluster::new(&["birmingham"]);
    let path = cluster.folder().join("members.csv");
    std::fs::write(&path, table()).unwrap();
    let file = path.to_str().unwrap();
    let mut take = |work: &str, target: f64| {
        let began = Instant::now();
        let told = cluster.hubs[0].json(&["member", "import", file]);
        let figure = began.elapsed().as_secs_f64();
        assert_eq!(told["refused_count"], 0, "{}", told["refused"]);
        rows.push(Row {
            name: "member-import",
            work: format!("a table of {MEMBERS} rows, {work}"),
            figure,
            unit: "s",
            target: format!("<= {target}"),
            met: figure <= target,
            limit: "signing, storing and showing each".into(),
        });
    };
    take("all new", 10.0);
    take("all known", 10.0);
}

/// From the command to the last receipt of hubs that are connected, what forces the bytes out of their files included.
fn erase(rows: &mut Vec<Row>) {
    let cluster = Cluster::new(&["birmingham", "amsterdam", "vienna"]);
    let hub = &cluster.hubs[0];
    let flags = ["--audience", "name=network", "--consent", "1"];
    let add = |number: usize| {
        let name = format!("Member {number}");
        text(
            &hub.json(&[&["member", "add", "--name", &name][..], &flags].concat()),
            "id",
        )
    };
    let all: Vec<String> = (0..ERASED).map(add).collect();
    cluster.agree();
    let mut times = Vec::new();
    for id in &all {
        let began = Instant::now();
        hub.json(&["member", "erase", id, "--yes"]);
        loop {
            let told = hub.json(&["member", "receipts", id]);
            let hubs = told["hubs"].as_array().unwrap();
            if hubs.len() == 3 && hubs.iter().all(|hub| hub["state"] == "erased") {
                break;
            }
            assert!(began.elapsed() < Duration::from_mins(2), "{told}");
            std::thread::sleep(Duration::from_millis(20));
        }
        times.push(began.elapsed().as_secs_f64());
    }
    let figure = percentile(&mut times, 99.0);
    rows.push(Row {
        name: "erase-member",
        work: format!("to the last receipt of three hubs: worst of {ERASED}"),
        figure,
        unit: "s",
        target: "<= 5".into(),
        met: figure <= 5.0,
        limit: format!("1 s wait, compaction; p50 {:.2} s", percentile(&mut times, 50.0)),
    });
}
