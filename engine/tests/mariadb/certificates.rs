//! Encrypted connections, and whom they trust.

use std::path::Path;
use std::process::{Command, Stdio};

use payment_actors::ports::operator_store::OperatorStore;
use payment_engine::mariadb::{MariaDbOptions, MariaDbStore, OpenError};

use crate::own_server::OwnServer;
use crate::server::run;

fn openssl(directory: &Path, arguments: &str) {
    let mut command = Command::new("openssl");
    command.current_dir(directory).args(arguments.split(' ')).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().expect("openssl is on the path").success(), "openssl {arguments}");
}

/// An authority `NAME.pem`.
fn make_authority(directory: &Path, name: &str) {
    let arguments = format!(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} \
         -keyout {name}.key -out {name}.pem"
    );
    openssl(directory, &arguments);
}

/// A certificate `server.pem` for the host, by the authority.
fn make_certificate(directory: &Path, authority: &str, host: &str) {
    let request = format!(
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={host} -addext subjectAltName=DNS:{host} \
         -keyout server.key -out server.csr"
    );
    openssl(directory, &request);
    let sign = format!(
        "x509 -req -in server.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial -days 2 \
         -copy_extensions copy -out server.pem"
    );
    openssl(directory, &sign);
}

#[tokio::test]
#[ignore = "starts a MariaDB of its own: needs mariadbd and openssl, run with --include-ignored"]
async fn a_server_is_trusted_by_its_certificate_alone() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    make_authority(directory.path(), "ours");
    make_authority(directory.path(), "theirs");
    make_certificate(directory.path(), "ours", "db.example");
    let path = |name: &str| directory.path().join(name).display().to_string();
    let server = OwnServer::start(&[
        &format!("--ssl-cert={}", path("server.pem")),
        &format!("--ssl-key={}", path("server.key")),
    ])
    .await;
    let options = |host: &str, mode: &str, authority: Option<&str>| {
        let mut url = server.url("paydb");
        url.set_host(Some(host)).expect("a host");
        url.query_pairs_mut().append_pair("ssl-mode", mode);
        if let Some(authority) = authority {
            url.query_pairs_mut().append_pair("ssl-ca", &path(authority));
        }
        MariaDbOptions::from_url(&url).expect("the address is understood")
    };

    // Nobody gets in without encryption.
    run(&mut server.connect().await, "SET GLOBAL require_secure_transport = ON").await;
    for (host, mode) in [("db.example", "verify-identity"), ("elsewhere.example", "verify-ca")] {
        let store = MariaDbStore::connect(options(host, mode, Some("ours.pem"))).await.expect(host);
        store.ping().await.expect("it answers");
    }
    for (host, mode, authority) in [
        ("elsewhere.example", "verify-identity", Some("ours.pem")),
        ("db.example", "verify-identity", Some("theirs.pem")),
        ("db.example", "verify-ca", Some("theirs.pem")),
        ("db.example", "verify-identity", None),
    ] {
        let error = MariaDbStore::connect(options(host, mode, authority)).await.err().expect("not trusted");
        assert!(matches!(error, OpenError::Tls { .. }), "{host} {mode} {authority:?}: {error}");
    }
}
