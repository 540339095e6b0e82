//! From WGSL source to a pipeline, and from buffers to a dispatch.

use std::hash::{DefaultHasher, Hash, Hasher};

use wgpu::{
    BindGroup, BindGroupDescriptor, BindGroupEntry, BindGroupLayout, BindGroupLayoutDescriptor, BindGroupLayoutEntry,
    BindingResource, BindingType, BufferBindingType, ComputePass, ComputePipeline, ComputePipelineDescriptor, Device,
    PipelineCache, PipelineCompilationOptions, PipelineLayoutDescriptor, ShaderModuleDescriptor, ShaderRuntimeChecks,
    ShaderSource, ShaderStages,
};

/// Samples of a group, the unit in which workgroups take them.
pub(crate) const GROUP: usize = 256;
/// Invocations of a workgroup, each with a vector of four samples.
pub(crate) const LANES: usize = 64;

/// Workgroups that one dimension of a dispatch takes.
const MOST_WORKGROUPS: u32 = 65_535;

/// The function `add_up_lanes`, for headers.
pub(super) const ADD_UP_LANES: &str = include_str!("../../../shaders/add_up_lanes.wgsl");

/// Binding of a kernel at one place, in the order of the shader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Binding {
    /// A uniform buffer, at an offset given with each dispatch.
    Uniform,
    /// A storage buffer at an offset given with each dispatch, only read.
    Window,
    /// A storage buffer, only read.
    Read,
    /// A storage buffer, read and written.
    Write,
}

/// All that determines a kernel: a stage, its constants, and its bindings.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct KernelSource {
    /// Name of the stage: that of its file and of its entry point.
    pub(crate) stage: &'static str,
    /// Text of the file.
    pub(crate) body: &'static str,
    /// Constants and declarations in front of the file.
    pub(crate) header: String,
    /// The bindings, in the order of the shader.
    pub(crate) bindings: Vec<Binding>,
}

impl KernelSource {
    /// The whole shader.
    pub(crate) fn wgsl(&self) -> String {
        format!("{}\n{}\n{}", self.header, include_str!("../../../shaders/common.wgsl"), self.body)
    }
}

/// A compiled stage.
#[derive(Debug)]
pub(super) struct Kernel {
    pipeline: ComputePipeline,
    layout: BindGroupLayout,
    pub(super) stage: &'static str,
    /// Tells it from other kernels, in every run of one version of the program.
    pub(super) fingerprint: u64,
}

impl Kernel {
    pub(super) fn new(device: &Device, source: &KernelSource, cache: Option<&PipelineCache>) -> Self {
        let stage = source.stage;
        let descriptor =
            ShaderModuleDescriptor { label: Some(stage), source: ShaderSource::Wgsl(source.wgsl().into()) };
        // Index clamps and loop counters cost up to half of the speed.
        //
        // SAFETY: every index of every stage is below the length of its buffer by construction (the host sizes the
        // buffers for the groups, components and sums that the tile names, and stages return where an invocation has
        // none), and every loop has a bound that does not depend on data.
        #[allow(unsafe_code)]
        let module = unsafe { device.create_shader_module_trusted(descriptor, runtime_checks()) };
        let entries: Vec<BindGroupLayoutEntry> = source
            .bindings
            .iter()
            .zip(0..)
            .map(|(binding, place)| BindGroupLayoutEntry {
                binding: place,
                visibility: ShaderStages::COMPUTE,
                ty: BindingType::Buffer {
                    ty: match binding {
                        Binding::Uniform => BufferBindingType::Uniform,
                        Binding::Window | Binding::Read => BufferBindingType::Storage { read_only: true },
                        Binding::Write => BufferBindingType::Storage { read_only: false },
                    },
                    has_dynamic_offset: matches!(binding, Binding::Uniform | Binding::Window),
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        let layout =
            device.create_bind_group_layout(&BindGroupLayoutDescriptor { label: Some(stage), entries: &entries });
        let pipeline_layout = device.create_pipeline_layout(&PipelineLayoutDescriptor {
            label: Some(stage),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipeline = device.create_compute_pipeline(&ComputePipelineDescriptor {
            label: Some(stage),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some(stage),
            compilation_options: PipelineCompilationOptions {
                zero_initialize_workgroup_memory: false,
                ..PipelineCompilationOptions::default()
            },
            cache,
        });
        let mut hasher = DefaultHasher::new();
        source.hash(&mut hasher);
        Kernel { pipeline, layout, stage, fingerprint: hasher.finish() }
    }

    /// Binds buffers, in the order of the shader.
    pub(super) fn bind(&self, device: &Device, resources: Vec<BindingResource>) -> BindGroup {
        let entries: Vec<BindGroupEntry> =
            resources.into_iter().zip(0..).map(|(resource, binding)| BindGroupEntry { binding, resource }).collect();
        device.create_bind_group(&BindGroupDescriptor {
            label: Some(self.stage),
            layout: &self.layout,
            entries: &entries,
        })
    }

    /// Runs the stage with a number of workgroups, folded where they are more than one dimension takes.
    pub(super) fn dispatch(&self, pass: &mut ComputePass, bound: &BindGroup, offsets: &[u32], workgroups: u32) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, bound, offsets);
        let width = workgroups.min(MOST_WORKGROUPS);
        pass.dispatch_workgroups(width, workgroups.div_ceil(width), 1);
    }
}

/// Checks of shaders while they run: none, but in tests that ask for them.
fn runtime_checks() -> ShaderRuntimeChecks {
    #[cfg(test)]
    if tests::CHECKED.get() {
        return ShaderRuntimeChecks::checked();
    }
    ShaderRuntimeChecks::unchecked()
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;

    thread_local! {
        /// Whether the kernels that this thread compiles check their indices and bound their loops.
        pub(in crate::device::gpu) static CHECKED: Cell<bool> = const { Cell::new(false) };
    }
}
