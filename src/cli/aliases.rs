//! Words that people bring from other programs, scikit-learn's above all, for the flags of all commands.

use clap::Command;

/// Flags, and other words for them.
const ALIASES: [(&str, &str); 7] = [
    ("components", "n-components"),
    ("samples", "n-samples"),
    ("features", "n-features"),
    ("covariance", "covariance-type"),
    ("init", "init-params"),
    ("seed", "random-state"),
    ("weights", "sample-weight"),
];

/// The flag of the one file that a command is about, and its letter.
const OUT: (&str, char) = ("out", 'o');

/// A command that knows these words, and so do those below it.
pub(crate) fn with_aliases(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        let flag = arg.get_long().unwrap_or_default().to_owned();
        let aliases = ALIASES.iter().filter(|(name, _)| *name == flag).map(|(_, alias)| *alias);
        let arg = arg.visible_aliases(aliases);
        if flag == OUT.0 { arg.short(OUT.1) } else { arg }
    });
    command.mut_subcommands(with_aliases)
}
