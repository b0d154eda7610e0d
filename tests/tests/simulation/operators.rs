//! What operators do with events: add, edit, host together, share drafts, publish, take back, erase.

use std::collections::{BTreeMap, BTreeSet};

use interhub_domain::document::{Choice, Conflict, Reading, show_saved};
use interhub_domain::event::{
    Event, LocalTime, MAX_SUMMARY, MAX_TITLE, MAX_TRANSLATIONS, Schedule, Status, Translation, Zone,
};
use interhub_domain::ids::{DocumentKind, HeaderHash, HubId, LogId, NetworkId, ObjectId, ThingId};
use interhub_domain::object::ObjectState;
use interhub_node::store::catalogue;
use interhub_node::store::catalogue::document::SnapshotKey;
use interhub_node::store::catalogue::event::{HiddenKey, HiddenRow};
use interhub_node::store::catalogue::log::PositionKey;
use interhub_node::store::catalogue::object::ObjectKey;
use interhub_node::sync::{Ledger, Write};

use super::disk::Disk;
use super::world::{Dice, World};

/// Languages that an edit writes in which is too large, each with 12 kB, and as many as one writes in that is merely large.
const LANGUAGES: [&str; MAX_TRANSLATIONS] = ["cs", "de", "es", "fr", "it", "nl", "pt", "sk"];
const FEW_LANGUAGES: usize = 5;
/// As many large edits one after the other: a few times that, and a document comes near its limits.
const LARGE_EDITS: usize = 3;

/// One event that somebody added, in the log it is in now.
#[derive(Debug, Clone)]
pub(crate) struct Added {
    pub(crate) owner: HubId,
    pub(crate) thing: ThingId,
    pub(crate) object: ObjectId,
    pub(crate) log: LogId,
    /// Its owner has asked the hub that lies to host it, which may then alter its words in good order.
    pub(crate) in_bad_hands: bool,
    /// Its owner has tried to erase it.
    pub(crate) to_be_erased: bool,
    /// What erased it, once its owner knows that this is durable.
    pub(crate) erased: Option<Erasure>,
    /// Documents of it that a change of audience has left behind.
    pub(crate) left: Vec<ObjectId>,
    /// A machine of its owner went back to a copy of its disk from before its last change of audience.
    pub(crate) went_back: bool,
}

/// An erasure of the document that an event was in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Erasure {
    pub(crate) machine: usize,
    pub(crate) tombstone: HeaderHash,
    /// Another machine of the owner's may have moved the event meanwhile, not knowing: then it goes on where it is.
    pub(crate) object: ObjectId,
    pub(crate) log: LogId,
}

/// A word that one edit put into an event's description, and nothing else says.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    pub(crate) text: String,
    /// The machine that wrote it.
    pub(crate) machine: usize,
    pub(crate) thing: ThingId,
    pub(crate) object: ObjectId,
    /// What carries it, once the ledger has said that it is durable.
    pub(crate) acknowledged: Option<HeaderHash>,
    /// The hubs that may know it; everybody if this is none.
    pub(crate) readers: Option<BTreeSet<HubId>>,
}

/// What the operators of a simulation have done so far.
#[derive(Default)]
pub(crate) struct Diary {
    pub(crate) things: Vec<Added>,
    pub(crate) words: Vec<Word>,
    /// The hub that lies, if one does.
    pub(crate) liar: Option<HubId>,
    /// The members of the groups drawn, by log.
    pub(crate) groups: BTreeMap<LogId, BTreeSet<HubId>>,
    /// What each machine's operator last said about hiding an event, once it is known to be durable.
    pub(crate) hidden: BTreeMap<(usize, ThingId), HiddenRow>,
    /// The reasons that operators gave, and whose they are.
    pub(crate) reasons: Vec<(HubId, String)>,
    /// What an operator was told that must not be.
    pub(crate) faults: Vec<String>,
}

/// What a machine shows of a document.
pub(crate) struct Seen {
    pub(crate) state: ObjectState,
    pub(crate) event: Option<Event>,
    pub(crate) conflicts: Vec<Conflict>,
}

