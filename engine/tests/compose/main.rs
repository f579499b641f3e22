//! What `compose/` promises, as far as it can be shown without containers and without the real parts.
//!
//! Owns the tests of the compose file, the image and `compose/native`: that what they name exists and is understood,
//! that containers are kept in bounds, and that nobody else's process gets a signal. Never starts a container, and no
//! MariaDB, Redis or Kafka.

mod compose_file;
mod dockerfile;
mod files;
mod health;
mod native;
mod secrets;
mod yaml;
