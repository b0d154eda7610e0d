//! Own writes: each becomes a signed envelope in the own log and goes the same way in as a foreign one.

use std::collections::BTreeMap;

use interhub_domain::body::{Body, Content, EpochEnd, Genesis, Open, Said, Squash, Statement, Tombstone};
use interhub_domain::cut::opening;
use interhub_domain::document::{self, Choice, EditError, Reading};
use interhub_domain::envelope::{Envelope, Header, Kind, Sealed};
use interhub_domain::event::Event;
use interhub_domain::frontier::{Head, RowKey};
use interhub_domain::group::Group;
use interhub_domain::ids::{DocumentKind, Epoch, HeaderHash, HubId, LogId, NetworkId, ObjectId, ThingId};
use interhub_domain::object::FIRST_GENERATION;
use interhub_domain::registry::{self, RegistryError};
use interhub_domain::scan::ACTOR_LEN;

use super::cuts::is_forked_from_its_open;
use super::group::group_in;
use super::hold::Whose;
use super::ledger::{Inner, Ledger, LedgerError};
use crate::clock::random_bytes;
use crate::store::catalogue;
use crate::store::catalogue::log::{LogKey, PositionKey, Standing};

/// One thing to be written.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A new document.
    Create {
        /// The scope.
        log: LogId,
        /// What it is about.
        kind: DocumentKind,
        /// The thing.
        thing: ThingId,
        /// What it is to say.
        reading: Reading,
    },
    /// The same, with the work done before that needs no lock: [`Ledger::ahead`].
    CreateAhead {
        /// The scope.
        log: LogId,
        /// What it is about.
        kind: DocumentKind,
        /// The thing.
        thing: ThingId,
        /// What it is to say.
        reading: Reading,
        /// What was made of it.
        ahead: Ahead,
    },
    /// Other values for a document of this hub.
    Change {
        /// The document.
        object: ObjectId,
        /// What it is to say.
        reading: Reading,
    },
    /// An edit of an event this hub hosts: what differs between the two becomes so in the document as it is by then.
    Edit {
        /// The document.
        object: ObjectId,
        /// What it said to who made the edit.
        before: Box<Event>,
        /// What it is to say.
        after: Box<Event>,
    },
    /// One value for a field that has several.
    Resolve {
        /// The document.
        object: ObjectId,
        /// The field, as conflicts list it.
        field: String,
        /// The value.
        choice: Choice,
    },
    /// Asks another hub to write a document of this hub too.
    Grant {
        /// The document.
        object: ObjectId,
        /// The hub.
        writer: HubId,
    },
    /// This hub's word on whether it is a host.
    Consent {
        /// The document.
        object: ObjectId,
        /// Yes, or no longer.
        agreed: bool,
    },
    /// A new generation of a document of this hub, without history, and without this writer.
    TakeAway {
        /// The document.
        object: ObjectId,
        /// The hub.
        writer: HubId,
    },
    /// A tombstone for a document of this hub, for good.
    Erase {
        /// The document.
        object: ObjectId,
    },
    /// Another audience for a document of this hub: a new one in this log, with the same writers, and a tombstone for
    /// everything the old one has said so far.
    Move {
        /// The old document.
        object: ObjectId,
        /// The scope of the new one.
        log: LogId,
        /// What it is to say.
        reading: Reading,
    },
    /// Takes fields back from an own document: it goes on without them in the next generation, and what the generations before it
    /// said is erased at every hub.
    WithdrawFields {
        /// The document.
        object: ObjectId,
        /// Names of the fields.
        fields: Vec<String>,
    },
    /// Other values for a document of this hub, in its next generation: what the generations before it said is erased at every
    /// hub, and nothing of it is in the new one's history.
    Renew {
        /// The document.
        object: ObjectId,
        /// What it is to say.
        reading: Reading,
    },
    /// A tombstone for everything a document of this hub has said so far: its thing goes on in another log.
    Withdraw {
        /// The document.
        object: ObjectId,
    },
    /// A statement in the registry.
    Statement(Said),
    /// Several about one thing, each about another document of it: all of them in one batch, or none.
    Together(Vec<Write>),
}

