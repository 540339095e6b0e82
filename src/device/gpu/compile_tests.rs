//! What a compiler for hardware makes of the kernels, without that hardware: Mesa's driver for AMD opens a device of a family
//! that is not there, compiles for it, and says how many registers a kernel takes and what it spills.
//!
//! `MIXTURA_COMPILED=write` writes the table anew. Instructions are compared where Mesa is that of the table.

use std::collections::{BTreeMap, HashSet};
use std::ffi::{CStr, CString};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use ash::{khr, vk};

use super::kernel::{Binding, KernelSource};
use super::shader_tests::grid;
use super::translation;
use super::tuning::Tuning;

/// Version of the driver, and then the registers and instructions of each kernel.
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/device/gpu/compiled_navi21.csv");
const FIELDS: &str = "kernel,registers,instructions";

/// By this variable RADV opens a device that is not there. It is set for a process of its own: no other test is to see it.
const FAMILY_VARIABLE: &str = "RADV_FORCE_FAMILY";
const FAMILY: &str = "navi21";

/// A driver that compiles for hardware which is not there.
struct Compiler {
    _entry: ash::Entry,
    device: ash::Device,
    properties: khr::pipeline_executable_properties::Device,
    version: u32,
}

impl Compiler {
    /// `None` where there is no such driver.
    #[allow(unsafe_code)]
    fn open() -> Option<Self> {
        // SAFETY: calls as the interface wants them; handles live as long as the process.
        unsafe {
            let entry = ash::Entry::load().ok()?;
            let application = vk::ApplicationInfo::default().api_version(vk::API_VERSION_1_1);
            let create = vk::InstanceCreateInfo::default().application_info(&application);
            let instance = entry.create_instance(&create, None).ok()?;
            let named = |device: &vk::PhysicalDevice| {
                let name = instance.get_physical_device_properties(*device).device_name;
                CStr::from_ptr(name.as_ptr()).to_string_lossy().to_lowercase().contains(FAMILY)
            };
            let physical = instance.enumerate_physical_devices().ok()?.into_iter().find(named)?;
            let version = instance.get_physical_device_properties(physical).driver_version;
            let queues = [vk::DeviceQueueCreateInfo::default().queue_priorities(&[1.0])];
            let extensions = [khr::pipeline_executable_properties::NAME.as_ptr()];
            let mut feature =
                vk::PhysicalDevicePipelineExecutablePropertiesFeaturesKHR::default().pipeline_executable_info(true);
            let create = vk::DeviceCreateInfo::default()
                .queue_create_infos(&queues)
                .enabled_extension_names(&extensions)
                .push_next(&mut feature);
            let device = instance.create_device(physical, &create, None).unwrap();
            let properties = khr::pipeline_executable_properties::Device::new(&instance, &device);
            Some(Compiler { _entry: entry, device, properties, version })
        }
    }

