//! The counting process itself: what it may do, what becomes of a change it dies of, and of one it cannot judge now.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use interhub_domain::document::{CountOutcome, Counter, Refusal, Unjudged, edit};
use interhub_node::child::ChildCounter;
use interhub_tests::hub::{SOON, program, wait_until};

use super::{ACTOR, counted, counter, reading, request};

fn honest() -> Vec<u8> {
    edit(None, ACTOR, &reading("Open day")).unwrap().unwrap().change
}

fn proc(id: u32, what: &str) -> String {
    let bytes = std::fs::read(format!("/proc/{id}/{what}")).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a process has open, each once. A pipe may be left open by whoever started the tests.
fn links(id: &str) -> Vec<String> {
    let mut links: Vec<String> = std::fs::read_dir(format!("/proc/{id}/fd"))
        .unwrap()
        .filter_map(|file| std::fs::read_link(file.unwrap().path()).ok())
        .map(|link| link.to_string_lossy().into_owned())
        .collect();
    links.sort();
    links.dedup();
    links
}

/// A program that says it is ready, waits for a change, and then does this. Notes every start in a file beside it.
fn impostor(folder: &Path, then: &str) -> PathBuf {
    let path = folder.join("impostor");
    let starts = folder.join("starts");
    let script = format!(
        "#!/bin/sh\necho started >> {}\nprintf 'ihub\\001\\001\\000\\000\\000\\000' >&0\n\
         /usr/bin/head -c 10 <&0 >/dev/null\n{then}\n",
        starts.display()
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn starts(folder: &Path) -> usize {
    let text = std::fs::read_to_string(folder.join("starts")).unwrap_or_default();
    text.lines().count()
}

#[test]
fn it_has_limits_and_nothing_else() {
    // What a node has open must not be there.
    let folder = tempfile::tempdir().unwrap();
    let _file = std::fs::File::create(folder.path().join("database")).unwrap();
    let _listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let counter = counter();
    let id = counter.process_id().unwrap();
    let limits = proc(id, "limits");
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split_whitespace().next().unwrap().to_owned()
    };
    for name in ["Max open files", "Max processes", "Max file size", "Max core file size"] {
        assert_eq!(limit(name), "0", "{limits}");
    }
    assert_eq!(limit("Max cpu time"), "10");
    let memory: u64 = limit("Max address space").parse().unwrap();
    let status = proc(id, "status");
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    let size: u64 = size.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(memory - size * 1024 <= 256 << 20, "{memory} beyond {size} kB");
    assert_eq!(proc(id, "environ"), "");
    let of_the_launcher = links("self");
    let files: Vec<String> = links(&id.to_string())
        .into_iter()
        .filter(|link| !(link.starts_with("pipe:") && of_the_launcher.contains(link)))
        .collect();
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files[0] == "/dev/null" && files[1].starts_with("socket:"), "{files:?}");
    // It still does what it is for.
    counted(counter.count(&request(None, &honest(), 1)).unwrap());
    counter.stop();
    assert!(
        !Path::new(&format!("/proc/{id}")).exists(),
        "neither alive nor a zombie"
    );
    assert_eq!(counter.count(&request(None, &honest(), 1)), Err(Unjudged));
}

#[test]
fn a_change_it_dies_of_twice_is_refused_and_not_tried_again() {
    let deadly = Ok(CountOutcome::Refused(Refusal::Deadly));
    let answer = "printf 'ihub\\001\\003\\000\\000\\000\\004rubb' >&0; /bin/sleep 60";
    for then in ["kill -SEGV $$", "kill -ABRT $$", "kill -XCPU $$", "exit 101", answer] {
        let folder = tempfile::tempdir().unwrap();
        let counter = ChildCounter::new(impostor(folder.path(), then));
        assert_eq!(counter.count(&request(None, &honest(), 1)), deadly, "{then}");
        assert_eq!(starts(folder.path()), 2, "{then}");
        assert_eq!(counter.count(&request(None, &honest(), 1)), deadly, "{then}");
        assert_eq!(starts(folder.path()), 2, "{then}");
        // What the scan refuses needs nobody.
        let refused = counter.count(&request(None, b"rubbish", 1)).unwrap();
        assert!(matches!(refused, CountOutcome::Refused(Refusal::Scan(_))));
        assert_eq!(starts(folder.path()), 2);
    }
}

#[test]
fn a_child_that_somebody_ends_says_nothing_about_the_change() {
    let folder = tempfile::tempdir().unwrap();
    // Three are killed, the fourth is a real one.
    let then = "kill -KILL $$";
    let path = impostor(folder.path(), then);
    let script = std::fs::read_to_string(&path).unwrap();
    let real = program("interhubd");
    let count_starts = format!(
        "[ $(/usr/bin/wc -l < {0}) -gt 3 ] && exec {1} count\n",
        folder.path().join("starts").display(),
        real.display()
    );
    std::fs::write(&path, script.replacen("printf", &(count_starts + "printf"), 1)).unwrap();
    let counter = ChildCounter::new(path);
    counted(counter.count(&request(None, &honest(), 1)).unwrap());
    assert_eq!(starts(folder.path()), 4);

    let folder = tempfile::tempdir().unwrap();
    let counter = ChildCounter::new(impostor(folder.path(), then));
    assert_eq!(
        counter.count(&request(None, &honest(), 1)),
        Err(Unjudged),
        "for ever killed"
    );
}

#[test]
fn a_child_that_does_not_answer_does_not_hold_up_the_node_for_ever() {
    let trickle = "while :; do printf i >&0; /bin/sleep 0.05; done";
    for then in ["/bin/sleep 60", trickle] {
        let folder = tempfile::tempdir().unwrap();
        let path = impostor(folder.path(), then);
        let counter = ChildCounter::with_patience(path, Duration::from_millis(400));
        let outcome = counter.count(&request(None, &honest(), 1));
        assert!(
            matches!(outcome, Err(Unjudged) | Ok(CountOutcome::Refused(Refusal::Deadly))),
            "{outcome:?}"
        );
        assert_eq!(counter.process_id(), None, "it was ended");
    }
}

#[test]
fn what_does_not_start_refuses_nothing_and_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("later");
    let counter = ChildCounter::new(path.clone());
    assert_eq!(counter.count(&request(None, &honest(), 1)), Err(Unjudged));
    let trouble = counter.trouble().unwrap();
    assert!(
        trouble.contains("does not start") && !trouble.contains('\n'),
        "{trouble}"
    );
    // A program that ends at once is no better.
    std::fs::copy("/bin/false", &path).unwrap();
    assert!(!counter.look_after());
    assert_eq!(counter.count(&request(None, &honest(), 1)), Err(Unjudged));
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(program("interhubd"), &path).unwrap();
    wait_until("it starts", SOON, || {
        if counter.look_after() {
            Ok(())
        } else {
            Err("no child".into())
        }
    });
    assert_eq!(counter.trouble(), None);
    counted(counter.count(&request(None, &honest(), 1)).unwrap());
}

#[test]
fn started_by_hand_it_says_what_it_is() {
    interhub_tests::hub::run("interhubd", &["count"]).fails(1, "started by `interhubd serve`");
}
