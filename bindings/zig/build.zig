//! How is the module `ironwal` built, and how are its tests and its example run?
//!
//! The header is translated at each build, so the declarations are those of the library that is linked.

const std = @import("std");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const optimize = b.standardOptimizeOption(.{});
    const include = b.option([]const u8, "include", "Directory with ironwal.h; default: what pkg-config says");
    const lib = b.option([]const u8, "lib", "Directory with the library; default: what pkg-config says");

    const header = b.addTranslateC(.{
        .root_source_file = b.path("src/header.h"),
        .target = target,
        .optimize = optimize,
    });
    if (include) |dir| header.addIncludePath(.{ .cwd_relative = dir }) else addInstalled(b, header);

    const versions = b.addOptions();
    versions.addOption([]const u8, "package", @import("build.zig.zon").version);

    const module = b.addModule("ironwal", .{
        .root_source_file = b.path("src/root.zig"),
        .target = target,
        .optimize = optimize,
        .link_libc = true,
    });
    module.addImport("c", header.createModule());
    module.addOptions("versions", versions);
    if (lib) |dir| {
        module.addLibraryPath(.{ .cwd_relative = dir });
        module.addRPath(.{ .cwd_relative = dir });
    }
    module.linkSystemLibrary("ironwal", .{ .use_pkg_config = if (lib == null) .yes else .no });

    const example = b.addExecutable(.{
        .name = "audit_log",
        .root_module = b.createModule(.{
            .root_source_file = b.path("examples/audit_log.zig"),
            .target = target,
            .optimize = optimize,
        }),
    });
    example.root_module.addImport("ironwal", module);
    const run_example = b.addRunArtifact(example);
    if (b.args) |arguments| run_example.addArgs(arguments);
    b.step("example", "Run examples/audit_log.zig: -- DIRECTORY add WHO WHAT | show | watch SECONDS")
        .dependOn(&run_example.step);

    // The program of the README: its block of Zig, written to a file and compiled.
    const program = b.addExecutable(.{
        .name = "readme",
        .root_module = b.createModule(.{
            .root_source_file = b.addWriteFiles().add("readme.zig", programOf(@embedFile("README.md"))),
            .target = target,
            .optimize = optimize,
        }),
    });
    program.root_module.addImport("ironwal", module);

    const filter = b.option([]const []const u8, "filter", "Run the tests whose name holds this") orelse &.{};
    const tests = b.addTest(.{
        .root_module = b.createModule(.{
            .root_source_file = b.path("tests/all.zig"),
            .target = target,
            .optimize = optimize,
        }),
        .filters = filter,
    });
    tests.root_module.addImport("ironwal", module);
    tests.root_module.addImport("c", module.import_table.get("c").?);
    // What the tests compare: the page of behaviours, the sources, and the programs to be run.
    const paths = b.addOptions();
    paths.addOptionPath("readme", program.getEmittedBin());
    paths.addOptionPath("example", example.getEmittedBin());
    paths.addOption([]const u8, "package", b.pathFromRoot("."));
    paths.addOption([]const u8, "version", @import("build.zig.zon").version);
    tests.root_module.addOptions("paths", paths);
    const run_tests = b.addRunArtifact(tests);
    run_tests.has_side_effects = true;
    b.step("test", "Run the tests").dependOn(&run_tests.step);

    const documents = b.addInstallDirectory(.{
        .source_dir = b.addObject(.{ .name = "ironwal", .root_module = module }).getEmittedDocs(),
        .install_dir = .prefix,
        .install_subdir = "docs",
    });
    b.step("docs", "Write the documentation to zig-out/docs").dependOn(&documents.step);
}

/// Adds the directories that pkg-config names. Without it, or without an installed library, the header may still be
/// where the system looks; if not, its translation fails with a message that names it.
fn addInstalled(b: *std.Build, header: *std.Build.Step.TranslateC) void {
    var code: u8 = undefined;
    const flags = b.runAllowFail(&.{ "pkg-config", "--cflags-only-I", "ironwal" }, &code, .Ignore) catch return;
    var words = std.mem.tokenizeAny(u8, flags, " \r\n");
    while (words.next()) |word| {
        if (std.mem.startsWith(u8, word, "-I")) header.addIncludePath(.{ .cwd_relative = word[2..] });
    }
}

/// The first block of Zig in a page.
fn programOf(page: []const u8) []const u8 {
    const fence = "```zig\n";
    const start = (std.mem.indexOf(u8, page, fence) orelse @panic("README.md has no program")) + fence.len;
    const end = std.mem.indexOfPos(u8, page, start, "```") orelse @panic("README.md: the program has no end");
    return page[start..end];
}
