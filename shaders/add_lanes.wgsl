// The end of a kernel that sums, where the lanes of a workgroup add up what they hold, in a fixed order.
//
// Header: HELD (numbers that a lane holds), NUMBERS (of the first component), OTHER (of each other one), COMPONENT (places
// of each in a set of sums), and `share_round`, which hands 64 of a lane's numbers to the other lanes.

var<workgroup> lanes: array<f32, min(HELD, LANES) * LANES>;

/// One of the shared numbers, of four lanes. The lanes' places are turned by the number, to spread writes and reads.
fn four_lanes(number: u32, first: u32) -> vec4<f32> {
    let at = (vec4<u32>(first + number) + vec4<u32>(0u, 1u, 2u, 3u)) % LANES + number * LANES;
    return vec4<f32>(lanes[at.x], lanes[at.y], lanes[at.z], lanes[at.w]);
}

/// Puts the sums into the set of a range; `at` is the place of the first component's.
fn hand_over(range: u32, at: u32, lane: u32, held: ptr<function, array<f32, HELD>>) {
    for (var round = 0u; round * LANES < HELD; round++) {
        share_round(round, lane, held);
        workgroupBarrier();
        let number = round * LANES + lane;
        var place = at + number;
        if number >= NUMBERS {
            place = at + ((number - NUMBERS) / OTHER + 1u) * COMPONENT + (number - NUMBERS) % OTHER;
        }
        // Past the last component there is no set's place.
        if number < HELD && place < tile.statistics {
            // Eight sums of eight: one long sum would lose more digits, and wait longer for each of its terms.
            var even = vec4<f32>(0.0);
            var odd = vec4<f32>(0.0);
            for (var i = 0u; i < LANES; i += 8u) {
                even += four_lanes(lane, i);
                odd += four_lanes(lane, i + 4u);
            }
            sums[range * tile.statistics + place] = dot(even + odd, vec4<f32>(1.0));
        }
        workgroupBarrier();
    }
}
