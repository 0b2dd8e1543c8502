//! A legend as a picture: one layout, painted as pixels (PNG) or written as text (SVG). The letters of the pixels come
//! with the program, so that the same legend is the same bytes everywhere; the SVG takes the reader's own font. What
//! stands in the legend, and where on a ramp, is `shade::legend`'s.

mod metadata;
mod svg;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{Rgba, RgbaImage};

pub use metadata::of_heat;
pub use svg::svg;

use super::text::{Font, text};
use crate::error::{Error, Result};
use crate::shade::{Legend, Theme, Tick, over};

/// Lengths of the layout in pixels at scale 1. The width leaves room for 48 letters between the margins.
const WIDTH: u32 = 368;
const MARGIN: u32 = 16;
const CORNER: u32 = 8;
const BAR: u32 = 12;
const BAR_CORNER: u32 = 2;
const MARK: u32 = 3;
/// Free space: above and below all, between title and notes, heading and ramps, a bar and what is under it, two
/// ramps, a ramp's name and its bar.
const ABOVE: u32 = 12;
const BELOW: u32 = 10;
const BELOW_TITLE: u32 = 1;
const BELOW_HEADING: u32 = 10;
const BELOW_BAR: u32 = 2;
const BELOW_RAMP: u32 = 7;
const AFTER_NAME: u32 = 12;
/// Least distance of two counts, in letters.
const APART: f64 = 0.9;
/// Longest name of a ramp, in letters; longer ones are cut.
const NAME: usize = 16;
/// Side of a square of the chequers that show through translucent colours.
const CHEQUER: u32 = 4;

/// A ramp of so many colours has no need of others between them.
const LONG: usize = 64;
/// How many tick labels' characters fit along a bar, in the picture and in the SVG, if the longest ramp label has
/// `longest_label` characters (0 without labels): what [`crate::shade::ticks`] wants to know.
pub fn columns(longest_label: usize) -> usize {
    let fitting = |scale| {
        let fonts = Fonts::of(scale);
        (bar_area(longest_label, scale).1 / fonts.body.letter()) as usize
    };
    fitting(1).min(fitting(2))
}

/// The legend as a picture, 368 pixels wide at scale 1 and 736 at scale 2 (there are no others), transparent outside
/// its rounded corners.
pub fn draw(legend: &Legend, scale: u32) -> RgbaImage {
    let scale = scale.clamp(1, 2);
    let layout = Layout::new(legend, scale);
    let colours = Colours::of(legend.theme);
    let (width, height) = (layout.panel.width, layout.panel.height);
    let mut image = RgbaImage::from_pixel(width, height, Rgba(colours.panel));
    let inside = layout.panel.shrunk(scale);
    // All but the rim is panel.
    let rim = CORNER * scale;
    let beside = |length: u32| (0..rim.min(length)).chain(length.saturating_sub(rim)..length);
    let whole_rows = beside(height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let sides = (rim..height.saturating_sub(rim)).flat_map(|y| beside(width).map(move |x| (x, y)));
    for (x, y) in whole_rows.chain(sides) {
        let edge = over(colours.edge, layout.panel.coverage(CORNER * scale, x, y), [0; 4]);
        image.put_pixel(x, y, Rgba(over(colours.panel, inside.coverage((CORNER - 1) * scale, x, y), edge)));
    }
    for item in &layout.items {
        match item {
            Item::Text { role, x, y, anchor, text: words } => {
                let font = layout.fonts.of_role(*role);
                let x = x.saturating_sub((f64::from(font.width(words)) * anchor.share()).round() as u32);
                text(&mut image, x as i32, *y as i32, words, font, colours.of_role(*role));
            }
            Item::Mark(area) => area.each(|x, y| paint(&mut image, x, y, colours.mark, 255)),
            Item::Bar { area, colours: ramp } => bar(&mut image, *area, ramp, scale, &colours),
        }
    }
    image
}

/// [`draw`] at scale 2 as the bytes of a PNG file.
pub fn png(legend: &Legend) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive);
    draw(legend, 2).write_with_encoder(encoder).map_err(|e| Error::Output(format!("cannot encode the legend: {e}")))?;
    Ok(bytes)
}

fn bar(image: &mut RgbaImage, area: Area, ramp: &[[u8; 4]], scale: u32, colours: &Colours) {
    let inside = area.shrunk(1);
    area.each(|x, y| {
        let odd = ((x - area.x) / (CHEQUER * scale) + (y - area.y) / (CHEQUER * scale)) % 2 == 1;
        let ground = if odd { colours.chequer } else { colours.panel };
        let colour = over(sample(ramp, x - area.x, area.width - 1), 255, ground);
        let whole = area.coverage(BAR_CORNER * scale, x, y);
        let outline = whole - inside.coverage(BAR_CORNER * scale - 1, x, y).min(whole);
        let colour = over(colours.outline, outline, colour);
        paint(image, x, y, colour, whole);
    });
}

