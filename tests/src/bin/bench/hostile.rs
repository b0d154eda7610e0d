//! What it costs to judge the changes of other hubs in a process of their own, and what hostile ones come to there.

use std::collections::BTreeSet;
use std::time::Instant;

use interhub_domain::document::{CountOutcome, CountRequest, Counter, InProcessCounter, Reading, Refusal, edit};
use interhub_domain::ids::DocumentKind;
use interhub_node::child::ChildCounter;
use interhub_tests::hostile::constructed::{On, all};
use interhub_tests::hostile::mutants::mutants;
use interhub_tests::hub::program;

use super::large::event;
use super::table::{Row, percentile};

const ACTOR: [u8; 24] = [7; 24];
/// Honest changes that are judged here and there.
const HONEST: usize = 2_000;

fn request<'a>(snapshot: Option<&'a [u8]>, change: &'a [u8], seq: u64) -> CountRequest<'a> {
    CountRequest {
        kind: DocumentKind::Event,
        snapshot,
        change,
        actor: ACTOR,
        seq,
    }
}

/// `child` and `hostile`.
pub(crate) fn bench(rows: &mut Vec<Row>) {
    let counter = ChildCounter::new(program("interhubd"));
    assert!(counter.look_after(), "{:?}", counter.trouble());
    bench_honest(&counter, rows);
    bench_hostile(&counter, rows);
    counter.stop();
}

/// Milliseconds it takes to judge the beginning of an event, for each of many.
fn honest(counter: &dyn Counter) -> Vec<f64> {
    let mut times = Vec::with_capacity(HONEST);
    for number in 0..HONEST {
        let made = edit(None, ACTOR, &Reading::Event(Box::new(event(number))))
            .unwrap()
            .unwrap();
        let began = Instant::now();
        let outcome = counter.count(&request(None, &made.change, 1)).unwrap();
        times.push(began.elapsed().as_secs_f64() * 1e3);
        assert!(matches!(outcome, CountOutcome::Counted(_)), "{outcome:?}");
    }
    times
}

fn bench_honest(counter: &ChildCounter, rows: &mut Vec<Row>) {
    let here = percentile(&mut honest(&InProcessCounter), 50.0);
    let there = percentile(&mut honest(counter), 50.0);
    rows.push(Row {
        name: "child",
        work: format!("judge a foreign change, {HONEST} events, p50"),
        figure: there,
        unit: "ms",
        target: format!("<= {:.2}", 2.0 * here),
        met: there <= 2.0 * here,
        limit: format!("{here:.3} ms: the same in the node's own process"),
    });
}

/// Processor time a process has used, in seconds, and the most memory it ever had, in MB. `None` if it is gone.
fn used(process: u32) -> Option<(f64, f64)> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // After the name in brackets: state is field 3, user and system time are fields 14 and 15, in hundredths.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let memory = line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0;
    Some((ticks / 100.0, memory))
}

/// What the worst of them took.
#[derive(Default)]
struct Worst {
    judged: usize,
    deaths: usize,
    wall_ms: f64,
    cpu_s: f64,
    memory_mb: f64,
    children: BTreeSet<u32>,
}

impl Worst {
    fn judge(&mut self, counter: &ChildCounter, request: &CountRequest<'_>) {
        let before = counter.process_id().and_then(used).unwrap_or_default();
        let began = Instant::now();
        let outcome = counter.count(request).unwrap();
        self.wall_ms = self.wall_ms.max(began.elapsed().as_secs_f64() * 1e3);
        self.judged += 1;
        self.deaths += usize::from(outcome == CountOutcome::Refused(Refusal::Deadly));
        let Some(process) = counter.process_id() else { return };
        let after = used(process).unwrap_or_default();
        // Of one that was replaced meanwhile all its time is the last change's.
        let same = !self.children.insert(process);
        self.cpu_s = self.cpu_s.max(after.0 - if same { before.0 } else { 0.0 });
        self.memory_mb = self.memory_mb.max(after.1);
    }
}

fn bench_hostile(counter: &ChildCounter, rows: &mut Vec<Row>) {
    let mut short = event(1);
    short.description.clear();
    short.tags.clear();
    let first = edit(None, ACTOR, &Reading::Event(Box::new(short))).unwrap().unwrap();
    let base = match counter.count(&request(None, &first.change, 1)).unwrap() {
        CountOutcome::Counted(base) => *base,
        other => panic!("{other:?}"),
    };
    let mut worst = Worst::default();
    let began = Instant::now();
    for mutant in mutants(&first.change) {
        worst.judge(counter, &request(None, &mutant.bytes, 1));
    }
    let operations = automerge::Change::from_bytes(first.change.clone()).unwrap().len() as u64;
    let nothing = On {
        actor: ACTOR.to_vec(),
        seq: 1,
        start_op: 1,
        ..On::default()
    };
    let something = On {
        actor: ACTOR.to_vec(),
        seq: 2,
        start_op: operations + 1,
        dependencies: base.heads.clone(),
        document: base.snapshot.clone(),
    };
    for (snapshot, on) in [(None, nothing), (Some(base.snapshot.as_slice()), something)] {
        for hostile in all(&on) {
            worst.judge(counter, &request(snapshot, &hostile.change, on.seq));
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let rate = worst.judged as f64 / seconds;
    eprintln!(
        "  {} hostile changes, {rate:.0} a second, the slowest {:.0} ms",
        worst.judged, worst.wall_ms
    );
    let work = |what: &str| format!("{} hostile changes: {what}", worst.judged);
    rows.push(Row {
        name: "hostile",
        work: work("deaths of the child"),
        figure: worst.deaths as f64,
        unit: "",
        target: "0".into(),
        met: worst.deaths == 0,
        limit: "0".into(),
    });
    rows.push(Row {
        name: "hostile",
        work: work("processor time of the worst"),
        figure: worst.cpu_s,
        unit: "s",
        target: "<= 5".into(),
        met: worst.cpu_s <= 5.0,
        limit: "the child's own limit".into(),
    });
    rows.push(Row {
        name: "hostile",
        work: work("most memory of a child"),
        figure: worst.memory_mb,
        unit: "MB",
        target: "<= 256".into(),
        met: worst.memory_mb <= 256.0,
        limit: "the child's own limit".into(),
    });
}
