//! Tokens and the browsers that signed in with them: rows that never leave this node.

use std::ops::ControlFlow;

use super::ledger::Ledger;
use crate::store::catalogue;
use crate::store::catalogue::access::{SessionKey, SessionRow, TokenId, TokenKey, TokenRow};
use crate::store::{Batch, Direction, Family, StoreError};

impl Ledger {
    /// Every token, in no meaningful order.
    pub fn tokens(&self) -> Result<Vec<(TokenId, TokenRow)>, StoreError> {
        let mut out = Vec::new();
        let visit = |TokenKey(id), row| {
            out.push((id, row));
            ControlFlow::Continue(())
        };
        catalogue::scan_prefix(&*self.store, Family::Token, &[], Direction::Forward, visit)?;
        Ok(out)
    }

    /// One of them.
    pub fn token(&self, id: TokenId) -> Result<Option<TokenRow>, StoreError> {
        catalogue::get(&*self.store, &TokenKey(id))
    }

    /// Notes a token, or when it was used.
    pub fn put_token(&self, id: TokenId, row: &TokenRow) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        catalogue::put(&mut batch, &TokenKey(id), row);
        self.commit(&batch)
    }

    /// Forgets a token, and every browser that signed in with it. Survives a power cut once it returns: who was locked out stays
    /// out.
    pub fn drop_token(&self, id: TokenId) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        catalogue::delete(&mut batch, &TokenKey(id));
        for (key, row) in self.sessions()? {
            if row.token == id {
                catalogue::delete(&mut batch, &key);
            }
        }
        self.commit(&batch)?;
        self.make_durable()
    }

    /// Every browser that signed in, in no meaningful order.
    pub fn sessions(&self) -> Result<Vec<(SessionKey, SessionRow)>, StoreError> {
        let mut out = Vec::new();
        let visit = |key: SessionKey, row| {
            out.push((key, row));
            ControlFlow::Continue(())
        };
        catalogue::scan_prefix(&*self.store, Family::Session, &[], Direction::Forward, visit)?;
        Ok(out)
    }

    /// One of them.
    pub fn session(&self, key: SessionKey) -> Result<Option<SessionRow>, StoreError> {
        catalogue::get(&*self.store, &key)
    }

    /// Notes a browser that signed in, or that it was used; forgets others.
    pub fn put_session(&self, key: SessionKey, row: &SessionRow, dropped: &[SessionKey]) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        for other in dropped {
            catalogue::delete(&mut batch, other);
        }
        catalogue::put(&mut batch, &key, row);
        self.commit(&batch)
    }

    /// Signs a browser out.
    pub fn drop_session(&self, key: SessionKey) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        catalogue::delete(&mut batch, &key);
        self.commit(&batch)?;
        self.make_durable()
    }
}
