//! Members: the records of this hub, and the cards of all others.
//!
//! A record is changed by one operator after the other, under a lock. Its card follows in the same call: it is made, changed,
//! begun anew where it says less than before, or taken back, so that what other hubs hold is what the member agreed to.

use std::collections::{BTreeMap, BTreeSet};

use interhub_domain::document::Reading;
use interhub_domain::ids::{DocumentKind, HubId, LogId, NetworkId, ObjectId, ThingId};
use interhub_domain::language;
use interhub_domain::member::{
    Audience, Consent, Field, Kind, Link, Listing, MAX_CONSENTS, MAX_ENTRIES, MAX_LINE, MAX_TEXT, MAX_URL, Member,
    Status,
};
use interhub_domain::query::language_matches;
use jiff::civil::Date;

use super::event::parse_thing;
use super::{Class, CommandError, Commands};
use crate::clock::random_bytes;
use crate::projection::HubStatus;
use crate::projection::members::MemberRow;
use crate::projection::search::folded;
use crate::sync::{Write, WriteError};

/// Members of one page of a list, at most, and if nothing is said.
pub const MAX_PAGE: usize = 1_000;
const USUAL_PAGE: usize = 100;

/// What an operator says of a member. What is absent stays as it is; an empty text or list removes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberFields {
    /// A person or an organisation.
    pub kind: Option<Kind>,
    /// The name; one that is needed.
    pub name: Option<String>,
    /// One line.
    pub headline: Option<String>,
    /// Plain text.
    pub biography: Option<String>,
    /// One line each.
    pub skills: Option<Vec<String>>,
    /// What they offer.
    pub offers: Option<Vec<Listing>>,
    /// What they look for.
    pub wants: Option<Vec<Listing>>,
    /// BCP 47.
    pub languages: Option<Vec<String>>,
    /// Addresses on the web.
    pub links: Option<Vec<Link>>,
    /// One line.
    pub role: Option<String>,
    /// One line each.
    pub projects: Option<Vec<String>>,
    /// One line each.
    pub programmes: Option<Vec<String>>,
    /// One line.
    pub tier: Option<String>,
    /// How the membership stands.
    pub status: Option<Status>,
    /// Its last day; an empty text: none.
    pub valid_until: Option<String>,
    /// Stays at the hub.
    pub mail: Option<String>,
    /// Stays at the hub.
    pub phone: Option<String>,
    /// Stays at the hub.
    pub notes: Option<String>,
    /// Stays at the hub.
    pub number: Option<String>,
    /// Who is to see which field.
    pub audiences: BTreeMap<Field, Audience>,
    /// The member agreed to what is chosen now for beyond the hub.
    pub consent: Option<NewConsent>,
    /// No consent that was given so far holds any more.
    pub withdraws_consent: bool,
}

/// A consent to be put on record: to the audiences as they are chosen after the change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewConsent {
    /// Which wording they agreed to.
    pub text_version: String,
    /// How: on paper, by mail, ...
    pub channel: String,
}

/// Which members are listed. All that is said has to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberQuery {
    /// Slug or id of their hub.
    pub hub: Option<String>,
    /// A skill of theirs has these words.
    pub skill: Option<String>,
    /// Something they offer has these words.
    pub offer: Option<String>,
    /// Something they look for has these words.
    pub want: Option<String>,
    /// They speak this language, or a variant of it.
    pub language: Option<String>,
    /// Any text of theirs that is shown has these words.
    pub text: Option<String>,
    /// At most so many; 100 if nothing is said.
    pub limit: Option<usize>,
    /// Where a list goes on: its `next`.
    pub cursor: Option<String>,
}

/// A member as an operator sees them: of this hub everything, of others their card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownMember {
    /// The member.
    pub thing: ThingId,
    /// Slug of their hub.
    pub hub: String,
    /// They are this hub's.
    pub own: bool,
    /// All that may be seen.
    pub member: Member,
    /// Other hubs hold a card of them.
    pub has_card: bool,
}

/// What an erasure came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErasedMember {
    /// The member.
    pub thing: ThingId,
    /// There was a card, which other hubs erase too.
    pub card: bool,
}

impl Commands {
    /// Makes a record.
    pub async fn add_member(&self, fields: MemberFields, by: String) -> Result<ShownMember, CommandError> {
        self.blocking("member add", move |this| {
            let _alone = this.editing_members.lock();
            let thing = ThingId::new(this.ledger.own_id(), random_bytes(&*this.clock));
            let now_ms = this.clock.now_ms();
            let mut record = Member {
                created_ms: now_ms,
                ..Member::default()
            };
            this.apply_fields(&mut record, fields, &by)?;
            if record.name.is_empty() {
                return Err(CommandError::usage("a member needs a name"));
            }
            record.updated_ms = now_ms;
            let create = Write::Create {
                log: LogId::LOCAL,
                kind: DocumentKind::Member,
                thing,
                reading: reading(&record),
            };
            this.ledger.write(vec![create])?;
            this.bring_card_up_to_date(thing, &record)?;
            this.own_member(thing)
        })
        .await
    }

