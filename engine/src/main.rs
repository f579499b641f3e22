//! The program `payment-engine`: everything it can do is a command of [`payment_engine::cli`].

use std::process::ExitCode;

/// Frees memory back to the system faster and fragments less under many small allocations than the system's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    payment_engine::cli::main()
}
