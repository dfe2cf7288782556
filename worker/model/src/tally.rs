//! The tokens of an item, counted beside its course, so that they are known also when it is cut off in the middle.

use leafcutter_domain::ModelTokens;
use std::sync::atomic::{AtomicU32, Ordering};

/// Counts the tokens of one item.
#[derive(Debug, Default)]
pub struct Tally {
    input: AtomicU32,
    output: AtomicU32,
}

impl Tally {
    /// What was counted.
    #[must_use]
    pub fn tokens(&self) -> ModelTokens {
        ModelTokens { input: self.input.load(Ordering::Relaxed), output: self.output.load(Ordering::Relaxed) }
    }

    /// Begins again, for the next item.
    pub fn reset(&self) {
        self.input.store(0, Ordering::Relaxed);
        self.output.store(0, Ordering::Relaxed);
    }

    /// Adds a round, up to `most` in all: whatever an endpoint says, an item costs no more than was set aside.
    pub(crate) fn add(&self, round: ModelTokens, most: ModelTokens) {
        let add = |count: &AtomicU32, tokens: u32, most: u32| {
            let sum = count.load(Ordering::Relaxed).saturating_add(tokens).min(most);
            count.store(sum, Ordering::Relaxed);
        };
        add(&self.input, round.input, most.input);
        add(&self.output, round.output, most.output);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_add_up_to_the_most_and_no_further() {
        let (tally, most) = (Tally::default(), ModelTokens { input: 10, output: 5 });
        tally.add(ModelTokens { input: 4, output: 5 }, most);
        tally.add(ModelTokens { input: 4, output: 5 }, most);
        assert_eq!(tally.tokens(), ModelTokens { input: 8, output: 5 });
        tally.add(ModelTokens { input: u32::MAX, output: u32::MAX }, most);
        assert_eq!(tally.tokens(), most);
        tally.reset();
        assert_eq!(tally.tokens(), ModelTokens::default());
    }
}
