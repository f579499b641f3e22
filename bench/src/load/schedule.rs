//! When flows are due.

use std::time::Duration;

use crate::cli::LoadOptions;

/// One stretch of the load: the rate changes evenly from its beginning to its end.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    from: f64,
    to: f64,
    length: Duration,
}

/// Stretches after one another.
#[derive(Debug, Clone)]
pub(crate) struct Schedule(Vec<Stretch>);

impl Schedule {
    pub(crate) fn constant(rate: f64, length: Duration) -> Self {
        Self(vec![Stretch { from: rate, to: rate, length }])
    }

    pub(crate) fn of(options: &LoadOptions) -> Self {
        if let Some(ramp) = options.ramp {
            return Self(vec![Stretch { from: ramp.from, to: ramp.to, length: ramp.over }]);
        }
        if options.steps.is_empty() {
            return Self::constant(options.rate, options.duration);
        }
        let stretch = |rate: &f64| Stretch { from: *rate, to: *rate, length: options.duration };
        Self(options.steps.iter().map(stretch).collect())
    }

    pub(crate) fn length(&self) -> Duration {
        self.0.iter().map(|stretch| stretch.length).sum()
    }

    /// The moments flows are due, from the beginning of the load.
    pub(crate) fn dues(&self) -> impl Iterator<Item = Duration> + '_ {
        let mut before = Duration::ZERO;
        self.0.iter().flat_map(move |stretch| {
            let offset = before;
            before += stretch.length;
            stretch.dues().map(move |due| offset + due)
        })
    }
}

impl Stretch {
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
            (due < length && (n == 0.0 || due > 0.0)).then(|| Duration::from_secs_f64(due))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Schedule, Stretch};

    #[test]
    fn a_constant_rate_is_evenly_spaced() {
        let dues: Vec<Duration> = Schedule::constant(100.0, Duration::from_secs(2)).dues().collect();
        assert_eq!(dues.len(), 200);
        assert_eq!(dues.get(50), Some(&Duration::from_millis(500)));
    }

    #[test]
    fn a_ramp_has_as_many_flows_as_its_mean_rate() {
        for (from, to) in [(10.0, 90.0), (90.0, 10.0)] {
            let ramp = Schedule(vec![Stretch { from, to, length: Duration::from_secs(10) }]);
            let dues: Vec<Duration> = ramp.dues().collect();
            assert!(dues.len().abs_diff(500) <= 1, "{} flows", dues.len());
            assert!(dues.is_sorted());
        }
    }
}
