const DIM: u32 = 6u;
const BLOCK: u32 = 6u;
const BLOCKS: u32 = 1u;
const STEP: u32 = 4u;
const ROW: u32 = 2u;
const MEAN: u32 = 2u;
const COMPONENT: u32 = 5u;
@group(0) @binding(1) var<uniform> parameters: array<vec4<f32>, 36>;
const AT_ONCE: u32 = 7u;
fn bounded(distance: vec4<f32>) -> vec4<f32> {
    return min(distance, vec4<f32>(1e37));
}
fn write_densities(x: u32, at: u32, to: u32) -> Exponentials {
    var distance0 = vec4<f32>(0.0);
    var distance1 = vec4<f32>(0.0);
    var distance2 = vec4<f32>(0.0);
    var distance3 = vec4<f32>(0.0);
    var distance4 = vec4<f32>(0.0);
    var distance5 = vec4<f32>(0.0);
    var distance6 = vec4<f32>(0.0);
    for (var i = 0u; i < MEAN; i++) {
        let sx = samples[x + min(4u * i + 0u, DIM - 1u) * LANES];
        let sy = samples[x + min(4u * i + 1u, DIM - 1u) * LANES];
        let sz = samples[x + min(4u * i + 2u, DIM - 1u) * LANES];
        let sw = samples[x + min(4u * i + 3u, DIM - 1u) * LANES];
        let mean0 = parameters[at + 0u * COMPONENT + i];
        let reciprocal0 = parameters[at + 0u * COMPONENT + MEAN + i];
        let y0x = (sx - mean0.x) * reciprocal0.x;
        distance0 = fma(y0x, y0x, distance0);
        let y0y = (sy - mean0.y) * reciprocal0.y;
        distance0 = fma(y0y, y0y, distance0);
        let y0z = (sz - mean0.z) * reciprocal0.z;
        distance0 = fma(y0z, y0z, distance0);
        let y0w = (sw - mean0.w) * reciprocal0.w;
        distance0 = fma(y0w, y0w, distance0);
        let mean1 = parameters[at + 1u * COMPONENT + i];
        let reciprocal1 = parameters[at + 1u * COMPONENT + MEAN + i];
        let y1x = (sx - mean1.x) * reciprocal1.x;
        distance1 = fma(y1x, y1x, distance1);
        let y1y = (sy - mean1.y) * reciprocal1.y;
        distance1 = fma(y1y, y1y, distance1);
        let y1z = (sz - mean1.z) * reciprocal1.z;
        distance1 = fma(y1z, y1z, distance1);
        let y1w = (sw - mean1.w) * reciprocal1.w;
        distance1 = fma(y1w, y1w, distance1);
        let mean2 = parameters[at + 2u * COMPONENT + i];
        let reciprocal2 = parameters[at + 2u * COMPONENT + MEAN + i];
        let y2x = (sx - mean2.x) * reciprocal2.x;
        distance2 = fma(y2x, y2x, distance2);
        let y2y = (sy - mean2.y) * reciprocal2.y;
        distance2 = fma(y2y, y2y, distance2);
        let y2z = (sz - mean2.z) * reciprocal2.z;
        distance2 = fma(y2z, y2z, distance2);
        let y2w = (sw - mean2.w) * reciprocal2.w;
        distance2 = fma(y2w, y2w, distance2);
        let mean3 = parameters[at + 3u * COMPONENT + i];
        let reciprocal3 = parameters[at + 3u * COMPONENT + MEAN + i];
        let y3x = (sx - mean3.x) * reciprocal3.x;
        distance3 = fma(y3x, y3x, distance3);
        let y3y = (sy - mean3.y) * reciprocal3.y;
        distance3 = fma(y3y, y3y, distance3);
        let y3z = (sz - mean3.z) * reciprocal3.z;
        distance3 = fma(y3z, y3z, distance3);
        let y3w = (sw - mean3.w) * reciprocal3.w;
        distance3 = fma(y3w, y3w, distance3);
        let mean4 = parameters[at + 4u * COMPONENT + i];
        let reciprocal4 = parameters[at + 4u * COMPONENT + MEAN + i];
        let y4x = (sx - mean4.x) * reciprocal4.x;
        distance4 = fma(y4x, y4x, distance4);
        let y4y = (sy - mean4.y) * reciprocal4.y;
        distance4 = fma(y4y, y4y, distance4);
        let y4z = (sz - mean4.z) * reciprocal4.z;
        distance4 = fma(y4z, y4z, distance4);
        let y4w = (sw - mean4.w) * reciprocal4.w;
        distance4 = fma(y4w, y4w, distance4);
        let mean5 = parameters[at + 5u * COMPONENT + i];
        let reciprocal5 = parameters[at + 5u * COMPONENT + MEAN + i];
        let y5x = (sx - mean5.x) * reciprocal5.x;
        distance5 = fma(y5x, y5x, distance5);
        let y5y = (sy - mean5.y) * reciprocal5.y;
        distance5 = fma(y5y, y5y, distance5);
        let y5z = (sz - mean5.z) * reciprocal5.z;
        distance5 = fma(y5z, y5z, distance5);
        let y5w = (sw - mean5.w) * reciprocal5.w;
        distance5 = fma(y5w, y5w, distance5);
        let mean6 = parameters[at + 6u * COMPONENT + i];
        let reciprocal6 = parameters[at + 6u * COMPONENT + MEAN + i];
        let y6x = (sx - mean6.x) * reciprocal6.x;
        distance6 = fma(y6x, y6x, distance6);
        let y6y = (sy - mean6.y) * reciprocal6.y;
        distance6 = fma(y6y, y6y, distance6);
        let y6z = (sz - mean6.z) * reciprocal6.z;
        distance6 = fma(y6z, y6z, distance6);
        let y6w = (sw - mean6.w) * reciprocal6.w;
        distance6 = fma(y6w, y6w, distance6);
    }
    let density0 = fma(vec4<f32>(-0.5), bounded(distance0), vec4<f32>(parameters[at + 1u * COMPONENT - 1u].x));
    densities[to + 0u * tile.stride] = density0;
    let density1 = fma(vec4<f32>(-0.5), bounded(distance1), vec4<f32>(parameters[at + 2u * COMPONENT - 1u].x));
    densities[to + 1u * tile.stride] = density1;
    let density2 = fma(vec4<f32>(-0.5), bounded(distance2), vec4<f32>(parameters[at + 3u * COMPONENT - 1u].x));
    densities[to + 2u * tile.stride] = density2;
    let density3 = fma(vec4<f32>(-0.5), bounded(distance3), vec4<f32>(parameters[at + 4u * COMPONENT - 1u].x));
    densities[to + 3u * tile.stride] = density3;
    let density4 = fma(vec4<f32>(-0.5), bounded(distance4), vec4<f32>(parameters[at + 5u * COMPONENT - 1u].x));
    densities[to + 4u * tile.stride] = density4;
    let density5 = fma(vec4<f32>(-0.5), bounded(distance5), vec4<f32>(parameters[at + 6u * COMPONENT - 1u].x));
    densities[to + 5u * tile.stride] = density5;
    let density6 = fma(vec4<f32>(-0.5), bounded(distance6), vec4<f32>(parameters[at + 7u * COMPONENT - 1u].x));
    densities[to + 6u * tile.stride] = density6;
    var greatest = density0;
    greatest = max(greatest, density1);
    greatest = max(greatest, density2);
    greatest = max(greatest, density3);
    greatest = max(greatest, density4);
    greatest = max(greatest, density5);
    greatest = max(greatest, density6);
    var sum = exp(density0 - greatest);
    sum += exp(density1 - greatest);
    sum += exp(density2 - greatest);
    sum += exp(density3 - greatest);
    sum += exp(density4 - greatest);
    sum += exp(density5 - greatest);
    sum += exp(density6 - greatest);
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
