//! `mixtura select`: how many components, and which covariances.

mod checkpoint;
mod progress;
mod report;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

use clap::Args;
use mixtura::data::{Shard, Watched};
use mixtura::io::{Columns, Comparison, DataRecord, Dataset, Destination, save_model};
use mixtura::ranks::{Leading, Ranks, Share, follow, share_summary};
use mixtura::select::{Criterion, SelectOptions, Selecting, Selection, Trial};
use mixtura::{CovarianceType, Data, Device, Error, FitOptions, Init, Summary};

use super::Usage;
use super::agreement::warn_of_other_bits;
use super::choices::{covariance_parser, criterion_parser, init_parser};
use super::collapse::CollapseArgs;
use super::constant;
use super::counts::Counts;
use super::inputs::{DataArgs, DeviceArgs, MemoryArgs, check_distinct, check_output};
use super::interrupt::{self, Interrupted};
use super::missing;
use super::output::OutputArgs;
use super::plot::Plot;
use super::progress::waiting;
use super::ranks::{agreed, notes_of_all};
use super::records::Record;
use super::report::model_file;
use super::rows::Rows;
use checkpoint::{CheckpointFile, check_fits};
use progress::CandidateLog;
use report::{FIELDS, SelectReport};

/// Name of the device of every rank, by which it knows what to load samples on.
const OWN: &str = "own";

/// Most bytes of sums of candidates that share their passes.
const MOST_SUMS: u64 = 1 << 30;

/// Compare models of several numbers of components and families of covariances
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    mixtura select data/faithful.csv -k 1..9\n  \
    mixtura select samples.npy -k 1..20 --covariance full,tied --criterion icl --out best.json\n  \
    mixtura select samples.npy -k 1..10 --criterion held-out --folds 5\n  \
    mixtura select huge.npy -k 10..40 --checkpoint candidates.ckpt --out best.json\n  \
    mixtura select huge.npy -k 10..60 --resume candidates.ckpt --checkpoint candidates.ckpt --out best.json\n  \
    mixtura select samples.npy -k 2,4,8,16 --n-init 3 --table candidates.csv --plot candidates.svg")]
pub(crate) struct SelectArgs {
    #[command(flatten)]
    data: DataArgs,

    /// Numbers of components: a range with both its ends, or a list, such as 1..20 or 2,4,8
    #[arg(short = 'k', long = "components", value_name = "NUMBERS")]
    #[arg(value_parser = Counts::parse)]
    components: Counts,

    /// Families of covariances
    #[arg(long, value_name = "FAMILIES", value_delimiter = ',', value_parser = covariance_parser())]
    #[arg(default_values = CovarianceType::ALL.map(CovarianceType::name))]
    covariance: Vec<CovarianceType>,

    /// What decides; of all lower is better
    #[arg(long, value_name = "CRITERION", value_parser = criterion_parser(), default_value = Criterion::Bic.name())]
    criterion: Criterion,

    /// Fit every candidate to all samples, from initialisations of its own. Else those of fewer components begin at the model
    /// of one more, of which two are merged; and of many samples a part comes first, and all of them for the best alone
    #[arg(long)]
    exhaustive: bool,

    /// Restarts from different initialisations, where a candidate begins at one; the best lower bound wins
    #[arg(long, value_name = "N", default_value_t = 1)]
    n_init: usize,

    /// Initialisation
    #[arg(long, value_parser = init_parser(), default_value = Init::KMeans.name())]
    init: Init,

    /// Most epochs for each restart
    #[arg(long, value_name = "N", default_value_t = 100)]
    max_iter: usize,

    /// Stop a restart when the lower bound (mean log-likelihood) changes by less than this
    #[arg(long, value_name = "CHANGE", allow_negative_numbers = true, default_value_t = 1e-3)]
    tol: f64,

    /// Seed of all random choices
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Sample weights: a column of the data, by name or index, or else a file with one weight for each row
    #[arg(long, value_name = "COLUMN-or-FILE")]
    weights: Option<String>,

    #[command(flatten)]
    device: DeviceArgs,

    #[command(flatten)]
    memory: MemoryArgs,

    /// Compare candidates by folds, too: each is fitted to all samples but those of one of so many folds as well, which
    /// then tell what its model is worth [default: 5 where the criterion asks for folds]
    #[arg(long, value_name = "N")]
    folds: Option<usize>,

    /// Write here, again and again, which fits are over
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,

    /// Go on from a checkpoint, on the same data; other numbers of components, families, folds and criteria may be given
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,

    /// Write the best model here
    #[arg(long, value_name = "MODEL.json")]
    out: Option<PathBuf>,

    /// Write a row for every candidate here: .csv, .json or .parquet
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,

    /// Draw the criterion over the numbers of components, by family, here: .svg or .png
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,

    #[command(flatten)]
    collapse: CollapseArgs,
}

/// Folds, where the criterion asks for them and nothing else is said.
const FOLDS: usize = 5;