/// Bytes of the saved document.
fn saved_bytes(disk: &Disk, object: ObjectId, generation: u32) -> usize {
    let key = SnapshotKey {
        personal: false,
        object,
        generation,
    };
    catalogue::get(disk, &key).unwrap().map_or(0, |saved| saved.0.len())
}

/// Reads a document from a disk.
pub(crate) fn seen(disk: &Disk, object: ObjectId) -> Option<Seen> {
    let state = catalogue::get(disk, &ObjectKey(object)).unwrap()?.state;
    let key = SnapshotKey {
        personal: false,
        object,
        generation: state.generation(),
    };
    let shown = catalogue::get(disk, &key)
        .unwrap()
        .filter(|_| !state.frozen)
        .map(|saved| show_saved(&saved.0, DocumentKind::Event).unwrap());
    let (event, conflicts) = match shown {
        Some(shown) => match shown.reading {
            Reading::Event(event) => (Some(*event), shown.conflicts),
            _ => (None, Vec::new()),
        },
        None => (None, Vec::new()),
    };
    Some(Seen {
        state,
        event,
        conflicts,
    })
}

/// A new event.
pub(crate) fn event(title: String, description: String) -> Event {
    let day = LocalTime::Date(jiff::civil::date(2027, 3, 4));
    Event {
        uid: title.clone(),
        sequence: 0,
        status: Status::Confirmed,
        title,
        summary: String::new(),
        description,
        language: String::new(),
        tags: vec![],
        location: None,
        url: String::new(),
        online_url: String::new(),
        image_url: String::new(),
        translations: BTreeMap::new(),
        features: BTreeSet::new(),
        capacity: None,
        postponed: false,
        schedule: Schedule {
            start: day,
            end: LocalTime::Date(jiff::civil::date(2027, 3, 5)),
            zone: Zone::Named("UTC".into()),
            rules: vec![],
            extra: vec![],
            excluded: vec![],
            overrides: vec![],
        },
        created_ms: 0,
        updated_ms: 0,
    }
}

impl Diary {
    fn new_word(&mut self, machine: usize, readers: Option<BTreeSet<HubId>>) -> usize {
        let number = self.words.len();
        self.words.push(Word {
            text: format!("[w{number}x]"),
            machine,
            thing: ThingId::ZERO,
            object: ObjectId::ZERO,
            acknowledged: None,
            readers,
        });
        number
    }

    /// A machine has lost what was written since an old copy of its disk was made: nothing of that was promised.
    pub(crate) fn forget_what_is_not_on(&mut self, machine: usize, hub: HubId, disk: &Disk) {
        self.forget_what_is_lost(machine, hub, disk, |_| false);
    }

    /// The same; what others keep for it is not lost.
    pub(crate) fn forget_what_is_lost(
        &mut self,
        machine: usize,
        hub: HubId,
        disk: &Disk,
        is_kept: impl Fn(HeaderHash) -> bool,
    ) {
        let is_there = |hash: HeaderHash| catalogue::contains(disk, &PositionKey(hash)).unwrap() || is_kept(hash);
        for word in self.words.iter_mut().filter(|word| word.machine == machine) {
            word.acknowledged = word.acknowledged.filter(|hash| is_there(*hash));
        }
        let hidden = |thing: ThingId| catalogue::get(disk, &HiddenKey(thing)).unwrap();
        self.hidden
            .retain(|(of, thing), row| *of != machine || hidden(*thing).as_ref() == Some(row));
        for thing in &mut self.things {
            thing.erased = thing
                .erased
                .filter(|erased| erased.machine != machine || is_there(erased.tombstone));
            let is_moved = thing.owner == hub && !thing.left.is_empty();
            thing.went_back |= is_moved && !seen_shown(disk, thing.object);
        }
    }

    /// Everybody who may read a log; everybody at all if this is none.
    fn readers(&self, log: LogId, owner: HubId) -> Option<BTreeSet<HubId>> {
        if log.is_shared() {
            return None;
        }
        let members = self.groups.get(&log).cloned();
        Some(members.unwrap_or_else(|| BTreeSet::from([owner])))
    }
}

