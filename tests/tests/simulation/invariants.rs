//! What has to hold when everything is mended and quiet: all honest hubs that belong agree, nothing leaked, nothing that
//! was acknowledged is lost, and what is shown is what a rebuild shows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use interhub_domain::frontier::RowKey;
use interhub_domain::ids::{DocumentKind, HubId, LogId, NetworkId, ObjectId};
use interhub_domain::registry::{Member, Roster, State};
use interhub_node::peer::Host;
use interhub_node::projection::HubRow;
use interhub_node::store::Family;
use interhub_node::store::catalogue::document::{TombstoneKey, WholeEnvelope};
use interhub_node::store::catalogue::left_out::LeftOutRow;
use interhub_node::store::catalogue::log::{LogKey, LogRow, PositionKey, Received, Standing};
use interhub_node::store::catalogue::object::{ObjectKey, ObjectRow};
use interhub_node::store::catalogue::{self, Key, Value, decode_row, encode_row};
use interhub_node::sync::{Ledger, LedgerHost};

use super::disk::{Contents, Disk};
use super::hub::SimHub;
use super::operators::{Added, Diary, Word, seen, seen_shown};
use super::world::World;

/// More than any log of a simulation has.
const ALL: usize = 1 << 24;

/// What hubs that agree have in common, in a form that is quick to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Agreement {
    shared: Option<[u8; 32]>,
    documents: ([u8; 32], u64),
    roster: SeenRoster,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeenRoster {
    members: BTreeMap<HubId, Member>,
    guests_per_voter: usize,
    decisions: Vec<([u8; 32], bool, usize)>,
}

pub(crate) fn seen_roster(roster: &Roster) -> SeenRoster {
    let decisions = roster.ballots.all();
    SeenRoster {
        members: roster.members.clone(),
        guests_per_voter: roster.guests_per_voter,
        decisions: decisions
            .map(|one| (one.id.0, matches!(one.state, State::Taken(_)), one.signed().count()))
            .collect(),
    }
}

/// What a ledger has in common with those it agrees with.
pub(crate) fn agreement(ledger: &Ledger) -> Agreement {
    Agreement {
        shared: ledger.frontier().shared_digest(),
        documents: ledger.digests().unwrap(),
        roster: seen_roster(&ledger.roster()),
    }
}

impl Agreement {
    /// A few digits of it all.
    pub(crate) fn short(&self) -> String {
        let mut hasher = std::hash::DefaultHasher::new();
        std::hash::Hash::hash(&format!("{self:?}"), &mut hasher);
        let hubs = self.roster.members.len();
        let (decisions, documents) = (self.roster.decisions.len(), self.documents.1);
        let digits = std::hash::Hasher::finish(&hasher);
        format!("{hubs} hubs, {decisions} decisions, {documents} documents, {digits:016x}")
    }
}

/// In what two hubs differ, in a few words.
pub(crate) fn difference(one: &Agreement, other: &Agreement) -> String {
    let mut words = Vec::new();
    if one.shared != other.shared {
        words.push("logs".to_owned());
    }
    if one.documents != other.documents {
        words.push(format!("documents ({} and {})", one.documents.1, other.documents.1));
    }
    for (hub, member) in &one.roster.members {
        let theirs = other.roster.members.get(hub);
        if theirs != Some(member) {
            words.push(format!("member {member:?} and {theirs:?}"));
        }
    }
    if one.roster.guests_per_voter != other.roster.guests_per_voter {
        words.push("rules".to_owned());
    }
    if one.roster.decisions != other.roster.decisions {
        let (a, b) = (&one.roster.decisions, &other.roster.decisions);
        let (only_a, only_b) = (
            a.iter().filter(|one| !b.contains(one)),
            b.iter().filter(|one| !a.contains(one)),
        );
        let short = |(id, taken, signed): &([u8; 32], bool, usize)| {
            format!("{:02x}{:02x} taken {taken} by {signed}", id[0], id[1])
        };
        let (a, b): (Vec<_>, Vec<_>) = (only_a.map(short).collect(), only_b.map(short).collect());
        words.push(format!("decisions {a:?} and {b:?}"));
    }
    words.join(", ")
}

