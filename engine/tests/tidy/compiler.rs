//! A missing compiler or make is named before anything is built.
//!
//! Owns the proof: cargo's first question to rustc goes through `.cargo/with-c-compiler`, and is put to it here with a
//! `PATH` that lacks one thing each, holds a broken one, and is the tester's own.

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

/// A folder with what the wrapper itself needs and these programs.
fn folder_with(programs: &[&str]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for program in ["bash", "echo"].iter().chain(programs) {
        symlink(find(program), folder.path().join(program)).expect("a link");
    }
    folder
}

/// A stand-in for a program, in place of what is there.
fn put(folder: &Path, program: &str, script: &str) {
    let place = folder.join(program);
    // What is missing cannot be in the way.
    let _ = std::fs::remove_file(&place);
    std::fs::write(&place, format!("#!/usr/bin/env bash\n{script}\n")).expect("a script");
    std::fs::set_permissions(&place, PermissionsExt::from_mode(0o755)).expect("a script can be executable");
}

fn assert_refused(asked: &Output, part: &str) {
    let told = String::from_utf8_lossy(&asked.stderr);
    assert!(!asked.status.success() && asked.stdout.is_empty(), "{asked:?}");
    assert!(told.contains(part) && told.contains("apt-get install gcc g++ make"), "{told}");
}

#[test]
fn what_is_missing_is_named() {
    let all = ["cc", "c++", "make", "cat"];
    for (missing, part) in
        [("cc", "no cc in PATH"), ("c++", "no c++ in PATH"), ("make", "make, and there is none")]
    {
        let folder = folder_with(&all.into_iter().filter(|program| *program != missing).collect::<Vec<_>>());
        for compiler in ["cc", "c++"].into_iter().filter(|program| *program != missing) {
            put(folder.path(), compiler, "cat >/dev/null");
        }
        assert_refused(&ask(folder.path().into()), part);
    }
}

#[test]
fn a_compiler_that_cannot_compile_is_named() {
    for (broken, part) in [("cc", "cc cannot build a program"), ("c++", "c++ cannot build a program")] {
        let folder = folder_with(&["make", "cat"]);
        for compiler in ["cc", "c++"] {
            put(folder.path(), compiler, "cat >/dev/null");
        }
        put(folder.path(), broken, "cat >/dev/null; echo 'stdio.h: not found' >&2; exit 1");
        assert_refused(&ask(folder.path().into()), part);
    }
}

#[test]
fn with_a_compiler_rustc_is_asked() {
    let asked = ask(std::env::var_os("PATH").expect("tests run with a PATH"));
    assert!(asked.status.success(), "{asked:?}");
    assert_eq!(String::from_utf8_lossy(&asked.stdout), "-vV\n");
}
