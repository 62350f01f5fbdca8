//! The rooms of `src/`: who may import from whom.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use offhook_tests::crate_root;

/// Each room, in the order of `lib.rs`, with the rooms that it may import from.
const ROOMS: [(&str, &[&str]); 10] = [
    ("time", &[]),
    ("verify", &["time"]),
    ("event", &["time"]),
    ("receive", &["time", "verify", "event"]),
    ("vendors", &["time", "verify", "event", "receive"]),
    ("idempotency", &["time", "verify", "event", "receive"]),
    ("inbox", &["time", "verify", "event", "receive", "idempotency"]),
    ("web", &["time", "verify", "event", "receive", "vendors", "idempotency"]),
    ("testing", &["time", "verify", "event", "receive", "vendors", "idempotency", "web"]),
    ("diagnose", &["time", "verify", "event", "receive", "vendors", "testing"]),
];

#[test]
fn lib_rs_lists_the_rooms_in_order() {
    let lib = std::fs::read_to_string(crate_root().join("src/lib.rs")).unwrap();
    let found: Vec<_> = lib
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'))
        .filter(|module| *module != "guide")
        .collect();
    assert_eq!(found, ROOMS.map(|(room, _)| room));
}

#[test]
fn every_room_says_what_it_knows_and_what_it_must_never_know() {
    for (room, _) in ROOMS {
        let text = std::fs::read_to_string(crate_root().join("src").join(room).join("mod.rs")).unwrap();
        let opening: Vec<_> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let says = opening.iter().any(|line| line.starts_with("//! Knows "));
        let denies = opening.iter().any(|line| line.contains("Must never know"));
        assert!(says && denies, "{room}: {opening:?}");
    }
}