/// Logs that two hubs hold differently, the first few, and what comes of it if each is told what the other one has.
pub(crate) fn differing_logs(one: &Arc<Ledger>, other: &Arc<Ledger>) -> Vec<String> {
    let (a, b) = (one.frontier(), other.frontier());
    let rows: BTreeSet<_> = a.rows().chain(b.rows()).map(|(row, _)| row).collect();
    let differ = rows
        .into_iter()
        .filter(|row| row.log.is_shared() && a.head(row) != b.head(row));
    let told = |row, from: &Arc<Ledger>, to: &Ledger| {
        let log = LedgerHost::new(from.clone()).read_log(row, 0, ALL, ALL);
        to.take(&log)
            .map_or_else(|error| error.to_string(), |(_, refused)| format!("{refused:?}"))
    };
    let text = |row: RowKey| {
        let (heads, ends) = ((a.head(&row), b.head(&row)), (a.end(&row), b.end(&row)));
        let (to_other, to_one) = (told(row, one, other), told(row, other, one));
        format!("{row:?}: {heads:?}, ends {ends:?}; told of it: {to_one} and {to_other}")
    };
    differ.map(text).take(5).collect()
}

/// Documents that two hubs know differently, the first few, and what each makes of the tombstone that one of them keeps.
pub(crate) fn differing_documents((one, ledger): (&Disk, &Ledger), (other, others): (&Disk, &Ledger)) -> Vec<String> {
    let (a, b) = (documents(one), documents(other));
    let all: BTreeSet<ObjectId> = a.keys().chain(b.keys()).copied().collect();
    let what =
        |row: Option<&ObjectRow>| row.map(|row| (row.state.created, row.state.heads.clone(), row.state.erased_through));
    let differ = all.into_iter().filter(|id| what(a.get(id)) != what(b.get(id)));
    let kept = |disk: &Disk, object| catalogue::get(disk, &TombstoneKey(object)).unwrap();
    let text = |id: ObjectId| {
        let states = (a.get(&id), b.get(&id));
        let tombstones = [kept(one, id), kept(other, id)].map(|kept| kept.map(WholeEnvelope::envelope));
        let standing = |ledger: &Ledger| {
            let known = tombstones.iter().flatten().map(|tombstone| {
                let row = RowKey::of(&tombstone.header);
                let (held, end) = (ledger.standing_of(tombstone.hash()), ledger.frontier().end(&row));
                let at = ledger
                    .header_at(row, tombstone.header.seq)
                    .map(|at| at.map(|at| at.hash()));
                format!(
                    "{held:?}, there {at:?}, shown {:?}, ends {end:?}",
                    ledger.frontier().head(&row)
                )
            });
            known.collect::<Vec<_>>().join("; ")
        };
        let (here, there) = (standing(ledger), standing(others));
        format!(
            "{}: {states:?}, tombstones {tombstones:?}\n      here {here}\n      there {there}",
            id.short()
        )
    };
    differ.map(text).take(3).collect()
}

/// Checks everything. `belonging`: the machines of honest hubs that belong.
pub(crate) fn check(world: &World<'_>, diary: &Diary, belonging: &[usize]) -> Result<(), String> {
    let Some((first, others)) = belonging.split_first() else {
        return Ok(());
    };
    for other in others {
        same_logs(world, *first, *other)?;
        same_documents(world, *first, *other)?;
    }
    if let Some(fault) = diary.faults.first() {
        return Err(fault.clone());
    }
    groups_agree(world, diary, belonging)?;
    nothing_leaked(world, diary)?;
    hiding_is_its_own_business(world, diary, belonging)?;
    for machine in belonging {
        erased_is_gone(world, diary, *machine, belonging)?;
        nothing_lost(world, diary, *machine)?;
        rebuild_shows_the_same(world, *machine)?;
    }
    Ok(())
}

fn rows<K: Key>(contents: &Contents, family: Family) -> impl Iterator<Item = (K, K::Value)> {
    let table = contents.get(&family).into_iter().flatten();
    table.map(move |(key, value)| (K::decode(family, key).unwrap(), K::Value::decode(value).unwrap()))
}