    /// What the driver says of a kernel, by its names for it.
    #[allow(unsafe_code)]
    fn statistics(&self, source: &KernelSource, code: &[u32]) -> BTreeMap<String, u64> {
        let binding = |(binding, place): (&Binding, u32)| {
            let kind = match binding {
                Binding::Uniform => vk::DescriptorType::UNIFORM_BUFFER_DYNAMIC,
                Binding::Window => vk::DescriptorType::STORAGE_BUFFER_DYNAMIC,
                Binding::Read | Binding::Write => vk::DescriptorType::STORAGE_BUFFER,
            };
            let binding = vk::DescriptorSetLayoutBinding::default().binding(place).descriptor_type(kind);
            binding.descriptor_count(1).stage_flags(vk::ShaderStageFlags::COMPUTE)
        };
        let bindings: Vec<_> = source.bindings.iter().zip(0..).map(binding).collect();
        let name = CString::new(source.stage).unwrap();
        let device = &self.device;
        // SAFETY: calls as the interface wants them, and everything that they are given outlives them.
        unsafe {
            let module = device.create_shader_module(&vk::ShaderModuleCreateInfo::default().code(code), None).unwrap();
            let create = vk::DescriptorSetLayoutCreateInfo::default().bindings(&bindings);
            let sets = [device.create_descriptor_set_layout(&create, None).unwrap()];
            let create = vk::PipelineLayoutCreateInfo::default().set_layouts(&sets);
            let layout = device.create_pipeline_layout(&create, None).unwrap();
            let stage = vk::PipelineShaderStageCreateInfo::default()
                .stage(vk::ShaderStageFlags::COMPUTE)
                .module(module)
                .name(&name);
            let create = vk::ComputePipelineCreateInfo::default()
                .flags(vk::PipelineCreateFlags::CAPTURE_STATISTICS_KHR)
                .stage(stage)
                .layout(layout);
            let pipeline = device.create_compute_pipelines(vk::PipelineCache::null(), &[create], None).unwrap()[0];
            let which = vk::PipelineExecutableInfoKHR::default().pipeline(pipeline);
            let statistics = self.properties.get_pipeline_executable_statistics(&which).unwrap();
            let name =
                |s: &vk::PipelineExecutableStatisticKHR| CStr::from_ptr(s.name.as_ptr()).to_string_lossy().into_owned();
            let all = statistics.iter().map(|s| (name(s), s.value.u64)).collect();
            device.destroy_pipeline(pipeline, None);
            device.destroy_pipeline_layout(layout, None);
            device.destroy_descriptor_set_layout(sets[0], None);
            device.destroy_shader_module(module, None);
            all
        }
    }
}

/// Instructions may be a twentieth more than in the table.
fn compare(table: &str, found: &[(String, u64, u64)]) {
    let known: BTreeMap<&str, &str> = table.lines().filter_map(|line| line.split_once(',')).collect();
    for (kernel, registers, instructions) in found {
        let known = known.get(kernel.as_str()).unwrap_or_else(|| panic!("{kernel} is not in {TABLE}"));
        let most: u64 = known.split(',').nth(1).unwrap().parse().unwrap();
        assert!(
            *instructions <= most + most / 20,
            "{kernel}: {registers} registers, {instructions} instructions; in {TABLE} {known}"
        );
    }
}

#[test]
fn amds_compiler_spills_nothing_of_any_kernel() {
    if env::var(FAMILY_VARIABLE).as_deref() != Ok(FAMILY) {
        let test = "device::gpu::compile_tests::amds_compiler_spills_nothing_of_any_kernel";
        let mut again = Command::new(env::current_exe().unwrap());
        again.arg(test).envs([(FAMILY_VARIABLE, FAMILY), ("RUST_TEST_NOCAPTURE", "1")]);
        assert!(again.status().unwrap().success(), "see above");
        return;
    }
    let Some(compiler) = Compiler::open() else {
        eprintln!("no driver compiles for {FAMILY} here (Mesa's RADV does): nothing is known of spills");
        return;
    };
    let (mut found, mut compiled) = (Vec::new(), HashSet::new());
    for (kernel, source) in grid(Tuning::AMD) {
        let code = translation::spirv(&source);
        let statistics = compiler.statistics(&source, &code);
        if compiled.insert(code) {
            let of = |name: &str| *statistics.get(name).unwrap_or_else(|| panic!("no {name} in {statistics:?}"));
            assert_eq!((of("Spilled SGPRs"), of("Spilled VGPRs")), (0, 0), "{kernel}: {statistics:?}");
            found.push((kernel, of("VGPRs"), of("Instructions")));
        }
    }
    if env::var("MIXTURA_COMPILED").as_deref() == Ok("write") {
        let mut table = format!("driver,{},\n{FIELDS}\n", compiler.version);
        for (kernel, registers, instructions) in &found {
            writeln!(table, "{kernel},{registers},{instructions}").unwrap();
        }
        fs::write(TABLE, table).unwrap();
    }
    let table = fs::read_to_string(Path::new(TABLE)).unwrap();
    match table.starts_with(&format!("driver,{},", compiler.version)) {
        true => compare(&table, &found),
        false => eprintln!("another version of the driver than in {TABLE}: its instructions are not compared"),
    }
}
