const DIM: u32 = 5u;
const BLOCK: u32 = 5u;
const BLOCKS: u32 = 1u;
const STEP: u32 = 4u;
const ROW: u32 = 2u;
const MEAN: u32 = 2u;
const COMPONENT: u32 = 7u;
@group(0) @binding(1) var<uniform> parameters: array<vec4<f32>, 15>;
fn load(at: u32) -> array<vec4<f32>, 5> {
    var x: array<vec4<f32>, 5>;
    x[0] = samples[at + 0u * LANES];
    x[1] = samples[at + 1u * LANES];
    x[2] = samples[at + 2u * LANES];
    x[3] = samples[at + 3u * LANES];
    x[4] = samples[at + 4u * LANES];
    return x;
}
fn squared_distance(x: ptr<function, array<vec4<f32>, 5>>, at: u32) -> vec4<f32> {
    let c0 = (*x)[0] - parameters[at + 0u].x;
    let c1 = (*x)[1] - parameters[at + 0u].y;
    let c2 = (*x)[2] - parameters[at + 0u].z;
    let c3 = (*x)[3] - parameters[at + 0u].w;
    let c4 = (*x)[4] - parameters[at + 1u].x;
    var distance = vec4<f32>(0.0);
    var y: vec4<f32>;
    y = c0 * parameters[at + 2u].x;
    distance = fma(y, y, distance);
    y = c0 * parameters[at + 2u].y;
    y = fma(c1, vec4<f32>(parameters[at + 2u].z), y);
    distance = fma(y, y, distance);
    y = c0 * parameters[at + 2u].w;
    y = fma(c1, vec4<f32>(parameters[at + 3u].x), y);
    y = fma(c2, vec4<f32>(parameters[at + 3u].y), y);
    distance = fma(y, y, distance);
    y = c0 * parameters[at + 3u].z;
    y = fma(c1, vec4<f32>(parameters[at + 3u].w), y);
    y = fma(c2, vec4<f32>(parameters[at + 4u].x), y);
    y = fma(c3, vec4<f32>(parameters[at + 4u].y), y);
    distance = fma(y, y, distance);
    y = c0 * parameters[at + 4u].z;
    y = fma(c1, vec4<f32>(parameters[at + 4u].w), y);
    y = fma(c2, vec4<f32>(parameters[at + 5u].x), y);
    y = fma(c3, vec4<f32>(parameters[at + 5u].y), y);
    y = fma(c4, vec4<f32>(parameters[at + 5u].z), y);
    distance = fma(y, y, distance);
    return min(distance, vec4<f32>(1e37));
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
// Of passes in which every component meets every group of samples: what comes next is the next one.

/// The next component of a group, from one on; both are counted from the first of a window.
fn next_component(group: u32, offset: u32, start: u32, end: u32) -> u32 {
    return start;
}

/// The next group of a component, from one on.
fn next_group(component: u32, start: u32, end: u32) -> u32 {
    return start;
}
