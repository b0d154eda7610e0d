//! The member directory, ready to be searched: what may be seen of every member, in memory, in the order of their names.
//!
//! It is made of the rows of [`super::members`] when it is first asked, and kept in step with what the ledger says has changed
//! ([`MemberChanges`]). It holds the words that are looked for and no photographs; a page of members is read from the rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use interhub_domain::ids::{HubId, ObjectId, ThingId};
use interhub_domain::member::{Audience, Listing, Member, Status, Way};
use interhub_domain::query::language_matches;
use jiff::civil::Date;
use memchr::memmem::Finder;

use super::members::MemberRow;
use super::read::{QueryError, Views};
use super::search::folded;

/// Documents that are remembered one by one as changed; of more, everything is read again.
const MAX_CHANGED: usize = 10_000;
/// Sorts after every date that is said.
const FOR_GOOD: &str = "9999-99-99";

/// Which documents of members have changed since that was last asked.
#[derive(Debug, Default)]
pub struct MemberChanges {
    changed: Mutex<Changed>,
}

#[derive(Debug, Default)]
struct Changed {
    everything: bool,
    objects: BTreeSet<ObjectId>,
}

impl MemberChanges {
    /// These documents say something else from now on: what they say now is written.
    pub fn changed(&self, objects: &[ObjectId]) {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        if changed.objects.len() + objects.len() > MAX_CHANGED {
            *changed = Changed {
                everything: true,
                objects: BTreeSet::new(),
            };
        } else {
            changed.objects.extend(objects);
        }
    }

