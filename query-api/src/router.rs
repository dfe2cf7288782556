//! The routes of the read side, on one screen.

use crate::{QueryState, api, v1};
use axum::middleware::{from_fn, from_fn_with_state};
use leafcutter_wire::{guard, in_v1_format};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Every query, behind its gate.
pub fn router(state: QueryState) -> OpenApiRouter {
    let api = OpenApiRouter::new()
        .routes(routes!(api::list::list))
        .routes(routes!(api::status::status))
        .routes(routes!(api::screenshot::screenshot))
        .routes(routes!(api::account::account))
        .routes(routes!(api::usage::usage))
        .routes(routes!(api::credits::credits))
        .layer(from_fn_with_state(state.gate.clone(), guard));
    let v1 = OpenApiRouter::new()
        .routes(routes!(v1::list::list))
        .routes(routes!(v1::session::session))
        .layer(from_fn_with_state(state.gate.clone(), guard))
        .layer(from_fn(in_v1_format));
    api.merge(v1).with_state(state)
}
