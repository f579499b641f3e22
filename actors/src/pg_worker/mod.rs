//! Calls to the payment gateway, for authorizations, settlement and refunds alike.
//!
//! Owns one exchange with the PG: the breaker's permit, the bounded number of calls under way, the time limit. One
//! mechanism serves three actors: `authorization` (authorize), `settlement` (capture), `refund` (refund, void).
//! Never decides what an answer means for a payment, never retries: the payment's actor does both. Never calls
//! before the attempt is committed, because only payment actors ask, after their commit.

mod exchange;

use std::collections::VecDeque;
use std::time::Duration;

use payment_schema::operation::OperationKind;
use payment_schema::pg::{Finding, PgRequest, Refusal, Source};
use serde::Serialize;

use crate::breaker::Gates;
use crate::ports::Ports;
use crate::supervision::{Actor, Ctx, Failure, Message, Next, Reply};

/// Limits of PG calls.
#[derive(Debug, Clone)]
pub struct PgWorkerSettings {
    /// Most calls of one operation at a time.
    pub concurrency: usize,
    /// Time limit of an authorization.
    pub authorize_timeout: Duration,
    /// Time limit of everything else.
    pub timeout: Duration,
}

impl PgWorkerSettings {
    /// The time limit of an operation.
    #[must_use]
    pub fn timeout_of(&self, kind: OperationKind) -> Duration {
        match kind {
            OperationKind::Authorize => self.authorize_timeout,
            OperationKind::Capture | OperationKind::Void | OperationKind::Refund => self.timeout,
        }
    }
}

/// One exchange to be made.
pub struct Exchange {
    /// The request whose attempt is committed.
    pub request: PgRequest,
    /// Send it, or ask what became of it.
    pub source: Source,
    /// Who waits for the finding.
    pub reply: Reply<Finding>,
}

/// Messages of a worker.
pub enum PgWorkerMessage {
    /// Make this exchange.
    Exchange(Box<Exchange>),
    /// An exchange of this operation ended.
    Ended(OperationKind),
}

impl Message for PgWorkerMessage {
    fn label(&self) -> &'static str {
        match self {
            Self::Exchange(_) => "exchange",
            Self::Ended(_) => "exchange-ended",
        }
    }
}

/// The calls of one operation.
#[derive(Default)]
struct Line {
    under_way: usize,
    waiting: VecDeque<Exchange>,
}

/// What operators see of a worker.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PgWorkerObserved {
    under_way: usize,
    waiting: usize,
    exchanges_total: u64,
}

/// Makes exchanges with the PG.
pub struct PgWorker {
    ports: Ports,
    gates: Gates,
    settings: PgWorkerSettings,
    lines: [Line; 4],
    exchanges_total: u64,
}

/// Exchanges that may wait for a free call, per call under way; more are refused and tried again later.
const WAITING_PER_CALL: usize = 64;

impl PgWorker {
    /// A worker without calls.
    #[must_use]
    pub fn new(ports: Ports, gates: Gates, settings: PgWorkerSettings) -> Self {
        Self { ports, gates, settings, lines: Default::default(), exchanges_total: 0 }
    }

    fn line(&mut self, kind: OperationKind) -> &mut Line {
        let [authorize, capture, void, refund] = &mut self.lines;
        match kind {
            OperationKind::Authorize => authorize,
            OperationKind::Capture => capture,
            OperationKind::Void => void,
            OperationKind::Refund => refund,
        }
    }

    fn accept(&mut self, exchange: Exchange, ctx: &mut Ctx<Self>) {
        let most = self.settings.concurrency.max(1);
        let line = self.line(exchange.request.key.kind);
        if line.under_way < most {
            line.under_way += 1;
            self.begin(exchange, ctx);
        } else if line.waiting.len() < most * WAITING_PER_CALL {
            line.waiting.push_back(exchange);
        } else {
            exchange.reply.send(Finding::Unsent(Refusal::NotPermitted));
        }
    }

    fn begin(&mut self, exchange: Exchange, ctx: &mut Ctx<Self>) {
        self.exchanges_total += 1;
        let kind = exchange.request.key.kind;
        let (ports, gate) = (self.ports.clone(), std::sync::Arc::clone(self.gates.pg(kind)));
        let limit = self.settings.timeout_of(kind);
        ctx.spawn(async move {
            exchange::run(&ports, &gate, limit, exchange).await;
            PgWorkerMessage::Ended(kind)
        });
    }

    fn ended(&mut self, kind: OperationKind, ctx: &mut Ctx<Self>) {
        let line = self.line(kind);
        // Somebody who no longer waits has gone; its payment asks again when it is loaded.
        while line.waiting.front().is_some_and(|waiting| waiting.reply.is_abandoned()) {
            line.waiting.pop_front();
        }
        match line.waiting.pop_front() {
            Some(next) => self.begin(next, ctx),
            None => line.under_way -= 1,
        }
    }
}

impl Actor for PgWorker {
    type Message = PgWorkerMessage;
    type Observed = PgWorkerObserved;

    async fn handle(&mut self, message: PgWorkerMessage, ctx: &mut Ctx<Self>) -> Result<Next, Failure> {
        match message {
            PgWorkerMessage::Exchange(exchange) => self.accept(*exchange, ctx),
            PgWorkerMessage::Ended(kind) => self.ended(kind, ctx),
        }
        Ok(Next::Continue)
    }

    fn observe(&self) -> PgWorkerObserved {
        PgWorkerObserved {
            under_way: self.lines.iter().map(|line| line.under_way).sum(),
            waiting: self.lines.iter().map(|line| line.waiting.len()).sum(),
            exchanges_total: self.exchanges_total,
        }
    }
}
