//! Starting and ending.

use std::net::TcpListener;

use serde_json::json;

use crate::client::Merchant;
use crate::engine::Engine;
use crate::process::program;
use crate::world::{World, on_both_worlds};

on_both_worlds! {
    an_orderly_end_exits_with_zero_and_keeps_everything,
}

#[actix_rt::test]
async fn a_second_engine_on_one_data_directory_is_refused() {
    let engine = Engine::start(World::Embedded);
    let second = program(&engine.data_dir(), &[])
        .args(["--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0", "--pg-listen", "127.0.0.1:0"])
        .output()
        .expect("the program runs");
    assert_eq!(second.status.code(), Some(1));
    let words = String::from_utf8_lossy(&second.stderr);
    assert!(words.contains("data") && words.lines().count() == 1, "{words}");
}

#[actix_rt::test]
async fn a_taken_port_is_named_with_its_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    for flag in ["--listen", "--operator-listen", "--pg-listen"] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut command = program(dir.path(), &[]);
        for other in ["--listen", "--operator-listen", "--pg-listen"] {
            command.args([other, if other == flag { &address } else { "127.0.0.1:0" }]);
        }
        let output = command.output().expect("the program runs");
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{flag}: {words}");
        assert!(words.contains(&address) && words.contains(flag), "{flag}: {words}");
    }
}

async fn an_orderly_end_exits_with_zero_and_keeps_everything(world: World) {
    let mut engine = Engine::start(world);
    let shop = Merchant::new(&engine, "shop-1");
    let id = shop.authorized("a", 1_000, json!({})).await;
    assert_eq!(shop.command("capture", id, json!({})).await.status, 200);
    assert_eq!(engine.terminate().code(), Some(0), "{}", engine.log());
    engine.restart();
    Merchant::new(&engine, "shop-1").until_status(id, "CAPTURED").await;
}

#[test]
fn wrong_usage_exits_with_two_and_one_sentence() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let output = program(dir.path(), &[]).arg("--no-such-flag").output().expect("the program runs");
    assert_eq!(output.status.code(), Some(2));
}
