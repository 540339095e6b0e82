const AT_ONCE: u32 = 1u;
const HELD: u32 = 4u;
const NUMBERS: u32 = 4u;
const OTHER: u32 = 4u;
const COMPONENT: u32 = 16u;
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;
fn share_round(round: u32, lane: u32, held: ptr<function, array<f32, 4>>) {
    switch round {
    case 0u: {
        lanes[0u + lane] = (*held)[0];
        lanes[64u + lane] = (*held)[1];
        lanes[128u + lane] = (*held)[2];
        lanes[192u + lane] = (*held)[3];
    }
    default: {}
    }
}
// The end of a kernel that sums, where the lanes of a workgroup add up what they hold, in a fixed order.
//
// Header: HELD (numbers that a lane holds), NUMBERS (of the first component), OTHER (of each other one), COMPONENT (places
// of each in a set of sums), and `share_round`, which hands 64 of a lane's numbers to the other lanes.

var<workgroup> lanes: array<f32, min(HELD, LANES) * LANES>;

/// One of the shared numbers, of four lanes.
fn four_lanes(number: u32, first: u32) -> vec4<f32> {
    let at = (vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u)) % LANES + number * LANES;
    return vec4<f32>(lanes[at.x], lanes[at.y], lanes[at.z], lanes[at.w]);
}

/// Puts the sums into the set of a range; `at` is the place of the first component's.
fn hand_over(range: u32, at: u32, lane: u32, held: ptr<function, array<f32, HELD>>) {
    for (var round = 0u; round * LANES < HELD; round++) {
        share_round(round, lane, held);
        workgroupBarrier();
        let number = round * LANES + lane;
        var place = at + number;
        if number >= NUMBERS {
            place = at + ((number - NUMBERS) / OTHER + 1u) * COMPONENT + (number - NUMBERS) % OTHER;
        }
        // Past the last component there is no set's place.
        if number < HELD && place < tile.statistics {
            // Eight sums of eight: one long sum would lose more digits, and wait longer for each of its terms.
            var even = vec4<f32>(0.0);
            var odd = vec4<f32>(0.0);
            for (var i = 0u; i < LANES; i += 8u) {
                // Each lane starts at another place, to spread the reads.
                even += four_lanes(lane, i + lane);
                odd += four_lanes(lane, i + lane + 4u);
            }
            sums[range * tile.statistics + place] = dot(even + odd, vec4<f32>(1.0));
        }
        workgroupBarrier();
    }
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

// The log-likelihood of each range of a tile: the sum of weight times log-density, the first number of a set of sums.
//
// One workgroup sums one range, each lane over its own samples. Header: `sums`, at binding 3, and
// `hand_over`, as for the moments.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> log_densities: array<vec4<f32>>;

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
    // A vector, as sets are made of vectors.
    var held = array<f32, 4>(0.0, 0.0, 0.0, 0.0);
    let end = min((range + 1u) * tile.range_groups, tile.groups);
    for (var group = range * tile.range_groups; group < end; group++) {
        let n = group * LANES + lane;
        held[0] += dot(weights[tile.first_group * LANES + n], log_densities[n]);
    }
    hand_over(range, 0u, lane, &held);
}
