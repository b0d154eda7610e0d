//! Several hubs host one event: asked, answered, edited at once and while apart, settled, taken away.

use interhub_tests::cluster::{Cluster, agree};
use interhub_tests::hub::{Hub, SOON, text, wait_until};
use serde_json::Value;

fn has(hub: &Hub, id: &str, field: &str, wanted: &Value) {
    wait_until(&format!("{field} at {}", hub.slug), SOON, || {
        let event = hub.cli(&["--json", "event", "show", id]);
        if event.code == 0 && event.json()[field] == *wanted {
            return Ok(());
        }
        Err(event.out)
    });
}

fn hosts(hub: &Hub, id: &str, wanted: &[&str]) {
    has(hub, id, "hosts", &serde_json::json!(wanted));
}

/// Asks a hub and lets it agree; all hubs show it.
fn cohosted(cluster: &Cluster, guest: &Hub, title: &str) -> String {
    let owner = &cluster.hubs[0];
    let id = owner.add(title, "2027-04-01T10:00");
    owner.json(&["event", "cohost", &id, &guest.slug]);
    cluster.agree();
    guest.json(&["event", "accept", &id]);
    cluster.agree();
    hosts(owner, &id, &[&owner.slug, &guest.slug]);
    id
}

#[test]
fn a_hub_is_asked_agrees_and_is_shown_everywhere() {
    let cluster = Cluster::new(&["birmingham", "amsterdam", "vienna"]);
    let [birmingham, amsterdam, vienna] = &cluster.hubs[..] else {
        panic!("three hubs")
    };
    let id = birmingham.add("Open day", "2027-04-01T10:00");
    birmingham
        .cli(&["event", "cohost", &id, "birmingham"])
        .fails(2, "another hub");
    birmingham.cli(&["event", "cohost", &id, "paris"]).fails(3, "paris");
    birmingham
        .cli(&["event", "cohost", &id, "vienna", "--remove"])
        .fails(3, "vienna");
    cluster.agree();
    vienna
        .cli(&["event", "cohost", &id, "amsterdam"])
        .fails(4, "birmingham");
    vienna.cli(&["event", "accept", &id]).fails(3, "has not asked");
    vienna.cli(&["event", "decline", &id]).fails(3, "has not asked");
    vienna
        .cli(&["event", "edit", &id, "--title", "Mine"])
        .fails(4, "birmingham");
    birmingham.cli(&["event", "accept", &id]).fails(4, "own");
    let unknown = "0123456789abcdef0123456789abcdef";
    for command in ["accept", "decline", "conflicts"] {
        vienna.cli(&["event", command, unknown]).fails(3, "no event");
    }
    birmingham
        .cli(&["event", "cohost", unknown, "vienna"])
        .fails(3, "no event");

    let asked = birmingham.json(&["event", "cohost", &id, "vienna"]);
    assert_eq!(asked["hosts"], serde_json::json!(["birmingham"]), "{asked}");
    birmingham
        .cli(&["event", "cohost", &id, "vienna"])
        .fails(4, "asked already");
    cluster.agree();
    let open = vienna.json(&["event", "invitations"]);
    assert_eq!(open["invitations"][0]["id"], id.as_str(), "{open}");
    assert_eq!(
        amsterdam.json(&["event", "invitations"])["invitations"],
        serde_json::json!([])
    );
    vienna
        .cli(&["event", "edit", &id, "--title", "Mine"])
        .fails(4, "event accept");

    vienna.json(&["event", "decline", &id]);
    assert_eq!(
        vienna.json(&["event", "invitations"])["invitations"],
        serde_json::json!([])
    );
    vienna.cli(&["event", "decline", &id]).fails(4, "no already");
    cluster.agree();
    birmingham.cli(&["event", "cohost", &id, "vienna"]).fails(4, "said no");
    hosts(birmingham, &id, &["birmingham"]);

    vienna.json(&["event", "accept", &id]);
    vienna.cli(&["event", "accept", &id]).fails(4, "already");
    cluster.agree();
    birmingham.cli(&["event", "cohost", &id, "vienna"]).fails(4, "already");
    hosts(amsterdam, &id, &["birmingham", "vienna"]);
    let listed = amsterdam.json(&["event", "list", "--from", "2027-03-01", "--hub", "vienna"]);
    assert_eq!(listed["events"][0]["id"], id.as_str(), "{listed}");
    for path in [
        format!("/events/{id}"),
        "/hubs/vienna".to_owned(),
        "/hubs/vienna/events.ics".to_owned(),
    ] {
        let page = amsterdam.get(&path).unwrap();
        assert!(page.contains("Open day"), "{path}: {page}");
    }
    let page = amsterdam.get(&format!("/events/{id}")).unwrap();
    assert!(page.contains("Hub birmingham") && page.contains("Hub vienna"), "{page}");

    vienna.json(&["event", "edit", &id, "--title", "Open week"]);
    cluster.agree();
    has(amsterdam, &id, "title", &"Open week".into());
    vienna.json(&["event", "decline", &id]);
    cluster.agree();
    hosts(amsterdam, &id, &["birmingham"]);
    has(amsterdam, &id, "title", &"Open week".into());
    vienna
        .cli(&["event", "edit", &id, "--title", "Mine"])
        .fails(4, "birmingham");
}

