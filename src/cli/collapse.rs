//! Arguments that say what keeps components from collapsing, and what to do about one that does.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use mixtura::fit::{Floor, OnCollapse};

/// Floors of variances, and the remedy for components that collapse.
#[derive(Debug, Args)]
#[command(next_help_heading = "Collapsing components")]
pub(crate) struct CollapseArgs {
    /// Share of the square of every feature's scale that is added to its variance in every component; a few values far
    /// from all others do not move that scale [default: 1e-6]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true, conflicts_with = "reg_covar")]
    floor: Option<f64>,

    /// Added to the diagonal of every covariance, in the data's units, in place of --floor
    #[arg(long, value_name = "VARIANCE", allow_negative_numbers = true)]
    reg_covar: Option<f64>,

    /// Remedy for a component with too few samples, or without a covariance: re-place it at the samples that the model
    /// explains worst, drop it, or (without a covariance) end with an error [default: repair]
    #[arg(long, value_name = "REMEDY", value_parser = on_collapse_parser())]
    on_collapse: Option<OnCollapse>,
}

impl CollapseArgs {
    /// The floor asked for, if one is.
    pub(crate) fn floor(&self) -> Option<Floor> {
        self.floor.map(Floor::Relative).or(self.reg_covar.map(Floor::Absolute))
    }

    /// The remedy asked for, if one is.
    pub(crate) fn on_collapse(&self) -> Option<OnCollapse> {
        self.on_collapse
    }
}

fn on_collapse_parser() -> impl TypedValueParser<Value = OnCollapse> {
    PossibleValuesParser::new(OnCollapse::ALL.map(OnCollapse::name)).try_map(|name| name.parse::<OnCollapse>())
}
