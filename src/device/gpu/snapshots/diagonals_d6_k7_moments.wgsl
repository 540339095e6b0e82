const DIM: u32 = 6u;
const BLOCK: u32 = 6u;
const PARTS: u32 = 1u;
const MEANS: u32 = 42u;
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
fn begin(component: u32, part: u32, means_held: ptr<function, array<f32, 42>>, held: ptr<function, array<f32, 112>>) {
    let mean0 = (min(component + 0u, tile.components - 1u) * PARTS + part) * 2u;
    let mean0_0 = means[mean0 + 0u];
    (*means_held)[0] = mean0_0.x;
    (*means_held)[1] = mean0_0.y;
    (*means_held)[2] = mean0_0.z;
    (*means_held)[3] = mean0_0.w;
    let mean0_4 = means[mean0 + 1u];
    (*means_held)[4] = mean0_4.x;
    (*means_held)[5] = mean0_4.y;
    let mean1 = (min(component + 1u, tile.components - 1u) * PARTS + part) * 2u;
    let mean1_0 = means[mean1 + 0u];
    (*means_held)[6] = mean1_0.x;
    (*means_held)[7] = mean1_0.y;
    (*means_held)[8] = mean1_0.z;
    (*means_held)[9] = mean1_0.w;
    let mean1_4 = means[mean1 + 1u];
    (*means_held)[10] = mean1_4.x;
    (*means_held)[11] = mean1_4.y;
    let mean2 = (min(component + 2u, tile.components - 1u) * PARTS + part) * 2u;
    let mean2_0 = means[mean2 + 0u];
    (*means_held)[12] = mean2_0.x;
    (*means_held)[13] = mean2_0.y;
    (*means_held)[14] = mean2_0.z;
    (*means_held)[15] = mean2_0.w;
    let mean2_4 = means[mean2 + 1u];
    (*means_held)[16] = mean2_4.x;
    (*means_held)[17] = mean2_4.y;
    let mean3 = (min(component + 3u, tile.components - 1u) * PARTS + part) * 2u;
    let mean3_0 = means[mean3 + 0u];
    (*means_held)[18] = mean3_0.x;
    (*means_held)[19] = mean3_0.y;
    (*means_held)[20] = mean3_0.z;
    (*means_held)[21] = mean3_0.w;
    let mean3_4 = means[mean3 + 1u];
    (*means_held)[22] = mean3_4.x;
    (*means_held)[23] = mean3_4.y;
    let mean4 = (min(component + 4u, tile.components - 1u) * PARTS + part) * 2u;
    let mean4_0 = means[mean4 + 0u];
    (*means_held)[24] = mean4_0.x;
    (*means_held)[25] = mean4_0.y;
    (*means_held)[26] = mean4_0.z;
    (*means_held)[27] = mean4_0.w;
    let mean4_4 = means[mean4 + 1u];
    (*means_held)[28] = mean4_4.x;
    (*means_held)[29] = mean4_4.y;
    let mean5 = (min(component + 5u, tile.components - 1u) * PARTS + part) * 2u;
    let mean5_0 = means[mean5 + 0u];
    (*means_held)[30] = mean5_0.x;
    (*means_held)[31] = mean5_0.y;
    (*means_held)[32] = mean5_0.z;
    (*means_held)[33] = mean5_0.w;
    let mean5_4 = means[mean5 + 1u];
    (*means_held)[34] = mean5_4.x;
    (*means_held)[35] = mean5_4.y;
    let mean6 = (min(component + 6u, tile.components - 1u) * PARTS + part) * 2u;
    let mean6_0 = means[mean6 + 0u];
    (*means_held)[36] = mean6_0.x;
    (*means_held)[37] = mean6_0.y;
    (*means_held)[38] = mean6_0.z;
    (*means_held)[39] = mean6_0.w;
    let mean6_4 = means[mean6 + 1u];
    (*means_held)[40] = mean6_4.x;
    (*means_held)[41] = mean6_4.y;
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
    (*held)[60] = 0.0;
    (*held)[61] = 0.0;
    (*held)[62] = 0.0;
    (*held)[63] = 0.0;
    (*held)[64] = 0.0;
    (*held)[65] = 0.0;
    (*held)[66] = 0.0;
    (*held)[67] = 0.0;
    (*held)[68] = 0.0;
    (*held)[69] = 0.0;
    (*held)[70] = 0.0;
    (*held)[71] = 0.0;
    (*held)[72] = 0.0;
    (*held)[73] = 0.0;
    (*held)[74] = 0.0;
    (*held)[75] = 0.0;
    (*held)[76] = 0.0;
    (*held)[77] = 0.0;
    (*held)[78] = 0.0;
    (*held)[79] = 0.0;
    (*held)[80] = 0.0;
    (*held)[81] = 0.0;
    (*held)[82] = 0.0;
    (*held)[83] = 0.0;
    (*held)[84] = 0.0;
    (*held)[85] = 0.0;
    (*held)[86] = 0.0;
    (*held)[87] = 0.0;
    (*held)[88] = 0.0;
    (*held)[89] = 0.0;
    (*held)[90] = 0.0;
    (*held)[91] = 0.0;
    (*held)[92] = 0.0;
    (*held)[93] = 0.0;
    (*held)[94] = 0.0;
    (*held)[95] = 0.0;
    (*held)[96] = 0.0;
    (*held)[97] = 0.0;
    (*held)[98] = 0.0;
    (*held)[99] = 0.0;
    (*held)[100] = 0.0;
    (*held)[101] = 0.0;
    (*held)[102] = 0.0;
    (*held)[103] = 0.0;
    (*held)[104] = 0.0;
    (*held)[105] = 0.0;
    (*held)[106] = 0.0;
    (*held)[107] = 0.0;
    (*held)[108] = 0.0;
    (*held)[109] = 0.0;
    (*held)[110] = 0.0;
    (*held)[111] = 0.0;
}
fn add_samples(x: u32, n: u32, component: u32, start: vec2<u32>, means_held: ptr<function, array<f32, 42>>, held: ptr<function, array<f32, 112>>) {
    let peak = peaks[n];
    let scale = scales[n];
    let x0 = samples[x + (start.x + 0u) * LANES];
    let x1 = samples[x + (start.x + 1u) * LANES];
    let x2 = samples[x + (start.x + 2u) * LANES];
    let x3 = samples[x + (start.x + 3u) * LANES];
    let x4 = samples[x + (start.x + 4u) * LANES];
    let x5 = samples[x + (start.x + 5u) * LANES];
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
    (*held)[7] = fma(w0.x, c0.x, fma(w0.y, c0.y, fma(w0.z, c0.z, fma(w0.w, c0.w, (*held)[7]))));
    (*held)[8] = fma(w1.x, c1.x, fma(w1.y, c1.y, fma(w1.z, c1.z, fma(w1.w, c1.w, (*held)[8]))));
    (*held)[9] = fma(w2.x, c2.x, fma(w2.y, c2.y, fma(w2.z, c2.z, fma(w2.w, c2.w, (*held)[9]))));
    (*held)[10] = fma(w3.x, c3.x, fma(w3.y, c3.y, fma(w3.z, c3.z, fma(w3.w, c3.w, (*held)[10]))));
    (*held)[11] = fma(w4.x, c4.x, fma(w4.y, c4.y, fma(w4.z, c4.z, fma(w4.w, c4.w, (*held)[11]))));
    (*held)[12] = fma(w5.x, c5.x, fma(w5.y, c5.y, fma(w5.z, c5.z, fma(w5.w, c5.w, (*held)[12]))));
    }
    {
    var r = exp(densities[min(component + 1u, tile.components - 1u) * tile.stride + n] - peak) * scale;
    let count = dot(r, vec4<f32>(1.0));
    (*held)[16] += count;
    let c0 = x0 - (*means_held)[6];
    let c1 = x1 - (*means_held)[7];
    let c2 = x2 - (*means_held)[8];
    let c3 = x3 - (*means_held)[9];
    let c4 = x4 - (*means_held)[10];
    let c5 = x5 - (*means_held)[11];
    let w0 = r * c0;
    (*held)[17] += dot(w0, vec4<f32>(1.0));
    let w1 = r * c1;
    (*held)[18] += dot(w1, vec4<f32>(1.0));
    let w2 = r * c2;
    (*held)[19] += dot(w2, vec4<f32>(1.0));
    let w3 = r * c3;
    (*held)[20] += dot(w3, vec4<f32>(1.0));
    let w4 = r * c4;
    (*held)[21] += dot(w4, vec4<f32>(1.0));
    let w5 = r * c5;
    (*held)[22] += dot(w5, vec4<f32>(1.0));
    (*held)[23] = fma(w0.x, c0.x, fma(w0.y, c0.y, fma(w0.z, c0.z, fma(w0.w, c0.w, (*held)[23]))));
    (*held)[24] = fma(w1.x, c1.x, fma(w1.y, c1.y, fma(w1.z, c1.z, fma(w1.w, c1.w, (*held)[24]))));
    (*held)[25] = fma(w2.x, c2.x, fma(w2.y, c2.y, fma(w2.z, c2.z, fma(w2.w, c2.w, (*held)[25]))));
    (*held)[26] = fma(w3.x, c3.x, fma(w3.y, c3.y, fma(w3.z, c3.z, fma(w3.w, c3.w, (*held)[26]))));
    (*held)[27] = fma(w4.x, c4.x, fma(w4.y, c4.y, fma(w4.z, c4.z, fma(w4.w, c4.w, (*held)[27]))));
    (*held)[28] = fma(w5.x, c5.x, fma(w5.y, c5.y, fma(w5.z, c5.z, fma(w5.w, c5.w, (*held)[28]))));
    }
    {
    var r = exp(densities[min(component + 2u, tile.components - 1u) * tile.stride + n] - peak) * scale;
    let count = dot(r, vec4<f32>(1.0));
    (*held)[32] += count;
    let c0 = x0 - (*means_held)[12];
    let c1 = x1 - (*means_held)[13];
    let c2 = x2 - (*means_held)[14];
    let c3 = x3 - (*means_held)[15];
    let c4 = x4 - (*means_held)[16];
    let c5 = x5 - (*means_held)[17];
    let w0 = r * c0;
    (*held)[33] += dot(w0, vec4<f32>(1.0));
    let w1 = r * c1;
    (*held)[34] += dot(w1, vec4<f32>(1.0));
    let w2 = r * c2;
    (*held)[35] += dot(w2, vec4<f32>(1.0));
    let w3 = r * c3;
    (*held)[36] += dot(w3, vec4<f32>(1.0));
    let w4 = r * c4;
    (*held)[37] += dot(w4, vec4<f32>(1.0));
    let w5 = r * c5;
    (*held)[38] += dot(w5, vec4<f32>(1.0));
    (*held)[39] = fma(w0.x, c0.x, fma(w0.y, c0.y, fma(w0.z, c0.z, fma(w0.w, c0.w, (*held)[39]))));
    (*held)[40] = fma(w1.x, c1.x, fma(w1.y, c1.y, fma(w1.z, c1.z, fma(w1.w, c1.w, (*held)[40]))));
    (*held)[41] = fma(w2.x, c2.x, fma(w2.y, c2.y, fma(w2.z, c2.z, fma(w2.w, c2.w, (*held)[41]))));
    (*held)[42] = fma(w3.x, c3.x, fma(w3.y, c3.y, fma(w3.z, c3.z, fma(w3.w, c3.w, (*held)[42]))));
    (*held)[43] = fma(w4.x, c4.x, fma(w4.y, c4.y, fma(w4.z, c4.z, fma(w4.w, c4.w, (*held)[43]))));
    (*held)[44] = fma(w5.x, c5.x, fma(w5.y, c5.y, fma(w5.z, c5.z, fma(w5.w, c5.w, (*held)[44]))));
    }
    {
    var r = exp(densities[min(component + 3u, tile.components - 1u) * tile.stride + n] - peak) * scale;
    let count = dot(r, vec4<f32>(1.0));
    (*held)[48] += count;
    let c0 = x0 - (*means_held)[18];
    let c1 = x1 - (*means_held)[19];
    let c2 = x2 - (*means_held)[20];
    let c3 = x3 - (*means_held)[21];
    let c4 = x4 - (*means_held)[22];
    let c5 = x5 - (*means_held)[23];
    let w0 = r * c0;
    (*held)[49] += dot(w0, vec4<f32>(1.0));
    let w1 = r * c1;
    (*held)[50] += dot(w1, vec4<f32>(1.0));
    let w2 = r * c2;
    (*held)[51] += dot(w2, vec4<f32>(1.0));
    let w3 = r * c3;
    (*held)[52] += dot(w3, vec4<f32>(1.0));
    let w4 = r * c4;
    (*held)[53] += dot(w4, vec4<f32>(1.0));
    let w5 = r * c5;
    (*held)[54] += dot(w5, vec4<f32>(1.0));
    (*held)[55] = fma(w0.x, c0.x, fma(w0.y, c0.y, fma(w0.z, c0.z, fma(w0.w, c0.w, (*held)[55]))));
    (*held)[56] = fma(w1.x, c1.x, fma(w1.y, c1.y, fma(w1.z, c1.z, fma(w1.w, c1.w, (*held)[56]))));
    (*held)[57] = fma(w2.x, c2.x, fma(w2.y, c2.y, fma(w2.z, c2.z, fma(w2.w, c2.w, (*held)[57]))));
    (*held)[58] = fma(w3.x, c3.x, fma(w3.y, c3.y, fma(w3.z, c3.z, fma(w3.w, c3.w, (*held)[58]))));
    (*held)[59] = fma(w4.x, c4.x, fma(w4.y, c4.y, fma(w4.z, c4.z, fma(w4.w, c4.w, (*held)[59]))));
    (*held)[60] = fma(w5.x, c5.x, fma(w5.y, c5.y, fma(w5.z, c5.z, fma(w5.w, c5.w, (*held)[60]))));
    }
    {
    var r = exp(densities[min(component + 4u, tile.components - 1u) * tile.stride + n] - peak) * scale;
    let count = dot(r, vec4<f32>(1.0));
    (*held)[64] += count;
    let c0 = x0 - (*means_held)[24];
    let c1 = x1 - (*means_held)[25];
    let c2 = x2 - (*means_held)[26];
    let c3 = x3 - (*means_held)[27];
    let c4 = x4 - (*means_held)[28];
    let c5 = x5 - (*means_held)[29];
    let w0 = r * c0;
    (*held)[65] += dot(w0, vec4<f32>(1.0));
    let w1 = r * c1;
    (*held)[66] += dot(w1, vec4<f32>(1.0));
    let w2 = r * c2;
    (*held)[67] += dot(w2, vec4<f32>(1.0));
    let w3 = r * c3;
    (*held)[68] += dot(w3, vec4<f32>(1.0));
    let w4 = r * c4;
    (*held)[69] += dot(w4, vec4<f32>(1.0));
    let w5 = r * c5;
    (*held)[70] += dot(w5, vec4<f32>(1.0));
    (*held)[71] = fma(w0.x, c0.x, fma(w0.y, c0.y, fma(w0.z, c0.z, fma(w0.w, c0.w, (*held)[71]))));
    (*held)[72] = fma(w1.x, c1.x, fma(w1.y, c1.y, fma(w1.z, c1.z, fma(w1.w, c1.w, (*held)[72]))));
    (*held)[73] = fma(w2.x, c2.x, fma(w2.y, c2.y, fma(w2.z, c2.z, fma(w2.w, c2.w, (*held)[73]))));
    (*held)[74] = fma(w3.x, c3.x, fma(w3.y, c3.y, fma(w3.z, c3.z, fma(w3.w, c3.w, (*held)[74]))));
    (*held)[75] = fma(w4.x, c4.x, fma(w4.y, c4.y, fma(w4.z, c4.z, fma(w4.w, c4.w, (*held)[75]))));
    (*held)[76] = fma(w5.x, c5.x, fma(w5.y, c5.y, fma(w5.z, c5.z, fma(w5.w, c5.w, (*held)[76]))));
    }
    {
    var r = exp(densities[min(component + 5u, tile.components - 1u) * tile.stride + n] - peak) * scale;
    let count = dot(r, vec4<f32>(1.0));
    (*held)[80] += count;
    let c0 = x0 - (*means_held)[30];
    let c1 = x1 - (*means_held)[31];
    let c2 = x2 - (*means_held)[32];
    let c3 = x3 - (*means_held)[33];
    let c4 = x4 - (*means_held)[34];
    let c5 = x5 - (*means_held)[35];
    let w0 = r * c0;
    (*held)[81] += dot(w0, vec4<f32>(1.0));
    let w1 = r * c1;
    (*held)[82] += dot(w1, vec4<f32>(1.0));
    let w2 = r * c2;
    (*held)[83] += dot(w2, vec4<f32>(1.0));
    let w3 = r * c3;
    (*held)[84] += dot(w3, vec4<f32>(1.0));
    let w4 = r * c4;
    (*held)[85] += dot(w4, vec4<f32>(1.0));
    let w5 = r * c5;
    (*held)[86] += dot(w5, vec4<f32>(1.0));
    (*held)[87] = fma(w0.x, c0.x, fma(w0.y, c0.y, fma(w0.z, c0.z, fma(w0.w, c0.w, (*held)[87]))));
    (*held)[88] = fma(w1.x, c1.x, fma(w1.y, c1.y, fma(w1.z, c1.z, fma(w1.w, c1.w, (*held)[88]))));
    (*held)[89] = fma(w2.x, c2.x, fma(w2.y, c2.y, fma(w2.z, c2.z, fma(w2.w, c2.w, (*held)[89]))));
    (*held)[90] = fma(w3.x, c3.x, fma(w3.y, c3.y, fma(w3.z, c3.z, fma(w3.w, c3.w, (*held)[90]))));
    (*held)[91] = fma(w4.x, c4.x, fma(w4.y, c4.y, fma(w4.z, c4.z, fma(w4.w, c4.w, (*held)[91]))));
    (*held)[92] = fma(w5.x, c5.x, fma(w5.y, c5.y, fma(w5.z, c5.z, fma(w5.w, c5.w, (*held)[92]))));
    }
    {
    var r = exp(densities[min(component + 6u, tile.components - 1u) * tile.stride + n] - peak) * scale;
    let count = dot(r, vec4<f32>(1.0));
    (*held)[96] += count;
    let c0 = x0 - (*means_held)[36];
    let c1 = x1 - (*means_held)[37];
    let c2 = x2 - (*means_held)[38];
    let c3 = x3 - (*means_held)[39];
    let c4 = x4 - (*means_held)[40];
    let c5 = x5 - (*means_held)[41];
    let w0 = r * c0;
    (*held)[97] += dot(w0, vec4<f32>(1.0));
    let w1 = r * c1;
    (*held)[98] += dot(w1, vec4<f32>(1.0));
    let w2 = r * c2;
    (*held)[99] += dot(w2, vec4<f32>(1.0));
    let w3 = r * c3;
    (*held)[100] += dot(w3, vec4<f32>(1.0));
    let w4 = r * c4;
    (*held)[101] += dot(w4, vec4<f32>(1.0));
    let w5 = r * c5;
    (*held)[102] += dot(w5, vec4<f32>(1.0));
    (*held)[103] = fma(w0.x, c0.x, fma(w0.y, c0.y, fma(w0.z, c0.z, fma(w0.w, c0.w, (*held)[103]))));
    (*held)[104] = fma(w1.x, c1.x, fma(w1.y, c1.y, fma(w1.z, c1.z, fma(w1.w, c1.w, (*held)[104]))));
    (*held)[105] = fma(w2.x, c2.x, fma(w2.y, c2.y, fma(w2.z, c2.z, fma(w2.w, c2.w, (*held)[105]))));
    (*held)[106] = fma(w3.x, c3.x, fma(w3.y, c3.y, fma(w3.z, c3.z, fma(w3.w, c3.w, (*held)[106]))));
    (*held)[107] = fma(w4.x, c4.x, fma(w4.y, c4.y, fma(w4.z, c4.z, fma(w4.w, c4.w, (*held)[107]))));
    (*held)[108] = fma(w5.x, c5.x, fma(w5.y, c5.y, fma(w5.z, c5.z, fma(w5.w, c5.w, (*held)[108]))));
    }
}
const AT_ONCE: u32 = 7u;
const HELD: u32 = 112u;
const NUMBERS: u32 = 16u;
const OTHER: u32 = 16u;
const COMPONENT: u32 = 16u;
@group(0) @binding(6) var<storage, read_write> sums: array<f32>;
fn share_round(round: u32, lane: u32, held: ptr<function, array<f32, 112>>) {
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
        lanes[3840u + lane] = (*held)[60];
        lanes[3904u + lane] = (*held)[61];
        lanes[3968u + lane] = (*held)[62];
        lanes[4032u + lane] = (*held)[63];
    }
    case 1u: {
        lanes[0u + lane] = (*held)[64];
        lanes[64u + lane] = (*held)[65];
        lanes[128u + lane] = (*held)[66];
        lanes[192u + lane] = (*held)[67];
        lanes[256u + lane] = (*held)[68];
        lanes[320u + lane] = (*held)[69];
        lanes[384u + lane] = (*held)[70];
        lanes[448u + lane] = (*held)[71];
        lanes[512u + lane] = (*held)[72];
        lanes[576u + lane] = (*held)[73];
        lanes[640u + lane] = (*held)[74];
        lanes[704u + lane] = (*held)[75];
        lanes[768u + lane] = (*held)[76];
        lanes[832u + lane] = (*held)[77];
        lanes[896u + lane] = (*held)[78];
        lanes[960u + lane] = (*held)[79];
        lanes[1024u + lane] = (*held)[80];
        lanes[1088u + lane] = (*held)[81];
        lanes[1152u + lane] = (*held)[82];
        lanes[1216u + lane] = (*held)[83];
        lanes[1280u + lane] = (*held)[84];
        lanes[1344u + lane] = (*held)[85];
        lanes[1408u + lane] = (*held)[86];
        lanes[1472u + lane] = (*held)[87];
        lanes[1536u + lane] = (*held)[88];
        lanes[1600u + lane] = (*held)[89];
        lanes[1664u + lane] = (*held)[90];
        lanes[1728u + lane] = (*held)[91];
        lanes[1792u + lane] = (*held)[92];
        lanes[1856u + lane] = (*held)[93];
        lanes[1920u + lane] = (*held)[94];
        lanes[1984u + lane] = (*held)[95];
        lanes[2048u + lane] = (*held)[96];
        lanes[2112u + lane] = (*held)[97];
        lanes[2176u + lane] = (*held)[98];
        lanes[2240u + lane] = (*held)[99];
        lanes[2304u + lane] = (*held)[100];
        lanes[2368u + lane] = (*held)[101];
        lanes[2432u + lane] = (*held)[102];
        lanes[2496u + lane] = (*held)[103];
        lanes[2560u + lane] = (*held)[104];
        lanes[2624u + lane] = (*held)[105];
        lanes[2688u + lane] = (*held)[106];
        lanes[2752u + lane] = (*held)[107];
        lanes[2816u + lane] = (*held)[108];
        lanes[2880u + lane] = (*held)[109];
        lanes[2944u + lane] = (*held)[110];
        lanes[3008u + lane] = (*held)[111];
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
