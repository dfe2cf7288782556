//! Versions of the read models: built beside the live one, compared with it, swapped and rolled back, while the log
//! grows and the tables are read.

use crate::support::{Engine, PATIENCE, World, began, rows};
use leafcutter_event_store::EventStore;
use leafcutter_projector::{Progress, Projector, Settings, Until, build, catch_up, compare};
use leafcutter_read_models::{BatchFilter, LiveModels, ReadModels, Version, VersionState, Versions};
use leafcutter_test_servers::Postgres;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Versions in a folder or a database of their own.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    /// Lives as long as its database is used.
    _server: Option<Arc<Postgres>>,
    url: Option<String>,
    pub(crate) versions: Versions,
}

impl Place {
    pub(crate) async fn new(engine: Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Postgres::shared().await),
        };
        let url = match &server {
            None => None,
            Some(server) => Some(server.database().await),
        };
        let versions = match &url {
            None => Versions::open(folder.path()).await.unwrap(),
            Some(url) => Versions::connect(url).await.unwrap(),
        };
        Self { folder, _server: server, url, versions }
    }

    /// Runs this in the tables of version 2, behind everybody's back.
    async fn tamper(&self, statement: &'static str) {
        use sqlx::Connection;
        match &self.url {
            None => {
                let file = format!("sqlite://{}", self.folder.path().join("read-models.2.db").display());
                let mut connection = sqlx::SqliteConnection::connect(&file).await.unwrap();
                sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            Some(url) => {
                let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
                sqlx::raw_sql("SET search_path TO leafcutter_read_models_2")
                    .execute(&mut connection)
                    .await
                    .unwrap();
                sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    /// Builds the next version up to where the log is now.
    pub(crate) async fn built(&self, log: Arc<dyn EventStore>) -> (Version, ReadModels) {
        let right = self.versions.exclusive().await.unwrap().unwrap();
        let version = self.versions.to_build(&right).await.unwrap();
        let models = self.versions.tables(version).await.unwrap();
        let stop = CancellationToken::new();
        assert!(catch_up(log, &models, |_| {}, &stop).await.unwrap());
        self.versions.built(version, &right).await.unwrap();
        (version, models)
    }

    async fn make_live(&self, version: Version) {
        let right = self.versions.exclusive().await.unwrap().unwrap();
        self.versions.make_live(version, &right).await.unwrap();
    }

    async fn states(&self) -> Vec<(u32, VersionState)> {
        let versions = self.versions.list().await.unwrap();
        versions.iter().map(|version| (version.number, version.state)).collect()
    }
}

async fn total(live: &LiveModels, world: &World) -> u64 {
    let models = live.current(world.head().await, PATIENCE).await.unwrap().unwrap();
    models.list(crate::support::ACCOUNT, &BatchFilter::default(), 1, 1).await.unwrap().total
}

pub(crate) async fn a_version_is_built_beside_the_live_one_and_swapped_and_rolled_back(engine: Engine) {
    let (world, place) = (World::new(Engine::Sqlite).await, Place::new(engine).await);
    let mut live = place.versions.follow().await.unwrap();
    let projector = Projector::start(world.log.clone(), live.clone(), Settings::default());
    let batch = world.submit(1, 3).await;
    world.run(batch, 0, 5, true).await;
    assert_eq!(total(&live, &world).await, 1);
    let (second, built) = place.built(world.log.clone()).await;
    assert_eq!(place.states().await, [(1, VersionState::Live), (2, VersionState::Ready)]);
    assert_eq!(rows(&built).await, rows(&live.latest()).await);
    place.make_live(second).await;
    live.changed().await;
    assert_eq!(place.states().await, [(1, VersionState::Previous), (2, VersionState::Live)]);
    world.run(batch, 1, 9, false).await;
    world.submit(2, 1).await;
    assert_eq!(total(&live, &world).await, 2);
    assert_eq!(live.now().batch(batch).await.unwrap(), world.folded(batch).await);
    let first = place.versions.list().await.unwrap()[0];
    let kept = place.versions.tables(first).await.unwrap();
    assert!(kept.checkpoint().await.unwrap() < world.head().await, "it stands where it stood");
    assert!(catch_up(world.log.clone(), &kept, |_| {}, &CancellationToken::new()).await.unwrap());
    place.make_live(first).await;
    live.changed().await;
    world.submit(3, 1).await;
    assert_eq!(total(&live, &world).await, 3);
    assert_eq!(place.states().await, [(1, VersionState::Live), (2, VersionState::Previous)]);
    projector.shutdown().await;
}

pub(crate) async fn an_interrupted_build_goes_on_and_a_finished_one_makes_room_for_the_next(engine: Engine) {
    let (world, place) = (World::new(Engine::Sqlite).await, Place::new(engine).await);
    world.submit(1, 2).await;
    let middle = world.head().await;
    world.submit(2, 2).await;
    let right = place.versions.exclusive().await.unwrap().unwrap();
    let begun = place.versions.to_build(&right).await.unwrap();
    let models = place.versions.tables(begun).await.unwrap();
    let stop = CancellationToken::new();
    build(world.log.clone(), &models, Until::Position(middle), |_| {}, &stop).await.unwrap();
    models.close().await;
    assert!(place.versions.exclusive().await.unwrap().is_none(), "two would build the same version");
    drop(right);
    let (version, models) = place.built(world.log.clone()).await;
    assert_eq!((version.number, models.checkpoint().await.unwrap()), (begun.number, world.head().await));
    models.close().await;
    let (next, _) = place.built(world.log.clone()).await;
    assert_eq!(place.states().await, [(1, VersionState::Live), (next.number, VersionState::Ready)]);
    assert!(next.number > version.number);
}

pub(crate) async fn a_build_that_is_told_to_stop_says_so_and_keeps_what_it_has(engine: Engine) {
    let (world, place) = (World::new(Engine::Sqlite).await, Place::new(engine).await);
    world.submit(1, 2).await;
    let models = place.versions.live().await.unwrap();
    let stop = CancellationToken::new();
    stop.cancel();
    assert!(!catch_up(world.log.clone(), &models, |_| {}, &stop).await.unwrap());
    let mut told = Vec::new();
    let told_to = |progress: Progress| told.push(progress);
    assert!(catch_up(world.log.clone(), &models, told_to, &CancellationToken::new()).await.unwrap());
    let head = world.head().await;
    assert_eq!(told.last().copied(), Some(Progress { events: 3, at: head, goal: head }));
}

pub(crate) async fn a_replay_tells_what_was_so_at_a_position_or_a_time(engine: Engine) {
    let world = World::new(Engine::Sqlite).await;
    let projector = world.project();
    let batch = world.submit(1, 2).await;
    world.run(batch, 0, 5, true).await;
    world.applied().await;
    let (then, expected) = (world.head().await, rows(&world.models).await);
    world.run(batch, 1, 9, true).await;
    world.applied().await;
    projector.shutdown().await;
    let moment = began().plus_millis(8_999);
    for until in [Until::Position(then), Until::Time(moment)] {
        let place = Place::new(engine).await;
        let models = place.versions.live().await.unwrap();
        build(world.log.clone(), &models, until, |_| {}, &CancellationToken::new()).await.unwrap();
        assert_eq!(rows(&models).await, expected, "{until:?}");
    }
}

pub(crate) async fn rows_that_differ_are_named_and_rows_that_moved_on_meanwhile_are_not(engine: Engine) {
    let (world, place) = (World::new(Engine::Sqlite).await, Place::new(engine).await);
    let live = place.versions.follow().await.unwrap();
    let projector = Projector::start(world.log.clone(), live.clone(), Settings::default());
    let batch = world.submit(1, 3).await;
    let (_, built) = place.built(world.log.clone()).await;
    world.run(batch, 0, 5, true).await;
    total(&live, &world).await;
    let stop = CancellationToken::new();
    let same = compare(world.log.clone(), &live.now(), &built, |_| {}, &stop).await.unwrap();
    assert_eq!((same.differing, same.at), (0, world.head().await));
    assert!(same.rows > 4, "{same:?}");
    place.tamper("UPDATE items SET credits = 99 WHERE item = 0; DELETE FROM items WHERE item = 1").await;
    place.tamper("DELETE FROM usage_days").await;
    let differ = compare(world.log.clone(), &live.now(), &built, |_| {}, &stop).await.unwrap();
    let found: Vec<_> = differ.differences.iter().map(|row| (row.table, row.other.is_some())).collect();
    assert_eq!(found, [("items", true), ("items", false), ("usage_days", false)]);
    assert_eq!((differ.differing, differ.rows), (3, same.rows));
    projector.shutdown().await;
}
