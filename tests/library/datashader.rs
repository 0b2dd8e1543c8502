//! The colours of datashader's `shade`, as written down by `scripts/datashader_table.py` with datashader 0.19.1: the
//! formula, the tables of 255 colours and the tables of full colour against them. The case of a single count is ours,
//! and so is histogram equalisation over more than 65,536 counts, which datashader puts into bins first.

use std::path::Path;

use serde_json::Value;
use tilefire::counts::{Distinct, Histogram, Unit, ZoomStats};
use tilefire::shade::{
    Colormap, Function, Radius, Scale, ShadeTable, Shading, Span, Spread, SpreadOn, SpreadOp, SpreadShape, Style,
    Surroundings, WIDE_LIMIT, add_colours,
};

struct Case {
    function: Function,
    colormap: Colormap,
    span: Option<Span>,
    counts: Vec<u32>,
    pixels: Vec<u64>,
    rgba: Vec<[u8; 4]>,
}

fn numbers<T: TryFrom<u64>>(value: &Value) -> Vec<T>
where
    T::Error: std::fmt::Debug,
{
    value.as_array().map_or(Vec::new(), |all| all.iter().map(|n| n.as_u64().unwrap().try_into().unwrap()).collect())
}

fn cases() -> Vec<Case> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/datashader.json");
    let table: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let colours =
        |list: &Value| list.as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect::<Vec<_>>().join(",");
    let case = |case: &Value| Case {
        function: case["how"].as_str().unwrap().parse().unwrap(),
        colormap: match &case["cmap"] {
            Value::String(name) if name.starts_with('#') => Colormap::parse(name).unwrap(),
            Value::String(name) => Colormap::parse(&colours(&table["cmaps"][name])).unwrap(),
            list => Colormap::parse(&colours(list)).unwrap(),
        },
        span: case["span"].as_array().map(|_| {
            let ends: Vec<u32> = numbers(&case["span"]);
            Span::new(ends[0], ends[1])
        }),
        counts: numbers(&case["counts"]),
        pixels: numbers(&case["pixels"]),
        rgba: case["rgba"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hex| u32::from_str_radix(hex.as_str().unwrap(), 16).unwrap().to_be_bytes())
            .collect(),
    };
    table["cases"].as_array().unwrap().iter().map(case).collect()
}

impl Case {
    fn shading(&self) -> Shading<'_> {
        let (lo, hi) = (self.counts[0], *self.counts.last().unwrap());
        let span = self.span.unwrap_or(Span::new(lo, hi));
        let scale = if self.function == Function::EqHist {
            let mut histogram = Histogram::default();
            self.counts.iter().zip(&self.pixels).for_each(|(&count, &pixels)| histogram.add(count, pixels));
            let histogram = histogram.settled();
            let all = self.pixels.iter().sum();
            Scale::equalised(all, histogram.in_points(Unit::POINTS, 1).unwrap(), span, Unit::POINTS).unwrap()
        } else {
            Scale::new(self.function, span, Unit::POINTS)
        };
        Shading { scale, colormap: &self.colormap, least: 1, fade: None }
    }

    fn stats(&self) -> ZoomStats {
        let distinct = Distinct::from_values(self.counts.iter().copied());
        ZoomStats { max: *self.counts.last().unwrap(), distinct, ..Default::default() }
    }

    /// Whether datashader counts in bins.
    fn is_binned(&self) -> bool {
        self.function == Function::EqHist && self.counts.last().unwrap() - self.counts[0] >= 65_536
    }
}

fn off(a: [u8; 4], b: [u8; 4]) -> u8 {
    (0..4).map(|c| a[c].abs_diff(b[c])).max().unwrap()
}

