//! A hub that belongs, and is hostile: its key signs every one-byte mutant of every kind of body and every constructed
//! change, and sends them to real nodes over the real protocol, to each in another order, while these go on with their
//! work.
//!
//! Two values of each byte are tried unless `INTERHUB_HOSTILE_PARTS` says how many sixteenths of all 255 are (16: every
//! one, which takes over an hour; `4..8`: a quarter of these). A quarter of them is in other logs than the public one.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use interhub_domain::envelope::Envelope;
use interhub_domain::ids::{Epoch, HeaderHash, LogId};
use interhub_domain::session::{Farewell, Frame, MAX_BATCH_BYTES};
use interhub_tests::cluster::agree;
use interhub_tests::hostile::bodies::Round;
use interhub_tests::hostile::claims::SLUG;
use interhub_tests::hostile::line::Line;
use interhub_tests::hostile::mutants::Share;
use interhub_tests::hostile::scene::{Scene, hub_id, now_ms};
use interhub_tests::hostile::speaker::{Log, Speaker};
use interhub_tests::hub::{Hub, SOON, run, text, wait_until};

use super::shares;

/// Envelopes in one frame: few enough that honest ones come in between.
const IN_A_FRAME: usize = 200;
/// A hub that takes nothing for so long is sent again what it lacks.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Which envelopes of which log go next.
type Slice = (usize, std::ops::Range<usize>);

/// The frames of these logs, in one of three orders: as they are, the last log first, and all logs at once.
fn order(logs: &[&Log], which: usize) -> Vec<Slice> {
    let slices = |log: usize| {
        let said = &logs[log].said;
        let (mut out, mut from, mut bytes) = (Vec::new(), 0, 0);
        for (at, envelope) in said.iter().enumerate() {
            if at - from == IN_A_FRAME || bytes + envelope.wire_len() > MAX_BATCH_BYTES {
                out.push((log, from..at));
                (from, bytes) = (at, 0);
            }
            bytes += envelope.wire_len();
        }
        out.push((log, from..said.len()));
        out
    };
    let each: Vec<Vec<Slice>> = (0..logs.len()).map(slices).collect();
    match which {
        0 => each.into_iter().flatten().collect(),
        1 => each.into_iter().rev().flatten().collect(),
        _ => {
            let most = each.iter().map(Vec::len).max().unwrap_or(0);
            let row = |nth: usize| each.iter().filter_map(move |slices| slices.get(nth).cloned());
            (0..most).flat_map(row).collect()
        }
    }
}

/// The log that the hostile hub has with each of the honest ones.
fn pairs(scene: &Scene) -> [LogId; 3] {
    let (network, own) = (scene.speaker.network, scene.speaker.hub());
    scene.honest().map(|hub| LogId::pair(network, own, hub_id(hub)))
}

/// Those of the logs that a hub may see: a pair's log is its two hubs' alone.
fn for_hub(logs: &[Log], pairs: [LogId; 3], which: usize) -> Vec<&Log> {
    let is_its = |log: &&Log| {
        pairs
            .iter()
            .position(|pair| *pair == log.next.log)
            .is_none_or(|pair| pair == which)
    };
    logs.iter().filter(is_its).collect()
}

/// What of a log a hub lacks.
fn lacks(line: &Line, log: &Log) -> Option<usize> {
    let heard = line.heard();
    let has = heard
        .heads
        .get(&log.row())
        .map_or(0, |seq| usize::try_from(*seq).unwrap() + 1);
    (has < log.said.len()).then_some(has)
}

/// How a delivery may end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// When the hub has acknowledged all.
    Acknowledged,
    /// So, or when it says that this hub is no member any more: another one may have told it before.
    AcknowledgedOrOut,
}

