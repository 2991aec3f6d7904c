#include <vecstore/wal/writer.hpp>

#include <catch2/catch.hpp>
#include <support/fault_file_system.hpp>
#include <support/log_trace.hpp>

using namespace vecstore;
using namespace vecstore::wal;
using storage::memory_file_system;
using test::append_trace;
using test::open_log;
using test::replay;
using test::small_segments;

TEST_CASE("writer: lsns are dense, and durable after sync", "[wal]") {
    memory_file_system files;
    auto log = open_log(files);
    CHECK(log.first_lsn() == 1);
    const draft drafts[] = {{record_type::upsert, flag_batch_continues, as_bytes("a")},
                            {record_type::erase, 0, as_bytes("b")},
                            {record_type::ddl, 0, {}}};
    CHECK(log.append(drafts).value() == 3);
    CHECK(log.append(drafts).value() == 6);
    CHECK(log.durable_lsn() == 0);
    log.sync().value();
    CHECK(log.durable_lsn() == 6);
    CHECK(log.append(drafts).value() == 9);
    log.sync().value();
    std::vector<record> seen;
    (void)recover(files, "wal", {}, [&](const record& each) -> result<void> {
        seen.push_back(each);
        return {};
    }).value();
    REQUIRE(seen.size() == 9);
    CHECK(seen[0].batch_pos == 0);
    CHECK(seen[1].batch_pos == 1);
    CHECK(seen[2].batch_pos == 0);
    CHECK(seen[1].type == record_type::erase);
    CHECK(seen[5].durable_upto == 0);
    CHECK(seen[8].durable_upto == 6);
    CHECK(seen[8].term == 1);
    CHECK(seen[8].chain == log.chain());
}

TEST_CASE("writer: bad drafts change nothing", "[wal]") {
    memory_file_system files;
    auto log = open_log(files);
    CHECK(log.append({}).error().code == errc::invalid_argument);
    const draft open_batch[] = {{record_type::upsert, flag_batch_continues, {}}};
    CHECK(log.append(open_batch).error().code == errc::invalid_argument);
    const byte_vector large(record_bytes_max + 1);
    const draft too_large[] = {{record_type::upsert, 0, large}};
    CHECK(log.append(too_large).error().code == errc::invalid_argument);
    CHECK(log.last_lsn() == 0);
    CHECK(files.list("wal").value().empty());
}

TEST_CASE("writer: segments roll, are released whole, and never the last", "[wal]") {
    memory_file_system files;
    auto log = open_log(files);
    append_trace(log, 500).value();
    log.sync().value();
    const auto names = list_segments(files, "wal").value();
    REQUIRE(names.size() > 3);
    for (const auto& name : names) CHECK(files.file_size("wal/" + to_string(name)).value() <= 16u << 10);
    const auto all = log.bytes();
    log.release_before(names[2].first_lsn).value();
    CHECK(log.first_lsn() == names[2].first_lsn);
    CHECK(log.bytes() < all);
    CHECK(list_segments(files, "wal").value().front() == names[2]);
    log.release_before(names[3].first_lsn - 1).value();
    CHECK(log.first_lsn() == names[2].first_lsn);
    log.release_before(1'000'000).value();
    CHECK(list_segments(files, "wal").value().size() == 1);
    append_trace(log, 600).value();
    log.sync().value();
    const auto found = replay(files, {.checkpoint_lsn = 500});
    CHECK(found.scan.value().end.last_lsn == 600);
    CHECK(found.all_right);
    CHECK(replay(files, {.checkpoint_lsn = 3}).scan.error().code == errc::corruption);
}

