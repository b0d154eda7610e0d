//! `interhub member`.

use std::path::Path;

use interhub_proto::v1;

use super::{Answer, member_file};
use crate::args::member::{AddArgs, EditArgs, FieldArgs, ListArgs, MemberCommand};
use crate::args::value;
use crate::document::{
    AudienceDocument, ErasedMemberDocument, ListingDocument, MemberDocument, MemberInvitationsDocument,
    MembersDocument, PageLinkDocument, PartyDocument, ReceiptsDocument, SuggestionsDocument,
};
use crate::error::ClientError;
use crate::node::Node;
use crate::{qr, render};

/// Largest file of a picture that is sent, in bytes; what the node takes.
const MAX_PHOTO_FILE: u64 = 12 << 20;

pub(super) async fn run(command: MemberCommand, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let member = match command {
        MemberCommand::Add(AddArgs { name, fields: said }) => {
            let mut said = fields(said)?;
            said.name = Some(name);
            node.add_member(said).await?
        }
        MemberCommand::Edit(EditArgs { id, name, fields: said }) => {
            let mut said = fields(said)?;
            said.name = name;
            if said == v1::MemberFields::default() {
                return Err(ClientError::Usage(
                    "nothing to change; give at least one flag, for instance --headline".to_owned(),
                ));
            }
            node.edit_member(&id, said).await?
        }
        MemberCommand::Show { id, photo } => {
            let member = node.member(&id).await?;
            if let Some(path) = photo {
                save_photo(&member, &path)?;
            }
            member
        }
        MemberCommand::List(args) => return list(args, node, answer).await,
        MemberCommand::Suggest { id, limit } => return suggest(id, limit, node, answer).await,
        MemberCommand::Import(args) => return member_file::import(args, node, answer).await,
        MemberCommand::Export(args) => return member_file::export(args, node, answer).await,
        MemberCommand::Erase { id, yes } => return erase(&id, yes, node, answer).await,
        MemberCommand::Link { id, expires, mail, qr } => {
            return link(id, (expires, mail), qr.as_deref(), node, answer).await;
        }
        MemberCommand::Invite => return invite(node, answer).await,
        MemberCommand::Receipts { id, report } => return receipts(&id, report.as_deref(), node, answer).await,
    };
    answer.show(&MemberDocument::from(member), member_text)
}

async fn erase(id: &str, yes: bool, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    if !yes {
        let line = "this erases the record here and the card at every hub, for good; say so with --yes";
        return Err(ClientError::Usage(line.to_owned()));
    }
    let erased = node.erase_member(id).await?;
    let document = ErasedMemberDocument {
        id: erased.id,
        card: erased.card,
    };
    answer.show(&document, |erased| {
        if erased.card {
            format!("{} is erased here, and at every hub once it is reached\n", erased.id)
        } else {
            format!("{} is erased; no other hub had a card\n", erased.id)
        }
    })
}

async fn link(
    id: String,
    (expires, mail): (Option<u64>, bool),
    code: Option<&Path>,
    node: &Node,
    answer: &mut Answer<'_, '_>,
) -> Result<(), ClientError> {
    // Another link ends the one before: what can be wrong with the file is said first.
    if let Some(path) = code {
        qr::check(path)?;
    }
    let made = PageLinkDocument::from(node.member_link(id, expires, mail).await?);
    answer.show(&made, |made| format!("{}\n", render::line(&made.url)))?;
    if let Some(path) = code {
        qr::write(&made.url, path)?;
    }
    let until = render::moment(made.expires.as_ref());
    answer.note(&if made.mailed {
        format!("it was handed to the mail server; it opens their page once, until {until}")
    } else {
        format!("whoever has this link opens their page with it, once, until {until}; --mail sends it to them")
    })
}

