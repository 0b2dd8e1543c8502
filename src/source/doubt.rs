//! What makes an input doubtful as a whole: numbers gathered from every batch at next to no cost, and what they come to
//! once all rows are read. What to do about it is one notice each; where all of it must be wrong the run ends.

use std::collections::HashMap;
use std::f64::consts::PI;

use super::notice::{Example, Notice};
use super::options::ReadOptions;
use super::report::FileReport;
use crate::error::Error;
use crate::project::{AreaOfUse, Coordinate, Lies, grids};
use crate::rows::Reason;

/// Of so many coordinates one is looked at for places that come again and again,
const EVERY: usize = 64;
/// behind the first of an input, which are all looked at: small inputs are counted, large ones estimated.
const ALL: u64 = 4096;
/// Places kept of one piece, at most; one that holds a fifth of all rows is among them.
const PLACES: usize = 20;
/// Columns and rows of the grid that tells where most points are: cells of 5.625 degrees.
const GRID: (usize, usize) = (64, 32);
/// Rows below which none is told to be far from the others. Among twenty points one on the other side of the world is
/// as likely a place like the others (a branch, an embassy), and on a map of so few each is seen; from a hundred on, one
/// that stands alone is more often a slip of a sign or a digit.
const FAR: u64 = 100;
/// Rows below which nothing is doubted.
const ROWS: u64 = 10;

/// Numbers about coordinates, of a piece or of all pieces so far.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Doubt {
    /// Coordinates looked at.
    rows: u64,
    /// Smallest and largest x and y, each with its row.
    bounds: Option<[(Coordinate, u64); 4]>,
    /// Coordinates at exactly 0, 0, and the first one's row.
    zeros: (u64, u64),
    /// Longitudes from 180 to 360, and the first one.
    wrapped: (u64, Option<(Coordinate, u64)>),
    /// Coordinates that are a place on earth only when their columns are swapped.
    swapped: (u64, Option<(Coordinate, u64)>),
    /// Sampled coordinates that lie where their system is not used, by [`Lies`]: off, at zero, far; and the first one.
    outside: ([u64; 3], Option<(Coordinate, u64)>),
    /// Whether the first coordinates of the input are among these.
    first: bool,
    /// Whether some coordinates stand for others.
    estimated: bool,
    /// Places by the bits of x and y: how many rows (of those looked at, times what each stands for), and the first.
    places: HashMap<(u64, u64), (u64, u64)>,
    /// Rows that those are a share of.
    sampled: u64,
    /// Sampled coordinates by cell.
    grid: Vec<u64>,
}

impl Doubt {
    /// For a piece; `first` when it is an input's first.
    pub(super) fn new(first: bool) -> Self {
        Self { first, ..Self::default() }
    }