#[test]
fn edits_made_apart_merge_conflict_and_are_settled() {
    let mut cluster = Cluster::new(&["birmingham", "vienna"]);
    let id = cohosted(&cluster, &cluster.hubs[1], "Open day");
    let description = ["event", "edit", &id, "--description", "Everyone is welcome."];
    cluster.hubs[0].json(&description);
    cluster.agree();

    // Each edits while the other is down.
    cluster.hubs[0].stop();
    let vienna = &cluster.hubs[1];
    vienna.json(&["event", "edit", &id, "--title", "Title of Vienna"]);
    vienna.json(&[
        "event",
        "edit",
        &id,
        "--description",
        "Everyone is welcome. Bring a cake.",
    ]);
    cluster.hubs[1].stop();
    cluster.hubs[0].start();
    let birmingham = &cluster.hubs[0];
    birmingham.json(&["event", "edit", &id, "--title", "Title of Birmingham"]);
    birmingham.json(&[
        "event",
        "edit",
        &id,
        "--description",
        "Come early! Everyone is welcome.",
    ]);
    cluster.hubs[1].start();
    cluster.agree();

    let [birmingham, vienna] = &cluster.hubs[..] else {
        panic!("two hubs")
    };
    let merged = "Come early! Everyone is welcome. Bring a cake.";
    has(birmingham, &id, "description", &merged.into());
    has(vienna, &id, "description", &merged.into());
    let conflicts = birmingham.json(&["event", "conflicts"]);
    assert_eq!(conflicts, vienna.json(&["event", "conflicts", &id]), "the same at both");
    let [conflict] = conflicts["conflicts"].as_array().unwrap().as_slice() else {
        panic!("one conflict: {conflicts}")
    };
    assert_eq!(
        (&conflict["id"], &conflict["field"], &conflict["state"]),
        (&id.as_str().into(), &"title".into(), &"open".into())
    );
    let mut values: Vec<(String, String)> = Vec::new();
    for one in conflict["values"].as_array().unwrap() {
        assert!(one["at"].is_string(), "{one}");
        values.push((text(one, "hub"), text(one, "value")));
    }
    values.sort();
    let wanted = [("birmingham", "Title of Birmingham"), ("vienna", "Title of Vienna")];
    assert_eq!(values, wanted.map(|(hub, value)| (hub.to_owned(), value.to_owned())));

    vienna
        .cli(&["event", "resolve", &id, "summary", "x"])
        .fails(3, "no conflict");
    vienna
        .cli(&["event", "resolve", &id, "title", "a\nb"])
        .fails(2, "one line");
    vienna.json(&["event", "resolve", &id, "title", "Title of both"]);
    vienna
        .cli(&["event", "resolve", &id, "title", "Title of both"])
        .fails(3, "no conflict");
    cluster.agree();
    for hub in &cluster.hubs {
        has(hub, &id, "title", &"Title of both".into());
        assert_eq!(hub.json(&["event", "conflicts"])["conflicts"], serde_json::json!([]));
    }
}

