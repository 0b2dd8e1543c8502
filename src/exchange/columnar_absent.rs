//! Stands in for Parquet, Arrow and H3 in a build without them: refused, with the way out.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use super::batch::{Filler, Writer};
use super::form::Form;
use super::gather::Reader;
use super::select::{Few, Selection};
use super::tables::Table;
use crate::account::Account;
use crate::counts::Value;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::store::CountStore;

/// Always fails: says how to build with them.
pub(super) fn there(path: &Path) -> Result<()> {
    Err(absent(&path.display().to_string()))
}

fn absent(what: &str) -> Error {
    Error::Usage(format!(
        "{what}: this tilefire was built without Parquet, Arrow and H3; build it with 'cargo build --release --features \
         columnar', or name a .csv file, without --h3"
    ))
}

pub(super) fn parquet<'a>(_: &'a Table, _: &'a mut (dyn Write + Send)) -> Result<Box<dyn Writer + 'a>> {
    Err(absent("Parquet"))
}

pub(super) fn arrow<'a>(_: &'a Table, _: &'a mut (dyn Write + Send)) -> Result<Box<dyn Writer + 'a>> {
    Err(absent("Arrow"))
}

pub(super) fn open(path: &Path, _: Form, _: &Arc<Account>) -> Result<Box<dyn Reader>> {
    Err(absent(&path.display().to_string()))
}

/// What hexagons would be made of.
#[expect(dead_code, reason = "nothing is made of it")]
pub(super) struct Hexagons<'a> {
    pub(super) selection: Selection,
    pub(super) resolution: u8,
    pub(super) folder: &'a Path,
    pub(super) account: &'a Arc<Account>,
}

impl Hexagons<'_> {
    pub(super) fn push<V: Value>(&self, _: &CountStore<V>, _: &mut Few, _: &mut Filler<'_>, _: &Monitor) -> Result<()> {
        Err(absent(&format!("hexagons of resolution {}", self.resolution)))
    }
}
