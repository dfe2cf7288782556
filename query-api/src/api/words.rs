//! The words of the `/api` format and their place in its document.

use leafcutter_domain::{
    ErrorCode, OutputFormat,
    batch::{Channel, Extractor},
};
use leafcutter_read_models::{EntryKind, Reason, Status};
use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::schema::{Object, ObjectBuilder, SchemaType, Type},
};

/// Where a batch or an item stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Status)]
pub(crate) enum StatusWord {
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
}

impl From<Status> for StatusWord {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Running => Self::Running,
            Status::Completed => Self::Completed,
            Status::Failed => Self::Failed,
            Status::Cancelled => Self::Cancelled,
        }
    }
}

/// Who turned the page into a result.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Extractor)]
pub(crate) enum ExtractorWord {
    Model,
    Rules,
    None,
}

impl From<Extractor> for ExtractorWord {
    fn from(extractor: Extractor) -> Self {
        match extractor {
            Extractor::Model => Self::Model,
            Extractor::Rules => Self::Rules,
            Extractor::None => Self::None,
        }
    }
}

/// The form of the results.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = OutputFormat)]
pub(crate) enum OutputWord {
    Json,
    Markdown,
}

impl From<OutputFormat> for OutputWord {
    fn from(output: OutputFormat) -> Self {
        match output {
            OutputFormat::Json => Self::Json,
            OutputFormat::Markdown => Self::Markdown,
        }
    }
}

/// Where a batch came from.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Channel)]
pub(crate) enum ChannelWord {
    Api,
    Playground,
}

impl From<Channel> for ChannelWord {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Api => Self::Api,
            Channel::Playground => Self::Playground,
        }
    }
}

/// What moved.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = EntryKind)]
pub(crate) enum EntryKindWord {
    Opened,
    Granted,
    Reserved,
    Charged,
    Refunded,
    Closed,
}

impl From<EntryKind> for EntryKindWord {
    fn from(kind: EntryKind) -> Self {
        match kind {
            EntryKind::Opened => Self::Opened,
            EntryKind::Granted => Self::Granted,
            EntryKind::Reserved => Self::Reserved,
            EntryKind::Charged => Self::Charged,
            EntryKind::Refunded => Self::Refunded,
            EntryKind::Closed => Self::Closed,
        }
    }
}

/// Every error code of an item, or null.
pub(super) fn error_code() -> Object {
    let codes = ErrorCode::ALL.iter().map(|code| Some(code.as_str()));
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(codes.chain([None])))
        .description(Some("Why the item failed"))
        .build()
}

/// Every reason of an entry, or null.
pub(super) fn reason() -> Object {
    let words = Reason::all().map(|reason| Some(reason.as_str()));
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(words.chain([None])))
        .description(Some(
            "Why: `completed` or the item's error code for what was charged, `failed`, `cancelled` or `abandoned` \
             for what was given back, `topUp` or `lateRelease` (credits of a closed month that last longer) for what \
             came in, `allowance` and `monthEnd`; null for credits set aside",
        ))
        .build()
}

/// An object for `json`, a string for `markdown`, null until completed.
pub(super) fn result() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::String, Type::Null]))
        .description(Some(
            "An object for `json`, text for `markdown`; null until completed, and once it was erased. \
             Left out with `include=summary`",
        ))
        .build()
}

/// The caller's own object, or null.
pub(super) fn metadata() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .description(Some("The object that came with the submit"))
        .build()
}

/// Always null.
pub(super) fn null(description: &str) -> Object {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::Null)).description(Some(description)).build()
}
