#![allow(clippy::unwrap_used, reason = "tests")]

use jiff::civil::date;
use proptest::prelude::*;

use super::*;

pub(crate) fn sample() -> Member {
    let listing = |what: &str, way, until| Listing {
        what: what.into(),
        way,
        until,
    };
    Member {
        kind: Kind::Person,
        name: "Ada Example".into(),
        headline: "Printmaker".into(),
        biography: "Prints since 1998.".into(),
        skills: vec!["screen printing".into(), "binding".into()],
        offers: vec![listing("a press", Some(Way::Lend), Some(date(2027, 5, 1)))],
        wants: vec![listing("paper", None, None)],
        languages: vec!["en".into(), "cy".into()],
        links: vec![Link {
            label: "Shop".into(),
            url: "https://shop.example".into(),
        }],
        photo: vec![1, 2, 3],
        role: "Host on Mondays".into(),
        projects: vec!["Open press".into()],
        programmes: vec!["Spring 2027".into()],
        tier: "full".into(),
        status: Status::Active,
        valid_until: Some(date(2027, 12, 31)),
        audiences: BTreeMap::new(),
        local: Local {
            mail: "ada@mail.example".into(),
            phone: "+44 1".into(),
            notes: "key 7".into(),
            number: "0017".into(),
        },
        consents: BTreeMap::new(),
        created_ms: 1,
        updated_ms: 2,
    }
}

fn consent(audience: Audience, fields: &[Field]) -> Consent {
    Consent {
        at_ms: 5,
        audience,
        fields: fields.iter().copied().collect(),
        text_version: "2026-11".into(),
        channel: "paper".into(),
        recorded_by: "desk".into(),
        withdrawn_ms: None,
    }
}

#[test]
fn nothing_leaves_the_hub_without_a_consent() {
    let mut ada = sample();
    assert_eq!(ada.card(), None);
    ada.audiences = Field::ALL.map(|field| (field, Audience::Public)).into();
    assert_eq!(ada.card(), None, "a wish to be seen is no consent");
    ada.consents
        .insert("a".into(), consent(Audience::Network, &[Field::Skills]));
    assert_eq!(ada.card(), None, "of whom the name is not shown nothing is");
    ada.consents
        .insert("b".into(), consent(Audience::Network, &[Field::Name, Field::Headline]));
    let card = ada.card().unwrap();
    assert_eq!((card.name.as_str(), card.skills.len()), ("Ada Example", 2));
    assert_eq!((card.biography.as_str(), card.photo.len(), card.created_ms), ("", 0, 0));
    assert_eq!((card.local.clone(), card.consents.len()), (Local::default(), 0));
    assert_eq!(
        card.audiences[&Field::Name],
        Audience::Network,
        "not further than was agreed to"
    );
    assert_eq!(card.audiences.len(), 3);
    assert_eq!(card.card_seen_by(Audience::Public), None);
    ada.consents.get_mut("b").unwrap().withdrawn_ms = Some(9);
    assert_eq!(ada.card(), None);
    ada.consents
        .insert("c".into(), consent(Audience::Public, &[Field::Name, Field::Links]));
    let seen = ada.card().unwrap().card_seen_by(Audience::Public).unwrap();
    assert_eq!((seen.links.len(), seen.skills.len()), (1, 0));
    ada.audiences.insert(Field::Name, Audience::Private);
    assert_eq!(ada.card(), None);
    assert_eq!(ada.seen_by(Audience::Hub), None);
    assert!(ada.seen_by(Audience::Private).is_some());
    ada.audiences.insert(Field::Name, Audience::Network);
    ada.status = Status::MovedOn;
    assert_eq!(ada.card(), None);
}

#[test]
fn members_of_the_hub_see_each_other_but_for_what_is_the_staffs() {
    let seen = sample().seen_by(Audience::Hub).unwrap();
    assert_eq!((seen.name.as_str(), seen.offers.len()), ("Ada Example", 1));
    assert_eq!((seen.tier.as_str(), seen.valid_until), ("", None));
    assert_eq!(seen.local, Local::default());
    assert_eq!(sample().seen_by(Audience::Private), Some(sample()));
}

