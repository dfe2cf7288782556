//! Licences, banned crates and sources, by the policy in `deny.toml`.
//!
//! **Not allowed here:** a policy of our own. The file is cargo-deny's and means the same to both; a
//! key that is not read here must be one that only narrows what cargo-deny does.

use anyhow::{Context, Result};
use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};

use super::graph::{Crate, Graph};

pub(super) const PATH: &str = "deny.toml";

#[derive(Debug, Deserialize)]
struct DenyFile {
    licenses: Licences,
    bans: Bans,
    sources: Sources,
}

#[derive(Debug, Deserialize)]
struct Licences {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<LicenceException>,
}

#[derive(Debug, Deserialize)]
struct LicenceException {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Debug, Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

/// The policy, with its licences understood.
pub(super) struct Policy {
    allowed: Vec<Licensee>,
    excepted: Vec<(String, Vec<Licensee>)>,
    bans: Vec<Ban>,
    registries: Vec<String>,
}

impl Policy {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let file: DenyFile = toml::from_str(text).with_context(|| format!("{PATH} can't be read"))?;
        let excepted = file.licenses.exceptions.into_iter();
        let excepted = excepted.map(|one| Ok((one.name, licensees(&one.allow)?))).collect::<Result<_>>()?;
        Ok(Self {
            allowed: licensees(&file.licenses.allow)?,
            excepted,
            bans: file.bans.deny,
            registries: file.sources.allow_registry,
        })
    }

    pub(super) fn problems(&self, graph: &Graph) -> Vec<String> {
        graph.crates.iter().flat_map(|one| self.judge(one)).collect()
    }

    fn judge(&self, one: &Crate) -> Vec<String> {
        let mut found = Vec::new();
        if let Err(why) = self.licence(one) {
            found.push(format!("{} {}: {why}", one.name, one.version));
        }
        if let Some(ban) = self.bans.iter().find(|ban| ban.name == one.name) {
            found.push(format!("{} is banned: {}", one.name, ban.reason));
        }
        if let Some(source) = one.source.as_ref().filter(|source| !self.is_known(source)) {
            found.push(format!(
                "{} {} comes from {source}, which {PATH} does not allow",
                one.name, one.version
            ));
        }
        if one.source.is_none() && one.member.is_none() {
            found.push(format!("{} {} comes from a folder outside of the workspace", one.name, one.version));
        }
        found
    }

    fn licence(&self, one: &Crate) -> Result<(), String> {
        let stated = one.licence.as_ref().ok_or("its manifest states no licence")?;
        // Lax, because many manifests still say `MIT/Apache-2.0`.
        let expression = Expression::parse_mode(stated, ParseMode::LAX)
            .map_err(|error| format!("its licence `{stated}` is no SPDX expression: {}", error.reason))?;
        let excepted =
            self.excepted.iter().filter(|(name, _)| *name == one.name).flat_map(|(_, allowed)| allowed);
        let allowed: Vec<_> = self.allowed.iter().chain(excepted).collect();
        let satisfied = expression.evaluate(|wanted| allowed.iter().any(|one| one.satisfies(wanted)));
        satisfied.then_some(()).ok_or(format!("its licence `{stated}` is not allowed by {PATH}"))
    }

    fn is_known(&self, source: &str) -> bool {
        let registry = source.strip_prefix("registry+");
        registry.is_some_and(|url| self.registries.iter().any(|known| known == url))
    }
}

fn licensees(names: &[String]) -> Result<Vec<Licensee>> {
    let parsed = names.iter().map(|name| {
        Licensee::parse(name).map_err(|error| anyhow::anyhow!("{PATH}: licence `{name}`: {}", error.reason))
    });
    parsed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"
        [licenses]
        allow = ["MIT", "Apache-2.0"]
        exceptions = [{ crate = "css", allow = ["MPL-2.0"] }]
        [bans]
        deny = [{ crate = "openssl", reason = "TLS is rustls here" }]
        [sources]
        allow-registry = ["https://example.org/index"]
    "#;

    fn found(name: &str, licence: Option<&str>, source: &str) -> Vec<String> {
        let one = Crate {
            name: name.into(),
            licence: licence.map(Into::into),
            source: Some(source.into()),
            ..Crate::default()
        };
        Policy::parse(SAMPLE).unwrap().problems(&Graph { crates: vec![one] })
    }

    const KNOWN: &str = "registry+https://example.org/index";

    #[test]
    fn a_licence_is_judged_as_an_expression() {
        for allowed in ["MIT", "MIT/Apache-2.0", "GPL-3.0-only OR MIT", "MIT AND Apache-2.0"] {
            assert!(found("a", Some(allowed), KNOWN).is_empty(), "{allowed}");
        }
        for refused in [None, Some("GPL-3.0-only"), Some("MIT AND ISC"), Some("MPL-2.0"), Some("my own")] {
            assert_eq!(found("a", refused, KNOWN).len(), 1, "{refused:?}");
        }
        assert!(found("css", Some("MPL-2.0"), KNOWN).is_empty(), "an exception is for its crate");
    }

    #[test]
    fn a_banned_crate_is_reported() {
        assert_eq!(found("openssl", Some("MIT"), KNOWN), ["openssl is banned: TLS is rustls here"]);
    }

    #[test]
    fn only_the_known_registry_is_a_source() {
        for source in ["git+https://example.org/index", "registry+https://example.com/index"] {
            assert_eq!(found("a", Some("MIT"), source).len(), 1, "{source}");
        }
        let folder = Crate { name: "a".into(), licence: Some("MIT".into()), ..Crate::default() };
        assert_eq!(Policy::parse(SAMPLE).unwrap().problems(&Graph { crates: vec![folder] }).len(), 1);
    }
}
