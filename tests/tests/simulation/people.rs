//! What operators do with members, by dice of their own: records and cards, audiences and consents, erasures. Whatever happens
//! meanwhile, a word that no card ever had is at home and nowhere else, and what was taken back or erased is nowhere.

use std::collections::BTreeMap;

use interhub_domain::ids::{DocumentKind, HubId, LogId, NetworkId, ObjectId, ThingId};
use interhub_domain::member::{Audience, Consent, Field, Member, Status};
use interhub_domain::object::ObjectState;
use interhub_node::command::member::card_write;
use interhub_node::projection::members;
use interhub_node::store::catalogue;
use interhub_node::store::catalogue::object::ObjectKey;
use interhub_node::sync::Write;

use super::disk::{Contents, Disk};
use super::invariants::contains;
use super::members::is_outside;
use super::scenario::Scenario;
use super::world::{Dice, World};

/// One step in so many is about a member.
const ONE_IN: usize = 3;

/// A member that somebody made a record of.
#[derive(Debug, Clone)]
struct Person {
    owner: HubId,
    thing: ThingId,
    record: ObjectId,
    card: ObjectId,
    /// The machine whose record it is: another one of its hub has records of its own.
    machine: usize,
    /// Its record was erased, and that is known to be durable.
    erased: bool,
}

/// A word that some field of a record had, and nothing else.
#[derive(Debug, Clone)]
struct Word {
    text: String,
    person: usize,
    /// The highest generation of the card that may have it; none if no card ever did.
    in_card: Option<u32>,
}

/// Everybody of whom something was said.
pub(crate) struct People {
    dice: Dice,
    all: Vec<Person>,
    words: Vec<Word>,
}

impl People {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed ^ 0x7065_6f70_6c65),
            all: Vec::new(),
            words: Vec::new(),
        }
    }

    fn word(&mut self, person: usize) -> String {
        let text = format!("[m{}x]", self.words.len());
        self.words.push(Word {
            text: text.clone(),
            person,
            in_card: None,
        });
        text
    }

    /// Says something else in one of the fields, or changes who may see what, or what was agreed to.
    fn alter(&mut self, person: usize, record: &mut Member) {
        const FIELDS: [Field; 4] = [Field::Name, Field::Headline, Field::Skills, Field::Biography];
        match self.dice.below(10) {
            0 => record.name = self.word(person),
            1 => record.headline = self.word(person),
            2 => {
                let word = self.word(person);
                record.skills.push(word);
            }
            3 => {
                let word = self.word(person);
                record.biography += &word;
            }
            4 => record.local.mail = self.word(person),
            5 | 6 => {
                let field = *self.dice.pick(&FIELDS).unwrap();
                let audience = *self.dice.pick(&Audience::ALL).unwrap();
                record.audiences.insert(field, audience);
            }
            7 => {
                for consent in record.consents.values_mut() {
                    consent.withdrawn_ms.get_or_insert(1);
                }
            }
            8 => {
                let number = record.consents.len();
                record.consents.insert(number.to_string(), consent());
            }
            _ => {
                let other = record.status == Status::MovedOn;
                record.status = if other { Status::Active } else { Status::MovedOn };
            }
        }
    }
}

/// To everything.
fn consent() -> Consent {
    Consent {
        at_ms: 1,
        audience: Audience::Public,
        fields: Field::ALL.into(),
        text_version: "1".into(),
        channel: "paper".into(),
        recorded_by: "desk".into(),
        withdrawn_ms: None,
    }
}

fn state(disk: &Disk, object: ObjectId) -> Option<ObjectState> {
    catalogue::get(disk, &ObjectKey(object)).unwrap().map(|row| row.state)
}

fn said(disk: &Disk, object: ObjectId) -> Option<Member> {
    members::read(disk, object).unwrap().map(|row| row.member)
}

fn has(member: &Member, word: &str) -> bool {
    format!("{member:?}").contains(word)
}

