//! Cards that the world wrote, in the folder `vcards` of the one that CORPUS names: each is read or refused with a reason, and
//! what was read is written in each format and read again as the same. Without CORPUS there is nothing to do.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use interhub_domain::contacts::{Contact, Format, Parsed, read, to_csv, to_jscontact, to_vcard};
use interhub_domain::member::{Local, Member, Said, Until};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "vcf") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A record that says what was read; photos are made small before they come into one, and may be of any size here.
fn member(said: &Said) -> Member {
    let said = said.clone();
    Member {
        kind: said.kind.unwrap_or_default(),
        name: said.name.unwrap_or_default(),
        headline: said.headline.unwrap_or_default(),
        biography: said.biography.unwrap_or_default(),
        skills: said.skills.unwrap_or_default(),
        offers: said.offers.unwrap_or_default(),
        wants: said.wants.unwrap_or_default(),
        languages: said.languages.unwrap_or_default(),
        links: said.links.unwrap_or_default(),
        photo: said.photo.unwrap_or_default(),
        role: said.role.unwrap_or_default(),
        projects: said.projects.unwrap_or_default(),
        programmes: said.programmes.unwrap_or_default(),
        tier: said.tier.unwrap_or_default(),
        status: said.status.unwrap_or_default(),
        valid_until: said.valid_until.and_then(Until::day),
        local: Local {
            mail: said.mail.unwrap_or_default(),
            phone: said.phone.unwrap_or_default(),
            notes: said.notes.unwrap_or_default(),
            number: said.number.unwrap_or_default(),
        },
        ..Member::default()
    }
}

fn check_again(contacts: &[Contact], path: &Path) {
    let members: Vec<Member> = contacts.iter().map(|contact| member(&contact.said)).collect();
    let ids = (1..).map(|number| format!("m{number}"));
    let members: Vec<(String, &Member)> = ids.zip(&members).collect();
    for (text, format) in [
        (to_vcard(&members), Format::Vcard),
        (to_jscontact(&members), Format::Jscontact),
        (to_csv(&members), Format::Csv),
    ] {
        let again = read(text.as_bytes(), Some(format), &[]).unwrap();
        assert_eq!(again.refused, [], "{}", path.display());
        assert_eq!(again.contacts.len(), members.len(), "{}", path.display());
        for (again, (_, before)) in again.contacts.iter().zip(&members) {
            let mut expected = (*before).clone();
            if format == Format::Csv {
                expected.photo.clear();
            }
            assert_eq!(member(&again.said), expected, "{}", path.display());
        }
    }
}

#[test]
fn cards_of_others_are_read_written_and_read_again_as_the_same() {
    let Some(corpus) = std::env::var_os("CORPUS") else {
        return;
    };
    let (mut taken, mut reasons): (usize, BTreeMap<String, usize>) = (0, BTreeMap::new());
    for path in files(&Path::new(&corpus).join("vcards")) {
        let bytes = std::fs::read(&path).unwrap();
        match read(&bytes, None, &[]) {
            Ok(Parsed {
                contacts,
                refused,
                notices,
                ..
            }) => {
                check_again(&contacts, &path);
                taken += contacts.len();
                for one in refused {
                    println!("{}:{}: {}", path.display(), one.line, one.reason);
                    *reasons.entry(one.reason).or_default() += 1;
                }
                for one in notices {
                    println!("{}:{}: {} times: {}", path.display(), one.line, one.times, one.text);
                }
            }
            Err(error) => {
                println!("{}: {error}", path.display());
                *reasons.entry(error.to_string()).or_default() += 1;
            }
        }
    }
    println!("{taken} cards read, refused: {reasons:#?}");
    assert!(taken > 0);
}
