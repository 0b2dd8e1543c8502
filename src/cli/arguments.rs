//! Arguments that several commands share, and what they mean: where points come from, what the work may use, and what
//! the result looks like.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use super::choose::ChooseArgs;
use super::span::{Other, SpanChoice};
use super::values;
use super::weigh::WeightArgs;
use crate::backend::gpu::{ForcedLimits, GpuOptions};
use crate::container::Form;
use crate::counts::Measure;
use crate::error::{Error, Result};
use crate::project::Crs;
use crate::render::{Device, Resources, Sources};
use crate::shade::{
    Colormap, DEFAULT_COLORMAP, Function, Radius, Spread, SpreadOn, SpreadOp, SpreadShape, Style, Theme, Weighing,
};
use crate::source::{
    ColumnRef, Decimal, Delimiter, Expanded, Header, Key, Most, Order, Quoting, ReadOptions, RejectLimits, Unit,
    Weight, expand,
};
use crate::tile::ZoomRange;

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum BackendName {
    /// A real GPU if there is one, else the CPU
    Auto,
    /// A GPU, or an error
    Gpu,
    /// The CPU
    Cpu,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum HeaderName {
    /// Look at the first record
    Auto,
    /// The first record names the columns
    Yes,
    /// The first record is a point
    No,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DecimalName {
    /// Found out
    Auto,
    /// 51.5
    Point,
    /// 51,5
    Comma,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum QuoteName {
    /// It encloses a field
    Double,
    /// It is a character like any other
    None,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum EscapeName {
    /// As two
    Double,
    /// Behind a backslash, too
    Backslash,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum StrictName {
    /// Every row that is left out, but for those without a coordinate
    Rejects,
    /// Every row that is left out
    All,
}

/// Where points come from.
#[derive(Debug, Args)]
pub(super) struct SourceArgs {
    /// Files with one point a row; folders of such; patterns in quotes ('data/**/*.csv.gz'); a.zip/points.csv; - for
    /// standard input
    #[arg(value_name = "INPUT")]
    pub(super) inputs: Vec<PathBuf>,
    /// Column of longitudes: its name, or # and its number from 1
    #[arg(long, value_name = "COLUMN", conflicts_with = "x", help_heading = "Input")]
    lon: Option<ColumnRef>,
    /// Column of latitudes
    #[arg(long, value_name = "COLUMN", conflicts_with = "y", help_heading = "Input")]
    lat: Option<ColumnRef>,
    /// Column of projected x or eastings (with --crs)
    #[arg(long, value_name = "COLUMN", help_heading = "Input")]
    x: Option<ColumnRef>,
    /// Column of projected y or northings (with --crs)
    #[arg(long, value_name = "COLUMN", help_heading = "Input")]
    y: Option<ColumnRef>,
    /// Whether the first record names the columns
    #[arg(long, value_enum, default_value = "auto", help_heading = "Input", hide_short_help = true)]
    header: HeaderName,
    /// Column that holds both coordinates: POINT (x y), (lat, lon), GeoJSON
    #[arg(long, value_name = "COLUMN", conflicts_with_all = ["lon", "lat", "x", "y"], help_heading = "Input")]
    geometry: Option<ColumnRef>,
    /// Which of a pair in one column comes first: lonlat or latlon
    #[arg(long, value_name = "ORDER", help_heading = "Input", hide_short_help = true)]
    order: Option<Order>,
    /// What separates fields: one character, tab, or blanks [default: found out]
    #[arg(long, value_name = "CHARACTER", help_heading = "Text", value_parser = Delimiter::from_str, hide_short_help = true)]
    delimiter: Option<Delimiter>,
    /// What separates decimals; with comma, points may stand between thousands (530.123,5)
    #[arg(long, value_enum, default_value = "auto", help_heading = "Text", hide_short_help = true)]
    decimal: DecimalName,
    /// What a double quote is: it encloses fields, or it is a character like any other
    #[arg(long, value_enum, default_value = "double", help_heading = "Text", hide_short_help = true)]
    quote: QuoteName,
    /// How a quote within quotes is written: doubled, or behind a backslash too
    #[arg(long, value_enum, default_value = "double", help_heading = "Text", hide_short_help = true)]
    escape: EscapeName,
    /// Lines to pass over before anything else is looked at
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Text", hide_short_help = true)]
    skip: u64,
    /// Character that begins lines which are no rows
    #[arg(long, value_name = "CHARACTER", help_heading = "Text", value_parser = values::byte, hide_short_help = true)]
    comment: Option<u8>,
    /// What the numbers are: degrees, e5, e6, e7 (integers of 1/10,000,000 degree), semicircles, radians, or ddmm (degrees
    /// times 100 plus minutes) [default: degrees, or what the columns' names say]
    #[arg(long, value_name = "UNIT", help_heading = "Text", hide_short_help = true)]
    unit: Option<Unit>,
    /// Read longitudes from -360 to 540 as -180 to 180
    #[arg(long, help_heading = "Rows", hide_short_help = true)]
    wrap_lon: bool,
    /// Leave out rows at exactly 0, 0
    #[arg(long, help_heading = "Rows", hide_short_help = true)]
    drop_zero: bool,
    /// Leave out rows at exactly this place; may be given several times
    #[arg(long, value_name = "LON,LAT", allow_hyphen_values = true, value_parser = values::place, help_heading = "Rows", hide_short_help = true)]
    drop: Vec<(f64, f64)>,
    /// Fail when a row is left out, by --drop and --drop-zero too (=all: even for blank coordinates)
    #[arg(long, value_name = "all", num_args = 0..=1, require_equals = true, default_missing_value = "rejects", value_enum, help_heading = "Rows")]
    strict: Option<StrictName>,
    /// Fail when more rows of an input are left out, blank coordinates apart: a number, or a share such as 5%
    #[arg(long, value_name = "MOST", conflicts_with = "strict", help_heading = "Rows", hide_short_help = true)]
    max_rejects: Option<Most>,
    #[command(flatten)]
    choose: ChooseArgs,
    #[command(flatten)]
    weigh: WeightArgs,
    /// Write every row that is left out to this CSV file: file, row, reason, value
    #[arg(long, value_name = "FILE", help_heading = "Rows", hide_short_help = true)]
    pub(super) rejects: Option<PathBuf>,
    /// Draw an input that must be wrong as a whole nevertheless
    #[arg(long, help_heading = "Rows", hide_short_help = true)]
    accept_doubt: bool,
    /// Take the columns of the first input in all others
    #[arg(long, help_heading = "Input", hide_short_help = true)]
    columns_from_first: bool,
    /// Reference system of the coordinates: an EPSG code, WKT or a PROJ string [default: EPSG:4326]
    #[arg(long, value_name = "CRS", help_heading = "Input")]
    crs: Option<String>,
}

impl SourceArgs {
    pub(super) fn sources(self) -> Result<Sources> {
        self.sources_by(None)
    }

    /// The same, whose rows have a key if there is one.
    pub(super) fn sources_by(self, key: Option<Key>) -> Result<Sources> {
        if self.inputs.is_empty() {
            return Err(Error::Usage("no input; name at least one file, or - for standard input".into()));
        }
        if self.lon.is_some() != self.lat.is_some() {
            return Err(Error::Usage("--lon and --lat go together; name both columns".into()));
        }
        if self.x.is_some() != self.y.is_some() {
            return Err(Error::Usage("--x and --y go together; name both columns".into()));
        }
        let read = ReadOptions {
            x: self.lon.or(self.x),
            y: self.lat.or(self.y),
            header: match self.header {
                HeaderName::Auto => Header::Auto,
                HeaderName::Yes => Header::Yes,
                HeaderName::No => Header::No,
            },
            crs: self.crs.map(|text| {
                let Ok(crs) = text.parse::<Crs>();
                crs
            }),
            geometry: self.geometry,
            order: self.order,
            skip: self.skip,
            comment: self.comment,
            delimiter: self.delimiter,
            decimal: match self.decimal {
                DecimalName::Auto => None,
                DecimalName::Point => Some(Decimal::Point),
                DecimalName::Comma => Some(Decimal::Comma),
            },
            quoting: match (self.quote, self.escape) {
                (QuoteName::None, _) => Quoting::None,
                (QuoteName::Double, EscapeName::Double) => Quoting::Doubled,
                (QuoteName::Double, EscapeName::Backslash) => Quoting::Backslash,
            },
            unit: self.unit,
            wrap_longitude: self.wrap_lon,
            drop: self.drop_zero.then_some((0.0, 0.0)).into_iter().chain(self.drop).collect(),
            accept_doubt: self.accept_doubt,
            conditions: Vec::new(),
            sample: None,
            hashed: false,
            date: None,
            weight: self.weigh.weight()?,
            key,
        };
        let (read, region) = self.choose.chosen(read)?;
        let limits = RejectLimits {
            strict: self.strict.is_some(),
            missing: matches!(self.strict, Some(StrictName::All)),
            most: self.max_rejects,
        };
        let Expanded { inputs, notices } = expand(&self.inputs)?;
        Ok(Sources {
            notices,
            read,
            region,
            limits,
            columns_from_first: self.columns_from_first,
            ..Sources::new(inputs)
        })
    }
}

/// How many threads and how much memory the work may use.
#[derive(Debug, Args)]
pub(super) struct WorkArgs {
    /// Worker threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Resources")]
    threads: Option<u16>,
    /// Host memory for the work (512M, 4G, ..., at least 1M) [default: half of what the process may use]
    #[arg(long, value_name = "SIZE", value_parser = values::size, help_heading = "Resources")]
    memory: Option<u64>,
}

impl WorkArgs {
    /// The same for a request that asks for no device.
    pub(super) fn resources(&self) -> Resources {
        Resources { threads: self.threads.map(usize::from), memory: self.memory, ..Resources::default() }
    }
}

/// What the work may use.
#[derive(Debug, Args)]
pub(super) struct ResourceArgs {
    /// Where the work is done
    #[arg(long, value_enum, default_value = "auto", help_heading = "Resources")]
    backend: BackendName,
    /// Part of the name of the GPU adapter to use (tilefire info lists them)
    #[arg(long, value_name = "NAME", help_heading = "Resources", hide_short_help = true)]
    adapter: Option<String>,
    #[command(flatten)]
    work: WorkArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Limits below those of the device, to try its paths and to measure what they cost. For benchmarks and tests; hidden.
#[derive(Debug, Args)]
pub(super) struct LimitArgs {
    /// Points in a batch on its way to the device
    #[arg(long, value_name = "N", value_parser = values::number, hide = true)]
    batch_points: Option<u64>,
    /// Whether shaders use subgroup operations
    #[arg(long, value_name = "BOOL", hide = true)]
    subgroups: Option<bool>,
    /// Points below which a tile is counted by the host
    #[arg(long, value_name = "N", value_parser = values::number, hide = true)]
    dense_points: Option<u64>,
    /// Device memory to plan with
    #[arg(long, value_name = "SIZE", value_parser = values::size, hide = true)]
    device_memory: Option<u64>,
    /// Device memory beyond which buffers are refused, as a full device does
    #[arg(long, value_name = "SIZE", value_parser = values::size, hide = true)]
    device_holds: Option<u64>,
    /// Tiles of counts in one buffer
    #[arg(long, value_name = "N", hide = true)]
    binding_tiles: Option<u32>,
}

impl LimitArgs {
    pub(super) fn limits(&self) -> ForcedLimits {
        let points = |n: Option<u64>| n.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        ForcedLimits {
            batch_points: points(self.batch_points),
            subgroups: self.subgroups,
            dense_min: points(self.dense_points),
            device_memory: self.device_memory,
            device_holds: self.device_holds,
            binding_tiles: self.binding_tiles,
            ..ForcedLimits::default()
        }
    }
}

impl ResourceArgs {
    pub(super) fn resources(self) -> Result<Resources> {
        let device = match (self.backend, &self.adapter) {
            (BackendName::Cpu, Some(_)) => {
                return Err(Error::Usage("--adapter names a GPU and --backend cpu uses none; leave one out".into()));
            }
            (BackendName::Cpu, None) => Device::Cpu,
            (BackendName::Gpu, _) => Device::Gpu,
            (BackendName::Auto, _) => Device::Auto,
        };
        Ok(Resources {
            device,
            gpu: GpuOptions { adapter: self.adapter, limits: self.limits.limits(), timestamps: false },
            ..self.work.resources()
        })
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ShapeName {
    /// All pixels within the radius
    Disc,
    /// The square around the pixel
    Square,
    /// A bell that fades towards the radius, and so do the colours that are not chosen with --colormap
    Gaussian,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnName {
    /// Its count, before pixels are coloured
    Counts,
    /// Its colour, added to those of others as datashader adds them; the tiles have 32 bits a pixel
    Colours,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OpName {
    /// The largest count
    Max,
    /// The sum of the counts; with gaussian, each count is shared out
    Add,
}

/// One colour of a list.
fn colour_of(text: &str) -> Result<[u8; 3]> {
    let [r, g, b, _] = crate::shade::colour(text.trim()).ok_or_else(|| {
        Error::Usage(format!(
            "'{}' is no colour; give one for each category, such as --colormap 'crimson, orange, #4e79d8'",
            text.trim()
        ))
    })?;
    Ok([r, g, b])
}

/// What is drawn, as it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MeasureChoice {
    Of(Measure),
    /// The share of the points that have this value of a key.
    Share(String),
    /// The values of a key, each in a colour.
    Categories,
}

impl FromStr for MeasureChoice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text.trim().split_once(':') {
            Some((what, value)) if what.eq_ignore_ascii_case("share") && !value.is_empty() => {
                Ok(Self::Share(value.to_owned()))
            }
            None if text.trim().eq_ignore_ascii_case("categories") => Ok(Self::Categories),
            _ => text.parse().map(Self::Of).map_err(|_: String| {
                format!(
                    "'{text}' is no measure; use count, sum or mean, or of counts by a key share:VALUE or categories"
                )
            }),
        }
    }
}

/// What the result looks like.
#[derive(Debug, Args)]
pub(super) struct StyleArgs {
    /// Draw the sum of --weight, its mean, or the count [default: sum]
    ///
    /// The count is that of the points that have a weight. Of counts by a key tilefire shade also draws share:VALUE, the part of
    /// the points that have it, and categories, each value in a colour of --colormap.
    #[arg(long, value_name = "MEASURE", help_heading = "Measure")]
    measure: Option<MeasureChoice>,
    /// How counts become places along the colormap: log, linear, cbrt, sqrt, gamma=EXPONENT, or eq-hist [default: log;
    /// linear for means]
    ///
    /// eq-hist gives every colour the same area.
    #[arg(long, value_name = "FUNCTION", help_heading = "Colours")]
    how: Option<Function>,
    /// Counts the colormap begins and ends at: those of each zoom, of all zooms together, a smooth fit over the zooms,
    /// a percentile of each zoom's lit pixels, the same two counts everywhere (MAX may be the word max: the zoom's
    /// largest), two counts for each zoom such as '0..5:1,500;6:1,80;7..:0,max', or those of another set, so that the same
    /// colour is the same count [zoom, all, smooth, p99.5, MIN,MAX, ZOOMS:MIN,MAX;..., like:TILES]
    #[arg(long, default_value = "zoom", value_name = "SPAN", help_heading = "Colours")]
    span: SpanChoice,
    /// Colours: a name (tilefire colormaps lists them; _r at the end reverses), a list such as
    /// '#00000000, orange 30%, white', or one colour, which rises in alpha [default: tilefire, good over dark and light]
    #[arg(long, visible_alias = "cmap", value_name = "COLOURS", help_heading = "Colours")]
    colormap: Option<String>,
    /// The base map the colours are for, dark or light: picks a colormap that suits it, and the legend's panel
    #[arg(long, value_name = "THEME", help_heading = "Colours")]
    theme: Option<Theme>,
    /// Opacity of all colours, 0 to 1
    #[arg(long, default_value_t = 1.0, value_name = "OPACITY", value_parser = values::share, help_heading = "Colours", hide_short_help = true)]
    alpha: f64,
    /// Opaque colour below the others and between them: a colour of CSS, or dark or light; tiles without any points are
    /// still left out
    #[arg(long, value_name = "COLOUR", value_parser = values::background, help_heading = "Colours", hide_short_help = true)]
    background: Option<[u8; 3]>,
    /// Draw no pixel of fewer points than this (for privacy, or against noise); with --spread-op add, the sum counts
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = values::count, help_heading = "Colours", hide_short_help = true)]
    min_count: u32,
    /// Write 32 bits a pixel with exact colours, instead of a palette of at most 255, which may be off by 2 of 255 where a
    /// zoom has more different counts, and by about 15 under bells
    #[arg(long, help_heading = "Colours", hide_short_help = true)]
    truecolor: bool,
    /// Let each lit pixel reach its neighbours within this radius, at most 64; 0 shows the counted pixels as they are.
    /// auto chooses 2 to 12 for each zoom from how far apart its lit pixels are; dynspread 0 to 3, as datashader does
    /// [default: auto]
    #[arg(long, value_name = "PIXELS", help_heading = "Spread")]
    spread: Option<Radius>,
    /// Shape of that [default: gaussian with auto, else disc]
    #[arg(long, value_enum, value_name = "SHAPE", help_heading = "Spread", hide_short_help = true)]
    spread_shape: Option<ShapeName>,
    /// What a pixel gets that several reach [default: add with auto, else max]
    #[arg(long, value_enum, value_name = "OPERATOR", help_heading = "Spread", hide_short_help = true)]
    spread_op: Option<OpName>,
    /// What reaches the neighbours [default: counts]
    #[arg(long, value_enum, value_name = "WHAT", help_heading = "Spread", hide_short_help = true)]
    spread_on: Option<OnName>,
}

impl StyleArgs {
    /// What is drawn of the weight that was asked for; `None` where points are counted.
    pub(super) fn weighing(&self, weight: Option<&Weight>) -> Result<Option<Weighing>> {
        let measure = match &self.measure {
            Some(MeasureChoice::Of(measure)) => Some(*measure),
            Some(MeasureChoice::Share(_) | MeasureChoice::Categories) => {
                return Err(Error::Usage(
                    "--measure share:VALUE and categories are of counts by a key, and drawn by tilefire shade; count with tilefire count \
                     --by COLUMN first"
                        .into(),
                ));
            }
            None => None,
        };
        match (measure, weight) {
            (Some(Measure::Count), _) | (None, None) => Ok(None),
            (Some(measure), None) => Err(Error::Usage(format!(
                "--measure {measure} is of weights, and none were asked for; name their column with --weight"
            ))),
            (measure, Some(Weight { column, step })) => Ok(Some(Weighing {
                measure: measure.unwrap_or(Measure::Sum),
                column: column.to_string(),
                step: *step,
                diverging: false,
            })),
        }
    }

    /// The style of tiles of these zooms in this form, or of a picture, of points or of the weight that was asked for.
    pub(super) fn style(&self, tiles: Option<(ZoomRange, Form)>, weight: Option<&Weight>) -> Result<Style> {
        self.style_of(tiles, self.weighing(weight)?)
    }

    /// The value whose share is to be drawn, if one is.
    pub(super) fn share(&self) -> Option<&str> {
        if let Some(MeasureChoice::Share(value)) = &self.measure { Some(value) } else { None }
    }

    /// The measure of weights that was asked for, if one was.
    pub(super) fn measure_of_weights(&self) -> Option<Measure> {
        if let Some(MeasureChoice::Of(measure @ (Measure::Sum | Measure::Mean))) = self.measure {
            Some(measure)
        } else {
            None
        }
    }

    /// Whether each value of a key is drawn in a colour of its own.
    pub(super) fn is_of_categories(&self) -> bool {
        self.measure == Some(MeasureChoice::Categories)
    }

    /// The style of categories, of which alpha alone is drawn, and the colours that were chosen for them.
    pub(super) fn style_of_categories(
        &self,
        tiles: Option<(ZoomRange, Form)>,
    ) -> Result<(Style, Option<Vec<[u8; 3]>>)> {
        if self.spread_on.is_some_and(|on| on.meaning() == SpreadOn::Colours) {
            return Err(Error::Usage(
                "--spread-on colours spreads those of one scale, and categories have many; leave it out".into(),
            ));
        }
        let chosen = self.colormap.as_deref().map(|list| list.split(',').map(colour_of).collect()).transpose()?;
        let style = self.style_of(tiles, None)?;
        // A lone point is to be seen on light ground too.
        let colormap = Colormap::parse("#8a8d9368, #8a8d93")?.with_opacity(self.alpha);
        Ok((Style { colormap, truecolor: true, background: None, ..style }, chosen))
    }

    /// The opaque colour below all others.
    pub(super) fn background(&self) -> Option<[u8; 3]> {
        self.background
    }

    /// Whether something was said of what is drawn.
    pub(super) fn measures(&self) -> bool {
        self.measure.is_some()
    }

    /// The style of that weighing.
    pub(super) fn style_of(&self, tiles: Option<(ZoomRange, Form)>, weighing: Option<Weighing>) -> Result<Style> {
        let is_mean = weighing.as_ref().is_some_and(|weighing| weighing.measure.is_mean());
        if let (None, SpanChoice::Rule(rule)) = (&weighing, &self.span) {
            rule.check_counts().map_err(Error::Usage)?;
        }
        let diverging = match (&self.colormap, self.theme) {
            (Some(_), _) => None,
            (None, theme) => {
                Some(Colormap::parse(theme.map_or("tilefire-diverging", Theme::diverging))?.with_opacity(self.alpha))
            }
        };
        let colormap = match (&self.colormap, self.theme) {
            (Some(colours), _) => Colormap::parse(colours)?,
            (None, theme) => Colormap::parse(theme.map_or(DEFAULT_COLORMAP, Theme::colormap))?,
        };
        let colormap = colormap.with_opacity(self.alpha);
        let radius = self.spread.unwrap_or(Radius::Auto);
        let usual = if radius == Radius::Auto { Spread::automatic() } else { Spread::default() };
        if radius == Radius::Fixed(0) && (self.spread_shape.is_some() || self.spread_op.is_some()) {
            return Err(Error::Usage(
                "--spread-shape and --spread-op say how to spread, but --spread 0 spreads nothing; give it a radius in \
                 pixels, auto, or dynspread"
                    .into(),
            ));
        }
        let spread_on = self.spread_on.map_or(SpreadOn::Counts, OnName::meaning);
        if spread_on == SpreadOn::Colours {
            self.check_colours()?;
        }
        Ok(Style {
            function: self.how.unwrap_or(if is_mean { Function::Linear } else { Function::Log }),
            span: self.span.rule(tiles)?,
            theme: self.theme,
            min_count: self.min_count,
            background: self.background,
            // Sums of colours are not in any palette.
            truecolor: self.truecolor || spread_on == SpreadOn::Colours,
            spread: Spread {
                radius,
                shape: match self.spread_shape {
                    None => usual.shape,
                    Some(ShapeName::Disc) => SpreadShape::Disc,
                    Some(ShapeName::Square) => SpreadShape::Square,
                    Some(ShapeName::Gaussian) => SpreadShape::Gaussian,
                },
                op: match self.spread_op {
                    None if spread_on == SpreadOn::Colours => SpreadOp::Add,
                    None => usual.op,
                    Some(OpName::Max) => SpreadOp::Max,
                    Some(OpName::Add) => SpreadOp::Add,
                },
            },
            spread_on,
            // Whoever chooses colours chooses their alpha too, where it falls.
            fade_in: !colormap.alpha_falls(),
            colormap,
            weighing,
            diverging,
        })
    }

    /// The set whose spans are taken, if any are.
    pub(super) fn other(&self) -> Result<Option<Other>> {
        self.span.other()
    }

    /// Whether colours can be spread as asked: a radius of their own, a mask, and added up.
    fn check_colours(&self) -> Result<()> {
        let wrong = |problem: &str| Err(Error::Usage(format!("--spread-on colours {problem}")));
        match (self.spread, self.spread_shape, self.spread_op) {
            (None | Some(Radius::Auto | Radius::Fixed(0)), ..) => wrong("takes a radius in pixels; add --spread 1"),
            (_, Some(ShapeName::Gaussian), _) => {
                wrong("takes a disc or a square, no bell; leave --spread-shape gaussian out")
            }
            (.., Some(OpName::Max)) => wrong("adds colours up; leave --spread-op max out"),
            _ => Ok(()),
        }
    }
}

impl OnName {
    fn meaning(self) -> SpreadOn {
        match self {
            Self::Counts => SpreadOn::Counts,
            Self::Colours => SpreadOn::Colours,
        }
    }
}