/// Arguments that go together, places for the results and an open device.
struct Request {
    options: SelectOptions,
    destination: Option<Destination>,
    table: Option<Rows>,
    plot: Option<Plot>,
    checkpoint: Option<CheckpointFile>,
    resumed: Option<Comparison>,
    device: Device,
}

/// The samples of the first rank, among all.
struct Samples<'a> {
    data: &'a Dataset,
    shard: &'a Shard<'a>,
    /// Of all samples.
    summary: &'a Summary,
    locate: &'a (dyn Fn(Error) -> Error + Sync),
}

impl SelectArgs {
    pub(crate) fn run(mut self, output: &OutputArgs, ranks: &Ranks) -> anyhow::Result<()> {
        let started = Instant::now();
        if !ranks.is_first() {
            // The others write nothing.
            (self.checkpoint, self.out, self.table, self.plot) = Default::default();
        }
        let request = agreed(ranks, self.check(ranks))?;
        let bar = waiting(output.quiet, "reading");
        let (weights, seed) = (self.weights.as_deref(), self.seed);
        let data = self.data.read_share(ranks, &Columns::All, weights, seed, self.memory.host(ranks))?;
        let summary = share_summary(ranks, data.as_ref().map(|data| data.summary().clone()), interrupt::asked())?;
        let notes = notes_of_all(ranks, data.as_ref().map_or(&[], Dataset::notes))?;
        drop(bar);
        output.notes(&notes);
        output.notes(missing::note(&summary).as_slice());
        output.notes(constant::note(&summary).as_slice());
        output.notes(missing::cost(&summary, &request.options.families).as_slice());
        interrupt::wait_for_end();
        let locate = |error: Error| match &data {
            Some(data) => data.locate(error),
            None => error,
        };
        let shard = data.as_ref().map(|data| Shard::new(data, data.summary(), &summary)).transpose()?;
        match (&data, &shard) {
            (Some(data), Some(shard)) if ranks.is_first() => {
                let samples = Samples { data, shard, summary: &summary, locate: &locate };
                self.select(request, &samples, output, ranks, started)
            }
            _ => {
                let watched = shard.as_ref().map(|shard| Watched::new(shard, interrupt::asked(), &|_| {}));
                let data = watched.as_ref().map(|watched| watched as &dyn Data);
                Ok(follow(ranks, Share { data, locate: &locate }, &|_| Ok(request.device.clone()))?)
            }
        }
    }

