//! Importing members from other programs' files: idempotent, whole for each member, and saying for each what became of it.
//!
//! What a file says is held against what the last file said of them ([`super::meant`] finds whom it means): only what differs becomes
//! so, and what people changed here since stays. A file never changes who may see what, and no wish in it is taken for a consent.

use std::collections::BTreeMap;
use std::sync::Arc;

use interhub_domain::contacts::{self, Column, Contact, Difference, Format, Notice, Refused};
use interhub_domain::ids::ThingId;
use interhub_domain::member::said::Prints;
use interhub_domain::member::{Member, Status};
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;

use super::fields::small_photo;
use super::meant::{Known, Meant, Person};
use super::reading;
use crate::clock::random_bytes;
use crate::command::import::MAX_REFUSED_LISTED;
use crate::command::{Class, CommandError, Commands};
use crate::store::catalogue::document::{OriginalFormat, OriginalRow};
use crate::store::catalogue::{decode_row, encode_row};
use crate::sync::{Ahead, WriteError};

/// Members written between two waits for the disk.
const MEMBERS_PER_SYNC: usize = 200;
/// Members that are worked out before their turn to be written.
const ROWS_AHEAD: usize = 64;
/// Members of whom it is listed what changes; the rest is only counted.
const MAX_CHANGES_LISTED: usize = 1_000;
/// Longest value in that list, in characters.
const MAX_VALUE_LISTED: usize = 200;
/// Different notices of one import, with those of the reader of the file: at most 200.
const MAX_NOTICES: usize = 250;
/// What is said where a file says that somebody wishes to be seen.
const WISH: &str = "the file says that they wish to be visible, which is no consent; ask them, and record it with `interhub member edit \
                    ID --audience FIELD=network --consent TEXT`";
