//! Members: their records, who sees what, what they agreed to, erasing, taking in, taking along.

use interhub_domain::ids::{DocumentKind, LogId, ObjectId, ThingId};
use interhub_domain::member::{Audience, Field, Member};

use super::*;
use crate::projection::members::MemberRow;
use crate::projection::write::Projector;
use crate::store::Batch;
use crate::web::fixture;

const LIST: &str = "/admin/members";

/// A new member with these fields, and the address of their form.
pub(super) async fn member(browser: &mut Browser, fields: &[(&str, &str)]) -> String {
    let added = browser.fill_in("/admin/members/new", fields).await;
    assert_eq!(added.status, StatusCode::SEE_OTHER, "{}", added.body);
    let (address, done) = added.location().split_once('?').unwrap();
    assert_eq!(done, "done=member_added");
    address.to_owned()
}

pub(super) async fn record(browser: &Browser, address: &str) -> Member {
    let id = address.rsplit('/').next().unwrap().to_owned();
    browser.commands.show_member(id).await.unwrap().member
}

/// What a browser sends of a form: each field as it stands there, apart from boxes, and these instead.
pub(super) fn all_of<'a>(page: &'a Page, instead: &[(&'a str, &'a str)]) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for chunk in page.body.split("name=\"").skip(1) {
        let name = chunk.split('"').next().unwrap().to_owned();
        let value = if let Some((_, choices)) = chunk
            .split_once("<option")
            .filter(|_| name.starts_with("sees-") || matches!(&*name, "kind" | "status"))
        {
            let before = choices.split("</select>").next().unwrap();
            let chosen = before.split("<option").find(|one| one.contains(" selected")).unwrap();
            chosen
                .split("value=\"")
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap()
                .to_owned()
        } else if ["biography", "offers", "wants", "links", "notes"].contains(&&*name) {
            chunk
                .split(">\n")
                .nth(1)
                .unwrap()
                .split("</textarea>")
                .next()
                .unwrap()
                .to_owned()
        } else if ["agreed", "withdraws", "drops_photo"].contains(&&*name) {
            continue;
        } else {
            chunk
                .split("value=\"")
                .nth(1)
                .unwrap_or("")
                .split('"')
                .next()
                .unwrap()
                .to_owned()
        };
        let plain = value.replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&");
        fields.push((name, plain));
    }
    fields.retain(|(name, _)| !instead.iter().any(|(other, _)| other == name));
    fields.extend(
        instead
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    fields
}

/// Opens a member's form, changes these fields, and sends it.
pub(super) async fn change(browser: &mut Browser, address: &str, instead: &[(&str, &str)]) -> Page {
    browser.clock.advance_ms(1_000);
    let page = browser.get(address).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let fields = all_of(&page, instead);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    browser.post(address, &fields).await
}

pub(super) const ADA: [(&str, &str); 12] = [
    ("name", "Ada <b>Example</b>"),
    ("headline", "Printmaker"),
    ("biography", "Prints.\r\n\r\nAnd binds."),
    ("skills", "screen printing, binding"),
    ("offers", "teach: screen printing until 2027-05-01\r\na press"),
    ("wants", "swap: paper"),
    ("languages", "EN, cy"),
    ("links", "Shop <https://shop.example>"),
    ("tier", "full"),
    ("valid_until", "2027-12-31"),
    ("mail", "ada@mail.example"),
    ("notes", "key 7"),
];