    /// Changes a record of this hub, and its card with it.
    pub async fn edit_member(&self, id: String, fields: MemberFields, by: String) -> Result<ShownMember, CommandError> {
        self.blocking("member edit", move |this| {
            let _alone = this.editing_members.lock();
            let thing = parse_thing(&id)?;
            let before = this.record(thing)?.member;
            let mut record = before.clone();
            this.apply_fields(&mut record, fields, &by)?;
            if record.name.is_empty() {
                return Err(CommandError::usage("a member needs a name"));
            }
            if record != before {
                record.updated_ms = this.clock.now_ms().max(before.updated_ms.saturating_add(1));
                let object = this.member_document(LogId::LOCAL, thing)?;
                let reading = reading(&record);
                // What a record says no longer is of no use to anybody.
                this.ledger.write(vec![Write::Renew { object, reading }])?;
            }
            this.bring_card_up_to_date(thing, &record)?;
            this.own_member(thing)
        })
        .await
    }

    /// Shows one member: of this hub everything, of another one their card.
    pub async fn show_member(&self, id: String) -> Result<ShownMember, CommandError> {
        self.blocking("member show", move |this| {
            let thing = parse_thing(&id)?;
            if thing.belongs_to(this.ledger.own_id()) {
                return this.own_member(thing);
            }
            let network = this.network_id()?;
            for hub in this.views.hubs()? {
                if hub.status != HubStatus::Active || !thing.belongs_to(hub.id) {
                    continue;
                }
                let object = ObjectId::derive(network, hub.id, LogId::NETWORK, DocumentKind::Member, thing);
                let card = this.views.member(object)?;
                let member = card.and_then(|row| row.member.card_seen_by(Audience::Network));
                return member
                    .map(|member| of_another(thing, hub.slug, member))
                    .ok_or_else(|| not_found(thing));
            }
            Err(not_found(thing))
        })
        .await
    }

    /// Members of the whole network, by name.
    pub async fn list_members(&self, query: MemberQuery) -> Result<(Vec<ShownMember>, Option<String>), CommandError> {
        self.blocking("member list", move |this| {
            let filter = this.member_filter(&query)?;
            let limit = query.limit.unwrap_or(USUAL_PAGE);
            if !(1..=MAX_PAGE).contains(&limit) {
                return Err(CommandError::usage(format!("limit: a number from 1 to {MAX_PAGE}")));
            }
            let mut found = this.members()?;
            found.retain(|one| filter.fits(one));
            found.sort_by_cached_key(|one| (folded(&one.member.name), one.thing));
            let from = match query.cursor.as_deref() {
                None => 0,
                Some(cursor) => {
                    let last = cursor.parse::<ThingId>().ok();
                    let at = found.iter().position(|one| Some(one.thing) == last);
                    let gone = "cursor: this place in the list is gone; begin it anew";
                    at.ok_or_else(|| CommandError::usage(gone))? + 1
                }
            };
            let rest = found.len().saturating_sub(from);
            let page: Vec<ShownMember> = found.into_iter().skip(from).take(limit).collect();
            let next = page.last().filter(|_| rest > limit).map(|last| last.thing.to_string());
            Ok((page, next))
        })
        .await
    }

    /// Erases a member of this hub for good: the record here, the card at every hub.
    pub async fn erase_member(&self, id: String) -> Result<ErasedMember, CommandError> {
        self.blocking("member erase", move |this| {
            let _alone = this.editing_members.lock();
            let thing = parse_thing(&id)?;
            this.record(thing)?;
            let card = this.member_document(LogId::NETWORK, thing)?;
            let has_card = this.ledger.object_state(card)?.created.is_some();
            let mut writes = Vec::new();
            // The card first: what is left if the machine stops in between is a record that can be erased again.
            if has_card {
                writes.push(Write::Erase { object: card });
            }
            let object = this.member_document(LogId::LOCAL, thing)?;
            writes.push(Write::Erase { object });
            this.ledger.write(writes)?;
            Ok(ErasedMember { thing, card: has_card })
        })
        .await
    }

    fn network_id(&self) -> Result<NetworkId, CommandError> {
        Ok(self.ledger.network().ok_or(WriteError::NoNetwork)?)
    }

