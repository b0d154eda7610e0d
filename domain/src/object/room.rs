//! A waiting room in memory, for envelopes of which all there are come at once.

use std::collections::BTreeMap;
use std::convert::Infallible;

use super::{HeldBody, WaitFor, WaitingRoom};
use crate::ids::HeaderHash;

/// What waits, by what for.
#[derive(Default)]
pub(super) struct InMemory(BTreeMap<WaitFor, BTreeMap<HeaderHash, HeldBody>>);

impl InMemory {
    /// Parks everything that still waits in another room.
    pub(super) fn move_to<W: WaitingRoom>(self, room: &mut W) -> Result<(), W::Error> {
        for (what, bodies) in self.0 {
            for body in bodies.into_values() {
                room.park(what, &body)?;
            }
        }
        Ok(())
    }
}

impl WaitingRoom for InMemory {
    type Error = Infallible;

    fn park(&mut self, what: WaitFor, body: &HeldBody) -> Result<(), Infallible> {
        self.0.entry(what).or_default().insert(body.hash, body.clone());
        Ok(())
    }

    fn wake(&mut self, what: WaitFor) -> Result<Vec<HeldBody>, Infallible> {
        Ok(self.0.remove(&what).unwrap_or_default().into_values().collect())
    }
}
