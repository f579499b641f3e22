//! `rediss://`: encrypted, and only with the one it claims to be.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::parts::{LIMITS, Node, answer, merchant, server, settings};

/// Takes TLS off in front of the server, under this name.
async fn start(name: &str) -> (SocketAddr, Vec<u8>) {
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("signed");
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new([name.to_owned()])
        .expect("parameters")
        .signed_by(&key, &authority)
        .expect("signed");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("the key fits");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it has an address");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust us goes away; so does this task.
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let mut server = TcpStream::connect(server()).await.expect("redis is there");
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (address, authority.pem().into_bytes())
}

#[tokio::test]
#[ignore = "needs Redis: set REDIS_HOST and REDIS_PORT and run with --include-ignored"]
async fn tls_is_spoken_with_the_one_that_is_meant_only() {
    let (address, authority) = start("localhost").await;
    let (_, another_authority) = start("localhost").await;
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
