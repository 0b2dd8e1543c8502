//! `--span` as it is typed: a rule, or another set whose spans are taken, which is read here.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use crate::container::read::{Directories, TileSource, Trouble, Wait};
use crate::container::{Form, TileSize};
use crate::error::{Error, Result};
use crate::heat::{self, Heat, TileJson};
use crate::shade::{Ends, SpanRule, SpreadOn, Style};
use crate::tile::ZoomRange;

/// What a person may type.
#[derive(Debug, Clone)]
pub(super) enum SpanChoice {
    /// A rule of its own.
    Rule(SpanRule),
    /// The spans of the set at a path.
    Like(PathBuf),
}

impl FromStr for SpanChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().split_once(':') {
            Some((word, path)) if word.trim().eq_ignore_ascii_case("like") => {
                if path.is_empty() {
                    return Err(format!("'{text}' names no set; write for instance like:january.pmtiles"));
                }
                Ok(Self::Like(path.into()))
            }
            _ => text.parse().map(Self::Rule),
        }
    }
}

impl SpanChoice {
    /// The rule for tiles of these zooms in this form, by the zooms of their pixels, or for a picture. Fails where a zoom
    /// would have none.
    pub(super) fn rule(&self, tiles: Option<(ZoomRange, Form)>) -> Result<SpanRule> {
        let steps = tiles.map_or(0, |(_, form)| form.steps());
        let rule = match self {
            Self::Rule(rule) => rule.later(steps),
            Self::Like(path) => spans_of(path)?,
        };
        let Some((zooms, form)) = tiles else {
            return match rule {
                SpanRule::Listed(_) => Err(Error::Usage(
                    "--span by zoom is for tiles, and a picture has no zoom; give it two counts, for instance --span 1,500".into(),
                )),
                rule => Ok(rule),
            };
        };
        let missing: Vec<u8> = rule.missing(form.counted(zooms)).iter().map(|z| z - steps).collect();
        if missing.is_empty() {
            return Ok(rule);
        }
        let (first, names) = (missing[0], named(&missing));
        let why = if form.retina && missing == [zooms.max + 1] { ", whose pixels --retina draws" } else { "" };
        Err(Error::Usage(match self {
            Self::Rule(_) => format!("--span has no counts for {names}{why}; add them, for instance {first}:1,500"),
            Self::Like(path) => format!(
                "--span like:{0}: {0} has no {names}{why}; make it with these zooms too, or leave them out with --zooms",
                path.display()
            ),
        }))
    }
}

impl SpanChoice {
    /// What the set says of its colours whose spans are taken.
    pub(super) fn other(&self) -> Result<Option<Other>> {
        let Self::Like(path) = self else { return Ok(None) };
        Ok(Some(Other { path: path.clone(), heat: heat_of(path)? }))
    }
}

/// A set whose spans are taken.
#[derive(Debug)]
pub(super) struct Other {
    path: PathBuf,
    heat: Heat,
}

impl Other {
    /// A line about what `style` does otherwise than that set, so that the same colour is another count; `colormap` is the one
    /// that was taken in the end.
    pub(super) fn unlike(&self, style: &Style, colormap: &str) -> Option<String> {
        let Self { path, heat: other } = self;
        let spreads = |shape: Option<&str>, op: Option<&str>, on: bool| match (shape, op) {
            (Some(shape), Some(op)) => format!("{} by {shape}, {op}", if on { "colours" } else { "counts" }),
            _ => "nothing".into(),
        };
        let text = |word: &Option<heat::Word>| word.as_ref().map(|word| word.to_string());
        let (shape, op) = (text(&other.spread_shape), text(&other.spread_op));
        let theirs = spreads(shape.as_deref(), op.as_deref(), other.spread_on.is_some());
        let spread = (style.spread.most() > 0).then(|| (style.spread.shape.to_string(), style.spread.op.to_string()));
        let (shape, op) = (spread.as_ref().map(|spread| &*spread.0), spread.as_ref().map(|spread| &*spread.1));
        let ours = spreads(shape, op, style.spread_on == SpreadOn::Colours);
        let measure = style.weighing.as_ref();
        let measure = measure.map_or_else(|| heat::COUNT.to_owned(), |w| format!("{} of {}", w.measure, w.column));
        let differ = [
            ("what is drawn:", measure, other.measure.to_string()),
            ("--how", style.function.to_string(), other.function.to_string()),
            ("--colormap", colormap.to_owned(), other.colormap.to_string()),
            ("what is spread:", ours, theirs),
        ];
        let differ: Vec<String> = differ
            .into_iter()
            .filter(|(_, ours, theirs)| ours != theirs)
            .map(|(what, ours, theirs)| format!("{what} {ours} here, {theirs} there"))
            .collect();
        (!differ.is_empty()).then(|| {
            format!(
                "--span like:{}: the same colour is not the same count, because the looks differ ({}); give both sets the same",
                path.display(),
                differ.join("; ")
            )
        })
    }
}

