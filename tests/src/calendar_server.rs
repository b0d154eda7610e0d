//! A web server with one calendar on it, which tests change as they like.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// What is served, and what was asked.
#[derive(Default)]
struct Shared {
    status: u16,
    body: Vec<u8>,
    /// Answered with 304 to whoever has it.
    etag: Option<String>,
    asked: Vec<u16>,
}

/// The server; it runs until the test ends.
#[derive(Clone)]
pub struct CalendarServer {
    address: String,
    shared: Arc<Mutex<Shared>>,
}

impl CalendarServer {
    /// Starts one on loopback.
    ///
    /// # Panics
    /// Without a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address").to_string();
        let shared = Arc::new(Mutex::new(Shared {
            status: 200,
            ..Shared::default()
        }));
        let served = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away is the test's business.
                let _ = answer(stream, &served);
            }
        });
        Self { address, shared }
    }

    /// Where the calendar is, with a secret in the address.
    pub fn url(&self) -> String {
        format!("http://{}/private-s3cr3t/calendar.ics?key=s3cr3t", self.address)
    }

    fn change(&self, change: impl FnOnce(&mut Shared)) {
        change(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Serves this from now on; with a validator of its own if it is to have one.
    pub fn serve(&self, body: &str, etag: Option<&str>) {
        self.serve_bytes(body.into(), etag);
    }

    /// The same for what is no text: a picture.
    pub fn serve_bytes(&self, body: Vec<u8>, etag: Option<&str>) {
        self.change(|shared| {
            (shared.status, shared.body, shared.etag) = (200, body, etag.map(str::to_owned));
        });
    }

    /// Answers with this and a page from now on.
    pub fn fail(&self, status: u16) {
        self.change(|shared| {
            (shared.status, shared.body) = (status, b"<html>a page</html>".to_vec());
            shared.etag = None;
        });
    }

    /// The answers given so far.
    pub fn answers(&self) -> Vec<u16> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).asked.clone()
    }
}

fn answer(stream: TcpStream, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut known = None;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("if-none-match")
        {
            known = Some(value.trim().to_owned());
        }
    }
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let same = known.is_some() && known == shared.etag;
    let (status, body) = if same {
        (304, Vec::new())
    } else {
        (shared.status, shared.body.clone())
    };
    shared.asked.push(status);
    let etag = shared
        .etag
        .as_ref()
        .map_or_else(String::new, |etag| format!("ETag: {etag}\r\n"));
    drop(shared);
    let head = format!(
        "HTTP/1.1 {status} X\r\n{etag}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = reader.into_inner();
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}
