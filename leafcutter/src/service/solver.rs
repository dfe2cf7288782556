//! The operator's service that solves CAPTCHAs: its address as a setting, its key from the environment alone. How it
//! is asked is the worker's affair.

use super::settings::{Plan, ServeArgs};
use anyhow::{Context, bail};
use leafcutter_worker::{Pace, Solver, SolverKey, SolverSettings};

/// What is wrong with it is said before anything is started.
///
/// # Errors
/// Address or key cannot be used.
pub(super) fn is_usable(plan: &Plan) -> anyhow::Result<()> {
    if plan.roles.work {
        settings(&plan.args)?;
    }
    Ok(())
}

/// Whether CAPTCHAs are solved here. Who only takes orders needs to know for their price, and needs no key.
pub(super) fn is_set(args: &ServeArgs) -> bool {
    args.pages.captcha_url.is_some()
}

/// The service, with its key.
///
/// # Errors
/// Address or key cannot be used, or one of them is missing.
pub(super) fn settings(args: &ServeArgs) -> anyhow::Result<Option<SolverSettings>> {
    let key = std::env::var("LEAFCUTTER_CAPTCHA_KEY").ok().filter(|key| !key.is_empty());
    let settings = match (&args.pages.captcha_url, key) {
        (None, None) => return Ok(None),
        (Some(_), None) => {
            bail!("LEAFCUTTER_CAPTCHA_URL needs the key of the service in LEAFCUTTER_CAPTCHA_KEY")
        }
        (None, Some(_)) => {
            bail!("LEAFCUTTER_CAPTCHA_KEY is set without LEAFCUTTER_CAPTCHA_URL: no CAPTCHA would be solved")
        }
        (Some(url), Some(key)) => {
            // The address is not repeated: it may hold what should not be printed.
            let url = url.parse().context("LEAFCUTTER_CAPTCHA_URL is no address")?;
            SolverSettings { url, key: SolverKey::new(key), pace: Pace::default() }
        }
    };
    Solver::new(settings.clone()).context("LEAFCUTTER_CAPTCHA_URL cannot be used")?;
    Ok(Some(settings))
}
