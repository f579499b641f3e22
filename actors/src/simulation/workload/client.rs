//! One client of a merchant: a series of payments' lives, some at the same time.

use std::cell::RefCell;
use std::rc::Rc;

use futures_util::future::join_all;
use payment_schema::ids::MerchantId;
use tokio::time::sleep;

use super::life::Life;
use super::requests::Line;
use crate::simulation::dice::Purpose;
use crate::simulation::history::History;
use crate::simulation::nodes::Nodes;

/// One client.
pub(in crate::simulation) struct Client {
    number: u32,
    line: Line,
}

impl Client {
    /// The client with this number; few merchants share many clients.
    pub(in crate::simulation) fn new(
        number: u32,
        merchants: u32,
        nodes: Rc<Nodes>,
        history: Rc<RefCell<History>>,
    ) -> Self {
        let dice = nodes.world().environment.dice(Purpose::Client(number));
        let merchant_id =
            MerchantId::parse(&format!("merchant-{}", number % merchants)).expect("a short plain name");
        let line = Line { nodes, history, dice: Rc::new(RefCell::new(dice)), merchant_id };
        Self { number, line }
    }

    /// Lives so many payments' lives, then goes home.
    pub(in crate::simulation) async fn run(self, lives: u64) {
        let mut number = 0;
        while number < lives && !self.line.environment().is_calm() {
            let at_once = {
                let mut dice = self.line.dice.borrow_mut();
                if dice.chance(0.3) { dice.number(2, 3) } else { 1 }
            };
            let group = number..number + at_once;
            join_all(group.map(|life| Life::new(self.number, life, self.line.clone()).run())).await;
            number += at_once;
            let pause = self.line.dice.borrow_mut().millis(0, 3_000);
            sleep(pause).await;
        }
    }
}
