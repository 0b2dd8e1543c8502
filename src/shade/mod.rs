//! From counts to colours, as data: function, span, colormap and the integer table that both backends apply, and the
//! kernels by which lit pixels reach their neighbours. All floats of shading live here, in f64, on the host, once per
//! zoom; no files, no GPU.

mod adding;
mod colormap;
mod ends;
mod function;
mod legend;
mod measured;
mod scale;
mod span;
mod spread;
mod style;
mod table;
mod theme;

pub use adding::{SpreadOn, Surroundings, add, add_colours};
pub use colormap::{Colormap, DEFAULT_COLORMAP, MIN_ALPHA, colour, over};
pub use ends::{ByZoom, Ends};
pub use function::Function;
pub use legend::{Legend, Ramp, Tick, clear_of_ends, grouped, people, ticks};
pub use measured::Weighing;
pub use scale::Scale;
pub use span::{Span, SpanRule};
pub use spread::{
    AUTO, Form, Kernel, MAX_DYNSPREAD, MAX_SPREAD, Radius, Spread, SpreadOp, SpreadShape, WEIGHT_ONE, auto_radius,
    dynspread_radius,
};
pub use style::{Clipped, Look, Style};
pub use table::{PALETTE, SMOOTH_ERROR, ShadeTable, Shading, WIDE_LIMIT};
pub use theme::Theme;
