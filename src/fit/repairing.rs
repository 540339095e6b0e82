//! The repair of an M step: components that collapsed begin anew where the model explains the samples worst, or are
//! dropped.

use std::collections::HashSet;
use std::sync::Arc;

use ndarray::Axis;

use crate::device::candidates::Candidates;
use crate::device::prune::Prune;
use crate::device::task::Task;
use crate::device::worst::{Worst, WorstSample, WorstSamples};
use crate::error::{Error, Result};
use crate::fit::collapse::{Collapse, OnCollapse, Remedy, Repair};
use crate::model::m_step::MStep;
use crate::model::mixture::Mixture;
use crate::model::moments::Moments;
use crate::model::quadratics::Quadratics;

/// How often a component may begin anew in a restart. After that it is kept, or dropped if it has no covariance.
const MOST_REPAIRS: usize = 2;

/// Worst-explained samples that are looked at for each component to be placed: some of them may be equal.
const CANDIDATES: usize = 8;

/// Components that have too few samples and can be helped: none where there are too few for all. `earlier` are the
/// repairs of the restart so far.
pub(crate) fn starved(
    moments: &Moments,
    n_effective: usize,
    on_collapse: OnCollapse,
    earlier: &[Repair],
) -> Vec<(usize, Collapse)> {
    let (k, d) = moments.origins.dim();
    let needed = moments.covariance_type().samples_needed(d);
    // In samples: weights may be in any unit.
    let samples = &moments.counts * (n_effective as f64 / moments.total_weight);
    // To the nearest: posteriors of samples that belong to one component sum to a little less than their number.
    let starved = samples.iter().enumerate().filter(|(_, samples)| samples.round() < needed as f64);
    let starved = starved.map(|(k, &samples)| (k, Collapse::TooFewSamples { samples, needed }));
    match on_collapse {
        OnCollapse::Repair if n_effective >= k * needed => {
            starved.filter(|(k, _)| may_move(*k, earlier.iter())).collect()
        }
        // The samples of one may save the next.
        OnCollapse::Drop if k > 1 => starved.min_by(|a, b| samples[a.0].total_cmp(&samples[b.0])).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn may_move<'r>(component: usize, repairs: impl Iterator<Item = &'r Repair> + Clone) -> bool {
    let mut repairs = repairs.filter(|repair| repair.component == component);
    let moves = repairs.clone().filter(|repair| matches!(repair.remedy, Remedy::MovedTo { .. })).count();
    moves < MOST_REPAIRS && repairs.all(Repair::changes_model)
}

/// An M step at work, whose collapsed components are repaired.
#[derive(Debug, Clone)]
pub(crate) struct Repairing {
    /// The model whose moments are solved, and what is left of it without its starved components.
    model: Arc<Quadratics>,
    others: Option<Arc<Quadratics>>,
    moments: Moments,
    starved: HashSet<usize>,
    /// Components that are still to be treated.
    collapsed: Vec<(usize, Collapse)>,
    repairs: Vec<Repair>,
    /// Samples at which components may begin anew, the worst first; `None` until they were asked for.
    places: Option<Vec<WorstSample>>,
    epoch: usize,
}

/// How a restart repairs.
#[derive(Clone, Copy)]
pub(crate) struct Manner<'m> {
    pub(crate) on_collapse: OnCollapse,
    pub(crate) m_step: &'m MStep,
    /// The model before, whose frozen parameters stay, if there is one.
    pub(crate) before: Option<&'m Mixture>,
    /// Repairs of the restart so far.
    pub(crate) earlier: &'m [Repair],
    pub(crate) prune: Prune,
    /// Those of the samples, where posteriors are truncated.
    pub(crate) candidates: Option<&'m Arc<Candidates>>,
}

/// Where a repair stands.
pub(crate) enum Outcome {
    /// It needs the answer to a task.
    Wants(Task),
    /// The next model, and what was done.
    Done(Mixture, Vec<Repair>),
}

impl Repairing {
    /// The repair of an epoch. The moments are those of all samples under the mixture.
    ///
    /// # Errors
    /// Those of a mixture.
    pub(crate) fn of_epoch(
        mixture: &Mixture,
        moments: Moments,
        starved: Vec<(usize, Collapse)>,
        epoch: usize,
    ) -> Result<Self> {
        let components: Vec<usize> = starved.iter().map(|(component, _)| *component).collect();
        let others = without_components(mixture, &components)?.map(|others| others.quadratics().clone());
        // From the last, so that dropping one renumbers none that is to come.
        Ok(Repairing {
            others,
            collapsed: starved,
            starved: components.into_iter().collect(),
            ..Self::of_start(mixture.quadratics(), moments, epoch)
        })
    }

