//! Configuration as an operator meets it: layers, errors, masking, documentation.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use payment_engine::config::{Config, ConfigError, Flags, Origin, catalogue, effective};
use tempfile::TempDir;

/// A name and its value.
type Variable<'a> = (&'a str, &'a str);

struct Given {
    _dir: TempDir,
    file: PathBuf,
}

fn file(text: &str) -> Given {
    let dir = TempDir::new().expect("a folder");
    let file = dir.path().join("engine.toml");
    std::fs::write(&file, text).expect("a file");
    Given { _dir: dir, file }
}

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn load(toml: &str, pairs: &[(&str, &str)], flags: &Flags) -> Result<Config, ConfigError> {
    let given = file(toml);
    Config::load(Some(&given.file), &variables(pairs), flags)
}

#[test]
fn defaults_are_all_allowed() {
    let config = Config::load(None, &BTreeMap::new(), &Flags::default()).expect("the defaults");
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.operator.listen.to_string(), "127.0.0.1:8082");
    assert_eq!(config.simulator.listen.to_string(), "127.0.0.1:8090");
    assert_eq!(config.idempotency.cache_ttl, Duration::from_secs(600));
    assert_eq!(config.pg.key_memory, Duration::from_secs(86_400));
    assert_eq!(config.pg.concurrency.get(), 256);
    assert_eq!(config.database(), PathBuf::from("./payment-data/payment.db"));
    assert!(config.engine.roles.is_all());
}

#[test]
fn flags_lie_over_variables_and_variables_over_the_file() {
    let toml =
        "[http]\nlisten = \"127.0.0.1:1\"\n[pg]\ntimeout = \"20s\"\n[breakers.pg-capture]\nopen = \"1m\"";
    let environment = [("PAYMENT__HTTP__LISTEN", "127.0.0.1:2"), ("PAYMENT__BREAKERS__PG_VOID__PROBES", "7")];
    let flags = Flags::default().with("--listen", "http.listen", Some("127.0.0.1:3".to_owned()));

    let config = load(toml, &environment, &flags).expect("a configuration");

    assert_eq!(config.http.listen.port(), 3);
    assert_eq!(config.origin("http.listen"), Origin::Flag("--listen"));
    assert_eq!(config.pg.timeout, Duration::from_secs(20));
    let opens = |name: &str| config.breakers.get(name).expect("a breaker").open;
    assert_eq!((opens("pg-capture"), opens("pg-refund")), (Some(Duration::from_secs(60)), None));
    assert_eq!(config.breakers.get("pg-void").and_then(|breaker| breaker.probes).map(|n| n.get()), Some(7));
    let without_flag = load(toml, &environment, &Flags::default()).expect("a configuration");
    assert_eq!(without_flag.http.listen.port(), 2);
}

#[test]
fn aliases_are_understood_and_own_variables_win() {
    let environment = [
        ("APP_RATE_LIMIT_AUTHORIZE_CAPACITY", "5"),
        ("APP_RATE_LIMIT_CAPTURE_CAPACITY", "6"),
        ("PAYMENT__LIMITS__CAPTURE", "7"),
        ("APP_IDEMPOTENCY_CACHE_TTL_SECONDS", "90"),
        ("MOCK_PG_LOADTEST_MODE", "true"),
    ];
    let config = load("", &environment, &Flags::default()).expect("a configuration");
    assert_eq!(config.limits.authorize.map(|n| n.get()), Some(5));
    assert_eq!(config.limits.capture.map(|n| n.get()), Some(7));
    assert_eq!(config.idempotency.cache_ttl, Duration::from_secs(90));
    assert!(config.simulator.loadtest_mode);
}

