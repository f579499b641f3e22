//! Payments' lives written into a store, its topics, its ledger and a gateway's record, as engines would leave them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use payment_actors::ports::Store;
use payment_actors::ports::event_log::{EventLog, Record};
use payment_actors::ports::journal_store::{Append, AppendOutcome, AuditEntry, OutboxRecord};
use payment_engine::check::{self, Evidence, EvidenceError, PgRecord, Report, World};
use payment_schema::command::{
    Authorize, Cancel, Capture, Command, Context, NewPayment, Refund, ResolvedOutcome,
};
use payment_schema::currency::Currency;
use payment_schema::decide::{Decision, Verdict, accept_authorization, decide};
use payment_schema::ids::{MerchantId, PaymentId, TraceId};
use payment_schema::ledger::Movement;
use payment_schema::money::Amount;
use payment_schema::operation::Operation;
use payment_schema::payment::{CaptureMode, Payment};
use payment_schema::pg::{Approval, Finding, NO_SUCH_HOLD, Negative, Report as PgReport, Source};
use payment_schema::rules::{Jitter, Rules};
use payment_schema::text::{IdempotencyKey, Metadata, Reason};
use payment_schema::time::Timestamp;
use payment_schema::topic::Topic;
use tempfile::TempDir;

use crate::parts::{Adapters, Parts, Raw};

pub(crate) const MERCHANT: &str = "shop-1";

/// A world that fills with lives.
pub(crate) struct Books {
    parts: Parts,
    stores: Vec<Arc<dyn Store>>,
    log: Arc<dyn EventLog>,
    rules: Rules,
    pub(crate) now: Timestamp,
    record: Vec<serde_json::Value>,
    /// In the order of their publication; they are written before the check, so that they can be changed until then.
    topics: Vec<Published>,
    publishes: bool,
}

/// A record on its way into a topic.
#[derive(Debug, Clone)]
pub(crate) enum Published {
    /// As an engine publishes it.
    Event(Record),
    /// As it should not be.
    Raw(Raw),
}

impl Published {
    /// The topic.
    pub(crate) fn topic(&self) -> Topic {
        match self {
            Self::Event(record) => record.topic,
            Self::Raw(raw) => raw.topic,
        }
    }

    /// Whether its key is this payment.
    pub(crate) fn is_of(&self, id: u64) -> bool {
        let key: &[u8] = match self {
            Self::Event(record) => &record.key,
            Self::Raw(raw) => &raw.key,
        };
        key == id.to_string().as_bytes()
    }

    /// The same record, to be changed.
    pub(crate) fn raw(&mut self) -> &mut Raw {
        if let Self::Event(record) = self {
            let headers = [
                ("eventId", record.event_id.to_string()),
                ("traceparent", record.traceparent.clone()),
                ("schemaVersion", "1".to_owned()),
            ];
            *self = Self::Raw(Raw {
                topic: record.topic,
                partition: 0,
                key: record.key.to_vec(),
                headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
                value: record.payload.to_vec(),
            });
        }
        match self {
            Self::Raw(raw) => raw,
            Self::Event(_) => unreachable!("it was made one"),
        }
    }
}

/// One payment whose life is being written.
pub(crate) struct Life<'a> {
    books: &'a mut Books,
    pub(crate) payment: Payment,
}

impl Books {
    /// In the embedded store.
    pub(crate) fn embedded() -> Self {
        Self::new(Parts::embedded())
    }

    /// In this many databases on a server, and topics.
    pub(crate) async fn real(databases: usize) -> Self {
        Self::new(Parts::real(databases).await)
    }

    fn new((parts, adapters): (Parts, Adapters)) -> Self {
        let now = Timestamp::from(chrono::Utc::now());
        let Adapters { stores, log } = adapters;
        let (record, topics) = (Vec::new(), Vec::new());
        Self { parts, stores, log, rules: Rules::default(), now, record, topics, publishes: true }
    }

    /// Where a payment is kept.
    fn store(&self, id: PaymentId) -> &Arc<dyn Store> {
        let place = (id.get() >> 10) % u64::try_from(self.stores.len()).expect("a small number");
        &self.stores[usize::try_from(place).expect("a small number")]
    }

