//! The files of the repository, as text.
//!
//! Owns which files count: everything that `.gitignore` does not exclude. Also makes trees out of snippets, for
//! the tests of the rules. Never parses anything.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

/// One text file.
#[derive(Debug)]
pub(crate) struct File {
    /// The path from the root, with forward slashes.
    pub(crate) path: String,
    /// The content.
    pub(crate) text: String,
}

impl File {
    /// Whether the file's name ends so.
    pub(crate) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }

    /// The folder it is in, with a slash at the end; empty at the root.
    pub(crate) fn folder(&self) -> &str {
        self.path.rfind('/').map_or("", |slash| &self.path[..=slash])
    }

    /// The lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// The files of the repository, by path.
#[derive(Debug)]
pub(crate) struct Tree {
    /// Every text file, sorted.
    pub(crate) files: Vec<File>,
    paths: BTreeSet<String>,
}

impl Tree {
    /// The tree this test was built from.
    pub(crate) fn read() -> Self {
        let root = root();
        let ignored = Ignored::read(&root);
        let entries = WalkDir::new(&root)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|entry| !ignored.matches(&root, entry))
            .map(|entry| entry.expect("the repository is readable"));
        let files = entries.filter(|entry| entry.file_type().is_file()).filter_map(|entry| {
            let text = String::from_utf8(std::fs::read(entry.path()).ok()?).ok()?;
            Some(File { path: relative(&root, entry.path()), text })
        });
        Self::new(files.collect())
    }

    /// A tree of snippets: pairs of path and content.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File { path: (*path).to_owned(), text: (*text).to_owned() };
        Self::new(files.iter().map(file).collect())
    }

    fn new(files: Vec<File>) -> Self {
        let mut paths = BTreeSet::new();
        for file in &files {
            for (slash, _) in file.path.match_indices('/') {
                paths.insert(file.path[..=slash].to_owned());
            }
            paths.insert(file.path.clone());
        }
        Self { files, paths }
    }

    /// Files whose name ends so.
    pub(crate) fn with_extension<'a>(&'a self, extension: &'a str) -> impl Iterator<Item = &'a File> {
        self.files.iter().filter(move |file| file.has_extension(extension))
    }

    /// The file at a path.
    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Every file and, with a slash at the end, every folder.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }

    /// Whether a file or folder exists.
    pub(crate) fn holds(&self, path: &str) -> bool {
        self.paths.contains(path) || self.paths.contains(&format!("{path}/"))
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the package lies in the workspace").to_owned()
}

fn relative(root: &Path, path: &Path) -> String {
    let inner = path.strip_prefix(root).expect("the walk began at the root");
    inner.to_string_lossy().replace('\\', "/")
}

/// The two kinds of line our `.gitignore` has: `/name` and `*.extension`.
struct Ignored {
    top_level: BTreeSet<String>,
    extensions: Vec<String>,
}

impl Ignored {
    fn read(root: &Path) -> Self {
        let text = std::fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
        let mut ignored = Self { top_level: BTreeSet::from([".git".to_owned()]), extensions: Vec::new() };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match (line.strip_prefix('/'), line.strip_prefix('*')) {
                (Some(name), _) => drop(ignored.top_level.insert(name.trim_end_matches('/').to_owned())),
                (None, Some(ending)) => ignored.extensions.push(ending.to_owned()),
                (None, None) => panic!(".gitignore: {line:?} is neither /NAME nor *.EXTENSION"),
            }
        }
        ignored
    }

    fn matches(&self, root: &Path, entry: &DirEntry) -> bool {
        let path = relative(root, entry.path());
        self.top_level.contains(&path) || self.extensions.iter().any(|ending| path.ends_with(ending.as_str()))
    }
}

#[test]
fn a_tree_knows_files_and_their_folders() {
    let tree = Tree::of(&[("a/b/c.rs", "")]);
    assert!(tree.holds("a") && tree.holds("a/b/") && tree.holds("a/b/c.rs"));
    assert!(!tree.holds("c.rs") && !tree.holds("a/c.rs"));
}

#[test]
fn the_real_tree_has_sources_and_no_build_output() {
    let tree = Tree::read();
    assert!(tree.holds("engine/tests/tidy/main.rs") && !tree.holds("target") && !tree.holds(".git"));
}
