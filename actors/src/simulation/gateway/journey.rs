//! One request's way to the PG and back.
//!
//! Owns what the network does to it. A journey goes on when nobody waits for it any more.

use std::sync::Arc;
use std::time::Duration;

use payment_schema::operation::OperationKind;
use payment_schema::pg::PgRequest;
use payment_schema::time::Timestamp;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::bank::processing;
use super::{Shared, Verdict};
use crate::simulation::dice::Dice;
use crate::simulation::faults::Fault;

/// What comes back.
pub(super) enum Reply {
    Answer(u16, Vec<u8>),
    NoConnection,
    Reset,
}

/// What happens on the way.
pub(super) struct Journey {
    fault: Option<Fault>,
    mishap: Option<(Verdict, &'static str, bool)>,
    misremembered: bool,
    travel: Duration,
    service: Duration,
    detour: Duration,
}

/// Faults of which at most one happens on a journey.
const ON_THE_WAY: [Fault; 13] = [
    Fault::PgRefused,
    Fault::PgRateLimited,
    Fault::PgServerError,
    Fault::PgServerErrorAfter,
    Fault::PgReset,
    Fault::PgResetAfter,
    Fault::PgTimeoutBefore,
    Fault::PgTimeoutAfter,
    Fault::PgLateArrival,
    Fault::PgLateAnswer,
    Fault::PgDuplicated,
    Fault::PgMalformed,
    Fault::PgWrongAmount,
];

impl Journey {
    pub(super) fn plan(shared: &Shared, network: &mut Dice, request: &PgRequest) -> Self {
        let fault = shared.environment.first_to_strike(network, &ON_THE_WAY);
        let travel = network.millis(0, 3);
        let detour = network.millis(1_000, 20_000);
        let mut dice = shared.bank_dice.lock();
        let refusal = shared.environment.first_to_strike(&mut dice, &[Fault::PgDeclined, Fault::PgFailed]);
        let mishap = match refusal {
            Some(Fault::PgDeclined) => Some((Verdict::Declined, "DO_NOT_HONOR", false)),
            Some(_) => Some((Verdict::Failed, "PROCESSING_ERROR", true)),
            None => None,
        };
        let misremembered = shared.environment.strikes(&mut dice, Fault::PgRecordMismatch);
        let works_on = shared.environment.strikes(&mut dice, Fault::PgProcessing);
        let (quick, slow) = (dice.millis(5, 15), dice.millis(1_000, 3_000));
        let service = if request.key.kind == OperationKind::Authorize { quick } else { slow };
        let fault = if works_on { fault.or(Some(Fault::PgProcessing)) } else { fault };
        Self { fault, mishap, misremembered, travel, service, detour }
    }

    /// Travels to the PG, has the work done, and brings the answer to whoever still waits.
    pub(super) async fn run(self, shared: Arc<Shared>, request: PgRequest, waiting: oneshot::Sender<Reply>) {
        sleep(self.travel).await;
        if let Some(reply) = self.before_work(&request) {
            // Nobody may be waiting any more; that is the point of some journeys.
            let _ = waiting.send(reply);
            self.work_on(&shared, &request).await;
            return;
        }
        if self.fault == Some(Fault::PgTimeoutBefore) {
            sleep(Duration::from_secs(30)).await;
            return;
        }
        if self.fault == Some(Fault::PgLateArrival) {
            sleep(self.detour).await;
        }
        self.work(&shared, &request).await;
        match self.fault {
            Some(Fault::PgLateAnswer) => sleep(self.detour).await,
            Some(Fault::PgTimeoutAfter) => sleep(Duration::from_secs(30)).await,
            _ => {}
        }
        let _ = waiting.send(self.answer(&shared, &request));
    }

    /// The answer that comes before any work, if one does.
    #[expect(clippy::wildcard_enum_match_arm, reason = "few of the world's faults end a journey early")]
    fn before_work(&self, request: &PgRequest) -> Option<Reply> {
        match self.fault? {
            Fault::PgRefused => Some(Reply::NoConnection),
            Fault::PgRateLimited => Some(Reply::Answer(429, Vec::new())),
            Fault::PgServerError => Some(Reply::Answer(502, b"<html>bad gateway</html>".to_vec())),
            Fault::PgReset => Some(Reply::Reset),
            Fault::PgProcessing => Some(Reply::Answer(200, processing(request.key))),
            _ => None,
        }
    }

    async fn work_on(&self, shared: &Shared, request: &PgRequest) {
        if self.fault == Some(Fault::PgProcessing) {
            shared.bank.lock().set_at_work(request.key, true);
            sleep(self.detour / 4).await;
            self.work(shared, request).await;
        }
    }

    async fn work(&self, shared: &Shared, request: &PgRequest) {
        if self.misremembered {
            shared.misremembered.lock().insert(request.key);
        }
        shared.bank.lock().set_at_work(request.key, true);
        sleep(self.service).await;
        let now = Timestamp::from(shared.clock.now());
        let mut bank = shared.bank.lock();
        bank.work(request, self.mishap, now);
        if self.fault == Some(Fault::PgDuplicated) {
            bank.work(request, self.mishap, now);
        }
        drop(bank);
        shared.environment.note(format_args!("pg recorded {}", request.key));
    }

    fn answer(&self, shared: &Shared, request: &PgRequest) -> Reply {
        let bank = shared.bank.lock();
        match self.fault {
            Some(Fault::PgServerErrorAfter) => Reply::Answer(503, b"upstream timed out".to_vec()),
            Some(Fault::PgResetAfter) => Reply::Reset,
            Some(Fault::PgMalformed) => Reply::Answer(200, b"{\"status\":\"appro".to_vec()),
            Some(Fault::PgWrongAmount) => {
                let (status, body) = bank.answer_about(request.key, true);
                Reply::Answer(status, body)
            }
            _ => {
                let (status, body) = bank.answer_about(request.key, false);
                Reply::Answer(status, body)
            }
        }
    }
}
