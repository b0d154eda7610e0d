//! Who belongs: the roster as a pure function of the statements held.
//!
//! A network begins with a founding record; all else are statements in the registry logs. They count one by one:
//! neither their order nor a fork of the log that carries them changes anything. Founding hubs are voters. A voter's
//! `admit`, which carries the newcomer's own signed `accept`, makes a hub a guest: it shares everything, but neither
//! votes nor invites. A voter has at most ten guests, further ones wait.
//!
//! Decisions (seating a guest, removing a hub, replacing a key, changing the rules) belong to a later version; their
//! place in the format is [`crate::body::Said::Later`], which is held and relayed and does not count here.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;

use crate::body::{Accept, Founding, Said};
use crate::envelope::verify;
use crate::ids::{HeaderHash, HubId, NetworkId};

/// Guests a voter may have at once where the founding record does not say otherwise.
pub const GUESTS_PER_VOTER: usize = 10;
/// Longest slug in characters.
pub const MAX_SLUG: usize = 40;
/// Longest network name in characters.
pub const MAX_NETWORK_NAME: usize = 80;
/// Longest address in bytes: a DNS name (253), a colon and a port.
pub const MAX_ADDRESS: usize = 260;
/// Founding hubs a record may name; a bound on what one record makes a node compute.
pub const MAX_FOUNDERS: usize = 64;

/// Where a hub stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It belongs.
    Active,
    /// Its admission waits: the admitting voter has its guests already.
    Pending,
    /// It left by its own statement.
    Left,
    /// Its admission was taken back.
    Removed,
}

/// One statement held: which envelope, who signed it, when by its clock, what.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldStatement {
    /// The envelope.
    pub hash: HeaderHash,
    /// Its signer.
    pub hub: HubId,
    /// Its hybrid clock.
    pub clock: u64,
    /// What it says.
    pub said: Said,
}

/// One hub of the roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The hub.
    pub id: HubId,
    /// Its public keys by number, oldest first; never empty.
    pub keys: Vec<[u8; 32]>,
    /// Its recovery public key.
    pub recovery_key: [u8; 32],
    /// The slug it asked for.
    pub slug: String,
    /// The slug shown: clashing guests carry four digits of their id.
    pub shown_slug: String,
    /// Where its node can be reached; empty behind NAT.
    pub address: String,
    /// Where it stands.
    pub standing: Standing,
    /// Whether it votes.
    pub voter: bool,
    /// The voter that admitted it, for guests.
    pub guest_of: Option<HubId>,
    /// The counter of the accept or leave that speaks for it now.
    pub counter: u32,
}

impl Member {
    /// The key with this number.
    pub fn key(&self, number: u16) -> Option<[u8; 32]> {
        self.keys.get(usize::from(number)).copied()
    }

    /// The key it signs with now, and its number.
    pub fn current_key(&self) -> ([u8; 32], u16) {
        let number = u16::try_from(self.keys.len().saturating_sub(1)).unwrap_or(u16::MAX);
        (self.keys.last().copied().unwrap_or_default(), number)
    }
}

/// Who belongs, computed by [`Roster::compute`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roster {
    /// The network's name; empty before its founding record is held.
    pub name: String,
    /// Every hub that was ever named by a founder or a voter.
    pub members: BTreeMap<HubId, Member>,
}

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
    /// The newcomer did not sign this.
    #[error("the newcomer's signature does not verify")]
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

