//! What a round says in other logs than the public one; and the hub's own page.

use std::collections::BTreeSet;

use interhub_domain::body::{Content, Squash};
use interhub_domain::document::{Reading, edit};
use interhub_domain::envelope::Kind;
use interhub_domain::group::Group;
use interhub_domain::ids::{DocumentKind, LogId, ThingId};

use super::bodies::Round;
use super::documents::{change_of, full_profile};
use super::mutants::{Alteration, Share, UNALTERED, alter_chunk};

/// Generations of one page in one group: each that counts has the ones before it looked at again.
const PAGES: usize = 128;

impl Round<'_> {
    /// Its own page. It is one document for ever, so that every mutant begins a new generation: a few in the public log,
    /// where pages belong, and each in groups, of which there can be many.
    pub(super) fn pages(&mut self) {
        let length = change_of(edit(None, [0; 24], &Reading::HubProfile(full_profile("Page")))).len();
        if self.whole {
            let few: Vec<Alteration> = Share::Few.of(length).filter(|(at, _)| *at >= 8).collect();
            self.generations_of_page("Page", &few);
            self.place.0 = LogId::NETWORK;
            self.generations_of_page("A page where none belongs", &[UNALTERED]);
        }
        for (number, some) in (1..).zip(self.share_of_chunk(length).chunks(PAGES)) {
            self.place = self.group(number);
            self.generations_of_page("Page", some);
        }
        self.place = (LogId::PUBLIC, None);
    }

    fn generations_of_page(&mut self, name: &str, alterations: &[Alteration]) {
        let mut log = self.open();
        let thing = ThingId(self.speaker.hub().0);
        let object = self.object_of(DocumentKind::HubProfile, thing);
        let page = Reading::HubProfile(full_profile(name));
        let change = change_of(edit(None, self.actor(&log), &page));
        let mut say = |round: &mut Self, generation, at| {
            let body = round.body(Content::Squash(Squash {
                change: alter_chunk(&change, at),
                writers: vec![],
                heads: vec![],
                withdrawn: vec![],
                kind: DocumentKind::HubProfile.code().into(),
                thing: thing.0.to_vec(),
            }));
            log.say(Kind::Squash, object, generation, body.clone());
            body
        };
        let honest = say(self, 2, UNALTERED);
        self.note(self.place.0, Kind::Squash, honest);
        for (generation, at) in (3..).zip(alterations) {
            say(self, generation, *at);
            self.hostile += 1;
        }
        self.logs.push(log);
    }

    /// A group of all four hubs.
    pub(super) fn group(&self, number: u32) -> (LogId, Option<Group>) {
        let mut nonce = [0x90; 16];
        nonce[..4].copy_from_slice(&self.number.to_be_bytes());
        nonce[4..8].copy_from_slice(&number.to_be_bytes());
        let mut members: BTreeSet<_> = self.targets.honest.into();
        members.insert(self.speaker.hub());
        let group = Group { nonce, members };
        (group.log(self.speaker.network), Some(group))
    }

    /// Documents in other logs than the public one: those of the network, of a group, and of each pair, in which each
    /// honest hub is told the same.
    pub(super) fn elsewhere(&mut self) {
        let share = self.share;
        self.share = share.thin();
        for place in [(LogId::NETWORK, None), self.group(0)] {
            self.place = place;
            self.documents_of_every_sort();
        }
        let before = (self.clock, self.next_epoch, self.next_thing);
        for other in self.targets.honest {
            (self.clock, self.next_epoch, self.next_thing) = before;
            self.place.0 = LogId::pair(self.speaker.network, self.speaker.hub(), other);
            self.place.1 = None;
            self.documents_of_every_sort();
        }
        self.place = (LogId::PUBLIC, None);
        self.share = share;
    }
}
