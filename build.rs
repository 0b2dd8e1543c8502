//! On Linux with glibc the C++ of PROJ, and what unwinding needs, are linked into the program: it asks for libc and nothing
//! else. Linkers take the first folder that has a library at all, so a folder that has the static ones only comes first.
//! Where the compiler has none, they stay shared.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// What the linker asks for, and the static library that is meant.
const STATIC: [(&str, &str); 2] = [("libstdc++.a", "libstdc++.a"), ("libgcc_s.a", "libgcc_eh.a")];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CC");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    if !is("CARGO_CFG_TARGET_OS", "linux") || !is("CARGO_CFG_TARGET_ENV", "gnu") {
        return;
    }
    let compiler = env::var("RUSTC_LINKER").or_else(|_| env::var("CC")).unwrap_or_else(|_| "cc".to_owned());
    let Some(folder) = env::var_os("OUT_DIR").map(|folder| PathBuf::from(folder).join("static")) else { return };
    if fs::create_dir_all(&folder).is_err() {
        return;
    }
    let found =
        STATIC.map(|(name, library)| place_of(&compiler, library).is_some_and(|from| put(&from, &folder.join(name))));
    if found.contains(&true) {
        println!("cargo::rustc-link-search=native={}", folder.display());
    }
}

/// Where the compiler has that library; `None` where it has none.
fn place_of(compiler: &str, library: &str) -> Option<PathBuf> {
    let ran = Command::new(compiler).arg(format!("-print-file-name={library}")).output().ok()?;
    let path = PathBuf::from(String::from_utf8(ran.stdout).ok()?.trim());
    // Without one it says the name it was asked for.
    (ran.status.success() && path.is_absolute() && path.is_file()).then_some(path)
}

/// Copies a library, over what is there.
fn put(from: &Path, to: &Path) -> bool {
    fs::copy(from, to).is_ok()
}
