//! The one writer of the SQLite log. Everything that waits is committed together, each append in a savepoint of
//! its own, so that a conflict undoes only itself; one flush to disk then answers all of them.

use crate::{Appended, Expected, NewEvent, Position, Snapshot, StoreError, StreamName};
use sqlx::{Connection, QueryBuilder, Row, SqliteConnection};
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

/// Requests committed together.
const GROUP_MAX: usize = 256;
/// Rows of one INSERT; seven variables each stay far below the 32,766 that SQLite takes.
const INSERT_ROWS_MAX: usize = 1_000;

type AppendAnswer = oneshot::Sender<Result<Appended, StoreError>>;

/// What can be asked of the writer.
pub(super) enum Request {
    Append { stream: StreamName, expected: Expected, events: Vec<NewEvent>, answer: AppendAnswer },
    Snapshot { stream: StreamName, snapshot: Snapshot, answer: oneshot::Sender<Result<(), StoreError>> },
    Close,
}

/// An answer that may be given once the group is on disk.
enum Pending {
    Append(AppendAnswer, Result<Appended, StoreError>),
    Snapshot(oneshot::Sender<Result<(), StoreError>>),
}

pub(super) async fn run(
    mut connection: SqliteConnection,
    mut requests: mpsc::Receiver<Request>,
    head: watch::Sender<u64>,
) {
    let mut group = Vec::with_capacity(GROUP_MAX);
    let mut open = true;
    while open && requests.recv_many(&mut group, GROUP_MAX).await > 0 {
        let mut todo = std::mem::take(&mut group);
        if let Some(end) = todo.iter().position(|request| matches!(request, Request::Close)) {
            todo.truncate(end);
            open = false;
        }
        commit_group(&mut connection, todo, &head).await;
    }
    // Closed and then emptied, so that a request sent at this very moment is refused and not left without answer.
    requests.close();
    while requests.recv().await.is_some() {}
    let _ = connection.close().await;
}

async fn commit_group(connection: &mut SqliteConnection, requests: Vec<Request>, head: &watch::Sender<u64>) {
    let mut pending = Vec::with_capacity(requests.len());
    let failed = match begin_and_write(connection, requests, &mut pending).await {
        Err(error) => Some((error, false)),
        Ok(()) => sqlx::query("COMMIT").execute(&mut *connection).await.err().map(|error| {
            let may_be_kept = !is_refused_write(&error);
            (error, may_be_kept)
        }),
    };
    if let Some((error, may_be_kept)) = failed {
        tracing::error!(%error, "the event log cannot be written; nothing of this group is acknowledged");
        // SQLite may have rolled back by itself already; then there is nothing left to undo.
        let _ = sqlx::query("ROLLBACK").execute(&mut *connection).await;
        return refuse(pending, &error.to_string(), may_be_kept);
    }
    let last = pending.iter().filter_map(|pending| match pending {
        Pending::Append(_, Ok(appended)) => Some(appended.position.value()),
        Pending::Append(_, Err(_)) | Pending::Snapshot(_) => None,
    });
    if let Some(last) = last.max() {
        head.send_if_modified(|head| {
            let moved = last > *head;
            *head = last.max(*head);
            moved
        });
    }
    for pending in pending {
        match pending {
            Pending::Append(answer, result) => drop(answer.send(result)),
            Pending::Snapshot(answer) => drop(answer.send(Ok(()))),
        }
    }
}

/// Whether a commit failed because a write was refused, as on a full disk. The mark of a commit is on the last page
/// that is written, so nothing was kept then; after any other failure, such as one of the flush, nobody knows.
fn is_refused_write(error: &sqlx::Error) -> bool {
    const SQLITE_FULL: &str = "13";
    const SQLITE_IOERR_WRITE: &str = "778";
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some(SQLITE_FULL | SQLITE_IOERR_WRITE))
}

fn refuse(pending: Vec<Pending>, reason: &str, may_be_kept: bool) {
    let error = || {
        let reason = reason.to_owned().into();
        if may_be_kept { StoreError::OutcomeUnknown(reason) } else { StoreError::Unavailable(reason) }
    };
    for pending in pending {
        match pending {
            Pending::Append(answer, Err(StoreError::Conflict)) => {
                drop(answer.send(Err(StoreError::Conflict)))
            }
            Pending::Append(answer, _) => drop(answer.send(Err(error()))),
            Pending::Snapshot(answer) => drop(answer.send(Err(error()))),
        }
    }
}