/// What the log row of every shared envelope says, up to where its log is cut.
fn standings(world: &World<'_>, machine: usize, which: impl Fn(LogId) -> bool) -> BTreeMap<LogKey, LogRow> {
    let hub = &world.hubs[machine];
    let frontier = hub.ledger().frontier();
    let contents = hub.disk.contents();
    let mut out: BTreeMap<LogKey, LogRow> = rows::<LogKey>(&contents, Family::Log)
        .filter(|(key, _)| which(key.log))
        .map(|(key, row)| {
            // Who delivered it, and when, is each hub's own experience.
            let received = Received::UNKNOWN;
            (key, LogRow { received, ..row })
        })
        .collect();
    // A cut log ends, as it is exchanged, before its last envelope held, or under a hash that no header has. What lies
    // beyond is void, and each holds of it what it has heard.
    let held: BTreeSet<_> = rows::<PositionKey>(&contents, Family::Position)
        .map(|(hash, key)| (key, hash.0))
        .collect();
    out.retain(|key, _| {
        frontier.head(&key.row()).is_some_and(|head| {
            let whole = held.contains(&(LogKey::at(key.row(), head.seq), head.hash));
            key.seq < head.seq || (whole && key.seq == head.seq)
        })
    });
    out
}

fn same_logs(world: &World<'_>, one: usize, other: usize) -> Result<(), String> {
    let shared = |machine| standings(world, machine, LogId::is_shared);
    let (a, b) = (shared(one), shared(other));
    let (name, other_name) = (&world.hubs[one].name, &world.hubs[other].name);
    for (key, row) in &a {
        let theirs = b.get(key);
        if theirs != Some(row) {
            return Err(format!("{key:?}: {name} has {row:?}, {other_name} has {theirs:?}"));
        }
    }
    match b.keys().find(|key| !a.contains_key(key)) {
        Some(key) => Err(format!("{key:?}: only {other_name} has it")),
        None => Ok(()),
    }
}

/// Documents by id, with their log.
fn documents(disk: &Disk) -> BTreeMap<ObjectId, ObjectRow> {
    let contents = disk.contents();
    rows::<ObjectKey>(&contents, Family::Document)
        .map(|(key, row)| (key.0, row))
        .collect()
}

/// Whether a document is the same on two disks.
pub(crate) fn same_document(object: ObjectId, (one, name): (&Disk, &str), other: (&Disk, &str)) -> Result<(), String> {
    let (x, y) = (seen(one, object), seen(other.0, object));
    let names = format!("{} at {name} and {}", object.short(), other.1);
    let (Some(x), Some(y)) = (x, y) else {
        return Err(format!("document {names}: only one knows it"));
    };
    if x.state != y.state {
        return Err(format!("state of {names}: {:?} and {:?}", x.state, y.state));
    }
    if (&x.event, &x.conflicts) != (&y.event, &y.conflicts) {
        return Err(format!(
            "reading of {names}: {:?} {:?} and {:?} {:?}",
            x.event, x.conflicts, y.event, y.conflicts
        ));
    }
    if x.state.stuck {
        return Err(format!("{names} is stuck"));
    }
    Ok(())
}

fn same_documents(world: &World<'_>, one: usize, other: usize) -> Result<(), String> {
    let (a, b) = (&world.hubs[one], &world.hubs[other]);
    let mut all = shared_events(&a.disk).into_iter().chain(shared_events(&b.disk));
    all.try_for_each(|object| same_document(object, (&a.disk, &a.name), (&b.disk, &b.name)))
}

/// The events on a disk that all hubs share.
pub(crate) fn shared_events(disk: &Disk) -> BTreeSet<ObjectId> {
    let all = documents(disk).into_iter();
    let is_event = |row: &ObjectRow| {
        row.state
            .created
            .is_some_and(|created| created.log.is_shared() && created.kind == DocumentKind::Event)
    };
    all.filter(|(_, row)| is_event(row)).map(|(id, _)| id).collect()
}

