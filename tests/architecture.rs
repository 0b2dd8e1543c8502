//! The house of ARCHITECTURE.md, held by reading the source: a module uses itself and lower floors, never a neighbour;
//! files do not go in circles; each outside package has its homes; what the text names is there.
//!
//! Files are parsed whole. Left out is what is compiled for tests only.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

/// Modules from the ground up; those of one row must not know each other.
const FLOORS: [&[&str]; 8] = [
    &["error", "monitor", "account"],
    &["tile", "rows"],
    &["counts", "project", "staging", "heat"],
    &["shade", "store", "encode", "region"],
    &["source", "backend", "container", "countfile", "exchange", "paper"],
    &["render", "serve"],
    &["bench", "session"],
    &["cli", "main", "lib"],
];

/// Exceptions on the ground floor: the monitor and the account speak of errors.
const NEIGHBOURS_ALLOWED: [(&str, &str); 2] = [("monitor", "error"), ("account", "error")];

/// Packages and the places that may name them; an empty place is everywhere.
const HOMES: [(&str, &[&str]); 55] = [
    ("arrow_array", &["exchange/columnar"]),
    ("arrow_ipc", &["exchange/columnar"]),
    ("arrow_schema", &["exchange/columnar"]),
    ("bytemuck", &["backend/gpu", "project", "store", "tile"]),
    ("bzip2", &["source/packed"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli/shell.rs"]),
    ("clap_mangen", &["cli/shell.rs"]),
    ("colorcet", &["shade"]),
    ("colorous", &["shade"]),
    ("cpu_time", &["bench/mod.rs", "monitor.rs"]),
    ("crc32fast", &["countfile", "encode", "source/packed"]),
    ("csscolorparser", &["shade"]),
    ("csv", &["source", "exchange/text.rs"]),
    ("ctrlc", &["cli"]),
    ("deflate64", &["source/packed/zip.rs"]),
    ("encoding_rs", &["source/packed/text.rs"]),
    ("fast_float2", &["source"]),
    ("flate2", &["container", "exchange/geotiff"]),
    ("glob", &["source/expand.rs"]),
    ("h3o", &["exchange/columnar"]),
    ("hyper", &["serve"]),
    ("hyper_util", &["serve"]),
    ("image", &["paper"]),
    ("image_webp", &["encode/webp.rs"]),
    ("indicatif", &["cli"]),
    ("libc", &["account.rs"]),
    ("liblzma", &["source/packed"]),
    ("libm", &[""]),
    ("lz4_flex", &["source/packed"]),
    ("md5", &["container/write/mbtiles"]),
    ("memchr", &["backend/gpu/loader.rs", "source"]),
    ("nix", &["cli/stop.rs"]),
    ("noto_sans_mono_bitmap", &["paper"]),
    ("parquet", &["exchange/columnar"]),
    ("png", &["encode", "paper"]),
    ("pollster", &["backend/gpu"]),
    ("proj_sys", &["project"]),
    ("rand_chacha", &["source/synth"]),
    ("rawzip", &["source/packed/zip.rs"]),
    (
        "rayon",
        &[
            "backend",
            "bench",
            "container/write",
            "countfile",
            "exchange",
            "render",
            "session.rs",
            "source/synth/mod.rs",
            "store",
        ],
    ),
    (
        "rustix",
        &[
            "source/input",
            "serve/hosts.rs",
            "render/allowance.rs",
            "cli/stop.rs",
            "staging",
            "container/read",
            "serve/connections.rs",
            "serve/places.rs",
        ],
    ),
    ("rusqlite", &["container"]),
    ("serde", &[""]),
    (
        "serde_json",
        &[
            "bench",
            "cli",
            "container",
            "countfile",
            "heat/loose.rs",
            "heat/tile_json.rs",
            "paper/legend",
            "project",
            "region",
            "render",
            "serve",
            "source/value/geometry.rs",
        ],
    ),
    ("sha2", &["serve"]),
    ("signal_hook", &["cli"]),
    ("strsim", &["source/columns/lookup.rs"]),
    (
        "tempfile",
        &[
            "bench",
            "cli/bench.rs",
            "cli/report.rs",
            "container/write",
            "backend/cpu/keyed/tests.rs",
            "source/delimited/tests.rs",
            "source/input/spool.rs",
            "staging",
            "store",
        ],
    ),
    ("thiserror", &["error.rs"]),
    ("tokio", &["serve"]),
    ("twox_hash", &["container/read", "container/write", "exchange", "serve", "source", "source/choice", "source/key"]),
    ("wgpu", &["backend/gpu"]),
    ("zlib_rs", &["source/packed"]),
    ("zstd", &["countfile", "source/packed"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A path in the source: its parts, and what they mean before anything is resolved.
type Names = Vec<String>;

/// What one source file says of others.
#[derive(Debug, Default)]
struct Source {
    /// Module path: `["backend", "gpu", "bin"]`, empty for the crate's roots.
    module: Names,
    /// Whether the file is the front of its folder.
    front: bool,
    /// Every path that is used, in full from `crate`, or beginning with a package's name.
    used: BTreeSet<Names>,
    /// Names it passes on from elsewhere: name -> full path; `*` for all of a module.
    passed_on: Vec<(String, Names)>,
}

/// Collects the paths of a file.
struct Reader {
    /// Module path of the file, and of modules within it.
    at: Names,
    found: Source,
}

fn only_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|a| {
        a.path().is_ident("test")
            || (a.path().is_ident("cfg")
                && matches!(&a.meta, syn::Meta::List(list) if list.tokens.to_string() == "test"))
    })
}

impl Reader {
    /// The path in full; `None` where it is a local name.
    fn full(&self, names: &[String]) -> Option<Names> {
        let mut at = self.at.clone();
        let mut rest = names;
        match rest.first()?.as_str() {
            "crate" => {
                at.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|n| n == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            _ => return Some(names.to_vec()),
        }
        let mut full = vec!["crate".to_owned()];
        full.extend(at);
        full.extend(rest.iter().cloned());
        Some(full)
    }

    fn tree(&mut self, tree: &syn::UseTree, before: &mut Names, public: bool) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.tree(&path.tree, before, public);
                before.pop();
            }
            syn::UseTree::Name(name) => self.leaf(before, &name.ident.to_string(), None, public),
            syn::UseTree::Rename(rename) => {
                self.leaf(before, &rename.ident.to_string(), Some(rename.rename.to_string()), public);
            }
            syn::UseTree::Glob(_) => self.leaf(before, "*", None, public),
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(tree, before, public);
                }
            }
        }
    }

    fn leaf(&mut self, before: &Names, name: &str, known_as: Option<String>, public: bool) {
        let mut names = before.clone();
        if name != "self" {
            names.push(name.to_owned());
        }
        let Some(full) = self.full(&names) else { return };
        if public && self.at == self.found.module {
            let known_as = known_as.unwrap_or_else(|| names.last().cloned().unwrap_or_default());
            self.found.passed_on.push((known_as, full));
        } else {
            self.found.used.insert(full);
        }
    }

    /// Paths within the tokens of a macro, which are no syntax tree yet.
    fn tokens(&mut self, tokens: proc_macro2::TokenStream) {
        let mut names = Names::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                proc_macro2::TokenTree::Group(group) => {
                    self.take(&mut names);
                    self.tokens(group.stream());
                    colons = 0;
                }
                proc_macro2::TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.take(&mut names);
                    }
                    names.push(ident.to_string());
                    colons = 0;
                }
                proc_macro2::TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                _ => {
                    self.take(&mut names);
                    colons = 0;
                }
            }
        }
        self.take(&mut names);
    }

    fn take(&mut self, names: &mut Names) {
        if names.len() > 1
            && let Some(full) = self.full(names)
        {
            self.found.used.insert(full);
        }
        names.clear();
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes: &[syn::Attribute] = match item {
            syn::Item::Const(i) => &i.attrs,
            syn::Item::Enum(i) => &i.attrs,
            syn::Item::Fn(i) => &i.attrs,
            syn::Item::Impl(i) => &i.attrs,
            syn::Item::Macro(i) => &i.attrs,
            syn::Item::Mod(i) => &i.attrs,
            syn::Item::Static(i) => &i.attrs,
            syn::Item::Struct(i) => &i.attrs,
            syn::Item::Trait(i) => &i.attrs,
            syn::Item::Type(i) => &i.attrs,
            syn::Item::Use(i) => &i.attrs,
            _ => &[],
        };
        if only_for_tests(attributes) {
            return;
        }
        match item {
            syn::Item::Use(i) => {
                let public = !matches!(i.vis, syn::Visibility::Inherited);
                self.tree(&i.tree, &mut Names::new(), public);
            }
            syn::Item::Mod(i) if i.content.is_some() => {
                self.at.push(i.ident.to_string());
                visit::visit_item_mod(self, i);
                self.at.pop();
            }
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !only_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut names: Names = path.segments.iter().map(|s| s.ident.to_string()).collect();
        self.take(&mut names);
        visit::visit_path(self, path);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("derive")
            && let syn::Meta::List(list) = &attribute.meta
        {
            self.tokens(list.tokens.clone());
        }
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        self.visit_path(&mac.path);
        self.tokens(mac.tokens.clone());
    }
}

