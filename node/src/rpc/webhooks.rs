//! The service `Webhooks`.

use interhub_proto::v1;
use tonic::{Request, Response, Status};

use super::convert::webhook::webhook;
use crate::command::Commands;

pub(super) struct WebhooksService(pub(super) Commands);

#[tonic::async_trait]
impl v1::webhooks_server::Webhooks for WebhooksService {
    async fn create(
        &self,
        request: Request<v1::CreateWebhookRequest>,
    ) -> Result<Response<v1::CreateWebhookResponse>, Status> {
        let v1::CreateWebhookRequest {
            url,
            label,
            private_network,
        } = request.into_inner();
        let (secret, made) = self.0.create_webhook(url, label, private_network).await?;
        let webhook = Some(webhook(made));
        Ok(Response::new(v1::CreateWebhookResponse { secret, webhook }))
    }

    async fn list(&self, _: Request<v1::ListWebhooksRequest>) -> Result<Response<v1::ListWebhooksResponse>, Status> {
        let webhooks = self.0.webhooks().await?.into_iter().map(webhook).collect();
        Ok(Response::new(v1::ListWebhooksResponse { webhooks }))
    }

    async fn delete(&self, request: Request<v1::DeleteWebhookRequest>) -> Result<Response<v1::Webhook>, Status> {
        let gone = self.0.delete_webhook(request.into_inner().id).await?;
        Ok(Response::new(webhook(gone)))
    }

    async fn test(&self, request: Request<v1::TestWebhookRequest>) -> Result<Response<v1::Webhook>, Status> {
        let tested = self.0.test_webhook(request.into_inner().id).await?;
        Ok(Response::new(webhook(tested)))
    }
}
