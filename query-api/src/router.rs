//! The routes of the read side, on one screen.

use crate::{QueryState, api, v1};
use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
};
use leafcutter_wire::{guard, in_v1_format};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Every query, behind its gate.
pub fn router(state: QueryState) -> Router {
    let gate = || from_fn_with_state(state.gate.clone(), guard);
    let api = api().layer(gate());
    let v1 = v1().layer(gate()).layer(from_fn(in_v1_format));
    api.merge(v1).with_state(state).into()
}

/// What the queries are, for the OpenAPI document.
#[must_use]
pub fn document() -> OpenApi {
    api().merge(v1()).into_openapi()
}

fn api() -> OpenApiRouter<QueryState> {
    OpenApiRouter::new()
        .routes(routes!(api::list::list))
        .routes(routes!(api::status::status))
        .routes(routes!(api::screenshot::screenshot))
        .routes(routes!(api::batch_history::history))
        .routes(routes!(api::account::account))
        .routes(routes!(api::usage::usage))
        .routes(routes!(api::credits::credits))
        .routes(routes!(api::credits_history::history))
        .routes(routes!(api::credits_export::export))
        .routes(routes!(api::credits_verify::verify))
}

fn v1() -> OpenApiRouter<QueryState> {
    OpenApiRouter::new().routes(routes!(v1::list::list)).routes(routes!(v1::session::session))
}
