//! Which members a list has.

use std::collections::BTreeMap;

use interhub_domain::ids::HubId;
use interhub_domain::member::Way;
use interhub_domain::profile::Point;

use crate::command::{CommandError, Commands};
use crate::projection::HubStatus;
use crate::projection::member_index::MemberFilter;
use crate::projection::search::folded;

/// How far around a place hubs are looked for if nothing is said, in kilometres.
const USUAL_DISTANCE_KM: f64 = 25.0;

/// Which members are listed. All that is said has to hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MemberQuery {
    /// A member of this hub asks: of everybody only what members see. Else the staff does.
    pub as_member: bool,
    /// Slug or id of their hub.
    pub hub: Option<String>,
    /// Their hub is around this place.
    pub near: Option<Point>,
    /// At most so far away, in kilometres; around this hub if no place is given.
    pub within_km: Option<f64>,
    /// A skill of theirs has these words.
    pub skill: Option<String>,
    /// Something they offer has these words.
    pub offer: Option<String>,
    /// And they offer it in this way.
    pub way: Option<Way>,
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

/// Whether a text has a word to look for that not half of everybody has: of two letters at least.
pub fn is_narrow(text: &str) -> bool {
    folded(text).iter().any(|word| word.chars().nth(1).is_some())
}

impl MemberQuery {
    /// Whether it looks for something: nobody but the staff lists everybody.
    pub(super) fn is_narrow(&self) -> bool {
        let texts = [&self.text, &self.skill, &self.offer, &self.want];
        texts.into_iter().flatten().any(|text| is_narrow(text))
    }
}

impl Commands {
    /// What is looked for, made ready, and the hubs among whose members, by their slugs.
    pub(super) fn member_filter(
        &self,
        query: &MemberQuery,
    ) -> Result<(MemberFilter, BTreeMap<HubId, String>), CommandError> {
        let all = self.views.hubs()?;
        // Of a hub that is gone nothing is shown.
        let mut hubs: Vec<_> = all
            .iter()
            .filter(|hub| hub.own || hub.status == HubStatus::Active)
            .collect();
        if let Some(name) = &query.hub {
            let found = self.views.hub(name)?.ok_or_else(|| {
                CommandError::not_found(format!("there is no hub {name:.100}; see `interhub hub list`"))
            })?;
            hubs.retain(|hub| hub.id == found.id);
        }
        if query.near.is_some() || query.within_km.is_some() {
            let own = all.iter().find(|hub| hub.own).and_then(|hub| hub.profile.at);
            let near = query.near.or(own).ok_or_else(|| {
                CommandError::usage("within: this hub has no position; give --near LAT,LON, or set one in its profile")
            })?;
            let within_km = query.within_km.unwrap_or(USUAL_DISTANCE_KM);
            hubs.retain(|hub| hub.profile.at.is_some_and(|at| at.distance_km(near) <= within_km));
        }
        let words = |text: &Option<String>| text.as_deref().map(folded).unwrap_or_default();
        let filter = MemberFilter {
            as_member: query.as_member,
            hubs: hubs.iter().map(|hub| hub.id).collect(),
            skill: words(&query.skill),
            offer: words(&query.offer),
            offer_way: query.way,
            want: words(&query.want),
            language: query.language.clone(),
            text: words(&query.text),
        };
        Ok((filter, hubs.into_iter().map(|hub| (hub.id, hub.slug.clone())).collect()))
    }
}