    fn select(
        &self,
        request: Request,
        samples: &Samples,
        output: &OutputArgs,
        ranks: &Ranks,
        started: Instant,
    ) -> anyhow::Result<()> {
        let Request { options, destination, table, plot, mut checkpoint, resumed, device } = request;
        let Samples { data, shard, summary, locate } = *samples;
        // From here on the other ranks are let go, whatever happens.
        let (leading, stop) = (Leading::new(ranks), interrupt::asked());
        if let Some((resumed, path)) = resumed.as_ref().zip(self.resume.as_deref()) {
            resumed.check_data(path, summary)?;
        }
        warn_of_other_bits(resumed.as_ref().map(|resumed| &resumed.device), &device, output);
        let watched = Watched::new(shard, stop, &|_| {});
        let share = Share { data: Some(&watched), locate };
        let here = (ranks.size() == 1).then_some(&watched as &dyn Data);
        let load = || leading.load(share, summary, (&device, OWN), stop);
        let trials = resumed.map(|resumed| resumed.trials).unwrap_or_default();
        let mut selecting =
            Selecting::resume_on(summary, stop, &device, load, here, &options, trials).map_err(locate)?;
        let comparison = |trials: &[Trial]| Comparison {
            device: device.record(),
            data: DataRecord::of(summary),
            fits: (&options.fit).into(),
            trials: trials.to_vec(),
        };
        let mut log = CandidateLog::new(output.detail(), &options, summary.n_features());
        let ended = loop {
            match selecting.pass() {
                Ok(Some(places)) => log.show(&selecting, &places),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            if let Some(checkpoint) = &mut checkpoint
                && let Err(error) = checkpoint.after_pass(selecting.trials(), comparison)
            {
                break Err(error);
            }
            if stop.load(Ordering::SeqCst) {
                break Err(Error::Interrupted);
            }
        };
        log.finish();
        output.distrust(&device);
        let over = selecting.n_candidates();
        let trials = selecting.trials().to_vec();
        let selection = selecting.finish();
        // Whatever ended it, what is done is kept.
        let report = SelectReport::new(&selection, &device, summary.n_samples(), started.elapsed().as_secs_f64());
        let mut kept = Vec::new();
        if let Some(checkpoint) = &checkpoint {
            checkpoint.save(&comparison(&trials))?;
            kept.push(checkpoint.path());
        }
        if let Some(table) = &table {
            table.save(&FIELDS, report.rows())?;
            kept.push(table.path());
        }
        let best = save_best(&selection, destination.as_ref(), (&device, summary, &options))?;
        kept.extend(best);
        if let Some(plot) = &plot
            && selection.best().is_some()
        {
            let _bar = waiting(output.quiet, "drawing");
            plot.draw_selection(&selection, summary.n_samples())?;
        }
        match ended {
            Err(Error::Interrupted) => return Err(interrupted(over, &kept, checkpoint.is_some()).into()),
            ended => ended.map_err(locate)?,
        }
        if let Some(best) = selection.best() {
            output.warnings(&best.fit.warnings);
        }
        output.warnings(&ranks.warnings().into_iter().map(Into::into).collect::<Vec<_>>());
        let mut files: Vec<_> = best.iter().map(|path| model_file(path)).collect();
        // A choice without a best model has no picture.
        let plot = self.plot.as_ref().filter(|_| selection.best().is_some());
        let others = [("table", self.table.as_ref()), ("plot", plot), ("checkpoint", self.checkpoint.as_ref())];
        files.extend(others.iter().filter_map(|(name, path)| Some((*name, path.as_ref()?.display().to_string()))));
        match output.quiet {
            true => output.made(&report, &[]),
            false => output.result(&report, || report.table(data.summary().feature_names(), &files)),
        }
    }

    /// Everything that can be refused before the data are read.
    fn check(&self, ranks: &Ranks) -> anyhow::Result<Request> {
        let fit = FitOptions {
            tol: self.tol,
            floor: self.collapse.floor().unwrap_or_default(),
            on_collapse: self.collapse.on_collapse().unwrap_or_default(),
            max_iter: self.max_iter,
            n_init: self.n_init,
            init: self.init,
            seed: self.seed,
            ..FitOptions::new(1)
        };
        let options = SelectOptions {
            families: self.covariance.clone(),
            criterion: self.criterion,
            fit,
            exhaustive: self.exhaustive,
            folds: self.folds.or(self.criterion.is_of_folds().then_some(FOLDS)),
            sums_memory: MOST_SUMS.min(self.memory.host(ranks)),
            ..SelectOptions::new(self.components.0.iter().copied())
        };
        options.check()?;
        if let (Some(_), 2..) = (options.folds, ranks.size()) {
            let problem = "folds are drawn from all samples, and ranks share them out".to_owned();
            return Err(
                Usage { problem, remedy: "choose another criterion and no --folds, or one process".into() }.into()
            );
        }
        let resumed = self.resume.as_deref().map(Comparison::load).transpose()?;
        if let Some(resumed) = &resumed {
            check_fits(&(&options.fit).into(), &resumed.fits)?;
        }
        let mut inputs = self.data.files()?;
        inputs.extend(self.weights.iter().map(PathBuf::from));
        if let Some(path) = &self.checkpoint {
            // It may take the place of the one that the choice goes on from.
            check_output("--checkpoint", path, &inputs)?;
        }
        inputs.extend(self.resume.clone());
        let outputs = [("--out", &self.out), ("--table", &self.table), ("--plot", &self.plot)];
        let outputs = outputs.map(|(flag, path)| (flag, path.as_deref()));
        for (flag, path) in outputs {
            path.map_or(Ok(()), |path| check_output(flag, path, &inputs))?;
        }
        check_distinct(&[&[("--checkpoint", self.checkpoint.as_deref())], &outputs[..]].concat())?;
        let device = self.memory.limit(self.device.open(ranks)?);
        let device = match &resumed {
            Some(resumed) => device.with_shares_of(&resumed.device),
            None => device,
        };
        Ok(Request {
            options,
            checkpoint: self.checkpoint.as_deref().map(CheckpointFile::new).transpose()?,
            resumed,
            destination: self.out.as_deref().map(Destination::new).transpose()?,
            table: self.table.as_deref().map(|path| Rows::new("--table", path)).transpose()?,
            plot: self.plot.as_deref().map(Plot::new).transpose()?,
            device,
        })
    }
}

/// What is told of a choice that was interrupted, and of the files that were written.
fn interrupted((n, over): (usize, usize), kept: &[&Path], can_go_on: bool) -> Interrupted {
    let kept: Vec<String> = kept.iter().map(|path| path.display().to_string()).collect();
    let kept = match (kept.is_empty(), can_go_on) {
        (true, _) => "nothing was written".to_owned(),
        (false, false) => format!("what is done is in {}", kept.join(" and ")),
        (false, true) => format!("what is done is in {}; go on with --resume", kept.join(" and ")),
    };
    Interrupted(format!("the comparison was interrupted after {over} of {n} candidates\n{kept}"))
}

/// Writes the best model, if there is one and a place for it; that place.
fn save_best<'d>(
    selection: &Selection,
    destination: Option<&'d Destination>,
    (device, summary, options): (&Device, &Summary, &SelectOptions),
) -> mixtura::Result<Option<&'d Path>> {
    let best = selection.best_index().map(|i| &selection.candidates[i]);
    let Some((candidate, destination)) = best.zip(destination) else { return Ok(None) };
    let Some(scored) = candidate.scored() else { return Ok(None) };
    let options = options.fit_of(candidate.n_components, candidate.covariance_type);
    let record = Record { device, summary, options: &options, init: options.init.name() };
    save_model(destination, &record.model(scored.fit.mixture.clone(), record.of_fit(&scored.fit)))?;
    Ok(Some(destination.path()))
}