/// What an operator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Adds an event.
    Add,
    /// Edits an event this machine hosts.
    Edit,
    /// Asks another hub to host an own event.
    AskAHost,
    /// Answers whoever asked this one, or takes the answer back.
    Answer,
    /// Chooses one value of a field that has several, or takes a host away.
    TakeAwayOrResolve,
    /// Gives an own event another audience.
    ChangeAudience,
    /// Erases an own event.
    Erase,
    /// Hides another hub's event, or shows it again.
    Hide,
    /// Says more in one edit than a change may, or so much again and again that the document comes near its limits.
    WriteMuch,
}

/// One operator at one machine.
pub(crate) struct Operator<'w, 's> {
    pub(crate) world: &'w mut World<'s>,
    pub(crate) diary: &'w mut Diary,
    pub(crate) machine: usize,
    pub(crate) network: NetworkId,
}

impl Operator<'_, '_> {
    fn ledger(&self) -> std::sync::Arc<Ledger> {
        self.world.hubs[self.machine].ledger()
    }

    fn own(&self) -> HubId {
        self.world.hubs[self.machine].id
    }

    fn dice(&mut self) -> &mut Dice {
        &mut self.world.dice
    }

    fn tell(&mut self, what: &str, done: bool) {
        let name = self.world.hubs[self.machine].name.clone();
        self.world
            .tell(format_args!("{name} {what}{}", if done { "" } else { ": refused" }));
    }

    /// Does something, as the dice say.
    pub(crate) fn act(&mut self) {
        let act = match self.dice().below(16) {
            0..=3 => Act::Add,
            4..=8 => Act::Edit,
            9 | 10 => Act::AskAHost,
            11 | 12 => Act::Answer,
            13 => Act::TakeAwayOrResolve,
            14 => Act::ChangeAudience,
            _ => Act::Erase,
        };
        self.does(act);
    }

    /// Does this, if there is anything to do it to.
    pub(crate) fn does(&mut self, act: Act) {
        match act {
            Act::Add => self.add(),
            Act::Edit => self.edit(),
            Act::AskAHost => self.ask_a_host(),
            Act::Answer => self.answer(),
            Act::TakeAwayOrResolve => self.take_away_or_resolve(),
            Act::ChangeAudience => self.change_audience(),
            Act::Erase => self.erase(),
            Act::Hide => self.hide(),
            Act::WriteMuch => self.write_much(),
        }
    }

    /// A log to write a new document in, or to move one to.
    fn draw_log(&mut self) -> LogId {
        match self.dice().below(8) {
            0..=3 => LogId::PUBLIC,
            4 => LogId::NETWORK,
            5 => LogId::LOCAL,
            _ => {
                let roster = self.ledger().roster();
                let own = self.own();
                let others = roster.members.keys().copied();
                let mut others: Vec<HubId> = others.filter(|hub| *hub != own && roster.is_active(*hub)).collect();
                self.dice().shuffle(&mut others);
                let many = 1 + self.dice().below(2);
                let mut members: BTreeSet<HubId> = others.into_iter().take(many).collect();
                if members.is_empty() {
                    return LogId::LOCAL;
                }
                let Ok(log) = self.ledger().group_with(&members) else {
                    return LogId::LOCAL;
                };
                members.insert(own);
                self.diary.groups.insert(log, members);
                log
            }
        }
    }

    fn add(&mut self) {
        let log = self.draw_log();
        let own = self.own();
        let readers = self.diary.readers(log, own);
        let word = self.diary.new_word(self.machine, readers);
        let thing = ThingId::new(own, (word as u64 + 1).to_be_bytes());
        let object = ObjectId::derive(self.network, own, log, DocumentKind::Event, thing);
        let text = self.diary.words[word].text.clone();
        let reading = Reading::Event(Box::new(event(format!("Event {word}"), text)));
        let written = self.ledger().write(vec![Write::Create {
            log,
            kind: DocumentKind::Event,
            thing,
            reading,
        }]);
        let hash = written.ok().and_then(|all| all[0].hash);
        let known = &mut self.diary.words[word];
        (known.thing, known.object, known.acknowledged) = (thing, object, hash);
        // Whether or not it was acknowledged: it may be there after the next start.
        self.diary.things.push(Added {
            owner: own,
            thing,
            object,
            log,
            in_bad_hands: false,
            to_be_erased: false,
            erased: None,
            left: Vec::new(),
            went_back: false,
        });
        self.tell(&format!("adds {word} to {}", log.short()), hash.is_some());
    }