impl Scenario<'_> {
    /// Now and then an operator does something about a member.
    pub(super) fn somebody_is_edited(&mut self) {
        if self.plan.people {
            for _ in 0..2 {
                if self.people.dice.one_in(ONE_IN) {
                    self.edit_somebody();
                }
            }
        }
    }

    fn edit_somebody(&mut self) {
        let up = self.world.up();
        let Some(machine) = self.people.dice.pick(&up).copied() else {
            return;
        };
        let hub = self.world.hubs[machine].clone();
        if is_outside(&self.world, machine) || self.diary.liar == Some(hub.id) || self.tried.is_thief(machine) {
            return;
        }
        let disk = &hub.disk;
        let own: Vec<usize> = (0..self.people.all.len())
            .filter(|person| {
                let person = &self.people.all[*person];
                person.machine == machine && said(disk, person.record).is_some()
            })
            .collect();
        let (what, done) = if own.len() < 2 || self.people.dice.one_in(5) {
            self.add_somebody(machine)
        } else {
            let person = *self.people.dice.pick(&own).unwrap();
            if self.people.dice.one_in(12) {
                self.erase_somebody(person)
            } else {
                self.change_somebody(person)
            }
        };
        let outcome = if done { "" } else { ": refused" };
        self.world.tell(format_args!("{} {what}{outcome}", hub.name));
    }

    fn add_somebody(&mut self, machine: usize) -> (String, bool) {
        let owner = self.world.hubs[machine].id;
        let number = self.people.all.len();
        let thing = ThingId::new(owner, (number as u64 | 1 << 40).to_be_bytes());
        let derive = |log| object(self.network, owner, log, thing);
        let person = Person {
            owner,
            thing,
            record: derive(LogId::LOCAL),
            card: derive(LogId::NETWORK),
            machine,
            erased: false,
        };
        self.people.all.push(person);
        let mut record = Member {
            name: self.people.word(number),
            ..Member::default()
        };
        let chosen = [Field::Name, Field::Headline].map(|field| (field, Audience::Network));
        record.audiences = chosen.into();
        for _ in 0..self.people.dice.below(4) {
            self.people.alter(number, &mut record);
        }
        (format!("adds member {number}"), self.write_both(number, None, &record))
    }

    fn change_somebody(&mut self, person: usize) -> (String, bool) {
        let Person { record, machine, .. } = self.people.all[person];
        let before = said(&self.world.hubs[machine].disk, record).unwrap();
        let mut after = before.clone();
        for _ in 0..=self.people.dice.below(2) {
            self.people.alter(person, &mut after);
        }
        let done = self.write_both(person, Some(&before), &after);
        (format!("edits member {person}"), done)
    }

    /// The record and the card, in the order in which a node writes them.
    fn write_both(&mut self, person: usize, before: Option<&Member>, after: &Member) -> bool {
        let Person {
            thing,
            record,
            card,
            machine,
            ..
        } = self.people.all[person];
        let hub = self.world.hubs[machine].clone();
        let reading = interhub_domain::document::Reading::Member(Box::new(after.clone()));
        let write = match before {
            None => Some(Write::Create {
                log: LogId::LOCAL,
                kind: DocumentKind::Member,
                thing,
                reading,
            }),
            Some(before) if before != after => Some(Write::Renew {
                object: record,
                reading,
            }),
            Some(_) => None,
        };
        let shown = said(&hub.disk, card);
        let wanted = after.card();
        let of_card = card_write(thing, card, shown.as_ref(), wanted.clone());
        // What a card may have from now on, whatever becomes of the writing of it.
        let next = state(&hub.disk, card).map_or(0, |state| state.generation() + 1);
        for word in self.people.words.iter_mut().filter(|word| word.person == person) {
            let is_in = |member: &Option<Member>| member.as_ref().is_some_and(|member| has(member, &word.text));
            if is_in(&wanted) {
                word.in_card = word.in_card.max(Some(next));
            } else if is_in(&shown) {
                word.in_card = word.in_card.max(next.checked_sub(1));
            }
        }
        let takes_back = matches!(of_card, Some(Write::Withdraw { .. } | Write::Renew { .. }));
        let writes = if takes_back { [of_card, write] } else { [write, of_card] };
        let mut all = writes.into_iter().flatten();
        all.all(|write| hub.ledger().write(vec![write]).is_ok())
    }

    fn erase_somebody(&mut self, person: usize) -> (String, bool) {
        let Person {
            record, card, machine, ..
        } = self.people.all[person];
        let hub = self.world.hubs[machine].clone();
        let has_card = state(&hub.disk, card).is_some_and(|state| state.created.is_some());
        let objects = has_card.then_some(card).into_iter().chain([record]);
        let done = hub
            .ledger()
            .write(objects.map(|object| Write::Erase { object }).collect())
            .is_ok();
        self.people.all[person].erased = done;
        (format!("erases member {person}"), done)
    }

    /// What has to hold of members in the end. `belonging`: the machines of honest hubs that belong.
    pub(super) fn check_people(&self, belonging: &[usize]) -> Result<(), String> {
        for (machine, hub) in self.world.hubs.iter().enumerate() {
            let contents = hub.disk.contents();
            for word in &self.people.words {
                let person = &self.people.all[word.person];
                if person.owner == hub.id {
                    continue;
                }
                let gone = || belonging.contains(&machine) && self.is_taken_back(&self.world, machine, word);
                if (word.in_card.is_none() || gone())
                    && let Some(family) = contains(&contents, word.text.as_bytes())
                {
                    let why = word.in_card.map_or("which no card had", |_| "which was taken back");
                    return Err(format!(
                        "{} of member {}, {why}, is in {family:?} of {}",
                        word.text, word.person, hub.name
                    ));
                }
            }
        }
        self.erased_people_are_gone(belonging)
    }

    /// Whether what the card says by now, at this machine, is without the word, and every generation that may have had it is erased.
    fn is_taken_back(&self, world: &World<'_>, machine: usize, word: &Word) -> bool {
        let card = self.people.all[word.person].card;
        let disk = &world.hubs[machine].disk;
        let erased = state(disk, card).and_then(|state| state.erased_through);
        let shown = said(disk, card);
        erased >= word.in_card && !shown.is_some_and(|shown| has(&shown, &word.text))
    }

    /// Nothing of an erased member is on the disk of its own machine either.
    fn erased_people_are_gone(&self, belonging: &[usize]) -> Result<(), String> {
        let mut all: BTreeMap<usize, Contents> = BTreeMap::new();
        for word in &self.people.words {
            let person = &self.people.all[word.person];
            let hub = &self.world.hubs[person.machine];
            let is_erased =
                |object| state(&hub.disk, object).is_none_or(|state| state.erased_through == Some(u32::MAX));
            if !belonging.contains(&person.machine) || !is_erased(person.record) || !is_erased(person.card) {
                continue;
            }
            let contents = all.entry(person.machine).or_insert_with(|| hub.disk.contents());
            if let Some(family) = contains(contents, word.text.as_bytes()) {
                return Err(format!(
                    "{} of member {}, who was erased ({}), is in {family:?} of {}",
                    word.text, word.person, person.erased, hub.name
                ));
            }
        }
        Ok(())
    }
}

fn object(network: NetworkId, owner: HubId, log: LogId, thing: ThingId) -> ObjectId {
    ObjectId::derive(network, owner, log, DocumentKind::Member, thing)
}
