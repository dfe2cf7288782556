//! Reading JSON bodies: bounded, with 400 for what is not JSON and 422 for what does not fit, naming the field.

use crate::ApiError;
use axum::{
    body::{Bytes, to_bytes},
    extract::{FromRequest, Request},
};
use serde::de::DeserializeOwned;

/// Largest body that is read.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// A JSON body of this form.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

/// A JSON body of this form, or none at all.
#[derive(Debug)]
pub struct OptionalJsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;
    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        parse(&read(request).await?).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = ApiError;
    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let bytes = read(request).await?;
        if bytes.trim_ascii().is_empty() { Ok(Self(T::default())) } else { parse(&bytes).map(Self) }
    }
}

async fn read(request: Request) -> Result<Bytes, ApiError> {
    let too_large = ApiError::TooLarge { max: BODY_BYTES_MAX };
    to_bytes(request.into_body(), BODY_BYTES_MAX).await.map_err(|_| too_large)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // Two steps, so that broken JSON (400) and a wrong field (422) are told apart.
    let value: serde_json::Value =
        serde_json::from_slice(bytes).map_err(|error| ApiError::NotJson(error.to_string()))?;
    read_fields(value)
}

/// Reads the fields of a JSON value.
///
/// # Errors
/// 422 with the field that does not fit.
pub fn read_fields<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let field = error.path().to_string();
        let field = if field == "." { "body".to_owned() } else { field };
        ApiError::validation(vec![format!("{field}: {}", error.inner())])
    })
}