    /// An event of those that this machine shows and `which` accepts.
    fn pick(&mut self, which: impl Fn(&Added, &Seen) -> bool) -> Option<(usize, Seen)> {
        let disk = self.world.hubs[self.machine].disk.clone();
        let things = self.diary.things.iter().enumerate();
        let mut good: Vec<(usize, Seen)> = things
            .filter_map(|(index, thing)| Some((index, seen(&disk, thing.object)?)))
            .filter(|(index, seen)| seen.event.is_some() && which(&self.diary.things[*index], seen))
            .collect();
        let chosen = self.dice().below(good.len());
        (chosen < good.len()).then(|| good.swap_remove(chosen))
    }

    fn edit(&mut self) {
        let own = self.own();
        let Some((index, seen)) = self.pick(|_, seen| seen.state.is_host(own)) else {
            return;
        };
        let Added {
            thing,
            object,
            log,
            owner,
            ..
        } = self.diary.things[index].clone();
        let readers = self.diary.readers(log, owner);
        let word = self.diary.new_word(self.machine, readers);
        let before = seen.event.unwrap();
        let mut after = before.clone();
        after.description += &self.diary.words[word].text;
        match self.dice().below(6) {
            0 => after.title = format!("Title {word}"),
            1 => after.status = Status::Cancelled,
            2 => after.tags = vec![format!("tag{}", word % 5)],
            3 => after.status = Status::Tentative,
            _ => {}
        }
        after.updated_ms += 1;
        let write = if self.dice().one_in(2) {
            let (before, after) = (Box::new(before), Box::new(after));
            Write::Edit { object, before, after }
        } else {
            let reading = Reading::Event(Box::new(after));
            Write::Change { object, reading }
        };
        let written = self.ledger().write(vec![write]);
        let hash = written.ok().and_then(|all| all[0].hash);
        let known = &mut self.diary.words[word];
        (known.thing, known.object, known.acknowledged) = (thing, object, hash);
        self.tell(&format!("edits {} with {word}", thing.short()), hash.is_some());
    }

    /// An edit of more than a change may hold is refused, and nothing of it is there. What is large and within the limits is
    /// said, as often as anybody likes: the owner's node begins a new generation before a document is full.
    fn write_much(&mut self) {
        let own = self.own();
        // The one that is fullest, of its owner's: there the limits are near.
        let disk = self.world.hubs[self.machine].disk.clone();
        let things = self
            .diary
            .things
            .iter()
            .enumerate()
            .filter(|(_, thing)| thing.owner == own);
        let shown = things.filter_map(|(index, thing)| {
            let seen = seen(&disk, thing.object).filter(|seen| seen.event.is_some() && seen.state.is_host(own))?;
            Some((saved_bytes(&disk, thing.object, seen.state.generation()), index))
        });
        let Some((_, index)) = shown.max() else { return };
        let too_much = self.dice().one_in(4);
        for _ in 0..if too_much { 1 } else { LARGE_EDITS } {
            let Added {
                thing,
                object,
                log,
                owner,
                ..
            } = self.diary.things[index].clone();
            let Some(Seen {
                state,
                event: Some(before),
                ..
            }) = seen(&disk, object)
            else {
                return;
            };
            let readers = self.diary.readers(log, owner);
            let word = self.diary.new_word(self.machine, readers);
            let mut after = before.clone();
            after.description += &self.diary.words[word].text;
            after.updated_ms += 1;
            let many = if too_much { LANGUAGES.len() } else { FEW_LANGUAGES };
            // Others each time: two large edits, said again in one, would be too much.
            for language in LANGUAGES.iter().cycle().skip(word % LANGUAGES.len()).take(many) {
                let translation = Translation {
                    title: self.noise(MAX_TITLE),
                    summary: self.noise(MAX_SUMMARY),
                };
                after.translations.insert((*language).to_owned(), translation);
            }
            let reading = Reading::Event(Box::new(after));
            let written = self.ledger().write(vec![Write::Change { object, reading }]);
            let stopped = disk.is_stopped();
            let told = written.as_ref().err().map(ToString::to_string);
            let hash = written.ok().and_then(|all| all[0].hash);
            let known = &mut self.diary.words[word];
            (known.thing, known.object, known.acknowledged) = (thing, object, hash);
            let after = seen(&disk, object);
            let stays = after
                .as_ref()
                .is_some_and(|after| after.event.as_ref() == Some(&before));
            let squashed = after.is_some_and(|after| after.state.generation() > state.generation());
            let is_wrong = match &told {
                None => too_much,
                Some(told) => !stopped && (!too_much && told.contains("limit") || !stays),
            };
            let (name, short) = (self.world.hubs[self.machine].name.clone(), thing.short());
            let what = format!("writes much ({too_much}) into {short} with {word}, squashed {squashed}");
            if is_wrong {
                self.diary.faults.push(format!("{name} {what}: {told:?}"));
            }
            self.tell(&what, hash.is_some());
            if stopped {
                return;
            }
        }
    }

