const HARD_SLACK: f32 = 1e-5;
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

// E step, second half: from the log-densities of all components, each sample's log-density (a log of a sum of
// exponentials, relative to its largest term) and most probable component. A responsibility times the sample's weight
// is exp(log-density of the component - peak) x scale; the M step works it out, for that is less than to write and read
// it.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> densities: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> log_densities: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> labels: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read_write> peaks: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> scales: array<vec4<f32>>;

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
    // Not minus infinity: a compiler may assume that there is no such number.
    var greatest = vec4<f32>(-3e38);
    var label = vec4<u32>(0u);
    // Of the exponentials, relative to the greatest so far.
    var sum = vec4<f32>(0.0);
    for (var k = 0u; k < tile.components; k++) {
        let density = densities[k * tile.stride + n];
        let better = density > greatest;
        let e = exp(-abs(density - greatest));
        sum = select(sum + e, fma(sum, e, vec4<f32>(1.0)), better);
        greatest = select(greatest, density, better);
        label = select(label, vec4<u32>(k), better);
    }
    if tile.hard == 1u {
        // The first of those that are equal but for rounding.
        let least = greatest - HARD_SLACK * (1.0 + abs(greatest));
        var found = vec4<bool>(false);
        // Log-responsibilities in place of log-densities.
        for (var k = 0u; k < tile.components; k++) {
            let near = densities[k * tile.stride + n] >= least;
            let chosen = near & !found;
            label = select(label, vec4<u32>(k), chosen);
            densities[k * tile.stride + n] = select(vec4<f32>(-3e38), vec4<f32>(0.0), chosen);
            found = found | near;
        }
        log_densities[n] = greatest;
        peaks[n] = vec4<f32>(0.0);
        scales[n] = weight;
    } else {
        log_densities[n] = greatest + log(sum);
        peaks[n] = greatest;
        scales[n] = weight / sum;
    }
    // From 1: a label of 0 was never written.
    labels[n] = label + vec4<u32>(1u);
}
