//! A missing C compiler is named before anything is built.
//!
//! Owns the proof: cargo's first question to rustc goes through `.cargo/with-c-compiler`, and is put to it here with a
//! `PATH` that holds no `cc`, a broken one, and the tester's own.

use std::ffi::OsString;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::tree::root;

/// Asks for the version of what stands in for rustc here, as cargo does.
fn ask(path: OsString) -> Output {
    let wrapper = root().join(".cargo/with-c-compiler");
    let asked = Command::new(wrapper).args(["echo", "-vV"]).env("PATH", path).output();
    asked.expect("the wrapper is executable")
}

/// Where the tester's `PATH` has a program.
fn find(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").expect("tests run with a PATH");
    let places = std::env::split_paths(&path).map(|folder| folder.join(program));
    places.into_iter().find(|place| place.is_file()).expect("the machine has the program")
}

/// A folder with what the wrapper itself needs and nothing else.
fn bare_folder() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for program in ["bash", "echo"] {
        symlink(find(program), folder.path().join(program)).expect("a link");
    }
    folder
}

fn make_broken_compiler(folder: &Path) {
    let cc = folder.join("cc");
    std::fs::write(&cc, "#!/usr/bin/env bash\necho 'stdio.h: not found' >&2\nexit 1\n").expect("a script");
    std::fs::set_permissions(&cc, PermissionsExt::from_mode(0o755)).expect("a script can be executable");
}

fn assert_refused(asked: &Output, part: &str) {
    let told = String::from_utf8_lossy(&asked.stderr);
    assert!(!asked.status.success() && asked.stdout.is_empty(), "{asked:?}");
    assert!(told.contains(part) && told.contains("apt-get install gcc"), "{told}");
}

#[test]
fn a_missing_compiler_is_named() {
    let folder = bare_folder();
    assert_refused(&ask(folder.path().into()), "there is no cc in PATH");
}

#[test]
fn a_compiler_that_cannot_compile_is_named() {
    let folder = bare_folder();
    make_broken_compiler(folder.path());
    assert_refused(&ask(folder.path().into()), "cc cannot build a program");
}

#[test]
fn with_a_compiler_rustc_is_asked() {
    let asked = ask(std::env::var_os("PATH").expect("tests run with a PATH"));
    assert!(asked.status.success(), "{asked:?}");
    assert_eq!(String::from_utf8_lossy(&asked.stdout), "-vV\n");
}
