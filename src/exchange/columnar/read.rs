//! Reads cells from Parquet and from files of Arrow, whoever wrote them: whole numbers of any width, decimals and floats
//! that are whole, keys as text or whole numbers. A file is anyone's, so what it says of its lengths is compared with its
//! own before anything is allocated.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_ipc::reader::{FileReader, FileReaderBuilder};
use arrow_schema::{ArrowError, DataType, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::account::{Account, Held};
use crate::counts::Step;
use crate::error::{Error, Result};
use crate::exchange::batch::Found;
use crate::exchange::form::Form;
use crate::exchange::gather::{Column, Labels, Reader, Says};
use crate::exchange::tables::{BY_KEY, STEP_KEY, WEIGHT_KEY, ZOOM_KEY};
use crate::tile::MAX_ZOOM;

/// Cells that are read from Parquet at a time.
const ROWS: usize = 1 << 13;

/// A file of record batches.
enum Batches {
    Parquet(ParquetRecordBatchReader),
    Arrow(Box<FileReader<File>>, #[expect(dead_code, reason = "held as long as batches are read")] Held),
}

struct Cells {
    path: PathBuf,
    batches: Batches,
    says: Says,
    /// The columns that are read, in their order in a batch.
    columns: Vec<Column>,
    step: Option<Step>,
    row: u64,
}

/// Opens a file of cells.
pub(in crate::exchange) fn open(path: &Path, form: Form, account: &Arc<Account>) -> Result<Box<dyn Reader>> {
    let file = File::open(path).map_err(|e| Error::io("open", path, e))?;
    let damaged = |problem: &dyn std::fmt::Display| unreadable(path, problem);
    let find = |schema: &Schema| {
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let mut places: Vec<(usize, Column)> = (Column::find(path, &names)?.into_iter().zip(Column::ALL))
            .filter_map(|(place, column)| Some((place?, column)))
            .collect();
        places.sort_unstable_by_key(|(place, _)| *place);
        Ok::<_, Error>(places.into_iter().unzip::<usize, Column, Vec<_>, Vec<_>>())
    };
    let (columns, says, batches) = if form == Form::Parquet {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| damaged(&e))?;
        let (places, columns) = find(builder.schema())?;
        let said = builder.metadata().file_metadata().key_value_metadata();
        let says = says(path, |key| {
            said.into_iter().flatten().find(|pair| pair.key == key).and_then(|pair| pair.value.clone())
        })?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), places);
        let reader = builder.with_projection(mask).with_batch_size(ROWS).build().map_err(|e| damaged(&e))?;
        (columns, says, Batches::Parquet(reader))
    } else {
        let mut file = file;
        let widest = widest(&mut file).map_err(|e| damaged(&e))?;
        let held = account.take(2 * widest, &format!("a record batch of {}", path.display()))?;
        // Opened twice: for the names of the columns, then for those that are wanted.
        let again = file.try_clone().map_err(|e| Error::io("open", path, e))?;
        let all = FileReader::try_new(again, None).map_err(|e| damaged(&e))?;
        let (places, columns) = find(&all.schema())?;
        let says = says(path, |key| {
            all.schema().metadata().get(key).cloned().or_else(|| all.custom_metadata().get(key).cloned())
        })?;
        drop(all);
        let reader = FileReaderBuilder::new().with_projection(places).build(file).map_err(|e| damaged(&e))?;
        (columns, says, Batches::Arrow(Box::new(reader), held))
    };
    let says = Says { sums: columns.contains(&Column::Sum), ..says };
    Ok(Box::new(Cells { path: path.to_path_buf(), batches, says, columns, step: None, row: 0 }))
}

/// What a file says of its cells.
fn says(path: &Path, get: impl Fn(&str) -> Option<String>) -> Result<Says> {
    let step = get(STEP_KEY).map(|step| step.parse::<Step>()).transpose();
    let step = step.map_err(|problem| Error::Input(format!("{}: {STEP_KEY}: {problem}", path.display())))?;
    let zoom = get(ZOOM_KEY).and_then(|zoom| zoom.parse().ok()).filter(|&zoom: &u8| zoom <= MAX_ZOOM);
    Ok(Says { sums: false, zoom, weight: get(WEIGHT_KEY), step, by: get(BY_KEY) })
}

fn unreadable(path: &Path, problem: &dyn std::fmt::Display) -> Error {
    let shown = problem.to_string();
    let line = shown.lines().next().unwrap_or_default();
    Error::Input(format!("{}: cannot be read as what its ending says: {line}", path.display()))
}

