/// Random operations on a database, each in two forms: what it does to the database, and what it should do to a world
/// of oracles. Everything follows from the seed.
/// Thread safety: belongs to one thread.
#pragma once

#include "support/oracle.hpp"
#include "support/store.hpp"

#include <vecstore/database/write_batch.hpp>
#include <vecstore/filter/dsl.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace vecstore::test {

/// Collections by name.
using world = std::map<std::string, oracle>;

struct random_operation {
    std::string text;
    bool writes = true;  ///< false: upkeep, which changes nothing that can be seen
    std::function<result<void>(database&)> run;
    std::function<void(world&)> predict = [](world&) {};
};

/// Drops the value of a result.
template <class T>
[[nodiscard]] result<void> outcome_of(result<T> outcome) {
    if (!outcome) return std::move(outcome).error();
    return {};
}

struct workload_options {
    bool ddl = true;
    bool upkeep = true;           ///< checkpoint, optimize, flush
    bool fields = true;           ///< creates and drops payload indexes
    std::size_t bulk_points = 0;  ///< now and then so many at once (enough for a graph); 0 = never
    durability sync = durability::sync;
};

class workload {
public:
    explicit workload(std::uint64_t seed, workload_options options = {}) : random_(seed), options_(options) {}

    [[nodiscard]] random_source& random() noexcept { return random_; }

