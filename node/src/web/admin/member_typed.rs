//! A member as a form shows them, and back: what was typed, what is wrong with it, and what it changes.

use std::collections::BTreeMap;

use interhub_domain::contacts::cells::{joined, link, link_text, listing, listing_text, split};
use interhub_domain::member::{
    Audience, Field, Kind, Listing, MAX_ENTRIES, MAX_LINE, MAX_TEXT, MAX_URL, Member, Said, Status, Until,
};

use super::super::words::fill;
use super::form::Form;
use super::typed::Errors;
use super::words::AdminWords;
use crate::command::member::{MemberFields, NewConsent};

/// The fields of the form that are text, as commands call them.
const TEXTS: [&str; 19] = [
    "kind",
    "name",
    "headline",
    "biography",
    "skills",
    "offers",
    "wants",
    "languages",
    "links",
    "role",
    "projects",
    "programmes",
    "tier",
    "status",
    "valid_until",
    "mail",
    "phone",
    "number",
    "notes",
];

/// Those that members write themselves.
const OWN_TEXTS: [&str; 9] = [
    "kind",
    "name",
    "headline",
    "biography",
    "skills",
    "offers",
    "wants",
    "languages",
    "links",
];

/// Which wording members agree to on their own page: its sentences are in `words/me`. It changes when they do.
const OWN_CONSENT: &str = "own page 2026-11";

/// What the fields of the form hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TypedMember {
    texts: BTreeMap<&'static str, String>,
    audiences: BTreeMap<Field, Audience>,
    /// The picture is to go.
    pub(super) drops_photo: bool,
    /// They agreed.
    pub(super) agreed: bool,
    pub(super) consent_text: String,
    pub(super) consent_channel: String,
    /// They take back everything.
    pub(super) withdraws: bool,
}

/// What the form calls the choice of who sees a field.
pub(super) fn sees(field: Field) -> String {
    format!("sees-{}", field.name())
}

