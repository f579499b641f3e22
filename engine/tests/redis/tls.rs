//! `rediss://`: encrypted, and only with the one it claims to be.

use crate::parts::{LIMITS, Node, answer, merchant, server, settings};
use crate::tls_front::start;

#[tokio::test]
#[ignore = "needs Redis: set REDIS_HOST and REDIS_PORT and run with --include-ignored"]
async fn tls_is_spoken_with_the_one_that_is_meant_only() {
    let (address, authority) = start("localhost", server()).await;
    let (_, another_authority) = start("localhost", server()).await;
    let port = address.port();
    let cases = [
        ("localhost", authority.clone(), true),
        // A certificate for another name, and one that nobody trusted has signed.
        ("127.0.0.1", authority, false),
        ("localhost", another_authority, false),
    ];
    for (host, trusted, is_meant) in cases {
        let mut settings = settings("unused");
        settings.url = format!("rediss://{host}:{port}").parse().expect("a url");
        settings.authorities = Some(trusted);
        let node = Node::start(&settings, LIMITS).await;
        let acme = merchant("acme");
        node.remember(&acme, "k", &answer("{}")).await;
        assert_eq!(node.known(&acme, "k").await, Some(answer("{}")));
        assert_eq!(node.decided_alone() == 0, is_meant, "{host}");
    }
}
