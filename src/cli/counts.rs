//! Numbers of components on the command line: 1..20, 1-20, or 2,4,8.

/// Most numbers that one argument may stand for: more are a mistake.
const MOST: usize = 10_000;

/// Numbers of components, in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counts(pub(crate) Vec<usize>);

impl Counts {
    /// Numbers and ranges, both ends included, with commas between.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let expected = || format!("{text:?} is no list of numbers and ranges such as 1..20 or 2,4,8..16");
        let number = |text: &str| text.trim().parse::<usize>().ok().filter(|k| *k > 0).ok_or_else(expected);
        let mut counts = Vec::new();
        for part in text.split(',') {
            match part.split_once("..").or_else(|| part.split_once('-')) {
                None => counts.push(number(part)?),
                Some((first, last)) => {
                    let (first, last) = (number(first)?, number(last.trim_start_matches('='))?);
                    if first > last {
                        return Err(format!("{part} ends before it begins"));
                    }
                    if last - first >= MOST {
                        return Err(format!("{part} are more than {MOST} numbers"));
                    }
                    counts.extend(first..=last);
                }
            }
        }
        counts.sort_unstable();
        counts.dedup();
        Ok(Counts(counts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ranges_are_listed_with_both_ends() {
        let counts = |text| Counts::parse(text).map(|counts| counts.0);
        assert_eq!(counts("3"), Ok(vec![3]));
        assert_eq!(counts("1..4"), Ok(vec![1, 2, 3, 4]));
        assert_eq!(counts("8,2..=3, 2"), Ok(vec![2, 3, 8]));
        assert_eq!(counts("1,4-6"), Ok(vec![1, 4, 5, 6]));
        for text in ["", "0", "0..3", "4..2", "a", "1..", "..3", "1,,2", "-1", "1..999999999"] {
            assert!(counts(text).is_err(), "{text}");
        }
    }
}
