//! The routes of the write side, on one screen.

use crate::{
    Commands,
    handlers::{admin, cancel, retry, submit, v1_retry},
};
use axum::middleware::{from_fn, from_fn_with_state};
use leafcutter_wire::{guard, in_v1_format};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Every command, behind its gate.
pub fn router(commands: Commands) -> OpenApiRouter {
    let client = OpenApiRouter::new()
        .routes(routes!(submit::submit))
        .routes(routes!(cancel::cancel))
        .routes(routes!(retry::retry))
        .layer(from_fn_with_state(commands.gate.clone(), guard));
    let v1 = OpenApiRouter::new()
        .routes(routes!(v1_retry::v1_retry))
        .layer(from_fn_with_state(commands.gate.clone(), guard))
        .layer(from_fn(in_v1_format));
    let admin = OpenApiRouter::new()
        .routes(routes!(admin::accounts::create))
        .routes(routes!(admin::keys::issue))
        .routes(routes!(admin::keys::revoke))
        .routes(routes!(admin::credits::top_up))
        .layer(from_fn_with_state(commands.clone(), admin::guard));
    client.merge(v1).merge(admin).with_state(commands)
}
