//! Whether the documents still describe this repository.
//!
//! **Not allowed here:** judging prose. A document is asked only what a machine can answer: do the
//! paths that it names exist, is every member on the map, is every decision listed.

use regex::Regex;

use crate::repository::Repository;

const WITH_PATHS: [&str; 3] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];
const MAP: &str = "ARCHITECTURE.md";
const DECISIONS: &str = "docs/adr/";
const DECISION_LIST: &str = "docs/adr/README.md";

/// What a name must end with to be a source or document file, wherever it stands.
const FILE_NAME: &str = r"^[\w.-]*\w\.(?:rs|md|toml|yml|sh)$";
/// Backticks around one word, outside of code blocks.
const CODE_SPAN: &str = r"`([\w./-]+)`";

pub(super) fn problems(repository: &Repository) -> Vec<String> {
    let mut found = Vec::new();
    for document in WITH_PATHS {
        match repository.text(document) {
            None => found.push(format!("{document} is missing")),
            Some(text) => found.extend(dead_paths(repository, document, text)),
        }
    }
    found.extend(members_off_the_map(repository));
    found.extend(unlisted_decisions(repository));
    found
}

fn dead_paths(repository: &Repository, document: &str, text: &str) -> Vec<String> {
    let span = Regex::new(CODE_SPAN).expect("the pattern is a constant and tested");
    let mut found = Vec::new();
    let mut in_code_block = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code_block = !in_code_block;
        }
        if in_code_block {
            continue;
        }
        let names = span.captures_iter(line).filter_map(|one| one.get(1));
        let dead = names.map(|name| name.as_str()).filter(|name| is_dead(repository, name));
        found.extend(dead.map(|name| format!("{document}:{}: `{name}` does not exist", index + 1)));
    }
    found
}

/// A name is taken for a path of the repository when it starts in one of its folders, ends like a
/// folder or is called like a source file. `/api/…`, `./data` and `target/…` are none.
fn is_dead(repository: &Repository, name: &str) -> bool {
    let file_name = Regex::new(FILE_NAME).expect("the pattern is a constant and tested");
    if name.starts_with(['/', '.']) && !name.starts_with(".ci/") || name.starts_with("target/") {
        return false;
    }
    let Some((first, _)) = name.split_once('/') else {
        return file_name.is_match(name)
            && !repository.paths().any(|path| path.rsplit('/').next() == Some(name));
    };
    let folder = format!("{first}/");
    let last = name.rsplit('/').next().unwrap_or_default();
    let is_path = name.ends_with('/')
        || file_name.is_match(last)
        || repository.paths().any(|path| path.starts_with(&folder));
    let inside = format!("{}/", name.trim_end_matches('/'));
    is_path && repository.text(name).is_none() && !repository.paths().any(|path| path.starts_with(&inside))
}

fn members_off_the_map(repository: &Repository) -> Vec<String> {
    let Some(map) = repository.text(MAP) else {
        return Vec::new();
    };
    let manifests = repository.paths().filter_map(|path| path.strip_suffix("/Cargo.toml"));
    manifests
        .filter(|folder| !map.contains(&format!("`{folder}`")) && !map.contains(&format!("{folder}/")))
        .map(|folder| format!("{MAP}: the workspace member {folder} is not mentioned"))
        .collect()
}

fn unlisted_decisions(repository: &Repository) -> Vec<String> {
    let list = repository.text(DECISION_LIST).unwrap_or_default();
    let names = repository.paths().filter_map(|path| path.strip_prefix(DECISIONS));
    names
        .filter(|name| name.ends_with(".md") && *name != "README.md")
        .filter(|name| !list.contains(&format!("({name})")) && !list.contains(&format!("(./{name})")))
        .map(|name| format!("{DECISION_LIST}: {name} is not linked"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The problems of a small repository whose architecture document says `text`.
    fn found(text: &str) -> Vec<String> {
        let map = format!("`domain`, adapters/secrets/\n{text}\n");
        problems(&Repository::sample(&[
            ("README.md", ""),
            ("CONTRIBUTING.md", ""),
            ("ARCHITECTURE.md", &map),
            ("domain/Cargo.toml", ""),
            ("domain/src/lib.rs", ""),
            ("adapters/secrets/Cargo.toml", ""),
            (".ci/run", ""),
        ]))
    }

    #[test]
    fn a_path_that_does_not_exist_is_reported() {
        for dead in ["domain/src/gone.rs", "gone/", "gone/lib.rs", "domain/gone", "gone.rs", ".ci/gone"] {
            assert_eq!(
                found(&format!("See `{dead}`.")),
                [format!("ARCHITECTURE.md:2: `{dead}` does not exist")]
            );
        }
    }

    #[test]
    fn paths_that_exist_and_names_that_are_no_paths_are_left_alone() {
        let living = "`domain/src/lib.rs` `domain/src/` `domain` `lib.rs` `adapters/secrets` `.ci/run`";
        let others = "`/api/credits` `application/json` `./leafcutter-data` `target/venv` `serve` `a.b()`";
        assert!(found(&format!("{living} {others}\n```\n`gone/`\n```")).is_empty());
    }

    #[test]
    fn a_missing_document_and_a_member_off_the_map_are_reported() {
        let mut files = vec![("README.md", ""), ("CONTRIBUTING.md", ""), ("domain/Cargo.toml", "")];
        assert_eq!(problems(&Repository::sample(&files)), ["ARCHITECTURE.md is missing"]);
        files.push(("ARCHITECTURE.md", "The domain."));
        let off_the_map = "ARCHITECTURE.md: the workspace member domain is not mentioned";
        assert_eq!(problems(&Repository::sample(&files)), [off_the_map]);
    }

    #[test]
    fn a_decision_that_the_list_does_not_link_is_reported() {
        let with = |list| {
            let files = [("docs/adr/README.md", list), ("docs/adr/0001-log.md", "")];
            unlisted_decisions(&Repository::sample(&files))
        };
        assert_eq!(with("0001-log"), ["docs/adr/README.md: 0001-log.md is not linked"]);
        assert!(with("[The log](0001-log.md)").is_empty());
    }
}
