#include "state_hash.hpp"

#include <vecstore/storage/checksum.hpp>

#include <array>
#include <cstring>

namespace vecstore::detail {

hash128 hash_of_vector(std::size_t slot, byte_span packed) noexcept { return storage::checksum128(packed, slot + 1); }

hash128 hash_of_point(collection_id collection, const point_id& id, std::uint64_t version, const hash128& vectors,
                      byte_span payload) noexcept {
    std::array<std::byte, 61> bytes{};
    auto* at = bytes.data();
    store_le(at, collection);
    at[4] = std::byte{id.is_uuid()};
    if (id.is_uuid())
        std::memcpy(at + 5, id.uuid().bytes.data(), 16);
    else
        store_le(at + 5, id.number());
    store_le(at + 21, version);
    store_le(at + 29, vectors.low);
    store_le(at + 37, vectors.high);
    const auto of_payload = storage::checksum128(payload);
    store_le(at + 45, of_payload.low);
    store_le(at + 53, of_payload.high);
    return storage::checksum128(bytes);
}

bool holds_vector(const vector_view& rows, ordinal_id ordinal) noexcept {
    const auto in = [&](row_id count, const auto& ordinal_of) {
        const auto row = find_row(count, ordinal, ordinal_of);
        return row < count && ordinal_of(row) == ordinal;
    };
    for (const auto& part : *rows.parts) {
        if (ordinal < part->descriptor().first_ordinal || ordinal > part->descriptor().last_ordinal) continue;
        if (in(part->size(), [&](row_id row) { return part->ordinal_of(row); })) return true;
    }
    for (const auto& newest : rows.memtables)
        if (in(newest.rows, [&](row_id row) { return newest.table->ordinal_of(row); })) return true;
    return false;
}

result<std::optional<byte_span>> find_vector(const vector_view& rows, ordinal_id ordinal) {
    for (const auto& part : *rows.parts) {
        if (ordinal < part->descriptor().first_ordinal || ordinal > part->descriptor().last_ordinal) continue;
        const auto row = find_row(part->size(), ordinal, [&](row_id r) { return part->ordinal_of(r); });
        if (row == part->size() || part->ordinal_of(row) != ordinal) continue;
        VECSTORE_TRY(const auto bytes, part->checked_row(row));
        return std::optional(bytes);
    }
    for (const auto& newest : rows.memtables) {
        const auto row = find_row(newest.rows, ordinal, [&](row_id r) { return newest.table->ordinal_of(r); });
        if (row < newest.rows && newest.table->ordinal_of(row) == ordinal) return std::optional(newest.table->row(row));
    }
    return std::optional<byte_span>{};
}

result<hash128> hash_of_vectors(const view& state, ordinal_id ordinal) {
    hash128 sum;
    for (std::size_t slot = 0; slot < state.vectors.size(); ++slot) {
        VECSTORE_TRY(const auto row, find_vector(state.vectors[slot], ordinal));
        if (row) sum += hash_of_vector(slot, *row);
    }
    return sum;
}

result<hash128> hash_of_checkpoint(collection_id collection, const view& state, storage::table_reader& tables) {
    hash128 sum;
    VECSTORE_TRY(const auto cursor, tables.cursor(tables::points));
    VECSTORE_CHECK(cursor->seek(tables::collection_key(collection)));
    while (cursor->valid() && tables::of_collection(cursor->key(), collection)) {
        byte_reader key(cursor->key().subspan(sizeof(collection_id)));
        const auto ordinal = key.get_big_endian<ordinal_id>();
        VECSTORE_TRY(const auto point, parse_point(cursor->value()));
        if (!key.finished()) return error{errc::corruption, "a key of the points does not parse", "points", 0};
        if (ordinal < state.ordinal_end && state.deaths->alive_at(ordinal, state.lsn)) {
            VECSTORE_TRY(const auto vectors, hash_of_vectors(state, ordinal));
            sum += hash_of_point(collection, point.id, point.version, vectors, point.encoded);
        }
        VECSTORE_CHECK(cursor->next());
    }
    return sum;
}

}  // namespace vecstore::detail
