//! Translations, features, capacity and postponement: given at one hub, shown at another, edited by two at once.

use interhub_tests::cluster::Cluster;
use interhub_tests::hub::{Hub, SOON, text, wait_until};
use serde_json::{Value, json};

fn edit(hub: &Hub, id: &str, flags: &[&str]) -> Value {
    hub.json(&[&["event", "edit", id], flags].concat())
}

/// Waits until an event reads at a hub as it does in this document, in these fields.
fn reads_as(hub: &Hub, wanted: &Value, fields: &[&str]) {
    let id = text(wanted, "id");
    wait_until(&format!("{fields:?} at {}", hub.slug), SOON, || {
        let event = hub.cli(&["--json", "event", "show", &id]);
        if event.code == 0 && fields.iter().all(|field| event.json()[field] == wanted[field]) {
            return Ok(());
        }
        Err(event.out)
    });
}

#[test]
fn another_hub_shows_what_was_given() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let [birmingham, vienna] = &cluster.hubs[..] else {
        panic!("two hubs")
    };
    let id = birmingham.add("Open day", "2027-04-01T10:00");
    let given = edit(
        birmingham,
        &id,
        &[
            "--lang",
            "en",
            "--location",
            "Main hall",
            "--online-url",
            "https://meet.example/open",
            "--image",
            "https://hub.example/open.png",
            "--translate",
            "de=Tag der offenen Tür",
            "--translate-summary",
            "DE=Schaut vorbei",
            "--feature",
            "wheelchair,childcare",
            "--capacity",
            "80",
        ],
    );
    assert_eq!(
        given["translations"],
        json!({"de": {"title": "Tag der offenen Tür", "summary": "Schaut vorbei"}})
    );
    assert_eq!(given["features"], json!(["childcare", "wheelchair"]));
    assert_eq!((&given["capacity"], &given["postponed"]), (&80.into(), &false.into()));
    assert_eq!(
        (&given["attendance"], &given["image_url"]),
        (&"hybrid".into(), &"https://hub.example/open.png".into())
    );
    let fields = [
        "translations",
        "features",
        "capacity",
        "postponed",
        "attendance",
        "image_url",
    ];
    reads_as(vienna, &given, &fields);

    let page = vienna.get(&format!("/events/{id}?ui=de")).unwrap();
    for words in [
        "<h1 lang=\"de\" dir=\"auto\">Tag der offenen Tür</h1>",
        "Kinderbetreuung",
        "80 Personen",
        "Vor Ort und online",
    ] {
        assert!(page.contains(words), "{words} is missing: {page}");
    }
    assert!(vienna.get(&format!("/events/{id}?ui=en")).unwrap().contains("Open day"));
    // Found by its other language, and by a word of it in another form.
    for query in ["lang=de", "q=offene"] {
        wait_until(query, SOON, || {
            let found = vienna.get(&format!("/api/v1/events?from=2027-03-01&{query}"))?;
            if found.contains(&id) { Ok(()) } else { Err(found) }
        });
    }
    let missing = vienna.get("/api/v1/events?from=2027-03-01&lang=nl").unwrap();
    assert!(!missing.contains(&id), "{missing}");
    let listed = vienna.json(&["event", "list", "--from", "2027-03-01", "--lang", "de"]);
    assert_eq!(listed["events"].as_array().map(Vec::len), Some(1), "{listed}");

    let group = birmingham
        .cli(&["event", "export", "--format", "jscalendar"])
        .ok()
        .json();
    assert_eq!(
        group["entries"][0]["localizations"]["de"]["title"], "Tag der offenen Tür",
        "{group}"
    );
    assert_eq!(
        group["entries"][0]["virtualLocations"]["online"]["uri"],
        "https://meet.example/open"
    );

    // What is exported comes in elsewhere as the same.
    let calendar = birmingham.get(&format!("/events/{id}.ics")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("open.ics");
    std::fs::write(&file, calendar.replace("@interhub", "@elsewhere")).unwrap();
    vienna.json(&["event", "import", file.to_str().unwrap()]);
    let copies = vienna.json(&["event", "list", "--from", "2027-03-01", "--hub", "vienna"]);
    for field in fields {
        assert_eq!(copies["events"][0][field], given[field], "{field}");
    }

    for (flags, words) in [
        (["--translate", "Tag"], "language"),
        (["--translate", "en=Open"], "own title"),
        (["--feature", "lions"], "hearing-loop"),
        (["--capacity", "0"], "1000000"),
        (["--image", "ftp://x"], "https://"),
    ] {
        let line = [&["event", "edit", &id], &flags[..]].concat();
        birmingham.cli(&line).fails(2, words);
    }
    let bare = [
        "--translate",
        "de=",
        "--translate-summary",
        "de=",
        "--capacity",
        "none",
        "--image",
        "",
        "--no-feature",
        "childcare",
    ];
    let bare = edit(birmingham, &id, &bare);
    assert_eq!(
        (&bare["translations"], &bare["capacity"], &bare["image_url"]),
        (&json!({}), &Value::Null, &Value::Null)
    );
    assert_eq!(bare["features"], json!(["wheelchair"]));
    reads_as(vienna, &bare, &fields);
}

