//! The service `Events`.

use std::sync::Arc;

use interhub_proto::v1;
use interhub_proto::v1::{export_chunk, import_progress, import_request};
use jiff::tz::TimeZone;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::convert::{answer, ask};
use super::socket::caller;
use super::upload::{self, PROGRESS_BUFFER, Part};
use crate::command::dates::DateTexts;
use crate::command::event::CalendarForm;
use crate::command::import::{ImportOptions, MAX_FILE_BYTES};
use crate::command::subscription::Looked;
use crate::command::{Class, CommandError, Commands};

/// Imports at the same time: each holds its whole file in memory.
const MAX_IMPORTS: usize = 2;
/// Pieces of an export on their way to the client.
const EXPORT_BUFFER: usize = 16;
/// Size of the pieces of an iCalendar stream.
const EXPORT_CHUNK_BYTES: usize = 256 * 1024;

pub(super) struct EventsService {
    commands: Commands,
    imports: Arc<Semaphore>,
}

impl EventsService {
    pub(super) fn new(commands: Commands) -> Self {
        let imports = Arc::new(Semaphore::new(MAX_IMPORTS));
        Self { commands, imports }
    }
}

#[tonic::async_trait]
impl v1::events_server::Events for EventsService {
    type ImportStream = ReceiverStream<Result<v1::ImportProgress, Status>>;

    async fn import(
        &self,
        request: Request<Streaming<v1::ImportRequest>>,
    ) -> Result<Response<Self::ImportStream>, Status> {
        let busy = |_| {
            let line = format!("{MAX_IMPORTS} imports are running already; try again when one is done");
            CommandError::new(Class::Precondition, line)
        };
        let permit = self.imports.clone().try_acquire_owned().map_err(busy)?;
        let mut upload = receive(request.into_inner()).await?;
        if upload.download {
            upload.file = self.commands.download_calendar(&upload.source).await?;
        }
        let (sender, receiver) = mpsc::channel(PROGRESS_BUFFER);
        let commands = self.commands.clone();
        self.commands
            .tasks
            .spawn("rpc", "import", move |_| import(commands, upload, sender, permit));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn subscribe(
        &self,
        request: Request<v1::SubscribeRequest>,
    ) -> Result<Response<v1::SubscribeResponse>, Status> {
        let v1::SubscribeRequest { source, every_seconds } = request.into_inner();
        let Looked { subscription, imported } = self.commands.subscribe(source, every_seconds).await?;
        Ok(Response::new(v1::SubscribeResponse {
            subscription: Some(answer::subscription(subscription)),
            result: imported.map(answer::import),
        }))
    }

    async fn subscriptions(
        &self,
        _: Request<v1::SubscriptionsRequest>,
    ) -> Result<Response<v1::SubscriptionsResponse>, Status> {
        let all = self.commands.subscriptions().await?;
        let subscriptions = all.into_iter().map(answer::subscription).collect();
        Ok(Response::new(v1::SubscriptionsResponse { subscriptions }))
    }

    async fn unsubscribe(
        &self,
        request: Request<v1::UnsubscribeRequest>,
    ) -> Result<Response<v1::Subscription>, Status> {
        let ended = self.commands.unsubscribe(request.into_inner().name).await?;
        Ok(Response::new(answer::subscription(ended)))
    }

    async fn add(&self, request: Request<v1::AddEventRequest>) -> Result<Response<v1::Event>, Status> {
        let fields = ask::fields(request.into_inner().fields);
        Ok(Response::new(answer::event(self.commands.add_event(fields).await?)))
    }

    async fn edit(&self, request: Request<v1::EditEventRequest>) -> Result<Response<v1::Event>, Status> {
        let request = request.into_inner();
        let fields = ask::fields(request.fields);
        Ok(Response::new(answer::event(
            self.commands.edit_event(request.id, fields).await?,
        )))
    }

    async fn cancel(&self, request: Request<v1::CancelEventRequest>) -> Result<Response<v1::Event>, Status> {
        let request = request.into_inner();
        let event = self.commands.cancel_event(request.id, request.occurrence).await?;
        Ok(Response::new(answer::event(event)))
    }

    async fn postpone(&self, request: Request<v1::PostponeEventRequest>) -> Result<Response<v1::Event>, Status> {
        let event = self.commands.postpone_event(request.into_inner().id).await?;
        Ok(Response::new(answer::event(event)))
    }

    async fn reinstate(&self, request: Request<v1::CancelEventRequest>) -> Result<Response<v1::Event>, Status> {
        let request = request.into_inner();
        let event = self.commands.reinstate_event(request.id, request.occurrence).await?;
        Ok(Response::new(answer::event(event)))
    }

    async fn r#move(&self, request: Request<v1::MoveOccurrenceRequest>) -> Result<Response<v1::Event>, Status> {
        let v1::MoveOccurrenceRequest {
            id,
            occurrence,
            start,
            ending,
        } = request.into_inner();
        let ending = ask::ending_of_move(ending)?;
        let event = self.commands.move_occurrence(id, occurrence, start, ending).await?;
        Ok(Response::new(answer::event(event)))
    }

