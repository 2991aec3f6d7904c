// Random aliases, metadata and models beside collections that come and go, on a database and on maps; power cuts now and
// then.
#include "support/gated_table_store.hpp"
#include "support/store.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::alias_action;

namespace {

struct known_collection {
    std::map<std::string, std::int64_t> metadata;
    std::string model;
};

/// One database, and what it should say.
class pair_of_worlds {
public:
    explicit pair_of_worlds(std::uint64_t seed) : random_(seed), crash_(seed * 1'000) { open(); }

    void step() {
        if (random_.below(15) == 0) open();
        if (random_.below(15) == 0) REQUIRE(db_->checkpoint());
        const auto name = some_name();
        switch (random_.below(6)) {
            case 0: create(name); break;
            case 1: drop(name); break;
            case 2: annotate(name); break;
            default: change_aliases(); break;
        }
        compare();
    }

private:
    [[nodiscard]] std::string some_name() { return std::string(1, static_cast<char>('a' + random_.below(5))); }

    void open() {
        if (db_) {
            gate_->close();
            disk_.files->crash(++crash_);
        }
        db_.reset();
        gate_ = std::make_shared<gated_table_store>(disk_.tables);
        db_ = vs::database::open("db", quiet(), {disk_.files, gate_}).value();
    }
    void create(const std::string& name) {
        const bool free = !collections_.contains(name) && !aliases_.contains(name);
        REQUIRE(db_->create_collection(name, one_vector(2)).has_value() == free);
        if (free) collections_[name] = {};
    }
    void drop(const std::string& name) {
        const bool there = collections_.contains(name);
        REQUIRE(db_->drop_collection(name).has_value() == there);
        if (!there) return;
        collections_.erase(name);
        std::erase_if(aliases_, [&](const auto& entry) { return entry.second == name; });
    }
    void annotate(const std::string& name) {
        auto opened = db_->open_collection(name);
        const auto alias = aliases_.find(name);
        const auto found = collections_.find(alias == aliases_.end() ? name : alias->second);
        REQUIRE(opened.has_value() == (found != collections_.end()));
        if (!opened) return;
        const auto key = some_name();
        const auto number = static_cast<std::int64_t>(random_.below(100));
        REQUIRE(opened->set_metadata({{key, number}}));
        found->second.metadata[key] = number;
        const auto model = some_name();
        const bool fits = found->second.model.empty() || found->second.model == model;
        REQUIRE(opened->set_model("", model).has_value() == fits);
        if (fits) found->second.model = model;
    }
    void change_aliases() {
        std::vector<alias_action> actions;
        auto wanted = aliases_;
        bool right = true;
        for (auto left = 1 + random_.below(3); left > 0; --left) {
            const auto from = some_name(), to = some_name();
            switch (random_.below(3)) {
                case 0:
                    actions.push_back(alias_action::create(from, to));
                    right = right && !collections_.contains(from) && collections_.contains(to);
                    wanted[from] = to;
                    break;
                case 1:
                    actions.push_back(alias_action::erase(from));
                    wanted.erase(from);
                    break;
                default: {
                    actions.push_back(alias_action::rename(from, to));
                    right = right && !collections_.contains(to) && wanted.contains(from);
                    if (!right) break;
                    const auto meant = wanted.at(from);
                    wanted.erase(from);
                    wanted[to] = meant;
                }
            }
        }
        REQUIRE(db_->update_aliases(actions).has_value() == right);
        if (right) aliases_ = wanted;
    }
    void compare() {
        std::map<std::string, std::string> listed;
        for (const auto& [alias, collection] : db_->list_aliases().value()) listed[alias] = collection;
        REQUIRE(listed == aliases_);
        REQUIRE(db_->list_collections().value().size() == collections_.size());
        for (const auto& [name, wanted] : collections_) {
            const auto options = db_->describe(name).value().options;
            REQUIRE(options.vectors.front().model == wanted.model);
            REQUIRE(options.metadata.size() == wanted.metadata.size());
            for (const auto& [key, number] : wanted.metadata) REQUIRE(options.metadata[key].int64_or(-1) == number);
        }
        for (const auto& [alias, collection] : aliases_)
            REQUIRE(db_->open_collection(alias).value().name() == collection);
    }

    vs::random_source random_;
    std::uint64_t crash_;
    memory_disk disk_;
    std::shared_ptr<gated_table_store> gate_;
    std::optional<vs::database> db_;
    std::map<std::string, known_collection> collections_;
    std::map<std::string, std::string> aliases_;
};

}  // namespace

TEST_CASE("model: aliases, metadata and models agree with maps, across power cuts", "[model]") {
    const char* given = std::getenv("VECSTORE_SEED");
    const auto base = given != nullptr ? std::strtoull(given, nullptr, 10) : 20'240;
    for (auto seed = base; seed < base + 10; ++seed) {
        INFO("VECSTORE_SEED=" << seed);
        pair_of_worlds worlds(seed);
        for (int step = 0; step < 150; ++step) {
            INFO("step " << step);
            worlds.step();
        }
    }
}