fn paint(image: &mut RgbaImage, x: u32, y: u32, colour: [u8; 4], coverage: u8) {
    if let Some(Rgba(pixel)) = image.get_pixel_mut_checked(x, y) {
        *pixel = over(colour, coverage, *pixel);
    }
}

/// The colour at `x` of 0..=`last`: between its two neighbours in `ramp`, or the nearer one in a long ramp, which may
/// have steps.
fn sample(ramp: &[[u8; 4]], x: u32, last: u32) -> [u8; 4] {
    let last = last.max(1);
    let along = x * (ramp.len().max(1) as u32 - 1);
    let (index, share) = ((along / last) as usize, along % last);
    let share = if ramp.len() < LONG { share } else { (share + last / 2) / last * last };
    let a = ramp.get(index).copied().unwrap_or_default();
    let b = ramp.get(index + 1).copied().unwrap_or(a);
    std::array::from_fn(|n| ((u32::from(a[n]) * (last - share) + u32::from(b[n]) * share + last / 2) / last) as u8)
}

/// What a text is, which decides its font and colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Title,
    Note,
    Name,
    Count,
}

/// Which part of a text lies at its x.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    fn share(self) -> f64 {
        match self {
            Self::Start => 0.0,
            Self::Middle => 0.5,
            Self::End => 1.0,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

struct Fonts {
    title: Font,
    body: Font,
}

impl Fonts {
    fn of(scale: u32) -> Self {
        match scale {
            1 => Self { title: Font::SMALL_BOLD, body: Font::SMALL },
            _ => Self { title: Font::LARGE_BOLD, body: Font::LARGE },
        }
    }

    fn of_role(&self, role: Role) -> Font {
        if role == Role::Title { self.title } else { self.body }
    }
}

struct Colours {
    panel: [u8; 4],
    edge: [u8; 4],
    ink: [u8; 4],
    dim: [u8; 4],
    mark: [u8; 4],
    chequer: [u8; 4],
    outline: [u8; 4],
}

impl Colours {
    fn of(theme: Theme) -> Self {
        match theme {
            Theme::Dark => Self {
                panel: [0x16, 0x18, 0x1d, 255],
                edge: [0x2e, 0x31, 0x39, 255],
                ink: [0xe8, 0xe6, 0xe1, 255],
                dim: [0x9b, 0x9d, 0xa3, 255],
                mark: [0x6c, 0x6f, 0x78, 255],
                chequer: [0x20, 0x23, 0x29, 255],
                outline: [255, 255, 255, 36],
            },
            Theme::Light => Self {
                panel: [0xfd, 0xfc, 0xfa, 255],
                edge: [0xd8, 0xd5, 0xce, 255],
                ink: [0x1d, 0x20, 0x24, 255],
                dim: [0x68, 0x6c, 0x73, 255],
                mark: [0x96, 0x99, 0x9f, 255],
                chequer: [0xef, 0xed, 0xe8, 255],
                outline: [0, 0, 0, 40],
            },
        }
    }

    fn of_role(&self, role: Role) -> [u8; 4] {
        match role {
            Role::Title | Role::Name => self.ink,
            Role::Note | Role::Count => self.dim,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Area {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

impl Area {
    fn shrunk(self, by: u32) -> Self {
        Self { x: self.x + by, y: self.y + by, width: self.width - 2 * by, height: self.height - 2 * by }
    }

    fn each(self, mut pixel: impl FnMut(u32, u32)) {
        for y in self.y..self.y + self.height {
            for x in self.x..self.x + self.width {
                pixel(x, y);
            }
        }
    }

    /// How much of the pixel lies within the area if its corners are round.
    fn coverage(self, radius: u32, x: u32, y: u32) -> u8 {
        let radius = f64::from(radius);
        let beyond = |at: u32, from: u32, length: u32| {
            let at = f64::from(at) + 0.5;
            at - at.max(f64::from(from) + radius).min(f64::from(from + length) - radius)
        };
        let (dx, dy) = (beyond(x, self.x, self.width), beyond(y, self.y, self.height));
        ((radius - (dx * dx + dy * dy).sqrt() + 0.5).clamp(0.0, 1.0) * 255.0).round() as u8
    }
}

enum Item<'a> {
    Text { role: Role, x: u32, y: u32, anchor: Anchor, text: String },
    Bar { area: Area, colours: &'a [[u8; 4]] },
    Mark(Area),
}

/// Everything in its place, in pixels of the scale.
struct Layout<'a> {
    scale: u32,
    fonts: Fonts,
    panel: Area,
    items: Vec<Item<'a>>,
}

/// Where bars begin, and how wide they are.
fn bar_area(longest_label: usize, scale: u32) -> (u32, u32) {
    let name = Fonts::of(scale).body.letter() * longest_label.min(NAME) as u32;
    let left = MARGIN * scale + if name > 0 { name + AFTER_NAME * scale } else { 0 };
    (left, (WIDTH - MARGIN) * scale - left)
}

impl<'a> Layout<'a> {
    fn new(legend: &'a Legend, scale: u32) -> Self {
        let panel = Area { x: 0, y: 0, width: WIDTH * scale, height: 0 };
        let mut layout = Self { scale, fonts: Fonts::of(scale), panel, items: Vec::new() };
        let mut y = ABOVE * scale;
        let heading = std::iter::once((Role::Title, &legend.title));
        for (role, words) in heading.chain(legend.notes.iter().map(|note| (Role::Note, note))) {
            let room = (WIDTH - 2 * MARGIN) * scale / layout.fonts.of_role(role).letter();
            for line in wrapped(words, room as usize) {
                layout.write(role, MARGIN * scale, y, Anchor::Start, line);
                y += layout.line(role);
            }
            if role == Role::Title && !legend.notes.is_empty() {
                y += BELOW_TITLE * scale;
            }
        }
        let names: Vec<String> = legend.ramps.iter().map(|ramp| shortened(&ramp.label)).collect();
        let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let (x, width) = bar_area(longest, scale);
        for (n, (ramp, name)) in legend.ramps.iter().zip(names).enumerate() {
            y += if n == 0 { BELOW_HEADING } else { BELOW_RAMP } * scale;
            let bar = Area { x, y, width, height: BAR * scale };
            let middle = (bar.y + bar.height / 2).saturating_sub(layout.line(Role::Name) / 2);
            layout.write(Role::Name, MARGIN * scale, middle, Anchor::Start, name);
            layout.items.push(Item::Bar { area: bar, colours: &ramp.colours });
            layout.ticks(bar, &ramp.ticks);
            y += BAR * scale;
            if !ramp.ticks.is_empty() {
                y += (BELOW_BAR + MARK) * scale + layout.line(Role::Count);
            }
        }
        layout.panel.height = y + BELOW * scale;
        layout
    }

    fn ticks(&mut self, bar: Area, ticks: &[Tick]) {
        let columns = f64::from(bar.width) / f64::from(self.fonts.body.letter());
        let end = ticks.last().map_or(columns, |tick| tick.left(columns));
        let mut free = 0.0;
        for (n, tick) in ticks.iter().enumerate() {
            // Ticks meant for a longer ramp would run into each other.
            if tick.left(columns) < free || (n + 1 < ticks.len() && tick.right(columns) + APART > end) {
                continue;
            }
            free = tick.right(columns) + APART;
            let length = tick.label.chars().count() as f64;
            let at = (tick.at.clamp(0.0, 1.0) * f64::from(bar.width - self.scale)).round() as u32;
            let (x, anchor) = if tick.left(columns) <= 0.0 {
                (bar.x, Anchor::Start)
            } else if tick.left(columns) + length >= columns {
                (bar.x + bar.width, Anchor::End)
            } else {
                (bar.x + at, Anchor::Middle)
            };
            let below = bar.y + bar.height + BELOW_BAR * self.scale;
            let mark = Area { x: bar.x + at, y: below, width: self.scale, height: MARK * self.scale };
            self.items.push(Item::Mark(mark));
            self.write(Role::Count, x, below + MARK * self.scale, anchor, tick.label.clone());
        }
    }

    fn write(&mut self, role: Role, x: u32, y: u32, anchor: Anchor, text: String) {
        if !text.is_empty() {
            self.items.push(Item::Text { role, x, y, anchor, text });
        }
    }

    /// Height of a line.
    fn line(&self, role: Role) -> u32 {
        self.fonts.of_role(role).line()
    }
}

fn shortened(label: &str) -> String {
    if label.chars().count() <= NAME {
        return label.to_owned();
    }
    label.chars().take(NAME - 2).chain("..".chars()).collect()
}

/// Lines of at most `columns` letters, broken between words where there are any.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for part in letters.chunks(columns.max(1)) {
            let part: String = part.iter().collect();
            match lines.last_mut() {
                Some(line) if line.chars().count() + 1 + part.chars().count() <= columns => {
                    line.push(' ');
                    line.push_str(&part);
                }
                _ => lines.push(part),
            }
        }
    }
    lines
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an independent check")]
mod tests {
    use super::*;
    use crate::shade::{Ramp, ticks};

    fn legend(theme: Theme, ramps: u32) -> Legend {
        let ramp = |n: u32| {
            let label = if ramps == 1 { String::new() } else { format!("zoom {n}") };
            let hi = f64::from(90_000 >> n);
            Ramp {
                colours: vec![[20, 0, 90, 40], [250, 120, 30, 255], [255, 255, 200, 255]],
                ticks: ticks(1.0, hi, columns(label.len()), |count| count.ln() / hi.ln()),
                label,
            }
        };
        Legend {
            title: "Points <per> \"pixel\" & 'more'".into(),
            notes: vec!["log, 140,029 points".into(), "fewer than 5 are not drawn".into()],
            theme,
            ramps: (0..ramps).map(ramp).collect(),
        }
    }

    pub(super) fn all() -> impl Iterator<Item = Legend> {
        [Theme::Dark, Theme::Light].into_iter().flat_map(|theme| [0, 1, 11, 25].map(|ramps| legend(theme, ramps)))
    }

    #[test]
    fn the_png_holds_the_drawing_and_is_the_same_every_time() {
        for legend in all() {
            let bytes = png(&legend).unwrap();
            assert!(bytes == png(&legend).unwrap());
            assert!(image::load_from_memory(&bytes).unwrap().to_rgba8() == draw(&legend, 2));
        }
    }

    #[test]
    fn the_panel_is_opaque_but_for_its_corners() {
        for (legend, scale) in all().flat_map(|legend| [(legend.clone(), 1), (legend, 2)]) {
            let image = draw(&legend, scale);
            assert_eq!(image.width(), WIDTH * scale);
            assert_eq!(image.get_pixel(0, 0)[3], 0);
            let corner = CORNER * scale;
            let clear = image.enumerate_pixels().filter(|(.., pixel)| pixel[3] < 255);
            for (x, y, _) in clear {
                assert!(x.min(image.width() - 1 - x) < corner && y.min(image.height() - 1 - y) < corner, "{x} {y}");
            }
        }
    }

    #[test]
    fn a_bar_shows_its_first_and_last_colour() {
        let mut legend = legend(Theme::Dark, 1);
        legend.ramps[0].colours = vec![[200, 0, 0, 255], [0, 200, 0, 255]];
        let image = draw(&legend, 1);
        let reddest = image.enumerate_pixels().max_by_key(|(.., p)| i32::from(p[0]) - i32::from(p[1])).unwrap();
        let greenest = image.enumerate_pixels().max_by_key(|(.., p)| i32::from(p[1]) - i32::from(p[0])).unwrap();
        assert!(reddest.0 < MARGIN + 3 && greenest.0 > WIDTH - MARGIN - 4, "{reddest:?} {greenest:?}");
    }

    #[test]
    fn no_text_leaves_the_panel_or_runs_into_another() {
        for (mut legend, scale) in all().flat_map(|legend| [(legend.clone(), 1), (legend, 2)]) {
            legend.notes.push("a note that is far too long for one line of the panel and so takes three ".repeat(2));
            legend.title = "W".repeat(90);
            for ramp in &mut legend.ramps {
                ramp.label.push_str(&ramp.label.repeat(4));
                // As many ticks as would fit on a ramp three times as long.
                ramp.ticks = ticks(1.0, 9e4, 3 * columns(0), |count| count.ln() / 9e4_f64.ln());
            }
            let layout = Layout::new(&legend, scale);
            let mut boxes = Vec::new();
            for item in &layout.items {
                if let Item::Text { role, x, y, anchor, text } = item {
                    let font = layout.fonts.of_role(*role);
                    let width = f64::from(font.width(text));
                    let left = f64::from(*x) - anchor.share() * width;
                    boxes.push((left, left + width, *y, y + font.line()));
                }
            }
            for (n, a) in boxes.iter().enumerate() {
                assert!(a.0 >= f64::from(MARGIN * scale) && a.1 <= f64::from((WIDTH - MARGIN) * scale), "{a:?}");
                assert!(a.3 <= layout.panel.height);
                let hit = boxes[..n].iter().find(|b| a.0 < b.1 && b.0 < a.1 && a.2 < b.3 && b.2 < a.3);
                assert!(hit.is_none(), "{a:?} {hit:?}");
            }
        }
    }

    #[test]
    fn every_tick_made_for_the_bar_is_written() {
        for (legend, scale) in all().flat_map(|legend| [(legend.clone(), 1), (legend, 2)]) {
            let layout = Layout::new(&legend, scale);
            let written = layout.items.iter().filter_map(|item| match item {
                Item::Text { role: Role::Count, text, .. } => Some(text),
                _ => None,
            });
            assert!(written.eq(legend.ramps.iter().flat_map(|ramp| &ramp.ticks).map(|tick| &tick.label)));
        }
    }
}
