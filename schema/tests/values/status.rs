//! The states and their edges, against the list that was written down apart.

#[path = "../support/edges.rs"]
mod edges;

use payment_schema::status::Status;

#[test]
fn edges_are_those_of_the_rules() {
    for from in Status::ALL {
        for to in Status::ALL {
            assert_eq!(from.may_become(to), edges::is_edge(from, to), "{from} to {to}");
        }
    }
    assert_eq!(edges::CHANGES.len(), 18);
}

#[test]
fn each_state_is_terminal_resting_or_somebody_moves_next() {
    for status in Status::ALL {
        assert_eq!(status.is_terminal(), edges::TERMINAL.contains(&status), "{status}");
        assert!(!(status.is_terminal() && status.is_resting()), "{status}");
    }
    let resting: Vec<Status> = Status::ALL.into_iter().filter(|status| status.is_resting()).collect();
    assert_eq!(resting, [Status::Authorized, Status::Captured, Status::PartialRefunded]);
}

#[test]
fn names_are_read_as_they_are_written() {
    for status in Status::ALL {
        assert_eq!(Status::parse(status.as_str()), Ok(status));
        assert_eq!(serde_json::to_value(status).expect("is JSON"), status.as_str());
    }
    for name in ["", "ready", "Ready", "REFUND", "PARTIALLY_REFUNDED", " READY"] {
        assert!(Status::parse(name).is_err(), "{name}");
    }
}
