#![allow(clippy::unwrap_used, reason = "tests")]

use super::super::{Contact, Parsed, read};
use crate::member::said::{MAX_PHOTO_FILE, Said};
use crate::member::{Kind, Link};

fn parsed(text: &[u8]) -> Parsed {
    read(text, None, &[]).unwrap()
}

fn one(content: &str) -> Said {
    contact(content).said
}

fn contact(content: &str) -> Contact {
    let mut parsed = parsed(format!("BEGIN:VCARD\r\n{content}END:VCARD\r\n").as_bytes());
    assert_eq!(parsed.refused, []);
    parsed.contacts.remove(0)
}

#[test]
fn a_card_of_an_address_book_is_read() {
    let contact = contact(
        "VERSION:3.0\r\nN:Invented;Ida;M.;Dr.;\r\nFN:Dr. Ida Invented\r\nNICKNAME:Idi\r\nORG:Fox Ltd;Dept\r\nTITLE:Illustrator\r\n\
         ROLE:Artist\r\nEMAIL;type=INTERNET;type=WORK:work@mail.example\r\n\
         EMAIL;type=INTERNET;type=HOME;type=pref:ida@mail.example\r\nTEL;TYPE=FAX:1\r\nTEL;TYPE=CELL:+44 7700 900000\r\n\
         item1.URL;type=pref:https\\://ida.example/a\\,b\r\nitem1.X-ABLabel:_$!<HomePage>!$_\r\nURL:shop.example\r\n\
         NOTE:Met at the fair\\, 2026\\nKey 7\r\nCATEGORIES:Friends,Work\r\nLANG;PREF=2:en\r\nLANG;PREF=1:DE-at\r\nUID:urn:uuid:1\r\n",
    );
    let said = &contact.said;
    assert_eq!(
        (contact.line, contact.uid.as_str(), said.name.as_deref()),
        (1, "urn:uuid:1", Some("Dr. Ida Invented"))
    );
    assert_eq!(
        (said.headline.as_deref(), said.role.as_deref()),
        (Some("Illustrator"), None)
    );
    assert_eq!(
        (said.mail.as_deref(), said.phone.as_deref()),
        (Some("ida@mail.example"), Some("+44 7700 900000"))
    );
    let links = [("HomePage", "https://ida.example/a,b"), ("", "https://shop.example")];
    let links = links.map(|(label, url)| Link {
        label: label.into(),
        url: url.into(),
    });
    assert_eq!(said.links.as_deref(), Some(&links[..]));
    assert_eq!(
        (said.notes.as_deref(), said.biography.as_deref()),
        (Some("Met at the fair, 2026\nKey 7"), None)
    );
    assert_eq!(said.languages, Some(vec!["de-AT".to_owned(), "en".to_owned()]));
    assert_eq!((said.skills.as_ref(), said.kind, said.visible), (None, None, None));
}

#[test]
fn names_are_found_where_they_are() {
    assert_eq!(
        one("N:Invented;Ida;M.;Dr.;MSc\r\n").name.as_deref(),
        Some("Dr. Ida M. Invented MSc")
    );
    assert_eq!(one("FN:\r\nN:;;;;\r\nNICKNAME:Idi\r\n").name.as_deref(), Some("Idi"));
    let firm = one("ORG:Fox\\, Ltd;Dept\r\n");
    assert_eq!(
        (firm.name.as_deref(), firm.kind),
        (Some("Fox, Ltd"), Some(Kind::Organisation))
    );
    assert_eq!(one("FN:Fox\r\nX-ABShowAs:COMPANY\r\n").kind, Some(Kind::Organisation));
    assert_eq!(one("FN:Fox\r\nKIND:group\r\n").kind, Some(Kind::Organisation));
}

#[test]
fn old_cards_are_read() {
    let card = b"BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller;J=F6rg\r\n\
        TEL;CELL:1\r\nNOTE;ENCODING=QUOTED-PRINTABLE:Gr=C3=\r\n=BC=C3=9Fe=0D=0Azwei\r\n\
        ORG;CHARSET=Shift_JIS:\x93\xFA\x96\x7B\r\nPHOTO;TYPE=JPEG;ENCODING=BASE64:\r\n /9j/\r\n /9j/\r\n\r\nEND:VCARD\r\n";
    let said = &parsed(card).contacts[0].said;
    assert_eq!(
        (said.name.as_deref(), said.phone.as_deref()),
        (Some("Jörg Müller"), Some("1"))
    );
    assert_eq!(said.notes.as_deref(), Some("Grüße\nzwei"));
    assert_eq!(said.photo.as_deref(), Some(&[0xFF, 0xD8, 0xFF, 0xFF, 0xD8, 0xFF][..]));
}

#[test]
fn photos_are_handed_on_or_told_of() {
    let said = one("FN:A\r\nPHOTO:data:image/png;base64,iVBORw0KGgo=\r\n");
    assert_eq!(said.photo.as_deref(), Some(&b"\x89PNG\r\n\x1a\n"[..]));
    let text = b"BEGIN:VCARD\nVERSION:4.0\nFN:A\nPHOTO:https://a.example/p.jpg\nEND:VCARD\n";
    let elsewhere = parsed(text);
    assert_eq!(elsewhere.contacts[0].said.photo, None);
    assert_eq!(
        elsewhere.notices[0].text,
        "photos that are not in the card itself are left out"
    );
    let large = data_encoding::BASE64.encode(&vec![0xFF; MAX_PHOTO_FILE + 1]);
    let parsed = parsed(format!("BEGIN:VCARD\nFN:A\nPHOTO;ENCODING=b:{large}\nEND:VCARD\n").as_bytes());
    assert!(
        parsed.refused[0].reason.starts_with("photo: at most 12 MiB"),
        "{}",
        parsed.refused[0].reason
    );
    let most = data_encoding::BASE64.encode(&vec![0xFF; MAX_PHOTO_FILE]);
    assert_eq!(
        one(&format!("FN:A\nPHOTO;ENCODING=b:{most}\n"))
            .photo
            .map(|photo| photo.len()),
        Some(MAX_PHOTO_FILE)
    );
}

#[test]
fn cards_that_are_cut_off_or_too_long_are_refused_and_the_others_read() {
    let long = "x".repeat(8_001);
    let text = format!(
        "BEGIN:VCARD\nFN:A\nBEGIN:VCARD\nFN:B\nEND:VCARD\nBEGIN:VCARD\nFN:C\nNOTE:{long}\nEND:VCARD\nBEGIN:VCARD\nFN:D\nTEL:1"
    );
    let parsed = parsed(text.as_bytes());
    let refused: Vec<(u64, &str)> = parsed
        .refused
        .iter()
        .map(|one| (one.line, one.reason.as_str()))
        .collect();
    assert_eq!(
        refused,
        [
            (1, "it is cut off: END:VCARD is missing"),
            (6, "notes: at most 8000 characters, it has 8001"),
            (10, "it is cut off: END:VCARD is missing"),
        ]
    );
    assert_eq!(parsed.contacts[0].said.name.as_deref(), Some("B"));
}

#[test]
fn a_long_line_takes_no_long_time() {
    let photo = "QUJD\r\n".repeat(1_000_000);
    let folded = "abcd\r\n ".repeat(1_000);
    let said = one(&format!(
        "FN:A\r\nPHOTO;ENCODING=BASE64:\r\n{photo}\r\nNOTE:{folded}\r\n"
    ));
    assert_eq!(said.notes.map(|notes| notes.len()), Some(4_000));
}
