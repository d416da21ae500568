//! What the README shows is what is tested.

/// The C program in the README is the first example, which is built and run.
#[test]
fn the_readme_shows_the_first_example() {
    let readme = include_str!("../../README.md");
    let example = include_str!("../../examples-c/readme.c");
    let start = readme.find("```c\n").expect("a C block") + "```c\n".len();
    let end = start + readme[start..].find("```").expect("its end");
    let without_head = &example[example.find("#include").expect("an include")..];
    assert_eq!(readme[start..end].trim_end(), without_head.trim_end());
}