impl TypedMember {
    /// What a record says.
    pub(super) fn of(member: &Member) -> Self {
        let day = member.valid_until.map(|day| day.to_string()).unwrap_or_default();
        let lines = |all: &[Listing]| all.iter().map(listing_text).collect::<Vec<_>>().join("\n");
        let text = |name: &'static str| match name {
            "kind" => member.kind.name().to_owned(),
            "name" => member.name.clone(),
            "headline" => member.headline.clone(),
            "biography" => member.biography.trim().to_owned(),
            "skills" => commas(&member.skills),
            "offers" => lines(&member.offers),
            "wants" => lines(&member.wants),
            "languages" => commas(&member.languages),
            "links" => member.links.iter().map(link_text).collect::<Vec<_>>().join("\n"),
            "role" => member.role.clone(),
            "projects" => commas(&member.projects),
            "programmes" => commas(&member.programmes),
            "tier" => member.tier.clone(),
            "status" => member.status.name().to_owned(),
            "valid_until" => day.clone(),
            "mail" => member.local.mail.clone(),
            "phone" => member.local.phone.clone(),
            "number" => member.local.number.clone(),
            _ => member.local.notes.trim().to_owned(),
        };
        Self {
            texts: TEXTS.into_iter().map(|name| (name, text(name))).collect(),
            audiences: Field::ALL
                .into_iter()
                .map(|field| (field, member.chosen(field)))
                .collect(),
            ..Self::default()
        }
    }

    /// What was sent. Who sees a field about which nothing was sent stays as it is in `before`.
    pub(super) fn sent(form: &Form, before: &Member) -> Self {
        let line = |name: &str| form.trimmed(name).to_owned();
        let audience = |field: Field| {
            let sent = Audience::named(form.get(&sees(field)));
            (field, sent.unwrap_or_else(|| before.chosen(field)))
        };
        Self {
            texts: TEXTS.into_iter().map(|name| (name, line(name))).collect(),
            audiences: Field::ALL.into_iter().map(audience).collect(),
            drops_photo: form.ticked("drops_photo"),
            agreed: form.ticked("agreed"),
            consent_text: line("consent_text"),
            consent_channel: line("consent_channel"),
            withdraws: form.ticked("withdraws"),
        }
    }

    /// What a member sent of their own record; `channel`: how they agree. Of what the hub says of them nothing but who sees it, whatever was sent.
    pub(super) fn sent_by_member(form: &Form, before: &Member, channel: &str) -> Self {
        let sent = Self::sent(form, before);
        let mut texts = Self::of(before).texts;
        for name in OWN_TEXTS {
            texts.insert(name, form.trimmed(name).to_owned());
        }
        Self {
            texts,
            consent_text: OWN_CONSENT.to_owned(),
            consent_channel: channel.to_owned(),
            withdraws: false,
            // To nothing nobody agrees.
            agreed: sent.agreed && sent.audiences.values().any(|audience| audience.leaves_the_hub()),
            ..sent
        }
    }

    /// Whether it chooses something for beyond the hub that nobody agreed to yet.
    pub(super) fn needs_consent(&self, record: &Member) -> bool {
        let shown = self.shown_to(record);
        let differs =
            |(field, chosen): (&Field, &Audience)| chosen.leaves_the_hub() && shown.get(field) != Some(chosen);
        self.audiences.iter().any(differs)
    }

    /// What stands in a field.
    pub(super) fn text(&self, name: &str) -> &str {
        self.texts.get(name).map_or("", String::as_str)
    }

    /// Who is to see a field.
    pub(super) fn chosen(&self, field: Field) -> Audience {
        let chosen = self.audiences.get(&field).copied();
        chosen.unwrap_or_else(|| field.usual_audience())
    }

    /// Who sees the fields of a record as things stand, with what is chosen here.
    pub(super) fn shown_to(&self, record: &Member) -> BTreeMap<Field, Audience> {
        let member = Member {
            audiences: self.audiences.clone(),
            consents: record.consents.clone(),
            ..Member::default()
        };
        Field::ALL
            .into_iter()
            .map(|field| (field, member.audience(field)))
            .collect()
    }

    /// What this changes in a record, or what makes a new one.
    pub(super) fn fields(&self, before: Option<&Member>, words: &AdminWords) -> Result<MemberFields, Errors> {
        let mut errors = Errors::default();
        let old = before.map(Self::of);
        let mut said = Said::default();
        for name in TEXTS {
            let text = self.text(name);
            let is_same = match &old {
                Some(old) => old.text(name) == text,
                None => text.is_empty(),
            };
            if !is_same {
                self.say(name, &mut said, words, &mut errors);
            }
        }
        if self.text("name").is_empty() {
            errors.note("name", words.members.error_name);
        }
        said.photo = self.drops_photo.then(Vec::new);
        // What is left: each in the commands' own words, which are the same rules.
        if errors.is_empty()
            && let Err(reason) = said.clone().checked()
        {
            let of = TEXTS.into_iter().find(|name| reason.starts_with(&format!("{name}: ")));
            errors.note(of.unwrap_or("name"), reason);
        }
        let consent = self.agreed.then(|| self.consent(words, &mut errors));
        if !errors.is_empty() {
            return Err(errors);
        }
        let nobody = Member::default();
        let kept = before.unwrap_or(&nobody);
        let chosen = self
            .audiences
            .iter()
            .filter(|(field, audience)| kept.chosen(**field) != **audience);
        Ok(MemberFields {
            said,
            audiences: chosen.map(|(field, audience)| (*field, *audience)).collect(),
            consent,
            withdraws_consent: self.withdraws,
        })
    }

    fn consent(&self, words: &AdminWords, errors: &mut Errors) -> NewConsent {
        if self.consent_text.is_empty() {
            errors.note("consent_text", words.members.error_consent_text);
        } else if !self.audiences.values().any(|audience| audience.leaves_the_hub()) {
            errors.note("agreed", words.members.error_consent_nothing);
        }
        for (field, text) in [
            ("consent_text", &self.consent_text),
            ("consent_channel", &self.consent_channel),
        ] {
            at_most(field, text, MAX_LINE, words, errors);
        }
        NewConsent {
            text_version: self.consent_text.clone(),
            channel: self.consent_channel.clone(),
        }
    }

    /// Says what one field says, or notes why it cannot be.
    fn say(&self, name: &'static str, said: &mut Said, words: &AdminWords, errors: &mut Errors) {
        let text = self.text(name);
        let mut line = || {
            at_most(name, text, MAX_LINE, words, errors);
            Some(text.to_owned())
        };
        match name {
            "name" => said.name = line(),
            "headline" => said.headline = line(),
            "role" => said.role = line(),
            "tier" => said.tier = line(),
            "mail" => said.mail = line(),
            "phone" => said.phone = line(),
            "number" => said.number = line(),
            "kind" => said.kind = Kind::ALL.into_iter().find(|kind| kind.name() == text),
            "status" => said.status = Status::ALL.into_iter().find(|status| status.name() == text),
            "valid_until" => said.valid_until = until(text, words, errors),
            "biography" | "notes" => {
                at_most(name, text, MAX_TEXT, words, errors);
                let kept = if name == "notes" {
                    &mut said.notes
                } else {
                    &mut said.biography
                };
                *kept = Some(text.to_owned());
            }
            "offers" => said.offers = Some(listings(name, text, words, errors)),
            "wants" => said.wants = Some(listings(name, text, words, errors)),
            "links" => {
                let links: Vec<_> = filled(text).map(|line| link(line, "")).collect();
                few(name, links.len(), words, errors);
                for one in &links {
                    at_most(name, &one.label, MAX_LINE, words, errors);
                    at_most(name, &one.url, MAX_URL, words, errors);
                }
                said.links = Some(links);
                if !fits(&Said {
                    links: said.links.clone(),
                    ..Said::default()
                }) {
                    errors.note(name, words.error_url);
                }
            }
            _ => {
                let all = split(text);
                few(name, all.len(), words, errors);
                for one in &all {
                    at_most(name, one, MAX_LINE, words, errors);
                }
                let all = Some(all);
                match name {
                    "skills" => said.skills = all,
                    "projects" => said.projects = all,
                    "programmes" => said.programmes = all,
                    _ => {
                        said.languages = all;
                        if !fits(&Said {
                            languages: said.languages.clone(),
                            ..Said::default()
                        }) {
                            errors.note(name, words.error_language);
                        }
                    }
                }
            }
        }
    }
}

