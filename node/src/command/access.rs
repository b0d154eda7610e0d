//! Who may sign in: tokens, and the browsers that signed in with them.
//!
//! A token is `iht_` and 52 characters: eight bytes that name it and 24 random ones, which only its bearer knows. What is
//! stored of it, and of the secret in a browser's cookie, is a hash.

use data_encoding::BASE32_NOPAD;

use super::{CommandError, Commands};
use crate::clock::random_bytes;
use crate::store::catalogue::access::{Role, SessionKey, SessionRow, TokenId, TokenRow};

/// What every token begins with, so that people and secret scanners know one when they see it.
pub const PREFIX: &str = "iht_";
/// Bytes of a token that name it.
const ID_BYTES: usize = 8;
/// Bytes of a token that nobody can guess.
const SECRET_BYTES: usize = 24;
/// Characters of a token behind its prefix: five bits each.
const TOKEN_CHARS: usize = (ID_BYTES + SECRET_BYTES) * 8 / 5 + 1;
/// Bytes of a browser's secret.
const SESSION_BYTES: usize = 20;
/// Most tokens at once: a hub has a handful of people and programs that need one.
const MAX_TOKENS: usize = 200;
/// Longest label in characters.
const MAX_LABEL: usize = 100;
/// Shortest life of a token, seconds.
const MIN_LIFE_S: u64 = 60;
/// Longest life of a token that ends by itself, seconds: five years.
const MAX_LIFE_S: u64 = 5 * 366 * 86_400;
/// Most browsers signed in at once; the one that was used longest ago is signed out for a further one.
const MAX_SESSIONS: usize = 500;
/// A browser that was not used for so long is signed out: a working day.
const IDLE_MS: i64 = 12 * 3_600_000;
/// A browser stays signed in for so long at most.
const SESSION_MS: i64 = 7 * 86_400_000;
/// Uses are noted to the minute: one write a minute, not one a page.
const NOTED_MS: i64 = 60_000;
/// What the hash of a token's secret is of.
const TOKEN_HASH: &str = "Interhub 2026-11 secret of a token";
/// What the hash of a browser's secret is of.
const SESSION_HASH: &str = "Interhub 2026-11 secret of a browser";
/// What a form's proof is of.
const FORM_HASH: &str = "Interhub 2026-11 proof that a form is ours";

/// A token as operators see it: everything but its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownToken {
    /// What it is called by.
    pub id: TokenId,
    /// What it lets its bearer do.
    pub role: Role,
    /// What the operator calls it.
    pub label: String,
    /// When it was made, Unix milliseconds.
    pub created_ms: i64,
    /// When it ends, Unix milliseconds; `None`: when it is revoked.
    pub expires_ms: Option<i64>,
    /// When it was last used, Unix milliseconds, to the minute.
    pub used_ms: Option<i64>,
    /// Whether it has ended.
    pub expired: bool,
}

/// Who acts: the bearer of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The token.
    pub id: TokenId,
    /// What it lets its bearer do.
    pub role: Role,
    /// What the operator calls it.
    pub label: String,
}

/// A browser that is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// With which token.
    pub bearer: Bearer,
    /// What forms on its pages have to bring along, so that no other site can send them.
    pub form_proof: String,
}

impl Commands {
    /// Makes a token. Its text is in the answer, and nowhere else. `life_s`: how long it lives, in seconds; `None`: until it is
    /// revoked.
    pub async fn create_token(
        &self,
        role: Role,
        label: String,
        life_s: Option<u64>,
    ) -> Result<(String, ShownToken), CommandError> {
        self.blocking("token create", move |this| {
            let label = check_label(&label)?;
            if let Some(life_s) = life_s
                && !(MIN_LIFE_S..=MAX_LIFE_S).contains(&life_s)
            {
                return Err(CommandError::usage("a token lives from 1 minute to 5 years"));
            }
            if this.ledger.tokens()?.len() >= MAX_TOKENS {
                return Err(CommandError::refused(format!(
                    "there are {MAX_TOKENS} tokens already; `interhub token list` shows them, `interhub token revoke ID` ends one"
                )));
            }
            let now_ms = this.clock.now_ms();
            let id = TokenId(random_bytes(&*this.clock));
            let secret: [u8; SECRET_BYTES] = random_bytes(&*this.clock);
            let life_ms = life_s.map(|life_s| i64::try_from(life_s.saturating_mul(1_000)).unwrap_or(i64::MAX));
            let row = TokenRow {
                hash: blake3::derive_key(TOKEN_HASH, &secret),
                role,
                label,
                created_ms: now_ms,
                expires_ms: life_ms.map(|life_ms| now_ms.saturating_add(life_ms)),
                used_ms: None,
            };
            this.ledger.put_token(id, &row)?;
            this.ledger.make_durable()?;
            let text = BASE32_NOPAD.encode(&[&id.0[..], &secret].concat()).to_ascii_lowercase();
            Ok((format!("{PREFIX}{text}"), shown(id, row, now_ms)))
        })
        .await
    }

