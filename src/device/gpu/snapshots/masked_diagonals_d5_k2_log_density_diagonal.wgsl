const DIM: u32 = 5u;
const BLOCK: u32 = 5u;
const BLOCKS: u32 = 1u;
const STEP: u32 = 4u;
const ROW: u32 = 2u;
const MEAN: u32 = 2u;
const COMPONENT: u32 = 7u;
@group(0) @binding(1) var<uniform> parameters: array<vec4<f32>, 15>;
const AT_ONCE: u32 = 2u;
fn bounded(distance: vec4<f32>) -> vec4<f32> {
    return min(distance, vec4<f32>(1e37));
}
fn write_densities(x: u32, at: u32, to: u32) -> Exponentials {
    var distance0 = vec4<f32>(0.0);
    var distance1 = vec4<f32>(0.0);
    for (var i = 0u; i < MEAN; i++) {
        let vx = samples[x + min(4u * i + 0u, DIM - 1u) * LANES];
        let therex = vx < vec4<f32>(1e30);
        let sx = select(vec4<f32>(0.0), vx, therex);
        let vy = samples[x + min(4u * i + 1u, DIM - 1u) * LANES];
        let therey = vy < vec4<f32>(1e30);
        let sy = select(vec4<f32>(0.0), vy, therey);
        let vz = samples[x + min(4u * i + 2u, DIM - 1u) * LANES];
        let therez = vz < vec4<f32>(1e30);
        let sz = select(vec4<f32>(0.0), vz, therez);
        let vw = samples[x + min(4u * i + 3u, DIM - 1u) * LANES];
        let therew = vw < vec4<f32>(1e30);
        let sw = select(vec4<f32>(0.0), vw, therew);
        let mean0 = parameters[at + 0u * COMPONENT + i];
        let reciprocal0 = parameters[at + 0u * COMPONENT + MEAN + i];
        let taken0 = parameters[at + 0u * COMPONENT + 2u * MEAN + i];
        let y0x = (sx - mean0.x) * reciprocal0.x;
        distance0 += select(vec4<f32>(0.0), fma(y0x, y0x, vec4<f32>(taken0.x)), therex);
        let y0y = (sy - mean0.y) * reciprocal0.y;
        distance0 += select(vec4<f32>(0.0), fma(y0y, y0y, vec4<f32>(taken0.y)), therey);
        let y0z = (sz - mean0.z) * reciprocal0.z;
        distance0 += select(vec4<f32>(0.0), fma(y0z, y0z, vec4<f32>(taken0.z)), therez);
        let y0w = (sw - mean0.w) * reciprocal0.w;
        distance0 += select(vec4<f32>(0.0), fma(y0w, y0w, vec4<f32>(taken0.w)), therew);
        let mean1 = parameters[at + 1u * COMPONENT + i];
        let reciprocal1 = parameters[at + 1u * COMPONENT + MEAN + i];
        let taken1 = parameters[at + 1u * COMPONENT + 2u * MEAN + i];
        let y1x = (sx - mean1.x) * reciprocal1.x;
        distance1 += select(vec4<f32>(0.0), fma(y1x, y1x, vec4<f32>(taken1.x)), therex);
        let y1y = (sy - mean1.y) * reciprocal1.y;
        distance1 += select(vec4<f32>(0.0), fma(y1y, y1y, vec4<f32>(taken1.y)), therey);
        let y1z = (sz - mean1.z) * reciprocal1.z;
        distance1 += select(vec4<f32>(0.0), fma(y1z, y1z, vec4<f32>(taken1.z)), therez);
        let y1w = (sw - mean1.w) * reciprocal1.w;
        distance1 += select(vec4<f32>(0.0), fma(y1w, y1w, vec4<f32>(taken1.w)), therew);
    }
    let density0 = fma(vec4<f32>(-0.5), bounded(distance0), vec4<f32>(parameters[at + 1u * COMPONENT - 1u].x));
    densities[to + 0u * tile.stride] = density0;
    let density1 = fma(vec4<f32>(-0.5), bounded(distance1), vec4<f32>(parameters[at + 2u * COMPONENT - 1u].x));
    densities[to + 1u * tile.stride] = density1;
    var greatest = density0;
    greatest = max(greatest, density1);
    var sum = exp(density0 - greatest);
    sum += exp(density1 - greatest);
    return Exponentials(greatest, sum);
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
