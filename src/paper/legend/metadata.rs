//! The legend of a tile set, from what its metadata says under `heat`: a ramp for each group of zooms that share a
//! scale. So the legend beside the tiles, the server's and the page's always say the same.

use crate::heat::{CategoryMark, Colours, Heat, Hex, Mark};
use crate::shade::{Legend, Ramp, Theme, Tick};

/// The legend of a set of which this is said, `None` where it is not enough. Without a theme it is the light one.
pub fn of_heat(heat: &Heat) -> Option<Legend> {
    let words = heat.legend.as_ref()?;
    if heat.ramp.is_empty() {
        return None;
    }
    // Colours that fade in have a ramp for each zoom.
    let zooms: Vec<Zoom<'_>> =
        heat.zooms.iter().map(|(z, zoom)| (z, &*zoom.ticks, zoom.ramp.as_ref().unwrap_or(&heat.ramp))).collect();
    let groups = grouped(&zooms);
    let ramp = |group: &&[Zoom<'_>]| {
        let (first, last) = (group.first()?, group.last()?);
        let label = match groups.len() {
            1 => String::new(),
            _ if first.0 == last.0 => format!("z {}", first.0),
            _ => format!("z {}-{}", first.0, last.0),
        };
        let mut colours: Vec<[u8; 4]> = first.2.iter().map(|hex| hex.0).collect();
        // All counts alike have the middle colour and no other.
        if first.1.len() < 2 {
            colours = colours.get(colours.len() / 2).map_or_else(Vec::new, |&colour| vec![colour; 2]);
        }
        let ticks = first.1.iter().enumerate().map(|(n, mark)| {
            // What lies beyond an end at one of its zooms is told for all.
            let labels = group.iter().filter_map(|zoom| zoom.1.get(n)).map(|mark| &mark.2);
            let label = labels.max_by_key(|label| label.len()).unwrap_or(&mark.2);
            Tick { label: label.to_string(), ..tick(mark) }
        });
        Some(Ramp { label, colours, ticks: ticks.collect() })
    };
    let category = |CategoryMark(name, colour): &CategoryMark| Ramp {
        label: name.to_string(),
        colours: vec![colour.0; 2],
        ticks: Vec::new(),
    };
    let categories = heat.categories.iter().flat_map(|all| all.iter()).map(category);
    let (heading, below) = match &words.heading {
        Some(heading) => (heading, Some(&words.title)),
        None => (&words.title, None),
    };
    Some(Legend {
        title: heading.to_string(),
        notes: below.into_iter().chain(&*words.notes).chain(&words.thanks).map(|note| note.to_string()).collect(),
        theme: heat.theme.as_ref().and_then(|theme| theme.parse().ok()).unwrap_or(Theme::Light),
        // How alpha rises differs by zoom, and beside categories one ramp is enough.
        ramps: match (&heat.categories, groups.len()) {
            (Some(_), 2..) => categories.collect(),
            _ => categories.chain(groups.iter().filter_map(ramp)).collect(),
        },
    })
}

/// Places along a ramp that are one to the eye: half a letter of 48.
const NEAR: f64 = 0.5 / 48.0;
/// Colours that are one to the eye, side by side in two ramps: so far apart in no channel.
const ALIKE: u8 = 6;

/// Neighbouring zooms whose ramps look alike; each looks like the first of its group, so that small steps do not add up.
fn grouped<'a, 'b>(zooms: &'b [Zoom<'a>]) -> Vec<&'b [Zoom<'a>]> {
    let mut groups = Vec::new();
    let mut rest = zooms;
    while let Some(first) = rest.first() {
        let alike = rest.iter().take_while(|zoom| looks_like(first, zoom)).count();
        let (group, others) = rest.split_at(alike.max(1));
        groups.push(group);
        rest = others;
    }
    groups
}

/// Whether two zooms have the same labels at the same places of the same colours, as far as anyone sees.
fn looks_like(a: &Zoom<'_>, b: &Zoom<'_>) -> bool {
    let near = |(a, b): (&Mark, &Mark)| number(&a.2) == number(&b.2) && (a.1.get() - b.1.get()).abs() <= NEAR;
    let alike = |(a, b): (&Hex, &Hex)| a.0.iter().zip(b.0).all(|(a, b)| a.abs_diff(b) <= ALIKE);
    (a.1.len(), a.2.len()) == (b.1.len(), b.2.len())
        && a.1.iter().zip(b.1).all(near)
        && a.2.iter().zip(b.2.iter()).all(alike)
}

/// A label without the signs that something lies beyond an end.
fn number(label: &str) -> &str {
    label.trim_start_matches('<').trim_end_matches('+')
}

/// Number, ticks and colours of a zoom.
type Zoom<'a> = (u8, &'a [Mark], &'a Colours);

