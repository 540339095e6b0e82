//! `mixtura completions`: what a shell needs to complete commands.

use clap::Args;
use clap_complete::{Shell, generate};

use super::output::print;
use super::{NAME, command};

/// Print the completions of a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    mixtura completions bash > ~/.local/share/bash-completion/completions/mixtura\n  \
    mixtura completions zsh > ~/.zfunc/_mixtura\n  \
    mixtura completions fish > ~/.config/fish/completions/mixtura.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl CompletionsArgs {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut script = Vec::new();
        generate(self.shell, &mut command(), NAME, &mut script);
        print(&String::from_utf8_lossy(&script))
    }
}
