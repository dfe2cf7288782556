//! The statements about versions. Compiled once for each engine, whose types are in the parent module.

use super::{Pool, WRITE};
use crate::{
    ReadModelError,
    text::{from_number, from_word, word},
    versions::{Version, VersionState},
};
use leafcutter_domain::Moment;
use sqlx::Row as _;

/// Enters the first version where there is none.
pub(crate) async fn begin(pool: &Pool, now: Moment) -> Result<(), ReadModelError> {
    let statement = "INSERT INTO versions (version, state, made_at) SELECT 1, 'live', $1
         WHERE NOT EXISTS (SELECT 1 FROM versions) ON CONFLICT (version) DO NOTHING";
    sqlx::query(statement).bind(now.millis()).execute(pool).await?;
    Ok(())
}

pub(crate) async fn list(pool: &Pool) -> Result<Vec<Version>, ReadModelError> {
    let rows =
        sqlx::query("SELECT version, state, made_at FROM versions ORDER BY version").fetch_all(pool).await?;
    let read = rows.iter().map(|row| {
        Ok(Version {
            number: from_number("version", row.try_get("version")?)?,
            state: from_word("state", row.try_get("state")?)?,
            made_at: Moment::from_millis(row.try_get("made_at")?),
        })
    });
    read.collect()
}

pub(crate) async fn live(pool: &Pool) -> Result<u32, ReadModelError> {
    let version =
        sqlx::query_scalar("SELECT version FROM versions WHERE state = 'live'").fetch_one(pool).await?;
    from_number("version", version)
}

pub(crate) async fn add(pool: &Pool, version: &Version) -> Result<(), ReadModelError> {
    sqlx::query("INSERT INTO versions (version, state, made_at) VALUES ($1, $2, $3)")
        .bind(i64::from(version.number))
        .bind(word(&version.state)?)
        .bind(version.made_at.millis())
        .execute(pool)
        .await?;
    Ok(())
}

pub(crate) async fn set_state(pool: &Pool, number: u32, state: VersionState) -> Result<(), ReadModelError> {
    sqlx::query("UPDATE versions SET state = $2 WHERE version = $1")
        .bind(i64::from(number))
        .bind(word(&state)?)
        .execute(pool)
        .await?;
    Ok(())
}

/// At no moment is there none, or more than one, that is live.
pub(crate) async fn make_live(pool: &Pool, number: u32) -> Result<(), ReadModelError> {
    let mut transaction = pool.begin_with(WRITE).await?;
    sqlx::query("UPDATE versions SET state = 'previous' WHERE state = 'live'")
        .execute(&mut *transaction)
        .await?;
    sqlx::query("UPDATE versions SET state = 'live' WHERE version = $1")
        .bind(i64::from(number))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

pub(crate) async fn remove(pool: &Pool, number: u32) -> Result<(), ReadModelError> {
    sqlx::query("DELETE FROM versions WHERE version = $1").bind(i64::from(number)).execute(pool).await?;
    Ok(())
}
