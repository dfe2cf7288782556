//! A small chart of numbers in time, drawn with block characters. Pure.

/// Lines of the chart.
const HEIGHT: usize = 5;
/// Columns at most; more tell no more.
const WIDTH_MAX: usize = 100;
/// Eighths of a character, from nothing to all of it.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Lines that draw the values from left to right, at most `width` characters wide with the numbers beside them; none for
/// fewer than two values. The lowest value is still a line, so that nothing looks like zero that is not.
pub(super) fn chart(values: &[u64], width: usize) -> Vec<String> {
    let (Some(&low), Some(&high)) = (values.iter().min(), values.iter().max()) else { return vec![] };
    if values.len() < 2 {
        return vec![];
    }
    let label = high.to_string().len();
    let columns = width.saturating_sub(label + 2).clamp(1, WIDTH_MAX);
    let levels: Vec<usize> = spread(values, columns).iter().map(|&value| level(value, low, high)).collect();
    let lines = (0..HEIGHT).rev().map(|line| {
        let number = match line {
            _ if line + 1 == HEIGHT => high.to_string(),
            0 => low.to_string(),
            _ => String::new(),
        };
        let bars: String = levels.iter().map(|level| BLOCKS[level.saturating_sub(line * 8).min(8)]).collect();
        format!("{number:>label$} ┤{}", bars.trim_end())
    });
    lines.collect()
}

/// The values over this many columns: each several times where there are few, the last of each run where there are many.
fn spread(values: &[u64], columns: usize) -> Vec<u64> {
    let times = (columns / values.len()).max(1);
    let used = columns.min(values.len() * times);
    (0..used).map(|column| values[((column + 1) * values.len()).div_ceil(used) - 1]).collect()
}

/// How many eighths of the chart's height a value reaches: at least one, at most all of them.
fn level(value: u64, low: u64, high: u64) -> usize {
    let (most, range) = ((HEIGHT * 8) as u128, u128::from(high - low));
    if range == 0 {
        return HEIGHT * 4;
    }
    let above = u128::from(value - low) * (most - 1) / range;
    usize::try_from(above).unwrap_or(HEIGHT * 8) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_value_fills_the_height_and_the_lowest_is_still_a_line() {
        let lines = chart(&[10, 90, 50], 8);
        assert_eq!(lines, ["90 ┤ █", "   ┤ █", "   ┤ █▄", "   ┤ ██", "10 ┤▁██"].map(str::to_owned).to_vec());
    }

    #[test]
    fn few_values_are_drawn_broad_and_many_fit_the_width() {
        assert_eq!(spread(&[1, 2], 6), [1, 1, 1, 2, 2, 2]);
        let many: Vec<u64> = (0..1_000).collect();
        let columns = spread(&many, 10);
        assert_eq!((columns.len(), columns[9]), (10, 999));
        for width in [0, 1, 20, 80, 500] {
            let lines = chart(&many, width);
            assert!(lines.iter().all(|line| line.chars().count() <= width.max(6)), "{width}");
        }
    }

    #[test]
    fn a_balance_that_stays_is_a_flat_chart_and_a_single_one_is_none() {
        assert_eq!(chart(&[7, 7], 5)[2..], ["  ┤▄▄", "  ┤██", "7 ┤██"].map(str::to_owned));
        assert!(chart(&[7], 80).is_empty() && chart(&[], 80).is_empty());
        assert_eq!(chart(&[0, u64::MAX], 30).len(), HEIGHT);
    }
}
