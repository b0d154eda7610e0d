//! From a request to a response: bounded work, and an error page for whatever goes wrong.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use interhub_domain::query::QueryParseError;
use tokio::time::timeout;

use super::directory::DirectoryError;
use super::keep::Moment;
use super::params::encode;
use super::respond::{Cache, Prepared, Reply};
use super::visit::Visit;
use super::{Site, api, pages};
use crate::task::BlockingError;
use crate::way::Way;

/// Pages made at once; more wait. Half of what the node lets block at once, so that pages never stop the rest of it.
pub(crate) const MAX_WORKERS: usize = 8;
/// From the request to its answer, waiting included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// What a client that was turned away should wait, in seconds.
const RETRY_AFTER: &str = "30";

/// A function that makes one page. It blocks (it reads the store) and runs where that is allowed.
pub(crate) type PageFunction = fn(&Site, &Visit) -> Result<Reply, Problem>;

/// Whether an answer may be given again (see [`super::keep`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// Made from the directory, the address and the language alone.
    Yes,
    /// Made anew each time.
    No,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// A parameter cannot be used.
    #[error(transparent)]
    Parameter(#[from] QueryParseError),
    /// There is no such thing.
    #[error("not found")]
    NotFound,
    /// Only GET and HEAD.
    #[error("method not allowed")]
    Method,
    /// The query string is too long.
    #[error("query too long")]
    QueryTooLong,
    /// Storage failed, or a page could not be written.
    #[error("{0}")]
    Broken(String),
    /// This reader asks too fast; it may ask again in so many seconds.
    #[error("too many requests: at most 10 a second; wait {0} s")]
    TooFast(i64),
    /// Too much to do, or the node is starting or stopping.
    #[error("too busy")]
    Busy,
}

impl From<DirectoryError> for Problem {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Query(error) => Self::Parameter(error),
            DirectoryError::Failed(reason) => Self::Broken(reason),
        }
    }
}

impl From<askama::Error> for Problem {
    fn from(error: askama::Error) -> Self {
        Self::Broken(format!("template: {error}"))
    }
}

impl Problem {
    /// The status of RFC 9110 15 that says it.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Parameter(_) => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::QueryTooLong => StatusCode::URI_TOO_LONG,
            Self::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TooFast(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Answers a request by a page function.
pub(crate) async fn answer(
    State(site): State<Arc<Site>>,
    visit: Visit,
    function: PageFunction,
    again: Again,
) -> Response {
    if let Err(too_fast) = pace(&site, &visit) {
        let reply = api::problem(&too_fast);
        return finish(reply.into_response(&visit.method, &visit.headers), &too_fast);
    }
    let late = (visit.method.clone(), visit.headers.clone());
    let path = visit.path.clone();
    let words = visit.words;
    match timeout(REQUEST_TIMEOUT, work(&site, visit, function, again)).await {
        Ok(Ok(response)) => response,
        // No page can be made: a few words must do.
        failed => {
            if let Ok(Err(error)) = failed {
                tracing::error!(%error, "web page failed");
            }
            let reply = if path.starts_with("/api/") {
                api::problem(&Problem::Busy)
            } else {
                Reply::new(
                    "text/plain; charset=utf-8",
                    format!("{} {}\n", words.error_503, words.error_wait),
                )
                .status(StatusCode::SERVICE_UNAVAILABLE)
                .cache(Cache::No)
            };
            finish(reply.into_response(&late.0, &late.1), &Problem::Busy)
        }
    }
}

/// Whether a reader may ask the JSON interface now. Programs on this machine may always, and so may those that a proxy does not
/// tell apart.
fn pace(site: &Site, visit: &Visit) -> Result<(), Problem> {
    if !visit.path.starts_with("/api/") {
        return Ok(());
    }
    let way = Way::of(visit.peer, &visit.headers, site.state.behind_proxy);
    if way.local || !way.known {
        return Ok(());
    }
    site.limiter.take(way.reader(), site.now_ms()).map_err(Problem::TooFast)
}

/// Makes the page where blocking is allowed. Its place is held until the work really ends, also when nobody waits for
/// it any more.
async fn work(site: &Arc<Site>, visit: Visit, function: PageFunction, again: Again) -> Result<Response, BlockingError> {
    let stopping = |_| BlockingError::Stopping { name: "web page" };
    let place = Arc::clone(&site.workers).acquire_owned().await.map_err(stopping)?;
    let working = Arc::clone(site);
    let response = move || {
        let response = respond(&working, &visit, function, again);
        drop(place);
        response
    };
    site.state.tasks.blocking("web page", response).await
}

/// The response: kept, made, or the page that says what went wrong.
fn respond(site: &Site, visit: &Visit, function: PageFunction, again: Again) -> Response {
    if visit.params.is_none() {
        return problem(site, visit, &Problem::QueryTooLong);
    }
    let made = match again {
        Again::Yes => kept(site, visit, function),
        Again::No => function(site, visit).map(|reply| Arc::new(Prepared::new(reply))),
    };
    match made {
        Ok(prepared) => prepared.response(&visit.method, &visit.headers),
        Err(reason) => problem(site, visit, &reason),
    }
}

/// An answer kept from a moment ago, or a new one, which is kept.
fn kept(site: &Site, visit: &Visit, function: PageFunction) -> Result<Arc<Prepared>, Problem> {
    let moment = Moment {
        version: site.state.directory.version()?,
        minute: site.now_ms().div_euclid(60_000),
    };
    // `ui` is part of the question although the language is, too: links carry it on. A zone that does not exist is asked
    // for by its wrong name, so that it never gets the answer of none.
    let question = format!(
        "{} {} {} {}",
        visit.words.tag,
        visit.ui.unwrap_or(""),
        encode(visit.zone_name().or(visit.tz.as_deref()).unwrap_or("")),
        visit.params().link(&visit.path)
    );
    if let Some(prepared) = site.kept.find(&question, moment) {
        return Ok(prepared);
    }
    let prepared = Arc::new(Prepared::new(function(site, visit)?));
    site.kept.keep(question, moment, &prepared);
    Ok(prepared)
}

/// The page (or problem document, for the API) that says what went wrong and what to do.
fn problem(site: &Site, visit: &Visit, reason: &Problem) -> Response {
    if let Problem::Broken(error) = reason {
        // The query is left out: it may hold what somebody searched for.
        tracing::error!(%error, "web page failed");
    }
    let reply = if visit.path.starts_with("/api/") {
        api::problem(reason)
    } else {
        pages::problem(site, visit, reason)
    };
    finish(reply.into_response(&visit.method, &visit.headers), reason)
}

/// The headers that go with a problem.
fn finish(mut response: Response, reason: &Problem) -> Response {
    let header = match reason {
        Problem::Busy => Some((header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER))),
        Problem::TooFast(wait_s) => Some((header::RETRY_AFTER, HeaderValue::from(*wait_s))),
        Problem::Method => Some((header::ALLOW, HeaderValue::from_static("GET, HEAD"))),
        _ => None,
    };
    if let Some((name, value)) = header {
        response.headers_mut().insert(name, value);
    }
    response
}

/// For addresses that name nothing.
pub(crate) async fn not_found(site: State<Arc<Site>>, visit: Visit) -> Response {
    answer(site, visit, |_, _| Err(Problem::NotFound), Again::No).await
}

/// For methods other than GET and HEAD.
pub(crate) async fn wrong_method(site: State<Arc<Site>>, visit: Visit) -> Response {
    answer(site, visit, |_, _| Err(Problem::Method), Again::No).await
}