async fn invite(node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let said = MemberInvitationsDocument::from(node.invite_members().await?);
    answer.show(&said, |said| {
        format!(
            "{} invited, {} were before or have been on their page, {} have no mail address\n",
            said.invited, said.known, said.without_address
        )
    })?;
    if said.invited > 0 {
        answer.note(
            "the letters go out one after the other; `interhub member invite` again sends what could not be sent",
        )?;
    }
    Ok(())
}

async fn receipts(
    id: &str,
    report: Option<&Path>,
    node: &Node,
    answer: &mut Answer<'_, '_>,
) -> Result<(), ClientError> {
    let found = node.member_receipts(id).await?;
    if let Some(path) = report {
        std::fs::write(path, &found.report)
            .map_err(|error| ClientError::Failed(format!("{} cannot be written: {error}", path.display())))?;
    }
    answer.show(&ReceiptsDocument::from(found), receipts_text)
}

fn receipts_text(found: &ReceiptsDocument) -> String {
    let done = found.hubs.iter().filter(|hub| hub.state == "erased").count();
    let mut lines = format!(
        "{}: asked for {}; {done} of {} hubs have erased it\n",
        found.member,
        found.requested.as_deref().unwrap_or("some time ago"),
        found.hubs.len()
    );
    let rows = found.hubs.iter().map(|hub| {
        vec![
            render::short(&hub.slug),
            hub.state.clone(),
            hub.at.clone().unwrap_or_default(),
            hub.backups_until.clone().unwrap_or_default(),
        ]
    });
    lines += &render::table(&["HUB", "STATE", "SINCE", "IN BACKUPS UNTIL"], rows.collect());
    lines
}

async fn suggest(id: Option<String>, limit: u32, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let found = SuggestionsDocument::from(node.suggestions(id, limit).await?);
    answer.show(&found, suggestions_text)?;
    if found.suggestions.is_empty() {
        answer.note(
            "nobody looks for what somebody offers; `interhub member edit ID --want WHAT --offer WHAT` says what",
        )?;
    }
    Ok(())
}

fn suggestions_text(found: &SuggestionsDocument) -> String {
    if found.suggestions.is_empty() {
        return String::new();
    }
    let party = |one: &PartyDocument| {
        let name = render::short(&one.name);
        if one.own {
            name
        } else {
            format!("{name} ({})", render::short(&one.hub))
        }
    };
    let rows = found.suggestions.iter().map(|one| {
        vec![
            party(&one.seeker),
            render::short(&one.want.what),
            party(&one.giver),
            render::short(&one.offer.what),
        ]
    });
    render::table(&["LOOKS FOR", "WHAT", "OFFERS", "WHAT"], rows.collect())
}

async fn list(args: ListArgs, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let hub = args.hub.iter().rev().find(|value| !crate::args::is_address(value));
    let query = v1::ListMembersRequest {
        hub: hub.cloned(),
        skill: args.skill,
        offer: args.offer,
        want: args.want,
        language: args.language,
        text: args.text,
        limit: Some(args.limit),
        cursor: args.cursor,
        near: args.near.map(|at| v1::Point {
            lat: at.lat,
            lon: at.lon,
        }),
        within_km: args.within,
        way: args.way,
    };
    let found = node.members(query).await?;
    let list = MembersDocument {
        members: found.members.into_iter().map(MemberDocument::from).collect(),
        next: found.next,
    };
    answer.show(&list, list_text)?;
    if list.members.is_empty() {
        answer.note("nobody fits; `interhub member add --name NAME` makes a record")?;
    }
    if let Some(next) = &list.next {
        answer.note(&format!(
            "there are more; go on with the same filter and --cursor {next}"
        ))?;
    }
    Ok(())
}

fn save_photo(member: &v1::Member, path: &Path) -> Result<(), ClientError> {
    if member.photo.is_empty() {
        return Err(ClientError::NotFound(format!("there is no picture of {}", member.name)));
    }
    std::fs::write(path, &member.photo)
        .map_err(|error| ClientError::Failed(format!("{} cannot be written: {error}", path.display())))
}

