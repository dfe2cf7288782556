//! The routes of the write side, on one screen.

use crate::{
    Commands,
    handlers::{admin, cancel, retry, submit, v1_retry},
};
use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
};
use leafcutter_wire::{guard, in_v1_format};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Every command, behind its gate.
pub fn router(commands: Commands) -> Router {
    let gate = || from_fn_with_state(commands.gate.clone(), guard);
    let client = client().layer(gate());
    let v1 = v1().layer(gate()).layer(from_fn(in_v1_format));
    let admin = admin().layer(from_fn_with_state(commands.clone(), admin::guard));
    client.merge(v1).merge(admin).with_state(commands).into()
}

/// What the commands are, for the OpenAPI document.
#[must_use]
pub fn document() -> OpenApi {
    client().merge(v1()).merge(admin()).into_openapi()
}

fn client() -> OpenApiRouter<Commands> {
    OpenApiRouter::new()
        .routes(routes!(submit::submit))
        .routes(routes!(cancel::cancel))
        .routes(routes!(retry::retry))
}

fn v1() -> OpenApiRouter<Commands> {
    OpenApiRouter::new().routes(routes!(v1_retry::v1_retry))
}

fn admin() -> OpenApiRouter<Commands> {
    OpenApiRouter::new()
        .routes(routes!(admin::accounts::create))
        .routes(routes!(admin::keys::issue))
        .routes(routes!(admin::keys::revoke))
        .routes(routes!(admin::credits::top_up))
        .routes(routes!(admin::erase::erase))
        .routes(routes!(admin::quarantine::retry))
        .routes(routes!(admin::quarantine::skip))
}
