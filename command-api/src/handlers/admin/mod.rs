//! The operator's calls: accounts, keys, top-ups, decisions about held streams. Off while no admin token is set.

pub(crate) mod accounts;
pub(crate) mod credits;
pub(crate) mod erase;
pub(crate) mod keys;
pub(crate) mod quarantine;

use crate::Commands;
use axum::{
    extract::{Request, State},
    http::header,
    middleware::Next,
    response::{IntoResponse, Response},
};
use leafcutter_wire::ApiError;

/// Middleware of the admin routes: lets the holder of the admin token through.
pub(crate) async fn guard(State(commands): State<Commands>, request: Request, next: Next) -> Response {
    let Some(token) = &commands.settings.admin_token else {
        return ApiError::AdminRefused("Admin calls are off; set LEAFCUTTER_ADMIN_TOKEN to turn them on.")
            .into_response();
    };
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    // Hashes are compared, in constant time, so that the time taken says nothing about the token.
    let matches = given.is_some_and(|given| blake3::hash(given.as_bytes()) == blake3::hash(token.as_bytes()));
    if matches {
        next.run(request).await
    } else {
        ApiError::AdminRefused("The admin token is missing or wrong: send it as 'Authorization: Bearer'.")
            .into_response()
    }
}
