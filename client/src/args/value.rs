//! Reads the values of flags. Each function returns what the node wants, or one line that says what is expected.

use jiff::civil::{Date, DateTime};

/// A place on the command line: `52.4751,-1.8848`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LatLon {
    /// Degrees north, -90 to 90.
    pub lat: f64,
    /// Degrees east, -180 to 180.
    pub lon: f64,
}

/// Longest text taken from one flag, in bytes. The node has its own, smaller limits for each field.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Largest capacity, as the node has it.
const MAX_CAPACITY: u32 = 1_000_000;

/// A length of time in seconds: `2h`, `90m`, `1h30m`, `7d`, `2w`.
pub fn duration(text: &str) -> Result<u64, String> {
    let expected = || format!("{text:?} is no length of time; write it like 2h, 90m, 1h30m or 7d");
    let mut total: u64 = 0;
    let mut number: Option<u64> = None;
    for c in text.trim().chars() {
        if let Some(digit) = c.to_digit(10) {
            let grown = number
                .unwrap_or(0)
                .checked_mul(10)
                .and_then(|n| n.checked_add(u64::from(digit)));
            number = Some(grown.ok_or_else(expected)?);
            continue;
        }
        if c == ' ' {
            continue;
        }
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return Err(expected()),
        };
        let part = number.take().and_then(|n| n.checked_mul(unit)).ok_or_else(expected)?;
        total = total.checked_add(part).ok_or_else(expected)?;
    }
    if number.is_some() || total == 0 {
        return Err(expected());
    }
    Ok(total)
}

/// An amount with at most three decimals, in thousandths: `12.5`, `-3`.
pub fn thousandths(text: &str) -> Result<i64, String> {
    let expected = || format!("{text:?} is no amount; write it like 12.5, with at most three decimals");
    let trimmed = text.trim();
    let (sign, digits) = trimmed.strip_prefix('-').map_or((1, trimmed), |digits| (-1, digits));
    let (whole, decimals) = digits.split_once(['.', ',']).unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(decimals) || decimals.len() > 3 {
        return Err(expected());
    }
    let padded: i64 = format!("{whole}{decimals:0<3}").parse().map_err(|_| expected())?;
    Ok(sign * padded)
}

/// A wall time or a date, in the form the node wants: `2027-03-04T18:30:00` or `2027-03-04`.
pub fn local_time(text: &str) -> Result<String, String> {
    let trimmed = text.trim();
    if trimmed.len() == 10
        && let Ok(date) = trimmed.parse::<Date>()
    {
        return Ok(date.to_string());
    }
    let has_time = trimmed.len() > 10 && matches!(trimmed.as_bytes()[10], b'T' | b't' | b' ');
    // An offset would contradict --timezone; `-` after the date part can be nothing else.
    let has_offset = has_time && trimmed[10..].contains(['Z', 'z', '+', '-', '[']);
    if has_offset {
        return Err(format!(
            "{text:?} has an offset; give the time on the wall, and the zone with --timezone"
        ));
    }
    match trimmed.parse::<DateTime>() {
        Ok(time) if has_time => Ok(time.strftime("%Y-%m-%dT%H:%M:%S").to_string()),
        _ => Err(format!(
            "{text:?} is no time; write it like 2027-03-04T18:30, or 2027-03-04 for whole days"
        )),
    }
}

/// A date, a wall time, an instant in RFC 3339, or a word for one, as filters take them. The node reads it in its zone.
pub fn moment(text: &str) -> Result<String, String> {
    let trimmed = text.trim();
    let is_word = ["now", "today", "tomorrow", "weekend", "week", "month"].contains(&trimmed);
    if is_word || trimmed.parse::<jiff::Timestamp>().is_ok() {
        return Ok(trimmed.to_owned());
    }
    local_time(trimmed)
        .map_err(|_| format!("{text:?} is no time; write it like today, 2027-03-04 or 2027-03-04T18:30:00Z"))
}

/// An instant, RFC 3339, as Unix seconds.
pub fn instant(text: &str) -> Result<i64, String> {
    let at: jiff::Timestamp = text
        .parse()
        .map_err(|_| "not an instant; write it as 2026-11-20T10:00:00Z".to_owned())?;
    Ok(at.as_second())
}

/// Two numbers with a comma: degrees north, degrees east.
pub fn lat_lon(text: &str) -> Result<LatLon, String> {
    let number = |part: &str| part.trim().parse::<f64>().ok().filter(|n| n.is_finite());
    let parts = text
        .split_once(',')
        .and_then(|(lat, lon)| Some((number(lat)?, number(lon)?)));
    match parts {
        Some((lat, lon)) if lat.abs() <= 90.0 && lon.abs() <= 180.0 => Ok(LatLon { lat, lon }),
        Some(_) => Err(format!(
            "{text:?} is not on the earth; latitude is -90 to 90, longitude -180 to 180"
        )),
        None => Err(format!(
            "{text:?} is no place; write it as LAT,LON, for instance 52.4751,-1.8848"
        )),
    }
}

