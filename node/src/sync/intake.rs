//! Where envelopes of other hubs come in, as they were delivered, each in the order of the protocol: signature, scope, chain,
//! commitment; then what it is worth.
//!
//! Whatever a statement says may change who belongs, so that the roster is computed anew with each, from all of them.
//! Statements that come one after the other are therefore held together, and the roster is computed once.

use std::collections::{BTreeMap, BTreeSet};

use interhub_domain::document::Counter;
use interhub_domain::envelope::{Envelope, Kind, verify_batch};
use interhub_domain::frontier::{Head, RowKey};
use interhub_domain::ids::{HeaderHash, HubId, LogId, NetworkId};
use rand::rand_core::{TryCryptoRng, TryRng};

use super::hold::{Whose, is_good_tombstone};
use super::judge::Foreseen;
use super::ledger::{Inner, Ledger, LedgerError};
use crate::clock::Clock;
use crate::store::catalogue::log::PositionKey;
use crate::store::{Batch, catalogue};

/// Why an envelope was not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// What comes before it in its log is missing.
    Gap,
    /// Its hub or key is not in the registry (yet).
    UnknownHub,
    /// It contradicts an envelope held: the log is forked. A position at which the two differ.
    Fork(u64),
    /// What it carries cannot be judged now: it is asked for again, like what comes after a gap.
    NotNow,
    /// The deliverer's fault, in words.
    Fault(&'static str),
    /// A security event: it is of a log that must never be on this stream. In words.
    Breach(&'static str),
}

/// Whoever sends this has lost its body to a tombstone, and sends that first.
const BARE: Refused = Refused::Fault("it came without its body, and no tombstone covers it");

/// Where one of a batch ended.
pub(super) type Verdict = Result<Option<(RowKey, Head)>, Refused>;

/// The rows that advanced, and what was not held.
type TakenEnvelopes = (Vec<(RowKey, Head)>, Vec<(HeaderHash, Refused)>);

/// Envelopes of registry logs that are looked at while the ledger is locked: tens of milliseconds.
const TOGETHER: usize = 200;
/// An envelope that takes longer is slow. Honest ones take a few milliseconds.
const SLOW_MS: i64 = 100;
/// Slow envelopes of one hub take so long of one delivery; the rest of what that hub made is asked for again later, so that
/// what others made, and the peer's own news behind it, goes on.
const SLOW_IN_ALL_MS: i64 = 2_000;

/// Random bytes of the node's clock, as the batch verification wants them.
struct ClockRandom<'a>(&'a dyn Clock);

impl TryRng for ClockRandom<'_> {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_ne_bytes(crate::clock::random_bytes(self.0)))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from_ne_bytes(crate::clock::random_bytes(self.0)))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.random(bytes);
        Ok(())
    }
}

impl TryCryptoRng for ClockRandom<'_> {}

/// An envelope that was delivered.
#[derive(Clone, Copy)]
struct Offer<'a> {
    network: NetworkId,
    envelope: &'a Envelope,
    /// Whether its signature is good, if that could be said before.
    verified: Option<bool>,
}

impl Ledger {
    /// Takes envelopes that no stream brought: the registry that an inviter handed over.
    pub fn take(&self, envelopes: &[Envelope]) -> Result<TakenEnvelopes, LedgerError> {
        self.take_from(None, envelopes)
    }

