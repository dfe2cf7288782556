//! The OpenAPI document, made from the routes themselves, at `/openapi.json`, and readable at `/docs`.

use axum::{Json, Router, routing::get};
use utoipa::{
    OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_swagger_ui::SwaggerUi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Leafcutter",
        description = "Batch web scraping that you run yourself. Two wire formats over one domain: `/api` for clients of \
        Spidra's batch API, `/v1` for clients of AnchorBrowser's batch sessions.\n\n\
        **Not built yet**, and refused rather than ignored: submit's `webhook`; `GET /api/batch/scrape/{batchId}/events`, `/history` and `/export`; \
        creating, cancelling and deleting batch sessions under `/v1`; `/metrics`. Options answer 422, paths 404 or 405.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    security(("api_key" = []), ("bearer" = []), ("anchor_api_key" = [])),
)]
struct Document;

/// The document of the whole service, whichever of its routes this process has.
fn document() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    let header = |name: &str| SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(name)));
    let bearer = || SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("api_key", header("x-api-key"));
    components.add_security_scheme("anchor_api_key", header("anchor-api-key"));
    components.add_security_scheme("bearer", bearer());
    components.add_security_scheme("admin_token", bearer());
    document.merge(leafcutter_command_api::document());
    document.merge(leafcutter_query_api::document());
    document.merge(super::health::router(super::health::Health::default()).into_openapi());
    document
}

/// The routes that serve the document.
pub(crate) fn router() -> Router {
    let document = document();
    let json = document.clone();
    Router::new()
        .route("/openapi.json", get(move || async move { Json(json) }))
        .merge(SwaggerUi::new("/docs").url("/docs/openapi.json", document))
}
