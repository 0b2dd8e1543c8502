//! What a table of cells is: its columns, and what it says of itself beside them.

use crate::counts::Step;

/// Under these names a table says of itself what its columns do not: Parquet and Arrow have room for it.
pub(super) const ZOOM_KEY: &str = "tilefire.zoom";
pub(super) const WEIGHT_KEY: &str = "tilefire.weight";
pub(super) const STEP_KEY: &str = "tilefire.step";
pub(super) const LEAST_KEY: &str = "tilefire.min_count";
pub(super) const BY_KEY: &str = "tilefire.key";

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
    /// What they are values of.
    pub(super) by: Option<String>,
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
        all.extend(self.by.iter().filter(|_| !self.labels.is_empty()).map(|by| (BY_KEY, by.clone())));
        if let Some((weight, step)) = &self.sum {
            all.extend([(WEIGHT_KEY, weight.clone()), (STEP_KEY, step.to_string())]);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_in_their_order() {
        let sum = Some(("tonnes".to_owned(), Step::default()));
        let mut table =
            Table { kind: Kind::Pixels, zoom: 7, labels: vec!["a".into()], by: Some("kind".into()), sum, least: 5 };
        let all = ["zoom", "key", "x", "y", "pixel_x", "pixel_y", "lon", "lat", "count", "sum"];
        assert_eq!(table.columns(), all);
        let says = [("tilefire.zoom", "7"), ("tilefire.min_count", "5"), ("tilefire.key", "kind")];
        let says = says.into_iter().chain([("tilefire.weight", "tonnes"), ("tilefire.step", "0.000001")]);
        assert!(table.metadata().iter().map(|(key, value)| (*key, value.as_str())).eq(says));
        table = Table { kind: Kind::Hexagons, labels: Vec::new(), sum: None, ..table };
        assert_eq!(table.columns(), ["h3", "lon", "lat", "count"]);
    }
}
