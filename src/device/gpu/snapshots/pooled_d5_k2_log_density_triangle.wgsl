const DIM: u32 = 5u;
const BLOCK: u32 = 5u;
const BLOCKS: u32 = 1u;
const STEP: u32 = 4u;
const ROW: u32 = 2u;
const MEAN: u32 = 2u;
const COMPONENT: u32 = 7u;
@group(0) @binding(1) var<uniform> parameters: array<vec4<f32>, 15>;
fn squared_distance(x: ptr<function, array<vec4<f32>, 5>>, at: u32) -> vec4<f32> {
    let c0 = (*x)[0] - parameters[at + 0u].x;
    let c1 = (*x)[1] - parameters[at + 0u].y;
    let c2 = (*x)[2] - parameters[at + 0u].z;
    let c3 = (*x)[3] - parameters[at + 0u].w;
    let c4 = (*x)[4] - parameters[at + 1u].x;
    var distance = vec4<f32>(0.0);
    var y: vec4<f32>;
    y = c0 * parameters[at + 2u].x;
    y = clamp(y, vec4<f32>(-1e15), vec4<f32>(1e15));
    distance = fma(y, y, distance);
    y = c0 * parameters[at + 2u].y;
    y = fma(c1, vec4<f32>(parameters[at + 2u].z), y);
    y = clamp(y, vec4<f32>(-1e15), vec4<f32>(1e15));
    distance = fma(y, y, distance);
    y = c0 * parameters[at + 2u].w;
    y = fma(c1, vec4<f32>(parameters[at + 3u].x), y);
    y = fma(c2, vec4<f32>(parameters[at + 3u].y), y);
    y = clamp(y, vec4<f32>(-1e15), vec4<f32>(1e15));
    distance = fma(y, y, distance);
    y = c0 * parameters[at + 3u].z;
    y = fma(c1, vec4<f32>(parameters[at + 3u].w), y);
    y = fma(c2, vec4<f32>(parameters[at + 4u].x), y);
    y = fma(c3, vec4<f32>(parameters[at + 4u].y), y);
    y = clamp(y, vec4<f32>(-1e15), vec4<f32>(1e15));
    distance = fma(y, y, distance);
    y = c0 * parameters[at + 4u].z;
    y = fma(c1, vec4<f32>(parameters[at + 4u].w), y);
    y = fma(c2, vec4<f32>(parameters[at + 5u].x), y);
    y = fma(c3, vec4<f32>(parameters[at + 5u].y), y);
    y = fma(c4, vec4<f32>(parameters[at + 5u].z), y);
    y = clamp(y, vec4<f32>(-1e15), vec4<f32>(1e15));
    distance = fma(y, y, distance);
    return distance;
}

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

// E step, full and tied covariances of few features: log (w_k p_k(x)) = constant_k - |(x - mu_k) P_k|^2 / 2 for each
// sample of a tile and each component of a window, P_k upper triangular with P_k P_k^T the precision.
//
// One invocation holds four samples, all their features in registers. Parameters are: the first component of the window
// and how many it has; then for each component its means, the columns of P down to the diagonal, one after another, and
// the constant, each padded to whole vectors. They are in a uniform buffer, for all invocations read the same ones.
//
// Header: COMPONENT (vectors of a component), `parameters`, at binding 1, and what drivers leave rolled and would then
// index registers with: `squared_distance`, |(x - mu) P|^2 for the component whose parameters begin at a vector.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(2) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> densities: array<vec4<f32>>;

@compute @workgroup_size(64)
fn log_density_triangle(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let group = folded(workgroup, workgroups);
    if group >= tile.groups {
        return;
    }
    let start = (tile.first_group + group) * DIM * LANES + lane;
    let first_component = u32(parameters[0].x);
    let window = u32(parameters[0].y);
    var x: array<vec4<f32>, DIM>;
    for (var i = 0u; i < DIM; i++) {
        x[i] = samples[start + i * LANES];
    }
    for (var k = 0u; k < window; k++) {
        let component = 1u + k * COMPONENT;
        let distance = squared_distance(&x, component);
        let constant = parameters[component + COMPONENT - 1u].x;
        densities[(first_component + k) * tile.stride + group * LANES + lane] = fma(vec4<f32>(-0.5), distance, vec4<f32>(constant));
    }
}
