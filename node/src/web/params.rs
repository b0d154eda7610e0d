//! The query string as the reader sent it: decoded, bounded, and put back together for links.

use std::fmt::Write;

/// More parameters than any page has; further ones are refused.
const MAX_PARAMETERS: usize = 40;

/// Decoded parameters in their order, without empty values: a form sends every field, also the empty ones. Each is there once:
/// of one that was sent several times the last counts, as for `EventQuery`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a query string. `None` if it holds more parameters than any page has.
    pub(crate) fn parse(query: &str) -> Option<Self> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (count, (name, value)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
            if count == MAX_PARAMETERS {
                return None;
            }
            if !value.trim().is_empty() {
                pairs.retain(|(known, _)| *known != name);
                pairs.push((name.into_owned(), value.into_owned()));
            }
        }
        Some(Self(pairs))
    }

    /// The value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// All parameters.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The same without some parameters.
    pub(crate) fn without(&self, names: &[&str]) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(name, _)| !names.contains(&name.as_str()))
                .cloned()
                .collect(),
        )
    }

    /// The same with one parameter set.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut changed = self.without(&[name]);
        changed.0.push((name.to_owned(), value.to_owned()));
        changed
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `path`, followed by `?` and the parameters if there are any.
    pub(crate) fn link(&self, path: &str) -> String {
        let mut link = path.to_owned();
        for (index, (name, value)) in self.0.iter().enumerate() {
            link.push(if index == 0 { '?' } else { '&' });
            link.push_str(&encode(name));
            link.push('=');
            link.push_str(&encode(value));
        }
        link
    }
}

/// Percent-encodes for a query value or a path segment (RFC 3986 2.3: all but unreserved characters; `,` and `:` stay
/// readable in queries).
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~,:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn empty_form_fields_are_as_if_absent() {
        let params = Params::parse("q=&hub=wien&tag=+&from=2027-03-04").unwrap();
        assert_eq!(params.link("/events"), "/events?hub=wien&from=2027-03-04");
        assert_eq!(
            params.without(&["hub"]).with("cursor", "a b&c").link("/e"),
            "/e?from=2027-03-04&cursor=a%20b%26c"
        );
    }

    #[test]
    fn of_a_repeated_parameter_the_last_counts() {
        let params = Params::parse("tag=a&hub=wien&tag=b&tag=").unwrap();
        assert_eq!(params.link("/events"), "/events?hub=wien&tag=b");
        assert_eq!(params.get("tag"), Some("b"));
    }

    #[test]
    fn too_many_parameters_are_refused() {
        assert!(Params::parse(&"a=1&".repeat(41)).is_none());
        assert!(Params::parse(&"a=1&".repeat(40)).is_some());
    }

    proptest! {
        #[test]
        fn links_read_back(pairs in proptest::collection::vec(("[a-z]{1,8}", "[^ \\t\\r\\n\u{85}\u{a0}]\\PC{0,20}"), 0..8)) {
            let written = pairs.into_iter().filter(|(_, v)| !v.trim().is_empty());
            let params = written.fold(Params::default(), |params, (name, value)| params.with(&name, &value));
            let link = params.link("/");
            prop_assert!(link.is_ascii());
            let query = link.strip_prefix('/').unwrap().trim_start_matches('?');
            prop_assert_eq!(Params::parse(query).unwrap(), params);
        }

        #[test]
        fn nothing_panics(query in "\\PC{0,200}") {
            let _ = Params::parse(&query);
        }
    }
}
