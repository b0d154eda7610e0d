//! The Federation service: what other nodes may call.

use std::pin::Pin;
use std::sync::Arc;

use interhub_domain::session::MAX_FRAME_BYTES;
use interhub_proto::v1;
use interhub_proto::v1::federation_server::{Federation, FederationServer};
use rustls::ServerConfig;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream as FrameStream, StreamExt};
use tonic::metadata::MetadataMap;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use super::connect::{CONNECTION_WINDOW, MAX_HEADERS, STREAM_WINDOW};
use super::convert::{join_from_proto, joined_to_proto};
use super::links::Links;
use super::net::Net;
use super::status::Direction;
use super::stream::{OUT_FRAMES, Stream};
use super::{PeerInfo, Shared, accept};

/// Accepted connections that wait for the server: it takes them at once.
const ACCEPTED: usize = 16;
/// Calls of one connection at a time: a stream, a Join, and some that are just ending.
const MAX_CALLS: u32 = 8;
/// Metadata key of the sender's wall time in Unix milliseconds.
pub(super) const TIME_KEY: &str = "interhub-time-ms";

/// Answers other nodes until the tasks stop.
pub(super) fn serve<N: Net>(shared: &Arc<Shared<N>>, listener: N::Listener, config: Arc<ServerConfig>) {
    let (accepted, incoming) = mpsc::channel(ACCEPTED);
    let accepting = shared.clone();
    shared.tasks.spawn("peer", "accept", |context| async move {
        accept::run(accepting, listener, config, accepted, context).await;
    });
    let answering = shared.clone();
    shared.tasks.spawn("peer", "federation", |context| async move {
        let options = &answering.options;
        let service = FederationServer::new(Service {
            shared: answering.clone(),
        })
        .max_decoding_message_size(MAX_FRAME_BYTES)
        .max_encoding_message_size(MAX_FRAME_BYTES.saturating_mul(8));
        let server = Server::builder()
            .http2_keepalive_interval(Some(options.keepalive))
            .http2_keepalive_timeout(Some(options.keepalive_timeout))
            .max_concurrent_streams(MAX_CALLS)
            .http2_max_header_list_size(MAX_HEADERS)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .add_service(service)
            .serve_with_incoming_shutdown(ReceiverStream::new(incoming), context.cancelled());
        if let Err(error) = server.await {
            tracing::error!(%error, "the federation service ended");
        }
    });
}

struct Service<N> {
    shared: Arc<Shared<N>>,
}

#[tonic::async_trait]
impl<N: Net> Federation for Service<N> {
    async fn join(&self, request: Request<v1::JoinRequest>) -> Result<Response<v1::JoinResponse>, Status> {
        let info = peer_info(&request)?;
        let wanted =
            join_from_proto(request.into_inner()).map_err(|error| Status::invalid_argument(error.to_string()))?;
        let host = self.shared.host.clone();
        let answer = self
            .shared
            .tasks
            .blocking("join", move || host.join(info.key, wanted))
            .await;
        match answer {
            Ok(Ok(joined)) => Ok(Response::new(joined_to_proto(&joined))),
            Ok(Err(refused)) => Err(Status::permission_denied(refused.to_string())),
            Err(error) => Err(Status::unavailable(error.to_string())),
        }
    }

    type SyncStream = Pin<Box<dyn FrameStream<Item = Result<v1::Frame, Status>> + Send>>;

    async fn sync(&self, request: Request<Streaming<v1::Frame>>) -> Result<Response<Self::SyncStream>, Status> {
        let shared = &self.shared;
        let info = peer_info(&request)?;
        let Some(network) = shared.host.identity().network else {
            return Err(Status::failed_precondition("this node belongs to no network yet"));
        };
        let Some(hub) = shared.host.directory().hub_of_key(&info.key) else {
            if shared.host.directory().former.contains(&info.key) {
                return Err(Status::permission_denied(
                    "this hub has another key by now; stop this node, or give it the new one with `interhubd init --recover`",
                ));
            }
            return Err(Status::permission_denied(
                "this key is not in the registry here; a hub that was just admitted is known in a moment, any other needs \
                 an invitation",
            ));
        };
        let now_ms = shared.clock.now_ms();
        if let Some(theirs) = time_of(request.metadata()) {
            shared.links.skewed(hub, theirs.saturating_sub(now_ms));
        }
        let entered = Links::enter(shared.clone(), hub, Direction::Inbound, info.traffic.clone(), now_ms);
        let Some(place) = entered else {
            return Err(Status::resource_exhausted(
                "this hub has too many streams open here; close some",
            ));
        };
        let (out, frames) = mpsc::channel(OUT_FRAMES);
        let stream = Stream::open(shared, network, (hub, info.key), place, out).await;
        let inbound = request.into_inner();
        shared.tasks.spawn(
            "peer",
            format!("stream from {}", hub.short()),
            move |context| async move {
                let ended = stream.run(inbound, &context).await;
                tracing::info!(hub = %hub.short(), code = ?ended.code, reason = ended.reason, "stream closed");
            },
        );
        let mut response: Response<Self::SyncStream> = Response::new(Box::pin(ReceiverStream::new(frames).map(Ok)));
        put_time(response.metadata_mut(), shared.clock.now_ms());
        Ok(response)
    }
}

fn peer_info<T>(request: &Request<T>) -> Result<PeerInfo, Status> {
    let info = request.extensions().get::<PeerInfo>().cloned();
    info.ok_or_else(|| Status::unauthenticated("no key was proved; connect with mutual TLS"))
}

/// The sender's wall time, Unix milliseconds.
pub(super) fn time_of(metadata: &MetadataMap) -> Option<i64> {
    metadata.get(TIME_KEY)?.to_str().ok()?.parse().ok()
}

/// Says what time it is here.
pub(super) fn put_time(metadata: &mut MetadataMap, now_ms: i64) {
    metadata.insert(TIME_KEY, now_ms.into());
}
