//! `interhub quarantine`: what is held and of no effect. What hostile hubs put there is tested with them.

use interhub_tests::cluster::Cluster;
use interhub_tests::hub::{Hub, run};

#[test]
fn an_honest_network_has_nothing_in_quarantine_and_wrong_questions_get_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut alone = Hub::init(folder.path(), "alone", "Europe/London");
    alone.start();
    let empty = serde_json::json!({"items": [], "next": null});
    assert_eq!(alone.json(&["quarantine"]), empty, "before there is a network");

    let cluster = Cluster::new(&["birmingham", "vienna"]);
    cluster.hubs[1].add("Open evening", "2027-03-04T18:30");
    cluster.agree();
    for hub in &cluster.hubs {
        assert_eq!(hub.json(&["quarantine"]), empty);
        let shown = hub.cli(&["quarantine"]).ok();
        assert!(
            shown.out.starts_with("RECEIVED") && shown.out.lines().count() == 1,
            "{shown:?}"
        );
        assert!(shown.err.contains("counts"), "{shown:?}");
        assert_eq!(hub.cli(&["--quiet", "quarantine"]).ok().err, "");
    }
    let hub = &cluster.hubs[0];
    hub.cli(&["quarantine", "vienna"]).fails(2, "unexpected");
    hub.cli(&["quarantine", "--author", "vienna"]).fails(2, "unexpected");
    for limit in ["0", "1001", "many", ""] {
        hub.cli(&["quarantine", "--limit", limit]).fails(2, "limit");
    }
    for cursor in ["", "AAAA", "no cursor", "..."] {
        hub.cli(&["quarantine", "--cursor", cursor]).fails(2, "cursor");
    }
    let nowhere = folder.path().join("nowhere").to_string_lossy().into_owned();
    run("interhub", &["--data", &nowhere, "quarantine"]).fails(5, "");
}
