//! Colormaps: evenly spaced colour stops along [0, 1]. Names come from the crates `colorous` (viridis and its
//! family, turbo) and `colorcet` (fire and the other perceptually uniform maps); the default is ours.

use crate::error::{Error, Result};

/// The colormap used when none is named.
pub const DEFAULT_COLORMAP: &str = "tilefire";

/// Our default, from indigo over violet, orchid and coral to amber. Every stop has a strong chroma and a lightness (L*)
/// from 43 to 72, so that a lone point and a peak both stand out from a dark and from a light base map. Lightness rises
/// all along it, for eyes without red or green cones too: the reds, which look dark to some, are light enough for that.
const TILEFIRE: [[u8; 3]; 9] = [
    [0x45, 0x5d, 0xc9],
    [0x6f, 0x58, 0xd2],
    [0x93, 0x54, 0xd6],
    [0xb9, 0x53, 0xd4],
    [0xdd, 0x57, 0xb6],
    [0xf2, 0x62, 0x8b],
    [0xfe, 0x73, 0x58],
    [0xfd, 0x85, 0x2f],
    [0xf9, 0x9b, 0x18],
];

/// For a dark base map: from an indigo that stands out from near-black to a warm near-white, rising in lightness, slowly
/// at first so that peaks glow.
const TILEFIRE_DARK: [[u8; 3]; 9] = [
    [0x6b, 0x62, 0xcb],
    [0x89, 0x5d, 0xd5],
    [0xa9, 0x5c, 0xd2],
    [0xca, 0x5a, 0xc2],
    [0xe8, 0x60, 0x9e],
    [0xf8, 0x76, 0x80],
    [0xfe, 0x9a, 0x60],
    [0xfd, 0xc6, 0x5a],
    [0xff, 0xf4, 0xc8],
];

/// For a light base map: from a red-orange that stands out from near-white over crimson and plum to a near-black indigo,
/// falling in lightness.
const TILEFIRE_LIGHT: [[u8; 3]; 9] = [
    [0xea, 0x64, 0x24],
    [0xe4, 0x48, 0x2f],
    [0xd5, 0x33, 0x47],
    [0xbd, 0x22, 0x60],
    [0xa0, 0x17, 0x70],
    [0x7e, 0x12, 0x74],
    [0x59, 0x10, 0x6c],
    [0x37, 0x0a, 0x58],
    [0x1a, 0x05, 0x36],
];

/// For sums on both sides of 0, from a blue over a quiet grey to an amber; every stop stands out from a dark and from a
/// light base map, the ends most.
const TILEFIRE_DIVERGING: [[u8; 3]; 9] = [
    [0x1f, 0x6f, 0xe0],
    [0x3b, 0x82, 0xda],
    [0x5c, 0x8d, 0xc6],
    [0x78, 0x90, 0xaf],
    [0x91, 0x8f, 0x95],
    [0xad, 0x8a, 0x79],
    [0xc7, 0x82, 0x5b],
    [0xe0, 0x77, 0x3a],
    [0xf2, 0x6a, 0x10],
];

/// The same for a dark base map: ends are bright, and what is near 0 is dim.
const TILEFIRE_DIVERGING_DARK: [[u8; 3]; 9] = [
    [0x9c, 0xe6, 0xff],
    [0x62, 0xbf, 0xf0],
    [0x3f, 0x93, 0xd3],
    [0x44, 0x6c, 0xa2],
    [0x5a, 0x56, 0x70],
    [0x9a, 0x5c, 0x55],
    [0xd4, 0x76, 0x3e],
    [0xf5, 0xa1, 0x45],
    [0xff, 0xd9, 0x7a],
];

/// The same for a light base map: ends are dark, and what is near 0 is pale.
const TILEFIRE_DIVERGING_LIGHT: [[u8; 3]; 9] = [
    [0x08, 0x2f, 0x6b],
    [0x14, 0x4f, 0x9d],
    [0x3a, 0x74, 0xbd],
    [0x79, 0x96, 0xbe],
    [0xa8, 0xa3, 0xa8],
    [0xcc, 0x8b, 0x6d],
    [0xcf, 0x5f, 0x34],
    [0xae, 0x36, 0x18],
    [0x75, 0x17, 0x0d],
];

/// Stops taken from a gradient that is given as a function.
const SAMPLES: usize = 256;

/// The colormaps that are ours.
const OURS: [(&str, &[[u8; 3]]); 6] = [
    (DEFAULT_COLORMAP, &TILEFIRE),
    ("tilefire-dark", &TILEFIRE_DARK),
    ("tilefire-light", &TILEFIRE_LIGHT),
    ("tilefire-diverging", &TILEFIRE_DIVERGING),
    ("tilefire-diverging-dark", &TILEFIRE_DIVERGING_DARK),
    ("tilefire-diverging-light", &TILEFIRE_DIVERGING_LIGHT),
];

