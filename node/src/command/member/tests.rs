#![allow(clippy::unwrap_used, reason = "tests")]

use interhub_domain::contacts::Column;
use interhub_domain::member::{Audience, Field, Said, Status};

use super::*;
use crate::command::testing::birmingham;
use crate::task::{Blocking, Tasks};

/// 2026-11-29 00:00 UTC.
const NOW_MS: i64 = 1_795_910_400_000;

async fn hub() -> Commands {
    let (commands, _) = birmingham(&Tasks::new(Blocking::Inline), NOW_MS);
    commands.create_network("Test".into()).await.unwrap();
    commands
}

fn import(hub: &Commands, text: &str) -> ImportedMembers {
    let options = MemberImport::default();
    hub.import_members("m.csv", text.as_bytes(), &options, &mut |_, _| {})
        .unwrap()
}

/// Added, changed, unchanged and refused.
fn counts(import: &ImportedMembers) -> [u64; 4] {
    let all = [import.added, import.changed, import.unchanged, import.refused_count];
    assert_eq!(all.iter().sum::<u64>(), import.members, "{import:?}");
    all
}

async fn everybody(hub: &Commands) -> Vec<ShownMember> {
    hub.list_members(MemberQuery::default()).await.unwrap().0
}

async fn named(hub: &Commands, name: &str) -> ShownMember {
    let all = everybody(hub).await;
    let mut found = all.into_iter().filter(|one| one.member.name == name);
    let one = found.next().unwrap();
    assert_eq!(found.next(), None, "several are called {name}");
    one
}

fn says(fields: Said) -> MemberFields {
    MemberFields {
        said: fields,
        ..MemberFields::default()
    }
}

#[tokio::test]
async fn the_same_file_twice_changes_nothing() {
    let hub = hub().await;
    let text =
        "id,name,mail,tier,status\n17,Ada,ada@a.example,full,active\n18,Bo,,part,paused\n,Cy,,,\n,Di,d@a.example,,\n";
    assert_eq!(counts(&import(&hub, text)), [4, 0, 0, 0]);
    let before = everybody(&hub).await;
    let again = import(&hub, text);
    assert_eq!((counts(&again), again.changes), ([0, 0, 4, 0], Vec::new()));
    assert_eq!(everybody(&hub).await, before);
    assert_eq!(named(&hub, "Bo").await.member.status, Status::Paused);
    // Whoever has an id and a mail address is known by them, whatever the name is by then. By the address alone it may be a couple's.
    let later = text.replace("17,Ada", "17,Ada Example").replace(",Di,", ",Diana,");
    let later = import(&hub, &later);
    assert_eq!(counts(&later), [0, 1, 2, 1]);
    assert!(
        later.refused[0].reason.contains("has another name"),
        "{:?}",
        later.refused
    );
    let told: Vec<_> = later
        .changes
        .iter()
        .map(|one| (one.line, one.added, one.fields.clone()))
        .collect();
    assert_eq!((told[0].0, told[0].1, told[0].2.len()), (2, false, 1));
    let difference = &told[0].2[0];
    assert_eq!(
        (difference.field, difference.before.as_str(), difference.after.as_str()),
        ("name", "Ada", "Ada Example")
    );
    assert_eq!(everybody(&hub).await.len(), 4);
}

#[tokio::test]
async fn what_people_changed_here_stays_unless_the_file_changes_it_too() {
    let hub = hub().await;
    let first = "id,name,headline,tier,skills\n17,Ada,Printer,full,etching\n";
    import(&hub, first);
    let ada = named(&hub, "Ada").await.thing.to_string();
    let said = Said {
        headline: Some("Printmaker".into()),
        role: Some("Host".into()),
        ..Said::default()
    };
    hub.edit_member(ada, says(said), "desk".into()).await.unwrap();
    assert_eq!(counts(&import(&hub, first)), [0, 0, 1, 0]);
    let later = import(&hub, "id,name,headline,tier,skills,role\n17,Ada,Printer,part,,\n");
    assert_eq!(counts(&later), [0, 1, 0, 0]);
    let ada = named(&hub, "Ada").await.member;
    assert_eq!((ada.headline.as_str(), ada.tier.as_str()), ("Printmaker", "part"));
    assert_eq!(ada.skills, Vec::<String>::new(), "the file had it, and has it no more");
    assert_eq!(ada.role, "Host", "the file never had it");
    // A column that is gone says nothing, and nothing is forgotten of what it said.
    assert_eq!(counts(&import(&hub, "id,name\n17,Ada\n")), [0, 0, 1, 0]);
    assert_eq!(counts(&import(&hub, "id,name,tier\n17,Ada,part\n")), [0, 0, 1, 0]);
    let moved = import(&hub, "id,name,headline\n17,Ada,Engraver\n");
    assert_eq!(counts(&moved), [0, 1, 0, 0]);
    assert_eq!(named(&hub, "Ada").await.member.headline, "Engraver");
}

