#include "whole_point.hpp"

#include "record_cutter.hpp"

#include <vecstore/distance/element_type.hpp>

#include <algorithm>

namespace vecstore::detail {

result<packed_rows> pack_rows(const collection_options& options, const std::vector<float>& vector,
                              const std::vector<named_vector>& vectors) {
    packed_rows rows(options.vectors.size());
    std::uint64_t slots_seen = 0;
    std::vector<float> scratch;
    const auto add = [&](const std::string& name, const std::vector<float>& values) -> result<void> {
        byte_writer packed;
        VECSTORE_CHECK(put_vector(packed, options, name, values, slots_seen, scratch));
        byte_reader in(packed.bytes());
        const auto slot = in.get<std::uint8_t>();
        const auto row = in.get_bytes(in.remaining());
        rows[slot].emplace(row.begin(), row.end());
        return {};
    };
    if (!vector.empty()) VECSTORE_CHECK(add("", vector));
    for (const auto& each : vectors) VECSTORE_CHECK(add(each.name, each.values));
    return rows;
}

result<packed_rows> read_rows(const read_session& session, ordinal_id ordinal) {
    const auto& options = session.collection().options().vectors;
    packed_rows rows(options.size());
    for (std::size_t slot = 0; slot < options.size(); ++slot) {
        VECSTORE_TRY(const auto* const values, session.vector(slot, ordinal));
        if (values == nullptr) continue;
        const auto* const bytes = static_cast<const std::byte*>(values);
        rows[slot].emplace(bytes, bytes + row_bytes(options[slot].type, options[slot].dim));
    }
    return rows;
}

result<std::vector<operation>> encode_whole(collection_id collection, std::span<const whole_point> points) {
    const bool expiring =
        std::any_of(points.begin(), points.end(), [](const whole_point& p) { return p.expire_at != 0; });
    byte_writer head;
    head.put(collection);
    record_cutter records(expiring ? wal::record_type::upsert_expiring : wal::record_type::upsert,
                          std::move(head).take());
    for (const auto& p : points) {
        auto& out = records.next_item();
        p.id.put_key(out);
        if (expiring) out.put(p.expire_at);
        out.put(static_cast<std::uint8_t>(
            std::count_if(p.rows.begin(), p.rows.end(), [](const auto& row) { return row.has_value(); })));
        for (std::size_t slot = 0; slot < p.rows.size(); ++slot) {
            if (!p.rows[slot]) continue;
            out.put(static_cast<std::uint8_t>(slot));
            out.put_bytes(*p.rows[slot]);
        }
        out.put_sized(p.payload);
    }
    return std::move(records).finish();
}

}  // namespace vecstore::detail