fn groups_agree(world: &World<'_>, diary: &Diary, belonging: &[usize]) -> Result<(), String> {
    for (log, members) in &diary.groups {
        let inside: Vec<usize> = belonging
            .iter()
            .copied()
            .filter(|machine| members.contains(&world.hubs[*machine].id))
            .collect();
        let hubs: BTreeSet<HubId> = inside.iter().map(|machine| world.hubs[*machine].id).collect();
        // Two machines of one hub hear of each other by another member alone.
        let (Some(first), true) = (inside.first(), hubs.len() > 1) else {
            continue;
        };
        let others = inside.iter().skip(1);
        let here = |key: LogId| key == *log;
        let known = standings(world, *first, here);
        for other in others {
            if standings(world, *other, here) != known {
                let (a, b) = (&world.hubs[*first].name, &world.hubs[*other].name);
                return Err(format!("{a} and {b} differ in the group {}", log.short()));
            }
        }
    }
    Ok(())
}

pub(crate) fn contains(contents: &Contents, needle: &[u8]) -> Option<Family> {
    let inside = |bytes: &Vec<u8>| bytes.windows(needle.len()).any(|window| window == needle);
    let found = contents
        .iter()
        .find(|(_, table)| table.iter().any(|(key, value)| inside(key) || inside(value)));
    found.map(|(family, _)| *family)
}

/// The documents whose bodies hold these bytes.
fn documents_with(contents: &Contents, needle: &[u8]) -> BTreeSet<ObjectId> {
    let bodies = [Family::Body, Family::BodyPersonal].map(|family| contents.get(&family));
    let bodies = bodies.into_iter().flatten().flatten();
    let holds = |value: &[u8]| value.windows(needle.len()).any(|window| window == needle);
    let found = bodies.filter(|(_, value)| holds(value));
    found
        .filter_map(|(key, _)| ObjectId::from_slice(key.get(..16)?))
        .collect()
}

/// No disk of a hub outside of a draft's scope knows a word of it, its document, or its group.
fn nothing_leaked(world: &World<'_>, diary: &Diary) -> Result<(), String> {
    for hub in &world.hubs {
        let contents = hub.disk.contents();
        let outside = |readers: &BTreeSet<HubId>| !readers.contains(&hub.id);
        let leak = |what: &str, family: Family| Err(format!("{what} leaked to {}, into {family:?}", hub.name));
        for word in diary
            .words
            .iter()
            .filter(|word| word.readers.as_ref().is_some_and(outside))
        {
            if let Some(family) = contains(&contents, word.text.as_bytes()) {
                return leak(&word.text, family);
            }
        }
        for (log, _) in diary.groups.iter().filter(|(_, members)| outside(members)) {
            if let Some(family) = contains(&contents, &log.0) {
                return leak(&format!("group {}", log.short()), family);
            }
        }
        let local = |thing: &&Added| thing.log == LogId::LOCAL && thing.owner != hub.id;
        for thing in diary.things.iter().filter(local) {
            if let Some(family) = contains(&contents, &thing.object.0) {
                return leak(&format!("local document {}", thing.object.short()), family);
            }
        }
    }
    Ok(())
}

/// What an operator hides stays so, whatever becomes of the event, and no other hub hears why.
fn hiding_is_its_own_business(world: &World<'_>, diary: &Diary, belonging: &[usize]) -> Result<(), String> {
    for ((machine, thing), said) in diary
        .hidden
        .iter()
        .filter(|((machine, _), _)| belonging.contains(machine))
    {
        let hub = &world.hubs[*machine];
        let kept = hub.ledger().hidden(*thing).unwrap();
        if kept.as_ref() != Some(said) {
            return Err(format!("{} has {kept:?} of {}, not {said:?}", hub.name, thing.short()));
        }
    }
    for hub in &world.hubs {
        let contents = hub.disk.contents();
        for (_, reason) in diary.reasons.iter().filter(|(own, _)| *own != hub.id) {
            if let Some(family) = contains(&contents, reason.as_bytes()) {
                return Err(format!("{reason} leaked to {}, into {family:?}", hub.name));
            }
        }
    }
    Ok(())
}

