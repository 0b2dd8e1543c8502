//! Spread: how a lit pixel reaches its neighbours, as numbers that both backends apply. Integers only: a mask of rows
//! with the weight 1, or the weights of a separable kernel in 2^-16. Applying them is the backends' business.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::counts::{Isolation, Unit};

/// Largest spread radius in pixels.
pub const MAX_SPREAD: u32 = 64;
/// Least and largest radius that is chosen automatically.
pub const AUTO: RangeInclusive<u32> = 2..=12;
/// Lit pixels that a square holds on average where they are said to have company.
const COMPANY: f64 = 2.0;
/// Largest radius of datashader's `dynspread`.
pub const MAX_DYNSPREAD: u32 = 3;
/// Share of lit pixels that must have company nearby for a zoom to need no larger radius.
const ENOUGH: f64 = 0.5;
/// The weight 1 of a separable kernel.
pub const WEIGHT_ONE: u32 = 1 << 16;

/// How far lit pixels reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Radius {
    /// Pixels, at every zoom; at most [`MAX_SPREAD`].
    Fixed(u32),
    /// Chosen for each zoom from how far apart its lit pixels are ([`auto_radius`]), within [`AUTO`].
    Auto,
    /// Chosen for each zoom as datashader's `dynspread` does ([`dynspread_radius`]); at most [`MAX_DYNSPREAD`].
    Dynspread,
}

/// What lit pixels become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpreadShape {
    /// dx^2 + dy^2 <= (radius + 0.5)^2.
    #[default]
    Disc,
    /// The whole square.
    Square,
    /// A bell with the standard deviation of a third of the radius, drawn as far as the radius.
    Gaussian,
}

/// What becomes of a pixel that several others reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpreadOp {
    /// The largest of their counts. With a bell, of their counts times its height there, which is 1 in the middle.
    #[default]
    Max,
    /// The sum of their counts. With a bell, weighted so that every count is shared out and none is added.
    Add,
}

/// Spread as a person asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// How far.
    pub radius: Radius,
    /// In which shape.
    pub shape: SpreadShape,
    /// With what where shapes meet.
    pub op: SpreadOp,
}

impl Default for Spread {
    /// None.
    fn default() -> Self {
        Self { radius: Radius::Fixed(0), shape: SpreadShape::default(), op: SpreadOp::default() }
    }
}

impl Spread {
    /// Bells whose radius follows the distance between neighbours, added up: what the program does unless told otherwise.
    pub fn automatic() -> Self {
        Self { radius: Radius::Auto, shape: SpreadShape::Gaussian, op: SpreadOp::Add }
    }

    /// The largest radius that a zoom may get.
    pub fn most(&self) -> u32 {
        match self.radius {
            Radius::Fixed(radius) => radius,
            Radius::Auto => *AUTO.end(),
            Radius::Dynspread => MAX_DYNSPREAD,
        }
    }

    /// The kernel of a zoom whose largest count is `max`, with the radius it was given.
    pub fn kernel(&self, radius: u32, max: u32) -> Kernel {
        let rows = |half: fn(u32, u32) -> Option<u32>| Form::Rows((0..).map_while(|dy| half(radius, dy)).collect());
        let form = match self.shape {
            SpreadShape::Gaussian if radius > 0 => {
                // Counts are moved up as far as the largest allows: a lone point shared out is less than 1 everywhere.
                let shift = max.leading_zeros().min(16);
                Form::Weights { weights: gaussian(radius, self.op), shift }
            }
            SpreadShape::Square => rows(|radius, dy| (dy <= radius).then_some(radius)),
            _ => rows(disc_half_width),
        };
        Kernel { radius, op: self.op, form }
    }
}

/// How far apart the lit pixels of a zoom are: the side, in pixels, of the squares that hold [`COMPANY`] of them on
/// average, if they hold any (1 to 2^(levels - 1), the latter where even those hold fewer). `squares` are the numbers of
/// lit squares of side 1, 2, 4 ... pixels: box counting, with the logarithm straight in between.
fn distance(squares: &[u64]) -> f64 {
    let company = |level: usize| Some(*squares.first()? as f64 / (*squares.get(level)?).max(1) as f64);
    let mut before = 1.0;
    for level in 1.. {
        let Some(average) = company(level) else { return libm::exp2((level.max(1) - 1) as f64) };
        if average >= COMPANY {
            let (from, to) = (libm::log(before), libm::log(average));
            return libm::exp2((level - 1) as f64 + (libm::log(COMPANY) - from) / (to - from));
        }
        before = average;
    }
    1.0
}

