//! Waking the loop at a moment, to the microsecond.
//!
//! Owns a timer beside the sockets: waiting for sockets alone is precise to a millisecond only, which every latency
//! at a low rate would then hold half of. Elsewhere than on Linux that is how precise it is.

use std::io;
use std::time::{Duration, Instant};

use mio::{Registry, Token};

#[cfg(target_os = "linux")]
use std::os::fd::{AsRawFd, OwnedFd};

/// Told apart from every connection, of which there are far fewer.
pub(crate) const ALARM: Token = Token(usize::MAX);

/// A timer that is waited for together with sockets.
pub(crate) struct Alarm {
    #[cfg(target_os = "linux")]
    timer: OwnedFd,
    set_for: Option<Instant>,
}

#[cfg(target_os = "linux")]
impl Alarm {
    /// A timer that is not set.
    ///
    /// # Errors
    /// When the system has none to give.
    pub(crate) fn new(registry: &Registry) -> io::Result<Self> {
        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        registry.register(&mut mio::unix::SourceFd(&timer.as_raw_fd()), ALARM, mio::Interest::READABLE)?;
        Ok(Self { timer, set_for: None })
    }

    /// Sets it for a moment; says how long to wait for sockets at most.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn set(&mut self, at: Instant, now: Instant) -> io::Result<Duration> {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
        let wait = at.saturating_duration_since(now);
        // Nothing at all would stop the timer instead.
        if !wait.is_zero() && self.set_for != Some(at) {
            let value = Timespec {
                tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: wait.subsec_nanos().into(),
            };
            let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
            timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
            self.set_for = Some(at);
        }
        // The timer comes first. Should it not, waiting goes on no longer than this.
        Ok(if wait.is_zero() { wait } else { wait + Duration::from_millis(1) })
    }

    /// It rang. Not read: setting it again is what empties it.
    pub(crate) fn rang(&mut self) {
        self.set_for = None;
    }
}

#[cfg(not(target_os = "linux"))]
impl Alarm {
    /// No timer.
    ///
    /// # Errors
    /// Never.
    pub(crate) fn new(_: &Registry) -> io::Result<Self> {
        Ok(Self { set_for: None })
    }

    /// Says how long to wait for sockets.
    ///
    /// # Errors
    /// Never.
    pub(crate) fn set(&mut self, at: Instant, now: Instant) -> io::Result<Duration> {
        Ok(at.saturating_duration_since(now))
    }

    /// It never rings.
    pub(crate) fn rang(&mut self) {
        self.set_for = None;
    }
}
