//! Moments in cells: dates of ISO 8601, with or without a time and an offset, and dates in a form that a person gives.
//! Without an offset a time is taken for UTC; nothing here knows of zones or leap seconds. Parts of a time are those that are
//! written, whatever the offset.

use std::fmt;
use std::str::FromStr;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// A stretch of time: the first microsecond since 1970 and that behind the last. `2023-05` is a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) from: i64,
    pub(super) to: i64,
}

/// Days from 1970-01-01 to a date of the Gregorian calendar (Hinnant, chrono-compatible low-level date algorithms).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a number of days since 1970-01-01 (by the same author).
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days - era * 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 => 29,
        2 => 28,
        _ => 31,
    }
}

/// The parts of a moment as they were written.
#[derive(Debug, Clone, Copy)]
struct Parts {
    year: i64,
    month: i64,
    day: i64,
    /// Microseconds of the day.
    time: i64,
    /// Microseconds to the east of UTC.
    offset: i64,
}

/// How much of a moment was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precision {
    Year,
    Month,
    Day,
    /// A time of so many microseconds.
    Time(i64),
}

/// The parts of a moment that are known, where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::source) struct Civil {
    /// The year.
    pub(in crate::source) year: Option<i64>,
    /// From 1.
    pub(in crate::source) month: Option<i64>,
    /// From 1.
    pub(in crate::source) day: Option<i64>,
    /// From 0.
    pub(in crate::source) hour: Option<i64>,
}

impl Civil {
    /// Of a time without a date.
    pub(in crate::source) fn of_hour(hour: i64) -> Self {
        Self { hour: Some(hour), ..Self::default() }
    }

    /// The day of the week, from 0 for Monday.
    pub(in crate::source) fn weekday(&self) -> Option<i64> {
        // 1970 began on a Thursday.
        Some((days(self.year?, self.month?, self.day?) + 3).rem_euclid(7))
    }
}

impl Default for Parts {
    fn default() -> Self {
        Self { year: 1970, month: 1, day: 1, time: 0, offset: 0 }
    }
}

impl Parts {
    fn moment(self) -> Option<i64> {
        let is_date = (1..=12).contains(&self.month) && (1..=days_in(self.year, self.month)).contains(&self.day);
        is_date.then(|| days(self.year, self.month, self.day) * DAY + self.time - self.offset)
    }

    /// Its parts without an offset.
    fn civil(self) -> Option<Civil> {
        let hours = self.moment()?.checked_add(self.offset)?.div_euclid(DAY / 24);
        let (mut year, mut month, mut day) = (self.year, self.month, self.day);
        // 24:00 is of the next day.
        if !(0..DAY).contains(&self.time) {
            (year, month, day) = date_of(hours.div_euclid(24));
        }
        Some(Civil { year: Some(year), month: Some(month), day: Some(day), hour: Some(hours.rem_euclid(24)) })
    }
}

/// A text that is read from front to back.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    /// A number of `least` to `most` digits.
    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let count = self.0.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        (count >= least).then(|| {
            let (digits, rest) = self.0.split_at(count);
            self.0 = rest;
            digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
        })
    }

    /// Whether the next byte is this one, which is passed.
    fn pass(&mut self, byte: u8) -> bool {
        let is = self.0.first() == Some(&byte);
        self.0 = &self.0[usize::from(is)..];
        is
    }

    fn pass_any(&mut self, bytes: &[u8]) -> bool {
        bytes.iter().any(|&byte| self.pass(byte))
    }

    /// Microseconds behind the point of a second, if there is one.
    fn fraction(&mut self) -> Option<i64> {
        if !self.pass_any(b".,") {
            return Some(0);
        }
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let micros = (0..6).fold(0, |sum, at| sum * 10 + self.0[..count].get(at).map_or(0, |d| i64::from(d - b'0')));
        self.0 = &self.0[count..];
        (count > 0).then_some(micros)
    }

    /// `Z`, `+01:00`, `+0100`, `+01`, ` UTC`, or nothing.
    fn offset(&mut self) -> Option<i64> {
        self.pass(b' ');
        if self.pass_any(b"Zz") {
            return Some(0);
        }
        if let Some(rest) = self.0.strip_prefix(b"UTC").or_else(|| self.0.strip_prefix(b"GMT")) {
            self.0 = rest;
            return Some(0);
        }
        let sign = match self.0.first() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Some(0),
        };
        self.0 = &self.0[1..];
        let hours = self.number(2, 2)?;
        self.pass(b':');
        let minutes = self.number(2, 2).unwrap_or(0);
        (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60_000_000)
    }
}