fn tick(Mark(points, place, label): &Mark) -> Tick {
    Tick { count: points.0, at: place.get(), label: label.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn heat(ramp: &serde_json::Value, theme: Option<&str>, zooms: &serde_json::Value) -> Heat {
        let legend = json!({"title": "t", "notes": ["n"]});
        let heat = json!({
            "version": 1, "rows": 9, "used": 9, "legend": legend, "ramp": ramp, "zooms": zooms, "theme": theme,
        });
        serde_json::from_value(heat).unwrap()
    }

    #[test]
    fn zooms_of_one_scale_share_a_ramp() {
        let mark = |n: u32| json!({"ticks": [[1, 0, "1"], [n, 1, n.to_string()]]});
        let mut zooms =
            json!({"9": mark(7), "10": mark(5), "2": mark(9), "3": mark(9), "4": {"ticks": [[1, 0.5, "1"]]}});
        let colours = json!(["#000000", "#888888", "#ffffff"]);
        let legend = of_heat(&heat(&colours, None, &zooms)).unwrap();
        let labels: Vec<_> = legend.ramps.iter().map(|ramp| (ramp.label.as_str(), ramp.colours.len())).collect();
        assert_eq!(labels, [("z 2-3", 3), ("z 4", 2), ("z 9", 3), ("z 10", 3)]);
        assert_eq!(legend.ramps[1].colours, [[0x88, 0x88, 0x88, 255]; 2]);
        assert_eq!(legend.ramps[3].ticks[1].label, "5");
        zooms["3"]["ramp"] = json!(["#000000", "#ff0000"]);
        let legend = of_heat(&heat(&colours, None, &zooms)).unwrap();
        assert_eq!((legend.ramps.len(), &*legend.ramps[0].label, &*legend.ramps[1].label), (5, "z 2", "z 3"));
        assert_eq!(legend.ramps[1].colours, [[0, 0, 0, 255], [255, 0, 0, 255]]);
        assert_eq!(of_heat(&heat(&json!([]), None, &zooms)), None);
    }

    #[test]
    fn scales_that_look_alike_share_a_ramp() {
        let zoom = |middle: f64, colour: &str| json!({"ticks": [[1, 0, "1"], [10, middle, "10"], [12_000, 1, "12k"]], "ramp": ["#000000", colour]});
        let zooms = json!({
            "3": zoom(0.24, "#fff3b8"), "4": zoom(0.247, "#fcf3b8"), "5": zoom(0.25, "#fff3b8"),
            // Near to the one before it, but no more to the first.
            "6": zoom(0.254, "#fff3b8"), "7": zoom(0.254, "#f7f3b8"), "9": zoom(0.254, "#f7f3b8"),
        });
        let legend = of_heat(&heat(&json!(["#000000", "#ffffff"]), None, &zooms)).unwrap();
        assert_eq!(legend.ramps.iter().map(|ramp| &*ramp.label).collect::<Vec<_>>(), ["z 3-5", "z 6", "z 7-9"]);
        // Signs are told where any of the zooms has them.
        let zoom = |least: &str, most: &str| json!({"ticks": [[1, 0, least], [44, 1, most]]});
        let zooms = json!({"1": zoom("1", "44"), "2": zoom("<1", "44"), "3": zoom("1", "44+"), "4": zoom("1", "45")});
        let legend = of_heat(&heat(&json!(["#000000", "#ffffff"]), None, &zooms)).unwrap();
        let labels = |n: usize| legend.ramps[n].ticks.iter().map(|tick| &*tick.label).collect::<Vec<_>>();
        assert_eq!((legend.ramps.len(), labels(0), labels(1)), (2, vec!["<1", "44+"], vec!["1", "45"]));
    }

    #[test]
    fn scales_that_end_alike_are_not_one() {
        let zooms = json!({
            "2": {"ticks": [[1, 0, "1"], [9, 1, "9"]]},
            "3": {"ticks": [[1, 0, "1"], [3, 0.5, "3"], [9, 1, "9"]]},
        });
        let legend = of_heat(&heat(&json!(["#000000", "#ffffff"]), Some("dark"), &zooms)).unwrap();
        assert_eq!(legend.ramps.iter().map(|ramp| ramp.label.as_str()).collect::<Vec<_>>(), ["z 2", "z 3"]);
        assert_eq!(legend.theme, Theme::Dark);
    }

    #[test]
    fn the_largest_that_can_be_said_is_a_picture_of_bounded_size() {
        let ticks: Vec<_> = (0..64).map(|n| json!([n, 0.5, "9".repeat(32)])).collect();
        let zooms: serde_json::Map<_, _> = (0..=30u32)
            .map(|z| (z.to_string(), json!({"ticks": ticks, "ramp": vec![format!("#{z:06x}"); 256]})))
            .collect();
        let mut most = heat(&json!(["#000000", "#ffffff"]), None, &zooms.into());
        let long = "i ".repeat(100);
        most.legend = serde_json::from_value(json!({"title": long, "notes": vec![long.clone(); 16]})).unwrap();
        let picture = super::super::draw(&of_heat(&most).unwrap(), 2);
        assert!(picture.height() < 6_000, "{}", picture.height());
    }
}
