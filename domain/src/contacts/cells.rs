//! Cells of a table: lists, listings, links, yes and no, and what a spreadsheet would take for a formula.

use jiff::civil::Date;

use crate::member::{Kind, Link, Listing, Status, Way};

/// What a spreadsheet takes for the beginning of a formula (CWE-1236).
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];
const SEPARATORS: [char; 4] = [';', ',', '|', '\n'];

/// A cell that no spreadsheet takes for a formula: an apostrophe before it. So is one that has such an apostrophe already, so that
/// [`bare`] gives back each text.
pub(super) fn guarded(text: &str) -> String {
    let apostrophe = if text.trim_start_matches('\'').starts_with(FORMULA) {
        "'"
    } else {
        ""
    };
    format!("{apostrophe}{text}")
}

/// A cell without the apostrophe that [`guarded`] gave it.
pub(super) fn bare(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.trim_start_matches('\'').starts_with(FORMULA) => rest,
        _ => text,
    }
}

/// A list as one cell: divided by semicolons, and what has a separator in it between quotation marks.
pub fn joined<T: AsRef<str>>(all: impl IntoIterator<Item = T>) -> String {
    let mut out = String::new();
    for one in all {
        let one = one.as_ref();
        if !out.is_empty() {
            out.push_str("; ");
        }
        if one.contains(SEPARATORS) || one.starts_with('"') {
            out.push('"');
            out.push_str(&one.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(one);
        }
    }
    out
}

/// The entries of a cell that is a list: divided at `;` `,` `|` and line ends, but for what is between quotation marks.
pub fn split(cell: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = cell;
    loop {
        rest = rest.trim_start();
        if let Some((quoted, after)) = quoted(rest) {
            out.push(quoted);
            rest = after;
        } else {
            let end = rest.find(SEPARATORS).unwrap_or(rest.len());
            let (entry, after) = rest.split_at(end);
            out.push(entry.trim().to_owned());
            rest = after;
        }
        let Some(after) = rest.strip_prefix(SEPARATORS) else {
            break;
        };
        rest = after;
    }
    out.retain(|entry| !entry.is_empty());
    out
}

/// What is between quotation marks at the start, and what comes after; only if a separator or nothing does.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut out = String::new();
    loop {
        let (before, after) = rest.split_once('"')?;
        out.push_str(before);
        if let Some(more) = after.strip_prefix('"') {
            out.push('"');
            rest = more;
        } else {
            let after = after.trim_start_matches([' ', '\t']);
            return (after.is_empty() || after.starts_with(SEPARATORS)).then_some((out, after));
        }
    }
}

/// `lend: a press until 2027-05-01`, as commands take it. A colon before it says that there is no way, `until -` after it that
/// there is no last day; they are written where the text itself looks as if there were.
pub fn listing_text(listing: &Listing) -> String {
    let out = match listing.way {
        Some(way) => format!("{}: {}", way.name(), listing.what),
        None if listing.what.starts_with(':') || way_before(&listing.what).is_some() => format!(":{}", listing.what),
        None => listing.what.clone(),
    };
    match listing.until {
        Some(day) => out + " until " + &day.to_string(),
        None if until_after(&listing.what).is_some() => out + " until -",
        None => out,
    }
}

/// What [`listing_text`] writes, and what people write like it.
pub fn listing(text: &str) -> Listing {
    let text = text.trim();
    let (way, rest) = match (text.strip_prefix(':'), way_before(text)) {
        (Some(rest), _) => (None, rest),
        (None, Some((way, rest))) => (Some(way), rest.trim_start()),
        (None, None) => (None, text),
    };
    let (what, until) = until_after(rest).unwrap_or((rest, None));
    let what = what.to_owned();
    Listing { what, way, until }
}

fn way_before(text: &str) -> Option<(Way, &str)> {
    let (word, rest) = text.split_once(':')?;
    let word = word.trim();
    let way = Way::ALL.into_iter().find(|way| way.name().eq_ignore_ascii_case(word))?;
    Some((way, rest))
}

