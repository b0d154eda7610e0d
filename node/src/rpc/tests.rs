//! The services over a real socket, on a node in memory.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use hyper_util::rt::TokioIo;
use interhub_proto::v1;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use super::socket::{AdminSocket, NAME};
use crate::command::Commands;
use crate::command::testing::birmingham;
use crate::task::{Blocking, Tasks};

const NOW_MS: i64 = 1_795_000_000_000;
const SOON: Duration = Duration::from_secs(30);

fn commands(tasks: &Tasks) -> Commands {
    birmingham(tasks, NOW_MS).0
}

struct Served {
    tasks: Tasks,
    channel: Channel,
    _folder: tempfile::TempDir,
}

impl Served {
    fn network(&self) -> v1::network_client::NetworkClient<Channel> {
        v1::network_client::NetworkClient::new(self.channel.clone())
    }

    fn events(&self) -> v1::events_client::EventsClient<Channel> {
        v1::events_client::EventsClient::new(self.channel.clone())
    }

    fn operations(&self) -> v1::operations_client::OperationsClient<Channel> {
        v1::operations_client::OperationsClient::new(self.channel.clone())
    }

    async fn found_network(&self) {
        self.network()
            .create(v1::CreateNetworkRequest { name: "Hubs".into() })
            .await
            .unwrap();
    }

    async fn add(&self, title: &str) -> v1::Event {
        let fields = v1::EventFields {
            title: Some(title.into()),
            start: Some("2027-03-04T18:30".into()),
            ending: Some(v1::event_fields::Ending::DurationSeconds(7_200)),
            ..v1::EventFields::default()
        };
        self.events()
            .add(v1::AddEventRequest { fields: Some(fields) })
            .await
            .unwrap()
            .into_inner()
    }
}

async fn serve() -> Served {
    let folder = tempfile::tempdir().unwrap();
    let tasks = Tasks::new(Blocking::Threads);
    let services = super::services(&commands(&tasks)).await.unwrap();
    let socket = AdminSocket::bind(folder.path()).unwrap();
    tasks.spawn("rpc", "admin", |context| async move {
        socket.serve(services, context.token()).await.unwrap();
    });
    let path = folder.path().join(NAME);
    let connector = tower::service_fn(move |_| {
        let path = path.clone();
        async move { tokio::net::UnixStream::connect(path).await.map(TokioIo::new) }
    });
    let channel = Endpoint::from_static("http://admin.invalid")
        .connect_with_connector(connector)
        .await
        .unwrap();
    Served {
        tasks,
        channel,
        _folder: folder,
    }
}

#[tokio::test]
async fn refusals_arrive_with_their_code_and_line() {
    let served = serve().await;
    let show = v1::ShowNetworkRequest {};
    assert_eq!(
        served.network().show(show).await.unwrap_err().code(),
        Code::FailedPrecondition
    );
    let link = v1::JoinNetworkRequest {
        link: "x".repeat(10_000),
    };
    let joined = served.network().join(link).await.unwrap_err();
    assert_eq!(joined.code(), Code::InvalidArgument);
    assert!(joined.message().contains("link"), "{joined}");
    served.found_network().await;
    assert_eq!(
        served
            .network()
            .show(v1::ShowNetworkRequest {})
            .await
            .unwrap()
            .into_inner()
            .name,
        "Hubs"
    );
    let long = v1::InviteRequest {
        expires_seconds: Some(u64::MAX),
    };
    assert_eq!(
        served.network().invite(long).await.unwrap_err().code(),
        Code::InvalidArgument
    );

    let show = |id: String| v1::ShowEventRequest { id };
    assert_eq!(
        served.events().show(show("1".into())).await.unwrap_err().code(),
        Code::InvalidArgument
    );
    assert_eq!(
        served.events().show(show("ab".repeat(16))).await.unwrap_err().code(),
        Code::NotFound
    );
    let query = v1::ListEventsRequest {
        from: Some("soon".into()),
        ..v1::ListEventsRequest::default()
    };
    let wrong = served.events().list(query).await.unwrap_err();
    assert_eq!(wrong.code(), Code::InvalidArgument);
    assert!(wrong.message().starts_with("from"), "{wrong}");
}

#[tokio::test]
async fn an_event_is_added_edited_cancelled_and_listed() {
    let served = serve().await;
    served.found_network().await;
    let added = served.add("Repair").await;
    assert_eq!((added.title.as_str(), added.hub.as_str()), ("Repair", "birmingham"));
    assert_eq!(added.end, "2027-03-04T20:30:00");
    let fields = Some(v1::EventFields {
        title: Some("Mend".into()),
        ..v1::EventFields::default()
    });
    let edit = v1::EditEventRequest {
        id: added.id.clone(),
        fields,
    };
    assert_eq!(served.events().edit(edit).await.unwrap().into_inner().title, "Mend");
    let cancel = v1::CancelEventRequest {
        id: added.id.clone(),
        occurrence: None,
    };
    let cancelled = served.events().cancel(cancel).await.unwrap().into_inner();
    assert_eq!(cancelled.status(), v1::EventStatus::Cancelled);
    let list = served
        .events()
        .list(v1::ListEventsRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        list.events.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(),
        [added.id.as_str()]
    );
}

