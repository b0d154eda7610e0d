//! Changes over which whoever judges them broods: others go on meanwhile, and what is too slow in all waits.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use interhub_domain::document::{CountOutcome, CountRequest, Counter, InProcessCounter, Unjudged};
use interhub_domain::envelope::{Envelope, Kind};
use interhub_domain::event::Status;
use interhub_domain::frontier::RowKey;
use interhub_domain::ids::LogId;

use super::quarantine::Hostile;
use super::{NOW_MS, all_envelopes, create, event, give_all, join, memory, open, own};
use crate::clock::{ManualClock, SharedClock};
use crate::peer::Host;
use crate::sync::{Ledger, LedgerHost, LedgerOptions, Refused, Write};

fn open_with(counter: impl Counter + 'static, clock: SharedClock) -> Ledger {
    Ledger::open(LedgerOptions {
        store: memory(),
        clock,
        own: own(2, "vienna"),
        counter: Box::new(counter),
    })
    .unwrap()
}

/// What a hub says in its public log.
fn news(of: &Ledger) -> Vec<Envelope> {
    let mut all = all_envelopes(of);
    all.retain(|envelope| envelope.header.log == LogId::PUBLIC && envelope.header.hub == of.own_id());
    all
}

/// Says when it is asked, and answers when it is told to; when nobody listens any more, at once.
struct Broods {
    asked: Sender<()>,
    go_on: Mutex<Receiver<()>>,
}

impl Counter for Broods {
    fn count(&self, request: &CountRequest<'_>) -> Result<CountOutcome, Unjudged> {
        if self.asked.send(()).is_ok() {
            let _ = self.go_on.lock().unwrap_or_else(PoisonError::into_inner).recv();
        }
        InProcessCounter.count(request)
    }
}

