//! A node, as a program talks to it: one method for each call, typed answers, typed errors.

use std::time::Duration;

use interhub_proto::v1;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Streaming};

use crate::connect::{Service, Target, connect};
use crate::error::ClientError;

/// A file that is larger is refused by the node.
pub const MAX_IMPORT_BYTES: usize = 64 * 1024 * 1024;

/// Size of the pieces a file is sent in.
const CHUNK_BYTES: usize = 256 * 1024;

/// A page of 1,000 events with long texts is the largest answer.
const MAX_ANSWER_BYTES: usize = 128 * 1024 * 1024;

/// How long a call that is not a stream may take. Joining dials up to three addresses.
const CALL_TIMEOUT: Duration = Duration::from_mins(2);

/// Where a calendar to import is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportFile {
    /// Its bytes.
    Here(Vec<u8>),
    /// On the web: the node downloads it.
    There,
}

/// How a file is imported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Only say what would happen.
    pub dry_run: bool,
    /// Also take events that were erased on the node.
    pub take_erased: bool,
}

/// A node that answers.
#[derive(Debug, Clone)]
pub struct Node {
    service: Service,
}

fn call<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(CALL_TIMEOUT);
    request
}

/// A calendar to import, in pieces.
fn pieces(start: v1::ImportStart, file: Vec<u8>) -> impl Stream<Item = v1::ImportRequest> {
    let part = |part| v1::ImportRequest { part: Some(part) };
    let first = part(v1::import_request::Part::Start(start));
    let rest = chunks(file).map(move |chunk| part(v1::import_request::Part::Chunk(chunk)));
    tokio_stream::iter(std::iter::once(first).chain(rest))
}

/// A file cut into pieces.
fn chunks(file: Vec<u8>) -> impl Iterator<Item = Vec<u8>> {
    let count = file.len().div_ceil(CHUNK_BYTES);
    (0..count).map(move |number| {
        let end = file.len().min((number + 1) * CHUNK_BYTES);
        file[number * CHUNK_BYTES..end].to_vec()
    })
}

/// The node went away in the middle of an import.
fn without_result() -> ClientError {
    ClientError::Unreachable("the node ended the import without a result; look into its log".to_owned())
}

type Network = v1::network_client::NetworkClient<Service>;
type Hubs = v1::hubs_client::HubsClient<Service>;
type Events = v1::events_client::EventsClient<Service>;
type Operations = v1::operations_client::OperationsClient<Service>;
type Webhooks = v1::webhooks_client::WebhooksClient<Service>;
type Counters = v1::counters_client::CountersClient<Service>;
type Members = v1::members_client::MembersClient<Service>;

impl Node {
    /// Connects to a node.
    pub async fn connect(target: &Target) -> Result<Self, ClientError> {
        Ok(Self {
            service: connect(target).await?,
        })
    }

    fn network(&self) -> Network {
        Network::new(self.service.clone())
    }

    fn hub_service(&self) -> Hubs {
        Hubs::new(self.service.clone())
    }

