//! What an operator says of a member, checked and put into the record.

use std::collections::{BTreeMap, BTreeSet};

use interhub_domain::language;
use interhub_domain::member::{
    Audience, Consent, Field, Kind, Link, Listing, MAX_CONSENTS, MAX_ENTRIES, MAX_LINE, MAX_TEXT, MAX_URL, Member,
    Status,
};
use jiff::civil::Date;

use crate::clock::random_bytes;
use crate::command::{Class, CommandError, Commands};
use crate::picture::thumbnail::{MAX_BYTES, PictureError, portrait};

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
    /// A picture as somebody has it, of at most [`MAX_BYTES`]; a small copy is kept. Empty: none.
    pub photo: Option<Vec<u8>>,
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

impl Commands {
    pub(super) fn apply_fields(&self, record: &mut Member, fields: MemberFields, by: &str) -> Result<(), CommandError> {
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
            photo,
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
        if let Some(said) = photo {
            record.photo = small_photo(&said)?;
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
}

fn small_photo(given: &[u8]) -> Result<Vec<u8>, CommandError> {
    if given.is_empty() {
        return Ok(Vec::new());
    }
    if given.len() > MAX_BYTES {
        return Err(CommandError::usage(format!(
            "photo: at most {} MiB; make it smaller",
            MAX_BYTES >> 20
        )));
    }
    portrait(given).map_err(|error| {
        CommandError::usage(match error {
            PictureError::Format => "photo: this is not a picture; give a JPEG, PNG, WebP or GIF file".to_owned(),
            PictureError::TooLarge { width, height } => {
                format!("photo: {width} by {height} pixels are too many; make it smaller")
            }
            PictureError::Damaged => "photo: the picture is damaged or cut off; give another one".to_owned(),
        })
    })
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
