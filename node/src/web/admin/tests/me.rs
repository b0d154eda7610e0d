//! A member's own page, as their browser uses it.

use interhub_domain::ids::{DocumentKind, LogId, ObjectId, ThingId};
use interhub_domain::member::{Audience, Field};

use super::members::{ADA, all_of, change, member, record};
use super::*;
use crate::outside::mail::testing::mail_server;

impl Browser {
    /// Another browser at the same hub.
    fn another(&self) -> Self {
        Self {
            router: self.router.clone(),
            commands: self.commands.clone(),
            clock: self.clock.clone(),
            cookie: String::new(),
            from: self.from,
            headers: Vec::new(),
        }
    }

    /// A link to the page of the member whose form is here, from its slash on.
    async fn link(&self, address: &str) -> String {
        let id = address.rsplit('/').next().unwrap().to_owned();
        let link = self.commands.member_link(id, None, false).await.unwrap();
        link.url.strip_prefix("https://hub.example").unwrap().to_owned()
    }

    /// A browser on that member's page.
    async fn on_page_of(&self, address: &str) -> Self {
        let mut theirs = self.another();
        let opened = theirs.post(&self.link(address).await, &[]).await;
        assert_eq!(
            (opened.status, opened.location()),
            (StatusCode::SEE_OTHER, "/me"),
            "{}",
            opened.body
        );
        theirs
    }
}

/// Saves a member's own page with these fields instead.
async fn save(browser: &mut Browser, instead: &[(&str, &str)]) -> Page {
    change(browser, "/me", instead).await
}

fn card_of(browser: &Browser, address: &str) -> Option<interhub_domain::member::Member> {
    let ledger = &browser.commands.ledger;
    let thing: ThingId = address.rsplit('/').next().unwrap().parse().unwrap();
    let object = ObjectId::derive(
        ledger.network().unwrap(),
        ledger.own_id(),
        LogId::NETWORK,
        DocumentKind::Member,
        thing,
    );
    browser.commands.views.member(object).unwrap().map(|row| row.member)
}