    fn event_service(&self) -> Events {
        Events::new(self.service.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    fn operations(&self) -> Operations {
        Operations::new(self.service.clone())
    }

    fn webhook_service(&self) -> Webhooks {
        Webhooks::new(self.service.clone())
    }

    fn counter_service(&self) -> Counters {
        Counters::new(self.service.clone())
    }

    fn member_service(&self) -> Members {
        Members::new(self.service.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    /// Founds a network.
    pub async fn create_network(&self, name: &str) -> Result<v1::NetworkInfo, ClientError> {
        let request = call(v1::CreateNetworkRequest { name: name.to_owned() });
        Ok(self.network().create(request).await?.into_inner())
    }

    /// The network this hub belongs to.
    pub async fn show_network(&self) -> Result<v1::NetworkInfo, ClientError> {
        Ok(self.network().show(call(v1::ShowNetworkRequest {})).await?.into_inner())
    }

    /// Joins a network with an invitation's link.
    pub async fn join(&self, link: &str) -> Result<v1::JoinNetworkResponse, ClientError> {
        let request = call(v1::JoinNetworkRequest { link: link.to_owned() });
        Ok(self.network().join(request).await?.into_inner())
    }

    /// Makes an invitation; `None` for the usual 7 days.
    pub async fn invite(&self, expires_seconds: Option<u64>) -> Result<v1::InviteResponse, ClientError> {
        Ok(self
            .network()
            .invite(call(v1::InviteRequest { expires_seconds }))
            .await?
            .into_inner())
    }

    /// All hubs the node knows, by slug.
    pub async fn hubs(&self) -> Result<Vec<v1::Hub>, ClientError> {
        Ok(self
            .hub_service()
            .list(call(v1::ListHubsRequest {}))
            .await?
            .into_inner()
            .hubs)
    }

    /// One hub.
    pub async fn hub(&self, slug: &str) -> Result<v1::Hub, ClientError> {
        let request = call(v1::ShowHubRequest { slug: slug.to_owned() });
        Ok(self.hub_service().show(request).await?.into_inner())
    }

    /// Takes this hub out of its network.
    pub async fn leave(&self) -> Result<v1::Hub, ClientError> {
        Ok(self.hub_service().leave(call(v1::LeaveRequest {})).await?.into_inner())
    }

    /// Every decision the node knows, the newest first.
    pub async fn decisions(&self) -> Result<Vec<v1::ShownDecision>, ClientError> {
        let answer = self.network().decisions(call(v1::DecisionsRequest {})).await?;
        Ok(answer.into_inner().decisions)
    }

    /// Votes for a decision, or withdraws.
    pub async fn vote(&self, id: &str, withdraw: bool) -> Result<v1::ShownDecision, ClientError> {
        let request = call(v1::VoteRequest {
            id: id.to_owned(),
            withdraw,
        });
        Ok(self.network().vote(request).await?.into_inner())
    }

    /// Votes to take a refused decision after all.
    pub async fn adopt(&self, id: &str) -> Result<v1::ShownDecision, ClientError> {
        let request = call(v1::AdoptRequest { id: id.to_owned() });
        Ok(self.network().adopt(request).await?.into_inner())
    }

    /// Says that this hub still has its key, against a decision that would give it others.
    pub async fn object(&self, id: &str) -> Result<v1::ShownDecision, ClientError> {
        let request = call(v1::ObjectRequest { id: id.to_owned() });
        Ok(self.network().object(request).await?.into_inner())
    }

    /// Votes for other rules.
    pub async fn change_rules(&self, guests_per_voter: u32) -> Result<v1::ShownDecision, ClientError> {
        let request = call(v1::ChangeRulesRequest { guests_per_voter });
        Ok(self.network().change_rules(request).await?.into_inner())
    }

    /// Votes to seat a guest.
    pub async fn vote_to_seat(&self, slug: &str) -> Result<v1::HubDecision, ClientError> {
        let request = call(v1::HubVoteRequest { slug: slug.to_owned() });
        Ok(self.hub_service().vote(request).await?.into_inner())
    }

    /// Votes to remove a hub.
    pub async fn remove_hub(&self, slug: &str, reason: &str) -> Result<v1::HubDecision, ClientError> {
        let request = call(v1::RemoveHubRequest {
            slug: slug.to_owned(),
            reason: reason.to_owned(),
        });
        Ok(self.hub_service().remove(request).await?.into_inner())
    }

    /// Votes to take a removed hub back.
    pub async fn readmit_hub(&self, slug: &str) -> Result<v1::HubDecision, ClientError> {
        let request = call(v1::ReadmitHubRequest { slug: slug.to_owned() });
        Ok(self.hub_service().readmit(request).await?.into_inner())
    }

    /// Votes to give a hub that lost its keys new ones.
    pub async fn rekey_hub(&self, slug: &str, keys: &str) -> Result<v1::HubDecision, ClientError> {
        let request = call(v1::RekeyHubRequest {
            slug: slug.to_owned(),
            keys: keys.to_owned(),
        });
        Ok(self.hub_service().rekey(request).await?.into_inner())
    }

    /// The keys of the hub.
    pub async fn keys(&self) -> Result<v1::HubKeys, ClientError> {
        Ok(self
            .hub_service()
            .show_keys(call(v1::ShowKeysRequest {}))
            .await?
            .into_inner())
    }

    /// Names another key by the present one.
    pub async fn rotate_key(&self) -> Result<v1::HubKeys, ClientError> {
        Ok(self
            .hub_service()
            .rotate_key(call(v1::RotateKeyRequest {}))
            .await?
            .into_inner())
    }

    /// Names another key by the recovery key.
    pub async fn recover_key(&self, request: v1::RecoverKeyRequest) -> Result<v1::HubKeys, ClientError> {
        Ok(self.hub_service().recover_key(call(request)).await?.into_inner())
    }

    /// Talks with a hub no more, or again.
    pub async fn block_hub(&self, slug: &str, unblock: bool) -> Result<v1::Hub, ClientError> {
        let request = call(v1::BlockHubRequest {
            slug: slug.to_owned(),
            unblock,
        });
        Ok(self.hub_service().block(request).await?.into_inner())
    }

    /// Makes an event.
    pub async fn add_event(&self, fields: v1::EventFields) -> Result<v1::Event, ClientError> {
        let request = call(v1::AddEventRequest { fields: Some(fields) });
        Ok(self.event_service().add(request).await?.into_inner())
    }

    /// Changes an event.
    pub async fn edit_event(&self, id: &str, fields: v1::EventFields) -> Result<v1::Event, ClientError> {
        let request = call(v1::EditEventRequest {
            id: id.to_owned(),
            fields: Some(fields),
        });
        Ok(self.event_service().edit(request).await?.into_inner())
    }

    /// Says that an event, or one occurrence of it, takes place after all.
    pub async fn reinstate_event(&self, id: &str, occurrence: Option<&str>) -> Result<v1::Event, ClientError> {
        let request = call(v1::CancelEventRequest {
            id: id.to_owned(),
            occurrence: occurrence.map(str::to_owned),
        });
        Ok(self.event_service().reinstate(request).await?.into_inner())
    }

    /// Moves one occurrence of a series.
    pub async fn move_occurrence(&self, request: v1::MoveOccurrenceRequest) -> Result<v1::Event, ClientError> {
        Ok(self.event_service().r#move(call(request)).await?.into_inner())
    }

    /// Tells one occurrence of a series in other words.
    pub async fn change_occurrence(&self, request: v1::ChangeOccurrenceRequest) -> Result<v1::Event, ClientError> {
        Ok(self
            .event_service()
            .change_occurrence(call(request))
            .await?
            .into_inner())
    }

    /// Adds a date to an event.
    pub async fn add_occurrence(&self, id: &str, start: &str) -> Result<v1::Event, ClientError> {
        let request = call(v1::AddOccurrenceRequest {
            id: id.to_owned(),
            start: start.to_owned(),
        });
        Ok(self.event_service().add_occurrence(request).await?.into_inner())
    }

    /// Takes back what this hub last changed in an event.
    pub async fn undo_event(&self, id: &str) -> Result<v1::UndoEventResponse, ClientError> {
        let request = call(v1::UndoEventRequest { id: id.to_owned() });
        Ok(self.event_service().undo(request).await?.into_inner())
    }

    /// Cancels an event, or one occurrence of it.
    pub async fn cancel_event(&self, id: &str, occurrence: Option<&str>) -> Result<v1::Event, ClientError> {
        let occurrence = occurrence.map(str::to_owned);
        let request = call(v1::CancelEventRequest {
            id: id.to_owned(),
            occurrence,
        });
        Ok(self.event_service().cancel(request).await?.into_inner())
    }

    /// Says that an event's date is off.
    pub async fn postpone_event(&self, id: &str) -> Result<v1::Event, ClientError> {
        let request = call(v1::PostponeEventRequest { id: id.to_owned() });
        Ok(self.event_service().postpone(request).await?.into_inner())
    }

    /// Erases an event everywhere.
    pub async fn erase_event(&self, id: &str) -> Result<v1::EraseEventResponse, ClientError> {
        let request = call(v1::EraseEventRequest { id: id.to_owned() });
        Ok(self.event_service().erase(request).await?.into_inner())
    }

    /// Takes fields of an event back, everywhere.
    pub async fn withdraw_fields(&self, id: &str, fields: Vec<String>) -> Result<v1::Event, ClientError> {
        let id = id.to_owned();
        let request = call(v1::WithdrawFieldsRequest { id, fields });
        Ok(self.event_service().withdraw(request).await?.into_inner())
    }

    /// Follows a calendar.
    pub async fn subscribe(
        &self,
        source: &str,
        every_seconds: Option<u32>,
    ) -> Result<v1::SubscribeResponse, ClientError> {
        let request = call(v1::SubscribeRequest {
            source: source.to_owned(),
            every_seconds,
        });
        Ok(self.event_service().subscribe(request).await?.into_inner())
    }

    /// The calendars the node follows.
    pub async fn subscriptions(&self) -> Result<Vec<v1::Subscription>, ClientError> {
        let request = call(v1::SubscriptionsRequest {});
        Ok(self
            .event_service()
            .subscriptions(request)
            .await?
            .into_inner()
            .subscriptions)
    }

    /// Ends following a calendar.
    pub async fn unsubscribe(&self, name: &str) -> Result<v1::Subscription, ClientError> {
        let request = call(v1::UnsubscribeRequest { name: name.to_owned() });
        Ok(self.event_service().unsubscribe(request).await?.into_inner())
    }

    /// Hides another hub's event on the node.
    pub async fn hide_event(&self, id: &str, reason: &str) -> Result<v1::Event, ClientError> {
        let request = call(v1::HideEventRequest {
            id: id.to_owned(),
            reason: reason.to_owned(),
        });
        Ok(self.event_service().hide(request).await?.into_inner())
    }

    /// Shows it again.
    pub async fn unhide_event(&self, id: &str, reason: &str) -> Result<v1::Event, ClientError> {
        let request = call(v1::HideEventRequest {
            id: id.to_owned(),
            reason: reason.to_owned(),
        });
        Ok(self.event_service().unhide(request).await?.into_inner())
    }

    /// What is hidden on the node.
    pub async fn hidden_events(&self) -> Result<Vec<v1::HiddenEvent>, ClientError> {
        let request = call(v1::ListHiddenRequest {});
        Ok(self.event_service().list_hidden(request).await?.into_inner().events)
    }

    /// One event.
    pub async fn event(&self, id: &str) -> Result<v1::Event, ClientError> {
        let request = call(v1::ShowEventRequest { id: id.to_owned() });
        Ok(self.event_service().show(request).await?.into_inner())
    }

    /// Asks another hub to host an event too, or takes it away as a host.
    pub async fn cohost_event(&self, id: &str, hub: &str, remove: bool) -> Result<v1::Event, ClientError> {
        let request = call(v1::CohostRequest {
            id: id.to_owned(),
            hub: hub.to_owned(),
            remove,
        });
        Ok(self.event_service().cohost(request).await?.into_inner())
    }

    /// Events other hubs asked this one to host.
    pub async fn invitations(&self) -> Result<v1::InvitationsResponse, ClientError> {
        let request = call(v1::InvitationsRequest {});
        Ok(self.event_service().invitations(request).await?.into_inner())
    }

    /// Says whether this hub hosts another hub's event.
    pub async fn answer_invitation(&self, id: &str, accept: bool) -> Result<v1::Event, ClientError> {
        let request = call(v1::AnswerInvitationRequest {
            id: id.to_owned(),
            accept,
        });
        Ok(self.event_service().answer_invitation(request).await?.into_inner())
    }

    /// Fields with several values.
    pub async fn conflicts(&self, id: Option<&str>) -> Result<v1::ConflictsResponse, ClientError> {
        let request = call(v1::ConflictsRequest {
            id: id.map(str::to_owned),
        });
        Ok(self.event_service().conflicts(request).await?.into_inner())
    }

    /// Leaves one value in a field that has several.
    pub async fn resolve_conflict(&self, id: &str, field: &str, value: &str) -> Result<v1::Event, ClientError> {
        let request = call(v1::ResolveRequest {
            id: id.to_owned(),
            field: field.to_owned(),
            value: value.to_owned(),
        });
        Ok(self.event_service().resolve(request).await?.into_inner())
    }

    /// What the node holds that is of no effect, a page of it.
    pub async fn quarantine(&self, limit: u32, cursor: Option<String>) -> Result<v1::QuarantineResponse, ClientError> {
        let request = call(v1::QuarantineRequest {
            limit: Some(limit),
            cursor,
        });
        Ok(self.operations().quarantine(request).await?.into_inner())
    }

    /// A page of occurrences.
    pub async fn events(&self, query: v1::ListEventsRequest) -> Result<v1::ListEventsResponse, ClientError> {
        Ok(self.event_service().list(call(query)).await?.into_inner())
    }

    /// Imports a calendar file of at most [`MAX_IMPORT_BYTES`], or the one that the node downloads from `source`. `progress` hears how far it is: events done, and in all.
    pub async fn import_events(
        &self,
        source: &str,
        file: ImportFile,
        options: ImportOptions,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<v1::ImportResult, ClientError> {
        let (file, download) = match file {
            ImportFile::Here(bytes) => (bytes, false),
            ImportFile::There => (Vec::new(), true),
        };
        let start = v1::ImportStart {
            download,
            source: source.to_owned(),
            dry_run: options.dry_run,
            take_erased: options.take_erased,
            bytes: Some(file.len() as u64),
        };
        let requests = pieces(start, file);
        let mut answers = self.event_service().import(requests).await?.into_inner();
        while let Some(answer) = answers.next().await {
            match answer?.part {
                Some(v1::import_progress::Part::Step(step)) => progress(step.done, step.total),
                Some(v1::import_progress::Part::Result(result)) => return Ok(result),
                None => {}
            }
        }
        Err(without_result())
    }

    /// Imports a file of members of at most [`MAX_IMPORT_BYTES`]. `progress` hears how far it is: members done, and in all.
    pub async fn import_members(
        &self,
        start: v1::ImportMembersStart,
        file: Vec<u8>,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<v1::ImportMembersResult, ClientError> {
        use v1::import_members_progress::Part as Told;
        use v1::import_members_request::Part;
        let part = |part| v1::ImportMembersRequest { part: Some(part) };
        let bytes = Some(file.len() as u64);
        let first = part(Part::Start(v1::ImportMembersStart { bytes, ..start }));
        let rest = chunks(file).map(move |chunk| part(Part::Chunk(chunk)));
        let requests = tokio_stream::iter(std::iter::once(first).chain(rest));
        let mut answers = self.member_service().import(requests).await?.into_inner();
        while let Some(answer) = answers.next().await {
            match answer?.part {
                Some(Told::Step(step)) => progress(step.done, step.total),
                Some(Told::Result(result)) => return Ok(result),
                None => {}
            }
        }
        Err(without_result())
    }

    /// Who could be introduced to whom.
    pub async fn suggestions(
        &self,
        id: Option<String>,
        limit: u32,
    ) -> Result<Vec<v1::SuggestedIntroduction>, ClientError> {
        let limit = Some(limit);
        let request = v1::SuggestIntroductionsRequest { id, limit };
        Ok(self
            .member_service()
            .suggest(call(request))
            .await?
            .into_inner()
            .suggestions)
    }

    /// Members of this hub as a file, in pieces.
    pub async fn export_members(
        &self,
        request: v1::ExportMembersRequest,
    ) -> Result<Streaming<v1::ExportMembersChunk>, ClientError> {
        Ok(self.member_service().export(request).await?.into_inner())
    }

    /// This hub's own events, in the form asked for.
    pub async fn export_events(&self, format: v1::ExportFormat) -> Result<Streaming<v1::ExportChunk>, ClientError> {
        let request = v1::ExportRequest { format: format.into() };
        Ok(self.event_service().export(request).await?.into_inner())
    }

    /// Figures of the node.
    pub async fn status(&self) -> Result<v1::StatusResponse, ClientError> {
        Ok(self.operations().status(call(v1::StatusRequest {})).await?.into_inner())
    }

    /// A year of the hub in numbers.
    pub async fn report(&self, year: i32) -> Result<v1::ReportResponse, ClientError> {
        Ok(self
            .operations()
            .report(call(v1::ReportRequest { year }))
            .await?
            .into_inner())
    }

    /// Makes a token.
    pub async fn create_token(&self, request: v1::CreateTokenRequest) -> Result<v1::CreateTokenResponse, ClientError> {
        Ok(self.operations().create_token(call(request)).await?.into_inner())
    }

    /// Every token, without its secret.
    pub async fn tokens(&self) -> Result<Vec<v1::Token>, ClientError> {
        let request = call(v1::ListTokensRequest {});
        Ok(self.operations().list_tokens(request).await?.into_inner().tokens)
    }

    /// Ends a token.
    pub async fn revoke_token(&self, id: &str) -> Result<v1::Token, ClientError> {
        let request = call(v1::RevokeTokenRequest { id: id.to_owned() });
        Ok(self.operations().revoke_token(request).await?.into_inner())
    }

    /// Tells a receiver of every change from now on.
    pub async fn create_webhook(
        &self,
        request: v1::CreateWebhookRequest,
    ) -> Result<v1::CreateWebhookResponse, ClientError> {
        Ok(self.webhook_service().create(call(request)).await?.into_inner())
    }

    /// Every receiver, without its secret.
    pub async fn webhooks(&self) -> Result<Vec<v1::Webhook>, ClientError> {
        let request = call(v1::ListWebhooksRequest {});
        Ok(self.webhook_service().list(request).await?.into_inner().webhooks)
    }

    /// Tells a receiver nothing more.
    pub async fn delete_webhook(&self, id: &str) -> Result<v1::Webhook, ClientError> {
        let request = call(v1::DeleteWebhookRequest { id: id.to_owned() });
        Ok(self.webhook_service().delete(request).await?.into_inner())
    }

    /// Sends a receiver a message that says nothing.
    pub async fn test_webhook(&self, id: &str) -> Result<v1::Webhook, ClientError> {
        let request = call(v1::TestWebhookRequest { id: id.to_owned() });
        Ok(self.webhook_service().test(request).await?.into_inner())
    }

    /// Begins to count something, or renames it.
    pub async fn define_counter(&self, request: v1::DefineCounterRequest) -> Result<v1::OwnCounter, ClientError> {
        Ok(self.counter_service().define(call(request)).await?.into_inner())
    }

    /// Everything that is counted.
    pub async fn counters(&self) -> Result<Vec<v1::OwnCounter>, ClientError> {
        let request = call(v1::ListCountersRequest {});
        Ok(self.counter_service().list(request).await?.into_inner().counters)
    }

    /// Makes a member.
    pub async fn add_member(&self, fields: v1::MemberFields) -> Result<v1::Member, ClientError> {
        let request = call(v1::AddMemberRequest { fields: Some(fields) });
        Ok(self.member_service().add(request).await?.into_inner())
    }

    /// Changes a member of the node's hub.
    pub async fn edit_member(&self, id: &str, fields: v1::MemberFields) -> Result<v1::Member, ClientError> {
        let request = call(v1::EditMemberRequest {
            id: id.to_owned(),
            fields: Some(fields),
        });
        Ok(self.member_service().edit(request).await?.into_inner())
    }

    /// Shows one member.
    pub async fn member(&self, id: &str) -> Result<v1::Member, ClientError> {
        let request = call(v1::ShowMemberRequest { id: id.to_owned() });
        Ok(self.member_service().show(request).await?.into_inner())
    }

    /// Lists members of the whole network.
    pub async fn members(&self, query: v1::ListMembersRequest) -> Result<v1::ListMembersResponse, ClientError> {
        Ok(self.member_service().list(call(query)).await?.into_inner())
    }

    /// Erases a member of the node's hub for good.
    pub async fn erase_member(&self, id: &str) -> Result<v1::EraseMemberResponse, ClientError> {
        let request = call(v1::EraseMemberRequest { id: id.to_owned() });
        Ok(self.member_service().erase(request).await?.into_inner())
    }

    /// Which hubs have erased what was taken back last of a member of the node's hub.
    pub async fn member_receipts(&self, id: &str) -> Result<v1::MemberReceiptsResponse, ClientError> {
        let request = call(v1::MemberReceiptsRequest { id: id.to_owned() });
        Ok(self.member_service().receipts(request).await?.into_inner())
    }

    /// Makes a link to the page of a member of the node's hub.
    pub async fn member_link(
        &self,
        id: String,
        expires_seconds: Option<u64>,
        mail: bool,
    ) -> Result<v1::MemberPageLinkResponse, ClientError> {
        let request = call(v1::MemberPageLinkRequest {
            id,
            expires_seconds,
            mail,
        });
        Ok(self.member_service().link(request).await?.into_inner())
    }

    /// Invites members of the node's hub to their own pages.
    pub async fn invite_members(&self) -> Result<v1::InviteMembersResponse, ClientError> {
        let request = call(v1::InviteMembersRequest {});
        Ok(self.member_service().invite(request).await?.into_inner())
    }

    /// Counts something no more.
    pub async fn delete_counter(&self, slug: &str) -> Result<v1::OwnCounter, ClientError> {
        let request = call(v1::DeleteCounterRequest { slug: slug.to_owned() });
        Ok(self.counter_service().delete(request).await?.into_inner())
    }

    /// Counts an amount.
    pub async fn add_amount(&self, request: v1::AddAmountRequest) -> Result<v1::CounterEntry, ClientError> {
        Ok(self.counter_service().add(call(request)).await?.into_inner())
    }

    /// What was counted in a year.
    pub async fn counter_entries(&self, slug: &str, year: i32) -> Result<Vec<v1::CounterEntry>, ClientError> {
        let slug = slug.to_owned();
        let request = call(v1::CounterEntriesRequest { slug, year });
        Ok(self.counter_service().entries(request).await?.into_inner().entries)
    }

    /// Takes an entry back.
    pub async fn remove_amount(&self, slug: &str, entry: &str) -> Result<v1::CounterEntry, ClientError> {
        let (slug, entry) = (slug.to_owned(), entry.to_owned());
        let request = call(v1::RemoveAmountRequest { slug, entry });
        Ok(self.counter_service().remove(request).await?.into_inner())
    }

    /// The hubs the node talks to, or tries to.
    pub async fn peers(&self) -> Result<Vec<v1::Peer>, ClientError> {
        Ok(self
            .operations()
            .peers(call(v1::PeersRequest {}))
            .await?
            .into_inner()
            .peers)
    }

    /// Changes as they are committed, behind a token if one is given.
    pub async fn watch(&self, from: Option<String>) -> Result<Streaming<v1::WatchChange>, ClientError> {
        Ok(self.operations().watch(v1::WatchRequest { from }).await?.into_inner())
    }
}
