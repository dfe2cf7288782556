//! The gate before every call of a client: whose key is it, and may the key make another request now.

use crate::{ApiError, KeyDirectory, RateLimit, rate_limit::Standing};
use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use leafcutter_domain::{AccountId, KeyId};
use std::{sync::Arc, time::Instant};

/// Keys and limits.
#[derive(Clone)]
pub struct Gate {
    keys: Arc<KeyDirectory>,
    limit: Arc<RateLimit>,
}

impl Gate {
    /// A gate with these keys and this limit.
    #[must_use]
    pub fn new(keys: Arc<KeyDirectory>, limit: RateLimit) -> Self {
        Self { keys, limit: Arc::new(limit) }
    }

    /// The directory behind the gate.
    #[must_use]
    pub fn keys(&self) -> &Arc<KeyDirectory> {
        &self.keys
    }
}

/// Who is calling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub account: AccountId,
    /// The key.
    pub key: KeyId,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // Missing only when a route was mounted without the guard, which must not open it.
        parts.extensions.get::<Self>().copied().ok_or(ApiError::KeyMissing)
    }
}

/// Middleware of every client route: finds the caller, counts the request, and says in the answer where they stand.
pub async fn guard(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let caller = match identify(&gate, request.headers()).await {
        Ok(caller) => caller,
        Err(error) => return error.into_response(),
    };
    let standing = gate.limit.count(caller.key, Instant::now());
    request.extensions_mut().insert(caller);
    let mut response = match standing {
        Some(Standing { allowed: false, reset_s, .. }) => {
            ApiError::RateLimited { retry_after_s: reset_s }.into_response()
        }
        Some(_) | None => next.run(request).await,
    };
    if let Some(standing) = standing {
        let headers = response.headers_mut();
        headers.insert("ratelimit-limit", HeaderValue::from(standing.limit));
        headers.insert("ratelimit-remaining", HeaderValue::from(standing.remaining));
        headers.insert("ratelimit-reset", HeaderValue::from(standing.reset_s));
    }
    response
}

async fn identify(gate: &Gate, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let key = key_of(headers).ok_or(ApiError::KeyMissing)?;
    let found = gate.keys.find(key).await.map_err(|error| ApiError::from(&error))?;
    let (account, key) = found.ok_or(ApiError::KeyInvalid)?;
    Ok(Caller { account, key })
}

/// The key, from whichever header holds it.
fn key_of(headers: &HeaderMap) -> Option<&str> {
    let plain = ["x-api-key", "anchor-api-key"].into_iter().find_map(|name| headers.get(name)?.to_str().ok());
    let bearer = || {
        let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key)
    };
    plain.or_else(bearer).map(str::trim).filter(|key| !key.is_empty())
}
