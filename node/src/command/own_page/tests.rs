#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use super::*;
use crate::clock::{Clock as _, ManualClock};
use crate::command::member::MemberFields;
use crate::command::testing::birmingham;
use crate::outside::mail::testing::mail_server;
use crate::store::catalogue::own_page::MemberContactRow;
use crate::task::{Blocking, Tasks};
use interhub_domain::member::Said;

async fn hub() -> (Commands, Arc<ManualClock>) {
    let (this, clock) = birmingham(&Tasks::new(Blocking::Inline), 1_795_000_000_000);
    this.create_network("Test".into()).await.unwrap();
    (this, clock)
}

async fn member(this: &Commands, name: &str, mail: &str) -> ThingId {
    let said = Said {
        name: Some(name.to_owned()),
        mail: Some(mail.to_owned()),
        ..Said::default()
    };
    let fields = MemberFields {
        said,
        ..MemberFields::default()
    };
    this.add_member(fields, "test".into()).await.unwrap().thing
}

fn secret_of(link: &MemberLink) -> String {
    link.url
        .strip_prefix("https://hub.example/me/open/")
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_link_opens_its_members_page_once() {
    let (this, clock) = hub().await;
    let ada = member(&this, "Ada", "").await;
    let link = this.member_link(ada.to_string(), None, false).await.unwrap();
    assert_eq!(link.expires_ms, clock.now_ms() + 7 * 86_400_000);
    let secret = secret_of(&link);
    assert!(this.is_good_link(secret.clone()).await.unwrap());
    let (cookie, visitor) = this.open_own_page(secret.to_uppercase()).await.unwrap();
    assert_eq!(visitor.member, ada);
    assert_eq!(
        this.own_page_visitor(cookie.clone()).await.unwrap(),
        Some(visitor.clone())
    );
    assert!(!this.is_good_link(secret.clone()).await.unwrap());
    assert_eq!(this.open_own_page(secret).await.unwrap_err().class, Class::Refused);
    this.leave_own_page(visitor).await.unwrap();
    assert_eq!(this.own_page_visitor(cookie).await.unwrap(), None);
}

#[tokio::test]
async fn a_link_that_ended_was_altered_or_guessed_opens_nothing() {
    let (this, clock) = hub().await;
    let ada = member(&this, "Ada", "").await;
    for life in [0, 59, 90 * 86_400 + 1] {
        let refused = this.member_link(ada.to_string(), Some(life), false).await.unwrap_err();
        assert_eq!(refused.class, Class::Usage, "{life}");
    }
    let first = secret_of(&this.member_link(ada.to_string(), Some(60), false).await.unwrap());
    for at in 0..first.len() {
        let mut altered = first.clone().into_bytes();
        altered[at] = if altered[at] == b'b' { b'c' } else { b'b' };
        let altered = String::from_utf8(altered).unwrap();
        assert!(this.open_own_page(altered.clone()).await.is_err(), "{altered}");
    }
    for guessed in [
        "",
        "x",
        "ihm",
        &first[1..],
        &format!("{first}a"),
        &"a".repeat(52),
        &"é".repeat(26),
    ] {
        assert_eq!(
            this.open_own_page(guessed.to_owned()).await.unwrap_err().class,
            Class::Refused
        );
    }
    // The newest one is the one that holds.
    let second = secret_of(&this.member_link(ada.to_string(), Some(60), false).await.unwrap());
    assert!(!this.is_good_link(first).await.unwrap());
    clock.advance_ms(59_999);
    assert!(this.is_good_link(second.clone()).await.unwrap());
    clock.advance_ms(1);
    assert!(this.open_own_page(second).await.is_err());
}

#[tokio::test]
async fn no_secret_of_a_link_is_stored() {
    let (this, _) = hub().await;
    let ada = member(&this, "Ada", "").await;
    let link = secret_of(&this.member_link(ada.to_string(), None, false).await.unwrap());
    let (_, kind, secret) = split(&link).unwrap();
    let row = this
        .ledger
        .member_link(MemberLinkKey { member: ada, kind })
        .unwrap()
        .unwrap();
    let bytes = crate::store::catalogue::Value::encode(&row);
    assert!(
        !bytes
            .windows(8)
            .any(|part| secret.windows(8).any(|of_secret| part == of_secret))
    );
}

#[tokio::test]
async fn a_browser_leaves_by_itself() {
    let (this, clock) = hub().await;
    let ada = member(&this, "Ada", "").await;
    let link = this.member_link(ada.to_string(), None, false).await.unwrap();
    let (cookie, _) = this.open_own_page(secret_of(&link)).await.unwrap();
    for _ in 0..12 {
        clock.advance_ms(IDLE_MS - 1);
        assert!(this.own_page_visitor(cookie.clone()).await.unwrap().is_some());
    }
    clock.advance_ms(12);
    assert_eq!(this.own_page_visitor(cookie).await.unwrap(), None, "after twelve hours");
    for nonsense in ["", "x", &"a".repeat(32), "é"] {
        assert_eq!(this.own_page_visitor(nonsense.to_owned()).await.unwrap(), None);
    }
    this.sweep_own_pages().await.unwrap();
    assert_eq!(this.ledger.member_sessions().unwrap().len(), 1);
    clock.advance_ms(IDLE_MS);
    this.sweep_own_pages().await.unwrap();
    assert!(this.ledger.member_sessions().unwrap().is_empty());
}

#[tokio::test]
async fn who_erases_themselves_sees_what_became_of_it_and_nobody_else_does() {
    let (this, _) = hub().await;
    let (ada, bo) = (member(&this, "Ada", "").await, member(&this, "Bo", "").await);
    let open = async |thing: ThingId| {
        let link = this.member_link(thing.to_string(), None, false).await.unwrap();
        this.open_own_page(secret_of(&link)).await.unwrap()
    };
    let (other, _) = open(ada).await;
    let (bos, _) = open(bo).await;
    let (cookie, visitor) = open(ada).await;
    let link = this.member_link(ada.to_string(), None, false).await.unwrap();
    this.erase_from_own_page(visitor).await.unwrap();
    assert!(this.own_page_visitor(cookie).await.unwrap().is_some());
    assert!(this.own_page_visitor(bos).await.unwrap().is_some());
    assert_eq!(this.own_page_visitor(other).await.unwrap(), None);
    assert!(this.open_own_page(secret_of(&link)).await.is_err());
    assert_eq!(
        this.member_link(ada.to_string(), None, false).await.unwrap_err().class,
        Class::NotFound
    );
}

#[tokio::test]
async fn a_link_by_mail_goes_to_whoever_has_the_address_and_not_twice_in_a_moment() {
    let (this, clock) = hub().await;
    let ada = member(&this, "Ada", "Ada@Example.org").await;
    let bo = member(&this, "Bo", "ada@example.org").await;
    member(&this, "Cy", "").await;
    let made = |address: &str| {
        let made = this.make_asked_links(address).unwrap();
        made.iter()
            .map(|(row, _)| row.thing)
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(made(" ada@example.org"), [ada, bo].into());
    assert!(made("ada@example.org").is_empty(), "just now");
    clock.advance_ms(ASKED_AGAIN_MS);
    assert_eq!(made("ada@example.org").len(), 2);
    assert!(made("").is_empty() && made("eve@example.org").is_empty());
    // What an operator handed over holds all the same.
    let handed = this.member_link(ada.to_string(), None, false).await.unwrap();
    clock.advance_ms(ASKED_AGAIN_MS);
    made("ada@example.org");
    assert!(this.is_good_link(secret_of(&handed)).await.unwrap());
}

#[tokio::test]
async fn without_a_mail_server_none_is_sent() {
    let (this, _) = hub().await;
    let ada = member(&this, "Ada", "ada@example.org").await;
    assert!(!this.sends_mail());
    let refused = this.member_link(ada.to_string(), None, true).await.unwrap_err();
    assert_eq!(refused.class, Class::Precondition);
    assert!(refused.message.contains("smtp_url"), "{refused}");
    assert!(this.mail_member_link("ada@example.org".into(), "en").is_err());
}

/// Waits until nothing is written to members any more.
async fn quiet(this: &Commands) {
    drop(this.writing_to_members.lock().await);
}

#[tokio::test]
async fn everybody_is_invited_once_and_asked_once_a_year() {
    let (mut this, clock) = hub().await;
    let (mailer, letters) = mail_server("RCPT TO:<gone@").await;
    this.mailer = Some(mailer);
    let ada = member(&this, "Ada", "ada@example.org").await;
    let bo = member(&this, "Bo", "bo@example.org").await;
    member(&this, "Cy", "").await;
    member(&this, "Di", "gone@example.org").await;
    member(&this, "Ed", "nowhere").await;
    let old = member(&this, "Flo", "flo@example.org").await;
    let moved_on = MemberFields {
        said: Said {
            status: Some(interhub_domain::member::Status::MovedOn),
            ..Said::default()
        },
        ..MemberFields::default()
    };
    this.edit_member(old.to_string(), moved_on, "test".into())
        .await
        .unwrap();
    let link = this.member_link(bo.to_string(), None, false).await.unwrap();
    this.open_own_page(secret_of(&link)).await.unwrap();

    let said = this.invite_members().await.unwrap();
    assert_eq!((said.invited, said.known, said.without_address), (3, 1, 1));
    assert_eq!(letters.addresses(1).await, ["ada@example.org"]);
    quiet(&this).await;
    let contact = this.member_contact(ada.to_string()).await.unwrap();
    assert_eq!(contact.invited_ms, Some(clock.now_ms()));
    // Whoever could not be written to is tried again when somebody says so.
    assert_eq!(this.invite_members().await.unwrap().invited, 2);
    quiet(&this).await;

    assert_eq!(this.ask_members(365).await.unwrap(), 0);
    clock.advance_ms(366 * 86_400_000);
    this.confirm_member(bo.to_string()).await.unwrap();
    assert_eq!(this.ask_members(0).await.unwrap(), 0);
    assert_eq!(this.ask_members(365).await.unwrap(), 1);
    assert_eq!(letters.addresses(1).await, ["ada@example.org"]);
    assert_eq!(
        this.ask_members(365).await.unwrap(),
        0,
        "also of those who cannot be written to"
    );
    clock.advance_ms(366 * 86_400_000);
    assert_eq!(this.ask_members(365).await.unwrap(), 2);

    // Nothing of it is left of whoever is erased.
    this.erase_member(ada.to_string()).await.unwrap();
    assert_eq!(this.ledger.member_contact(ada).unwrap(), MemberContactRow::default());
}

#[tokio::test]
async fn a_link_is_mailed_and_what_went_wrong_is_told() {
    let (mut this, _) = hub().await;
    let (mailer, letters) = mail_server("RCPT TO:<gone@").await;
    this.mailer = Some(mailer);
    let ada = member(&this, "Ada", "ada@example.org").await;
    let handed = this.member_link(ada.to_string(), None, false).await.unwrap();
    assert!(this.member_link(ada.to_string(), None, true).await.unwrap().mailed);
    assert!(
        this.is_good_link(secret_of(&handed)).await.unwrap(),
        "a letter ends no link that was handed over"
    );
    assert!(this.member_contact(ada.to_string()).await.unwrap().invited_ms.is_some());
    assert_eq!(letters.addresses(1).await, ["ada@example.org"]);
    for (address, class, part) in [
        ("", Class::Precondition, "no mail address"),
        ("gone@example.org", Class::Refused, "550"),
        ("nowhere", Class::Refused, "no mail address"),
    ] {
        let somebody = member(&this, "Somebody", address).await;
        let error = this.member_link(somebody.to_string(), None, true).await.unwrap_err();
        assert_eq!(error.class, class, "{address} {error}");
        assert!(error.message.contains(part), "{address}: {error}");
    }
    this.mail_member_link("ADA@example.org".into(), "de").unwrap();
    this.mail_member_link("nobody@example.org".into(), "de").unwrap();
    assert_eq!(letters.addresses(1).await, ["ada@example.org"]);
}

#[tokio::test]
async fn where_the_server_takes_nothing_hardly_anybody_counts_as_asked() {
    let (mut this, clock) = hub().await;
    let mut things = Vec::new();
    for name in ["Ada", "Bo", "Cy", "Di", "Ed"] {
        let thing = member(&this, name, &format!("{name}@example.org")).await;
        let link = this.member_link(thing.to_string(), None, false).await.unwrap();
        this.open_own_page(secret_of(&link)).await.unwrap();
        things.push(thing);
    }
    clock.advance_ms(366 * 86_400_000);
    let (mailer, letters) = mail_server("MAIL").await;
    this.mailer = Some(mailer);
    assert_eq!(this.ask_members(365).await.unwrap(), 0);
    let mut asked = 0;
    for thing in things {
        let contact = this.member_contact(thing.to_string()).await.unwrap();
        asked += usize::from(contact.asked_ms.is_some());
    }
    assert_eq!(asked, 3, "it is not all of their addresses that are wrong");
    assert!(letters.take(0).await.is_empty());
}

#[tokio::test]
async fn a_copy_of_the_folder_opens_no_page() {
    let (this, _) = hub().await;
    let ada = member(&this, "Ada", "").await;
    let link = this.member_link(ada.to_string(), None, false).await.unwrap();
    let (cookie, _) = this.open_own_page(secret_of(&link)).await.unwrap();
    let other = this.member_link(ada.to_string(), None, false).await.unwrap();
    this.ledger.lies_at(1).unwrap();
    assert!(this.is_good_link(secret_of(&other)).await.unwrap());
    this.ledger.lies_at(2).unwrap();
    assert!(!this.is_good_link(secret_of(&other)).await.unwrap());
    assert_eq!(this.own_page_visitor(cookie).await.unwrap(), None);
}
