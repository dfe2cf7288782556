//! What the caller asks of every page of a batch. Secrets (cookies, proxy passwords) are never part of it.

use crate::ProxyPlace;
use serde::{Deserialize, Serialize};

/// The form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputFormat {
    /// An object, validated against the schema when there is one.
    Json,
    /// Text.
    Markdown,
}

impl OutputFormat {
    /// The text on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Markdown => "markdown",
        }
    }
}

/// How a page is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScrapeMode {
    /// In Chromium.
    #[default]
    Default,
    /// A plain HTTP request: no scripts, no picture.
    Fast,
}

/// What a picture of the page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Screenshot {
    /// No picture.
    #[default]
    None,
    /// What fits the window.
    Viewport,
    /// The page from top to bottom.
    FullPage,
}

/// Which items may share a browser context, one after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// Items of one batch.
    #[default]
    Batch,
    /// None.
    Item,
}

/// The options of a batch, as its first event stores them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScrapeOptions {
    /// The effective form of the results.
    pub output: OutputFormat,
    /// What to extract, in the caller's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The JSON Schema of each result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<serde_json::Value>,
    /// Main content only, without navigation and the like.
    #[serde(default)]
    pub extract_content_only: bool,
    /// The picture to take.
    #[serde(default)]
    pub screenshot: Screenshot,
    /// Browser or plain HTTP.
    #[serde(default)]
    pub mode: ScrapeMode,
    /// Sharing of browser contexts.
    #[serde(default)]
    pub isolation: Isolation,
    /// Where the proxy stands through which pages are opened; none: they are opened from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ProxyPlace>,
    /// Pages that `robots.txt` forbids are not opened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub respect_robots: bool,
    /// Items of the batch that run at the same time: 1 to [`BATCH_URLS_MAX`](crate::limits::BATCH_URLS_MAX); none: as
    /// many as there is room for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u16>,
}

impl Default for ScrapeOptions {
    fn default() -> Self {
        Self {
            output: OutputFormat::Markdown,
            prompt: None,
            schema: None,
            extract_content_only: false,
            screenshot: Screenshot::None,
            mode: ScrapeMode::Default,
            isolation: Isolation::Batch,
            proxy: None,
            respect_robots: false,
            concurrency: None,
        }
    }
}
