//! The administration as a browser uses it, over a hub in memory.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use prometheus_client::registry::Registry;
use tower::ServiceExt;

use super::super::{PublicDirectory, WebState, router};
use super::AdminState;
use crate::clock::ManualClock;
use crate::command::Commands;
use crate::command::testing::birmingham_in;
use crate::outside::mail::Mailer;
use crate::store::Store;
use crate::store::catalogue::access::Role;
use crate::store::memory::MemoryStore;
use crate::task::{Blocking, Tasks};
use crate::way::PeerAddress;

mod counters;
mod me;
mod members;

/// Monday, 16 November 2026, 10:00 in Birmingham.
const NOW_MS: i64 = 1_794_823_200_000;

/// A browser and the hub it talks to.
struct Browser {
    router: Router,
    commands: Commands,
    clock: Arc<ManualClock>,
    cookie: String,
    /// Where it seems to be.
    from: IpAddr,
    headers: Vec<(&'static str, &'static str)>,
}

struct Page {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Page {
    fn location(&self) -> &str {
        self.headers.get("location").map_or("", |to| to.to_str().unwrap())
    }

    /// The value of the first field of this name.
    fn value(&self, name: &str) -> String {
        let start = self
            .body
            .find(&format!("name=\"{name}\""))
            .unwrap_or_else(|| panic!("no field {name}"));
        let rest = &self.body[start..];
        let rest = &rest[rest.find("value=\"").unwrap() + 7..];
        rest[..rest.find('"').unwrap()].to_owned()
    }
}

async fn hub(behind_proxy: bool) -> Browser {
    hub_in(Arc::new(MemoryStore::new()), behind_proxy).await
}

/// A hub that keeps everything in this store.
async fn hub_in(store: Store, behind_proxy: bool) -> Browser {
    hub_with(store, behind_proxy, None).await
}

async fn hub_with(store: Store, behind_proxy: bool, mailer: Option<Mailer>) -> Browser {
    let tasks = Tasks::new(Blocking::Threads);
    let (mut commands, clock) = birmingham_in(store, &tasks, NOW_MS);
    commands.mailer = mailer;
    commands.create_network("Independent hubs".to_owned()).await.unwrap();
    let fresh = commands.clone();
    let directory = PublicDirectory::new(commands.views.clone(), Box::new(move |hub| fresh.as_of_ms(hub)));
    let state = WebState {
        directory: Arc::new(directory),
        clock: clock.clone(),
        tasks,
        registry: Arc::new(Registry::default()),
        ready: Arc::new(AtomicBool::new(true)),
        web_url: String::new(),
        behind_proxy,
    };
    let admin = AdminState {
        commands: commands.clone(),
    };
    Browser {
        router: router(state, Some(admin)),
        commands,
        clock,
        cookie: String::new(),
        from: "127.0.0.1".parse().unwrap(),
        headers: Vec::new(),
    }
}

async fn signed_in() -> Browser {
    enter(hub(false).await).await
}

async fn enter(mut browser: Browser) -> Browser {
    let token = browser.token(Role::Admin).await;
    assert_eq!(browser.sign_in(&token).await.status, StatusCode::SEE_OTHER);
    browser
}

impl Browser {
    async fn token(&self, role: Role) -> String {
        self.commands
            .create_token(role, "Front office".into(), None)
            .await
            .unwrap()
            .0
    }

