//! The examples of RFC 9309, section 2.2 and 5, and files as they are found.

use leafcutter_politeness::{PATTERN_BYTES_MAX, ROBOTS_BYTES_MAX, ROBOTS_RULES_MAX, Robots};
use std::time::Duration;
use url::Url;

fn allows(file: &str, product: &str, path: &str) -> bool {
    let page = Url::parse(&format!("https://example.com{path}")).unwrap();
    Robots::read(file.as_bytes(), product).allows(&page)
}

/// For everybody, one rule.
fn disallowed(rule: &str, path: &str) -> bool {
    !allows(&format!("user-agent: *\ndisallow: {rule}\n"), "Leafcutter", path)
}

#[test]
fn the_simple_example_of_the_standard_is_read_as_it_says() {
    let file = "User-Agent: *\nDisallow: *.gif$\nDisallow: /example/\nAllow: /publications/\n\n\
        User-Agent: foobot\nDisallow:/\nAllow:/example/page.html\nAllow:/example/allowed.gif\n\n\
        User-Agent: barbot\nUser-Agent: bazbot\nDisallow: /example/page.html\n\n\
        User-Agent: quxbot\n\nEOF";
    let cases = [
        ("anybot", "/example/page.html", false),
        ("anybot", "/picture.gif", false),
        ("anybot", "/picture.gif?large", true),
        ("anybot", "/publications/picture.gif", true),
        ("foobot", "/publications/", false),
        ("foobot", "/example/page.html", true),
        ("foobot", "/example/allowed.gif", true),
        ("barbot", "/example/page.html", false),
        ("bazbot", "/example/page.html", false),
        ("bazbot", "/picture.gif", true),
        ("quxbot", "/example/page.html", true),
    ];
    for (product, path, expected) in cases {
        assert_eq!(allows(file, product, path), expected, "{product} {path}");
    }
}

#[test]
fn the_longest_match_of_the_standards_example_wins() {
    let file = "User-Agent: foobot\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif\n";
    assert!(!allows(file, "foobot", "/example/page/disallowed.gif"));
    assert!(allows(file, "foobot", "/example/page/"));
    assert!(allows("user-agent: *\ndisallow: /a\nallow: /a\n", "x", "/a"), "of two as long, the kinder one");
}

#[test]
fn groups_of_one_product_are_put_together_whatever_their_case_and_version() {
    let file = "User-Agent: ExampleBot\nDisallow: /foo\nDisallow: /bar\n\n\
        User-Agent: other\nDisallow: /\n\nUSER-AGENT : examplebot/2.1 (a comment)\nDISALLOW : /baz\n";
    for path in ["/foo", "/bar", "/baz"] {
        assert!(!allows(file, "ExampleBot", path), "{path}");
    }
    assert!(allows(file, "ExampleBot", "/qux"));
    assert!(allows(file, "Example", "/foo"), "the token is compared whole");
    assert!(allows(file, "nobody", "/foo"));
}

#[test]
fn other_records_do_not_end_a_group() {
    let file = "User-agent: a\nSitemap: https://example.com/s.xml\nUser-agent: b\n\nNonsense\nDisallow: /x\n";
    assert!(!allows(file, "a", "/x") && !allows(file, "b", "/x"));
}

#[test]
fn special_characters_of_the_standards_table_are_understood() {
    let cases = [
        ("/foo/bar?baz=quz", "/foo/bar?baz=quz", true),
        ("/foo/bar?baz=https://foo.bar", "/foo/bar?baz=https%3A%2F%2Ffoo.bar", false),
        ("/foo/bar?baz=https%3A%2F%2Ffoo.bar", "/foo/bar?baz=https%3a%2f%2ffoo.bar", true),
        ("/foo/bar/\u{30c4}", "/foo/bar/%E3%83%84", true),
        ("/foo/bar/%E3%83%84", "/foo/bar/%E3%83%84", true),
        ("/foo/bar/%62%61%7A", "/foo/bar/baz", true),
        ("/foo/bar/baz", "/foo/bar/%62%61%7A", true),
        ("/path/file-with-a-%2A.html", "/path/file-with-a-%2A.html", true),
        ("/path/foo-%24", "/path/foo-%24", true),
        ("/100%", "/100%", true),
    ];
    for (rule, path, expected) in cases {
        assert_eq!(disallowed(rule, path), expected, "{rule} {path}");
    }
}

#[test]
fn stars_and_ends_match_as_the_standard_says() {
    let cases = [
        ("/this/path/exactly$", "/this/path/exactly", true),
        ("/this/path/exactly$", "/this/path/exactly/", false),
        ("/this/*/exactly", "/this/path/exactly/and/more", true),
        ("/*.php$", "/index.php", true),
        ("/*.php$", "/index.php?x", false),
        ("/*a*b*c$", "/xaxbxc", true),
        ("/*a*b*c$", "/xbxaxc", false),
        ("/*aa$", "/aaa", true),
        ("/fish*", "/fishheads", true),
        ("/fish", "/catfish", false),
        ("fish", "/fish", false),
        ("*", "/", true),
        ("$", "/", false),
        ("/$", "/", true),
        ("", "/", false),
    ];
    for (rule, path, expected) in cases {
        assert_eq!(disallowed(rule, path), expected, "{rule} {path}");
    }
}

#[test]
fn files_with_any_ends_of_lines_marks_and_comments_are_read() {
    for end in ["\n", "\r", "\r\n"] {
        let file = ["\u{feff}User-agent: * # everybody", "", "Disallow: /a # not this", "# Disallow: /b"];
        assert!(!allows(&file.join(end), "x", "/a"));
        assert!(allows(&file.join(end), "x", "/b"));
    }
    let page = Url::parse("https://example.com/").unwrap();
    assert!(Robots::read(b"\xff\xfe<html>user-agent", "x").allows(&page));
    assert!(Robots::default().allows(&page));
}

#[test]
fn the_rules_themselves_may_always_be_read() {
    assert!(!disallowed("/", "/robots.txt"));
    assert!(disallowed("/", "/robots.txt.html"));
}

#[test]
fn a_delay_belongs_to_its_group_and_only_a_number_is_one() {
    let delay = |file: &str| Robots::read(file.as_bytes(), "Leafcutter").crawl_delay();
    let file = "User-agent: *\nCrawl-delay: 9\nUser-agent: leafcutter\nCrawl-delay: 2.5\nDisallow: /x\n";
    assert_eq!(delay(file), Duration::from_millis(9_000).min(Duration::from_millis(2_500)));
    assert_eq!(delay("User-agent: other\nCrawl-delay: 9\nDisallow:\n"), Duration::ZERO);
    for value in ["-1", "NaN", "inf", "soon", ""] {
        assert_eq!(delay(&format!("User-agent: *\nCrawl-delay: {value}\n")), Duration::ZERO, "{value}");
    }
}

#[test]
fn a_file_of_any_size_is_read_within_bounds() {
    let mut large = "user-agent: *\n".to_owned() + &"#".repeat(ROBOTS_BYTES_MAX);
    large.push_str("\ndisallow: /\n");
    assert!(allows(&large, "x", "/late"), "what is behind the bound does not count");
    let long = "/".to_owned() + &"a".repeat(PATTERN_BYTES_MAX);
    assert!(!disallowed(&long, &long));
    let rules = "disallow: /*a*b*c*d*e$\n".repeat(ROBOTS_RULES_MAX + 10);
    let path = "/".to_owned() + &"abcd".repeat(500);
    assert!(allows(&format!("user-agent: *\n{rules}"), "x", &path));
}