fn until_after(text: &str) -> Option<(&str, Option<Date>)> {
    let (what, day) = text.rsplit_once(" until ")?;
    match day {
        "-" => Some((what, None)),
        _ => Some((what, Some(day.parse().ok()?))),
    }
}

/// `Shop <https://shop.example>`, or the address alone.
pub fn link_text(link: &Link) -> String {
    if link.label.is_empty() && !link.url.ends_with('>') {
        return link.url.clone();
    }
    format!("{} <{}>", link.label, link.url)
}

/// What [`link_text`] writes; an address without a label gets the column's.
pub fn link(text: &str, label: &str) -> Link {
    let inside = text.trim().strip_suffix('>');
    match inside.and_then(|inside| Some(inside.split_at(inside.rfind("<http")?))) {
        Some((label, url)) => Link {
            label: label.trim().to_owned(),
            url: url.trim_start_matches('<').to_owned(),
        },
        None => Link {
            label: label.to_owned(),
            url: text.trim().to_owned(),
        },
    }
}

/// A word for yes or no.
fn yes_or_no(word: &str) -> Option<bool> {
    const YES: [&str; 17] = [
        "yes",
        "y",
        "true",
        "1",
        "x",
        "on",
        "ja",
        "j",
        "wahr",
        "oui",
        "o",
        "vrai",
        "si",
        "s",
        "verdadero",
        "waar",
        "✓",
    ];
    const NO: [&str; 12] = [
        "no", "n", "false", "0", "off", "nein", "falsch", "nee", "onwaar", "non", "faux", "falso",
    ];
    if YES.contains(&word) {
        return Some(true);
    }
    NO.contains(&word).then_some(false)
}

/// Whether somebody wishes to be seen.
pub(super) fn visible(text: &str) -> Option<bool> {
    const YES: [&str; 6] = ["public", "visible", "published", "offentlich", "openbaar", "publico"];
    const NO: [&str; 6] = ["private", "hidden", "unpublished", "privat", "verborgen", "privado"];
    let word = super::columns::unaccented(text.trim());
    match word.as_str() {
        word if YES.contains(&word) => Some(true),
        word if NO.contains(&word) => Some(false),
        word => yes_or_no(word),
    }
}

/// How a membership stands, in the words of other programs and of people; yes and no answer whether it is active.
pub(super) fn status(text: &str) -> Option<Status> {
    const ACTIVE: [&str; 13] = [
        "active", "aktiv", "actief", "actif", "active", "activa", "activo", "current", "aktuell", "mitglied", "member",
        "actuel", "lid",
    ];
    const PAUSED: [&str; 18] = [
        "paused",
        "on hold",
        "onhold",
        "suspended",
        "frozen",
        "inactive",
        "pausiert",
        "ruhend",
        "inaktiv",
        "gepauzeerd",
        "inactief",
        "en pause",
        "suspendu",
        "inactif",
        "pausado",
        "en pausa",
        "suspendido",
        "inactivo",
    ];
    const MOVED_ON: [&str; 27] = [
        "moved_on",
        "moved on",
        "cancelled",
        "canceled",
        "former",
        "expired",
        "left",
        "ended",
        "terminated",
        "past",
        "alumni",
        "gekundigt",
        "gekuendigt",
        "ehemalig",
        "ausgetreten",
        "abgelaufen",
        "opgezegd",
        "verlopen",
        "oud-lid",
        "resilie",
        "parti",
        "ancien",
        "expire",
        "cancelado",
        "baja",
        "caducado",
        "antiguo",
    ];
    let word = super::columns::unaccented(text.trim());
    match word.as_str() {
        word if ACTIVE.contains(&word) => Some(Status::Active),
        word if PAUSED.contains(&word) => Some(Status::Paused),
        word if MOVED_ON.contains(&word) => Some(Status::MovedOn),
        word => yes_or_no(word).map(|active| if active { Status::Active } else { Status::Paused }),
    }
}