#[tokio::test]
async fn a_member_is_written_found_and_changed() {
    let mut browser = signed_in().await;
    let empty = browser.get(LIST).await;
    assert!(empty.body.contains("There is nobody yet"));
    let address = member(&mut browser, &ADA).await;
    let ada = record(&browser, &address).await;
    assert_eq!(
        (ada.name.as_str(), ada.skills.len(), ada.offers.len()),
        ("Ada <b>Example</b>", 2, 2)
    );
    assert_eq!(
        (ada.biography.as_str(), ada.languages.join(" ")),
        ("Prints.\n\nAnd binds.", "en cy".to_owned())
    );
    assert_eq!(
        (ada.links[0].label.as_str(), ada.local.notes.as_str()),
        ("Shop", "key 7")
    );
    assert!(ada.audiences.is_empty(), "nobody chose");
    member(&mut browser, &[("name", "Bo"), ("status", "paused")]).await;

    let list = browser.get(&format!("{LIST}?done=member_added")).await;
    assert!(
        list.body.contains("The member is there.") && !list.body.contains("<b>Example"),
        "{}",
        list.body
    );
    assert!(list.body.contains("Printmaker") && list.body.contains("paused") && list.body.contains("Hub Birmingham"));
    assert!(!list.body.contains("ada@mail.example") && !list.body.contains("other hubs hold"));
    for (found, query) in [
        (true, "q=printmaker"),
        (true, "skill=screen"),
        (true, "offer=press&hub=own"),
        (true, "want=paper"),
        (false, "skill=welding"),
        (false, "offer=paper"),
    ] {
        let page = browser.get(&format!("{LIST}?{query}")).await;
        assert_eq!(page.body.contains(&address), found, "{query}");
        assert_eq!(page.body.contains("Nobody fits"), !found, "{query}");
    }

    // What is sent as it came changes nothing; one field changes that.
    let saved = change(&mut browser, &address, &[]).await;
    assert_eq!(saved.location(), format!("{address}?done=saved"), "{}", saved.body);
    assert_eq!(record(&browser, &address).await, ada);
    let form = browser.get(&address).await;
    assert!(form.body.contains("never leave this hub") && form.body.contains("There is no picture."));
    assert!(form.body.contains("teach: screen printing until 2027-05-01\na press"));
    change(&mut browser, &address, &[("headline", "Engraver"), ("valid_until", "")]).await;
    let later = record(&browser, &address).await;
    assert_eq!((later.headline.as_str(), later.valid_until), ("Engraver", None));
    assert_eq!(later.offers, ada.offers);
}

#[tokio::test]
async fn lists_go_on_for_pages() {
    let mut browser = signed_in().await;
    let options = crate::command::member::MemberImport::default();
    let rows = (0..60).map(|number| format!("Member {number:02},m{number}@a.example"));
    let lines: Vec<String> = std::iter::once("name,mail".to_owned()).chain(rows).collect();
    let file = lines.join("\n");
    let told = browser
        .commands
        .import_members("m.csv", file.as_bytes(), &options, &mut |_, _| {});
    assert_eq!(told.unwrap().added, 60);
    let first = browser.get(LIST).await;
    assert!(first.body.contains("Member 49") && !first.body.contains("Member 50"));
    let (_, rest) = first.body.split_once("rel=\"next\" href=\"").unwrap();
    let next = rest.split_once('"').unwrap().0.replace("&#38;", "&");
    let second = browser.get(&next).await;
    assert!(
        second.body.contains("Member 50")
            && !second.body.contains("Member 49")
            && !second.body.contains("rel=\"next\"")
    );
    for wrong in ["cursor=nonsense", "hub=nowhere"] {
        let refused = browser.get(&format!("{LIST}?{wrong}")).await;
        assert!(refused.status.is_client_error(), "{wrong}: {}", refused.status);
    }
}