/// Reads a date of ISO 8601: `2023`, `2023-05`, `2023-05-14`, `20230514`, `2023/05/14`, with `T12`, ` 12:30`, `T12:30:45.5`
/// and an offset behind it.
pub(super) fn iso(text: &[u8]) -> Option<Stretch> {
    let (parts, precision) = iso_parts(text)?;
    let from = parts.moment()?;
    let to = match precision {
        Precision::Year => Parts { year: parts.year + 1, ..parts }.moment()?,
        Precision::Month if parts.month == 12 => Parts { year: parts.year + 1, month: 1, ..parts }.moment()?,
        Precision::Month => Parts { month: parts.month + 1, ..parts }.moment()?,
        Precision::Day => from + DAY,
        Precision::Time(length) => from + length,
    };
    Some(Stretch { from, to })
}

/// The parts of such a date, as far as they are written.
pub(in crate::source) fn civil(text: &[u8]) -> Option<Civil> {
    let (parts, precision) = iso_parts(text)?;
    let civil = parts.civil()?;
    Some(match precision {
        Precision::Year => Civil { year: civil.year, ..Civil::default() },
        Precision::Month => Civil { day: None, hour: None, ..civil },
        Precision::Day => Civil { hour: None, ..civil },
        Precision::Time(_) => civil,
    })
}

/// The hour of a time without a date, as ISO 8601 has it: `17:42`, `17:42:10.5`, with an offset.
pub(in crate::source) fn clock(text: &[u8]) -> Option<i64> {
    let mut reader = Reader(text.trim_ascii());
    let hour = reader.number(1, 2).filter(|&hour| hour < 24 && reader.pass(b':'))?;
    reader.number(2, 2).filter(|&minute| minute < 60)?;
    if reader.pass(b':') {
        reader.number(2, 2).filter(|&second| second <= 60)?;
        reader.fraction()?;
    }
    reader.offset()?;
    reader.0.is_empty().then_some(hour)
}

fn iso_parts(text: &[u8]) -> Option<(Parts, Precision)> {
    let mut reader = Reader(text.trim_ascii());
    let mut parts = Parts::default();
    let digits = reader.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
    parts.year = reader.number(4, 4)?;
    let plain = digits == 8;
    if digits != 4 && !plain {
        return None;
    }
    let separator = reader.0.first().copied();
    if !plain && separator.is_none() {
        return Some((parts, Precision::Year));
    }
    if !plain && !reader.pass_any(b"-/") {
        return None;
    }
    parts.month = reader.number(if plain { 2 } else { 1 }, 2)?;
    if reader.0.is_empty() {
        return Some((parts, Precision::Month));
    }
    if !plain && !separator.is_some_and(|separator| reader.pass(separator)) {
        return None;
    }
    parts.day = reader.number(if plain { 2 } else { 1 }, 2)?;
    if reader.0.is_empty() {
        return Some((parts, Precision::Day));
    }
    if !reader.pass_any(b"Tt ") {
        return None;
    }
    let hour = reader.number(1, 2)?;
    let (mut time, mut length) = (hour * 3_600_000_000, 3_600_000_000);
    let mut lesser = (0, 0);
    if reader.pass(b':') || (plain && reader.0.first().is_some_and(u8::is_ascii_digit)) {
        lesser.0 = reader.number(2, 2)?;
        length = 60_000_000;
        if reader.pass(b':') || (plain && reader.0.first().is_some_and(u8::is_ascii_digit)) {
            lesser.1 = reader.number(2, 2)?;
            length = 1_000_000;
            let pointed = matches!(reader.0.first(), Some(b'.' | b','));
            time += reader.fraction()?;
            if pointed {
                length = 1;
            }
        }
    }
    if hour > 24 || lesser.0 > 59 || lesser.1 > 60 {
        return None;
    }
    time += lesser.0 * 60_000_000 + lesser.1 * 1_000_000;
    parts.time = time;
    parts.offset = reader.offset()?;
    reader.0.is_empty().then_some((parts, Precision::Time(length)))
}

