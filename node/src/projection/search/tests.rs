//! The text index follows the database whatever happens to either of them; and both indexes answer alike.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use interhub_domain::event::Translation;
use interhub_domain::ids::ThingId;
use proptest::prelude::*;
use proptest::sample::select;

use super::memory::MemoryIndex;
use super::tantivy::TantivyIndex;
use super::{Mark, Search, Text, TextIndex, TextQuery};
use crate::projection::testing::{DATABASE, House, NOW_MS, all, event, thing};
use crate::store::memory::MemoryStore;
use crate::store::{Backend, Batch, Store};

fn open(map: &Arc<MemoryStore>, folder: &Path) -> House {
    House::with(Arc::clone(map), NOW_MS, Box::new(TantivyIndex::open(folder).unwrap()))
}

fn found(search: &Search, text: &str) -> Vec<ThingId> {
    search.find(text).unwrap().unwrap().to_vec()
}

#[test]
fn a_mark_reads_back() {
    let mark = Mark {
        database: [0xab; 16],
        dropped: 3,
        change: 99,
    };
    assert_eq!(mark.to_string().parse(), Ok(mark));
    assert!("".parse::<Mark>().is_err());
    assert!("1:999:00:1:2".parse::<Mark>().is_err());
}

#[test]
fn words_are_found_in_their_forms() {
    let house = House::new();
    let mut row = event(1, "Bücherflohmarkt am Sonntag", "2026-12-01T18:00");
    row.event.language = "de-AT".into();
    row.event.description = "Alte Häuser, neue Gärten".into();
    row.event.tags = vec!["Reparatur-Café".into()];
    let english = Translation {
        title: "Second-hand books".into(),
        summary: "Bring children".into(),
    };
    row.event.translations.insert("en".into(), english);
    house.put(&row);
    house.search.follow_all().unwrap();
    for text in [
        "bücherflohmarkt",
        "BUECHERFLOHMARKT",
        "bucherflohmarkt sonnt",
        "haus",
        "garten alte",
        "cafe",
        "gartem",
        "repa",
        "second book child",
        "haus books",
    ] {
        assert_eq!(found(&house.search, text), [thing(1)], "{text}");
    }
    for text in ["sonnt bücherflohmarkt", "katze", "alte katze", "altexy"] {
        assert!(found(&house.search, text).is_empty(), "{text}");
    }
    assert!(house.search.find("?!").unwrap().is_none());
}

#[test]
fn nothing_is_lost_between_batch_and_commit() {
    let folder = tempfile::tempdir().unwrap();
    let map: Arc<MemoryStore> = Arc::default();
    let house = open(&map, folder.path());
    house.search.follow_all().unwrap();
    house.put(&event(1, "Soup", "2026-12-01T18:00"));
    assert!(!house.search.is_current().unwrap());
    drop(house);

    let house = open(&map, folder.path());
    assert!(!house.search.follow().unwrap().rebuilding);
    assert_eq!(found(&house.search, "soup"), [thing(1)]);
    assert!(house.search.is_current().unwrap());
    house.put(&event(1, "Jazz", "2026-12-01T18:00"));
    house.search.follow_all().unwrap();
    assert_eq!(found(&house.search, "jazz"), [thing(1)]);
    assert!(found(&house.search, "soup").is_empty());
}

#[test]
fn a_commit_whose_list_was_not_shortened_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let map: Arc<MemoryStore> = Arc::default();
    let house = open(&map, folder.path());
    house.search.follow_all().unwrap();
    house.put(&event(1, "Soup", "2026-12-01T18:00"));
    let before = copy(&map);
    house.search.follow_all().unwrap();
    drop(house);
    let house = open(&before, folder.path());
    house.search.follow_all().unwrap();
    assert_eq!(found(&house.search, "soup"), [thing(1)]);
    assert!(house.search.is_current().unwrap());
}

