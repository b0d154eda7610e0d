//! Disks of a test's own: small ones that fill up, and ones that turn read-only.
//!
//! A test that needs them runs again as a process of its own in a mount namespace, which root and ordinary users may
//! both make (`unshare` of util-linux). What is mounted there is seen by it and its children alone, and ends with them.

use std::path::Path;
use std::process::{Command, Stdio};

/// Set in the process inside.
const INSIDE: &str = "INTERHUB_TEST_OWN_MOUNTS";

/// Runs `check` where it may mount. `name` is the test's own full name.
#[track_caller]
pub fn with_own_mounts(name: &str, check: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return check();
    }
    let this = std::env::current_exe().unwrap_or_else(|error| panic!("no path of this program: {error}"));
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount"])
        .arg(this)
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("unshare does not run: {error}"));
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "inside: {out}{err}");
    assert!(
        out.contains("1 passed"),
        "nothing ran inside under the name {name}: {out}{err}"
    );
}

/// An empty disk of this size at an empty folder.
#[track_caller]
pub fn mount_disk(at: &Path, mib: u32) {
    mount(&["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"], at);
}

/// Turns it read-only; nothing may have a file open for writing there.
#[track_caller]
pub fn make_read_only(at: &Path) {
    mount(&["-o", "remount,ro"], at);
}

/// Turns it writable again.
#[track_caller]
pub fn make_writable(at: &Path) {
    mount(&["-o", "remount,rw"], at);
}

#[track_caller]
fn mount(arguments: &[&str], at: &Path) {
    let output = Command::new("mount").args(arguments).arg(at).output();
    let output = output.unwrap_or_else(|error| panic!("mount does not run: {error}"));
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "mount {arguments:?} {}: {err}", at.display());
}

/// Fills the disk with one file until only so much is free, and says how to free it again: remove the file.
#[track_caller]
pub fn fill_disk(file: &Path, leave_mib: u64) {
    let folder = file.parent().unwrap_or(file);
    let stat = Command::new("stat")
        .args(["--file-system", "--format=%a %S"])
        .arg(folder)
        .output();
    let stat = stat.unwrap_or_else(|error| panic!("stat does not run: {error}"));
    let said = String::from_utf8_lossy(&stat.stdout).into_owned();
    let numbers: Vec<u64> = said
        .split_whitespace()
        .filter_map(|number| number.parse().ok())
        .collect();
    let [blocks, block_bytes] = numbers[..] else {
        panic!("stat said {said:?}")
    };
    let bytes = (blocks * block_bytes).saturating_sub(leave_mib << 20);
    let filled = Command::new("fallocate")
        .args(["--length", &bytes.to_string()])
        .arg(file)
        .status();
    assert!(
        filled.is_ok_and(|status| status.success()),
        "{bytes} bytes are not taken up"
    );
}