#[tokio::test]
async fn a_wish_to_be_seen_is_no_consent_and_no_audience_widens() {
    let hub = hub().await;
    let made = import(&hub, "name,visible,mail\nAda,yes,a@a.example\nBo,no,\nCy,yes,\n");
    assert_eq!(counts(&made), [3, 0, 0, 0]);
    let wish = made
        .notices
        .iter()
        .find(|notice| notice.text.contains("no consent"))
        .unwrap();
    assert_eq!((wish.line, wish.times), (2, 2));
    for one in everybody(&hub).await {
        assert!(!one.has_card && one.member.consents.is_empty() && one.member.audiences.is_empty());
        assert_eq!(one.member.audience(Field::Name), Audience::Hub);
    }
}

#[tokio::test]
async fn what_a_file_changes_of_a_shown_field_is_in_the_card_and_nothing_else_is() {
    let hub = hub().await;
    import(&hub, "id,name,headline,mail\n1,Ada,Printer,a@a.example\n");
    let ada = named(&hub, "Ada").await.thing;
    let agreed = MemberFields {
        audiences: [(Field::Name, Audience::Network), (Field::Headline, Audience::Network)].into(),
        consent: Some(NewConsent {
            text_version: "1".into(),
            channel: "paper".into(),
        }),
        ..MemberFields::default()
    };
    hub.edit_member(ada.to_string(), agreed, "desk".into()).await.unwrap();
    assert_eq!(
        counts(&import(
            &hub,
            "id,name,headline,mail,skills\n1,Ada,Engraver,b@a.example,etching\n"
        )),
        [0, 1, 0, 0]
    );
    let card = hub
        .views
        .member(hub.member_document(LogId::NETWORK, ada).unwrap())
        .unwrap()
        .unwrap()
        .member;
    assert_eq!((card.headline.as_str(), card.local.mail.as_str()), ("Engraver", ""));
    assert_eq!(card.skills, Vec::<String>::new());
    // Who moved on has no card, in whichever program that is said.
    import(&hub, "id,name,status\n1,Ada,moved_on\n");
    assert!(!named(&hub, "Ada").await.has_card);
}

