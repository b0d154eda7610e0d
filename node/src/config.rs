//! `interhub.toml`: what the operator decides. Every field is documented in the file itself; an unknown one is refused.
//!
//! An environment variable `INTERHUB_` and the field's name in capitals overrides the file.

use std::net::SocketAddr;

use interhub_domain::profile::Point;
use interhub_domain::registry::{check_address, check_slug};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

use crate::outside::mail::{MailError, Mailer};
use crate::telemetry::LogFormat;

/// What every environment variable of the configuration begins with.
pub const ENVIRONMENT_PREFIX: &str = "INTERHUB_";

/// The largest file read: a hundred times a documented one.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// Longest name, locality or address in the file, in characters.
const MAX_TEXT: usize = 200;

/// Least and most memory for the storage's cache, in MiB.
const CACHE_MIB: std::ops::RangeInclusive<u32> = 8..=4096;

/// Longest time after which records are erased, in days: a hundred years.
const MAX_KEPT_DAYS: u32 = 36_500;

/// Members are not asked whether their pages are true more often than this, in days.
const MIN_ASKED_DAYS: u32 = 30;

/// What would be right for `smtp_url`.
const SMTP_URL: &str = "use an address such as smtps://user:password@mail.example, or smtp://localhost for a server on this machine, or nothing";

/// What would be right for `mail_from`.
const MAIL_FROM: &str = "use a mail address, with a name before it if you like: Hub Birmingham <hello@hub.example>";

/// A configuration that cannot be used. Each message names the field and what to do.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// It is not TOML.
    #[error("interhub.toml, line {line}: {reason}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A field nobody knows, misspelt as a rule.
    #[error("interhub.toml: unknown field {field:?}; remove it, or use one of: {known}")]
    Unknown {
        /// Its name.
        field: String,
        /// The names there are.
        known: String,
    },
    /// A value that does not fit its field.
    #[error("{field} (in interhub.toml, or {ENVIRONMENT_PREFIX}{}): {problem}; {remedy}", field.to_ascii_uppercase())]
    Field {
        /// Which.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
        /// What would be right.
        remedy: &'static str,
    },
}

/// Declares the fields once: type, default, and the text that documents them here and in the file.
macro_rules! config {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr,)+) => {
        /// What the operator decides. [`Config::parse`] and [`Config::check`] see to it that every value can be used.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Config {
            $($(#[doc = $doc])+ pub $name: $type,)+
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        /// Every field and what it says about itself, in the order of the file.
        const FIELDS: &[Field] = &[$(Field { name: stringify!($name), documentation: &[$($doc),+] },)+];
    };
}

struct Field {
    name: &'static str,
    documentation: &'static [&'static str],
}

config! {
    /// The hub's short name in commands and addresses: 2 to 40 lower-case letters, digits and inner hyphens. Other hubs
    /// know the one from the moment this hub joined; changing it here changes what this node asks for.
    slug: String = String::new(),
    /// The name people use.
    name: String = String::new(),
    /// Where the hub's clocks hang: an IANA time zone, for instance Europe/London.
    timezone: String = String::new(),
    /// Town. May be empty.
    locality: String = String::new(),
    /// Country: two capital letters (ISO 3166-1), for instance GB. May be empty.
    country: String = String::new(),
    /// Where the hub is: degrees north and east, for instance 52.4751,-1.8848. May be empty.
    at: String = String::new(),
    /// Where other hubs' nodes reach this one: address and port to listen on. Port 0 takes a free one.
    federation_listen: String = "0.0.0.0:7400".to_owned(),
    /// The same as seen from outside, host:port, for invitations. Empty if nobody can reach this node, which then
    /// calls the others.
    federation_address: String = String::new(),
    /// Address and port of the web pages, feeds and client services. Port 0 takes a free one.
    web_listen: String = "127.0.0.1:8400".to_owned(),
    /// The address people type to see them, for instance `https://hub.example`. Empty: links carry the address that was
    /// asked for.
    web_url: String = String::new(),
    /// Whether a proxy that speaks HTTPS stands before web_listen. Without one, tokens are refused beyond this machine.
    web_behind_proxy: bool = false,
    /// Whether calendars that this hub follows may be on its own network or this machine. Whoever may subscribe can then make
    /// this node read pages that only machines inside may read.
    feeds_from_private_networks: bool = false,
    /// Whether pages show small copies of the pictures that events name. For that this node downloads them from the addresses
    /// that it and other hubs give; whoever serves them sees its address, and never those of readers.
    pictures: bool = true,
    /// So many days after the last change to it, the record of a member who moved on is erased, 1 to 36500. 0: only by hand.
    erase_moved_on_after_days: u32 = 0,
    /// Where mail to members is handed in: smtps://user:password@mail.example, smtp:// with STARTTLS, or smtp://localhost for a
    /// server on this machine. Signs in user and password that mean something in addresses are percent-encoded. Empty: this node
    /// sends no mail. Whoever can read this file reads the password; INTERHUB_SMTP_URL keeps it elsewhere.
    smtp_url: String = String::new(),
    /// Whom that mail comes from, for instance Hub Birmingham <hello@hub.example>.
    mail_from: String = String::new(),
    /// So many days after they last said so or changed something, members with a mail address are asked whether their page is still
    /// true, 30 to 36500; for instance 365. 0: nobody is.
    ask_members_after_days: u32 = 0,
    /// Log lines for people ("text") or for log collectors ("json").
    log_format: LogFormat = LogFormat::Text,
    /// What is logged: a level (error, warn, info, debug, trace), or levels by part, for instance
    /// info,interhub_node::peer=debug.
    log_filter: String = "info".to_owned(),
    /// Memory for what was read from the disk, in MiB, 8 to 4096. More helps only beyond some 100,000 events.
    storage_cache_mib: u32 = 32,
}

