// The log-likelihood of each range of a tile: the sum of weight times log-density, the first number of a set of sums.
//
// One workgroup sums one range, each lane over its own samples. Header: `sums`, at binding 3, and
// `hand_over`, as for the moments.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> log_densities: array<vec4<f32>>;

@compute @workgroup_size(64)
fn log_likelihood(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let range = folded(workgroup, workgroups);
    if range >= tile.ranges {
        return;
    }
    // A vector, as sets are made of vectors.
    var held = array<f32, 4>(0.0, 0.0, 0.0, 0.0);
    let end = min((range + 1u) * tile.range_groups, tile.groups);
    for (var group = range * tile.range_groups; group < end; group++) {
        let n = group * LANES + lane;
        held[0] += dot(weights[tile.first_group * LANES + n], log_densities[n]);
    }
    hand_over(range, 0u, lane, &held);
}
