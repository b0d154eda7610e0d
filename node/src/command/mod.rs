//! What an operator can wish for: one function for each wish, whoever asks.
//!
//! [`Commands`] is the list of wishes; the node fulfils them. Its callers convert at their own door: `rpc` from and to
//! protobuf. What is asked is in [`ask`], what is answered in [`answer`], and every refusal is a [`CommandError`] with
//! one line that says what to do next.

pub mod answer;
pub mod ask;
mod error;

use interhub_domain::event::LocalTime;
use interhub_domain::ids::ThingId;
use interhub_domain::query::EventQuery;
use jiff::tz::TimeZone;

use self::answer::{
    ChangeAnswer, EventAnswer, EventPage, HubAnswer, ImportAnswer, InvitationAnswer, JoinAnswer, NetworkAnswer,
    PeerAnswer, StatusAnswer,
};
use self::ask::EventFields;
pub use self::error::{CommandError, ErrorClass};

/// What comes of a wish.
pub type Answered<T> = Result<T, CommandError>;

/// Every wish. Calls block on storage unless they are `async`; they return once what they wrote is durable.
pub trait Commands: Send + Sync + 'static {
    /// Founds a network with this hub as its first voter.
    fn create_network(&self, name: &str) -> Answered<NetworkAnswer>;

    /// The network of this hub.
    fn network(&self) -> Answered<NetworkAnswer>;

    /// Joins a network with the link of an invitation: asks its addresses one after the other.
    fn join(&self, link: &str) -> impl Future<Output = Answered<JoinAnswer>> + Send;

    /// Makes an invitation that can be used for so many seconds; 7 days if not said.
    fn invite(&self, expires_seconds: Option<u64>) -> Answered<InvitationAnswer>;

    /// All hubs, by slug; those that left or were removed included.
    fn hubs(&self) -> Answered<Vec<HubAnswer>>;

    /// The hub with this slug or id.
    fn hub(&self, slug_or_id: &str) -> Answered<HubAnswer>;

    /// Takes this hub out of its network.
    fn leave(&self) -> Answered<HubAnswer>;

    /// Imports a calendar file as this hub's events. `progress` hears how many events are done, and of how many. A file
    /// that cannot be read is refused whole as [`ErrorClass::Invalid`], with line and reason.
    fn import_events(
        &self,
        source: &str,
        file: &[u8],
        dry_run: bool,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Answered<ImportAnswer>;

    /// Makes an event of this hub. Title, start and an ending are needed.
    fn add_event(&self, fields: EventFields) -> Answered<EventAnswer>;

    /// Changes the fields that are given.
    fn edit_event(&self, thing: ThingId, fields: EventFields) -> Answered<EventAnswer>;

    /// Cancels an event, or the occurrence whose rule-given start this is.
    fn cancel_event(&self, thing: ThingId, occurrence: Option<LocalTime>) -> Answered<EventAnswer>;

    /// One event as a whole.
    fn event(&self, thing: ThingId) -> Answered<EventAnswer>;

    /// A page of occurrences.
    fn events(&self, query: &EventQuery) -> Answered<EventPage>;

    /// What dates in a query mean: the hub's own zone, and now in Unix milliseconds.
    fn query_context(&self) -> (TimeZone, i64);

    /// This hub's own events as one iCalendar stream, drafts included.
    fn export_calendar(&self) -> Answered<String>;

    /// This hub's own events, one entry each, drafts included, ordered by thing.
    fn own_events(&self) -> Answered<Vec<EventAnswer>>;

    /// Figures of the node.
    fn status(&self) -> Answered<StatusAnswer>;

    /// The hubs this node talks to, or tries to, by slug.
    fn peers(&self) -> Answered<Vec<PeerAnswer>>;

    /// The token of the newest change: watching from it shows what comes now.
    fn newest_token(&self) -> Answered<String>;

    /// At most `max` changes behind a token, in the order in which they were committed. [`ErrorClass::Expired`] if
    /// changes behind it are no longer known, [`ErrorClass::Invalid`] if it is no token.
    fn changes_after(&self, token: &str, max: usize) -> Answered<Vec<ChangeAnswer>>;

    /// Changes its value whenever there is something new behind the newest token.
    fn wake(&self) -> tokio::sync::watch::Receiver<u64>;
}
