//! The service `Hubs`.

use interhub_domain::body::KeyReason;
use interhub_proto::v1;
use tonic::{Request, Response, Status};

use super::convert::answer;
use crate::command::Commands;
use crate::command::key::Recovery;

pub(super) struct HubsService(pub(super) Commands);

#[tonic::async_trait]
impl v1::hubs_server::Hubs for HubsService {
    async fn list(&self, _: Request<v1::ListHubsRequest>) -> Result<Response<v1::ListHubsResponse>, Status> {
        let hubs = self.0.list_hubs().await?.into_iter().map(answer::hub).collect();
        Ok(Response::new(v1::ListHubsResponse { hubs }))
    }

    async fn show(&self, request: Request<v1::ShowHubRequest>) -> Result<Response<v1::Hub>, Status> {
        Ok(Response::new(answer::hub(
            self.0.show_hub(request.into_inner().slug).await?,
        )))
    }

    async fn leave(&self, _: Request<v1::LeaveRequest>) -> Result<Response<v1::Hub>, Status> {
        Ok(Response::new(answer::hub(self.0.leave().await?)))
    }

    async fn vote(&self, request: Request<v1::HubVoteRequest>) -> Result<Response<v1::HubDecision>, Status> {
        let decision = self.0.vote_to_seat(request.into_inner().slug).await?;
        Ok(Response::new(answer::hub_decision(decision)))
    }

    async fn remove(&self, request: Request<v1::RemoveHubRequest>) -> Result<Response<v1::HubDecision>, Status> {
        let v1::RemoveHubRequest { slug, reason } = request.into_inner();
        let decision = self.0.remove_hub(slug, reason).await?;
        Ok(Response::new(answer::hub_decision(decision)))
    }

    async fn readmit(&self, request: Request<v1::ReadmitHubRequest>) -> Result<Response<v1::HubDecision>, Status> {
        let decision = self.0.readmit_hub(request.into_inner().slug).await?;
        Ok(Response::new(answer::hub_decision(decision)))
    }

    async fn rekey(&self, request: Request<v1::RekeyHubRequest>) -> Result<Response<v1::HubDecision>, Status> {
        let v1::RekeyHubRequest { slug, keys } = request.into_inner();
        let decision = self.0.rekey_hub(slug, keys).await?;
        Ok(Response::new(answer::hub_decision(decision)))
    }

    async fn show_keys(&self, _: Request<v1::ShowKeysRequest>) -> Result<Response<v1::HubKeys>, Status> {
        Ok(Response::new(answer::keys(&self.0.keys().await?)))
    }

    async fn rotate_key(&self, _: Request<v1::RotateKeyRequest>) -> Result<Response<v1::HubKeys>, Status> {
        Ok(Response::new(answer::keys(&self.0.rotate_key().await?)))
    }

    async fn recover_key(&self, request: Request<v1::RecoverKeyRequest>) -> Result<Response<v1::HubKeys>, Status> {
        let v1::RecoverKeyRequest {
            recovery_key,
            stolen,
            since,
            planned,
            new_recovery_key,
        } = request.into_inner();
        let reason = match (stolen, planned) {
            (true, true) => {
                return Err(Status::invalid_argument(
                    "a key is either stolen or replaced as planned",
                ));
            }
            (true, false) => KeyReason::Stolen,
            (false, true) => KeyReason::Planned,
            (false, false) => KeyReason::Lost,
        };
        let asked = Recovery {
            recovery_key,
            reason,
            since_ms: since.map(|since| since.seconds.saturating_mul(1_000)),
            new_recovery_key,
        };
        let keys = self.0.recover_key(asked).await?;
        Ok(Response::new(answer::keys(&keys)))
    }

    async fn block(&self, request: Request<v1::BlockHubRequest>) -> Result<Response<v1::Hub>, Status> {
        let v1::BlockHubRequest { slug, unblock } = request.into_inner();
        Ok(Response::new(answer::hub(self.0.block_hub(slug, !unblock).await?)))
    }
}
