const DIM: u32 = 20u;
const BLOCK: u32 = 8u;
const BLOCKS: u32 = 3u;
const STEP: u32 = 4u;
const ROW: u32 = 2u;
const MEAN: u32 = 5u;
const COMPONENT: u32 = 94u;
@group(0) @binding(1) var<uniform> parameters: array<vec4<f32>, 189>;
fn block_distance(x: u32, component: u32, row: u32, rows: u32) -> vec4<f32> {
    var y0 = vec4<f32>(0.0);
    var y1 = vec4<f32>(0.0);
    var y2 = vec4<f32>(0.0);
    var y3 = vec4<f32>(0.0);
    var y4 = vec4<f32>(0.0);
    var y5 = vec4<f32>(0.0);
    var y6 = vec4<f32>(0.0);
    var y7 = vec4<f32>(0.0);
    var at = row;
    for (var i = 0u; i < rows; i += 4u) {
        let mean0 = parameters[component + i / 4u + 0u];
        let c0 = samples[x + (i + 0u) * LANES] - mean0.x;
        let p0_0 = parameters[at + 0u];
        let p0_1 = parameters[at + 1u];
        y0 = fma(c0, vec4<f32>(p0_0.x), y0);
        y1 = fma(c0, vec4<f32>(p0_0.y), y1);
        y2 = fma(c0, vec4<f32>(p0_0.z), y2);
        y3 = fma(c0, vec4<f32>(p0_0.w), y3);
        y4 = fma(c0, vec4<f32>(p0_1.x), y4);
        y5 = fma(c0, vec4<f32>(p0_1.y), y5);
        y6 = fma(c0, vec4<f32>(p0_1.z), y6);
        y7 = fma(c0, vec4<f32>(p0_1.w), y7);
        let c1 = samples[x + (i + 1u) * LANES] - mean0.y;
        let p1_0 = parameters[at + 2u];
        let p1_1 = parameters[at + 3u];
        y0 = fma(c1, vec4<f32>(p1_0.x), y0);
        y1 = fma(c1, vec4<f32>(p1_0.y), y1);
        y2 = fma(c1, vec4<f32>(p1_0.z), y2);
        y3 = fma(c1, vec4<f32>(p1_0.w), y3);
        y4 = fma(c1, vec4<f32>(p1_1.x), y4);
        y5 = fma(c1, vec4<f32>(p1_1.y), y5);
        y6 = fma(c1, vec4<f32>(p1_1.z), y6);
        y7 = fma(c1, vec4<f32>(p1_1.w), y7);
        let c2 = samples[x + (i + 2u) * LANES] - mean0.z;
        let p2_0 = parameters[at + 4u];
        let p2_1 = parameters[at + 5u];
        y0 = fma(c2, vec4<f32>(p2_0.x), y0);
        y1 = fma(c2, vec4<f32>(p2_0.y), y1);
        y2 = fma(c2, vec4<f32>(p2_0.z), y2);
        y3 = fma(c2, vec4<f32>(p2_0.w), y3);
        y4 = fma(c2, vec4<f32>(p2_1.x), y4);
        y5 = fma(c2, vec4<f32>(p2_1.y), y5);
        y6 = fma(c2, vec4<f32>(p2_1.z), y6);
        y7 = fma(c2, vec4<f32>(p2_1.w), y7);
        let c3 = samples[x + (i + 3u) * LANES] - mean0.w;
        let p3_0 = parameters[at + 6u];
        let p3_1 = parameters[at + 7u];
        y0 = fma(c3, vec4<f32>(p3_0.x), y0);
        y1 = fma(c3, vec4<f32>(p3_0.y), y1);
        y2 = fma(c3, vec4<f32>(p3_0.z), y2);
        y3 = fma(c3, vec4<f32>(p3_0.w), y3);
        y4 = fma(c3, vec4<f32>(p3_1.x), y4);
        y5 = fma(c3, vec4<f32>(p3_1.y), y5);
        y6 = fma(c3, vec4<f32>(p3_1.z), y6);
        y7 = fma(c3, vec4<f32>(p3_1.w), y7);
        at += 8u;
    }
    var distance = y0 * y0;
    distance = fma(y1, y1, distance);
    distance = fma(y2, y2, distance);
    distance = fma(y3, y3, distance);
    distance = fma(y4, y4, distance);
    distance = fma(y5, y5, distance);
    distance = fma(y6, y6, distance);
    distance = fma(y7, y7, distance);
    return distance;
}
// What a workgroup of the E step works on: a group of samples, and a slice of the components of a window. Workgroups that
// run side by side have the same slice, and read the same parameters.
//
// The first parameters of a window are its first component, how many it has, how many a slice of them has, and the number
// of its first slice among those of all windows. Header: `parameters`.

struct Part {
    group: u32,
    /// Number of the slice, among those of all windows.
    slice: u32,
    /// First component of the window.
    offset: u32,
    /// Components of the slice, counted from the first of the window; none where the workgroup has nothing to do.
    first: u32,
    end: u32,
}

fn part_of(index: u32) -> Part {
    let window = parameters[0];
    let slice = index / tile.groups;
    let components = u32(window.z);
    let first = slice * components;
    let end = min(first + components, u32(window.y));
    return Part(index % tile.groups, u32(window.w) + slice, u32(window.x), first, end);
}
