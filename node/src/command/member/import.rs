//! Importing members from other programs' files: idempotent, whole for each member, and saying for each what became of it.
//!
//! Who is meant by a row or card is found in this order: the id of a record of this hub, the id that the other program gave at an
//! earlier import, the member's number, the mail address, and the name if nothing else is known of either. What a file says is
//! held against what the last file said of them: only what differs becomes so, and what people changed here since stays. A file never
//! changes who may see what, and no wish in it is taken for a consent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use interhub_domain::contacts::{self, Column, Contact, Difference, Format, Notice, Refused};
use interhub_domain::ids::ThingId;
use interhub_domain::member::said::Prints;
use interhub_domain::member::{Member, Status};
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;

use super::fields::small_photo;
use crate::clock::random_bytes;
use crate::command::{Class, CommandError, Commands};
use crate::store::catalogue::document::{OriginalFormat, OriginalRow};
use crate::store::catalogue::{decode_row, encode_row};
use crate::sync::WriteError;

/// Members written between two waits for the disk.
const MEMBERS_PER_SYNC: usize = 200;
/// Refusals that are listed one by one; the rest is only counted.
const MAX_REFUSED_LISTED: usize = 1_000;
/// Members of whom it is listed what changes; the rest is only counted.
const MAX_CHANGES_LISTED: usize = 1_000;
/// Longest value in that list, in characters.
const MAX_VALUE_LISTED: usize = 200;
/// Version byte of what is kept of a file.
const KEPT_VERSION: u8 = 1;

/// How an import is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberImport {
    /// Only say what would happen.
    pub dry_run: bool,
    /// What the file is; seen by its content if not said.
    pub format: Option<Format>,
    /// What columns of a table are taken for, by their headers.
    pub map: Vec<(String, Column)>,
}

/// What became of an import.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedMembers {
    /// Where it came from, as given.
    pub source: String,
    /// What the file was taken for.
    pub format: Format,
    /// Rows or cards in the file; the sum of the others.
    pub members: u64,
    /// New ones.
    pub added: u64,
    /// Ones that read differently now.
    pub changed: u64,
    /// Ones that were the same.
    pub unchanged: u64,
    /// Those not taken, and why; the first thousand.
    pub refused: Vec<Refused>,
    /// How many were not taken.
    pub refused_count: u64,
    /// What was put right or left out.
    pub notices: Vec<Notice>,
    /// Of a table: each header and what its column is taken for.
    pub columns: Vec<(String, Option<Column>)>,
    /// What is new and what differs; the first thousand members.
    pub changes: Vec<MemberChange>,
}

/// What an import does to one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberChange {
    /// Where the row or card starts.
    pub line: u64,
    /// The member; none of one that would be new.
    pub thing: Option<ThingId>,
    /// Their name afterwards.
    pub name: String,
    /// They are new.
    pub added: bool,
    /// What differs.
    pub fields: Vec<Difference>,
}

/// What is kept of the last file beside a record, to tell next time what a file changed. It goes with the record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// What the other program knows the member by.
    uid: String,
    /// Random; what the prints are made with.
    salt: [u8; 16],
    /// Of what it said only this: text that was taken back here must not live on.
    prints: Prints,
}

impl Kept {
    fn of(row: &OriginalRow) -> Option<Self> {
        if row.format != OriginalFormat::Contact {
            return None;
        }
        decode_row(KEPT_VERSION, &row.text)
    }

    fn row(&self) -> OriginalRow {
        let text = encode_row(KEPT_VERSION, self);
        let fingerprint = *blake3::hash(&text).as_bytes();
        OriginalRow {
            format: OriginalFormat::Contact,
            fingerprint,
            text,
        }
    }
}

impl Commands {
    /// Lets one import of members begin; it goes on for as long as the permit is there.
    pub fn begin_importing_members(&self) -> Result<OwnedSemaphorePermit, CommandError> {
        let busy = |_| {
            let line = "an import of members is running already; try again when it is done";
            CommandError::new(Class::Precondition, line)
        };
        Arc::clone(&self.importing_members).try_acquire_owned().map_err(busy)
    }

