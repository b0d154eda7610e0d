//! From what a page says to a response: validators, conditional requests (RFC 9110 13), compression, caching.

use std::io::Write;
use std::sync::OnceLock;

use axum::body::{Body, Bytes};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// Below this a compressed body is hardly shorter.
const MIN_COMPRESSED_BYTES: usize = 1_000;
/// A good part of the gain at a fraction of the time.
const COMPRESSION_LEVEL: u32 = 5;
/// How many entity tags of a request are compared.
const MAX_TAGS: usize = 32;

/// The media type of small copies of pictures.
pub(crate) const JPEG: &str = "image/jpeg";

/// How long an answer may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cache {
    /// Kept, but asked about before each use: a cancellation shows at once.
    Revalidate,
    /// Named by its content, so never asked about again.
    Forever,
    /// Never kept.
    No,
}

/// What a page says.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
    cache: Cache,
    last_modified_ms: Option<i64>,
    file_name: Option<String>,
    /// Further headers.
    extra: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    /// A 200 with this body.
    pub(crate) fn new(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status: StatusCode::OK,
            content_type,
            body: body.into(),
            cache: Cache::Revalidate,
            last_modified_ms: None,
            file_name: None,
            extra: Vec::new(),
        }
    }

    /// Sends the reader on, to be asked for with GET (RFC 9110 15.4.4). Never kept.
    pub(crate) fn see_other(to: &str) -> Self {
        Self::new("text/plain; charset=utf-8", Bytes::new())
            .status(StatusCode::SEE_OTHER)
            .cache(Cache::No)
            .header(header::LOCATION, to)
    }

    /// With another header; a value that is none is left out.
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.extra.push((name, value));
        }
        self
    }

    /// With another status.
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// With another rule for caches.
    pub(crate) fn cache(mut self, cache: Cache) -> Self {
        self.cache = cache;
        self
    }

    /// With the time of the newest change in it, Unix milliseconds.
    pub(crate) fn last_modified(mut self, at_ms: Option<i64>) -> Self {
        self.last_modified_ms = at_ms;
        self
    }

    /// With a name to save it under: ASCII letters, digits, `-` and `.` only.
    pub(crate) fn file_name(mut self, name: String) -> Self {
        self.file_name = Some(name);
        self
    }

    /// The response to a request with this method and these headers.
    pub(crate) fn into_response(self, method: &Method, request: &HeaderMap) -> Response<Body> {
        Prepared::new(self).response(method, request)
    }

    /// The headers that also a 304 carries.
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let (cache, vary) = match self.cache {
            Cache::Revalidate => ("public, no-cache", "accept-encoding, accept-language"),
            Cache::Forever => ("public, max-age=31536000, immutable", "accept-encoding"),
            Cache::No => ("no-store", "accept-encoding, accept-language"),
        };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        headers.insert(header::VARY, HeaderValue::from_static(vary));
        if let Some(date) = self.last_modified_ms.and_then(http_date) {
            insert(&mut headers, header::LAST_MODIFIED, &date);
        }
        for (name, value) in &self.extra {
            headers.append(name.clone(), value.clone());
        }
        headers
    }

    /// Whether the reader has it already. A tag, where sent, decides alone.
    fn is_unchanged(&self, request: &HeaderMap, tags: &[&str]) -> bool {
        if let Some(known) = request.get(header::IF_NONE_MATCH) {
            let known = known.to_str().unwrap_or("");
            return known.trim() == "*"
                || known
                    .split(',')
                    .take(MAX_TAGS)
                    .any(|tag| tags.contains(&tag.trim().trim_start_matches("W/")));
        }
        let Some(modified_ms) = self.last_modified_ms else {
            return false;
        };
        let since = request
            .get(header::IF_MODIFIED_SINCE)
            .and_then(|value| value.to_str().ok());
        since
            .and_then(|text| rfc2822::DateTimeParser::new().parse_timestamp(text).ok())
            .is_some_and(|since| modified_ms.div_euclid(1000) <= since.as_second())
    }
}

/// A reply with its validator, and its compressed form once somebody asked for that: it can be sent many times.
#[derive(Debug)]
pub(crate) struct Prepared {
    reply: Reply,
    plain_tag: String,
    zipped_tag: String,
    zipped: OnceLock<Bytes>,
}

impl Prepared {
    /// Works out the validators. Each encoding is another representation and has another strong tag.
    pub(crate) fn new(reply: Reply) -> Self {
        let hash = blake3::hash(&reply.body).to_hex();
        let (plain_tag, zipped_tag) = (format!("\"{}\"", &hash[..32]), format!("\"{}-gz\"", &hash[..32]));
        Self {
            reply,
            plain_tag,
            zipped_tag,
            zipped: OnceLock::new(),
        }
    }

