//! A program that is told of changes over HTTP: it notes what comes, and answers as a test wants.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// By name in lower case.
    pub headers: BTreeMap<String, String>,
    /// As it came.
    pub body: String,
}

#[derive(Default)]
struct Shared {
    status: u16,
    received: Vec<Received>,
}

/// The program; it runs until the test ends.
#[derive(Clone)]
pub struct Receiver {
    address: String,
    shared: Arc<Mutex<Shared>>,
}

impl Receiver {
    /// Starts one on loopback that takes everything.
    ///
    /// # Panics
    /// Without a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address").to_string();
        let shared = Arc::new(Mutex::new(Shared {
            status: 204,
            ..Shared::default()
        }));
        let served = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away is the test's business.
                let _ = take(stream, &served);
            }
        });
        Self { address, shared }
    }

    /// Where it is, with a secret in the address.
    pub fn url(&self) -> String {
        format!("http://{}/hook?key=s3cr3t", self.address)
    }

    /// Answers with this status from now on.
    pub fn answer(&self, status: u16) {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).status = status;
    }

    /// Everything that came so far.
    pub fn received(&self) -> Vec<Received> {
        self.shared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .received
            .clone()
    }
}

fn take(stream: TcpStream, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    shared.received.push(Received { headers, body });
    let status = shared.status;
    drop(shared);
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    reader.into_inner().write_all(head.as_bytes())
}
