// What the kernels of the M step share: their bindings, and the sum over the lanes of a workgroup.
//
// The file that follows says how many numbers the lanes share at a time: SHARED.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(1) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> means: array<f32>;
@group(0) @binding(3) var<storage, read> responsibilities: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> scales: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> covariances: array<f32>;
@group(0) @binding(6) var<storage, read_write> sums: array<f32>;

var<workgroup> lanes: array<f32, SHARED * LANES>;

/// The sum over the lanes of one of the shared numbers; each lane starts at another place, to spread the reads.
fn sum_over_lanes(number: u32) -> f32 {
    var sum = 0.0;
    for (var i = 0u; i < LANES; i++) {
        sum += lanes[number * LANES + ((i + number) % LANES)];
    }
    return sum;
}
