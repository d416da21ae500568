//! Where in the site does a file of the repository go?
//!
//! ```text
//! README.md                 index.html
//! docs/CRASH_SAFETY.md      crash-safety.html
//! docs/start/C.md           start/c.html
//! bindings/go/README.md     bindings/go/index.html
//! examples-c/readme.c       files/examples-c/readme.c.html     a page that shows the text
//! docs/plots/w4.svg         files/docs/plots/w4.svg            as it is
//! docs/schemas              files/docs/schemas/index.html      a list
//! ```

use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

/// What is made of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Document,
    Text,
    Folder,
    Image,
}

/// A place in the site.
#[derive(Debug)]
pub struct Target {
    pub kind: Kind,
    /// Below the root of the site.
    pub path: PathBuf,
}

/// The place of a file, which is given by its path in the repository.
pub fn target(repository: &Path, path: &Path) -> Result<Target, String> {
    let file = repository.join(path);
    if file.is_dir() {
        let path = Path::new("files").join(path).join("index.html");
        let kind = Kind::Folder;
        return Ok(Target { kind, path });
    }
    if !file.is_file() {
        return Err(format!("{} is not there", path.display()));
    }
    let ending = path.extension().and_then(|ending| ending.to_str());
    Ok(match ending {
        Some("md") => Target {
            kind: Kind::Document,
            path: document(path),
        },
        Some("svg" | "png") => Target {
            kind: Kind::Image,
            path: Path::new("files").join(path),
        },
        _ => {
            let mut name = Path::new("files").join(path).into_os_string();
            name.push(".html");
            Target {
                kind: Kind::Text,
                path: name.into(),
            }
        }
    })
}

/// The page of a document.
pub fn document(path: &Path) -> PathBuf {
    let path = path.strip_prefix("docs").unwrap_or(path);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = match &*stem {
        "README" => "index".to_owned(),
        stem => stem.to_lowercase().replace('_', "-"),
    };
    path.with_file_name(format!("{name}.html"))
}

/// A path without `..`, from the folder of `from`. `None`: it leads out of the repository.
pub fn resolve(from: &Path, link: &str) -> Option<PathBuf> {
    let folder = from.parent().unwrap_or(Path::new(""));
    let mut resolved = PathBuf::new();
    for part in folder.join(link).components() {
        match part {
            Component::Normal(part) => resolved.push(part),
            Component::CurDir => {}
            Component::ParentDir => {
                if !resolved.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(resolved)
}

/// The link from one page of the site to another.
pub fn relative(from: &Path, to: &Path) -> String {
    let folder: Vec<Component<'_>> = from
        .parent()
        .unwrap_or(Path::new(""))
        .components()
        .collect();
    let to: Vec<Component<'_>> = to.components().collect();
    let common = folder.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..".to_owned(), folder.len() - common);
    let down = to[common..]
        .iter()
        .map(|part| part.as_os_str().to_string_lossy().into_owned());
    let parts: Vec<String> = up.chain(down).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_have_short_names() {
        let rows = [
            ("README.md", "index.html"),
            ("docs/CRASH_SAFETY.md", "crash-safety.html"),
            ("docs/decisions/README.md", "decisions/index.html"),
            ("bindings/go/README.md", "bindings/go/index.html"),
        ];
        for (path, expected) in rows {
            assert_eq!(document(Path::new(path)), Path::new(expected));
        }
    }

    #[test]
    fn links_lead_from_where_they_stand() {
        let resolved = |from: &str, link| resolve(Path::new(from), link);
        assert_eq!(
            resolved("docs/a.md", "../README.md"),
            Some("README.md".into())
        );
        assert_eq!(
            resolved("docs/a.md", "b/./c.md"),
            Some("docs/b/c.md".into())
        );
        assert_eq!(resolved("a.md", "../c.md"), None);
        let relative = |from: &str, to: &str| relative(Path::new(from), Path::new(to));
        assert_eq!(relative("index.html", "start/c.html"), "start/c.html");
        assert_eq!(relative("start/c.html", "index.html"), "../index.html");
        assert_eq!(relative("start/c.html", "start/go.html"), "go.html");
        assert_eq!(relative("a/b/c.html", "a/d/e.html"), "../d/e.html");
    }
}
