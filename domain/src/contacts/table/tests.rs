#![allow(clippy::unwrap_used, reason = "tests")]

use jiff::civil::date;

use super::super::{Column, Contact, Parsed, ReadError, read};
use crate::member::Until;
use crate::member::{Kind, Link, MAX_LINE, Status, Way};

fn parsed(text: &str) -> Parsed {
    read(text.as_bytes(), None, &[]).unwrap()
}

fn one(text: &str) -> Contact {
    let mut parsed = parsed(text);
    assert_eq!((parsed.contacts.len(), &*parsed.refused), (1, &[][..]));
    parsed.contacts.remove(0)
}

fn taken(parsed: &Parsed) -> Vec<Option<Column>> {
    parsed.columns.iter().map(|(_, column)| *column).collect()
}

fn list(all: &[&str]) -> Vec<String> {
    all.iter().map(|&one| one.to_owned()).collect()
}

/// As Cobot exports members.
const COBOT: &str = "\
Membership ID,Customer number,Name,Company,Email,Phone,Plan Name,Start Date,Canceled to,Public profile,Paid for by
7f1,1001,Mira Beispiel,Atelier Nord,mira@mail.example,+49 30 1,Full Time,2026-01-01,,Yes,
7f2,1002,,Ton & Farbe GmbH,info@ton.example,,Team,2026-02-01,2027-03-31,No,
";

/// As Nexudus exports customers.
const NEXUDUS: &str = "\
UniqueId,CoworkerType,FullName,Email,MobilePhone,Position,ProfileSummary,ProfileTags,ProfileWebsite,LinkedIn,TariffName,Active,ContractEndDate,ProfileIsPublic
c-1,Individual,Sam Invented,sam@mail.example,07700 900000,Illustrator,\"Draws.
Mostly foxes.\",\"drawing, riso\",sam.example,https://social.example/sam,Flex 10,YES,2027-06-30 00:00,True
c-2,Company,Fox Ltd,fox@mail.example,,,,,,,,NO,,False
";

#[test]
fn cobots_members_are_read() {
    let parsed = parsed(COBOT);
    assert_eq!(
        taken(&parsed),
        [
            Some(Column::Id),
            Some(Column::Number),
            Some(Column::Name),
            Some(Column::Company),
            Some(Column::Mail),
            Some(Column::Phone),
            Some(Column::Tier),
            None,
            Some(Column::ValidUntil),
            Some(Column::Visible),
            None,
        ]
    );
    let [mira, firm] = &parsed.contacts[..] else { panic!() };
    assert_eq!((mira.line, mira.uid.as_str()), (2, "7f1"));
    assert_eq!(
        (mira.said.name.as_deref(), mira.said.number.as_deref()),
        (Some("Mira Beispiel"), Some("1001"))
    );
    assert_eq!(
        (mira.said.tier.as_deref(), mira.said.valid_until),
        (Some("Full Time"), Some(Until::Open))
    );
    assert_eq!(
        (mira.said.visible, mira.said.kind, mira.said.skills.as_ref()),
        (Some(true), None, None)
    );
    assert_eq!(
        (firm.said.name.as_deref(), firm.said.kind),
        (Some("Ton & Farbe GmbH"), Some(Kind::Organisation))
    );
    assert_eq!((firm.said.phone.as_deref(), firm.said.visible), (Some(""), Some(false)));
    assert_eq!(firm.said.valid_until.and_then(Until::day), Some(date(2027, 3, 31)));
    assert_eq!(parsed.notices[0].text, "the company is left out where there is a name");
}

#[test]
fn nexudus_customers_are_read() {
    let parsed = parsed(NEXUDUS);
    let [sam, fox] = &parsed.contacts[..] else { panic!() };
    assert_eq!((sam.line, fox.line), (2, 4));
    let said = &sam.said;
    assert_eq!(
        (said.headline.as_deref(), said.biography.as_deref()),
        (Some("Illustrator"), Some("Draws.\nMostly foxes."))
    );
    assert_eq!(said.skills, Some(list(&["drawing", "riso"])));
    let links = [("", "https://sam.example"), ("LinkedIn", "https://social.example/sam")];
    let links = links.map(|(label, url)| Link {
        label: label.into(),
        url: url.into(),
    });
    assert_eq!(said.links.as_deref(), Some(&links[..]));
    assert_eq!(
        (said.status, said.kind, said.visible),
        (Some(Status::Active), Some(Kind::Person), Some(true))
    );
    assert_eq!(said.valid_until, Some(Until::Day(date(2027, 6, 30))));
    assert_eq!(
        (fox.said.status, fox.said.kind),
        (Some(Status::Paused), Some(Kind::Organisation))
    );
    assert_eq!(
        (fox.said.skills.clone(), fox.said.links.clone()),
        (Some(list(&[])), Some(Vec::new()))
    );
}

