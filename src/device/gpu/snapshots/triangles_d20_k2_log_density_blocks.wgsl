const DIM: u32 = 20u;
const BLOCK: u32 = 8u;
const BLOCKS: u32 = 3u;
const STEP: u32 = 4u;
const ROW: u32 = 2u;
const MEAN: u32 = 5u;
const COMPONENT: u32 = 94u;
@group(0) @binding(1) var<uniform> parameters: array<vec4<f32>, 189>;
