//! Words and numbers as columns hold them. Enums are stored by their serde name, which is their public name.

use crate::ReadModelError;
use leafcutter_domain::ItemIndex;
use serde::{
    Serialize,
    de::{
        DeserializeOwned,
        value::{Error, StrDeserializer},
    },
};

/// The name of a plain enum variant.
pub(crate) fn word<T: Serialize>(value: &T) -> Result<String, ReadModelError> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        other => Err(damaged("word", format!("{other:?}"))),
    }
}

/// The variant of this name.
pub(crate) fn from_word<T: DeserializeOwned>(what: &'static str, word: &str) -> Result<T, ReadModelError> {
    T::deserialize(StrDeserializer::<Error>::new(word)).map_err(|_| damaged(what, word))
}

/// A number as a column holds it.
pub(crate) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A number that must fit `T`.
pub(crate) fn from_number<T: TryFrom<i64>>(what: &'static str, value: i64) -> Result<T, ReadModelError> {
    T::try_from(value).map_err(|_| damaged(what, value.to_string()))
}

/// Items as a column holds them, with a comma before and after each number: `LIKE '%,4,%'` finds the fifth.
pub(crate) fn items_text(items: &[ItemIndex]) -> String {
    items.iter().fold(String::from(","), |text, item| text + &item.to_string() + ",")
}

/// Items of a column.
pub(crate) fn items_from_text(text: &str) -> Result<Vec<ItemIndex>, ReadModelError> {
    let numbers = text.split(',').filter(|number| !number.is_empty());
    numbers.map(|number| number.parse().map_err(|_| damaged("items", text))).collect()
}

pub(crate) fn damaged(what: &'static str, value: impl Into<String>) -> ReadModelError {
    ReadModelError::Damaged { what, value: value.into() }
}