    /// Takes what a peer delivered and returns once it is durable: the rows that advanced, and what was not held.
    pub fn take_from(&self, sender: Option<HubId>, envelopes: &[Envelope]) -> Result<TakenEnvelopes, LedgerError> {
        let Some(network) = self.network() else {
            return Ok((Vec::new(), Vec::new()));
        };
        let verified = self.verify_known(envelopes);
        let offers: Vec<Offer<'_>> = envelopes
            .iter()
            .zip(verified)
            .map(|(envelope, verified)| Offer {
                network,
                envelope,
                verified,
            })
            .collect();
        let mut advanced: BTreeMap<RowKey, Head> = BTreeMap::new();
        let mut refused = Vec::new();
        let (mut slow, mut later) = (BTreeMap::new(), BTreeSet::new());
        for together in offers.chunk_by(|one, other| both_of_registry(one.envelope, other.envelope)) {
            for offers in together.chunks(TOGETHER) {
                let verdicts = match offers {
                    [offer] if !is_of_registry(offer.envelope) => vec![self.take_in_time(*offer, sender, &mut slow)?],
                    statements => self.take_together(statements, sender)?,
                };
                for (offer, verdict) in offers.iter().zip(verdicts) {
                    let header = &offer.envelope.header;
                    // A tombstone that is not taken yet covers what comes behind it all the same.
                    let waits = matches!(verdict, Err(Refused::NotNow | Refused::UnknownHub));
                    if waits && header.kind == Kind::Tombstone {
                        later.insert(header.object);
                    }
                    match verdict {
                        Err(BARE) if later.contains(&header.object) => {
                            refused.push((offer.envelope.hash(), Refused::NotNow));
                        }
                        // Its own header and the one held are the proof: whoever delivered it need not be asked for more.
                        Err(Refused::Fork(at)) if at == header.seq && !self.prove(offer.envelope)?.is_empty() => {}
                        Ok(Some((row, head))) => drop(advanced.insert(row, head)),
                        Ok(None) => {}
                        Err(why) => refused.push((offer.envelope.hash(), why)),
                    }
                }
            }
        }
        self.do_duties(&mut self.lock())?;
        self.make_durable()?;
        self.replay_now();
        Ok((advanced.into_iter().collect(), refused))
    }

    /// Signatures of all whose key is known now, in one go.
    fn verify_known(&self, envelopes: &[Envelope]) -> Vec<Option<bool>> {
        let roster = self.roster();
        // Where two keys go by one number, each envelope is tried with both, later.
        let key_of = |envelope: &Envelope| match roster.keys(envelope.header.hub, envelope.header.key_number) {
            [key] => Some(*key),
            _ => None,
        };
        let known: Vec<(usize, [u8; 32])> = envelopes
            .iter()
            .enumerate()
            .filter_map(|(index, envelope)| Some((index, key_of(envelope)?)))
            .collect();
        let items: Vec<_> = known
            .iter()
            .filter_map(|(index, key)| Some((envelopes.get(*index)?, *key)))
            .collect();
        let good = verify_batch(&items, ClockRandom(&*self.clock));
        let mut out = vec![None; envelopes.len()];
        for ((index, _), good) in known.into_iter().zip(good) {
            out[index] = Some(good);
        }
        out
    }

    /// Takes one envelope, unless its author's have been slow for too long in this delivery. `slow`: how long, in
    /// milliseconds. Waiting for others counts too: it is those behind it that are spared.
    fn take_in_time(
        &self,
        offer: Offer<'_>,
        sender: Option<HubId>,
        slow: &mut BTreeMap<HubId, i64>,
    ) -> Result<Verdict, LedgerError> {
        let author = offer.envelope.header.hub;
        // Nothing of a tombstone is judged, and what others say about the erased document waits for it.
        let is_quick = offer.envelope.header.kind == Kind::Tombstone;
        if !is_quick && slow.get(&author).is_some_and(|ms| *ms > SLOW_IN_ALL_MS) {
            return Ok(Err(Refused::NotNow));
        }
        let began_ms = self.clock.now_ms();
        let foreseen = Foreseen::new(&*self.counter);
        self.foresee(offer, sender, &foreseen);
        let verdict = now_or_later(self.take_one(&mut self.lock(), offer, sender, &foreseen))?;
        let took_ms = self.clock.now_ms().saturating_sub(began_ms);
        if took_ms > SLOW_MS {
            *slow.entry(author).or_default() += took_ms;
        }
        Ok(verdict)
    }

