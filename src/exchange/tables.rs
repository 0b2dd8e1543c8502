//! What a table of cells is: its columns, what it says of itself beside them, and the order of its keys.

use crate::counts::Step;

/// Under these names a table says of itself what its columns do not: Parquet and Arrow have room for it.
pub(super) const ZOOM_KEY: &str = "tilefire.zoom";
pub(super) const WEIGHT_KEY: &str = "tilefire.weight";
pub(super) const STEP_KEY: &str = "tilefire.step";
pub(super) const LEAST_KEY: &str = "tilefire.min_count";

/// What the cells of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Pixels of a zoom.
    Pixels,
    /// Hexagons of H3.
    Hexagons,
}

/// The columns of a table that is written, and what they mean.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) kind: Kind,
    pub(super) zoom: u8,
    /// The keys in the order of their numbers; empty where there is no such column.
    pub(super) labels: Vec<String>,
    /// The name of the column that was added up, and what a step of the sums is worth.
    pub(super) sum: Option<(String, Step)>,
    /// Cells of fewer points were left out.
    pub(super) least: u32,
}

impl Table {
    /// The names of its columns, in order.
    pub(super) fn columns(&self) -> Vec<&'static str> {
        let key = (!self.labels.is_empty()).then_some("key");
        let place: &[&str] = match self.kind {
            Kind::Pixels => &["x", "y", "pixel_x", "pixel_y"],
            Kind::Hexagons => &["h3"],
        };
        let zoom = (self.kind == Kind::Pixels).then_some("zoom");
        let sum = self.sum.is_some().then_some("sum");
        let columns = zoom.into_iter().chain(key).chain(place.iter().copied());
        columns.chain(["lon", "lat", "count"]).chain(sum).collect()
    }

    /// What it says of itself, by name.
    pub(super) fn metadata(&self) -> Vec<(&'static str, String)> {
        let mut all = vec![(ZOOM_KEY, self.zoom.to_string())];
        if self.least > 1 {
            all.push((LEAST_KEY, self.least.to_string()));
        }
        if let Some((weight, step)) = &self.sum {
            all.extend([(WEIGHT_KEY, weight.clone()), (STEP_KEY, step.to_string())]);
        }
        all
    }
}

/// Brings the labels of keys into their order: whole numbers by their value where all of them are whole numbers, else by
/// their bytes.
pub fn sort_labels(labels: &mut [String]) {
    let number = |label: &String| label.parse::<i128>().ok();
    if labels.iter().all(|label| number(label).is_some()) {
        // Of one number in several forms the bytes decide.
        labels.sort_by(|a, b| number(a).cmp(&number(b)).then_with(|| a.cmp(b)));
    } else {
        labels.sort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_in_the_order_of_numbers_or_of_bytes() {
        let sorted = |labels: &[&str]| {
            let mut labels: Vec<String> = labels.iter().map(|&label| label.into()).collect();
            sort_labels(&mut labels);
            labels
        };
        assert_eq!(sorted(&["10", "9", "-1", "09"]), ["-1", "09", "9", "10"]);
        assert_eq!(sorted(&["10", "9", "b", ""]), ["", "10", "9", "b"]);
    }

    #[test]
    fn columns_stand_in_their_order() {
        let sum = Some(("tonnes".to_owned(), Step::default()));
        let mut table = Table { kind: Kind::Pixels, zoom: 7, labels: vec!["a".into()], sum, least: 5 };
        let all = ["zoom", "key", "x", "y", "pixel_x", "pixel_y", "lon", "lat", "count", "sum"];
        assert_eq!(table.columns(), all);
        let says = [("tilefire.zoom", "7"), ("tilefire.min_count", "5"), ("tilefire.weight", "tonnes")];
        let says = says.into_iter().chain([("tilefire.step", "0.000001")]);
        assert!(table.metadata().iter().map(|(key, value)| (*key, value.as_str())).eq(says));
        table = Table { kind: Kind::Hexagons, labels: Vec::new(), sum: None, ..table };
        assert_eq!(table.columns(), ["h3", "lon", "lat", "count"]);
    }
}
