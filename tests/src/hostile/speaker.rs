//! A hub whose key the test has: it signs whatever it likes in its own name, in logs that hold together.

use interhub_domain::envelope::{Envelope, Header, Kind, SIGNATURE_LEN, Sealed, SigningKey, public_key};
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
        let mut own = Log::new(
            self.network,
            self.identity.hub,
            &self.identity.signing_key(),
            (log, epoch),
        );
        own.next.key_number = self.identity.key_number;
        own
    }

    /// The same of a hub that the hostile one brought into the network, and whose first key this is.
    pub fn log_of(&self, key: &SigningKey, log: LogId, epoch: Epoch) -> Log {
        let hub = HubId::of_first_key(&public_key(key));
        Log::new(self.network, hub, key, (log, epoch))
    }

    /// The same of a hub whose first key is a point of small order, which nobody signs with: see [`SMALL_ORDER`].
    pub fn crafted_log(&self, log: LogId, epoch: Epoch) -> Log {
        let hub = HubId::of_first_key(&SMALL_ORDER[0]);
        let mut crafted = Log::new(self.network, hub, &self.identity.signing_key(), (log, epoch));
        crafted.crafted = true;
        crafted
    }
}

/// Encodings of points of small order, the first two of order eight, the last but one not the canonical one of its point.
/// With such a key any message has a signature (such a point, then zeros) that ZIP 215 accepts, alone and in batches. By
/// other rules one verdict in some depends on the message, and a batch's on random numbers.
pub const SMALL_ORDER: [[u8; 32]; 6] = [
    *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
    *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
    [0; 32],
    point(1, 0, 0),
    point(0xee, 0xff, 0x7f),
    point(0xec, 0xff, 0x7f),
];

const fn point(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut out = [middle; 32];
    (out[0], out[31]) = (first, last);
    out
}

/// A signature of the hub whose key is the first of [`SMALL_ORDER`], another one for each number.
pub fn crafted_signature(number: u64) -> [u8; SIGNATURE_LEN] {
    let which = usize::try_from(number).unwrap_or_default() % SMALL_ORDER.len();
    let mut signature = [0; SIGNATURE_LEN];
    signature[..32].copy_from_slice(&SMALL_ORDER[which]);
    signature
}

/// One log of the hub: what it said there, each envelope continuing the one before.
#[derive(Clone)]
pub struct Log {
    key: SigningKey,
    crafted: bool,
    /// What the next header says, apart from what it is about.
    pub next: Header,
    /// What was said.
    pub said: Vec<Envelope>,
}

impl Log {
    fn new(network: NetworkId, hub: HubId, key: &SigningKey, (log, epoch): (LogId, Epoch)) -> Self {
        Self {
            key: *key,
            crafted: false,
            next: Header {
                network,
                hub,
                key_number: 0,
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
        let mut envelope = Envelope::sign(header, Sealed { salt, body }, &self.key);
        if self.crafted {
            envelope.signature = crafted_signature(header.seq);
        }
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
