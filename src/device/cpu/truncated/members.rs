//! Sets of components, which come out in ascending order.

/// A set of components.
#[derive(Debug)]
pub(super) struct Members {
    bits: Vec<u64>,
}

impl Members {
    /// None of K components.
    pub(super) fn new(k: usize) -> Self {
        Members { bits: vec![0; k.div_ceil(64)] }
    }

    pub(super) fn insert(&mut self, component: u32) {
        self.bits[component as usize / 64] |= 1 << (component % 64);
    }

    /// Hands over all of them, and is empty then.
    pub(super) fn drain(&mut self, mut take: impl FnMut(u32)) {
        for (i, bits) in self.bits.iter_mut().enumerate() {
            let mut left = std::mem::take(bits);
            while left != 0 {
                take(i as u32 * 64 + left.trailing_zeros());
                left &= left - 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_out_once_in_ascending_order() {
        let mut members = Members::new(130);
        [129, 3, 64, 3, 63].into_iter().for_each(|component| members.insert(component));
        let mut found = Vec::new();
        members.drain(|component| found.push(component));
        assert_eq!(found, [3, 63, 64, 129]);
        members.drain(|component| panic!("{component} came again"));
    }
}
