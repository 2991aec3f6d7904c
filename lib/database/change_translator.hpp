/// What a log record says, in the words of the public API.
/// Thread safety: one thread at a time.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/database/changes.hpp>
#include <vecstore/wal/record.hpp>

#include <collection/decode.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace vecstore::detail {

class database_state;

class change_translator {
public:
    explicit change_translator(std::shared_ptr<database_state> state) : state_(std::move(state)) {}

    /// Of a readable record; nothing when it changes nothing that users see. Records must come in order, since those that create
    /// collections are remembered.
    /// Errors: corruption.
    result<std::optional<change>> translate(const wal::record& record);

private:
    result<std::optional<change>> translate_ddl(const wal::record& record, change c);
    [[nodiscard]] std::string name_of(collection_id id) const;

    std::shared_ptr<database_state> state_;
    std::map<collection_id, named_options> known_;
};

}  // namespace vecstore::detail