#[test]
fn tables_of_spreadsheets_are_read() {
    for text in [
        "Vorname;Nachname;E-Mail;Mitgliedsnummer;Gültig bis;Sprachen\nJo;Müller;j@m.example;7;31.12.2027;de, EN\n",
        "sep=;\r\nVorname;Name;E-Mail;Mitglieds-Nr.;Gueltig bis;Sprachen\r\nJo;Müller;j@m.example;7;31.12.2027;de, EN\r\n",
        "voornaam\tachternaam\te-mailadres\tlidnummer\tgeldig tot\ttalen\nJo\tMüller\tj@m.example\t7\t31-12-2027\tde|en\n",
        "Prénom,Nom,Courriel,Numéro de membre,Date de fin,Langues\rJo,Müller,j@m.example,7,31/12/2027,de;en\r",
        "Nombre,Apellidos,Correo electrónico,N.º socio,Válido hasta,Idiomas\n\nJo,Müller,j@m.example,7,31/12/2027,\"de\nen\"\n",
    ] {
        let contact = one(text);
        let said = &contact.said;
        assert_eq!(
            (said.name.as_deref(), said.mail.as_deref()),
            (Some("Jo Müller"), Some("j@m.example")),
            "{text}"
        );
        assert_eq!(said.valid_until, Some(Until::Day(date(2027, 12, 31))), "{text}");
        assert_eq!(
            (&said.languages, contact.uid.as_str()),
            (&Some(list(&["de", "en"])), "7"),
            "{text}"
        );
    }
    assert_eq!(parsed("sep=;\nname;mail\n\na;b@c.example\n").contacts[0].line, 4);
}

#[test]
fn a_silent_column_is_no_empty_one() {
    let said = one("name,skills,offers\nAda,,lend: a press; paper until 2027-05-01").said;
    assert_eq!((said.skills, said.wants, said.mail), (Some(list(&[])), None, None));
    let offers = said.offers.unwrap();
    assert_eq!((offers[0].way, offers[0].what.as_str()), (Some(Way::Lend), "a press"));
    assert_eq!(
        (offers[1].until, offers[1].what.as_str()),
        (Some(date(2027, 5, 1)), "paper")
    );
    let short = one("name,skills,mail\nAda").said;
    assert_eq!(
        (short.skills, short.mail),
        (None, None),
        "a row that ends early is silent too"
    );
}

#[test]
fn columns_are_what_they_are_told_to_be() {
    let text = "Ref,Name,Plan,Status,Status\nx7,Ada,Gold,VIP,active\n";
    let told = |map: &[(&str, Column)]| {
        let map: Vec<(String, Column)> = map
            .iter()
            .map(|(header, column)| ((*header).to_owned(), *column))
            .collect();
        read(text.as_bytes(), None, &map)
    };
    let guessed = told(&[]).unwrap();
    assert_eq!(
        taken(&guessed),
        [None, Some(Column::Name), Some(Column::Tier), Some(Column::Status), None]
    );
    assert_eq!(guessed.contacts[0].said.status, None);
    let notices: Vec<&str> = guessed.notices.iter().map(|notice| notice.text.as_str()).collect();
    assert_eq!(
        notices,
        [
            "the column Status is left out: another one is taken for the same",
            "status: VIP is not known and left out"
        ]
    );
    let mapped = told(&[
        ("ref", Column::Number),
        ("Plan", Column::Role),
        ("Status", Column::Ignored),
    ])
    .unwrap();
    assert_eq!(
        taken(&mapped),
        [Some(Column::Number), Some(Column::Name), Some(Column::Role), None, None]
    );
    assert_eq!(
        (mapped.contacts[0].uid.as_str(), mapped.contacts[0].said.role.as_deref()),
        ("x7", Some("Gold"))
    );
    assert_eq!(
        told(&[("Status", Column::Status)]).unwrap().refused[0].reason,
        "status: VIP is not known"
    );
    assert!(matches!(
        told(&[("Nope", Column::Mail)]),
        Err(ReadError::NoSuchColumn { .. })
    ));
    assert!(matches!(
        read(b"colour,shoe\nred,7\n", None, &[]),
        Err(ReadError::NoColumn { .. })
    ));
}

