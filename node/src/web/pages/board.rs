//! What all pages share: the house, the reader, the hubs, and how an event is put on the board.

use std::borrow::Cow;
use std::collections::BTreeMap;

use interhub_domain::event::{Attendance, Event, Location, Occurrence, Status, Wording};
use interhub_domain::ids::HubId;
use interhub_domain::profile::HubProfile;
use interhub_domain::query::QueryParseError;
use jiff::tz::TimeZone;

use super::super::dates::{Reader, When, city_of_zone, zone_named};
use super::super::params::{Params, encode};
use super::super::visit::{TZ, Visit};
use super::super::words::{self, Words, fill};
use super::super::{Site, answer::Problem, assets::ASSETS, colour, text};
use super::choices::is_word;
use super::clock::{Clock, clock};
use crate::projection::{EventRow, HubRow, HubStatus, Listed};

/// Older than this, a hub's data is marked: three of its five-minute beacons are missing.
const OLD_MS: i64 = 15 * 60 * 1000;
/// A hub's name is cut to this many characters.
const MAX_NAME_CHARS: usize = 120;
/// A title is cut to this many characters in lists.
const MAX_TITLE_CHARS: usize = 300;
/// A place is cut to this many characters in lists.
const MAX_PLACE_CHARS: usize = 160;
/// A summary is cut to this many characters in lists.
const MAX_SUMMARY_CHARS: usize = 220;

/// Everything a page is made from, besides its own subject.
pub(crate) struct Board<'a> {
    pub(crate) site: &'a Site,
    pub(crate) visit: &'a Visit,
    pub(crate) words: &'static Words,
    pub(crate) reader: Reader,
    /// Whether the reader may choose the clock by which times are told.
    clock_to_choose: bool,
    /// In the order in which pages show them.
    pub(crate) hubs: Vec<HubRow>,
    by_id: BTreeMap<HubId, usize>,
    own: Option<usize>,
}

/// What stands around every page.
pub(crate) struct Frame {
    pub(crate) words: &'static Words,
    /// Title of the page, without the house's name.
    pub(crate) title: String,
    /// One sentence for search engines and previews.
    pub(crate) description: String,
    /// The house's name.
    pub(crate) house: String,
    /// Class with the house's colour.
    pub(crate) house_class: String,
    /// Full address of this page, if the node knows its own.
    pub(crate) canonical: Option<String>,
    /// The address to print.
    pub(crate) address: String,
    /// `website` or `article`, for previews.
    pub(crate) kind: &'static str,
    /// Search engines should pass this page by.
    pub(crate) hidden: bool,
    pub(crate) site_css: &'static str,
    pub(crate) hubs_css: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) home: String,
    pub(crate) events: String,
    pub(crate) month: String,
    pub(crate) map: String,
    pub(crate) hubs: String,
    /// Which entry of the menu is this page: `home`, `events`, `hubs` or nothing.
    pub(crate) here: &'static str,
    pub(crate) languages: Vec<LanguageLink>,
    /// To choose the clock by which times are told; nothing where it is always the house's.
    pub(crate) clock: Option<Clock>,
    pub(crate) clock_js: &'static str,
    pub(crate) filter_js: &'static str,
    /// Calendar feed of this page, if it has one.
    pub(crate) calendar: Option<String>,
    /// News feed of this page, if it has one.
    pub(crate) news: Option<String>,
    /// The same as a JSON feed.
    pub(crate) news_json: Option<String>,
    /// Full address of a picture of what the page is about.
    pub(crate) image: Option<String>,
}

impl Frame {
    /// The page's own list as feeds: they go on by themselves, and have nothing that only a page needs.
    pub(super) fn feeds(&mut self, filters: &Params) {
        let mut filters = filters.without(&["month", "centre", "zoom", "cursor", "limit", "facets"]);
        // A date would end it; a word goes on.
        for name in ["from", "to"] {
            if filters.get(name).is_some_and(|value| !is_word(value)) {
                filters = filters.without(&[name]);
            }
        }
        self.calendar = Some(filters.link("/events.ics"));
        self.news = Some(filters.link("/events.atom"));
        self.news_json = Some(filters.link("/events.json"));
    }

    /// The calendar feed under the scheme that calendar programs subscribe to, if this node knows its own address.
    pub(crate) fn webcal(&self) -> Option<String> {
        let (_, rest) = self.address.split_once("://")?;
        let host = rest.split('/').next().filter(|host| !host.is_empty())?;
        Some(format!("webcal://{host}{}", self.calendar.as_deref()?))
    }