/// The radius for a zoom whose lit squares of side 1, 2, 4 ... pixels are that many: the whole pixels of twice the root
/// of the distance between its lit pixels, within [`AUTO`]; 0 where nothing is lit. The distance doubles from zoom to zoom once pixels
/// stand alone; the root lets a bell grow half as fast as the map, so that it neither floods what is dense nor leaves
/// dust.
pub fn auto_radius(squares: &[u64]) -> u32 {
    if squares.first().is_none_or(|&lit| lit == 0) {
        return 0;
    }
    ((2.0 * libm::sqrt(distance(squares))) as u32).clamp(*AUTO.start(), *AUTO.end())
}

/// The radius for a zoom by datashader's `dynspread`, with its default threshold and limit: the largest at which at
/// most half of the lit pixels have another one within twice the radius.
pub fn dynspread_radius(isolation: &Isolation) -> u32 {
    let enough = |&accompanied: &u64| accompanied as f64 > ENOUGH * isolation.lit as f64;
    match isolation.accompanied.iter().position(enough) {
        Some(radius) => radius as u32,
        None if isolation.lit == 0 => 0,
        None => MAX_DYNSPREAD,
    }
}

/// What spread does to one zoom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// Pixels it reaches, 0 for none.
    pub radius: u32,
    /// What happens where several reach a pixel.
    pub op: SpreadOp,
    /// Its shape.
    pub form: Form,
}

/// The shape of a [`Kernel`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// Half-width of each row of the mask, from the middle outwards.
    Rows(Vec<u32>),
    /// A product of two, one over columns, then one over rows: counts are taken times 2^shift, weighted by distance in
    /// units of [`WEIGHT_ONE`], and each of the two steps rounds to the nearest integer, halves up. With
    /// [`SpreadOp::Add`] the weights on both sides add up to [`WEIGHT_ONE`], so that nothing is lost or made but by
    /// rounding: at most half a unit of 2^-shift points a pixel and step, one unit in all.
    Weights {
        /// Weight at each distance.
        weights: Vec<u32>,
        /// Bits that counts are moved up by.
        shift: u32,
    },
}

impl Kernel {
    /// No spread.
    pub fn none() -> Self {
        Self { radius: 0, op: SpreadOp::Max, form: Form::Rows(vec![0]) }
    }

    /// Whether every spread pixel has a count that another one had before: then the zoom's statistics stay what they
    /// are, and spreading counts or colours is the same.
    pub fn keeps_counts(&self) -> bool {
        self.radius == 0 || (self.op == SpreadOp::Max && matches!(self.form, Form::Rows(_)))
    }

    /// Bits that counts are moved up by.
    pub fn shift(&self) -> u32 {
        match self.form {
            Form::Weights { shift, .. } => shift,
            Form::Rows(_) => 0,
        }
    }

    /// What the counts it makes are counted in: those of [`Kernel::keeps_counts`] in points.
    pub fn unit(&self) -> Unit {
        let Form::Weights { weights, shift } = &self.form else { return Unit::POINTS };
        // As the two steps do it, along the row of a lone point.
        let step = |count: u64, weight: u32| (count * u64::from(weight) + u64::from(WEIGHT_ONE / 2)) >> 16;
        let middle = weights.first().copied().unwrap_or(WEIGHT_ONE);
        let at = |weight: u32| step(step(1 << shift, weight), middle).max(1) as u32;
        Unit {
            shift: *shift,
            lone: at(middle),
            edge: at(weights.last().copied().unwrap_or(middle)),
            radius: self.radius,
            step: None,
        }
    }

    /// Pixels that one pixel reaches.
    pub fn area(&self) -> u32 {
        match &self.form {
            Form::Rows(rows) => {
                rows.iter().enumerate().map(|(dy, half)| (2 * half + 1) * if dy == 0 { 1 } else { 2 }).sum()
            }
            Form::Weights { .. } => (2 * self.radius + 1).pow(2),
        }
    }
}

