// The sums of a tile's ranges, and the log-likelihoods of its groups, added up, go to a set of totals: put there, or added
// to those of earlier tiles. The first workgroup adds up the log-likelihoods.
//
// Before second moments are added up, each loses what its set's count and the covariance of the model lead it to expect,
// which the host puts back in f64. What is left is small once the fit is under way, and so is what f32 loses of it: the
// small eigenvalues of an ill-conditioned covariance keep their digits.
//
// Header: SETS (of a range), VECTOR (numbers before the first part), NUMBERS (of a part), SECOND (the place of a part's
// second moments), PRODUCTS (how many they are), COUNT (the place of the count they go with), COMPONENT (numbers of a
// component), POOLED (components whose second moments are together, in the place of the first one's), BY_FEATURE (whether
// each second moment has a count of its own, PRODUCTS places behind it), `add_up_lanes`, `count_kept`.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(1) var<storage, read> covariances: array<f32>;
@group(0) @binding(2) var<storage, read> sums: array<f32>;
@group(0) @binding(3) var<storage, read_write> totals: array<f32>;
@group(0) @binding(4) var<storage, read> log_likelihoods: array<f32>;

/// A number of one of the sets, of which there are so many, less what its count leads to expect.
fn number_of(i: u32, sets: u32, number: u32, count: u32, covariance: f32) -> f32 {
    if i < sets {
        let start = i * tile.statistics;
        return fma(-covariance, sums[start + count], sums[start + number]);
    }
    return 0.0;
}

/// Adds a sum to a number of the tile's set of totals, or puts it there.
fn add_to_total(number: u32, sum: f32) {
    let at = tile.slot * tile.statistics + number;
    if tile.accumulate == 1u {
        totals[at] += sum;
    } else {
        totals[at] = sum;
    }
}

@compute @workgroup_size(64)
fn reduce(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = folded(workgroup, workgroups);
    if index == 0u {
        var sum = 0.0;
        for (var group = lane; group < tile.groups; group += LANES) {
            sum += log_likelihoods[group];
        }
        sum = add_up_lanes(sum, lane);
        if lane == 0u {
            add_to_total(0u, sum);
        }
        count_kept(lane);
        return;
    }
    let number = VECTOR + (index - 1u) * LANES + lane;
    if number >= tile.statistics {
        return;
    }
    let part = (number - VECTOR) / NUMBERS;
    let place = (number - VECTOR) % NUMBERS;
    if place >= SECOND && (number - VECTOR) / COMPONENT % POOLED > 0u {
        return;
    }
    // Any number will do where nothing is expected.
    var count = number;
    var covariance = 0.0;
    if place >= SECOND && place < SECOND + PRODUCTS {
        count = select(number - place + COUNT, number + PRODUCTS, BY_FEATURE);
        covariance = covariances[part * PRODUCTS + place - SECOND];
    }
    let sets = tile.ranges * SETS;
    // Four sums: one long sum would lose more digits.
    var parts = vec4<f32>(0.0);
    for (var i = 0u; i < sets; i += 4u) {
        parts += vec4<f32>(
            number_of(i, sets, number, count, covariance),
            number_of(i + 1u, sets, number, count, covariance),
            number_of(i + 2u, sets, number, count, covariance),
            number_of(i + 3u, sets, number, count, covariance),
        );
    }
    add_to_total(number, dot(parts, vec4<f32>(1.0)));
}
