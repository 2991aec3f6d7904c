#include "sparse_row.hpp"

#include <vecstore/core/limits.hpp>
#include <vecstore/distance/pack.hpp>

#include <collection/slots.hpp>

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

namespace vecstore::detail {
namespace {

sparse_value to_value(sparse_vector encoded) { return {std::move(encoded.indices), std::move(encoded.values), {}}; }

}  // namespace

std::optional<byte_span> get_sparse_row(byte_reader& in) {
    const auto count = in.get<std::uint32_t>();
    if (count > sparse_values_max) return std::nullopt;
    const auto row = in.get_bytes(count * sparse_entry_bytes);
    if (in.failed() || !is_sparse_row(row)) return std::nullopt;
    return row;
}

std::optional<byte_span> get_multi_row(byte_reader& in, const vector_options& options) {
    const auto count = in.get<std::uint32_t>();
    if (count < 1 || count > multi_vectors_max) return std::nullopt;
    const auto bytes = row_bytes(options.type, options.dim);
    const auto row = in.get_bytes(count * bytes);
    for (std::size_t at = 0; at < row.size(); at += bytes)
        if (!padding_clear(options.type, options.dim, row.subspan(at, bytes))) return std::nullopt;
    return in.failed() ? std::nullopt : std::optional(row);
}

std::vector<std::vector<float>> unpack_multi(byte_span row, const vector_options& options) {
    const auto bytes = row_bytes(options.type, options.dim);
    std::vector<std::vector<float>> values;
    for (std::size_t at = 0; at < row.size(); at += bytes) {
        const byte_vector one(row.begin() + static_cast<std::ptrdiff_t>(at),
                              row.begin() + static_cast<std::ptrdiff_t>(at + bytes));  // aligned
        unpack(options.type, one.data(), values.emplace_back(options.dim));
    }
    return values;
}

std::optional<byte_span> get_row(byte_reader& in, const collection_options& options, std::size_t slot) {
    if (is_sparse(options, slot)) return get_sparse_row(in);
    const auto& vector = options.vectors[slot];
    if (vector.multi) return get_multi_row(in, vector);
    const auto row = in.get_bytes(row_bytes(vector.type, vector.dim));
    if (in.failed() || !padding_clear(vector.type, vector.dim, row)) return std::nullopt;
    return row;
}

void put_row_head(byte_writer& out, const collection_options& options, std::size_t slot, byte_span row) {
    const auto& vector = slot_options(options, slot);
    if (rows_vary(vector)) out.put(static_cast<std::uint32_t>(row.size() / row_unit(vector)));
}

result<sparse_value> sorted_numbers(const sparse_value& value) {
    const auto count = value.indices.size();
    if (value.values.size() != count)
        return invalid_argument(std::to_string(value.values.size()) + " values for " + std::to_string(count) +
                                " indices: must be the same length as indices");
    if (count > sparse_values_max)
        return invalid_argument(std::to_string(count) + " values, the limit is " + std::to_string(sparse_values_max));
    for (std::size_t i = 0; i < count; ++i)
        if (!std::isfinite(value.values[i]))
            return invalid_argument("values[" + std::to_string(i) + "] is not finite (" +
                                    std::to_string(value.values[i]) + ")");
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return value.indices[a] < value.indices[b]; });
    sparse_value sorted;
    sorted.indices.reserve(count);
    sorted.values.reserve(count);
    for (const auto i : order) {
        if (!sorted.indices.empty() && sorted.indices.back() == value.indices[i])
            return invalid_argument("index " + std::to_string(value.indices[i]) +
                                    " is given twice: indices must be unique");
        sorted.indices.push_back(value.indices[i]);
        sorted.values.push_back(value.values[i]);
    }
    return sorted;
}

byte_vector pack_sparse(const sparse_value& sorted) {
    byte_writer out;
    out.put_bytes(std::as_bytes(std::span(sorted.indices)));
    out.put_bytes(std::as_bytes(std::span(sorted.values)));
    return std::move(out).take();
}

sparse_value unpack_sparse(byte_span row) {
    const auto count = row.size() / sparse_entry_bytes;
    sparse_value value;
    for (std::size_t i = 0; i < count; ++i) {
        value.indices.push_back(load_le<std::uint32_t>(row.data() + i * 4));
        value.values.push_back(load_le<float>(row.data() + (count + i) * 4));
    }
    return value;
}

text_encoders::text_encoders(const collection_options& options) {
    for (const auto& vector : options.sparse_vectors) {
        auto& place = encoders_.emplace_back();
        if (vector.bm25) place.emplace(text::bm25_encoder::create(*vector.bm25));
    }
}

result<const text::bm25_encoder*> text_encoders::encoder(std::size_t number, const sparse_value& value) const {
    if (!value.indices.empty() || !value.values.empty()) return invalid_argument("both numbers and a text are given");
    const auto& made = encoders_[number];
    if (!made) return invalid_argument("a text is given, and the vector has no bm25 options");
    if (!*made) return made->error();
    return &**made;
}

result<sparse_value> text_encoders::for_document(std::size_t number, const sparse_value& value) const {
    if (value.text.empty()) return sorted_numbers(value);
    VECSTORE_TRY(const auto* const ready, encoder(number, value));
    return to_value(ready->document(value.text));
}

result<sparse_value> text_encoders::for_query(std::size_t number, const sparse_value& value) const {
    if (value.text.empty()) return sorted_numbers(value);
    VECSTORE_TRY(const auto* const ready, encoder(number, value));
    return to_value(ready->query(value.text));
}

}  // namespace vecstore::detail
