//! What the answers that are kept as files are written with: a line of JSON, a record of CSV, and the headers of a
//! download. Not here: which columns there are.

use axum::http::{HeaderName, header};
use serde::Serialize;

/// Says that the answer is a file of this name, which holds what is private.
pub(crate) fn headers(kind: &'static str, name: &str) -> [(HeaderName, String); 4] {
    [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ]
}

/// Appends a line of JSON. The value has no keys but text.
pub(crate) fn write_json(text: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(&mut *text, value).expect("text and numbers become JSON, and memory takes them");
    text.push(b'\n');
}

/// Appends a record of CSV (RFC 4180). Its cells are the service's own words, numbers, ids and http addresses, none of
/// which a spreadsheet runs.
pub(crate) fn write_csv(text: &mut Vec<u8>, cells: &[impl AsRef<[u8]>]) {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(text);
    writer.write_record(cells).expect("memory takes every record");
}

/// The cell of a value that may be missing.
pub(crate) fn cell(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// The cell of several values.
pub(crate) fn cell_of_all(values: &[impl ToString]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
