//! Members that come from other programs' files and go to them.

use interhub_tests::cluster::Cluster;
use interhub_tests::hub::{Hub, text};
use serde_json::{Value, json};

fn saved(hub: &Hub, name: &str, bytes: &[u8]) -> String {
    let path = hub.data.parent().unwrap().join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

fn counts(told: &Value) -> [u64; 5] {
    ["members", "added", "changed", "unchanged", "refused_count"].map(|field| told[field].as_u64().unwrap())
}

#[test]
fn a_table_of_another_program_is_taken_shown_first_and_taken_once() {
    let cluster = Cluster::new(&["birmingham"]);
    let hub = &cluster.hubs[0];
    // Windows-1252, semicolons, German headers, a column that nobody knows, a row without anybody, a formula.
    let table = "Mitgliedsnummer;Vorname;Nachname;E-Mail;Status;Kekse;F\u{e4}higkeiten\r\n\
                 0017;J\u{fc}rgen;Gr\u{fc}n;jg@mail.example;aktiv;viele;Siebdruck, Binden\r\n\
                 0018;Zo\u{eb};Braun;zoe@mail.example;pausiert;;=1+1\r\n\
                 ;;;;;;\r\n\
                 0019;;;;;;\r\n";
    let latin: Vec<u8> = table
        .chars()
        .map(|char| u8::try_from(u32::from(char)).unwrap())
        .collect();
    let file = saved(hub, "Kartei von Interesse.csv", &latin);
    let told = hub.json(&["member", "import", &file, "--dry-run"]);
    assert_eq!(counts(&told), [3, 2, 0, 0, 1], "{told}");
    assert_eq!(text(&told, "source"), file);
    assert_eq!(told["refused"][0]["line"], json!(5));
    let column = |name: &str| {
        let all = told["columns"].as_array().unwrap();
        all.iter().find(|one| one["column"] == json!(name)).unwrap()["field"].clone()
    };
    assert_eq!((column("Vorname"), column("Kekse")), (json!("given_name"), Value::Null));
    assert_eq!(told["changes"][0]["name"], json!("J\u{fc}rgen Gr\u{fc}n"));
    assert_eq!(told["changes"][0]["id"], Value::Null);
    assert_eq!(hub.json(&["member", "list"])["members"], json!([]));
    let shown = hub.cli(&["member", "import", &file, "--dry-run"]).ok();
    for words in ["Kekse -> left out", "+ Zo\u{eb} Braun", "would be 2 added", "line 5: "] {
        assert!(shown.out.contains(words), "{words}: {}", shown.out);
    }

    let done = hub.json(&["member", "import", &file, "--map", "Kekse=notes"]);
    assert_eq!(counts(&done), [3, 2, 0, 0, 1], "{done}");
    let again = hub.json(&["member", "import", &file, "--map", "Kekse=notes"]);
    assert_eq!(counts(&again), [3, 0, 0, 2, 1], "{again}");
    let list = hub.json(&["member", "list"]);
    let ids: Vec<String> = list["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text(one, "id"))
        .collect();
    let jurgen = hub.json(&["member", "show", &ids[0]]);
    assert_eq!(
        (
            &jurgen["name"],
            &jurgen["skills"],
            &jurgen["local"]["notes"],
            &jurgen["local"]["number"]
        ),
        (
            &json!("J\u{fc}rgen Gr\u{fc}n"),
            &json!(["Siebdruck", "Binden"]),
            &json!("viele"),
            &json!("0017")
        )
    );
    assert_eq!(
        (&jurgen["has_card"], &jurgen["consents"]),
        (&json!(false), &Value::Null)
    );

    // Out again, in each form; a spreadsheet finds no formula, and nothing is lost on the way back in.
    let csv = hub.cli(&["member", "export"]).ok().out;
    assert!(csv.contains("'=1+1") && !csv.contains(",=1+1"), "{csv}");
    for (format, words) in [
        ("csv", "number"),
        ("vcard", "BEGIN:VCARD"),
        ("jscontact", "\"@type\""),
        ("json", "\"consents\""),
    ] {
        let exported = hub.cli(&["member", "export", "--format", format]).ok().out;
        assert!(
            exported.contains(words) && exported.contains("jg@mail.example"),
            "{format}: {exported}"
        );
        let one = hub.cli(&["member", "export", &ids[0], "--format", format]).ok().out;
        assert!(
            one.contains("jg@mail.example") && !one.contains("zoe@mail.example"),
            "{format}: {one}"
        );
        if format != "json" {
            let file = saved(hub, &format!("out.{format}"), exported.as_bytes());
            let back = hub.json(&["member", "import", &file]);
            assert_eq!(counts(&back), [2, 0, 0, 2, 0], "{format}: {back}");
        }
    }
    let profiles = hub.cli(&["member", "export", "--format", "murmurations"]).ok();
    assert!(
        !profiles.out.contains("rgen"),
        "nothing of them is public: {}",
        profiles.out
    );
    // What passes through is in no log.
    for words in ["Interesse", "rgen", "mail.example", "viele"] {
        assert!(!hub.log().contains(words), "{words}");
    }
}

#[test]
fn files_that_cannot_be_taken_are_refused_in_one_line() {
    let cluster = Cluster::new(&["birmingham"]);
    let hub = &cluster.hubs[0];
    let huge = saved(hub, "huge.csv", b"");
    std::fs::File::options()
        .write(true)
        .open(&huge)
        .unwrap()
        .set_len(100 << 20)
        .unwrap();
    let many = format!("name\n{}", "A\n".repeat(100_001));
    for (name, bytes, flags, code, words) in [
        ("none.csv", &b""[..], &[][..], 1, "empty file"),
        (
            "events.ics",
            b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
            &[],
            1,
            "interhub event import",
        ),
        ("cut.json", b"[{\"@type\": \"Card\"", &[], 1, "not JSON"),
        ("odd.csv", b"x,y\n1,2\n", &[], 1, "--map COLUMN=FIELD"),
        ("odd.csv", b"x,y\n1,2\n", &["--map", "z=name"], 2, "no column z"),
        (
            "odd.csv",
            b"x,y\n1,2\n",
            &["--map", "x=shoe size"],
            2,
            "none of id, name",
        ),
        ("odd.csv", b"x,y\n1,2\n", &["--map", "x"], 2, "Firma=company"),
        ("book.xlsx", b"PK\x03\x04", &[], 1, "save it as CSV"),
        ("many.csv", many.as_bytes(), &[], 1, "100000 members"),
    ] {
        let file = saved(hub, name, bytes);
        hub.cli(&[&["member", "import", &file], flags].concat())
            .fails(code, words);
    }
    hub.cli(&["member", "import", &huge]).fails(1, "64 MiB");
    hub.cli(&["member", "import", "/nowhere/m.csv"])
        .fails(3, "no such file");
    hub.cli(&["member", "export", &"0".repeat(32)]).fails(3, "no member");
    hub.cli(&["member", "export", "--format", "pdf"])
        .fails(2, "murmurations");
    // Cut off in the middle of a card: the whole ones before are taken.
    let cut = saved(
        hub,
        "cut.vcf",
        b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada\r\nEND:VCARD\r\nBEGIN:VCARD\r\nVERSION:3.0\r\nFN:Bo",
    );
    let told = hub.json(&["member", "import", &cut]);
    assert_eq!(counts(&told), [2, 1, 0, 0, 1], "{told}");
    assert_eq!(told["refused"][0]["line"], json!(5));
}
