//! Arguments that say how the model moves in an epoch.

use clap::{Args, ValueEnum};
use mixtura::Update;

use super::Usage;

/// How the model moves in an epoch.
#[derive(Debug, Args)]
#[command(next_help_heading = "Ways to fit")]
pub(crate) struct UpdateArgs {
    /// How the model moves in an epoch [default: em]
    #[arg(long, value_enum, value_name = "RULE")]
    update: Option<Rule>,

    /// Length of a step: of damped EM, of the way to EM's next model [default: 0.5]; along the gradient, with features
    /// in their standard deviations [default: 0.001]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    learning_rate: Option<f64>,

    /// Part of the last step that is added to the next one along the gradient [default: 0]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    momentum: Option<f64>,

    /// Samples between two steps of stepwise EM [default: 65536]
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,

    /// How fast the steps of stepwise EM shrink, from 0.5 to 1 [default: 0.7]
    #[arg(long, value_name = "POWER", allow_negative_numbers = true)]
    decay: Option<f64>,

    /// After stepwise EM go on with EM on all samples, to the tolerance
    #[arg(long)]
    polish: bool,

    /// Extrapolate the steps of EM
    #[arg(long, value_enum, value_name = "METHOD")]
    accelerate: Option<Acceleration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rule {
    /// Expectation-maximisation
    Em,
    /// A part of the way to EM's next model
    Damped,
    /// Along the gradient of the log-likelihood
    Gradient,
    /// A step of EM after every batch of samples
    Stepwise,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Acceleration {
    /// Squared extrapolation, which goes back where that is worse
    Squarem,
}

impl UpdateArgs {
    /// The rule asked for, if one is.
    ///
    /// # Errors
    /// An argument that has no meaning for the rule.
    pub(crate) fn update(&self) -> Result<Option<Update>, Usage> {
        let rule = self.update.unwrap_or(Rule::Em);
        let belongs = |flag: &str, is_given: bool, rules: &[Rule], remedy: &'static str| match is_given
            && !rules.contains(&rule)
        {
            true => Err(Usage {
                problem: format!("{flag} has no meaning for --update {}", name(rule)),
                remedy: remedy.into(),
            }),
            false => Ok(()),
        };
        let rates = [Rule::Damped, Rule::Gradient];
        belongs("--learning-rate", self.learning_rate.is_some(), &rates, "add --update damped or --update gradient")?;
        belongs("--momentum", self.momentum.is_some(), &[Rule::Gradient], "add --update gradient")?;
        belongs("--batch-size", self.batch_size.is_some(), &[Rule::Stepwise], "add --update stepwise")?;
        belongs("--decay", self.decay.is_some(), &[Rule::Stepwise], "add --update stepwise")?;
        belongs("--polish", self.polish, &[Rule::Stepwise], "add --update stepwise")?;
        belongs("--accelerate", self.accelerate.is_some(), &[Rule::Em], "leave it out, or use --update em")?;
        Ok(match (self.update, self.accelerate) {
            (None, None) => None,
            (_, Some(Acceleration::Squarem)) => Some(Update::Squarem),
            (Some(Rule::Em), None) => Some(Update::Em),
            (Some(Rule::Damped), None) => Some(Update::Damped { learning_rate: self.learning_rate.unwrap_or(0.5) }),
            (Some(Rule::Gradient), None) => Some(Update::Gradient {
                learning_rate: self.learning_rate.unwrap_or(1e-3),
                momentum: self.momentum.unwrap_or(0.0),
            }),
            (Some(Rule::Stepwise), None) => Some(Update::Stepwise {
                batch_size: self.batch_size.unwrap_or(65_536),
                decay: self.decay.unwrap_or(0.7),
                polish: self.polish,
            }),
        })
    }
}

/// A rule as it is given.
fn name(rule: Rule) -> String {
    rule.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
