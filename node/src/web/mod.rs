//! The pages, calendar feeds and JSON that anyone may read: the whole network's public events, from projections only.
//!
//! Everything is rendered here, in the reader's language and by the reader's clock; no page needs a script, and none asks
//! another server for anything. Modules in reading order: what a request says (`visit`, `params`), what is looked up (`directory`), how it is
//! put into words (`words`, `dates`, `text`, `colour`, `map`), the pages themselves (`pages`), the feeds (`feed`, `api`), and what
//! carries them (`answer`, `respond`, [`mod@serve`]).

mod admin;
mod answer;
mod api;
mod assets;
mod colour;
mod dates;
mod directory;
mod feed;
mod keep;
mod limit;
mod machine;
mod map;
mod pages;
mod params;
mod probes;
mod public;
mod respond;
mod serve;
mod text;
mod visit;
mod words;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod pictures;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderValue, Method};
use axum::middleware;
use axum::routing::{MethodRouter, get};
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;
use tower_http::cors::{Any, CorsLayer};

pub use admin::AdminState;
pub use directory::{Directory, DirectoryError};
pub use public::PublicDirectory;
pub use serve::serve;

use answer::Again;
use keep::Kept;
use limit::Limiter;

use crate::clock::Clock;
use crate::task::Tasks;

/// What the pages are made from.
#[derive(Clone)]
pub struct WebState {
    /// Where events and hubs are looked up.
    pub directory: Arc<dyn Directory>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where pages are made: they read the store, which blocks.
    pub tasks: Tasks,
    /// What `/metrics` shows.
    pub registry: Arc<Registry>,
    /// Whether `/readyz` says yes.
    pub ready: Arc<AtomicBool>,
    /// Where readers reach these pages, for instance `https://hub.example`, without a slash at its end. Empty: links in
    /// pages are relative, and pages and feeds name no canonical address.
    pub web_url: String,
    /// Whether a proxy that speaks HTTPS stands before us.
    pub behind_proxy: bool,
}

/// The state, and what bounds the work on it.
pub(crate) struct Site {
    pub(crate) state: WebState,
    /// One for each page being made.
    workers: Arc<Semaphore>,
    kept: Kept,
    /// How fast each reader asks the JSON interface.
    limiter: Limiter,
}

impl Site {
    /// The moment, Unix milliseconds.
    pub(crate) fn now_ms(&self) -> i64 {
        self.state.clock.now_ms()
    }

    /// Whether the node serves.
    pub(crate) fn is_ready(&self) -> bool {
        self.state.ready.load(Ordering::Relaxed)
    }

    /// The full address of a path; the path itself if the node does not know its own address.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.state.web_url.trim_end_matches('/'))
    }
}

/// Only our own style sheets, scripts and icon are loaded; nothing frames us, forms stay here. Of scripts only files of this
/// node run, never what stands in a page, and they reach nothing but this node.
///
/// `<script type="application/ld+json">` holds data, which no policy forbids: a browser checks the policy only before
/// it runs something.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; \
     img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// How long another site's browser need not ask again whether it may.
const PREFLIGHT: Duration = Duration::from_hours(24);

/// On every response.
const SECURITY_HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// All routes; those of the administration if there is one. Anything else gets a page that says what to do: 404 for an unknown address, 405 for a method
/// other than GET and HEAD, 400 for a parameter (named in it), 414 for a query string above 4 KiB, 503 when too busy.
pub fn router(state: WebState, admin: Option<AdminState>) -> Router {
    let site = Arc::new(Site {
        state,
        workers: Arc::new(Semaphore::new(answer::MAX_WORKERS)),
        kept: Kept::default(),
        limiter: Limiter::default(),
    });
    let pages = Router::new()
        .route("/", page(pages::home))
        .route("/events", page(pages::events))
        .route("/month", page(pages::month))
        .route("/map", page(pages::map))
        .route("/tags/{tag}", page(pages::tag))
        .route("/hubs", page(pages::hubs))
        .route("/hubs/{slug}", page(pages::hub))
        .route("/pictures/{name}", fresh(pages::picture))
        .route("/static/{name}", fresh(pages::asset))
        .route("/favicon.ico", fresh(pages::icon))
        .route("/robots.txt", fresh(pages::robots))
        .route("/sitemap.xml", page(machine::sitemap))
        .route("/healthz", fresh(probes::healthz))
        .route("/readyz", fresh(probes::readyz))
        .route("/metrics", fresh(probes::metrics))
        .merge(shared().layer(other_sites()))
        .fallback(answer::not_found)
        .method_not_allowed_fallback(answer::wrong_method)
        .with_state(Arc::clone(&site));
    let all = match admin {
        Some(admin) => pages.merge(admin::router(site, admin)),
        None => pages,
    };
    all.layer(middleware::map_response(
        async |mut response: axum::response::Response| {
            for (name, value) in SECURITY_HEADERS {
                response.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            response
        },
    ))
}

/// What scripts of other sites may read, too: public data only.
fn shared() -> Router<Arc<Site>> {
    Router::new()
        // An event's page, and its calendar under the same address with an ending.
        .route("/events/{id}", page(pages::event))
        .route("/events.ics", page(feed::calendar))
        .route("/events.atom", page(feed::atom))
        .route("/events.json", page(feed::json))
        .route("/events.jscal.json", page(feed::jscal))
        .route("/hubs/{slug}/events.ics", page(feed::hub_calendar))
        .route("/api/v1/events", page(api::events))
        .route("/api/v1/events/{id}", page(api::event))
        .route("/api/v1/hubs", page(api::hubs))
        .route("/api/v1/openapi.json", fresh(api::openapi))
        .route("/embed.js", fresh(pages::embed))
        .route("/spaceapi.json", page(machine::spaceapi))
        .route("/murmurations.json", page(machine::murmurations))
        .method_not_allowed_fallback(answer::wrong_method)
}

/// Lets them (Fetch, 3.2), with the headers by which an answer is known again and those that say when to come back.
fn other_sites() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers([
            header::IF_NONE_MATCH,
            header::IF_MODIFIED_SINCE,
            header::ACCEPT_LANGUAGE,
        ])
        .expose_headers([header::ETAG, header::LAST_MODIFIED, header::RETRY_AFTER])
        .max_age(PREFLIGHT)
}

/// A route for GET and HEAD that is answered by one function, from the directory, the address and the language alone.
fn page(function: answer::PageFunction) -> MethodRouter<Arc<Site>> {
    get(async move |site, visit| answer::answer(site, visit, function, Again::Yes).await)
}

/// A route for GET and HEAD that is answered anew each time.
fn fresh(function: answer::PageFunction) -> MethodRouter<Arc<Site>> {
    get(async move |site, visit| answer::answer(site, visit, function, Again::No).await)
}
