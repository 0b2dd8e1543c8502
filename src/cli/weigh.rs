//! Which column weighs, as every command takes it that reads points.

use clap::Args;

use crate::counts::Step;
use crate::error::{Error, Result};
use crate::source::{ColumnRef, Weight};

#[derive(Debug, Clone, Args)]
pub(super) struct WeightArgs {
    /// Add up the numbers of this column instead of counting points
    ///
    /// Its name, or # and its number from 1. Rows without a number there are left out. Weights may be below 0.
    #[arg(long, value_name = "COLUMN", help_heading = "Measure")]
    weight: Option<ColumnRef>,
    /// What weights are whole numbers of, such as 0.01; finer ones are rounded to it, and told [default: 0.000001]
    #[arg(long, value_name = "STEP", help_heading = "Measure", hide_short_help = true)]
    weight_step: Option<Step>,
}

impl WeightArgs {
    /// The weight that was asked for.
    pub(super) fn weight(self) -> Result<Option<Weight>> {
        match (self.weight, self.weight_step) {
            (Some(column), step) => Ok(Some(Weight { column, step: step.unwrap_or_default() })),
            (None, None) => Ok(None),
            (None, Some(_)) => Err(Error::Usage(
                "--weight-step is of weights, and none were asked for; name their column with --weight".into(),
            )),
        }
    }
}
