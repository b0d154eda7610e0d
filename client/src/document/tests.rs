#![allow(clippy::unwrap_used, reason = "tests")]

use interhub_proto::{Timestamp, v1};
use serde::Serialize;
use serde_json::json;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp { seconds, nanos: 0 }
}

/// The document as JSON, and as text.
fn written<T: Serialize>(document: &T) -> (serde_json::Value, String) {
    (
        serde_json::to_value(document).unwrap(),
        serde_json::to_string(document).unwrap(),
    )
}

fn event() -> v1::Event {
    v1::Event {
        id: "ab".repeat(16),
        uid: "u1@hub.example".into(),
        hub: "birmingham".into(),
        hosts: vec!["birmingham".into(), "vienna".into()],
        title: "Repair café".into(),
        summary: "Bring it".into(),
        description: "Bring what is broken".into(),
        start: "2027-03-04T18:30:00".into(),
        end: "2027-03-04T20:30:00".into(),
        timezone: "Europe/London".into(),
        all_day: false,
        start_utc: Some(at(1_804_185_000)),
        end_utc: Some(at(1_804_192_200)),
        status: v1::EventStatus::Confirmed.into(),
        series: true,
        recurrence_id: Some("2027-03-04T18:30:00".into()),
        tags: vec!["repair".into()],
        location: Some(v1::Location {
            name: "Main hall".into(),
            lat: Some(52.5),
            lon: Some(-1.9),
        }),
        online_url: String::new(),
        url: "https://hub.example/r".into(),
        language: "en".into(),
        updated: Some(at(1_804_000_000)),
        as_of: None,
        created: Some(at(1_803_000_000)),
        rrule: vec!["FREQ=WEEKLY".into()],
        sequence: 2,
        image_url: String::new(),
        hidden_note: None,
        audience: v1::Audience::Public.into(),
        shared_with: Vec::new(),
        translations: vec![v1::Translation {
            language: "de".into(),
            title: "Reparatur-Café".into(),
            summary: String::new(),
        }],
        features: vec!["childcare".into()],
        capacity: Some(40),
        postponed: false,
        attendance: v1::Attendance::InPlace.into(),
    }
}

#[test]
fn an_event_is_written_as_promised() {
    let (value, text) = written(&EventDocument::from(event()));
    let expected = json!({
        "id": "ab".repeat(16), "uid": "u1@hub.example", "hub": "birmingham", "hosts": ["birmingham", "vienna"],
        "title": "Repair café", "summary": "Bring it", "description": "Bring what is broken",
        "start": "2027-03-04T18:30:00", "end": "2027-03-04T20:30:00", "timezone": "Europe/London", "all_day": false,
        "start_utc": "2027-03-04T18:30:00Z", "end_utc": "2027-03-04T20:30:00Z", "status": "confirmed", "series": true,
        "recurrence_id": "2027-03-04T18:30:00", "tags": ["repair"],
        "location": {"name": "Main hall", "lat": 52.5, "lon": -1.9}, "online_url": null,
        "url": "https://hub.example/r", "language": "en", "updated": "2027-03-02T15:06:40Z", "as_of": null,
        "created": "2027-02-19T01:20:00Z", "rrule": ["FREQ=WEEKLY"], "sequence": 2, "image_url": null,
        "hidden": false, "hidden_note": null, "audience": "public", "shared_with": [],
        "translations": {"de": {"title": "Reparatur-Café", "summary": ""}}, "features": ["childcare"], "capacity": 40,
        "postponed": false, "attendance": "in_place",
    });
    assert_eq!(value, expected);
    assert!(text.starts_with("{\"id\":"), "fields keep their order");
}

#[test]
fn statuses_have_the_promised_names() {
    for (status, name) in [
        (v1::EventStatus::Confirmed, "confirmed"),
        (v1::EventStatus::Tentative, "tentative"),
        (v1::EventStatus::Cancelled, "cancelled"),
        (v1::EventStatus::Draft, "draft"),
    ] {
        assert_eq!(
            EventDocument::from(v1::Event {
                status: status.into(),
                ..event()
            })
            .status,
            name
        );
    }
    assert_eq!(
        EventDocument::from(v1::Event { status: 99, ..event() }).status,
        "confirmed"
    );
}

