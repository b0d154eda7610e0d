//! What a form sent: decoded and bounded.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, header};
use multer::{Constraints, Multipart, SizeLimit};

/// Most bytes of a form: a description of 32,000 characters, each of which takes up to twelve bytes, and the rest.
const MAX_FORM_BYTES: usize = 512 * 1024;
/// Most bytes of a form with a file: a picture as a telephone takes it, and its fields.
const MAX_UPLOAD_BYTES: u64 = 12 * 1024 * 1024 + 16 * 1024;
/// Most fields of a form: a page of the dates of a series has the most.
const MAX_FIELDS: usize = 600;
/// The field that proves that a form is ours.
pub(super) const PROOF: &str = "proof";
/// What fields are called that a page carries on for another page.
pub(super) const CARRIED: &str = "carried:";

/// Why a form cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FormError {
    /// More than a form of ours can hold.
    TooLarge,
    /// Not a form, or cut off.
    Unreadable,
}

impl FormError {
    const fn of(error: &multer::Error) -> Self {
        match error {
            multer::Error::StreamSizeExceeded { .. } | multer::Error::FieldSizeExceeded { .. } => Self::TooLarge,
            _ => Self::Unreadable,
        }
    }
}

/// The fields in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a request's body (WHATWG URL, application/x-www-form-urlencoded). Line ends become `\n`.
    pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, FormError> {
        let kind = headers
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or("");
        let essence = kind.split(';').next().unwrap_or("").trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(FormError::Unreadable);
        }
        let bytes = to_bytes(body, MAX_FORM_BYTES).await.map_err(|error| {
            let mut source: Option<&dyn std::error::Error> = Some(&error);
            while let Some(error) = source {
                if error.is::<http_body_util::LengthLimitError>() {
                    return FormError::TooLarge;
                }
                source = error.source();
            }
            FormError::Unreadable
        })?;
        let mut fields = Vec::new();
        for (name, value) in form_urlencoded::parse(&bytes) {
            if fields.len() == MAX_FIELDS {
                return Err(FormError::TooLarge);
            }
            fields.push((name.into_owned(), value.replace("\r\n", "\n").replace('\r', "\n")));
        }
        Ok(Self(fields))
    }

    /// Reads a request's body with one file (RFC 7578): the fields, and the file of this name; without bytes if none was chosen.
    pub(super) async fn read_upload(headers: &HeaderMap, body: Body, file: &str) -> Result<(Self, Vec<u8>), FormError> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let boundary = multer::parse_boundary(kind.unwrap_or("")).map_err(|_| FormError::Unreadable)?;
        let limits = Constraints::new().size_limit(SizeLimit::new().whole_stream(MAX_UPLOAD_BYTES));
        let mut parts = Multipart::with_constraints(body.into_data_stream(), boundary, limits);
        let (mut fields, mut bytes) = (Vec::new(), Vec::new());
        while let Some(part) = parts.next_field().await.map_err(|error| FormError::of(&error))? {
            if fields.len() == MAX_FIELDS {
                return Err(FormError::TooLarge);
            }
            let name = part.name().unwrap_or("").to_owned();
            if name == file {
                bytes = Vec::from(part.bytes().await.map_err(|error| FormError::of(&error))?);
            } else {
                let value = part.text().await.map_err(|error| FormError::of(&error))?;
                fields.push((name, value));
            }
        }
        Ok((Self(fields), bytes))
    }

    /// A form of these fields.
    #[cfg(test)]
    fn of(fields: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(fields.into_iter().collect())
    }

    /// The first value of a field; empty if it was not sent.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value)
    }

    /// The first value of a field without white space around it.
    pub(super) fn trimmed(&self, name: &str) -> &str {
        self.get(name).trim()
    }

    /// Whether a box was ticked.
    pub(super) fn ticked(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// Every value of a field.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// All fields but the proof, for a page that carries them on.
    pub(super) fn carried(&self) -> Vec<(String, String)> {
        let fields = self.0.iter().filter(|(name, _)| name != PROOF);
        fields
            .map(|(name, value)| (format!("{CARRIED}{name}"), value.clone()))
            .collect()
    }

    /// All fields but the proof, as they were sent.
    pub(super) fn plain(self) -> Vec<(String, String)> {
        self.0.into_iter().filter(|(name, _)| name != PROOF).collect()
    }

    /// What another page carried on.
    pub(super) fn unpacked(&self) -> Self {
        let fields = self
            .0
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(CARRIED)?.to_owned(), value.clone())));
        Self(fields.collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    async fn read(kind: &str, body: impl Into<Body>) -> Result<Form, FormError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        Form::read(&headers, body.into()).await
    }

    const FORM: &str = "application/x-www-form-urlencoded";

    #[tokio::test]
    async fn fields_are_decoded() {
        let form = read(
            "Application/x-www-form-urlencoded; charset=UTF-8",
            "title=Caf%C3%A9+fix&day=MO&day=WE&text=a%0D%0Ab&proof=x",
        )
        .await
        .unwrap();
        assert_eq!(form.get("title"), "Café fix");
        assert_eq!(form.all("day").collect::<Vec<_>>(), ["MO", "WE"]);
        assert_eq!(form.get("text"), "a\nb");
        assert!(form.ticked("day") && !form.ticked("online"));
        let carried = Form::of(form.carried());
        assert!(!carried.ticked(PROOF));
        assert_eq!(carried.unpacked().get("title"), "Café fix");
    }

    #[tokio::test]
    async fn what_is_no_form_is_refused() {
        assert_eq!(read("text/plain", "a=b").await, Err(FormError::Unreadable));
        assert_eq!(
            read("multipart/form-data; boundary=x", "--x").await,
            Err(FormError::Unreadable)
        );
        assert_eq!(
            read(FORM, "a".repeat(MAX_FORM_BYTES + 1)).await,
            Err(FormError::TooLarge)
        );
        assert_eq!(
            read(FORM, "a=b&".repeat(MAX_FIELDS + 1)).await,
            Err(FormError::TooLarge)
        );
        assert!(read(FORM, "%ff%fe=%00&&&==&%".to_owned()).await.is_ok());
    }
}
