// What every stage shares. Samples lie in groups of 256: a group is DIM rows of 64 vectors, each of four samples, so
// that the 64 invocations of a workgroup read each row of a group as one run. "Lane" is an invocation's place there.
//
// A header of constants precedes this file: DIM (features), BLOCK (features of a block), BLOCKS (blocks of features),
// and, where a stage needs more, what the stage says.

const LANES: u32 = 64u;

/// What one dispatch works on: some groups of one chunk of samples.
struct Tile {
    /// First group of the tile within its chunk.
    first_group: u32,
    /// Groups of the tile.
    groups: u32,
    /// Vectors from one component's log-densities to the next one's.
    stride: u32,
    /// K.
    components: u32,
    /// 1 where each sample belongs wholly to its most probable component.
    hard: u32,
    /// The groups are cut into this many ranges of `range_groups`, the last one shorter; each has sums of its own.
    ranges: u32,
    range_groups: u32,
    /// Numbers in one set of sums.
    statistics: u32,
    /// Set of totals to add to, and whether it holds something yet.
    slot: u32,
    accumulate: u32,
}

/// Workgroups are folded into two dimensions, for one dimension takes no more than 65,535.
fn folded(workgroup: vec3<u32>, workgroups: vec3<u32>) -> u32 {
    return workgroup.y * workgroups.x + workgroup.x;
}
