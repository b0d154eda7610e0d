#![allow(clippy::unwrap_used, reason = "tests")]

use super::event::{AddArgs, ExportFormat, FieldArgs, ImportArgs, ListArgs};
use super::value::LatLon;
use super::*;

fn read(line: &[&str]) -> Result<Cli, clap::Error> {
    parse(std::iter::once("interhub").chain(line.iter().copied()))
}

fn ok(line: &[&str]) -> Cli {
    read(line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
}

fn event(cli: Cli) -> EventCommand {
    let TopCommand::Event(command) = cli.command else {
        panic!("not about events")
    };
    *command
}

#[test]
fn clap_finds_nothing_wrong_with_it() {
    command().debug_assert();
}

#[test]
fn every_command_of_the_interface_is_understood() {
    let id = "ab".repeat(16);
    for line in [
        vec!["network", "create", "Impact Hubs"],
        vec!["network", "show"],
        vec!["invite"],
        vec!["invite", "--expires", "7d", "--qr", "invite.png"],
        vec!["join", "https://hub.example/join#abc"],
        vec!["hub", "list"],
        vec!["hub", "show", "vienna"],
        vec!["hub", "leave"],
        vec!["key", "show"],
        vec!["key", "rotate"],
        vec!["key", "recover", "--lost"],
        vec!["key", "recover", "--planned", "--new-recovery-key"],
        vec!["key", "recover", "--stolen", "--since", "2026-11-20T10:00:00Z"],
        vec!["hub", "vote", "vienna"],
        vec!["hub", "remove", "vienna", "--reason", "gone"],
        vec!["hub", "readmit", "vienna"],
        vec!["hub", "rekey", "vienna", "--keys", "IHN1-AAAA"],
        vec!["hub", "block", "vienna"],
        vec!["hub", "unblock", "vienna"],
        vec!["network", "decisions"],
        vec!["network", "vote", &id],
        vec!["network", "vote", &id, "--withdraw"],
        vec!["network", "adopt", &id],
        vec!["network", "object", &id],
        vec!["network", "rules", "--guests-per-voter", "20"],
        vec!["event", "import", "a.ics", "b.ics", "-", "--dry-run"],
        vec![
            "event",
            "add",
            "--title",
            "T",
            "--start",
            "2027-03-04T18:30",
            "--duration",
            "2h",
        ],
        vec!["event", "edit", &id, "--title", "U"],
        vec!["event", "edit", &id, "--start", "2027-03-05", "--publish"],
        vec!["event", "cancel", &id],
        vec!["event", "cancel", &id, "--occurrence", "2027-03-04T18:30:00"],
        vec!["event", "show", &id],
        vec!["event", "list"],
        vec!["event", "export"],
        vec!["event", "export", "--format", "csv"],
        vec!["status"],
        vec!["peers"],
        vec!["watch", "--from", "token"],
        vec!["event", "reinstate", &id],
        vec!["event", "undo", &id],
        vec!["event", "edit", &id, "--occurrence", "2027-03-04", "--title", "U"],
        vec!["event", "add-date", &id, "2027-03-04T18:30"],
        vec![
            "event",
            "move",
            &id,
            "--occurrence",
            "2027-03-04T18:30",
            "--start",
            "2027-03-05T18:30",
            "--duration",
            "2h",
        ],
        vec!["webhook", "create", "https://a.example/x", "--label", "Tool"],
        vec!["webhook", "list"],
        vec![
            "member",
            "add",
            "--name",
            "Ada",
            "--skills",
            "a,b",
            "--offer",
            "lend:a press",
            "--audience",
            "name=network",
        ],
        vec!["member", "edit", &id, "--consent", "2026-11", "--channel", "paper"],
        vec!["member", "edit", &id, "--withdraw-consent"],
        vec!["member", "show", &id],
        vec!["member", "list", "--hub", "vienna", "--skill", "print"],
        vec!["member", "erase", &id, "--yes"],
        vec!["member", "receipts", &id, "--report", "report.json"],
        vec!["member", "invite"],
        vec!["member", "link", &id, "--expires", "12h", "--mail", "--qr", "link.svg"],
        vec!["webhook", "test", "0102030405060708"],
        vec!["webhook", "delete", "0102030405060708"],
        vec!["counter", "define", "coffee", "--name", "Coffee", "--unit", "kg"],
        vec!["counter", "list"],
        vec![
            "counter",
            "add",
            "coffee",
            "12.5",
            "--on",
            "2026-03-01",
            "--note",
            "beans",
        ],
        vec!["counter", "add", "coffee", "-0.5"],
        vec!["counter", "entries", "coffee", "--year", "2026"],
        vec!["counter", "remove", "coffee", "0102030405060708"],
        vec!["counter", "delete", "coffee"],
        vec!["completions", "bash"],
        vec!["man", "man1"],
    ] {
        let mut with_flags = vec!["--data", "dir"];
        with_flags.extend(&line);
        with_flags.extend(["--json", "--quiet"]);
        let cli = ok(&with_flags);
        assert!(cli.global.json && cli.global.quiet, "{line:?}");
        assert_eq!(cli.global.data.as_deref(), Some(std::path::Path::new("dir")));
    }
}

#[test]
fn add_takes_every_field() {
    let cli = ok(&[
        "event",
        "add",
        "--title",
        "Repair café",
        "--start",
        "2027-03-04T18:30",
        "--end",
        "2027-03-04T20:00",
        "--timezone",
        "Europe/London",
        "--location",
        "Main hall",
        "--at",
        "-33.9,18.4",
        "--description",
        "Bring it",
        "--tag",
        "repair",
        "--tag",
        "free",
        "--rrule",
        "FREQ=WEEKLY",
        "--url",
        "https://hub.example/r",
        "--online-url",
        "https://meet.example/r",
        "--lang",
        "en",
        "--draft",
    ]);
    let EventCommand::Add(AddArgs { title, start, fields }) = event(cli) else {
        panic!()
    };
    assert_eq!((title.as_str(), start.as_str()), ("Repair café", "2027-03-04T18:30:00"));
    let expected = FieldArgs {
        description: Some("Bring it".into()),
        end: Some("2027-03-04T20:00:00".into()),
        timezone: Some("Europe/London".into()),
        location: Some("Main hall".into()),
        at: Some(LatLon { lat: -33.9, lon: 18.4 }),
        tags: vec!["repair".into(), "free".into()],
        rrule: Some("FREQ=WEEKLY".into()),
        url: Some("https://hub.example/r".into()),
        online_url: Some("https://meet.example/r".into()),
        language: Some("en".into()),
        draft: true,
        ..FieldArgs::default()
    };
    assert_eq!(fields, expected);
}

#[test]
fn list_takes_every_filter() {
    let cli = ok(&[
        "event",
        "list",
        "--from",
        "2027-03-01",
        "--to",
        "2027-04-01T00:00:00Z",
        "--hub",
        "vienna",
        "--tag",
        "free",
        "--near",
        "48.2,16.4",
        "--within",
        "5",
        "--text",
        "repair",
        "--lang",
        "de",
        "--online",
        "--limit",
        "10",
        "--cursor",
        "c",
    ]);
    let address = cli.global.hub.clone();
    let EventCommand::List(list) = event(cli) else { panic!() };
    let expected = ListArgs {
        from: Some("2027-03-01".into()),
        to: Some("2027-04-01T00:00:00Z".into()),
        hub: vec!["vienna".into()],
        tag: Some("free".into()),
        near: Some(LatLon { lat: 48.2, lon: 16.4 }),
        within: Some(5.0),
        text: Some("repair".into()),
        language: Some("de".into()),
        online: true,
        drafts: false,
        hidden: false,
        limit: 10,
        cursor: Some("c".into()),
    };
    assert_eq!(list, expected);
    assert_eq!(address, None);
}

#[test]
fn hub_is_an_address_or_a_slug() {
    let url = "https://hub.example";
    assert_eq!(ok(&["--hub", url, "status"]).global.hub.as_deref(), Some(url));
    assert_eq!(ok(&["status", "--hub", url]).global.hub.as_deref(), Some(url));
    assert_eq!(
        ok(&["hub", "list", "--hub", url, "--token", "t"])
            .global
            .token
            .as_deref(),
        Some("t")
    );
    let cli = ok(&["--hub", url, "event", "list", "--hub", "vienna"]);
    assert_eq!(cli.global.hub.as_deref(), Some(url));
    let EventCommand::List(list) = event(cli) else { panic!() };
    assert_eq!(list.slug(), Some("vienna"));
    let cli = ok(&["event", "list", "--hub", "vienna", "--hub", url]);
    assert_eq!(cli.global.hub.as_deref(), Some(url));
    let EventCommand::List(list) = event(cli) else { panic!() };
    assert_eq!(list.slug(), Some("vienna"));
}

#[test]
fn wrong_usage_is_one_line() {
    let id = "ab".repeat(16);
    for (line, expected) in [
        (vec!["event", "add", "--title", "T", "--start", "2027-03-04"], "--end"),
        (
            vec!["event", "add", "--title", "T", "--start", "noon", "--duration", "2h"],
            "noon",
        ),
        (
            vec!["event", "add", "--start", "2027-03-04", "--duration", "2h"],
            "--title",
        ),
        (
            vec![
                "event",
                "add",
                "--title",
                "T",
                "--start",
                "2027-03-04",
                "--duration",
                "1d",
                "--end",
                "2027-03-05",
            ],
            "cannot be used",
        ),
        (vec!["event", "edit", &id, "--draft", "--publish"], "cannot be used"),
        (vec!["event", "list", "--within", "5"], "--near"),
        (vec!["event", "list", "--limit", "0"], "1..=1000"),
        (vec!["event", "list", "--near", "north"], "LAT,LON"),
        (vec!["event", "import"], "FILE"),
        (vec!["event", "show", "1"], "event list"),
        (vec!["event", "export", "--format", "pdf"], "pdf"),
        (vec!["invite", "--expires", "soon"], "7d"),
        (vec!["frobnicate"], "frobnicate"),
    ] {
        let error = read(&line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line:?}");
        let text = one_line(&error);
        assert!(text.contains(expected) && !text.contains('\n'), "{line:?}: {text}");
    }
}

#[test]
fn import_and_export() {
    let cli = ok(&["event", "import", "-", "x.ics"]);
    let files = vec!["-".to_owned(), "x.ics".to_owned()];
    assert_eq!(
        event(cli),
        EventCommand::Import(ImportArgs {
            files,
            dry_run: false,
            take_erased: false
        })
    );
    let cli = ok(&["event", "export", "--format", "json"]);
    assert_eq!(
        event(cli),
        EventCommand::Export {
            format: Some(ExportFormat::Json)
        }
    );
}

#[test]
fn erasing_and_hiding() {
    let id = "ab".repeat(16);
    assert_eq!(
        event(ok(&["event", "erase", &id])),
        EventCommand::Erase { id: id.clone() }
    );
    let EventCommand::Hide(hide) = event(ok(&["event", "hide", &id, "--reason", "spam"])) else {
        panic!()
    };
    assert_eq!((hide.id.as_str(), hide.reason.as_str()), (id.as_str(), "spam"));
    let EventCommand::Unhide(unhide) = event(ok(&["event", "unhide", &id])) else {
        panic!()
    };
    assert_eq!(unhide.reason, None);
    for wrong in [
        vec!["event", "hide", &id],
        vec!["event", "erase", "nonsense"],
        vec!["event", "list", "--hidden", "--tag", "x"],
    ] {
        assert!(
            parse(std::iter::once("interhub").chain(wrong.iter().copied())).is_err(),
            "{wrong:?}"
        );
    }
}