    /// Imports members of a file. `progress` is told how many of how many are done. Blocks; see [`Commands::blocking`].
    pub fn import_members(
        &self,
        source: &str,
        bytes: &[u8],
        options: &MemberImport,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<ImportedMembers, CommandError> {
        if self.ledger.network().is_none() {
            return Err(WriteError::NoNetwork.into());
        }
        self.may_show_members()?;
        let parsed = contacts::read(bytes, options.format, &options.map)
            .map_err(|error| CommandError::usage(error.to_string()))?;
        let mut known = self.known_members()?;
        let meant = known.find(&parsed.contacts);
        let mut out = ImportedMembers {
            source: source.to_owned(),
            format: parsed.format,
            members: (parsed.contacts.len() + parsed.refused.len()) as u64,
            added: 0,
            changed: 0,
            unchanged: 0,
            refused: Vec::new(),
            refused_count: 0,
            notices: parsed.notices,
            columns: parsed.columns,
            changes: Vec::new(),
        };
        for refused in parsed.refused {
            out.refuse(refused.line, refused.reason);
        }
        let mut wishes = Wishes::default();
        let total = parsed.contacts.len();
        for (index, (contact, meant)) in parsed.contacts.into_iter().zip(meant).enumerate() {
            let line = contact.line;
            wishes.count(&contact);
            match meant.and_then(|meant| self.import_member(contact, meant, options.dry_run, &mut out)) {
                Ok(()) => {}
                Err(Unfit::Member(reason)) => out.refuse(line, reason),
                Err(Unfit::Import(error)) => return Err(error),
            }
            let done = index + 1;
            if done % MEMBERS_PER_SYNC == 0 {
                self.ledger.make_durable()?;
                progress(done as u64, total as u64);
            }
        }
        self.ledger.make_durable()?;
        progress(total as u64, total as u64);
        out.notices.extend(known.notices());
        out.notices.extend(wishes.notice());
        out.refused.sort_by_key(|refused| refused.line);
        Ok(out)
    }

    /// One member: of a record of this hub, or a new one.
    fn import_member(
        &self,
        contact: Contact,
        meant: Meant,
        dry_run: bool,
        out: &mut ImportedMembers,
    ) -> Result<(), Unfit> {
        let Contact { line, uid, mut said } = contact;
        let photo = said.photo.take();
        said.photo = photo.as_deref().map(hash_of);
        let _alone = self.ledger.editing_members.lock();
        let (thing, before) = match meant {
            Meant::Record(thing) => (thing, Some(self.record(thing)?.member)),
            // They may have been erased here because they moved on.
            Meant::Nobody if said.status == Some(Status::MovedOn) => {
                out.unchanged += 1;
                let text = "they moved on, and there is no record of them: none is made";
                out.notices.push(told(line, text.to_owned()));
                return Ok(());
            }
            Meant::Nobody => (ThingId::new(self.ledger.own_id(), random_bytes(&*self.clock)), None),
        };
        let original = before.is_some().then(|| self.ledger.original(thing)).transpose()?;
        let known = original.flatten().and_then(|row| Kept::of(&row));
        // This hub's own table: it is no other program's memory, and all of it is meant.
        let is_own = uid.parse() == Ok(thing);
        let is_known = known.is_some() || is_own;
        let known = known.unwrap_or_else(|| Kept {
            salt: random_bytes(&*self.clock),
            ..Kept::default()
        });
        let mut kept = known.clone();
        let mut before_it = Prints::new();
        if !is_own {
            kept.prints.extend(said.prints(&known.salt));
            before_it.clone_from(&known.prints);
            if !uid.is_empty() {
                kept.uid = uid;
            }
        }
        let mut new = said.since(&before_it, &known.salt);
        let moved_on = before.as_ref().is_some_and(|before| before.status == Status::MovedOn);
        if moved_on && !is_known && new.status.take().is_some_and(|status| status != Status::MovedOn) {
            let text = "they moved on, as is said here; the file says otherwise, and that is left out";
            out.notices.push(told(line, text.to_owned()));
        }
        let is_same_photo = |hash: &Vec<u8>| before.as_ref().is_some_and(|before| hash_of(&before.photo) == *hash);
        if new.photo.take_if(|hash| !is_same_photo(hash)).is_some() {
            new.photo = match photo.as_deref().map(small_photo).transpose() {
                Ok(photo) => photo,
                Err(error) => {
                    out.notices
                        .push(told(line, format!("{}; they are taken without it", error.message)));
                    None
                }
            };
        } else {
            new.photo = None;
        }
        let mut record = before.clone().unwrap_or_default();
        new.put_into(&mut record);
        if record.name.is_empty() {
            return Err(Unfit::Member("it has no name, which a new member needs".to_owned()));
        }
        let fields = contacts::differences(before.as_ref().unwrap_or(&Member::default()), &record);
        let is_same = before.as_ref() == Some(&record);
        if !dry_run {
            if !is_same {
                self.write_record(thing, before.as_ref(), &mut record)?;
            }
            if kept != known {
                self.ledger.keep_original(thing, &kept.row())?;
            }
        }
        match (&before, is_same) {
            (Some(_), true) => out.unchanged += 1,
            (Some(_), false) => out.changed += 1,
            (None, _) => out.added += 1,
        }
        if !is_same && out.changes.len() < MAX_CHANGES_LISTED {
            let shortened = fields.into_iter().map(|one| Difference {
                before: shortened(one.before),
                after: shortened(one.after),
                ..one
            });
            out.changes.push(MemberChange {
                line,
                thing: (before.is_some() || !dry_run).then_some(thing),
                name: record.name,
                added: before.is_none(),
                fields: shortened.collect(),
            });
        }
        Ok(())
    }

    /// Everybody this hub has a record of, by what a file may know them by.
    fn known_members(&self) -> Result<Known, CommandError> {
        let mut known = Known::default();
        let own = self.ledger.own_id();
        self.views.each_member(&mut |row| {
            if row.hub == own && row.is_record() {
                known.people.insert(row.thing, Person::of(&row.member));
            }
        })?;
        for (thing, person) in &mut known.people {
            let original = self.ledger.original(*thing)?;
            if let Some(kept) = original.as_ref().and_then(Kept::of) {
                person.uid = kept.uid;
                person.imported = true;
            }
        }
        known.index();
        Ok(known)
    }
}

impl ImportedMembers {
    fn refuse(&mut self, line: u64, reason: String) {
        self.refused_count += 1;
        if self.refused.len() < MAX_REFUSED_LISTED {
            self.refused.push(Refused { line, reason });
        }
    }
}

/// Whom a row or card means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meant {
    Record(ThingId),
    Nobody,
}

