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

/// Alpha at which a single colour's ramp begins, as in datashader.
pub const MIN_ALPHA: u8 = 40;

/// Colour stops along [0, 1]: red, green, blue, alpha; at least two.
#[derive(Debug, Clone, PartialEq)]
pub struct Colormap {
    name: String,
    stops: Vec<[u8; 4]>,
    /// Where the stops are, rising from 0 to 1; `None` when they are evenly spaced.
    places: Option<Vec<f64>>,
}

impl Default for Colormap {
    fn default() -> Self {
        Self::even(DEFAULT_COLORMAP, &TILEFIRE)
    }
}

impl Colormap {
    fn even(name: &str, stops: &[[u8; 3]]) -> Self {
        Self { name: name.into(), stops: stops.iter().map(|&[r, g, b]| [r, g, b, 255]).collect(), places: None }
    }

    /// The colormap that `text` describes: a name (see [`Colormap::named`]); or colours of CSS separated by commas,
    /// each with a place in per cent after it if it is to have one of its own (`#00000000 0%, orange 30%, white`);
    /// or a single colour, which rises from an alpha of [`MIN_ALPHA`] to its own.
    pub fn parse(text: &str) -> Result<Self> {
        let unknown = match Self::named(text) {
            Ok(map) => return Ok(map),
            Err(unknown) => unknown,
        };
        let parts = list(text);
        if let [only] = parts.as_slice() {
            let Some([r, g, b, a]) = css(only) else { return Err(unknown) };
            let stops = vec![[r, g, b, MIN_ALPHA.min(a)], [r, g, b, a]];
            return Ok(Self { name: text.trim().into(), stops, places: None });
        }
        let mut stops = Vec::with_capacity(parts.len());
        let mut places = Vec::with_capacity(parts.len());
        for part in parts {
            let (colour, place) = match part.rsplit_once(char::is_whitespace) {
                Some((colour, place)) if place.ends_with('%') => (colour.trim(), Some(place.trim_end_matches('%'))),
                _ => (part, None),
            };
            let colour = css(colour).ok_or_else(|| Error::Usage(format!("'{colour}' in --colormap is no colour")))?;
            let place = place.map(|p| p.parse::<f64>().ok().filter(|p| (0.0..=100.0).contains(p)).ok_or(p));
            let wrong = |p| Error::Usage(format!("'{p}%' in --colormap is no place; places go from 0% to 100%"));
            stops.push(colour);
            places.push(place.transpose().map_err(wrong)?.map(|p| p / 100.0));
        }
        let places = if places.iter().all(Option::is_none) { None } else { Some(fill(&places)?) };
        Ok(Self { name: text.trim().into(), stops, places })
    }

    /// The colormap of that name; `_r` at the end reverses it. Case does not matter.
    pub fn named(name: &str) -> Result<Self> {
        let lower = name.trim().to_ascii_lowercase();
        let (base, reversed) = lower.strip_suffix("_r").map_or((lower.as_str(), false), |base| (base, true));
        let Some(mut stops) = stops_of(base) else {
            return Err(Error::Usage(format!(
                "unknown colormap '{name}'; try {DEFAULT_COLORMAP}, fire, inferno, viridis, magma, plasma, turbo, \
                 cividis or bmy, each also with _r for its reverse, or colours such as '#1e3a8a,orange,white'; \
                 tilefire colormaps lists the names"
            )));
        };
        if reversed {
            stops.reverse();
        }
        Ok(Self::even(&lower, &stops))
    }

    /// All names, ours first, then the well-known ones, then the rest by alphabet.
    pub fn names() -> Vec<String> {
        let mut names = vec![DEFAULT_COLORMAP.to_owned(), "fire".into()];
        names.extend(COLOROUS.iter().map(|known| known.0.to_owned()));
        let mut rest = colorcet::ColorMap::all_colormap_names();
        rest.retain(|name| !names.contains(name) && stops_of(name).is_some());
        rest.sort();
        rest.dedup();
        names.extend(rest);
        names
    }

    /// The same colours, their alpha multiplied by `opacity` (0 to 1).
    pub fn with_opacity(mut self, opacity: f64) -> Self {
        for stop in &mut self.stops {
            stop[3] = (f64::from(stop[3]) * opacity.clamp(0.0, 1.0) + 0.5) as u8;
        }
        self
    }

