//! Members, to the wire and from it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use interhub_domain::contacts::{Column, Difference, Format};
use interhub_domain::member::{Audience, Field, Kind, Link, Listing, Member, Said, Status, Until, Way};
use interhub_domain::profile::Point;
use interhub_proto::v1;
use jiff::civil::Date;

use super::answer::timestamp;
use crate::command::CommandError;
use crate::command::member::{
    HubErasure, ImportedMembers, MemberChange, MemberFields, MemberFormat, MemberImport, MemberQuery, MemberReceipts,
    NewConsent, Party, ShownMember, Suggestion,
};
use crate::command::own_page::MemberLink;

/// Most columns of a table that are told what they are.
const MAX_COLUMNS: usize = 500;

/// Which hubs have erased what.
pub fn receipts(found: MemberReceipts) -> v1::MemberReceiptsResponse {
    let hub = |one: HubErasure| v1::HubErasure {
        slug: one.slug,
        state: one.state.name().to_owned(),
        at: one.at_ms.map(timestamp),
        backups_until: one.backups_until_ms.map(timestamp),
    };
    v1::MemberReceiptsResponse {
        id: found.thing.to_string(),
        requested: Some(timestamp(found.requested_ms)),
        hubs: found.hubs.into_iter().map(hub).collect(),
        report: found.report,
    }
}

/// A link to a member's page.
pub fn page_link(made: MemberLink) -> v1::MemberPageLinkResponse {
    v1::MemberPageLinkResponse {
        id: made.member.to_string(),
        url: made.url,
        expires: Some(timestamp(made.expires_ms)),
        mailed: made.mailed,
    }
}

/// A member as an operator sees them.
pub fn member(shown: ShownMember) -> v1::Member {
    let ShownMember {
        thing,
        hub,
        own,
        member,
        has_card,
    } = shown;
    let audiences = if own { audiences(&member) } else { Vec::new() };
    let is_known = |ms: i64| (ms != 0).then(|| timestamp(ms));
    v1::Member {
        id: thing.to_string(),
        hub,
        own,
        kind: member.kind.name().to_owned(),
        name: member.name.clone(),
        headline: member.headline.clone(),
        biography: member.biography.clone(),
        skills: member.skills.clone(),
        offers: member.offers.iter().map(listing).collect(),
        wants: member.wants.iter().map(listing).collect(),
        languages: member.languages.clone(),
        links: member.links.iter().map(link).collect(),
        photo: member.photo.clone(),
        role: member.role.clone(),
        projects: member.projects.clone(),
        programmes: member.programmes.clone(),
        tier: member.tier.clone(),
        status: member.status.name().to_owned(),
        valid_until: day(member.valid_until),
        audiences,
        mail: member.local.mail.clone(),
        phone: member.local.phone.clone(),
        notes: member.local.notes.clone(),
        number: member.local.number.clone(),
        consents: consents(&member),
        has_card,
        created: is_known(member.created_ms),
        updated: is_known(member.updated_ms),
    }
}

fn day(date: Option<Date>) -> String {
    date.map(|date| date.to_string()).unwrap_or_default()
}

fn listing(one: &Listing) -> v1::Listing {
    v1::Listing {
        what: one.what.clone(),
        way: one.way.map_or("", Way::name).to_owned(),
        until: day(one.until),
    }
}

fn link(link: &Link) -> v1::MemberLink {
    v1::MemberLink {
        label: link.label.clone(),
        url: link.url.clone(),
    }
}

fn audiences(member: &Member) -> Vec<v1::FieldAudience> {
    let all = Field::ALL.into_iter().map(|field| v1::FieldAudience {
        field: field.name().to_owned(),
        chosen: member.chosen(field).name().to_owned(),
        audience: member.audience(field).name().to_owned(),
    });
    all.collect()
}

fn consents(member: &Member) -> Vec<v1::MemberConsent> {
    let mut all: Vec<_> = member.consents.iter().collect();
    all.sort_by_key(|(id, one)| (Reverse(one.at_ms), (*id).clone()));
    let written = all.into_iter().map(|(id, one)| v1::MemberConsent {
        id: id.clone(),
        at: Some(timestamp(one.at_ms)),
        audience: one.audience.name().to_owned(),
        fields: one.fields.iter().map(|field| field.name().to_owned()).collect(),
        text_version: one.text_version.clone(),
        channel: one.channel.clone(),
        recorded_by: one.recorded_by.clone(),
        withdrawn: one.withdrawn_ms.map(timestamp),
    });
    written.collect()
}

