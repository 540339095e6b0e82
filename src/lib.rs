//! Gaussian mixture models on millions of samples, on any GPU or on the CPU.
//!
//! A [`Mixture`] is the model p(x) = Σ w<sub>k</sub> N(x | μ<sub>k</sub>, Σ<sub>k</sub>), with full, tied, diagonal or
//! spherical covariances. [`fit`] climbs to a maximum of the likelihood by expectation-maximisation: every epoch is one
//! pass over the samples on a [`Device`], which yields [`Moments`], and these are solved in f64 on the host for the next
//! model. Names, defaults and shapes are scikit-learn's.
//!
//! ```
//! use mixtura::{Device, FitOptions, Points, fit};
//! use ndarray::array;
//!
//! let samples = array![[1.8, 54.0], [3.6, 79.0], [2.3, 62.0], [4.5, 85.0], [2.0, 51.0], [4.3, 82.0]];
//! let points = Points::new(&samples)?;
//! let device = Device::cpu(); // or Device::open(&DeviceChoice::Auto)?
//! let fitted = fit(&points, &device, &FitOptions::new(2), &mut |_| {})?;
//!
//! println!("{} epochs, BIC {:.1}", fitted.n_iter, fitted.bic());
//! let labels = device.predict(&fitted.mixture, &points)?;
//! assert_eq!(labels[0], labels[2]);
//! assert_ne!(labels[0], labels[1]);
//! # Ok::<(), mixtura::Error>(())
//! ```
//!
//! # Data larger than memory
//!
//! Whatever is [`Data`] can be fitted: [`Points`] are samples in memory, an [`io::Dataset`] those of files, which stay on disk
//! and are read anew in every pass where they exceed the memory they may take. A [`Fitting`] is a fit at work, epoch by
//! epoch, which can be kept in an [`io::Checkpoint`] and gone on with; [`Watched`] data let passes be watched and stopped.
//!
//! # Features
//!
//! `gpu` (default) is the backend on wgpu: Vulkan, Metal or DX12. Without it this is a complete program for the CPU.
//! `cli` (default) is the command line, `mixtura`.

mod backend;
mod ceiling;
mod collapse;
mod coordinates;
mod covariance;
mod cpu;
mod data;
mod device;
mod error;
mod fit;
mod floor;
#[cfg(feature = "gpu")]
mod gpu;
mod gradient;
mod gradients;
mod init;
pub mod io;
mod kmeans;
mod linalg;
mod memory;
mod mixture;
mod moments;
mod options;
mod points;
mod sampling;
mod seeds;
mod squarem;
mod stepwise;
mod survey;
mod update;

pub use backend::{Assessment, Assignment, Backend, DeviceInfo, KernelTime, Precision};
pub use ceiling::Ceiling;
pub use collapse::{Collapse, OnCollapse, Remedy, Repair};
pub use covariance::{CovarianceArray, CovarianceType};
pub use data::{Data, Home, Place, Visit, Watched, Watcher, block_rows, thinned};
pub use device::{Device, DeviceChoice, Listed, devices};
pub use error::{Error, Feature, Result};
pub use fit::{Climb, Fit, FitState, Fitting, Progress, Seconds, fit};
pub use floor::Floor;
pub use gradients::Gradients;
pub use init::Initialisation;
pub use memory::memory_for_samples;
pub use mixture::Mixture;
pub use moments::Moments;
pub use options::{FitOptions, Init, WarmStart};
pub use points::{LARGEST_VALUE, Points, Samples};
pub use sampling::SampleChunks;
pub use update::{Memory, StepKind, Update};
