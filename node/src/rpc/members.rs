//! The service `Members`.

use interhub_proto::v1;
use tonic::{Request, Response, Status};

use super::convert::member::{fields, member, query, receipts};
use super::socket::caller;
use crate::command::Commands;
use crate::command::member::ShownMember;

pub(super) struct MembersService(pub(super) Commands);

#[tonic::async_trait]
impl v1::members_server::Members for MembersService {
    async fn add(&self, request: Request<v1::AddMemberRequest>) -> Result<Response<v1::Member>, Status> {
        let by = caller(&request);
        let said = fields(request.into_inner().fields.unwrap_or_default())?;
        Ok(Response::new(member(self.0.add_member(said, by).await?)))
    }

    async fn edit(&self, request: Request<v1::EditMemberRequest>) -> Result<Response<v1::Member>, Status> {
        let by = caller(&request);
        let v1::EditMemberRequest { id, fields: said } = request.into_inner();
        let said = fields(said.unwrap_or_default())?;
        Ok(Response::new(member(self.0.edit_member(id, said, by).await?)))
    }

    async fn show(&self, request: Request<v1::ShowMemberRequest>) -> Result<Response<v1::Member>, Status> {
        Ok(Response::new(member(
            self.0.show_member(request.into_inner().id).await?,
        )))
    }

    async fn list(
        &self,
        request: Request<v1::ListMembersRequest>,
    ) -> Result<Response<v1::ListMembersResponse>, Status> {
        let (found, next) = self.0.list_members(query(request.into_inner())?).await?;
        let without_photo = |mut one: ShownMember| {
            one.member.photo.clear();
            member(one)
        };
        let members = found.into_iter().map(without_photo).collect();
        Ok(Response::new(v1::ListMembersResponse { members, next }))
    }

    async fn erase(
        &self,
        request: Request<v1::EraseMemberRequest>,
    ) -> Result<Response<v1::EraseMemberResponse>, Status> {
        let erased = self.0.erase_member(request.into_inner().id).await?;
        Ok(Response::new(v1::EraseMemberResponse {
            id: erased.thing.to_string(),
            card: erased.card,
        }))
    }

    async fn receipts(
        &self,
        request: Request<v1::MemberReceiptsRequest>,
    ) -> Result<Response<v1::MemberReceiptsResponse>, Status> {
        let found = self.0.member_receipts(request.into_inner().id).await?;
        Ok(Response::new(receipts(found)))
    }
}