    /// The repair of a start whose moments were made by any model.
    pub(crate) fn of_start(model: &Arc<Quadratics>, moments: Moments, epoch: usize) -> Self {
        let (starved, collapsed, repairs) = Default::default();
        Repairing { model: model.clone(), others: None, moments, starved, collapsed, repairs, places: None, epoch }
    }

    /// Takes the worst samples, of D features: no two of them equal.
    ///
    /// # Errors
    /// [`Error::Parts`] for samples that are none.
    pub(crate) fn take(&mut self, worst: WorstSamples, d: usize) -> Result<()> {
        let mut worst = worst.samples;
        let is_sample = |found: &WorstSample| found.sample.len() == d && found.sample.iter().all(|x| x.is_finite());
        if !worst.iter().all(is_sample) {
            return Err(Error::Parts { problem: "some of the worst samples are no samples of these data".to_owned() });
        }
        // Equal samples have equal densities: they are neighbours.
        worst.dedup_by(|a, b| a.sample == b.sample);
        worst.reverse();
        self.places = Some(worst);
        Ok(())
    }

    /// Goes on until the M step is done, or samples are needed.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] where no repair helps.
    pub(crate) fn go_on(&mut self, manner: Manner) -> Result<Outcome> {
        loop {
            while let Some((component, collapse)) = self.collapsed.pop() {
                match self.treat(manner, component, collapse) {
                    Treatment::Wants(task) => {
                        self.collapsed.push((component, collapse));
                        return Ok(Outcome::Wants(task));
                    }
                    Treatment::Remedy(remedy) => {
                        self.repairs.push(Repair { share: 1, epoch: self.epoch, component, collapse, remedy });
                    }
                    Treatment::Nothing => {}
                }
            }
            let solved = match manner.before {
                Some(before) if before.n_components() == self.moments.counts.len() => {
                    manner.m_step.solve_from(before, &self.moments)
                }
                _ => manner.m_step.solve(&self.moments),
            };
            match solved {
                Err(Error::NotPositiveDefinite { component: Some(component), feature, .. })
                    if manner.on_collapse != OnCollapse::Error && self.moments.counts.len() > 1 =>
                {
                    self.collapsed.push((component, Collapse::NotPositiveDefinite { feature }));
                }
                result => return result.map(|mixture| Outcome::Done(mixture, std::mem::take(&mut self.repairs))),
            }
        }
    }

    /// Does something about a component; nothing about one that may stay as it is.
    fn treat(&mut self, manner: Manner, component: usize, collapse: Collapse) -> Treatment {
        if manner.on_collapse == OnCollapse::Repair && may_move(component, manner.earlier.iter().chain(&self.repairs)) {
            let starves = matches!(collapse, Collapse::TooFewSamples { .. });
            // Not one that another starved component has, which is to be asked for it.
            let mine = |place: &WorstSample| starves && place.label == component;
            let Some(places) = &mut self.places else {
                return Treatment::Wants(self.task(manner));
            };
            let found = places.iter().rposition(|place| mine(place) || !self.starved.contains(&place.label));
            if let Some(place) = found.map(|i| places.remove(i)) {
                if mine(&place) {
                    return Treatment::Remedy(Remedy::KeptAt { row: place.row });
                }
                self.moments.move_component(component, place.sample.view());
                return Treatment::Remedy(Remedy::MovedTo { row: place.row });
            }
        }
        match collapse {
            Collapse::TooFewSamples { .. } if manner.on_collapse == OnCollapse::Repair => Treatment::Nothing,
            _ => {
                self.moments = self.moments.without_component(component);
                Treatment::Remedy(Remedy::Dropped)
            }
        }
    }

    /// Asks for the samples that the model explains worst without its starved components; for none at which a component
    /// of the restart began anew before.
    pub(crate) fn task(&self, manner: Manner) -> Task {
        let taken = manner.earlier.iter().filter_map(|repair| match repair.remedy {
            Remedy::MovedTo { row } => Some(row),
            Remedy::KeptAt { .. } | Remedy::Dropped => None,
        });
        let mut starved: Vec<usize> = self.starved.iter().copied().collect();
        starved.sort_unstable();
        Task::Worst(Arc::new(Worst {
            quadratics: self.model.clone(),
            starved,
            others: self.others.clone(),
            taken: taken.collect(),
            count: CANDIDATES * self.moments.counts.len(),
            prune: manner.prune,
            candidates: manner.candidates.cloned(),
        }))
    }
}

/// Treatment of a component.
enum Treatment {
    Wants(Task),
    Remedy(Remedy),
    Nothing,
}

/// The mixture without some of its components; `None` where none is left, or all are.
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
