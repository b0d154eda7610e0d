//! What one request asks: where, with which filters, in which language, by which clock.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use jiff::tz::TimeZone;

use super::dates;
use super::params::Params;
use super::words::{self, Words};
use crate::way::PeerAddress;

/// Longest query string, in bytes: every filter at its limit fits twice.
pub(crate) const MAX_QUERY_BYTES: usize = 4 * 1024;
/// The parameter that chooses the language of the page.
pub(crate) const UI: &str = "ui";
/// The parameter that chooses the clock of the page: an IANA name of a zone.
pub(crate) const TZ: &str = "tz";

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
    /// The query's parameters without `ui` and `tz`; `None` if the query is too long.
    pub(crate) params: Option<Params>,
    /// The language of the page.
    pub(crate) words: &'static Words,
    /// The language the address asks for, which links carry on.
    pub(crate) ui: Option<&'static str>,
    /// The zone the address asks for, as it is written there. Pages refuse one that does not exist; feeds and the API have
    /// the house's clock whatever it says.
    pub(crate) tz: Option<String>,
    /// That zone, which links carry on; `None` also if there is none of this name.
    pub(crate) zone: Option<TimeZone>,
}

impl Visit {
    /// The parameters; none if they were too long, which is answered before any page is made.
    pub(crate) fn params(&self) -> Params {
        self.params.clone().unwrap_or_default()
    }

    /// A link within these pages, in the same language and by the same clock.
    pub(crate) fn link(&self, path: &str, params: &Params) -> String {
        self.carried(params, self.ui).link(path)
    }

    /// A link to this page in another language.
    pub(crate) fn link_in(&self, language: &'static str, path: &str, params: &Params) -> String {
        self.carried(params, Some(language)).link(path)
    }

    fn carried(&self, params: &Params, ui: Option<&str>) -> Params {
        let mut params = params.clone();
        if let Some(ui) = ui {
            params = params.with(UI, ui);
        }
        if let Some(name) = self.zone_name() {
            params = params.with(TZ, name);
        }
        params
    }

    /// The name of the zone the address asks for, as the database writes it.
    pub(crate) fn zone_name(&self) -> Option<&str> {
        self.zone.as_ref().and_then(TimeZone::iana_name)
    }

    /// A link within these pages without filters, in the same language and by the same clock.
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
        let tz = params
            .as_ref()
            .and_then(|params| params.get(TZ))
            .map(|name| name.trim().to_owned());
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
            params: params.map(|params| params.without(&[UI, TZ])),
            words: words::choose(ui, accepted),
            ui,
            zone: tz.as_deref().and_then(dates::zone),
            tz,
        })
    }
}
