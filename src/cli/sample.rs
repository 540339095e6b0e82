//! `mixtura sample`: samples drawn from a model.

use std::path::PathBuf;

use clap::Args;
use mixtura::io::{Destination, TableFormat, TableWriter, load_model};

use super::Usage;
use super::inputs::check_output;

/// Draw samples from a model, grouped by component
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mixtura sample model.json -n 1000000 --out samples.npy --labels labels.npy")]
pub(crate) struct SampleArgs {
    /// Model file
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// Number of samples
    #[arg(short = 'n', long = "samples", visible_alias = "n-samples", value_name = "N")]
    samples: usize,

    /// Seed of all random choices
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Write the samples to this file: .npy, .csv, .tsv, .parquet, .arrow or .feather
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// Write the component of every sample to this file, likewise
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
}

impl SampleArgs {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        if self.labels.as_ref() == Some(&self.out) {
            return Err(Usage {
                problem: format!("--out and --labels are both {}", self.out.display()),
                remedy: "write the samples and their components to different files",
            }
            .into());
        }
        for out in [Some(&self.out), self.labels.as_ref()].into_iter().flatten() {
            check_output(out, &[&self.model])?;
        }
        let format = TableFormat::of(&self.out)?;
        let labels_format = self.labels.as_deref().map(TableFormat::of).transpose()?;
        let to = Destination::new(&self.out)?;
        let labels_to = self.labels.as_deref().map(Destination::new).transpose()?;
        let model = load_model(&self.model)?;

        check_memory(self.samples, model.mixture.n_features(), "draw fewer at a time, with another --seed each")?;
        let (samples, labels) = model.mixture.sample(self.samples, self.seed);
        let d = model.mixture.n_features();
        let header = model.feature_names.unwrap_or_else(|| (0..d).map(|feature| format!("x{feature}")).collect());
        let mut writer = TableWriter::create(&to, format, &[self.samples, d], &header)?;
        writer.write_rows(samples)?;
        if let Some((to, format)) = labels_to.zip(labels_format) {
            let mut labels_writer = TableWriter::create(&to, format, &[self.samples], &["label".to_owned()])?;
            labels_writer.write_rows(labels.into_iter().map(|label| label as i64))?;
            labels_writer.finish()?;
        }
        Ok(writer.finish()?)
    }
}

/// Refuses more samples than memory can hold: the system would end the program.
pub(crate) fn check_memory(n: usize, d: usize, remedy: &str) -> anyhow::Result<()> {
    // A value of each feature, and the component.
    let numbers = n.checked_mul(d + 1);
    if numbers.is_some_and(|numbers| Vec::<f64>::new().try_reserve_exact(numbers).is_ok()) {
        return Ok(());
    }
    anyhow::bail!("{n} samples of {d} features do not fit into memory\n{remedy}")
}
