//! Invitation links: what a newcomer needs to find the network, in one line that fits a QR code.

use std::collections::BTreeSet;

use data_encoding::BASE64URL_NOPAD;
use prost::Message;

use crate::ids::{HeaderHash, NetworkId};
use crate::registry::check_address;

/// What every link begins with.
pub const PREFIX: &str = "interhub:join/";
/// Longest link in characters.
pub const MAX_LINK: usize = 2_000;
/// Most addresses in a link.
pub const MAX_ADDRESSES: usize = 3;
/// Most decisions a link names. There are several only while hubs decide at the same moment.
pub const MAX_DECISIONS: usize = 16;
/// How long an invitation is good for, if nothing else is said: 7 days, in seconds.
pub const DEFAULT_SECONDS: u64 = 7 * 24 * 3600;
/// Longest life of an invitation: 90 days, in seconds.
pub const MAX_SECONDS: u64 = 90 * 24 * 3600;

/// The content of a link.
#[derive(Clone, PartialEq, Message)]
pub struct Invitation {
    /// Version of this format: 1.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// The network, 16 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub network: Vec<u8>,
    /// The inviter's public key, 32 bytes.
    #[prost(bytes = "vec", tag = "3")]
    pub inviter_key: Vec<u8>,
    /// Addresses of the inviter, `host:port`.
    #[prost(string, repeated, tag = "4")]
    pub addresses: Vec<String>,
    /// The single-use signing key, 32 bytes.
    #[prost(bytes = "vec", tag = "5")]
    pub secret: Vec<u8>,
    /// When it expires, Unix seconds.
    #[prost(uint64, tag = "6")]
    pub expires: u64,
    /// The newest decisions of the network, header hashes of 32 bytes: a newcomer starts from them. At most 16.
    #[prost(bytes = "vec", repeated, tag = "7")]
    pub decisions: Vec<Vec<u8>>,
    /// First four bytes of the BLAKE3 hash of the rest, so that an altered link is noticed before anybody is called.
    #[prost(bytes = "vec", tag = "15")]
    pub check: Vec<u8>,
}

/// An invitation whose parts have the right lengths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The network.
    pub network: NetworkId,
    /// The inviter's public key.
    pub inviter_key: [u8; 32],
    /// Addresses, one to three.
    pub addresses: Vec<String>,
    /// The single-use signing key.
    pub secret: [u8; 32],
    /// Unix seconds.
    pub expires: u64,
    /// The decisions to start from.
    pub decisions: BTreeSet<HeaderHash>,
}

/// A link that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Not an invitation, or not the whole of one.
    #[error("this is not a whole invitation link; copy it again, from `interhub:join/` to its end")]
    Altered,
    /// Of a later version of this format.
    #[error("this invitation was made by a newer version; upgrade this node, or ask for one from an older")]
    Newer,
}

impl Invitation {
    fn checksum(&self) -> Vec<u8> {
        let rest = Self {
            check: Vec::new(),
            ..self.clone()
        };
        blake3::hash(&rest.encode_to_vec()).as_bytes()[..4].to_vec()
    }

    /// The link.
    pub fn link(mut self) -> String {
        self.check = self.checksum();
        format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&self.encode_to_vec()))
    }
}

/// Reads a link.
pub fn read_link(link: &str) -> Result<Checked, LinkError> {
    let link = link.trim();
    if link.len() > MAX_LINK {
        return Err(LinkError::Altered);
    }
    let encoded = link.strip_prefix(PREFIX).ok_or(LinkError::Altered)?;
    let bytes = BASE64URL_NOPAD
        .decode(encoded.as_bytes())
        .map_err(|_| LinkError::Altered)?;
    let invitation = Invitation::decode(bytes.as_slice()).map_err(|_| LinkError::Altered)?;
    if invitation.check != invitation.checksum() {
        return Err(LinkError::Altered);
    }
    if invitation.version != 1 {
        return Err(LinkError::Newer);
    }
    let can_be_called = |address: &String| !address.is_empty() && check_address(address).is_ok();
    let fits = (1..=MAX_ADDRESSES).contains(&invitation.addresses.len());
    if !fits || !invitation.addresses.iter().all(can_be_called) {
        return Err(LinkError::Altered);
    }
    let network = NetworkId::from_slice(&invitation.network).ok_or(LinkError::Altered)?;
    let inviter_key = invitation.inviter_key.try_into().map_err(|_| LinkError::Altered)?;
    let secret = invitation.secret.try_into().map_err(|_| LinkError::Altered)?;
    let decisions: Option<BTreeSet<HeaderHash>> = invitation
        .decisions
        .iter()
        .map(|id| HeaderHash::from_slice(id))
        .collect();
    let decisions = decisions
        .filter(|decisions| decisions.len() <= MAX_DECISIONS)
        .ok_or(LinkError::Altered)?;
    Ok(Checked {
        network,
        inviter_key,
        addresses: invitation.addresses,
        secret,
        expires: invitation.expires,
        decisions,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Invitation {
        Invitation {
            version: 1,
            network: vec![1; 16],
            inviter_key: vec![2; 32],
            addresses: vec!["hub.example:7400".into()],
            secret: vec![3; 32],
            expires: 1_800_000_000,
            decisions: vec![vec![4; 32]],
            check: Vec::new(),
        }
    }

    #[test]
    fn links_round_trip() {
        let link = sample().link();
        let read = read_link(&format!(" {link}\n")).unwrap();
        assert_eq!(read.addresses, vec!["hub.example:7400".to_owned()]);
        assert_eq!(read.secret, [3; 32]);
        assert_eq!(read.decisions, [HeaderHash([4; 32])].into());
        assert!(link.len() < 300, "{}", link.len());
    }

    #[test]
    fn any_altered_character_is_noticed() {
        let link = sample().link();
        for at in PREFIX.len()..link.len() {
            let mut altered = link.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            if altered != link {
                assert!(read_link(&altered).is_err(), "character {at}");
            }
        }
        assert!(read_link("https://example.org").is_err());
        assert!(read_link(&link[..link.len() - 3]).is_err());
    }

    /// They are dialled, and shown in errors.
    #[test]
    fn an_address_that_cannot_be_called_is_no_invitation() {
        for address in ["", "hub.example", "hub.example:0", "\u{1b}[2J:7400", "two words:7400"] {
            let invitation = Invitation {
                addresses: vec!["hub.example:7400".into(), address.into()],
                ..sample()
            };
            assert_eq!(read_link(&invitation.link()), Err(LinkError::Altered), "{address:?}");
        }
    }

    proptest! {
        #[test]
        fn random_links_never_panic(text in ".{0,300}") {
            let _ = read_link(&text);
            let _ = read_link(&format!("{PREFIX}{text}"));
        }
    }
}