    /// Looks at coordinates; `row_of` gives the number of each.
    pub(super) fn look(&mut self, coordinates: &[Coordinate], area: Option<&AreaOfUse>, row_of: impl Fn(usize) -> u64) {
        let Some((low, high)) = bounds(coordinates) else { return };
        let every = if self.first && self.rows < ALL { 1 } else { EVERY };
        self.rows += coordinates.len() as u64;
        self.estimated |= every > 1;
        let known = self.bounds.map(|b| [b[0].0.x, b[1].0.x, b[2].0.y, b[3].0.y]);
        if known
            .is_none_or(|[west, east, south, north]| low.x < west || high.x > east || low.y < south || high.y > north)
        {
            let find = |fits: &dyn Fn(&Coordinate) -> bool| {
                let at = coordinates.iter().position(fits).unwrap_or(0);
                (coordinates[at], row_of(at))
            };
            let here =
                [find(&|c| c.x == low.x), find(&|c| c.x == high.x), find(&|c| c.y == low.y), find(&|c| c.y == high.y)];
            self.widen(here);
        }
        if low.x <= 0.0 && high.x >= 0.0 && low.y <= 0.0 && high.y >= 0.0 {
            let zero = |c: &&Coordinate| c.x == 0.0 && c.y == 0.0;
            let zeros = coordinates.iter().filter(zero).count() as u64;
            if zeros > 0 && self.zeros.0 == 0 {
                self.zeros.1 = row_of(coordinates.iter().position(|c| zero(&c)).unwrap_or(0));
            }
            self.zeros.0 += zeros;
        }
        let add = |total: &mut (u64, Option<(Coordinate, u64)>), fits: &dyn Fn(&Coordinate) -> bool| {
            let number = coordinates.iter().filter(|c| fits(c)).count() as u64;
            if number > 0 && total.1.is_none() {
                total.1 = coordinates.iter().position(fits).map(|at| (coordinates[at], row_of(at)));
            }
            total.0 += number;
        };
        if high.x > 180.0 {
            add(&mut self.wrapped, &|c| c.x > 180.0 && c.x <= 360.0 && c.y.abs() <= 90.0);
        }
        if high.y > 90.0 || low.y < -90.0 {
            add(&mut self.swapped, &|c| c.y.abs() > 90.0 && c.y.abs() <= 180.0 && c.x.abs() <= 90.0);
        }
        if self.grid.is_empty() {
            self.grid = vec![0; GRID.0 * GRID.1];
        }
        for (at, c) in coordinates.iter().enumerate().step_by(every) {
            self.sampled += every as u64;
            let place = self.places.entry((c.x.to_bits(), c.y.to_bits())).or_insert_with(|| (0, row_of(at)));
            place.0 += every as u64;
            if let Some(cell) = cell(c).and_then(|cell| self.grid.get_mut(cell)) {
                *cell += every as u64;
            }
            if let Some(area) = area {
                let kind = match area.lies(*c) {
                    Lies::Within => continue,
                    Lies::Off => 0,
                    Lies::AtZero => 1,
                    Lies::Far => 2,
                };
                self.outside.0[kind] += every as u64;
                self.outside.1.get_or_insert_with(|| (*c, row_of(at)));
            }
        }
    }

    fn widen(&mut self, here: [(Coordinate, u64); 4]) {
        let bounds = self.bounds.get_or_insert(here);
        for (i, (mine, theirs)) in bounds.iter_mut().zip(here).enumerate() {
            let further = match i {
                0 => theirs.0.x < mine.0.x,
                1 => theirs.0.x > mine.0.x,
                2 => theirs.0.y < mine.0.y,
                _ => theirs.0.y > mine.0.y,
            };
            if further {
                *mine = theirs;
            }
        }
    }

    /// Keeps of the places only those that hold a notable share of the piece: what is left is merged under a lock.
    pub(super) fn settle(&mut self) {
        let share = if self.first { 100 } else { PLACES as u64 };
        let least = (self.sampled / share).max(2);
        self.places.retain(|_, (rows, _)| *rows >= least);
    }

    /// Adds a later piece, whose first row has `before` rows before it.
    pub(super) fn merge(&mut self, other: &Self, before: u64) {
        let later = |seen: Option<(Coordinate, u64)>| seen.map(|(c, row)| (c, row + before));
        self.rows += other.rows;
        self.sampled += other.sampled;
        self.estimated |= other.estimated;
        if let Some(bounds) = other.bounds {
            self.widen(bounds.map(|(c, row)| (c, row + before)));
        }
        if self.zeros.0 == 0 {
            self.zeros.1 = other.zeros.1 + before;
        }
        self.zeros.0 += other.zeros.0;
        for (mine, theirs) in [(&mut self.wrapped, other.wrapped), (&mut self.swapped, other.swapped)] {
            mine.0 += theirs.0;
            mine.1 = mine.1.or(later(theirs.1));
        }
        self.outside.0.iter_mut().zip(other.outside.0).for_each(|(mine, theirs)| *mine += theirs);
        self.outside.1 = self.outside.1.or(later(other.outside.1));
        for (&place, &(rows, first)) in &other.places {
            self.places.entry(place).or_insert((0, first + before)).0 += rows;
        }
        // Far more than can hold a share that is told.
        if self.places.len() > 64 * PLACES {
            let least = self.sampled / 100;
            self.places.retain(|_, (rows, _)| *rows >= least);
        }
        if self.grid.is_empty() {
            self.grid.clone_from(&other.grid);
        } else {
            self.grid.iter_mut().zip(&other.grid).for_each(|(mine, theirs)| *mine += theirs);
        }
    }

