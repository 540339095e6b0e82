// The posterior of each sample, where labels are wanted, or hard assignments: from the sums of exponentials of all slices
// its log-density, from the log-densities of all components its most probable component, and what `merge` makes of them
// for the M step.
//
// Header: HARD_SLACK (by what share log-densities differ that are equal but for rounding), EVERY (whether every component
// meets every group), `all_exponentials`, `next_component`, `add_up_lanes`.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> slices: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> densities: array<vec4<f32>>;
// Log-densities, by their bits, and then labels.
@group(0) @binding(4) var<storage, read_write> assessed: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read_write> peaks: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> scales: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> log_likelihoods: array<f32>;

/// Labels, with a component's for the samples that are near it and nothing's so far.
fn labelled(label: vec4<u32>, k: u32, near: vec4<bool>) -> vec4<u32> {
    return select(label, vec4<u32>(k + 1u), near & (label == vec4<u32>(0u)));
}

/// Puts the log-responsibilities of a component in the place of its log-densities.
fn assign(label: vec4<u32>, k: u32, n: u32) {
    densities[k * tile.stride + n] = select(vec4<f32>(-3e38), vec4<f32>(0.0), label == vec4<u32>(k + 1u));
}

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
    let all = all_exponentials(n);
    let hard = tile.hard == 1u;
    // The first of those that are equal to the greatest; to hard assignments, but for rounding.
    let least = all.greatest - select(0.0, HARD_SLACK, hard) * (1.0 + abs(all.greatest));
    // From 1: a label of 0 was never written.
    var label = vec4<u32>(0u);
    let components = tile.components;
    var k = next_component(group, 0u, 0u, components);
    if EVERY {
        // Few lanes have all the work: each keeps four reads under way.
        for (; k + 4u <= components; k += 4u) {
            let at = k * tile.stride + n;
            let a = densities[at];
            let b = densities[at + tile.stride];
            let c = densities[at + 2u * tile.stride];
            let d = densities[at + 3u * tile.stride];
            label = labelled(label, k, a >= least);
            label = labelled(label, k + 1u, b >= least);
            label = labelled(label, k + 2u, c >= least);
            label = labelled(label, k + 3u, d >= least);
            if hard {
                assign(label, k, n);
                assign(label, k + 1u, n);
                assign(label, k + 2u, n);
                assign(label, k + 3u, n);
            }
        }
    }
    for (; k < components; k = next_component(group, 0u, k + 1u, components)) {
        label = labelled(label, k, densities[k * tile.stride + n] >= least);
        if hard {
            assign(label, k, n);
        }
    }
    var log_density = all.greatest;
    if hard {
        peaks[n] = vec4<f32>(0.0);
        scales[n] = weight;
    } else {
        log_density += log(all.sum);
        peaks[n] = all.greatest;
        scales[n] = weight / all.sum;
    }
    assessed[n] = bitcast<vec4<u32>>(log_density);
    assessed[tile.stride + n] = label;
    let sum = add_up_lanes(dot(weight, log_density), lane);
    if lane == 0u {
        log_likelihoods[group] = sum;
    }
}