/// What became of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The document; zero for statements.
    pub object: ObjectId,
    /// The envelope; `None` if nothing differed.
    pub hash: Option<HeaderHash>,
}

/// Why an own write is refused. Nothing of it is written then.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is no network yet.
    #[error(
        "this hub is in no network yet; create one with `interhub network create NAME` or join one with `interhub join LINK`"
    )]
    NoNetwork,
    /// There is one already.
    #[error("this hub belongs to a network already; see `interhub network show`")]
    HasNetwork,
    /// The registry an inviter answered with has no founding record.
    #[error("the inviter's answer does not contain the network's beginning; ask for a new invitation")]
    NoFounding,
    /// The others cut its logs: what it would write counts nowhere.
    #[error("this hub was removed from the network; `interhub hub show` says why, and the others can readmit it")]
    Removed,
    /// Its recovery key said that the key of this node was stolen: what it would write counts nowhere.
    #[error(
        "this hub has another key by now, and what this node signs counts no more; stop it, or use the recovery key: `interhub key recover`"
    )]
    KeyStolen,
    /// By its own leave its logs are cut: what it would write counts nowhere.
    #[error("this hub left the network, and what it wrote there can only be erased; an invitation brings it back")]
    Left,
    /// Leaving would leave guests without anybody to invite or decide.
    #[error("this is the only hub that votes; seat another one first with `interhub hub vote SLUG`")]
    LastVoter,
    /// The registry an inviter answered with lacks decisions.
    #[error("the inviter's answer lacks decisions its invitation names; ask for a new invitation")]
    NoDecisions,
    /// Only voters invite.
    #[error("only a voting hub may invite; ask a founding hub")]
    NotAVoter,
    /// A bound on what a hub may have open.
    #[error("{0} invitations are open already; wait until one expires")]
    TooManyInvitations(usize),
    /// No such document of this hub.
    #[error("no such document of this hub")]
    NotFound,
    /// The event is another hub's, and this one is no host of it.
    #[error("this hub is no host of the event; only its hosts can change it")]
    NotAHost,
    /// The field has no conflict, or not this value.
    #[error("there is no such conflict any more; see `interhub event conflicts`")]
    NoConflict,
    /// A field of a record is outside its limits.
    #[error(transparent)]
    Registry(RegistryError),
    /// The document cannot be made.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The rules refuse it.
    #[error("refused: {0}")]
    Refused(String),
    /// Inside.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<crate::store::StoreError> for WriteError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Ledger(error.into())
    }
}

/// The first change of a document that is not written yet, made by this node.
#[derive(Debug, Clone, PartialEq)]
pub struct Ahead {
    actor: [u8; ACTOR_LEN],
    change: Vec<u8>,
}

fn first_change(actor: [u8; ACTOR_LEN], reading: &Reading) -> Result<Vec<u8>, WriteError> {
    let made = document::edit(None, actor, reading)?;
    Ok(made.ok_or(WriteError::NotFound)?.change)
}

impl Ledger {
    /// Makes the first change of a new document. For imports, which make one member's while they write another's: it is half of
    /// the work.
    pub fn ahead(&self, reading: &Reading) -> Result<Ahead, WriteError> {
        let actor = document::actor(self.own_id, self.epoch());
        let change = first_change(actor, reading)?;
        Ok(Ahead { actor, change })
    }

    /// Writes in this order, each atomically, and returns once all are durable. Ends at the first that is refused; what
    /// came before it stays.
    pub fn write(&self, writes: Vec<Write>) -> Result<Vec<Written>, WriteError> {
        let written = self.write_soon(writes)?;
        self.make_durable()?;
        Ok(written)
    }

