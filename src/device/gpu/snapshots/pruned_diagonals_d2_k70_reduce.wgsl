const SETS: u32 = 1u;
const VECTOR: u32 = 4u;
const NUMBERS: u32 = 8u;
const SECOND: u32 = 3u;
const PRODUCTS: u32 = 2u;
const COUNT: u32 = 0u;
const COMPONENT: u32 = 8u;
const POOLED: u32 = 1u;
const BY_FEATURE: bool = false;
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
@group(0) @binding(5) var<storage, read> kept: array<f32>;
// The count of the log-densities of a pass in which components meet the groups of samples to which they can matter, in
// units of a group: it goes to the second place of the totals. Header: `kept`.

fn count_kept(lane: u32) {
    // The first lane has read what the lanes summed before.
    workgroupBarrier();
    var count = 0.0;
    for (var group = lane; group < tile.groups; group += LANES) {
        count += kept[group];
    }
    count = add_up_lanes(count, lane);
    if lane == 0u {
        add_to_total(1u, count);
    }
}