#[tokio::test]
async fn a_member_opens_their_page_and_chooses_who_sees_what() {
    let mut office = signed_in().await;
    let address = member(&mut office, &ADA).await;
    let mut ada = office.on_page_of(&address).await;
    let page = ada.get("/me").await;
    for part in [
        "Your page at",
        "Ada &#60;b&#62;Example",
        "key 7",
        "ada@mail.example",
        "Nothing is on record",
        "No other hub holds",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    // Beyond the hub nothing goes that they did not agree to.
    let refused = save(&mut ada, &[("sees-name", "network"), ("sees-skills", "public")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("agreed-error"), "{}", refused.body);
    assert_eq!(card_of(&ada, &address), None);
    let saved = save(
        &mut ada,
        &[
            ("sees-name", "network"),
            ("sees-skills", "public"),
            ("headline", "Printmaker and binder"),
            ("agreed", "1"),
        ],
    )
    .await;
    assert_eq!(
        (saved.status, saved.location()),
        (StatusCode::SEE_OTHER, "/me?done=saved"),
        "{}",
        saved.body
    );
    let card = card_of(&ada, &address).unwrap();
    assert_eq!(
        (card.skills.len(), card.headline.as_str(), card.local.mail.as_str()),
        (2, "", "")
    );
    let ada_record = record(&ada, &address).await;
    assert_eq!(ada_record.headline, "Printmaker and binder");
    let consents: Vec<_> = ada_record.consents.values().collect();
    assert_eq!(consents.len(), 2);
    assert!(
        consents
            .iter()
            .all(|one| one.channel == "own page, link handed over" && one.recorded_by.contains("the member"))
    );
    // What is agreed to already is not asked for again, and narrowing needs nobody's leave.
    let saved = save(&mut ada, &[("headline", "Printmaker"), ("sees-skills", "hub")]).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    assert!(card_of(&ada, &address).unwrap().skills.is_empty());
    let page = ada.get("/me").await;
    assert!(
        page.body.contains("own page 2026-11") && page.body.contains("Which hubs have erased it"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn what_the_hub_says_of_a_member_is_not_theirs_to_write() {
    let mut office = signed_in().await;
    let address = member(&mut office, &ADA).await;
    let before = record(&office, &address).await;
    let mut ada = office.on_page_of(&address).await;
    let saved = save(
        &mut ada,
        &[
            ("tier", "honorary"),
            ("status", "moved_on"),
            ("valid_until", "2099-12-31"),
            ("role", "director"),
            ("mail", "eve@mail.example"),
            ("phone", "1"),
            ("number", "2"),
            ("notes", "owes nothing"),
            ("projects", "a"),
            ("consent_text", "forged"),
            ("consent_channel", "on paper"),
            ("withdraws", "1"),
            ("headline", "Mine"),
        ],
    )
    .await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let mut after = record(&office, &address).await;
    assert_eq!(after.headline, "Mine");
    after.headline.clone_from(&before.headline);
    after.updated_ms = before.updated_ms;
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_link_is_used_up_by_the_button_alone_and_only_once() {
    let mut office = signed_in().await;
    let address = member(&mut office, &ADA).await;
    let link = office.link(&address).await;
    let mut ada = office.another();
    for _ in 0..3 {
        let looked = ada.get(&link).await;
        assert_eq!(looked.status, StatusCode::OK);
        assert!(
            looked.body.contains("Open my page") && !looked.body.contains("Ada"),
            "{}",
            looked.body
        );
        assert!(looked.headers.get("set-cookie").is_none());
    }
    assert_eq!(ada.post(&link, &[]).await.status, StatusCode::SEE_OTHER);
    assert!(ada.cookie.starts_with("interhub-me-"));
    for again in [ada.another().get(&link).await, ada.another().post(&link, &[]).await] {
        assert_eq!(again.status, StatusCode::FORBIDDEN);
        assert!(again.body.contains("opens no page"), "{}", again.body);
    }
    // The office's sign-in is no key to it, and its own is none to the office.
    assert!(office.get("/me").await.body.contains("Open your page"));
    assert_eq!(ada.get("/admin/members").await.status, StatusCode::SEE_OTHER);
    // Leaving closes it.
    let proof = ada.get("/me").await.value("proof");
    ada.post("/me/leave", &[("proof", &proof)]).await;
    assert!(ada.get("/me").await.body.contains("Open your page"));
    assert!(!ada.get("/me/record.json").await.body.contains("ada@mail.example"));
}

#[tokio::test]
async fn who_guesses_links_waits() {
    let office = hub(false).await;
    let mut eve = office.another();
    for n in 0..10 {
        let guessed = eve.post(&format!("/me/open/{n}{}", "a".repeat(51)), &[]).await;
        assert_eq!(guessed.status, StatusCode::FORBIDDEN);
    }
    let late = eve.post("/me/open/x", &[]).await;
    assert_eq!(late.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(
        late.headers.contains_key("retry-after") && late.body.contains("15 minutes"),
        "{}",
        late.body
    );
    for address in ["/me/open/%ff", "/me/open/..%2f", "/me/nowhere", "/me/receipts/x"] {
        assert!(eve.get(address).await.status.is_client_error(), "{address}");
    }
}

#[tokio::test]
async fn a_form_needs_the_proof_of_its_own_page_and_another_site_does_nothing() {
    let mut office = signed_in().await;
    let (address, bo) = (
        member(&mut office, &ADA).await,
        member(&mut office, &[("name", "Bo")]).await,
    );
    let mut ada = office.on_page_of(&address).await;
    let mut bo_browser = office.on_page_of(&bo).await;
    let bos_proof = bo_browser.get("/me").await.value("proof");
    for proof in ["", "x", &bos_proof] {
        let done = ada.post("/me/erase", &[("proof", proof)]).await;
        assert_eq!(
            (done.status, done.location()),
            (StatusCode::SEE_OTHER, "/me?done=opened_anew")
        );
    }
    assert!(ada.get("/me?done=opened_anew").await.body.contains("Nothing was saved"));
    let proof = ada.get("/me").await.value("proof");
    ada.headers = vec![("sec-fetch-site", "cross-site")];
    assert_eq!(
        ada.post("/me/erase", &[("proof", &proof)]).await.status,
        StatusCode::FORBIDDEN
    );
    ada.headers.clear();
    assert!(!record(&office, &address).await.name.is_empty());
    // Over a line that others can read there is no page.
    ada.from = "192.0.2.7".parse().unwrap();
    for path in ["/me", "/me/record.json", "/me/open/x"] {
        assert_eq!(ada.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn whoever_writes_second_is_told_and_a_closed_page_saves_nothing() {
    let mut office = signed_in().await;
    let address = member(&mut office, &ADA).await;
    let mut ada = office.on_page_of(&address).await;
    let page = ada.get("/me").await;
    let fields = all_of(&page, &[("headline", "Mine")]);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    change(&mut office, &address, &[("headline", "Theirs")]).await;
    let told = ada.post("/me", &fields).await;
    assert_eq!(told.status, StatusCode::CONFLICT);
    assert!(
        told.body.contains("The hub changed your record") && told.body.contains("value=\"Mine\""),
        "{}",
        told.body
    );
    assert_eq!(record(&office, &address).await.headline, "Theirs");
    ada.clock.advance_ms(3_600_000);
    let closed = ada.post("/me", &fields).await;
    assert_eq!(closed.status, StatusCode::UNAUTHORIZED);
    assert!(closed.body.contains("Nothing was saved"), "{}", closed.body);
}

#[tokio::test]
async fn a_page_closes_when_the_hub_writes_another_address() {
    let mut office = signed_in().await;
    let address = member(&mut office, &ADA).await;
    let mut ada = office.on_page_of(&address).await;
    let link = office.link(&address).await;
    change(&mut office, &address, &[("mail", "ada@new.example")]).await;
    assert!(ada.get("/me").await.body.contains("Open your page"));
    assert_eq!(ada.post(&link, &[]).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_member_takes_everything_along_takes_it_back_and_erases_it() {
    let mut office = signed_in().await;
    let address = member(&mut office, &ADA).await;
    let mut ada = office.on_page_of(&address).await;
    let wide = [("sees-name", "network"), ("sees-headline", "network"), ("agreed", "1")];
    assert_eq!(save(&mut ada, &wide).await.status, StatusCode::SEE_OTHER);

    let record_file = ada.get("/me/record.json").await;
    assert_eq!(record_file.headers["cache-control"], "no-store");
    let all: serde_json::Value = serde_json::from_str(&record_file.body).unwrap();
    let text = all.to_string();
    for part in ["ada@mail.example", "key 7", "own page 2026-11", "Printmaker"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(ada.get("/me/card.vcf").await.body.starts_with("BEGIN:VCARD"));
    assert_eq!(ada.get("/me/photo.jpg").await.status, StatusCode::NOT_FOUND);

    assert!(
        ada.get("/me/withdraw")
            .await
            .body
            .contains("Take everything back from other hubs?")
    );
    assert_eq!(ada.fill_in("/me/withdraw", &[]).await.location(), "/me?done=saved");
    assert_eq!(card_of(&ada, &address), None);
    let kept = record(&ada, &address).await;
    assert!(kept.consents.values().all(|one| one.withdrawn_ms.is_some()));
    assert_eq!(kept.chosen(Field::Name), Audience::Hub);
    assert!(ada.get("/me/receipts").await.body.contains("Which hubs have erased it"));

    assert_eq!(ada.fill_in("/me/erase", &[]).await.location(), "/me/receipts");
    for path in ["/me", "/me/receipts"] {
        let page = ada.get(path).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(
            page.body.contains("Nothing is left of you here")
                && !page.body.contains("Ada")
                && !page.body.contains("/me/find"),
            "{}",
            page.body
        );
    }
    let report = ada.get("/me/receipts.json").await;
    assert!(report.body.contains("interhub-erasure-report/1") && !report.body.contains("Ada"));
    assert_eq!(ada.get("/me/record.json").await.status, StatusCode::NOT_FOUND);
    assert!(office.get("/admin/members").await.body.contains("There is nobody yet"));
}

#[tokio::test]
async fn without_a_mail_server_the_page_says_to_ask_at_the_hub() {
    let browser = hub(false).await;
    let mut ada = browser.another();
    let page = ada.get("/me").await;
    assert!(
        page.body.contains("Ask for it at the hub") && !page.body.contains("type=\"email\""),
        "{}",
        page.body
    );
    for wrong in ["", "ada", &"a@".repeat(200)] {
        let refused = ada.post("/me/link", &[("mail", wrong)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(
        ada.post("/me/link", &[("mail", "ada@mail.example")]).await.status,
        StatusCode::CONFLICT
    );
}

#[tokio::test]
async fn the_office_makes_a_link_to_hand_over() {
    let mut office = signed_in().await;
    let address = member(&mut office, &ADA).await;
    assert!(office.get(&address).await.body.contains("Give them their own page"));
    let page = office.get(&format!("{address}/link")).await;
    assert!(
        !page.body.contains("value=\"mail\""),
        "nobody sends mail: {}",
        page.body
    );
    let made = office.fill_in(&format!("{address}/link"), &[("do", "show")]).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    let start = made.body.find("https://hub.example/me/open/").unwrap() + "https://hub.example".len();
    let link = made.body[start..].split('"').next().unwrap().to_owned();
    assert_eq!(office.another().post(&link, &[]).await.status, StatusCode::SEE_OTHER);
    let mail = office.fill_in(&format!("{address}/link"), &[("do", "mail")]).await;
    assert_eq!(mail.status, StatusCode::CONFLICT, "{}", mail.body);
}

#[tokio::test]
async fn every_page_of_a_member_speaks_every_language() {
    let mut office = signed_in().await;
    let address = member(&mut office, &ADA).await;
    let mut ada = office.on_page_of(&address).await;
    save(&mut ada, &[("sees-name", "network"), ("agreed", "1")]).await;
    let link = office.link(&address).await;
    let door = ["/me".to_owned(), link];
    let own = ["/me", "/me/withdraw", "/me/erase", "/me/receipts", "/me/find"].map(str::to_owned);
    for language in ["en", "de", "nl", "es"] {
        for (mut browser, paths) in [(ada.another(), &door[..]), (ada.clone_with_cookie(), &own[..])] {
            for path in paths {
                let page = browser.get(&format!("{path}?ui={language}")).await;
                assert_eq!(page.status, StatusCode::OK, "{path} {language}");
                assert!(page.body.contains(&format!("<html lang=\"{language}\"")), "{path}");
                assert!(page.body.contains("noindex"), "{path}");
                for left in ["{km}", "{hub}", "{time}", "{name}", "{audience}", "<b>Example"] {
                    assert!(!page.body.contains(left), "{path} {language} {left}");
                }
            }
        }
    }
}

impl Browser {
    fn clone_with_cookie(&self) -> Self {
        Self {
            cookie: self.cookie.clone(),
            ..self.another()
        }
    }
}

impl Browser {
    /// Sends a form with a file.
    async fn upload(&mut self, address: &str, proof: &str, file: &[u8]) -> Page {
        let mut body = Vec::new();
        body.extend_from_slice(b"--edge\r\nContent-Disposition: form-data; name=\"proof\"\r\n\r\n");
        body.extend_from_slice(proof.as_bytes());
        body.extend_from_slice(b"\r\n--edge\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"me.png\"\r\nContent-Type: image/png\r\n\r\n");
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n--edge--\r\n");
        let request = Request::builder()
            .method(Method::POST)
            .uri(address)
            .header("content-type", "multipart/form-data; boundary=edge");
        self.send(request, Body::from(body)).await
    }
}

#[tokio::test]
async fn a_picture_is_put_in_by_the_member_and_by_the_office() {
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(300, 200, image::Rgb([200, 30, 30]))
        .write_to(&mut png, image::ImageFormat::Png)
        .unwrap();
    let png = png.into_inner();
    let mut office = signed_in().await;
    let address = member(&mut office, &ADA).await;
    let mut ada = office.on_page_of(&address).await;
    let proof = ada.get("/me").await.value("proof");
    for (wrong, status) in [
        (&b""[..], StatusCode::UNPROCESSABLE_ENTITY),
        (b"no picture", StatusCode::UNPROCESSABLE_ENTITY),
        (&png[..100], StatusCode::UNPROCESSABLE_ENTITY),
        (&vec![7; 13 << 20], StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let refused = ada.upload("/me/photo", &proof, wrong).await;
        assert_eq!(refused.status, status, "{}", refused.body);
    }
    assert!(record(&office, &address).await.photo.is_empty());
    let forged = ada.upload("/me/photo", "x", &png).await;
    assert_eq!(forged.location(), "/me?done=opened_anew");
    let done = ada.upload("/me/photo", &proof, &png).await;
    assert_eq!(done.location(), "/me?done=saved", "{}", done.body);
    let photo = record(&office, &address).await.photo;
    assert!(!photo.is_empty() && photo.len() <= interhub_domain::member::MAX_PHOTO);
    assert!(ada.get("/me").await.body.contains("/me/photo.jpg"));

    // Nobody sends a file who is not signed in.
    let mut eve = office.another();
    assert_eq!(
        eve.upload("/me/photo", &proof, &png).await.status,
        StatusCode::UNAUTHORIZED
    );
    let path = format!("{address}/photo");
    assert_eq!(eve.upload(&path, &proof, &png).await.location(), "/admin/sign-in");
    assert_eq!(office.upload(&path, &proof, &png).await.status, StatusCode::FORBIDDEN);
    let proof = office.get(&address).await.value("proof");
    let done = office.upload(&path, &proof, &png).await;
    assert_eq!(done.location(), format!("{address}?done=saved"), "{}", done.body);
    let none = office.post(&path, &[("proof", &proof)]).await;
    assert_eq!(none.status, StatusCode::BAD_REQUEST, "a form without a file");
}

#[tokio::test]
async fn members_find_what_others_show_to_members_and_nothing_else() {
    let mut office = signed_in().await;
    let address = member(&mut office, &[("name", "Ada"), ("skills", "welding")]).await;
    let hidden = [
        ("name", "Bo"),
        ("skills", "welding"),
        ("sees-skills", "private"),
        ("mail", "bo@mail.example"),
        ("headline", "Baker"),
    ];
    member(&mut office, &hidden).await;
    member(
        &mut office,
        &[("name", "Cy"), ("skills", "welding"), ("status", "moved_on")],
    )
    .await;
    member(
        &mut office,
        &[
            ("name", "Di"),
            ("skills", "welding"),
            ("links", "https://di.example"),
            ("offers", "teach: welding"),
        ],
    )
    .await;
    let mut ada = office.on_page_of(&address).await;
    assert!(ada.get("/me").await.body.contains("Find others"));
    let found = ada.get("/me/find?skill=weld").await;
    assert_eq!(found.status, StatusCode::OK);
    assert!(
        found.body.contains("Di") && found.body.contains("https://di.example") && found.body.contains("teach: welding")
    );
    for no in ["Bo", "Cy", "<bdi>Ada"] {
        assert!(!found.body.contains(no), "{no}: {}", found.body);
    }
    let baker = ada.get("/me/find?q=baker").await;
    assert!(
        baker.body.contains("Bo") && !baker.body.contains("weld") && !baker.body.contains("bo@mail"),
        "{}",
        baker.body
    );
    // Nobody is listed without a word, and nobody is found by what stays at the hub.
    for nothing in [
        "",
        "?q=",
        "?q=a",
        "?q=...",
        "?q=%CD%85%CD%85",
        "?q=a%20b",
        "?q=a&skill=b",
    ] {
        let page = ada.get(&format!("/me/find{nothing}")).await;
        assert!(
            page.status == StatusCode::OK && !page.body.contains("class=\"rows"),
            "{nothing}: {}",
            page.body
        );
    }
    for (query, words) in [("q=bo%40mail", "Nobody fits"), ("want=xyzzy", "Nobody fits")] {
        assert!(
            ada.get(&format!("/me/find?{query}")).await.body.contains(words),
            "{query}"
        );
    }
    assert!(
        ada.another()
            .get("/me/find?q=baker")
            .await
            .body
            .contains("Open your page")
    );
    for _ in 0..30 {
        ada.get("/me/find?q=baker").await;
    }
    let late = ada.get("/me/find?q=baker").await;
    assert_eq!(late.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!late.body.contains("Bo<"), "{}", late.body);
    // Who has moved on looks for nobody.
    change(&mut office, &address, &[("status", "moved_on")]).await;
    ada.clock.advance_ms(16 * 60_000);
    assert_eq!(ada.get("/me/find?q=baker").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_link_is_asked_for_by_mail_and_nobody_learns_who_is_there() {
    let (mailer, letters) = mail_server("nothing").await;
    let mut office = enter(hub_with(Arc::new(MemoryStore::new()), false, Some(mailer)).await).await;
    member(&mut office, &ADA).await;
    let mut ada = office.another();
    let unknown = ada.post("/me/link", &[("mail", "nobody@mail.example")]).await;
    let known = ada.post("/me/link", &[("mail", " ADA@mail.example")]).await;
    assert_eq!((known.status, known.location()), (StatusCode::SEE_OTHER, "/me?sent=1"));
    assert_eq!(
        (unknown.status, unknown.location(), &unknown.body),
        (known.status, known.location(), &known.body)
    );
    assert!(ada.get("/me?sent=1").await.body.contains("a link is on its way"));
    let letter = letters.take(1).await.pop().unwrap();
    assert!(letter.contains("RCPT TO:<ada@mail.example>"), "{letter}");
    // What is too long for a line of a mail goes on in the next.
    let text = letter.replace("=\n", "");
    let start = text.find("/me/open/").unwrap();
    let link = text[start..].split_whitespace().next().unwrap().to_owned();
    assert_eq!(ada.post(&link, &[]).await.location(), "/me", "{link}");
    assert_eq!(office.get("/admin/members/invite").await.status, StatusCode::OK);
    let invited = office.fill_in("/admin/members/invite", &[]).await;
    assert_eq!(invited.location(), "/admin/members?done=invited");
    // A house asks as often as its people do, and no machine does.
    for n in 0..28 {
        let asked = ada
            .post("/me/link", &[("mail", &format!("nobody{n}@mail.example"))])
            .await;
        assert_eq!(asked.status, StatusCode::SEE_OTHER, "{n}");
    }
    let late = ada.post("/me/link", &[("mail", "ada@mail.example")]).await;
    assert_eq!(late.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(letters.take(0).await.is_empty());
}
