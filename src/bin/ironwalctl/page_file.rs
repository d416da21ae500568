//! Where is a page written, so that it is whole or not there, and never over a file of the log?
//!
//! It is written beside its place under another name, and renamed. What is no plain file, as a terminal or a pipe, is
//! written as it is.

use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use super::failure::Failure;

/// The place of a page.
pub struct PageFile {
    /// With all links followed, so that one to a file is kept.
    path: PathBuf,
    is_plain: bool,
}

impl PageFile {
    /// Refuses a place that is none, before the log is read.
    pub fn new(path: &Path, log: &Path) -> Result<Self, Failure> {
        let failed = |error| Failure::of_io(&path.display().to_string(), &error);
        let found = std::fs::metadata(path);
        if found.as_ref().is_ok_and(std::fs::Metadata::is_dir) {
            return Err(Failure::said(
                format!("{} is a directory", path.display()),
                "give the name of a file in it",
            ));
        }
        // As /dev/stdout where standard output is closed: the page is not to take the place of the link.
        if found.is_err() && path.is_symlink() {
            return Err(Failure::said(
                format!("{} is a link that leads nowhere", path.display()),
                "give the name of the file itself",
            ));
        }
        let is_plain = found.as_ref().map_or(true, std::fs::Metadata::is_file);
        let path = match found {
            Ok(_) if !is_plain => path.to_path_buf(),
            Ok(_) => std::fs::canonicalize(path).map_err(failed)?,
            Err(_) => {
                let absolute = std::path::absolute(path).map_err(failed)?;
                let parent = absolute.parent().unwrap_or(Path::new("/"));
                let parent = std::fs::canonicalize(parent).map_err(failed)?;
                parent.join(absolute.file_name().unwrap_or_default())
            }
        };
        let file = PageFile { path, is_plain };
        file.refuse_in(log)?;
        Ok(file)
    }

    /// Writes the page. Directories of streams may be links to elsewhere: in none of them either.
    pub fn write<'a>(
        self,
        page: &[u8],
        streams: impl Iterator<Item = &'a Path>,
    ) -> Result<PathBuf, Failure> {
        for stream in streams {
            self.refuse_in(stream)?;
        }
        let failed = |error| Failure::of_io(&self.path.display().to_string(), &error);
        match self.is_plain {
            true => self.replace(page).map_err(failed)?,
            false => std::fs::write(&self.path, page).map_err(failed)?,
        }
        Ok(self.path)
    }

    fn refuse_in(&self, dir: &Path) -> Result<(), Failure> {
        let dir = std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_path_buf());
        match self.path.starts_with(&dir) {
            true => Err(Failure::said(
                format!("{} lies in the log", self.path.display()),
                "write the page to another directory",
            )),
            false => Ok(()),
        }
    }

    fn replace(&self, page: &[u8]) -> std::io::Result<()> {
        let mut name = self.path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{}.new", std::process::id()));
        let new = self.path.with_file_name(name);
        let mut file = std::fs::File::create_new(&new)?;
        let written = file
            .write_all(page)
            .and_then(|()| std::fs::rename(&new, &self.path));
        if written.is_err() {
            // The first failure is the one to report.
            let _ = std::fs::remove_file(&new);
        }
        written
    }
}