/// The file of a picture; an empty name: no picture.
fn read_photo(path: &str) -> Result<Vec<u8>, ClientError> {
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let unreadable = |error| ClientError::Usage(format!("{path} cannot be read: {error}"));
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length == 0 || length > MAX_PHOTO_FILE {
        return Err(ClientError::Usage(format!(
            "{path} is no picture of 1 byte to {} MiB",
            MAX_PHOTO_FILE >> 20
        )));
    }
    std::fs::read(path).map_err(unreadable)
}

fn fields(args: FieldArgs) -> Result<v1::MemberFields, ClientError> {
    let photo = args.photo.as_deref().map(read_photo).transpose()?;
    // One empty value removes a list.
    let lines = |all: Vec<String>| {
        let lines = all
            .into_iter()
            .map(|one| one.trim().to_owned())
            .filter(|one| !one.is_empty());
        v1::MemberLines { lines: lines.collect() }
    };
    let repeated = |all: Vec<String>| (!all.is_empty()).then(|| lines(all));
    let listings = |all: Vec<value::Listing>| {
        let given = !all.is_empty();
        let written = all
            .into_iter()
            .filter(|one| !one.what.is_empty())
            .map(|one| v1::Listing {
                what: one.what,
                way: one.way,
                until: one.until,
            });
        let listings = written.collect();
        given.then_some(v1::MemberListings { listings })
    };
    let links = (!args.links.is_empty()).then(|| v1::MemberLinks {
        links: args
            .links
            .iter()
            .filter(|link| !link.trim().is_empty())
            .map(|link| named_link(link))
            .collect(),
    });
    let audiences = args.audiences.into_iter().map(|(field, chosen)| v1::FieldAudience {
        field,
        chosen,
        audience: String::new(),
    });
    Ok(v1::MemberFields {
        photo,
        kind: args.kind,
        name: None,
        headline: args.headline,
        biography: args.biography,
        skills: args.skills.map(lines),
        offers: listings(args.offers),
        wants: listings(args.wants),
        languages: args.languages.map(lines),
        links,
        role: args.role,
        projects: repeated(args.projects),
        programmes: repeated(args.programmes),
        tier: args.tier,
        status: args.status,
        valid_until: args.valid_until,
        mail: args.mail,
        phone: args.phone,
        notes: args.notes,
        number: args.number,
        audiences: audiences.collect(),
        consent: args.consent,
        consent_channel: args.channel.unwrap_or_default(),
        withdraw_consent: args.withdraw_consent,
    })
}

/// `Shop=https://shop.example`, or an address alone, which may have a `=` of its own.
fn named_link(text: &str) -> v1::MemberLink {
    let (label, url) = match text.split_once('=') {
        Some((label, url)) if !label.contains("://") => (label, url),
        _ => ("", text),
    };
    v1::MemberLink {
        label: label.trim().to_owned(),
        url: url.trim().to_owned(),
    }
}

fn list_text(list: &MembersDocument) -> String {
    if list.members.is_empty() {
        return String::new();
    }
    let rows = list.members.iter().map(|one| {
        vec![
            render::short(&one.name),
            render::short(&one.hub),
            render::short(one.headline.as_deref().unwrap_or("")),
            render::short(&one.skills.join(", ")),
            if one.own { one.status.clone() } else { String::new() },
            one.id.clone(),
        ]
    });
    render::table(&["NAME", "HUB", "HEADLINE", "SKILLS", "STATUS", "ID"], rows.collect())
}

