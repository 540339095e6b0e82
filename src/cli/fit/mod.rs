//! `mixtura fit`: from a file to a fitted model.

mod request;
mod resumed;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Instant;

use clap::Args;
use mixtura::data::{Shard, Watched};
use mixtura::device::Prune;
use mixtura::fit::{Fitting, Start};
use mixtura::io::{Dataset, save_model};
use mixtura::model::MStep;
use mixtura::ranks::{Leading, Ranks, Share, follow, share_summary};
use mixtura::{Advice, CovarianceType, Data, Device, Error, FitOptions, Init, Summary};

use super::agreement::warn_of_other_bits;
use super::choices::{covariance_parser, init_parser, one_number, prune_parser, start_parser};
use super::collapse::CollapseArgs;
use super::components::Extent;
use super::constant;
use super::gain;
use super::inputs::{DataArgs, DeviceArgs, MemoryArgs};
use super::interrupt;
use super::missing;
use super::model::{self, ModelReport};
use super::output::OutputArgs;
use super::posterior::PosteriorArgs;
use super::progress::{ProgressLog, waiting};
use super::ranks::{agreed, notes_of_all};
use super::records::{Checkpoints, Interval, Kept, Record};
use super::report::{FitReport, PhaseSeconds, RanksReport, model_file, summary as summarised};
use super::trace::Trace;
use super::update::UpdateArgs;

use self::request::Request;

/// Fit a mixture to samples by expectation-maximisation
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    mixtura fit data/faithful.csv -k 2\n  \
    mixtura fit samples.npy -k 16 --covariance diag --device gpu --out model.json\n  \
    mixtura fit sales.csv -k 4 --columns price,amount --weights count --json > fit.json\n  \
    mixtura fit samples.npy -k 8 --n-init 4 --trace epochs.csv --plot fit.svg\n  \
    mixtura fit huge.npy -k 64 --memory 4GiB --checkpoint fit.ckpt --out model.json\n  \
    mixtura fit huge.npy --resume fit.ckpt --checkpoint fit.ckpt --out model.json\n  \
    mixtura fit huge.npy --init-model model.json -k 32 --out fewer.json")]
pub(crate) struct FitArgs {
    #[command(flatten)]
    data: DataArgs,

    /// Number of components, K
    #[arg(short = 'k', long = "components", value_name = "K", value_parser = one_number, allow_negative_numbers = true)]
    #[arg(required_unless_present_any = ["init_model", "resume"])]
    components: Option<usize>,

    /// Family of the covariances [default: full, or the start model's]
    #[arg(long, value_name = "FAMILY", value_parser = covariance_parser())]
    covariance: Option<CovarianceType>,

    /// Initialisation [default: kmeans]
    #[arg(long, conflicts_with = "init_model", value_parser = init_parser())]
    init: Option<Init>,

    /// Samples that a fit begins on: direct, all of them; coarse-to-fine, parts of them that grow; auto, coarse-to-fine
    /// where that is likely to take less time [default: auto]
    #[arg(long, value_name = "WAY", value_parser = start_parser())]
    start: Option<Start>,

    /// Start from this model, or the best of this checkpoint, instead of an initialisation; with -k from so many
    /// components, merged or cut in halves
    #[arg(long, value_name = "MODEL-or-CHECKPOINT", conflicts_with = "resume")]
    init_model: Option<PathBuf>,

    /// Restarts from different initialisations; the best lower bound wins, of those that have not collapsed onto the
    /// covariance floor, if any [default: 1]
    #[arg(long, value_name = "N", conflicts_with = "init_model")]
    n_init: Option<usize>,

    /// Most epochs for each restart; 0 gives the initialisation [default: 100]
    #[arg(long, value_name = "N")]
    max_iter: Option<usize>,

    /// Stop when the lower bound (mean log-likelihood) changes by less than this [default: 1e-3]
    #[arg(long, value_name = "CHANGE", allow_negative_numbers = true)]
    tol: Option<f64>,

    /// Seed of all random choices [default: 0]
    #[arg(long)]
    seed: Option<u64>,

    /// Sample weights: a column of the data, by name or index, or else a file with one weight for each row
    #[arg(long, value_name = "COLUMN-or-FILE")]
    weights: Option<String>,

    #[command(flatten)]
    device: DeviceArgs,

    #[command(flatten)]
    memory: MemoryArgs,

    /// Write here, again and again, how far the fit has come
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,

    /// Interval of checkpoints: a number of epochs, or of seconds, such as 60s
    #[arg(long, value_name = "EPOCHS-or-SECONDS", default_value = "10", requires = "checkpoint")]
    checkpoint_every: Interval,

    /// Go on from a checkpoint, on the same data and with its options, but for --tol, --max-iter and a greater --n-init
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,

    /// Write the model here
    #[arg(long, value_name = "MODEL.json")]
    out: Option<PathBuf>,

    /// Write a row for every epoch of every restart here: .csv, .json or .parquet
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// Draw the epochs, and the samples under the components, here: .svg or .png
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,