#[tokio::test]
async fn nothing_is_shown_elsewhere_until_they_agreed_and_nothing_after_they_took_it_back() {
    let mut browser = signed_in().await;
    let address = member(&mut browser, &ADA).await;
    let chosen = [("sees-name", "network"), ("sees-skills", "public")];
    let saved = change(&mut browser, &address, &chosen).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let form = browser.get(&address).await;
    assert!(
        form.body.contains("“Everybody” is chosen, but they have not agreed"),
        "{}",
        form.body
    );
    assert!(form.body.contains("Nothing is on record."));
    assert_eq!(record(&browser, &address).await.audience(Field::Skills), Audience::Hub);

    // A consent says to which wording.
    let without = change(&mut browser, &address, &[("agreed", "1")]).await;
    assert_eq!(without.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        without.body.contains("id=\"consent_text-error\"")
            && without.body.contains("name=\"agreed\" value=\"1\" checked")
    );
    let agreed = [
        ("agreed", "1"),
        ("consent_text", "2026-11"),
        ("consent_channel", "on paper"),
    ];
    let saved = change(&mut browser, &address, &agreed).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let ada = record(&browser, &address).await;
    assert_eq!(
        (ada.audience(Field::Name), ada.audience(Field::Skills)),
        (Audience::Network, Audience::Public)
    );
    assert_eq!(ada.audience(Field::Headline), Audience::Hub);
    let by = &ada.consents.values().next().unwrap().recorded_by;
    assert!(by.starts_with("token ") && by.ends_with(" Front office"), "{by}");
    let form = browser.get(&address).await;
    for told in [
        "2026-11",
        "on paper",
        "it holds",
        "other hubs hold a card",
        "Anybody can see it.",
    ] {
        assert!(form.body.contains(told), "{told}");
    }
    assert!(browser.get(LIST).await.body.contains("other hubs hold a card"));

    let saved = change(&mut browser, &address, &[("withdraws", "1")]).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let ada = record(&browser, &address).await;
    assert!(ada.consents.values().all(|one| one.withdrawn_ms.is_some()) && ada.card().is_none());
    let form = browser.get(&address).await;
    assert!(!form.body.contains("other hubs hold a card") && !form.body.contains("it holds"));
    // What was taken back is erased, and the page tells where.
    assert!(form.body.contains(&format!("{address}/receipts")), "{}", form.body);
    let receipts = browser.get(&format!("{address}/receipts")).await;
    assert!(
        receipts.body.contains("Hub Birmingham") && receipts.body.contains("Back to the member"),
        "{}",
        receipts.body
    );
}

#[tokio::test]
async fn what_cannot_be_kept_stays_in_the_form() {
    let mut browser = signed_in().await;
    let long = "x".repeat(201);
    for (field, wrong) in [
        ("name", ""),
        ("headline", &*long),
        ("offers", "lend: a press until 1.5.2027"),
        ("languages", "Klingon is none"),
        ("links", "javascript:alert(1)"),
        ("valid_until", "soon"),
        ("valid_until", "<script>"),
        ("agreed", "1"),
    ] {
        let page = browser
            .fill_in(
                "/admin/members/new",
                &[
                    &[("notes", "what I typed"), (field, wrong), ("consent_text", "1")],
                    &ADA[..],
                ]
                .concat(),
            )
            .await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{field} {wrong}");
        assert!(
            page.body.contains(&format!("href=\"#{field}\"")),
            "{field} {wrong}: {}",
            page.body
        );
        assert!(page.body.contains(&format!("id=\"{field}-error\"")), "{field} {wrong}");
        assert!(
            page.body.contains("what I typed") && !page.body.contains("<script>"),
            "{field} {wrong}"
        );
    }
    assert!(browser.get(LIST).await.body.contains("There is nobody yet"));
}

#[tokio::test]
async fn whoever_is_second_is_told_and_keeps_what_they_typed() {
    let mut browser = signed_in().await;
    let address = member(&mut browser, &ADA).await;
    let opened = browser.get(&address).await;
    change(&mut browser, &address, &[("headline", "First")]).await;
    let second = all_of(&opened, &[("headline", "Second")]);
    let second: Vec<(&str, &str)> = second.iter().map(|(name, value)| (&**name, &**value)).collect();
    let told = browser.post(&address, &second).await;
    assert_eq!(told.status, StatusCode::CONFLICT);
    assert!(told.body.contains("Somebody changed this member"));
    assert_eq!(
        (told.value("headline"), record(&browser, &address).await.headline),
        ("Second".into(), "First".into())
    );
    // Sent again from there, it is meant.
    let again = all_of(&told, &[]);
    let again: Vec<(&str, &str)> = again.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(browser.post(&address, &again).await.status, StatusCode::SEE_OTHER);
    assert_eq!(record(&browser, &address).await.headline, "Second");
}

