//! Reads scenarios and runs them, line by line.

use crate::questions;
use crate::steps;
use crate::world::World;

/// Runs every scenario of a table; panics with all the lines that came out differently.
pub(crate) fn run(table: &str, text: &str) {
    let mut world = None;
    let mut differences = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with("==") {
            world = None;
            continue;
        }
        let (command, expected) = line.split_once('|').unwrap_or((line, ""));
        let (command, expected) = (command.trim(), expected.trim());
        let actual = step(&mut world, command).unwrap_or_else(|error| format!("cannot be read: {error}"));
        if actual != expected {
            let number = index + 1;
            differences
                .push(format!("{table}:{number}: {command}\n   expected {expected}\n   but got  {actual}"));
        }
    }
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

fn step(world: &mut Option<World>, line: &str) -> Result<String, String> {
    let mut words = line.split_whitespace();
    let verb = words.next().ok_or("empty line")?;
    let arguments: Vec<&str> = words.collect();
    if verb == "authorize" {
        let (begun, outcome) = steps::authorize(&arguments)?;
        *world = Some(begun);
        return Ok(outcome);
    }
    let world = world.as_mut().ok_or("a scenario begins with authorize")?;
    match verb {
        "time" => steps::time(world, &arguments).map(|()| String::new()),
        "rule" => steps::rule(world, &arguments).map(|()| String::new()),
        "fail" => steps::fail(world, &arguments),
        "?" => questions::answer(world, &arguments),
        _ => steps::command(world, verb, &arguments),
    }
}
