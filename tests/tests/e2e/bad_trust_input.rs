//! Bad input to every command about who belongs, who hosts and who may see: one clear line, the promised exit code, and
//! afterwards everything is as it was.

use interhub_tests::cluster::{Cluster, agree};
use interhub_tests::hub::{Hub, SOON, run, text, wait_until};
use serde_json::{Value, json};

/// One command line, the exit code, and words of the one line on standard error.
pub(super) type Row<'a> = (&'a [&'a str], i32, &'a str);

const UNKNOWN_EVENT: &str = "0123456789abcdef0123456789abcdef";
const UNKNOWN_DECISION: &str = "ffffffff";

/// All that a hub shows which no refused command may change.
fn everything(hub: &Hub) -> Value {
    let status = hub.json(&["status"]);
    let fields = [
        "network",
        "documents",
        "events",
        "shared_digest",
        "projections_digest",
        "epoch",
        "waiting",
        "refused",
        "void",
        "votes_open",
        "breaches",
        "key_replaced",
    ];
    let status: Vec<&Value> = fields.iter().map(|field| &status[*field]).collect();
    let hubs = hub.json(&["hub", "list"]);
    let belongs = |hub: &Value| {
        let fields = ["slug", "id", "status", "voter", "guest_of", "blocked", "explanation"];
        fields.map(|field| hub[field].clone())
    };
    let hubs: Vec<_> = hubs["hubs"].as_array().unwrap().iter().map(belongs).collect();
    let asked = |arguments: &[&str]| {
        let ran = hub.cli(&[&["--json"], arguments].concat());
        (ran.code == 0).then(|| ran.json())
    };
    json!({
        "status": status,
        "hubs": hubs,
        "decisions": asked(&["network", "decisions"]),
        "network": asked(&["network", "show"]),
        "keys": asked(&["key", "show"]),
        "events": all_events(hub),
        "hidden": asked(&["event", "list", "--hidden"]),
        "invitations": asked(&["event", "invitations"]),
        "conflicts": asked(&["event", "conflicts"]),
    })
}

/// Every event, drafts included, without what only time changes.
fn all_events(hub: &Hub) -> Value {
    let list = |more: &[&str]| {
        let arguments = [&["event", "list", "--from", "2020-01-01", "--to", "2030-01-01"], more].concat();
        let mut events = hub.json(&arguments)["events"].clone();
        for event in events.as_array_mut().unwrap() {
            event["as_of"].take();
        }
        events
    };
    json!([list(&[]), list(&["--drafts"])])
}

