//! Flags of the service and their environment twins, with bounds. What is wrong is said in one line at start. Which
//! settings a role takes is in `roles`, the servers that it may use are in `servers`, browsers in `chromium`.

mod chromium;
mod model;
mod roles;
mod servers;

pub(crate) use chromium::ChromiumArgs;
use model::ModelArgs;
pub(crate) use roles::{CommandApiArgs, Plan, ProjectorRoleArgs, QueryApiArgs, WorkerArgs};
pub(crate) use servers::{DatabaseArgs, DispatchArgs, EventStoreArgs, KeyBytes, ObjectsArgs, secret_key};

use clap::Args;
use leafcutter_domain::limits;
use leafcutter_egress::{AllowedTarget, AllowedTargetError};
use std::{net::SocketAddr, path::PathBuf, str::FromStr};
use url::Url;

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Shortest admin token: it guards every account.
const ADMIN_TOKEN_CHARS_MIN: usize = 16;

/// Settings of `leafcutter serve`, which are those of every role.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) listen: ListenArgs,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) event_store: EventStoreArgs,
    #[command(flatten)]
    pub(crate) dispatch: DispatchArgs,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    #[command(flatten)]
    pub(crate) objects: ObjectsArgs,
    #[command(flatten)]
    pub(crate) gate: GateArgs,
    #[command(flatten)]
    pub(crate) pages: PageArgs,
    #[command(flatten)]
    pub(crate) results: ResultArgs,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    #[command(flatten)]
    pub(crate) projector: ProjectorArgs,
    #[command(flatten)]
    pub(crate) chromium: ChromiumArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ListenArgs {
    /// Address of HTTP; port 0 takes any free one.
    #[arg(long, env = "LEAFCUTTER_LISTEN", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DataArgs {
    /// Folder of everything that this process keeps.
    #[arg(long, env = "LEAFCUTTER_DATA_DIR", default_value = "./leafcutter-data")]
    pub(crate) data_dir: PathBuf,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct GateArgs {
    /// Requests a minute and key, counted by each process on its own; 0: no limit.
    #[arg(long, env = "LEAFCUTTER_RATE_LIMIT", default_value_t = 600)]
    pub(crate) rate_limit: u32,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct PageArgs {
    /// Internal hosts that may be opened all the same: HOST:PORT or CIDR, separated by commas.
    #[arg(long, env = "LEAFCUTTER_ALLOW_TARGETS", default_value = "")]
    pub(crate) allow_targets: Targets,

    /// File of upstream proxies, for pages that are opened with `useProxy` [default: none].
    #[arg(long, env = "LEAFCUTTER_PROXIES", value_name = "FILE")]
    pub(crate) proxies: Option<PathBuf>,

    /// Service that solves CAPTCHAs, by `createTask` and `getTaskResult` below this address; its key is
    /// LEAFCUTTER_CAPTCHA_KEY [default: none].
    #[arg(long, env = "LEAFCUTTER_CAPTCHA_URL", value_name = "ADDRESS")]
    pub(crate) captcha_url: Option<String>,

    #[command(flatten)]
    pub(crate) model: ModelArgs,

    /// Seconds that one page may take in all.
    #[arg(long, env = "LEAFCUTTER_ITEM_TIMEOUT", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=600))]
    pub(crate) item_timeout: u16,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ResultArgs {
    /// Size of one result in bytes.
    #[arg(long, env = "LEAFCUTTER_RESULT_BYTES", default_value_t = limits::RESULT_BYTES_MAX, value_parser = clap::value_parser!(u64).range(1_024..=64 * 1_024 * 1_024))]
    pub(crate) result_bytes: u64,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct WriteArgs {
    /// Credits a month of accounts that name none.
    #[arg(long, env = "LEAFCUTTER_DEFAULT_CREDITS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(..=limits::CREDITS_MAX))]
    pub(crate) default_credits: u64,

    /// File of price lists [default: the built-in list].
    #[arg(long, env = "LEAFCUTTER_PRICES", value_name = "FILE")]
    pub(crate) prices: Option<PathBuf>,

    /// Unfinished batches of an account.
    #[arg(long, env = "LEAFCUTTER_PENDING_BATCHES", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) pending_batches: u32,

    /// URLs in one batch.
    #[arg(long, env = "LEAFCUTTER_BATCH_URLS", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=50))]
    pub(crate) batch_urls: u16,

    /// Seconds that cookies outlive their batch, in memory.
    #[arg(long, env = "LEAFCUTTER_COOKIE_TTL", default_value_t = 900, value_parser = clap::value_parser!(u32).range(..=86_400))]
    pub(crate) cookie_ttl: u32,

    /// Slots of all workers together, so that the broker holds enough offers and not many more [default with
    /// workers elsewhere: 64].
    #[arg(long, env = "LEAFCUTTER_SLOTS", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) slots: Option<u16>,

    /// Days that results and screenshots are kept; 0: for ever. Then they are erased; what they cost and how it went
    /// stays.
    #[arg(long, env = "LEAFCUTTER_RESULT_MAX_AGE", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=36_500))]
    result_max_age: u32,

    /// Milliseconds that credits set aside wait for their batch before they are given back; for tests.
    #[arg(long, env = "LEAFCUTTER_SWEEP_GRACE_MS", default_value_t = 30_000, hide = true)]
    pub(crate) sweep_grace_ms: u32,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ReadArgs {
    /// Address under which clients reach the service, for links in answers [default: the request's host].
    #[arg(long, env = "LEAFCUTTER_PUBLIC_URL")]
    pub(crate) public_url: Option<Url>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ProjectorArgs {
    /// Leaves the read models where they are; for tests.
    #[arg(long, env = "LEAFCUTTER_PROJECTOR_PAUSED", hide = true)]
    pub(crate) projector_paused: bool,
}

impl WriteArgs {
    /// Milliseconds that results are kept; none: for ever.
    pub(crate) fn result_age_ms(&self) -> Option<i64> {
        (self.result_max_age > 0).then(|| i64::from(self.result_max_age) * DAY_MS)
    }
}

/// Targets separated by commas, or none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Targets(pub(crate) Vec<AllowedTarget>);

impl FromStr for Targets {
    type Err = AllowedTargetError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = text.split(',').map(str::trim).filter(|target| !target.is_empty());
        named.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl ServeArgs {
    /// What is set when nothing is set but the environment.
    fn unset() -> Result<Self, clap::Error> {
        #[derive(clap::Parser)]
        struct Unset {
            #[command(flatten)]
            args: ServeArgs,
        }
        Ok(crate::command_line::parse::<Unset>(["leafcutter".into()])?.args)
    }

    /// Settings of a service that lives for one command, in this folder, with nothing of any other machine.
    pub(crate) fn embedded(data_dir: PathBuf, allow_targets: Vec<AllowedTarget>) -> anyhow::Result<Self> {
        let mut args = Self::unset()?;
        args.listen.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        args.data.data_dir = data_dir;
        args.pages.allow_targets = Targets(allow_targets);
        args.gate.rate_limit = 0;
        args.event_store = EventStoreArgs::default();
        args.dispatch = DispatchArgs::default();
        args.database = DatabaseArgs::default();
        args.objects = ObjectsArgs::default();
        Ok(args)
    }
}

/// The token of the admin calls; they are off without one. Only from the environment: a flag would show it to
/// everyone who can list processes.
///
/// # Errors
/// It is short enough to be guessed.
pub(crate) fn admin_token() -> anyhow::Result<Option<String>> {
    let token = std::env::var("LEAFCUTTER_ADMIN_TOKEN").ok().filter(|token| !token.is_empty());
    if token.as_ref().is_some_and(|token| token.chars().count() < ADMIN_TOKEN_CHARS_MIN) {
        anyhow::bail!("LEAFCUTTER_ADMIN_TOKEN must have at least {ADMIN_TOKEN_CHARS_MIN} characters");
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: ServeArgs,
    }

    fn parse(flags: &[&str]) -> Result<ServeArgs, String> {
        let line = std::iter::once("leafcutter").chain(flags.iter().copied());
        Line::try_parse_from(line).map(|line| line.args).map_err(|error| error.to_string())
    }

    #[test]
    fn bad_values_are_refused_with_the_flag_that_holds_them() {
        let cases = [
            ("--listen", "nowhere"),
            ("--concurrency", "0"),
            ("--allow-targets", "http://x/"),
            ("--batch-urls", "51"),
            ("--public-url", "x"),
        ];
        for (flag, value) in cases {
            assert!(parse(&[flag, value]).is_err_and(|error| error.contains(flag)), "{flag}");
        }
    }

    #[test]
    fn allowed_targets_are_separated_by_commas() {
        assert_eq!(
            parse(&["--allow-targets", "127.0.0.1:80,10.0.0.0/8:443"]).unwrap().pages.allow_targets.0.len(),
            2
        );
    }
}
