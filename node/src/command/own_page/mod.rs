//! A member's own page: the links that open it, and the browsers that are on it.
//!
//! There is no password. A link is made by an operator, or by mail for whoever knows the address in the record; it opens the page once
//! and ends. What is stored of it, and of the secret in the browser's cookie, is a hash. What a member then does is what operators do
//! with the same commands, for the one member the browser belongs to.

mod ask;
mod letter;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use data_encoding::BASE32_NOPAD;
use interhub_domain::ids::ThingId;

pub use self::ask::Invitations;
use self::letter::{Occasion, letter};
use super::event::parse_thing;
use super::member::ErasedMember;
use super::{Class, CommandError, Commands};
use crate::clock::random_bytes;
use crate::outside::mail::{Letter, MailError, Mailer};
use crate::projection::members::MemberRow;
use crate::store::catalogue::own_page::{LinkKind, MemberLinkKey, MemberLinkRow, MemberSessionKey, MemberSessionRow};

/// Where a link leads, before its secret.
pub const OPEN_PATH: &str = "/me/open/";
/// Bytes of a link that name the member: what differs between members of one hub.
const ID_BYTES: usize = 8;
/// Bytes of a link that nobody can guess.
const SECRET_BYTES: usize = 23;
/// Characters of a link behind its path: five bits each.
const LINK_CHARS: usize = (ID_BYTES + 1 + SECRET_BYTES) * 8 / 5 + 1;
/// Bytes of a browser's secret.
const SESSION_BYTES: usize = 20;
/// Shortest and longest life of a link, seconds, and that of one that an operator asks for without saying how long: a week.
const MIN_LIFE_S: u64 = 60;
const MAX_LIFE_S: u64 = 90 * 86_400;
const USUAL_LIFE_S: u64 = 7 * 86_400;
/// Life of a link that a member asked for by mail: it is read at once.
const ASKED_LIFE_S: u64 = 3_600;
/// A member who has just been sent a link is sent no other for so long: nobody is flooded because somebody knows their address.
const ASKED_AGAIN_MS: i64 = 5 * 60_000;
/// Links that are asked for by mail and made at the same time.
pub const MAX_ASKING: usize = 4;
/// Most members with one address who are sent a link each: a family, a small company.
const MAX_SAME_ADDRESS: usize = 5;
/// Most browsers on members' pages at once; the one that was used longest ago has to open a link again for a further one.
const MAX_SESSIONS: usize = 2_000;
/// A browser that was not used for so long has to open a link again: these pages are read on shared machines too.
const IDLE_MS: i64 = 3_600_000;
/// So long at most, however much it is used.
const SESSION_MS: i64 = 12 * 3_600_000;
/// Uses are noted to the minute: one write a minute, not one a page.
const NOTED_MS: i64 = 60_000;
/// What the hash of a link's secret is of.
const LINK_HASH: &str = "Interhub 2026-11 secret of a link to a member's page";
/// What the hash of a browser's secret is of.
const SESSION_HASH: &str = "Interhub 2026-11 secret of a browser on a member's page";
/// What a form's proof is of.
const FORM_HASH: &str = "Interhub 2026-11 proof that a member's form is ours";

/// A link to a member's own page. Its text is here, and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberLink {
    /// The member.
    pub member: ThingId,
    /// The link.
    pub url: String,
    /// When it ends, Unix milliseconds; earlier if it is used, or another one is made.
    pub expires_ms: i64,
    /// It was handed to the mail server.
    pub mailed: bool,
}

/// A browser on a member's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// Whose page.
    pub member: ThingId,
    /// The link came by mail: this is whoever reads the member's mail.
    pub by_mail: bool,
    /// What forms on its pages have to bring along, so that no other site can send them.
    pub form_proof: String,
    session: MemberSessionKey,
}

