//! Mail, handed to the server that the operator names (RFC 6409), which delivers it.
//!
//! To another machine it goes encrypted only: over TLS from the first byte (`smtps`), or after STARTTLS, without which nothing is sent.

use std::time::{Duration, SystemTime};

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, header};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use reqwest::Url;

/// Longest wait for the server, at each step.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Ports of submission over TLS (RFC 8314), after STARTTLS, and of a server on this machine.
const PORT_TLS: u16 = 465;
const PORT_STARTTLS: u16 = 587;
const PORT_LOCAL: u16 = 25;

/// Why mail cannot be sent. No message repeats an address or what the server said, which may hold one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The server's address.
    #[error(
        "use an address such as smtps://user:password@mail.example, or smtp://localhost for a server on this machine"
    )]
    Server,
    /// Whom mail is from.
    #[error("use a mail address, with a name before it if you like: Hub Birmingham <hello@hub.example>")]
    From,
    /// Whom it is for.
    #[error("this is no mail address; correct it in the member's record")]
    To,
    /// The server does not take it for this address (RFC 5321, 4.2), or not at all.
    #[error("the mail server refused it with {code}; see its log")]
    Refused {
        /// Its reply.
        code: u16,
    },
    /// The server takes nothing from this node, or nothing now.
    #[error("the mail server takes no mail now ({code}); are user and password in smtp_url right? see its log")]
    NotNow {
        /// Its reply.
        code: u16,
    },
    /// The server is not reached, or not safely.
    #[error("the mail server is not reached; is smtp_url in interhub.toml right, and is it up?")]
    Unreachable,
}

/// A mail: plain text to one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The address it goes to.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text, a paragraph a line.
    pub text: String,
    /// When it was written, Unix milliseconds.
    pub at_ms: i64,
    /// What its id is made of.
    pub random: [u8; 16],
}

/// Hands mail over. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    /// With the server at `smtp_url`: `smtps` (TLS) or `smtp` (STARTTLS; plain on this machine), with user and password
    /// percent-encoded where it wants them. `from`: whom the mail is from. `None` without a server. Calls nobody.
    pub fn new(smtp_url: &str, from: &str) -> Result<Option<Self>, MailError> {
        if smtp_url.is_empty() {
            return Ok(None);
        }
        let url = Url::parse(smtp_url).map_err(|_| MailError::Server)?;
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or(MailError::Server)?;
        if url.query().is_some() || url.fragment().is_some() || !matches!(url.path(), "" | "/") {
            return Err(MailError::Server);
        }
        let from: Mailbox = from.parse().map_err(|_| MailError::From)?;
        let encrypted = || TlsParameters::new(host.to_owned()).map_err(|_| MailError::Server);
        let (tls, port) = match url.scheme() {
            "smtps" => (Tls::Wrapper(encrypted()?), PORT_TLS),
            "smtp" if is_this_machine(host) => (Tls::None, PORT_LOCAL),
            "smtp" => (Tls::Required(encrypted()?), PORT_STARTTLS),
            _ => return Err(MailError::Server),
        };
        // An address of IPv6 stands in brackets in a URL only.
        let server = host.trim_start_matches('[').trim_end_matches(']');
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server)
            .tls(tls)
            .port(url.port().unwrap_or(port))
            .timeout(Some(TIMEOUT))
            .hello_name(ClientId::Domain(from.email.domain().to_owned()));
        if let Some(password) = url.password() {
            let plain = |text: &str| {
                let decoded = form_urlencoded::parse(format!("={}", text.replace('+', "%2B")).as_bytes())
                    .next()
                    .map(|(_, value)| value.into_owned());
                decoded.unwrap_or_default()
            };
            builder = builder.credentials(Credentials::new(plain(url.username()), plain(password)));
        }
        Ok(Some(Self {
            transport: builder.build(),
            from,
        }))
    }

    /// Hands one over. Once it returns, delivering it is the server's business.
    pub async fn send(&self, letter: Letter) -> Result<(), MailError> {
        let to = address(letter.to.trim()).ok_or(MailError::To)?;
        let at = Duration::from_millis(u64::try_from(letter.at_ms).unwrap_or(0));
        let id = data_encoding::HEXLOWER.encode(&letter.random);
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject)
            .date(SystemTime::UNIX_EPOCH + at)
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            // No holiday notice is to answer this (RFC 3834).
            .raw_header(header::HeaderValue::new(
                header::HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text)
            .map_err(|_| MailError::To)?;
        let Err(error) = self.transport.send(message).await else {
            return Ok(());
        };
        Err(match error.status().map(u16::from) {
            // Of the account, not of the address (RFC 4954).
            Some(code @ (500..=504 | 521 | 530 | 534 | 535 | 538)) => MailError::NotNow { code },
            Some(code @ 500..) => MailError::Refused { code },
            Some(code) => MailError::NotNow { code },
            // What the server cannot do, such as letters beyond ASCII before the @.
            None if error.is_client() => MailError::To,
            None => MailError::Unreachable,
        })
    }
}

