#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::args::{self, TopCommand};

fn parsed(line: &[&str]) -> EventCommand {
    let line = ["interhub", "event"].into_iter().chain(line.iter().copied());
    let TopCommand::Event(command) = args::parse(line).unwrap().command else {
        panic!()
    };
    *command
}

fn added(line: &[&str]) -> Result<v1::EventFields, ClientError> {
    let line: Vec<&str> = ["add", "--title", "T"]
        .into_iter()
        .chain(line.iter().copied())
        .collect();
    let EventCommand::Add(args) = parsed(&line) else {
        panic!()
    };
    add_fields(args)
}

fn edited(line: &[&str]) -> Result<v1::EventFields, ClientError> {
    let id = "ab".repeat(16);
    let line: Vec<&str> = ["edit", &id].into_iter().chain(line.iter().copied()).collect();
    let EventCommand::Edit(args) = parsed(&line) else {
        panic!()
    };
    edit_fields(args)
}

#[test]
fn a_new_event_has_what_was_typed() {
    let fields = added(&[
        "--start",
        "2027-03-04T18:30",
        "--duration",
        "2h",
        "--tag",
        "a",
        "--at",
        "1,2",
    ])
    .unwrap();
    assert_eq!(fields.title.as_deref(), Some("T"));
    assert_eq!(fields.start.as_deref(), Some("2027-03-04T18:30:00"));
    assert_eq!(fields.ending, Some(v1::event_fields::Ending::DurationSeconds(7_200)));
    assert_eq!(fields.tags, Some(v1::TagList { tags: vec!["a".into()] }));
    assert_eq!(fields.at, Some(v1::Point { lat: 1.0, lon: 2.0 }));
    assert_eq!(fields.draft, None);
}

#[test]
fn details_are_gathered_by_language() {
    let fields = edited(&[
        "--translate",
        "de=Tag der offenen Tür",
        "--translate-summary",
        "de=",
        "--translate",
        "nl=Open dag",
        "--feature",
        "childcare,dogs",
        "--no-feature",
        "captions",
        "--capacity",
        "none",
        "--image",
        "",
    ])
    .unwrap();
    let expected = v1::EventFields {
        translations: vec![
            v1::TranslationFields {
                language: "de".into(),
                title: Some("Tag der offenen Tür".into()),
                summary: Some(String::new()),
            },
            v1::TranslationFields {
                language: "nl".into(),
                title: Some("Open dag".into()),
                summary: None,
            },
        ],
        add_features: vec!["childcare".into(), "dogs".into()],
        remove_features: vec!["captions".into()],
        capacity: Some(0),
        image_url: Some(String::new()),
        ..v1::EventFields::default()
    };
    assert_eq!(fields, expected);
}

#[test]
fn an_edit_has_only_what_was_typed() {
    let fields = edited(&["--location", ""]).unwrap();
    assert_eq!(
        fields,
        v1::EventFields {
            location: Some(String::new()),
            ..v1::EventFields::default()
        }
    );
    let fields = edited(&["--tag", ""]).unwrap();
    assert_eq!(fields.tags, Some(v1::TagList { tags: Vec::new() }));
    let audience = |flags: &[&str]| {
        let fields = edited(flags).unwrap();
        (fields.audience(), fields.with)
    };
    assert_eq!(audience(&["--publish"]), (v1::Audience::Public, Vec::new()));
    assert_eq!(audience(&["--draft"]), (v1::Audience::Local, Vec::new()));
    assert_eq!(
        audience(&["--audience", "network"]),
        (v1::Audience::Network, Vec::new())
    );
    assert_eq!(audience(&["--title", "x"]), (v1::Audience::Unspecified, Vec::new()));
    let both = vec!["vienna".to_owned(), "amsterdam".to_owned()];
    assert_eq!(
        audience(&["--with", "vienna,amsterdam"]),
        (v1::Audience::Group, both.clone())
    );
    assert_eq!(
        audience(&["--with", "vienna", "--with", "amsterdam"]),
        (v1::Audience::Group, both)
    );
    assert_eq!(edited(&[]).unwrap_err().exit_code(), 2);
}

#[test]
fn times_that_contradict_each_other_are_wrong_usage() {
    for line in [
        ["--start", "2027-03-04", "--end", "2027-03-04T18:30"],
        ["--start", "2027-03-04T18:30", "--end", "2027-03-05"],
        ["--start", "2027-03-04T18:30", "--end", "2027-03-04T18:00"],
        ["--start", "2027-03-04", "--duration", "2h"],
    ] {
        assert_eq!(added(&line).unwrap_err().exit_code(), 2, "{line:?}");
    }
    assert!(added(&["--start", "2027-03-04", "--duration", "2d"]).is_ok());
    assert!(
        added(&["--start", "2027-03-04", "--end", "2027-03-04"]).is_ok(),
        "one whole day"
    );
    assert!(added(&["--start", "2027-03-04T18:30", "--end", "2027-03-04T18:30"]).is_ok());
}

fn event(title: &str) -> EventDocument {
    EventDocument::from(v1::Event {
        id: "ab".repeat(4),
        title: title.into(),
        hub: "vienna".into(),
        start: "2027-03-04T18:30:00".into(),
        end: "2027-03-04T20:30:00".into(),
        timezone: "Europe/Vienna".into(),
        status: v1::EventStatus::Cancelled.into(),
        location: Some(v1::Location {
            name: "Saal".into(),
            lat: Some(48.2),
            lon: Some(16.4),
        }),
        description: "One\nTwo\u{1b}[0m".into(),
        ..v1::Event::default()
    })
}

#[test]
fn a_list_is_a_table() {
    let text = list_text(&ListDocument {
        events: vec![event("Repair café")],
        next: None,
    });
    let expected = "\
WHEN                         ZONE           TITLE        HUB     WHERE  STATUS     ID
Thu 2027-03-04 18:30–20:30  Europe/Vienna  Repair café  vienna  Saal   cancelled  abababab
";
    let squeezed = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(squeezed(&text), squeezed(expected));
}

#[test]
fn one_event_is_shown_whole() {
    let text = event_text(&event("Repair café"));
    assert!(text.contains("Thu 2027-03-04 18:30–20:30 Europe/Vienna"), "{text}");
    assert!(text.contains("Saal · 48.2,16.4"), "{text}");
    assert!(text.ends_with("\nOne\nTwo [0m\n"), "{text}");
}
