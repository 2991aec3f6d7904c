#include <vecstore/core/hash128.hpp>
#include <vecstore/core/random.hpp>

#include <catch2/catch.hpp>

#include <vector>

using namespace vecstore;

TEST_CASE("hash128: what is added can be subtracted, in any order, across the carry", "[hash128]") {
    random_source random(1);
    std::vector<hash128> members;
    hash128 sum;
    for (int i = 0; i < 100; ++i) {
        members.push_back({random(), random()});
        sum += members.back();
    }
    const auto all = sum;
    for (std::size_t i = 0; i < members.size(); i += 2) sum -= members[i];
    for (std::size_t i = 1; i < members.size(); i += 2) sum -= members[i];
    CHECK(sum == hash128{});
    for (std::size_t i = members.size(); i > 0; --i) sum += members[i - 1];
    CHECK(sum == all);
    hash128 carried{~std::uint64_t{0}, 4};
    carried += {1, 0};
    CHECK(carried == hash128{0, 5});
    carried -= {1, 0};
    CHECK(carried == hash128{~std::uint64_t{0}, 4});
    CHECK_FALSE(hash128{1, 0} == hash128{0, 1});
}

TEST_CASE("hash128: text and bytes come back", "[hash128]") {
    const hash128 value{0x0123'4567'89ab'cdef, 0xfedc'ba98'7654'3210};
    CHECK(to_string(value) == "fedcba98765432100123456789abcdef");
    CHECK(parse_hash128(to_string(value)) == value);
    for (const auto* bad : {"", "0", "fedcba98765432100123456789abcdeg", "FEDCBA98765432100123456789ABCDEF",
                            "fedcba98765432100123456789abcdef0"})
        CHECK_FALSE(parse_hash128(bad));
    byte_writer out;
    put(out, value);
    CHECK(out.size() == hash128_bytes);
    CHECK(load_le<std::uint64_t>(out.bytes().data()) == value.low);
    byte_reader in(out.bytes());
    CHECK(get_hash128(in) == value);
}
