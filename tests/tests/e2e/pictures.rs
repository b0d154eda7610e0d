//! Pictures that events name, shown from the node.

use std::time::Duration;

use interhub_tests::calendar_server::CalendarServer;
use interhub_tests::hub::{Hub, wait_until};

/// The node looks for pictures every ten seconds at most, and shows them at once; on a machine that has other things to do.
const SOON: Duration = Duration::from_mins(1);
/// Four by three pixels, as a PNG file.
const PNG: &str = "89504e470d0a1a0a0000000d49484452000000040000000308020000003b9639910000001049444154789c633860a000470c\
    38390000560cc1e0ffab2d0000000049454e44ae426082";

fn hub() -> (tempfile::TempDir, Hub) {
    let folder = tempfile::tempdir().unwrap();
    let mut hub = Hub::init(folder.path(), "birmingham", "Europe/London");
    hub.configure("feeds_from_private_networks", "true");
    hub.start();
    hub.json(&["network", "create", "Test network"]);
    (folder, hub)
}

/// An event that names a picture; the path of its page.
fn event(hub: &Hub, picture: &str) -> String {
    let id = hub.add("With a picture", "2031-03-04T18:30");
    hub.json(&["event", "edit", &id, "--image", picture]);
    format!("/events/{id}")
}

#[test]
fn a_picture_is_shown_from_the_node_also_after_a_restart() {
    let (_folder, mut hub) = hub();
    let server = CalendarServer::start();
    let png = data_encoding::HEXLOWER.decode(PNG.as_bytes()).unwrap();
    server.serve_bytes(png, Some("\"1\""));
    let page = event(&hub, &server.url());
    let mut path = String::new();
    wait_until("the picture", SOON, || {
        let body = hub.get(&page)?;
        let (_, rest) = body.split_once("<img src=\"").ok_or("no picture yet")?;
        rest.split('"').next().unwrap_or_default().clone_into(&mut path);
        Ok(())
    });
    hub.stop();
    hub.start();
    let answer = hub.get(&path).unwrap();
    assert!(
        answer.contains("image/jpeg") && answer.contains("immutable"),
        "{answer:.300}"
    );
    assert!(hub.get(&page).unwrap().contains("width=\"4\" height=\"3\""));
    assert!(!hub.log().contains("s3cr3t"), "no address in the log");
}
