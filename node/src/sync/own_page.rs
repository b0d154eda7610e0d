//! Links to members' own pages and the browsers that opened one: rows that never leave this node.

use std::ops::ControlFlow;

use super::ledger::Ledger;
use crate::store::catalogue::own_page::{
    LinkKind, MemberContactKey, MemberContactRow, MemberLinkKey, MemberLinkRow, MemberSessionKey, MemberSessionRow,
};
use crate::store::catalogue::{self, Key};
use crate::store::{Batch, Direction, Family, StoreError};
use interhub_domain::ids::ThingId;

impl Ledger {
    /// One link.
    pub fn member_link(&self, key: MemberLinkKey) -> Result<Option<MemberLinkRow>, StoreError> {
        catalogue::get(&*self.store, &key)
    }

    /// Notes a link; one of the same kind that the member had opens nothing any more.
    pub fn put_member_link(&self, key: MemberLinkKey, row: &MemberLinkRow) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        catalogue::put(&mut batch, &key, row);
        self.commit(&batch)?;
        self.make_durable()
    }

    /// A link was used: it opens nothing any more, and this browser is on the page. Survives a power cut once it returns.
    pub fn use_member_link(
        &self,
        link: MemberLinkKey,
        key: MemberSessionKey,
        row: &MemberSessionRow,
        dropped: &[MemberSessionKey],
    ) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        catalogue::delete(&mut batch, &link);
        let opened = MemberContactRow {
            opened_ms: Some(row.created_ms),
            ..self.member_contact(row.member)?
        };
        catalogue::put(&mut batch, &MemberContactKey(row.member), &opened);
        for other in dropped {
            catalogue::delete(&mut batch, other);
        }
        catalogue::put(&mut batch, &key, row);
        self.commit(&batch)?;
        self.make_durable()
    }

    /// Every browser on a member's page, in no meaningful order.
    pub fn member_sessions(&self) -> Result<Vec<(MemberSessionKey, MemberSessionRow)>, StoreError> {
        self.every(Family::MemberSession)
    }

    /// One of them.
    pub fn member_session(&self, key: MemberSessionKey) -> Result<Option<MemberSessionRow>, StoreError> {
        catalogue::get(&*self.store, &key)
    }

    /// Notes that a browser was used.
    pub fn put_member_session(&self, key: MemberSessionKey, row: &MemberSessionRow) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        catalogue::put(&mut batch, &key, row);
        self.commit(&batch)
    }

    /// A browser is not on the page any more.
    pub fn drop_member_session(&self, key: MemberSessionKey) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        catalogue::delete(&mut batch, &key);
        self.commit(&batch)?;
        self.make_durable()
    }

    /// No link to this member's page opens it any more, and no browser but this one is on it.
    pub fn lock_own_page(&self, member: ThingId, but: Option<MemberSessionKey>) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        for kind in LinkKind::ALL {
            catalogue::delete(&mut batch, &MemberLinkKey { member, kind });
        }
        for (key, row) in self.member_sessions()? {
            if row.member == member && Some(key) != but {
                catalogue::delete(&mut batch, &key);
            }
        }
        self.commit(&batch)
    }

    /// When a member was written to and answered.
    pub fn member_contact(&self, member: ThingId) -> Result<MemberContactRow, StoreError> {
        let row = catalogue::get(&*self.store, &MemberContactKey(member))?;
        Ok(row.unwrap_or_default())
    }

    /// Notes that.
    pub fn put_member_contact(&self, member: ThingId, row: &MemberContactRow) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        catalogue::put(&mut batch, &MemberContactKey(member), row);
        self.commit(&batch)?;
        self.make_durable()
    }

    /// Of a member who is erased no link is left, and nothing of when they were written to. Browsers on their page stay, to see what
    /// became of it.
    pub fn forget_own_page(&self, member: ThingId) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        for kind in LinkKind::ALL {
            catalogue::delete(&mut batch, &MemberLinkKey { member, kind });
        }
        catalogue::delete(&mut batch, &MemberContactKey(member));
        self.commit(&batch)
    }

    /// Forgets links and browsers of before these moments, Unix milliseconds: a link that ended before the first, a browser last
    /// used before the second.
    pub fn sweep_own_pages(&self, ended_ms: i64, seen_ms: i64) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        for (key, row) in self.every::<MemberLinkKey>(Family::MemberLink)? {
            if row.expires_ms < ended_ms {
                catalogue::delete(&mut batch, &key);
            }
        }
        for (key, row) in self.member_sessions()? {
            if row.seen_ms < seen_ms {
                catalogue::delete(&mut batch, &key);
            }
        }
        self.commit(&batch)
    }

    fn every<K: Key>(&self, family: Family) -> Result<Vec<(K, K::Value)>, StoreError> {
        let mut out = Vec::new();
        let visit = |key, row| {
            out.push((key, row));
            ControlFlow::Continue(())
        };
        catalogue::scan_prefix(&*self.store, family, &[], Direction::Forward, visit)?;
        Ok(out)
    }
}
