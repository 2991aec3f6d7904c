/// Reading log records back into the words of the user: the other direction of operation.hpp.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/payload/value.hpp>

#include <collection/write/operation.hpp>

#include <optional>
#include <string>
#include <vector>

namespace vecstore::detail {

/// What a record of DDL says.
struct decoded_ddl {
    collection_id collection = 0;
    ddl_kind kind = ddl_kind::drop;
    std::optional<named_options> created;  ///< create
    alias_changes aliases;                 ///< aliases
    payload::document notes;               ///< notes: {metadata, models}
    named_field field;                     ///< create_field, drop_field (path alone)
};
/// Errors: corruption.
[[nodiscard]] result<decoded_ddl> decode_ddl(byte_span payload);

/// What an upsert, an erase or an edit of payloads says.
struct decoded_operation {
    std::vector<point> points;         ///< upsert
    std::vector<point_id> ids;         ///< erase, edit
    std::optional<payload_edit> edit;  ///< edit
    payload::document values;          ///< edit: set, overwrite, set_at
    std::vector<std::string> paths;    ///< edit: erase; set_at: the one path
};
/// `options`: of the collection that the record names.
/// Errors: corruption.
[[nodiscard]] result<decoded_operation> decode_operation(const wal::record& record, const collection_options& options);

}  // namespace vecstore::detail
