//! A host that keeps its logs in memory, and nodes made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use interhub_domain::access::Access;
use interhub_domain::envelope::{Envelope, Header, Kind, Sealed};
use interhub_domain::frontier::{Frontier, Head, RowKey};
use interhub_domain::ids::{Epoch, HeaderHash, HubId, LogId, NetworkId, ObjectId};
use interhub_domain::registry::Standing;
use interhub_domain::session::Notice;
use tokio::sync::broadcast;

use super::super::tls::HubCertificate;
use super::super::{Change, Contact, Directory, Host, Identity, JoinRefused, JoinRequest, Joined, NotHeld, Taken};

pub(super) const NETWORK: NetworkId = NetworkId([9; 16]);

pub(super) fn hub(number: u8) -> HubId {
    HubId([number; 16])
}

/// The seed of a hub's key.
pub(super) fn seed(number: u8) -> [u8; 32] {
    [number; 32]
}

pub(super) fn public_key(number: u8) -> [u8; 32] {
    HubCertificate::from_seed(&seed(number)).unwrap().public_key()
}

pub(super) struct ToyHost {
    number: u8,
    epoch: Epoch,
    changes: broadcast::Sender<Change>,
    state: Mutex<State>,
}

struct State {
    contacts: BTreeMap<HubId, Contact>,
    logs: BTreeMap<RowKey, Vec<Envelope>>,
    frontier: Frontier,
    delivered: usize,
    equal: usize,
    notices: Vec<Notice>,
}

impl ToyHost {
    /// A node of hub `number` in its `epoch`-th run, which knows nobody.
    pub(super) fn new(number: u8, epoch: u64) -> Arc<Self> {
        let state = State {
            contacts: BTreeMap::new(),
            logs: BTreeMap::new(),
            frontier: Frontier::new(),
            delivered: 0,
            equal: 0,
            notices: Vec::new(),
        };
        let changes = broadcast::Sender::new(256);
        Arc::new(Self {
            number,
            epoch: Epoch(epoch),
            changes,
            state: Mutex::new(state),
        })
    }

    /// Lets it know a hub, at an address if it is to be called.
    pub(super) fn knows(&self, number: u8, address: &str) {
        let contact = Contact {
            slug: format!("hub-{number}"),
            key: public_key(number),
            address: address.to_owned(),
            dial: !address.is_empty(),
        };
        self.knows_as(number, contact);
    }

    pub(super) fn knows_as(&self, number: u8, contact: Contact) {
        self.state.lock().unwrap().contacts.insert(hub(number), contact);
        let _ = self.changes.send(Change::Roster);
    }

    pub(super) fn forgets(&self, number: u8) {
        self.state.lock().unwrap().contacts.remove(&hub(number));
        let _ = self.changes.send(Change::Roster);
    }

    /// Writes one envelope with so many bytes of body.
    pub(super) fn write(&self, log: LogId, bytes: usize) {
        let row = {
            let mut state = self.state.lock().unwrap();
            let key = RowKey {
                log,
                hub: hub(self.number),
                epoch: self.epoch,
            };
            let held = state.logs.entry(key).or_default();
            let header = Header {
                network: NETWORK,
                hub: hub(self.number),
                key_number: 0,
                log,
                epoch: self.epoch,
                seq: held.len() as u64,
                previous: held.last().map_or(HeaderHash::ZERO, Envelope::hash),
                kind: Kind::Change,
                object: ObjectId([1; 16]),
                generation: 0,
                commitment: [0; 32],
            };
            let sealed = Some(Sealed {
                salt: [1; 32],
                body: vec![7; bytes],
            });
            hold(
                &mut state,
                Envelope {
                    header,
                    signature: [0; 64],
                    sealed,
                },
            )
            .unwrap()
        };
        let _ = self.changes.send(Change::Heads([row].into()));
    }

    /// Takes over the logs of an earlier run.
    pub(super) fn inherit(&self, earlier: &Self) {
        let earlier = earlier.state.lock().unwrap();
        let mut state = self.state.lock().unwrap();
        state.logs.clone_from(&earlier.logs);
        state.frontier.clone_from(&earlier.frontier);
        state.contacts.clone_from(&earlier.contacts);
    }

