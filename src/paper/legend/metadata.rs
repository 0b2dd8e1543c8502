//! The legend of a finished tile set, from what its metadata says under `heat`: a ramp for each group of zooms that
//! share a scale. So the legend beside the tiles, the server's and the page's always say the same.

use serde_json::Value;

use crate::shade::{Legend, Ramp, Theme, Tick, colour};

/// The legend of a set with this metadata, `None` where it does not say enough. Without a theme it is the light one.
pub fn of_metadata(metadata: &Value) -> Option<Legend> {
    let heat = metadata.get("heat")?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let colours: Vec<[u8; 4]> = heat["ramp"].as_array()?.iter().filter_map(|c| colour(c.as_str()?)).collect();
    let list = |value: &Value| Some(value.as_array()?.iter().filter_map(|c| colour(c.as_str()?)).collect::<Vec<_>>());
    let of_zoom = |(z, zoom): (&String, &Value)| {
        let ticks = zoom["ticks"].as_array()?.iter().filter_map(tick).collect();
        // Colours that fade in have a ramp for each zoom.
        Some((z.parse().ok()?, ticks, list(&zoom["ramp"]).unwrap_or_else(|| colours.clone())))
    };
    let mut zooms: Vec<Zoom> = heat["zooms"].as_object()?.iter().filter_map(of_zoom).collect();
    zooms.sort_by_key(|zoom| zoom.0);
    let groups: Vec<_> = zooms.chunk_by(|a, b| (&a.1, &a.2) == (&b.1, &b.2)).collect();
    let ramp = |group: &&[Zoom]| {
        let (first, last) = (group.first()?, group.last()?);
        let colours = &first.2;
        let label = match groups.len() {
            1 => String::new(),
            _ if first.0 == last.0 => format!("z {}", first.0),
            _ => format!("z {}-{}", first.0, last.0),
        };
        // All counts alike have the middle colour and no other.
        let middle = colours.get(colours.len() / 2).copied().map(|colour| vec![colour; 2]);
        let colours = if first.1.len() < 2 { middle.unwrap_or_default() } else { colours.clone() };
        Some(Ramp { label, colours, ticks: first.1.clone() })
    };
    Some(Legend {
        title: text(&heat["legend"]["title"])?,
        notes: heat["legend"]["notes"].as_array()?.iter().filter_map(text).collect(),
        theme: heat["theme"].as_str().and_then(|theme| theme.parse().ok()).unwrap_or(Theme::Light),
        ramps: groups.iter().filter_map(ramp).collect(),
    })
}

/// Number, ticks and colours of a zoom.
type Zoom = (u64, Vec<Tick>, Vec<[u8; 4]>);

fn tick(value: &Value) -> Option<Tick> {
    Some(Tick { count: value[0].as_f64()?, at: value[1].as_f64()?, label: value[2].as_str()?.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn zooms_of_one_scale_share_a_ramp() {
        let mark = |n: u32| json!({"ticks": [[1, 0, "1"], [n, 1, n.to_string()]]});
        let zooms = json!({"9": mark(7), "10": mark(5), "2": mark(9), "3": mark(9), "4": {"ticks": [[1, 0.5, "1"]]}});
        let heat = json!({"legend": {"title": "t", "notes": ["n"]}, "ramp": ["#000", "#888", "#fff"], "zooms": zooms});
        let legend = of_metadata(&json!({ "heat": heat.clone() })).unwrap();
        let labels: Vec<_> = legend.ramps.iter().map(|ramp| (ramp.label.as_str(), ramp.colours.len())).collect();
        assert_eq!(labels, [("z 2-3", 3), ("z 4", 2), ("z 9", 3), ("z 10", 3)]);
        assert_eq!(legend.ramps[1].colours, [[0x88, 0x88, 0x88, 255]; 2]);
        assert_eq!(legend.ramps[3].ticks[1].label, "5");
        let mut own = json!({ "heat": heat });
        own["heat"]["zooms"]["3"]["ramp"] = json!(["#000", "#f00"]);
        let legend = of_metadata(&own).unwrap();
        assert_eq!((legend.ramps.len(), &*legend.ramps[0].label, &*legend.ramps[1].label), (5, "z 2", "z 3"));
        assert_eq!(legend.ramps[1].colours, [[0, 0, 0, 255], [255, 0, 0, 255]]);
        for wrong in [json!({}), json!({"heat": 3}), json!({"heat": {"zooms": [], "ramp": 1}})] {
            assert_eq!(of_metadata(&wrong), None);
        }
    }

    #[test]
    fn scales_that_end_alike_are_not_one() {
        let zooms = json!({
            "2": {"ticks": [[1, 0, "1"], [9, 1, "9"]]},
            "3": {"ticks": [[1, 0, "1"], [3, 0.5, "3"], [9, 1, "9"]]},
        });
        let heat = json!({
            "legend": {"title": "t", "notes": []}, "ramp": ["#000", "#fff"], "zooms": zooms, "theme": "dark",
        });
        let legend = of_metadata(&json!({ "heat": heat })).unwrap();
        assert_eq!(legend.ramps.iter().map(|ramp| ramp.label.as_str()).collect::<Vec<_>>(), ["z 2", "z 3"]);
        assert_eq!(legend.theme, Theme::Dark);
    }
}