/// A list as one line, which [`split`] divides again.
fn commas(all: &[String]) -> String {
    all.iter().map(|one| joined([one])).collect::<Vec<_>>().join(", ")
}

fn filled(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn fits(said: &Said) -> bool {
    said.clone().checked().is_ok()
}

fn until(text: &str, words: &AdminWords, errors: &mut Errors) -> Option<Until> {
    if text.is_empty() {
        return Some(Until::Open);
    }
    let day = text.parse().ok();
    if day.is_none() {
        errors.note("valid_until", words.error_date);
    }
    day.map(Until::Day)
}

fn listings(name: &'static str, text: &str, words: &AdminWords, errors: &mut Errors) -> Vec<Listing> {
    let all: Vec<Listing> = filled(text).map(listing).collect();
    few(name, all.len(), words, errors);
    for (one, line) in all.iter().zip(filled(text)) {
        at_most(name, &one.what, MAX_LINE, words, errors);
        // Whoever writes `until -` says that a day before it is a word like others.
        if one.until.is_none()
            && !line.trim_end().ends_with(" until -")
            && let Some(day) = looks_like_a_day(&one.what)
        {
            errors.note(name, fill(words.members.error_listing_day, &[("day", day)]));
        }
    }
    all
}

/// What comes after the last `until`, if it is meant as a day: three numbers.
fn looks_like_a_day(what: &str) -> Option<&str> {
    let (_, last) = what.rsplit_once(" until ")?;
    let numbers = last.split(['-', '.', '/']);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (numbers.clone().count() == 3 && numbers.into_iter().all(is_number)).then_some(last)
}

fn few(name: &'static str, entries: usize, words: &AdminWords, errors: &mut Errors) {
    if entries > MAX_ENTRIES {
        errors.note(
            name,
            fill(words.members.error_many, &[("most", &MAX_ENTRIES.to_string())]),
        );
    }
}

fn at_most(name: &'static str, text: &str, most: usize, words: &AdminWords, errors: &mut Errors) {
    let length = text.chars().count();
    if length > most {
        let numbers = [("length", &*length.to_string()), ("most", &*most.to_string())];
        errors.note(name, fill(words.error_too_long, &numbers));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use interhub_domain::member::{Link, Way};
    use jiff::civil::date;

    use super::super::super::words::by_tag;
    use super::*;

    fn words() -> &'static AdminWords {
        AdminWords::of(by_tag("en").unwrap())
    }

    fn ada() -> Member {
        Member {
            name: "Ada Example".into(),
            biography: "Prints.\n\nAnd binds.".into(),
            skills: vec!["screen printing".into(), "paper, card; board".into()],
            offers: vec![
                Listing {
                    what: "a press".into(),
                    way: Some(Way::Lend),
                    until: Some(date(2027, 5, 1)),
                },
                Listing {
                    what: "x until 2027-05-01".into(),
                    way: None,
                    until: None,
                },
            ],
            languages: vec!["en".into(), "pt-BR".into()],
            links: vec![Link {
                label: "Shop".into(),
                url: "https://shop.example".into(),
            }],
            valid_until: Some(date(2027, 12, 31)),
            ..Member::default()
        }
    }

    #[test]
    fn a_form_that_is_sent_as_it_came_changes_nothing() {
        let ada = ada();
        let typed = TypedMember::of(&ada);
        assert_eq!(typed.fields(Some(&ada), words()), Ok(MemberFields::default()));
        // And all of it makes the same member.
        let fields = typed.fields(None, words()).unwrap();
        let mut made = Member::default();
        fields.said.checked().unwrap().put_into(&mut made);
        assert_eq!(made, ada);
        assert!(fields.audiences.is_empty());
    }

    #[test]
    fn what_is_wrong_is_noted_beside_its_field() {
        let long = "x".repeat(201);
        let many = vec!["a"; 65].join(",");
        for (name, wrong) in [
            ("name", ""),
            ("headline", &*long),
            ("skills", &*many),
            ("skills", &*long),
            ("offers", "teach: sewing until 2027-13-01"),
            ("wants", "paper until 1.5.2027"),
            ("languages", "Klingon is none"),
            ("links", "javascript:alert(1)"),
            ("valid_until", "soon"),
        ] {
            let mut typed = TypedMember::of(&ada());
            typed.texts.insert(name, wrong.to_owned());
            let errors = typed.fields(Some(&ada()), words()).unwrap_err();
            assert!(
                errors.of(name).is_some() && errors.all().count() == 1,
                "{name} {wrong} {errors:?}"
            );
        }
        assert_eq!(looks_like_a_day("open until 9"), None);
    }

    #[test]
    fn a_consent_says_which_wording_and_to_something() {
        let mut typed = TypedMember {
            agreed: true,
            ..TypedMember::of(&ada())
        };
        assert!(
            typed
                .fields(Some(&ada()), words())
                .unwrap_err()
                .of("consent_text")
                .is_some()
        );
        typed.consent_text = "2026-11".into();
        assert!(typed.fields(Some(&ada()), words()).unwrap_err().of("agreed").is_some());
        typed.audiences.insert(Field::Name, Audience::Network);
        let fields = typed.fields(Some(&ada()), words()).unwrap();
        assert_eq!(fields.audiences, [(Field::Name, Audience::Network)].into());
        assert_eq!(fields.consent.unwrap().text_version, "2026-11");
        assert_eq!(
            typed.shown_to(&ada())[&Field::Name],
            Audience::Hub,
            "not before it is on record"
        );
    }
}
