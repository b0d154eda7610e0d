//! `/me/find`: other members, of this hub and of all others, found by what they can do, offer and look for.
//!
//! A member sees what the others show to members, and finds nobody by anything else. Nothing is listed without a word to look for, and
//! nobody looks for more than a person does: the directory is for finding people, and not for copying it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use askama::Template;
use axum::http::{StatusCode, header};
use interhub_domain::contacts::cells::listing_text;
use interhub_domain::ids::ThingId;
use interhub_domain::member::{Listing, Status};

use super::super::super::pages::{self, Board, Frame};
use super::super::super::respond::Reply;
use super::super::super::words::fill;
use super::super::Fault;
use super::super::member_form::links;
use super::super::members::{hub_name, shown_name};
use super::super::page::DONE;
use super::super::words::members::MemberWords;
use super::{Guest, MeFrame, frame, make};
use crate::command::CommandError;
use crate::command::member::{MemberQuery, ShownMember, is_narrow};

/// Where this page is.
pub(super) const PATH: &str = "/me/find";
/// Members of one page.
const PAGE_MEMBERS: usize = 20;
/// Searches of one member within [`WINDOW_MS`], and within [`DAY_MS`]; the pages of one search are searches too.
const MAX_SEARCHES: usize = 30;
const MAX_SEARCHES_A_DAY: usize = 150;
const WINDOW_MS: i64 = 15 * 60_000;
const DAY_MS: i64 = 24 * 3_600_000;
/// How far away hubs are near, in kilometres.
const NEAR_KM: f64 = 100.0;

#[derive(Template)]
#[template(path = "admin/me-find.html")]
struct FindPage {
    frame: Frame,
    me: MeFrame,
    say: &'static MemberWords,
    action: &'static str,
    ui: Option<&'static str>,
    searches: Vec<(&'static str, &'static str, String)>,
    /// Whether the hub knows where it is, and whether only hubs near it are asked.
    near: Option<bool>,
    near_label: String,
    /// `None`: nothing was looked for yet.
    found: Option<Vec<Found>>,
    notice: Option<String>,
    next: Option<String>,
    back: String,
}

/// One member.
struct Found {
    name: String,
    hub: String,
    headline: String,
    facts: Vec<(&'static str, Vec<String>)>,
    links: Vec<(String, String)>,
}

/// How often members looked for others.
#[derive(Debug, Default)]
pub(in super::super) struct Searches(Mutex<BTreeMap<ThingId, VecDeque<i64>>>);

impl Searches {
    /// Notes a search, if the member may make one now; else how many seconds to wait.
    fn begin(&self, member: ThingId, now_ms: i64) -> Result<(), i64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for times in all.values_mut() {
            // A clock that was set back would make searches of the future last for ever.
            times.retain(|at| (now_ms - at).abs() < DAY_MS);
        }
        all.retain(|_, times| !times.is_empty());
        let times = all.entry(member).or_default();
        let waits = [(MAX_SEARCHES, WINDOW_MS), (MAX_SEARCHES_A_DAY, DAY_MS)].map(|(most, window_ms)| {
            // The oldest of those that fill the window has to leave it.
            let oldest = times.len().checked_sub(most).and_then(|at| times.get(at));
            oldest.map_or(0, |oldest| oldest + window_ms - now_ms)
        });
        let wait_ms = waits.into_iter().max().unwrap_or(0);
        if wait_ms > 0 {
            return Err((wait_ms / 1_000).max(1));
        }
        times.push_back(now_ms);
        Ok(())
    }
}

