#![expect(
    clippy::disallowed_methods,
    reason = "a server lives as long as the runtime of its test"
)]

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Path as AxumPath;
use axum::http::{HeaderMap as AxumHeaders, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio_stream::StreamExt;

use super::*;
use crate::feed::source::Source;
use crate::outside::call::MAX_REDIRECTS;

const CALENDAR: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n";

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test)
}

/// Serves these routes on loopback; returns `127.0.0.1:port`.
async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn open() -> Fetcher {
    let times = Times {
        connect: Duration::from_secs(5),
        silence: Duration::from_millis(300),
        whole: Duration::from_secs(2),
    };
    Fetcher::with_times(true, times).unwrap()
}

async fn fetch(fetcher: &Fetcher, address: &str) -> Result<Fetched, FetchError> {
    fetch_again(fetcher, &Source::parse(address).unwrap(), &Validators::default()).await
}

async fn fetch_again(fetcher: &Fetcher, source: &Source, known: &Validators) -> Result<Fetched, FetchError> {
    match source {
        Source::Web { url, or_plain } => fetcher.fetch(url, *or_plain, known).await,
        Source::File(path) => read_file(path, known),
    }
}

fn is_new(fetched: &Result<Fetched, FetchError>, text: &str) -> bool {
    matches!(fetched, Ok(Fetched::New { bytes, .. }) if bytes == text.as_bytes())
}

#[test]
fn a_calendar_is_asked_for_with_what_is_known_of_it() {
    run(async {
        let answer = |headers: AxumHeaders| async move {
            let text = |name: &str| {
                headers
                    .get(name)
                    .and_then(|value| value.to_str().ok())
                    .unwrap_or_default()
                    .to_owned()
            };
            assert!(text("user-agent").starts_with("interhub/"));
            assert!(text("accept").contains("text/calendar"));
            if text("if-none-match") == "\"v1\"" && text("if-modified-since") == "Sun, 22 Nov 2026 10:00:00 GMT" {
                return StatusCode::NOT_MODIFIED.into_response();
            }
            assert!(text("if-none-match").is_empty());
            let validators = [("etag", "\"v1\""), ("last-modified", "Sun, 22 Nov 2026 10:00:00 GMT")];
            // A type that is not true.
            (validators, [("content-type", "image/png")], CALENDAR).into_response()
        };
        let address = serve(Router::new().route("/x.ics", get(answer))).await;
        let source = Source::parse(&format!("http://{address}/x.ics")).unwrap();
        let fetcher = open();
        let Ok(Fetched::New { bytes, validators }) = fetch_again(&fetcher, &source, &Validators::default()).await
        else {
            panic!("nothing came");
        };
        assert_eq!(bytes, CALENDAR.as_bytes());
        assert_eq!(validators.etag, "\"v1\"");
        assert_eq!(
            fetch_again(&fetcher, &source, &validators).await,
            Ok(Fetched::Unchanged)
        );
    });
}

#[test]
fn what_is_packed_is_unpacked_and_a_bomb_is_stopped() {
    run(async {
        let packed = |text: &[u8], times: usize| {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            for _ in 0..times {
                packer.write_all(text).unwrap();
            }
            Bytes::from(packer.finish().unwrap())
        };
        let (small, bomb) = (packed(CALENDAR.as_bytes(), 1), packed(&vec![b' '; 1 << 20], 40));
        assert!(bomb.len() < MAX_BYTES / 50);
        let gzip = [("content-encoding", "gzip")];
        let router = Router::new()
            .route("/small", get(move || async move { (gzip, small) }))
            .route("/bomb", get(move || async move { (gzip, bomb) }));
        let address = serve(router).await;
        assert!(is_new(
            &fetch(&open(), &format!("http://{address}/small")).await,
            CALENDAR
        ));
        assert_eq!(
            fetch(&open(), &format!("http://{address}/bomb")).await,
            Err(FetchError::TooLarge)
        );
    });
}

