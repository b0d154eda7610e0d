//! The services on the web port, for programs with a token: gRPC over HTTP/2, and gRPC-web for browsers.
//!
//! `authorization: Bearer TOKEN` (RFC 6750 2.1) is checked before any handler runs, and what the token's role does not allow is
//! refused there. As everywhere, tokens are taken only where nobody can read them on the way.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tonic::Status;
use tonic_web::GrpcWebLayer;
use tower_http::cors::{Any, CorsLayer};

use super::{ReflectionError, services};
use crate::command::Commands;
use crate::command::access::Bearer;
use crate::store::catalogue::access::Role;
use crate::way::Way;

/// What precedes the name of every service of ours.
const PACKAGE: &str = "/interhub.v1.";
/// Methods that change nothing and tell no secret: the keys of the hub, the addresses of calendars that it follows and those of
/// whom it tells of changes are not among them.
const READS: [&str; 17] = [
    "Network/Show",
    "Network/Decisions",
    "Hubs/List",
    "Hubs/Show",
    "Events/Show",
    "Events/List",
    "Events/ListHidden",
    "Events/Invitations",
    "Events/Conflicts",
    "Events/Export",
    "Operations/Status",
    "Operations/Peers",
    "Operations/Quarantine",
    "Operations/Report",
    "Operations/Watch",
    "Counters/List",
    "Counters/Entries",
];
/// What the front desk needs beside what is its own.
const DESK: [&str; 5] = [
    "Hubs/List",
    "Hubs/Show",
    "Events/List",
    "Events/Show",
    "Operations/Status",
];
/// What a program that follows changes needs.
const CHANGES: [&str; 1] = ["Operations/Watch"];
/// Headers of a gRPC answer that a script of another site may read.
const EXPOSED: [HeaderName; 3] = [
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status-details-bin"),
];

#[derive(Clone)]
struct Door {
    commands: Commands,
    behind_proxy: bool,
}

/// All services for clients behind the check of tokens, without a fallback of their own. `behind_proxy`: whether a proxy that speaks
/// HTTPS stands before us.
pub async fn web_services(commands: &Commands, behind_proxy: bool) -> Result<Router, ReflectionError> {
    let door = Door {
        commands: commands.clone(),
        behind_proxy,
    };
    // Scripts of other sites may call: what they need is a token, and no browser sends one by itself.
    let other_sites = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::POST])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("x-grpc-web"),
            HeaderName::from_static("x-user-agent"),
            HeaderName::from_static("grpc-timeout"),
        ])
        .expose_headers(EXPOSED);
    let router = services(commands)
        .await?
        .into_axum_router()
        .layer(from_fn_with_state(door, admit))
        .layer(GrpcWebLayer::new())
        .layer(other_sites)
        .reset_fallback();
    Ok(router)
}

