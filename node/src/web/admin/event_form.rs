//! `/admin/events/new` and `/admin/events/{id}`: one event as a form.

use askama::Template;
use axum::http::StatusCode;
use interhub_domain::event::Status;

use super::super::pages::{self, Board, Frame, name_of};
use super::super::params::{Params, encode};
use super::super::respond::Reply;
use super::super::words;
use super::details::{FeatureBox, Language};
use super::page::{self, AdminFrame};
use super::rule::{DAYS, Pattern};
use super::typed::{Errors, Seen, Typed};
use super::{Errand, Fault};
use crate::command::ShownEvent;

/// The field that says of which version of the event the form was made.
const VERSION: &str = "version";
/// The parameter that names the event a new one is a copy of.
const COPY_OF: &str = "copy";

#[derive(Template)]
#[template(path = "admin/event.html")]
struct EventFormPage {
    frame: Frame,
    office: AdminFrame,
    heading: String,
    action: String,
    typed: Typed,
    errors: Errors,
    /// Labels of the fields with errors, for the summary above the form.
    faults: Vec<FaultLine>,
    /// Said above the form: somebody else changed the event meanwhile.
    meanwhile: Option<String>,
    version: String,
    patterns: Vec<Choice>,
    days: Vec<DayBox>,
    zones: Vec<String>,
    languages: Vec<Choice>,
    seen: Vec<Choice>,
    translations: Vec<Language>,
    features: Vec<FeatureBox>,
    /// `None` for a new event.
    about: Option<About>,
}

/// One complaint, and the field it is about.
struct FaultLine {
    field: &'static str,
    message: String,
}

/// One entry of a selection.
struct Choice {
    value: String,
    label: String,
    selected: bool,
}

/// One day of the week.
struct DayBox {
    value: &'static str,
    label: &'static str,
    ticked: bool,
}

/// What stands beside the form of an event that is there.
struct About {
    /// The event's public page, if it has one.
    public: Option<String>,
    copy: String,
    cancel: String,
    dates: Option<String>,
    hosts: String,
    undo: String,
    cancelled: bool,
    /// Where it is put off; `None` if it is off already.
    postpone: Option<String>,
    conflicts: Option<String>,
    /// `16 Nov, 09:12`
    changed: String,
    /// Hub that owns it, if it is another.
    owner: Option<String>,
    picture: Option<ShownPicture>,
}

/// How it is with the picture that the event names.
enum ShownPicture {
    /// The small copy.
    Small(pages::Picture),
    /// It was not looked for yet.
    Waits,
    /// Why there is none, in English.
    Fault(String),
}

/// `GET /admin/events/new`
pub(super) async fn blank(errand: Errand) -> Result<Reply, Fault> {
    let copied = match errand.visit.params().get(COPY_OF) {
        Some(id) => Some(errand.commands().show_event(id.to_owned()).await?),
        None => None,
    };
    let timezone = errand.commands().timezone.clone();
    page::make(errand, move |errand, board| {
        let typed = match &copied {
            Some(shown) => copy_of(shown),
            None => Typed::blank(board.reader.today(), &timezone, errand.visit.words.tag),
        };
        form_page(errand, board, typed, Errors::default(), None, None)
    })
    .await
}

/// The same event another time: its dates are the organiser's to choose, its exceptions do not come along.
fn copy_of(shown: &ShownEvent) -> Typed {
    let typed = Typed::of(shown);
    Typed {
        seen: if typed.seen == Seen::Shared {
            Seen::Draft
        } else {
            typed.seen
        },
        ..typed
    }
}

