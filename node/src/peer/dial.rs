//! Keeps a stream going with every hub that can be called.
//!
//! One task for each hub. While there is a stream, whoever opened it, the task waits. After the n-th failure in a row it
//! pauses n² times half a second, at most an hour, give or take a quarter; the pause is over when the peer calls in, and
//! when somebody asks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use interhub_domain::ids::{HubId, NetworkId};
use interhub_domain::session::{Farewell, MAX_FRAME_BYTES};
use interhub_proto::v1::federation_client::FederationClient;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Request;

use super::connect::{DialError, JoinError};
use super::federation::{put_time, time_of};
use super::links::Links;
use super::net::Net;
use super::status::Direction;
use super::stream::{Ended, OUT_FRAMES, Stream, words_of};
use super::{Change, Contact, JoinRequest, Joined, PeerOptions, Shared, connect};
use crate::task::{TaskContext, TaskHandle};

/// Starts to call, and follows the directory.
pub(super) fn start<N: Net>(shared: &Arc<Shared<N>>) {
    let calling = shared.clone();
    shared.tasks.spawn(
        "peer",
        "directory",
        |context| async move { follow(calling, context).await },
    );
}

/// One calling task for each hub that has an address; anew when the address or the key changes.
async fn follow<N: Net>(shared: Arc<Shared<N>>, context: TaskContext) {
    let mut changes = shared.host.changes();
    let mut calling: BTreeMap<HubId, (Contact, TaskHandle)> = BTreeMap::new();
    loop {
        let own = shared.host.identity();
        let directory = shared.host.directory();
        let wanted = |hub: &HubId, contact: &Contact| {
            own.network.is_some() && *hub != own.hub && contact.dial && !contact.address.is_empty()
        };
        calling.retain(|hub, (contact, task)| {
            let stays = directory.hubs.get(hub) == Some(contact) && wanted(hub, contact);
            if !stays {
                task.cancel();
            }
            stays
        });
        for (hub, contact) in directory.hubs.iter().filter(|(hub, contact)| wanted(hub, contact)) {
            if calling.contains_key(hub) {
                continue;
            }
            let caller = Caller {
                shared: shared.clone(),
                hub: *hub,
                contact: contact.clone(),
            };
            let name = format!("call {}", hub.short());
            let task = shared
                .tasks
                .spawn("peer", name, move |context| async move { caller.run(&context).await });
            calling.insert(*hub, (contact.clone(), task));
        }
        if !roster_changes(&mut changes, &context).await {
            return;
        }
    }
}

/// Waits for a change of the roster; `false` when the node stops.
async fn roster_changes(changes: &mut broadcast::Receiver<Change>, context: &TaskContext) -> bool {
    loop {
        let change = tokio::select! {
            biased;
            () = context.cancelled() => return false,
            change = changes.recv() => change,
        };
        match change {
            Ok(Change::Heads(_) | Change::Proved(_) | Change::Beacon(..) | Change::Erased(..) | Change::ForcedOut) => {}
            Ok(Change::Roster) | Err(broadcast::error::RecvError::Lagged(_)) => return true,
            Err(broadcast::error::RecvError::Closed) => return false,
        }
    }
}

/// Why a hub is called.
enum Away {
    /// There was a stream with it, and there is none any more.
    Lost,
    /// There was none.
    Apart,
    /// It has called in, for long. A copy of its folder may run elsewhere, and it is the copy that calls: two hubs that
    /// both run twice would otherwise stay with each other's copy, and never meet. If nothing is wrong, one of the two
    /// streams ends at once.
    OnlyCalledIn,
}

struct Caller<N> {
    shared: Arc<Shared<N>>,
    hub: HubId,
    contact: Contact,
}

