//! Pictures: small copies from this node, and nothing from elsewhere.

use std::sync::Arc;

use super::*;
use crate::store::catalogue::picture::{PictureKey, Thumbnail};

const EVENT: &str = "/events/00000004000000000000000000000000";
const ADDRESS: &str = "https://pictures.example/house.jpg";

fn with_picture(known: bool) -> Router {
    let mut made = fixture::normal();
    let (row, _) = made.events.iter_mut().find(|(row, _)| row.thing.0[3] == 4).unwrap();
    let mut new = (**row).clone();
    new.event.image_url = ADDRESS.to_owned();
    *row = Arc::new(new);
    if known {
        let small = Thumbnail {
            width: 640,
            height: 427,
            jpeg: vec![0xff, 0xd8, 0xff, 0xd9],
        };
        made.pictures.insert(PictureKey::of(ADDRESS), small);
    }
    site(made)
}

#[tokio::test]
async fn an_events_page_shows_the_small_copy() {
    let router = with_picture(true);
    let page = get(&router, EVENT).await.body;
    let (_, rest) = page.split_once("<img src=\"").unwrap();
    let (path, rest) = rest.split_once('"').unwrap();
    assert!(rest.starts_with(" width=\"640\" height=\"427\" alt=\"\""), "{rest:.60}");
    assert!(
        page.contains(&format!("property=\"og:image\" content=\"https://hub.example{path}\"")),
        "{page}"
    );
    assert!(
        page.contains(&format!("<a class=\"way\" href=\"{ADDRESS}\"")),
        "the large one is a link away"
    );
    assert!(!page.contains(&format!("src=\"{ADDRESS}")));

    let picture = ask(&router, Method::GET, path, &[("accept-encoding", "gzip")]).await;
    assert_eq!(picture.status, 200);
    assert_eq!(picture.headers["content-type"], "image/jpeg");
    assert!(picture.headers["cache-control"].to_str().unwrap().contains("immutable"));
    assert!(!picture.headers.contains_key("content-encoding"));
    let known = picture.headers["etag"].to_str().unwrap();
    let again = ask(&router, Method::GET, path, &[("if-none-match", known)]).await;
    assert_eq!(again.status, 304);
    let other = path.replace(".jpg", "0.jpg");
    for wrong in [
        other.as_str(),
        "/pictures/x.jpg",
        "/pictures/-.jpg",
        "/pictures/",
        "/pictures/%ff-0.jpg",
    ] {
        assert_eq!(get(&router, wrong).await.status, 404, "{wrong}");
    }
    let nobody = format!("/pictures/{}-000000000000.jpg", "0".repeat(32));
    assert_eq!(get(&router, &nobody).await.status, 404);
}

#[tokio::test]
async fn without_a_copy_a_page_asks_nobody_else() {
    let page = get(&with_picture(false), EVENT).await.body;
    assert!(!page.contains("<img") && page.contains(ADDRESS));
    assert!(
        page.contains(&format!("property=\"og:image\" content=\"{ADDRESS}\"")),
        "previews are made elsewhere"
    );
    let plain = get(&site(fixture::normal()), EVENT).await.body;
    assert!(!plain.contains("og:image") && plain.contains("property=\"og:locale\" content=\"en_GB\""));
}
