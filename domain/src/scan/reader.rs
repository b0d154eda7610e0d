//! Numbers as Automerge writes them.

use super::ScanError;

/// Takes numbers and bytes off the front.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn bytes(&mut self, len: usize) -> Result<&'a [u8], ScanError> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(ScanError::Malformed)?;
        self.0 = tail;
        Ok(head)
    }

    pub(super) fn byte(&mut self) -> Result<u8, ScanError> {
        Ok(self.bytes(1)?[0])
    }

    /// Unsigned LEB128 of at most 64 bits.
    pub(super) fn unsigned(&mut self) -> Result<u64, ScanError> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                return Err(ScanError::Malformed);
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ScanError::Malformed)
    }

    /// Signed LEB128 of at most 64 bits.
    pub(super) fn signed(&mut self) -> Result<i64, ScanError> {
        let mut value = 0i64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            value |= i64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                let sign_bit = shift + 7;
                if byte & 0x40 != 0 && sign_bit < 64 {
                    value |= -1i64 << sign_bit;
                }
                return Ok(value);
            }
        }
        Err(ScanError::Malformed)
    }

    pub(super) fn length(&mut self) -> Result<usize, ScanError> {
        usize::try_from(self.unsigned()?).map_err(|_| ScanError::Malformed)
    }
}
