//! Members: what a hub knows of one person or organisation, and what of it others may see.
//!
//! A hub keeps one record of each member in its local log, which never leaves. What the member agreed to show beyond the hub is a
//! second document of the same thing, the card, in the network's log: [`Member::card`] makes it of the record. Each field has an
//! audience of its own; beyond the hub nothing goes without a consent on record, whatever the chosen audience is.

pub mod said;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use self::said::{Said, Until};

/// Longest name and other single lines, in characters.
pub const MAX_LINE: usize = 200;
/// Longest biography and longest notes, in characters.
pub const MAX_TEXT: usize = 8_000;
/// Longest address on the web, in characters.
pub const MAX_URL: usize = 2_000;
/// Most entries of one list.
pub const MAX_ENTRIES: usize = 64;
/// Most bytes of a photo, which is a small copy by then.
pub const MAX_PHOTO: usize = 24 * 1024;
/// Most consents that are kept of one member.
pub const MAX_CONSENTS: usize = 64;

/// Who may see a field. Each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Audience {
    /// The hub's staff.
    Private,
    /// The hub's members.
    Hub,
    /// Members of all hubs of the network.
    Network,
    /// Anybody.
    Public,
}

impl Audience {
    /// All of them, the narrowest first.
    pub const ALL: [Self; 4] = [Self::Private, Self::Hub, Self::Network, Self::Public];

    /// The word for it in commands and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Hub => "hub",
            Self::Network => "network",
            Self::Public => "public",
        }
    }

    /// By its word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == word)
    }

    /// Whether it reaches other hubs.
    pub fn leaves_the_hub(self) -> bool {
        self > Self::Hub
    }
}

/// A field that has an audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Field {
    /// The name, as its bearer wants it shown.
    Name,
    /// One line about them.
    Headline,
    /// A few paragraphs about them.
    Biography,
    /// What they can do.
    Skills,
    /// What they offer.
    Offers,
    /// What they look for.
    Wants,
    /// Languages they speak.
    Languages,
    /// Addresses on the web.
    Links,
    /// A small picture.
    Photo,
    /// What they are at the hub.
    Role,
    /// Projects they belong to.
    Projects,
    /// Programmes they belong to.
    Programmes,
    /// What kind of membership they have.
    Tier,
    /// Whether the membership is active, and until when.
    Membership,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Name,
        Self::Headline,
        Self::Biography,
        Self::Skills,
        Self::Offers,
        Self::Wants,
        Self::Languages,
        Self::Links,
        Self::Photo,
        Self::Role,
        Self::Projects,
        Self::Programmes,
        Self::Tier,
        Self::Membership,
    ];

    /// The word for it in commands and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Headline => "headline",
            Self::Biography => "biography",
            Self::Skills => "skills",
            Self::Offers => "offers",
            Self::Wants => "wants",
            Self::Languages => "languages",
            Self::Links => "links",
            Self::Photo => "photo",
            Self::Role => "role",
            Self::Projects => "projects",
            Self::Programmes => "programmes",
            Self::Tier => "tier",
            Self::Membership => "membership",
        }
    }

    /// By its word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == word)
    }

    /// Who sees it while nobody has chosen: those who meet in the house see each other; how somebody pays is the staff's
    /// business.
    pub const fn usual_audience(self) -> Audience {
        match self {
            Self::Tier | Self::Membership => Audience::Private,
            _ => Audience::Hub,
        }
    }
}

/// A person, or an organisation that is a member as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Kind {
    /// One person.
    #[default]
    Person,
    /// Several, under one name.
    Organisation,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Person, Self::Organisation];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Organisation => "organisation",
        }
    }
}

/// How a membership stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Status {
    /// A member.
    #[default]
    Active,
    /// One that will be back.
    Paused,
    /// One no longer: nothing of them is shown beyond the hub.
    MovedOn,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Active, Self::Paused, Self::MovedOn];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::MovedOn => "moved_on",
        }
    }
}

/// In what way something is offered or wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Way {
    /// For money.
    Sell,
    /// For nothing, for good.
    Give,
    /// For nothing, for a while.
    Lend,
    /// As something to learn.
    Teach,
    /// For something else.
    Swap,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Sell, Self::Give, Self::Lend, Self::Teach, Self::Swap];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sell => "sell",
            Self::Give => "give",
            Self::Lend => "lend",
            Self::Teach => "teach",
            Self::Swap => "swap",
        }
    }
}

