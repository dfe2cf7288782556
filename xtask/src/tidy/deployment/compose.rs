//! The compose file: images are pinned, secrets come from outside, workers are cut off, files are there.

use crate::repository::Repository;
use regex::Regex;
use serde_norway::Value;
use std::collections::BTreeSet;

const COMPOSE: &str = "docker-compose.yml";
const MAKE_ENV: &str = "deploy/make-env";
/// Everything that a worker may be connected to, and who else may be there.
const NETWORKS_OF_WORKERS: [&str; 2] = ["work", "internet"];
const BESIDE_WORKERS: [&str; 2] = ["nats", "s3"];
const WORKER: &str = "worker";
const CLOSED_NETWORKS: [&str; 3] = ["sides", "stores", "work"];
/// Anchors within anchors.
const MERGED_LAYERS_MAX: usize = 4;
/// A value under such a name is a secret.
const SECRET_NAME: &str = "PASSWORD|SECRET|TOKEN$|_KEY$";
/// The names that go with secret keys, which are no secrets.
const NAMES_OF_KEYS: [&str; 2] = ["AWS_ACCESS_KEY_ID", "ROOT_ACCESS_KEY"];
/// Keys of services that an operator may use or not.
const OPTIONAL_KEYS: [&str; 2] = ["LEAFCUTTER_MODEL_KEY", "LEAFCUTTER_CAPTCHA_KEY"];
/// A password in an address that is written down.
const PASSWORD_IN_ADDRESS: &str = r"://[^/\s:]+:[^$@\s][^@\s]*@";
/// A variable that must be set.
const NEEDED: &str = r"\$\{([A-Z0-9_]+):\?";

pub(super) fn problems(repository: &Repository) -> Vec<String> {
    let text = repository.text(COMPOSE).unwrap_or_default();
    let parsed = serde_norway::from_str::<Value>(text).and_then(|mut compose| {
        // An anchor may be made of anchors, and each call merges one layer.
        for _ in 0..MERGED_LAYERS_MAX {
            compose.apply_merge()?;
        }
        Ok(compose)
    });
    let Ok(compose) = parsed else { return vec![format!("{COMPOSE} is missing or no YAML")] };
    let mut found = Vec::new();
    for (name, service) in entries(&compose["services"]) {
        let wrong = |what: String| format!("{COMPOSE}: {name} {what}");
        found.extend(unpinned(service).map(wrong));
        found.extend(secrets(service).into_iter().map(wrong));
        found.extend(neighbours_of_workers(name, service).map(wrong));
        found.extend(absent_files(repository, service).into_iter().map(wrong));
        if name.starts_with(WORKER) {
            found.extend(worker(service).into_iter().map(wrong));
        }
    }
    found.extend(open_networks(&compose));
    found.extend(secrets_nobody_makes(repository, text));
    found
}

/// Images of others have a version.
fn unpinned(service: &Value) -> Option<String> {
    let image = service["image"].as_str().unwrap_or_default();
    let version =
        image.rsplit('/').next().and_then(|last| last.split_once(':')).map_or("", |(_, version)| version);
    let pinned = image.contains("@sha256:") || version.contains(|c: char| c.is_ascii_digit());
    (!pinned).then(|| format!("has an image without a version: '{image}'"))
}

/// A secret is a variable that must be set, or may be: it has no value here, and no default.
fn secrets(service: &Value) -> Vec<String> {
    let (secret, address) = (pattern(SECRET_NAME), pattern(PASSWORD_IN_ADDRESS));
    let mut found = Vec::new();
    for (name, value) in entries(&service["environment"]) {
        let value = value.as_str().unwrap_or_default();
        let required = value.starts_with("${") && value.contains(":?");
        let optional = OPTIONAL_KEYS.contains(&name) && value == format!("${{{name}:-}}");
        let from_outside = required || optional;
        if secret.is_match(name) && !NAMES_OF_KEYS.contains(&name) && !from_outside {
            found.push(format!("has {name} written down, or starts without it"));
        }
        if address.is_match(value) {
            found.push(format!("has a password in {name}"));
        }
    }
    found
}

/// Nothing but broker and bucket is where workers are.
fn neighbours_of_workers(name: &str, service: &Value) -> Option<String> {
    let mut networks = service["networks"].as_sequence().into_iter().flatten().filter_map(Value::as_str);
    let near = networks.find(|network| NETWORKS_OF_WORKERS.contains(network))?;
    let known = BESIDE_WORKERS.contains(&name) || name.starts_with(WORKER);
    (!known).then(|| format!("is in the network '{near}', where workers are"))
}

