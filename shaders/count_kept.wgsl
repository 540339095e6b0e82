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
