//! Events that several hubs host: asking, answering, and settling what they say differently.

use std::sync::Arc;

use interhub_domain::document::{Choice, Concurrent, Conflict, patch};
use interhub_domain::ids::{HubId, ThingId};
use interhub_domain::object::{MAX_WRITERS, ObjectState};
use interhub_domain::profile::Point;

use super::details::TranslationFields;
use super::event::{Ending, EventFields, apply, edit, no_event, parse_thing};
use super::{Class, CommandError, Commands, ShownEvent};
use crate::projection::{EventRow, HubRow, HubStatus};
use crate::store::catalogue::left_out::LeftOutField;
use crate::sync::Write;

/// Whether a conflict can still be settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictState {
    /// The event has several values.
    Open,
    /// This hub's edit was left out of the event, and this hub did not say it again by itself.
    NotTakenOver,
}

/// One field with several values, as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownConflict {
    /// The event.
    pub thing: ThingId,
    /// The field.
    pub field: String,
    /// Whether it can be settled.
    pub state: ConflictState,
    /// The values, the one that is shown first; of an edit that was left out its value, then the one that is shown.
    pub values: Vec<ShownValue>,
}

/// One of the values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownValue {
    /// As text.
    pub value: String,
    /// Slug of the hub that gave it.
    pub hub: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
}

impl Commands {
    /// Asks another hub to host an event of this hub too, or takes it away as a host.
    pub async fn cohost_event(&self, id: String, slug: String, remove: bool) -> Result<ShownEvent, CommandError> {
        self.blocking("event cohost", move |this| {
            let row = this.event_row(&id)?;
            let hubs = this.views.hubs()?;
            if row.hub != this.ledger.own_id() {
                let owner = slug_of(&hubs, row.hub);
                return Err(CommandError::refused(format!(
                    "this event belongs to {owner}; only that hub chooses its co-hosts"
                )));
            }
            let hub = this.views.hub(&slug)?.ok_or_else(|| {
                CommandError::not_found(format!("there is no hub {slug:.80?}; `interhub hub list` shows them"))
            })?;
            if hub.own {
                return Err(CommandError::usage(
                    "this hub hosts its own event already; name another hub",
                ));
            }
            let state = this.ledger.object_state(row.object)?;
            let (object, writer) = (row.object, hub.id);
            let write = if remove {
                if !state.is_writer(hub.id) {
                    let line = format!("{} is no co-host of this event and was not asked to be", hub.slug);
                    return Err(CommandError::not_found(line));
                }
                Write::TakeAway { object, writer }
            } else {
                this.may_see(&id, &row, &hub)?;
                may_be_asked(&hub, &state)?;
                Write::Grant { object, writer }
            };
            this.ledger.write(vec![write])?;
            this.show_thing(row.thing)
        })
        .await
    }

    /// A draft is hosted by hubs that share it.
    fn may_see(&self, id: &str, row: &EventRow, hub: &HubRow) -> Result<(), CommandError> {
        let members = self.ledger.members_of_group(row.log).unwrap_or_default();
        if !row.draft || members.contains(&hub.id) {
            return Ok(());
        }
        let slug = &hub.slug;
        Err(CommandError::new(
            Class::Precondition,
            format!(
                "{slug} does not see this draft; share it first with `interhub event edit {id} --with {slug}`, or publish it with \
                 `--publish`"
            ),
        ))
    }

    /// The events other hubs have asked this one to host, and that it has not answered about.
    pub async fn invitations(&self) -> Result<Vec<ShownEvent>, CommandError> {
        self.blocking("event invitations", |this| {
            let hubs = this.views.hubs()?;
            let rows = this.views.offers_to(this.ledger.own_id())?;
            rows.into_iter().map(|row| this.shown_whole(row, &hubs)).collect()
        })
        .await
    }

    /// This hub's word on whether it hosts another hub's event.
    pub async fn answer_invitation(&self, id: String, agreed: bool) -> Result<ShownEvent, CommandError> {
        self.blocking("event answer", move |this| {
            let row = this.event_row(&id)?;
            let own = this.ledger.own_id();
            if row.hub == own {
                return Err(CommandError::refused(
                    "this event is this hub's own; only what another hub asks is answered",
                ));
            }
            let state = this.ledger.object_state(row.object)?;
            if !state.is_writer(own) {
                let owner = slug_of(&this.views.hubs()?, row.hub);
                return Err(CommandError::not_found(format!(
                    "{owner} has not asked this hub to host this event; `interhub event invitations` shows what is open"
                )));
            }
            let said = state.consents.get(&own).map(|said| said.agreed);
            if said == Some(agreed) {
                let line = if agreed {
                    "this hub hosts this event already"
                } else {
                    "this hub has said no already; `interhub event accept` still says yes"
                };
                return Err(CommandError::refused(line));
            }
            let object = row.object;
            this.ledger.write(vec![Write::Consent { object, agreed }])?;
            this.show_thing(row.thing)
        })
        .await
    }

