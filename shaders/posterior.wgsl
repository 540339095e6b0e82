// The posterior of each sample, where labels are wanted, or hard assignments: from the log-densities of all components
// the log-density of the sample (a log of a sum of exponentials, relative to its largest term), its most probable
// component, and what `merge` makes of them for the M step.
//
// Header: HARD_SLACK (by what share log-densities differ that are equal but for rounding), `next_component`,
// `add_up_lanes`.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> densities: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> log_densities: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> labels: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read_write> peaks: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> scales: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> log_likelihoods: array<f32>;

@compute @workgroup_size(64)
fn posterior(
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
    var all = no_exponentials();
    var label = vec4<u32>(0u);
    let components = tile.components;
    var k = next_component(group, 0u, 0u, components);
    for (; k < components; k = next_component(group, 0u, k + 1u, components)) {
        let density = densities[k * tile.stride + n];
        label = select(label, vec4<u32>(k), density > all.greatest);
        all = joined(all, Exponentials(density, vec4<f32>(1.0)));
    }
    var log_density = all.greatest;
    if tile.hard == 1u {
        // The first of those that are equal but for rounding.
        let least = all.greatest - HARD_SLACK * (1.0 + abs(all.greatest));
        var found = vec4<bool>(false);
        // Log-responsibilities in place of log-densities.
        k = next_component(group, 0u, 0u, components);
        for (; k < components; k = next_component(group, 0u, k + 1u, components)) {
            let near = densities[k * tile.stride + n] >= least;
            let chosen = near & !found;
            label = select(label, vec4<u32>(k), chosen);
            densities[k * tile.stride + n] = select(vec4<f32>(-3e38), vec4<f32>(0.0), chosen);
            found = found | near;
        }
        peaks[n] = vec4<f32>(0.0);
        scales[n] = weight;
    } else {
        log_density += log(all.sum);
        peaks[n] = all.greatest;
        scales[n] = weight / all.sum;
    }
    log_densities[n] = log_density;
    // From 1: a label of 0 was never written.
    labels[n] = label + vec4<u32>(1u);
    let sum = add_up_lanes(dot(weight, log_density), lane);
    if lane == 0u {
        log_likelihoods[group] = sum;
    }
}