    /// The same, durable only after the next [`Ledger::make_durable`]: for imports, which sync once for many.
    pub fn write_soon(&self, writes: Vec<Write>) -> Result<Vec<Written>, WriteError> {
        let network = self.network().ok_or(WriteError::NoNetwork)?;
        let mut out = Vec::with_capacity(writes.len());
        for write in writes {
            let mut inner = self.lock();
            let statement = matches!(write, Write::Statement(_));
            // A statement may be about just that.
            if !statement && self.is_key_stolen(&inner) {
                return Err(WriteError::KeyStolen);
            }
            out.push(self.write_locked(&mut inner, network, write)?);
            if statement {
                self.do_duties(&mut inner)?;
            }
        }
        Ok(out)
    }

    fn is_key_stolen(&self, inner: &Inner) -> bool {
        let own = inner.roster.members.get(&self.own_id);
        own.is_some_and(|own| own.keys.stolen.contains(&self.key_number))
    }

    pub(super) fn write_locked(
        &self,
        inner: &mut Inner,
        network: NetworkId,
        write: Write,
    ) -> Result<Written, WriteError> {
        if let Write::Change { object, .. } | Write::Edit { object, .. } | Write::Resolve { object, .. } = &write {
            self.squash_if_large(inner, network, *object)?;
        }
        // Made of what is shown before, and said after the generation that goes on: nobody is to see the event vanish.
        let erasure = match &write {
            Write::WithdrawFields { object, .. } | Write::Renew { object, .. } => {
                Some(self.prepare_erasure(*object, Through::Shown)?)
            }
            _ => None,
        };
        let prepared = self.prepare(inner, network, write)?;
        let written = self.publish(inner, network, prepared)?;
        if erasure.is_some() {
            self.publish(inner, network, erasure.into_iter().collect())?;
        }
        Ok(written)
    }

    /// What a write comes to: envelopes to be signed, each with its place.
    fn prepare(&self, inner: &Inner, network: NetworkId, write: Write) -> Result<Vec<Prepared>, WriteError> {
        Ok(match write {
            Write::Statement(said) => vec![Prepared {
                place: Place {
                    log: LogId::REGISTRY,
                    kind: Kind::Statement,
                    object: ObjectId::ZERO,
                    generation: 0,
                },
                content: Some(Content::Statement(Statement { said: Some(said) })),
            }],
            Write::Create {
                log,
                kind,
                thing,
                reading,
            } => vec![self.prepare_creation(network, log, (kind, thing), &reading, &[])?],
            Write::CreateAhead {
                log,
                kind,
                thing,
                reading,
                ahead,
            } => {
                // A change names the run of the node that signs it; another one may have begun.
                if ahead.actor == document::actor(self.own_id, self.epoch()) {
                    vec![self.prepare_beginning(network, log, (kind, thing), ahead.change, &[])?]
                } else {
                    vec![self.prepare_creation(network, log, (kind, thing), &reading, &[])?]
                }
            }
            Write::Move { object, log, reading } => {
                let state = self.load_object(object)?.0.state;
                let created = state.created.ok_or(WriteError::NotFound)?;
                let about = (created.kind, created.thing);
                // Who is not to see it does not write it.
                let sees = |hub: &HubId| {
                    log.is_shared() || group_in(inner, log).is_some_and(|group| group.members.contains(hub))
                };
                let mut writers = state.remaining_writers();
                writers.retain(sees);
                vec![
                    self.prepare_creation(network, log, about, &reading, &writers)?,
                    self.prepare_erasure(object, Through::Shown)?,
                ]
            }
            Write::Change { object, reading } => {
                let make = |saved: &[u8], actor| document::edit(Some(saved), actor, &reading);
                vec![self.prepare_change(object, Vec::new(), make)?]
            }
            Write::Edit { object, before, after } => vec![self.prepare_edit(object, &before, &after)?],
            Write::Resolve { object, field, choice } => vec![self.prepare_choice(object, &field, &choice)?],
            Write::Grant { object, writer } => vec![self.prepare_grant(object, writer)?],
            Write::Consent { object, agreed } => vec![self.prepare_consent(object, agreed)?],
            Write::TakeAway { object, writer } => vec![self.prepare_squash(object, Some(writer))?],
            Write::Erase { object } => vec![self.prepare_erasure(object, Through::All)?],
            Write::WithdrawFields { object, fields } => vec![self.prepare_squash_with(object, |_| true, &fields)?],
            Write::Renew { object, reading } => vec![self.prepare_renewal(object, &reading)?],
            Write::Withdraw { object } => vec![self.prepare_erasure(object, Through::Shown)?],
            Write::Together(writes) => {
                let mut all = Vec::with_capacity(writes.len());
                for write in writes {
                    all.extend(self.prepare(inner, network, write)?);
                }
                all
            }
        })
    }