fn read(name: &str, text: &str) -> Source {
    let mut module: Names = name.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    let front = module.last().is_some_and(|last| last == "mod");
    if front || matches!(name, "lib.rs" | "main.rs") {
        module.pop();
    }
    let file = syn::parse_file(text).unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut reader = Reader { at: module.clone(), found: Source { module, front, ..Source::default() } };
    // A file that as a whole is for tests is declared so by its parent; it is met there.
    if !only_for_tests(&file.attrs) {
        reader.visit_file(&file);
    }
    reader.found
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
}

/// Every source file by its path below src, with forward slashes.
fn all_sources() -> BTreeMap<String, Source> {
    let src = root().join("src");
    let mut found = Vec::new();
    files(&src, "rs", &mut found);
    assert!(found.len() > 10);
    let name = |file: &Path| file.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/");
    whole(found.iter().map(|file| (name(file), read(&name(file), &fs::read_to_string(file).unwrap()))).collect())
}

/// Paths that begin with the name of a file's own module (`pub use counts::CountStore` beside `mod counts`) in full.
fn whole(mut sources: BTreeMap<String, Source>) -> BTreeMap<String, Source> {
    let modules: BTreeSet<Names> = sources.values().map(|source| source.module.clone()).collect();
    for source in sources.values_mut() {
        let full = |path: Names| {
            let own: Names = source.module.iter().chain(path.first()).cloned().collect();
            if path.first().is_none_or(|first| first == "crate") || !modules.contains(&own) {
                return path;
            }
            ["crate".to_owned()].into_iter().chain(source.module.iter().cloned()).chain(path).collect()
        };
        source.used = std::mem::take(&mut source.used).into_iter().map(full).collect();
        for (_, path) in &mut source.passed_on {
            *path = full(std::mem::take(path));
        }
    }
    sources
}

