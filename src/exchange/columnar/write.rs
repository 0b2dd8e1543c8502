//! Writes cells as Parquet and as files of Arrow. Batches and row groups have the same cells whatever the threads, so the
//! bytes are the same too; the columns of a batch are encoded side by side.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use arrow_schema::{Schema, SchemaRef};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use rayon::prelude::*;

use super::schema::{Columns, failed, schema};
use crate::error::{Error, Result};
use crate::exchange::batch::{BATCH, Batch, Writer};
use crate::exchange::tables::Table;

/// Batches of a row group: 1,048,576 cells.
const GROUP: usize = (1 << 20) / BATCH;
/// The level of zstd.
const LEVEL: i32 = 3;

type Out<'a> = &'a mut (dyn Write + Send);

/// A Parquet file of cells.
pub(in crate::exchange) fn parquet<'a>(table: &'a Table, out: Out<'a>) -> Result<Box<dyn Writer + 'a>> {
    let schema = schema(table);
    let columns = ArrowSchemaConverter::new().convert(&schema).map_err(|e| unwritten(&e))?;
    let says = |(key, value): (&str, String)| KeyValue::new(key.to_owned(), value);
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("tilefire ", env!("CARGO_PKG_VERSION")).into())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL).map_err(|e| unwritten(&e))?))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_key_value_metadata(Some(table.metadata().into_iter().map(says).collect()))
        .set_max_row_group_row_count(Some(GROUP * BATCH));
    for name in table.columns() {
        // Degrees and keys are few in a row group: a dictionary of them takes least.
        if !matches!(name, "lon" | "lat" | "key") {
            let encoding = if name == "h3" { Encoding::DELTA_BYTE_ARRAY } else { Encoding::DELTA_BINARY_PACKED };
            properties = properties.set_column_dictionary_enabled(name.into(), false);
            properties = properties.set_column_encoding(name.into(), encoding);
        }
    }
    let file = SerializedFileWriter::new(out, columns.root_schema_ptr(), Arc::new(properties.build()))
        .map_err(|e| unwritten(&e))?;
    let factory = ArrowRowGroupWriterFactory::new(&file, schema.clone());
    let columns = Columns::new(table, schema.clone());
    Ok(Box::new(Parquet { columns, schema, file, factory, open: Vec::new(), batches: 0, groups: 0 }))
}

struct Parquet<'a> {
    columns: Columns<'a>,
    schema: SchemaRef,
    file: SerializedFileWriter<Out<'a>>,
    factory: ArrowRowGroupWriterFactory,
    /// The columns of the row group that is not full yet.
    open: Vec<ArrowColumnWriter>,
    batches: usize,
    groups: usize,
}

impl Parquet<'_> {
    /// Writes the row group.
    fn close(&mut self) -> Result<()> {
        let columns: Vec<_> = std::mem::take(&mut self.open).into_par_iter().map(ArrowColumnWriter::close).collect();
        let write = || {
            let mut group = self.file.next_row_group()?;
            for column in columns {
                column?.append_to_row_group(&mut group)?;
            }
            group.close().map(|_| ())
        };
        write().map_err(|e| unwritten(&e))?;
        self.groups += 1;
        self.batches = 0;
        Ok(())
    }
}

impl Writer for Parquet<'_> {
    fn put(&mut self, batch: &Batch) -> Result<()> {
        if self.open.is_empty() {
            self.open = self.factory.create_column_writers(self.groups).map_err(|e| unwritten(&e))?;
        }
        let arrays = self.columns.arrays(batch)?;
        let columns = self.open.par_iter_mut().zip(self.schema.fields().par_iter()).zip(&arrays);
        let write = columns.map(|((writer, field), array)| {
            compute_leaves(field, array)?.iter().try_for_each(|leaf| writer.write(leaf))
        });
        write.collect::<Result<(), ParquetError>>().map_err(|e| unwritten(&e))?;
        self.batches += 1;
        if self.batches == GROUP { self.close() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        if !self.open.is_empty() {
            self.close()?;
        }
        self.file.close().map(|_| ()).map_err(|e| unwritten(&e))
    }
}

fn unwritten(problem: &ParquetError) -> Error {
    Error::Output(format!("cannot write cells: {problem}"))
}

/// A file of Arrow (IPC) of cells.
pub(in crate::exchange) fn arrow<'a>(table: &'a Table, out: Out<'a>) -> Result<Box<dyn Writer + 'a>> {
    let says: HashMap<String, String> =
        table.metadata().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let plain = schema(table);
    let schema = Arc::new(Schema::new_with_metadata(plain.fields().clone(), says));
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::ZSTD));
    let options = options.and_then(|options| options.try_with_compression_level(Some(LEVEL)));
    let file = options.and_then(|options| FileWriter::try_new_with_options(out, &schema, options));
    Ok(Box::new(Arrow { columns: Columns::new(table, schema), file: file.map_err(|e| failed(&e))? }))
}

struct Arrow<'a> {
    columns: Columns<'a>,
    file: FileWriter<Out<'a>>,
}

impl Writer for Arrow<'_> {
    fn put(&mut self, batch: &Batch) -> Result<()> {
        self.file.write(&self.columns.record(batch)?).map_err(|e| failed(&e))
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.file.finish().map_err(|e| failed(&e))
    }
}
