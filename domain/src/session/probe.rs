//! Finding the first position at which two nodes hold different envelopes of one log.
//!
//! A log that contradicts what is held proves nothing by itself: only two signed headers with one number do. So the
//! node that noticed asks the deliverer for single headers, halving the range each time, and makes the proof of the two
//! headers at the lowest position that differs. A deliverer that cannot show one is at fault itself.

use std::collections::BTreeMap;

use crate::frontier::RowKey;

/// Searches at a time with one peer: each is a log whose hub signed two things, and nothing is lost by waiting.
const MAX_PROBES: usize = 16;

/// A search: everything below `low` is the same on both sides, at `high` they differ.
#[derive(Debug, Clone, Copy)]
struct Probe {
    low: u64,
    high: u64,
}

impl Probe {
    /// The position to be asked for now. Once there is one candidate left, it is the one to prove.
    fn position(self) -> u64 {
        self.low + (self.high - self.low) / 2
    }
}

/// What to do with the header that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nobody asked for it.
    Nothing,
    /// Compare it with the own one.
    Compare,
    /// It is the first that differs: prove it.
    Prove,
}

/// The searches with one peer.
#[derive(Debug, Default)]
pub(super) struct Probes {
    open: BTreeMap<RowKey, Probe>,
}

impl Probes {
    /// Begins a search below a position at which the two are known to differ. Returns the position to ask for, unless
    /// there is a search already, or too many.
    pub(super) fn begin(&mut self, row: RowKey, differs_at: u64) -> Option<u64> {
        if self.open.contains_key(&row) || self.open.len() >= MAX_PROBES {
            return None;
        }
        let probe = Probe {
            low: 0,
            high: differs_at,
        };
        self.open.insert(row, probe);
        Some(probe.position())
    }

    /// A header came for this position.
    pub(super) fn came(&self, row: &RowKey, seq: u64) -> Next {
        match self.open.get(row) {
            Some(probe) if probe.position() == seq && probe.low == probe.high => Next::Prove,
            Some(probe) if probe.position() == seq => Next::Compare,
            _ => Next::Nothing,
        }
    }

    /// The header at the asked position is the same here, or not. Returns the next position to ask for.
    pub(super) fn compared(&mut self, row: &RowKey, seq: u64, same: bool) -> Option<u64> {
        let probe = self.open.get_mut(row).filter(|probe| probe.position() == seq)?;
        if same {
            probe.low = (seq + 1).min(probe.high);
        } else {
            probe.high = seq;
        }
        Some(probe.position())
    }

    /// The search is over, however it ended. Returns whether there was one.
    pub(super) fn end(&mut self, row: &RowKey) -> bool {
        self.open.remove(row).is_some()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;
    use crate::ids::{Epoch, HubId, LogId};

    const ROW: RowKey = RowKey {
        log: LogId::PUBLIC,
        hub: HubId([1; 16]),
        epoch: Epoch(1),
    };

    proptest! {
        /// Two logs that are the same below `first` and differ from there on: the search ends at `first`, after at most
        /// 2 + log2 questions.
        #[test]
        fn the_first_difference_is_found(first in 0u64..5_000, more in 0u64..5_000) {
            let known = first + more;
            let mut probes = Probes::default();
            let mut asked = probes.begin(ROW, known).unwrap();
            let mut questions = 1;
            loop {
                match probes.came(&ROW, asked) {
                    Next::Prove => break,
                    Next::Compare => asked = probes.compared(&ROW, asked, asked < first).unwrap(),
                    Next::Nothing => prop_assert!(false, "a question without an answer"),
                }
                questions += 1;
                prop_assert!(questions <= 2 + 64 - known.leading_zeros());
            }
            prop_assert_eq!(asked, first);
            prop_assert!(probes.end(&ROW));
            prop_assert!(!probes.end(&ROW));
        }

        /// Whatever a peer answers, a search ends.
        #[test]
        fn a_lying_peer_does_not_keep_it_going(known in 0u64..5_000, answers in proptest::collection::vec(any::<bool>(), 80)) {
            let mut probes = Probes::default();
            let mut asked = probes.begin(ROW, known).unwrap();
            let ended = answers.into_iter().any(|same| {
                if probes.came(&ROW, asked) == Next::Prove {
                    return true;
                }
                asked = probes.compared(&ROW, asked, same).unwrap();
                false
            });
            prop_assert!(ended);
            prop_assert!(asked <= known);
        }
    }

    #[test]
    fn unasked_headers_and_too_many_searches_are_nothing() {
        let mut probes = Probes::default();
        assert_eq!(probes.came(&ROW, 3), Next::Nothing);
        assert_eq!(probes.compared(&ROW, 3, true), None);
        for epoch in 0..MAX_PROBES as u64 {
            assert!(
                probes
                    .begin(
                        RowKey {
                            epoch: Epoch(epoch),
                            ..ROW
                        },
                        8
                    )
                    .is_some()
            );
        }
        assert!(
            probes
                .begin(
                    RowKey {
                        epoch: Epoch(99),
                        ..ROW
                    },
                    8
                )
                .is_none()
        );
    }
}
