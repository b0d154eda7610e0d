//! `interhub event`, but for import and export.

use std::collections::BTreeMap;

use interhub_proto::v1;

use super::{Answer, cohost, export, import, node, subscription};
use crate::args::GlobalArgs;
use crate::args::event::{AddArgs, AudienceArg, EditArgs, EventCommand, FieldArgs, ListArgs, MoveArgs};
use crate::args::value::LatLon;
use crate::document::{
    ErasedDocument, EventDocument, HiddenListDocument, HiddenNoteDocument, ListDocument, TranslationDocument,
    UndoneDocument,
};
use crate::error::ClientError;
use crate::node::Node;
use crate::render;

pub(super) async fn run(
    command: EventCommand,
    global: &GlobalArgs,
    answer: &mut Answer<'_, '_>,
) -> Result<(), ClientError> {
    let event = match command {
        EventCommand::Import(args) => return import::run(args, global, answer).await,
        EventCommand::Export { format } => return export::run(format, &node(global).await?, answer).await,
        EventCommand::List(args) => return list(args, &node(global).await?, answer).await,
        EventCommand::Add(args) => {
            let fields = add_fields(args)?;
            node(global).await?.add_event(fields).await?
        }
        EventCommand::Edit(EditArgs {
            id,
            occurrence: Some(occurrence),
            title,
            fields,
            ..
        }) => {
            let request = date_texts(id, occurrence, title, fields)?;
            node(global).await?.change_occurrence(request).await?
        }
        EventCommand::AddDate { id, start } => node(global).await?.add_occurrence(&id, &start).await?,
        EventCommand::Edit(args) => {
            let id = args.id.clone();
            let fields = edit_fields(args)?;
            node(global).await?.edit_event(&id, fields).await?
        }
        EventCommand::Cancel(args) => {
            node(global)
                .await?
                .cancel_event(&args.id, args.occurrence.as_deref())
                .await?
        }
        EventCommand::Postpone { id } => node(global).await?.postpone_event(&id).await?,
        EventCommand::Reinstate(args) => {
            let node = node(global).await?;
            node.reinstate_event(&args.id, args.occurrence.as_deref()).await?
        }
        EventCommand::Move(args) => node(global).await?.move_occurrence(moved(args)).await?,
        EventCommand::Undo { id } => return undo(&id, &node(global).await?, answer).await,
        EventCommand::Subscribe(args) => return subscription::subscribe(args, &node(global).await?, answer).await,
        EventCommand::Subscriptions => return subscription::list(&node(global).await?, answer).await,
        EventCommand::Unsubscribe { name } => {
            return subscription::unsubscribe(&name, &node(global).await?, answer).await;
        }
        EventCommand::Erase { id } => return erase(&id, &node(global).await?, answer).await,
        EventCommand::Withdraw { id, fields } => node(global).await?.withdraw_fields(&id, fields).await?,
        EventCommand::Hide(args) => node(global).await?.hide_event(&args.id, &args.reason).await?,
        EventCommand::Unhide(args) => {
            let reason = args.reason.unwrap_or_default();
            node(global).await?.unhide_event(&args.id, &reason).await?
        }
        EventCommand::Show { id } => node(global).await?.event(&id).await?,
        EventCommand::Cohost(args) => {
            let node = node(global).await?;
            node.cohost_event(&args.id, &args.slug, args.remove).await?
        }
        EventCommand::Invitations => return cohost::invitations(&node(global).await?, answer).await,
        EventCommand::Accept { id } => node(global).await?.answer_invitation(&id, true).await?,
        EventCommand::Decline { id } => node(global).await?.answer_invitation(&id, false).await?,
        EventCommand::Conflicts { id } => return cohost::conflicts(&node(global).await?, id.as_deref(), answer).await,
        EventCommand::Resolve(args) => {
            let node = node(global).await?;
            node.resolve_conflict(&args.id, &args.field, &args.value).await?
        }
    };
    answer.show(&EventDocument::from(event), event_text)
}