/// How the dates of a column are written, in the directives of strftime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateFormat {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Byte(u8),
    /// Blanks, as many as there are.
    Blank,
    Year,
    ShortYear,
    Month,
    MonthName,
    Day,
    Hour,
    Hour12,
    Minute,
    Second,
    Fraction,
    Half,
    Offset,
    Weekday,
    /// Seconds since 1970.
    Epoch,
}

/// The first three letters of months.
pub(in crate::source) const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

impl FromStr for DateFormat {
    type Err = String;

    /// `%d/%m/%Y`, `%d.%m.%y %H:%M`, `%b %e, %Y %I:%M %p` ...
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| {
            format!(
                "'{text}' is no form of dates: {what}; write for instance %d/%m/%Y or '%d.%m.%Y %H:%M' (%Y %y year, %m %b \
                 month, %d day, %H %I %p hour, %M minute, %S second, %f its decimals, %z offset, %a weekday, %s seconds since 1970)"
            )
        };
        let mut parts = Vec::new();
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'%' => match bytes.next() {
                    Some(b'Y') => parts.push(Part::Year),
                    Some(b'y') => parts.push(Part::ShortYear),
                    Some(b'm') => parts.push(Part::Month),
                    Some(b'b' | b'B' | b'h') => parts.push(Part::MonthName),
                    Some(b'd' | b'e') => parts.push(Part::Day),
                    Some(b'H' | b'k') => parts.push(Part::Hour),
                    Some(b'I' | b'l') => parts.push(Part::Hour12),
                    Some(b'M') => parts.push(Part::Minute),
                    Some(b'S') => parts.push(Part::Second),
                    Some(b'f') => parts.push(Part::Fraction),
                    Some(b'p' | b'P') => parts.push(Part::Half),
                    Some(b'z') => parts.push(Part::Offset),
                    Some(b'a' | b'A') => parts.push(Part::Weekday),
                    Some(b's') => parts.push(Part::Epoch),
                    Some(b'F') => {
                        parts.extend([Part::Year, Part::Byte(b'-'), Part::Month, Part::Byte(b'-'), Part::Day]);
                    }
                    Some(b'T') => {
                        parts.extend([Part::Hour, Part::Byte(b':'), Part::Minute, Part::Byte(b':'), Part::Second]);
                    }
                    Some(b'%') => parts.push(Part::Byte(b'%')),
                    Some(other) => return Err(wrong(&format!("%{} is not known", char::from(other)))),
                    None => return Err(wrong("it ends behind %")),
                },
                b' ' | b'\t' => parts.push(Part::Blank),
                byte => parts.push(Part::Byte(byte)),
            }
        }
        let form = Self { text: text.to_owned(), parts };
        if form.known().year.is_some() || form.is_of_clock() { Ok(form) } else { Err(wrong("it has no year")) }
    }
}

impl fmt::Display for DateFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl DateFormat {
    /// What is known of a moment that is written so: those parts are there, whatever they are.
    pub(in crate::source) fn known(&self) -> Civil {
        let any = |wanted: &[Part]| self.parts.iter().any(|part| *part == Part::Epoch || wanted.contains(part));
        Civil {
            year: any(&[Part::Year, Part::ShortYear]).then_some(1970),
            month: any(&[Part::Month, Part::MonthName]).then_some(1),
            day: any(&[Part::Day]).then_some(1),
            hour: any(&[Part::Hour, Part::Hour12]).then_some(0),
        }
    }

