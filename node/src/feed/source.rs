//! What an operator may name as a calendar: an address on the web, or a file.

use std::path::PathBuf;

use reqwest::Url;

/// Longest address or path in bytes.
pub const MAX_SOURCE_BYTES: usize = 4_000;

/// Where a calendar is.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// On the web.
    Web {
        /// http or https. May hold a secret, and is never logged.
        url: Url,
        /// `webcal:` says nothing of encryption: if https leads nowhere, http is tried.
        or_plain: bool,
    },
    /// On the node's own machine.
    File(PathBuf),
}

/// What cannot be followed. One line that says what to do, and repeats nothing of what was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Longer than [`MAX_SOURCE_BYTES`], or empty.
    #[error("give the address of a calendar, at most {MAX_SOURCE_BYTES} bytes")]
    Length,
    /// Neither an address nor an absolute path.
    #[error("this is not a web address (https://, http://, webcal://) and not an absolute path of a file; correct it")]
    Unknown,
}

impl Source {
    /// Reads what was named.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_SOURCE_BYTES {
            return Err(SourceError::Length);
        }
        let lower = text.to_ascii_lowercase();
        if let Some(path) = lower.strip_prefix("file://") {
            let path = &text[text.len() - path.len()..];
            return Self::file(path.strip_prefix("localhost").unwrap_or(path));
        }
        for (scheme, or_plain) in [("webcals://", false), ("webcal://", true)] {
            if lower.starts_with(scheme) {
                return Self::web(&format!("https://{}", &text[scheme.len()..]), or_plain);
            }
        }
        if lower.starts_with("http://") || lower.starts_with("https://") {
            return Self::web(text, false);
        }
        Self::file(text)
    }

    fn web(text: &str, or_plain: bool) -> Result<Self, SourceError> {
        let mut url = Url::parse(text).map_err(|_| SourceError::Unknown)?;
        url.set_fragment(None);
        if url.host_str().is_none_or(str::is_empty) {
            return Err(SourceError::Unknown);
        }
        Ok(Self::Web { url, or_plain })
    }

    fn file(text: &str) -> Result<Self, SourceError> {
        let path = PathBuf::from(text);
        if !path.is_absolute() || text.contains('\0') {
            return Err(SourceError::Unknown);
        }
        Ok(Self::File(path))
    }

    /// What may be logged of it.
    pub fn shown(&self) -> &str {
        match self {
            Self::Web { url, .. } => url.host_str().unwrap_or("the web"),
            Self::File(_) => "a file",
        }
    }
}

/// Without what may be secret.
impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> String {
        match Source::parse(text).unwrap() {
            Source::Web { url, .. } => url.to_string(),
            Source::File(path) => path.display().to_string(),
        }
    }

    #[test]
    fn addresses_and_files_are_told_apart() {
        assert_eq!(url(" https://a.example/x.ics#top "), "https://a.example/x.ics");
        assert_eq!(url("HTTP://a.example/x"), "http://a.example/x");
        assert_eq!(url("webcal://a.example/x?k=v"), "https://a.example/x?k=v");
        assert_eq!(url("webcals://a.example"), "https://a.example/");
        assert_eq!(url("file:///srv/a.ics"), "/srv/a.ics");
        assert_eq!(url("FILE://localhost/srv/a.ics"), "/srv/a.ics");
        assert_eq!(url("/srv/a.ics"), "/srv/a.ics");
        for wrong in [
            "a.ics",
            "ftp://a.example/x",
            "https://",
            "javascript:alert(1)",
            "file://x/a",
        ] {
            assert_eq!(Source::parse(wrong), Err(SourceError::Unknown), "{wrong}");
        }
        assert_eq!(Source::parse("  "), Err(SourceError::Length));
        assert_eq!(Source::parse(&"x".repeat(5_000)), Err(SourceError::Length));
    }

    #[test]
    fn what_is_secret_is_not_shown() {
        let source = Source::parse("https://me:pass@a.example/private-f00/x.ics?token=f00").unwrap();
        assert_eq!(format!("{source:?}"), "a.example");
    }
}
