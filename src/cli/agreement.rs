//! What arguments say beside what files say: a fit that goes on does so with the options that it began with.

use std::borrow::Cow;
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

/// An argument that is given must say what a file says, or else there is a remedy.
pub(crate) fn agree<T, U>(
    flag: &str,
    given: Option<T>,
    recorded: U,
    by: &str,
    remedy: impl FnOnce(&T) -> Cow<'static, str>,
) -> Result<(), Usage>
where
    T: Display + PartialEq<U>,
    U: Display,
{
    match given {
        Some(given) if given != recorded => {
            let problem = format!("{flag} is {given}, but {by} has {recorded}");
            Err(Usage { problem, remedy: remedy(&given) })
        }
        _ => Ok(()),
    }
}