/// A person or an organisation, in the words of other programs and of people.
pub(super) fn kind(text: &str) -> Option<Kind> {
    const PERSON: [&str; 11] = [
        "person",
        "individual",
        "1",
        "people",
        "einzelperson",
        "privat",
        "persoon",
        "particulier",
        "personne",
        "persona",
        "individuo",
    ];
    const ORGANISATION: [&str; 20] = [
        "organisation",
        "organization",
        "org",
        "group",
        "company",
        "team",
        "2",
        "firma",
        "unternehmen",
        "verein",
        "bedrijf",
        "organisatie",
        "societe",
        "entreprise",
        "association",
        "empresa",
        "organizacion",
        "asociacion",
        "business",
        "gruppe",
    ];
    let word = super::columns::unaccented(text.trim());
    match word.as_str() {
        word if PERSON.contains(&word) => Some(Kind::Person),
        word if ORGANISATION.contains(&word) => Some(Kind::Organisation),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn formulas_are_guarded_and_bared() {
        for (text, cell) in [
            ("=1+1", "'=1+1"),
            ("+44 1", "'+44 1"),
            ("'=x", "''=x"),
            ("'quoted'", "'quoted'"),
            ("\tx", "'\tx"),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            assert_eq!(guarded(text), cell);
            assert_eq!(bare(cell), text);
        }
        assert_eq!(bare("'s Gravenhage"), "'s Gravenhage");
    }

    #[test]
    fn lists_are_divided_and_joined() {
        assert_eq!(split("a; b,c|d\ne;;"), ["a", "b", "c", "d", "e"]);
        assert_eq!(split("\"a, b\"; c\"d"), ["a, b", "c\"d"]);
        assert_eq!(split("\"open, b"), ["\"open", "b"]);
        assert_eq!(split(" "), [""; 0]);
        for list in [vec!["a;b", "\"c\"", "d|e\"", "f"], vec!["a"]] {
            assert_eq!(split(&joined(&list)), list);
        }
    }

    #[test]
    fn listings_and_links_go_there_and_back() {
        for (what, way, until, text) in [
            (
                "a press",
                Some(Way::Lend),
                Some(date(2027, 5, 1)),
                "lend: a press until 2027-05-01",
            ),
            ("paper", None, None, "paper"),
            ("lend: x", None, None, ":lend: x"),
            (":x", None, None, "::x"),
            ("x until 2027-05-01", None, None, "x until 2027-05-01 until -"),
            ("wait until May", Some(Way::Teach), None, "teach: wait until May"),
        ] {
            let what = what.to_owned();
            let one = Listing { what, way, until };
            assert_eq!(listing_text(&one), text);
            assert_eq!(listing(text), one);
        }
        for (label, url, text) in [
            ("", "https://a.example", "https://a.example"),
            ("Shop <1>", "https://a.example", "Shop <1> <https://a.example>"),
        ] {
            let (label, url) = (label.to_owned(), url.to_owned());
            let one = Link { label, url };
            assert_eq!(link_text(&one), text);
            assert_eq!(link(text, ""), one);
        }
        assert_eq!(link("https://a.example", "GitHub").label, "GitHub");
    }

    #[test]
    fn words_of_others_are_known() {
        assert_eq!(
            (visible("Ja"), visible("NON"), visible("perhaps")),
            (Some(true), Some(false), None)
        );
        assert_eq!(status("Gekündigt"), Some(Status::MovedOn));
        assert_eq!(
            (status("NO"), status("Aktiv"), status("gold")),
            (Some(Status::Paused), Some(Status::Active), None)
        );
        for one in Status::ALL {
            assert_eq!(status(one.name()), Some(one));
        }
        for one in Kind::ALL {
            assert_eq!(kind(one.name()), Some(one));
        }
        assert_eq!(kind("Société"), Some(Kind::Organisation));
    }
}
