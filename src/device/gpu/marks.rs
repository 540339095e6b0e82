//! Marks of the components that meet a group of samples, and how kernels read them. In dense passes there are none, and
//! all components meet all groups.

use super::kernel::Binding;

/// Components of a word of marks.
const WORD: usize = u32::BITS as usize;

/// Words of the marks of a group, a bit for each component.
pub(super) fn words(k: usize) -> usize {
    k.div_ceil(WORD)
}

/// The functions that tell a kernel which component, or group, comes next, for headers. The marks are bound after all
/// other buffers.
pub(super) fn meeting(prunes: bool, k: usize, bindings: &mut Vec<Binding>) -> String {
    if !prunes {
        return include_str!("../../../shaders/every_component.wgsl").to_owned();
    }
    bindings.push(Binding::Read);
    format!(
        "const WORDS: u32 = {}u;\n@group(0) @binding({}) var<storage, read> marks: array<u32>;\n{}",
        words(k),
        bindings.len() - 1,
        include_str!("../../../shaders/marked_components.wgsl"),
    )
}

/// The function by which the reduction counts what was evaluated, for its header.
pub(super) fn counting(prunes: bool, bindings: &mut Vec<Binding>) -> String {
    if !prunes {
        return "fn count_kept(lane: u32) {}\n".to_owned();
    }
    bindings.push(Binding::Read);
    format!(
        "@group(0) @binding({}) var<storage, read> kept: array<f32>;\n{}",
        bindings.len() - 1,
        include_str!("../../../shaders/count_kept.wgsl"),
    )
}
