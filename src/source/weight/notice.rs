//! What to know of weights.

use crate::counts::Step;
use crate::source::notice::{Example, Notice};
use crate::source::options::ReadOptions;
use crate::source::report::FileReport;

/// What to know of weights that were rounded.
pub(in crate::source) fn notice(file: &FileReport, options: &ReadOptions) -> Option<Notice> {
    let step = options.weight.as_ref()?.step;
    let weights = file.weights.as_ref()?;
    let (rows @ 1.., Some((row, value))) = &weights.rounded else { return None };
    let number = if *rows == 1 { "1 weight was".into() } else { format!("{rows} weights were") };
    let finer = weights.finer(step);
    let nothing = weights.heaviest == 0;
    // Where nothing is left, six digits of the first one are something.
    let some = || {
        let size = value.trim().parse::<f64>().ok().filter(|value| *value != 0.0).map(f64::abs);
        Step::power_of_ten(libm::floor(libm::log10(size?)) as i64 - 5)
    };
    let flag = finer.or_else(|| nothing.then(some).flatten()).map(|finer| format!("--weight-step {finer}"));
    let help = match (&flag, finer) {
        (Some(flag), Some(_)) => format!("; {flag} keeps them"),
        (Some(flag), None) => format!("; {flag} keeps some digits"),
        (None, _) => String::new(),
    };
    let zero = if nothing { ", and all became 0" } else { "" };
    Some(Notice {
        code: "rounded_weights",
        input: Some(file.name.clone()),
        rows: Some(*rows),
        share: Some(*rows as f64 / file.rows.max(1) as f64),
        example: Some(Example { row: *row, value: value.clone() }),
        flag,
        text: format!("{}: {number} rounded to steps of {step}{zero} (row {row}: {value}){help}", file.name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::columns::ColumnRef;
    use crate::source::options::Decimal;
    use crate::source::weight::{Weigher, Weight, Weights};

    #[test]
    fn a_finer_step_is_named_where_one_would_do() {
        let notice = |step: &str, rounded: &str, heaviest: u64| {
            let step: Step = step.parse().unwrap();
            let weigher = Weigher { column: 0, step };
            let weighed = weigher.weigh(rounded.as_bytes(), Decimal::Point).unwrap();
            let mut weights = Weights { rows: 10, heaviest, ..Weights::default() };
            if let Some(power) = weighed.rounded {
                weights.round(7, power, rounded.as_bytes());
            }
            let file = FileReport { rows: 20, weights: Some(weights), ..FileReport::unread("a.csv".into()) };
            let weight = Some(Weight { column: ColumnRef::Number(3), step });
            super::notice(&file, &ReadOptions { weight, ..ReadOptions::default() })
        };
        let text = |step: &str, rounded: &str, heaviest: u64| notice(step, rounded, heaviest).unwrap().text;
        assert_eq!(
            text("0.000001", "0.12345678", 123_457),
            "a.csv: 1 weight was rounded to steps of 0.000001 (row 7: 0.12345678); --weight-step 0.00000001 keeps them"
        );
        assert!(text("5", "12.50", 3).ends_with("; --weight-step 0.1 keeps them"));
        assert!(text("0.25", "1.3", 6).ends_with("; --weight-step 0.01 keeps them"));
        assert!(text("100", "250", 3).ends_with("; --weight-step 10 keeps them"));
        assert!(text("0.000001", "1e-300", 1).ends_with("(row 7: 1e-300)"));
        let lost = text("0.000001", "1.684328254341701e-09", 0);
        assert!(
            lost.contains("and all became 0") && lost.ends_with("; --weight-step 0.00000000000001 keeps some digits"),
            "{lost}"
        );
        assert!(text("0.000001", "0.12345678", 1 << 60).ends_with("(row 7: 0.12345678)"));
        let flag = notice("1", "0.5", 1).unwrap();
        assert_eq!((flag.flag.as_deref(), flag.rows, flag.share), (Some("--weight-step 0.1"), Some(1), Some(0.05)));
        assert_eq!(notice("1", "5", 1), None);
    }
}
