#include <vecstore/filter/expression.hpp>
#include <vecstore/payload/path.hpp>

#include <cmath>

namespace vecstore::filter {
namespace {

template <class... Cases>
struct overloaded : Cases... {
    using Cases::operator()...;
};
template <class... Cases>
overloaded(Cases...) -> overloaded<Cases...>;

class validator {
public:
    result<void> check(const expression& e, const std::string& place, std::size_t depth) {
        if (depth > filter_depth_max)
            return invalid_argument(place + ": nested deeper than " + std::to_string(filter_depth_max));
        VECSTORE_CHECK(check(e.must, place + ".must", depth));
        VECSTORE_CHECK(check(e.should, place + ".should", depth));
        VECSTORE_CHECK(check(e.must_not, place + ".must_not", depth));
        for (const auto& quorum : e.at_least) {
            if (quorum.min_count == 0)
                return invalid_argument(place + ".min_should.min_count: value 0 invalid, must be 1 or larger");
            // Counted even when its list is empty, so that the limit bounds the whole tree.
            VECSTORE_CHECK(count(place));
            VECSTORE_CHECK(check(quorum.conditions, place + ".min_should.conditions", depth));
        }
        return {};
    }

private:
    result<void> check(const std::vector<condition>& list, const std::string& place, std::size_t depth) {
        for (std::size_t i = 0; i < list.size(); ++i) {
            const auto here = place + "[" + std::to_string(i) + "]";
            VECSTORE_CHECK(count(here));
            VECSTORE_CHECK(
                std::visit(overloaded{
                               [&](const field_condition& f) { return check(f, here); },
                               [&](const has_id_condition& h) { return check_size(h.ids.size(), here + ".has_id"); },
                               [&](const expression& e) { return check(e, here, depth + 1); },
                           },
                           list[i].content));
        }
        return {};
    }

    result<void> count(const std::string& place) {
        if (++condition_count_ <= filter_conditions_max) return {};
        return invalid_argument(place + ": more than " + std::to_string(filter_conditions_max) + " conditions");
    }

    static result<void> check(const field_condition& f, const std::string& place) {
        if (f.key.empty()) return invalid_argument(place + ".key: must not be empty");
        if (const auto parsed = payload::path::parse(f.key); !parsed)
            return invalid_argument(place + ".key: " + parsed.error().message);
        const auto list_size = [](const auto& list) { return list.size(); };
        if (const auto* any = std::get_if<match_any>(&f.test))
            return check_size(std::visit(list_size, any->values), place + ".match.any");
        if (const auto* except = std::get_if<match_except>(&f.test))
            return check_size(std::visit(list_size, except->values), place + ".match.except");
        if (const auto* bounds = std::get_if<range>(&f.test))
            for (const auto& bound : {bounds->gt, bounds->gte, bounds->lt, bounds->lte})
                if (bound && !std::isfinite(*bound)) return invalid_argument(place + ".range: a bound is not finite");
        return {};
    }

    static result<void> check_size(std::size_t values, const std::string& place) {
        if (values <= filter_values_max) return {};
        return invalid_argument(place + ": " + std::to_string(values) + " values, must be at most " +
                                std::to_string(filter_values_max));
    }

    std::size_t condition_count_ = 0;
};

}  // namespace

result<void> validate(const expression& filter) { return validator().check(filter, "filter", 1); }

}  // namespace vecstore::filter
