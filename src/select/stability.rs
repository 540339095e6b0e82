//! Stability: how much the labels of samples agree under models of other samples, and of one component more.

use std::sync::Arc;

use crate::data::drawn::Level;
use crate::data::pass::pass;
use crate::data::source::Data;
use crate::device::open::Device;
use crate::error::Result;
use crate::model::mixture::Mixture;

/// Labels of so many samples, at most, tell enough: indices of them are exact to a hundredth.
const MOST_SAMPLES: usize = 100_000;

/// A number of components under which a family was fitted: its place, and its model of every fold.
pub(crate) type Fitted = (usize, Vec<Option<Mixture>>);

/// The stability of each place of each family: families have what was fitted, by numbers of components. Places at the
/// ends have one neighbour; those whose fits failed, or that have none, are left out.
///
/// # Errors
/// Those of the data and the device.
pub(crate) fn stabilities(
    data: &Arc<dyn Data + '_>,
    device: &Device,
    seed: u64,
    families: &[Vec<Fitted>],
) -> Result<Vec<(usize, f64)>> {
    let depth = (0..).find(|depth| data.n_samples() >> (2 * depth) <= MOST_SAMPLES).unwrap_or(0);
    let level = match depth {
        0 => None,
        depth => Level::all(data, seed, depth, data.room())?.pop(),
    };
    let samples: Arc<dyn Data + '_> = match level.filter(|level| level.summary().total_weight() > 0.0) {
        Some(level) => level,
        None => data.clone(),
    };
    let mut weights = Vec::new();
    pass(&*samples, &mut |_, chunk| {
        weights.extend((0..chunk.n_samples()).map(|row| chunk.weight(row)));
        Ok(())
    })?;
    let mut backend = device.load_shared(samples)?;
    let mut labels = |models: &[Option<Mixture>]| -> Result<Vec<Option<Labels>>> {
        let of_model = |model: &Option<Mixture>| match model {
            Some(mixture) => {
                let labels = backend.assess(mixture.quadratics(), 0..weights.len())?.labels.to_vec();
                Ok(Some(Labels { labels, n_components: mixture.n_components() }))
            }
            None => Ok(None),
        };
        models.iter().map(of_model).collect()
    };
    let mut stabilities = Vec::new();
    for family in families {
        let mut before: Option<Vec<Option<Labels>>> = None;
        // Between each number of components and the next.
        let mut between = Vec::new();
        for (_, models) in family {
            let own = labels(models)?;
            if let Some(before) = before.replace(own.clone()) {
                between.push(agreement(&before, &own, &weights));
            }
        }
        for (i, (place, _)) in family.iter().enumerate() {
            let beside = [i.checked_sub(1), Some(i)].into_iter().flatten();
            let beside: Vec<f64> = beside.filter_map(|i| between.get(i).copied().flatten()).collect();
            if !beside.is_empty() {
                stabilities.push((*place, beside.iter().sum::<f64>() / beside.len() as f64));
            }
        }
    }
    Ok(stabilities)
}

/// Labels of all samples, and of how many components.
#[derive(Clone)]
struct Labels {
    labels: Vec<usize>,
    n_components: usize,
}

/// The mean index over all pairs of models of different folds: those of the same fold have most in common by where their
/// fits began.
fn agreement(one: &[Option<Labels>], other: &[Option<Labels>], weights: &[f64]) -> Option<f64> {
    let (mut sum, mut n) = (0.0, 0);
    for (i, one) in one.iter().enumerate() {
        for other in other.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, other)| other) {
            let (Some(one), Some(other)) = (one, other) else { return None };
            sum += fowlkes_mallows(one, other, weights);
            n += 1;
        }
    }
    (n > 0).then(|| sum / f64::from(n))
}

/// The index of Fowlkes and Mallows (1983): of the pairs of samples that one labelling puts together, the share that the
/// other does too, and the other way round; the geometric mean of the two. A pair counts by the product of its weights.
fn fowlkes_mallows(one: &Labels, other: &Labels, weights: &[f64]) -> f64 {
    let mut together = vec![0.0; one.n_components * other.n_components];
    for ((i, j), weight) in one.labels.iter().zip(&other.labels).zip(weights) {
        together[i * other.n_components + j] += weight;
    }
    let rows = together.chunks(other.n_components).map(|row| row.iter().sum::<f64>());
    let columns = (0..other.n_components).map(|j| together.iter().skip(j).step_by(other.n_components).sum::<f64>());
    // A sample is no pair with itself.
    let alone: f64 = weights.iter().map(|weight| weight * weight).sum();
    let pairs = |sums: &mut dyn Iterator<Item = f64>| (sums.map(|sum| sum * sum).sum::<f64>() - alone).max(0.0);
    let (both, of_one, of_other) =
        (pairs(&mut together.iter().copied()), pairs(&mut { rows }), pairs(&mut { columns }));
    match (of_one > 0.0, of_other > 0.0) {
        (true, true) => both / (of_one * of_other).sqrt(),
        // Neither puts any two together.
        (false, false) => 1.0,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(labels: &[usize], n_components: usize) -> Labels {
        Labels { labels: labels.to_vec(), n_components }
    }

    #[test]
    fn the_index_counts_pairs_that_are_together() {
        // Of 3 and of 2 pairs together, one: scikit-learn's fowlkes_mallows_score says 0.408.
        let (one, other) = (labels(&[0, 0, 0, 1], 2), labels(&[0, 0, 1, 1], 2));
        let index = fowlkes_mallows(&one, &other, &[1.0; 4]);
        assert!((index - 1.0 / 6f64.sqrt()).abs() < 1e-12, "{index}");
        assert_eq!(index, fowlkes_mallows(&other, &one, &[1.0; 4]));
        // Names of labels do not count, and a sample of no weight neither.
        assert_eq!(fowlkes_mallows(&one, &labels(&[2, 2, 2, 0], 3), &[1.0; 4]), 1.0);
        assert_eq!(fowlkes_mallows(&one, &labels(&[1, 1, 0, 0], 2), &[1.0, 1.0, 0.0, 1.0]), 1.0);
        // All apart.
        assert_eq!(fowlkes_mallows(&labels(&[0, 1], 2), &labels(&[1, 0], 2), &[1.0; 2]), 1.0);
        assert_eq!(fowlkes_mallows(&labels(&[0, 1], 2), &labels(&[0, 0], 1), &[1.0; 2]), 0.0);
    }

    #[test]
    fn models_of_the_same_fold_are_not_compared() {
        let same = Some(labels(&[0, 0, 1, 1], 2));
        let other = Some(labels(&[0, 1, 0, 1], 2));
        let weights = [1.0; 4];
        // Across: 0 with 1 agrees wholly, 1 with 0 not at all.
        let index = agreement(&[same.clone(), other.clone()], &[same.clone(), same.clone()], &weights);
        assert_eq!(index, Some(0.5));
        assert_eq!(agreement(&[same.clone(), None], &[same.clone(), same], &weights), None);
    }
}