/// Every one of these commands is refused as it should be, and changes nothing here.
#[track_caller]
pub(super) fn refuses(hub: &Hub, rows: &[Row<'_>]) {
    let before = everything(hub);
    for (command, code, words) in rows {
        let ran = hub.cli(command);
        assert_eq!(ran.out, "", "{command:?} says what it did: {ran:?}");
        ran.fails(*code, words);
        let digests = hub.json(&["status"]);
        let known = &before["status"];
        assert_eq!(digests["shared_digest"], known[3], "{command:?} did something");
        assert_eq!(digests["projections_digest"], known[4], "{command:?} did something");
    }
    assert_eq!(everything(hub), before, "{} after {rows:?}", hub.slug);
}

fn show(hub: &Hub, slug: &str, field: &str) -> Value {
    hub.json(&["hub", "show", slug])[field].clone()
}

fn wait_for(hub: &Hub, slug: &str, field: &str, wanted: &Value) {
    wait_until(&format!("{field} of {slug} at {}", hub.slug), SOON, || {
        let is = show(hub, slug, field);
        if is == *wanted { Ok(()) } else { Err(is.to_string()) }
    });
}

#[test]
fn a_hub_without_a_network_can_do_nothing_about_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut hub = Hub::init(folder.path(), "lisbon", "Europe/Lisbon");
    hub.start();
    let no_folder = folder
        .path()
        .join("nowhere")
        .join("code.png")
        .to_string_lossy()
        .into_owned();
    let paper = folder.path().join("paper");
    std::fs::write(&paper, &hub.recovery_key).unwrap();
    let paper = paper.to_string_lossy().into_owned();
    let none = "network create";
    refuses(
        &hub,
        &[
            (&["network", "show"], 1, none),
            (&["network", "decisions"], 1, none),
            (&["network", "vote", UNKNOWN_DECISION], 1, none),
            (&["network", "adopt", UNKNOWN_DECISION], 1, none),
            (&["network", "rules", "--guests-per-voter", "5"], 1, none),
            (&["network", "create", ""], 2, "name"),
            (&["network", "create", " "], 2, "name"),
            (&["network", "create", &"x".repeat(81)], 2, "80"),
            (&["network", "create", "two\nlines"], 2, "line"),
            (&["network", "create"], 2, "name"),
            (&["invite"], 1, none),
            (&["invite", "--qr", &no_folder], 3, "no such folder"),
            (&["join", "https://example.org"], 2, "interhub:join/"),
            (&["join", ""], 2, "interhub:join/"),
            (
                &["join", &format!("interhub:join/{}", "A".repeat(3_000))],
                2,
                "interhub:join/",
            ),
            (&["join"], 2, "link"),
            (&["hub", "vote", "vienna"], 1, none),
            (&["hub", "remove", "vienna", "--reason", "x"], 1, none),
            (&["hub", "readmit", "vienna"], 1, none),
            (&["hub", "block", "vienna"], 1, none),
            (&["hub", "unblock", "vienna"], 1, none),
            (&["hub", "show", "vienna"], 3, "hub list"),
            (&["hub", "leave"], 1, none),
            (&["key", "show"], 1, none),
            (&["key", "rotate"], 1, none),
            (&["key", "recover", "--lost", "--recovery-key-file", &paper], 1, none),
            (&["event", "cohost", UNKNOWN_EVENT, "vienna"], 3, "no event"),
            (&["event", "accept", UNKNOWN_EVENT], 3, "no event"),
            (
                &[
                    "event",
                    "add",
                    "--title",
                    "x",
                    "--start",
                    "2027-04-01",
                    "--duration",
                    "1d",
                ],
                1,
                none,
            ),
        ],
    );
}

