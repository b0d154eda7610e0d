//! The way to a node: its admin socket, or its web address with a token.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Request, Status};

use crate::error::ClientError;
use crate::tls;

/// Name of the admin socket inside a data folder.
pub const ADMIN_SOCKET: &str = "admin.sock";

/// A node on this machine answers at once; one far away within a few round trips.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Which node to talk to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The node on this machine with this data folder.
    Data(PathBuf),
    /// A node's web address.
    Remote {
        /// Its address.
        url: String,
        /// Proves a role there.
        token: String,
    },
}

/// A channel that carries the token, if there is one.
pub type Service = InterceptedService<Channel, Bearer>;

/// Adds `authorization: Bearer TOKEN` to each request.
#[derive(Debug, Clone)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        Ok(request)
    }
}

/// Opens the channel to a node.
pub async fn connect(target: &Target) -> Result<Service, ClientError> {
    match target {
        Target::Data(dir) => Ok(InterceptedService::new(connect_socket(dir).await?, Bearer(None))),
        Target::Remote { url, token } => {
            let channel = connect_remote(url).await?;
            let value = format!("Bearer {token}").parse::<MetadataValue<Ascii>>();
            let mut value = value
                .map_err(|_| ClientError::Usage("the token holds characters no token has; copy it again".to_owned()))?;
            value.set_sensitive(true);
            Ok(InterceptedService::new(channel, Bearer(Some(value))))
        }
    }
}

async fn connect_socket(dir: &Path) -> Result<Channel, ClientError> {
    let path = dir.join(ADMIN_SOCKET);
    // Tried once by hand: the error of the operating system says more than that of the channel.
    UnixStream::connect(&path)
        .await
        .map_err(|error| socket_error(dir, &error))?;
    let connector = tower::service_fn(move |_| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    Endpoint::from_static("http://admin.invalid")
        .connect_timeout(CONNECT_TIMEOUT)
        .connect_with_connector(connector)
        .await
        .map_err(|_| {
            ClientError::Unreachable(format!(
                "the node of {} does not answer; look into its log",
                dir.display()
            ))
        })
}

fn socket_error(dir: &Path, error: &std::io::Error) -> ClientError {
    let shown = dir.display();
    if !dir.exists() {
        return ClientError::Unreachable(format!(
            "there is no data folder {shown}; give the right one with --data, or make one with `interhubd init`"
        ));
    }
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => ClientError::Unreachable(format!(
            "no node is running on {shown}; start it with `interhubd serve --data {shown}`"
        )),
        ErrorKind::PermissionDenied => ClientError::Refused(format!(
            "the node of {shown} belongs to another user; run this command as the user the node runs as"
        )),
        ErrorKind::InvalidInput => ClientError::Usage(format!(
            "the path {shown} is too long for a socket; use a shorter or a relative path"
        )),
        _ => ClientError::Unreachable(format!("the node of {shown} cannot be reached: {error}")),
    }
}

async fn connect_remote(url: &str) -> Result<Channel, ClientError> {
    let wrong = || {
        ClientError::Usage(format!(
            "{url:?} is no address of a node; write it like https://hub.example or http://127.0.0.1:8400"
        ))
    };
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let host = uri.host().ok_or_else(wrong)?;
    match uri.scheme_str() {
        Some("https") => {
            // TLS is ours; to the channel it looks like plain HTTP, and to the hub's proxy as it should.
            let authority = uri.authority().ok_or_else(wrong)?;
            let endpoint = Endpoint::from_shared(format!("http://{authority}")).map_err(|_| wrong())?;
            let endpoint = endpoint.origin(uri.clone()).connect_timeout(CONNECT_TIMEOUT);
            return tls::connect(endpoint, uri, tls::authorities()).await;
        }
        Some("http") => {}
        _ => return Err(wrong()),
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if !loopback {
        return Err(ClientError::Refused(format!(
            "a token sent to {url} could be read on the way; use the hub's https:// address, or --data DIR on its machine"
        )));
    }
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(|_| wrong())?;
    endpoint.connect_timeout(CONNECT_TIMEOUT).connect().await.map_err(|_| {
        ClientError::Unreachable(format!(
            "no node answers at {url}; is it running, and is that its web-listen?"
        ))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    async fn fails(target: Target) -> ClientError {
        connect(&target).await.err().unwrap()
    }

    #[tokio::test]
    async fn an_absent_node_is_unreachable_and_the_line_says_how_to_start_it() {
        let dir = tempfile::tempdir().unwrap();
        let error = fails(Target::Data(dir.path().to_owned())).await;
        assert_eq!(error.exit_code(), 5);
        assert!(error.to_string().contains("interhubd serve"), "{error}");
        let error = fails(Target::Data(dir.path().join("none"))).await;
        assert_eq!(error.exit_code(), 5);
        assert!(error.to_string().contains("interhubd init"), "{error}");
    }

    #[tokio::test]
    async fn a_stale_socket_is_unreachable() {
        let dir = tempfile::tempdir().unwrap();
        drop(std::os::unix::net::UnixListener::bind(dir.path().join(ADMIN_SOCKET)).unwrap());
        let error = fails(Target::Data(dir.path().to_owned())).await;
        assert_eq!(error.exit_code(), 5);
    }

    #[tokio::test]
    async fn a_token_never_travels_in_the_clear() {
        let remote = |url: &str| Target::Remote {
            url: url.to_owned(),
            token: "secret".to_owned(),
        };
        assert_eq!(fails(remote("http://hub.example:8400")).await.exit_code(), 4);
        assert_eq!(fails(remote("https://127.0.0.1:1")).await.exit_code(), 5);
        assert_eq!(fails(remote("ftp://hub.example")).await.exit_code(), 2);
        assert_eq!(fails(remote("nonsense")).await.exit_code(), 2);
        assert_eq!(fails(remote("http://127.0.0.1:1")).await.exit_code(), 5);
    }
}