/// How a file of members is to be imported.
pub fn import_options(start: v1::ImportMembersStart) -> Result<MemberImport, CommandError> {
    let format = Some(start.format).filter(|format| !format.is_empty());
    let formats = Format::ALL.map(|format| (format.name(), format));
    if start.map.len() > MAX_COLUMNS {
        return Err(CommandError::usage(format!("map: at most {MAX_COLUMNS} columns")));
    }
    let column = |one: v1::MemberColumn| {
        let columns = Column::ALL.map(|column| (column.name(), column));
        let field = word("map", Some(one.field), &columns)?;
        Ok(field.map(|field| (one.column, field)))
    };
    let map: Vec<_> = start.map.into_iter().map(column).collect::<Result<_, CommandError>>()?;
    Ok(MemberImport {
        dry_run: start.dry_run,
        format: word("format", format, &formats)?,
        map: map.into_iter().flatten().collect(),
    })
}

/// What an import came to.
pub fn imported(result: ImportedMembers) -> v1::ImportMembersResult {
    let refused = result.refused.into_iter().map(|one| v1::RefusedMember {
        line: one.line,
        reason: one.reason,
    });
    let notices = result.notices.into_iter().map(|one| v1::MemberNotice {
        line: one.line,
        times: one.times,
        message: one.text,
    });
    let columns = result.columns.into_iter().map(|(column, field)| v1::MemberColumn {
        column,
        field: field.map_or("", Column::name).to_owned(),
    });
    let difference = |one: Difference| v1::MemberDifference {
        field: one.field.to_owned(),
        before: one.before,
        after: one.after,
    };
    let changes = result.changes.into_iter().map(|one: MemberChange| v1::MemberChange {
        line: one.line,
        id: one.thing.map(|thing| thing.to_string()).unwrap_or_default(),
        name: one.name,
        added: one.added,
        fields: one.fields.into_iter().map(difference).collect(),
    });
    v1::ImportMembersResult {
        source: result.source,
        format: result.format.name().to_owned(),
        members: result.members,
        added: result.added,
        changed: result.changed,
        unchanged: result.unchanged,
        refused_count: result.refused_count,
        refused: refused.collect(),
        notices: notices.collect(),
        columns: columns.collect(),
        changes: changes.collect(),
    }
}

/// In what form whom to export, as whom.
pub fn export_request(
    request: v1::ExportMembersRequest,
) -> Result<(MemberFormat, Audience, Option<String>), CommandError> {
    let formats = MemberFormat::ALL.map(|format| (format.name(), format));
    let format = word("format", Some(request.format), &formats)?.unwrap_or(MemberFormat::Json);
    let audience = Some(request.audience).filter(|audience| !audience.is_empty());
    let audiences = Audience::ALL.map(|audience| (audience.name(), audience));
    let audience = word("audience", audience, &audiences)?.unwrap_or(Audience::Private);
    Ok((format, audience, request.id))
}

/// Who could be introduced to whom.
pub fn suggestion(one: Suggestion) -> v1::SuggestedIntroduction {
    let party = |party: Party| v1::SuggestedMember {
        id: party.thing.to_string(),
        name: party.name,
        hub: party.hub,
        own: party.own,
    };
    v1::SuggestedIntroduction {
        seeker: Some(party(one.seeker)),
        want: Some(listing(&one.want)),
        giver: Some(party(one.giver)),
        offer: Some(listing(&one.offer)),
    }
}

/// What is asked for.
pub fn query(request: v1::ListMembersRequest) -> Result<MemberQuery, CommandError> {
    let v1::ListMembersRequest {
        hub,
        skill,
        offer,
        want,
        language,
        text,
        limit,
        cursor,
        near,
        within_km,
        way,
    } = request;
    let wrong = || CommandError::usage("near: not on the earth; give degrees as LAT,LON, for instance 52.4751,-1.8848");
    let near = near
        .map(|v1::Point { lat, lon }| Point::new(lat, lon).ok_or_else(wrong))
        .transpose()?;
    if within_km.is_some_and(|km| !(km > 0.0 && km <= 20_000.0)) {
        return Err(CommandError::usage(
            "within: expected a distance in km, above 0 and at most 20000",
        ));
    }
    Ok(MemberQuery {
        as_member: false,
        hub,
        near,
        within_km,
        skill,
        way: word("way", way, &Way::ALL.map(|way| (way.name(), way)))?,
        offer,
        want,
        language,
        text,
        limit: limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        cursor,
    })
}

