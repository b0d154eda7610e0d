//! The keys of this hub.

use interhub_proto::v1;
use serde::Serialize;

/// `key show`, `key rotate`, `key recover`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeysDocument {
    /// Its id.
    pub hub: String,
    /// By number.
    pub keys: Vec<KeyDocument>,
    /// Public half of its recovery key.
    pub recovery_key: String,
    /// The registry names a key that the node does not have.
    pub replaced: bool,
    /// The recovery key that was just named; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_recovery_key: Option<String>,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyDocument {
    /// Its number.
    pub number: u32,
    /// The public key.
    pub key: String,
    /// `current`, `former` or `stolen`.
    pub state: &'static str,
}

impl From<v1::HubKeys> for KeysDocument {
    fn from(keys: v1::HubKeys) -> Self {
        let shown = keys.keys.into_iter().map(|key| KeyDocument {
            number: key.number,
            state: match v1::KeyState::try_from(key.state) {
                Ok(v1::KeyState::Current) => "current",
                Ok(v1::KeyState::Stolen) => "stolen",
                Ok(v1::KeyState::Former | v1::KeyState::Unspecified) | Err(_) => "former",
            },
            key: key.key,
        });
        Self {
            hub: keys.hub,
            keys: shown.collect(),
            recovery_key: keys.recovery_key,
            replaced: keys.replaced,
            new_recovery_key: Some(keys.new_recovery_key).filter(|key| !key.is_empty()),
        }
    }
}