#[test]
fn a_postponed_event_is_off_until_it_has_a_date() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let [birmingham, vienna] = &cluster.hubs[..] else {
        panic!("two hubs")
    };
    let id = birmingham.add("Open day", "2027-04-01T10:00");
    let before = birmingham.json(&["event", "show", &id]);
    let off = birmingham.json(&["event", "postpone", &id]);
    assert_eq!((&off["status"], &off["postponed"]), (&"cancelled".into(), &true.into()));
    assert!(off["sequence"].as_u64() > before["sequence"].as_u64());
    assert_eq!(
        birmingham.json(&["event", "postpone", &id])["sequence"],
        off["sequence"]
    );
    reads_as(vienna, &off, &["status", "postponed", "sequence"]);
    let page = vienna.get(&format!("/events/{id}")).unwrap();
    assert!(
        page.contains("This event is postponed.") && page.contains("EventPostponed"),
        "{page}"
    );
    let calendar = vienna.get(&format!("/events/{id}.ics")).unwrap();
    assert!(
        calendar.contains("STATUS:CANCELLED") && calendar.contains("X-INTERHUB-STATUS:POSTPONED"),
        "{calendar}"
    );
    vienna.cli(&["event", "postpone", &id]).fails(4, "birmingham");

    // Another text does not bring it back; a date does.
    assert_eq!(edit(birmingham, &id, &["--summary", "Soon"])["postponed"], json!(true));
    let on = edit(birmingham, &id, &["--start", "2027-05-01T10:00"]);
    assert_eq!((&on["status"], &on["postponed"]), (&"confirmed".into(), &false.into()));
    assert_eq!((&on["id"], &on["uid"]), (&off["id"], &off["uid"]));
    reads_as(vienna, &on, &["status", "postponed", "start"]);
    birmingham.json(&["event", "cancel", &id]);
    birmingham.cli(&["event", "postpone", &id]).fails(1, "cancelled");
}

#[test]
fn two_languages_edited_at_once_merge_and_one_is_a_conflict() {
    let mut cluster = Cluster::new(&["birmingham", "vienna"]);
    let id = cluster.hubs[0].add("Open day", "2027-04-01T10:00");
    cluster.hubs[0].json(&["event", "cohost", &id, "vienna"]);
    cluster.agree();
    cluster.hubs[1].json(&["event", "accept", &id]);
    cluster.agree();

    // Each edits while the other is down.
    cluster.hubs[0].stop();
    let texts = [
        "--translate",
        "de=Tag der offenen Tür",
        "--translate",
        "nl=Open dag",
        "--feature",
        "dogs",
    ];
    edit(&cluster.hubs[1], &id, &texts);
    cluster.hubs[1].stop();
    cluster.hubs[0].start();
    let texts = [
        "--translate",
        "de=Offene Tür",
        "--translate-summary",
        "es=Ven a ver",
        "--feature",
        "childcare",
    ];
    edit(&cluster.hubs[0], &id, &texts);
    cluster.hubs[1].start();
    cluster.agree();

    let [birmingham, vienna] = &cluster.hubs[..] else {
        panic!("two hubs")
    };
    let merged = birmingham.json(&["event", "show", &id]);
    assert_eq!(merged["translations"]["nl"]["title"], "Open dag");
    assert_eq!(merged["translations"]["es"]["summary"], "Ven a ver");
    assert_eq!(merged["features"], json!(["childcare", "dogs"]));
    reads_as(vienna, &merged, &["translations", "features"]);
    let conflicts = birmingham.json(&["event", "conflicts"]);
    assert_eq!(conflicts, vienna.json(&["event", "conflicts", &id]), "the same at both");
    let [conflict] = conflicts["conflicts"].as_array().unwrap().as_slice() else {
        panic!("one conflict: {conflicts}")
    };
    assert_eq!(conflict["field"], "translations/de/title");
    let values = conflict["values"].as_array().unwrap().iter();
    let mut values: Vec<(String, String)> = values.map(|one| (text(one, "hub"), text(one, "value"))).collect();
    values.sort();
    let wanted = [("birmingham", "Offene Tür"), ("vienna", "Tag der offenen Tür")];
    assert_eq!(values, wanted.map(|(hub, value)| (hub.to_owned(), value.to_owned())));

    vienna.json(&["event", "resolve", &id, "translations/de/title", "Haus der offenen Tür"]);
    cluster.agree();
    for hub in &cluster.hubs {
        assert_eq!(hub.json(&["event", "conflicts"])["conflicts"], json!([]));
        let event = hub.json(&["event", "show", &id]);
        assert_eq!(event["translations"]["de"]["title"], "Haus der offenen Tür");
    }
}

