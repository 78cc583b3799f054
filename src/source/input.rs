//! Inputs: what the paths on the command line stand for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::decompress::{self, Capped};
use super::{archive, findings};

/// How an input is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, RFC 1952; several members in a row are one stream.
    Gzip,
    /// Zstandard, RFC 8878; several frames in a row are one stream.
    Zstd,
    /// A member of a zip archive.
    Zip,
}

/// One decompressed stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// What findings call it: its path, without the suffix of a compression.
    pub label: String,
    /// The file, pipe or device; `None` for standard input.
    pub path: Option<PathBuf>,
    /// The member of an archive.
    pub member: Option<String>,
    /// How it is packed; standard input, pipes and devices are looked at when they are opened.
    pub compression: Compression,
}

/// Something that cannot be read, or that should not be trusted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InputProblem {
    /// The path as given or found.
    pub path: String,
    /// What is wrong.
    pub reason: String,
    /// What to do.
    pub hint: Option<String>,
}

/// What paths stand for.
#[derive(Debug, Default)]
pub struct Discovery {
    /// Streams to read, by label.
    pub inputs: Vec<Input>,
    /// What cannot be read.
    pub problems: Vec<InputProblem>,
    /// What was left alone on purpose.
    pub notes: Vec<String>,
}

/// Limits on decompression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of one decompressed stream.
    pub max_expanded: u64,
    /// Most bytes out for one byte in, judged after 64 MiB.
    pub max_ratio: u64,
}

impl Default for Limits {
    /// 1 TiB; 200 to 1. Logs reach 10 to 50, repetitive ones 100; deflate bombs 1,000.
    fn default() -> Self {
        Self { max_expanded: 1 << 40, max_ratio: 200 }
    }
}

/// Finds the inputs of files, folders, globs and `-`.
pub fn discover(paths: &[String]) -> Discovery {
    let mut finder = Finder::default();
    for path in paths {
        finder.path(path);
    }
    finder.finish()
}

/// Whether a path gives its bytes once: standard input, a pipe, a device.
pub fn is_read_once(path: &str) -> bool {
    path == "-" || std::fs::metadata(path).is_ok_and(|about| !about.is_file() && !about.is_dir())
}

/// Opens an input as its decompressed stream. A damaged one yields what is good, then an error.
///
/// # Errors
/// It cannot be opened, or is an archive on standard input or in a pipe.
pub fn open(input: &Input, limits: &Limits) -> io::Result<Box<dyn Read + Send>> {
    let Some(path) = &input.path else { return open_stream(io::stdin(), limits) };
    if let Some(member) = &input.member {
        return archive::open(path, member, limits);
    }
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return open_stream(file, limits);
    }
    match input.compression {
        Compression::Gzip => Ok(Box::new(decompress::gzip(file, limits))),
        Compression::Zstd => Ok(Box::new(decompress::zstd(file, limits)?)),
        Compression::None | Compression::Zip => Ok(Box::new(file)),
    }
}

/// What can be read once: its first bytes are looked at and given with the rest.
fn open_stream(mut stream: impl Read + Send + 'static, limits: &Limits) -> io::Result<Box<dyn Read + Send>> {
    let mut head = Vec::new();
    stream.by_ref().take(4).read_to_end(&mut head)?;
    let found = magic(&head);
    let whole = io::Cursor::new(head).chain(stream);
    match found {
        Compression::Gzip => Ok(Box::new(decompress::gzip(whole, limits))),
        Compression::Zstd => Ok(Box::new(decompress::zstd(whole, limits)?)),
        Compression::None => Ok(Box::new(whole)),
        Compression::Zip => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "a zip archive cannot be read from standard input or a pipe: save it to a file first",
        )),
    }
}

/// Compression by the first bytes.
pub(super) fn magic(head: &[u8]) -> Compression {
    match head {
        [0x1F, 0x8B, ..] => Compression::Gzip,
        [0x28, 0xB5, 0x2F, 0xFD, ..] | [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] => Compression::Zstd,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Compression::Zip,
        _ => Compression::None,
    }
}

/// What is left alone in folders and archives, where nobody named it.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) hidden: u64,
    pub(super) readme: u64,
    pub(super) macos: u64,
    /// Files of findings that Portcullis wrote.
    pub(super) findings: u64,
    /// Pipes, sockets and devices.
    pub(super) special: u64,
}

impl Left {
    fn add(&mut self, other: &Self) {
        self.hidden += other.hidden;
        self.readme += other.readme;
        self.macos += other.macos;
        self.findings += other.findings;
        self.special += other.special;
    }

    fn notes(&self) -> impl Iterator<Item = String> {
        let counts = [
            (self.hidden, "hidden"),
            (self.readme, "named README.md"),
            (self.macos, "kept by macOS in __MACOSX"),
            (self.findings, "findings of Portcullis, which are no log"),
            (self.special, "neither file nor folder"),
        ];
        let some = counts.into_iter().filter(|(count, _)| *count > 0);
        some.map(|(count, what)| format!("{count} in folders and archives left alone: {what}"))
    }
}

