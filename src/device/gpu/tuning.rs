//! Differences between adapters: one shape of the passes for each kind of hardware, another for drivers that run shaders
//! on a processor.

use wgpu::{AdapterInfo, DeviceType};

use crate::data::order::MOST_FEATURES;

/// How passes are shaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Tuning {
    /// Numbers that the M step may keep alive. Registers are few, and what does not fit goes through memory in the
    /// innermost loop; on a processor a load from a buffer costs as much as a hundred additions to sums in its first
    /// cache.
    pub(crate) registers: usize,
    /// Most features of which the M step takes all second moments at once, and else the features of a block; and those
    /// of which it takes the squares.
    pub(crate) whole_moments: usize,
    pub(crate) block_moments: usize,
    pub(crate) squares: usize,
    /// Most features that the E step takes at once with their whole factor: samples, and their distances from a mean,
    /// are in registers, or in a processor's first cache.
    pub(crate) whole_factor: usize,
    /// Most components that the E step handles at a time where factors are diagonal.
    pub(crate) densities: usize,
    /// Whether the lanes of a workgroup add up their sums, or each hands over its own. Hardware has fast memory for the
    /// former; on a processor a barrier means that everything alive is kept in memory, all through the kernel.
    pub(crate) adds_lanes: bool,
    /// Whether the M step of many features takes samples into the memory of workgroups.
    pub(crate) stages_samples: bool,
    /// Whether parameters that do not fit into a uniform binding are read from storage. On a processor each lane gathers
    /// what it reads from there, and windows of parameters are faster.
    pub(crate) reads_storage: bool,
    /// Whether parameters are read from storage even where they fit into a uniform binding.
    pub(crate) prefers_storage: bool,
    /// Workgroups that fill the adapter: the E step cuts the components into slices where the samples of a tile are
    /// fewer, and the M step the samples of a tile into ranges.
    pub(crate) e_workgroups: usize,
    pub(crate) m_workgroups: usize,
    /// Bytes of what belongs to the samples of a tile. A tile that fills a large adapter is larger than its caches, and
    /// every tile costs dispatches; one of the few workgroups that fill a small adapter stays in its caches.
    pub(crate) tile_bytes: usize,
}

/// Bytes of a tile for adapters with memory of their own, and for all others.
pub(crate) const LARGE_TILE: usize = 1 << 30;
pub(crate) const SMALL_TILE: usize = 24 << 20;

/// Numbers by which drivers name vendors.
const AMD_VENDOR: u32 = 0x1002;
const NVIDIA_VENDOR: u32 = 0x10de;

impl Tuning {
    /// Up to 255 registers.
    pub(crate) const NVIDIA: Tuning = Tuning {
        registers: 240,
        whole_moments: 16,
        block_moments: 8,
        squares: 8,
        whole_factor: 16,
        densities: 8,
        adds_lanes: true,
        stages_samples: true,
        reads_storage: true,
        prefers_storage: false,
        e_workgroups: 4096,
        m_workgroups: 4096,
        tile_bytes: LARGE_TILE,
    };
    /// Up to 256 registers, but twice as many invocations with half of them.
    pub(crate) const AMD: Tuning =
        Tuning { registers: 160, whole_moments: 14, squares: 16, densities: 16, ..Tuning::NVIDIA };
    /// Intel's, Apple's and unknown adapters: 128 registers.
    pub(crate) const NARROW: Tuning = Tuning {
        registers: 96,
        whole_moments: 8,
        block_moments: 7,
        squares: 12,
        whole_factor: 12,
        densities: 16,
        tile_bytes: SMALL_TILE,
        ..Tuning::NVIDIA
    };
    /// Drivers that run shaders on a processor.
    pub(crate) const SOFTWARE: Tuning = Tuning {
        registers: 1000,
        whole_moments: 16,
        block_moments: 8,
        squares: 16,
        whole_factor: 32,
        densities: 16,
        adds_lanes: false,
        stages_samples: false,
        reads_storage: false,
        prefers_storage: false,
        e_workgroups: 1,
        m_workgroups: 24,
        tile_bytes: SMALL_TILE,
    };
    #[cfg(test)]
    pub(crate) const ALL: [Tuning; 4] = [Tuning::NVIDIA, Tuning::AMD, Tuning::NARROW, Tuning::SOFTWARE];

    /// The shape of pruned passes: every group of samples has components of its own, so that they come one at a time,
    /// and of the few features all are in registers.
    pub(crate) fn pruned(self) -> Self {
        let Tuning { whole_moments, squares, whole_factor, .. } = self;
        Tuning {
            registers: 0,
            whole_moments: whole_moments.max(MOST_FEATURES),
            squares: squares.max(MOST_FEATURES),
            whole_factor: whole_factor.max(MOST_FEATURES),
            densities: 1,
            ..self
        }
    }

    /// The shape for an adapter.
    pub(crate) fn of(adapter: &AdapterInfo) -> Self {
        let vendor = match (adapter.device_type, adapter.vendor) {
            (DeviceType::Cpu, _) => return Tuning::SOFTWARE,
            (_, NVIDIA_VENDOR) => Tuning::NVIDIA,
            (_, AMD_VENDOR) => Tuning::AMD,
            _ => Tuning::NARROW,
        };
        let tile_bytes = if adapter.device_type == DeviceType::DiscreteGpu { LARGE_TILE } else { SMALL_TILE };
        Tuning { tile_bytes, ..vendor }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2};

    use super::*;
    use crate::data::points::Points;
    use crate::device::backend::Backend;
    use crate::device::gpu::context::tests::open;
    use crate::device::task::Assignment;
    use crate::model::covariance::CovarianceArray;
    use crate::model::family::CovarianceType;
    use crate::model::mixture::Mixture;

    #[test]
    fn all_shapes_make_the_same_of_the_same_samples() {
        let Some(gpu) = open() else { return };
        for (n, d, k) in [(1_000, 1, 3), (3_000, 5, 11), (5_000, 16, 9), (700, 21, 3)] {
            let means = Array2::from_shape_fn((k, d), |(k, i)| ((k * 7 + i * 5) % 11) as f64);
            for family in CovarianceType::ALL {
                let covariances = CovarianceArray::diagonal(family, k, &Array1::ones(d));
                let weights = Array1::from_elem(k, 1.0 / k as f64);
                let mixture = Mixture::new(weights, means.clone(), covariances).unwrap();
                let points = Points::new(mixture.sample(n, 1).0).unwrap();
                for assignment in [Assignment::Soft, Assignment::Hard] {
                    let [a, others @ ..] = Tuning::ALL.map(|tuning| {
                        let mut gpu = gpu.clone();
                        gpu.tuning = tuning;
                        let mut backend = gpu.load(std::sync::Arc::new(&points), None).unwrap();
                        let moments = backend.moments(&mixture, assignment).unwrap();
                        (moments.lower_bound(), moments.maximize(1e-6).unwrap())
                    });
                    let what = format!("{n}, {d}, {k}, {family}, {assignment:?}");
                    let numbers = |(_, model): &(f64, Mixture)| -> Vec<f64> {
                        let weights = model.weights().iter().chain(model.means());
                        weights.chain(model.covariances().values()).copied().collect()
                    };
                    for b in &others {
                        assert!((a.0 - b.0).abs() <= 1e-5, "{what}: {} and {}", a.0, b.0);
                        for (a, b) in numbers(&a).iter().zip(numbers(b)) {
                            assert!((a - b).abs() <= 1e-5, "{what}: {a} and {b}");
                        }
                    }
                }
            }
        }
    }
}