#[tokio::test]
async fn a_member_is_erased_and_it_is_told_where() {
    let mut browser = signed_in().await;
    let nobody_knows = member(&mut browser, &[("name", "Bo")]).await;
    let asked = browser.get(&format!("{nobody_knows}/erase")).await;
    assert!(
        asked.body.contains("Erase Bo for good?") && !asked.body.contains("hold a card"),
        "{}",
        asked.body
    );
    let done = browser.fill_in(&format!("{nobody_knows}/erase"), &[]).await;
    assert_eq!(done.location(), format!("{LIST}?done=member_erased"));
    assert_eq!(browser.get(&nobody_knows).await.status, StatusCode::NOT_FOUND);

    let address = member(&mut browser, &ADA).await;
    assert_eq!(
        browser.get(&format!("{address}/receipts")).await.status,
        StatusCode::NOT_FOUND
    );
    let agreed = [("sees-name", "network"), ("agreed", "1"), ("consent_text", "2026-11")];
    change(&mut browser, &address, &agreed).await;
    let asked = browser.get(&format!("{address}/erase")).await;
    assert!(
        asked.body.contains("Other hubs hold a card") && !asked.body.contains("<b>"),
        "{}",
        asked.body
    );
    let done = browser.fill_in(&format!("{address}/erase"), &[]).await;
    assert_eq!(done.location(), format!("{address}/receipts?done=member_erased"));
    let receipts = browser.get(&format!("{address}/receipts?done=member_erased")).await;
    assert_eq!(receipts.status, StatusCode::OK, "{}", receipts.body);
    assert!(receipts.body.contains("Erased. Nothing is left") && receipts.body.contains("Back to the members"));
    assert!(!receipts.body.contains("Example"), "no word of them");
    let report = browser.get(&format!("{address}/receipts.json")).await;
    let report: serde_json::Value = serde_json::from_str(&report.body).unwrap();
    assert!(
        report["signature"].as_str().is_some_and(|hex| hex.len() == 128),
        "{report}"
    );
    assert_eq!(
        browser.get(&format!("{address}/erase")).await.status,
        StatusCode::NOT_FOUND
    );
    assert!(browser.get(LIST).await.body.contains("There is nobody yet"));
}