    /// Every token, the newest first.
    pub async fn tokens(&self) -> Result<Vec<ShownToken>, CommandError> {
        self.blocking("token list", |this| {
            let now_ms = this.clock.now_ms();
            let rows = this.ledger.tokens()?.into_iter();
            let mut tokens: Vec<ShownToken> = rows.map(|(id, row)| shown(id, row, now_ms)).collect();
            tokens.sort_by_key(|token| (std::cmp::Reverse(token.created_ms), token.id));
            Ok(tokens)
        })
        .await
    }

    /// Ends a token at once, and signs out every browser that came in with it.
    pub async fn revoke_token(&self, id: String) -> Result<ShownToken, CommandError> {
        self.blocking("token revoke", move |this| {
            let unknown =
                || CommandError::not_found(format!("there is no token {id:.80?}; `interhub token list` shows them"));
            let token: TokenId = id.parse().map_err(|()| unknown())?;
            let row = this.ledger.token(token)?.ok_or_else(unknown)?;
            this.ledger.drop_token(token)?;
            Ok(shown(token, row, this.clock.now_ms()))
        })
        .await
    }

    /// Who bears this token, if it lets in at all.
    pub async fn bearer(&self, text: String) -> Result<Bearer, CommandError> {
        self.blocking("token check", move |this| {
            let (id, row) = this.known_token(&text)?;
            this.note_use(id, row)
        })
        .await
    }

    /// Signs a browser in with a token. Answers with the secret for its cookie.
    pub async fn sign_in(&self, text: String) -> Result<(String, SignedIn), CommandError> {
        self.blocking("sign in", move |this| {
            let (id, row) = this.known_token(&text)?;
            let bearer = this.note_use(id, row)?;
            let now_ms = this.clock.now_ms();
            let secret: [u8; SESSION_BYTES] = random_bytes(&*this.clock);
            let mut others = this.ledger.sessions()?;
            others.sort_by_key(|(key, row)| (std::cmp::Reverse(row.seen_ms), *key));
            let in_excess = others.iter().skip(MAX_SESSIONS - 1);
            let ended = others.iter().filter(|(_, row)| is_over(row, now_ms));
            let dropped: Vec<SessionKey> = in_excess.chain(ended).map(|(key, _)| *key).collect();
            let session = SessionRow {
                token: id,
                created_ms: now_ms,
                seen_ms: now_ms,
            };
            this.ledger.put_session(session_key(&secret), &session, &dropped)?;
            Ok((
                BASE32_NOPAD.encode(&secret).to_ascii_lowercase(),
                signed_in(bearer, &secret),
            ))
        })
        .await
    }

    /// The browser with this secret in its cookie, if it is signed in.
    pub async fn signed_in(&self, cookie: String) -> Result<Option<SignedIn>, CommandError> {
        let Some(secret) = session_secret(&cookie) else {
            return Ok(None);
        };
        self.blocking("session check", move |this| {
            let now_ms = this.clock.now_ms();
            let key = session_key(&secret);
            let Some(session) = this.ledger.session(key)?.filter(|row| !is_over(row, now_ms)) else {
                return Ok(None);
            };
            let Some(token) = this.ledger.token(session.token)?.filter(|row| !is_expired(row, now_ms)) else {
                return Ok(None);
            };
            if now_ms.saturating_sub(session.seen_ms) >= NOTED_MS {
                let seen = SessionRow {
                    seen_ms: now_ms,
                    ..session
                };
                this.ledger.put_session(key, &seen, &[])?;
            }
            let bearer = this.note_use(session.token, token)?;
            Ok(Some(signed_in(bearer, &secret)))
        })
        .await
    }

    /// Signs a browser out. One that is not signed in stays so.
    pub async fn sign_out(&self, cookie: String) -> Result<(), CommandError> {
        let Some(secret) = session_secret(&cookie) else {
            return Ok(());
        };
        self.blocking("sign out", move |this| {
            Ok(this.ledger.drop_session(session_key(&secret))?)
        })
        .await
    }

    fn known_token(&self, text: &str) -> Result<(TokenId, TokenRow), CommandError> {
        let wrong = || {
            CommandError::refused(
                "this token is not known here, or was revoked; `interhub token create` makes one, `interhub token list` shows them",
            )
        };
        let (id, secret) = split(text).ok_or_else(wrong)?;
        let row = self.ledger.token(id)?.ok_or_else(wrong)?;
        // Compared as hashes, in constant time.
        if blake3::Hash::from(row.hash) != blake3::Hash::from(blake3::derive_key(TOKEN_HASH, &secret)) {
            return Err(wrong());
        }
        if is_expired(&row, self.clock.now_ms()) {
            return Err(CommandError::refused(
                "this token has expired; `interhub token create` makes a new one",
            ));
        }
        Ok((id, row))
    }

