/// What tests of collections and databases share: short ways to write points and options, and a disk in memory that
/// outlives the databases on it.
/// Thread safety: as the objects inside.
#pragma once

#include <vecstore/core/random.hpp>
#include <vecstore/database/database.hpp>
#include <vecstore/storage/memory_file_system.hpp>
#include <vecstore/storage/memory_table_store.hpp>

#include <collection/tables.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace vecstore::test {

[[nodiscard]] inline vector_options vector_of(std::size_t dim, metric m = metric::euclid, std::string name = "") {
    vector_options options;
    options.name = std::move(name);
    options.dim = dim;
    options.metric = m;
    options.m = 8;
    options.ef_construct = 40;
    return options;
}

[[nodiscard]] inline collection_options one_vector(std::size_t dim, metric m = metric::euclid) {
    return {{vector_of(dim, m)}};
}

[[nodiscard]] inline point make_point(point_id id, std::vector<float> vector, payload::document payload = {}) {
    point p;
    p.id = id;
    p.vector = std::move(vector);
    p.payload = std::move(payload);
    return p;
}

[[nodiscard]] inline query nearest_to(std::vector<float> vector, std::size_t limit = 10,
                                      filter::expression filter = {}) {
    query q;
    q.nearest = std::move(vector);
    q.limit = limit;
    q.filter = std::move(filter);
    return q;
}

[[nodiscard]] inline std::vector<float> random_vector(random_source& random, std::size_t dim) {
    std::vector<float> vector(dim);
    for (auto& x : vector) x = static_cast<float>(2 * random.unit() - 1);
    return vector;
}

/// Points with ids from `first` on, three random numbers, and the id once more as field "n".
[[nodiscard]] inline std::vector<point> numbered_points(std::uint64_t first, std::size_t count) {
    random_source random(first);
    std::vector<point> points;
    for (std::size_t i = 0; i < count; ++i)
        points.push_back(make_point(first + i, random_vector(random, 3), {{"n", first + i}}));
    return points;
}

/// The UUID whose bytes are all `byte`.
[[nodiscard]] inline uuid uuid_of(std::uint8_t byte) {
    uuid id;
    id.bytes.fill(byte);
    return id;
}

/// No thread of its own, so that a test decides what happens when.
[[nodiscard]] inline database_options quiet() {
    database_options options;
    options.background_threads = 0;
    return options;
}

/// Files and tables in memory that outlive the databases opened on them.
struct memory_disk {
    std::shared_ptr<storage::memory_file_system> files = std::make_shared<storage::memory_file_system>();
    std::shared_ptr<storage::table_store> tables = storage::make_memory_table_store(detail::tables::names());

    [[nodiscard]] database_environment environment() const { return {files, tables}; }
    [[nodiscard]] result<database> open(const database_options& options = quiet()) const {
        return database::open("db", options, environment());
    }
};

/// The code of a result's error; `errc{}` when it has none.
template <class T>
[[nodiscard]] errc code_of(const result<T>& outcome) {
    return outcome ? errc{} : outcome.error().code;
}

}  // namespace vecstore::test