    /// So many characters that nothing compresses much.
    fn noise(&mut self, chars: usize) -> String {
        let one = |dice: &mut Dice| char::from_u32(0x1_0000 + dice.below(0xfff0) as u32).unwrap_or('?');
        (0..chars).map(|_| one(self.dice())).collect()
    }

    fn ask_a_host(&mut self) {
        let own = self.own();
        let Some((index, seen)) = self.pick(|thing, _| thing.owner == own && thing.log.is_shared()) else {
            return;
        };
        let (object, thing) = (seen.state.object, self.diary.things[index].thing);
        let roster = self.ledger().roster();
        let hubs: Vec<HubId> = roster.members.keys().copied().filter(|hub| *hub != own).collect();
        let Some(writer) = self.dice().pick(&hubs).copied() else {
            return;
        };
        let done = self.ledger().write(vec![Write::Grant { object, writer }]);
        self.diary.things[index].in_bad_hands |= self.diary.liar == Some(writer);
        self.tell(
            &format!("asks {} to host {}", writer.short(), thing.short()),
            done.is_ok(),
        );
    }

    fn answer(&mut self) {
        let own = self.own();
        let invited = |thing: &Added, seen: &Seen| thing.owner != own && seen.state.is_writer(own);
        let Some((index, seen)) = self.pick(invited) else {
            return;
        };
        let (object, thing) = (seen.state.object, self.diary.things[index].thing);
        let agreed = !self.dice().one_in(4);
        let done = self.ledger().write(vec![Write::Consent { object, agreed }]);
        self.tell(&format!("answers {agreed} to {}", thing.short()), done.is_ok());
    }

    fn take_away_or_resolve(&mut self) {
        let own = self.own();
        let in_conflict = |_: &Added, seen: &Seen| seen.state.is_host(own) && !seen.conflicts.is_empty();
        if let Some((index, seen)) = self.pick(in_conflict) {
            let (object, thing) = (seen.state.object, self.diary.things[index].thing);
            let conflict = &seen.conflicts[0];
            let field = conflict.field.clone();
            let choice = Choice::Value(conflict.values[conflict.values.len() - 1].value.clone());
            let done = self.ledger().write(vec![Write::Resolve { object, field, choice }]);
            self.tell(&format!("resolves {}", thing.short()), done.is_ok());
            return;
        }
        let hosted = |thing: &Added, seen: &Seen| thing.owner == own && !seen.state.co_writers().is_empty();
        let Some((index, seen)) = self.pick(hosted) else { return };
        let (object, thing) = (seen.state.object, self.diary.things[index].thing);
        let writers: Vec<HubId> = seen.state.co_writers().into_iter().collect();
        let writer = *self.dice().pick(&writers).unwrap();
        let done = self.ledger().write(vec![Write::TakeAway { object, writer }]);
        self.tell(
            &format!("takes {} away from {}", writer.short(), thing.short()),
            done.is_ok(),
        );
    }

