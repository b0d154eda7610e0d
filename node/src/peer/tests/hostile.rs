//! Callers that are broken or mean no good. Each gets its end, and a good peer is served all the while.

use std::sync::Arc;
use std::time::Duration;

use interhub_domain::ids::LogId;
use interhub_proto::v1;
use interhub_proto::v1::federation_client::FederationClient;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use super::super::connect;
use super::super::convert::frame_to_proto;
use super::super::net::TcpNet;
use super::super::tls::HubCertificate;
use super::toy::{NETWORK, ToyHost, hub, public_key, seed};
use super::{PATIENCE, Running, options, run, until};
use crate::peer::PeerOptions;
use interhub_domain::ids::Epoch;
use interhub_domain::session::{Frame, Hello, MAX_FRAME_BYTES};

/// Reads until the other side hangs up; says how many bytes came.
async fn until_closed(stream: &mut TcpStream) -> usize {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    // A reset is an end as well.
    let _ = read.unwrap();
    bytes.len()
}

async fn still_serves(node: &Running) {
    let friend = Running::new(9).await;
    friend.calls(node);
    node.host.write(LogId::PUBLIC, 10);
    until("a good peer is served", || friend.host.agrees_with(&node.host)).await;
}

fn impatient() -> PeerOptions {
    PeerOptions {
        handshake: Duration::from_millis(300),
        keepalive: Duration::from_millis(200),
        keepalive_timeout: Duration::from_millis(200),
        ..options()
    }
}

#[test]
fn garbage_is_hung_up_on() {
    run(async {
        let node = Running::new(1).await;
        for garbage in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            &[0; 4096],
            &[0x16, 3, 1, 0xff, 0xff, 1, 2, 3],
        ] {
            let mut stream = TcpStream::connect(&node.address).await.unwrap();
            stream.write_all(garbage).await.unwrap();
            let _ = stream.shutdown().await;
            until_closed(&mut stream).await;
        }
        still_serves(&node).await;
    });
}

#[test]
fn who_never_sends_is_hung_up_on() {
    run(async {
        let node = Running::start(ToyHost::new(1, 1), 1, impatient()).await;
        let mut streams = Vec::new();
        for _ in 0..10 {
            streams.push(TcpStream::connect(&node.address).await.unwrap());
        }
        still_serves(&node).await;
        for stream in &mut streams {
            assert_eq!(until_closed(stream).await, 0);
        }
    });
}

/// A TLS 1.2 ClientHello: no `supported_versions`, an ordinary cipher suite.
#[test]
fn tls_1_2_is_refused() {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0]);
    let extensions = [0, 10, 0, 4, 0, 2, 0, 29, 0, 13, 0, 4, 0, 2, 8, 7];
    body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend(extensions);
    let mut hello = vec![1, 0, 0, u8::try_from(body.len()).unwrap()];
    hello.extend(body);
    let mut record = vec![0x16, 3, 1, 0, u8::try_from(hello.len()).unwrap()];
    record.extend(hello);
    run(async {
        let node = Running::new(1).await;
        let mut stream = TcpStream::connect(&node.address).await.unwrap();
        stream.write_all(&record).await.unwrap();
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer))
            .await
            .unwrap();
        assert_eq!(answer[..1], [0x15], "an alert");
        assert_eq!(answer[5..7], [2, 70], "fatal: protocol_version");
        still_serves(&node).await;
    });
}

#[test]
fn no_certificate_is_refused() {
    run(async {
        let node = Running::new(1).await;
        let (with, _) = HubCertificate::from_seed(&seed(2))
            .unwrap()
            .client_config(public_key(1))
            .unwrap();
        let mut without = (*with).clone();
        without.client_auth_cert_resolver = Arc::new(NoCertificate);
        let stream = TcpStream::connect(&node.address).await.unwrap();
        let name = ServerName::try_from("hub.invalid").unwrap();
        let mut tls = tokio_rustls::TlsConnector::from(Arc::new(without))
            .connect(name, stream)
            .await
            .unwrap();
        let error = tls.read_u8().await.unwrap_err();
        assert!(error.to_string().contains("CertificateRequired"), "{error}");
        still_serves(&node).await;
    });
}

#[derive(Debug)]
struct NoCertificate;

