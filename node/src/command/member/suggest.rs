//! Whom to introduce to whom: somebody looks for what somebody else offers.
//!
//! For the host, who knows both and asks first. One of the two is a member of this hub; nothing is told to either.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use interhub_domain::ids::{HubId, ThingId};
use interhub_domain::member::{Audience, Listing, Status, Way};
use jiff::civil::Date;

use crate::command::event::parse_thing;
use crate::command::{CommandError, Commands};
use crate::projection::HubStatus;
use crate::projection::search::folded;

/// Suggestions at once, at most, and if nothing is said.
const MAX_SUGGESTIONS: usize = 500;
const USUAL: usize = 50;
/// Of one wish no more than this many are named.
const MAX_OF_ONE: usize = 3;
/// A word has to have so many letters to say anything.
const MIN_LETTERS: usize = 3;
/// A word that more than one in so many listings have says nothing, whatever the language; of a few listings each word does.
const COMMON: usize = 20;
const FEW_LISTINGS: usize = 40;

/// Somebody who looks for something, and somebody who offers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// Who looks for it.
    pub seeker: Party,
    /// What they look for.
    pub want: Listing,
    /// Who offers it.
    pub giver: Party,
    /// What they offer.
    pub offer: Listing,
}

/// One of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// The member.
    pub thing: ThingId,
    /// As they want it shown.
    pub name: String,
    /// Slug of their hub.
    pub hub: String,
    /// They are this hub's.
    pub own: bool,
}

struct Person {
    thing: ThingId,
    hub: HubId,
    name: String,
    offers: Vec<(Listing, BTreeSet<String>)>,
    wants: Vec<(Listing, BTreeSet<String>)>,
}

impl Commands {
    /// Who could be introduced to whom, the likeliest first: a member of this hub, or the one that is named, and any member whose
    /// offers and wants fit. Of others only what their card shows counts.
    pub async fn suggestions(&self, id: Option<String>, limit: Option<usize>) -> Result<Vec<Suggestion>, CommandError> {
        self.blocking("member suggest", move |this| {
            this.may_show_members()?;
            let limit = limit.unwrap_or(USUAL);
            if !(1..=MAX_SUGGESTIONS).contains(&limit) {
                let line = format!("limit: a number from 1 to {MAX_SUGGESTIONS}");
                return Err(CommandError::usage(line));
            }
            let about = match id {
                Some(id) => {
                    let thing = parse_thing(&id)?;
                    this.record(thing)?;
                    Some(thing)
                }
                None => None,
            };
            let own = this.ledger.own_id();
            let slugs = this.hubs_shown()?;
            let people = this.people(&slugs)?;
            let is_asked = |person: &Person| match about {
                Some(thing) => person.thing == thing,
                None => person.hub == own,
            };
            let mut found = matches(&people, is_asked);
            found.truncate(limit);
            let party = |at: usize| {
                let person = &people[at];
                Party {
                    thing: person.thing,
                    name: person.name.clone(),
                    hub: slugs.get(&person.hub).cloned().unwrap_or_default(),
                    own: person.hub == own,
                }
            };
            let told = found.into_iter().map(|one| Suggestion {
                want: people[one.seeker].wants[one.want].0.clone(),
                offer: people[one.giver].offers[one.offer].0.clone(),
                seeker: party(one.seeker),
                giver: party(one.giver),
            });
            Ok(told.collect())
        })
        .await
    }

    fn hubs_shown(&self) -> Result<BTreeMap<HubId, String>, CommandError> {
        let all = self.views.hubs()?.into_iter();
        let shown = all.filter(|hub| hub.own || hub.status == HubStatus::Active);
        Ok(shown.map(|hub| (hub.id, hub.slug)).collect())
    }

    fn people(&self, hubs: &BTreeMap<HubId, String>) -> Result<Vec<Person>, CommandError> {
        let (own, today, held) = (self.ledger.own_id(), self.today(), self.ledger.held_members());
        let mut people = Vec::new();
        self.views.each_member(&mut |row| {
            // Of this hub's members the record is read, of others the card.
            if !hubs.contains_key(&row.hub) || (row.hub == own) != row.is_record() || held.contains(&row.thing) {
                return;
            }
            let member = if row.is_record() {
                Some(row.member)
            } else {
                row.member.card_seen_by(Audience::Network)
            };
            let member = member.filter(|member| member.status != Status::MovedOn);
            let Some(member) = member else { return };
            if member.offers.is_empty() && member.wants.is_empty() {
                return;
            }
            people.push(Person {
                thing: row.thing,
                hub: row.hub,
                name: member.name,
                offers: listed(member.offers, today),
                wants: listed(member.wants, today),
            });
        })?;
        Ok(people)
    }
}

