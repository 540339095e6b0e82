// M step for many features: sums over a range of samples of r, r (x - mu) and r (x - mu)(x - mu)^T.
//
// A lane owns one part of the sums of one component, and a workgroup as many of those that follow each other as it has
// lanes. The workgroup takes some vectors of samples at a time into its memory, with the responsibilities of its components,
// so that a sample is read from the device's memory once for all of them, and no lane has to hand its sums to others.
//
// Header: DIM (features), BLOCK (rows of a part), BLOCKS, PARTS (of a component), MEANS (of a part), HELD (sums), COMPONENT
// (numbers of a component in a set of sums), NUMBERS (of a part), VECTORS (of samples at a time), COMPONENTS (most that a
// workgroup has), `sums`, at binding 6, `start_of` (first row and column of a part), and what drivers leave rolled and would
// then index registers with: `begin`, `add_staged`, and `hand_over`, which puts what a lane holds into a set of sums.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(1) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> means: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> densities: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> peaks: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> scales: array<vec4<f32>>;

/// Lanes of a workgroup.
const OUTPUTS: u32 = 128u;

// Rows of an odd number of vectors, and blocks an odd number apart, begin in other banks.
const ROW: u32 = VECTORS + 1u;
const ROWS: u32 = BLOCK * ROW + 1u;

var<workgroup> staged: array<vec4<f32>, BLOCKS * ROWS>;
var<workgroup> responsibilities: array<vec4<f32>, COMPONENTS * ROW>;

@compute @workgroup_size(128)
fn moments_staged(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = folded(workgroup, workgroups);
    let outputs = tile.components * PARTS;
    let batches = (outputs + OUTPUTS - 1u) / OUTPUTS;
    if index >= tile.ranges * batches {
        return;
    }
    let range = index / batches;
    let first = index % batches * OUTPUTS;
    let first_component = first / PARTS;
    let own = min(first + lane, outputs - 1u);
    let component = own / PARTS;
    let part = own % PARTS;
    let start = start_of(part);
    let row = start.x / BLOCK * ROWS;
    let column = start.y / BLOCK * ROWS;

    var means_held: array<f32, MEANS>;
    var held: array<f32, HELD>;
    begin(component, part, &means_held, &held);
    let end = min((range + 1u) * tile.range_groups, tile.groups);
    for (var group = range * tile.range_groups; group < end; group++) {
        for (var at = 0u; at < LANES; at += VECTORS) {
            let x = (tile.first_group + group) * DIM * LANES + at;
            let n = group * LANES + at;
            for (var e = lane; e < BLOCKS * BLOCK * VECTORS; e += OUTPUTS) {
                let i = e / VECTORS;
                let v = e % VECTORS;
                // Past the last feature any finite number will do.
                staged[i / BLOCK * ROWS + i % BLOCK * ROW + v] = samples[x + min(i, DIM - 1u) * LANES + v];
            }
            for (var e = lane; e < COMPONENTS * VECTORS; e += OUTPUTS) {
                let v = e % VECTORS;
                let k = min(first_component + e / VECTORS, tile.components - 1u);
                let r = exp(densities[k * tile.stride + n + v] - peaks[n + v]) * scales[n + v];
                responsibilities[e / VECTORS * ROW + v] = r;
            }
            workgroupBarrier();
            for (var v = 0u; v < VECTORS; v++) {
                let r = responsibilities[(component - first_component) * ROW + v];
                add_staged(r, row + v, column + v, &means_held, &held);
            }
            workgroupBarrier();
        }
    }
    if first + lane < outputs {
        hand_over(range, 4u + component * COMPONENT + part * NUMBERS, &held);
    }
}
