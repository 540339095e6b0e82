//! The house has no circle of imports, its rooms import each other in the order that ARCHITECTURE.md gives, and none but
//! the command line speaks of flags.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Where the order of the rooms begins in ARCHITECTURE.md, and between what its rooms stand.
const ORDER: &str = "Import order: ";

/// What every module imports, by the path of the module: `io::rows`.
type Imports = BTreeMap<String, BTreeSet<String>>;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false if path.extension().is_some_and(|extension| extension == "rs") => found.push(path),
            false => {}
        }
    }
}

/// The modules of the sources: path, names of the modules around it, and text without comments and tests.
fn modules() -> BTreeMap<String, (Vec<String>, String)> {
    let sources = root().join("src");
    let mut found = Vec::new();
    files(&sources, &mut found);
    let module = |file: PathBuf| {
        let relative = file.strip_prefix(&sources).unwrap().with_extension("");
        let mut names: Vec<String> = relative.iter().map(|name| name.to_str().unwrap().to_owned()).collect();
        if names.last().is_some_and(|name| name == "mod") {
            names.pop();
        }
        let text = fs::read_to_string(&file).unwrap().replace("\r\n", "\n");
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let lines: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
        (names.join("::"), (names, lines.join("\n")))
    };
    found.into_iter().map(module).collect()
}

/// The longest module that a path leads into.
fn resolve(path: &[String], modules: &BTreeMap<String, (Vec<String>, String)>) -> Option<String> {
    (1..=path.len()).rev().map(|n| path[..n].join("::")).find(|name| modules.contains_key(name))
}

/// The paths in a text, those of groups such as `a::{b, c}` each for itself.
fn paths(text: &str) -> Vec<String> {
    let (mut paths, mut groups, mut word) = (Vec::new(), Vec::<String>::new(), String::new());
    for c in text.chars() {
        if c.is_alphanumeric() || c == '_' || c == ':' {
            word.push(c);
            continue;
        }
        let path = std::mem::take(&mut word);
        match c {
            '{' => groups.push(if path.ends_with("::") { path } else { String::new() }),
            _ if !path.is_empty() => paths.push(groups.concat() + &path),
            _ => {}
        }
        if c == '}' {
            groups.pop();
        }
    }
    paths
}

fn imports() -> Imports {
    let modules = modules();
    let import = |(name, (names, text)): (&String, &(Vec<String>, String))| {
        let mut imported = BTreeSet::new();
        for path in paths(text) {
            let mut parts = path.split("::").map(str::to_owned).peekable();
            let first = parts.next().unwrap_or_default();
            let mut path: Vec<String> = match first.as_str() {
                "crate" => Vec::new(),
                "self" => names.clone(),
                "super" if !names.is_empty() => names[..names.len() - 1].to_vec(),
                // A folder names what is in it.
                _ if path.contains("::") => [names.clone(), vec![first]].concat(),
                _ => continue,
            };
            while parts.next_if(|part| part == "super").is_some() {
                path.pop();
            }
            path.extend(parts.filter(|part| !part.is_empty()));
            let found =
                resolve(&path, &modules).filter(|other| other != name && !name.starts_with(&format!("{other}::")));
            imported.extend(found);
        }
        (name.clone(), imported)
    };
    modules.iter().map(import).collect()
}

/// A circle of imports that a module is part of.
fn circle(module: &str, imports: &Imports, way: &mut Vec<String>, done: &mut BTreeSet<String>) -> Option<Vec<String>> {
    if let Some(start) = way.iter().position(|other| other == module) {
        return Some(way[start..].to_vec());
    }
    if !done.insert(module.to_owned()) {
        return None;
    }
    way.push(module.to_owned());
    let found = imports[module].iter().find_map(|other| circle(other, imports, way, done));
    way.pop();
    found
}

/// The rooms, those that import nothing first.
fn order() -> Vec<String> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(ORDER)).expect("the order stands on a line of its own");
    line.split(" <- ").map(|room| room.trim_matches(['`', '.']).to_owned()).collect()
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let imports = imports();
    assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 300, "imports are found");
    let mut done = BTreeSet::new();
    for module in imports.keys() {
        assert_eq!(circle(module, &imports, &mut Vec::new(), &mut done), None);
    }
}

#[test]
fn rooms_import_each_other_in_the_order_of_the_architecture() {
    let order = order();
    let place = |module: &str| {
        let room = module.split("::").next().unwrap_or_default();
        order.iter().position(|other| other == room).unwrap_or_else(|| panic!("{room} has no place in the order"))
    };
    for (module, others) in imports() {
        for other in others {
            let (own, its) = (place(&module), place(&other));
            assert!(its <= own, "{module} imports {other}");
            let rooms = [order[own].as_str(), order[its].as_str()];
            assert_ne!(rooms, ["model", "data"], "{module} imports {other}: models know no samples");
        }
    }
}

#[test]
fn only_the_command_line_speaks_of_flags() {
    let sources = root().join("src");
    let mut found = Vec::new();
    files(&sources, &mut found);
    found.retain(|file| file != &sources.join("main.rs") && !file.starts_with(sources.join("cli")));
    assert!(found.len() > 100, "sources are found");
    let has_flag = |line: &str| line.split("--").skip(1).any(|end| end.starts_with(|c: char| c.is_ascii_lowercase()));
    for file in found {
        let text = fs::read_to_string(&file).unwrap();
        // What comments say, nobody is told.
        let mut code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let line = code.find(|line| has_flag(line) || line.contains("`mixtura "));
        assert_eq!(line, None, "{}: say it by a Term", file.display());
    }
}
