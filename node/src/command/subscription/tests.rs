use std::collections::BTreeMap;
use std::sync::Arc;

use interhub_domain::event::Event;
use interhub_domain::ids::LogId;

use super::*;
use crate::clock::ManualClock;
use crate::command::testing::birmingham;
use crate::task::{Blocking, Tasks};

#[test]
fn pauses_double_and_are_capped() {
    let row = |every_s, failures| FeedRow {
        source: String::new(),
        name: String::new(),
        every_s,
        added_ms: 0,
        last_ms: None,
        good_ms: None,
        next_ms: 0,
        etag: String::new(),
        last_modified: String::new(),
        failures,
        error: String::new(),
        events: 0,
        gaps: Gaps::default(),
    };
    let range = |row: &FeedRow, asked| [0, 255].map(|random| pause_of(row, asked, random).as_secs());
    assert_eq!(range(&row(900, 0), None), [810, 990]);
    assert_eq!(range(&row(900, 2), None), [3_240, 3_960]);
    assert_eq!(range(&row(900, u32::MAX), None), [77_760, 95_040]);
    assert_eq!(range(&row(7 * 86_400, 3), None), [544_320, 665_280]);
    let hour = Some(Duration::from_hours(1));
    assert_eq!(range(&row(900, 1), hour), [3_240, 3_960]);

    let due = |next_ms: i64, now_ms: i64| {
        let row = FeedRow { next_ms, ..row(900, 0) };
        is_due(&row, now_ms)
    };
    assert!(!due(900_000, 0) && due(900_000, 900_000));
    assert!(due(400 * 86_400_000, 0), "the clock was a year ahead");
}

/// A hub that follows one file.
struct Follower {
    commands: Commands,
    clock: Arc<ManualClock>,
    file: std::path::PathBuf,
    _folder: tempfile::TempDir,
    tasks: Tasks,
    /// What the last download that was believed said.
    said: Vec<ImportedEvent>,
    /// Every event that ever came of it: what was over long ago may come back, and is what it was.
    ever: BTreeSet<ThingId>,
    /// How often one that was gone came back.
    back: usize,
}

/// What an event says, without what each side counts for itself.
fn plain(event: &Event) -> Event {
    Event {
        uid: String::new(),
        sequence: 0,
        created_ms: 0,
        updated_ms: 0,
        ..event.clone()
    }
}

impl Follower {
    fn new(now_ms: i64) -> Self {
        let tasks = Tasks::new(Blocking::Inline);
        let (commands, clock) = birmingham(&tasks, now_ms);
        commands.ledger.create_network("Test network").unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self {
            commands,
            clock,
            file: folder.path().join("calendar.ics"),
            _folder: folder,
            tasks,
            said: Vec::new(),
            ever: BTreeSet::new(),
            back: 0,
        }
    }

    /// How much this hub has written for others.
    fn written(&self) -> u64 {
        let frontier = self.commands.ledger.frontier();
        let own = self.commands.ledger.own_id();
        let rows = frontier
            .rows()
            .filter(|(row, _)| row.hub == own && row.log == LogId::PUBLIC);
        rows.map(|(_, head)| head.seq + 1).sum()
    }

    fn items(&self) -> Vec<(FeedItemKey, FeedItemRow)> {
        let feeds = self.commands.ledger.feeds().unwrap().into_iter();
        feeds
            .flat_map(|(id, _)| self.commands.ledger.feed_items(id).unwrap())
            .collect()
    }

    fn own_events(&self) -> Vec<(FeedItemRow, Event)> {
        let event = |thing| self.commands.views.event(thing).unwrap().unwrap().event.clone();
        self.items()
            .into_iter()
            .map(|(_, item)| (item, event(item.thing)))
            .collect()
    }

    async fn look(&mut self, at_ms: i64, bytes: &[u8]) -> Result<Looked, CommandError> {
        self.clock.set_ms(at_ms);
        // A file of the same length at the same moment would be taken for the same.
        let _ = std::fs::remove_file(&self.file);
        std::fs::write(&self.file, bytes).unwrap();
        let aged = std::time::SystemTime::UNIX_EPOCH + Duration::from_millis(at_ms.unsigned_abs());
        std::fs::File::open(&self.file).unwrap().set_modified(aged).unwrap();
        self.commands
            .subscribe(self.file.to_string_lossy().into_owned(), None)
            .await
    }