fn upload(start: bool, chunks: Vec<Vec<u8>>) -> tokio_stream::Iter<std::vec::IntoIter<v1::ImportRequest>> {
    let part = |part| v1::ImportRequest { part: Some(part) };
    let header = v1::ImportStart {
        download: false,
        source: "a.ics".into(),
        dry_run: false,
        bytes: None,
        take_erased: false,
    };
    let first = start.then(|| part(v1::import_request::Part::Start(header)));
    let rest = chunks
        .into_iter()
        .map(|chunk| part(v1::import_request::Part::Chunk(chunk)));
    tokio_stream::iter(first.into_iter().chain(rest).collect::<Vec<_>>())
}

fn calendar(events: usize) -> Vec<u8> {
    let mut text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n".to_owned();
    for number in 0..events {
        let lines = [
            "BEGIN:VEVENT".to_owned(),
            format!("UID:{number}"),
            "DTSTART:20270304T183000Z".to_owned(),
            format!("SUMMARY:Event {number}"),
            "END:VEVENT\r\n".to_owned(),
        ];
        text += &lines.join("\r\n");
    }
    (text + "END:VCALENDAR\r\n").into_bytes()
}

#[tokio::test]
async fn an_import_ends_with_its_result_and_changes_nothing_the_second_time() {
    let served = serve().await;
    served.found_network().await;
    for (added, unchanged) in [(30, 0), (0, 30)] {
        let chunks = calendar(30).chunks(500).map(<[u8]>::to_vec).collect();
        let mut answers = served.events().import(upload(true, chunks)).await.unwrap().into_inner();
        let mut result = None;
        while let Some(answer) = answers.message().await.unwrap() {
            assert!(result.is_none(), "the result is the last");
            match answer.part {
                Some(v1::import_progress::Part::Step(step)) => assert_eq!(step.total, 30),
                Some(v1::import_progress::Part::Result(done)) => result = Some(done),
                None => {}
            }
        }
        let result = result.unwrap();
        assert_eq!((result.source.as_str(), result.events), ("a.ics", 30));
        assert_eq!((result.added, result.unchanged), (added, unchanged));
    }
}

#[tokio::test]
async fn a_broken_upload_is_refused_with_a_reason() {
    let served = serve().await;
    served.found_network().await;
    let mut answers = served
        .events()
        .import(upload(true, vec![b"<html>".to_vec()]))
        .await
        .unwrap()
        .into_inner();
    let broken = answers.message().await.unwrap_err();
    assert_eq!(broken.code(), Code::InvalidArgument);
    assert!(broken.message().contains("line 1"), "{broken}");
    let headless = served
        .events()
        .import(upload(false, vec![b"BEGIN".to_vec()]))
        .await
        .unwrap_err();
    assert_eq!(headless.code(), Code::InvalidArgument);
    let nothing = served.events().import(upload(false, Vec::new())).await.unwrap_err();
    assert_eq!(nothing.code(), Code::InvalidArgument);
    let huge = served
        .events()
        .import(upload(true, vec![vec![b' '; 1024 * 1024]; 65]))
        .await
        .unwrap_err();
    assert!(huge.message().contains("64 MiB"), "{huge}");
}

