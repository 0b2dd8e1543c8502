//! Opens inputs, finds out what each is and which columns it has, before any row is read.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::delimited::Delimited;
use super::describe::ColumnAbout;
use super::format::Source;
use super::input::{Bytes, KEPT_OPEN};
use super::kinds;
use super::notice::Notice;
use super::packed::{Packing, Recipe};
use super::rejects::{RejectLimits, RejectLog};
use super::stop::Stop;
use super::{Input, ReadOptions};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::project::Crs;

/// Bytes looked at first: enough for nearly every first record.
const HEAD: usize = 64 << 10;

/// Inputs that are open, with their columns found.
pub struct Opened {
    pub(super) sources: Vec<Box<dyn Source>>,
    pub(super) options: Vec<ReadOptions>,
    pub(super) notices: Vec<Notice>,
    pub(super) rejects: Option<Arc<RejectLog>>,
    pub(super) limits: RejectLimits,
}

impl Opened {
    /// The columns of each input and its size, as far as these are known.
    pub fn tables(&self) -> impl Iterator<Item = (&[ColumnAbout], Option<u64>)> {
        self.sources.iter().map(|source| (source.about().table.as_slice(), source.about().bytes))
    }

    /// Writes every row that is left out to `log`, if there is one.
    #[must_use]
    pub fn rejects_to(self, log: Option<Arc<RejectLog>>) -> Self {
        Self { rejects: log, ..self }
    }

    /// Fails at the end of the reading where more rows of an input are left out than `limits` allow.
    #[must_use]
    pub fn within(self, limits: RejectLimits) -> Self {
        Self { limits, ..self }
    }

    /// The reference system of each input, in the order given.
    pub fn systems(&self) -> impl Iterator<Item = &Crs> {
        self.sources.iter().map(|source| &source.about().crs)
    }
}

/// Opens every input, each read as its options say, and finds its columns; with
/// `columns_from_first` those of the first are looked for in all others. Sets `monitor.bytes_total`, to 0 when one
/// of them is a stream, whose first bytes are waited for.
///
/// Fails with [`Error::Input`] or [`Error::Io`] naming the input, with [`Error::Usage`] where there is none, and with
/// [`Error::Crs`] on an unknown reference system.
pub fn open(inputs: &[(&Input, &ReadOptions)], columns_from_first: bool, monitor: &Monitor) -> Result<Opened> {
    if inputs.is_empty() {
        return Err(Error::Usage("no input; name at least one CSV file, or - for standard input".into()));
    }
    if inputs.iter().filter(|(input, _)| **input == Input::Stdin).count() > 1 {
        return Err(Error::Usage("standard input can be read once only".into()));
    }
    let stop = Stop::new(monitor);
    let mut projected: Vec<(&Crs, bool)> = Vec::new();
    let mut places: HashMap<(u64, u64), &Input> = HashMap::new();
    let mut total = Some(0);
    let mut opened = Opened {
        sources: Vec::with_capacity(inputs.len()),
        options: inputs.iter().map(|(_, options)| (*options).clone()).collect(),
        notices: Vec::new(),
        rejects: None,
        limits: RejectLimits::default(),
    };
    for (i, &(input, options)) in inputs.iter().enumerate() {
        // Asking PROJ takes tens of milliseconds.
        let known = projected.iter().find(|(crs, _)| *crs == options.system()).map(|known| known.1);
        let metres = match known {
            Some(metres) => metres,
            None => options.system().is_projected()?,
        };
        projected.push((options.system(), metres));
        let bytes = Bytes::open(input, i < KEPT_OPEN)?;
        if let Some(place) = bytes.place()
            && let Some(first) = places.insert(place, input)
        {
            let text = if first == input {
                format!("{input} is named twice: its rows are counted twice")
            } else {
                format!("{input} and {first} are one file: its rows are counted twice")
            };
            opened.notices.push(Notice { input: Some(input.to_string()), ..Notice::new("same_file", text) });
        }
        let of_first = opened.sources.first().filter(|_| columns_from_first).map(|first| {
            let [x, y] = first.about().columns.each_ref().map(|name| name.parse().ok());
            if x == y {
                ReadOptions { geometry: x, ..options.clone() }
            } else {
                ReadOptions { x, y, ..options.clone() }
            }
        });
        let source = recognise(bytes, input, of_first.as_ref().unwrap_or(options), metres, &stop)?;
        total = total.zip(source.about().bytes).map(|(a, b)| a + b);
        opened.sources.push(source);
    }
    monitor.bytes_total.store(total.unwrap_or(0), Ordering::Relaxed);
    Ok(opened)
}

/// The source for what `bytes` hold.
fn recognise(
    mut bytes: Bytes,
    input: &Input,
    options: &ReadOptions,
    projected: bool,
    stop: &Stop<'_>,
) -> Result<Box<dyn Source>> {
    let mut head = Vec::new();
    bytes.head(&mut head, HEAD, stop)?;
    let mut how = "";
    if let Some(packing) = Packing::of(&head) {
        bytes = bytes.unpack(Recipe::unpack(packing))?;
        head.clear();
        bytes.head(&mut head, HEAD, stop)?;
        how = packing.name();
        if let Some(inner) = Packing::of(&head) {
            let inner = inner.name();
            return Err(Error::Input(format!("{input} is packed twice, {inner} within {how}; unpack it once first")));
        }
    }
    if head.starts_with(b"PK\x03\x04") {
        let holds = |word: &[u8]| head.windows(word.len()).any(|part| part == word);
        let spreadsheet =
            holds(b"xl/") || holds(b"[Content_Types].xml") || holds(b"vnd.oasis.opendocument.spreadsheet");
        let what = if spreadsheet {
            "is a spreadsheet; save it as CSV"
        } else {
            "is a zip archive, which is not read yet; unpack it first (unzip)"
        };
        return Err(Error::Input(format!("{input} {what}")));
    }
    if let Some(what) = kinds::other(&head) {
        let within = if how.is_empty() { String::new() } else { format!(" (packed with {how})") };
        return Err(Error::Input(format!("{input}{within} {what}")));
    }
    Ok(Box::new(Delimited::open(bytes, head, input, options, projected, stop)?))
}