#[test]
fn an_index_that_does_not_fit_is_rebuilt() {
    let (folder, old_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let map: Arc<MemoryStore> = Arc::default();
    let house = open(&map, folder.path());
    house.put(&event(1, "Soup", "2026-12-01T18:00"));
    house.search.follow_all().unwrap();
    let older_database = copy(&map);
    drop(house);
    copy_folder(folder.path(), old_folder.path());
    let house = open(&map, folder.path());
    house.put(&event(2, "Soup too", "2026-12-01T18:00"));
    house.search.follow_all().unwrap();
    assert_eq!(found(&house.search, "soup"), [thing(1), thing(2)]);
    drop(house);

    // The database was restored: the index is ahead of it.
    let house = open(&older_database, folder.path());
    assert!(house.search.follow().unwrap().things > 0);
    house.search.follow_all().unwrap();
    assert_eq!(found(&house.search, "soup"), [thing(1)]);
    drop(house);

    // The index was restored: it is behind what the list can bring.
    let house = open(&map, old_folder.path());
    house.search.follow_all().unwrap();
    assert_eq!(found(&house.search, "soup"), [thing(1), thing(2)]);

    // It belongs to another database.
    let store: Store = Arc::clone(&map) as Store;
    drop(house);
    let index = Box::new(TantivyIndex::open(old_folder.path()).unwrap());
    let search = Search::open(store, index, [8; 16]).unwrap();
    assert_eq!(search.follow().unwrap().things, 2);
}

#[test]
fn a_lost_or_damaged_folder_is_rebuilt() {
    for damage in [
        (|folder: &Path| std::fs::remove_dir_all(folder).unwrap()) as fn(&Path),
        |folder| std::fs::write(folder.join("meta.json"), "{").unwrap(),
        |folder| {
            for file in std::fs::read_dir(folder).unwrap() {
                let file = file.unwrap().path();
                if file.extension().is_some_and(|kind| kind == "term") {
                    let mut bytes = std::fs::read(&file).unwrap();
                    bytes[3] ^= 0xff;
                    std::fs::write(&file, bytes).unwrap();
                }
            }
        },
        |folder| {
            for file in std::fs::read_dir(folder).unwrap() {
                let file = file.unwrap().path();
                if file.extension().is_some_and(|kind| kind == "idx") {
                    std::fs::remove_file(&file).unwrap();
                }
            }
        },
    ] {
        let folder = tempfile::tempdir().unwrap();
        let map: Arc<MemoryStore> = Arc::default();
        let house = open(&map, folder.path());
        house.put(&event(1, "Soup", "2026-12-01T18:00"));
        house.search.follow_all().unwrap();
        drop(house);
        damage(folder.path());
        let house = open(&map, folder.path());
        house.search.follow_all().unwrap();
        assert_eq!(found(&house.search, "soup"), [thing(1)]);
    }
}

#[test]
fn an_erased_text_is_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let map: Arc<MemoryStore> = Arc::default();
    let house = open(&map, folder.path());
    for number in 1..60 {
        house.put(&event(
            number,
            &format!("Soup number{number} qzxvkwmarker{}", if number == 7 { "q" } else { "" }),
            "2026-12-01T18:00",
        ));
    }
    house.search.follow_all().unwrap();
    let term_bytes = |marker: &str| files_with(folder.path(), marker.as_bytes());
    house.change(thing(7), event(7, "", "2026-12-01T18:00").object, None);
    house.search.follow_all().unwrap();
    assert_eq!(term_bytes("qzxvkwmarkerq"), 0);
    assert!(found(&house.search, "qzxvkwmarkerq").len() < 60);
    assert!(found(&house.search, "number7").is_empty() || !found(&house.search, "number7").contains(&thing(7)));
    // No segment with something deleted is left.
    let names = std::fs::read_dir(folder.path()).unwrap().filter(|file| {
        file.as_ref()
            .unwrap()
            .path()
            .extension()
            .is_some_and(|kind| kind == "del")
    });
    assert_eq!(names.count(), 0);
}

fn files_with(folder: &Path, marker: &[u8]) -> usize {
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| std::fs::read(file.unwrap().path()).unwrap_or_default());
    files
        .filter(|bytes| bytes.windows(marker.len()).any(|window| window == marker))
        .count()
}

fn copy(map: &MemoryStore) -> Arc<MemoryStore> {
    let copied: Arc<MemoryStore> = Arc::default();
    let mut batch = Batch::new();
    for ((family, key), value) in all(map) {
        batch.put(family, key, value);
    }
    copied.write(&batch).unwrap();
    copied
}

fn copy_folder(from: &Path, to: &Path) {
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

const VOCABULARY: [&str; 19] = [
    "neighbourhood",
    "neighbxurhxod",
    "nieghbourhxod",
    "garden",
    "gardens",
    "gardening",
    "hardening",
    "Häuser",
    "Haus",
    "Bücher",
    "bucher",
    "soup",
    "soap",
    "jazz",
    "Straße",
    "strasse",
    "repair",
    "repairs",
    "œuvre",
];

prop_compose! {
    fn any_text()(
        words in proptest::collection::vec(select(VOCABULARY.to_vec()), 0..6),
        language in select(vec!["", "de", "en", "fr", "xx"]),
    ) -> Text {
        let mut row = event(1, &words.join(" "), "2026-12-01T18:00");
        row.event.language = language.into();
        Text::of(&row.event)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn both_indexes_answer_alike(
        texts in proptest::collection::vec((0_u8..20, proptest::option::weighted(0.8, any_text())), 1..40),
        queries in proptest::collection::vec(
            (proptest::collection::vec(select(VOCABULARY.to_vec()), 1..3), 0_usize..4), 20),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (tantivy, memory) = (TantivyIndex::open(folder.path()).unwrap(), MemoryIndex::new());
        for (step, chunk) in texts.chunks(10).enumerate() {
            let changes: BTreeMap<ThingId, Option<Text>> =
                chunk.iter().map(|(number, text)| (thing(*number), text.clone())).collect();
            let mark = Some(Mark { database: DATABASE, dropped: 0, change: step as u64 });
            tantivy.apply(&changes, mark).unwrap();
            memory.apply(&changes, mark).unwrap();
            prop_assert_eq!(tantivy.mark(), memory.mark());
        }
        for (words, cut) in queries {
            let text = words.join(" ");
            let shorter: String = text.chars().take(text.chars().count().saturating_sub(cut)).collect();
            let query = TextQuery::new(&shorter);
            prop_assume!(!query.words().is_empty());
            prop_assert_eq!(tantivy.find(&query).unwrap(), memory.find(&query).unwrap(), "{}", shorter);
        }
    }
}
