//! Components that collapse, and what is done about them.
//!
//! A component collapses when too few samples are left to it for a covariance of its own, or when its covariance loses rank.
//! It begins anew where the model explains the samples worst, or it is dropped; the others keep what they have.

use std::fmt::{self, Display};
use std::str::FromStr;

use ndarray::{Array1, Array2, ArrayView1, Axis};
use serde::{Deserialize, Serialize};

use crate::backend::Backend;
use crate::covariance::{CovarianceArray, CovarianceType};
use crate::data::Data;
use crate::error::{Error, Result};
use crate::mixture::Mixture;
use crate::moments::Moments;

/// A component begins anew so often in a restart; then it is left as it is or, where it has no covariance, dropped.
const MOST_REPAIRS: usize = 2;

/// Worst-explained samples that are looked at for each component to be placed: some of them may be equal.
const CANDIDATES: usize = 8;

/// What to do about a component that collapses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnCollapse {
    /// Let it begin anew at the samples that the model explains worst, at most twice; then leave it or, where it has no
    /// covariance, drop it.
    #[default]
    Repair,
    /// Go on without it.
    Drop,
    /// End the fit with an error, if it has no covariance.
    Error,
}

impl OnCollapse {
    /// All of them.
    pub const ALL: [OnCollapse; 3] = [OnCollapse::Repair, OnCollapse::Drop, OnCollapse::Error];

    /// Its name, as the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            OnCollapse::Repair => "repair",
            OnCollapse::Drop => "drop",
            OnCollapse::Error => "error",
        }
    }
}

impl Display for OnCollapse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for OnCollapse {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|remedy| remedy.name() == name).ok_or_else(|| Error::InvalidOption {
            name: "what to do about a collapse",
            value: name.to_owned(),
            expected: "repair, drop or error",
        })
    }
}

/// How a component collapsed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Collapse {
    /// Fewer samples than its covariance needs were left to it.
    TooFewSamples {
        /// How many, by their responsibilities.
        samples: f64,
        /// How many it needs.
        needed: usize,
    },
    /// Its covariance is not positive definite.
    NotPositiveDefinite {
        /// The feature at which that was found.
        feature: usize,
    },
}

/// What was done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// It began anew at this sample.
    MovedTo {
        /// The sample's row.
        row: usize,
    },
    /// It was dropped; the numbers of those after it are one less from there on.
    Dropped,
}

/// A component that collapsed, and what was done about it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Repair {
    /// The epoch of the restart, from 1; 0 for its initialisation.
    pub epoch: usize,
    /// The component.
    pub component: usize,
    /// How it collapsed.
    pub collapse: Collapse,
    /// What was done.
    pub remedy: Remedy,
}

impl Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Repair { epoch, component, collapse, remedy } = self;
        match epoch {
            0 => write!(f, "initialisation: ")?,
            epoch => write!(f, "epoch {epoch}: ")?,
        }
        match collapse {
            Collapse::TooFewSamples { samples, needed } => {
                write!(f, "component {component} had {samples:.3} samples of the {needed} that it needs, ")?;
            }
            Collapse::NotPositiveDefinite { feature } => {
                write!(f, "component {component} collapsed along feature {feature}, ")?;
            }
        }
        match remedy {
            Remedy::MovedTo { row } => write!(f, "and began anew at row {row}"),
            Remedy::Dropped => write!(f, "and was dropped"),
        }
    }
}

/// Repairs the M step of an epoch.
pub(crate) struct Repairer<'r> {
    pub(crate) data: &'r dyn Data,
    pub(crate) backend: &'r mut dyn Backend,
    pub(crate) on_collapse: OnCollapse,
    /// Floors of the variances: `[D]`.
    pub(crate) floors: &'r Array1<f64>,
    /// Repairs of the restart so far.
    pub(crate) earlier: &'r [Repair],
    /// The epoch at work.
    pub(crate) epoch: usize,
}

