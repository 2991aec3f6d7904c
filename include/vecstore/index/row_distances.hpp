/// What a search asks of the vectors: distances from one query to rows, by number. Behind it may be originals of any
/// type or codes; the searches do not know.
#pragma once

#include <vecstore/distance/computer.hpp>
#include <vecstore/index/rows.hpp>
#include <vecstore/quantization/code_distances.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <vector>

namespace vecstore::index {

/// `many` writes the distances of `ids` [count] into `out` [count]; `prefetch` asks for what it will read of a row.
/// Thread safety: constant; any number of threads.
template <class Distances>
concept row_distances = requires(const Distances& d, row_id row, const row_id* ids, std::size_t count, float* out) {
    { d(row) } -> std::same_as<float>;
    d.many(ids, count, out);
    d.prefetch(row);
};

/// Rows between which distances can be taken: `from(row)` gives the distances from that row to all others.
/// Thread safety: constant; any number of threads.
template <class Space>
concept row_space = requires(const Space& space, row_id row) {
    { space.from(row) } -> row_distances;
};

/// The distances to originals. `prefetch` asks for the head of a row alone, `many` for the rest a few rows ahead: all
/// rows of a hop at once would be more lines than a processor can wait for.
/// Lifetime: borrows both.
template <row_source Rows>
class exact_distances {
public:
    exact_distances(const Rows& rows, const distance_computer& distance) noexcept : rows_(rows), distance_(distance) {}

    [[nodiscard]] float operator()(row_id row) const noexcept { return distance_(rows_.at(row)); }
    void many(const row_id* ids, std::size_t count, float* out) const noexcept {
        constexpr std::size_t batch = 64;
        std::array<const void*, batch> vectors;
        for (std::size_t first = 0; first < count; first += batch) {
            const auto size = std::min(batch, count - first);
            for (std::size_t i = 0; i < size; ++i) vectors[i] = rows_.at(ids[first + i]);
            distance_.many(vectors.data(), size, out + first);
        }
    }
    [[gnu::always_inline]] void prefetch(row_id row) const noexcept {
        const auto* bytes = static_cast<const std::byte*>(rows_.at(row));
        for (std::size_t i = 0; i < 256; i += 64) __builtin_prefetch(bytes + i);
    }

private:
    const Rows& rows_;
    const distance_computer& distance_;
};

/// The distances from a stored original to others.
/// Lifetime: borrows the rows. Cost: none for f32 and binary rows; others are widened once, with one allocation.
template <row_source Rows>
class distances_from_row {
public:
    distances_from_row(metric m, const Rows& rows, row_id row)
        : widened_(widen(m, rows, row)),
          computer_(m, rows.type(), widened_.empty() ? rows.at(row) : widened_.data(), rows.dim()),
          exact_(rows, computer_) {}
    distances_from_row(const distances_from_row&) = delete;
    distances_from_row& operator=(const distances_from_row&) = delete;

    [[nodiscard]] float operator()(row_id row) const noexcept { return exact_(row); }
    void many(const row_id* ids, std::size_t count, float* out) const noexcept { exact_.many(ids, count, out); }
    [[gnu::always_inline]] void prefetch(row_id row) const noexcept { exact_.prefetch(row); }

private:
    [[nodiscard]] static std::vector<float> widen(metric m, const Rows& rows, row_id row) {
        if (rows.type() == element_type::f32 || rows.type() == element_type::binary) return {};
        std::vector<float> values(rows.dim());
        read_row(rows, row, values);
        if (m == metric::cosine) (void)normalize(values);
        return values;
    }

    std::vector<float> widened_;
    distance_computer computer_;
    exact_distances<Rows> exact_;
};

/// The space of the originals. Lifetime: borrows the rows.
template <row_source Rows>
class exact_space {
public:
    exact_space(const Rows& rows, metric m) noexcept : rows_(rows), metric_(m) {}
    [[nodiscard]] distances_from_row<Rows> from(row_id row) const { return {metric_, rows_, row}; }

private:
    const Rows& rows_;
    metric metric_;
};

/// The distances from a row's code to others.
/// Lifetime: borrows the codes.
class distances_from_code {
public:
    distances_from_code(const quantization::scalar_codec& codec, const std::byte* codes, row_id row)
        : query_(prepared(codec, codes + row * codec.code_bytes())), distances_(codec, codes, query_) {}
    distances_from_code(const distances_from_code&) = delete;
    distances_from_code& operator=(const distances_from_code&) = delete;

    [[nodiscard]] float operator()(row_id row) const noexcept { return distances_(row); }
    void many(const row_id* ids, std::size_t count, float* out) const noexcept { distances_.many(ids, count, out); }
    [[gnu::always_inline]] void prefetch(row_id row) const noexcept { distances_.prefetch(row); }

private:
    [[nodiscard]] static quantization::code_query prepared(const quantization::scalar_codec& codec,
                                                           const std::byte* code) {
        quantization::code_query query;
        codec.prepare_row(code, query);
        return query;
    }

    quantization::code_query query_;
    quantization::code_distances distances_;
};

/// The space of u8 codes. Lifetime: borrows both.
class code_space {
public:
    /// Precondition: codec.type() is u8.
    code_space(const quantization::scalar_codec& codec, const std::byte* codes) noexcept
        : codec_(codec), codes_(codes) {}
    [[nodiscard]] distances_from_code from(row_id row) const { return {codec_, codes_, row}; }

private:
    const quantization::scalar_codec& codec_;
    const std::byte* codes_;
};

}  // namespace vecstore::index
