//! What a submit learns from a URL alone.

use leafcutter_egress::{Policy, Refusal};
use url::Url;

/// The code of the refusal, `INVALID` for what is no URL, or nothing when the URL is fine.
fn judge(policy: &Policy, text: &str) -> &'static str {
    match Url::parse(text) {
        Err(_) => "INVALID",
        Ok(url) => policy.check_url(&url).map_or_else(|refusal| refusal.code(), |()| ""),
    }
}

fn assert_all(expected: &str, texts: &[&str]) {
    let policy = Policy::new(vec![]);
    for text in texts {
        assert_eq!(judge(&policy, text), expected, "{text}");
    }
}

#[test]
fn pages_of_the_public_internet_pass() {
    assert_all(
        "",
        &[
            "http://example.com/",
            "https://example.com/a?b#c",
            "HTTPS://EXAMPLE.COM",
            "http://example.com.:80/",
            "https://b\u{fc}cher.de/",
            "https://xn--bcher-kva.de/",
            "http://example.com:8080/",
            "https://example.com:8443/",
            "http://example.com:1024/",
            "http://example.com:65535/",
            "http://8.8.8.8/",
            "http://134744072/",
            "http://[2606:4700:4700::1111]/",
            "https://127.0.0.1.nip.io/",
            "http://@example.com/",
        ],
    );
}

#[test]
fn every_form_of_a_private_ipv4_address_is_refused() {
    assert_all(
        "PRIVATE_ADDRESS",
        &[
            "http://127.0.0.1/",
            "http://127.0.0.1./",
            "http://127.1/",
            "http://127.0.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0x7f.1/",
            "http://0X7F.0.0.1/",
            "http://0177.0.0.1/",
            "http://017700000001/",
            "http://0177.0x0.0.1/",
            "http://127.0.0.1:8080/",
            "http://127.255.255.254/",
            "http://0/",
            "http://0.0.0.0/",
            "http://10.0.0.1/",
            "http://10.1/",
            "http://172.16.0.1/",
            "http://192.168.0.1/",
            "http://192.168.257/",
            "http://100.64.0.1/",
            "http://100.100.100.200/",
            "http://169.254.169.254/latest/meta-data/",
            "http://2852039166/",
            "http://0xa9fea9fe/",
            "http://0251.0376.0251.0376/",
            "http://169.254.43518/",
            "http://168.63.129.16/",
            "http://192.0.0.192/",
            "http://198.18.0.1/",
            "http://203.0.113.1/",
            "http://224.0.0.1/",
            "http://255.255.255.255/",
            "http://%31%32%37.0.0.1/",
            "http://127\u{3002}0\u{3002}0\u{3002}1/",
            "http://\u{ff11}\u{ff12}\u{ff17}.0.0.1/",
            "http://\u{2460}\u{2461}\u{2466}.0.0.1/",
        ],
    );
}

#[test]
fn every_form_of_a_private_ipv6_address_is_refused() {
    assert_all(
        "PRIVATE_ADDRESS",
        &[
            "http://[::1]/",
            "http://[0:0:0:0:0:0:0:1]/",
            "http://[::]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[::ffff:8.8.8.8]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::127.0.0.1]/",
            "http://[64:ff9b::169.254.169.254]/",
            "http://[64:ff9b:1::1]/",
            "http://[2002:7f00:1::]/",
            "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
            "http://[fd00:ec2::254]/",
            "http://[fc00::1]/",
            "http://[fe80::1]/",
            "http://[fec0::1]/",
            "http://[ff02::1]/",
            "http://[2001:db8::1]/",
            "http://[2606:4700::5efe:127.0.0.1]/",
        ],
    );
}

#[test]
fn reserved_names_are_refused_in_every_spelling() {
    assert_all(
        "PRIVATE_ADDRESS",
        &[
            "http://localhost/",
            "http://LOCALHOST/",
            "http://localhost./",
            "http://localhost../",
            "http://a.localhost/",
            "http://%6cocalhost/",
            "http://\u{24db}ocalhost/",
            "http://loc\u{ad}alhost/",
            "http://printer.local/",
            "http://db.internal:8080/",
            "http://metadata.google.internal/",
            "http://metadata/",
            "http://instance-data/",
            "http://intranet/",
            "http://router.lan/",
        ],
    );
}

#[test]
fn other_schemes_user_info_ports_and_broken_hosts_are_refused() {
    assert_all(
        "SCHEME_REFUSED",
        &[
            "file:///etc/passwd",
            "ftp://example.com/",
            "data:text/html,x",
            "javascript:alert(1)",
            "blob:https://example.com/x",
            "chrome://settings",
            "view-source:http://example.com/",
            "ws://example.com/",
            "gopher://example.com/",
            "about:blank",
        ],
    );
    assert_all(
        "USERINFO_REFUSED",
        &[
            "http://a:b@example.com/",
            "http://example.com@127.0.0.1/",
            "http://:b@example.com/",
            "http://a@localhost/",
        ],
    );
    assert_all(
        "PORT_REFUSED",
        &[
            "http://example.com:22/",
            "http://example.com:25/",
            "https://example.com:1/",
            "http://example.com:6379/",
            "http://8.8.8.8:53/",
            "http://example.com:0/",
            "http://[2606:4700:4700::1111]:5432/",
        ],
    );
    assert_all(
        "INVALID",
        &[
            "http://[fe80::1%25eth0]/",
            "http://[::1/",
            "http://256.0.0.1/",
            "http://1.2.3.4.5/",
            "http://0x100000000/",
            "http://exa mple.com/",
            "http:///",
            "http://example.com:99999/",
            "//example.com/",
            "http://xn--a/",
        ],
    );
}

#[test]
fn an_allowed_target_passes_at_its_own_port_only() {
    let allow = ["127.0.0.1:9000", "localhost:9000", "[::1]:*", "10.0.0.0/8:22", "shop.internal:80"];
    let policy = Policy::new(allow.iter().map(|text| text.parse().unwrap()).collect());
    for text in [
        "http://127.0.0.1:9000/",
        "http://0x7f.1:9000/",
        "http://LOCALHOST.:9000/",
        "http://[::1]:6379/",
        "http://10.9.8.7:22/",
        "https://shop.internal:80/",
    ] {
        assert_eq!(judge(&policy, text), "", "{text}");
    }
    for text in [
        "http://127.0.0.1:9001/",
        "http://127.0.0.2:9000/",
        "http://localhost/",
        "http://[::ffff:127.0.0.1]:9000/",
        "http://a.shop.internal/",
        "https://shop.internal/",
    ] {
        assert_eq!(judge(&policy, text), "PRIVATE_ADDRESS", "{text}");
    }
}

#[test]
fn the_list_of_refused_ports_is_sorted() {
    assert!(leafcutter_egress::REFUSED_PORTS.is_sorted());
}

#[test]
fn a_refusal_does_not_repeat_user_info() {
    let url = Url::parse("http://user:hunter2@example.com/").unwrap();
    let refusal = Policy::new(vec![]).check_url(&url).unwrap_err();
    assert_eq!(refusal, Refusal::UserInfo);
    assert!(!format!("{refusal} {refusal:?}").contains("hunter2"));
}
