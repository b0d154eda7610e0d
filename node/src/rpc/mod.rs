//! The doors for programs: gRPC services on the admin socket, and on the web port with a token.
//!
//! Each handler converts, calls one function of [`Commands`], and converts back; nothing here knows storage. Who may call
//! is decided before any handler runs, in [`socket`] and [`mod@door`]. [`convert`] is the only place that knows both the wire and the
//! node's own types, [`error`] the only one that turns refusals into codes.

pub mod convert;
mod counters;
mod door;
pub mod error;
mod events;
mod hubs;
mod members;
mod network;
mod operations;
pub mod socket;
#[cfg(test)]
mod tests;
mod upload;
mod webhooks;

use interhub_proto::v1;
use tonic::service::Routes;

pub use door::web_services;

use self::counters::CountersService;
use self::events::EventsService;
use self::hubs::HubsService;
use self::members::MembersService;
use self::network::NetworkService;
use self::operations::OperationsService;
use self::webhooks::WebhooksService;
use crate::command::Commands;
use crate::picture::thumbnail::MAX_BYTES;

type NetworkServer = v1::network_server::NetworkServer<NetworkService>;
type HubsServer = v1::hubs_server::HubsServer<HubsService>;
type EventsServer = v1::events_server::EventsServer<EventsService>;
type OperationsServer = v1::operations_server::OperationsServer<OperationsService>;
type WebhooksServer = v1::webhooks_server::WebhooksServer<WebhooksService>;
type MembersServer = v1::members_server::MembersServer<MembersService>;
type CountersServer = v1::counters_server::CountersServer<CountersService>;

/// Largest message that says something of a member, in bytes: a picture as somebody has it, and the rest.
const MAX_MEMBER_MESSAGE: usize = MAX_BYTES + (1 << 20);

/// All services for clients, with health and reflection.
pub async fn services(commands: &Commands) -> Result<Routes, ReflectionError> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<NetworkServer>().await;
    reporter.set_serving::<HubsServer>().await;
    reporter.set_serving::<EventsServer>().await;
    reporter.set_serving::<OperationsServer>().await;
    reporter.set_serving::<WebhooksServer>().await;
    reporter.set_serving::<CountersServer>().await;
    reporter.set_serving::<MembersServer>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(interhub_proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|error| ReflectionError(error.to_string()))?;

    Ok(Routes::new(NetworkServer::new(NetworkService(commands.clone())))
        .add_service(HubsServer::new(HubsService(commands.clone())))
        .add_service(EventsServer::new(EventsService::new(commands.clone())))
        .add_service(OperationsServer::new(OperationsService(commands.clone())))
        .add_service(WebhooksServer::new(WebhooksService(commands.clone())))
        .add_service(CountersServer::new(CountersService(commands.clone())))
        .add_service(
            MembersServer::new(MembersService::new(commands.clone())).max_decoding_message_size(MAX_MEMBER_MESSAGE),
        )
        .add_service(health)
        .add_service(reflection))
}

/// The descriptors compiled into this program cannot be read: our bug.
#[derive(Debug, thiserror::Error)]
#[error("the service descriptions built into this program are damaged ({0}); install it again")]
pub struct ReflectionError(String);