/// `GET /me/find`
pub(super) async fn show(guest: Guest) -> Result<Reply, Fault> {
    let own = guest.commands().show_member(guest.id()).await?.member;
    if own.status == Status::MovedOn {
        return Err(CommandError::refused("only members of the hub look for others").into());
    }
    let params = guest.visit.params();
    let asked = |name: &str| {
        let word = params.get(name).map_or("", str::trim);
        (!word.is_empty()).then(|| word.to_owned())
    };
    let words = ["q", "skill", "offer", "want"].map(asked);
    let is_said = words.iter().flatten().any(|word| is_narrow(word));
    if !is_said {
        let notice = words
            .iter()
            .any(Option::is_some)
            .then(|| guest.say().find_short.to_owned());
        return page(guest, None, notice, None).await;
    }
    if let Err(wait_s) = guest.office.searches.begin(guest.who.member, guest.site().now_ms()) {
        let minutes = ((wait_s + 59) / 60).to_string();
        let notice = fill(guest.say().door_wait, &[("minutes", &minutes)]);
        let reply = page(guest, None, Some(notice), None).await?;
        let reply = reply.status(StatusCode::TOO_MANY_REQUESTS);
        return Ok(reply.header(header::RETRY_AFTER, &wait_s.to_string()));
    }
    let [text, skill, offer, want] = words;
    let query = MemberQuery {
        as_member: true,
        text,
        skill,
        offer,
        want,
        within_km: params.get("near").map(|_| NEAR_KM),
        limit: Some(PAGE_MEMBERS),
        cursor: asked("cursor"),
        ..MemberQuery::default()
    };
    let (mut found, next) = guest.commands().list_members(query).await?;
    found.retain(|one| one.thing != guest.who.member);
    page(guest, Some(found), None, next).await
}

async fn page(
    guest: Guest,
    found: Option<Vec<ShownMember>>,
    notice: Option<String>,
    next: Option<String>,
) -> Result<Reply, Fault> {
    make(guest, move |guest, board| {
        let (own, say, params) = (guest.say(), &guest.words.members, guest.visit.params());
        let (frame, me) = frame(guest, board, own.find_heading);
        let search =
            |(name, label): (&'static str, &'static str)| (name, label, params.get(name).unwrap_or("").to_owned());
        let searches = [
            ("q", say.search_text),
            ("skill", say.search_skill),
            ("offer", say.search_offer),
            ("want", say.search_want),
        ];
        let has_place = board.hub(guest.hub()).is_some_and(|hub| hub.profile.at.is_some());
        let next = next.map(|cursor| guest.visit.link(PATH, &params.without(&[DONE]).with("cursor", &cursor)));
        Ok(pages::html(&FindPage {
            action: PATH,
            ui: guest.visit.ui,
            searches: searches.map(search).into(),
            near: has_place.then(|| params.get("near").is_some()),
            near_label: fill(own.find_near, &[("km", &NEAR_KM.to_string())]),
            found: found.map(|found| found.iter().map(|one| shown(say, board, one)).collect()),
            notice,
            next,
            back: guest.visit.plain_link(super::PATH),
            frame,
            me,
            say,
        })?)
    })
    .await
}

fn shown(say: &'static MemberWords, board: &Board<'_>, one: &ShownMember) -> Found {
    let member = &one.member;
    let listings = |all: &[Listing]| all.iter().map(listing_text).collect::<Vec<_>>();
    let mut facts = vec![
        (say.skills, member.skills.clone()),
        (say.offers, listings(&member.offers)),
        (say.wants, listings(&member.wants)),
        (say.languages, member.languages.clone()),
        (say.role, vec![member.role.clone()]),
        (say.projects, member.projects.clone()),
    ];
    for (_, lines) in &mut facts {
        lines.retain(|line| !line.is_empty());
    }
    facts.retain(|(_, lines)| !lines.is_empty());
    Found {
        name: shown_name(&member.name),
        hub: hub_name(board, &one.hub),
        headline: member.headline.clone(),
        facts,
        links: links(member),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_searches_like_a_machine_waits() {
        let searches = Searches::default();
        let (ada, bo) = (ThingId([1; 16]), ThingId([2; 16]));
        for n in 0..30 {
            assert_eq!(searches.begin(ada, n * 1_000), Ok(()));
        }
        assert_eq!(searches.begin(ada, 60_000), Err(840));
        assert_eq!(searches.begin(bo, 60_000), Ok(()));
        assert_eq!(searches.begin(ada, WINDOW_MS), Ok(()));
    }
}