    /// Smallest and largest longitude and latitude, in this order.
    fn extremes(&self) -> Option<[f64; 4]> {
        self.bounds.map(|b| [b[0].0.x, b[1].0.x, b[2].0.y, b[3].0.y])
    }

    /// What a person should know of an input that was read to its end, and whether all of it must be wrong. `degrees`
    /// unless its coordinates are eastings and northings.
    pub(super) fn judge(
        &self,
        file: &FileReport,
        options: &ReadOptions,
        degrees: bool,
        area: Option<&AreaOfUse>,
    ) -> (Vec<Notice>, Option<Error>) {
        let mut found = Found { file, notices: Vec::new(), error: None };
        let known = |seen: Option<(Coordinate, u64)>| seen.map(|(c, row)| (row, pair(c)));
        let numbers = self.rows;
        if numbers >= ROWS && self.zeros.0 * 100 >= numbers {
            found.add(
                "zero",
                self.zeros.0,
                numbers,
                Some((self.zeros.1, "0, 0".into())),
                Some("--drop-zero"),
                "lie at exactly 0, 0, where devices and tables put what they do not know; leave them out with --drop-zero",
            );
        }
        if numbers >= ROWS
            && let Some((&(x, y), &(rows, row))) = self.places.iter().max_by_key(|(place, (rows, _))| (*rows, **place))
            && rows * 5 >= self.sampled
        {
            let place = Coordinate { x: f64::from_bits(x), y: f64::from_bits(y) };
            // A place of everything, such as one device's, is no filler.
            if (place.x, place.y) != (0.0, 0.0) {
                let flag = format!("--drop {},{}", place.x, place.y);
                let rows = (u128::from(rows) * u128::from(numbers) / u128::from(self.sampled.max(1))) as u64;
                let how = if self.estimated { " (estimated)" } else { "" };
                let text = format!("share one place{how}; if it stands for an unknown one, leave it out with {flag}");
                found.add("one_place", rows, numbers, Some((row, pair(place))), Some(&flag), &text);
            }
        }
        if let (Some((row, text)), Some(line)) = (&file.swallowed, file.open_quote()) {
            found.notices.push(Notice {
                code: "open_quote",
                input: Some(file.name.clone()),
                rows: Some(1),
                example: Some(Example { row: *row, value: text.clone() }),
                flag: Some("--quote none".into()),
                text: line,
                ..Notice::default()
            });
        }
        if let (rows @ 1.., Some((row, text))) = &file.shorter {
            let (number, have) = if *rows == 1 { ("1 row".into(), "has") } else { (format!("{rows} rows"), "have") };
            found.notices.push(Notice {
                code: "shorter_rows",
                input: Some(file.name.clone()),
                rows: Some(*rows),
                share: Some(*rows as f64 / file.rows.max(1) as f64),
                example: Some(Example { row: *row, value: text.clone() }),
                text: format!(
                    "{}: {number} {have} fewer fields than the header (row {row}: {text}): they are read as if only \
                     fields at the end were missing, and if a delimiter before the coordinates is they are read wrong; \
                     --strict does not refuse them",
                    file.name
                ),
                ..Notice::default()
            });
        }
        if let (rows @ 1.., Some((row, text))) = &file.merged {
            let number = if *rows == 1 { "1 row has".into() } else { format!("{rows} rows have") };
            found.notices.push(Notice {
                code: "merged_fields",
                input: Some(file.name.clone()),
                rows: Some(*rows),
                share: Some(*rows as f64 / file.rows.max(1) as f64),
                example: Some(Example { row: *row, value: text.clone() }),
                flag: Some("--quote none".into()),
                text: format!(
                    "{}: {number} quotes around a delimiter with text behind them (row {row}: {text}): they are read as one \
                     field, and if the quote is a character of the text, fields behind it are read from the wrong places; \
                     --quote none reads quotes as they are",
                    file.name
                ),
            });
        }
        if let Some(last) = &file.cut {
            found.notices.push(Notice {
                code: "cut",
                input: Some(file.name.clone()),
                rows: Some(1),
                example: Some(Example { row: file.rows, value: last.clone() }),
                text: format!(
                    "{}: the last row ({}: {last}) has no line end and looks cut off: is the file complete?",
                    file.name, file.rows
                ),
                ..Notice::default()
            });
        }
        if let Some(area) = area {
            self.judge_area(&mut found, options, area);
        }
        if degrees {
            self.judge_degrees(&mut found, options, known);
        }
        let meant = |reason: Reason| reason.is_blank() || reason == Reason::Dropped;
        let aside: u64 = file.left_out.iter().filter(|(reason, _)| meant(*reason)).map(|(_, rows)| rows).sum();
        let (holding, lost) = (file.rows - aside, file.left_out.total() - aside);
        let explained =
            found.notices.iter().any(|n| n.code == "wrap" && n.rows.is_some_and(|rows| 10 * rows >= 9 * lost));
        if file.rows >= ROWS && 2 * lost >= holding && lost > 0 && file.used > 0 {
            let most = file.left_out.iter().filter(|(reason, _)| !meant(*reason));
            let reason = most.max_by_key(|(_, rows)| *rows).map(|(reason, _)| reason);
            let example = reason.and_then(|r| file.examples.iter().find(|e| e.0 == r)).map(|e| (e.1, e.2.clone()));
            let why = reason.map_or("", Reason::message);
            let all = 10 * lost >= 9 * holding;
            if all && !options.accept_doubt {
                found.end(
                    lost,
                    holding,
                    example.as_ref(),
                    &format!("cannot be used ({why}): is it read as it should be? --accept-doubt draws the rest"),
                );
            } else if !explained {
                found.add("lost", lost, holding, example, None, &format!("cannot be used: {why}"));
            }
        }
        (found.notices, found.error)
    }