/// A radius in kilometres, above 0 and at most 20,000.
pub fn kilometres(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(km) if km > 0.0 && km <= 20_000.0 => Ok(km),
        _ => Err(format!(
            "{text:?} is no distance; give kilometres above 0, at most 20000"
        )),
    }
}

/// A zone of the IANA database.
pub fn timezone(text: &str) -> Result<String, String> {
    match jiff::tz::TimeZone::get(text) {
        Ok(zone) => Ok(zone.iana_name().unwrap_or(text).to_owned()),
        Err(_) => Err(format!("{text:?} is no time zone; use a name like Europe/London")),
    }
}

/// A recurrence rule, with or without `RRULE:`. The node checks the whole of it; empty stands for "none".
pub fn rrule(text: &str) -> Result<String, String> {
    let rule = text.trim();
    let rule = rule.strip_prefix("RRULE:").unwrap_or(rule);
    let has_frequency = rule
        .split(';')
        .any(|part| part.to_ascii_uppercase().starts_with("FREQ="));
    if rule.is_empty() || has_frequency {
        return Ok(rule.to_owned());
    }
    Err(format!(
        "{text:?} is no recurrence rule; write it like FREQ=WEEKLY;BYDAY=MO;COUNT=10"
    ))
}

/// An address of a page; empty stands for "none".
pub fn web_address(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.contains(char::is_whitespace) => Ok(text.to_owned()),
        None if text.is_empty() => Ok(String::new()),
        _ => Err(format!(
            "{text:?} is no web address; it has to begin with https:// or http://"
        )),
    }
}

/// A BCP 47 language tag; empty stands for "none".
pub fn language(text: &str) -> Result<String, String> {
    let parts_fit = text
        .split('-')
        .all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()));
    let first_fits = text.split('-').next().is_some_and(|first| first.len() >= 2);
    if text.is_empty() || (parts_fit && first_fits && text.len() <= 35) {
        return Ok(text.to_owned());
    }
    Err(format!("{text:?} is no language; write it like en or pt-BR"))
}

/// A text in a language, `LANG=TEXT`.
pub fn translation(value: &str) -> Result<(String, String), String> {
    let parts = value.split_once('=').map(|(tag, words)| (tag.trim(), words.trim()));
    let Some((tag, words)) = parts.filter(|(tag, _)| !tag.is_empty()) else {
        return Err(format!(
            "{:?} does not say which language it is in; write it like 'de=Tag der offenen Tür'",
            cut(value)
        ));
    };
    Ok((language(tag)?, text(words)?))
}

/// A capacity from 1 to 1,000,000, or `none`, which is 0.
pub fn capacity(text: &str) -> Result<u32, String> {
    let number = match text.trim() {
        "none" => Some(0),
        other => other.parse().ok().filter(|number| (1..=MAX_CAPACITY).contains(number)),
    };
    number.ok_or_else(|| {
        format!(
            "{:?} is no capacity; give a number from 1 to {MAX_CAPACITY}, or none",
            cut(text)
        )
    })
}

/// The id of an event: 32 hexadecimal digits.
pub fn event_id(text: &str) -> Result<String, String> {
    let id = text.trim().to_ascii_lowercase();
    if id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(id);
    }
    Err(format!(
        "{:?} is no id of an event; `interhub event list` shows them",
        cut(text)
    ))
}

/// The id of a member: 32 hexadecimal digits.
pub fn member_id(text: &str) -> Result<String, String> {
    event_id(text).map_err(|_| {
        format!(
            "{:?} is no id of a member; `interhub member list` shows them",
            cut(text)
        )
    })
}

/// Something that is offered or wanted, as the node wants it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// What; empty to remove all.
    pub what: String,
    /// How; may be empty.
    pub way: String,
    /// Its last day; may be empty.
    pub until: String,
}

/// `lend:a press until 2027-05-01`; the way before the colon, and the last day, may be left out.
pub fn listing(value: &str) -> Result<Listing, String> {
    let said = text(value)?;
    let said = said.trim();
    let ways = ["sell", "give", "lend", "teach", "swap"];
    let split = said.split_once(':').map(|(way, what)| (way.trim(), what.trim()));
    let (way, rest) = split.filter(|(way, _)| ways.contains(way)).unwrap_or(("", said));
    let (what, until) = match rest.rsplit_once(" until ") {
        Some((what, day)) if day.trim().parse::<Date>().is_ok() => (what.trim(), day.trim()),
        _ => (rest, ""),
    };
    if what.is_empty() && !(way.is_empty() && until.is_empty()) {
        return Err(format!(
            "{:?} does not say what; write it like 'lend:a press' or 'teach:binding until 2027-05-01'",
            cut(value)
        ));
    }
    Ok(Listing {
        what: what.to_owned(),
        way: way.to_owned(),
        until: until.to_owned(),
    })
}

/// Who is to see a field: `skills=network`.
pub fn audience(value: &str) -> Result<(String, String), String> {
    let parts = value.split_once('=').map(|(field, who)| (field.trim(), who.trim()));
    match parts {
        Some((field, who)) if !field.is_empty() && ["private", "hub", "network", "public"].contains(&who) => {
            Ok((field.to_owned(), who.to_owned()))
        }
        _ => Err(format!(
            "{:?} does not say who is to see what; write it like skills=network: private, hub, network or public",
            cut(value)
        )),
    }
}

