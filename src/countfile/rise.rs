//! Tiles that come in Morton order on their way up: each is added to its parent, and a parent is whole once a tile of another
//! family comes.

use crate::counts::{Lit, Value, reduce_into};
use crate::error::Result;

/// A parent that is not whole yet: its Morton code, and its pixels so far.
pub(super) type Family<V> = (u64, Vec<Lit<V>>);

/// An open parent for each of `levels` zooms.
pub(super) fn families<V>(levels: u8) -> Vec<Family<V>> {
    (0..levels).map(|_| (0, Vec::new())).collect()
}

/// Adds a tile to its parent at level `at`; a parent that is complete goes to `done`, with its level, code and pixels and
/// whether it is the topmost, and to its own parent.
pub(super) fn rise<V: Value>(
    families: &mut [Family<V>],
    at: usize,
    code: u64,
    lit: &[Lit<V>],
    done: &mut impl FnMut(usize, u64, &[Lit<V>], bool) -> Result<()>,
) -> Result<()> {
    let Some(family) = families.get_mut(at) else { return Ok(()) };
    if family.0 != code >> 2 && !family.1.is_empty() {
        let (parent, mut pixels) = std::mem::take(family);
        complete(families, at, parent, &pixels, done)?;
        pixels.clear();
        families[at].1 = pixels;
    }
    let family = &mut families[at];
    family.0 = code >> 2;
    reduce_into(&mut family.1, (code & 3) as u16, lit)
}

fn complete<V: Value>(
    families: &mut [Family<V>],
    at: usize,
    code: u64,
    pixels: &[Lit<V>],
    done: &mut impl FnMut(usize, u64, &[Lit<V>], bool) -> Result<()>,
) -> Result<()> {
    done(at, code, pixels, at + 1 == families.len())?;
    rise(families, at + 1, code, pixels, done)
}

/// Hands over all parents that are still open.
pub(super) fn settle<V: Value>(
    families: &mut [Family<V>],
    done: &mut impl FnMut(usize, u64, &[Lit<V>], bool) -> Result<()>,
) -> Result<()> {
    for at in 0..families.len() {
        let (code, pixels) = std::mem::take(&mut families[at]);
        if !pixels.is_empty() {
            complete(families, at, code, &pixels, done)?;
        }
    }
    Ok(())
}