/// Why a member is not taken, or nothing more can be.
enum Unfit {
    /// This one only.
    Member(String),
    /// The import cannot go on.
    Import(CommandError),
}

impl From<CommandError> for Unfit {
    fn from(error: CommandError) -> Self {
        match error.class {
            Class::Usage | Class::NotFound | Class::Refused => Self::Member(error.message),
            _ => Self::Import(error),
        }
    }
}

impl From<crate::store::StoreError> for Unfit {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Import(error.into())
    }
}

/// What somebody is recognised by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Person {
    uid: String,
    number: String,
    mail: String,
    name: String,
    /// A file said something of them before.
    imported: bool,
}

impl Person {
    fn of(member: &Member) -> Self {
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
struct Known {
    people: BTreeMap<ThingId, Person>,
    by_uid: BTreeMap<String, Vec<ThingId>>,
    by_number: BTreeMap<String, Vec<ThingId>>,
    by_mail: BTreeMap<String, Vec<ThingId>>,
    by_name: BTreeMap<String, Vec<ThingId>>,
    /// Whom rows mean already.
    taken: BTreeSet<ThingId>,
    namesakes: Vec<u64>,
}

type Found = Result<Option<ThingId>, String>;

impl Known {
    fn index(&mut self) {
        for (thing, person) in &self.people {
            for (index, key) in [
                (&mut self.by_uid, &person.uid),
                (&mut self.by_number, &person.number),
                (&mut self.by_mail, &person.mail),
                (&mut self.by_name, &person.name),
            ] {
                if !key.is_empty() {
                    index.entry(key.clone()).or_default().push(*thing);
                }
            }
        }
    }

    /// Whom each of these means. What is certain goes first, wherever in the file it is.
    fn find(&mut self, contacts: &[Contact]) -> Vec<Result<Meant, Unfit>> {
        let people: Vec<Person> = contacts.iter().map(Person::of_contact).collect();
        // Of several that nothing tells apart only the first is taken: the next import would not know which is which.
        let mut firsts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        let mut out: Vec<Option<Result<Meant, Unfit>>> = Vec::with_capacity(people.len());
        for (person, contact) in people.iter().zip(contacts) {
            let first = if person.uid.is_empty() {
                firsts.insert((&person.name, &person.mail), contact.line)
            } else {
                None
            };
            out.push(first.map(|line| {
                Err(Unfit::Member(format!(
                    "line {line} has the same name and mail address, and nothing tells them apart; give them numbers"
                )))
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
                        *meant = Some(Err(Unfit::Member(reason.to_owned())));
                    }
                    Err(reason) => *meant = Some(Err(Unfit::Member(reason))),
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

    fn notices(&self) -> Option<Notice> {
        let line = *self.namesakes.first()?;
        Some(Notice {
            line,
            times: self.namesakes.len() as u64,
            text: "somebody of this name is there already, with nothing else in common; if they are the same, erase one of the two"
                .to_owned(),
        })
    }
}

/// What a file says of who wishes to be seen.
#[derive(Debug, Default)]
struct Wishes {
    seen: Vec<u64>,
}

impl Wishes {
    fn count(&mut self, contact: &Contact) {
        if contact.said.visible == Some(true) {
            self.seen.push(contact.line);
        }
    }

    fn notice(&self) -> Option<Notice> {
        let line = *self.seen.first()?;
        Some(Notice {
            line,
            times: self.seen.len() as u64,
            text: "the file says that they wish to be visible, which is no consent; ask them, and record it with \
                   `interhub member edit ID --audience FIELD=network --consent TEXT`"
                .to_owned(),
        })
    }
}

fn hash_of(photo: &[u8]) -> Vec<u8> {
    blake3::hash(photo).as_bytes().to_vec()
}

fn told(line: u64, text: String) -> Notice {
    Notice { line, times: 1, text }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_VALUE_LISTED) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}
