//! From the wire. What a value may be is checked where it is used, in `command`; here only what the wire adds.

use interhub_domain::profile::Point;
use interhub_domain::query::EventQuery;
use interhub_proto::v1;
use jiff::tz::TimeZone;

use crate::command::CommandError;
use crate::command::audience::Audience;
use crate::command::details::TranslationFields;
use crate::command::event::{Ending, EventFields};

/// Fields of an event.
pub fn fields(fields: Option<v1::EventFields>) -> EventFields {
    let fields = fields.unwrap_or_default();
    let ending = fields.ending.map(|ending| match ending {
        v1::event_fields::Ending::End(end) => Ending::At(end),
        v1::event_fields::Ending::DurationSeconds(seconds) => Ending::After(seconds),
    });
    let draft = fields
        .draft
        .map(|draft| if draft { Audience::Local } else { Audience::Public });
    let audience = match v1::Audience::try_from(fields.audience) {
        Ok(v1::Audience::Public) => Some(Audience::Public),
        Ok(v1::Audience::Network) => Some(Audience::Network),
        Ok(v1::Audience::Group) => Some(Audience::Group(fields.with)),
        Ok(v1::Audience::Local) => Some(Audience::Local),
        Ok(v1::Audience::Unspecified) | Err(_) => draft,
    };
    let translation = |one: v1::TranslationFields| TranslationFields {
        language: one.language,
        title: one.title,
        summary: one.summary,
    };
    EventFields {
        title: fields.title,
        summary: fields.summary,
        description: fields.description,
        start: fields.start,
        ending,
        timezone: fields.timezone,
        location: fields.location,
        at: fields.at.map(|v1::Point { lat, lon }| Point { lat, lon }),
        tags: fields.tags.map(|list| list.tags),
        rrule: fields.rrule,
        url: fields.url,
        online_url: fields.online_url,
        image_url: fields.image_url,
        language: fields.language,
        translations: fields.translations.into_iter().map(translation).collect(),
        add_features: fields.add_features,
        remove_features: fields.remove_features,
        capacity: fields.capacity,
        audience,
        tentative: None,
    }
}

/// When a moved occurrence ends.
pub fn ending_of_move(ending: Option<v1::move_occurrence_request::Ending>) -> Result<Ending, CommandError> {
    match ending {
        Some(v1::move_occurrence_request::Ending::End(end)) => Ok(Ending::At(end)),
        Some(v1::move_occurrence_request::Ending::DurationSeconds(seconds)) => Ok(Ending::After(seconds)),
        None => Err(CommandError::usage(
            "say when it ends or how long it lasts; a moved date has an end of its own",
        )),
    }
}

/// A filter. Dates are read in `zone`.
pub fn query(request: v1::ListEventsRequest, zone: &TimeZone, now_ms: i64) -> Result<EventQuery, CommandError> {
    let times = [("from", &request.from), ("to", &request.to)];
    let times = times
        .iter()
        .filter_map(|(name, value)| Some((*name, value.as_deref()?)));
    let times = EventQuery::parse(times, zone, now_ms).map_err(|error| CommandError::usage(error.to_string()))?;
    let near = match request.near {
        Some(v1::Point { lat, lon }) => {
            let wrong = "near: not on the earth; give degrees as LAT,LON, for instance 52.4751,-1.8848";
            Some(Point::new(lat, lon).ok_or_else(|| CommandError::usage(wrong))?)
        }
        None => None,
    };
    Ok(EventQuery {
        hub: request.hub,
        tag: request.tag,
        text: request.text,
        near,
        within_km: request.within_km,
        language: request.language,
        online: request.online,
        drafts: request.drafts,
        limit: request.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        cursor: request.cursor,
        ..times
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_query_reads_dates_in_the_hubs_zone() {
        let zone = TimeZone::get("Europe/Vienna").unwrap();
        let request = v1::ListEventsRequest {
            from: Some("2027-03-04".into()),
            hub: Some("vienna".into()),
            limit: Some(10),
            ..v1::ListEventsRequest::default()
        };
        let query = query(request, &zone, 0).unwrap();
        assert_eq!(query.from_ms, Some(1_804_114_800_000));
        assert_eq!((query.hub.as_deref(), query.limit), (Some("vienna"), Some(10)));
    }

    #[test]
    fn a_wrong_query_names_what_is_wrong() {
        let ask = |request| query(request, &TimeZone::UTC, 0).unwrap_err().message;
        let none = v1::ListEventsRequest::default;
        assert!(
            ask(v1::ListEventsRequest {
                from: Some("soon".into()),
                ..none()
            })
            .contains("from")
        );
        let near = Some(v1::Point {
            lat: f64::NAN,
            lon: 0.0,
        });
        assert!(ask(v1::ListEventsRequest { near, ..none() }).contains("near"));
    }

    #[test]
    fn absent_fields_stay_absent() {
        assert_eq!(fields(None), EventFields::default());
        let ending = Some(v1::event_fields::Ending::DurationSeconds(60));
        let given = fields(Some(v1::EventFields {
            ending,
            tags: Some(v1::TagList::default()),
            ..Default::default()
        }));
        assert_eq!(given.ending, Some(Ending::After(60)));
        assert_eq!(given.tags, Some(Vec::new()));
    }
}
