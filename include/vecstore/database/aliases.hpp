/// Other names of collections. An alias stands wherever a collection's name is read, but for dropping, and is switched
/// from one collection to another in one step: readers and writers find the old one or the new one, never neither.
/// Thread safety: plain values.
#pragma once

#include <string>
#include <utility>

namespace vecstore {

/// One step of `database::update_aliases`.
class alias_action {
public:
    /// The alias means the collection from now on, whether or not it meant another before.
    [[nodiscard]] static alias_action create(std::string alias, std::string collection) {
        return {kind::create, std::move(alias), std::move(collection)};
    }
    /// An alias that does not exist is ignored.
    [[nodiscard]] static alias_action erase(std::string alias) { return {kind::erase, std::move(alias), {}}; }
    /// The alias must exist; another of the new name is replaced.
    [[nodiscard]] static alias_action rename(std::string from, std::string to) {
        return {kind::rename, std::move(from), std::move(to)};
    }

    enum class kind { create, erase, rename };
    [[nodiscard]] kind what() const noexcept { return kind_; }
    [[nodiscard]] const std::string& alias() const noexcept { return alias_; }
    /// Of the collection (create), or the new one of the alias (rename).
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    alias_action(kind what, std::string alias, std::string name)
        : kind_(what), alias_(std::move(alias)), name_(std::move(name)) {}

    kind kind_;
    std::string alias_;
    std::string name_;
};

struct collection_alias {
    std::string alias;
    std::string collection;
    friend bool operator==(const collection_alias&, const collection_alias&) = default;
};

}  // namespace vecstore
