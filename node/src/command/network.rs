//! Networks and hubs: create, show, invite, join, list, leave.

use interhub_domain::envelope::{SigningKey, public_key};
use interhub_domain::ids::{HubId, NetworkId};
use interhub_domain::invitation::{self, Checked, DEFAULT_SECONDS, Invitation, MAX_DECISIONS, MAX_SECONDS};
use interhub_domain::registry::Standing;

use super::decision::explain_hub;
use super::{Class, CommandError, Commands};
use crate::clock::random_bytes;
use crate::peer::JoinRequest;
use crate::projection::{HubRow, HubStatus};
use crate::sync::{WriteError, invitation_message};

/// What `network show` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkInfo {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: NetworkId,
    /// When it was founded, Unix milliseconds.
    pub founded_ms: i64,
    /// Slug of the founder.
    pub founder: String,
    /// Active hubs.
    pub hubs: u32,
    /// Hubs that vote.
    pub voters: u32,
    /// Hubs that do not.
    pub guests: u32,
}

/// A hub with what is known of the way to it.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownHub {
    /// Registry and profile.
    pub row: HubRow,
    /// Whether there is a stream with it.
    pub connected: bool,
    /// When something was last heard from it, Unix milliseconds.
    pub last_heard_ms: Option<i64>,
    /// Envelopes it does not have yet.
    pub lag_envelopes: Option<u64>,
    /// Everything it had published at this moment is here, Unix milliseconds.
    pub as_of_ms: Option<i64>,
    /// Slug of the hub that admitted it.
    pub guest_of: Option<String>,
    /// Runs of its node that wrote.
    pub epochs: u32,
    /// It signed two envelopes with one number.
    pub fork: bool,
    /// By how much its clock is ahead of this one's, milliseconds, if by more than ten minutes.
    pub clock_ahead_ms: Option<i64>,
    /// This node does not want to talk to it.
    pub blocked: bool,
    /// How it came to stand where it stands, a sentence each.
    pub explanation: Vec<String>,
}

/// An invitation made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// The link.
    pub link: String,
    /// When it expires, Unix milliseconds.
    pub expires_ms: i64,
}

/// What `join` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedNetwork {
    /// The network's name.
    pub network: String,
    /// The own slug, as shown there.
    pub slug: String,
    /// Active, or waiting.
    pub status: HubStatus,
}

impl Commands {
    /// Founds a network.
    pub async fn create_network(&self, name: String) -> Result<NetworkInfo, CommandError> {
        self.blocking("network create", move |this| {
            this.ledger.create_network(&name)?;
            this.network_info()
        })
        .await
    }

    /// Shows the network.
    pub async fn show_network(&self) -> Result<NetworkInfo, CommandError> {
        self.blocking("network show", Self::network_info).await
    }

    fn network_info(&self) -> Result<NetworkInfo, CommandError> {
        let id = self.ledger.network().ok_or(WriteError::NoNetwork)?;
        let roster = self.ledger.roster();
        let founded_ms = self.ledger.founded_ms().unwrap_or_default();
        let active = || {
            roster
                .members
                .values()
                .filter(|member| member.standing == Standing::Active)
        };
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let voters = active().filter(|member| member.voter).count();
        let founder = roster
            .founder
            .and_then(|founder| roster.members.get(&founder))
            .map(|member| member.shown_slug.clone());
        Ok(NetworkInfo {
            name: roster.name.clone(),
            id,
            founded_ms,
            founder: founder.unwrap_or_default(),
            hubs: count(active().count()),
            voters: count(voters),
            guests: count(active().count() - voters),
        })
    }

