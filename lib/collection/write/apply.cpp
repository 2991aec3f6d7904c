// `apply`: the only way in which points change.
#include <vecstore/core/limits.hpp>
#include <vecstore/payload/codec.hpp>
#include <vecstore/payload/path.hpp>

#include <collection/lookup.hpp>
#include <collection/slots.hpp>
#include <collection/sparse/sparse_row.hpp>
#include <collection/state.hpp>
#include <collection/state_hash.hpp>

namespace vecstore::detail {
namespace {

error bad_record(const char* what) { return {errc::corruption, std::string("log record does not parse: ") + what}; }

}  // namespace

result<void> collection_state::apply(const wal::record& record, storage::table_reader& tables) {
    byte_reader in(record.payload);
    (void)in.get<collection_id>();
    switch (record.type) {
        case wal::record_type::upsert: VECSTORE_CHECK(apply_upsert(in, false, record.lsn, tables)); break;
        case wal::record_type::upsert_expiring: VECSTORE_CHECK(apply_upsert(in, true, record.lsn, tables)); break;
        case wal::record_type::erase: VECSTORE_CHECK(apply_erase(in, record.lsn, tables)); break;
        case wal::record_type::set_payload: VECSTORE_CHECK(apply_edit(in, record.lsn, tables)); break;
        default: return bad_record("no operation on points");
    }
    if (!in.finished()) return bad_record("wrong length");
    return {};
}

result<void> collection_state::apply_upsert(byte_reader& in, bool expiring, std::uint64_t lsn,
                                            storage::table_reader& tables) {
    for (auto left = in.get<std::uint32_t>(); left > 0 && !in.failed(); --left) {
        const auto id = point_id::get_key(in);
        const auto expire_at = expiring ? in.get<std::uint64_t>() : 0;
        VECSTORE_TRY(const auto previous, find(id, tables));
        if (previous) {
            subtract_hash(*previous, tables);
            kill(*previous, lsn);
        } else {
            ++point_count_;
        }
        const auto ordinal = ordinal_end_++;
        hash128 vectors_hash;
        for (auto vectors = in.get<std::uint8_t>(); vectors > 0 && !in.failed(); --vectors) {
            const auto slot = in.get<std::uint8_t>();
            if (slot >= memtables_.size()) return bad_record("vector slot");
            const auto row = get_row(in, options_, slot);
            if (!row) return bad_record("vector");
            memtables_[slot]->append(ordinal, *row);
            vectors_hash += hash_of_vector(slot, *row);
        }
        const auto payload = in.get_sized();
        if (in.failed()) return bad_record("point");
        changes_->put_point(ordinal, lsn, id, payload, expire_at, vectors_hash);
        changes_->put_id(id, lsn, ordinal);
        if (state_hash_) *state_hash_ += hash_of_point(id_, id, lsn, vectors_hash, payload);
        if (expire_at == 0) continue;
        due_.emplace(expire_at, ordinal);
        expiring_.store(true, std::memory_order_relaxed);
    }
    return {};
}

void collection_state::kill(ordinal_id ordinal, std::uint64_t lsn) {
    deaths_->set(ordinal, lsn);
    changes_->put_death(ordinal);
    note_death(ordinal);
}

result<void> collection_state::apply_erase(byte_reader& in, std::uint64_t lsn, storage::table_reader& tables) {
    for (auto left = in.get<std::uint32_t>(); left > 0 && !in.failed(); --left) {
        const auto id = point_id::get_key(in);
        VECSTORE_TRY(const auto ordinal, find(id, tables));
        if (!ordinal) continue;
        subtract_hash(*ordinal, tables);
        kill(*ordinal, lsn);
        changes_->put_id(id, lsn, ordinal_none);
        --point_count_;
    }
    return {};
}

result<void> collection_state::apply_edit(byte_reader& in, std::uint64_t lsn, storage::table_reader& tables) {
    const auto kind = static_cast<payload_edit>(in.get<std::uint8_t>());
    if (kind < payload_edit::set || kind > payload_edit::set_at) return bad_record("kind of payload edit");
    std::vector<point_id> ids;
    for (auto left = in.get<std::uint32_t>(); left > 0 && !in.failed(); --left) ids.push_back(point_id::get_key(in));
    const auto body = in.get_sized();
    if (in.failed()) return bad_record("payload edit");
    for (const auto& id : ids) VECSTORE_CHECK(edit_point(id, kind, body, lsn, tables));
    return {};
}

result<void> collection_state::edit_point(const point_id& id, payload_edit kind, byte_span body, std::uint64_t lsn,
                                          storage::table_reader& tables) {
    VECSTORE_TRY(const auto ordinal, find(id, tables));
    if (!ordinal) return {};
    VECSTORE_TRY(const auto point, newest_point(*ordinal, tables, expiring()));
    VECSTORE_TRY(const auto edited, edit_payload(point.payload, kind, body));
    if (*ordinal < changes_->first_ordinal()) edits_->insert(*ordinal);
    const auto vectors = vectors_hash_of(*ordinal, point);
    if (!vectors) state_hash_.reset();  // and it stays unknown for as long as the damaged row is there
    if (state_hash_) {
        *state_hash_ -= hash_of_point(id_, id, point.version, *vectors, point.encoded);
        *state_hash_ += hash_of_point(id_, id, lsn, *vectors, edited);
    }
    changes_->put_point(*ordinal, lsn, id, edited, point.expire_at, vectors.value_or(hash128{}));
    return {};
}

result<point_ref> collection_state::newest_point(ordinal_id ordinal, storage::table_reader& tables,
                                                 bool with_expiry) const {
    const overlay* const generations[] = {changes_.get(), sealed_ ? sealed_->changes.get() : nullptr};
    return find_point(std::span(generations, sealed_ ? 2u : 1u), ~std::uint64_t{0}, id_, ordinal, tables, with_expiry);
}

/// Points of format 1 do not have it; they lie in parts, which the newest view knows. Nothing when the row is damaged.
std::optional<hash128> collection_state::vectors_hash_of(ordinal_id ordinal, const point_ref& point) const {
    if (point.vectors) return point.vectors;
    const auto computed = hash_of_vectors(*view_.pin(), ordinal);
    return computed ? std::optional(*computed) : std::nullopt;
}

/// A damaged point can be overwritten and erased like any other; what it added to the sum is then not known.
void collection_state::subtract_hash(ordinal_id ordinal, storage::table_reader& tables) {
    if (!state_hash_) return;
    const auto point = newest_point(ordinal, tables, false);
    const auto vectors = point ? vectors_hash_of(ordinal, *point) : std::nullopt;
    if (vectors)
        *state_hash_ -= hash_of_point(id_, point->id, point->version, *vectors, point->encoded);
    else
        state_hash_.reset();
}

result<byte_vector> edit_payload(payload::view before, payload_edit kind, byte_span body) {
    switch (kind) {
        case payload_edit::overwrite: return byte_vector(body.begin(), body.end());
        case payload_edit::clear: return payload::encode({});
        case payload_edit::set: {
            auto document = before.to_document();
            VECSTORE_TRY(const auto values, payload::decode(body));
            for (const auto& [key, value] : values) document.set(key, value);
            return payload::encode(document);
        }
        case payload_edit::set_at: {
            auto document = before.to_document();
            VECSTORE_TRY(const auto at, decode_at(body));
            VECSTORE_TRY(const auto path, payload::path::parse(at.path));
            VECSTORE_TRY(const auto values, payload::decode(at.document));
            payload::set(document, path, values);
            return payload::encode(document);
        }
        case payload_edit::erase: {
            auto document = before.to_document();
            VECSTORE_TRY(const auto paths, decode_paths(body));
            for (const auto& text : paths) {
                VECSTORE_TRY(const auto path, payload::path::parse(text));
                payload::erase(document, path);
            }
            return payload::encode(document);
        }
    }
    return bad_record("kind of payload edit");
}

}  // namespace vecstore::detail