/// What a column of a table is: `Firma=company`. A header may have `=` of its own.
pub fn column(value: &str) -> Result<(String, String), String> {
    let parts = value
        .rsplit_once('=')
        .map(|(column, field)| (column.trim(), field.trim()));
    match parts {
        Some((column, field)) if !column.is_empty() && !field.is_empty() => Ok((column.to_owned(), field.to_owned())),
        _ => Err(format!(
            "{:?} does not say what a column is; write it like Firma=company",
            cut(value)
        )),
    }
}

/// Any text that is not unreasonably long.
pub fn text(text: &str) -> Result<String, String> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(format!("{} bytes are too long; at most {MAX_TEXT_BYTES}", text.len()));
    }
    Ok(text.to_owned())
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn translations_name_their_language() {
        let given = |tag: &str, words: &str| Ok((tag.to_owned(), words.to_owned()));
        assert_eq!(translation("de=Tag = Nacht"), given("de", "Tag = Nacht"));
        assert_eq!(translation("pt-BR="), given("pt-BR", ""));
        for wrong in ["Tag der offenen Tür", "=Tag", "d_e=Tag", ""] {
            assert!(translation(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn capacities_are_numbers_or_none() {
        assert_eq!(capacity("80"), Ok(80));
        assert_eq!(capacity("none"), Ok(0));
        for wrong in ["0", "-1", "1000001", "many", ""] {
            let line = capacity(wrong).unwrap_err();
            assert!(line.contains("1000000"), "{line}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration("2h"), Ok(7_200));
        assert_eq!(duration("1h30m"), Ok(5_400));
        assert_eq!(duration("1h 30m"), Ok(5_400));
        assert_eq!(duration("7d"), Ok(604_800));
        assert_eq!(duration("1w"), Ok(604_800));
        for wrong in [
            "",
            "2",
            "h",
            "0m",
            "2x",
            "-2h",
            "99999999999999999999h",
            "18446744073709551615w",
            "2hh",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn local_times() {
        assert_eq!(local_time("2027-03-04T18:30").unwrap(), "2027-03-04T18:30:00");
        assert_eq!(local_time("2027-03-04 18:30:05").unwrap(), "2027-03-04T18:30:05");
        assert_eq!(local_time("2027-03-04").unwrap(), "2027-03-04");
        for wrong in [
            "",
            "tomorrow",
            "2027-02-30",
            "2027-03-04T25:00",
            "04.03.2027",
            "2027-03-04T",
        ] {
            assert!(local_time(wrong).is_err(), "{wrong}");
        }
        for offset in ["2027-03-04T18:30Z", "2027-03-04T18:30+01:00", "2027-03-04T18:30-05:00"] {
            assert!(local_time(offset).unwrap_err().contains("--timezone"), "{offset}");
        }
    }

    #[test]
    fn multi_byte_text_is_refused_without_a_panic() {
        for wrong in ["２０２７-03", "2027-03-0é18:30", "ééééééééééé", "2027-03-04日18:30"] {
            assert!(local_time(wrong).is_err(), "{wrong}");
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn moments() {
        assert!(moment("2027-03-04").is_ok());
        assert!(moment("2027-03-04T18:30:00Z").is_ok());
        assert!(moment("2027-03-04T18:30:00+01:00").is_ok());
        assert_eq!(moment("2027-03-04T18:30").unwrap(), "2027-03-04T18:30:00");
        assert!(moment("today").is_ok());
        assert!(moment("soon").is_err());
    }

    #[test]
    fn places() {
        assert_eq!(
            lat_lon("52.4751,-1.8848"),
            Ok(LatLon {
                lat: 52.4751,
                lon: -1.8848
            })
        );
        assert_eq!(lat_lon("-33.9, 18.4"), Ok(LatLon { lat: -33.9, lon: 18.4 }));
        for wrong in ["", "52", "52,", "91,0", "0,181", "NaN,0", "inf,0", "1,2,3"] {
            assert!(lat_lon(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn other_values() {
        assert!(kilometres("0").is_err());
        assert_eq!(kilometres("2.5"), Ok(2.5));
        assert!(timezone("Europe/London").is_ok());
        assert!(timezone("Europe/Bimringham").is_err());
        assert_eq!(rrule("RRULE:FREQ=WEEKLY").unwrap(), "FREQ=WEEKLY");
        assert!(rrule("weekly").is_err());
        assert!(web_address("ftp://x").is_err());
        assert!(web_address("https://").is_err());
        assert_eq!(web_address("https://hub.example/a").unwrap(), "https://hub.example/a");
        assert!(language("de-AT").is_ok());
        assert!(language("deutsch, bitte").is_err());
        assert!(event_id("xyz").is_err());
        assert_eq!(event_id(&"AB".repeat(16)).unwrap(), "ab".repeat(16));
        assert!(text(&"x".repeat(MAX_TEXT_BYTES + 1)).is_err());
    }
}
