//! The packages of the build and who depends on whom, reduced to what the rules ask.
//!
//! **Not allowed here:** rules, and running cargo.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, Package};

/// One package of the build, of this workspace or from outside.
#[derive(Debug, Default)]
pub(super) struct Crate {
    pub(super) name: String,
    pub(super) version: String,
    /// The licence as its manifest states it.
    pub(super) licence: Option<String>,
    /// Where it was fetched from; nothing for a package of this workspace.
    pub(super) source: Option<String>,
    /// The names of what it needs to run. Needed for its build or its tests does not count.
    pub(super) needs: BTreeSet<String>,
    /// For a member: its folder from the root, and every dependency that its manifest declares.
    pub(super) member: Option<Member>,
}

#[derive(Debug, Default)]
pub(super) struct Member {
    pub(super) folder: String,
    /// Folders beside it that hold targets of the member.
    pub(super) beside: Vec<String>,
    pub(super) declared: Vec<Declared>,
}

/// A dependency as a manifest names it and as source code does.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) package: String,
    pub(super) library: String,
}

#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) crates: Vec<Crate>,
}

impl Graph {
    pub(super) fn from_metadata(metadata: &Metadata) -> Result<Self> {
        let resolved = metadata.resolve.as_ref().context("`cargo metadata` resolved nothing")?;
        let names: BTreeMap<_, _> =
            metadata.packages.iter().map(|one| (&one.id, one.name.as_str())).collect();
        let mut needs: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for node in &resolved.nodes {
            let runs = |kind: &cargo_metadata::DepKindInfo| kind.kind == DependencyKind::Normal;
            let used = node.deps.iter().filter(|one| one.dep_kinds.iter().any(runs));
            let used = used.filter_map(|one| names.get(&one.pkg).map(|name| (*name).to_owned()));
            needs.insert(&node.id, used.collect());
        }
        let crates = metadata.packages.iter().map(|package| Crate {
            name: package.name.to_string(),
            version: package.version.to_string(),
            licence: package.license.clone(),
            source: package.source.as_ref().map(|one| one.repr.clone()),
            needs: needs.remove(&package.id).unwrap_or_default(),
            member: metadata.workspace_members.contains(&package.id).then(|| member(metadata, package)),
        });
        Ok(Self { crates: crates.collect() })
    }

    /// The members with their packages.
    pub(super) fn members(&self) -> impl Iterator<Item = (&Crate, &Member)> {
        self.crates.iter().filter_map(|one| Some((one, one.member.as_ref()?)))
    }

    /// Everything that the package needs to run, directly or not, by name.
    pub(super) fn closure(&self, name: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut open = vec![name];
        while let Some(name) = open.pop() {
            let versions = self.crates.iter().filter(|one| one.name == name);
            for need in versions.flat_map(|one| &one.needs) {
                if reached.insert(need.as_str()) {
                    open.push(need);
                }
            }
        }
        reached
    }
}

fn member(metadata: &Metadata, package: &Package) -> Member {
    let folder = package.manifest_path.parent().unwrap_or(&metadata.workspace_root);
    let folder = folder.strip_prefix(&metadata.workspace_root).unwrap_or(folder);
    let declared = package.dependencies.iter().map(|one| {
        let name = one.rename.as_ref().unwrap_or(&one.name);
        Declared { package: one.name.clone(), library: name.replace('-', "_") }
    });
    // A target of another folder is named by a way up and down again, which only the file system resolves.
    let targets =
        package.targets.iter().filter_map(|target| target.src_path.parent()?.canonicalize_utf8().ok());
    let inside =
        targets.filter_map(|one| one.strip_prefix(&metadata.workspace_root).map(ToOwned::to_owned).ok());
    let beside = inside.filter(|target| !target.starts_with(folder)).map(|target| target.to_string());
    Member { folder: folder.to_string(), beside: beside.collect(), declared: declared.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closure_follows_every_need_and_ends_on_a_circle() {
        let one = |name: &str, needs: &[&str]| Crate {
            name: name.into(),
            needs: needs.iter().map(|need| (*need).into()).collect(),
            ..Crate::default()
        };
        let graph =
            Graph { crates: vec![one("a", &["b"]), one("b", &["c"]), one("c", &["b"]), one("d", &[])] };
        assert_eq!(graph.closure("a"), BTreeSet::from(["b", "c"]));
    }
}
