//! To the wire.

use interhub_domain::event::{Attendance, Status, Translation};
use interhub_domain::profile::Point;
use interhub_domain::registry::State;
use interhub_proto::{Timestamp, v1};

use crate::command::ShownEvent;
use crate::command::audience::ShownAudience;
use crate::command::cohost::{ConflictState, ShownConflict};
use crate::command::decision::{HubDecision, ShownDecision};
use crate::command::erase::ErasedEvent;
use crate::command::event::ShownPage;
use crate::command::hide::HiddenEvent;
use crate::command::import::Imported;
use crate::command::key::{KeyState, ShownKeys};
use crate::command::network::{Invited, JoinedNetwork, NetworkInfo, ShownHub};
use crate::command::operation::{NodeStatus, Watched};
use crate::command::quarantine::{QuarantinePage, QuarantinedEnvelope};
use crate::command::report::{Numbers, Report};
use crate::command::subscription::Subscription;
use crate::command::undo::Undone;
use crate::peer::status::{Direction, PeerStatus};
use crate::projection::HubStatus;
use crate::store::catalogue::change::ChangeKind;
use crate::store::catalogue::event::HiddenRow;
use crate::store::catalogue::log::Standing;

/// An instant.
pub fn timestamp(ms: i64) -> Timestamp {
    let nanos = i32::try_from(ms.rem_euclid(1_000) * 1_000_000).unwrap_or_default();
    Timestamp {
        seconds: ms.div_euclid(1_000),
        nanos,
    }
}

/// A network.
pub fn network(answer: NetworkInfo) -> v1::NetworkInfo {
    v1::NetworkInfo {
        name: answer.name,
        id: answer.id.to_string(),
        founded: (answer.founded_ms != 0).then(|| timestamp(answer.founded_ms)),
        founder: answer.founder,
        hubs: answer.hubs,
        voters: answer.voters,
        guests: answer.guests,
    }
}

/// What joining came to.
pub fn join(answer: JoinedNetwork) -> v1::JoinNetworkResponse {
    v1::JoinNetworkResponse {
        network: answer.network,
        slug: answer.slug,
        status: hub_status(answer.status).into(),
    }
}

/// An invitation.
pub fn invitation(answer: Invited) -> v1::InviteResponse {
    v1::InviteResponse {
        link: answer.link,
        expires: Some(timestamp(answer.expires_ms)),
    }
}

const fn hub_status(status: HubStatus) -> v1::HubStatus {
    match status {
        HubStatus::Active => v1::HubStatus::Active,
        HubStatus::Removed => v1::HubStatus::Removed,
        HubStatus::Left => v1::HubStatus::Left,
        HubStatus::Pending => v1::HubStatus::Pending,
    }
}

const fn point(point: Point) -> v1::Point {
    v1::Point {
        lat: point.lat,
        lon: point.lon,
    }
}

/// A hub.
pub fn hub(answer: ShownHub) -> v1::Hub {
    let row = answer.row;
    v1::Hub {
        slug: row.slug,
        name: row.profile.name,
        id: row.id.to_string(),
        self_: row.own,
        status: hub_status(row.status).into(),
        connected: answer.connected,
        last_heard: answer.last_heard_ms.map(timestamp),
        lag_envelopes: answer.lag_envelopes,
        as_of: answer.as_of_ms.map(timestamp),
        voter: row.voter,
        guest_of: answer.guest_of,
        epochs: answer.epochs,
        fork: answer.fork,
        clock_ahead_ms: answer.clock_ahead_ms,
        honour_rate: None,
        address: row.address,
        locality: row.profile.locality,
        country: row.profile.country,
        timezone: row.profile.timezone,
        at: row.profile.at.map(point),
        web_url: row.profile.web_url,
        description: row.profile.description,
        blocked: answer.blocked,
        explanation: answer.explanation,
    }
}

/// A decision.
pub fn decision(answer: ShownDecision) -> v1::ShownDecision {
    let (state, since) = match answer.state {
        State::Taken(since) => (v1::DecisionState::Passed, Some(since)),
        State::Pending => (v1::DecisionState::Pending, None),
        State::Refused => (v1::DecisionState::Refused, None),
    };
    v1::ShownDecision {
        id: answer.id.to_string(),
        change: answer.change.to_owned(),
        slug: answer.slug,
        hub: answer.hub.map(|hub| hub.to_string()).unwrap_or_default(),
        reason: answer.reason,
        proposer: answer.proposer,
        proposed: Some(timestamp(answer.proposed_ms)),
        state: state.into(),
        since: since.map(timestamp),
        votes: answer.votes,
        needed: u32::try_from(answer.needed).unwrap_or(u32::MAX),
        voters: answer.voters,
        own_vote: answer.own_vote.to_owned(),
        explanation: answer.explanation,
        after: answer.after.iter().map(ToString::to_string).collect(),
        counts_from: answer.counts_from_ms.map(timestamp),
        objected: answer.objected,
    }
}

