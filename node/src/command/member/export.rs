//! Members of this hub as files for other programs.

use interhub_domain::contacts::{to_csv, to_jscontact, to_json, to_murmurations, to_vcard};
use interhub_domain::ids::ThingId;
use interhub_domain::member::{Audience, Member, Status};

use crate::command::event::parse_thing;
use crate::command::{CommandError, Commands};

/// In what form members are exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberFormat {
    /// A table (RFC 4180): no photos, audiences and consents.
    Csv,
    /// vCard 4.0 (RFC 6350).
    Vcard,
    /// JSContact (RFC 9553).
    Jscontact,
    /// Everything, for programs.
    Json,
    /// Profiles for the index of Murmurations, of what everybody may see.
    Murmurations,
}

impl MemberFormat {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Csv, Self::Vcard, Self::Jscontact, Self::Json, Self::Murmurations];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Vcard => "vcard",
            Self::Jscontact => "jscontact",
            Self::Json => "json",
            Self::Murmurations => "murmurations",
        }
    }
}

/// Members as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedMembers {
    /// The file, UTF-8.
    pub text: String,
    /// Members that are not, and why.
    pub left_out: Vec<(String, String)>,
}

impl Commands {
    /// The members of this hub, or one of them, as those of an audience see them: the staff everything. They are in the order of
    /// their names.
    pub async fn export_members(
        &self,
        format: MemberFormat,
        audience: Audience,
        id: Option<String>,
    ) -> Result<ExportedMembers, CommandError> {
        self.blocking("member export", move |this| {
            this.may_show_members()?;
            let mut all = match id {
                Some(id) => {
                    let thing = parse_thing(&id)?;
                    vec![(thing, this.record(thing)?.member)]
                }
                None => this.own_records()?,
            };
            let audience = match format {
                MemberFormat::Murmurations => Audience::Public,
                _ => audience,
            };
            let mut left_out = Vec::new();
            // Of who moved on nothing is shown beyond the hub.
            let seen_by = |member: &Member| {
                let is_shown = !audience.leaves_the_hub() || member.status != Status::MovedOn;
                is_shown.then(|| member.seen_by(audience)).flatten()
            };
            all.retain_mut(|(thing, member)| {
                let seen = seen_by(member);
                let is_shown = seen.is_some();
                if let Some(seen) = seen {
                    *member = seen;
                } else {
                    left_out.push((thing.to_string(), format!("nothing of them is for {}", audience.name())));
                }
                is_shown
            });
            all.sort_by(|(one, a), (other, b)| (&a.name, one).cmp(&(&b.name, other)));
            let listed: Vec<(String, &Member)> =
                all.iter().map(|(thing, member)| (thing.to_string(), member)).collect();
            let text = match format {
                MemberFormat::Csv => to_csv(&listed),
                MemberFormat::Vcard => to_vcard(&listed),
                MemberFormat::Jscontact => to_jscontact(&listed),
                MemberFormat::Json => to_json(&listed),
                MemberFormat::Murmurations => {
                    let made = to_murmurations(&listed);
                    let reasons = made.left_out.into_iter().map(|(id, reason)| (id, reason.to_owned()));
                    left_out.extend(reasons);
                    profiles(made.profiles)
                }
            };
            Ok(ExportedMembers { text, left_out })
        })
        .await
    }

    /// Every record of this hub.
    fn own_records(&self) -> Result<Vec<(ThingId, Member)>, CommandError> {
        let (own, held) = (self.ledger.own_id(), self.ledger.held_members());
        let mut all = Vec::new();
        self.views.each_member(&mut |row| {
            if row.hub == own && row.is_record() && !held.contains(&row.thing) {
                all.push((row.thing, row.member));
            }
        })?;
        Ok(all)
    }
}

/// Profiles by the id of their member: each is put at an address of its own, from which the index fetches it.
fn profiles(all: Vec<(String, serde_json::Value)>) -> String {
    let by_id: serde_json::Map<String, serde_json::Value> = all.into_iter().collect();
    let document = serde_json::json!({ "profiles": by_id });
    format!("{document:#}\n")
}