    /// Looks at a version and checks what came of it against what the two versions say.
    async fn version(&mut self, at_ms: i64, bytes: &[u8]) -> Looked {
        let (written, before) = (self.written(), self.own_events());
        let looked = self.look(at_ms, bytes).await.unwrap();
        let read = self.commands.read_calendar(bytes).unwrap();
        let imported = looked.imported.clone().expect("a new version");
        let after = self.own_events();

        let uids: BTreeSet<[u8; 16]> = read.events.iter().map(|one| uid_hash(&one.event.uid)).collect();
        let there: BTreeSet<ThingId> = self
            .items()
            .iter()
            .filter(|(key, _)| uids.contains(&key.uid))
            .map(|(_, row)| row.thing)
            .collect();
        // Each event of the download is here once and says what the download says.
        let here: Vec<&(FeedItemRow, Event)> = after.iter().filter(|(item, _)| there.contains(&item.thing)).collect();
        let mut things: Vec<ThingId> = after.iter().map(|(item, _)| item.thing).collect();
        things.sort_unstable();
        things.dedup();
        assert_eq!(things.len(), after.len(), "no event stands for two");
        let mut expected: Vec<String> = read
            .events
            .iter()
            .map(|one| format!("{:?}", plain(&one.event)))
            .collect();
        let mut shown: Vec<String> = here.iter().map(|(_, event)| format!("{:?}", plain(event))).collect();
        expected.sort_unstable();
        shown.sort_unstable();
        assert_eq!(shown, expected);

        // Written is what was added, changed or cancelled, and nothing else.
        let was: BTreeMap<ThingId, &Event> = before.iter().map(|(item, event)| (item.thing, event)).collect();
        let new = after
            .iter()
            .filter(|(item, _)| !self.ever.contains(&item.thing))
            .count() as u64;
        self.ever.extend(after.iter().map(|(item, _)| item.thing));
        let touched = after
            .iter()
            .filter(|(item, event)| was.get(&item.thing).is_some_and(|was| *was != event));
        let opened = u64::from(written == 0 && new > 0);
        assert_eq!(self.written() - written - opened, new + touched.count() as u64);
        assert_eq!(imported.added, new);
        let uids = |all: &[ImportedEvent]| -> BTreeMap<String, Event> {
            all.iter()
                .map(|one| (one.event.uid.clone(), plain(&one.event)))
                .collect()
        };
        let (old, new) = (uids(&self.said), uids(&read.events));
        let differ = new
            .iter()
            .filter(|(uid, event)| old.get(*uid).is_some_and(|old| old != *event))
            .count() as u64;
        let back = before.iter().filter(|(item, _)| item.gone).count() as u64;
        let renamed = new.keys().filter(|uid| !old.contains_key(*uid)).count() as u64;
        assert!(
            (differ..=differ + back + renamed).contains(&imported.changed),
            "{imported:?}, {differ} differ"
        );
        assert!(imported.added <= renamed);

        // What is not in the download any more is as it was, or cancelled; over or beyond the calendar's end it is not.
        let horizon_ms = read
            .events
            .iter()
            .map(|one| Traits::of(one).start_ms)
            .max()
            .unwrap_or(i64::MIN);
        for (item, event) in after.iter().filter(|(item, _)| !there.contains(&item.thing)) {
            let was = before
                .iter()
                .find(|(old, _)| old.thing == item.thing)
                .map(|(_, event)| event);
            let is_single = !event.schedule.is_series();
            let newly = was.is_some_and(|was| plain(was) != plain(event));
            assert_eq!(newly, was.is_some_and(|was| was != event));
            if newly {
                assert!(item.gone && item.start_ms <= horizon_ms);
                assert!(!is_single || (item.start_ms > at_ms && event.status == Status::Cancelled));
            }
        }
        let is_back = |item: &FeedItemRow| after.iter().any(|(now, _)| now.thing == item.thing && !now.gone);
        self.back += before.iter().filter(|(item, _)| item.gone && is_back(item)).count();
        self.said = read.events;
        looked
    }

    /// Nothing of this is believed, and nothing changes.
    async fn nonsense(&mut self, at_ms: i64) {
        let (written, before) = (self.written(), self.own_events());
        let nonsense: [&[u8]; 4] = [
            b"<!DOCTYPE html><html><body>Just a moment...</body></html>",
            b"",
            b"{\"message\":\"quota\"}",
            b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n",
        ];
        for bytes in nonsense {
            let looked = self.look(at_ms, bytes).await.unwrap();
            assert!(looked.imported.is_none() && !looked.subscription.row.error.is_empty());
            assert_eq!((self.written(), self.own_events() == before), (written, true));
        }
    }
}