async fn begin_and_write(
    connection: &mut SqliteConnection,
    requests: Vec<Request>,
    pending: &mut Vec<Pending>,
) -> Result<(), sqlx::Error> {
    let mut broken = sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await.err();
    for request in requests {
        match request {
            Request::Append { stream, expected, events, answer } => {
                let result = match &broken {
                    Some(_) => Err(StoreError::Unavailable("the group failed".into())),
                    None => append(connection, &stream, expected, &events).await.unwrap_or_else(|error| {
                        let result = Err(StoreError::Unavailable(error.to_string().into()));
                        broken = Some(error);
                        result
                    }),
                };
                pending.push(Pending::Append(answer, result));
            }
            Request::Snapshot { stream, snapshot, answer } => {
                if broken.is_none() {
                    broken = save_snapshot(connection, &stream, &snapshot).await.err();
                }
                pending.push(Pending::Snapshot(answer));
            }
            Request::Close => {}
        }
    }
    broken.map_or(Ok(()), Err)
}

/// One append in a savepoint. The outer error means that the whole group is lost.
async fn append(
    connection: &mut SqliteConnection,
    stream: &StreamName,
    expected: Expected,
    events: &[NewEvent],
) -> Result<Result<Appended, StoreError>, sqlx::Error> {
    let next: i64 = sqlx::query_scalar("SELECT coalesce(max(revision) + 1, 0) FROM events WHERE stream = ?")
        .bind(stream.as_str())
        .fetch_one(&mut *connection)
        .await?;
    let wanted = match expected {
        Expected::NoStream => 0,
        Expected::Revision(revision) => i64::try_from(revision).unwrap_or(i64::MAX).saturating_add(1),
    };
    if next != wanted {
        return Ok(repeated(connection, stream, wanted, events).await?.ok_or(StoreError::Conflict));
    }
    sqlx::query("SAVEPOINT append").execute(&mut *connection).await?;
    match insert(connection, stream, wanted, events).await {
        Ok(last) => {
            sqlx::query("RELEASE append").execute(&mut *connection).await?;
            let revision = (wanted + i64::try_from(events.len()).unwrap_or(i64::MAX) - 1).unsigned_abs();
            Ok(Ok(Appended { revision, position: Position::single(last.unsigned_abs()) }))
        }
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
            sqlx::query("ROLLBACK TO append").execute(&mut *connection).await?;
            sqlx::query("RELEASE append").execute(&mut *connection).await?;
            Ok(Err(StoreError::Conflict))
        }
        Err(error) => Err(error),
    }
}

/// Inserts the events from revision `from` on and gives the position of the last.
async fn insert(
    connection: &mut SqliteConnection,
    stream: &StreamName,
    from: i64,
    events: &[NewEvent],
) -> Result<i64, sqlx::Error> {
    let mut last = 0;
    let mut revisions = from..;
    for rows in events.chunks(INSERT_ROWS_MAX) {
        let mut insert =
            QueryBuilder::new("INSERT INTO events (category, stream, revision, id, name, data, metadata) ");
        // The rows come first, so that the end of a chunk takes no revision with it.
        insert.push_values(rows.iter().zip(revisions.by_ref()), |mut row, (event, revision)| {
            row.push_bind(stream.category())
                .push_bind(stream.as_str())
                .push_bind(revision)
                .push_bind(event.id)
                .push_bind(event.name)
                .push_bind(&event.data)
                .push_bind(&event.metadata);
        });
        last = insert.build().execute(&mut *connection).await?.last_insert_rowid();
    }
    Ok(last)
}

/// The first answer again, when exactly these events are at this place already.
async fn repeated(
    connection: &mut SqliteConnection,
    stream: &StreamName,
    from: i64,
    events: &[NewEvent],
) -> Result<Option<Appended>, sqlx::Error> {
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let rows = sqlx::query(
        "SELECT id, revision, position FROM events WHERE stream = ? AND revision >= ? ORDER BY revision LIMIT ?",
    )
    .bind(stream.as_str())
    .bind(from)
    .bind(count)
    .fetch_all(&mut *connection)
    .await?;
    let mut ids = Vec::with_capacity(rows.len());
    for row in &rows {
        ids.push(row.try_get::<Uuid, _>("id")?);
    }
    if !ids.iter().eq(events.iter().map(|event| &event.id)) {
        return Ok(None);
    }
    rows.last()
        .map(|row| {
            Ok(Appended {
                revision: row.try_get::<i64, _>("revision")?.unsigned_abs(),
                position: Position::single(row.try_get::<i64, _>("position")?.unsigned_abs()),
            })
        })
        .transpose()
}

async fn save_snapshot(
    connection: &mut SqliteConnection,
    stream: &StreamName,
    snapshot: &Snapshot,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO snapshots (stream, revision, state) VALUES (?, ?, ?)
         ON CONFLICT (stream) DO UPDATE SET revision = excluded.revision, state = excluded.state",
    )
    .bind(stream.as_str())
    .bind(i64::try_from(snapshot.revision).unwrap_or(i64::MAX))
    .bind(&snapshot.state)
    .execute(connection)
    .await?;
    Ok(())
}