/// What is said where somebody new is called like somebody who is there.
const NAMESAKE: &str =
    "somebody of this name is there already, with nothing else in common; if they are the same, erase one of the two";
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
        for line in known.namesakes {
            out.notice(line, NAMESAKE);
        }
        let total = parsed.contacts.len();
        let rows = parsed.contacts.into_iter().zip(meant);
        let rows: Vec<Row> = rows.map(|(contact, meant)| self.row(contact, meant)).collect();
        let dry_run = options.dry_run;
        // New members are worked out while those before them are written: each is half of the work.
        let work = |row| self.work_ahead(row, dry_run);
        self.tasks.ahead(rows, ROWS_AHEAD, work, |ready| {
            for (index, (line, wish, row)) in ready.enumerate() {
                if wish {
                    out.notice(line, WISH);
                }
                match row.and_then(|row| self.import_member(row, dry_run, &mut out)) {
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
            Ok(())
        })?;
        self.ledger.make_durable()?;
        progress(total as u64, total as u64);
        out.refused.sort_by_key(|refused| refused.line);
        Ok(out)
    }

    fn row(&self, contact: Contact, meant: Result<Meant, String>) -> Row {
        Row {
            contact,
            meant,
            new: ThingId::new(self.ledger.own_id(), random_bytes(&*self.clock)),
            salt: random_bytes(&*self.clock),
        }
    }

    /// What needs no look at what is stored: of somebody new everything. With the line, and whether the file says that they wish to
    /// be seen.
    fn work_ahead(&self, row: Row, dry_run: bool) -> (u64, bool, Result<Ready, Unfit>) {
        let Row {
            contact,
            meant,
            new,
            salt,
        } = row;
        let (line, wish) = (contact.line, contact.said.visible == Some(true));
        let ready = match meant {
            Err(reason) => Err(Unfit::Member(reason)),
            Ok(Meant::Record(thing)) => Ok(Ready::Record(Box::new(contact), thing, salt)),
            // They may have been erased here because they moved on.
            Ok(Meant::Nobody) if contact.said.status == Some(Status::MovedOn) => Ok(Ready::Gone(line)),
            Ok(Meant::Nobody) => self.work_out_new(contact, new, salt, dry_run).map(Ready::New),
        };
        (line, wish, ready)
    }

    fn work_out_new(
        &self,
        contact: Contact,
        thing: ThingId,
        salt: [u8; 16],
        dry_run: bool,
    ) -> Result<Box<(Outcome, Option<Ahead>)>, Unfit> {
        let mut outcome = work_out(contact, thing, None, None, salt)?;
        self.date_new(&mut outcome.record);
        let ahead = if dry_run {
            None
        } else {
            let ahead = self
                .ledger
                .ahead(&reading(&outcome.record))
                .map_err(CommandError::from)?;
            Some(ahead)
        };
        Ok(Box::new((outcome, ahead)))
    }

    /// One member: of a record of this hub, or a new one.
    fn import_member(&self, row: Ready, dry_run: bool, out: &mut ImportedMembers) -> Result<(), Unfit> {
        let _alone = self.ledger.editing_members.lock();
        let (outcome, ahead) = match row {
            Ready::Gone(line) => {
                out.unchanged += 1;
                out.notice(line, "they moved on, and there is no record of them: none is made");
                return Ok(());
            }
            Ready::New(new) => *new,
            Ready::Record(contact, thing, salt) => {
                let before = self.record(thing)?.member;
                let kept = self.ledger.original(thing)?.as_ref().and_then(Kept::of);
                (work_out(*contact, thing, Some(before), kept, salt)?, None)
            }
        };
        let Outcome {
            line,
            thing,
            before,
            mut record,
            known,
            kept,
            notices,
        } = outcome;
        for notice in notices {
            out.notice(line, &notice);
        }
        let is_same = before.as_ref() == Some(&record);
        if !dry_run {
            if !is_same {
                self.write_dated(thing, before.as_ref(), &mut record, ahead)?;
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
            let blank = Member::default();
            let fields = contacts::differences(before.as_ref().unwrap_or(&blank), &record);
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
        let own = self.ledger.own_id();
        let mut people = BTreeMap::new();
        self.views.each_member(&mut |row| {
            if row.hub == own && row.is_record() {
                people.insert(row.thing, Person::of(&row.member));
            }
        })?;
        for (thing, person) in &mut people {
            let original = self.ledger.original(*thing)?;
            if let Some(kept) = original.as_ref().and_then(Kept::of) {
                person.uid = kept.uid;
                person.imported = true;
            }
        }
        Ok(Known::of(people))
    }
}

impl ImportedMembers {
    /// Something worth knowing; the same text is told once, with how often it happened.
    fn notice(&mut self, line: u64, text: &str) {
        if let Some(known) = self.notices.iter_mut().find(|notice| notice.text == text) {
            known.times += 1;
        } else if self.notices.len() < MAX_NOTICES {
            let text = text.to_owned();
            self.notices.push(Notice { line, times: 1, text });
        }
    }

    fn refuse(&mut self, line: u64, reason: String) {
        self.refused_count += 1;
        if self.refused.len() < MAX_REFUSED_LISTED {
            self.refused.push(Refused { line, reason });
        }
    }
}

/// What a row of a file comes to, given what is known of whom it means: the record there is, and what is kept of the last file.
fn work_out(
    contact: Contact,
    thing: ThingId,
    before: Option<Member>,
    kept_before: Option<Kept>,
    salt: [u8; 16],
) -> Result<Outcome, Unfit> {
    let Contact { line, uid, mut said } = contact;
    let mut notices = Vec::new();
    let photo = said.photo.take();
    said.photo = photo.as_deref().map(hash_of);
    // This hub's own table: it is no other program's memory, and all of it is meant.
    let is_own = uid.parse() == Ok(thing);
    let is_known = kept_before.is_some() || is_own;
    let known = kept_before.unwrap_or_else(|| Kept {
        salt,
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
        notices.push("they moved on, as is said here; the file says otherwise, and that is left out".to_owned());
    }
    let is_same_photo = |hash: &Vec<u8>| before.as_ref().is_some_and(|before| hash_of(&before.photo) == *hash);
    if new.photo.take_if(|hash| !is_same_photo(hash)).is_some() {
        new.photo = match photo.as_deref().map(small_photo).transpose() {
            Ok(photo) => photo,
            Err(error) => {
                notices.push(format!("{}; they are taken without it", error.message));
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
    Ok(Outcome {
        line,
        thing,
        before,
        record,
        known,
        kept,
        notices,
    })
}

/// One row of a file, and what is random about it.
struct Row {
    contact: Contact,
    meant: Result<Meant, String>,
    /// Who they are if they are new.
    new: ThingId,
    salt: [u8; 16],
}

/// A row, as far as it could be worked out ahead.
enum Ready {
    /// Somebody new, and the first change of their record.
    New(Box<(Outcome, Option<Ahead>)>),
    /// Somebody there is a record of.
    Record(Box<Contact>, ThingId, [u8; 16]),
    /// Somebody who moved on, at this line, and of whom there is no record.
    Gone(u64),
}

/// What a row comes to.
struct Outcome {
    line: u64,
    thing: ThingId,
    before: Option<Member>,
    record: Member,
    known: Kept,
    kept: Kept,
    notices: Vec<String>,
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

fn hash_of(photo: &[u8]) -> Vec<u8> {
    blake3::hash(photo).as_bytes().to_vec()
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_VALUE_LISTED) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}
