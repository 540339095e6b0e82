// Of passes in which a component meets the groups of samples to which it can matter: `kept_components` marked them.
//
// Header: WORDS (of a group's marks), `marks`.

/// The next component of a group, from one on; both are counted from the first of a window. Where none is left, it is
/// `end` or more.
fn next_component(group: u32, offset: u32, start: u32, end: u32) -> u32 {
    var k = offset + start;
    while k < offset + end {
        let left = marks[group * WORDS + k / 32u] >> (k % 32u);
        if left != 0u {
            k += firstTrailingBit(left);
            break;
        }
        k = (k / 32u + 1u) * 32u;
    }
    return k - offset;
}

/// The next group of a component, from one on; `end` where none is left.
fn next_group(component: u32, start: u32, end: u32) -> u32 {
    var group = start;
    while group < end {
        if (marks[group * WORDS + component / 32u] >> (component % 32u) & 1u) == 1u {
            break;
        }
        group++;
    }
    return group;
}
