//! How long files and functions may be.
//!
//! **Not allowed here:** a parser. The code is formatted by rustfmt, so a function ends at the first
//! closing brace that stands as far left as its `fn`.

use regex::Regex;

use crate::exceptions::{self, Exceptions};
use crate::repository::Repository;

/// A longer file is more than one room.
const FILE_LINES_MAX: usize = 300;
/// A longer function does more than one thing. Counted as clippy does: lines of code in the body.
const FUNCTION_LINES_MAX: usize = 70;

const FUNCTION: &str =
    r#"^ *(?:pub(?:\([^)]*\))? )?(?:const )?(?:async )?(?:unsafe )?(?:extern "[^"]*" )?fn (\w+)"#;

pub(super) fn problems(repository: &Repository, exceptions: &Exceptions) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in repository.sources() {
        let exception = exceptions.long_file.iter().find(|one| one.path == path);
        let lines = text.lines().count();
        found.extend(judge(path, lines, FILE_LINES_MAX, exception.map(|one| one.lines)));
        for (name, lines) in functions(text) {
            let mut listed = exceptions.long_function.iter();
            let exception = listed.find(|one| one.path == path && one.name == name);
            let what = format!("{path}: fn {name}");
            found.extend(judge(&what, lines, FUNCTION_LINES_MAX, exception.map(|one| one.lines)));
        }
    }
    found.extend(stale(repository, exceptions));
    found
}

/// The ratchet: nothing grows past its bound, and an exception goes when it is not needed.
fn judge(what: &str, lines: usize, most: usize, excepted: Option<usize>) -> Option<String> {
    let bound = excepted.unwrap_or(most);
    if lines > bound {
        Some(format!("{what}: {lines} lines of at most {bound}, split it"))
    } else if excepted.is_some() && lines <= most {
        Some(format!("{}: {what} is short enough now, take the exception out", exceptions::PATH))
    } else {
        None
    }
}

/// Exceptions for what is not there.
fn stale(repository: &Repository, exceptions: &Exceptions) -> Vec<String> {
    let files = exceptions.long_file.iter().filter(|one| repository.text(&one.path).is_none());
    let functions = exceptions.long_function.iter().filter(|one| {
        let text = repository.text(&one.path).unwrap_or_default();
        !functions(text).iter().any(|(name, _)| *name == one.name)
    });
    let named = files.map(|one| one.path.clone());
    let named = named.chain(functions.map(|one| format!("fn {} of {}", one.name, one.path)));
    named.map(|what| format!("{}: {what} does not exist, take it out", exceptions::PATH)).collect()
}

/// Name and lines of code of each function that has a body of more than one line.
fn functions(text: &str) -> Vec<(&str, usize)> {
    let function = Regex::new(FUNCTION).expect("the pattern is a constant and tested");
    let lines: Vec<&str> = text.lines().collect();
    let starts = lines.iter().enumerate().filter_map(|(at, line)| {
        let name = function.captures(line)?.get(1)?.as_str();
        Some((name, body_lines(&lines[at..])?))
    });
    starts.collect()
}

/// Lines of code between the opening and the closing line of the function that starts `lines`.
fn body_lines(lines: &[&str]) -> Option<usize> {
    let indent = lines[0].len() - lines[0].trim_start().len();
    let at_edge = |line: &str| line.len() - line.trim_start().len() == indent;
    let opening = lines.iter().position(|line| at_edge(line) && line.ends_with(['{', '}', ';']))?;
    if !lines[opening].ends_with('{') {
        return None;
    }
    let body = &lines[opening + 1..];
    let closing = body.iter().position(|line| at_edge(line) && line.trim_start().starts_with('}'))?;
    let is_code = |line: &&&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
    Some(body[..closing].iter().filter(is_code).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, exceptions: &str) -> Vec<String> {
        problems(&Repository::sample(&[("a.rs", text)]), &Exceptions::parse(exceptions).unwrap())
    }

    fn function(lines: usize) -> String {
        format!(
            "impl A {{\n    pub(crate) async fn walk<T>(\n        a: T,\n    ) -> T\n    where\n        T: Copy,\n    {{\n        // Why.\n\n{}    }}\n}}\n",
            "        step();\n".repeat(lines)
        )
    }

    #[test]
    fn a_long_file_is_reported_unless_it_is_listed() {
        let text = "//\n".repeat(301);
        assert_eq!(found(&text, "").len(), 1);
        let listed =
            |lines| format!("[[long_file]]\npath = \"a.rs\"\nlines = {lines}\nreason = \"a table\"\n");
        assert!(found(&text, &listed(301)).is_empty());
        assert_eq!(found(&"//\n".repeat(302), &listed(301)).len(), 1, "the ratchet holds");
        assert_eq!(found("//\n", &listed(301)).len(), 1, "an exception that is not needed goes");
    }

    #[test]
    fn a_long_function_is_reported_unless_it_is_listed() {
        assert!(found(&function(70), "").is_empty());
        assert_eq!(found(&function(71), ""), ["a.rs: fn walk: 71 lines of at most 70, split it"]);
        let listed =
            "[[long_function]]\npath = \"a.rs\"\nname = \"walk\"\nlines = 75\nreason = \"a table\"\n";
        assert!(found(&function(71), listed).is_empty());
        assert_eq!(found("//\n", listed).len(), 1, "an exception for nothing goes");
    }

    #[test]
    fn a_function_without_a_body_of_its_own_lines_is_not_counted() {
        assert!(functions("trait A {\n    fn a(&self);\n    fn b() {}\n}\n").is_empty());
        assert_eq!(functions("fn a(\n    b: u8,\n) -> u8 {\n    b\n}\n"), [("a", 1)]);
    }
}
