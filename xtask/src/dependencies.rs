//! The rules about what enters the build: licences, banned crates, sources, use, layers, advisories.
//!
//! **Not allowed here:** the rules themselves (below, one room each). Only this file runs cargo.

mod advisories;
mod graph;
mod layers;
mod policy;
mod usage;

use anyhow::{Context, Result};
use cargo_metadata::MetadataCommand;
use graph::Graph;
use policy::Policy;

use crate::exceptions::Exceptions;
use crate::repository::Repository;

/// Everything that `dependencies` has to say.
pub(crate) fn problems(repository: &Repository, exceptions: &Exceptions) -> Result<Vec<String>> {
    let metadata = MetadataCommand::new()
        .current_dir(repository.root())
        .exec()
        .context("`cargo metadata` could not tell the dependencies")?;
    let graph = Graph::from_metadata(&metadata)?;
    let policy = Policy::parse(repository.text(policy::PATH).unwrap_or_default())?;
    let manifest = repository.text("Cargo.toml").unwrap_or_default();

    let mut problems = policy.problems(&graph);
    problems.extend(layers::problems(&graph));
    problems.extend(usage::problems(repository, &graph, manifest, exceptions)?);
    problems.extend(advisories::problems(repository.root()));
    Ok(problems)
}
