/// A formula made ready to be asked about many points: paths parsed, conditions compiled, defaults in place.
/// Thread safety: immutable; any number of threads.
#pragma once

#include <vecstore/collection/query/formula.hpp>
#include <vecstore/filter/evaluate.hpp>
#include <vecstore/payload/path.hpp>

#include <collection/lookup.hpp>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace vecstore::detail {

using filter_compiler = std::function<result<filter::compiled>(const filter::expression&)>;
[[nodiscard]] inline result<filter::compiled> compile_plain(const filter::expression& filter) {
    return filter::compiled::compile(filter);
}

class ready_formula {
public:
    /// Errors: invalid_argument, with the place: `formula.sum[1].exp_decay.scale: ...`.
    /// `compile`: what conditions are compiled with; by default as fields without an index mean them.
    [[nodiscard]] static result<ready_formula> make(const formula& f, const filter_compiler& compile = compile_plain);

    /// The score of a point; `scores`: what it has in each prefetch; `vectors`: for conditions about them.
    /// Errors: invalid_argument (a value is missing or of another kind, a result is not finite), which names the point.
    [[nodiscard]] result<float> operator()(const point_ref& point, std::span<const std::optional<float>> scores,
                                           filter::vector_presence vectors) const;

private:
    struct node {
        scoring::operation what;
        double number = 0;  ///< a constant; of decays, the factor of the distance in their formula
        std::size_t index = 0;
        std::string key = {};
        std::optional<payload::path> path = {};
        geo_point origin = {};
        filter::compiled matches = {};
        std::vector<node> operands = {};
        std::optional<double> by_zero = {};
        payload::value fallback = {};  ///< the default; null = none
    };
    class maker;
    class evaluation;

    explicit ready_formula(node root) : root_(std::move(root)) {}
    node root_;
};

}  // namespace vecstore::detail
