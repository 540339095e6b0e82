const DIM: u32 = 2u;
const BOX: u32 = 5u;
const WORDS: u32 = 3u;
const FACTORS: u32 = 6u;
const CUT: f32 = 2.497176107899577e1;
const SHARE: f32 = 2e-5;
const ROUNDING: f32 = 3.8146973e-6;
@group(0) @binding(1) var<storage, read> boxes: array<f32>;
@group(0) @binding(2) var<storage, read> factors: array<f32>;
fn squared_distances(box: u32, k: u32) -> vec2<f32> {
    let c0 = boxes[box + 0u] - factors[0u * tile.components + k];
    let h0 = boxes[box + 2u];
    let c1 = boxes[box + 1u] - factors[1u * tile.components + k];
    let h1 = boxes[box + 3u];
    var near = 0.0;
    var far = 0.0;
    let p0 = factors[2u * tile.components + k];
    let y0 = c0 * p0;
    let size0 = abs(c0 * p0);
    let spread0 = h0 * abs(p0);
    let most0 = spread0 + ROUNDING * (size0 + spread0);
    let least0 = max(0.0, abs(y0) - most0);
    near = fma(least0, least0, near);
    let greatest0 = abs(y0) + most0;
    far = fma(greatest0, greatest0, far);
    let p1 = factors[3u * tile.components + k];
    let y1 = c0 * p1;
    let size1 = abs(c0 * p1);
    let spread1 = h0 * abs(p1);
    let p2 = factors[4u * tile.components + k];
    let y2 = y1 + c1 * p2;
    let size2 = size1 + abs(c1 * p2);
    let spread2 = spread1 + h1 * abs(p2);
    let most2 = spread2 + ROUNDING * (size2 + spread2);
    let least2 = max(0.0, abs(y2) - most2);
    near = fma(least2, least2, near);
    let greatest2 = abs(y2) + most2;
    far = fma(greatest2, greatest2, far);
    return min(vec2<f32>(near * (1.0 - ROUNDING), far * (1.0 + ROUNDING)), vec2<f32>(1e37));
}
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
