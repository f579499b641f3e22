//! The actors of the breakers.
//!
//! Each owns what its gate does by itself or on command; callers never send it a message.

use std::sync::Arc;

use serde::Serialize;

use super::{Gate, Gates};
use crate::api::BreakerCommand;
use crate::ports::meter::{Measure, Meter};
use crate::supervision::{Actor, ChildSpec, Ctx, Failure, Message, Next, Reply};

/// One dependency's breaker.
pub struct Breaker {
    gate: Arc<Gate>,
    meter: Arc<dyn Meter>,
}

/// Messages of a breaker.
pub enum BreakerMessage {
    /// The gate changed its state, or its open time is over.
    Look,
    /// An operator commands.
    Command(BreakerCommand, Reply<()>),
}

impl Message for BreakerMessage {
    fn label(&self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Command(..) => "command",
        }
    }
}

/// What operators see of a breaker in the tree.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BreakerObserved {
    state: &'static str,
    failure_rate: String,
    slow_call_rate: String,
    number_of_not_permitted_calls: u64,
}

impl Breaker {
    fn watch(&self, ctx: &mut Ctx<Self>) {
        let gate = Arc::clone(&self.gate);
        let handle = ctx.handle();
        ctx.spawn_detached(async move {
            loop {
                gate.changed().await;
                if handle.tell(BreakerMessage::Look).is_err() {
                    return;
                }
            }
        });
    }

    fn look(&self, ctx: &mut Ctx<Self>) {
        if let Some(rest) = self.gate.half_open_when_due() {
            ctx.after(rest, BreakerMessage::Look);
        }
        self.meter.record(Measure::BreakerState { name: self.gate.name(), code: self.gate.state().code() });
    }
}

impl Actor for Breaker {
    type Message = BreakerMessage;
    type Observed = BreakerObserved;

    async fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Failure> {
        self.watch(ctx);
        self.look(ctx);
        Ok(())
    }

    async fn handle(&mut self, message: BreakerMessage, ctx: &mut Ctx<Self>) -> Result<Next, Failure> {
        match message {
            BreakerMessage::Look => self.look(ctx),
            BreakerMessage::Command(command, reply) => {
                self.gate.command(command);
                reply.send(());
            }
        }
        Ok(Next::Continue)
    }

    fn observe(&self) -> BreakerObserved {
        let view = self.gate.view();
        BreakerObserved {
            state: view.state,
            failure_rate: view.failure_rate,
            slow_call_rate: view.slow_call_rate,
            number_of_not_permitted_calls: view.number_of_not_permitted_calls,
        }
    }
}

/// Supervises the breakers.
pub struct Breakers {
    gates: Gates,
    meter: Arc<dyn Meter>,
    children: Vec<(&'static str, crate::supervision::Handle<Breaker>)>,
}

/// Messages of the breakers' supervisor.
pub enum BreakersMessage {
    /// An operator commands one breaker; answers whether there is one of that name.
    Command(String, BreakerCommand, Reply<bool>),
}

impl Message for BreakersMessage {
    fn label(&self) -> &'static str {
        match self {
            Self::Command(..) => "command",
        }
    }
}

impl Breakers {
    /// Breakers over these gates.
    #[must_use]
    pub fn new(gates: Gates, meter: Arc<dyn Meter>) -> Self {
        Self { gates, meter, children: Vec::new() }
    }
}

impl Actor for Breakers {
    type Message = BreakersMessage;
    type Observed = usize;

    async fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Failure> {
        for gate in self.gates.all() {
            let (gate, meter) = (Arc::clone(gate), Arc::clone(&self.meter));
            let name = gate.name();
            let factory = move || Breaker { gate: Arc::clone(&gate), meter: Arc::clone(&meter) };
            self.children.push((name, ctx.start_child(ChildSpec::new(name, "breaker", factory))));
        }
        Ok(())
    }

    async fn handle(&mut self, message: BreakersMessage, ctx: &mut Ctx<Self>) -> Result<Next, Failure> {
        let BreakersMessage::Command(name, command, reply) = message;
        match self.children.iter().find(|(known, _)| *known == name) {
            Some((_, breaker)) => {
                let asked = breaker.ask(|done| BreakerMessage::Command(command, done));
                ctx.spawn_detached(async move { reply.send(asked.await.is_ok()) });
            }
            None => reply.send(false),
        }
        Ok(Next::Continue)
    }

    fn observe(&self) -> usize {
        self.children.len()
    }
}