    /// Have the f64 backend compute the model's log-likelihood too, and say how far apart the two are
    #[arg(long)]
    verify: bool,

    /// Leave out, where samples lie close together, components that cannot matter to them: always, never, or where that
    /// is faster [default: auto]
    #[arg(long, value_parser = prune_parser())]
    prune: Option<Prune>,

    // Last, for what follows a heading stands under it.
    #[command(flatten)]
    update: UpdateArgs,

    #[command(flatten)]
    posterior: PosteriorArgs,

    #[command(flatten)]
    collapse: CollapseArgs,
}

/// Names of devices, by which the other ranks know what to load samples on: their own, and the CPU in f64.
const OWN: &str = "own";
const CPU: &str = "cpu";

/// The device of a rank.
fn device_named(name: &str, own: &Device) -> mixtura::Result<Device> {
    Ok(if name == CPU { Device::cpu() } else { own.clone() })
}

/// The samples of the first rank, among all.
#[derive(Clone, Copy)]
struct Samples<'a> {
    data: &'a Dataset,
    shard: &'a Shard<'a>,
    /// Of all samples.
    summary: &'a Summary,
    locate: &'a (dyn Fn(Error) -> Error + Sync),
}

impl FitArgs {
    pub(crate) fn run(mut self, output: &OutputArgs, ranks: &Ranks) -> anyhow::Result<()> {
        let started = Instant::now();
        if !ranks.is_first() {
            self.leave_files_to_the_first();
        }
        let request = agreed(ranks, self.check(ranks))?;
        let open = started.elapsed().as_secs_f64();

        let reading = Instant::now();
        let bar = waiting(output.quiet, "reading");
        let (weights, seed) = (self.weights.as_deref(), request.options.seed);
        let data = self.data.read_share(ranks, &request.features, weights, seed, self.memory.host(ranks))?;
        let summary = share_summary(ranks, data.as_ref().map(|data| data.summary().clone()), interrupt::asked())?;
        let notes = notes_of_all(ranks, data.as_ref().map_or(&[], Dataset::notes))?;
        drop(bar);
        output.notes(&notes);
        output.notes(missing::note(&summary).as_slice());
        output.notes(constant::note(&summary).as_slice());
        output.notes(missing::cost(&summary, &[request.options.covariance_type]).as_slice());
        let read = reading.elapsed().as_secs_f64();

        interrupt::wait_for_end();
        let locate = |error: Error| match &data {
            Some(data) => data.locate(error),
            None => error,
        };
        let shard = data.as_ref().map(|data| Shard::new(data, data.summary(), &summary)).transpose()?;
        match (&data, &shard) {
            (Some(data), Some(shard)) if ranks.is_first() => {
                let samples = Samples { data, shard, summary: &summary, locate: &locate };
                let seconds = PhaseSeconds { open, read, ..PhaseSeconds::default() };
                self.fit(request, &samples, output, ranks, (started, seconds))
            }
            _ => {
                let watched = shard.as_ref().map(|shard| Watched::new(shard, interrupt::asked(), &|_| {}));
                let data = watched.as_ref().map(|watched| watched as &dyn Data);
                Ok(follow(ranks, Share { data, locate: &locate }, &|name| device_named(name, &request.device))?)
            }
        }
    }

    /// The others write nothing.
    fn leave_files_to_the_first(&mut self) {
        (self.checkpoint, self.out, self.trace, self.plot) = Default::default();
    }

