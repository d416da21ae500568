//! Why does a command fail, in sentences: what, where, and what to do about it?

use std::ops::Range;
use std::path::PathBuf;

use ironwal::Error;

/// The failure of a command.
#[derive(Debug)]
pub enum Failure {
    /// The library returned an error.
    Library(Error),
    /// What the tool itself found, and the advice on it.
    Said { message: String, advice: String },
}

/// A failure in words. Unknown parts are `None`; the advice may be empty.
#[derive(Debug)]
pub struct Described {
    /// The cause, with its place where that is known.
    pub message: String,
    pub stream: Option<String>,
    pub path: Option<PathBuf>,
    pub offset: Option<u64>,
    pub ids: Option<Range<u64>>,
    pub advice: String,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Library(error)
    }
}

impl Failure {
    pub fn said(message: impl Into<String>, advice: impl Into<String>) -> Self {
        Failure::Said {
            message: message.into(),
            advice: advice.into(),
        }
    }

    /// A failure of reading or writing that has no place in a log.
    pub fn of_io(what: &str, error: &std::io::Error) -> Self {
        Failure::said(
            format!("{what}: {error}"),
            "check the path, its permissions and the free space",
        )
    }

    pub fn described(&self) -> Described {
        let error = match self {
            Failure::Said { message, advice } => {
                return Described {
                    message: message.clone(),
                    stream: None,
                    path: None,
                    offset: None,
                    ids: None,
                    advice: advice.clone(),
                };
            }
            Failure::Library(error) => error,
        };
        let context = error.context();
        let mut message = match error {
            Error::Config(what) => what.clone(),
            Error::StreamNotFound(key) => format!("the log has no stream {key:?}"),
            error => error.to_string(),
        };
        // Most messages name their place already.
        let mut add = |place: String| {
            if !message.contains(&place) {
                message += ", ";
                message += &place;
            }
        };
        if let Some(path) = &context.path {
            add(path.display().to_string());
        }
        if let Some(offset) = context.offset {
            add(format!("offset {offset}"));
        }
        if let Some(ids) = context.ids.as_ref().filter(|ids| ids.end - ids.start > 1) {
            add(format!("ids {}..{}", ids.start, ids.end));
        }
        let advice = match error {
            Error::StreamNotFound(_) => "ironwalctl stat lists the streams and their keys",
            _ => context.advice,
        };
        Described {
            message,
            stream: context.stream,
            path: context.path,
            offset: context.offset,
            ids: context.ids,
            advice: advice.to_owned(),
        }
    }
}

impl Described {
    /// The sentences for people, with a full stop each.
    pub fn sentences(&self) -> Vec<String> {
        let sentences = [&self.message, &self.advice];
        let written = sentences
            .into_iter()
            .filter(|sentence| !sentence.is_empty());
        let stopped = written.map(|sentence| match sentence.ends_with('.') {
            true => sentence.clone(),
            false => format!("{sentence}."),
        });
        stopped.collect()
    }
}