#[test]
fn what_never_ends_says_too_much_or_nothing_is_left() {
    run(async {
        let endless = || async {
            let piece = Bytes::from(vec![b'X'; 1 << 20]);
            let pieces = tokio_stream::iter(std::iter::repeat_n(piece, 64)).map(Ok::<_, std::io::Error>);
            Body::from_stream(pieces)
        };
        let silent = || async {
            std::future::pending::<()>().await;
        };
        let dripping = || async {
            let drops = tokio_stream::iter(0..).throttle(Duration::from_millis(100));
            Body::from_stream(drops.map(|_: u32| Ok::<_, std::io::Error>(Bytes::from_static(b"x"))))
        };
        let router = Router::new()
            .route("/endless", get(endless))
            .route("/silent", get(silent))
            .route("/dripping", get(dripping));
        let address = serve(router).await;
        let of = |path: &str| format!("http://{address}/{path}");
        let fetcher = open();
        assert_eq!(fetch(&fetcher, &of("endless")).await, Err(FetchError::TooLarge));
        for slow in ["silent", "dripping"] {
            assert!(
                matches!(fetch(&fetcher, &of(slow)).await, Err(FetchError::Timeout { .. })),
                "{slow}"
            );
        }
        // What says beforehand that it is too large is not waited for.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let declared = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 1_000])
                .await
                .unwrap();
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n";
            tokio::io::AsyncWriteExt::write_all(&mut stream, head).await.unwrap();
            std::future::pending::<()>().await;
        });
        assert_eq!(fetch(&fetcher, &declared).await, Err(FetchError::TooLarge));
    });
}

#[test]
fn redirects_are_followed_but_not_in_circles_nor_off_the_web() {
    run(async {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let to = |to: &'static str| move || async move { (StatusCode::FOUND, [("location", to)]) };
        let authorised = |headers: AxumHeaders| async move {
            let has = headers.contains_key("authorization");
            if has {
                CALENDAR.into_response()
            } else {
                StatusCode::UNAUTHORIZED.into_response()
            }
        };
        let circle = || async {
            ASKED.fetch_add(1, Ordering::SeqCst);
            (StatusCode::MOVED_PERMANENTLY, [("location", "/circle")])
        };
        let router = Router::new()
            .route("/there", get(|| async { CALENDAR }))
            .route("/moved", get(to("there")))
            .route("/circle", get(circle))
            .route("/file", get(to("file:///etc/passwd")))
            .route("/odd", get(to("http://[")))
            .route("/secret", get(authorised));
        let address = serve(router.clone()).await;
        let other = serve(router).await;
        let of = |path: &str| format!("http://{address}/{path}");
        let fetcher = open();
        assert!(is_new(&fetch(&fetcher, &of("moved")).await, CALENDAR));
        assert!(matches!(
            fetch(&fetcher, &of("circle")).await,
            Err(FetchError::Redirects { .. })
        ));
        assert_eq!(ASKED.load(Ordering::SeqCst), MAX_REDIRECTS + 1);
        for wrong in ["file", "odd"] {
            assert!(
                matches!(fetch(&fetcher, &of(wrong)).await, Err(FetchError::Redirects { .. })),
                "{wrong}"
            );
        }
        assert!(is_new(
            &fetch(&fetcher, &format!("http://me:word@{address}/secret")).await,
            CALENDAR
        ));
        // A name and password stay with the server they are for.
        let elsewhere = format!("http://{other}/secret");
        let leak = Router::new().route(
            "/to-another",
            get(move || async move { (StatusCode::FOUND, [("location", elsewhere)]) }),
        );
        let first = serve(leak).await;
        let leaked = fetch(&fetcher, &format!("http://me:word@{first}/to-another")).await;
        assert!(
            matches!(leaked, Err(FetchError::Refused { status: 401, .. })),
            "{leaked:?}"
        );
    });
}

#[test]
fn the_hubs_own_network_is_not_called_unless_its_operator_says_so() {
    run(async {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let ask = || async {
            ASKED.fetch_add(1, Ordering::SeqCst);
            CALENDAR
        };
        let address = serve(Router::new().route("/", get(ask))).await;
        let port = address.rsplit(':').next().unwrap();
        let closed = Fetcher::new(false).unwrap();
        let inside = [
            "127.0.0.1",
            "localhost",
            "2130706433",
            "0x7f.1",
            "017700000001",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "0.0.0.0",
            "127.0.0.1.",
        ];
        for host in inside {
            let fetched = fetch(&closed, &format!("http://{host}:{port}/")).await;
            assert_eq!(fetched, Err(FetchError::Private), "{host}");
        }
        assert_eq!(ASKED.load(Ordering::SeqCst), 0);
        assert!(is_new(&fetch(&open(), &format!("http://{address}/")).await, CALENDAR));
    });
}

