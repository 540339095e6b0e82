//! Gaussian mixture models on millions of samples, on any GPU or on the CPU.
//!
//! A [`Mixture`] is the model p(x) = Σ w<sub>k</sub> N(x | μ<sub>k</sub>, Σ<sub>k</sub>), with full, tied, diagonal or
//! spherical covariances. [`fit()`] climbs to a maximum of the likelihood by expectation-maximisation: every epoch is
//! one pass over the samples on a [`Device`], which yields [`Moments`], and these are solved in f64 on the host for the
//! next model. Names and shapes are scikit-learn's, and so are defaults, but for what keeps a fit alive on data of any
//! scale.
//!
//! ```
//! use mixtura::{Device, FitOptions, Points, fit};
//! use ndarray::array;
//!
//! let samples = array![[1.8, 54.0], [3.6, 79.0], [2.3, 62.0], [4.5, 85.0], [2.0, 51.0], [4.3, 82.0]];
//! let points = Points::new(&samples)?;
//! let device = Device::cpu(); // or Device::open(&DeviceChoice::Auto)?
//! let fitted = fit(&points, &device, &FitOptions::new(2))?;
//!
//! println!("{} epochs, BIC {:.1}", fitted.n_iter, fitted.bic());
//! let labels = device.predict(&fitted.mixture, &points)?;
//! assert_eq!(labels[0], labels[2]);
//! assert_ne!(labels[0], labels[1]);
//! # Ok::<(), mixtura::Error>(())
//! ```
//!
//! # Ways to fit
//!
//! An epoch may move the model otherwise than to EM's next one: [`Update`] has the rules, all made of the same
//! [`Moments`]. Damped EM goes a part of the way to the targets of the M step. That is a step along a preconditioned
//! gradient; adding the targets themselves, as if they were gradients, is not, and has no end:
//!
//! ```
//! use mixtura::device::Assignment;
//! use mixtura::{Device, FitOptions, Mixture, Points, Update, fit};
//! use ndarray::array;
//!
//! let points = Points::new(array![[0.0], [0.2], [0.1], [5.0], [5.2], [5.1]])?;
//! let (device, eta) = (Device::cpu(), 0.1);
//! let options = FitOptions { update: Update::Damped { learning_rate: eta }, ..FitOptions::new(2) };
//! let damped = fit(&points, &device, &options)?; // means += eta * (targets - means)
//! assert!(damped.converged && damped.mixture.means().iter().all(|mean| (0.0..5.2).contains(mean)));
//!
//! let (mut backend, mut slipped) = (device.load(&points)?, damped.mixture);
//! for _ in 0..100 {
//!     let targets = backend.moments(&slipped, Assignment::Soft)?.maximize(1e-6)?;
//!     let means = slipped.means() + &(targets.means() * eta); // means += eta * targets
//!     slipped = Mixture::new(slipped.weights().clone(), means, slipped.covariances().clone())?;
//! }
//! assert!(slipped.means().iter().any(|mean| *mean > 25.0)); // far outside the data, and on its way
//! # Ok::<(), mixtura::Error>(())
//! ```
//!
//! A component with too few samples, or without a covariance, is repaired, dropped or named:
//! [`OnCollapse`](fit::OnCollapse).
//!
//! # Choosing a model
//!
//! [`select()`] compares models of several numbers of components and families by a [`Criterion`](select::Criterion), in
//! one job: candidates share their passes where samples move, those of fewer components begin at models of more, and of many
//! samples a part comes first.
//!
//! # Data larger than memory
//!
//! Whatever is [`Data`] can be fitted: [`Points`] are samples in memory, an [`io::Dataset`] those of files, which stay
//! on disk and are read anew in every pass where they exceed the memory they may take. A [`Fitting`](fit::Fitting) is a
//! fit at work, epoch by epoch, which can be kept in an [`io::Checkpoint`] and gone on with; [`Watched`](data::Watched)
//! data let passes be watched and stopped.
//!
//! # Parts of the data
//!
//! A [`Search`](fit::Search) is a fit that asks, wherever the samples are: parts of them ([`Shard`](data::Shard)) on
//! threads, machines or an engine that users have already answer its tasks, and answers combine to those of the whole.
//! `ranks` is such a fit by processes that exchange messages.
//!
//! # What is believed
//!
//! Kernels of an adapter are tried before they are used, and the sums of every pass are checked: a device that computes
//! wrong results is [`Error::WrongResults`](enum@Error), and one that was chosen automatically gives way to the CPU
//! ([`Device::distrust`]). The environment variable `MIXTURA_INSTRUCTIONS` forces an instruction set of the processor:
//! `scalar`, `avx2`, `avx512` or `neon`.
//!
//! # Features
//!
//! `gpu` (default) is the backend on wgpu: Vulkan, Metal or DX12. Without it this is a complete program for the CPU.
//! `io` (default) is all that has to do with files: the module [`io`]. `cli` (default) is the command line, `mixtura`,
//! which needs `io` and `ranks`: processes that share the samples of a fit. `mpi` connects them by MPI, and is built
//! where that is installed: Open MPI or MPICH, with clang.
//!
//! Without any, 43 crates are compiled for this one, itself among them (`cargo tree --no-default-features -e normal
//! --prefix none --no-dedupe | sort -u | wc -l`); with `gpu` 91, with `io` 113, with `ranks` 115, with `cli` 179, with all of the default 211.

mod advice;
pub mod data;
pub mod device;
mod error;
pub mod fit;
#[cfg(feature = "io")]
pub mod io;
mod memory;
pub mod model;
#[cfg(feature = "ranks")]
pub mod ranks;
pub mod select;

#[doc(hidden)]
pub use advice::counted;
pub use advice::{Advice, Term};
pub use data::{Data, Points, Summary};
pub use device::{Device, DeviceChoice};
pub use error::{Error, Feature, Result};
pub use fit::{Fit, FitOptions, Init, Update, fit};
pub use model::{CovarianceArray, CovarianceType, Mixture, Moments};
pub use select::{SelectOptions, Selection, select};

/// The Rust programs of the documentation, as tests: `cargo test --doc`.
#[cfg(doctest)]
mod documentation {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../docs/data-of-any-size.md")]
    mod data_of_any_size {}
}
