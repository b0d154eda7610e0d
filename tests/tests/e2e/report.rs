//! A hub's year in numbers, from the command line.

use interhub_tests::cluster::Cluster;

#[test]
fn a_year_is_told_by_month_tag_and_cohost() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let [birmingham, vienna] = &cluster.hubs[..] else {
        panic!("two hubs");
    };
    let id = birmingham.add("Open evening", "2031-03-04T18:30");
    birmingham.json(&["event", "edit", &id, "--tag", "music"]);
    birmingham.add("Breakfast", "2031-05-04T08:30");
    birmingham.json(&["event", "cohost", &id, "vienna"]);
    cluster.agree();
    vienna.json(&["event", "accept", &id]);
    cluster.agree();
    let report = birmingham.json(&["report", "--year", "2031"]);
    assert_eq!(
        (
            report["year"].as_i64(),
            report["events"].as_u64(),
            report["coming"].as_u64()
        ),
        (Some(2031), Some(0), Some(2))
    );
    assert_eq!(report["by_month"].as_array().unwrap().len(), 12);
    assert_eq!(
        (
            report["by_month"][2]["month"].as_u64(),
            report["by_month"][2]["coming"].as_u64()
        ),
        (Some(3), Some(1))
    );
    assert_eq!(
        (
            report["by_tag"][0]["name"].as_str(),
            report["by_tag"][0]["coming"].as_u64()
        ),
        (Some("music"), Some(1))
    );
    assert_eq!(report["by_cohost"][0]["name"], "vienna");
    assert!(report["members"].is_null());
    // What a hub hosts with another one is its own year's too.
    let there = vienna.json(&["report", "--year", "2031"]);
    assert_eq!(
        (there["coming"].as_u64(), there["by_cohost"][0]["name"].as_str()),
        (Some(1), Some("birmingham"))
    );
    let csv = birmingham.cli(&["report", "--year", "2031", "--csv"]).ok().out;
    assert!(csv.contains("2031,month,3,0,0,1,0,,\r\n"), "{csv}");
    let text = birmingham.cli(&["report", "--year", "2031"]).ok().out;
    assert!(text.contains("all of 2031") && text.contains("HOSTED WITH"), "{text}");
    for (year, words) in [
        ("1900", "not a year"),
        ("0", "not a year"),
        ("-5", "not a year"),
        ("soon", "--year"),
    ] {
        birmingham.cli(&["report", "--year", year]).fails(2, words);
    }
    birmingham.cli(&["report"]).fails(2, "--year");
}
