//! What do several rounds come to? The median, and the least and the most beside it.

use crate::rounds::Row;

#[derive(Clone, Copy)]
pub struct Summary {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Row {
    /// The summary of a metric, if any round told it.
    pub fn summary(&self, metric: &str) -> Option<Summary> {
        let told = self.samples.iter().filter_map(|sample| sample.get(metric));
        of(told.copied().collect())
    }

    /// The median of a metric.
    pub fn median(&self, metric: &str) -> Option<f64> {
        self.summary(metric).map(|summary| summary.median)
    }
}

fn of(mut values: Vec<f64>) -> Option<Summary> {
    values.retain(|value| !value.is_nan());
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let median = match values.len() % 2 {
        _ if values.is_empty() => return None,
        0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    };
    Some(Summary {
        median,
        least: values[0],
        most: values[values.len() - 1],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two() {
        let median = |values: &[f64]| of(values.to_vec()).map(|summary| summary.median);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }
}
