//! How a test wants its service: settings, flags, where it crashes. Starting it is `service`.

use std::net::SocketAddr;

/// Token of the admin calls of every service here.
pub(crate) const ADMIN_TOKEN: &str = "admin-token-of-the-tests";

/// How a service is started.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(super) env: Vec<(String, String)>,
    pub(super) flags: Vec<String>,
    pub(super) shell: Option<&'static str>,
}

impl Default for Options {
    /// Two slots, no rate limit, nothing on loopback allowed.
    fn default() -> Self {
        let options = Self { env: Vec::new(), flags: Vec::new(), shell: None };
        let options = options.env("LEAFCUTTER_RATE_LIMIT", "0").env("LEAFCUTTER_CONCURRENCY", "2");
        options.env("LEAFCUTTER_ADMIN_TOKEN", ADMIN_TOKEN)
    }
}

impl Options {
    /// The defaults, and `target` may be opened.
    pub(crate) fn for_site(target: SocketAddr) -> Self {
        Self::default().env("LEAFCUTTER_ALLOW_TARGETS", &target.to_string())
    }

    /// Sets an environment variable; the last word counts.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a flag of `serve`.
    pub(crate) fn flag(mut self, flag: &str, value: &str) -> Self {
        self.flags.extend([flag.to_owned(), value.to_owned()]);
        self
    }

    /// Ends the service, as `kill -9` would, when it reaches a named place for the `count`-th time.
    pub(crate) fn crash_at(self, point: &str, count: u32) -> Self {
        self.env(leafcutter_crash_points::VARIABLE, &format!("{point}:{count}"))
    }

    /// Has a shell do something before it becomes the service.
    pub(crate) fn after(mut self, shell: &'static str) -> Self {
        self.shell = Some(shell);
        self
    }
}