    async fn change_occurrence(
        &self,
        request: Request<v1::ChangeOccurrenceRequest>,
    ) -> Result<Response<v1::Event>, Status> {
        let v1::ChangeOccurrenceRequest {
            id,
            occurrence,
            title,
            location,
            description,
        } = request.into_inner();
        let texts = DateTexts {
            title,
            place: location,
            description,
        };
        let event = self.commands.change_occurrence(id, occurrence, None, texts).await?;
        Ok(Response::new(answer::event(event)))
    }

    async fn add_occurrence(&self, request: Request<v1::AddOccurrenceRequest>) -> Result<Response<v1::Event>, Status> {
        let v1::AddOccurrenceRequest { id, start } = request.into_inner();
        Ok(Response::new(answer::event(self.commands.add_date(id, start).await?)))
    }

    async fn undo(&self, request: Request<v1::UndoEventRequest>) -> Result<Response<v1::UndoEventResponse>, Status> {
        let (event, fields) = self.commands.undo_event(request.into_inner().id).await?;
        Ok(Response::new(answer::undone(event, fields)))
    }

    async fn erase(&self, request: Request<v1::EraseEventRequest>) -> Result<Response<v1::EraseEventResponse>, Status> {
        let erased = self.commands.erase_event(request.into_inner().id).await?;
        Ok(Response::new(answer::erased(erased)))
    }

    async fn withdraw(&self, request: Request<v1::WithdrawFieldsRequest>) -> Result<Response<v1::Event>, Status> {
        let v1::WithdrawFieldsRequest { id, fields } = request.into_inner();
        Ok(Response::new(answer::event(
            self.commands.withdraw_fields(id, fields).await?,
        )))
    }

    async fn hide(&self, request: Request<v1::HideEventRequest>) -> Result<Response<v1::Event>, Status> {
        let by = caller(&request);
        let v1::HideEventRequest { id, reason } = request.into_inner();
        Ok(Response::new(answer::event(
            self.commands.hide_event(id, reason, by).await?,
        )))
    }

    async fn unhide(&self, request: Request<v1::HideEventRequest>) -> Result<Response<v1::Event>, Status> {
        let by = caller(&request);
        let v1::HideEventRequest { id, reason } = request.into_inner();
        Ok(Response::new(answer::event(
            self.commands.unhide_event(id, reason, by).await?,
        )))
    }

    async fn list_hidden(&self, _: Request<v1::ListHiddenRequest>) -> Result<Response<v1::ListHiddenResponse>, Status> {
        let hidden = self.commands.hidden_events().await?;
        let events = hidden.into_iter().map(answer::hidden_event).collect();
        Ok(Response::new(v1::ListHiddenResponse { events }))
    }

    async fn show(&self, request: Request<v1::ShowEventRequest>) -> Result<Response<v1::Event>, Status> {
        Ok(Response::new(answer::event(
            self.commands.show_event(request.into_inner().id).await?,
        )))
    }

    async fn list(&self, request: Request<v1::ListEventsRequest>) -> Result<Response<v1::ListEventsResponse>, Status> {
        let zone = TimeZone::get(&self.commands.timezone).unwrap_or(TimeZone::UTC);
        let query = ask::query(request.into_inner(), &zone, self.commands.clock.now_ms())?;
        Ok(Response::new(answer::page(self.commands.list_events(query).await?)))
    }

    async fn cohost(&self, request: Request<v1::CohostRequest>) -> Result<Response<v1::Event>, Status> {
        let v1::CohostRequest { id, hub, remove } = request.into_inner();
        let event = self.commands.cohost_event(id, hub, remove).await?;
        Ok(Response::new(answer::event(event)))
    }

    async fn invitations(
        &self,
        _request: Request<v1::InvitationsRequest>,
    ) -> Result<Response<v1::InvitationsResponse>, Status> {
        let events = self.commands.invitations().await?;
        let events = events.into_iter().map(answer::event).collect();
        Ok(Response::new(v1::InvitationsResponse { events }))
    }