#[test]
fn answers_that_are_no_calendar_say_what_to_do_and_nothing_secret() {
    run(async {
        let status = |AxumPath(code): AxumPath<u16>| async move {
            (
                StatusCode::from_u16(code).unwrap(),
                [("retry-after", "120")],
                "secret page",
            )
        };
        let address = serve(Router::new().route("/secret/{code}", get(status))).await;
        let fetcher = open();
        let mut told = Vec::new();
        for code in [401, 403, 404, 410, 429, 500, 503, 204, 304] {
            let error = fetch(&fetcher, &format!("http://{address}/secret/{code}?key=f00"))
                .await
                .unwrap_err();
            let kind = match &error {
                FetchError::Refused { .. } => "refused",
                FetchError::Gone { .. } => "gone",
                FetchError::Busy { pause, .. } => {
                    assert_eq!(*pause, Some(Duration::from_mins(2)));
                    "busy"
                }
                FetchError::Answer { .. } => "answer",
                _ => "other",
            };
            told.push(kind);
            let line = error.to_string();
            assert!(
                line.contains(&code.to_string()) && line.contains(';') && !line.contains("secret"),
                "{line}"
            );
            assert!(!line.contains("f00"), "{line}");
        }
        assert_eq!(
            told,
            [
                "refused", "refused", "gone", "gone", "busy", "answer", "busy", "answer", "answer"
            ]
        );
        let nobody = fetch(&fetcher, "http://127.0.0.1:1/secret").await.unwrap_err();
        assert!(
            matches!(nobody, FetchError::Unreachable { .. }) && !nobody.to_string().contains("secret"),
            "{nobody}"
        );
        let no_such_name = fetch(&fetcher, "http://no-such-name.invalid/secret").await.unwrap_err();
        assert!(matches!(no_such_name, FetchError::Unreachable { .. }), "{no_such_name}");
    });
}

#[test]
fn webcal_is_tried_with_and_without_encryption() {
    run(async {
        let address = serve(Router::new().route("/x", get(|| async { CALENDAR }))).await;
        assert!(is_new(
            &fetch(&open(), &format!("webcal://{address}/x")).await,
            CALENDAR
        ));
        let only_encrypted = fetch(&open(), &format!("webcals://{address}/x")).await;
        assert!(
            matches!(only_encrypted, Err(FetchError::Unreachable { .. })),
            "{only_encrypted:?}"
        );
    });
}

#[test]
fn files_are_read_when_they_have_changed() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ics");
        let fetcher = open();
        let source = Source::parse(path.to_str().unwrap()).unwrap();
        let missing = fetch_again(&fetcher, &source, &Validators::default()).await;
        assert!(matches!(missing, Err(FetchError::File(_))));
        std::fs::write(&path, CALENDAR).unwrap();
        let Ok(Fetched::New { bytes, validators }) = fetch_again(&fetcher, &source, &Validators::default()).await
        else {
            panic!("nothing was read");
        };
        assert_eq!(bytes, CALENDAR.as_bytes());
        assert_eq!(
            fetch_again(&fetcher, &source, &validators).await,
            Ok(Fetched::Unchanged)
        );
        std::fs::write(&path, format!("{CALENDAR}\r\n")).unwrap();
        assert!(matches!(
            fetch_again(&fetcher, &source, &validators).await,
            Ok(Fetched::New { .. })
        ));
        let directory = Source::parse(folder.path().to_str().unwrap()).unwrap();
        assert!(matches!(
            fetch_again(&fetcher, &directory, &validators).await,
            Err(FetchError::File(_))
        ));
        let device = Source::parse("/dev/zero").unwrap();
        assert!(matches!(
            fetch_again(&fetcher, &device, &validators).await,
            Err(FetchError::File(_))
        ));
        std::fs::File::create(&path)
            .unwrap()
            .set_len(MAX_BYTES as u64 + 1)
            .unwrap();
        assert_eq!(
            fetch_again(&fetcher, &source, &validators).await,
            Err(FetchError::TooLarge)
        );
    });
}