    fn judge_degrees(
        &self,
        found: &mut Found<'_>,
        options: &ReadOptions,
        known: impl Fn(Option<(Coordinate, u64)>) -> Option<(u64, String)>,
    ) {
        let numbers = self.rows;
        let Some([west, east, south, north]) = self.extremes() else { return };
        if numbers < ROWS {
            return;
        }
        if self.wrapped.0 * 10 >= numbers {
            found.add(
                "wrap",
                self.wrapped.0,
                numbers,
                known(self.wrapped.1),
                Some("--wrap-lon"),
                "have longitudes from 180 to 360; --wrap-lon reads them as -180 to 0",
            );
        }
        let fits_swapped = west >= -90.0 && east <= 90.0 && south >= -180.0 && north <= 180.0;
        if fits_swapped && self.swapped.0 * 10 >= numbers {
            let [x, y] = [&found.file.x_column, &found.file.y_column];
            let text = format!(
                "are places only if the columns are swapped, and all rows are then: name them with --lon '{y}' --lat '{x}' \
                 (or --accept-doubt)"
            );
            if options.accept_doubt {
                found.add("swapped", self.swapped.0, numbers, known(self.swapped.1), Some("--lon --lat"), &text);
            } else {
                found.end(self.swapped.0, numbers, known(self.swapped.1).as_ref(), &text);
            }
        }
        let small = west >= -PI && east <= PI && south >= -PI && north <= PI;
        // A single place near 0, 0 is no map of radians.
        if small && self.zeros.0 < numbers && !(west == east && south == north) {
            let example = known(self.bounds.map(|b| b[0]));
            let text =
                "lie within pi of 0, 0: are these radians (--unit radians), or x and y of something that is no map?";
            if numbers > 1000 && !options.accept_doubt {
                found.end(numbers, numbers, example.as_ref(), &format!("{text} --accept-doubt draws them as degrees"));
            } else {
                found.add("within_pi", numbers, numbers, example, Some("--unit radians"), text);
            }
        }
        self.judge_far(found, [west, east, south, north]);
    }

