//! `mixtura fit`: from a file to a fitted model.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Instant;

use clap::Args;
use mixtura::data::{Shard, Watched};
use mixtura::device::Prune;
use mixtura::fit::{Fitting, Posterior, Start, WarmStart};
use mixtura::io::{
    Checkpoint, Columns, Dataset, Destination, FROM_MODEL, Model, OptionsRecord, load_model, save_model,
};
use mixtura::ranks::{Leading, Ranks, Share, follow, share_summary};
use mixtura::{CovarianceType, Data, Device, Error, FitOptions, Init, Summary, Update};

use super::Usage;
use super::agreement::{CHECKPOINT, START, agree, warn_of_other_bits};
use super::choices::{covariance_parser, init_parser, one_number, prune_parser, start_parser};
use super::collapse::CollapseArgs;
use super::constant;
use super::inputs::{DataArgs, DeviceArgs, MemoryArgs, check_distinct, check_output};
use super::interrupt;
use super::missing;
use super::output::OutputArgs;
use super::plot::Plot;
use super::posterior::PosteriorArgs;
use super::progress::{ProgressLog, waiting};
use super::ranks::{agreed, notes_of_all};
use super::records::{Checkpoints, Interval, Record};
use super::report::{FitReport, PhaseSeconds, RanksReport, model_file, summary as summarised};
use super::trace::Trace;
use super::update::UpdateArgs;

/// Fit a mixture to samples by expectation-maximisation
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    mixtura fit data/faithful.csv -k 2\n  \
    mixtura fit samples.npy -k 16 --covariance diag --device gpu --out model.json\n  \
    mixtura fit sales.csv -k 4 --columns price,amount --weights count --json > fit.json\n  \
    mixtura fit samples.npy -k 8 --n-init 4 --trace epochs.csv --plot fit.svg\n  \
    mixtura fit huge.npy -k 64 --memory 4GiB --checkpoint fit.ckpt --out model.json\n  \
    mixtura fit huge.npy --resume fit.ckpt --checkpoint fit.ckpt --out model.json")]
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

    /// Start from this model instead of an initialisation
    #[arg(long, value_name = "MODEL.json", conflicts_with = "resume")]
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

    /// Go on from a checkpoint, on the same data and with its options
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

/// Arguments that go together, places for the results and an open device.
struct Request {
    options: FitOptions,
    /// The initialisation, as results name it.
    init: String,
    features: Columns,
    destination: Option<Destination>,
    trace: Option<Trace>,
    plot: Option<Plot>,
    checkpoints: Option<Checkpoints>,
    resumed: Option<Checkpoint>,
    device: Device,
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
                let interrupted = record.keep(&state, checkpoints.as_ref(), destination.as_ref(), trace)?;
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