/// Whatever a guest, a voter and a founder may not do, cannot mean, or have done already.
#[test]
fn who_belongs_is_not_changed_by_what_is_refused() {
    let cluster = Cluster::new(&["birmingham", "amsterdam", "vienna"]);
    let [birmingham, amsterdam, vienna] = &cluster.hubs[..] else {
        panic!("three hubs")
    };
    refuses(birmingham, &[(&["hub", "leave"], 1, "only hub that votes")]);
    birmingham.json(&["hub", "vote", "amsterdam"]);
    wait_for(amsterdam, "amsterdam", "voter", &true.into());
    wait_for(vienna, "amsterdam", "voter", &true.into());
    let seat = text(&birmingham.json(&["network", "decisions"])["decisions"][0], "id");
    let removal = text(
        &amsterdam.json(&["hub", "remove", "vienna", "--reason", "it sends adverts"]),
        "decision",
    );
    let rules = text(&amsterdam.json(&["network", "rules", "--guests-per-voter", "5"]), "id");
    for hub in [birmingham, vienna] {
        wait_until("the proposals", SOON, || {
            let decisions = hub.json(&["network", "decisions"]);
            let there = |id: &str| decisions.to_string().contains(id);
            if there(&removal) && there(&rules) {
                Ok(())
            } else {
                Err(decisions.to_string())
            }
        });
    }
    agree(&[birmingham, amsterdam, vienna]);
    let long = "x".repeat(501);
    let both = |hub: &Hub| {
        refuses(
            hub,
            &[
                (&["network", "create", "Again"], 1, "already"),
                (&["network", "vote", UNKNOWN_DECISION], 3, "network decisions"),
                (&["network", "vote", "x"], 2, "eight digits"),
                (&["network", "vote", ""], 2, "eight digits"),
                (&["network", "vote"], 2, "id"),
                (&["network", "vote", &seat], 1, "in force"),
                (&["network", "vote", &seat, "--withdraw"], 1, "in force"),
                (&["network", "adopt", UNKNOWN_DECISION], 3, "network decisions"),
                (&["network", "adopt", "x"], 2, "eight digits"),
                (&["network", "adopt", &seat], 1, "in force"),
                (&["network", "adopt", &removal], 1, "vote for it"),
                (&["network", "rules", "--guests-per-voter", "0"], 2, "1 to 1,000"),
                (&["network", "rules", "--guests-per-voter", "1001"], 2, "1 to 1,000"),
                (&["network", "rules", "--guests-per-voter", "many"], 2, "many"),
                (&["network", "rules", "--guests-per-voter", "10"], 1, "already"),
                (&["network", "rules"], 2, "guests-per-voter"),
                (&["invite", "--expires", "0s"], 2, "length of time"),
                (&["invite", "--expires", "91d"], 2, "90 days"),
                (&["invite", "--expires", "soon"], 2, "length of time"),
                (&["invite", "--qr", "code.txt"], 2, ".png"),
                (&["invite", "--qr", "/nonexistent/code.png"], 3, "/nonexistent"),
                (&["hub", "show", "nowhere"], 3, "hub list"),
                (&["hub", "vote", "nowhere"], 3, "hub list"),
                (&["hub", "vote", "birmingham"], 1, "votes already"),
                (&["hub", "vote", "amsterdam"], 1, "votes already"),
                (&["hub", "remove", &hub.slug, "--reason", "x"], 4, "hub leave"),
                (&["hub", "remove", "nowhere", "--reason", "x"], 3, "hub list"),
                (&["hub", "remove", "vienna", "--reason", " "], 2, "reason"),
                (&["hub", "remove", "vienna", "--reason", "two\nlines"], 2, "one line"),
                (&["hub", "remove", "vienna", "--reason", &long], 2, "500"),
                (&["hub", "remove", "vienna"], 2, "--reason"),
                (&["hub", "readmit", "nowhere"], 3, "hub list"),
                (&["hub", "readmit", "vienna"], 1, "active"),
                (&["hub", "readmit", &hub.slug], 1, "active"),
                (&["hub", "block", "nowhere"], 3, "hub list"),
                (&["hub", "unblock", "nowhere"], 3, "hub list"),
                (&["hub", "block", &hub.slug], 4, "itself"),
                (&["hub", "unblock", &hub.slug], 4, "itself"),
                (&["status", "again"], 2, "again"),
                (&["peers", "--with", "vienna"], 2, "--with"),
            ],
        );
    };
    both(birmingham);
    both(amsterdam);
    refuses(
        birmingham,
        &[(&["network", "vote", &removal, "--withdraw"], 1, "nothing to withdraw")],
    );
    refuses(
        amsterdam,
        &[
            (&["network", "vote", &removal], 1, "voted for it already"),
            (&["network", "vote", &rules], 1, "voted for it already"),
            (&["hub", "remove", "birmingham", "--reason", "x"], 4, "founder"),
        ],
    );
    let none = "no vote";
    refuses(
        vienna,
        &[
            (&["network", "vote", &removal], 4, none),
            (&["network", "vote", &removal, "--withdraw"], 4, none),
            (&["network", "adopt", &removal], 4, none),
            (&["network", "rules", "--guests-per-voter", "5"], 4, none),
            (&["invite"], 4, "voting hub"),
            (&["hub", "vote", "vienna"], 4, none),
            (&["hub", "remove", "amsterdam", "--reason", "x"], 4, none),
            (&["hub", "remove", "vienna", "--reason", "x"], 4, none),
            (&["hub", "readmit", "amsterdam"], 4, none),
        ],
    );
    // What was asked for twice is there once, and what is done already is done.
    let twice = amsterdam.json(&["hub", "remove", "vienna", "--reason", "again"]);
    assert_eq!(text(&twice, "decision"), removal);
    let before = everything(birmingham);
    birmingham.json(&["hub", "unblock", "vienna"]);
    assert_eq!(everything(birmingham), before, "it was not blocked");
    joins_once(&cluster, vienna, birmingham);
}

