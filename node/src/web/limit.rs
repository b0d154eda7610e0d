//! How fast one reader may ask the JSON interface: as a bucket of requests that fills up again.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Requests at once: a program that reads a network's events page by page needs some dozens.
const BURST: i64 = 200;
/// Requests a second after that.
const PER_SECOND: i64 = 10;
/// Readers of whom it is known how fast they asked. Those beyond may ask: whoever comes from so many addresses is not stopped by
/// counting, and the number of pages made at once is bounded anyway.
const MAX_READERS: usize = 10_000;

/// What is left of a reader's bucket, in thousandths of a request, and since when.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: i64,
    at_ms: i64,
}

impl Bucket {
    const FULL: i64 = BURST * 1_000;

    /// The same, filled up to now. A clock that was set back fills nothing.
    fn filled(self, now_ms: i64) -> Self {
        let passed_ms = now_ms.saturating_sub(self.at_ms).max(0);
        Self {
            left: self
                .left
                .saturating_add(passed_ms.saturating_mul(PER_SECOND))
                .min(Self::FULL),
            at_ms: now_ms,
        }
    }
}

/// The buckets of all readers.
#[derive(Debug, Default)]
pub(crate) struct Limiter(Mutex<BTreeMap<IpAddr, Bucket>>);

impl Limiter {
    /// Counts a request. `Err`: one too many; how many seconds to wait.
    pub(crate) fn take(&self, reader: IpAddr, now_ms: i64) -> Result<(), i64> {
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() >= MAX_READERS && !readers.contains_key(&reader) {
            readers.retain(|_, bucket| bucket.filled(now_ms).left < Bucket::FULL);
            if readers.len() >= MAX_READERS {
                return Ok(());
            }
        }
        let full = Bucket {
            left: Bucket::FULL,
            at_ms: now_ms,
        };
        let bucket = readers.entry(reader).or_insert(full);
        *bucket = bucket.filled(now_ms);
        if bucket.left < 1_000 {
            let missing = 1_000 - bucket.left;
            let wait_ms = missing.div_euclid(PER_SECOND) + 1;
            return Err(wait_ms.div_euclid(1_000) + 1);
        }
        bucket.left -= 1_000;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn reader(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(number))
    }

    #[test]
    fn a_burst_is_served_and_then_so_many_a_second() {
        let limiter = Limiter::default();
        for _ in 0..BURST {
            assert_eq!(limiter.take(reader(1), 0), Ok(()));
        }
        assert_eq!(limiter.take(reader(1), 0), Err(1));
        assert_eq!(limiter.take(reader(2), 0), Ok(()));
        for _ in 0..PER_SECOND {
            assert_eq!(limiter.take(reader(1), 1_000), Ok(()));
        }
        assert_eq!(limiter.take(reader(1), 1_000), Err(1));
        assert_eq!(
            limiter.take(reader(1), 0),
            Err(1),
            "a clock that is set back gives nothing"
        );
        assert_eq!(limiter.take(reader(1), 3_600_000), Ok(()));
    }

    #[test]
    fn there_are_never_too_many_readers() {
        let limiter = Limiter::default();
        for number in 0..20_000 {
            assert_eq!(limiter.take(reader(number), 0), Ok(()));
        }
        assert_eq!(
            limiter.0.lock().unwrap_or_else(PoisonError::into_inner).len(),
            MAX_READERS
        );
        assert_eq!(limiter.take(reader(99_999), 60_000), Ok(()));
        assert_eq!(limiter.0.lock().unwrap_or_else(PoisonError::into_inner).len(), 1);
    }
}