impl Config {
    /// Reads the file's text, lets the environment override it, and checks every field. `environment` answers with the
    /// value of a variable.
    pub fn parse(text: &str, environment: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut table = text
            .parse::<toml::Table>()
            .map_err(|error| syntax_error(text, &error))?;
        if let Some(unknown) = table
            .keys()
            .find(|key| FIELDS.iter().all(|field| field.name != key.as_str()))
        {
            let known: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
            return Err(ConfigError::Unknown {
                field: unknown.chars().take(80).collect(),
                known: known.join(", "),
            });
        }
        let defaults = Self::default().table();
        for field in FIELDS {
            let Some(kind) = defaults.get(field.name) else { continue };
            let variable = format!("{ENVIRONMENT_PREFIX}{}", field.name.to_ascii_uppercase());
            if let Some(value) = environment(&variable) {
                table.insert(field.name.to_owned(), from_environment(field.name, kind, value)?);
            }
            if let Some(value) = table.get(field.name).filter(|value| !value.same_type(kind)) {
                return Err(wrong_type(field.name, kind, &value.to_string()));
            }
        }
        let config: Self = table.try_into().map_err(|error| fits_no_field(&error))?;
        config.check()?;
        Ok(config)
    }

    /// The text of a file that says this, with every field's documentation.
    pub fn to_file(&self) -> String {
        let values = self.table();
        let mut file = String::from(
            "# The configuration of this hub's node. A change takes effect at the next start of interhubd.\n\
             # An environment variable INTERHUB_ and the field's name in capitals overrides a line.\n",
        );
        for field in FIELDS {
            file.push('\n');
            for line in field.documentation {
                file.push('#');
                file.push_str(line);
                file.push('\n');
            }
            let value = values.get(field.name).map(ToString::to_string).unwrap_or_default();
            file.extend([field.name, " = ", &value, "\n"]);
        }
        file
    }

