//! Pages in a real browser: pictures to be looked at, and what the browser itself makes of a page.
//!
//! The pictures land in `target/pictures`. Where no Chromium is installed the browser tests say so and pass: `make test`
//! installs it.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::fixture::{self, Fixture};
use super::serve;
use super::tests::site;

const EVENT: &str = "/events/00000006000000000000000000000000";
const LONG_EVENT: &str = "/events/00000067000000000000000000000000";
const DETAILED: &str = "/events/00000004000000000000000000000000?ui=de";
const POSTPONED: &str = "/events/0000000a000000000000000000000000?ui=nl";
const CANCELLED: &str = "/events/00000005000000000000000000000000?ui=nl";
/// Widths of a phone, a tablet and a desk, in CSS pixels.
const WIDTHS: [u32; 3] = [360, 768, 1280];

fn browser() -> Option<PathBuf> {
    [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
    ]
    .into_iter()
    .map(PathBuf::from)
    .find(|path| path.exists())
}

fn folder() -> PathBuf {
    let target = std::env::current_exe().unwrap();
    let folder = target.ancestors().nth(3).unwrap().join("pictures");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs Chromium without a window; gives what it prints and what it logs.
fn chromium(browser: &Path, arguments: &[&str]) -> (String, String) {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
        ])
        .args([
            "--no-first-run",
            "--disable-background-networking",
            "--enable-logging=stderr",
            "--v=0",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// Serves a fixture on a port of this machine and hands its address to `look`, which may block.
async fn served(fixture: Fixture, look: impl FnOnce(String) + Send + 'static) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let cancel = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(serve(listener, site(fixture), cancel.clone()));
    tasks.spawn_blocking(move || {
        look(base);
        cancel.cancel();
    });
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

fn picture(browser: &Path, name: &str, address: &str, width: u32, height: u32, dark: bool) {
    let file = folder().join(format!("{name}-{width}-{}.png", if dark { "dark" } else { "light" }));
    let _ = std::fs::remove_file(&file);
    let (screenshot, window) = (
        format!("--screenshot={}", file.display()),
        format!("--window-size={width},{height}"),
    );
    let scheme = format!("--blink-settings=preferredColorScheme={}", u8::from(!dark));
    let (_, log) = chromium(browser, &[&screenshot, &window, &scheme, address]);
    let size = std::fs::metadata(&file)
        .unwrap_or_else(|_| panic!("no picture of {address}: {log}"))
        .len();
    assert!(size > 4_000, "{name} is blank");
    for complaint in ["Content Security Policy", "Refused to", "Failed to load resource"] {
        assert!(!log.contains(complaint), "{address}: {log}");
    }
}

/// Every page in every width, light and dark.
#[tokio::test(flavor = "multi_thread")]
async fn pages_can_be_looked_at() {
    let Some(browser) = browser() else {
        eprintln!("no chromium here: no pictures taken");
        return;
    };
    let sets: [(&str, Fixture, &'static [(&str, &str, u32)]); 3] = [
        (
            "normal",
            fixture::normal(),
            &[
                ("home", "/", 2_400),
                ("filtered", "/events?tag=repair&ui=de&from=2026-11-25", 1_300),
                ("event", EVENT, 1_500),
                ("cancelled", CANCELLED, 1_100),
                ("detailed", DETAILED, 1_300),
                ("postponed", POSTPONED, 1_100),
                ("hubs", "/hubs", 900),
                ("hub", "/hubs/wien", 1_500),
                ("month", "/month", 1_700),
                ("map", "/map", 1_500),
                ("closer", "/map?centre=48.2,16.4&zoom=7&ui=de", 1_300),
                ("tag", "/tags/repair", 1_300),
                ("wrong", "/events?from=soon", 700),
            ],
        ),
        (
            "empty",
            fixture::empty(),
            &[("home", "/", 900), ("hub", "/hubs/amsterdam", 1_000)],
        ),
        (
            "overfull",
            fixture::overfull(),
            &[
                ("home", "/", 2_600),
                ("hubs", "/hubs", 1_800),
                ("month", "/month", 2_600),
                ("map", "/map", 2_200),
                ("event", LONG_EVENT, 1_300),
            ],
        ),
    ];
    // Chromium takes a second a picture: the widths in the middle and most of the dark ones only on demand.
    let all = std::env::var_os("INTERHUB_ALL_PICTURES").is_some();
    for (set, fixture, pages) in sets {
        let browser = browser.clone();
        served(fixture, move |base| {
            for (page, path, height) in pages {
                for (width, dark) in WIDTHS.into_iter().flat_map(|width| [(width, false), (width, true)]) {
                    let usual = (width == 360 && !dark) || (width == 1280 && dark);
                    if all || (usual && matches!(*page, "home" | "month" | "map")) {
                        picture(
                            &browser,
                            &format!("{set}-{page}"),
                            &format!("{base}{path}"),
                            width,
                            *height,
                            dark,
                        );
                    }
                }
            }
        })
        .await;
    }
}

/// The browser reads the page as it was meant: text stays text, nothing is refused, nothing else is fetched.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_finds_nothing_to_run() {
    let Some(browser) = browser() else {
        eprintln!("no chromium here: nothing asked");
        return;
    };
    served(fixture::normal(), move |base| {
        let (page, log) = chromium(
            &browser,
            &["--dump-dom", &format!("{base}/events/0000000c000000000000000000000000")],
        );
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
        assert!(page.contains("\"@type\":\"Event\""), "{page}");
        assert!(!log.contains("Content Security Policy"), "{log}");
    })
    .await;
}

/// What a page of somebody else looks like with the hub's events in it, under a policy that allows nothing but the node.
#[tokio::test(flavor = "multi_thread")]
async fn events_are_shown_on_any_other_page_whatever_its_policy() {
    let Some(browser) = browser() else {
        eprintln!("no chromium here: nothing embedded");
        return;
    };
    let sample = include_str!("../../../docs/embed.html");
    served(fixture::normal(), move |base| {
        // Its own origin, a file of this machine, is another one than the node's. What it shows lies in shadow trees: a
        // script of the test's own, which the policy lets pass by its nonce, writes it down.
        let told = "<script nonce=\"test\">(async () => {\
                    const all = [...document.querySelectorAll('interhub-events')];\
                    const is_done = (one) => one.shadowRoot?.childElementCount && !one.hasAttribute('aria-busy');\
                    while (!all.every(is_done)) await new Promise((next) => setTimeout(next, 20));\
                    const told = document.createElement('pre');\
                    told.textContent = all.map((one) => one.shadowRoot.innerHTML).join('\\n');\
                    document.body.append(told);\
                    })()</script></body>";
        let page = sample
            .replace("script-src ", "script-src 'nonce-test' ")
            .replace("https://hub.example", &base)
            .replace("</body>", told)
            .replace(
                "<script nonce",
                "<interhub-events limit=\"50\" lang=\"nl\"></interhub-events><script nonce",
            );
        let folder = folder();
        let file = folder.join("embedded.html");
        std::fs::write(&file, page).unwrap();
        let address = format!("file://{}", file.display());
        let (dom, log) = chromium(&browser, &["--dump-dom", "--virtual-time-budget=10000", &address]);
        let shown = dom.rsplit("<pre>").next().unwrap_or_default();
        assert!(
            shown.contains("What is on here") && shown.contains("Reparieren"),
            "{dom}\n{log}"
        );
        assert!(shown.contains(&format!("href=\"{base}/events/")), "{dom}");
        assert!(
            shown.contains("Alle Veranstaltungen") && shown.contains("All events"),
            "{dom}"
        );
        assert!(shown.contains("Afgelast") && shown.contains("title gone"), "{dom}");
        assert!(!shown.contains("cannot be shown"), "{dom}");
        for complaint in ["Content Security Policy", "Refused to", "Failed to load resource"] {
            assert!(!log.contains(complaint), "{log}");
        }
        picture(&browser, "embedded", &address, 1280, 1_300, false);
        picture(&browser, "embedded", &address, 360, 1_500, false);
    })
    .await;
}
