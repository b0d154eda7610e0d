//! What operators ask for: one function for each wish, called by the client services.
//!
//! A function here checks what was asked, calls the ledger or the views, and says in words what went wrong. It knows
//! nothing of gRPC, and nothing of storage beyond those two.

pub mod access;
pub mod audience;
pub mod cohost;
pub mod counter;
pub mod dates;
pub mod decision;
pub mod details;
pub mod erase;
pub mod event;
pub mod hide;
pub mod import;
pub mod key;
pub mod member;
pub mod network;
pub mod operation;
pub mod own_page;
pub mod picture;
pub mod quarantine;
pub mod report;
mod schedule;
pub mod subscription;
#[cfg(test)]
pub(crate) mod testing;
pub mod undo;
pub mod webhook;
mod withdraw;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use interhub_domain::ids::HubId;
use interhub_domain::invitation::LinkError;

use self::audience::ShownAudience;
use crate::child::ChildCounter;
use crate::clock::SharedClock;
use crate::feed::fetch::Fetcher;
use crate::outside::mail::Mailer;
use crate::peer::status::PeerStatus;
use crate::peer::{JoinRequest, Joined};
use crate::projection::read::{QueryError, Views};
use crate::projection::{HubRow, Listed};
use crate::store::StoreError;
use crate::store::catalogue::event::HiddenRow;
use crate::sync::{DecideError, JoinError, Ledger, LedgerError, WriteError};
use crate::task::{BlockingError, Tasks};

/// The classes of error: each has one gRPC code and one exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Asked for in a wrong way.
    Usage,
    /// Does not exist.
    NotFound,
    /// Not allowed.
    Refused,
    /// Something has to happen first.
    Precondition,
    /// A peer does not answer.
    Unreachable,
    /// Inside.
    Failed,
}

/// An error for an operator: one line that says what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CommandError {
    /// Its class.
    pub class: Class,
    /// The line.
    pub message: String,
}

impl CommandError {
    /// Makes one.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
        }
    }

    /// Asked for in a wrong way.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Class::Usage, message)
    }

    /// Does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Class::NotFound, message)
    }

    /// Not allowed.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Class::Refused, message)
    }
}

impl From<WriteError> for CommandError {
    fn from(error: WriteError) -> Self {
        let class = match &error {
            WriteError::NoNetwork
            | WriteError::HasNetwork
            | WriteError::LastVoter
            | WriteError::TooManyInvitations(_) => Class::Precondition,
            WriteError::NotAVoter
            | WriteError::NotAHost
            | WriteError::Removed
            | WriteError::KeyStolen
            | WriteError::Left
            | WriteError::Refused(_) => Class::Refused,
            WriteError::NotFound | WriteError::NoConflict => Class::NotFound,
            WriteError::Registry(_) => Class::Usage,
            WriteError::NoFounding | WriteError::NoDecisions | WriteError::Edit(_) | WriteError::Ledger(_) => {
                Class::Failed
            }
        };
        Self::new(class, error.to_string())
    }
}

impl From<DecideError> for CommandError {
    fn from(error: DecideError) -> Self {
        let class = match error {
            DecideError::Write(error) => return error.into(),
            DecideError::Unknown => Class::NotFound,
            DecideError::Record(_) => Class::Usage,
            DecideError::NoVote
            | DecideError::Oneself
            | DecideError::BlocksItself
            | DecideError::Founder
            | DecideError::OwnKeys
            | DecideError::FounderKeys
            | DecideError::NotAsked
            | DecideError::Improper => Class::Refused,
            DecideError::VotesAlready(_)
            | DecideError::NotActive { .. }
            | DecideError::NotRemoved { .. }
            | DecideError::VotedAlready { .. }
            | DecideError::NotVoted
            | DecideError::WithdrawnAlready
            | DecideError::TooManyUndecided
            | DecideError::SameRules(_)
            | DecideError::InForce
            | DecideError::Objected(_)
            | DecideError::KeysInUse
            | DecideError::NotAboutOwnKeys
            | DecideError::ObjectedAlready
            | DecideError::KeyGone
            | DecideError::Refused
            | DecideError::NotRefused(_) => Class::Precondition,
        };
        Self::new(class, error.to_string())
    }
}

impl From<LinkError> for CommandError {
    fn from(error: LinkError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<LedgerError> for CommandError {
    fn from(error: LedgerError) -> Self {
        Self::new(Class::Failed, error.to_string())
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::new(Class::Failed, error.to_string())
    }
}

impl From<BlockingError> for CommandError {
    fn from(error: BlockingError) -> Self {
        Self::new(Class::Failed, error.to_string())
    }
}

impl From<QueryError> for CommandError {
    fn from(error: QueryError) -> Self {
        let class = match error {
            QueryError::Invalid(_) => Class::Usage,
            QueryError::Store(_) | QueryError::Search(_) => Class::Failed,
        };
        Self::new(class, error.to_string())
    }
}

impl From<JoinError> for CommandError {
    fn from(error: JoinError) -> Self {
        let class = match &error {
            JoinError::Ledger(_) | JoinError::Write(_) => Class::Failed,
            _ => Class::Refused,
        };
        Self::new(class, error.to_string())
    }
}

/// A future that borrows what it was made from.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The other hubs' nodes, as far as commands need them.
pub trait Neighbours: Send + Sync + 'static {
    /// One line for every other hub.
    fn status(&self) -> Vec<PeerStatus>;
    /// Calls every hub that is away now.
    fn call_now(&self);
    /// Asks the hub that owns `key`, at `address`, for admission.
    fn join<'a>(
        &'a self,
        address: &'a str,
        key: [u8; 32],
        request: &'a JoinRequest,
    ) -> Answer<'a, Result<Joined, CommandError>>;
}

