//! One payment and what the world around it keeps: letters, stored answers, movements. Every decision passes through
//! here and is held against the laws before it counts.

use std::collections::{BTreeMap, BTreeSet};

use payment_schema::command::{Authorize, Command, Context, NewPayment};
use payment_schema::dead_letter::{LetterChange, LetterStatus};
use payment_schema::decide::{Decision, Verdict, accept_authorization, decide};
use payment_schema::event::Event;
use payment_schema::ids::{MerchantId, PaymentId, TraceId};
use payment_schema::ledger::{Movement, Unpostable};
use payment_schema::operation::Progress;
use payment_schema::payment::Payment;
use payment_schema::problem::Rejection;
use payment_schema::representation::AnswerKind;
use payment_schema::rules::{Jitter, Rules};
use payment_schema::text::IdempotencyKey;
use payment_schema::time::Timestamp;
use payment_schema::topic::Topic;
use payment_schema::transition::Transition;

use crate::{laws, schemas};

/// The moment every world begins.
pub(crate) const BEGINNING: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// A payment in its world.
pub(crate) struct World {
    pub(crate) payment: Payment,
    pub(crate) now: Timestamp,
    pub(crate) rules: Rules,
    pub(crate) history: Vec<Transition>,
    pub(crate) events: Vec<Event>,
    letters: BTreeMap<String, LetterStatus>,
    answers: BTreeMap<String, AnswerKind>,
    movements: Vec<Movement>,
}

impl World {
    /// Accepts an authorization.
    pub(crate) fn begin(command: Authorize, key: &str, rules: Rules) -> (Self, Decision) {
        let slot = command.merchant_id.slot();
        let new = NewPayment { id: PaymentId::new(1, slot), key: parse_key(key) };
        let now = BEGINNING;
        let decision = accept_authorization(new, command, &context(&rules, now, None));
        laws::check_first_step(&decision);
        let mut world = Self {
            payment: decision.payment.clone(),
            now,
            rules,
            history: Vec::new(),
            events: Vec::new(),
            letters: BTreeMap::new(),
            answers: BTreeMap::new(),
            movements: Vec::new(),
        };
        world.keep(&decision);
        (world, decision)
    }

    /// Decides a command and keeps what it changes.
    pub(crate) fn apply(&mut self, command: &Command, key: Option<&str>) -> Result<Verdict, Rejection> {
        let key = key.map(parse_key);
        let context = context(&self.rules, self.now, key.as_ref());
        let verdict = decide(&self.payment, command, &context);
        assert_eq!(
            verdict,
            decide(&self.payment, command, &context),
            "a decision depends on its arguments alone"
        );
        match &verdict {
            Ok(Verdict::Commit(decision)) => {
                laws::check_step(&self.payment, command, decision, self.now);
                self.payment = decision.payment.clone();
                self.keep(decision);
            }
            Ok(Verdict::Unchanged(effects)) => laws::check_effects(&self.payment, effects),
            Ok(Verdict::Repeat(_)) => {}
            Err(rejection) => assert_eq!(rejection.payment_id, Some(self.payment.id)),
        }
        verdict
    }

    fn keep(&mut self, decision: &Decision) {
        self.history.extend(decision.transitions.iter().cloned());
        self.events.extend(decision.events.iter().cloned());
        for event in &decision.events {
            let value = serde_json::from_slice(&event.to_json()).expect("an event is JSON");
            schemas::check(event.kind.topic(), &value);
            self.post(event.kind.topic(), &event.to_json());
        }
        for change in &decision.letters {
            self.keep_letter(change);
        }
        for answer in &decision.answers {
            let earlier = self.answers.insert(answer.key.to_string(), answer.kind);
            assert!(
                earlier.is_none_or(|earlier| earlier == answer.kind),
                "key {} had the answer {earlier:?} and gets {:?}",
                answer.key,
                answer.kind
            );
        }
        laws::check_payment(&self.payment, self.now, &self.rules);
        self.check_letters();
        self.check_ledger();
    }

    /// Every letter that was ever written.
    pub(crate) fn letter_ids(&self) -> impl Iterator<Item = &String> {
        self.letters.keys()
    }

    fn keep_letter(&mut self, change: &LetterChange) {
        match change {
            LetterChange::Open(letter) => {
                schemas::check(letter.topic, &letter.body);
                let earlier = self.letters.insert(letter.id.clone(), letter.status);
                assert_eq!(earlier, None, "letter {} is written once", letter.id);
            }
            LetterChange::Close { id, status, .. } => {
                assert_ne!(*status, LetterStatus::Open, "a letter is closed for good");
                let earlier = self.letters.insert(id.clone(), *status);
                assert_eq!(earlier, Some(LetterStatus::Open), "only an open letter is closed: {id}");
            }
        }
    }

    /// A dead-lettered operation has one open letter, any other none; letters about contradictions stand apart.
    fn check_letters(&self) {
        let open = |id: &String| self.letters.get(id) == Some(&LetterStatus::Open);
        let named: Vec<String> = (self.payment.operations.iter())
            .filter(|operation| operation.progress == Progress::DeadLettered)
            .map(|operation| operation.dead_letter_id(self.payment.id))
            .collect();
        assert!(named.iter().all(open), "a dead-lettered operation has an open letter");
        let others = self.letters.keys().filter(|id| open(id) && !id.contains("contradiction"));
        assert_eq!(others.count(), named.len(), "every open letter belongs to a dead-lettered operation");
    }

    fn post(&mut self, topic: Topic, value: &[u8]) {
        match Movement::from_record(topic, value) {
            Ok(movement) => self.movements.push(movement),
            Err(Unpostable::WrongTopic(_)) => {}
            Err(error) => panic!("{topic}: {error}"),
        }
    }

    /// The movements told of are the payment's amounts, one movement per operation.
    fn check_ledger(&self) {
        let sum = |is_capture: bool| -> u64 {
            let of_kind =
                |movement: &&Movement| movement.debit.0.starts_with("merchant_receivable") == is_capture;
            self.movements.iter().filter(of_kind).map(|movement| movement.amount.get()).sum()
        };
        assert_eq!(sum(true), self.payment.captured.get(), "captures posted are the captured amount");
        assert_eq!(sum(false), self.payment.refunded.get(), "refunds posted are the refunded amount");
        let operations: BTreeSet<_> = self.movements.iter().map(|movement| movement.operation_no).collect();
        assert_eq!(operations.len(), self.movements.len(), "one movement per operation");
    }
}

/// The merchant of every world.
pub(crate) fn merchant() -> MerchantId {
    MerchantId::parse("shop-1").expect("a valid merchant id")
}

fn parse_key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).expect("a valid key")
}

fn context<'a>(rules: &'a Rules, now: Timestamp, key: Option<&'a IdempotencyKey>) -> Context<'a> {
    Context { rules, now, jitter: Jitter(0.5), trace_id: TraceId::new(7), key }
}