/// What the set at `path` says of its spans, in points, by the zooms of its pixels.
fn spans_of(path: &Path) -> Result<SpanRule> {
    let TileJson { heat, tile_size, .. } = about(path)?;
    let heat = heat.ok_or_else(|| no_heat(path))?;
    let steps = u8::from(tile_size == Some(TileSize::Large.side()));
    let last = heat.zooms.iter().last().map_or(0, |(z, _)| z);
    let retina = heat.retina.iter().map(|zoom| (last + 1, zoom));
    let zooms = heat.zooms.iter().chain(retina).map(|(z, zoom)| (z, zoom.span.0.0, zoom.span.1.0));
    let weighed = heat.weight.is_some();
    let whole = zooms.filter(|(_, lo, hi)| lo <= hi && lo.is_finite() && hi.is_finite());
    let whole = whole.filter(|(_, lo, hi)| weighed || (*lo >= 0.0 && *hi > 0.0));
    let listed = whole.map(|(z, lo, hi)| (z, Ends { lo, hi: Some(hi) })).collect();
    Ok(SpanRule::Listed(listed).later(steps))
}

/// What the set at `path` says of its colours.
fn heat_of(path: &Path) -> Result<Heat> {
    about(path)?.heat.ok_or_else(|| no_heat(path))
}

fn no_heat(path: &Path) -> Error {
    Error::Input(format!(
        "--span like:{}: it does not say what its colours stand for; name a set that tilefire made",
        path.display()
    ))
}

/// What the set at `path` says of itself.
fn about(path: &Path) -> Result<TileJson> {
    let wrong = |why: &str| Error::Input(format!("--span like:{}: {why}", path.display()));
    if let Err(source) = path.metadata() {
        return Err(wrong(&format!("it cannot be opened ({source}); name a tile folder, a .pmtiles or .mbtiles file")));
    }
    let about = TileSource::open(path, &Arc::new(Directories::default()))?.about(Wait::Allowed);
    let about = about.map_err(|trouble| match trouble {
        Trouble::Waits => wrong("its disk does not answer"),
        Trouble::Unavailable(problem) | Trouble::Damaged(problem) => wrong(&problem),
    })?;
    Ok(about.tile_json.clone())
}

/// "zoom 4", "zooms 4 and 7 to 9".
fn named(zooms: &[u8]) -> String {
    let runs = zooms.chunk_by(|a, b| a + 1 == *b).flat_map(|run| match run {
        [first, .., last] if run.len() > 2 => vec![format!("{first} to {last}")],
        run => run.iter().map(u8::to_string).collect(),
    });
    let runs: Vec<String> = runs.collect();
    let (last, others) =
        runs.split_last().map_or((String::new(), String::new()), |(last, others)| (last.clone(), others.join(", ")));
    let and = if others.is_empty() { "" } else { " and " };
    format!("zoom{} {others}{and}{last}", if zooms.len() == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zooms_are_named_in_runs() {
        for (zooms, says) in [
            (&[4][..], "zoom 4"),
            (&[4, 5], "zooms 4 and 5"),
            (&[4, 7, 8, 9], "zooms 4 and 7 to 9"),
            (&[0, 1, 2, 5, 9], "zooms 0 to 2, 5 and 9"),
        ] {
            assert_eq!(named(zooms), says);
        }
    }

    #[test]
    fn a_set_is_told_from_a_list() {
        assert!(matches!("like:a:b.pmtiles".parse(), Ok(SpanChoice::Like(path)) if path == Path::new("a:b.pmtiles")));
        assert!(matches!("0..4:1,9".parse(), Ok(SpanChoice::Rule(SpanRule::Listed(_)))));
        assert!("like:".parse::<SpanChoice>().unwrap_err().contains("january.pmtiles"));
    }

    #[test]
    fn a_picture_has_no_zoom() {
        let list: SpanChoice = "0..4:1,9".parse().unwrap();
        assert!(list.rule(None).unwrap_err().to_string().contains("--span 1,500"));
        let rule = |min, max, form| list.rule(Some((ZoomRange { min, max }, form)));
        assert!(rule(0, 4, Form::default()).is_ok());
        let large = Form { size: TileSize::Large, ..Form::default() };
        assert_eq!(rule(0, 4, large).unwrap().to_string(), "1..5:1,9");
        assert!(rule(0, 5, large).unwrap_err().to_string().contains("zoom 5;"));
        let retina = Form { retina: true, ..Form::default() };
        assert!(rule(0, 3, retina).is_ok() && rule(0, 4, retina).is_err());
        let missing = rule(3, 6, Form::default()).unwrap_err().to_string();
        assert!(missing.contains("zooms 5 and 6") && missing.contains("5:1,500"), "{missing}");
    }
}