/// A hub in the network uses up no invitation; one that left does not leave again.
fn joins_once(cluster: &Cluster, vienna: &Hub, birmingham: &Hub) {
    let link = text(&birmingham.json(&["invite"]), "link");
    let mut altered = link.clone();
    altered.truncate(link.len() - 1);
    let rows: [Row<'_>; 2] = [
        (&["join", &link], 1, "already"),
        (&["join", &altered], 2, "copy it again"),
    ];
    refuses(vienna, &rows);
    refuses(birmingham, &rows);
    let mut lisbon = Hub::init(cluster.folder(), "lisbon", "Europe/Lisbon");
    lisbon.start();
    assert_eq!(
        lisbon.json(&["join", &link])["status"],
        "active",
        "the link is still good"
    );
    // What the others have to tell a newcomer is there first.
    agree(&[birmingham, &lisbon]);
    refuses(&lisbon, &[(&["join", &link], 1, "already")]);
    lisbon.json(&["hub", "leave"]);
    let left = everything(&lisbon);
    lisbon.json(&["hub", "leave"]);
    assert_eq!(everything(&lisbon), left, "leaving twice is leaving once");
    refuses(
        &lisbon,
        &[(&["join", &link], 4, "used before"), (&["invite"], 4, "voting hub")],
    );
    wait_for(birmingham, "lisbon", "status", &"left".into());
    refuses(
        birmingham,
        &[
            (&["hub", "vote", "lisbon"], 1, "it left"),
            (&["hub", "readmit", "lisbon"], 1, "invitation"),
            (
                &[
                    "event",
                    "add",
                    "--title",
                    "x",
                    "--start",
                    "2027-04-01",
                    "--duration",
                    "1d",
                    "--with",
                    "lisbon",
                ],
                4,
                "does not belong",
            ),
        ],
    );
}

/// Keys: whatever is no recovery key, or another hub's, changes none.
#[test]
fn keys_are_not_changed_by_what_is_refused() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let [birmingham, vienna] = &cluster.hubs[..] else {
        panic!("two hubs")
    };
    let file = |name: &str, words: &str| {
        let path = cluster.folder().join(name);
        std::fs::write(&path, words).unwrap();
        path.to_string_lossy().into_owned()
    };
    let others = file("others", &vienna.recovery_key);
    let own = file("own", &birmingham.recovery_key);
    let garbage = file("garbage", "IHR1-nonsense");
    let empty = file("empty", "");
    let recover = ["key", "recover"];
    let with = |more: &'static [&'static str], path: &str| -> Vec<String> {
        let all = recover.iter().chain(more).map(|word| (*word).to_owned());
        all.chain(["--recovery-key-file".to_owned(), path.to_owned()]).collect()
    };
    for (arguments, code, words) in [
        (with(&["--lost"], &others), 4, "not the recovery key"),
        (with(&["--stolen"], &others), 4, "not the recovery key"),
        (with(&["--lost"], &garbage), 2, "recovery key"),
        (with(&["--lost"], &empty), 2, "recovery key"),
        (with(&["--lost"], "/nonexistent"), 3, "/nonexistent"),
        (with(&[], &own), 2, "--stolen"),
        (with(&["--lost", "--stolen"], &own), 2, "--lost"),
        (with(&["--lost", "--since", "2026-11-20T10:00:00Z"], &own), 2, "--since"),
        (with(&["--stolen", "--since", "yesterday"], &own), 2, "instant"),
        (
            vec!["key".to_owned(), "rotate".to_owned(), "twice".to_owned()],
            2,
            "twice",
        ),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        refuses(birmingham, &[(&arguments, code, words)]);
    }
    let data = cluster.folder().join("recovered");
    let path = data.to_string_lossy().into_owned();
    let init = |key: &str, at: &str| {
        let fixed = ["--slug", "recovered", "--name", "X", "--timezone", "Europe/London"];
        run(
            "interhubd",
            &[&["init", "--data", at, "--recover", key], &fixed[..]].concat(),
        )
    };
    init("IHR1-nonsense", &path).fails(2, "recovery key");
    init("", &path).fails(2, "recovery key");
    assert!(!data.exists(), "a refused init leaves nothing behind");
    let taken = birmingham.data.to_string_lossy().into_owned();
    init(&birmingham.recovery_key, &taken).fails(1, "not empty");
    run("interhubd", &["init", "--data", &path]).fails(2, "--slug");
    run("interhubd", &["nonsense"]).fails(2, "nonsense");
    run("interhubd", &["serve"]).fails(2, "--data");
    agree(&[birmingham, vienna]);
}