    fn fit(
        &self,
        request: Request,
        samples: &Samples,
        output: &OutputArgs,
        ranks: &Ranks,
        (started, mut seconds): (Instant, PhaseSeconds),
    ) -> anyhow::Result<()> {
        let Request { mut options, init, destination, trace, plot, mut checkpoints, resumed, device, .. } = request;
        let Samples { data, shard, summary, locate } = *samples;
        let (leading, traffic) = (Leading::new(ranks), ranks.traffic());
        if let Some(start) = &options.warm_start {
            data.check_features(start.mixture.n_features())?;
        }
        output.notes(resize_start(&mut options, summary)?.as_slice());
        if let Some((checkpoint, path)) = resumed.as_ref().zip(self.resume.as_deref()) {
            checkpoint.check_data(path, summary)?;
        }
        let is_alone = ranks.size() == 1;
        options.start = if is_alone { options.start_on(summary) } else { Start::Direct };
        let began_on = resumed.as_ref().map(|checkpoint| checkpoint.device.clone());
        let warned = warn_of_other_bits(began_on.as_ref(), &device, output);
        let record = Record { device: &device, summary, options: &options, init: &init };

        let mut progress = ProgressLog::new(output.detail(), data, summary.n_samples(), &options);
        let bar = progress.bar();
        let watcher = |done: usize| bar.show(done);
        let stop = interrupt::asked();
        let watched = Watched::new(shard, stop, &watcher);
        let share = Share { data: Some(&watched), locate };
        let here = is_alone.then_some(&watched as &dyn Data);
        let state = resumed.map(|checkpoint| checkpoint.state).unwrap_or_default();
        let began = Instant::now();
        let load = || leading.load(share, summary, (&device, OWN), stop);
        let mut fitting = Fitting::resume_on(summary, stop, &device, load, here, &options, state).map_err(locate)?;
        let mut steps = Vec::new();
        let (state, fit) = loop {
            match fitting.epoch() {
                Ok(None) => break (fitting.state(), fitting.finish()),
                Ok(Some(step)) => {
                    progress.show(&step);
                    steps.push(step);
                }
                Err(error) => break (fitting.state(), Err(error)),
            }
            let epoch_over = Instant::now();
            if let Some(checkpoints) = &mut checkpoints
                && let Err(error) = checkpoints.after_epoch(|| record.checkpoint(&fitting.state()))
            {
                break (fitting.state(), Err(error));
            }
            seconds.writing += epoch_over.elapsed().as_secs_f64();
            if stop.load(Ordering::SeqCst) {
                break (fitting.state(), Err(Error::Interrupted));
            }
        };
        let fitting_seconds = began.elapsed().as_secs_f64() - seconds.writing;
        progress.finish();
        let writing = Instant::now();
        // Whatever became of the fit, its epochs are kept.
        let traced = trace.as_ref().map_or(Ok(()), |trace| trace.save(&steps));
        if fit.is_err() {
            output.distrust(&device);
        }
        let fit = match fit {
            Err(Error::Interrupted) => {
                let trace = trace.as_ref().map(Trace::path);
                let Kept { interrupted, best } =
                    record.keep(&state, checkpoints.as_ref(), destination.as_ref(), trace)?;
                if let (None, Some(best)) = (&destination, &best) {
                    // Nobody has it but whoever reads this.
                    let report = ModelReport::of(best);
                    match output.quiet {
                        true => output.made(&report, &[])?,
                        false => output.result(&report, || model::text(Vec::new(), best, Extent::Some, false))?,
                    }
                }
                return Err(traced.map_or_else(Into::into, |()| interrupted.into()));
            }
            fit => fit.map_err(locate)?,
        };
        traced?;

        if let Some(destination) = &destination {
            save_model(destination, &record.model(fit.mixture.clone(), record.of_fit(&fit)))?;
        }
        if let Some(plot) = &plot {
            let _bar = waiting(output.quiet, "drawing");
            plot.draw(&fit, &steps, fitting.backend())?;
        }
        seconds.writing += writing.elapsed().as_secs_f64();
        output.warnings(&fit.warnings);
        output.notes(gain::note(&fit).as_slice());
        output.warnings(&ranks.warnings().into_iter().map(Into::into).collect::<Vec<_>>());
        if !warned {
            // What tuning chooses is known only now.
            warn_of_other_bits(began_on.as_ref(), &device, output);
        }
        let verifying = Instant::now();
        let verified = match self.verify {
            true => {
                let mut backend = leading.load(share, summary, (&Device::cpu(), CPU), stop)?;
                Some(backend.log_likelihood(fit.mixture.quadratics()).map_err(locate)?)
            }
            false => None,
        };
        if self.verify {
            seconds.verifying = verifying.elapsed().as_secs_f64();
        }
        seconds.total = started.elapsed().as_secs_f64();
        let seconds = seconds.of_fit(&fit, fitting_seconds);
        let of_ranks = RanksReport::new(ranks, traffic);
        let report = FitReport::new(&fit, &device, summary.n_samples(), verified, of_ranks, seconds);
        let mut files: Vec<_> = destination.iter().map(|destination| model_file(destination.path())).collect();
        let checkpoint = checkpoints.as_ref().and_then(Checkpoints::written);
        let others = [("trace", self.trace.as_deref()), ("plot", self.plot.as_deref()), ("checkpoint", checkpoint)];
        files.extend(others.iter().filter_map(|(name, path)| Some((*name, path.as_ref()?.display().to_string()))));
        match output.quiet {
            true => output.made(&report, &[]),
            false => output.result(&report, || summarised(&report, &fit, summary.feature_names(), &files)),
        }
    }
}

/// Gives the start as many components as the fit is to have, and says so.
fn resize_start(options: &mut FitOptions, summary: &Summary) -> mixtura::Result<Option<Advice>> {
    let (n_samples, n_components) = (summary.n_effective(), options.n_components);
    let Some(start) = options.warm_start.as_mut() else { return Ok(None) };
    let found = start.mixture.n_components();
    if found == n_components {
        return Ok(None);
    }
    if n_components > n_samples {
        return Err(Error::TooFewSamples { n_samples, n_components });
    }
    let m_step = MStep::new(options.floor.of_features(summary));
    start.mixture = start.mixture.with_components(n_components, &m_step)?;
    let way = if n_components < found { "merged" } else { "of which the widest are cut in halves" };
    Ok(Some(format!("the fit starts from {n_components} components, the {found} of the model, {way}").into()))
}
