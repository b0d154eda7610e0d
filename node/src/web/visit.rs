//! What one request asks: where, with which filters, in which language.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};

use super::params::Params;
use super::words::{self, Words};
use crate::way::PeerAddress;

/// Longest query string, in bytes: every filter at its limit fits twice.
pub(crate) const MAX_QUERY_BYTES: usize = 4 * 1024;
/// The parameter that chooses the language of the page.
pub(crate) const UI: &str = "ui";

/// One request, read and bounded.
#[derive(Clone)]
pub(crate) struct Visit {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    /// Where its connection came from.
    pub(crate) peer: Option<PeerAddress>,
    /// The path as sent.
    pub(crate) path: String,
    /// The variable part of the path, decoded; empty if the route has none.
    pub(crate) name: String,
    /// The query's parameters without `ui`; `None` if the query is too long.
    pub(crate) params: Option<Params>,
    /// The language of the page.
    pub(crate) words: &'static Words,
    /// The language the address asks for, which links carry on.
    pub(crate) ui: Option<&'static str>,
}

impl Visit {
    /// The parameters; none if they were too long, which is answered before any page is made.
    pub(crate) fn params(&self) -> Params {
        self.params.clone().unwrap_or_default()
    }

    /// A link within these pages, in the same language.
    pub(crate) fn link(&self, path: &str, params: &Params) -> String {
        match self.ui {
            Some(ui) => params.with(UI, ui).link(path),
            None => params.link(path),
        }
    }

    /// A link within these pages without filters, in the same language.
    pub(crate) fn plain_link(&self, path: &str) -> String {
        self.link(path, &Params::default())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        // A path that is not UTF-8 after decoding names nothing we have.
        let name = RawPathParams::from_request_parts(parts, state)
            .await
            .ok()
            .and_then(|params| params.iter().next().map(|(_, value)| value.to_owned()))
            .unwrap_or_default();
        let query = parts.uri.query().unwrap_or("");
        let params = if query.len() > MAX_QUERY_BYTES {
            None
        } else {
            Params::parse(query)
        };
        let ui = params
            .as_ref()
            .and_then(|params| params.get(UI))
            .and_then(words::by_tag)
            .map(|words| words.tag);
        let accepted = parts
            .headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok());
        Ok(Self {
            method: parts.method.clone(),
            headers: parts.headers.clone(),
            peer: parts.extensions.get::<PeerAddress>().copied(),
            path: parts.uri.path().to_owned(),
            name,
            params: params.map(|params| params.without(&[UI])),
            words: words::choose(ui, accepted),
            ui,
        })
    }
}
