//! What must and must not stand in a Rust file.
//!
//! **Not allowed here:** the forbidden words in one piece, or this file would report itself.

use regex::Regex;

use crate::exceptions::{self, Exceptions};
use crate::repository::Repository;

/// Unfinished work and tests that do not run.
const LOOSE_ENDS: [&str; 5] = [
    concat!(r"\bTO", r"DO\b"),
    concat!(r"\bFIX", r"ME\b"),
    concat!(r"\bto", r"do!"),
    concat!(r"\bunimple", r"mented!"),
    concat!(r"#\[ign", "ore"),
];

const SLEEP: &str = r"\bsleep\(";

pub(super) fn problems(repository: &Repository, exceptions: &Exceptions) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in repository.sources() {
        if !text.starts_with("//!") {
            found.push(format!("{path}: open it with `//!`: what the file is for and what may not be in it"));
        }
        for (line, end) in matches(text, &LOOSE_ENDS.join("|")) {
            found.push(format!("{path}:{line}: `{end}` is unfinished work: finish it or take it out"));
        }
    }
    found.extend(sleeping_tests(repository, exceptions));
    found
}

fn sleeping_tests(repository: &Repository, exceptions: &Exceptions) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in repository.sources() {
        let tests_from = first_test_line(path, text);
        let sleeps: Vec<usize> = matches(text, SLEEP)
            .into_iter()
            .map(|(line, _)| line)
            .filter(|line| *line >= tests_from)
            .collect();
        let allowed = exceptions.sleeping_test.iter().any(|one| one.path == path);
        if allowed && sleeps.is_empty() {
            found.push(format!(
                "{}: the tests of {path} sleep no more, take the exception out",
                exceptions::PATH
            ));
        } else if !allowed {
            let complaint = "a test waits on a condition with a deadline, it does not sleep";
            found.extend(sleeps.iter().map(|line| format!("{path}:{line}: {complaint}")));
        }
    }
    found
}

/// The line from which on the file is test code: 1 in a file of tests, past the end in one without.
fn first_test_line(path: &str, text: &str) -> usize {
    if path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("tests.rs") {
        return 1;
    }
    let mut previous = "";
    for (index, line) in text.lines().enumerate() {
        if previous == "#[cfg(test)]" && line.contains("mod ") && line.ends_with('{') {
            return index + 1;
        }
        previous = line.trim();
    }
    usize::MAX
}

/// Line number and text of each match.
fn matches<'a>(text: &'a str, pattern: &str) -> Vec<(usize, &'a str)> {
    let pattern = Regex::new(pattern).expect("the patterns are constants and tested");
    let lines = text.lines().enumerate();
    lines
        .flat_map(|(index, line)| pattern.find_iter(line).map(move |one| (index + 1, one.as_str())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        problems(&Repository::sample(&[(path, text)]), &Exceptions::default())
    }

    #[test]
    fn a_file_that_does_not_say_what_it_is_for_is_reported() {
        assert_eq!(found("a/src/lib.rs", "use std::fs;\n").len(), 1);
        assert!(found("a/src/lib.rs", "//! Files.\nuse std::fs;\n").is_empty());
    }

    #[test]
    fn each_kind_of_loose_end_is_reported_with_its_line() {
        let loose_ends = ["// TO|DO later", "// FIX|ME", "to|do!()", "unimple|mented!()", "#[ign|ore]"];
        for end in loose_ends.map(|end| end.replace('|', "")) {
            let problems = found("a.rs", &format!("//! A.\n{end}\n"));
            assert_eq!(problems.len(), 1, "{end}");
            assert!(problems[0].starts_with("a.rs:2: "), "{problems:?}");
        }
        assert!(found("a.rs", "//! A method, mastodon, ignored.\n").is_empty());
    }

    /// Code that waits by the clock; in two pieces, because this is a test, too.
    const SLEEPING: &str = concat!("//! A.\nfn wait() { sleep", "(SECOND); }\n");

    #[test]
    fn a_sleep_is_reported_in_tests_and_only_there() {
        assert_eq!(found("tests/suite/main.rs", SLEEPING).len(), 1);
        assert_eq!(found("a/src/batch/tests.rs", SLEEPING).len(), 1);
        assert!(found("a/src/lib.rs", SLEEPING).is_empty());
        let inside = format!("{SLEEPING}#[cfg(test)]\nmod tests {{\n    {SLEEPING}}}\n");
        assert_eq!(found("a/src/lib.rs", &inside).len(), 1);
        let elsewhere = format!("//! A.\n#[cfg(test)]\nmod tests;\n{SLEEPING}");
        assert!(found("a/src/lib.rs", &elsewhere).is_empty(), "the tests are in another file");
    }

    #[test]
    fn an_exception_that_is_not_needed_any_more_is_reported() {
        let exceptions =
            Exceptions::parse("[[sleeping_test]]\npath = \"tests/a.rs\"\nreason = \"the clock\"\n").unwrap();
        let with = |text| problems(&Repository::sample(&[("tests/a.rs", text)]), &exceptions);
        assert!(with(SLEEPING).is_empty());
        assert_eq!(with("//! A.\n").len(), 1);
    }
}