fn member_text(one: &MemberDocument) -> String {
    let listed = |all: &[ListingDocument]| {
        let written = all.iter().map(|one| {
            let way = one.way.as_ref().map(|way| format!("{way}: ")).unwrap_or_default();
            let until = one
                .until
                .as_ref()
                .map(|until| format!(" until {until}"))
                .unwrap_or_default();
            format!("{way}{}{until}", one.what)
        });
        written.collect::<Vec<_>>().join("; ")
    };
    let links = one.links.iter().map(|link| match &link.label {
        Some(label) => format!("{label} {}", link.url),
        None => link.url.clone(),
    });
    let local = one.local.clone().unwrap_or_default();
    let told = [
        ("id", one.id.clone()),
        ("hub", one.hub.clone()),
        ("headline", one.headline.clone().unwrap_or_default()),
        ("biography", one.biography.clone().unwrap_or_default()),
        ("skills", one.skills.join(", ")),
        ("offers", listed(&one.offers)),
        ("wants", listed(&one.wants)),
        ("languages", one.languages.join(", ")),
        ("links", links.collect::<Vec<_>>().join("; ")),
        ("picture", if one.photo { "yes".to_owned() } else { String::new() }),
        ("role", one.role.clone().unwrap_or_default()),
        ("projects", one.projects.join(", ")),
        ("programmes", one.programmes.join(", ")),
        ("tier", one.tier.clone().unwrap_or_default()),
        ("status", if one.own { one.status.clone() } else { String::new() }),
        ("valid until", one.valid_until.clone().unwrap_or_default()),
        ("mail", local.mail.unwrap_or_default()),
        ("phone", local.phone.unwrap_or_default()),
        ("number", local.number.unwrap_or_default()),
        ("notes", local.notes.unwrap_or_default()),
    ];
    let mut lines = vec![format!("{} ({})", render::line(&one.name), one.kind)];
    let told = told.into_iter().filter(|(_, value)| !value.is_empty());
    lines.extend(told.map(|(label, value)| format!("  {label:<12} {}", render::line(&value))));
    if one.own {
        let card = if one.has_card {
            "other hubs hold a card of them, with:"
        } else {
            "nothing of them is shown beyond this hub"
        };
        lines.push(format!("  {card}"));
        let leaves = |said: &AudienceDocument| said.chosen == "network" || said.chosen == "public";
        for (field, said) in one.audiences.iter().filter(|(_, said)| leaves(said)) {
            let waits = if said.chosen == said.audience {
                String::new()
            } else {
                format!(" (chosen: {}, which they have not agreed to)", said.chosen)
            };
            lines.push(format!("    {field}: {}{waits}", said.audience));
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn an_address_may_have_a_name() {
        let link = named_link("Shop=https://shop.example/?a=b");
        assert_eq!(
            (link.label.as_str(), link.url.as_str()),
            ("Shop", "https://shop.example/?a=b")
        );
        let bare = named_link("https://shop.example/?a=b");
        assert_eq!(
            (bare.label.as_str(), bare.url.as_str()),
            ("", "https://shop.example/?a=b")
        );
    }

    #[test]
    fn an_empty_value_removes_a_list_and_none_leaves_it() {
        let said = fields(FieldArgs {
            skills: Some(vec![String::new()]),
            projects: vec![String::new()],
            photo: Some(String::new()),
            ..FieldArgs::default()
        })
        .unwrap();
        assert_eq!(said.photo, Some(Vec::new()));
        assert_eq!(said.skills, Some(v1::MemberLines::default()));
        assert_eq!(said.projects, Some(v1::MemberLines::default()));
        assert_eq!((said.programmes, said.offers, said.links), (None, None, None));
    }

    #[test]
    fn what_waits_for_a_consent_is_told() {
        let said = |chosen: &str, audience: &str| v1::FieldAudience {
            field: "name".into(),
            chosen: chosen.into(),
            audience: audience.into(),
        };
        let mut member = v1::Member {
            own: true,
            name: "Ada".into(),
            kind: "person".into(),
            audiences: vec![said("public", "hub")],
            ..v1::Member::default()
        };
        let text = member_text(&MemberDocument::from(member.clone()));
        assert!(
            text.contains("nothing of them is shown") && text.contains("not agreed to"),
            "{text}"
        );
        member.audiences = vec![said("network", "network")];
        member.has_card = true;
        let text = member_text(&MemberDocument::from(member));
        assert!(
            text.contains("hold a card") && !text.contains("not agreed to"),
            "{text}"
        );
    }
}
