// Other names of collections: how they change, and where a checkpoint keeps them.
#include "database_state.hpp"

#include <vecstore/core/limits.hpp>
#include <vecstore/payload/codec.hpp>

#include <collection/decode.hpp>
#include <collection/tables.hpp>

namespace vecstore::detail {
namespace {

error no_collection(std::string_view name) { return {errc::not_found, "no collection \"" + std::string(name) + "\""}; }

}  // namespace

result<std::shared_ptr<collection_state>> database_state::find(std::string_view name) {
    VECSTORE_CHECK(check_open());
    VECSTORE_CHECK(follow());
    const lock_guard lock(catalog_mutex_);
    if (const auto found = by_name_.find(name); found != by_name_.end()) return found->second;
    if (const auto found = by_alias_.find(name); found != by_alias_.end()) return found->second;
    return no_collection(name);
}

/// By the collection's own name.
result<std::shared_ptr<collection_state>> database_state::find_exactly(std::string_view name) {
    VECSTORE_CHECK(check_open());
    const lock_guard lock(catalog_mutex_);
    if (const auto found = by_name_.find(name); found != by_name_.end()) return found->second;
    auto e = no_collection(name);
    if (const auto found = by_alias_.find(name); found != by_alias_.end())
        e.message += "; it is an alias of \"" + found->second->name() + "\"";
    return e;
}

result<std::vector<collection_alias>> database_state::aliases(const std::optional<std::string>& collection) {
    std::shared_ptr<collection_state> only;
    if (collection) {
        VECSTORE_TRY(only, find(*collection));
    } else {
        VECSTORE_CHECK(check_open());
        VECSTORE_CHECK(follow());
    }
    const lock_guard lock(catalog_mutex_);
    std::vector<collection_alias> all;
    for (const auto& [alias, state] : by_alias_)
        if (!only || state == only) all.push_back({alias, state->name()});
    return all;
}

/// What an action makes of the aliases.
result<void> database_state::act(const alias_action& action, alias_map& on) {
    switch (action.what()) {
        case alias_action::kind::erase: on.erase(action.alias()); return {};
        case alias_action::kind::create: {
            VECSTORE_CHECK(validate_name("alias", action.alias(), false));
            VECSTORE_CHECK(check_free(action.alias()));
            VECSTORE_TRY(const auto state, find_exactly(action.name()));
            on[action.alias()] = state->id();
            break;
        }
        case alias_action::kind::rename: {
            VECSTORE_CHECK(validate_name("alias", action.name(), false));
            VECSTORE_CHECK(check_free(action.name()));
            const auto found = on.find(action.alias());
            if (found == on.end()) return error{errc::not_found, "no alias \"" + action.alias() + "\""};
            const auto id = found->second;
            on.erase(found);
            on[action.name()] = id;
            break;
        }
    }
    if (on.size() <= aliases_max) return {};
    return error{
        errc::resource_exhausted, "the limit of " + std::to_string(aliases_max) + " aliases is reached", {}, 0};
}

/// That no collection has the name.
result<void> database_state::check_free(const std::string& name) {
    const lock_guard lock(catalog_mutex_);
    if (!by_name_.contains(name)) return {};
    return error{errc::already_exists, "there is a collection \"" + name + "\""};
}

result<void> database_state::update_aliases(std::span<const alias_action> actions) {
    write_request request;
    request.resolve = [&](write_request& made) -> result<void> {
        auto wanted = aliases_;
        for (std::size_t i = 0; i < actions.size(); ++i)
            if (auto done = act(actions[i], wanted); !done) {
                auto e = std::move(done).error();
                e.message = "actions[" + std::to_string(i) + "]: " + e.message;
                return e;
            }
        alias_changes changes;
        for (const auto& [alias, id] : aliases_)
            if (!wanted.contains(alias)) changes[alias] = std::nullopt;
        for (const auto& [alias, id] : wanted)
            if (const auto before = aliases_.find(alias); before == aliases_.end() || before->second != id)
                changes[alias] = id;
        if (!changes.empty()) made.operations.push_back(encode_aliases(changes));
        return {};
    };
    VECSTORE_CHECK(commit(std::move(request)));
    return {};
}

/// By the writer.
void database_state::apply_aliases(const alias_changes& changes) {
    for (const auto& [alias, id] : changes)
        if (id)
            aliases_[alias] = *id;
        else
            aliases_.erase(alias);
    publish_aliases();
}

/// By the writer, when a collection is gone.
void database_state::forget_aliases_of(collection_id id) {
    if (std::erase_if(aliases_, [&](const auto& entry) { return entry.second == id; }) > 0) publish_aliases();
}

void database_state::publish_aliases() {
    if (options_.read_only) return;  // `publish_catalog` does, when all has been loaded
    const lock_guard lock(catalog_mutex_);
    list_aliases_locked();
}

void database_state::list_aliases_locked() {
    by_alias_.clear();
    for (const auto& [alias, id] : aliases_)
        if (const auto found = by_id_.find(id); found != by_id_.end()) by_alias_.emplace(alias, found->second);
}

result<void> database_state::load_aliases(storage::table_reader& tables) {
    aliases_.clear();
    VECSTORE_TRY(const auto value, tables.get(tables::meta, as_bytes("aliases")));
    if (!value) return {};
    VECSTORE_TRY(const auto document, payload::decode(*value));
    for (const auto& [alias, id] : document)
        if (const auto* number = id.if_int64(); number != nullptr && *number > 0)
            aliases_[alias] = static_cast<collection_id>(*number);
    return {};
}

result<void> database_state::store_aliases(storage::table_writer& tables, const alias_map& aliases) {
    if (aliases.empty()) return tables.erase(tables::meta, as_bytes("aliases"));
    payload::document document;
    for (const auto& [alias, id] : aliases) document.append(alias, id);
    VECSTORE_TRY(const auto value, payload::encode(document));
    return tables.put(tables::meta, as_bytes("aliases"), value);
}

}  // namespace vecstore::detail