#[tokio::test]
async fn a_dry_run_writes_nothing_and_tells_the_same() {
    let hub = hub().await;
    import(&hub, "id,name,tier\n1,Ada,full\n");
    let before = everybody(&hub).await;
    let text = "id,name,tier\n1,Ada,part\n2,Bo,full\n3,,\n";
    let dry = MemberImport {
        dry_run: true,
        ..MemberImport::default()
    };
    let told = hub
        .import_members("m.csv", text.as_bytes(), &dry, &mut |_, _| {})
        .unwrap();
    assert_eq!(everybody(&hub).await, before);
    let done = import(&hub, text);
    assert_eq!(counts(&told), [1, 1, 0, 1]);
    assert_eq!((counts(&told), &told.refused), (counts(&done), &done.refused));
    let fields = |one: &ImportedMembers| {
        one.changes
            .iter()
            .map(|change| change.fields.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(fields(&told), fields(&done));
    assert_eq!((told.changes[1].thing, told.changes[1].added), (None, true));
    assert!(done.changes[1].thing.is_some());
    assert_eq!(told.columns.len(), 3);
}

#[tokio::test]
async fn a_line_that_may_mean_somebody_else_is_refused() {
    let hub = hub().await;
    import(
        &hub,
        "number,name,mail\n17,Ada,ada@a.example\n,Twin,t@a.example\n,Same,\n",
    );
    for (text, words) in [
        (
            "number,name,mail\n17,Zoe,zoe@z.example\n",
            "has another name, and not the same mail",
        ),
        ("number,name\n17,Zoe\n", "has another name, and not the same mail"),
        (
            "name,mail\nTwin,t@a.example\nTwin,t@a.example\n",
            "line 2 has the same name",
        ),
        ("name\nSame\nSame\n", "line 2 has the same name"),
        ("id,name,mail\n40,,x@a.example\n", "no name"),
        (
            "id,number,name\n50,17,Ada\n51,17,Ada\n",
            "another line of the file means the same record",
        ),
    ] {
        let told = import(&hub, text);
        assert_eq!(told.refused_count, 1, "{text}");
        assert!(
            told.refused[0].reason.contains(words),
            "{text}: {}",
            told.refused[0].reason
        );
    }
    assert_eq!(everybody(&hub).await.len(), 3);
    // A couple with one mail address are two, whichever stands first.
    let couple = import(&hub, "name,mail\nBob,ada@a.example\nAda,ada@a.example\n");
    assert_eq!(counts(&couple), [1, 0, 1, 0]);
    // With the number and one of the two it is the same person.
    assert_eq!(
        counts(&import(&hub, "number,name,mail\n17,Ada Lovelace,ada@a.example\n")),
        [0, 1, 0, 0]
    );
    // Of two that have the same name and nothing else in common the operator hears.
    let namesake = import(&hub, "number,name\n99,Twin\n");
    assert_eq!(counts(&namesake), [1, 0, 0, 0]);
    assert!(namesake.notices[0].text.contains("of this name is there already"));
}

#[tokio::test]
async fn what_this_hub_exported_is_known_again() {
    let hub = hub().await;
    import(&hub, "name,skills\nAda,etching\nBo,\n");
    for format in [MemberFormat::Csv, MemberFormat::Vcard, MemberFormat::Jscontact] {
        let exported = hub.export_members(format, Audience::Private, None).await.unwrap();
        assert_eq!(exported.left_out, []);
        assert_eq!(counts(&import(&hub, &exported.text)), [0, 0, 2, 0], "{format:?}");
        let later = exported.text.replace("etching", "engraving");
        assert_eq!(counts(&import(&hub, &later)), [0, 1, 1, 0], "{format:?}");
        let back = exported.text;
        assert_eq!(counts(&import(&hub, &back)), [0, 1, 1, 0], "{format:?}");
    }
    // The other program is known by its own ids all the same.
    assert_eq!(counts(&import(&hub, "id,name,skills\n9,Cy,\n")), [1, 0, 0, 0]);
    let exported = hub
        .export_members(MemberFormat::Csv, Audience::Private, None)
        .await
        .unwrap();
    import(&hub, &exported.text);
    assert_eq!(counts(&import(&hub, "id,name,skills\n9,Cy,\n")), [0, 0, 1, 0]);
    assert_eq!(everybody(&hub).await.len(), 3);
}

#[tokio::test]
async fn an_export_has_what_its_audience_may_see() {
    let hub = hub().await;
    import(
        &hub,
        "id,name,mail,skills,links\n1,Ada,a@a.example,etching,https://ada.example\n2,Bo,b@a.example,,\n",
    );
    let everything = hub
        .export_members(MemberFormat::Json, Audience::Private, None)
        .await
        .unwrap();
    assert!(everything.text.contains("a@a.example") && everything.text.contains("b@a.example"));
    let ada = named(&hub, "Ada").await.thing.to_string();
    let one = hub
        .export_members(MemberFormat::Json, Audience::Private, Some(ada.clone()))
        .await
        .unwrap();
    assert!(one.text.contains("a@a.example") && !one.text.contains("b@a.example"));
    for format in MemberFormat::ALL {
        let public = hub.export_members(format, Audience::Public, None).await.unwrap();
        assert_eq!(public.left_out.len(), 2, "{format:?}");
        assert!(!public.text.contains("Ada"), "{format:?}: {}", public.text);
    }
    let agreed = MemberFields {
        audiences: [Field::Name, Field::Skills, Field::Links]
            .map(|field| (field, Audience::Public))
            .into(),
        consent: Some(NewConsent {
            text_version: "1".into(),
            channel: "paper".into(),
        }),
        ..MemberFields::default()
    };
    hub.edit_member(ada, agreed, "desk".into()).await.unwrap();
    let public = hub
        .export_members(MemberFormat::Murmurations, Audience::Private, None)
        .await
        .unwrap();
    assert!(
        public.text.contains("people_schema") && public.text.contains("etching"),
        "{}",
        public.text
    );
    assert!(!public.text.contains("a@a.example"));
    assert_eq!(public.left_out.len(), 1);
    let gone = Said {
        status: Some(Status::MovedOn),
        ..Said::default()
    };
    let ada = named(&hub, "Ada").await.thing.to_string();
    hub.edit_member(ada, says(gone), "desk".into()).await.unwrap();
    for format in MemberFormat::ALL {
        let public = hub.export_members(format, Audience::Public, None).await.unwrap();
        assert!(
            !public.text.contains("Ada"),
            "{format:?}: who moved on is shown to nobody"
        );
    }
    let unknown = hub
        .export_members(MemberFormat::Csv, Audience::Private, Some("0".repeat(32)))
        .await;
    assert_eq!(unknown.unwrap_err().class, crate::command::Class::NotFound);
}

#[tokio::test]
async fn files_that_are_no_members_are_refused_whole() {
    let hub = hub().await;
    for (bytes, words) in [
        (&b""[..], "empty file"),
        (b"BEGIN:VCALENDAR\n", "interhub event import"),
        (b"x,y\n1,2\n", "--map COLUMN=FIELD"),
        (b"{\"a\": ", "not JSON"),
    ] {
        let refused = hub
            .import_members("f", bytes, &MemberImport::default(), &mut |_, _| {})
            .unwrap_err();
        assert!(refused.message.contains(words), "{}", refused.message);
    }
    let mapped = MemberImport {
        map: vec![("x".into(), Column::Name), ("z".into(), Column::Mail)],
        ..MemberImport::default()
    };
    let refused = hub
        .import_members("f", b"x,y\n1,2\n", &mapped, &mut |_, _| {})
        .unwrap_err();
    assert!(refused.message.contains("there is no column z"), "{}", refused.message);
    assert_eq!(everybody(&hub).await, []);
}

#[tokio::test]
async fn what_a_file_said_goes_with_the_record() {
    let hub = hub().await;
    import(&hub, "id,name\n17,Ada\n");
    let ada = named(&hub, "Ada").await.thing;
    assert!(hub.ledger.original(ada).unwrap().is_some());
    hub.erase_member(ada.to_string()).await.unwrap();
    assert_eq!(hub.ledger.original(ada).unwrap(), None);
    // Their own program may still have them: they come back as a record that nobody else sees.
    assert_eq!(counts(&import(&hub, "id,name\n17,Ada\n")), [1, 0, 0, 0]);
    assert!(!named(&hub, "Ada").await.has_card);
}

#[tokio::test]
async fn a_picture_that_is_none_is_left_out_and_the_member_taken() {
    let hub = hub().await;
    let card =
        "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:u1\r\nFN:Ada\r\nPHOTO:data:image/png;base64,AQIDBA==\r\nEND:VCARD\r\n";
    let told = import(&hub, card);
    assert_eq!(counts(&told), [1, 0, 0, 0]);
    assert!(told.notices[0].text.contains("not a picture"), "{:?}", told.notices);
    assert_eq!(named(&hub, "Ada").await.member.photo, Vec::<u8>::new());
    assert_eq!(counts(&import(&hub, card)), [0, 0, 1, 0]);
}

#[tokio::test]
async fn who_moved_on_is_erased_after_the_time_the_hub_sets() {
    let (hub, clock) = birmingham(&Tasks::new(Blocking::Inline), NOW_MS);
    hub.create_network("Test".into()).await.unwrap();
    let file = "id,name,status\n1,Ada,moved_on\n2,Bo,active\n3,Cy,moved_on\n";
    import(&hub, &file.replace("moved_on", "active"));
    assert_eq!(counts(&import(&hub, file)), [0, 2, 1, 0]);
    let day_ms = 86_400_000;
    clock.advance_ms(29 * day_ms);
    let cy = named(&hub, "Cy").await.thing.to_string();
    let said = Said {
        headline: Some("Still asks for an invoice".into()),
        ..Said::default()
    };
    hub.edit_member(cy, says(said), "desk".into()).await.unwrap();
    assert_eq!(hub.erase_who_moved_on(30).await.unwrap(), 0);
    clock.advance_ms(day_ms + 10);
    assert_eq!(hub.erase_who_moved_on(0).await.unwrap(), 0, "never");
    assert_eq!(hub.erase_who_moved_on(30).await.unwrap(), 1);
    let names: Vec<_> = everybody(&hub).await.into_iter().map(|one| one.member.name).collect();
    assert_eq!(names, ["Bo", "Cy"]);
    // The other program still has them; the next import makes no new record.
    let again = import(&hub, file);
    assert_eq!(counts(&again), [0, 0, 3, 0]);
    assert!(again.notices[0].text.contains("moved on"));
}