/// An address, its domain as it is looked up (RFC 5891).
fn address(text: &str) -> Option<Address> {
    let (user, domain) = text.rsplit_once('@')?;
    let url = Url::parse(&format!("http://{domain}")).ok()?;
    let is_domain = url.path() == "/" && url.port().is_none() && url.username().is_empty() && url.query().is_none();
    let ascii = url.host_str().filter(|_| is_domain && url.fragment().is_none())?;
    Address::new(user, ascii).ok()
}

/// Whether what is sent to this host goes over no wire.
fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use tokio::net::TcpListener;

    use super::testing::{FROM, mail_server};
    use super::*;

    #[test]
    fn settings_that_cannot_work_are_told() {
        assert!(Mailer::new("", "").unwrap().is_none());
        for good in [
            "smtps://mail.example",
            "smtps://user:p%40ss+word@mail.example:4650",
            "smtp://mail.example:587/",
            "smtp://localhost",
            "smtp://[::1]:2525",
        ] {
            assert!(Mailer::new(good, FROM).unwrap().is_some(), "{good}");
        }
        for bad in [
            "mail.example",
            "https://mail.example",
            "smtp://",
            "smtps://mail.example?tls=none",
            "smtp://mail.example/x",
        ] {
            assert_eq!(Mailer::new(bad, FROM).unwrap_err(), MailError::Server, "{bad}");
        }
        for bad in ["", "hub", "hello@", "a@b\r\nBcc: c@d.example"] {
            assert_eq!(
                Mailer::new("smtp://localhost", bad).unwrap_err(),
                MailError::From,
                "{bad:?}"
            );
        }
    }

    fn letter(to: &str) -> Letter {
        Letter {
            to: to.to_owned(),
            subject: "Grüße".to_owned(),
            text: "One.\n\n.Two, with a point before it.\n".to_owned(),
            at_ms: 1_795_000_000_000,
            random: [7; 16],
        }
    }

    #[test]
    fn domains_are_written_as_they_are_looked_up() {
        let written = |text: &str| address(text).map(|address| address.to_string());
        assert_eq!(
            written("info@müller.example").as_deref(),
            Some("info@xn--mller-kva.example")
        );
        assert_eq!(written("Ada.B+c@Example.org").as_deref(), Some("Ada.B+c@example.org"));
        for nobody in [
            "",
            "ada",
            "@example.org",
            "a@b/c",
            "a@b:25",
            "a@b?c",
            "a@b#c",
            "a b@example.org",
            "a@",
        ] {
            assert_eq!(written(nobody), None, "{nobody}");
        }
    }

    #[tokio::test]
    async fn a_letter_is_handed_over() {
        let (mailer, letters) = mail_server("nothing").await;
        mailer.send(letter(" ada@example.org ")).await.unwrap();
        let heard = letters.take(1).await.pop().unwrap();
        for part in [
            "EHLO hub.example",
            "MAIL FROM:<hello@hub.example>",
            "RCPT TO:<ada@example.org>",
            "Auto-Submitted: auto-generated",
            "Subject: =?utf-8?b?",
            "@hub.example>",
            "Date: Wed, 18 Nov 2026 11:06:40 +0000",
            "..Two",
        ] {
            assert!(heard.contains(part), "{part}: {heard}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_handed_over_is_told_without_addresses() {
        let (mailer, _) = mail_server("RCPT TO:<ada@").await;
        let refused = mailer.send(letter("ada@example.org")).await.unwrap_err();
        assert_eq!(refused, MailError::Refused { code: 550 });
        assert_eq!(refused.to_string(), "the mail server refused it with 550; see its log");
        assert_eq!(mailer.send(letter("bo@example.org")).await, Ok(()));
        for nobody in [
            "",
            "ada",
            "ada@example.org\r\nBcc: eve@example.org",
            "a@b, c@d",
            "ädä@example.org",
        ] {
            assert_eq!(mailer.send(letter(nobody)).await, Err(MailError::To), "{nobody:?}");
        }
        let closed = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mailer = Mailer::new(&format!("smtp://127.0.0.1:{closed}"), FROM)
            .unwrap()
            .unwrap();
        assert_eq!(
            mailer.send(letter("ada@example.org")).await,
            Err(MailError::Unreachable)
        );
        // A server that does not want this node at all.
        let (mailer, _) = mail_server("EHLO").await;
        let refused = mailer.send(letter("ada@example.org")).await;
        assert!(refused.is_err_and(|error| error != MailError::To));
    }
}

/// A mail server for tests.
#[cfg(test)]
pub(crate) mod testing {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

    use std::sync::Arc;
    use std::time::Duration;

    use parking_lot::Mutex;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::{TcpListener, TcpStream};

    use super::Mailer;

    pub(crate) const FROM: &str = "Hub Birmingham <hello@hub.example>";

    /// What the server was handed: each letter with the commands before it.
    #[derive(Clone, Default)]
    pub(crate) struct Letters(Arc<Mutex<Vec<String>>>);

    impl Letters {
        /// Takes what there is, once there are so many or a while has passed.
        pub(crate) async fn take(&self, many: usize) -> Vec<String> {
            for _ in 0..500 {
                if self.0.lock().len() >= many {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            std::mem::take(&mut *self.0.lock())
        }

        /// The same: whom they are for.
        pub(crate) async fn addresses(&self, many: usize) -> Vec<String> {
            let to = |letter: &String| {
                let after = letter.rsplit("RCPT TO:<").next().unwrap();
                after.split('>').next().unwrap().to_owned()
            };
            self.take(many).await.iter().map(to).collect()
        }
    }

    /// A server that refuses commands that begin so, and takes everything else; and what hands mail to it.
    pub(crate) async fn mail_server(refuses: &'static str) -> (Mailer, Letters) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let letters = Letters::default();
        let kept = letters.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, refuses, kept.clone()));
            }
        });
        (Mailer::new(&url, FROM).unwrap().unwrap(), letters)
    }

    async fn answer(stream: TcpStream, refuses: &'static str, kept: Letters) {
        let (read, mut write) = stream.into_split();
        let (mut lines, mut heard, mut in_data) = (BufReader::new(read).lines(), String::new(), false);
        write.write_all(b"220 ready\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            heard.push_str(&line);
            heard.push('\n');
            let said: &[u8] = if in_data {
                if line != "." {
                    continue;
                }
                in_data = false;
                kept.0.lock().push(std::mem::take(&mut heard));
                b"250 kept\r\n"
            } else if line.starts_with(refuses) {
                b"550 no\r\n"
            } else if line == "DATA" {
                in_data = true;
                b"354 go on\r\n"
            } else {
                b"250 fine\r\n"
            };
            if write.write_all(said).await.is_err() {
                return;
            }
        }
    }
}
