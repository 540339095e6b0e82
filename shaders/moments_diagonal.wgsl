// M step, diagonal and spherical covariances: sums over a range of samples of r, r (x - mu) and r (x - mu)^2, for one
// component and one block of features.
//
// A workgroup sums one block: each lane over its own samples, in registers, then the lanes together, in a fixed order.
// One set of sums is: the log-likelihood; for each component its count, BLOCKS x BLOCK first and as many second
// moments. The second ones are less what the lanes' counts and the variances of the model lead to expect, as in
// `moments_blocks.wgsl`.

/// First and second moments, and count.
const SHARED: u32 = 2u * BLOCK + 1u;
const COMPONENT: u32 = 1u + 2u * BLOCKS * BLOCK;

@compute @workgroup_size(64)
fn moments_diagonal(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = folded(workgroup, workgroups);
    if index >= tile.ranges * tile.components * BLOCKS {
        return;
    }
    let block = index % BLOCKS;
    let component = (index / BLOCKS) % tile.components;
    let range = index / (BLOCKS * tile.components);

    var block_means: array<f32, BLOCK>;
    var first: array<f32, BLOCK>;
    var second: array<f32, BLOCK>;
    var count = 0.0;
    for (var i = 0u; i < BLOCK; i++) {
        block_means[i] = means[component * DIM + min(block * BLOCK + i, DIM - 1u)];
        first[i] = 0.0;
        second[i] = 0.0;
    }
    let end = min((range + 1u) * tile.range_groups, tile.groups);
    for (var group = range * tile.range_groups; group < end; group++) {
        let n = group * LANES + lane;
        let x = (tile.first_group + group) * DIM * LANES + lane;
        let r = responsibilities[component * tile.stride + n] * scales[n];
        count += dot(r, vec4<f32>(1.0));
        for (var i = 0u; i < BLOCK; i++) {
            let c = samples[x + min(block * BLOCK + i, DIM - 1u) * LANES] - block_means[i];
            first[i] += dot(r, c);
            second[i] += dot(r * c, c);
        }
    }

    let expected = (component * BLOCKS + block) * BLOCK;
    for (var i = 0u; i < BLOCK; i++) {
        lanes[i * LANES + lane] = first[i];
        lanes[(BLOCK + i) * LANES + lane] = fma(-count, covariances[expected + i], second[i]);
    }
    lanes[2u * BLOCK * LANES + lane] = count;
    workgroupBarrier();
    let start = range * tile.statistics;
    let statistics = start + 1u + component * COMPONENT;
    if lane < 2u * BLOCK {
        // All first moments of a component come before its second ones.
        let order = lane / BLOCK;
        sums[statistics + 1u + (order * BLOCKS + block) * BLOCK + lane % BLOCK] = sum_over_lanes(lane);
    }
    if block == 0u && lane == 2u * BLOCK {
        sums[statistics] = sum_over_lanes(lane);
    }
}
