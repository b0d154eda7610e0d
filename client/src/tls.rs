//! HTTPS to a hub's web address: TLS 1.3 with the certificate authorities of this machine, HTTP/2.

use std::io;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
use tonic::transport::{Channel, Endpoint, Uri};

use crate::error::ClientError;

/// The port of https.
const PORT: u16 = 443;

/// The certificate authorities of this machine; an operator adds an own one there, or names a file in `SSL_CERT_FILE`.
pub(crate) fn authorities() -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    store
}

/// Opens a channel to an `https://` address.
pub(crate) async fn connect(endpoint: Endpoint, uri: Uri, authorities: RootCertStore) -> Result<Channel, ClientError> {
    let provider = Arc::new(crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| ClientError::Failed(error.to_string()))?
        .with_root_certificates(authorities)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = TlsConnector::from(Arc::new(config));
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = uri.port_u16().unwrap_or(PORT);
    // Tried once by hand: the error of TLS says more than that of the channel.
    open(&connector, &host, port)
        .await
        .map_err(|error| told(&uri, &error))?;
    let call = tower::service_fn(move |_| {
        let (connector, host) = (connector.clone(), host.clone());
        async move { open(&connector, &host, port).await.map(TokioIo::new) }
    });
    endpoint
        .connect_with_connector(call)
        .await
        .map_err(|_| ClientError::Unreachable(format!("{uri} answers, but not as a node; is gRPC passed on to it?")))
}

async fn open(connector: &TlsConnector, host: &str, port: u16) -> io::Result<impl AsyncRead + AsyncWrite + use<>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    let stream: TlsStream<TcpStream> = connector.connect(name, stream).await?;
    Ok(stream)
}

fn told(uri: &Uri, error: &io::Error) -> ClientError {
    let is_certificate = error.kind() == io::ErrorKind::InvalidData;
    if is_certificate {
        return ClientError::Refused(format!(
            "the certificate of {uri} is not to be trusted ({error}); is that its address, and is its authority known here?"
        ));
    }
    ClientError::Unreachable(format!(
        "nothing answers at {uri} ({error}); is that the hub's https address?"
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use hyper::server::conn::http2;
    use hyper_util::rt::TokioExecutor;
    use hyper_util::service::TowerToHyperService;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;

    /// A server with a certificate for this name: its address, and what trusts it.
    async fn server(name: &str) -> (u16, RootCertStore) {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new([name.to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let mut trusted = RootCertStore::empty();
        trusted.add(certificate.der().clone()).unwrap();
        let provider = Arc::new(crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (health_reporter, health) = tonic_health::server::health_reporter();
        drop(health_reporter);
        let routes = tonic::service::Routes::new(health);
        let serve = async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let service = TowerToHyperService::new(routes.clone());
                // One call at a time is enough here; when it ends, so does its connection.
                let _ = http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            }
        };
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        drop(tokio::spawn(serve));
        (port, trusted)
    }

    async fn call(port: u16, trusted: RootCertStore) -> Result<Channel, ClientError> {
        let uri: Uri = format!("https://localhost:{port}").parse().unwrap();
        let endpoint = Endpoint::from_shared(format!("http://localhost:{port}")).unwrap();
        connect(endpoint, uri, trusted).await
    }

    #[tokio::test]
    async fn a_certificate_that_is_trusted_opens_a_channel() {
        let (port, trusted) = server("localhost").await;
        let channel = call(port, trusted).await.unwrap();
        let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
        let request = tonic_health::pb::HealthCheckRequest { service: String::new() };
        assert!(health.check(request).await.is_ok());
    }

    #[tokio::test]
    async fn any_other_is_refused_before_a_token_leaves() {
        let (port, _) = server("localhost").await;
        let error = call(port, RootCertStore::empty()).await.unwrap_err();
        assert_eq!(error.exit_code(), 4, "{error}");
        let (port, trusted) = server("other.example").await;
        assert_eq!(call(port, trusted).await.unwrap_err().exit_code(), 4);
        let (_, trusted) = server("localhost").await;
        assert_eq!(call(1, trusted).await.unwrap_err().exit_code(), 5);
    }
}
