//! The largest index within a mask. Rows are widened one pixel at a time, and each row of the mask takes the widening
//! that fits it; rows without a lit pixel are left out.

use super::rows::{Plane, Raster, WIDTH, Words};

/// Buffers of one thread: the lit rows of a plane, widened.
#[derive(Debug, Default)]
pub(in crate::backend::cpu) struct Largest<I> {
    wide: Vec<I>,
    wider: Vec<I>,
}

impl<I: Copy + Ord + Default> Largest<I> {
    /// `mask[dy]` is the half-width of the mask's row `dy`; `raster` is dark.
    pub(in crate::backend::cpu) fn spread(&mut self, plane: &Plane<I>, mask: &[u32], raster: &mut Raster<I>) {
        let (side, radius) = (plane.side, mask.len() - 1);
        self.wide.clear();
        for row in &plane.rows {
            self.wide.extend_from_slice(plane.row(row.y));
        }
        for half in 0..=radius {
            if half > 0 {
                self.widen(plane, half);
            }
            for dy in (0..mask.len()).filter(|&dy| mask[dy] as usize == half) {
                for (row, wide) in plane.rows.iter().zip(self.wide.chunks_exact(side)) {
                    // Columns of the plane that are lit by now, as columns of the tile.
                    let lit = row.stretch(side);
                    let from = lit.start.saturating_sub(half + radius);
                    let to = (lit.end + half).saturating_sub(radius).min(WIDTH);
                    if from >= to {
                        continue;
                    }
                    // The rows of the tile from which it lies `dy` rows away, seen from the plane.
                    let (north, south) = ((row.y + dy).checked_sub(radius), row.y.checked_sub(radius + dy));
                    for y in [north, south.filter(|_| dy > 0)].into_iter().flatten().filter(|&y| y < WIDTH) {
                        let to_row = &mut raster.row(y, Words::of(from, to))[from..to];
                        for (to, from) in to_row.iter_mut().zip(&wide[from + radius..]) {
                            *to = (*to).max(*from);
                        }
                    }
                }
            }
        }
    }

    /// Lets each pixel reach one column more, in rows that were widened to `half - 1`.
    fn widen(&mut self, plane: &Plane<I>, half: usize) {
        self.wider.clear();
        self.wider.extend_from_slice(&self.wide);
        let rows = self.wider.chunks_exact_mut(plane.side).zip(self.wide.chunks_exact(plane.side));
        for ((to, from), row) in rows.zip(&plane.rows) {
            let lit = row.stretch(plane.side);
            let (first, last) = (lit.start.saturating_sub(half), (lit.end + half).min(plane.side));
            let (to, from) = (&mut to[first..last], &from[first..last]);
            for (to, from) in to[1..].iter_mut().zip(from) {
                *to = (*to).max(*from);
            }
            for (to, from) in to.iter_mut().zip(&from[1..]) {
                *to = (*to).max(*from);
            }
        }
        std::mem::swap(&mut self.wide, &mut self.wider);
    }
}
