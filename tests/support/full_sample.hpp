/// A database on disk with something of everything, to be damaged.
/// Thread safety: belongs to one thread.
#pragma once

#include "support/damage.hpp"
#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/database/check.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace vecstore::test {

/// Two collections, a part with a graph, dead rows, edits, and writes that are in the log alone.
struct full_sample {
    temporary_directory directory;
    explicit full_sample(const database_options& options = quiet()) {
        random_source random(5);
        auto db = database::open(path(), options).value();
        auto large = db.create_collection("large", one_vector(6)).value();
        auto small = db.create_collection("small", {{vector_of(3), vector_of(2, metric::cosine, "text")}}).value();
        write(large, random, 0, 2'500, 6);
        write(small, random, 0, 50, 3);
        (void)large.erase({1, 2, 3}).value();
        db.optimize().value();
        write(large, random, 2'400, 200, 6);
        (void)small.set_payload({4, 5}, {{"n", 99}}).value();
        (void)small.erase({7}).value();
        db.checkpoint().value();
        write(small, random, 100, 5, 3);
        (void)small.erase({100}).value();
        std::filesystem::copy(path(), directory / "copy",
                              std::filesystem::copy_options::recursive);  // as a killed process leaves it
        db.close().value();
        std::filesystem::remove_all(path());
        std::filesystem::rename(directory / "copy", path());
    }
    static void write(collection& c, random_source& random, std::uint64_t first, std::size_t count, std::size_t dim) {
        std::vector<point> points;
        for (std::size_t i = 0; i < count; ++i)
            points.push_back(make_point(first + i, random_vector(random, dim), {{"n", i % 7}, {"t", "some text"}}));
        (void)c.upsert(points).value();
    }
    [[nodiscard]] std::string path() const { return directory / "db"; }
    /// A fresh copy to damage.
    [[nodiscard]] std::string copy() const {
        copy_store(path(), directory / "damaged");
        return directory / "damaged";
    }
};

[[nodiscard]] inline bool has(const check_report& report, finding_kind kind) {
    return std::any_of(report.findings.begin(), report.findings.end(), [&](const auto& f) { return f.kind == kind; });
}

[[nodiscard]] inline std::string texts(const check_report& report) {
    std::string all;
    for (const auto& f : report.findings) all += f.text() + "\n";
    return all;
}

}  // namespace vecstore::test