#[derive(Default)]
struct Finder {
    /// By canonical path, so that a file given twice is read once.
    files: BTreeMap<PathBuf, PathBuf>,
    stdin: bool,
    left: Left,
    repeated: BTreeSet<String>,
    problems: Vec<InputProblem>,
}

impl Finder {
    fn problem(&mut self, path: &str, reason: impl Into<String>, hint: Option<&str>) {
        self.problems.push(InputProblem {
            path: path.to_owned(),
            reason: reason.into(),
            hint: hint.map(str::to_owned),
        });
    }

    fn path(&mut self, path: &str) {
        if path == "-" {
            self.stdin = true;
            return;
        }
        let plain = Path::new(path);
        if plain.exists() {
            return if plain.is_dir() { self.folder(plain) } else { self.file(plain) };
        }
        if path.contains(['*', '?', '[', '{']) {
            return self.glob(path);
        }
        self.problem(path, "no such file or folder", None);
    }

    fn file(&mut self, path: &Path) {
        let key = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        match self.files.get(&key) {
            Some(known) if known == path => {}
            Some(known) => {
                self.repeated.insert(format!("{} is {}: read once", path.display(), known.display()));
                let first = known.min(&path.to_path_buf()).clone();
                self.files.insert(key, first);
            }
            None => {
                self.files.insert(key, path.to_owned());
            }
        }
    }

    fn folder(&mut self, folder: &Path) {
        let mut is_empty = true;
        let mut walk = walkdir::WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter();
        while let Some(entry) = walk.next() {
            match entry {
                Err(error) => {
                    is_empty = false;
                    self.unwalkable(folder, &error);
                }
                Ok(entry) if entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.') => {
                    self.left.hidden += 1;
                    if entry.file_type().is_dir() {
                        walk.skip_current_dir();
                    }
                }
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) if !entry.file_type().is_file() => self.left.special += 1,
                Ok(entry) if entry.file_name() == "README.md" => self.left.readme += 1,
                Ok(entry) if findings::is_file(entry.path()) => self.left.findings += 1,
                Ok(entry) => {
                    is_empty = false;
                    self.file(entry.path());
                }
            }
        }
        if is_empty {
            self.problem(&folder.display().to_string(), "no files to read in this folder", None);
        }
    }

    fn unwalkable(&mut self, folder: &Path, error: &walkdir::Error) {
        let path = error.path().unwrap_or(folder).display().to_string();
        let reason =
            error.io_error().map_or_else(|| "symbolic links in a circle".to_owned(), ToString::to_string);
        self.problem(&path, reason, None);
    }

    /// Files that match are read, and folders as if they were named.
    fn glob(&mut self, pattern: &str) {
        let mut is_empty = true;
        let glob = match Glob::new(pattern) {
            Ok(glob) => glob,
            Err(error) => return self.problem(pattern, format!("not a pattern: {}", error.kind()), None),
        };
        for entry in glob.walk() {
            match entry {
                Err(error) if error.path().is_none_or(|path| glob.may_lead_on(path)) => {
                    is_empty = false;
                    self.unwalkable(&glob.root, &error);
                }
                Err(_) => {}
                Ok(entry) => {
                    let (path, kind) = (glob.shown(entry.path()), entry.file_type());
                    if !glob.whole.is_match(path) {
                        continue;
                    }
                    is_empty = false;
                    if kind.is_dir() {
                        self.folder(path);
                    } else if kind.is_file() {
                        self.file(path);
                    } else {
                        self.left.special += 1;
                    }
                }
            }
        }
        if is_empty {
            self.problem(
                pattern,
                "no file matches this pattern",
                Some("quote it, so that the shell leaves it alone"),
            );
        }
    }

    fn finish(mut self) -> Discovery {
        let mut inputs = Vec::new();
        for path in std::mem::take(&mut self.files).into_values().collect::<BTreeSet<_>>() {
            self.open_file(&path, &mut inputs);
        }
        if self.stdin {
            inputs.push(Input {
                label: "-".to_owned(),
                path: None,
                member: None,
                compression: Compression::None,
            });
        }
        settle_labels(&mut inputs);
        inputs.sort_by(|left, right| left.label.cmp(&right.label));
        self.problems.sort();
        let mut notes: Vec<String> = self.repeated.into_iter().collect();
        notes.extend(self.left.notes());
        Discovery { inputs, problems: self.problems, notes }
    }

    fn open_file(&mut self, path: &Path, inputs: &mut Vec<Input>) {
        if std::fs::metadata(path).is_ok_and(|about| !about.is_file()) {
            // Opened once, when it is read: what is read of it is gone.
            let (label, compression) = (path.display().to_string(), Compression::None);
            inputs.push(Input { label, path: Some(path.to_owned()), member: None, compression });
            return;
        }
        let mut head = Vec::new();
        let read = File::open(path).and_then(|file| file.take(4).read_to_end(&mut head));
        if let Err(error) = read {
            return self.problem(&path.display().to_string(), error.to_string(), None);
        }
        let compression = magic(&head);
        if compression != Compression::Zip {
            let (label, path) = (label(path, compression), Some(path.to_owned()));
            inputs.push(Input { label, path, member: None, compression });
            return;
        }
        match archive::members(path) {
            Ok(listing) => {
                self.left.add(&listing.left);
                if listing.members.is_empty() && listing.problems.is_empty() {
                    self.problem(&path.display().to_string(), "no files to read in this archive", None);
                }
                for (member, reason) in listing.problems {
                    self.problem(&format!("{}!{member}", path.display()), reason, None);
                }
                let folder = path.parent().unwrap_or(Path::new(""));
                inputs.extend(listing.members.into_iter().map(|(member, clean)| Input {
                    label: folder.join(clean).display().to_string(),
                    path: Some(path.to_owned()),
                    member: Some(member),
                    compression,
                }));
            }
            Err(error) => self.problem(&path.display().to_string(), format!("zip archive: {error}"), None),
        }
    }
}