#[tokio::test]
async fn an_export_arrives_whole_in_either_form() {
    let served = serve().await;
    served.found_network().await;
    served.add("Repair").await;
    let request = v1::ExportRequest {
        format: v1::ExportFormat::Icalendar.into(),
    };
    let mut chunks = served.events().export(request).await.unwrap().into_inner();
    let mut text = Vec::new();
    while let Some(chunk) = chunks.message().await.unwrap() {
        let Some(v1::export_chunk::Part::Calendar(piece)) = chunk.part else {
            panic!("not a calendar")
        };
        text.extend(piece);
    }
    let text = String::from_utf8(text).unwrap();
    assert!(
        text.contains("SUMMARY:Repair") && text.ends_with("END:VCALENDAR\r\n"),
        "{text}"
    );
    let request = v1::ExportRequest {
        format: v1::ExportFormat::Events.into(),
    };
    let mut chunks = served.events().export(request).await.unwrap().into_inner();
    let Some(v1::export_chunk::Part::Event(event)) = chunks.message().await.unwrap().unwrap().part else {
        panic!("not an event")
    };
    assert_eq!(event.title, "Repair");
    let neither = served.events().export(v1::ExportRequest::default()).await.unwrap_err();
    assert_eq!(neither.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_watcher_sees_every_change_once_and_resumes_without_a_gap() {
    let served = serve().await;
    served.found_network().await;
    served.add("before").await;
    let mut stream = served
        .operations()
        .watch(v1::WatchRequest { from: None })
        .await
        .unwrap()
        .into_inner();
    let one = served.add("one").await.id;
    let two = served.add("two").await.id;
    let first = stream.message().await.unwrap().unwrap();
    assert_eq!(
        (first.thing.as_str(), first.kind()),
        (one.as_str(), v1::ChangeKind::EventAdded)
    );
    assert_eq!(stream.message().await.unwrap().unwrap().thing, two);
    drop(stream);

    let three = served.add("three").await.id;
    let from = Some(first.token);
    let mut stream = served
        .operations()
        .watch(v1::WatchRequest { from })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(stream.message().await.unwrap().unwrap().thing, two);
    assert_eq!(stream.message().await.unwrap().unwrap().thing, three);
    let wrong = served
        .operations()
        .watch(v1::WatchRequest { from: Some("?".into()) })
        .await
        .unwrap_err();
    assert_eq!(wrong.code(), Code::InvalidArgument);

    // The node stops: the stream ends, and so does everything else.
    assert_eq!(served.tasks.stop(SOON).await, []);
    assert!(!matches!(stream.message().await, Ok(Some(_))));
    assert!(served.operations().status(v1::StatusRequest {}).await.is_err());
}

#[tokio::test]
async fn health_and_reflection_answer() {
    let served = serve().await;
    let mut health = tonic_health::pb::health_client::HealthClient::new(served.channel.clone());
    for service in [
        "interhub.v1.Network",
        "interhub.v1.Hubs",
        "interhub.v1.Events",
        "interhub.v1.Operations",
    ] {
        let request = tonic_health::pb::HealthCheckRequest {
            service: service.into(),
        };
        let status = health.check(request).await.unwrap().into_inner().status();
        assert_eq!(
            status,
            tonic_health::pb::health_check_response::ServingStatus::Serving,
            "{service}"
        );
    }
    let request = tonic_reflection::pb::v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut reflection = ServerReflectionClient::new(served.channel.clone());
    let answers = reflection
        .server_reflection_info(tokio_stream::iter([request]))
        .await
        .unwrap();
    let answer = answers
        .into_inner()
        .message()
        .await
        .unwrap()
        .unwrap()
        .message_response
        .unwrap();
    let MessageResponse::ListServicesResponse(list) = answer else {
        panic!("not a list")
    };
    assert!(list.service.iter().any(|service| service.name == "interhub.v1.Events"));
}

#[tokio::test]
async fn an_event_is_erased_once_and_known_as_erased() {
    let served = serve().await;
    served.found_network().await;
    let event = served.add("Repair café").await;
    let erase = async |id: &str| {
        served
            .events()
            .erase(v1::EraseEventRequest { id: id.to_owned() })
            .await
            .map(tonic::Response::into_inner)
    };
    let first = erase(&event.id).await.unwrap();
    assert_eq!((first.already, first.documents), (false, 1));
    let again = erase(&event.id).await.unwrap();
    assert_eq!((again.already, again.documents), (true, 0));
    assert_eq!(erase(&"0".repeat(32)).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(erase("nonsense").await.unwrap_err().code(), Code::InvalidArgument);
    let shown = served.events().show(v1::ShowEventRequest { id: event.id }).await;
    assert_eq!(shown.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn own_and_unknown_events_cannot_be_hidden() {
    let served = serve().await;
    served.found_network().await;
    let event = served.add("Repair café").await;
    let hide = async |id: &str, reason: &str| {
        let request = v1::HideEventRequest {
            id: id.to_owned(),
            reason: reason.to_owned(),
        };
        served.events().hide(request).await.unwrap_err()
    };
    let own = hide(&event.id, "spam").await;
    assert_eq!(own.code(), Code::PermissionDenied);
    assert!(own.message().contains("erase"), "{own:?}");
    assert_eq!(hide(&event.id, " ").await.code(), Code::InvalidArgument);
    assert_eq!(hide(&event.id, &"x".repeat(1_001)).await.code(), Code::InvalidArgument);
    assert_eq!(hide(&event.id, "two\nlines").await.code(), Code::InvalidArgument);
    assert_eq!(hide(&"0".repeat(32), "spam").await.code(), Code::NotFound);
    let hidden = served.events().list_hidden(v1::ListHiddenRequest {}).await.unwrap();
    assert!(hidden.into_inner().events.is_empty());
}
