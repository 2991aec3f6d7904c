#include <vecstore/core/aligned_buffer.hpp>

#include <catch2/catch.hpp>

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>

using vecstore::aligned_buffer;

namespace {

template <class T>
bool aligned(const aligned_buffer<T>& buffer, std::size_t to) {
    return reinterpret_cast<std::uintptr_t>(buffer.data()) % to == 0;
}

}  // namespace

TEST_CASE("aligned_buffer: begins on a cache line, or on a huge page when it is as large as one", "[core]") {
    for (const std::size_t size : {1, 15, 64, 1000, 100'000}) CHECK(aligned(aligned_buffer<char>(size), 64));
    const aligned_buffer<float> large(1'000'000);
    CHECK(aligned(large, std::size_t{2} << 20));
    CHECK(large.memory_bytes() == 4'000'000);
}

TEST_CASE("aligned_buffer: every element can be written and read, to the last", "[core]") {
    aligned_buffer<std::uint32_t> numbers(1'500'001);
    std::iota(numbers.begin(), numbers.end(), 0u);
    CHECK(numbers.data()[0] == 0);
    CHECK(numbers.data()[1'500'000] == 1'500'000);
    CHECK(numbers.size() == 1'500'001);
}

TEST_CASE("aligned_buffer: empty has no memory, moved-from is empty", "[core]") {
    aligned_buffer<int> none, made(0), one(1);
    CHECK(none.empty());
    CHECK(made.empty());
    CHECK(made.memory_bytes() == 0);
    one.data()[0] = 7;
    aligned_buffer<int> taken(std::move(one));
    CHECK(one.empty());  // NOLINT: that is what is tested
    CHECK(taken.data()[0] == 7);
    none = std::move(taken);
    CHECK(none.data()[0] == 7);
    auto& same = none;
    none = std::move(same);
    CHECK(none.data()[0] == 7);
}