/// Half-width of the disc of radius `px` on the row `dy` away from its centre (dx^2 + dy^2 <= (px + 0.5)^2,
/// datashader's disc); `None` outside. In integers: 4 (dx^2 + dy^2) <= (2 px + 1)^2.
fn disc_half_width(px: u32, dy: u32) -> Option<u32> {
    let radius2 = (2 * px + 1) * (2 * px + 1);
    (4 * dy * dy <= radius2).then(|| {
        let rest = (radius2 - 4 * dy * dy) / 4;
        let mut dx = px;
        while dx * dx > rest {
            dx -= 1;
        }
        dx
    })
}

/// Weights of exp(-d^2 / (2 s^2)) with s = radius / 3 at the distances 0 to `radius`: with a height of one for the
/// largest, with a sum of one over both sides for the sum.
fn gaussian(radius: u32, op: SpreadOp) -> Vec<u32> {
    let deviation = f64::from(radius) / 3.0;
    let height = |d: u32| libm::exp(-f64::from(d * d) / (2.0 * deviation * deviation)) * f64::from(WEIGHT_ONE);
    if op == SpreadOp::Max {
        return (0..=radius).map(|d| libm::round(height(d)) as u32).collect();
    }
    let sum = (height(0) + 2.0 * (1..=radius).map(height).sum::<f64>()) / f64::from(WEIGHT_ONE);
    let exact: Vec<f64> = (0..=radius).map(|d| height(d) / sum).collect();
    let mut weights: Vec<u32> = exact.iter().map(|&weight| weight as u32).collect();
    let (middle, sides): (u32, u32) = (weights[0], weights.iter().skip(1).sum());
    // What rounding down took goes to the middle and then, on both sides, to the weights that lost most: so they still
    // fall from the middle outwards.
    let lost = WEIGHT_ONE - middle - 2 * sides;
    let to_middle = if lost % 2 == 1 { 1 } else { lost.min(2) };
    weights[0] += to_middle;
    let mut order: Vec<usize> = (1..weights.len()).collect();
    order.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()));
    order.iter().take(((lost - to_middle) / 2) as usize).for_each(|&d| weights[d] += 1);
    weights
}

impl fmt::Display for Radius {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(radius) => write!(f, "{radius}"),
            Self::Auto => f.write_str("auto"),
            Self::Dynspread => f.write_str("dynspread"),
        }
    }
}

impl FromStr for Radius {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        if text.eq_ignore_ascii_case("dynspread") {
            return Ok(Self::Dynspread);
        }
        match text.parse::<u32>() {
            Ok(radius) if radius <= MAX_SPREAD => Ok(Self::Fixed(radius)),
            _ => Err(format!("'{text}' is no spread; use 0 to {MAX_SPREAD} pixels, auto, or dynspread")),
        }
    }
}

impl fmt::Display for SpreadShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disc => "disc",
            Self::Square => "square",
            Self::Gaussian => "gaussian",
        })
    }
}

impl fmt::Display for SpreadOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Max => "max",
            Self::Add => "add",
        })
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an independent check")]
mod tests {
    use super::*;

    fn spread(shape: SpreadShape, op: SpreadOp) -> Spread {
        Spread { radius: Radius::Auto, shape, op }
    }

    #[test]
    fn discs_have_the_sizes_of_datashader() {
        let area = |px| spread(SpreadShape::Disc, SpreadOp::Max).kernel(px, 1).area();
        assert_eq!([0, 1, 2, 3].map(area), [1, 9, 21, 37]);
        let square = |px| spread(SpreadShape::Square, SpreadOp::Add).kernel(px, 1).area();
        assert_eq!([0, 1, 2, 3].map(square), [1, 9, 25, 49]);
    }

    #[test]
    fn weights_share_out_exactly_one() {
        for radius in 1..=MAX_SPREAD {
            let Form::Weights { weights, .. } = spread(SpreadShape::Gaussian, SpreadOp::Add).kernel(radius, 9).form
            else {
                panic!("no weights");
            };
            assert_eq!(weights[0] + 2 * weights[1..].iter().sum::<u32>(), WEIGHT_ONE, "{radius}");
            assert!(weights.is_sorted_by(|a, b| a >= b) && weights[radius as usize] > 0, "{radius}: {weights:?}");
            let Form::Weights { weights, .. } = spread(SpreadShape::Gaussian, SpreadOp::Max).kernel(radius, 9).form
            else {
                panic!("no weights");
            };
            assert_eq!(weights[0], WEIGHT_ONE);
            // exp(-4.5) at three standard deviations.
            assert_eq!(weights[radius as usize], 728);
        }
    }