/// One thing that is offered, or looked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listing {
    /// What; one line.
    pub what: String,
    /// How, if that is said.
    pub way: Option<Way>,
    /// The last day on which it holds; for good if there is none.
    pub until: Option<Date>,
}

impl Listing {
    /// Whether it still holds on a day.
    pub fn holds_on(&self, day: Date) -> bool {
        self.until.is_none_or(|until| day <= until)
    }
}

/// An address on the web.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Link {
    /// What it leads to; may be empty.
    pub label: String,
    /// `https` or `http`.
    pub url: String,
}

/// What a member agreed to. Kept for as long as the record is, also after it was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Unix milliseconds.
    pub at_ms: i64,
    /// Whom it lets see these fields: network or public.
    pub audience: Audience,
    /// The fields.
    pub fields: BTreeSet<Field>,
    /// Which wording they agreed to.
    pub text_version: String,
    /// How: on paper, by mail, on their page, ...
    pub channel: String,
    /// Who put it on record.
    pub recorded_by: String,
    /// Since when it does not hold any more, Unix milliseconds.
    pub withdrawn_ms: Option<i64>,
}

/// What never leaves the hub, whatever the audiences are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Local {
    /// Where to write to.
    pub mail: String,
    /// Where to call.
    pub phone: String,
    /// What the staff noted.
    pub notes: String,
    /// The number in the hub's own books.
    pub number: String,
}

/// One member, as the record or the card has them. Every field has a reading when it is missing: empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Member {
    /// A person or an organisation.
    pub kind: Kind,
    /// The name, as its bearer wants it shown.
    pub name: String,
    /// One line.
    pub headline: String,
    /// Plain text; merges by character.
    pub biography: String,
    /// One line each.
    pub skills: Vec<String>,
    /// What they offer.
    pub offers: Vec<Listing>,
    /// What they look for.
    pub wants: Vec<Listing>,
    /// BCP 47.
    pub languages: Vec<String>,
    /// Addresses on the web.
    pub links: Vec<Link>,
    /// A small picture, WebP or JPEG without anything but the picture, at most [`MAX_PHOTO`] bytes.
    pub photo: Vec<u8>,
    /// What they are at the hub; one line.
    pub role: String,
    /// One line each.
    pub projects: Vec<String>,
    /// One line each.
    pub programmes: Vec<String>,
    /// What kind of membership; one line.
    pub tier: String,
    /// How it stands.
    pub status: Status,
    /// Its last day.
    pub valid_until: Option<Date>,
    /// Chosen audiences; of a card those that hold.
    pub audiences: BTreeMap<Field, Audience>,
    /// What stays at the hub; nothing in a card.
    pub local: Local,
    /// By an id that is random; none in a card.
    pub consents: BTreeMap<String, Consent>,
    /// Unix milliseconds; zero in a card, which does not say when its person joined.
    pub created_ms: i64,
    /// Unix milliseconds.
    pub updated_ms: i64,
}

impl Member {
    /// Who is to see a field, if they may.
    pub fn chosen(&self, field: Field) -> Audience {
        let chosen = self.audiences.get(&field).copied();
        chosen.unwrap_or_else(|| field.usual_audience())
    }

    /// Who may see a field: beyond the hub only those that the member agreed to.
    pub fn audience(&self, field: Field) -> Audience {
        let chosen = self.chosen(field);
        if !chosen.leaves_the_hub() {
            return chosen;
        }
        let holding = self.consents.values().filter(|consent| consent.withdrawn_ms.is_none());
        let agreed = holding.filter(|consent| consent.fields.contains(&field));
        let agreed = agreed.map(|consent| consent.audience).max();
        chosen.min(agreed.unwrap_or(Audience::Hub)).max(Audience::Hub)
    }

    /// What those of an audience see. Of whom they may not see the name they see nothing.
    pub fn seen_by(&self, audience: Audience) -> Option<Self> {
        let may_see = |field: Field| self.audience(field) >= audience;
        if !may_see(Field::Name) || self.name.is_empty() {
            return None;
        }
        let mut seen = Self {
            kind: self.kind,
            updated_ms: self.updated_ms,
            ..Self::default()
        };
        for field in Field::ALL.into_iter().filter(|field| may_see(*field)) {
            seen.copy(field, self);
        }
        if audience == Audience::Private {
            seen.local = self.local.clone();
            seen.consents = self.consents.clone();
            seen.audiences = self.audiences.clone();
            seen.created_ms = self.created_ms;
        }
        Some(seen)
    }