/// Nothing that an erased document said is on the disk of a hub that belongs.
fn erased_is_gone(world: &World<'_>, diary: &Diary, machine: usize, belonging: &[usize]) -> Result<(), String> {
    let hub = &world.hubs[machine];
    let others = belonging.iter().any(|other| world.hubs[*other].id != hub.id);
    let contents = hub.disk.contents();
    for thing in &diary.things {
        let state = |object| seen(&hub.disk, object).map(|seen| seen.state.erased_through == Some(u32::MAX));
        if let Some(erased) = &thing.erased {
            // A copied machine has local documents of its own, and hears of all others by another hub alone.
            let by_others = others && erased.log.is_shared();
            // An owner that is gone calls the original, and no copy calls an owner that is gone.
            let meets = hub.is_called() || hub.ledger().roster().is_active(thing.owner);
            let by_its_owner = hub.id != thing.owner && meets;
            let hears = by_others || erased.machine == machine || by_its_owner;
            if hears && state(erased.object) == Some(false) {
                let (name, thing) = (&hub.name, thing.thing.short());
                return Err(format!("{name} has {thing} although it was erased: {erased:?}"));
            }
        }
        if state(thing.object) != Some(true) {
            continue;
        }
        let words = diary.words.iter().filter(|word| word.object == thing.object);
        for word in words {
            if let Some(family) = contains(&contents, word.text.as_bytes()) {
                let documents = documents_with(&contents, word.text.as_bytes());
                let told = documents.into_iter().map(|object| {
                    let seen = seen(&hub.disk, object);
                    let state = seen.map(|seen| (seen.state.created, seen.state.erased_through, seen.event.is_some()));
                    format!("{}: {state:?}", object.short())
                });
                return Err(format!(
                    "{} of an erased event is in {family:?} of {}, in {:?}; {thing:?}",
                    word.text,
                    hub.name,
                    told.collect::<Vec<_>>()
                ));
            }
        }
    }
    Ok(())
}

/// Events that a machine added: its word was the first about them.
pub(crate) fn begun_by(diary: &Diary, machine: usize) -> Vec<usize> {
    let begun = |index: &usize| {
        let thing = diary.things[*index].thing;
        let first = diary.words.iter().find(|word| word.thing == thing);
        first.is_some_and(|word| word.machine == machine)
    };
    (0..diary.things.len()).filter(begun).collect()
}

/// No word of a thief's machine counts at these: where it is held, it is void, or erased.
pub(crate) fn nothing_of_a_thief_counts(
    world: &World<'_>,
    diary: &Diary,
    thief: usize,
    honest: &[usize],
) -> Result<(), String> {
    for word in diary.words.iter().filter(|word| word.machine == thief) {
        let Some(hash) = word.acknowledged else { continue };
        for machine in honest {
            let hub = &world.hubs[*machine];
            match hub.ledger().standing_of(hash).unwrap() {
                None | Some((Standing::Void | Standing::Covered, _)) => {}
                Some(other) => return Err(format!("{} by the thief is {other:?} at {}", word.text, hub.name)),
            }
        }
    }
    Ok(())
}

/// Every word that this machine acknowledged is in its event, or there is a reason that the protocol knows.
fn nothing_lost(world: &World<'_>, diary: &Diary, machine: usize) -> Result<(), String> {
    let hub = &world.hubs[machine];
    let ledger = hub.ledger();
    let network = ledger.network().unwrap();
    let left_out: Vec<LeftOutRow> = ledger.not_taken_over().unwrap();
    for word in diary.words.iter().filter(|word| word.machine == machine) {
        let Some(hash) = word.acknowledged else { continue };
        let Some((standing, reason)) = ledger.standing_of(hash).unwrap() else {
            return Err(format!("{} acknowledged {} and does not hold it", hub.name, word.text));
        };
        let thing = diary.things.iter().find(|thing| thing.thing == word.thing).unwrap();
        // What a liar owns or hosts, it may end or alter in any way.
        let ends_anyway = thing.to_be_erased || thing.in_bad_hands || diary.liar == Some(thing.owner);
        if is_said(&hub.disk, network, thing, word) || ends_anyway {
            continue;
        }
        let listed = |row: &LeftOutRow| {
            row.thing == word.thing && row.fields.iter().any(|field| field.value.contains(&word.text))
        };
        if left_out.iter().any(listed) {
            continue;
        }
        let moved = thing.left.contains(&word.object) && standing == Standing::Covered;
        if moved
            && (went_on_with_its_owner(world, network, thing, word) || was_lost_with_its_owner(world, hub.id, thing))
        {
            continue;
        }
        return Err(format!(
            "{} acknowledged {} about {}, which is {standing:?} ({reason}) and said nowhere",
            hub.name,
            word.text,
            word.thing.short()
        ));
    }
    Ok(())
}