#[test]
fn a_cancellation_wins_over_edits_made_at_the_same_time() {
    let mut cluster = Cluster::new(&["birmingham", "vienna"]);
    let id = cohosted(&cluster, &cluster.hubs[1], "Open day");
    cluster.hubs[0].stop();
    cluster.hubs[1].json(&["event", "cancel", &id]);
    cluster.hubs[1].stop();
    cluster.hubs[0].start();
    cluster.hubs[0].json(&[
        "event",
        "edit",
        &id,
        "--title",
        "Still on",
        "--start",
        "2027-04-02T10:00",
    ]);
    cluster.hubs[1].start();
    cluster.agree();
    for hub in &cluster.hubs {
        has(hub, &id, "status", &"cancelled".into());
        has(hub, &id, "title", &"Still on".into());
        assert_eq!(hub.json(&["event", "conflicts"])["conflicts"], serde_json::json!([]));
    }
}

#[test]
fn a_host_that_is_taken_away_keeps_nothing_but_what_it_wrote() {
    let cluster = Cluster::new(&["birmingham", "amsterdam", "vienna"]);
    let [birmingham, amsterdam, vienna] = &cluster.hubs[..] else {
        panic!("three hubs")
    };
    let id = cohosted(&cluster, vienna, "Open day");
    vienna.json(&["event", "edit", &id, "--summary", "By Vienna"]);
    cluster.agree();
    let without = birmingham.json(&["event", "cohost", &id, "vienna", "--remove"]);
    assert_eq!(without["hosts"], serde_json::json!(["birmingham"]), "{without}");
    cluster.agree();
    for hub in &cluster.hubs {
        has(hub, &id, "summary", &"By Vienna".into());
        hosts(hub, &id, &["birmingham"]);
    }
    vienna
        .cli(&["event", "edit", &id, "--summary", "Again"])
        .fails(4, "birmingham");
    let listed = amsterdam.json(&["event", "list", "--from", "2027-03-01", "--hub", "vienna"]);
    assert_eq!(listed["events"], serde_json::json!([]), "{listed}");
    agree(&[birmingham, amsterdam, vienna]);
}

#[test]
fn a_late_edit_of_a_host_is_taken_over_by_itself() {
    let mut cluster = Cluster::new(&["birmingham", "amsterdam", "vienna"]);
    let id = cohosted(&cluster, &cluster.hubs[2], "Open day");
    cluster.hubs[0].json(&["event", "cohost", &id, "amsterdam"]);
    cluster.agree();
    cluster.hubs[0].stop();
    cluster.hubs[1].stop();
    cluster.hubs[2].json(&["event", "edit", &id, "--summary", "Late, by Vienna"]);
    cluster.hubs[2].stop();
    cluster.hubs[0].start();
    // Taking another hub away starts a generation without the edit that Vienna alone has.
    cluster.hubs[0].json(&["event", "cohost", &id, "amsterdam", "--remove"]);
    cluster.hubs[1].start();
    cluster.hubs[2].start();
    cluster.agree();
    for hub in &cluster.hubs {
        has(hub, &id, "summary", &"Late, by Vienna".into());
        assert_eq!(hub.json(&["event", "conflicts"])["conflicts"], serde_json::json!([]));
    }
    cluster.agree();
}

#[test]
fn a_late_edit_of_who_was_taken_away_is_shown_to_its_operator() {
    let mut cluster = Cluster::new(&["birmingham", "vienna"]);
    let id = cohosted(&cluster, &cluster.hubs[1], "Open day");
    cluster.hubs[0].stop();
    cluster.hubs[1].json(&["event", "edit", &id, "--title", "Late, by Vienna"]);
    cluster.hubs[1].stop();
    cluster.hubs[0].start();
    cluster.hubs[0].json(&["event", "cohost", &id, "vienna", "--remove"]);
    cluster.hubs[1].start();
    cluster.agree();
    let [birmingham, vienna] = &cluster.hubs[..] else {
        panic!("two hubs")
    };
    wait_until("the edit that was not taken over", SOON, || {
        let conflicts = vienna.json(&["event", "conflicts"]);
        let one = &conflicts["conflicts"][0];
        let fits = one["id"] == id.as_str() && one["field"] == "title" && one["state"] == "not_taken_over";
        let value = &one["values"][0];
        if fits && value["value"] == "Late, by Vienna" && value["hub"] == "vienna" {
            return Ok(());
        }
        Err(conflicts.to_string())
    });
    has(vienna, &id, "title", &"Open day".into());
    assert_eq!(
        birmingham.json(&["event", "conflicts"])["conflicts"],
        serde_json::json!([])
    );
    vienna
        .cli(&["event", "resolve", &id, "title", "Late, by Vienna"])
        .fails(4, "birmingham");
    vienna
        .cli(&["event", "resolve", &id, "summary", "Open day"])
        .fails(4, "birmingham");
    // Seen, and let go: what is shown stays.
    vienna.json(&["event", "resolve", &id, "title", "Open day"]);
    assert_eq!(vienna.json(&["event", "conflicts"])["conflicts"], serde_json::json!([]));
    cluster.agree();
}

