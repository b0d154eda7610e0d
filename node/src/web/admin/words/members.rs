//! The words of the member pages, by language.

pub(super) mod de;
pub(super) mod en;
pub(super) mod es;
pub(super) mod nl;

use interhub_domain::member::{Audience, Field, Kind, Status};

use crate::command::member::ErasureState;

/// The words of one language. Patterns hold `{name}` marks.
pub(in super::super) struct MemberWords {
    pub(in super::super) menu: &'static str,
    pub(in super::super) new: &'static str,
    pub(in super::super) lead: &'static str,
    pub(in super::super) search_text: &'static str,
    pub(in super::super) search_skill: &'static str,
    pub(in super::super) search_offer: &'static str,
    pub(in super::super) search_want: &'static str,
    pub(in super::super) search_hub: &'static str,
    pub(in super::super) hubs_all: &'static str,
    pub(in super::super) hubs_own: &'static str,
    pub(in super::super) none: &'static str,
    pub(in super::super) none_found: &'static str,
    pub(in super::super) next_page: &'static str,
    pub(in super::super) card_held: &'static str,
    pub(in super::super) export_as: &'static str,
    pub(in super::super) about: &'static str,
    pub(in super::super) at_hub: &'static str,
    pub(in super::super) kind: &'static str,
    pub(in super::super) name: &'static str,
    pub(in super::super) name_hint: &'static str,
    pub(in super::super) headline: &'static str,
    pub(in super::super) biography: &'static str,
    pub(in super::super) skills: &'static str,
    pub(in super::super) commas: &'static str,
    pub(in super::super) offers: &'static str,
    pub(in super::super) wants: &'static str,
    pub(in super::super) listing_hint: &'static str,
    pub(in super::super) languages: &'static str,
    pub(in super::super) languages_hint: &'static str,
    pub(in super::super) links: &'static str,
    pub(in super::super) links_hint: &'static str,
    pub(in super::super) photo: &'static str,
    pub(in super::super) photo_there: &'static str,
    pub(in super::super) photo_none: &'static str,
    pub(in super::super) photo_how: &'static str,
    pub(in super::super) photo_file: &'static str,
    pub(in super::super) photo_put: &'static str,
    pub(in super::super) photo_drop: &'static str,
    pub(in super::super) role: &'static str,
    pub(in super::super) projects: &'static str,
    pub(in super::super) programmes: &'static str,
    pub(in super::super) tier: &'static str,
    pub(in super::super) status: &'static str,
    pub(in super::super) status_hint: &'static str,
    pub(in super::super) valid_until: &'static str,
    pub(in super::super) local: &'static str,
    pub(in super::super) local_lead: &'static str,
    pub(in super::super) mail: &'static str,
    pub(in super::super) phone: &'static str,
    pub(in super::super) notes: &'static str,
    pub(in super::super) number: &'static str,
    pub(in super::super) who_sees: &'static str,
    /// With `{audience}`.
    pub(in super::super) not_agreed: &'static str,
    pub(in super::super) consent: &'static str,
    pub(in super::super) consent_lead: &'static str,
    pub(in super::super) agreed: &'static str,
    pub(in super::super) consent_text: &'static str,
    pub(in super::super) consent_channel: &'static str,
    pub(in super::super) withdraw: &'static str,
    pub(in super::super) log: &'static str,
    pub(in super::super) log_none: &'static str,
    pub(in super::super) log_when: &'static str,
    pub(in super::super) log_audience: &'static str,
    pub(in super::super) log_fields: &'static str,
    pub(in super::super) log_text: &'static str,
    pub(in super::super) log_channel: &'static str,
    pub(in super::super) log_by: &'static str,
    pub(in super::super) log_withdrawn: &'static str,
    pub(in super::super) log_holds: &'static str,
    pub(in super::super) changed_meanwhile: &'static str,
    pub(in super::super) error_name: &'static str,
    /// With `{most}`.
    pub(in super::super) error_many: &'static str,
    /// With `{day}`.
    pub(in super::super) error_listing_day: &'static str,
    pub(in super::super) error_consent_text: &'static str,
    pub(in super::super) error_consent_nothing: &'static str,
    pub(in super::super) erase: &'static str,
    pub(in super::super) erased_where: &'static str,
    /// With `{hub}`.
    pub(in super::super) of_another: &'static str,
    pub(in super::super) back_to_list: &'static str,
    pub(in super::super) back_to_member: &'static str,
    /// With `{name}`.
    pub(in super::super) erase_heading: &'static str,
    pub(in super::super) erase_lead: &'static str,
    pub(in super::super) erase_card: &'static str,
    pub(in super::super) erase_button: &'static str,
    pub(in super::super) link: &'static str,
    /// With `{name}`.
    pub(in super::super) link_heading: &'static str,
    pub(in super::super) link_lead: &'static str,
    /// With `{time}`.
    pub(in super::super) link_made: &'static str,
    pub(in super::super) link_label: &'static str,
    /// With `{address}`.
    pub(in super::super) link_mail: &'static str,
    pub(in super::super) link_show: &'static str,
    pub(in super::super) link_mailed: &'static str,
    /// With `{time}`.
    pub(in super::super) visit_invited: &'static str,
    /// With `{time}`.
    pub(in super::super) visit_opened: &'static str,
    /// With `{time}`.
    pub(in super::super) visit_asked: &'static str,
    /// With `{time}`.
    pub(in super::super) visit_confirmed: &'static str,
    pub(in super::super) invite: &'static str,
    pub(in super::super) invite_heading: &'static str,
    pub(in super::super) invite_lead: &'static str,
    pub(in super::super) invite_button: &'static str,
    pub(in super::super) invited: &'static str,
    pub(in super::super) receipts_heading: &'static str,
    /// With `{time}`.
    pub(in super::super) receipts_lead: &'static str,
    pub(in super::super) receipts_hub: &'static str,
    pub(in super::super) receipts_state: &'static str,
    pub(in super::super) receipts_since: &'static str,
    pub(in super::super) receipts_backups: &'static str,
    pub(in super::super) receipts_report: &'static str,
    pub(in super::super) import: &'static str,
    pub(in super::super) import_lead: &'static str,
    pub(in super::super) import_file: &'static str,
    pub(in super::super) import_text: &'static str,
    pub(in super::super) import_look: &'static str,
    pub(in super::super) import_take: &'static str,
    pub(in super::super) import_change: &'static str,
    pub(in super::super) import_plan: &'static str,
    pub(in super::super) import_not_yet: &'static str,
    pub(in super::super) import_nothing: &'static str,
    pub(in super::super) import_added: &'static str,
    pub(in super::super) import_changed: &'static str,
    pub(in super::super) import_unchanged: &'static str,
    pub(in super::super) import_refused: &'static str,
    pub(in super::super) import_columns: &'static str,
    pub(in super::super) import_column: &'static str,
    pub(in super::super) import_taken_for: &'static str,
    pub(in super::super) import_left_out: &'static str,
    pub(in super::super) import_who: &'static str,
    pub(in super::super) import_line: &'static str,
    pub(in super::super) import_what: &'static str,
    pub(in super::super) import_before: &'static str,
    pub(in super::super) import_after: &'static str,
    pub(in super::super) import_why: &'static str,
    pub(in super::super) import_notices: &'static str,
    /// With `{times}`.
    pub(in super::super) import_times: &'static str,
    pub(in super::super) import_more: &'static str,
    pub(in super::super) error_import_empty: &'static str,
    pub(in super::super) error_import: &'static str,
    pub(in super::super) import_busy: &'static str,
    pub(in super::super) column_id: &'static str,
    pub(in super::super) column_given_name: &'static str,
    pub(in super::super) column_family_name: &'static str,
    pub(in super::super) column_company: &'static str,
    pub(in super::super) column_visible: &'static str,
    pub(in super::super) added: &'static str,
    pub(in super::super) erased: &'static str,
    pub(in super::super) imported: &'static str,
    /// In the order of `Kind::ALL`.
    pub(in super::super) kinds: [&'static str; 2],
    /// In the order of `Status::ALL`.
    pub(in super::super) statuses: [&'static str; 3],
    /// In the order of `Audience::ALL`.
    pub(in super::super) audiences: [&'static str; 4],
    /// Who sees a field, in a sentence, in the order of `Audience::ALL`.
    pub(in super::super) sees: [&'static str; 4],
    /// Fields with an audience, in the order of `Field::ALL`.
    pub(in super::super) fields: [&'static str; 14],
    /// How far a hub is with an erasure: erased, pending, unreachable, removed, refused.
    pub(in super::super) states: [&'static str; 5],
}

impl MemberWords {
    /// A field of a member as the form calls it; `name` is what commands and tables call it.
    pub(in super::super) fn column<'a>(&'a self, name: &'a str) -> &'a str {
        match name {
            "id" => self.column_id,
            "given_name" => self.column_given_name,
            "family_name" => self.column_family_name,
            "company" => self.column_company,
            "visible" => self.column_visible,
            "ignore" => self.import_left_out,
            "kind" => self.kind,
            "name" => self.name,
            "headline" => self.headline,
            "biography" => self.biography,
            "skills" => self.skills,
            "offers" => self.offers,
            "wants" => self.wants,
            "languages" => self.languages,
            "links" => self.links,
            "photo" => self.photo,
            "role" => self.role,
            "projects" => self.projects,
            "programmes" => self.programmes,
            "tier" => self.tier,
            "status" => self.status,
            "valid_until" => self.valid_until,
            "mail" => self.mail,
            "phone" => self.phone,
            "notes" => self.notes,
            "number" => self.number,
            other => other,
        }
    }

    pub(in super::super) fn kind_of(&self, kind: Kind) -> &'static str {
        word(&Kind::ALL, &kind, &self.kinds)
    }

    pub(in super::super) fn status_of(&self, status: Status) -> &'static str {
        word(&Status::ALL, &status, &self.statuses)
    }

    pub(in super::super) fn audience(&self, audience: Audience) -> &'static str {
        word(&Audience::ALL, &audience, &self.audiences)
    }

    /// Who sees a field, in a sentence.
    pub(in super::super) fn seen_by(&self, audience: Audience) -> &'static str {
        word(&Audience::ALL, &audience, &self.sees)
    }

    pub(in super::super) fn field(&self, field: Field) -> &'static str {
        word(&Field::ALL, &field, &self.fields)
    }

    /// How far a hub is with an erasure, in a sentence.
    pub(in super::super) const fn state(&self, state: ErasureState) -> &'static str {
        let [erased, pending, unreachable, removed, refused] = self.states;
        match state {
            ErasureState::Erased => erased,
            ErasureState::Pending => pending,
            ErasureState::Unreachable => unreachable,
            ErasureState::Removed => removed,
            ErasureState::Refused => refused,
        }
    }
}

/// The word for one of several.
fn word<T: PartialEq, const N: usize>(all: &[T; N], one: &T, words: &[&'static str; N]) -> &'static str {
    let found = all.iter().zip(words).find(|(known, _)| *known == one);
    found.map_or("", |(_, word)| word)
}