/// Whether any document of the event says the word, the draft included that it becomes when a move of it was lost.
fn is_said(disk: &Disk, network: NetworkId, thing: &Added, word: &Word) -> bool {
    let draft = ObjectId::derive(network, thing.owner, LogId::LOCAL, DocumentKind::Event, thing.thing);
    let objects = thing.left.iter().chain([&thing.object, &word.object, &draft]);
    objects.into_iter().any(|object| {
        let event = seen(disk, *object).and_then(|seen| seen.event);
        event.is_some_and(|event| event.description.contains(&word.text))
    })
}

/// What a co-host said in time goes on with the event, maybe to where its own machine cannot look: then its owner's can.
fn went_on_with_its_owner(world: &World<'_>, network: NetworkId, thing: &Added, word: &Word) -> bool {
    let owners = world.hubs.iter().filter(|other| other.id == thing.owner);
    owners
        .into_iter()
        .any(|owner| is_said(&owner.disk, network, thing, word))
}

/// What a co-host had said in time was only in the document that the owner moved the event to, and that document only on a
/// disk of the owner's that an older copy has replaced: no machine shows it. What is the owner's own goes on as a draft.
fn was_lost_with_its_owner(world: &World<'_>, hub: HubId, thing: &Added) -> bool {
    let shown = |other: &std::sync::Arc<SimHub>| seen_shown(&other.disk, thing.object);
    hub != thing.owner && thing.went_back && !world.hubs.iter().any(shown)
}

/// What a rebuild computes anew, without what only the present run knows.
fn derived(disk: &Disk) -> Contents {
    let derived =
        |family: &Family| family.is_projection() || matches!(family, Family::Log | Family::Document | Family::Waiting);
    let mut contents = disk.contents();
    contents.retain(|family, _| derived(family));
    for value in contents
        .get_mut(&Family::Document)
        .into_iter()
        .flat_map(BTreeMap::values_mut)
    {
        // Noted in the order in which they came, which means nothing.
        let mut row = ObjectRow::decode(value).unwrap();
        row.authors.sort_by_key(|one| (one.hub, one.epoch, one.generation));
        *value = row.encode();
    }
    if let Some(hubs) = contents.get_mut(&Family::HubRow) {
        for value in hubs.values_mut() {
            let version = value[0];
            let row: HubRow = decode_row(version, value).unwrap();
            *value = encode_row(version, &HubRow { as_of_ms: None, ..row });
        }
    }
    contents
}

fn rebuild_shows_the_same(world: &World<'_>, machine: usize) -> Result<(), String> {
    let hub = &world.hubs[machine];
    let copy = Disk::with(&hub.disk.contents());
    let before = derived(&copy);
    let (ledger, _) = hub.open_over(copy.clone(), u64::from(u32::MAX))?;
    let (digests, totals) = (ledger.digests().unwrap(), ledger.totals());
    ledger.rebuild(&mut |_| {}).map_err(|error| error.to_string())?;
    if (digests, totals) != (ledger.digests().unwrap(), ledger.totals()) {
        return Err(format!(
            "{}: totals {totals:?}, rebuilt {:?}",
            hub.name,
            ledger.totals()
        ));
    }
    let after = derived(&copy);
    for family in Family::ALL {
        let (was, is) = (before.get(&family), after.get(&family));
        if was == is {
            continue;
        }
        let (was, is) = (was.cloned().unwrap_or_default(), is.cloned().unwrap_or_default());
        let keys: BTreeSet<_> = was.keys().chain(is.keys()).collect();
        let key = keys.into_iter().find(|key| was.get(*key) != is.get(*key)).unwrap();
        return Err(format!(
            "{}: a rebuild changes {family:?} {key:02x?} from {:02x?} to {:02x?}",
            hub.name,
            was.get(key),
            is.get(key)
        ));
    }
    Ok(())
}
