//! Read models that were written while everything died around them are those that a quiet replay writes.

use crate::harness::{Cluster, PATIENCE, eventually};
use leafcutter_read_models::ReadModels;

/// Writes read models anew from the log and fails the test unless they are equal to the living ones, row by row. The
/// log must be at rest.
pub(super) async fn equals_the_living_rows(cluster: &mut Cluster) {
    let database = cluster.postgres.database().await;
    let mut projector = cluster.another_projector(&database);
    projector.start().await;
    projector.ready().await;
    let living = ReadModels::connect(&cluster.database).await.unwrap();
    let replayed = ReadModels::connect(&database).await.unwrap();
    let caught_up =
        async || (living.checkpoint().await.ok()? == replayed.checkpoint().await.ok()?).then_some(());
    eventually("both read models are at the end of the log", PATIENCE, caught_up).await;
    let (living_rows, replayed_rows) = (rows(&living).await, rows(&replayed).await);
    assert!(!living_rows.is_empty());
    let only_in = |ours: &[String], theirs: &[String]| {
        ours.iter().filter(|row| !theirs.contains(row)).cloned().collect::<Vec<_>>()
    };
    let differences = (only_in(&living_rows, &replayed_rows), only_in(&replayed_rows, &living_rows));
    assert_eq!(
        differences,
        (vec![], vec![]),
        "rows that only the living or only the replayed read models have"
    );
    assert_eq!(living_rows, replayed_rows, "the rows are the same, but not their order or number");
    living.close().await;
    replayed.close().await;
    projector.stop().await;
}

async fn rows(models: &ReadModels) -> Vec<String> {
    let mut rows = Vec::new();
    models.each_row(|row| rows.push(row)).await.unwrap();
    rows
}