/// A pattern, and where what it matches begins.
struct Glob {
    whole: globset::GlobMatcher,
    /// The pattern of each number of its first parts; of a pattern whose parts cannot be told, none.
    leading: Vec<globset::GlobMatcher>,
    /// The folder before the first part that is no name; empty for the working folder.
    fixed: PathBuf,
    root: PathBuf,
    /// How far below `root` anything can match.
    depth: usize,
}

impl Glob {
    fn new(pattern: &str) -> Result<Self, globset::Error> {
        let matcher = |pattern: &str| {
            let glob = globset::GlobBuilder::new(pattern).literal_separator(true).build();
            glob.map(|glob| glob.compile_matcher())
        };
        let is_name = |part: &std::path::Component<'_>| {
            !part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{'])
        };
        let parts: Vec<_> = Path::new(pattern).components().collect();
        let fixed: PathBuf = parts.iter().take_while(|part| is_name(part)).collect();
        let root = if fixed.as_os_str().is_empty() { PathBuf::from(".") } else { fixed.clone() };
        let first = |length: usize| -> PathBuf { parts.iter().take(length).collect() };
        // `**` is any number of parts, and braces may hold separators.
        let leading: Option<Vec<_>> = if pattern.contains("**") || pattern.contains('{') {
            None
        } else {
            (1..=parts.len()).map(|length| matcher(&first(length).to_string_lossy()).ok()).collect()
        };
        let depth = leading.as_ref().map_or(usize::MAX, |_| parts.len() - fixed.components().count());
        let whole = matcher(pattern.trim_end_matches('/'))?;
        Ok(Self { whole, leading: leading.unwrap_or_default(), fixed, root, depth })
    }

    fn walk(&self) -> walkdir::IntoIter {
        let walk = walkdir::WalkDir::new(&self.root).follow_links(true).sort_by_file_name();
        walk.max_depth(self.depth).into_iter()
    }

    /// A path as the pattern would spell it.
    fn shown<'a>(&self, path: &'a Path) -> &'a Path {
        if self.fixed.as_os_str().is_empty() { path.strip_prefix(".").unwrap_or(path) } else { path }
    }

    /// Whether something below this path may match.
    fn may_lead_on(&self, path: &Path) -> bool {
        let path = self.shown(path);
        let leading = path.components().count().checked_sub(1).and_then(|at| self.leading.get(at));
        leading.is_none_or(|leading| leading.is_match(path))
    }
}

fn label(path: &Path, compression: Compression) -> String {
    let name = path.display().to_string();
    let suffixes: &[&str] = match compression {
        Compression::Gzip => &[".gz", ".gzip"],
        Compression::Zstd => &[".zst", ".zstd"],
        Compression::None | Compression::Zip => &[],
    };
    let short =
        suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).filter(|short| !short.is_empty());
    short.map_or(name.clone(), str::to_owned)
}

/// Where labels collide, what is compressed keeps its full name.
fn settle_labels(inputs: &mut [Input]) {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for input in inputs.iter() {
        *count.entry(input.label.clone()).or_default() += 1;
    }
    for input in inputs.iter_mut() {
        let shared = count.get(&input.label).is_some_and(|count| *count > 1);
        let Some(path) = input.path.as_ref().filter(|_| shared && input.compression != Compression::None)
        else {
            continue;
        };
        input.label = match &input.member {
            Some(member) => format!("{}!{member}", path.display()),
            None => path.display().to_string(),
        };
    }
}

/// A reader that is capped like a decompressor's.
pub(super) fn capped<R: Read + Send + 'static>(
    reader: R,
    limits: &Limits,
    packed: decompress::Counter,
) -> Box<dyn Read + Send> {
    Box::new(Capped::new(reader, packed, *limits))
}