#[test]
fn variables_without_effect_are_said_to_have_none() {
    let config = load("", &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://x")], &Flags::default());
    let remarks = config.expect("a configuration").remarks;
    assert_eq!(remarks, ["OTEL_EXPORTER_OTLP_ENDPOINT has no effect: this build has no trace export"]);
}

/// What is wrong in the file, and words that the message must have.
const MISTAKES: &[(&str, &[&str])] = &[
    ("[htp]\nlisten = \"127.0.0.1:1\"", &["no key htp", "did you mean http?"]),
    ("[http]\nlissten = \"127.0.0.1:1\"", &["no key http.lissten", "did you mean http.listen?"]),
    ("[breakers.pg-captur]\nopen = \"1s\"", &["breakers.pg-captur", "breakers.pg-capture"]),
    ("[http]\nlisten = \"8080\"", &["http.listen = \"8080\"", "an address with a port", "engine.toml"]),
    ("[http]\nlisten = 8080", &["http.listen = 8080", "an address with a port"]),
    ("[http]\nrequest_timeout = 10", &["http.request_timeout = 10", "\"500ms\""]),
    ("[http]\nrequest_timeout = \"0s\"", &["a duration above zero"]),
    ("[http]\nrequest_timeout = \"10 parsecs\"", &["10 parsecs", "a duration"]),
    ("[http]\nmax_body = 0", &["http.max_body = 0", "at least one byte"]),
    ("[retry]\nmax_tries = 0", &["retry.max_tries = 0", "at least 1"]),
    ("[retry]\nmax_tries = \"ten\"", &["retry.max_tries", "a whole number"]),
    ("[retry]\nbase = \"20s\"", &["retry.base", "retry.max", "must not be longer"]),
    ("[pg]\nconnect_timeout = \"6s\"", &["pg.connect_timeout", "pg.authorize_timeout"]),
    ("[breakers.pg-void]\nfailure_rate = 101", &["breakers.pg-void.failure_rate = 101", "up to 100"]),
    ("[engine]\nroles = \"api,settlment\"", &["engine.roles", "settlement"]),
    ("[engine]\nroles = [\"api\"]", &["engine.roles", "all roles"]),
    ("[limits]\nprofile = \"prod\"", &["limits.profile = \"prod\"", "development, loadtest or production"]),
    ("[telemetry]\nlog = \"info,=\"", &["telemetry.log", "directives"]),
    ("[store]\nurl = \"postgres://u:p@db/paydb\"", &["store.url", "(hidden)", "sqlite:", "mysql:"]),
    ("[store]\nshards = 2", &["store.shards", "(hidden)", "slots = \"0-511\""]),
    ("[store]\nshards = [{slots = \"0-1023\"}]", &["store.shards", "slots = \"0-511\""]),
    (
        "[store]\nshards = [{slots = \"0-511\", url = \"mysql://a/p\"}]",
        &["store.shards", "slot 512", "no database"],
    ),
    (
        "[store]\nshards = \"0-512=mysql://a/p 512-1023=mysql://b/p\"",
        &["store.shards", "slot 512", "two databases", "engine.toml"],
    ),
    ("[store]\nshards = \"0-1024=mysql://a/p\"", &["store.shards", "0-1024", "within 0-1023"]),
    ("[store]\nshards = \"0-511=mysql://a/p 512-1023=mysql://a/p\"", &["mysql://a/p", "named twice"]),
    ("[store]\nshards = \"0-511=mysql://a/p 512-1023=http://b/p\"", &["store.shards", "begin with mysql:"]),
    (
        "[store]\nurl = \"mysql://c/p\"\nshards = \"0-511=mysql://a/p 512-1023=mysql://b/p\"",
        &["store.shards", "store.url", "leave one of them out"],
    ),
    ("[broker]\noptions = 5", &["broker.options", "a table"]),
    ("[broker.options]\n\"linger.ms\" = [5]", &["broker.options", "a table"]),
    ("[broker]\noptions = \"linger.ms\"", &["broker.options", "linger.ms=5"]),
    ("[cache]\nurl = \"http://127.0.0.1\"", &["cache.url", "redis://", "rediss://"]),
    ("[pg]\nurl = \"ftp://pg\"", &["pg.url", "http://", "https://"]),
    ("[operator]\nlisten = \"127.0.0.1:8080\"", &["http.listen", "operator.listen", "another port"]),
    ("[http\nlisten = 1", &["not TOML", "line 1"]),
];

#[test]
fn every_mistake_is_named_with_its_remedy() {
    for (toml, words) in MISTAKES {
        let message = load(toml, &[], &Flags::default()).expect_err(toml).to_string();
        for word in *words {
            assert!(message.contains(word), "{toml:?} says {message:?}, which lacks {word:?}");
        }
        assert!(!message.contains('\n'), "{message:?} has more than one line");
    }
}

#[test]
fn mistakes_in_the_environment_name_the_variable() {
    for (name, value, words) in [
        ("PAYMENT__HTTP__LISSTEN", "127.0.0.1:1", ["PAYMENT__HTTP__LISSTEN", "http.listen"]),
        ("PAYMENT__HTTP__LISTEN", "here", ["env PAYMENT__HTTP__LISTEN", "an address"]),
        ("PAYMENT__STORE__CONNECTIONS", "0", ["env PAYMENT__STORE__CONNECTIONS", "at least 1"]),
        ("PAYMENT__BROKER__TOPIK_PREFIX", "a.", ["PAYMENT__BROKER__TOPIK_PREFIX", "broker.topic_prefix"]),
    ] {
        let message = load("", &[(name, value)], &Flags::default()).expect_err(name).to_string();
        assert!(words.iter().all(|word| message.contains(word)), "{name} says {message:?}");
    }
}

#[test]
fn production_parts_are_named_by_variables_of_their_own() {
    let variables = [
        ("PAYMENT_DB_HOST", "db"),
        ("PAYMENT_DB_PORT", "13306"),
        ("PAYMENT_DB_NAME", "ledger"),
        ("PAYMENT_DB_USER", "pay"),
        ("PAYMENT_DB_PASSWORD", "p@ss/word"),
        ("KAFKA_BOOTSTRAP_SERVERS", "k1:9092,k2:9092"),
        ("REDIS_HOST", "cache"),
        ("REDIS_PORT", "16379"),
        ("PAYMENT__BROKER__OPTIONS", "security.protocol=SSL,linger.ms=5"),
        ("PAYMENT__ENGINE__ROLES", "settlement,refund"),
    ];
    let config = load("", &variables, &Flags::default()).expect("a configuration");
    let servers = config.database_servers();
    assert_eq!(servers[0].slots, 0..=1_023);
    assert_eq!(servers[0].url.reveal().as_str(), "mysql://pay:p%40ss%2Fword@db:13306/ledger");
    assert_eq!(config.database_shown(), "mysql://pay:masked@db:13306/ledger");
    assert_eq!(config.broker.bootstrap.as_deref(), Some("k1:9092,k2:9092"));
    assert_eq!(config.cache.url.expect("redis").reveal().as_str(), "redis://cache:16379");
    let options = config.broker.options.get();
    assert_eq!(options.get("security.protocol").map(String::as_str), Some("SSL"));
    assert_eq!(options.get("linger.ms").map(String::as_str), Some("5"));
}

#[test]
fn an_engine_beside_a_mariadb_needs_a_broker_and_a_gateway_and_other_commands_do_not() {
    let database = ("PAYMENT_DB_HOST", "db");
    let kafka = ("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092");
    let shards = ("PAYMENT__STORE__SHARDS", "0-511=mysql://a/p 512-1023=mysql://b/p");
    let lacking: [(&[Variable<'_>], &[&str]); 3] = [
        (
            &[shards],
            &["env PAYMENT__STORE__SHARDS", "store.shards", "need Kafka", "--kafka", "broker.bootstrap"],
        ),
        (&[database], &["env PAYMENT_DB_HOST", "MariaDB", "need Kafka", "--kafka", "broker.bootstrap"]),
        (&[database, kafka], &["no payment gateway", "--pg-url", "--pg-listen"]),
    ];
    for (variables, words) in lacking {
        let config = load("", variables, &Flags::default()).expect("a configuration");
        let message = config.check_serving().expect_err("not enough to serve with").to_string();
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    }
    for pg in [("PAYMENT__PG__URL", "https://pg"), ("PAYMENT__SIMULATOR__LISTEN", "127.0.0.1:0")] {
        let config = load("", &[database, kafka, pg], &Flags::default()).expect("a configuration");
        assert_eq!(config.check_serving(), Ok(()));
    }
    assert_eq!(load("", &[], &Flags::default()).expect("a configuration").check_serving(), Ok(()));
}

#[test]
fn databases_share_the_slots() {
    let toml = "[store]\nshards = [{slots = \"512-1023\", url = \"mysql://u:hunter2@b/p\"}, {slots = \"0-511\", url = \
                \"mysql://a/p\"}]\n[broker]\nbootstrap = \"k:9092\"";
    let text = "0-511=mysql://a/p 512-1023=mysql://u:hunter2@b/p";
    let variables = [("PAYMENT__STORE__SHARDS", text), ("KAFKA_BOOTSTRAP_SERVERS", "k:9092")];
    for (config, hosts) in [
        (load(toml, &[], &Flags::default()), ["b", "a"]),
        (load("", &variables, &Flags::default()), ["a", "b"]),
    ] {
        let config = config.expect("a configuration");
        let servers = config.database_servers();
        let found: Vec<_> = servers.iter().filter_map(|server| server.url.reveal().host_str()).collect();
        assert_eq!(found, hosts);
        assert!(!config.is_embedded());
        let shown = [config.database_shown(), effective(&config), format!("{config:?}")];
        assert!(shown.iter().all(|text| !text.contains("hunter2")), "{shown:?}");
        let printed = load(&effective(&config), &[], &Flags::default()).expect("it is a configuration again");
        assert_eq!(printed.database_servers().len(), 2);
    }
}

#[test]
fn broker_options_may_be_written_with_or_without_quotes() {
    let toml = "[broker.options]\n\"linger.ms\" = 5\nenable.random.seed = true\n[broker.topic_options]\n\
                retention.ms = \"-1\"";
    let config = load(toml, &[], &Flags::default()).expect("a configuration");
    let options: Vec<_> = config.broker.options.get().iter().collect();
    assert_eq!(options, [(&"enable.random.seed".into(), &"true".into()), (&"linger.ms".into(), &"5".into())]);
    assert_eq!(config.broker.topic_options.get().get("retention.ms").map(String::as_str), Some("-1"));
}

#[test]
fn no_message_shows_a_password() {
    for toml in [
        "[store]\nurl = \"postgres://u:hunter2@db/paydb\"",
        "[pg]\nurl = \"ftp://u:hunter2@pg\"",
        "[pg]\nurl = \"hunter2\"",
        "[broker.options]\n\"sasl.password\" = \"hunter2\"\n\"linger.ms\" = []",
    ] {
        let message = load(toml, &[], &Flags::default()).expect_err(toml).to_string();
        assert!(!message.contains("hunter2"), "{message}");
    }
    let toml = "[pg]\nurl = \"http://u:hunter2@pg:1\"\n[broker.options]\n\"sasl.password\" = \"hunter2\"";
    let config = load(toml, &[], &Flags::default()).expect("a configuration");
    for printed in [effective(&config), format!("{config:?}")] {
        assert!(!printed.contains("hunter2"), "{printed}");
    }
}

#[test]
fn the_printed_configuration_gives_the_same_values_again() {
    let toml = "[http]\nmax_body = 1000\n[engine]\ndata_dir = \"/tmp/a b\"\n[breakers.pg-void]\nfailure_rate = 12.5\n\
                [store]\nurl = \"sqlite:/tmp/x.db\"";
    let config = load(toml, &[("RUST_LOG", "debug")], &Flags::default()).expect("a configuration");

    let printed = effective(&config);
    let again = load(&printed, &[], &Flags::default()).expect("what was printed is a configuration");

    let values =
        |text: &str| text.lines().map(|line| line.split(" # ").next().map(str::to_owned)).collect::<Vec<_>>();
    assert_eq!(values(&effective(&again)), values(&printed));
    for line in [
        "listen = \"127.0.0.1:8080\" # default",
        "log = \"debug\" # env RUST_LOG",
        "failure_rate = 12.5 # file ",
    ] {
        assert!(printed.contains(line), "{printed}");
    }
}

#[test]
fn every_variable_reaches_its_key() {
    // One text that some type refuses and one that another refuses: whatever the key, one of them is an error that
    // names it, or the key takes any text.
    for key in catalogue::names() {
        let variable = catalogue::variable(&key);
        let heard = ["\u{1}", ""].iter().any(|text| {
            let loaded = load("", &[(variable.as_str(), text)], &Flags::default());
            loaded.as_ref().map_or_else(
                |error| error.to_string().contains(&key),
                |config| config.origin(&key) == Origin::Environment(variable.clone()),
            )
        });
        assert!(heard, "{variable} does not reach {key}");
    }
}

#[test]
fn the_document_lists_every_key_as_the_code_does() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations.md");
    let document = std::fs::read_to_string(path).expect("docs/operations.md");
    let table = catalogue::markdown();
    assert!(document.contains(&table), "replace the table of keys in docs/operations.md by:\n{table}");
}
