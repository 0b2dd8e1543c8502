//! Where a legend stands on a picture: in a corner, in the one where it hides least, or beside the picture.

use std::fmt;
use std::str::FromStr;

use super::picture::{MARGIN, Pixels, STRIP, Strips};
use crate::error::Result;

/// Where a person wants a legend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegendPlace {
    /// In the corner where it hides the fewest drawn pixels; of several the lower left one, then lower right, upper left.
    Auto,
    /// To the right of the picture, which it makes wider.
    Beside,
    /// In a corner.
    Corner(Corner),
}

/// A corner of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corner {
    /// Lower left.
    BottomLeft,
    /// Lower right.
    BottomRight,
    /// Upper left.
    TopLeft,
    /// Upper right.
    TopRight,
}

impl Corner {
    /// All of them, in the order in which they are preferred.
    const ALL: [Self; 4] = [Self::BottomLeft, Self::BottomRight, Self::TopLeft, Self::TopRight];

    fn name(self) -> &'static str {
        match self {
            Self::BottomLeft => "bottom-left",
            Self::BottomRight => "bottom-right",
            Self::TopLeft => "top-left",
            Self::TopRight => "top-right",
        }
    }

    /// Column and row of the upper left pixel of a legend in that corner.
    fn of(self, (width, height): (u32, u32), legend: (u32, u32)) -> (u32, u32) {
        let (right, bottom) = (width.saturating_sub(legend.0 + MARGIN), height.saturating_sub(legend.1 + MARGIN));
        // Small pictures keep what margin they have room for.
        let (left, top) = (MARGIN.min(width.saturating_sub(legend.0)), MARGIN.min(height.saturating_sub(legend.1)));
        match self {
            Self::BottomLeft => (left, bottom),
            Self::BottomRight => (right, bottom),
            Self::TopLeft => (left, top),
            Self::TopRight => (right, top),
        }
    }
}

impl LegendPlace {
    /// Column and row of the upper left pixel of a legend of size `legend` on a picture of size `picture`, or beside it.
    pub fn stand(self, picture: (u32, u32), legend: (u32, u32), strips: &dyn Strips) -> Result<(u32, u32)> {
        match self {
            Self::Beside => Ok((picture.0 + MARGIN, MARGIN)),
            Self::Corner(corner) => Ok(corner.of(picture, legend)),
            Self::Auto => {
                let corners = Corner::ALL.map(|corner| corner.of(picture, legend));
                let hidden = hidden(picture, legend, &corners, strips)?;
                let best = corners.into_iter().zip(hidden).min_by_key(|(_, hidden)| *hidden);
                Ok(best.map_or(corners[0], |(corner, _)| corner))
            }
        }
    }
}

/// How many drawn pixels a legend hides at each of the corners.
fn hidden(
    (width, height): (u32, u32),
    legend: (u32, u32),
    corners: &[(u32, u32); 4],
    strips: &dyn Strips,
) -> Result<[u64; 4]> {
    let mut hidden = [0; 4];
    for at in 0..height.div_ceil(STRIP) {
        let rows = at * STRIP..height.min((at + 1) * STRIP);
        let of_strip = |&(_, top): &(u32, u32)| top.max(rows.start)..(top + legend.1).min(rows.end);
        if corners.iter().all(|corner| of_strip(corner).is_empty()) {
            continue;
        }
        let strip = strips.strip(at)?;
        for (corner, hidden) in corners.iter().zip(&mut hidden) {
            for y in of_strip(corner) {
                let from = ((y - rows.start) * width + corner.0) as usize;
                let pixels = from..from + legend.0.min(width - corner.0) as usize;
                *hidden += match &strip {
                    Pixels::Narrow(all) => all[pixels].iter().filter(|&&index| index > 0).count(),
                    Pixels::Wide(all) => all[pixels].iter().filter(|&&index| index > 0).count(),
                    Pixels::Colours(all) => all[pixels].iter().filter(|colour| colour[3] > 0).count(),
                } as u64;
            }
        }
    }
    Ok(hidden)
}

impl fmt::Display for LegendPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Beside => "beside",
            Self::Corner(corner) => corner.name(),
        })
    }
}

impl FromStr for LegendPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let corners = Corner::ALL.map(Self::Corner);
        let places = [Self::Auto, Self::Beside].into_iter().chain(corners);
        let named = places.into_iter().find(|place| place.to_string().eq_ignore_ascii_case(text.trim()));
        named.ok_or_else(|| {
            format!(
                "'{text}' is no place for a legend; use auto, beside, top-left, top-right, bottom-left or bottom-right"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of rows of pixels that are drawn where the function says so.
    struct Drawn(u32, u32, fn(u32, u32) -> bool);

    impl Strips for Drawn {
        fn is_wide(&self) -> bool {
            false
        }

        fn strip(&self, at: u32) -> Result<Pixels> {
            let rows = at * STRIP..self.1.min((at + 1) * STRIP);
            Ok(Pixels::Narrow(
                rows.flat_map(|y| (0..self.0).map(move |x| (x, y))).map(|(x, y)| self.2(x, y).into()).collect(),
            ))
        }
    }

    #[test]
    fn a_legend_stands_where_it_hides_least() {
        let (size, legend) = ((700, 600), (300, 100));
        let stand =
            |drawn: fn(u32, u32) -> bool| LegendPlace::Auto.stand(size, legend, &Drawn(700, 600, drawn)).unwrap();
        assert_eq!(stand(|_, _| false), (12, 488));
        assert_eq!(stand(|_, _| true), (12, 488));
        assert_eq!(stand(|x, _| x < 350), (388, 488));
        assert_eq!(stand(|_, y| y > 300), (12, 12));
        assert_eq!(stand(|x, y| x < 350 || y > 300), (388, 12));
        // A pixel just outside does not count, one at the edge does.
        assert_eq!(stand(|x, y| (x, y) == (11, 590) || (x, y) == (311, 587)), (388, 488));
        assert_eq!(stand(|x, y| (x, y) == (312, 587) || (x, y) == (311, 588)), (12, 488));
    }

    #[test]
    fn places_are_named() {
        for name in ["auto", "beside", "top-left", "top-right", "bottom-left", "bottom-right"] {
            assert_eq!(name.parse::<LegendPlace>().unwrap().to_string(), name);
        }
        assert!("middle".parse::<LegendPlace>().unwrap_err().contains("beside"));
        let none = Drawn(400, 120, |_, _| true);
        let at = |place: &str| place.parse::<LegendPlace>().unwrap().stand((400, 120), (368, 116), &none).unwrap();
        assert_eq!((at("top-right"), at("bottom-left"), at("beside")), ((20, 4), (12, 0), (412, 12)));
    }
}
