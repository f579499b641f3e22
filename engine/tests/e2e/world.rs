//! The two worlds an engine runs in, and tests that hold in both.

/// Where an engine keeps what it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum World {
    /// In its data directory.
    Embedded,
    /// On MariaDB, Kafka and Redis.
    Real,
}

/// Makes two tests of each function from a [`World`].
macro_rules! on_both_worlds {
    ($($name:ident),+ $(,)?) => {
        mod on_the_embedded_parts {
            $(
                #[actix_rt::test]
                async fn $name() {
                    super::$name(crate::world::World::Embedded).await;
                }
            )+
        }

        mod on_the_real_parts {
            $(
                #[actix_rt::test]
                #[ignore = "needs the real parts: compose/native test runs it"]
                async fn $name() {
                    super::$name(crate::world::World::Real).await;
                }
            )+
        }
    };
}

pub(crate) use on_both_worlds;
