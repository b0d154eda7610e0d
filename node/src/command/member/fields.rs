//! What an operator says of a member, checked and put into the record.

use std::collections::{BTreeMap, BTreeSet};

use interhub_domain::member::said::line;
use interhub_domain::member::{Audience, Consent, Field, MAX_CONSENTS, MAX_LINE, Member, Said};

use crate::clock::random_bytes;
use crate::command::{CommandError, Commands};
use crate::picture::thumbnail::{PictureError, portrait};

/// What an operator says of a member. What is absent stays as it is; an empty text or list removes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberFields {
    /// The fields.
    pub said: Said,
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

impl MemberFields {
    /// Checked, and with the small copy of a photo in its place. It takes a while: before any lock is taken.
    pub(super) fn made_small(mut self) -> Result<Self, CommandError> {
        self.said = self.said.checked().map_err(CommandError::usage)?;
        self.said.photo = self.said.photo.as_deref().map(small_photo).transpose()?;
        Ok(self)
    }
}

impl Commands {
    /// Puts fields that were [`MemberFields::made_small`] into a record.
    pub(super) fn apply_fields(&self, record: &mut Member, fields: MemberFields, by: &str) -> Result<(), CommandError> {
        let MemberFields {
            said,
            audiences,
            consent,
            withdraws_consent,
        } = fields;
        said.put_into(record);
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
        let text_version = line("consent", &new.text_version).map_err(CommandError::usage)?;
        if text_version.is_empty() {
            return Err(CommandError::usage(
                "consent: say which wording they agreed to, for instance 2026-11",
            ));
        }
        let channel = line("channel", &new.channel).map_err(CommandError::usage)?;
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

pub(super) fn small_photo(given: &[u8]) -> Result<Vec<u8>, CommandError> {
    if given.is_empty() {
        return Ok(Vec::new());
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