/// Short names of diverging colormaps of `colorcet`; long ones begin with the word.
const DIVERGING: [&str; 8] = ["coolwarm", "gwv", "bky", "bkr", "bwy", "cwr", "bjy", "bjr"];

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
    if let Some((_, stops)) = OURS.iter().find(|ours| ours.0 == name) {
        return Some(stops.to_vec());
    }
    if let Some((_, gradient)) = COLOROUS.iter().find(|known| known.0 == name) {
        return Some((0..SAMPLES).map(|i| gradient.eval_rational(i, SAMPLES).as_array()).collect());
    }
    // The crate also turns any CSS colour into a ramp from black; only its listed names are colormaps.
    let known = colorcet::ColorMap::all_colormap_names().iter().any(|known| known == name);
    let map = known.then(|| name.parse::<colorcet::ColorMap>().ok()).flatten()?;
    // Truncated, as the lists of the Python package are that people hand to datashader.
    Some(map.get_rgb_float::<f64>().iter().map(|stop| stop.map(|c| (c * 255.0) as u8)).collect())
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
            // A stop for each alpha, as datashader has it: where alpha is truncated, that makes a difference of one.
            let mut stops: Vec<_> = (MIN_ALPHA.min(a)..=a).map(|alpha| [r, g, b, alpha]).collect();
            if stops.len() == 1 {
                stops.push([r, g, b, a]);
            }
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
        let mut names: Vec<String> = OURS.iter().map(|ours| ours.0.to_owned()).chain(["fire".into()]).collect();
        names.extend(COLOROUS.iter().map(|known| known.0.to_owned()));
        let mut rest = colorcet::ColorMap::all_colormap_names();
        // For categories: no order, and so no way from few points to many.
        rest.retain(|name| !name.starts_with("glasbey"));
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

    /// Whether it is a named one whose middle is nothing and whose ends are two opposites.
    pub fn is_diverging(&self) -> bool {
        let name = self.name.strip_suffix("_r").unwrap_or(&self.name);
        name.starts_with("diverging_") || name.starts_with("tilefire-diverging") || DIVERGING.contains(&name)
    }

    /// Whether any stop has less alpha than the one before.
    pub fn alpha_falls(&self) -> bool {
        !self.stops.is_sorted_by_key(|stop| stop[3])
    }

    /// The name, or the colours, as given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The stops in order.
    pub fn stops(&self) -> &[[u8; 4]] {
        &self.stops
    }

    /// The colour at `t` in [0, 1]: linear between stops, each channel truncated to 8 bits as datashader does.
    pub fn at(&self, t: f64) -> [u8; 4] {
        self.between(t, 0.0, 1.0)
    }

    /// The colour at `value` where the first stop lies at `start` and the last at `end`, which is larger.
    ///
    /// Evenly spaced stops lie where NumPy's `linspace` puts them, and channels are computed as NumPy's `interp` does,
    /// operation by operation: truncation to 8 bits shows a difference in the last bit.
    pub(crate) fn between(&self, value: f64, start: f64, end: f64) -> [u8; 4] {
        let segment = self.segment(value, start, end);
        let (from, to) = (self.place(segment, start, end), self.place(segment + 1, start, end));
        let (first, second) = (self.stops[segment], self.stops[segment + 1]);
        // Beyond the outermost stops, and where two stops share a place, there is nothing to interpolate.
        if value >= to {
            return second;
        } else if value <= from {
            return first;
        }
        std::array::from_fn(|c| {
            let (first, second) = (f64::from(first[c]), f64::from(second[c]));
            let slope = (second - first) / (to - from);
            (slope * (value - from) + first) as u8
        })
    }

    /// Index of the stop at or before `value`, never the last one; see [`between`](Self::between).
    pub(crate) fn segment(&self, value: f64, start: f64, end: f64) -> usize {
        let last = self.stops.len() - 2;
        match &self.places {
            None => {
                let guess = (value - start) / (end - start) * (self.stops.len() - 1) as f64;
                let mut segment = (guess as usize).min(last);
                while segment > 0 && self.place(segment, start, end) > value {
                    segment -= 1;
                }
                while segment < last && self.place(segment + 1, start, end) <= value {
                    segment += 1;
                }
                segment
            }
            Some(places) => {
                let t = (value - start) / (end - start);
                places.partition_point(|&place| place <= t).saturating_sub(1).min(last)
            }
        }
    }

    /// Where a stop lies.
    fn place(&self, stop: usize, start: f64, end: f64) -> f64 {
        let last = self.stops.len() - 1;
        match &self.places {
            Some(places) => start + (end - start) * places[stop],
            None if stop == last => end,
            None => stop as f64 * ((end - start) / last as f64) + start,
        }
    }
}

