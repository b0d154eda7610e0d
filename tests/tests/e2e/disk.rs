//! Disks that fill up or turn read-only, under whole nodes.

use std::fs;

use interhub_tests::cluster::agree;
use interhub_tests::hub::{Hub, SOON, run, text, wait_until};
use interhub_tests::mounts::{fill_disk, make_read_only, make_writable, mount_disk, with_own_mounts};

/// Room for a node and what it writes here.
const DISK_MIB: u32 = 400;

#[test]
fn a_full_disk_stops_writing_and_nothing_else() {
    with_own_mounts("disk::a_full_disk_stops_writing_and_nothing_else", || {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("disk");
        fs::create_dir(&disk).unwrap();
        mount_disk(&disk, DISK_MIB);
        let mut full = Hub::init(&disk, "birmingham", "Europe/London");
        let mut other = Hub::init(folder.path(), "vienna", "Europe/Vienna");
        full.start();
        other.start();
        full.json(&["network", "create", "Test network"]);
        other.json(&["join", &text(&full.json(&["invite"]), "link")]);
        let kept = full.add("Kept", "2027-04-01T10:00");
        agree(&[&full, &other]);

        let ballast = disk.join("ballast");
        fill_disk(&ballast, 16);
        let add = [
            "event",
            "add",
            "--title",
            "No room",
            "--start",
            "2027-04-01",
            "--duration",
            "1d",
        ];
        full.cli(&add).fails(1, "disk is full");
        let calendar = folder.path().join("one.ics");
        fs::write(&calendar, one_event()).unwrap();
        let import = ["event", "import", calendar.to_str().unwrap()];
        full.cli(&import).fails(1, "disk is full");
        full.cli(&["event", "cancel", &kept]).fails(1, "disk is full");
        // What is there is shown all the while, and the other hub goes on.
        assert_eq!(full.json(&["event", "show", &kept])["status"], "confirmed");
        assert!(full.get(&format!("/events/{kept}")).unwrap().contains("Kept"));
        let meanwhile = other.add("Meanwhile", "2027-04-02T10:00");

        // Killed now, it does not start before there is room, and says so.
        full.kill();
        let data = full.data.to_string_lossy().into_owned();
        run("interhubd", &["serve", "--data", &data]).fails(1, "full");
        run("interhubd", &["rebuild", "--data", &data]).fails(1, "full");
        fs::remove_file(&ballast).unwrap();
        full.start();
        agree(&[&full, &other]);
        assert_eq!(full.json(&["event", "show", &kept])["status"], "confirmed");
        assert_eq!(full.json(&["event", "show", &meanwhile])["title"], "Meanwhile");
        let listed = full.json(&["event", "list", "--from", "2027-04-01", "--to", "2027-04-03"]);
        assert_eq!(
            listed["events"].as_array().unwrap().len(),
            2,
            "nothing is half there: {listed}"
        );
        assert_eq!(full.json(&import)["added"], 1);
        agree(&[&full, &other]);
    });
}

#[test]
fn room_made_while_it_runs_is_enough() {
    with_own_mounts("disk::room_made_while_it_runs_is_enough", || {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("disk");
        fs::create_dir(&disk).unwrap();
        mount_disk(&disk, DISK_MIB);
        let mut full = Hub::init(&disk, "birmingham", "Europe/London");
        let mut other = Hub::init(folder.path(), "vienna", "Europe/Vienna");
        full.start();
        other.start();
        full.json(&["network", "create", "Test network"]);
        other.json(&["join", &text(&full.json(&["invite"]), "link")]);
        agree(&[&full, &other]);
        let ballast = disk.join("ballast");
        fill_disk(&ballast, 16);
        let missed: Vec<String> = (0..20)
            .map(|number| other.add(&format!("Missed {number}"), "2027-04-02T10:00"))
            .collect();
        agree_that_missing(&full, &missed);
        fs::remove_file(&ballast).unwrap();
        // Without a restart: what could not be stored is asked for again.
        wait_until("the events that found no room", SOON, || {
            match missed.iter().find(|id| full.cli(&["event", "show", id]).code != 0) {
                None => Ok(()),
                Some(id) => Err(id.clone()),
            }
        });
        full.add("There is room again", "2027-04-03T10:00");
        agree(&[&full, &other]);
    });
}

#[test]
fn a_read_only_disk_is_named_and_left_as_it_is() {
    with_own_mounts("disk::a_read_only_disk_is_named_and_left_as_it_is", || {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("disk");
        fs::create_dir(&disk).unwrap();
        mount_disk(&disk, DISK_MIB);
        let mut hub = Hub::init(&disk, "birmingham", "Europe/London");
        hub.start();
        hub.json(&["network", "create", "Test network"]);
        let kept = hub.add("Kept", "2027-04-01T10:00");
        let before = hub.agreement().unwrap();
        hub.stop();
        make_read_only(&disk);
        let data = hub.data.to_string_lossy().into_owned();
        run("interhubd", &["serve", "--data", &data]).fails(1, "read-only");
        run("interhubd", &["rebuild", "--data", &data]).fails(1, "read-only");
        let new = disk.join("new").to_string_lossy().into_owned();
        let init = [
            "init",
            "--data",
            &new,
            "--slug",
            "new",
            "--name",
            "N",
            "--timezone",
            "Europe/London",
        ];
        run("interhubd", &init).fails(1, "read-only");
        make_writable(&disk);
        // The log lies beside the folder, on the same disk.
        hub.start();
        assert_eq!(hub.json(&["event", "show", &kept])["title"], "Kept");
        assert_eq!(hub.agreement().unwrap(), before);
    });
}

/// They reached the hub, which had no room for them.
fn agree_that_missing(hub: &Hub, missed: &[String]) {
    wait_until("a refusal for want of room", SOON, || {
        if hub.log().contains("the disk is full") {
            Ok(())
        } else {
            Err(hub.log())
        }
    });
    for id in missed {
        hub.cli(&["event", "show", id]).fails(3, "");
    }
}

fn one_event() -> &'static str {
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//EN\r\nBEGIN:VEVENT\r\nUID:room@example.org\r\n\
     DTSTAMP:20261101T000000Z\r\nDTSTART:20270304T100000Z\r\nSUMMARY:Needs room\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}
