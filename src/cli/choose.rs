//! Which rows are wanted, as every command takes it that reads points.

use std::sync::Arc;

use clap::Args;

use crate::error::{Error, Result};
use crate::project;
use crate::region::{Area, Region};
use crate::render::image::View;
use crate::source::{Condition, DateFormat, ReadOptions, Sample};

#[derive(Debug, Clone, Args)]
pub(super) struct ChooseArgs {
    /// Take only rows of which this holds: 'COLUMN OP VALUE' with =, !=, <, <=, >, >=, in, is missing; several must all hold
    ///
    /// For instance 'severity in 1, 2', 'month in 6..8', 'date >= 2023-05-14' (2023-05 is a month), 'name is not missing'. A
    /// blank cell meets 'is missing' alone. Within quotes a value is text: 'code = "007"'.
    #[arg(long = "where", value_name = "CONDITION", allow_hyphen_values = true, help_heading = "Choose")]
    conditions: Vec<Condition>,
    /// How dates are written that --where and --by look at, such as %d/%m/%Y or '%d.%m.%Y %H:%M' [default: ISO 8601]
    #[arg(long, value_name = "FORMAT", help_heading = "Choose", hide_short_help = true)]
    date_format: Option<DateFormat>,
    /// Take only a share of the rows, such as 1% or 0.01, the same ones each time
    #[arg(long, value_name = "SHARE", help_heading = "Choose", hide_short_help = true)]
    sample: Option<Sample>,
    /// Take only points in these polygons: a file of GeoJSON or well-known text, or 'POLYGON ((...))' itself; in degrees
    #[arg(long, value_name = "AREA", help_heading = "Choose", hide_short_help = true)]
    within: Option<String>,
}

impl ChooseArgs {
    /// The options with what is wanted, and where points must lie. Fails, naming the file, where that holds no area, and where
    /// nothing looks at the dates whose form was given.
    pub(super) fn chosen(self, read: ReadOptions) -> Result<(ReadOptions, Option<Region>)> {
        let Self { conditions, date_format, sample, within } = self;
        if date_format.is_some() && conditions.is_empty() && read.key.is_none() {
            return Err(Error::Usage(
                "--date-format is of dates that conditions or keys look at, and there are none; give one with --where, or count --by".into(),
            ));
        }
        let area = within.as_deref().map(Area::read).transpose()?;
        let region = area.map(|area| Region { bbox: None, area: Some(Arc::new(area)) });
        Ok((ReadOptions { conditions, sample, date: date_format, ..read }, region))
    }
}

/// The region with the box that was typed.
pub(super) fn boxed(region: Option<Region>, bbox: Option<&View>) -> Option<Region> {
    match bbox {
        Some(View::Bounds(bounds)) => Some(Region { bbox: Some(project::frame(bounds)), ..region.unwrap_or_default() }),
        _ => region,
    }
}