impl Commands {
    /// Makes a link to the page of a member of this hub, and mails it to them if that is wanted. One that was made before opens
    /// nothing any more. `life_s`: how long it is good for, in seconds; a week if nothing is said.
    pub async fn member_link(
        &self,
        id: String,
        life_s: Option<u64>,
        by_mail: bool,
    ) -> Result<MemberLink, CommandError> {
        let life_s = life_s.unwrap_or(USUAL_LIFE_S);
        if !(MIN_LIFE_S..=MAX_LIFE_S).contains(&life_s) {
            return Err(CommandError::usage("a link is good for 1 minute to 90 days"));
        }
        let mailer = if by_mail { Some(self.the_mailer()?) } else { None };
        let kind = if by_mail { LinkKind::Letter } else { LinkKind::Operator };
        let (row, mut link) = self
            .blocking("member link", move |this| {
                let _alone = this.ledger.editing_members.lock();
                this.may_show_members()?;
                let row = this.record(parse_thing(&id)?)?;
                if by_mail && row.member.local.mail.is_empty() {
                    return Err(CommandError::new(
                        Class::Precondition,
                        "there is no mail address in this record; `interhub member edit ID --mail ADDRESS` writes one",
                    ));
                }
                let link = this.make_link(&row, kind, life_s)?;
                Ok((row, link))
            })
            .await?;
        if let Some(mailer) = mailer {
            let letter = self.letter_to(&row, &link, Occasion::Invited, None);
            mailer.send(letter).await.map_err(|error| mail_failed(&error))?;
            self.note_letter(link.member, Occasion::Invited).await?;
            link.mailed = true;
        }
        Ok(link)
    }

    /// Sends a link to each member with this mail address, if there is one. Nobody learns from it whether there is. `language`: in
    /// which to write to somebody who speaks none that we have words for.
    pub fn mail_member_link(&self, address: String, language: &'static str) -> Result<(), CommandError> {
        let mailer = self.the_mailer()?;
        let Ok(permit) = Arc::clone(&self.asking_for_links).try_acquire_owned() else {
            tracing::warn!("more links are asked for by mail than can be made; some are left out");
            return Ok(());
        };
        let this = self.clone();
        // Not waited for: how long it takes would tell whether there is somebody.
        self.tasks.spawn("member", "link by mail", move |_| async move {
            let _permit = permit;
            let made = this
                .blocking("link by mail", move |this| this.make_asked_links(&address))
                .await;
            let links = match made {
                Ok(links) => links,
                Err(error) => {
                    tracing::error!(%error, "a link that was asked for could not be made");
                    return;
                }
            };
            for (row, link) in links {
                let letter = this.letter_to(&row, &link, Occasion::Asked, Some(language));
                if let Err(error) = mailer.send(letter).await {
                    tracing::error!(member = %link.member, %error, "a link that was asked for could not be mailed");
                }
            }
        });
        Ok(())
    }

    /// Whether this node sends mail.
    pub const fn sends_mail(&self) -> bool {
        self.mailer.is_some()
    }

    /// Whether a link would open a page now.
    pub async fn is_good_link(&self, text: String) -> Result<bool, CommandError> {
        self.blocking("own page", move |this| Ok(this.known_link(&text).is_ok()))
            .await
    }

    /// Opens a member's page with a link, which opens nothing afterwards. Answers with the secret for the browser's cookie.
    pub async fn open_own_page(&self, text: String) -> Result<(String, Visitor), CommandError> {
        self.blocking("own page", move |this| {
            let _alone = this.ledger.editing_members.lock();
            let link = this.known_link(&text)?;
            let now_ms = this.clock.now_ms();
            let secret: [u8; SESSION_BYTES] = random_bytes(&*this.clock);
            let mut others = this.ledger.member_sessions()?;
            others.sort_by_key(|(key, row)| (std::cmp::Reverse(row.seen_ms), *key));
            let in_excess: Vec<MemberSessionKey> = others.iter().skip(MAX_SESSIONS - 1).map(|(key, _)| *key).collect();
            let row = MemberSessionRow {
                member: link.member,
                by_mail: link.kind.is_mailed(),
                created_ms: now_ms,
                seen_ms: now_ms,
            };
            let key = session_key(&secret);
            this.ledger.use_member_link(link, key, &row, &in_excess)?;
            Ok((
                BASE32_NOPAD.encode(&secret).to_ascii_lowercase(),
                visitor(&row, &secret),
            ))
        })
        .await
    }

