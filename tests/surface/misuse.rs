//! Is every function of the C header in the table that the sweeps of `ffi-tests/misuse` go through?
//!
//! The table is made of the header: for each function a call in which any one argument can be replaced. A new function is
//! swept with the next build, and a type without a valid value in the sweep does not compile. To write the table anew:
//! `IRONWAL_WRITE_SWEEP=1 cargo test --test surface misuse`

use std::path::Path;
use std::path::PathBuf;

/// An argument of a function.
#[derive(Debug, PartialEq)]
struct Argument {
    kind: Kind,
    /// Its type, without `const` and `struct`.
    ty: String,
    name: String,
    /// It may be NULL, according to the comment.
    is_optional: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Pointer,
    Callback,
    /// An `int32_t` that goes in: one of the constants.
    Constant,
    /// How many bytes or elements the pointer before it leads to.
    Length,
    Plain,
}

/// A function of the header.
#[derive(Debug, PartialEq)]
struct Function {
    name: String,
    /// Its return type, without `const` and `struct`.
    ty: String,
    arguments: Vec<Argument>,
}

/// The functions of a header.
fn functions(header: &str) -> Vec<Function> {
    let mut found = Vec::new();
    let mut comment = String::new();
    let mut declaration = String::new();
    let mut in_comment = false;
    for line in header.lines() {
        if line.starts_with("/**") {
            comment.clear();
            in_comment = true;
        }
        if in_comment {
            comment += line;
            comment += "\n";
            in_comment = !line.contains("*/");
            continue;
        }
        let begins = line.contains("ironwal_")
            && line.contains('(')
            && line.starts_with(|c: char| c.is_ascii_lowercase())
            && !line.starts_with("typedef")
            && !line.starts_with("extern");
        if begins || !declaration.is_empty() {
            declaration += line.trim();
            declaration += " ";
            if line.ends_with(';') {
                found.push(function(&declaration, &comment));
                declaration.clear();
            }
        }
    }
    found
}

fn function(declaration: &str, comment: &str) -> Function {
    let (head, rest) = declaration.split_once('(').expect("its arguments");
    let arguments = rest.trim().strip_suffix(");").expect("its end");
    let (ty, name) = type_and_name(head);
    let optional = optional(comment);
    let mut parsed: Vec<Argument> = Vec::new();
    for argument in arguments.split(',').map(str::trim) {
        if argument == "void" {
            continue;
        }
        let (ty, name) = type_and_name(argument);
        let is_pointer = ty.ends_with('*');
        let follows_pointer = parsed.last().is_some_and(|last| last.kind == Kind::Pointer);
        let is_length = ["len", "capacity"].contains(&&*name)
            || name.ends_with("_len")
            || name.ends_with("_count");
        let kind = match ty.as_str() {
            _ if is_pointer => Kind::Pointer,
            ty if ty.ends_with("_fn") => Kind::Callback,
            "int32_t" => Kind::Constant,
            "size_t" if follows_pointer && is_length => Kind::Length,
            _ => Kind::Plain,
        };
        let is_optional = name == "out_error"
            || optional.iter().any(|word| word == &name)
            || name.starts_with("out_") && optional.iter().any(|word| word == "outputs");
        parsed.push(Argument {
            kind,
            ty,
            name,
            is_optional,
        });
    }
    Function {
        name,
        ty,
        arguments: parsed,
    }
}

/// The type and the name of a declaration.
fn type_and_name(declaration: &str) -> (String, String) {
    let declaration = declaration.trim();
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let at = declaration.rfind(|c| !is_name(c)).expect("a type") + 1;
    let ty = declaration[..at]
        .replace("const ", "")
        .replace("struct ", "");
    (ty.replace(' ', ""), declaration[at..].to_owned())
}

/// What may be NULL, according to a comment: names of arguments, and `outputs` for all of those. What is so only with a
/// length of 0 is not meant.
fn optional(comment: &str) -> Vec<String> {
    let text: Vec<&str> = comment
        .lines()
        .map(|line| line.trim_start_matches([' ', '*']))
        .collect();
    let text = text.join(" ");
    let Some((_, note)) = text.split_once("- NULL: ") else {
        return Vec::new();
    };
    let note = note.split(" - ").next().unwrap_or_default();
    let mut names = Vec::new();
    for piece in note.split([';', '.']) {
        let is_always = piece.contains("may be NULL")
            || piece.contains("a NULL `")
            || piece.contains("as above");
        if is_always && !piece.contains(" if ") {
            names.extend(piece.split('`').skip(1).step_by(2).map(str::to_owned));
            names.extend(piece.contains("the outputs").then(|| "outputs".to_owned()));
        }
    }
    names
}