async fn erase(id: &str, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let erased = ErasedDocument::from(node.erase_event(id).await?);
    answer.show(&erased, |erased| {
        if erased.already {
            format!("{} was erased before\n", erased.id)
        } else {
            format!("{} is erased here, and at every hub once it is reached\n", erased.id)
        }
    })
}

async fn list_hidden(node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let list = HiddenListDocument::from(node.hidden_events().await?);
    answer.show(&list, hidden_text)?;
    if list.events.is_empty() && list.gone.is_empty() {
        answer.note("nothing is hidden on this node")?;
    }
    Ok(())
}

async fn list(args: ListArgs, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    if args.hidden {
        return list_hidden(node, answer).await;
    }
    let query = v1::ListEventsRequest {
        hub: args.slug().map(str::to_owned),
        from: args.from,
        to: args.to,
        tag: args.tag,
        text: args.text,
        near: args.near.map(point),
        within_km: args.within,
        language: args.language,
        online: args.online,
        drafts: args.drafts,
        limit: Some(args.limit),
        cursor: args.cursor,
    };
    let list = ListDocument::from(node.events(query).await?);
    answer.show(&list, list_text)?;
    if list.events.is_empty() {
        answer.note("no event fits; widen the filter, or import a calendar with `interhub event import FILE`")?;
    }
    if let Some(next) = &list.next {
        answer.note(&format!(
            "there are more; go on with the same filter and --cursor {}",
            render::line(next)
        ))?;
    }
    Ok(())
}

const fn point(place: LatLon) -> v1::Point {
    v1::Point {
        lat: place.lat,
        lon: place.lon,
    }
}

fn add_fields(args: AddArgs) -> Result<v1::EventFields, ClientError> {
    let mut fields = fields(args.fields);
    fields.title = Some(args.title);
    fields.start = Some(args.start);
    check(&fields)?;
    Ok(fields)
}

fn edit_fields(args: EditArgs) -> Result<v1::EventFields, ClientError> {
    let mut fields = fields(args.fields);
    fields.title = args.title;
    fields.start = args.start;
    if args.publish {
        fields.audience = v1::Audience::Public.into();
    }
    if fields == v1::EventFields::default() {
        return Err(ClientError::Usage(
            "nothing to change; give at least one flag, for instance --title".to_owned(),
        ));
    }
    check(&fields)?;
    Ok(fields)
}

fn date_texts(
    id: String,
    occurrence: String,
    title: Option<String>,
    fields: FieldArgs,
) -> Result<v1::ChangeOccurrenceRequest, ClientError> {
    let (location, description) = (fields.location, fields.description);
    if title.is_none() && location.is_none() && description.is_none() {
        let line = "nothing to change; one date of a series has --title, --location and --description, and `event move` moves it";
        return Err(ClientError::Usage(line.to_owned()));
    }
    if title.as_ref().is_some_and(|title| title.trim().is_empty()) {
        return Err(ClientError::Usage("--title is empty; an event needs one".to_owned()));
    }
    Ok(v1::ChangeOccurrenceRequest {
        id,
        occurrence,
        title,
        location,
        description,
    })
}

fn moved(args: MoveArgs) -> v1::MoveOccurrenceRequest {
    let ending = match (args.end, args.duration) {
        (Some(end), _) => Some(v1::move_occurrence_request::Ending::End(end)),
        (None, seconds) => seconds.map(v1::move_occurrence_request::Ending::DurationSeconds),
    };
    v1::MoveOccurrenceRequest {
        id: args.id,
        occurrence: args.occurrence,
        start: args.start,
        ending,
    }
}

async fn undo(id: &str, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let undone = UndoneDocument::from(node.undo_event(id).await?);
    answer.show(&undone, |undone| {
        let rows = undone.undone.iter().map(|field| {
            vec![
                field.field.clone(),
                render::short(&field.before),
                render::short(&field.after),
            ]
        });
        render::table(&["FIELD", "BEFORE", "NOW"], rows.collect())
    })
}

