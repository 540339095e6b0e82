//! The buffers of a pass beside the samples, its kernels, and what binds both to a chunk of samples.

use std::sync::Arc;

use wgpu::{BindGroup, BindingResource, Buffer, BufferBinding, BufferSize, BufferUsages};

use crate::device::gpu::context::Gpu;
use crate::device::gpu::e_step::Tile;
use crate::device::gpu::kernel::Kernel;
use crate::device::gpu::marking::{Marking, with_marks};
use crate::device::gpu::plan::Plan;
use crate::device::gpu::samples::Chunk;
use crate::error::Result;

#[derive(Debug)]
pub(super) struct Kernels {
    /// Of pruned passes.
    pub(super) kept_components: Option<Arc<Kernel>>,
    pub(super) log_density: Arc<Kernel>,
    pub(super) merge: Arc<Kernel>,
    pub(super) posterior: Arc<Kernel>,
    pub(super) moments: Arc<Kernel>,
    pub(super) reduce: Arc<Kernel>,
}

/// Buffers beside the samples.
#[derive(Debug)]
pub(super) struct Scratch {
    pub(super) tiles: Buffer,
    pub(super) parameters: Buffer,
    pub(super) means: Buffer,
    pub(super) covariances: Buffer,
    pub(super) densities: Buffer,
    pub(super) slices: Buffer,
    pub(super) log_likelihoods: Buffer,
    /// Log-densities of samples, and then their labels.
    pub(super) assessed: Buffer,
    pub(super) peaks: Buffer,
    pub(super) scales: Buffer,
    pub(super) sums: Buffer,
    pub(super) totals: Buffer,
    pub(super) staging: Buffer,
    pub(super) marking: Option<Marking>,
}

/// Bindings of the stages that read the samples of one chunk.
#[derive(Debug)]
pub(super) struct BoundChunk {
    pub(super) kept_components: Option<BindGroup>,
    pub(super) log_density: BindGroup,
    pub(super) merge: BindGroup,
    pub(super) posterior: BindGroup,
    pub(super) moments: BindGroup,
}

impl Kernels {
    pub(super) fn new(gpu: &Gpu, plan: &Plan) -> Result<Self> {
        let layout = &plan.layout;
        Ok(Kernels {
            kept_components: layout.prunes.then(|| gpu.kernel(layout.kept_components())).transpose()?,
            log_density: gpu.kernel(layout.log_density(plan.uniform, plan.windows[0].components.len()))?,
            merge: gpu.kernel(layout.merge())?,
            posterior: gpu.kernel(layout.posterior())?,
            moments: gpu.kernel(layout.sums.moments())?,
            reduce: gpu.kernel(layout.sums.reduce())?,
        })
    }
}

impl Scratch {
    pub(super) fn new(gpu: &Gpu, plan: &Plan) -> Result<Self> {
        let device = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        let written = BufferUsages::STORAGE | BufferUsages::COPY_DST;
        let uniform = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
        let per_sample = plan.sample_bytes(plan.tile_groups);
        Ok(Scratch {
            tiles: gpu.buffer("tiles", plan.tile_bytes(), uniform)?,
            parameters: gpu.buffer(
                "parameters",
                plan.parameter_bytes(),
                if plan.uniform { uniform } else { written },
            )?,
            means: gpu.buffer("means", plan.layout.sums.mean_bytes(), written)?,
            covariances: gpu.buffer("covariances", plan.layout.sums.covariance_bytes(), written)?,
            densities: gpu.buffer("log-densities of components", plan.density_bytes(), device)?,
            slices: gpu.buffer("sums of exponentials", plan.slice_bytes(), device)?,
            log_likelihoods: gpu.buffer("log-likelihoods", plan.log_likelihood_bytes(), device)?,
            assessed: gpu.buffer("log-densities and labels", 2 * per_sample, device)?,
            peaks: gpu.buffer("peaks", per_sample, device)?,
            scales: gpu.buffer("scales", per_sample, device)?,
            sums: gpu.buffer("sums", plan.sum_bytes(), device)?,
            totals: gpu.buffer("totals", plan.total_bytes(), device)?,
            staging: gpu.staging(plan.staging_bytes())?,
            marking: plan.layout.prunes.then(|| Marking::new(gpu, plan)).transpose()?,
        })
    }

    /// The buffers, with their labels.
    pub(super) fn into_buffers(self) -> Vec<(&'static str, Buffer)> {
        let mut buffers = vec![
            ("tiles", self.tiles),
            ("parameters", self.parameters),
            ("means", self.means),
            ("covariances", self.covariances),
            ("log-densities of components", self.densities),
            ("sums of exponentials", self.slices),
            ("log-likelihoods", self.log_likelihoods),
            ("log-densities and labels", self.assessed),
            ("peaks", self.peaks),
            ("scales", self.scales),
            ("sums", self.sums),
            ("totals", self.totals),
            ("staging", self.staging),
        ];
        buffers.extend(self.marking.into_iter().flat_map(Marking::into_buffers));
        buffers
    }

    /// The tile that a dispatch works on.
    pub(super) fn tile(&self) -> BindingResource<'_> {
        part(&self.tiles, size_of::<Tile>() as u64)
    }

    pub(super) fn bind(&self, gpu: &Gpu, plan: &Plan, kernels: &Kernels, chunk: &Chunk) -> Result<BoundChunk> {
        let all = Buffer::as_entire_binding;
        let marking = kernels.kept_components.as_ref().zip(self.marking.as_ref()).zip(chunk.boxes.as_ref());
        gpu.guarded(|| BoundChunk {
            kept_components: marking.map(|((kernel, marking), boxes)| marking.bind(gpu, kernel, self.tile(), boxes)),
            log_density: kernels.log_density.bind(
                &gpu.device,
                with_marks(
                    vec![
                        self.tile(),
                        part(&self.parameters, plan.window_bytes()),
                        all(&chunk.samples),
                        all(&self.densities),
                        all(&self.slices),
                    ],
                    self.marking.as_ref(),
                ),
            ),
            merge: kernels.merge.bind(
                &gpu.device,
                vec![
                    self.tile(),
                    all(&chunk.weights),
                    all(&self.slices),
                    all(&self.peaks),
                    all(&self.scales),
                    all(&self.log_likelihoods),
                ],
            ),
            posterior: kernels.posterior.bind(
                &gpu.device,
                with_marks(
                    vec![
                        self.tile(),
                        all(&chunk.weights),
                        all(&self.slices),
                        all(&self.densities),
                        all(&self.assessed),
                        all(&self.peaks),
                        all(&self.scales),
                        all(&self.log_likelihoods),
                    ],
                    self.marking.as_ref(),
                ),
            ),
            moments: kernels.moments.bind(
                &gpu.device,
                with_marks(
                    vec![
                        self.tile(),
                        all(&chunk.samples),
                        all(&self.means),
                        all(&self.densities),
                        all(&self.peaks),
                        all(&self.scales),
                        all(&self.sums),
                    ],
                    self.marking.as_ref(),
                ),
            ),
        })
    }
}

fn part(buffer: &Buffer, size: u64) -> BindingResource<'_> {
    BindingResource::Buffer(BufferBinding { buffer, offset: 0, size: BufferSize::new(size) })
}
