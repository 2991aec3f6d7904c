#include <vecstore/wal/writer.hpp>

#include <catch2/catch.hpp>
#include <support/fault_file_system.hpp>
#include <support/log_trace.hpp>
#include <wal/segment_reader.hpp>

#include <map>

using namespace vecstore;
using namespace vecstore::wal;
using storage::memory_file_system;
using storage::unsynced;
using test::append_trace;
using test::open_log;
using test::small_segments;

namespace {

constexpr std::uint64_t segment_bytes = 5'000;

/// A log of `last` records in batches of three, synced up to half of it.
writer make_log(storage::file_system& files, std::uint64_t last) {
    auto log = open_log(files, small_segments(segment_bytes));
    append_trace(log, last / 2, 3).value();
    log.sync().value();
    append_trace(log, last, 3).value();
    return log;
}

/// The records that a recovery finds: chain by lsn.
std::map<std::uint64_t, std::uint32_t> recovered(storage::file_system& files) {
    std::map<std::uint64_t, std::uint32_t> chains;
    recover(files, "wal", {}, [&](const record& each) -> result<void> {
        chains[each.lsn] = each.chain;
        return {};
    }).value();
    return chains;
}

/// What of a cut stands in `diverged`.
std::map<std::uint64_t, std::uint32_t> kept(storage::file_system& files) {
    std::map<std::uint64_t, std::uint32_t> chains;
    if (!files.exists("./diverged")) return chains;
    for (const auto& name : files.list("./diverged").value()) {
        if (!name.ends_with(".wal")) continue;
        const auto bytes = storage::read_file(files, "./diverged/" + name).value();
        const auto header = decode_segment_header(bytes).value();
        for (auto rest = byte_span(bytes).subspan(segment_header_bytes); !rest.empty();) {
            const auto found = decode_record(rest, header.salt).value();
            CHECK(as_text(found.payload) == test::trace_payload(found.lsn));
            chains[found.lsn] = found.chain;
            rest = rest.subspan(record_bytes(found.payload.size()));
        }
    }
    return chains;
}

}  // namespace

TEST_CASE("writer: what is cut off is kept, and the log goes on from there", "[wal]") {
    for (const std::uint64_t at : {0u, 3u, 57u, 60u, 63u, 117u}) {
        INFO("cut at " << at);
        memory_file_system files;
        auto log = make_log(files, 120);
        REQUIRE(list_segments(files, "wal").value().size() > 3);
        const auto before = recovered(files);
        log.cut(at).value();
        CHECK(log.last_lsn() == at);
        CHECK(log.durable_lsn() == at);
        CHECK(log.chain() == (at == 0 ? 0 : before.at(at)));
        CHECK(recovered(files).size() == at);
        const auto tail = kept(files);
        CHECK(tail.size() == 120 - at);
        for (const auto& [lsn, chain] : tail) CHECK(before.at(lsn) == chain);
        const auto disk = files.after_crash(unsynced::lost);
        CHECK(recovered(*disk).size() == at);
        CHECK(kept(*disk) == tail);
        // Another history, of a later term.
        const auto text = as_bytes("another");
        record other{0, 9, record_type::upsert, 0, 0, 0, 0, 0, text};
        for (int i = 0; i < 100; ++i) CHECK(log.append_records({&other, 1}).has_value());
        log.sync().value();
        const auto after = recovered(*files.after_crash(unsynced::lost));
        CHECK(after.size() == at + 100);
        for (const auto& [lsn, chain] : after) CHECK((before.contains(lsn) && chain == before.at(lsn)) == (lsn <= at));
        CHECK(kept(files).size() == 120 - at);
    }
}

TEST_CASE("writer: a cut needs a place in the log", "[wal]") {
    memory_file_system files;
    auto log = make_log(files, 120);
    CHECK(log.cut(121).error().code == errc::invalid_argument);
    log.cut(120).value();
    CHECK(log.durable_lsn() == 120);
    CHECK_FALSE(files.exists("./diverged"));
    log.release_before(60).value();
    const auto first = log.first_lsn();
    CHECK(log.cut(first - 2).error().code == errc::invalid_argument);
    log.cut(first - 1).value();
    CHECK(log.last_lsn() == first - 1);
    CHECK(log.first_lsn() == first);
    append_trace(log, 150, 3).value();
    log.sync().value();
    const auto found = test::replay(files, {.checkpoint_lsn = first - 1});
    CHECK(found.all_right);
    CHECK(found.last_lsn >= 150);
}

TEST_CASE("writer: the power may fail at each operation of a cut", "[wal][fault]") {
    for (const std::uint64_t at : {3u, 60u, 93u}) {
        std::vector<std::unique_ptr<memory_file_system>> disks;
        memory_file_system memory;
        test::fault_file_system files(memory);
        auto log = make_log(files, 120);
        log.sync().value();
        const auto before = recovered(memory);
        test::fault_plan plan;
        plan.before = [&](const char*, const std::string&) {
            disks.push_back(memory.after_crash(unsynced::lost));
            disks.push_back(memory.after_crash(unsynced::kept));
            for (std::uint64_t seed = 1; seed <= 3; ++seed)
                disks.push_back(memory.after_crash(unsynced::mixed, seed + disks.size()));
        };
        files.plan(plan);
        log.cut(at).value();
        REQUIRE(disks.size() > 5 * 8);
        for (std::size_t i = 0; i < disks.size(); ++i) {
            INFO("cut at " << at << ", power cut " << i);
            const auto found = recovered(*disks[i]);
            REQUIRE(found.size() >= at);
            REQUIRE(found.size() % 3 == 0);
            for (const auto& [lsn, chain] : found) REQUIRE(before.at(lsn) == chain);
            // What is gone is kept.
            if (found.size() < 120) REQUIRE(kept(*disks[i]).size() == 120 - at);
            auto again = open_log(*disks[i], small_segments(segment_bytes));
            again.cut(at).value();
            append_trace(again, 130, 1).value();
            again.sync().value();
            REQUIRE(recovered(*disks[i]).size() == 130);
        }
    }
}

