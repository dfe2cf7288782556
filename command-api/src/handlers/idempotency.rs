//! The `Idempotency-Key` header of submit and retry.

use axum::{extract::FromRequestParts, http::request::Parts};
use leafcutter_wire::ApiError;

/// Longest key.
const KEY_CHARS_MAX: usize = 255;

/// The key, when one came with the request.
pub(crate) struct IdempotencyKey(pub(crate) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let fault = || {
            ApiError::validation(vec![format!(
                "Idempotency-Key: must be 1 to {KEY_CHARS_MAX} visible ASCII characters"
            )])
        };
        let key = value.to_str().map_err(|_| fault())?.trim();
        if key.is_empty() || key.len() > KEY_CHARS_MAX {
            Err(fault())
        } else {
            Ok(Self(Some(key.to_owned())))
        }
    }
}