/// The table in C.
fn table(functions: &[Function]) -> String {
    let mut text = String::from(
        "/* Every function of ironwal.h, so that any one argument can be replaced. Made by tests/surface/misuse.rs; do not edit.\n *\n \
         * P, F, C, L: a pointer, a callback, a constant, a length. V_...: the valid value of a type, or of an argument.\n */\n",
    );
    for function in functions {
        let Function {
            name,
            ty,
            arguments,
        } = function;
        text +=
            &format!("\nstatic int64_t call_{name}(const struct misuse *m, struct given *g) {{\n");
        let written: Vec<String> = arguments
            .iter()
            .enumerate()
            .map(|(at, argument)| value(at, argument))
            .collect();
        let call = format!("{name}({})", written.join(", "));
        text += &match ty.as_str() {
            "void" => format!("    {call};\n    return NONE(m, g);\n"),
            "ironwal_status" if returns_status(function) => {
                format!("    return STATUS(m, g, {call});\n")
            }
            _ => format!("    (void){call};\n    return NONE(m, g);\n"),
        };
        text += "}\n";
    }
    text += "\nstatic const struct function every_function[] = {\n";
    for function in functions {
        text += &format!(
            "    {{\"{name}\", call_{name}, {}, {{",
            u8::from(returns_status(function)),
            name = function.name
        );
        for argument in &function.arguments {
            let kind = match argument.kind {
                Kind::Pointer => "POINTER",
                Kind::Callback => "CALLBACK",
                Kind::Constant => "CONSTANT",
                Kind::Length => "LENGTH",
                Kind::Plain => "PLAIN",
            };
            let optional = u8::from(argument.is_optional);
            text += &format!(
                "{{{kind}, {optional}, \"{}\", \"{}\"}}, ",
                argument.ty, argument.name
            );
        }
        text += "{END, 0, NULL, NULL}}},\n";
    }
    text + "};\n"
}

/// Whether a function returns how it went; `ironwal_error_status` returns how another call went.
fn returns_status(function: &Function) -> bool {
    function.ty == "ironwal_status" && function.name != "ironwal_error_status"
}

/// An argument of a call in the table.
fn value(at: usize, argument: &Argument) -> String {
    let Argument { kind, ty, name, .. } = argument;
    let valid = match ty.strip_suffix("**") {
        // Whatever a handle is written to.
        Some(_) => format!("&g->out[{at}]"),
        None => match ty.strip_suffix('*') {
            Some(ty) => format!("V_{ty}({name}, {at})"),
            None if *kind == Kind::Callback => format!("V_{ty}"),
            None => format!("V_{name}"),
        },
    };
    match kind {
        Kind::Pointer => format!("P({at}, {valid})"),
        Kind::Callback => format!("F({at}, {valid})"),
        Kind::Constant => format!("C({at}, {valid})"),
        Kind::Length => format!("L({at}, {valid})"),
        Kind::Plain => valid,
    }
}

fn in_repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[test]
fn every_function_of_the_header_is_swept() {
    let header = std::fs::read_to_string(in_repository("include/ironwal.h")).expect("reads");
    let functions = functions(&header);
    // The script of exported symbols, and all declarations, name as many.
    let declared = header.lines().filter(|line| {
        let is_declaration = line.starts_with(|c: char| c.is_ascii_lowercase());
        is_declaration && line.contains(" ironwal_") && line.contains('(')
            || line.contains(" *ironwal_") && is_declaration && line.contains('(')
    });
    let declared = declared.filter(|line| !line.starts_with("typedef")).count();
    assert_eq!(functions.len(), declared);
    assert!(
        functions.len() > 190,
        "{} functions were found",
        functions.len()
    );
    let path = in_repository("ffi-tests/misuse/every_function.h");
    let text = table(&functions);
    if std::env::var_os("IRONWAL_WRITE_SWEEP").is_some() {
        std::fs::write(&path, &text).expect("writes");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "{} is old: run this test with IRONWAL_WRITE_SWEEP=1",
        path.display()
    );
}

#[test]
fn what_the_header_says_of_arguments_is_read() {
    let header = "\
/**
 * Appends.
 *
 * - NULL: `key` may be NULL if `key_len` is 0; `out_id` and
 *   `out_shard` may be NULL.
 * - Errors: none.
 */
ironwal_status ironwal_a(const struct ironwal_wal *wal,
                         const void *key,
                         size_t key_len,
                         int32_t mode,
                         ironwal_log_fn callback,
                         uint64_t *out_id,
                         struct ironwal_error **out_error);

/** Frees. */
void ironwal_b(void);
";
    let read = functions(header);
    let names: Vec<&str> = read.iter().map(|function| &*function.name).collect();
    assert_eq!(names, ["ironwal_a", "ironwal_b"]);
    let arguments = read[0].arguments.iter();
    let arguments: Vec<_> = arguments
        .map(|a| (a.kind, &*a.ty, &*a.name, a.is_optional))
        .collect();
    assert_eq!(
        arguments,
        [
            (Kind::Pointer, "ironwal_wal*", "wal", false),
            (Kind::Pointer, "void*", "key", false),
            (Kind::Length, "size_t", "key_len", false),
            (Kind::Constant, "int32_t", "mode", false),
            (Kind::Callback, "ironwal_log_fn", "callback", false),
            (Kind::Pointer, "uint64_t*", "out_id", true),
            (Kind::Pointer, "ironwal_error**", "out_error", true),
        ]
    );
    assert!(read[1].arguments.is_empty());
}
