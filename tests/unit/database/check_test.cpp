#include "support/full_sample.hpp"

#include <vecstore/database/check.hpp>
#include <vecstore/storage/file_system.hpp>

#include <catch2/catch.hpp>

namespace vs = vecstore;
namespace fs = std::filesystem;
using namespace vecstore::test;
using vs::errc;
using vs::finding_kind;
using vs::severity;

namespace {

std::vector<std::pair<std::string, vs::byte_vector>> contents(const std::string& directory) {
    std::vector<std::pair<std::string, vs::byte_vector>> all;
    for (const auto& file : files_below(directory))
        all.emplace_back(file,
                         vs::storage::read_file(vs::storage::posix_file_system(), directory + "/" + file).value());
    return all;
}

}  // namespace

TEST_CASE("check: a right database has no findings, and is not changed", "[check]") {
    const full_sample s;
    const auto before = contents(s.path());
    const auto report = vs::check(s.path()).value();
    INFO(texts(report));
    CHECK(report.findings.empty());
    CHECK(report.healthy());
    CHECK(report.collections == 2);
    CHECK(report.points == 2'500 - 3 + 100 + 50 - 1);
    CHECK(report.parts >= 3);
    CHECK(report.indexes >= 1);
    CHECK(report.log_records > 0);
    CHECK(report.table_pages > 0);
    CHECK(contents(s.path()) == before);
}

TEST_CASE("check: a database that was closed, and one with nothing in it, have no findings", "[check]") {
    const temporary_directory directory;
    {
        auto db = vs::database::open(directory / "db", quiet()).value();
        CHECK(code_of(vs::check(directory / "db")) == errc::unavailable);  // it is open
        db.close().value();
    }
    const auto empty = vs::check(directory / "db").value();
    INFO(texts(empty));
    CHECK(empty.findings.empty());
    const full_sample s;
    (void)vs::database::open(s.path(), quiet()).value().close();
    const auto closed = vs::check(s.path()).value();
    INFO(texts(closed));
    CHECK(closed.findings.empty());
    CHECK(code_of(vs::check(directory / "nothing")) == errc::not_found);
}

TEST_CASE("check: looks at a database in memory through its seams", "[check]") {
    const memory_disk disk;
    {
        auto db = disk.open().value();
        auto c = db.create_collection("c", one_vector(2)).value();
        (void)c.upsert({make_point(1, {1, 2}), make_point(2, {3, 4})}).value();
        db.close().value();
    }
    const auto report = vs::check("db", {}, disk.environment()).value();
    INFO(texts(report));
    CHECK(report.findings.empty());
    CHECK(report.points == 2);
    CHECK(report.rows == 2);
}

TEST_CASE("check: names each kind of damage, its file and its place", "[check]") {
    const full_sample s;
    const auto at = s.copy();
    const auto find = [&](finding_kind kind) {
        const auto report = vs::check(at).value();
        INFO(texts(report));
        for (const auto& f : report.findings)
            if (f.kind == kind) return f;
        FAIL("no finding of kind " << to_string(kind));
        return vs::finding{};
    };
    SECTION("one slot of the control file") {
        flip_byte(at + "/control", 20);
        CHECK(find(finding_kind::control_slot).level == severity::warning);
    }
    SECTION("the control file") {
        fs::remove(at + "/control");
        CHECK(find(finding_kind::control).derived);
    }
    SECTION("a record of the log") {
        const auto log = file_ending_in(at, ".wal");
        flip_byte(log, 4096 + 60);
        const auto f = find(finding_kind::log);
        CHECK(f.path == log);
        CHECK(f.offset == 4096);
    }
    SECTION("a copy of a segment's header") {
        flip_byte(file_ending_in(at, ".wal"), 2048 + 30);
        CHECK(find(finding_kind::log_header).offset == 2048 + 30);
    }
    SECTION("the sums of the tables") {
        flip_byte(at + "/state/sums", 60);
        CHECK(find(finding_kind::sums).derived);
    }
    SECTION("the sums are missing") {
        fs::remove(at + "/state/sums");
        CHECK(find(finding_kind::sums).derived);
    }
    SECTION("the tables are missing") {
        fs::remove(at + "/state/data.mdb");
        CHECK(find(finding_kind::tables).level == severity::error);
    }
    SECTION("a block of a part") {
        const auto part = file_ending_in(at, ".part");
        flip_byte(part, 70);
        const auto f = find(finding_kind::part_block);
        CHECK(f.path == part);
        CHECK(f.offset == 0);
        CHECK_FALSE(f.derived);
    }
    SECTION("a part is missing") {
        const auto part = file_ending_in(at, ".part");
        fs::remove(part);
        CHECK(find(finding_kind::part).path == part);
    }
    SECTION("a graph") {
        const auto graph = file_ending_in(at, ".hnsw");
        flip_byte(graph, 1'000);
        const auto f = find(finding_kind::graph);
        CHECK(f.derived);
        CHECK(f.level == severity::warning);
    }
    SECTION("a graph is missing") {
        fs::remove(file_ending_in(at, ".hnsw"));
        CHECK(find(finding_kind::graph).derived);
    }
    SECTION("files that nothing refers to") {
        std::ofstream(at + "/parts/1/0/999.part") << "left over";
        std::ofstream(at + "/control.tmp") << "left over";
        const auto report = vs::check(at).value();
        CHECK(report.healthy());
        CHECK(std::count_if(report.findings.begin(), report.findings.end(),
                            [](const auto& f) { return f.kind == finding_kind::left_over; }) == 2);
    }
}

TEST_CASE("check: never fails or crashes on damage, and what it calls right opens", "[check]") {
    const full_sample s;
    vs::random_source random(11);
    std::size_t harmless = 0, found = 0;
    for (const auto& file : files_below(s.path())) {
        const auto bytes = vs::storage::read_file(vs::storage::posix_file_system(), s.path() + "/" + file).value();
        std::vector<std::uint64_t> used;
        for (std::uint64_t i = 0; i < bytes.size(); ++i)
            if (bytes[i] != std::byte{0}) used.push_back(i);
        for (int i = 0; i < 12; ++i) {
            const auto at = s.copy();
            const auto offset = used[random.below(used.size())];
            const auto mask = 1u << random.below(8);
            INFO(file << " at " << offset << " mask " << mask);
            flip_byte(at + "/" + file, offset, mask);
            if (i % 4 == 3) fs::resize_file(at + "/" + file, offset);
            const auto report = vs::check(at);
            REQUIRE(report.has_value());
            INFO(texts(*report));
            const auto opened = vs::database::open(at, quiet());
            if (!opened) {
                REQUIRE(report->has(severity::error));
            } else if (report->findings.empty()) {
                ++harmless;
                REQUIRE(opened->list_collections().value().size() == 2);
            }
            found += !report->findings.empty();
        }
    }
    INFO(harmless << " harmless, " << found << " found");
    CHECK(found > 0);
}

TEST_CASE("check: can be cancelled, and tells what it is at", "[check]") {
    const full_sample s;
    vs::check_options options;
    std::size_t calls = 0;
    options.report = [&](const vs::progress& p) {
        CHECK_FALSE(p.task.empty());
        return ++calls < 3;
    };
    CHECK(code_of(vs::check(s.path(), options)) == errc::cancelled);
}

TEST_CASE("check: keeps a bounded number of findings of one kind and file", "[check]") {
    const full_sample s;
    const auto at = s.copy();
    const auto part = file_ending_in(at, ".part");
    fs::remove(at + "/parts/1/0/1.hnsw");
    for (int i = 0; i < 20; ++i) std::ofstream(at + "/parts/1/0/" + std::to_string(900 + i) + ".part") << "x";
    vs::check_options options;
    options.findings_max = 1;
    const auto report = vs::check(at, options).value();
    CHECK(report.findings.size() < 40);
}
