//! The settings of the program, found in its source, and where they must be told or may be named.

use crate::repository::Repository;
use regex::Regex;
use std::collections::BTreeSet;

const SOURCE: &str = "leafcutter/src/";
const OPERATIONS: &str = "docs/operations.md";
const COMPOSE: &str = "docker-compose.yml";
/// Hidden from the help because they are for tests.
const FOR_TESTS: [&str; 2] = ["LEAFCUTTER_SWEEP_GRACE_MS", "LEAFCUTTER_PROJECTOR_PAUSED"];
/// Chosen by compose itself, for the host's side.
const OF_COMPOSE: [&str; 1] = ["LEAFCUTTER_PUBLISH"];

pub(super) fn problems(repository: &Repository) -> Vec<String> {
    let sources = repository.sources().filter(|(path, _)| path.starts_with(SOURCE));
    let known: BTreeSet<&str> = sources.flat_map(|(_, text)| named(text, "\"")).collect();
    let operations = repository.text(OPERATIONS).unwrap_or_default();
    let untold = known.iter().filter(|name| !FOR_TESTS.contains(name) && !operations.contains(**name));
    let mut found: Vec<String> = untold.map(|name| format!("{OPERATIONS} does not tell {name}")).collect();
    for path in [OPERATIONS, COMPOSE] {
        let text = repository.text(path).unwrap_or_default();
        let unknown: BTreeSet<&str> = named(text, "")
            .filter(|name| !known.contains(name) && !OF_COMPOSE.contains(name))
            // What the tests read is told to those who run the tests.
            .filter(|name| !name.starts_with("LEAFCUTTER_TEST_"))
            .collect();
        found.extend(unknown.into_iter().map(|name| format!("{path} names {name}, which nothing reads")));
    }
    found
}

/// The variables between these marks.
fn named<'a>(text: &'a str, mark: &str) -> impl Iterator<Item = &'a str> {
    let pattern = format!("{mark}(LEAFCUTTER_[A-Z0-9_]*[A-Z0-9]){mark}");
    let pattern = Regex::new(&pattern).expect("the pattern is a constant and tested");
    let found: Vec<&str> =
        pattern.captures_iter(text).filter_map(|one| one.get(1)).map(|one| one.as_str()).collect();
    found.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_is_not_told_or_not_read_is_found() {
        let repository = Repository::sample(&[
            ("leafcutter/src/a.rs", r#"env = "LEAFCUTTER_ONE", env = "LEAFCUTTER_TWO""#),
            (OPERATIONS, "`LEAFCUTTER_ONE` and LEAFCUTTER_THREE"),
            (COMPOSE, "LEAFCUTTER_TWO: x, LEAFCUTTER_FOUR: y, ${LEAFCUTTER_PUBLISH}"),
        ]);
        let found = problems(&repository).join("\n");
        assert_eq!(found.lines().count(), 3, "{found}");
        for name in ["TWO", "THREE", "FOUR"] {
            assert!(found.contains(&format!("LEAFCUTTER_{name}")), "{found}");
        }
    }
}
