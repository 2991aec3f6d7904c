"""Conan 2 recipe. `-o vecstore/*:header_only=True` packages the headers alone, which need no other package."""
from pathlib import Path
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout


class VecstoreRecipe(ConanFile):
    name = "vecstore"
    description = "Embeddable vector store: HNSW search, payload filters, durable and crash-safe."
    license = "Apache-2.0"
    topics = ("vector-search", "hnsw", "embedded-database")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "fPIC": [True, False], "header_only": [True, False],
               "encryption": [True, False]}
    default_options = {"shared": False, "fPIC": True, "header_only": False, "encryption": True}
    exports_sources = "CMakeLists.txt", "LICENSE", "cmake/*", "include/*", "lib/*"

    def set_version(self):
        text = Path(self.recipe_folder, "CMakeLists.txt").read_text()
        self.version = re.search(r"VERSION (\d+\.\d+\.\d+)", text).group(1)

    def configure(self):
        if self.options.header_only:
            self.options.rm_safe("shared")
            self.options.rm_safe("fPIC")
            self.options.rm_safe("encryption")
            self.package_type = "header-library"
        elif self.options.shared:
            self.options.rm_safe("fPIC")

    def requirements(self):
        if not self.options.header_only:
            self.requires("boost/[>=1.81 <2]")
            self.requires("fmt/[>=9 <12]")
            self.requires("lmdb/[>=0.9.24 <1]")
            self.requires("roaring/[>=0.2 <5]")
            self.requires("utf8proc/[>=2.8 <3]")
            self.requires("xxhash/[>=0.8 <1]")
            if self.options.get_safe("encryption"):
                self.requires("openssl/[>=1.1.1 <4]")

    def validate(self):
        check_min_cppstd(self, 20)

    def layout(self):
        cmake_layout(self)

    def package_id(self):
        if self.info.options.header_only:
            self.info.clear()

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["VECSTORE_LIBRARY"] = not self.options.header_only
        toolchain.cache_variables["VECSTORE_ENCRYPTION"] = bool(self.options.get_safe("encryption", False))
        # FAISS and libstemmer are not asked for: ivf indexes can then be searched, not built, and texts are not stemmed.
        for part in ("FAISS", "STEMMER", "TESTS", "EXAMPLES", "BENCHMARKS", "WARNINGS_AS_ERRORS"):
            toolchain.cache_variables[f"VECSTORE_{part}"] = False
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "vecstore")
        headers = self.cpp_info.components["headers"]
        headers.set_property("cmake_target_name", "vecstore::headers")
        headers.bindirs, headers.libdirs = [], []
        if not self.options.header_only:
            library = self.cpp_info.components["vecstore"]
            library.set_property("cmake_target_name", "vecstore::vecstore")
            library.libs = ["vecstore"]
            library.defines = ["VECSTORE_COMPILED=1"]
            library.requires = ["headers", "boost::json", "fmt::fmt", "lmdb::lmdb", "roaring::roaring",
                                "utf8proc::utf8proc", "xxhash::xxhash"]
            if self.options.get_safe("encryption"):
                library.requires.append("openssl::crypto")
            if self.settings.os == "Linux":
                library.system_libs = ["pthread"]