/// Replays a history of one calendar: moments in Unix milliseconds, and what it said then.
async fn replay(versions: &[(i64, Vec<u8>)]) {
    let mut follower = Follower::new(versions[0].0);
    let mut totals = [0; 4];
    for (number, (at_ms, bytes)) in versions.iter().enumerate() {
        let is_calendar = follower
            .commands
            .read_calendar(bytes)
            .is_ok_and(|read| !read.events.is_empty() && read.complete);
        if !is_calendar {
            continue;
        }
        let looked = follower.version(*at_ms, bytes).await;
        let imported = looked.imported.unwrap_or_default();
        for (total, more) in
            totals
                .iter_mut()
                .zip([imported.added, imported.changed, imported.unchanged, imported.cancelled])
        {
            *total += more;
        }
        if number % 5 == 0 {
            follower.nonsense(at_ms + 1).await;
        }
        // The same with other stamps is the same.
        let written = follower.written();
        let text = String::from_utf8_lossy(bytes).replace("DTSTAMP:20", "DTSTAMP:19");
        follower.look(at_ms + 2, text.as_bytes()).await.unwrap();
        let held_back = looked.subscription.row.error.contains("gone at once");
        assert!(
            held_back || follower.written() == written,
            "stamps alone cause no traffic"
        );
    }
    let [added, changed, unchanged, cancelled] = totals;
    println!(
        "{} versions: {added} added, {changed} changed, {unchanged} unchanged, {cancelled} cancelled, {} back",
        versions.len(),
        follower.back
    );
    follower.tasks.stop(Duration::from_secs(5)).await;
}

/// A calendar that somebody keeps for some weeks: events come, change, move, are cancelled, taken out and put back; now and
/// then its program gives all of them other UIDs, or only exports what is to come.
fn made_up(seed: u64) -> Vec<(i64, Vec<u8>)> {
    let mut state = seed;
    let mut below = move |limit: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    };
    let first = jiff::civil::date(2026, 11, 22).to_datetime(jiff::civil::Time::midnight());
    let mut events: Vec<(u64, u64, String, bool)> = Vec::new();
    let (mut next, mut generation) = (0, 0);
    let mut versions = Vec::new();
    for day in 0..40_u64 {
        for _ in 0..=below(3) {
            next += 1;
            events.push((next, day + below(60), format!("Event {}", below(30)), false));
        }
        for _ in 0..below(3) {
            let at = usize::try_from(below(events.len() as u64)).unwrap();
            match below(5) {
                0 => events[at].2.push('!'),
                1 => events[at].1 = day + below(60),
                2 => events[at].3 = !events[at].3,
                _ => drop(events.remove(at)),
            }
        }
        generation += u64::from(below(8) == 0);
        let only_to_come = below(4) == 0;
        let mut text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Made up\r\n".to_owned();
        for (number, start, title, cancelled) in &events {
            if only_to_come && *start < day {
                continue;
            }
            let at = first
                .checked_add(jiff::Span::new().days(i64::try_from(*start).unwrap()).hours(18))
                .unwrap();
            let status = if *cancelled { "STATUS:CANCELLED\r\n" } else { "" };
            let event = format!(
                "BEGIN:VEVENT\r\nUID:{number}-{generation}@made.up\r\nDTSTAMP:202611{:02}T000000Z\r\nDTSTART:{}\r\n\
                 SUMMARY:{title}\r\nLOCATION:Room {}\r\n{status}END:VEVENT\r\n",
                day % 28 + 1,
                at.strftime("%Y%m%dT%H%M%S"),
                number % 3,
            );
            text.push_str(&event);
        }
        text += "END:VCALENDAR\r\n";
        let at_ms = first
            .to_zoned(jiff::tz::TimeZone::UTC)
            .unwrap()
            .timestamp()
            .as_millisecond();
        versions.push((at_ms + i64::try_from(day).unwrap() * 86_400_000, text.into_bytes()));
    }
    versions
}

/// With `INTERHUB_FEED_HISTORY`, a folder of folders of files `UNIX-SECONDS-*.ics`, these histories are replayed; without,
/// some that are made up.
#[tokio::test]
async fn each_version_of_a_calendar_changes_what_it_changes_and_nothing_else() {
    let Some(folder) = std::env::var_os("INTERHUB_FEED_HISTORY") else {
        for seed in 1..=4 {
            replay(&made_up(seed)).await;
        }
        return;
    };
    let mut histories: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    histories.sort();
    for history in histories.into_iter().filter(|path| path.is_dir()) {
        let mut versions: Vec<(i64, Vec<u8>)> = std::fs::read_dir(&history)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                let seconds: i64 = name.split('-').next().unwrap().parse().unwrap();
                (seconds * 1_000, std::fs::read(&path).unwrap())
            })
            .collect();
        versions.sort();
        println!("{}", history.display());
        replay(&versions).await;
    }
}