impl rustls::client::ResolvesClientCert for NoCertificate {
    fn resolve(
        &self,
        _hints: &[&[u8]],
        _schemes: &[rustls::SignatureScheme],
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

#[test]
fn a_proved_key_that_never_speaks_is_hung_up_on() {
    run(async {
        let node = Running::start(ToyHost::new(1, 1), 1, impatient()).await;
        let (config, _) = HubCertificate::from_seed(&seed(2))
            .unwrap()
            .client_config(public_key(1))
            .unwrap();
        let stream = TcpStream::connect(&node.address).await.unwrap();
        let name = ServerName::try_from("hub.invalid").unwrap();
        let mut tls = tokio_rustls::TlsConnector::from(config)
            .connect(name, stream)
            .await
            .unwrap();
        let mut bytes = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, tls.read_to_end(&mut bytes))
            .await
            .unwrap();
        still_serves(&node).await;
    });
}

/// Opens a stream by hand and sends these frames; what comes back, and how it ends.
async fn by_hand(node: &Running, frames: Vec<v1::Frame>) -> (Vec<v1::Frame>, Option<tonic::Status>) {
    let certificate = HubCertificate::from_seed(&seed(2)).unwrap();
    let (channel, _) = connect::open(&TcpNet, &certificate, &options(), &node.address, public_key(1))
        .await
        .unwrap();
    let mut client = FederationClient::new(channel);
    let (send, receive) = tokio::sync::mpsc::channel(8);
    for frame in frames {
        send.send(frame).await.unwrap();
    }
    let mut answers = client.sync(ReceiverStream::new(receive)).await.unwrap().into_inner();
    let mut got = Vec::new();
    loop {
        match tokio::time::timeout(PATIENCE, answers.next()).await.unwrap() {
            Some(Ok(frame)) => got.push(frame),
            Some(Err(status)) => return (got, Some(status)),
            None => return (got, None),
        }
    }
}

fn hello() -> Frame {
    Frame::Hello(Hello {
        protocol_min: 1,
        protocol_max: 1,
        network: NETWORK,
        hub: hub(2),
        epoch: Epoch(1),
        software: String::new(),
        streams: std::collections::BTreeSet::new(),
        features: Vec::new(),
    })
}

fn goodbye(frames: &[v1::Frame]) -> Option<&v1::Goodbye> {
    match frames.last()?.kind.as_ref()? {
        v1::frame::Kind::Goodbye(goodbye) => Some(goodbye),
        _ => None,
    }
}

#[test]
fn frames_that_are_malformed_too_large_or_out_of_place_end_the_stream() {
    run(async {
        let node = Running::new(1).await;
        node.host.knows(2, "");
        let huge = v1::Envelope {
            body: vec![0; MAX_FRAME_BYTES + 1],
            ..v1::Envelope::default()
        };
        let huge = v1::frame::Kind::Envelopes(v1::Envelopes { envelopes: vec![huge] });
        let (_, status) = by_hand(&node, vec![frame_to_proto(&hello()), v1::Frame { kind: Some(huge) }]).await;
        // The limit strikes below the session: the stream just ends, after what was said before.
        assert!(status.is_none_or(|status| status.code() != tonic::Code::Ok));

        let short = v1::frame::Kind::Frontier(v1::Frontier {
            shared: vec![1; 31],
            common: Vec::new(),
        });
        let (frames, _) = by_hand(&node, vec![frame_to_proto(&hello()), v1::Frame { kind: Some(short) }]).await;
        assert!(goodbye(&frames).is_some_and(|goodbye| goodbye.code == 6 && goodbye.reason.contains("malformed")));

        let (frames, _) = by_hand(&node, vec![frame_to_proto(&Frame::Envelopes(Vec::new()))]).await;
        assert!(goodbye(&frames).is_some_and(|goodbye| goodbye.reason == "the first frame was not a Hello"));

        let Frame::Hello(mut other) = hello() else { return };
        other.protocol_min = 4;
        other.protocol_max = 5;
        let (frames, _) = by_hand(&node, vec![frame_to_proto(&Frame::Hello(other))]).await;
        assert!(goodbye(&frames).is_some_and(|goodbye| goodbye.code == 3 && goodbye.reason.contains("4 to 5")));
        assert_eq!(node.connected(), 0);
        still_serves(&node).await;
    });
}

#[test]
fn one_hub_cannot_open_streams_without_end() {
    run(async {
        let node = Running::new(1).await;
        node.host.knows(2, "");
        let certificate = HubCertificate::from_seed(&seed(2)).unwrap();
        let mut kept = Vec::new();
        let mut refused = None;
        for _ in 0..20 {
            let (channel, _) = connect::open(&TcpNet, &certificate, &options(), &node.address, public_key(1))
                .await
                .unwrap();
            let (send, receive) = tokio::sync::mpsc::channel::<v1::Frame>(1);
            match FederationClient::new(channel).sync(ReceiverStream::new(receive)).await {
                Ok(stream) => kept.push((stream, send)),
                Err(status) => refused = Some(status),
            }
        }
        assert_eq!(kept.len(), 6);
        assert_eq!(
            refused.map(|status| status.code()),
            Some(tonic::Code::ResourceExhausted)
        );
        still_serves(&node).await;
    });
}

/// A peer that asks for everything and reads nothing costs a few batches, and holds up nobody.
#[test]
fn who_reads_nothing_holds_up_nobody() {
    run(async {
        let node = Running::new(1).await;
        node.host.knows(2, "");
        let certificate = HubCertificate::from_seed(&seed(2)).unwrap();
        let (channel, traffic) = connect::open(&TcpNet, &certificate, &options(), &node.address, public_key(1))
            .await
            .unwrap();
        let (send, receive) = tokio::sync::mpsc::channel(8);
        let rows = Frame::Rows {
            rows: Vec::new(),
            complete: true,
        };
        for frame in [hello(), rows] {
            send.send(frame_to_proto(&frame)).await.unwrap();
        }
        let mut client = FederationClient::new(channel);
        let unread = client.sync(ReceiverStream::new(receive)).await.unwrap();
        until("a stream", || node.connected() == 1).await;
        for _ in 0..500 {
            node.host.write(LogId::PUBLIC, 60_000);
        }
        still_serves(&node).await;
        // The session hears of the writes a moment after they are made; nothing is ever acknowledged.
        let lag = || {
            let status = node.peers.status();
            status
                .iter()
                .find(|line| line.hub == hub(2))
                .and_then(|line| line.lag_envelopes)
        };
        until("everything lags", || lag() == Some(501)).await;
        assert!(
            traffic.received() < 16_000_000,
            "30 MB wait in the log: {}",
            traffic.received()
        );
        drop((unread, send));
    });
}