#[test]
fn own_events_are_written_while_a_foreign_change_is_judged() {
    let a = open(memory(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let ((asked, is_asked), (go, go_on)) = (channel(), channel());
    let go_on = Mutex::new(go_on);
    let b = open_with(Broods { asked, go_on }, ManualClock::new(NOW_MS, 7));
    join(&a, &b);
    let foreign = create(&a, 9, "Open day");
    std::thread::scope(|scope| {
        let taking = scope.spawn(|| b.take_from(Some(a.own_id()), &news(&a)).unwrap());
        is_asked.recv().unwrap();
        let written = create(&b, 1, "Own event");
        assert!(b.load_object(written).unwrap().0.is_shown());
        assert!(!b.load_object(foreign).unwrap().0.is_shown());
        // From here on nobody broods: what was foreseen is not asked again all the same.
        drop(is_asked);
        go.send(()).unwrap();
        assert_eq!(taking.join().unwrap().1, []);
    });
    assert!(b.load_object(foreign).unwrap().0.is_shown());
}

/// Takes so long over each change.
struct Slow {
    clock: Arc<ManualClock>,
    ms: Arc<AtomicI64>,
}

impl Counter for Slow {
    fn count(&self, request: &CountRequest<'_>) -> Result<CountOutcome, Unjudged> {
        self.clock.advance_ms(self.ms.load(Ordering::SeqCst));
        InProcessCounter.count(request)
    }
}

#[test]
fn a_hub_whose_changes_are_slow_waits_and_nobody_else_does() {
    let a = open(memory(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let (clock, ms) = (ManualClock::new(NOW_MS, 7), Arc::new(AtomicI64::new(0)));
    let counter = Slow {
        clock: clock.clone(),
        ms: ms.clone(),
    };
    let b = open_with(counter, clock);
    join(&a, &b);
    let c = open(memory(), 3, "amsterdam", 1);
    join(&a, &c);
    give_all(&a, &b, |_| {});
    for number in 1..=5 {
        create(&a, number, "Slow");
    }
    let (slow, quick) = (news(&a), create(&c, 1, "Quick"));
    assert!(slow.len() >= 6, "{}", slow.len());

    ms.store(900, Ordering::SeqCst);
    let (_, refused) = b.take_from(Some(a.own_id()), &slow).unwrap();
    let waits: Vec<_> = slow[slow.len() - 2..]
        .iter()
        .map(|envelope| (envelope.hash(), Refused::NotNow))
        .collect();
    assert_eq!(refused, waits, "three took 2.7 s");
    let both = [&slow[slow.len() - 2..], &news(&c)].concat();
    let (_, refused) = b.take_from(Some(a.own_id()), &both).unwrap();
    assert_eq!(refused, [], "another delivery begins at nothing");
    assert!(b.load_object(quick).unwrap().0.is_shown());

    // What takes less is not slow, however much of it there is.
    ms.store(90, Ordering::SeqCst);
    for number in 6..=45 {
        create(&a, number, "Not slow");
    }
    let more = &news(&a)[slow.len()..];
    assert_eq!(b.take_from(Some(a.own_id()), more).unwrap().1, []);
}

/// What a co-host said about a document goes without its body once its owner has erased that, behind the tombstone. The owner
/// being slow makes nobody who passes that on a liar.
#[test]
fn a_tombstone_does_not_wait_however_slow_its_author_is() {
    let a = Arc::new(open(memory(), 1, "birmingham", 1));
    a.create_network("Test network").unwrap();
    let (clock, ms) = (ManualClock::new(NOW_MS, 7), Arc::new(AtomicI64::new(0)));
    let counter = Slow {
        clock: clock.clone(),
        ms: ms.clone(),
    };
    let b = open_with(counter, clock);
    join(&a, &b);
    let c = open(memory(), 3, "amsterdam", 1);
    join(&a, &c);
    give_all(&a, &b, |_| {});
    for number in 1..=4 {
        create(&a, number, "Slow");
    }
    let object = create(&a, 9, "Open day");
    let writer = c.own_id();
    a.write(vec![Write::Grant { object, writer }]).unwrap();
    give_all(&a, &c, |_| {});
    c.write(vec![Write::Consent { object, agreed: true }]).unwrap();
    let reading = event("Open day, with music", Status::Confirmed);
    c.write(vec![Write::Change { object, reading }]).unwrap();
    give_all(&c, &a, |_| {});
    a.write(vec![Write::Erase { object }]).unwrap();

    let host = LedgerHost::new(a.clone());
    let log = |hub| -> Vec<Envelope> {
        let rows: Vec<RowKey> = a.frontier().rows().map(|(row, _)| row).collect();
        let public = rows
            .into_iter()
            .filter(|row| row.log == LogId::PUBLIC && row.hub == hub);
        public
            .flat_map(|row| host.read_log(row, 0, usize::MAX, usize::MAX))
            .collect()
    };
    let delivery = [log(a.own_id()), log(writer)].concat();
    let bare = |envelope: &&Envelope| envelope.sealed.is_none() && envelope.header.hub == writer;
    assert_eq!(delivery.iter().filter(bare).count(), 2);
    ms.store(900, Ordering::SeqCst);
    let (_, refused) = b.take_from(Some(a.own_id()), &delivery).unwrap();
    assert!(!refused.is_empty(), "four are slow");
    assert!(refused.iter().all(|(_, why)| *why == Refused::NotNow), "{refused:?}");
    ms.store(0, Ordering::SeqCst);
    assert_eq!(b.take_from(Some(a.own_id()), &delivery).unwrap().1, []);
    assert_eq!(b.object_state(object).unwrap().erased_through, Some(u32::MAX));
}

/// Counts how often it is asked.
struct Asked(Arc<AtomicI64>);

impl Counter for Asked {
    fn count(&self, request: &CountRequest<'_>) -> Result<CountOutcome, Unjudged> {
        self.0.fetch_add(1, Ordering::SeqCst);
        InProcessCounter.count(request)
    }
}

#[test]
fn what_must_not_be_held_is_judged_by_nobody() {
    let a = open(memory(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let asked = Arc::new(AtomicI64::new(0));
    let b = open_with(Asked(asked.clone()), ManualClock::new(NOW_MS, 7));
    join(&a, &b);
    create(&a, 9, "Open day");
    let begins = news(&a)
        .into_iter()
        .find(|one| one.header.kind == Kind::Genesis)
        .unwrap();
    let body = &begins.sealed.as_ref().unwrap().body;
    let network = a.network().unwrap();
    let say = |log| Hostile::in_log(network, 1, 77, log).say(Kind::Genesis, begins.header.object, body);
    let mut unsigned = say(LogId::PUBLIC);
    unsigned.signature[0] ^= 1;
    for refused in [say(LogId::LOCAL), unsigned] {
        let (_, not_held) = b.take_from(Some(a.own_id()), &[refused]).unwrap();
        assert_eq!(not_held.len(), 1);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    b.take_from(Some(a.own_id()), &[say(LogId::PUBLIC)]).unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}
