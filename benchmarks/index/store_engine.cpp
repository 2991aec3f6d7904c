// The whole store as an engine of ann_bench: what database and collection cost on top of the bare index.
#include "engine.hpp"

#include <vecstore/vecstore.hpp>

#include <algorithm>
#include <atomic>
#include <filesystem>

namespace vecstore::bench {

namespace {

class store_engine final : public engine {
public:
    explicit store_engine(const engine_options& options) : options_(options) {}
    [[nodiscard]] std::string name() const override { return "store"; }

    void build(const matrix<float>& base, std::size_t threads) override {
        constexpr std::size_t batch = 256;
        std::filesystem::remove_all(options_.directory);
        database_.emplace(
            database::open(options_.directory, {.build_threads = static_cast<unsigned>(threads)}).value());
        points_.emplace(database_
                            ->create_collection("points", {.vectors = {{.dim = options_.dim,
                                                                        .metric = options_.metric,
                                                                        .m = options_.m,
                                                                        .ef_construct = options_.ef_construct}}})
                            .value());
        for (std::size_t first = 0; first < base.rows; first += batch) {
            std::vector<point> points;
            for (auto i = first; i < std::min(first + batch, base.rows); ++i)
                points.push_back({.id = i, .vector = {base.row(i), base.row(i) + base.dim}});
            points_->upsert(points).value();
        }
        database_->optimize().value();
    }
    std::size_t search(const float* query, std::size_t k, std::size_t ef, std::uint32_t* out) override {
        const auto found =
            points_->query({.nearest = {query, query + options_.dim}, .limit = k, .with_payload = false, .ef = ef})
                .value();
        std::transform(found.begin(), found.end(), out,
                       [](const hit& h) { return static_cast<std::uint32_t>(h.id.number()); });
        distances_.fetch_add(found.plan.distances, std::memory_order_relaxed);
        return found.size();
    }
    [[nodiscard]] double bytes_per_vector() const override {
        const auto info = points_->info().value();
        return static_cast<double>(info.mapped_bytes + info.memtable_bytes + info.overlay_bytes) /
               static_cast<double>(std::max<std::size_t>(info.points, 1));
    }
    [[nodiscard]] std::uint64_t distances() const override { return distances_.load(std::memory_order_relaxed); }

private:
    engine_options options_;
    std::optional<database> database_;
    std::optional<collection> points_;
    std::atomic<std::uint64_t> distances_{0};
};

}  // namespace

std::unique_ptr<engine> make_store(const engine_options& options) { return std::make_unique<store_engine>(options); }

}  // namespace vecstore::bench
