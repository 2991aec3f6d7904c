/// What a log record's payload says: the operations on collections, and their bytes.
/// Every payload starts with u32 collection. Then, little-endian:
///   upsert           u32 count; for each point: id key, u8 vectors, for each: u8 slot, row_bytes of the slot's type and
///                    dim, or of a sparse slot (slots.hpp) u32 values and as sparse_row.hpp says, or of a multi-vector u32
///                    vectors and as many rows; u32 size, payload
///   upsert_expiring  as upsert, with u64 expire_at (0 = never) behind each id key
///   erase            u32 count, id keys
///   set_payload      u8 kind (payload_edit), u32 count, id keys, u32 size, document (set, overwrite) or u32 paths, each
///                    u32 size and text (erase), or u32 size, text of a path, document (set_at)
///   ddl              u8 kind (ddl_kind), document {name, vectors} (create), {alias: collection or null} (aliases;
///                    collection is 0), {metadata, models: {vector: model}} (notes), {path, schema} (create_field), {path}
///                    (drop_field), or nothing (drop)
///   write_id         collection is 0; u64 client, u64 number, u64 points, u64 skipped
/// These are bytes on disk and on the wire: do not renumber.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/collection/options.hpp>
#include <vecstore/collection/point.hpp>
#include <vecstore/core/bytes.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/core/types.hpp>
#include <vecstore/field_index/schema.hpp>
#include <vecstore/payload/view.hpp>
#include <vecstore/wal/record.hpp>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace vecstore::detail {

class text_encoders;

/// A record before it has a place in the log.
struct operation {
    wal::record_type type;
    byte_vector payload;
};

enum class payload_edit : std::uint8_t { set = 1, overwrite = 2, erase = 3, clear = 4, set_at = 5 };
enum class ddl_kind : std::uint8_t { create = 1, drop = 2, aliases = 3, notes = 4, create_field = 8, drop_field = 9 };

/// Checks the points against the options and encodes them, a record for each MiB; normalises for cosine, and rounds and
/// packs as the element type says.
/// `now_ms`: what `expire_after_ms` counts from. `encoders`: of the collection; null: they are made for this call.
/// Errors: invalid_argument that names point, field and value; unsupported (a text that this build cannot encode).
[[nodiscard]] result<std::vector<operation>> encode_upsert(collection_id collection, const collection_options& options,
                                                           std::span<const point> points, std::uint64_t now_ms = 0,
                                                           const text_encoders* encoders = nullptr);
[[nodiscard]] result<std::vector<operation>> encode_erase(collection_id collection, std::span<const point_id> ids);

/// `body`: an encoded document (set, overwrite), encoded paths (erase), path and document (set_at), or nothing (clear).
[[nodiscard]] result<std::vector<operation>> encode_edit(collection_id collection, payload_edit kind,
                                                         std::span<const point_id> ids, byte_span body);
[[nodiscard]] byte_vector encode_paths(const std::vector<std::string>& paths);
[[nodiscard]] result<std::vector<std::string>> decode_paths(byte_span body);

[[nodiscard]] byte_vector encode_at(std::string_view path, byte_span document);
struct decoded_at {
    std::string path;
    byte_span document;  ///< of the body
};
[[nodiscard]] result<decoded_at> decode_at(byte_span body);

/// What an edit makes of a payload.
/// Errors: corruption (`body` does not parse), invalid_argument (the result is above payload_bytes_max).
[[nodiscard]] result<byte_vector> edit_payload(payload::view before, payload_edit kind, byte_span body);

/// The name of a write and what its caller was told; the batch's last record.
struct named_write {
    write_id id;
    std::uint64_t points = 0;
    std::uint64_t skipped = 0;
};
[[nodiscard]] operation encode_write_id(const named_write& written);
/// `payload`: the whole record's.  Errors: corruption.
[[nodiscard]] result<named_write> decode_write_id(byte_span payload);

[[nodiscard]] operation encode_create(collection_id collection, const std::string& name,
                                      const collection_options& options);
[[nodiscard]] operation encode_drop(collection_id collection);
/// `path`: as payload::to_string writes it.
[[nodiscard]] operation encode_create_field(collection_id collection, const std::string& path,
                                            const field_schema& schema);
[[nodiscard]] operation encode_drop_field(collection_id collection, const std::string& path);
struct named_field {
    std::string path;
    field_schema schema;
};
/// `body`: what follows the kind. `with_schema`: of create_field.  Errors: corruption.
[[nodiscard]] result<named_field> decode_field(byte_span body, bool with_schema);

/// What the aliases given mean from now on; none: they are gone.
using alias_changes = std::map<std::string, std::optional<collection_id>, std::less<>>;
/// Precondition: no more than `aliases_max` of them.
[[nodiscard]] operation encode_aliases(const alias_changes& changes);

/// What of a collection can change without its points. By slot, `models` are the names that tag its vectors.
struct collection_notes {
    payload::document metadata;
    std::vector<std::string> models;
};
/// The whole of them, as they are from now on.  Errors: invalid_argument (too large).
[[nodiscard]] result<operation> encode_notes(collection_id collection, const collection_options& options,
                                             const collection_notes& notes);

/// The options as a document and back; also the catalog's form.
[[nodiscard]] payload::document to_document(const std::string& name, const collection_options& options);
struct named_options {
    std::string name;
    collection_options options;
};
[[nodiscard]] result<named_options> from_document(const payload::document& document);

}  // namespace vecstore::detail
