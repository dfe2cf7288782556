//! `GET /api/batch/scrape/{batchId}/items/{index}/screenshot`: the picture of a page, for its owner only. Where clients
//! reach the bucket, they are sent there with a signed URL, which is in this answer and nowhere else.

use super::results::store_unavailable;
use crate::{QueryState, params::ItemPath};
use axum::{
    extract::State,
    http::{HeaderName, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use leafcutter_object_store::ObjectError;
use leafcutter_wire::{ApiError, Caller, ErrorBody, WaitBody};
use std::time::Duration;

/// The largest picture that is sent.
const SCREENSHOT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How long a signed URL of a picture lives: long enough to follow a redirect over a slow line.
const SIGNED_URL_S: u64 = 60;
const PICTURE: &str = "image/png";

const NO_SCREENSHOT: ApiError = ApiError::NotFound("There is no screenshot of this item.");

/// Get a screenshot
///
/// The picture of a completed item whose batch asked for one.
#[utoipa::path(
    get, path = "/api/batch/scrape/{batchId}/items/{index}/screenshot", tag = "Batches",
    operation_id = "getScreenshot",
    params(
        ("batchId" = Uuid, Path, description = "The batch"),
        ("index" = u16, Path, description = "Position of the item, from 0", maximum = 65_535),
    ),
    responses(
        (status = 200, description = "The picture", content(("image/png"))),
        (status = 307, description = "The picture is at `Location`, for a minute and without a key. Sent only where the operator gave the bucket a public endpoint"),
        (status = 401, description = "No API key", body = ErrorBody),
        (status = 403, description = "Invalid API key", body = ErrorBody),
        (status = 404, description = "No such batch or item, no picture, or one that has expired", body = ErrorBody),
        (status = 429, description = "Too many requests", body = WaitBody),
        (status = 503, description = "`SERVICE_BUSY`", body = WaitBody),
    ),
)]
pub(crate) async fn screenshot(
    State(state): State<QueryState>,
    caller: Caller,
    ItemPath(batch, index): ItemPath,
    method: Method,
) -> Result<Response, ApiError> {
    let view = state.batch(caller.account, batch).await?;
    let key = view.items.into_iter().nth(usize::from(index)).and_then(|item| item.screenshot_key);
    let key = key.ok_or(NO_SCREENSHOT)?;
    // A signature holds for its method, so HEAD is answered here.
    if method == Method::GET {
        let url = state.objects.signed_url(&key, PICTURE, Duration::from_secs(SIGNED_URL_S)).await;
        if let Some(url) = url.map_err(|error| refusal(&error))? {
            return Ok(elsewhere(url.as_str()));
        }
    }
    let bytes = state.objects.get(&key, SCREENSHOT_BYTES_MAX).await.map_err(|error| refusal(&error))?;
    let headers = [
        (header::CONTENT_TYPE, PICTURE),
        (header::CACHE_CONTROL, "private, no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, bytes).into_response())
}

fn elsewhere(url: &str) -> Response {
    let headers: [(HeaderName, &str); 3] = [
        (header::LOCATION, url),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (StatusCode::TEMPORARY_REDIRECT, headers).into_response()
}

fn refusal(error: &ObjectError) -> ApiError {
    match error {
        ObjectError::Store(_) => store_unavailable(error),
        ObjectError::Missing(_) => NO_SCREENSHOT,
        ObjectError::TooLarge { .. } | ObjectError::Key(_) | ObjectError::Address(_) => {
            tracing::error!(%error, "a screenshot cannot be sent");
            NO_SCREENSHOT
        }
    }
}
