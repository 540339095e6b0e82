//! A step of a rule: where it begins, and where it ends.

use ndarray::Array1;

use crate::model::m_step::MStep;
use crate::model::mixture::Mixture;
use crate::model::moments::Moments;

/// Kind of step that an epoch took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StepKind {
    /// A step of EM.
    Em,
    /// A part of one.
    Damped,
    /// A step along the gradient.
    Gradient,
    /// A step of EM from an extrapolated model.
    Extrapolated,
    /// An extrapolation that was no better: back to EM's model.
    Rejected,
    /// One step for every batch.
    Stepwise,
    /// A step of EM, with components that collapsed begun anew, or dropped.
    Repaired,
}

impl StepKind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            StepKind::Em => "em",
            StepKind::Damped => "damped",
            StepKind::Gradient => "gradient",
            StepKind::Extrapolated => "extrapolated",
            StepKind::Rejected => "rejected",
            StepKind::Stepwise => "stepwise",
            StepKind::Repaired => "repaired",
        }
    }
}

/// Memory of a rule of update: the epochs before.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// Models before the one at hand, as the rule needs them.
    pub earlier: Vec<Mixture>,
    /// The longest extrapolation that may be tried, in steps; 0 before the first.
    pub reach: f64,
    /// Whether stepwise EM is over, and EM polishes its result.
    pub polishing: bool,
}

/// Where an epoch begins.
pub(crate) struct Here<'a> {
    pub(crate) mixture: &'a Mixture,
    pub(crate) history: &'a History,
    /// The moments of all samples under the mixture.
    pub(crate) moments: &'a Moments,
    /// Lower bounds of the epochs before.
    pub(crate) lower_bounds: &'a [f64],
    pub(crate) tol: f64,
    pub(crate) m_step: &'a MStep,
    /// Squared robust scales of the features, in which steps are measured: `[D]`.
    pub(crate) units: &'a Array1<f64>,
}

/// Where it ends.
pub(crate) struct Next {
    pub(crate) mixture: Mixture,
    pub(crate) history: History,
    pub(crate) kind: StepKind,
    /// A lower bound of the mean log-likelihood of the next mixture.
    pub(crate) lower_bound: f64,
    /// Whether its change says how far the fit has converged.
    pub(crate) is_judged: bool,
}
