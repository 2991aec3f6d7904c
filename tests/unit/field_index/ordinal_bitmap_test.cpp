#include <vecstore/core/random.hpp>

#include <catch2/catch.hpp>
#include <field_index/ordinal_bitmap.hpp>

#include <algorithm>
#include <set>

using namespace vecstore;
using field_index::ordinal_bitmap;

namespace {

ordinal_bitmap of(const std::set<ordinal_id>& members) {
    const std::vector<ordinal_id> list(members.begin(), members.end());
    return ordinal_bitmap::of(list);
}

std::set<ordinal_id> some(random_source& random, std::size_t count, std::uint64_t below) {
    std::set<ordinal_id> members;
    for (std::size_t i = 0; i < count; ++i) members.insert(static_cast<ordinal_id>(random.below(below)));
    return members;
}

}  // namespace

TEST_CASE("ordinal bitmap: an empty one has no memory and says so", "[field_index]") {
    const ordinal_bitmap none;
    CHECK(none.empty());
    CHECK(none.cardinality() == 0);
    CHECK(none.cardinality(0, 10) == 0);
    CHECK_FALSE(none.contains(0));
    CHECK(none.memory_bytes() == 0);
    CHECK(none.to_vector().empty());
    CHECK(none == ordinal_bitmap::of({}));
    CHECK(ordinal_bitmap::parse(none.serialized()).value() == none);
    auto both = none;
    both |= none;
    both &= ordinal_bitmap::range(1, 3);
    both -= ordinal_bitmap::range(1, 3);
    CHECK(both.empty());
    CHECK(ordinal_bitmap::united({}).empty());
}

TEST_CASE("ordinal bitmap: sets are joined, cut and walked as std::set does", "[field_index]") {
    random_source random(5);
    for (const std::uint64_t below : {100u, 5'000u, 300'000u}) {
        for (const std::size_t count : {1u, 60u, 700u, 6'000u}) {
            const auto a = some(random, count, below), b = some(random, count, below);
            std::set<ordinal_id> either = a, both, rest = a;
            either.insert(b.begin(), b.end());
            for (const auto x : a)
                if (b.contains(x)) both.insert(x);
            for (const auto x : b) rest.erase(x);
            auto joined = of(a), cut = of(a), left = of(a);
            joined |= of(b);
            cut &= of(b);
            left -= of(b);
            CHECK(joined == of(either));
            CHECK(cut == of(both));
            CHECK(left == of(rest));
            const std::vector<ordinal_bitmap> sets{of(a), ordinal_bitmap(), of(b)};
            CHECK(ordinal_bitmap::united(sets) == joined);
            CHECK(joined.cardinality() == either.size());
            CHECK(joined.select(either.size() / 2) == *std::next(either.begin(), std::ptrdiff_t(either.size() / 2)));
            CHECK(joined.minimum() == *either.begin());
            CHECK(joined.maximum() == *either.rbegin());
            std::vector<ordinal_id> walked;
            joined.for_each([&](ordinal_id x) {
                walked.push_back(x);
                return true;
            });
            CHECK(std::equal(walked.begin(), walked.end(), either.begin(), either.end()));
            CHECK(walked == joined.to_vector());
            const auto middle = static_cast<ordinal_id>(below / 2);
            const auto above = static_cast<std::uint64_t>(std::distance(either.lower_bound(middle), either.end()));
            CHECK(joined.cardinality(middle, ~ordinal_id{0}) == above);
            CHECK(ordinal_bitmap::parse(joined.serialized()).value() == joined);
            joined.add_range(middle, middle + 3'000);
            const auto end = static_cast<ordinal_id>(below - below / 5);
            const auto words = ordinal_bitmap::parse(joined.serialized()).value().to_words(end);
            REQUIRE(words.size() == (end + 63) / 64);
            for (ordinal_id i = 0; i < words.size() * 64; ++i)
                REQUIRE(((words[i / 64] >> (i % 64) & 1) != 0) == (i < end && joined.contains(i)));
        }
    }
}

TEST_CASE("ordinal bitmap: copies are apart, and a walk ends when it is told", "[field_index]") {
    auto a = ordinal_bitmap::range(10, 20);
    const auto b = a;
    a.add(5);
    CHECK(b.cardinality() == 10);
    CHECK(a.cardinality() == 11);
    std::size_t seen = 0;
    a.for_each([&](ordinal_id) { return ++seen < 3; });
    CHECK(seen == 3);
    auto last = ordinal_bitmap::of(std::vector<ordinal_id>{~ordinal_id{0}});
    CHECK(last.to_vector() == std::vector<ordinal_id>{~ordinal_id{0}});
}

TEST_CASE("ordinal bitmap: the bytes are Roaring's portable form, and others are refused", "[field_index][golden]") {
    const auto bytes = ordinal_bitmap::of(std::vector<ordinal_id>{1, 3, 0x20005}).serialized();
    const std::vector<int> expected{0x3A, 0x30, 0, 0, 2, 0,  0, 0, 0, 0, 1, 0, 2, 0, 0,
                                    0,    24,   0, 0, 0, 28, 0, 0, 0, 1, 0, 3, 0, 5, 0};
    REQUIRE(bytes.size() == expected.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) CHECK(static_cast<int>(bytes[i]) == expected[i]);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut)
        CHECK(ordinal_bitmap::parse(byte_span(bytes).first(cut)).error().code == errc::corruption);
    auto longer = bytes;
    longer.push_back(std::byte{0});
    CHECK(ordinal_bitmap::parse(longer).error().code == errc::corruption);
}

TEST_CASE("ordinal bitmap: members in common are counted", "[field_index]") {
    const auto evens = [] {
        ordinal_bitmap set;
        for (ordinal_id i = 0; i < 200'000; i += 2) set.add(i);
        return set;
    }();
    CHECK(evens.common(ordinal_bitmap::range(10, 20)) == 5);
    CHECK(ordinal_bitmap::range(10, 20).common(evens) == 5);
    CHECK(evens.common(evens) == 100'000);
    CHECK(evens.common(ordinal_bitmap()) == 0);
    CHECK(ordinal_bitmap().common(evens) == 0);
}
