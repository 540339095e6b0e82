//! Copies of chosen samples, from all parts of the data.

use ndarray::{Array1, Array2, Axis, concatenate};
use serde::{Deserialize, Serialize};

use crate::data::points::Points;
use crate::error::{Error, Result};

/// Copies of samples, as f64.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chosen(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Piece {
    /// Number of its first sample among those chosen.
    first: usize,
    /// `[n, D]`
    samples: Array2<f64>,
    /// `[n]`
    weights: Option<Array1<f64>>,
}

/// Takes the chosen samples out of the chunks that pass by.
pub(crate) struct Choosing<'t> {
    places: &'t [usize],
    /// Samples of positive weight that passed by, those of the parts before included.
    passed: usize,
    pieces: Vec<Piece>,
}

impl<'t> Choosing<'t> {
    /// The places are among samples of positive weight, of which so many lie in the parts before.
    pub(crate) fn new(places: &'t [usize], before: usize) -> Self {
        Choosing { places, passed: before, pieces: Vec::new() }
    }

    pub(crate) fn visit(&mut self, chunk: &Points) {
        let effective = chunk.n_effective();
        let first = self.places.partition_point(|place| *place < self.passed);
        let end = self.places.partition_point(|place| *place < self.passed + effective);
        let places = self.places[first..end].iter().map(|place| place - self.passed);
        let rows: Vec<usize> = match chunk.weights() {
            Some(weights) if effective < chunk.n_samples() => {
                let positive: Vec<usize> = (0..weights.len()).filter(|&row| weights[row] > 0.0).collect();
                places.map(|place| positive[place]).collect()
            }
            _ => places.collect(),
        };
        self.passed += effective;
        if !rows.is_empty() {
            let chosen = chunk.select(&rows);
            let weights = chosen.weights().map(|weights| weights.to_owned());
            self.pieces.push(Piece { first, samples: chosen.to_f64(), weights });
        }
    }

    pub(crate) fn finish(self) -> Chosen {
        Chosen(self.pieces)
    }
}

impl Chosen {
    /// These and those of another part.
    pub(crate) fn combine(mut self, other: Chosen) -> Self {
        self.0.extend(other.0);
        self
    }

    /// All of them in order.
    ///
    /// # Errors
    /// [`Error::Parts`] unless there are as many as were chosen, of D features, with or without weights; values that are
    /// not finite may be missing, where that is said.
    pub(crate) fn into_points(mut self, count: usize, d: usize, may_lack: bool) -> Result<Points<'static>> {
        self.0.sort_by_key(|piece| piece.first);
        let mut next = 0;
        for piece in &self.0 {
            if piece.first != next {
                return Err(Error::Parts { problem: format!("chosen sample {next} is in no part, or in two") });
            }
            let (n, weights) = (piece.samples.nrows(), piece.weights.as_ref());
            let is_finite = piece.samples.iter().all(|x| x.is_finite() || may_lack && x.is_nan())
                && weights.into_iter().flatten().all(|x| x.is_finite());
            if piece.samples.ncols() != d || weights.is_some_and(|weights| weights.len() != n) || !is_finite {
                return Err(Error::Parts { problem: format!("chosen sample {next} is no sample of these data") });
            }
            next += n;
        }
        if next != count {
            return Err(Error::Parts { problem: format!("of {count} samples that were chosen, {next} were found") });
        }
        let samples: Vec<_> = self.0.iter().map(|piece| piece.samples.view()).collect();
        let samples = concatenate(Axis(0), &samples).map_err(|error| Error::Parts { problem: error.to_string() })?;
        let weights: Option<Vec<&Array1<f64>>> = self.0.iter().map(|piece| piece.weights.as_ref()).collect();
        let weights: Option<Array1<f64>> = weights.map(|weights| weights.into_iter().flatten().copied().collect());
        Ok(Points::trusted(samples, weights, None))
    }
}
