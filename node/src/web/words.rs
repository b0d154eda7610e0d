//! Every word the pages show, in one place.
//!
//! A language is one constant of [`Words`] in a file of its own. Adding one means copying `words/en.rs`, translating it, and
//! naming it in [`ALL`]. Patterns hold `{name}` marks, which [`fill`] replaces.

mod de;
mod en;
mod es;
mod nl;

use interhub_domain::feature::KNOWN;

/// All languages, in the order in which they are offered. The first is the fallback.
pub(crate) const ALL: [&Words; 4] = [&en::WORDS, &de::WORDS, &nl::WORDS, &es::WORDS];

/// How many entries of `Accept-Language` are looked at.
const MAX_ACCEPTED: usize = 32;

/// The words of one language.
pub(crate) struct Words {
    /// BCP 47 tag, for `lang` and `?ui=`.
    pub(crate) tag: &'static str,
    /// The language's name for itself.
    pub(crate) own_name: &'static str,
    /// Monday first.
    pub(crate) weekdays: [&'static str; 7],
    /// Monday first, as short as a date block needs.
    pub(crate) weekdays_short: [&'static str; 7],
    /// January first.
    pub(crate) months: [&'static str; 12],
    /// January first.
    pub(crate) months_short: [&'static str; 12],
    /// `{weekday}`, `{day}`, `{month}`.
    pub(crate) date_long: &'static str,
    /// `{weekday}`, `{day}`, `{month}`, `{year}`.
    pub(crate) date_long_year: &'static str,
    /// `{weekday}`, `{day}`, `{month}`, all short.
    pub(crate) date_short: &'static str,
    /// `{weekday}`, `{day}`, `{month}`, `{year}`, all short.
    pub(crate) date_short_year: &'static str,

    pub(crate) skip: &'static str,
    pub(crate) events: &'static str,
    pub(crate) hubs: &'static str,
    pub(crate) main_navigation: &'static str,
    pub(crate) language: &'static str,
    pub(crate) filter: &'static str,
    pub(crate) more_filters: &'static str,
    pub(crate) search: &'static str,
    pub(crate) search_label: &'static str,
    pub(crate) hub: &'static str,
    pub(crate) any_hub: &'static str,
    pub(crate) tag_label: &'static str,
    pub(crate) from_label: &'static str,
    pub(crate) to_label: &'static str,
    pub(crate) near_label: &'static str,
    pub(crate) anywhere: &'static str,
    pub(crate) within_label: &'static str,
    pub(crate) km: &'static str,
    pub(crate) event_language: &'static str,
    pub(crate) any_language: &'static str,
    pub(crate) online_only: &'static str,
    pub(crate) in_place_only: &'static str,
    pub(crate) in_place: &'static str,
    /// Heading of the ways to take part.
    pub(crate) ways: &'static str,
    /// Heading of the kinds by which a list can be narrowed.
    pub(crate) narrow: &'static str,
    /// `{count}`: two and more, or none.
    pub(crate) found: &'static str,
    pub(crate) found_one: &'static str,
    /// Between thousands and hundreds.
    pub(crate) thousands: &'static str,
    pub(crate) show: &'static str,
    pub(crate) clear: &'static str,
    pub(crate) jump: &'static str,
    pub(crate) today: &'static str,
    pub(crate) tomorrow: &'static str,
    pub(crate) this_week: &'static str,
    pub(crate) this_weekend: &'static str,
    pub(crate) next_30_days: &'static str,
    pub(crate) all_events: &'static str,
    pub(crate) month: &'static str,
    pub(crate) this_month: &'static str,
    pub(crate) as_list: &'static str,
    /// With `{count}`.
    pub(crate) more_that_day: &'static str,
    pub(crate) month_truncated: &'static str,
    pub(crate) feed_ends: &'static str,
    pub(crate) map: &'static str,
    pub(crate) map_lead: &'static str,
    pub(crate) map_move: &'static str,
    pub(crate) map_in: &'static str,
    pub(crate) map_out: &'static str,
    pub(crate) map_west: &'static str,
    pub(crate) map_east: &'static str,
    pub(crate) map_north: &'static str,
    pub(crate) map_south: &'static str,
    pub(crate) map_all: &'static str,
    pub(crate) map_closer: &'static str,
    pub(crate) map_places: &'static str,
    /// `{name}`, `{count}`.
    pub(crate) map_of_several: &'static str,
    /// `{events}`.
    pub(crate) map_elsewhere: &'static str,
    pub(crate) map_outside: &'static str,
    pub(crate) map_empty: &'static str,
    pub(crate) map_source: &'static str,
    pub(crate) later: &'static str,
    pub(crate) first_page: &'static str,
    pub(crate) pages: &'static str,
    pub(crate) subscribe: &'static str,
    pub(crate) subscribe_hint: &'static str,
    pub(crate) subscribe_news: &'static str,
    pub(crate) subscribe_now: &'static str,
    pub(crate) under_way: &'static str,
    pub(crate) home_title: &'static str,
    /// `{count}`, one hub.
    pub(crate) home_lead_one: &'static str,
    /// `{count}`.
    pub(crate) home_lead: &'static str,
    pub(crate) all_upcoming: &'static str,
    pub(crate) showing: &'static str,

    pub(crate) all_day: &'static str,
    /// `{date}`: the last day.
    pub(crate) all_day_until: &'static str,
    /// `{city}`: names the zone a time is meant in.
    pub(crate) zone: &'static str,
    /// `{time}`, `{city}`: the same moment on the reader's clock.
    pub(crate) reader_time: &'static str,
    /// Before the zones to choose.
    pub(crate) clock: &'static str,
    /// `{city}`: the house's own zone.
    pub(crate) clock_of_house: &'static str,
    pub(crate) clock_change: &'static str,
    /// `{zone}`
    pub(crate) clock_offer: &'static str,
    pub(crate) cancelled: &'static str,
    pub(crate) postponed: &'static str,
    pub(crate) tentative: &'static str,
    pub(crate) online: &'static str,
    pub(crate) hybrid: &'static str,
    pub(crate) untitled: &'static str,
    /// `{time}`.
    pub(crate) as_of: &'static str,
    /// `{hub}`, `{time}`.
    pub(crate) as_of_fresh: &'static str,
    /// `{hub}`, `{time}`.
    pub(crate) as_of_old: &'static str,
    pub(crate) never_heard: &'static str,
    /// `{hub}`.
    pub(crate) never_heard_long: &'static str,
    pub(crate) hosted_with: &'static str,
    /// `Each of these hubs has agreed to host it.`
    pub(crate) all_agreed: &'static str,
    /// Above how fresh each hub's data is.
    pub(crate) how_fresh: &'static str,

    pub(crate) when: &'static str,
    pub(crate) place: &'static str,
    pub(crate) host: &'static str,
    pub(crate) tags: &'static str,
    pub(crate) capacity: &'static str,
    /// `{count}`.
    pub(crate) people: &'static str,
    pub(crate) features_label: &'static str,
    /// In the order of [`KNOWN`].
    pub(crate) features: [&'static str; KNOWN.len()],
    pub(crate) more_dates: &'static str,
    pub(crate) this_date: &'static str,
    pub(crate) add_to_calendar: &'static str,
    pub(crate) join_online: &'static str,
    pub(crate) event_website: &'static str,
    pub(crate) picture: &'static str,
    pub(crate) open_map: &'static str,
    pub(crate) is_cancelled: &'static str,
    pub(crate) another_date: &'static str,
    pub(crate) date_cancelled: &'static str,
    pub(crate) is_postponed: &'static str,
    pub(crate) is_tentative: &'static str,
    pub(crate) is_over: &'static str,
    /// `{zone}`.
    pub(crate) times_in: &'static str,
    pub(crate) back_to_events: &'static str,
    pub(crate) last_changed: &'static str,

    pub(crate) hubs_title: &'static str,
    pub(crate) hubs_lead: &'static str,
    pub(crate) this_house: &'static str,
    pub(crate) guest: &'static str,
    pub(crate) pending: &'static str,
    pub(crate) former: &'static str,
    pub(crate) their_events: &'static str,
    pub(crate) website: &'static str,
    pub(crate) coming_up: &'static str,
    /// `{time}`: the clock on the hub's wall.
    pub(crate) local_time_now: &'static str,

    pub(crate) empty_title: &'static str,
    pub(crate) empty_home_title: &'static str,
    pub(crate) empty_hub_title: &'static str,
    pub(crate) empty_hub: &'static str,
    pub(crate) empty_filtered: &'static str,
    pub(crate) empty_plain: &'static str,
    pub(crate) empty_home: &'static str,

    pub(crate) error_400: &'static str,
    /// `{parameter}`.
    pub(crate) error_400_text: &'static str,
    pub(crate) error_400_next: &'static str,
    pub(crate) error_404: &'static str,
    pub(crate) error_404_text: &'static str,
    pub(crate) error_404_next: &'static str,
    pub(crate) error_405: &'static str,
    pub(crate) error_405_text: &'static str,
    pub(crate) error_414: &'static str,
    pub(crate) error_414_text: &'static str,
    pub(crate) error_500: &'static str,
    pub(crate) error_500_text: &'static str,
    pub(crate) error_503: &'static str,
    pub(crate) error_503_text: &'static str,
    pub(crate) error_wait: &'static str,

    pub(crate) footer: &'static str,
}

/// The language for a reader: what the page address asks for, else the best of `Accept-Language`, else the first of [`ALL`].
pub(crate) fn choose(asked: Option<&str>, accept_language: Option<&str>) -> &'static Words {
    if let Some(words) = asked.and_then(by_tag) {
        return words;
    }
    let mut best: Option<(u16, &'static Words)> = None;
    for entry in accept_language.unwrap_or("").split(',').take(MAX_ACCEPTED) {
        let mut parts = entry.split(';');
        let Some(words) = by_tag(parts.next().unwrap_or("").trim()) else {
            continue;
        };
        let quality = parts
            .find_map(|part| part.trim().strip_prefix("q=").map(quality))
            .unwrap_or(1000);
        if quality > best.map_or(0, |(so_far, _)| so_far) {
            best = Some((quality, words));
        }
    }
    best.map_or(ALL[0], |(_, words)| words)
}

/// The language whose tag is this one's first part: `de-AT` finds `de`.
pub(crate) fn by_tag(tag: &str) -> Option<&'static Words> {
    let primary = tag.split('-').next().unwrap_or("");
    ALL.into_iter().find(|words| words.tag.eq_ignore_ascii_case(primary))
}

/// A quality value (RFC 9110 12.4.2) in thousandths; 0 if it is not one.
fn quality(text: &str) -> u16 {
    let value: f32 = text.trim().parse().unwrap_or(0.0);
    if !(0.0..=1.0).contains(&value) {
        return 0;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within 0 to 1000, checked above"
    )]
    let thousandths = (value * 1000.0) as u16;
    thousandths
}

/// Replaces each `{name}` in a pattern by its value. Values are never searched for marks themselves.
pub(crate) fn fill(pattern: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(pattern.len() + 32);
    let mut rest = pattern;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        let after = &rest[open + 1..];
        let Some(close) = after.find('}') else {
            out.push_str(&rest[open..]);
            return out;
        };
        let name = &after[..close];
        if let Some((_, value)) = values.iter().find(|(key, _)| *key == name) {
            out.push_str(value);
        }
        rest = &after[close + 1..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_beats_the_browser() {
        assert_eq!(choose(Some("de"), Some("nl")).tag, "de");
        assert_eq!(choose(None, Some("nl;q=0.4, de-AT;q=0.8, fr")).tag, "de");
        assert_eq!(choose(None, Some("fr, ja")).tag, "en");
        assert_eq!(choose(Some("xx"), None).tag, "en");
        assert_eq!(choose(None, Some("de;q=0, es;q=0.1")).tag, "es");
        assert_eq!(choose(None, Some("de;q=NaN, es;q=-1,;;;,,")).tag, "en");
    }

    #[test]
    fn values_are_not_patterns() {
        assert_eq!(fill("a {x} b {y}", &[("x", "{y}"), ("y", "1")]), "a {y} b 1");
        assert_eq!(fill("open { only", &[]), "open { only");
    }

    #[test]
    fn every_language_keeps_the_marks() {
        for words in ALL {
            for (pattern, marks) in [
                (words.as_of, vec!["{time}"]),
                (words.all_day_until, vec!["{date}"]),
                (words.as_of_fresh, vec!["{hub}", "{time}"]),
                (words.as_of_old, vec!["{hub}", "{time}"]),
                (words.never_heard_long, vec!["{hub}"]),
                (words.zone, vec!["{city}"]),
                (words.clock_of_house, vec!["{city}"]),
                (words.clock_offer, vec!["{zone}"]),
                (words.reader_time, vec!["{time}", "{city}"]),
                (words.error_400_text, vec!["{parameter}"]),
                (words.home_lead, vec!["{count}"]),
                (words.date_long, vec!["{weekday}", "{day}", "{month}"]),
                (words.date_long_year, vec!["{weekday}", "{day}", "{month}", "{year}"]),
                (words.date_short, vec!["{weekday}", "{day}", "{month}"]),
                (words.times_in, vec!["{zone}"]),
                (words.local_time_now, vec!["{time}"]),
                (words.empty_hub_title, vec!["{hub}"]),
                (words.more_that_day, vec!["{count}"]),
                (words.people, vec!["{count}"]),
                (words.map_of_several, vec!["{name}", "{count}"]),
                (words.map_elsewhere, vec!["{events}"]),
                (words.found, vec!["{count}"]),
            ] {
                for mark in marks {
                    assert!(pattern.contains(mark), "{} lacks {mark} in {pattern:?}", words.tag);
                }
            }
        }
    }
}