#[test]
fn one_date_of_a_series_is_told_in_other_words_and_one_is_added() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let [birmingham, vienna] = &cluster.hubs[..] else {
        panic!("two hubs")
    };
    let id = birmingham.add("Open evening", "2027-03-04T18:30");
    let of_one = [
        "event",
        "edit",
        &id,
        "--occurrence",
        "2027-03-18",
        "--title",
        "With music",
    ];
    birmingham.cli(&of_one).fails(3, "no occurrence");
    edit(birmingham, &id, &["--rrule", "FREQ=WEEKLY;COUNT=4"]);
    let told = [&of_one[..], &["--location", "Garden", "--description", "Bring chairs"]].concat();
    birmingham.json(&told);
    birmingham.json(&["event", "add-date", &id, "2027-03-23T18:30"]);
    birmingham.json(&["event", "add-date", &id, "2027-03-23T18:30"]);
    let wanted = [
        ("2027-03-04T18:30:00", "Open evening"),
        ("2027-03-11T18:30:00", "Open evening"),
        ("2027-03-18T18:30:00", "With music"),
        ("2027-03-23T18:30:00", "Open evening"),
        ("2027-03-25T18:30:00", "Open evening"),
    ];
    wait_until("the dates at vienna", SOON, || {
        let list = vienna.json(&["event", "list", "--from", "2027-03-01", "--to", "2027-04-30"]);
        let dates = list["events"].as_array().unwrap().iter();
        let dates: Vec<(String, String)> = dates.map(|one| (text(one, "start"), text(one, "title"))).collect();
        let wanted: Vec<(String, String)> = wanted
            .iter()
            .map(|(at, title)| ((*at).into(), (*title).into()))
            .collect();
        if dates == wanted {
            Ok(())
        } else {
            Err(format!("{dates:?}"))
        }
    });
    let page = vienna.get(&format!("/events/{id}?at=2027-03-18T18:30:00")).unwrap();
    assert!(
        page.contains("With music") && page.contains("Garden") && page.contains("Bring chairs"),
        "{page}"
    );
    // What the series says too is not kept twice: the date is one of the series again.
    birmingham.json(&[
        "event",
        "edit",
        &id,
        "--occurrence",
        "2027-03-18",
        "--title",
        "Open evening",
        "--location",
        "",
        "--description",
        "",
    ]);
    let calendar = birmingham.get(&format!("/events/{id}.ics")).unwrap();
    assert!(!calendar.contains("RECURRENCE-ID"), "{calendar}");

    for (line, words) in [
        (vec!["event", "edit", &id, "--occurrence", "2027-03-18"], "event move"),
        (
            vec!["event", "edit", &id, "--occurrence", "2027-03-18", "--title", " "],
            "empty",
        ),
        (
            vec![
                "event",
                "edit",
                &id,
                "--occurrence",
                "2027-03-18",
                "--start",
                "2027-03-19",
            ],
            "--start",
        ),
        (vec!["event", "add-date", &id, "2027-03-23"], "times"),
        (vec!["event", "add-date", &id, "soon"], "soon"),
    ] {
        birmingham.cli(&line).fails(2, words);
    }
    vienna
        .cli(&["event", "add-date", &id, "2027-03-29T18:30"])
        .fails(4, "birmingham");
}