#[test]
fn no_room_imports_against_the_order() {
    let mut wrong = Vec::new();
    for (room, allowed) in ROOMS {
        for file in files(&crate_root().join("src").join(room)) {
            for (number, path) in paths(&code(&file)) {
                let target = path.split("::").nth(1).unwrap_or_default();
                if target != room && !allowed.contains(&target) {
                    wrong.push(format!("{}:{number}: {path}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "a room imports only from rooms above it: {wrong:#?}");
}

/// Modules inside of a room form no circle either, so that each can be read after the
/// ones that it needs.
#[test]
fn no_room_has_a_circle_inside() {
    for (room, _) in ROOMS {
        let arrows = arrows(room);
        let mut open: BTreeMap<_, BTreeSet<_>> = arrows.clone();
        // Modules that import nothing which is still open come first; a circle never opens up.
        loop {
            let done: Vec<_> =
                open.iter().filter(|(_, needs)| needs.is_empty()).map(|(name, _)| name.clone()).collect();
            if done.is_empty() {
                break;
            }
            for name in &done {
                open.remove(name);
            }
            for needs in open.values_mut() {
                needs.retain(|need| !done.contains(need));
            }
        }
        assert!(open.is_empty(), "a circle in {room}: {open:#?}");
    }
}

/// The modules of a room (a file or a folder below its `mod.rs`), with those of the same
/// room that each imports from.
fn arrows(room: &str) -> BTreeMap<String, BTreeSet<String>> {
    let folder = crate_root().join("src").join(room);
    let front = code(&folder.join("mod.rs"));
    let modules: BTreeSet<String> =
        front.lines().filter_map(|line| line.split_once("mod ")?.1.strip_suffix(';').map(str::to_owned)).collect();
    // Which module an item comes from that `mod.rs` re-exports.
    let mut home = BTreeMap::new();
    for (_, path) in uses(&front, "") {
        if let Some((module, item)) = path.split_once("::") {
            home.insert(item.rsplit("::").next().unwrap_or(item).to_owned(), module.to_owned());
        }
    }
    let of = |name: &str| if modules.contains(name) { Some(name.to_owned()) } else { home.get(name).cloned() };
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files(&folder) {
        let inside = file.strip_prefix(&folder).unwrap();
        let own = inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
        if own == "mod" {
            continue;
        }
        let text = code(&file);
        let needs = arrows.entry(own.clone()).or_default();
        let prefix = format!("crate::{room}::");
        let local = paths(&text).into_iter().filter_map(|(_, path)| path.strip_prefix(&prefix).map(str::to_owned));
        // `super` is the room's own `mod.rs` only for files that lie in the room's folder.
        let supers =
            uses(&text, "super::").into_iter().filter(|_| inside.components().count() == 1).map(|(_, path)| path);
        for path in local.chain(supers) {
            let name = path.split("::").next().unwrap_or_default();
            needs.extend(of(name).filter(|module| *module != own));
        }
    }
    arrows
}

/// A file that no `mod` line names is not compiled, and the tests in it do not run.
#[test]
fn a_mod_line_names_every_file() {
    let roots =
        ["src/lib.rs", "tests/src/lib.rs", "tests/oracles/src/lib.rs", "tests/allocations.rs", "tests/records.rs"]
            .map(|root| crate_root().join(root));
    let mut forgotten: Vec<_> =
        ["src", "tests"].iter().flat_map(|folder| all_files(&crate_root().join(folder))).collect();
    assert!(forgotten.len() > 200, "{forgotten:#?}");
    forgotten.retain(|file| !roots.contains(file) && !file.ends_with("main.rs") && !is_named(file));
    assert!(forgotten.is_empty(), "no `mod` line names {forgotten:#?}");
}

/// Returns whether the parent of this file's module names it in a `mod` line.
fn is_named(file: &Path) -> bool {
    let module = if file.ends_with("mod.rs") { file.parent().unwrap() } else { file };
    let folder = module.parent().unwrap();
    let line = format!("mod {};", module.file_stem().unwrap().display());
    // The parent is in the same folder, or it is a file beside the folder that has its name.
    let parents = ["mod.rs", "lib.rs", "main.rs"].map(|name| folder.join(name));
    parents.into_iter().chain([folder.with_extension("rs")]).filter(|parent| parent.exists()).any(|parent| {
        let text = std::fs::read_to_string(parent).unwrap();
        text.lines().any(|found| found == line || found.starts_with("pub") && found.ends_with(&format!(" {line}")))
    })
}

/// The Rust files below a folder, without those that hold unit tests only.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = all_files(folder);
    found.retain(|file| !file.ends_with("tests.rs"));
    found
}

/// The Rust files below a folder.
fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(all_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The code of a file without comments and unit tests.
fn code(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap();
    code.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line }).collect::<Vec<_>>().join("\n")
}

/// Every path that begins with `crate::`, in a `use` or in the code, with its line.
fn paths(code: &str) -> Vec<(usize, String)> {
    let mut found: Vec<_> =
        uses(code, "crate::").into_iter().map(|(line, path)| (line, format!("crate::{path}"))).collect();
    for (at, _) in code.match_indices("crate::") {
        let path: String =
            code[at..].chars().take_while(|char| char.is_alphanumeric() || matches!(char, '_' | ':')).collect();
        found.push((line_of(code, at), path.trim_end_matches(':').to_owned()));
    }
    found
}

/// What the `use` statements that begin with `prefix` name, one path per item, without
/// the prefix.
fn uses(code: &str, prefix: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let statement: String = code[at + 4..].chars().take_while(|char| *char != ';').collect();
        let Some(tree) = statement.trim().strip_prefix(prefix) else { continue };
        let line = line_of(code, at);
        match tree.split_once('{') {
            None => found.push((line, tree.to_owned())),
            Some((base, items)) => {
                for item in
                    items.trim_end().trim_end_matches('}').split(',').map(str::trim).filter(|item| !item.is_empty())
                {
                    found.push((line, format!("{base}{item}")));
                }
            }
        }
    }
    found
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}
