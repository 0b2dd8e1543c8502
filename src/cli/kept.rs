//! Files of counts where a command takes points too.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use super::arguments::StyleArgs;
use crate::countfile::{CountFile, is_counts};
use crate::error::{Error, Result};
use crate::render::{Kept, Sources};
use crate::source::{ColumnRef, ReadOptions, Weight};

/// The weight that a file has, as one is asked for.
pub(super) fn weight_of(file: &CountFile) -> Option<Weight> {
    let weight = file.about().weight.as_ref()?;
    Some(Weight { column: ColumnRef::Name(weight.column.clone()), step: weight.step()? })
}

/// Fails where `style` asks for a measure of weights, and the file has none.
pub(super) fn check_measure(style: &StyleArgs, file: &CountFile) -> Result<()> {
    match style.measure_of_weights().filter(|_| file.about().weight.is_none()) {
        Some(measure) => Err(Error::Usage(format!(
            "--measure {measure} is of weights, and {} has none; count again with tilefire count --weight COLUMN",
            file.path().display()
        ))),
        None => Ok(()),
    }
}

/// The file of counts among `inputs`, where they are one.
pub(super) fn kept(inputs: &[PathBuf]) -> Result<Option<CountFile>> {
    let begins = |path: &PathBuf| {
        let mut head = Vec::new();
        // Pipes are not looked into: what is read of them is gone.
        let is_file = std::fs::metadata(path).is_ok_and(|about| about.is_file());
        is_file && File::open(path).is_ok_and(|file| file.take(16).read_to_end(&mut head).is_ok()) && is_counts(&head)
    };
    let Some(path) = inputs.iter().find(|path| begins(path)) else { return Ok(None) };
    if inputs.len() > 1 {
        return Err(Error::Usage(format!(
            "{} is a file of counts, and there are other inputs; add files of counts up with tilefire merge first",
            path.display()
        )));
    }
    CountFile::open(path).map(Some)
}

/// Counts instead of the points that `typed` asks for. Fails where more was said of how these are read.
pub(super) fn instead(typed: &Sources, file: CountFile) -> Result<Sources> {
    if typed.read != ReadOptions::default() || typed.region.is_some() || typed.columns_from_first {
        return Err(Error::Usage(format!(
            "{} holds counts; what chooses columns, rows or points is said when they are counted, with tilefire count",
            file.path().display()
        )));
    }
    Ok(Sources::of(Kept::of(file)))
}
