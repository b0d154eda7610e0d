//! Calling another node: TCP, TLS with its key, and the first byte; only then the connection is given to gRPC.
//!
//! A TLS 1.3 client is done before the server has looked at its certificate. Whoever hands the connection on at that
//! moment meets a refusal later, as some random error of some call. The server's HTTP/2 settings come unasked, so
//! waiting for the first byte costs one round trip and gives every refusal its true name.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use interhub_proto::v1::federation_client::FederationClient;
use rustls::{AlertDescription, CertificateError};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

use super::convert::{join_to_proto, joined_from_proto};
use super::net::{Metered, Net, Traffic};
use super::tls::{HubCertificate, TlsError, server_name};
use super::{JoinRequest, Joined, PeerOptions};

/// Largest answer to Join in bytes: the whole registry, some 200 KB for 110 hubs.
const MAX_JOIN_BYTES: usize = 16 * 1024 * 1024;
/// Bytes under way in one stream: a batch and a half, so that a line of 50 ms carries 20 MB/s.
pub(super) const STREAM_WINDOW: u32 = 3 * 512 * 1024;
/// Bytes under way in one connection.
pub(super) const CONNECTION_WINDOW: u32 = 2 * STREAM_WINDOW;
/// Largest list of HTTP/2 headers in bytes; ours take some 300.
pub(super) const MAX_HEADERS: u32 = 16 * 1024;

/// Why a node could not be called. Each text says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// No connection: no such name, nobody listening, no way there.
    #[error("cannot reach {address}: {source}; check that the node is up and the address is right")]
    Unreachable {
        /// Where to.
        address: String,
        /// The system's own words.
        source: io::Error,
    },
    /// No answer in time.
    #[error("no answer from {address} within {} s; check its firewall, or try again later", .after.as_secs())]
    Timeout {
        /// Where to.
        address: String,
        /// The time given.
        after: Duration,
    },
    /// A node answered, with another key.
    #[error(
        "{address} answers with key {} in place of {}: it is another hub, or its key was replaced",
        short(.found), short(.expected)
    )]
    WrongKey {
        /// Where to.
        address: String,
        /// The key it should have.
        expected: [u8; 32],
        /// The key it has.
        found: [u8; 32],
    },
    /// It does not want to talk to this hub's key.
    #[error("{address} refuses this hub's key; ask its operator whether this hub was removed or blocked")]
    RefusedOurKey {
        /// Where to.
        address: String,
    },
    /// It speaks an older TLS, or none with keys of hubs.
    #[error("{address} does not speak TLS 1.3 with a hub key; a node of Interhub should be there")]
    OldTls {
        /// Where to.
        address: String,
    },
    /// Whatever answers there speaks no TLS at all.
    #[error("{address} does not speak TLS; check the port: the federation port is wanted, not the web port")]
    NotTls {
        /// Where to.
        address: String,
    },
    /// It hung up in the middle.
    #[error("{address} hung up: {source}; it may be restarting or overloaded")]
    Closed {
        /// Where to.
        address: String,
        /// The system's own words.
        source: io::Error,
    },
    /// Anything else below gRPC.
    #[error("the connection to {address} failed: {reason}")]
    Failed {
        /// Where to.
        address: String,
        /// In words.
        reason: String,
    },
    /// The own key is unusable.
    #[error(transparent)]
    Setup(#[from] TlsError),
}

/// The first digits of a key.
fn short(key: &[u8; 32]) -> String {
    data_encoding::HEXLOWER.encode(&key[..4])
}

/// Why a request for admission failed.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The inviter could not be called.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The inviter said no; its own words.
    #[error("{0}")]
    Refused(String),
    /// The call broke off. Whether the invitation was used is not known: ask again.
    #[error("the call to {address} broke off: {reason}; try again")]
    Broken {
        /// Where to.
        address: String,
        /// In words.
        reason: String,
    },
}

