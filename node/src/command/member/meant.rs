//! Whom a row or card of a file means.
//!
//! It is found in this order: the id of a record of this hub, the id that the other program gave at an earlier import, the member's
//! number, mail address and name together, and the name if nothing else is known of either. Who might be somebody else is not
//! guessed.

use std::collections::{BTreeMap, BTreeSet};

use interhub_domain::contacts::Contact;
use interhub_domain::ids::ThingId;
use interhub_domain::member::Member;

/// Whom a row or card means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meant {
    /// A record of this hub.
    Record(ThingId),
    /// Somebody new.
    Nobody,
}

/// What somebody is recognised by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Person {
    /// What the other program knows them by, if a file said so before.
    pub(super) uid: String,
    number: String,
    mail: String,
    name: String,
    /// A file said something of them before.
    pub(super) imported: bool,
}

impl Person {
    /// By a record.
    pub(super) fn of(member: &Member) -> Self {
        Self {
            uid: String::new(),
            number: member.local.number.clone(),
            mail: folded(&member.local.mail),
            name: folded(&member.name),
            imported: false,
        }
    }

    fn of_contact(contact: &Contact) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            uid: contact.uid.clone(),
            number: text(&contact.said.number),
            mail: folded(&text(&contact.said.mail)),
            name: folded(&text(&contact.said.name)),
            imported: true,
        }
    }

    /// Another name, and not the same mail address: with the same id or number it may be somebody else's row.
    fn is_stranger_to(&self, other: &Self) -> bool {
        let same = |one: &str, other: &str| !one.is_empty() && one == other;
        !other.name.is_empty() && self.name != other.name && !same(&self.mail, &other.mail)
    }
}

fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Everybody there is a record of.
#[derive(Debug, Default)]
pub(super) struct Known {
    people: BTreeMap<ThingId, Person>,
    by_uid: BTreeMap<String, Vec<ThingId>>,
    by_number: BTreeMap<String, Vec<ThingId>>,
    by_mail: BTreeMap<String, Vec<ThingId>>,
    by_name: BTreeMap<String, Vec<ThingId>>,
    /// Whom rows mean already.
    taken: BTreeSet<ThingId>,
    /// Lines of new ones who are called like somebody who is there.
    pub(super) namesakes: Vec<u64>,
}

type Found = Result<Option<ThingId>, String>;

impl Known {
    /// Everybody, made ready to be found.
    pub(super) fn of(people: BTreeMap<ThingId, Person>) -> Self {
        let mut this = Self {
            people,
            ..Self::default()
        };
        for (thing, person) in &this.people {
            for (index, key) in [
                (&mut this.by_uid, &person.uid),
                (&mut this.by_number, &person.number),
                (&mut this.by_mail, &person.mail),
                (&mut this.by_name, &person.name),
            ] {
                if !key.is_empty() {
                    index.entry(key.clone()).or_default().push(*thing);
                }
            }
        }
        this
    }

    /// Whom each of these means, or why it may not be taken. What is certain goes first, wherever in the file it is.
    pub(super) fn find(&mut self, contacts: &[Contact]) -> Vec<Result<Meant, String>> {
        let people: Vec<Person> = contacts.iter().map(Person::of_contact).collect();
        // Of several that nothing tells apart only the first is taken: the next import would not know which is which.
        let mut firsts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        let mut out: Vec<Option<Result<Meant, String>>> = Vec::with_capacity(people.len());
        for (person, contact) in people.iter().zip(contacts) {
            let first = if person.uid.is_empty() {
                firsts.insert((&person.name, &person.mail), contact.line)
            } else {
                None
            };
            out.push(first.map(|line| {
                Err(format!(
                    "line {line} has the same name and mail address, and nothing tells them apart; give them numbers"
                ))
            }));
        }
        let ways: [fn(&Self, &Person) -> Found; 4] = [
            Self::by_own_id,
            Self::by_their_id,
            Self::by_mail_and_name,
            Self::by_what_is_left,
        ];
        for way in ways {
            for (person, meant) in people.iter().zip(&mut out) {
                if meant.is_some() {
                    continue;
                }
                match way(self, person) {
                    Ok(None) => {}
                    Ok(Some(thing)) if self.taken.insert(thing) => *meant = Some(Ok(Meant::Record(thing))),
                    Ok(Some(_)) => {
                        let reason =
                            "another line of the file means the same record; correct one of them, or give them numbers";
                        *meant = Some(Err(reason.to_owned()));
                    }
                    Err(reason) => *meant = Some(Err(reason)),
                }
            }
        }
        for ((person, contact), meant) in people.iter().zip(contacts).zip(&out) {
            if meant.is_none() && self.by_name.contains_key(&person.name) {
                self.namesakes.push(contact.line);
            }
        }
        out.into_iter()
            .map(|meant| meant.unwrap_or(Ok(Meant::Nobody)))
            .collect()
    }

