//! `/me`: what the hub has on record of a member, as a form, and to take along.

use askama::Template;
use interhub_domain::member::{Audience, Member};

use super::super::super::answer::Problem;
use super::super::super::pages::{self, Board, Frame};
use super::super::super::respond::Reply;
use super::super::super::text;
use super::super::super::words::fill;
use super::super::Fault;
use super::super::member_form::{self, LogLine, moment, new_photo, visits};
use super::super::member_inputs::{Hints, Input, Inputs, Shape};
use super::super::member_typed::TypedMember;
use super::super::members::hub_name;
use super::super::typed::Errors;
use super::super::words::members::MemberWords;
use super::{Guest, MeFrame, PATH, done, frame, house, leave, make, unprocessable};
use crate::command::member::{CardHolder, ErasureState, MemberFormat, ShownMember};
use crate::command::{Class, CommandError};
use crate::store::catalogue::own_page::MemberContactRow;

/// The field that says of which version of the record the form was made.
const VERSION: &str = "version";
/// Who puts a consent on record here.
const BY: &str = "the member, on their own page";
/// How they agree: by whose hands the link came that opened the page, which is all that shows who agreed.
const BY_MAIL: &str = "own page, link by mail";
const HANDED_OVER: &str = "own page, link handed over";

#[derive(Template)]
#[template(path = "admin/me.html")]
struct MePage {
    frame: Frame,
    me: MeFrame,
    say: &'static MemberWords,
    heading: String,
    lead: String,
    action: String,
    errors: Errors,
    /// Labels of the fields with errors, for the summary above the form.
    faults: Vec<(&'static str, String)>,
    /// Said above the form: the hub changed the record meanwhile.
    meanwhile: bool,
    version: String,
    about: Vec<Input>,
    told: Vec<Input>,
    /// What stays at the hub: only what there is.
    local: Vec<(&'static str, String)>,
    /// When they were written to, were here, and said that it is true.
    visits: Vec<String>,
    agree_lead: String,
    agreed: bool,
    photo: Option<String>,
    put_photo: String,
    log: Vec<LogLine>,
    /// Hubs that hold the card, or may.
    holders: Vec<(String, String)>,
    links: Links,
}

/// Where things are done.
struct Links {
    confirm: String,
    record: String,
    vcard: String,
    /// There is something to take back.
    withdraw: Option<String>,
    erase: String,
    receipts: Option<String>,
}

/// Everything a page tells.
struct Known {
    shown: ShownMember,
    holders: Vec<CardHolder>,
    /// Something was taken back before.
    has_receipts: bool,
    /// Hubs that have not confirmed that they erased it.
    unconfirmed: Vec<String>,
    contact: MemberContactRow,
}

/// `GET /me`
pub(super) async fn show(guest: Guest) -> Result<Reply, Fault> {
    let shown = match guest.commands().show_member(guest.id()).await {
        Ok(shown) => shown,
        // They were erased, by themselves or by the hub.
        Err(gone) if gone.class == Class::NotFound => return leave::receipts(guest).await,
        Err(failed) => return Err(failed.into()),
    };
    let known = know(&guest, shown).await?;
    make(guest, move |guest, board| {
        let typed = TypedMember::of(&known.shown.member);
        page(guest, board, &typed, Errors::default(), false, &known)
    })
    .await
}

/// `POST /me`
pub(super) async fn save(guest: Guest) -> Result<Reply, Fault> {
    let shown = guest.commands().show_member(guest.id()).await?;
    let record = &shown.member;
    let channel = if guest.who.by_mail { BY_MAIL } else { HANDED_OVER };
    let typed = TypedMember::sent_by_member(&guest.form, record, channel);
    // Made from another version: what differs would take back what somebody else wrote.
    let meanwhile = guest.form.get(VERSION) != record.updated_ms.to_string();
    let checked = typed.fields(Some(record), guest.words).and_then(|fields| {
        if typed.needs_consent(record) && !typed.agreed {
            let mut errors = Errors::default();
            errors.note("agreed", guest.say().error_agree);
            return Err(errors);
        }
        Ok(fields)
    });
    let errors = match checked {
        Ok(fields) if !meanwhile => {
            match guest.commands().edit_member(guest.id(), fields, BY.to_owned()).await {
                Ok(_) => return Ok(done(&guest, PATH, "saved")),
                // So many consents are on record that no other one has room.
                Err(full) if full.class == Class::Refused && typed.agreed => {
                    let mut errors = Errors::default();
                    errors.note("agreed", guest.say().error_agreed_often);
                    errors
                }
                Err(failed) => return Err(failed.into()),
            }
        }
        Ok(_) => Errors::default(),
        Err(errors) => errors,
    };
    let known = know(&guest, shown).await?;
    let made = make(guest, move |guest, board| {
        page(guest, board, &typed, errors, meanwhile, &known)
    })
    .await?;
    Ok(unprocessable(made, meanwhile))
}

/// `POST /me/true`
pub(super) async fn confirm(guest: Guest) -> Result<Reply, Fault> {
    guest.commands().confirm_member(guest.id()).await?;
    Ok(done(&guest, PATH, "confirmed"))
}

/// `GET /me/record.json`: all that the hub has of them, notes and consents too (GDPR, articles 15 and 20).
pub(super) async fn record(guest: Guest) -> Result<Reply, Fault> {
    let exported = guest
        .commands()
        .export_members(MemberFormat::Json, Audience::Private, Some(guest.id()))
        .await?;
    Ok(Reply::new("application/json", exported.text).file_name("my-record.json".to_owned()))
}

/// `GET /me/card.vcf`
pub(super) async fn vcard(guest: Guest) -> Result<Reply, Fault> {
    let exported = guest
        .commands()
        .export_members(MemberFormat::Vcard, Audience::Private, Some(guest.id()))
        .await?;
    Ok(Reply::new("text/vcard; charset=utf-8", exported.text).file_name("my-card.vcf".to_owned()))
}

/// `GET /me/photo.jpg`
pub(super) async fn photo(guest: Guest) -> Result<Reply, Fault> {
    let photo = guest.commands().show_member(guest.id()).await?.member.photo;
    if photo.is_empty() {
        return Err(Problem::NotFound.into());
    }
    Ok(Reply::new("image/jpeg", photo))
}

/// `POST /me/photo`
pub(super) async fn put_photo(guest: Guest, file: Vec<u8>) -> Result<Reply, Fault> {
    let fields = new_photo(file)?;
    guest.commands().edit_member(guest.id(), fields, BY.to_owned()).await?;
    Ok(done(&guest, PATH, "saved"))
}

async fn know(guest: &Guest, shown: ShownMember) -> Result<Known, CommandError> {
    let receipts = match guest.commands().member_receipts(guest.id()).await {
        Ok(found) => Some(found),
        Err(none) if none.class == Class::NotFound => None,
        Err(failed) => return Err(failed),
    };
    // The first is this hub.
    let others = receipts.iter().flat_map(|found| found.hubs.iter().skip(1));
    let unconfirmed = others.filter(|hub| hub.state != ErasureState::Erased);
    Ok(Known {
        holders: guest.commands().card_holders(guest.id()).await?,
        unconfirmed: unconfirmed.map(|hub| hub.slug.clone()).collect(),
        has_receipts: receipts.is_some(),
        contact: guest.commands().member_contact(guest.id()).await?,
        shown,
    })
}

fn page(
    guest: &Guest,
    board: &Board<'_>,
    typed: &TypedMember,
    errors: Errors,
    meanwhile: bool,
    known: &Known,
) -> Result<Reply, Fault> {
    let (say, own, record) = (&guest.words.members, guest.say(), &known.shown.member);
    let hub = text::isolate(&house(guest, board));
    let heading = fill(own.heading, &[("hub", &hub)]);
    let (frame, me) = frame(guest, board, &heading);
    let inputs = Inputs {
        say,
        hints: Hints {
            name: own.name_hint,
            photo: own.photo_how,
            role: own.role,
            not_agreed: own.not_agreed,
        },
        typed,
        errors: &errors,
        shown_to: typed.shown_to(record),
        has_photo: !record.photo.is_empty(),
    };
    let (about, told) = (inputs.about(), inputs.told(record));
    let link = |path: &str| guest.visit.plain_link(path);
    Ok(pages::html(&MePage {
        lead: fill(own.lead, &[("hub", &hub)]),
        agree_lead: fill(own.agree_lead, &[("hub", &hub)]),
        heading,
        action: link(PATH),
        faults: errors.all().map(|(field, message)| (*field, message.clone())).collect(),
        meanwhile,
        version: record.updated_ms.to_string(),
        about,
        told,
        local: local(say, record),
        visits: visits(say, board, &known.contact),
        agreed: typed.agreed,
        photo: (!record.photo.is_empty()).then(|| link("/me/photo.jpg")),
        put_photo: link("/me/photo"),
        log: member_form::log(say, board, record),
        holders: holders(guest, board, known),
        links: Links {
            confirm: link("/me/true"),
            record: link("/me/record.json"),
            vcard: link("/me/card.vcf"),
            withdraw: record.holding_consents().next().map(|_| link("/me/withdraw")),
            erase: link("/me/erase"),
            receipts: known.has_receipts.then(|| link("/me/receipts")),
        },
        frame,
        me,
        say,
        errors,
    })?)
}

/// What never leaves the hub.
fn local(say: &'static MemberWords, record: &Member) -> Vec<(&'static str, String)> {
    let all = [
        (say.mail, record.local.mail.clone()),
        (say.phone, record.local.phone.clone()),
        (say.number, record.local.number.clone()),
        (say.notes, record.local.notes.trim().to_owned()),
    ];
    all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// The hubs that hold the card or may, and those that may hold what it said before.
fn holders(guest: &Guest, board: &Board<'_>, known: &Known) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = known.holders.iter().map(|holder| held(guest, board, holder)).collect();
    let says = guest.say().holds_unconfirmed;
    all.extend(
        known
            .unconfirmed
            .iter()
            .map(|slug| (hub_name(board, slug), says.to_owned())),
    );
    all
}

/// A hub that holds the card or may, and what is known of that.
fn held(guest: &Guest, board: &Board<'_>, holder: &CardHolder) -> (String, String) {
    let own = guest.say();
    let says = match (holder.current, holder.heard_ms) {
        (true, _) => own.holds_now.to_owned(),
        (false, Some(at_ms)) => fill(own.holds_maybe, &[("time", &moment(board, at_ms))]),
        (false, None) => own.holds_unknown.to_owned(),
    };
    (hub_name(board, &holder.slug), says)
}
