//! Cookies in the memory of this process, wiped when they are dropped. A restart forgets them, by intent.

use crate::{SecretName, Secrets, SecretsError};
use async_trait::async_trait;
use leafcutter_dispatch::Cookies;
use leafcutter_domain::{BatchId, Moment};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Batches whose cookies are held at a time; at 16 KiB each this stays far under 1 GiB.
const HELD_MAX: usize = 20_000;

struct Held {
    cookies: Cookies,
    end: Option<Moment>,
}

/// Cookies in memory.
#[derive(Default)]
pub struct InMemorySecrets(Mutex<HashMap<SecretName, Held>>);

impl InMemorySecrets {
    fn lock(&self) -> MutexGuard<'_, HashMap<SecretName, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Secrets for InMemorySecrets {
    async fn keep(&self, name: SecretName, cookies: Cookies) -> Result<(), SecretsError> {
        let mut held = self.lock();
        if held.len() >= HELD_MAX && !held.contains_key(&name) {
            return Err(SecretsError::Full(HELD_MAX));
        }
        held.insert(name, Held { cookies, end: None });
        Ok(())
    }

    async fn find(&self, name: &SecretName) -> Result<Option<Cookies>, SecretsError> {
        Ok(self.lock().get(name).map(|held| held.cookies.clone()))
    }

    async fn forget_at(&self, batch: BatchId, end: Option<Moment>) -> Result<(), SecretsError> {
        for (_, held) in self.lock().iter_mut().filter(|(name, _)| name.batch == batch) {
            held.end = end;
        }
        Ok(())
    }

    async fn forget(&self, name: &SecretName) {
        self.lock().remove(name);
    }

    async fn erase_expired(&self, now: Moment) {
        self.lock().retain(|_, held| held.end.is_none_or(|end| now < end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn name() -> SecretName {
        SecretName { batch: BatchId(Uuid::nil()), request: None }
    }

    #[tokio::test]
    async fn cookies_are_erased_when_their_time_has_come() {
        let secrets = InMemorySecrets::default();
        secrets.keep(name(), Cookies::new("a=b".to_owned())).await.unwrap();
        secrets.erase_expired(Moment::from_millis(i64::MAX)).await;
        assert!(secrets.find(&name()).await.unwrap().is_some(), "without an end they stay");
        secrets.forget_at(name().batch, Some(Moment::from_millis(10))).await.unwrap();
        secrets.erase_expired(Moment::from_millis(9)).await;
        assert!(secrets.find(&name()).await.unwrap().is_some());
        secrets.erase_expired(Moment::from_millis(10)).await;
        assert!(secrets.find(&name()).await.unwrap().is_none());
    }

    #[test]
    fn cookies_are_not_printed() {
        assert!(!format!("{:?}", Cookies::new("session=SECRET".to_owned())).contains("SECRET"));
    }
}