    /// From now on events stay in the outbox.
    pub(crate) fn stop_publishing(&mut self) {
        self.publishes = false;
    }

    /// A payment of 1,000 USD in READY.
    pub(crate) async fn ready(&mut self, sequence: u64) -> Life<'_> {
        let merchant_id = MerchantId::parse(MERCHANT).expect("a merchant");
        let command = Authorize {
            merchant_id: merchant_id.clone(),
            amount: amount(1_000),
            currency: Currency::parse("USD").expect("a currency"),
            capture_mode: CaptureMode::Manual,
            order_id: None,
            metadata: Metadata::default(),
        };
        let id = PaymentId::new(sequence, merchant_id.slot());
        let key = IdempotencyKey::parse(&format!("key-{sequence}")).expect("a key");
        let rules = self.rules.clone();
        let decision = accept_authorization(NewPayment { id, key }, command, &context(&rules, self.now));
        let payment = decision.payment.clone();
        self.commit(&decision, None).await;
        Life { books: self, payment }
    }

    /// A payment of 1,000 USD that the gateway holds.
    pub(crate) async fn authorized(&mut self, sequence: u64) -> Life<'_> {
        let mut life = self.ready(sequence).await;
        life.approve().await;
        life
    }

    /// One whose 800 were captured.
    pub(crate) async fn captured(&mut self, sequence: u64) -> Life<'_> {
        let mut life = self.authorized(sequence).await;
        life.capture(800).await;
        life.approve().await;
        life
    }

    async fn commit(&mut self, decision: &Decision, audit: Option<AuditEntry>) {
        let outbox = outbox(decision);
        let append = Append {
            payment: Arc::new(decision.payment.clone()),
            expected: decision.expected,
            token: 1,
            transitions: decision.transitions.clone(),
            outbox: outbox.clone(),
            letters: decision.letters.clone(),
            key: None,
            answers: Vec::new(),
            requests: decision.payment.operations[1..].to_vec(),
            due: decision.payment.due(self.now, &self.rules),
            audit,
        };
        let outcome = self.store(decision.payment.id).append(&[append]).await.expect("a commit");
        assert_eq!(outcome, [AppendOutcome::Committed]);
        if self.publishes {
            self.publish(&outbox).await;
        }
    }

    async fn publish(&mut self, outbox: &[OutboxRecord]) {
        for record in outbox {
            let store = self.store(record.payment_id);
            store.mark_published(0, &[record.key()], self.now).await.expect("marked");
            if matches!(record.topic, Topic::Captured | Topic::Refunded) {
                let movement = Movement::from_record(record.topic, &record.payload).expect("a movement");
                store.post(&[movement], self.now).await.expect("posted");
            }
            self.topics.push(Published::Event(Record {
                topic: record.topic,
                key: Bytes::from(record.payment_id.to_string()),
                event_id: record.event_id,
                traceparent: record.trace_id.traceparent(1),
                payload: record.payload.clone(),
            }));
        }
    }

    /// Writes what waits into the topics. Says where the records stand that were changed.
    pub(crate) async fn fill_topics(&mut self) -> Vec<String> {
        let mut places = Vec::new();
        let mut batch = Vec::new();
        for published in std::mem::take(&mut self.topics) {
            match published {
                Published::Event(record) => batch.push(record),
                Published::Raw(raw) => {
                    self.publish_batch(&mut batch).await;
                    let offset = self.parts.write(&raw).await;
                    places.push(format!("{}-{}-{offset}", raw.topic, raw.partition));
                }
            }
        }
        self.publish_batch(&mut batch).await;
        places
    }

    async fn publish_batch(&self, batch: &mut Vec<Record>) {
        let outcomes = self.log.publish(&std::mem::take(batch)).await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    }

    /// Writes what the gateway recorded for an operation's current attempt.
    fn keep(&mut self, payment: &Payment, operation: &Operation, status: &str, code: Option<&str>) {
        let seq = self.record.len() + 1;
        self.record.push(serde_json::json!({"seq": seq, "answer": {
            "key": operation.pg_key(payment.id).to_string(), "operation": operation.kind.as_str(),
            "paymentId": payment.id, "merchantId": payment.merchant_id, "status": status,
            "amount": operation.amount, "currency": payment.currency, "transactionId": "tx",
            "approvalNumber": null, "responseCode": code, "responseMessage": "", "retryable": true,
            "expiresAt": null, "at": self.now,
        }}));
    }

    /// Changes the databases as no engine would.
    pub(crate) async fn tamper(&self, sql: &str) {
        self.parts.tamper(sql).await;
    }

    /// Changes the gateway's record.
    pub(crate) fn tamper_record(&mut self, change: impl FnOnce(&mut Vec<serde_json::Value>)) {
        change(&mut self.record);
    }

    /// Changes what waits for the topics.
    pub(crate) fn tamper_topics(&mut self, change: impl FnOnce(&mut Vec<Published>)) {
        change(&mut self.topics);
    }

    /// Lets the brokers delete a topic's records.
    pub(crate) async fn forget(&self, topic: Topic) {
        match &self.parts {
            Parts::Embedded(_) => panic!("an event log inside deletes nothing"),
            Parts::Real { topics, .. } => topics.forget(topic).await,
        }
    }

    /// What a check reads.
    pub(crate) fn world(&self) -> World {
        self.parts.world()
    }

    /// Checks as if it were that late.
    pub(crate) async fn check_at(&mut self, now: Timestamp) -> Report {
        self.fill_topics().await;
        self.look(move |evidence, pg| check::run(evidence, pg, now)).await
    }

    /// Reads the evidence, which blocks.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Evidence, &PgRecord) -> Result<T, EvidenceError> + Send + 'static,
    ) -> T {
        let lines: String = self.record.iter().map(|line| format!("{line}\n")).collect();
        let world = self.world();
        let looked = tokio::task::spawn_blocking(move || {
            let dir = TempDir::new().expect("a folder");
            let file = dir.path().join("record.jsonl");
            std::fs::write(&file, lines).expect("a record");
            let evidence = Evidence::open(world, |_| {}).expect("evidence");
            look(&evidence, &PgRecord::File(file)).expect("the sources are read")
        });
        looked.await.expect("the check ends")
    }

    /// Checks at once.
    pub(crate) async fn check(&mut self) -> Report {
        self.check_at(self.now).await
    }

    /// Checks after everything unfinished has become old.
    pub(crate) async fn check_later(&mut self) -> Report {
        self.check_at(self.now.plus(Duration::from_secs(3_600))).await
    }
}