    fn note_use(&self, id: TokenId, row: TokenRow) -> Result<Bearer, CommandError> {
        let bearer = Bearer {
            id,
            role: row.role,
            label: row.label.clone(),
        };
        let now_ms = self.clock.now_ms();
        if row.used_ms.is_none_or(|used_ms| (now_ms - used_ms).abs() >= NOTED_MS) {
            let used_ms = Some(now_ms);
            self.ledger.put_token(id, &TokenRow { used_ms, ..row })?;
        }
        Ok(bearer)
    }
}

fn shown(id: TokenId, row: TokenRow, now_ms: i64) -> ShownToken {
    ShownToken {
        id,
        role: row.role,
        expired: is_expired(&row, now_ms),
        label: row.label,
        created_ms: row.created_ms,
        expires_ms: row.expires_ms,
        used_ms: row.used_ms,
    }
}

fn is_expired(row: &TokenRow, now_ms: i64) -> bool {
    row.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms)
}

fn is_over(row: &SessionRow, now_ms: i64) -> bool {
    now_ms.saturating_sub(row.seen_ms) >= IDLE_MS || now_ms.saturating_sub(row.created_ms) >= SESSION_MS
}

fn signed_in(bearer: Bearer, secret: &[u8; SESSION_BYTES]) -> SignedIn {
    let proof = blake3::derive_key(FORM_HASH, secret);
    SignedIn {
        bearer,
        form_proof: BASE32_NOPAD.encode(&proof[..20]).to_ascii_lowercase(),
    }
}

fn session_key(secret: &[u8; SESSION_BYTES]) -> SessionKey {
    SessionKey(blake3::derive_key(SESSION_HASH, secret))
}

fn session_secret(cookie: &str) -> Option<[u8; SESSION_BYTES]> {
    let bytes = BASE32_NOPAD.decode(cookie.to_ascii_uppercase().as_bytes()).ok()?;
    bytes.try_into().ok()
}

/// The name and the secret in a token's text. Spaces around it are forgiven, and capitals.
fn split(text: &str) -> Option<(TokenId, [u8; SECRET_BYTES])> {
    let text = text.trim();
    let start = text.get(..PREFIX.len())?;
    let rest = text.get(PREFIX.len()..)?;
    if !start.eq_ignore_ascii_case(PREFIX) || rest.len() != TOKEN_CHARS {
        return None;
    }
    let bytes = BASE32_NOPAD.decode(rest.to_ascii_uppercase().as_bytes()).ok()?;
    let (id, secret) = bytes.split_at_checked(ID_BYTES)?;
    Some((TokenId(id.try_into().ok()?), secret.try_into().ok()?))
}

