#include <vecstore/storage/memory_file_system.hpp>

#include <catch2/catch.hpp>

#include <set>

using namespace vecstore;
using namespace vecstore::storage;

namespace {

byte_vector filled(std::size_t bytes, int value) { return byte_vector(bytes, static_cast<std::byte>(value)); }

}  // namespace

TEST_CASE("memory files: a crash keeps what was synced", "[memory_file_system]") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        memory_file_system files;
        files.create_directories("d").value();
        const auto made = files.open("d/a", open_mode::create).value();
        made->write_at(0, filled(3000, 1)).value();
        made->sync().value();
        files.sync_directory("d").value();
        made->write_at(1000, filled(100, 2)).value();
        files.crash(seed);
        const auto left = read_file(files, "d/a").value();
        REQUIRE(left.size() == 3000);
        for (std::size_t i = 0; i < 3000; ++i)
            if (i / 512 < 1 || i / 512 > 2) REQUIRE(left[i] == std::byte{1});
    }
}

TEST_CASE("memory files: a crash may lose, keep or tear what was not synced", "[memory_file_system]") {
    std::set<std::size_t> sizes;
    std::set<byte_vector> contents;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        memory_file_system files;
        files.create_directories("d").value();
        const auto made = files.open("d/a", open_mode::create).value();
        made->write_at(0, filled(1024, 1)).value();
        made->sync().value();
        files.sync_directory("d").value();
        made->write_at(0, filled(2048, 2)).value();
        files.crash(seed);
        const auto left = read_file(files, "d/a").value();
        sizes.insert(left.size());
        contents.insert(left);
    }
    CHECK(sizes == std::set<std::size_t>{1024, 2048});
    CHECK(contents.size() > 8);
}

TEST_CASE("memory files: names need their directory synced", "[memory_file_system]") {
    int there = 0;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        memory_file_system files;
        files.create_directories("d").value();
        files.open("d/a", open_mode::create).value()->sync().value();
        files.crash(seed);
        there += files.exists("d/a") ? 1 : 0;
    }
    CHECK(there > 5);
    CHECK(there < 45);
}

TEST_CASE("memory files: write_file is atomic under crashes", "[memory_file_system]") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        memory_file_system files;
        files.create_directories("d").value();
        write_file(files, "d/a", filled(2000, 1)).value();
        files.crash(seed);
        REQUIRE(read_file(files, "d/a").value() == filled(2000, 1));
        write_file(files, "d/a", filled(3000, 2)).value();
        files.crash(seed + 1);
        REQUIRE(read_file(files, "d/a").value() == filled(3000, 2));
    }
}

TEST_CASE("memory files: open handles of before a crash do not reach the survivors", "[memory_file_system]") {
    memory_file_system files;
    files.create_directories("d").value();
    const auto held = files.lock("d/LOCK").value();
    const auto before = files.open("d/a", open_mode::create).value();
    before->write_at(0, filled(10, 1)).value();
    before->sync().value();
    files.sync_directory("d").value();
    files.crash(1);
    before->write_at(0, filled(10, 2)).value();
    CHECK(read_file(files, "d/a").value() == filled(10, 1));
    CHECK(files.lock("d/LOCK").has_value());
    CHECK(files.bytes() == 10);
}

TEST_CASE("memory files: what a power cut would leave is a file system of its own", "[memory_file_system]") {
    memory_file_system files;
    const auto write = [](file_system& to, const std::string& text) {
        auto opened = to.open("f", open_mode::create).value();
        opened->write_at(0, vecstore::as_bytes(text)).value();
        return opened;
    };
    const auto text_of = [](file_system& from) { return std::string(vecstore::as_text(read_file(from, "f").value())); };
    write(files, "old").get()->sync().value();
    files.sync_directory(".").value();
    write(files, "new");
    files.rename("f", "g").value();
    files.link("g", "f").value();

    const auto lost = files.after_crash(unsynced::lost);
    CHECK(text_of(*lost) == "old");
    CHECK_FALSE(lost->exists("g"));
    const auto kept = files.after_crash(unsynced::kept);
    CHECK(text_of(*kept) == "new");
    CHECK(kept->exists("g"));
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const auto mixed = files.after_crash(unsynced::mixed, seed);
        if (mixed->exists("f")) CHECK((text_of(*mixed) == "old" || text_of(*mixed) == "new"));
    }
    // Neither sees what the other writes later.
    write(files, "later");
    write(*kept, "elsewhere");
    CHECK(text_of(files) == "later");
    CHECK(text_of(*kept) == "elsewhere");
    CHECK(text_of(*lost) == "old");
}