    /// The name, or the colours, as given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The stops in order.
    pub fn stops(&self) -> &[[u8; 4]] {
        &self.stops
    }

    /// Index of the stop at or before `t`, never the last one.
    pub(crate) fn segment(&self, t: f64) -> usize {
        let last = self.stops.len() - 2;
        match &self.places {
            None => ((t * (self.stops.len() - 1) as f64) as usize).min(last),
            Some(places) => places.partition_point(|&place| place <= t).saturating_sub(1).min(last),
        }
    }

    /// The colour at `t` in [0, 1]: linear between stops, each channel truncated to 8 bits as datashader does.
    pub fn at(&self, t: f64) -> [u8; 4] {
        let segment = self.segment(t);
        let within = match &self.places {
            None => t * (self.stops.len() - 1) as f64 - segment as f64,
            Some(places) => {
                let (from, to) = (places[segment], places[segment + 1]);
                if to > from { ((t - from) / (to - from)).clamp(0.0, 1.0) } else { 1.0 }
            }
        };
        let (from, to) = (self.stops[segment], self.stops[segment + 1]);
        std::array::from_fn(|c| {
            let (from, to) = (f64::from(from[c]), f64::from(to[c]));
            (from + (to - from) * within) as u8
        })
    }
}

/// The parts between commas, but for commas within parentheses.
fn list(text: &str) -> Vec<&str> {
    let mut depth = 0;
    text.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    })
    .map(str::trim)
    .collect()
}

fn css(text: &str) -> Option<[u8; 4]> {
    csscolorparser::parse(text).ok().map(|colour| colour.to_rgba8())
}

/// Gives every stop a place: the ends 0 and 1 unless they have their own, others evenly between their neighbours.
fn fill(places: &[Option<f64>]) -> Result<Vec<f64>> {
    let mut filled: Vec<Option<f64>> = places.to_vec();
    let last = filled.len() - 1;
    filled[0].get_or_insert(0.0);
    filled[last].get_or_insert(1.0);
    let mut known = 0;
    for at in 1..=last {
        let Some(place) = filled[at] else { continue };
        let start = filled[known].unwrap_or(0.0);
        if place < start {
            return Err(Error::Usage("the places in --colormap must rise".into()));
        }
        for (between, slot) in filled[known + 1..at].iter_mut().enumerate() {
            let share = (between + 1) as f64 / (at - known) as f64;
            *slot = Some(start + (place - start) * share);
        }
        known = at;
    }
    Ok(filled.into_iter().flatten().collect())
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
        for text in ["", "no such map", "red,nonsense", "red 0%,blue 120%", "red 50%,blue 20%,white", "red,,blue"] {
            assert!(matches!(Colormap::parse(text), Err(Error::Usage(_))), "{text}");
        }
    }

    #[test]
    fn lists_have_places_and_alpha() {
        let map = Colormap::parse("#00000000, rgb(255, 136, 0) 50%, white").unwrap();
        assert_eq!((map.at(0.0), map.at(0.5), map.at(1.0)), ([0; 4], [255, 136, 0, 255], [255; 4]));
        assert_eq!(map.at(0.25), [127, 68, 0, 127]);
        let early = Colormap::parse("black, red 10%, white").unwrap();
        assert_eq!(
            (early.at(0.1), early.at(0.05), early.at(0.55)),
            ([255, 0, 0, 255], [127, 0, 0, 255], [255, 127, 127, 255])
        );
        assert_eq!(Colormap::parse("viridis_r").unwrap(), Colormap::named("viridis_r").unwrap());
    }

    #[test]
    fn a_single_colour_is_a_ramp_of_alpha() {
        let map = Colormap::parse("#102030").unwrap();
        assert_eq!((map.at(0.0), map.at(1.0)), ([16, 32, 48, MIN_ALPHA], [16, 32, 48, 255]));
        let half = map.with_opacity(0.5);
        assert_eq!((half.at(0.0)[3], half.at(1.0)[3]), (20, 128));
    }

    #[test]
    fn every_listed_name_is_a_colormap() {
        let names = Colormap::names();
        assert!(names.len() > 50);
        for name in &names {
            assert!(Colormap::named(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn the_default_never_starts_black() {
        let first = Colormap::default().at(0.0);
        assert!(first.iter().any(|&c| c > 0xc0) && first.iter().any(|&c| c < 0x80));
    }
}
