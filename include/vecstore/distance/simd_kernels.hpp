/// The distance kernels, written once over an architecture tag (simd_arch.hpp) and the type of the rows. Every function
/// here is a template on its tag or always inlined, so that two translation units built with different flags never
/// emit one symbol with two meanings. Sources that are built for one instruction set include this header and nothing
/// else (tests/tidy/isa_symbols.cmake checks their objects).
/// Thread safety: pure functions.
#pragma once

#include <vecstore/distance/kernel_table.hpp>
#include <vecstore/distance/simd_arch.hpp>

#include <cstddef>
#include <cstdint>

namespace vecstore::distance {

namespace detail {

/// What a kernel adds to its sum for one register of each vector.
template <class Arch>
struct dot_step {
    VECSTORE_SIMD typename Arch::reg apply(typename Arch::reg a, typename Arch::reg b,
                                           typename Arch::reg sum) noexcept {
        return Arch::multiply_add(a, b, sum);
    }
};
template <class Arch>
struct l2_squared_step {
    VECSTORE_SIMD typename Arch::reg apply(typename Arch::reg a, typename Arch::reg b,
                                           typename Arch::reg sum) noexcept {
        const auto difference = Arch::sub(a, b);
        return Arch::multiply_add(difference, difference, sum);
    }
};
template <class Arch>
struct l1_step {
    VECSTORE_SIMD typename Arch::reg apply(typename Arch::reg a, typename Arch::reg b,
                                           typename Arch::reg sum) noexcept {
        return Arch::add(sum, Arch::abs(Arch::sub(a, b)));
    }
};

/// One pair of vectors, four independent sums so that additions do not wait for each other.
template <class Arch, class T, template <class> class Step>
float one_to_one(const void* query, const void* row, std::size_t dim) noexcept {
    const auto* a = static_cast<const float*>(query);
    const auto* b = static_cast<const T*>(row);
    constexpr auto lanes = Arch::lanes;
    using step = Step<Arch>;
    auto s0 = Arch::zero(), s1 = Arch::zero(), s2 = Arch::zero(), s3 = Arch::zero();
    std::size_t i = 0;
    for (; i + 4 * lanes <= dim; i += 4 * lanes) {
        s0 = step::apply(Arch::load(a + i), Arch::load(b + i), s0);
        s1 = step::apply(Arch::load(a + i + lanes), Arch::load(b + i + lanes), s1);
        s2 = step::apply(Arch::load(a + i + 2 * lanes), Arch::load(b + i + 2 * lanes), s2);
        s3 = step::apply(Arch::load(a + i + 3 * lanes), Arch::load(b + i + 3 * lanes), s3);
    }
    for (; i + lanes <= dim; i += lanes) s0 = step::apply(Arch::load(a + i), Arch::load(b + i), s0);
    if (i < dim) s1 = step::apply(Arch::load_first(a + i, dim - i), Arch::load_first(b + i, dim - i), s1);
    return Arch::sum(Arch::add(Arch::add(s0, s1), Arch::add(s2, s3)));
}

/// Four rows against one query: each register of the query is loaded once. Two sums a row hide the latency of addition.
template <class Arch, class T, template <class> class Step>
VECSTORE_SIMD void one_to_four(const float* query, const void* const* rows, std::size_t dim, float* out) noexcept {
    constexpr auto lanes = Arch::lanes;
    using step = Step<Arch>;
    const auto *r0 = static_cast<const T*>(rows[0]), *r1 = static_cast<const T*>(rows[1]),
               *r2 = static_cast<const T*>(rows[2]), *r3 = static_cast<const T*>(rows[3]);
    auto a0 = Arch::zero(), a1 = Arch::zero(), a2 = Arch::zero(), a3 = Arch::zero();
    auto b0 = Arch::zero(), b1 = Arch::zero(), b2 = Arch::zero(), b3 = Arch::zero();
    std::size_t i = 0;
    for (; i + 2 * lanes <= dim; i += 2 * lanes) {
        const auto q = Arch::load(query + i), p = Arch::load(query + i + lanes);
        a0 = step::apply(q, Arch::load(r0 + i), a0);
        a1 = step::apply(q, Arch::load(r1 + i), a1);
        a2 = step::apply(q, Arch::load(r2 + i), a2);
        a3 = step::apply(q, Arch::load(r3 + i), a3);
        b0 = step::apply(p, Arch::load(r0 + i + lanes), b0);
        b1 = step::apply(p, Arch::load(r1 + i + lanes), b1);
        b2 = step::apply(p, Arch::load(r2 + i + lanes), b2);
        b3 = step::apply(p, Arch::load(r3 + i + lanes), b3);
    }
    if (i + lanes <= dim) {
        const auto q = Arch::load(query + i);
        a0 = step::apply(q, Arch::load(r0 + i), a0);
        a1 = step::apply(q, Arch::load(r1 + i), a1);
        a2 = step::apply(q, Arch::load(r2 + i), a2);
        a3 = step::apply(q, Arch::load(r3 + i), a3);
        i += lanes;
    }
    if (i < dim) {
        const auto rest = dim - i;
        const auto q = Arch::load_first(query + i, rest);
        b0 = step::apply(q, Arch::load_first(r0 + i, rest), b0);
        b1 = step::apply(q, Arch::load_first(r1 + i, rest), b1);
        b2 = step::apply(q, Arch::load_first(r2 + i, rest), b2);
        b3 = step::apply(q, Arch::load_first(r3 + i, rest), b3);
    }
    Arch::store_sums(Arch::add(a0, b0), Arch::add(a1, b1), Arch::add(a2, b2), Arch::add(a3, b3), out);
}

/// dot(query, row) / |row|: cosine for rows that are kept as they came. A zero row has no direction and gives 0.
template <class Arch, class T>
float one_to_one_by_length(const void* query, const void* row, std::size_t dim) noexcept {
    constexpr auto lanes = Arch::lanes;
    const auto* a = static_cast<const float*>(query);
    const auto* b = static_cast<const T*>(row);
    auto d0 = Arch::zero(), d1 = Arch::zero(), n0 = Arch::zero(), n1 = Arch::zero();
    std::size_t i = 0;
    for (; i + 2 * lanes <= dim; i += 2 * lanes) {
        const auto r0 = Arch::load(b + i), r1 = Arch::load(b + i + lanes);
        d0 = Arch::multiply_add(Arch::load(a + i), r0, d0);
        d1 = Arch::multiply_add(Arch::load(a + i + lanes), r1, d1);
        n0 = Arch::multiply_add(r0, r0, n0);
        n1 = Arch::multiply_add(r1, r1, n1);
    }
    for (; i < dim; i += lanes) {
        const bool whole = i + lanes <= dim;
        const auto r0 = whole ? Arch::load(b + i) : Arch::load_first(b + i, dim - i);
        const auto q0 = whole ? Arch::load(a + i) : Arch::load_first(a + i, dim - i);
        d0 = Arch::multiply_add(q0, r0, d0);
        n0 = Arch::multiply_add(r0, r0, n0);
    }
    const float squares = Arch::sum(Arch::add(n0, n1));
    return squares > 0 ? Arch::sum(Arch::add(d0, d1)) / __builtin_sqrtf(squares) : 0;
}

template <class Arch>
float differing_bits(const void* query, const void* row, std::size_t dim) noexcept {
    return static_cast<float>(Arch::differing(static_cast<const unsigned char*>(query),
                                              static_cast<const unsigned char*>(row), (dim + 7) / 8));
}

/// Asks for the head of a row; the processor's own stream prefetcher follows a long row by itself. Counts elements, as
/// compilers unroll this loop completely only then.
template <class Arch, class T>
VECSTORE_SIMD void prefetch_row(const void* row, std::size_t count) noexcept {
    constexpr std::size_t line = 64 / sizeof(T), lines_max = 16;
    const auto end = count < line * lines_max ? count : line * lines_max;
    for (std::size_t i = 0; i < end; i += line) __builtin_prefetch(static_cast<const T*>(row) + i);
}

template <class Arch, class T, template <class> class Step>
void one_to_many(const void* query, const void* const* rows, std::size_t count, std::size_t dim, float* out) noexcept {
    constexpr std::size_t ahead = 8;
    for (std::size_t r = 0; r < count && r < ahead; ++r) prefetch_row<Arch, T>(rows[r], dim);
    std::size_t r = 0;
    for (; r + 4 <= count; r += 4) {
        for (std::size_t next = r + ahead; next < count && next < r + ahead + 4; ++next)
            prefetch_row<Arch, T>(rows[next], dim);
        one_to_four<Arch, T, Step>(static_cast<const float*>(query), rows + r, dim, out + r);
    }
    for (; r < count; ++r) out[r] = one_to_one<Arch, T, Step>(query, rows[r], dim);
}

/// For kernels that gain nothing from four rows at a time; `per_byte` elements of a row lie in a byte.
template <class Arch, kernel::one_to_one one, std::size_t per_byte>
void each_of_many(const void* query, const void* const* rows, std::size_t count, std::size_t dim, float* out) noexcept {
    constexpr std::size_t ahead = 8;
    const auto bytes = (dim + per_byte - 1) / per_byte;
    for (std::size_t r = 0; r < count && r < ahead; ++r) prefetch_row<Arch, char>(rows[r], bytes);
    for (std::size_t r = 0; r < count; ++r) {
        if (r + ahead < count) prefetch_row<Arch, char>(rows[r + ahead], bytes);
        out[r] = one(query, rows[r], dim);
    }
}

template <class Arch, class T>
constexpr void add_numeric(kernel_table& table, element_type type) noexcept {
    auto& row = table.numeric[static_cast<std::size_t>(type) - 1];
    row[0] = {one_to_one<Arch, T, dot_step>, one_to_many<Arch, T, dot_step>};
    row[1] = {one_to_one<Arch, T, l2_squared_step>, one_to_many<Arch, T, l2_squared_step>};
    row[2] = {one_to_one<Arch, T, l1_step>, one_to_many<Arch, T, l1_step>};
}

template <class Arch>
constexpr kernel make_hamming() noexcept {
    return {differing_bits<Arch>, each_of_many<Arch, differing_bits<Arch>, 8>};
}

template <class Arch>
constexpr kernel_table make_kernel_table() noexcept {
    kernel_table table{};
    table.name = Arch::name;
    add_numeric<Arch, float>(table, element_type::f32);
    add_numeric<Arch, f16_value>(table, element_type::f16);
    add_numeric<Arch, bf16_value>(table, element_type::bf16);
    add_numeric<Arch, std::int8_t>(table, element_type::int8);
    table.int8_cosine = {one_to_one_by_length<Arch, std::int8_t>,
                         each_of_many<Arch, one_to_one_by_length<Arch, std::int8_t>, 1>};
    table.hamming = make_hamming<Arch>();
    return table;
}

/// Header-only mode: the table and the list of one table, per tag.
template <class Arch>
inline constexpr kernel_table single_table = make_kernel_table<Arch>();
template <class Arch>
inline constexpr const kernel_table* single_list[] = {&single_table<Arch>};

}  // namespace detail

#ifndef VECSTORE_COMPILED
inline const kernel_table& active_kernels() noexcept { return detail::single_table<arch::best>; }
inline std::span<const kernel_table* const> available_kernels() noexcept { return detail::single_list<arch::best>; }
#endif

}  // namespace vecstore::distance

#undef VECSTORE_SIMD
