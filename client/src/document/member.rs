//! Members.

use std::collections::BTreeMap;

use interhub_proto::v1;
use serde::Serialize;

use super::{instant, present};

/// A member, as far as the asker may see them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct MemberDocument {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Slug of their hub.
    pub hub: String,
    /// They are this hub's.
    pub own: bool,
    /// `person` or `organisation`.
    pub kind: String,
    /// As they want it shown.
    pub name: String,
    /// One line.
    pub headline: Option<String>,
    /// Plain text.
    pub biography: Option<String>,
    /// One line each.
    pub skills: Vec<String>,
    /// What they offer.
    pub offers: Vec<ListingDocument>,
    /// What they look for.
    pub wants: Vec<ListingDocument>,
    /// BCP 47.
    pub languages: Vec<String>,
    /// Addresses on the web.
    pub links: Vec<LinkDocument>,
    /// There is a picture of them.
    pub photo: bool,
    /// What they are at the hub.
    pub role: Option<String>,
    /// One line each.
    pub projects: Vec<String>,
    /// One line each.
    pub programmes: Vec<String>,
    /// What kind of membership.
    pub tier: Option<String>,
    /// `active`, `paused` or `moved_on`.
    pub status: String,
    /// The last day of the membership.
    pub valid_until: Option<String>,
    /// Other hubs hold a card of them.
    pub has_card: bool,
    /// Who may see what, by field; of this hub's members.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub audiences: BTreeMap<String, AudienceDocument>,
    /// What stays at the hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalDocument>,
    /// What they agreed to, the newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<ConsentDocument>,
    /// Since when the record is there.
    pub created: Option<String>,
    /// When it was last changed.
    pub updated: Option<String>,
}

/// One thing that is offered, or looked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ListingDocument {
    /// What.
    pub what: String,
    /// `sell`, `give`, `lend`, `teach` or `swap`.
    pub way: Option<String>,
    /// The last day on which it holds.
    pub until: Option<String>,
}

/// An address on the web.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LinkDocument {
    /// What it leads to.
    pub label: Option<String>,
    /// The address.
    pub url: String,
}

/// Who may see a field.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct AudienceDocument {
    /// Who is to see it.
    pub chosen: String,
    /// Who may.
    pub audience: String,
}

/// What stays at the hub.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LocalDocument {
    /// Where to write to.
    pub mail: Option<String>,
    /// Where to call.
    pub phone: Option<String>,
    /// What the staff noted.
    pub notes: Option<String>,
    /// The number in the hub's own books.
    pub number: Option<String>,
}

/// What a member agreed to.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ConsentDocument {
    /// What it is called by.
    pub id: String,
    /// When.
    pub at: Option<String>,
    /// `network` or `public`.
    pub audience: String,
    /// The fields.
    pub fields: Vec<String>,
    /// Which wording.
    pub text_version: String,
    /// How.
    pub channel: Option<String>,
    /// Who put it on record.
    pub recorded_by: String,
    /// Since when it does not hold any more.
    pub withdrawn: Option<String>,
}

impl From<v1::Member> for MemberDocument {
    fn from(member: v1::Member) -> Self {
        let listings = |all: Vec<v1::Listing>| all.into_iter().map(listing).collect();
        let audience = |one: v1::FieldAudience| {
            let said = AudienceDocument {
                chosen: one.chosen,
                audience: one.audience,
            };
            (one.field, said)
        };
        let local = LocalDocument {
            mail: present(&member.mail),
            phone: present(&member.phone),
            notes: present(&member.notes),
            number: present(&member.number),
        };
        let links = member.links.into_iter().map(|link| LinkDocument {
            label: present(&link.label),
            url: link.url,
        });
        Self {
            headline: present(&member.headline),
            biography: present(&member.biography),
            offers: listings(member.offers),
            wants: listings(member.wants),
            links: links.collect(),
            role: present(&member.role),
            tier: present(&member.tier),
            valid_until: present(&member.valid_until),
            audiences: member.audiences.into_iter().map(audience).collect(),
            local: member.own.then_some(local),
            consents: member.consents.into_iter().map(consent).collect(),
            created: instant(member.created.as_ref()),
            updated: instant(member.updated.as_ref()),
            photo: !member.photo.is_empty(),
            id: member.id,
            hub: member.hub,
            own: member.own,
            kind: member.kind,
            name: member.name,
            skills: member.skills,
            languages: member.languages,
            projects: member.projects,
            programmes: member.programmes,
            status: member.status,
            has_card: member.has_card,
        }
    }
}

