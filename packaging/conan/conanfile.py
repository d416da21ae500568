"""A recipe of ironwal for Conan 2:

    conan create packaging/conan                                    # the static library
    conan create packaging/conan -o "&:shared=True"                 # the shared one
    conan create packaging/conan -o "&:tools=True"                  # with ironwalctl

The sources are the tree that the recipe lies in; a source archive (scripts/source-archive.sh) builds without a network.
Conan has no Rust: cargo and rustc are those on PATH.
"""

import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rmdir


class IronwalConan(ConanFile):
    name = "ironwal"
    description = "An embedded, durable, segmented write-ahead log"
    license = "MPL-2.0"
    topics = ("wal", "log", "durability", "storage")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    # Nothing is written beside the sources.
    no_copy_source = True
    options = {"shared": [True, False], "tools": [True, False]}
    default_options = {"shared": False, "tools": False}

    @property
    def _root(self):
        return os.path.join(self.recipe_folder, "..", "..")

    def set_version(self):
        manifest = load(self, os.path.join(self._root, "Cargo.toml"))
        self.version = re.search(r'^version = "([^"]+)"', manifest, re.M).group(1)

    def export_sources(self):
        # Benches and tests are named in Cargo.toml, so cargo wants their files; man page, completions and schemas are the tool's.
        for pattern in ("Cargo.*", "CMakeLists.txt", "LICENSE", "README.md", "CHANGELOG.md", "build.rs", "src/*", "include/*",
                        "cmake/*", "packaging/*", "benches/*", "tests/*", "share/*", "docs/schemas/*", "vendor/*", ".cargo/*"):
            copy(self, pattern, self._root, self.export_sources_folder,
                 excludes=("*/target/*", "packaging/conan/test_package/build/*"))

    def validate(self):
        if self.settings.os not in ("Linux", "FreeBSD", "Macos"):
            raise ConanInvalidConfiguration(f"ironwal has not been run on {self.settings.os}")

    def configure(self):
        # A C library: no C++ runtime takes part.
        self.settings.rm_safe("compiler.libcxx")
        self.settings.rm_safe("compiler.cppstd")

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        variables = toolchain.cache_variables
        variables["IRONWAL_BUILD_TESTS"] = False
        variables["IRONWAL_BUILD_EXAMPLES"] = False
        variables["IRONWAL_BUILD_TOOLS"] = bool(self.options.tools)
        variables["IRONWAL_BUILD_SHARED"] = bool(self.options.shared)
        variables["IRONWAL_INSTALL_STATIC"] = not self.options.shared
        if os.path.isdir(os.path.join(self.source_folder, "vendor")):
            # A source archive: no crate comes from elsewhere.
            variables["IRONWAL_CARGO_FLAGS"] = "--offline"
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        copy(self, "THIRD_PARTY.txt", os.path.join(self.source_folder, "packaging"),
             os.path.join(self.package_folder, "licenses"))
        # Conan writes its own.
        rmdir(self, os.path.join(self.package_folder, "lib", "cmake"))
        rmdir(self, os.path.join(self.package_folder, "lib", "pkgconfig"))

    def package_info(self):
        self.cpp_info.libs = ["ironwal"]
        target = "ironwal::ironwal" if self.options.shared else "ironwal::static"
        self.cpp_info.set_property("cmake_file_name", "ironwal")
        self.cpp_info.set_property("cmake_target_name", target)
        self.cpp_info.set_property("pkg_config_name", "ironwal" if self.options.shared else "ironwal-static")
        if not self.options.shared and self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["pthread", "m", "dl", "rt", "util"]
