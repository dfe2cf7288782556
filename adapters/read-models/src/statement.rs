//! An account's month in the tables, entry after entry, for whoever compares it with the log.

use crate::{
    ReadModelError, ReadModels, RecordedEntry,
    models::{Tables, in_time},
    postgres, sqlite,
};
use leafcutter_domain::{AccountId, Period};

impl ReadModels {
    /// Up to `limit` entries of an account's month from revision `from` on, in their order.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub async fn statement(
        &self,
        account: AccountId,
        period: Period,
        from: u64,
        limit: u32,
    ) -> Result<Vec<RecordedEntry>, ReadModelError> {
        in_time(async {
            match self.tables() {
                Tables::Sqlite(file) => {
                    sqlite::ledger_read::statement(&file.readers, account, period, from, limit).await
                }
                Tables::Postgres(database) => {
                    postgres::ledger_read::statement(&database.readers, account, period, from, limit).await
                }
            }
        })
        .await
    }
}
