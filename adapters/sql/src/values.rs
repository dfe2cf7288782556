//! Values that mean the same in both engines, each stored in the engine's own type: a time is INTEGER milliseconds or
//! `timestamptz`, a document is TEXT or `jsonb`. What PostgreSQL cannot hold as it is (a NUL character, the spelling
//! of a fraction) is stored in a form that comes back exactly; clients write such things.

use serde_json::Value;
use sqlx::{
    Decode, Encode, Postgres, Sqlite, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgTypeInfo, PgValueFormat, PgValueRef, types::Oid},
    sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef},
    types::Json,
};
use std::borrow::Cow;

/// The object id of `timestamptz`, the same in every PostgreSQL.
const TIMESTAMPTZ: Oid = Oid(1184);
/// 2000-01-01T00:00:00Z, from which PostgreSQL counts, in milliseconds since 1970.
const POSTGRES_EPOCH_MS: i64 = 946_684_800_000;
/// The first moment that PostgreSQL can hold (in the year 4714 BC), in microseconds from 2000.
const POSTGRES_FIRST_US: i64 = -211_813_488_000_000_000;
/// Stands before what replaces NUL in PostgreSQL, and before itself.
const ESCAPE: char = '\u{10}';

/// A moment, in milliseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub i64);

impl Type<Sqlite> for Time {
    fn type_info() -> SqliteTypeInfo {
        <i64 as Type<Sqlite>>::type_info()
    }
    fn compatible(info: &SqliteTypeInfo) -> bool {
        <i64 as Type<Sqlite>>::compatible(info)
    }
}

impl Encode<'_, Sqlite> for Time {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Sqlite>::encode(self.0, buffer)
    }
}

impl Decode<'_, Sqlite> for Time {
    fn decode(value: SqliteValueRef<'_>) -> Result<Self, BoxDynError> {
        Decode::<Sqlite>::decode(value).map(Self)
    }
}

impl Type<Postgres> for Time {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }
}

impl Encode<'_, Postgres> for Time {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let micros = self.0.saturating_sub(POSTGRES_EPOCH_MS).saturating_mul(1_000);
        Encode::<Postgres>::encode(micros.max(POSTGRES_FIRST_US), buffer)
    }
}

impl Decode<'_, Postgres> for Time {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        // The text form would come from a simple query only, and no statement here is one.
        if value.format() == PgValueFormat::Text {
            return Err("a time came as text".into());
        }
        let micros: i64 = Decode::<Postgres>::decode(value)?;
        Ok(Self(micros.div_euclid(1_000) + POSTGRES_EPOCH_MS))
    }
}

/// Text that came from outside and may hold NUL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl<'a> From<&'a String> for Text<'a> {
    fn from(text: &'a String) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl Type<Sqlite> for Text<'_> {
    fn type_info() -> SqliteTypeInfo {
        <str as Type<Sqlite>>::type_info()
    }
    fn compatible(info: &SqliteTypeInfo) -> bool {
        <str as Type<Sqlite>>::compatible(info)
    }
}

impl Encode<'_, Sqlite> for Text<'_> {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Sqlite>::encode(self.0.as_ref().to_owned(), buffer)
    }
}

impl Decode<'_, Sqlite> for Text<'static> {
    fn decode(value: SqliteValueRef<'_>) -> Result<Self, BoxDynError> {
        Ok(Self(Cow::Owned(Decode::<Sqlite>::decode(value)?)))
    }
}

impl Type<Postgres> for Text<'_> {
    fn type_info() -> PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }
    fn compatible(info: &PgTypeInfo) -> bool {
        <str as Type<Postgres>>::compatible(info)
    }
}

impl Encode<'_, Postgres> for Text<'_> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode(without_nul(&self.0).as_ref(), buffer)
    }
}

impl Decode<'_, Postgres> for Text<'static> {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let text: &str = Decode::<Postgres>::decode(value)?;
        Ok(Self(Cow::Owned(with_nul(text))))
    }
}

fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains(['\0', ESCAPE]) {
        Cow::Owned(text.replace(ESCAPE, "\u{10}1").replace('\0', "\u{10}0"))
    } else {
        Cow::Borrowed(text)
    }
}

fn with_nul(text: &str) -> String {
    text.replace("\u{10}0", "\0").replace("\u{10}1", "\u{10}")
}

/// A JSON document, as its text. PostgreSQL may bring it back with other spaces and another order of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document<'a>(pub Cow<'a, str>);

impl Type<Sqlite> for Document<'_> {
    fn type_info() -> SqliteTypeInfo {
        <str as Type<Sqlite>>::type_info()
    }
    fn compatible(info: &SqliteTypeInfo) -> bool {
        <str as Type<Sqlite>>::compatible(info)
    }
}

impl Encode<'_, Sqlite> for Document<'_> {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Sqlite>::encode(self.0.as_ref().to_owned(), buffer)
    }
}

impl Decode<'_, Sqlite> for Document<'static> {
    fn decode(value: SqliteValueRef<'_>) -> Result<Self, BoxDynError> {
        Ok(Self(Cow::Owned(Decode::<Sqlite>::decode(value)?)))
    }
}

impl Type<Postgres> for Document<'_> {
    fn type_info() -> PgTypeInfo {
        <Json<Value> as Type<Postgres>>::type_info()
    }
    fn compatible(info: &PgTypeInfo) -> bool {
        <Json<Value> as Type<Postgres>>::compatible(info)
    }
}

impl Encode<'_, Postgres> for Document<'_> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let value: Value = serde_json::from_str(&self.0)?;
        if jsonb_would_change(&value) {
            // As a JSON string that holds the document's text, in which a NUL is written with visible characters.
            Encode::<Postgres>::encode(Json(self.0.as_ref()), buffer)
        } else {
            Encode::<Postgres>::encode(Json(value), buffer)
        }
    }
}

impl Decode<'_, Postgres> for Document<'static> {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let Json(value): Json<Value> = Decode::<Postgres>::decode(value)?;
        let text = if let Value::String(text) = value { text } else { value.to_string() };
        Ok(Self(Cow::Owned(text)))
    }
}

/// Whether `jsonb` refuses the value (NUL in a text), writes it otherwise (fractions are numbers without limits there)
/// or would make it look like a document kept as text. Recursion is bounded by the parser's 128 levels.
fn jsonb_would_change(value: &Value) -> bool {
    fn inside(value: &Value) -> bool {
        match value {
            Value::Null | Value::Bool(_) => false,
            Value::Number(number) => number.is_f64(),
            Value::String(text) => text.contains('\0'),
            Value::Array(values) => values.iter().any(inside),
            Value::Object(map) => map.iter().any(|(key, value)| key.contains('\0') || inside(value)),
        }
    }
    value.is_string() || inside(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_loses_its_nul_on_the_way_in_and_has_it_again_on_the_way_out() {
        for text in ["", "plain", "\0", "\u{10}", "\u{10}0", "\0\u{10}1\0", "\u{10}\u{10}\0", "a\0b\u{10}00"]
        {
            let stored = without_nul(text);
            assert!(!stored.contains('\0'));
            assert_eq!(with_nul(&stored), text);
        }
    }

    #[test]
    fn only_what_jsonb_keeps_as_it_is_goes_in_as_it_is() {
        for kept in [json!(null), json!({"a": [1, -2, u64::MAX, "b", true]}), json!([])] {
            assert!(!jsonb_would_change(&kept), "{kept}");
        }
        for changed in [json!("text"), json!({"a": 1e16}), json!([["\0"]]), json!({"\0": 1}), json!(0.5)] {
            assert!(jsonb_would_change(&changed), "{changed}");
        }
    }
}
