//! The rules about files: what stands in the source, how long it is, and whether documents are true.
//!
//! **Not allowed here:** the rules themselves (they are below, one room each) and running anything.

mod deployment;
mod documents;
mod length;
mod source;

use crate::exceptions::Exceptions;
use crate::repository::Repository;

/// Everything that `tidy` has to say.
pub(crate) fn problems(repository: &Repository, exceptions: &Exceptions) -> Vec<String> {
    let mut problems = source::problems(repository, exceptions);
    problems.extend(length::problems(repository, exceptions));
    problems.extend(documents::problems(repository));
    problems.extend(deployment::problems(repository));
    problems
}
