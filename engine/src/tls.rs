//! Which implementation of TLS the program uses: rustls on ring, for MariaDB, Redis and the payment gateway alike.
//!
//! Owns the choice, made once per process. Kafka is apart: librdkafka knows OpenSSL only (feature `kafka-tls`).

/// Makes the choice unless it was made before. Every client of HTTP needs it, those of plain HTTP too.
pub fn choose_ring() {
    // Whoever came first has chosen for the process; every choice is ring here.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
