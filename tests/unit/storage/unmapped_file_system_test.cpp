#include <vecstore/storage/unmapped_file_system.hpp>

#include <catch2/catch.hpp>
#include <support/temporary_directory.hpp>

using namespace vecstore;
using namespace vecstore::storage;

namespace {

std::shared_ptr<file_system> posix() {
    return {&posix_file_system(), [](file_system*) {}};
}

}  // namespace

TEST_CASE("unmapped files: what was mapped stays when the file is cut short", "[unmapped_files]") {
    const test::temporary_directory directory;
    const auto files = without_mappings(posix());
    const auto path = directory / "f";
    const byte_vector bytes(300'000, std::byte{7});
    write_file(*files, path, bytes).value();
    const auto mapped = files->map(path).value();
    files->open(path, open_mode::read_write).value()->truncate(0).value();
    CHECK(std::equal(bytes.begin(), bytes.end(), mapped->bytes().begin(), mapped->bytes().end()));
    mapped->release(0, bytes.size());
    CHECK(mapped->bytes()[299'999] == std::byte{7});
    CHECK(files->map(path).value()->bytes().empty());
    CHECK(files->map(directory / "none").error().code == errc::not_found);
}

TEST_CASE("unmapped files: all else is that of the file system inside", "[unmapped_files]") {
    const test::temporary_directory directory;
    const auto files = without_mappings(posix());
    files->create_directories(directory / "a/b").value();
    write_file(*files, directory / "a/f", as_bytes("x")).value();
    files->link(directory / "a/f", directory / "a/g").value();
    files->rename(directory / "a/g", directory / "a/h").value();
    files->sync_directory(directory / "a").value();
    CHECK(files->list(directory / "a").value() == std::vector<std::string>{"b", "f", "h"});
    CHECK(files->exists(directory / "a/h"));
    CHECK(files->file_size(directory / "a/h").value() == 1);
    files->remove(directory / "a/h").value();
    CHECK(files->lock(directory / "lock"));
    files->remove_all(directory / "a").value();
    CHECK_FALSE(files->exists(directory / "a"));
}