    /// Whether it is of times without a date: nothing is compared with those, but they have an hour.
    pub(super) fn is_of_clock(&self) -> bool {
        self.known() == Civil::of_hour(0)
    }

    /// Microseconds since 1970 of a moment that is written so.
    pub(super) fn read(&self, text: &[u8]) -> Option<i64> {
        self.parts(text)?.moment()
    }

    /// The parts of a moment that is written so; what is not written is as on 1 January 1970.
    pub(in crate::source) fn civil(&self, text: &[u8]) -> Option<Civil> {
        self.parts(text)?.civil()
    }

    fn parts(&self, text: &[u8]) -> Option<Parts> {
        let mut reader = Reader(text.trim_ascii());
        let mut parts = Parts::default();
        let (mut hour, mut afternoon, mut time) = (0, None, 0);
        for part in &self.parts {
            match part {
                Part::Byte(byte) => {
                    if !reader.pass(*byte) {
                        return None;
                    }
                }
                Part::Blank => {
                    let blanks = reader.0.len() - reader.0.trim_ascii_start().len();
                    if blanks == 0 {
                        return None;
                    }
                    reader.0 = &reader.0[blanks..];
                }
                Part::Year => parts.year = reader.number(4, 4)?,
                // As POSIX has it.
                Part::ShortYear => {
                    parts.year = reader.number(2, 2).map(|y| if y < 69 { 2000 + y } else { 1900 + y })?;
                }
                Part::Month => parts.month = reader.number(1, 2)?,
                Part::MonthName => {
                    let letters = reader.0.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
                    let name = reader.0[..letters].to_ascii_lowercase();
                    let name = name.get(..3)?;
                    parts.month = MONTHS.iter().position(|month| month.as_bytes() == name)? as i64 + 1;
                    reader.0 = &reader.0[letters..];
                    reader.pass(b'.');
                }
                Part::Day => parts.day = reader.number(1, 2)?,
                Part::Hour => hour = reader.number(1, 2).filter(|&hour| hour < 24)?,
                Part::Hour12 => hour = reader.number(1, 2).filter(|hour| (1..=12).contains(hour))? % 12,
                Part::Minute => time += reader.number(1, 2).filter(|&minute| minute < 60)? * 60_000_000,
                Part::Second => time += reader.number(1, 2).filter(|&second| second <= 60)? * 1_000_000,
                Part::Fraction => {
                    let count = reader.0.iter().take_while(|byte| byte.is_ascii_digit()).count().min(6);
                    time += reader.number(1, 6)? * 10i64.pow(6 - count as u32);
                }
                Part::Half => {
                    let half = reader.0.first_chunk::<2>()?.map(|byte| byte.to_ascii_lowercase());
                    afternoon = Some(match &half {
                        b"am" => false,
                        b"pm" => true,
                        _ => return None,
                    });
                    reader.0 = &reader.0[2..];
                }
                Part::Offset => parts.offset = reader.offset()?,
                Part::Epoch => {
                    let sign = if reader.pass(b'-') { -1 } else { 1 };
                    let seconds = reader.number(1, 12)?;
                    let moment = sign * (seconds * 1_000_000 + reader.fraction()?);
                    (parts.year, parts.month, parts.day) = date_of(moment.div_euclid(DAY));
                    time += moment.rem_euclid(DAY);
                }
                Part::Weekday => {
                    let letters = reader.0.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
                    reader.0 = &reader.0[letters..];
                }
            }
        }
        if afternoon == Some(true) {
            hour += 12;
        }
        parts.time = hour * 3_600_000_000 + time;
        reader.0.is_empty().then_some(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_each_other_over_400_years() {
        let mut next = days(1800, 1, 1);
        for year in 1800..2200 {
            for month in 1..=12 {
                for day in 1..=days_in(year, month) {
                    assert_eq!(days(year, month, day), next, "{year} {month} {day}");
                    assert_eq!(date_of(next), (year, month, day));
                    let civil = Parts { year, month, day, ..Parts::default() }.civil().unwrap();
                    assert_eq!(
                        civil.weekday(),
                        Some((next - days(2024, 1, 1)).rem_euclid(7)),
                        "1 January 2024 was a Monday"
                    );
                    next += 1;
                }
            }
        }
        assert_eq!((days(1970, 1, 1), days(2000, 3, 1)), (0, 11_017));
    }

    #[test]
    fn dates_are_stretches_of_their_own_precision() {
        let hour = DAY / 24;
        let day = days(2023, 5, 14) * DAY;
        for (text, from, length) in [
            ("2023", days(2023, 1, 1) * DAY, 365 * DAY),
            ("2024", days(2024, 1, 1) * DAY, 366 * DAY),
            ("2023-02", days(2023, 2, 1) * DAY, 28 * DAY),
            ("2023-12", days(2023, 12, 1) * DAY, 31 * DAY),
            ("2023-05-14", day, DAY),
            ("20230514", day, DAY),
            ("2023/5/14", day, DAY),
            (" 2023-05-14 ", day, DAY),
            ("2023-05-14T12", day + 12 * hour, hour),
            ("2023-05-14 12:30", day + 12 * hour + hour / 2, 60_000_000),
            ("2023-05-14T12:30:01Z", day + 12 * hour + hour / 2 + 1_000_000, 1_000_000),
            ("2023-05-14T12:30:01.5+02:00", day + 10 * hour + hour / 2 + 1_500_000, 1),
            ("2023-05-14 12:30:00 UTC", day + 12 * hour + hour / 2, 1_000_000),
            ("20230514T123000-0130", day + 14 * hour, 1_000_000),
        ] {
            assert_eq!(iso(text.as_bytes()), Some(Stretch { from, to: from + length }), "{text}");
        }
        for text in [
            "",
            "12",
            "202",
            "2023-13",
            "2023-02-29",
            "2023-05-32",
            "14/05/2023",
            "2023-05-14T25:00",
            "2023-05-14x",
            "20231",
            "2023-05/14",
            "2023-05-14 12:60",
            "2023-",
        ] {
            assert_eq!(iso(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn forms_are_read_as_they_are_given() {
        let day = days(2015, 3, 9) * DAY;
        for (form, text, expected) in [
            ("%d/%m/%Y", "09/03/2015", Some(day)),
            ("%d/%m/%Y", "9/3/2015", Some(day)),
            ("%m/%d/%y", "03/09/15", Some(day)),
            ("%d.%m.%Y %H:%M", "09.03.2015 17:05", Some(day + 1025 * 60_000_000)),
            ("%d.%m.%Y %H:%M", "09.03.2015  17:05", Some(day + 1025 * 60_000_000)),
            ("%m/%d/%Y %I:%M:%S %p", "03/09/2015 12:00:30 AM", Some(day + 30_000_000)),
            ("%m/%d/%Y %I:%M:%S %p", "03/09/2015 05:00:00 pm", Some(day + 17 * DAY / 24)),
            ("%a %b %d %H:%M:%S %Y", "Mon Mar 09 00:00:00 2015", Some(day)),
            ("%d %B %Y", "9 March 2015", Some(day)),
            ("%F %T%z", "2015-03-09 02:00:00+02:00", Some(day)),
            ("%H:%M:%S.%f %Y-%m-%d", "00:00:00.25 2015-03-09", Some(day + 250_000)),
            ("%s", "1425859200", Some(day)),
            ("%s", "-0.5", Some(-500_000)),
            ("%s", "1425859200x", None),
            ("%d/%m/%Y", "31/02/2015", None),
            ("%d/%m/%Y", "09-03-2015", None),
            ("%d/%m/%Y", "09/03/2015 12", None),
            ("%d/%m/%Y", "", None),
        ] {
            assert_eq!(form.parse::<DateFormat>().unwrap().read(text.as_bytes()), expected, "{form} {text}");
        }
        for (form, says) in [("%d/%m", "no year"), ("%q%Y", "%q is not known"), ("%Y%", "ends behind")] {
            assert!(form.parse::<DateFormat>().unwrap_err().contains(says), "{form}");
        }
    }
}