    #[test]
    fn counts_are_moved_up_as_far_as_they_fit() {
        let shift = |max| spread(SpreadShape::Gaussian, SpreadOp::Add).kernel(3, max).shift();
        assert_eq!([0, 1, 65_535, 65_536, 1 << 30, u32::MAX].map(shift), [16, 16, 16, 15, 1, 0]);
        assert_eq!(spread(SpreadShape::Disc, SpreadOp::Add).kernel(3, 1).shift(), 0);
    }

    #[test]
    fn a_lone_bell_is_drawn_as_a_disc() {
        for (op, lone) in [(SpreadOp::Max, 65_536), (SpreadOp::Add, 10_430)] {
            for radius in 1..=MAX_SPREAD {
                let kernel = spread(SpreadShape::Gaussian, op).kernel(radius, 1);
                let Unit { shift, lone: middle, edge, .. } = kernel.unit();
                assert!(shift == 16 && middle >= edge && edge >= 1, "{radius}");
                if radius == 3 {
                    assert!(middle.abs_diff(lone) < 600 && edge < middle / 50, "{middle} {edge}");
                }
            }
        }
        assert_eq!(spread(SpreadShape::Disc, SpreadOp::Add).kernel(3, 1).unit(), Unit::POINTS);
    }

    #[test]
    fn the_automatic_radius_follows_the_distance() {
        // Two pixels on average in squares of the root of 2, of 4, of 16, of 64 and of none that there is.
        assert_eq!(auto_radius(&[0, 0, 0]), 0);
        assert_eq!(auto_radius(&[400, 100, 25, 7, 2, 1]), 2);
        assert_eq!(auto_radius(&[100, 70, 50, 20, 9, 4]), 4);
        assert_eq!(auto_radius(&[100, 99, 90, 70, 50, 30]), 8);
        assert_eq!(auto_radius(&[100, 100, 100, 98, 90, 70, 50, 10]), 12);
        assert_eq!(auto_radius(&[1; 9]), 12);
        // Five pixels in a world of two: one level is all there is to see.
        assert_eq!(auto_radius(&[2, 1]), 2);
        assert_eq!(auto_radius(&[1]), 2);
    }

    #[test]
    fn distances_are_those_of_lattices() {
        // A lattice of one pixel in every square of side s: squares of s sqrt(2) hold two.
        for step in [1u64, 2, 8, 32] {
            let squares: Vec<u64> =
                (0..9).map(|level| (256 * 256 / (step * step)).min((256 >> level) * (256 >> level))).collect();
            let expected = step as f64 * 2f64.sqrt();
            assert!((distance(&squares) - expected).abs() < 1e-9, "{step}: {}", distance(&squares));
        }
    }

    #[test]
    fn dynspread_follows_the_company() {
        let radius = |accompanied| dynspread_radius(&Isolation { lit: 100, accompanied });
        assert_eq!(radius([51, 80, 90]), 0);
        assert_eq!(radius([50, 51, 90]), 1);
        assert_eq!(radius([10, 50, 51]), 2);
        assert_eq!(radius([0, 10, 50]), 3);
        assert_eq!(dynspread_radius(&Isolation::default()), 0);
    }

    #[test]
    fn radii_are_numbers_or_auto() {
        assert_eq!(
            ("0".parse(), "64".parse(), "Auto".parse()),
            (Ok(Radius::Fixed(0)), Ok(Radius::Fixed(64)), Ok(Radius::Auto))
        );
        assert_eq!("dynspread".parse(), Ok(Radius::Dynspread));
        for text in ["", "65", "-1", "1.5", "automatic"] {
            assert!(text.parse::<Radius>().is_err(), "{text}");
        }
    }

    #[test]
    fn weights_are_within_two_of_exact() {
        for radius in 1..=64u32 {
            let kernel = spread(SpreadShape::Gaussian, SpreadOp::Add).kernel(radius, 1);
            let Form::Weights { weights, .. } = kernel.form else { panic!("no weights") };
            let height = |d: u32| (-f64::from(d * d) / (2.0 * (f64::from(radius) / 3.0).powi(2))).exp();
            let sum = height(0) + 2.0 * (1..=radius).map(height).sum::<f64>();
            for (d, &weight) in (0..).zip(&weights) {
                let exact = height(d) / sum * 65536.0;
                assert!((f64::from(weight) - exact).abs() <= 2.0, "{radius} {d}: {weight} for {exact}");
            }
        }
    }
}