    /// Coordinates that lie where nobody uses their system.
    fn judge_area(&self, found: &mut Found<'_>, options: &ReadOptions, area: &AreaOfUse) {
        let ([off, zero, far], Some((first, row))) = self.outside else { return };
        let outside = off + zero + far;
        if self.rows < ROWS || outside * 10 < self.sampled {
            return;
        }
        let rows = (u128::from(outside) * u128::from(self.rows) / u128::from(self.sampled.max(1))) as u64;
        let crs = &found.file.crs;
        let [x, y] = [&found.file.x_column, &found.file.y_column];
        let turned = Coordinate { x: first.y, y: first.x };
        let degrees = area.is_projected() && first.x.abs() <= 180.0 && first.y.abs() <= 90.0;
        let small = area.is_projected() && first.x.abs().max(first.y.abs()) < 1000.0;
        let grids = if area.is_projected() { grids::fitting(first.x, first.y) } else { Vec::new() };
        let (flag, help) = if x != y && area.lies(turned) == Lies::Within {
            let [a, b] = if area.is_projected() { ["--x", "--y"] } else { ["--lon", "--lat"] };
            let flag = format!("{a} '{y}' {b} '{x}'");
            let help = format!("they would be in it the other way round: {flag}");
            (flag, help)
        } else if degrees {
            ("--crs EPSG:4326".into(), "are they degrees? Then give --crs EPSG:4326, or no --crs".into())
        } else if small {
            let help = "do points or commas separate thousands in them (530.000)? Then give --decimal comma, or write them \
                        without";
            ("--decimal comma".into(), help.to_owned())
        } else if let Some(grid) = grids.iter().find(|grid| format!("EPSG:{}", grid.code) != crs.to_string()) {
            let flag = format!("--crs EPSG:{}", grid.code);
            let help = format!("the numbers would fit {} ({flag})", grid.name);
            (flag, help)
        } else {
            ("--crs".into(), "are they in another reference system? Then name it with --crs".into())
        };
        let place = match area.shown() {
            _ if off + far == 0 => format!("lie at the zero of {crs}, where nothing is"),
            shown if shown.is_empty() => format!("lie outside of where {crs} is used"),
            shown => format!("lie outside of where {crs} is used ({shown})"),
        };
        let example = Some((row, pair(first)));
        if zero + far == self.sampled && !options.accept_doubt {
            found.end(rows, self.rows, example.as_ref(), &format!("{place}; {help}; --accept-doubt draws them"));
        } else {
            found.add("area", rows, self.rows, example, Some(&flag), &format!("{place}; {help}"));
        }
    }

    /// Few rows far from all others, for which a page or picture of the whole box shows next to nothing of these.
    fn judge_far(&self, found: &mut Found<'_>, [west, east, south, north]: [f64; 4]) {
        let total: u64 = self.grid.iter().sum();
        if total < FAR {
            return;
        }
        // A coordinate that stands for others is no crowd yet.
        let few = (total / 500).max(if self.estimated { 4 * EVERY as u64 } else { 1 });
        let core: Vec<usize> = (0..self.grid.len()).filter(|&i| self.grid[i] > few).collect();
        let [mut left, mut right, mut bottom, mut top] = [GRID.0, 0, GRID.1, 0];
        for cell in &core {
            let (x, y) = (cell % GRID.0, cell / GRID.0);
            (left, right) = (left.min(x), right.max(x + 1));
            (bottom, top) = (bottom.min(y), top.max(y + 1));
        }
        if left >= right {
            return;
        }
        let side = 360.0 / GRID.0 as f64;
        let lon = |x: usize| x as f64 * side - 180.0;
        let lat = |y: usize| y as f64 * side - 90.0;
        // The core's box lies within its cells: never thought smaller than it is.
        let area = (right - left) as f64 * (top - bottom) as f64 * side * side;
        let clip = |v: f64, most: f64| v.clamp(-most, most);
        let whole = (clip(east, 180.0) - clip(west, 180.0)) * (clip(north, 90.0) - clip(south, 90.0));
        let within = |cell: usize| (left..right).contains(&(cell % GRID.0)) && (bottom..top).contains(&(cell / GRID.0));
        let far_rows: u64 = (0..self.grid.len()).filter(|&cell| !within(cell)).map(|cell| self.grid[cell]).sum();
        let outside_core = total - core.iter().map(|&i| self.grid[i]).sum::<u64>();
        if whole < 40.0 * area || outside_core > (total / 200).max(few) {
            return;
        }
        let outside = |c: &Coordinate| {
            let on_earth = c.x.abs() <= 180.0 && c.y.abs() <= 90.0;
            on_earth && (c.x < lon(left) || c.x > lon(right) || c.y < lat(bottom) || c.y > lat(top))
        };
        let Some((far, row)) = self.bounds.and_then(|b| b.into_iter().find(|(c, _)| outside(c))) else { return };
        let flag = format!("--drop {},{}", far.x, far.y);
        // Of those that nobody looked at some may lie there, too.
        let number = (far_rows > 0).then_some(far_rows);
        let rows = match number {
            Some(1) => "1 row lies".to_owned(),
            Some(rows) if !self.estimated => format!("{rows} rows lie"),
            Some(_) | None => "a few rows lie".to_owned(),
        };
        found.notices.push(Notice {
            code: "far",
            input: Some(found.file.name.clone()),
            rows: number,
            share: number.map(|rows| rows as f64 / total as f64),
            example: Some(Example { row, value: pair(far) }),
            text: format!(
                "{}: {rows} far from all others (row {row}: {}): the bounds of the map reach there, it opens where 99.5 % \
                 of the points are; leave a place out with {flag}",
                found.file.name,
                pair(far)
            ),
            flag: Some(flag),
        });
    }
}

