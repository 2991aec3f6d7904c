// The whole store as an engine of ann_bench: what database and collection cost on top of the bare index.
#include "engine.hpp"

#include <vecstore/vecstore.hpp>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <optional>

namespace vecstore::bench {

namespace {

/// The one place where the bench's options become the collection's.
vector_options vector_options_of(const engine_options& options) {
    const auto index = parse_index_kind(options.index == "auto" ? "automatic" : options.index);
    const auto quantization = parse_quantization_kind(options.quantization);
    if (!index || !quantization)
        throw unsupported("--index store:" + options.index + "/" + options.quantization + " is unknown");
    return {.dim = options.dim,
            .metric = options.metric,
            .m = options.m,
            .ef_construct = options.ef_construct,
            .type = options.type,
            .index = *index,
            .quantization = *quantization,
            .on_disk = options.on_disk};
}

class store_engine final : public engine {
public:
    explicit store_engine(const engine_options& options) : options_(options), vectors_(vector_options_of(options)) {}
    [[nodiscard]] std::string name() const override { return "store"; }

    void build(const matrix<float>& base, std::size_t threads) override {
        std::filesystem::remove_all(options_.directory);
        std::filesystem::create_directories(std::filesystem::path(options_.directory).parent_path());
        database_.emplace(database::open(options_.directory, {.background_threads = options_.background ? 1u : 0u,
                                                              .build_threads = static_cast<unsigned>(threads)})
                              .value());
        points_.emplace(database_->create_collection("points", {.vectors = {vectors_}}).value());
        constexpr std::size_t batch = 256;
        for (std::size_t first = 0; first < base.rows; first += batch)
            insert(base.row(first), std::min(batch, base.rows - first));
        database_->optimize().value();
    }
    /// Opens what a former run left in the directory, if it is whole; `path` means nothing here.
    bool load(const std::string&) override {
        if (!std::filesystem::exists(options_.directory)) return false;
        auto opened =
            database::open(options_.directory, {.create = false, .background_threads = options_.background ? 1u : 0u});
        if (!opened) return false;
        auto points = opened->open_collection("points");
        if (!points) return false;
        const auto info = points->info();
        if (!info || info->points != options_.rows || info->rows_indexed != options_.rows) return false;
        if (info->options.vectors != std::vector<vector_options>{vectors_}) return false;
        database_.emplace(std::move(*opened));
        points_.emplace(std::move(*points));
        next_id_ = options_.rows;
        return true;
    }
    bool save(const std::string&) override { return true; }
    bool insert(const float* rows, std::size_t count) override {
        std::vector<point> points;
        for (std::size_t i = 0; i < count; ++i)
            points.push_back({.id = next_id_++, .vector = {rows + i * options_.dim, rows + (i + 1) * options_.dim}});
        points_->upsert(points).value();
        return true;
    }
    bool replace(const std::uint32_t* numbers, const float* rows, std::size_t count) override {
        std::vector<point> points;
        for (std::size_t i = 0; i < count; ++i)
            points.push_back({.id = numbers[i], .vector = {rows + i * options_.dim, rows + (i + 1) * options_.dim}});
        points_->upsert(points).value();
        return true;
    }
    void settle() override { database_->optimize().value(); }
    bool ask_recall(double recall) override {
        recall_ = recall;
        return true;
    }
    std::size_t search(const float* query, std::size_t k, std::size_t ef, std::uint32_t* out) override {
        const auto found = points_->query(question(query, k, ef)).value();
        write(found, out);
        return found.size();
    }
    void search_many(const float* queries, std::size_t dim, std::size_t count, std::size_t k, std::size_t ef,
                     std::uint32_t* out, std::size_t* counts) override {
        std::vector<vecstore::query> questions;
        for (std::size_t i = 0; i < count; ++i) questions.push_back(question(queries + i * dim, k, ef));
        const auto found = points_->query_batch(questions).value();
        for (std::size_t i = 0; i < count; ++i) {
            write(found[i], out + i * k);
            counts[i] = found[i].size();
        }
    }
    [[nodiscard]] double bytes_per_vector() const override {
        // Ids come with the rows, so the tables of ids and payloads are not read.
        return points_->info().value().bytes_per_point();
    }
    [[nodiscard]] std::uint64_t distances() const override { return distances_.load(std::memory_order_relaxed); }

private:
    [[nodiscard]] vecstore::query question(const float* query, std::size_t k, std::size_t ef) const {
        vecstore::query q{.nearest = {query, query + options_.dim}, .limit = k, .with_payload = false};
        if (recall_ > 0)
            q.recall = recall_;
        else
            q.ef = ef;
        return q;
    }
    void write(const query_result& found, std::uint32_t* out) {
        std::transform(found.begin(), found.end(), out,
                       [](const hit& h) { return static_cast<std::uint32_t>(h.id.number()); });
        distances_.fetch_add(found.plan.distances, std::memory_order_relaxed);
    }

    engine_options options_;
    vector_options vectors_;
    std::optional<database> database_;
    std::optional<collection> points_;
    std::uint64_t next_id_ = 0;
    double recall_ = 0;
    std::atomic<std::uint64_t> distances_{0};
};

}  // namespace

std::unique_ptr<engine> make_store(const engine_options& options) { return std::make_unique<store_engine>(options); }

}  // namespace vecstore::bench
