#include <vecstore/core/random.hpp>
#include <vecstore/wal/reader.hpp>

#include <catch2/catch.hpp>
#include <support/log_trace.hpp>

using namespace vecstore;
using namespace vecstore::wal;
using storage::memory_file_system;
using storage::open_mode;
using test::append_trace;
using test::open_log;
using test::replay;
using test::small_segments;

namespace {

/// A directory with one segment of those bytes.
void place(memory_file_system& files, const std::string& name, byte_span bytes) {
    files.create_directories("wal").value();
    const auto out = files.open("wal/" + name, open_mode::create).value();
    out->truncate(0).value();
    out->write_at(0, bytes).value();
}

struct trace {
    std::string name;
    byte_vector bytes;
    std::vector<std::uint64_t> ends;  ///< ends[i]: offset behind record i + 1
};

/// One segment of about 16 KiB; `sync_every` records are made durable together.
trace make_trace(std::uint64_t records, std::uint64_t sync_every) {
    memory_file_system files;
    auto options = small_segments(1u << 20);
    options.allocate_bytes = 0;
    auto log = open_log(files, options);
    trace made;
    for (std::uint64_t lsn = 1; lsn <= records; ++lsn) {
        append_trace(log, lsn).value();
        made.ends.push_back(log.bytes());
        if (sync_every != 0 && lsn % sync_every == 0) log.sync().value();
    }
    log.sync().value();
    made.name = to_string(list_segments(files, "wal").value().front());
    made.bytes = storage::read_file(files, "wal/" + made.name).value();
    return made;
}

std::uint64_t whole_records(const trace& of, std::uint64_t bytes) {
    std::uint64_t count = 0;
    while (count < of.ends.size() && of.ends[count] <= bytes) ++count;
    return count;
}

}  // namespace

TEST_CASE("recovery: an empty or missing log is empty", "[wal]") {
    memory_file_system files;
    CHECK(replay(files).scan.value().end.last_lsn == 0);
    files.create_directories("wal").value();
    CHECK(!replay(files).scan.value().end.has_segment);
    CHECK(replay(files, {.checkpoint_lsn = 5}).scan.error().code == errc::corruption);
    CHECK(replay(files, {.known_durable_lsn = 5}).scan.error().code == errc::corruption);
    const auto restored = replay(files, {.checkpoint_lsn = 5, .log_may_be_absent = true, .checkpoint_chain = 9});
    CHECK(restored.scan.value().end.last_lsn == 5);
    CHECK(restored.scan.value().end.chain == 9);
}

TEST_CASE("recovery: only records above the checkpoint are visited", "[wal]") {
    memory_file_system files;
    auto log = open_log(files);
    append_trace(log, 300).value();
    log.sync().value();
    for (const std::uint64_t from : {0, 1, 77, 150, 299, 300}) {
        const auto found = replay(files, {.checkpoint_lsn = from});
        CHECK(found.all_right);
        CHECK(found.last_lsn == 300);
        CHECK(found.scan.value().visited == 300 - from);
    }
    CHECK(replay(files, {.checkpoint_lsn = 301}).scan.error().code == errc::corruption);
}

TEST_CASE("recovery: an error of the visitor ends it", "[wal]") {
    memory_file_system files;
    auto log = open_log(files);
    append_trace(log, 10).value();
    const auto scan = recover(files, "wal", {}, [](const record& each) -> result<void> {
        if (each.lsn == 5) return error{errc::cancelled, "enough"};
        return {};
    });
    CHECK(scan.error().code == errc::cancelled);
}

TEST_CASE("recovery: a log cut at any byte keeps every record before the cut and nothing else", "[wal][torn]") {
    const auto whole = make_trace(90, 0);
    INFO("trace of " << whole.bytes.size() << " bytes");
    for (std::size_t cut = segment_header_bytes; cut <= whole.bytes.size(); ++cut) {
        memory_file_system files;
        place(files, whole.name, byte_span(whole.bytes).first(cut));
        const auto expected = whole_records(whole, cut);
        const auto reading = replay(files, {.read_only = true});
        REQUIRE(reading.last_lsn == expected);
        REQUIRE(files.file_size("wal/" + whole.name).value() == cut);
        const auto found = replay(files);
        REQUIRE(found.scan.has_value());
        REQUIRE(found.all_right);
        REQUIRE(found.last_lsn == expected);
        const auto end = expected == 0 ? segment_header_bytes : whole.ends[expected - 1];
        REQUIRE(found.scan->end.offset == end);
        // The torn bytes are kept, but for zeros at their end.
        REQUIRE(found.scan->torn_bytes <= cut - end);
        if (found.scan->torn_bytes != 0) {
            const auto kept = storage::read_file(files, found.scan->torn_path).value();
            REQUIRE(kept.size() == found.scan->torn_bytes);
            REQUIRE(std::equal(kept.begin(), kept.end(), whole.bytes.begin() + static_cast<std::ptrdiff_t>(end)));
        }
    }
}