fn sources(texts: &[(&str, &str)]) -> BTreeMap<String, Source> {
    whole(texts.iter().map(|(name, text)| ((*name).to_owned(), read(name, text))).collect())
}

fn room(name: &str) -> &str {
    name.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|row| row.contains(&module))
}

/// All full paths of a file, those it passes on included.
fn paths(source: &Source) -> impl Iterator<Item = &Names> {
    source.used.iter().chain(source.passed_on.iter().map(|p| &p.1))
}

fn violations(sources: &BTreeMap<String, Source>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, source) in sources {
        let own_room = room(name);
        let Some(own) = floor(own_room) else {
            found.push(format!("{name}: module {own_room} has no floor"));
            continue;
        };
        for path in paths(source).filter(|p| p[0] == "crate") {
            let Some(used) = path.get(1) else { continue };
            let Some(other) = floor(used) else { continue };
            let allowed = NEIGHBOURS_ALLOWED.contains(&(own_room, used.as_str()));
            if used != own_room && other >= own && !allowed {
                found.push(format!("{name} uses {used}, which is not below it"));
            }
        }
    }
    found
}

#[test]
fn every_module_uses_lower_floors_only() {
    let found = violations(&all_sources());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_step_to_a_neighbour_is_noticed_wherever_it_stands() {
    for text in [
        "use crate::backend::Plan;",
        "use crate::{backend::Plan, error::Result};",
        "#[cfg(test)] use std::fs; fn late() { let x = crate::backend::cpu::new(); }",
        "fn within() { println!(\"{}\", crate::backend::NAME) }",
        "use super::super::backend::Plan;",
        "pub use crate::backend::Plan;",
    ] {
        assert_eq!(violations(&sources(&[("store/points.rs", text)])).len(), 1, "{text}");
    }
    let neighbour = "fn f() -> crate::container::Made { todo!() }";
    assert_eq!(violations(&sources(&[("source/csv.rs", neighbour)])).len(), 1);
    let tests = "#[cfg(test)] mod tests { use crate::backend::Plan; }";
    assert!(violations(&sources(&[("store/points.rs", tests)])).is_empty());
}

/// The file whose code a full path means: names that are passed on are followed to where they are from.
fn home_of<'a>(path: &[String], sources: &'a BTreeMap<String, Source>) -> Option<&'a str> {
    let mut path = path[1..].to_vec();
    for _ in 0..8 {
        let module = |depth: usize| sources.iter().find(|(name, s)| s.module == path[..depth] && *name != "main.rs");
        let depth = (0..=path.len()).rev().find(|&depth| module(depth).is_some())?;
        let (name, source) = module(depth)?;
        let next = path.get(depth).and_then(|wanted| {
            let named = source.passed_on.iter().find(|(known_as, _)| known_as == wanted);
            named.map(|(_, to)| (to, depth + 1)).filter(|(to, _)| to[0] == "crate")
        });
        let Some((to, used)) = next else { return Some(name) };
        let rest = path[used..].to_vec();
        path = to[1..].to_vec();
        path.extend(rest);
    }
    None
}

