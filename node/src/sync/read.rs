//! Reading logs: envelopes put together again from their parts, exactly as they were signed.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use interhub_domain::body::Body;
use interhub_domain::envelope::{Envelope, Header, Sealed};
use interhub_domain::frontier::RowKey;
use interhub_domain::ids::{HeaderHash, LogId, NetworkId};
use interhub_domain::object::HeldBody;

use super::ledger::Ledger;
use crate::store::catalogue::document::{TombstoneKey, WholeEnvelope};
use crate::store::catalogue::log::{BodyKey, LogKey, LogRow, PositionKey};
use crate::store::catalogue::object::ObjectKey;
use crate::store::catalogue::{self, prefix_end};
use crate::store::{Direction, Family, StoreError};

impl Ledger {
    /// The envelopes of a log from this number on, without gaps: at least one if there is one, then as many as fit.
    pub fn read_log(
        &self,
        row: RowKey,
        from_seq: u64,
        max_bytes: usize,
        max_count: usize,
    ) -> Result<Vec<Envelope>, StoreError> {
        let Some(network) = self.network() else {
            return Ok(Vec::new());
        };
        let from = LogKey::at(row, from_seq);
        let prefix = catalogue::Key::encode(&row);
        let mut entries: Vec<(LogKey, LogRow)> = Vec::new();
        let mut size = 0;
        catalogue::scan_range(
            &*self.store,
            Family::Log,
            &catalogue::Key::encode(&from),
            &prefix_end(&prefix),
            Direction::Forward,
            |key: LogKey, value| {
                // The body's length is not known yet; the header bounds the count from above.
                size += interhub_domain::envelope::HEADER_LEN;
                if entries.len() >= max_count || (size > max_bytes && !entries.is_empty()) {
                    return ControlFlow::Break(());
                }
                entries.push((key, value));
                ControlFlow::Continue(())
            },
        )?;
        let mut out = Vec::new();
        let mut bytes = 0;
        for (key, value) in entries {
            let envelope = self.assemble(network, &key, &value)?;
            bytes += envelope.wire_len();
            if bytes > max_bytes && !out.is_empty() {
                break;
            }
            out.push(envelope);
        }
        Ok(out)
    }

    /// The same envelopes, as many as fit, and before the first whose body is erased the tombstone that erased it: without
    /// it nobody holds them. It may lie in another log, which the reader of this one has not come to yet.
    pub(super) fn with_tombstones(
        &self,
        envelopes: Vec<Envelope>,
        max_bytes: usize,
    ) -> Result<Vec<Envelope>, StoreError> {
        let (mut out, mut bytes, mut told) = (Vec::with_capacity(envelopes.len()), 0, BTreeSet::new());
        for envelope in envelopes {
            let object = envelope.header.object;
            let tombstone = if envelope.sealed.is_none() && told.insert(object) {
                catalogue::get(&*self.store, &TombstoneKey(object))?.map(WholeEnvelope::envelope)
            } else {
                None
            };
            bytes += envelope.wire_len() + tombstone.as_ref().map_or(0, Envelope::wire_len);
            if bytes > max_bytes && !out.is_empty() {
                break;
            }
            out.extend(tombstone);
            out.push(envelope);
        }
        Ok(out)
    }

    pub(super) fn assemble(&self, network: NetworkId, key: &LogKey, row: &LogRow) -> Result<Envelope, StoreError> {
        let header = row.header(network, key);
        let sealed = self.body(&header, header.hash())?;
        Ok(Envelope {
            header,
            signature: row.signature,
            sealed,
        })
    }

    fn body(&self, header: &Header, hash: HeaderHash) -> Result<Option<Sealed>, StoreError> {
        for personal in [false, true] {
            let key = BodyKey {
                personal,
                object: header.object,
                generation: header.generation,
                hash,
            };
            if let Some(sealed) = catalogue::get(&*self.store, &key)? {
                return Ok(Some(sealed));
            }
        }
        Ok(None)
    }

    /// One held envelope by its hash.
    pub fn envelope(&self, hash: HeaderHash) -> Result<Option<Envelope>, StoreError> {
        let Some(network) = self.network() else { return Ok(None) };
        let Some(key) = catalogue::get(&*self.store, &PositionKey(hash))? else {
            return Ok(None);
        };
        let Some(row) = catalogue::get(&*self.store, &key)? else {
            return Ok(None);
        };
        self.assemble(network, &key, &row).map(Some)
    }

    /// A held envelope as the rules of counting see it; `None` if its body is erased.
    pub(super) fn held_body(&self, envelope: &Envelope, nth: u64) -> Option<HeldBody> {
        let sealed = envelope.sealed.as_ref()?;
        let body = Body::decode_bytes(&sealed.body).ok();
        let header = &envelope.header;
        Some(HeldBody {
            hash: header.hash(),
            hub: header.hub,
            epoch: header.epoch,
            log: header.log,
            kind: header.kind,
            generation: header.generation,
            nth,
            clock: body.as_ref().map_or(0, |body| body.clock),
            void: self
                .cuts()
                .is_void(&LogKey::of(header).row(), header.seq, header.key_number),
            content: body.and_then(|body| body.content),
        })
    }

    /// A digest over (document id, generation, heads, tombstone) of every document in public and network scope, equal at
    /// hubs that agree; and how many there are.
    pub fn digests(&self) -> Result<([u8; 32], u64), StoreError> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"interhub/v1/documents\0");
        let mut count = 0;
        catalogue::scan_paged(&*self.store, Family::Document, 1_000, |key: ObjectKey, row| {
            let state = &row.state;
            let log = match (state.created, state.erased_through) {
                (Some(created), _) => Some(created.log),
                // What is erased is known by its tombstone alone.
                (None, Some(_)) => catalogue::get(&*self.store, &TombstoneKey(key.0))?.map(|kept| kept.header.log),
                (None, None) => None,
            };
            if !log.is_some_and(LogId::is_shared) {
                return Ok(());
            }
            count += 1;
            hasher.update(&key.0.0);
            hasher.update(&state.created.map_or(0, |created| created.generation).to_be_bytes());
            hasher.update(&(state.heads.len() as u64).to_be_bytes());
            for head in &state.heads {
                hasher.update(head);
            }
            hasher.update(&state.erased_through.map_or(0, u64::from).to_be_bytes());
            Ok(())
        })?;
        Ok((*hasher.finalize().as_bytes(), count))
    }
}
