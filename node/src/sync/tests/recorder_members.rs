//! A peer that records every frame, and members whose fields are shown and taken back by chance: of each it hears what a card has
//! had since its stream began, and no other word.

use std::collections::BTreeSet;
use std::time::Duration;

use interhub_domain::document::Reading;
use interhub_domain::ids::{DocumentKind, LogId, ObjectId, ThingId};
use interhub_domain::member::{Audience, Consent, Field, Member};

use super::recorder::{Dice, Scene, runtime};
use crate::command::member::card_write;
use crate::projection::members;
use crate::sync::Write;

/// Things that happen to members in one run.
const STEPS: usize = 120;
const FIELDS: [Field; 4] = [Field::Name, Field::Headline, Field::Biography, Field::Skills];

struct People {
    scene: Scene,
    dice: Dice,
    all: Vec<ThingId>,
    words: usize,
    /// Words that a card has had since the present stream began.
    shown: BTreeSet<String>,
}

impl People {
    fn word(&mut self) -> String {
        self.words += 1;
        format!("[q{}q]", self.words)
    }

    fn object(&self, log: LogId, thing: ThingId) -> ObjectId {
        let (network, own) = (self.scene.a.network().unwrap(), self.scene.a.own_id());
        ObjectId::derive(network, own, log, DocumentKind::Member, thing)
    }

    fn said(&self, log: LogId, thing: ThingId) -> Option<Member> {
        let row = members::read(&*self.scene.a.store, self.object(log, thing)).unwrap();
        row.map(|row| row.member)
    }

    fn alter(&mut self, record: &mut Member) {
        match self.dice.roll(8) {
            0 => record.name = self.word(),
            1 => record.headline = self.word(),
            2 => record.biography += &self.word(),
            3 => {
                let word = self.word();
                record.skills.push(word);
            }
            4 => record.local.notes = self.word(),
            5 => {
                let (field, audience) = (FIELDS[self.dice.roll(4)], Audience::ALL[self.dice.roll(4)]);
                record.audiences.insert(field, audience);
            }
            6 => {
                let agreed = FIELDS.into_iter().filter(|_| self.dice.roll(3) > 0).collect();
                let audience = Audience::ALL[2 + self.dice.roll(2)];
                let consent = Consent {
                    at_ms: 1,
                    audience,
                    fields: agreed,
                    text_version: self.word(),
                    channel: "paper".into(),
                    recorded_by: self.word(),
                    withdrawn_ms: None,
                };
                record.consents.insert(self.words.to_string(), consent);
            }
            _ => {
                for consent in record.consents.values_mut() {
                    consent.withdrawn_ms.get_or_insert(1);
                }
            }
        }
    }

    /// Something happens to a member that is there, or to a new one.
    fn step(&mut self) {
        let there: Vec<ThingId> = self
            .all
            .iter()
            .copied()
            .filter(|thing| self.said(LogId::LOCAL, *thing).is_some())
            .collect();
        let thing = if there.len() < 3 {
            let number = u8::try_from(self.all.len()).unwrap();
            let thing = ThingId::new(self.scene.a.own_id(), [number; 8]);
            self.all.push(thing);
            thing
        } else {
            there[self.dice.roll(there.len())]
        };
        let (record, card) = (self.object(LogId::LOCAL, thing), self.object(LogId::NETWORK, thing));
        if there.len() >= 3 && self.dice.roll(15) == 0 {
            let had_card = self.scene.a.object_state(card).unwrap().created.is_some();
            let objects = had_card.then_some(card).into_iter().chain([record]);
            self.scene
                .a
                .write(objects.map(|object| Write::Erase { object }).collect())
                .unwrap();
            return;
        }
        let before = self.said(LogId::LOCAL, thing);
        let mut after = before.clone().unwrap_or_else(|| Member {
            name: self.word(),
            ..Member::default()
        });
        for _ in 0..=self.dice.roll(3) {
            self.alter(&mut after);
        }
        let reading = Reading::Member(Box::new(after.clone()));
        let write = match before {
            None => Write::Create {
                log: LogId::LOCAL,
                kind: DocumentKind::Member,
                thing,
                reading,
            },
            Some(_) => Write::Renew {
                object: record,
                reading,
            },
        };
        let shown = self.said(LogId::NETWORK, thing);
        let of_card = card_write(thing, card, shown.as_ref(), after.card());
        self.note(after.card().as_ref());
        self.scene
            .a
            .write([Some(write), of_card].into_iter().flatten().collect())
            .unwrap();
    }

    /// What a card says may be heard.
    fn note(&mut self, card: Option<&Member>) {
        let Some(card) = card else { return };
        let text = format!("{card:?}");
        for number in 1..=self.words {
            let word = format!("[q{number}q]");
            if text.contains(&word) {
                self.shown.insert(word);
            }
        }
    }

    /// Nothing but what may be heard was heard; says how much of that was.
    fn check(&self, seed: u64) -> usize {
        let mut heard = 0;
        for number in 1..=self.words {
            let word = format!("[q{number}q]");
            let is_heard = self.scene.heard(word.as_bytes());
            assert!(!is_heard || self.shown.contains(&word), "seed {seed}: {word} is heard");
            heard += usize::from(is_heard);
        }
        for thing in &self.all {
            let record = self.object(LogId::LOCAL, *thing);
            assert!(!self.scene.heard(&record.0), "seed {seed}: a record is heard of");
        }
        heard
    }
}

#[test]
fn a_recording_peer_hears_what_members_show_and_no_other_word() {
    runtime().block_on(async {
        for seed in 1..=4 {
            let mut people = People {
                scene: Scene::new().await,
                dice: Dice(seed),
                all: Vec::new(),
                words: 0,
                shown: BTreeSet::new(),
            };
            let (mut mark, mut heard) = (0, 0);
            let mut stream = None;
            for step in 0..STEPS {
                if step % 20 == 0 {
                    if stream.take().is_some() {
                        heard += people.check(seed);
                    }
                    // What was taken back before the peer calls anew is not sent to it again.
                    people.scene.tape = super::recorder::Tape::default();
                    people.shown.clear();
                    for thing in people.all.clone() {
                        let card = people.said(LogId::NETWORK, thing);
                        people.note(card.as_ref());
                    }
                    stream = Some(people.scene.listen().await);
                }
                people.step();
                if step % 20 == 19 {
                    mark += 1;
                    people.scene.mark(mark).await;
                }
            }
            heard += people.check(seed);
            assert!(heard > 5, "seed {seed}: {heard} words were heard, and more were shown");
            drop(stream);
            people.scene.tasks.stop(Duration::from_secs(5)).await;
        }
    });
}