    /// Fields with several values: of one event, or of all that this hub hosts.
    pub async fn conflicts(&self, id: Option<String>) -> Result<Vec<ShownConflict>, CommandError> {
        self.blocking("event conflicts", move |this| {
            let hubs = this.views.hubs()?;
            let rows = match &id {
                Some(id) => vec![this.event_row(id)?],
                None => this.views.conflicts_of(this.ledger.own_id())?,
            };
            let mut out = Vec::new();
            let thing = id.as_deref().map(parse_thing).transpose()?;
            for left_out in this.ledger.not_taken_over()? {
                if thing.is_none_or(|thing| thing == left_out.thing) {
                    let row = this.views.event(left_out.thing)?;
                    let fields = left_out.fields.into_iter();
                    out.extend(fields.map(|field| this.not_taken_over(left_out.thing, field, row.as_deref(), &hubs)));
                }
            }
            for row in &rows {
                out.extend(
                    row.conflicts
                        .iter()
                        .map(|conflict| shown_conflict(row.thing, conflict, &hubs)),
                );
            }
            Ok(out)
        })
        .await
    }

    /// Leaves one value in a field that has several, or settles what became of an own edit that was not taken over.
    pub async fn resolve_conflict(&self, id: String, field: String, value: String) -> Result<ShownEvent, CommandError> {
        self.blocking("event resolve", move |this| {
            let row = this.event_row(&id)?;
            let conflict = row.conflicts.iter().find(|conflict| conflict.field == field);
            let left_out = this.ledger.not_taken_over()?;
            let mut left_out = left_out.iter().filter(|one| one.thing == row.thing);
            let left_out = left_out.any(|one| one.fields.iter().any(|one| one.field == field));
            match conflict {
                // Which value an own edit gave it is decided with the others.
                Some(conflict) => {
                    let row = this.hosted_event(&id)?;
                    let choice = choice(&row, conflict, &value)?;
                    let (object, field) = (row.object, field.clone());
                    this.ledger.write(vec![Write::Resolve { object, field, choice }])?;
                }
                None if left_out => this.take_over(&id, &row, &field, &value)?,
                None => {
                    this.hosted_event(&id)?;
                    return Err(CommandError::not_found(format!(
                        "the field {field:.80?} of this event has no conflict; see `interhub event conflicts {id}`"
                    )));
                }
            }
            this.ledger.settle_left_out(row.thing, &field)?;
            this.show_thing(row.thing)
        })
        .await
    }

    /// Gives a field the value that an own edit gave it, or another one; nothing is written if it has that already.
    fn take_over(&self, id: &str, row: &EventRow, field: &str, value: &str) -> Result<(), CommandError> {
        if patch::text_of(&row.event, field) == value {
            return Ok(());
        }
        let shown = format!("{:.80?}", patch::text_of(&row.event, field));
        let row = self.hosted_event(id).map_err(|error| CommandError {
            message: format!("{}; what is shown, {shown}, settles it", error.message),
            ..error
        })?;
        let fields = fields_of(field, value)?.ok_or_else(|| {
            let line = format!(
                "give {field} what is shown, {shown}, to settle it, and edit the event by `interhub event edit {id}`"
            );
            CommandError::usage(line)
        })?;
        let mut after = row.event.clone();
        apply(&mut after, &fields)?;
        if after.title.is_empty() {
            return Err(CommandError::usage("an event needs a title"));
        }
        self.touch(&mut after, &row.event);
        self.ledger.write(vec![edit(&row, after)])?;
        Ok(())
    }

    /// What an own edit gave the field, and what it says instead.
    fn not_taken_over(
        &self,
        thing: ThingId,
        left_out: LeftOutField,
        row: Option<&EventRow>,
        hubs: &[HubRow],
    ) -> ShownConflict {
        let LeftOutField { field, value, at_ms } = left_out;
        let hub = self.ledger.own().slug.clone();
        let mut values = vec![ShownValue { value, hub, at_ms }];
        values.extend(row.map(|row| ShownValue {
            value: patch::text_of(&row.event, &field),
            hub: slug_of(hubs, row.hub),
            at_ms: row.event.updated_ms,
        }));
        ShownConflict {
            thing,
            field,
            state: ConflictState::NotTakenOver,
            values,
        }
    }

    fn event_row(&self, id: &str) -> Result<Arc<EventRow>, CommandError> {
        self.views.event(parse_thing(id)?)?.ok_or_else(|| no_event(id))
    }

    /// An event this hub may change, because it hosts it.
    pub(super) fn hosted_event(&self, id: &str) -> Result<Arc<EventRow>, CommandError> {
        let row = self.event_row(id)?;
        let own = self.ledger.own_id();
        if row.hosts.contains(&own) {
            return Ok(row);
        }
        let owner = slug_of(&self.views.hubs()?, row.hub);
        let line = if row.invited.contains(&own) {
            format!("{owner} has asked this hub to host this event; accept first with `interhub event accept {id}`")
        } else {
            format!("this event belongs to {owner}; only its hosts can change it")
        };
        Err(CommandError::refused(line))
    }
}

