// M step, full and tied covariances of few features: sums over a range of samples of r, r (x - mu) and
// r (x - mu)(x - mu)^T, for one component.
//
// A workgroup sums one component: each lane over its own samples, with the whole lower triangle in registers, so that a
// value is read once for all its products; then the lanes together, in a fixed order. One set of sums is: the
// log-likelihood; for each component its count, DIM first moments, and the TRIANGLE second moments (0,0), (1,0), (1,1),
// (2,0), ... The second ones are less what the lanes' counts and the covariances of the model lead to expect, as in
// `moments_blocks.wgsl`.
//
// The header has, beside its constants, what drivers leave rolled and would then index registers with: `add_products`,
// which adds r c c^T to the triangle, and `share_round`, which hands 64 of its numbers to the other lanes.

const COMPONENT: u32 = 1u + DIM + TRIANGLE;
const SHARED: u32 = LANES;

@compute @workgroup_size(64)
fn moments_triangle(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = folded(workgroup, workgroups);
    if index >= tile.ranges * tile.components {
        return;
    }
    let component = index % tile.components;
    let range = index / tile.components;

    var mean: array<f32, DIM>;
    var first: array<f32, DIM>;
    var second: array<f32, TRIANGLE>;
    var count = 0.0;
    for (var i = 0u; i < DIM; i++) {
        mean[i] = means[component * DIM + i];
        first[i] = 0.0;
    }
    clear(&second);
    let end = min((range + 1u) * tile.range_groups, tile.groups);
    for (var group = range * tile.range_groups; group < end; group++) {
        let n = group * LANES + lane;
        let x = (tile.first_group + group) * DIM * LANES + lane;
        let r = responsibilities[component * tile.stride + n] * scales[n];
        count += dot(r, vec4<f32>(1.0));
        var c: array<vec4<f32>, DIM>;
        for (var i = 0u; i < DIM; i++) {
            c[i] = samples[x + i * LANES] - mean[i];
            first[i] += dot(r, c[i]);
        }
        add_products(r, &c, &second);
    }

    let start = range * tile.statistics + 1u + component * COMPONENT;
    for (var round = 0u; round < ROUNDS; round++) {
        share_round(round, lane, count, component * TRIANGLE, &second);
        workgroupBarrier();
        let number = round * LANES + lane;
        if number < TRIANGLE {
            sums[start + 1u + DIM + number] = sum_over_lanes(lane);
        }
        workgroupBarrier();
    }
    for (var i = 0u; i < DIM; i++) {
        lanes[i * LANES + lane] = first[i];
    }
    lanes[DIM * LANES + lane] = count;
    workgroupBarrier();
    if lane < DIM {
        sums[start + 1u + lane] = sum_over_lanes(lane);
    }
    if lane == DIM {
        sums[start] = sum_over_lanes(lane);
    }
}