    fn change_audience(&mut self) {
        let own = self.own();
        let Some((index, seen)) = self.pick(|thing, _| thing.owner == own) else {
            return;
        };
        let log = self.draw_log();
        let Added {
            thing,
            object,
            log: before,
            ..
        } = self.diary.things[index].clone();
        let event = seen.event.unwrap();
        let target = ObjectId::derive(self.network, own, log, DocumentKind::Event, thing);
        let erased_for_good = self.ledger().object_state(target).unwrap().erased_through == Some(u32::MAX);
        if log == before || erased_for_good {
            return;
        }
        // Whatever comes of it, its words may be read there from now on.
        let readers = self.diary.readers(log, own);
        let inside = |word: &&mut Word| event.description.contains(&word.text);
        for word in self.diary.words.iter_mut().filter(inside) {
            word.readers = match (word.readers.take(), &readers) {
                (Some(before), Some(now)) => Some(before.union(now).copied().collect()),
                _ => None,
            };
        }
        let reading = Reading::Event(Box::new(event));
        let there = seen_shown(&self.world.hubs[self.machine].disk, target);
        let write = if there {
            // A copy of this machine has moved it there too.
            Write::Together(vec![
                Write::Change {
                    object: target,
                    reading,
                },
                Write::Withdraw { object },
            ])
        } else {
            Write::Move { object, log, reading }
        };
        let done = self.ledger().write(vec![write]).is_ok();
        let stopped = self.world.hubs[self.machine].disk.is_stopped();
        if done || stopped {
            let known = &mut self.diary.things[index];
            known.left.push(object);
            (known.object, known.log) = (target, log);
        }
        self.tell(&format!("moves {} to {}", thing.short(), log.short()), done);
    }

    /// Hides another hub's event, or shows it again.
    fn hide(&mut self) {
        let own = self.own();
        let Some((index, _)) = self.pick(|thing, _| thing.owner != own) else {
            return;
        };
        let thing = self.diary.things[index].thing;
        let number = self.diary.reasons.len();
        let row = HiddenRow {
            hidden: !self.dice().one_in(3),
            reason: format!("[h{number}x]"),
            at_ms: i64::try_from(number).unwrap(),
            by: "operator".to_owned(),
        };
        self.diary.reasons.push((own, row.reason.clone()));
        let done = self.ledger().set_hidden(thing, &row).is_ok();
        let what = format!("hides {}: {}", thing.short(), row.hidden);
        // Of what was not acknowledged either is right.
        self.diary.hidden.remove(&(self.machine, thing));
        if done {
            self.diary.hidden.insert((self.machine, thing), row);
        }
        self.tell(&what, done);
    }

    fn erase(&mut self) {
        let own = self.own();
        let Some((index, seen)) = self.pick(|thing, _| thing.owner == own) else {
            return;
        };
        let object = seen.state.object;
        // All of it, as the command does: a copy of this folder may have made another document of the event.
        let thing = self.diary.things[index].thing;
        let Ok(all) = self.ledger().own_event_documents(thing) else {
            return;
        };
        let others = all.into_iter().filter(|(other, there)| *there && *other != object);
        let objects = std::iter::once(object).chain(others.map(|(other, _)| other));
        let erase = objects.map(|object| Write::Erase { object }).collect();
        let written = self.ledger().write(vec![Write::Together(erase)]);
        let hash = written.ok().and_then(|all| all[0].hash);
        let known = &mut self.diary.things[index];
        known.to_be_erased = true;
        let erased = hash.map(|tombstone| Erasure {
            machine: self.machine,
            tombstone,
            object,
            log: known.log,
        });
        known.erased = erased.or(known.erased);
        let thing = known.thing.short();
        self.tell(&format!("erases {thing}"), hash.is_some());
    }
}

/// Whether a disk has something to show of a document.
pub(crate) fn seen_shown(disk: &Disk, object: ObjectId) -> bool {
    seen(disk, object).is_some_and(|seen| seen.event.is_some())
}
