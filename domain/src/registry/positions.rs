//! Sets of decisions, small enough that each decision keeps its whole past.

/// Some of the decisions, by their place, as bits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Positions(Vec<u64>);

impl Positions {
    pub(super) fn insert(&mut self, place: usize) {
        let word = place / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(bits) = self.0.get_mut(word) {
            *bits |= 1 << (place % 64);
        }
    }

    pub(super) fn contains(&self, place: usize) -> bool {
        self.0
            .get(place / 64)
            .is_some_and(|bits| bits & (1 << (place % 64)) != 0)
    }

    pub(super) fn extend(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (bits, more) in self.0.iter_mut().zip(&other.0) {
            *bits |= more;
        }
    }

    pub(super) fn is_within(&self, other: &Self) -> bool {
        let theirs = other.0.iter().copied().chain(std::iter::repeat(0));
        self.0.iter().zip(theirs).all(|(bits, theirs)| bits & !theirs == 0)
    }

    /// How many are in both.
    pub(super) fn in_common(&self, other: &Self) -> usize {
        let both = self.0.iter().zip(&other.0).map(|(bits, theirs)| bits & theirs);
        both.map(|bits| bits.count_ones() as usize).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.0.len() * 64).filter(|place| self.contains(*place))
    }
}