/// A connection to the node that owns `key`, ready for gRPC. It is not silently renewed: when it is gone, calls fail.
pub async fn open<N: Net>(
    net: &N,
    certificate: &HubCertificate,
    options: &PeerOptions,
    address: &str,
    key: [u8; 32],
) -> Result<(Channel, Arc<Traffic>), DialError> {
    let (config, verifier) = certificate.client_config(key)?;
    let late = |after: Duration| DialError::Timeout {
        address: address.to_owned(),
        after,
    };
    let tcp = match timeout(options.connect, net.connect(address)).await {
        Ok(result) => result.map_err(|source| DialError::Unreachable {
            address: address.to_owned(),
            source,
        })?,
        Err(_) => return Err(late(options.connect)),
    };
    let first_byte = async {
        let tls = TlsConnector::from(config).connect(server_name(), tcp).await?;
        let mut reader = BufReader::new(tls);
        if reader.fill_buf().await?.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "closed before the first byte",
            ));
        }
        Ok(reader)
    };
    let reader = match timeout(options.handshake, first_byte).await {
        Ok(result) => result.map_err(|error| classify(address, error, key, verifier.seen()))?,
        Err(_) => return Err(late(options.handshake)),
    };
    let traffic = Arc::new(Traffic::default());
    let mut ready = Some(TokioIo::new(Metered::new(reader, traffic.clone(), options.idle())));
    let once = tower::service_fn(move |_: http::Uri| {
        let taken = ready.take();
        async move { taken.ok_or_else(|| io::Error::new(io::ErrorKind::NotConnected, "the connection is gone")) }
    });
    // Scheme http: TLS is already there.
    let channel = Endpoint::from_static("http://hub.invalid")
        .connect_timeout(options.connect)
        .http2_keep_alive_interval(options.keepalive)
        .keep_alive_timeout(options.keepalive_timeout)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_max_header_list_size(MAX_HEADERS)
        .connect_with_connector(once)
        .await
        .map_err(|error| DialError::Failed {
            address: address.to_owned(),
            reason: in_words(&error),
        })?;
    Ok((channel, traffic))
}

/// Asks the node that owns `key` for admission, or for the registry alone.
pub(super) async fn join<N: Net>(
    net: &N,
    certificate: &HubCertificate,
    options: &PeerOptions,
    address: &str,
    key: [u8; 32],
    request: &JoinRequest,
) -> Result<Joined, JoinError> {
    let (channel, _) = open(net, certificate, options, address, key).await?;
    ask(channel, options, address, request).await
}

/// The same on a connection that is open.
pub(super) async fn ask(
    channel: Channel,
    options: &PeerOptions,
    address: &str,
    request: &JoinRequest,
) -> Result<Joined, JoinError> {
    let mut client = FederationClient::new(channel).max_decoding_message_size(MAX_JOIN_BYTES);
    let broken = |reason: String| JoinError::Broken {
        address: address.to_owned(),
        reason,
    };
    let Ok(answer) = timeout(options.connect, client.join(join_to_proto(request))).await else {
        return Err(broken("no answer in time".to_owned()));
    };
    match answer {
        Ok(response) => joined_from_proto(response.into_inner()).map_err(|error| broken(error.to_string())),
        Err(status) if is_refusal(status.code()) => Err(JoinError::Refused(status.message().to_owned())),
        Err(status) => Err(broken(status.message().to_owned())),
    }
}

fn is_refusal(code: tonic::Code) -> bool {
    use tonic::Code;
    matches!(
        code,
        Code::PermissionDenied | Code::InvalidArgument | Code::FailedPrecondition | Code::ResourceExhausted
    )
}

/// The chain of causes as one line.
pub(super) fn in_words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !words.ends_with(&text) {
            words.push_str(": ");
            words.push_str(&text);
        }
        cause = error.source();
    }
    words
}

fn classify(address: &str, error: io::Error, expected: [u8; 32], found: Option<[u8; 32]>) -> DialError {
    use AlertDescription as Alert;
    let address = address.to_owned();
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return DialError::Closed { address, source: error };
    };
    match tls {
        rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure) => DialError::WrongKey {
            address,
            expected,
            found: found.unwrap_or_default(),
        },
        rustls::Error::AlertReceived(
            Alert::AccessDenied
            | Alert::BadCertificate
            | Alert::CertificateRequired
            | Alert::CertificateUnknown
            | Alert::UnknownCA,
        ) => DialError::RefusedOurKey { address },
        rustls::Error::AlertReceived(
            Alert::ProtocolVersion | Alert::HandshakeFailure | Alert::NoApplicationProtocol,
        )
        | rustls::Error::InvalidCertificate(_)
        | rustls::Error::PeerIncompatible(_)
        | rustls::Error::NoApplicationProtocol => DialError::OldTls { address },
        rustls::Error::InvalidMessage(_) => DialError::NotTls { address },
        other => DialError::Failed {
            address,
            reason: other.to_string(),
        },
    }
}