    /// Makes an invitation for one hub.
    pub async fn invite(&self, expires_seconds: Option<u64>) -> Result<Invited, CommandError> {
        self.blocking("invite", move |this| {
            let network = this.ledger.network().ok_or(WriteError::NoNetwork)?;
            let seconds = expires_seconds.unwrap_or(DEFAULT_SECONDS);
            if seconds == 0 || seconds > MAX_SECONDS {
                return Err(CommandError::usage("an invitation is good for between one second and 90 days"));
            }
            let own = this.ledger.own();
            if own.address.is_empty() {
                let advice = "this node has no federation address; set federation_address in interhub.toml to a host:port others can reach, and restart";
                return Err(CommandError::new(Class::Precondition, advice));
            }
            let secret: [u8; 32] = random_bytes(&*this.clock);
            let expires_ms = this.clock.now_ms().saturating_add(i64::try_from(seconds * 1000).unwrap_or(i64::MAX));
            this.ledger.open_invitation(public_key(&SigningKey::from(secret)), expires_ms)?;
            let heads = this.ledger.roster().ballots.heads();
            let link = Invitation {
                version: 1,
                network: network.0.to_vec(),
                inviter_key: own.public_key().to_vec(),
                addresses: vec![own.address.clone()],
                secret: secret.to_vec(),
                expires: u64::try_from(expires_ms / 1000).unwrap_or_default(),
                decisions: heads.iter().take(MAX_DECISIONS).map(|id| id.0.to_vec()).collect(),
                check: Vec::new(),
            }
            .link();
            Ok(Invited { link, expires_ms })
        })
        .await
    }