    /// Everything that can be refused before the data are read.
    fn check(&self, ranks: &Ranks) -> anyhow::Result<Request> {
        let resumed = self.resume.as_deref().map(Checkpoint::load).transpose()?;
        let start = self.init_model.as_deref().map(load_model).transpose()?;
        if let Some(Model { mixture, .. }) = &start {
            agree("--components", self.components, mixture.n_components(), START)?;
            agree("--covariance", self.covariance, mixture.covariance_type(), START)?;
        }
        let base = match (&resumed, &start) {
            (Some(checkpoint), _) => self.resumed_options(&checkpoint.options)?,
            (None, Some(Model { mixture, .. })) => {
                let (covariance_type, start) = (mixture.covariance_type(), Start::Auto);
                FitOptions { covariance_type, start, ..FitOptions::new(mixture.n_components()) }
            }
            (None, None) => FitOptions {
                covariance_type: self.covariance.unwrap_or_default(),
                start: Start::Auto,
                ..FitOptions::new(self.components.unwrap_or_default())
            },
        };
        let mut features = Columns::All;
        let mixture = start.map(|model| {
            features = Columns::of_model(model.feature_names.as_deref());
            model.mixture
        });
        let options = FitOptions {
            tol: self.tol.unwrap_or(base.tol),
            floor: self.collapse.floor().unwrap_or(base.floor),
            on_collapse: self.collapse.on_collapse().unwrap_or(base.on_collapse),
            max_iter: self.max_iter.unwrap_or(base.max_iter),
            n_init: self.n_init.unwrap_or(base.n_init),
            init: self.init.unwrap_or(base.init),
            seed: self.seed.unwrap_or(base.seed),
            start: self.start.unwrap_or(base.start),
            update: self.update.update()?.unwrap_or(base.update),
            prune: self.prune.unwrap_or(base.prune),
            posterior: self.posterior.posterior()?.unwrap_or(base.posterior),
            warm_start: mixture.map(|mixture| WarmStart { mixture, lower_bound: None }),
            ..base
        };
        options.check()?;
        if ranks.size() > 1 && matches!(options.update, Update::Stepwise { .. }) {
            let problem = "--update stepwise goes through all samples in order, and ranks share them out".to_owned();
            return Err(Usage { problem, remedy: "choose another update, or one process".into() }.into());
        }
        if ranks.size() > 1 && options.start == Start::CoarseToFine {
            let problem = "--start coarse-to-fine draws from all samples, and ranks share them out".to_owned();
            return Err(Usage { problem, remedy: "choose --start direct, or one process".into() }.into());
        }
        if ranks.size() > 1 && options.posterior != Posterior::Exact {
            let problem = "--posterior truncated has candidates for all samples, and ranks share these out".to_owned();
            return Err(Usage { problem, remedy: "choose --posterior exact, or one process".into() }.into());
        }
        let init = match &resumed {
            Some(checkpoint) => {
                features = Columns::of_model(checkpoint.data.feature_names());
                checkpoint.options.init.clone()
            }
            None => if options.warm_start.is_some() { FROM_MODEL } else { options.init.name() }.to_owned(),
        };
        let mut inputs = self.data.files()?;
        inputs.extend(self.weights.iter().map(PathBuf::from).chain(self.init_model.clone()));
        if let Some(path) = &self.checkpoint {
            // It may take the place of the one that the fit goes on from.
            check_output("--checkpoint", path, &inputs)?;
        }
        inputs.extend(self.resume.clone());
        let outputs = [("--out", &self.out), ("--trace", &self.trace), ("--plot", &self.plot)];
        let outputs = outputs.map(|(flag, path)| (flag, path.as_deref()));
        for (flag, path) in outputs {
            path.map_or(Ok(()), |path| check_output(flag, path, &inputs))?;
        }
        check_distinct(&[&[("--checkpoint", self.checkpoint.as_deref())], &outputs[..]].concat())?;
        let destination = self.out.as_deref().map(Destination::new).transpose()?;
        let trace = self.trace.as_deref().map(Trace::new).transpose()?;
        let plot = self.plot.as_deref().map(Plot::new).transpose()?;
        let checkpoints = self.checkpoint.as_deref();
        let checkpoints = checkpoints.map(|path| Checkpoints::new(path, self.checkpoint_every)).transpose()?;
        let device = self.memory.limit(self.device.open(ranks)?);
        let device = match &resumed {
            Some(checkpoint) => device.with_shares_of(&checkpoint.device),
            None => device,
        };
        Ok(Request { options, init, features, destination, trace, plot, checkpoints, resumed, device })
    }

    /// The options of a checkpoint, which arguments must agree with; a single restart may be given more epochs.
    fn resumed_options(&self, recorded: &OptionsRecord) -> anyhow::Result<FitOptions> {
        agree("--components", self.components, recorded.n_components, CHECKPOINT)?;
        agree("--covariance", self.covariance, recorded.covariance_type, CHECKPOINT)?;
        agree("--init", self.init.map(Init::name), &recorded.init, CHECKPOINT)?;
        agree("--n-init", self.n_init, recorded.n_init, CHECKPOINT)?;
        agree("--tol", self.tol, recorded.tol, CHECKPOINT)?;
        agree("the covariance floor", self.collapse.floor(), recorded.floor, CHECKPOINT)?;
        agree("--on-collapse", self.collapse.on_collapse(), recorded.on_collapse, CHECKPOINT)?;
        agree("--seed", self.seed, recorded.seed, CHECKPOINT)?;
        let start = self.start.filter(|start| *start != Start::Auto);
        agree("--start", start.map(Start::name), recorded.start.name(), CHECKPOINT)?;
        if let Some(update) = self.update.update()?
            && update != recorded.update
        {
            let problem = format!(
                "--update is {}, but {CHECKPOINT} has {}, or other numbers for it",
                update.name(),
                recorded.update.name()
            );
            return Err(Usage { problem, remedy: "leave these flags out, or begin from something else".into() }.into());
        }
        agree("--prune", self.prune.map(Prune::name), recorded.prune.name(), CHECKPOINT)?;
        if let Some(posterior) = self.posterior.posterior()?
            && posterior != recorded.posterior
        {
            let (given, found) = (posterior.name(), recorded.posterior.name());
            let problem = format!("--posterior is {given}, but {CHECKPOINT} has {found}, or other numbers for it");
            return Err(Usage { problem, remedy: "leave these flags out, or begin from something else".into() }.into());
        }
        if recorded.n_init > 1 {
            agree("--max-iter", self.max_iter, recorded.max_iter, CHECKPOINT)?;
        }
        Ok(FitOptions {
            covariance_type: recorded.covariance_type,
            tol: recorded.tol,
            floor: recorded.floor,
            on_collapse: recorded.on_collapse,
            max_iter: recorded.max_iter,
            n_init: recorded.n_init,
            // One that was continued from a model has its start behind it.
            init: recorded.init.parse().unwrap_or_default(),
            seed: recorded.seed,
            start: recorded.start,
            update: recorded.update,
            prune: recorded.prune,
            posterior: recorded.posterior,
            ..FitOptions::new(recorded.n_components)
        })
    }
}
