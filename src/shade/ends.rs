//! The two ends of spans as people give them: two counts, or a list of two counts for each zoom. They are numbers of
//! points; what that is in the counts of a zoom is said where spans are found.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::heat::HIGHEST;

/// Numbers of points, or values of a measure, at which the colormap begins and ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ends {
    /// That of the first colour.
    pub lo: f64,
    /// That of the last colour, at least `lo`; `None` for the largest of the zoom.
    pub hi: Option<f64>,
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.hi {
            Some(hi) => write!(f, "{},{hi}", self.lo),
            None => write!(f, "{},max", self.lo),
        }
    }
}

impl FromStr for Ends {
    type Err = String;

    /// `1,500`, `0,max`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no span; write two counts such as 1,500 or 0,max");
        let (lo, hi) = text.split_once(',').ok_or_else(wrong)?;
        let number = |part: &str| part.trim().parse::<f64>().ok().filter(|end| end.is_finite()).ok_or_else(wrong);
        let lo = number(lo)?;
        let hi = if hi.trim().eq_ignore_ascii_case("max") { None } else { Some(number(hi)?) };
        if hi.is_some_and(|hi| hi < lo) {
            return Err(format!("span '{text}' does not rise; write the smaller number first, for instance 1,500"));
        }
        Ok(Self { lo, hi })
    }
}

impl Ends {
    /// Fails where they are no numbers of points that a span can have.
    pub(super) fn check_counts(&self) -> Result<(), String> {
        let is_count = |end: f64| end.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&end);
        if !is_count(self.lo) || !self.hi.is_none_or(is_count) {
            return Err(format!("'{self}' is no span of counts; write two counts such as 1,500 or 0,max"));
        }
        if self.hi.is_some_and(|hi| hi < 1.0) {
            return Err(format!("span '{self}' does not rise; write the smaller count first, for instance 1,500"));
        }
        Ok(())
    }
}

/// Ends for each zoom from 0 to [`HIGHEST`], `None` where a zoom has none.
#[derive(Debug, Clone, PartialEq)]
pub struct ByZoom(Arc<[Option<Ends>]>);

impl ByZoom {
    /// Those of zoom `z`.
    pub fn get(&self, z: u8) -> Option<Ends> {
        self.0.get(usize::from(z)).copied().flatten()
    }
}

impl ByZoom {
    /// Each zoom that has some, with them.
    pub fn iter(&self) -> impl Iterator<Item = (u8, Ends)> {
        (0u8..).zip(self.0.iter()).filter_map(|(z, ends)| Some((z, (*ends)?)))
    }
}

impl FromIterator<(u8, Ends)> for ByZoom {
    /// The last of those that a zoom is given; zooms beyond [`HIGHEST`] are left out.
    fn from_iter<I: IntoIterator<Item = (u8, Ends)>>(each: I) -> Self {
        let mut zooms = vec![None; usize::from(HIGHEST) + 1];
        for (z, ends) in each {
            if let Some(zoom) = zooms.get_mut(usize::from(z)) {
                *zoom = Some(ends);
            }
        }
        Self(zooms.into())
    }
}

impl fmt::Display for ByZoom {
    /// As it is read; neighbours that are alike together.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = 0;
        let mut written = 0;
        for alike in self.0.chunk_by(|a, b| a == b) {
            let last = first + alike.len() - 1;
            if let Some(Some(ends)) = alike.first() {
                let between = if written > 0 { ";" } else { "" };
                written += 1;
                match alike.len() {
                    1 => write!(f, "{between}{first}:{ends}")?,
                    _ if last == usize::from(HIGHEST) => write!(f, "{between}{first}..:{ends}")?,
                    _ => write!(f, "{between}{first}..{last}:{ends}")?,
                }
            }
            first = last + 1;
        }
        Ok(())
    }
}

impl FromStr for ByZoom {
    type Err = String;

    /// `0..5:1,500;6:1,80;7..:0,max`: zooms with both ends included, or from one on, or up to one; each once.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut zooms: Vec<(u8, Ends)> = Vec::new();
        let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
        for part in parts {
            let wrong = || format!("'{part}' is no zooms with a span; write for instance 0..5:1,500;6:1,80;7..:1,20");
            let (range, ends) = part.split_once(':').ok_or_else(wrong)?;
            let ends: Ends = ends.parse()?;
            let number = |end: &str, open: u8| match end.trim() {
                "" => Ok(open),
                end => end.parse::<u8>().ok().filter(|&z| z <= HIGHEST).ok_or_else(wrong),
            };
            let (first, last) = match range.split_once("..") {
                Some((first, last)) => (number(first, 0)?, number(last.trim_start_matches('='), HIGHEST)?),
                None if range.trim().is_empty() => return Err(wrong()),
                None => (number(range, 0)?, number(range, 0)?),
            };
            if first > last {
                return Err(format!("the zooms '{}' run backwards; write the lower one first", range.trim()));
            }
            if let Some((twice, _)) = zooms.iter().find(|(z, _)| (first..=last).contains(z)) {
                return Err(format!("zoom {twice} has two spans in '{text}'; give it one"));
            }
            zooms.extend((first..=last).map(|z| (z, ends)));
        }
        if zooms.is_empty() {
            return Err(format!("'{text}' has no span; write for instance 0..5:1,500;6:1,80;7..:1,20"));
        }
        Ok(zooms.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_written_as_they_are_read() {
        for (text, written) in [
            ("0..5:1,500;6:1,80;7..:1,20", "0..5:1,500;6:1,80;7..:1,20"),
            (" 7.. : 0,MAX ; ..=5:1, 500;", "0..5:1,500;7..:0,max"),
            ("3:1,9;4:1,9;6..30:0,1", "3..4:1,9;6..:0,1"),
            ("..:2,2", "0..:2,2"),
        ] {
            let list: ByZoom = text.parse().unwrap();
            assert_eq!(list.to_string(), written, "{text}");
            assert_eq!(written.parse::<ByZoom>().unwrap(), list, "{text}");
        }
        let list: ByZoom = "0..5:1,500;7..:0,max".parse().unwrap();
        assert_eq!(list.get(5), Some(Ends { lo: 1.0, hi: Some(500.0) }));
        assert_eq!((list.get(6), list.get(30), list.get(31)), (None, Some(Ends { lo: 0.0, hi: None }), None));
    }

    #[test]
    fn what_is_wrong_with_a_list_is_named() {
        for (text, says) in [
            (";", "no span"),
            ("5:1", "'1' is no span"),
            ("5:9,1", "does not rise"),
            ("5:1,9;7", "'7' is no zooms"),
            (":1,9", "':1,9' is no zooms"),
            ("5..3:1,9", "backwards"),
            ("0..5:1,9;3:1,8", "zoom 3 has two"),
            ("31:1,9", "'31:1,9' is no zooms"),
            ("x..3:1,9", "no zooms"),
            ("0..5:0,-1", "does not rise"),
        ] {
            let error = text.parse::<ByZoom>().unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