fn fields(args: FieldArgs) -> v1::EventFields {
    let ending = match (args.end, args.duration) {
        (Some(end), _) => Some(v1::event_fields::Ending::End(end)),
        (None, Some(seconds)) => Some(v1::event_fields::Ending::DurationSeconds(seconds)),
        (None, None) => None,
    };
    let given: Vec<String> = args.tags.into_iter().map(|tag| tag.trim().to_owned()).collect();
    let tags = (!given.is_empty()).then(|| v1::TagList {
        tags: given.into_iter().filter(|tag| !tag.is_empty()).collect(),
    });
    let audience = match args.audience {
        _ if !args.with.is_empty() => v1::Audience::Group,
        _ if args.draft => v1::Audience::Local,
        Some(AudienceArg::Public) => v1::Audience::Public,
        Some(AudienceArg::Network) => v1::Audience::Network,
        Some(AudienceArg::Local) => v1::Audience::Local,
        None => v1::Audience::Unspecified,
    };
    v1::EventFields {
        title: None,
        summary: args.summary,
        description: args.description,
        start: None,
        ending,
        timezone: args.timezone,
        location: args.location,
        at: args.at.map(point),
        tags,
        rrule: args.rrule,
        url: args.url,
        online_url: args.online_url,
        language: args.language,
        draft: None,
        audience: audience.into(),
        with: args.with,
        image_url: args.image_url,
        translations: translations(args.titles, args.summaries),
        add_features: args.features,
        remove_features: args.no_features,
        capacity: args.capacity,
    }
}

/// One entry for each language that is named.
fn translations(titles: Vec<(String, String)>, summaries: Vec<(String, String)>) -> Vec<v1::TranslationFields> {
    let mut all: BTreeMap<String, v1::TranslationFields> = BTreeMap::new();
    for (language, title) in titles {
        all.entry(language).or_default().title = Some(title);
    }
    for (language, summary) in summaries {
        all.entry(language).or_default().summary = Some(summary);
    }
    let named = all.into_iter();
    named
        .map(|(language, texts)| v1::TranslationFields { language, ..texts })
        .collect()
}

/// What can be said about the fields without knowing the event.
fn check(fields: &v1::EventFields) -> Result<(), ClientError> {
    let usage = |line: &str| Err(ClientError::Usage(line.to_owned()));
    if fields.title.as_ref().is_some_and(|title| title.trim().is_empty()) {
        return usage("--title is empty; an event needs one");
    }
    let Some(start) = &fields.start else { return Ok(()) };
    let whole_days = !start.contains('T');
    match &fields.ending {
        Some(v1::event_fields::Ending::End(end)) if end.contains('T') == whole_days => {
            usage("--start and --end have to be both dates, or both times")
        }
        // Both are in the same form, and that form sorts as text.
        Some(v1::event_fields::Ending::End(end)) if end < start => usage("--end is before --start"),
        Some(v1::event_fields::Ending::DurationSeconds(seconds)) if whole_days && seconds % 86_400 != 0 => {
            usage("--start is a date, so --duration has to be whole days, for instance 2d")
        }
        _ => Ok(()),
    }
}

fn list_text(list: &ListDocument) -> String {
    let rows = list.events.iter().map(|event| {
        vec![
            render::when(event),
            render::short(&event.timezone),
            render::short(&event.title),
            render::short(&event.hub),
            render::short(
                event
                    .location
                    .as_ref()
                    .map_or_else(|| online(event), |place| place.name.as_str()),
            ),
            status(event).to_owned(),
            event.id.clone(),
        ]
    });
    render::table(
        &["WHEN", "ZONE", "TITLE", "HUB", "WHERE", "STATUS", "ID"],
        rows.collect(),
    )
}

fn hidden_text(list: &HiddenListDocument) -> String {
    let line = |title: &str, hub: &str, note: Option<&HiddenNoteDocument>, id: &str| {
        let at = note.and_then(|note| note.at.as_ref());
        vec![
            render::short(title),
            render::short(hub),
            render::moment(at),
            note.map_or_else(String::new, |note| render::short(&note.by)),
            note.map_or_else(String::new, |note| render::line(&note.reason)),
            id.to_owned(),
        ]
    };
    let there = list
        .events
        .iter()
        .map(|event| line(&event.title, &event.hub, event.hidden_note.as_ref(), &event.id));
    let gone = list
        .gone
        .iter()
        .map(|gone| line("(gone)", "", gone.hidden_note.as_ref(), &gone.id));
    render::table(
        &["TITLE", "HUB", "HIDDEN", "BY", "REASON", "ID"],
        there.chain(gone).collect(),
    )
}