/// A coordinate as a person writes it.
pub(super) fn pair(coordinate: Coordinate) -> String {
    format!("{}, {}", coordinate.x, coordinate.y)
}

/// What is found out about one input.
struct Found<'a> {
    file: &'a FileReport,
    notices: Vec<Notice>,
    error: Option<Error>,
}

impl Found<'_> {
    fn line(&self, rows: u64, of: u64, example: Option<&(u64, String)>, text: &str) -> String {
        let share = 100.0 * rows as f64 / of.max(1) as f64;
        let share = match (rows == of, share < 1.0) {
            (true, _) => "all".to_owned(),
            (_, true) => format!("{rows}"),
            _ => format!("{share:.0} %"),
        };
        let example = example.map_or(String::new(), |(row, value)| format!(" (row {row}: {value})"));
        format!("{}: {share} of {of} rows{example} {text}", self.file.name)
    }

    fn add(
        &mut self,
        code: &'static str,
        rows: u64,
        of: u64,
        example: Option<(u64, String)>,
        flag: Option<&str>,
        text: &str,
    ) {
        self.notices.push(Notice {
            code,
            input: Some(self.file.name.clone()),
            rows: Some(rows),
            share: Some(rows as f64 / of.max(1) as f64),
            text: self.line(rows, of, example.as_ref(), text),
            example: example.map(|(row, value)| Example { row, value }),
            flag: flag.map(str::to_owned),
        });
    }

    fn end(&mut self, rows: u64, of: u64, example: Option<&(u64, String)>, text: &str) {
        let line = self.line(rows, of, example, text);
        self.error.get_or_insert(Error::Input(line));
    }
}

/// The cell of a place on earth.
fn cell(c: &Coordinate) -> Option<usize> {
    if c.x.abs() > 180.0 || c.y.abs() > 90.0 {
        return None;
    }
    let side = 360.0 / GRID.0 as f64;
    let x = (((c.x + 180.0) / side) as usize).min(GRID.0 - 1);
    let y = (((c.y + 90.0) / side) as usize).min(GRID.1 - 1);
    Some(y * GRID.0 + x)
}

/// Smallest and largest x and y; none of no coordinates. Four of them at a time, so that no step waits for the last.
fn bounds(coordinates: &[Coordinate]) -> Option<(Coordinate, Coordinate)> {
    let &first = coordinates.first()?;
    let less = |a: Coordinate, b: Coordinate| Coordinate {
        x: if b.x < a.x { b.x } else { a.x },
        y: if b.y < a.y { b.y } else { a.y },
    };
    let more = |a: Coordinate, b: Coordinate| Coordinate {
        x: if b.x > a.x { b.x } else { a.x },
        y: if b.y > a.y { b.y } else { a.y },
    };
    let (mut low, mut high) = ([first; 4], [first; 4]);
    let (groups, rest) = coordinates.as_chunks::<4>();
    for group in groups {
        for i in 0..4 {
            low[i] = less(low[i], group[i]);
            high[i] = more(high[i], group[i]);
        }
    }
    let low = low.into_iter().chain(rest.iter().copied()).reduce(less)?;
    let high = high.into_iter().chain(rest.iter().copied()).reduce(more)?;
    Some((low, high))
}
