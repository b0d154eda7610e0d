#![allow(clippy::unwrap_used, reason = "tests")]

use jiff::civil::{Date, date};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::member::tests::sample;
use crate::member::{Kind, Link, Listing, Local, MAX_LINE, Member, Status, Way};

/// Text of what breaks formats.
fn odd_text(most: usize) -> impl Strategy<Value = String> {
    let part = prop_oneof![
        select(vec![
            "=",
            "+",
            "-",
            "@",
            "'",
            "\"",
            ",",
            ";",
            "|",
            ":",
            "\\",
            "\\n",
            " ",
            "\t",
            "<",
            ">",
            "<http",
            "[",
            "]",
            "%",
            "&",
            "=3D",
            "until 2027-05-01",
            " until -",
            "lend:",
            "🦊",
            "👩‍🔧",
            "é",
            "日本",
            "\u{feff}",
            "END:VCARD",
            "a",
            "b",
            "Z",
            "0",
            "=C3",
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z0-9]{1,6}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(part, 0..most).prop_map(|parts| parts.concat())
}

fn a_line() -> impl Strategy<Value = String> {
    odd_text(8).prop_map(|text| {
        let cut: String = crate::member::said::one_line(&text).chars().take(MAX_LINE).collect();
        crate::member::said::one_line(&cut)
    })
}

fn a_text() -> impl Strategy<Value = String> {
    prop::collection::vec(odd_text(6), 0..5).prop_map(|lines| crate::member::said::plain_text(&lines.join("\n")))
}

fn some_lines() -> impl Strategy<Value = Vec<String>> {
    prop::collection::btree_set(a_line().prop_filter("not empty", |line| !line.is_empty()), 0..5)
        .prop_map(|lines| lines.into_iter().rev().collect())
}

fn a_day() -> impl Strategy<Value = Option<Date>> {
    prop::option::of((2000..2100_i16, 1..=12_i8, 1..=28_i8).prop_map(|(year, month, day)| date(year, month, day)))
}

fn some_listings() -> impl Strategy<Value = Vec<Listing>> {
    let what = a_line().prop_filter("not empty", |line| !line.is_empty());
    let one = (what, prop::option::of(select(Way::ALL.to_vec())), a_day());
    prop::collection::vec(one.prop_map(|(what, way, until)| Listing { what, way, until }), 0..4)
}

fn some_links() -> impl Strategy<Value = Vec<Link>> {
    let url = select(vec!["https", "http"]).prop_flat_map(|scheme| {
        "[a-z]{1,8}\\.example(/[a-zA-Z0-9,;:@!$&'()*+=~._%-]{0,12})?".prop_map(move |rest| format!("{scheme}://{rest}"))
    });
    prop::collection::vec((a_line(), url).prop_map(|(label, url)| Link { label, url }), 0..4)
}

prop_compose! {
    fn a_member()(
        name in a_line().prop_map(|line| if line.is_empty() { "Ada".to_owned() } else { line }),
        (headline, role, tier) in (a_line(), a_line(), a_line()),
        (biography, notes) in (a_text(), a_text()),
        (skills, projects, programmes) in (some_lines(), some_lines(), some_lines()),
        (offers, wants) in (some_listings(), some_listings()),
        links in some_links(),
        languages in prop::collection::btree_set(select(vec!["en", "pt-BR", "zh-Hant", "nds"]), 0..4),
        photo in prop::collection::vec(any::<u8>(), 0..300),
        (mail, phone, number) in (a_line(), a_line(), a_line()),
        (kind, status, valid_until) in (select(Kind::ALL.to_vec()), select(Status::ALL.to_vec()), a_day()),
    ) -> Member {
        Member {
            kind, name, headline, biography, skills, offers, wants, links, photo, role, projects, programmes, tier, status, valid_until,
            languages: languages.into_iter().map(str::to_owned).collect(),
            local: Local { mail, phone, notes, number },
            ..Member::default()
        }
    }
}

/// What is said to be empty left out: what a reader of a card learns.
fn spoken(said: &Said) -> Said {
    let mut out = said.clone();
    for text in [
        &mut out.headline,
        &mut out.biography,
        &mut out.role,
        &mut out.tier,
        &mut out.mail,
        &mut out.phone,
        &mut out.notes,
        &mut out.number,
    ] {
        text.take_if(|text| text.is_empty());
    }
    for list in [
        &mut out.skills,
        &mut out.languages,
        &mut out.projects,
        &mut out.programmes,
    ] {
        list.take_if(|list| list.is_empty());
    }
    out.offers.take_if(|list| list.is_empty());
    out.wants.take_if(|list| list.is_empty());
    out.links.take_if(|list| list.is_empty());
    out.valid_until.take_if(|until| *until == crate::member::Until::Open);
    out
}

fn read_back(text: &str, format: Format) -> Vec<Contact> {
    let parsed = read(text.as_bytes(), None, &[]).unwrap();
    assert_eq!((parsed.format, &*parsed.refused), (format, &[][..]), "{text}");
    parsed.contacts
}

fn check_round_trips(members: &[(String, &Member)]) {
    let ids: Vec<&str> = members.iter().map(|(id, _)| id.as_str()).collect();
    let expected: Vec<Said> = members.iter().map(|(_, member)| Said::of(member)).collect();
    for (text, format) in [
        (to_vcard(members), Format::Vcard),
        (to_jscontact(members), Format::Jscontact),
        (to_csv(members), Format::Csv),
    ] {
        let contacts = read_back(&text, format);
        assert_eq!(
            contacts.iter().map(|one| one.uid.as_str()).collect::<Vec<_>>(),
            ids,
            "{text}"
        );
        for (contact, expected) in contacts.iter().zip(&expected) {
            let mut expected = expected.clone();
            if format == Format::Csv {
                expected.photo = None;
            }
            assert_eq!(spoken(&contact.said), expected, "{text}");
        }
        assert_eq!(read_back(&text, format), contacts);
    }
    assert!(to_vcard(members).split("\r\n").all(|line| line.len() <= 75));
}

#[test]
fn what_was_written_is_read_again_as_the_same() {
    let ada = sample();
    let mut firm = sample();
    (firm.kind, firm.name, firm.photo) = (Kind::Organisation, "=Press; \"Ink\", Ltd.".into(), Vec::new());
    firm.biography = "One\n\nTwo, with \\ and ;\n=3".into();
    check_round_trips(&[("m1".into(), &ada), ("m2".into(), &firm)]);
    check_round_trips(&[(
        "m3".into(),
        &Member {
            name: "Bob".into(),
            ..Member::default()
        },
    )]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_was_written_is_read_again_as_the_same(members in prop::collection::vec(a_member(), 1..4)) {
        let members: Vec<(String, &Member)> = (1..).zip(&members).map(|(number, one)| (format!("m{number}"), one)).collect();
        check_round_trips(&members);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for format in [None, Some(Format::Csv), Some(Format::Vcard), Some(Format::Jscontact)] {
            let _ = read(&bytes, format, &[]);
        }
    }

    /// What was written, with some bytes of it changed, taken out, or cut off.
    #[test]
    fn no_damage_makes_a_reader_panic(
        member in a_member(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 0..12),
        end in any::<prop::sample::Index>(),
    ) {
        let members = [("m".to_owned(), &member)];
        for text in [to_vcard(&members), to_jscontact(&members), to_csv(&members)] {
            let mut bytes = text.into_bytes();
            for (at, byte, replace) in &damage {
                let at = at.index(bytes.len());
                if *replace { bytes[at] = *byte } else { bytes.insert(at, *byte) }
            }
            bytes.truncate(end.index(bytes.len() + 1));
            for format in [None, Some(Format::Csv), Some(Format::Vcard), Some(Format::Jscontact)] {
                let _ = read(&bytes, format, &[]);
            }
        }
    }

    #[test]
    fn old_cards_of_whatever_lines_do_not_panic(lines in prop::collection::vec("(item1\\.)?(N|FN|TEL|EMAIL|NOTE|PHOTO|URL|LANG|AGENT|BEGIN|END|X-INTERHUB-OFFER)(;(ENCODING=(QUOTED-PRINTABLE|b|BASE64)|CHARSET=(UTF-8|Shift_JIS|utf-16|\"|x)|TYPE=pref|VALUE=uri|X-UNTIL=2027-1|PREF=1|\"))?:?(VCARD|[A-Z=;,\\\\ \u{e9}]{0,8}=?)", 0..12)) {
        let _ = read(format!("BEGIN:VCARD\n{}\nEND:VCARD\n", lines.join("\n")).as_bytes(), None, &[]);
    }
}

#[test]
fn what_a_file_is_is_seen_by_its_content() {
    let format = |text: &str| read(text.as_bytes(), None, &[]).map(|parsed| parsed.format);
    assert_eq!(format("Name,Mail\nAda,a@b.example\n"), Ok(Format::Csv));
    assert_eq!(
        format("\u{feff}\r\nbegin:vcard\r\nFN:Ada\r\nUID:1\r\nEND:VCARD\r\n"),
        Ok(Format::Vcard)
    );
    assert_eq!(
        format(" {\"@type\": \"Card\", \"name\": {\"full\": \"Ada\"}}"),
        Ok(Format::Jscontact)
    );
    assert_eq!(format("[]"), Ok(Format::Jscontact));
    for (text, looks_like) in [
        ("", "an empty file"),
        (" \n", "an empty file"),
        ("BEGIN:VCALENDAR\n", "a calendar"),
        ("PK\u{3}\u{4}...", "a workbook of a spreadsheet program"),
        ("%PDF-1.7", "a PDF"),
        ("<!doctype html>", "a web page or XML"),
        ("BEGIN:NOTHING\n", "something without a vCard in it"),
        ("{\"members\": []}", "the JSON of `interhub member export`"),
    ] {
        let error = format(text).unwrap_err();
        assert!(error.to_string().contains(looks_like), "{text}: {error}");
    }
    assert!(matches!(format("[{]"), Err(ReadError::NotJson { line: 1, .. })));
}

#[test]
fn a_file_in_another_encoding_says_the_same() {
    let text = "Name;E-Mail\r\nJörg Müller;j@mail.example\r\n";
    let utf16 = |bytes: fn(u16) -> [u8; 2], mark: [u8; 2]| {
        let units = text.encode_utf16().flat_map(bytes);
        mark.into_iter().chain(units).collect::<Vec<u8>>()
    };
    let latin: Vec<u8> = text
        .chars()
        .map(|char| u8::try_from(u32::from(char)).unwrap())
        .collect();
    let expected = read(text.as_bytes(), None, &[]).unwrap().contacts;
    assert_eq!(expected[0].said.name.as_deref(), Some("Jörg Müller"));
    for bytes in [
        [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        utf16(u16::to_le_bytes, [0xFF, 0xFE]),
        utf16(u16::to_be_bytes, [0xFE, 0xFF]),
    ] {
        let parsed = read(&bytes, None, &[]).unwrap();
        assert_eq!((parsed.contacts, parsed.notices), (expected.clone(), Vec::new()));
    }
    let old = read(&latin, None, &[]).unwrap();
    assert_eq!(old.contacts, expected);
    let notice = Notice {
        line: 2,
        times: 1,
        text: "1 lines are not UTF-8 and were read as Windows-1252".into(),
    };
    assert_eq!(old.notices, [notice]);
}

#[test]
fn too_large_a_file_is_refused_as_a_whole() {
    let large = vec![b'a'; MAX_FILE_BYTES + 1];
    assert_eq!(read(&large, None, &[]), Err(ReadError::TooLarge { bytes: large.len() }));
    let rows = format!("name\n{}", "a\n".repeat(MAX_ROWS + 1));
    let error = read(rows.as_bytes(), None, &[]).unwrap_err();
    assert_eq!(
        error,
        ReadError::TooMany {
            line: MAX_ROWS as u64 + 2
        }
    );
    assert!(error.to_string().contains("split it"));
    assert_eq!(
        read(&rows.as_bytes()[..rows.len() - 2], None, &[])
            .unwrap()
            .contacts
            .len(),
        MAX_ROWS
    );
    let cards = "BEGIN:VCARD\nFN:a\nEND:VCARD\n".repeat(MAX_ROWS + 1);
    let line = 3 * MAX_ROWS as u64 + 1;
    assert_eq!(read(cards.as_bytes(), None, &[]), Err(ReadError::TooMany { line }));
    let cards = format!("[{}{{}}]", "{\"uid\": \"1\"},\n".repeat(MAX_ROWS));
    let line = MAX_ROWS as u64 + 1;
    assert_eq!(read(cards.as_bytes(), None, &[]), Err(ReadError::TooMany { line }));
}

#[test]
fn who_could_not_be_recognised_again_is_refused() {
    let parsed = read(
        b"BEGIN:VCARD\nEMAIL:a@b.example\nEND:VCARD\nBEGIN:VCARD\nNOTE:x\nEND:VCARD\n",
        None,
        &[],
    )
    .unwrap();
    assert_eq!(
        (parsed.contacts.len(), parsed.contacts[0].said.name.as_deref()),
        (1, None)
    );
    assert_eq!(parsed.refused[0].line, 4);
    assert!(parsed.refused[0].reason.starts_with("it has no name"));
}

#[test]
fn one_id_is_one_member() {
    let parsed = read(b"id,name\n1,Ada\n2,Bob\n1,Ada\n2,Bo\n,Ada\n,Ada\n", None, &[]).unwrap();
    assert_eq!(
        parsed.contacts.iter().map(|one| one.line).collect::<Vec<_>>(),
        [2, 3, 6, 7]
    );
    let reason = "it has the same id or number as the one of line 3".to_owned();
    assert_eq!(parsed.refused, [Refused { line: 5, reason }]);
    assert_eq!(
        (parsed.notices[0].line, &*parsed.notices[0].text),
        (4, "what is in the file more than once is taken once")
    );
}
