//! Credits sorted by the last month in which they may be spent. The monthly allowance is the part that lasts
//! this month only; spending the part that ends first is then the same as spending the allowance first.

use crate::Period;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Credits by their last month. Never holds an empty part.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Funds(BTreeMap<Period, u64>);

impl Funds {
    /// `amount` credits that may be spent up to and in `last`.
    #[must_use]
    pub fn of(last: Period, amount: u64) -> Self {
        let mut funds = Self::default();
        funds.add(last, amount);
        funds
    }

    /// The sum of all parts.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The parts, the one that ends first first.
    pub fn parts(&self) -> impl Iterator<Item = (Period, u64)> {
        self.0.iter().map(|(last, amount)| (*last, *amount))
    }

    /// Adds a part.
    pub fn add(&mut self, last: Period, amount: u64) {
        if amount > 0 {
            *self.0.entry(last).or_default() += amount;
        }
    }

    /// Adds every part of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (last, amount) in other.parts() {
            self.add(last, amount);
        }
    }

    /// Takes `amount` credits out, those that end first first; all there are when there are fewer.
    #[must_use]
    pub fn take_first(&mut self, amount: u64) -> Self {
        self.take(amount, true)
    }

    /// Takes `amount` credits out, those that last longest first; all there are when there are fewer.
    #[must_use]
    pub fn take_last(&mut self, amount: u64) -> Self {
        self.take(amount, false)
    }

    /// The part that may still be spent after `period`.
    #[must_use]
    pub fn lasting_beyond(&self, period: Period) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(last, _)| **last > period)
                .map(|(last, amount)| (*last, *amount))
                .collect(),
        )
    }

    fn take(&mut self, mut amount: u64, first: bool) -> Self {
        let mut taken = Self::default();
        while amount > 0 {
            let entry = if first { self.0.first_entry() } else { self.0.last_entry() };
            let Some(mut entry) = entry else { break };
            let part = (*entry.get()).min(amount);
            taken.add(*entry.key(), part);
            amount -= part;
            *entry.get_mut() -= part;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
        taken
    }
}