    /// The language of the page as previews want it: with a country.
    pub(crate) fn locale(&self) -> &'static str {
        match self.words.tag {
            "de" => "de_DE",
            "nl" => "nl_NL",
            "es" => "es_ES",
            _ => "en_GB",
        }
    }
}

/// A link to the same page in another language.
pub(crate) struct LanguageLink {
    pub(crate) tag: &'static str,
    pub(crate) name: &'static str,
    pub(crate) href: String,
    pub(crate) current: bool,
}

/// A hub as it stands beside its events.
pub(crate) struct HubTag {
    pub(crate) name: String,
    pub(crate) href: String,
    pub(crate) class: String,
    pub(crate) fresh: Freshness,
}

/// How current a hub's data is.
pub(crate) struct Freshness {
    /// `as of 09:12`.
    pub(crate) text: String,
    /// The whole sentence.
    pub(crate) sentence: String,
    /// Older than it should be.
    pub(crate) old: bool,
}

/// One event in a list.
pub(crate) struct Item {
    pub(crate) href: String,
    pub(crate) title: String,
    /// Of the title.
    pub(crate) language: Option<String>,
    /// It does not take place then: the word that says so.
    pub(crate) off: Option<&'static str>,
    pub(crate) tentative: bool,
    pub(crate) when: When,
    pub(crate) place: String,
    /// Online, or also online.
    pub(crate) online: Option<&'static str>,
    pub(crate) summary: String,
    pub(crate) summary_language: Option<String>,
    pub(crate) hub: HubTag,
    pub(crate) with: Vec<String>,
}

/// What an occurrence shows to readers of one language, its own changes taken into account.
pub(crate) struct Shown<'a> {
    pub(crate) title: Wording<'a>,
    pub(crate) summary: Wording<'a>,
    pub(crate) description: &'a str,
    pub(crate) location: Option<&'a Location>,
    pub(crate) url: &'a str,
}

impl<'a> Shown<'a> {
    /// The reading of an occurrence. An empty language: as it was written.
    pub(crate) fn of(event: &'a Event, occurrence: Option<&Occurrence>, language: &str) -> Self {
        let change = occurrence
            .and_then(|o| o.override_index)
            .and_then(|index| event.schedule.overrides.get(index));
        let pick = |changed: Option<&'a String>, usual: &'a str| changed.map_or(usual, String::as_str);
        // A title of one date is written in the event's own language alone.
        let own_title = change.and_then(|c| c.title.as_deref()).map(|text| Wording {
            text,
            language: &event.language,
        });
        Self {
            title: own_title.unwrap_or_else(|| event.title_in(language)),
            summary: event.summary_in(language),
            description: pick(change.and_then(|c| c.description.as_ref()), &event.description),
            location: change.and_then(|c| c.location.as_ref()).or(event.location.as_ref()),
            url: pick(change.and_then(|c| c.url.as_ref()), &event.url),
        }
    }
}

impl<'a> Board<'a> {
    /// Looks up the hubs, and from them the house. Times are told by the clock the reader asks for; a zone that does not
    /// exist is refused.
    pub(crate) fn load(site: &'a Site, visit: &'a Visit) -> Result<Self, Problem> {
        if visit.tz.is_some() && visit.zone.is_none() {
            let reason = "no time zone has this name; expected one such as Europe/Vienna".to_owned();
            return Err(QueryParseError { parameter: TZ, reason }.into());
        }
        let hubs = site.state.directory.hubs()?;
        let board = Self::of_hubs(site, visit, hubs, visit.zone.as_ref());
        Ok(Self {
            clock_to_choose: true,
            ..board
        })
    }

    /// The same by the house's own clock, whatever the reader asks for: for feeds and the API, and for pages on which times are
    /// typed.
    pub(crate) fn of_house(site: &'a Site, visit: &'a Visit) -> Result<Self, Problem> {
        Ok(Self::of_hubs(site, visit, site.state.directory.hubs()?, None))
    }

    /// A board for when nothing can be looked up.
    pub(crate) fn bare(site: &'a Site, visit: &'a Visit) -> Self {
        Self::of_hubs(site, visit, Vec::new(), None)
    }