/// Bytes of the largest block of an Arrow file. Fails where the file cannot hold what its footer says.
fn widest(file: &mut File) -> Result<u64, String> {
    let len = file.metadata().map_err(|e| e.to_string())?.len();
    let mut read = |from: u64, bytes: &mut [u8]| {
        file.seek(SeekFrom::Start(from)).and_then(|_| file.read_exact(bytes)).map_err(|e| e.to_string())
    };
    let mut tail = [0; 10];
    let end = len.checked_sub(10).ok_or("it is too short")?;
    read(end, &mut tail)?;
    let [a, b, c, d, magic @ ..] = tail;
    if magic != *b"ARROW1" {
        return Err("it does not end as a file of Arrow does".into());
    }
    let footer = u64::try_from(i32::from_le_bytes([a, b, c, d])).ok().filter(|&footer| footer < end);
    let footer = footer.ok_or("its footer is longer than the file")?;
    let mut bytes = vec![0; footer as usize];
    read(end - footer, &mut bytes)?;
    let footer = arrow_ipc::root_as_footer(&bytes).map_err(|e| format!("its footer is damaged: {e}"))?;
    let blocks = footer.recordBatches().into_iter().flatten().chain(footer.dictionaries().into_iter().flatten());
    let mut widest = 0;
    for block in blocks {
        let parts = [block.offset(), block.metaDataLength().into(), block.bodyLength()].map(u64::try_from);
        let [Ok(offset), Ok(metadata), Ok(body)] = parts else { return Err("its footer is damaged".into()) };
        let within = metadata.checked_add(body).and_then(|block| offset.checked_add(block)).is_some_and(|at| at <= len);
        if !within {
            return Err("its footer names a batch that lies outside of the file".into());
        }
        widest = widest.max(metadata + body);
    }
    Ok(widest)
}

impl Reader for Cells {
    fn says(&self) -> Says {
        self.says.clone()
    }

    fn settle(&mut self, step: Option<Step>) {
        self.step = step;
    }

    fn next(&mut self, labels: &mut Labels) -> Result<Option<Found>> {
        loop {
            let next: Option<Result<RecordBatch, ArrowError>> = match &mut self.batches {
                Batches::Parquet(reader) => reader.next(),
                Batches::Arrow(reader, _) => reader.next(),
            };
            let Some(batch) = next.transpose().map_err(|e| unreadable(&self.path, &e))? else { return Ok(None) };
            if batch.num_rows() > 0 {
                let found = self.found(&batch, labels)?;
                self.row += batch.num_rows() as u64;
                return Ok(Some(found));
            }
        }
    }
}

impl Cells {
    fn found(&self, batch: &RecordBatch, labels: &mut Labels) -> Result<Found> {
        let mut found = Found::default();
        let rows = Rows { path: &self.path, before: self.row };
        for (&column, array) in self.columns.iter().zip(batch.columns()) {
            let to = match column {
                Column::Zoom => &mut found.zoom,
                Column::X => &mut found.x,
                Column::Y => &mut found.y,
                Column::PixelX => &mut found.pixel_x,
                Column::PixelY => &mut found.pixel_y,
                Column::Count => &mut found.count,
                Column::Sum => found.sum.insert(Vec::new()),
                Column::Key => {
                    found.key = Some(rows.keys(array, labels)?);
                    continue;
                }
            };
            *to = rows.whole(column, array)?;
        }
        Ok(found)
    }
}

/// The rows of a batch.
struct Rows<'a> {
    path: &'a Path,
    /// Rows of the file before it.
    before: u64,
}

