//! Records as they come: what a founder, a newcomer and an operator may write into them.

use prost::Message;

use super::{MAX_ADDRESS, MAX_FOUNDERS, MAX_NETWORK_NAME, MAX_SLUG, Seals};
use crate::body::{Accept, Founding};
use crate::ids::{HubId, NetworkId};

/// A record or statement that breaks a rule of the format. It is kept and relayed, and does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Not protobuf of this version.
    #[error("the record cannot be read")]
    Encoding,
    /// A name, slug or address outside its limits.
    #[error("{field} is not valid: {rule}")]
    Field {
        /// Which.
        field: &'static str,
        /// What it has to be.
        rule: &'static str,
    },
    /// Whoever it speaks for did not sign it.
    #[error("the signature in it does not verify")]
    Signature,
    /// For another network.
    #[error("the record is for another network")]
    Network,
}

/// A slug: 2 to 40 of lower-case letters, digits and inner hyphens.
pub fn check_slug(slug: &str) -> Result<(), RegistryError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = (2..=MAX_SLUG).contains(&slug.len()) && slug.chars().all(allowed);
    if fits && !slug.starts_with('-') && !slug.ends_with('-') {
        return Ok(());
    }
    Err(RegistryError::Field {
        field: "slug",
        rule: "2 to 40 lower-case letters, digits and inner hyphens",
    })
}

/// A federation address: `host:port`, or empty.
pub fn check_address(address: &str) -> Result<(), RegistryError> {
    let error = RegistryError::Field {
        field: "address",
        rule: "host:port, at most 260 characters, or empty",
    };
    if address.is_empty() {
        return Ok(());
    }
    let Some((host, port)) = address.rsplit_once(':') else {
        return Err(error);
    };
    let printable = host.chars().all(|c| c.is_ascii_graphic()) && !host.is_empty();
    match port.parse::<u16>() {
        Ok(1..) if printable && address.len() <= MAX_ADDRESS => Ok(()),
        _ => Err(error),
    }
}

/// What a newcomer signs: a tag, then the encoded accept.
pub fn accept_message(accept: &[u8]) -> Vec<u8> {
    [b"interhub-accept-v1\0".as_slice(), accept].concat()
}

/// An accept whose fields are within their limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedAccept {
    /// The hub it speaks for.
    pub hub: HubId,
    /// Its public key.
    pub public_key: [u8; 32],
    /// Its recovery public key.
    pub recovery_key: [u8; 32],
    /// The slug it asks for.
    pub slug: String,
    /// Where it can be reached.
    pub address: String,
    /// Its counter.
    pub counter: u32,
}

fn check_accept(accept: &Accept) -> Result<CheckedAccept, RegistryError> {
    let key = |bytes: &[u8], field| {
        <[u8; 32]>::try_from(bytes).map_err(|_| RegistryError::Field {
            field,
            rule: "32 bytes",
        })
    };
    let public_key = key(&accept.public_key, "public key")?;
    check_slug(&accept.slug)?;
    check_address(&accept.address)?;
    Ok(CheckedAccept {
        hub: HubId::of_first_key(&public_key),
        public_key,
        recovery_key: key(&accept.recovery_key, "recovery key")?,
        slug: accept.slug.clone(),
        address: accept.address.clone(),
        counter: accept.counter,
    })
}

/// Reads and checks a newcomer's signed accept for this network. `later` gives the keys that a hub which was here before
/// has named since its first one: any of them signs for it.
pub fn read_accept<K: IntoIterator<Item = [u8; 32]>>(
    network: NetworkId,
    bytes: &[u8],
    signature: &[u8],
    later: impl FnOnce(HubId) -> K,
) -> Result<CheckedAccept, RegistryError> {
    read_sealed_accept((network, bytes, signature), &Seals::default(), later)
}

/// The same with what is known of the signature.
pub(super) fn read_sealed_accept<K: IntoIterator<Item = [u8; 32]>>(
    (network, bytes, signature): (NetworkId, &[u8], &[u8]),
    seals: &Seals,
    later: impl FnOnce(HubId) -> K,
) -> Result<CheckedAccept, RegistryError> {
    let accept = Accept::decode(bytes).map_err(|_| RegistryError::Encoding)?;
    if accept.network != network.0 {
        return Err(RegistryError::Network);
    }
    let checked = check_accept(&accept)?;
    // Honest hubs count from 1, so that nothing a stolen key signs comes before the accept that set the recovery key.
    if checked.counter == 0 {
        return Err(RegistryError::Field {
            field: "counter",
            rule: "1 or more",
        });
    }
    let signature: [u8; 64] = signature.try_into().map_err(|_| RegistryError::Signature)?;
    let message = accept_message(bytes);
    let signs = |key: &[u8; 32]| seals.verify(key, &message, &signature).is_ok();
    if signs(&checked.public_key) || later(checked.hub).into_iter().any(|key| signs(&key)) {
        return Ok(checked);
    }
    Err(RegistryError::Signature)
}

/// Reads and checks a founding record.
pub fn read_founding(bytes: &[u8]) -> Result<(Founding, Vec<CheckedAccept>), RegistryError> {
    let record = Founding::decode(bytes).map_err(|_| RegistryError::Encoding)?;
    let name_len = record.name.chars().count();
    if name_len == 0 || name_len > MAX_NETWORK_NAME || record.name.chars().any(char::is_control) {
        return Err(RegistryError::Field {
            field: "network name",
            rule: "1 to 80 characters on one line",
        });
    }
    if record.founders.is_empty() || record.founders.len() > MAX_FOUNDERS {
        return Err(RegistryError::Field {
            field: "founders",
            rule: "1 to 64 hubs",
        });
    }
    let founders = record
        .founders
        .iter()
        .map(check_accept)
        .collect::<Result<Vec<_>, _>>()?;
    Ok((record, founders))
}

impl CheckedAccept {
    /// Which of two accepts of one hub speaks for it: the higher counter, then whatever tells them apart.
    pub(super) fn order(&self) -> (u32, &str, &str, [u8; 32]) {
        (self.counter, &self.slug, &self.address, self.recovery_key)
    }
}
