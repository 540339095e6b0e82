// Multiply-adds on numbers that stay in registers: the most that a device computes. Each adds one to a sum, so that the
// sums count them, and none can be left out.
//
// The header has TRIPS.

/// The factor, 1; what is added, 1; and where the three sums start, 0. No compiler may see that.
@group(0) @binding(0) var<storage, read> numbers: array<vec4<f32>>;
/// What the lanes of a workgroup counted, the same for all workgroups.
@group(0) @binding(1) var<storage, read_write> counts: array<vec4<f32>>;

struct Sums {
    a: vec4<f32>,
    b: vec4<f32>,
    c: vec4<f32>,
}

fn add(sums: Sums, factor: f32, one: f32) -> Sums {
    let f = vec4<f32>(factor);
    let x = vec4<f32>(one);
    return Sums(fma(sums.a, f, x), fma(sums.b, f, x), fma(sums.c, f, x));
}

@compute @workgroup_size(64)
fn multiply_add(@builtin(local_invocation_index) lane: u32) {
    let factor = numbers[0].x;
    let one = numbers[1].x;
    var sums = Sums(numbers[2], numbers[3], numbers[4]);
    for (var trip = 0u; trip < TRIPS; trip++) {
        // Written out, so that counting the trips costs next to nothing.
        sums = add(sums, factor, one);
        sums = add(sums, factor, one);
        sums = add(sums, factor, one);
        sums = add(sums, factor, one);
        sums = add(sums, factor, one);
        sums = add(sums, factor, one);
        sums = add(sums, factor, one);
        sums = add(sums, factor, one);
    }
    counts[lane] = sums.a + sums.b + sums.c;
}
