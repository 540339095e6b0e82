// E step, second half: from the sums of exponentials of all slices, what the M step needs of each sample to work out its
// responsibilities, and the log-likelihood of each group of samples. A responsibility times the sample's weight is
// exp(log-density of the component - peak) x scale; the M step works it out, for that is less than to write and read it.
//
// Header: `all_exponentials`, `add_up_lanes`.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> slices: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> peaks: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> scales: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> log_likelihoods: array<f32>;

@compute @workgroup_size(64)
fn merge(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let group = folded(workgroup, workgroups);
    if group >= tile.groups {
        return;
    }
    let n = group * LANES + lane;
    let weight = weights[tile.first_group * LANES + n];
    let all = all_exponentials(n);
    peaks[n] = all.greatest;
    scales[n] = weight / all.sum;
    let sum = add_up_lanes(dot(weight, all.greatest + log(all.sum)), lane);
    if lane == 0u {
        log_likelihoods[group] = sum;
    }
}