impl Repairer<'_> {
    /// Components that have too few samples and can be helped: none where there are too few for all.
    pub(crate) fn starved(&self, moments: &Moments) -> Vec<(usize, Collapse)> {
        let (k, d) = moments.origins.dim();
        let needed = samples_needed(moments.covariance_type(), d);
        let n_effective = self.data.n_effective();
        // In samples: weights may be in any unit.
        let samples = &moments.counts * (n_effective as f64 / moments.total_weight);
        // To the nearest: posteriors of samples that belong to one component sum to a little less than their number.
        let starved = samples.iter().enumerate().filter(|(_, samples)| samples.round() < needed as f64);
        let starved = starved.map(|(k, &samples)| (k, Collapse::TooFewSamples { samples, needed }));
        match self.on_collapse {
            OnCollapse::Repair if n_effective >= k * needed => {
                starved.filter(|(k, _)| self.may_move(*k, &[])).collect()
            }
            // The samples of one may save the next.
            OnCollapse::Drop if k > 1 => {
                starved.min_by(|a, b| samples[a.0].total_cmp(&samples[b.0])).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// The M step after repairs of starved components, and of those that have no covariance: the next model, and what was
    /// done. The moments are those of all samples under `model`.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] where no repair helps; those of the passes.
    pub(crate) fn maximize(
        mut self,
        model: &Mixture,
        mut moments: Moments,
        starved: &[(usize, Collapse)],
    ) -> Result<(Mixture, Vec<Repair>)> {
        let (mut places, mut repairs) = (None, Vec::new());
        // From the last, so that dropping one renumbers none that is to come.
        let mut collapsed = starved.to_vec();
        loop {
            while let Some((component, collapse)) = collapsed.pop() {
                if let Some(remedy) = self.treat(component, collapse, model, &mut moments, &mut places, &repairs)? {
                    repairs.push(Repair { epoch: self.epoch, component, collapse, remedy });
                }
            }
            match moments.maximize_above(self.floors) {
                Err(Error::NotPositiveDefinite { component: Some(component), feature, .. })
                    if self.on_collapse != OnCollapse::Error && moments.counts.len() > 1 =>
                {
                    collapsed.push((component, Collapse::NotPositiveDefinite { feature }));
                }
                result => return result.map(|mixture| (mixture, repairs)),
            }
        }
    }

    /// Does something about a component; nothing about one that may stay as it is.
    fn treat(
        &mut self,
        component: usize,
        collapse: Collapse,
        model: &Mixture,
        moments: &mut Moments,
        places: &mut Option<Places>,
        now: &[Repair],
    ) -> Result<Option<Remedy>> {
        if self.on_collapse == OnCollapse::Repair && self.may_move(component, now) {
            let places = match places {
                Some(places) => places,
                None => places.insert(self.places(model, CANDIDATES * moments.counts.len())?),
            };
            if let Some((row, sample)) = places.pop() {
                move_to(moments, component, sample.view());
                return Ok(Some(Remedy::MovedTo { row }));
            }
        }
        match collapse {
            Collapse::TooFewSamples { .. } if self.on_collapse == OnCollapse::Repair => Ok(None),
            _ => {
                *moments = without(moments, component);
                Ok(Some(Remedy::Dropped))
            }
        }
    }

    fn may_move(&self, component: usize, now: &[Repair]) -> bool {
        let moves = self.earlier.iter().chain(now).filter(|repair| repair.component == component);
        moves.filter(|repair| repair.remedy != Remedy::Dropped).count() < MOST_REPAIRS
    }

    /// Samples that the model explains worst, no two of them equal, the worst last; none at which a component of the
    /// restart began anew before.
    fn places(&mut self, model: &Mixture, count: usize) -> Result<Places> {
        let is_taken = |row| self.earlier.iter().any(|repair| repair.remedy == Remedy::MovedTo { row });
        let mut worst: Vec<(f64, usize, Array1<f64>)> = Vec::new();
        self.backend.assess_each(model, &mut |start, chunk, assessment| {
            let mut here: Vec<(f64, usize)> = assessment.log_densities.iter().copied().zip(0..).collect();
            here.retain(|(_, row)| chunk.weight(*row) > 0.0 && !is_taken(start + row));
            here.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            here.truncate(count);
            let samples = chunk.select(&here.iter().map(|(_, row)| *row).collect::<Vec<_>>()).to_f64();
            let found = here.iter().zip(samples.outer_iter());
            worst.extend(found.map(|((density, row), sample)| (*density, start + row, sample.to_owned())));
            worst.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            worst.truncate(count);
            Ok(())
        })?;
        // Equal samples have equal densities: they are neighbours.
        worst.dedup_by(|a, b| a.2 == b.2);
        Ok(worst.into_iter().rev().map(|(_, row, sample)| (row, sample)).collect())
    }
}

/// Rows and their samples, `[D]` each.
type Places = Vec<(usize, Array1<f64>)>;

/// Samples that a covariance of a component's own needs.
fn samples_needed(family: CovarianceType, d: usize) -> usize {
    match family {
        CovarianceType::Full => d + 1,
        CovarianceType::Tied => 1,
        CovarianceType::Diag | CovarianceType::Spherical => 2,
    }
}

/// Lets a component begin anew: at a sample, with an average number of samples, and the average covariance.
fn move_to(moments: &mut Moments, component: usize, sample: ArrayView1<f64>) {
    let share = (moments.counts.len() as f64).recip();
    let counts = moments.counts.mapv(|count| if count > 0.0 { count } else { 1.0 });
    let means = &moments.origins + &(&moments.first / &counts.insert_axis(Axis(1)));
    let within = moments.clone().about(&means).second;
    match (&mut moments.second, within) {
        (CovarianceArray::Full(second), CovarianceArray::Full(within)) => {
            second.index_axis_mut(Axis(0), component).assign(&(within.sum_axis(Axis(0)) * share));
        }
        (CovarianceArray::Diag(second), CovarianceArray::Diag(within)) => {
            second.row_mut(component).assign(&(within.sum_axis(Axis(0)) * share));
        }
        (CovarianceArray::Spherical(second), CovarianceArray::Spherical(within)) => {
            second[component] = within.sum() * share;
        }
        // All share one already.
        _ => {}
    }
    moments.counts[component] = moments.counts.sum() * share;
    moments.origins.row_mut(component).assign(&sample);
    moments.first.row_mut(component).fill(0.0);
}

/// The moments of the other components.
fn without(moments: &Moments, component: usize) -> Moments {
    let others: Vec<usize> = (0..moments.counts.len()).filter(|k| *k != component).collect();
    let rows = |array: &Array2<f64>| array.select(Axis(0), &others);
    Moments {
        counts: moments.counts.select(Axis(0), &others),
        origins: rows(&moments.origins),
        first: rows(&moments.first),
        second: match &moments.second {
            CovarianceArray::Full(second) => CovarianceArray::Full(second.select(Axis(0), &others)),
            // What the dropped one had scattered about its own mean is little.
            CovarianceArray::Tied(second) => CovarianceArray::Tied(second.clone()),
            CovarianceArray::Diag(second) => CovarianceArray::Diag(rows(second)),
            CovarianceArray::Spherical(second) => CovarianceArray::Spherical(second.select(Axis(0), &others)),
        },
        ..moments.clone()
    }
}