    /// Joins a network with an invitation.
    pub async fn join(&self, link: String) -> Result<JoinedNetwork, CommandError> {
        let invitation = invitation::read_link(&link)?;
        let now = u64::try_from(self.clock.now_ms() / 1000).unwrap_or_default();
        if invitation.expires <= now {
            return Err(CommandError::refused(
                "this invitation has expired; ask the hub's operator for a new one",
            ));
        }
        let neighbours = self.neighbours.get().cloned().ok_or_else(|| {
            CommandError::new(
                Class::Failed,
                "this node runs without peers; start it without --without-peers",
            )
        })?;
        let request = self.join_request(&invitation)?;
        let mut last = CommandError::new(Class::Unreachable, "the invitation names no address; ask for a new one");
        for address in &invitation.addresses {
            if self.has_a_later_key(invitation.network) {
                // To a hub that does not know it the key would be another hub's first one, and this folder two hubs.
                let known = JoinRequest::of_a_member(invitation.network, Vec::new());
                match neighbours.join(address, invitation.inviter_key, &known).await {
                    Ok(_) => {}
                    Err(error) if error.class == Class::Unreachable => {
                        last = error;
                        continue;
                    }
                    Err(error) => {
                        return Err(CommandError::refused(format!(
                            "the key of this folder is not known there as its hub's: the word of the last key change was lost \
                             with the disk. The hub is found again with its recovery key: `interhubd init --recover`. The answer \
                             was: {}",
                            error.message
                        )));
                    }
                }
            }
            match neighbours.join(address, invitation.inviter_key, &request).await {
                Ok(joined) => return self.enter(&invitation, joined).await,
                Err(error) if error.class == Class::Unreachable => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// Whether the key of this folder came after the one that made its hub's id, which another hub has to know.
    fn has_a_later_key(&self, network: NetworkId) -> bool {
        let first = HubId::of_first_key(&self.ledger.own().public_key());
        first != self.ledger.own_id() && self.ledger.recovering(network).is_none()
    }

    fn join_request(&self, invitation: &Checked) -> Result<JoinRequest, CommandError> {
        if let Some(request) = self.ledger.recovering(invitation.network) {
            return Ok(request);
        }
        let (accept, accept_signature) = self.ledger.sign_accept(invitation.network)?;
        let secret = SigningKey::from(invitation.secret);
        let invitation_key = public_key(&secret);
        let message = invitation_message(invitation.network, self.ledger.own().public_key(), invitation_key);
        Ok(JoinRequest {
            next_keys: Vec::new(),
            admission: Vec::new(),
            network: invitation.network,
            invitation_key,
            invitation_signature: secret.sign(&message).to_bytes(),
            accept,
            accept_signature,
        })
    }

    async fn enter(&self, invitation: &Checked, joined: crate::peer::Joined) -> Result<JoinedNetwork, CommandError> {
        let (network, decisions) = (invitation.network, invitation.decisions.clone());
        let entered = self
            .blocking("join", move |this| {
                let own_id = if this.ledger.recovering(network).is_some() {
                    this.ledger.enter_recovered(network, &joined.registry, &decisions)?
                } else {
                    this.ledger.enter_network(network, &joined.registry, &decisions)?;
                    this.ledger.own_id()
                };
                let roster = this.ledger.roster();
                let own = roster
                    .members
                    .get(&own_id)
                    .ok_or_else(|| CommandError::new(Class::Failed, "the inviter's answer does not name this hub"))?;
                Ok(JoinedNetwork {
                    network: roster.name.clone(),
                    slug: own.shown_slug.clone(),
                    status: status_of(own.standing),
                })
            })
            .await?;
        if let Some(neighbours) = self.neighbours.get() {
            neighbours.call_now();
        }
        Ok(entered)
    }

    /// All hubs of the network, the own one included, by slug.
    pub async fn list_hubs(&self) -> Result<Vec<ShownHub>, CommandError> {
        self.blocking("hub list", |this| {
            let rows = this.views.hubs()?;
            let mut out: Vec<ShownHub> = rows.iter().map(|row| this.shown_hub(row.clone(), &rows)).collect();
            out.sort_by(|one, other| one.row.slug.cmp(&other.row.slug));
            Ok(out)
        })
        .await
    }

    /// One hub by slug or id.
    pub async fn show_hub(&self, slug: String) -> Result<ShownHub, CommandError> {
        self.blocking("hub show", move |this| {
            let row = this.views.hub(&slug)?.ok_or_else(|| {
                CommandError::not_found(format!("there is no hub {slug:.60?}; `interhub hub list` shows them"))
            })?;
            let rows = this.views.hubs()?;
            Ok(this.shown_hub(row, &rows))
        })
        .await
    }

    /// Leaves the network.
    pub async fn leave(&self) -> Result<ShownHub, CommandError> {
        self.blocking("hub leave", |this| {
            this.ledger.leave()?;
            let rows = this.views.hubs()?;
            let own = rows.iter().find(|row| row.own).cloned().ok_or(WriteError::NoNetwork)?;
            Ok(this.shown_hub(own, &rows))
        })
        .await
    }

    fn shown_hub(&self, row: HubRow, rows: &[HubRow]) -> ShownHub {
        let peer = self.peer_status().into_iter().find(|peer| peer.hub == row.id);
        let slug_of = |id: HubId| rows.iter().find(|other| other.id == id).map(|other| other.slug.clone());
        let heard = self.ledger.heard_ms(row.id);
        let (roster, blocked) = (self.ledger.roster(), self.ledger.blocked().contains(&row.id));
        let member = roster.members.get(&row.id);
        let explained = member.map(|member| explain_hub(&roster, self.ledger.own_id(), blocked, member));
        ShownHub {
            blocked,
            explanation: explained.unwrap_or_default(),
            connected: row.own || peer.as_ref().is_some_and(|peer| peer.connected),
            last_heard_ms: peer.as_ref().and_then(|peer| peer.last_heard_ms).or(heard),
            lag_envelopes: peer.as_ref().and_then(|peer| peer.lag_envelopes),
            as_of_ms: self.as_of_ms(row.id),
            guest_of: row.guest_of.and_then(slug_of),
            epochs: self.ledger.epochs_of(row.id),
            fork: self.ledger.forked_hubs().contains(&row.id),
            clock_ahead_ms: self.ledger.clock_ahead_ms(row.id),
            row,
        }
    }
}

/// A standing as it is shown.
pub const fn status_of(standing: Standing) -> HubStatus {
    match standing {
        Standing::Active => HubStatus::Active,
        Standing::Pending => HubStatus::Pending,
        Standing::Left => HubStatus::Left,
        Standing::Removed => HubStatus::Removed,
    }
}