impl Life<'_> {
    async fn command(&mut self, command: Command, audit: Option<AuditEntry>) {
        let rules = self.books.rules.clone();
        let now = self.books.now;
        let verdict = decide(&self.payment, &command, &context(&rules, now)).expect("the rules allow it");
        let Verdict::Commit(decision) = verdict else { panic!("{command:?} changes nothing: {verdict:?}") };
        self.payment = decision.payment.clone();
        self.books.commit(&decision, audit).await;
    }

    pub(crate) async fn capture(&mut self, minor: u64) {
        self.command(Command::Capture(Capture { amount: Some(amount(minor)) }), None).await;
    }

    pub(crate) async fn refund(&mut self, minor: u64) {
        let reason = Reason::parse(&format!("part {minor}")).expect("a reason");
        self.command(Command::Refund(Refund { amount: Some(amount(minor)), reason }), None).await;
    }

    pub(crate) async fn cancel(&mut self) {
        let reason = Reason::parse("changed my mind").expect("a reason");
        self.command(Command::Cancel(Cancel { reason }), None).await;
    }

    /// The operation that is open.
    fn open(&self) -> Operation {
        self.payment.open_operations().last().expect("an open operation").clone()
    }

    async fn report(&mut self, finding: Finding) {
        let operation = self.open();
        let report = PgReport { source: Source::Answer, finding };
        let command = Command::PgReport { operation_no: operation.no, attempt: operation.attempt, report };
        self.command(command, None).await;
    }

    /// The gateway records an approval of the open operation, and the engine hears of it.
    pub(crate) async fn approve(&mut self) {
        let operation = self.open();
        self.books.keep(&self.payment, &operation, "approved", None);
        self.report(Finding::Approved(Approval { transaction_id: Some("tx".into()), ..Approval::default() }))
            .await;
    }

    /// The gateway records a refusal, and the engine hears of it.
    pub(crate) async fn refuse(&mut self, code: &str, retryable: bool) {
        let operation = self.open();
        let status = if code == NO_SUCH_HOLD || !retryable { "declined" } else { "failed" };
        self.books.keep(&self.payment, &operation, status, Some(code));
        let failed = status == "failed";
        let negative = Negative { failed, code: code.into(), message: None, retryable };
        self.report(Finding::Negative(negative)).await;
    }

    /// The engine hears nothing that can be trusted.
    pub(crate) async fn hear_nothing(&mut self) {
        self.report(Finding::Unknown("no answer in time")).await;
    }

    /// The gateway never saw the authorization of a payment that is to end: a void by its key starts.
    pub(crate) async fn not_seen(&mut self) {
        self.report(Finding::NotSeen).await;
    }

    /// The delay before the next try is over.
    pub(crate) async fn retry(&mut self) {
        let operation_no = self.open().no;
        self.command(Command::RetryDue { operation_no }, None).await;
    }

    pub(crate) async fn replay(&mut self) {
        let letter_id = self.open().dead_letter_id(self.payment.id);
        self.command(Command::ReplayLetter { letter_id, reason: "again".to_owned() }, None).await;
    }

    pub(crate) async fn discard(&mut self) {
        let letter_id = self.open().dead_letter_id(self.payment.id);
        self.command(Command::DiscardLetter { letter_id, reason: "enough".to_owned() }, None).await;
    }

    /// An operator settles the open operation as approved.
    pub(crate) async fn resolve(&mut self) {
        let command = Command::Resolve {
            operation_no: self.open().no,
            outcome: ResolvedOutcome::Approved,
            pg_transaction_id: None,
            reason: "the bank says so".to_owned(),
        };
        let audit = AuditEntry {
            id: format!("audit-{}", self.payment.id),
            who: "local".to_owned(),
            what: "resolve".to_owned(),
            target: self.payment.id.to_string(),
            reason: "the bank says so".to_owned(),
            at: self.books.now,
            outcome: "done".to_owned(),
        };
        self.command(command, Some(audit)).await;
    }

    pub(crate) fn id(&self) -> u64 {
        self.payment.id.get()
    }
}

