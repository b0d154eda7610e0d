//! How much slower honest hubs hear of each other while one that belongs sends them hostile changes as fast as they take
//! them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use interhub_domain::ids::Epoch;
use interhub_domain::session::Frame;
use interhub_tests::hostile::bodies::Round;
use interhub_tests::hostile::documents::Targets;
use interhub_tests::hostile::line::Line;
use interhub_tests::hostile::mutants::Share;
use interhub_tests::hostile::scene::{Scene, now_ms};
use interhub_tests::hub::Hub;

use super::commit::{Propagated, propagate};
use super::table::{Row, percentile};

/// Events that are timed, and how far apart they are made.
const EVENTS: usize = 100;
const PACE: Duration = Duration::from_millis(100);
/// Envelopes in one frame, which is what a frame may hold.
const IN_A_FRAME: usize = 1_000;
/// Parts into which all values of a byte are divided: each round is another one.
const PARTS: u8 = 16;

/// Sends all of a round to one hub, as fast as it is taken, until it is enough.
async fn send(scene: &Scene, hub: &Hub, round: &Round<'_>, run: Epoch, (enough, sent): (&AtomicBool, &AtomicUsize)) {
    let line = Line::greet(&scene.speaker, hub, run).await;
    for frame in round.logs.iter().flat_map(|log| log.said.chunks(IN_A_FRAME)) {
        if enough.load(Ordering::SeqCst) {
            return;
        }
        assert!(line.frame(&Frame::Envelopes(frame.to_vec())).await, "{}", hub.log());
        sent.fetch_add(frame.len(), Ordering::SeqCst);
    }
}

/// Floods two hubs until it is enough.
fn flood(scene: &Scene, targets: &Targets, enough: &AtomicBool, sent: &AtomicUsize) {
    for number in 0.. {
        let share = Share::Part(number as u8 % PARTS, PARTS);
        let round = Round::say(&scene.speaker, targets, share, number, now_ms());
        let [a, b, _] = scene.honest();
        let run = Epoch(u64::from(number) + 2);
        scene.runtime.block_on(async {
            tokio::join!(
                send(scene, a, &round, run, (enough, sent)),
                send(scene, b, &round, run, (enough, sent))
            );
        });
        if enough.load(Ordering::SeqCst) {
            return;
        }
    }
}

/// `hostile`: what others notice.
pub(crate) fn bench(runtime: &tokio::runtime::Runtime, rows: &mut Vec<Row>) {
    let scene = Scene::set();
    let targets = scene.targets();
    let [a, b, _] = scene.honest();
    let timed = || runtime.block_on(propagate(a, b, EVENTS, PACE));
    let mut quiet = timed();
    let (enough, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut flooded = std::thread::scope(|scope| {
        let (scene, targets, enough, sent) = (&scene, &targets, &enough, &sent);
        let flooding = scope.spawn(move || flood(scene, targets, enough, sent));
        while sent.load(Ordering::SeqCst) == 0 {
            assert!(!flooding.is_finished());
            std::thread::sleep(Duration::from_millis(10));
        }
        let began = Instant::now();
        let flooded = timed();
        enough.store(true, Ordering::SeqCst);
        let rate = sent.load(Ordering::SeqCst) as f64 / began.elapsed().as_secs_f64();
        eprintln!("  {rate:.0} hostile envelopes a second meanwhile");
        flooded
    });
    for (percent, target) in [(50.0, 100.0), (99.0, 1_000.0)] {
        row((&mut quiet, &mut flooded), percent, target, rows);
    }
}

fn row((quiet, flooded): (&mut Propagated, &mut Propagated), percent: f64, target: f64, rows: &mut Vec<Row>) {
    let seen = flooded.from_call.len();
    let figure = percentile(&mut flooded.from_call, percent);
    let without = percentile(&mut quiet.from_call, percent);
    rows.push(Row {
        name: "hostile",
        work: format!("call at A to seen at B in a flood, p{percent} ({seen} seen)"),
        figure,
        unit: "ms",
        target: format!("<= {target}"),
        met: figure <= target && seen == EVENTS,
        limit: format!("{without:.2} ms: the same without the flood"),
    });
}
