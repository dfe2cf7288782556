//! The one place that gives an error its HTTP status, code and body, in each of the two wire formats.

use crate::ApiError;
use axum::{
    Json,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

/// Seconds after which a request that met a busy service may come again.
const BUSY_RETRY_AFTER_S: u64 = 1;
/// Seconds after which a submit that met too many unfinished batches may come again.
const PENDING_RETRY_AFTER_S: u64 = 5;

/// An error under `/api`.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// Always `error`.
    #[schema(pattern = "^error$")]
    pub status: &'static str,
    /// What is wrong and what to do about it.
    pub message: String,
    /// A stable name for programs.
    pub code: &'static str,
}

/// A request whose fields do not hold what they should.
#[derive(Debug, Serialize, ToSchema)]
pub struct ValidationBody {
    /// Always `error`.
    #[schema(pattern = "^error$")]
    pub status: &'static str,
    /// The gist.
    pub message: String,
    /// A stable name for programs.
    pub code: &'static str,
    /// One sentence for each fault, naming the field.
    pub errors: Vec<String>,
}

/// A request that may come again later.
#[derive(Debug, Serialize, ToSchema)]
pub struct WaitBody {
    /// Always `error`.
    #[schema(pattern = "^error$")]
    pub status: &'static str,
    /// What is wrong and what to do about it.
    pub message: String,
    /// A stable name for programs.
    pub code: &'static str,
    /// Seconds to wait.
    pub retry_after: u64,
}

/// An error under `/v1`.
#[derive(Debug, Serialize, ToSchema)]
pub struct V1ErrorBody {
    /// The error.
    pub error: V1ErrorDetail,
}

/// What is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct V1ErrorDetail {
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub code: u16,
    /// What is wrong and what to do about it.
    pub message: String,
}

/// Status and stable code for each error.
fn answer(error: &ApiError) -> (StatusCode, &'static str) {
    match error {
        ApiError::NotJson(_) => (StatusCode::BAD_REQUEST, "INVALID_JSON"),
        ApiError::BadRequest { code, .. } => (StatusCode::BAD_REQUEST, code),
        ApiError::KeyMissing => (StatusCode::UNAUTHORIZED, "API_KEY_MISSING"),
        ApiError::KeyInvalid => (StatusCode::FORBIDDEN, "API_KEY_INVALID"),
        ApiError::AdminRefused(_) => (StatusCode::UNAUTHORIZED, "ADMIN_TOKEN_REQUIRED"),
        ApiError::CreditLimit { .. } => (StatusCode::FORBIDDEN, "CREDIT_LIMIT_REACHED"),
        ApiError::NotFound(_) => (StatusCode::NOT_FOUND, "NOT_FOUND"),
        ApiError::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
        ApiError::Conflict { code, .. } => (StatusCode::CONFLICT, code),
        ApiError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
        ApiError::Invalid { code, .. } => (StatusCode::UNPROCESSABLE_ENTITY, code),
        ApiError::TooManyPending { .. } => (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_PENDING_JOBS"),
        ApiError::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED"),
        ApiError::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "SERVICE_BUSY"),
        ApiError::OutcomeUnknown => (StatusCode::GATEWAY_TIMEOUT, "OUTCOME_UNKNOWN"),
        ApiError::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR"),
    }
}

fn retry_after_s(error: &ApiError) -> Option<u64> {
    match error {
        ApiError::RateLimited { retry_after_s } => Some(*retry_after_s),
        ApiError::TooManyPending { .. } => Some(PENDING_RETRY_AFTER_S),
        ApiError::Busy(_) => Some(BUSY_RETRY_AFTER_S),
        ApiError::NotJson(_)
        | ApiError::BadRequest { .. }
        | ApiError::KeyMissing
        | ApiError::KeyInvalid
        | ApiError::AdminRefused(_)
        | ApiError::CreditLimit { .. }
        | ApiError::NotFound(_)
        | ApiError::MethodNotAllowed
        | ApiError::Conflict { .. }
        | ApiError::TooLarge { .. }
        | ApiError::Invalid { .. }
        | ApiError::OutcomeUnknown
        | ApiError::Internal => None,
    }
}

impl IntoResponse for ApiError {
    /// The `/api` format; the error goes along, so that `in_v1_format` can write it anew.
    fn into_response(self) -> Response {
        let (http_status, code) = answer(&self);
        let (status, message) = ("error", self.to_string());
        let mut response = match (&self, retry_after_s(&self)) {
            (Self::Invalid { errors, .. }, _) => {
                let errors = errors.clone();
                (http_status, Json(ValidationBody { status, message, code, errors })).into_response()
            }
            (_, Some(retry_after)) => {
                (http_status, Json(WaitBody { status, message, code, retry_after })).into_response()
            }
            (_, None) => (http_status, Json(ErrorBody { status, message, code })).into_response(),
        };
        set_retry_after(&mut response, &self);
        response.extensions_mut().insert(self);
        response
    }
}

fn set_retry_after(response: &mut Response, error: &ApiError) {
    if let Some(seconds) = retry_after_s(error) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
}

/// Middleware of the `/v1` routes: writes every error in that format.
pub async fn in_v1_format(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let Some(error) = response.extensions().get::<ApiError>().cloned() else { return response };
    let status = v1_status(&error);
    let message = match &error {
        ApiError::Invalid { errors, message, .. } if !errors.is_empty() => {
            format!("{message} {}", errors.join("; "))
        }
        other => other.to_string(),
    };
    let body = V1ErrorBody { error: V1ErrorDetail { code: status.as_u16(), message } };
    let mut rewritten = (status, Json(body)).into_response();
    set_retry_after(&mut rewritten, &error);
    if status == StatusCode::CONFLICT {
        // The official client repeats a 409 unless it is told not to.
        rewritten.headers_mut().insert("x-should-retry", HeaderValue::from_static("false"));
    }
    rewritten
}

fn v1_status(error: &ApiError) -> StatusCode {
    match answer(error).0 {
        StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        _ if matches!(error, ApiError::KeyInvalid) => StatusCode::UNAUTHORIZED,
        _ if matches!(error, ApiError::CreditLimit { .. }) => StatusCode::PAYMENT_REQUIRED,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_has_its_own_status_for_keys_credits_and_fields() {
        let validation = ApiError::validation(vec!["urls: missing".to_owned()]);
        let credit = ApiError::CreditLimit { needed: 2, available: 1 };
        let table = [
            (ApiError::KeyMissing, 401, 401),
            (ApiError::KeyInvalid, 403, 401),
            (validation, 422, 400),
            (credit, 403, 402),
        ];
        for (error, api, v1) in table {
            assert_eq!(answer(&error).0.as_u16(), api, "{error}");
            assert_eq!(v1_status(&error).as_u16(), v1, "{error}");
        }
    }

    #[test]
    fn whoever_may_come_again_is_told_when() {
        let response = ApiError::Busy("x").into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
