//! What is asked for: valid and ready to use; behind it nothing is checked again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::backend::gpu::GpuOptions;
use crate::container::Form;
use crate::container::library::Library;
use crate::countfile::CountFile;
use crate::region::Region;
use crate::shade::Style;
use crate::source::{Input, Notice, ReadOptions, RejectLimits, RejectLog};
use crate::tile::ZoomRange;

/// Which device does the work.
#[derive(Debug, Clone, Default)]
pub enum Device {
    /// A real GPU if there is one, else the CPU; the report says which.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU, or an error.
    Gpu,
}

/// Where points come from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// Files to read, in order; their points add up.
    pub inputs: Vec<Input>,
    /// What is known of these before they are opened: see [`crate::source::expand`].
    pub notices: Vec<Notice>,
    /// How they are read, and what their coordinates mean.
    pub read: ReadOptions,
    /// Inputs that are read otherwise, by their places in `inputs`.
    pub apart: BTreeMap<usize, ReadOptions>,
    /// Whether the columns of the first input are taken in all others.
    pub columns_from_first: bool,
    /// Where points must lie to be wanted.
    pub region: Option<Region>,
    /// How many of their rows may be left out.
    pub limits: RejectLimits,
    /// Where these are written down.
    pub rejects: Option<Arc<RejectLog>>,
    /// Counts that were kept, which are there instead of rows; the file of them is the one input then.
    pub kept: Option<Kept>,
}

/// Counts that were kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The file that holds them.
    pub file: Arc<CountFile>,
    /// The planes that are drawn, by their places.
    pub planes: Vec<u16>,
    /// How they meet.
    pub combined: Combined,
    /// What chose them, where not all are drawn, as it was typed.
    pub chosen: Option<String>,
    /// What the tiles that are there were made of, where those that did not change shall stay.
    pub since: Option<Arc<CountFile>>,
}

impl Kept {
    /// All counts of a file, added up.
    pub fn of(file: impl Into<Arc<CountFile>>) -> Self {
        let file = file.into();
        let planes = (0..=u16::MAX).take(file.about().planes.len()).collect();
        Self { file, planes, combined: Combined::Sum, chosen: None, since: None }
    }
}

/// How planes that are drawn together become one.
#[derive(Debug, Clone, Default)]
pub enum Combined {
    /// They are added up.
    #[default]
    Sum,
    /// The plane at that place is a part of all.
    Share(u16),
    /// All planes of another file are taken off.
    Less(Arc<CountFile>),
    /// Each has a colour of its own.
    Categories(Categories),
}

/// Colours of planes.
#[derive(Debug, Clone)]
pub struct Categories {
    /// The colour of each plane that is drawn.
    pub colours: Vec<(u16, [u8; 3])>,
    /// The opaque colour below them, if there is one.
    pub background: Option<[u8; 3]>,
}

/// What the work may use.
#[derive(Debug, Clone, Default)]
pub struct Resources {
    /// Where the work is done.
    pub device: Device,
    /// Adapter and limits, for a GPU.
    pub gpu: GpuOptions,
    /// Worker threads; `None` for one per core.
    pub threads: Option<usize>,
    /// Bytes of host memory for the work; `None` for half of what the process may use.
    pub memory: Option<u64>,
}

/// What a person says of a set of tiles.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// Its name; that of the output where nothing is said.
    pub title: Option<String>,
    /// What it shows.
    pub description: Option<String>,
    /// Whom to thank for the points: text, and links as HTML has them.
    pub attribution: Option<String>,
}

/// A run that is valid and ready: behind this nothing is checked again.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where points come from.
    pub sources: Sources,
    /// Zooms to make tiles for; of tiles of 512 pixels a side the highest there can be is one less.
    pub zooms: ZoomRange,
    /// Whether the highest of them is found from the points, up to `zooms.max`.
    pub auto_zoom: bool,
    /// What they look like; spans by zoom are by the zoom whose pixels are counted, see [`Form::counted`].
    pub style: Style,
    /// What the work may use.
    pub resources: Resources,
    /// Folder to write.
    pub out: PathBuf,
    /// Whether an output that tilefire made earlier may be replaced.
    pub force: bool,
    /// Whether to write a map page beside the tiles.
    pub page: bool,
    /// Whether to write one beside a PMTiles file too.
    pub page_beside: bool,
    /// Where the page loads OpenLayers from.
    pub library: Library,
    /// Address the tiles will be found under, for absolute URLs in the metadata.
    pub base_url: Option<String>,
    /// What is said of the set.
    pub labels: Labels,
    /// What the tiles are as files.
    pub form: Form,
    /// Whether to read and count only, and to estimate what writing would cost.
    pub dry_run: bool,
}

/// Which zooms are drawn, and what they look like: all that tile sets and pictures have in common once there are counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drawing<'a> {
    /// The zooms to be drawn, by their pixels; for a picture the one whose pixels are its own.
    pub(crate) zooms: ZoomRange,
    /// By how many zooms they are ahead of those that tiles have.
    pub(crate) steps: u8,
    /// Whether the last of them is there for tiles of twice the pixels alone.
    pub(crate) retina: bool,
    /// What they look like.
    pub(crate) style: &'a Style,
}

impl Sources {
    /// Files of longitudes and latitudes whose columns have usual names.
    pub fn new(inputs: Vec<Input>) -> Self {
        Self {
            inputs,
            notices: Vec::new(),
            read: ReadOptions::default(),
            apart: BTreeMap::new(),
            columns_from_first: false,
            region: None,
            limits: RejectLimits::default(),
            rejects: None,
            kept: None,
        }
    }

    /// Counts instead of rows.
    pub fn of(kept: Kept) -> Self {
        let mut inputs = vec![Input::File(kept.file.path().to_path_buf())];
        if let Combined::Less(other) = &kept.combined {
            inputs.push(Input::File(other.path().to_path_buf()));
        }
        Self { kept: Some(kept), ..Self::new(inputs) }
    }

    /// Each input with how it is read.
    pub(crate) fn each(&self) -> Vec<(&Input, &ReadOptions)> {
        let read = |(i, input)| (input, self.apart.get(&i).unwrap_or(&self.read));
        self.inputs.iter().enumerate().map(read).collect()
    }

    /// Whether all inputs are files, which have their first rows at hand.
    pub(crate) fn are_files(&self) -> bool {
        self.inputs.iter().all(|input| input.file().is_some_and(Path::is_file))
    }

    /// The inputs that are files.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.inputs.iter().filter_map(|input| Some(input.file()?.to_path_buf())).collect()
    }
}

impl Request {
    /// What is drawn.
    pub(crate) fn drawing(&self) -> Drawing<'_> {
        Drawing {
            zooms: self.form.counted(self.zooms),
            steps: self.form.steps(),
            retina: self.form.retina,
            style: &self.style,
        }
    }

    /// A request with the defaults of the command line.
    pub fn new(inputs: Vec<Input>, out: impl Into<PathBuf>) -> Self {
        Self {
            sources: Sources::new(inputs),
            zooms: ZoomRange { min: 0, max: 10 },
            auto_zoom: false,
            style: Style::default(),
            resources: Resources::default(),
            out: out.into(),
            force: false,
            page: true,
            page_beside: false,
            library: Library::default(),
            base_url: None,
            labels: Labels::default(),
            form: Form::default(),
            dry_run: false,
        }
    }
}
