//! The service `Network`.

use interhub_proto::v1;
use tonic::{Request, Response, Status};

use super::convert::answer;
use crate::command::Commands;

pub(super) struct NetworkService(pub(super) Commands);

#[tonic::async_trait]
impl v1::network_server::Network for NetworkService {
    async fn create(&self, request: Request<v1::CreateNetworkRequest>) -> Result<Response<v1::NetworkInfo>, Status> {
        let made = self.0.create_network(request.into_inner().name).await?;
        Ok(Response::new(answer::network(made)))
    }

    async fn show(&self, _: Request<v1::ShowNetworkRequest>) -> Result<Response<v1::NetworkInfo>, Status> {
        Ok(Response::new(answer::network(self.0.show_network().await?)))
    }

    async fn join(
        &self,
        request: Request<v1::JoinNetworkRequest>,
    ) -> Result<Response<v1::JoinNetworkResponse>, Status> {
        Ok(Response::new(answer::join(
            self.0.join(request.into_inner().link).await?,
        )))
    }

    async fn invite(&self, request: Request<v1::InviteRequest>) -> Result<Response<v1::InviteResponse>, Status> {
        let invited = self.0.invite(request.into_inner().expires_seconds).await?;
        Ok(Response::new(answer::invitation(invited)))
    }

    async fn decisions(&self, _: Request<v1::DecisionsRequest>) -> Result<Response<v1::DecisionsResponse>, Status> {
        let decisions = self.0.decisions().await?.into_iter().map(answer::decision).collect();
        Ok(Response::new(v1::DecisionsResponse { decisions }))
    }

    async fn vote(&self, request: Request<v1::VoteRequest>) -> Result<Response<v1::ShownDecision>, Status> {
        let v1::VoteRequest { id, withdraw } = request.into_inner();
        Ok(Response::new(answer::decision(self.0.vote(id, withdraw).await?)))
    }

    async fn adopt(&self, request: Request<v1::AdoptRequest>) -> Result<Response<v1::ShownDecision>, Status> {
        let adopting = self.0.adopt(request.into_inner().id).await?;
        Ok(Response::new(answer::decision(adopting)))
    }

    async fn object(&self, request: Request<v1::ObjectRequest>) -> Result<Response<v1::ShownDecision>, Status> {
        let decision = self.0.object(request.into_inner().id).await?;
        Ok(Response::new(answer::decision(decision)))
    }

    async fn change_rules(
        &self,
        request: Request<v1::ChangeRulesRequest>,
    ) -> Result<Response<v1::ShownDecision>, Status> {
        let decision = self.0.change_rules(request.into_inner().guests_per_voter).await?;
        Ok(Response::new(answer::decision(decision)))
    }
}