    /// The card that goes to all hubs; none of somebody who moved on, or does not show their name there.
    pub fn card(&self) -> Option<Self> {
        if self.status == Status::MovedOn {
            return None;
        }
        let mut card = self.seen_by(Audience::Network)?;
        let shown = Field::ALL.into_iter().map(|field| (field, self.audience(field)));
        card.audiences = shown.filter(|(_, audience)| audience.leaves_the_hub()).collect();
        Some(card)
    }

    /// A card as another hub's document gives it, whatever that says besides: nothing that a card has no place for, and no field
    /// without an audience beyond the hub.
    #[must_use]
    pub fn from_card(mut self) -> Self {
        let audiences = std::mem::take(&mut self.audiences);
        let mut card = Self {
            kind: self.kind,
            updated_ms: self.updated_ms,
            ..Self::default()
        };
        for (field, audience) in audiences.into_iter().filter(|(_, audience)| audience.leaves_the_hub()) {
            card.copy(field, &self);
            card.audiences.insert(field, audience);
        }
        card
    }

    /// What of a card those of an audience see, beyond the hub.
    pub fn card_seen_by(&self, audience: Audience) -> Option<Self> {
        let may_see = |field: &Field| self.audiences.get(field).is_some_and(|shown| *shown >= audience);
        if !may_see(&Field::Name) || self.name.is_empty() {
            return None;
        }
        let mut seen = Self {
            kind: self.kind,
            updated_ms: self.updated_ms,
            ..Self::default()
        };
        for field in Field::ALL.into_iter().filter(may_see) {
            seen.copy(field, self);
        }
        Some(seen)
    }

    /// Whether something that this card says is said no longer by the other one: a word that was taken back or replaced has to go
    /// from every disk, and a change that only adds does not.
    pub fn says_less_in(&self, later: &Self) -> bool {
        let gone = |before: &str, after: &str| !before.is_empty() && before != after;
        let gone_text = |before: &str, after: &str| !after.starts_with(before);
        gone(&self.name, &later.name)
            || gone(&self.headline, &later.headline)
            || gone_text(&self.biography, &later.biography)
            || dropped(&self.skills, &later.skills)
            || dropped(&self.offers, &later.offers)
            || dropped(&self.wants, &later.wants)
            || dropped(&self.languages, &later.languages)
            || dropped(&self.links, &later.links)
            || (!self.photo.is_empty() && self.photo != later.photo)
            || gone(&self.role, &later.role)
            || dropped(&self.projects, &later.projects)
            || dropped(&self.programmes, &later.programmes)
            || gone(&self.tier, &later.tier)
            || self.kind != later.kind
            || self.status != later.status
            || self.valid_until.is_some_and(|until| later.valid_until != Some(until))
            || self
                .audiences
                .iter()
                .any(|(field, shown)| later.audiences.get(field) < Some(shown))
    }

    /// Shows these fields beyond the hub to nobody any more, whatever was agreed to before.
    pub fn take_back(&mut self, fields: impl IntoIterator<Item = Field>, now_ms: i64) {
        for field in fields {
            let chosen = self.chosen(field).min(Audience::Hub);
            self.audiences.insert(field, chosen);
            let holding = self
                .consents
                .values_mut()
                .filter(|consent| consent.withdrawn_ms.is_none());
            for consent in holding {
                if consent.fields == BTreeSet::from([field]) {
                    consent.withdrawn_ms = Some(now_ms);
                } else {
                    consent.fields.remove(&field);
                }
            }
        }
    }

    /// The consents that hold.
    pub fn holding_consents(&self) -> impl Iterator<Item = (&String, &Consent)> {
        self.consents
            .iter()
            .filter(|(_, consent)| consent.withdrawn_ms.is_none())
    }

    /// Takes over what another one says in a field.
    pub fn copy(&mut self, field: Field, from: &Self) {
        match field {
            Field::Name => self.name.clone_from(&from.name),
            Field::Headline => self.headline.clone_from(&from.headline),
            Field::Biography => self.biography.clone_from(&from.biography),
            Field::Skills => self.skills.clone_from(&from.skills),
            Field::Offers => self.offers.clone_from(&from.offers),
            Field::Wants => self.wants.clone_from(&from.wants),
            Field::Languages => self.languages.clone_from(&from.languages),
            Field::Links => self.links.clone_from(&from.links),
            Field::Photo => self.photo.clone_from(&from.photo),
            Field::Role => self.role.clone_from(&from.role),
            Field::Projects => self.projects.clone_from(&from.projects),
            Field::Programmes => self.programmes.clone_from(&from.programmes),
            Field::Tier => self.tier.clone_from(&from.tier),
            Field::Membership => (self.status, self.valid_until) = (from.status, from.valid_until),
        }
    }
}