    async fn answer_invitation(
        &self,
        request: Request<v1::AnswerInvitationRequest>,
    ) -> Result<Response<v1::Event>, Status> {
        let v1::AnswerInvitationRequest { id, accept } = request.into_inner();
        let event = self.commands.answer_invitation(id, accept).await?;
        Ok(Response::new(answer::event(event)))
    }

    async fn conflicts(
        &self,
        request: Request<v1::ConflictsRequest>,
    ) -> Result<Response<v1::ConflictsResponse>, Status> {
        let conflicts = self.commands.conflicts(request.into_inner().id).await?;
        let conflicts = conflicts.into_iter().map(answer::conflict).collect();
        Ok(Response::new(v1::ConflictsResponse { conflicts }))
    }

    async fn resolve(&self, request: Request<v1::ResolveRequest>) -> Result<Response<v1::Event>, Status> {
        let v1::ResolveRequest { id, field, value } = request.into_inner();
        let event = self.commands.resolve_conflict(id, field, value).await?;
        Ok(Response::new(answer::event(event)))
    }

    type ExportStream = ReceiverStream<Result<v1::ExportChunk, Status>>;

    async fn export(&self, request: Request<v1::ExportRequest>) -> Result<Response<Self::ExportStream>, Status> {
        let parts: Vec<export_chunk::Part> = match request.into_inner().format() {
            v1::ExportFormat::Icalendar => pieces(&self.commands.export_calendar(CalendarForm::ICalendar).await?),
            v1::ExportFormat::Jscalendar => pieces(&self.commands.export_calendar(CalendarForm::JsCalendar).await?),
            v1::ExportFormat::Events => {
                let events = self.commands.own_events().await?;
                events
                    .into_iter()
                    .map(|event| export_chunk::Part::Event(answer::event(event)))
                    .collect()
            }
            v1::ExportFormat::Unspecified => {
                return Err(
                    CommandError::usage("say in which format to export: iCalendar, JSCalendar, or events").into(),
                );
            }
        };
        let (sender, receiver) = mpsc::channel(EXPORT_BUFFER);
        self.commands.tasks.spawn("rpc", "export", move |context| async move {
            for part in parts {
                let chunk = v1::ExportChunk { part: Some(part) };
                let sent = tokio::select! {
                    biased;
                    () = context.cancelled() => return,
                    sent = sender.send(Ok(chunk)) => sent,
                };
                if sent.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

/// A whole calendar in pieces.
fn pieces(text: &str) -> Vec<export_chunk::Part> {
    let pieces = text.as_bytes().chunks(EXPORT_CHUNK_BYTES);
    pieces
        .map(|piece| export_chunk::Part::Calendar(piece.to_vec()))
        .collect()
}

/// A file that has arrived whole.
struct Upload {
    source: String,
    download: bool,
    options: ImportOptions,
    file: Vec<u8>,
}

/// Reads an upload to its end, within its limits.
async fn receive(parts: Streaming<v1::ImportRequest>) -> Result<Upload, Status> {
    let part = |request: v1::ImportRequest| match request.part? {
        import_request::Part::Start(start) => {
            let bytes = start.bytes;
            Some(Part::Start(start, bytes))
        }
        import_request::Part::Chunk(chunk) => Some(Part::Chunk(chunk)),
    };
    let advice = "split it into several calendars";
    let (start, file) = upload::receive(parts, MAX_FILE_BYTES, advice, part).await?;
    Ok(Upload {
        source: upload::source(&start.source),
        download: start.download,
        options: ImportOptions {
            dry_run: start.dry_run,
            take_erased: start.take_erased,
        },
        file,
    })
}

type Listener = mpsc::Sender<Result<v1::ImportProgress, Status>>;

/// Imports a file and tells how it goes. It goes on if the listener goes: half an import would help nobody.
async fn import(commands: Commands, upload: Upload, listener: Listener, _permit: OwnedSemaphorePermit) {
    let mut progress = upload::steps(listener.clone(), |done, total| {
        let part = import_progress::Part::Step(v1::ImportStep { done, total });
        v1::ImportProgress { part: Some(part) }
    });
    let imported = commands.blocking("import", move |commands| {
        commands.import_calendar(&upload.source, &upload.file, upload.options, &mut progress)
    });
    let last = imported.await.map(|imported| {
        let result = answer::import(imported);
        v1::ImportProgress {
            part: Some(import_progress::Part::Result(result)),
        }
    });
    // If nobody listens any more, there is nobody to tell.
    let _ = listener.send(last.map_err(Status::from)).await;
}
