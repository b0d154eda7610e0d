//! The JSON documents of the command line. Names are a promise to scripts: fields may be added, never renamed.
//!
//! Instants are RFC 3339 in UTC. What is absent is `null`; titles and texts are always strings.

mod cohost;
mod counter;
mod decision;
mod event;
mod hub;
mod key;
mod member;
mod member_import;
mod operations;
mod report;
mod subscription;
mod token;
mod webhook;

pub use cohost::{ConflictDocument, ConflictsDocument, InvitationsDocument, ValueDocument};
pub use counter::{CounterDocument, CounterYearDocument, CountersDocument, EntriesDocument, EntryDocument};
pub use decision::{DecisionDocument, DecisionsDocument, HubDecisionDocument};
pub use event::{
    ErasedDocument, EventDocument, ExportDocument, GoneDocument, HiddenListDocument, HiddenNoteDocument,
    ImportDocument, ListDocument, LocationDocument, RefusedDocument, TranslationDocument, UndoneDocument,
    UndoneFieldDocument, WarningDocument,
};
pub use hub::{HubDocument, HubsDocument, InviteDocument, JoinDocument, NetworkDocument};
pub use key::{KeyDocument, KeysDocument};
pub use member::{
    AudienceDocument, ConsentDocument, ErasedMemberDocument, HubErasureDocument, LinkDocument, ListingDocument,
    LocalDocument, MemberDocument, MemberInvitationsDocument, MembersDocument, PageLinkDocument, PartyDocument,
    ReceiptsDocument, SuggestionDocument, SuggestionsDocument,
};
pub use member_import::{
    ColumnDocument, DifferenceDocument, MemberChangeDocument, MemberImportDocument, NoticeDocument,
    RefusedMemberDocument,
};
pub use operations::{
    NetworkName, PeerDocument, PeersDocument, QuarantineDocument, QuarantinedDocument, StatusDocument, WatchDocument,
};
pub use report::{MonthDocument, NumbersDocument, ReportDocument};
pub use subscription::{SubscribedDocument, SubscriptionDocument, SubscriptionsDocument};
pub use token::{NewTokenDocument, TokenDocument, TokensDocument};
pub use webhook::{NewWebhookDocument, WebhookDocument, WebhooksDocument};

use interhub_proto::Timestamp;

/// An instant as RFC 3339 in UTC; `None` if it is absent or outside the years 1 to 9999.
pub(crate) fn instant(timestamp: Option<&Timestamp>) -> Option<String> {
    let timestamp = timestamp?;
    jiff::Timestamp::new(timestamp.seconds, timestamp.nanos)
        .ok()
        .map(|instant| instant.to_string())
}

/// A text that is absent when it is empty.
pub(crate) fn present(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