impl Rows<'_> {
    fn wrong(&self, column: Column, at: usize, why: &str) -> Error {
        column.wrong(self.path, self.before + at as u64 + 1, why)
    }

    /// A column of whole numbers.
    fn whole(&self, column: Column, array: &ArrayRef) -> Result<Vec<i64>> {
        if let Some(at) = (0..array.len()).find(|&at| array.is_null(at)) {
            return Err(self.wrong(column, at, "is missing"));
        }
        macro_rules! narrow {
            ($kind:ty) => {
                Ok(array.as_primitive::<$kind>().values().iter().map(|&value| value.into()).collect())
            };
        }
        match array.data_type() {
            DataType::Int8 => narrow!(Int8Type),
            DataType::Int16 => narrow!(Int16Type),
            DataType::Int32 => narrow!(Int32Type),
            DataType::Int64 => Ok(array.as_primitive::<Int64Type>().values().to_vec()),
            DataType::UInt8 => narrow!(UInt8Type),
            DataType::UInt16 => narrow!(UInt16Type),
            DataType::UInt32 => narrow!(UInt32Type),
            DataType::UInt64 => {
                let values = array.as_primitive::<UInt64Type>().values().iter();
                self.each(column, values.map(|&value| (i64::try_from(value).ok(), value)))
            }
            DataType::Decimal128(_, 0) => {
                let values = array.as_primitive::<Decimal128Type>().values().iter();
                self.each(column, values.map(|&value| (i64::try_from(value).ok(), value)))
            }
            DataType::Float32 => {
                let values = array.as_primitive::<Float32Type>().values().iter();
                self.each(column, values.map(|&value| (whole(value.into()), value)))
            }
            DataType::Float64 => {
                let values = array.as_primitive::<Float64Type>().values().iter();
                self.each(column, values.map(|&value| (whole(value), value)))
            }
            other => Err(Error::Input(format!(
                "{}: the column {} is of type {other}; it must be of whole numbers",
                self.path.display(),
                column.name()
            ))),
        }
    }

    fn each<T: std::fmt::Display>(
        &self,
        column: Column,
        values: impl Iterator<Item = (Option<i64>, T)>,
    ) -> Result<Vec<i64>> {
        let value = |(at, (whole, value)): (usize, (Option<i64>, T))| {
            whole.ok_or_else(|| self.wrong(column, at, &format!("{value} is no whole number that fits 64 bits")))
        };
        values.enumerate().map(value).collect()
    }

    /// The numbers of the labels of a column of keys.
    fn keys(&self, array: &ArrayRef, labels: &mut Labels) -> Result<Vec<u32>> {
        let mut number = |at: usize, label: Option<&str>| {
            let label = label.ok_or_else(|| self.wrong(Column::Key, at, "is missing"))?;
            labels.number(label, self.path, self.before + at as u64 + 1)
        };
        match array.data_type() {
            DataType::Utf8 => {
                array.as_string::<i32>().iter().enumerate().map(|(at, label)| number(at, label)).collect()
            }
            DataType::LargeUtf8 => {
                array.as_string::<i64>().iter().enumerate().map(|(at, label)| number(at, label)).collect()
            }
            DataType::Utf8View => {
                array.as_string_view().iter().enumerate().map(|(at, label)| number(at, label)).collect()
            }
            DataType::Dictionary(kind, _) => match **kind {
                DataType::Int8 => self.coded::<Int8Type>(array, labels),
                DataType::Int16 => self.coded::<Int16Type>(array, labels),
                DataType::Int32 => self.coded::<Int32Type>(array, labels),
                DataType::Int64 => self.coded::<Int64Type>(array, labels),
                DataType::UInt8 => self.coded::<UInt8Type>(array, labels),
                DataType::UInt16 => self.coded::<UInt16Type>(array, labels),
                DataType::UInt32 => self.coded::<UInt32Type>(array, labels),
                _ => self.coded::<UInt64Type>(array, labels),
            },
            kind if kind.is_integer() => {
                let whole = self.whole(Column::Key, array)?;
                whole.iter().enumerate().map(|(at, value)| number(at, Some(&value.to_string()))).collect()
            }
            other => Err(Error::Input(format!(
                "{}: the column key is of type {other}; it must be of text or of whole numbers",
                self.path.display()
            ))),
        }
    }

    /// The same of a column with a dictionary: each of its labels is looked at once, where it is used.
    fn coded<K: ArrowDictionaryKeyType>(&self, array: &ArrayRef, labels: &mut Labels) -> Result<Vec<u32>> {
        let coded = array.as_dictionary::<K>();
        let mut known: Vec<Option<u32>> = vec![None; coded.values().len()];
        let mut numbers = Vec::with_capacity(coded.len());
        for at in 0..coded.len() {
            let place = coded.key(at).filter(|&place| place < known.len());
            let place = place.ok_or_else(|| self.wrong(Column::Key, at, "is missing"))?;
            let number = match known[place] {
                Some(number) => number,
                None => {
                    // One label; an error names the row that it is used in.
                    let row = Self { before: self.before + at as u64, ..*self };
                    let one = row.keys(&coded.values().slice(place, 1), labels)?;
                    *known[place].insert(one.first().copied().unwrap_or_default())
                }
            };
            numbers.push(number);
        }
        Ok(numbers)
    }
}

/// A float as the whole number that it is.
fn whole(value: f64) -> Option<i64> {
    /// From here on floats stand for several whole numbers.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (value.abs() <= EXACT && value == value.trunc()).then_some(value as i64)
}