/// Who uses whom among files. A folder's front may use the files of its folder, whatever they use of it: they are its
/// parts. Other than that nothing may lead back.
fn uses(sources: &BTreeMap<String, Source>) -> BTreeMap<&str, BTreeSet<&str>> {
    let part_of = |front: &Source, part: &Source| part.module.starts_with(&front.module) && part.module != front.module;
    let of = |(name, source): (&'_ String, &Source)| {
        let homes = source.used.iter().filter(|p| p[0] == "crate").filter_map(|p| home_of(p, sources));
        let others = homes.filter(|home| *home != name.as_str());
        others.filter(|home| !((source.front || name == "lib.rs") && part_of(source, &sources[*home]))).collect()
    };
    sources.iter().map(|entry| (entry.0.as_str(), of(entry))).collect()
}

/// Groups of files that lead back to each other.
fn circles(sources: &BTreeMap<String, Source>) -> Vec<Vec<&str>> {
    let uses = uses(sources);
    let reached = |from: &str| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(file) = next.pop() {
            for &used in uses.get(file).into_iter().flatten() {
                if seen.insert(used) {
                    next.push(used);
                }
            }
        }
        seen
    };
    let all: BTreeMap<&str, BTreeSet<&str>> = uses.keys().map(|&file| (file, reached(file))).collect();
    let together = |a: &&str| -> Vec<&str> {
        all.keys().filter(|b| all[*a].contains(*b) && all[*b].contains(*a)).copied().collect()
    };
    let groups: BTreeSet<Vec<&str>> = all.keys().map(together).filter(|group| group.len() > 1).collect();
    groups.into_iter().collect()
}