    /// A new document. One that was withdrawn from this log before goes on in the generation after.
    pub(super) fn prepare_creation(
        &self,
        network: NetworkId,
        log: LogId,
        (kind, thing): (DocumentKind, ThingId),
        reading: &Reading,
        writers: &[HubId],
    ) -> Result<Prepared, WriteError> {
        let change = first_change(document::actor(self.own_id, self.epoch()), reading)?;
        self.prepare_beginning(network, log, (kind, thing), change, writers)
    }

    fn prepare_beginning(
        &self,
        network: NetworkId,
        log: LogId,
        (kind, thing): (DocumentKind, ThingId),
        change: Vec<u8>,
        writers: &[HubId],
    ) -> Result<Prepared, WriteError> {
        let object = ObjectId::derive(network, self.own_id, log, kind, thing);
        let erased = self.load_object(object)?.0.state.erased_through;
        let generation = match erased {
            None => FIRST_GENERATION,
            Some(through) => through.checked_add(1).ok_or_else(|| {
                let line = "it was erased; what is erased does not come back, add it as a new one";
                WriteError::Refused(line.to_owned())
            })?,
        };
        let writers = writers.iter().map(|hub| hub.0.to_vec()).collect();
        let (code, thing) = (u32::from(kind.code()), thing.0.to_vec());
        let (kind, content) = if generation == FIRST_GENERATION {
            let genesis = Genesis {
                kind: code,
                thing,
                change,
                writers,
                replaces: Vec::new(),
            };
            (Kind::Genesis, Content::Genesis(genesis))
        } else {
            let squash = Squash {
                change,
                writers,
                heads: Vec::new(),
                withdrawn: Vec::new(),
                kind: code,
                thing,
            };
            (Kind::Squash, Content::Squash(squash))
        };
        let place = Place {
            log,
            kind,
            object,
            generation,
        };
        let content = Some(content);
        Ok(Prepared { place, content })
    }

    fn prepare_erasure(&self, object: ObjectId, through: Through) -> Result<Prepared, WriteError> {
        let state = self.load_object(object)?.0.state;
        let created = state.created.ok_or(WriteError::NotFound)?;
        let heads = match through {
            Through::All => Vec::new(),
            Through::Shown => state.heads.iter().map(|head| head.to_vec()).collect(),
        };
        let tombstone = Tombstone {
            heads,
            kind: u32::from(created.kind.code()),
            thing: created.thing.0.to_vec(),
            owner: created.owner.0.to_vec(),
            log: created.log.0.to_vec(),
            through_generation: match through {
                Through::All => u32::MAX,
                Through::Shown => created.generation,
            },
        };
        let place = Place {
            log: created.log,
            kind: Kind::Tombstone,
            object,
            generation: 0,
        };
        let content = Some(Content::Tombstone(tombstone));
        Ok(Prepared { place, content })
    }

