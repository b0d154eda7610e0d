//! Programs that call a node from elsewhere: the web address and a token, as `interhub --hub URL --token TOKEN` gives them.

use std::path::Path;

use interhub_tests::hub::{Hub, Ran, run, text};

/// The command against a hub's web address.
fn remote(hub: &Hub, token: &str, arguments: &[&str]) -> Ran {
    let url = format!("http://127.0.0.1:{}", hub.web);
    let all = [&["--hub", &url, "--token", token, "--json"][..], arguments].concat();
    run("interhub", &all)
}

fn started(root: &Path) -> Hub {
    let mut hub = Hub::init(root, "birmingham", "Europe/London");
    hub.start();
    hub.cli(&["network", "create", "Test network"]).ok();
    hub
}

#[test]
fn a_token_does_over_the_web_port_what_its_role_allows() {
    let folder = tempfile::tempdir().unwrap();
    let mut hub = started(folder.path());
    let made = hub.json(&[
        "token",
        "create",
        "--role",
        "admin",
        "--label",
        "From afar",
        "--expires",
        "8h",
    ]);
    let (id, admin) = (text(&made, "id"), text(&made, "token"));
    assert!(admin.starts_with("iht_") && made["expires"].is_string());
    let read = text(&hub.json(&["token", "create", "--role", "read"]), "token");
    let changes = text(&hub.json(&["token", "create", "--role", "change-stream"]), "token");

    let added = remote(
        &hub,
        &admin,
        &[
            "event",
            "add",
            "--title",
            "From afar",
            "--start",
            "2031-03-04T18:30",
            "--duration",
            "2h",
        ],
    );
    let event = text(&added.ok().json(), "id");
    assert_eq!(
        text(&remote(&hub, &read, &["event", "show", &event]).ok().json(), "title"),
        "From afar"
    );
    assert_eq!(remote(&hub, &read, &["status"]).ok().json()["events"], 1);
    remote(&hub, &read, &["event", "cancel", &event]).fails(4, "role read");
    remote(&hub, &changes, &["status"]).fails(4, "role change-stream");
    remote(&hub, "iht_nonsense", &["status"]).fails(4, "token");

    // It outlives the node, and a backup of its folder holds no secret.
    hub.stop();
    hub.start();
    remote(&hub, &admin, &["status"]).ok();
    let listed = hub.json(&["token", "list"]);
    assert_eq!(listed["tokens"].as_array().unwrap().len(), 3);
    assert!(!listed.to_string().contains("iht_"));
    assert_eq!(listed["tokens"][2]["label"], "From afar");

    hub.cli(&["token", "revoke", &id]).ok();
    remote(&hub, &admin, &["status"]).fails(4, "token");
    hub.cli(&["token", "revoke", &id]).fails(3, "token list");
    hub.cli(&["token", "create", "--role", "read", "--expires", "5s"])
        .fails(2, "1 minute");
    hub.cli(&["token", "create", "--role", "king"]).fails(2, "king");
}

#[test]
fn a_program_without_a_token_or_over_a_line_that_others_read_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let hub = started(folder.path());
    let url = format!("http://127.0.0.1:{}", hub.web);
    run("interhub", &["--hub", &url, "status"]).fails(2, "token");
    run(
        "interhub",
        &["--hub", "http://hub.invalid:8400", "--token", "iht_x", "status"],
    )
    .fails(4, "https://");
    run(
        "interhub",
        &["--hub", "https://127.0.0.1:1", "--token", "iht_x", "status"],
    )
    .fails(5, "nothing answers");
}
