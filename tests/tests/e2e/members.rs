//! Members: records that stay, cards of what was agreed to, and what becomes of both.

use std::path::Path;

use interhub_tests::cluster::Cluster;
use interhub_tests::hub::{Hub, SOON, text, wait_until};
use serde_json::{Value, json};

fn edit(hub: &Hub, id: &str, flags: &[&str]) -> Value {
    hub.json(&[&["member", "edit", id], flags].concat())
}

fn names(hub: &Hub, flags: &[&str]) -> Vec<String> {
    let list = hub.json(&[&["member", "list"], flags].concat());
    list["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text(one, "name"))
        .collect()
}

/// What a hub shows of a member; nothing if it does not know them.
fn seen(hub: &Hub, id: &str) -> Option<Value> {
    let shown = hub.cli(&["--json", "member", "show", id]);
    (shown.code == 0).then(|| shown.json())
}

/// Files under a folder that hold these bytes.
fn files_with(folder: &Path, needle: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, needle));
        } else if let Ok(bytes) = std::fs::read(&path)
            && bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn a_card_shows_what_was_agreed_to_and_follows_the_record() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let [birmingham, vienna] = &cluster.hubs[..] else {
        panic!("two hubs")
    };
    let ada = birmingham.json(&[
        "member",
        "add",
        "--name",
        "Ada Example",
        "--headline",
        "Printmaker",
        "--skills",
        "screen printing,binding",
        "--offer",
        "lend:a press until 2027-05-01",
        "--want",
        "paper",
        "--languages",
        "en,CY",
        "--link",
        "Shop=https://shop.example",
        "--mail",
        "ada@mail.example",
        "--notes",
        "key 7",
        "--tier",
        "full",
        "--valid-until",
        "2027-12-31",
        "--audience",
        "name=network",
        "--audience",
        "skills=network",
        "--audience",
        "headline=public",
    ]);
    let id = text(&ada, "id");
    assert_eq!((&ada["own"], &ada["has_card"]), (&json!(true), &json!(false)));
    assert_eq!(
        ada["offers"],
        json!([{"what": "a press", "way": "lend", "until": "2027-05-01"}])
    );
    assert_eq!(
        (&ada["languages"], &ada["local"]["mail"]),
        (&json!(["en", "cy"]), &json!("ada@mail.example"))
    );
    assert_eq!(
        ada["audiences"]["name"],
        json!({"chosen": "network", "audience": "hub"}),
        "nobody agreed yet"
    );
    let bo = birmingham.json(&["member", "add", "--name", "Bo"]);
    assert_eq!(names(birmingham, &[]), ["Ada Example", "Bo"]);
    let count = |hub: &Hub| hub.json(&["status"])["members"].clone();
    assert_eq!((count(birmingham), count(vienna)), (json!(2), json!(0)));

    let agreed = edit(birmingham, &id, &["--consent", "2026-11", "--channel", "paper"]);
    assert_eq!(agreed["has_card"], json!(true));
    assert_eq!(agreed["consents"].as_array().map(Vec::len), Some(2), "{agreed}");
    wait_until("the card", SOON, || {
        seen(vienna, &id).map(drop).ok_or_else(|| "none".to_owned())
    });
    assert_eq!(count(vienna), json!(1));
    let card = seen(vienna, &id).unwrap();
    assert_eq!(
        (&card["name"], &card["hub"], &card["own"]),
        (&json!("Ada Example"), &json!("birmingham"), &json!(false))
    );
    assert_eq!(card["skills"], json!(["screen printing", "binding"]));
    assert_eq!(
        (&card["headline"], &card["offers"], &card["tier"]),
        (&json!("Printmaker"), &json!([]), &Value::Null)
    );
    assert_eq!(
        (&card["local"], &card["consents"], &card["audiences"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(seen(vienna, &text(&bo, "id")), None);

    // Found by what they can do, wherever they are; not by what is not shown.
    for (flags, found) in [
        (&["--skill", "PRINT"][..], true),
        (&["--text", "printmaker"], true),
        (&["--hub", "birmingham"], true),
        (&["--hub", "vienna"], false),
        (&["--offer", "press"], false),
        (&["--lang", "cy"], false),
    ] {
        assert_eq!(names(vienna, flags).len(), usize::from(found), "{flags:?}");
    }
    assert_eq!(
        names(birmingham, &["--offer", "press", "--lang", "cy"]),
        ["Ada Example"]
    );

    // A field is taken back: the card begins anew, and says it no longer.
    edit(birmingham, &id, &["--audience", "skills=hub"]);
    wait_until("no skills", SOON, || {
        let card = seen(vienna, &id).ok_or("none")?;
        if card["skills"] == json!([]) {
            Ok(())
        } else {
            Err(card.to_string())
        }
    });
    // And all of it, and again.
    edit(birmingham, &id, &["--withdraw-consent"]);
    wait_until("no card", SOON, || {
        seen(vienna, &id).map_or(Ok(()), |card| Err(card.to_string()))
    });
    edit(birmingham, &id, &["--consent", "2026-12", "--channel", "mail"]);
    wait_until("the card again", SOON, || {
        seen(vienna, &id).map(drop).ok_or_else(|| "none".to_owned())
    });
    edit(birmingham, &id, &["--status", "moved_on"]);
    wait_until("gone with them", SOON, || {
        seen(vienna, &id).map_or(Ok(()), |card| Err(card.to_string()))
    });
    cluster.agree();
}

/// How far each hub is with what was erased of a member.
fn receipts(hub: &Hub, id: &str) -> Vec<(String, String)> {
    let found = hub.json(&["member", "receipts", id]);
    let hubs = found["hubs"].as_array().unwrap().iter();
    hubs.map(|one| (text(one, "slug"), text(one, "state"))).collect()
}

/// A report proves by itself what it says: who signed it, and each receipt in it.
fn check_report(saved: &str, id: &str) {
    let bytes = |value: &Value| {
        data_encoding::HEXLOWER
            .decode(value.as_str().unwrap().as_bytes())
            .unwrap()
    };
    let verifies = |tag: &str, text: &[u8], key: &Value, signature: &Value| {
        let message = [tag.as_bytes(), text].concat();
        let (key, signature) = (bytes(key).try_into().unwrap(), bytes(signature).try_into().unwrap());
        interhub_domain::envelope::verify(&key, &message, &signature).is_ok()
    };
    let saved: Value = serde_json::from_str(saved).unwrap();
    let report = saved["report"].as_str().unwrap();
    assert!(verifies(
        "interhub-rprt-v1",
        report.as_bytes(),
        &saved["key"],
        &saved["signature"]
    ));
    assert!(!verifies("interhub-rprt-v1", b"{}", &saved["key"], &saved["signature"]));
    let report: Value = serde_json::from_str(report).unwrap();
    assert_eq!((&report["member"], &report["erased_here"]), (&json!(id), &json!(true)));
    let hubs = report["hubs"].as_array().unwrap();
    assert!(!hubs.is_empty());
    for hub in hubs {
        let receipt = &hub["receipt"];
        let statement = bytes(&receipt["statement"]);
        assert!(verifies(
            "interhub-rcpt-v1",
            &statement,
            &receipt["key"],
            &receipt["signature"]
        ));
        let tombstone = bytes(&report["tombstone_hash"]);
        assert!(statement.windows(32).any(|window| window == tombstone));
    }
}

#[test]
fn a_hub_that_was_away_erases_when_it_is_back_and_says_so() {
    let mut cluster = Cluster::new(&["birmingham", "vienna", "amsterdam"]);
    let show = [
        "member",
        "add",
        "--name",
        "Marigoldina",
        "--audience",
        "name=network",
        "--consent",
        "1",
    ];
    let id = text(&cluster.hubs[0].json(&show), "id");
    for hub in &cluster.hubs {
        wait_until("the card", SOON, || {
            seen(hub, &id).map(drop).ok_or_else(|| "none".to_owned())
        });
    }
    let nothing = cluster.hubs[0].cli(&["member", "receipts", &id]);
    nothing.fails(3, "nothing was taken back");
    cluster.hubs[2].stop();
    cluster.hubs[0].json(&["member", "erase", &id, "--yes"]);
    let state = |cluster: &Cluster, slug: &str| {
        let all = receipts(&cluster.hubs[0], &id);
        all.into_iter()
            .find(|(hub, _)| hub == slug)
            .map(|(_, state)| state)
            .unwrap()
    };
    let becomes = |cluster: &Cluster, slug: &str, wanted: &str| {
        wait_until("the state", SOON, || {
            let is = state(cluster, slug);
            if is == wanted {
                Ok(())
            } else {
                Err(format!("{slug}: {is}"))
            }
        });
    };
    becomes(&cluster, "vienna", "erased");
    becomes(&cluster, "amsterdam", "unreachable");
    assert!(!files_with(&cluster.hubs[2].data, "Marigoldina").is_empty());
    cluster.hubs[2].start();
    becomes(&cluster, "amsterdam", "erased");
    assert_eq!(files_with(&cluster.hubs[2].data, "Marigoldina"), Vec::<String>::new());
    // Nobody else may ask, and of nobody is nothing known.
    cluster.hubs[1].cli(&["member", "receipts", &id]).fails(3, "no member");
    cluster.hubs[0]
        .cli(&["member", "receipts", &"0".repeat(32)])
        .fails(3, "no member");
}

#[test]
fn a_photograph_is_made_small_and_tells_nothing_else() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let [birmingham, vienna] = &cluster.hubs[..] else {
        panic!("two hubs")
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (large, small, wrong) = (at("large.png"), at("small.jpg"), at("wrong.jpg"));
    let shade = |at: u32| (at / 8).to_le_bytes()[0];
    let picture = image::RgbImage::from_fn(1_600, 1_200, |x, y| image::Rgb([shade(x), shade(y), 90]));
    picture.save(&large).unwrap();
    std::fs::write(&wrong, "no picture").unwrap();
    let show = [
        "--audience",
        "name=network",
        "--audience",
        "photo=network",
        "--consent",
        "1",
    ];
    let ada = birmingham.json(&[&["member", "add", "--name", "Ada", "--photo", &large], &show[..]].concat());
    let id = text(&ada, "id");
    assert_eq!(ada["photo"], json!(true));
    wait_until("the card", SOON, || {
        seen(vienna, &id).map(drop).ok_or_else(|| "none".to_owned())
    });
    vienna.json(&["member", "show", &id, "--photo", &small]);
    let kept = image::open(&small).unwrap();
    assert_eq!((kept.width(), kept.height()), (320, 240));
    assert!(std::fs::metadata(&small).unwrap().len() <= 24 * 1024);
    let edit_photo = |path: &str| birmingham.cli(&["member", "edit", &id, "--photo", path]);
    edit_photo(&wrong).fails(2, "not a picture");
    edit_photo(&at("missing.jpg")).fails(2, "cannot be read");
    edit_photo("").ok();
    birmingham
        .cli(&["member", "show", &id, "--photo", &small])
        .fails(3, "no picture");
    wait_until("no picture", SOON, || match seen(vienna, &id).ok_or("none")?["photo"] {
        Value::Bool(false) => Ok(()),
        _ => Err("a picture".to_owned()),
    });
}

#[test]
fn an_erased_member_is_in_no_file_of_any_hub() {
    let mut cluster = Cluster::new(&["birmingham", "vienna"]);
    let id = {
        let [birmingham, vienna] = &cluster.hubs[..] else {
            panic!("two hubs")
        };
        let ada = birmingham.json(&[
            "member",
            "add",
            "--name",
            "Zanzibara Q",
            "--headline",
            "Tintagelite",
            "--mail",
            "zq@unheardof.example",
            "--audience",
            "name=network",
            "--audience",
            "headline=network",
            "--consent",
            "1",
        ]);
        let id = text(&ada, "id");
        wait_until("the card", SOON, || {
            seen(vienna, &id).map(drop).ok_or_else(|| "none".to_owned())
        });
        // What was said before is to go too.
        edit(birmingham, &id, &["--headline", "Quillonry"]);
        wait_until("the change", SOON, || {
            let card = seen(vienna, &id).ok_or("none")?;
            if card["headline"] == json!("Quillonry") {
                Ok(())
            } else {
                Err(card.to_string())
            }
        });
        birmingham.cli(&["member", "erase", &id]).fails(2, "--yes");
        let erased = birmingham.json(&["member", "erase", &id, "--yes"]);
        assert_eq!(erased, json!({"id": id, "card": true}));
        birmingham.cli(&["member", "erase", &id, "--yes"]).fails(3, "no member");
        wait_until("no card", SOON, || {
            seen(vienna, &id).map_or(Ok(()), |card| Err(card.to_string()))
        });
        id
    };
    cluster.agree();
    let birmingham = &cluster.hubs[0];
    wait_until("both receipts", SOON, || {
        let states = receipts(birmingham, &id);
        let done =
            [("birmingham", "erased"), ("vienna", "erased")].map(|(hub, state)| (hub.to_owned(), state.to_owned()));
        if states == done {
            Ok(())
        } else {
            Err(format!("{states:?}"))
        }
    });
    // What the receipts say is so.
    for needle in ["Zanzibara", "Tintagelite", "Quillonry", "unheardof"] {
        for hub in &cluster.hubs {
            assert_eq!(files_with(&hub.data, needle), Vec::<String>::new());
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    birmingham.json(&["member", "receipts", &id, "--report", path.to_str().unwrap()]);
    check_report(&std::fs::read_to_string(path).unwrap(), &id);
    // Nor do their figures name anybody.
    for hub in &cluster.hubs {
        let metrics = hub.get("/metrics").unwrap();
        assert!(metrics.starts_with("HTTP/1.1 200"), "{metrics}");
        for needle in ["Zanzibara", "Tintagelite", "Quillonry", "unheardof"] {
            assert!(!metrics.contains(needle), "{needle}: {metrics}");
        }
    }
    // Nor once they have stopped, nor after a start.
    for hub in &mut cluster.hubs {
        hub.stop();
        for needle in ["Zanzibara", "Tintagelite", "Quillonry", "unheardof"] {
            assert_eq!(files_with(&hub.data, needle), Vec::<String>::new());
        }
        assert!(
            ["Zanzibara", "unheardof"]
                .iter()
                .all(|needle| !hub.log().contains(needle))
        );
        hub.start();
        assert_eq!(seen(hub, &id), None);
    }
}

#[test]
fn the_host_is_told_whom_to_introduce_and_only_by_what_a_card_shows() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let [birmingham, vienna] = &cluster.hubs[..] else {
        panic!("two hubs")
    };
    let ada = birmingham.json(&["member", "add", "--name", "Ada", "--want", "a bicycle"]);
    let shown = [
        "--audience",
        "name=network",
        "--audience",
        "offers=network",
        "--consent",
        "1",
    ];
    let add = |hub: &Hub, name: &str, flags: &[&str]| {
        hub.json(
            &[
                &["member", "add", "--name", name, "--offer", "give:old bicycle"][..],
                flags,
            ]
            .concat(),
        )
    };
    add(vienna, "Vera", &shown);
    add(vienna, "Wim", &[]);
    add(birmingham, "Bo", &[]);
    cluster.agree();
    let told = birmingham.json(&["member", "suggest"]);
    let givers: Vec<String> = told["suggestions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", text(&one["giver"], "name"), text(&one["giver"], "hub")))
        .collect();
    assert_eq!(givers.len(), 2, "{told}");
    assert!(givers.contains(&"Vera vienna".into()) && givers.contains(&"Bo birmingham".into()));
    assert_eq!(told["suggestions"][0]["seeker"]["id"], ada["id"]);
    assert_eq!(birmingham.json(&["member", "suggest", &text(&ada, "id")]), told);
    // What Ada looks for is nobody else's to read.
    assert_eq!(vienna.json(&["member", "suggest"])["suggestions"], json!([]));
    birmingham
        .cli(&["member", "suggest", &"0".repeat(32)])
        .fails(3, "no member");
}

#[test]
fn a_restored_backup_shows_nobody_until_it_knows_who_was_erased() {
    let mut cluster = Cluster::new(&["birmingham", "vienna"]);
    let root = cluster.folder().to_path_buf();
    let add = |hub: &Hub, name: &str| {
        let flags = ["--audience", "name=network", "--consent", "1"];
        text(
            &hub.json(&[&["member", "add", "--name", name][..], &flags].concat()),
            "id",
        )
    };
    let ada = add(&cluster.hubs[0], "Zanzibara Q");
    let bo = add(&cluster.hubs[0], "Bo");
    let vera = add(&cluster.hubs[1], "Yggdrasila V");
    cluster.agree();
    cluster.hubs[0].stop();
    let backup = cluster.hubs[0].copy_folder(&root, "backup");
    cluster.hubs[0].start();
    assert_eq!(
        cluster.hubs[0].json(&["status"])["restoring"],
        json!(false),
        "the same folder again"
    );
    cluster.hubs[0].json(&["member", "erase", &ada, "--yes"]);
    cluster.hubs[1].json(&["member", "erase", &vera, "--yes"]);
    edit(&cluster.hubs[0], &bo, &["--withdraw-consent"]);
    cluster.agree();
    for hub in &mut cluster.hubs {
        hub.stop();
    }

    backup.replace_folder_of(&cluster.hubs[0]);
    cluster.hubs[0].start();
    assert_eq!(cluster.hubs[0].json(&["status"])["restoring"], json!(true));
    for line in [
        &["member", "list"][..],
        &["member", "show", &ada],
        &["member", "show", &bo],
        &["member", "show", &vera],
        &["member", "export"],
        &["member", "edit", &bo, "--headline", "x"],
    ] {
        cluster.hubs[0].cli(line).fails(1, "this data folder is a copy");
    }
    cluster.hubs[1].start();
    let birmingham = &cluster.hubs[0];
    wait_until("another hub's word", SOON, || {
        let restoring = birmingham.json(&["status"])["restoring"].clone();
        if restoring == json!(false) {
            Ok(())
        } else {
            Err(restoring.to_string())
        }
    });
    assert_eq!(names(birmingham, &[]), ["Bo"]);
    // What was agreed to in the backup and taken back since stays taken back, also when the record changes.
    let bo = edit(birmingham, &bo, &["--headline", "x"]);
    assert_eq!(
        (&bo["has_card"], &bo["audiences"]["name"]["chosen"]),
        (&json!(false), &json!("hub"))
    );
    // The bytes of the backup go too.
    wait_until("no byte of them", SOON, || {
        let found = ["Zanzibara", "Yggdrasila"]
            .map(|needle| files_with(&birmingham.data, needle))
            .concat();
        if found.is_empty() { Ok(()) } else { Err(found.join(" ")) }
    });
    for needle in ["Zanzibara", "Yggdrasila"] {
        assert!(!birmingham.log().contains(needle), "{needle}");
    }
}

#[test]
fn a_member_is_given_a_link_to_their_own_page() {
    let cluster = Cluster::new(&["birmingham"]);
    let hub = &cluster.hubs[0];
    let id = text(&hub.json(&["member", "add", "--name", "Ada Example"]), "id");
    let code = cluster.folder().join("link.svg");
    let made = hub.json(&["member", "link", &id, "--expires", "2h", "--qr", code.to_str().unwrap()]);
    assert_eq!(
        (text(&made, "member"), &made["mailed"]),
        (id.clone(), &Value::Bool(false))
    );
    let expires: jiff::Timestamp = text(&made, "expires").parse().unwrap();
    assert!(
        (7_100..=7_200).contains(&(expires.as_second() - jiff::Timestamp::now().as_second())),
        "{made}"
    );
    assert!(std::fs::read_to_string(&code).unwrap().contains("<svg"));
    // It leads to a page with a button, and to no name.
    let url = text(&made, "url");
    let path = &url[url.find("/me/open/").unwrap()..];
    for _ in 0..2 {
        let page = hub.get(path).unwrap();
        assert!(page.contains("Open my page") && !page.contains("Ada"), "{page}");
    }
    let newer = hub.json(&["member", "link", &id]);
    assert_ne!(text(&newer, "url"), url);
    assert!(
        hub.get(path).unwrap().starts_with("HTTP/1.1 403"),
        "another one ends it"
    );

    let unknown = "0".repeat(32);
    for (arguments, exit, words) in [
        (vec!["member", "link", &id, "--expires", "91d"], 2, "90 days"),
        (vec!["member", "link", &id, "--expires", "59s"], 2, "1 minute"),
        (vec!["member", "link", &unknown], 3, "no member"),
        (vec!["member", "link", &id, "--mail"], 1, "smtp_url"),
        (vec!["member", "link", &id, "--qr", "link.txt"], 2, "png"),
        (vec!["member", "invite"], 1, "smtp_url"),
    ] {
        hub.cli(&arguments).fails(exit, words);
    }
}

#[test]
fn bad_input_is_refused_in_one_line_and_changes_nothing() {
    let cluster = Cluster::new(&["birmingham", "vienna"]);
    let [birmingham, vienna] = &cluster.hubs[..] else {
        panic!("two hubs")
    };
    let ada = birmingham.json(&["member", "add", "--name", "Ada"]);
    let id = text(&ada, "id");
    let long = "x".repeat(201);
    let unknown = "0".repeat(32);
    for (line, code, words) in [
        (vec!["add", "--name", " "], 2, "name"),
        (vec!["add", "--name", &long], 2, "200"),
        (vec!["edit", &id], 2, "nothing to change"),
        (vec!["edit", &id, "--name", ""], 2, "name"),
        (vec!["edit", &unknown, "--name", "X"], 3, "no member"),
        (vec!["edit", "ada", "--name", "X"], 2, "no id of a member"),
        (vec!["edit", &id, "--kind", "robot"], 2, "organisation"),
        (vec!["edit", &id, "--status", "bored"], 2, "moved_on"),
        (vec!["edit", &id, "--valid-until", "soon"], 2, "2027-12-31"),
        (vec!["edit", &id, "--languages", "klingonese!"], 2, "no language"),
        (vec!["edit", &id, "--link", "javascript:alert(1)"], 2, "https://"),
        (vec!["edit", &id, "--audience", "mail=network"], 2, "no field"),
        (vec!["edit", &id, "--audience", "name=all"], 2, "network"),
        (vec!["edit", &id, "--offer", "lend:"], 2, "does not say what"),
        (vec!["edit", &id, "--consent", "1"], 2, "--audience"),
        (
            vec!["edit", &id, "--consent", "1", "--withdraw-consent"],
            2,
            "--withdraw-consent",
        ),
        (vec!["show", &unknown], 3, "no member"),
        (vec!["list", "--hub", "atlantis"], 3, "atlantis"),
        (vec!["list", "--limit", "0"], 2, "--limit"),
        (vec!["list", "--cursor", "x"], 2, "cursor"),
    ] {
        let line: Vec<&str> = ["member"].into_iter().chain(line).collect();
        birmingham.cli(&line).fails(code, words);
    }
    assert_eq!(birmingham.json(&["member", "show", &id]), ada);
    // Another hub's member is nobody else's to change.
    vienna
        .cli(&["member", "edit", &id, "--name", "X"])
        .fails(3, "no member");
    // A long list comes in pages.
    for number in 0..5 {
        birmingham.json(&["member", "add", "--name", &format!("Member {number}")]);
    }
    let first = birmingham.json(&["member", "list", "--limit", "4"]);
    let next = text(&first, "next");
    let second = birmingham.json(&["member", "list", "--limit", "4", "--cursor", &next]);
    assert_eq!(second["members"].as_array().map(Vec::len), Some(2));
    assert_eq!(second["next"], Value::Null);
}
