//! Pictures of pages. Not here: where they are kept.

use super::{
    command_line::{WINDOW_HEIGHT_PX, WINDOW_WIDTH_PX},
    context::{Tab, lost},
    net_error::failed,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chromiumoxide::cdp::browser_protocol::page::{
    CaptureScreenshotFormat, CaptureScreenshotParams, GetLayoutMetricsParams, Viewport,
};
use leafcutter_dispatch::FailedPage;
use leafcutter_domain::ErrorCode;

/// Height of a picture of a whole page, in CSS pixels.
const PICTURE_HEIGHT_PX_MAX: f64 = 16_384.0;

/// A PNG of the page: what fits the window, or all of it down to a bound.
pub(crate) async fn picture(tab: &Tab, whole: bool) -> Result<Vec<u8>, FailedPage> {
    tab.show().await?;
    let (width, mut height) = (f64::from(WINDOW_WIDTH_PX), f64::from(WINDOW_HEIGHT_PX));
    if whole {
        let metrics = tab.page().execute(GetLayoutMetricsParams {}).await.map_err(|_| lost())?.result;
        height = metrics.css_content_size.height.ceil().clamp(height, PICTURE_HEIGHT_PX_MAX);
    }
    let command = CaptureScreenshotParams::builder()
        .format(CaptureScreenshotFormat::Png)
        .clip(Viewport { x: 0.0, y: 0.0, width, height, scale: 1.0 })
        .capture_beyond_viewport(whole)
        .build();
    let picture = tab.page().execute(command).await.map_err(|_| lost())?.result;
    STANDARD
        .decode(AsRef::<[u8]>::as_ref(&picture.data))
        .map_err(|_| failed(ErrorCode::Internal, "the browser's picture cannot be decoded"))
}
