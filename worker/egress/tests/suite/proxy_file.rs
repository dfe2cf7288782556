//! The operator's file of proxies: what it may say, and that nothing of it is ever repeated.

use leafcutter_egress::ProxyPools;

use crate::stand_ins::file;

/// Stands in every file of these tests where a password may be, or has slipped to.
const SECRET: &str = "hunter2";

fn shown(places: impl IntoIterator<Item = leafcutter_domain::ProxyPlace>) -> Vec<String> {
    places.into_iter().map(|place| place.to_string()).collect()
}

#[test]
fn a_file_names_proxies_with_and_without_logins() {
    let password = file(&format!("{SECRET}\n"));
    let text = format!(
        r#"{{"pools": {{
            "DE": ["http://proxy.example:3128", "http://leaf:{SECRET}%40x@[fd00::1]:3128/"],
            "us": [{{"url": "socks5://10.0.0.7:1080", "username": "leaf", "password_file": "{}"}},
                   {{"url": "http://proxy.example:3128", "username": "leaf", "password": "{SECRET}"}},
                   {{"url": "http://proxy.example", "username": "leaf", "password_env": "PATH"}}],
            "global": []
        }}}}"#,
        password.path().display()
    );
    let written = file(&text);
    let pools = ProxyPools::read(written.path()).unwrap();
    assert_eq!(shown(pools.places()), ["global", "eu", "de", "us"]);
    assert_eq!(pools.places(), ProxyPools::places_in(written.path()).unwrap());
    assert!(!format!("{pools:?}").contains(SECRET));
}

#[test]
fn who_asks_for_places_only_needs_no_password() {
    let text =
        r#"{"pools": {"us": [{"url": "http://p:1", "username": "u", "password_file": "/nowhere/secret"}]}}"#;
    let written = file(text);
    assert_eq!(shown(ProxyPools::places_in(written.path()).unwrap()), ["global", "us"]);
    let error = ProxyPools::read(written.path()).unwrap_err().to_string();
    assert!(
        error.contains("pool `us`, proxy 1: its password_file /nowhere/secret cannot be read"),
        "{error}"
    );
}

#[test]
fn what_is_wrong_is_said_by_place_and_never_repeated() {
    let entry = |entry: &str| format!(r#"{{"pools": {{"de": ["http://p:1", {entry}]}}}}"#);
    let cases = [
        (String::new(), "line 1"),
        (format!("{{\"pools\": \"{SECRET}\"}}"), "line 1"),
        (format!("{{\n\"pool\": {{\"de\": [\"http://u:{SECRET}@p:1\"]}}}}"), "line 2"),
        (format!("{{\"pools\": {{\"{SECRET}\": [\"http://p:1\"]}}}}"), "pool 1 in alphabetical order"),
        (entry(&format!("\"{SECRET}\"")), "pool `de`, proxy 2: its url must be SCHEME://HOST:PORT"),
        (entry(&format!("\"ftp://u:{SECRET}@p:1\"")), "must be http, https or socks5"),
        (entry(&format!("\"socks5h://u:{SECRET}@p:1\"")), "write socks5"),
        (entry(&format!("\"http://u:{SECRET}@p:1/path\"")), "must end after the port"),
        (entry(&format!("\"socks5://u:{SECRET}@p\"")), "must name a port"),
        (entry(&format!("\"http://:{SECRET}@p:1\"")), "a password but no user name"),
        (entry(&format!(r#"{{"url":"http://p:1","password":"{SECRET}"}}"#)), "a password but no user name"),
        (entry(&format!(r#"{{"url":"http://p:1","username":"u","passwort":"{SECRET}"}}"#)), "line 1"),
        (
            entry(&format!(r#"{{"url":"http://u:{SECRET}@p:1","password_env":"X"}}"#)),
            "must have one password",
        ),
        (entry(&format!(r#"{{"url":"http://{SECRET}@p:1","username":"u"}}"#)), "must have one user name"),
        (
            entry(r#"{"url":"http://p:1","username":"u","password_env":"LEAFCUTTER_NOT_SET"}"#),
            "password_env names LEAFCUTTER_NOT_SET, which is not set",
        ),
        (entry(&format!("\"socks5://u:{}@p:1\"", SECRET.repeat(40))), "1 to 255 bytes"),
        (entry(r#"{"url":"http://p:1","ca_file":"/etc/hosts"}"#), "ca_file is for https"),
        (entry(r#"{"url":"https://p:1","ca_file":"/nowhere/ca"}"#), "ca_file /nowhere/ca cannot be read"),
        (entry(r#"{"url":"https://p:1","ca_file":"/etc/hosts"}"#), "no certificate authority"),
    ];
    for (text, expected) in cases {
        let error = ProxyPools::read(file(&text).path()).unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(said.contains(expected) && said.contains("LEAFCUTTER_PROXIES"), "{expected}: {said}");
        assert!(!said.contains(SECRET), "{said}");
    }
    let error = ProxyPools::read("/nowhere/proxies.json".as_ref()).unwrap_err().to_string();
    assert!(error.starts_with("LEAFCUTTER_PROXIES: /nowhere/proxies.json cannot be read"), "{error}");
}
