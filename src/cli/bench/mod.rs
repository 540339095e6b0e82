//! `mixtura bench`: the devices against the CPU backend, on the same samples and from the same start.

mod deviation;
mod measure;
mod report;
mod synthetic;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use mixtura::device::Tune;
use mixtura::io::{Columns, Dataset};
use mixtura::{CovarianceType, Data, FitOptions, Points};

use super::fit::covariance_parser;
use super::inputs::{DataArgs, MemoryArgs, tune_parser};
use super::output::OutputArgs;
use measure::{Opened, Task, measure};
use report::{Entry, LeftOut, Report};

/// Device that all others are measured against.
const CPU: &str = "cpu";

/// The others, unless some are named; those that are not there are left out.
const DEFAULT_DEVICES: [&str; 3] = ["cpu-f32", "gpu", "software"];

/// There is no model here that could name some.
const COLUMNS_HELP: &str = "Columns to use as features, by name or by index from 0 [default: all]";

/// Measure the devices against the CPU backend
#[derive(Debug, Args)]
#[command(mut_arg("paths", |paths| paths.required(false)))]
#[command(mut_arg("columns", |columns| columns.requires("paths").help(COLUMNS_HELP)))]
#[command(after_help = "Every device gets the same samples and the same start: the CPU backend's initialisation. \
    Samples are drawn in f32 from a mixture of overlapping components, where no data are given.\n\n\
    Examples:\n  \
    mixtura bench\n  \
    mixtura bench -n 10000000 -d 32 -k 64 --devices gpu --profile\n  \
    mixtura bench samples.npy -k 8 --covariance diag --json > bench.json")]
pub(crate) struct BenchArgs {
    #[command(flatten)]
    data: Option<DataArgs>,

    /// Sample weights: a column of the data, by name or index, or else a file with one weight for each row
    #[arg(long, value_name = "COLUMN-or-FILE", requires = "paths")]
    weights: Option<String>,

    /// Number of samples to draw, where no data are given
    #[arg(short = 'n', long = "samples", visible_alias = "n-samples", value_name = "N", default_value = "1000000")]
    #[arg(conflicts_with = "paths", value_parser = one_or_more())]
    samples: usize,

    /// Number of their features, D
    #[arg(short = 'd', long = "features", visible_alias = "n-features", value_name = "D", default_value = "16")]
    #[arg(conflicts_with = "paths", value_parser = one_or_more())]
    features: usize,

    /// Number of components, K
    #[arg(short = 'k', long = "components", visible_alias = "n-components", value_name = "K", default_value = "16")]
    #[arg(value_parser = one_or_more())]
    components: usize,

    /// Family of the covariances
    #[arg(long, value_name = "FAMILY", default_value = "full", value_parser = covariance_parser())]
    covariance: CovarianceType,

    /// Devices to measure beside the CPU backend, as --device of other commands names them [default: cpu-f32, and gpu
    /// and software where they are there]
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    devices: Option<Vec<String>>,

    #[command(flatten)]
    memory: MemoryArgs,

    /// Epochs to time
    #[arg(long, value_name = "N", default_value = "10", value_parser = one_or_more())]
    epochs: usize,

    /// Add the time of each kernel, where a device has timestamps
    #[arg(long)]
    profile: bool,

    /// Tune graphics adapters before the epochs, and say what was chosen: off, auto (what leaves all bits) or full
    #[arg(long, value_name = "MODE", value_parser = tune_parser(), default_value = Tune::Off.name())]
    tune: Tune,

