//! `tilefire shade`: counts that were kept to tiles.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::arguments::{ResourceArgs, StyleArgs};
use super::kept::{check_measure, weight_of};
use super::tiles::{Made, TilesArgs};
use crate::countfile::CountFile;
use crate::counts::{Measure, Step};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::render::{Categories, Combined, Kept, Resources, Sources};
use crate::shade::{Function, Style, Weighing};
use crate::source::Condition;
use crate::tile::ZoomRange;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ShadeArgs {
    /// File of counts, which tilefire count made
    #[arg(value_name = "FILE.counts")]
    input: PathBuf,
    /// Zooms to make, both ends included: 0..10, 0-10 or one number [default: all that there are counts of]
    #[arg(short, long, visible_alias = "levels", value_name = "ZOOMS", help_heading = "Output")]
    zooms: Option<ZoomRange>,
    /// Draw only the planes of which this holds, of counts by a key: 'severity = 1', 'month in 6..8', 'hour in 22..23'
    #[arg(long = "where", value_name = "CONDITION", allow_hyphen_values = true, help_heading = "Choose")]
    conditions: Vec<Condition>,
    /// Rewrite only the tiles of a folder that changed since it was made of these counts; others stay the files that they are
    #[arg(long, value_name = "OLD.counts", conflicts_with_all = ["split", "conditions"], help_heading = "Output")]
    changed_since: Option<PathBuf>,
    /// Make a set for each value of the key, with one scale: of -o trips.pmtiles trips-VALUE.pmtiles
    #[arg(long, help_heading = "Output")]
    split: bool,
    #[command(flatten)]
    style: StyleArgs,
    #[command(flatten)]
    resources: ResourceArgs,
    #[command(flatten)]
    tiles: TilesArgs,
}

const EXAMPLES: &str = "Examples:
  tilefire shade trips.counts -o trips.pmtiles --theme dark
  tilefire shade trips.counts -o trips -z 0..8 --colormap fire --how eq-hist
  tilefire shade hurt.counts -o mean.pmtiles --measure mean
  tilefire shade by-month.counts -o summer.pmtiles --where 'month in 6..8'
  tilefire shade by-severity.counts -o fatal.pmtiles --measure share:Fatal
  tilefire shade by-severity.counts -o severity.pmtiles --measure categories
  tilefire shade by-hour.counts -o hours.pmtiles --split";

pub(super) fn run(mut args: ShadeArgs, monitor: &Arc<Monitor>) -> Result<()> {
    let file = CountFile::open(&args.input)?;
    check_measure(&args.style, &file)?;
    let form = args.tiles.form();
    let highest = file.about().zoom.checked_sub(form.steps().max(u8::from(form.retina))).ok_or_else(|| {
        Error::Usage(format!(
            "{} has zoom 0 alone, and tiles of 512 pixels are made of those of the next zoom; count again with a higher -z",
            args.input.display()
        ))
    })?;
    let zooms = args.zooms.unwrap_or(ZoomRange { min: 0, max: highest });
    let mut kept = Kept::of(file);
    choose(&mut kept, &args.conditions)?;
    let weighing = match args.style.share() {
        _ if args.style.is_of_categories() => None,
        Some(value) => {
            let place = place_of(&kept, value)?;
            kept.combined = Combined::Share(place);
            Some(Weighing {
                measure: Measure::Share,
                column: kept.file.about().planes[usize::from(place)].name.clone(),
                step: Step::ONE,
                diverging: false,
            })
        }
        None => args.style.weighing(weight_of(&kept.file).as_ref())?,
    };
    let style = if args.style.is_of_categories() {
        let (style, chosen) = args.style.style_of_categories(Some((zooms, form)))?;
        let colours = colours_of(&kept, chosen)?;
        kept.combined = Combined::Categories(Categories { colours, background: args.style.background() });
        style
    } else {
        args.style.style_of(Some((zooms, form)), weighing)?
    };
    let resources = args.resources.resources()?;
    // Read before the run, which may replace it.
    let other = args.style.other()?;
    if args.split {
        return split(&args.tiles, &kept, (zooms, style, resources), monitor);
    }
    if let Some(old) = &args.changed_since {
        if !matches!(kept.combined, Combined::Sum) {
            return Err(Error::Usage("--changed-since is of counts, sums and means; leave it out".into()));
        }
        kept.since = Some(Arc::new(CountFile::open(old)?));
        args.tiles.replace();
    }
    let made = Made { sources: Sources::of(kept), zooms, auto_zoom: false, style, resources };
    args.tiles.make(made, None, other, monitor)
}

/// Leaves the planes of which all conditions hold.
pub(super) fn choose(kept: &mut Kept, conditions: &[Condition]) -> Result<()> {
    if conditions.is_empty() {
        return Ok(());
    }
    let (about, name) = (kept.file.about(), kept.file.path().display());
    let Some(key) = &about.key else {
        return Err(Error::Usage(format!(
            "{name} is not counted by anything that --where could choose from; count again with --by COLUMN"
        )));
    };
    let part = key.by.split_once('(').map_or(key.by.as_str(), |(part, _)| part);
    for condition in conditions {
        let column = condition.column().to_string();
        if !column.eq_ignore_ascii_case(&key.by) && !column.eq_ignore_ascii_case(part) {
            return Err(Error::Usage(format!(
                "--where '{condition}' is of '{column}', and {name} is counted by '{}'; write for instance '{part} = {}'",
                key.by,
                about.planes.first().map_or("", |plane| &plane.name)
            )));
        }
    }
    let holds = |plane: &u16| {
        let name = &about.planes[usize::from(*plane)].name;
        conditions.iter().all(|condition| condition.holds_of(name))
    };
    let planes: Vec<u16> = kept.planes.iter().copied().filter(holds).collect();
    if planes.is_empty() {
        let some: Vec<&str> = about.planes.iter().take(8).map(|plane| plane.name.as_str()).collect();
        return Err(Error::Input(format!(
            "{name} has no value of '{}' that was asked for; it has {}",
            key.by,
            some.join(", ")
        )));
    }
    kept.planes = planes;
    let typed: Vec<String> = conditions.iter().map(|condition| format!("--where '{condition}'")).collect();
    kept.chosen = Some(typed.join(" "));
    Ok(())
}

