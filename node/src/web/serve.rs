//! Serving the port: an accept loop of our own, because every wait on it needs a limit.
//!
//! Whatever arrives (garbage, half a request, silence, a reader that never reads) costs one connection's place until its
//! time is up, and nothing else.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::way::PeerAddress;

/// Open connections at once; more wait in the system's queue.
const MAX_CONNECTIONS: usize = 1_024;
/// From the first byte of a request to the end of its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection on which no byte moves for so long is closed. HTTP/2 is kept awake by its own pings.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// Between two HTTP/2 pings; two fit into [`IDLE_TIMEOUT`].
const PING_INTERVAL: Duration = Duration::from_secs(25);
/// How long an HTTP/2 ping may stay unanswered.
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of a request's line and headers.
const MAX_HEADER_BYTES: u32 = 16 * 1024;
/// Headers of one request.
const MAX_HEADERS: usize = 64;
/// Requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 64;
/// How long running requests may take to end once the node stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after the system refused to accept, for instance for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `router` on `listener` over HTTP/1.1 and HTTP/2 (prior knowledge) until `cancel`, then lets running requests
/// end for at most five seconds. Never fails: what goes wrong on a connection ends that connection.
pub async fn serve(listener: TcpListener, router: Router, cancel: CancellationToken) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = cancel.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, from, place)) => {
                let (router, cancel) = (router.clone(), cancel.clone());
                connections.spawn(async move {
                    connection(stream, from, router, cancel, IDLE_TIMEOUT).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a web connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let ended = timeout(STOP_TIMEOUT, async { while connections.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        tracing::info!(
            connections = connections.len(),
            "closing web connections that did not end in time"
        );
        connections.shutdown().await;
    }
}

/// A place and a connection, in this order, so that no connection is taken that cannot be served.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, IpAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, from) = listener.accept().await?;
    Ok((stream, from.ip(), place))
}

/// One connection, to its end.
async fn connection(stream: TcpStream, from: IpAddr, router: Router, cancel: CancellationToken, idle: Duration) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "web connection without nodelay");
    }
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEADER_BYTES as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_BYTES);
    let io = TokioIo::new(IdleStream::new(stream, idle));
    let router = FromAddress { router, from };
    let serving = builder.serve_connection(io, TowerToHyperService::new(router));
    tokio::pin!(serving);
    let ended = tokio::select! {
        biased;
        ended = serving.as_mut() => ended,
        () = cancel.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "web connection ended early");
    }
}

/// Tells every request where its connection came from.
#[derive(Clone)]
struct FromAddress {
    router: Router,
    from: IpAddr,
}

impl tower::Service<Request<Incoming>> for FromAddress {
    type Response = <Router as tower::Service<Request<Incoming>>>::Response;
    type Error = <Router as tower::Service<Request<Incoming>>>::Error;
    type Future = <Router as tower::Service<Request<Incoming>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        tower::Service::<Request<Incoming>>::poll_ready(&mut self.router, context)
    }

    fn call(&mut self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(PeerAddress(self.from));
        self.router.call(request)
    }
}

/// A stream that fails with `TimedOut` when neither side moved a byte for so long.
struct IdleStream {
    stream: TcpStream,
    limit: Duration,
    alarm: Pin<Box<Sleep>>,
}

impl IdleStream {
    fn new(stream: TcpStream, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            alarm: Box::pin(sleep(limit)),
        }
    }

    /// Passes a result on; a finished one winds the alarm up again, a pending one fails once the alarm rang.
    fn watch<T>(&mut self, context: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            let until = Instant::now() + self.limit;
            self.alarm.as_mut().reset(until);
            return result;
        }
        match self.alarm.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for IdleStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_read(context, into);
        self.watch(context, result)
    }
}

impl AsyncWrite for IdleStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.watch(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A socket has nothing to flush: this moves no byte and must not wind the alarm up.
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn start() -> (std::net::SocketAddr, CancellationToken, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cancel = CancellationToken::new();
        let router = Router::new().route("/", get(async || "well"));
        let mut running = JoinSet::new();
        running.spawn(serve(listener, router, cancel.clone()));
        (address, cancel, running)
    }

    async fn exchange(address: std::net::SocketAddr, sent: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The server may close while garbage is still on its way.
        let _ = stream.write_all(sent).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

    #[tokio::test]
    async fn garbage_does_no_harm() {
        let (address, cancel, mut running) = start().await;
        let noise = vec![0xff; 70_000];
        for garbage in [
            &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
            b"\0\0\0\0\r\n\r\n",
            &noise,
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nxxxxxxxxxxxx",
        ] {
            exchange(address, garbage).await;
        }
        let many_headers = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(200));
        assert!(
            exchange(address, many_headers.as_bytes())
                .await
                .starts_with("HTTP/1.1 431")
        );
        let long_line = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(100_000));
        assert!(exchange(address, long_line.as_bytes()).await.starts_with("HTTP/1.1 4"));
        assert!(exchange(address, REQUEST).await.ends_with("well"));
        cancel.cancel();
        running.join_next().await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn silence_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        for said in [&b""[..], b"PRI * HT", b"GET / HTTP/1.1\r\nhost:"] {
            let mut near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (far, _) = listener.accept().await.unwrap();
            near.write_all(said).await.unwrap();
            // Ends by itself, though the other side neither speaks on nor closes.
            let from = near.local_addr().unwrap().ip();
            connection(
                far,
                from,
                Router::new(),
                CancellationToken::new(),
                Duration::from_millis(50),
            )
            .await;
        }
    }

    #[tokio::test]
    async fn stopping_ends_idle_connections() {
        let (address, cancel, mut running) = start().await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut first = [0; 4];
        idle.read_exact(&mut first).await.unwrap();
        cancel.cancel();
        running.join_next().await.unwrap().unwrap();
        let mut rest = Vec::new();
        let _ = idle.read_to_end(&mut rest).await;
        assert!(TcpStream::connect(address).await.is_err());
    }
}
