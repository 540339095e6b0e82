//! Samples that a model explains worst: so many of them, or those below a log-density.

use std::cmp::Ordering;

use mixtura::io::Beside;
use ndarray::Array1;

/// Rows that are gathered, beside those that are kept, before the others are let go.
const GATHERED: usize = 1 << 14;

/// A limit of log-densities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Limit {
    LogDensity(f64),
    /// That of all samples below which this share of them lies.
    Share(f64),
}

impl std::str::FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| !number.is_nan());
        let limit = match text.strip_suffix('%') {
            Some(percent) => number(percent).filter(|x| (0.0..=100.0).contains(x)).map(|x| Limit::Share(x / 100.0)),
            None => number(text).map(Limit::LogDensity),
        };
        limit.ok_or_else(|| "not a log-density, such as -20, or a share of the samples, such as 0.1%".to_owned())
    }
}

/// The samples of lowest log-density up to now.
pub(super) struct Lowest {
    n: usize,
    /// A density that all that are kept are below, or equal to, once there are enough.
    limit: f64,
    densities: Vec<f64>,
    beside: Option<Beside>,
}

impl Lowest {
    pub(super) fn new(n: usize) -> Self {
        Lowest { n, limit: f64::INFINITY, densities: Vec::new(), beside: None }
    }

    /// Looks at samples that follow.
    pub(super) fn add(&mut self, densities: &Array1<f64>, beside: &Beside) {
        let enough = self.densities.len() >= self.n;
        // Of equals the first ones stay.
        let is_low = |x: f64| if enough { x < self.limit } else { x <= self.limit };
        let low: Vec<usize> = (0..densities.len()).filter(|row| is_low(densities[*row])).collect();
        // Where none is low, there is at least what columns there are.
        if low.is_empty() && self.beside.is_some() {
            return;
        }
        self.densities.extend(low.iter().map(|row| densities[*row]));
        let more = beside.take(&low);
        match &mut self.beside {
            Some(all) => all.append(more, self.densities.len() - low.len()),
            none => *none = Some(more),
        }
        if self.densities.len() > self.n.saturating_mul(2).max(self.n.saturating_add(GATHERED)) {
            self.let_go();
        }
    }

    /// Keeps the lowest alone, in order.
    fn let_go(&mut self) {
        let mut order: Vec<usize> = (0..self.densities.len()).collect();
        let by_density =
            |a: &usize, b: &usize| -> Ordering { self.densities[*a].total_cmp(&self.densities[*b]).then(a.cmp(b)) };
        order.sort_by(by_density);
        order.truncate(self.n);
        self.densities = order.iter().map(|row| self.densities[*row]).collect();
        self.beside = self.beside.as_ref().map(|beside| beside.take(&order));
        if let Some(last) = self.densities.last().filter(|_| self.densities.len() == self.n) {
            self.limit = *last;
        }
    }

    /// All of them, the lowest first.
    pub(super) fn finish(mut self) -> Option<(Array1<f64>, Beside)> {
        self.let_go();
        Some((Array1::from(self.densities), self.beside?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_density_or_a_share() {
        assert_eq!("-20.5".parse(), Ok(Limit::LogDensity(-20.5)));
        assert_eq!("0.1%".parse(), Ok(Limit::Share(0.001)));
        for text in ["", "x", "%", "101%", "-1%", "nan", "1%%"] {
            assert!(text.parse::<Limit>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_lowest_of_many_chunks_are_those_of_all_and_of_equals_the_first() {
        let all: Vec<f64> = (0..60_001_u64).map(|i| (i.wrapping_mul(2_654_435_761) % 5003) as f64).collect();
        for n in [1, 7, 20_000, 60_001, 70_000] {
            let mut lowest = Lowest::new(n);
            for (i, chunk) in all.chunks(4097).enumerate() {
                let rows: Vec<i64> = (0..chunk.len()).map(|row| (i * 4097 + row) as i64).collect();
                let mut beside = Beside::default();
                beside.rows = Some(rows);
                lowest.add(&Array1::from(chunk.to_vec()), &beside);
            }
            let mut order: Vec<usize> = (0..all.len()).collect();
            order.sort_by(|a, b| all[*a].total_cmp(&all[*b]).then(a.cmp(b)));
            let expected: Vec<i64> = order.into_iter().take(n).map(|row| row as i64).collect();
            let found = lowest.finish().map_or_else(Vec::new, |(_, beside)| beside.rows.unwrap());
            assert_eq!(found, expected, "{n}");
        }
    }
}
