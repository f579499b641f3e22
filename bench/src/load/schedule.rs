//! When flows are due.
//!
//! Owns the arithmetic of rates. Knows nothing of what is done at those moments.

use std::time::Duration;

/// One stretch of the load: the rate changes evenly from its beginning to its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stretch {
    /// Flows per second at the beginning.
    pub(crate) from: f64,
    /// Flows per second at the end.
    pub(crate) to: f64,
    /// How long it lasts.
    pub(crate) length: Duration,
    /// Whether it counts; a warm-up does not.
    pub(crate) counted: bool,
}

/// Stretches after one another, without a gap.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Schedule(pub(crate) Vec<Stretch>);

/// A moment at which a flow begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    /// From the beginning of the load.
    pub(crate) at: Duration,
    /// The stretch it belongs to.
    pub(crate) stretch: usize,
}

impl Stretch {
    /// A constant rate.
    pub(crate) fn constant(rate: f64, length: Duration) -> Self {
        Self { from: rate, to: rate, length, counted: true }
    }

    /// The n-th flow is due when the integral of the rate reaches n.
    fn dues(self) -> impl Iterator<Item = Duration> {
        let length = self.length.as_secs_f64();
        let slope = (self.to - self.from) / length;
        (0_u32..).map(f64::from).map_while(move |n| {
            let due = if slope.abs() < f64::EPSILON {
                n / self.from
            } else {
                let root = (self.from * self.from + 2.0 * slope * n).max(0.0).sqrt();
                (root - self.from) / slope
            };
            let risen = slope >= 0.0 || self.from * self.from + 2.0 * slope * n >= 0.0;
            (due < length && risen).then(|| Duration::from_secs_f64(due))
        })
    }
}

impl Schedule {
    /// How long all of it lasts.
    pub(crate) fn length(&self) -> Duration {
        self.0.iter().map(|stretch| stretch.length).sum()
    }

    /// How long what is not counted lasts, which comes first.
    pub(crate) fn warmup(&self) -> Duration {
        self.0.iter().filter(|stretch| !stretch.counted).map(|stretch| stretch.length).sum()
    }

    /// The highest rate that is counted.
    pub(crate) fn peak(&self) -> f64 {
        let counted = self.0.iter().filter(|stretch| stretch.counted);
        counted.map(|stretch| stretch.from.max(stretch.to)).fold(0.0, f64::max)
    }

    /// The moments flows are due, in order.
    pub(crate) fn dues(self) -> impl Iterator<Item = Due> {
        let mut before = Duration::ZERO;
        self.0.into_iter().enumerate().flat_map(move |(index, stretch)| {
            let offset = before;
            before += stretch.length;
            stretch.dues().map(move |due| Due { at: offset + due, stretch: index })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Due, Schedule, Stretch};

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_constant_rate_is_evenly_spaced() {
        let dues: Vec<Due> = Schedule(vec![Stretch::constant(100.0, seconds(2))]).dues().collect();
        assert_eq!(dues.len(), 200);
        assert_eq!(dues[50], Due { at: Duration::from_millis(500), stretch: 0 });
    }

    #[test]
    fn a_ramp_has_as_many_flows_as_its_mean_rate() {
        for (from, to) in [(10.0, 90.0), (90.0, 10.0), (50.0, 50.0), (0.001, 100.0)] {
            let ramp = Stretch { from, to, ..Stretch::constant(from, seconds(10)) };
            let dues: Vec<Duration> = Schedule(vec![ramp]).dues().map(|due| due.at).collect();
            assert!(dues.len().abs_diff(500) <= 1, "{from} to {to}: {} flows", dues.len());
            assert!(dues.is_sorted());
        }
    }

    #[test]
    fn stretches_follow_each_other() {
        let warmup = Stretch { counted: false, ..Stretch::constant(10.0, seconds(3)) };
        let schedule = Schedule(vec![
            warmup,
            Stretch::constant(20.0, seconds(2)),
            Stretch { from: 20.0, to: 60.0, ..Stretch::constant(20.0, seconds(1)) },
        ]);
        assert_eq!(schedule.length(), seconds(6));
        assert_eq!(schedule.warmup(), seconds(3));
        assert!((schedule.peak() - 60.0).abs() < f64::EPSILON);
        let dues: Vec<Due> = schedule.dues().collect();
        let of = |stretch| dues.iter().filter(|due| due.stretch == stretch).count();
        assert_eq!((of(0), of(1), of(2)), (30, 40, 40));
        assert_eq!(dues[30].at, seconds(3));
        assert!(dues.iter().map(|due| due.at).is_sorted());
    }
}
