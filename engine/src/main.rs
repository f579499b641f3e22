//! The program `payment-engine`: everything it can do is a command of [`payment_engine::cli`].

use std::process::ExitCode;

/// Frees memory back to the system faster and fragments less under many small allocations than the system's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    take_memory_by_small_pages();
    payment_engine::cli::main()
}

/// The allocator asks the kernel for pages of 2 MiB, each of which is cleared as a whole when it is touched first: the first
/// requests after a start waited for a hundred megabytes to be cleared, half of which were never used.
fn take_memory_by_small_pages() {
    // A kernel without huge pages has nothing to refuse.
    #[cfg(target_os = "linux")]
    let _refused = rustix::thread::disable_transparent_huge_pages(true);
}