#[test]
fn the_formula_is_datashaders() {
    let (mut compared, mut binned, mut wrong) = (0, 0, Vec::new());
    for (at, case) in cases().iter().enumerate() {
        let shading = case.shading();
        for (&count, &rgba) in case.counts.iter().zip(&case.rgba) {
            let colour = shading.colour(count);
            if case.is_binned() {
                binned += 1;
                continue;
            }
            if colour != rgba {
                wrong.push(format!("case {at}, {}, count {count}: {colour:?} for {rgba:?}", case.function));
            }
            compared += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {compared}: {wrong:#?}", wrong.len());
    assert!(compared > 15_000 && binned > 0, "{compared} {binned}");
}

#[test]
fn tables_are_exact_for_few_counts_and_in_full_colour_and_off_by_two_at_most_elsewhere() {
    let (mut few, mut many) = (0, 0);
    for (at, case) in cases().iter().enumerate().filter(|(_, case)| !case.is_binned()) {
        let (shading, stats) = (case.shading(), case.stats());
        let table = ShadeTable::new(&stats, &shading, 255);
        let full = ShadeTable::new(&stats, &shading, WIDE_LIMIT);
        let most = if stats.distinct.is_many() { 2 } else { 0 };
        for (&count, &rgba) in case.counts.iter().zip(&case.rgba) {
            let of = |table: &ShadeTable| table.palette[usize::from(table.index(count))];
            assert_eq!(of(&full), rgba, "case {at}, {}, count {count}", case.function);
            assert!(off(of(&table), rgba) <= most, "case {at}, {}, count {count}", case.function);
        }
        *(if most == 0 { &mut few } else { &mut many }) += 1;
    }
    assert!(few > 400 && many > 10, "{few} {many}");
}

/// The list that most people hand to datashader is ours of that name, stop by stop.
#[test]
fn fire_is_the_same_list() {
    let case =
        cases().into_iter().find(|case| case.colormap.stops().len() == 256 && case.colormap.at(0.0) == [0, 0, 0, 255]);
    assert_eq!(Colormap::named("fire").unwrap().stops(), case.unwrap().colormap.stops());
}

/// Shaded, then spread by `add`, as `scripts/datashader_spread.py` wrote it down: every channel of every pixel.
#[test]
fn colours_add_up_as_datashaders_do() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/datashader_spread.json");
    let cases: Vec<Value> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let (mut compared, mut plain) = (0, 0);
    for (at, case) in cases.iter().enumerate() {
        let colormap = match &case["cmap"] {
            Value::String(colour) => Colormap::parse(colour).unwrap(),
            list => {
                let colours: Vec<&str> = list.as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
                Colormap::parse(&colours.join(",")).unwrap()
            }
        };
        let rows: Vec<Vec<u32>> = case["counts"].as_array().unwrap().iter().map(numbers).collect();
        let (side, px) = (rows.len(), u32::try_from(case["px"].as_u64().unwrap()).unwrap());
        let lit = rows.iter().flatten().copied().filter(|count| *count > 0);
        let max = lit.clone().max().unwrap();
        let scale = Scale::new(Function::Log, Span::new(0u32, max), Unit::POINTS);
        let shading = Shading { scale, colormap: &colormap, least: 1, fade: None };
        let stats = ZoomStats { max, distinct: Distinct::from_values(lit), ..Default::default() };
        let table = ShadeTable::new(&stats, &shading, WIDE_LIMIT);
        let radius = px as usize;
        let wide = side + 2 * radius;
        let mut indices = vec![0; wide * wide];
        for (y, row) in rows.iter().enumerate() {
            for (x, &count) in row.iter().enumerate() {
                // datashader's first row is the southernmost.
                indices[(side - 1 - y + radius) * wide + x + radius] = table.index(count);
            }
        }
        let shape = if case["shape"] == "circle" { SpreadShape::Disc } else { SpreadShape::Square };
        let spread = Spread { radius: Radius::Fixed(px), shape, op: SpreadOp::Add };
        let style = Style { spread, spread_on: SpreadOn::Colours, ..Style::default() };
        let mask = style.colour_mask(px).unwrap();
        let mut colours = Vec::new();
        assert!(add_colours(Surroundings { side, radius, indices: &indices }, &mask, &table.palette, &mut colours));
        for (y, row) in case["rgba"].as_array().unwrap().iter().enumerate() {
            for (x, hex) in row.as_str().unwrap().as_bytes().chunks(8).enumerate() {
                let rgba = u32::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap().to_be_bytes();
                assert_eq!(colours[(side - 1 - y) * side + x], rgba, "case {at}, row {y}, column {x}");
                compared += 1;
                let cut = |n: usize| u16::from(rgba[n]) == 255;
                plain += usize::from(!cut(0) && rgba[3] > 0);
            }
        }
    }
    assert!(cases.len() == 30 && compared > 14_000 && plain > 3_000, "{compared} {plain}");
}

/// The comparison sees a colour that is off by one.
#[test]
fn one_changed_stop_is_seen() {
    let case = cases().into_iter().find(|case| case.function == Function::Log && case.counts.len() > 10).unwrap();
    let mut shading = case.shading();
    let other = Colormap::parse("#000001,#fffffe").unwrap();
    shading.colormap = &other;
    assert!(case.counts.iter().zip(&case.rgba).any(|(&count, &rgba)| shading.colour(count) != rgba));
}
