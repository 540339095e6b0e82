// The log-likelihood of each range of a tile: the sum of weight times log-density, the first number of a set of sums.
//
// One workgroup sums one range: each lane over its own samples, then the lanes together, in a fixed order.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> log_densities: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;

var<workgroup> lanes: array<f32, LANES>;

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
    var sum = 0.0;
    let end = min((range + 1u) * tile.range_groups, tile.groups);
    for (var group = range * tile.range_groups; group < end; group++) {
        let n = group * LANES + lane;
        sum += dot(weights[tile.first_group * LANES + n], log_densities[n]);
    }
    lanes[lane] = sum;
    workgroupBarrier();
    if lane == 0u {
        var total = 0.0;
        for (var i = 0u; i < LANES; i++) {
            total += lanes[i];
        }
        sums[range * tile.statistics] = total;
    }
}
