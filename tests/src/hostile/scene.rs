//! Three honest hubs, real processes, and a fourth one that belongs, whose key the test has.
#![allow(clippy::unwrap_used, reason = "a scene that cannot be set is a test that fails")]

use interhub_domain::body::{Body, Content, Decided, Said};
use interhub_domain::document::actor;
use interhub_domain::envelope::{Envelope, Kind};
use interhub_domain::ids::{DocumentKind, Epoch, HubId, LogId, ObjectId, ThingId};
use interhub_domain::session::Frame;
use interhub_node::clock::SystemClock;

use super::documents::{Document, Hosted, Targets};
use super::line::Line;
use super::speaker::Speaker;
use crate::cluster::Cluster;
use crate::hub::{Hub, SOON, text, wait_until};

/// Three honest hubs, and one whose key the test has. It votes, and hosts events of others.
pub struct Scene {
    /// All four; the last one is stopped.
    pub cluster: Cluster,
    /// Speaks for that one.
    pub speaker: Speaker,
    /// Events that the hostile hub hosts too: of Birmingham (Vienna hosts it too), which it writes in; of Amsterdam, which
    /// it answers about; of Vienna (Birmingham hosts it too), which it leaves alone.
    pub events: [String; 3],
    /// Where its streams run.
    pub runtime: tokio::runtime::Runtime,
}

impl Scene {
    /// All of them run, and the last one is stopped.
    pub fn set() -> Self {
        // Pictures are looked for at whatever address an event names, and altered addresses are somebody's.
        let slugs = ["birmingham", "amsterdam", "vienna", "mallory"];
        let mut cluster = Cluster::configured(&slugs, &[("pictures", "false")]);
        let [birmingham, amsterdam, vienna, mallory] = &cluster.hubs[..] else {
            panic!("four hubs")
        };
        birmingham.json(&["hub", "vote", "mallory"]);
        let event = |owner: &Hub, hosts: &[&Hub]| {
            let id = owner.add("Open day", "2027-04-01T10:00");
            for host in hosts {
                owner.json(&["event", "cohost", &id, &host.slug]);
                wait_until("asked", SOON, || {
                    let ran = host.cli(&["event", "accept", &id]);
                    if ran.code == 0 { Ok(()) } else { Err(ran.err) }
                });
            }
            id
        };
        let events = [
            event(birmingham, &[mallory, vienna]),
            event(amsterdam, &[mallory]),
            event(vienna, &[mallory, birmingham]),
        ];
        cluster.agree();
        let network = text(&birmingham.json(&["status"])["network"], "id").parse().unwrap();
        cluster.hubs[3].stop();
        let speaker = Speaker::of(&cluster.hubs[3], network);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        Self {
            cluster,
            speaker,
            events,
            runtime,
        }
    }

    /// The honest ones.
    pub fn honest(&self) -> [&Hub; 3] {
        let [birmingham, amsterdam, vienna, _] = &self.cluster.hubs[..] else {
            panic!("four hubs")
        };
        [birmingham, amsterdam, vienna]
    }

    /// Everything an honest hub has and the hostile one may see.
    pub fn learn(&self) -> Vec<Envelope> {
        let hub = self.honest()[0];
        let line = self.runtime.block_on(async {
            let line = Line::greet(&self.speaker, hub, Epoch(1)).await;
            let nothing = Frame::Rows {
                rows: vec![],
                complete: true,
            };
            line.frame(&nothing).await;
            line
        });
        let ids: Vec<ObjectId> = self.events.iter().map(|id| self.object(id)).collect();
        wait_until("everything came", SOON, || {
            let heard = line.heard();
            let begun = |id: &ObjectId| {
                let begins = |envelope: &&Envelope| envelope.header.object == *id;
                heard
                    .envelopes
                    .iter()
                    .filter(begins)
                    .any(|envelope| envelope.header.kind == Kind::Genesis)
            };
            if ids.iter().all(begun) {
                Ok(())
            } else {
                Err(format!("{heard:?}"))
            }
        });
        line.heard().envelopes.clone()
    }

    /// The document of an event in the public log.
    pub fn object(&self, id: &str) -> ObjectId {
        let thing: ThingId = id.parse().unwrap();
        let ids = self.honest().map(hub_id);
        let owner = ids.into_iter().find(|hub| thing.belongs_to(*hub)).unwrap();
        let kind = DocumentKind::Event;
        ObjectId::derive(self.speaker.network, owner, LogId::PUBLIC, kind, thing)
    }

    /// What a round is about.
    pub fn targets(&self) -> Targets {
        let object = self.object(&self.events[0]);
        let all = self.learn();
        let genesis = all
            .iter()
            .find(|envelope| envelope.header.object == object && envelope.header.kind == Kind::Genesis)
            .unwrap();
        let body = Body::decode_bytes(&genesis.sealed.as_ref().unwrap().body).unwrap();
        let Some(Content::Genesis(begins)) = body.content else {
            panic!("no genesis")
        };
        let by = actor(genesis.header.hub, genesis.header.epoch);
        let honest = self.honest().map(hub_id);
        Targets {
            hosted: Hosted {
                owner: genesis.header.hub,
                thing: ThingId::from_slice(&begins.thing).unwrap(),
                object,
                document: Document::of(&begins.change, by),
            },
            answered: self.object(&self.events[1]),
            other: honest[1],
            honest,
            seat: all.iter().find(|envelope| self.seats(envelope)).unwrap().hash(),
        }
    }

    /// Whether this is the decision that seated the hostile hub.
    fn seats(&self, envelope: &Envelope) -> bool {
        let sealed = envelope.sealed.as_ref().unwrap();
        let Some(Content::Statement(statement)) = Body::decode_bytes(&sealed.body).unwrap().content else {
            return false;
        };
        let Some(Said::Decide(decision)) = statement.said else {
            return false;
        };
        matches!(&decision.decided, Some(Decided::Seat(seat)) if seat.hub == self.speaker.hub().0)
    }
}

/// The id of a hub that runs.
pub fn hub_id(hub: &Hub) -> HubId {
    text(&hub.json(&["status"]), "id").parse().unwrap()
}

/// The time, Unix milliseconds.
pub fn now_ms() -> u64 {
    u64::try_from(SystemClock::shared().now_ms()).unwrap()
}