fn outbox(decision: &Decision) -> Vec<OutboxRecord> {
    let record = |event: &payment_schema::event::Event| OutboxRecord {
        event_id: event.event_id,
        payment_id: event.payment_id,
        event_seq: Some(event.event_seq),
        topic: event.kind.topic(),
        payload: Bytes::from(event.to_json()),
        trace_id: TraceId::new(1),
        at: event.occurred_at,
    };
    decision.events.iter().map(record).collect()
}

fn context(rules: &Rules, now: Timestamp) -> Context<'_> {
    Context { rules, now, jitter: Jitter(0.0), trace_id: TraceId::new(1), key: None }
}

fn amount(minor: u64) -> Amount {
    Amount::try_from(minor).expect("an amount")
}

/// Tests that take [`Books`], on the embedded parts and on real ones.
macro_rules! in_both_worlds {
    ($($test:ident),+ $(,)?) => {
        mod embedded {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(crate::books::Books::embedded()).await;
                }
            )+
        }

        mod on_mariadb_and_kafka {
            $(
                #[tokio::test]
                #[ignore = "needs MariaDB and Kafka: set PAYMENT_DB_HOST and KAFKA_BOOTSTRAP_SERVERS, run with --include-ignored"]
                async fn $test() {
                    super::$test(crate::books::Books::real(1).await).await;
                }
            )+
        }
    };
}
pub(crate) use in_both_worlds;
