//! The buffers by which pruned passes mark which components meet which groups.

use wgpu::{BindGroup, BindingResource, Buffer, BufferUsages};

use super::context::Gpu;
use super::kernel::Kernel;
use super::plan::Plan;
use crate::error::Result;

/// Buffers of the groups of a tile.
#[derive(Debug)]
pub(super) struct Marking {
    /// All components as their bounds need them.
    pub(super) factors: Buffer,
    /// Upper bounds.
    pub(super) highest: Buffer,
    pub(super) marks: Buffer,
    /// Log-densities that marks leave, in units of a group.
    pub(super) kept: Buffer,
}

impl Marking {
    pub(super) fn new(gpu: &Gpu, plan: &Plan) -> Result<Self> {
        let (layout, groups) = (&plan.layout, plan.tile_groups);
        let written = BufferUsages::STORAGE | BufferUsages::COPY_DST;
        Ok(Marking {
            factors: gpu.buffer("bounds", layout.bound_bytes(), written)?,
            highest: gpu.buffer("upper bounds", layout.highest_bytes(groups), written)?,
            marks: gpu.buffer("marks", layout.mark_bytes(groups), written)?,
            kept: gpu.buffer("counts of marks", plan.log_likelihood_bytes(), written)?,
        })
    }

    /// The buffers, with their labels.
    pub(super) fn into_buffers(self) -> [(&'static str, Buffer); 4] {
        let Marking { factors, highest, marks, kept } = self;
        [("bounds", factors), ("upper bounds", highest), ("marks", marks), ("counts of marks", kept)]
    }

    /// Binds them to the kernel that marks, with the boxes around the groups of a chunk.
    pub(super) fn bind(&self, gpu: &Gpu, kernel: &Kernel, tile: BindingResource, boxes: &Buffer) -> BindGroup {
        let Marking { factors, highest, marks, kept } = self;
        let buffers = [boxes, factors, highest, marks, kept].map(Buffer::as_entire_binding);
        kernel.bind(&gpu.device, [tile].into_iter().chain(buffers).collect())
    }
}

/// Bindings of a kernel that reads marks, where there are any.
pub(super) fn with_marks<'b>(
    mut bindings: Vec<BindingResource<'b>>,
    marking: Option<&'b Marking>,
) -> Vec<BindingResource<'b>> {
    bindings.extend(marking.map(|marking| marking.marks.as_entire_binding()));
    bindings
}