    pub(super) fn delivered(&self) -> usize {
        self.state.lock().unwrap().delivered
    }

    pub(super) fn equal_count(&self) -> usize {
        self.state.lock().unwrap().equal
    }

    pub(super) fn notices(&self) -> Vec<Notice> {
        self.state.lock().unwrap().notices.clone()
    }

    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        self.frontier().shared_digest() == other.frontier().shared_digest()
    }
}

fn hold(state: &mut State, envelope: Envelope) -> Option<(RowKey, Head)> {
    let header = envelope.header;
    let key = RowKey {
        log: header.log,
        hub: header.hub,
        epoch: header.epoch,
    };
    let held = state.logs.entry(key).or_default();
    let previous = held.last().map_or(HeaderHash::ZERO, Envelope::hash);
    if header.seq != held.len() as u64 || header.previous != previous {
        return None;
    }
    let head = Head {
        seq: header.seq,
        hash: envelope.hash(),
    };
    held.push(envelope);
    state.frontier.advance(key, head);
    Some((key, head))
}

impl Host for ToyHost {
    fn identity(&self) -> Identity {
        Identity {
            hub: hub(self.number),
            epoch: self.epoch,
            network: Some(NETWORK),
        }
    }

    fn directory(&self) -> Arc<Directory> {
        let hubs = self.state.lock().unwrap().contacts.clone();
        let standings = hubs.keys().map(|hub| (*hub, Standing::Active)).collect();
        let access = Access::new(NETWORK, hub(self.number), &standings, &BTreeMap::new());
        Arc::new(Directory {
            former: BTreeSet::new(),
            access: Arc::new(access),
            hubs,
        })
    }

    fn frontier(&self) -> Frontier {
        self.state.lock().unwrap().frontier.clone()
    }

    fn read_log(&self, row: RowKey, from_seq: u64, max_bytes: usize, max_count: usize) -> Vec<Envelope> {
        let state = self.state.lock().unwrap();
        let mut out = Vec::new();
        let mut bytes = 0;
        let from = usize::try_from(from_seq).unwrap();
        for envelope in state.logs.get(&row).into_iter().flatten().skip(from).take(max_count) {
            bytes += envelope.wire_len();
            if !out.is_empty() && bytes > max_bytes {
                break;
            }
            out.push(envelope.clone());
        }
        out
    }

    fn take(&self, _from: HubId, envelopes: Vec<Envelope>) -> Taken {
        let mut rows = BTreeMap::new();
        let mut refused = Vec::new();
        {
            let mut state = self.state.lock().unwrap();
            for envelope in envelopes {
                state.delivered += 1;
                let (hash, header) = (envelope.hash(), envelope.header);
                let key = RowKey {
                    log: header.log,
                    hub: header.hub,
                    epoch: header.epoch,
                };
                if state.frontier.head(&key).is_some_and(|head| header.seq <= head.seq) {
                    continue;
                }
                match hold(&mut state, envelope) {
                    Some((key, head)) => _ = rows.insert(key, head),
                    None => refused.push((hash, NotHeld::Gap)),
                }
            }
        }
        let rows: Vec<(RowKey, Head)> = rows.into_iter().collect();
        let _ = self.changes.send(Change::Heads(rows.clone().into()));
        Taken { rows, refused }
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    fn equal(&self, _peer: HubId) {
        self.state.lock().unwrap().equal += 1;
    }

    fn report(&self, _peer: HubId, notice: &Notice) {
        self.state.lock().unwrap().notices.push(notice.clone());
    }

    fn join(&self, key: [u8; 32], request: JoinRequest) -> Result<Joined, JoinRefused> {
        if request.network != NETWORK {
            return Err(JoinRefused("the invitation is for another network".to_owned()));
        }
        assert_eq!(
            key.to_vec(),
            request.accept,
            "the test's accept record is the caller's key"
        );
        Ok(Joined {
            registry: Vec::new(),
            active: true,
        })
    }
}
