//! The exceptions to the house rules, each with its reason, in `xtask/exceptions.toml`.
//!
//! **Not allowed here:** an exception that is no longer needed: the rules report those too, so that
//! the list only shrinks.

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::repository::Repository;

/// Where the exceptions are kept, from the repository's root.
pub(crate) const PATH: &str = "xtask/exceptions.toml";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Exceptions {
    pub(crate) long_file: Vec<LongFile>,
    pub(crate) long_function: Vec<LongFunction>,
    pub(crate) sleeping_test: Vec<SleepingTest>,
    pub(crate) unseen_dependency: Vec<UnseenDependency>,
}

/// A file that may have up to `lines` lines.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LongFile {
    pub(crate) path: String,
    pub(crate) lines: usize,
    reason: String,
}

/// A function that may have up to `lines` lines of code.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LongFunction {
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) lines: usize,
    reason: String,
}

/// A file whose tests may sleep.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SleepingTest {
    pub(crate) path: String,
    reason: String,
}

/// A dependency that a member needs although its source never names it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnseenDependency {
    pub(crate) member: String,
    pub(crate) dependency: String,
    reason: String,
}

impl Exceptions {
    pub(crate) fn read(repository: &Repository) -> Result<Self> {
        Self::parse(repository.text(PATH).unwrap_or_default())
    }

    /// Refuses an exception without a reason.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let read: Self = toml::from_str(text).with_context(|| format!("{PATH} can't be read"))?;
        anyhow::ensure!(
            read.reasons().all(|reason| !reason.trim().is_empty()),
            "{PATH}: every exception needs a reason"
        );
        Ok(read)
    }

    fn reasons(&self) -> impl Iterator<Item = &str> {
        let files = self.long_file.iter().map(|one| one.reason.as_str());
        let functions = self.long_function.iter().map(|one| one.reason.as_str());
        let tests = self.sleeping_test.iter().map(|one| one.reason.as_str());
        let unseen = self.unseen_dependency.iter().map(|one| one.reason.as_str());
        files.chain(functions).chain(tests).chain(unseen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_without_a_reason_is_refused() {
        let bare = "[[long_file]]\npath = \"a.rs\"\nlines = 400\n";
        assert!(Exceptions::parse(bare).is_err());
        assert!(Exceptions::parse(&format!("{bare}reason = \" \"\n")).is_err());
        assert!(Exceptions::parse(&format!("{bare}reason = \"one table\"\n")).is_ok());
    }
}