    /// The browser with this secret in its cookie, if it is on a member's page. The member may have been erased since.
    pub async fn own_page_visitor(&self, cookie: String) -> Result<Option<Visitor>, CommandError> {
        let Some(secret) = session_secret(&cookie) else {
            return Ok(None);
        };
        self.blocking("own page", move |this| {
            let now_ms = this.clock.now_ms();
            let key = session_key(&secret);
            let Some(row) = this.ledger.member_session(key)?.filter(|row| !is_over(row, now_ms)) else {
                return Ok(None);
            };
            if now_ms.saturating_sub(row.seen_ms) >= NOTED_MS {
                let _alone = this.ledger.editing_members.lock();
                // It may have been closed since it was looked up: nothing is to open it again.
                if this.ledger.member_session(key)? != Some(row) {
                    return Ok(None);
                }
                let seen = MemberSessionRow { seen_ms: now_ms, ..row };
                this.ledger.put_member_session(key, &seen)?;
            }
            Ok(Some(visitor(&row, &secret)))
        })
        .await
    }

    /// A browser leaves the page.
    pub async fn leave_own_page(&self, visitor: Visitor) -> Result<(), CommandError> {
        self.blocking("own page", move |this| {
            let _alone = this.ledger.editing_members.lock();
            Ok(this.ledger.drop_member_session(visitor.session)?)
        })
        .await
    }

    /// Erases the member whose page it is. The browser stays, to see which hubs have done it; every other one and every link ends.
    pub async fn erase_from_own_page(&self, visitor: Visitor) -> Result<ErasedMember, CommandError> {
        let erased = self.erase_member(visitor.member.to_string()).await?;
        self.blocking("own page", move |this| {
            let _alone = this.ledger.editing_members.lock();
            Ok(this.ledger.lock_own_page(visitor.member, Some(visitor.session))?)
        })
        .await?;
        Ok(erased)
    }

    /// Forgets links and browsers that have ended.
    pub async fn sweep_own_pages(&self) -> Result<(), CommandError> {
        self.blocking("own pages", |this| {
            let now_ms = this.clock.now_ms();
            Ok(this.ledger.sweep_own_pages(now_ms, now_ms - IDLE_MS)?)
        })
        .await
    }

    fn the_mailer(&self) -> Result<Mailer, CommandError> {
        self.mailer.clone().ok_or_else(|| {
            CommandError::new(
                Class::Precondition,
                "this node sends no mail; set smtp_url and mail_from in interhub.toml, or hand the link over",
            )
        })
    }

    fn make_link(&self, row: &MemberRow, kind: LinkKind, life_s: u64) -> Result<MemberLink, CommandError> {
        let now_ms = self.clock.now_ms();
        let secret: [u8; SECRET_BYTES] = random_bytes(&*self.clock);
        let life_ms = i64::try_from(life_s.saturating_mul(1_000)).unwrap_or(i64::MAX);
        let key = MemberLinkKey {
            member: row.thing,
            kind,
        };
        let made = MemberLinkRow {
            hash: blake3::derive_key(LINK_HASH, &secret),
            created_ms: now_ms,
            expires_ms: now_ms.saturating_add(life_ms),
        };
        self.ledger.put_member_link(key, &made)?;
        Ok(MemberLink {
            member: row.thing,
            url: format!("{}{OPEN_PATH}{}", self.web_address, text_of(key, &secret)),
            expires_ms: made.expires_ms,
            mailed: false,
        })
    }

    /// A link for each member with this address who was not sent one just now.
    fn make_asked_links(&self, address: &str) -> Result<Vec<(MemberRow, MemberLink)>, CommandError> {
        let _alone = self.ledger.editing_members.lock();
        let wanted = address.trim().to_lowercase();
        if wanted.is_empty() || self.ledger.is_restoring() {
            return Ok(Vec::new());
        }
        let (own, held) = (self.ledger.own_id(), self.ledger.held_members());
        let mut found = Vec::new();
        self.views.each_member(&mut |row| {
            let is_theirs = row.hub == own && row.is_record() && !held.contains(&row.thing);
            if is_theirs && found.len() < MAX_SAME_ADDRESS && row.member.local.mail.trim().to_lowercase() == wanted {
                found.push(row);
            }
        })?;
        let now_ms = self.clock.now_ms();
        let mut made = Vec::new();
        for row in found {
            let key = MemberLinkKey {
                member: row.thing,
                kind: LinkKind::Asked,
            };
            let last = self.ledger.member_link(key)?;
            if last.is_some_and(|last| (now_ms - last.created_ms).abs() < ASKED_AGAIN_MS) {
                continue;
            }
            let link = self.make_link(&row, LinkKind::Asked, ASKED_LIFE_S)?;
            made.push((row, link));
        }
        Ok(made)
    }