    /// All of them may.
    pub fn everything_changed(&self) {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner).everything = true;
    }

    fn take(&self) -> Changed {
        std::mem::take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a member is looked for by. All that is said has to hold; words are folded, each the beginning of a word.
#[derive(Debug, Clone, Default)]
pub struct MemberFilter {
    /// A member of the own hub asks: of its records only what its members see is looked through. Else its staff does.
    pub as_member: bool,
    /// The hubs whose members are looked for.
    pub hubs: BTreeSet<HubId>,
    /// A skill has all of these.
    pub skill: Vec<String>,
    /// An offer that holds today has all of these.
    pub offer: Vec<String>,
    /// And is offered in this way.
    pub offer_way: Option<Way>,
    /// Something that is looked for today has all of these.
    pub want: Vec<String>,
    /// They speak this language, or a variant of it.
    pub language: Option<String>,
    /// All that may be seen, taken together, has all of these.
    pub text: Vec<String>,
}

/// Where a list of members is: the folded name and the member.
type Place = (Arc<str>, ThingId);

/// One page of members, by name.
#[derive(Debug, Default, PartialEq)]
pub struct MemberPage {
    /// Rows of records of the own hub, and of cards of others.
    pub rows: Vec<MemberRow>,
    /// The last member of the page, if there are more.
    pub next: Option<ThingId>,
}

#[derive(Debug)]
struct Entry {
    object: ObjectId,
    hub: HubId,
    status: Status,
    /// One line for each thing that is looked for: a letter, what else decides, and the words, each with a blank before it.
    lines: Box<str>,
    /// The same of what members of the own hub see.
    for_members: ForMembers,
}

/// What members of the own hub see of somebody.
#[derive(Debug)]
enum ForMembers {
    /// All that there is of them here: it is the card of another hub's member.
    Same,
    /// Less than the staff.
    Less(Box<str>),
    Nothing,
}

impl Entry {
    fn lines(&self, as_member: bool) -> Option<&str> {
        match &self.for_members {
            ForMembers::Less(lines) if as_member => Some(lines),
            ForMembers::Nothing if as_member => None,
            _ => Some(&self.lines),
        }
    }
}

/// The directory. One for all readers.
#[derive(Debug, Default)]
pub(super) struct MemberIndex {
    loaded: bool,
    by_place: BTreeMap<Place, Entry>,
    place_of: BTreeMap<ObjectId, Place>,
    place_of_thing: BTreeMap<ThingId, Place>,
    /// Members of this hub whom other hubs hold a card of.
    with_card: BTreeMap<ObjectId, ThingId>,
}

impl MemberIndex {
    fn forget(&mut self, object: ObjectId) {
        self.with_card.remove(&object);
        if let Some(place) = self.place_of.remove(&object) {
            self.by_place.remove(&place);
            self.place_of_thing.remove(&place.1);
        }
    }

    fn put(&mut self, own: HubId, row: &MemberRow) {
        let is_own = row.hub == own;
        if is_own && !row.is_record() {
            self.with_card.insert(row.object, row.thing);
            return;
        }
        let shown = match (is_own, row.is_record()) {
            (true, _) => Some(row.member.clone()),
            (false, true) => None,
            (false, false) => row.member.card_seen_by(Audience::Network),
        };
        let Some(shown) = shown else { return };
        let place: Place = (folded(&shown.name).join(" ").into(), row.thing);
        let entry = Entry {
            object: row.object,
            hub: row.hub,
            status: shown.status,
            lines: lines(&shown),
            for_members: if is_own {
                let seen = shown_to_members(&row.member).map(|seen| lines(&seen));
                seen.map_or(ForMembers::Nothing, ForMembers::Less)
            } else {
                ForMembers::Same
            },
        };
        self.by_place.insert(place.clone(), entry);
        self.place_of.insert(row.object, place.clone());
        self.place_of_thing.insert(row.thing, place);
    }
}

impl Views {
    /// A page of the directory of the hub `own`: its members by their records, those of others by their cards. `cursor` is the
    /// member after whom it begins; `None` if there is no such member any more.
    pub fn find_members(
        &self,
        own: HubId,
        filter: &MemberFilter,
        today: Date,
        cursor: Option<ThingId>,
        limit: usize,
    ) -> Result<Option<MemberPage>, QueryError> {
        let found = self.with_directory(own, |index| {
            let begin = match cursor {
                None => None,
                Some(thing) => Some(index.place_of_thing.get(&thing)?.clone()),
            };
            let wanted = Wanted::of(filter, today);
            let from = begin.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
            let fitting = index
                .by_place
                .range((from, std::ops::Bound::Unbounded))
                .filter(|(_, entry)| filter.hubs.contains(&entry.hub))
                .filter(|(_, entry)| entry.lines(filter.as_member).is_some_and(|lines| wanted.fits(lines)));
            let first = fitting
                .take(limit + 1)
                .map(|((_, thing), entry)| (*thing, entry.object));
            Some(first.collect::<Vec<_>>())
        })?;
        let Some(mut found) = found else { return Ok(None) };
        let more = found.len() > limit;
        found.truncate(limit);
        let mut page = MemberPage {
            rows: Vec::with_capacity(found.len()),
            next: found.last().filter(|_| more).map(|(thing, _)| *thing),
        };
        for (_, object) in found {
            // One that went in between is left out.
            page.rows.extend(self.member(object)?);
        }
        Ok(Some(page))
    }

    /// The members of the hub `own` whom other hubs hold a card of.
    pub fn members_with_card(&self, own: HubId) -> Result<BTreeSet<ThingId>, QueryError> {
        self.with_directory(own, |index| index.with_card.values().copied().collect())
    }

    /// How many members there are of each hub; of this one the records of those who have not moved on.
    pub fn member_counts(&self, own: HubId) -> Result<BTreeMap<HubId, u64>, QueryError> {
        self.with_directory(own, |index| {
            let mut counts = BTreeMap::new();
            for entry in index.by_place.values().filter(|entry| entry.status != Status::MovedOn) {
                *counts.entry(entry.hub).or_default() += 1;
            }
            counts
        })
    }

    fn with_directory<T>(&self, own: HubId, read: impl FnOnce(&MemberIndex) -> T) -> Result<T, QueryError> {
        let mut index = self.directory().lock().unwrap_or_else(PoisonError::into_inner);
        let changed = self.member_changes().map(MemberChanges::take);
        // If something cannot be read, all is read anew the next time.
        let was_loaded = std::mem::take(&mut index.loaded);
        if let Some(changed) = changed.filter(|changed| was_loaded && !changed.everything) {
            for object in changed.objects {
                index.forget(object);
                if let Some(row) = self.member(object)? {
                    index.put(own, &row);
                }
            }
        } else {
            *index = MemberIndex::default();
            self.each_member(&mut |row| index.put(own, &row))?;
        }
        index.loaded = true;
        Ok(read(&index))
    }
}

/// What of a record of the own hub its members see; nothing of who moved on.
pub fn shown_to_members(record: &Member) -> Option<Member> {
    if record.status == Status::MovedOn {
        return None;
    }
    record.seen_by(Audience::Hub)
}

/// What is looked for, made ready to be looked for many times.
struct Wanted<'a> {
    conditions: Vec<(u8, Vec<Finder<'static>>)>,
    way: Option<char>,
    language: Option<&'a str>,
    today: String,
}

impl<'a> Wanted<'a> {
    fn of(filter: &'a MemberFilter, today: Date) -> Self {
        let finders = |words: &[String]| -> Vec<Finder<'static>> {
            let needle = |word: &String| Finder::new(&format!(" {word}")).into_owned();
            words.iter().map(needle).collect()
        };
        let conditions = [
            (b's', &filter.skill),
            (b'o', &filter.offer),
            (b'w', &filter.want),
            (b't', &filter.text),
        ];
        let said =
            |(letter, words): &(u8, &Vec<String>)| !words.is_empty() || (*letter == b'o' && filter.offer_way.is_some());
        Self {
            conditions: conditions
                .into_iter()
                .filter(said)
                .map(|(letter, words)| (letter, finders(words)))
                .collect(),
            way: filter.offer_way.map(letter_of),
            language: filter.language.as_deref(),
            today: today.to_string(),
        }
    }

    fn fits(&self, lines: &str) -> bool {
        if self.conditions.is_empty() && self.language.is_none() {
            return true;
        }
        let speaks = self.language.is_none_or(|wanted| {
            let said = lines.lines().filter_map(|line| line.strip_prefix('l'));
            said.flat_map(str::split_ascii_whitespace)
                .any(|tag| language_matches(tag, wanted))
        });
        speaks
            && self
                .conditions
                .iter()
                .all(|(letter, words)| self.one_has(lines, *letter, words))
    }

    /// Whether one of the lines with this letter has all the words, and holds.
    fn one_has(&self, lines: &str, letter: u8, words: &[Finder<'static>]) -> bool {
        lines
            .lines()
            .filter(|line| line.as_bytes().first() == Some(&letter))
            .any(|line| {
                let rest = line.get(1..).unwrap_or_default();
                let text = match letter {
                    b'o' | b'w' => {
                        let (way, rest) = rest.split_at_checked(1).unwrap_or_default();
                        let (until, text) = rest.split_at_checked(FOR_GOOD.len()).unwrap_or_default();
                        let is_way = letter != b'o' || self.way.is_none_or(|wanted| way.starts_with(wanted));
                        if !is_way || until < self.today.as_str() {
                            return false;
                        }
                        text
                    }
                    _ => rest,
                };
                words.iter().all(|word| word.find(text.as_bytes()).is_some())
            })
    }
}

const fn letter_of(way: Way) -> char {
    match way {
        Way::Sell => 's',
        Way::Give => 'g',
        Way::Lend => 'l',
        Way::Teach => 't',
        Way::Swap => 'x',
    }
}

/// Everything that members are looked for by.
fn lines(member: &Member) -> Box<str> {
    let mut out = String::new();
    let mut all = String::new();
    let mut words = |head: &str, text: &str, out: &mut String| {
        out.push_str(head);
        for word in folded(text) {
            out.push(' ');
            out.push_str(&word);
            all.push(' ');
            all.push_str(&word);
        }
        out.push('\n');
    };
    for skill in &member.skills {
        words("s", skill, &mut out);
    }
    for (letter, listings) in [('o', &member.offers), ('w', &member.wants)] {
        for Listing { what, way, until } in listings {
            let way = way.map_or('-', letter_of);
            let until = until.map_or_else(|| FOR_GOOD.to_owned(), |until| until.to_string());
            words(&format!("{letter}{way}{until}"), what, &mut out);
        }
    }
    let lines = [&member.name, &member.headline, &member.biography, &member.role];
    let mut unused = String::new();
    for text in lines.into_iter().chain(&member.projects).chain(&member.programmes) {
        words("", text, &mut unused);
    }
    out.push('t');
    out.push_str(&all);
    out.push_str("\nl");
    for tag in &member.languages {
        out.push(' ');
        out.push_str(tag);
    }
    out.into_boxed_str()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;

    use interhub_domain::ids::LogId;
    use interhub_domain::member::Field;
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::projection::testing::views_of;
    use crate::projection::write::Projector;
    use crate::store::memory::MemoryStore;
    use crate::store::{Batch, Store};

    const OWN: HubId = HubId([1; 16]);
    const OTHER: HubId = HubId([2; 16]);
    const TODAY: Date = date(2026, 11, 30);

    struct Scene {
        store: Store,
        projector: Projector,
        views: Views,
    }

    impl Scene {
        fn new() -> Self {
            let store: Store = Arc::new(MemoryStore::new());
            let projector = Projector::open(store.clone(), 0).unwrap();
            let views = views_of(&store).following(projector.members().clone());
            Self {
                store,
                projector,
                views,
            }
        }

        /// A document of a member says this, or is no more.
        fn says(&self, number: u8, hub: HubId, log: LogId, member: Option<Member>) {
            let object = ObjectId([number; 16]);
            let row = member.map(|member| MemberRow::of(ThingId([number; 16]), object, hub, log, member).unwrap());
            let mut batch = Batch::new();
            self.projector.member_changed(&mut batch, object, row.as_ref()).unwrap();
            self.store.write(&batch).unwrap();
            self.projector.members().changed(&[object]);
        }

        fn names(&self, filter: &MemberFilter) -> Vec<String> {
            let page = self.views.find_members(OWN, filter, TODAY, None, 100).unwrap().unwrap();
            page.rows.into_iter().map(|row| row.member.name).collect()
        }
    }

    fn member(name: &str, skills: &[&str]) -> Member {
        Member {
            name: name.to_owned(),
            skills: skills.iter().map(|one| (*one).to_owned()).collect(),
            audiences: Field::ALL.into_iter().map(|field| (field, Audience::Network)).collect(),
            ..Member::default()
        }
    }

    fn anybody() -> MemberFilter {
        MemberFilter {
            hubs: [OWN, OTHER].into(),
            ..MemberFilter::default()
        }
    }

    fn words(text: &str) -> Vec<String> {
        folded(text)
    }

    #[test]
    fn members_find_only_what_they_see() {
        let scene = Scene::new();
        let mut ada = member("Ada", &["welding"]);
        ada.audiences = [(Field::Skills, Audience::Private), (Field::Headline, Audience::Hub)].into();
        ada.headline = "Printmaker".into();
        ada.local.notes = "owes".into();
        scene.says(1, OWN, LogId::LOCAL, Some(ada));
        let mut bo = member("Bo", &["welding"]);
        bo.audiences = [(Field::Name, Audience::Private)].into();
        scene.says(2, OWN, LogId::LOCAL, Some(bo));
        let gone = Member {
            status: Status::MovedOn,
            audiences: std::collections::BTreeMap::new(),
            ..member("Cy", &["welding"])
        };
        scene.says(3, OWN, LogId::LOCAL, Some(gone));
        scene.says(4, OTHER, LogId::NETWORK, Some(member("Di", &["welding"])));
        let as_member = |filter: MemberFilter| {
            scene.names(&MemberFilter {
                as_member: true,
                ..filter
            })
        };
        let skill = MemberFilter {
            skill: words("welding"),
            ..anybody()
        };
        assert_eq!(scene.names(&skill), ["Ada", "Bo", "Cy", "Di"]);
        assert_eq!(as_member(skill), ["Di"]);
        assert_eq!(as_member(anybody()), ["Ada", "Di"]);
        let text = |text: &str| MemberFilter {
            text: words(text),
            ..anybody()
        };
        assert_eq!(as_member(text("printmaker")), ["Ada"]);
        assert!(as_member(text("owes")).is_empty());
    }

    #[test]
    fn what_is_written_is_found_and_what_is_gone_is_not() {
        let scene = Scene::new();
        assert_eq!(scene.names(&anybody()), [""; 0]);
        scene.says(1, OTHER, LogId::NETWORK, Some(member("Zoë", &["screen printing"])));
        scene.says(2, OWN, LogId::LOCAL, Some(member("Ada", &["binding"])));
        assert_eq!(scene.names(&anybody()), ["Ada", "Zoë"]);
        let skill = |text: &str| MemberFilter {
            skill: words(text),
            ..anybody()
        };
        assert_eq!(scene.names(&skill("PRINT scr")), ["Zoë"]);
        assert_eq!(scene.names(&skill("rinting")), [""; 0]);
        scene.says(1, OTHER, LogId::NETWORK, Some(member("Bea", &["weaving"])));
        assert_eq!(scene.names(&skill("print")), [""; 0]);
        assert_eq!(scene.names(&anybody()), ["Ada", "Bea"]);
        scene.says(1, OTHER, LogId::NETWORK, None);
        assert_eq!(scene.names(&anybody()), ["Ada"]);
        let nobody = MemberFilter::default();
        assert_eq!(scene.names(&nobody), [""; 0], "no hub is asked about");
    }

    #[test]
    fn another_hubs_record_is_nobody_and_an_own_card_is_the_same_person() {
        let scene = Scene::new();
        scene.says(1, OTHER, LogId::LOCAL, Some(member("Record of another", &[])));
        scene.says(2, OWN, LogId::LOCAL, Some(member("Ada", &[])));
        assert_eq!(scene.views.members_with_card(OWN).unwrap(), BTreeSet::new());
        scene.says(3, OWN, LogId::NETWORK, Some(member("Ada", &[])));
        assert_eq!(scene.names(&anybody()), ["Ada"]);
        assert_eq!(scene.views.members_with_card(OWN).unwrap(), [ThingId([3; 16])].into());
        assert_eq!(scene.views.member_counts(OWN).unwrap(), [(OWN, 1)].into());
    }

    #[test]
    fn an_offer_is_found_by_its_way_and_as_long_as_it_holds() {
        let scene = Scene::new();
        let listing = |what: &str, way, until| Listing {
            what: what.to_owned(),
            way,
            until,
        };
        let mut ada = member("Ada", &[]);
        ada.offers = vec![
            listing("screen printing", Some(Way::Teach), Some(date(2026, 11, 30))),
            listing("a press", Some(Way::Lend), Some(date(2026, 11, 29))),
            listing("paper", None, None),
        ];
        ada.wants = vec![listing("ink", None, None)];
        ada.languages = vec!["en".to_owned(), "pt-BR".to_owned()];
        scene.says(1, OTHER, LogId::NETWORK, Some(ada));
        let finds = |offer: &str, offer_way| {
            let filter = MemberFilter {
                offer: words(offer),
                offer_way,
                ..anybody()
            };
            scene.names(&filter).len()
        };
        assert_eq!(
            (
                finds("screen", None),
                finds("screen", Some(Way::Teach)),
                finds("screen", Some(Way::Lend))
            ),
            (1, 1, 0)
        );
        assert_eq!((finds("press", None), finds("", Some(Way::Lend))), (0, 0), "it is over");
        assert_eq!(
            (
                finds("paper", None),
                finds("paper", Some(Way::Give)),
                finds("", Some(Way::Teach))
            ),
            (1, 0, 1)
        );
        let by = |filter: MemberFilter| scene.names(&filter).len();
        assert_eq!(
            by(MemberFilter {
                want: words("ink"),
                ..anybody()
            }),
            1
        );
        assert_eq!(
            by(MemberFilter {
                want: words("paper"),
                ..anybody()
            }),
            0
        );
        assert_eq!(
            by(MemberFilter {
                language: Some("pt".to_owned()),
                ..anybody()
            }),
            1
        );
        assert_eq!(
            by(MemberFilter {
                language: Some("de".to_owned()),
                ..anybody()
            }),
            0
        );
        assert_eq!(
            by(MemberFilter {
                text: words("paper ink ada"),
                ..anybody()
            }),
            1
        );
    }

    #[test]
    fn pages_follow_each_other_and_a_place_that_is_gone_is_said() {
        let scene = Scene::new();
        for number in 1..=25 {
            scene.says(
                number,
                OTHER,
                LogId::NETWORK,
                Some(member(&format!("N{}", number % 7), &[])),
            );
        }
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = scene
                .views
                .find_members(OWN, &anybody(), TODAY, cursor, 10)
                .unwrap()
                .unwrap();
            seen.extend(page.rows.iter().map(|row| row.thing));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let all: BTreeSet<ThingId> = seen.iter().copied().collect();
        assert_eq!((seen.len(), all.len()), (25, 25));
        let gone = ThingId([99; 16]);
        assert_eq!(
            scene
                .views
                .find_members(OWN, &anybody(), TODAY, Some(gone), 10)
                .unwrap(),
            None
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Kept in step change by change, the directory is what it is when it is read anew.
        #[test]
        fn in_step_is_the_same_as_anew(
            steps in proptest::collection::vec((1_u8..8, any::<bool>(), any::<bool>(), proptest::option::of("[abc]{1,3}"), any::<bool>()), 1..40)
        ) {
            let scene = Scene::new();
            for (number, own, local, name, look) in steps {
                let (hub, log) = (if own { OWN } else { OTHER }, if local { LogId::LOCAL } else { LogId::NETWORK });
                scene.says(number, hub, log, name.map(|name| member(&name, &[])));
                if look {
                    scene.names(&anybody());
                }
            }
            let anew = views_of(&scene.store);
            let page = anew.find_members(OWN, &anybody(), TODAY, None, 100).unwrap().unwrap();
            let in_step = scene.views.find_members(OWN, &anybody(), TODAY, None, 100).unwrap().unwrap();
            prop_assert_eq!(page, in_step);
        }
    }
}
