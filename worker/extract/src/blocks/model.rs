//! How likely a block is content: a sum of small decision trees over its numbers.
//!
//! The trees are in `model.txt`, written by `training/train.py`; its first line names the numbers in the order
//! of `features`. **Not here:** where the numbers come from, and what likelihood is enough (`choose`).

use std::sync::LazyLock;

static MODEL: LazyLock<Option<Model>> = LazyLock::new(|| Model::read(include_str!("model.txt")));

/// The trees that the program carries; `None` when the file is broken, which a test rules out.
pub(crate) fn get() -> Option<&'static Model> {
    MODEL.as_ref()
}

/// A sum of trees.
pub(crate) struct Model {
    trees: Vec<Vec<Node>>,
}

enum Node {
    /// Goes to `low` when the number is at most `limit`, else to `high`. Both lie behind this node.
    Fork {
        number: usize,
        limit: f32,
        low: usize,
        high: usize,
    },
    Leaf(f32),
}

impl Model {
    /// Reads one tree a line, nodes apart by spaces: `number:limit:low:high` or a leaf's value.
    fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let numbers = lines.next()?.split_whitespace().count();
        let trees = lines.map(|line| Self::read_tree(line, numbers)).collect::<Option<Vec<_>>>()?;
        Some(Self { trees })
    }

    fn read_tree(line: &str, numbers: usize) -> Option<Vec<Node>> {
        let count = line.split_whitespace().count();
        let read = |(place, node): (usize, &str)| {
            let Some((number, rest)) = node.split_once(':') else { return node.parse().ok().map(Node::Leaf) };
            let (limit, rest) = rest.split_once(':')?;
            let (low, high) = rest.split_once(':')?;
            let (number, low, high) = (number.parse().ok()?, low.parse().ok()?, high.parse().ok()?);
            // Forward only, so that no walk can run in a circle.
            let sound = number < numbers && low > place && high > place && low < count && high < count;
            sound.then_some(Node::Fork { number, limit: limit.parse().ok()?, low, high })
        };
        let tree: Vec<Node> = line.split_whitespace().enumerate().map(read).collect::<Option<_>>()?;
        (!tree.is_empty()).then_some(tree)
    }

    /// Between 0 and 1.
    pub(crate) fn likelihood(&self, numbers: &[f32]) -> f32 {
        let sum: f32 = self.trees.iter().map(|tree| leaf(tree, numbers)).sum();
        1.0 / (1.0 + (-sum).exp())
    }
}

fn leaf(tree: &[Node], numbers: &[f32]) -> f32 {
    let mut at = 0;
    loop {
        match tree.get(at) {
            Some(Node::Fork { number, limit, low, high }) => {
                at = if numbers.get(*number).is_some_and(|value| value <= limit) { *low } else { *high };
            }
            Some(Node::Leaf(value)) => return *value,
            None => return 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use dom_query::Document;

    use super::*;
    use crate::blocks::{Blocks, rows};

    #[test]
    fn the_trees_were_trained_on_the_numbers_that_a_block_has() {
        let page = Blocks::of(&Document::from("<body><p>One line</p></body>")).expect("it has text");
        let mut names = Vec::new();
        rows(&page, 0, true, &mut |_, row| names = row.names);
        let mut lines = include_str!("model.txt").lines().filter(|line| !line.starts_with('#'));
        assert_eq!(
            lines.next().map(|line| line.split_whitespace().collect::<Vec<_>>()),
            Some(names.iter().map(String::as_str).collect())
        );
        assert!(get().is_some());
    }

    #[test]
    fn a_tree_sends_a_number_to_its_side() {
        let model = Model::read("a b\n1:0.5:1:2 -2 2\n0.5\n").expect("it is well formed");
        assert!(model.likelihood(&[0.0, 0.5]) < 0.2 && model.likelihood(&[0.0, 0.6]) > 0.9);
    }

    #[test]
    fn a_broken_tree_is_refused() {
        for tree in ["0:1:0:0", "2:1:1:2 0 0", "0:1:1:5 0 0", "0:x:1:2 0 0", "0:1:1 0", ""] {
            assert!(Model::read(&format!("a b\n{tree}\n")).is_none(), "{tree}");
        }
    }
}
