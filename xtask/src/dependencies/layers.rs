//! Which crate may know which: the layers of ARCHITECTURE.md.
//!
//! **Not allowed here:** looking at tests. What only tests need may cross a layer.

use super::graph::Graph;

const DOMAIN: &str = "leafcutter-domain";

/// What waits, reads, writes or listens. The rules must not, not even through another crate.
const NOT_IN_THE_DOMAIN: [&str; 12] = [
    "async-std",
    "axum",
    "chromiumoxide",
    "futures",
    "hyper",
    "mio",
    "object_store",
    "reqwest",
    "socket2",
    "sqlx",
    "tokio",
    "tower",
];

/// Crates that only the named members may depend on.
const RESERVED: [(&str, &[&str]); 5] = [
    (
        "sqlx",
        &[
            "leafcutter-event-store",
            "leafcutter-reaction-memory",
            "leafcutter-read-models",
            "leafcutter-sql",
            "leafcutter-test-servers",
        ],
    ),
    ("chromiumoxide", &["leafcutter-worker"]),
    (
        "tonic",
        &["leafcutter-event-store", "leafcutter-eventstoredb-protocol", "leafcutter-eventstoredb-stand-in"],
    ),
    ("async-nats", &["leafcutter-dispatch", "leafcutter-secrets"]),
    ("object_store", &["leafcutter-object-store"]),
];

/// What runs untrusted pages, and what it may not know, not even through another crate.
const WORKER: &str = "leafcutter-worker";
const NOT_IN_THE_WORKER: [&str; 4] =
    ["leafcutter-event-store", "leafcutter-read-models", "leafcutter-reaction-memory", "leafcutter-secrets"];

/// Where HTTP is not spoken: folders whose members may not depend on axum.
const WITHOUT_HTTP: [&str; 3] = ["domain", "adapters", "worker"];

pub(super) fn problems(graph: &Graph) -> Vec<String> {
    let mut found = impurities(graph);
    for name in graph.closure(WORKER).into_iter().filter(|name| NOT_IN_THE_WORKER.contains(name)) {
        found.push(format!("{WORKER} depends on {name}, directly or not: it runs untrusted pages"));
    }
    for (one, member) in graph.members() {
        for (reserved, owners) in RESERVED {
            if one.needs.contains(reserved) && !owners.contains(&one.name.as_str()) {
                found.push(format!("{} depends on {reserved}, only {} may", one.name, owners.join(" and ")));
            }
        }
        let layer = member.folder.split('/').next().unwrap_or_default();
        if WITHOUT_HTTP.contains(&layer) && one.needs.contains("axum") {
            found.push(format!("{} depends on axum, but {layer} speaks no HTTP", one.name));
        }
    }
    found
}

fn impurities(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for name in graph.closure(DOMAIN) {
        if NOT_IN_THE_DOMAIN.contains(&name) {
            found.push(format!("{DOMAIN} depends on {name}, directly or not: the rules wait for nothing"));
        } else if graph.members().any(|(one, _)| one.name == name) {
            found.push(format!("{DOMAIN} depends on {name}: the rules know no other part of the service"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dependencies::graph::{Crate, Member};

    fn outside(name: &str, needs: &[&str]) -> Crate {
        let needs = needs.iter().map(|need| (*need).into()).collect();
        Crate { name: name.into(), needs, ..Crate::default() }
    }

    fn member(name: &str, folder: &str, needs: &[&str]) -> Crate {
        let member = Some(Member { folder: folder.into(), declared: Vec::new(), beside: Vec::new() });
        Crate { member, ..outside(name, needs) }
    }

    fn found(crates: Vec<Crate>) -> usize {
        problems(&Graph { crates }).len()
    }

    #[test]
    fn the_domain_may_not_wait_even_through_another_crate() {
        assert_eq!(found(vec![member(DOMAIN, "domain", &["serde"])]), 0);
        assert_eq!(found(vec![member(DOMAIN, "domain", &["tokio"])]), 1);
        assert_eq!(found(vec![member(DOMAIN, "domain", &["ids"]), outside("ids", &["tokio"])]), 1);
    }

    #[test]
    fn the_domain_may_not_know_another_member() {
        let crates =
            vec![member(DOMAIN, "domain", &["leafcutter-wire"]), member("leafcutter-wire", "wire", &[])];
        assert_eq!(found(crates), 1);
    }

    #[test]
    fn sql_and_the_browser_stay_where_they_belong() {
        assert_eq!(found(vec![member("leafcutter-event-store", "adapters/event-store", &["sqlx"])]), 0);
        assert_eq!(found(vec![member("leafcutter-query-api", "query-api", &["sqlx"])]), 1);
        assert_eq!(found(vec![member("leafcutter-worker", "worker", &["chromiumoxide"])]), 0);
        assert_eq!(found(vec![member("leafcutter-extract", "worker/extract", &["chromiumoxide"])]), 1);
    }

    #[test]
    fn the_worker_knows_no_store_even_through_another_crate() {
        let worker = || member(WORKER, "worker", &["pages"]);
        assert_eq!(found(vec![worker(), outside("pages", &["tokio"])]), 0);
        let log = || member("leafcutter-event-store", "adapters/event-store", &[]);
        assert_eq!(found(vec![worker(), outside("pages", &["leafcutter-event-store"]), log()]), 1);
    }

    #[test]
    fn http_stays_out_of_domain_adapters_and_worker() {
        assert_eq!(found(vec![member("leafcutter-query-api", "query-api", &["axum"])]), 0);
        for folder in ["adapters/secrets", "worker", "worker/egress"] {
            assert_eq!(found(vec![member("a", folder, &["axum"])]), 1, "{folder}");
        }
        assert_eq!(found(vec![member(DOMAIN, "domain", &["axum"])]), 2, "by layer and by purity");
    }
}
