//! Colormaps: evenly spaced colour stops along [0, 1]. Names come from the crates `colorous` (viridis and its
//! family, turbo) and `colorcet` (fire and the other perceptually uniform maps); the default is ours.

use crate::error::{Error, Result};

/// The colormap used when none is named.
pub const DEFAULT_COLORMAP: &str = "tilefire";

/// Our default. Every stop is of middle lightness and strong chroma, so that a lone point and a peak both stand
/// out from a dark and from a light base map: indigo, violet, magenta, red-orange, amber.
const TILEFIRE: [[u8; 3]; 9] = [
    [0x4f, 0x6b, 0xe8],
    [0x74, 0x58, 0xe6],
    [0x9b, 0x45, 0xd8],
    [0xc2, 0x37, 0xbb],
    [0xe0, 0x34, 0x92],
    [0xf2, 0x41, 0x63],
    [0xfa, 0x5f, 0x36],
    [0xfd, 0x85, 0x14],
    [0xff, 0xb0, 0x00],
];

/// Stops taken from a gradient that is given as a function.
const SAMPLES: usize = 256;

/// The gradients taken from `colorous`, by the names people know.
const COLOROUS: [(&str, colorous::Gradient); 6] = [
    ("viridis", colorous::VIRIDIS),
    ("inferno", colorous::INFERNO),
    ("magma", colorous::MAGMA),
    ("plasma", colorous::PLASMA),
    ("cividis", colorous::CIVIDIS),
    ("turbo", colorous::TURBO),
];

fn stops_of(name: &str) -> Option<Vec<[u8; 3]>> {
    if name == DEFAULT_COLORMAP {
        return Some(TILEFIRE.to_vec());
    }
    if let Some((_, gradient)) = COLOROUS.iter().find(|known| known.0 == name) {
        return Some((0..SAMPLES).map(|i| gradient.eval_rational(i, SAMPLES).as_array()).collect());
    }
    // The crate also turns any CSS colour into a ramp from black; only its listed names are colormaps.
    let known = colorcet::ColorMap::all_colormap_names().iter().any(|known| known == name);
    let map = known.then(|| name.parse::<colorcet::ColorMap>().ok()).flatten()?;
    Some(map.get_rgb_float::<f64>().iter().map(|stop| stop.map(|c| (c * 255.0 + 0.5) as u8)).collect())
}

/// Evenly spaced, opaque colour stops; at least two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colormap {
    name: String,
    stops: Vec<[u8; 3]>,
}

impl Default for Colormap {
    fn default() -> Self {
        Self { name: DEFAULT_COLORMAP.into(), stops: TILEFIRE.to_vec() }
    }
}

impl Colormap {
    /// The colormap of that name; `_r` at the end reverses it. Case does not matter.
    pub fn named(name: &str) -> Result<Self> {
        let lower = name.trim().to_ascii_lowercase();
        let (base, reversed) = lower.strip_suffix("_r").map_or((lower.as_str(), false), |base| (base, true));
        let Some(mut stops) = stops_of(base) else {
            return Err(Error::Usage(format!(
                "unknown colormap '{name}'; try {DEFAULT_COLORMAP}, fire, inferno, viridis, magma, plasma, turbo, \
                 cividis or bmy, each also with _r for its reverse"
            )));
        };
        if reversed {
            stops.reverse();
        }
        Ok(Self { name: lower, stops })
    }

    /// A colormap of the given stops (at least one; one alone is a constant colour).
    pub fn from_stops(name: &str, mut stops: Vec<[u8; 3]>) -> Result<Self> {
        match stops.as_slice() {
            [] => return Err(Error::Usage("a colormap needs at least one colour".into())),
            &[only] => stops.push(only),
            _ => {}
        }
        Ok(Self { name: name.into(), stops })
    }

    /// The name as reports give it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The stops, evenly spaced along [0, 1].
    pub fn stops(&self) -> &[[u8; 3]] {
        &self.stops
    }

    /// Index of the stop at or before `t`, never the last one.
    pub(crate) fn segment(&self, t: f64) -> usize {
        ((t * (self.stops.len() - 1) as f64) as usize).min(self.stops.len() - 2)
    }

    /// The colour at `t` in [0, 1]: linear between stops, each channel truncated to 8 bits as datashader does.
    pub fn at(&self, t: f64) -> [u8; 3] {
        let segment = self.segment(t);
        let within = t * (self.stops.len() - 1) as f64 - segment as f64;
        let (from, to) = (self.stops[segment], self.stops[segment + 1]);
        std::array::from_fn(|c| {
            let (from, to) = (f64::from(from[c]), f64::from(to[c]));
            (from + (to - from) * within) as u8
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_reversed() {
        for name in ["fire", "inferno", "viridis", "magma", "plasma", "turbo", "cividis", "bmy", "tilefire"] {
            let map = Colormap::named(name).unwrap();
            let reversed = Colormap::named(&format!("{name}_R")).unwrap();
            assert_eq!(map.at(0.0), reversed.at(1.0), "{name}");
            assert_eq!(map.at(0.0), map.stops()[0], "{name}");
            assert_eq!(map.at(1.0), *map.stops().last().unwrap(), "{name}");
        }
    }

    #[test]
    fn colours_and_nonsense_are_no_names() {
        for name in ["red", "#ff0000", "no such map", ""] {
            assert!(matches!(Colormap::named(name), Err(Error::Usage(_))), "{name}");
        }
    }

    #[test]
    fn the_default_never_starts_black() {
        let first = Colormap::default().at(0.0);
        assert!(first.iter().any(|&c| c > 0xc0) && first.iter().any(|&c| c < 0x80));
    }
}