    [[nodiscard]] random_operation next(const world& now) {
        if (now.empty()) return create("a");
        const auto kind = random_.below(100);
        if (options_.ddl && kind < 4) {
            const std::string name(1, static_cast<char>('a' + random_.below(3)));
            return now.contains(name) ? drop(name) : create(name);
        }
        if (options_.upkeep && kind < 14) return upkeep();
        if (options_.fields && random_.below(25) == 0) return index_or_drop(now);
        auto chosen = now.begin();
        std::advance(chosen, static_cast<std::ptrdiff_t>(random_.below(now.size())));
        const auto& [name, points] = *chosen;
        if (options_.bulk_points > 0 && kind < 17) return upsert(name, points.options(), bulk(points.options()));
        if (kind < 24 && now.size() > 1) return batch_of_all(now);
        if (kind < 60) return upsert(name, points.options(), batch(points.options()));
        if (kind < 72) return erase(name, points);
        if (kind < 84 && !points.options().vectors.empty()) return change_vectors(name, points);
        return edit(name, points);
    }
    [[nodiscard]] random_operation create(const std::string& name) {
        const auto options = some_options();
        return {"create " + name, true, [=](database& db) { return outcome_of(db.create_collection(name, options)); },
                [=](world& w) { w.insert_or_assign(name, oracle(options)); }};
    }
    /// A filter that some points match.
    [[nodiscard]] twin_filter filter() {
        const auto k = static_cast<std::int64_t>(random_.below(5));
        switch (random_.below(6)) {
            case 0: return {field("k") == k, [k](const point& p) { return p.payload["k"].int64_or(-1) == k; }};
            case 5: {
                const auto other = static_cast<std::int64_t>(random_.below(5));
                filter::expression both = field("k").any_of({k, other});
                both.must.push_back(filter::condition{filter::field_condition{"extra", filter::is_empty{false}}});
                return {both, [=](const point& p) {
                            const auto found = p.payload["k"].int64_or(-1);
                            return (found == k || found == other) && !p.payload["extra"].is_null();
                        }};
            }
            case 1: {
                const auto bound = random_.unit() * 10;
                return {field("x") >= bound && field("k") != k, [=](const point& p) {
                            return p.payload["x"].double_or(-1) >= bound && p.payload["k"].int64_or(-1) != k;
                        }};
            }
            case 2: return {field("extra").is_empty(), [](const point& p) { return p.payload["extra"].is_null(); }};
            case 3: {
                const auto ids = some_ids();
                return {has_id(ids),
                        [ids](const point& p) { return std::find(ids.begin(), ids.end(), p.id) != ids.end(); }};
            }
            default: return {};
        }
    }

private:
    [[nodiscard]] collection_options some_options() {
        constexpr metric metrics[] = {metric::cosine, metric::dot, metric::euclid, metric::manhattan};
        collection_options options;
        if (random_.below(8) != 0)
            options.vectors.push_back(vector_of(1 + random_.below(6), metrics[random_.below(4)]));
        if (random_.below(2) == 0)
            options.vectors.push_back(vector_of(17 + random_.below(3), metrics[random_.below(4)], "text"));
        if (random_.below(3) == 0) options.sparse_vectors = {{.name = "sparse"}};
        return options;
    }
    [[nodiscard]] point_id some_id() {
        if (random_.below(5) == 0) return uuid_of(static_cast<std::uint8_t>(random_.below(12)));
        return static_cast<std::uint64_t>(random_.below(60));
    }
    [[nodiscard]] std::vector<point_id> some_ids() {
        std::vector<point_id> ids;
        for (auto left = 1 + random_.below(6); left > 0; --left) ids.push_back(some_id());
        return ids;
    }
    [[nodiscard]] sparse_value some_sparse() {
        sparse_value value;
        for (std::uint32_t index = 0; index < 8; ++index) {
            if (random_.below(3) != 0) continue;
            value.indices.push_back(index * index);
            value.values.push_back(static_cast<float>(random_.below(9)) * 0.25f - 1);
        }
        return value;
    }
    [[nodiscard]] point some_point(const collection_options& options, point_id id) {
        auto p = make_point(id, {});
        for (const auto& vector : options.vectors) {
            if (random_.below(6) == 0) continue;
            auto values = random_vector(random_, vector.dim);
            values[0] += 2;  // never zero
            if (vector.name.empty())
                p.vector = std::move(values);
            else
                p.vectors.push_back({vector.name, std::move(values)});
        }
        for (const auto& vector : options.sparse_vectors)
            if (random_.below(6) != 0) p.sparse.push_back({vector.name, some_sparse()});
        if (random_.below(5) != 0) p.payload.set("k", random_.below(5));
        if (random_.below(3) != 0) p.payload.set("x", random_.unit() * 10);
        if (random_.below(4) == 0) p.payload.set("text", std::string(random_.below(200), 'x'));
        return p;
    }
    [[nodiscard]] std::vector<point> batch(const collection_options& options) {
        std::vector<point> points;
        for (auto left = 1 + random_.below(12); left > 0; --left) points.push_back(some_point(options, some_id()));
        return points;
    }
    [[nodiscard]] std::vector<point> bulk(const collection_options& options) {
        std::vector<point> points;
        for (std::size_t i = 0; i < options_.bulk_points; ++i) points.push_back(some_point(options, 1'000 + i));
        return points;
    }

    [[nodiscard]] static random_operation drop(const std::string& name) {
        return {"drop " + name, true, [=](database& db) { return db.drop_collection(name); },
                [=](world& w) { w.erase(name); }};
    }
    /// Of the fields that filters ask for; whether an index is there makes no difference.
    [[nodiscard]] random_operation index_or_drop(const world& now) {
        constexpr const char* paths[] = {"k", "x", "extra"};
        constexpr field_kind kinds[] = {field_kind::integer, field_kind::floating, field_kind::keyword};
        auto chosen = now.begin();
        std::advance(chosen, static_cast<std::ptrdiff_t>(random_.below(now.size())));
        const auto& name = chosen->first;
        const std::string path = paths[random_.below(3)];
        if (random_.below(4) == 0)
            return {"drop index of " + path + " in " + name, true, [=](database& db) -> result<void> {
                        VECSTORE_TRY(auto opened, db.open_collection(name));
                        auto dropped = opened.drop_field_index(path);
                        if (!dropped && dropped.error().code != errc::not_found) return std::move(dropped).error();
                        return {};
                    }};
        const auto kind = kinds[random_.below(3)];
        return {"index " + path + " in " + name, true,
                on(name, [=](collection& c) { return c.create_field_index(path, {.kind = kind}); })};
    }
    [[nodiscard]] random_operation upkeep() {
        switch (random_.below(4)) {
            case 0: return {"flush", false, [](database& db) { return db.flush(); }};
            case 1: return {"optimize", false, [](database& db) { return db.optimize(); }};
            default: return {"checkpoint", false, [](database& db) { return db.checkpoint(); }};
        }
    }
    /// `run` on the collection `name`.
    [[nodiscard]] static std::function<result<void>(database&)> on(
        const std::string& name, const std::function<result<write_result>(collection&)>& run) {
        return [=](database& db) -> result<void> {
            VECSTORE_TRY(auto opened, db.open_collection(name));
            return outcome_of(run(opened));
        };
    }
    [[nodiscard]] random_operation upsert(const std::string& name, const collection_options&,
                                          std::vector<point> points) {
        const write_options how{options_.sync};
        return {"upsert " + std::to_string(points.size()) + " into " + name, true,
                on(name, [=](collection& c) { return c.upsert(points, how); }),
                [=](world& w) { w.at(name).upsert(points); }};
    }
    /// One write batch over all collections.
    [[nodiscard]] random_operation batch_of_all(const world& now) {
        std::map<std::string, std::vector<point>> upserted;
        for (const auto& [name, points] : now) upserted[name] = batch(points.options());
        const write_options how{options_.sync};
        return {"batch", true,
                [=](database& db) -> result<void> {
                    write_batch all;
                    for (const auto& [name, points] : upserted) {
                        VECSTORE_TRY(const auto to, db.open_collection(name));
                        all.upsert(to, points);
                    }
                    return outcome_of(db.write(all, how));
                },
                [=](world& w) {
                    for (const auto& [name, points] : upserted) w.at(name).upsert(points);
                }};
    }
    /// Ids that exist, or a filter.
    [[nodiscard]] std::pair<point_selector, twin_filter> select(const oracle& points) {
        if (random_.below(3) == 0) {
            const auto twin = filter();
            return {point_selector(twin.expression), twin};
        }
        std::vector<point_id> ids;
        for (const auto& [id, p] : points.points())
            if (random_.below(points.points().size()) < 4) ids.push_back(id);
        return {point_selector(ids),
                {{}, [ids](const point& p) { return std::find(ids.begin(), ids.end(), p.id) != ids.end(); }}};
    }
    [[nodiscard]] random_operation erase(const std::string& name, const oracle& points) {
        const auto [selector, twin] = select(points);
        const write_options how{options_.sync};
        return {"erase from " + name, true, on(name, [=, s = selector](collection& c) { return c.erase(s, how); }),
                [=, t = twin](world& w) { w.at(name).erase(t); }};
    }
    /// Gives one vector of some points new values, or erases it.
    [[nodiscard]] random_operation change_vectors(const std::string& name, const oracle& points) {
        const auto& options = points.options().vectors[random_.below(points.options().vectors.size())];
        const write_options how{options_.sync};
        if (random_.below(3) == 0) {
            const auto [selector, twin] = select(points);
            return {
                "erase vectors in " + name, true,
                on(name, [=, s = selector, v = options.name](collection& c) { return c.erase_vectors(s, {v}, how); }),
                [=, t = twin, v = options.name](world& w) { w.at(name).set_vector(t, v, {}); }};
        }
        std::vector<point_vectors> changed;
        for (const auto& [id, p] : points.points()) {
            if (random_.below(points.points().size()) >= 3) continue;
            auto& one = changed.emplace_back();
            one.id = id;
            auto values = random_vector(random_, options.dim);
            values[0] += 2;
            if (options.name.empty())
                one.vector = std::move(values);
            else
                one.vectors.push_back({options.name, std::move(values)});
        }
        return {"update vectors in " + name, true,
                on(name, [=](collection& c) { return c.update_vectors(changed, how); }),
                [=, v = options.name](world& w) {
                    for (const auto& one : changed) {
                        const twin_filter that{{}, [&](const point& p) { return p.id == one.id; }};
                        w.at(name).set_vector(that, v, v.empty() ? one.vector : one.vectors.front().values);
                    }
                }};
    }
    [[nodiscard]] random_operation edit(const std::string& name, const oracle& points) {
        const auto [selector, twin] = select(points);
        const write_options how{options_.sync};
        const payload::document values{{"k", random_.below(5)}, {"extra", random_.below(100)}};
        std::function<result<write_result>(collection&)> run;
        std::function<void(payload::document&)> change;
        const auto kind = random_.below(5);
        if (kind == 4) {
            run = [=, s = selector](collection& c) { return c.set_payload_at(s, "deep.er", values, how); };
            change = [=](payload::document& d) {
                const auto& deep = d["deep"];
                auto outer = deep.is_object() ? *deep.if_object() : payload::document();
                const auto& deeper = outer["er"];
                auto inner = deeper.is_object() ? *deeper.if_object() : payload::document();
                for (const auto& [key, value] : values) inner.set(key, value);
                outer.set("er", std::move(inner));
                d.set("deep", std::move(outer));
            };
        } else if (kind == 0) {
            run = [=, s = selector](collection& c) { return c.set_payload(s, values, how); };
            change = [=](payload::document& d) {
                for (const auto& [key, value] : values) d.set(key, value);
            };
        } else if (kind == 1) {
            run = [=, s = selector](collection& c) { return c.overwrite_payload(s, values, how); };
            change = [=](payload::document& d) { d = values; };
        } else if (kind == 2) {
            run = [=, s = selector](collection& c) { return c.erase_payload(s, {"k", "absent"}, how); };
            change = [](payload::document& d) { (void)d.erase("k"); };
        } else {
            run = [=, s = selector](collection& c) { return c.clear_payload(s, how); };
            change = [](payload::document& d) { d.clear(); };
        }
        return {"edit " + std::to_string(kind) + " in " + name, true, on(name, run),
                [=, t = twin](world& w) { w.at(name).edit(t, change); }};
    }

    random_source random_;
    workload_options options_;
};

/// The first way in which the database differs from the world: names, points, counts, and answers to a few queries.
[[nodiscard]] inline std::string difference(database& db, const world& wanted, workload& source) {
    const auto names = db.list_collections();
    if (!names) return "list: " + names.error().what();
    std::vector<std::string> expected;
    for (const auto& [name, points] : wanted) expected.push_back(name);
    if (*names != expected) return "other collections";
    for (const auto& [name, points] : wanted) {
        const auto opened = db.open_collection(name);
        if (!opened) return name + ": " + opened.error().what();
        if (auto d = difference(*opened, points); !d.empty()) return name + ": " + d;
        const auto filter = source.filter();
        if (auto d = difference(*opened, points, filter); !d.empty()) return name + ": " + d;
        for (std::size_t slot = 0; slot < points.options().vectors.size(); ++slot) {
            auto nearest = random_vector(source.random(), points.options().vectors[slot].dim);
            nearest[0] += 2;
            const auto limit = 1 + source.random().below(20);
            if (auto d = difference(*opened, points, slot, nearest, limit, filter); !d.empty()) return name + ": " + d;
        }
        if (points.options().sparse_vectors.empty()) continue;
        const sparse_value nearest{{0, 4, 9, 49, 50}, {1, static_cast<float>(source.random().unit()), -1, 0, 1}};
        const auto limit = 1 + source.random().below(20);
        if (auto d = sparse_difference(*opened, points, nearest, limit, filter); !d.empty()) return name + ": " + d;
    }
    return {};
}

}  // namespace vecstore::test
