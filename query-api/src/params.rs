//! What comes in the path and the query string, with the contract's refusals: 404 for an id that can name nothing,
//! 422 for a query that does not hold what it should, naming the parameter.

use crate::state::NO_SUCH_BATCH;
use axum::{
    extract::{FromRequestParts, Path, Query},
    http::request::Parts,
};
use leafcutter_domain::{BatchId, ItemIndex};
use leafcutter_wire::ApiError;
use serde::de::DeserializeOwned;
use std::{fmt::Display, ops::RangeInclusive};

/// The largest page number; keeps every row number far inside 64 bits.
pub(crate) const PAGE_MAX: u32 = 2_147_483_647;
/// What a query without a page gets.
pub(crate) const PAGE_DEFAULT: u32 = 1;
/// What a query without a limit gets.
pub(crate) const LIMIT_DEFAULT: u32 = 20;

/// The query string.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Query(params) = Query::try_from_uri(&parts.uri).map_err(|rejection| {
            let text = rejection.body_text();
            let fault = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
            ApiError::validation(vec![fault.to_owned()])
        })?;
        Ok(Self(params))
    }
}

/// The batch that the path names.
pub(crate) struct BatchPath(pub(crate) BatchId);

impl<S: Send + Sync> FromRequestParts<S> for BatchPath {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(batch) = path.map_err(|_| NO_SUCH_BATCH)?;
        batch.parse().map(Self).map_err(|_| NO_SUCH_BATCH)
    }
}

/// The batch that the path names, and an item of it that need not be there.
pub(crate) struct ItemPath(pub(crate) BatchId, pub(crate) ItemIndex);

impl<S: Send + Sync> FromRequestParts<S> for ItemPath {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((batch, item)) = path.map_err(|_| NO_SUCH_BATCH)?;
        let batch = batch.parse().map_err(|_| NO_SUCH_BATCH)?;
        Ok(Self(batch, item.parse().map_err(|_| ApiError::NotFound("There is no such item."))?))
    }
}

/// Gathers what is wrong with a query, so that the answer names all of it.
#[derive(Default)]
pub(crate) struct Faults(Vec<String>);

impl Faults {
    /// The value, or `default` where none came; outside `bounds` it is a fault.
    pub(crate) fn bounded<T: PartialOrd + Display + Copy>(
        &mut self,
        name: &str,
        value: Option<T>,
        default: T,
        bounds: RangeInclusive<T>,
    ) -> T {
        let value = value.unwrap_or(default);
        if !bounds.contains(&value) {
            self.0.push(format!("{name}: must be {} to {}", bounds.start(), bounds.end()));
        }
        value
    }

    /// The parsed value, if one came; one that does not parse is a fault.
    pub(crate) fn parsed<T: std::str::FromStr<Err: Display>>(
        &mut self,
        name: &str,
        value: Option<&str>,
    ) -> Option<T> {
        match value?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.0.push(format!("{name}: {error}"));
                None
            }
        }
    }

    /// Another fault; begins with the name of the parameter.
    pub(crate) fn add(&mut self, fault: &str) {
        self.0.push(fault.to_owned());
    }

    /// Refuses a query with faults.
    pub(crate) fn check(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(ApiError::validation(self.0)) }
    }
}

/// How many pages of `limit` hold `total`.
pub(crate) fn pages(total: u64, limit: u32) -> u64 {
    total.div_ceil(u64::from(limit.max(1)))
}