impl<N: Net> Caller<N> {
    async fn run(&self, context: &TaskContext) {
        let mut connected = self.shared.links.connected();
        let mut wake = self.shared.links.wake();
        let mut failures = 0;
        loop {
            context.doing("connected");
            match self.until_away(&mut connected, context).await {
                None => return,
                Some(Away::Lost) => failures = failures.min(1),
                Some(Away::Apart) => {}
                Some(Away::OnlyCalledIn) => failures = 0,
            }
            if failures > 0 {
                context.doing("waiting for the next call");
                let pause = pause(&self.shared.options, failures, self.random());
                tokio::select! {
                    biased;
                    () = context.cancelled() => return,
                    Ok(()) = wake.changed() => {}
                    true = self.called_in(&mut connected) => continue,
                    () = tokio::time::sleep(pause) => {}
                }
            }
            context.doing("calling");
            failures += 1;
            match self.call(context).await {
                Ok(ended) if context.is_cancelled() => {
                    tracing::debug!(hub = %self.hub.short(), reason = ended.reason, "call ended");
                    return;
                }
                Ok(ended) => {
                    tracing::info!(hub = %self.hub.short(), code = ?ended.code, reason = ended.reason, "stream closed");
                    if ended.was_open && ended.code == Farewell::Stopping {
                        failures = 1;
                    }
                    if ended.code != Farewell::Duplicate {
                        self.shared.links.failed(self.hub, &ended.reason);
                    }
                }
                Err(reason) => {
                    if failures == 1 {
                        tracing::info!(hub = %self.hub.short(), reason, "call failed");
                    }
                    self.shared.links.failed(self.hub, &reason);
                }
            }
        }
    }

    /// Completes when the hub has called by itself.
    async fn called_in(&self, connected: &mut watch::Receiver<BTreeSet<HubId>>) -> bool {
        connected.wait_for(|hubs| hubs.contains(&self.hub)).await.is_ok()
    }

    /// Waits while there is a stream with the hub. Says why it is called now; `None` when the node stops.
    async fn until_away(
        &self,
        connected: &mut watch::Receiver<BTreeSet<HubId>>,
        context: &TaskContext,
    ) -> Option<Away> {
        let was = connected.borrow_and_update().contains(&self.hub);
        tokio::select! {
            biased;
            () = context.cancelled() => None,
            away = connected.wait_for(|hubs| !hubs.contains(&self.hub)) => {
                away.ok().map(|_| if was { Away::Lost } else { Away::Apart })
            }
            // All streams with it are its own calls: an own one ends before this is asked again.
            () = tokio::time::sleep(self.shared.options.retry_max) => Some(Away::OnlyCalledIn),
        }
    }

    /// One call, from dialling to the end of its stream. An error says why there was no stream.
    async fn call(&self, context: &TaskContext) -> Result<Ended, String> {
        let shared = &self.shared;
        let Contact { address, key, .. } = &self.contact;
        let network = shared
            .host
            .identity()
            .network
            .ok_or_else(|| "this node belongs to no network yet".to_owned())?;
        let opening = connect::open(&shared.net, &shared.certificate, &shared.options, address, *key);
        let (channel, traffic) = tokio::select! {
            biased;
            () = context.cancelled() => return Err("the node is stopping".to_owned()),
            opened = opening => match opened {
                Ok(opened) => opened,
                Err(error) => {
                    if let DialError::WrongKey { found, .. } = &error {
                        tokio::select! {
                            biased;
                            () = context.cancelled() => {}
                            () = self.ask_for_the_registry(network, *found) => {}
                        }
                    }
                    return Err(error.to_string());
                }
            },
        };
        let place = Links::enter(
            shared.clone(),
            self.hub,
            Direction::Outbound,
            traffic,
            shared.clock.now_ms(),
        )
        .ok_or_else(|| "there are too many streams with this hub".to_owned())?;
        let (out, frames) = mpsc::channel(OUT_FRAMES);
        let stream = Stream::open(shared, network, (self.hub, *key), place, out).await;
        let mut client = FederationClient::new(channel.clone())
            .max_decoding_message_size(MAX_FRAME_BYTES)
            .max_encoding_message_size(MAX_FRAME_BYTES);
        let mut request = Request::new(ReceiverStream::new(frames));
        let asked_at = shared.clock.now_ms();
        put_time(request.metadata_mut(), asked_at);
        let answer = tokio::select! {
            biased;
            () = context.cancelled() => return Err("the node is stopping".to_owned()),
            answer = timeout(shared.options.connect, client.sync(request)) => answer,
        };
        let response = match answer {
            Ok(Ok(response)) => response,
            Ok(Err(status)) => {
                if status.code() == tonic::Code::PermissionDenied {
                    // It may not know this node's key yet, or know of a later one that this node lost its own word of in a
                    // power cut. What the call comes to shows at the next one.
                    let asking = self.announcement(network);
                    self.learn(connect::ask(channel, &shared.options, address, &asking).await)
                        .await;
                }
                return Err(format!("{address} refuses the stream: {}", words_of(&status)));
            }
            Err(_) => return Err(format!("{address} did not answer the call for a stream in time")),
        };
        if let Some(theirs) = time_of(response.metadata()) {
            let now_ms = shared.clock.now_ms();
            let middle = asked_at.saturating_add(now_ms.saturating_sub(asked_at) / 2);
            shared.links.skewed(self.hub, theirs.saturating_sub(middle));
        }
        context.doing("streaming");
        Ok(stream.run(response.into_inner(), context).await)
    }

