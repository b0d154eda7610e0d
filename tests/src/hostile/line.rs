//! A stream of the hostile hub with an honest one: real mutual TLS and the real calls, and any bytes as frames.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use interhub_domain::envelope::Envelope;
use interhub_domain::frontier::RowKey;
use interhub_domain::ids::Epoch;
use interhub_domain::session::{Farewell, Frame, Hello};
use interhub_node::peer::convert::{frame_from_proto, frame_to_proto};
use interhub_node::peer::net::TcpNet;
use interhub_node::peer::tls::HubCertificate;
use interhub_node::peer::{PeerOptions, connect};
use interhub_proto::v1;
use prost::Message as _;
use prost::bytes::{Buf as _, BufMut as _};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;

use super::speaker::{Speaker, identity_of};
use crate::hub::Hub;

/// Frames that wait to be sent: the stream itself says when it takes more.
const WAITING: usize = 4;

/// What came from the other side.
#[derive(Debug, Default)]
pub struct Heard {
    /// Envelopes, in the order in which they came.
    pub envelopes: Vec<Envelope>,
    /// How far it says it is in each log.
    pub heads: BTreeMap<RowKey, u64>,
    /// The headers it asked for.
    pub asked: u64,
    /// Why it ended the stream, if it said so.
    pub goodbye: Option<(Farewell, String)>,
    /// How the stream ended.
    pub ended: Option<String>,
}

/// One open stream.
#[derive(Debug)]
pub struct Line {
    send: mpsc::Sender<Vec<u8>>,
    heard: Arc<Mutex<Heard>>,
}

/// A Hello of this hub for the run of this number.
pub fn hello(speaker: &Speaker, epoch: Epoch) -> Frame {
    Frame::Hello(Hello {
        protocol_min: 1,
        protocol_max: 1,
        network: speaker.network,
        hub: speaker.hub(),
        epoch,
        software: String::new(),
        streams: BTreeSet::new(),
        features: Vec::new(),
    })
}

impl Line {
    /// Calls a hub; nothing is said yet.
    pub async fn open(speaker: &Speaker, to: &Hub) -> Self {
        let certificate = HubCertificate::from_seed(&speaker.identity.seed).unwrap_or_else(|error| panic!("{error}"));
        let (options, address) = (PeerOptions::default(), format!("127.0.0.1:{}", to.federation));
        let key = identity_of(to).public_key();
        let opened = connect::open(&TcpNet, &certificate, &options, &address, key).await;
        let (channel, _) = opened.unwrap_or_else(|error| panic!("{error}"));
        let (send, frames) = mpsc::channel(WAITING);
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (answers, tape) = (send.downgrade(), heard.clone());
        tokio::spawn(async move {
            let ended = listen(channel, frames, answers, &tape).await;
            lock(&tape).ended = Some(ended);
        });
        Self { send, heard }
    }

    /// Calls a hub and says Hello.
    pub async fn greet(speaker: &Speaker, to: &Hub, epoch: Epoch) -> Self {
        let line = Self::open(speaker, to).await;
        line.frame(&hello(speaker, epoch)).await;
        line
    }

    /// Sends a frame; waits as long as the other side takes none. Says whether the stream is still there.
    pub async fn frame(&self, frame: &Frame) -> bool {
        self.bytes(frame_to_proto(frame).encode_to_vec()).await
    }

    /// The same with any bytes in the place of a frame.
    pub async fn bytes(&self, bytes: Vec<u8>) -> bool {
        self.send.send(bytes).await.is_ok()
    }

    /// What came until now.
    pub fn heard(&self) -> MutexGuard<'_, Heard> {
        lock(&self.heard)
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes down what comes, and has no header to show to whoever asks for one.
async fn listen(
    channel: tonic::transport::Channel,
    frames: mpsc::Receiver<Vec<u8>>,
    answers: mpsc::WeakSender<Vec<u8>>,
    tape: &Mutex<Heard>,
) -> String {
    let mut client = tonic::client::Grpc::new(channel).max_decoding_message_size(8 << 20);
    if let Err(error) = client.ready().await {
        return error.to_string();
    }
    let request = tonic::Request::new(ReceiverStream::new(frames));
    let path = PathAndQuery::from_static("/interhub.v1.Federation/Sync");
    let mut stream = match client.streaming(request, path, AnyBytes).await {
        Ok(response) => response.into_inner(),
        Err(status) => return status.to_string(),
    };
    loop {
        let frame = match stream.message().await {
            Ok(Some(frame)) => frame,
            Ok(None) => return "closed".into(),
            Err(status) => return status.to_string(),
        };
        let frame = frame_from_proto(frame).unwrap_or_else(|error| panic!("an honest hub's frame: {error}"));
        let asked = if let Frame::AskHeader(row, seq) = &frame {
            Some((*row, *seq))
        } else {
            None
        };
        write_down(&mut lock(tape), frame);
        if let (Some((row, seq)), Some(send)) = (asked, answers.upgrade()) {
            let nothing = frame_to_proto(&Frame::Header(row, seq, None)).encode_to_vec();
            // A stream that is full has no room for answers.
            let _ = send.try_send(nothing);
        }
    }
}

fn write_down(heard: &mut Heard, frame: Frame) {
    match frame {
        Frame::Envelopes(envelopes) => heard.envelopes.extend(envelopes),
        Frame::Rows { rows, .. } => heard.heads.extend(rows.into_iter().map(|(row, head)| (row, head.seq))),
        Frame::AskHeader(..) => heard.asked += 1,
        Frame::Goodbye { code, reason } => heard.goodbye = Some((code, reason)),
        _ => {}
    }
}

/// Any bytes out, frames in.
struct AnyBytes;

impl Codec for AnyBytes {
    type Encode = Vec<u8>;
    type Decode = v1::Frame;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for AnyBytes {
    type Item = Vec<u8>;
    type Error = tonic::Status;

    fn encode(&mut self, bytes: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), tonic::Status> {
        out.put_slice(&bytes);
        Ok(())
    }
}

impl Decoder for AnyBytes {
    type Item = v1::Frame;
    type Error = tonic::Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<v1::Frame>, tonic::Status> {
        let bytes = bytes.copy_to_bytes(bytes.remaining());
        let frame = v1::Frame::decode(bytes);
        frame
            .map(Some)
            .map_err(|error| tonic::Status::internal(error.to_string()))
    }
}
