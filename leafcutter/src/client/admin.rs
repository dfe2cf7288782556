//! Calls of an operator: to the service's admin routes, with the admin token, which only the environment holds.

use super::{
    Console, Failure, Server,
    api::{Api, Call},
    connect::{LOCAL_SERVER, server_url},
};
use clap::Args;
use serde_json::Value;
use url::Url;

/// Where the write side of the service is.
#[derive(Debug, Clone, Args)]
pub(crate) struct AdminArgs {
    /// Address of the service; its admin token is taken from LEAFCUTTER_ADMIN_TOKEN.
    #[arg(long, env = "LEAFCUTTER_SERVER", value_name = "URL", value_parser = server_url, default_value = LOCAL_SERVER)]
    server: Url,
}

/// Asks the service for something that does no harm when it is done twice. Gives its answer.
///
/// # Errors
/// There is no token, or the service refused or cannot be reached.
pub(crate) async fn admin_call(
    console: &Console,
    args: &AdminArgs,
    path: &str,
    body: Value,
) -> Result<String, Failure> {
    let token = std::env::var("LEAFCUTTER_ADMIN_TOKEN").ok().filter(|token| !token.is_empty());
    let api_key = token.ok_or(Failure::AdminTokenMissing)?;
    let api = Api::new(&Server { url: args.server.clone(), api_key }, console)?;
    Ok(api.call(&Call::post(path, body)).await?.text().to_owned())
}
