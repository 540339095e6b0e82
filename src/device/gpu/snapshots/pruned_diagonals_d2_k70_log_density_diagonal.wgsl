const DIM: u32 = 2u;
const BLOCK: u32 = 2u;
const BLOCKS: u32 = 1u;
const STEP: u32 = 2u;
const ROW: u32 = 1u;
const MEAN: u32 = 1u;
const COMPONENT: u32 = 3u;
@group(0) @binding(1) var<uniform> parameters: array<vec4<f32>, 211>;
const AT_ONCE: u32 = 1u;
fn bounded(distance: vec4<f32>) -> vec4<f32> {
    return min(distance, vec4<f32>(1e37));
}
fn write_densities(x: u32, at: u32, to: u32) -> Exponentials {
    var distance0 = vec4<f32>(0.0);
    for (var i = 0u; i < MEAN; i++) {
        let sx = samples[x + min(4u * i + 0u, DIM - 1u) * LANES];
        let sy = samples[x + min(4u * i + 1u, DIM - 1u) * LANES];
        let mean0 = parameters[at + 0u * COMPONENT + i];
        let reciprocal0 = parameters[at + 0u * COMPONENT + MEAN + i];
        let y0x = (sx - mean0.x) * reciprocal0.x;
        distance0 = fma(y0x, y0x, distance0);
        let y0y = (sy - mean0.y) * reciprocal0.y;
        distance0 = fma(y0y, y0y, distance0);
    }
    let density0 = fma(vec4<f32>(-0.5), bounded(distance0), vec4<f32>(parameters[at + 1u * COMPONENT - 1u].x));
    densities[to + 0u * tile.stride] = density0;
    var greatest = density0;
    var sum = exp(density0 - greatest);
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
const WORDS: u32 = 3u;
@group(0) @binding(5) var<storage, read> marks: array<u32>;
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
