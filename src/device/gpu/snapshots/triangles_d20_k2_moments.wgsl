const DIM: u32 = 20u;
const BLOCK: u32 = 7u;
const PARTS: u32 = 6u;
const MEANS: u32 = 14u;
const SQUARES: bool = false;
fn begin(component: u32, part: u32, means_held: ptr<function, array<f32, 14>>, held: ptr<function, array<f32, 60>>) {
    let mean0 = (min(component + 0u, tile.components - 1u) * PARTS + part) * 4u;
    let mean0_0 = means[mean0 + 0u];
    (*means_held)[0] = mean0_0.x;
    (*means_held)[1] = mean0_0.y;
    (*means_held)[2] = mean0_0.z;
    (*means_held)[3] = mean0_0.w;
    let mean0_4 = means[mean0 + 1u];
    (*means_held)[4] = mean0_4.x;
    (*means_held)[5] = mean0_4.y;
    (*means_held)[6] = mean0_4.z;
    (*means_held)[7] = mean0_4.w;
    let mean0_8 = means[mean0 + 2u];
    (*means_held)[8] = mean0_8.x;
    (*means_held)[9] = mean0_8.y;
    (*means_held)[10] = mean0_8.z;
    (*means_held)[11] = mean0_8.w;
    let mean0_12 = means[mean0 + 3u];
    (*means_held)[12] = mean0_12.x;
    (*means_held)[13] = mean0_12.y;
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
    (*held)[32] = 0.0;
    (*held)[33] = 0.0;
    (*held)[34] = 0.0;
    (*held)[35] = 0.0;
    (*held)[36] = 0.0;
    (*held)[37] = 0.0;
    (*held)[38] = 0.0;
    (*held)[39] = 0.0;
    (*held)[40] = 0.0;
    (*held)[41] = 0.0;
    (*held)[42] = 0.0;
    (*held)[43] = 0.0;
    (*held)[44] = 0.0;
    (*held)[45] = 0.0;
    (*held)[46] = 0.0;
    (*held)[47] = 0.0;
    (*held)[48] = 0.0;
    (*held)[49] = 0.0;
    (*held)[50] = 0.0;
    (*held)[51] = 0.0;
    (*held)[52] = 0.0;
    (*held)[53] = 0.0;
    (*held)[54] = 0.0;
    (*held)[55] = 0.0;
    (*held)[56] = 0.0;
    (*held)[57] = 0.0;
    (*held)[58] = 0.0;
    (*held)[59] = 0.0;
}
fn add_samples(x: u32, n: u32, component: u32, start: vec2<u32>, means_held: ptr<function, array<f32, 14>>, held: ptr<function, array<f32, 60>>) {
    let peak = peaks[n];
    let scale = scales[n];
    let x0 = samples[x + min(start.x + 0u, DIM - 1u) * LANES];
    let x1 = samples[x + min(start.x + 1u, DIM - 1u) * LANES];
    let x2 = samples[x + min(start.x + 2u, DIM - 1u) * LANES];
    let x3 = samples[x + min(start.x + 3u, DIM - 1u) * LANES];
    let x4 = samples[x + min(start.x + 4u, DIM - 1u) * LANES];
    let x5 = samples[x + min(start.x + 5u, DIM - 1u) * LANES];
    let x6 = samples[x + min(start.x + 6u, DIM - 1u) * LANES];
    let x7 = samples[x + min(start.y + 0u, DIM - 1u) * LANES];
    let x8 = samples[x + min(start.y + 1u, DIM - 1u) * LANES];
    let x9 = samples[x + min(start.y + 2u, DIM - 1u) * LANES];
    let x10 = samples[x + min(start.y + 3u, DIM - 1u) * LANES];
    let x11 = samples[x + min(start.y + 4u, DIM - 1u) * LANES];
    let x12 = samples[x + min(start.y + 5u, DIM - 1u) * LANES];
    let x13 = samples[x + min(start.y + 6u, DIM - 1u) * LANES];
    {
    var r = exp(densities[min(component + 0u, tile.components - 1u) * tile.stride + n] - peak) * scale;
    let count = dot(r, vec4<f32>(1.0));
    (*held)[0] += count;
    let c0 = x0 - (*means_held)[0];
    let c1 = x1 - (*means_held)[1];
    let c2 = x2 - (*means_held)[2];
    let c3 = x3 - (*means_held)[3];
    let c4 = x4 - (*means_held)[4];
    let c5 = x5 - (*means_held)[5];
    let c6 = x6 - (*means_held)[6];
    let c7 = x7 - (*means_held)[7];
    let c8 = x8 - (*means_held)[8];
    let c9 = x9 - (*means_held)[9];
    let c10 = x10 - (*means_held)[10];
    let c11 = x11 - (*means_held)[11];
    let c12 = x12 - (*means_held)[12];
    let c13 = x13 - (*means_held)[13];
    let w0 = r * c0;
    (*held)[1] += dot(w0, vec4<f32>(1.0));
    let w1 = r * c1;
    (*held)[2] += dot(w1, vec4<f32>(1.0));
    let w2 = r * c2;
    (*held)[3] += dot(w2, vec4<f32>(1.0));
    let w3 = r * c3;
    (*held)[4] += dot(w3, vec4<f32>(1.0));
    let w4 = r * c4;
    (*held)[5] += dot(w4, vec4<f32>(1.0));
    let w5 = r * c5;
    (*held)[6] += dot(w5, vec4<f32>(1.0));
    let w6 = r * c6;
    (*held)[7] += dot(w6, vec4<f32>(1.0));
    (*held)[8] = fma(w0.x, c7.x, fma(w0.y, c7.y, fma(w0.z, c7.z, fma(w0.w, c7.w, (*held)[8]))));
    (*held)[9] = fma(w0.x, c8.x, fma(w0.y, c8.y, fma(w0.z, c8.z, fma(w0.w, c8.w, (*held)[9]))));
    (*held)[10] = fma(w0.x, c9.x, fma(w0.y, c9.y, fma(w0.z, c9.z, fma(w0.w, c9.w, (*held)[10]))));
    (*held)[11] = fma(w0.x, c10.x, fma(w0.y, c10.y, fma(w0.z, c10.z, fma(w0.w, c10.w, (*held)[11]))));
    (*held)[12] = fma(w0.x, c11.x, fma(w0.y, c11.y, fma(w0.z, c11.z, fma(w0.w, c11.w, (*held)[12]))));
    (*held)[13] = fma(w0.x, c12.x, fma(w0.y, c12.y, fma(w0.z, c12.z, fma(w0.w, c12.w, (*held)[13]))));
    (*held)[14] = fma(w0.x, c13.x, fma(w0.y, c13.y, fma(w0.z, c13.z, fma(w0.w, c13.w, (*held)[14]))));
    (*held)[15] = fma(w1.x, c7.x, fma(w1.y, c7.y, fma(w1.z, c7.z, fma(w1.w, c7.w, (*held)[15]))));
    (*held)[16] = fma(w1.x, c8.x, fma(w1.y, c8.y, fma(w1.z, c8.z, fma(w1.w, c8.w, (*held)[16]))));
    (*held)[17] = fma(w1.x, c9.x, fma(w1.y, c9.y, fma(w1.z, c9.z, fma(w1.w, c9.w, (*held)[17]))));
    (*held)[18] = fma(w1.x, c10.x, fma(w1.y, c10.y, fma(w1.z, c10.z, fma(w1.w, c10.w, (*held)[18]))));
    (*held)[19] = fma(w1.x, c11.x, fma(w1.y, c11.y, fma(w1.z, c11.z, fma(w1.w, c11.w, (*held)[19]))));
    (*held)[20] = fma(w1.x, c12.x, fma(w1.y, c12.y, fma(w1.z, c12.z, fma(w1.w, c12.w, (*held)[20]))));
    (*held)[21] = fma(w1.x, c13.x, fma(w1.y, c13.y, fma(w1.z, c13.z, fma(w1.w, c13.w, (*held)[21]))));
    (*held)[22] = fma(w2.x, c7.x, fma(w2.y, c7.y, fma(w2.z, c7.z, fma(w2.w, c7.w, (*held)[22]))));
    (*held)[23] = fma(w2.x, c8.x, fma(w2.y, c8.y, fma(w2.z, c8.z, fma(w2.w, c8.w, (*held)[23]))));
    (*held)[24] = fma(w2.x, c9.x, fma(w2.y, c9.y, fma(w2.z, c9.z, fma(w2.w, c9.w, (*held)[24]))));
    (*held)[25] = fma(w2.x, c10.x, fma(w2.y, c10.y, fma(w2.z, c10.z, fma(w2.w, c10.w, (*held)[25]))));
    (*held)[26] = fma(w2.x, c11.x, fma(w2.y, c11.y, fma(w2.z, c11.z, fma(w2.w, c11.w, (*held)[26]))));
    (*held)[27] = fma(w2.x, c12.x, fma(w2.y, c12.y, fma(w2.z, c12.z, fma(w2.w, c12.w, (*held)[27]))));
    (*held)[28] = fma(w2.x, c13.x, fma(w2.y, c13.y, fma(w2.z, c13.z, fma(w2.w, c13.w, (*held)[28]))));
    (*held)[29] = fma(w3.x, c7.x, fma(w3.y, c7.y, fma(w3.z, c7.z, fma(w3.w, c7.w, (*held)[29]))));
    (*held)[30] = fma(w3.x, c8.x, fma(w3.y, c8.y, fma(w3.z, c8.z, fma(w3.w, c8.w, (*held)[30]))));
    (*held)[31] = fma(w3.x, c9.x, fma(w3.y, c9.y, fma(w3.z, c9.z, fma(w3.w, c9.w, (*held)[31]))));
    (*held)[32] = fma(w3.x, c10.x, fma(w3.y, c10.y, fma(w3.z, c10.z, fma(w3.w, c10.w, (*held)[32]))));
    (*held)[33] = fma(w3.x, c11.x, fma(w3.y, c11.y, fma(w3.z, c11.z, fma(w3.w, c11.w, (*held)[33]))));
    (*held)[34] = fma(w3.x, c12.x, fma(w3.y, c12.y, fma(w3.z, c12.z, fma(w3.w, c12.w, (*held)[34]))));
    (*held)[35] = fma(w3.x, c13.x, fma(w3.y, c13.y, fma(w3.z, c13.z, fma(w3.w, c13.w, (*held)[35]))));
    (*held)[36] = fma(w4.x, c7.x, fma(w4.y, c7.y, fma(w4.z, c7.z, fma(w4.w, c7.w, (*held)[36]))));
    (*held)[37] = fma(w4.x, c8.x, fma(w4.y, c8.y, fma(w4.z, c8.z, fma(w4.w, c8.w, (*held)[37]))));
    (*held)[38] = fma(w4.x, c9.x, fma(w4.y, c9.y, fma(w4.z, c9.z, fma(w4.w, c9.w, (*held)[38]))));
    (*held)[39] = fma(w4.x, c10.x, fma(w4.y, c10.y, fma(w4.z, c10.z, fma(w4.w, c10.w, (*held)[39]))));
    (*held)[40] = fma(w4.x, c11.x, fma(w4.y, c11.y, fma(w4.z, c11.z, fma(w4.w, c11.w, (*held)[40]))));
    (*held)[41] = fma(w4.x, c12.x, fma(w4.y, c12.y, fma(w4.z, c12.z, fma(w4.w, c12.w, (*held)[41]))));
    (*held)[42] = fma(w4.x, c13.x, fma(w4.y, c13.y, fma(w4.z, c13.z, fma(w4.w, c13.w, (*held)[42]))));
    (*held)[43] = fma(w5.x, c7.x, fma(w5.y, c7.y, fma(w5.z, c7.z, fma(w5.w, c7.w, (*held)[43]))));
    (*held)[44] = fma(w5.x, c8.x, fma(w5.y, c8.y, fma(w5.z, c8.z, fma(w5.w, c8.w, (*held)[44]))));
    (*held)[45] = fma(w5.x, c9.x, fma(w5.y, c9.y, fma(w5.z, c9.z, fma(w5.w, c9.w, (*held)[45]))));
    (*held)[46] = fma(w5.x, c10.x, fma(w5.y, c10.y, fma(w5.z, c10.z, fma(w5.w, c10.w, (*held)[46]))));
    (*held)[47] = fma(w5.x, c11.x, fma(w5.y, c11.y, fma(w5.z, c11.z, fma(w5.w, c11.w, (*held)[47]))));
    (*held)[48] = fma(w5.x, c12.x, fma(w5.y, c12.y, fma(w5.z, c12.z, fma(w5.w, c12.w, (*held)[48]))));
    (*held)[49] = fma(w5.x, c13.x, fma(w5.y, c13.y, fma(w5.z, c13.z, fma(w5.w, c13.w, (*held)[49]))));
    (*held)[50] = fma(w6.x, c7.x, fma(w6.y, c7.y, fma(w6.z, c7.z, fma(w6.w, c7.w, (*held)[50]))));
    (*held)[51] = fma(w6.x, c8.x, fma(w6.y, c8.y, fma(w6.z, c8.z, fma(w6.w, c8.w, (*held)[51]))));
    (*held)[52] = fma(w6.x, c9.x, fma(w6.y, c9.y, fma(w6.z, c9.z, fma(w6.w, c9.w, (*held)[52]))));
    (*held)[53] = fma(w6.x, c10.x, fma(w6.y, c10.y, fma(w6.z, c10.z, fma(w6.w, c10.w, (*held)[53]))));
    (*held)[54] = fma(w6.x, c11.x, fma(w6.y, c11.y, fma(w6.z, c11.z, fma(w6.w, c11.w, (*held)[54]))));
    (*held)[55] = fma(w6.x, c12.x, fma(w6.y, c12.y, fma(w6.z, c12.z, fma(w6.w, c12.w, (*held)[55]))));
    (*held)[56] = fma(w6.x, c13.x, fma(w6.y, c13.y, fma(w6.z, c13.z, fma(w6.w, c13.w, (*held)[56]))));
    }
}
const AT_ONCE: u32 = 1u;
const HELD: u32 = 60u;
const NUMBERS: u32 = 60u;
const OTHER: u32 = 60u;
const COMPONENT: u32 = 360u;
@group(0) @binding(6) var<storage, read_write> sums: array<f32>;
fn share_round(round: u32, lane: u32, held: ptr<function, array<f32, 60>>) {
    switch round {
    case 0u: {
        lanes[0u + lane] = (*held)[0];
        lanes[64u + lane] = (*held)[1];
        lanes[128u + lane] = (*held)[2];
        lanes[192u + lane] = (*held)[3];
        lanes[256u + lane] = (*held)[4];
        lanes[320u + lane] = (*held)[5];
        lanes[384u + lane] = (*held)[6];
        lanes[448u + lane] = (*held)[7];
        lanes[512u + lane] = (*held)[8];
        lanes[576u + lane] = (*held)[9];
        lanes[640u + lane] = (*held)[10];
        lanes[704u + lane] = (*held)[11];
        lanes[768u + lane] = (*held)[12];
        lanes[832u + lane] = (*held)[13];
        lanes[896u + lane] = (*held)[14];
        lanes[960u + lane] = (*held)[15];
        lanes[1024u + lane] = (*held)[16];
        lanes[1088u + lane] = (*held)[17];
        lanes[1152u + lane] = (*held)[18];
        lanes[1216u + lane] = (*held)[19];
        lanes[1280u + lane] = (*held)[20];
        lanes[1344u + lane] = (*held)[21];
        lanes[1408u + lane] = (*held)[22];
        lanes[1472u + lane] = (*held)[23];
        lanes[1536u + lane] = (*held)[24];
        lanes[1600u + lane] = (*held)[25];
        lanes[1664u + lane] = (*held)[26];
        lanes[1728u + lane] = (*held)[27];
        lanes[1792u + lane] = (*held)[28];
        lanes[1856u + lane] = (*held)[29];
        lanes[1920u + lane] = (*held)[30];
        lanes[1984u + lane] = (*held)[31];
        lanes[2048u + lane] = (*held)[32];
        lanes[2112u + lane] = (*held)[33];
        lanes[2176u + lane] = (*held)[34];
        lanes[2240u + lane] = (*held)[35];
        lanes[2304u + lane] = (*held)[36];
        lanes[2368u + lane] = (*held)[37];
        lanes[2432u + lane] = (*held)[38];
        lanes[2496u + lane] = (*held)[39];
        lanes[2560u + lane] = (*held)[40];
        lanes[2624u + lane] = (*held)[41];
        lanes[2688u + lane] = (*held)[42];
        lanes[2752u + lane] = (*held)[43];
        lanes[2816u + lane] = (*held)[44];
        lanes[2880u + lane] = (*held)[45];
        lanes[2944u + lane] = (*held)[46];
        lanes[3008u + lane] = (*held)[47];
        lanes[3072u + lane] = (*held)[48];
        lanes[3136u + lane] = (*held)[49];
        lanes[3200u + lane] = (*held)[50];
        lanes[3264u + lane] = (*held)[51];
        lanes[3328u + lane] = (*held)[52];
        lanes[3392u + lane] = (*held)[53];
        lanes[3456u + lane] = (*held)[54];
        lanes[3520u + lane] = (*held)[55];
        lanes[3584u + lane] = (*held)[56];
        lanes[3648u + lane] = (*held)[57];
        lanes[3712u + lane] = (*held)[58];
        lanes[3776u + lane] = (*held)[59];
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