fn listing(one: v1::Listing) -> ListingDocument {
    ListingDocument {
        way: present(&one.way),
        until: present(&one.until),
        what: one.what,
    }
}

fn consent(one: v1::MemberConsent) -> ConsentDocument {
    ConsentDocument {
        at: instant(one.at.as_ref()),
        channel: present(&one.channel),
        withdrawn: instant(one.withdrawn.as_ref()),
        id: one.id,
        audience: one.audience,
        fields: one.fields,
        text_version: one.text_version,
        recorded_by: one.recorded_by,
    }
}

/// `member list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct MembersDocument {
    /// By name.
    pub members: Vec<MemberDocument>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// `member erase`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ErasedMemberDocument {
    /// The member.
    pub id: String,
    /// There was a card, which other hubs erase as each is reached.
    pub card: bool,
}

/// `member link`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PageLinkDocument {
    /// The link. Whoever has it opens the page, once.
    pub url: String,
    /// Until when it is good.
    pub expires: Option<String>,
    /// The member.
    pub member: String,
    /// It was handed to the mail server.
    pub mailed: bool,
}

impl From<v1::MemberPageLinkResponse> for PageLinkDocument {
    fn from(made: v1::MemberPageLinkResponse) -> Self {
        Self {
            expires: instant(made.expires.as_ref()),
            url: made.url,
            member: made.id,
            mailed: made.mailed,
        }
    }
}

/// `member invite`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct MemberInvitationsDocument {
    /// Members who are written to now.
    pub invited: u64,
    /// Members who were invited before, or have been on their page.
    pub known: u64,
    /// Members without a mail address.
    pub without_address: u64,
}

impl From<v1::InviteMembersResponse> for MemberInvitationsDocument {
    fn from(said: v1::InviteMembersResponse) -> Self {
        Self {
            invited: said.invited,
            known: said.known,
            without_address: said.without_address,
        }
    }
}

/// `member receipts`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ReceiptsDocument {
    /// The member.
    pub member: String,
    /// When it was asked for.
    pub requested: Option<String>,
    /// This hub first, then every other that may have held the card.
    pub hubs: Vec<HubErasureDocument>,
}

/// One hub of `member receipts`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct HubErasureDocument {
    /// The hub.
    pub slug: String,
    /// `erased`, `pending`, `unreachable`, `removed` or `refused`.
    pub state: String,
    /// Since when.
    pub at: Option<String>,
    /// Until when a backup of the hub may hold the card.
    pub backups_until: Option<String>,
}

impl From<v1::MemberReceiptsResponse> for ReceiptsDocument {
    fn from(found: v1::MemberReceiptsResponse) -> Self {
        let hub = |one: v1::HubErasure| HubErasureDocument {
            at: instant(one.at.as_ref()),
            backups_until: instant(one.backups_until.as_ref()),
            slug: one.slug,
            state: one.state,
        };
        Self {
            member: found.id,
            requested: instant(found.requested.as_ref()),
            hubs: found.hubs.into_iter().map(hub).collect(),
        }
    }
}

/// `member suggest`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SuggestionsDocument {
    /// The likeliest first.
    pub suggestions: Vec<SuggestionDocument>,
}

/// Somebody who looks for something, and somebody who offers it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SuggestionDocument {
    /// Who looks for it.
    pub seeker: PartyDocument,
    /// What they look for.
    pub want: ListingDocument,
    /// Who offers it.
    pub giver: PartyDocument,
    /// What they offer.
    pub offer: ListingDocument,
}

/// One of the two.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PartyDocument {
    /// 32 hexadecimal digits.
    pub id: String,
    /// As they want it shown.
    pub name: String,
    /// Slug of their hub.
    pub hub: String,
    /// They are this hub's.
    pub own: bool,
}

impl From<Vec<v1::SuggestedIntroduction>> for SuggestionsDocument {
    fn from(found: Vec<v1::SuggestedIntroduction>) -> Self {
        let party = |party: Option<v1::SuggestedMember>| {
            let party = party.unwrap_or_default();
            PartyDocument {
                id: party.id,
                name: party.name,
                hub: party.hub,
                own: party.own,
            }
        };
        let suggestion = |one: v1::SuggestedIntroduction| SuggestionDocument {
            seeker: party(one.seeker),
            want: listing(one.want.unwrap_or_default()),
            giver: party(one.giver),
            offer: listing(one.offer.unwrap_or_default()),
        };
        Self {
            suggestions: found.into_iter().map(suggestion).collect(),
        }
    }
}