#[test]
fn a_word_that_is_taken_back_or_replaced_is_said_less_and_one_that_is_added_is_not() {
    let ada = sample();
    let less = |change: &dyn Fn(&mut Member)| {
        let mut later = ada.clone();
        change(&mut later);
        ada.says_less_in(&later)
    };
    assert!(!less(&|_| {}));
    assert!(!less(&|ada| ada.skills.push("etching".into())));
    assert!(!less(&|ada| ada.biography.push_str(" And etches.")));
    assert!(!less(&|ada| {
        ada.audiences.insert(Field::Name, Audience::Public);
    }));
    assert!(less(&|ada| ada.name = "Ada Other".into()));
    assert!(less(&|ada| drop(ada.skills.remove(0))));
    assert!(less(&|ada| ada.biography = "Prints.".into()));
    assert!(less(&|ada| ada.photo.clear()));
    assert!(less(&|ada| ada.offers[0].until = None));
    let mut public = ada.clone();
    public.audiences.insert(Field::Name, Audience::Public);
    assert!(public.says_less_in(&ada));
}

#[test]
fn what_is_taken_back_takes_a_new_consent() {
    let mut ada = sample();
    ada.audiences = Field::ALL.map(|field| (field, Audience::Public)).into();
    ada.consents
        .insert("a".into(), consent(Audience::Network, &[Field::Name, Field::Skills]));
    ada.consents
        .insert("b".into(), consent(Audience::Public, &[Field::Skills]));
    ada.take_back([Field::Skills], 9);
    let card = ada.card().unwrap();
    assert_eq!((card.skills.len(), card.audiences.len()), (0, 1));
    assert_eq!(ada.consents["a"].fields, BTreeSet::from([Field::Name]));
    assert_eq!(
        (ada.consents["a"].withdrawn_ms, ada.consents["b"].withdrawn_ms),
        (None, Some(9))
    );
    ada.audiences.insert(Field::Skills, Audience::Public);
    assert_eq!(ada.audience(Field::Skills), Audience::Hub, "choosing is not agreeing");
    ada.take_back(Field::ALL, 10);
    assert_eq!(ada.card(), None);
}

#[test]
fn words_go_there_and_back() {
    for field in Field::ALL {
        assert_eq!(Field::named(field.name()), Some(field));
    }
    for audience in Audience::ALL {
        assert_eq!(Audience::named(audience.name()), Some(audience));
    }
    assert_eq!((Field::named("mail"), Audience::named("all")), (None, None));
}

proptest! {
    /// Whatever was chosen and agreed to: a card has nothing that is for the hub alone, and a reader of it sees no more than
    /// the record shows to the same audience.
    #[test]
    fn a_card_shows_what_was_agreed_to_and_nothing_else(
        chosen in prop::collection::btree_map(0..14_usize, 0..4_usize, 0..14),
        agreed in prop::collection::vec((0..4_usize, prop::collection::btree_set(0..14_usize, 0..14), any::<bool>()), 0..4),
    ) {
        let mut ada = sample();
        ada.audiences = chosen.iter().map(|(field, audience)| (Field::ALL[*field], Audience::ALL[*audience])).collect();
        for (number, (audience, fields, withdrawn)) in agreed.iter().enumerate() {
            let fields: Vec<Field> = fields.iter().map(|field| Field::ALL[*field]).collect();
            let mut consent = consent(Audience::ALL[*audience], &fields);
            consent.withdrawn_ms = withdrawn.then_some(9);
            ada.consents.insert(number.to_string(), consent);
        }
        let card = ada.card();
        for audience in [Audience::Network, Audience::Public] {
            let of_record = ada.seen_by(audience);
            let of_card = card.as_ref().and_then(|card| card.clone().from_card().card_seen_by(audience));
            prop_assert_eq!(of_record, of_card);
        }
        let Some(card) = card else { return Ok(()) };
        prop_assert_eq!(&card.clone().from_card(), &card);
        prop_assert_eq!(&card.local, &Local::default());
        prop_assert!(card.consents.is_empty());
        for field in Field::ALL {
            let mut hidden = ada.clone();
            hidden.audiences.insert(field, Audience::Hub);
            let covered = ada.holding_consents().any(|(_, one)| one.audience.leaves_the_hub() && one.fields.contains(&field));
            prop_assert!(covered || !card.audiences.contains_key(&field));
            if field != Field::Name {
                let narrower = hidden.card().unwrap();
                prop_assert!(!narrower.audiences.contains_key(&field));
                prop_assert_eq!(card.says_less_in(&narrower), card.audiences.contains_key(&field));
            }
        }
    }
}