/// The hub's keys.
pub fn keys(answer: &ShownKeys) -> v1::HubKeys {
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let keys = answer.keys.iter().map(|key| v1::HubKey {
        number: u32::from(key.number),
        key: hex(&key.key),
        state: match key.state {
            KeyState::Current => v1::KeyState::Current,
            KeyState::Former => v1::KeyState::Former,
            KeyState::Stolen => v1::KeyState::Stolen,
        }
        .into(),
    });
    v1::HubKeys {
        hub: answer.hub.to_string(),
        keys: keys.collect(),
        recovery_key: hex(&answer.recovery_key),
        replaced: answer.replaced,
        new_recovery_key: answer
            .new_recovery_key
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    }
}

/// A decision about a hub.
pub fn hub_decision(answer: HubDecision) -> v1::HubDecision {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    v1::HubDecision {
        slug: answer.slug,
        decision: answer.decision.to_string(),
        passed: answer.passed,
        votes: count(answer.votes),
        needed: count(answer.needed),
    }
}

/// An event at one of its occurrences.
pub fn event(shown: ShownEvent) -> v1::Event {
    let listed = &shown.listed;
    let (row, occurrence) = (&listed.row, &listed.occurrence);
    let (audience, shared_with) = match shown.audience {
        ShownAudience::Public => (v1::Audience::Public, Vec::new()),
        ShownAudience::Network => (v1::Audience::Network, Vec::new()),
        ShownAudience::Group(slugs) => (v1::Audience::Group, slugs),
        ShownAudience::Local => (v1::Audience::Local, Vec::new()),
    };
    let event = &row.event;
    let attendance = match Attendance::of(listed.location(), &event.online_url) {
        Some(Attendance::InPlace) => v1::Attendance::InPlace,
        Some(Attendance::Online) => v1::Attendance::Online,
        Some(Attendance::Hybrid) => v1::Attendance::Hybrid,
        None => v1::Attendance::Unspecified,
    };
    v1::Event {
        id: row.thing.to_string(),
        uid: event.uid.clone(),
        hub: shown.hub,
        hosts: shown.hosts,
        title: listed.title().to_owned(),
        summary: event.summary.clone(),
        description: listed.description().to_owned(),
        start: occurrence.start.to_string(),
        end: occurrence.end.to_string(),
        timezone: event.schedule.zone.name().to_owned(),
        all_day: occurrence.start.is_date(),
        start_utc: Some(timestamp(occurrence.start_ms)),
        end_utc: Some(timestamp(occurrence.end_ms)),
        status: event_status(occurrence.status, row.draft).into(),
        series: event.schedule.is_series(),
        recurrence_id: occurrence.recurrence_id.map(|start| start.to_string()),
        tags: event.tags.clone(),
        location: listed.location().map(|place| v1::Location {
            name: place.name.clone(),
            lat: place.at.map(|at| at.lat),
            lon: place.at.map(|at| at.lon),
        }),
        online_url: event.online_url.clone(),
        url: listed.url().to_owned(),
        language: event.language.clone(),
        updated: Some(timestamp(event.updated_ms)),
        as_of: shown.as_of_ms.map(timestamp),
        created: Some(timestamp(event.created_ms)),
        rrule: event.schedule.rules.clone(),
        sequence: event.sequence,
        image_url: event.image_url.clone(),
        hidden_note: shown.hidden.map(hidden_note),
        audience: audience.into(),
        shared_with,
        translations: event.translations_at(occurrence).map(translation).collect(),
        features: event.features.iter().cloned().collect(),
        capacity: event.capacity,
        postponed: event.postponed,
        attendance: attendance.into(),
    }
}

fn translation((language, texts): (&String, Translation)) -> v1::Translation {
    v1::Translation {
        language: language.clone(),
        title: texts.title,
        summary: texts.summary,
    }
}

fn hidden_note(row: HiddenRow) -> v1::HiddenNote {
    v1::HiddenNote {
        hidden: row.hidden,
        reason: row.reason,
        at: Some(timestamp(row.at_ms)),
        by: row.by,
    }
}

