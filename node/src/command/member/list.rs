//! Which members a list has.

use interhub_domain::member::{Listing, Member};
use interhub_domain::query::language_matches;

use super::ShownMember;
use crate::command::{CommandError, Commands};
use crate::projection::search::folded;

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

impl Commands {
    pub(super) fn member_filter(&self, query: &MemberQuery) -> Result<Filter, CommandError> {
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
pub(super) struct Filter {
    hub: Option<String>,
    language: Option<String>,
    skill: Vec<String>,
    offer: Vec<String>,
    want: Vec<String>,
    text: Vec<String>,
}

impl Filter {
    pub(super) fn fits(&self, one: &ShownMember) -> bool {
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