TEST_CASE("writer: an append larger than a segment gets its own", "[wal]") {
    memory_file_system files;
    auto log = open_log(files);
    append_trace(log, 10).value();
    const std::string large(100'000, 'x');
    const draft drafts[] = {{record_type::upsert, 0, as_bytes(large)}};
    CHECK(log.append(drafts).value() == 11);
    CHECK(log.append(drafts).value() == 12);
    log.sync().value();
    std::uint64_t bytes = 0;
    const auto scan = recover(files, "wal", {.checkpoint_lsn = 10}, [&](const record& each) -> result<void> {
        bytes += each.payload.size();
        return {};
    });
    CHECK(scan.value().end.last_lsn == 12);
    CHECK(bytes == 200'000);
}

TEST_CASE("writer: goes on after a reopen, with one chain", "[wal]") {
    memory_file_system files;
    std::uint32_t chain = 0;
    {
        auto log = open_log(files);
        append_trace(log, 400).value();
        chain = log.chain();
    }
    memory_file_system other;
    for (std::uint64_t last = 40; last <= 400; last += 40) {
        auto options = small_segments(8000);
        options.salt_seed = last;
        options.start_new_segment = last % 80 == 0;
        auto log = open_log(other, options);
        append_trace(log, last).value();
        log.sync().value();
    }
    const auto found = replay(other);
    CHECK(found.all_right);
    CHECK(found.scan.value().end.last_lsn == 400);
    CHECK(found.scan.value().end.chain == chain);
}

TEST_CASE("writer: start_new_segment on an empty segment makes it again", "[wal]") {
    memory_file_system files;
    auto options = small_segments();
    options.start_new_segment = true;
    {
        auto log = open_log(files, options);
        append_trace(log, 5).value();
        log.sync().value();
    }
    test::fault_file_system faulty(files);
    {
        auto log = open_log(faulty, options);
        faulty.plan({.fail_at = 7});  // the record's write, after the roll
        CHECK(!append_trace(log, 6));
    }
    auto log = open_log(files, options);
    append_trace(log, 7).value();
    log.sync().value();
    CHECK(replay(files).last_lsn == 7);
    CHECK(replay(files).all_right);
}

TEST_CASE("writer: a failed sync poisons for good", "[wal][fault]") {
    memory_file_system memory;
    test::fault_file_system files(memory);
    auto log = open_log(files);
    append_trace(log, 3).value();
    files.plan({.fail_syncs = true});
    CHECK(log.sync().error().code == errc::io);
    files.plan({});
    CHECK(log.poisoned());
    CHECK(log.sync().error().code == errc::unavailable);
    const auto refused = append_trace(log, 4);
    REQUIRE(!refused);
    CHECK(refused.error().code == errc::unavailable);
    CHECK(refused.error().message.find("injected fault: sync") != std::string::npos);
    CHECK(log.durable_lsn() == 0);
}

TEST_CASE("writer: a full disk refuses cleanly and the writer goes on", "[wal][fault]") {
    for (std::uint64_t room = 0; room < 40'000; room += 777) {
        INFO("room " << room);
        memory_file_system memory;
        test::fault_file_system files(memory);
        auto log = open_log(files);
        files.plan({.bytes_max = room});
        const auto refused = append_trace(log, 500);
        REQUIRE(!refused);
        REQUIRE(refused.error().code == errc::resource_exhausted);
        REQUIRE(!log.poisoned());
        const auto last = log.last_lsn();
        log.sync().value();
        CHECK(replay(memory).last_lsn == last);
        files.plan({});
        append_trace(log, last + 100).value();
        log.sync().value();
        const auto found = replay(memory);
        REQUIRE(found.last_lsn == last + 100);
        REQUIRE(found.all_right);
    }
}

TEST_CASE("writer: whichever operation fails, no synced record is lost and no refused one returns", "[wal][fault]") {
    const auto code = GENERATE(errc::io, errc::resource_exhausted);
    const auto run = [](writer& log, std::uint64_t& acknowledged) {
        for (std::uint64_t n = 1; n <= 120; ++n) {
            if (auto appended = append_trace(log, n); !appended) return;
            if (auto synced = log.sync(); !synced) return;
            acknowledged = n;
        }
    };
    std::uint64_t operations = 1;
    for (std::uint64_t n = 0; n <= operations; ++n) {
        INFO("operation " << n << " of " << operations);
        memory_file_system memory;
        test::fault_file_system files(memory);
        auto log = open_log(files, small_segments(8000));
        files.plan({.fail_at = n, .stays_broken = n % 2 == 1, .code = code, .torn_fraction = 0.7});
        std::uint64_t acknowledged = 0;
        run(log, acknowledged);
        if (n == 0) operations = files.operations();
        const bool usable = !log.poisoned();
        if (n > 0 && n % 3 == 0) memory.crash(n);
        const auto found = replay(memory, {.known_durable_lsn = acknowledged});
        REQUIRE(found.scan.has_value());
        REQUIRE(found.all_right);
        REQUIRE(found.last_lsn >= acknowledged);
        if (n > 0 && usable) REQUIRE(found.last_lsn == acknowledged);
    }
}
