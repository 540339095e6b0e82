//! The verdict of a benchmark: which device for these data, and whether the machine was busy while it was measured.

/// How many times as fast as the CPU backend a device has to be to be worth choosing.
const WORTH_IT: f64 = 1.1;

/// How far an epoch may come below its floor, which was measured too, and how many times as long as another it may take,
/// on a machine that does nothing else.
const BELOW_FLOOR: f64 = 1.05;
const UNSTEADY: f64 = 2.0;

/// Seconds below which an epoch says nothing of that: any interruption is as long.
const SHORT: f64 = 1e-3;

/// A device as it is judged; times are in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contender<'a> {
    pub(super) device: &'a str,
    /// Opening it, compiling, and putting samples there.
    pub(super) start: f64,
    /// The median epoch.
    pub(super) epoch: f64,
    /// How many times as long as the shortest epoch the longest one took.
    pub(super) unsteadiness: f64,
    /// Share of the epoch that its floor is.
    pub(super) floor_fraction: f64,
}

/// Sentences about devices, the CPU backend before all others.
pub(super) fn verdict(contenders: &[Contender]) -> Vec<String> {
    let Some((cpu, others)) = contenders.split_first() else { return Vec::new() };
    let best = others.iter().min_by(|a, b| a.epoch.total_cmp(&b.epoch));
    let mut sentences = vec![match best.filter(|best| cpu.epoch >= WORTH_IT * best.epoch) {
        Some(best) => {
            let gain = cpu.epoch / best.epoch;
            let choice = format!("for these data: --device {}, {gain:.1} times as fast as the CPU in f64", best.device);
            match ((best.start - cpu.start) / (cpu.epoch - best.epoch)).ceil() {
                epochs if epochs > 1.0 => format!("{choice}, which makes up for its start in {epochs:.0} epochs"),
                _ => choice,
            }
        }
        None if others.is_empty() => "only the CPU was measured: --devices names others".to_owned(),
        None => "for these data: --device cpu; no other is faster by a tenth, and it computes in f64".to_owned(),
    }];
    let busy: Vec<&str> = contenders.iter().filter(|contender| contender.was_disturbed()).map(|c| c.device).collect();
    if !busy.is_empty() {
        sentences.push(format!(
            "the machine was busy while {} was measured, and the numbers are doubtful: epochs took less than the ceiling allows, \
             or some much longer than others; measure again when it is idle",
            busy.join(", ")
        ));
    }
    sentences
}

impl Contender<'_> {
    fn was_disturbed(&self) -> bool {
        self.floor_fraction > BELOW_FLOOR || self.epoch > SHORT && self.unsteadiness > UNSTEADY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contender(device: &str, start: f64, epoch: f64) -> Contender<'_> {
        Contender { device, start, epoch, unsteadiness: 1.1, floor_fraction: 0.5 }
    }

    #[test]
    fn the_fastest_device_is_named_where_it_is_worth_it() {
        let cpu = contender("cpu", 0.0, 0.1);
        let said = |others: &[Contender]| verdict(&[&[cpu], others].concat()).join("\n");
        assert_eq!(said(&[]), "only the CPU was measured: --devices names others");
        assert!(said(&[contender("gpu", 1.0, 0.095)]).starts_with("for these data: --device cpu;"));
        let gpu = contender("gpu", 0.8, 0.02);
        let expected = "for these data: --device gpu, 5.0 times as fast as the CPU in f64";
        assert_eq!(
            said(&[contender("cpu-f32", 0.0, 0.05), gpu]),
            format!("{expected}, which makes up for its start in 10 epochs")
        );
        assert_eq!(said(&[Contender { start: 0.0, ..gpu }]), expected);
    }

    #[test]
    fn a_busy_machine_is_noticed() {
        let cpu = contender("cpu", 0.0, 0.1);
        let count = |cpu: Contender| verdict(&[cpu]).len();
        assert_eq!(count(cpu), 1);
        assert_eq!(count(Contender { floor_fraction: 1.55, ..cpu }), 2);
        assert_eq!(count(Contender { unsteadiness: 3.0, ..cpu }), 2);
        assert_eq!(count(Contender { unsteadiness: 3.0, epoch: 1e-5, ..cpu }), 1);
    }
}
