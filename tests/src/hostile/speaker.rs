//! A hub whose key the test has: it signs whatever it likes in its own name, in logs that hold together.

use interhub_domain::envelope::{Envelope, Header, Kind, Sealed, SigningKey};
use interhub_domain::frontier::{Head, RowKey};
use interhub_domain::ids::{Epoch, HeaderHash, HubId, LogId, NetworkId, ObjectId};
use interhub_node::identity::Identity;

use crate::hub::Hub;

/// The hub.
#[derive(Debug, Clone)]
pub struct Speaker {
    /// Who it is, with its key.
    pub identity: Identity,
    /// The network it belongs to.
    pub network: NetworkId,
}

/// The key file of a hub.
pub fn identity_of(hub: &Hub) -> Identity {
    let path = hub.data.join("identity.key");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Identity::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

impl Speaker {
    /// Speaks for a hub from now on. Its node has to be stopped, or there would be two of it.
    pub fn of(hub: &Hub, network: NetworkId) -> Self {
        assert!(hub.process_id().is_none(), "{} runs", hub.slug);
        Self {
            identity: identity_of(hub),
            network,
        }
    }

    /// The hub's id.
    pub const fn hub(&self) -> HubId {
        self.identity.hub
    }

    /// A log that nothing was said in yet.
    pub fn log(&self, log: LogId, epoch: Epoch) -> Log {
        Log {
            key: self.identity.signing_key(),
            next: Header {
                network: self.network,
                hub: self.identity.hub,
                key_number: self.identity.key_number,
                log,
                epoch,
                seq: 0,
                previous: HeaderHash::ZERO,
                kind: Kind::Open,
                object: ObjectId::ZERO,
                generation: 0,
                commitment: [0; 32],
            },
            said: Vec::new(),
        }
    }
}

/// One log of the hub: what it said there, each envelope continuing the one before.
#[derive(Clone)]
pub struct Log {
    key: SigningKey,
    /// What the next header says, apart from what it is about.
    pub next: Header,
    /// What was said.
    pub said: Vec<Envelope>,
}

impl Log {
    /// Says something: any bytes as a body of any kind about any document. What is over the limit is left out: nobody
    /// would hold it, nor what comes after it.
    pub fn say(&mut self, kind: Kind, object: ObjectId, generation: u32, body: Vec<u8>) {
        if body.len() > kind.max_body() {
            return;
        }
        let header = Header {
            kind,
            object,
            generation,
            ..self.next
        };
        self.say_as(header, body);
    }

    /// The same with a header of the caller's own, which the next one continues.
    pub fn say_as(&mut self, header: Header, body: Vec<u8>) {
        let mut salt = [0; 32];
        salt[..8].copy_from_slice(&header.epoch.0.to_be_bytes());
        salt[8..16].copy_from_slice(&header.seq.to_be_bytes());
        let envelope = Envelope::sign(header, Sealed { salt, body }, &self.key);
        self.next.seq += 1;
        self.next.previous = envelope.hash();
        self.said.push(envelope);
    }

    /// Signs this header over this body, and says nothing.
    pub fn only_sign(&self, header: Header, body: Vec<u8>) -> Envelope {
        Envelope::sign(header, Sealed { salt: [7; 32], body }, &self.key)
    }

    /// Which log it is.
    pub const fn row(&self) -> RowKey {
        RowKey {
            log: self.next.log,
            hub: self.next.hub,
            epoch: self.next.epoch,
        }
    }

    /// How far it has come.
    pub fn head(&self) -> Head {
        Head {
            seq: self.next.seq.saturating_sub(1),
            hash: self.next.previous,
        }
    }
}
