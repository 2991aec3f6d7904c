#include "change_translator.hpp"

#include "database_state.hpp"

namespace vecstore::detail {
namespace {

change_kind kind_of(payload_edit edit) noexcept {
    switch (edit) {
        case payload_edit::set:
        case payload_edit::set_at: return change_kind::set_payload;
        case payload_edit::overwrite: return change_kind::overwrite_payload;
        case payload_edit::erase: return change_kind::erase_payload;
        case payload_edit::clear: break;
    }
    return change_kind::clear_payload;
}

}  // namespace

result<std::optional<change>> change_translator::translate(const wal::record& record) {
    change c;
    c.token = {record.lsn, record.chain};
    c.lsn = record.lsn;
    c.term = record.term;
    if (record.type == wal::record_type::ddl) return translate_ddl(record, std::move(c));
    if (record.type > wal::record_type::set_payload && record.type != wal::record_type::upsert_expiring)
        return std::optional<change>{};
    const auto id = byte_reader(record.payload).get<collection_id>();
    auto schema = known_.find(id);
    if (schema == known_.end()) {
        auto found = state_->schema_of(id);
        // Only of a collection that an older version of this library dropped: nobody can miss it.
        if (!found) return std::optional<change>{};
        schema = known_.emplace(id, *std::move(found)).first;
    }
    c.collection = schema->second.name;
    VECSTORE_TRY(auto decoded, decode_operation(record, schema->second.options));
    c.kind = decoded.edit                             ? kind_of(*decoded.edit)
             : record.type == wal::record_type::erase ? change_kind::erase
                                                      : change_kind::upsert;
    c.points = std::move(decoded.points);
    c.ids = std::move(decoded.ids);
    c.values = std::move(decoded.values);
    c.paths = std::move(decoded.paths);
    return std::optional(std::move(c));
}

std::string change_translator::name_of(collection_id id) const {
    if (const auto found = known_.find(id); found != known_.end()) return found->second.name;
    const auto schema = state_->schema_of(id);
    return schema ? schema->name : std::string();
}

result<std::optional<change>> change_translator::translate_ddl(const wal::record& record, change c) {
    VECSTORE_TRY(auto ddl, decode_ddl(record.payload));
    switch (ddl.kind) {
        case ddl_kind::create:
            c.kind = change_kind::create_collection;
            known_.insert_or_assign(ddl.collection, *ddl.created);
            c.options = std::move(ddl.created->options);
            break;
        case ddl_kind::drop: c.kind = change_kind::drop_collection; break;
        case ddl_kind::notes:
            c.kind = change_kind::annotate;
            c.values = std::move(ddl.notes);
            break;
        case ddl_kind::aliases:
            c.kind = change_kind::update_aliases;
            for (const auto& [alias, id] : ddl.aliases)
                c.values.append(alias, id ? payload::value(name_of(*id)) : payload::value());
            return std::optional(std::move(c));
        case ddl_kind::create_field:
        case ddl_kind::drop_field: return std::optional<change>{};
    }
    c.collection = name_of(ddl.collection);
    return std::optional(std::move(c));
}

}  // namespace vecstore::detail