/// An event that is hidden here.
pub fn hidden_event(hidden: HiddenEvent) -> v1::HiddenEvent {
    v1::HiddenEvent {
        id: hidden.thing.to_string(),
        event: hidden.event.map(event),
        note: Some(hidden_note(hidden.note)),
    }
}

/// A year in numbers.
pub fn report(report: Report) -> v1::ReportResponse {
    let numbers = |numbers: Numbers| v1::ReportNumbers {
        held: numbers.held,
        cancelled: numbers.cancelled,
        coming: numbers.coming,
        minutes: numbers.minutes,
    };
    let group = |(name, of): (String, Numbers)| v1::ReportGroup {
        name,
        numbers: Some(numbers(of)),
    };
    v1::ReportResponse {
        year: report.year,
        total: Some(numbers(report.total)),
        by_month: report.by_month.into_iter().map(numbers).collect(),
        by_tag: report.by_tag.into_iter().map(group).collect(),
        by_cohost: report.by_cohost.into_iter().map(group).collect(),
        counters: report.counters.into_iter().map(super::counter::year).collect(),
    }
}

/// A calendar that is followed.
pub fn subscription(Subscription { id, row }: Subscription) -> v1::Subscription {
    v1::Subscription {
        id: id.to_string(),
        source: row.source,
        name: row.name,
        every_seconds: row.every_s,
        added: Some(timestamp(row.added_ms)),
        last: row.last_ms.map(timestamp),
        good: row.good_ms.map(timestamp),
        next: Some(timestamp(row.next_ms)),
        events: row.events,
        failures: row.failures,
        error: row.error,
    }
}

/// What undoing came to.
pub fn undone(event: ShownEvent, fields: Vec<Undone>) -> v1::UndoEventResponse {
    let field = |field: Undone| v1::UndoneField {
        field: field.field,
        before: field.now,
        after: field.then,
    };
    v1::UndoEventResponse {
        event: Some(self::event(event)),
        fields: fields.into_iter().map(field).collect(),
    }
}

/// What an erasure came to.
pub fn erased(erased: ErasedEvent) -> v1::EraseEventResponse {
    v1::EraseEventResponse {
        id: erased.thing.to_string(),
        already: erased.already,
        documents: u32::try_from(erased.documents).unwrap_or(u32::MAX),
    }
}

/// A field with several values.
pub fn conflict(shown: ShownConflict) -> v1::EventConflict {
    let state = match shown.state {
        ConflictState::Open => v1::ConflictState::Open,
        ConflictState::NotTakenOver => v1::ConflictState::NotTakenOver,
    };
    let values = shown.values.into_iter().map(|one| v1::ConcurrentValue {
        value: one.value,
        hub: one.hub,
        at: Some(timestamp(one.at_ms)),
    });
    v1::EventConflict {
        id: shown.thing.to_string(),
        field: shown.field,
        state: state.into(),
        values: values.collect(),
    }
}

/// That it is a draft says more than that it would be confirmed; that it is cancelled says more than both.
const fn event_status(status: Status, draft: bool) -> v1::EventStatus {
    match (status, draft) {
        (Status::Cancelled, _) => v1::EventStatus::Cancelled,
        (_, true) => v1::EventStatus::Draft,
        (Status::Confirmed, false) => v1::EventStatus::Confirmed,
        (Status::Tentative, false) => v1::EventStatus::Tentative,
    }
}

/// A page of a list.
pub fn page(page: ShownPage) -> v1::ListEventsResponse {
    v1::ListEventsResponse {
        events: page.events.into_iter().map(event).collect(),
        next: page.next,
    }
}

/// What an import came to.
pub fn import(imported: Imported) -> v1::ImportResult {
    let refused = imported.refused.into_iter().map(|refused| v1::RefusedEvent {
        uid: refused.uid,
        line: refused.line,
        reason: refused.reason,
    });
    let warnings = imported.warnings.into_iter().map(|warning| v1::ImportWarning {
        uid: warning.uid.unwrap_or_default(),
        line: warning.line,
        message: warning.message,
    });
    v1::ImportResult {
        warnings: warnings.collect(),
        cut_short: imported.cut_short,
        source: imported.source,
        events: imported.events,
        added: imported.added,
        changed: imported.changed,
        unchanged: imported.unchanged,
        cancelled: imported.cancelled,
        refused: refused.collect(),
        refused_count: imported.refused_count,
        erased: imported.erased,
    }
}

