//! Every row of the read models as of one moment, for comparing two of them. Rows come as they are taken, so the tables
//! may be larger than memory.

use crate::{ReadModelError, ReadModels, models::Tables, postgres, sqlite};
use leafcutter_event_store::Position;
use tokio::sync::{mpsc, oneshot};

/// Rows read ahead of whoever takes them.
const ROWS_AHEAD_MAX: usize = 1_000;

/// A row of a table, as text. Tables come one after another, the rows of each in the order of their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRow {
    /// The table's place among the tables.
    pub place: usize,
    /// The table.
    pub table: &'static str,
    /// What tells the row from the others of its table.
    pub key: String,
    /// All of it. The same whatever the engine and wherever the log keeps its events: positions are left out.
    pub text: String,
}

pub(crate) type RowSender = mpsc::Sender<Result<TableRow, ReadModelError>>;

/// Where the rows of a dump go.
pub(crate) struct Dump {
    pub(crate) begun: oneshot::Sender<Position>,
    pub(crate) rows: RowSender,
}

/// All rows as of one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// How far the log was applied at that moment.
    pub checkpoint: Position,
    rows: mpsc::Receiver<Result<TableRow, ReadModelError>>,
}

impl Snapshot {
    /// The next row; `None` after the last one.
    ///
    /// # Errors
    /// The tables cannot be read; what was taken until then is not the whole.
    pub async fn next(&mut self) -> Result<Option<TableRow>, ReadModelError> {
        self.rows.recv().await.transpose()
    }
}

impl ReadModels {
    /// Every row of every table, as of this moment, table after table. Dropped, it reads no further.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub async fn snapshot(&self) -> Result<Snapshot, ReadModelError> {
        let (begun, begins) = oneshot::channel();
        let (sender, rows) = mpsc::channel(ROWS_AHEAD_MAX);
        let (models, errors) = (self.clone(), sender.clone());
        let dump = Dump { begun, rows: sender };
        tokio::spawn(async move {
            let read = match models.tables() {
                Tables::Sqlite(file) => sqlite::dump::dump(&file.readers, dump).await,
                Tables::Postgres(database) => postgres::dump::dump(&database.readers, dump).await,
            };
            if let Err(error) = read {
                // Whoever asked has gone, or is told.
                let _ = errors.send(Err(error)).await;
            }
        });
        let mut snapshot = Snapshot { checkpoint: Position::START, rows };
        match begins.await {
            Ok(checkpoint) => snapshot.checkpoint = checkpoint,
            // It ended before it began, and has said why.
            Err(_) => drop(snapshot.next().await?),
        }
        Ok(snapshot)
    }
}
