//! Networks, hubs and invitations.

use interhub_proto::v1;
use serde::Serialize;

use super::{instant, present};

/// `network create`, `network show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are those of interhub.v1.NetworkInfo, documented there"
)]
pub struct NetworkDocument {
    pub name: String,
    pub id: String,
    pub founded: Option<String>,
    pub founder: Option<String>,
    pub hubs: u32,
    pub voters: u32,
    pub guests: u32,
}

impl From<v1::NetworkInfo> for NetworkDocument {
    fn from(network: v1::NetworkInfo) -> Self {
        Self {
            founded: instant(network.founded.as_ref()),
            founder: present(&network.founder),
            name: network.name,
            id: network.id,
            hubs: network.hubs,
            voters: network.voters,
            guests: network.guests,
        }
    }
}

/// `invite`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InviteDocument {
    /// Whoever has it can use it, once.
    pub link: String,
    /// Until when.
    pub expires: Option<String>,
}

impl From<v1::InviteResponse> for InviteDocument {
    fn from(invite: v1::InviteResponse) -> Self {
        Self {
            expires: instant(invite.expires.as_ref()),
            link: invite.link,
        }
    }
}

/// `join`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JoinDocument {
    /// Name of the network.
    pub network: String,
    /// This hub's slug there.
    pub slug: String,
    /// `active` or `pending`.
    pub status: &'static str,
}

impl From<v1::JoinNetworkResponse> for JoinDocument {
    fn from(join: v1::JoinNetworkResponse) -> Self {
        Self {
            status: status_name(join.status),
            network: join.network,
            slug: join.slug,
        }
    }
}

/// `hub list`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HubsDocument {
    /// Ordered by slug.
    pub hubs: Vec<HubDocument>,
}

/// `hub show`, `hub leave`, and an entry of `hub list`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of interhub.v1.Hub, documented there")]
pub struct HubDocument {
    pub slug: String,
    pub name: String,
    pub id: String,
    #[serde(rename = "self")]
    pub own: bool,
    pub status: &'static str,
    pub connected: bool,
    pub last_heard: Option<String>,
    pub lag_envelopes: Option<u64>,
    pub as_of: Option<String>,
    pub voter: bool,
    pub guest_of: Option<String>,
    pub epochs: u32,
    pub fork: bool,
    pub clock_ahead_ms: Option<i64>,
    pub honour_rate: Option<f64>,
    pub address: Option<String>,
    pub locality: Option<String>,
    pub country: Option<String>,
    pub timezone: Option<String>,
    pub lat: Option<f64>,
    pub lon: Option<f64>,
    pub web_url: Option<String>,
    pub description: String,
    pub blocked: bool,
    pub explanation: Vec<String>,
}

impl From<v1::Hub> for HubDocument {
    fn from(hub: v1::Hub) -> Self {
        Self {
            own: hub.self_,
            status: status_name(hub.status),
            last_heard: instant(hub.last_heard.as_ref()),
            as_of: instant(hub.as_of.as_ref()),
            address: present(&hub.address),
            locality: present(&hub.locality),
            country: present(&hub.country),
            timezone: present(&hub.timezone),
            lat: hub.at.map(|point| point.lat),
            lon: hub.at.map(|point| point.lon),
            web_url: present(&hub.web_url),
            slug: hub.slug,
            name: hub.name,
            id: hub.id,
            connected: hub.connected,
            lag_envelopes: hub.lag_envelopes,
            voter: hub.voter,
            guest_of: hub.guest_of,
            epochs: hub.epochs,
            fork: hub.fork,
            clock_ahead_ms: hub.clock_ahead_ms,
            honour_rate: hub.honour_rate,
            description: hub.description,
            blocked: hub.blocked,
            explanation: hub.explanation,
        }
    }
}

fn status_name(status: i32) -> &'static str {
    match v1::HubStatus::try_from(status) {
        Ok(v1::HubStatus::Active) => "active",
        Ok(v1::HubStatus::Removed) => "removed",
        Ok(v1::HubStatus::Left) => "left",
        Ok(v1::HubStatus::Pending | v1::HubStatus::Unspecified) | Err(_) => "pending",
    }
}