/// What every command needs.
#[derive(Clone)]
pub struct Commands {
    /// The logs.
    pub ledger: Arc<Ledger>,
    /// The views.
    pub views: Arc<Views>,
    /// Time and randomness.
    pub clock: SharedClock,
    /// Where blocking calls run.
    pub tasks: Tasks,
    /// The other hubs' nodes; set once they are being called.
    pub neighbours: Arc<OnceLock<Arc<dyn Neighbours>>>,
    /// The own hub's IANA time zone, for times given without one.
    pub timezone: String,
    /// The process that judges foreign changes, if one does.
    pub counter: Option<ChildCounter>,
    /// Downloads calendars.
    pub fetcher: Fetcher,
    /// Held while a calendar that was downloaded is applied.
    pub looking: Arc<tokio::sync::Mutex<()>>,
    /// Told when there is another calendar to look at.
    pub feeds_changed: Arc<tokio::sync::Notify>,
    /// Calls whoever wants to be told of changes.
    pub receivers: webhook::Callers,
    /// Told when there may be something to tell them.
    pub webhooks_changed: Arc<tokio::sync::Notify>,
    /// Held while what is known of one of them is read and written.
    pub webhooks_writing: Arc<tokio::sync::Mutex<()>>,
    /// Downloads the pictures that events name.
    pub painters: picture::Painters,
    /// Whether pages of this node show them.
    pub shows_pictures: bool,
    /// Held while what the hub counts for itself is read and written.
    pub counting: Arc<parking_lot::Mutex<()>>,
    /// One import of members at a time: two of the same file would take each member twice.
    pub importing_members: Arc<tokio::sync::Semaphore>,
    /// The address of this hub's pages, without a slash at its end, for links that people carry elsewhere.
    pub web_address: String,
    /// Links that are asked for by mail, as many at once as this.
    pub asking_for_links: Arc<tokio::sync::Semaphore>,
    /// Held while letters that nobody asked for go out, one after the other.
    pub writing_to_members: Arc<tokio::sync::Mutex<()>>,
    /// Hands over mail to members, if this node sends any.
    pub mailer: Option<Mailer>,
}

/// An event as it is shown: what it says, at which occurrence, whose it is, how fresh.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownEvent {
    /// The event and the occurrence.
    pub listed: Listed,
    /// Slug of the owner.
    pub hub: String,
    /// Slugs of the hosts, the owner first.
    pub hosts: Vec<String>,
    /// How fresh the owner's data is, Unix milliseconds.
    pub as_of_ms: Option<i64>,
    /// Who may see it.
    pub audience: ShownAudience,
    /// The operator's last word on hiding it here, if there was one.
    pub hidden: Option<HiddenRow>,
}

impl Commands {
    /// Runs a call that blocks on storage.
    pub async fn blocking<T: Send + 'static>(
        &self,
        name: &'static str,
        call: impl FnOnce(&Self) -> Result<T, CommandError> + Send + 'static,
    ) -> Result<T, CommandError> {
        let this = self.clone();
        self.tasks.blocking(name, move || call(&this)).await?
    }

    /// The other hubs' status; empty before the peers' side runs.
    pub fn peer_status(&self) -> Vec<PeerStatus> {
        self.neighbours
            .get()
            .map(|neighbours| neighbours.status())
            .unwrap_or_default()
    }

    pub(crate) fn shown(&self, listed: Listed, hubs: &[HubRow]) -> ShownEvent {
        let slug_of = |id: HubId| {
            let row = hubs.iter().find(|row| row.id == id);
            row.map_or_else(|| id.short(), |row| row.slug.clone())
        };
        let row = &listed.row;
        ShownEvent {
            hub: slug_of(row.hub),
            hosts: row.hosts.iter().map(|hub| slug_of(*hub)).collect(),
            as_of_ms: self.as_of_ms(row.hub),
            audience: self.audience_of(row, &slug_of),
            hidden: None,
            listed,
        }
    }

    /// How fresh a hub's data is: now for the own, else the last moment at which everything it had was here.
    pub fn as_of_ms(&self, hub: HubId) -> Option<i64> {
        if hub == self.ledger.own_id() {
            return Some(self.clock.now_ms());
        }
        self.ledger.as_of_ms(hub)
    }
}
