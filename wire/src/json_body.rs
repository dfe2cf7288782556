//! Reading JSON bodies: bounded, with 400 for what is not JSON and 422 for what does not fit, naming the field.

use crate::ApiError;
use axum::{
    body::{Bytes, to_bytes},
    extract::{FromRequest, Request},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Largest body that is read.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// A JSON body of this form.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

/// A JSON body of this form, or null, or none at all.
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
        if bytes.trim_ascii().is_empty() {
            return Ok(Self(T::default()));
        }
        parse::<Option<T>>(&bytes).map(|body| Self(body.unwrap_or_default()))
    }
}

async fn read(request: Request) -> Result<Bytes, ApiError> {
    let too_large = ApiError::TooLarge { max: BODY_BYTES_MAX };
    to_bytes(request.into_body(), BODY_BYTES_MAX).await.map_err(|_| too_large)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // Two steps, so that broken JSON (400) and a wrong field (422) are told apart.
    let value: Value = serde_json::from_slice(bytes).map_err(|error| ApiError::NotJson(error.to_string()))?;
    read_fields(value)
}

/// Reads the fields of a JSON value.
///
/// # Errors
/// 422 with the field that does not fit.
pub fn read_fields<T: DeserializeOwned>(mut value: Value) -> Result<T, ApiError> {
    write_whole_numbers_plainly(&mut value);
    serde_path_to_error::deserialize(value).map_err(|error| {
        let field = error.path().to_string();
        let field = if field == "." { "body".to_owned() } else { field };
        ApiError::validation(vec![format!("{field}: {}", error.inner())])
    })
}

/// To JSON Schema `2.0` is an integer like `2`; to serde it is none. Only the fields themselves are written anew: what
/// lies deeper is the caller's own and stays as it came.
fn write_whole_numbers_plainly(body: &mut Value) {
    /// Above this, 2^53, a float does not say which integer is meant.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    let Value::Object(fields) = body else { return };
    for field in fields.values_mut() {
        let Some(number) = field.as_f64().filter(|_| field.is_f64()) else { continue };
        if number.fract() == 0.0 && number.abs() <= EXACT_MAX {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and within 2^53")]
            let whole = number as i64;
            *field = whole.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Form {
        count: u8,
        own: Value,
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        let form: Form = read_fields(json!({"count": 2.0, "own": {"kept": 2.0}})).unwrap();
        assert_eq!((form.count, form.own.to_string().as_str()), (2, r#"{"kept":2.0}"#));
        for fault in [json!({"count": 2.5}), json!({"count": -1.0}), json!({"count": 1e300})] {
            assert!(read_fields::<Form>(fault).is_err());
        }
    }

    #[tokio::test]
    async fn an_optional_body_may_be_missing_or_null() {
        for body in ["", " ", "null", "{}"] {
            let request = Request::new(body.to_owned().into());
            assert_eq!(
                OptionalJsonBody::<Form>::from_request(request, &()).await.unwrap().0,
                Form::default()
            );
        }
    }
}
