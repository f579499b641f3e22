//! A new authorization: READY, with its key, before the PG is asked.

use crate::cause::{Cause, CauseKind};
use crate::command::{Authorize, Context, NewPayment};
use crate::decide::draft::Draft;
use crate::decide::{Decision, Reply};
use crate::effect::Effect;
use crate::ids::{OperationNo, Version};
use crate::money::Minor;
use crate::operation::{Operation, OperationKind};
use crate::payment::Payment;
use crate::status::Status;

/// Accepts an authorization: the payment begins in READY, and the PG is asked after the commit.
#[must_use]
pub fn accept(new: NewPayment, command: Authorize, context: &Context<'_>) -> Decision {
    let now = context.now;
    let operation =
        Operation::first_attempt(OperationNo::AUTHORIZATION, OperationKind::Authorize, command.amount, now);
    let payment = Payment {
        id: new.id,
        merchant_id: command.merchant_id,
        amount: command.amount,
        currency: command.currency,
        capture_mode: command.capture_mode,
        order_id: command.order_id,
        metadata: command.metadata,
        status: Status::Ready,
        version: Version::NONE,
        captured: Minor::ZERO,
        refunded: Minor::ZERO,
        last_event_seq: 0,
        cancel: None,
        authorization_expires_at: None,
        approval_number: None,
        hold_transaction_id: None,
        operations: vec![operation],
        authorization_key: new.key,
        created_at: now,
        updated_at: now,
    };
    let mut draft = Draft::from(payment, context);
    draft.begin(Cause::new(CauseKind::Api, "authorize"));
    draft.then(Effect::Send(OperationNo::AUTHORIZATION));
    draft.reply(Reply::WhenAuthorizationEnds);
    draft.finish()
}
