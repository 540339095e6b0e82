//! The command line of this run, to be typed again.

use std::path::Path;

use super::NAME;
use super::words::in_shell;

/// Flags that say where a fit begins, which going on from a checkpoint takes the place of.
const BEGINNINGS: [&str; 2] = ["--init-model", "--resume"];

/// The command that goes on from a checkpoint of this run.
pub(crate) fn resuming(checkpoint: &Path) -> String {
    let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    resumed(arguments, &checkpoint.to_string_lossy())
}

fn resumed(arguments: impl Iterator<Item = String>, checkpoint: &str) -> String {
    let (mut before, mut after) = (vec![NAME.to_owned()], Vec::new());
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        match argument.split_once('=').map_or(argument.as_str(), |(flag, _)| flag) {
            // What follows is no flag, whatever it looks like.
            "--" => {
                after.push(argument);
                after.extend(arguments.by_ref());
            }
            flag if !BEGINNINGS.contains(&flag) => before.push(argument),
            _ if argument.contains('=') => {}
            _ => drop(arguments.next()),
        }
    }
    before.extend(["--resume".to_owned(), checkpoint.to_owned()]);
    before.iter().chain(&after).map(|argument| in_shell(argument)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_goes_on_from_a_checkpoint_in_the_place_of_where_it_began() {
        for (typed, expected) in [
            (&["fit", "my data.csv", "-k", "2"][..], "mixtura fit 'my data.csv' -k 2 --resume c"),
            (&["fit", "x", "--resume", "c", "--checkpoint", "c"], "mixtura fit x --checkpoint c --resume c"),
            (&["fit", "--init-model=m.json", "--", "--resume"], "mixtura fit --resume c -- --resume"),
            (&["fit", "", "--init-model", "m.json", "*.npy"], "mixtura fit '' '*.npy' --resume c"),
        ] {
            assert_eq!(resumed(typed.iter().map(|word| (*word).to_owned()), "c"), expected);
        }
    }
}
