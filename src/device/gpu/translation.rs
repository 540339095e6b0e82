//! Kernels in the languages that drivers are given, with the options of wgpu for a trusted module: no bounds checks, no loop
//! counters, no zeroing of workgroup memory.

use naga::back::{hlsl, msl, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{Module, ResourceBinding, ShaderStage};

use super::kernel::{Binding, KernelSource};

const UNCHECKED: BoundsCheckPolicies = BoundsCheckPolicies {
    index: BoundsCheckPolicy::Unchecked,
    buffer: BoundsCheckPolicy::Unchecked,
    image_load: BoundsCheckPolicy::Unchecked,
    binding_array: BoundsCheckPolicy::Unchecked,
};

/// Place of the buffer that tells Metal the sizes of others.
const METAL_SIZES: u8 = 20;

pub(super) fn module(source: &KernelSource) -> (Module, ModuleInfo) {
    let wgsl = source.wgsl();
    let module = naga::front::wgsl::parse_str(&wgsl).unwrap_or_else(|e| panic!("{}", e.emit_to_string(&wgsl)));
    let info = Validator::new(ValidationFlags::all(), Capabilities::default())
        .validate(&module)
        .unwrap_or_else(|e| panic!("{}", e.emit_to_string(&wgsl)));
    (module, info)
}

pub(super) fn spirv(source: &KernelSource) -> Vec<u32> {
    let (module, info) = module(source);
    let options = spv::Options {
        lang_version: (1, 3),
        bounds_check_policies: UNCHECKED,
        force_loop_bounding: false,
        emit_int_div_checks: false,
        zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
        ..spv::Options::default()
    };
    let entry = spv::PipelineOptions { shader_stage: ShaderStage::Compute, entry_point: source.stage.to_owned() };
    spv::write_vec(&module, &info, &options, Some(&entry)).unwrap()
}

/// Metal, which is told the size of a workgroup with the dispatch only.
pub(super) fn metal(source: &KernelSource) -> String {
    let (module, info) = module(source);
    let mut resources = msl::EntryPointResources::default();
    for (binding, place) in source.bindings.iter().zip(0..) {
        let target =
            msl::BindTarget { buffer: Some(place), mutable: *binding == Binding::Write, ..msl::BindTarget::default() };
        resources.resources.insert(ResourceBinding { group: 0, binding: place.into() }, target);
    }
    resources.sizes_buffer = Some(METAL_SIZES);
    let options = msl::Options {
        per_entry_point_map: [(source.stage.to_owned(), resources)].into_iter().collect(),
        bounds_check_policies: UNCHECKED,
        zero_initialize_workgroup_memory: false,
        force_loop_bounding: false,
        lang_version: (2, 4),
        fake_missing_bindings: false,
        ..msl::Options::default()
    };
    let entry = Some((ShaderStage::Compute, source.stage.to_owned()));
    let entry = msl::PipelineOptions { entry_point: entry, ..msl::PipelineOptions::default() };
    let text = msl::write_string(&module, &info, &options, &entry).unwrap().0;
    format!("// workgroup of {}\n{text}", super::kernel::LANES)
}

pub(super) fn hlsl(source: &KernelSource) -> String {
    let (module, info) = module(source);
    let options = hlsl::Options {
        shader_model: hlsl::ShaderModel::V6_0,
        zero_initialize_workgroup_memory: false,
        force_loop_bounding: false,
        restrict_indexing: false,
        fake_missing_bindings: true,
        ..hlsl::Options::default()
    };
    let entry = hlsl::PipelineOptions { entry_point: Some((ShaderStage::Compute, source.stage.to_owned())) };
    let mut text = String::new();
    hlsl::Writer::new(&mut text, &options, &entry).write(&module, &info, None).unwrap();
    text
}
