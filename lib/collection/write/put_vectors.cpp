#include "put_vectors.hpp"

#include <vecstore/core/limits.hpp>
#include <vecstore/distance/computer.hpp>
#include <vecstore/distance/pack.hpp>

#include <collection/slots.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>

namespace vecstore::detail {
namespace {

result<std::size_t> slot_of(const collection_options& options, const std::string& name) {
    for (std::size_t slot = 0; slot < options.vectors.size(); ++slot)
        if (options.vectors[slot].name == name) return slot;
    return invalid_argument("no vector \"" + name + "\" in this collection");
}

/// Appends a packed row; unit length under cosine.
result<void> put_row(byte_writer& out, const vector_options& wanted, const std::vector<float>& values,
                     std::vector<float>& scratch) {
    if (values.size() != wanted.dim)
        return invalid_argument("expected dimension " + std::to_string(wanted.dim) + ", got " +
                                std::to_string(values.size()));
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!std::isfinite(values[i]))
            return invalid_argument("element " + std::to_string(i) + " is not finite (" + std::to_string(values[i]) +
                                    ")");
    std::span<const float> stored(values);
    if (wanted.metric == metric::cosine) {
        scratch.assign(values.begin(), values.end());
        if (!normalize(scratch)) return invalid_argument("zero vector has no direction under cosine");
        if (stored_as_unit(wanted.metric, wanted.type)) stored = scratch;
    }
    if (wanted.type == element_type::f32) {
        out.put_bytes(std::as_bytes(stored));
        return {};
    }
    byte_vector row(row_bytes(wanted.type, wanted.dim));
    VECSTORE_CHECK(pack(wanted.type, stored, row));
    out.put_bytes(row);
    return {};
}

error in_vector(const std::string& name, error e) {
    e.message = "vector \"" + name + "\": " + e.message;
    return e;
}

/// The slot of a vector that is given for the first time.
result<std::size_t> take_slot(const collection_options& options, const std::string& name, bool multi,
                              std::uint64_t& slots_seen) {
    VECSTORE_TRY(const auto slot, slot_of(options, name));
    if ((slots_seen >> slot & 1) != 0) return in_vector(name, invalid_argument("given twice"));
    slots_seen |= std::uint64_t{1} << slot;
    if (options.vectors[slot].multi == multi) return slot;
    return in_vector(name, invalid_argument(multi ? "takes one vector, it is not a multi-vector"
                                                  : "is a multi-vector, which is given as `multi`"));
}

/// Appends slot and packed row.
result<void> put_vector(byte_writer& out, const collection_options& options, const std::string& name,
                        const std::vector<float>& values, std::uint64_t& slots_seen, std::vector<float>& scratch) {
    VECSTORE_TRY(const auto slot, take_slot(options, name, false, slots_seen));
    out.put(static_cast<std::uint8_t>(slot));
    if (auto put = put_row(out, options.vectors[slot], values, scratch); !put)
        return in_vector(name, std::move(put).error());
    return {};
}

/// Appends slot, number of vectors and packed rows.
result<void> put_multi(byte_writer& out, const collection_options& options, const named_multi_vector& vector,
                       std::uint64_t& slots_seen, std::vector<float>& scratch) {
    VECSTORE_TRY(const auto slot, take_slot(options, vector.name, true, slots_seen));
    const auto count = vector.values.size();
    if (count < 1 || count > multi_vectors_max)
        return in_vector(vector.name, invalid_argument(std::to_string(count) + " vectors are not 1 to " +
                                                       std::to_string(multi_vectors_max)));
    out.put(static_cast<std::uint8_t>(slot));
    out.put(static_cast<std::uint32_t>(count));
    for (std::size_t i = 0; i < count; ++i)
        if (auto put = put_row(out, options.vectors[slot], vector.values[i], scratch); !put) {
            auto e = in_vector(vector.name, std::move(put).error());
            e.message += " (the " + std::to_string(i + 1) + ". of them)";
            return e;
        }
    return {};
}

/// Appends slot, number of values and row.
result<void> put_sparse(byte_writer& out, const collection_options& options, const text_encoders& encoders,
                        const named_sparse_vector& vector, std::uint64_t& slots_seen) {
    const auto where = [&] { return "sparse \"" + vector.name + "\": "; };
    const auto& known = options.sparse_vectors;
    const auto at = std::find_if(known.begin(), known.end(), [&](const auto& v) { return v.name == vector.name; });
    if (at == known.end()) return invalid_argument("no sparse vector \"" + vector.name + "\" in this collection");
    const auto number = static_cast<std::size_t>(at - known.begin());
    const auto slot = options.vectors.size() + number;
    if ((slots_seen >> slot & 1) != 0) return invalid_argument(where() + "given twice");
    slots_seen |= std::uint64_t{1} << slot;
    auto value = encoders.for_document(number, vector.value);
    if (!value) {
        auto e = std::move(value).error();
        e.message = where() + e.message;
        return e;
    }
    out.put(static_cast<std::uint8_t>(slot));
    out.put(static_cast<std::uint32_t>(value->indices.size()));
    out.put_bytes(pack_sparse(*value));
    return {};
}

}  // namespace

result<void> put_vectors(byte_writer& out, const collection_options& options, const text_encoders& encoders,
                         const given_vectors& given, std::vector<float>& scratch) {
    if (given.size() > slot_count(options))
        return invalid_argument(std::to_string(given.size()) + " vectors given, the collection has " +
                                std::to_string(slot_count(options)));
    out.put(static_cast<std::uint8_t>(given.size()));
    std::uint64_t slots_seen = 0;
    if (!given.vector.empty()) VECSTORE_CHECK(put_vector(out, options, "", given.vector, slots_seen, scratch));
    for (const auto& v : given.vectors) VECSTORE_CHECK(put_vector(out, options, v.name, v.values, slots_seen, scratch));
    for (const auto& v : given.multi) VECSTORE_CHECK(put_multi(out, options, v, slots_seen, scratch));
    for (const auto& v : given.sparse) VECSTORE_CHECK(put_sparse(out, options, encoders, v, slots_seen));
    return {};
}

}  // namespace vecstore::detail
