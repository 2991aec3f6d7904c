#include "whole_point.hpp"

#include "slots.hpp"

#include <collection/write/record_cutter.hpp>

#include <algorithm>

namespace vecstore::detail {

result<packed_rows> pack_rows(const collection_state& collection, const given_vectors& given) {
    const auto& options = collection.options();
    byte_writer packed;
    std::vector<float> scratch;
    VECSTORE_CHECK(put_vectors(packed, options, collection.encoders(), given, scratch));
    packed_rows rows(slot_count(options));
    byte_reader in(packed.bytes());
    for (auto left = in.get<std::uint8_t>(); left > 0; --left) {
        const auto slot = in.get<std::uint8_t>();
        const auto first = in.position();
        if (!get_row(in, options, slot)) return error{errc::internal, "a packed vector does not parse"};
        const auto row = packed.bytes().subspan(first, in.position() - first);
        rows[slot].emplace(row.begin(), row.end());
    }
    return rows;
}

result<packed_rows> read_rows(const read_session& session, ordinal_id ordinal) {
    const auto& options = session.collection().options();
    packed_rows rows(slot_count(options));
    for (std::size_t slot = 0; slot < rows.size(); ++slot) {
        VECSTORE_TRY(const auto row, session.vector(slot, ordinal));
        if (!row) continue;
        byte_writer packed;
        put_row_head(packed, options, slot, *row);
        packed.put_bytes(*row);
        rows[slot] = std::move(packed).take();
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
