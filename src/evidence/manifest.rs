//! Manifests of a bag (RFC 8493): a digest and a path a line.

use std::collections::BTreeMap;

/// The largest manifest that is read.
pub const LARGEST: usize = 64 << 20;
/// The longest path, as on most systems.
const LONGEST_PATH: usize = 4096;

/// A digest's algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// Those of our bags.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// Its name in the names of manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Its manifest of the payload.
    pub fn manifest(self) -> &'static str {
        match self {
            Self::Sha256 => "manifest-sha256.txt",
            Self::Sha512 => "manifest-sha512.txt",
        }
    }

    /// Its manifest of the other files.
    pub fn tag_manifest(self) -> &'static str {
        match self {
            Self::Sha256 => "tagmanifest-sha256.txt",
            Self::Sha512 => "tagmanifest-sha512.txt",
        }
    }

    fn digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

/// Digests by path; paths are relative to the bag, with `/`, and lead nowhere else.
pub type Manifest = BTreeMap<String, String>;

/// A line that is no line of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct ManifestFault {
    /// Counts from 1.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

/// Its file. Two spaces, as `sha256sum --check` has them.
pub fn render(manifest: &Manifest) -> String {
    manifest.iter().map(|(path, digest)| format!("{digest}  {}\n", encode(path))).collect()
}

/// Reads a manifest's file.
pub fn parse(text: &[u8], algorithm: Algorithm) -> Result<Manifest, ManifestFault> {
    let text = std::str::from_utf8(text).map_err(|error| {
        let before = text.get(..error.valid_up_to()).unwrap_or_default();
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        ManifestFault { line, why: "it is not UTF-8".to_owned() }
    })?;
    let mut manifest = Manifest::new();
    for (at, line) in text.split_terminator(['\n', '\r']).enumerate() {
        // CR LF ends a line too; the empty line between the two is none.
        if line.is_empty() {
            continue;
        }
        let fault = |why: String| ManifestFault { line: at + 1, why };
        let (path, digest) = entry(line, algorithm).map_err(fault)?;
        if manifest.insert(path.clone(), digest).is_some() {
            return Err(fault(format!("{path} is there twice")));
        }
    }
    Ok(manifest)
}

fn entry(line: &str, algorithm: Algorithm) -> Result<(String, String), String> {
    let (digest, path) = line.split_once([' ', '\t']).ok_or("it has no digest and path")?;
    let hexadecimal = digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digest.len() != algorithm.digits() || !hexadecimal {
        return Err(format!("its digest is not one of {}", algorithm.name()));
    }
    let path = decode(path.trim_start_matches([' ', '\t']));
    check_path(&path)?;
    Ok((path, digest.to_ascii_lowercase()))
}

/// Line ends and `%` are the only characters that RFC 8493 encodes.
fn encode(path: &str) -> String {
    path.replace('%', "%25").replace('\n', "%0A").replace('\r', "%0D")
}

/// The other way. Anything else behind a `%` stays as it is: it was not encoded.
fn decode(path: &str) -> String {
    let mut parts = path.split('%');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let character = match part.get(..2) {
            Some("25") => '%',
            Some("0A" | "0a") => '\n',
            Some("0D" | "0d") => '\r',
            _ => {
                decoded.push('%');
                decoded.push_str(part);
                continue;
            }
        };
        decoded.push(character);
        decoded.push_str(part.get(2..).unwrap_or_default());
    }
    decoded
}

/// Whether a path stays in the bag.
///
/// # Errors
/// What is wrong with it, in words.
pub fn check_path(path: &str) -> Result<(), String> {
    let fault = if path.is_empty() {
        "a path is empty"
    } else if path.len() > LONGEST_PATH {
        "a path is too long"
    } else if path.starts_with(['/', '~']) {
        "a path does not begin in the bag"
    } else if path.contains('\0') {
        "a path holds a NUL"
    } else if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        "a path has an empty part, `.` or `..`"
    } else {
        return Ok(());
    };
    Err(format!("{fault}: {path:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn read(text: &str) -> Result<Manifest, ManifestFault> {
        parse(text.as_bytes(), Algorithm::Sha256)
    }

    #[test]
    fn what_is_written_is_read() {
        let paths = ["data/a", "data/b c", "data/100%", "data/line\nend\r", "data/%0A", "data/%zz"];
        let manifest: Manifest = paths.iter().map(|path| ((*path).to_owned(), DIGEST.to_owned())).collect();
        let text = render(&manifest);
        assert_eq!(text.lines().count(), paths.len());
        assert!(text.contains("data/line%0Aend%0D\n") && text.contains("  data/100%25\n"));
        assert_eq!(read(&text), Ok(manifest));
    }

    #[test]
    fn other_tools_manifests_are_read() {
        let upper = DIGEST.to_ascii_uppercase();
        for text in
            [format!("{DIGEST}  data/a\r\n"), format!("{upper}\tdata/a"), format!("{DIGEST} data/a\r")]
        {
            assert_eq!(read(&text).unwrap().get("data/a").map(String::as_str), Some(DIGEST), "{text:?}");
        }
        assert!(read(&format!("{DIGEST}  data/%2e%2e/x\n")).unwrap().contains_key("data/%2e%2e/x"));
    }

    #[test]
    fn paths_stay_in_the_bag() {
        for path in
            ["/etc/passwd", "../x", "data/../../x", "~/x", "data//x", "data/./x", "data/", ".", "a\0b"]
        {
            let fault = read(&format!("{DIGEST}  data/a\n{DIGEST}  {path}\n")).unwrap_err();
            assert_eq!(fault.line, 2, "{fault}");
        }
        assert!(read(&format!("{DIGEST}  data/{}\n", "x".repeat(LONGEST_PATH))).is_err());
    }

    #[test]
    fn other_lines_are_refused() {
        let twice = format!("{DIGEST}  data/a\n{DIGEST}  data/a\n");
        for text in [
            "x\n",
            "abc  data/a\n",
            &DIGEST.replace('e', "g"),
            &format!("{DIGEST}\n"),
            &format!("{DIGEST}  \n"),
            &twice,
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
        let fault = parse(b"\n\n\xff\n", Algorithm::Sha256).unwrap_err();
        assert_eq!(fault, ManifestFault { line: 3, why: "it is not UTF-8".to_owned() });
        assert!(parse(format!("{DIGEST}  data/a\n").as_bytes(), Algorithm::Sha512).is_err());
    }
}