    async fn send(&mut self, request: axum::http::request::Builder, body: Body) -> Page {
        let mut request = request.header("cookie", &self.cookie).extension(PeerAddress(self.from));
        for (name, value) in &self.headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        if let Some(cookie) = parts.headers.get("set-cookie") {
            cookie
                .to_str()
                .unwrap()
                .split(';')
                .next()
                .unwrap()
                .clone_into(&mut self.cookie);
        }
        let body = to_bytes(body, 10_000_000).await.unwrap();
        Page {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn get(&mut self, address: &str) -> Page {
        self.send(Request::builder().uri(address), Body::empty()).await
    }

    async fn post(&mut self, address: &str, fields: &[(&str, &str)]) -> Page {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let request = Request::builder()
            .method(Method::POST)
            .uri(address)
            .header("content-type", "application/x-www-form-urlencoded");
        self.send(request, Body::from(form.finish())).await
    }

    async fn sign_in(&mut self, token: &str) -> Page {
        self.post("/admin/sign-in", &[("token", token)]).await
    }

    /// Opens a form, and sends it with some fields set.
    async fn fill_in(&mut self, address: &str, fields: &[(&str, &str)]) -> Page {
        let page = self.get(address).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let proof = page.value("proof");
        let version = if page.body.contains("name=\"version\"") {
            page.value("version")
        } else {
            String::new()
        };
        let all = [&[("proof", &*proof), ("version", &*version)], fields].concat();
        self.post(address, &all).await
    }

    /// A new event with these fields, and the address of its form.
    async fn event(&mut self, fields: &[(&str, &str)]) -> String {
        let usual = [
            ("title", "Repair café"),
            ("start_date", "2026-11-26"),
            ("start_time", "18:30"),
            ("end_time", "20:30"),
            ("timezone", "Europe/London"),
            ("seen", "public"),
        ];
        let all = [fields, &usual].concat();
        let added = self.fill_in("/admin/events/new", &all).await;
        assert_eq!(added.status, StatusCode::SEE_OTHER, "{}", added.body);
        added.location().split('?').next().unwrap().to_owned()
    }
}

#[tokio::test]
async fn nobody_comes_in_without_a_token() {
    let mut browser = hub(false).await;
    for address in [
        "/admin",
        "/admin/events",
        "/admin/events/new",
        "/admin/report",
        "/admin/conflicts",
        "/admin/hosts",
        "/admin/members",
        "/admin/members/new",
        "/admin/members/import",
        "/admin/members.csv",
    ] {
        let page = browser.get(address).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{address}");
        assert!(
            page.location().starts_with("/admin/sign-in?next="),
            "{}",
            page.location()
        );
    }
    let wrong = browser.sign_in("iht_nonsense").await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    assert!(wrong.headers.get("set-cookie").is_none());
    let token = browser.token(Role::Admin).await;
    let entered = browser
        .post(
            "/admin/sign-in",
            &[("token", &token), ("next", "/admin/events?view=past")],
        )
        .await;
    assert_eq!(
        (entered.status, entered.location()),
        (StatusCode::SEE_OTHER, "/admin/events?view=past")
    );
    let cookie = entered.headers["set-cookie"].to_str().unwrap();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
        "{cookie}"
    );
    let page = browser.get("/admin").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.headers["cache-control"], "no-store");
    assert!(page.body.contains("Front office"), "who is signed in");