/// Sends these logs to one hub, and returns when it has acknowledged all of them.
async fn deliver(speaker: Speaker, hub: &Hub, logs: &[&Log], which: usize, run: Epoch, ends: Ends) {
    let line = Line::greet(&speaker, hub, run).await;
    let out = || ends == Ends::AcknowledgedOrOut && matches!(line.heard().goodbye, Some((Farewell::NotMember, _)));
    let send = async |(log, range): Slice| {
        let log = logs[log];
        let there = line.frame(&Frame::Envelopes(log.said[range].to_vec())).await;
        assert!(
            there || out(),
            "{} hung up: {:?}\n{}",
            hub.slug,
            line.heard(),
            hub.log()
        );
    };
    for slice in order(logs, which) {
        send(slice).await;
    }
    let (mut before, mut since) = (usize::MAX, Instant::now());
    loop {
        let missing: Vec<(usize, usize)> = logs
            .iter()
            .enumerate()
            .filter_map(|(number, log)| Some((number, lacks(&line, log)?)))
            .collect();
        let count = missing
            .iter()
            .map(|(number, from)| logs[*number].said.len() - from)
            .sum();
        if count == 0 || out() {
            return;
        }
        if count < before {
            (before, since) = (count, Instant::now());
        } else if since.elapsed() > AGAIN_AFTER {
            for (number, from) in missing {
                let to = logs[number].said.len().min(from + IN_A_FRAME);
                send((number, from..to)).await;
            }
            since = Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// One honest hub adds an event, another one edits what both host, and all see both.
fn work(hubs: [&Hub; 3], hosted: &str, nth: usize) {
    let (author, editor) = (hubs[nth % 3], hubs[2 * (nth % 2)]);
    let added = author.add(&format!("Added as number {nth}"), "2027-05-01T10:00");
    let title = format!("Edited as number {nth}");
    editor.json(&["event", "edit", hosted, "--title", &title]);
    for hub in hubs {
        wait_until(&format!("what was done as number {nth}, at {}", hub.slug), SOON, || {
            let ran = hub.cli(&["event", "show", &added]);
            let shown = hub.json(&["event", "show", hosted]);
            if ran.code == 0 && shown["title"] == title.as_str() {
                Ok(())
            } else {
                Err(format!("{ran:?} {shown}\n{}", hub.log()))
            }
        });
    }
}

/// What a hub lists as held and of no effect.
#[derive(Default)]
struct Quarantine {
    /// Which, its state and why.
    everywhere: Vec<(String, String, String)>,
    /// State and reason of what is in a pair's log, where every hub was told the same in other words.
    of_a_pair: Vec<(String, String)>,
}

/// Everything a hub lists as held and of no effect. Who signed and brought it is checked.
fn quarantine(hub: &Hub, of_pairs: &BTreeSet<HeaderHash>) -> Quarantine {
    let (mut out, mut cursor) = (Quarantine::default(), None::<String>);
    loop {
        let mut arguments = vec!["quarantine", "--limit", "1000"];
        arguments.extend(cursor.iter().flat_map(|cursor| ["--cursor", cursor.as_str()]));
        let page = hub.json(&arguments);
        for item in page["items"].as_array().unwrap() {
            let author = item["author"].as_str().unwrap();
            assert!(author == "mallory" || author.starts_with(SLUG), "{item}");
            let peer = item["peer"].as_str().unwrap();
            assert!(
                ["mallory", "birmingham", "amsterdam", "vienna"].contains(&peer),
                "{item}"
            );
            assert_ne!(peer, hub.slug, "{item}");
            assert!(
                !text(item, "reason").is_empty() && item["bytes"].as_u64() > Some(230),
                "{item}"
            );
            let (hash, state, reason) = (text(item, "hash"), text(item, "state"), text(item, "reason"));
            if of_pairs.contains(&hash.parse().unwrap()) {
                out.of_a_pair.push((state, reason));
            } else {
                out.everywhere.push((hash, state, reason));
            }
        }
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    let status = hub.json(&["status"]);
    let counted = status["refused"].as_u64().unwrap() + status["void"].as_u64().unwrap();
    assert_eq!((out.everywhere.len() + out.of_a_pair.len()) as u64, counted, "{status}");
    out.everywhere.sort();
    out.of_a_pair.sort();
    out
}

/// What all three have to say alike after the flood. `of_pairs`: what was said in logs that only one of them may see.
fn same_everywhere(scene: &Scene, of_pairs: &BTreeSet<HeaderHash>) -> usize {
    let hubs = scene.honest();
    agree(&hubs);
    let first = quarantine(hubs[0], of_pairs);
    for hub in &hubs[1..] {
        let other = quarantine(hub, of_pairs);
        let pairs = first.everywhere.iter().zip(&other.everywhere);
        let differs = pairs.clone().find(|(one, other)| one != other);
        let same = first.everywhere == other.everywhere;
        assert!(same, "{} lists something else: {differs:?}", hub.slug);
        let pairs = first.of_a_pair.iter().zip(&other.of_a_pair);
        let differs = pairs.clone().find(|(one, other)| one != other);
        let same = first.of_a_pair == other.of_a_pair;
        assert!(same, "{} lists something else of its pair: {differs:?}", hub.slug);
    }
    for hub in hubs {
        let status = hub.json(&["status"]);
        assert!(status["counting_error"].is_null(), "{status}");
        let peers = hub.json(&["peers"]);
        for peer in peers["peers"].as_array().unwrap() {
            assert_eq!(
                (&peer["faults"], &peer["breaches"]),
                (&0.into(), &0.into()),
                "at {}: {peer}",
                hub.slug
            );
        }
    }
    for event in &scene.events {
        let shown = hubs.map(|hub| {
            let mut shown = hub.json(&["event", "show", event]);
            shown.as_object_mut().unwrap().remove("as_of");
            shown
        });
        assert!(shown[0] == shown[1] && shown[0] == shown[2], "{shown:#?}");
    }
    first.everywhere.len() + first.of_a_pair.len()
}

/// Sends one round to all three at once, each in another order, while they work. Returns what they did meanwhile.
fn flood(scene: &Scene, round: &Round<'_>, number: u32, ends: Ends, done: &mut usize) {
    let pending = AtomicBool::new(true);
    let logs = &round.logs;
    std::thread::scope(|scope| {
        let pending = &pending;
        let sending = scope.spawn(move || {
            let run = Epoch(u64::from(number) + 2);
            let hubs = scene.honest();
            let pairs = pairs(scene);
            let deliver = async |which: usize| {
                let logs = for_hub(logs, pairs, which);
                deliver(scene.speaker.clone(), hubs[which], &logs, which, run, ends).await;
            };
            scene.runtime.block_on(async {
                tokio::join!(deliver(0), deliver(1), deliver(2));
            });
            pending.store(false, Ordering::SeqCst);
        });
        while pending.load(Ordering::SeqCst) && !sending.is_finished() {
            work(scene.honest(), &scene.events[2], *done);
            *done += 1;
        }
        if let Err(panic) = sending.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

#[test]
fn a_hub_that_sends_every_mutant_of_every_body_harms_nobody() {
    let (mut hostile, mut all) = (0, 0);
    // Each in a network of its own: who belongs is computed from all statements that were ever made, and whoever makes a
    // million of them makes that slow.
    for (number, share) in (0..).zip(shares()) {
        let began = Instant::now();
        let (mutants, envelopes) = harms_nobody(share, number);
        hostile += mutants;
        all += envelopes;
        println!(
            "round {number}: {:?}; {hostile} hostile bodies in {all} envelopes so far",
            began.elapsed()
        );
    }
}

/// Everything of one round, and what came of it. Returns how many hostile bodies were in how many envelopes.
fn harms_nobody(share: Share, number: u32) -> (usize, usize) {
    let mut scene = Scene::set();
    let targets = scene.targets();
    let before = scene.honest().map(|hub| hub.process_id().unwrap());
    let speaker = scene.speaker.clone();
    let (pairs, mut done, began) = (pairs(&scene), 0, Instant::now());
    let round = Round::say(&speaker, &targets, share, number, now_ms());
    let said = round.logs.iter().map(|log| log.said.len()).sum::<usize>();
    println!(
        "round {number}: {} mutants of {} bodies, in {said} envelopes of {} logs, signed in {:?}",
        round.hostile,
        round.honest.len(),
        round.logs.len(),
        began.elapsed()
    );
    let in_pairs = round.logs.iter().filter(|log| pairs.contains(&log.next.log));
    let of_pairs: BTreeSet<HeaderHash> = in_pairs.flat_map(|log| log.said.iter().map(Envelope::hash)).collect();
    let in_public = |log: &&Log| log.next.log == LogId::PUBLIC;
    let first: Vec<Log> = round.logs.iter().filter(in_public).take(2).cloned().collect();
    flood(&scene, &round, number, Ends::Acknowledged, &mut done);
    assert!(done > 0);
    let listed = same_everywhere(&scene, &of_pairs);
    println!(
        "round {number}: {listed} of no effect, {done} times worked meanwhile, in {:?}",
        began.elapsed()
    );

    // Whoever hosts an event goes on editing it, its owner first.
    let [birmingham, amsterdam, vienna] = scene.honest();
    for (editor, event) in [(birmingham, 0), (vienna, 0), (amsterdam, 1), (vienna, 2)] {
        let title = format!("Edited by {}", editor.slug);
        editor.json(&["event", "edit", &scene.events[event], "--title", &title]);
        agree(&scene.honest());
        for hub in scene.honest() {
            assert_eq!(
                hub.json(&["event", "show", &scene.events[event]])["title"],
                title.as_str()
            );
        }
    }

    // Its last word.
    let last = Round::leave(&speaker, &targets, 100, now_ms(), &first);
    flood(&scene, &last, 100, Ends::AcknowledgedOrOut, &mut done);
    same_everywhere(&scene, &of_pairs);
    assert_eq!(
        before,
        scene.honest().map(|hub| hub.process_id().unwrap()),
        "the same processes"
    );

    // What was judged one by one, in whatever order, is what is judged at once.
    let digests = scene.honest()[2].agreement().unwrap().0;
    scene.cluster.hubs[2].stop();
    let data = scene.cluster.hubs[2].data.to_string_lossy().into_owned();
    run("interhubd", &["rebuild", "--data", &data]).ok();
    scene.cluster.hubs[2].start();
    assert_eq!(
        scene.honest()[2].agreement().unwrap().0,
        digests,
        "a rebuild shows the same"
    );
    same_everywhere(&scene, &of_pairs);
    (round.hostile, said)
}
