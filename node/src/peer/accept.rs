//! Answering: an accept loop that no caller can hold up, and that keeps every number within a bound.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::net::{Metered, Net, Traffic};
use super::{PeerInfo, Shared, tls};
use crate::task::TaskContext;

/// Handshakes at a time. One takes a millisecond unless the caller dawdles, and then it is over after 5 s.
const MAX_HANDSHAKES: usize = 128;
/// Connections at a time: some for each hub of a large network.
const MAX_CONNECTIONS: usize = 1_024;
/// Connections of unknown keys at a time. They may call nothing but Join, which takes a moment.
const MAX_STRANGERS: usize = 32;
/// After a failed accept (mostly: too many open files) it is tried again after this time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// One accepted connection: its key is proved, its bytes are counted, and it is dropped when it falls silent.
pub struct PeerConnection<S> {
    io: Metered<TlsStream<S>>,
    info: PeerInfo,
    /// Its places among all connections, and among those of strangers.
    _places: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>),
}

impl<S> Connected for PeerConnection<S> {
    type ConnectInfo = PeerInfo;

    fn connect_info(&self) -> PeerInfo {
        self.info.clone()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for PeerConnection<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for PeerConnection<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

/// Accepts until told to stop. Every handshake is a task of its own, so that one slow caller holds up nobody.
pub(super) async fn run<N: Net>(
    shared: Arc<Shared<N>>,
    listener: N::Listener,
    config: Arc<ServerConfig>,
    accepted: mpsc::Sender<io::Result<PeerConnection<N::Stream>>>,
    context: TaskContext,
) {
    let acceptor = TlsAcceptor::from(config);
    let handshakes = Arc::new(Semaphore::new(MAX_HANDSHAKES));
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let strangers = Arc::new(Semaphore::new(MAX_STRANGERS));
    loop {
        let next = async {
            let place = handshakes.clone().acquire_owned().await;
            (place, shared.net.accept(&listener).await)
        };
        let (place, result) = tokio::select! {
            biased;
            () = context.cancelled() => return,
            next = next => next,
        };
        let (Ok(place), Ok((stream, from))) = (place, result) else {
            tracing::warn!("a connection could not be accepted");
            if !context.sleep(ACCEPT_PAUSE).await {
                return;
            }
            continue;
        };
        let Ok(connection) = connections.clone().try_acquire_owned() else {
            tracing::warn!(%from, limit = MAX_CONNECTIONS, "too many connections, one is turned away");
            continue;
        };
        let handshake = Handshake {
            acceptor: acceptor.clone(),
            from,
            connection,
            strangers: strangers.clone(),
        };
        let (shared, accepted) = (shared.clone(), accepted.clone());
        let tasks = shared.tasks.clone();
        tasks.spawn("peer", format!("handshake {from}"), move |context| async move {
            let _place = place;
            tokio::select! {
                biased;
                () = context.cancelled() => {}
                done = handshake.run(&shared, stream) => {
                    if let Some(connection) = done {
                        // A receiver that is gone means that the node stops.
                        let _ = accepted.send(Ok(connection)).await;
                    }
                }
            }
        });
    }
}

struct Handshake {
    acceptor: TlsAcceptor,
    from: SocketAddr,
    connection: OwnedSemaphorePermit,
    strangers: Arc<Semaphore>,
}

impl Handshake {
    async fn run<N: Net>(self, shared: &Shared<N>, stream: N::Stream) -> Option<PeerConnection<N::Stream>> {
        let from = self.from;
        let tls = match timeout(shared.options.handshake, self.acceptor.accept(stream)).await {
            Ok(Ok(tls)) => tls,
            Ok(Err(error)) => {
                tracing::debug!(%from, %error, "a handshake failed");
                return None;
            }
            Err(_) => {
                tracing::debug!(%from, "a handshake took too long");
                return None;
            }
        };
        let key = tls
            .get_ref()
            .1
            .peer_certificates()
            .and_then(|chain| chain.first())
            .and_then(tls::key_of)?;
        let stranger = if shared.host.directory().hub_of_key(&key).is_some() {
            None
        } else if let Ok(place) = self.strangers.try_acquire_owned() {
            Some(place)
        } else {
            tracing::warn!(%from, limit = MAX_STRANGERS, "too many unknown keys, one is turned away");
            return None;
        };
        let traffic = Arc::new(Traffic::default());
        let io = Metered::new(tls, traffic.clone(), shared.options.idle());
        Some(PeerConnection {
            io,
            info: PeerInfo { key, from, traffic },
            _places: (self.connection, stranger),
        })
    }
}