#[tokio::test]
async fn a_list_is_looked_at_first_and_then_taken() {
    let mut browser = signed_in().await;
    let page = "/admin/members/import";
    let list = "id,name,mail,mood\n17,Ada <b>,ada@a.example,good\n18,,,\n";
    let look = browser.fill_in(page, &[("do", "look"), ("list", list)]).await;
    assert_eq!(look.status, StatusCode::OK, "{}", look.body);
    for told in [
        "Nothing was changed yet.",
        "mood",
        "left out",
        "no name",
        "value=\"take\"",
        "Their id in the other program",
    ] {
        assert!(look.body.contains(told), "{told}: {}", look.body);
    }
    assert!(!look.body.contains("<b>"));
    assert!(browser.get(LIST).await.body.contains("There is nobody yet"));
    let (_, hidden) = look.body.split_once("name=\"list\" value=\"").unwrap();
    let carried = hidden
        .split_once('"')
        .unwrap()
        .0
        .replace("&#60;", "<")
        .replace("&#62;", ">");
    assert_eq!(carried, list);
    let taken = browser.fill_in(page, &[("do", "take"), ("list", &carried)]).await;
    assert_eq!(
        taken.location(),
        format!("{LIST}?done=members_imported"),
        "{}",
        taken.body
    );
    assert!(browser.get(LIST).await.body.contains("Ada &#60;b&#62;"));

    let again = browser.fill_in(page, &[("do", "look"), ("list", list)]).await;
    assert!(again.body.contains("There is nothing to take in") && !again.body.contains("value=\"take\""));
    let other = list.replace("Ada <b>", "Ada Example");
    let changes = browser.fill_in(page, &[("do", "look"), ("list", &other)]).await;
    assert!(
        changes.body.contains("<s dir=\"auto\">Ada &#60;b&#62;</s>"),
        "{}",
        changes.body
    );
    let card = "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:u1\r\nFN:Cy\r\nEND:VCARD\r\n";
    let taken = browser.fill_in(page, &[("do", "take"), ("list", card)]).await;
    assert_eq!(taken.status, StatusCode::SEE_OTHER, "{}", taken.body);

    for (wrong, told) in [
        (" ", "Paste a table"),
        ("x,y\n1,2\n", "none of the columns is known"),
        ("BEGIN:VCALENDAR\n", "it looks like a calendar"),
    ] {
        let refused = browser.fill_in(page, &[("do", "take"), ("list", wrong)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(
            refused.body.contains(told) && refused.body.contains(wrong.trim()),
            "{wrong}: {}",
            refused.body
        );
    }
    let permit = browser.commands.begin_importing_members().unwrap();
    let busy = browser.fill_in(page, &[("do", "take"), ("list", list)]).await;
    assert_eq!(busy.status, StatusCode::CONFLICT);
    assert!(busy.body.contains("Somebody is taking in a list right now"));
    drop(permit);
}

#[tokio::test]
async fn members_are_taken_along_as_files() {
    let mut browser = signed_in().await;
    member(&mut browser, &ADA).await;
    for (kind, media, told) in [
        ("csv", "text/csv; charset=utf-8", "ada@mail.example"),
        ("json", "application/json", "\"key 7\""),
        ("vcf", "text/vcard; charset=utf-8", "BEGIN:VCARD"),
    ] {
        let file = browser.get(&format!("{LIST}.{kind}")).await;
        assert_eq!(
            (file.status, &file.headers["content-type"]),
            (StatusCode::OK, &media.parse().unwrap()),
            "{kind}"
        );
        assert!(file.body.contains(told), "{kind}: {}", file.body);
        let name = file.headers["content-disposition"].to_str().unwrap();
        assert!(name.contains(&format!("members.{kind}")), "{name}");
        assert_eq!(file.headers["cache-control"], "no-store");
    }
}

/// A card of a member of another hub, as this node holds it. The address of their page.
fn card_of_linz(browser: &Browser, store: &Store) -> String {
    let linz = fixture::hub(9, "linz", "Hub <b>Linz</b>", "Europe/Vienna", ("Linz", "AT"), None);
    let thing = ThingId::new(linz.id, [5; 8]);
    let network = browser.commands.ledger.network().unwrap();
    let object = ObjectId::derive(network, linz.id, LogId::NETWORK, DocumentKind::Member, thing);
    let shown = [Field::Name, Field::Biography, Field::Links, Field::Skills];
    let said = Member {
        name: "Cy <script>alert(1)</script>".into(),
        headline: "not for here".into(),
        biography: "Welds <b>well</b>.".into(),
        skills: vec!["welding".into()],
        links: vec![interhub_domain::member::Link {
            label: String::new(),
            url: "https://www.cy.example/x".into(),
        }],
        audiences: shown.map(|field| (field, Audience::Network)).into(),
        ..Member::default()
    };
    let row = MemberRow::of(thing, object, linz.id, LogId::NETWORK, said).unwrap();
    let projector = Projector::open(store.clone(), NOW_MS).unwrap();
    let mut batch = Batch::new();
    projector.hub_changed(&mut batch, linz.id, Some(&linz)).unwrap();
    projector.member_changed(&mut batch, object, Some(&row)).unwrap();
    store.write(&batch).unwrap();
    format!("{LIST}/{thing}")
}

#[tokio::test]
async fn a_card_of_another_hub_is_read_and_not_changed() {
    let store: Store = Arc::new(MemoryStore::new());
    let mut browser = enter(hub_in(store.clone(), false).await).await;
    let address = card_of_linz(&browser, &store);
    let list = browser.get(LIST).await;
    assert!(
        list.body.contains(&address) && list.body.contains("Hub &#60;b&#62;Linz"),
        "{}",
        list.body
    );
    assert!(!browser.get(&format!("{LIST}?hub=own")).await.body.contains(&address));
    for language in ["en", "de", "nl", "es"] {
        let card = browser.get(&format!("{address}?ui={language}")).await;
        assert_eq!(card.status, StatusCode::OK, "{}", card.body);
        assert!(card.body.contains("welding") && card.body.contains("href=\"https://www.cy.example/x\""));
        assert!(
            card.body.contains(">cy.example<") || card.body.contains("<bdi>cy.example</bdi>"),
            "{}",
            card.body
        );
        assert!(!card.body.contains("not for here") && !card.body.contains("<b>") && !card.body.contains("<script>"));
        assert!(!card.body.contains("name=\"headline\"") && !card.body.contains("{hub}"));
    }
    let proof = browser.get("/admin/members/new").await.value("proof");
    for (path, status) in [("", StatusCode::FORBIDDEN), ("/erase", StatusCode::NOT_FOUND)] {
        let fields = [("proof", proof.as_str()), ("name", "Other"), ("version", "0")];
        let refused = browser.post(&format!("{address}{path}"), &fields).await;
        assert_eq!(refused.status, status, "{path}: {}", refused.body);
    }
    assert_eq!(
        browser.get(&format!("{address}/erase")).await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn every_member_page_speaks_every_language() {
    let mut browser = signed_in().await;
    let address = member(&mut browser, &ADA).await;
    let agreed = [("sees-name", "network"), ("agreed", "1"), ("consent_text", "2026-11")];
    change(&mut browser, &address, &agreed).await;
    change(&mut browser, &address, &[("withdraws", "1")]).await;
    let of_member = ["", "/erase", "/receipts"].map(|rest| format!("{address}{rest}"));
    let pages = [
        LIST,
        "/admin/members?q=nobody",
        "/admin/members/new",
        "/admin/members/import",
    ];
    for path in pages.into_iter().map(str::to_owned).chain(of_member) {
        for language in ["en", "de", "nl", "es"] {
            let and = if path.contains('?') { '&' } else { '?' };
            let page = browser.get(&format!("{path}{and}ui={language}")).await;
            assert_eq!(page.status, StatusCode::OK, "{path} {language}");
            assert!(page.body.contains(&format!("<html lang=\"{language}\"")));
            assert!(!page.body.contains("<b>"), "{path}: markup in a name");
            let marks = ["{name}", "{audience}", "{time}", "{hub}", "{most}", "{day}"];
            assert!(
                !marks.into_iter().any(|mark| page.body.contains(mark)),
                "{path} {language}"
            );
            // Each field is told by a label of its own.
            for id in page.body.split("<label for=\"").skip(1) {
                let id = id.split('"').next().unwrap();
                assert_eq!(page.body.matches(&format!(" id=\"{id}\"")).count(), 1, "{path} {id}");
            }
        }
    }
}

#[tokio::test]
async fn only_the_role_admin_comes_to_members() {
    for role in [Role::Desk, Role::Read, Role::ChangeStream] {
        let mut browser = hub(false).await;
        let token = browser.token(role).await;
        browser.sign_in(&token).await;
        for path in [
            LIST,
            "/admin/members.csv",
            "/admin/members/new",
            "/admin/members/import",
        ] {
            assert_eq!(browser.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
        }
    }
    let mut browser = signed_in().await;
    for nonsense in [
        "nonsense",
        "00000004000000000000000000000000",
        "%ff",
        "x/erase",
        "x/receipts",
        "x/receipts.json",
    ] {
        let page = browser.get(&format!("{LIST}/{nonsense}")).await;
        assert!(page.status.is_client_error(), "{nonsense}: {}", page.status);
    }
}
