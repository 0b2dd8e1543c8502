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
    super::print(&String::from_utf8_lossy(&script))
}

/// Prints a manual page, or writes all of them.
pub(super) fn man(args: &ManArgs, program: Command) -> Result<()> {
    let Some(folder) = &args.output else {
        let mut page = Vec::new();
        clap_mangen::Man::new(program).render(&mut page).map_err(|source| cannot(Path::new("the page"), &source))?;
        return super::print(&String::from_utf8_lossy(&page));
    };
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(program, folder))
        .map_err(|source| cannot(folder, &source))
}

fn cannot(what: &Path, source: &io::Error) -> Error {
    Error::Output(format!("cannot write {}: {source}", what.display()))
}
