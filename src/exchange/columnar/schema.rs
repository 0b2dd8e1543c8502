//! Batches of cells as Arrow has them: the types of their columns, and what a table says of itself.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, Float64Array, Int32Array, Int64Array, PrimitiveArray, RecordBatch, StringArray,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use crate::error::{Error, Result};
use crate::exchange::batch::Batch;
use crate::exchange::tables::Table;

/// The columns of a table and their types, none of them ever null. Tiles have 64 bits and pixels 32, so that `x * 256 +
/// pixel_x` fits in whatever reads them.
pub(super) fn schema(table: &Table) -> SchemaRef {
    let field = |name: &str| {
        let kind = match name {
            "zoom" | "pixel_x" | "pixel_y" => DataType::Int32,
            "lon" | "lat" => DataType::Float64,
            "key" => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            "h3" => DataType::Utf8,
            _ => DataType::Int64,
        };
        Field::new(name, kind, false)
    };
    let fields: Vec<Field> = table.columns().into_iter().map(field).collect();
    Arc::new(Schema::new(fields))
}

/// Turns batches of cells into those of Arrow.
pub(super) struct Columns<'a> {
    table: &'a Table,
    schema: SchemaRef,
    /// The same array in all batches, so that a file has it once.
    labels: ArrayRef,
}

impl<'a> Columns<'a> {
    pub(super) fn new(table: &'a Table, schema: SchemaRef) -> Self {
        let labels = Arc::new(StringArray::from_iter_values(&table.labels));
        Self { table, schema, labels }
    }

    /// The columns of a batch, in order.
    pub(super) fn arrays(&self, batch: &Batch) -> Result<Vec<ArrayRef>> {
        let small = |values: &[i32]| Arc::new(Int32Array::from(values.to_vec())) as ArrayRef;
        let whole = |values: &[i64]| Arc::new(Int64Array::from(values.to_vec())) as ArrayRef;
        let degrees = |values: &[f64]| Arc::new(Float64Array::from(values.to_vec())) as ArrayRef;
        let column = |name: &str| {
            Ok(match name {
                "zoom" => Arc::new(Int32Array::from_value(self.table.zoom.into(), batch.len())) as ArrayRef,
                "key" => {
                    let keys = PrimitiveArray::<Int32Type>::from(batch.keys.clone());
                    Arc::new(DictionaryArray::try_new(keys, self.labels.clone()).map_err(|e| failed(&e))?)
                }
                "x" => whole(&batch.x),
                "y" => whole(&batch.y),
                "pixel_x" => small(&batch.pixel_x),
                "pixel_y" => small(&batch.pixel_y),
                "h3" => Arc::new(StringArray::from_iter_values(batch.hexagons.iter().map(|h3| format!("{h3:x}")))),
                "lon" => degrees(&batch.lon),
                "lat" => degrees(&batch.lat),
                "count" => whole(&batch.counts),
                _ => whole(&batch.sums),
            })
        };
        self.table.columns().into_iter().map(column).collect()
    }

    /// The batch as one of Arrow.
    pub(super) fn record(&self, batch: &Batch) -> Result<RecordBatch> {
        RecordBatch::try_new(self.schema.clone(), self.arrays(batch)?).map_err(|e| failed(&e))
    }
}

/// The error for what Arrow could not write.
pub(super) fn failed(problem: &ArrowError) -> Error {
    Error::Output(format!("cannot write cells: {problem}"))
}
