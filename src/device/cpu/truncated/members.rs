//! Sets of components, which come out in ascending order.

/// A set of components.
#[derive(Debug)]
pub(super) struct Members {
    bits: Vec<u64>,
    count: usize,
}

impl Members {
    /// None of K components.
    pub(super) fn new(k: usize) -> Self {
        Members { bits: vec![0; k.div_ceil(64)], count: 0 }
    }

    pub(super) fn insert(&mut self, component: u32) {
        let bits = &mut self.bits[component as usize / 64];
        let bit = 1 << (component % 64);
        self.count += usize::from(*bits & bit == 0);
        *bits |= bit;
    }

    pub(super) fn extend<'c>(&mut self, components: impl IntoIterator<Item = &'c u32>) {
        components.into_iter().for_each(|component| self.insert(*component));
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Hands over all of them, and is empty then.
    pub(super) fn drain(&mut self, mut take: impl FnMut(u32)) {
        self.count = 0;
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
        members.extend(&[129, 3, 64, 3, 63]);
        assert_eq!(members.len(), 4);
        let mut found = Vec::new();
        members.drain(|component| found.push(component));
        assert_eq!(found, [3, 63, 64, 129]);
        members.drain(|component| panic!("{component} came again"));
    }
}