fn audience_text(event: &EventDocument) -> String {
    match event.audience {
        "group" => format!(
            "{} and {}",
            render::line(&event.hub),
            render::line(&event.shared_with.join(", "))
        ),
        "local" => "this hub only".to_owned(),
        "network" => "the hubs of the network only".to_owned(),
        _ => String::new(),
    }
}

fn hidden_line(note: &HiddenNoteDocument) -> String {
    let what = if note.hidden { "since" } else { "no longer, since" };
    let at = render::moment(note.at.as_ref());
    let reason = render::line(&note.reason);
    let why = if reason.is_empty() {
        String::new()
    } else {
        format!(": {reason}")
    };
    format!("{what} {at}, by {}{why}", render::line(&note.by))
}

fn online(event: &EventDocument) -> &'static str {
    if event.online_url.is_some() { "online" } else { "" }
}

/// Confirmed is what everybody expects; only the others are worth a word.
fn status(event: &EventDocument) -> &'static str {
    match event.status {
        "cancelled" if event.postponed => "postponed",
        "confirmed" => "",
        other => other,
    }
}

fn translations_text(event: &EventDocument) -> String {
    let line = |(language, texts): (&String, &TranslationDocument)| {
        let said = [&texts.title, &texts.summary]
            .into_iter()
            .filter(|text| !text.is_empty());
        let said: Vec<String> = said.map(|text| render::line(text)).collect();
        format!("{language}: {}", said.join(" · "))
    };
    event.translations.iter().map(line).collect::<Vec<_>>().join("; ")
}

fn event_text(event: &EventDocument) -> String {
    let text = |field: &Option<String>| render::line(field.as_deref().unwrap_or_default());
    let place = event.location.as_ref().map(|place| {
        let degrees = place.lat.zip(place.lon).map(|(lat, lon)| format!("{lat},{lon}"));
        [Some(render::line(&place.name)), degrees]
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty())
    });
    let mut shown = render::pairs(vec![
        ("title", render::line(&event.title)),
        (
            "when",
            format!("{} {}", render::when(event), render::line(&event.timezone)),
        ),
        (
            "repeats",
            event
                .rrule
                .iter()
                .map(|rule| render::line(rule))
                .collect::<Vec<_>>()
                .join(" and "),
        ),
        (
            "status",
            if event.postponed { "postponed" } else { event.status }.to_owned(),
        ),
        (
            "where",
            place.map_or_else(String::new, |parts| parts.collect::<Vec<_>>().join(" · ")),
        ),
        ("online", text(&event.online_url)),
        ("page", text(&event.url)),
        (
            "tags",
            event
                .tags
                .iter()
                .map(|tag| render::line(tag))
                .collect::<Vec<_>>()
                .join(", "),
        ),
        ("language", text(&event.language)),
        ("translated", translations_text(event)),
        ("features", event.features.join(", ")),
        (
            "room for",
            event.capacity.map_or_else(String::new, |number| number.to_string()),
        ),
        ("picture", text(&event.image_url)),
        ("hub", render::line(&event.hub)),
        (
            "hosts",
            event
                .hosts
                .iter()
                .map(|host| render::line(host))
                .collect::<Vec<_>>()
                .join(", "),
        ),
        ("id", event.id.clone()),
        ("uid", render::line(&event.uid)),
        ("audience", audience_text(event)),
        (
            "hidden",
            event.hidden_note.as_ref().map_or_else(String::new, hidden_line),
        ),
        ("updated", render::moment(event.updated.as_ref())),
        ("as of", render::moment(event.as_of.as_ref())),
    ]);
    for part in [&event.summary, &event.description] {
        if !part.trim().is_empty() {
            shown.push('\n');
            shown.push_str(&render::paragraphs(part));
            shown.push('\n');
        }
    }
    shown
}

#[cfg(test)]
mod tests;