/// Figures of the node.
pub fn status(answer: NodeStatus) -> v1::StatusResponse {
    let hex = |digest: [u8; 32]| data_encoding::HEXLOWER.encode(&digest);
    let network = answer.network.map(|(name, id)| v1::StatusNetwork {
        name,
        id: id.to_string(),
    });
    v1::StatusResponse {
        hub: answer.slug,
        id: answer.id.to_string(),
        version: answer.version.to_owned(),
        network,
        documents: answer.totals.documents,
        events: answer.events,
        members: answer.members,
        peers: answer.peers,
        connected: answer.connected,
        shared_digest: hex(answer.shared_digest),
        projections_digest: hex(answer.projections_digest),
        epoch: answer.epoch.to_string(),
        restoring: answer.restoring,
        waiting: answer.totals.waiting,
        refused: answer.totals.refused,
        void: answer.totals.void,
        stuck: answer.totals.stuck,
        votes_open: answer.votes_open,
        key_replaced: answer.key_replaced,
        key_decisions: answer.key_decisions.iter().map(ToString::to_string).collect(),
        another_node: answer.another_node,
        breaches: answer.breaches,
        as_of: answer.as_of_ms.map(timestamp),
        oldest_hub: answer.oldest_hub,
        forked: answer.forked,
        clocks_ahead: answer.clocks_ahead,
        counting_error: answer.counting_error,
    }
}

/// A peer; `via` is the slug of the hub that tunnels.
pub fn peer(answer: PeerStatus, via: Option<String>) -> v1::Peer {
    let direction = match answer.direction {
        None => v1::StreamDirection::Unspecified,
        Some(Direction::Inbound) => v1::StreamDirection::In,
        Some(Direction::Outbound) => v1::StreamDirection::Out,
    };
    v1::Peer {
        slug: answer.slug,
        address: answer.address,
        connected: answer.connected,
        direction: direction.into(),
        last_heard: answer.last_heard_ms.map(timestamp),
        bytes_in: answer.bytes_in,
        bytes_out: answer.bytes_out,
        lag_envelopes: answer.lag_envelopes,
        clock_skew_ms: answer.clock_skew_ms,
        last_error: answer.last_error,
        via,
        paused: answer.paused.is_some(),
        breaches: answer.breaches,
        last_breach: answer.last_breach.map(str::to_owned),
        faults: answer.faults,
        last_fault: answer.last_fault.map(str::to_owned),
    }
}

/// A page of what is held and of no effect.
pub fn quarantine(page: QuarantinePage) -> v1::QuarantineResponse {
    let item = |held: QuarantinedEnvelope| v1::QuarantinedEnvelope {
        hash: held.hash.to_string(),
        author: held.author,
        peer: held.peer,
        state: match held.standing {
            Standing::Refused => v1::QuarantineState::Refused,
            Standing::Void => v1::QuarantineState::Void,
            Standing::Waiting => v1::QuarantineState::Waiting,
            Standing::Counted | Standing::Covered => v1::QuarantineState::Unspecified,
        }
        .into(),
        reason: held.reason,
        at: held.at_ms.map(timestamp),
        bytes: held.bytes,
    };
    v1::QuarantineResponse {
        items: page.items.into_iter().map(item).collect(),
        next: page.next,
    }
}