    fn member_document(&self, log: LogId, thing: ThingId) -> Result<ObjectId, CommandError> {
        let (network, own) = (self.network_id()?, self.ledger.own_id());
        Ok(ObjectId::derive(network, own, log, DocumentKind::Member, thing))
    }

    /// The record of a member of this hub.
    fn record(&self, thing: ThingId) -> Result<MemberRow, CommandError> {
        let object = self.member_document(LogId::LOCAL, thing)?;
        let row = self.views.member(object)?;
        row.ok_or_else(|| not_found(thing))
    }

    fn own_member(&self, thing: ThingId) -> Result<ShownMember, CommandError> {
        let card = self.views.member(self.member_document(LogId::NETWORK, thing)?)?;
        Ok(ShownMember {
            thing,
            hub: self.ledger.own().slug.clone(),
            own: true,
            member: self.record(thing)?.member,
            has_card: card.is_some(),
        })
    }

    /// Makes the card what follows from the record. Nothing is written if it is that already.
    fn bring_card_up_to_date(&self, thing: ThingId, record: &Member) -> Result<(), CommandError> {
        let object = self.member_document(LogId::NETWORK, thing)?;
        let before = self.views.member(object)?.map(|row| row.member);
        // That the record changed is nobody's business where the card does not.
        let is_same = |before: &Member, after: &Member| {
            let updated_ms = before.updated_ms;
            *before
                == Member {
                    updated_ms,
                    ..after.clone()
                }
        };
        let write = match (before, record.card()) {
            (None, None) => return Ok(()),
            (Some(before), Some(after)) if is_same(&before, &after) => return Ok(()),
            (None, Some(after)) => Write::Create {
                log: LogId::NETWORK,
                kind: DocumentKind::Member,
                thing,
                reading: reading(&after),
            },
            (Some(_), None) => Write::Withdraw { object },
            (Some(before), Some(after)) if before.says_less_in(&after) => Write::Renew {
                object,
                reading: reading(&after),
            },
            (Some(_), Some(after)) => Write::Change {
                object,
                reading: reading(&after),
            },
        };
        self.ledger.write(vec![write])?;
        Ok(())
    }

    /// Everybody there is: this hub's by their records, others by their cards.
    fn members(&self) -> Result<Vec<ShownMember>, CommandError> {
        let hubs = self.views.hubs()?;
        let slugs: BTreeMap<HubId, &str> = hubs
            .iter()
            .filter(|hub| hub.own || hub.status == HubStatus::Active)
            .map(|hub| (hub.id, hub.slug.as_str()))
            .collect();
        let own = self.ledger.own_id();
        let (mut found, mut with_card) = (Vec::new(), BTreeSet::new());
        self.views.each_member(&mut |row| {
            let is_own = row.hub == own;
            if is_own && !row.is_record() {
                with_card.insert(row.thing);
                return;
            }
            // Of a hub that is gone nothing is shown.
            let Some(slug) = slugs.get(&row.hub).filter(|_| is_own || !row.is_record()) else {
                return;
            };
            if is_own {
                found.push(ShownMember {
                    thing: row.thing,
                    hub: (*slug).to_owned(),
                    own: true,
                    member: row.member,
                    has_card: false,
                });
            } else if let Some(member) = row.member.card_seen_by(Audience::Network) {
                found.push(of_another(row.thing, (*slug).to_owned(), member));
            }
        })?;
        for one in found.iter_mut().filter(|one| one.own) {
            one.has_card = with_card.contains(&one.thing);
        }
        Ok(found)
    }

