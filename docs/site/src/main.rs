//! How do the documents of this repository become one static site?
//!
//! `ironwal-docs-site REPOSITORY OUT [TITLE=PATH]...` reads `docs/site/navigation.md`, makes a page of each document in it
//! and of each file that these link to, and checks every link of every page that it made. `TITLE=PATH` adds a reference
//! that another tool has put below `OUT` already. Nothing is loaded from elsewhere, and there are no scripts.
//!
//! | file | the question it answers |
//! |---|---|
//! | `navigation` | which pages are there, in which order? |
//! | `places` | where in the site does a file of the repository go? |
//! | `markdown` | how does a document become HTML? |
//! | `page` | what stands around it? |
//! | `check` | does every link of the site lead somewhere? |

mod check;
mod markdown;
mod navigation;
mod page;
mod places;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

use markdown::Document;
use navigation::Navigation;
use navigation::Reference;
use places::Kind;

/// Where the navigation is.
const NAVIGATION: &str = "docs/site/navigation.md";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(repository), Some(out)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: ironwal-docs-site REPOSITORY OUT [TITLE=PATH]...");
        return ExitCode::from(2);
    };
    let mut references = Vec::new();
    for argument in arguments {
        let argument = argument.to_string_lossy().into_owned();
        let Some((title, path)) = argument.split_once('=') else {
            eprintln!("ironwal-docs-site: {argument} is not TITLE=PATH");
            return ExitCode::from(2);
        };
        references.push(Reference {
            title: title.to_owned(),
            path: path.into(),
        });
    }
    match make(Path::new(&repository), Path::new(&out), references) {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("ironwal-docs-site: {wrong}");
            ExitCode::FAILURE
        }
    }
}

/// Makes the site. Returns what was made, in a sentence.
fn make(repository: &Path, out: &Path, references: Vec<Reference>) -> Result<String, String> {
    let navigation = read(&repository.join(NAVIGATION))?;
    let navigation = Navigation::parse(&navigation, Path::new(NAVIGATION), references)?;
    // Files of the repository that still need a page, and those that have one.
    let mut wanted: Vec<PathBuf> = navigation.documents().map(Path::to_path_buf).collect();
    wanted.reverse();
    let mut made: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    let mut documents: Vec<(PathBuf, Document)> = Vec::new();
    let mut pages: BTreeSet<PathBuf> = BTreeSet::new();
    while let Some(path) = wanted.pop() {
        let target = places::target(repository, &path)?;
        if made.insert(path.clone(), target.path.clone()).is_some() {
            continue;
        }
        if let Some(other) = made
            .iter()
            .find(|(other, at)| **at == target.path && **other != path)
        {
            return Err(format!(
                "{} and {} would be one page",
                path.display(),
                other.0.display()
            ));
        }
        match target.kind {
            Kind::Document => {
                let text = read(&repository.join(&path))?;
                let document = markdown::convert(repository, &path, &text)?;
                wanted.extend(document.linked.iter().cloned());
                documents.push((path, document));
            }
            Kind::Text => {
                let text = read(&repository.join(&path))?;
                let body = markdown::source(&path, &text);
                let html = page::around(&navigation, &target.path, &path, &body);
                write(&out.join(&target.path), html.as_bytes())?;
                pages.insert(target.path);
            }
            Kind::Folder => {
                let (body, files) = markdown::folder(repository, &path)?;
                wanted.extend(files);
                let html = page::around(&navigation, &target.path, &path, &body);
                write(&out.join(&target.path), html.as_bytes())?;
                pages.insert(target.path);
            }
            Kind::Image => {
                let bytes =
                    std::fs::read(repository.join(&path)).map_err(|error| at(&path, &error))?;
                write(&out.join(&target.path), &bytes)?;
            }
        }
    }
    for (path, document) in &documents {
        let target = &made[path];
        let html = page::around(&navigation, target, path, &document.body);
        write(&out.join(target), html.as_bytes())?;
        pages.insert(target.clone());
    }
    let listed: Vec<(&Path, &Document)> = navigation
        .documents()
        .filter_map(|wanted| documents.iter().find(|(path, _)| path == wanted))
        .map(|(path, document)| (made[path].as_path(), document))
        .collect();
    let index = page::headings(&listed);
    let target = Path::new(page::HEADINGS);
    let html = page::around(&navigation, target, Path::new(NAVIGATION), &index);
    write(&out.join(target), html.as_bytes())?;
    pages.insert(target.to_path_buf());
    write(&out.join(page::STYLE), include_bytes!("site.css"))?;
    let links = check::check(out, &pages)?;
    Ok(format!("{} pages, {links} links checked", pages.len()))
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| at(path, &error))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let folder = path.parent().unwrap_or(Path::new(""));
    std::fs::create_dir_all(folder).map_err(|error| at(folder, &error))?;
    std::fs::write(path, bytes).map_err(|error| at(path, &error))
}

fn at(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}