#[test]
fn lists_and_imports() {
    let list = ListDocument::from(v1::ListEventsResponse {
        events: Vec::new(),
        next: None,
    });
    assert_eq!(written(&list).1, r#"{"events":[],"next":null}"#);
    let result = v1::ImportResult {
        source: "a.ics".into(),
        events: 3,
        added: 1,
        changed: 0,
        unchanged: 1,
        cancelled: 0,
        refused: vec![v1::RefusedEvent {
            uid: String::new(),
            line: 7,
            reason: "no DTSTART".into(),
        }],
        refused_count: 1,
        warnings: vec![v1::ImportWarning {
            uid: "u1".into(),
            line: 9,
            message: "it ends before it starts".into(),
        }],
        cut_short: true,
        erased: 0,
    };
    let one = ImportDocument::sum(vec![ImportDocument::from(result)]);
    assert_eq!(
        written(&one).1,
        r#"{"source":"a.ics","events":3,"added":1,"changed":0,"unchanged":1,"cancelled":0,"refused":[{"uid":null,"line":7,"reason":"no DTSTART"}],"refused_count":1,"warnings":[{"uid":"u1","line":9,"message":"it ends before it starts"}],"cut_short":true,"erased":0}"#
    );
    let failed = ImportDocument {
        source: "b.ics".into(),
        error: Some("no calendar".into()),
        ..Default::default()
    };
    let (both, _) = written(&ImportDocument::sum(vec![one, failed]));
    assert_eq!(both["source"], "a.ics, b.ics");
    assert_eq!(both["events"], 3);
    assert_eq!(both["files"][1]["error"], "no calendar");
    assert_eq!(both["files"][0]["refused"][0]["line"], 7);
    assert_eq!(both["warnings"][0]["line"], 9);
    assert_eq!(both["cut_short"], true);
}

#[test]
fn networks_and_invitations() {
    let join = v1::JoinNetworkResponse {
        network: "Impact Hubs".into(),
        slug: "vienna".into(),
        status: v1::HubStatus::Active.into(),
    };
    let text = written(&JoinDocument::from(join)).1;
    assert_eq!(text, r#"{"network":"Impact Hubs","slug":"vienna","status":"active"}"#);
    let invite = v1::InviteResponse {
        link: "https://h/join#x".into(),
        expires: Some(at(0)),
    };
    let text = written(&InviteDocument::from(invite)).1;
    assert_eq!(text, r#"{"link":"https://h/join#x","expires":"1970-01-01T00:00:00Z"}"#);
    let network = v1::NetworkInfo {
        name: "N".into(),
        id: "01".repeat(16),
        hubs: 3,
        voters: 1,
        guests: 2,
        ..v1::NetworkInfo::default()
    };
    let expected = json!({
        "name": "N", "id": "01".repeat(16), "founded": null, "founder": null, "hubs": 3, "voters": 1, "guests": 2,
    });
    assert_eq!(written(&NetworkDocument::from(network)).0, expected);
}

#[test]
fn hubs() {
    let hub = v1::Hub {
        slug: "vienna".into(),
        name: "Impact Hub Vienna".into(),
        id: "cd".repeat(16),
        self_: true,
        status: v1::HubStatus::Active.into(),
        connected: true,
        voter: true,
        epochs: 2,
        at: Some(v1::Point { lat: 48.2, lon: 16.4 }),
        ..v1::Hub::default()
    };
    let hubs = HubsDocument {
        hubs: vec![HubDocument::from(hub)],
    };
    let expected = json!({"hubs": [{
        "slug": "vienna", "name": "Impact Hub Vienna", "id": "cd".repeat(16), "self": true, "status": "active",
        "connected": true, "last_heard": null, "lag_envelopes": null, "as_of": null, "voter": true, "guest_of": null,
        "epochs": 2, "fork": false, "clock_ahead_ms": null, "honour_rate": null, "address": null, "locality": null, "country": null,
        "timezone": null, "lat": 48.2, "lon": 16.4, "web_url": null, "description": "",
        "blocked": false, "explanation": [],
    }]});
    assert_eq!(written(&hubs).0, expected);
}

#[test]
fn decisions_about_hubs_and_keys() {
    let decision = v1::HubDecision {
        slug: "vienna".into(),
        decision: "ab".into(),
        passed: true,
        votes: 2,
        needed: 2,
    };
    let expected = json!({"slug": "vienna", "decision": "ab", "state": "passed", "votes": 2, "needed": 2});
    assert_eq!(written(&HubDecisionDocument::from(decision)).0, expected);
    let shown = v1::ShownDecision {
        id: "ab".into(),
        change: "rules".into(),
        state: v1::DecisionState::Refused.into(),
        ..v1::ShownDecision::default()
    };
    let expected = json!({
        "id": "ab", "change": "rules", "slug": null, "hub": null, "reason": null, "proposer": "", "proposed": null,
        "state": "refused", "since": null, "votes": [], "needed": 0, "voters": [], "own_vote": "", "explanation": "",
        "after": [], "counts_from": null, "objected": false,
    });
    assert_eq!(written(&DecisionDocument::from(shown)).0, expected);
    let keys = v1::HubKeys {
        hub: "cd".into(),
        keys: vec![v1::HubKey {
            number: 1,
            key: "ef".into(),
            state: v1::KeyState::Stolen.into(),
        }],
        recovery_key: "01".into(),
        replaced: false,
        new_recovery_key: String::new(),
    };
    let expected = json!({
        "hub": "cd", "keys": [{"number": 1, "key": "ef", "state": "stolen"}], "recovery_key": "01", "replaced": false,
    });
    assert_eq!(written(&KeysDocument::from(keys)).0, expected);
}

#[test]
fn figures_of_the_node() {
    let status = v1::StatusResponse {
        hub: "vienna".into(),
        epoch: "00ff".into(),
        ..v1::StatusResponse::default()
    };
    let expected = json!({
        "hub": "vienna", "id": "", "version": "", "network": null, "documents": 0, "events": 0, "members": 0,
        "peers": 0, "connected": 0, "shared_digest": "", "projections_digest": "", "epoch": "00ff",
        "restoring": false, "waiting": 0, "refused": 0, "void": 0, "stuck": 0, "votes_open": 0, "another_node": false,
        "key_replaced": false, "key_decisions": [], "breaches": 0, "as_of": null, "oldest_hub": null,
        "forked": [], "clocks_ahead": [], "counting_error": null,
    });
    assert_eq!(written(&StatusDocument::from(status)).0, expected);
    let peer = v1::Peer {
        slug: "b".into(),
        connected: true,
        direction: v1::StreamDirection::Out.into(),
        clock_skew_ms: Some(-5),
        ..v1::Peer::default()
    };
    let peers = PeersDocument {
        peers: vec![PeerDocument::from(peer)],
    };
    let expected = json!({"peers": [{
        "slug": "b", "address": null, "connected": true, "direction": "outbound", "last_heard": null, "bytes_in": 0,
        "bytes_out": 0, "lag_envelopes": null, "clock_skew_ms": -5, "last_error": null, "via": null, "paused": false, "breaches": 0, "last_breach": null,
        "faults": 0, "last_fault": null,
    }]});
    assert_eq!(written(&peers).0, expected);
    let change = v1::WatchChange {
        token: "t".into(),
        kind: v1::ChangeKind::EventCancelled.into(),
        thing: "x".into(),
        at: Some(Timestamp {
            seconds: 0,
            nanos: 5_000_000,
        }),
    };
    let text = written(&WatchDocument::from(change)).1;
    assert_eq!(
        text,
        r#"{"token":"t","kind":"event_cancelled","thing":"x","at":"1970-01-01T00:00:00.005Z"}"#
    );
}

#[test]
fn instants_that_cannot_be_are_absent() {
    assert_eq!(
        instant(Some(&Timestamp {
            seconds: i64::MAX,
            nanos: 0
        })),
        None
    );
    assert_eq!(instant(None), None);
}

#[test]
fn what_is_hidden_is_listed_with_its_reasons() {
    let note = v1::HiddenNote {
        hidden: true,
        reason: "spam".into(),
        at: Some(at(1_804_000_000)),
        by: "uid 0".into(),
    };
    let there = v1::HiddenEvent {
        id: "ab".repeat(16),
        event: Some(event()),
        note: Some(note.clone()),
    };
    let gone = v1::HiddenEvent {
        id: "cd".repeat(16),
        event: None,
        note: Some(note),
    };
    let (value, _) = written(&HiddenListDocument::from(vec![there, gone]));
    let expected = json!({"hidden": true, "reason": "spam", "at": "2027-03-02T15:06:40Z", "by": "uid 0"});
    assert_eq!(value["events"][0]["hidden"], true);
    assert_eq!(value["events"][0]["hidden_note"], expected);
    assert_eq!(value["gone"], json!([{"id": "cd".repeat(16), "hidden_note": expected}]));
    assert_eq!(value["next"], json!(null));
    let erased = v1::EraseEventResponse {
        id: "ab".repeat(16),
        already: false,
        documents: 2,
    };
    assert_eq!(
        written(&ErasedDocument::from(erased)).0,
        json!({"id": "ab".repeat(16), "erased": true, "already": false, "documents": 2})
    );
}
