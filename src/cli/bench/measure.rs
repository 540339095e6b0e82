//! The measurement of one device.

use std::time::Instant;

use mixtura::device::{Assignment, Backend, Ceiling, KernelTime, Tune};
use mixtura::fit::{FitState, Fitting, Progress};
use mixtura::model::MStep;
use mixtura::ranks::Ranks;
use mixtura::{CovarianceType, Device, DeviceChoice, FitOptions, Mixture, Points, Result, Summary};

use super::synthetic;
use crate::cli::inputs::MemoryArgs;
use crate::cli::interrupt::asked;
use crate::cli::output::Detail;
use crate::cli::progress::ProgressLog;
use crate::cli::ranks::device;

/// Samples that are enough to make a device compile its kernels.
const FEW: usize = 256;

/// An open device.
pub(super) struct Opened {
    /// As the arguments name it.
    pub(super) name: String,
    pub(super) device: Device,
    /// Seconds that opening it took.
    pub(super) seconds: f64,
}

impl Opened {
    pub(super) fn new(name: &str, ranks: &Ranks, memory: &MemoryArgs, tune: Tune) -> Result<Self> {
        let Ok(choice) = name.parse::<DeviceChoice>();
        let started = Instant::now();
        let device = memory.limit(Device::open(&device(ranks, &choice))?.with_tune(tune));
        Ok(Opened { name: name.to_owned(), device, seconds: started.elapsed().as_secs_f64() })
    }
}

/// Puts samples on a device, tuned in a mode.
pub(super) type Load<'a> = dyn Fn(&Opened, Tune) -> Result<Box<dyn Backend + 'a>> + 'a;

/// Task that all devices do.
pub(super) struct Task<'a> {
    /// Of all samples.
    pub(super) summary: &'a Summary,
    /// Puts the samples on a device, which every rank knows by its name.
    pub(super) load: &'a Load<'a>,
    /// Processes that share it, whose devices are taken to be alike.
    pub(super) n_ranks: usize,
    /// Bytes of a value, as every pass reads it.
    pub(super) value_bytes: usize,
    /// Options of the initialisation and of the epochs, all of which are done: nothing is below a tolerance of 0.
    pub(super) options: FitOptions,
    pub(super) tune: Tune,
    pub(super) profile: bool,
    pub(super) detail: Detail,
}

/// Measurement of a device at that task; times are in seconds.
pub(super) struct Measurement {
    pub(super) compile: f64,
    pub(super) upload: f64,
    pub(super) init: f64,
    pub(super) tuning: f64,
    /// Each epoch before tuning, if there was any.
    pub(super) untuned: Option<Vec<f64>>,
    /// Each epoch.
    pub(super) epochs: Vec<f64>,
    pub(super) ceiling: Ceiling,
    /// Each kernel in one epoch, if that was asked for.
    pub(super) kernels: Option<Vec<KernelTime>>,
    /// The model that the epochs began with, and the one they ended with.
    pub(super) start: Mixture,
    pub(super) end: Mixture,
}

/// Measures a device, its epochs from a given start, or else from its own initialisation.
pub(super) fn measure(opened: &Opened, task: &Task, start: Option<&Mixture>) -> Result<Measurement> {
    let (Opened { name, device, .. }, Task { summary, load, n_ranks, options, tune, profile, detail, .. }) =
        (opened, task);
    if *detail != Detail::Nothing {
        eprintln!("{name}: {}", device.info().name);
    }
    let mut progress = ProgressLog::of_samples(*detail, summary.n_samples(), options);
    // Nothing is tuned before the epochs that are to show what tuning gains.
    let untuned_device = device.clone().with_tune(Tune::Off);
    let compile = compile(&untuned_device, options, summary.n_features())?;
    let ceiling = device.ceiling()?.times(*n_ranks);

    let no_epochs = FitOptions { max_iter: 0, ..options.clone() };
    let untuned_load = || load(opened, Tune::Off);
    let start_of = FitState::default();
    let initial =
        Fitting::resume_on(summary, asked(), &untuned_device, untuned_load, None, &no_epochs, start_of)?.finish()?;
    let start = start.unwrap_or(&initial.mixture).clone();

    let started = Instant::now();
    let mut backend = untuned_load()?;
    let upload = started.elapsed().as_secs_f64();
    // The first pass makes buffers, and touches memory, that later ones find.
    backend.moments(&start, Assignment::Soft)?;
    let m_step = MStep::new(options.floor.of_features(summary));
    let n_samples = summary.n_samples();
    let mut epochs = |backend: &mut dyn Backend| -> Result<(Vec<f64>, Mixture)> {
        let mut times = Vec::new();
        let (mut mixture, mut last_bound) = (start.clone(), f64::NEG_INFINITY);
        for epoch in 1..=options.max_iter {
            let started = Instant::now();
            let moments = backend.moments(&mixture, Assignment::Soft)?;
            mixture = m_step.solve(&moments)?;
            let (seconds, lower_bound) = (started.elapsed().as_secs_f64(), moments.lower_bound());
            times.push(seconds);
            progress.show(&Progress::of_epoch(n_samples, epoch, lower_bound, lower_bound - last_bound, seconds));
            last_bound = lower_bound;
        }
        Ok((times, mixture))
    };
    let (mut untuned, mut tuning) = (None, 0.0);
    if *tune != Tune::Off && device.info().backend != "cpu" {
        untuned = Some(epochs(&mut *backend)?.0);
        // There may be no room for the samples twice.
        drop(backend);
        backend = load(opened, *tune)?;
        let started = Instant::now();
        backend.tune(&start)?;
        tuning = started.elapsed().as_secs_f64();
        backend.moments(&start, Assignment::Soft)?;
    }
    let (epochs, end) = epochs(&mut *backend)?;
    progress.finish();
    let kernels = profile.then(|| backend.kernel_times(&end)).transpose()?;
    Ok(Measurement {
        compile,
        upload,
        init: initial.seconds.init,
        tuning,
        untuned,
        epochs,
        ceiling,
        kernels,
        start,
        end,
    })
}

/// Seconds that the device takes to compile what it needs for models like these: passes over a few samples need it all.
fn compile(device: &Device, options: &FitOptions, d: usize) -> Result<f64> {
    let started = Instant::now();
    // To a device, k-means is a pass of the diagonal family.
    for family in [CovarianceType::Diag, options.covariance_type] {
        let mixture = synthetic::mixture(options.n_components, d, family)?;
        let few = Points::new(mixture.sample(FEW, 0).0)?;
        device.load(&few)?.moments(&mixture, Assignment::Soft)?;
    }
    Ok(started.elapsed().as_secs_f64())
}
