// M step, full and tied covariances: sums over a range of samples of r, r (x - mu) and r (x - mu)(x - mu)^T, for one
// component and one block of rows and columns of its lower triangle.
//
// A workgroup sums one block: each lane over its own samples, in registers, then the lanes together, in a fixed order.
// One set of sums is: the log-likelihood; for each component its count, BLOCKS x BLOCK first moments, and the blocks
// (0,0), (1,0), (1,1), (2,0), ... of BLOCK x BLOCK second moments. PAIRS is the number of those blocks.
//
// Before the lanes are added up, each takes off what its count and the covariance of the model lead it to expect, which
// the host puts back in f64. What is left is small once the fit is under way, and so is what f32 loses of it: the small
// eigenvalues of an ill-conditioned covariance keep their digits.

const SECOND: u32 = BLOCK * BLOCK;
/// Count and first moments.
const OTHER: u32 = BLOCK + 1u;
const SHARED: u32 = max(SECOND, OTHER);
const FIRST: u32 = 1u;
const COMPONENT: u32 = 1u + BLOCKS * BLOCK + PAIRS * SECOND;

@compute @workgroup_size(64)
fn moments_blocks(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = folded(workgroup, workgroups);
    if index >= tile.ranges * tile.components * PAIRS {
        return;
    }
    let pair = index % PAIRS;
    let component = (index / PAIRS) % tile.components;
    let range = index / (PAIRS * tile.components);
    // Block row and column: pair = row (row + 1) / 2 + column.
    var row = 0u;
    var column = pair;
    while column > row {
        row++;
        column -= row;
    }

    var row_means: array<f32, BLOCK>;
    var column_means: array<f32, BLOCK>;
    for (var i = 0u; i < BLOCK; i++) {
        row_means[i] = means[component * DIM + min(row * BLOCK + i, DIM - 1u)];
        column_means[i] = means[component * DIM + min(column * BLOCK + i, DIM - 1u)];
    }
    var second: array<f32, SECOND>;
    var first: array<f32, BLOCK>;
    var count = 0.0;
    for (var i = 0u; i < BLOCK; i++) {
        first[i] = 0.0;
        for (var j = 0u; j < BLOCK; j++) {
            second[i * BLOCK + j] = 0.0;
        }
    }
    let end = min((range + 1u) * tile.range_groups, tile.groups);
    for (var group = range * tile.range_groups; group < end; group++) {
        let n = group * LANES + lane;
        let x = (tile.first_group + group) * DIM * LANES + lane;
        let r = responsibilities[component * tile.stride + n] * scales[n];
        count += dot(r, vec4<f32>(1.0));
        var columns: array<vec4<f32>, BLOCK>;
        for (var j = 0u; j < BLOCK; j++) {
            columns[j] = samples[x + min(column * BLOCK + j, DIM - 1u) * LANES] - column_means[j];
        }
        for (var i = 0u; i < BLOCK; i++) {
            let weighted = r * (samples[x + min(row * BLOCK + i, DIM - 1u) * LANES] - row_means[i]);
            first[i] += dot(weighted, vec4<f32>(1.0));
            for (var j = 0u; j < BLOCK; j++) {
                let sum = second[i * BLOCK + j];
                second[i * BLOCK + j] = fma(weighted.x, columns[j].x, fma(weighted.y, columns[j].y, fma(weighted.z, columns[j].z, fma(weighted.w, columns[j].w, sum))));
            }
        }
    }

    let start = range * tile.statistics;
    let statistics = start + 1u + component * COMPONENT;
    let expected = (component * PAIRS + pair) * SECOND;
    for (var i = 0u; i < BLOCK; i++) {
        for (var j = 0u; j < BLOCK; j++) {
            let at = i * BLOCK + j;
            lanes[at * LANES + lane] = fma(-count, covariances[expected + at], second[at]);
        }
    }
    workgroupBarrier();
    for (var i = lane; i < SECOND; i += LANES) {
        sums[statistics + FIRST + BLOCKS * BLOCK + pair * SECOND + i] = sum_over_lanes(i);
    }
    workgroupBarrier();
    for (var i = 0u; i < BLOCK; i++) {
        lanes[i * LANES + lane] = first[i];
    }
    lanes[BLOCK * LANES + lane] = count;
    workgroupBarrier();
    if column == 0u && lane < BLOCK {
        sums[statistics + FIRST + row * BLOCK + lane] = sum_over_lanes(lane);
    }
    if pair == 0u && lane == BLOCK {
        sums[statistics] = sum_over_lanes(lane);
    }
}
