#include <vecstore/storage/file_system.hpp>
#include <vecstore/storage/memory_file_system.hpp>

#include <catch2/catch.hpp>
#include <support/temporary_directory.hpp>

using namespace vecstore;
using namespace vecstore::storage;

namespace {

struct on_disk {
    file_system& files = posix_file_system();
    test::temporary_directory directory;
    std::string root = directory.path();
};

struct in_memory {
    memory_file_system memory;
    file_system& files = memory;
    std::string root = "root";
    in_memory() { files.create_directories(root).value(); }
};

void put_file(file_system& files, const std::string& path, std::string_view text) {
    files.open(path, open_mode::create).value()->write_at(0, as_bytes(text)).value();
}

std::string get_file(file_system& files, const std::string& path) {
    return std::string(as_text(read_file(files, path).value()));
}

}  // namespace

TEMPLATE_TEST_CASE("file: writes, reads, sizes", "[file_system]", on_disk, in_memory) {
    TestType fixture;
    auto& files = fixture.files;
    const auto path = fixture.root + "/a";
    const auto made = files.open(path, open_mode::create_new).value();
    CHECK(made->path() == path);
    made->write_at(3, as_bytes("hello")).value();
    CHECK(made->size().value() == 8);
    CHECK(get_file(files, path) == std::string("\0\0\0hello", 8));

    std::byte buffer[16];
    CHECK(made->read_at(6, buffer).value() == 2);
    CHECK(made->read_at(100, buffer).value() == 0);
    made->truncate(4).value();
    made->truncate(6).value();
    CHECK(get_file(files, path) == std::string("\0\0\0h\0\0", 6));
    made->allocate(10'000).value();
    made->allocate(5).value();
    CHECK(made->size().value() == 10'000);
    CHECK(files.file_size(path).value() == 10'000);
    made->sync().value();
}

TEMPLATE_TEST_CASE("file_system: open modes", "[file_system]", on_disk, in_memory) {
    TestType fixture;
    auto& files = fixture.files;
    const auto path = fixture.root + "/a";
    CHECK(files.open(path, open_mode::read).error().code == errc::not_found);
    CHECK(files.open(path, open_mode::read_write).error().code == errc::not_found);
    CHECK(files.open(fixture.root + "/no/a", open_mode::create).error().code == errc::not_found);
    put_file(files, path, "text");
    CHECK(files.open(path, open_mode::create_new).error().code == errc::already_exists);
    CHECK(files.open(path, open_mode::create).value()->size().value() == 4);
    const auto reading = files.open(path, open_mode::read).value();
    const auto refused = reading->write_at(0, as_bytes("x"));
    REQUIRE(!refused);
    CHECK(refused.error().code == errc::io);
    CHECK(refused.error().path == path);
}

TEMPLATE_TEST_CASE("file_system: rename, link, remove, list", "[file_system]", on_disk, in_memory) {
    TestType fixture;
    auto& files = fixture.files;
    const auto at = [&](const char* name) { return fixture.root + "/" + name; };
    put_file(files, at("b"), "b");
    put_file(files, at("a"), "a");
    files.create_directories(at("d/e")).value();
    files.create_directories(at("d/e")).value();
    put_file(files, at("d/e/f"), "f");
    CHECK(files.list(fixture.root).value() == std::vector<std::string>{"a", "b", "d"});
    CHECK(files.list(at("none")).error().code == errc::not_found);
    files.rename(at("a"), at("b")).value();
    CHECK(get_file(files, at("b")) == "a");
    CHECK(!files.exists(at("a")));
    CHECK(files.rename(at("a"), at("c")).error().code == errc::not_found);
    files.link(at("b"), at("c")).value();
    CHECK(files.link(at("b"), at("c")).error().code == errc::already_exists);
    files.remove(at("b")).value();
    CHECK(get_file(files, at("c")) == "a");
    CHECK(files.remove(at("b")).error().code == errc::not_found);
    CHECK(!files.remove(at("d")));
    files.rename(at("d"), at("g")).value();
    CHECK(get_file(files, at("g/e/f")) == "f");
    files.remove_all(at("g")).value();
    files.remove_all(at("g")).value();
    CHECK(!files.exists(at("g/e/f")));
    CHECK(!files.exists(at("g")));
    files.sync_directory(fixture.root).value();
    CHECK(files.sync_directory(at("g")).error().code == errc::not_found);
}

TEMPLATE_TEST_CASE("file_system: a mapping stays as it was", "[file_system]", on_disk, in_memory) {
    TestType fixture;
    auto& files = fixture.files;
    const auto path = fixture.root + "/a";
    put_file(files, path, "old");
    const auto mapped = files.map(path).value();
    files.remove(path).value();
    put_file(files, path, "new");
    CHECK(as_text(mapped->bytes()) == "old");
    put_file(files, fixture.root + "/empty", "");
    CHECK(files.map(fixture.root + "/empty").value()->bytes().empty());
    CHECK(files.map(fixture.root + "/none").error().code == errc::not_found);
}

TEMPLATE_TEST_CASE("file_system: a lock is exclusive within the process too", "[file_system]", on_disk, in_memory) {
    TestType fixture;
    auto& files = fixture.files;
    const auto path = fixture.root + "/LOCK";
    auto held = files.lock(path).value();
    const auto second = files.lock(path);
    REQUIRE(!second);
    CHECK(second.error().code == errc::unavailable);
    CHECK(second.error().message.find("locked") != std::string::npos);
    held.reset();
    CHECK(files.lock(path).has_value());
}

TEMPLATE_TEST_CASE("write_file: replaces the whole", "[file_system]", on_disk, in_memory) {
    TestType fixture;
    const auto path = fixture.root + "/a";
    write_file(fixture.files, path, as_bytes("first, longer")).value();
    write_file(fixture.files, path, as_bytes("second")).value();
    CHECK(get_file(fixture.files, path) == "second");
    CHECK(fixture.files.list(fixture.root).value().size() == 1);
}

TEST_CASE("posix: the lock's holder is named", "[file_system]") {
    test::temporary_directory directory;
    const auto held = posix_file_system().lock(directory / "LOCK").value();
    CHECK(posix_file_system().lock(directory / "LOCK").error().message.find("process ") != std::string::npos);
}

TEST_CASE("posix: a full device is resource_exhausted, a directory io", "[file_system]") {
    auto& files = posix_file_system();
    if (files.exists("/dev/full")) {
        const auto full = files.open("/dev/full", open_mode::read_write).value();
        CHECK(full->write_at(0, as_bytes("x")).error().code == errc::resource_exhausted);
    }
    CHECK(files.open("/", open_mode::read_write).error().code == errc::io);
}

TEST_CASE("paths: join and parent", "[file_system]") {
    CHECK(join_path("a", "b") == "a/b");
    CHECK(join_path("a/", "b") == "a/b");
    CHECK(join_path("", "b") == "b");
    CHECK(parent_directory("a/b/c") == "a/b");
    CHECK(parent_directory("/a") == "/");
    CHECK(parent_directory("a") == ".");
    CHECK(parent_directory("a/b/") == "a");
}
