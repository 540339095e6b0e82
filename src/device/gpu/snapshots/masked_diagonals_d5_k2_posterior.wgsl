const HARD_SLACK: f32 = 1e-5;
const EVERY = true;
// The sum of a number of each lane of a workgroup, in a fixed order.

var<workgroup> numbers_of_lanes: array<f32, LANES>;

/// Of the first lane alone.
fn add_up_lanes(number: f32, lane: u32) -> f32 {
    numbers_of_lanes[lane] = number;
    workgroupBarrier();
    // Eight sums of eight: one long sum would lose more digits.
    var even = vec4<f32>(0.0);
    var odd = vec4<f32>(0.0);
    if lane == 0u {
        for (var i = 0u; i < LANES; i += 8u) {
            even += vec4<f32>(numbers_of_lanes[i], numbers_of_lanes[i + 1u], numbers_of_lanes[i + 2u], numbers_of_lanes[i + 3u]);
            odd += vec4<f32>(numbers_of_lanes[i + 4u], numbers_of_lanes[i + 5u], numbers_of_lanes[i + 6u], numbers_of_lanes[i + 7u]);
        }
    }
    return dot(even + odd, vec4<f32>(1.0));
}
// Of the slices of the components, each summed by the first half of the E step.
//
// Header: `slices` (of each slice the greatest log-density of every sample, and then its sum).

/// The exponentials of a vector of samples, over all slices.
fn all_exponentials(n: u32) -> Exponentials {
    var all = no_exponentials();
    for (var slice = 0u; slice < tile.slices; slice++) {
        let at = 2u * slice * tile.stride + n;
        all = joined(all, Exponentials(slices[at], slices[at + tile.stride]));
    }
    return all;
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