    /// Takes envelopes of registry logs without letting go of the ledger.
    fn take_together(&self, offers: &[Offer<'_>], sender: Option<HubId>) -> Result<Vec<Verdict>, LedgerError> {
        let mut inner = self.lock();
        let mut run = Run::default();
        let mut verdicts = Vec::with_capacity(offers.len());
        for offer in offers {
            if let Some(advance) = self.joins(&inner, &run, *offer, sender) {
                run.add(offer.envelope, advance);
                verdicts.push(Ok(Some(advance)));
                continue;
            }
            // What came before it may be what it needs.
            self.hold_run(&mut inner, &mut run, sender)?;
            let taken = self.take_one(&mut inner, *offer, sender, &*self.counter);
            verdicts.push(now_or_later(taken)?);
        }
        self.hold_run(&mut inner, &mut run, sender)?;
        Ok(verdicts)
    }

    /// Whether an envelope simply goes on a registry log, with those of the run held: how far its log is then.
    fn joins(&self, inner: &Inner, run: &Run, offer: Offer<'_>, sender: Option<HubId>) -> Option<(RowKey, Head)> {
        let header = &offer.envelope.header;
        let row = RowKey::of(header);
        let head = run.heads.get(&row).copied().or_else(|| inner.held.head(&row));
        let is_cut = self.cuts().end(&row).is_some_and(|end| header.seq >= end);
        let goes_on = offer.envelope.sealed.is_some()
            && (header.seq, header.previous) == place_after(head)
            && !is_cut
            && self.check_offer(inner, offer, sender).is_ok();
        let head = Head {
            seq: header.seq,
            hash: offer.envelope.hash(),
        };
        goes_on.then_some((row, head))
    }

    fn hold_run(&self, inner: &mut Inner, run: &mut Run, sender: Option<HubId>) -> Result<(), LedgerError> {
        let Run { envelopes, .. } = std::mem::take(run);
        if !envelopes.is_empty() {
            // Only own envelopes can be refused.
            let _ = self.hold_all(inner, &envelopes, Whose::Foreign(sender), &*self.counter)?;
        }
        Ok(())
    }

    /// Judges what an envelope that will be held carries, as it would be then, without holding up anybody. What changes
    /// meanwhile is judged under the lock; a guess that failed has cost time and nothing else.
    fn foresee(&self, offer: Offer<'_>, sender: Option<HubId>, foreseen: &Foreseen<'_>) {
        let header = &offer.envelope.header;
        let carries_state = matches!(header.kind, Kind::Genesis | Kind::Change | Kind::Squash);
        let will_be_held = || {
            let inner = self.lock();
            (header.seq, header.previous) == place_after(inner.held.head(&RowKey::of(header)))
                && self.check_offer(&inner, offer, sender).is_ok()
        };
        if carries_state && will_be_held() {
            let _ = self.try_out(offer.network, offer.envelope, foreseen);
        }
    }

    fn check_offer(&self, inner: &Inner, offer: Offer<'_>, sender: Option<HubId>) -> Result<(), Refused> {
        Self::check(inner, offer.network, offer.envelope, offer.verified)?;
        Self::check_scope(inner, offer.network, self.own_id, offer.envelope, sender)
    }

    fn check(inner: &Inner, network: NetworkId, envelope: &Envelope, verified: Option<bool>) -> Result<(), Refused> {
        if envelope.header.network != network {
            return Err(Refused::Fault("it belongs to another network"));
        }
        let good = if let Some(good) = verified {
            good
        } else {
            let keys = inner.roster.keys(envelope.header.hub, envelope.header.key_number);
            if keys.is_empty() {
                return Err(Refused::UnknownHub);
            }
            keys.iter().any(|key| envelope.verify(key).is_ok())
        };
        if !good {
            return Err(Refused::Fault("its signature does not verify"));
        }
        envelope
            .check_body()
            .map_err(|_| Refused::Fault("its body does not match, or is over the limit"))
    }

    fn check_chain(&self, inner: &Inner, row: RowKey, envelope: &Envelope) -> Result<Chain, LedgerError> {
        let header = &envelope.header;
        let (next, previous) = place_after(inner.held.head(&row));
        if header.seq > next {
            return Ok(Chain::Broken(Refused::Gap));
        }
        if header.seq == next {
            return Ok(if header.previous == previous {
                Chain::Continues
            } else {
                Chain::Broken(Refused::Fork(header.seq.saturating_sub(1)))
            });
        }
        let known = catalogue::contains(&*self.store, &PositionKey(envelope.hash()))?;
        Ok(if known {
            Chain::Known
        } else {
            Chain::Broken(Refused::Fork(header.seq))
        })
    }

    fn erase_ahead(&self, inner: &mut Inner, network: NetworkId, envelope: &Envelope) -> Result<(), LedgerError> {
        if !is_good_tombstone(network, envelope) {
            return Ok(());
        }
        let mut batch = Batch::new();
        let kept = self.keep_tombstone(inner, &mut batch, envelope)?;
        let mut counted = self.count(inner, &mut batch, network, envelope, None, &*self.counter)?;
        counted.kept.extend(kept);
        self.put_sum(inner, &mut batch, &mut counted)?;
        self.commit(&batch)?;
        self.counted(inner, counted)
    }

    fn take_one(
        &self,
        inner: &mut Inner,
        offer: Offer<'_>,
        sender: Option<HubId>,
        counter: &dyn Counter,
    ) -> Result<Verdict, LedgerError> {
        let (network, envelope) = (offer.network, offer.envelope);
        if let Err(why) = self.check_offer(inner, offer, sender) {
            return Ok(Err(why));
        }
        let header = &envelope.header;
        let row = RowKey::of(header);
        if self.cuts().end(&row).is_some_and(|end| header.seq >= end) {
            return self.take_beyond(inner, network, row, envelope);
        }
        match self.check_chain(inner, row, envelope)? {
            Chain::Known => return Ok(Ok(None)),
            Chain::Broken(Refused::Gap) if header.kind == Kind::Tombstone => {
                // It stands alone: what it erases is erased now. Its place in the log is found by the frontier.
                self.erase_ahead(inner, network, envelope)?;
                return Ok(Ok(None));
            }
            Chain::Broken(why) => return Ok(Err(why)),
            Chain::Continues => {}
        }
        // Tombstones are never erased themselves.
        let erased = || self.is_erased(header);
        if envelope.sealed.is_none() && (header.kind == Kind::Tombstone || !erased()?) {
            return Ok(Err(BARE));
        }
        match self.hold(inner, envelope, Whose::Foreign(sender), counter)? {
            Ok(head) => Ok(Ok(Some((row, head)))),
            Err(_) => Ok(Ok(None)),
        }
    }
}

/// How an envelope stands to its log.
enum Chain {
    Continues,
    Known,
    Broken(Refused),
}

/// What cannot be judged now is asked for again.
fn now_or_later(taken: Result<Verdict, LedgerError>) -> Result<Verdict, LedgerError> {
    match taken {
        Err(LedgerError::Unjudged(_)) => Ok(Err(Refused::NotNow)),
        taken => taken,
    }
}

/// The number of what comes after this in a log, and the hash it names.
fn place_after(head: Option<Head>) -> (u64, HeaderHash) {
    head.map_or((0, HeaderHash::ZERO), |head| (head.seq.saturating_add(1), head.hash))
}

/// Envelopes of registry logs that wait to be held together, and how far each log is with them.
#[derive(Default)]
struct Run {
    envelopes: Vec<Envelope>,
    heads: BTreeMap<RowKey, Head>,
}

impl Run {
    fn add(&mut self, envelope: &Envelope, (row, head): (RowKey, Head)) {
        self.envelopes.push(envelope.clone());
        self.heads.insert(row, head);
    }
}

fn is_of_registry(envelope: &Envelope) -> bool {
    envelope.header.log == LogId::REGISTRY && matches!(envelope.header.kind, Kind::Statement | Kind::Open)
}

fn both_of_registry(one: &Envelope, other: &Envelope) -> bool {
    is_of_registry(one) && is_of_registry(other)
}