/// Files that are mounted or named are in the repository.
fn absent_files(repository: &Repository, service: &Value) -> Vec<String> {
    let texts = |key: &str| service[key].as_sequence().into_iter().flatten().filter_map(Value::as_str);
    let mounted = texts("volumes").filter_map(|volume| volume.strip_prefix("./")?.split(':').next());
    let profiles = texts("security_opt").filter_map(|option| option.strip_prefix("seccomp="));
    let named = mounted.chain(profiles);
    let absent = named.filter(|file| !repository.paths().any(|path| path.starts_with(file)));
    absent.map(|file| format!("needs {file}, which is not there")).collect()
}

/// A worker is where its broker and bucket are and nowhere else, and may finish its pages.
fn worker(service: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let networks = service["networks"].as_sequence().into_iter().flatten().filter_map(Value::as_str);
    let networks: BTreeSet<&str> = networks.collect();
    if networks != BTreeSet::from(NETWORKS_OF_WORKERS) {
        found.push(format!("is connected to {networks:?}"));
    }
    let seconds =
        |text: &Value| text.as_str().and_then(|text| text.trim_end_matches('s').parse::<u32>().ok());
    let stop = seconds(&service["environment"]["LEAFCUTTER_STOP_TIMEOUT"]);
    if seconds(&service["stop_grace_period"]).zip(stop).is_none_or(|(grace, stop)| grace <= stop) {
        found.push("is killed before its pages had LEAFCUTTER_STOP_TIMEOUT to finish".to_owned());
    }
    found
}

/// Only the proxy's and the workers' way to the internet is open.
fn open_networks(compose: &Value) -> Vec<String> {
    let open = CLOSED_NETWORKS.into_iter().filter(|network| compose["networks"][network]["internal"] != true);
    open.map(|network| format!("{COMPOSE}: the network '{network}' is open to the outside")).collect()
}

/// `make-env` writes every variable that must be set.
fn secrets_nobody_makes(repository: &Repository, text: &str) -> Vec<String> {
    let made = repository.text(MAKE_ENV).unwrap_or_default();
    let needed: BTreeSet<&str> =
        pattern(NEEDED).captures_iter(text).filter_map(|one| one.get(1)).map(|one| one.as_str()).collect();
    let missing = needed.into_iter().filter(|name| !made.contains(&format!("\n{name}=")));
    missing.map(|name| format!("{COMPOSE} needs {name}, which {MAKE_ENV} does not write")).collect()
}

fn entries(mapping: &Value) -> impl Iterator<Item = (&str, &Value)> {
    mapping.as_mapping().into_iter().flatten().filter_map(|(name, value)| Some((name.as_str()?, value)))
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant and tested")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
x-role: &role
  image: leafcutter:0.1.0
services:
  worker-1:
    <<: *role
    networks: [work, internet]
    stop_grace_period: 45s
    environment:
      LEAFCUTTER_STOP_TIMEOUT: "30"
      AWS_ACCESS_KEY_ID: leafcutter-worker
      AWS_SECRET_ACCESS_KEY: ${S3_SECRET:?run it}
      LEAFCUTTER_MODEL_KEY: ${LEAFCUTTER_MODEL_KEY:-}
      LEAFCUTTER_DISPATCH: nats://worker:${S3_SECRET:?run it}@nats:4222
    security_opt: [seccomp=deploy/a.json]
  postgres:
    image: docker.io/library/postgres:17.6
    networks: [stores]
networks:
  work: { internal: true }
  stores: { internal: true }
  sides: { internal: true }
"#;

    fn found(compose: &str) -> Vec<String> {
        let make_env = "VALUES\nS3_SECRET=x\n";
        problems(&Repository::sample(&[(COMPOSE, compose), (MAKE_ENV, make_env), ("deploy/a.json", "{}")]))
    }

    #[test]
    fn a_good_file_is_found_good() {
        assert_eq!(found(GOOD), Vec::<String>::new());
    }

    #[test]
    fn each_fault_is_found() {
        let faults = [
            ("postgres:17.6", "postgres", "without a version"),
            ("postgres:17.6", "postgres:latest", "without a version"),
            ("${S3_SECRET:?run it}\n", "hunter2\n", "written down"),
            ("${S3_SECRET:?run it}\n", "${S3_SECRET:-hunter2}\n", "written down"),
            ("{LEAFCUTTER_MODEL_KEY:-}", "{LEAFCUTTER_MODEL_KEY:-hunter2}", "written down"),
            ("worker:${S3_SECRET:?run it}@", "worker:hunter2@", "has a password"),
            ("networks: [stores]", "networks: [stores, work]", "where workers are"),
            ("networks: [work, internet]", "networks: [work, internet, stores]", "is connected to"),
            ("stores: { internal: true }", "stores: {}", "open to the outside"),
            ("45s", "30s", "is killed before"),
            ("deploy/a.json", "deploy/b.json", "which is not there"),
            ("{S3_SECRET:?", "{OTHER_SECRET:?", "does not write"),
        ];
        for (good, bad, complaint) in faults {
            let found = found(&GOOD.replace(good, bad)).join("\n");
            assert!(found.contains(complaint), "{bad}: {found}");
        }
    }
}