    /// Checks every field.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_slug(&self.slug).map_err(|_| {
            error(
                "slug",
                &self.slug,
                "use 2 to 40 lower-case letters, digits and inner hyphens, for instance birmingham",
            )
        })?;
        for (field, text, needed) in [
            ("name", &self.name, true),
            ("locality", &self.locality, false),
            ("web_url", &self.web_url, false),
        ] {
            check_text(field, text, needed)?;
        }
        self.zone()?;
        let is_code = self.country.len() == 2 && self.country.bytes().all(|b| b.is_ascii_uppercase());
        if !self.country.is_empty() && !is_code {
            return Err(error(
                "country",
                &self.country,
                "use two capital letters (ISO 3166-1), for instance GB, or nothing",
            ));
        }
        self.point()?;
        self.federation_socket()?;
        self.web_socket()?;
        check_address(&self.federation_address).map_err(|_| {
            error(
                "federation_address",
                &self.federation_address,
                "use host:port, for instance hub.example:7400, or nothing",
            )
        })?;
        check_web_url(&self.web_url)?;
        self.mailer()?;
        if !CACHE_MIB.contains(&self.storage_cache_mib) {
            return Err(error(
                "storage_cache_mib",
                &self.storage_cache_mib.to_string(),
                "use a number from 8 to 4096",
            ));
        }
        if self.erase_moved_on_after_days > MAX_KEPT_DAYS {
            return Err(error(
                "erase_moved_on_after_days",
                &self.erase_moved_on_after_days.to_string(),
                "use a number of days up to 36500, or 0 for never",
            ));
        }
        let asks = self.ask_members_after_days;
        if asks != 0 && !(MIN_ASKED_DAYS..=MAX_KEPT_DAYS).contains(&asks) {
            return Err(error(
                "ask_members_after_days",
                &asks.to_string(),
                "use a number of days from 30 to 36500, or 0 for never",
            ));
        }
        Ok(())
    }

    /// The hub's time zone.
    pub fn zone(&self) -> Result<TimeZone, ConfigError> {
        let remedy =
            "use a name such as Europe/London (the list: en.wikipedia.org/wiki/List_of_tz_database_time_zones)";
        TimeZoneDatabase::bundled()
            .get(&self.timezone)
            .map_err(|_| error("timezone", &self.timezone, remedy))
    }

    /// Where the hub is.
    pub fn point(&self) -> Result<Option<Point>, ConfigError> {
        if self.at.is_empty() {
            return Ok(None);
        }
        let numbers = self
            .at
            .split_once(',')
            .and_then(|(lat, lon)| Point::new(lat.trim().parse().ok()?, lon.trim().parse().ok()?));
        let remedy = "use degrees north and east, for instance 52.4751,-1.8848, or nothing";
        numbers.map(Some).ok_or_else(|| error("at", &self.at, remedy))
    }

    /// Where to listen for other nodes.
    pub fn federation_socket(&self) -> Result<SocketAddr, ConfigError> {
        socket("federation_listen", &self.federation_listen)
    }

    /// Where to listen for people and clients.
    pub fn web_socket(&self) -> Result<SocketAddr, ConfigError> {
        socket("web_listen", &self.web_listen)
    }

    /// Who hands over mail, if somebody does.
    pub fn mailer(&self) -> Result<Option<Mailer>, ConfigError> {
        Mailer::new(&self.smtp_url, &self.mail_from).map_err(|wrong| match wrong {
            MailError::From => error("mail_from", &self.mail_from, MAIL_FROM),
            // Not repeated: it may hold a password.
            _ => ConfigError::Field {
                field: "smtp_url",
                problem: "does not fit".to_owned(),
                remedy: SMTP_URL,
            },
        })
    }

    /// Memory for the storage's cache, in bytes.
    pub const fn storage_cache_bytes(&self) -> usize {
        (self.storage_cache_mib as usize) << 20
    }

    fn table(&self) -> toml::Table {
        // Texts, numbers and booleans always fit; an empty table would fail the tests of this file.
        toml::Table::try_from(self).unwrap_or_default()
    }
}

fn error(field: &'static str, value: &str, remedy: &'static str) -> ConfigError {
    let problem = if value.is_empty() {
        "missing".to_owned()
    } else {
        format!("{:?} does not fit", value.chars().take(80).collect::<String>())
    };
    ConfigError::Field { field, problem, remedy }
}

fn check_text(field: &'static str, text: &str, needed: bool) -> Result<(), ConfigError> {
    let fits = text.chars().count() <= MAX_TEXT && !text.chars().any(char::is_control);
    if fits && (!needed || !text.trim().is_empty()) {
        return Ok(());
    }
    Err(error(field, text.trim(), "use one line of 1 to 200 characters"))
}

fn check_web_url(url: &str) -> Result<(), ConfigError> {
    if url.is_empty() {
        return Ok(());
    }
    let fits = url.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.query().is_none()
    });
    if fits {
        Ok(())
    } else {
        Err(error(
            "web_url",
            url,
            "use an address such as https://hub.example, or nothing",
        ))
    }
}

fn socket(field: &'static str, text: &str) -> Result<SocketAddr, ConfigError> {
    let remedy = "use an IP address and a port, for instance 127.0.0.1:8400 or [::]:7400";
    text.parse().map_err(|_| error(field, text, remedy))
}

fn from_environment(field: &'static str, kind: &toml::Value, value: String) -> Result<toml::Value, ConfigError> {
    if kind.is_str() {
        return Ok(toml::Value::String(value));
    }
    let parsed = if kind.is_integer() {
        value.parse().ok().map(toml::Value::Integer)
    } else {
        value.parse().ok().map(toml::Value::Boolean)
    };
    parsed.ok_or_else(|| wrong_type(field, kind, &value))
}

fn wrong_type(field: &'static str, kind: &toml::Value, value: &str) -> ConfigError {
    let remedy = match kind {
        toml::Value::String(_) => "use a text in quotes",
        toml::Value::Integer(_) => "use a whole number",
        _ => "use true or false",
    };
    error(field, value, remedy)
}

/// All fields but one take any value of their type here, and numbers have a range.
fn fits_no_field(error: &toml::de::Error) -> ConfigError {
    let problem = error.message().lines().next().unwrap_or_default().to_owned();
    if problem.contains("variant") {
        return ConfigError::Field {
            field: "log_format",
            problem,
            remedy: "use \"text\" or \"json\"",
        };
    }
    ConfigError::Field {
        field: "storage_cache_mib",
        problem,
        remedy: "use a number from 8 to 4096",
    }
}

