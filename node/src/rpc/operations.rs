//! The service `Operations`.

use std::collections::BTreeMap;

use interhub_proto::v1;
use tokio::sync::{broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::convert::{answer, token};
use crate::command::Commands;
use crate::sync::Notice;
use crate::task::TaskContext;

/// Changes on their way to a watcher; one that is slower waits, and nothing is lost, because the log is the queue.
const WATCH_BUFFER: usize = 256;

pub(super) struct OperationsService(pub(super) Commands);

#[tonic::async_trait]
impl v1::operations_server::Operations for OperationsService {
    async fn status(&self, _: Request<v1::StatusRequest>) -> Result<Response<v1::StatusResponse>, Status> {
        Ok(Response::new(answer::status(self.0.status().await?)))
    }

    async fn peers(&self, _: Request<v1::PeersRequest>) -> Result<Response<v1::PeersResponse>, Status> {
        let mut peers = self.0.peer_status();
        peers.sort_by(|one, other| (&one.slug, one.hub).cmp(&(&other.slug, other.hub)));
        let slugs: BTreeMap<_, _> = peers.iter().map(|peer| (peer.hub, peer.slug.clone())).collect();
        let peers = peers.into_iter().map(|peer| {
            let via = peer
                .via
                .map(|hub| slugs.get(&hub).cloned().unwrap_or_else(|| hub.short()));
            answer::peer(peer, via)
        });
        Ok(Response::new(v1::PeersResponse { peers: peers.collect() }))
    }

    async fn quarantine(
        &self,
        request: Request<v1::QuarantineRequest>,
    ) -> Result<Response<v1::QuarantineResponse>, Status> {
        let v1::QuarantineRequest { limit, cursor } = request.into_inner();
        let page = self.0.quarantine(limit, cursor).await?;
        Ok(Response::new(answer::quarantine(page)))
    }

    async fn report(&self, request: Request<v1::ReportRequest>) -> Result<Response<v1::ReportResponse>, Status> {
        let report = self.0.report(request.into_inner().year).await?;
        Ok(Response::new(answer::report(report)))
    }

    async fn create_token(
        &self,
        request: Request<v1::CreateTokenRequest>,
    ) -> Result<Response<v1::CreateTokenResponse>, Status> {
        let v1::CreateTokenRequest {
            role,
            label,
            expires_seconds,
        } = request.into_inner();
        let (text, made) = self.0.create_token(token::role(role)?, label, expires_seconds).await?;
        let token = Some(token::token(made));
        Ok(Response::new(v1::CreateTokenResponse { text, token }))
    }

    async fn list_tokens(&self, _: Request<v1::ListTokensRequest>) -> Result<Response<v1::ListTokensResponse>, Status> {
        let tokens = self.0.tokens().await?.into_iter().map(token::token).collect();
        Ok(Response::new(v1::ListTokensResponse { tokens }))
    }

    async fn revoke_token(&self, request: Request<v1::RevokeTokenRequest>) -> Result<Response<v1::Token>, Status> {
        let revoked = self.0.revoke_token(request.into_inner().id).await?;
        Ok(Response::new(token::token(revoked)))
    }

    type WatchStream = ReceiverStream<Result<v1::WatchChange, Status>>;

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        // Heard from before the first reading on, so that nothing falls between.
        let notices = self.0.ledger.notices();
        let number = match request.into_inner().from {
            Some(token) => Commands::parse_token(&token)?,
            None => self.0.ledger.newest_change(),
        };
        // A token that is too old is an answer to the call, not the end of a stream.
        self.0.changes_after(number).await?;
        let (sender, receiver) = mpsc::channel(WATCH_BUFFER);
        let commands = self.0.clone();
        self.0.tasks.spawn("rpc", "watch", move |context| {
            watch(commands, number, notices, sender, context)
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

type Watcher = mpsc::Sender<Result<v1::WatchChange, Status>>;

/// Sends changes until the watcher goes or the node stops.
async fn watch(
    commands: Commands,
    mut number: u64,
    mut notices: broadcast::Receiver<Notice>,
    watcher: Watcher,
    context: TaskContext,
) {
    loop {
        let changes = match commands.changes_after(number).await {
            Ok(changes) => changes,
            Err(error) => {
                // If the watcher has gone, nobody needs to hear it.
                let _ = watcher.send(Err(error.into())).await;
                return;
            }
        };
        let nothing = changes.is_empty();
        for change in changes {
            number = Commands::parse_token(&change.token).unwrap_or(number);
            let sent = tokio::select! {
                biased;
                () = context.cancelled() => return,
                sent = watcher.send(Ok(answer::change(change))) => sent,
            };
            if sent.is_err() {
                return;
            }
        }
        if nothing && !changed(&mut notices, &watcher, &context).await {
            return;
        }
    }
}

/// Waits until there may be something new; says whether to go on.
async fn changed(notices: &mut broadcast::Receiver<Notice>, watcher: &Watcher, context: &TaskContext) -> bool {
    loop {
        let notice = tokio::select! {
            biased;
            () = context.cancelled() => return false,
            () = watcher.closed() => return false,
            notice = notices.recv() => notice,
        };
        match notice {
            Ok(Notice::Changed) | Err(broadcast::error::RecvError::Lagged(_)) => return true,
            Ok(_) => {}
            Err(broadcast::error::RecvError::Closed) => return false,
        }
    }
}