    fn of_hubs(site: &'a Site, visit: &'a Visit, mut hubs: Vec<HubRow>, chosen: Option<&TimeZone>) -> Self {
        // The house first, then those that belong, then by name.
        hubs.sort_by_cached_key(|hub| {
            (
                !hub.own,
                hub.status != HubStatus::Active,
                name_of(hub).to_lowercase(),
                hub.id,
            )
        });
        let own = hubs.iter().position(|hub| hub.own);
        let by_id = hubs.iter().enumerate().map(|(index, hub)| (hub.id, index)).collect();
        let profile = own.map(|index| &hubs[index].profile);
        let house_zone = zone_named(profile.map_or("", |profile| profile.timezone.as_str()));
        let chosen = chosen.filter(|zone| zone.iana_name() != house_zone.iana_name());
        let city = chosen.and_then(|zone| zone.iana_name()).map(city_of_zone);
        let reader = Reader {
            words: visit.words,
            city: city.map_or_else(|| city_of(profile), |city| text::isolate(&city)),
            zone: chosen.unwrap_or(&house_zone).clone(),
            now_ms: site.now_ms(),
        };
        Self {
            site,
            visit,
            words: visit.words,
            reader,
            clock_to_choose: false,
            hubs,
            by_id,
            own,
        }
    }

    /// The node's own hub.
    pub(crate) fn house(&self) -> Option<&HubRow> {
        self.own.map(|index| &self.hubs[index])
    }

    /// What the house's clock is called.
    pub(super) fn city_of_house(&self) -> String {
        city_of(self.house().map(|house| &house.profile))
    }

    /// The hub with this id.
    pub(crate) fn hub(&self, id: HubId) -> Option<&HubRow> {
        self.by_id.get(&id).map(|&index| &self.hubs[index])
    }

    /// The hub with this slug.
    pub(crate) fn hub_of_slug(&self, slug: &str) -> Option<&HubRow> {
        self.hubs.iter().find(|hub| hub.slug == slug)
    }

    /// Hubs that belong now.
    pub(crate) fn active(&self) -> impl Iterator<Item = &HubRow> {
        self.hubs
            .iter()
            .filter(|hub| hub.own || hub.status == HubStatus::Active)
    }

    /// What stands around a page at `path` with these parameters.
    pub(crate) fn frame(&self, title: &str, here: &'static str, path: &str, params: &Params) -> Frame {
        let assets = &*ASSETS;
        let house = self.house();
        let languages = words::ALL.into_iter().map(|other| LanguageLink {
            tag: other.tag,
            name: other.own_name,
            href: self.visit.link_in(other.tag, path, params),
            current: other.tag == self.words.tag,
        });
        let link = params.link(path);
        let own_address = !self.site.state.web_url.is_empty();
        Frame {
            words: self.words,
            title: title.to_owned(),
            description: String::new(),
            house: house.map_or_else(|| "Interhub".to_owned(), name_of),
            house_class: house.map_or_else(String::new, |hub| colour::class(hub.id)),
            canonical: own_address.then(|| self.site.address(&link)),
            address: self.site.address(&link),
            kind: "website",
            hidden: false,
            site_css: &assets.site.path,
            hubs_css: &assets.hubs.path,
            icon: &assets.icon.path,
            home: self.visit.plain_link("/"),
            events: self.visit.plain_link("/events"),
            month: self.visit.plain_link("/month"),
            map: self.visit.plain_link("/map"),
            hubs: self.visit.plain_link("/hubs"),
            here,
            languages: languages.collect(),
            clock: self.clock_to_choose.then(|| clock(self, path, params)),
            clock_js: &assets.clock.path,
            filter_js: &assets.filter.path,
            calendar: None,
            news: None,
            news_json: None,
            image: None,
        }
    }

    /// These hubs with their freshness, each once, by name.
    pub(super) fn tags(&self, ids: impl Iterator<Item = HubId>) -> Vec<HubTag> {
        let ids: std::collections::BTreeSet<HubId> = ids.collect();
        let mut tags: Vec<HubTag> = ids.into_iter().map(|id| self.tag(id)).collect();
        tags.sort_by(|one, other| one.name.cmp(&other.name));
        tags
    }

    /// A hub with its colour, page and freshness. A hub that is not known goes by the beginning of its id.
    pub(crate) fn tag(&self, id: HubId) -> HubTag {
        let Some(hub) = self.hub(id) else {
            let name = id.short();
            let fresh = self.freshness_at(&name, None);
            return HubTag {
                href: self.visit.plain_link("/hubs"),
                class: colour::class(id),
                name,
                fresh,
            };
        };
        let name = name_of(hub);
        HubTag {
            href: self.visit.plain_link(&format!("/hubs/{}", encode(&hub.slug))),
            class: colour::class(id),
            fresh: self.freshness(hub),
            name,
        }
    }

    /// How current a hub's data is. The house itself is always current.
    pub(crate) fn freshness(&self, hub: &HubRow) -> Freshness {
        let as_of = if hub.own {
            Some(self.reader.now_ms)
        } else {
            hub.as_of_ms
        };
        self.freshness_at(&name_of(hub), as_of)
    }

