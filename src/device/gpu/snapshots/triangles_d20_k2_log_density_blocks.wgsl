const DIM: u32 = 20u;
const BLOCK: u32 = 8u;
const BLOCKS: u32 = 3u;
const STEP: u32 = 4u;
const ROW: u32 = 2u;
const MEAN: u32 = 5u;
const COMPONENT: u32 = 94u;
@group(0) @binding(1) var<uniform> parameters: array<vec4<f32>, 189>;

// What every stage shares. Samples lie in groups of 256: a group is DIM rows of 64 vectors, each of four samples, so
// that the 64 invocations of a workgroup read each row of a group as one run. "Lane" is an invocation's place there.
//
// A header of constants precedes this file: DIM (features), BLOCK (features of a block), BLOCKS (blocks of features),
// and, where a stage needs more, what the stage says.

const LANES: u32 = 64u;

/// What one dispatch works on: some groups of one chunk of samples.
struct Tile {
    /// First group of the tile within its chunk.
    first_group: u32,
    /// Groups of the tile.
    groups: u32,
    /// Vectors from one component's log-densities to the next one's.
    stride: u32,
    /// K.
    components: u32,
    /// 1 where each sample belongs wholly to its most probable component.
    hard: u32,
    /// The groups are cut into this many ranges of `range_groups`, the last one shorter; each has sums of its own.
    ranges: u32,
    range_groups: u32,
    /// Numbers in one set of sums.
    statistics: u32,
    /// Set of totals to add to, and whether it holds something yet.
    slot: u32,
    accumulate: u32,
}

/// Workgroups are folded into two dimensions, for one dimension takes no more than 65,535.
fn folded(workgroup: vec3<u32>, workgroups: vec3<u32>) -> u32 {
    return workgroup.y * workgroups.x + workgroup.x;
}

// E step, full and tied covariances: log (w_k p_k(x)) = constant_k - |(x - mu_k) P_k|^2 / 2 for each sample of a tile and
// each component of a window, P_k upper triangular with P_k P_k^T the precision.
//
// One invocation holds four samples. P is read in blocks of BLOCK columns, each with its rows down to the diagonal,
// zero where there is no element. Parameters are: the first component of the window and how many it has; then for each
// component its means, these rows, and the constant, each padded to whole vectors. They are in a uniform buffer where they fit,
// for all invocations read the same ones.
//
// Header: ROW (vectors of a row of a block), MEAN (vectors of the means), COMPONENT (vectors of a component), and
// `parameters`, at binding 1.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(2) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> densities: array<vec4<f32>>;

@compute @workgroup_size(64)
fn log_density_blocks(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let group = folded(workgroup, workgroups);
    if group >= tile.groups {
        return;
    }
    let x = (tile.first_group + group) * DIM * LANES + lane;
    let first_component = u32(parameters[0].x);
    let window = u32(parameters[0].y);
    for (var k = 0u; k < window; k++) {
        let component = 1u + k * COMPONENT;
        var row = component + MEAN;
        var distance = vec4<f32>(0.0);
        for (var last = BLOCK; last <= BLOCKS * BLOCK; last += BLOCK) {
            var y: array<vec4<f32>, BLOCK>;
            for (var j = 0u; j < BLOCK; j++) {
                y[j] = vec4<f32>(0.0);
            }
            for (var i = 0u; i < min(last, DIM); i += STEP) {
                let mean = parameters[component + i / 4u];
                for (var s = 0u; s < STEP; s++) {
                    // Past the last feature the rows of P are zero: any finite number will do.
                    let c = samples[x + min(i + s, DIM - 1u) * LANES] - mean[s];
                    for (var j = 0u; j < BLOCK; j++) {
                        y[j] = fma(c, vec4<f32>(parameters[row + j / 4u][j % 4u]), y[j]);
                    }
                    row += ROW;
                }
            }
            for (var j = 0u; j < BLOCK; j++) {
                // Beyond this a sum of squares could leave the range of f32.
                let bounded = clamp(y[j], vec4<f32>(-1e15), vec4<f32>(1e15));
                distance = fma(bounded, bounded, distance);
            }
        }
        let constant = parameters[component + COMPONENT - 1u].x;
        densities[(first_component + k) * tile.stride + group * LANES + lane] = fma(vec4<f32>(-0.5), distance, vec4<f32>(constant));
    }
}