/// What holds today, each with its words.
fn listed(all: Vec<Listing>, today: Date) -> Vec<(Listing, BTreeSet<String>)> {
    let long = |word: &String| word.chars().count() >= MIN_LETTERS;
    let with_words = |one: Listing| {
        let words = folded(&one.what).into_iter().filter(long).collect();
        (one, words)
    };
    let holding = all.into_iter().filter(|one| one.holds_on(today));
    holding.map(with_words).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Match {
    /// How many words of the shorter one are in both, in thousandths.
    score: Reverse<usize>,
    seeker: usize,
    want: usize,
    giver: usize,
    offer: usize,
}

/// Wants and offers that share at least half of the words of the shorter one, the likeliest first; of one want the best few.
fn matches(people: &[Person], is_asked: impl Fn(&Person) -> bool) -> Vec<Match> {
    let common = common_words(people);
    let mut by_word: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
    for (giver, person) in people.iter().enumerate() {
        for (offer, (_, words)) in person.offers.iter().enumerate() {
            for word in words.iter().filter(|word| !common.contains(word.as_str())) {
                by_word.entry(word).or_default().push((giver, offer));
            }
        }
    }
    let telling = |words: &BTreeSet<String>| words.iter().filter(|word| !common.contains(word.as_str())).count();
    let mut found = Vec::new();
    for (seeker, person) in people.iter().enumerate() {
        let asked = is_asked(person);
        for (want, (listing, words)) in person.wants.iter().enumerate() {
            let mut shared: BTreeMap<(usize, usize), usize> = BTreeMap::new();
            let telling_words = words.iter().filter(|word| !common.contains(word.as_str()));
            for place in telling_words.filter_map(|word| by_word.get(word.as_str())).flatten() {
                *shared.entry(*place).or_default() += 1;
            }
            let fits = shared.into_iter().filter_map(|((giver, offer), shared)| {
                let (offered, offered_words) = &people[giver].offers[offer];
                let shorter = telling(words).min(telling(offered_words)).max(1);
                let score = shared * 1_000 / shorter;
                let fits = score >= 500 && giver != seeker && ways_fit(listing.way, offered.way);
                ((asked || is_asked(&people[giver])) && fits).then_some(Match {
                    score: Reverse(score),
                    seeker,
                    want,
                    giver,
                    offer,
                })
            });
            let mut best: Vec<Match> = fits.collect();
            best.sort_unstable();
            found.extend(best.into_iter().take(MAX_OF_ONE));
        }
    }
    found.sort_unstable();
    found
}

/// Who wants something in one way is not helped by another one.
fn ways_fit(wanted: Option<Way>, offered: Option<Way>) -> bool {
    wanted.is_none() || offered.is_none() || wanted == offered
}

/// Words that so many listings have that they tell nothing.
fn common_words(people: &[Person]) -> BTreeSet<&str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut listings = 0;
    for (_, words) in people
        .iter()
        .flat_map(|person| person.offers.iter().chain(&person.wants))
    {
        listings += 1;
        for word in words {
            *counts.entry(word).or_default() += 1;
        }
    }
    if listings < FEW_LISTINGS {
        return BTreeSet::new();
    }
    let is_common = |(_, count): &(&str, usize)| *count > listings / COMMON;
    counts.into_iter().filter(is_common).map(|(word, _)| word).collect()
}

#[cfg(test)]
mod tests {
    use interhub_domain::member::Way;
    use jiff::civil::date;

    use super::*;

    fn listing(what: &str, way: Option<Way>) -> Listing {
        Listing {
            what: what.into(),
            way,
            until: None,
        }
    }

    fn person(number: u8, offers: &[Listing], wants: &[Listing]) -> Person {
        let today = date(2026, 11, 30);
        Person {
            thing: ThingId([number; 16]),
            hub: HubId([number; 16]),
            name: format!("Member {number}"),
            offers: listed(offers.to_vec(), today),
            wants: listed(wants.to_vec(), today),
        }
    }

    fn pairs(people: &[Person], asked: u8) -> Vec<(usize, usize)> {
        let found = matches(people, |person| person.hub == HubId([asked; 16]));
        found.into_iter().map(|one| (one.seeker, one.giver)).collect()
    }

    #[test]
    fn who_looks_for_something_is_led_to_who_offers_it() {
        let people = [
            person(
                0,
                &[listing("Screen printing", Some(Way::Teach))],
                &[listing("a bicycle", None)],
            ),
            person(1, &[], &[listing("somebody to teach me screen-printing", None)]),
            person(
                2,
                &[listing("old bicycle", Some(Way::Give))],
                &[listing("screen printing", Some(Way::Sell))],
            ),
            person(3, &[listing("bicycles, repair of", None)], &[]),
        ];
        assert_eq!(pairs(&people, 0), [(0, 2), (1, 0)]);
        assert_eq!(pairs(&people, 1), [(1, 0)], "both ways of looking at it");
        assert_eq!(pairs(&people, 3), []);
    }

    #[test]
    fn what_has_expired_or_is_ones_own_leads_nowhere() {
        let mut over = listing("welding", None);
        over.until = Some(date(2026, 11, 29));
        let people = [
            person(0, &[listing("welding", None)], &[listing("welding", None)]),
            person(1, &[over], &[]),
        ];
        assert_eq!(pairs(&people, 0), []);
    }

    #[test]
    fn words_that_everybody_uses_say_nothing_whatever_the_language() {
        let crafts = ["printing", "welding", "sewing", "accounting", "beekeeping"];
        let mut people: Vec<Person> = (0..50)
            .map(|number| {
                person(
                    number,
                    &[listing(&format!("hilfe bei {}", crafts[number as usize % 5]), None)],
                    &[],
                )
            })
            .collect();
        people.push(person(60, &[], &[listing("hilfe bei steuern", None)]));
        assert_eq!(pairs(&people, 60), []);
        people.push(person(61, &[listing("steuern", None)], &[]));
        assert_eq!(pairs(&people, 60), [(50, 51)]);
    }
}
