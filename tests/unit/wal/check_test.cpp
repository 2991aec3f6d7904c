#include "support/log_trace.hpp"

#include <vecstore/core/random.hpp>
#include <vecstore/wal/check.hpp>

#include <catch2/catch.hpp>

using namespace vecstore;
using namespace vecstore::test;
using namespace vecstore::wal;
using storage::memory_file_system;

namespace {

/// A log of several segments, the last of them begun; its files, by first lsn.
std::vector<segment_name> several_segments(memory_file_system& files, std::uint64_t records) {
    auto log = open_log(files);
    while (log.last_lsn() < records) {
        append_trace(log, log.last_lsn() + 5).value();
        log.sync().value();
    }
    auto names = list_segments(files, "wal").value();
    REQUIRE(names.size() > 2);
    return names;
}

void flip(memory_file_system& files, const segment_name& name, std::uint64_t offset) {
    const auto file = files.open("wal/" + to_string(name), storage::open_mode::read_write).value();
    std::byte byte{};
    REQUIRE(file->read_at(offset, {&byte, 1}).value() == 1);
    byte ^= std::byte{0x10};
    file->write_at(offset, {&byte, 1}).value();
}

log_check checked(memory_file_system& files, recover_options options = {}, const record_visitor& visit = {}) {
    return check_log(files, "wal", options, visit).value();
}

}  // namespace

TEST_CASE("check_log: reads every record of a right log", "[wal][check]") {
    memory_file_system files;
    const auto names = several_segments(files, 400);
    std::uint64_t visited = 0;
    recover_options options;
    options.checkpoint_lsn = 300;
    const auto found = checked(files, options, [&](const record& each) -> result<void> {
        CHECK(each.lsn > 300);
        ++visited;
        return {};
    });
    CHECK(found.damages.empty());
    CHECK(found.records == 400);
    CHECK(found.last_lsn == 400);
    CHECK(found.segments == names.size());
    CHECK(visited == 100);
}

TEST_CASE("check_log: tells damage that matters from damage that the checkpoint covers", "[wal][check]") {
    memory_file_system files;
    const auto names = several_segments(files, 400);
    flip(files, names[0], segment_header_bytes + 200);
    const auto needed = checked(files);
    REQUIRE(needed.damages.size() == 1);
    CHECK(needed.damages[0].needed);
    CHECK(needed.damages[0].what.path == "wal/" + to_string(names[0]));
    CHECK(needed.last_lsn < names[1].first_lsn);

    recover_options options;
    options.checkpoint_lsn = names[1].first_lsn;
    const auto covered = checked(files, options);
    REQUIRE(covered.damages.size() == 1);
    CHECK_FALSE(covered.damages[0].needed);
    CHECK(covered.last_lsn == 400);
}

TEST_CASE("check_log: a torn tail is none of damage, and stays", "[wal][check]") {
    memory_file_system files;
    auto log = open_log(files);
    append_trace(log, 10).value();
    log.sync().value();
    append_trace(log, 11).value();
    const auto name = list_segments(files, "wal").value().front();
    flip(files, name, log.bytes() - 8);
    const auto before = storage::read_file(files, "wal/" + to_string(name)).value();
    const auto found = checked(files);
    CHECK(found.damages.empty());
    CHECK(found.torn_bytes > 0);
    CHECK(found.last_lsn == 10);
    CHECK(storage::read_file(files, "wal/" + to_string(name)).value() == before);
}

TEST_CASE("check_log: a damaged copy of a header, a refused record and a missing segment are found", "[wal][check]") {
    memory_file_system files;
    const auto names = several_segments(files, 400);
    SECTION("a copy of the header") {
        flip(files, names[1], segment_header_copy_offset + 20);
        const auto found = checked(files);
        REQUIRE(found.damages.size() == 1);
        CHECK_FALSE(found.damages[0].needed);
        CHECK(found.damages[0].what.offset == segment_header_copy_offset + 20);
    }
    SECTION("a record that the visitor refuses") {
        const auto found = checked(files, {}, [](const record& each) -> result<void> {
            if (each.lsn == 77) return corruption("refused", "wal", 0);
            return {};
        });
        REQUIRE(found.damages.size() == 1);
        CHECK(found.damages[0].lsn == 77);
        CHECK(found.last_lsn == 76);
    }
    SECTION("a segment in the middle") {
        files.remove("wal/" + to_string(names[1])).value();
        const auto found = checked(files);
        REQUIRE(found.damages.size() == 1);
        CHECK(found.damages[0].needed);
        CHECK(found.last_lsn == names[1].first_lsn - 1);
    }
    SECTION("cancelled") {
        CHECK(check_log(files, "wal", {}, {}, [] { return false; }).error().code == errc::cancelled);
    }
}

TEST_CASE("recovery: salvage reads up to the first bad record, wherever it is", "[wal][salvage]") {
    memory_file_system files;
    const auto names = several_segments(files, 400);
    random_source random(4);
    for (int i = 0; i < 60; ++i) {
        memory_file_system copy;
        copy.create_directories("wal").value();
        for (const auto& name : names) {
            const auto path = "wal/" + to_string(name);
            storage::write_file(copy, path, storage::read_file(files, path).value()).value();
        }
        const auto& hit = names[random.below(names.size())];
        const auto bytes = files.file_size("wal/" + to_string(hit)).value();
        flip(copy, hit, random.below(bytes));
        recover_options options;
        options.read_only = options.salvage = true;
        const auto found = replay(copy, options);
        REQUIRE(found.scan);
        REQUIRE(found.all_right);
        CHECK(found.last_lsn == found.scan->end.last_lsn);
        CHECK(found.last_lsn + 1 >= hit.first_lsn);
        if (found.last_lsn < 395) CHECK(found.scan->damage);  // else it may be a torn tail
    }
}

TEST_CASE("recovery: a bounded number of torn tails is kept, the newest", "[wal][torn]") {
    memory_file_system files;
    files.create_directories("diverged").value();
    for (std::uint64_t lsn = 1; lsn <= torn_copies_max + 5; ++lsn)
        storage::write_file(files, "diverged/torn-" + std::to_string(lsn) + "-0.bin", as_bytes("x")).value();
    storage::write_file(files, "diverged/other", as_bytes("not ours")).value();
    auto log = open_log(files, small_segments(1u << 20));
    append_trace(log, 500).value();  // one segment, nothing of it synced
    flip(files, list_segments(files, "wal").value().back(), segment_header_bytes + 8);
    const auto found = replay(files, {.diverged_directory = "diverged"});
    REQUIRE(found.scan);
    REQUIRE_FALSE(found.scan->torn_path.empty());
    const auto kept = files.list("diverged").value();
    CHECK(kept.size() == torn_copies_max + 1);
    CHECK(files.exists("diverged/other"));
    CHECK(files.exists(found.scan->torn_path));
    CHECK_FALSE(files.exists("diverged/torn-3-0.bin"));
}