#[test]
fn dates_that_could_be_two_are_refused_and_columns_that_tell_are_read() {
    let until = |cells: &str| {
        let parsed = parsed(&format!("name,valid until\n{cells}"));
        let days: Vec<_> = parsed
            .contacts
            .iter()
            .filter_map(|one| one.said.valid_until.and_then(Until::day))
            .collect();
        (days, parsed.refused.len())
    };
    assert_eq!(
        until("a,1/2/2027\nb,31/1/2027\n"),
        (vec![date(2027, 2, 1), date(2027, 1, 31)], 0)
    );
    assert_eq!(
        until("a,1/2/2027\nb,1/31/2027\n"),
        (vec![date(2027, 1, 2), date(2027, 1, 31)], 0)
    );
    assert_eq!(until("a,1/2/2027\nb,2027-01-31\n"), (vec![date(2027, 1, 31)], 1));
    assert_eq!(until("a,31/1/2027\nb,1/31/2027\n"), (vec![], 2));
}

#[test]
fn rows_that_do_not_fit_are_refused_with_their_line() {
    let long = "x".repeat(MAX_LINE + 1);
    let parsed = parsed(&format!(
        "name,tier\nAda,full,more\nBob,full,,\n\n{long},full\nCid,full\n"
    ));
    let refused: Vec<(u64, &str)> = parsed
        .refused
        .iter()
        .map(|one| (one.line, one.reason.as_str()))
        .collect();
    assert_eq!(
        refused,
        [
            (2, "it has 3 cells, and there are 2 headers"),
            (5, "name: at most 200 characters, it has 201")
        ]
    );
    assert_eq!(parsed.contacts.len(), 2);
}

#[test]
fn an_open_quotation_mark_swallows_no_rows_unseen() {
    let text = "name,tier\nAda,full\nBob,\"full\nCid,full\n";
    let parsed = parsed(text);
    assert_eq!((parsed.contacts.len(), parsed.refused[0].line), (1, 3));
    assert!(parsed.refused[0].reason.contains("never closed"));
}

#[test]
fn what_is_no_text_is_taken_out_and_formulas_lose_their_apostrophe() {
    let text = "name,phone,notes\nA\0da,'+44 1,\"'=1+1\"\n";
    let parsed = parsed(text);
    let said = &parsed.contacts[0].said;
    assert_eq!(
        (said.name.as_deref(), said.phone.as_deref(), said.notes.as_deref()),
        (Some("Ada"), Some("+44 1"), Some("=1+1"))
    );
    assert_eq!(parsed.notices[0].text, "NUL characters were taken out");
}

#[test]
fn no_cell_that_is_written_is_a_formula() {
    let mut ada = crate::member::tests::sample();
    (ada.name, ada.headline, ada.local.phone) = ("=HYPERLINK(\"x\")".into(), "@ada".into(), "+44 1".into());
    let text = super::to_csv(&[("-1".into(), &ada)]);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let row = reader.records().next().unwrap().unwrap();
    assert!(
        row.iter()
            .all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])),
        "{text}"
    );
    assert!(!text.starts_with('\u{feff}') && text.contains("'@ada"));
    let header = super::to_csv(&[(
        "1".into(),
        &crate::member::Member {
            name: "B".into(),
            ..Default::default()
        },
    )]);
    assert_eq!(header, "id,kind,name,status\r\n1,person,B,active\r\n");
}

#[test]
fn what_differs_is_told_as_a_table_has_it() {
    let ada = crate::member::tests::sample();
    let mut later = ada.clone();
    assert_eq!(super::differences(&ada, &later), []);
    later.skills.push("etching, dry".into());
    later.offers.clear();
    (later.photo, later.local.number) = (Vec::new(), "0018".into());
    let told: Vec<(&str, String, String)> = super::differences(&ada, &later)
        .into_iter()
        .map(|one| (one.field, one.before, one.after))
        .collect();
    let expected = [
        ("number", "0017", "0018"),
        (
            "skills",
            "screen printing; binding",
            "screen printing; binding; \"etching, dry\"",
        ),
        ("offers", "lend: a press until 2027-05-01", ""),
        ("photo", "a picture", ""),
    ];
    assert_eq!(
        told,
        expected.map(|(field, before, after)| (field, before.to_owned(), after.to_owned()))
    );
}