    fn apply_fields(&self, record: &mut Member, fields: MemberFields, by: &str) -> Result<(), CommandError> {
        let MemberFields {
            kind,
            name,
            headline,
            biography,
            skills,
            offers,
            wants,
            languages,
            links,
            role,
            projects,
            programmes,
            tier,
            status,
            valid_until,
            mail,
            phone,
            notes,
            number,
            audiences,
            consent,
            withdraws_consent,
        } = fields;
        record.kind = kind.unwrap_or(record.kind);
        record.status = status.unwrap_or(record.status);
        let local = &mut record.local;
        let lines = [
            ("name", name, &mut record.name),
            ("headline", headline, &mut record.headline),
            ("role", role, &mut record.role),
            ("tier", tier, &mut record.tier),
            ("mail", mail, &mut local.mail),
            ("phone", phone, &mut local.phone),
            ("number", number, &mut local.number),
        ];
        for (field, said, kept) in lines {
            if let Some(said) = said {
                *kept = one_line(field, &said)?;
            }
        }
        for (field, said, kept) in [
            ("biography", biography, &mut record.biography),
            ("notes", notes, &mut local.notes),
        ] {
            if let Some(said) = said {
                at_most(field, &said, MAX_TEXT)?;
                *kept = said;
            }
        }
        let lists = [
            ("skills", skills, &mut record.skills),
            ("projects", projects, &mut record.projects),
            ("programmes", programmes, &mut record.programmes),
        ];
        for (field, said, kept) in lists {
            if let Some(said) = said {
                *kept = all_lines(field, said)?;
            }
        }
        for (field, said, kept) in [
            ("offers", offers, &mut record.offers),
            ("wants", wants, &mut record.wants),
        ] {
            if let Some(said) = said {
                *kept = listings(field, said)?;
            }
        }
        if let Some(said) = languages {
            record.languages = all_languages(&said)?;
        }
        if let Some(said) = links {
            record.links = all_links(said)?;
        }
        if let Some(said) = valid_until {
            record.valid_until = last_day(&said)?;
        }
        record.audiences.extend(audiences);
        let now_ms = self.clock.now_ms();
        if withdraws_consent {
            for one in record.consents.values_mut() {
                one.withdrawn_ms.get_or_insert(now_ms);
            }
        }
        if let Some(consent) = consent {
            self.put_on_record(record, &consent, by)?;
        }
        Ok(())
    }

    /// One consent for each audience beyond the hub that is chosen for some field.
    fn put_on_record(&self, record: &mut Member, new: &NewConsent, by: &str) -> Result<(), CommandError> {
        let text_version = one_line("consent", &new.text_version)?;
        if text_version.is_empty() {
            return Err(CommandError::usage(
                "consent: say which wording they agreed to, for instance 2026-11",
            ));
        }
        let channel = one_line("channel", &new.channel)?;
        let recorded_by: String = by.chars().take(MAX_LINE).collect();
        let mut said = false;
        for audience in [Audience::Network, Audience::Public] {
            let chosen = |field: &Field| record.chosen(*field) == audience;
            let fields: BTreeSet<Field> = Field::ALL.into_iter().filter(chosen).collect();
            if fields.is_empty() {
                continue;
            }
            said = true;
            let known = record.holding_consents();
            let same = |one: &Consent| {
                (one.audience, &one.fields, &one.text_version, &one.channel)
                    == (audience, &fields, &text_version, &channel)
            };
            if known.map(|(_, one)| one).any(same) {
                continue;
            }
            if record.consents.len() >= MAX_CONSENTS {
                return Err(CommandError::refused(format!(
                    "{MAX_CONSENTS} consents of this member are on record; erase the member, or let this one be"
                )));
            }
            let id: [u8; 8] = random_bytes(&*self.clock);
            let consent = Consent {
                at_ms: self.clock.now_ms(),
                audience,
                fields,
                text_version: text_version.clone(),
                channel: channel.clone(),
                recorded_by: recorded_by.clone(),
                withdrawn_ms: None,
            };
            record.consents.insert(data_encoding::HEXLOWER.encode(&id), consent);
        }
        if said {
            return Ok(());
        }
        Err(CommandError::usage(
            "nothing is chosen for beyond the hub that they could agree to; give --audience FIELD=network or FIELD=public too",
        ))
    }

    fn member_filter(&self, query: &MemberQuery) -> Result<Filter, CommandError> {
        let hub = match &query.hub {
            None => None,
            Some(name) => {
                let found = self.views.hub(name)?;
                let missing =
                    || CommandError::not_found(format!("there is no hub {name:.100}; see `interhub hub list`"));
                Some(found.ok_or_else(missing)?.slug)
            }
        };
        let words = |text: &Option<String>| text.as_deref().map(folded).unwrap_or_default();
        Ok(Filter {
            hub,
            language: query.language.clone(),
            skill: words(&query.skill),
            offer: words(&query.offer),
            want: words(&query.want),
            text: words(&query.text),
        })
    }
}

/// What a list is asked for, made ready.
struct Filter {
    hub: Option<String>,
    language: Option<String>,
    skill: Vec<String>,
    offer: Vec<String>,
    want: Vec<String>,
    text: Vec<String>,
}

impl Filter {
    fn fits(&self, one: &ShownMember) -> bool {
        let member = &one.member;
        let speaks = |wanted: &String| {
            let languages = member.languages.iter();
            languages.into_iter().any(|tag| language_matches(tag, wanted))
        };
        let of_listings = |all: &[Listing]| all.iter().map(|one| one.what.clone()).collect::<Vec<_>>();
        self.hub.as_ref().is_none_or(|hub| *hub == one.hub)
            && self.language.as_ref().is_none_or(speaks)
            && any_has(&member.skills, &self.skill)
            && any_has(&of_listings(&member.offers), &self.offer)
            && any_has(&of_listings(&member.wants), &self.want)
            && (self.text.is_empty() || any_has(&[all_text(member)], &self.text))
    }
}

