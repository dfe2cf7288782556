//! The operator's file of upstream proxies, as far as each role needs it. What is in it is `leafcutter-egress`'
//! affair.

use super::settings::{Plan, ServeArgs};
use leafcutter_domain::ProxyPlace;
use leafcutter_egress::ProxyPools;
use std::collections::BTreeSet;

/// What is wrong with the file is said before anything is started.
///
/// # Errors
/// The file, or what it refers to, cannot be used.
pub(super) fn are_usable(plan: &Plan) -> anyhow::Result<()> {
    if plan.roles.work {
        pools(&plan.args)?;
    } else if plan.roles.command {
        places(&plan.args)?;
    }
    Ok(())
}

/// Where proxies stand. Who only takes orders needs no password of them.
///
/// # Errors
/// The file cannot be used.
pub(super) fn places(args: &ServeArgs) -> anyhow::Result<BTreeSet<ProxyPlace>> {
    Ok(args.pages.proxies.as_deref().map(ProxyPools::places_in).transpose()?.unwrap_or_default())
}

/// The proxies themselves.
///
/// # Errors
/// The file, or what it refers to, cannot be used.
pub(super) fn pools(args: &ServeArgs) -> anyhow::Result<ProxyPools> {
    Ok(args.pages.proxies.as_deref().map(ProxyPools::read).transpose()?.unwrap_or_default())
}
