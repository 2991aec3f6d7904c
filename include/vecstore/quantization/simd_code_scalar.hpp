/// Architecture tags for scalar codes: the terms of one line of a code and the steps of a sorted pool, for each
/// instruction set, so that kernels are written once (simd_code_kernels.hpp). This is the tag in plain C++.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/quantization/code_query_view.hpp>

#include <cstddef>
#include <cstdint>

#define VECSTORE_SIMD [[gnu::always_inline]] static inline

namespace vecstore::quantization::code_arch {

/// A tag gives `sums`, a register of partial sums; for each kernel a function that adds the terms of one line of a code;
/// `store_four`, which makes four distances of four registers; and the steps of `keep_nearest`: `below`, `place` and
/// `move_up`. This one is for processors that no other tag knows, and what the others are compared with.
struct scalar {
    using sums = std::int32_t;
    static constexpr const char* name = "baseline";

    VECSTORE_SIMD sums zero() noexcept { return 0; }
    VECSTORE_SIMD sums dot_u8(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto* q = query.wide + 64 * line;
        for (std::size_t i = 0; i < 64; ++i) a += static_cast<std::int32_t>(code[i]) * q[i];
        return a;
    }
    VECSTORE_SIMD sums l2_u8(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto* q = query.wide + 64 * line;
        for (std::size_t i = 0; i < 64; ++i) a += square(static_cast<std::int32_t>(code[i]) - q[i]);
        return a;
    }
    VECSTORE_SIMD sums l1_u8(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto* q = query.wide + 64 * line;
        for (std::size_t i = 0; i < 64; ++i) a += magnitude(static_cast<std::int32_t>(code[i]) - q[i]);
        return a;
    }
    VECSTORE_SIMD sums dot_u4(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto* q = query.narrow + 128 * line;
        for (std::size_t i = 0; i < 64; ++i) a += low(code[i]) * q[i] + high(code[i]) * q[i + 64];
        return a;
    }
    VECSTORE_SIMD sums l2_u4(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto* q = query.narrow + 128 * line;
        for (std::size_t i = 0; i < 64; ++i)
            a += square(8 * low(code[i]) - q[i]) + square(8 * high(code[i]) - q[i + 64]);
        return a;
    }
    VECSTORE_SIMD sums l1_u4(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto* q = query.narrow + 128 * line;
        for (std::size_t i = 0; i < 64; ++i)
            a += magnitude(8 * low(code[i]) - q[i]) + magnitude(8 * high(code[i]) - q[i + 64]);
        return a;
    }
    VECSTORE_SIMD void store_four(sums a, sums b, sums c, sums d, const code_query_view& query, float* out) noexcept {
        out[0] = static_cast<float>(a + query.offset) * query.scale + query.bias;
        out[1] = static_cast<float>(b + query.offset) * query.scale + query.bias;
        out[2] = static_cast<float>(c + query.offset) * query.scale + query.bias;
        out[3] = static_cast<float>(d + query.offset) * query.scale + query.bias;
    }

    /// Distances that are considered at once: bit i of `below` is for distances[i].
    static constexpr std::size_t lanes = 1;
    VECSTORE_SIMD unsigned below(const float* distances, std::size_t, float bound) noexcept {
        return distances[0] < bound ? 1u : 0u;
    }
    /// How many of the ascending distances [size], padded with infinity, are not above `x`.
    VECSTORE_SIMD std::size_t place(const float* distances, std::size_t size, float x) noexcept {
        std::size_t count = 0;
        while (count < size && distances[count] <= x) ++count;
        return count;
    }
    /// Moves [first, last) up by one.
    template <class T>
    VECSTORE_SIMD void move_up(T* values, std::size_t first, std::size_t last) noexcept {
        for (; last > first; --last) values[last] = values[last - 1];
    }

private:
    VECSTORE_SIMD std::int32_t low(std::byte code) noexcept { return static_cast<std::int32_t>(code) & 15; }
    VECSTORE_SIMD std::int32_t high(std::byte code) noexcept { return static_cast<std::int32_t>(code) >> 4; }
    VECSTORE_SIMD std::int32_t square(std::int32_t x) noexcept { return x * x; }
    VECSTORE_SIMD std::int32_t magnitude(std::int32_t x) noexcept { return x < 0 ? -x : x; }
};

}  // namespace vecstore::quantization::code_arch

#undef VECSTORE_SIMD