/// Whether one of these texts has all the words, each at the beginning of one of its own.
fn any_has(texts: &[String], words: &[String]) -> bool {
    words.is_empty()
        || texts.iter().any(|text| {
            let own = folded(text);
            words
                .iter()
                .all(|word| own.iter().any(|one| one.starts_with(word.as_str())))
        })
}

/// Everything that is shown of a member, as one text.
fn all_text(member: &Member) -> String {
    let mut all = vec![
        member.name.clone(),
        member.headline.clone(),
        member.biography.clone(),
        member.role.clone(),
    ];
    all.extend(member.skills.iter().cloned());
    all.extend(member.projects.iter().cloned());
    all.extend(member.programmes.iter().cloned());
    all.extend(member.offers.iter().chain(&member.wants).map(|one| one.what.clone()));
    all.join(" ")
}

const fn of_another(thing: ThingId, hub: String, member: Member) -> ShownMember {
    ShownMember {
        thing,
        hub,
        own: false,
        member,
        has_card: true,
    }
}

fn reading(member: &Member) -> Reading {
    Reading::Member(Box::new(member.clone()))
}

fn not_found(thing: ThingId) -> CommandError {
    CommandError::not_found(format!("there is no member {thing} here; see `interhub member list`"))
}

fn at_most(field: &str, text: &str, most: usize) -> Result<(), CommandError> {
    match text.chars().nth(most) {
        Some(_) => Err(CommandError::usage(format!("{field}: at most {most} characters"))),
        None => Ok(()),
    }
}

fn one_line(field: &str, text: &str) -> Result<String, CommandError> {
    at_most(field, text, MAX_LINE)?;
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    Ok(words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
}

fn few(field: &str, count: usize) -> Result<(), CommandError> {
    if count <= MAX_ENTRIES {
        return Ok(());
    }
    Err(CommandError::usage(format!("{field}: at most {MAX_ENTRIES} entries")))
}

fn all_lines(field: &str, texts: Vec<String>) -> Result<Vec<String>, CommandError> {
    few(field, texts.len())?;
    let mut lines: Vec<String> = Vec::with_capacity(texts.len());
    for text in texts {
        let line = one_line(field, &text)?;
        if !line.is_empty() && !lines.contains(&line) {
            lines.push(line);
        }
    }
    Ok(lines)
}

fn listings(field: &str, said: Vec<Listing>) -> Result<Vec<Listing>, CommandError> {
    few(field, said.len())?;
    let mut out: Vec<Listing> = Vec::with_capacity(said.len());
    for one in said {
        let what = one_line(field, &one.what)?;
        if !what.is_empty() {
            out.push(Listing { what, ..one });
        }
    }
    Ok(out)
}

fn all_languages(said: &[String]) -> Result<Vec<String>, CommandError> {
    few("languages", said.len())?;
    let mut out: Vec<String> = Vec::with_capacity(said.len());
    for tag in said.iter().filter(|tag| !tag.trim().is_empty()) {
        let wrong = || {
            CommandError::usage(format!(
                "languages: {tag:.40} is no language; write it like en or pt-BR"
            ))
        };
        let tag = language::canonical(tag).ok_or_else(wrong)?;
        if !out.contains(&tag) {
            out.push(tag);
        }
    }
    Ok(out)
}

fn all_links(said: Vec<Link>) -> Result<Vec<Link>, CommandError> {
    few("links", said.len())?;
    let mut out: Vec<Link> = Vec::with_capacity(said.len());
    for link in said {
        at_most("links", &link.url, MAX_URL)?;
        let url = link.url.trim().to_owned();
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let is_address =
            rest.is_some_and(|rest| !rest.is_empty()) && !url.contains(|c: char| c.is_whitespace() || c.is_control());
        if !is_address {
            return Err(CommandError::usage(
                "links: an address begins with https:// or http:// and has no blanks",
            ));
        }
        let label = one_line("links", &link.label)?;
        out.push(Link { label, url });
    }
    Ok(out)
}

fn last_day(said: &str) -> Result<Option<Date>, CommandError> {
    if said.trim().is_empty() {
        return Ok(None);
    }
    let wrong = |_| CommandError::new(Class::Usage, "valid_until: write it like 2027-12-31");
    said.trim().parse().map(Some).map_err(wrong)
}
