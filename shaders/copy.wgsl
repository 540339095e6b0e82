// A copy: the most that a device moves. A workgroup copies a group of 256 vectors, as other stages read samples.

@group(0) @binding(0) var<storage, read> original: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> duplicate: array<vec4<f32>>;

@compute @workgroup_size(64)
fn copy(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = folded(workgroup, workgroups) * 4u * LANES + lane;
    if first >= arrayLength(&original) {
        return;
    }
    let a = original[first];
    let b = original[first + LANES];
    let c = original[first + 2u * LANES];
    let d = original[first + 3u * LANES];
    duplicate[first] = a;
    duplicate[first + LANES] = b;
    duplicate[first + 2u * LANES] = c;
    duplicate[first + 3u * LANES] = d;
}
