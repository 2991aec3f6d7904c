/// What a collection needs of the database above it, as an interface, so that this layer does not know that one.
/// Thread safety: every function from any thread.
#pragma once

#include "state.hpp"

#include <vecstore/collection/field_index.hpp>
#include <vecstore/collection/point.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/storage/table_store.hpp>

#include <collection/write/operation.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace vecstore::detail {

/// A write on its way to the log.
struct write_request {
    /// The collections written to; the write fails with not_found when one has been dropped. None for DDL.
    std::vector<const collection_state*> targets;
    /// Records to append, one batch. Set by `resolve` when there is one.
    std::vector<operation> operations;
    std::size_t points = 0;         ///< for the result; as `operations`
    std::vector<point_id> skipped;  ///< for the result; as `operations`
    /// Called when the write takes its turn and all earlier ones have been applied and published; fills in the members
    /// above. For writes that depend on the state (conditions, filters, ids that must exist, DDL).
    std::function<result<void>(write_request&)> resolve;
    vecstore::durability durability = durability::sync;
    std::optional<write_id> operation_id;
};

class database_port {
public:
    database_port() = default;
    database_port(const database_port&) = delete;
    database_port& operator=(const database_port&) = delete;
    virtual ~database_port() = default;

    /// Logs, applies and publishes.
    /// Errors: those of `resolve`; resource_exhausted, io, unavailable.
    virtual result<write_result> commit(write_request request) = 0;
    /// A collection of the same database.  Errors: not_found, unavailable.
    [[nodiscard]] virtual result<std::shared_ptr<collection_state>> find_collection(std::string_view name) = 0;
    virtual storage::table_store& tables() noexcept = 0;
    /// The clock that says when points expire.
    [[nodiscard]] virtual std::uint64_t now_ms() const = 0;
    /// The clock that says when the time of a query is up.
    [[nodiscard]] virtual std::uint64_t steady_ms() const = 0;
    /// An lsn that the checkpoint in `tables`, a snapshot just taken, is certainly not newer than.
    [[nodiscard]] virtual result<std::uint64_t> checkpoint_bound(storage::table_reader& tables) const = 0;
    /// Errors: unavailable once the database is closed.
    [[nodiscard]] virtual result<void> check_open() const = 0;
    /// A reader found tables newer than its view: in a read-only database another process has written a checkpoint.
    virtual result<void> refresh() = 0;

    /// As the functions of `collection`.
    virtual result<write_result> create_field_index(const std::shared_ptr<collection_state>& state,
                                                    const std::string& path, const field_schema& schema,
                                                    const field_index_options& options) = 0;
    virtual result<write_result> drop_field_index(const std::shared_ptr<collection_state>& state,
                                                  const std::string& path) = 0;
};

/// What a collection handle holds.
struct collection_access {
    std::shared_ptr<database_port> database;
    std::shared_ptr<collection_state> state;
};

}  // namespace vecstore::detail