TEST_CASE("recovery: a cut inside the header of a first segment is an empty log", "[wal][torn]") {
    const auto whole = make_trace(3, 0);
    for (std::size_t cut = 0; cut < segment_header_bytes; cut += 61) {
        memory_file_system files;
        place(files, whole.name, byte_span(whole.bytes).first(cut));
        REQUIRE(replay(files).last_lsn == 0);
        auto log = open_log(files);
        append_trace(log, 2).value();
        REQUIRE(replay(files).last_lsn == 2);
    }
}

TEST_CASE("recovery: any flipped byte gives corruption or a shorter log, never a wrong record", "[wal][torn]") {
    const std::uint64_t sync_every = GENERATE(1, 10, 0);
    const auto whole = make_trace(60, sync_every);
    for (std::size_t i = 0; i < whole.bytes.size(); ++i) {
        memory_file_system files;
        auto bytes = whole.bytes;
        bytes[i] ^= static_cast<std::byte>(1 << (i % 8));
        place(files, whole.name, bytes);
        const auto found = replay(files);
        const auto before = whole_records(whole, i);
        REQUIRE(found.all_right);
        if (found.scan) {
            // Only bytes that mean nothing (padding), or the last un-synced batch, may pass.
            const bool padding_or_header = found.last_lsn == 60;
            const bool torn = found.last_lsn == before;
            REQUIRE((padding_or_header || torn));
            if (!padding_or_header && sync_every == 1) REQUIRE(before == 59);
            if (!padding_or_header && sync_every == 10) REQUIRE(before >= 50);
        } else {
            REQUIRE(found.scan.error().code == errc::corruption);
            REQUIRE(found.scan.error().path == "wal/" + whole.name);
            REQUIRE(found.last_lsn == 0);
        }
    }
}

TEST_CASE("recovery: damage before a record known to be durable is corruption with its place", "[wal]") {
    const auto whole = make_trace(20, 0);
    memory_file_system files;
    auto bytes = whole.bytes;
    bytes[whole.ends[9] + 60] ^= std::byte{1};
    place(files, whole.name, bytes);
    const auto found = replay(files, {.known_durable_lsn = 11});
    REQUIRE(!found.scan);
    CHECK(found.scan.error().code == errc::corruption);
    CHECK(found.scan.error().offset == whole.ends[9]);
    CHECK(replay(files, {.known_durable_lsn = 10}).last_lsn == 10);
    place(files, whole.name, byte_span(whole.bytes).first(whole.ends[9]));
    CHECK(replay(files, {.known_durable_lsn = 11}).scan.error().code == errc::corruption);
}

TEST_CASE("recovery: an unfinished batch is torn as a whole", "[wal][torn]") {
    memory_file_system files;
    auto options = small_segments(1u << 20);
    auto log = open_log(files, options);
    append_trace(log, 10).value();
    log.sync().value();
    const auto ten = log.bytes();
    append_trace(log, 15, 5).value();
    const auto fifteen = log.bytes();
    const auto name = to_string(list_segments(files, "wal").value().front());
    const auto bytes = storage::read_file(files, "wal/" + name).value();
    for (auto cut = ten; cut <= fifteen; ++cut) {
        memory_file_system other;
        place(other, name, byte_span(bytes).first(cut));
        REQUIRE(replay(other).last_lsn == (cut == fifteen ? 15 : 10));
    }
}

TEST_CASE("recovery: a missing, foreign or damaged middle segment is corruption", "[wal]") {
    memory_file_system files;
    auto log = open_log(files);
    append_trace(log, 500).value();
    log.sync().value();
    const auto names = list_segments(files, "wal").value();
    REQUIRE(names.size() > 3);
    const auto path = "wal/" + to_string(names[1]);
    const auto good = storage::read_file(files, path).value();
    const auto expect_corruption = [&](std::string_view at) {
        const auto found = replay(files);
        REQUIRE(!found.scan);
        CHECK(found.scan.error().code == errc::corruption);
        CHECK(found.scan.error().path.find(at) != std::string::npos);
        CHECK(found.last_lsn == 0);
    };
    files.remove(path).value();
    expect_corruption(to_string(names[0]));
    place(files, to_string(names[1]), byte_span(good).first(good.size() - 8));
    expect_corruption(to_string(names[1]));
    place(files, to_string(names[1]), byte_vector(good.size()));
    expect_corruption(to_string(names[1]));
    place(files, to_string(names[1]), good);
    CHECK(replay(files).last_lsn == 500);
    files.remove("wal/" + to_string(names[0])).value();
    expect_corruption(to_string(names[1]));
    CHECK(replay(files, {.checkpoint_lsn = names[1].first_lsn}).scan.value().end.last_lsn == 500);
    auto other = encode_segment_header({.first_lsn = names[2].first_lsn, .first_term = 1, .prev_chain = 1});
    files.open("wal/" + to_string(names[2]), open_mode::read_write).value()->write_at(0, other).value();
    CHECK(replay(files, {.checkpoint_lsn = names[1].first_lsn}).scan.error().code == errc::corruption);
}

