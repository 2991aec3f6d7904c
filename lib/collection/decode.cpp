#include "decode.hpp"

#include "slots.hpp"

#include <vecstore/distance/pack.hpp>
#include <vecstore/payload/codec.hpp>

#include <collection/sparse/sparse_row.hpp>

#include <utility>

namespace vecstore::detail {
namespace {

error bad_record(const char* what) { return {errc::corruption, std::string("log record does not parse: ") + what}; }

result<point> decode_point(byte_reader& in, const collection_options& options, bool expiring) {
    point p;
    p.id = point_id::get_key(in);
    if (expiring) p.expire_at = in.get<std::uint64_t>();
    for (auto left = in.get<std::uint8_t>(); left > 0 && !in.failed(); --left) {
        const auto slot = in.get<std::uint8_t>();
        if (slot >= slot_count(options)) return bad_record("vector slot");
        if (is_sparse(options, slot)) {
            const auto row = get_sparse_row(in);
            if (!row) return bad_record("sparse vector");
            p.sparse.push_back({sparse_options(options, slot).name, unpack_sparse(*row)});
            continue;
        }
        const auto& vector = options.vectors[slot];
        if (vector.multi) {
            const auto row = get_multi_row(in, vector);
            if (!row) return bad_record("multi-vector");
            p.multi.push_back({vector.name, unpack_multi(*row, vector)});
            continue;
        }
        const auto bytes = in.get_bytes(row_bytes(vector.type, vector.dim));
        if (in.failed()) break;
        const byte_vector row(bytes.begin(), bytes.end());  // aligned, which the log's bytes are not
        std::vector<float> values(vector.dim);
        unpack(vector.type, row.data(), values);
        if (vector.name.empty())
            p.vector = std::move(values);
        else
            p.vectors.push_back({vector.name, std::move(values)});
    }
    const auto payload = in.get_sized();
    if (in.failed()) return bad_record("point");
    VECSTORE_TRY(p.payload, payload::decode(payload));
    return p;
}

std::vector<point_id> decode_ids(byte_reader& in) {
    std::vector<point_id> ids;
    for (auto left = in.get<std::uint32_t>(); left > 0 && !in.failed(); --left) ids.push_back(point_id::get_key(in));
    return ids;
}

}  // namespace

result<decoded_ddl> decode_ddl(byte_span payload) {
    byte_reader in(payload);
    decoded_ddl ddl;
    ddl.collection = in.get<collection_id>();
    ddl.kind = static_cast<ddl_kind>(in.get<std::uint8_t>());
    if (!in.failed() && (ddl.kind == ddl_kind::create_field || ddl.kind == ddl_kind::drop_field)) {
        VECSTORE_TRY(ddl.field, decode_field(in.get_bytes(in.remaining()), ddl.kind == ddl_kind::create_field));
        return ddl;
    }
    if (in.failed() || ddl.kind < ddl_kind::create || ddl.kind > ddl_kind::notes) return bad_record("DDL");
    if (ddl.kind == ddl_kind::drop) return ddl;
    VECSTORE_TRY(auto document, payload::decode(in.get_bytes(in.remaining())));
    if (ddl.kind == ddl_kind::create) {
        VECSTORE_TRY(ddl.created, from_document(document));
    } else if (ddl.kind == ddl_kind::notes) {
        ddl.notes = std::move(document);
    } else {
        for (const auto& [alias, id] : document) {
            const auto* number = id.if_int64();
            if (!id.is_null() && (number == nullptr || !std::in_range<collection_id>(*number) || *number == 0))
                return bad_record("alias");
            ddl.aliases[alias] = number ? std::optional(static_cast<collection_id>(*number)) : std::nullopt;
        }
    }
    return ddl;
}

result<decoded_operation> decode_operation(const wal::record& record, const collection_options& options) {
    byte_reader in(record.payload);
    (void)in.get<collection_id>();
    decoded_operation decoded;
    switch (record.type) {
        case wal::record_type::upsert:
        case wal::record_type::upsert_expiring:
            for (auto left = in.get<std::uint32_t>(); left > 0 && !in.failed(); --left) {
                VECSTORE_TRY(auto p, decode_point(in, options, record.type == wal::record_type::upsert_expiring));
                decoded.points.push_back(std::move(p));
            }
            break;
        case wal::record_type::erase: decoded.ids = decode_ids(in); break;
        case wal::record_type::set_payload: {
            decoded.edit = static_cast<payload_edit>(in.get<std::uint8_t>());
            decoded.ids = decode_ids(in);
            const auto body = in.get_sized();
            if (in.failed() || *decoded.edit < payload_edit::set || *decoded.edit > payload_edit::set_at)
                return bad_record("payload edit");
            if (*decoded.edit == payload_edit::set || *decoded.edit == payload_edit::overwrite) {
                VECSTORE_TRY(decoded.values, payload::decode(body));
            } else if (*decoded.edit == payload_edit::erase) {
                VECSTORE_TRY(decoded.paths, decode_paths(body));
            } else if (*decoded.edit == payload_edit::set_at) {
                VECSTORE_TRY(auto at, decode_at(body));
                VECSTORE_TRY(decoded.values, payload::decode(at.document));
                decoded.paths.push_back(std::move(at.path));
            }
            break;
        }
        default: return bad_record("no operation on points");
    }
    if (!in.finished()) return bad_record("wrong length");
    return decoded;
}

}  // namespace vecstore::detail
