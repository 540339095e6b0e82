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
//! Arrays are those of [`ndarray`], which is here as `mixtura::ndarray`: of another version they are other types. A `main`
//! that returns an [`Error`](enum@Error) prints what is wrong and what to do about it.
//!
//! # Weights and missing values
//!
//! [`Points::with_weights`] has each sample count as often as its weight says. [`Points::with_missing`] takes samples of which
//! values are NaN: these are integrated out, and [`device::impute`] fills them in.
//!
//! # Files, and data larger than memory
//!
//! Whatever is [`Data`] can be fitted: [`Points`] are samples in memory, an [`io::Dataset`] those of files, which stay
//! on disk and are read anew in every pass where they exceed the memory they may take. [`io::save_model`] and
//! [`io::load_model`] keep models, an [`io::TableWriter`] results. `examples/files.rs` goes from a table to labels in a file.
//!
//! # Progress, and an end
//!
//! The observer of [`fit_observed`](fit::fit_observed) hears of every epoch, and may end the fit with the best model up to
//! then: `examples/time_budget.rs` has a bar and three seconds. A [`Fitting`](fit::Fitting) is a fit at work, epoch by epoch,
//! which can be kept in an [`io::Checkpoint`] and gone on with; [`Watched`](data::Watched) data let single passes be watched
//! and stopped.
//!
//! # Devices
//!
//! [`Device::open`] opens one by a [`DeviceChoice`]: `auto`, `gpu`, `cpu`, the name of an adapter, or several with a comma
//! between them, which share the samples; [`devices`](device::devices) lists what there is. Where drivers may complain on
//! standard error that there is no display, open the device before other threads run.
//!
//! Kernels of an adapter are tried before they are used, and the sums of every pass are checked: a device that computes
//! wrong results is [`Error::WrongResults`](enum@Error), and one that was chosen automatically gives way to the CPU
//! ([`Device::distrust`]). The environment variable `MIXTURA_INSTRUCTIONS` forces an instruction set of the processor:
//! `scalar`, `avx2`, `avx512` or `neon`.
//!
//! # Choosing a model
//!
//! [`select()`] compares models of several numbers of components and families by a [`Criterion`](select::Criterion), in
//! one job: candidates share their passes where samples move, those of fewer components begin at models of more, and of many
//! samples a part comes first.
//!
//! # Ways to fit
//!
//! An epoch may move the model otherwise than to EM's next one: [`Update`] has the rules, all made of the same
//! [`Moments`]: damped EM, gradients with momentum, SQUAREM, and stepwise EM. A component with too few samples, or without a
//! covariance, is repaired, dropped or named: [`OnCollapse`](fit::OnCollapse).
//!
//! # Parts of the data
//!
//! A [`Search`](fit::Search) is a fit that asks, wherever the samples are: parts of them ([`Shard`](data::Shard)) on
//! threads, machines or an engine that users have already answer its tasks, and answers combine to those of the whole.
//! `ranks` is such a fit by processes that exchange messages.
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
/// The crate of arrays that samples and parameters come in, of the version that this one was built with.
pub use ndarray;
pub use select::{SelectOptions, Selection, select};

/// The Rust programs of the documentation, as tests: `cargo test --doc`.
#[cfg(doctest)]
mod documentation {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../docs/data-of-any-size.md")]
    mod data_of_any_size {}
}
