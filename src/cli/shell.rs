//! `tilefire completions` and `tilefire man`: what a shell wants to know of the program, made from the same description as
//! its help.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_complete::Shell;

use crate::error::{Error, Result};

#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS)]
pub(super) struct CompletionsArgs {
    /// The shell that is to complete
    #[arg(value_enum)]
    shell: Shell,
}

const COMPLETIONS: &str = "Examples:
  tilefire completions bash > ~/.local/share/bash-completion/completions/tilefire
  tilefire completions zsh > \"${fpath[1]}/_tilefire\"
  tilefire completions fish > ~/.config/fish/completions/tilefire.fish";

#[derive(Debug, Args)]
#[command(after_help = MAN)]
pub(super) struct ManArgs {
    /// Folder to write the pages of all commands into, tilefire.1, tilefire-render.1 ...; without it the first is printed
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

const MAN: &str = "Examples:
  tilefire man | man -l -
  tilefire man -o ~/.local/share/man/man1";

/// Prints the script for a shell.
pub(super) fn completions(args: &CompletionsArgs, mut program: Command) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "tilefire", &mut script);
    let hidden = hidden(&program);
    let script = String::from_utf8_lossy(&script);
    super::print(&script.lines().filter_map(|line| without(line, &hidden)).map(|line| line + "\n").collect::<String>())
}

/// Commands and options that are not for people, as a shell would offer them.
fn hidden(program: &Command) -> Vec<String> {
    let options = program.get_subcommands().flat_map(|command| command.get_arguments().filter(|arg| arg.is_hide_set()));
    let options = options.filter_map(|arg| Some(format!("--{}", arg.get_long()?)));
    let commands = program.get_subcommands().filter(|command| command.is_hide_set());
    options.chain(commands.map(|command| command.get_name().to_owned())).collect()
}

/// A line of a script without what is hidden; `None` where it is about nothing else.
fn without(line: &str, hidden: &[String]) -> Option<String> {
    // Bash has all there are in one line.
    if let Some((before, words)) = line.split_once("opts=\"") {
        let (words, after) = words.split_once('"').unwrap_or((words, ""));
        let words: Vec<&str> = words.split(' ').filter(|word| !hidden.iter().any(|name| name == word)).collect();
        return Some(format!("{before}opts=\"{}\"{after}", words.join(" ")));
    }
    let is_end = |c: Option<char>| c.is_none_or(|c| !(c.is_alphanumeric() || c == '-' || c == '_' || c == ')'));
    // The others have a line for each: `'--name=[...'` or `'name:...'` (zsh), `-l name` and `-a "name"` (fish),
    // `cand --name` (elvish), `::new('--name'` (PowerShell).
    let offers = |name: &String| {
        let bare = name.trim_start_matches('-');
        let shapes = if name.starts_with("--") {
            vec![format!("'{name}"), format!("-l {bare}"), format!("cand {name}")]
        } else {
            vec![format!("'{name}:"), format!("-a \"{name}\""), format!("cand {name}"), format!("::new('{name}'")]
        };
        shapes.iter().any(|shape| {
            line.find(shape.as_str())
                .is_some_and(|at| shape.ends_with([':', '"', '\'']) || is_end(line[at + shape.len()..].chars().next()))
        })
    };
    (!hidden.iter().any(offers)).then(|| line.to_owned())
}

/// Prints a manual page, or writes all of them.
pub(super) fn man(args: &ManArgs, program: Command) -> Result<()> {
    let program = program.disable_help_subcommand(true);
    let Some(folder) = &args.output else {
        let page = page(program, "tilefire").map_err(|source| cannot(Path::new("the page"), &source))?;
        return super::print(&page);
    };
    let write = || {
        std::fs::create_dir_all(folder)?;
        for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
            let name = format!("tilefire-{}", command.get_name());
            std::fs::write(folder.join(format!("{name}.1")), page(command.clone(), &name)?)?;
        }
        std::fs::write(folder.join("tilefire.1"), page(program.clone(), "tilefire")?)
    };
    write().map_err(|source| cannot(folder, &source))
}

/// The manual page of a command, with every option that is for people, and its examples as they are typed.
fn page(command: Command, name: &str) -> io::Result<String> {
    let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    // What a short help leaves out is not left out here, and aliases have no place of their own.
    let command = command.after_help(None).version(env!("CARGO_PKG_VERSION")).display_name(name).mut_args(|arg| {
        let aliases = arg.get_visible_aliases().filter(|aliases| !aliases.is_empty());
        let aliases =
            aliases.map(|aliases| aliases.iter().map(|alias| format!("--{alias}")).collect::<Vec<_>>().join(", "));
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let arg = arg.hide_short_help(false);
        match aliases {
            Some(aliases) => arg.help(format!("{help} [also: {aliases}]")),
            None => arg,
        }
    });
    let mut text = Vec::new();
    let source = format!("tilefire {}", env!("CARGO_PKG_VERSION"));
    clap_mangen::Man::new(command.bin_name(name.replace('-', " "))).source(source).render(&mut text)?;
    let mut text = String::from_utf8_lossy(&text).into_owned();
    let mut parts = examples.split("\n\n");
    if let Some(lines) = parts.next().and_then(|part| part.strip_prefix("Examples:\n")) {
        text += ".SH EXAMPLES\n.nf\n";
        for line in lines.lines() {
            text +=
                &format!("{}\n", line.trim_start().replace('\\', "\\\\").replace('-', "\\-").replace('\'', "\\(aq"));
        }
        text += ".fi\n";
    }
    for part in parts {
        text += &format!(".SH {}\n", part.split(':').next().unwrap_or_default().to_uppercase());
        text += &format!("{}\n", part.split_once(": ").map_or(part, |(_, rest)| rest));
    }
    Ok(text)
}

fn cannot(what: &Path, source: &io::Error) -> Error {
    Error::Output(format!("cannot write {}: {source}", what.display()))
}
