//! `mixtura bench`: the devices against the CPU backend, on the same samples and from the same start.

mod deviation;
mod measure;
mod report;
mod synthetic;
mod verdict;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use mixtura::data::Shard;
use mixtura::device::Tune;
use mixtura::io::{Columns, Dataset, Selection, Stretch};
use mixtura::ranks::{Leading, Ranks, Share, follow, share_summary};
use mixtura::{CovarianceType, Data, Device, FitOptions, Points, Summary};

use super::choices::covariance_parser;
use super::inputs::{DataArgs, MemoryArgs, tune_parser};
use super::interrupt::asked;
use super::output::OutputArgs;
use super::ranks::{agreed, notes_of_all};
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
    #[arg(short = 'n', long = "samples", value_name = "N", default_value = "1000000")]
    #[arg(conflicts_with = "paths", value_parser = one_or_more())]
    samples: usize,

    /// Number of their features, D
    #[arg(short = 'd', long = "features", value_name = "D", default_value = "16")]
    #[arg(conflicts_with = "paths", value_parser = one_or_more())]
    features: usize,

    /// Number of components, K
    #[arg(short = 'k', long = "components", value_name = "K", default_value = "16")]
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
    pub(crate) fn run(self, output: &OutputArgs, ranks: &Ranks) -> anyhow::Result<()> {
        let opened = if ranks.is_first() { self.open(ranks) } else { Ok(Default::default()) };
        let (devices, left_out) = agreed(ranks, opened)?;
        let samples = self.samples(output, ranks)?;
        let of_ranks = samples.as_ref().map(|(first, samples)| samples.summary(*first));
        let summary = share_summary(ranks, of_ranks.clone(), asked())?;

        let locate = |error| match &samples {
            Some((_, samples)) => samples.locate(error),
            None => error,
        };
        let shard = match (&samples, &of_ranks) {
            (Some((_, samples)), Some(own)) => Some(Shard::new(samples.data(), own, &summary)?),
            _ => None,
        };
        let share = Share { data: shard.as_ref().map(|shard| shard as &dyn Data), locate: &locate };
        match &samples {
            Some((_, samples)) if ranks.is_first() => {
                let leading = Leading::new(ranks);
                let load = |opened: &Opened, tune: Tune| {
                    // What tuning chooses is asked of the device that was opened.
                    let device = opened.device.clone();
                    let device = if tune == self.tune { device } else { device.with_tune(tune) };
                    leading.load(share, &summary, (&device, &format!("{} {}", tune.name(), opened.name)), asked())
                };
                let task = Task {
                    summary: &summary,
                    load: &load,
                    n_ranks: ranks.size(),
                    value_bytes: samples.value_bytes(),
                    options: self.options(),
                    tune: self.tune,
                    profile: self.profile,
                    detail: output.detail(),
                };
                let report = self.measure(&devices, left_out, &task).map_err(locate)?;
                output.result(&report, || report.table())
            }
            _ => Ok(follow(ranks, share, &|name| self.open_by_name(name, ranks))?),
        }
    }

    fn options(&self) -> FitOptions {
        FitOptions {
            covariance_type: self.covariance,
            max_iter: self.epochs,
            tol: 0.0,
            seed: self.seed,
            ..FitOptions::new(self.components)
        }
    }

    fn measure(&self, devices: &[Opened], mut left_out: Vec<LeftOut>, task: &Task) -> mixtura::Result<Report> {
        let (cpu, others) = devices.split_first().expect("the CPU backend is always there");
        let reference = measure(cpu, task, None)?;
        let mut measured = vec![Entry::new(cpu, &reference, &reference, task)];
        for device in others {
            match measure(device, task, Some(&reference.start)) {
                Ok(measurement) => measured.push(Entry::new(device, &measurement, &reference, task)),
                Err(error) if self.devices.is_none() => left_out.push(LeftOut::new(&device.name, &error)),
                Err(error) => return Err(error),
            }
        }
        Ok(Report::new(task, measured, left_out))
    }

    /// The device that the first rank calls by a mode of tuning and its name.
    fn open_by_name(&self, name: &str, ranks: &Ranks) -> mixtura::Result<Device> {
        let (tune, name) = name.split_once(' ').unwrap_or(("", name));
        let tune = tune.parse().unwrap_or(Tune::Off);
        Ok(Opened::new(name, ranks, &self.memory, tune)?.device)
    }

    /// The devices, the CPU backend before all others, and those of the default that are not there.
    fn open(&self, ranks: &Ranks) -> anyhow::Result<(Vec<Opened>, Vec<LeftOut>)> {
        let open_one = |name: &str| Opened::new(name, ranks, &self.memory, self.tune);
        let mut devices = vec![open_one(CPU)?];
        let mut left_out = Vec::new();
        match &self.devices {
            Some(names) => {
                for name in names.iter().map(|name| name.trim()).filter(|name| *name != CPU) {
                    devices.push(open_one(name)?);
                }
            }
            None => {
                for name in DEFAULT_DEVICES {
                    match open_one(name) {
                        Ok(device) => devices.push(device),
                        Err(error) => left_out.push(LeftOut::new(name, &error)),
                    }
                }
            }
        }
        Ok((devices, left_out))
    }

    /// The samples of this rank, and the number of the first one.
    fn samples(&self, output: &OutputArgs, ranks: &Ranks) -> anyhow::Result<Option<(usize, Samples)>> {
        if let Some(data) = &self.data {
            let data = data.read_share(ranks, &Columns::All, self.weights.as_deref(), 0, self.memory.host(ranks))?;
            output.notes(&notes_of_all(ranks, data.as_ref().map_or(&[], Dataset::notes))?);
            return Ok(data.map(|data| (data.summary().first(), Samples::Read(Box::new(data)))));
        }
        agreed(ranks, self.draw(ranks))
    }

    fn draw(&self, ranks: &Ranks) -> anyhow::Result<Option<(usize, Samples)>> {
        let (d, selection) = (self.features, Selection::default());
        let stretch = Stretch::cut(&[self.samples], &selection, d, ranks.size()).swap_remove(ranks.rank());
        let (first, n) = (stretch.first(), stretch.n_rows());
        if n == 0 {
            return Ok(None);
        }
        // Ranks draw different samples.
        let seed = self.seed.wrapping_add(ranks.rank() as u64);
        check_memory(n, d, "draw fewer (-n), or of fewer features (-d)")?;
        let (drawn, _) = synthetic::mixture(self.components, d, self.covariance)?.sample(n, seed);
        // What most data are kept in, and what adapters compute in: so all devices read the same bytes.
        Ok(Some((first, Samples::Drawn(Points::new(drawn.mapv(|x| x as f32))?))))
    }
}

impl Samples {
    fn data(&self) -> &dyn Data {
        match self {
            Samples::Read(data) => &**data,
            Samples::Drawn(points) => points,
        }
    }

    /// Their summary; the first of them has the given number among all.
    fn summary(&self, first: usize) -> Summary {
        match self {
            Samples::Read(data) => data.summary().clone(),
            Samples::Drawn(points) => Summary::of_part(first, points),
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