/// What an operator says of a member.
pub fn fields(said: v1::MemberFields) -> Result<MemberFields, CommandError> {
    let lines = |list: Option<v1::MemberLines>| list.map(|list| list.lines);
    let listings = |field, list: Option<v1::MemberListings>| {
        let read = |list: v1::MemberListings| {
            let all = list.listings.into_iter().map(|one| listed(field, one));
            all.collect::<Result<Vec<_>, CommandError>>()
        };
        list.map(read).transpose()
    };
    let links = said.links.map(|list| {
        let all = list.links.into_iter().map(|link| Link {
            label: link.label,
            url: link.url,
        });
        all.collect()
    });
    let consent = said.consent.map(|text_version| NewConsent {
        text_version,
        channel: said.consent_channel,
    });
    let kinds = Kind::ALL.map(|kind| (kind.name(), kind));
    let standings = Status::ALL.map(|status| (status.name(), status));
    let last_day = said.valid_until.map(|text| match text.trim() {
        "" => Ok(Until::Open),
        text => {
            let wrong = |_| CommandError::usage("valid_until: write it like 2027-12-31");
            text.parse().map(Until::Day).map_err(wrong)
        }
    });
    Ok(MemberFields {
        said: Said {
            kind: word("kind", said.kind, &kinds)?,
            name: said.name,
            headline: said.headline,
            biography: said.biography,
            skills: lines(said.skills),
            offers: listings("offers", said.offers)?,
            wants: listings("wants", said.wants)?,
            languages: lines(said.languages),
            links,
            role: said.role,
            projects: lines(said.projects),
            programmes: lines(said.programmes),
            tier: said.tier,
            status: word("status", said.status, &standings)?,
            valid_until: last_day.transpose()?,
            photo: said.photo,
            mail: said.mail,
            phone: said.phone,
            notes: said.notes,
            number: said.number,
            visible: None,
        },
        audiences: chosen(said.audiences)?,
        consent,
        withdraws_consent: said.withdraw_consent,
    })
}

fn chosen(said: Vec<v1::FieldAudience>) -> Result<BTreeMap<Field, Audience>, CommandError> {
    let mut all = BTreeMap::new();
    for one in said {
        let field = Field::named(&one.field).ok_or_else(|| {
            let known = Field::ALL.map(Field::name).join(", ");
            CommandError::usage(format!("audience: {:.40} is no field; there are {known}", one.field))
        })?;
        let audience = Audience::named(&one.chosen).ok_or_else(|| {
            let known = Audience::ALL.map(Audience::name).join(", ");
            CommandError::usage(format!("audience: {:.40} is nobody; give one of {known}", one.chosen))
        })?;
        all.insert(field, audience);
    }
    Ok(all)
}

fn listed(field: &str, said: v1::Listing) -> Result<Listing, CommandError> {
    let way = if said.way.is_empty() {
        None
    } else {
        word(field, Some(said.way), &Way::ALL.map(|way| (way.name(), way)))?
    };
    let until = match said.until.as_str() {
        "" => None,
        text => {
            let wrong = |_| CommandError::usage(format!("{field}: {text:.20} is no day; write it like 2027-05-01"));
            Some(text.parse().map_err(wrong)?)
        }
    };
    Ok(Listing {
        what: said.what,
        way,
        until,
    })
}

fn word<T: Copy>(field: &str, said: Option<String>, known: &[(&str, T)]) -> Result<Option<T>, CommandError> {
    let Some(said) = said else { return Ok(None) };
    let found = known.iter().find(|(name, _)| *name == said);
    let names = || known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let wrong = || CommandError::usage(format!("{field}: {said:.40} is none of {}", names()));
    found.map(|(_, value)| Some(*value)).ok_or_else(wrong)
}
