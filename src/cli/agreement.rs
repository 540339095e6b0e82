//! What arguments say beside what files say: a fit that goes on does so with the options that it began with.

use std::fmt::Display;

use mixtura::Device;
use mixtura::device::DeviceInfo;

use super::Usage;
use super::output::OutputArgs;

/// Warns of a fit that goes on with other bits than those of the device that it began on; whether there is cause to.
pub(crate) fn warn_of_other_bits(began_on: Option<&DeviceInfo>, device: &Device, output: &OutputArgs) -> bool {
    let now = device.record();
    let Some(before) = began_on.filter(|before| !before.computes_like(&now)) else { return false };
    let name = |info: &DeviceInfo| match &info.tuning {
        None => info.name.clone(),
        Some(tuning) => {
            let choices = tuning.choices.iter().map(|(shape, choice)| format!("; {shape}: {choice}"));
            format!("{} (tuned: {}{})", info.name, tuning.mode, choices.collect::<String>())
        }
    };
    let text = format!("the fit began on {}; on {} it goes on, but not with the same bits", name(before), name(&now));
    output.warnings(&[text.into()]);
    true
}

/// Files that arguments have to agree with.
pub(crate) const START: &str = "the model of --init-model";
pub(crate) const CHECKPOINT: &str = "the checkpoint of --resume";

/// An argument that is given must say what a file says.
pub(crate) fn agree<T, U>(flag: &str, given: Option<T>, recorded: U, by: &str) -> Result<(), Usage>
where
    T: Display + PartialEq<U>,
    U: Display,
{
    match given {
        Some(given) if given != recorded => Err(Usage {
            problem: format!("{flag} is {given}, but {by} has {recorded}"),
            remedy: "leave the flag out, or begin from something else",
        }),
        _ => Ok(()),
    }
}
