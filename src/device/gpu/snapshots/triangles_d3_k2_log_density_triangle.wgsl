const DIM: u32 = 3u;
const BLOCK: u32 = 3u;
const BLOCKS: u32 = 1u;
const STEP: u32 = 3u;
const ROW: u32 = 1u;
const MEAN: u32 = 1u;
const COMPONENT: u32 = 4u;
@group(0) @binding(1) var<uniform> parameters: array<vec4<f32>, 9>;
fn squared_distance(x: ptr<function, array<vec4<f32>, 3>>, at: u32) -> vec4<f32> {
    let c0 = (*x)[0] - parameters[at + 0u].x;
    let c1 = (*x)[1] - parameters[at + 0u].y;
    let c2 = (*x)[2] - parameters[at + 0u].z;
    var distance = vec4<f32>(0.0);
    var y: vec4<f32>;
    y = c0 * parameters[at + 1u].x;
    y = clamp(y, vec4<f32>(-1e15), vec4<f32>(1e15));
    distance = fma(y, y, distance);
    y = c0 * parameters[at + 1u].y;
    y = fma(c1, vec4<f32>(parameters[at + 1u].z), y);
    y = clamp(y, vec4<f32>(-1e15), vec4<f32>(1e15));
    distance = fma(y, y, distance);
    y = c0 * parameters[at + 1u].w;
    y = fma(c1, vec4<f32>(parameters[at + 2u].x), y);
    y = fma(c2, vec4<f32>(parameters[at + 2u].y), y);
    y = clamp(y, vec4<f32>(-1e15), vec4<f32>(1e15));
    distance = fma(y, y, distance);
    return distance;
}
