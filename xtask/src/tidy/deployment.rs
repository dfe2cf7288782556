//! Whether the files of the deployment hold together: what they name exists, nothing in them is a secret, workers reach
//! no store, and every setting of the program is where operators look for it.
//!
//! **Not allowed here:** judging what only a running container shows.

mod compose;
mod settings;

use crate::repository::Repository;
use serde_json::Value;

const SECCOMP: &str = "deploy/chromium-seccomp.json";
const ERRORS: &str = "deploy/errors/";

/// What Chromium's sandbox is made of.
const SANDBOX_CALLS: [&str; 4] = ["chroot", "clone", "clone3", "unshare"];
/// What nobody in a worker's container has to do.
const FORBIDDEN_CALLS: [&str; 7] = ["bpf", "init_module", "keyctl", "mount", "pivot_root", "ptrace", "setns"];

pub(super) fn problems(repository: &Repository) -> Vec<String> {
    let mut found = compose::problems(repository);
    found.extend(settings::problems(repository));
    found.extend(seccomp(repository));
    found.extend(error_answers(repository));
    found
}

/// Chromium's sandbox has what it needs, and no more is allowed than that.
fn seccomp(repository: &Repository) -> Vec<String> {
    let text = repository.text(SECCOMP).unwrap_or_default();
    let Ok(profile) = serde_json::from_str::<Value>(text) else {
        return vec![format!("{SECCOMP} is missing or no JSON")];
    };
    let mut found = Vec::new();
    if profile["defaultAction"] != "SCMP_ACT_ERRNO" {
        found.push(format!("{SECCOMP} allows what it does not name"));
    }
    let allowed = |call: &str| {
        let rules = profile["syscalls"].as_array().into_iter().flatten();
        rules
            .filter(|rule| rule["action"] == "SCMP_ACT_ALLOW")
            .any(|rule| names(rule).any(|name| name == call))
    };
    let missing = SANDBOX_CALLS.into_iter().filter(|call| !allowed(call));
    found.extend(missing.map(|call| format!("{SECCOMP} lacks {call}, which Chromium's sandbox needs")));
    let open = FORBIDDEN_CALLS.into_iter().filter(|call| allowed(call));
    found.extend(open.map(|call| format!("{SECCOMP} allows {call}, which no worker needs")));
    found
}

fn names(rule: &Value) -> impl Iterator<Item = &str> {
    rule["names"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// The proxy's own answers are whole, and errors in both wire formats.
fn error_answers(repository: &Repository) -> Vec<String> {
    let files = repository.paths().filter(|path| path.starts_with(ERRORS));
    files.filter_map(|path| Some(format!("{path} {}", fault(repository.text(path)?)?))).collect()
}

fn fault(answer: &str) -> Option<&'static str> {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return Some("is no HTTP answer") };
    if !head.contains(&format!("\r\nContent-Length: {}", body.len())) {
        return Some("says a wrong length");
    }
    let status = head.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok());
    let Ok(body) = serde_json::from_str::<Value>(body) else { return Some("has a body that is no JSON") };
    let both = body["status"] == "error" && body["message"].is_string() && body["code"].is_string();
    let both = both && body["error"]["code"].as_u64() == status.map(u64::from);
    (!both).then_some("is not an error of both wire formats")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_that_allows_too_much_or_too_little_is_found() {
        let profile = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["clone", "clone3", "unshare", "mount"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["chroot"], "action": "SCMP_ACT_ERRNO"}]}"#;
        let found = seccomp(&Repository::sample(&[(SECCOMP, profile)]));
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn an_answer_with_another_length_or_form_is_found() {
        let answer = |length: usize, body: &str| {
            format!("HTTP/1.1 504 Gateway Timeout\r\nContent-Length: {length}\r\n\r\n{body}")
        };
        let good = r#"{"status":"error","message":"m","code":"C","error":{"code":504,"message":"m"}}"#;
        assert_eq!(fault(&answer(good.len(), good)), None);
        assert!(fault(&answer(good.len() + 1, good)).is_some());
        assert!(fault(&answer(2, "{}")).is_some());
        assert!(fault("HTTP/1.1 504\n\n").is_some());
    }
}