    /// Under the hub's address a key answers that is nobody's here. Its keys may have changed while this hub was away, and
    /// then it, and perhaps every other hub, has the statement that says so: its whole registry is asked for. Only what is
    /// signed by keys that are known already is believed; if it names this key, the next call finds the hub.
    async fn ask_for_the_registry(&self, network: NetworkId, found: [u8; 32]) {
        let shared = &self.shared;
        let directory = shared.host.directory();
        if directory.former.contains(&found) || directory.hub_of_key(&found).is_some() {
            return;
        }
        let asking = self.announcement(network);
        let (net, certificate, options) = (&shared.net, &shared.certificate, &shared.options);
        let answer = connect::join(net, certificate, options, &self.contact.address, found, &asking).await;
        self.learn(answer).await;
    }

    /// What to tell of this node's key; the answer to it is the registry.
    fn announcement(&self, network: NetworkId) -> JoinRequest {
        let telling = self.shared.host.announcement();
        telling.unwrap_or_else(|| JoinRequest::of_a_member(network, Vec::new()))
    }

    async fn learn(&self, answer: Result<Joined, JoinError>) {
        let registry = match answer {
            Ok(joined) => joined.registry,
            Err(error) => {
                tracing::debug!(hub = %self.hub.short(), %error, "no registry was told");
                return;
            }
        };
        let host = self.shared.host.clone();
        let learnt = self
            .shared
            .tasks
            .blocking("registry", move || host.learn_registry(registry));
        if let Err(error) = learnt.await {
            tracing::debug!(hub = %self.hub.short(), %error, "a registry was not taken");
        }
    }

    fn random(&self) -> u8 {
        let mut byte = [0];
        self.shared.clock.random(&mut byte);
        byte[0]
    }
}

/// The pause after so many failures in a row: quadratic, capped, from three to five quarters of that by `random`, so that
/// hubs which lost each other at one moment do not call at one moment.
fn pause(options: &PeerOptions, failures: u32, random: u8) -> Duration {
    let full = options
        .retry
        .saturating_mul(failures.saturating_mul(failures))
        .min(options.retry_max);
    full.mul_f64(0.75 + f64::from(random) / 510.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_capped() {
        let options = PeerOptions::default();
        let range = |failures| {
            (
                pause(&options, failures, 0).as_millis(),
                pause(&options, failures, 255).as_millis(),
            )
        };
        assert_eq!(range(1), (375, 625));
        assert_eq!(range(4), (6_000, 10_000));
        assert_eq!(range(1_000), (2_700_000, 4_500_000));
        assert_eq!(range(u32::MAX), (2_700_000, 4_500_000));
    }
}
