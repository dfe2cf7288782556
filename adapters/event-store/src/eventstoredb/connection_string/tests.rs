//! Connection strings that are read, and those that are refused without a word of what is secret in them.

use super::{ConnectionStringError, Settings};

fn parse(text: &str) -> Result<Settings, ConnectionStringError> {
    text.parse()
}

#[test]
fn every_spelling_of_the_scheme_is_read() {
    for (scheme, discover) in [("esdb", false), ("kurrentdb", false), ("kdb", false), ("ESDB+discover", true)]
    {
        let settings = parse(&format!("{scheme}://db.internal")).unwrap();
        assert_eq!((settings.discover, settings.tls), (discover, true));
        assert_eq!(settings.hosts[0].to_string(), "db.internal:2113");
    }
    assert!(parse("esdb://a:1,b:2").unwrap().discover, "several hosts are a cluster");
    let v6 = parse("esdb://[::1]:2114/").unwrap();
    assert_eq!((v6.hosts[0].host.as_str(), v6.hosts[0].port), ("::1", 2114));
}

#[test]
fn every_option_is_read_in_any_case() {
    let text = "esdb://ada:p%40ss%3F@h?TLS=false&tlsVerifyCert=false&discoveryInterval=0&gossipTimeout=1\
                &maxDiscoverAttempts=3&nodePreference=follower&keepAliveInterval=-1&keepAliveTimeout=7\
                &defaultDeadline=250&connectionName=a%20b&throwOnAppendFailure=true";
    let settings = parse(text).unwrap();
    assert!(!settings.tls && settings.keep_alive_interval.is_none());
    assert_eq!(settings.discover_attempts_max, 3);
    assert_eq!(settings.deadline.as_millis(), 250);
    let header = settings.authorization.clone().unwrap();
    assert_eq!(header.to_str().unwrap(), "Basic YWRhOnBAc3M/");
    assert!(!format!("{settings:?}").contains("YWRhOnBAc3M"), "no debug form shows the password");
}

#[test]
fn what_cannot_be_used_is_refused_without_a_word_of_the_password() {
    for text in [
        "",
        "http://ada:secret@h",
        "esdb://",
        "esdb://ada:secret@",
        "esdb://ada:secret@h:many",
        "esdb://ada:se/cret@h x",
        "esdb://ada@h?tls=false",
        "esdb://ada:secret?cret@h?tls=false",
        "esdb://ada:secret@h?secretly=1",
        "esdb://ada:secret@h?tls=secret",
        "esdb://ada:secret@h?tlsVerifyCert=false",
        "esdb://ada:secret@h?tlsCaFile=/nowhere/at/all",
        "esdb://ada:secret@h?defaultDeadline=0",
        "esdb://ada:secret@h?maxDiscoverAttempts=0",
        "esdb://ada:secret@h?nodePreference=secret",
    ] {
        let refused = parse(text).unwrap_err();
        let words = format!("{refused} {refused:?}").replace("secretly", "");
        assert!(!words.contains("secret") && !words.contains("cret@"), "{text}: {words}");
    }
    let unknown = parse("esdb://h?secretly=1").unwrap_err().to_string();
    assert_eq!(unknown, "remove `secretly` from the connection string: there is no such option");
}