/// Lets a call in whose token allows it; what it may not is answered here.
async fn admit(State(door): State<Door>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let way = Way::of_parts(&parts, door.behind_proxy);
    match check(&door, way, bearer_token(&parts.headers), parts.uri.path()).await {
        Ok(bearer) => {
            parts.extensions.insert(bearer);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(refused) => refused.into_http::<Body>(),
    }
}

async fn check(door: &Door, way: Way, token: Option<String>, path: &str) -> Result<Bearer, Status> {
    if !way.private {
        return Err(Status::permission_denied(
            "a token could be read on the way here; use the hub's https:// address, or call from its own machine",
        ));
    }
    let token = token.ok_or_else(|| {
        Status::unauthenticated(
            "this needs a token: `interhub token create` makes one, --token or INTERHUB_TOKEN gives it",
        )
    })?;
    let bearer = door.commands.bearer(token).await.map_err(|error| {
        let refused = Status::from(error);
        match refused.code() {
            tonic::Code::PermissionDenied => Status::unauthenticated(refused.message().to_owned()),
            _ => refused,
        }
    })?;
    if allows(bearer.role, path) {
        return Ok(bearer);
    }
    let method = path.strip_prefix(PACKAGE).unwrap_or(path);
    Err(Status::permission_denied(format!(
        "a token with the role {} may not call {method:.100}; `interhub token create --role admin` makes one that may",
        bearer.role.name()
    )))
}

fn bearer_token(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

/// Whether a role may call a method. Health and reflection say nothing about the hub.
fn allows(role: Role, path: &str) -> bool {
    let Some(method) = path.strip_prefix(PACKAGE) else {
        return true;
    };
    match role {
        Role::Admin => true,
        Role::Read => READS.contains(&method),
        Role::Desk => DESK.contains(&method),
        Role::ChangeStream => CHANGES.contains(&method),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::super::command::testing::birmingham;
    use super::*;
    use crate::task::{Blocking, Tasks};
    use crate::way::PeerAddress;
    use axum::body::to_bytes;
    use axum::http::{Request as HttpRequest, StatusCode};
    use tower::ServiceExt as _;

    async fn door() -> (Router, Commands) {
        let (commands, _) = birmingham(&Tasks::new(Blocking::Threads), 1_795_000_000_000);
        commands.create_network("Test".into()).await.unwrap();
        (web_services(&commands, false).await.unwrap(), commands)
    }

    /// An empty gRPC-web message to a method: the status, and the body.
    async fn call(router: &Router, method: &str, token: Option<&str>, from: &str) -> (Option<String>, Vec<u8>) {
        let mut request = HttpRequest::post(format!("/interhub.v1.{method}"))
            .header("content-type", "application/grpc-web+proto")
            .header("origin", "https://elsewhere.example")
            .extension(PeerAddress(from.parse().unwrap()));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response = router
            .clone()
            .oneshot(request.body(Body::from(vec![0; 5])).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK, "gRPC says it in its own status");
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        let status = response
            .headers()
            .get("grpc-status")
            .map(|status| status.to_str().unwrap().to_owned());
        (
            status,
            to_bytes(response.into_body(), 1_000_000).await.unwrap().to_vec(),
        )
    }

    #[tokio::test]
    async fn a_token_opens_what_its_role_allows() {
        let (router, commands) = door().await;
        let token = async |role| commands.create_token(role, String::new(), None).await.unwrap().0;
        for (role, method, status) in [
            (Role::Admin, "Operations/Status", None),
            (Role::Admin, "Operations/ListTokens", None),
            (Role::Read, "Operations/Status", None),
            (Role::Read, "Hubs/List", None),
            (Role::Read, "Hubs/Leave", Some("7")),
            (Role::Read, "Hubs/ShowKeys", Some("7")),
            (Role::Read, "Operations/ListTokens", Some("7")),
            (Role::Read, "Events/Subscriptions", Some("7")),
            (Role::Read, "Webhooks/List", Some("7")),
            (Role::Read, "Counters/List", None),
            (Role::Read, "Counters/Define", Some("7")),
            (Role::Admin, "Webhooks/List", None),
            (Role::Desk, "Hubs/List", None),
            (Role::Desk, "Events/Add", Some("7")),
            (Role::ChangeStream, "Operations/Status", Some("7")),
            (Role::ChangeStream, "Events/List", Some("7")),
        ] {
            let text = token(role).await;
            let (answered, body) = call(&router, method, Some(&text), "127.0.0.1").await;
            assert_eq!(answered.as_deref(), status, "{role:?} {method}");
            if status.is_none() {
                let body = String::from_utf8_lossy(&body);
                assert!(body.contains("grpc-status:0"), "{role:?} {method}: {body}");
            }
        }
    }

    #[tokio::test]
    async fn nobody_comes_in_without_one_or_over_a_line_that_others_read() {
        let (router, commands) = door().await;
        let token = commands.create_token(Role::Admin, String::new(), None).await.unwrap();
        for (given, from, status) in [
            (None, "127.0.0.1", "16"),
            (Some("iht_nonsense"), "127.0.0.1", "16"),
            (Some(token.0.as_str()), "192.0.2.1", "7"),
        ] {
            let (answered, _) = call(&router, "Operations/Status", given, from).await;
            assert_eq!(answered.as_deref(), Some(status));
        }
        commands.revoke_token(token.1.id.to_string()).await.unwrap();
        let (answered, _) = call(&router, "Operations/Status", Some(&token.0), "127.0.0.1").await;
        assert_eq!(answered.as_deref(), Some("16"));
    }

    #[test]
    fn every_method_that_a_role_may_call_is_there() {
        let names = String::from_utf8_lossy(interhub_proto::FILE_DESCRIPTOR_SET).into_owned();
        for method in READS.iter().chain(&DESK).chain(&CHANGES) {
            let (service, name) = method.split_once('/').unwrap();
            assert!(names.contains(service) && names.contains(name), "{method}");
        }
    }
}
