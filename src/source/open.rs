//! Opens inputs, finds out what each is and which columns it has, before any row is read.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::delimited::{self, Delimited};
use super::describe::ColumnAbout;
use super::format::Source;
use super::input::{Bytes, kept_open};
use super::key::KeyTable;
use super::kinds;
use super::notice::Notice;
use super::packed::{Packing, Recipe, is_utf16, zip};
use super::rejects::{RejectLimits, RejectLog};
use super::stop::Stop;
use super::{Input, ReadOptions};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::project::Crs;

/// Bytes looked at first: enough for nearly every first record.
const HEAD: usize = 64 << 10;
/// Inputs whose columns are described: of thousands nobody reads them.
const DESCRIBED: usize = 100;

/// Inputs that are open, with their columns found.
pub struct Opened {
    pub(super) sources: Vec<Box<dyn Source>>,
    pub(super) options: Vec<ReadOptions>,
    pub(super) notices: Vec<Notice>,
    pub(super) rejects: Option<Arc<RejectLog>>,
    pub(super) limits: RejectLimits,
    /// Which share of all rows is read, and of how many.
    pub(super) shared: Option<(u32, u32)>,
    pub(super) keys: Option<Arc<KeyTable>>,
}

impl Opened {
    /// The columns of each input and its size, as far as these are known. Columns are kept of the first 100 inputs.
    pub fn tables(&self) -> impl Iterator<Item = (&[ColumnAbout], Option<u64>)> {
        self.sources.iter().map(|source| (source.about().table.as_slice(), source.about().bytes))
    }

    /// How the first input is read.
    pub fn first(&self) -> Option<String> {
        self.sources.first().map(|source| source.about().report().notice)
    }

    /// Writes every row that is left out to `log`, if there is one.
    #[must_use]
    pub fn rejects_to(self, log: Option<Arc<RejectLog>>) -> Self {
        Self { rejects: log, ..self }
    }