/// `POST /admin/events/new`
pub(super) async fn create(errand: Errand) -> Result<Reply, Fault> {
    let typed = Typed::sent(&errand.form);
    match typed.fields(None, errand.words) {
        Ok(fields) => {
            let added = errand.commands().add_event(fields).await?;
            let path = format!("/admin/events/{}", added.listed.row.thing);
            Ok(page::done(&errand.visit, &path, "added"))
        }
        Err(errors) => {
            let made = page::make(errand, move |errand, board| {
                form_page(errand, board, typed, errors, None, None)
            })
            .await?;
            Ok(made.status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

/// `GET /admin/events/{id}`
pub(super) async fn edit(errand: Errand) -> Result<Reply, Fault> {
    let shown = errand.commands().show_hosted_event(errand.visit.name.clone()).await?;
    page::make(errand, move |errand, board| {
        form_page(errand, board, Typed::of(&shown), Errors::default(), None, Some(&shown))
    })
    .await
}

/// `POST /admin/events/{id}`
pub(super) async fn save(errand: Errand) -> Result<Reply, Fault> {
    let id = errand.visit.name.clone();
    let shown = errand.commands().show_hosted_event(id.clone()).await?;
    let typed = Typed::sent(&errand.form);
    let event = &shown.listed.row.event;
    // Made from another version: what differs would take back what somebody else wrote.
    let meanwhile = errand.form.get(VERSION) != event.updated_ms.to_string();
    let fields = typed.fields(Some((&Typed::of(&shown), event)), errand.words);
    let errors = match fields {
        Ok(fields) if !meanwhile => {
            errand.commands().edit_event(id.clone(), fields).await?;
            return Ok(page::done(
                &errand.visit,
                &format!("/admin/events/{}", encode(&id)),
                "saved",
            ));
        }
        Ok(_) => Errors::default(),
        Err(errors) => errors,
    };
    let status = if meanwhile {
        StatusCode::CONFLICT
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let note = meanwhile.then_some(errand.words.changed_meanwhile);
    let made = page::make(errand, move |errand, board| {
        form_page(errand, board, typed, errors, note, Some(&shown))
    })
    .await?;
    Ok(made.status(status))
}

fn form_page(
    errand: &Errand,
    board: &Board<'_>,
    typed: Typed,
    errors: Errors,
    meanwhile: Option<&'static str>,
    shown: Option<&ShownEvent>,
) -> Result<Reply, Fault> {
    let words = errand.words;
    let heading = match shown {
        Some(shown) => board.title(&shown.listed.row.event.title).into_owned(),
        None => words.new_event.to_owned(),
    };
    let (frame, office) = page::frame(errand, board, &heading, "/admin/events");
    let event = shown.map(|shown| &shown.listed.row.event);
    let path = shown.map_or_else(
        || "/admin/events/new".to_owned(),
        |shown| format!("/admin/events/{}", shown.listed.row.thing),
    );
    let faults = errors.all().map(|(field, message)| FaultLine {
        field,
        message: message.clone(),
    });
    Ok(pages::html(&EventFormPage {
        faults: faults.collect(),
        heading,
        action: errand.visit.plain_link(&path),
        meanwhile: meanwhile.map(str::to_owned),
        version: event.map_or_else(String::new, |event| event.updated_ms.to_string()),
        patterns: patterns(errand, &typed),
        days: days(errand, &typed),
        zones: zones(board),
        languages: languages(&typed),
        seen: seen(errand, &typed),
        translations: typed.details.languages(&typed.language),
        features: typed.details.features(errand.visit.words),
        about: shown.map(|shown| about(errand, board, shown)),
        frame,
        office,
        typed,
        errors,
    })?)
}

fn patterns(errand: &Errand, typed: &Typed) -> Vec<Choice> {
    let labels = errand.words.patterns.iter();
    let choice = |(pattern, label): (Pattern, &&str)| Choice {
        value: pattern.name().to_owned(),
        label: (*label).to_owned(),
        selected: typed.repeat.pattern == pattern,
    };
    Pattern::ALL.into_iter().zip(labels).map(choice).collect()
}

fn days(errand: &Errand, typed: &Typed) -> Vec<DayBox> {
    let names = errand.visit.words.weekdays;
    let days = DAYS.into_iter().zip(names).zip(typed.repeat.days);
    days.map(|((value, label), ticked)| DayBox { value, label, ticked })
        .collect()
}

/// The zones of the hubs, for a list of suggestions.
fn zones(board: &Board<'_>) -> Vec<String> {
    let mut zones: Vec<String> = board
        .active()
        .map(|hub| hub.profile.timezone.clone())
        .filter(|zone| !zone.is_empty())
        .collect();
    zones.sort();
    zones.dedup();
    zones
}

fn languages(typed: &Typed) -> Vec<Choice> {
    let choice = |value: &str, label: &str| Choice {
        value: value.to_owned(),
        label: label.to_owned(),
        selected: typed.language == value,
    };
    let mut choices: Vec<Choice> = words::ALL
        .into_iter()
        .map(|language| choice(language.tag, language.own_name))
        .collect();
    choices.insert(0, choice("", "–"));
    if !choices.iter().any(|choice| choice.selected) {
        choices.push(choice(&typed.language, &typed.language));
    }
    choices
}

fn seen(errand: &Errand, typed: &Typed) -> Vec<Choice> {
    let words = errand.words;
    let mut all = vec![
        (Seen::Public, words.seen_public),
        (Seen::Network, words.seen_network),
        (Seen::Draft, words.seen_draft),
    ];
    if typed.seen == Seen::Shared {
        all.push((Seen::Shared, words.seen_shared));
    }
    let choice = |(seen, label): (Seen, &str)| Choice {
        value: seen.name().to_owned(),
        label: label.to_owned(),
        selected: typed.seen == seen,
    };
    all.into_iter().map(choice).collect()
}

fn about(errand: &Errand, board: &Board<'_>, shown: &ShownEvent) -> About {
    let row = &shown.listed.row;
    let at = |rest: &str| errand.visit.plain_link(&format!("/admin/events/{}{rest}", row.thing));
    let public = row.log == interhub_domain::ids::LogId::PUBLIC && !row.draft;
    let copy = Params::default().with(COPY_OF, &row.thing.to_string());
    About {
        public: public.then(|| errand.visit.plain_link(&format!("/events/{}", row.thing))),
        copy: errand.visit.link("/admin/events/new", &copy),
        cancel: at("/cancel"),
        dates: row.event.schedule.is_series().then(|| at("/dates")),
        hosts: at("/hosts"),
        undo: at("/undo"),
        cancelled: row.event.status == Status::Cancelled || row.event.postponed,
        postpone: (row.event.status != Status::Cancelled && !row.event.postponed).then(|| at("/postpone")),
        conflicts: (!row.conflicts.is_empty()).then(|| errand.visit.plain_link("/admin/conflicts")),
        changed: board.reader.moment(row.event.updated_ms),
        owner: board.hub(row.hub).filter(|hub| !hub.own).map(name_of),
        picture: picture(errand, board, shown),
    }
}

/// How it is with the picture; `None` where none is named, or none is looked for.
fn picture(errand: &Errand, board: &Board<'_>, shown: &ShownEvent) -> Option<ShownPicture> {
    let (row, commands) = (&shown.listed.row, errand.commands());
    let address = &row.event.image_url;
    if address.is_empty() || !commands.shows_pictures {
        return None;
    }
    if let Some(small) = pages::Picture::at(errand.site(), address) {
        return Some(ShownPicture::Small(small));
    }
    // Of drafts and of what is over none is looked for.
    let is_coming = !row.draft && shown.listed.occurrence.end_ms > board.reader.now_ms;
    // Storage that fails shows elsewhere.
    match commands.known_picture(address).ok().flatten() {
        Some(known) if !known.error.is_empty() => Some(ShownPicture::Fault(known.error)),
        _ if is_coming => Some(ShownPicture::Waits),
        _ => None,
    }
}
