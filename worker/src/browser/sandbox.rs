//! Whether Chromium's sandbox really is on, seen from outside: what the kernel says about its renderers. The
//! command line is no proof, as Chromium can be built or wrapped to ignore it.

use crate::proc::{is_renderer, members, status};
use rustix::process::Pid;

/// Says why the renderers of this group are not sandboxed; nothing when they are.
///
/// A sandboxed renderer runs under a seccomp filter, in a namespace of processes of its own.
pub(crate) fn fault(group: Pid) -> Option<String> {
    let renderers: Vec<String> =
        members(group.as_raw_nonzero().get()).filter(|pid| is_renderer(*pid)).filter_map(status).collect();
    if renderers.is_empty() {
        return Some("no renderer process was found".to_owned());
    }
    renderers.iter().find_map(|status| fault_in(status))
}

fn fault_in(status: &str) -> Option<String> {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("").trim();
    if field("Seccomp:") != "2" {
        return Some("a renderer runs without a seccomp filter".to_owned());
    }
    if field("NSpid:").split_whitespace().count() < 2 {
        return Some("a renderer runs in the namespace of the service".to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renderer_with_filter_and_namespace_is_sandboxed() {
        assert_eq!(fault_in("Name:\tx\nNSpid:\t16640\t4\t1\nSeccomp:\t2\n"), None);
    }

    #[test]
    fn a_renderer_without_either_is_not() {
        assert!(fault_in("NSpid:\t16640\t4\nSeccomp:\t0\n").unwrap().contains("seccomp"));
        assert!(fault_in("NSpid:\t16640\nSeccomp:\t2\n").unwrap().contains("namespace"));
        assert!(fault_in("").is_some());
    }
}