/// `colour`, as far as it covers a pixel (0 to 255), over what is there.
pub fn over(colour: [u8; 4], coverage: u8, below: [u8; 4]) -> [u8; 4] {
    let alpha = (u32::from(colour[3]) * u32::from(coverage) + 127) / 255;
    let rest = (u32::from(below[3]) * (255 - alpha) + 127) / 255;
    let sum = alpha + rest;
    let channel = |n: usize| {
        (u32::from(colour[n]) * alpha + u32::from(below[n]) * rest + sum / 2).checked_div(sum).unwrap_or(0) as u8
    };
    [channel(0), channel(1), channel(2), sum as u8]
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

/// The colour that `text` names as CSS does: red, green, blue, alpha.
pub fn colour(text: &str) -> Option<[u8; 4]> {
    css(text.trim())
}

fn css(text: &str) -> Option<[u8; 4]> {
    // The package takes hexadecimal digits without their sign too, and then a slip of the pen such as "fee" is a colour.
    if text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
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
#[allow(clippy::disallowed_methods, reason = "an independent check")]
mod tests {
    use super::*;
    use crate::shade::Theme;

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
        for text in [
            "",
            "no such map",
            "red,nonsense",
            "red 0%,blue 120%",
            "red 50%,blue 20%,white",
            "red,,blue",
            "fee",
            "red,decade",
        ] {
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

    /// Red, green and blue as shares of light.
    fn linear(colour: [u8; 3]) -> [f64; 3] {
        colour.map(|c| {
            let c = f64::from(c) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        })
    }

    fn luminance([r, g, b]: [f64; 3]) -> f64 {
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    /// Contrast of two colours (WCAG 2: from 1, alike, to 21, black on white).
    fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
        let (a, b) = (luminance(linear(a)) + 0.05, luminance(linear(b)) + 0.05);
        a.max(b) / a.min(b)
    }

    /// How eyes see linear light: as most do, without red cones, without green cones (Machado, Oliveira and Fernandes 2009,
    /// severity 1).
    const EYES: [(&str, [[f64; 3]; 3]); 3] = [
        ("most", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        (
            "protanopes",
            [
                [0.152_286, 1.052_583, -0.204_868],
                [0.114_503, 0.786_281, 0.099_216],
                [-0.003_882, -0.048_116, 1.051_998],
            ],
        ),
        (
            "deuteranopes",
            [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]],
        ),
    ];

    /// Lightness (L* of CIELAB, 0 to 100) of a colour as those eyes see it.
    fn lightness(colour: [u8; 3], eyes: &[[f64; 3]; 3]) -> f64 {
        let light = linear(colour);
        let seen = eyes.map(|row| (row[0] * light[0] + row[1] * light[1] + row[2] * light[2]).clamp(0.0, 1.0));
        let y = luminance(seen);
        if y > 0.008_856 { 116.0 * y.cbrt() - 16.0 } else { 903.3 * y }
    }

    /// How much lighter a colormap becomes over any eighth of it at least, and over its first half.
    fn rises(name: &str, eyes: &[[f64; 3]; 3]) -> (f64, f64) {
        let map = Colormap::named(name).unwrap();
        let at = |i: u32| {
            let [r, g, b, _] = map.at(f64::from(i) / 160.0);
            lightness([r, g, b], eyes)
        };
        let eighth = (0..=140).map(|i| at(i + 20) - at(i)).fold(f64::INFINITY, f64::min);
        (eighth, at(80) - at(0))
    }

    /// Who sees no hues, or not all, still sees which of two counts is the larger one.
    #[test]
    fn our_colours_are_ordered_by_lightness_for_all_eyes() {
        for (who, eyes) in &EYES {
            for name in ["tilefire", "tilefire-dark", "tilefire-light_r"] {
                let (eighth, half) = rises(name, eyes);
                assert!(eighth > 0.8 && half > 5.0, "{name} for {who}: {eighth} over an eighth, {half} over a half");
            }
        }
        // What turbo and plasma are to the same eyes: up and down, and in order.
        assert!(EYES.iter().all(|(_, eyes)| rises("turbo", eyes).0 < 0.0 && rises("plasma", eyes).0 > 0.8));
    }

    /// The least contrast of any colour with a plain base map.
    fn least_contrast(name: &str, base: Theme) -> f64 {
        let map = Colormap::named(name).unwrap();
        let at = |i: u32| {
            let [r, g, b, _] = map.at(f64::from(i) / 100.0);
            contrast([r, g, b], base.background())
        };
        (0..=100).map(at).fold(f64::INFINITY, f64::min)
    }

    /// A lone point and a peak stand out from both base maps; the two special ones do better on theirs, and fire, which
    /// most people know, fails on both: it begins in black and ends in white.
    #[test]
    fn our_colours_stand_out_from_their_base_maps() {
        assert!(least_contrast("tilefire", Theme::Dark) > 3.0);
        assert!(least_contrast("tilefire", Theme::Light) > 1.9);
        assert!(least_contrast("tilefire-dark", Theme::Dark) > 3.5);
        assert!(least_contrast("tilefire-light", Theme::Light) > 2.9);
        assert!(least_contrast("fire", Theme::Dark) < 1.3 && least_contrast("fire", Theme::Light) < 1.1);
    }

    #[test]
    fn a_hard_step_has_its_second_colour() {
        let map = Colormap::parse("black 0%, red 50%, blue 50%, white 100%").unwrap();
        assert_eq!((map.at(0.5), map.at(0.499)[2]), ([0, 0, 255, 255], 0));
    }
}