    let proof = page.value("proof");
    let left = browser.post("/admin/sign-out", &[("proof", &proof)]).await;
    assert_eq!(left.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get("/admin").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_revoked_token_ends_the_visit() {
    let mut browser = signed_in().await;
    assert_eq!(browser.get("/admin").await.status, StatusCode::OK);
    let id = browser.commands.tokens().await.unwrap()[0].id.to_string();
    browser.commands.revoke_token(id).await.unwrap();
    assert_eq!(browser.get("/admin").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn other_roles_do_not_come_in() {
    for role in [Role::Desk, Role::Read, Role::ChangeStream] {
        let mut browser = hub(false).await;
        let token = browser.token(role).await;
        browser.sign_in(&token).await;
        let page = browser.get("/admin/events").await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(page.body.contains("role admin"));
    }
}

#[tokio::test]
async fn tokens_are_taken_only_where_nobody_listens() {
    let mut browser = hub(false).await;
    let token = browser.token(Role::Admin).await;
    browser.from = "192.0.2.1".parse().unwrap();
    browser.headers = vec![("x-forwarded-proto", "https")];
    assert_eq!(browser.get("/admin/sign-in").await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.sign_in(&token).await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.get("/admin").await.status, StatusCode::FORBIDDEN);

    let mut browser = hub(true).await;
    let token = browser.token(Role::Admin).await;
    browser.headers = vec![("x-forwarded-proto", "http")];
    assert_eq!(browser.sign_in(&token).await.status, StatusCode::FORBIDDEN);
    browser.headers = vec![("x-forwarded-proto", "https"), ("x-forwarded-for", "198.51.100.7")];
    let entered = browser.sign_in(&token).await;
    let cookie = entered.headers["set-cookie"].to_str().unwrap();
    assert!(
        cookie.starts_with("__Host-interhub=") && cookie.ends_with("Secure"),
        "{cookie}"
    );
    assert_eq!(browser.get("/admin").await.status, StatusCode::OK);
}

#[tokio::test]
async fn who_guesses_waits() {
    let mut browser = hub(true).await;
    let token = browser.token(Role::Admin).await;
    browser.headers = vec![("x-forwarded-for", "198.51.100.7")];
    for _ in 0..10 {
        assert_eq!(browser.sign_in("iht_guess").await.status, StatusCode::FORBIDDEN);
    }
    let late = browser.sign_in(&token).await;
    assert_eq!(
        (late.status, &late.headers["retry-after"]),
        (StatusCode::TOO_MANY_REQUESTS, &"900".parse().unwrap())
    );
    browser.headers = vec![("x-forwarded-for", "198.51.100.8")];
    assert_eq!(browser.sign_in(&token).await.status, StatusCode::SEE_OTHER);
    browser.headers = vec![("x-forwarded-for", "198.51.100.7")];
    browser.clock.advance_ms(15 * 60_000);
    assert_eq!(browser.sign_in(&token).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_form_of_another_site_does_nothing() {
    let mut browser = signed_in().await;
    let address = browser.event(&[]).await;
    let proof = browser.get(&address).await.value("proof");
    for foreign in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        browser.headers = vec![foreign];
        let refused = browser.post(&format!("{address}/cancel"), &[("proof", &proof)]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    browser.headers = Vec::new();
    for without in [&[][..], &[("proof", "wrong")]] {
        let asked = browser.post(&format!("{address}/cancel"), without).await;
        assert_eq!(asked.status, StatusCode::CONFLICT, "asked to send it again, by hand");
    }
    let form = browser.get(&address).await.body;
    assert!(form.contains("Cancel the event"), "it still takes place");
}

#[tokio::test]
async fn what_was_typed_outlives_the_visit() {
    let mut browser = signed_in().await;
    browser.clock.advance_ms(13 * 3_600_000);
    let typed = [
        ("title", "A long evening’s \"work\""),
        ("description", "One\r\n\r\nTwo <b>"),
        ("day", "MO"),
        ("day", "FR"),
    ];
    let asked = browser
        .post("/admin/events/new", &[&[("proof", "old")], &typed[..]].concat())
        .await;
    assert_eq!(asked.status, StatusCode::UNAUTHORIZED);
    assert!(!asked.body.contains("<b>"));
    let token = browser.token(Role::Admin).await;
    let carried = [
        ("token", &*token),
        ("meant_for", "/admin/events/new"),
        ("carried:title", typed[0].1),
        ("carried:start_date", "2026-12-01"),
        ("carried:start_time", "10:00"),
        ("carried:timezone", "Europe/London"),
    ];
    let entered = browser.post("/admin/sign-in", &carried).await;
    assert_eq!(entered.status, StatusCode::OK);
    assert!(entered.body.contains("action=\"/admin/events/new\""));
    assert!(
        entered.body.contains("A long evening’s &#34;work&#34;"),
        "{}",
        entered.body
    );
    let fields = ["proof", "title", "start_date", "start_time", "timezone"].map(|name| (name, entered.value(name)));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(
        browser.post("/admin/events/new", &fields).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn an_event_is_made_changed_and_copied() {
    let mut browser = signed_in().await;
    let address = browser
        .event(&[
            ("summary", "Bring what is broken"),
            ("tags", "repair, evening"),
            ("place", "Workshop"),
            ("at", "52.4751,-1.8848"),
            ("repeat", "weekly"),
            ("day", "MO"),
            ("until", "2027-03-25"),
            ("language", "en"),
        ])
        .await;
    let page = browser.get(&address).await;
    for said in [
        "Bring what is broken",
        "repair, evening",
        "Workshop",
        "52.4751,-1.8848",
        "2027-03-25",
    ] {
        assert!(page.body.contains(said), "{said}");
    }
    assert_eq!(
        (page.value("start_time"), page.value("end_time")),
        ("18:30".into(), "20:30".into())
    );
    let public = browser.get(&address.replace("/admin", "")).await;
    assert!(public.body.contains("Repair café") && public.body.contains("Workshop"));
    let id = address.rsplit('/').next().unwrap().to_owned();
    let before = browser.commands.show_event(id.clone()).await.unwrap();
    assert_eq!(
        before.listed.row.event.schedule.rules,
        ["FREQ=WEEKLY;BYDAY=MO,TH;UNTIL=20270325T235959Z"]
    );

    // Sent as it was opened, nothing changes.
    let all = [
        ("title", "Repair café"),
        ("summary", "Bring what is broken"),
        ("tags", "repair, evening"),
        ("place", "Workshop"),
        ("at", "52.4751,-1.8848"),
        ("repeat", "weekly"),
        ("day", "MO"),
        ("day", "TH"),
        ("until", "2027-03-25"),
        ("language", "en"),
        ("start_date", "2026-11-26"),
        ("start_time", "18:30"),
        ("end_time", "20:30"),
        ("timezone", "Europe/London"),
        ("seen", "public"),
    ];
    assert_eq!(browser.fill_in(&address, &all).await.status, StatusCode::SEE_OTHER);
    let same = browser.commands.show_event(id.clone()).await.unwrap();
    assert_eq!(same.listed.row.event, before.listed.row.event);

    browser.clock.advance_ms(1_000);
    let mut changed = all;
    changed[0].1 = "Repair night";
    changed[12].1 = "01:30";
    assert_eq!(browser.fill_in(&address, &changed).await.status, StatusCode::SEE_OTHER);
    let after = browser.commands.show_event(id).await.unwrap();
    let event = &after.listed.row.event;
    assert_eq!(event.title, "Repair night");
    assert_eq!(event.schedule.end.to_string(), "2026-11-27T01:30:00", "the night after");
    assert_eq!(event.schedule.rules, before.listed.row.event.schedule.rules);

    let copy = browser
        .get(&format!(
            "/admin/events/new?copy={}",
            address.rsplit('/').next().unwrap()
        ))
        .await;
    assert_eq!(
        (copy.value("title"), copy.value("version")),
        ("Repair night".into(), String::new())
    );
}

#[tokio::test]
async fn wrong_fields_are_named_and_nothing_typed_is_lost() {
    let mut browser = signed_in().await;
    let usual = [
        ("title", "T"),
        ("start_date", "2026-12-01"),
        ("start_time", "10:00"),
        ("timezone", "Europe/London"),
    ];
    let long = "x".repeat(1_001);
    for (field, wrong) in [
        ("title", ""),
        ("title", &*long),
        ("start_date", "1 December"),
        ("start_date", ""),
        ("start_date", "99999-01-01"),
        ("start_time", "half past"),
        ("end_date", "2026-11-30"),
        ("end_time", "25:00"),
        ("timezone", "Mars/Olympus"),
        ("at", "north"),
        ("at", "91,0"),
        ("url", "javascript:alert(1)"),
        ("online_url", "zoom"),
        ("tags", &*format!("a,{}", "t".repeat(65))),
        ("language", "English please"),
    ] {
        let mut fields: Vec<(&str, &str)> = usual.into_iter().filter(|(name, _)| *name != field).collect();
        fields.extend([(field, wrong), ("description", "kept <i>text</i>")]);
        let page = browser.fill_in("/admin/events/new", &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{field} {wrong:.40}");
        assert!(
            page.body.contains(&format!("id=\"{field}-error\"")),
            "{field} {wrong:.40}"
        );
        assert!(page.body.contains(&format!("href=\"#{field}\"")), "{field}");
        assert!(page.body.contains("kept &#60;i&#62;text"), "{field}");
    }
    for (pattern, field, wrong) in [
        ("weekly", "until", "2026-11-01"),
        ("weekly", "until", "soon"),
        ("other", "rule", "NEVER"),
        ("other", "rule", ""),
    ] {
        let fields = [&usual[..], &[("repeat", pattern), (field, wrong)]].concat();
        let page = browser.fill_in("/admin/events/new", &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(page.body.contains(&format!("id=\"{field}-error\"")), "{wrong}");
    }
    assert!(
        browser.get("/admin/events").await.body.contains("No events here"),
        "none of them was made"
    );
}

#[tokio::test]
async fn what_an_event_offers_is_kept_and_taken_away() {
    let mut browser = signed_in().await;
    let address = browser
        .event(&[
            ("language", "en"),
            ("translation", "de"),
            ("title-de", "Reparaturcafé"),
            ("summary-de", "Bringt mit, was kaputt ist"),
            ("translation", "nl"),
            ("feature", "wheelchair"),
            ("feature", "childcare"),
            ("capacity", "40"),
            ("image_url", "https://hub.example/cafe.jpg"),
        ])
        .await;
    let id = address.rsplit('/').next().unwrap().to_owned();
    let event = async |browser: &Browser| {
        browser
            .commands
            .show_event(id.clone())
            .await
            .unwrap()
            .listed
            .row
            .event
            .clone()
    };
    let said = event(&browser).await;
    assert_eq!(said.translations["de"].title, "Reparaturcafé");
    assert_eq!(said.translations.len(), 1, "an empty one is none");
    assert_eq!(said.features, ["childcare", "wheelchair"].map(String::from).into());
    assert_eq!(
        (said.capacity, said.image_url.as_str()),
        (Some(40), "https://hub.example/cafe.jpg")
    );
    let german = browser.get(&format!("{}?ui=de", address.replace("/admin", ""))).await;
    assert!(german.body.contains("Reparaturcafé"));
    let page = browser.get(&address).await;
    assert!(page.body.contains("value=\"wheelchair\" checked") && !page.body.contains("value=\"dogs\" checked"));
    assert_eq!(
        (page.value("capacity"), page.value("title-de")),
        ("40".into(), "Reparaturcafé".into())
    );

    browser.clock.advance_ms(1_000);
    let usual = [
        ("title", "Repair café"),
        ("start_date", "2026-11-26"),
        ("start_time", "18:30"),
        ("end_time", "20:30"),
        ("timezone", "Europe/London"),
        ("seen", "public"),
        ("language", "en"),
    ];
    let fewer = [&usual[..], &[("feature", "dogs"), ("translation", "de")]].concat();
    assert_eq!(browser.fill_in(&address, &fewer).await.status, StatusCode::SEE_OTHER);
    let said = event(&browser).await;
    assert!(said.translations.is_empty() && said.capacity.is_none() && said.image_url.is_empty());
    assert_eq!(said.features, ["dogs".to_owned()].into());
    for (field, wrong) in [
        ("capacity", "many"),
        ("capacity", "0"),
        ("capacity", "1000001"),
        ("image_url", "cafe.jpg"),
    ] {
        let page = browser
            .fill_in(&address, &[&usual[..], &[(field, wrong)]].concat())
            .await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(page.body.contains(&format!("id=\"{field}-error\"")), "{wrong}");
    }
    let long = "x".repeat(1_001);
    let page = browser
        .fill_in(
            &address,
            &[&usual[..], &[("translation", "de"), ("title-de", &long)]].concat(),
        )
        .await;
    assert!(page.body.contains("id=\"translations-error\""));
}

#[tokio::test]
async fn a_date_that_is_put_off_comes_back_with_a_new_one() {
    let mut browser = signed_in().await;
    let address = browser.event(&[]).await;
    let id = address.rsplit('/').next().unwrap().to_owned();
    let postponed = async |browser: &Browser| {
        browser
            .commands
            .show_event(id.clone())
            .await
            .unwrap()
            .listed
            .row
            .event
            .postponed
    };
    assert!(browser.get(&format!("{address}/postpone")).await.body.contains("Put “"));
    browser.clock.advance_ms(1_000);
    let done = browser.fill_in(&format!("{address}/postpone"), &[]).await;
    assert_eq!(done.location(), format!("{address}?done=postponed"));
    assert!(postponed(&browser).await);
    // It can be taken back as it is, or given another date.
    let asked = browser.get(&format!("{address}/cancel")).await;
    assert!(asked.body.contains("/reinstate\""), "{}", asked.body);
    browser.clock.advance_ms(1_000);
    let usual = [
        ("title", "Repair café"),
        ("start_date", "2026-12-03"),
        ("start_time", "18:30"),
        ("end_time", "20:30"),
        ("timezone", "Europe/London"),
        ("seen", "public"),
    ];
    assert_eq!(browser.fill_in(&address, &usual).await.status, StatusCode::SEE_OTHER);
    assert!(!postponed(&browser).await);
}

#[tokio::test]
async fn whoever_is_second_is_told() {
    let mut browser = signed_in().await;
    let address = browser.event(&[]).await;
    let opened = browser.get(&address).await;
    browser.clock.advance_ms(60_000);
    let usual = [
        ("start_date", "2026-11-26"),
        ("start_time", "18:30"),
        ("end_time", "20:30"),
        ("timezone", "Europe/London"),
        ("seen", "public"),
    ];
    let first = [&[("title", "First")], &usual[..]].concat();
    assert_eq!(browser.fill_in(&address, &first).await.status, StatusCode::SEE_OTHER);
    let (proof, version) = (opened.value("proof"), opened.value("version"));
    let second = [
        &[("proof", &*proof), ("version", &*version), ("title", "Second")],
        &usual[..],
    ]
    .concat();
    let told = browser.post(&address, &second).await;
    assert_eq!(told.status, StatusCode::CONFLICT);
    assert_eq!(told.value("title"), "Second");
    assert!(browser.get(&address).await.body.contains("First"));
    // Sent again from there, it is meant.
    let version = told.value("version");
    let again = [
        &[("proof", &*proof), ("version", &*version), ("title", "Second")],
        &usual[..],
    ]
    .concat();
    assert_eq!(browser.post(&address, &again).await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get(&address).await.value("title"), "Second");
}

#[tokio::test]
async fn an_event_is_cancelled_and_takes_place_after_all() {
    let mut browser = signed_in().await;
    let address = browser.event(&[]).await;
    let id = address.rsplit('/').next().unwrap().to_owned();
    let status = async |browser: &Browser| {
        browser
            .commands
            .show_event(id.clone())
            .await
            .unwrap()
            .listed
            .row
            .event
            .status
    };
    let asked = browser.get(&format!("{address}/cancel")).await;
    assert!(asked.body.contains("Cancel “") && asked.body.contains("/cancel\""));
    browser.clock.advance_ms(1_000);
    let done = browser.fill_in(&format!("{address}/cancel"), &[]).await;
    assert_eq!(done.location(), format!("{address}?done=cancelled"));
    assert_eq!(status(&browser).await, interhub_domain::event::Status::Cancelled);
    let asked = browser.get(&format!("{address}/cancel")).await;
    let proof = asked.value("proof");
    browser.clock.advance_ms(1_000);
    let done = browser
        .post(&format!("{address}/reinstate"), &[("proof", &proof)])
        .await;
    assert_eq!(done.location(), format!("{address}?done=reinstated"));
    assert_eq!(status(&browser).await, interhub_domain::event::Status::Confirmed);

    // The last change was that, and is taken back in turn.
    let plan = browser.get(&format!("{address}/undo")).await;
    assert!(plan.body.contains("cancelled"), "{}", plan.body);
    let done = browser.fill_in(&format!("{address}/undo"), &[]).await;
    assert_eq!(done.location(), format!("{address}?done=undone"));
    assert_eq!(status(&browser).await, interhub_domain::event::Status::Cancelled);
}

#[tokio::test]
async fn a_fresh_event_has_nothing_to_undo() {
    let mut browser = signed_in().await;
    let address = browser.event(&[]).await;
    let plan = browser.get(&format!("{address}/undo")).await;
    assert_eq!(plan.status, StatusCode::OK);
    assert!(plan.body.contains("has not changed this event"));
    let proof = browser.get(&address).await.value("proof");
    let refused = browser.post(&format!("{address}/undo"), &[("proof", &proof)]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn the_dates_of_a_series_are_changed_one_by_one() {
    let mut browser = signed_in().await;
    let address = browser.event(&[("repeat", "weekly")]).await;
    let dates = format!("{address}/dates");
    let page = browser.get(&dates).await;
    assert!(page.body.contains("2026-12-03T18:30:00"));
    let change = [("do", "cancel"), ("occurrence", "2026-12-03T18:30:00")];
    assert_eq!(browser.fill_in(&dates, &change).await.status, StatusCode::SEE_OTHER);
    assert!(browser.get(&dates).await.body.contains("<s>"));
    let change = [("do", "reinstate"), ("occurrence", "2026-12-03T18:30:00")];
    assert_eq!(browser.fill_in(&dates, &change).await.status, StatusCode::SEE_OTHER);
    assert!(!browser.get(&dates).await.body.contains("<s>"));
    let change = [
        ("do", "change"),
        ("occurrence", "2026-12-03T18:30:00"),
        ("start", "2026-12-04T19:00"),
        ("end", "2026-12-04T21:00"),
    ];
    assert_eq!(browser.fill_in(&dates, &change).await.status, StatusCode::SEE_OTHER);
    let page = browser.get(&dates).await;
    assert!(page.body.contains("value=\"2026-12-04T19:00\""), "{}", page.body);
    let title = "A <b>special</b> evening";
    let change = [
        ("do", "change"),
        ("occurrence", "2026-12-10T18:30:00"),
        ("title", title),
        ("place", "Garden"),
    ];
    assert_eq!(browser.fill_in(&dates, &change).await.status, StatusCode::SEE_OTHER);
    let page = browser.get(&dates).await;
    assert!(
        page.body.contains("A &#60;b&#62;special") && page.body.contains("Garden"),
        "{}",
        page.body
    );
    let change = [("do", "add"), ("start", "2026-12-05T10:00")];
    let added = browser.fill_in(&dates, &change).await;
    assert!(added.location().ends_with("done=date_added"), "{}", added.location());
    assert!(browser.get(&dates).await.body.contains("2026-12-05T10:00:00"));
    // Later dates are a page away.
    let page = browser.get(&dates).await;
    let (_, rest) = page.body.split_once("rel=\"next\" href=\"").unwrap();
    let later = browser.get(rest.split_once('"').unwrap().0).await;
    assert!(later.status == StatusCode::OK && !later.body.contains("2026-12-10T18:30:00"));
    assert_eq!(
        browser.get(&format!("{dates}?after=soon")).await.status,
        StatusCode::BAD_REQUEST
    );
    for wrong in ["", "2026-12-05T18:30:00", "soon", "\u{0}"] {
        let refused = browser
            .fill_in(&dates, &[("do", "cancel"), ("occurrence", wrong)])
            .await;
        assert!(refused.status.is_client_error(), "{wrong:?} {}", refused.status);
    }
}

#[tokio::test]
async fn drafts_are_listed_and_published() {
    let mut browser = signed_in().await;
    let address = browser.event(&[("title", "Secret"), ("seen", "draft")]).await;
    let list = browser.get("/admin/events").await;
    assert!(list.body.contains("Secret") && list.body.contains("draft"));
    assert_eq!(
        browser.get(&address.replace("/admin", "")).await.status,
        StatusCode::NOT_FOUND
    );
    let page = browser.get(&address).await;
    assert_eq!(page.value("title"), "Secret");
    browser.clock.advance_ms(1_000);
    let published = browser
        .fill_in(
            &address,
            &[
                ("title", "Secret"),
                ("start_date", "2026-11-26"),
                ("start_time", "18:30"),
                ("end_time", "20:30"),
                ("timezone", "Europe/London"),
                ("seen", "public"),
            ],
        )
        .await;
    assert_eq!(published.status, StatusCode::SEE_OTHER, "{}", published.body);
    assert_eq!(browser.get(&address.replace("/admin", "")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_year_is_a_page_a_table_and_a_document() {
    let mut browser = signed_in().await;
    browser
        .event(&[("start_date", "2026-03-05"), ("end_time", "20:10"), ("tags", "repair")])
        .await;
    let page = browser.get("/admin/report?year=2026").await;
    assert!(page.body.contains("<svg") && page.body.contains("repair") && page.body.contains("class=\"bar\""));
    let csv = browser.get("/admin/report.csv?year=2026").await;
    assert!(csv.body.contains("2026,month,3,1,0,0,1.67,,\r\n"), "{}", csv.body);
    let json = browser.get("/admin/report.json?year=2026").await;
    let document: serde_json::Value = serde_json::from_str(&json.body).unwrap();
    assert_eq!(
        (&document["events"], &document["by_month"][2]["hours"]),
        (&1.into(), &1.67.into())
    );
    for wrong in ["soon", "-1", "99999999999999", "3000"] {
        let refused = browser.get(&format!("/admin/report?year={wrong}")).await;
        assert!(refused.status.is_client_error(), "{wrong}: {}", refused.status);
    }
}

#[tokio::test]
async fn every_page_speaks_every_language_and_no_word_is_missing() {
    let mut browser = signed_in().await;
    let address = browser
        .event(&[("repeat", "weekly"), ("title", "<script>alert(1)</script>")])
        .await;
    let pages = [
        "/admin",
        "/admin/events",
        "/admin/events/new",
        "/admin/hosts",
        "/admin/conflicts",
        "/admin/report",
        "/admin/counters",
        "/admin/sign-in",
    ];
    let of_event = ["", "/cancel", "/undo", "/dates", "/hosts", "/postpone"].map(|rest| format!("{address}{rest}"));
    for path in pages.into_iter().map(str::to_owned).chain(of_event) {
        for language in ["en", "de", "nl", "es"] {
            let page = browser.get(&format!("{path}?ui={language}")).await;
            assert_eq!(page.status, StatusCode::OK, "{path} {language}");
            assert!(page.body.contains(&format!("<html lang=\"{language}\"")));
            assert!(!page.body.contains("<script>"), "{path}: markup in a title");
            assert!(page.body.contains("noindex"), "{path}");
            let left = page
                .body
                .find("{title}")
                .or_else(|| page.body.find("{count}"))
                .or_else(|| page.body.find("{year}"));
            assert_eq!(left, None, "{path} {language}");
        }
    }
}

#[tokio::test]
async fn nonsense_is_answered_and_nothing_breaks() {
    let mut browser = signed_in().await;
    for address in [
        "/admin/events/nonsense",
        "/admin/events/00000004000000000000000000000000",
        "/admin/events/%ff",
        "/admin/events/x/dates",
        "/admin/nowhere",
        "/admin/events?cursor=nonsense",
        "/admin/events?view=nonsense",
    ] {
        let page = browser.get(address).await;
        assert!(page.status.is_client_error(), "{address}: {}", page.status);
    }
    let put = browser
        .send(Request::builder().method(Method::PUT).uri("/admin"), Body::empty())
        .await;
    assert_eq!(put.status, StatusCode::METHOD_NOT_ALLOWED);
    let upload = Request::builder()
        .method(Method::POST)
        .uri("/admin/events/new")
        .header("content-type", "multipart/form-data");
    assert_eq!(
        browser.send(upload, Body::from("x")).await.status,
        StatusCode::BAD_REQUEST
    );
    let large = Request::builder()
        .method(Method::POST)
        .uri("/admin/events/new")
        .header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(
        browser.send(large, Body::from("a".repeat(600_000))).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let long = browser.get(&format!("/admin?{}", "a".repeat(5_000))).await;
    assert_eq!(long.status, StatusCode::URI_TOO_LONG);
}