#[test]
fn files_do_not_go_in_circles() {
    let sources = all_sources();
    let found: Vec<String> = circles(&sources).iter().map(|group| group.join(", ")).collect();
    assert!(found.is_empty(), "circles:\n{}", found.join("\n"));
}

#[test]
fn a_circle_is_noticed_also_through_names_that_are_passed_on() {
    let front = ("store/mod.rs", "mod counts; mod part; pub use counts::CountStore; pub use part::CountPart;");
    let counts = ("store/counts.rs", "use super::CountPart; pub struct CountStore;");
    let part = ("store/part.rs", "use crate::store::CountStore; pub struct CountPart;");
    assert_eq!(circles(&sources(&[front, counts, part])), [["store/counts.rs", "store/part.rs"]]);
    let plain = ("store/part.rs", "pub struct CountPart; #[cfg(test)] mod tests { use super::super::CountStore; }");
    assert!(circles(&sources(&[front, counts, plain])).is_empty());
}

/// The packages a build for people needs, as the source names them.
fn packages() -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut within = false;
    let mut found = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            within = line.ends_with("dependencies]") && !line.contains("dev-dependencies");
        } else if within && let Some((name, _)) = line.split_once('=') {
            found.insert(name.trim().trim_matches('"').replace('-', "_"));
        }
    }
    found
}

#[test]
fn packages_stay_in_their_homes() {
    let sources = all_sources();
    let packages = packages();
    let listed: BTreeSet<String> = HOMES.iter().map(|(package, _)| (*package).to_owned()).collect();
    assert_eq!(packages, listed, "every package of Cargo.toml has its homes in this test, and no other");
    for (package, homes) in HOMES {
        let mut at_home = 0;
        for (name, source) in &sources {
            // A module of ours that a file uses may have a package's name.
            let ours = |path: &Names| paths(source).any(|u| u[0] == "crate" && u.last() == Some(&path[0]));
            if paths(source).any(|path| path[0] == package && path.len() > 1 && !ours(path)) {
                let home = homes.iter().any(|home| name.starts_with(home));
                assert!(home, "{name} names the package {package}, whose homes are {homes:?}");
                at_home += 1;
            }
        }
        assert!(at_home > 0, "no file names the package {package}");
    }
}

#[test]
fn the_two_backends_do_not_know_each_other() {
    for (name, source) in all_sources() {
        for (own, other) in [("cpu", "gpu"), ("gpu", "cpu")] {
            let knows = |path: &Names| path.len() > 2 && path[1] == "backend" && path[2] == other;
            assert!(
                !name.starts_with(&format!("backend/{own}")) || !paths(&source).any(knows),
                "{name} knows the other backend"
            );
        }
    }
}

/// Words of a text in backticks, and paths with an ending that stand in its tables.
fn named_paths(text: &str) -> BTreeSet<String> {
    let quoted = text.split('`').skip(1).step_by(2).filter(|word| word.contains('/') || word.ends_with(".rs"));
    let separators = |c: char| c.is_whitespace() || "()[],;:=`".contains(c);
    let bare = text.split(separators).map(|word| word.trim_end_matches('.'));
    let bare = bare.filter(|word| [".rs", ".wgsl"].iter().any(|ending| word.ends_with(ending)));
    let is_path = |word: &&str| {
        word.chars().all(|c| c.is_alphanumeric() || "_-/.".contains(c)) && word.starts_with(char::is_alphabetic)
    };
    quoted.chain(bare).filter(is_path).map(str::to_owned).collect()
}

#[test]
fn what_architecture_md_names_is_there() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let named = named_paths(&text);
    assert!(named.len() > 10);
    let there = |path: &str| {
        ["", "src", "src/backend", "shaders", "tests"].iter().any(|base| {
            let whole = root().join(base).join(path);
            whole.exists() || whole.with_extension("rs").exists()
        })
    };
    let missing: Vec<&String> = named.iter().filter(|path| !there(path)).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names what is not there: {missing:?}");
}
