//! How alone the lit pixels of a zoom are: what an automatic spread radius is chosen by. Who finds it out, and what
//! follows from it, is decided elsewhere.

/// Largest distance that is looked at, in pixels: twice the largest automatic radius.
pub const ISOLATION_REACH: u32 = 6;

/// Lit pixels by their distance to the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Isolation {
    /// Lit pixels.
    pub lit: u64,
    /// Those of them with another lit pixel in the square of 2, 4 and 6 pixels around them.
    pub accompanied: [u64; (ISOLATION_REACH / 2) as usize],
}

impl Isolation {
    /// Adds a lit pixel whose next one is `distance` columns or rows away, whichever are more.
    pub fn add(&mut self, distance: u32) {
        self.lit += 1;
        for (within, pixels) in (2..).step_by(2).zip(&mut self.accompanied) {
            *pixels += u64::from(distance <= within);
        }
    }

    /// Adds other pixels of the same zoom.
    pub fn merge(&mut self, other: &Self) {
        self.lit += other.lit;
        for (pixels, more) in self.accompanied.iter_mut().zip(other.accompanied) {
            *pixels += more;
        }
    }
}