/// What the sets of values are called: whatever a value is, its name is no path, and no other's in small letters.
fn names_of<'a>(values: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for value in values {
        let plain = |c: char| if c.is_alphanumeric() || "-_.+ ".contains(c) { c } else { '_' };
        let name: String = value.chars().map(plain).collect();
        let is_taken = |name: &str| names.iter().any(|other| other.to_lowercase() == name.to_lowercase());
        let mut free = name.clone();
        let mut number = 2;
        while is_taken(&free) {
            free = format!("{name}-{number}");
            number += 1;
        }
        names.push(free);
    }
    names
}

/// Colours that tell categories apart, on dark ground and on light.
const COLOURS: [&str; 10] =
    ["#f28e2b", "#4e79d8", "#e15759", "#3fb8a5", "#b07aef", "#edc949", "#59a14f", "#ff8fb1", "#9c755f", "#8d99a6"];

/// A colour for each plane that is drawn.
fn colours_of(kept: &Kept, chosen: Option<Vec<[u8; 3]>>) -> Result<Vec<(u16, [u8; 3])>> {
    let name = kept.file.path().display();
    if kept.file.about().key.is_none() {
        return Err(Error::Usage(format!(
            "{name} has no categories, being counted by nothing; count again with --by COLUMN"
        )));
    }
    let usual = || COLOURS.iter().filter_map(|hex| crate::shade::colour(hex)).map(|[r, g, b, _]| [r, g, b]).collect();
    let colours: Vec<[u8; 3]> = chosen.unwrap_or_else(usual);
    if colours.len() < kept.planes.len() {
        return Err(Error::Usage(format!(
            "{} categories are more than {} colours; give as many with --colormap 'crimson, orange, ...' (at most {MOST}), \
             choose some with --where, or count again with --values",
            kept.planes.len(),
            colours.len()
        )));
    }
    if kept.planes.len() > MOST {
        return Err(Error::Usage(format!(
            "{} categories are more than a legend has room for, {MOST}; choose some with --where",
            kept.planes.len()
        )));
    }
    Ok(kept.planes.iter().copied().zip(colours).collect())
}

/// Categories that have colours, at most.
const MOST: usize = 64;

/// The place of the plane of a value among those that are drawn.
fn place_of(kept: &Kept, value: &str) -> Result<u16> {
    let about = kept.file.about();
    let is = |plane: &&u16| about.planes[usize::from(**plane)].name == value;
    kept.planes.iter().find(is).copied().ok_or_else(|| {
        let name = kept.file.path().display();
        match &about.key {
            None => Error::Usage(format!(
                "{name} has no shares to draw, being counted by nothing; count again with --by COLUMN"
            )),
            Some(key) => {
                let some: Vec<&str> = about.planes.iter().take(8).map(|plane| plane.name.as_str()).collect();
                Error::Usage(format!(
                    "{name} has no value '{value}' of '{}' to draw the share of; it has {}",
                    key.by,
                    some.join(", ")
                ))
            }
        }
    })
}

/// Makes a set for each value of the key, all with one scale.
fn split(
    tiles: &TilesArgs,
    kept: &Kept,
    (zooms, style, resources): (ZoomRange, Style, Resources),
    monitor: &Arc<Monitor>,
) -> Result<()> {
    let about = kept.file.about();
    let input = kept.file.path().display().to_string();
    if about.key.is_none() {
        return Err(Error::Usage(format!(
            "{input} is counted by nothing that it could be split by; count again with --by COLUMN"
        )));
    }
    if style.function == Function::EqHist {
        return Err(Error::Usage(
            "--how eq-hist makes a scale of each set's own pixels, and --split gives all one scale; choose another --how".into(),
        ));
    }
    let by = about.key.as_ref().map_or("", |key| &key.by);
    let values = kept.planes.iter().map(|plane| about.planes[usize::from(*plane)].name.as_str());
    let names = names_of(values);
    tiles.check_free(&names)?;
    let mut all = Vec::new();
    for &plane in &kept.planes {
        let value = about.planes[usize::from(plane)].name.clone();
        let chosen = Some(format!("--where '{by} = {value}'"));
        let one = Kept { planes: vec![plane], chosen, ..kept.clone() };
        all.push((
            value,
            Made {
                sources: Sources::of(one),
                zooms,
                auto_zoom: false,
                style: style.clone(),
                resources: resources.clone(),
            },
        ));
    }
    let requests: Vec<_> =
        all.iter().zip(&names).map(|((_, made), name)| tiles.request_of(made.clone(), Some(name))).collect();
    let scale = crate::render::scale(&requests, monitor)?;
    for (((value, made), name), there) in all.into_iter().zip(&names).zip(scale.there) {
        if !there {
            let _ = writeln!(std::io::stderr(), "{input}: no points have {by} = {value}, so there is no set of them");
            continue;
        }
        let style = Style { span: scale.span.clone(), ..made.style };
        tiles.clone().named(name).make(Made { style, ..made }, None, None, monitor)?;
    }
    Ok(())
}