TEST_CASE("recovery: a segment of a newer format is refused, not cut", "[wal]") {
    memory_file_system files;
    segment_header header;
    header.reader_version_min = segment_format_version + 1;
    place(files, to_string(segment_name{0, 1}), encode_segment_header(header));
    CHECK(replay(files).scan.error().code == errc::unsupported);
}

TEST_CASE("recovery: whatever a power cut leaves, synced records are there and no other appears", "[wal][crash]") {
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        INFO("seed " << seed);
        memory_file_system files;
        random_source random(seed);
        std::uint64_t synced = 0;
        for (int life = 0; life < 4; ++life) {
            auto options = small_segments(6000 + random.below(4000));
            options.salt_seed = mix64(seed * 8 + static_cast<std::uint64_t>(life));
            options.start_new_segment = random.below(4) == 0;
            options.allocate_bytes = random.below(2) * 2048;
            files.create_directories("wal").value();
            const auto found = replay(files, {.known_durable_lsn = synced});
            REQUIRE(found.scan.has_value());
            REQUIRE(found.all_right);
            REQUIRE(found.last_lsn >= synced);
            auto log = writer::open(files, "wal", options, found.scan->end).value();
            synced = log.durable_lsn();
            for (auto steps = random.below(60); steps > 0; --steps) {
                const auto batch = 1 + random.below(4);
                append_trace(log, log.last_lsn() + batch, batch).value();
                if (random.below(4) == 0) log.sync().value();
            }
            synced = log.durable_lsn();
            files.crash(random());
        }
        REQUIRE(replay(files, {.known_durable_lsn = synced}).last_lsn >= synced);
    }
}

TEST_CASE("cursor: follows a writer across segments", "[wal]") {
    memory_file_system files;
    auto log = open_log(files);
    append_trace(log, 3).value();
    log.sync().value();
    auto reading = cursor::open(files, "wal", 1).value();
    std::uint64_t expected = 1;
    for (std::uint64_t last = 3; last <= 600; last += 7) {
        append_trace(log, last).value();
        log.sync().value();
        for (;;) {
            const auto found = reading.next(log.durable_lsn()).value();
            if (!found) break;
            REQUIRE(found->lsn == expected);
            REQUIRE(as_text(found->payload) == test::trace_payload(expected));
            ++expected;
        }
        REQUIRE(reading.next_lsn() == log.last_lsn() + 1);
    }
    CHECK(!reading.next(log.last_lsn()).value());
    CHECK(reading.next(log.last_lsn() + 1).error().code == errc::corruption);
}

TEST_CASE("cursor: starts anywhere, and says when the log begins later", "[wal]") {
    memory_file_system files;
    auto log = open_log(files);
    append_trace(log, 500).value();
    log.sync().value();
    for (const std::uint64_t from : {1, 2, 100, 257, 500}) {
        auto reading = cursor::open(files, "wal", from).value();
        CHECK(reading.next(500).value()->lsn == from);
    }
    CHECK(!cursor::open(files, "wal", 501).value().next(500).value());
    const auto names = list_segments(files, "wal").value();
    log.release_before(names[2].first_lsn).value();
    CHECK(cursor::open(files, "wal", 1).error().code == errc::not_found);
    CHECK(cursor::open(files, "wal", names[2].first_lsn).value().next(500).value()->lsn == names[2].first_lsn);
}

TEST_CASE("cursor: a damaged first record of a segment is corruption", "[wal]") {
    const auto whole = make_trace(5, 0);
    memory_file_system files;
    auto bytes = whole.bytes;
    bytes[segment_header_bytes + 8] ^= std::byte{1};
    place(files, whole.name, bytes);
    CHECK(cursor::open(files, "wal", 1).value().next(5).error().code == errc::corruption);
}
