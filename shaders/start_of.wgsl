// Where the parts of a component are. Header: BLOCK (rows of a part), SQUARES (whether parts are blocks of a diagonal).

/// First row and first column of a part: the lower triangle of blocks, or their diagonal.
fn start_of(part: u32) -> vec2<u32> {
    if SQUARES {
        return vec2<u32>(part * BLOCK);
    }
    var row = 0u;
    var column = part;
    while column > row {
        row++;
        column -= row;
    }
    return vec2<u32>(row, column) * BLOCK;
}
