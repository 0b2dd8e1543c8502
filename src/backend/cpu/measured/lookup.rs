//! From levels to indices, with most answers ready.

use crate::shade::ShadeTable;
use crate::tile::PixelIndex;

/// Bits of a level that are not looked at: those left are its sign, its power of two and 7 more bits.
const BEHIND: u32 = 16;

/// The threshold search with its answers ready.
pub(super) struct LevelLookup<'a, I> {
    /// For the first half of each level the place of its colour among those of the table, from 1; [`SEVERAL`] where levels
    /// differ.
    ready: Box<[u16]>,
    table: &'a ShadeTable,
    /// Steps of alpha of a colour.
    fades: u16,
    kind: std::marker::PhantomData<I>,
}

const SEVERAL: u16 = u16::MAX;

impl<'a, I: PixelIndex> LevelLookup<'a, I> {
    pub(super) fn new(table: &'a ShadeTable) -> Self {
        let mut ready = vec![0; 1 << (u32::BITS - BEHIND)].into_boxed_slice();
        let of = |level: u32| (level >> BEHIND) as usize;
        for (&from, at) in table.thresholds.iter().zip(1u16..) {
            let to = table.thresholds.get(usize::from(at)).copied().unwrap_or(u32::MAX);
            ready[of(from)..=of(to)].fill(at);
        }
        for &from in &table.thresholds {
            if from & ((1 << BEHIND) - 1) > 0 {
                ready[of(from)] = SEVERAL;
            }
        }
        Self { ready, table, fades: table.fades, kind: std::marker::PhantomData }
    }

    /// The place of a level's colour, from 1; 0 for none.
    #[inline(always)]
    fn place(&self, level: u32) -> u16 {
        match self.ready[(level >> BEHIND) as usize] {
            SEVERAL => self.table.place(level),
            place => place,
        }
    }

    /// The index of a level whose pixel is drawn as strong as can be.
    #[inline(always)]
    pub(super) fn index(&self, level: u32) -> I {
        I::from_wide(self.place(level) * self.fades)
    }

    /// Steps of alpha that it has.
    pub(super) fn fades(&self) -> u16 {
        self.fades
    }

    /// The index of a level whose pixel has the alpha of a step, from 1 to [`fades`](Self::fades).
    #[inline(always)]
    pub(super) fn faded(&self, level: u32, step: u32) -> I {
        match self.place(level) {
            0 => I::default(),
            place => I::from_wide((place - 1) * self.fades + step as u16),
        }
    }

    /// Whether a lit pixel may have no colour.
    pub(super) fn hides_some(&self) -> bool {
        self.table.hides_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shade::Span;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_lookup_is_the_search(
            thresholds in proptest::collection::btree_set(prop_oneof![any::<u32>(), (0u32..1 << 16).prop_map(|n| n << 16)], 1..100),
            levels in proptest::collection::vec(any::<u32>(), 100),
        ) {
            let thresholds: Vec<u32> = thresholds.into_iter().filter(|&t| t > 0).collect();
            prop_assume!(!thresholds.is_empty());
            let palette = vec![[0; 4]; thresholds.len() + 1];
            let span = Span { lo: 1, hi: 9 };
            let table = ShadeTable { thresholds, palette, span, error: 0, smooth: false, fades: 1 };
            let lookup = LevelLookup::<u16>::new(&table);
            let near = table.thresholds.iter().flat_map(|&t| [t - 1, t, t.saturating_add(1)]);
            for level in levels.into_iter().chain(near).chain([0, 1, u32::MAX]) {
                prop_assert_eq!(lookup.index(level), table.index(level), "{}", level);
                prop_assert_eq!(lookup.faded(level, 1), table.index(level));
            }
            let faded = ShadeTable { fades: 8, ..table.clone() };
            let lookup = LevelLookup::<u16>::new(&faded);
            for level in faded.thresholds.iter().copied() {
                let place = table.index(level);
                prop_assert_eq!(lookup.index(level), place * 8);
                prop_assert_eq!((lookup.faded(level, 4), lookup.faded(level, 8)), (place * 8 - 4, place * 8));
            }
        }
    }
}