    /// A table or cards that this hub has exported.
    #[expect(clippy::unnecessary_wraps, reason = "one of several ways")]
    fn by_own_id(&self, one: &Person) -> Found {
        let thing: Option<ThingId> = one.uid.parse().ok();
        Ok(thing.filter(|thing| self.people.contains_key(thing)))
    }

    /// By the id in the other program, or the number.
    fn by_their_id(&self, one: &Person) -> Found {
        for (index, key, what) in [(&self.by_uid, &one.uid, "id"), (&self.by_number, &one.number, "number")] {
            let Some(found) = index.get(key) else { continue };
            let [thing] = found.as_slice() else {
                return Err(format!(
                    "several records have this {what}; give all but one of them another number"
                ));
            };
            if self.person(*thing).is_some_and(|known| known.is_stranger_to(one)) {
                return Err(format!(
                    "the record with this {what} ({thing}) has another name, and not the same mail address; if they are the same, \
                     correct one of the two and import again"
                ));
            }
            return Ok(Some(*thing));
        }
        Ok(None)
    }

    fn by_mail_and_name(&self, one: &Person) -> Found {
        let all = self.free(&self.by_mail, &one.mail, one);
        let named = |thing: &&ThingId| self.person(**thing).is_some_and(|known| known.name == one.name);
        let found: Vec<ThingId> = all.iter().filter(named).copied().collect();
        match found.as_slice() {
            [] => Ok(None),
            [thing] => Ok(Some(*thing)),
            _ => Err("several records have this name and mail address; give them numbers".to_owned()),
        }
    }

    /// By a mail address alone, or the name of somebody of whom nothing else is known.
    fn by_what_is_left(&self, one: &Person) -> Found {
        match self.free(&self.by_mail, &one.mail, one).as_slice() {
            [] => {}
            [thing] if one.name.is_empty() => return Ok(Some(*thing)),
            [thing] => {
                return Err(format!(
                    "the record with this mail address ({thing}) has another name; if they are the same, correct one of the two and \
                     import again"
                ));
            }
            _ => {
                return Err(
                    "several records have this mail address, none of them this name; give them numbers".to_owned(),
                );
            }
        }
        if !one.number.is_empty() || !one.mail.is_empty() {
            return Ok(None);
        }
        let bare = |thing: &ThingId| {
            let known = self.person(*thing);
            known.is_some_and(|known| known.number.is_empty() && known.mail.is_empty())
        };
        let mut all = self.free(&self.by_name, &one.name, one);
        all.retain(bare);
        match all.as_slice() {
            [] => Ok(None),
            [thing] => Ok(Some(*thing)),
            _ => Err("several records have this name, and nothing tells them apart; give them numbers".to_owned()),
        }
    }

    /// Records with this key that no other line means, and that the other program does not know by another id.
    fn free(&self, index: &BTreeMap<String, Vec<ThingId>>, key: &str, one: &Person) -> Vec<ThingId> {
        let fits = |known: &Person| {
            let differ = |a: &str, b: &str| !a.is_empty() && !b.is_empty() && a != b;
            let other_id = known.imported && differ(&known.uid, &one.uid);
            !other_id && !differ(&known.number, &one.number)
        };
        let all = index.get(key).into_iter().flatten().copied();
        all.filter(|thing| !self.taken.contains(thing) && self.person(*thing).is_some_and(fits))
            .collect()
    }

    fn person(&self, thing: ThingId) -> Option<&Person> {
        self.people.get(&thing)
    }
}
