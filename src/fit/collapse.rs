//! Components that collapse, and what is done about them.
//!
//! A component collapses when too few samples are left to it for a covariance of its own, or when its covariance loses rank.
//! It begins anew where the model explains the samples worst, or it is dropped; the others keep what they have.

use std::cmp::Ordering;
use std::fmt::{self, Display};
use std::str::FromStr;

use ndarray::{Array1, Array2, ArrayView1, Axis};
use serde::{Deserialize, Serialize};

use crate::data::Data;
use crate::data::points::Points;
use crate::device::backend::Backend;
use crate::device::cpu::CpuBackend;
use crate::error::{Error, Result};
use crate::model::covariance::CovarianceType;
use crate::model::mixture::Mixture;
use crate::model::moments::Moments;

/// A component begins anew so often in a restart; then it is left as it is or, where it has no covariance, dropped.
const MOST_REPAIRS: usize = 2;

/// Worst-explained samples that are looked at for each component to be placed: some of them may be equal.
const CANDIDATES: usize = 8;

/// What to do about a component that collapses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnCollapse {
    /// Let it begin anew at the samples that the model explains worst, at most twice; then leave it or, where it has no
    /// covariance, drop it. One that alone explains such a sample stays where it is.
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
    /// It stays where it is: it has this sample, which no other component would explain.
    KeptAt {
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

impl Repair {
    /// Whether the component is not what an epoch without repairs had made of it.
    pub(crate) fn changes_model(&self) -> bool {
        !matches!(self.remedy, Remedy::KeptAt { .. })
    }
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
            Remedy::KeptAt { row } => write!(f, "and stays, for no other would explain row {row}"),
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
        let n_effective = self.data.summary().n_effective();
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
                let case = Case { component, collapse, model, starved, now: &repairs };
                if let Some(remedy) = self.treat(&case, &mut moments, &mut places)? {
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
    fn treat(&mut self, case: &Case, moments: &mut Moments, places: &mut Option<Vec<Place>>) -> Result<Option<Remedy>> {
        let Case { component, collapse, model, starved, now } = *case;
        if self.on_collapse == OnCollapse::Repair && self.may_move(component, now) {
            let starved: Vec<usize> = starved.iter().map(|(component, _)| *component).collect();
            let places = match places {
                Some(places) => places,
                None => places.insert(self.places(model, &starved, CANDIDATES * moments.counts.len())?),
            };
            let starves = matches!(collapse, Collapse::TooFewSamples { .. });
            // Not one that another starved component has, which is to be asked for it.
            let mine = |place: &Place| starves && place.label == component;
            let found = places.iter().rposition(|place| mine(place) || !starved.contains(&place.label));
            if let Some(place) = found.map(|i| places.remove(i)) {
                if mine(&place) {
                    return Ok(Some(Remedy::KeptAt { row: place.row }));
                }
                move_to(moments, component, place.sample.view());
                return Ok(Some(Remedy::MovedTo { row: place.row }));
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
        let mut repairs = self.earlier.iter().chain(now).filter(|repair| repair.component == component);
        let moves = repairs.clone().filter(|repair| matches!(repair.remedy, Remedy::MovedTo { .. })).count();
        moves < MOST_REPAIRS && repairs.all(Repair::changes_model)
    }

    /// Samples that the model explains worst without its starved components, no two of them equal, the worst last; none at
    /// which a component of the restart began anew before.
    fn places(&mut self, model: &Mixture, starved: &[usize], count: usize) -> Result<Vec<Place>> {
        let is_taken = |row| self.earlier.iter().any(|repair| repair.remedy == Remedy::MovedTo { row });
        let others = without_components(model, starved)?;
        let mut worst: Vec<Place> = Vec::new();
        self.backend.assess_each(model, &mut |start, chunk, assessment| {
            let may_be = |row: &usize| chunk.weight(*row) > 0.0 && !is_taken(start + row);
            let is_held = |row: &usize| starved.contains(&assessment.labels[*row]);
            let (held, mut free): (Vec<usize>, Vec<usize>) = (0..chunk.n_samples()).filter(may_be).partition(is_held);
            let log_densities = &assessment.log_densities;
            free.sort_unstable_by(|a, b| log_densities[*a].total_cmp(&log_densities[*b]).then(a.cmp(b)));
            free.truncate(count);
            let places = |rows: &[usize]| -> Vec<Place> {
                let samples = chunk.select(rows).to_f64();
                let place = |(row, sample): (&usize, ArrayView1<f64>)| Place {
                    row: start + row,
                    sample: sample.to_owned(),
                    label: assessment.labels[*row],
                    log_density: log_densities[*row],
                };
                rows.iter().zip(samples.outer_iter()).map(place).collect()
            };
            let mut held = places(&held);
            explain_by(others.as_ref(), &mut held)?;
            worst.extend(places(&free));
            worst.extend(held);
            worst.sort_by(Place::by_density);
            worst.truncate(count);
            Ok(())
        })?;
        // Equal samples have equal densities: they are neighbours.
        worst.dedup_by(|a, b| a.sample == b.sample);
        worst.reverse();
        Ok(worst)
    }
}

/// A component that collapsed.
#[derive(Clone, Copy)]
struct Case<'c> {
    component: usize,
    collapse: Collapse,
    model: &'c Mixture,
    /// All that starve.
    starved: &'c [(usize, Collapse)],
    /// Repairs of this epoch so far.
    now: &'c [Repair],
}

/// A sample at which a component may begin anew.
struct Place {
    row: usize,
    /// `[D]`
    sample: Array1<f64>,
    /// Its component.
    label: usize,
    log_density: f64,
}

impl Place {
    fn by_density(a: &Self, b: &Self) -> Ordering {
        a.log_density.total_cmp(&b.log_density).then(a.row.cmp(&b.row))
    }
}

/// The mixture without some of its components; `None` where none is left.
fn without_components(model: &Mixture, components: &[usize]) -> Result<Option<Mixture>> {
    let others: Vec<usize> = (0..model.n_components()).filter(|component| !components.contains(component)).collect();
    if others.is_empty() || components.is_empty() {
        return Ok(None);
    }
    let weights = model.weights().select(Axis(0), &others);
    let total = weights.sum();
    if total <= 0.0 {
        return Ok(None);
    }
    Mixture::new(weights / total, model.means().select(Axis(0), &others), model.covariances().select(&others)).map(Some)
}

/// Finds the log-densities that samples of starved components have without these.
fn explain_by(others: Option<&Mixture>, held: &mut [Place]) -> Result<()> {
    let Some(others) = others.filter(|_| !held.is_empty()) else { return Ok(()) };
    let samples = Array2::from_shape_fn((held.len(), others.n_features()), |(n, i)| held[n].sample[i]);
    let samples = Points::trusted(samples, None::<Array1<f64>>, None);
    let log_densities = CpuBackend::new(&samples).assess(others, 0..held.len())?.log_densities;
    held.iter_mut().zip(log_densities).for_each(|(place, log_density)| place.log_density = log_density);
    Ok(())
}

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
    let about_means = moments.clone().about(&means);
    let within = about_means.second.clone();
    if moments.covariance_type() == CovarianceType::Tied {
        // What the component had scattered about its old origin is no part of what all share.
        *moments = about_means;
    }
    moments.second.set_share(component, &within, share);
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
        // Where all share one, what the dropped one had scattered about its own mean is little.
        second: moments.second.select(&others),
        ..moments.clone()
    }
}
