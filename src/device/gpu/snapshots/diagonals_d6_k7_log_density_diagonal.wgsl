const DIM: u32 = 6u;
const BLOCK: u32 = 6u;
const BLOCKS: u32 = 1u;
const STEP: u32 = 4u;
const ROW: u32 = 2u;
const MEAN: u32 = 2u;
const COMPONENT: u32 = 5u;
@group(0) @binding(1) var<uniform> parameters: array<vec4<f32>, 36>;
const AT_ONCE: u32 = 7u;
fn write_densities(x: u32, at: u32, to: u32) {
    var distance0 = vec4<f32>(0.0);
    var distance1 = vec4<f32>(0.0);
    var distance2 = vec4<f32>(0.0);
    var distance3 = vec4<f32>(0.0);
    var distance4 = vec4<f32>(0.0);
    var distance5 = vec4<f32>(0.0);
    var distance6 = vec4<f32>(0.0);
    for (var i = 0u; i < MEAN; i++) {
        let sx = samples[x + min(4u * i + 0u, DIM - 1u) * LANES];
        let sy = samples[x + min(4u * i + 1u, DIM - 1u) * LANES];
        let sz = samples[x + min(4u * i + 2u, DIM - 1u) * LANES];
        let sw = samples[x + min(4u * i + 3u, DIM - 1u) * LANES];
        let mean0 = parameters[at + 0u * COMPONENT + i];
        let reciprocal0 = parameters[at + 0u * COMPONENT + MEAN + i];
        distance0 = add_square((sx - mean0.x) * reciprocal0.x, distance0);
        distance0 = add_square((sy - mean0.y) * reciprocal0.y, distance0);
        distance0 = add_square((sz - mean0.z) * reciprocal0.z, distance0);
        distance0 = add_square((sw - mean0.w) * reciprocal0.w, distance0);
        let mean1 = parameters[at + 1u * COMPONENT + i];
        let reciprocal1 = parameters[at + 1u * COMPONENT + MEAN + i];
        distance1 = add_square((sx - mean1.x) * reciprocal1.x, distance1);
        distance1 = add_square((sy - mean1.y) * reciprocal1.y, distance1);
        distance1 = add_square((sz - mean1.z) * reciprocal1.z, distance1);
        distance1 = add_square((sw - mean1.w) * reciprocal1.w, distance1);
        let mean2 = parameters[at + 2u * COMPONENT + i];
        let reciprocal2 = parameters[at + 2u * COMPONENT + MEAN + i];
        distance2 = add_square((sx - mean2.x) * reciprocal2.x, distance2);
        distance2 = add_square((sy - mean2.y) * reciprocal2.y, distance2);
        distance2 = add_square((sz - mean2.z) * reciprocal2.z, distance2);
        distance2 = add_square((sw - mean2.w) * reciprocal2.w, distance2);
        let mean3 = parameters[at + 3u * COMPONENT + i];
        let reciprocal3 = parameters[at + 3u * COMPONENT + MEAN + i];
        distance3 = add_square((sx - mean3.x) * reciprocal3.x, distance3);
        distance3 = add_square((sy - mean3.y) * reciprocal3.y, distance3);
        distance3 = add_square((sz - mean3.z) * reciprocal3.z, distance3);
        distance3 = add_square((sw - mean3.w) * reciprocal3.w, distance3);
        let mean4 = parameters[at + 4u * COMPONENT + i];
        let reciprocal4 = parameters[at + 4u * COMPONENT + MEAN + i];
        distance4 = add_square((sx - mean4.x) * reciprocal4.x, distance4);
        distance4 = add_square((sy - mean4.y) * reciprocal4.y, distance4);
        distance4 = add_square((sz - mean4.z) * reciprocal4.z, distance4);
        distance4 = add_square((sw - mean4.w) * reciprocal4.w, distance4);
        let mean5 = parameters[at + 5u * COMPONENT + i];
        let reciprocal5 = parameters[at + 5u * COMPONENT + MEAN + i];
        distance5 = add_square((sx - mean5.x) * reciprocal5.x, distance5);
        distance5 = add_square((sy - mean5.y) * reciprocal5.y, distance5);
        distance5 = add_square((sz - mean5.z) * reciprocal5.z, distance5);
        distance5 = add_square((sw - mean5.w) * reciprocal5.w, distance5);
        let mean6 = parameters[at + 6u * COMPONENT + i];
        let reciprocal6 = parameters[at + 6u * COMPONENT + MEAN + i];
        distance6 = add_square((sx - mean6.x) * reciprocal6.x, distance6);
        distance6 = add_square((sy - mean6.y) * reciprocal6.y, distance6);
        distance6 = add_square((sz - mean6.z) * reciprocal6.z, distance6);
        distance6 = add_square((sw - mean6.w) * reciprocal6.w, distance6);
    }
    densities[to + 0u * tile.stride] = fma(vec4<f32>(-0.5), distance0, vec4<f32>(parameters[at + 1u * COMPONENT - 1u].x));
    densities[to + 1u * tile.stride] = fma(vec4<f32>(-0.5), distance1, vec4<f32>(parameters[at + 2u * COMPONENT - 1u].x));
    densities[to + 2u * tile.stride] = fma(vec4<f32>(-0.5), distance2, vec4<f32>(parameters[at + 3u * COMPONENT - 1u].x));
    densities[to + 3u * tile.stride] = fma(vec4<f32>(-0.5), distance3, vec4<f32>(parameters[at + 4u * COMPONENT - 1u].x));
    densities[to + 4u * tile.stride] = fma(vec4<f32>(-0.5), distance4, vec4<f32>(parameters[at + 5u * COMPONENT - 1u].x));
    densities[to + 5u * tile.stride] = fma(vec4<f32>(-0.5), distance5, vec4<f32>(parameters[at + 6u * COMPONENT - 1u].x));
    densities[to + 6u * tile.stride] = fma(vec4<f32>(-0.5), distance6, vec4<f32>(parameters[at + 7u * COMPONENT - 1u].x));
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

// E step, diagonal and spherical covariances: log (w_k p_k(x)) = constant_k - sum_d ((x_d - mu_kd) p_kd)^2 / 2, p the
// reciprocal standard deviations, for each sample of a tile and each component of a window.
//
// One invocation holds four samples and handles several components at a time, so that a sample is read once for all of
// them. Parameters are: the first component of the window and how many it has; then for each component MEAN vectors of
// means, MEAN vectors of reciprocal standard deviations, and the constant.
//
// Header: MEAN (vectors of the means), COMPONENT (vectors of a component), AT_ONCE (components), `parameters`, at
// binding 1, and what drivers leave rolled and would then index registers with: `write_densities`, for the components
// whose parameters begin at a vector.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(2) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> densities: array<vec4<f32>>;

fn add_square(y: vec4<f32>, sum: vec4<f32>) -> vec4<f32> {
    // Beyond this a sum of squares could leave the range of f32.
    let bounded = clamp(y, vec4<f32>(-1e15), vec4<f32>(1e15));
    return fma(bounded, bounded, sum);
}

@compute @workgroup_size(64)
fn log_density_diagonal(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let group = folded(workgroup, workgroups);
    if group >= tile.groups {
        return;
    }
    let x = (tile.first_group + group) * DIM * LANES + lane;
    let to = u32(parameters[0].x) * tile.stride + group * LANES + lane;
    let window = u32(parameters[0].y);
    for (var k = 0u; k < window; k += AT_ONCE) {
        write_densities(x, 1u + k * COMPONENT, to + k * tile.stride);
    }
}
