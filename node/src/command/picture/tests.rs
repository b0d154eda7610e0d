#![allow(clippy::unwrap_used, reason = "tests")]
#![expect(
    clippy::disallowed_methods,
    reason = "a server lives as long as the runtime of its test"
)]

use std::io::Cursor;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

use super::*;
use crate::clock::ManualClock;
use crate::command::event::{Ending, EventFields};
use crate::command::testing::birmingham;
use crate::task::{Blocking, Tasks};

/// 2026-11-29 00:00 UTC.
const NOW_MS: i64 = 1_795_910_400_000;

fn hub() -> (Commands, Arc<ManualClock>) {
    let (commands, clock) = birmingham(&Tasks::new(Blocking::Inline), NOW_MS);
    commands.ledger.create_network("Test network").unwrap();
    (commands, clock)
}

fn png(red: u8) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let picture = RgbImage::from_pixel(1_000, 500, Rgb([red, 0, 0]));
    DynamicImage::from(picture)
        .write_to(&mut bytes, ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

/// What a server has at `/picture`, and how often it was asked.
#[derive(Clone, Default)]
struct Gallery {
    has: Arc<Mutex<Option<(u16, Vec<u8>)>>>,
    asked: Arc<AtomicUsize>,
}

impl Gallery {
    async fn serve(&self) -> String {
        let this = self.clone();
        let answer = move |Path(name): Path<String>, headers: HeaderMap| {
            let this = this.clone();
            async move { this.answer(&name, &headers) }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/{name}", get(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/")
    }

    fn answer(&self, name: &str, headers: &HeaderMap) -> Response {
        self.asked.fetch_add(1, Ordering::SeqCst);
        assert!(headers["accept"].to_str().unwrap().contains("image/"));
        if name == "circle" {
            return (StatusCode::FOUND, [("location", "/circle")]).into_response();
        }
        let (status, bytes) = self.has.lock().unwrap().clone().unwrap();
        let tag = format!("\"{}\"", blake3::hash(&bytes));
        if headers.get(header::IF_NONE_MATCH).is_some_and(|known| *known == tag) {
            return StatusCode::NOT_MODIFIED.into_response();
        }
        (StatusCode::from_u16(status).unwrap(), [("etag", tag)], bytes).into_response()
    }

    fn now_has(&self, status: u16, bytes: Vec<u8>) {
        *self.has.lock().unwrap() = Some((status, bytes));
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn add(commands: &Commands, start: &str, image: &str) -> String {
    let fields = EventFields {
        title: Some("With a picture".into()),
        start: Some(start.into()),
        ending: Some(Ending::After(3_600)),
        image_url: Some(image.into()),
        ..EventFields::default()
    };
    commands.add_event(fields).await.unwrap().listed.row.thing.to_string()
}

/// Downloads all that is due: how many, and what was wrong with them.
async fn look(commands: &Commands) -> (usize, Vec<String>) {
    let due = commands.pictures_due().await.unwrap();
    let count = due.len();
    let mut wrong = Vec::new();
    for picture in due {
        wrong.extend(commands.look_at_picture(picture).await.unwrap());
    }
    (count, wrong)
}

#[tokio::test]
async fn a_picture_is_made_small_once_and_looked_at_again_after_a_week() {
    let (commands, clock) = hub();
    let gallery = Gallery::default();
    gallery.now_has(200, png(200));
    let address = gallery.serve().await + "picture";
    for start in ["2026-12-24T18:00", "2026-12-25T18:00"] {
        add(&commands, start, &address).await;
    }
    add(&commands, "2026-12-26T18:00", "").await;
    add(&commands, "2025-12-26T18:00", &format!("{address}-of-the-past")).await;
    let version = || commands.views.version().unwrap();
    let before = version();
    assert_eq!(look(&commands).await, (1, vec![]));
    assert_ne!(version(), before, "pages that are kept are made anew");
    let row = commands.known_picture(&address).unwrap().unwrap();
    let small = row.thumbnail.unwrap();
    assert_eq!((small.width, small.height), (640, 320));
    assert_eq!(
        commands.views.picture(PictureKey::of(&address)).unwrap(),
        Some(small.clone())
    );
    assert_eq!(look(&commands).await.0, 0);

    clock.set_ms(NOW_MS + 7 * 86_400_000);
    let before = version();
    assert_eq!((look(&commands).await, gallery.asked()), ((1, vec![]), 2));
    assert_eq!(version(), before, "nothing that is shown has changed");
    assert_eq!(
        commands.known_picture(&address).unwrap().unwrap().thumbnail,
        Some(small.clone())
    );
    gallery.now_has(200, png(20));
    clock.set_ms(NOW_MS + 14 * 86_400_000);
    look(&commands).await;
    let other = commands.known_picture(&address).unwrap().unwrap().thumbnail.unwrap();
    assert_ne!(other.jpeg, small.jpeg);

    // A clock that was set back by a year does not end the looking.
    clock.set_ms(NOW_MS - 365 * 86_400_000);
    assert!(look(&commands).await.0 >= 1);
}

#[tokio::test]
async fn what_no_event_names_any_more_is_forgotten() {
    let (commands, _) = hub();
    let gallery = Gallery::default();
    gallery.now_has(200, png(200));
    let address = gallery.serve().await + "picture";
    let id = add(&commands, "2026-12-24T18:00", &address).await;
    look(&commands).await;
    let fields = EventFields {
        image_url: Some(String::new()),
        ..EventFields::default()
    };
    commands.edit_event(id, fields).await.unwrap();
    assert_eq!(look(&commands).await.0, 0);
    assert_eq!(commands.known_picture(&address).unwrap(), None);
}

#[tokio::test]
async fn what_is_erased_takes_its_picture_along_at_once() {
    let (commands, _) = hub();
    let gallery = Gallery::default();
    gallery.now_has(200, png(200));
    let address = gallery.serve().await + "picture";
    let id = add(&commands, "2026-12-24T18:00", &address).await;
    let other = add(&commands, "2026-12-25T18:00", &address).await;
    look(&commands).await;
    assert!(commands.known_picture(&address).unwrap().is_some());
    commands.erase_event(id).await.unwrap();
    assert_eq!(commands.known_picture(&address).unwrap(), None);
    assert!(commands.ledger.has_to_force_out());
    // Another event names it: it is made again.
    assert_eq!(look(&commands).await, (1, vec![]));
    commands.erase_event(other).await.unwrap();
    assert_eq!(commands.known_picture(&address).unwrap(), None);
    assert_eq!(look(&commands).await.0, 0);
}

#[tokio::test]
async fn what_is_no_picture_says_so_and_is_asked_for_less_and_less() {
    let (commands, clock) = hub();
    let gallery = Gallery::default();
    gallery.now_has(200, png(200));
    let server = gallery.serve().await;
    let address = server.clone() + "picture";
    add(&commands, "2028-12-24T18:00", &address).await;
    assert_eq!(look(&commands).await, (1, vec![]));

    // The server is away: what is known stays.
    let row = || commands.known_picture(&address).unwrap().unwrap();
    let mut now_ms = row().next_ms;
    for pause in PAUSES.iter().chain(PAUSES.last()) {
        gallery.now_has(500, b"sorry".to_vec());
        clock.set_ms(now_ms);
        let (_, wrong) = look(&commands).await;
        assert!(wrong[0].contains("HTTP 500"), "{wrong:?}");
        assert!(row().thumbnail.is_some());
        assert_eq!(row().next_ms - now_ms, i64::try_from(pause.as_millis()).unwrap());
        now_ms = row().next_ms;
    }
    // There is something else now, or nothing: it is shown no more.
    for (status, bytes, word) in [
        (200, b"<html>moved</html>".to_vec(), "not a picture"),
        (404, vec![], "no picture there"),
        (200, png(9)[..60].to_vec(), "damaged"),
    ] {
        gallery.now_has(200, png(200));
        clock.set_ms(row().next_ms);
        look(&commands).await;
        assert!(row().thumbnail.is_some() && row().failures == 0);
        gallery.now_has(status, bytes);
        clock.set_ms(row().next_ms);
        let (_, wrong) = look(&commands).await;
        assert!(wrong[0].contains(word), "{wrong:?}");
        assert_eq!(row().thumbnail, None);
        assert_eq!(row().error, wrong[0]);
    }
    let circle = server + "circle";
    add(&commands, "2028-12-27T18:00", &circle).await;
    add(&commands, "2028-12-28T18:00", "https://no.such.host.invalid/x.jpg").await;
    let (_, wrong) = look(&commands).await;
    assert!(wrong.iter().any(|line| line.contains("redirects")), "{wrong:?}");
    assert!(wrong.iter().any(|line| line.contains("cannot be reached")), "{wrong:?}");
}

/// What another hub writes leads this node nowhere inside its own network, whatever its operator allows for the own events.
#[tokio::test]
async fn another_hubs_picture_is_not_looked_for_inside() {
    let (commands, _) = hub();
    let gallery = Gallery::default();
    gallery.now_has(200, png(200));
    let address = gallery.serve().await + "picture";
    let picture = DuePicture {
        address: address.clone(),
        own: false,
        row: None,
    };
    let wrong = commands.look_at_picture(picture).await.unwrap().unwrap();
    assert!(wrong.contains("private network"), "{wrong}");
    assert_eq!(
        (
            gallery.asked(),
            commands.known_picture(&address).unwrap().unwrap().thumbnail
        ),
        (0, None)
    );
    for address in ["file:///etc/passwd", "data:image/png;base64,AAAA", "nothing"] {
        let picture = DuePicture {
            address: address.into(),
            own: true,
            row: None,
        };
        assert!(commands.look_at_picture(picture).await.unwrap().is_some(), "{address}");
    }
}

#[tokio::test]
async fn an_operator_can_do_without() {
    let (mut commands, _) = hub();
    commands.shows_pictures = false;
    add(&commands, "2028-12-24T18:00", "https://a.example/x.jpg").await;
    assert_eq!(commands.pictures_due().await.unwrap(), []);
}