fn syntax_error(text: &str, error: &toml::de::Error) -> ConfigError {
    let at = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text.as_bytes()[..at].split(|byte| *byte == b'\n').count();
    ConfigError::Syntax {
        line,
        reason: error.message().lines().next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn birmingham() -> Config {
        Config {
            slug: "birmingham".to_owned(),
            name: "Impact Hub \"Birmingham\" \\ Süd".to_owned(),
            timezone: "Europe/London".to_owned(),
            country: "GB".to_owned(),
            at: "52.4751,-1.8848".to_owned(),
            federation_address: "hub.example:7400".to_owned(),
            web_url: "https://hub.example".to_owned(),
            smtp_url: "smtps://hub:p%40ss@mail.example".to_owned(),
            mail_from: "Hub Birmingham <hello@hub.example>".to_owned(),
            ..Config::default()
        }
    }

    fn none(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn a_written_file_reads_back_and_documents_every_field() {
        let file = birmingham().to_file();
        assert_eq!(Config::parse(&file, none), Ok(birmingham()));
        for field in FIELDS {
            let line = file
                .lines()
                .position(|line| line.starts_with(&format!("{} = ", field.name)))
                .unwrap();
            assert!(file.lines().nth(line - 1).unwrap().starts_with("# "), "{}", field.name);
        }
        assert_eq!(FIELDS.len(), birmingham().table().len());
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let environment = |variable: &str| match variable {
            "INTERHUB_SLUG" => Some("vienna".to_owned()),
            "INTERHUB_WEB_BEHIND_PROXY" => Some("true".to_owned()),
            "INTERHUB_STORAGE_CACHE_MIB" => Some("64".to_owned()),
            "INTERHUB_LOG_FORMAT" => Some("json".to_owned()),
            _ => None,
        };
        let config = Config::parse(&birmingham().to_file(), environment).unwrap();
        assert_eq!((config.slug.as_str(), config.web_behind_proxy), ("vienna", true));
        assert_eq!(
            (config.storage_cache_bytes(), config.log_format),
            (64 << 20, LogFormat::Json)
        );
        let wrong = |variable: &str| (variable == "INTERHUB_STORAGE_CACHE_MIB").then(|| "much".to_owned());
        let line = Config::parse(&birmingham().to_file(), wrong).unwrap_err().to_string();
        assert!(
            line.contains("INTERHUB_STORAGE_CACHE_MIB") && line.contains("whole number"),
            "{line}"
        );
    }

    #[test]
    fn missing_fields_take_their_default() {
        let file = "slug = \"vienna\"\nname = \"Hub\"\ntimezone = \"Europe/Vienna\"";
        let config = Config::parse(file, none).unwrap();
        assert_eq!(config.federation_listen, "0.0.0.0:7400");
        assert_eq!(config.point(), Ok(None));
    }

    #[test]
    fn every_wrong_value_is_one_line_that_names_the_field() {
        let cases = [
            ("slug", "\"Bir ming\""),
            ("slug", "\"\""),
            ("slug", "5"),
            ("name", "\" \""),
            ("name", "\"two\\nlines\""),
            ("timezone", "\"Mars/Olympus\""),
            ("timezone", "\"\""),
            ("country", "\"gbr\""),
            ("at", "\"91,0\""),
            ("at", "\"here\""),
            ("federation_listen", "\"localhost:7400\""),
            ("federation_address", "\"hub.example\""),
            ("web_listen", "\"8400\""),
            ("web_url", "\"ftp://hub.example\""),
            ("web_url", "\"hub\""),
            ("web_behind_proxy", "\"yes\""),
            ("log_format", "\"xml\""),
            ("storage_cache_mib", "7"),
            ("erase_moved_on_after_days", "36501"),
            ("ask_members_after_days", "29"),
            ("smtp_url", "\"mail.example\""),
            ("mail_from", "\"Hub Birmingham\""),
            ("storage_cache_mib", "-1"),
        ];
        for (field, value) in cases {
            let file: String = birmingham()
                .to_file()
                .lines()
                .map(|line| {
                    if line.starts_with(&format!("{field} =")) {
                        format!("{field} = {value}\n")
                    } else {
                        format!("{line}\n")
                    }
                })
                .collect();
            let line = Config::parse(&file, none).unwrap_err().to_string();
            assert!(
                line.starts_with(field) && line.contains("; ") && !line.contains('\n'),
                "{field} = {value}: {line}"
            );
        }
    }

    #[test]
    fn unknown_fields_and_broken_files_are_refused() {
        let unknown = Config::parse("slgu = \"x\"", none).unwrap_err().to_string();
        assert!(unknown.contains("\"slgu\"") && unknown.contains("slug"), "{unknown}");
        let broken = Config::parse("slug = \"x\"\nname = = 3\n", none).unwrap_err();
        assert!(matches!(broken, ConfigError::Syntax { line: 2, .. }), "{broken}");
        assert!(!broken.to_string().contains('\n'));
    }
}
