// Random batches over two collections, with conditions and with names, on a database and on two maps.
#include "support/gated_table_store.hpp"
#include "support/store.hpp"

#include <vecstore/database/write_batch.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <cstdlib>
#include <map>
#include <optional>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::update_mode;

namespace {

struct known_point {
    std::int64_t k = 0;
    std::uint64_t version = 0;  ///< `fresh`: changed by the batch under way
};
using model = std::map<std::uint64_t, known_point>;
constexpr std::uint64_t fresh = ~std::uint64_t{0} - 1;

/// One database, and what it should hold.
class pair_of_worlds {
public:
    explicit pair_of_worlds(std::uint64_t seed) : random_(seed), crash_(seed * 1'000) {
        open();
        REQUIRE(db_->create_collection("a", one_vector(2)));
        REQUIRE(db_->create_collection("b", one_vector(2)));
    }

    void step() {
        if (random_.below(25) == 0) open();
        if (random_.below(15) == 0) REQUIRE(db_->checkpoint());
        auto wanted = models_;
        bool refused = false;
        std::size_t points = 0, skipped = 0;
        vs::write_options options;
        if (random_.below(2) == 0) options.operation_id = vs::write_id{9, ++names_};
        const auto written = [&] {  // its handles would keep the database open
            const vs::collection targets[] = {db_->open_collection("a").value(), db_->open_collection("b").value()};
            vs::write_batch batch;
            for (auto left = 1 + random_.below(5); left > 0; --left) {
                const auto t = random_.below(2);
                add(batch, targets[t], wanted[t], refused, points, skipped);
            }
            return db_->write(batch, options);
        }();
        if (refused) {
            REQUIRE(code_of(written) == vs::errc::conflict);
            return;
        }
        if (!written) FAIL(written.error().what());
        REQUIRE(written->points == points);
        REQUIRE(written->skipped == skipped);
        models_ = wanted;
        if (options.operation_id) {
            if (random_.below(2) == 0) open();
            const auto again = db_->write({}, options).value();  // whatever it says now
            REQUIRE(again.repeated);
            REQUIRE(again.lsn == written->lsn);
            REQUIRE(again.points == points);
        }
        compare();
    }

private:
    void open() {
        if (db_ && random_.below(2) == 0) {
            gate_->close();
            disk_.files->crash(++crash_);
        }
        db_.reset();
        gate_ = std::make_shared<gated_table_store>(disk_.tables);
        db_ = vs::database::open("db", quiet(), {disk_.files, gate_}).value();
    }
    /// A random entry, here and there.
    void add(vs::write_batch& batch, const vs::collection& to, model& wanted, bool& refused, std::size_t& points,
             std::size_t& skipped) {
        const std::uint64_t id = random_.below(12);
        const auto found = wanted.find(id);
        const bool exists = found != wanted.end();
        const auto version = exists ? found->second.version : 0;
        vs::write_condition condition;
        if (random_.below(2) == 0) condition.when_unmet = vs::unmet::skip;
        bool met = true;
        if (random_.below(3) == 0) {
            const auto asked = random_.below(4) == 0 ? random_.below(30) : version;
            condition.if_versions = {asked};
            met = asked == version && asked != fresh;
        }
        const auto kind = random_.below(4);
        const auto k = static_cast<std::int64_t>(random_.below(1'000));
        if (kind <= 1) {
            condition.mode = static_cast<update_mode>(random_.below(3));
            met = met && (condition.mode != update_mode::insert_only || !exists) &&
                  (condition.mode != update_mode::update_only || exists);
            batch.upsert(to, {make_point(id, {1, 2}, {{"k", k}})}, condition);
        } else if (kind == 2) {
            batch.erase(to, {id}, condition);
        } else {
            if (!exists) return;
            batch.set_payload(to, {id}, {{"k", k}}, condition);
        }
        if (!met) {
            refused = refused || condition.when_unmet == vs::unmet::fail;
            ++skipped;
            return;
        }
        points += kind != 2 || exists;
        if (kind == 2)
            wanted.erase(id);
        else
            wanted[id] = {k, fresh};
    }
    void compare() {
        for (const std::string name : {"a", "b"}) {
            auto& wanted = models_[name == "b" ? 1 : 0];
            const auto docs = db_->open_collection(name).value();
            REQUIRE(docs.count().value() == wanted.size());
            for (auto& [id, point] : wanted) {
                const auto found = docs.get(id).value();
                REQUIRE(found.payload["k"].int64_or(-1) == point.k);
                if (point.version != fresh) REQUIRE(found.version == point.version);
                point.version = found.version;
            }
        }
    }

    vs::random_source random_;
    std::uint64_t crash_;
    std::uint64_t names_ = 0;
    memory_disk disk_;
    std::shared_ptr<gated_table_store> gate_;
    std::optional<vs::database> db_;
    std::array<model, 2> models_;
};

}  // namespace

TEST_CASE("model: batches over two collections, conditions and repeated writes agree with maps", "[model]") {
    const char* given = std::getenv("VECSTORE_SEED");
    const auto base = given != nullptr ? std::strtoull(given, nullptr, 10) : 20'240;
    for (auto seed = base; seed < base + 10; ++seed) {
        INFO("VECSTORE_SEED=" << seed);
        pair_of_worlds worlds(seed);
        for (int step = 0; step < 200; ++step) worlds.step();
    }
}
