/// What the process that kill9 kills writes, as a function of thread and step, so that the campaign knows what must be
/// there. One step is one write: five new batches, then a part of one erased, one edited, one written anew, and so on.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/collection/collection.hpp>
#include <vecstore/core/random.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace vecstore::test {

/// Told through a pipe, in one write, when a step was acknowledged.
struct told_step {
    std::uint64_t thread = 0;
    std::uint64_t step = 0;
};

class killed_writer {
public:
    static constexpr std::uint64_t batch_points = 20;
    static constexpr std::size_t dim = 4;
    static constexpr std::uint64_t cycle = 8;  ///< steps after which it begins again

    killed_writer(std::uint64_t thread, std::uint64_t step) : thread_(thread), step_(step) {}

    [[nodiscard]] result<void> run(collection& docs, const write_options& how) const {
        switch (step_ % cycle) {
            case 5: VECSTORE_CHECK(docs.erase(half_of(step_ - 5), how)); return {};
            case 6: VECSTORE_CHECK(docs.set_payload(ids_of(step_ - 5), edit(), how)); return {};
            case 7: VECSTORE_CHECK(docs.upsert(batch(step_ - 5), how)); return {};
            default: VECSTORE_CHECK(docs.upsert(batch(step_), how)); return {};
        }
    }
    /// The same, on what the thread's points should be.
    void predict(std::map<point_id, point>& points) const {
        switch (step_ % cycle) {
            case 5:
                for (const auto& id : half_of(step_ - 5)) points.erase(id);
                break;
            case 6:
                for (const auto& id : ids_of(step_ - 5))
                    for (const auto& [key, value] : edit()) points.at(id).payload.set(key, value);
                break;
            case 7: insert(points, batch(step_ - 5)); break;
            default: insert(points, batch(step_)); break;
        }
    }
    [[nodiscard]] static std::uint64_t thread_of(const point_id& id) { return id.number() >> 32; }
    /// The step that first wrote a point.
    [[nodiscard]] static std::uint64_t step_of(const point_id& id) {
        return (id.number() & 0xFFFF'FFFF) / batch_points;
    }

private:
    static void insert(std::map<point_id, point>& points, const std::vector<point>& added) {
        for (const auto& p : added) points.insert_or_assign(p.id, p);
    }
    [[nodiscard]] point_id id(std::uint64_t number, std::uint64_t i) const {
        return (thread_ << 32) + number * batch_points + i;
    }
    [[nodiscard]] std::vector<point_id> ids_of(std::uint64_t number) const {
        std::vector<point_id> ids;
        for (std::uint64_t i = 0; i < batch_points; ++i) ids.push_back(id(number, i));
        return ids;
    }
    [[nodiscard]] std::vector<point_id> half_of(std::uint64_t number) const {
        auto ids = ids_of(number);
        ids.resize(ids.size() / 2);
        return ids;
    }
    [[nodiscard]] payload::document edit() const { return {{"edited", step_}}; }
    [[nodiscard]] std::vector<point> batch(std::uint64_t number) const {
        std::vector<point> points;
        for (std::uint64_t i = 0; i < batch_points; ++i) {
            point p;
            p.id = id(number, i);
            random_source random(mix64(thread_ * 1'000'003 + step_) + i);
            for (std::size_t d = 0; d < dim; ++d) p.vector.push_back(static_cast<float>(random.unit()));
            p.payload = {{"step", step_}, {"text", std::string(random.below(100), 'x')}};
            points.push_back(std::move(p));
        }
        return points;
    }

    std::uint64_t thread_;
    std::uint64_t step_;
};

[[nodiscard]] inline collection_options killed_writer_options() {
    vector_options options;
    options.dim = killed_writer::dim;
    options.metric = metric::euclid;
    return {{options}};
}

}  // namespace vecstore::test
