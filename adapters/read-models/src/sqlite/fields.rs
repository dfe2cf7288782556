//! The values of a row on their way into a statement. SQLite has no faster way in than statements of many rows.

use super::{Connection, Engine};
use crate::ReadModelError;
use sqlx::{Encode, Type, query_builder::Separated};

/// Where the values of a row go, one after another.
pub(super) struct Fields<'r>(Separated<'r, Engine, &'static str>);

impl<'r> Fields<'r> {
    pub(super) fn of_statement(row: Separated<'r, Engine, &'static str>) -> Self {
        Self(row)
    }

    /// The next value of the row.
    pub(super) fn push_bind<'t, T: Encode<'t, Engine> + Type<Engine>>(&mut self, value: T) -> &mut Self {
        self.0.push_bind(value);
        self
    }
}

/// Copies nothing, and says so.
pub(super) async fn copy_in<R>(
    _: &mut Connection,
    _: &'static str,
    _: &[R],
    _: &impl Fn(&mut Fields<'_>, &R),
) -> Result<bool, ReadModelError> {
    Ok(false)
}