#[test]
fn a_draft_is_edited_by_the_hubs_that_share_and_host_it() {
    let cluster = Cluster::new(&["birmingham", "amsterdam", "vienna"]);
    let [birmingham, amsterdam, vienna] = &cluster.hubs[..] else {
        panic!("three hubs")
    };
    let draft = |more: &[&str]| {
        let start = [
            "event",
            "add",
            "--title",
            "Joint evening",
            "--start",
            "2027-04-01T10:00",
            "--duration",
            "1h",
        ];
        text(&birmingham.json(&[&start, more].concat()), "id")
    };
    let id = draft(&["--with", "amsterdam"]);
    birmingham
        .cli(&["event", "cohost", &id, "vienna"])
        .fails(1, "--with vienna");
    birmingham.json(&["event", "cohost", &id, "amsterdam"]);
    has(amsterdam, &id, "title", &"Joint evening".into());
    wait_until("amsterdam is asked", SOON, || {
        let asked = amsterdam.json(&["event", "invitations"]);
        if asked["invitations"][0]["id"] == id.as_str() {
            return Ok(());
        }
        Err(asked.to_string())
    });
    amsterdam
        .cli(&["event", "edit", &id, "--title", "x"])
        .fails(4, "event accept");
    amsterdam.json(&["event", "accept", &id]);
    hosts(birmingham, &id, &["birmingham", "amsterdam"]);
    amsterdam.json(&["event", "edit", &id, "--title", "Joint night"]);
    birmingham.json(&["event", "edit", &id, "--url", "https://birmingham.example/"]);
    for hub in [birmingham, amsterdam] {
        has(hub, &id, "title", &"Joint night".into());
        has(hub, &id, "url", &"https://birmingham.example/".into());
        has(hub, &id, "status", &"draft".into());
    }
    // Who sees it is its owner's to say; nobody else has heard of it.
    amsterdam
        .cli(&["event", "edit", &id, "--publish"])
        .fails(4, "birmingham");
    vienna.cli(&["event", "show", &id]).fails(3, "no event");

    // Shared with other hubs, only they may host it; published, it has its hosts once they agree again.
    birmingham.json(&["event", "edit", &id, "--with", "amsterdam,vienna"]);
    has(vienna, &id, "title", &"Joint night".into());
    hosts(vienna, &id, &["birmingham"]);
    amsterdam.json(&["event", "accept", &id]);
    birmingham.json(&["event", "cohost", &id, "vienna"]);
    wait_until("vienna accepts", SOON, || {
        let accepted = vienna.cli(&["event", "accept", &id]);
        if accepted.code == 0 { Ok(()) } else { Err(accepted.err) }
    });
    wait_until("three hosts", SOON, || {
        let shown = birmingham.json(&["event", "show", &id]);
        if shown["hosts"].as_array().map(Vec::len) == Some(3) {
            return Ok(());
        }
        Err(shown.to_string())
    });
    birmingham.json(&["event", "edit", &id, "--with", "vienna"]);
    wait_until("vienna accepts anew", SOON, || {
        let accepted = vienna.cli(&["event", "accept", &id]);
        if accepted.code == 0 { Ok(()) } else { Err(accepted.err) }
    });
    hosts(birmingham, &id, &["birmingham", "vienna"]);
    birmingham.json(&["event", "edit", &id, "--publish"]);
    for hub in &cluster.hubs {
        has(hub, &id, "audience", &"public".into());
        hosts(hub, &id, &["birmingham"]);
    }
    vienna.json(&["event", "accept", &id]);
    hosts(amsterdam, &id, &["birmingham", "vienna"]);
    cluster.agree();
}