fn may_be_asked(hub: &HubRow, state: &ObjectState) -> Result<(), CommandError> {
    let slug = &hub.slug;
    if hub.status != HubStatus::Active {
        return Err(CommandError::refused(format!(
            "{slug} is not an active hub of this network; see `interhub hub list`"
        )));
    }
    if state.is_host(hub.id) {
        return Err(CommandError::refused(format!(
            "{slug} is a co-host of this event already"
        )));
    }
    if state.is_writer(hub.id) {
        let line = if state.consents.contains_key(&hub.id) {
            format!("{slug} was asked and said no; it can still say yes with `interhub event accept`")
        } else {
            format!("{slug} is asked already and has not answered yet")
        };
        return Err(CommandError::refused(line));
    }
    if state.co_writers().len() >= MAX_WRITERS {
        return Err(CommandError::refused(format!(
            "an event has at most {MAX_WRITERS} co-hosts; take one away first with `interhub event cohost ID SLUG --remove`"
        )));
    }
    Ok(())
}

fn slug_of(hubs: &[HubRow], hub: HubId) -> String {
    let row = hubs.iter().find(|row| row.id == hub);
    row.map_or_else(|| hub.short(), |row| row.slug.clone())
}

fn shown_conflict(thing: ThingId, conflict: &Conflict, hubs: &[HubRow]) -> ShownConflict {
    let value = |one: &Concurrent| ShownValue {
        value: one.value.clone(),
        hub: slug_of(hubs, one.hub),
        at_ms: one.at_ms,
    };
    ShownConflict {
        thing,
        field: conflict.field.clone(),
        state: ConflictState::Open,
        values: conflict.values.iter().map(value).collect(),
    }
}

/// One of the values listed, or another one that the field may have.
fn choice(row: &EventRow, conflict: &Conflict, value: &str) -> Result<Choice, CommandError> {
    if conflict.values.iter().any(|one| one.value == value) {
        return Ok(Choice::Value(value.to_owned()));
    }
    let Some(fields) = fields_of(&conflict.field, value)? else {
        let listed: Vec<String> = conflict
            .values
            .iter()
            .map(|one| format!("{:.60?}", one.value))
            .collect();
        return Err(CommandError::usage(format!(
            "the field {} can only become one of its values: {}",
            conflict.field,
            listed.join(", ")
        )));
    };
    let (before, mut after) = (Box::new(row.event.clone()), Box::new(row.event.clone()));
    apply(&mut after, &fields)?;
    if after.title.is_empty() {
        return Err(CommandError::usage("an event needs a title"));
    }
    if before == after {
        let shown = conflict.values.first().map(|one| one.value.clone());
        return Ok(Choice::Value(shown.unwrap_or_default()));
    }
    Ok(Choice::Other { before, after })
}

/// What `event edit` would be given; `None` for fields it does not have.
fn fields_of(field: &str, value: &str) -> Result<Option<EventFields>, CommandError> {
    let mut fields = EventFields::default();
    let text = Some(value.to_owned());
    match field {
        "title" => fields.title = text,
        "summary" => fields.summary = text,
        "description" => fields.description = text,
        "start" => fields.start = text,
        "end" => fields.ending = Some(Ending::At(value.to_owned())),
        "timezone" => fields.timezone = text,
        "location" => fields.location = text,
        "at" => fields.at = Some(parse_point(value)?),
        "tags" => {
            let tags = value.split(',').map(|tag| tag.trim().to_owned());
            fields.tags = Some(tags.filter(|tag| !tag.is_empty()).collect());
        }
        "rrule" => fields.rrule = text,
        "url" => fields.url = text,
        "online_url" => fields.online_url = text,
        "image_url" => fields.image_url = text,
        "language" => fields.language = text,
        "features" => {
            let words = value.split(',').map(|word| word.trim().to_owned());
            fields.add_features = words.filter(|word| !word.is_empty()).collect();
        }
        "capacity" => {
            let wrong = |_| CommandError::usage("the capacity is a whole number; 0 says nothing of it any more");
            fields.capacity = Some(value.trim().parse().map_err(wrong)?);
        }
        other => match translated_field(other, value) {
            Some(translation) => fields.translations = vec![translation],
            None => return Ok(None),
        },
    }
    Ok(Some(fields))
}

/// A text of `translations/LANG/NAME`.
fn translated_field(field: &str, value: &str) -> Option<TranslationFields> {
    let (language, name) = field.strip_prefix("translations/")?.split_once('/')?;
    let text = |wanted| (name == wanted).then(|| value.to_owned());
    Some(TranslationFields {
        language: language.to_owned(),
        title: text("title"),
        summary: text("summary"),
    })
}

fn parse_point(text: &str) -> Result<Point, CommandError> {
    let parts = text.split_once(',');
    let degrees = parts.and_then(|(lat, lon)| Some((lat.trim().parse().ok()?, lon.trim().parse().ok()?)));
    let point = degrees.and_then(|(lat, lon)| Point::new(lat, lon));
    point.ok_or_else(|| CommandError::usage("a place in degrees is written LAT,LON, for instance 52.4751,-1.8848"))
}
