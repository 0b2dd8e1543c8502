//! By which key rows are counted, as commands take it that keep counts apart.

use clap::Args;

use crate::error::{Error, Result};
use crate::source::{Key, KeyBy, KeyValues};

#[derive(Debug, Clone, Args)]
pub(super) struct KeyArgs {
    /// Count the rows of each value of this column apart: COLUMN, or hour(COLUMN), day(...), month(...), weekday(...), year(...)
    ///
    /// Its name, or # and its number from 1. Parts of times are taken as they are written; rows without a time, and blank
    /// cells, are counted as (none). More than 250 different values are refused, unless some are named with --values.
    #[arg(long, value_name = "KEY", help_heading = "Measure")]
    by: Option<KeyBy>,
    /// Count only these values apart, in this order, and all others together: a,b,'c, d'
    #[arg(long, value_name = "VALUES", help_heading = "Measure", hide_short_help = true)]
    values: Option<KeyValues>,
}

impl KeyArgs {
    /// The key that was asked for.
    pub(super) fn key(self) -> Result<Option<Key>> {
        match (self.by, self.values) {
            (Some(by), None) => Ok(Some(Key::every(by))),
            (Some(by), Some(values)) => {
                Key::some(by, values).map(Some).map_err(|problem| Error::Usage(format!("--values: {problem}")))
            }
            (None, None) => Ok(None),
            (None, Some(_)) => Err(Error::Usage(
                "--values names values of a key, and none was asked for; name its column with --by".into(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        key: KeyArgs,
    }

    fn key(arguments: &[&str]) -> Result<Option<Key>> {
        let typed = Typed::try_parse_from([&["count"], arguments].concat());
        typed.map_err(|problem| Error::Usage(problem.to_string()))?.key.key()
    }

    #[test]
    fn a_key_is_a_column_or_a_part_of_one_with_some_values() {
        assert_eq!(key(&[]).unwrap(), None);
        let every = key(&["--by", "type"]).unwrap().unwrap();
        assert_eq!((every.by().text(), every.values()), ("type", &[][..]));
        let some = key(&["--by", "hour(time)", "--values", "7,8,'09'"]).unwrap().unwrap();
        assert_eq!((some.by().text(), some.values().join(" ").as_str()), ("hour(time)", "07 08 09"));
        for (arguments, says) in [
            (&["--values", "a"][..], "--by"),
            (&["--by", "a", "--values", "b,b"], "--values: the value 'b' is named twice"),
            (&["--by", "hour(t)", "--values", "25"], "hours are 00 to 23"),
            (&["--by", "hour()"], "names no column"),
        ] {
            let problem = key(arguments).unwrap_err();
            assert!(matches!(&problem, Error::Usage(line) if line.contains(says)), "{arguments:?}: {problem}");
        }
    }
}
