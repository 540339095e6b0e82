//! `mixtura select`: how many components, and which covariances.

mod progress;
mod report;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Instant;

use clap::Args;
use mixtura::data::Watched;
use mixtura::io::{Columns, Dataset, Destination, save_model};
use mixtura::ranks::Ranks;
use mixtura::select::{Criterion, SelectOptions, Selecting, Selection};
use mixtura::{CovarianceType, Data, Device, Error, FitOptions, Init, Summary};

use super::Usage;
use super::choices::{covariance_parser, criterion_parser, init_parser};
use super::collapse::CollapseArgs;
use super::counts::Counts;
use super::inputs::{DataArgs, DeviceArgs, MemoryArgs, check_distinct, check_output};
use super::interrupt::{self, Interrupted};
use super::output::OutputArgs;
use super::plot::Plot;
use super::progress::waiting;
use super::records::Record;
use super::rows::Rows;
use progress::CandidateLog;
use report::{COLUMNS, SelectReport};

/// Most bytes of sums of candidates that share their passes.
const MOST_SUMS: u64 = 1 << 30;

/// Compare models of several numbers of components and families of covariances
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    mixtura select data/faithful.csv -k 1..9\n  \
    mixtura select samples.npy -k 1..20 --covariance full,tied --criterion icl --out best.json\n  \
    mixtura select samples.npy -k 2,4,8,16 --n-init 3 --table candidates.csv --plot candidates.svg")]
pub(crate) struct SelectArgs {
    #[command(flatten)]
    data: DataArgs,

    /// Numbers of components: a range with both its ends, or a list, such as 1..20 or 2,4,8
    #[arg(short = 'k', long = "components", visible_alias = "n-components", value_name = "NUMBERS")]
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

    /// Write the best model here
    #[arg(long, value_name = "MODEL.json")]
    out: Option<PathBuf>,

    /// Write a row for every candidate here: .csv or .json
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,

    /// Draw the criterion over the numbers of components, by family, here: .svg or .png
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,

    #[command(flatten)]
    collapse: CollapseArgs,
}

/// Arguments that go together, places for the results and an open device.
struct Request {
    options: SelectOptions,
    destination: Option<Destination>,
    table: Option<Rows>,
    plot: Option<Plot>,
    device: Device,
}

impl SelectArgs {
    pub(crate) fn run(self, output: &OutputArgs, ranks: &Ranks) -> anyhow::Result<()> {
        let started = Instant::now();
        if ranks.size() > 1 {
            let problem = "mixtura select compares models in one process".to_owned();
            return Err(Usage { problem, remedy: "start it without mpirun, or fit each model by several" }.into());
        }
        let request = self.check(ranks)?;
        let bar = waiting(output.quiet, "reading");
        let (weights, seed) = (self.weights.as_deref(), self.seed);
        let data = self.data.read_share(ranks, &Columns::All, weights, seed, self.memory.host(ranks))?;
        let Some(data) = data else { return Err(Error::EmptyData { n_samples: 0, n_features: 0 }.into()) };
        drop(bar);
        output.notes(data.notes());
        interrupt::wait_for_end();
        self.select(request, &data, output, started)
    }

    fn select(&self, request: Request, data: &Dataset, output: &OutputArgs, started: Instant) -> anyhow::Result<()> {
        let Request { options, destination, table, plot, device } = request;
        let (summary, stop) = (data.summary(), interrupt::asked());
        let watched = Watched::new(data, stop, &|_| {});
        let mut selecting = Selecting::new(&watched, &device, &options).map_err(|error| data.locate(error))?;
        let mut log = CandidateLog::new(output.quiet, &options, summary.n_features());
        let ended = loop {
            match selecting.pass() {
                Ok(Some(places)) => log.show(&selecting, &places),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            if stop.load(Ordering::SeqCst) {
                break Err(Error::Interrupted);
            }
        };
        log.finish();
        output.distrust(&device);
        let (n_candidates, n_over) = selecting.n_candidates();
        let selection = selecting.finish();
        // Whatever ended it, what is done is kept.
        let report = SelectReport::new(&selection, &device, summary.n_samples(), started.elapsed().as_secs_f64());
        if let Some(table) = &table {
            table.save(&COLUMNS, report.rows())?;
        }
        let best = save_best(&selection, destination.as_ref(), (&device, summary, &options))?;
        if let Some(plot) = &plot
            && selection.best().is_some()
        {
            let _bar = waiting(output.quiet, "drawing");
            plot.draw_selection(&selection, summary.n_samples())?;
        }
        match ended {
            Err(Error::Interrupted) => {
                let kept = [table.as_ref().map(Rows::path), best].into_iter().flatten();
                let kept: Vec<String> = kept.map(|path| path.display().to_string()).collect();
                let kept = if kept.is_empty() {
                    "nothing was written".to_owned()
                } else {
                    format!("what is done is in {}", kept.join(" and "))
                };
                let text =
                    format!("the comparison was interrupted after {n_over} of {n_candidates} candidates\n{kept}");
                return Err(Interrupted(text).into());
            }
            ended => ended.map_err(|error| data.locate(error))?,
        }
        if let Some(best) = selection.best() {
            output.warnings(&best.fit.warnings);
        }
        match output.quiet {
            true => output.made(&report),
            false => output.result(&report, || report.table(summary.feature_names(), best)),
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
            sums_memory: MOST_SUMS.min(self.memory.host(ranks)),
            ..SelectOptions::new(self.components.0.iter().copied())
        };
        options.check()?;
        let mut inputs = self.data.files()?;
        inputs.extend(self.weights.iter().map(PathBuf::from));
        let outputs = [("--out", &self.out), ("--table", &self.table), ("--plot", &self.plot)];
        let outputs = outputs.map(|(flag, path)| (flag, path.as_deref()));
        for (flag, path) in outputs {
            path.map_or(Ok(()), |path| check_output(flag, path, &inputs))?;
        }
        check_distinct(&outputs)?;
        Ok(Request {
            options,
            destination: self.out.as_deref().map(Destination::new).transpose()?,
            table: self.table.as_deref().map(|path| Rows::new("--table", path)).transpose()?,
            plot: self.plot.as_deref().map(Plot::new).transpose()?,
            device: self.memory.limit(self.device.open(ranks)?),
        })
    }
}

/// Writes the best model, if there is one and a place for it; that place.
fn save_best<'d>(
    selection: &Selection,
    destination: Option<&'d Destination>,
    (device, summary, options): (&Device, &Summary, &SelectOptions),
) -> mixtura::Result<Option<&'d std::path::Path>> {
    let best = selection.best_index().map(|i| &selection.candidates[i]);
    let Some((candidate, destination)) = best.zip(destination) else { return Ok(None) };
    let Some(scored) = candidate.scored() else { return Ok(None) };
    let options = options.fit_of(candidate.n_components, candidate.covariance_type);
    let record = Record { device, summary, options: &options, init: options.init.name() };
    save_model(destination, &record.model(scored.fit.mixture.clone(), record.of_fit(&scored.fit)))?;
    Ok(Some(destination.path()))
}
