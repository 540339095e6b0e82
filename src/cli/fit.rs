//! `mixtura fit`: from a file to a fitted model.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use mixtura::io::{Destination, FitRecord, Model, load_model, save_model};
use mixtura::{CovarianceType, Device, DeviceInfo, Fit, FitOptions, Init, WarmStart};

use super::inputs::{DataArgs, DeviceArgs, check_output};
use super::progress::ProgressLog;
use super::report::{FitReport, summary};
use super::{Usage, print, print_json};

/// Fit a mixture to samples by expectation-maximisation
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    mixtura fit data/faithful.csv -k 2\n  \
    mixtura fit samples.npy -k 16 --covariance diag --device gpu --out model.json\n  \
    mixtura fit sales.csv -k 4 --columns price,amount --weights count --json > fit.json")]
pub(crate) struct FitArgs {
    #[command(flatten)]
    data: DataArgs,

    /// Number of components, K
    #[arg(short = 'k', long = "components", visible_alias = "n-components", value_name = "K")]
    #[arg(required_unless_present = "init_model")]
    components: Option<usize>,

    /// Family of the covariances [default: full, or the start model's]
    #[arg(long, value_name = "FAMILY", value_parser = covariance_parser())]
    covariance: Option<CovarianceType>,

    /// Initialisation
    #[arg(long, default_value = "kmeans", conflicts_with = "init_model", value_parser = init_parser())]
    init: Init,

    /// Start from this model instead of an initialisation
    #[arg(long, value_name = "MODEL.json")]
    init_model: Option<PathBuf>,

    /// Restarts from different initialisations; the best lower bound wins
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "init_model")]
    n_init: usize,

    /// Most epochs for each restart; 0 gives the initialisation
    #[arg(long, value_name = "N", default_value_t = 100)]
    max_iter: usize,

    /// Stop when the lower bound (mean log-likelihood) changes by less than this
    #[arg(long, value_name = "CHANGE", default_value = "1e-3", allow_negative_numbers = true)]
    tol: f64,

    /// Added to the diagonal of every covariance, so that no component collapses
    #[arg(long, value_name = "FLOOR", default_value = "1e-6", allow_negative_numbers = true)]
    reg_covar: f64,

    /// Seed of all random choices
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Sample weights: a column of the data, by name or index, or else a file with one weight for each row
    #[arg(long, value_name = "COLUMN-or-FILE")]
    weights: Option<String>,

    #[command(flatten)]
    device: DeviceArgs,

    /// Write the model here
    #[arg(long, value_name = "MODEL.json")]
    out: Option<PathBuf>,

    /// Print one JSON object instead of the summary
    #[arg(long)]
    json: bool,

    /// Show no progress, no summary and no warnings
    #[arg(long, short)]
    quiet: bool,
}

/// Arguments that go together, a place for the model and an open device.
struct Request {
    options: FitOptions,
    feature_names: Option<Vec<String>>,
    destination: Option<Destination>,
    device: Device,
}

impl FitArgs {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let started = Instant::now();
        let Request { options, feature_names, destination, device } = self.check()?;

        let reading = Instant::now();
        let data = self.data.read(feature_names.as_deref(), self.weights.as_deref(), options.seed)?;
        let read = reading.elapsed().as_secs_f64();
        if let Some(start) = &options.warm_start {
            data.check_features(start.mixture.n_features())?;
        }

        let points = data.points();
        let mut progress = ProgressLog::new(self.quiet, points.n_samples(), &options);
        let fit = mixtura::fit(points, &device, &options, &mut |step| progress.show(step));
        progress.finish();
        let fit = fit.map_err(|error| data.locate(error))?;

        let names = points.feature_names();
        if let Some(destination) = &destination {
            let record = record(&fit, device.info(), points.n_samples(), &options);
            let model =
                Model { mixture: fit.mixture.clone(), feature_names: names.map(<[String]>::to_vec), fit: Some(record) };
            save_model(destination, &model)?;
        }
        if !self.quiet {
            fit.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
        }
        let report = FitReport::new(&fit, device.info(), points.n_samples(), read, started.elapsed().as_secs_f64());
        match (self.json, self.quiet) {
            (true, _) => print_json(&report),
            (false, true) => Ok(()),
            (false, false) => print(&summary(&report, &fit, names, destination.as_ref().map(Destination::path))),
        }
    }

    /// Everything that can be refused before the data are read.
    fn check(&self) -> anyhow::Result<Request> {
        let start = self.init_model.as_deref().map(load_model).transpose()?;
        let (family, k) = match &start {
            Some(Model { mixture, .. }) => {
                agree("--components", self.components, mixture.n_components())?;
                agree("--covariance", self.covariance, mixture.covariance_type())?;
                (mixture.covariance_type(), mixture.n_components())
            }
            None => (self.covariance.unwrap_or_default(), self.components.unwrap_or_default()),
        };
        let (mixture, feature_names) = start.map(|model| (model.mixture, model.feature_names)).unzip();
        let options = FitOptions {
            covariance_type: family,
            tol: self.tol,
            reg_covar: self.reg_covar,
            max_iter: self.max_iter,
            n_init: self.n_init,
            init: self.init,
            seed: self.seed,
            warm_start: mixture.map(|mixture| WarmStart { mixture, lower_bound: None }),
            ..FitOptions::new(k)
        };
        options.check()?;
        if let Some(out) = &self.out {
            let weights = self.weights.as_ref().map(Path::new);
            check_output(out, &self.data.paths().chain(weights).collect::<Vec<_>>())?;
        }
        let destination = self.out.as_deref().map(Destination::new).transpose()?;
        let device = self.device.open()?;
        Ok(Request { options, feature_names: feature_names.flatten(), destination, device })
    }
}

/// An argument that is given must say what the start model says.
fn agree<T: PartialEq + std::fmt::Display>(flag: &str, given: Option<T>, model: T) -> Result<(), Usage> {
    match given {
        Some(given) if given != model => Err(Usage {
            problem: format!("{flag} is {given}, but the model of --init-model has {model}"),
            remedy: "leave the flag out, or start from another model",
        }),
        _ => Ok(()),
    }
}

fn record(fit: &Fit, device: &DeviceInfo, n_samples: usize, options: &FitOptions) -> FitRecord {
    FitRecord {
        device: device.clone(),
        n_samples,
        total_weight: fit.total_weight,
        init: if options.warm_start.is_some() { "model" } else { options.init.name() }.to_owned(),
        seed: options.seed,
        tol: options.tol,
        reg_covar: options.reg_covar,
        max_iter: options.max_iter,
        n_init: options.n_init,
        converged: fit.converged,
        n_iter: fit.n_iter,
        lower_bound: Some(fit.lower_bound).filter(|bound| bound.is_finite()),
        log_likelihood: fit.log_likelihood,
    }
}

pub(crate) fn covariance_parser() -> impl TypedValueParser<Value = CovarianceType> {
    PossibleValuesParser::new(CovarianceType::ALL.map(CovarianceType::name))
        .try_map(|name| name.parse::<CovarianceType>())
}

fn init_parser() -> impl TypedValueParser<Value = Init> {
    let names = [Init::KMeans, Init::KMeansPlusPlus, Init::Random, Init::RandomFromData].map(Init::name);
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Init>())
}
