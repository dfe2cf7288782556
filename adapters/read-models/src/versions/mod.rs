//! Versions of the read models: one is read, another may be built beside it or be kept from before. Which is which
//! stands in a table of its own, beside the versions. Not here: what fills a version (`projector`).

mod live;
mod place;

pub use live::LiveModels;
pub use place::Exclusive;

use crate::{ReadModelError, ReadModels};
use leafcutter_domain::Moment;
use place::Place;
use serde::{Deserialize, Serialize};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// How long a version that is live no more stays at least: far longer than it takes everybody to look up which one is,
/// and to end a question.
const LEAVE_MS: u64 = 2_000;

/// What a version is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VersionState {
    /// It is being built, or its build was interrupted.
    Building,
    /// It is built and can be made live.
    Ready,
    /// It is read, and follows the log.
    Live,
    /// It was live before and stands where it stood then.
    Previous,
}

/// A version of the read models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// From 1; each build has a higher one.
    pub number: u32,
    /// What it is for.
    pub state: VersionState,
    /// When its build began.
    pub made_at: Moment,
}

/// The versions of the read models in one place. Clones share the same connections.
#[derive(Clone)]
pub struct Versions {
    place: Arc<Place>,
}

impl std::fmt::Debug for Versions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Versions").finish_non_exhaustive()
    }
}

impl Versions {
    /// The versions whose files are in this folder.
    ///
    /// # Errors
    /// The folder cannot be written, or another version's service has written there.
    pub async fn open(folder: &Path) -> Result<Self, ReadModelError> {
        Self::begin(Place::open(folder).await?).await
    }

    /// The versions in the PostgreSQL database at this `postgres://` address, each in a schema of its own.
    ///
    /// # Errors
    /// The server cannot be reached ([`ReadModelError::is_passing`]), the text is no address, or another version's
    /// service has written there.
    pub async fn connect(url: &str) -> Result<Self, ReadModelError> {
        Self::begin(Place::connect(url).await?).await
    }

    async fn begin(place: Place) -> Result<Self, ReadModelError> {
        place.begin(now()).await?;
        Ok(Self { place: Arc::new(place) })
    }

    /// All versions, oldest first: the live one, and at most one other.
    ///
    /// # Errors
    /// The registry cannot be read.
    pub async fn list(&self) -> Result<Vec<Version>, ReadModelError> {
        self.place.list().await
    }

    /// The live version as it changes, for those who read it or keep it true. `changed` is told within a second.
    ///
    /// # Errors
    /// The tables cannot be opened.
    pub async fn follow(&self) -> Result<LiveModels, ReadModelError> {
        LiveModels::follow(Arc::clone(&self.place)).await
    }

    /// The tables of the live version, now.
    ///
    /// # Errors
    /// The tables cannot be opened.
    pub async fn live(&self) -> Result<ReadModels, ReadModelError> {
        self.place.tables(self.place.live().await?).await
    }

    /// The tables of a version; made when they are missing.
    ///
    /// # Errors
    /// The tables cannot be opened.
    pub async fn tables(&self, version: Version) -> Result<ReadModels, ReadModelError> {
        self.place.tables(version.number).await
    }

    /// The right to change versions, which one process has at a time. `None` when another has it.
    ///
    /// # Errors
    /// It cannot be asked for.
    pub async fn exclusive(&self) -> Result<Option<Exclusive>, ReadModelError> {
        self.place.exclusive().await
    }

    /// The version to build into: the unfinished one, else a new one in place of whichever is not live.
    ///
    /// # Errors
    /// The registry or the tables cannot be written.
    pub async fn to_build(&self, _right: &Exclusive) -> Result<Version, ReadModelError> {
        let versions = self.list().await?;
        let is = |state| move |version: &&Version| version.state == state;
        if let Some(unfinished) = versions.iter().find(is(VersionState::Building)) {
            return Ok(*unfinished);
        }
        for other in versions.iter().filter(|version| version.state != VersionState::Live) {
            // Unlisted first: what is left of tables that nobody lists is dropped with the next of that number.
            self.place.remove(other.number).await?;
            self.place.drop_tables(other.number).await?;
        }
        let number = versions.iter().map(|version| version.number).max().unwrap_or_default() + 1;
        self.place.drop_tables(number).await?;
        let version = Version { number, state: VersionState::Building, made_at: now() };
        self.place.add(&version).await?;
        Ok(version)
    }

    /// Says that a version is built.
    ///
    /// # Errors
    /// The registry cannot be written.
    pub async fn built(&self, version: Version, _right: &Exclusive) -> Result<(), ReadModelError> {
        self.place.set_state(version.number, VersionState::Ready).await
    }

    /// Makes this version the one that is read; the one before is kept as the previous one. It should be as far as the
    /// live one, or lists wait until it is. Returns when everybody has had the time to leave the version before: whoever
    /// has the right next may drop it.
    ///
    /// # Errors
    /// The registry cannot be written.
    pub async fn make_live(&self, version: Version, _right: &Exclusive) -> Result<(), ReadModelError> {
        self.place.make_live(version.number).await?;
        tokio::time::sleep(Duration::from_millis(LEAVE_MS)).await;
        Ok(())
    }
}

fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