/// Whether something of a list is not in another one.
fn dropped<T: PartialEq>(before: &[T], after: &[T]) -> bool {
    before.iter().any(|one| !after.contains(one))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn sample() -> Member {
        let listing = |what: &str, way, until| Listing {
            what: what.into(),
            way,
            until,
        };
        Member {
            kind: Kind::Person,
            name: "Ada Example".into(),
            headline: "Printmaker".into(),
            biography: "Prints since 1998.".into(),
            skills: vec!["screen printing".into(), "binding".into()],
            offers: vec![listing("a press", Some(Way::Lend), Some(date(2027, 5, 1)))],
            wants: vec![listing("paper", None, None)],
            languages: vec!["en".into(), "cy".into()],
            links: vec![Link {
                label: "Shop".into(),
                url: "https://shop.example".into(),
            }],
            photo: vec![1, 2, 3],
            role: "Host on Mondays".into(),
            projects: vec!["Open press".into()],
            programmes: vec!["Spring 2027".into()],
            tier: "full".into(),
            status: Status::Active,
            valid_until: Some(date(2027, 12, 31)),
            audiences: BTreeMap::new(),
            local: Local {
                mail: "ada@mail.example".into(),
                phone: "+44 1".into(),
                notes: "key 7".into(),
                number: "0017".into(),
            },
            consents: BTreeMap::new(),
            created_ms: 1,
            updated_ms: 2,
        }
    }

    fn consent(audience: Audience, fields: &[Field]) -> Consent {
        Consent {
            at_ms: 5,
            audience,
            fields: fields.iter().copied().collect(),
            text_version: "2026-11".into(),
            channel: "paper".into(),
            recorded_by: "desk".into(),
            withdrawn_ms: None,
        }
    }

    #[test]
    fn nothing_leaves_the_hub_without_a_consent() {
        let mut ada = sample();
        assert_eq!(ada.card(), None);
        ada.audiences = Field::ALL.map(|field| (field, Audience::Public)).into();
        assert_eq!(ada.card(), None, "a wish to be seen is no consent");
        ada.consents
            .insert("a".into(), consent(Audience::Network, &[Field::Skills]));
        assert_eq!(ada.card(), None, "of whom the name is not shown nothing is");
        ada.consents
            .insert("b".into(), consent(Audience::Network, &[Field::Name, Field::Headline]));
        let card = ada.card().unwrap();
        assert_eq!((card.name.as_str(), card.skills.len()), ("Ada Example", 2));
        assert_eq!((card.biography.as_str(), card.photo.len(), card.created_ms), ("", 0, 0));
        assert_eq!((card.local.clone(), card.consents.len()), (Local::default(), 0));
        assert_eq!(
            card.audiences[&Field::Name],
            Audience::Network,
            "not further than was agreed to"
        );
        assert_eq!(card.audiences.len(), 3);
        assert_eq!(card.card_seen_by(Audience::Public), None);
        ada.consents.get_mut("b").unwrap().withdrawn_ms = Some(9);
        assert_eq!(ada.card(), None);
        ada.consents
            .insert("c".into(), consent(Audience::Public, &[Field::Name, Field::Links]));
        let seen = ada.card().unwrap().card_seen_by(Audience::Public).unwrap();
        assert_eq!((seen.links.len(), seen.skills.len()), (1, 0));
        ada.audiences.insert(Field::Name, Audience::Private);
        assert_eq!(ada.card(), None);
        assert_eq!(ada.seen_by(Audience::Hub), None);
        assert!(ada.seen_by(Audience::Private).is_some());
        ada.audiences.insert(Field::Name, Audience::Network);
        ada.status = Status::MovedOn;
        assert_eq!(ada.card(), None);
    }

    #[test]
    fn members_of_the_hub_see_each_other_but_for_what_is_the_staffs() {
        let seen = sample().seen_by(Audience::Hub).unwrap();
        assert_eq!((seen.name.as_str(), seen.offers.len()), ("Ada Example", 1));
        assert_eq!((seen.tier.as_str(), seen.valid_until), ("", None));
        assert_eq!(seen.local, Local::default());
        assert_eq!(sample().seen_by(Audience::Private), Some(sample()));
    }

    #[test]
    fn a_word_that_is_taken_back_or_replaced_is_said_less_and_one_that_is_added_is_not() {
        let ada = sample();
        let less = |change: &dyn Fn(&mut Member)| {
            let mut later = ada.clone();
            change(&mut later);
            ada.says_less_in(&later)
        };
        assert!(!less(&|_| {}));
        assert!(!less(&|ada| ada.skills.push("etching".into())));
        assert!(!less(&|ada| ada.biography.push_str(" And etches.")));
        assert!(!less(&|ada| {
            ada.audiences.insert(Field::Name, Audience::Public);
        }));
        assert!(less(&|ada| ada.name = "Ada Other".into()));
        assert!(less(&|ada| drop(ada.skills.remove(0))));
        assert!(less(&|ada| ada.biography = "Prints.".into()));
        assert!(less(&|ada| ada.photo.clear()));
        assert!(less(&|ada| ada.offers[0].until = None));
        let mut public = ada.clone();
        public.audiences.insert(Field::Name, Audience::Public);
        assert!(public.says_less_in(&ada));
    }

    #[test]
    fn what_is_taken_back_takes_a_new_consent() {
        let mut ada = sample();
        ada.audiences = Field::ALL.map(|field| (field, Audience::Public)).into();
        ada.consents
            .insert("a".into(), consent(Audience::Network, &[Field::Name, Field::Skills]));
        ada.consents
            .insert("b".into(), consent(Audience::Public, &[Field::Skills]));
        ada.take_back([Field::Skills], 9);
        let card = ada.card().unwrap();
        assert_eq!((card.skills.len(), card.audiences.len()), (0, 1));
        assert_eq!(ada.consents["a"].fields, BTreeSet::from([Field::Name]));
        assert_eq!(
            (ada.consents["a"].withdrawn_ms, ada.consents["b"].withdrawn_ms),
            (None, Some(9))
        );
        ada.audiences.insert(Field::Skills, Audience::Public);
        assert_eq!(ada.audience(Field::Skills), Audience::Hub, "choosing is not agreeing");
        ada.take_back(Field::ALL, 10);
        assert_eq!(ada.card(), None);
    }

    #[test]
    fn words_go_there_and_back() {
        for field in Field::ALL {
            assert_eq!(Field::named(field.name()), Some(field));
        }
        for audience in Audience::ALL {
            assert_eq!(Audience::named(audience.name()), Some(audience));
        }
        assert_eq!((Field::named("mail"), Audience::named("all")), (None, None));
    }

    proptest! {
        /// Whatever was chosen and agreed to: a card has nothing that is for the hub alone, and a reader of it sees no more than
        /// the record shows to the same audience.
        #[test]
        fn a_card_shows_what_was_agreed_to_and_nothing_else(
            chosen in prop::collection::btree_map(0..14_usize, 0..4_usize, 0..14),
            agreed in prop::collection::vec((0..4_usize, prop::collection::btree_set(0..14_usize, 0..14), any::<bool>()), 0..4),
        ) {
            let mut ada = sample();
            ada.audiences = chosen.iter().map(|(field, audience)| (Field::ALL[*field], Audience::ALL[*audience])).collect();
            for (number, (audience, fields, withdrawn)) in agreed.iter().enumerate() {
                let fields: Vec<Field> = fields.iter().map(|field| Field::ALL[*field]).collect();
                let mut consent = consent(Audience::ALL[*audience], &fields);
                consent.withdrawn_ms = withdrawn.then_some(9);
                ada.consents.insert(number.to_string(), consent);
            }
            let card = ada.card();
            for audience in [Audience::Network, Audience::Public] {
                let of_record = ada.seen_by(audience);
                let of_card = card.as_ref().and_then(|card| card.clone().from_card().card_seen_by(audience));
                prop_assert_eq!(of_record, of_card);
            }
            let Some(card) = card else { return Ok(()) };
            prop_assert_eq!(&card.clone().from_card(), &card);
            prop_assert_eq!(&card.local, &Local::default());
            prop_assert!(card.consents.is_empty());
            for field in Field::ALL {
                let mut hidden = ada.clone();
                hidden.audiences.insert(field, Audience::Hub);
                let covered = ada.holding_consents().any(|(_, one)| one.audience.leaves_the_hub() && one.fields.contains(&field));
                prop_assert!(covered || !card.audiences.contains_key(&field));
                if field != Field::Name {
                    let narrower = hidden.card().unwrap();
                    prop_assert!(!narrower.audiences.contains_key(&field));
                    prop_assert_eq!(card.says_less_in(&narrower), card.audiences.contains_key(&field));
                }
            }
        }
    }
}
