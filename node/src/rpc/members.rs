//! The service `Members`.

use interhub_domain::contacts::MAX_FILE_BYTES;
use interhub_proto::v1;
use interhub_proto::v1::{import_members_progress, import_members_request};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::convert::member::{
    export_request, fields, import_options, imported, member, page_link, query, receipts, suggestion,
};
use super::socket::caller;
use super::upload::{self, PROGRESS_BUFFER, Part};
use crate::command::Commands;
use crate::command::member::{MemberImport, ShownMember};

/// Pieces of an export on their way to the client.
const EXPORT_BUFFER: usize = 16;
/// Size of them, in bytes.
const EXPORT_CHUNK_BYTES: usize = 256 * 1024;

pub(super) struct MembersService {
    commands: Commands,
}

impl MembersService {
    pub(super) const fn new(commands: Commands) -> Self {
        Self { commands }
    }
}

#[tonic::async_trait]
impl v1::members_server::Members for MembersService {
    async fn add(&self, request: Request<v1::AddMemberRequest>) -> Result<Response<v1::Member>, Status> {
        let by = caller(&request);
        let said = fields(request.into_inner().fields.unwrap_or_default())?;
        Ok(Response::new(member(self.commands.add_member(said, by).await?)))
    }

    async fn edit(&self, request: Request<v1::EditMemberRequest>) -> Result<Response<v1::Member>, Status> {
        let by = caller(&request);
        let v1::EditMemberRequest { id, fields: said } = request.into_inner();
        let said = fields(said.unwrap_or_default())?;
        Ok(Response::new(member(self.commands.edit_member(id, said, by).await?)))
    }

    async fn show(&self, request: Request<v1::ShowMemberRequest>) -> Result<Response<v1::Member>, Status> {
        Ok(Response::new(member(
            self.commands.show_member(request.into_inner().id).await?,
        )))
    }

    async fn list(
        &self,
        request: Request<v1::ListMembersRequest>,
    ) -> Result<Response<v1::ListMembersResponse>, Status> {
        let (found, next) = self.commands.list_members(query(request.into_inner())?).await?;
        let without_photo = |mut one: ShownMember| {
            one.member.photo.clear();
            member(one)
        };
        let members = found.into_iter().map(without_photo).collect();
        Ok(Response::new(v1::ListMembersResponse { members, next }))
    }

    async fn suggest(
        &self,
        request: Request<v1::SuggestIntroductionsRequest>,
    ) -> Result<Response<v1::SuggestIntroductionsResponse>, Status> {
        let v1::SuggestIntroductionsRequest { id, limit } = request.into_inner();
        let limit = limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let found = self.commands.suggestions(id, limit).await?;
        let suggestions = found.into_iter().map(suggestion).collect();
        Ok(Response::new(v1::SuggestIntroductionsResponse { suggestions }))
    }

    async fn erase(
        &self,
        request: Request<v1::EraseMemberRequest>,
    ) -> Result<Response<v1::EraseMemberResponse>, Status> {
        let erased = self.commands.erase_member(request.into_inner().id).await?;
        Ok(Response::new(v1::EraseMemberResponse {
            id: erased.thing.to_string(),
            card: erased.card,
        }))
    }

    async fn receipts(
        &self,
        request: Request<v1::MemberReceiptsRequest>,
    ) -> Result<Response<v1::MemberReceiptsResponse>, Status> {
        let found = self.commands.member_receipts(request.into_inner().id).await?;
        Ok(Response::new(receipts(found)))
    }

    async fn link(
        &self,
        request: Request<v1::MemberPageLinkRequest>,
    ) -> Result<Response<v1::MemberPageLinkResponse>, Status> {
        let v1::MemberPageLinkRequest {
            id,
            expires_seconds,
            mail,
        } = request.into_inner();
        let made = self.commands.member_link(id, expires_seconds, mail).await?;
        Ok(Response::new(page_link(made)))
    }

    async fn invite(
        &self,
        _: Request<v1::InviteMembersRequest>,
    ) -> Result<Response<v1::InviteMembersResponse>, Status> {
        let said = self.commands.invite_members().await?;
        Ok(Response::new(v1::InviteMembersResponse {
            invited: said.invited as u64,
            known: said.known as u64,
            without_address: said.without_address as u64,
        }))
    }

    type ImportStream = ReceiverStream<Result<v1::ImportMembersProgress, Status>>;

    async fn import(
        &self,
        request: Request<Streaming<v1::ImportMembersRequest>>,
    ) -> Result<Response<Self::ImportStream>, Status> {
        let permit = self.commands.begin_importing_members()?;
        let part = |request: v1::ImportMembersRequest| match request.part? {
            import_members_request::Part::Start(start) => {
                let bytes = start.bytes;
                Some(Part::Start(start, bytes))
            }
            import_members_request::Part::Chunk(chunk) => Some(Part::Chunk(chunk)),
        };
        let advice = "split it and import the parts one after the other";
        let (start, file) = upload::receive(request.into_inner(), MAX_FILE_BYTES as u64, advice, part).await?;
        let source = upload::source(&start.source);
        let options = import_options(start)?;
        let (sender, receiver) = mpsc::channel(PROGRESS_BUFFER);
        let commands = self.commands.clone();
        self.commands.tasks.spawn("rpc", "member import", move |_| {
            run_import(commands, (source, options, file), sender, permit)
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    type ExportStream = ReceiverStream<Result<v1::ExportMembersChunk, Status>>;

    async fn export(&self, request: Request<v1::ExportMembersRequest>) -> Result<Response<Self::ExportStream>, Status> {
        let (format, audience, id) = export_request(request.into_inner())?;
        let exported = self.commands.export_members(format, audience, id).await?;
        let mut pieces: Vec<v1::ExportMembersChunk> = exported
            .text
            .as_bytes()
            .chunks(EXPORT_CHUNK_BYTES)
            .map(|piece| v1::ExportMembersChunk {
                data: piece.to_vec(),
                left_out: Vec::new(),
            })
            .collect();
        let left_out = exported.left_out.into_iter();
        pieces.push(v1::ExportMembersChunk {
            data: Vec::new(),
            left_out: left_out.map(|(id, reason)| v1::LeftOutMember { id, reason }).collect(),
        });
        let (sender, receiver) = mpsc::channel(EXPORT_BUFFER);
        self.commands
            .tasks
            .spawn("rpc", "member export", move |context| async move {
                for piece in pieces {
                    let sent = tokio::select! {
                        biased;
                        () = context.cancelled() => return,
                        sent = sender.send(Ok(piece)) => sent,
                    };
                    if sent.is_err() {
                        return;
                    }
                }
            });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

type Listener = mpsc::Sender<Result<v1::ImportMembersProgress, Status>>;

/// Imports a file and tells how it goes. It goes on if the listener goes: half an import would help nobody.
async fn run_import(
    commands: Commands,
    (source, options, file): (String, MemberImport, Vec<u8>),
    listener: Listener,
    _permit: OwnedSemaphorePermit,
) {
    let mut progress = upload::steps(listener.clone(), |done, total| {
        let part = import_members_progress::Part::Step(v1::ImportStep { done, total });
        v1::ImportMembersProgress { part: Some(part) }
    });
    let done = commands.blocking("member import", move |commands| {
        commands.import_members(&source, &file, &options, &mut progress)
    });
    let last = done.await.map(|result| v1::ImportMembersProgress {
        part: Some(import_members_progress::Part::Result(imported(result))),
    });
    // If nobody listens any more, there is nobody to tell.
    let _ = listener.send(last.map_err(Status::from)).await;
}
