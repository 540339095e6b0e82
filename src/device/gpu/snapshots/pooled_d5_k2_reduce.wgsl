const SETS: u32 = 1u;
const VECTOR: u32 = 4u;
const NUMBERS: u32 = 24u;
const SECOND: u32 = 6u;
const PRODUCTS: u32 = 15u;
const COUNT: u32 = 21u;
const COMPONENT: u32 = 24u;
const POOLED: u32 = 2u;

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

// The sums of a tile's ranges, added up, go to a set of totals: put there, or added to those of earlier tiles.
//
// Before second moments are added up, each loses what its set's count and the covariance of the model lead it to expect,
// which the host puts back in f64. What is left is small once the fit is under way, and so is what f32 loses of it: the
// small eigenvalues of an ill-conditioned covariance keep their digits.
//
// Header: SETS (of a range), VECTOR (numbers before the first part), NUMBERS (of a part), SECOND (the place of a part's
// second moments), PRODUCTS (how many they are), COUNT (the place of the count they go with), COMPONENT (numbers of a
// component), POOLED (components whose second moments are together, in the place of the first one's).

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(1) var<storage, read> covariances: array<f32>;
@group(0) @binding(2) var<storage, read> sums: array<f32>;
@group(0) @binding(3) var<storage, read_write> totals: array<f32>;

/// A number of one of the sets, of which there are so many, less what its count leads to expect.
fn number_of(i: u32, sets: u32, number: u32, count: u32, covariance: f32) -> f32 {
    if i < sets {
        let start = i * tile.statistics;
        return fma(-covariance, sums[start + count], sums[start + number]);
    }
    return 0.0;
}

@compute @workgroup_size(64)
fn reduce(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let number = folded(workgroup, workgroups) * LANES + lane;
    if number >= tile.statistics {
        return;
    }
    var count = 0u;
    var covariance = 0.0;
    if number >= VECTOR {
        let part = (number - VECTOR) / NUMBERS;
        let place = (number - VECTOR) % NUMBERS;
        if place >= SECOND && (number - VECTOR) / COMPONENT % POOLED > 0u {
            return;
        }
        if place >= SECOND && place < SECOND + PRODUCTS {
            count = number - place + COUNT;
            covariance = covariances[part * PRODUCTS + place - SECOND];
        }
    }
    let sets = tile.ranges * SETS;
    // Four sums: one long sum would lose more digits.
    var parts = vec4<f32>(0.0);
    for (var i = 0u; i < sets; i += 4u) {
        parts += vec4<f32>(
            number_of(i, sets, number, count, covariance),
            number_of(i + 1u, sets, number, count, covariance),
            number_of(i + 2u, sets, number, count, covariance),
            number_of(i + 3u, sets, number, count, covariance),
        );
    }
    var total = dot(parts, vec4<f32>(1.0));
    let at = tile.slot * tile.statistics + number;
    if tile.accumulate == 1u {
        total += totals[at];
    }
    totals[at] = total;
}
