const DIM: u32 = 2u;
const BLOCK: u32 = 2u;
const PARTS: u32 = 1u;
const MEANS: u32 = 2u;
const SQUARES: bool = false;
// Where the parts of a component are. Header: BLOCK (rows of a part), SQUARES (whether parts are blocks of a diagonal).

/// First row and first column of a part: the lower triangle of blocks, or their diagonal.
fn start_of(part: u32) -> vec2<u32> {
    if SQUARES {
        return vec2<u32>(part * BLOCK);
    }
    var row = 0u;
    var column = part;
    while column > row {
        row++;
        column -= row;
    }
    return vec2<u32>(row, column) * BLOCK;
}
fn begin(component: u32, part: u32, means_held: ptr<function, array<f32, 2>>, held: ptr<function, array<f32, 8>>) {
    let mean0 = (min(component + 0u, tile.components - 1u) * PARTS + part) * 1u;
    let mean0_0 = means[mean0 + 0u];
    (*means_held)[0] = mean0_0.x;
    (*means_held)[1] = mean0_0.y;
    (*held)[0] = 0.0;
    (*held)[1] = 0.0;
    (*held)[2] = 0.0;
    (*held)[3] = 0.0;
    (*held)[4] = 0.0;
    (*held)[5] = 0.0;
    (*held)[6] = 0.0;
    (*held)[7] = 0.0;
}
fn add_samples(x: u32, n: u32, component: u32, start: vec2<u32>, means_held: ptr<function, array<f32, 2>>, held: ptr<function, array<f32, 8>>) {
    let peak = peaks[n];
    let scale = scales[n];
    let x0 = samples[x + (start.x + 0u) * LANES];
    let x1 = samples[x + (start.x + 1u) * LANES];
    {
    var r = exp(densities[min(component + 0u, tile.components - 1u) * tile.stride + n] - peak) * scale;
    let count = dot(r, vec4<f32>(1.0));
    (*held)[0] += count;
    (*held)[6] += count;
    let c0 = x0 - (*means_held)[0];
    let c1 = x1 - (*means_held)[1];
    let w0 = r * c0;
    (*held)[1] += dot(w0, vec4<f32>(1.0));
    let w1 = r * c1;
    (*held)[2] += dot(w1, vec4<f32>(1.0));
    (*held)[3] = fma(w0.x, c0.x, fma(w0.y, c0.y, fma(w0.z, c0.z, fma(w0.w, c0.w, (*held)[3]))));
    (*held)[4] = fma(w1.x, c0.x, fma(w1.y, c0.y, fma(w1.z, c0.z, fma(w1.w, c0.w, (*held)[4]))));
    (*held)[5] = fma(w1.x, c1.x, fma(w1.y, c1.y, fma(w1.z, c1.z, fma(w1.w, c1.w, (*held)[5]))));
    }
}
const AT_ONCE: u32 = 1u;
const HELD: u32 = 8u;
const NUMBERS: u32 = 8u;
const OTHER: u32 = 4u;
const COMPONENT: u32 = 8u;
@group(0) @binding(6) var<storage, read_write> sums: array<f32>;
fn share_round(round: u32, lane: u32, held: ptr<function, array<f32, 8>>) {
    switch round {
    case 0u: {
        lanes[0u + (lane + 0u) % LANES] = (*held)[0];
        lanes[64u + (lane + 1u) % LANES] = (*held)[1];
        lanes[128u + (lane + 2u) % LANES] = (*held)[2];
        lanes[192u + (lane + 3u) % LANES] = (*held)[3];
        lanes[256u + (lane + 4u) % LANES] = (*held)[4];
        lanes[320u + (lane + 5u) % LANES] = (*held)[5];
        lanes[384u + (lane + 6u) % LANES] = (*held)[6];
        lanes[448u + (lane + 7u) % LANES] = (*held)[7];
    }
    default: {}
    }
}
// The end of a kernel that sums, where the lanes of a workgroup add up what they hold, in a fixed order.
//
// Header: HELD (numbers that a lane holds), NUMBERS (of the first component), OTHER (of each other one), COMPONENT (places
// of each in a set of sums), and `share_round`, which hands 64 of a lane's numbers to the other lanes.

var<workgroup> lanes: array<f32, min(HELD, LANES) * LANES>;

/// One of the shared numbers, of four lanes. The lanes' places are turned by the number, to spread writes and reads.
fn four_lanes(number: u32, first: u32) -> vec4<f32> {
    let at = (vec4<u32>(first + number) + vec4<u32>(0u, 1u, 2u, 3u)) % LANES + number * LANES;
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
                even += four_lanes(lane, i);
                odd += four_lanes(lane, i + 4u);
            }
            sums[range * tile.statistics + place] = dot(even + odd, vec4<f32>(1.0));
        }
        workgroupBarrier();
    }
}
const WORDS: u32 = 3u;
@group(0) @binding(7) var<storage, read> marks: array<u32>;
// Of passes in which a component meets the groups of samples to which it can matter: `kept_components` marked them.
//
// Header: WORDS (of a group's marks), `marks`.

/// The next component of a group, from one on; both are counted from the first of a window. Where none is left, it is
/// `end` or more.
fn next_component(group: u32, offset: u32, start: u32, end: u32) -> u32 {
    var k = offset + start;
    while k < offset + end {
        let left = marks[group * WORDS + k / 32u] >> (k % 32u);
        if left != 0u {
            k += firstTrailingBit(left);
            break;
        }
        k = (k / 32u + 1u) * 32u;
    }
    return k - offset;
}

/// The next group of a component, from one on; `end` where none is left.
fn next_group(component: u32, start: u32, end: u32) -> u32 {
    var group = start;
    while group < end {
        if (marks[group * WORDS + component / 32u] >> (component % 32u) & 1u) == 1u {
            break;
        }
        group++;
    }
    return group;
}