TEST_CASE("writer: each operation of a cut may fail", "[wal][fault]") {
    for (const auto code : {errc::io, errc::resource_exhausted}) {
        for (std::uint64_t fail_at = 1;; ++fail_at) {
            INFO("operation " << fail_at);
            memory_file_system memory;
            test::fault_file_system files(memory);
            auto log = make_log(files, 120);
            log.sync().value();
            const auto before = recovered(memory);
            files.plan({.fail_at = fail_at, .code = code});
            const auto done = log.cut(60);
            if (files.operations() < fail_at) {
                CHECK(done.has_value());
                break;
            }
            REQUIRE(done.error().code == code);
            CHECK((log.poisoned() || log.last_lsn() == 120));
            files.plan({});
            const auto disk = memory.after_crash(unsynced::mixed, fail_at);
            const auto found = recovered(*disk);
            REQUIRE(found.size() >= 60);
            for (const auto& [lsn, chain] : found) REQUIRE(before.at(lsn) == chain);
        }
    }
}

TEST_CASE("writer: positions of records are known, over terms, cuts and releases", "[wal]") {
    memory_file_system files;
    auto log = open_log(files, small_segments(2'000));
    log.keep_positions(0, {}).value();
    std::map<std::uint64_t, record_position> wanted{{0, {}}};
    const auto text = as_bytes("a record of some length");
    const auto fill = [&](std::uint64_t last) {
        while (log.last_lsn() < last) {
            const auto lsn = log.last_lsn() + 1;
            record each{0, 1 + lsn / 10, record_type::upsert, 0, 0, 0, 0, 0, text};
            CHECK(log.append_records({&each, 1}).value() == lsn);
            wanted[lsn] = {each.term, log.chain()};
        }
    };
    const auto check = [&](const writer& of) {
        for (const auto& [lsn, position] : wanted) {
            const auto found = of.position_at(lsn);
            if (lsn + 1 >= of.first_position_lsn() && lsn <= of.last_lsn())
                CHECK(found == position);
            else if (lsn + 1 < of.first_lsn() || lsn > of.last_lsn())
                CHECK_FALSE(found);
        }
    };
    fill(100);
    check(log);
    CHECK(log.position_at(100)->term == 11);
    log.cut(55).value();
    check(log);
    fill(120);
    check(log);
    log.release_before(40).value();
    CHECK(log.first_lsn() > 1);
    CHECK(log.first_position_lsn() == log.first_lsn());
    check(log);
    log.sync().value();
    // After a restart the place before the first record is known only to who remembers it.
    const auto end =
        recover(files, "wal", {.checkpoint_lsn = 100}, [](const record&) -> result<void> { return {}; }).value().end;
    CHECK(end.term == 13);
    auto again = writer::open(files, "wal", small_segments(2'000), end).value();
    again.keep_positions(0, {}).value();
    CHECK(again.first_position_lsn() == again.first_lsn() + 1);
    check(again);
    const auto before = again.first_lsn() - 1;
    again.keep_positions(before, wanted.at(before)).value();
    CHECK(again.first_position_lsn() == again.first_lsn());
    check(again);
    again.release_before(1'000).value();
    again.start_segment().value();
    again.release_before(1'000).value();
    CHECK(again.position_at(120) == wanted.at(120));
    record low{0, 2, record_type::upsert, 0, 0, 0, 0, 0, text};
    CHECK(again.append_records({&low, 1}).error().code == errc::invalid_argument);
}

TEST_CASE("writer: a sync beside appends makes durable what was there when it began", "[wal]") {
    memory_file_system files;
    auto log = open_log(files, small_segments(segment_bytes));
    append_trace(log, 10).value();
    const auto point = log.begin_sync();
    append_trace(log, 100).value();  // another segment by now
    CHECK(log.durable_lsn() < 100);
    const auto durable = log.durable_lsn();
    log.end_sync(point, point.file->sync()).value();
    CHECK(log.durable_lsn() == std::max<std::uint64_t>(durable, 10));
    const auto late = log.begin_sync();
    log.cut(20).value();
    append_trace(log, 30).value();
    log.end_sync(late, late.file->sync()).value();
    CHECK(log.durable_lsn() < 30);
    CHECK(log.begin_sync().lsn == 30);
    CHECK(log.end_sync(log.begin_sync(), error{errc::io, "no"}).error().code == errc::io);
    CHECK(log.poisoned());
    CHECK(log.cut(20).error().code == errc::unavailable);
    CHECK(log.end_sync(late, {}).error().code == errc::unavailable);
}
