//! The image: what it copies exists and is in its context, what it pins agrees with the workspace.

use payment_engine::config::catalogue;

use crate::files::{document, is_understood, root, text};

const FILE: &str = "compose/Dockerfile";

/// The instructions, in order: the word and the rest, continued lines joined.
fn instructions() -> Vec<(String, String)> {
    let joined = text(FILE).replace("\\\n", " ");
    let lines = joined.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let words = lines.map(|line| line.split_once(' ').unwrap_or((line, "")));
    words.map(|(word, rest)| (word.to_owned(), rest.trim().to_owned())).collect()
}

/// What follows each use of an instruction.
fn all(word: &str) -> Vec<String> {
    instructions().into_iter().filter(|(found, _)| found == word).map(|(_, rest)| rest).collect()
}

/// The instructions of the stage that becomes the image.
fn last_stage() -> Vec<(String, String)> {
    let all = instructions();
    let begin = all.iter().rposition(|(word, _)| word == "FROM").expect("there is a stage");
    all[begin..].to_vec()
}

fn manifest(path: &str) -> toml::Table {
    text(path).parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn stages_are_pinned_and_named() {
    let mut stages = Vec::new();
    for from in all("FROM") {
        let (base, stage) = from.split_once(" AS ").unwrap_or((&from, ""));
        let pinned =
            base.split_once(':').is_some_and(|(_, tag)| tag.starts_with(|c: char| c.is_ascii_digit()));
        assert!(pinned || stages.iter().any(|known| known == base), "{base} is neither pinned nor a stage");
        stages.push(stage.to_owned());
    }
    for copy in all("COPY") {
        if let Some(from) = copy.split_whitespace().find_map(|word| word.strip_prefix("--from=")) {
            assert!(stages.iter().any(|stage| stage == from), "nothing is built in {from}");
        }
    }
}

#[test]
fn the_compiler_is_the_one_the_workspace_asks_for() {
    let wanted = manifest("Cargo.toml")["workspace"]["package"]["rust-version"].as_str().map(str::to_owned);
    let wanted = wanted.expect("the workspace names a version");
    assert!(
        all("FROM")[0].starts_with(&format!("rust:{wanted}.")),
        "{:?} is not Rust {wanted}",
        all("FROM")[0]
    );
}

#[test]
fn the_image_runs_as_nobody_special_and_ends_in_order() {
    let last = last_stage();
    let rest = |word: &str| {
        let found: Vec<&str> =
            last.iter().filter(|(found, _)| found == word).map(|(_, rest)| rest.as_str()).collect();
        assert_eq!(found.len(), 1, "{word}: {found:?}");
        found[0].to_owned()
    };
    let user = rest("USER");
    assert!(!user.starts_with('0') && user.starts_with(|c: char| c.is_ascii_digit()), "runs as {user}");
    assert_eq!(rest("STOPSIGNAL"), "SIGTERM");
    assert_eq!(rest("ENTRYPOINT"), "[\"payment-engine\"]");
    assert!(rest("HEALTHCHECK").contains("CMD [\"healthcheck\", \"8080\", \"/health/ready\"]"));
    let compose = document("compose/docker-compose.yml");
    for (name, service) in crate::compose_file::engines(&compose) {
        assert_eq!(
            service.text_at(&["user"]),
            Some(user.as_str()),
            "{name} runs as another user than its image"
        );
        let data = rest("WORKDIR");
        let kept = [service.texts_at(&["volumes"]), service.texts_at(&["tmpfs"])].concat();
        assert!(kept.iter().any(|place| place.ends_with(&data)), "{name} cannot write to {data}: {kept:?}");
        assert_eq!(rest("ENV"), format!("PAYMENT_DATA_DIR={data}"));
    }
}

#[test]
fn variables_and_features_exist() {
    for (word, rest) in last_stage() {
        if word == "ENV" {
            let (name, _) = rest.split_once('=').expect("a variable has a value");
            assert!(is_understood(name), "{name} means nothing to the engine");
        }
    }
    let manifest = manifest("engine/Cargo.toml");
    for argument in all("ARG") {
        let (_, features) = argument.split_once('=').expect("an argument has a default");
        for feature in features.trim_matches('"').split(',').filter(|feature| !feature.is_empty()) {
            let known = manifest.get("features").and_then(|known| known.get(feature));
            assert!(known.is_some(), "the engine has no feature {feature}");
        }
    }
    let features = all("ARG").concat();
    assert!(features.contains("kafka-tls"), "the image cannot speak TLS with Kafka: {features}");
    assert!(!catalogue::names().is_empty(), "the catalogue of keys is what variables are looked up in");
}

/// What a build reads is let into its context: every member of the workspace, what is copied by name, and what
/// sources include.
#[test]
fn the_context_holds_what_the_build_reads() {
    let ignored = text("compose/Dockerfile.dockerignore");
    let lines = || ignored.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(lines().next(), Some("*"), "everything is left out but what follows");
    let let_in: Vec<&str> = lines().filter_map(|line| line.strip_prefix('!')).collect();
    for path in &let_in {
        assert!(root().join(path).exists(), "{path} is let in and does not exist");
    }
    let workspace = manifest("Cargo.toml");
    let members = workspace["workspace"]["members"].as_array().expect("members are a list");
    let mut needed: Vec<String> = members.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect();
    needed.extend(["Cargo.toml", "Cargo.lock", ".cargo", "docs"].map(str::to_owned));
    for copy in all("COPY").iter().filter(|copy| !copy.contains("--from=")) {
        let mut words: Vec<&str> = copy.split_whitespace().filter(|word| !word.starts_with("--")).collect();
        words.pop();
        needed.extend(words.iter().filter(|word| **word != ".").map(|word| (*word).to_owned()));
    }
    for path in needed {
        assert!(let_in.contains(&path.as_str()), "{path} is not let into the context");
    }
}