/// A change.
pub fn change(watched: Watched) -> v1::WatchChange {
    let kind = match watched.change.kind {
        ChangeKind::EventAdded => v1::ChangeKind::EventAdded,
        ChangeKind::EventChanged => v1::ChangeKind::EventChanged,
        ChangeKind::EventCancelled => v1::ChangeKind::EventCancelled,
        ChangeKind::EventRemoved => v1::ChangeKind::EventRemoved,
        ChangeKind::HubChanged => v1::ChangeKind::HubChanged,
        ChangeKind::RosterChanged => v1::ChangeKind::RosterChanged,
    };
    v1::WatchChange {
        token: watched.token,
        kind: kind.into(),
        thing: watched.change.thing.to_string(),
        at: Some(timestamp(watched.change.at_ms)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;

    use interhub_domain::event::{Event, LocalTime, Location, Occurrence, Override, Schedule, Zone};
    use interhub_domain::ids::{HubId, LogId, ObjectId, ThingId};

    use super::*;
    use crate::projection::{EventRow, Listed};

    fn time(text: &str) -> LocalTime {
        LocalTime::DateTime(text.parse().unwrap())
    }

    fn row() -> EventRow {
        let moved = Override {
            recurrence_id: time("2027-03-11T18:30:00"),
            this_and_future: false,
            status: Some(Status::Cancelled),
            time: None,
            title: Some("Not today".into()),
            description: None,
            location: None,
            url: None,
        };
        let event = Event {
            uid: "u1".into(),
            sequence: 3,
            status: Status::Confirmed,
            title: "Repair café".into(),
            summary: String::new(),
            description: "Bring it".into(),
            language: "en".into(),
            tags: vec!["repair".into()],
            location: Some(Location {
                name: "Hall".into(),
                at: Point::new(52.5, -1.9),
            }),
            url: String::new(),
            online_url: String::new(),
            image_url: String::new(),
            translations: [].into(),
            features: [].into(),
            capacity: None,
            postponed: false,
            schedule: Schedule {
                start: time("2027-03-04T18:30:00"),
                end: time("2027-03-04T20:30:00"),
                zone: Zone::Named("Europe/London".into()),
                rules: vec!["FREQ=WEEKLY".into()],
                extra: Vec::new(),
                excluded: Vec::new(),
                overrides: vec![moved],
            },
            created_ms: 1,
            updated_ms: 1_804_185_000_500,
        };
        EventRow {
            thing: ThingId([0xab; 16]),
            object: ObjectId([1; 16]),
            hub: HubId([2; 16]),
            log: LogId::PUBLIC,
            draft: false,
            hosts: vec![HubId([2; 16])],
            invited: Vec::new(),
            conflicts: Vec::new(),
            seen_ms: None,
            event,
        }
    }

    fn shown(occurrence: Occurrence) -> ShownEvent {
        let row = Arc::new(row());
        ShownEvent {
            listed: Listed { row, occurrence },
            hub: "birmingham".into(),
            hosts: vec!["birmingham".into()],
            as_of_ms: None,
            audience: ShownAudience::Public,
            hidden: None,
        }
    }

    fn occurrence(day: &str, override_index: Option<usize>) -> Occurrence {
        Occurrence {
            start: time(&format!("{day}T18:30:00")),
            end: time(&format!("{day}T20:30:00")),
            start_ms: 1_804_185_000_000,
            end_ms: 1_804_192_200_000,
            recurrence_id: Some(time(&format!("{day}T18:30:00"))),
            status: if override_index.is_some() {
                Status::Cancelled
            } else {
                Status::Confirmed
            },
            override_index,
        }
    }

    #[test]
    fn an_event_is_converted_whole() {
        let event = event(shown(occurrence("2027-03-04", None)));
        assert_eq!(
            (event.start.as_str(), event.end.as_str()),
            ("2027-03-04T18:30:00", "2027-03-04T20:30:00")
        );
        assert_eq!(event.id, "ab".repeat(16));
        assert!(event.series && !event.all_day);
        assert_eq!(event.status(), v1::EventStatus::Confirmed);
        assert_eq!(
            event.updated,
            Some(Timestamp {
                seconds: 1_804_185_000,
                nanos: 500_000_000
            })
        );
        assert_eq!(
            event.start_utc,
            Some(Timestamp {
                seconds: 1_804_185_000,
                nanos: 0
            })
        );
        assert_eq!(event.location.unwrap().lat, Some(52.5));
    }

    #[test]
    fn an_occurrence_shows_what_differs_in_it() {
        let event = event(shown(occurrence("2027-03-11", Some(0))));
        assert_eq!(event.title, "Not today");
        assert_eq!(event.description, "Bring it");
        assert_eq!(event.start, "2027-03-11T18:30:00");
        assert_eq!(event.recurrence_id.as_deref(), Some("2027-03-11T18:30:00"));
        assert_eq!(event.status(), v1::EventStatus::Cancelled);
    }

    #[test]
    fn drafts_are_named_unless_cancelled() {
        assert_eq!(event_status(Status::Tentative, true), v1::EventStatus::Draft);
        assert_eq!(event_status(Status::Cancelled, true), v1::EventStatus::Cancelled);
    }

    #[test]
    fn instants_before_1970_are_right_too() {
        assert_eq!(
            timestamp(-1),
            Timestamp {
                seconds: -1,
                nanos: 999_000_000
            }
        );
        assert_eq!(
            timestamp(1_500),
            Timestamp {
                seconds: 1,
                nanos: 500_000_000
            }
        );
    }
}
