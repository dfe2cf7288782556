//! Dependencies that nobody uses.
//!
//! **Not allowed here:** understanding Rust. A dependency is used when the member's code names it; one
//! that is needed without being named is listed in `xtask/exceptions.toml`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use regex::Regex;
use serde::Deserialize;

use super::graph::{Graph, Member};
use crate::exceptions::{self, Exceptions};
use crate::repository::Repository;

#[derive(Debug, Deserialize)]
struct Manifest {
    workspace: Workspace,
}

#[derive(Debug, Deserialize)]
struct Workspace {
    dependencies: BTreeMap<String, toml::Value>,
}

pub(super) fn problems(
    repository: &Repository,
    graph: &Graph,
    root_manifest: &str,
    exceptions: &Exceptions,
) -> Result<Vec<String>> {
    let mut found = unused_by_all(graph, root_manifest)?;
    let folders: Vec<&str> = graph.members().map(|(_, member)| member.folder.as_str()).collect();
    let mut unseen = BTreeSet::new();
    for (one, member) in graph.members() {
        let code = code_of(repository, member, &folders);
        let unnamed = member.declared.iter().filter(|declared| !names(&code, &declared.library));
        unseen.extend(unnamed.map(|declared| (one.name.as_str(), declared.package.as_str())));
    }
    let listed: BTreeSet<_> = exceptions
        .unseen_dependency
        .iter()
        .map(|one| (one.member.as_str(), one.dependency.as_str()))
        .collect();
    found.extend(unseen.difference(&listed).map(|(member, dependency)| {
        format!("{member}: its manifest declares {dependency}, its code does not name it")
    }));
    found.extend(listed.difference(&unseen).map(|(member, dependency)| {
        format!("{}: {member} names {dependency} or does not declare it, take it out", exceptions::PATH)
    }));
    Ok(found)
}

/// Versions that the workspace states for nobody.
fn unused_by_all(graph: &Graph, root_manifest: &str) -> Result<Vec<String>> {
    let manifest: Manifest = toml::from_str(root_manifest).context("Cargo.toml can't be read")?;
    let declared: BTreeSet<&str> = graph
        .members()
        .flat_map(|(_, member)| &member.declared)
        .map(|declared| declared.package.as_str())
        .collect();
    let unused = manifest.workspace.dependencies.into_keys().filter(|name| !declared.contains(name.as_str()));
    Ok(unused.map(|name| format!("Cargo.toml: no member uses the workspace dependency {name}")).collect())
}

/// The code of the member without comments, and without the members that stand in its folder.
fn code_of(repository: &Repository, member: &Member, folders: &[&str]) -> String {
    let inside =
        |path: &str, folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let nested: Vec<_> = folders.iter().filter(|folder| inside(folder, &member.folder)).collect();
    let own = repository.sources().filter(|(path, _)| {
        let at_home = inside(path, &member.folder) && !nested.iter().any(|folder| inside(path, folder));
        at_home || member.beside.iter().any(|folder| inside(path, folder))
    });
    let lines = own.flat_map(|(_, text)| text.lines()).filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn names(code: &str, library: &str) -> bool {
    let word = Regex::new(&format!(r"\b{}\b", regex::escape(library))).expect("an escaped name is a pattern");
    word.is_match(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dependencies::graph::{Crate, Declared};

    const ROOT: &str = "[workspace.dependencies]\nhyper-util = \"1\"\n";

    fn member(folder: &str, declared: &[&str]) -> Crate {
        let declare = |name: &&str| Declared { package: (*name).into(), library: name.replace('-', "_") };
        let member = Member {
            folder: folder.into(),
            declared: declared.iter().map(declare).collect(),
            beside: Vec::new(),
        };
        Crate { name: folder.into(), member: Some(member), ..Crate::default() }
    }

    /// The problems of a worker that declares hyper-util, with a member inside its folder.
    fn found(worker: &str, inner: &str, exceptions: &str) -> Vec<String> {
        let files = [("worker/src/lib.rs", worker), ("worker/egress/src/lib.rs", inner)];
        let graph = Graph { crates: vec![member("worker", &["hyper-util"]), member("worker/egress", &[])] };
        let exceptions = Exceptions::parse(exceptions).unwrap();
        problems(&Repository::sample(&files), &graph, ROOT, &exceptions).unwrap()
    }

    #[test]
    fn a_dependency_that_the_code_names_is_used() {
        assert!(found("use hyper_util::rt;", "", "").is_empty());
    }

    #[test]
    fn a_dependency_that_only_a_comment_or_another_member_names_is_reported() {
        assert_eq!(found("// hyper_util\nuse hyper_utils;", "use hyper_util::rt;", "").len(), 1);
    }

    #[test]
    fn an_exception_holds_while_it_is_needed() {
        let listed = "[[unseen_dependency]]\nmember = \"worker\"\ndependency = \"hyper-util\"\nreason = \"a feature\"\n";
        assert!(found("", "", listed).is_empty());
        assert_eq!(found("use hyper_util::rt;", "", listed).len(), 1);
    }

    #[test]
    fn a_version_that_no_member_asks_for_is_reported() {
        let graph = Graph { crates: vec![member("worker", &[])] };
        let unused = unused_by_all(&graph, ROOT).unwrap();
        assert_eq!(unused, ["Cargo.toml: no member uses the workspace dependency hyper-util"]);
    }
}