/// A label, without the room around it, or what is wrong with it.
pub(super) fn check_label(label: &str) -> Result<String, CommandError> {
    let label = label.trim();
    if label.chars().count() > MAX_LABEL || label.chars().any(char::is_control) {
        return Err(CommandError::usage(format!(
            "a label has at most {MAX_LABEL} characters, on one line"
        )));
    }
    Ok(label.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::Class;
    use super::super::testing::birmingham;
    use super::*;
    use crate::clock::{Clock as _, ManualClock};
    use crate::task::{Blocking, Tasks};
    use std::sync::Arc;

    fn commands() -> (Commands, Arc<ManualClock>) {
        birmingham(&Tasks::new(Blocking::Inline), 1_795_000_000_000)
    }

    #[tokio::test]
    async fn a_token_lets_in_until_it_is_revoked() {
        let (this, clock) = commands();
        let (text, made) = this
            .create_token(Role::Admin, " Front office ".into(), None)
            .await
            .unwrap();
        assert_eq!(
            (made.role, made.label.as_str(), made.expires_ms),
            (Role::Admin, "Front office", None)
        );
        assert!(text.starts_with(PREFIX) && text.len() == PREFIX.len() + TOKEN_CHARS);
        let known = this.bearer(format!(" {}\n", text.to_uppercase())).await.unwrap();
        assert_eq!(known.id, made.id);
        assert_eq!(this.tokens().await.unwrap()[0].used_ms, Some(clock.now_ms()));

        let (cookie, browser) = this.sign_in(text.clone()).await.unwrap();
        assert_eq!(this.signed_in(cookie.clone()).await.unwrap(), Some(browser));
        this.revoke_token(made.id.to_string()).await.unwrap();
        assert_eq!(this.signed_in(cookie).await.unwrap(), None);
        assert_eq!(this.bearer(text).await.unwrap_err().class, Class::Refused);
        assert_eq!(
            this.revoke_token(made.id.to_string()).await.unwrap_err().class,
            Class::NotFound
        );
        assert!(this.ledger.sessions().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_token_ends_when_its_time_is_up_and_its_browsers_with_it() {
        let (this, clock) = commands();
        let (text, made) = this.create_token(Role::Desk, String::new(), Some(3_600)).await.unwrap();
        assert_eq!(made.expires_ms, Some(clock.now_ms() + 3_600_000));
        let (cookie, _) = this.sign_in(text.clone()).await.unwrap();
        clock.advance_ms(3_599_000);
        assert!(this.signed_in(cookie.clone()).await.unwrap().is_some());
        clock.advance_ms(1_000);
        assert!(this.signed_in(cookie).await.unwrap().is_none());
        assert!(this.bearer(text).await.unwrap_err().message.contains("expired"));
        assert!(this.tokens().await.unwrap()[0].expired);
    }

    #[tokio::test]
    async fn a_browser_that_is_left_alone_is_signed_out() {
        let (this, clock) = commands();
        let (text, _) = this.create_token(Role::Admin, String::new(), None).await.unwrap();
        let (used, _) = this.sign_in(text.clone()).await.unwrap();
        let (left, _) = this.sign_in(text).await.unwrap();
        assert_ne!(used, left);
        for _ in 0..SESSION_MS / IDLE_MS {
            clock.advance_ms(IDLE_MS - 1);
            assert!(this.signed_in(used.clone()).await.unwrap().is_some());
        }
        assert!(this.signed_in(left).await.unwrap().is_none());
        clock.advance_ms(SESSION_MS / IDLE_MS);
        assert!(
            this.signed_in(used).await.unwrap().is_none(),
            "after seven days everybody signs in again"
        );
    }

    #[tokio::test]
    async fn a_browser_signs_out() {
        let (this, _) = commands();
        let (text, _) = this.create_token(Role::Admin, String::new(), None).await.unwrap();
        let (cookie, _) = this.sign_in(text).await.unwrap();
        this.sign_out(cookie.clone()).await.unwrap();
        this.sign_out(cookie.clone()).await.unwrap();
        assert_eq!(this.signed_in(cookie).await.unwrap(), None);
    }

    #[tokio::test]
    async fn there_are_never_too_many() {
        let (this, _) = commands();
        let (text, _) = this.create_token(Role::Admin, String::new(), None).await.unwrap();
        for _ in 0..MAX_SESSIONS + 3 {
            this.sign_in(text.clone()).await.unwrap();
        }
        assert_eq!(this.ledger.sessions().unwrap().len(), MAX_SESSIONS);
        for _ in 1..MAX_TOKENS {
            this.create_token(Role::Read, String::new(), None).await.unwrap();
        }
        let refused = this.create_token(Role::Read, String::new(), None).await.unwrap_err();
        assert_eq!(refused.class, Class::Refused);
    }

    #[tokio::test]
    async fn wrong_ones_are_refused_and_nothing_panics() {
        let (this, _) = commands();
        let (text, _) = this.create_token(Role::Admin, String::new(), None).await.unwrap();
        let mut other = text.clone().into_bytes();
        let last = other.len() - 3;
        other[last] = if other[last] == b'a' { b'b' } else { b'a' };
        let other = String::from_utf8(other).unwrap();
        for wrong in [
            "",
            "iht_",
            "iht_é",
            "ihté",
            &other,
            &text[1..],
            &format!("{text}a"),
            &"x".repeat(10_000),
        ] {
            assert_eq!(
                this.bearer(wrong.into()).await.unwrap_err().class,
                Class::Refused,
                "{wrong:.60}"
            );
            assert_eq!(this.signed_in(wrong.into()).await.unwrap(), None);
        }
        for (label, life_s) in [
            ("a\nb".to_owned(), None),
            ("a".repeat(101), None),
            (String::new(), Some(59)),
            (String::new(), Some(u64::MAX)),
        ] {
            let refused = this.create_token(Role::Read, label, life_s).await.unwrap_err();
            assert_eq!(refused.class, Class::Usage);
        }
    }

    #[tokio::test]
    async fn no_secret_is_stored() {
        let (this, _) = commands();
        let (text, made) = this.create_token(Role::Admin, String::new(), None).await.unwrap();
        let (id, secret) = split(&text).unwrap();
        assert_eq!(id, made.id);
        let row = this.ledger.token(id).unwrap().unwrap();
        let bytes = crate::store::catalogue::Value::encode(&row);
        assert!(
            !bytes
                .windows(8)
                .any(|part| secret.windows(8).any(|of_secret| part == of_secret))
        );
    }
}
