//! The compose file: everything it names exists, everything it sets is understood, nothing runs unbounded.

use std::collections::BTreeMap;

use payment_engine::config::Flags;

use crate::files::{document, help, is_understood, load, root, text};
use crate::yaml::Yaml;

const FILE: &str = "compose/docker-compose.yml";

/// The services that run our own image, by name.
pub(crate) fn engines(compose: &Yaml) -> Vec<(&String, &Yaml)> {
    services(compose).filter(|(_, service)| service.at(&["build"]).is_some()).collect()
}

fn services(compose: &Yaml) -> impl Iterator<Item = (&String, &Yaml)> {
    compose.at(&["services"]).expect("there are services").map().iter()
}

fn environment(service: &Yaml) -> BTreeMap<String, String> {
    let Some(variables) = service.at(&["environment"]) else { return BTreeMap::new() };
    let text = |value: &Yaml| value.text_at(&[]).expect("a variable's value is a scalar").to_owned();
    variables.map().iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

#[test]
fn every_container_is_kept_in_bounds() {
    let compose = document(FILE);
    for (name, service) in services(&compose) {
        assert_eq!(service.text_at(&["read_only"]), Some("true"), "{name} can write to its own image");
        assert_eq!(service.texts_at(&["cap_drop"]), ["ALL"], "{name} keeps capabilities");
        assert_eq!(service.texts_at(&["security_opt"]), ["no-new-privileges:true"], "{name}");
        let user = service.text_at(&["user"]).unwrap_or("0");
        let id: u32 = user.split(':').next().and_then(|id| id.parse().ok()).unwrap_or(0);
        assert_ne!(id, 0, "{name} runs as {user}");
        assert!(!service.texts_at(&["healthcheck", "test"]).is_empty(), "{name} has no health check");
        for port in service.texts_at(&["ports"]) {
            assert!(port.starts_with("127.0.0.1:"), "{name} is open to the network at {port}");
        }
    }
}

#[test]
fn every_image_is_pinned() {
    for (name, service) in services(&document(FILE)) {
        let image = service.text_at(&["image"]).unwrap_or_else(|| panic!("{name} has no image"));
        let tag = image.split_once(':').map_or("latest", |(_, tag)| tag);
        let pinned = tag == "local" || tag.split('.').count() == 3;
        assert!(pinned, "{name} runs {image}, which is another thing tomorrow");
        assert_eq!(
            tag == "local",
            service.at(&["build"]).is_some(),
            "{name}: only what is built here is local"
        );
    }
}

#[test]
fn what_is_named_is_there() {
    let compose = document(FILE);
    for (name, service) in services(&compose) {
        for secret in service.texts_at(&["secrets"]) {
            assert!(compose.at(&["secrets", secret]).is_some(), "{name} uses the secret {secret}");
        }
        for volume in service.texts_at(&["volumes"]) {
            let (volume, _) = volume.split_once(':').expect("a volume has a place");
            assert!(compose.at(&["volumes", volume]).is_some(), "{name} uses the volume {volume}");
        }
        let waits = service.at(&["depends_on"]).map(Yaml::map).into_iter().flatten();
        for (other, how) in waits {
            assert!(compose.at(&["services", other]).is_some(), "{name} waits for {other}");
            assert_eq!(how.text_at(&["condition"]), Some("service_healthy"), "{name} waits for {other}");
        }
        if let Some(context) = service.text_at(&["build", "context"]) {
            assert_eq!(context, "..", "paths in the Dockerfile are from the root");
            let dockerfile = service.text_at(&["build", "dockerfile"]).expect("a Dockerfile is named");
            assert!(root().join(dockerfile).is_file(), "{name} is built from {dockerfile}");
        }
    }
    for (name, config) in compose.at(&["configs"]).expect("there are configs").map() {
        let file = config.text_at(&["file"]).unwrap_or_else(|| panic!("{name} names no file"));
        assert!(root().join("compose").join(file).is_file(), "{name} is {file}");
    }
}

#[test]
fn the_engine_understands_what_it_is_given() {
    let compose = document(FILE);
    let engines = engines(&compose);
    assert!(engines.len() >= 3, "engine, worker and simulator run our image: {engines:?}");
    for (name, service) in engines {
        let command = service.texts_at(&["command"]);
        let known = help(&command.iter().copied().take(1).collect::<Vec<_>>());
        for flag in command.iter().filter(|word| word.starts_with("--")) {
            assert!(known.contains(&format!("{flag} ")), "{name}: there is no flag {flag}");
        }
        let mut variables = environment(service);
        for (variable, value) in &variables {
            assert!(is_understood(variable), "{name}: {variable} means nothing to the engine");
            if let Some(secret) = value.strip_prefix("/run/secrets/") {
                assert!(service.texts_at(&["secrets"]).contains(&secret), "{name} is not given {secret}");
            }
        }
        // What the secret file says of the database; without one, roles would be refused.
        if variables.contains_key("KAFKA_BOOTSTRAP_SERVERS") {
            variables.insert("PAYMENT__STORE__URL".to_owned(), "mysql://payment@mariadb/paydb".to_owned());
        }
        let after =
            |flag: &str| command.iter().skip_while(|word| **word != flag).nth(1).map(|s| s.to_string());
        let flags = Flags::default().with("--roles", "engine.roles", after("--roles"));
        if let Err(error) = load(&variables, &flags) {
            panic!("{name}: {error}");
        }
    }
}

/// Addresses of other containers name a service, and a port that it serves.
#[test]
fn addresses_lead_to_services() {
    let compose = document(FILE);
    let served = |service: &str| match service {
        "mariadb" => vec!["3306"],
        "redis" => vec!["6379"],
        "kafka" => vec!["9092"],
        "pg-simulator" => vec!["8090"],
        _ => vec!["8080", "8082"],
    };
    let mut addresses = vec![("make-secrets".to_owned(), text("compose/make-secrets"))];
    for (name, service) in engines(&compose) {
        addresses.extend(
            environment(service).into_iter().map(|(variable, text)| (format!("{name} {variable}"), text)),
        );
    }
    addresses.push(("prometheus".to_owned(), text("compose/prometheus.yml")));
    for (origin, text) in addresses {
        for (host, port) in hosts(&text) {
            let known = compose.at(&["services", host]).is_some() && served(host).contains(&port);
            assert!(known, "{origin} leads to {host}:{port}, where nobody is");
        }
    }
}

/// Every `name:1234` in a text whose name could be a service's.
fn hosts(text: &str) -> Vec<(&str, &str)> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == ':' || c == '.'));
    let pairs = words.filter_map(|word| word.rsplit_once(':'));
    let port = |port: &str| port.len() == 4 && port.bytes().all(|byte| byte.is_ascii_digit());
    let name =
        |host: &str| host.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') && !host.is_empty();
    pairs.filter(|(host, number)| port(number) && name(host)).collect()
}
