//! `COPY` in its binary form, for many rows at once: values are encoded exactly as parameters of a statement are.

use super::{Connection, Engine};
use crate::ReadModelError;
use sqlx::{
    Encode, Type, encode::IsNull, error::BoxDynError, postgres::PgArgumentBuffer, query_builder::Separated,
};

/// Rows from which on `COPY` is worth its two more round trips.
const ROWS_MIN: usize = 200;
/// Data sent to the server at once.
const CHUNK_BYTES: usize = 1024 * 1024;
/// What the form begins with: its mark, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with: a row of -1 fields.
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
/// The length of no value.
const NULL: i32 = -1;

/// Where the values of a row go, one after another.
pub(super) enum Fields<'r> {
    Statement(Separated<'r, Engine, &'static str>),
    Copy(&'r mut Rows),
}

impl<'r> Fields<'r> {
    pub(super) fn of_statement(row: Separated<'r, Engine, &'static str>) -> Self {
        Self::Statement(row)
    }

    /// The next value of the row.
    pub(super) fn push_bind<'t, T: Encode<'t, Engine> + Type<Engine>>(&mut self, value: T) -> &mut Self {
        match self {
            Self::Statement(row) => {
                row.push_bind(value);
            }
            Self::Copy(rows) => rows.field(&value),
        }
        self
    }
}

/// Rows in the binary form.
#[derive(Default)]
pub(super) struct Rows {
    bytes: Vec<u8>,
    row_at: usize,
    fields: i16,
    failed: Option<BoxDynError>,
}

impl Rows {
    fn begin_row(&mut self) {
        (self.row_at, self.fields) = (self.bytes.len(), 0);
        self.bytes.extend(self.fields.to_be_bytes());
    }

    fn field<'t>(&mut self, value: &impl Encode<'t, Engine>) {
        let mut encoded = PgArgumentBuffer::default();
        let length = match value.encode_by_ref(&mut encoded) {
            Ok(IsNull::Yes) => Ok(NULL),
            Ok(IsNull::No) => i32::try_from(encoded.len()).map_err(BoxDynError::from),
            Err(error) => Err(error),
        };
        match length {
            Ok(length) => {
                self.bytes.extend(length.to_be_bytes());
                if length != NULL {
                    self.bytes.extend(encoded.iter());
                }
                self.fields += 1;
            }
            Err(error) => self.failed = Some(error),
        }
    }

    fn end_row(&mut self) {
        let count = self.row_at..self.row_at + size_of::<i16>();
        self.bytes[count].copy_from_slice(&self.fields.to_be_bytes());
    }
}

/// Copies the rows in when they are many; says whether it did.
pub(super) async fn copy_in<R>(
    connection: &mut Connection,
    columns: &'static str,
    rows: &[R],
    put: &impl Fn(&mut Fields<'_>, &R),
) -> Result<bool, ReadModelError> {
    if rows.len() < ROWS_MIN {
        return Ok(false);
    }
    let mut copy = connection.copy_in_raw(&format!("COPY {columns} FROM STDIN (FORMAT binary)")).await?;
    let mut encoded = Rows { bytes: HEADER.to_vec(), ..Rows::default() };
    for row in rows {
        encoded.begin_row();
        put(&mut Fields::Copy(&mut encoded), row);
        encoded.end_row();
        if let Some(error) = encoded.failed.take() {
            copy.abort("a value cannot be encoded").await?;
            return Err(ReadModelError::Unavailable(sqlx::Error::Encode(error)));
        }
        if encoded.bytes.len() >= CHUNK_BYTES {
            copy.send(encoded.bytes.as_slice()).await?;
            encoded.bytes.clear();
        }
    }
    encoded.bytes.extend(TRAILER);
    copy.send(encoded.bytes.as_slice()).await?;
    copy.finish().await?;
    Ok(true)
}
