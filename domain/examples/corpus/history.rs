//! Calendars that are followed, in their versions: what each download changes, as a node applies it.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use interhub_domain::calendar::follow::{Download, Gaps, Known, Plan, Step, Traits, cancelled, plan, uid_hash};
use interhub_domain::calendar::import::{Import, import};
use interhub_domain::event::{Event, Status};
use serde_json::{Value, json};

use super::calendars::{fields_that_differ, refusal};
use super::{Out, context, guarded};

/// Replays the versions in the order given.
pub(super) fn replay_all(lines: &[String], out: &mut Out) -> Result<(), Box<dyn Error>> {
    let mut followed: BTreeMap<&str, Followed> = BTreeMap::new();
    for line in lines {
        let parts: Vec<&str> = line.split('\t').collect();
        let [name, at_ms, kind, path] = parts[..] else {
            return Err(format!("not a name, milliseconds, a kind and a path: {line}").into());
        };
        let (at_ms, bytes) = (at_ms.parse()?, std::fs::read(path)?);
        let feed = followed.entry(name).or_default();
        let mut copy = feed.clone();
        // A version again, with other stamps or cut short: seen, and not kept. As a second look it would confirm what the
        // first one found to be gone.
        let feed = if matches!(kind, "other stamps" | "cut short") {
            &mut copy
        } else {
            feed
        };
        let said = guarded(|| feed.look(&bytes, at_ms)).unwrap_or_else(|panic| json!({ "panic": panic }));
        out.line(&json!({ "feed": name, "at_ms": at_ms, "kind": kind, "path": path, "said": said }))?;
    }
    Ok(())
}

/// One event as a hub has it.
#[derive(Clone)]
struct Item {
    known: Known,
    uid: String,
    event: Event,
}

/// One calendar as a hub has it.
#[derive(Default, Clone)]
struct Followed {
    items: Vec<Item>,
    gaps: Gaps,
}

impl Followed {
    /// Applies a download, as the node's `command::subscription` does, without what people edited meanwhile.
    fn look(&mut self, bytes: &[u8], now_ms: i64) -> Value {
        let read = match import(bytes, &context(now_ms)) {
            Ok(read) => read,
            Err(error) => return json!({ "reason": error.to_string(), "items": self.show() }),
        };
        if read.events.is_empty() && read.refused.is_empty() && !self.items.is_empty() {
            return json!({ "reason": "the calendar is empty", "items": self.show() });
        }
        let traits: Vec<Traits> = read.events.iter().map(Traits::of).collect();
        let refused_uids = read.refused.iter().filter_map(|refused| refused.uid.as_deref());
        let unread: BTreeSet<[u8; 16]> = refused_uids.map(uid_hash).collect();
        let known: Vec<Known> = self.items.iter().map(|item| item.known.clone()).collect();
        let download = Download {
            read: &traits,
            unread: &unread,
            complete: read.complete,
            gaps: self.gaps,
        };
        let plan = plan(&known, download, now_ms);
        let refused: Vec<Value> = read.refused.iter().map(refusal).collect();
        let (complete, held_back) = (read.complete, plan.held_back);
        let uids = |list: &[usize]| -> Vec<String> { list.iter().map(|at| self.items[*at].uid.clone()).collect() };
        let (gone, awaited) = (uids(&plan.gone), uids(&plan.awaited));
        let steps = self.apply(read, traits, plan, now_ms);
        json!({
            "complete": complete,
            "refused": refused,
            "steps": steps,
            "gone": gone,
            "awaited": awaited,
            "held_back": held_back,
            "items": self.show(),
        })
    }

    fn apply(&mut self, read: Import, traits: Vec<Traits>, plan: Plan, now_ms: i64) -> Vec<Value> {
        let mut steps = Vec::new();
        for ((imported, traits), step) in read.events.into_iter().zip(traits).zip(plan.steps) {
            let (uid, event) = (imported.event.uid.clone(), imported.event);
            let known = Known {
                traits,
                gone: false,
                missing_since_ms: None,
            };
            let (name, was, fields) = match step {
                Step::New => {
                    self.items.push(Item {
                        known,
                        uid: uid.clone(),
                        event,
                    });
                    ("new", None, Vec::new())
                }
                Step::Same(at) => {
                    let item = &mut self.items[at];
                    self.gaps.add(&item.known, now_ms);
                    if item.known.missing_since_ms.is_some() {
                        item.known = known;
                    }
                    ("same", Some(item.uid.clone()), fields_that_differ(&item.event, &event))
                }
                Step::Differs(at) => {
                    let item = &mut self.items[at];
                    self.gaps.add(&item.known, now_ms);
                    let fields = fields_that_differ(&item.event, &event);
                    let was = std::mem::replace(&mut item.uid, uid.clone());
                    (item.known, item.event) = (known, event);
                    ("differs", Some(was), fields)
                }
            };
            steps.push(json!({ "step": name, "uid": uid, "was": was, "fields": fields }));
        }
        for at in plan.awaited {
            self.items[at].known.missing_since_ms.get_or_insert(now_ms);
        }
        for at in plan.gone {
            let item = &mut self.items[at];
            item.event = cancelled(&item.event, now_ms);
            item.known.missing_since_ms.get_or_insert(now_ms);
            item.known.gone = true;
        }
        for at in plan.absent {
            let known = &mut self.items[at].known;
            if !known.gone {
                known.missing_since_ms = None;
            }
        }
        steps
    }

    /// What the hub shows of the calendar.
    fn show(&self) -> Vec<Value> {
        let item = |item: &Item| {
            let Item { known, uid, event } = item;
            json!({
                "uid": uid,
                "start_ms": known.traits.start_ms,
                "end_ms": known.traits.end_ms,
                "series": known.traits.is_series,
                "gone": known.gone,
                "cancelled": event.status == Status::Cancelled,
            })
        };
        self.items.iter().map(item).collect()
    }
}