    /// Seed of the samples and of the start
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// The samples, given or drawn.
enum Samples {
    Read(Box<Dataset>),
    Drawn(Points<'static>),
}

impl BenchArgs {
    pub(crate) fn run(self, output: &OutputArgs) -> anyhow::Result<()> {
        let options = FitOptions {
            covariance_type: self.covariance,
            max_iter: self.epochs,
            tol: 0.0,
            seed: self.seed,
            ..FitOptions::new(self.components)
        };
        let (devices, mut left_out) = self.open()?;
        let samples = self.samples(output)?;
        let value_bytes = samples.value_bytes();
        let task = Task {
            data: samples.data(),
            value_bytes,
            options,
            tune: self.tune,
            profile: self.profile,
            quiet: output.quiet,
        };

        let (cpu, others) = devices.split_first().expect("the CPU backend is always there");
        let reference = measure(cpu, &task, None).map_err(|error| samples.locate(error))?;
        let mut measured = vec![Entry::new(cpu, &reference, &reference, &task)];
        for device in others {
            match measure(device, &task, Some(&reference.start)) {
                Ok(measurement) => measured.push(Entry::new(device, &measurement, &reference, &task)),
                Err(error) if self.devices.is_none() => left_out.push(LeftOut::new(&device.name, &error)),
                Err(error) => return Err(samples.locate(error).into()),
            }
        }
        let report = Report::new(&task, measured, left_out);
        output.result(&report, || report.table())
    }

    /// The devices, the CPU backend before all others, and those of the default that are not there.
    fn open(&self) -> anyhow::Result<(Vec<Opened>, Vec<LeftOut>)> {
        let mut devices = vec![self.open_one(CPU)?];
        let mut left_out = Vec::new();
        match &self.devices {
            Some(names) => {
                for name in names.iter().map(|name| name.trim()).filter(|name| *name != CPU) {
                    devices.push(self.open_one(name)?);
                }
            }
            None => {
                for name in DEFAULT_DEVICES {
                    match self.open_one(name) {
                        Ok(device) => devices.push(device),
                        Err(error) => left_out.push(LeftOut::new(name, &error)),
                    }
                }
            }
        }
        Ok((devices, left_out))
    }

    fn open_one(&self, name: &str) -> mixtura::Result<Opened> {
        Opened::new(name, &self.memory, self.tune)
    }

    fn samples(&self, output: &OutputArgs) -> anyhow::Result<Samples> {
        if let Some(data) = &self.data {
            let data = data.read(&Columns::All, self.weights.as_deref(), 0, self.memory.host())?;
            output.notes(data.notes());
            return Ok(Samples::Read(Box::new(data)));
        }
        let (n, d) = (self.samples, self.features);
        check_memory(n, d, "draw fewer (-n), or of fewer features (-d)")?;
        let (drawn, _) = synthetic::mixture(self.components, d, self.covariance)?.sample(n, self.seed);
        // What most data are kept in, and what adapters compute in: so all devices read the same bytes.
        Ok(Samples::Drawn(Points::new(drawn.mapv(|x| x as f32))?))
    }
}

impl Samples {
    fn data(&self) -> &dyn Data {
        match self {
            Samples::Read(data) => &**data,
            Samples::Drawn(points) => points,
        }
    }

    /// Bytes of a value, as every pass reads it.
    fn value_bytes(&self) -> usize {
        let points = match self {
            Samples::Read(data) => match (data.points(), data.read_bytes()) {
                (Some(points), _) => points,
                (None, bytes) => return bytes.unwrap_or(0) as usize / (data.n_samples() * data.n_features()),
            },
            Samples::Drawn(points) => points,
        };
        match points.samples() {
            mixtura::data::Samples::F32(_) => size_of::<f32>(),
            mixtura::data::Samples::F64(_) => size_of::<f64>(),
        }
    }

    /// The error with its place in a file.
    fn locate(&self, error: mixtura::Error) -> mixtura::Error {
        match self {
            Samples::Read(data) => data.locate(error),
            Samples::Drawn(_) => error,
        }
    }
}

fn one_or_more() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

/// Refuses more samples than memory can hold: the system would end the program.
fn check_memory(n: usize, d: usize, remedy: &str) -> anyhow::Result<()> {
    // A value of each feature, and the component.
    let numbers = n.checked_mul(d + 1);
    if numbers.is_some_and(|numbers| Vec::<f64>::new().try_reserve_exact(numbers).is_ok()) {
        return Ok(());
    }
    anyhow::bail!("{n} samples of {d} features do not fit into memory\n{remedy}")
}
