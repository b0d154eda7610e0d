//! Members: what their documents say, one row for each record and each card.
//!
//! Rows lie in a personal family, under the id of their document, which says nothing of a person. There are a few for each member
//! of the network: lists and searches read all of them.

use std::ops::ControlFlow;

use interhub_domain::ids::{HubId, LogId, ObjectId, ThingId};
use interhub_domain::member::Member;
use serde::{Deserialize, Serialize};

use super::read::{QueryError, Views};
use super::write::{ProjectionError, Projector};
use crate::store::catalogue::{decode_row, encode_row};
use crate::store::{Backend, Batch, Direction, Family, StoreError};

/// Version byte of the rows.
const ROW_VERSION: u8 = 1;

/// What one document says of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRow {
    /// The member.
    pub thing: ThingId,
    /// The document.
    pub object: ObjectId,
    /// The hub whose member it is.
    pub hub: HubId,
    /// The local log for a record, the network's for a card.
    pub log: LogId,
    /// What it says.
    pub member: Member,
}

impl MemberRow {
    /// The row of a document of this kind. A card says only what has a place in one; in any other log there are no members.
    pub fn of(thing: ThingId, object: ObjectId, hub: HubId, log: LogId, said: Member) -> Option<Self> {
        let member = match log {
            LogId::LOCAL => said,
            LogId::NETWORK => said.from_card(),
            _ => return None,
        };
        Some(Self {
            thing,
            object,
            hub,
            log,
            member,
        })
    }

    /// Whether it is what the hub itself knows, rather than what it shows to others.
    pub fn is_record(&self) -> bool {
        self.log == LogId::LOCAL
    }
}

impl Projector {
    /// The hook for members: the document `object` now reads as `new`, or is no more.
    pub fn member_changed(
        &self,
        batch: &mut Batch,
        object: ObjectId,
        new: Option<&MemberRow>,
    ) -> Result<(), ProjectionError> {
        match new {
            Some(row) => batch.put(Family::MemberRow, object.0, encode_row(ROW_VERSION, row)),
            None => batch.delete(Family::MemberRow, object.0),
        }
        Ok(())
    }
}

impl Views {
    /// What a document says of a member.
    pub fn member(&self, object: ObjectId) -> Result<Option<MemberRow>, QueryError> {
        Ok(read(&**self.store(), object)?)
    }

    /// Every record and every card, in no order that means anything.
    pub fn each_member(&self, visit: &mut dyn FnMut(MemberRow)) -> Result<(), QueryError> {
        Ok(each(&**self.store(), visit)?)
    }
}

/// What a document says of a member.
pub fn read(store: &dyn Backend, object: ObjectId) -> Result<Option<MemberRow>, StoreError> {
    store
        .get(Family::MemberRow, &object.0)?
        .map(|bytes| decode(&bytes))
        .transpose()
}

/// Every record and every card, in no order that means anything.
pub fn each(store: &dyn Backend, visit: &mut dyn FnMut(MemberRow)) -> Result<(), StoreError> {
    let mut damaged = None;
    store.scan(Family::MemberRow, &[], &[], Direction::Forward, &mut |_, value| {
        match decode(value) {
            Ok(row) => visit(row),
            Err(error) => {
                damaged = Some(error);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    })?;
    damaged.map_or(Ok(()), Err)
}

fn decode(bytes: &[u8]) -> Result<MemberRow, StoreError> {
    decode_row(ROW_VERSION, bytes).ok_or(StoreError::Damaged { what: "member row" })
}
