//! The legend as SVG, from the same layout as the picture; the reader's own font writes it.

use std::fmt::{Display, Write as _};

use super::{Area, BAR_CORNER, CHEQUER, CORNER, Colours, Item, Layout, Role, sample};
use crate::shade::{Legend, Ramp};

/// The SVG's letters: sizes that look like the picture's, and where in a line the baseline lies there.
const FAMILY: &str =
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', Helvetica, Arial, sans-serif";
const TITLE_SIZE: u32 = 15;
const BODY_SIZE: u32 = 12;
const BASELINE: f64 = 0.785;

/// The legend as a standalone SVG of the size of the picture at scale 1.
pub fn svg(legend: &Legend) -> String {
    let layout = Layout::new(legend, 1);
    let colours = Colours::of(legend.theme);
    let Area { width, height, .. } = layout.panel;
    let mut svg = format!("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\"");
    attributes(
        &mut svg,
        &[
            ("width", &width),
            ("height", &height),
            ("role", &"img"),
            ("font-family", &FAMILY),
            ("font-size", &BODY_SIZE),
        ],
    );
    let _ = writeln!(svg, ">\n<title>{}</title>", escaped(&legend.title));
    outlined(&mut svg, layout.panel, CORNER, &[("fill", &hex(colours.panel)), ("stroke", &hex(colours.edge))]);
    definitions(&mut svg, &legend.ramps, &colours);
    for item in &layout.items {
        match item {
            Item::Text { role, x, y, anchor, text } => {
                let baseline = format!("{:.1}", f64::from(*y) + BASELINE * f64::from(layout.line(*role)));
                let fill = hex(colours.of_role(*role));
                svg.push_str("<text");
                attributes(&mut svg, &[("x", x), ("y", &baseline), ("text-anchor", &anchor.name()), ("fill", &fill)]);
                if *role == Role::Title {
                    attributes(&mut svg, &[("font-size", &TITLE_SIZE), ("font-weight", &600)]);
                }
                let _ = writeln!(svg, ">{}</text>", escaped(text));
            }
            Item::Mark(area) => rectangle(&mut svg, *area, &[("fill", &hex(colours.mark))]),
            Item::Bar { area, colours: ramp } => {
                if is_translucent(ramp) {
                    rectangle(&mut svg, *area, &[("rx", &BAR_CORNER), ("fill", &"url(#legend-chequers)")]);
                }
                let fill = format!("url(#legend-ramp-{})", first_alike(&legend.ramps, ramp));
                let stroke = hex(colours.outline);
                let opacity = share(colours.outline[3]);
                let paint: [Attribute<'_>; 3] = [("fill", &fill), ("stroke", &stroke), ("stroke-opacity", &opacity)];
                outlined(&mut svg, *area, BAR_CORNER, &paint);
            }
        }
    }
    svg.push_str("</svg>\n");
    svg
}

type Attribute<'a> = (&'a str, &'a dyn Display);

fn attributes(svg: &mut String, attributes: &[Attribute<'_>]) {
    for (name, value) in attributes {
        let _ = write!(svg, " {name}=\"{value}\"");
    }
}

fn rectangle(svg: &mut String, area: Area, more: &[Attribute<'_>]) {
    svg.push_str("<rect");
    attributes(svg, &[("x", &area.x), ("y", &area.y), ("width", &area.width), ("height", &area.height)]);
    attributes(svg, more);
    svg.push_str("/>\n");
}

/// A rectangle whose stroke lies on the area's outermost pixels.
fn outlined(svg: &mut String, area: Area, corner: u32, paint: &[Attribute<'_>]) {
    let (x, y) = (f64::from(area.x) + 0.5, f64::from(area.y) + 0.5);
    svg.push_str("<rect");
    attributes(
        svg,
        &[("x", &x), ("y", &y), ("width", &(area.width - 1)), ("height", &(area.height - 1)), ("rx", &corner)],
    );
    attributes(svg, paint);
    svg.push_str("/>\n");
}

/// Gradients, one for all ramps of the same colours, and the chequers.
fn definitions(svg: &mut String, ramps: &[Ramp], colours: &Colours) {
    svg.push_str("<defs>\n");
    if ramps.iter().any(|ramp| is_translucent(&ramp.colours)) {
        let side = 2 * CHEQUER;
        let squares = format!("M{CHEQUER} 0h{CHEQUER}v{CHEQUER}h-{side}v{CHEQUER}h{CHEQUER}z");
        svg.push_str("<pattern id=\"legend-chequers\" patternUnits=\"userSpaceOnUse\"");
        attributes(svg, &[("width", &side), ("height", &side)]);
        svg.push_str("><path");
        attributes(svg, &[("d", &squares), ("fill", &hex(colours.chequer))]);
        svg.push_str("/></pattern>\n");
    }
    for (n, ramp) in ramps.iter().enumerate().filter(|(n, ramp)| first_alike(ramps, &ramp.colours) == *n) {
        let _ = writeln!(svg, "<linearGradient id=\"legend-ramp-{n}\">");
        let last = ramp.colours.len().max(2) - 1;
        for stop in stops(&ramp.colours) {
            let colour = ramp.colours[stop];
            let offset = format!("{:.4}", stop as f64 / last as f64);
            svg.push_str("<stop");
            attributes(svg, &[("offset", &offset), ("stop-color", &hex(colour))]);
            if colour[3] < 255 {
                attributes(svg, &[("stop-opacity", &share(colour[3]))]);
            }
            svg.push_str("/>\n");
        }
        svg.push_str("</linearGradient>\n");
    }
    svg.push_str("</defs>\n");
}

fn first_alike(ramps: &[Ramp], colours: &[[u8; 4]]) -> usize {
    ramps.iter().position(|ramp| ramp.colours == colours).unwrap_or(0)
}

fn is_translucent(ramp: &[[u8; 4]]) -> bool {
    ramp.iter().any(|colour| colour[3] < 255)
}

/// Which colours a gradient needs: those between two stops differ from the blend of both by one level at most.
fn stops(ramp: &[[u8; 4]]) -> Vec<usize> {
    let blends = |from: usize, to: usize| {
        let ends = [ramp[from], ramp[to]];
        (from + 1..to).all(|n| {
            let blend = sample(&ends, (n - from) as u32, (to - from) as u32);
            blend.iter().zip(ramp[n]).all(|(a, b)| a.abs_diff(b) <= 1)
        })
    };
    let mut stops: Vec<usize> = (0..ramp.len().min(1)).collect();
    while let Some(&from) = stops.last().filter(|&&from| from + 1 < ramp.len()) {
        let farthest = (from + 1..ramp.len()).take_while(|&to| blends(from, to)).last();
        stops.push(farthest.unwrap_or(from + 1));
    }
    stops
}

fn share(alpha: u8) -> String {
    format!("{:.3}", f64::from(alpha) / 255.0)
}

fn hex([r, g, b, _]: [u8; 4]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML 1.0 has no way to write control characters.
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::tests::all;
    use super::*;

    #[test]
    fn the_svg_is_well_formed_and_says_the_same() {
        for legend in all() {
            let svg = svg(&legend);
            assert!(svg.contains(">Points &lt;per&gt; &quot;pixel&quot; &amp; &#39;more&#39;</text>"));
            for tick in legend.ramps.iter().flat_map(|ramp| &ramp.ticks) {
                assert!(svg.contains(&format!(">{}</text>", tick.label)), "{}", tick.label);
            }
            let mut open = Vec::new();
            for tag in svg.split('<').skip(1) {
                let (tag, content) = tag.split_once('>').unwrap();
                assert!(!content.contains('>') && tag.matches('"').count() % 2 == 0, "{tag}");
                let name = tag.split([' ', '/']).next().unwrap();
                if let Some(name) = tag.strip_prefix('/') {
                    assert_eq!(open.pop(), Some(name));
                } else if !tag.ends_with('/') {
                    open.push(name);
                }
            }
            assert!(open.is_empty() && svg.matches("<linearGradient").count() <= 1, "{open:?}");
        }
    }

    #[test]
    fn a_gradient_keeps_the_colours_between_its_stops() {
        let bent: Vec<[u8; 4]> =
            (0..=255_u8).map(|n| [n, (u32::from(n) * u32::from(n) / 255) as u8, n / 64 * 60, 255]).collect();
        let stops = stops(&bent);
        assert!(stops.len() < 64 && stops[0] == 0 && stops[stops.len() - 1] == 255, "{stops:?}");
        for pair in stops.windows(2) {
            for n in pair[0]..=pair[1] {
                let colour = sample(&[bent[pair[0]], bent[pair[1]]], (n - pair[0]) as u32, (pair[1] - pair[0]) as u32);
                assert!(colour.iter().zip(bent[n]).all(|(a, b)| a.abs_diff(b) <= 1), "{n}");
            }
        }
    }
}
