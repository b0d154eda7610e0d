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
pub(crate) mod tests;
