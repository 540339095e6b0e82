const DIM: u32 = 5u;
const BLOCK: u32 = 5u;
const PARTS: u32 = 1u;
const MEANS: u32 = 10u;
const SQUARES: bool = true;
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
fn begin(component: u32, part: u32, means_held: ptr<function, array<f32, 10>>, held: ptr<function, array<f32, 32>>) {
    let mean0 = (min(component + 0u, tile.components - 1u) * PARTS + part) * 2u;
    let mean0_0 = means[mean0 + 0u];
    (*means_held)[0] = mean0_0.x;
    (*means_held)[1] = mean0_0.y;
    (*means_held)[2] = mean0_0.z;
    (*means_held)[3] = mean0_0.w;
    let mean0_4 = means[mean0 + 1u];
    (*means_held)[4] = mean0_4.x;
    let mean1 = (min(component + 1u, tile.components - 1u) * PARTS + part) * 2u;
    let mean1_0 = means[mean1 + 0u];
    (*means_held)[5] = mean1_0.x;
    (*means_held)[6] = mean1_0.y;
    (*means_held)[7] = mean1_0.z;
    (*means_held)[8] = mean1_0.w;
    let mean1_4 = means[mean1 + 1u];
    (*means_held)[9] = mean1_4.x;
    (*held)[0] = 0.0;
    (*held)[1] = 0.0;
    (*held)[2] = 0.0;
    (*held)[3] = 0.0;
    (*held)[4] = 0.0;
    (*held)[5] = 0.0;
    (*held)[6] = 0.0;
    (*held)[7] = 0.0;
    (*held)[8] = 0.0;
    (*held)[9] = 0.0;
    (*held)[10] = 0.0;
    (*held)[11] = 0.0;
    (*held)[12] = 0.0;
    (*held)[13] = 0.0;
    (*held)[14] = 0.0;
    (*held)[15] = 0.0;
    (*held)[16] = 0.0;
    (*held)[17] = 0.0;
    (*held)[18] = 0.0;
    (*held)[19] = 0.0;
    (*held)[20] = 0.0;
    (*held)[21] = 0.0;
    (*held)[22] = 0.0;
    (*held)[23] = 0.0;
    (*held)[24] = 0.0;
    (*held)[25] = 0.0;
    (*held)[26] = 0.0;
    (*held)[27] = 0.0;
    (*held)[28] = 0.0;
    (*held)[29] = 0.0;
    (*held)[30] = 0.0;
    (*held)[31] = 0.0;
}
fn add_samples(x: u32, n: u32, component: u32, start: vec2<u32>, means_held: ptr<function, array<f32, 10>>, held: ptr<function, array<f32, 32>>) {
    let peak = peaks[n];
    let scale = scales[n];
    let r0 = exp(densities[min(component + 0u, tile.components - 1u) * tile.stride + n] - peak) * scale;
    (*held)[0] += dot(r0, vec4<f32>(1.0));
    let r1 = exp(densities[min(component + 1u, tile.components - 1u) * tile.stride + n] - peak) * scale;
    (*held)[16] += dot(r1, vec4<f32>(1.0));
    {
    let value = samples[x + (start.x + 0u) * LANES];
    let is_there = value < vec4<f32>(1e30);
    let x = select(vec4<f32>(0.0), value, is_there);
    {
    let r = select(vec4<f32>(0.0), r0, is_there);
    let c0 = x - (*means_held)[0];
    let w0 = r * c0;
    (*held)[1] += dot(w0, vec4<f32>(1.0));
    (*held)[6] = fma(w0.x, c0.x, fma(w0.y, c0.y, fma(w0.z, c0.z, fma(w0.w, c0.w, (*held)[6]))));
    (*held)[11] += dot(r, vec4<f32>(1.0));
    }
    {
    let r = select(vec4<f32>(0.0), r1, is_there);
    let c0 = x - (*means_held)[5];
    let w0 = r * c0;
    (*held)[17] += dot(w0, vec4<f32>(1.0));
    (*held)[22] = fma(w0.x, c0.x, fma(w0.y, c0.y, fma(w0.z, c0.z, fma(w0.w, c0.w, (*held)[22]))));
    (*held)[27] += dot(r, vec4<f32>(1.0));
    }
    }
    {
    let value = samples[x + (start.x + 1u) * LANES];
    let is_there = value < vec4<f32>(1e30);
    let x = select(vec4<f32>(0.0), value, is_there);
    {
    let r = select(vec4<f32>(0.0), r0, is_there);
    let c1 = x - (*means_held)[1];
    let w1 = r * c1;
    (*held)[2] += dot(w1, vec4<f32>(1.0));
    (*held)[7] = fma(w1.x, c1.x, fma(w1.y, c1.y, fma(w1.z, c1.z, fma(w1.w, c1.w, (*held)[7]))));
    (*held)[12] += dot(r, vec4<f32>(1.0));
    }
    {
    let r = select(vec4<f32>(0.0), r1, is_there);
    let c1 = x - (*means_held)[6];
    let w1 = r * c1;
    (*held)[18] += dot(w1, vec4<f32>(1.0));
    (*held)[23] = fma(w1.x, c1.x, fma(w1.y, c1.y, fma(w1.z, c1.z, fma(w1.w, c1.w, (*held)[23]))));
    (*held)[28] += dot(r, vec4<f32>(1.0));
    }
    }
    {
    let value = samples[x + (start.x + 2u) * LANES];
    let is_there = value < vec4<f32>(1e30);
    let x = select(vec4<f32>(0.0), value, is_there);
    {
    let r = select(vec4<f32>(0.0), r0, is_there);
    let c2 = x - (*means_held)[2];
    let w2 = r * c2;
    (*held)[3] += dot(w2, vec4<f32>(1.0));
    (*held)[8] = fma(w2.x, c2.x, fma(w2.y, c2.y, fma(w2.z, c2.z, fma(w2.w, c2.w, (*held)[8]))));
    (*held)[13] += dot(r, vec4<f32>(1.0));
    }
    {
    let r = select(vec4<f32>(0.0), r1, is_there);
    let c2 = x - (*means_held)[7];
    let w2 = r * c2;
    (*held)[19] += dot(w2, vec4<f32>(1.0));
    (*held)[24] = fma(w2.x, c2.x, fma(w2.y, c2.y, fma(w2.z, c2.z, fma(w2.w, c2.w, (*held)[24]))));
    (*held)[29] += dot(r, vec4<f32>(1.0));
    }
    }
    {
    let value = samples[x + (start.x + 3u) * LANES];
    let is_there = value < vec4<f32>(1e30);
    let x = select(vec4<f32>(0.0), value, is_there);
    {
    let r = select(vec4<f32>(0.0), r0, is_there);
    let c3 = x - (*means_held)[3];
    let w3 = r * c3;
    (*held)[4] += dot(w3, vec4<f32>(1.0));
    (*held)[9] = fma(w3.x, c3.x, fma(w3.y, c3.y, fma(w3.z, c3.z, fma(w3.w, c3.w, (*held)[9]))));
    (*held)[14] += dot(r, vec4<f32>(1.0));
    }
    {
    let r = select(vec4<f32>(0.0), r1, is_there);
    let c3 = x - (*means_held)[8];
    let w3 = r * c3;
    (*held)[20] += dot(w3, vec4<f32>(1.0));
    (*held)[25] = fma(w3.x, c3.x, fma(w3.y, c3.y, fma(w3.z, c3.z, fma(w3.w, c3.w, (*held)[25]))));
    (*held)[30] += dot(r, vec4<f32>(1.0));
    }
    }
    {
    let value = samples[x + (start.x + 4u) * LANES];
    let is_there = value < vec4<f32>(1e30);
    let x = select(vec4<f32>(0.0), value, is_there);
    {
    let r = select(vec4<f32>(0.0), r0, is_there);
    let c4 = x - (*means_held)[4];
    let w4 = r * c4;
    (*held)[5] += dot(w4, vec4<f32>(1.0));
    (*held)[10] = fma(w4.x, c4.x, fma(w4.y, c4.y, fma(w4.z, c4.z, fma(w4.w, c4.w, (*held)[10]))));
    (*held)[15] += dot(r, vec4<f32>(1.0));
    }
    {
    let r = select(vec4<f32>(0.0), r1, is_there);
    let c4 = x - (*means_held)[9];
    let w4 = r * c4;
    (*held)[21] += dot(w4, vec4<f32>(1.0));
    (*held)[26] = fma(w4.x, c4.x, fma(w4.y, c4.y, fma(w4.z, c4.z, fma(w4.w, c4.w, (*held)[26]))));
    (*held)[31] += dot(r, vec4<f32>(1.0));
    }
    }
}
const AT_ONCE: u32 = 2u;
const HELD: u32 = 32u;
const NUMBERS: u32 = 16u;
const OTHER: u32 = 16u;
const COMPONENT: u32 = 16u;
@group(0) @binding(6) var<storage, read_write> sums: array<f32>;
fn share_round(round: u32, lane: u32, held: ptr<function, array<f32, 32>>) {
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
        lanes[512u + (lane + 8u) % LANES] = (*held)[8];
        lanes[576u + (lane + 9u) % LANES] = (*held)[9];
        lanes[640u + (lane + 10u) % LANES] = (*held)[10];
        lanes[704u + (lane + 11u) % LANES] = (*held)[11];
        lanes[768u + (lane + 12u) % LANES] = (*held)[12];
        lanes[832u + (lane + 13u) % LANES] = (*held)[13];
        lanes[896u + (lane + 14u) % LANES] = (*held)[14];
        lanes[960u + (lane + 15u) % LANES] = (*held)[15];
        lanes[1024u + (lane + 16u) % LANES] = (*held)[16];
        lanes[1088u + (lane + 17u) % LANES] = (*held)[17];
        lanes[1152u + (lane + 18u) % LANES] = (*held)[18];
        lanes[1216u + (lane + 19u) % LANES] = (*held)[19];
        lanes[1280u + (lane + 20u) % LANES] = (*held)[20];
        lanes[1344u + (lane + 21u) % LANES] = (*held)[21];
        lanes[1408u + (lane + 22u) % LANES] = (*held)[22];
        lanes[1472u + (lane + 23u) % LANES] = (*held)[23];
        lanes[1536u + (lane + 24u) % LANES] = (*held)[24];
        lanes[1600u + (lane + 25u) % LANES] = (*held)[25];
        lanes[1664u + (lane + 26u) % LANES] = (*held)[26];
        lanes[1728u + (lane + 27u) % LANES] = (*held)[27];
        lanes[1792u + (lane + 28u) % LANES] = (*held)[28];
        lanes[1856u + (lane + 29u) % LANES] = (*held)[29];
        lanes[1920u + (lane + 30u) % LANES] = (*held)[30];
        lanes[1984u + (lane + 31u) % LANES] = (*held)[31];
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
// Of passes in which every component meets every group of samples: what comes next is the next one.

/// The next component of a group, from one on; both are counted from the first of a window.
fn next_component(group: u32, offset: u32, start: u32, end: u32) -> u32 {
    return start;
}

/// The next group of a component, from one on.
fn next_group(component: u32, start: u32, end: u32) -> u32 {
    return start;
}