/// Who hosts an event, who sees it, who erases and hides it.
#[test]
fn events_are_not_changed_by_what_is_refused() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let [birmingham, vienna] = &cluster.hubs[..] else {
        panic!("two hubs")
    };
    let own = birmingham.add("Open day", "2027-04-01T10:00");
    let theirs = vienna.add("Repair café", "2027-04-02T10:00");
    let draft = [
        "event",
        "add",
        "--title",
        "Draft",
        "--start",
        "2027-04-03",
        "--duration",
        "1d",
        "--draft",
    ];
    let draft = text(&birmingham.json(&draft), "id");
    let unasked = birmingham.add("Nobody was asked", "2027-04-04T10:00");
    birmingham.json(&["event", "cohost", &own, "vienna"]);
    cluster.agree();
    let reason = "x".repeat(1_001);
    for id in [UNKNOWN_EVENT, "nonsense", ""] {
        let (code, words) = if id == UNKNOWN_EVENT {
            (3, "event list")
        } else {
            (2, "event")
        };
        refuses(
            birmingham,
            &[
                (&["event", "show", id], code, words),
                (&["event", "cohost", id, "vienna"], code, words),
                (&["event", "cohost", id, "vienna", "--remove"], code, words),
                (&["event", "accept", id], code, words),
                (&["event", "decline", id], code, words),
                (&["event", "conflicts", id], code, words),
                (&["event", "resolve", id, "title", "x"], code, words),
                (&["event", "erase", id], code, words),
                (&["event", "hide", id, "--reason", "x"], code, words),
                (&["event", "unhide", id], code, words),
                (&["event", "cancel", id], code, words),
                (&["event", "edit", id, "--title", "x"], code, words),
                (&["event", "edit", id, "--publish"], code, words),
                (&["event", "edit", id, "--with", "vienna"], code, words),
            ],
        );
    }
    let whose = "vienna";
    refuses(
        birmingham,
        &[
            (&["event", "cohost", &own, "birmingham"], 2, "another hub"),
            (&["event", "cohost", &own, "nowhere"], 3, "hub list"),
            (&["event", "cohost", &own, "vienna"], 4, "asked already"),
            (&["event", "cohost", &unasked, "vienna", "--remove"], 3, "no co-host"),
            (&["event", "cohost", &draft, "vienna"], 1, "--publish"),
            (&["event", "cohost", &theirs, "birmingham"], 4, whose),
            (&["event", "cohost", &own], 2, "slug"),
            (&["event", "accept", &own], 4, "own"),
            (&["event", "decline", &own], 4, "own"),
            (&["event", "accept", &theirs], 3, "event invitations"),
            (&["event", "decline", &theirs], 3, "event invitations"),
            (&["event", "resolve", &own, "title", "x"], 3, "event conflicts"),
            (&["event", "resolve", &own, "nonsense", "x"], 3, "event conflicts"),
            (&["event", "resolve", &theirs, "title", "x"], 4, whose),
            (&["event", "resolve", &own, "title"], 2, "value"),
            (&["event", "erase", &theirs], 4, "event hide"),
            (&["event", "hide", &own, "--reason", "x"], 4, "event erase"),
            (&["event", "unhide", &own], 4, "event erase"),
            (&["event", "hide", &theirs], 2, "--reason"),
            (&["event", "hide", &theirs, "--reason", " "], 2, "--reason"),
            (&["event", "hide", &theirs, "--reason", "two\nlines"], 2, "one line"),
            (&["event", "hide", &theirs, "--reason", &reason], 2, "1000"),
            (&["event", "edit", &theirs, "--title", "Mine"], 4, whose),
            (&["event", "edit", &theirs, "--publish"], 4, whose),
            (&["event", "edit", &theirs, "--audience", "network"], 4, whose),
            (&["event", "cancel", &theirs], 4, whose),
            (
                &["event", "cancel", &own, "--occurrence", "2027-04-01T10:00"],
                2,
                "--occurrence",
            ),
            (&["event", "edit", &own, "--with", "nowhere"], 3, "hub list"),
            (&["event", "edit", &own, "--with", "birmingham"], 2, "name the hubs"),
            (&["event", "edit", &own, "--with", ""], 3, "hub list"),
            (
                &["event", "edit", &own, "--with", "vienna", "--audience", "public"],
                2,
                "--audience",
            ),
            (&["event", "edit", &own, "--draft", "--publish"], 2, "--publish"),
            (&["event", "edit", &own, "--audience", "everybody"], 2, "everybody"),
            (&["event", "edit", &own, "--title", ""], 2, "title"),
            (
                &["event", "edit", &own, "--title", "x", "--with", "nowhere"],
                3,
                "hub list",
            ),
        ],
    );
    let add = [
        "event",
        "add",
        "--title",
        "New",
        "--start",
        "2027-04-05",
        "--duration",
        "1d",
    ];
    for (more, code, words) in [
        (["--with", "nowhere"], 3, "hub list"),
        (["--with", "birmingham"], 2, "name the hubs"),
        (["--audience", "everybody"], 2, "everybody"),
    ] {
        refuses(birmingham, &[(&[&add[..], &more].concat(), code, words)]);
    }
    // Said twice: once is enough.
    vienna.json(&["event", "accept", &own]);
    refuses(vienna, &[(&["event", "accept", &own], 4, "already")]);
    cluster.agree();
    refuses(birmingham, &[(&["event", "cohost", &own, "vienna"], 4, "already")]);
    vienna.json(&["event", "decline", &own]);
    refuses(vienna, &[(&["event", "decline", &own], 4, "already")]);
    cluster.agree();
    refuses(
        vienna,
        &[(&["event", "edit", &own, "--title", "Mine"], 4, "birmingham")],
    );
    birmingham.json(&["event", "erase", &unasked]);
    let erased = everything(birmingham);
    assert_eq!(birmingham.json(&["event", "erase", &unasked])["already"], true);
    assert_eq!(everything(birmingham), erased, "erasing twice is erasing once");
    refuses(
        birmingham,
        &[
            (&["event", "edit", &unasked, "--title", "Back"], 3, "event list"),
            (&["event", "cohost", &unasked, "vienna"], 3, "event list"),
        ],
    );
    cluster.agree();
}

/// A node that does not run, or is none, is named with what to do.
#[test]
fn without_a_node_every_command_says_so_and_ends_with_5() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::init(folder.path(), "lisbon", "Europe/Lisbon");
    for command in [
        &["status"][..],
        &["peers"],
        &["network", "show"],
        &["network", "decisions"],
        &["invite"],
        &["hub", "list"],
        &["hub", "leave"],
        &["key", "show"],
        &["event", "invitations"],
        &["event", "erase", UNKNOWN_EVENT],
    ] {
        hub.cli(command).fails(5, "interhubd serve");
    }
    run("interhub", &["status"]).fails(2, "--data");
    run("interhub", &["--hub", "https://hub.example", "status"]).fails(2, "--token");
}
