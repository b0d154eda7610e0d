//! Time and randomness: the only file that reads a clock or draws random numbers.
//!
//! Everything else takes a [`Clock`], so that a test or a simulation decides what time it is and can be replayed.

use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A source of time and of random bytes.
///
/// Laws: `now_ms` may jump in either direction (operators set clocks); nothing may rely on it only growing. `random`
/// fills the whole slice, and outside tests nobody can foresee it.
pub trait Clock: Send + Sync + 'static {
    /// Wall time: milliseconds since 1970-01-01 00:00 UTC.
    fn now_ms(&self) -> i64;

    /// Fills the slice with random bytes, good enough for keys.
    fn random(&self, bytes: &mut [u8]);
}

/// A shared clock.
pub type SharedClock = Arc<dyn Clock>;

/// Random bytes of a fixed number, for ids, salts and keys.
pub fn random_bytes<const N: usize>(clock: &dyn Clock) -> [u8; N] {
    let mut bytes = [0; N];
    clock.random(&mut bytes);
    bytes
}

/// A moment as people read it in a sentence: to the minute, in UTC.
pub fn text_of(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or(jiff::Timestamp::MAX);
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The machine's own clock and random numbers.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl SystemClock {
    /// The machine's clock, to be shared.
    pub fn shared() -> SharedClock {
        Arc::new(Self)
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads wall time")]
    fn now_ms(&self) -> i64 {
        let now = std::time::SystemTime::now();
        match now.duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that draws random numbers")]
    fn random(&self, bytes: &mut [u8]) {
        // ChaCha12, seeded and reseeded from the operating system.
        rand::rng().fill_bytes(bytes);
    }
}

/// A clock that stands still until it is told otherwise, with random numbers from a seed: for tests and simulation.
pub struct ManualClock {
    state: Mutex<ManualState>,
}

struct ManualState {
    now_ms: i64,
    random: StdRng,
}

impl ManualClock {
    /// A clock at `now_ms`. The same seed gives the same random numbers, in the order in which they are asked for.
    pub fn new(now_ms: i64, seed: u64) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(ManualState {
                now_ms,
                random: StdRng::seed_from_u64(seed),
            }),
        })
    }

    /// Sets the time; it may go back.
    pub fn set_ms(&self, now_ms: i64) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).now_ms = now_ms;
    }

    /// Moves the time by this many milliseconds; it may go back.
    pub fn advance_ms(&self, by_ms: i64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.now_ms = state.now_ms.saturating_add(by_ms);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).now_ms
    }

    fn random(&self, bytes: &mut [u8]) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .random
            .fill_bytes(bytes);
    }
}

/// Measures how long something takes, for limits, logs and metrics. Never part of a decision that has to be replayed.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch {
    started: std::time::Instant,
}

impl Stopwatch {
    /// Starts measuring.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    pub fn start() -> Self {
        Self {
            started: std::time::Instant::now(),
        }
    }

    /// Whole milliseconds since the start.
    pub fn elapsed_ms(self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The time since the start.
    pub fn elapsed(self) -> std::time::Duration {
        self.started.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let (one, other) = (ManualClock::new(0, 7), ManualClock::new(5, 7));
        assert_eq!(random_bytes::<40>(&*one), random_bytes::<40>(&*other));
        assert_ne!(random_bytes::<40>(&*one), random_bytes::<40>(&*ManualClock::new(0, 8)));
    }

    #[test]
    fn a_manual_clock_obeys() {
        let clock = ManualClock::new(1_000, 0);
        clock.advance_ms(-2_000);
        assert_eq!(clock.now_ms(), -1_000);
        clock.set_ms(3);
        assert_eq!(clock.now_ms(), 3);
    }

    #[test]
    fn the_system_clock_is_of_this_age() {
        let year_2026 = 1_767_225_600_000;
        assert!(SystemClock.now_ms() > year_2026);
        assert_ne!(random_bytes::<16>(&SystemClock), random_bytes::<16>(&SystemClock));
    }
}
