//! `/admin/members/new` and `/admin/members/{id}`: one member as a form; of another hub, their card to be read.

use std::cmp::Reverse;

use askama::Template;
use axum::http::StatusCode;
use interhub_domain::contacts::cells::listing_text;
use interhub_domain::member::{Consent, Link, Listing, Member, Said, Status};

use super::super::dates::clock;
use super::super::pages::{self, Board, Frame};
use super::super::params::encode;
use super::super::respond::Reply;
use super::super::text;
use super::super::words::fill;
use super::member_inputs::{Hints, Input, Inputs, Shape};
use super::member_typed::TypedMember;
use super::members::{PATH, hub_name, shown_name};
use super::page::{self, AdminFrame};
use super::typed::Errors;
use super::words::members::MemberWords;
use super::{Errand, Fault};
use crate::command::CommandError;
use crate::command::member::{MemberFields, ShownMember};
use crate::store::catalogue::own_page::MemberContactRow;

/// The field that says of which version of the record the form was made.
const VERSION: &str = "version";

#[derive(Template)]
#[template(path = "admin/member.html")]
struct MemberFormPage {
    frame: Frame,
    office: AdminFrame,
    say: &'static MemberWords,
    heading: String,
    action: String,
    errors: Errors,
    /// Labels of the fields with errors, for the summary above the form.
    faults: Vec<(&'static str, String)>,
    /// Said above the form: somebody else changed the record meanwhile.
    meanwhile: bool,
    version: String,
    about: Vec<Input>,
    at_hub: Vec<Input>,
    local: Vec<Input>,
    typed: TypedMember,
    log: Vec<LogLine>,
    /// `None` for a new member.
    beside: Option<Beside>,
    back: String,
}

/// One consent.
pub(super) struct LogLine {
    pub(super) at: String,
    pub(super) audience: &'static str,
    pub(super) fields: String,
    pub(super) text: String,
    pub(super) channel: String,
    pub(super) by: String,
    pub(super) withdrawn: Option<String>,
}

/// What stands beside the form of a member who is there.
struct Beside {
    changed: String,
    has_card: bool,
    /// What is known of their visits to their own page, in sentences.
    visits: Vec<String>,
    /// Where a picture is sent.
    put_photo: String,
    /// Where a link to their own page is made.
    link: String,
    erase: String,
    /// Where it is told which hubs have erased what was taken back.
    receipts: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/member-card.html")]
struct CardPage {
    frame: Frame,
    office: AdminFrame,
    say: &'static MemberWords,
    heading: String,
    lead: String,
    facts: Vec<(&'static str, Vec<String>)>,
    /// Plain text as HTML.
    biography: String,
    links: Vec<(String, String)>,
    back: String,
}

/// `GET /admin/members/new`
pub(super) async fn blank(errand: Errand) -> Result<Reply, Fault> {
    page::make(errand, move |errand, board| {
        let typed = TypedMember::of(&Member::default());
        form_page(errand, board, typed, Errors::default(), false, None)
    })
    .await
}

/// `POST /admin/members/new`
pub(super) async fn create(errand: Errand) -> Result<Reply, Fault> {
    let typed = TypedMember::sent(&errand.form, &Member::default());
    match typed.fields(None, errand.words) {
        Ok(fields) => {
            let added = errand.commands().add_member(fields, by(&errand)).await?;
            Ok(page::done(
                &errand.visit,
                &format!("{PATH}/{}", added.thing),
                "member_added",
            ))
        }
        Err(errors) => {
            let made = page::make(errand, move |errand, board| {
                form_page(errand, board, typed, errors, false, None)
            })
            .await?;
            Ok(made.status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

/// `GET /admin/members/{id}`
pub(super) async fn edit(errand: Errand) -> Result<Reply, Fault> {
    let shown = errand.commands().show_member(errand.visit.name.clone()).await?;
    if !shown.own {
        return page::make(errand, move |errand, board| card_page(errand, board, &shown)).await;
    }
    let known = Known::of(&errand, shown).await?;
    page::make(errand, move |errand, board| {
        let typed = TypedMember::of(&known.shown.member);
        form_page(errand, board, typed, Errors::default(), false, Some(&known))
    })
    .await
}

/// `POST /admin/members/{id}`
pub(super) async fn save(errand: Errand) -> Result<Reply, Fault> {
    let id = errand.visit.name.clone();
    let shown = errand.commands().show_member(id.clone()).await?;
    if !shown.own {
        let hub = &shown.hub;
        return Err(
            CommandError::refused(format!("this member belongs to {hub}; only that hub can change them")).into(),
        );
    }
    let typed = TypedMember::sent(&errand.form, &shown.member);
    // Made from another version: what differs would take back what somebody else wrote.
    let meanwhile = errand.form.get(VERSION) != shown.member.updated_ms.to_string();
    let errors = match typed.fields(Some(&shown.member), errand.words) {
        Ok(fields) if !meanwhile => {
            errand.commands().edit_member(id.clone(), fields, by(&errand)).await?;
            return Ok(page::done(&errand.visit, &format!("{PATH}/{}", encode(&id)), "saved"));
        }
        Ok(_) => Errors::default(),
        Err(errors) => errors,
    };
    let status = if meanwhile {
        StatusCode::CONFLICT
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let known = Known::of(&errand, shown).await?;
    let made = page::make(errand, move |errand, board| {
        form_page(errand, board, typed, errors, meanwhile, Some(&known))
    })
    .await?;
    Ok(made.status(status))
}

/// `POST /admin/members/{id}/photo`
pub(super) async fn photo(errand: Errand, file: Vec<u8>) -> Result<Reply, Fault> {
    let (id, fields) = (errand.visit.name.clone(), new_photo(file)?);
    errand.commands().edit_member(id.clone(), fields, by(&errand)).await?;
    Ok(page::done(&errand.visit, &format!("{PATH}/{}", encode(&id)), "saved"))
}

/// What a picture that was sent changes.
pub(super) fn new_photo(file: Vec<u8>) -> Result<MemberFields, CommandError> {
    if file.is_empty() {
        return Err(CommandError::usage(
            "photo: no file was chosen; choose a JPEG, PNG, WebP or GIF file",
        ));
    }
    let said = Said {
        photo: Some(file),
        ..Said::default()
    };
    Ok(MemberFields {
        said,
        ..MemberFields::default()
    })
}

/// Who puts a consent on record.
fn by(errand: &Errand) -> String {
    let bearer = &errand.who.bearer;
    format!("token {} {}", bearer.id, bearer.label).trim_end().to_owned()
}

/// A member of this hub, and what else the page tells.
struct Known {
    shown: ShownMember,
    contact: MemberContactRow,
    /// Something was taken back of them.
    has_receipts: bool,
}

impl Known {
    async fn of(errand: &Errand, shown: ShownMember) -> Result<Self, CommandError> {
        let id = shown.thing.to_string();
        let receipts = errand.commands().member_receipts(id.clone()).await;
        Ok(Self {
            contact: errand.commands().member_contact(id).await?,
            shown,
            has_receipts: receipts.is_ok(),
        })
    }
}

/// When somebody was invited to their page, was there, was asked, and said that it is true.
pub(super) fn visits(say: &MemberWords, board: &Board<'_>, contact: &MemberContactRow) -> Vec<String> {
    let all = [
        (say.visit_invited, contact.invited_ms),
        (say.visit_opened, contact.opened_ms),
        (say.visit_asked, contact.asked_ms),
        (say.visit_confirmed, contact.confirmed_ms),
    ];
    let told = all.into_iter().filter_map(|(pattern, at_ms)| Some((pattern, at_ms?)));
    told.map(|(pattern, at_ms)| fill(pattern, &[("time", &moment(board, at_ms))]))
        .collect()
}

fn form_page(
    errand: &Errand,
    board: &Board<'_>,
    typed: TypedMember,
    errors: Errors,
    meanwhile: bool,
    known: Option<&Known>,
) -> Result<Reply, Fault> {
    let say = &errand.words.members;
    let heading = known.map_or_else(|| say.new.to_owned(), |known| shown_name(&known.shown.member.name));
    let (frame, office) = page::frame(errand, board, &heading, PATH);
    let path = known.map_or_else(
        || format!("{PATH}/new"),
        |known| format!("{PATH}/{}", known.shown.thing),
    );
    let nobody = Member::default();
    let record = known.map_or(&nobody, |known| &known.shown.member);
    let inputs = Inputs {
        say,
        hints: Hints {
            name: say.name_hint,
            // There is a place for it once there is a record.
            photo: if known.is_some() { say.photo_how } else { "" },
            role: say.role,
            not_agreed: say.not_agreed,
        },
        typed: &typed,
        errors: &errors,
        shown_to: typed.shown_to(record),
        has_photo: !record.photo.is_empty(),
    };
    let (about, at_hub, local) = (inputs.about(), inputs.at_hub(), inputs.local());
    Ok(pages::html(&MemberFormPage {
        faults: errors.all().map(|(field, message)| (*field, message.clone())).collect(),
        heading,
        action: errand.visit.plain_link(&path),
        meanwhile,
        version: record.updated_ms.to_string(),
        about,
        at_hub,
        local,
        log: log(say, board, record),
        beside: known.map(|known| Beside {
            changed: board.reader.moment(record.updated_ms),
            has_card: known.shown.has_card,
            visits: visits(say, board, &known.contact),
            put_photo: errand.visit.plain_link(&format!("{path}/photo")),
            link: errand.visit.plain_link(&format!("{path}/link")),
            erase: errand.visit.plain_link(&format!("{path}/erase")),
            receipts: known
                .has_receipts
                .then(|| errand.visit.plain_link(&format!("{path}/receipts"))),
        }),
        back: errand.visit.plain_link(PATH),
        frame,
        office,
        say,
        typed,
        errors,
    })?)
}

/// What they agreed to, the newest first.
pub(super) fn log(say: &'static MemberWords, board: &Board<'_>, record: &Member) -> Vec<LogLine> {
    let mut all: Vec<&Consent> = record.consents.values().collect();
    all.sort_by_key(|one| Reverse(one.at_ms));
    let line = |one: &Consent| LogLine {
        at: moment(board, one.at_ms),
        audience: say.audience(one.audience),
        fields: one
            .fields
            .iter()
            .map(|field| say.field(*field))
            .collect::<Vec<_>>()
            .join(", "),
        text: one.text_version.clone(),
        channel: one.channel.clone(),
        by: one.recorded_by.clone(),
        withdrawn: one.withdrawn_ms.map(|at_ms| moment(board, at_ms)),
    };
    all.into_iter().map(line).collect()
}

/// A moment of whichever year: `2026-11-16 09:12`.
pub(super) fn moment(board: &Board<'_>, at_ms: i64) -> String {
    let wall = board.reader.wall(at_ms);
    format!("{} {}", wall.date(), clock(wall))
}

/// What another hub's member shows here.
fn card_page(errand: &Errand, board: &Board<'_>, shown: &ShownMember) -> Result<Reply, Fault> {
    let (say, member) = (&errand.words.members, &shown.member);
    let heading = shown_name(&member.name);
    let (frame, office) = page::frame(errand, board, &heading, PATH);
    let one = |text: &String| vec![text.clone()];
    let listings = |all: &[Listing]| all.iter().map(listing_text).collect::<Vec<_>>();
    let status = if member.status == Status::Active {
        String::new()
    } else {
        say.status_of(member.status).to_owned()
    };
    let day = member.valid_until.map(|day| day.to_string()).unwrap_or_default();
    let mut facts = vec![
        (say.kind, vec![say.kind_of(member.kind).to_owned()]),
        (say.headline, one(&member.headline)),
        (say.skills, member.skills.clone()),
        (say.offers, listings(&member.offers)),
        (say.wants, listings(&member.wants)),
        (say.languages, member.languages.clone()),
        (say.role, one(&member.role)),
        (say.projects, member.projects.clone()),
        (say.programmes, member.programmes.clone()),
        (say.tier, one(&member.tier)),
        (say.status, vec![status]),
        (say.valid_until, vec![day]),
    ];
    if !member.photo.is_empty() {
        facts.push((say.photo, vec![say.photo_there.to_owned()]));
    }
    for (_, lines) in &mut facts {
        lines.retain(|line| !line.is_empty());
    }
    facts.retain(|(_, lines)| !lines.is_empty());
    let hub = text::isolate(&hub_name(board, &shown.hub));
    Ok(pages::html(&CardPage {
        lead: fill(say.of_another, &[("hub", &hub)]),
        heading,
        facts,
        biography: text::paragraphs(&member.biography),
        links: links(member),
        back: errand.visit.plain_link(PATH),
        frame,
        office,
        say,
    })?)
}

/// Addresses that a page may lead to, each with what it is called.
pub(super) fn links(member: &Member) -> Vec<(String, String)> {
    let link = |link: &Link| {
        let url = text::safe_link(&link.url)?;
        let label = if link.label.is_empty() {
            text::link_host(url)
        } else {
            &link.label
        };
        Some((url.to_owned(), label.to_owned()))
    };
    member.links.iter().filter_map(link).collect()
}
