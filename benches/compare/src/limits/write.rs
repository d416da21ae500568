//! What does it cost to hand bytes to the kernel, with `write(2)`?

use std::fs::File;
use std::io::Write;

use crate::limits::row;
use crate::log::Appender;
use crate::log::Contender;
use crate::log::Failure;
use crate::log::Log;
use crate::log::Setup;

pub const CONTENDERS: &[Contender] = &[row(
    "limit: write(2)",
    &["W1", "W2", "W6", "W12"],
    "page cache",
    open,
)];

struct Files(Vec<File>);

fn open(setup: &Setup) -> Result<Box<dyn Log>, Failure> {
    let files = (0..setup.streams).map(|n| File::create(setup.dir.join(format!("f{n}"))));
    Ok(Box::new(Files(files.collect::<Result<_, _>>()?)))
}

impl Log for Files {
    fn appender(&self, stream: usize) -> Result<Box<dyn Appender + '_>, Failure> {
        Ok(Box::new(Writer {
            file: &self.0[stream],
            gathered: Vec::new(),
        }))
    }
}

struct Writer<'a> {
    file: &'a File,
    gathered: Vec<u8>,
}

impl Appender for Writer<'_> {
    fn append(&mut self, entry: &[u8]) -> Result<(), Failure> {
        Ok(self.file.write_all(entry)?)
    }

    fn append_batch(&mut self, entries: &[&[u8]]) -> Result<(), Failure> {
        self.gathered.clear();
        for entry in entries {
            self.gathered.extend_from_slice(entry);
        }
        Ok(self.file.write_all(&self.gathered)?)
    }

    fn sync(&mut self) -> Result<(), Failure> {
        Ok(self.file.sync_data()?)
    }
}
