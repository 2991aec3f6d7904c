#include "database_state.hpp"

#include <vecstore/database/database.hpp>

namespace vecstore {

using detail::database_state;

result<database> database::open(const std::string& directory, const database_options& options,
                                const database_environment& environment) {
    if (directory.empty())
        return invalid_argument("directory is empty; use database::in_memory() for a database without one");
    VECSTORE_TRY(auto state, database_state::open(directory, options, environment));
    return database(std::move(state));
}

result<database> database::in_memory(const database_options& options) {
    VECSTORE_TRY(auto state, database_state::open({}, options, {}));
    return database(std::move(state));
}

result<collection> database::create_collection(const std::string& name, const collection_options& options) {
    return state_->create_collection(name, options);
}

result<collection> database::open_collection(std::string_view name) const {
    VECSTORE_TRY(auto found, state_->find(name));
    return collection(std::make_shared<detail::collection_access>(detail::collection_access{state_, std::move(found)}));
}

result<void> database::drop_collection(std::string_view name) { return state_->drop_collection(std::string(name)); }

result<std::vector<std::string>> database::list_collections() const { return state_->names(); }

result<void> database::update_aliases(const std::vector<alias_action>& actions) {
    return state_->update_aliases(actions);
}
result<void> database::create_alias(const std::string& alias, const std::string& collection) {
    return update_aliases({alias_action::create(alias, collection)});
}
result<void> database::erase_alias(const std::string& alias) { return update_aliases({alias_action::erase(alias)}); }
result<void> database::rename_alias(const std::string& from, const std::string& to) {
    return update_aliases({alias_action::rename(from, to)});
}
result<std::vector<collection_alias>> database::list_aliases(const std::optional<std::string>& collection) const {
    return state_->aliases(collection);
}

result<collection_info> database::describe(std::string_view name) const {
    VECSTORE_TRY(const auto found, open_collection(name));
    return found.info();
}

result<write_result> database::write(const write_batch& batch, const write_options& options) {
    return state_->write(batch, options);
}

result<std::size_t> database::expire_due(std::optional<std::uint64_t> now_ms) {
    return state_->expire_due(now_ms ? *now_ms : state_->now_ms());
}

result<change_feed> database::changes(const change_token& after) const { return change_feed::open(state_, after); }
result<change_subscription> database::subscribe(const change_token& after, change_callback callback) const {
    VECSTORE_TRY(auto feed, changes(after));
    return change_subscription::start(state_, std::move(feed), std::move(callback));
}
result<change_token> database::change_position() { return state_->change_position(); }
result<void> database::keep_log_for(const std::string& reader, const change_token& after) {
    return state_->keep_log_for(reader, after.lsn);
}
result<void> database::forget_log_reader(const std::string& reader) { return state_->forget_log_reader(reader); }

result<void> database::flush() { return state_->flush(); }
result<void> database::checkpoint() { return state_->checkpoint(); }
result<void> database::optimize(const progress_callback& report) { return state_->optimize(report); }
result<bool> database::refresh() { return state_->catch_up(); }
result<void> database::scrub(const progress_callback& report) { return state_->scrub(report); }
result<void> database::close() { return state_->close(); }
result<database_stats> database::stats() const { return state_->stats(); }
result<snapshot_info> database::snapshot(const std::string& path) { return state_->snapshot(path); }
result<snapshot_info> database::backup(const std::string& directory) { return state_->backup(directory); }

result<database> database::as_of(const std::string& backups, std::uint64_t lsn, const database_options& options,
                                 const database_environment& environment) {
    VECSTORE_TRY(auto state, database_state::open_as_of(backups, lsn, options, environment));
    return database(std::move(state));
}

}  // namespace vecstore
