//! The samples that a model explains worst: where components that collapsed begin anew.

use std::collections::HashSet;
use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayView1};
use serde::{Deserialize, Serialize};

use crate::data::points::Points;
use crate::device::assessment::Assessment;
use crate::device::candidates::Candidates;
use crate::device::prune::Prune;
use crate::error::Result;
use crate::model::quadratics::Quadratics;

/// Asks for the samples that a model explains worst.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Worst {
    pub(crate) quadratics: Arc<Quadratics>,
    /// Components that have too few samples. What such samples are worth is told by the others.
    pub(crate) starved: Vec<usize>,
    /// The model without these, if anything is left of it.
    pub(crate) others: Option<Arc<Quadratics>>,
    /// Rows that are not wanted.
    pub(crate) taken: Vec<usize>,
    /// How many samples are wanted.
    pub(crate) count: usize,
    pub(crate) prune: Prune,
    /// The components that may explain a sample, where posteriors are truncated.
    pub(crate) candidates: Option<Arc<Candidates>>,
}

/// Log-densities of samples `[n, D]` under a model: `[n]`.
pub(crate) type Explain<'e> = dyn Fn(Array2<f64>, &Quadratics) -> Result<Array1<f64>> + 'e;

/// Samples that a model explains worst, the worst first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorstSamples {
    pub(crate) samples: Vec<WorstSample>,
    /// How many are wanted.
    count: usize,
}

/// A sample that a model explains badly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct WorstSample {
    /// Its number among all samples.
    pub(crate) row: usize,
    /// `[D]`
    pub(crate) sample: Array1<f64>,
    /// Its component.
    pub(crate) label: usize,
    log_density: f64,
}

impl WorstSamples {
    /// None yet.
    pub(crate) fn new(task: &Worst) -> Self {
        WorstSamples { samples: Vec::new(), count: task.count }
    }

    /// These and those of another part: as many as are wanted.
    pub(crate) fn combine(mut self, other: WorstSamples) -> Self {
        self.samples.extend(other.samples);
        self.thin();
        self
    }

    /// Takes those of a chunk, which begins with the given sample and was assessed under the task's model; `explain`
    /// finds log-densities under another one.
    pub(crate) fn visit(
        &mut self,
        task: &Worst,
        first: usize,
        chunk: &Points,
        assessment: &Assessment,
        explain: &Explain,
    ) -> Result<()> {
        let taken: HashSet<&usize> = task.taken.iter().collect();
        let mut starves = vec![false; task.quadratics.n_components()];
        task.starved.iter().for_each(|component| starves[*component] = true);
        let may_be = |row: &usize| chunk.weight(*row) > 0.0 && (taken.is_empty() || !taken.contains(&(first + row)));
        let is_held = |row: &usize| starves[assessment.labels[*row]];
        let (held, mut free): (Vec<usize>, Vec<usize>) = (0..chunk.n_samples()).filter(may_be).partition(is_held);
        let log_densities = &assessment.log_densities;
        let worse = |a: &usize, b: &usize| log_densities[*a].total_cmp(&log_densities[*b]).then(a.cmp(b));
        if self.count < free.len() {
            free.select_nth_unstable_by(self.count, worse);
            free.truncate(self.count);
        }
        free.sort_unstable_by(worse);
        let found = |rows: &[usize]| -> Vec<WorstSample> {
            let samples = chunk.select(rows).to_f64();
            let found = |(row, sample): (&usize, ArrayView1<f64>)| {
                let label = assessment.labels[*row];
                // What is missing is as in its component.
                let mean = task.quadratics.means().row(label);
                let value = |(x, mean): (&f64, &f64)| if x.is_nan() { *mean } else { *x };
                WorstSample {
                    row: first + row,
                    sample: sample.iter().zip(mean).map(value).collect(),
                    label,
                    log_density: log_densities[*row],
                }
            };
            rows.iter().zip(samples.outer_iter()).map(found).collect()
        };
        let mut held = found(&held);
        if let Some(others) = task.others.as_ref().filter(|_| !held.is_empty()) {
            let samples = Array2::from_shape_fn((held.len(), others.n_features()), |(n, i)| held[n].sample[i]);
            let explained = explain(samples, others)?;
            held.iter_mut().zip(explained).for_each(|(held, log_density)| held.log_density = log_density);
        }
        self.samples.extend(found(&free));
        self.samples.extend(held);
        self.thin();
        Ok(())
    }

    fn thin(&mut self) {
        self.samples.sort_by(|a, b| a.log_density.total_cmp(&b.log_density).then(a.row.cmp(&b.row)));
        self.samples.truncate(self.count);
    }
}
