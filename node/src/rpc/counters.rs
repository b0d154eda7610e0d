//! The service `Counters`.

use interhub_proto::v1;
use tonic::{Request, Response, Status};

use super::convert::counter::{counter, entry};
use crate::command::Commands;

pub(super) struct CountersService(pub(super) Commands);

#[tonic::async_trait]
impl v1::counters_server::Counters for CountersService {
    async fn define(&self, request: Request<v1::DefineCounterRequest>) -> Result<Response<v1::OwnCounter>, Status> {
        let v1::DefineCounterRequest { slug, name, unit } = request.into_inner();
        Ok(Response::new(counter(self.0.define_counter(slug, name, unit).await?)))
    }

    async fn list(&self, _: Request<v1::ListCountersRequest>) -> Result<Response<v1::ListCountersResponse>, Status> {
        let counters = self.0.counters().await?.into_iter().map(counter).collect();
        Ok(Response::new(v1::ListCountersResponse { counters }))
    }

    async fn delete(&self, request: Request<v1::DeleteCounterRequest>) -> Result<Response<v1::OwnCounter>, Status> {
        let gone = self.0.delete_counter(request.into_inner().slug).await?;
        Ok(Response::new(counter(gone)))
    }

    async fn add(&self, request: Request<v1::AddAmountRequest>) -> Result<Response<v1::CounterEntry>, Status> {
        let v1::AddAmountRequest {
            slug,
            thousandths,
            day,
            note,
        } = request.into_inner();
        let added = self.0.count_amount(slug, thousandths, day, note).await?;
        Ok(Response::new(entry(added)))
    }

    async fn entries(
        &self,
        request: Request<v1::CounterEntriesRequest>,
    ) -> Result<Response<v1::CounterEntriesResponse>, Status> {
        let v1::CounterEntriesRequest { slug, year } = request.into_inner();
        let entries = self.0.counted(slug, year).await?.into_iter().map(entry).collect();
        Ok(Response::new(v1::CounterEntriesResponse { entries }))
    }

    async fn remove(&self, request: Request<v1::RemoveAmountRequest>) -> Result<Response<v1::CounterEntry>, Status> {
        let v1::RemoveAmountRequest { slug, entry: which } = request.into_inner();
        Ok(Response::new(entry(self.0.uncount(slug, which).await?)))
    }
}
