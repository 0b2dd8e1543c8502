//! What planes by key are called, and in which order they come: one for all that makes planes, so that parts which are added
//! up are what one run makes.

use std::cmp::Ordering;

/// Rows without a value.
pub const NONE: &str = "(none)";
/// All values that were not named, where some were.
pub const OTHER: &str = "other";
/// Days of the week, in their order.
pub const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Brings labels into the order of planes, each once: numbers as numbers and days of the week as these where all are, else by
/// their bytes; what has no value or no name of its own is the last.
pub fn in_order(labels: &mut Vec<String>) {
    let is_last = |label: &str| matches!(label, NONE | OTHER);
    let number = |label: &str| label.parse::<f64>().ok().filter(|number| number.is_finite());
    let day = |label: &str| WEEKDAYS.iter().position(|day| *day == label);
    let all = |is: &dyn Fn(&str) -> bool| labels.iter().filter(|label| !is_last(label)).all(|label| is(label));
    let (numbers, days) = (all(&|label| number(label).is_some()), all(&|label| day(label).is_some()));
    labels.sort_by(|a, b| {
        let by_value = || match (numbers, days) {
            (_, true) => day(a).cmp(&day(b)),
            (true, _) => number(a).zip(number(b)).map_or(Ordering::Equal, |(a, b)| a.total_cmp(&b)),
            _ => Ordering::Equal,
        };
        is_last(a).cmp(&is_last(b)).then_with(by_value).then_with(|| a.cmp(b))
    });
    labels.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_one_order() {
        for (right, mixed) in [
            ("-3,09,9,10,1e1,(none)", [4, 0, 5, 2, 1, 3].as_slice()),
            ("10,9,nan,x,(none),other", &[5, 4, 3, 2, 1, 0]),
            ("Mon,Tue,Thu,Sun,(none)", &[3, 4, 2, 0, 1]),
            ("Mon,Tuesday,Wed", &[2, 0, 1]),
            ("Fri,Mon,x", &[2, 1, 0]),
            ("B,b,\u{e4}", &[2, 1, 0]),
            ("(none)", &[0]),
        ] {
            let right: Vec<String> = right.split(',').map(str::to_owned).collect();
            let mut labels: Vec<String> = mixed.iter().chain(mixed).map(|&at| right[at].clone()).collect();
            in_order(&mut labels);
            assert_eq!(labels, right);
        }
    }
}