    /// Signs and holds, all in one batch. What their logs have to be opened with goes before, in batches of its own: an
    /// `open` says nothing.
    pub(super) fn publish(
        &self,
        inner: &mut Inner,
        network: NetworkId,
        all: Vec<Prepared>,
    ) -> Result<Written, WriteError> {
        let object = all.first().map_or(ObjectId::ZERO, |first| first.place.object);
        let mut heads: BTreeMap<RowKey, Head> = BTreeMap::new();
        let mut envelopes = Vec::with_capacity(all.len());
        for Prepared { place, content } in all {
            let Some(content) = content else { continue };
            if place.kind != Kind::Statement && !self.may_write(inner, place.log) {
                return Err(WriteError::Refused("this hub has no part in that log".to_owned()));
            }
            let row = self.open_log(inner, network, (place.log, place.kind))?;
            let head = heads.get(&row).copied().or_else(|| inner.held.head(&row));
            let envelope = self.sign(inner, network, (row, head), &place, content);
            if envelope.check_body().is_err() {
                let limit = envelope.header.kind.max_body() / 1024;
                return Err(WriteError::Refused(format!("over the limit of {limit} KiB an edit")));
            }
            let head = Head {
                seq: envelope.header.seq,
                hash: envelope.hash(),
            };
            heads.insert(row, head);
            envelopes.push(envelope);
        }
        let hash = envelopes.first().map(Envelope::hash);
        if hash.is_some() {
            self.hold_all(inner, &envelopes, Whose::Own, &*self.counter)?
                .map_err(WriteError::Refused)?;
        }
        Ok(Written { object, hash })
    }

    /// The row this run writes a log under, with its `open` held. Of a hub that is gone only tombstones still count.
    pub(super) fn open_log(
        &self,
        inner: &mut Inner,
        network: NetworkId,
        (log, kind): (LogId, Kind),
    ) -> Result<RowKey, WriteError> {
        let counts = log == LogId::LOCAL || log == LogId::REGISTRY || kind == Kind::Tombstone;
        let own = inner.roster.members.get(&self.own_id);
        if let Some(own) = own.filter(|own| !counts && own.cut.is_some()) {
            return Err(match own.standing {
                registry::Standing::Left => WriteError::Left,
                _ => WriteError::Removed,
            });
        }
        let row = self.own_row(log);
        if inner.held.head(&row).is_none() {
            let open = self.opening(inner, row)?;
            let first = Place {
                log,
                kind: Kind::Open,
                object: ObjectId::ZERO,
                generation: 0,
            };
            let envelope = self.sign(inner, network, (row, None), &first, Content::Open(open));
            self.hold(inner, &envelope, Whose::Own, &*self.counter)?
                .map_err(WriteError::Refused)?;
        }
        Ok(row)
    }

    /// Signs the envelope that follows `head` in a log.
    fn sign(
        &self,
        inner: &mut Inner,
        network: NetworkId,
        (row, head): (RowKey, Option<Head>),
        place: &Place,
        content: Content,
    ) -> Envelope {
        let clock = self.tick(inner).max(self.after_own_address(inner, &content));
        let body = Body {
            clock,
            content: Some(content),
        }
        .encode_bytes();
        let header = Header {
            network,
            hub: self.own_id,
            key_number: self.key_number,
            log: place.log,
            epoch: row.epoch,
            seq: head.map_or(0, |head| head.seq + 1),
            previous: head.map_or(HeaderHash::ZERO, |head| head.hash),
            kind: place.kind,
            object: place.object,
            generation: place.generation,
            commitment: [0; 32],
        };
        Envelope::sign(
            header,
            Sealed {
                salt: random_bytes(&*self.clock),
                body,
            },
            &self.own.key,
        )
    }

