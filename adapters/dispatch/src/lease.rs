//! Who runs the reactions when several replicas could: the port, and the embedded answer, which is "you". A double
//! owner is waste and no damage, so a lease may be generous about the moment at which it changes hands.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

/// The right to run the reactions, as long as `lost` has not fired. Dropping it gives it back.
pub struct Held {
    lost: CancellationToken,
    /// Whatever the adapter must keep alive meanwhile.
    _keeper: Box<dyn Send + Sync>,
}

impl Held {
    /// Held until `lost` fires; `keeper` is dropped when the lease is given back.
    #[must_use]
    pub fn new(lost: CancellationToken, keeper: Box<dyn Send + Sync>) -> Self {
        Self { lost, _keeper: keeper }
    }

    /// Fires when the lease is no longer ours, or when that is no longer certain.
    #[must_use]
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }
}

/// Hands the reactions to one replica at a time.
#[async_trait]
pub trait Lease: Send + Sync {
    /// Waits until the reactions are ours, however long that takes. Safe to drop while it waits.
    async fn acquire(&self) -> Held;
}

/// The lease where there is one replica only: always granted, never lost.
#[derive(Debug, Clone, Copy, Default)]
pub struct SoleOwner;

#[async_trait]
impl Lease for SoleOwner {
    async fn acquire(&self) -> Held {
        Held::new(CancellationToken::new(), Box::new(()))
    }
}
