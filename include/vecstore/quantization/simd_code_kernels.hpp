/// The kernels of code_kernels.hpp, written once over an architecture tag. Every function is a template on its tag or
/// always inlined, so that two translation units built with different flags never emit one symbol with two meanings.
/// Sources that are built for one instruction set include this header and nothing else.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/quantization/code_kernels.hpp>

#include <cstddef>
#include <cstdint>

#define VECSTORE_SIMD [[gnu::always_inline]] static inline

namespace vecstore::quantization {

namespace code_arch {

/// The form for processors that no other tag knows, and what the others are compared with. A tag gives `sums`, a register of partial sums; for each kernel a function that adds one line of a code;
/// `store_four`, which makes four distances of four registers; and the two steps of `keep_nearest`.
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

using best = scalar;

}  // namespace code_arch

namespace detail {

/// One kernel of a tag; `Line` adds a line of a code to the sums.
template <class Arch, auto line_sum>
VECSTORE_SIMD void four_codes(const code_query_view& query, const std::byte* codes, std::size_t stride,
                              const row_id* rows, float* out) noexcept {
    const auto *r0 = codes + rows[0] * stride, *r1 = codes + rows[1] * stride;
    const auto *r2 = codes + rows[2] * stride, *r3 = codes + rows[3] * stride;
    auto s0 = Arch::zero(), s1 = Arch::zero(), s2 = Arch::zero(), s3 = Arch::zero();
    for (std::size_t line = 0; line < query.lines; ++line) {
        s0 = line_sum(r0 + code_line * line, query, line, s0);
        s1 = line_sum(r1 + code_line * line, query, line, s1);
        s2 = line_sum(r2 + code_line * line, query, line, s2);
        s3 = line_sum(r3 + code_line * line, query, line, s3);
    }
    Arch::store_four(s0, s1, s2, s3, query, out);
}

template <class Arch, auto line_sum>
void distances_to_codes(const code_query_view& query, const std::byte* codes, std::size_t stride, const row_id* rows,
                        std::size_t count, float* out) noexcept {
    std::size_t i = 0;
    for (; i + 4 <= count; i += 4) four_codes<Arch, line_sum>(query, codes, stride, rows + i, out + i);
    if (i == count) return;
    const row_id* rest = rows + i;
    const std::size_t left = count - i;
    const row_id padded[4] = {rest[0], rest[left > 1 ? 1 : 0], rest[left > 2 ? 2 : 0], rest[0]};
    float distances[4];
    four_codes<Arch, line_sum>(query, codes, stride, padded, distances);
    for (std::size_t j = 0; j < left; ++j) out[i + j] = distances[j];
}

template <class Arch>
std::size_t keep_nearest(nearest_pool& pool, const float* distances, const row_id* rows, std::size_t count,
                         row_id* kept) noexcept {
    std::size_t kept_count = 0;
    const auto last = pool.capacity - 1;
    for (std::size_t first = 0; first < count; first += Arch::lanes) {
        auto candidates = Arch::below(distances + first, count - first, pool.distances[last]);
        for (; candidates != 0; candidates &= candidates - 1) {
            const auto i = first + static_cast<std::size_t>(__builtin_ctz(candidates));
            const float distance = distances[i];
            if (!(distance < pool.distances[last])) continue;  // the bound has sunk since
            const auto place = Arch::place(pool.distances, pool.size, distance);
            if (pool.size == pool.capacity) --pool.size;
            Arch::move_up(pool.distances, place, pool.size);
            Arch::move_up(pool.rows, place, pool.size);
            pool.distances[place] = distance;
            pool.rows[place] = rows[i];
            ++pool.size;
            if (place < pool.next) pool.next = place;
            kept[kept_count++] = rows[i];
        }
    }
    return kept_count;
}

template <class Arch>
constexpr kernel_table make_code_kernels() noexcept {
    return {.name = Arch::name,
            .dot_u8 = distances_to_codes<Arch, Arch::dot_u8>,
            .l2_u8 = distances_to_codes<Arch, Arch::l2_u8>,
            .l1_u8 = distances_to_codes<Arch, Arch::l1_u8>,
            .dot_u4 = distances_to_codes<Arch, Arch::dot_u4>,
            .l2_u4 = distances_to_codes<Arch, Arch::l2_u4>,
            .l1_u4 = distances_to_codes<Arch, Arch::l1_u4>,
            .keep_nearest = detail::keep_nearest<Arch>};
}

/// Header-only mode: the table and the list of one table, per tag.
template <class Arch>
inline constexpr kernel_table single_code_table = make_code_kernels<Arch>();
template <class Arch>
inline constexpr const kernel_table* single_code_list[] = {&single_code_table<Arch>};

}  // namespace detail

#ifndef VECSTORE_COMPILED
inline const kernel_table& active_kernels() noexcept { return detail::single_code_table<code_arch::best>; }
inline std::span<const kernel_table* const> available_kernels() noexcept {
    return detail::single_code_list<code_arch::best>;
}
#endif

}  // namespace vecstore::quantization

#undef VECSTORE_SIMD