    /// Of a hub's addresses the newest by clock counts: what comes after one that was said while this clock was ahead claims to
    /// be later. Zero for anything else.
    fn after_own_address(&self, inner: &Inner, content: &Content) -> u64 {
        let address = |said: &Option<Said>| matches!(said, Some(Said::Address(_)));
        if !matches!(content, Content::Statement(statement) if address(&statement.said)) {
            return 0;
        }
        let own = inner.statements.iter().filter(|one| one.hub == self.own_id);
        let addresses = own.filter(|one| matches!(one.said, Said::Address(_)));
        addresses.map(|one| one.clock.saturating_add(1)).max().unwrap_or(0)
    }

    /// Names every earlier run of this log that is held and that no earlier `open` named as it now ends. After a theft it
    /// names only what this hub vouches for, and what a stolen key named is not named.
    fn opening(&self, inner: &Inner, row: RowKey) -> Result<Open, LedgerError> {
        let own = inner.roster.members.get(&self.own_id);
        let stolen = own.map(|own| own.keys.stolen.clone()).unwrap_or_default();
        let runs = self.own_runs().map_err(LedgerError::from)?;
        let vouched = |epoch: Epoch| stolen.is_empty() || runs.contains(&epoch);
        let leaves = if row.log == LogId::REGISTRY && !stolen.is_empty() {
            self.void_leaves(inner, &runs)
        } else {
            std::collections::BTreeMap::new()
        };
        let mut named = std::collections::BTreeSet::new();
        let mut ends = Vec::new();
        for (other, head) in inner.held.rows() {
            if other.hub != self.own_id || other.log != row.log || other.epoch == row.epoch {
                continue;
            }
            if vouched(other.epoch) {
                ends.extend(match leaves.get(&other.epoch) {
                    // Before the word that it leaves.
                    Some((leave, _)) => {
                        let seq = leave.saturating_sub(1);
                        let before = self.header_at(other, seq)?;
                        before.map(|before| {
                            (
                                other.epoch,
                                Head {
                                    seq,
                                    hash: before.hash(),
                                },
                            )
                        })
                    }
                    None => Some((other.epoch, head)),
                });
            }
            for first in self.read_log(other, 0, usize::MAX, 1).map_err(LedgerError::from)? {
                if stolen.contains(&first.header.key_number) || is_forked_from_its_open(inner, &other) {
                    continue;
                }
                if let Some(open) = opening(&first) {
                    named.extend(open.earlier.into_iter().map(|end| (end.epoch, end.seq)));
                }
            }
        }
        let earlier = ends
            .into_iter()
            .filter(|(epoch, head)| !named.contains(&(epoch.0, head.seq)))
            .map(|(epoch, head)| EpochEnd {
                epoch: epoch.0,
                seq: head.seq,
                hash: head.hash.0.to_vec(),
            })
            .collect();
        let group = inner.groups.get(&row.log).or_else(|| inner.new_groups.get(&row.log));
        let (members, nonce) = group.map(Group::named).unwrap_or_default();
        Ok(Open {
            earlier,
            members,
            nonce,
        })
    }

    /// The state of a held envelope, for tests and operators.
    pub fn standing_of(&self, hash: HeaderHash) -> Result<Option<(Standing, String)>, LedgerError> {
        let position = catalogue::get(&*self.store, &PositionKey(hash)).map_err(LedgerError::from)?;
        let Some(key): Option<LogKey> = position else {
            return Ok(None);
        };
        let row = catalogue::get(&*self.store, &key).map_err(LedgerError::from)?;
        Ok(row.map(|row| (row.standing, row.reason)))
    }
}

/// Which generations a tombstone covers.
#[derive(Debug, Clone, Copy)]
enum Through {
    /// All there are and ever will be.
    All,
    /// Those up to the one shown.
    Shown,
}

/// One envelope to be signed; without content if there is nothing to say.
pub(super) struct Prepared {
    pub(super) place: Place,
    pub(super) content: Option<Content>,
}

/// Where an envelope goes and what it concerns.
pub(super) struct Place {
    pub(super) log: LogId,
    pub(super) kind: Kind,
    pub(super) object: ObjectId,
    pub(super) generation: u32,
}
