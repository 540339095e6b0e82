//! The commands in README.md, docs/ and python/README.md run and succeed, and print the output that stands below them.
//!
//! The blocks of a page run in the order of the page, in a directory of its own that holds `data/faithful.csv` and
//! nothing else: a page makes all other files that it reads. The word after the fence says what a block is:
//!
//! - `sh`: a program for `sh -eu`.
//! - `console`: commands after `$ `, and below each the lines that it prints, in their order, on standard error and then
//!   on standard output. `...` stands for any text; runs of blanks count as one.
//! - `text`: no program.
//! - `rust` blocks are run by `cargo test --doc` (the end of src/lib.rs), `python` blocks by
//!   python/tests/test_documentation.py.
//!
//! A block below `<!-- not run: REASON -->` is not run.
#![cfg(all(feature = "cli", unix))]

use std::env;
use std::ffi::OsString;
use std::fs;
use std::iter::once;
use std::path::{Path, PathBuf};
use std::process::Command;

const NOT_RUN: &str = "<!-- not run: ";

/// A fenced block of a page.
struct Block {
    line: usize,
    language: String,
    text: String,
    is_run: bool,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md"), root().join("python/README.md")];
    pages.extend(fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut above, mut is_inside) = ("", false);
    for (number, line) in page.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if is_inside => is_inside = false,
            Some(language) => {
                is_inside = true;
                let (language, is_run) = (language.to_owned(), !above.starts_with(NOT_RUN));
                blocks.push(Block { line: number + 1, language, text: String::new(), is_run });
            }
            None if is_inside => blocks.last_mut().unwrap().text += &format!("{line}\n"),
            None => {}
        }
        above = line;
    }
    assert!(!is_inside, "the last block has no end");
    blocks
}

/// The commands of a `console` block, each with the output below it.
fn commands(console: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    for line in console.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), String::new())),
            (None, Some((_, output))) => *output += &format!("{line}\n"),
            (None, None) => panic!("a console block begins with $: {line}"),
        }
    }
    commands
}

/// The output of a program for the shell, in which `mixtura` is the one under test.
fn run(program: &str, directory: &Path) -> Result<String, String> {
    let binaries = Path::new(env!("CARGO_BIN_EXE_mixtura")).parent().unwrap().to_owned();
    let others = env::var_os("PATH").unwrap_or_default();
    let path: OsString = env::join_paths(once(binaries).chain(env::split_paths(&others))).unwrap();
    let run = Command::new("sh").args(["-euc", program]).current_dir(directory).env("PATH", path).output().unwrap();
    let output = [run.stderr, run.stdout].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    if run.status.success() { Ok(output) } else { Err(format!("{}\n{output}", run.status)) }
}

fn single_blanks(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the parts of the expected text, between `...`, stand in the output, one after the other.
fn is_in(expected: &str, output: &str) -> bool {
    let (expected, output) = (single_blanks(expected), single_blanks(output));
    let mut rest = output.as_str();
    expected.split("...").map(str::trim).all(|part| {
        let found = rest.find(part);
        rest = found.map_or("", |at| &rest[at + part.len()..]);
        found.is_some()
    })
}

/// The faults of a page: blocks that fail, or print something else.
fn faults(page: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("data")).unwrap();
    fs::copy(root().join("data/faithful.csv"), directory.path().join("data/faithful.csv")).unwrap();
    let mut faults = Vec::new();
    for block in blocks(page) {
        let programs = match block.language.as_str() {
            "sh" => vec![(block.text, String::new())],
            "console" => commands(&block.text),
            "rust" | "python" | "text" => continue,
            other => panic!("line {}: a block of '{other}' is not known", block.line),
        };
        for (program, expected) in programs.into_iter().filter(|_| block.is_run) {
            match run(&program, directory.path()) {
                Err(failure) => faults.push(format!("line {}: {program}\n{failure}", block.line)),
                Ok(output) if !is_in(&expected, &output) => {
                    faults.push(format!("line {}: {program}\nprints\n{output}\nnot\n{expected}", block.line));
                }
                Ok(_) => {}
            }
        }
    }
    faults
}

#[test]
fn every_command_of_the_documentation_runs_and_prints_what_stands_below_it() {
    let mut n_run = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        n_run += blocks(&text).iter().filter(|block| block.is_run).count();
        let faults = faults(&text);
        assert!(faults.is_empty(), "{}\n{}", page.display(), faults.join("\n"));
    }
    assert!(n_run > 20, "blocks are found");
}

#[test]
fn every_link_between_pages_leads_to_a_file() {
    let mut n_links = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let is_of_the_repository = !link.is_empty() && !link.contains("://");
            n_links += usize::from(is_of_the_repository);
            let target = page.parent().unwrap().join(link);
            assert!(!is_of_the_repository || target.exists(), "{}: {link}", page.display());
        }
    }
    assert!(n_links > 10, "links are found");
}

#[test]
fn every_script_that_pages_and_workflows_name_is_there() {
    let mut files = pages();
    files.extend(fs::read_dir(root().join(".github/workflows")).unwrap().map(|entry| entry.unwrap().path()));
    files.push(root().join(".ci/run"));
    let mut n_scripts = 0;
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for word in text.split(|c: char| c.is_whitespace() || "`\"'()[],;".contains(c)) {
            let script = word.trim_end_matches(['.', ':']);
            if ["scripts/", "benches/", "./.github/"].iter().any(|folder| script.starts_with(folder)) {
                assert!(root().join(script).exists(), "{}: {script}", file.display());
                n_scripts += 1;
            }
        }
    }
    assert!(n_scripts > 20, "scripts are found");
}

#[test]
fn every_page_with_rust_is_among_the_tests_of_cargo() {
    let library = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for page in pages() {
        let name = page.strip_prefix(root()).unwrap().display().to_string();
        let has_rust = fs::read_to_string(&page).unwrap().contains("```rust");
        assert!(!has_rust || library.contains(&format!("include_str!(\"../{name}\")")), "{name}");
    }
}

#[test]
fn a_block_that_fails_or_prints_something_else_is_a_fault() {
    let page = |language: &str, text: &str| format!("```{language}\n{text}\n```\n");
    assert!(faults(&page("sh", "mixtura devices > list\ncat list")).is_empty());
    assert_eq!(faults(&page("sh", "mixtura fit nowhere.csv -k 2")).len(), 1);
    assert_eq!(faults(&page("sh", "false\ntrue")).len(), 1);
    assert!(faults(&page("console", "$ printf 'one  2 three'\none ... three\n$ true")).is_empty());
    assert_eq!(faults(&page("console", "$ printf 'one 2 three'\nthree ... one")).len(), 1);
    assert!(faults(&format!("{NOT_RUN}it fails -->\n{}", page("sh", "false"))).is_empty());
}

#[test]
fn every_example_runs_to_its_end() {
    for file in fs::read_dir(root().join("examples")).unwrap() {
        let file = file.unwrap().path();
        let name = file.file_stem().unwrap();
        let mut command = Command::new(env!("CARGO"));
        command.args(["run", "--quiet", "--offline", "--example"]).arg(name).current_dir(root());
        if !cfg!(debug_assertions) {
            command.arg("--release");
        }
        let output = command.output().unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && stdout.contains("BIC"), "{}: {stdout}{stderr}", file.display());
        // Drivers have nothing to say.
        assert!(!stderr.contains("XDG_RUNTIME_DIR"), "{}: {stderr}", file.display());
    }
}