    fn letter_to(
        &self,
        row: &MemberRow,
        link: &MemberLink,
        occasion: Occasion,
        language: Option<&'static str>,
    ) -> Letter {
        let hub = &self.ledger.own().profile.name;
        let (subject, text) = letter(&row.member, hub, link, occasion, language, &self.timezone);
        Letter {
            to: row.member.local.mail.clone(),
            subject,
            text,
            at_ms: self.clock.now_ms(),
            random: random_bytes(&*self.clock),
        }
    }

    /// The link that a text is, if it opens a page now.
    fn known_link(&self, text: &str) -> Result<MemberLinkKey, CommandError> {
        self.may_show_members()?;
        let wrong = || {
            CommandError::refused(
                "this link opens no page: it was used, has ended, or is not whole; ask for another one, or at the hub",
            )
        };
        let (id, kind, secret) = split(text).ok_or_else(wrong)?;
        let key = MemberLinkKey {
            member: ThingId::new(self.ledger.own_id(), id),
            kind,
        };
        let row = self.ledger.member_link(key)?.ok_or_else(wrong)?;
        // Compared as hashes, in constant time.
        let same = blake3::Hash::from(row.hash) == blake3::Hash::from(blake3::derive_key(LINK_HASH, &secret));
        let now_ms = self.clock.now_ms();
        if !same || row.expires_ms <= now_ms {
            return Err(wrong());
        }
        // Of somebody who was erased meanwhile there is no page.
        self.record(key.member).map_err(|_| wrong())?;
        Ok(key)
    }
}

fn mail_failed(error: &MailError) -> CommandError {
    let class = match error {
        MailError::Unreachable | MailError::NotNow { .. } => Class::Unreachable,
        MailError::Refused { .. } | MailError::To => Class::Refused,
        MailError::Server | MailError::From => Class::Precondition,
    };
    CommandError::new(class, format!("the link was made and not sent: {error}"))
}

fn is_over(row: &MemberSessionRow, now_ms: i64) -> bool {
    now_ms.saturating_sub(row.seen_ms) >= IDLE_MS || now_ms.saturating_sub(row.created_ms) >= SESSION_MS
}

fn visitor(row: &MemberSessionRow, secret: &[u8; SESSION_BYTES]) -> Visitor {
    let proof = blake3::derive_key(FORM_HASH, secret);
    Visitor {
        member: row.member,
        by_mail: row.by_mail,
        form_proof: BASE32_NOPAD.encode(&proof[..20]).to_ascii_lowercase(),
        session: session_key(secret),
    }
}

fn session_key(secret: &[u8; SESSION_BYTES]) -> MemberSessionKey {
    MemberSessionKey(blake3::derive_key(SESSION_HASH, secret))
}

fn session_secret(cookie: &str) -> Option<[u8; SESSION_BYTES]> {
    let bytes = BASE32_NOPAD.decode(cookie.to_ascii_uppercase().as_bytes()).ok()?;
    bytes.try_into().ok()
}

fn text_of(key: MemberLinkKey, secret: &[u8; SECRET_BYTES]) -> String {
    let id = key.member.0.split_at(ID_BYTES).1;
    let kind = [key.kind.byte()];
    BASE32_NOPAD.encode(&[id, &kind, secret].concat()).to_ascii_lowercase()
}

/// Of whom a link is, of which kind, and its secret. Capitals are forgiven.
fn split(text: &str) -> Option<([u8; ID_BYTES], LinkKind, [u8; SECRET_BYTES])> {
    let text = text.trim();
    if text.len() != LINK_CHARS {
        return None;
    }
    let bytes = BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok()?;
    let (id, rest) = bytes.split_first_chunk::<ID_BYTES>()?;
    let (kind, secret) = rest.split_first()?;
    Some((*id, LinkKind::of_byte(*kind)?, secret.try_into().ok()?))
}
