//! The hub's keys: show, rotate, recover.

use interhub_domain::body::KeyReason;
use interhub_domain::ids::HubId;

use super::{Class, CommandError, Commands};
use crate::identity::RecoveryKey;
use crate::sync::{KeyError, WriteError};

/// One key of the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownKey {
    /// Its number.
    pub number: u16,
    /// The public key.
    pub key: [u8; 32],
    /// What became of it.
    pub state: KeyState,
}

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// The hub signs with it.
    Current,
    /// Another one took its place.
    Former,
    /// It was stolen.
    Stolen,
}

/// What `key show` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownKeys {
    /// The hub.
    pub hub: HubId,
    /// All its keys, by number.
    pub keys: Vec<ShownKey>,
    /// The public half of its recovery key.
    pub recovery_key: [u8; 32],
    /// The registry names a key that this node does not have.
    pub replaced: bool,
    /// The recovery key that was just named. Secret, told once.
    pub new_recovery_key: Option<RecoveryKey>,
}

/// What `key recover` is to do.
#[derive(Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The recovery key as `interhubd init` printed it. Secret.
    pub recovery_key: String,
    /// Why.
    pub reason: KeyReason,
    /// After a theft, what was written before this moment counts; without it only what this data folder wrote. Unix
    /// milliseconds.
    pub since_ms: Option<i64>,
    /// Whether another recovery key takes its place.
    pub new_recovery_key: bool,
}

impl From<KeyError> for CommandError {
    fn from(error: KeyError) -> Self {
        let class = match error {
            KeyError::Write(error) => return error.into(),
            KeyError::WrongRecoveryKey => Class::Refused,
            KeyError::Replaced | KeyError::Exhausted => Class::Precondition,
            KeyError::NoFolder | KeyError::Folder(_) => Class::Failed,
        };
        Self::new(class, error.to_string())
    }
}

impl Commands {
    /// The hub's keys.
    pub async fn keys(&self) -> Result<ShownKeys, CommandError> {
        self.blocking("key show", Self::shown_keys).await
    }

    /// Names another key, as a precaution. The node starts again with it.
    pub async fn rotate_key(&self) -> Result<ShownKeys, CommandError> {
        self.blocking("key rotate", |this| {
            this.ledger.rotate_key()?;
            this.shown_keys()
        })
        .await
    }

    /// Names another key by the recovery key, and perhaps another recovery key.
    pub async fn recover_key(&self, asked: Recovery) -> Result<ShownKeys, CommandError> {
        let present: RecoveryKey = asked
            .recovery_key
            .parse()
            .map_err(|error: crate::identity::RecoveryKeyError| CommandError::usage(error.to_string()))?;
        self.blocking("key recover", move |this| {
            let next = asked.new_recovery_key.then(|| RecoveryKey::generate(&*this.clock));
            let public = next.as_ref().map(RecoveryKey::public_key);
            this.ledger
                .recover_key(&present.signing_key(), asked.reason, asked.since_ms, public)?;
            Ok(ShownKeys {
                new_recovery_key: next,
                ..this.shown_keys()?
            })
        })
        .await
    }

    fn shown_keys(&self) -> Result<ShownKeys, CommandError> {
        self.ledger.network().ok_or(WriteError::NoNetwork)?;
        let keys = self.ledger.own_keys()?;
        let all = keys
            .by_number
            .iter()
            .flat_map(|(number, all)| all.iter().map(|key| (*number, *key)));
        let shown = all.map(|(number, key)| ShownKey {
            number,
            key,
            state: if keys.current == (number, key) {
                KeyState::Current
            } else if keys.stolen.contains(&number) {
                KeyState::Stolen
            } else {
                KeyState::Former
            },
        });
        Ok(ShownKeys {
            hub: self.ledger.own_id(),
            keys: shown.collect(),
            recovery_key: keys.recovery_key,
            replaced: self.ledger.is_key_replaced(),
            new_recovery_key: None,
        })
    }
}