    /// Bytes of the body.
    pub(crate) fn len(&self) -> usize {
        self.reply.body.len()
    }

    /// The response to a request with this method and these headers.
    pub(crate) fn response(&self, method: &Method, request: &HeaderMap) -> Response<Body> {
        let reply = &self.reply;
        let conditional = reply.status == StatusCode::OK && reply.cache != Cache::No;
        // A picture is packed already.
        let packs = reply.body.len() >= MIN_COMPRESSED_BYTES && reply.content_type != JPEG;
        let zipped = packs && accepts_gzip(request);
        let mut headers = reply.headers();
        if conditional {
            insert(
                &mut headers,
                header::ETAG,
                if zipped { &self.zipped_tag } else { &self.plain_tag },
            );
            if reply.is_unchanged(request, &[&self.plain_tag, &self.zipped_tag]) {
                return assemble(StatusCode::NOT_MODIFIED, headers, Body::empty());
            }
        }
        insert(&mut headers, header::CONTENT_TYPE, reply.content_type);
        if let Some(name) = &reply.file_name {
            insert(
                &mut headers,
                header::CONTENT_DISPOSITION,
                &format!("inline; filename=\"{name}\""),
            );
        }
        let body = if zipped {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            self.zipped.get_or_init(|| gzip(&reply.body)).clone()
        } else {
            reply.body.clone()
        };
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        let body = if method == Method::HEAD {
            Body::empty()
        } else {
            Body::from(body)
        };
        assemble(reply.status, headers, body)
    }
}

fn assemble(status: StatusCode, headers: HeaderMap, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Sets a header; a value that is not one is left out.
fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// `Sun, 22 Nov 2026 09:12:00 GMT`.
fn http_date(at_ms: i64) -> Option<String> {
    let at = Timestamp::from_millisecond(at_ms).ok()?;
    rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()
}

/// Whether the reader takes gzip (RFC 9110 12.5.3).
fn accepts_gzip(request: &HeaderMap) -> bool {
    let accepted = request
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    accepted.split(',').take(MAX_TAGS).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let refused = parts.any(|part| part.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0)));
        named && !refused
    })
}

fn gzip(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 3), Compression::new(COMPRESSION_LEVEL));
    // Writing to a vector cannot fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn request(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    fn reply() -> Reply {
        Reply::new("text/plain", "x".repeat(2_000)).last_modified(Some(1_795_338_720_500))
    }

    #[test]
    fn tags_differ_by_encoding_and_both_are_known_again() {
        let plain = reply().into_response(&Method::GET, &request(&[]));
        let zipped = reply().into_response(&Method::GET, &request(&[("accept-encoding", "br, gzip;q=0.5")]));
        let (plain_tag, zipped_tag) = (&plain.headers()["etag"], &zipped.headers()["etag"]);
        assert_ne!(plain_tag, zipped_tag);
        assert_eq!(zipped.headers()["content-encoding"], "gzip");
        for tag in [plain_tag, zipped_tag] {
            let list = format!("\"other\", W/{}", tag.to_str().unwrap());
            let again = reply().into_response(&Method::GET, &request(&[("if-none-match", &list)]));
            assert_eq!(again.status(), 304);
            assert_eq!(again.headers().get("content-length"), None);
        }
        let refused = reply().into_response(&Method::GET, &request(&[("accept-encoding", "gzip;q=0")]));
        assert_eq!(refused.headers().get("content-encoding"), None);
    }

    #[test]
    fn dates_decide_only_without_a_tag() {
        let modified = reply().into_response(&Method::GET, &request(&[])).headers()["last-modified"].clone();
        let since = ("if-modified-since", modified.to_str().unwrap());
        assert_eq!(reply().into_response(&Method::GET, &request(&[since])).status(), 304);
        let older = ("if-modified-since", "Sun, 22 Nov 2020 09:12:00 GMT");
        assert_eq!(reply().into_response(&Method::GET, &request(&[older])).status(), 200);
        let garbage = ("if-modified-since", "yesterday");
        assert_eq!(reply().into_response(&Method::GET, &request(&[garbage])).status(), 200);
        let tag = ("if-none-match", "\"other\"");
        assert_eq!(
            reply().into_response(&Method::GET, &request(&[since, tag])).status(),
            200
        );
    }

    #[test]
    fn errors_are_never_unchanged() {
        let error = Reply::new("text/html", "no").status(StatusCode::NOT_FOUND);
        assert_eq!(
            error
                .into_response(&Method::GET, &request(&[("if-none-match", "*")]))
                .status(),
            404
        );
    }
}