    fn freshness_at(&self, name: &str, as_of_ms: Option<i64>) -> Freshness {
        let words = self.words;
        let Some(as_of_ms) = as_of_ms else {
            return Freshness {
                text: words.never_heard.to_owned(),
                sentence: fill(words.never_heard_long, &[("hub", &text::isolate(name))]),
                old: true,
            };
        };
        // A hub whose clock is ahead is not fresher than now.
        let time = self.reader.moment(as_of_ms.min(self.reader.now_ms));
        let old = self.reader.now_ms.saturating_sub(as_of_ms) > OLD_MS;
        let sentence = if old { words.as_of_old } else { words.as_of_fresh };
        Freshness {
            text: fill(words.as_of, &[("time", &time)]),
            sentence: fill(sentence, &[("hub", &text::isolate(name)), ("time", &time)]),
            old,
        }
    }

    /// What an event's zone is called: the town of its hub, if the hub lives by that zone, else the zone's own city.
    pub(crate) fn city(&self, row: &EventRow) -> String {
        let zone = row.event.schedule.zone.name();
        let hub = self.hub(row.hub).map(|hub| &hub.profile);
        let city = match hub {
            Some(profile) if profile.timezone == zone && !profile.locality.trim().is_empty() => {
                text::one_line(&profile.locality, MAX_NAME_CHARS)
            }
            _ => city_of_zone(zone),
        };
        text::isolate(&city)
    }

    /// An occurrence as an entry of a list.
    pub(crate) fn item(&self, listed: &Listed) -> Item {
        let (row, occurrence) = (&*listed.row, &listed.occurrence);
        let shown = Shown::of(&row.event, Some(occurrence), self.words.tag);
        let online = match Attendance::of(shown.location, &row.event.online_url) {
            Some(Attendance::Online) => Some(self.words.online),
            Some(Attendance::Hybrid) => Some(self.words.hybrid),
            Some(Attendance::InPlace) | None => None,
        };
        Item {
            href: self.event_link(row, Some(occurrence)),
            title: self.title(shown.title.text).into_owned(),
            language: language_tag(shown.title.language),
            off: self.off(&row.event, occurrence.status),
            tentative: occurrence.status == Status::Tentative,
            when: self.reader.when(occurrence, &self.city(row)),
            place: text::one_line(shown.location.map_or("", |place| place.name.as_str()), MAX_PLACE_CHARS),
            online,
            summary: text::one_line(shown.summary.text, MAX_SUMMARY_CHARS),
            summary_language: language_tag(shown.summary.language),
            hub: self.tag(row.hub),
            with: row
                .hosts
                .iter()
                .filter(|id| **id != row.hub)
                .map(|id| self.tag(*id).name)
                .collect(),
        }
    }

    /// The word for what does not take place at its time, by the status of an occurrence.
    pub(crate) fn off(&self, event: &Event, status: Status) -> Option<&'static str> {
        let word = if event.postponed {
            self.words.postponed
        } else {
            self.words.cancelled
        };
        (status == Status::Cancelled).then_some(word)
    }

    /// A title, or the words for none.
    pub(crate) fn title<'t>(&self, title: &'t str) -> Cow<'t, str> {
        let title = text::one_line(title, MAX_TITLE_CHARS);
        if title.is_empty() {
            Cow::Borrowed(self.words.untitled)
        } else {
            Cow::Owned(title)
        }
    }

    /// The page of an event, at one of its dates.
    pub(crate) fn event_link(&self, row: &EventRow, occurrence: Option<&Occurrence>) -> String {
        let path = format!("/events/{}", row.thing);
        match occurrence.and_then(|occurrence| occurrence.recurrence_id) {
            Some(at) => self
                .visit
                .link(&path, &Params::default().with(super::event::AT, &at.to_string())),
            None => self.visit.plain_link(&path),
        }
    }
}

/// What a house's clock is called: its town, or its zone's.
fn city_of(profile: Option<&HubProfile>) -> String {
    let locality = profile.map_or("", |profile| profile.locality.trim());
    let city = if locality.is_empty() {
        city_of_zone(profile.map_or("", |profile| profile.timezone.as_str()))
    } else {
        text::one_line(locality, MAX_NAME_CHARS)
    };
    text::isolate(&city)
}

/// A hub's name, or its slug.
pub(crate) fn name_of(hub: &HubRow) -> String {
    let name = text::one_line(&hub.profile.name, MAX_NAME_CHARS);
    if name.is_empty() { hub.slug.clone() } else { name }
}

/// A language for a `lang` attribute, if it looks like one.
pub(crate) fn language_tag(language: &str) -> Option<String> {
    let valid = (2..=35).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    valid.then(|| language.to_owned())
}
