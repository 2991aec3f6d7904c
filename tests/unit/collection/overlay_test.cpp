#include <catch2/catch.hpp>
#include <collection/newest/memtable.hpp>
#include <collection/newest/overlay.hpp>
#include <collection/newest/tombstones.hpp>

#include <atomic>
#include <thread>
#include <vector>

namespace vs = vecstore;
using vs::detail::find_row;
using vs::detail::memtable;
using vs::detail::overlay;
using vs::detail::tombstones;

namespace {

vs::byte_span text(std::string_view t) { return vs::as_bytes(t); }

}  // namespace

TEST_CASE("overlay: a reader sees the newest version that is not newer than its lsn", "[collection]") {
    overlay changes(100);
    CHECK(changes.empty());
    CHECK(changes.first_ordinal() == 100);
    changes.put_id(7, 5, 100);
    changes.put_id(7, 8, 101);
    changes.put_id(7, 9, vs::ordinal_none);
    CHECK(changes.find_id(7, 4) == nullptr);
    CHECK(changes.find_id(7, 5)->ordinal == 100);
    CHECK(changes.find_id(7, 7)->ordinal == 100);
    CHECK(changes.find_id(7, 8)->ordinal == 101);
    CHECK(changes.find_id(7, 99)->ordinal == vs::ordinal_none);
    CHECK(changes.find_id(8, 99) == nullptr);
    CHECK_FALSE(changes.empty());
}

TEST_CASE("overlay: points of this and of older generations", "[collection]") {
    overlay changes(100);
    changes.put_point(100, 5, 7, text("one"));
    changes.put_point(1'500, 6, 8, text(""));
    changes.put_point(3, 6, 9, text("old"));
    changes.put_point(100, 9, 7, text("two"));
    CHECK(changes.find_point(100, 4) == nullptr);
    CHECK(vs::as_text(changes.find_point(100, 5)->payload()) == "one");
    CHECK(vs::as_text(changes.find_point(100, 9)->payload()) == "two");
    CHECK(changes.find_point(100, 9)->id == vs::point_id(7));
    CHECK(changes.find_point(1'500, 9)->payload().empty());
    CHECK(vs::as_text(changes.find_point(3, 9)->payload()) == "old");
    CHECK(changes.find_point(3, 5) == nullptr);
    for (const vs::ordinal_id absent : {0u, 99u, 101u, 1'499u, 1'501u, 4'000'000'000u})
        CHECK(changes.find_point(absent, 99) == nullptr);
    CHECK(changes.older_points().size() == 1);
    CHECK(changes.memory_bytes() > 0);
    changes.put_death(3);
    CHECK(changes.deaths() == std::vector<vs::ordinal_id>{3});
}

TEST_CASE("overlay: readers beside the writer see whole versions", "[collection][threads]") {
    overlay changes(0);
    std::atomic<std::uint64_t> published{0};
    std::atomic<bool> stop{false};
    std::atomic<int> wrong{0};
    std::vector<std::thread> readers;
    for (int t = 0; t < 3; ++t)
        readers.emplace_back([&, t] {
            vs::random_source random(static_cast<std::uint64_t>(t));
            while (!stop) {
                const auto lsn = published.load(std::memory_order_acquire);
                if (lsn == 0) continue;
                const auto* const id = changes.find_id(lsn % 50, lsn);
                if (id == nullptr || id->lsn != lsn) {
                    ++wrong;
                    continue;
                }
                const auto* const point = changes.find_point(id->ordinal, lsn);
                if (point == nullptr || vs::as_text(point->payload()) != std::string(point->lsn % 90, 'x')) ++wrong;
            }
        });
    for (std::uint64_t lsn = 1; lsn < 5'000; ++lsn) {
        const auto ordinal = static_cast<vs::ordinal_id>(lsn - 1);
        changes.put_point(ordinal, lsn, lsn % 50, text(std::string(lsn % 90, 'x')));
        changes.put_id(lsn % 50, lsn, ordinal);
        published.store(lsn, std::memory_order_release);
    }
    stop = true;
    for (auto& reader : readers) reader.join();
    CHECK(wrong == 0);
}

TEST_CASE("tombstones: a death is seen from its lsn on", "[collection]") {
    tombstones deaths;
    CHECK(deaths.died_at(0) == 0);
    CHECK(deaths.alive_at(4'000'000'000u, 99));
    std::size_t count = 0;
    for (const vs::ordinal_id ordinal : {5u, 4'095u, 4'096u, 1'000'000u, 300'000'000u}) {
        deaths.set(ordinal, 10);
        CHECK(deaths.died_at(ordinal) == 10);
        CHECK(deaths.alive_at(ordinal, 9));
        CHECK_FALSE(deaths.alive_at(ordinal, 10));
        CHECK_FALSE(deaths.alive_at(ordinal, 11));
        CHECK(deaths.alive_at(ordinal + 1, 11));
        CHECK(deaths.alive_at(ordinal - 2, 11));
        CHECK(deaths.count() == ++count);
    }
    CHECK(deaths.memory_bytes() >= 4 * tombstones::page_size * sizeof(std::uint64_t));
}

TEST_CASE("memtable: keeps rows with their ordinals", "[collection]") {
    memtable rows(3);
    for (vs::ordinal_id i = 0; i < 3'000; ++i) {
        const auto x = static_cast<float>(i);
        const float vector[] = {x, -x, 1};
        rows.append(2 * i + 1, std::as_bytes(std::span(vector)));
    }
    REQUIRE(rows.size() == 3'000);
    for (const vs::row_id row : {0u, 1'023u, 1'024u, 2'999u}) {
        CHECK(rows.ordinal_of(row) == 2 * row + 1);
        CHECK(static_cast<const float*>(rows.vectors().at(row))[1] == -static_cast<float>(row));
    }
    CHECK(rows.memory_bytes() >= 3'000 * (3 * sizeof(float) + sizeof(vs::ordinal_id)));
}

TEST_CASE("memtable: find_row is a lower bound from any start", "[collection]") {
    for (const vs::row_id count : {0u, 1u, 2u, 7u, 100u}) {
        const auto ordinal_of = [](vs::row_id row) { return 3 * row + 5; };
        for (vs::ordinal_id ordinal = 0; ordinal < 3 * count + 10; ++ordinal)
            for (vs::row_id from = 0; from <= count; ++from) {
                vs::row_id wanted = from;
                while (wanted < count && ordinal_of(wanted) < ordinal) ++wanted;
                REQUIRE(find_row(count, ordinal, ordinal_of, from) == wanted);
            }
    }
}