/// Reads and checks a newcomer's signed accept for this network.
pub fn read_accept(network: NetworkId, bytes: &[u8], signature: &[u8]) -> Result<CheckedAccept, RegistryError> {
    let accept = Accept::decode(bytes).map_err(|_| RegistryError::Encoding)?;
    if accept.network != network.0 {
        return Err(RegistryError::Network);
    }
    let checked = check_accept(&accept)?;
    let signature: [u8; 64] = signature.try_into().map_err(|_| RegistryError::Signature)?;
    verify(&checked.public_key, &accept_message(bytes), &signature).map_err(|_| RegistryError::Signature)?;
    Ok(checked)
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

/// An admission that carries a valid accept, by a voter.
struct Admission {
    clock: u64,
    hash: HeaderHash,
    voter: HubId,
    accept: CheckedAccept,
}

impl Roster {
    /// Computes the roster. `statements` may come in any order and repeat; the result is the same.
    pub fn compute(network: NetworkId, statements: &[HeldStatement]) -> Self {
        let mut roster = Self::default();
        let mut guests_per_voter = GUESTS_PER_VOTER;
        for statement in statements {
            let Said::Founding(bytes) = &statement.said else {
                continue;
            };
            if NetworkId::of_genesis(bytes) != network {
                continue;
            }
            let Ok((record, founders)) = read_founding(bytes) else {
                continue;
            };
            roster.name = record.name;
            if record.guests_per_voter > 0 {
                guests_per_voter = record.guests_per_voter as usize;
            }
            for founder in founders {
                roster
                    .members
                    .insert(founder.hub, founder.into_member(Standing::Active, true, None));
            }
        }
        roster.admit(network, statements, guests_per_voter);
        roster.apply_leaves(statements);
        roster.apply_addresses(statements);
        roster.show_slugs();
        roster
    }

    fn admit(&mut self, network: NetworkId, statements: &[HeldStatement], guests_per_voter: usize) {
        let voters: BTreeSet<HubId> = self.members.keys().copied().collect();
        let withdrawn: BTreeMap<(HubId, HubId), u32> = withdrawals(statements);
        let mut admissions: Vec<Admission> = Vec::new();
        for statement in statements.iter().filter(|statement| voters.contains(&statement.hub)) {
            let Said::Admit(admit) = &statement.said else { continue };
            let Ok(accept) = read_accept(network, &admit.accept, &admit.signature) else {
                continue;
            };
            let (clock, hash, voter) = (statement.clock, statement.hash, statement.hub);
            admissions.push(Admission {
                clock,
                hash,
                voter,
                accept,
            });
        }
        admissions.sort_by_key(|admission| (admission.clock, admission.hash));
        admissions.dedup_by_key(|admission| admission.hash);

        // The newest accept of a hub, in its own counting, is what speaks for it.
        let mut newest: BTreeMap<HubId, CheckedAccept> = BTreeMap::new();
        for Admission { accept, .. } in &admissions {
            let better = newest
                .get(&accept.hub)
                .is_none_or(|known| accept.order() > known.order());
            if better {
                newest.insert(accept.hub, accept.clone());
            }
        }
        let left = leaves(statements);
        let mut guests: BTreeMap<HubId, BTreeSet<HubId>> = BTreeMap::new();
        for Admission { voter, accept, .. } in admissions {
            let hub = accept.hub;
            if voters.contains(&hub) {
                // A founder that left comes back by its own newer accept; it stays a voter.
                if let Some(member) = self.members.get_mut(&hub) {
                    member.counter = member.counter.max(accept.counter);
                }
                continue;
            }
            let taken_back = withdrawn
                .get(&(voter, hub))
                .is_some_and(|counter| *counter >= accept.counter);
            let has_left = left.get(&hub).is_some_and(|counter| *counter >= accept.counter);
            let place = guests.entry(voter).or_default();
            let standing = if taken_back {
                Standing::Removed
            } else if has_left {
                Standing::Left
            } else if place.contains(&hub) || place.len() < guests_per_voter {
                place.insert(hub);
                Standing::Active
            } else {
                Standing::Pending
            };
            let speaks = newest.get(&hub).cloned().unwrap_or(accept);
            let known = self
                .members
                .entry(hub)
                .or_insert_with(|| speaks.into_member(standing, false, Some(voter)));
            if standing == Standing::Active && known.standing != Standing::Active {
                known.standing = standing;
                known.guest_of = Some(voter);
            }
        }
    }

    fn apply_leaves(&mut self, statements: &[HeldStatement]) {
        for (hub, counter) in leaves(statements) {
            if let Some(member) = self.members.get_mut(&hub).filter(|member| counter > member.counter) {
                member.counter = counter;
                member.standing = Standing::Left;
            }
        }
    }

    fn apply_addresses(&mut self, statements: &[HeldStatement]) {
        let mut newest: BTreeMap<HubId, (u64, HeaderHash, &str)> = BTreeMap::new();
        for statement in statements {
            let Said::Address(address) = &statement.said else {
                continue;
            };
            if check_address(&address.address).is_err() {
                continue;
            }
            let candidate = (statement.clock, statement.hash, address.address.as_str());
            let entry = newest.entry(statement.hub).or_insert(candidate);
            *entry = candidate.max(*entry);
        }
        for (hub, (_, _, address)) in newest {
            if let Some(member) = self.members.get_mut(&hub) {
                address.clone_into(&mut member.address);
            }
        }
    }

    /// A voter's slug is its own; guests that clash with anyone carry four digits of their id.
    fn show_slugs(&mut self) {
        let mut wanted: BTreeMap<String, usize> = BTreeMap::new();
        for member in self.members.values() {
            *wanted.entry(member.slug.clone()).or_default() += 1;
        }
        let mut voters_slugs = BTreeSet::new();
        for member in self.members.values_mut() {
            let clash = wanted.get(&member.slug).copied().unwrap_or_default() > 1;
            let keeps_it = member.voter && voters_slugs.insert(member.slug.clone());
            member.shown_slug = if clash && !keeps_it {
                format!("{}-{}", member.slug, &member.id.to_string()[..4])
            } else {
                member.slug.clone()
            };
        }
    }

    /// The key of a hub by number, whatever its standing: what it once signed still verifies.
    pub fn key(&self, hub: HubId, number: u16) -> Option<[u8; 32]> {
        self.members.get(&hub)?.key(number)
    }

    /// Whether this hub belongs now.
    pub fn is_active(&self, hub: HubId) -> bool {
        self.members
            .get(&hub)
            .is_some_and(|member| member.standing == Standing::Active)
    }

    /// The hub whose shown slug this is.
    pub fn by_slug(&self, slug: &str) -> Option<&Member> {
        self.members.values().find(|member| member.shown_slug == slug)
    }

    /// The member that has (or had) this public key.
    pub fn by_key(&self, public_key: &[u8; 32]) -> Option<&Member> {
        self.members.values().find(|member| member.keys.contains(public_key))
    }

    /// Guests of this voter that are active now.
    pub fn guests_of(&self, voter: HubId) -> usize {
        let is_guest = |member: &&Member| member.guest_of == Some(voter) && member.standing == Standing::Active;
        self.members.values().filter(is_guest).count()
    }
}

impl CheckedAccept {
    /// Which of two accepts of one hub speaks for it: the higher counter, then whatever tells them apart.
    fn order(&self) -> (u32, &str, &str, [u8; 32]) {
        (self.counter, &self.slug, &self.address, self.recovery_key)
    }

    fn into_member(self, standing: Standing, voter: bool, guest_of: Option<HubId>) -> Member {
        Member {
            id: self.hub,
            keys: vec![self.public_key],
            recovery_key: self.recovery_key,
            shown_slug: self.slug.clone(),
            slug: self.slug,
            address: self.address,
            standing,
            voter,
            guest_of,
            counter: self.counter,
        }
    }
}

/// The highest leave of each hub.
fn leaves(statements: &[HeldStatement]) -> BTreeMap<HubId, u32> {
    let mut out = BTreeMap::new();
    for statement in statements {
        let Said::Leave(leave) = &statement.said else { continue };
        let counter = out.entry(statement.hub).or_insert(leave.counter);
        *counter = leave.counter.max(*counter);
    }
    out
}

/// The highest withdrawal of each (voter, guest).
fn withdrawals(statements: &[HeldStatement]) -> BTreeMap<(HubId, HubId), u32> {
    let mut out = BTreeMap::new();
    for statement in statements {
        let Said::Withdraw(withdraw) = &statement.said else {
            continue;
        };
        let Some(guest) = HubId::from_slice(&withdraw.hub) else {
            continue;
        };
        let counter = out.entry((statement.hub, guest)).or_insert(withdraw.counter);
        *counter = withdraw.counter.max(*counter);
    }
    out
}

#[cfg(test)]
mod tests;