    /// Tells `notices` before its own.
    #[must_use]
    pub fn noting(mut self, notices: &[Notice]) -> Self {
        self.notices.splice(..0, notices.iter().cloned());
        self
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
    let kept_open = kept_open();
    let mut projected: Vec<(&Crs, bool)> = Vec::new();
    let mut places: HashMap<((u64, u64), Option<String>), &Input> = HashMap::new();
    let mut same: Option<(u64, &Input, &Input)> = None;
    let mut total = Some(0);
    let mut opened = Opened {
        sources: Vec::with_capacity(inputs.len()),
        options: inputs.iter().map(|(_, options)| (*options).clone()).collect(),
        notices: Vec::new(),
        rejects: None,
        limits: RejectLimits::default(),
        shared: None,
        keys: keys(inputs)?,
    };
    for (i, &(input, options)) in inputs.iter().enumerate() {
        // Asking PROJ takes tens of milliseconds.
        let known = projected.iter().find(|(crs, _)| *crs == options.system()).map(|known| known.1);
        let metres = match known {
            Some(metres) => metres,
            None => {
                let metres = options.system().is_projected()?;
                projected.push((options.system(), metres));
                metres
            }
        };
        let bytes = Bytes::open(input, i < kept_open)?;
        let place = bytes.place();
        let of_first = opened.sources.first().filter(|_| columns_from_first).map(|first| {
            let [x, y] = first.about().columns.each_ref().map(|name| name.parse().ok());
            if x == y {
                ReadOptions { geometry: x, ..options.clone() }
            } else {
                ReadOptions { x, y, ..options.clone() }
            }
        });
        let (mut source, member) =
            recognise(bytes, input, (of_first.as_ref().unwrap_or(options), opened.keys.as_ref()), metres, &stop)?;
        if let Some(place) = place
            && let Some(first) = places.insert((place, member), input)
        {
            same.get_or_insert((0, input, first)).0 += 1;
        }
        if i >= DESCRIBED {
            source.forget_table();
        }
        total = total.zip(source.about().bytes).map(|(a, b)| a + b);
        opened.sources.push(source);
    }
    opened.notices.extend(same.map(|(number, input, first)| same_file(number, input, first)));
    monitor.bytes_total.store(total.unwrap_or(0), Ordering::Relaxed);
    Ok(opened)
}

/// What the keys of all inputs are kept in, where rows are counted by a key. It is one for all of them.
fn keys(inputs: &[(&Input, &ReadOptions)]) -> Result<Option<Arc<KeyTable>>> {
    let first = inputs.first().and_then(|(_, options)| options.key.as_ref());
    if inputs.iter().any(|(_, options)| options.key.as_ref() != first) {
        return Err(Error::Usage(
            "the inputs of a run are counted by one key; give the same one for all (--by)".into(),
        ));
    }
    Ok(first.map(|key| Arc::new(KeyTable::new(key))))
}

/// The notice about inputs that are files which were inputs before; the first of them, and what it was before.
fn same_file(number: u64, input: &Input, first: &Input) -> Notice {
    let one =
        if first == input { format!("{input} is named twice") } else { format!("{input} and {first} are one file") };
    let text = match number {
        1 => format!("{one}: its rows are counted twice"),
        _ => format!("{one}, and so are {} others read before: their rows are counted more than once", number - 1),
    };
    Notice { input: Some(input.to_string()), ..Notice::new("same_file", text) }
}

/// The columns of an input from which no coordinates are read, as far as it has any.
///
/// Fails as [`open`] does where it is no text.
pub fn columns(input: &Input, options: &ReadOptions, monitor: &Monitor) -> Result<Vec<ColumnAbout>> {
    let stop = Stop::new(monitor);
    let text = unpacked(Bytes::open(input, false)?, input, &stop)?;
    Ok(delimited::table(&text.head, options))
}

/// The source for what `bytes` hold, to be read as options say and by a key if there is one; of an archive, that of a member, and its name.
fn recognise(
    bytes: Bytes,
    input: &Input,
    options: (&ReadOptions, Option<&Arc<KeyTable>>),
    projected: bool,
    stop: &Stop<'_>,
) -> Result<(Box<dyn Source>, Option<String>)> {
    let Text { bytes, head, input, member, encoding } = unpacked(bytes, input, stop)?;
    Ok((Box::new(Delimited::open(bytes, head, &input, options, encoding, projected, stop)?), member))
}

/// What is left of an input once it is unpacked.
struct Text {
    bytes: Bytes,
    head: Vec<u8>,
    /// The input, or the member of it that was taken.
    input: Input,
    /// The name of that.
    member: Option<String>,
    /// What it was in where that is worth to be told.
    encoding: Option<&'static str>,
}

/// Whether a file that is called an archive is one behind other bytes, such as a program that unpacks it.
fn is_behind(bytes: &Bytes) -> Result<bool> {
    match bytes {
        Bytes::File(file) if file.path().extension().is_some_and(|end| end.eq_ignore_ascii_case("zip")) => {
            zip::ends(file)
        }
        _ => Ok(false),
    }
}

/// Unpacks `bytes`; fails where what they hold is no text, naming what it is.
fn unpacked(mut bytes: Bytes, input: &Input, stop: &Stop<'_>) -> Result<Text> {
    let mut head = Vec::new();
    bytes.head(&mut head, HEAD, stop)?;
    let mut recipe = Recipe::default();
    let mut taken = None;
    let mut how = "";
    let (archive, wanted) = match input {
        Input::Member { archive, name } => (archive.clone(), Some(name.as_str())),
        Input::File(_) | Input::Stdin => (input.path(), None),
    };
    if wanted.is_some() || zip::begins(&head) || is_behind(&bytes)? {
        let file = bytes.seekable(stop)?;
        let member = zip::choose(&file, wanted, &head)?;
        taken = Some(member.name.clone());
        (recipe, how) = (Recipe::member(member), "zip");
        bytes = Bytes::File(file).unpack(recipe.clone())?;
        bytes.head(&mut head, HEAD, stop)?;
    }
    let input = taken.clone().map_or_else(|| input.clone(), |name| Input::Member { archive, name });
    if let Some(packing) = Packing::of(&head) {
        recipe = recipe.and(packing);
        bytes = bytes.unpack(recipe.clone())?;
        head.clear();
        bytes.head(&mut head, HEAD, stop)?;
        how = packing.name();
        if let Some(inner) = Packing::of(&head) {
            let inner = inner.name();
            return Err(Error::Input(format!("{input} is packed twice, {inner} within {how}; unpack it once first")));
        }
    }
    if !how.is_empty() && zip::begins(&head) {
        return Err(Error::Input(format!("{input} is a zip archive packed with {how}; unpack it once first")));
    }
    if how.is_empty() && is_utf16(&head) {
        bytes = bytes.unpack(recipe.clone())?;
        head.clear();
        bytes.head(&mut head, HEAD, stop)?;
    }
    if let Some(what) = kinds::other(&head) {
        let within = if how.is_empty() { String::new() } else { format!(" (packed with {how})") };
        return Err(Error::Input(format!("{input}{within} {what}")));
    }
    let encoding = recipe.made_of_utf16().then_some("UTF-16");
    Ok(Text { bytes, head, input, member: taken, encoding })
}
